"""Calls that fail, are interrupted, or write less than they were asked to."""

import dataclasses
import errno
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from fault_job import final_name
from support import Run, files_of, run_melmill, snapshot
from write_shim import (
    DONE,
    KILLED,
    MACHINE_FAULT,
    USAGE,
    Call,
    Fault,
    FaultyDisk,
    all_or_some,
    assert_no_temporary_files,
    error_line,
    in_parallel,
    read_log,
    shim_env,
)

# What the program asks for to be fast; without it, it is as right.
HINTS = ("sync_file_range",)
# By POSIX, signals interrupt neither this nor any use of it here.
NOT_INTERRUPTED = ("mkdir",)


def faults_of_all_calls(disk: FaultyDisk, what: str) -> list[Fault]:
    """One for each call of an undisturbed run."""
    return [
        Fault(what, number, kind)
        for kind, count in Counter(call.kind for call in disk.calls()).items()
        for number in range(1, count + 1)
    ]


@dataclasses.dataclass(frozen=True)
class Trial:
    """A run that met a fault."""

    name: str
    run: Run
    calls: Sequence[Call]

    def disturbed(self, fault: Fault) -> Call:
        """The call that the fault struck first."""
        kind = [call for call in self.calls if fault.kind in ("", call.kind)]
        return kind[fault.at - 1]


def try_fault(disk: FaultyDisk, fault: Fault) -> Trial:
    name = f"{fault.kind}{fault.at}"
    run = disk.run(name, fault, log=True)
    return Trial(name, run, read_log(disk.log_path(name)))


@pytest.mark.parametrize("what", ["short", f"error={errno.EINTR}"])
def test_interrupted_calls_and_short_counts_change_nothing(
    disk: FaultyDisk, what: str
) -> None:
    def trial(fault: Fault) -> None:
        done = try_fault(disk, fault)
        assert done.run.exit_code == DONE, (fault, done.run.stderr)
        assert files_of(disk.store(done.name)) == disk.whole, fault
        call = done.disturbed(fault)
        if what == "short":
            assert call.result == (call.length + 1) // 2
        else:
            assert call.error == errno.EINTR

    in_parallel(
        trial,
        [
            fault
            for fault in faults_of_all_calls(disk, what)
            if fault.kind not in NOT_INTERRUPTED
            and (what != "short" or fault.kind in ("pwrite", "write"))
        ],
    )


def assert_fails_cleanly(disk: FaultyDisk, fault: Fault, error: int) -> None:
    """Exit 4 with the file and the reason, nothing half-made, a good rerun."""
    done = try_fault(disk, fault)
    call = done.disturbed(fault)
    assert call.error == error
    if done.run.exit_code == DONE:
        assert may_fail(call), (fault, call.path)
    else:
        assert done.run.exit_code == expected_exit_code(call), (
            fault,
            done.run.stderr,
        )
        line = error_line(done.run)
        assert final_name(call.path) in line
        assert line.endswith(os.strerror(error))
        assert_no_temporary_files(disk.store(done.name))
    assert_fsync_is_not_retried(done.calls)
    disk.assert_rerun_finishes(done.name)


def may_fail(call: Call) -> bool:
    """Whether the store can be whole without this call."""
    return (
        call.kind in HINTS
        # The lock; or the one that took the name for the HDF5 library.
        or call.kind == "close"
        # The HDF5 library looks whether the file is there.
        or (call.kind == "open" and not call.flags & os.O_CREAT)
    )


def expected_exit_code(call: Call) -> int:
    """A folder that cannot be made or locked is refused at the start."""
    starts = call.kind == "mkdir" or call.path.endswith(".lock")
    return USAGE if starts else MACHINE_FAULT


def assert_fsync_is_not_retried(calls: Sequence[Call]) -> None:
    failed = set()
    for call in calls:
        if call.kind == "fsync" and call.path.endswith(".tmp"):
            assert call.path not in failed
            if call.error:
                failed.add(call.path)


def test_failure_of_any_call_fails_the_run_cleanly(disk: FaultyDisk) -> None:
    in_parallel(
        lambda fault: assert_fails_cleanly(disk, fault, errno.EIO),
        faults_of_all_calls(disk, f"error={errno.EIO}"),
    )


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_at_any_call_fails_the_run_cleanly(
    disk: FaultyDisk, error: int
) -> None:
    faults = [
        fault
        for fault in faults_of_all_calls(disk, f"error={error}")
        if fault.kind in ("pwrite", "fallocate", "fsync", "open", "mkdir")
    ]
    in_parallel(
        lambda fault: assert_fails_cleanly(disk, fault, error),
        all_or_some(faults, 40),
    )


def test_disk_that_fails_for_good_at_any_call_leaves_only_whole_files(
    disk: FaultyDisk,
) -> None:
    def trial(number: int) -> None:
        fault = Fault(f"errors={errno.EIO}", number)
        done = try_fault(disk, fault)
        if done.run.exit_code != DONE:
            call = done.disturbed(fault)
            assert done.run.exit_code in (
                MACHINE_FAULT,
                expected_exit_code(call),
            )
            assert os.strerror(errno.EIO) in error_line(done.run)
        assert_fsync_is_not_retried(done.calls)
        disk.assert_rerun_finishes(done.name)

    num_calls = len(disk.calls())
    in_parallel(trial, all_or_some(range(1, num_calls + 1), 60))


def test_file_system_without_reservation_or_write_back_serves_as_well(
    disk: FaultyDisk,
) -> None:
    def trial(kind: str) -> None:
        fault = Fault(f"errors={errno.EOPNOTSUPP}", 1, kind)
        done = try_fault(disk, fault)
        assert done.run.exit_code == DONE, done.run.stderr
        assert files_of(disk.store(done.name)) == disk.whole

    in_parallel(trial, ("fallocate", "sync_file_range"))


@pytest.mark.parametrize("scene", ["new", "unfinished", "complete"])
def test_folder_that_cannot_be_locked_is_refused(
    disk: FaultyDisk, scene: str
) -> None:
    store = disk.store("unlocked")
    if scene != "new":
        assert disk.run("unlocked", None).exit_code == DONE
    if scene == "unfinished":
        (store / "store.json").unlink()
        (store / "rejects.jsonl").unlink()
    # A new folder stays, and the empty file that was to be locked.
    before = {} if scene == "new" else files_of(store)
    run = disk.job.extract(store, *disk.flags, env=env_without_lock(disk))
    assert_lock_failed(run, store)
    assert files_of(store) == before
    disk.assert_rerun_finishes("unlocked")


def test_store_that_cannot_be_locked_is_not_repaired(disk: FaultyDisk) -> None:
    assert disk.run("unlocked", None).exit_code == DONE
    store = disk.store("unlocked")
    (store / "train.rows.h5").write_bytes(b"damaged")
    before = snapshot(store)
    run = run_melmill("verify", "--repair", store, env=env_without_lock(disk))
    assert_lock_failed(run, store)
    assert snapshot(store) == before


def env_without_lock(disk: FaultyDisk) -> dict[str, str]:
    root = disk.disk("unlocked")
    return shim_env(disk.shim_folder, root, flock=errno.EIO)


def assert_lock_failed(run: Run, store: Path) -> None:
    assert run.exit_code == USAGE
    lock = store / ".lock"
    assert error_line(run) == f"error: lock {lock}: {os.strerror(errno.EIO)}"


def test_leftover_that_cannot_be_removed_is_told_and_goes_next_time(
    disk: FaultyDisk,
) -> None:
    assert disk.run("left", None).exit_code == DONE
    leftover = disk.store("left") / "train.0123456789ab.h5.00112233445566ff.tmp"
    leftover.write_bytes(b"of a dead run")
    run = disk.run("left", Fault(f"error={errno.EIO}", 1, "unlink"))
    assert run.exit_code == DONE
    told = f"remove {leftover}: {os.strerror(errno.EIO)}"
    assert told in run.stderr
    disk.assert_rerun_finishes("left")


def test_rerun_makes_the_last_rename_durable(disk: FaultyDisk) -> None:
    """Killed behind it, before the folder's fsync, there is nothing to do."""
    num_fsyncs = sum(call.kind == "fsync" for call in disk.calls())
    killed = disk.run("killed", Fault("kill", num_fsyncs, "fsync"))
    assert killed.exit_code == KILLED
    assert files_of(disk.store("killed")) == disk.whole
    failed = try_rerun(disk, "killed", Fault(f"error={errno.EIO}", 1, "fsync"))
    assert failed.run.exit_code == MACHINE_FAULT
    done = try_rerun(disk, "killed", None)
    assert done.run.exit_code == DONE
    synced = [call.path for call in done.calls if call.kind == "fsync"]
    assert synced == [str(disk.store("killed"))]


def try_rerun(disk: FaultyDisk, name: str, fault: Fault | None) -> Trial:
    log = disk.log_path(name)
    log.unlink(missing_ok=True)
    run = disk.run(name, fault, log=True)
    return Trial(name, run, read_log(log))
