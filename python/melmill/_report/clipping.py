"""Rows whose samples reach full scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from melmill._report.row_columns import RowColumns
from melmill._report.summary import named_rows

FULL_SCALE = 32767 / 32768  # the largest sample of 16-bit PCM


def clipping(columns: RowColumns) -> dict[str, Any]:
    """How many rows reach full scale, of each sample rate and split.

    Rows without a peak are in `num_without_peak` alone.
    """
    peak = columns.peak
    is_known = ~np.isnan(peak)
    is_clipped = peak >= FULL_SCALE  # never of NaN
    clipped = np.flatnonzero(is_clipped)
    return {
        "full_scale": FULL_SCALE,
        "num_rows": int(is_known.sum()),
        "num_without_peak": int((~is_known).sum()),
        "num_clipped": len(clipped),
        "num_zeros": int((peak == 0).sum()),
        "by_source_rate": _by_source_rate(columns, is_known, is_clipped),
        "worst": named_rows(columns, clipped, peak[clipped], -1),
    }


def _by_source_rate(
    columns: RowColumns,
    is_known: npt.NDArray[np.bool_],
    is_clipped: npt.NDArray[np.bool_],
) -> list[dict[str, Any]]:
    rates = np.unique(columns.source_rate[is_known]).tolist()
    groups = [("all rates", is_known)]
    if len(rates) > 1:
        groups += [
            (f"{rate:,} Hz", is_known & (columns.source_rate == rate))
            for rate in rates
        ]
    entries = []
    for name, group in groups:
        splits = {}
        for split in columns.store.splits:
            ours = columns.slice_of(split)
            splits[split] = {
                "rows": int(group[ours].sum()),
                "clipped": int((group & is_clipped)[ours].sum()),
            }
        entries.append({"name": name, "splits": splits})
    return entries
