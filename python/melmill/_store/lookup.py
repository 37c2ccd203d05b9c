"""Audio strings and paths: which row is meant, and where its file is now."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from melmill._store.errors import AmbiguousAudioError

if TYPE_CHECKING:
    from melmill._store.row import Row
    from melmill._store.split import Split


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
    splits: Sequence[Split], names: AudioNames, asked: str
) -> Row | None:
    """The first row with this audio string, or with this path now."""
    for candidate in names.candidates(asked):
        for split in splits:
            index = split.index_of_string(candidate)
            if index is not None:
                return split[index]
    return None


def find(splits: Sequence[Split], names: AudioNames, asked: str) -> Row | None:
    """The row that find_exact() finds, or else that of another spelling.

    Raises:
      AmbiguousAudioError: The store has several other spellings of the path.
    """
    row = find_exact(splits, names, asked)
    if row is not None:
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
    return next(iter(found.values()), None)


def advice(splits: Sequence[Split], names: AudioNames, asked: str) -> str:
    """Advice for a message about audio that was not found."""
    folders = os.path.abspath(asked).split(os.sep)
    for number in range(2, len(folders)):
        rest = os.sep.join(folders[number:])
        if any(split.index_of_string(rest) is not None for split in splits):
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
