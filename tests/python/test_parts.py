"""melmill plan, extract --part and finish: a store made in parts."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support import (
    Run,
    files_of,
    make_clips,
    manifest_row,
    noise,
    run_melmill,
    snapshot,
    write_manifest,
    write_wav,
)

OK, USAGE, REJECTS, MACHINE = 0, 2, 3, 4
SMALL_SHARDS = ("--shard-size", "100KiB")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Two manifests of 26 clips, one rejected line and one of another rate."""
    rows = make_clips(tmp_path, 24)
    write_wav(tmp_path / "other.wav", noise(30_000), 44_100)
    write_manifest(
        tmp_path / "train.jsonl",
        [*rows[:16], manifest_row("other.wav"), manifest_row("gone.wav")],
    )
    write_manifest(tmp_path / "eval.jsonl", rows[12:])
    return tmp_path


def melmill(corpus: Path, *arguments: str, code: int = OK) -> Run:
    run = run_melmill(*arguments, cwd=corpus)
    assert run.exit_code == code, run.text
    return run


def make_plan(corpus: Path, *flags: str, out: str = "store") -> Path:
    names = ("train.jsonl", "eval.jsonl")
    melmill(corpus, "plan", *names, "--out", out, *SMALL_SHARDS, *flags)
    return corpus / out


def make_part(corpus: Path, part: str, *flags: str, code: int = OK) -> Run:
    part_flags = ("--out", "store", "--part", part)
    return melmill(corpus, "extract", *part_flags, *flags, code=code)


def finish(corpus: Path, *flags: str, code: int = OK) -> Run:
    return melmill(corpus, "finish", "--out", "store", *flags, code=code)


@pytest.fixture
def one_run(corpus: Path) -> dict[str, bytes]:
    """The files of the store that one run makes."""
    names = ("train.jsonl", "eval.jsonl")
    melmill(corpus, "extract", *names, "--out", "one", *SMALL_SHARDS)
    return files_of(corpus / "one")


def test_parts_make_the_store_of_one_run(
    corpus: Path, one_run: dict[str, bytes]
) -> None:
    store = make_plan(corpus)
    assert set(files_of(store)) == {"plan.h5", "job.json"}
    for part in ("2/3", "0/3", "1/3"):
        make_part(corpus, part)
    run = finish(corpus)
    assert files_of(store) == one_run
    assert "1 of 30 lines rejected" in run.stdout
    assert "gone.wav" in run.stdout


def test_parts_may_overlap_and_repeat(
    corpus: Path, one_run: dict[str, bytes]
) -> None:
    store = make_plan(corpus)
    for part in ("1/2", "3/5", "1/2", "0/1", "7/100"):
        make_part(corpus, part)
    finish(corpus)
    assert files_of(store) == one_run


def test_part_numbers_may_count_from_one(
    corpus: Path, one_run: dict[str, bytes]
) -> None:
    store = make_plan(corpus)
    for part in ("1/3", "2/3", "3/3"):
        make_part(corpus, part)
    finish(corpus)
    assert files_of(store) == one_run


def test_parts_need_neither_manifests_nor_the_working_folder(
    corpus: Path, one_run: dict[str, bytes]
) -> None:
    store = make_plan(corpus)
    hidden = corpus / "hidden.jsonl"
    (corpus / "train.jsonl").rename(hidden)
    flags = ("--out", store, "--part", "0/1")
    run = run_melmill("extract", *flags, cwd=Path("/"))
    assert run.exit_code == OK, run.text
    hidden.rename(corpus / "train.jsonl")
    assert run_melmill("finish", "--out", store, cwd=Path("/")).exit_code == OK
    assert files_of(store) == one_run


def test_audio_may_lie_elsewhere_on_another_machine(
    corpus: Path, one_run: dict[str, bytes]
) -> None:
    store = make_plan(corpus)
    moved = corpus / "moved"
    moved.mkdir()
    for path in corpus.glob("*.wav"):
        path.rename(moved / path.name)
    make_part(corpus, "0/1", "--audio-root", "moved")
    finish(corpus)
    assert files_of(store) == one_run


def test_finish_names_what_is_missing(
    corpus: Path, one_run: dict[str, bytes]
) -> None:
    store = make_plan(corpus)
    make_part(corpus, "1/3")
    run = finish(corpus, code=MACHINE)
    assert not (store / "store.json").exists()
    end = json.loads(finish(corpus, "--json", code=MACHINE).stdout)
    assert end["status"] == "shards_missing"
    assert f"--out store --shards {end['missing']}\n" in run.stderr
    shards = ("--out", "store", "--shards", end["missing"])
    melmill(corpus, "extract", *shards)
    finish(corpus)
    assert files_of(store) == one_run


def info(corpus: Path, *flags: str) -> str:
    run = run_melmill("info", "store", *flags, cwd=corpus)
    assert (run.exit_code, run.stderr) == (OK, "")
    return run.stdout


def test_info_shows_the_progress_of_all_parts(corpus: Path) -> None:
    store = make_plan(corpus)
    num_shards = json.loads(info(corpus, "--json"))["planned"]["shards"]
    assert num_shards >= 4
    assert info(corpus, "--missing") == f"0-{num_shards - 1}\n"
    make_part(corpus, "0/2")
    missing = ",".join(map(str, range(1, num_shards, 2)))
    assert info(corpus, "--missing") == f"{missing}\n"
    found = json.loads(info(corpus, "--json"))
    assert found["missing"] == missing
    assert found["in_work"]["files"] == 0
    assert found["in_work"]["seconds_since_write"] is None
    text = info(corpus)
    assert f"{(num_shards + 1) // 2} of {num_shards} shards made" in text
    assert "melmill extract --out store --part I/N" in text
    assert "in work" not in text
    make_part(corpus, "1/2")
    assert "to complete it: melmill finish --out store\n" in info(corpus)
    assert info(corpus, "--missing") == "\n"
    finish(corpus)
    assert info(corpus, "--missing") == "\n"
    assert not (store / "job.json").exists()


def test_info_shows_shards_in_work_and_in_doubt(corpus: Path) -> None:
    store = make_plan(corpus)
    (corpus / "clip20.wav").unlink()
    make_part(corpus, "0/1", code=MACHINE)
    shard = json.loads(doubt_of(store).read_text())["shard"]
    (store / f"{shard}.0123456789abcdef.tmp").write_bytes(bytes(1000))
    text = info(corpus)
    assert "in work, or left by processes that died: 1 file, 1.0 kB" in text
    assert "in doubt: 1 row could not be read:\n  eval line" in text
    found = json.loads(info(corpus, "--json"))
    assert found["in_work"]["bytes"] == 1000
    assert 0 <= found["in_work"]["seconds_since_write"] < 60
    (doubt,) = found["doubts"]
    assert (doubt["shard"], doubt["audio"]) == (shard, "clip20.wav")


def test_extract_completes_what_parts_began(
    corpus: Path, one_run: dict[str, bytes]
) -> None:
    store = make_plan(corpus)
    make_part(corpus, "0/2")
    names = ("train.jsonl", "eval.jsonl")
    melmill(corpus, "extract", *names, "--out", "store", *SMALL_SHARDS)
    assert files_of(store) == one_run


def test_parts_complete_what_extract_began(
    corpus: Path, one_run: dict[str, bytes]
) -> None:
    store = corpus / "store"
    shutil.copytree(corpus / "one", store)
    for name in ("store.json", next(n for n in one_run if "train." in n)):
        (store / name).unlink()
    make_plan(corpus)
    make_part(corpus, "0/1")
    finish(corpus)
    assert files_of(store) == one_run


def test_after_the_finish_nothing_changes(corpus: Path) -> None:
    store = make_plan(corpus)
    make_part(corpus, "0/1")
    finish(corpus)
    before = snapshot(store)
    make_part(corpus, "0/2")
    finish(corpus)
    make_plan(corpus)
    assert snapshot(store) == before


def test_a_later_run_does_not_read_what_other_machines_read(
    corpus: Path,
) -> None:
    store = make_plan(corpus)
    make_part(corpus, "0/1")
    finish(corpus)
    before = snapshot(store)
    names = ("train.jsonl", "eval.jsonl", "--out", "store")
    run = melmill(corpus, "extract", *names)
    assert "this machine has no record of it" in run.stderr
    melmill(corpus, "extract", *names, "--rehash")
    assert snapshot(store) == before


def test_a_plan_may_be_written_again(
    corpus: Path, one_run: dict[str, bytes]
) -> None:
    store = make_plan(corpus)
    make_part(corpus, "0/2")
    shards = set(files_of(store))
    (store / "job.json").unlink()
    run = make_part(corpus, "1/2", code=USAGE)
    assert "store has no job.json; run melmill plan first" in run.stderr
    make_plan(corpus)
    assert set(files_of(store)) == shards
    make_part(corpus, "1/2")
    finish(corpus)
    assert files_of(store) == one_run


def test_another_plan_needs_update(corpus: Path) -> None:
    store = make_plan(corpus)
    make_part(corpus, "0/2")
    before = snapshot(store)
    with (corpus / "eval.jsonl").open("a") as lines:
        lines.write(json.dumps(manifest_row("other.wav")) + "\n")
    names = ("plan", "train.jsonl", "eval.jsonl", "--out", "store")
    run = melmill(corpus, *names, *SMALL_SHARDS, code=USAGE)
    assert "--update applies the changes" in run.stderr
    assert snapshot(store) == before
    melmill(corpus, *names, *SMALL_SHARDS, "--update")
    make_part(corpus, "0/1")
    finish(corpus)
    manifests = ("train.jsonl", "eval.jsonl")
    melmill(corpus, "extract", *manifests, "--out", "new", *SMALL_SHARDS)
    assert files_of(store) == files_of(corpus / "new")


def test_a_manifest_that_changed_stops_the_finish(corpus: Path) -> None:
    make_plan(corpus)
    make_part(corpus, "0/1")
    with (corpus / "eval.jsonl").open("a") as lines:
        lines.write(json.dumps(manifest_row("other.wav")) + "\n")
    run = finish(corpus, code=MACHINE)
    assert "changed while melmill ran" in run.stderr


def test_a_damaged_shard_counts_as_missing(
    corpus: Path, one_run: dict[str, bytes]
) -> None:
    store = make_plan(corpus)
    make_part(corpus, "0/1")
    shard = next(store.glob("eval.*.h5"))
    shard.write_bytes(shard.read_bytes()[:-100])
    run = finish(corpus, code=MACHINE)
    assert f"damaged: {shard.name}" in run.stderr
    assert not shard.exists()
    make_part(corpus, "0/1")
    finish(corpus)
    assert files_of(store) == one_run


def test_another_machines_bits_are_refused(corpus: Path) -> None:
    store = make_plan(corpus)
    job = json.loads((store / "job.json").read_text())
    job["canary"][0][1] = "0" * 16
    (store / "job.json").write_text(json.dumps(job))
    before = snapshot(store)
    run = make_part(corpus, "0/1", code=USAGE)
    assert "computes other features" in run.stderr
    assert snapshot(store) == before


def test_a_job_of_another_plan_is_refused(corpus: Path) -> None:
    store = make_plan(corpus)
    other = make_plan(corpus, "--no-text", "--preset", "whisper", out="other")
    shutil.copy(other / "job.json", store / "job.json")
    for run in (
        make_part(corpus, "0/1", code=USAGE),
        finish(corpus, code=USAGE),
    ):
        assert "store/job.json is of another plan" in run.stderr


def test_rejects_beyond_the_limit_leave_no_plan(corpus: Path) -> None:
    flags = ("--out", "store", "--max-rejects", "0")
    names = ("train.jsonl", "eval.jsonl")
    run = melmill(corpus, "plan", *names, *flags, code=REJECTS)
    assert "more than --max-rejects 0 allows" in run.stderr
    assert not (corpus / "store").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--part", "3/0"), "--part 3/0: give i/N"),
        (("--part=-1/4",), "--part -1/4: give i/N"),
        (("--part", "3"), "--part 3: give i/N"),
        (("--shards", "4-2"), "--shards 4-2: give numbers and ranges"),
        (("--shards", "0-999"), "the plan has"),
        (("--part", "0/1", "train.jsonl"), "--part takes no manifest"),
        (("--part", "0/1", "--no-text"), "--no-text belongs to melmill plan"),
        (("--shards", "0", "--dtype", "f32"), "--dtype belongs to melmill"),
        (("--part", "0/1", "--update"), "--update belongs to melmill plan"),
        (("--part", "0/1", "--shards", "1"), "excludes"),
        (("--part", "0/1", "--grace", "-1"), "--grace must be 0 to"),
        (("--part", "0/1", "--simd", "none"), ""),
    ],
)
def test_wrong_flags_of_a_part(
    corpus: Path, flags: tuple[str, ...], message: str
) -> None:
    store = make_plan(corpus)
    before = snapshot(store)
    code = USAGE if message else OK
    run = melmill(corpus, "extract", "--out", "store", *flags, code=code)
    assert message in run.stderr
    assert (snapshot(store) == before) == (code == USAGE)


@pytest.mark.parametrize("command", [("extract", "--part", "0/1"), ("finish",)])
def test_parts_need_a_plan(corpus: Path, command: tuple[str, ...]) -> None:
    run = melmill(corpus, *command, "--out", "none", code=USAGE)
    assert "there is no such folder; run melmill plan first" in run.stderr
    (corpus / "empty").mkdir()
    run = melmill(corpus, *command, "--out", "empty", code=USAGE)
    assert "empty has no plan.h5; run melmill plan first" in run.stderr
    assert not list((corpus / "empty").iterdir())


def test_a_plan_needs_manifests_that_stay(corpus: Path) -> None:
    run = melmill(corpus, "plan", "train=-", "--out", "s", code=USAGE)
    assert "melmill finish will read this manifest again" in run.stderr
    assert not (corpus / "s").exists()


def test_a_row_that_a_part_cannot_read_waits_for_the_finish(
    corpus: Path, one_run: dict[str, bytes]
) -> None:
    store = make_plan(corpus)
    clip = corpus / "clip20.wav"
    clip.rename(corpus / "hidden.wav")
    run = make_part(corpus, "0/1", code=MACHINE)
    assert "this machine cannot read all of their audio" in run.stderr
    assert "clip20.wav" in run.stderr
    assert list(store.glob(".doubts.*"))
    (corpus / "hidden.wav").rename(clip)
    # One machine did all so far, so its word is enough to try again.
    finish(corpus)
    assert files_of(store) == one_run
    assert not list(store.glob(".doubts.*"))


def test_what_no_machine_can_read_is_rejected_by_the_finish(
    corpus: Path,
) -> None:
    store = make_plan(corpus, "--max-rejects", "2")
    (corpus / "clip20.wav").unlink()
    make_part(corpus, "0/1", code=MACHINE)
    make_part(corpus, "0/1", code=MACHINE)
    finish(corpus)
    assert [line["code"] for line in rejects(store)] == [
        "not_found",
        "io_error",
    ]


def rejected_text(run: Run) -> str:
    """How many lines were rejected, and why."""
    text = run.stdout
    return text[text.index("rejected ") : text.index(".wav: could not be")]


def test_a_finish_says_again_what_it_said_of_rejects(corpus: Path) -> None:
    store = make_plan(corpus)
    (corpus / "clip20.wav").unlink()
    make_part(corpus, "0/1", code=MACHINE)
    first = finish(corpus, code=REJECTS)
    before = snapshot(store)
    again = finish(corpus, code=REJECTS)
    assert "error: 2 of 30 lines rejected" in first.stderr
    assert first.stderr.endswith(again.stderr)
    assert "to accept them: --max-rejects 2\n" in again.stderr
    assert rejected_text(again) == rejected_text(first)
    assert "nothing to do: the store is complete" in again.stdout
    end = json.loads(finish(corpus, "--json", code=REJECTS).stdout)
    assert (end["lines"], end["rejected"]) == (30, 2)
    assert end["rejects"] == {"not_found": 1, "io_error": 1}
    finish(corpus, "--max-rejects", "2")
    finish(corpus, "--max-rejects", "1", code=REJECTS)
    run = finish(corpus, "--max-rejects", "x", code=USAGE)
    assert "--max-rejects x: give a number of lines" in run.stderr
    assert snapshot(store) == before


def test_a_finish_keeps_the_limit_of_its_plan(corpus: Path) -> None:
    """The last plan's, also when job.json is gone."""
    store = make_plan(corpus)
    make_plan(corpus, "--max-rejects", "2")
    (corpus / "clip20.wav").unlink()
    make_part(corpus, "0/1", code=MACHINE)
    for _ in range(2):
        finish(corpus)
    finish(corpus, "--max-rejects", "1", code=REJECTS)
    finish(corpus)
    (store / ".local").unlink()  # as of a store that was made elsewhere
    finish(corpus)
    finish(corpus, "--max-rejects", "1", code=REJECTS)


def test_a_finish_may_have_a_limit_of_its_own(corpus: Path) -> None:
    make_plan(corpus)
    (corpus / "clip20.wav").unlink()
    make_part(corpus, "0/1", code=MACHINE)
    finish(corpus, "--max-rejects", "2")


def test_extract_and_finish_agree_on_rejects(corpus: Path) -> None:
    """Of a row that only the extraction rejects."""
    soundfile.write(
        corpus / "clip20.wav",
        np.full(8000, np.nan, np.float32),
        16_000,
        subtype="FLOAT",
    )
    names = ("train.jsonl", "eval.jsonl", "--out", "store", *SMALL_SHARDS)
    for _ in range(2):
        melmill(corpus, "extract", *names, code=REJECTS)
        finish(corpus, code=REJECTS)
    melmill(corpus, "extract", *names, "--max-rejects", "2")
    finish(corpus, "--max-rejects", "2")


def test_rejects_that_cannot_be_read_are_a_fault(corpus: Path) -> None:
    store = make_plan(corpus)
    make_part(corpus, "0/1")
    finish(corpus)
    (store / "rejects.jsonl").write_text("{}\nno object\n")
    finish(corpus)
    (store / "rejects.jsonl").unlink()
    run = finish(corpus, code=MACHINE)
    assert "rejects.jsonl: " in run.stderr


def rejects(store: Path) -> list[dict[str, object]]:
    text = (store / "rejects.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def doubt_of(store: Path) -> Path:
    (path,) = store.glob(".doubts.*")
    return path


def test_one_machines_doubts_are_not_enough_where_others_work(
    corpus: Path,
) -> None:
    store = make_plan(corpus, "--max-rejects", "2")
    (corpus / "clip20.wav").unlink()
    make_part(corpus, "0/1", code=MACHINE)
    job = json.loads((store / "job.json").read_text())
    job["host"] = "another"
    (store / "job.json").write_text(json.dumps(job))
    run = finish(corpus, code=MACHINE)
    assert "1 row could not be read" in run.stderr
    assert "on any machine that can read the audio" in run.stderr
    doubts = doubt_of(store)
    doubt = json.loads(doubts.read_text())
    doubts.write_text(json.dumps({**doubt, "host": "another"}) + "\n")
    finish(corpus)
    assert rejects(store)[-1]["code"] == "io_error"


def test_many_doubts_are_no_rejects(corpus: Path) -> None:
    store = make_plan(corpus, "--max-rejects", "100%")
    doubt = {"split": "train", "audio": "a.wav", "message": "gone"}
    machine = {"host": "another", "boot_id": ""}
    make_part(corpus, "0/1")
    shard = next(store.glob("train.*.h5"))
    shard.unlink()
    lines = [
        json.dumps({"shard": shard.name, "line": line, **doubt, **machine})
        for line in range(1, 18)
    ]
    path = store / ".doubts.0123456789abcdef"
    path.write_text("\n".join(lines) + "\n")
    run = finish(corpus, code=MACHINE)
    assert "parts could not read 17 rows" in run.stderr
    path.write_text("\n".join(lines[:16]) + "\n")
    finish(corpus)
