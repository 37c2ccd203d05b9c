"""Clips whose ends and maxima tell one padded form from another."""

import numpy as np
import reference
from support import FloatArray, noise, spread

# Zeros after a clip: every case of docs/numerics.md, and their borders.
PADDINGS = [
    *(0, 1, 5, 39, 40, 41, 100, 159, 160, 161, 199, 200, 201),
    *(319, 320, 359, 360, 361, 399, 400, 401, 1000, 5000),
]
LOUD_END_LENGTHS = (5, 20, 80, 120)


def speech_clips(corpus: list[dict[str, str]]) -> list[FloatArray]:
    """Real speech of 0.9 to 1.3 s at 16 kHz, each of another length."""
    clips = [reference.load(row["audio"]) for row in spread(corpus, 60)]
    long = [clip for clip in clips if len(clip) >= 24000][:8]
    assert len(long) == 8
    return [clip[3000 : 3000 + 14400 + 877 * i] for i, clip in enumerate(long)]


def cut_in_loudest_vowel(speech: FloatArray) -> FloatArray:
    """The clip up to the middle of its loudest 50 ms."""
    energy = np.convolve(speech.astype(np.float64) ** 2, np.ones(800), "same")
    loudest = int(energy[1000:].argmax()) + 1000
    return speech[:loudest]


def with_loud_end(speech: FloatArray, length: int) -> FloatArray:
    """Very quiet speech whose last samples are loud noise."""
    clip = speech * np.float32(1e-4)
    clip[-length:] = noise(length, seed=length, level=0.3)
    return clip


def with_click(clip: FloatArray, samples_from_end: int) -> FloatArray:
    clip = clip.copy()
    clip[-samples_from_end] = 0.9
    return clip


def make_loud_ends(speech: list[FloatArray]) -> list[FloatArray]:
    """Clips whose maximum lies in frames that touch their end."""
    silence = np.zeros(5000, np.float32)
    tone = np.sin(2 * np.pi * 1902 / 16000 * np.arange(9)).astype(np.float32)
    burst = noise(1600, seed=188, level=1e-6)
    burst[-9:] += tone
    return [
        *(
            with_loud_end(clip, n)
            for clip, n in zip(speech, LOUD_END_LENGTHS, strict=False)
        ),
        *(with_click(speech[0] * np.float32(1e-3), n) for n in (1, 2, 30, 100)),
        *(with_click(silence[: 4800 + n], n) for n in (1, 60, 150)),
        burst,
    ]


def make_clips(speech: list[FloatArray]) -> list[FloatArray]:
    return [
        *speech,
        *(cut_in_loudest_vowel(clip) for clip in speech),
        np.zeros(3000, np.float32),
        noise(16000, seed=1, level=0.3),
    ]


def make_short_clips(speech: list[FloatArray]) -> list[FloatArray]:
    """Clips of 201 to 450 samples: each reflected over much of itself."""
    lengths = sorted({*range(201, 451, 9), 240, 279, 280, 320, 359, 360, 400})
    loud = [int(np.abs(clip).argmax()) for clip in speech]
    return [
        noise(length, seed=length)
        if length % 2
        else speech[length % len(speech)][
            max(0, loud[length % len(speech)] - length) :
        ][:length]
        for length in lengths
    ]


def all_clips(speech: list[FloatArray]) -> list[FloatArray]:
    return [
        *make_clips(speech),
        *make_loud_ends(speech),
        *make_short_clips(speech),
    ]
