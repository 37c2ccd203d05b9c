"""The resamplers against librosa's, sample by sample, at every rate."""

import itertools
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import pytest
import reference
from resamplers.resample import (
    SOXR,
    TARGET_RATE_HZ,
    Samples,
    resample,
    resampler_names,
    soxr_float64,
)
from resamplers.signals import (
    LEVEL,
    LONGEST_CLIP,
    RATES,
    RESPONSE_S,
    at_level,
    chords,
    impulses_at_the_start,
    impulses_in_one_clip,
    linear_sweep,
    logarithmic_sweep,
    long_clips,
    short_clips,
    white_noise,
)
from support import FloatArray, RecordProperty, max_difference, melmill_path
from test_parity import make_channel, read_speech

MAX_DIFFERENCE = 1e-6
MAX_DIFFERENCE_AT_FULL_SCALE = 1.5e-6  # as README promises
MAX_RMS_DIFFERENCE = 5e-8
MAX_LEAKAGE = 1e-7
# libsoxr's interpolator lets images pass at -132 dB of full scale.
IMAGES = 2.5e-7
MAX_FEATURE_DIFFERENCE = 2e-4

# In no simple ratio to 16 kHz: these always go to soxr.
OTHER_RATES = [12345, 16001, 44056]
BLOCKINGS = [[1], [7, 4096, 1, 0], [160, 2500, 16384, 3]]
TONE_LEVEL = 1e-5  # -100 dB
NOISE_LEVEL = 0.173  # of uniform noise of -20 dB RMS

Clips = list[Samples]
# (clips, rate, resampler, sizes of blocks) to clips
Resample = Callable[..., Clips]

at_every_rate = pytest.mark.parametrize("rate", RATES)


@pytest.fixture(scope="module")
def program() -> Path:
    return Path(melmill_path()).parents[1] / "tests" / "resample_samples"


@pytest.fixture(scope="module")
def run(program: Path) -> Resample:
    return lambda *arguments: resample(program, *arguments)


@pytest.fixture(scope="module")
def targets(program: Path) -> list[str]:
    """The SIMD targets of this machine, best first."""
    return [name for name in resampler_names(program) if name != SOXR]


@pytest.fixture(scope="module")
def distinct_targets(targets: list[str]) -> list[str]:
    """One of those that give the same bits, and those that do not."""
    return [targets[0], *(name for name in targets[1:] if name == "sse4")]


@pytest.fixture(scope="module")
def speech(corpus: list[dict[str, str]]) -> Clips:
    return [clip.astype(np.float32) for clip in read_speech(corpus, 12)]


def by_librosa(clip: Samples, rate: int) -> Samples:
    made: Samples = librosa.resample(
        clip, orig_sr=rate, target_sr=TARGET_RATE_HZ, res_type="soxr_hq"
    )
    return made


def signals(rate: int, speech: Clips) -> dict[str, Clips]:
    """Clips by the name of their sort."""
    voices = [
        at_level(make_channel(clip, rate, seed))
        for seed, clip in enumerate(speech)
    ]
    return {
        "speech": voices,
        "chords": [chords(rate)],
        "noise": [white_noise(5 * rate, seed=rate)],
        "linear sweep": [linear_sweep(rate)],
        "logarithmic sweep": [logarithmic_sweep(rate)],
        "impulses at the start": impulses_at_the_start(rate),
        "impulses": [impulses_in_one_clip(rate)],
        "short clips": short_clips(),
        "long clips": long_clips(),
    }


def lengths(clips: Clips) -> list[int]:
    return [len(clip) for clip in clips]


def max_and_rms(clips: Clips, expected: Clips) -> tuple[float, float]:
    """The largest difference, and the RMS of all."""
    assert lengths(clips) == lengths(expected)
    difference = np.concatenate(clips).astype(float) - np.concatenate(expected)
    rms = float(np.sqrt(np.mean(np.square(difference))))
    return float(np.abs(difference).max()), rms


def assert_same_bits(clips: Clips, expected: Clips) -> None:
    assert lengths(clips) == lengths(expected)
    np.testing.assert_array_equal(
        np.concatenate(clips).view(np.uint32),
        np.concatenate(expected).view(np.uint32),
    )


@at_every_rate
def test_samples_equal_librosas(
    rate: int,
    speech: Clips,
    run: Resample,
    distinct_targets: list[str],
    record_property: RecordProperty,
) -> None:
    given = signals(rate, speech)
    expected = {
        sort: [by_librosa(clip, rate) for clip in clips]
        for sort, clips in given.items()
    }
    wrong = []
    for name in distinct_targets:
        made = iter(run(list(itertools.chain(*given.values())), rate, name))
        found = {
            sort: max_and_rms(list(itertools.islice(made, len(clips))), clips)
            for sort, clips in expected.items()
        }
        largest, rms = (
            max(values) for values in zip(*found.values(), strict=True)
        )
        record_property(f"max difference, {name}", largest)
        record_property(f"RMS difference, {name}", rms)
        wrong += [
            f"{sort}, {name}: {largest:.2e}, RMS {rms:.2e}"
            for sort, (largest, rms) in found.items()
            if largest > MAX_DIFFERENCE or rms > MAX_RMS_DIFFERENCE
        ]
    assert not wrong


@at_every_rate
def test_full_scale_from_the_first_sample_on_is_librosas(
    rate: int,
    run: Resample,
    distinct_targets: list[str],
    record_property: RecordProperty,
) -> None:
    time_s = np.arange(rate // 2) / rate
    clips = [
        np.cos(2 * np.pi * frequency_hz * time_s).astype(np.float32)
        for frequency_hz in (0, 100, 1000, 3900)
    ]
    expected = [by_librosa(clip, rate) for clip in clips]
    for name in distinct_targets:
        largest, _ = max_and_rms(run(clips, rate, name), expected)
        record_property(f"max difference, {name}", largest)
        has_images = rate % 11_025 == 0
        assert largest <= MAX_DIFFERENCE + (IMAGES if has_images else 0)


def at_full_scale(samples: FloatArray) -> Samples:
    scaled: Samples = (samples / np.abs(samples).max()).astype(np.float32)
    return scaled


@at_every_rate
def test_everything_at_full_scale_is_librosas_within_the_promise(
    rate: int,
    speech: Clips,
    run: Resample,
    distinct_targets: list[str],
    record_property: RecordProperty,
) -> None:
    time_s = np.arange(rate // 2) / rate
    clips = [
        np.cos(2 * np.pi * frequency_hz * time_s + phase).astype(np.float32)
        for frequency_hz in (50, 440, 1000, 2500, 3600, 5000, 7000)
        for phase in (0, 1)
        if frequency_hz < rate / 2
    ]
    sorts = signals(rate, speech)
    for sort in ("speech", "chords", "linear sweep", "logarithmic sweep"):
        clips += [at_full_scale(clip) for clip in sorts[sort]]
    random = np.random.default_rng(rate)
    clips.append(random.uniform(-1, 1, 2 * rate).astype(np.float32))
    clips.append(np.sign(random.uniform(-1, 1, 2 * rate)).astype(np.float32))
    expected = [by_librosa(clip, rate) for clip in clips]
    for name in distinct_targets:
        largest, _ = max_and_rms(run(clips, rate, name), expected)
        record_property(f"max difference, {name}", largest)
        assert largest <= MAX_DIFFERENCE_AT_FULL_SCALE


@at_every_rate
def test_targets_that_fuse_give_the_same_bits(
    rate: int, run: Resample, targets: list[str]
) -> None:
    fusing = [name for name in targets if name != "sse4"]
    if len(fusing) < 2:
        pytest.skip("this machine has one such target")
    clips = [white_noise(3 * rate, seed=1), *short_clips()]
    expected = run(clips, rate, fusing[0])
    for name in fusing[1:]:
        assert_same_bits(run(clips, rate, name), expected)


@at_every_rate
def test_blocks_change_no_bit(
    rate: int, run: Resample, distinct_targets: list[str]
) -> None:
    clips = [
        white_noise(length, seed=length)
        for length in (1, 2, 159, 1000, 7056, LONGEST_CLIP, 2 * rate)
    ]
    clips += beside_noise(rate, silence(rate), loudness=1)[:2]
    for name in distinct_targets:
        whole = run(clips, rate, name)
        for blocks in BLOCKINGS:
            assert_same_bits(run(clips, rate, name, blocks), whole)


@at_every_rate
def test_silence_stays_digital(
    rate: int, run: Resample, distinct_targets: list[str]
) -> None:
    clips = [np.zeros(n, np.float32) for n in (1, 100, 5000, LONGEST_CLIP)]
    expected = [by_librosa(clip, rate) for clip in clips]
    assert not np.concatenate(expected).any()
    for name in distinct_targets:
        made = run(clips, rate, name)
        assert lengths(made) == lengths(expected)
        assert not np.concatenate(made).any()


def silence(rate: int) -> Samples:
    return np.zeros(rate, np.float32)


def tone(rate: int) -> Samples:
    time_s = np.arange(rate) / rate
    return (TONE_LEVEL * np.sin(2 * np.pi * 1000 * time_s)).astype(np.float32)


def beside_noise(rate: int, quiet: Samples, loudness: float) -> Clips:
    """0.3 s of noise after some of `quiet`, and one second of it after that.

    The boundaries are in other places of the resampler's blocks each time.
    """
    random = np.random.default_rng(rate)
    length = int(0.3 * rate)
    clips = []
    for place in range(5):
        loud = random.uniform(-loudness, loudness, length).astype(np.float32)
        clips.append(np.concatenate([quiet[: 617 * place], loud, quiet]))
    return clips


def quiet_begin(clip: Samples, rate: int) -> int:
    """From this output sample on no filter reaches the noise."""
    begin_s = (len(clip) - rate) / rate + RESPONSE_S
    return int(begin_s * TARGET_RATE_HZ)


def leakage(clips: Clips, rate: int, run: Resample, name: str) -> float:
    """The largest error in the quiet parts."""
    leaked = []
    for clip, made in zip(clips, run(clips, rate, name), strict=True):
        # Not soxr in single precision, which leaks itself.
        exact = soxr_float64(clip, rate)
        part = slice(quiet_begin(clip, rate), len(exact))
        leaked.append(max_difference(made[part], exact[part]))
    return max(leaked)


@at_every_rate
@pytest.mark.parametrize(
    ("quiet", "loudness"), [(silence, 1), (tone, NOISE_LEVEL)]
)
def test_quiet_stretch_beside_a_loud_one_keeps_its_level(
    quiet: Callable[[int], Samples],
    loudness: float,
    rate: int,
    run: Resample,
    distinct_targets: list[str],
    record_property: RecordProperty,
) -> None:
    clips = beside_noise(rate, quiet(rate), loudness)
    for name in distinct_targets:
        leaked = leakage(clips, rate, run, name)
        record_property(f"leakage, {name}", leaked)
        assert leaked <= MAX_LEAKAGE


@at_every_rate
def test_noise_of_full_scale_leaks_little_more_than_from_soxr(
    rate: int,
    run: Resample,
    distinct_targets: list[str],
    record_property: RecordProperty,
) -> None:
    clips = beside_noise(rate, tone(rate), loudness=1)
    of_soxr = leakage(clips, rate, run, SOXR)
    record_property("leakage, soxr", of_soxr)
    for name in distinct_targets:
        leaked = leakage(clips, rate, run, name)
        record_property(f"leakage, {name}", leaked)
        assert leaked <= max(1.6 * of_soxr, MAX_LEAKAGE)


def features_after_noise(clip: Samples, rate: int, made: Samples) -> FloatArray:
    """Of all frames of 400 samples that lie in the quiet part alone."""
    first = -(-(quiet_begin(clip, rate) + 200) // 160)
    features = reference.single(made)[first:]
    assert len(features) > 90
    return features


@at_every_rate
def test_features_of_silence_beside_noise_are_the_floor(
    rate: int, run: Resample, distinct_targets: list[str]
) -> None:
    clips = beside_noise(rate, silence(rate), loudness=1)[:3]
    for name in distinct_targets:
        for clip, made in zip(clips, run(clips, rate, name), strict=True):
            ours = features_after_noise(clip, rate, made)
            theirs = features_after_noise(clip, rate, by_librosa(clip, rate))
            assert np.ptp(theirs) == 0
            assert np.ptp(ours) == 0
            # The floors follow from the loudest cells.
            assert max_difference(ours, theirs) <= 1e-6


@at_every_rate
def test_features_of_a_quiet_tone_beside_noise_are_librosas(
    rate: int,
    run: Resample,
    distinct_targets: list[str],
    record_property: RecordProperty,
) -> None:
    # Under noise of full scale, the clamp hides the tone at most rates.
    hidden, heard = (
        beside_noise(rate, tone(rate), loudness)[:3] for loudness in (1, LEVEL)
    )
    clips = [*hidden, *heard]
    for name in distinct_targets:
        worst = 0.0
        for clip, made in zip(clips, run(clips, rate, name), strict=True):
            ours = features_after_noise(clip, rate, made)
            theirs = features_after_noise(clip, rate, by_librosa(clip, rate))
            worst = max(worst, max_difference(ours, theirs))
        assert np.ptp(theirs) > 0.1
        record_property(f"max feature difference, {name}", worst)
        assert worst <= MAX_FEATURE_DIFFERENCE


@pytest.mark.parametrize("rate", OTHER_RATES)
def test_other_rates_are_soxrs_bits(
    rate: int, run: Resample, targets: list[str]
) -> None:
    clips = [*short_clips()[::10], white_noise(2 * rate, seed=rate)]
    expected = run(clips, rate, SOXR)
    for name in targets:
        assert_same_bits(run(clips, rate, name), expected)
    for clip, made in zip(clips, expected, strict=True):
        assert max_difference(made, by_librosa(clip, rate)) <= MAX_DIFFERENCE


def test_16_khz_is_copied(run: Resample, targets: list[str]) -> None:
    clips = short_clips()
    for name in [SOXR, *targets]:
        assert_same_bits(run(clips, TARGET_RATE_HZ, name, [7]), clips)
