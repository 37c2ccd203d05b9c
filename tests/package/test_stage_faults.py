"""Whichever call of melmill stage fails or is the last: nothing is half."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from audio_server import Answer, AudioServer
from melmill._stage.stage_command import main
from support import REPOSITORY, files_of
from write_shim import (
    Call,
    Fault,
    in_parallel,
    memory_folder,
    read_log,
    shim_env,
)

SCRIPT = "from melmill._scripts import stage; stage()"
BODY = b"a" * 100_000  # is written in several calls


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with AudioServer().running() as server:
        server.answers["/a.wav"] = [Answer(BODY)]
        yield server.url


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield from memory_folder(tmp_path)


def arguments(folder: Path) -> list[str]:
    """With absolute paths: in these the library counts the calls."""
    paths = (
        folder / "in.jsonl",
        "--to",
        folder / "clips",
        folder / "out.jsonl",
    )
    return [*map(str, paths), "--jobs", "1"]


def stage(folder: Path, url: str, env: dict[str, str]) -> int:
    """Runs the command in a process of its own."""
    folder.mkdir(exist_ok=True)
    lines = [json.dumps({"audio": url + path}) for path in ("/a.wav", "/no")]
    (folder / "in.jsonl").write_text("\n".join(lines))
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments(folder)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "python"), **env},
        capture_output=True,
        timeout=60,
        check=False,
    ).returncode


def files(folder: Path) -> dict[str, bytes]:
    """All files, with the folder's own path taken out of them."""
    path = str(folder).encode()
    return {name: b.replace(path, b"") for name, b in files_of(folder).items()}


@pytest.mark.parametrize("what", ["kill", "error=28"])
def test_each_call_may_be_the_last(
    what: str, url: str, folder: Path, shim_folder: Path
) -> None:
    log = folder / "log"
    env = shim_env(shim_folder, folder / "whole", log=log)
    assert stage(folder / "whole", url, env) == 0
    whole = files(folder / "whole")
    assert len(whole) == 4
    calls = read_log(log)
    assert {"open", "write", "fsync", "rename"} <= {call.kind for call in calls}

    def run(number: int) -> tuple[int, list[Call]]:
        name = folder / f"{what}-{number}"
        log = folder / f"log-{number}"
        env = shim_env(shim_folder, name, Fault(what, number), log)
        return stage(name, url, env), read_log(log)

    numbers = range(1, len(calls) + 1)
    results = in_parallel(run, numbers)
    for number, (exit_code, own) in zip(numbers, results, strict=True):
        name = folder / f"{what}-{number}"
        for path, body in files(name).items():
            assert "partial" in path or body == whole[path], (number, path)
        if exit_code == 0 and len(own) < number:
            pass  # the body came in fewer pieces than before
        elif what == "kill":
            assert exit_code == -signal.SIGKILL
        elif own[number - 1].kind in ("unlink", "close"):
            assert exit_code in (0, 4)  # what comes too late is no fault
        else:
            assert exit_code == 4
        if exit_code == 0:
            assert files(name) == whole
        assert main(arguments(name)) == 0
        assert files(name) == whole, number
