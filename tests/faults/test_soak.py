"""tools/soak for some seconds, and that it sees what it is there to see."""

import subprocess
import sys
from pathlib import Path

from support import REPOSITORY, Run, melmill_path

# Spoils what extract made, unless it is one of the undisturbed stores.
SPOILING_MELMILL = """#!/bin/sh
{melmill} "$@"
exit_code=$?
case "$*" in
  *"--threads 7"*)
    store=$(echo "$*" | sed 's/.*--out \\([^ ]*\\).*/\\1/')
    {spoil}
    ;;
esac
exit $exit_code
"""


def run_soak(folder: Path, minutes: float, melmill: str) -> Run:
    program = REPOSITORY / "tools" / "soak"
    done = subprocess.run(
        [
            *(sys.executable, program, "--seed", "1", "--melmill", melmill),
            *("--minutes", str(minutes), "--folder", folder),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return Run(done.returncode, done.stdout, done.stderr)


def spoiling_melmill(path: Path, spoil: str) -> str:
    """A program that does `spoil` to $store after some of its runs."""
    script = SPOILING_MELMILL.format(melmill=melmill_path(), spoil=spoil)
    path.write_text(script)
    path.chmod(0o755)
    return str(path)


def test_a_short_soak_finds_no_difference(tmp_path: Path) -> None:
    run = run_soak(tmp_path / "soak", 0.25, melmill_path())
    assert run.exit_code == 0, run.stdout + run.stderr
    assert " 0 differences" in run.stdout
    assert not (tmp_path / "soak").exists()


def test_a_soak_stops_at_a_wrong_byte_and_says_where(tmp_path: Path) -> None:
    melmill = spoiling_melmill(
        tmp_path / "spoil", 'echo >>"$store/rejects.jsonl"'
    )
    run = run_soak(tmp_path / "soak", 1, melmill)
    assert run.exit_code == 1, run.stderr
    assert "DIFFERENCE in step" in run.stdout
    assert "rejects.jsonl" in run.stdout
    assert (tmp_path / "soak" / "job" / "train.jsonl").exists()
