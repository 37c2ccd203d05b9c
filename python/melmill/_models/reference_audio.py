"""The samples of rows, as the reference recipe loads them."""

from __future__ import annotations

import io
from typing import Any

import librosa

from melmill._models.audio_loaders import original_load
from melmill._store.row import Row


def load_samples(row: Row) -> Any:
    """The samples of a row's audio at the contract's rate, from librosa.

    Raises: whatever librosa raises.
    """
    rate_hz = row.split.contract.sample_rate_hz
    samples = _piece(row, rate_hz) if row.split.has_pieces else None
    if samples is None:
        samples, _ = original_load()(row.audio_path, sr=rate_hz, mono=True)
    return samples


def _piece(row: Row, rate_hz: int) -> Any:
    """The samples of a piece of a file; None for a whole file."""
    piece = row.piece
    if not any(piece):
        return None
    source: Any = row.audio_path
    if piece.range_bytes:
        with row.audio_path.open("rb") as file:
            file.seek(piece.range_offset)
            source = io.BytesIO(file.read(piece.range_bytes))
    samples, own_rate_hz = original_load()(source, sr=None, mono=False)
    if piece.num_samples:
        samples = samples[..., piece.start : piece.start + piece.num_samples]
    return librosa.resample(
        librosa.to_mono(samples), orig_sr=own_rate_hz, target_sr=rate_hz
    )
