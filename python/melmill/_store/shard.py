"""A shard: the features of consecutive rows, and the facts of each row."""

from __future__ import annotations

import bisect
import functools
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from melmill._store import narrow_types
from melmill._store.errors import DamagedStoreError
from melmill._store.files import OpenFiles, StoreFile, read_only
from melmill._store.hdf5 import Columns
from melmill._store.index import Contract, ShardFacts

FEATURES_OFFSET = 4096  # of every shard; see docs/format.md

# Where the features begin in a copy that lacks them (`melmill pull
# --for-finish`). As features these bytes are larger than any real ones.
WITHOUT_FEATURES = b"melmill: this copy of a shard lacks its features"

_KINDS = {
    "status": "u1",
    "start": "<u8",
    "body_max": "<f4",
    "floor": "<f4",
    "checksum": "<u8",
    "tail_samples": "<f4",
}
_SOURCE_KINDS = {"source_rate": "<u4", "source_checksum": "u1"}
_PEAK = {"peak": "<f4"}  # not in shards that were made before format 1.3
_SOURCE_CHECKSUM_BYTES = 16
_STATUS_STORED = 1
_LEAST_IMPOSSIBLE = 1000  # as log10 power, and as a feature
_STORED_AS = {"f16": "<f2", "f32": "<f4", "bf16": "<u2", "u8": "u1"}


def lacks_features(file: StoreFile, features_end: int) -> bool:
    """Whether a shard is a copy without features.

    Raises:
      StoreReadError: The system cannot read the file.
    """
    if features_end < FEATURES_OFFSET + len(WITHOUT_FEATURES):
        return False  # such a copy has all bytes
    start = bytearray(len(WITHOUT_FEATURES))
    file.read_into(FEATURES_OFFSET, start)
    return start == WITHOUT_FEATURES


class Sources(NamedTuple):
    """What a shard says of the audio of stored rows, [rows].

    Attributes:
      rate: Sample rate of the audio file, Hz.
      checksum: The first 8 bytes of source_checksum (docs/format.md).
      body_max: Largest log10 mel power of each row's body.
      peak: Row.peak; NaN where it is None.
    """

    rate: npt.NDArray[np.uint32]
    checksum: npt.NDArray[np.uint64]
    body_max: npt.NDArray[np.float32]
    peak: npt.NDArray[np.float32]


class Shard:
    """One shard, checked against store.json.

    Threads and forked processes can share it.

    Args:
      folder: The store's folder.
      facts: The shard's entry in store.json.
      contract: The store's contract.
      files: Keeps the shard's file open.
      maps_batches: Whether the rows of batches are mapped or read.

    Raises:
      DamagedStoreError: The file is missing or is not the one in store.json.
        The features are not read for this check.
      StoreReadError: The system cannot read the file.

    Attributes:
      path: The shard's file.
      dtype: Type of the stored features; uint16 for the bits of bfloat16.
    """

    def __init__(
        self,
        folder: Path,
        facts: ShardFacts,
        contract: Contract,
        files: OpenFiles,
        *,
        maps_batches: bool,
    ) -> None:
        self.path = folder / facts.file
        self._maps_batches = maps_batches
        self._facts = facts
        self._n_mels = contract.n_mels
        self.dtype = np.dtype(_STORED_AS[contract.feature_type])
        self._files = files
        self._mapped: _Mapped | None = None
        self._check_checksum()
        self._columns = self._open_columns(
            _KINDS, tail_samples=contract.tail_length
        )
        stored = np.flatnonzero(self._columns.read("status") == _STATUS_STORED)
        starts = self._columns.read("start")[stored]
        order = np.argsort(starts, kind="stable")
        # Python takes single numbers out of these sooner than out of arrays.
        self._starts = starts[order].astype(np.uint64).data
        self._rows = stored[order].astype(np.uint32).data
        self._body_max = self._columns.read("body_max")
        self._floor = self._columns.read("floor")
        for name, values in (
            ("body_max", self._body_max),
            ("floor", self._floor),
        ):
            # NaN is not less than anything.
            if not (np.abs(values) < _LEAST_IMPOSSIBLE).all():
                raise DamagedStoreError(
                    f"{self.path}: {name}: a number that no sound has"
                )
        self._body_floor = contract.normalised_floor(
            self._body_max.astype(np.float64)
        )
        if contract.feature_type == "u8":
            self._bases = narrow_types.byte_bases(self._body_floor)
            self._end_bases = narrow_types.byte_bases(self._floor)

    @property
    def _features_end(self) -> int:
        row_bytes = self._n_mels * self.dtype.itemsize
        return FEATURES_OFFSET + self._facts.num_frames * row_bytes

    def _check_checksum(self) -> None:
        facts = self._facts
        if self._features_end > facts.num_bytes:
            raise DamagedStoreError(
                f"{self.path}: {facts.num_bytes} bytes are too few for "
                f"{facts.num_frames} frames"
            )
        file = self._files.get(self.path, facts.num_bytes)
        ranges = (
            (0, FEATURES_OFFSET),
            (self._features_end, facts.num_bytes),
        )
        if file.checksum(ranges) != facts.checksum:
            raise DamagedStoreError(
                f"{self.path}: checksum differs from that in store.json; "
                "`melmill verify --repair` can rebuild the shard"
            )
        if lacks_features(file, self._features_end):
            raise DamagedStoreError(
                f"{self.path}: a copy without features, for `melmill finish` "
                "alone; `melmill pull` without --for-finish brings them"
            )

    def _open_columns(
        self,
        kinds: dict[str, str],
        optional: Mapping[str, str] = MappingProxyType({}),
        **widths: int,
    ) -> Columns:
        """Columns of all rows; those with a width have so many values a row."""
        facts = self._facts
        columns = Columns(
            self.path, facts.num_bytes, kinds, self._files, None, optional
        )
        for name, kind in (*kinds.items(), *optional.items()):
            if name in columns:
                width = (widths[name],) if name in widths else ()
                columns.check(name, kind, (facts.num_rows, *width))
        return columns

    @functools.cached_property
    def _source_columns(self) -> Columns:
        """Columns on the rows' audio, which training does not need."""
        return self._open_columns(
            _SOURCE_KINDS, _PEAK, source_checksum=_SOURCE_CHECKSUM_BYTES
        )

    @functools.cached_property
    def _peak(self) -> npt.NDArray[np.float32] | None:
        """The column of peaks, if the shard has one."""
        if "peak" not in self._source_columns:
            return None
        peak = self._source_columns.read("peak")
        if not (np.isfinite(peak) & (peak >= 0)).all():
            raise DamagedStoreError(
                f"{self.path}: peak: a number that no sound has"
            )
        return peak

    def row_at(self, start: int, num_frames: int) -> int:
        """The number in the shard of the row with these frames.

        Raises:
          DamagedStoreError: No stored row begins there, or the shard has fewer
            frames.
        """
        self._check_frames(start, num_frames)
        at = bisect.bisect_left(self._starts, start)
        if at == len(self._starts) or self._starts[at] != start:
            raise DamagedStoreError(
                f"{self.path}: start: no stored row begins at frame {start}"
            )
        return self._rows[at]

    def body_max(self, row: int) -> float:
        """See StoredRow.body_max."""
        return float(self._body_max[row])

    def floor(self, row: int) -> float:
        """See StoredRow.floor."""
        return float(self._floor[row])

    def peak(self, row: int) -> float | None:
        """See Row.peak."""
        peak = self._peak
        return None if peak is None else float(peak[row])

    def widen(
        self, row: int, stored: npt.NDArray[Any], target: npt.NDArray[Any]
    ) -> None:
        """Writes bytes of the row's body, as `frames` has them, as float32."""
        narrow_types.widen_bytes(
            stored,
            self._bases[row],
            self._body_floor[row],
            target,
        )

    def widen_end(
        self, row: int, stored: npt.NDArray[Any], target: npt.NDArray[Any]
    ) -> None:
        """The same for frames that touch the row's end."""
        narrow_types.widen_bytes(
            stored,
            self._end_bases[row],
            self._floor[row],
            target,
        )

    def sources(self, starts: npt.NDArray[np.uint64]) -> Sources:
        """What the shard says of the audio of the rows with these starts.

        Raises:
          DamagedStoreError: A column is damaged, or no stored row begins there.
          StoreReadError: The system cannot read the file.
        """
        ours = np.asarray(self._starts)
        at = np.searchsorted(ours, starts)
        if (at >= len(ours)).any() or (ours[at] != starts).any():
            raise DamagedStoreError(
                f"{self.path}: start: no stored row begins at a frame that the "
                "table names"
            )
        rows = np.asarray(self._rows)[at]
        checksums = self._source_columns.read("source_checksum")[rows, :8]
        return Sources(
            self._source_columns.read("source_rate")[rows],
            np.ascontiguousarray(checksums).view("<u8")[:, 0],
            self._body_max[rows],
            np.full(len(rows), np.nan, np.float32)
            if self._peak is None
            else self._peak[rows],
        )

    def checksum(self, row: int) -> int:
        """XXH3-64 of the row's stored features; read from the index."""
        return int(self._columns.read("checksum", row, row + 1)[0])

    def source_checksum(self, row: int) -> bytes:
        """XXH3-128 of the row's audio; read from the index."""
        checksum = self._source_columns.read("source_checksum", row, row + 1)
        return checksum.tobytes()

    def copy_tail(self, row: int, target: npt.NDArray[Any]) -> None:
        """Copies the clip's last samples to `target`, float32 [tail_length]."""
        if self._maps_batches:
            target[...] = self._map().tails[row]
        else:
            self._columns.read_into("tail_samples", row, target)

    def view(self, start: int, num_frames: int) -> npt.NDArray[Any]:
        """A read-only view of the mapped file, [num_frames, n_mels].

        bfloat16 is returned as its bits, uint16.
        """
        return read_only(self._map().features[start : start + num_frames])

    def frames(self, start: int, buffer: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Frames from `start` on, as many as the buffer holds.

        Args:
          start: The first frame.
          buffer: Memory of type `dtype`, [frames, n_mels].

        Returns:
          The buffer, filled; or a view of the mapped file, which must not be
          written to.

        Raises:
          DamagedStoreError: The shard has fewer frames.
          StoreReadError: The system cannot read the file.
        """
        self._check_frames(start, len(buffer))
        if self._maps_batches:
            return self._map().features[start : start + len(buffer)]
        offset = FEATURES_OFFSET + start * self._n_mels * self.dtype.itemsize
        file = self._files.get(self.path, self._facts.num_bytes)
        file.read_into(offset, buffer)
        return buffer

    def read(self, start: int, num_frames: int) -> npt.NDArray[Any]:
        """Frames of the shard in a new array, [num_frames, n_mels]."""
        buffer = np.empty((num_frames, self._n_mels), self.dtype)
        frames = self.frames(start, buffer)
        return buffer if frames is buffer else frames.copy()

    def _map(self) -> _Mapped:
        mapped = self._mapped
        if mapped is None:
            file = self._files.get(self.path, self._facts.num_bytes)
            content = file.map()
            features = content[FEATURES_OFFSET : self._features_end]
            mapped = _Mapped(
                features.view(self.dtype).reshape(-1, self._n_mels),
                self._columns.view("tail_samples", content),
            )
            self._mapped = mapped
        return mapped

    def _check_frames(self, start: int, num_frames: int) -> None:
        if start + num_frames > self._facts.num_frames:
            raise DamagedStoreError(
                f"{self.path}: frames {start} to {start + num_frames} of "
                f"{self._facts.num_frames}"
            )


class _Mapped(NamedTuple):
    """The arrays of a mapped shard."""

    features: npt.NDArray[Any]  # [frames, n_mels]
    tails: npt.NDArray[np.float32]  # [rows, tail_length]


class StoredRow(NamedTuple):
    """The place of a row in its shard.

    Attributes:
      shard: The shard.
      row: The row's number in the shard.
      start: The row's first frame in the shard.
      num_frames: Number of analysis frames.
      num_samples: Number of samples at the contract's rate.
    """

    shard: Shard
    row: int
    start: int
    num_frames: int
    num_samples: int

    @property
    def body_max(self) -> float:
        """Largest log10 mel power of frames that do not touch the end."""
        return self.shard.body_max(self.row)

    @property
    def floor(self) -> float:
        """Least feature of the clip alone, without padding."""
        return self.shard.floor(self.row)
