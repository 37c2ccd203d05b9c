"""Files of a store that cannot be read: a fault of the machine, not damage."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from fault_job import FaultJob
from read_shim import ReadFault
from support import Run, files_of, run_melmill

KINDS = ["EACCES", "EMFILE", "ENFILE", "ENOMEM", "EIO", "ESTALE"]


@pytest.fixture
def store(whole: dict[str, bytes], tmp_path: Path, shim_folder: Path) -> Path:
    """A store of its own for one test."""
    if not (shim_folder / "read_faults.so").exists():
        pytest.skip("sanitizers cannot be preloaded over")
    folder = tmp_path / "store"
    folder.mkdir()
    for name, data in whole.items():
        (folder / name).write_bytes(data)
    return folder


def shard_of(whole: dict[str, bytes]) -> str:
    names = [name for name in whole if name.endswith(".h5")]
    return next(
        name
        for name in sorted(names)
        if name.startswith("train.") and not name.endswith(".rows.h5")
    )


def run_with_fault(
    job: FaultJob,
    store: Path,
    shims: Path,
    fault: ReadFault,
    command: Sequence[str],
) -> Run:
    env = fault.env(shims, store.parent / "log")
    if command[0] == "extract":
        return job.extract(store, *command[1:], env=env)
    return run_melmill(command[0], store, *command[1:], cwd=job.folder, env=env)


def assert_is_a_fault(run: Run, kind: str, file: str) -> None:
    assert run.exit_code == 4, run
    assert file in run.stderr
    assert os.strerror(getattr(errno, kind)) in run.stderr
    assert "damaged: " not in run.stdout + run.stderr
    assert "rebuilt" not in run.stdout + run.stderr


COMMANDS = [
    ("verify",),
    ("verify", "--repair"),
    ("verify", "--against-audio", "100"),
    ("extract",),
    ("extract", "--verify-resume"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("kind", KINDS)
def test_a_shard_that_cannot_be_opened(
    job: FaultJob,
    whole: dict[str, bytes],
    store: Path,
    shim_folder: Path,
    kind: str,
    command: tuple[str, ...],
) -> None:
    shard = shard_of(whole)
    fault = ReadFault(kind=kind, call="open", name=shard, first=1, count=0)
    run = run_with_fault(job, store, shim_folder, fault, command)
    assert_is_a_fault(run, kind, shard)
    assert files_of(store) == whole


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("kind", ["EIO", "ESTALE"])
def test_a_shard_whose_reads_fail(
    job: FaultJob,
    whole: dict[str, bytes],
    store: Path,
    shim_folder: Path,
    kind: str,
    command: tuple[str, ...],
) -> None:
    shard = shard_of(whole)
    for first in (1, 2, 5):
        fault = ReadFault(
            kind=kind, call="read", name=shard, first=first, count=0
        )
        run = run_with_fault(job, store, shim_folder, fault, command)
        assert_is_a_fault(run, kind, shard)
        assert files_of(store) == whole


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("train.rows.h5", ("verify",)),
        ("train.rows.h5", ("extract", "--verify-resume")),
        ("rejects.jsonl", ("verify",)),
        ("rejects.jsonl", ("verify", "--repair")),
        ("plan.h5", ("verify",)),
        ("plan.h5", ("verify", "--repair")),
        ("plan.h5", ("verify", "--against-audio", "100")),
        ("plan.h5", ("extract",)),
        ("store.json", ("info",)),
        ("store.json", ("verify",)),
        ("store.json", ("verify", "--repair")),
        ("store.json", ("extract",)),
    ],
)
def test_another_file_that_cannot_be_opened(
    job: FaultJob,
    whole: dict[str, bytes],
    store: Path,
    shim_folder: Path,
    kind: str,
    name: str,
    command: tuple[str, ...],
) -> None:
    fault = ReadFault(kind=kind, call="open", name=name, first=1, count=0)
    run = run_with_fault(job, store, shim_folder, fault, command)
    assert_is_a_fault(run, kind, name)
    assert files_of(store) == whole


@pytest.mark.parametrize("kind", KINDS)
def test_the_plan_of_an_unfinished_store_that_cannot_be_opened(
    job: FaultJob, store: Path, shim_folder: Path, kind: str
) -> None:
    (store / "store.json").unlink()
    left = files_of(store)
    fault = ReadFault(kind=kind, call="open", name="plan.h5", first=1, count=0)
    for command in (("info",), ("extract",)):
        run = run_with_fault(job, store, shim_folder, fault, command)
        assert_is_a_fault(run, kind, "plan.h5")
        assert files_of(store) == left


def test_files_that_can_be_read_are_verified_all_the_same(
    job: FaultJob, whole: dict[str, bytes], store: Path, shim_folder: Path
) -> None:
    shard = shard_of(whole)
    (store / "rejects.jsonl").write_bytes(b"x")
    fault = ReadFault(kind="EIO", call="open", name=shard, first=1, count=0)
    run = run_with_fault(job, store, shim_folder, fault, ("verify",))
    assert run.exit_code == 4
    assert "damaged: rejects.jsonl: " in run.stdout
    assert f"unreadable: {shard}: " in run.stdout
    assert "1 damaged, 1 unreadable" in run.stdout
