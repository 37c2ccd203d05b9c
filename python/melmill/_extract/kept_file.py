"""A file that stays as it is if it would get the same bytes again."""

from __future__ import annotations

import os
from collections.abc import Callable

from melmill._convert.json_lines import open_input
from melmill._convert.output import NewFile

_CHUNK_BYTES = 1 << 20


class KeptFile:
    """Is written like a NewFile, and written only where bytes differ.

    So the program finds audio that it knows, with the times that it knows. The
    bytes are compared with those that are there until the first difference.
    Not thread-safe.

    Args:
      path: Its path.
      allow_change: Is called before a file that is there is replaced. May raise
        to prevent that.

    Raises:
      OSError: From any function, if a file cannot be read or written.
    """

    def __init__(self, path: str, allow_change: Callable[[], None]) -> None:
        self._path = path
        self._allow_change = allow_change
        self._num_same = 0
        self._new: NewFile | None = None
        self._old = open_input(path) if os.path.isfile(path) else None

    def write(self, data: bytes) -> None:
        """Adds bytes."""
        if self._new is None and self._old is not None:
            if self._old.read(len(data)) == data:
                self._num_same += len(data)
                return
            self._allow_change()
        self._replacement().write(data)

    def commit(self) -> None:
        """Puts the file in place, unless it is there already."""
        if self._old is not None and self._new is None:
            if not self._old.read(1):
                self._old.close()
                return
            self._allow_change()  # the old file goes on
        self._replacement().commit()
        if self._old is not None:
            self._old.close()

    def discard(self) -> None:
        """Leaves the file that is there."""
        if self._new is not None:
            self._new.discard()
        if self._old is not None:
            self._old.close()

    def _replacement(self) -> NewFile:
        """The new file, which begins as the old one does."""
        if self._new is None:
            self._new = NewFile(self._path)
            num_left = self._num_same
            if self._old is not None:
                self._old.seek(0)
                while num_left:
                    chunk = self._old.read(min(num_left, _CHUNK_BYTES))
                    if not chunk:
                        raise OSError(f"{self._path} became shorter")
                    self._new.write(chunk)
                    num_left -= len(chunk)
        return self._new
