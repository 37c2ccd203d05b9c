"""The reference: librosa's samples and transformers' features of them."""

import functools
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import numpy.typing as npt
from support import FloatArray
from transformers import WhisperFeatureExtractor

RATE = 16000


def load(path: str | Path) -> npt.NDArray[np.float32]:
    """A file's samples, mono, at 16 kHz."""
    samples: npt.NDArray[np.float32]
    samples, _ = librosa.load(path, sr=RATE, mono=True)
    return samples


def single(samples: FloatArray, n_mels: int = 128) -> FloatArray:
    """The [frames, mels] features of one utterance, not padded."""
    return _run([samples], n_mels, padding=False)[0][0]


def batch(
    clips: list[FloatArray], n_mels: int = 128
) -> list[tuple[FloatArray, int]]:
    """Features and valid frames of clips padded to the longest of them."""
    return _run(clips, n_mels, padding="longest")


def thirty_seconds(samples: FloatArray, n_mels: int) -> FloatArray:
    """The features of one clip padded to Whisper's 30 s."""
    return _run([samples], n_mels, padding="max_length")[0][0]


def _run(
    clips: list[FloatArray], n_mels: int, padding: bool | str
) -> list[tuple[FloatArray, int]]:
    outputs = _extractor(n_mels)(
        clips,
        sampling_rate=RATE,
        padding=padding,
        truncation=False,
        return_attention_mask=True,
        return_tensors="np",
        device="cpu",
    )
    return [
        (features.T, int(mask.sum()))
        for features, mask in zip(
            outputs["input_features"], outputs["attention_mask"], strict=True
        )
    ]


@functools.cache
def _extractor(n_mels: int) -> Any:
    return WhisperFeatureExtractor(feature_size=n_mels)
