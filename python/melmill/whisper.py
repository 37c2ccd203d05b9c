"""Fine-tuning of Whisper from a store.

Stores of the preset `whisper` serve models with 80 mels, those of `qwen3-asr`
whisper-large-v3 with 128. See docs/training.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from melmill._models import feature_extractor
from melmill._models.stored_audio import Missing
from melmill._store.store import PathLike, Store

__all__ = ["use_store"]


def use_store(
    processor: Any,
    store: Store | PathLike | Sequence[PathLike],
    *,
    missing: Missing = "error",
) -> None:
    """Has a Whisper processor take the features of clips from a store.

    From then on, in this process and in those to which the processor is sent,
    `librosa.load(path, sr=16000, mono=True)` gives a light stand-in for the
    samples of a clip that the store holds, and the feature extractor turns
    stand-ins into features padded to 30 s (3,000 frames), as it would have
    computed them. Samples are treated as before.

    Args:
      processor: A WhisperProcessor or a WhisperFeatureExtractor; it is changed
        in place.
      store: The store, or its path, or several paths.
      missing: What becomes of a path that is not in the store: "error", or
        "compute": its samples are loaded and its features computed.

    Raises:
      StoreError: The store cannot be opened.
      ContractError: The extractor makes other features than the store holds;
        names each setting that differs. Later, at a clip of more than 30 s.
    """
    feature_extractor.use_store(processor, store, missing=missing)
