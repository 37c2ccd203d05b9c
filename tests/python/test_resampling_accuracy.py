"""Filters and rounding of the spectral resampler, beside soxr HQ's."""

from pathlib import Path

import numpy as np
import pytest
from resamplers import accuracy
from resamplers.accuracy import Accuracy
from resamplers.resample import SOXR, Samples, resampler_names
from resamplers.signals import RATES
from support import RecordProperty, melmill_path
from test_parity import make_channel, read_speech

MIN_REJECTION_DB = 125
MAX_PASS_BAND_DIFFERENCE = 1e-6
# Two roundings to single precision of the largest tap.
MAX_ASYMMETRY = 2.0**-22

at_every_rate = pytest.mark.parametrize("found", RATES, indirect=True)


@pytest.fixture(scope="module")
def speech(corpus: list[dict[str, str]]) -> list[Samples]:
    return [clip.astype(np.float32) for clip in read_speech(corpus, 4)]


@pytest.fixture(scope="module")
def found(
    request: pytest.FixtureRequest, speech: list[Samples]
) -> dict[str, Accuracy]:
    """Of soxr and of the best target, by these words."""
    rate: int = request.param
    program = Path(melmill_path()).parents[1] / "tests" / "resample_samples"
    names = [SOXR, resampler_names(program)[1]]
    voices = [make_channel(clip, rate, i) for i, clip in enumerate(speech)]
    measured = accuracy.measure(
        program, names, rate, np.concatenate(voices).astype(np.float32)
    )
    return dict(zip(["soxr", "ours"], measured, strict=True))


@at_every_rate
def test_nothing_passes_beyond_the_narrower_nyquist_frequency(
    found: dict[str, Accuracy], record_property: RecordProperty
) -> None:
    ours = found["ours"]
    record_property("stop band, dB", ours.response.stop_band_db())
    record_property("tones that must not pass, dB", ours.tones_db)
    assert ours.response.stop_band_db() <= -MIN_REJECTION_DB
    assert ours.tones_db <= -MIN_REJECTION_DB


@at_every_rate
def test_pass_band_is_soxrs(
    found: dict[str, Accuracy], record_property: RecordProperty
) -> None:
    difference = found["ours"].pass_band_difference
    record_property("difference in the pass band", difference)
    assert difference <= MAX_PASS_BAND_DIFFERENCE


@at_every_rate
def test_phase_is_linear(found: dict[str, Accuracy]) -> None:
    assert found["ours"].response.asymmetry() <= MAX_ASYMMETRY


@at_every_rate
def test_rounding_is_no_worse_than_soxrs(
    found: dict[str, Accuracy], record_property: RecordProperty
) -> None:
    ours, soxrs = (found[name].rms_errors for name in ("ours", "soxr"))
    for signal, error in ours.items():
        record_property(f"RMS error, {signal}", error)
        record_property(f"RMS error of soxr, {signal}", soxrs[signal])
    worse = [signal for signal in ours if ours[signal] > soxrs[signal]]
    assert not worse
