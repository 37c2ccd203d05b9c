"""Faults of reading audio never change a result: they stop or are named."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fault_job import FaultJob
from memory_folder import memory_folder
from read_shim import ReadFault, logged
from support import (
    Row,
    Run,
    Store,
    files_of,
    make_clips,
    melmill_path,
    run_melmill,
    write_manifest,
)

# So that the order of the calls is the same in every run.
ONE_AT_A_TIME = ("--threads", "1", "--io-threads", "1")


class Injector:
    """Runs the job with faults, each time into a new store."""

    def __init__(self, job: FaultJob, shims: Path, folder: Path):
        self.job = job
        self.shims = shims
        self.store = folder / "store"
        self.log = folder / "log"

    def run(self, fault: ReadFault) -> tuple[Run, int]:
        """The run, and how many calls failed in it."""
        shutil.rmtree(self.store, ignore_errors=True)
        env = fault.env(self.shims, self.log)
        run = self.job.extract(self.store, *ONE_AT_A_TIME, env=env)
        return run, logged(self.log)[1]

    def files(self) -> dict[str, bytes]:
        """Of the store of the last run."""
        return files_of(self.store)

    def count_calls(self, fault: ReadFault) -> int:
        """How many calls there are that `fault` could make fail."""
        none = ReadFault(call=fault.call, name=fault.name, cold=fault.cold)
        run, faults = self.run(none)
        assert (run.exit_code, faults) == (0, 0)
        return logged(self.log)[0]


@pytest.fixture
def injector(job: FaultJob, shim_folder: Path) -> Iterator[Injector]:
    if not (shim_folder / "read_faults.so").exists():
        pytest.skip("sanitizers cannot be preloaded over")
    with memory_folder() as folder:
        yield Injector(job, shim_folder, folder)


@pytest.fixture
def whole_store(whole: dict[str, bytes], tmp_path: Path) -> Store:
    """The undisturbed store, to be read."""
    folder = tmp_path / "whole"
    folder.mkdir()
    for name, content in whole.items():
        (folder / name).write_bytes(content)
    return Store(folder)


def assert_same_features(row: Row, expected: Row) -> None:
    assert row.audio == expected.audio
    assert row.num_samples == expected.num_samples
    np.testing.assert_array_equal(row.features, expected.features)
    np.testing.assert_array_equal(row.tail_samples, expected.tail_samples)


def shard_files(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files of a store that are shards."""
    return {
        name: content
        for name, content in files.items()
        if name.endswith(".h5")
        and not name.endswith(".rows.h5")
        and name != "plan.h5"
    }


@pytest.mark.parametrize(
    ("kind", "count", "cold", "calls"),
    [
        ("EIO", 1, False, ["open", "fstat", "read"]),
        ("EIO", 1, True, ["open", "fstat", "read"]),
        ("ESTALE", 1, True, ["open", "fstat", "read"]),
        ("EINTR", 5, False, ["open", "read"]),  # fstat is not interrupted
        ("short", 1, False, ["read"]),
        ("short", 1, True, ["read"]),
    ],
)
def test_fault_that_passes_at_any_call_changes_nothing(
    injector: Injector,
    whole: dict[str, bytes],
    kind: str,
    count: int,
    cold: bool,
    calls: list[str],
) -> None:
    for call in calls:
        every = ReadFault(kind=kind, call=call, count=count, cold=cold)
        num_calls = injector.count_calls(every)
        num_met = 0
        for first in range(1, num_calls + 1):
            fault = ReadFault(kind, call, first=first, count=count, cold=cold)
            run, faults = injector.run(fault)
            assert run.exit_code == 0, (fault, run.stderr)
            assert injector.files() == whole, fault
            num_met += faults > 0
        # How often a row is tried in the page cache differs from run to run.
        assert num_met > 0.8 * num_calls


@pytest.mark.parametrize("cold", [False, True], ids=["cached", "cold"])
def test_reads_of_one_byte_change_nothing(
    injector: Injector, whole: dict[str, bytes], cold: bool
) -> None:
    run, faults = injector.run(
        ReadFault("short", "read", first=1, count=0, cold=cold)
    )
    assert faults > 1_000_000
    assert run.exit_code == 0, run.stderr
    assert injector.files() == whole


@pytest.mark.parametrize(
    ("kind", "cold"), [("EIO", False), ("EIO", True), ("ESTALE", True)]
)
@pytest.mark.parametrize("name", ["clip00.wav", "long.wav", "clip11.wav"])
def test_one_file_that_stays_unreadable_is_one_row_of_the_ledger(
    injector: Injector,
    whole: dict[str, bytes],
    whole_store: Store,
    name: str,
    kind: str,
    cold: bool,
) -> None:
    num_calls = injector.count_calls(ReadFault(name=name, cold=cold))
    for first in range(1, num_calls + 1):
        fault = ReadFault(kind, name=name, first=first, count=0, cold=cold)
        run, faults = injector.run(fault)
        if run.exit_code == 0 and injector.files() == whole:
            # The last calls were not needed: the other way of reading served.
            assert faults <= 1, fault
            continue
        assert run.exit_code == 0, (fault, run.stderr)
        assert run_melmill("verify", injector.store).exit_code == 0
        store = Store(injector.store)
        [lost] = [row for row in store.rejects() if row["audio"] == name]
        assert (lost["code"], lost["stage"]) == ("io_error", "decode")
        others = [row for row in store.rejects() if row["audio"] != name]
        assert others == whole_store.rejects()
        expected = [row for row in whole_store.rows() if row.audio != name]
        assert len(store.rows()) == len(expected)
        for row, expected_row in zip(store.rows(), expected, strict=True):
            assert_same_features(row, expected_row)
        # Once it can be read, it is taken up on request.
        again = injector.job.extract(injector.store)
        assert again.exit_code == 2
        assert "1 changed" in again.stdout or "1 rejected" in again.stdout
        assert "--update" in again.stderr
        assert injector.job.extract(injector.store, "--update").exit_code == 0
        assert injector.files() == whole, fault


def assert_stopped_without_loss(
    injector: Injector,
    whole: dict[str, bytes],
    fault: ReadFault,
    run: Run,
) -> None:
    """Nothing wrong has its final name, and the rerun makes the whole store."""
    store = injector.store
    if run.exit_code == 2:
        assert "lines can be stored; the first" in run.stderr, (
            fault,
            run.stderr,
        )
        assert not store.exists()
    else:
        assert run.exit_code == 4, (fault, run.stderr)
        assert not (store / "store.json").exists()
        assert list(store.glob("*.tmp")) == []
        for name, content in shard_files(files_of(store)).items():
            assert whole.get(name) == content, (fault, name)
    again = injector.job.extract(store, "--update")
    assert again.exit_code == 0, (fault, again.stderr)
    assert injector.files() == whole, fault


@pytest.mark.parametrize(
    ("kind", "call"),
    [("EIO", "any"), ("ESTALE", "open"), ("ENOENT", "open"), ("EIO", "read")],
)
def test_all_files_unreadable_from_any_call_on_stop_the_run(
    injector: Injector, whole: dict[str, bytes], kind: str, call: str
) -> None:
    num_calls = injector.count_calls(ReadFault(call=call))
    for first in range(1, num_calls + 1):
        fault = ReadFault(kind, call, first=first, count=0)
        run, _ = injector.run(fault)
        if run.exit_code == 0 and injector.files() == whole:
            # The last file was read otherwise.
            assert first > num_calls - 3, fault
            continue
        assert_stopped_without_loss(injector, whole, fault, run)


@pytest.mark.parametrize("kind", ["EMFILE", "ENOMEM"])
def test_machine_without_descriptors_or_memory_stops_the_run_at_any_call(
    injector: Injector, whole: dict[str, bytes], kind: str
) -> None:
    call = "open" if kind == "EMFILE" else "any"
    for first in range(1, injector.count_calls(ReadFault(call=call)) + 1):
        fault = ReadFault(kind, call, first=first)
        run, faults = injector.run(fault)
        assert faults <= 1
        if run.exit_code == 0 and injector.files() == whole:
            continue  # a try in the page cache, which may fail
        assert run.exit_code == 4, (fault, run.stderr)
        assert "error: " in run.stderr
        assert run.stderr.count(".wav: ") <= 2  # of which one is a reject
        assert_stopped_without_loss(injector, whole, fault, run)


@pytest.mark.parametrize("threads", ["1", "8"])
def test_many_unreadable_files_stop_the_run_before_a_shard_is_lost(
    tmp_path: Path, shim_folder: Path, threads: str
) -> None:
    rows = make_clips(tmp_path, 60)
    write_manifest(tmp_path / "train.jsonl", rows)
    flags = ["train.jsonl", "--shard-size", "48KiB", "--threads", threads]
    whole = run_melmill("extract", *flags, "--out", "whole", cwd=tmp_path)
    assert whole.exit_code == 0
    # The plan opens each file once.
    for first in (61, 90, 118):
        fault = ReadFault("EIO", "open", first=first, count=0)
        out = f"store{first}"
        run = run_melmill(
            "extract",
            *flags,
            "--out",
            out,
            cwd=tmp_path,
            env=fault.env(shim_folder, tmp_path / "log"),
        )
        assert run.exit_code == 4, run.stderr
        made = shard_files(files_of(tmp_path / out))
        expected = files_of(tmp_path / "whole")
        assert all(expected[name] == made[name] for name in made)
        again = run_melmill("extract", *flags, "--out", out, cwd=tmp_path)
        assert again.exit_code == 0, again.stderr
        assert files_of(tmp_path / out) == expected


# The audio's file system goes away.


@pytest.fixture
def audio_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a file system: {mounted.stderr}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=False)


def test_unmounted_audio_stops_the_run_and_a_rerun_goes_on(
    tmp_path: Path, audio_disk: Path, shim_folder: Path
) -> None:
    rows = make_clips(audio_disk, 40)
    manifest = write_manifest(tmp_path / "train.jsonl", rows)
    flags = ["extract", str(manifest), "--shard-size", "48KiB"]
    flags += ["--audio-root", str(audio_disk), "--threads", "1"]
    whole = tmp_path / "whole"
    assert run_melmill(*flags, "--out", whole).exit_code == 0
    keep = tmp_path / "keep"
    keep.mkdir()
    subprocess.run(["mount", "--bind", audio_disk, keep], check=True)
    store = tmp_path / "store"
    slow = ReadFault("slow", first=3 * 40 + 1, count=0, cold=True)
    try:
        with subprocess.Popen(
            [melmill_path(), *flags, "--io-threads", "1", "--out", str(store)],
            env=slow.env(shim_folder, tmp_path / "log"),
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            while not shard_files_in(store) and process.poll() is None:
                pass
            subprocess.run(["umount", "--lazy", audio_disk], check=True)
            _, stderr = process.communicate(timeout=60)
        assert process.returncode == 4, stderr
        assert "No such file or directory" in stderr
        made = shard_files(files_of(store))
        assert 0 < len(made) < len(shard_files(files_of(whole)))
        assert all(files_of(whole)[name] == made[name] for name in made)
        subprocess.run(["mount", "--bind", keep, audio_disk], check=True)
    finally:
        subprocess.run(["umount", "--lazy", keep], check=True)
    again = run_melmill(*flags, "--out", store)
    assert again.exit_code == 0, again.stderr
    assert files_of(store) == files_of(whole)


def shard_files_in(store: Path) -> list[Path]:
    return [
        path
        for path in store.glob("train.*.h5")
        if path.name != "train.rows.h5"
    ]
