"""Audio that was replaced by other audio of the same size is seen."""

import json
import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from store_job import Job, flip_byte, pick_shard
from support import (
    Run,
    files_of,
    manifest_row,
    noise,
    run_melmill,
    snapshot,
    write_manifest,
    write_wav,
)

NUM_CLIPS = 12
NUM_SAMPLES = 8000
CHANGED = 5
OLD_S = 1_600_000_000


def samples(seed: int) -> bytes:
    return (noise(NUM_SAMPLES, seed=seed) * 32767).astype("<i2").tobytes()


def overwrite(path: Path, seed: int) -> None:
    """Other audio in the same file, behind the same header."""
    with path.open("r+b") as clip:
        clip.seek(44)
        clip.write(samples(seed))


def write_input(folder: Path) -> Path:
    folder.mkdir()
    job = Job(folder)
    for number in range(NUM_CLIPS):
        write_wav(job.clip(number), noise(NUM_SAMPLES, seed=number))
        os.utime(job.clip(number), (OLD_S, OLD_S))
    rows = [manifest_row(f"clip{number:02}.wav") for number in range(NUM_CLIPS)]
    write_manifest(folder / "train.jsonl", rows)
    return folder


def wait_until_settled() -> None:
    """Younger changes count as touched whatever the times say."""
    time.sleep(2.1)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Folders of files that have been there for a while, one for a test."""
    root = tmp_path_factory.mktemp("inputs")
    folders = [write_input(root / str(number)) for number in range(20)]
    wait_until_settled()
    return folders


@pytest.fixture
def job(inputs: list[Path]) -> Job:
    """A finished store."""
    job = Job(inputs.pop())
    assert job.extract().exit_code == 0
    assert len(job.shards()) >= 4
    return job


def rerun(job: Job, *flags: str) -> tuple[Run, dict[str, object]]:
    run = job.extract("--json", *flags)
    return run, json.loads(run.stdout)


def bytes_read(job: Job, tmp_path: Path) -> int:
    """How many bytes of audio a rerun reads beyond the headers."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    trace = tmp_path / "trace"
    run = run_melmill(
        "extract",
        "train.jsonl",
        *("--shard-size", "32KiB", "--out", "store"),
        cwd=job.folder,
        under=[strace, "-f", "-y", "-e", "trace=pread64", "-o", str(trace)],
    )
    assert run.exit_code == 0, run.stderr
    lines = [x for x in trace.read_text().splitlines() if ".wav>" in x]
    sizes = [
        int(found[1]) for x in lines if (found := re.search(r"= (\d+)$", x))
    ]
    return sum(size for size in sizes if size > 4096)


def swap_by_rename(job: Job) -> None:
    a, b = job.clip(CHANGED), job.clip(CHANGED + 1)
    a.rename(job.folder / "other")
    b.rename(a)
    (job.folder / "other").rename(b)


def write_in_place(job: Job) -> None:
    overwrite(job.clip(CHANGED), 90)


def write_in_place_and_restore_the_time(job: Job) -> None:
    overwrite(job.clip(CHANGED), 90)
    os.utime(job.clip(CHANGED), (OLD_S, OLD_S))


def replace_by_a_new_file(job: Job) -> None:
    write_wav(job.folder / "new.wav", noise(NUM_SAMPLES, seed=90))
    (job.folder / "new.wav").rename(job.clip(CHANGED))


def replace_by_an_older_file(job: Job) -> None:
    replace_by_a_new_file(job)
    os.utime(job.clip(CHANGED), (OLD_S - 9, OLD_S - 9))


def copy_over(job: Job) -> None:
    """What cp -p does: the other file's time."""
    write_wav(job.folder / "new.wav", noise(NUM_SAMPLES, seed=90))
    os.utime(job.folder / "new.wav", (OLD_S, OLD_S))
    shutil.copyfile(job.folder / "new.wav", job.clip(CHANGED))
    shutil.copystat(job.folder / "new.wav", job.clip(CHANGED))
    (job.folder / "new.wav").unlink()


# What is done, and how many files hold other audio then.
CHANGES: dict[str, tuple[Callable[[Job], None], int]] = {
    "swapped": (swap_by_rename, 2),
    "in_place": (write_in_place, 1),
    "time_restored": (write_in_place_and_restore_the_time, 1),
    "new_file": (replace_by_a_new_file, 1),
    "older_file": (replace_by_an_older_file, 1),
    "copied_over": (copy_over, 1),
}


@pytest.mark.parametrize(("change", "count"), CHANGES.values(), ids=CHANGES)
def test_changed_audio_is_shown_and_followed_with_update(
    job: Job, change: Callable[[Job], None], count: int
) -> None:
    change(job)
    before = snapshot(job.store)
    run = job.extract()
    assert run.exit_code == 2, run.stderr
    files = "file" if count == 1 else "files"
    assert f"{count} {files} with other audio of the same size:" in run.text
    assert f"  train line {CHANGED + 1}: clip{CHANGED:02}.wav" in run.text
    assert snapshot(job.store) == before
    run, report = rerun(job)
    assert run.exit_code == 2
    assert report["change"] == {
        "added": 0,
        "gone": 0,
        "changed": 0,
        "mended": 0,
        "files_changed": count,
        "reordered": False,
    }
    # Again: nothing was forgotten.
    assert job.extract("--verify-resume").exit_code == 2

    fresh = job.fresh()
    old_shards = job.shards()
    run, report = rerun(job, "--update")
    assert run.exit_code == 0, run.stderr
    assert files_of(job.store) == fresh
    new_shards = job.shards()
    made = [name for name in new_shards if old_shards[name] != new_shards[name]]
    assert report["shards_made"] == len(made) <= count
    assert "nothing to do" in job.extract().text
    assert (
        run_melmill(
            "verify", job.store, "--against-audio", "99", cwd=job.folder
        ).exit_code
        == 0
    )


def touch(job: Job) -> None:
    job.clip(CHANGED).touch()


def change_mode(job: Job) -> None:
    job.clip(CHANGED).chmod(0o600)


def link(job: Job) -> None:
    os.link(job.clip(CHANGED), job.folder / "link")


def copy_itself(job: Job) -> None:
    shutil.copy2(job.clip(CHANGED), job.folder / "copy")
    (job.folder / "copy").rename(job.clip(CHANGED))


def move_away_and_back(job: Job) -> None:
    job.clip(CHANGED).rename(job.folder / "away")
    (job.folder / "away").rename(job.clip(CHANGED))


@pytest.mark.parametrize(
    "change", [touch, change_mode, link, copy_itself, move_away_and_back]
)
def test_equal_audio_is_no_change(
    job: Job, tmp_path: Path, change: Callable[[Job], None]
) -> None:
    change(job)
    before = snapshot(job.store)
    wait_until_settled()
    run, report = rerun(job)
    assert run.exit_code == 0, run.stderr
    assert report["status"] == "nothing_to_do"
    assert snapshot(job.store) == before
    # And the file that was read does not look touched any more.
    assert bytes_read(job, tmp_path) == 0


def test_only_files_that_look_touched_are_read(
    job: Job, tmp_path: Path
) -> None:
    assert bytes_read(job, tmp_path) == 0
    touch(job)
    assert bytes_read(job, tmp_path) == 2 * NUM_SAMPLES


def test_a_file_that_was_young_when_it_was_read_is_read_once_more(
    job: Job, tmp_path: Path
) -> None:
    """Its time says nothing of what was written in the same tick."""
    overwrite(job.clip(CHANGED), 90)
    assert job.extract("--update").exit_code == 0
    wait_until_settled()
    assert bytes_read(job, tmp_path) == 2 * NUM_SAMPLES
    assert bytes_read(job, tmp_path) == 0


# Runs that did not finish.


def test_an_unfinished_store_is_compared_too(job: Job) -> None:
    (job.store / "store.json").unlink()
    pick_shard(job, 0).unlink()
    overwrite(job.clip(CHANGED), 90)
    before = snapshot(job.store)
    run = job.extract()
    assert run.exit_code == 2
    assert "1 file with other audio" in run.text
    assert snapshot(job.store) == before
    fresh = job.fresh()
    run, report = rerun(job, "--update")
    assert run.exit_code == 0
    assert report["shards_made"] in (1, 2)
    assert files_of(job.store) == fresh


def test_a_shard_that_was_not_told_of_is_read(job: Job) -> None:
    """Its run was killed between its commit and what .local says of it."""
    local = job.store / ".local"
    local.write_bytes(local.read_bytes()[:16])
    (job.store / "store.json").unlink()
    overwrite(job.clip(CHANGED), 90)
    run = job.extract()
    assert run.exit_code == 2
    assert "1 file with other audio" in run.text


# .local itself.


def test_a_copied_store_says_that_it_does_not_know(job: Job) -> None:
    (job.store / ".local").unlink()
    overwrite(job.clip(CHANGED), 90)
    before = snapshot(job.store)
    for _ in range(2):
        run = job.extract()
        assert run.exit_code == 0
        assert f"the audio of {NUM_CLIPS} rows may have changed" in run.text
        assert "--rehash" in run.text
        assert snapshot(job.store) == before
    # With another shard made, the others stay unknown.
    write_wav(job.clip(90), noise(NUM_SAMPLES, seed=90))
    job.write_rows([*job.rows(), manifest_row("clip90.wav")])
    assert job.extract("--update").exit_code == 0
    run = job.extract()
    assert run.exit_code == 0
    assert re.search(r"the audio of \d+ rows may have changed", run.text)
    run = job.extract("--rehash")
    assert run.exit_code == 2
    assert "1 file with other audio" in run.text
    assert job.extract("--rehash", "--update").exit_code == 0
    assert files_of(job.store) == job.fresh()
    assert "may have changed" not in job.extract().text


def test_trusted_audio_is_not_read(job: Job) -> None:
    overwrite(job.clip(CHANGED), 90)
    before = snapshot(job.store)
    wait_until_settled()
    run = job.extract("--trust-audio")
    assert run.exit_code == 0, run.stderr
    assert "nothing to do" in run.text
    assert job.extract().exit_code == 0
    assert snapshot(job.store) == before
    assert job.extract("--rehash").exit_code == 2
    assert job.extract("--rehash", "--trust-audio").exit_code == 2


def test_a_damaged_local_file_hides_nothing(job: Job) -> None:
    local = job.store / ".local"
    whole = local.read_bytes()
    overwrite(job.clip(CHANGED), 90)
    for size in [*range(0, 60, 7), *range(60, len(whole), 97)]:
        local.write_bytes(whole[:size])
        assert job.extract().exit_code == 2, size
    for offset in range(0, len(whole), 61):
        local.write_bytes(whole)
        flip_byte(local, offset)
        assert job.extract().exit_code == 2, offset
    local.unlink()
    os.mkfifo(local)
    assert job.extract().exit_code == 2
    assert job.extract("--update").exit_code == 0
    assert files_of(job.store) == job.fresh()


# Withdrawn rows.


def bytes_of_folder(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_of_a_withdrawn_row_no_byte_is_left(job: Job) -> None:
    rows = job.rows()
    rows[CHANGED]["text"] = "language English<asr_text>forget these words"
    job.write_rows(rows)
    assert job.extract("--update").exit_code == 0
    features = withdrawn_features(job)
    status = job.clip(CHANGED).stat()
    inode = status.st_ino.to_bytes(8, "little")
    traces = [b"forget these words", b"clip05.wav", features, inode]
    assert all(trace in bytes_of_folder(job.store) for trace in traces)
    job.write_rows(rows[:CHANGED] + rows[CHANGED + 1 :])
    assert job.extract("--update").exit_code == 0
    left = bytes_of_folder(job.store)
    assert [trace for trace in traces if trace in left] == []


def withdrawn_features(job: Job) -> bytes:
    """Some of a row's feature bytes, from a store of that row alone."""
    alone = job.folder / "alone"
    alone.mkdir()
    write_manifest(alone / "m.jsonl", [job.rows()[CHANGED]])
    run = run_melmill(
        "extract", "alone/m.jsonl", "--out", "one", cwd=job.folder
    )
    assert run.exit_code == 0, run.stderr
    [shard] = (job.folder / "one").glob("m.[0-9a-f]*.h5")
    return shard.read_bytes()[4096 : 4096 + 512]
