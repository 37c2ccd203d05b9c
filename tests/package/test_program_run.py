"""A program is run, followed and ended."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from melmill._extract.display import Log
from melmill._extract.program_run import run_program
from support import REPOSITORY

COUNTING = """\
#!{python} -IS
import os, signal, sys, time
def count(*_):
    with open("{folder}/signals", "a") as file:
        file.write("x")
signal.signal(signal.SIGINT, count)
signal.signal(signal.SIGTERM, lambda *_: (count(), sys.exit(143)))
os.write(2, b"ready\\n")
for _ in range({patience}):
    time.sleep(0.1)
    if os.path.exists("{folder}/signals"):
        time.sleep(0.3)
        sys.exit(130)
"""
CALL = """
import sys
from melmill._extract.display import Log
from melmill._extract.program_run import run_program

try:
    run_program(sys.argv[1], [], Log())
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


class Recorder(Log):
    """What would be shown."""

    def __init__(self, columns: int = 0) -> None:
        self.columns = columns
        self.said: list[str] = []
        self.shown: list[str] = []
        self.is_done: bool | None = None

    def say(self, message: str) -> None:
        self.said.append(message)

    def show(self, progress: str) -> None:
        self.shown.append(progress)

    def close(self, *, is_done: bool) -> None:
        self.is_done = is_done


def make_program(folder: Path, text: str) -> str:
    program = folder / "program"
    program.write_text(text)
    program.chmod(0o755)
    return str(program)


def test_progress_and_messages_are_told_apart(tmp_path: Path) -> None:
    program = make_program(
        tmp_path,
        """#!/bin/sh
printf '\\r\\033[Kplanning: 5 lines' >&2; sleep 0.1
printf '\\r\\033[Kwarning: a\\n  b\\n' >&2
printf '\\r\\033[K[==>  ]  40 %%  1 of 2 rows' >&2; sleep 0.1
printf 'error: it hangs\\n  c\\n' >&2
stty size <&2; echo "$TERM $NO_COLOR $*"; exit 4
""",
    )
    recorder = Recorder(columns=99)
    end = run_program(program, ["a b", "c"], recorder)
    assert recorder.said == ["warning: a", "  b"]
    assert recorder.shown == ["planning: 5 lines", "[==>  ]  40 %  1 of 2 rows"]
    assert recorder.is_done is False
    assert (end.exit_code, end.error) == (4, "it hangs\n  c")
    assert end.stdout == "0 99\nxterm 1 a b c\n"


def test_without_progress_it_sees_no_terminal(tmp_path: Path) -> None:
    program = make_program(
        tmp_path, "#!/bin/sh\ntest -t 2 && echo terminal; echo x >&2\n"
    )
    recorder = Recorder()
    end = run_program(program, [], recorder)
    assert (end.exit_code, end.stdout, end.error) == (0, "", "")
    assert (recorder.said, recorder.is_done) == (["x"], True)


def test_a_signal_gives_the_exit_code_of_a_shell(tmp_path: Path) -> None:
    program = make_program(tmp_path, "#!/bin/sh\nkill -9 $$\n")
    assert run_program(program, [], Recorder()).exit_code == 137


def call(program: str) -> subprocess.Popen[str]:
    """A Python that runs the program, leader of a group, as in a terminal."""
    process = subprocess.Popen(
        [sys.executable, "-c", CALL, program],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "python")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "ready\n"
    return process


def signals(folder: Path) -> str:
    path = folder / "signals"
    return path.read_text() if path.exists() else ""


def test_ctrl_c_is_one_sigint_and_the_end_is_awaited(tmp_path: Path) -> None:
    program = make_program(
        tmp_path,
        COUNTING.format(python=sys.executable, folder=tmp_path, patience=300),
    )
    process = call(program)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal and Jupyter do
    begin = time.monotonic()
    assert process.communicate(timeout=60)[0] == "interrupted\n"
    assert time.monotonic() - begin >= 0.3
    assert signals(tmp_path) == "x"


def test_a_killed_python_ends_the_program(tmp_path: Path) -> None:
    program = make_program(
        tmp_path,
        COUNTING.format(python=sys.executable, folder=tmp_path, patience=300),
    )
    process = call(program)
    process.kill()
    process.communicate(timeout=60)
    deadline = time.monotonic() + 30
    while not signals(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert signals(tmp_path) == "x"


def test_another_error_ends_the_program(tmp_path: Path) -> None:
    class Failing(Recorder):
        def say(self, message: str) -> None:
            raise BrokenPipeError

    program = make_program(
        tmp_path,
        COUNTING.format(python=sys.executable, folder=tmp_path, patience=300),
    )
    with pytest.raises(BrokenPipeError):
        run_program(program, [], Failing())
    assert signals(tmp_path) == "x"
