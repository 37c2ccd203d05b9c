"""A split as a data set of Hugging Face's package `datasets`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import datasets
import numpy as np

from melmill._store.row import Row
from melmill._store.split import Split
from melmill._view.columns import KeptKind, kept_names, kind_of, of_kind

# Workers and nodes get whole runs of rows, and shuffle() shuffles the runs.
_MAX_RUNS = 1024

_PIECE_TYPES = {
    "segment_start": "uint64",
    "segment_num_samples": "uint64",
    "source_rate_hz": "uint32",
    "audio_offset": "uint64",
    "audio_bytes": "uint64",
}


def stream(split: Split) -> datasets.IterableDataset:
    """Streams the rows of a split from its store, in order.

    Nothing is copied: no row is written to a cache. The rows are split into up
    to 1,024 runs, which workers and nodes share. shuffle() changes the order of
    the runs before it mixes rows in its buffer.

    Columns:
      features: Array2D [num_frames, n_mels], float16 or float32 as stored,
        float32 for bfloat16 and uint8; without padding, see Row.features.
      text, transcript, language, audio: Strings; a language can be None.
      duration_s: float64, seconds.
      index: int64, the row's number in the split.
      segment_start, segment_num_samples, source_rate_hz, audio_offset,
        audio_bytes: In a store with pieces only; see Row.piece.
      Fields of `extract --keep`: as in Split.to_arrow.
    """
    n_mels = split.contract.n_mels
    kept = _kept_columns(split)
    is_half = split.contract.feature_type == "f16"
    num_runs = min(_MAX_RUNS, len(split))
    bounds = np.linspace(0, len(split), num_runs + 1).astype(int).tolist()
    return datasets.IterableDataset.from_generator(
        _examples,
        features=datasets.Features(
            features=datasets.Array2D(
                (None, n_mels), "float16" if is_half else "float32"
            ),
            text=datasets.Value("string"),
            transcript=datasets.Value("string"),
            language=datasets.Value("string"),
            audio=datasets.Value("string"),
            duration_s=datasets.Value("float64"),
            index=datasets.Value("int64"),
            **(_piece_columns() if split.has_pieces else {}),
            **{
                name: datasets.Value(kind or "string")
                for name, kind in kept.values()
            },
        ),
        # `datasets` splits lists among workers.
        gen_kwargs={
            "rows": split,
            "kept": kept,
            "runs": list(itertools.pairwise(bounds)),
        },
    )


def _piece_columns() -> dict[str, datasets.Value]:
    return {name: datasets.Value(kind) for name, kind in _PIECE_TYPES.items()}


def _kept_columns(split: Split) -> dict[str, tuple[str, KeptKind | None]]:
    """The name of the column of each kept field, and its type."""
    return {
        field: (name, kind_of(split.kept(field)))
        for field, name in kept_names(split).items()
    }


def _piece(row: Row) -> dict[str, int]:
    piece = row.piece
    return {
        "segment_start": piece.start,
        "segment_num_samples": piece.num_samples,
        "source_rate_hz": row.source_rate_hz,
        "audio_offset": piece.range_offset,
        "audio_bytes": piece.range_bytes,
    }


def _examples(
    rows: Split,
    kept: Mapping[str, tuple[str, KeptKind | None]],
    runs: Sequence[tuple[int, int]],
) -> Iterator[dict[str, Any]]:
    for first, end in runs:
        for row in rows[first:end]:
            values = row.kept if kept else {}
            yield {
                "features": row.features,
                "text": row.text,
                "transcript": row.transcript,
                "language": row.language,
                "audio": row.audio,
                "duration_s": row.duration_s,
                "index": row.index,
                **(_piece(row) if rows.has_pieces else {}),
                **{
                    name: of_kind(values.get(field), kind)
                    for field, (name, kind) in kept.items()
                },
            }
