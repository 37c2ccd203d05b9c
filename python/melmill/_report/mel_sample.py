"""Means and spreads of mels, and silence, of a sample of rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from melmill._report.row_columns import RowColumns

# A frame is quiet if its loudest mel is this far below that of its row, dB.
QUIET_DB = 40.0
_FEATURES_OF_DB = 1 / 40  # features are (log10 power + 4) / 4


@dataclasses.dataclass(frozen=True)
class MelSample:
    """What the features of some rows say.

    Attributes:
      places: Where the rows are in the columns, ascending, [rows].
      quiet: Share of quiet frames of each row, [rows].
      mean: Mean of each row's mels, [rows, n_mels].
      of_splits: For each split with rows: number of rows and frames, and mean
        and standard deviation of each mel over all frames.
    """

    places: npt.NDArray[np.int64]
    quiet: npt.NDArray[np.float32]
    mean: npt.NDArray[np.float32]
    of_splits: dict[str, dict[str, Any]]


def choose(
    columns: RowColumns, num_rows: int | None, seed: int
) -> npt.NDArray[np.int64]:
    """Chooses rows of each split at random; all if num_rows is None."""
    random = np.random.default_rng(seed)
    chosen: list[npt.NDArray[np.int64]] = [np.zeros(0, np.int64)]
    for name in columns.store.splits:
        ours = columns.slice_of(name)
        size = ours.stop - ours.start
        if num_rows is None or size <= num_rows:
            chosen.append(np.arange(ours.start, ours.stop))
        else:
            drawn = random.choice(size, num_rows, replace=False)
            chosen.append(ours.start + np.sort(drawn))
    return np.concatenate(chosen)


def read_sample(
    columns: RowColumns,
    places: npt.NDArray[np.int64],
    count: Callable[[int], None],
) -> MelSample:
    """Reads the features of rows.

    Args:
      columns: The columns of the store.
      places: Where the rows are, ascending.
      count: Is called with the number of further rows that are read.
    """
    n_mels = columns.store.contract.n_mels
    quiet = np.zeros(len(places), np.float32)
    means = np.zeros((len(places), n_mels), np.float32)
    sums = {name: np.zeros((2, n_mels)) for name in columns.store.splits}
    num_rows = dict.fromkeys(sums, 0)
    num_frames = dict.fromkeys(sums, 0)
    for i, place in enumerate(places.tolist()):
        row = columns.row(place)
        features = row.features32.astype(np.float64)
        loudest = features.max(1)
        limit = loudest.max() - QUIET_DB * _FEATURES_OF_DB
        quiet[i] = (loudest < limit).mean()
        means[i] = features.mean(0)
        name = row.split.name
        sums[name] += features.sum(0), np.square(features).sum(0)
        num_rows[name] += 1
        num_frames[name] += len(features)
        count(1)
    return MelSample(
        places,
        quiet,
        means,
        {
            name: {
                "num_rows": num_rows[name],
                "num_frames": num_frames[name],
                **_moments(total / num_frames[name]),
            }
            for name, total in sums.items()
            if num_rows[name]
        },
    )


def _moments(powers: npt.NDArray[np.float64]) -> dict[str, list[float]]:
    mean, square = powers
    spread = np.sqrt(np.maximum(square - np.square(mean), 0))
    return {"mean": mean.tolist(), "spread": spread.tolist()}
