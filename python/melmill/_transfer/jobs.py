"""Work on many files at the same time."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait

from melmill._remote.command_line import UsageError
from melmill._remote.patience import StoppingError
from melmill._remote.remote_error import (
    GoneError,
    LocalFaultError,
    RemoteFaultError,
)
from melmill._store.errors import DamagedStoreError, StoreReadError

# Files that may fail before all work stops.
MAX_FAULTS = 16

# How long uploads may take to say that they end.
_MAX_END_S = 5


@dataclasses.dataclass(frozen=True)
class Fault:
    """A file that failed.

    Attributes:
      name: The file.
      error: The cause.
    """

    name: str
    error: Exception

    def __str__(self) -> str:
        text = str(self.error)
        return text if self.name in text else f"{self.name}: {text}"


class FaultsError(Exception):
    """Some files failed; the others are done, unless there were too many.

    Attributes:
      faults: The files.
    """

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__()
        self.faults = faults

    @property
    def is_damage(self) -> bool:
        """Whether trying again is of no use."""
        return any(
            isinstance(fault.error, DamagedStoreError) for fault in self.faults
        )


class Jobs:
    """Threads for files.

    Args:
      num_jobs: Files at the same time.
      stopping: Is set when all work stops.
    """

    def __init__(self, num_jobs: int, stopping: threading.Event) -> None:
        self._num_jobs = num_jobs
        self._stopping = stopping

    def run(self, work: Callable[[str], None], names: Iterable[str]) -> None:
        """Calls `work` for each name.

        What is in work when a signal comes gets some seconds to end.

        Raises:
          FaultsError: For some names it raised a RemoteFaultError, GoneError,
            LocalFaultError, DamagedStoreError or StoreReadError.
          Exception: What else it raised.
        """
        threads = ThreadPoolExecutor(self._num_jobs, "transfer")
        futures: dict[Future[None], str] = {
            threads.submit(self._do, work, name): name for name in names
        }
        try:
            faults = self._collect(futures)
        except BaseException:
            self._end(threads, futures)
            raise
        threads.shutdown()
        if faults:
            raise FaultsError(faults)

    def _do(self, work: Callable[[str], None], name: str) -> None:
        if self._stopping.is_set():
            raise StoppingError
        try:
            work(name)
        except Exception as error:
            if _concerns_all(error):
                self._stopping.set()
            raise

    def _collect(self, futures: dict[Future[None], str]) -> list[Fault]:
        faults: list[Fault] = []
        for future in as_completed(futures):
            try:
                future.result()
            except (
                DamagedStoreError,
                StoreReadError,
                GoneError,
                LocalFaultError,
                RemoteFaultError,
            ) as error:
                faults.append(Fault(futures[future], error))
                if len(faults) == MAX_FAULTS or _concerns_all(error):
                    raise FaultsError(faults) from None
            except StoppingError:
                continue
        return faults

    def _end(
        self, threads: ThreadPoolExecutor, futures: Iterable[Future[None]]
    ) -> None:
        self._stopping.set()
        threads.shutdown(wait=False, cancel_futures=True)
        wait([each for each in futures if not each.cancelled()], _MAX_END_S)


def _concerns_all(error: Exception) -> bool:
    """Whether no other file need be tried."""
    if isinstance(error, RemoteFaultError):
        return not error.can_pass
    return isinstance(error, LocalFaultError | UsageError)
