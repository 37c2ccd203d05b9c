"""A split: the rows of one manifest, in its order."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from melmill._store import lookup
from melmill._store.errors import MissingAudioError, RowIndexError
from melmill._store.index import Contract
from melmill._store.lookup import AudioNames, Place
from melmill._store.part import Part
from melmill._store.row import Row, take_apart

if TYPE_CHECKING:
    from melmill._store.store import Store


class Split(Sequence[Row]):
    """The stored rows of one manifest, in its order.

    If several stores were opened as one, their rows follow each other.

    Whole columns are NumPy arrays; to read them touches no features. A split
    can be pickled, and threads and forked processes can share it.

    Attributes:
      store: The store that the split belongs to.
      name: The split's name.
      contract: The store's contract.
      names: Maps audio strings to paths.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        parts: Sequence[Part],
        contract: Contract,
        names: AudioNames,
    ) -> None:
        self.store = store
        self.name = name
        self.contract = contract
        self.names = names
        self._parts = tuple(parts)
        sizes = [part.table.num_rows for part in parts]
        self._ends = np.cumsum(sizes).tolist()
        self._num_rows = sum(sizes)

    def __reduce__(self) -> tuple[Any, ...]:
        return _split_of, (self.store, self.name)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Split)
            and self.name == other.name
            and self.store == other.store
        )

    def __hash__(self) -> int:
        return hash((self.store, self.name))

    def __repr__(self) -> str:
        return f"<melmill split {self.name!r} of {self._num_rows:,} rows>"

    def __len__(self) -> int:
        return self._num_rows

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> RowSlice: ...
    def __getitem__(self, index: int | slice) -> Row | RowSlice:
        if isinstance(index, slice):
            return RowSlice(self, range(self._num_rows)[index])
        asked = index
        if index < 0:
            index += self._num_rows
        if not 0 <= index < self._num_rows:
            raise RowIndexError(
                f"row {asked} of split {self.name}, which has "
                f"{self._num_rows:,} rows"
            )
        return Row(self, int(index))

    def __iter__(self) -> Iterator[Row]:
        return (Row(self, index) for index in range(self._num_rows))

    @property
    def num_frames(self) -> npt.NDArray[np.uint32]:
        """Number of analysis frames of each row, [rows]."""
        return self._column("num_frames")

    @property
    def num_samples(self) -> npt.NDArray[np.uint64]:
        """Number of samples of each row at the contract's rate, [rows]."""
        return self._column("num_samples")

    @property
    def durations_s(self) -> npt.NDArray[np.float64]:
        """Length of each row in seconds, [rows]."""
        durations_s: npt.NDArray[np.float64]
        durations_s = self.num_samples / self.contract.sample_rate_hz
        return durations_s

    def texts(self, name: str = "text") -> list[str]:
        """One text of each row: `name` is "text", "audio" or "prompt"."""
        return [text for part in self._parts for text in part.table.texts(name)]

    @property
    def has_pieces(self) -> bool:
        """Whether rows can be pieces of their audio files."""
        return any(index.has_pieces for index in self.store.indices)

    @property
    def segment_start(self) -> npt.NDArray[np.uint64]:
        """First sample of each row in its file, at the file's rate, [rows]."""
        return self._column("segment_start")

    @property
    def segment_num_samples(self) -> npt.NDArray[np.uint64]:
        """Samples of each row at its file's rate, [rows]; 0 for all of them."""
        return self._column("segment_num_samples")

    def find(
        self,
        audio: str,
        *,
        start: float | None = None,
        audio_offset: int | None = None,
    ) -> Row:
        """The first row with this audio string, or with this path now.

        If there is none, finds other spellings of the path: "./a.wav",
        "b/../a.wav", or the absolute path if audio_root is known.

        Args:
          audio: The audio string or the path.
          start: Where the row starts in the audio, in seconds: as written in
            the manifest, or Row.segment_start_s. Needed if rows are several
            pieces of this audio.
          audio_offset: First byte of the row's range of the file, likewise.

        Raises:
          MissingAudioError: No row has this audio, or starts there.
          AmbiguousAudioError: Rows have several other spellings of the path, or
            are several pieces of it.
        """
        place = Place(start, audio_offset)
        row = lookup.find([self], self.names, audio, place)
        if row is None:
            raise MissingAudioError(
                f"{audio}: not in split {self.name} of {self.store.name}; "
                + lookup.advice([self], self.names, audio, place)
            )
        return row

    def index_of(self, audio: str) -> int | None:
        """The number of the row that find() returns; None if there is none."""
        row = lookup.find([self], self.names, audio)
        return None if row is None else row.index

    def indices_of_string(self, audio: str) -> Iterator[int]:
        """The numbers of the rows with exactly this audio string."""
        first = 0
        for part, end in zip(self._parts, self._ends, strict=True):
            for at in part.table.find(audio):
                yield first + at
            first = end

    def rows_of_path(self, path: str) -> Iterator[Row]:
        """Rows whose audio string spells a normalised path in some way."""
        for index in self.indices_of_string(path):
            yield Row(self, index)
            break
        first = 0
        for part, end in zip(self._parts, self._ends, strict=True):
            for at in part.table.find_odd(path):
                yield Row(self, first + at)
            first = end

    def to_pandas(self) -> Any:
        """A pandas.DataFrame of all rows, without their features.

        In a store with audio at URLs it also has audio_path, the path of the
        local copy as in the manifest, or "" for audio that is a path itself.
        In a store with pieces it also has segment_start, segment_num_samples,
        source_rate_hz, audio_offset and audio_bytes; see Row.piece.
        """
        import pandas

        texts = self.texts()
        taken_apart = [take_apart(text) for text in texts]
        frame = pandas.DataFrame(
            {
                "line": self._column("line"),
                "audio": self.texts("audio"),
                "duration_s": self.durations_s,
                "num_frames": self.num_frames,
                "num_samples": self.num_samples,
                "language": [language for language, _ in taken_apart],
                "transcript": [words for _, words in taken_apart],
                "text": texts,
                "prompt": self.texts("prompt"),
            }
        )
        if any(index.has_audio_paths for index in self.store.indices):
            frame["audio_path"] = [
                path
                for part in self._parts
                for path in part.table.audio_paths()
            ]
        if self.has_pieces:
            frame["segment_start"] = self.segment_start
            frame["segment_num_samples"] = self.segment_num_samples
            frame["source_rate_hz"] = self._column("source_rate")
            frame["audio_offset"] = self._column("range_offset")
            frame["audio_bytes"] = self._column("range_bytes")
        return frame

    def to_hf_dataset(self) -> Any:
        """A datasets.IterableDataset that streams the rows from the store."""
        from melmill._models.hf import stream

        return stream(self)

    def place(self, index: int) -> tuple[Part, int]:
        """The part that holds a row, and the row's number in that part."""
        first = 0
        for part, end in zip(self._parts, self._ends, strict=True):
            if index < end:
                return part, index - first
            first = end
        raise RowIndexError(f"row {index} of split {self.name}")

    @property
    def parts(self) -> tuple[Part, ...]:
        """The split's parts, one for each store."""
        return self._parts

    def _column(self, name: str) -> npt.NDArray[Any]:
        columns = [getattr(part.table, name) for part in self._parts]
        return columns[0] if len(columns) == 1 else np.concatenate(columns)


def _split_of(store: Store, name: str) -> Split:
    return store[name]


@dataclasses.dataclass(frozen=True)
class RowSlice(Sequence[Row]):
    """Some rows of a split, such as split[10:20].

    Attributes:
      split: The split.
      indices: The rows' numbers in the split.
    """

    split: Split
    indices: range

    def __len__(self) -> int:
        return len(self.indices)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> RowSlice: ...
    def __getitem__(self, index: int | slice) -> Row | RowSlice:
        if isinstance(index, slice):
            return RowSlice(self.split, self.indices[index])
        try:
            return self.split[self.indices[index]]
        except IndexError as error:
            raise RowIndexError(
                f"row {index} of {len(self.indices):,} rows"
            ) from error
