"""Killed at any moment, the program leaves nothing half-made behind."""

import random
import re
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from support import Run, files_of, run_melmill
from write_shim import (
    DONE,
    KILLED,
    Fault,
    FaultyDisk,
    all_or_some,
    assert_old_or_new,
    count_until_none,
    in_parallel,
    read_log,
    shim_env,
    strace,
    with_other_audio,
    without_second_line,
)

# Architectures and C libraries differ in which of a family they call.
CHANGING_CALLS = (
    "?open,openat,?openat2,?creat,write,pwrite64,writev,pwritev,pwritev2,"
    "fsync,fdatasync,sync_file_range,fallocate,ftruncate,truncate,"
    "?rename,?renameat,renameat2,?unlink,unlinkat,?rmdir,?mkdir,mkdirat,"
    "?link,linkat,?symlink,symlinkat,copy_file_range,sendfile,splice"
)
KILLING_CALLS = (
    "pwrite64",
    "fsync",
    "fallocate",
    "?rename,?renameat,renameat2",
)
NUM_RANDOM_KILLS = 200


def traced_kinds(trace: str, root: Path) -> list[str]:
    """The kinds of the calls that change what is below a folder."""
    is_below_root = re.compile(re.escape(str(root)) + '["/>]')
    kinds = []
    for line in trace.splitlines():
        found = re.match(r"([a-z_]+?)(?:at)?(?:2|64)?\((.*)", line)
        if not found or not is_below_root.search(found[2]):
            continue
        kind, arguments = found.groups()
        if kind != "open" or re.search("O_(WRONLY|RDWR|CREAT)", arguments):
            kinds.append(kind)
    return kinds


def test_every_call_that_changes_the_store_is_numbered(
    disk: FaultyDisk,
) -> None:
    log = disk.log_path("traced")
    run = disk.job.extract(
        disk.store("traced"),
        *disk.flags,
        under=[
            *(strace(), "-ff", "-y", "-s", "0", "-e", "signal=none"),
            *("-e", f"trace={CHANGING_CALLS}", "-o", f"{disk.folder}/trace"),
        ],
        env=shim_env(disk.shim_folder, disk.disk("traced"), log=log),
    )
    assert run.exit_code == DONE, run.stderr
    traced = Counter(
        kind
        for trace in disk.folder.glob("trace.*")
        for kind in traced_kinds(trace.read_text(), disk.disk("traced"))
    )
    calls = read_log(log)
    logged = Counter(call.kind.removesuffix("at2") for call in calls)
    num_closed = logged.pop("close")
    assert logged == traced
    opened = [call for call in calls if call.kind == "open" and call.fd >= 0]
    assert num_closed == len(opened)


def test_killed_at_any_call_a_rerun_finishes(disk: FaultyDisk) -> None:
    def trial(call: int) -> bool:
        name = f"kill{call}"
        run = disk.run(name, Fault("kill", call))
        assert run.exit_code in (KILLED, DONE), run.stderr
        disk.assert_rerun_finishes(name)
        return run.exit_code == KILLED

    num_calls = len(disk.calls())
    assert num_calls > 300
    killed = in_parallel(trial, range(1, num_calls + 1))
    # Their number varies by a few with the order of the threads.
    assert sum(killed) >= num_calls - 10


@pytest.mark.parametrize("calls", KILLING_CALLS)
def test_killed_at_any_call_of_a_thread_a_rerun_finishes(
    disk: FaultyDisk, calls: str
) -> None:
    kill = strace()

    def trial(number: int) -> bool:
        name = f"kill{number}"
        run = disk.job.extract(
            disk.store(name),
            *disk.flags,
            under=[
                *(kill, "-f", "-o", "/dev/null"),
                *("-e", f"trace={calls}"),
                *("-e", f"inject={calls}:signal=KILL:when={number}"),
            ],
        )
        assert run.exit_code in (KILLED, DONE), run.stderr
        disk.assert_rerun_finishes(name)
        return run.exit_code == KILLED

    # No thread makes more calls than all of them.
    kinds = Counter(call.kind for call in disk.calls())
    kind = calls.rpartition(",")[2].removesuffix("64").removesuffix("at")
    numbers = all_or_some(range(1, kinds[kind] + 1), 30)
    assert count_until_none(trial, numbers) >= 5


def shortest_run_s(disk: FaultyDisk) -> float:
    """Of a few undisturbed ones; others may be busy on this machine."""
    durations_s = []
    for number in range(5):
        begin = time.monotonic()
        disk.assert_run_finishes(disk.store(f"timed{number}"))
        durations_s.append(time.monotonic() - begin)
    return min(durations_s)


def test_killed_at_any_time_a_rerun_finishes(disk: FaultyDisk) -> None:
    choose = random.Random(5)
    longest_s = 1.1 * shortest_run_s(disk)

    def trial(timeout_s: float) -> bool:
        name = f"kill{timeout_s}"
        is_killed = False
        try:
            run_melmill(
                *disk.job.arguments(disk.store(name), *disk.flags),
                cwd=disk.job.folder,
                timeout_s=timeout_s,
            )
        except subprocess.TimeoutExpired:  # killed by SIGKILL
            is_killed = True
        disk.assert_rerun_finishes(name)
        return is_killed

    num_killed = 0
    while num_killed < NUM_RANDOM_KILLS:
        times_s = [choose.uniform(0, longest_s) for _ in range(50)]
        num_killed += sum(in_parallel(trial, times_s))


def test_killed_at_any_call_of_an_update_a_rerun_finishes(
    disk: FaultyDisk,
) -> None:
    update = without_second_line(disk)
    assert update.run("fresh", None).exit_code == DONE
    new = files_of(update.store("fresh"))
    old_store = disk.store("calls")
    old_calls = disk.calls()

    def trial(call: int) -> bool:
        name = f"update{call}"
        shutil.copytree(old_store, update.store(name))
        run = update.run(name, Fault("kill", call))
        assert run.exit_code in (KILLED, DONE), run.stderr
        assert_old_or_new(files_of(update.store(name)), disk.whole, new)
        rerun = update.run(name, None)
        assert rerun.exit_code == DONE, rerun.stderr
        assert files_of(update.store(name)) == new
        shutil.rmtree(update.disk(name))
        return run.exit_code == KILLED

    # It makes only some of the shards.
    num_killed = count_until_none(trial, range(1, len(old_calls)))
    assert 50 < num_killed < len(old_calls)


def test_killed_twice_with_audio_replaced_between_a_rerun_finishes(
    disk: FaultyDisk,
) -> None:
    """What .local says of a row never belongs to other audio."""
    update = with_other_audio(disk)
    assert update.run("fresh", None).exit_code == DONE
    new = files_of(update.store("fresh"))
    changed = {name for name in new if new[name] != disk.whole[name]}
    # Killed when all shards have their names: the threads may make those that
    # change last. The first accepted manifest follows.
    renamed = [c.second_path for c in disk.calls() if c.kind == "renameat2"]
    at = next(n for n, path in enumerate(renamed, 1) if path.endswith(".jsonl"))
    killed = disk.run("killed", Fault("kill", at, "renameat2"))
    assert killed.exit_code == KILLED
    kept = files_of(disk.store("killed"))
    assert len(changed & kept.keys()) >= 2

    def second_run(name: str, fault: Fault | None, log: bool = False) -> Run:
        shutil.copytree(disk.store("killed"), update.store(name))
        return update.run(name, fault, log)

    def trial(call: int) -> bool:
        name = f"second{call}"
        run = second_run(name, Fault("kill", call))
        assert run.exit_code in (KILLED, DONE), run.stderr
        assert_old_or_new(files_of(update.store(name)), disk.whole, new)
        rerun = update.run(name, None)
        assert rerun.exit_code == DONE, rerun.stderr
        assert files_of(update.store(name)) == new
        shutil.rmtree(update.disk(name))
        return run.exit_code == KILLED

    whole_run = second_run("whole", None, log=True)
    assert whole_run.exit_code == DONE, whole_run.stderr
    assert files_of(update.store("whole")) == new
    num_calls = len(read_log(update.log_path("whole")))
    calls = all_or_some(range(1, num_calls + 1), 40)
    assert sum(in_parallel(trial, calls)) >= len(calls) - 10
