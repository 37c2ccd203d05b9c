"""Runs that stop themselves before a call, so that others come in between."""

import dataclasses
import errno
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from support import Run, melmill_path
from write_shim import Call, Fault, FaultyDisk, all_or_some, shim_env

WORKING = None  # what flock does
FAILING = errno.ENOLCK
LYING = 0

# What a file system may lack: names are then given by other calls.
NO_RENAMEAT2 = ("renameat2",)
NO_LINK = ("renameat2", "link")


@dataclasses.dataclass(frozen=True)
class FileSystem:
    """How the folder's file system behaves."""

    flock: int | None = WORKING
    missing: Sequence[str] = ()

    def env(
        self,
        disk: FaultyDisk,
        name: str,
        fault: Fault | None = None,
        log: Path | None = None,
    ) -> dict[str, str]:
        env = shim_env(
            disk.shim_folder, disk.disk(name), fault, log, flock=self.flock
        )
        if self.missing:
            env["WRITE_FAULTS_MISSING"] = ",".join(self.missing)
        return env


class StoppedRun:
    """A run that stops itself before a call; it may end without getting there.

    Ends with the context.
    """

    def __init__(
        self, arguments: Sequence[str], folder: Path, env: Mapping[str, str]
    ):
        self._process = subprocess.Popen(
            [melmill_path(), *arguments],
            cwd=folder,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        ends_or_stops = os.WEXITED | os.WSTOPPED | os.WNOWAIT
        seen = os.waitid(os.P_PID, self._process.pid, ends_or_stops)
        assert seen is not None
        self.is_stopped = seen.si_code == os.CLD_STOPPED

    def __enter__(self) -> "StoppedRun":
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        self._process.communicate()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def resume(self) -> Run:
        self._process.send_signal(signal.SIGCONT)
        _, stderr = self._process.communicate(timeout=300)
        return Run(self._process.returncode, "", stderr)


def some_calls(calls: Sequence[Call], count: int) -> Sequence[int]:
    """Numbers of all calls, or of some, among them changes of names."""
    numbers = range(1, len(calls) + 1)
    changes = [
        number
        for number, call in zip(numbers, calls, strict=True)
        if call.kind in ("renameat2", "rename", "link", "unlink", "mkdir")
    ]
    some = {
        *all_or_some(numbers, count // 2),
        *all_or_some(changes, count // 2),
    }
    return sorted(some)
