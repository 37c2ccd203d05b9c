"""Copies files into a folder, in parallel: whole ones, or none."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import itertools
import os
import secrets
import shutil
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from melmill._remote.patience import Patience
from melmill._remote.remote_error import LocalFaultError
from melmill._stage.audio_url import AudioUrl

# Holds copies that are not whole yet, within the folder of the copies.
PARTIAL_FOLDER = ".partial"


class Files(Protocol):
    """RemoteFiles, or what stands for it."""

    def num_bytes(self, url: AudioUrl) -> int | None: ...

    def copy(self, url: AudioUrl, path: str) -> int: ...


class FolderInUseError(Exception):
    """Another process copies into the folder."""


@dataclasses.dataclass
class Counts:
    """How many files were copied or kept, and the bytes that were copied."""

    copied: int = 0
    kept: int = 0
    bytes_copied: int = 0


class Copies:
    """The copies of remote files in a folder.

    A file has its name only once it is whole: it is written under another name,
    flushed to the disk and renamed. So a run that was killed leaves nothing
    that looks like a copy and is none.

    One thread calls the functions; the copying is done by others. It is a
    context manager: at its end no file is begun any more, but those in work
    may go on until the process ends.

    Args:
      folder: Is made if it does not exist.
      files: Where the files come from.
      num_jobs: Files to copy at the same time.
      patience: How faults are waited for.

    Raises:
      FolderInUseError: Another process copies into the folder.
      LocalFaultError: The folder cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        files: Files,
        *,
        num_jobs: int,
        patience: Patience | None = None,
    ) -> None:
        self.counts = Counts()
        self._folder = folder
        self._partial = folder / PARTIAL_FOLDER
        self._files = files
        self._patience = patience or Patience()
        self._counts_lock = threading.Lock()
        self._stopping = threading.Event()
        # Threads of a run that ends may still write when the next one begins.
        self._token = secrets.token_hex(4)
        self._numbers = itertools.count()
        self._changed: set[Path] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            self._take_folder()
        except OSError as error:
            raise LocalFaultError(
                f"{error.filename}: {error.strerror}"
            ) from error
        self._threads = ThreadPoolExecutor(num_jobs, "copy")

    def _take_folder(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise FolderInUseError(self._folder) from None
        except OSError:
            pass  # a file system without locks
        shutil.rmtree(self._partial, ignore_errors=True)  # of a killed run
        self._partial.mkdir(exist_ok=True)

    def __enter__(self) -> Copies:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._threads.shutdown(wait=False, cancel_futures=True)
        shutil.rmtree(self._partial, ignore_errors=True)
        os.close(self._lock)

    def path(self, url: AudioUrl) -> Path:
        """Where the copy of a URL is."""
        return self._folder / url.local_name

    def bring(self, url: AudioUrl) -> Future[None]:
        """Copies a file, unless a copy of the server's size is there.

        The future raises the errors of RemoteFiles.copy (a RemoteFaultError
        only if it lasts), or StoppingError.
        """
        return self._threads.submit(self._bring, url)

    def flush(self) -> None:
        """Makes the names of all copies last. Call it when no file is in work.

        Raises:
          LocalFaultError: The disk fails.
        """
        for folder in [self._folder, *sorted(self._changed)]:
            _fsync(folder, os.O_RDONLY)

    def _bring(self, url: AudioUrl) -> None:
        self._patience.try_until_done(lambda: self._try(url), self._stopping)

    def _try(self, url: AudioUrl) -> None:
        path = self.path(url)
        if path.is_file():
            wanted = self._files.num_bytes(url)
            if wanted is None or wanted == path.stat().st_size:
                with self._counts_lock:
                    self.counts.kept += 1
                return
        partial = self._partial / f"{self._token}-{next(self._numbers)}"
        try:
            num_bytes = self._files.copy(url, str(partial))
            _fsync(partial, os.O_RDWR)
            path.parent.mkdir(exist_ok=True)
            partial.replace(path)
        except OSError as error:
            raise LocalFaultError(f"{path}: {error.strerror}") from error
        finally:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
        with self._counts_lock:
            self._changed.add(path.parent)
            self.counts.copied += 1
            self.counts.bytes_copied += num_bytes


def _fsync(path: Path, flags: int) -> None:
    try:
        descriptor = os.open(path, flags)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise LocalFaultError(f"{path}: {error.strerror}") from error
