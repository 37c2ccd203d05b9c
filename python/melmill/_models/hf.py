"""A split as a data set of Hugging Face's package `datasets`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import datasets
import numpy as np

from melmill._store.split import Split

# Workers and nodes get whole runs of rows, and shuffle() shuffles the runs.
_MAX_RUNS = 1024


def stream(split: Split) -> datasets.IterableDataset:
    """Streams the rows of a split from its store, in order.

    Nothing is copied: no row is written to a cache. The rows are split into up
    to 1,024 runs, which workers and nodes share. shuffle() changes the order of
    the runs before it mixes rows in its buffer.

    Columns:
      features: Array2D [num_frames, n_mels], float16 or float32 as stored,
        float32 for bfloat16; without padding, see Row.features.
      text, transcript, language, audio: Strings; a language can be None.
      duration_s: float64, seconds.
      index: int64, the row's number in the split.
    """
    n_mels = split.contract.n_mels
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
        ),
        # `datasets` splits lists among workers.
        gen_kwargs={
            "rows": split,
            "runs": list(itertools.pairwise(bounds)),
        },
    )


def _examples(
    rows: Split, runs: Sequence[tuple[int, int]]
) -> Iterator[dict[str, Any]]:
    for first, end in runs:
        for row in rows[first:end]:
            yield {
                "features": row.features,
                "text": row.text,
                "transcript": row.transcript,
                "language": row.language,
                "audio": row.audio,
                "duration_s": row.duration_s,
                "index": row.index,
            }
