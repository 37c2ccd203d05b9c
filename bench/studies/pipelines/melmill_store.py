"""Reads rows of a melmill store, as docs/format.md shows it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt


def read_rows(
    folder: Path, rows: Sequence[int]
) -> tuple[int, int, dict[int, npt.NDArray[Any]]]:
    """Reads a store of one split without rejects; see peer_store.read_rows."""
    index = json.loads((folder / "store.json").read_text())
    (split,) = index["splits"]
    found = {}
    with h5py.File(folder / f"{split['name']}.rows.h5") as table:
        num_frames = table["num_frames"][:]
        shards = table["shard"][:]
        starts = table["start"][:]
    for row in rows:
        name = index["shards"][int(shards[row])]["file"]
        start = int(starts[row])
        with h5py.File(folder / name) as shard:
            stored = (shard["status"][:] == 1) & (shard["start"][:] == start)
            floor = shard["floor"][np.flatnonzero(stored)[0]]
            features = shard["features"][start : start + int(num_frames[row])]
        found[row] = np.maximum(features, features.dtype.type(floor))
    return len(num_frames), int(num_frames.sum()), found


def num_bytes(folder: Path) -> int:
    """All bytes that a run wrote."""
    return sum(path.stat().st_size for path in folder.iterdir())
