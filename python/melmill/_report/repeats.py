"""Rows that a store has more than once, in one split or in several."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from melmill._report.row_columns import RowColumns

_NUM_EXAMPLES = 5
_ROWS_OF_EXAMPLE = 4


def repeats(columns: RowColumns) -> dict[str, Any]:
    """Rows with the same audio string, samples or transcript.

    A group between splits that has several rows of one split is in both lists.
    """
    return {
        "same audio": _repeats_of(columns, columns.audio_key),
        "same samples": _repeats_of(columns, columns.sound_key),
        "same transcript": _repeats_of(columns, columns.words_key),
    }


def _repeats_of(
    columns: RowColumns, keys: npt.NDArray[np.uint64]
) -> dict[str, Any]:
    order = np.argsort(keys, kind="stable")
    order = order[keys[order] != 0]
    values, splits = keys[order], columns.splits_of(order)
    is_other = values[1:] != values[:-1]
    starts, sizes = _runs(is_other, len(order))
    # The rows of a group ascend, and so do their splits.
    leaks = splits[starts] != splits[starts + sizes - 1]
    between = _groups(columns, order, starts[leaks], sizes[leaks])
    starts, sizes = _runs(is_other | (splits[1:] != splits[:-1]), len(order))
    several = sizes > 1
    within = _groups(columns, order, starts[several], sizes[several])
    return {"between_splits": between, "in_one_split": within}


def _runs(
    is_other: npt.NDArray[np.bool_], num_values: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Starts and sizes of runs; `is_other`: whether each begins after one."""
    starts = np.flatnonzero(np.append(True, is_other))[:num_values]
    return starts, np.diff(np.append(starts, num_values))


def _groups(
    columns: RowColumns,
    order: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
) -> dict[str, Any]:
    largest = np.argsort(-sizes, kind="stable")[:_NUM_EXAMPLES]
    examples = []
    for start, size in zip(starts[largest], sizes[largest], strict=True):
        places = order[start : start + size]
        # One of each split first.
        _, ones = np.unique(columns.splits_of(places), return_index=True)
        shown = np.append(places[ones], np.delete(places, ones))
        named = [name_of(columns, p) for p in shown[:_ROWS_OF_EXAMPLE].tolist()]
        examples.append({"num_rows": int(size), "rows": named})
    return {
        "num_groups": len(starts),
        "num_rows": int(sizes.sum()),
        "examples": examples,
    }


def name_of(columns: RowColumns, place: int) -> dict[str, Any]:
    """What a person needs to find a row."""
    row = columns.row(place)
    return {
        "split": row.split.name,
        "line": row.line,
        "audio": row.audio,
        "transcript": row.transcript[:200],
    }
