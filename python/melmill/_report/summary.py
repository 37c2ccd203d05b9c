"""The numbers of the report, as JSON can hold them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from melmill._report.mel_sample import QUIET_DB, MelSample
from melmill._report.repeats import name_of
from melmill._report.row_columns import NO_LANGUAGE, RowColumns

_NUM_BINS = 40
_NUM_NAMED = 5
_FENCE = 3.0  # outliers are so many interquartile ranges outside the quartiles
_FEWEST_ROWS = 20  # of a group that has outliers of its own
_LEAST_PEAK = 1e-6  # stands for 0, of which there is no logarithm
_QUANTILES = (0, 0.01, 0.25, 0.5, 0.75, 0.99, 1)


def hours(columns: RowColumns) -> dict[str, Any]:
    """Rows and hours by split, language and sample rate of the source."""
    languages = [*columns.languages]
    rates, rate_of_row = np.unique(columns.source_rate, return_inverse=True)
    names = [f"{rate:,} Hz" for rate in rates.tolist()]
    none = np.zeros(len(columns), np.int64)
    return {
        "by_split": _by(columns, ["all rows"], none),
        "by_language": _by(columns, languages, columns.language),
        "by_source_rate": _by(columns, names, rate_of_row),
    }


def _by(
    columns: RowColumns, names: list[str], which: npt.NDArray[Any]
) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {
        name: {"name": name, "splits": {}} for name in names
    }
    for split in columns.store.splits:
        ours = columns.slice_of(split)
        rows = np.bincount(which[ours], minlength=len(names))
        seconds = np.bincount(
            which[ours], columns.duration_s[ours], minlength=len(names)
        )
        for i, name in enumerate(names):
            found[name]["splits"][split] = {
                "rows": int(rows[i]),
                "hours": float(seconds[i]) / 3600,
            }
    return sorted(
        found.values(),
        key=lambda entry: -sum(s["hours"] for s in entry["splits"].values()),
    )


def measures(columns: RowColumns, sample: MelSample) -> list[dict[str, Any]]:
    """Distributions and outliers of what is measured of each row.

    That of peaks is there only if they are known.
    """
    everything = np.arange(len(columns))
    spoken = np.flatnonzero(columns.num_letters)
    with_peak = np.flatnonzero(~np.isnan(columns.peak))
    peaks = []
    if with_peak.size:
        peak = np.maximum(columns.peak[with_peak], _LEAST_PEAK)
        peaks.append(
            _measure(
                columns, "Peak", "dB", with_peak, 20 * np.log10(peak), None
            )
            | {
                "note": "Largest absolute sample of a row's audio; 0 dB is "
                "full scale."
            }
        )
    return [
        _measure(
            columns, "Duration", "s", everything, columns.duration_s, None
        ),
        _measure(columns, "Level", "dB", everything, columns.level_db, None)
        | {
            "note": "Loudest mel power of a row; 0 dB is a power of 1. The "
            "last frames, which padding can change, are left out."
        },
        *peaks,
        _measure(
            columns,
            "Characters per second",
            "1/s",
            spoken,
            columns.letters_per_s[spoken],
            columns.language[spoken],
        )
        | {
            "note": "Rows with a transcript. Outliers are those of each "
            "language."
        },
        _measure(
            columns, "Silence", "%", sample.places, sample.quiet * 100, None
        )
        | {
            "note": f"Share of frames that are {QUIET_DB:.0f} dB or more "
            "below the loudest frame of their row; of the sample of rows."
        },
    ]


def _measure(
    columns: RowColumns,
    name: str,
    unit: str,
    places: npt.NDArray[np.int64],
    values: npt.NDArray[np.float32],
    groups: npt.NDArray[np.uint32] | None,
) -> dict[str, Any]:
    splits = columns.splits_of(places)
    edges = _edges(values)
    counts, quantiles = {}, {}
    for i, split in enumerate(columns.store.splits):
        ours = values[splits == i]
        if ours.size:
            # NumPy 1 clips float32 to float32, which may be beyond an edge.
            precise = ours.astype(np.float64)
            precise = np.clip(precise, edges[0], edges[-1])
            counted, _ = np.histogram(precise, edges)
            counts[split] = counted.tolist()
            quantiles[split] = np.quantile(ours, _QUANTILES).tolist()
    return {
        "name": name,
        "unit": unit,
        "edges": edges.tolist(),
        "counts": counts,
        "quantiles": quantiles,
        "outliers": _outliers(columns, places, values, groups),
        "note": "",
    }


def _edges(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Edges of bins; the first and the last also count what is beyond."""
    if not values.size:
        return np.linspace(0, 1, _NUM_BINS + 1)
    low, high = np.quantile(values, (0.001, 0.999)).astype(float)
    if high - low < 1e-6 * max(abs(high), 1):
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, _NUM_BINS + 1)


def _outliers(
    columns: RowColumns,
    places: npt.NDArray[np.int64],
    values: npt.NDArray[np.float32],
    groups: npt.NDArray[np.uint32] | None,
) -> dict[str, Any]:
    groups = np.zeros(len(values), np.uint32) if groups is None else groups
    low, high = np.zeros((2, len(values)), np.bool_)
    for group in np.unique(groups):
        ours = groups == group
        if np.count_nonzero(ours) < _FEWEST_ROWS:
            continue
        first, third = np.quantile(values[ours], (0.25, 0.75))
        reach = _FENCE * (third - first)
        low |= ours & (values < first - reach)
        high |= ours & (values > third + reach)
    return {
        "low": named_rows(columns, places[low], values[low], 1),
        "high": named_rows(columns, places[high], values[high], -1),
    }


def named_rows(
    columns: RowColumns,
    places: npt.NDArray[np.int64],
    values: npt.NDArray[np.float32],
    direction: int,
) -> dict[str, Any]:
    """The rows with the least values, or with -1 those with the greatest."""
    most = np.argsort(direction * values, kind="stable")[:_NUM_NAMED]
    rows = [
        {**name_of(columns, place), "place": place, "value": value}
        for place, value in zip(
            places[most].tolist(), values[most].tolist(), strict=True
        )
    ]
    return {"num_rows": len(places), "rows": rows}


def texts(columns: RowColumns) -> dict[str, Any]:
    """How many rows have no transcript, and how many name no language."""
    has_language = np.array(
        [name != NO_LANGUAGE for name in columns.languages], np.bool_
    )
    named = has_language[columns.language]
    return {
        "num_rows": len(columns),
        "num_without_transcript": int((columns.num_letters == 0).sum()),
        "num_without_language": int((~named).sum()),
    }


def certificates(folders: Iterable[Any]) -> list[dict[str, Any]]:
    """The certificate.json of each folder that has one."""
    found = []
    for folder in folders:
        try:
            fields = json.loads((folder / "certificate.json").read_bytes())
        except (OSError, ValueError):
            continue
        with contextlib.suppress(KeyError, TypeError):
            found.append(
                {
                    "verdict": fields["verdict"],
                    "num_rows": fields["rows"]["chosen"],
                    "largest_difference": fields["difference"]["largest"],
                }
            )
    return found
