"""Processes of this machine, as /proc has them."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path


def wait_until(is_true: Callable[[], bool], timeout_s: float = 60) -> None:
    """Looks again and again; fails if it does not become true."""
    deadline = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process exists and has not ended yet."""
    return _state(pid) not in ("", "Z", "X")


def parent_of(pid: int) -> int:
    return int(_status(pid)["PPid"])


def tree_of(pid: int) -> list[int]:
    """A process and all below it."""
    pids = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    parents = {each: _status(each).get("PPid", "") for each in pids}
    found = [pid]
    for one in found:
        found += [each for each in pids if parents[each] == str(one)]
    return found


def kill(*pids: int) -> None:
    """SIGKILL. Processes may have ended because another one did."""
    for pid in pids:
        if is_alive(pid):
            os.kill(pid, signal.SIGKILL)


def _state(pid: int) -> str:
    return _status(pid).get("State", "")[:1]


def _status(pid: int) -> dict[str, str]:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    lines = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, _, value in lines}
