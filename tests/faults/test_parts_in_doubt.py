"""Audio that one machine of several cannot read, or that crashes it.

A part rejects no row for it, and makes its other shards. Each test ends with
the bytes of the store that one run makes on a machine that works.
"""

import dataclasses
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import soundfile
from fault_job import FaultJob
from memory_folder import memory_folder
from parts_job import PartsJob
from read_shim import ReadFault
from support import (
    files_of,
    make_clips,
    manifest_row,
    noise,
    write_manifest,
    write_wav,
)

DONE = 0
USAGE = 2
MACHINE_FAULT = 4
RATE_OF_POISON = 11131  # that libsoxr resamples in any case
POISONED = "poisoned.wav"

Whole = dict[str, bytes]


@pytest.fixture
def folder() -> Iterator[Path]:
    with memory_folder() as made:
        yield made


@pytest.fixture
def parts(job: FaultJob, folder: Path) -> PartsJob:
    """The fault job's store, planned."""
    planned = PartsJob(job, folder / "store")
    planned.assert_planned()
    return planned


class OtherMachine:
    """One that sees the audio of a job in a folder of its own."""

    def __init__(self, parts: PartsJob, folder: Path):
        self.parts = parts
        self.audio = folder / "other machine"
        self.removed: set[str] = set()
        shutil.copytree(parts.job.folder, self.audio)

    def part_flags(self) -> tuple[str, str]:
        return ("--audio-root", str(self.audio))

    def remove(self, *names: str) -> None:
        for name in names:
            (self.audio / name).unlink()
            self.removed.add(name)


def big_job(folder: Path, num_clips: int) -> tuple[FaultJob, Whole]:
    """Many clips, and the store of one run."""
    clips = folder / "clips"
    clips.mkdir()
    rows = make_clips(clips, num_clips)
    write_manifest(clips / "train.jsonl", rows[: num_clips // 2])
    write_manifest(clips / "eval.jsonl", rows[num_clips // 2 :])
    job = FaultJob(clips)
    run = job.extract(folder / "whole")
    assert run.exit_code == DONE, run.stderr
    return job, files_of(folder / "whole")


def shards(parts: PartsJob) -> set[str]:
    return {name for name in parts.final_files() if name != "plan.h5"}


def lines_in_doubt(parts: PartsJob) -> set[str]:
    return {str(doubt["audio"]) for doubt in parts.doubts()}


@pytest.mark.parametrize("threads", ["1", "7"])
def test_a_mount_that_goes_away_ends_a_part_and_rejects_nothing(
    folder: Path, shim_folder: Path, threads: str
) -> None:
    job, whole = big_job(folder, 60)
    for first in (1, 20, 58):
        parts = PartsJob(job, folder / f"store{first}", ("--threads", threads))
        parts.assert_planned()
        fault = ReadFault("ENOENT", "open", first=first, count=0)
        run = parts.part("0/1", env=fault.env(shim_folder, folder / "log"))
        assert run.exit_code == MACHINE_FAULT, run.stderr
        assert not parts.doubts()
        assert not parts.temporary_files()
        parts.assert_whole(whole)
        parts.assert_finishes(whole)


@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.parametrize("name", ["clip00.wav", "long.wav"])
@pytest.mark.parametrize(
    ("kind", "call"),
    [("EIO", "read"), ("ESTALE", "open"), ("EACCES", "open"), ("EIO", "fstat")],
)
def test_a_file_that_one_machine_cannot_read_costs_its_shard_only(
    parts: PartsJob,
    whole: Whole,
    shim_folder: Path,
    kind: str,
    call: str,
    name: str,
    threads: str,
) -> None:
    fault = ReadFault(kind, call, name=name, first=1, count=0)
    env = fault.env(shim_folder, parts.store.parent / "log")
    parts = dataclasses.replace(parts, flags=("--threads", threads))
    run = parts.part("0/1", env=env)
    assert run.exit_code == MACHINE_FAULT, run.stderr
    assert "this machine cannot read all of their audio" in run.stderr
    assert name in run.stderr
    assert lines_in_doubt(parts) == {name}
    parts.assert_whole(whole)
    num_shards = len([n for n in whole if re.search(r"\.[0-9a-f]{12}\.h5$", n)])
    assert len(shards(parts)) == num_shards - 1
    assert not parts.temporary_files()
    parts.assert_finishes(whole)


def test_a_file_with_other_attributes_is_not_rejected(
    parts: PartsJob, whole: Whole, folder: Path
) -> None:
    other = OtherMachine(parts, folder)
    write_wav(other.audio / "clip01.wav", noise(4000))
    run = parts.part("0/1", *other.part_flags())
    assert run.exit_code == MACHINE_FAULT
    (doubt,) = parts.doubts()
    assert "changed after it was planned" in str(doubt["message"])
    parts.assert_whole(whole)
    parts.assert_finishes(whole)


def test_every_row_in_doubt_is_written_down(
    parts: PartsJob, whole: Whole, folder: Path
) -> None:
    """Those of one shard, too: another machine may read some of them."""
    other = OtherMachine(parts, folder)
    names = {"clip00.wav", "clip01.wav", "clip12.wav"}
    other.remove(*names)
    assert parts.part("0/1", *other.part_flags()).exit_code == MACHINE_FAULT
    assert lines_in_doubt(parts) == names
    assert len({doubt["shard"] for doubt in parts.doubts()}) == 2
    parts.assert_finishes(whole)


def name_another_machine(parts: PartsJob) -> None:
    """Whoever planned, and left doubts, was not this machine."""
    for path in (parts.store / "job.json", *parts.store.glob(".doubts.*")):
        text = path.read_text()
        path.write_text(
            re.sub(r'"host":( ?)"[^"]*"', r'"host":\1"other"', text)
        )


def test_a_finish_rejects_only_rows_that_two_machines_cannot_read(
    parts: PartsJob, whole: Whole, folder: Path
) -> None:
    """Each lacks another file of one shard; a third lacks none."""
    other = OtherMachine(parts, folder)
    other.remove("clip00.wav")
    assert parts.part("0/1", *other.part_flags()).exit_code == MACHINE_FAULT
    name_another_machine(parts)
    shutil.copy(parts.job.folder / "clip00.wav", other.audio)
    other.remove("clip01.wav")
    run = parts.finish(*other.part_flags())
    assert run.exit_code == MACHINE_FAULT
    assert "1 row could not be read" in run.stderr
    assert lines_in_doubt(parts) == {"clip00.wav", "clip01.wav"}
    parts.assert_whole(whole)
    parts.assert_finishes(whole)


def test_a_finish_rejects_nothing_alone_where_others_worked_without_doubts(
    parts: PartsJob, whole: Whole, folder: Path
) -> None:
    (parts.store / ".worker.0123456789abcdef").write_text(
        '{"host":"other","boot_id":""}\n'
    )
    other = OtherMachine(parts, folder)
    other.remove("clip00.wav")
    assert parts.part("0/1", *other.part_flags()).exit_code == MACHINE_FAULT
    finish = parts.finish(*other.part_flags())
    assert finish.exit_code == MACHINE_FAULT
    assert "clip00.wav" in finish.stderr
    assert len(parts.doubts()) == 1
    parts.assert_finishes(whole)


def test_a_part_leaves_word_that_its_machine_worked(
    parts: PartsJob, whole: Whole
) -> None:
    for part in ("0/40", "1/40", "2/40"):
        assert parts.part(part).exit_code == DONE
        (worker,) = parts.store.glob(".worker.*")
    machine = json.loads(worker.read_text())
    job = json.loads((parts.store / "job.json").read_text())
    assert machine == {key: job[key] for key in ("host", "boot_id")}
    parts.assert_finishes(whole)


def test_a_machine_that_computes_other_bits_makes_no_shard(
    parts: PartsJob, whole: Whole, folder: Path
) -> None:
    """Neither in the finish, nor does it become the measure of others."""
    other = OtherMachine(parts, folder)
    other.remove("clip00.wav")
    assert parts.part("0/1", *other.part_flags()).exit_code == MACHINE_FAULT
    path = parts.store / "job.json"
    job = path.read_text()
    bits = json.loads(job)
    bits["canary"][-1][1] = "0" * 16
    path.write_text(json.dumps(bits))
    before = shards(parts)
    for run in (parts.finish(), parts.plan()):
        assert run.exit_code == USAGE
        assert "computes other features" in run.stderr
    assert shards(parts) == before
    path.write_text(job)
    parts.assert_finishes(whole)


def test_what_no_machine_can_read_the_finish_rejects_as_one_run_does(
    parts: PartsJob, folder: Path
) -> None:
    other = OtherMachine(parts, folder)
    names = ("clip00.wav", "clip01.wav", "long.wav")
    write_wav(other.audio / names[0], noise(4000))
    other.remove(*names[1:])
    # One run whose files go after the plan: its parts are on one machine.
    one = PartsJob(parts.job, folder / "one")
    one.assert_planned()
    for made in (one, parts):
        run = made.part("0/1", *other.part_flags())
        assert run.exit_code == MACHINE_FAULT
    name_another_machine(parts)
    for made in (one, parts):
        run = made.finish(*other.part_flags())
        assert run.exit_code == DONE, run.stderr
    rejects = [
        json.loads(line)
        for line in (one.store / "rejects.jsonl").read_text().splitlines()
    ]
    codes = {row["audio"]: row["code"] for row in rejects}
    assert [codes[name] for name in names] == [
        "changed_since_plan",
        "io_error",
        "io_error",
    ]
    parts.assert_complete(files_of(one.store))


@pytest.mark.parametrize("step", [4, 2])
def test_many_doubtful_shards_need_no_more_files_and_lose_no_row(
    folder: Path, step: int
) -> None:
    """A quarter of 640 files is gone, or half: too many to go on."""
    job, whole = big_job(folder, 640)
    flags = ("--threads", "2", "--io-threads", "4")
    parts = PartsJob(job, folder / "store", flags)
    parts.assert_planned()
    other = OtherMachine(parts, folder)
    other.remove(*(f"clip{number:02}.wav" for number in range(0, 640, step)))
    run = parts.part(
        "0/1", *other.part_flags(), under=["prlimit", "--nofile=420:420"]
    )
    assert run.exit_code == MACHINE_FAULT, run.stderr
    if step == 4:
        assert len(parts.doubts()) == 160
    else:
        assert "257 files cannot be read or have changed" in run.stderr
        assert not parts.doubts()
        for part in ("0/2", "1/2"):  # each meets less than 257
            run = parts.part(part, *other.part_flags())
            assert run.exit_code == MACHINE_FAULT
            assert "this machine cannot read all of their" in run.stderr
        assert lines_in_doubt(parts) == other.removed
    assert not parts.temporary_files()
    parts.assert_whole(whole)
    parts.assert_finishes(whole)


def test_segments_of_a_coded_file_wait_together(folder: Path) -> None:
    job = FaultJob(folder / "flac")
    job.folder.mkdir()
    rows = make_clips(job.folder, 6)
    soundfile.write(job.folder / "talk.flac", noise(10 * 16000), 16000)
    segments = [
        {**manifest_row("talk.flac"), "offset": begin, "duration": 1.0}
        for begin in range(10)
    ]
    write_manifest(job.folder / "train.jsonl", [*rows[:3], *segments])
    write_manifest(job.folder / "eval.jsonl", rows[3:])
    flags = ("--segments",)
    run = job.extract(folder / "whole", *flags)
    assert run.exit_code == DONE, run.stderr
    whole = files_of(folder / "whole")
    parts = PartsJob(job, folder / "store")
    assert parts.plan(*flags).exit_code == DONE
    other = OtherMachine(parts, folder)
    other.remove("talk.flac")
    run = parts.part("0/1", *other.part_flags())
    assert run.exit_code == MACHINE_FAULT
    assert len(parts.doubts()) == 10
    assert "16 files" not in run.stderr
    parts.assert_whole(whole)
    assert shards(parts)
    parts.assert_finishes(whole)


@pytest.fixture
def poisoned(
    job: FaultJob, folder: Path, shim_folder: Path
) -> tuple[PartsJob, Callable[..., dict[str, str]]]:
    """A job with one clip that a faulty library dies of, planned."""
    copy = job.copy(folder / "job")
    write_wav(copy.folder / POISONED, noise(9000), rate=RATE_OF_POISON)
    with (copy.folder / "train.jsonl").open("a") as manifest:
        manifest.write(json.dumps(manifest_row(POISONED)) + "\n")
    parts = PartsJob(copy, folder / "store")
    parts.assert_planned()

    def poison(what: str, once: Path | None = None) -> dict[str, str]:
        env = {
            "LD_PRELOAD": str(shim_folder / "poison.so"),
            "POISON_RATE": str(RATE_OF_POISON),
            "POISON": what,
        }
        return {**env, "POISON_ONCE": str(once)} if once else env

    return parts, poison


def end(what: str) -> int:
    """How a part ends that meets the row."""
    return {"SEGV": -11, "HANG": MACHINE_FAULT}[what]


@pytest.mark.parametrize("what", ["SEGV", "HANG"])
def test_a_row_that_ends_every_part_is_rejected_as_one_run_does(
    poisoned: tuple[PartsJob, Callable[..., dict[str, str]]],
    folder: Path,
    what: str,
) -> None:
    parts, poison = poisoned
    hasty = ("--hang-after", "1")
    one = folder / "one"
    for code in (end(what), DONE):
        run = parts.job.extract(one, *hasty, env=poison(what))
        assert run.exit_code == code, run.stderr
    whole = files_of(one)
    assert b'"poison"' in whole["rejects.jsonl"]

    ends = []
    for part in ("0/3", "1/3", "2/3") * 2:
        run = parts.part(part, *hasty, env=poison(what))
        ends.append(run.exit_code)
        parts.assert_whole(whole)
    assert sorted(ends) == sorted([end(what), *[DONE] * 5])
    run = parts.finish(env=poison(what))
    assert run.exit_code == DONE, run.stderr
    parts.assert_complete(whole)


def test_a_row_that_ends_a_part_on_one_machine_only_is_stored(
    poisoned: tuple[PartsJob, Callable[..., dict[str, str]]], folder: Path
) -> None:
    parts, poison = poisoned
    run = parts.job.extract(folder / "one")
    assert run.exit_code == DONE, run.stderr
    whole = files_of(folder / "one")
    run = parts.part("0/1", env=poison("SEGV"))
    assert run.exit_code == end("SEGV")
    assert list(parts.store.glob(".suspects.*"))
    parts.assert_whole(whole)
    parts.assert_finishes(whole)


def test_a_plan_that_cannot_be_read_is_the_machines_fault(
    parts: PartsJob, whole: Whole, shim_folder: Path
) -> None:
    for name in ("plan.h5", "job.json"):
        fault = ReadFault("EIO", "open", name=name, first=1, count=0)
        env = fault.env(shim_folder, parts.store.parent / "log")
        for run in (parts.part("0/1", env=env), parts.finish(env=env)):
            assert run.exit_code == MACHINE_FAULT, run.stderr
            assert name in run.stderr
    assert not shards(parts)
    parts.assert_finishes(whole)
