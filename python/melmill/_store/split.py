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
from melmill._store.row import Row

if TYPE_CHECKING:
    from melmill._store.store import Store

AnyArray = npt.NDArray[Any]
Index = int | np.integer[Any] | slice | Sequence[int] | AnyArray


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
        hours = self.num_samples.sum() / self.contract.sample_rate_hz / 3600
        return (
            f"<melmill split {self.name!r} of {self._num_rows:,} rows, "
            f"{hours:,.2f} h>"
        )

    def _repr_html_(self) -> str:
        from melmill._view import html

        return html.of_rows(self)

    def __len__(self) -> int:
        return self._num_rows

    @overload
    def __getitem__(self, index: int | np.integer[Any]) -> Row: ...
    @overload
    def __getitem__(
        self, index: slice | Sequence[int] | AnyArray
    ) -> RowSlice: ...
    def __getitem__(self, index: Index) -> Row | RowSlice:
        places = _places(index, self._num_rows, f"split {self.name}")
        if isinstance(places, int):
            return Row(self, places)
        return RowSlice(self, places)

    def __iter__(self) -> Iterator[Row]:
        return (Row(self, index) for index in range(self._num_rows))

    @property
    def num_frames(self) -> npt.NDArray[np.uint32]:
        """Number of analysis frames of each row, [rows]."""
        return self.column("num_frames")

    @property
    def num_samples(self) -> npt.NDArray[np.uint64]:
        """Number of samples of each row at the contract's rate, [rows]."""
        return self.column("num_samples")

    @property
    def durations_s(self) -> npt.NDArray[np.float64]:
        """Length of each row in seconds, [rows]."""
        durations_s: npt.NDArray[np.float64]
        durations_s = self.num_samples / self.contract.sample_rate_hz
        return durations_s

    @property
    def peaks(self) -> npt.NDArray[np.float32]:
        """Row.peak of each row, [rows]; NaN where it is None.

        The index of every shard is read for it, but no features.
        """
        peaks = np.empty(self._num_rows, np.float32)
        for part, end in zip(self._parts, self._ends, strict=True):
            first = end - part.table.num_rows
            for rows, sources in part.sources():
                peaks[first + rows] = sources.peak
        return peaks

    def column(self, name: str) -> npt.NDArray[Any]:
        """A column of numbers of the tables (docs/format.md), [rows]."""
        columns = [getattr(part.table, name) for part in self._parts]
        return columns[0] if len(columns) == 1 else np.concatenate(columns)

    def texts(self, name: str = "text") -> list[str]:
        """One text of each row: `name` is "text", "audio" or "prompt"."""
        return [text for part in self._parts for text in part.table.texts(name)]

    def kept(self, field: str) -> list[Any]:
        """The values of a field of `extract --keep`; None where it is missing.

        If the split has several stores, rows of a store that does not keep the
        field have None, too.
        """
        return [
            value
            for part in self._parts
            for value in part.table.all_kept(field)
        ]

    @property
    def kept_fields(self) -> tuple[str, ...]:
        """The fields of `extract --keep`, of all stores."""
        fields = (
            field for part in self._parts for field in part.table.kept_fields
        )
        return tuple(dict.fromkeys(fields))

    @property
    def has_audio_paths(self) -> bool:
        """Whether rows can have audio at URLs with local copies."""
        return any(index.has_audio_paths for index in self.store.indices)

    @property
    def has_pieces(self) -> bool:
        """Whether rows can be pieces of their audio files."""
        return any(index.has_pieces for index in self.store.indices)

    @property
    def segment_start(self) -> npt.NDArray[np.uint64]:
        """First sample of each row in its file, at the file's rate, [rows]."""
        return self.column("segment_start")

    @property
    def segment_num_samples(self) -> npt.NDArray[np.uint64]:
        """Samples of each row at its file's rate, [rows]; 0 for all of them."""
        return self.column("segment_num_samples")

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

        Its index is the rows' numbers, so split[frame[...].index] are the rows
        of a selection. The fields of `extract --keep` are columns of the same
        names, or keep_NAME if that is a column already.

        In a store with audio at URLs it also has audio_path, the path of the
        local copy as in the manifest, or "" for audio that is a path itself.
        In a store with pieces it also has segment_start, segment_num_samples,
        source_rate_hz, audio_offset and audio_bytes; see Row.piece.
        """
        from melmill._view import columns

        return columns.to_pandas(self)

    def to_arrow(self) -> Any:
        """A pyarrow.Table with the columns of to_pandas().

        A kept field whose values are not all of one type (numbers, true and
        false, or strings) is a column of JSON texts.
        """
        from melmill._view import columns

        return columns.to_arrow(self)

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


def _split_of(store: Store, name: str) -> Split:
    return store[name]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class RowSlice(Sequence[Row]):
    """Some rows of a split: split[10:20], split[[3, 1]] or split[mask].

    A slice, a list or a mask of a RowSlice is one too.

    Attributes:
      split: The split.
      indices: The rows' numbers in the split.
    """

    split: Split
    indices: range | npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.indices)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, RowSlice)
            and self.split == other.split
            and np.array_equal(self.indices, other.indices)
        )

    def __hash__(self) -> int:
        return hash((self.split, len(self)))

    def __repr__(self) -> str:
        return f"<{len(self):,} rows of {self.split!r}>"

    def _repr_html_(self) -> str:
        from melmill._view import html

        return html.of_rows(self)

    @overload
    def __getitem__(self, index: int | np.integer[Any]) -> Row: ...
    @overload
    def __getitem__(
        self, index: slice | Sequence[int] | AnyArray
    ) -> RowSlice: ...
    def __getitem__(self, index: Index) -> Row | RowSlice:
        if isinstance(index, slice):
            return RowSlice(self.split, self.indices[index])
        places = _places(index, len(self), "some rows of a split")
        if isinstance(places, int):
            return self.split[int(self.indices[places])]
        return RowSlice(self.split, np.asarray(self.indices)[places])


def _places(
    index: Index, num_rows: int, where: str
) -> int | range | npt.NDArray[np.int64]:
    """The places from 0 that an index means.

    Args:
      index: A number, a slice, or an array, list, pandas.Series or the like of
        numbers, or of true and false for each row.
      num_rows: How many rows there are.
      where: Whose rows, for messages.

    Raises:
      RowIndexError: There is no such row, or a mask has another length.
      TypeError: It is something else.
    """
    if type(index) is int and 0 <= index < num_rows:
        return index  # soon, because loaders ask for one row after another
    if isinstance(index, slice):
        return range(num_rows)[index]
    given = np.asarray(index)
    if given.size == 0 and given.ndim == 1:
        return np.zeros(0, np.int64)
    if given.dtype.kind == "b" and given.ndim == 1:
        if len(given) != num_rows:
            raise RowIndexError(
                f"a mask of {len(given):,} for {where}, which has "
                f"{num_rows:,} rows"
            )
        return np.flatnonzero(given)
    if given.dtype.kind not in "iu" or given.ndim > 1:
        raise TypeError(
            "rows are chosen by a whole number, a slice, a list of whole "
            f"numbers or a mask, not by {index!r:.60}"
        )
    places = np.atleast_1d(given).astype(np.int64)
    wrong = places[(places < -num_rows) | (places >= num_rows)]
    if wrong.size:
        raise RowIndexError(
            f"row {wrong[0]} of {where}, which has {num_rows:,} rows"
        )
    places = np.where(places < 0, places + num_rows, places)
    return int(places[0]) if given.ndim == 0 else places
