"""melmill plan of a long manifest, killed at any call: the next one goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import files_of, make_clips, run_melmill, write_manifest
from write_shim import (
    DONE,
    KILLED,
    MACHINE_FAULT,
    USAGE,
    Call,
    Fault,
    all_or_some,
    in_parallel,
    memory_folder,
    read_log,
    shim_env,
)

NUM_CHUNKS = 3  # of 16 MiB
NUM_LINES = 450
FLAGS = ("--preset", "whisper", "--keep", "note", "--io-threads", "1")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield from memory_folder(tmp_path)


def plan(folder: Path, name: str, env: dict[str, str] | None = None) -> int:
    out = str(folder / name)  # in absolute paths the library counts the calls
    arguments = ("plan", "train.jsonl", "--out", out, *FLAGS)
    return run_melmill(*arguments, cwd=folder, env=env).exit_code


def is_of_chunk(call: Call) -> bool:
    return "/.plan" in call.path


@pytest.mark.parametrize("what", ["kill", "error=28"])
def test_a_plan_that_ended_early_goes_on(
    what: str, folder: Path, shim_folder: Path
) -> None:
    clips = make_clips(folder, 3)
    write_manifest(
        folder / "train.jsonl",
        [{**clips[i % 3], "note": "x" * 90_000} for i in range(NUM_LINES)],
    )
    log = folder / "log"
    env = shim_env(shim_folder, folder / "whole", log=log)
    assert plan(folder, "whole", env) == DONE
    whole = files_of(folder / "whole")["plan.h5"]
    calls = read_log(log)
    renames = [call for call in calls if call.kind.startswith("rename")]
    assert sum(is_of_chunk(call) for call in renames) == NUM_CHUNKS

    def trial(number: int) -> int:
        name = f"{what}-{number}"
        fault = Fault(what, number)
        exit_code = plan(
            folder, name, shim_env(shim_folder, folder / name, fault)
        )
        assert plan(folder, name) == DONE
        assert files_of(folder / name)["plan.h5"] == whole
        assert not (folder / name / ".plan").exists()
        return exit_code

    cases = all_or_some(range(1, len(calls) + 1), 8)
    exit_codes = in_parallel(trial, cases)
    if what == "kill":
        assert set(exit_codes) == {KILLED}
    else:
        assert set(exit_codes) <= {DONE, USAGE, MACHINE_FAULT}
        assert MACHINE_FAULT in exit_codes
