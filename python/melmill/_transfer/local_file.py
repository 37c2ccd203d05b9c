"""A file of a store as it is made: under another name, until it is whole."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from melmill._remote.remote_error import LocalFaultError


@contextlib.contextmanager
def local_faults(path: Path) -> Iterator[None]:
    """Turns what the system says of a file into a LocalFaultError."""
    try:
        yield
    except OSError as error:
        raise LocalFaultError(f"{path}: {error.strerror}") from error


class LocalFile:
    """A file that gets its name when it is whole.

    A context manager: without `finish` nothing is left of it. The name in
    between is one that `melmill` takes for the rest of a run, too.

    Args:
      path: The name that it gets.
      num_bytes: Its size. What is not written is a hole, and reads as zeros.

    Attributes:
      path: The name that it has until then.

    Raises:
      LocalFaultError: It cannot be made.
    """

    def __init__(self, path: Path, num_bytes: int) -> None:
        self.path = path.with_name(f"{path.name}.{secrets.token_hex(8)}.tmp")
        self._final_path = path
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with local_faults(path):
            self._descriptor = os.open(self.path, flags, 0o666)
            try:
                os.truncate(self._descriptor, num_bytes)
            except BaseException:
                self.__exit__()
                raise

    def __enter__(self) -> LocalFile:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)

    def write(self, offset: int, content: bytes) -> None:
        """Writes bytes at an offset.

        Raises:
          LocalFaultError: The disk is full or fails.
        """
        left = memoryview(content)
        with local_faults(self._final_path):
            while left:
                num_written = os.pwrite(self._descriptor, left, offset)
                offset += num_written
                left = left[num_written:]

    def finish(self) -> None:
        """Makes the content last and gives the file its name.

        Raises: as `write`.
        """
        with local_faults(self._final_path):
            os.fsync(self._descriptor)
            self.path.replace(self._final_path)


def flush_names(folder: Path) -> None:
    """Makes the names in a folder last.

    Raises:
      LocalFaultError: The disk fails.
    """
    with local_faults(folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
