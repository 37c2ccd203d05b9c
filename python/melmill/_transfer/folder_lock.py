"""The lock of a store's folder, which the program takes too."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from melmill._remote.remote_error import LocalFaultError

_LOCK_FILE = ".lock"


class FolderInUseError(Exception):
    """A run, another push or another pull works in the folder."""


@contextlib.contextmanager
def locked_folder(
    folder: Path, *, is_alone: bool, makes: bool
) -> Iterator[None]:
    """Keeps others out of a folder, on file systems with locks.

    Args:
      folder: The folder.
      is_alone: Whether nobody else may work there; otherwise those may that do
        not want to be alone.
      makes: Whether folder and lock are made if they do not exist.

    Raises:
      FolderInUseError: Others work there.
      LocalFaultError: The folder cannot be made or locked.
    """
    path = folder / _LOCK_FILE
    try:
        if makes:
            folder.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT if makes else os.O_RDONLY
        descriptor = os.open(path, flags | os.O_CLOEXEC, 0o666)
    except FileNotFoundError:
        if makes:
            raise
        descriptor = -1  # nobody ever locked it
    except OSError as error:
        raise LocalFaultError(f"{error.filename}: {error.strerror}") from error
    try:
        if descriptor >= 0:
            _lock(descriptor, folder, is_alone=is_alone)
        yield
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _lock(descriptor: int, folder: Path, *, is_alone: bool) -> None:
    kind = fcntl.LOCK_EX if is_alone else fcntl.LOCK_SH
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        raise FolderInUseError(folder) from None
    except OSError:
        pass  # a file system without locks
