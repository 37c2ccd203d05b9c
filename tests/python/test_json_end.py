"""With --json standard output gets one object, however the program ends."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from support import (
    make_clips,
    manifest_row,
    melmill_path,
    run_melmill,
    write_manifest,
)

MIB = 1 << 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("json_end")
    write_manifest(folder / "train.jsonl", make_clips(folder, 4))
    return folder


def only_object(stdout: str) -> dict[str, Any]:
    assert stdout.count("\n") == 1, stdout
    report = json.loads(stdout)
    assert isinstance(report, dict)
    return report


@pytest.mark.parametrize(
    "arguments",
    [
        ["extract", "train.jsonl", "--json"],
        ["extract", "train.jsonl", "--out", "s", "--frobnicate", "--json"],
        ["extract", "train.jsonl", "--out", "s", "--threads", "x", "--json"],
        ["extract", "train.jsonl", "--out", "s", "--hang-after=inf", "--json"],
        ["validate", "--json"],
        ["validate", "gone.jsonl", "--json"],
        ["bench", "--rounds", "0", "--json"],
        ["bench", "fly", "--json"],
        ["bench", "decode", "--audio", "gone.wav", "--json"],
    ],
    ids=" ".join,
)
def test_what_cannot_start(folder: Path, arguments: list[str]) -> None:
    run = run_melmill(*arguments, cwd=folder)
    assert run.exit_code == 2
    report = only_object(run.stdout)
    assert report["status"] == "setup_error"
    assert report["exit_code"] == 2
    assert report["error"]


@pytest.mark.parametrize("command", ["extract", "validate", "bench"])
@pytest.mark.parametrize("limit", [40, 60, 80, 120, 160, 200, 300, 400])
def test_too_little_memory(
    folder: Path, tmp_path: Path, command: str, limit: int
) -> None:
    arguments = {
        "extract": ["extract", "train.jsonl", "--out", str(tmp_path / "s")],
        "validate": ["validate", "train.jsonl"],
        "bench": ["bench", "decode", "--rounds", "1"],
    }
    run = run_melmill(
        *arguments[command],
        "--json",
        cwd=folder,
        under=["prlimit", f"--as={limit * MIB}"],
    )
    if run.exit_code == 127:
        pytest.skip("the program cannot even be loaded")
    report = only_object(run.stdout)
    if command != "bench" or run.exit_code != 0:
        assert report["exit_code"] == run.exit_code
    assert run.exit_code in {0, 2, 4}, run


def test_too_few_processes(folder: Path, tmp_path: Path) -> None:
    other = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]
    if os.getuid() != 0:
        pytest.skip("needs root")
    run = run_melmill(
        "validate",
        str(folder / "train.jsonl"),
        "--json",
        cwd=folder,
        under=["prlimit", "--nproc=3", *other],
    )
    report = only_object(run.stdout)
    assert report["exit_code"] == run.exit_code != 0


@pytest.mark.parametrize("num_signals", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_bench_that_is_stopped(
    tmp_path: Path, number: signal.Signals, num_signals: int
) -> None:
    command = ["bench", "store", "--rounds", "100000", "--json", "--out"]
    process = subprocess.Popen(
        [melmill_path(), *command, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    give_up = time.monotonic() + 60
    while not any(tmp_path.iterdir()):  # from then on signals are heeded
        assert time.monotonic() < give_up
        time.sleep(0.01)
    for _ in range(num_signals):
        process.send_signal(number)
        time.sleep(0.05)
    stdout, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    report = only_object(stdout)
    assert report == {"status": "stopped", "exit_code": 128 + number}


def test_a_second_signal(tmp_path: Path) -> None:
    """Of a run that has much to plan."""
    write_manifest(
        tmp_path / "train.jsonl",
        [manifest_row(f"{number}.wav") for number in range(400_000)],
    )
    process = subprocess.Popen(
        [melmill_path(), "validate", "train.jsonl", "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    status = Path(f"/proc/{process.pid}/status")
    give_up = time.monotonic() + 60
    while True:  # until SIGINT is handled
        [caught] = [
            line.split()[1]
            for line in status.read_text().splitlines()
            if line.startswith("SigCgt:")
        ]
        if int(caught, 16) & 1 << signal.SIGINT - 1:
            break
        assert time.monotonic() < give_up
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    stdout, _ = process.communicate(timeout=60)
    report = only_object(stdout)
    assert report["exit_code"] == process.returncode
    assert report["status"] == "stopped"
