"""Typical and suspicious rows, with their spectrograms and their audio."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np

from melmill._report.mel_sample import MelSample
from melmill._report.repeats import name_of
from melmill._report.row_columns import RowColumns
from melmill._view.spectrogram import spectrogram_png

_NUM_TYPICAL = 4
_NUM_SUSPICIOUS = 8
_MOST_AUDIO_BYTES = 600_000
_KINDS = {b"RIFF": "audio/wav", b"fLaC": "audio/flac", b"OggS": "audio/ogg"}
_MP3_STARTS = (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xfa")


def typical(columns: RowColumns, sample: MelSample) -> list[dict[str, Any]]:
    """Rows whose mels are nearest to those of all."""
    if not len(sample.places):
        return []
    spread = np.maximum(sample.mean.std(0), 1e-6)
    far = np.abs((sample.mean - np.median(sample.mean, 0)) / spread).mean(1)
    far += np.abs(
        np.log2(
            columns.duration_s[sample.places]
            / np.median(columns.duration_s[sample.places])
        )
    )
    nearest = np.argsort(far, kind="stable")[:_NUM_TYPICAL]
    return [
        {**name_of(columns, place), "place": place, "why": "typical"}
        for place in sample.places[nearest].tolist()
    ]


def suspicious(measures: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first outliers of each measure, each row once."""
    found: dict[int, dict[str, Any]] = {}
    for rank in (0, 1):
        for measure in measures:
            for end in ("low", "high"):
                rows = measure["outliers"][end]["rows"]
                if rank >= len(rows):
                    continue
                unit = measure["unit"]
                why = f"{measure['name']}: {rows[rank]['value']:.4g} {unit}"
                row = dict(rows[rank])
                if row["place"] in found:
                    found[row["place"]]["why"] += f"; {why[0].lower()}{why[1:]}"
                elif len(found) < _NUM_SUSPICIOUS:
                    found[row["place"]] = {**row, "why": why}
    return list(found.values())


def picture(columns: RowColumns, place: int) -> str:
    """The spectrogram of a row, as a data URL."""
    return data_url("image/png", spectrogram_png(columns.row(place).features))


def audio(columns: RowColumns, place: int) -> str | None:
    """The audio of a row as a data URL, if it is a small whole file."""
    row = columns.row(place)
    if row.piece.num_samples or row.piece.range_bytes:
        return None
    content = _small_file(row.audio_path)
    kind = _kind_of(content)
    return data_url(kind, content) if kind else None


def data_url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _small_file(path: Path) -> bytes:
    try:
        # A FIFO would wait for somebody who writes.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                return b""
            if state.st_size > _MOST_AUDIO_BYTES:
                return b""
            return file.read(_MOST_AUDIO_BYTES)
    except (OSError, ValueError):
        return b""


def _kind_of(content: bytes) -> str | None:
    """The type of sound that browsers play; nothing else gets into a page."""
    if content.startswith(_MP3_STARTS):
        return "audio/mpeg"
    return _KINDS.get(content[:4])
