"""Finds rows that are longer than a model takes, before training starts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from melmill._store.split import RowSlice, Split

_MOST_NAMED = 3


def describe_long_rows(
    parts: Sequence[Split | RowSlice], num_samples: int
) -> str | None:
    """Names rows of more than num_samples samples; None if there are none."""
    num_rows = num_long = 0
    names: list[str] = []
    for rows in parts:
        lengths = _lengths(rows)
        places = np.flatnonzero(lengths > num_samples).tolist()
        num_rows += len(lengths)
        num_long += len(places)
        for place in places[: _MOST_NAMED - len(names)]:
            row = rows[place]
            names.append(
                f"{row.audio} (row {row.index} of split {row.split.name}) has "
                f"{row.num_samples} samples"
            )
    if not num_long:
        return None
    first = parts[0]
    split = first if isinstance(first, Split) else first.split
    rate_hz = split.contract.sample_rate_hz
    limit_s = f"{num_samples / rate_hz:g}"
    more = f", and {num_long - len(names)} more" * (num_long > len(names))
    return (
        f"{num_long:,} of {num_rows:,} rows are longer than {limit_s} s "
        f"({num_samples} samples): {'; '.join(names)}{more}. A store cannot "
        f"truncate clips; melmill extract --max-duration {limit_s} --update "
        "leaves them out"
    )


def _lengths(rows: Split | RowSlice) -> npt.NDArray[np.uint64]:
    if isinstance(rows, Split):
        return rows.num_samples
    return rows.split.num_samples[np.asarray(rows.indices, np.int64)]
