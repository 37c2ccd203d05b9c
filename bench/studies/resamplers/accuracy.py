"""How exact resamplers are, compared with soxr HQ: response and errors."""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from common.markdown import markdown

from resamplers.resample import (
    SOXR,
    TARGET_RATE_HZ,
    Float64,
    Samples,
    resample,
    soxr_float64,
)
from resamplers.response import (
    Response,
    apply,
    band_limited,
    decibels,
    made_symmetric,
    measure_response,
)
from resamplers.signals import (
    at_level,
    chords,
    logarithmic_sweep,
    white_noise,
)

NUM_TONES = 30
# Left out at a clip's start, and as much at its end: there soxr's filters are
# not yet themselves.
EDGE_S = 0.1


@dataclasses.dataclass(frozen=True)
class Accuracy:
    """What was found of one resampler at one rate."""

    resampler: str
    response: Response
    exact_response: Response  # of soxr HQ's filters in double precision
    tones_db: float  # what is left of tones or images that must not pass
    # By signal, against the exact response without aliases.
    rms_errors: dict[str, float]

    @property
    def rate_hz(self) -> int:
        return self.response.rate_hz

    @property
    def pass_band_difference(self) -> float:
        """From soxr's own response, up to PASS_BAND."""
        difference = self.response.pass_band() - self.exact_response.pass_band()
        return float(np.abs(difference).max())

    @property
    def droop(self) -> float:
        return float(np.abs(self.response.pass_band() - 1).max())


def tones(rate_hz: int) -> Samples:
    """3 s of tones of whole Hz, as loud as full scale allows.

    Above 8 kHz, where nothing may be left of them; below half the rate if that
    is lower, where nothing may be left of their images.
    """
    random = np.random.default_rng(5)
    low_hz, high_hz = sorted((TARGET_RATE_HZ // 2, rate_hz // 2))
    if rate_hz < TARGET_RATE_HZ:
        low_hz, high_hz = 100, int(0.99 * low_hz)
    between = np.arange(low_hz + 40, high_hz - 1)
    frequencies_hz = random.choice(between, NUM_TONES, replace=False)
    frequencies_hz[0] = between[0]
    time_s = np.arange(3 * rate_hz) / rate_hz
    samples = np.zeros(len(time_s))
    for frequency_hz in frequencies_hz:
        phase = random.uniform(0, 2 * np.pi)
        samples += np.sin(2 * np.pi * frequency_hz * time_s + phase)
    samples *= 0.9 / np.abs(samples).max()
    return samples.astype(np.float32)


def _tone_levels(one_second: Float64 | Samples) -> Float64:
    """Amplitudes at 0, 1, 2, ... Hz."""
    spectrum = np.abs(np.fft.rfft(one_second.astype(float)))
    return spectrum / (len(one_second) / 2)


def left_of_tones_db(rate_hz: int, given: Samples, made: Samples) -> float:
    """The largest unwanted tone, relative to the largest given one."""
    inside = slice(TARGET_RATE_HZ, 2 * TARGET_RATE_HZ)
    levels = _tone_levels(made[inside])
    if rate_hz < TARGET_RATE_HZ:
        levels = levels[rate_hz // 2 :]
    loudest = _tone_levels(given[rate_hz : 2 * rate_hz]).max()
    return decibels(float(levels.max() / loudest))


def signals(rate_hz: int, speech: Samples) -> dict[str, Samples]:
    """By name; all have -20 dB RMS."""
    return {
        "noise": white_noise(5 * rate_hz, seed=rate_hz),
        "chords": chords(rate_hz),
        "sweep": logarithmic_sweep(rate_hz),
        "speech": at_level(speech),
    }


def _rms_error(rate_hz: int, made: Samples, exact: Float64) -> float:
    edge = int(EDGE_S * TARGET_RATE_HZ)
    length = min(len(made), len(exact))
    inside = slice(edge, length - edge)
    return float(np.sqrt(np.mean(np.square(made[inside] - exact[inside]))))


def measure(
    program: Path, resamplers: Sequence[str], rate_hz: int, speech: Samples
) -> list[Accuracy]:
    """Of each resampler.

    Args:
      program: tests/support/resample_samples.cc, built.
      resamplers: Names that the program knows.
      rate_hz: The source rate.
      speech: At this rate.
    """
    exact_response = made_symmetric(
        measure_response(
            rate_hz, lambda clips: [soxr_float64(c, rate_hz) for c in clips]
        )
    )
    given = signals(rate_hz, speech)
    ideal = band_limited(exact_response)
    exact = [apply(ideal, clip) for clip in given.values()]
    forbidden = tones(rate_hz)
    found = []
    for name in resamplers:
        left, *made = resample(
            program, [forbidden, *given.values()], rate_hz, name
        )
        errors = [
            _rms_error(rate_hz, *pair) for pair in zip(made, exact, strict=True)
        ]
        response = measure_response(
            rate_hz,
            functools.partial(
                resample, program, rate_hz=rate_hz, resampler=name
            ),
        )
        found.append(
            Accuracy(
                name,
                response,
                exact_response,
                left_of_tones_db(rate_hz, forbidden, left),
                dict(zip(given, errors, strict=True)),
            )
        )
    return found


def table(found: Sequence[Accuracy]) -> str:
    """One row for each resampler at each rate."""
    names = list(found[0].rms_errors)
    header = (
        "rate, Hz",
        "resampler",
        "droop to 0.91",
        "from soxr's",
        "stop band, dB",
        "tones, dB",
        "asymmetry",
        *(f"RMS error, {name}, 1e-9" for name in names),
    )
    rows = [
        (
            f"{one.rate_hz:,}",
            "soxr HQ" if one.resampler == SOXR else one.resampler,
            f"{one.droop:.1e}",
            f"{one.pass_band_difference:.1e}",
            f"{one.response.stop_band_db():.1f}",
            f"{one.tones_db:.1f}",
            f"{one.response.asymmetry():.1e}",
            *(f"{1e9 * one.rms_errors[name]:.1f}" for name in names),
        )
        for one in found
    ]
    return markdown(header, rows)
