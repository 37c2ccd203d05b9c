"""Fine-tuning of Whisper from a store, and of models with its front end.

Models with 80 mels need a store of the preset `whisper`, whisper-large-v3 with
128 mels one of `qwen3-asr`, as do Qwen2-Audio, Qwen2.5-Omni, Qwen3-Omni and
GLM-ASR. See docs/training.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from melmill._models import feature_extractor
from melmill._models.audio_loaders import Missing
from melmill._models.check import Report, check
from melmill._store.store import PathLike, Store

__all__ = ["Report", "check", "use_store"]


def use_store(
    processor: Any,
    store: Store | PathLike | Sequence[PathLike],
    *,
    missing: Missing = "error",
) -> None:
    """Lets a Whisper processor take the features of clips from a store.

    `librosa.load(path, sr=16000, mono=True)` then returns a stand-in for the
    samples of each clip in the store, as does transformers' `load_audio`. The
    feature extractor turns stand-ins into the features that it would have
    computed, padded to 30 s (3,000 frames). Samples are treated as before. This
    lasts as long as the feature extractor, in this process and in each process
    that it is sent to.

    Call it before threads use the processor.

    Args:
      processor: A WhisperProcessor, a WhisperFeatureExtractor, or the processor
        of a model that docs/training.md lists; it is changed in place.
      store: The store, its path, or several paths.
      missing: "error": a path that is not in the store is an error. "compute":
        its samples are loaded and its features are computed.

    Raises:
      ContractError: The extractor's settings differ from the store's, and the
        message names each that differs; or rows are longer than the 30 s to
        which the processor cuts clips; or the processor is not served.
      StoreError: The store cannot be opened.
    """
    feature_extractor.use_store(
        processor, store, missing=missing, is_whisper=True
    )
