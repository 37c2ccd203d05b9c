"""Which processors of transformers read a store, and which cut clips."""

from __future__ import annotations

from typing import Any

from melmill._store.errors import ContractError

# Those of which a test compares the batches.
_SERVED = (
    "GlmAsrProcessor",
    "Qwen2AudioProcessor",
    "Qwen2_5OmniProcessor",
    "Qwen3ASRProcessor",
    "Qwen3OmniMoeProcessor",
    "WhisperProcessor",
)

_INSTEAD = {
    "VoxtralProcessor": (
        "its tokenizer, of mistral-common, reads the audio itself"
    ),
}


def longest_clip(processor: Any, extractor: Any) -> int | None:
    """Number of samples to which a processor cuts clips; None if it does not.

    That is the length of its extractor: 30 s, or what the checkpoint says.

    A processor that is not one of transformers' is not known to cut.

    Raises:
      ContractError: The processor is one of transformers' and not served.
    """
    names = {kind.__name__ for kind in type(processor).__mro__}
    if names.intersection(_SERVED):
        # That of qwen-asr has no defaults; transformers' own does not cut.
        defaults = getattr(processor, "audio_kwargs", {})
        is_cut = defaults.get("truncation", "Qwen3ASRProcessor" not in names)
        return int(extractor.n_samples) if is_cut else None
    kind = type(processor)
    is_processor = processor is not extractor
    if is_processor and kind.__module__.partition(".")[0] == "transformers":
        reason = _INSTEAD.get(
            kind.__name__, "its batches were not compared with those of a store"
        )
        raise ContractError(
            f"{kind.__name__} is not served: {reason}. Train from "
            "melmill.torch.FeatureDataset or melmill.torch.collate, which make "
            "the features of any padding"
        )
    return None
