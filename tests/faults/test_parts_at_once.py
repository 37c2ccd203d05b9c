"""Parts in any number and order, killed, stopped, and at work too late.

Each test ends with the finish, and with the bytes of the store that one run
makes.
"""

import dataclasses
import errno
import json
import os
import random
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from parts_job import PartsJob
from stopped_run import (
    FAILING,
    LYING,
    NO_LINK,
    NO_RENAMEAT2,
    WORKING,
    FileSystem,
    StoppedRun,
    some_calls,
)
from store_job import is_shard
from support import Run, files_of, melmill_path, run_melmill, snapshot
from write_shim import (
    DONE,
    KILLED,
    MACHINE_FAULT,
    USAGE,
    Call,
    Fault,
    FaultyDisk,
    error_line,
    in_parallel,
    read_log,
    without_second_line,
)

ALL_FAULTS = os.environ.get("MELMILL_ALL_FAULTS") == "1"
NUM_SCHEDULES = 100 if ALL_FAULTS else 4
NUM_KILLS = 8  # of each command, unless ALL_FAULTS
NUM_STOPS = 6

Files = Mapping[str, bytes]


@dataclasses.dataclass(frozen=True)
class Scene:
    """Stores of the job, each on a file system that behaves in one way."""

    disk: FaultyDisk
    file_system: FileSystem = dataclasses.field(default_factory=FileSystem)

    def new(self, name: str, before: Files | None = None) -> PartsJob:
        """A store's job; with the plan, or with these files."""
        parts = PartsJob(self.disk.job, self.disk.store(name), self.disk.flags)
        if before is None:
            parts.assert_planned()
        elif before:
            parts.store.mkdir()
            for file, content in before.items():
                (parts.store / file).write_bytes(content)
        return parts

    def env(
        self, name: str, fault: Fault | None = None, log: Path | None = None
    ) -> dict[str, str]:
        return self.file_system.env(self.disk, name, fault, log)

    def calls(
        self, before: Files, arguments: Callable[[PartsJob], Sequence[str]]
    ) -> list[Call]:
        """Those of an undisturbed command."""
        parts = self.new("calls", before)
        log = self.disk.log_path("calls")
        log.unlink(missing_ok=True)
        run = parts.run(arguments(parts), self.env("calls", log=log))
        assert run.exit_code == DONE, run.stderr
        shutil.rmtree(self.disk.disk("calls"))
        return read_log(log)

    def forget(self, name: str) -> None:
        shutil.rmtree(self.disk.disk(name))


def planned_files(disk: FaultyDisk) -> dict[str, bytes]:
    parts = Scene(disk).new("planned")
    return files_of(parts.store)


def made_files(disk: FaultyDisk) -> dict[str, bytes]:
    """The plan and all shards."""
    parts = Scene(disk).new("made")
    assert parts.part("0/1").exit_code == DONE
    return files_of(parts.store)


COMMANDS: dict[str, Callable[[PartsJob], Sequence[str]]] = {
    "plan": PartsJob.plan_arguments,
    "part": lambda parts: parts.part_arguments("0/1"),
    "finish": PartsJob.finish_arguments,
}
FILES_BEFORE: dict[str, Callable[[FaultyDisk], Files]] = {
    "plan": lambda _: {},
    "part": planned_files,
    "finish": made_files,
}


@pytest.mark.parametrize("command", COMMANDS)
def test_killed_before_a_call_the_others_complete_the_store(
    disk: FaultyDisk, command: str
) -> None:
    scene = Scene(disk)
    before = FILES_BEFORE[command](disk)
    calls = scene.calls(before, COMMANDS[command])
    assert len(calls) > 20

    def trial(number: int) -> bool:
        name = f"kill{number}"
        parts = scene.new(name, before)
        env = scene.env(name, Fault("kill", number))
        run = parts.run(COMMANDS[command](parts), env)
        assert run.exit_code in (KILLED, DONE), run.stderr
        parts.assert_whole(disk.whole)
        if command == "plan":
            parts.assert_planned()
        if command == "finish":
            finish = parts.finish()
            assert finish.exit_code == DONE, finish.stderr
            parts.assert_complete(disk.whole)
        parts.assert_finishes(disk.whole)
        scene.forget(name)
        return run.exit_code == KILLED

    numbers = some_calls(calls, NUM_KILLS)
    # Their number varies by a few with the order of the threads.
    assert sum(in_parallel(trial, numbers)) >= len(numbers) - 2


class Schedule:
    """Random parts of one store, some at once, some killed or stopped."""

    def __init__(self, scene: Scene, seed: int):
        self._scene = scene
        self._name = f"schedule{seed}"
        self._draw = random.Random(seed)
        self._parts = scene.new(self._name, {})
        self._made: set[str] = set()

    def run(self) -> None:
        self._disturbed(self._parts.plan_arguments())
        self._parts.assert_planned()
        for _ in range(self._draw.randint(2, 5)):
            self._run_some()
            made = self._parts.assert_whole(self._scene.disk.whole)
            assert made >= self._made
            self._made = made
        if self._draw.random() < 0.5:
            self._disturbed(self._parts.finish_arguments())
        self._parts.assert_finishes(self._scene.disk.whole)
        self._scene.forget(self._name)

    def _run_some(self) -> None:
        """A few parts of one number at once, with repeats."""
        num_parts = self._draw.choice([1, 2, 3, 7, 40])
        some = [
            self._parts.part_arguments(
                f"{self._draw.randrange(num_parts)}/{num_parts}"
            )
            for _ in range(self._draw.choice([1, 1, 2, 4]))
        ]
        processes = [self._start(arguments) for arguments in some]
        for process in processes:
            self._end(process)

    def _disturbed(self, arguments: Sequence[str]) -> None:
        self._end(self._start(arguments))

    def _start(self, arguments: Sequence[str]) -> subprocess.Popen[str]:
        fault = self._draw.choice(
            [None, Fault("kill", self._draw.randint(1, 200))]
        )
        return subprocess.Popen(
            [melmill_path(), *arguments],
            cwd=self._scene.disk.job.folder,
            env={**os.environ, **self._scene.env(self._name, fault)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _end(self, process: subprocess.Popen[str]) -> None:
        delay_s = self._draw.choice([300.0, self._draw.uniform(0, 0.3)])
        codes = {DONE, KILLED, MACHINE_FAULT}
        try:
            process.wait(delay_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM)
            # Before the handler is there the signal itself ends the program.
            codes |= {128 + signal.SIGTERM, -signal.SIGTERM}
        _, stderr = process.communicate(timeout=300)
        assert process.returncode in codes, stderr


@pytest.mark.parametrize("seed", range(NUM_SCHEDULES))
@pytest.mark.parametrize("flock", [WORKING, FAILING], ids=["locks", "no locks"])
def test_any_schedule_makes_the_store_of_one_run(
    disk: FaultyDisk, seed: int, flock: int | None
) -> None:
    Schedule(Scene(disk, FileSystem(flock)), seed).run()


FILE_SYSTEMS = {
    "locks": FileSystem(WORKING),
    "failing locks": FileSystem(FAILING),
    "lying locks": FileSystem(LYING),
    "no renameat2": FileSystem(FAILING, NO_RENAMEAT2),
    "no link": FileSystem(FAILING, NO_LINK),
}


def assert_ended_well(run: Run) -> None:
    assert run.exit_code in (DONE, MACHINE_FAULT), run.stderr
    if run.exit_code != DONE:
        assert error_line(run)


@pytest.mark.parametrize("kind", FILE_SYSTEMS)
def test_a_part_taken_for_dead_that_goes_on_replaces_nothing(
    disk: FaultyDisk, kind: str
) -> None:
    """It stops before a call; others make its shards, and finish the store."""
    scene = Scene(disk, FILE_SYSTEMS[kind])
    before = planned_files(disk)
    calls = scene.calls(before, COMMANDS["part"])

    def trial(number: int) -> bool:
        name = f"zombie{number}"
        parts = scene.new(name, before)
        arguments = parts.part_arguments("0/1")
        env = scene.env(name)
        with StoppedRun(
            arguments, disk.job.folder, scene.env(name, Fault("stop", number))
        ) as zombie:
            if zombie.is_stopped:
                other = parts.part("0/1", env=env)
                assert other.exit_code == DONE, other.stderr
            made = parts.inodes()
            finish = parts.finish(env=env)
            # It locks the folder while it reads the plan, and lets it go; the
            # third call opens the file that it locks to the end.
            if zombie.is_stopped and kind == "locks" and number > 3:
                assert finish.exit_code == USAGE
                assert "is in use by another melmill" in error_line(finish)
                assert parts.inodes() == made
            else:
                assert finish.exit_code == DONE, finish.stderr
            after = parts.inodes()
            assert_ended_well(zombie.resume())
        parts.assert_whole(disk.whole)
        if kind != "no link":  # there it checks, and then renames
            assert parts.inodes() == after
        assert parts.finish(env=env).exit_code == DONE
        parts.assert_complete(disk.whole)
        scene.forget(name)
        return zombie.is_stopped

    numbers = some_calls(calls, NUM_STOPS)
    assert sum(in_parallel(trial, numbers)) >= 0.9 * len(numbers) - 2


@pytest.mark.parametrize("flock", [FAILING, LYING], ids=["failing", "lying"])
def test_a_finish_taken_for_dead_that_goes_on_replaces_nothing(
    disk: FaultyDisk, flock: int
) -> None:
    scene = Scene(disk, FileSystem(flock))
    before = made_files(disk)
    calls = scene.calls(before, COMMANDS["finish"])

    def trial(number: int) -> bool:
        name = f"zombie{number}"
        parts = scene.new(name, before)
        env = scene.env(name)
        with StoppedRun(
            parts.finish_arguments(),
            disk.job.folder,
            scene.env(name, Fault("stop", number)),
        ) as zombie:
            other = parts.finish(env=env)
            assert other.exit_code == DONE, other.stderr
            after = parts.inodes()
            assert_ended_well(zombie.resume())
        assert parts.inodes() == after
        parts.assert_complete(disk.whole)
        scene.forget(name)
        return zombie.is_stopped

    numbers = some_calls(calls, NUM_STOPS)
    assert sum(in_parallel(trial, numbers)) >= 0.9 * len(numbers) - 2


def test_parts_share_the_folder_and_exclude_all_others(
    disk: FaultyDisk,
) -> None:
    scene = Scene(disk)
    parts = scene.new("shared")
    update = (*disk.job.arguments(parts.store), "--update")
    commands = {
        "plan": parts.plan_arguments("--update"),
        "finish": parts.finish_arguments(),
        "extract": update,
    }
    stop = scene.env("shared", Fault("stop", 1, "fsync"))
    with StoppedRun(parts.part_arguments("0/1"), disk.job.folder, stop) as part:
        assert part.is_stopped
        before = snapshot(parts.store)
        for arguments in commands.values():
            run = parts.run(arguments)
            assert run.exit_code == USAGE, arguments
            assert "is in use by another melmill" in error_line(run)
            assert snapshot(parts.store) == before
        other = parts.part("0/1")
        assert other.exit_code == DONE, other.stderr
        assert part.resume().exit_code == DONE
    parts.assert_finishes(disk.whole)


@pytest.mark.parametrize("command", ["plan", "finish", "extract"])
def test_a_part_ends_at_once_while_others_exclude_it(
    disk: FaultyDisk, command: str
) -> None:
    scene = Scene(disk)
    before = made_files(disk)
    parts = scene.new("excluded", before)
    shard = next(name for name in before if name.startswith("eval."))
    (parts.store / shard).unlink()
    arguments = {
        "plan": parts.plan_arguments(),
        "finish": parts.finish_arguments(),
        "extract": disk.job.arguments(parts.store),
    }[command]
    if command == "finish":
        (parts.store / shard).write_bytes(before[shard])
    stop = scene.env("excluded", Fault("stop", 4))
    with StoppedRun(arguments, disk.job.folder, stop) as other:
        assert other.is_stopped
        now = snapshot(parts.store)
        run = parts.part("0/1")
        assert run.exit_code == MACHINE_FAULT
        assert "is in use by another melmill" in error_line(run)
        assert snapshot(parts.store) == now
        assert other.resume().exit_code == DONE
    parts.assert_finishes(disk.whole)


def test_a_part_never_computes_other_features_than_those_of_its_plan(
    disk: FaultyDisk,
) -> None:
    """The folder is planned anew when the part has read its settings."""
    scene = Scene(disk)
    parts = scene.new("replanned")
    stop = scene.env("replanned", Fault("stop", 2, "open"))
    part = parts.part_arguments("0/1")
    with StoppedRun(part, disk.job.folder, stop) as process:
        assert process.is_stopped
        shutil.rmtree(parts.store)
        assert parts.plan("--preset", "whisper").exit_code == DONE
        planned = parts.final_files()
        run = process.resume()
    assert run.exit_code == MACHINE_FAULT
    assert "was planned anew meanwhile" in error_line(run)
    assert parts.final_files() == planned
    shutil.rmtree(parts.store)
    parts.assert_planned()
    parts.assert_finishes(disk.whole)


def test_an_old_part_does_not_disturb_an_update(disk: FaultyDisk) -> None:
    update = without_second_line(disk)
    assert update.run("fresh", None).exit_code == DONE
    new = files_of(update.store("fresh"))
    scene = Scene(disk, FileSystem(FAILING))
    calls = scene.calls(planned_files(disk), COMMANDS["part"])

    def trial(number: int) -> None:
        name = f"old{number}"
        old = scene.new(name)
        followed = PartsJob(update.job, old.store, old.flags)
        env = scene.env(name)
        with StoppedRun(
            old.part_arguments("0/1"),
            disk.job.folder,
            scene.env(name, Fault("stop", number)),
        ) as zombie:
            planned = followed.plan("--update", env=env)
            assert planned.exit_code == DONE, planned.stderr
            part = followed.part("0/1", env=env)
            assert part.exit_code == DONE, part.stderr
            assert_ended_well(zombie.resume())
        followed.assert_finishes(new)
        scene.forget(name)

    in_parallel(trial, some_calls(calls, 4))


def test_what_killed_parts_leave_is_removed_by_plan_and_finish(
    disk: FaultyDisk,
) -> None:
    scene = Scene(disk)
    parts = scene.new("killed")
    kill = scene.env("killed", Fault("kill", 3, "pwrite"))
    for clean_up in (parts.plan, parts.finish):
        assert parts.part("0/1", env=kill).exit_code == KILLED
        left = parts.temporary_files()
        assert left
        if clean_up == parts.finish:
            assert parts.part("0/1").exit_code == DONE
            # They might be those of a part at work elsewhere.
            assert parts.temporary_files() == left
        assert clean_up().exit_code == DONE
        assert not parts.temporary_files()
    parts.assert_complete(disk.whole)


def test_kills_without_end_lose_no_shard_that_was_made(
    disk: FaultyDisk,
) -> None:
    """Each part dies as it names its second shard."""
    scene = Scene(disk)
    parts = scene.new("killed")
    kill = scene.env("killed", Fault("kill", 2, "renameat2"))
    made: set[str] = set()
    run = parts.part("0/1", env=kill)
    while run.exit_code == KILLED:
        now = parts.assert_whole(disk.whole)
        assert now > made
        made = now
        run = parts.part("0/1", env=kill)
    assert run.exit_code == DONE
    assert len(made) > 3
    parts.assert_finishes(disk.whole)


def test_a_stopped_part_keeps_what_it_made(disk: FaultyDisk) -> None:
    scene = Scene(disk)
    parts = scene.new("stopped")
    stop = scene.env("stopped", Fault("stop", 2, "renameat2"))
    part = parts.part_arguments("0/1", "--grace", "0")
    with StoppedRun(part, disk.job.folder, stop) as process:
        assert process.is_stopped
        process.send(signal.SIGTERM)
        assert process.resume().exit_code == 128 + signal.SIGTERM
    assert not parts.temporary_files()
    assert parts.assert_whole(disk.whole)
    parts.assert_finishes(disk.whole)


def test_more_parts_than_shards(disk: FaultyDisk) -> None:
    scene = Scene(disk)
    parts = scene.new("many")
    before = snapshot(parts.store)
    part = parts.part("39/40")
    assert part.exit_code == DONE, part.stderr
    assert snapshot(parts.store).keys() - before.keys() <= {".lock"}
    in_parallel(lambda i: parts.part(f"{i}/20").exit_code, range(20))
    assert parts.finish().exit_code == DONE
    parts.assert_complete(disk.whole)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_leaves_only_whole_shards(
    disk: FaultyDisk, error: int
) -> None:
    scene = Scene(disk)
    before = planned_files(disk)
    calls = scene.calls(before, COMMANDS["part"])
    writes = [call for call in calls if call.kind in ("pwrite", "fallocate")]

    def trial(number: int) -> None:
        name = f"full{number}"
        parts = scene.new(name, before)
        fault = Fault(f"errors={error}", number, "pwrite,fallocate")
        run = parts.part("0/1", env=scene.env(name, fault))
        assert run.exit_code == MACHINE_FAULT, run.stderr
        assert os.strerror(error) in error_line(run)
        assert not parts.temporary_files()
        parts.assert_whole(disk.whole)
        parts.assert_finishes(disk.whole)
        scene.forget(name)

    in_parallel(trial, [1, len(writes) // 3, 2 * len(writes) // 3])


def test_a_part_without_space_removes_old_temporary_files(
    disk: FaultyDisk,
) -> None:
    scene = Scene(disk)
    parts = scene.new("full")
    shard = next(name for name in disk.whole if name.startswith("eval."))
    old, fresh = (f"{shard}.{tag * 16}.tmp" for tag in "01")
    for name in (old, fresh):
        (parts.store / name).write_bytes(bytes(1000))
    hours_ago = (parts.store / fresh).stat().st_mtime - 2 * 3600
    os.utime(parts.store / old, (hours_ago, hours_ago))
    env = {**scene.env("full"), "WRITE_FAULTS_FREE": "1000"}
    run = parts.part("0/1", env=env)
    assert run.exit_code == MACHINE_FAULT
    assert "the part needs" in error_line(run)
    assert parts.temporary_files() == [fresh]
    parts.assert_finishes(disk.whole)


def test_tables_that_a_killed_finish_left_are_made_again(
    disk: FaultyDisk,
) -> None:
    """They may be damaged, or list rows of shards that were since remade."""
    scene = Scene(disk)
    parts = scene.new("tables", made_files(disk))
    names = ("train.rows.h5", "train.accepted.jsonl", "rejects.jsonl")
    kill = scene.env("tables", Fault("kill", 5, "renameat2"))
    assert parts.finish(env=kill).exit_code == KILLED
    for name in names:
        (parts.store / name).write_bytes(b"of another time\n")
    run = parts.finish()
    assert run.exit_code == DONE, run.stderr
    parts.assert_complete(disk.whole)


def test_a_finish_waits_for_names_that_show_late(disk: FaultyDisk) -> None:
    """As those of other machines do on NFS."""
    scene = Scene(disk)
    before = made_files(disk)
    parts = scene.new("late", before)
    shard = next(name for name in before if name.startswith("eval."))
    env = {
        "LD_PRELOAD": str(disk.shim_folder / "late_names.so"),
        "LATE_NAMES": "." + shard.split(".")[1] + ".h5",
        "LATE_NAMES_SECONDS": "1.5",
    }
    run = parts.finish(env=env)
    assert run.exit_code == DONE, run.stderr
    parts.assert_complete(disk.whole)


@pytest.mark.parametrize("others", [["b"], ["b", "c", "d", "e"], []])
def test_a_shard_that_another_machine_made_with_other_bits_is_disputed(
    disk: FaultyDisk, others: list[str]
) -> None:
    """Its part names the machines, and replaces nothing."""
    scene = Scene(disk)
    parts = scene.new("disputed")
    for number, host in enumerate(others):
        machine = json.dumps({"host": host, "boot_id": ""})
        path = parts.store / f".worker.{number:016x}"
        path.write_text(f"{machine}\n")
    stop = scene.env("disputed", Fault("stop", 2, "renameat2"))
    part = parts.part_arguments("0/1")
    with StoppedRun(part, disk.job.folder, stop) as process:
        assert process.is_stopped
        shards = [n for n in disk.whole if is_shard(n)]
        for shard in shards:
            content = bytearray(disk.whole[shard])
            content[5000] ^= 1
            (parts.store / shard).write_bytes(content)
        disputed = parts.inodes()
        run = process.resume()
    assert run.exit_code == MACHINE_FAULT
    line = error_line(run)
    assert "another process made it with other bytes, so it was not" in line
    here = socket.gethostname()
    if others:
        shown = {1: "b", 4: "one of b, c, d and 1 more"}[len(others)]
        assert f"this machine is {here}, the other {shown}: one" in line
        assert "make it again on a third machine and compare" in line
    else:
        assert f"this machine ({here}) is the only one known to work" in line
    assert parts.inodes() == disputed
    assert not parts.temporary_files()
    # A retry finds the shards. What comes after it still tells.
    assert parts.part("0/1").exit_code == DONE
    told = json.loads(run_melmill("info", parts.store, "--json").stdout)
    messages = [dispute["message"] for dispute in told["disputes"]]
    assert len(messages) == len(list(parts.store.glob(".dispute.*")))
    assert line.removeprefix("error: ").rstrip() in messages
    info = run_melmill("info", parts.store).stdout
    assert f"  {here} said: {messages[0]}\n" in info
    commands = (parts.finish, parts.extract, parts.plan_of_train, parts.finish)
    for command in commands:
        run = command()
        assert run.exit_code == MACHINE_FAULT
        shard = told["disputes"][0]["shard"]
        assert f"{shard} is in dispute" in error_line(run)
        assert f"{here} said: {messages[0]}" in error_line(run)
    for shard in shards:
        (parts.store / shard).unlink()
    parts.assert_finishes(disk.whole)


def test_finish_notes_a_dispute_about_a_shard_that_it_makes(
    disk: FaultyDisk,
) -> None:
    """It makes a shard in doubt that a late part makes with other bits."""
    scene = Scene(disk)
    before = made_files(disk)
    shard = next(name for name in before if name.startswith("eval."))
    content = bytearray(before.pop(shard))
    parts = scene.new("late", before)
    doubt = {
        "shard": shard,
        "split": "eval",
        "line": 1,
        "audio": "x.wav",
        "message": "",
        "host": "b",
        "boot_id": "",
    }
    path = parts.store / f".doubts.{0:016x}"
    path.write_text(f"{json.dumps(doubt)}\n")
    content[5000] ^= 1
    stop = scene.env("late", Fault("stop", 1, "renameat2"))
    finish = parts.finish_arguments()
    with StoppedRun(finish, disk.job.folder, stop) as process:
        assert process.is_stopped
        (parts.store / shard).write_bytes(content)
        run = process.resume()
    assert run.exit_code == MACHINE_FAULT
    assert "another process made it with other bytes" in error_line(run)
    assert len(list(parts.store.glob(".dispute.*"))) == 1
    run = parts.finish()
    assert run.exit_code == MACHINE_FAULT
    assert f"{shard} is in dispute" in error_line(run)
    (parts.store / shard).unlink()
    parts.assert_finishes(disk.whole)
