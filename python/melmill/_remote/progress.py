"""Shows on standard error how far the work is, as the program does."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable

_LOOK_INTERVAL_S = 0.2  # on a terminal
_LOG_INTERVAL_S = 60.0  # elsewhere


def count(number: int, noun: str) -> str:
    """1 row; 2,000 rows."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def num_bytes_text(num_bytes: int) -> str:
    """A size as the program shows it."""
    for unit, name, digits in ((1e12, "TB", 2), (1e9, "GB", 2), (1e6, "MB", 1)):
        if num_bytes >= unit:
            return f"{num_bytes / unit:.{digits}f} {name}"
    return f"{num_bytes / 1e3:.1f} kB"


class Progress:
    """Shows a line: again and again on a terminal, else once a minute.

    A context manager, which shows it for as long as it is open.

    Args:
      describe: Returns the line, given the seconds since the beginning. Is
        called by another thread.
    """

    def __init__(self, describe: Callable[[float], str]) -> None:
        self._describe = describe
        self._is_terminal = (
            sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        )
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._show, daemon=True)

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        if self._is_terminal:
            self._print("\r\033[K")

    def _show(self) -> None:
        start = time.monotonic()
        interval = _LOOK_INTERVAL_S if self._is_terminal else _LOG_INTERVAL_S
        while not self._ending.wait(interval):
            text = self._describe(time.monotonic() - start)
            if self._is_terminal:
                width = shutil.get_terminal_size().columns - 1
                self._print(f"\r\033[K{text[:width]}")
            else:
                self._print(f"{text}\n")

    def _print(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
