"""A split as a data set of Hugging Face's `datasets`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import datasets
import numpy as np

from melmill._store.split import Split

# Workers and nodes are given whole runs of rows, and shuffle() shuffles them.
_MAX_RUNS = 1024


def stream(split: Split) -> datasets.IterableDataset:
    """Streams the rows of a split from its store, in order.

    Nothing is copied: neither the store nor a row is written to a cache. Split
    among workers and nodes by up to 1,024 runs of rows, which shuffle() puts
    in another order before it mixes rows in its buffer.

    Columns:
      features: Array2D [num_frames, n_mels], float16 or float32 as stored,
        float32 for bfloat16; the clip's own form, see Row.features.
      text, transcript, language, audio: Strings; language may be None.
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
        # Lists are what `datasets` splits among workers.
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
