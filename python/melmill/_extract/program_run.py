"""Runs the program to its end, and shows what it says meanwhile."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import re
import signal
import struct
import subprocess
import tempfile
import termios
from collections.abc import Sequence
from typing import IO

from melmill._extract.display import Log
from melmill._process.starter import starter

# The program ends within its own grace (10 s) after SIGTERM.
_MAX_STOP_S = 30.0
# A program that ends at once leaves its progress before the message.
_ERROR = re.compile(r"(?:\[[=> ]+\] .*?)?error: ")
_REDRAWN = b"\r\033[K"  # what follows takes the place of the line before


@dataclasses.dataclass(frozen=True)
class End:
    """How the program ended.

    Attributes:
      exit_code: 128 plus the signal, if one ended it.
      stdout: What it printed.
      error: Its error message, with the lines that follow it, or "".
    """

    exit_code: int
    stdout: str
    error: str


def run_program(
    program: str | os.PathLike[str], arguments: Sequence[str], display: Log
) -> End:
    """Runs the program in a session of its own.

    So Ctrl-C on a terminal, or the interruption of a notebook's cell, reaches
    only this process, which sends the program one SIGINT for each. The program
    completes what it soon can, and this raises KeyboardInterrupt once it has
    ended. It gets SIGTERM when the thread that called this dies.

    Raises:
      KeyboardInterrupt: It was stopped.
      OSError: It cannot be run.
    """
    messages = _Messages(display)
    with tempfile.TemporaryFile() as stdout, contextlib.ExitStack() as cleanup:
        reader, writer = _open_stream(display.columns)
        cleanup.callback(os.close, reader)
        try:
            process = subprocess.Popen(
                [*starter(), program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=writer,
                start_new_session=True,
                env={**os.environ, **_environment(display.columns)},
            )
        finally:
            os.close(writer)
        cleanup.callback(_stop, process)
        exit_code = _follow(process, reader, messages)
        display.close(is_done=exit_code == 0)
        return End(exit_code, _text(stdout), "\n".join(messages.error))


def _open_stream(columns: int) -> tuple[int, int]:
    """Both ends of the program's standard error.

    On a terminal the program shows its progress several times a second.
    """
    if not columns:
        return os.pipe()
    reader, writer = os.openpty()
    attributes = termios.tcgetattr(writer)
    attributes[1] &= ~termios.OPOST  # a line end stays one byte
    termios.tcsetattr(writer, termios.TCSANOW, attributes)
    size = struct.pack("HHHH", 0, columns, 0, 0)
    fcntl.ioctl(writer, termios.TIOCSWINSZ, size)
    return reader, writer


def _environment(columns: int) -> dict[str, str]:
    return {"TERM": "xterm", "NO_COLOR": "1"} if columns else {}


def _follow(
    process: subprocess.Popen[bytes], reader: int, messages: _Messages
) -> int:
    interrupt: KeyboardInterrupt | None = None
    while True:
        try:
            while data := _read(reader):
                messages.add(data)
            code = process.wait()
            break
        except KeyboardInterrupt as error:
            process.send_signal(signal.SIGINT)
            interrupt = error
    if interrupt is not None:
        raise interrupt
    return code if code >= 0 else 128 - code


def _read(reader: int) -> bytes:
    try:
        return os.read(reader, 1 << 16)
    except OSError:  # EIO is the end of a terminal
        return b""


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ends the program, if it has not ended."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_MAX_STOP_S)
    finally:
        process.kill()
        process.wait()


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


class _Messages:
    """Tells messages from progress, and shows both.

    Attributes:
      error: Lines of the error message, which is not shown.
    """

    def __init__(self, display: Log) -> None:
        self.error: list[str] = []
        self._display = display
        self._rest = b""

    def add(self, data: bytes) -> None:
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._add_line(_last_drawn(line))
        self._rest = rest
        if progress := _last_drawn(rest):
            self._display.show(progress)

    def _add_line(self, line: str) -> None:
        if found := _ERROR.match(line):
            line = line[found.end() :]
        elif not self.error:
            self._display.say(line)
            return
        self.error.append(line)


def _last_drawn(line: bytes) -> str:
    return line.rpartition(_REDRAWN)[2].decode(errors="replace")
