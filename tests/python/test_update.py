"""Stores that follow their input, or that lost something."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from store_job import (
    MISSING,
    NOT_FINITE,
    SHARD_SIZE,
    TRUNCATED,
    Job,
    cut_off,
    flip_byte,
    pick_shard,
)
from support import (
    ANY_REJECTS,
    extract,
    files_of,
    manifest_row,
    noise,
    run_melmill,
    snapshot,
    write_manifest,
    write_wav,
)


@pytest.fixture
def job(store_job: Job) -> Job:
    """A copy of the finished job that a test may change."""
    return store_job


def test_second_run_does_nothing_and_says_so(job: Job) -> None:
    before = snapshot(job.folder)
    run = job.extract()
    assert run.exit_code == 0
    assert run.stdout.splitlines()[-3:] == [
        "nothing to do: the store is complete",
        "train on store/train.accepted.jsonl store/eval.accepted.jsonl",
        "3 of 30 lines rejected (10 %); store/rejects.jsonl has the reasons",
    ]
    # The lines that stay rejected are told again, those of all stages.
    assert "rejected 3 of 30 lines" in run.text
    for number in (TRUNCATED, NOT_FINITE, MISSING):
        assert f"train line {number + 1}: clip{number:02}.wav: " in run.stdout
    assert snapshot(job.folder) == before
    assert job.extract("--update").exit_code == 0
    assert snapshot(job.folder) == before


def test_touched_and_copied_files_are_the_same_input(job: Job) -> None:
    for path in job.folder.glob("*.wav"):
        shutil.copy(path, job.folder / "copy")
        (job.folder / "copy").rename(path)
    before = snapshot(job.store)
    assert "nothing to do" in job.extract().text
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
    lines = "line" if counts[0] == 1 else "lines"
    assert (
        f"since the store was made: {counts[0]} {lines} added, {counts[1]} "
        f"removed, {counts[2]} changed" in run.text
    )
    assert run.stderr.endswith(
        "error: the input has changed since store was made; nothing was "
        "written\n  --update applies the changes\n"
    )
    assert snapshot(job.store) == before

    run = job.extract("--update", "--json")
    assert run.exit_code == 0
    report = json.loads(run.stdout)
    expected = dict(zip(COUNTS, [*counts[:4], counts[4] == 1], strict=True))
    assert report["change"] == {**expected, "files_changed": 0}
    assert files_of(job.store) == fresh
    new_shards = job.shards()
    kept = [
        name for name in new_shards if old_shards.get(name) == new_shards[name]
    ]
    made = len(new_shards) - len(kept)
    assert made <= max_made
    assert (report["shards_made"], report["shards_kept"]) == (made, len(kept))
    # A shard whose name stays is rebuilt only for a row now accepted.
    assert len(old_shards.keys() & new_shards.keys()) - len(kept) == counts[3]
    assert run_melmill("verify", job.store).exit_code == 0
    after = snapshot(job.store)
    assert "nothing to do" in job.extract().text
    assert snapshot(job.store) == after


def test_shards_are_named_before_they_are_made(job: Job) -> None:
    append_line(job)
    run = job.extract()
    told = [line for line in run.text.splitlines() if "since the store" in line]
    updated = job.extract("--update", "--json")
    report = json.loads(updated.stdout)
    kept, made = report["shards_kept"], report["shards_made"]
    assert told[0].endswith(f"; {kept} shards to keep, {made} to make")


# Stores that something happened to.


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
    assert run.exit_code == 0
    report = json.loads(run.stdout)
    assert report["shards_made"] == 1
    assert report["shards_kept"] == len(others)
    assert files_of(job.store) == whole
    now = job.shards()
    assert {name: now[name] for name in others} == others


OTHER_FILES = [
    "store.json",
    "plan.h5",
    "rejects.jsonl",
    "train.rows.h5",
    "eval.accepted.jsonl",
]


@pytest.mark.parametrize("name", OTHER_FILES)
def test_lost_file_is_written_again_without_update(job: Job, name: str) -> None:
    whole = files_of(job.store)
    shards = job.shards()
    (job.store / name).unlink()
    run = job.extract()
    assert run.exit_code == 0, run.stderr
    assert files_of(job.store) == whole
    assert job.shards() == shards


@pytest.mark.parametrize("place", [0, 0.5, 1], ids=["start", "middle", "end"])
@pytest.mark.parametrize("name", OTHER_FILES)
def test_verify_resume_writes_a_damaged_file_again(
    job: Job, name: str, place: float
) -> None:
    whole = files_of(job.store)
    shards = job.shards()
    path = job.store / name
    flip_byte(path, round(place * (path.stat().st_size - 1)))
    run = job.extract("--verify-resume")
    assert run.exit_code == 0, run.stderr
    assert f"damaged: {name}: " in run.text
    assert "; rebuilt" in run.text
    assert files_of(job.store) == whole
    assert job.shards() == shards
    assert "nothing to do" in job.extract("--verify-resume").text


def test_damaged_file_is_in_the_json_report(job: Job) -> None:
    flip_byte(job.store / "rejects.jsonl", 5)
    report = json.loads(job.extract("--verify-resume", "--json").stdout)
    [damage] = report["damaged"]
    assert damage["file"] == "rejects.jsonl"
    assert report["shards_made"] == 0


def test_damaged_plan_of_another_contract_is_not_believed(job: Job) -> None:
    whole = files_of(job.store)
    plan = job.store / "plan.h5"
    data = plan.read_bytes()
    assert data.count(b'"hop_length":160') == 1
    plan.write_bytes(data.replace(b'"hop_length":160', b'"hop_length":161'))
    assert job.extract().exit_code == 0
    assert files_of(job.store) == whole


def test_damaged_index_does_not_hide_changed_input(job: Job) -> None:
    flip_byte(job.store / "store.json", 700)
    change_transcript(job)
    run = job.extract()
    assert run.exit_code == 2
    assert "--update applies the changes" in run.text


def test_what_changed_is_not_known_without_the_plan(job: Job) -> None:
    change_transcript(job)
    known = json.loads(job.extract("--json").stdout)["change"]
    assert (known["added"], known["gone"], known["changed"]) == (0, 0, 1)
    (job.store / "plan.h5").unlink()
    run = job.extract()
    assert run.exit_code == 2
    assert "which lines changed is not known without plan.h5" in run.text
    assert "0 lines added" not in run.text
    change = json.loads(job.extract("--json").stdout)["change"]
    for unknown in ("added", "gone", "changed", "reordered"):
        assert change[unknown] is None
    assert job.extract("--update").exit_code == 0


def test_left_over_files_of_a_dead_run_are_removed(job: Job) -> None:
    whole = files_of(job.store)
    assert job.extract("--dtype", "f32", out="other").exit_code == 0
    shards = list((job.folder / "other").glob("train.????????????.h5"))
    (job.store / "store.json").unlink()
    for shard in shards:
        shutil.copy(shard, job.store / shard.name)
    (job.store / f"{shards[0].name}.00112233445566ff.tmp").write_bytes(b"half")
    assert job.extract().exit_code == 0
    assert files_of(job.store) == whole


def test_files_that_melmill_did_not_make_stay(job: Job) -> None:
    whole = files_of(job.store)
    own = {
        "short.accepted.jsonl": whole["train.accepted.jsonl"][:500],
        "old.rows.h5": b"mine",
        "x.0123456789ab.h5": b"mine",
        "short.accepted.jsonl.tmp": b"mine",
    }
    for name, content in own.items():
        (job.store / name).write_bytes(content)
    assert job.extract().exit_code == 0
    assert files_of(job.store) == {**whole, **own}
    flip_byte(job.store / next(name for name in whole if ".h5" in name), 60)
    repair = run_melmill("verify", job.store, "--repair", cwd=job.folder)
    assert repair.exit_code == 0, repair.stdout
    assert files_of(job.store) == {**whole, **own}
    change_transcript(job)
    assert job.extract("--update").exit_code == 0
    assert {name: files_of(job.store)[name] for name in own} == own


# The same bytes.


@pytest.mark.parametrize("flag", ["--threads", "--io-threads"])
@pytest.mark.parametrize("value", ["1", "2", "7", "16"])
def test_numbers_of_threads_do_not_change_a_byte(
    job: Job, flag: str, value: str
) -> None:
    assert job.extract(flag, value, out="other").exit_code == 0
    assert files_of(job.folder / "other") == files_of(job.store)


@pytest.mark.parametrize("dtype", ["f32", "bf16", "u8"])
def test_types_are_the_same_bytes_with_one_thread_and_with_four(
    job: Job, dtype: str
) -> None:
    for value in ("1", "4"):
        run = job.extract("--dtype", dtype, "--threads", value, out=value)
        assert run.exit_code == 0
    assert files_of(job.folder / "1") == files_of(job.folder / "4")


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
        *ANY_REJECTS,
        "--out",
        "features",
        cwd=elsewhere,
    )
    assert run.exit_code == 0
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
