"""Two runs at work in one folder, whether or not locks keep them apart.

Run A is stopped before one of the calls by which it changes the folder. Run B
begins and ends meanwhile. Then A resumes.
"""

import dataclasses
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from fault_job import LONG, final_name, is_final_name
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
from support import Run, files_of, noise, write_wav
from write_shim import (
    DONE,
    MACHINE_FAULT,
    USAGE,
    Call,
    Fault,
    FaultyDisk,
    all_or_some,
    assert_old_or_new,
    error_line,
    in_parallel,
    read_log,
    without_second_line,
)


def stopped_extract(
    disk: FaultyDisk, store: Path, env: Mapping[str, str]
) -> StoppedRun:
    arguments = disk.job.arguments(store, *disk.flags)
    return StoppedRun(arguments, disk.job.folder, env)


def assert_ended_well(run: Run) -> None:
    """It did all, or says what kept it from doing so."""
    assert run.exit_code in (DONE, USAGE, MACHINE_FAULT), run.stderr
    if run.exit_code != DONE:
        assert error_line(run)


@dataclasses.dataclass(frozen=True)
class Scene:
    """What both runs find, and what they make of it."""

    disk: FaultyDisk  # its flags are those of both runs
    before: Mapping[str, bytes]  # the folder; empty: none
    after: Mapping[str, bytes]  # the undisturbed store

    def prepare(self, name: str) -> Path:
        store = self.disk.store(name)
        if self.before:
            store.mkdir()
        for file, content in self.before.items():
            (store / file).write_bytes(content)
        return store

    def calls(self, file_system: FileSystem) -> list[Call]:
        """Those of an undisturbed run."""
        store = self.prepare("calls")
        log = self.disk.log_path("calls")
        log.unlink(missing_ok=True)
        env = file_system.env(self.disk, "calls", log=log)
        run = self.disk.job.extract(store, *self.disk.flags, env=env)
        assert run.exit_code == DONE, run.stderr
        assert self.final_files(store) == self.after
        shutil.rmtree(self.disk.disk("calls"))
        return read_log(log)

    def final_files(self, store: Path) -> dict[str, bytes]:
        return {
            name: content
            for name, content in files_of(store).items()
            if is_final_name(name)
        }

    def assert_whole_files(self, store: Path) -> None:
        assert_old_or_new(files_of(store), self.before, self.after)

    def assert_right_files(self, store: Path) -> None:
        """Some files may be missing, as long as a run is at work."""
        for name, content in self.final_files(store).items():
            assert content in (self.before.get(name), self.after.get(name)), (
                name
            )

    def disturb(self, call: int, file_system: FileSystem) -> bool:
        """Whether A was stopped before the call."""
        name = f"{file_system.flock}{len(file_system.missing)}.{call}"
        store = self.prepare(name)
        env = file_system.env(self.disk, name, Fault("stop", call))
        with stopped_extract(self.disk, store, env) as first:
            if first.is_stopped:
                self.run_second(name, store, file_system)
            ended = first.resume()
        assert_ended_well(ended)
        self.assert_whole_files(store)
        self.finish(name, store)
        return first.is_stopped

    def run_second(
        self, name: str, store: Path, file_system: FileSystem
    ) -> None:
        run = self.disk.job.extract(
            store, *self.disk.flags, env=file_system.env(self.disk, name)
        )
        assert_ended_well(run)
        self.assert_whole_files(store)
        if run.exit_code == DONE:
            assert self.final_files(store) == self.after

    def finish(self, name: str, store: Path) -> None:
        run = self.disk.job.extract(store, *self.disk.flags)
        assert run.exit_code == DONE, run.stderr
        assert files_of(store) == self.after
        shutil.rmtree(self.disk.disk(name))

    def disturb_calls(
        self, numbers: Sequence[int], file_system: FileSystem
    ) -> None:
        stopped = in_parallel(
            lambda call: self.disturb(call, file_system), numbers
        )
        # Their number varies by a few with the order of the threads.
        assert sum(stopped) >= 0.9 * len(numbers) - 2


def is_shard(name: str) -> bool:
    return re.fullmatch(r"[^.]+\.[0-9a-f]{12}\.h5", name) is not None


def new_scene(disk: FaultyDisk) -> Scene:
    """Nothing is there."""
    return Scene(disk, {}, disk.whole)


def unfinished_scene(disk: FaultyDisk) -> Scene:
    """A killed run left its plan, a table, and shards, one of them damaged."""
    shards = sorted(filter(is_shard, disk.whole))
    kept = {"plan.h5", "train.rows.h5", "train.accepted.jsonl", *shards[::2]}
    before = {name: disk.whole[name] for name in kept}
    before[shards[0]] = before[shards[0]][:5000]
    return Scene(disk, before, disk.whole)


def updated_scene(disk: FaultyDisk) -> Scene:
    """A complete store is to follow a shorter manifest."""
    update = without_second_line(disk)
    assert update.run("fresh", None).exit_code == DONE
    return Scene(update, disk.whole, files_of(update.store("fresh")))


SCENES = {
    "new": new_scene,
    "unfinished": unfinished_scene,
    "updated": updated_scene,
}


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize(
    "flock", [WORKING, FAILING, LYING], ids=["working", "failing", "lying"]
)
def test_a_run_within_another_makes_the_same_files(
    disk: FaultyDisk, scene: str, flock: int | None
) -> None:
    made = SCENES[scene](disk)
    file_system = FileSystem(flock)
    calls = made.calls(file_system)
    made.disturb_calls(some_calls(calls, 12), file_system)


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize(
    "missing", [NO_RENAMEAT2, NO_LINK], ids=["no renameat2", "no link"]
)
def test_file_systems_without_such_calls_serve_as_well(
    disk: FaultyDisk, scene: str, missing: Sequence[str]
) -> None:
    made = SCENES[scene](disk)
    file_system = FileSystem(FAILING, missing)
    calls = made.calls(file_system)
    made.disturb_calls(some_calls(calls, 6), file_system)


# The calls that give or take a name.
RENAMES = "renameat2,rename"


def renamed_files(calls: Sequence[Call]) -> dict[int, str]:
    """By the number of the call: which file it gives its name, or takes it."""
    return {
        number: final_name(Path(call.second_path).name)
        for number, call in enumerate(calls, start=1)
        if call.kind in RENAMES.split(",")
    }


def calls_of_second(
    scene: Scene, file_system: FileSystem, rename: int
) -> list[Call]:
    """Those of a run within another, which is to rename its n-th file."""
    name = f"second{rename}"
    store = scene.prepare(name)
    log = scene.disk.log_path(name)
    fault = Fault("stop", rename, RENAMES)
    with stopped_extract(
        scene.disk, store, file_system.env(scene.disk, name, fault)
    ):
        env = file_system.env(scene.disk, name, log=log)
        assert_ended_well(
            scene.disk.job.extract(store, *scene.disk.flags, env=env)
        )
    shutil.rmtree(scene.disk.disk(name))
    return read_log(log)


def turns_at_one_file(
    scene: Scene, file_system: FileSystem
) -> list[tuple[Fault, Fault]]:
    """Where A stops, and where B does: both are at work on the same file.

    B leaves out what A has finished. So its own calls are counted.
    """
    files = list(renamed_files(scene.calls(file_system)).values())
    seconds = in_parallel(
        lambda rename: calls_of_second(scene, file_system, rename),
        range(1, len(files) + 1),
    )
    turns = []
    for rename, (file, calls) in enumerate(
        zip(files, seconds, strict=True), start=1
    ):
        its_calls = [
            number
            for number, renamed in renamed_files(calls).items()
            if renamed == file
        ]
        turns += [
            (Fault("stop", rename, RENAMES), Fault("stop", number - behind))
            for number in its_calls[:1]
            for behind in (0, 2, 5, 10, 20, 40)
            if number > behind
        ]
    return turns


@pytest.mark.parametrize("scene", ["new", "unfinished"])
@pytest.mark.parametrize("flock", [FAILING, LYING], ids=["failing", "lying"])
def test_runs_that_take_turns_make_the_same_files(
    disk: FaultyDisk, scene: str, flock: int
) -> None:
    """A is to give a name, B is at work on the same file: A goes first."""
    made = SCENES[scene](disk)
    file_system = FileSystem(flock)

    def trial(turn: tuple[Fault, Fault]) -> bool:
        name = f"{turn[0].at}.{turn[1].at}"
        store = made.prepare(name)
        env = [file_system.env(made.disk, name, fault) for fault in turn]
        with (
            stopped_extract(made.disk, store, env[0]) as first,
            stopped_extract(made.disk, store, env[1]) as second,
        ):
            assert_ended_well(first.resume())
            # B may have removed a table of A's, to make it again.
            made.assert_right_files(store)
            killed = f"{name}.killed"
            shutil.copytree(store, made.disk.store(killed))
            assert_ended_well(second.resume())
            made.assert_whole_files(store)
        made.finish(name, store)
        made.finish(killed, made.disk.store(killed))
        return first.is_stopped and second.is_stopped

    some = all_or_some(turns_at_one_file(made, file_system), 24)
    met = in_parallel(trial, some)
    # Their calls vary by a few with the order of the threads.
    assert sum(met) >= 0.75 * len(some)


def replace_audio(folder: Path) -> None:
    """Other sound, with the same size and header."""
    for clip in sorted(folder.glob("clip*.wav")):
        content = bytearray(clip.read_bytes())
        if clip.stat().st_size > 8000:
            content[3000:4000] = content[4000:5000]
            clip.write_bytes(content)
    write_wav(
        folder / LONG, noise(2 * 8 * 48000, seed=9).reshape(-1, 2), rate=48000
    )


@dataclasses.dataclass(frozen=True)
class ReplacedAudio:
    """Run A begins on audio that is replaced before run B begins."""

    disk: FaultyDisk
    fresh: Mapping[str, bytes]  # the store of the new audio
    file_system: FileSystem

    def disturb(self, fault: Fault) -> Run | None:
        """How A ended, if it was stopped."""
        name = f"{fault.kind}{fault.at}"
        own = self.disk.job.copy(self.disk.folder / f"job{name}")
        disk = dataclasses.replace(
            self.disk, job=own, flags=(*self.disk.flags, "--update")
        )
        scene = Scene(disk, {}, self.fresh)
        store = scene.prepare(name)
        env = self.file_system.env(disk, name, fault)
        with stopped_extract(disk, store, env) as first:
            if not first.is_stopped:
                return None
            replace_audio(own.folder)
            if self.file_system.flock is WORKING:
                run = own.extract(store, *disk.flags)
                assert run.exit_code in (DONE, USAGE), run.stderr
            else:
                scene.run_second(name, store, self.file_system)
            ended = first.resume()
        assert_ended_well(ended)
        if self.file_system.flock is not WORKING:
            scene.assert_whole_files(store)
        scene.finish(name, store)
        shutil.rmtree(own.folder)
        return ended


@pytest.mark.parametrize(
    "flock", [WORKING, FAILING, LYING], ids=["working", "failing", "lying"]
)
def test_a_run_on_replaced_audio_within_one_on_the_old(
    disk: FaultyDisk, flock: int | None
) -> None:
    """B remakes what A made of the old audio; A takes nothing from B.

    Where locks work A keeps B out and may finish; then the next run sees it.
    """
    changed = disk.job.copy(disk.folder / "changed")
    replace_audio(changed.folder)
    fresh = disk.folder / "fresh"
    assert changed.extract(fresh).exit_code == DONE
    file_system = FileSystem(flock)
    calls = new_scene(disk).calls(file_system)
    replaced = ReplacedAudio(disk, files_of(fresh), file_system)
    numbers = some_calls(calls, 16)
    ends = in_parallel(
        lambda number: replaced.disturb(Fault("stop", number)), numbers
    )
    assert sum(end is not None for end in ends) >= 0.9 * len(numbers) - 2
    # plan.h5 is the first that gets its name. A had computed a shard of the
    # old audio by the second.
    ended = replaced.disturb(Fault("stop", 2, "renameat2"))
    assert ended is not None
    if flock is not WORKING:
        assert ended.exit_code == MACHINE_FAULT
