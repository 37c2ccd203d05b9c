"""Stores that follow their input, that were damaged, or that are asked."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from support import (
    Run,
    extract,
    files_of,
    last_line,
    make_clips,
    manifest_row,
    noise,
    read_json_lines,
    run_melmill,
    snapshot,
    write_manifest,
    write_wav,
)

NUM_CLIPS = 30
# About two rows.
SHARD_SIZE = "32KiB"

TRUNCATED = 3  # numbers of clips that are rejected at first
NOT_FINITE = 11
MISSING = 20


class Job:
    """A folder with clips, train.jsonl, eval.jsonl, and their store."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.store = folder / "store"

    def extract(self, *flags: str, out: str = "store") -> Run:
        manifests = sorted(self.folder.glob("*.jsonl"), reverse=True)
        return run_melmill(
            "extract",
            *(path.name for path in manifests),
            "--shard-size",
            SHARD_SIZE,
            "--out",
            out,
            *flags,
            cwd=self.folder,
        )

    def fresh(self) -> dict[str, bytes]:
        """The files of a store made anew from the input as it is."""
        assert self.extract(out="fresh").exit_code in (0, 3)
        return files_of(self.folder / "fresh")

    def clip(self, number: int) -> Path:
        return self.folder / f"clip{number:02}.wav"

    def rows(self) -> list[dict[str, Any]]:
        return read_json_lines(self.folder / "train.jsonl")

    def write_rows(self, rows: list[dict[str, Any]]) -> None:
        write_manifest(self.folder / "train.jsonl", rows)

    def shards(self) -> dict[str, tuple[int, int, int]]:
        """What tells whether a shard was written again, by its name."""
        seen = snapshot(self.store)
        return {name: seen[name] for name in seen if is_shard(name)}


def is_shard(name: str) -> bool:
    return (
        name.endswith(".h5")
        and not name.endswith(".rows.h5")
        and name != "plan.h5"
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job of two splits with three bad files, run once; not to be changed."""
    folder = tmp_path_factory.mktemp("finished")
    rows = make_clips(folder, NUM_CLIPS)
    job = Job(folder)
    write_manifest(folder / "train.jsonl", rows[:24])
    write_manifest(folder / "eval.jsonl", rows[24:])
    with job.clip(TRUNCATED).open("r+b") as clip:
        clip.truncate(5000)
    samples = noise(6000, seed=NOT_FINITE)
    samples[77] = np.inf
    write_wav(job.clip(NOT_FINITE), samples, subtype="FLOAT")
    job.clip(MISSING).unlink()
    assert job.extract().exit_code == 3
    assert len(job.shards()) >= 8
    return folder


@pytest.fixture
def job(finished: Path, tmp_path: Path) -> Job:
    """A copy of the finished job that a test may change."""
    folder = tmp_path / "job"
    shutil.copytree(finished, folder)
    return Job(folder)


def test_second_run_does_nothing_and_says_so(job: Job) -> None:
    before = snapshot(job.folder)
    run = job.extract()
    assert run.exit_code == 3
    assert last_line(run.stderr) == (
        "nothing to do: the store is complete; train on "
        "store/train.accepted.jsonl store/eval.accepted.jsonl"
    )
    # The lines that stay rejected are told again, those of all stages.
    assert "rejected 3 of 30 lines" in run.stderr
    for number in (TRUNCATED, NOT_FINITE, MISSING):
        assert f"train line {number + 1}: clip{number:02}.wav: " in run.stderr
    assert snapshot(job.folder) == before
    assert job.extract("--update").exit_code == 3
    assert snapshot(job.folder) == before


def test_touched_and_copied_files_are_the_same_input(job: Job) -> None:
    for path in job.folder.glob("*.wav"):
        shutil.copy(path, job.folder / "copy")
        (job.folder / "copy").rename(path)
    before = snapshot(job.store)
    assert "nothing to do" in job.extract().stderr
    assert snapshot(job.store) == before


def change_transcript(job: Job) -> None:
    rows = job.rows()
    rows[8]["text"] = "language English<asr_text>something else"
    job.write_rows(rows)


def append_line(job: Job) -> None:
    write_wav(job.clip(90), noise(9000, seed=90))
    job.write_rows([*job.rows(), manifest_row("clip90.wav")])


def insert_line(job: Job) -> None:
    write_wav(job.clip(90), noise(9000, seed=90))
    rows = job.rows()
    job.write_rows([*rows[:12], manifest_row("clip90.wav"), *rows[12:]])


def remove_line(job: Job) -> None:
    rows = job.rows()
    job.write_rows(rows[:6] + rows[7:])


def remove_first_line(job: Job) -> None:
    job.write_rows(job.rows()[1:])


def insert_blank_line(job: Job) -> None:
    manifest = job.folder / "train.jsonl"
    manifest.write_text("\n" + manifest.read_text())


def repair_truncated_file(job: Job) -> None:
    write_wav(job.clip(TRUNCATED), noise(7000, seed=TRUNCATED))


def repair_not_finite_file(job: Job) -> None:
    samples = noise(6000, seed=NOT_FINITE)
    write_wav(job.clip(NOT_FINITE), samples, subtype="FLOAT")


def bring_missing_file(job: Job) -> None:
    write_wav(job.clip(MISSING), noise(7000, seed=MISSING))


def replace_file_by_longer_one(job: Job) -> None:
    write_wav(job.clip(15), noise(20000, seed=15))


def damage_file(job: Job) -> None:
    with job.clip(15).open("r+b") as clip:
        clip.truncate(3000)


def swap_neighbours(job: Job) -> None:
    rows = job.rows()
    job.write_rows([*rows[:5], rows[6], rows[5], *rows[7:]])


def turn_around(job: Job) -> None:
    job.write_rows(job.rows()[::-1])


def change_much(job: Job) -> None:
    change_transcript(job)
    append_line(job)
    bring_missing_file(job)
    repair_not_finite_file(job)
    remove_first_line(job)


def remove_split(job: Job) -> None:
    (job.folder / "eval.jsonl").unlink()


def add_split(job: Job) -> None:
    rows = [manifest_row("clip00.wav"), manifest_row("clip01.wav")]
    write_manifest(job.folder / "dev.jsonl", rows)


# What is done, lines added, gone, changed, mended and whether lines moved,
# and the most shards that may be made.
CHANGES: dict[str, tuple[Callable[[Job], None], list[int], int]] = {
    "changed_transcript": (change_transcript, [0, 0, 1, 0, 0], 0),
    "appended_line": (append_line, [1, 0, 0, 0, 0], 2),
    "inserted_line": (insert_line, [1, 0, 0, 0, 0], 3),
    "removed_line": (remove_line, [0, 1, 0, 0, 0], 2),
    "removed_first_line": (remove_first_line, [0, 1, 0, 0, 0], 2),
    "inserted_blank_line": (insert_blank_line, [0, 0, 0, 0, 1], 0),
    "repaired_truncated": (repair_truncated_file, [0, 0, 1, 0, 0], 3),
    "repaired_not_finite": (repair_not_finite_file, [0, 0, 0, 1, 0], 1),
    "missing_file_came": (bring_missing_file, [0, 0, 1, 0, 0], 3),
    "longer_file": (replace_file_by_longer_one, [0, 0, 1, 0, 0], 3),
    "damaged_file": (damage_file, [0, 0, 1, 0, 0], 3),
    "swapped_neighbours": (swap_neighbours, [0, 0, 0, 0, 1], 3),
    "turned_around": (turn_around, [0, 0, 0, 0, 1], 99),
    "all_at_once": (change_much, [1, 1, 2, 1, 0], 7),
    "removed_split": (remove_split, [0, 6, 0, 0, 0], 0),
    "added_split": (add_split, [2, 0, 0, 0, 0], 1),
}
COUNTS = ["added", "gone", "changed", "mended", "reordered"]


@pytest.mark.parametrize(
    ("change", "counts", "max_made"), CHANGES.values(), ids=CHANGES
)
def test_changed_input_is_followed_with_update_alone(
    job: Job, change: Callable[[Job], None], counts: list[int], max_made: int
) -> None:
    change(job)
    fresh = job.fresh()
    before = snapshot(job.store)
    old_shards = job.shards()

    run = job.extract()
    assert run.exit_code == 2
    assert (
        f"against the store as it is: {counts[0]} lines added, {counts[1]} "
        f"gone, {counts[2]} changed" in run.stderr
    )
    assert last_line(run.stderr) == (
        "store was made from another input: nothing was changed; --update "
        "makes it follow"
    )
    assert snapshot(job.store) == before

    run = job.extract("--update", "--json")
    assert run.exit_code in (0, 3)
    report = json.loads(run.stdout)
    assert report["change"] == dict(
        zip(COUNTS, [*counts[:4], counts[4] == 1], strict=True)
    )
    assert files_of(job.store) == fresh
    new_shards = job.shards()
    kept = [
        name for name in new_shards if old_shards.get(name) == new_shards[name]
    ]
    made = len(new_shards) - len(kept)
    assert made <= max_made
    assert (report["shards_made"], report["shards_kept"]) == (made, len(kept))
    # A shard whose name stays is made again only for a mended row.
    assert len(old_shards.keys() & new_shards.keys()) - len(kept) == counts[3]
    assert run_melmill("verify", job.store).exit_code == 0
    after = snapshot(job.store)
    assert "nothing to do" in job.extract().stderr
    assert snapshot(job.store) == after


def test_shards_are_named_before_they_are_made(job: Job) -> None:
    append_line(job)
    run = job.extract()
    told = [line for line in run.stderr.splitlines() if "shards kept" in line]
    updated = job.extract("--update", "--json")
    report = json.loads(updated.stdout)
    kept, made = report["shards_kept"], report["shards_made"]
    assert told[0].endswith(f"; {kept} shards kept, {made} to make")


# Stores that something happened to.


def pick_shard(job: Job, number: int = 4) -> Path:
    return job.store / sorted(job.shards())[number]


def cut_off(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)


def flip_byte(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 0x10
    path.write_bytes(data)


@pytest.mark.parametrize(
    "damage", [Path.unlink, cut_off], ids=["deleted", "truncated"]
)
def test_lost_shard_is_made_again_without_update(
    job: Job, damage: Callable[[Path], None]
) -> None:
    whole = files_of(job.store)
    shard = pick_shard(job)
    others = {
        name: seen for name, seen in job.shards().items() if name != shard.name
    }
    damage(shard)
    run = job.extract("--json")
    assert run.exit_code == 3
    report = json.loads(run.stdout)
    assert report["shards_made"] == 1
    assert report["shards_kept"] == len(others)
    assert files_of(job.store) == whole
    now = job.shards()
    assert {name: now[name] for name in others} == others


@pytest.mark.parametrize(
    "name",
    [
        "store.json",
        "plan.h5",
        "rejects.jsonl",
        "train.rows.h5",
        "eval.accepted.jsonl",
    ],
)
def test_lost_file_is_written_again_without_update(job: Job, name: str) -> None:
    whole = files_of(job.store)
    shards = job.shards()
    (job.store / name).unlink()
    run = job.extract()
    assert run.exit_code == 3, run.stderr
    assert files_of(job.store) == whole
    assert job.shards() == shards


def test_left_over_files_of_a_dead_run_are_removed(job: Job) -> None:
    whole = files_of(job.store)
    (job.store / "store.json").unlink()
    (job.store / "train.0123456789ab.h5").write_bytes(b"of another plan")
    (job.store / "train.0123456789ab.h5.tmp").write_bytes(b"half")
    (job.store / "old.rows.h5").write_bytes(b"of a split that is gone")
    assert job.extract().exit_code == 3
    assert files_of(job.store) == whole


# verify


def verify(store: Path) -> tuple[int, list[str]]:
    """Exit code, and what was damaged."""
    run = run_melmill("verify", store)
    assert ("makes them anew" in run.stderr) == (run.exit_code == 1)
    lines = run.stdout.splitlines()
    damaged = [line for line in lines if line.startswith("damaged: ")]
    assert len(damaged) == len(lines) - 1
    return run.exit_code, damaged


def test_verify_of_a_whole_store_passes(job: Job) -> None:
    assert verify(job.store) == (0, [])
    run = run_melmill("verify", job.store)
    num_files = len(job.shards()) + 5
    assert run.stdout.startswith(f"{num_files} files, 27 rows, ")
    assert "every checksum is right" in run.stdout


def test_verify_names_the_row_of_a_damaged_feature(job: Job) -> None:
    # The store's own columns say which line has which bytes.
    index = json.loads((job.store / "store.json").read_text())
    with h5py.File(job.store / "train.rows.h5") as table:
        row = 9
        line = int(table["line"][row])
        start = int(table["start"][row])
        entry = index["shards"][int(table["shard"][row])]
    with h5py.File(job.store / entry["file"]) as file:
        features = file["features"]
        offset = features.id.get_offset() + start * 128 * 2 + 300
        assert features.shape[0] > start + 1
    flip_byte(job.store / entry["file"], offset)
    exit_code, damaged = verify(job.store)
    assert exit_code == 1
    audio = job.rows()[line - 1]["audio"]
    [text] = damaged
    assert entry["file"] in text
    assert f"(train line {line}: {audio})" in text


@pytest.mark.parametrize(
    "column",
    [
        "start",
        "num_frames",
        "num_samples",
        "body_max",
        "floor",
        "status",
        "checksum",
        "source_checksum",
        "tail_samples",
    ],
)
def test_verify_finds_a_flip_in_a_shard_column(job: Job, column: str) -> None:
    shard = pick_shard(job)
    with h5py.File(shard) as file:
        offset = file[column].id.get_offset()
    flip_byte(shard, offset)
    exit_code, damaged = verify(job.store)
    assert exit_code == 1
    assert [shard.name in text for text in damaged] == [True]


@pytest.mark.parametrize(
    "name",
    [
        "train.rows.h5",
        "eval.rows.h5",
        "train.accepted.jsonl",
        "eval.accepted.jsonl",
        "rejects.jsonl",
    ],
)
@pytest.mark.parametrize("place", [0, 0.5, 1], ids=["start", "middle", "end"])
def test_verify_finds_a_flip_in_every_other_file(
    job: Job, name: str, place: float
) -> None:
    path = job.store / name
    flip_byte(path, round(place * (path.stat().st_size - 1)))
    exit_code, damaged = verify(job.store)
    assert exit_code == 1
    assert [f"damaged: {name}: " in text for text in damaged] == [True]


@pytest.mark.parametrize(
    "damage", [Path.unlink, cut_off], ids=["missing", "truncated"]
)
@pytest.mark.parametrize("name", ["shard", "train.rows.h5", "rejects.jsonl"])
def test_verify_names_a_lost_file(
    job: Job, damage: Callable[[Path], None], name: str
) -> None:
    path = pick_shard(job) if name == "shard" else job.store / name
    damage(path)
    exit_code, damaged = verify(job.store)
    assert exit_code == 1
    assert [f"damaged: {path.name}: " in text for text in damaged] == [True]


def test_verify_names_two_swapped_shards(job: Job) -> None:
    one, other = pick_shard(job, 2), pick_shard(job, 3)
    one.rename(job.store / "swap")
    other.rename(one)
    (job.store / "swap").rename(other)
    exit_code, damaged = verify(job.store)
    assert exit_code == 1
    assert len(damaged) == 2
    assert all(
        any(f"damaged: {name}: " in text for text in damaged)
        for name in (one.name, other.name)
    )


def test_verify_finds_a_contract_that_is_not_that_of_the_shards(
    job: Job,
) -> None:
    index = job.store / "store.json"
    text = index.read_text()
    assert text.count('"sample_rate_hz": 16000') == 1
    index.write_text(
        text.replace('"sample_rate_hz": 16000', '"sample_rate_hz": 16001')
    )
    exit_code, damaged = verify(job.store)
    assert exit_code == 1
    assert len(damaged) == len(job.shards())


@pytest.mark.parametrize("text", ["", "{}", '{"format": {"name": "x"}}', "\0"])
def test_verify_refuses_an_index_it_cannot_read(job: Job, text: str) -> None:
    (job.store / "store.json").write_text(text)
    for command in ("verify", "info"):
        run = run_melmill(command, job.store)
        assert run.exit_code == 2
        assert "store.json" in run.stderr


def make_unfinished(job: Job) -> None:
    (job.store / "store.json").unlink()
    pick_shard(job).unlink()


def test_verify_of_an_unfinished_store_exits_with_2(job: Job) -> None:
    make_unfinished(job)
    run = run_melmill("verify", job.store)
    assert run.exit_code == 2
    assert "not a complete store" in run.stderr
    assert "melmill info" in run.stderr


# info


def test_info_says_what_a_store_holds(job: Job) -> None:
    run = run_melmill("info", job.store)
    assert (run.exit_code, run.stderr) == (0, "")
    assert f"complete, format 1.0, {len(job.shards())} shards" in run.stdout
    assert "train: 21 rows" in run.stdout
    assert "; 3 lines rejected" in run.stdout
    assert "eval: 6 rows" in run.stdout
    assert '"n_mels":128' in run.stdout


def test_info_says_how_far_an_unfinished_store_is(job: Job) -> None:
    num_shards = len(job.shards())
    with h5py.File(pick_shard(job)) as shard:
        num_rows = len(shard["status"])
    make_unfinished(job)
    run = run_melmill("info", job.store)
    assert (run.exit_code, run.stderr) == (0, "")
    # 28 were planned: that one has no finite samples shows later.
    assert (
        f"UNFINISHED: {num_shards - 1} of {num_shards} shards made "
        f"({28 - num_rows} of 28 rows)" in run.stdout
    )
    assert "splits: train, eval" in run.stdout
    assert "30 manifest lines" in run.stdout


@pytest.mark.parametrize("command", ["info", "verify"])
@pytest.mark.parametrize("name", ["clip00.wav", "gone", "."])
def test_what_is_no_store_exits_with_2(
    job: Job, command: str, name: str
) -> None:
    run = run_melmill(command, job.folder / name)
    assert run.exit_code == 2
    assert "not a" in run.stderr
    assert run.stdout == ""


# The same bytes.


@pytest.mark.parametrize("flag", ["--threads", "--io-threads"])
@pytest.mark.parametrize("value", ["1", "2", "7", "16"])
def test_numbers_of_threads_do_not_change_a_byte(
    job: Job, flag: str, value: str
) -> None:
    assert job.extract(flag, value, out="other").exit_code == 3
    assert files_of(job.folder / "other") == files_of(job.store)


def test_folders_do_not_change_a_byte(job: Job, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    run = run_melmill(
        "extract",
        f"train={job.folder}/train.jsonl",
        "../job/eval.jsonl",
        "--audio-root",
        job.folder,
        "--shard-size",
        SHARD_SIZE,
        "--out",
        "features",
        cwd=elsewhere,
    )
    assert run.exit_code == 3
    assert files_of(elsewhere / "features") == files_of(job.store)


@pytest.mark.parametrize("size", ["1B", "1GiB"])
def test_shard_size_does_not_change_what_is_stored(job: Job, size: str) -> None:
    write_manifest(job.folder / "good.jsonl", job.rows()[:3])
    a, b = (
        extract(
            job.folder / out,
            "good.jsonl",
            "--shard-size",
            shard_size,
            cwd=job.folder,
        ).rows()
        for out, shard_size in (("a", SHARD_SIZE), ("b", size))
    )
    for one, other in zip(a, b, strict=True):
        assert one.features.tobytes() == other.features.tobytes()
        assert one.audio == other.audio
