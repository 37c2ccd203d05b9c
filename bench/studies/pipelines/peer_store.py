"""The store that the Python peers write: one or more HDF5 files of features.

Each file holds `features`, one contiguous run of float16, and for each of its
rows `row` (its place in the manifest), `start` and `num_frames`. A row is
[128, num_frames], as the extractors return it: turning it round would cost the
peers time. Nothing is fsynced: h5py offers no such call.
"""

import json
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

N_MELS = 128
RATE_HZ = 16000
HOP_LENGTH = 160

HalfArray = npt.NDArray[np.float16]


def read_manifest(path: Path) -> list[str]:
    """The audio path of each line."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line)["audio"] for line in lines]


def num_frames_of(path: str) -> int:
    """How many frames a WAV file gives, from its header alone."""
    with open(path, "rb", buffering=0) as file:
        header = file.read(4096)
    at = 12
    while header[at : at + 4] != b"data":
        if header[at : at + 4] == b"fmt ":
            rate_hz, _, block = struct.unpack_from("<IIH", header, at + 12)
        at += 8 + struct.unpack_from("<I", header, at + 4)[0]
    num_samples = struct.unpack_from("<I", header, at + 4)[0] // block
    return int(-(-num_samples * RATE_HZ // rate_hz)) // HOP_LENGTH


class FeatureFile:
    """Writes rows to their places; any number of threads may.

    Rows are written by pwrite at the offset that HDF5 gives the dataset: that
    takes neither its lock nor a copy, and is faster than h5py's assignment.
    """

    def __init__(self, path: Path, rows: Sequence[int], num_frames: list[int]):
        """Makes the file in its final size.

        Args:
          path: Of the file.
          rows: The manifest lines it will hold, counted from 0.
          num_frames: Of each of these rows.
        """
        ends = np.cumsum(num_frames)
        starts = ends - num_frames
        self._file = h5py.File(path, "w")
        self._file["row"] = np.asarray(rows)
        self._file["start"] = starts
        self._file["num_frames"] = np.asarray(num_frames)
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        plist.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        features = h5py.h5d.create(
            self._file.id,
            b"features",
            h5py.h5t.IEEE_F16LE,
            h5py.h5s.create_simple((int(ends[-1]) * N_MELS,)),
            plist,
        )
        self._file.flush()
        first = features.get_offset()
        self._offsets = {
            row: first + 2 * N_MELS * start
            for row, start in zip(rows, starts.tolist(), strict=True)
        }
        self._num_frames = dict(zip(rows, num_frames, strict=True))
        self._descriptor = os.open(path, os.O_RDWR)

    def write(self, row: int, features: HalfArray) -> None:
        """Stores the [128, num_frames] of one row."""
        if features.shape != (N_MELS, self._num_frames[row]):
            raise ValueError(f"row {row} has shape {features.shape}")
        data = features.data.cast("B")
        os.pwrite(self._descriptor, data, self._offsets[row])

    def __enter__(self) -> "FeatureFile":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._descriptor)
        self._file.close()


def read_rows(
    folder: Path, rows: Sequence[int]
) -> tuple[int, int, dict[int, npt.NDArray[Any]]]:
    """Reads a store.

    Returns:
      The number of rows and of frames in all files, and the [frames, 128] of
      the rows asked for.
    """
    total_rows = total_frames = 0
    found: dict[int, npt.NDArray[Any]] = {}
    for path in sorted(folder.glob("*.h5")):
        with h5py.File(path) as file:
            numbers = file["row"][:].tolist()
            starts = file["start"][:].tolist()
            lengths = file["num_frames"][:].tolist()
            total_rows += len(numbers)
            total_frames += sum(lengths)
            for number, start, length in zip(
                numbers, starts, lengths, strict=True
            ):
                if number in rows:
                    flat = file["features"][
                        start * N_MELS : (start + length) * N_MELS
                    ]
                    found[number] = flat.reshape(N_MELS, length).T
    return total_rows, total_frames, found
