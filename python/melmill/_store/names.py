"""The audio strings of a store, and the paths of the files now."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping


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
