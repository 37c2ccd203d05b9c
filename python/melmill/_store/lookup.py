"""Audio strings and paths: which row is meant, and where its file is now."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from melmill._store.errors import AmbiguousAudioError

if TYPE_CHECKING:
    from melmill._store.row import Row
    from melmill._store.split import Split
    from melmill._store.table import Piece


_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclasses.dataclass(frozen=True)
class Place:
    """Which of the pieces of an audio file is asked for.

    Attributes:
      start_s: Where it starts, in seconds; None for any.
      audio_offset: First byte of its range of the file; None for any.
    """

    start_s: float | None = None
    audio_offset: int | None = None

    def choose(self, rows: Iterable[Row]) -> list[Row]:
        """The rows that are meant.

        A time means the sample int(start_s * rate), as in a manifest. If no row
        starts there, it means the nearest sample, so that the segment_start_s
        of a row finds the row.
        """
        rows = [row for row in rows if self._has_offset(row)]
        if self.start_s is None:
            return rows
        for sample_at in (int, round):
            found = [
                row
                for row in rows
                if row.piece.start
                == sample_at(self.start_s * max(row.source_rate_hz, 1))
            ]
            if found:
                return found
        return []

    def _has_offset(self, row: Row) -> bool:
        return self.audio_offset is None or (
            row.piece.range_bytes > 0
            and row.piece.range_offset == self.audio_offset
        )

    def __str__(self) -> str:
        start = None if self.start_s is None else f"start={self.start_s}"
        offset = self.audio_offset
        given = None if offset is None else f"audio_offset={offset}"
        return " and ".join(filter(None, (start, given)))


ANY_PLACE = Place()


@dataclasses.dataclass(frozen=True)
class AudioNames:
    """Maps the audio strings of a manifest to the paths of the files now.

    Attributes:
      audio_root: The folder from which relative strings start; None for the
        working directory of this process.
      path_map: Pairs (old, new): a string that starts with `old` starts with
        `new` now. The first pair that fits is used.
    """

    audio_root: str | None = None
    path_map: tuple[tuple[str, str], ...] = ()

    @staticmethod
    def of(
        audio_root: str | os.PathLike[str] | None,
        path_map: Mapping[str, str] | None,
    ) -> AudioNames:
        root = None if audio_root is None else os.fspath(audio_root)
        return AudioNames(root, tuple((path_map or {}).items()))

    def path(self, audio: str) -> str:
        """The path of the file that an audio string of the store means."""
        for old, new in self.path_map:
            if _begins_with(audio, old):
                audio = new + audio[len(old) :]
                break
        if self.audio_root is None:
            return audio
        return os.path.join(self.audio_root, audio)

    def candidates(self, asked: str) -> Iterator[str]:
        """The audio strings of the store that `asked` can mean, best first."""
        yield asked
        names = [asked]
        if self.audio_root is not None:
            root = self.audio_root.rstrip(os.sep) + os.sep
            if asked.startswith(root):
                names.append(asked[len(root) :])
                yield names[-1]
        for name in names:
            for old, new in self.path_map:
                if _begins_with(name, new):
                    yield old + name[len(new) :]

    def normalised(self, asked: str) -> list[str]:
        """The normalised paths that the store can have for a path.

        These are the path as spelled and the absolute path, both of them with
        and without the audio root, and as they were before path_map.
        """
        paths = [normalised(asked), normalised(os.path.abspath(asked))]
        if self.audio_root is not None:
            root = normalised(os.path.abspath(self.audio_root))
            root = root.rstrip(os.sep) + os.sep
            paths += [p[len(root) :] for p in paths if p.startswith(root)]
        paths += [
            normalised(old + path[len(new) :])
            for path in paths
            for old, new in self.path_map
            if _begins_with(path, new)
        ]
        return list(dict.fromkeys(paths))

    def is_same_file(self, asked: str, audio: str) -> bool:
        """Whether a path and an audio string of equal spelling mean one file.

        They can differ if a folder before ".." is a symbolic link.
        """
        paths = asked, self.path(audio)
        if not any(os.pardir in path.split(os.sep) for path in paths):
            return True
        try:
            return os.path.samefile(*paths)
        except OSError:
            return not any(map(os.path.exists, paths))


def find_exact(
    splits: Sequence[Split],
    names: AudioNames,
    asked: str,
    place: Place = ANY_PLACE,
) -> Row | None:
    """The first row with this audio string, or with this path now.

    Raises:
      AmbiguousAudioError: Several pieces of the file are meant.
    """
    for candidate in names.candidates(asked):
        row = _find_string(splits, candidate, place)
        if row is not None:
            return row
    return None


def _find_string(
    splits: Sequence[Split], audio: str, place: Place
) -> Row | None:
    rows = (
        split[index]
        for split in splits
        for index in split.indices_of_string(audio)
    )
    if not any(split.has_pieces for split in splits):
        if place == ANY_PLACE:
            return next(rows, None)
        return next(iter(place.choose(rows)), None)
    chosen = place.choose(rows)
    num_pieces = len({row.piece for row in chosen})
    if num_pieces > 1:
        raise AmbiguousAudioError(
            f"{audio}: {num_pieces} rows of {splits[0].store.name} are pieces "
            f"of it{f' with {place}' if place != ANY_PLACE else ''}: say which "
            "with start= (seconds) or audio_offset= (bytes), or use the row's "
            "index"
        )
    return next(iter(chosen), None)


def find(
    splits: Sequence[Split],
    names: AudioNames,
    asked: str,
    place: Place = ANY_PLACE,
) -> Row | None:
    """The row that find_exact() finds, or else that of another spelling.

    Raises:
      AmbiguousAudioError: The store has several other spellings of the path, or
        several pieces of the file are meant.
    """
    row = find_exact(splits, names, asked, place)
    if row is not None or is_url(asked):
        return row
    found: dict[str, Row] = {}
    for path in names.normalised(asked):
        for split in splits:
            for row in split.rows_of_path(path):
                audio = row.audio
                if audio not in found and names.is_same_file(asked, audio):
                    found[audio] = row
    if len(found) > 1:
        raise AmbiguousAudioError(
            f"{asked}: {splits[0].store} has it in several spellings, "
            f"{', '.join(map(repr, found))}; ask for one of these"
        )
    if not found:
        return None
    return _find_string(splits, next(iter(found)), place)


def find_repeated(splits: Sequence[Split]) -> tuple[str, int] | None:
    """An audio string of which rows are several pieces, and their number."""
    if not any(split.has_pieces for split in splits):
        return None
    tables = [part.table for split in splits for part in split.parts]
    hashes, counts = np.unique(
        np.concatenate([table.audio_hash for table in tables]),
        return_counts=True,
    )
    for wanted in hashes[counts > 1]:
        pieces: dict[str, set[Piece]] = {}
        for table in tables:
            for row in map(int, table.rows_of_hash(wanted)):
                audio = table.text("audio", row)
                pieces.setdefault(audio, set()).add(table.piece(row))
        for audio, of_audio in pieces.items():
            if len(of_audio) > 1:
                return audio, len(of_audio)
    return None


def find_any(splits: Sequence[Split], names: AudioNames, asked: str) -> bool:
    """Whether a row has this audio string, whatever piece of it."""
    return any(
        True
        for candidate in names.candidates(asked)
        for split in splits
        for _ in split.indices_of_string(candidate)
    )


def advice(
    splits: Sequence[Split],
    names: AudioNames,
    asked: str,
    place: Place = ANY_PLACE,
) -> str:
    """Advice for a message about audio that was not found."""
    if place != ANY_PLACE and find_any(splits, names, asked):
        return f"it has rows of this audio, but none with {place}"
    folders = os.path.abspath(asked).split(os.sep)
    for number in range(2, len(folders)):
        rest = os.sep.join(folders[number:])
        if any(True for s in splits for _ in s.indices_of_string(rest)):
            root = os.sep.join(folders[:number])
            return (
                f"it has {rest!r}: open the store with audio_root={root!r} "
                "(--audio-root)"
            )
    example = next((split[0].audio for split in splits if len(split)), None)
    if example is None:
        return "it has no rows"
    return (
        f"its audio strings look like {example!r}: audio_root (--audio-root) "
        "and path_map of melmill.open say where these are now"
    )


def is_url(audio: str) -> bool:
    """Whether an audio string is a URL, which has no other spelling."""
    return _URL.match(audio) is not None


def normalised(path: str) -> str:
    """A path without ".", ".." and doubled slashes; looks at no file."""
    path = os.path.normpath(path)
    return path[1:] if path.startswith("//") else path


def _begins_with(path: str, beginning: str) -> bool:
    """Whether a path is in a folder, or begins with a text that ends in /."""
    if not path.startswith(beginning):
        return False
    rest = path[len(beginning) :]
    return not rest or beginning.endswith(os.sep) or rest.startswith(os.sep)
