"""What the commands have in common: exit codes, signals, errors."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Final, NoReturn

# As the program has them (docs/format.md).
EXIT_OK: Final = 0
EXIT_DAMAGED: Final = 1
EXIT_USAGE: Final = 2
EXIT_TOO_MANY_REJECTS: Final = 3
EXIT_MACHINE_FAULT: Final = 4


class UsageError(Exception):
    """The arguments make no sense, or do not fit what is there."""


class StoppedError(BaseException):
    """A signal asks to stop. No `except Exception` takes it for a fault."""

    def __init__(self, signal_number: int) -> None:
        super().__init__()
        self.signal_number = signal_number

    @property
    def exit_code(self) -> int:
        return 128 + self.signal_number


@contextlib.contextmanager
def signals_raise() -> Iterator[None]:
    """SIGINT and SIGTERM raise StoppedError; the second one ends at once."""
    signals = (signal.SIGINT, signal.SIGTERM)

    def stop(number: int, _: FrameType | None) -> NoReturn:
        for each in signals:
            signal.signal(each, signal.SIG_DFL)
        raise StoppedError(number)

    before = [signal.signal(each, stop) for each in signals]
    try:
        yield
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)


def printable(path: str) -> str:
    """A path as it can be printed: bytes that are not UTF-8 become escapes."""
    return os.fsencode(path).decode(errors="backslashreplace")


def command_parser(
    command: str, *, usage: str, description: str, exit_codes: str
) -> argparse.ArgumentParser:
    """The parser of a command, without arguments.

    Args:
      command: Its name, such as push.
      usage: What follows after the name.
      description: What it does, in lines of the help.
      exit_codes: The last lines of the help.
    """
    return argparse.ArgumentParser(
        prog=f"melmill {command}",
        description=description,
        epilog=exit_codes,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage=f"%(prog)s {usage}",
    )


def add_quiet_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="show no progress"
    )


def fail(exit_code: int, message: str) -> int:
    """Says why the command ends.

    Returns:
      The exit code.
    """
    print(f"error: {message}", file=sys.stderr)
    return exit_code
