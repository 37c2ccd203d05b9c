"""Progress and messages suit the place where they are shown."""

import io
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from melmill._extract.display import Bar, LiveLine, Log, open_display

BAR = "[==>     ]   40 %  1,200 of 3,000 rows  5,200 x real time  0:12 left"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def use_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Replaces standard error within a test, before which pytest does so."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    return terminal


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = SimpleNamespace(config={"IPKernelApp": {}})
    ipython = SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)


def test_a_log_gets_messages(capsys: pytest.CaptureFixture[str]) -> None:
    display = open_display()
    assert type(display) is Log
    assert display.columns == 0
    display.show(BAR)
    display.say("warning: x")
    display.close(is_done=True)
    assert capsys.readouterr().err == "warning: x\n"


def test_a_terminal_gets_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = use_terminal(monkeypatch)
    monkeypatch.setenv("COLUMNS", "77")
    display = open_display()
    assert type(display) is LiveLine
    assert display.columns == 77
    for text in ("planning", "plan"):
        display.show(text)
    display.say("warning: x")
    display.show("y")
    display.close(is_done=True)
    assert terminal.getvalue() == (
        "\rplanning\rplan    \r    \rwarning: x\n\ry\r \r"
    )


def test_a_dumb_terminal_is_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = use_terminal(monkeypatch)
    monkeypatch.setenv("TERM", "dumb")
    assert type(open_display()) is Log
    assert not terminal.getvalue()


@pytest.mark.usefixtures("notebook")
def test_a_notebook_gets_a_bar(capsys: pytest.CaptureFixture[str]) -> None:
    display = open_display()
    assert type(display) is Bar
    display.show("planning: 3,000 lines")
    display.show(BAR)
    display.show(BAR.replace("1,200 of", "1,300 of"))
    display.show("finishing")
    display.close(is_done=True)
    shown = capsys.readouterr().err
    assert "planning: 3,000 lines" in shown
    assert "extracting:  43%" in shown
    assert "1300/3000" in shown
    assert "5,200 x real time" in shown
    assert "extracted: 100%" in shown.rsplit("\r", 1)[1]


@pytest.mark.usefixtures("notebook")
def test_a_notebook_shows_only_warnings_as_errors(
    capsys: pytest.CaptureFixture[str],
) -> None:
    display = open_display()
    display.say("planned 3 of 3 lines")
    display.say("  as told")
    display.say("warning: LEAK")
    display.say("  train line 3")
    display.say("stored")
    assert capsys.readouterr() == (
        "planned 3 of 3 lines\n  as told\nstored\n",
        "warning: LEAK\n  train line 3\n",
    )


@pytest.mark.usefixtures("notebook")
def test_a_bar_without_rows_does_not_stay(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As when the plan finds nothing to do, or too many rejects."""
    for is_done in (True, False):
        display = open_display()
        display.show("planning: 3,000 lines")
        display.close(is_done=is_done)
        shown = capsys.readouterr().err
        assert "planning: 3,000 lines" in shown
        assert "rows" not in shown
        assert not shown.rsplit("\r", 1)[1].strip()


@pytest.mark.usefixtures("notebook")
def test_a_bar_that_was_stopped_is_not_full(
    capsys: pytest.CaptureFixture[str],
) -> None:
    display = open_display()
    display.show(BAR)
    display.close(is_done=False)
    assert "3000/3000" not in capsys.readouterr().err
    open_display().close(is_done=True)
    assert not capsys.readouterr().err


@pytest.mark.usefixtures("notebook")
def test_without_tqdm_a_notebook_gets_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    missing: Any = None
    monkeypatch.setitem(sys.modules, "tqdm.auto", missing)
    assert type(open_display()) is LiveLine
