"""tools/soak for some seconds, and that it sees what it is there to see."""

import os
import subprocess
import sys
from collections.abc import Mapping
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

# Starts late by a time that differs from run to run.
LATE_MELMILL = """#!/bin/sh
sleep 0.0$(($$ % 10))
exec {melmill} "$@"
"""


def run_soak(
    folder: Path,
    melmill: str,
    *flags: str | Path,
    env: Mapping[str, str] | None = None,
) -> Run:
    program = REPOSITORY / "tools" / "soak"
    done = subprocess.run(
        [
            *(sys.executable, program, "--seed", "1", "--melmill", melmill),
            *("--folder", folder, *flags),
        ],
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return Run(done.returncode, done.stdout, done.stderr)


def script(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def spoiling_melmill(path: Path, spoil: str) -> str:
    """A program that does `spoil` to $store after some of its runs."""
    text = SPOILING_MELMILL.format(melmill=melmill_path(), spoil=spoil)
    return script(path, text)


def test_a_short_soak_finds_no_difference(tmp_path: Path) -> None:
    run = run_soak(tmp_path / "soak", melmill_path(), "--minutes", "0.25")
    assert run.exit_code == 0, run.stdout + run.stderr
    assert " 0 differences" in run.stdout
    assert not (tmp_path / "soak").exists()


def test_a_soak_stops_at_a_wrong_byte_and_says_where(tmp_path: Path) -> None:
    melmill = spoiling_melmill(
        tmp_path / "spoil", 'echo >>"$store/rejects.jsonl"'
    )
    run = run_soak(tmp_path / "soak", melmill, "--minutes", "1")
    assert run.exit_code == 1, run.stderr
    assert "DIFFERENCE in step" in run.stdout
    assert "rejects.jsonl" in run.stdout
    assert "again: tools/soak --seed 1 --steps " in run.stdout
    assert (tmp_path / "soak" / "job" / "train.jsonl").exists()


def test_a_seed_repeats_every_step_whatever_the_time_that_runs_take(
    tmp_path: Path,
) -> None:
    melmill = melmill_path()
    late = script(tmp_path / "late", LATE_MELMILL.format(melmill=melmill))
    logs = []
    for number, program in enumerate([melmill, late]):
        log = tmp_path / f"{number}.log"
        run = run_soak(
            tmp_path / "soak",
            program,
            *("--steps", "30", "--log", log),
            env={"PYTHONHASHSEED": str(number)},
        )
        assert run.exit_code == 0, run.stdout + run.stderr
        assert run.stdout.startswith("30 steps in ")
        logs.append(log.read_text())
    assert logs[0].count("step ") == 30
    assert logs[0] == logs[1]
