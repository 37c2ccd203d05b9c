"""Whether the bytes of a file are those that the store's checksums say.

A shard's checksum covers all but its features; its index has a checksum of the
features of each row. Both are compared, so a copy without features, or with
those of another shard, is never taken for the shard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from melmill._contents.store_files import ShardFile
from melmill._store.errors import DamagedStoreError
from melmill._store.files import StoreFile
from melmill._store.hdf5 import Hdf5File
from melmill._store.shard import FEATURES_OFFSET

_STATUS_STORED = 1

# Gives the bytes of a file in pieces of a size.
Pieces = Callable[[int], Iterator[memoryview]]


def pieces_of(
    file: StoreFile, first: int, end: int, piece_bytes: int
) -> Iterator[memoryview]:
    """The bytes [first, end) of a file, in pieces of a size.

    Raises:
      DamagedStoreError: The file ends before.
      StoreReadError: The system cannot read it.
    """
    for offset in range(first, end, piece_bytes):
        piece = memoryview(bytearray(min(piece_bytes, end - offset)))
        file.read_into(offset, piece)
        yield piece


def checked_pieces(
    file: StoreFile, checksum: str, label: str, piece_bytes: int
) -> Iterator[memoryview]:
    """All bytes of a file; raises DamagedStoreError after wrong ones."""
    hasher = xxhash.xxh3_64()
    for piece in pieces_of(file, 0, file.num_bytes, piece_bytes):
        hasher.update(piece)
        yield piece
    if hasher.hexdigest() != checksum:
        raise DamagedStoreError(f"{label}: damaged: it has a wrong checksum")


class ShardIndex:
    """The checked index of a shard, of which the features may be missing.

    Args:
      file: The shard.
      shard: What is known of it.
      label: Names the file in messages.

    Raises:
      DamagedStoreError: A checksum is wrong, or the index is not that of such a
        shard.
      StoreReadError: The system cannot read the file.

    Attributes:
      checksum: What store.json has, or will have, as the shard's checksum.
    """

    def __init__(self, file: StoreFile, shard: ShardFile, label: str) -> None:
        self._file = file
        self._shard = shard
        self._label = label
        if shard.features_end > file.num_bytes:
            raise self._damaged(f"{file.num_bytes:,} bytes are too few")
        hdf5 = None
        if shard.checksum is None:
            hdf5 = Hdf5File(file, label)
            self._check_own_checksum(hdf5)
        ranges = shard.outside_features(file.num_bytes)
        self.checksum = file.checksum(ranges)
        if shard.checksum not in (None, self.checksum):
            raise self._damaged("it has a wrong checksum")
        self._read_rows(hdf5 or Hdf5File(file, label))

    def pieces(self, piece_bytes: int) -> Iterator[memoryview]:
        """All bytes; raises DamagedStoreError before the last of wrong ones.

        Raises: as `pieces_of`.
        """
        features = self.features_check()
        outside = xxhash.xxh3_64()
        first, end = FEATURES_OFFSET, self._shard.features_end
        at = 0
        for piece in pieces_of(
            self._file, 0, self._file.num_bytes, piece_bytes
        ):
            before, after = max(first - at, 0), max(end - at, 0)
            outside.update(piece[:before])
            features.update(piece[before:after])
            outside.update(piece[after:])
            at += len(piece)
            if at < self._file.num_bytes:
                yield piece
        features.finish()
        if outside.hexdigest() != self.checksum:
            raise self._damaged("it changed while it was read")
        yield piece

    def features_check(self) -> FeaturesCheck:
        """Compares the features, which are given to it in order."""
        return FeaturesCheck(
            self._rows,
            self._shard.features_end - FEATURES_OFFSET,
            self._label,
        )

    def _check_own_checksum(self, hdf5: Hdf5File) -> None:
        """Compares the dataset `file_checksum`."""
        place = hdf5.dataset("file_checksum")
        at = place.offset
        if place.num_bytes != 8 or at < self._shard.features_end:
            raise self._damaged("no file_checksum")
        ranges = (
            (0, FEATURES_OFFSET),
            (self._shard.features_end, at),
            (at + 8, self._file.num_bytes),
        )
        (checksum,) = hdf5.read("file_checksum", "<u8").tolist()
        if int(self._file.checksum(ranges), 16) != checksum:
            raise self._damaged("it has a wrong file_checksum")

    def _read_rows(self, hdf5: Hdf5File) -> None:
        """Finds where in the features the stored rows are."""
        shard = self._shard
        features = hdf5.dataset("features")
        end = features.offset + features.num_bytes
        if (features.offset, end) != (FEATURES_OFFSET, shard.features_end):
            raise self._damaged("its features are not those of the plan")
        columns = {
            name: hdf5.read(name, kind)
            for name, kind in (
                ("status", "u1"),
                ("start", "<u8"),
                ("num_frames", "<u4"),
                ("checksum", "<u8"),
            )
        }
        if {len(column) for column in columns.values()} != {shard.num_rows}:
            raise self._damaged("its rows are not those of the plan")
        frame_bytes = features.num_bytes // max(features.shape[0], 1)
        self._rows = self._stored_rows(columns, frame_bytes)

    def _stored_rows(
        self, columns: dict[str, npt.NDArray[Any]], frame_bytes: int
    ) -> list[tuple[int, int, int]]:
        stored = np.flatnonzero(columns["status"] == _STATUS_STORED)
        order = stored[np.argsort(columns["start"][stored], kind="stable")]
        rows = []
        last_end = 0
        for start, num_frames, checksum in zip(
            columns["start"][order].tolist(),
            columns["num_frames"][order].tolist(),
            columns["checksum"][order].tolist(),
            strict=True,
        ):
            first = start * frame_bytes
            end = first + num_frames * frame_bytes
            if first < last_end or first == end:
                raise self._damaged("impossible rows")
            rows.append((first, end, checksum))
            last_end = end
        if last_end > self._shard.features_end - FEATURES_OFFSET:
            raise self._damaged("rows end behind the features")
        return rows

    def _damaged(self, problem: str) -> DamagedStoreError:
        return DamagedStoreError(f"{self._label}: damaged: {problem}")


class FeaturesCheck:
    """Compares the features of a shard as they pass, from first to last.

    Args:
      rows: First byte, end and XXH3-64 of each stored row, in order. All else
        must be zeros.
      num_bytes: Bytes of all features.
      label: Names the file in messages.
    """

    def __init__(
        self, rows: list[tuple[int, int, int]], num_bytes: int, label: str
    ) -> None:
        self._rows = iter([*rows, (num_bytes, num_bytes, 0)])
        self._label = label
        self._at = 0
        self._num_bytes = num_bytes
        self._hasher = xxhash.xxh3_64()
        self._first, self._end, self._checksum = next(self._rows)

    def update(self, piece: memoryview) -> None:
        """Takes the next bytes.

        Raises:
          DamagedStoreError: A row that ends here has other features.
        """
        if len(piece) > self._num_bytes - self._at:
            raise self._damaged("it has too many features")
        while piece:
            if self._at < self._first:
                part = piece[: self._first - self._at]
                if np.frombuffer(part, np.uint8).any():
                    raise self._damaged("bytes that belong to no row")
            else:
                part = piece[: self._end - self._at]
                self._hasher.update(part)
            self._at += len(part)
            piece = piece[len(part) :]
            if self._at == self._end:
                self._end_row()

    def finish(self) -> None:
        """Says that all bytes were given.

        Raises:
          DamagedStoreError: There were too few.
        """
        if self._at != self._num_bytes:
            raise self._damaged("its features end too soon")

    def _end_row(self) -> None:
        if self._at == self._num_bytes == self._first:
            return
        if self._hasher.intdigest() != self._checksum:
            raise self._damaged("a row has other features than it should")
        self._hasher.reset()
        self._first, self._end, self._checksum = next(self._rows)

    def _damaged(self, problem: str) -> DamagedStoreError:
        return DamagedStoreError(f"{self._label}: damaged: {problem}")
