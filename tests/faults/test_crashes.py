"""Records that crash or hang the program."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from fault_job import FaultJob, assert_only_whole_files
from support import (
    Run,
    Store,
    files_of,
    last_line,
    manifest_row,
    noise,
    run_melmill,
    write_wav,
)

POISON_RATE = 11127  # that libsoxr resamples in any case
POISONED = "poisoned.wav"
CRASHES = {
    "SEGV": "SIGSEGV",
    "BUS": "SIGBUS",
    "ABRT": "SIGABRT",
    "FPE": "SIGFPE",
    "OVERFLOW": "SIGSEGV",
}


class PoisonedJob:
    """A job with one clip that a faulty library dies of."""

    def __init__(self, job: FaultJob, library: Path):
        self.job = job
        self.library = library
        self.store = job.folder / "store"

    def poison(self, what: str) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(self.library),
            "POISON_RATE": str(POISON_RATE),
            "POISON": what,
        }

    def run(
        self, what: str = "", *flags: str, env: dict[str, str] | None = None
    ) -> Run:
        return self.job.extract(
            self.store,
            "--hang-after",
            "1",
            *flags,
            env={**self.poison(what), **(env or {})} if what else {},
        )

    def repair(self, what: str) -> Run:
        return run_melmill(
            "verify",
            self.store,
            "--repair",
            cwd=self.job.folder,
            env=self.poison(what),
        )

    def suspects(self) -> list[Path]:
        """The files in which runs left them."""
        return sorted(self.store.glob(".suspects*"))

    def poisoned_rejects(self) -> list[tuple[str, str]]:
        return [
            (row["code"], row["message"])
            for row in Store(self.store).rejects()
            if row["audio"] == POISONED
        ]


@pytest.fixture
def poisoned(job: FaultJob, tmp_path: Path, shim_folder: Path) -> PoisonedJob:
    copy = job.copy(tmp_path / "job")
    write_wav(copy.folder / POISONED, noise(9000), rate=POISON_RATE)
    with (copy.folder / "train.jsonl").open("a") as manifest:
        manifest.write(json.dumps(manifest_row(POISONED)) + "\n")
    return PoisonedJob(copy, shim_folder / "poison.so")


@pytest.fixture
def sound(poisoned: PoisonedJob) -> dict[str, bytes]:
    """The store that a sound library makes of the job."""
    out = poisoned.job.folder / "sound"
    assert poisoned.job.extract(out).exit_code == 0
    return files_of(out)


@pytest.mark.parametrize("what", CRASHES)
def test_a_row_that_crashes_alone_too_is_rejected_in_the_next_run(
    poisoned: PoisonedJob, sound: dict[str, bytes], what: str
) -> None:
    crashed = poisoned.run(what)
    assert crashed.exit_code < 0
    (suspects,) = poisoned.suspects()
    assert re.fullmatch(r"\.suspects\.[0-9a-f]{16}", suspects.name)
    assert len(suspects.read_text().splitlines()) == 1
    assert_only_whole_files(poisoned.store, sound)

    rerun = poisoned.run(what)
    assert rerun.exit_code == 0, rerun.stderr
    assert f"({POISONED}) ended an earlier run, and again when tried alone" in (
        rerun.stderr
    )
    message = (
        f"crashed the program ({CRASHES[what]}), and again when tried alone"
    )
    assert poisoned.poisoned_rejects() == [("poison", message)]
    assert not poisoned.suspects()
    stored = {row.audio for row in Store(poisoned.store).rows()}
    assert len(stored) == 12


def test_a_row_that_hangs_alone_too_is_rejected_in_the_next_run(
    poisoned: PoisonedJob,
) -> None:
    hung = poisoned.run("HANG")
    assert hung.exit_code == 4
    assert (
        f"error: train line 11 ({POISONED}) has made no progress" in hung.stderr
    )
    kept = r"\d+ of \d+ shards kept; run the same command to resume\."
    assert re.fullmatch(kept, last_line(hung.stderr))
    rerun = poisoned.run("HANG")
    assert rerun.exit_code == 0, rerun.stderr
    message = "hung the program, and again when tried alone"
    assert poisoned.poisoned_rejects() == [("poison", message)]


def test_a_hung_run_tells_why_it_ends_as_json(poisoned: PoisonedJob) -> None:
    report = json.loads(poisoned.run("HANG", "--json").stdout)
    assert report["status"] == "machine_fault"
    assert report["exit_code"] == 4
    assert POISONED in report["error"]
    names = ("shards_made", "shards_kept", "shards_left")
    made, kept, left = (report[name] for name in names)
    assert made >= 0
    assert kept == 0
    assert left > 0


def test_a_row_that_crashes_in_company_only_is_stored(
    poisoned: PoisonedJob, sound: dict[str, bytes], tmp_path: Path
) -> None:
    env = {"POISON_ONCE": str(tmp_path / "once")}
    assert poisoned.run("SEGV", env=env).exit_code < 0
    rerun = poisoned.run("SEGV", env=env)
    assert rerun.exit_code == 0, rerun.stderr
    assert "ended an earlier run, but not when tried alone" in rerun.stderr
    assert files_of(poisoned.store) == sound


@pytest.mark.parametrize("resampler", ["spectral", "soxr"])
def test_a_kill_never_counts(poisoned: PoisonedJob, resampler: str) -> None:
    flags = ("--resampler", resampler)
    sound = poisoned.job.folder / "sound"
    assert poisoned.job.extract(sound, *flags).exit_code == 0
    for _ in range(3):
        assert poisoned.run("KILL", *flags).exit_code == -9
        assert not poisoned.suspects()
    assert poisoned.run("", *flags).exit_code == 0
    assert files_of(poisoned.store) == files_of(sound)


def test_a_kill_while_a_row_is_tried_alone_is_the_machines_fault(
    poisoned: PoisonedJob, sound: dict[str, bytes]
) -> None:
    assert poisoned.run("SEGV").exit_code < 0
    rerun = poisoned.run("KILL")
    assert rerun.exit_code == 4
    assert f"{POISONED} could not be tried alone" in rerun.stderr
    assert poisoned.run().exit_code == 0
    assert files_of(poisoned.store) == sound


def test_a_row_is_tried_alone_where_the_parent_ignores_its_children(
    poisoned: PoisonedJob,
) -> None:
    """Programs inherit that; the system then forgets how a child ended."""
    assert poisoned.run("SEGV").exit_code < 0
    rerun = poisoned.job.extract(
        poisoned.store,
        under=["env", "--ignore-signal=CHLD"],
        env=poisoned.poison("SEGV"),
        timeout_s=60,
    )
    assert rerun.exit_code == 0, rerun.stderr
    message = "crashed the program (SIGSEGV), and again when tried alone"
    assert poisoned.poisoned_rejects() == [("poison", message)]


def test_a_row_in_quarantine_is_tried_again_once_the_store_is_complete(
    poisoned: PoisonedJob, sound: dict[str, bytes]
) -> None:
    assert poisoned.run("FPE").exit_code < 0
    assert poisoned.run("FPE").exit_code == 0
    assert len(poisoned.poisoned_rejects()) == 1
    again = poisoned.run("FPE")
    assert again.exit_code == 0
    assert "nothing to do" in again.text
    mended = poisoned.run("", "--update")
    assert mended.exit_code == 0, mended.stderr
    assert files_of(poisoned.store) == sound


@pytest.fixture
def lurking(poisoned: PoisonedJob) -> PoisonedJob:
    """A finished store in which the poisoned row was rejected as no WAV."""
    clip = poisoned.job.folder / POISONED
    not_finite = np.full(9000, np.nan)
    write_wav(clip, not_finite, rate=POISON_RATE, subtype="FLOAT")
    assert poisoned.run().exit_code == 0
    assert [code for code, _ in poisoned.poisoned_rejects()] == ["not_finite"]
    return poisoned


def test_a_rejected_row_that_crashes_when_it_is_checked_again_is_tried_alone(
    lurking: PoisonedJob,
) -> None:
    before = files_of(lurking.store)
    assert lurking.run("SEGV").exit_code < 0
    assert len(lurking.suspects()) == 1
    tried = lurking.run("SEGV")
    assert tried.exit_code == 2, tried.stderr
    assert "1 rejected line with a new outcome" in tried.text
    assert {name: files_of(lurking.store)[name] for name in before} == before
    updated = lurking.run("SEGV", "--update")
    assert updated.exit_code == 0, updated.stderr
    message = "crashed the program (SIGSEGV), and again when tried alone"
    assert lurking.poisoned_rejects() == [("poison", message)]
    assert lurking.run("SEGV").exit_code == 0


def test_a_rejected_row_that_hangs_when_it_is_checked_again_ends_the_run(
    lurking: PoisonedJob,
) -> None:
    hung = lurking.run("HANG")
    assert hung.exit_code == 4
    assert (
        f"error: train line 11 ({POISONED}) has made no progress" in hung.stderr
    )
    assert len(lurking.suspects()) == 1
    assert lurking.run("HANG").exit_code == 2


def test_a_row_that_crashes_a_repair_is_tried_alone_by_the_next(
    poisoned: PoisonedJob,
) -> None:
    assert poisoned.run().exit_code == 0
    for shard in poisoned.store.glob("train.*.h5"):
        if shard.name != "train.rows.h5":
            shard.unlink()
    assert poisoned.repair("SEGV").exit_code < 0
    assert len(poisoned.suspects()) == 1
    again = poisoned.repair("SEGV")
    assert again.exit_code == 1, again
    assert "repaired: " in again.stdout
    assert "rebuilt, it would differ from the shard" in again.stdout
    # Not all is whole: the next repair must not die of that row.
    assert len(poisoned.suspects()) == 1
    assert poisoned.repair("").exit_code == 0
    assert not poisoned.suspects()


def test_a_repair_leaves_suspects_whose_rows_it_did_not_try(
    lurking: PoisonedJob,
) -> None:
    """A rerun would die of them once more."""
    assert lurking.run("SEGV").exit_code < 0
    suspects = lurking.suspects()
    assert len(suspects) == 1
    shard = min(lurking.store.glob("eval.????????????.h5"))
    shard.unlink()
    assert lurking.repair("").exit_code == 0
    assert lurking.suspects() == suspects


def test_a_row_that_crashes_a_comparison_is_tried_alone_by_the_next(
    poisoned: PoisonedJob,
) -> None:
    assert poisoned.run().exit_code == 0

    def compare(what: str) -> Run:
        return run_melmill(
            "verify",
            poisoned.store,
            "--against-audio",
            "100",
            cwd=poisoned.job.folder,
            env=poisoned.poison(what) if what else {},
        )

    assert compare("SEGV").exit_code < 0
    assert len(poisoned.suspects()) == 1
    again = compare("SEGV")
    assert again.exit_code == 1, again
    assert f"{POISONED}): " not in again.stdout
    assert (
        "crashed the program (SIGSEGV), and again when tried alone"
        in again.stdout
    )
    assert "1 differ" in again.stdout
    assert compare("").exit_code == 0


def test_a_shard_with_a_row_in_quarantine_can_be_repaired(
    poisoned: PoisonedJob,
) -> None:
    assert poisoned.run("SEGV").exit_code < 0
    assert poisoned.run("SEGV").exit_code == 0
    whole = files_of(poisoned.store)
    for shard in poisoned.store.glob("train.*.h5"):
        if shard.name != "train.rows.h5":
            shard.unlink()
    repaired = poisoned.repair("SEGV")
    assert repaired.exit_code == 0, repaired.stdout
    assert files_of(poisoned.store) == whole
