"""What melmill push and melmill pull have in common."""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading
from collections.abc import Callable

from melmill._remote.command_line import (
    EXIT_DAMAGED,
    EXIT_MACHINE_FAULT,
    EXIT_USAGE,
    StoppedError,
    UsageError,
    add_quiet_option,
    fail,
    signals_raise,
)
from melmill._remote.file_systems import MAX_CONNECTIONS, MissingPackageError
from melmill._remote.progress import Progress, count, num_bytes_text
from melmill._remote.remote_error import (
    GoneError,
    LocalFaultError,
    RemoteFaultError,
)
from melmill._remote.url_text import UrlError
from melmill._store.errors import (
    ContractError,
    DamagedStoreError,
    FormatError,
    StoreReadError,
)
from melmill._transfer.folder_lock import FolderInUseError
from melmill._transfer.jobs import FaultsError, Jobs
from melmill._transfer.object_store import ObjectStore
from melmill._transfer.store_url import StoreUrl

_DEFAULT_JOBS = 16
_RESUME = "what was copied is kept; run the same command again"

EXIT_CODES = """\
exit codes: 0 done, 1 a file of the store is damaged, 2 wrong usage or another
store, 4 fault of the machine, the network or the server, or not ready yet,
130/143 stopped by a signal; after 4, 130 and 143 the same command resumes."""


class UnfinishedError(Exception):
    """The store is not finished yet; later it may be."""


class Traffic:
    """The bytes that were sent or came. Threads share it."""

    def __init__(self) -> None:
        self.num_bytes = 0
        self._lock = threading.Lock()

    def add(self, num_bytes: int) -> None:
        with self._lock:
            self.num_bytes += num_bytes

    def __str__(self) -> str:
        return num_bytes_text(self.num_bytes)


class Session:
    """What one command works with.

    Args:
      url: The store's place in object storage.
      num_jobs: Files at the same time.

    Raises: as ObjectStore.
    """

    def __init__(self, url: StoreUrl, num_jobs: int) -> None:
        stopping = threading.Event()
        self.traffic = Traffic()
        self.objects = ObjectStore(url, stopping, self.traffic.add)
        self.jobs = Jobs(num_jobs, stopping)

    def progress(
        self, verb: str, num_done: Callable[[], int], *, is_quiet: bool
    ) -> contextlib.AbstractContextManager[object]:
        """Shows how far the work is.

        Args:
          verb: What is done, such as pushing.
          num_done: Returns the number of files that are done.
          is_quiet: Whether nothing is shown.
        """

        def describe(seconds: float) -> str:
            speed = self.traffic.num_bytes / seconds / 1e6
            files = count(num_done(), "file")
            return f"{verb}: {files}, {self.traffic}, {speed:.0f} MB/s"

        return contextlib.nullcontext() if is_quiet else Progress(describe)


def add_common_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-j",
        "--jobs",
        metavar="N",
        type=int,
        default=_DEFAULT_JOBS,
        help=f"files to copy at the same time, 1 to {MAX_CONNECTIONS} "
        f"(default: {_DEFAULT_JOBS})",
    )
    add_quiet_option(parser)


def check_common_options(
    parser: argparse.ArgumentParser, options: argparse.Namespace
) -> None:
    if not 1 <= options.jobs <= MAX_CONNECTIONS:
        parser.error(f"--jobs: 1 to {MAX_CONNECTIONS}")


def exit_code_of(work: Callable[[], int]) -> int:
    """Does the work of a command, and says why it fails.

    Returns:
      The exit code.
    """
    try:
        with signals_raise():
            return work()
    except (
        ContractError,
        FormatError,
        MissingPackageError,
        UrlError,
        UsageError,
    ) as error:
        return fail(EXIT_USAGE, str(error))
    except DamagedStoreError as error:
        return fail(EXIT_DAMAGED, str(error))
    except FaultsError as error:
        return _fail_with(error)
    except FolderInUseError as error:
        return fail(
            EXIT_MACHINE_FAULT,
            f"{error} is in use; run the same command again later",
        )
    except UnfinishedError as error:
        return fail(EXIT_MACHINE_FAULT, str(error))
    except (
        GoneError,
        LocalFaultError,
        RemoteFaultError,
        StoreReadError,
    ) as error:
        return fail(EXIT_MACHINE_FAULT, f"{error}\n{_RESUME}")
    except StoppedError as stop:
        print(f"stopped; {_RESUME}", file=sys.stderr)
        return stop.exit_code


def _fail_with(error: FaultsError) -> int:
    lines = [f"{count(len(error.faults), 'file')} failed:"]
    lines += [f"  {fault}" for fault in error.faults]
    if error.is_damage:
        return fail(EXIT_DAMAGED, "\n".join(lines))
    return fail(EXIT_MACHINE_FAULT, "\n".join([*lines, _RESUME]))
