"""Shows how far the program is: in a notebook, on a terminal, in a log."""

from __future__ import annotations

import os
import re
import shutil
import sys
from typing import Any

_BAR_COLUMNS = 200  # so that the program leaves nothing out
_ROWS = re.compile(r"([\d,]+) of ([\d,]+) rows?")
_SPEED = re.compile(r"[\d,]+ x real time")


class Log:
    """Shows messages alone: the program adds its progress once a minute.

    Attributes:
      columns: The width of a line of progress, or 0 if none is wanted.
    """

    columns = 0

    def say(self, message: str) -> None:
        """Shows a line that stays."""
        sys.stderr.write(f"{message}\n")
        sys.stderr.flush()

    def show(self, progress: str) -> None:
        """Shows how far the work is, in place of what was shown before."""

    def close(self, *, is_done: bool) -> None:
        """Ends the display of progress."""


class LiveLine(Log):
    """A line that is overwritten."""

    def __init__(self) -> None:
        self.columns = shutil.get_terminal_size().columns
        self._num_shown = 0

    def say(self, message: str) -> None:
        self._erase()
        super().say(message)

    def show(self, progress: str) -> None:
        sys.stderr.write("\r" + progress.ljust(self._num_shown))
        sys.stderr.flush()
        self._num_shown = len(progress)

    def close(self, *, is_done: bool) -> None:
        self._erase()

    def _erase(self) -> None:
        if self._num_shown:
            self.show("")
            sys.stderr.write("\r")


class Bar(Log):
    """A bar of tqdm, in a notebook.

    Messages but warnings go to standard output: notebooks show standard error
    as if it were an error.

    Args:
      tqdm: The class.
    """

    columns = _BAR_COLUMNS

    def __init__(self, tqdm: Any) -> None:
        self._tqdm = tqdm
        self._bar: Any = None
        self._num_rows = 0
        self._is_warning = False

    def say(self, message: str) -> None:
        if not message.startswith(" "):  # else it belongs to the one before
            self._is_warning = message.startswith("warning: ")
        if self._is_warning:
            super().say(message)
        else:
            print(message, flush=True)

    def show(self, progress: str) -> None:
        if self._bar is None:
            self._bar = self._tqdm(
                unit=" rows", file=sys.stderr, bar_format="{desc}"
            )
        found = _ROWS.search(progress)
        if found is None:  # another step, such as "planning: 1,200 lines"
            self._bar.set_description_str(progress)
            return
        num_done, num_rows = (int(n.replace(",", "")) for n in found.groups())
        if num_rows != self._num_rows:
            self._num_rows = num_rows
            self._bar.bar_format = None
            self._bar.reset(num_rows)
            self._bar.set_description_str("extracting", refresh=False)
        self._bar.n = num_done
        speed = _SPEED.search(progress)
        self._bar.set_postfix_str(speed[0] if speed else "")

    def close(self, *, is_done: bool) -> None:
        if self._bar is None:
            return
        if not self._num_rows:
            self._bar.leave = False
        elif is_done:
            self._bar.n = self._num_rows
            self._bar.set_description_str("extracted")
        self._bar.close()


def open_display() -> Log:
    """What suits standard error, and what is installed."""
    if _is_notebook():
        try:
            from tqdm.auto import tqdm
        except ModuleNotFoundError:
            return LiveLine()
        return Bar(tqdm)
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        return LiveLine()
    return Log()


def _is_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and "IPKernelApp" in shell.config
