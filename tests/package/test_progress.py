"""The line that shows how far a push, a pull or a copy is."""

import io
import threading

import pytest
from melmill._remote import progress
from melmill._remote.progress import Progress


class Screen(io.StringIO):
    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


def shown(monkeypatch: pytest.MonkeyPatch, *, is_terminal: bool) -> str:
    """What is on the screen after three lines, none of which fits."""
    screen = Screen(is_terminal)
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("LINES", "5")
    is_enough = threading.Event()
    lines = iter(range(1, 10**9))

    def describe(_: float) -> str:
        number = next(lines)
        if number > 3:
            is_enough.set()
        return f"line {number} " + 20 * "x"

    with Progress(describe):
        assert is_enough.wait(60)
    return screen.getvalue()


def test_a_terminal_has_one_line_that_is_cleared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(progress, "_LOOK_INTERVAL_S", 0.001)
    text = shown(monkeypatch, is_terminal=True)
    first, second = (f"line {n} xxxxxxxxxxxx" for n in (1, 2))
    assert text.startswith(f"\r\033[K{first}\r\033[K{second}\r\033[K")
    assert text.endswith("\r\033[K")
    assert "\n" not in text


def test_a_log_has_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_LOOK_INTERVAL_S", 1000)
    monkeypatch.setattr(progress, "_LOG_INTERVAL_S", 0.001)
    text = shown(monkeypatch, is_terminal=False)
    assert text.startswith("".join(f"line {n} {20 * 'x'}\n" for n in (1, 2)))
    assert "\033" not in text
