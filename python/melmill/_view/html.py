"""What a notebook shows of a store, a split, some rows, and a row."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from melmill._store.row import Row, shortened
from melmill._store.split import RowSlice, Split
from melmill._store.store import Store
from melmill._view.spectrogram import spectrogram_png

_NUM_FIRST_ROWS = 5
_NUMBERS = frozenset({"row", "rows", "seconds", "hours"})  # columns


def of_row(row: Row) -> str:
    """What one wants to know of a row, and its spectrogram."""
    facts = [
        ("audio", row.audio),
        ("duration", f"{row.duration_s:.2f} s, {row.num_frames:,} frames"),
        ("language", row.language or ""),
        ("transcript", row.transcript),
    ]
    if row.piece.num_samples:
        facts.append(("starts at", f"{row.segment_start_s:.2f} s"))
    if row.prompt:
        facts.append(("prompt", row.prompt))
    facts += [(field, str(value)) for field, value in row.kept.items()]
    picture = base64.b64encode(spectrogram_png(row.features)).decode()
    n_mels = row.split.contract.n_mels
    return (
        _title(f"Row {row.index:,} of split {row.split.name}")
        + _table((), facts)
        + f'<img alt="spectrogram of {row.duration_s:.2f} s, {n_mels} mels" '
        'style="width: 100%; max-width: 900px; height: 160px" '
        f'src="data:image/png;base64,{picture}">'
    )


def of_rows(rows: Split | RowSlice) -> str:
    """The number of rows, their lengths, and the first of them."""
    split = rows if isinstance(rows, Split) else rows.split
    durations_s = split.durations_s
    title = f"Split {split.name}: "
    if isinstance(rows, RowSlice):
        durations_s = durations_s[np.asarray(rows.indices, np.int64)]
        title = f"Rows of split {split.name}: "
    title += f"{len(rows):,} rows, {durations_s.sum() / 3600:,.2f} h"
    if not len(rows):
        return _title(title)
    least, median, most = np.quantile(durations_s, (0, 0.5, 1))
    lengths = f"{least:.2f} to {most:.2f} s, median {median:.2f} s"
    first = [
        (
            f"{row.index:,}",
            row.audio,
            f"{row.duration_s:.2f}",
            row.language or "",
            shortened(row.transcript),
        )
        for row in rows[:_NUM_FIRST_ROWS]
    ]
    names = ("row", "audio", "seconds", "language", "transcript")
    more = len(rows) - len(first)
    rest = f"<p>and {more:,} more</p>" if more else ""
    return _title(title) + f"<p>{lengths}</p>" + _table(names, first) + rest


def of_store(store: Store) -> str:
    """The folders, the settings that matter most, and the splits."""
    contract = store.contract
    settings = (
        f"{contract.n_mels} mels of {contract.sample_rate_hz:,} Hz, "
        f"{contract.feature_type}"
    )
    splits = [
        (name, f"{len(split):,}", f"{split.durations_s.sum() / 3600:,.2f}")
        for name, split in store.items()
    ]
    return (
        _title(f"Store {store.name}")
        + f"<p>{escape(settings)}</p>"
        + _table(("split", "rows", "hours"), splits)
    )


def _title(text: str) -> str:
    return f"<p><b>{escape(text)}</b></p>"


def _table(names: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table; notebooks would align all of it to the right."""
    head = "".join(
        f'<th scope="col"{_alignment(names, number)}>{escape(name)}</th>'
        for number, name in enumerate(names)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{_alignment(names, number)}>{escape(cell)}</td>"
            for number, cell in enumerate(line)
        )
        + "</tr>"
        for line in lines
    )
    return f"<table>{f'<tr>{head}</tr>' if head else ''}{body}</table>"


def _alignment(names: Sequence[str], number: int) -> str:
    is_number = number < len(names) and names[number] in _NUMBERS
    return f' style="text-align: {"right" if is_number else "left"}"'
