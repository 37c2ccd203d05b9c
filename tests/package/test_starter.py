"""The program dies with the thread that starts it."""

import signal
import subprocess
from pathlib import Path

from melmill._process.starter import starter


def test_a_child_becomes_the_program() -> None:
    command = [*starter(), "/bin/echo", "a b", "c"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == "a b c\n"


def test_a_program_whose_worker_died_before_does_not_start(
    tmp_path: Path,
) -> None:
    """The starter finds another parent than it was told."""
    *command, _ = starter()
    target = tmp_path / "started"
    done = subprocess.run([*command, "1", "/bin/touch", target], check=False)
    assert done.returncode == 128 + signal.SIGTERM
    assert not target.exists()
