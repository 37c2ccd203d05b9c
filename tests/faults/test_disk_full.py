"""A disk that fills up costs time, never data."""

import dataclasses
import errno
import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fault_job import assert_only_whole_files, final_name
from support import Run, files_of, last_line, manifest_row, noise, write_wav
from write_shim import (
    DONE,
    MACHINE_FAULT,
    USAGE,
    Fault,
    FaultyDisk,
    assert_no_temporary_files,
    error_line,
    in_parallel,
    mounted,
    require_mounts,
    shim_env,
)

NO_RESERVATION = Fault(f"errors={errno.EOPNOTSUPP}", 1, "fallocate")
ENOUGH = "size=64m"
LAST_LINE = (
    r"\d+ of \d+ shards kept; run the same command to resume \(with --update "
    r"if the manifest or files have changed\)\.|"
    r"nothing was made; run the same command again\."
)


@pytest.fixture
def full_disk(disk: FaultyDisk) -> FaultyDisk:
    """For tests that mount file systems of their own in its folder."""
    require_mounts(disk.folder / "tried", "-t", "tmpfs", "tmpfs")
    return disk


@contextmanager
def tmpfs(folder: Path, limits: str) -> Iterator[Path]:
    with mounted(folder, "-t", "tmpfs", "-o", limits, "tmpfs") as root:
        yield root


def make_room(root: Path) -> None:
    subprocess.run(["mount", "-o", f"remount,{ENOUGH}", root], check=True)


def run_with_quota(
    disk: FaultyDisk, root: Path, fault: Fault | None = None
) -> Run:
    """Runs where free space is not what the file system says."""
    env = shim_env(disk.shim_folder, root, fault, free_bytes=1 << 40)
    return disk.job.extract(root / "store", *disk.flags, env=env)


def assert_stopped_by(error: int, run: Run, store: Path) -> str:
    """Exit 4, nothing temporary left; returns the name of the file in it."""
    assert run.exit_code == MACHINE_FAULT, run.stderr
    line = error_line(run)
    assert line.endswith(os.strerror(error)), line
    assert re.fullmatch(LAST_LINE, last_line(run.stderr)), run.stderr
    assert_no_temporary_files(store)
    name = final_name(Path(line.split(": ")[1]).name)
    return re.sub("[0-9a-f]{12}", "", name)


def test_disk_without_room_is_refused_before_anything_is_written(
    full_disk: FaultyDisk,
) -> None:
    with tmpfs(full_disk.folder / "full", "size=400k") as root:
        run = full_disk.job.extract(root / "store", *full_disk.flags)
        assert run.exit_code == USAGE
        assert re.search(
            "^error: the store needs .* more and .* free$", run.stderr, re.M
        )
        assert not list(root.iterdir())
        make_room(root)
        full_disk.assert_run_finishes(root / "store")


@pytest.mark.parametrize("fault", [None, NO_RESERVATION])
def test_disk_that_is_full_at_any_step_stops_the_run(
    full_disk: FaultyDisk, fault: Fault | None
) -> None:
    def trial(size_kib: int) -> str:
        name = f"full{size_kib}"
        with tmpfs(full_disk.folder / name, f"size={size_kib}k") as root:
            store = root / "store"
            run = run_with_quota(full_disk, root, fault)
            if run.exit_code == DONE:
                assert files_of(store) == full_disk.whole
                return ""
            full = assert_stopped_by(errno.ENOSPC, run, store)
            assert_only_whole_files(store, full_disk.whole)
            make_room(root)
            full_disk.assert_run_finishes(store)
            return full

    page_kib = 4
    needed_kib = sum(map(len, full_disk.whole.values())) >> 10
    # Each page in which the small files come last; files end in half a page.
    last_kib = range(needed_kib - 40, needed_kib + 100, page_kib)
    sizes_kib = [*range(page_kib, last_kib[0], 4 * page_kib), *last_kib]
    stopped_at = set(in_parallel(trial, sizes_kib))
    # "": there was room for all of it.
    assert stopped_at >= {"", "plan.h5", "train..h5", "eval..h5"}
    assert stopped_at & {"train.rows.h5", "eval.rows.h5"}
    assert stopped_at & {"rejects.jsonl", "store.json"}


def test_too_few_inodes_stop_the_run(full_disk: FaultyDisk) -> None:
    def trial(count: int) -> int:
        name = f"inodes{count}"
        limits = f"{ENOUGH},nr_inodes={count}"
        with tmpfs(full_disk.folder / name, limits) as root:
            store = root / "store"
            run = full_disk.job.extract(store, *full_disk.flags)
            if run.exit_code == MACHINE_FAULT:
                assert_stopped_by(errno.ENOSPC, run, store)
            elif run.exit_code == USAGE:
                assert error_line(run).endswith(os.strerror(errno.ENOSPC))
            assert_only_whole_files(store, full_disk.whole)
            subprocess.run(
                ["mount", "-o", "remount,nr_inodes=1000", root], check=True
            )
            full_disk.assert_run_finishes(store)
        return run.exit_code

    # The root, the store, its lock, .local, all files, and the one in the
    # making.
    exit_codes = in_parallel(trial, range(1, len(full_disk.whole) + 6))
    assert set(exit_codes) == {USAGE, MACHINE_FAULT, DONE}


def test_file_size_limit_stops_the_run(disk: FaultyDisk) -> None:
    largest = max(map(len, disk.whole.values()))

    def trial(max_bytes: int) -> int:
        store = disk.store(f"limit{max_bytes}")
        run = disk.job.extract(
            store, *disk.flags, under=["prlimit", f"--fsize={max_bytes}"]
        )
        if max_bytes < largest:
            assert_stopped_by(errno.EFBIG, run, store)
        disk.assert_rerun_finishes(f"limit{max_bytes}")
        return run.exit_code

    limits = [0, 1, 1000, *range(4096, largest, 8192), largest - 1, largest]
    exit_codes = in_parallel(trial, limits)
    assert exit_codes[-1] == DONE


def large_job(disk: FaultyDisk) -> FaultyDisk:
    """The same disk; the store has 40 more rows, over 8 MiB, long texts.

    Its plan and tables do not fit into memory while they are made.
    """
    job = disk.job.copy(disk.folder / "large")
    text = "language English<asr_text>" + "many words " * 200
    with (job.folder / "train.jsonl").open("a") as lines:
        for number in range(40):
            name = f"large{number}.wav"
            write_wav(job.folder / name, noise(9 * 16000, seed=number))
            print(json.dumps(manifest_row(name, text)), file=lines)
    store = disk.folder / "undisturbed"
    assert job.extract(store).exit_code == DONE
    return dataclasses.replace(disk, job=job, whole=files_of(store))


def test_job_larger_than_the_disk_goes_on_when_there_is_room(
    full_disk: FaultyDisk,
) -> None:
    large = large_job(full_disk)
    with tmpfs(full_disk.folder / "full", "size=8m") as root:
        store = root / "store"
        refused = large.job.extract(store, *large.flags)
        assert refused.exit_code == USAGE, refused.stderr
        run = run_with_quota(large, root)
        assert_stopped_by(errno.ENOSPC, run, store)
        assert_only_whole_files(store, large.whole)
        make_room(root)
        large.assert_run_finishes(store)
