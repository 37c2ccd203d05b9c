"""Copies files into a folder, in parallel: whole ones, or none."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import itertools
import os
import random
import secrets
import shutil
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from melmill._stage.audio_url import AudioUrl
from melmill._stage.remote_error import LocalFaultError, RemoteFaultError

# Holds copies that are not whole yet, within the folder of the copies.
PARTIAL_FOLDER = ".partial"


class Files(Protocol):
    """RemoteFiles, or what stands for it."""

    def num_bytes(self, url: AudioUrl) -> int | None: ...

    def copy(self, url: AudioUrl, path: str) -> int: ...


@dataclasses.dataclass(frozen=True)
class Patience:
    """How often a file is tried, and how long is waited in between.

    Attributes:
      num_tries: Tries for a file.
      first_wait_s: Wait behind the first try, in seconds; it doubles each time.
        A part of it is random, so that not all threads come back together.
      max_wait_s: Longest wait, also if the server asks for a longer one.
    """

    num_tries: int = 7
    first_wait_s: float = 1
    max_wait_s: float = 600


class FolderInUseError(Exception):
    """Another process copies into the folder."""


class StoppingError(Exception):
    """The file was given up because all work stops."""


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
        patience = self._patience
        wait_s = patience.first_wait_s
        for num_tries in itertools.count(1):
            if self._stopping.is_set():
                raise StoppingError
            try:
                return self._try(url)
            except RemoteFaultError as error:
                if not error.can_pass:
                    raise
                if num_tries == patience.num_tries:
                    raise RemoteFaultError(
                        f"{error} (tried {num_tries} times)"
                    ) from error
                asked_s = error.retry_after_s
            longest_s = max(wait_s * random.uniform(0.5, 1), asked_s)
            if self._stopping.wait(min(longest_s, patience.max_wait_s)):
                raise StoppingError
            wait_s *= 2

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
