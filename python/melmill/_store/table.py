"""A split's table: the facts of each row, without its features."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xxhash

from melmill._store.errors import DamagedStoreError
from melmill._store.files import OpenFiles, read_only
from melmill._store.hdf5 import Columns
from melmill._store.index import Contract, SplitFacts
from melmill._store.lookup import is_url, normalised

_NUMBERS = {
    "line": "<u8",
    "shard": "<u4",
    "start": "<u8",
    "num_frames": "<u4",
    "num_samples": "<u8",
    "audio_hash": "<u8",
    "audio_hash_row": "<u8",
}
_PIECE_NUMBERS = {
    "segment_start": "<u8",
    "segment_num_samples": "<u8",
    "source_rate": "<u4",
    "range_offset": "<u8",
    "range_bytes": "<u8",
}
_TEXTS = ("text", "audio", "prompt")
_KEPT = "keep_"
_AUDIO_PATH = "audio_path"

_ROWS_AT_ONCE = 1 << 16
_Odd = tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]


class Piece(NamedTuple):
    """Which piece of its audio file a row is; all 0 for the whole file.

    Attributes:
      start: First sample in the file, at the file's own rate.
      num_samples: Samples of the file; 0 for all.
      range_offset: First byte of the range that holds the audio.
      range_bytes: Bytes of the range; 0 for the whole file.
    """

    start: int
    num_samples: int
    range_offset: int
    range_bytes: int


class Table:
    """One split's table, checked against store.json.

    Columns of numbers are views of the mapped file, or arrays that are read
    once. Texts are read row by row. Threads and forked processes can share the
    table.

    Args:
      folder: The store's folder.
      facts: The split's entry in store.json.
      files: Keeps the file open.
      contract: The store's contract.
      kept_fields: Manifest fields that the store keeps.
      has_pieces: Whether the table says which piece of its file a row is.
      has_audio_paths: Whether the table has paths of audio files.
      is_mapped: Whether to map the file, so that all processes share it.

    Raises:
      DamagedStoreError: The file is missing or is not the one in store.json.
      StoreReadError: The system cannot read it.
    """

    def __init__(
        self,
        folder: Path,
        facts: SplitFacts,
        files: OpenFiles,
        *,
        contract: Contract,
        kept_fields: Sequence[str],
        has_pieces: bool,
        has_audio_paths: bool,
        is_mapped: bool,
    ) -> None:
        self.path = folder / facts.table.file
        self.num_rows = facts.num_stored
        num_bytes = facts.table.num_bytes
        file = files.get(self.path, num_bytes)
        if file.checksum([(0, num_bytes)]) != facts.table.checksum:
            raise DamagedStoreError(
                f"{self.path}: checksum differs from that in store.json; "
                "`melmill extract` rebuilds the table"
            )
        mapped = read_only(file.map()) if is_mapped else None
        texts = [*_TEXTS, *(_KEPT + field for field in kept_fields)]
        texts += [_AUDIO_PATH] * has_audio_paths
        numbers = _NUMBERS | (_PIECE_NUMBERS if has_pieces else {})
        names = [
            *numbers,
            *(f"{text}_bytes" for text in texts),
            *(f"{text}_offsets" for text in texts),
        ]
        self._columns = Columns(self.path, num_bytes, names, files, mapped)
        for name, kind in numbers.items():
            self._columns.check(name, kind, (self.num_rows,))
        for text in texts:
            self._columns.check(f"{text}_offsets", "<u8", (self.num_rows + 1,))
        self.line = self._columns.read("line")
        self.shard = self._columns.read("shard")
        self.start = self._columns.read("start")
        self.num_frames = self._columns.read("num_frames")
        self.num_samples = self._columns.read("num_samples")
        self.audio_hash = self._columns.read("audio_hash")
        self.audio_hash_row = self._columns.read("audio_hash_row")
        self.segment_start = self._piece_column("segment_start", has_pieces)
        self.segment_num_samples = self._piece_column(
            "segment_num_samples", has_pieces
        )
        self.source_rate = self._piece_column("source_rate", has_pieces)
        self.range_offset = self._piece_column("range_offset", has_pieces)
        self.range_bytes = self._piece_column("range_bytes", has_pieces)
        self.has_audio_paths = has_audio_paths
        self.kept_fields = tuple(kept_fields)
        self._odd: _Odd | None = None
        self._check_lengths(contract)

    def _check_lengths(self, contract: Contract) -> None:
        """Compares frames with samples, because both become sizes."""
        frames = self.num_samples // np.uint64(contract.hop_length)
        is_short = self.num_samples <= np.uint64(contract.n_fft // 2)
        wrong = np.flatnonzero((self.num_frames != frames) | is_short)
        if wrong.size:
            row = int(wrong[0])
            raise DamagedStoreError(
                f"{self.path}: num_frames: {self.num_frames[row]} of a row of "
                f"{self.num_samples[row]} samples"
            )

    def _piece_column(self, name: str, has_pieces: bool) -> npt.NDArray[Any]:
        if has_pieces:
            column: npt.NDArray[Any] = self._columns.read(name)
            return column
        zero = np.zeros((), _PIECE_NUMBERS[name])
        return np.broadcast_to(zero, (self.num_rows,))

    def piece(self, row: int) -> Piece:
        """Which piece of its audio file a row is."""
        return Piece(
            int(self.segment_start[row]),
            int(self.segment_num_samples[row]),
            int(self.range_offset[row]),
            int(self.range_bytes[row]),
        )

    def text(self, name: str, row: int) -> str:
        """One text of a row: "text", "audio", "prompt" or "keep_FIELD"."""
        first, end = map(
            int, self._columns.read(f"{name}_offsets", row, row + 2)
        )
        content: bytes = self._columns.read(
            f"{name}_bytes", first, end
        ).tobytes()
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            raise DamagedStoreError(f"{self.path}: {name}: {error}") from error

    def written_path(self, row: int) -> str:
        """The path of a row's audio file, as the manifest has it."""
        path = self.text(_AUDIO_PATH, row) if self.has_audio_paths else ""
        return path or self.text("audio", row)

    def kept(self, field: str, row: int) -> Any:
        """The value of a kept field; None if the line has none."""
        name = _KEPT + field
        content = self.text(name, row)
        with self._decoding(name):
            return json.loads(content) if content else None

    def all_kept(self, field: str) -> list[Any]:
        """The value of a kept field of each row; None if there is none."""
        if field not in self.kept_fields:
            return [None] * self.num_rows
        name = _KEPT + field
        texts = self.texts(name)
        with self._decoding(name):
            return [json.loads(text) if text else None for text in texts]

    def texts(
        self, name: str, first: int = 0, end: int | None = None
    ) -> list[str]:
        """One text of each of the rows [first, end)."""
        last = self.num_rows if end is None else end
        ends, content = self._texts(name, first, last)
        whole: bytes = content.tobytes()
        with self._decoding(name):
            return [
                whole[start:stop].decode()
                for start, stop in itertools.pairwise(ends.tolist())
            ]

    def audio_paths(self) -> list[str]:
        """The audio path of each row; "" if its audio is a path itself."""
        if self.has_audio_paths:
            return self.texts(_AUDIO_PATH)
        return [""] * self.num_rows

    def find(self, audio: str) -> Iterator[int]:
        """The rows with exactly this audio string, in order."""
        wanted = np.uint64(_hash(audio))
        for row in map(int, self.rows_of_hash(wanted)):
            if self.text("audio", row) == audio:
                yield row

    def find_odd(self, path: str) -> list[int]:
        """Rows whose audio string is another spelling of a normalised path.

        The first call reads all audio strings of the split.
        """
        if self._odd is None:
            self._odd = self._odd_spellings()
        hashes, rows = self._odd
        wanted = np.uint64(_hash(path))
        first, end = (
            int(np.searchsorted(hashes, wanted, side))
            for side in ("left", "right")
        )
        return [
            row
            for row in map(int, rows[first:end])
            if normalised(self.text("audio", row)) == path
        ]

    def _odd_spellings(self) -> _Odd:
        """Finds audio strings that are not normalised paths.

        URLs are no paths.

        Returns:
          Hashes of the normalised paths, ascending, and their rows.
        """
        hashes: list[int] = []
        rows: list[int] = []
        for first in range(0, self.num_rows, _ROWS_AT_ONCE):
            end = min(first + _ROWS_AT_ONCE, self.num_rows)
            ends, content = self._texts("audio", first, end)
            at = np.searchsorted(ends, _odd_places(content), "right")
            for place in dict.fromkeys((at - 1).tolist()):
                text = content[ends[place] : ends[place + 1]]
                with self._decoding("audio"):
                    audio = text.tobytes().decode()
                path = normalised(audio)
                if path != audio and not is_url(audio):
                    hashes.append(_hash(path))
                    rows.append(first + place)
        order = np.argsort(np.array(hashes, np.uint64), kind="stable")
        return (
            np.array(hashes, np.uint64)[order],
            np.array(rows, np.uint64)[order],
        )

    def _texts(
        self, name: str, first: int, end: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
        """Where the texts of rows [first, end) start and end, and all bytes."""
        offsets = self._columns.read(f"{name}_offsets", first, end + 1)
        if (offsets[1:] < offsets[:-1]).any():
            raise DamagedStoreError(f"{self.path}: {name}_offsets decrease")
        content = self._columns.read(
            f"{name}_bytes", int(offsets[0]), int(offsets[-1])
        )
        return (offsets - offsets[0]).astype(np.int64), content

    @contextlib.contextmanager
    def _decoding(self, name: str) -> Iterator[None]:
        try:
            yield
        except (ValueError, RecursionError) as error:
            raise DamagedStoreError(f"{self.path}: {name}: {error}") from error

    def rows_of_hash(self, wanted: np.uint64) -> npt.NDArray[np.uint64]:
        """All rows whose audio string has this hash."""
        first = int(np.searchsorted(self.audio_hash, wanted, "left"))
        end = int(np.searchsorted(self.audio_hash, wanted, "right"))
        rows: npt.NDArray[np.uint64] = self.audio_hash_row[first:end]
        return rows


def _odd_places(
    content: npt.NDArray[np.uint8],
) -> npt.NDArray[np.int64]:
    """Where "//" or "./" is; every path that normalised() changes has one.

    The strings are back to back, so a place can belong to two strings and mean
    nothing.
    """
    is_slash = content == ord("/")
    is_odd = is_slash[:-1] | (content[:-1] == ord("."))
    places: npt.NDArray[np.int64] = np.flatnonzero(is_odd & is_slash[1:])
    return places


def _hash(audio: str) -> int:
    return xxhash.xxh3_64_intdigest(audio.encode("utf-8", "surrogateescape"))
