"""What a task does on a node: it runs the program as a child process.

Ray carries this module and the starter to the nodes, so they need the program
but not this package. It may therefore import nothing else but constants, the
standard library and Ray.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from typing import TypedDict

from melmill._process.extract_error import NO_PROGRAM
from melmill._process.starter import starter

_TAIL_BYTES = 4096
# The program ends within its own grace (10 s) after SIGTERM.
_MAX_STOP_S = 30.0
# How late a cancelled task may be noticed.
_POLL_S = 0.2


class ChildEnd(TypedDict):
    """How the program ended, and where."""

    node_id: str
    host: str
    exit_code: int  # 128 plus the signal that ended it
    stdout: str
    stderr: str  # its last 4 KiB


def run_program(
    program: str | None, arguments: Sequence[str], folder: str | None = None
) -> ChildEnd:
    """Runs the program on this node, to its end.

    The program gets SIGTERM when the process that called this dies, however
    it dies, and when the task is cancelled; then its end is waited for. Call
    it from the main thread: the kernel watches the calling thread.

    Args:
      program: Its path, or None for the one on PATH or beside this Python.
      arguments: What follows its name.
      folder: The working directory, or None for that of the worker.
    """
    path = _find(program)
    if path is None:
        return _end(
            NO_PROGRAM, b"", f"error: no program {program or 'melmill'}"
        )
    process = None
    try:
        process = subprocess.Popen(
            [*starter(), path, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        while True:
            # Ray cancels by an exception between two bytecodes.
            with contextlib.suppress(subprocess.TimeoutExpired):
                stdout, stderr = process.communicate(timeout=_POLL_S)
                break
    except NotADirectoryError as error:
        return _end(2, b"", f"error: {error.filename}: {error.strerror}")
    except FileNotFoundError:
        return _end(2, b"", f"error: this node has no folder {folder}")
    except OSError as error:
        return _end(4, b"", f"error: cannot run {path}: {error.strerror}")
    except BaseException:
        if process is not None:
            _stop(process)
        raise
    tail = stderr[-_TAIL_BYTES:].decode(errors="replace")
    code = process.returncode
    return _end(code if code >= 0 else 128 - code, stdout, tail)


def _find(program: str | None) -> str | None:
    if program is not None:
        return shutil.which(program)
    beside = os.path.join(os.path.dirname(sys.executable), "melmill")
    return shutil.which("melmill") or shutil.which(beside)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=_MAX_STOP_S)
    finally:
        process.kill()
        process.wait()


def _end(exit_code: int, stdout: bytes, stderr: str) -> ChildEnd:
    import ray

    return {
        "node_id": ray.get_runtime_context().get_node_id(),
        "host": socket.gethostname(),
        "exit_code": exit_code,
        "stdout": stdout.decode(errors="replace"),
        "stderr": stderr,
    }
