"""The command melmill report: its numbers and its page."""

import json
import os
import resource
import shutil
from pathlib import Path
from typing import Any

import pytest
from melmill._report.report_command import main
from support import (
    manifest_row,
    noise,
    run_melmill,
    write_manifest,
    write_wav,
)

SCRIPT = "<script>alert(1)</script>"


def numbers_of(store: Path, out: Path) -> dict[str, Any]:
    assert main([str(store), "--json", "-q", "-o", str(out)]) == 0
    numbers: dict[str, Any] = json.loads(out.read_text())
    return numbers


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_wav(folder / "a.wav", noise(16_000, 1))
    write_wav(folder / "b.wav", noise(8_000, 2), rate=8_000)
    write_wav(folder / "copy_of_a.wav", noise(16_000, 1))
    english = "language English<asr_text>"
    train = [
        manifest_row("a.wav", english + SCRIPT),
        manifest_row("b.wav", ""),
        manifest_row("missing.wav", "x"),
    ]
    write_manifest(folder / "train.jsonl", train)
    write_manifest(
        folder / "eval.jsonl", [manifest_row("copy_of_a.wav", english + "yes")]
    )
    write_manifest(folder / "none.jsonl", [manifest_row("missing.wav", "x")])
    names = ("train.jsonl", "eval.jsonl", "none.jsonl")
    run = run_melmill(
        "extract",
        *names,
        "--max-rejects",
        "2",
        "--out",
        folder / "store",
        cwd=folder,
    )
    assert (folder / "store" / "store.json").exists(), run.stderr
    return folder


def test_numbers_are_those_of_the_rows(folder: Path, tmp_path: Path) -> None:
    numbers = numbers_of(folder / "store", tmp_path / "a.json")
    hours = numbers["hours"]
    (all_rows,) = hours["by_split"]
    assert all_rows["splits"] == {
        "train": {"rows": 2, "hours": pytest.approx(2 / 3600)},
        "eval": {"rows": 1, "hours": pytest.approx(1 / 3600)},
        "none": {"rows": 0, "hours": 0},
    }
    rates = {
        e["name"]: e["splits"]["train"]["rows"] for e in hours["by_source_rate"]
    }
    assert rates == {"16,000 Hz": 1, "8,000 Hz": 1}
    assert numbers["texts"] == {
        "num_rows": 3,
        "num_without_transcript": 1,
        "num_without_language": 1,
    }
    speed = next(
        measure["quantiles"]
        for measure in numbers["measures"]
        if measure["name"] == "Characters per second"
    )
    assert speed["train"][3] == len(SCRIPT)
    assert speed["eval"][3] == 3


def test_leaks_are_found_by_samples(folder: Path, tmp_path: Path) -> None:
    repeats = numbers_of(folder / "store", tmp_path / "a.json")["repeats"]
    assert repeats["same audio"]["between_splits"]["num_groups"] == 0
    leaks = repeats["same samples"]["between_splits"]
    assert (leaks["num_groups"], leaks["num_rows"]) == (1, 2)
    (example,) = leaks["examples"]
    assert [row["audio"] for row in example["rows"]] == [
        "a.wav",
        "copy_of_a.wav",
    ]


def test_the_page_escapes_texts_and_has_audio(
    folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "a.html"
    root = ["--audio-root", str(folder)]
    assert main([str(folder / "store"), "-q", "-o", str(out), *root]) == 0
    page = out.read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "data:audio/wav;base64," in page
    assert page.count("<img") == page.count(" alt=")
    assert "not_found" in page


def test_audio_and_rejects_may_be_missing(folder: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(folder / "store", store)
    (store / "rejects.jsonl").unlink()
    out = tmp_path / "a.html"
    root = ["--audio-root", str(tmp_path)]
    assert main([str(store), "-q", "-o", str(out), *root]) == 0
    assert "<audio" not in out.read_text()
    assert "2 of them are not in rejects.jsonl" in out.read_text()


def test_a_full_disk_leaves_the_report_that_was_there(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a.json"
    out.write_text("an older report")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, hard))
    try:
        code = main([str(folder / "store"), "--json", "-q", "-o", str(out)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert code == 4
    assert "a.json" in capsys.readouterr().err
    assert out.read_text() == "an older report"
    assert list(tmp_path.iterdir()) == [out]


def test_an_output_that_cannot_be_is_refused_at_once(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for out, why in (
        (".", ". is a folder"),
        (str(folder), "is a folder"),
        ("none/a.html", "none/a.html: there is no folder none"),
    ):
        assert main([str(folder / "no store"), "-q", "-o", out]) == 2
        assert why in capsys.readouterr().err


def test_json_on_standard_output_needs_no_file(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "report.html").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main([str(folder / "store"), "--json", "-q"]) == 0
    assert json.loads(capsys.readouterr().out)["num_rows"] == 3


def test_a_folder_whose_name_is_not_utf_8(folder: Path, tmp_path: Path) -> None:
    store = tmp_path / os.fsdecode(b"st\xe9re")
    shutil.copytree(folder / "store", store)
    numbers = numbers_of(store, tmp_path / "a.json")
    assert numbers["store"].endswith("st\\xe9re")


def test_a_folder_without_a_store_is_refused(tmp_path: Path) -> None:
    assert main([str(tmp_path), "-q", "-o", str(tmp_path / "a.html")]) == 2
