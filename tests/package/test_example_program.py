"""The example finds the program before it imports anything large."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import finetune_qwen3_asr
import pytest
from support import REPOSITORY

EXAMPLE = REPOSITORY / "examples" / "finetune_qwen3_asr.py"


def make_program(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_the_program_is_looked_for_in_this_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = finetune_qwen3_asr.find_program
    example = tmp_path / "checkout" / "examples" / "example.py"
    monkeypatch.setattr(finetune_qwen3_asr, "__file__", str(example))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.delenv("MELMILL", raising=False)
    assert find() is None
    build = tmp_path / "checkout" / "build" / "release" / "tools"
    for place in (build, tmp_path / "venv", tmp_path / "path"):
        program = make_program(place / "melmill")
        assert find() == program
    monkeypatch.setenv("MELMILL", "named")
    assert find() == "named"


def run_example(
    folder: Path, *arguments: str | Path
) -> subprocess.CompletedProcess[str]:
    """Runs a copy of the example where importing anything large fails."""
    copy = folder / "examples" / EXAMPLE.name
    copy.parent.mkdir()
    shutil.copy(EXAMPLE, copy)
    for name in ("melmill", "torch", "transformers", "qwen_asr"):
        (copy.parent / f"{name}.py").write_text("raise SystemExit('imported')")
    python = folder / "python"
    python.symlink_to(sys.executable)
    env = {key: os.environ[key] for key in os.environ if key != "MELMILL"}
    return subprocess.run(
        [python, copy, *arguments],
        env={**env, "PATH": "/nowhere"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_says_at_once_that_there_is_no_program(tmp_path: Path) -> None:
    run = run_example(tmp_path, "a.jsonl", "b.jsonl", "--out", "tuned")
    assert run.returncode == 1
    for part in ("was not found", "docs/install.md", "MELMILL", "--store"):
        assert part in run.stderr
    assert not (tmp_path / "tuned").exists()


def test_with_a_store_it_needs_no_program(tmp_path: Path) -> None:
    run = run_example(tmp_path, "--store", "features", "--out", "tuned")
    assert run.stderr.strip() == "imported"


@pytest.mark.parametrize(
    "arguments",
    [["a.jsonl"], [], ["a.jsonl", "b.jsonl", "--store", "features"]],
)
def test_it_wants_manifests_or_a_store(
    tmp_path: Path, arguments: list[str]
) -> None:
    run = run_example(tmp_path, *arguments, "--out", "tuned")
    assert run.returncode == 2
    assert "give two manifests, or --store and none" in run.stderr
