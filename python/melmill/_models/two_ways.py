"""The same batches twice: of samples, as scripts make them, and of a store."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.random

from melmill._models.feature_extractor import bind, unbound
from melmill._models.qwen3_asr_batch import training_batch
from melmill._store.row import Row
from melmill._store.store import Store

# The processor of qwen-asr and of transformers; others need no conversation.
_QWEN3_ASR = "Qwen3ASRProcessor"


class TwoWays:
    """A processor as it was before use_store, and one that reads a store.

    Args:
      processor: A processor that use_store serves, or a feature extractor. It
        is not changed.
      store: The store.

    Attributes:
      store: The store.
      computing: Makes batches of samples.
      serving: Makes batches of StoredAudio.

    Raises:
      ContractError: The processor's settings differ from the store's.
    """

    def __init__(self, processor: Any, store: Store) -> None:
        self.store = store
        extractor = getattr(processor, "feature_extractor", processor)
        bound = unbound(extractor)
        bind(bound, store)
        self.computing = _with_extractor(processor, unbound(extractor))
        self.serving = _with_extractor(processor, bound)


def has_conversations(processor: Any) -> bool:
    """Whether the texts of a batch are conversations, as for Qwen3-ASR."""
    return any(kind.__name__ == _QWEN3_ASR for kind in type(processor).__mro__)


def examples_of(processor: Any, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """What a script prepares of rows before training; {} if it is nothing."""
    if not has_conversations(processor):
        return [{} for _ in rows]
    return [_example(processor, row) for row in rows]


def make_batch(
    processor: Any,
    rows: Sequence[Row],
    examples: Sequence[dict[str, Any]],
    audios: list[Any],
) -> Any:
    """What a processor or an extractor makes of clips, with its defaults.

    Args:
      processor: One of TwoWays.
      rows: The clips.
      examples: What examples_of made of them.
      audios: Their samples, or their StoredAudio.
    """
    if has_conversations(processor):
        return training_batch(processor, examples, audios)
    audio_token = getattr(processor, "audio_token", None)
    if audio_token is None:  # Whisper
        return processor(
            audios,
            sampling_rate=rows[0].split.contract.sample_rate_hz,
            return_attention_mask=True,
            return_tensors="pt",
        )
    return processor(
        text=[audio_token] * len(rows),
        audio=audios,
        text_kwargs={"padding": True},
        return_tensors="pt",
    )


def choose_batches(
    store: Store, num_rows: int, batch_size: int, seed: int
) -> list[list[Row]]:
    """Random rows of all splits, fewer if the store has fewer."""
    ends = np.cumsum([0, *(len(store[name]) for name in store.splits)])
    count = min(num_rows, int(ends[-1]))
    picks = np.random.default_rng(seed).choice(ends[-1], count, replace=False)
    rows = []
    for pick in picks:
        number = int(np.searchsorted(ends, pick, side="right")) - 1
        rows.append(store[store.splits[number]][int(pick - ends[number])])
    return [rows[i : i + batch_size] for i in range(0, count, batch_size)]


def _with_extractor(processor: Any, extractor: Any) -> Any:
    if not hasattr(processor, "feature_extractor"):
        return extractor
    changed = copy.copy(processor)
    changed.feature_extractor = extractor
    return changed


def _example(processor: Any, row: Row) -> dict[str, Any]:
    conversation = [
        {"role": "system", "content": row.prompt},
        {"role": "user", "content": [{"type": "audio", "audio": None}]},
    ]
    prefixes = processor.apply_chat_template(
        [conversation], add_generation_prompt=True, tokenize=False
    )
    return {"prefix_text": prefixes[0], "target": row.text}
