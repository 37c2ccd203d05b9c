"""The program dies with the worker that runs it, also without Ray's help."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from melmill._ray import child
from processes import kill, wait_until
from support import REPOSITORY

# Says when it is there, and when SIGTERM has come.
PROGRAM = """\
#!/bin/sh
trap 'echo stopped >{folder}/stopped; exit 0' TERM
echo "$$ $*" >{folder}/started
while :; do sleep 0.1; done
"""
CALL = """
import sys
from melmill._ray.child import run_program

run_program(sys.argv[1], ["a b", "c"])
"""


def test_the_program_gets_sigterm_when_its_worker_is_killed(
    tmp_path: Path,
) -> None:
    program = tmp_path / "program"
    program.write_text(PROGRAM.format(folder=tmp_path))
    program.chmod(0o755)
    worker = subprocess.Popen(
        [sys.executable, "-c", CALL, program],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "python")},
    )
    started = tmp_path / "started"
    try:
        wait_until(lambda: started.exists() and bool(started.read_text()))
    finally:
        worker.kill()
        worker.wait()
    pid, arguments = started.read_text().split(maxsplit=1)
    try:
        wait_until((tmp_path / "stopped").exists, timeout_s=10)
    finally:
        kill(int(pid))
    assert arguments == "a b c\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_gives_the_exit_code_of_a_shell(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "_end", lambda code, *_: {"exit_code": code})
    end = child.run_program("/bin/sh", ["-c", f"kill -{number:d} $$"])
    assert end["exit_code"] == 128 + number
