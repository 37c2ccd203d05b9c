"""Compares a store with the features that the model's own code computes."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from melmill._models import feature_extractor
from melmill._models.reference_audio import load_samples
from melmill._models.stored_audio import StoredAudio
from melmill._models.tolerance import ROUNDING, tolerance
from melmill._models.two_ways import (
    TwoWays,
    choose_batches,
    examples_of,
    make_batch,
)
from melmill._store.errors import DifferenceError, StoreReadError
from melmill._store.row import Row
from melmill._store.store import PathLike, Store


@dataclasses.dataclass(frozen=True)
class Report:
    """What a check compared, if it found no difference; str() is a verdict.

    Attributes:
      num_rows: Number of rows that were compared.
      num_batches: Number of batches that they were collated into.
      tensors: Names of the tensors of a batch.
      max_feature_difference: Largest difference of a feature.
      feature_type: Type of the store's features: "f32", "f16", "bf16"
        or "u8".
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
    ways = TwoWays(processor, store)
    return compare_batches(ways, choose_batches(store, n, batch_size, seed))


def compare_batches(ways: TwoWays, batches: Sequence[Sequence[Row]]) -> Report:
    """Makes batches in two ways, and compares them.

    Raises:
      DifferenceError: A tensor differs.
      StoreReadError: Audio cannot be read.
    """
    difference = 0.0
    names: tuple[str, ...] = ()
    for rows in batches:
        examples = examples_of(ways.computing, rows)
        samples = [_samples(row) for row in rows]
        stored = [StoredAudio(row) for row in rows]
        expected = make_batch(ways.computing, rows, examples, samples)
        served = make_batch(ways.serving, rows, examples, stored)
        difference = max(difference, _compare(expected, served, rows))
        names = tuple(expected)
    num_rows = sum(map(len, batches))
    kind = ways.store.contract.feature_type
    return Report(num_rows, len(batches), names, difference, kind)


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


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
