"""What the report counts of every row of a store, about 65 bytes a row."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from melmill._store.part import Part
from melmill._store.row import Row, take_apart
from melmill._store.store import Store

NO_LANGUAGE = "none named"
_ROWS_AT_ONCE = 1 << 16
_ODD = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)


@dataclasses.dataclass(frozen=True)
class RowColumns:
    """Columns of all rows, one split after another, [rows].

    Attributes:
      store: The store.
      ends: Where each split's rows end.
      duration_s: Length of each row, seconds.
      level_db: Loudest mel power of each row's body, dB.
      peak: Largest absolute sample of each row's audio; NaN if unknown.
      num_letters: Characters of each transcript.
      language: Which of `languages` each row has.
      source_rate: Sample rate of each audio file, Hz.
      audio_key: Equal for rows of the same audio and piece.
      sound_key: Equal for rows with the same samples.
      words_key: Equal for rows with the same transcript; 0 for an empty one.
      languages: The names of the languages.
    """

    store: Store
    ends: npt.NDArray[np.int64]
    duration_s: npt.NDArray[np.float32]
    level_db: npt.NDArray[np.float32]
    peak: npt.NDArray[np.float32]
    num_letters: npt.NDArray[np.uint32]
    language: npt.NDArray[np.uint32]
    source_rate: npt.NDArray[np.uint32]
    audio_key: npt.NDArray[np.uint64]
    sound_key: npt.NDArray[np.uint64]
    words_key: npt.NDArray[np.uint64]
    languages: list[str]

    def __len__(self) -> int:
        return len(self.duration_s)

    @property
    def letters_per_s(self) -> npt.NDArray[np.float32]:
        """Characters of the transcript per second of audio, [rows]."""
        return (self.num_letters / self.duration_s).astype(np.float32)

    def slice_of(self, split: str) -> slice:
        """Where the rows of a split are."""
        at = self.store.splits.index(split)
        return slice(int(self.ends[at - 1]) if at else 0, int(self.ends[at]))

    def splits_of(self, places: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """The number of the split that has each of these rows."""
        return np.searchsorted(self.ends, places, "right")

    def row(self, place: int) -> Row:
        """The row at a place of the columns."""
        at = int(np.searchsorted(self.ends, place, "right"))
        first = int(self.ends[at - 1]) if at else 0
        return self.store[self.store.splits[at]][place - first]


def read_columns(store: Store, count: Callable[[int], None]) -> RowColumns:
    """Reads what is counted of every row; no features.

    Args:
      store: The store.
      count: Is called with the number of further rows that are read.

    Raises:
      DamagedStoreError: A file is missing, cut short or damaged.
      StoreReadError: The system cannot read a file.
    """
    ends = np.cumsum([len(store[name]) for name in store.splits])
    num_rows = int(ends[-1]) if len(ends) else 0
    columns = RowColumns(
        store,
        ends.astype(np.int64),
        np.zeros(num_rows, np.float32),
        np.zeros(num_rows, np.float32),
        np.zeros(num_rows, np.float32),
        np.zeros(num_rows, np.uint32),
        np.zeros(num_rows, np.uint32),
        np.zeros(num_rows, np.uint32),
        np.zeros(num_rows, np.uint64),
        np.zeros(num_rows, np.uint64),
        np.zeros(num_rows, np.uint64),
        [],
    )
    numbers: dict[str, int] = {}
    first = 0
    for part in (part for split in store.values() for part in split.parts):
        _read_part(columns, part, first, numbers, count)
        first += part.table.num_rows
    columns.languages.extend(numbers)
    return columns


def _read_part(
    columns: RowColumns,
    part: Part,
    first: int,
    numbers: dict[str, int],
    count: Callable[[int], None],
) -> None:
    table = part.table
    rate = columns.store.contract.sample_rate_hz
    ours = slice(first, first + table.num_rows)
    columns.duration_s[ours] = table.num_samples / rate
    for rows, sources in part.sources():
        columns.source_rate[first + rows] = sources.rate
        columns.level_db[first + rows] = 10 * sources.body_max
        columns.peak[first + rows] = sources.peak
        columns.sound_key[first + rows] = sources.checksum
    keys = columns.audio_key[ours]
    keys[table.audio_hash_row.astype(np.int64)] = table.audio_hash
    pieces = (table.segment_start, table.segment_num_samples)
    for column, odd in zip((*pieces, table.range_offset), _ODD, strict=True):
        keys ^= column * np.uint64(odd)
    for start in range(0, table.num_rows, _ROWS_AT_ONCE):
        end = min(start + _ROWS_AT_ONCE, table.num_rows)
        languages, lengths, hashes = [], [], []
        for text in table.texts("text", start, end):
            language, words = take_apart(text)
            name = language or NO_LANGUAGE
            languages.append(numbers.setdefault(name, len(numbers)))
            lengths.append(len(words))
            hashes.append(
                xxhash.xxh3_64_intdigest(words.encode()) if words else 0
            )
        there = slice(first + start, first + end)
        columns.language[there] = languages
        columns.num_letters[there] = lengths
        columns.words_key[there] = np.array(hashes, np.uint64)
        count(end - start)
