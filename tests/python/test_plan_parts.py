"""melmill plan of long manifests: it goes on, and machines share it."""

import json
from pathlib import Path

import pytest
from support import (
    Run,
    files_of,
    make_clips,
    run_melmill,
    write_manifest,
)

OK, USAGE = 0, 2
NUM_LINES = 900
CHUNKS = 3  # of 16 MiB: a line has 48 KiB
FLAGS = ("train.jsonl", "eval.jsonl", "--keep", "note")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest of three chunks, and one of a line."""
    folder = tmp_path_factory.mktemp("corpus")
    clips = make_clips(folder, 9)
    rows = [
        {**clips[i % 9], "note": f"{i} " + "x" * (48 << 10)}
        for i in range(NUM_LINES)
    ]
    rows[100]["audio"] = "gone.wav"
    write_manifest(folder / "train.jsonl", rows)
    write_manifest(folder / "eval.jsonl", [{**clips[0], "note": ""}])
    return folder


def plan(corpus: Path, out: str, *flags: str, code: int = OK) -> Run:
    run = run_melmill("plan", *FLAGS, "--out", out, *flags, cwd=corpus)
    assert run.exit_code == code, run.text
    return run


def chunks(store: Path) -> list[str]:
    return sorted(path.name for path in (store / ".plan").iterdir())


@pytest.fixture(scope="module")
def one_run(corpus: Path) -> dict[str, bytes]:
    plan(corpus, "one")
    return files_of(corpus / "one")


def test_parts_share_a_plan(corpus: Path, one_run: dict[str, bytes]) -> None:
    store = corpus / "shared"
    run = plan(corpus, "shared", "--part", "1/3")
    assert "1 chunk of this part" in run.stdout
    assert "melmill plan with the same flags, but without --part" in run.stdout
    assert set(files_of(store)) == {f".plan/{name}" for name in chunks(store)}
    assert len(chunks(store)) == 1
    reports = [
        json.loads(plan(corpus, "shared", "--part", part, "--json").stdout)
        for part in ("3/3", "2/3")
    ]
    assert {report["status"] for report in reports} == {"plan_part_done"}
    assert [report["chunks"] for report in reports] == [2, 1]
    assert sum(report["rejected"] for report in reports) == 1
    run = plan(corpus, "shared")
    assert f"{NUM_LINES} of {NUM_LINES + 1} lines planned by earlier runs" in (
        run.stdout.replace(",", "")
    )
    assert files_of(store) == one_run


def test_info_tells_of_an_unfinished_plan(corpus: Path) -> None:
    plan(corpus, "begun", "--part", "0/3")
    run = run_melmill("info", "begun", cwd=corpus)
    assert run.exit_code == USAGE
    assert "its plan is not complete: run melmill plan" in run.text


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--part", "3/0"), "--part 3/0: give i/N"),
        (("--part", "-1/4"), "--part -1/4: give i/N"),
        (("--part", "3"), "--part 3: give i/N"),
        (("--part", "0/2", "--update"), "--update"),
    ],
)
def test_a_wrong_part_writes_nothing(
    corpus: Path, flags: tuple[str, ...], words: str
) -> None:
    run = plan(corpus, "wrong", *flags, code=USAGE)
    assert words in run.text
    assert not (corpus / "wrong").exists()


def test_a_missing_manifest_writes_nothing(corpus: Path) -> None:
    run = run_melmill(
        *("plan", "train.jsonl", "none.jsonl", "--out", "nothing"),
        *("--part", "0/2"),
        cwd=corpus,
    )
    assert run.exit_code == USAGE
    assert "none.jsonl" in run.text
    assert not (corpus / "nothing").exists()


def test_no_part_of_a_plan_that_is_there(
    corpus: Path, one_run: dict[str, bytes]
) -> None:
    run = plan(corpus, "one", "--part", "0/2", code=USAGE)
    assert "one has a plan already" in run.text
    assert files_of(corpus / "one") == one_run


def test_an_extraction_removes_an_unfinished_plan(corpus: Path) -> None:
    plan(corpus, "left", "--part", "0/3")
    run = run_melmill("extract", *FLAGS, "--out", "left", cwd=corpus)
    assert run.exit_code == OK, run.text
    assert not (corpus / "left" / ".plan").exists()
    assert "store.json" in files_of(corpus / "left")
