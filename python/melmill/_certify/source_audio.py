"""Whether audio files are still those that a store was made from."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xxhash

from melmill._contents.store_files import PLAN_FILE, StoreFiles
from melmill._store.errors import DamagedStoreError, StoreReadError
from melmill._store.files import OpenFiles
from melmill._store.hdf5 import Columns
from melmill._store.row import Row

_NUMBERS = {
    "split": "<u4",
    "line": "<u8",
    "file_bytes": "<u8",
    "source_encoding": "u1",
    "source_channels": "<u4",
    "source_data_offset": "<u8",
    "source_data_bytes": "<u8",
}
_FIRST_CODED = 16  # encodings from here on are coded sound
_SAMPLE_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 4, 6: 8, 7: 1, 8: 1, 9: 1}
_READ_AT_ONCE = 1 << 20


class SourceAudio:
    """Compares audio files with the checksums that their rows have.

    plan.h5 says which bytes of a file were hashed. Takes 12 bytes of memory for
    each line of the manifests.

    Args:
      folder: The store's folder.
      files: The files that store.json names.
      splits: Names of the splits, in the order of store.json.

    Raises:
      DamagedStoreError: plan.h5 is not the one in store.json.
      StoreReadError: The system cannot read it.
    """

    def __init__(
        self, folder: Path, files: StoreFiles, splits: tuple[str, ...]
    ) -> None:
        (facts,) = [file for file in files.others if file.file == PLAN_FILE]
        path = folder / PLAN_FILE
        self._path = path
        self._open_files = OpenFiles()
        file = self._open_files.get(path, facts.num_bytes)
        if file.checksum([(0, facts.num_bytes)]) != facts.checksum:
            raise DamagedStoreError(
                f"{path}: checksum differs from that in store.json"
            )
        self._columns = Columns(
            path, facts.num_bytes, _NUMBERS, self._open_files, None
        )
        self._splits = splits
        self._line = self._columns.read("line")
        for name, kind in _NUMBERS.items():
            self._columns.check(name, kind, self._line.shape)
        self._split: npt.NDArray[np.uint32] = self._columns.read("split")

    def is_same(self, row: Row) -> bool:
        """Whether the audio of a row has the checksum that the row has.

        Raises:
          FileNotFoundError: There is no such file.
          DamagedStoreError: plan.h5 does not have the row.
          StoreReadError: The system cannot read the audio or the store.
        """
        path = row.audio_path
        try:
            found = self._checksum(row)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise FileNotFoundError(str(path)) from error
        except OSError as error:
            raise StoreReadError.of(path, error) from error
        stored = row.stored
        return found == stored.shard.source_checksum(stored.row)

    def _checksum(self, row: Row) -> bytes | None:
        """The checksum of the audio; None if the file has another size."""
        at = self._line_of(row)
        piece = row.piece
        file_bytes = self._number("file_bytes", at)
        encoding = self._number("source_encoding", at)
        is_coded = encoding >= _FIRST_CODED
        first, num_bytes = 0, file_bytes
        if not is_coded:
            first = self._number("source_data_offset", at)
            num_bytes = self._number("source_data_bytes", at)
            if piece.num_samples:
                group_bytes = self._number("source_channels", at)
                group_bytes *= _SAMPLE_BYTES.get(encoding, 0)
                first += piece.start * group_bytes
                num_bytes = piece.num_samples * group_bytes
        hasher = xxhash.xxh3_128()
        with row.audio_path.open("rb") as file:
            size = file.seek(0, 2)
            if piece.range_bytes:
                if size < piece.range_offset + piece.range_bytes:
                    return None
            elif size != file_bytes:
                return None
            file.seek(piece.range_offset + first)
            for length in _lengths(num_bytes):
                block = file.read(length)
                if len(block) != length:
                    return None
                hasher.update(block)
        if is_coded and piece.num_samples:
            place = struct.pack("<2q", piece.start, piece.num_samples)
            return xxhash.xxh3_128_digest(hasher.digest() + place)
        return hasher.digest()

    def _line_of(self, row: Row) -> int:
        """The row of plan.h5 for a stored row."""
        split = self._splits.index(row.split.name)
        first, end = (
            int(np.searchsorted(self._split, np.uint32(split), side))
            for side in ("left", "right")
        )
        lines = self._line[first:end]
        at = int(np.searchsorted(lines, np.uint64(row.line)))
        if at == len(lines) or lines[at] != row.line:
            raise DamagedStoreError(
                f"{self._path}: line: no line {row.line} of split "
                f"{row.split.name}"
            )
        return first + at

    def _number(self, name: str, at: int) -> int:
        return int(self._columns.read(name, at, at + 1)[0])


def _lengths(num_bytes: int) -> Iterator[int]:
    """The sizes of the blocks that a number of bytes is read in."""
    for offset in range(0, num_bytes, _READ_AT_ONCE):
        yield min(_READ_AT_ONCE, num_bytes - offset)
