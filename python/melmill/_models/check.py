"""Compares a store with the features that the model's own code computes."""

from __future__ import annotations

import copy
import dataclasses
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.random
import numpy.typing as npt

from melmill._models import feature_extractor
from melmill._models.feature_extractor import bind, unbound
from melmill._models.qwen3_asr_batch import training_batch
from melmill._models.reference_audio import load_samples
from melmill._models.stored_audio import StoredAudio
from melmill._models.tolerance import ROUNDING, tolerance
from melmill._store.errors import DifferenceError, StoreReadError
from melmill._store.row import Row
from melmill._store.store import PathLike, Store

# The processor of qwen-asr and of transformers; others need no conversation.
_QWEN3_ASR = "Qwen3ASRProcessor"


@dataclasses.dataclass(frozen=True)
class Report:
    """What a check compared, if it found no difference; str() is a verdict.

    Attributes:
      num_rows: Number of rows that were compared.
      num_batches: Number of batches that they were collated into.
      tensors: Names of the tensors of a batch.
      max_feature_difference: Largest difference of a feature.
      feature_type: Type of the store's features: "f32", "f16" or "bf16".
    """

    num_rows: int
    num_batches: int
    tensors: tuple[str, ...]
    max_feature_difference: float
    feature_type: str

    def __str__(self) -> str:
        largest = f"{self.max_feature_difference:.1e}".replace("e-0", "e-")
        return (
            f"equal: {_count(self.num_rows, 'row')}, "
            f"{_count(self.num_batches, 'batch', 'batches')}; largest "
            f"difference {largest}, {ROUNDING[self.feature_type]} rounding"
        )


def check(
    processor: Any,
    store: Store | PathLike | Sequence[PathLike],
    *,
    n: int = 32,
    batch_size: int = 8,
    seed: int = 0,
) -> Report:
    """Makes batches of random rows from audio and from a store; compares them.

    Args:
      processor: A processor that use_store serves, or a feature extractor,
        whether or not it was given to use_store. It is not changed.
      store: The store, its path, or several paths.
      n: Number of rows; all if the store has fewer.
      batch_size: Rows of a batch.
      seed: Seed of the random choice.

    Raises:
      DifferenceError: A tensor differs. Names the first tensor and row that
        differ, and the row's audio.
      ContractError: The processor's settings differ from the store's.
      StoreReadError: Audio cannot be read; open the store with audio_root.
    """
    store = feature_extractor.opened(store)
    extractor = getattr(processor, "feature_extractor", processor)
    bound = unbound(extractor)
    bind(bound, store)
    computing = _with_extractor(processor, unbound(extractor))
    serving = _with_extractor(processor, bound)
    rows = _chosen(store, n, seed)
    batches = [
        rows[i : i + batch_size] for i in range(0, len(rows), batch_size)
    ]
    difference = 0.0
    names: tuple[str, ...] = ()
    for batch in batches:
        samples = [_samples(row) for row in batch]
        stored = [StoredAudio(row) for row in batch]
        expected = _batch(computing, batch, samples)
        served = _batch(serving, batch, stored)
        difference = max(difference, _compare(expected, served, batch))
        names = tuple(expected)
    kind = store.contract.feature_type
    return Report(len(rows), len(batches), names, difference, kind)


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _batch(processor: Any, rows: Sequence[Row], audios: list[Any]) -> Any:
    """What a processor or an extractor makes of clips, with its defaults."""
    if any(kind.__name__ == _QWEN3_ASR for kind in type(processor).__mro__):
        examples = [_example(processor, row) for row in rows]
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


def _with_extractor(processor: Any, extractor: Any) -> Any:
    if not hasattr(processor, "feature_extractor"):
        return extractor
    changed = copy.copy(processor)
    changed.feature_extractor = extractor
    return changed


def _chosen(store: Store, n: int, seed: int) -> list[Row]:
    ends = np.cumsum([0, *(len(store[name]) for name in store.splits)])
    count = min(n, int(ends[-1]))
    picks = np.random.default_rng(seed).choice(ends[-1], count, replace=False)
    rows = []
    for pick in picks:
        number = int(np.searchsorted(ends, pick, side="right")) - 1
        rows.append(store[store.splits[number]][int(pick - ends[number])])
    return rows


def _example(processor: Any, row: Row) -> dict[str, Any]:
    conversation = [
        {"role": "system", "content": row.prompt},
        {"role": "user", "content": [{"type": "audio", "audio": None}]},
    ]
    prefixes = processor.apply_chat_template(
        [conversation], add_generation_prompt=True, tokenize=False
    )
    return {"prefix_text": prefixes[0], "target": row.text}


def _samples(row: Row) -> Any:
    _check_can_be_read(row)
    samples = load_samples(row)
    if len(samples) != row.num_samples:
        raise DifferenceError(
            f"{row.audio_path} (row {row.index} of split {row.split.name}): "
            f"{len(samples)} samples of audio, {row.num_samples} in the store; "
            "the file is not the one that was stored"
        )
    return samples


def _check_can_be_read(row: Row) -> None:
    path = row.audio_path
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        place = f"{path} (row {row.index} of split {row.split.name})"
        start = row.split.names.audio_root or os.getcwd()
        raise StoreReadError(
            f"{StoreReadError.of(place, error)}; relative audio strings start "
            f"from {start}: check(processor, melmill.open(store, "
            "audio_root=..., path_map=...)) says where audio is now"
        ) from error


def _compare(expected: Any, served: Any, rows: Sequence[Row]) -> float:
    """Returns the largest difference of a feature.

    Integers must be equal.

    Raises:
      DifferenceError: A difference is too large.
    """
    if list(expected) != list(served):
        raise DifferenceError(
            f"the tensors are {list(expected)} from audio, {list(served)} from "
            "the store"
        )
    for name in expected:
        facts = [
            (tuple(t[name].shape), t[name].dtype) for t in (expected, served)
        ]
        if facts[0] != facts[1]:
            raise DifferenceError(
                f"{name}: {facts[0]} from audio, {facts[1]} from the store; "
                f"the batch of {', '.join(row.audio for row in rows)}"
            )
    difference = 0.0
    for name in expected:
        for row, one, other in zip(
            rows, expected[name].numpy(), served[name].numpy(), strict=True
        ):
            largest = _compare_row(name, one, other, row)
            if name == "input_features":
                difference = max(difference, largest)
    return difference


def _compare_row(
    name: str, expected: npt.NDArray[Any], served: npt.NDArray[Any], row: Row
) -> float:
    difference = np.abs(served.astype(np.float64) - expected)
    allowed = np.zeros(())
    if np.issubdtype(expected.dtype, np.floating):
        allowed = tolerance(expected, row.split.contract.feature_type)
    if (difference <= allowed).all():
        return float(difference.max(initial=0.0))
    at = np.unravel_index(np.argmax(difference - allowed), difference.shape)
    raise DifferenceError(
        f"{name} of row {row.index} of split {row.split.name} ({row.audio}) "
        f"differs: {expected[at]} from audio, {served[at]} from the store, at "
        f"{[int(i) for i in at]}"
    )
