"""What resamplers are tested and measured with, at any rate.

Impulses have full scale; all else that lasts has -20 dB RMS, so that one limit
on RMS differences fits it.
"""

import math
from collections.abc import Iterator

import numpy as np

from resamplers.resample import TARGET_RATE_HZ, Float64, Samples

RATES = [
    8000,
    11025,
    12000,
    22050,
    24000,
    32000,
    44100,
    48000,
    88200,
    96000,
    176400,
    192000,
]
LEVEL = 0.1
LONGEST_CLIP = 33333
# Of transforms that a resampler may work in.
BLOCK_SIZES = [1024, 1536, 2048, 3072, 3528, 6144, 7056, 12288]
# Longer than the responses of all filters, on either side of an impulse.
RESPONSE_S = 0.02


def num_phases(rate_hz: int) -> int:
    """The number of input samples after which the output's times repeat."""
    return rate_hz // math.gcd(rate_hz, TARGET_RATE_HZ)


def at_level(samples: Float64 | Samples) -> Samples:
    """Scaled to -20 dB RMS, and never beyond full scale."""
    rms = float(np.sqrt(np.mean(np.square(samples))))
    return (samples * (LEVEL / rms)).clip(-1, 1).astype(np.float32)


def white_noise(num_samples: int, seed: int) -> Samples:
    random = np.random.default_rng(seed)
    samples = LEVEL * random.standard_normal(num_samples)
    return samples.clip(-1, 1).astype(np.float32)


def chords(rate_hz: int) -> Samples:
    """Struck chords of three strings each: decaying harmonics up to 12 kHz."""
    random = np.random.default_rng(3)
    time_s = np.arange(rate_hz // 2) / rate_hz
    return at_level(
        np.concatenate(
            [
                sum(_string(time_s, pitch_hz, rate_hz) for pitch_hz in pitches)
                for pitches in random.uniform(110, 660, (6, 3))
            ]
        )
    )


def _string(time_s: Float64, pitch_hz: float, rate_hz: int) -> Float64:
    """One string; the higher a harmonic, the sooner it dies."""
    sounding = np.zeros(len(time_s))
    for harmonic in (1, 2, 3, 4, 5, 7, 9, 12, 15, 18):
        if harmonic * pitch_hz < rate_hz / 2:
            phase = 2 * np.pi * harmonic * pitch_hz * time_s
            sounding += np.sin(phase) / harmonic * np.exp(-harmonic * time_s)
    return sounding


def linear_sweep(rate_hz: int) -> Samples:
    """From 0 Hz to half the rate in 2 s; loud from its first sample on."""
    time_s = np.arange(2 * rate_hz) / rate_hz
    return at_level(np.cos(2 * np.pi * rate_hz / 8 * np.square(time_s)))


def logarithmic_sweep(rate_hz: int) -> Samples:
    """From 20 Hz to half the rate in 2 s."""
    time_s = np.arange(2 * rate_hz) / rate_hz
    growth_per_s = math.log(rate_hz / 2 / 20) / 2
    phase = 2 * np.pi * 20 / growth_per_s * np.exp(growth_per_s * time_s)
    return at_level(np.cos(phase))


def impulse(num_samples: int, place: int) -> Samples:
    samples = np.zeros(num_samples, np.float32)
    samples[place] = 1
    return samples


def impulses_at_the_start(rate_hz: int) -> list[Samples]:
    """One clip for each phase, with its impulse among the first samples."""
    length = num_phases(rate_hz) + int(rate_hz * RESPONSE_S)
    return [impulse(length, place) for place in range(num_phases(rate_hz))]


def impulses_in_one_clip(rate_hz: int) -> Samples:
    """An impulse at each phase, too far apart for their responses to meet."""
    phases = num_phases(rate_hz)
    # One more than a multiple: the next phase.
    step = math.ceil(2 * rate_hz * RESPONSE_S / phases) * phases + 1
    samples = np.zeros((phases + 1) * step, np.float32)
    samples[step::step][:phases] = 1
    return samples


def short_clips() -> list[Samples]:
    """Noise of 1 to 400 samples, every length."""
    return [white_noise(length, seed=length) for length in range(1, 401)]


def _spread_lengths() -> Iterator[int]:
    yield from np.geomspace(401, LONGEST_CLIP, 60).astype(int).tolist()
    for size in BLOCK_SIZES:
        for multiple in (1, 2):
            yield from range(multiple * size - 1, multiple * size + 2)


def long_clips() -> list[Samples]:
    """Noise of 401 to 33,333 samples; block sizes and their neighbours too."""
    return [white_noise(length, seed=length) for length in _spread_lengths()]
