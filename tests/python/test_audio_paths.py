"""Rows whose audio is at a URL are read from the path of a local copy."""

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import pytest
from support import (
    ANY_REJECTS,
    Store,
    extract,
    files_of,
    manifest_row,
    noise,
    read_json_lines,
    read_strings,
    run_melmill,
    snapshot,
    write_manifest,
    write_wav,
)

Json = dict[str, object]
TEXT = "language English<asr_text>x"
NUM_CLIPS = 6
FLAGS = ["--shard-size", "1B"]  # a shard for each row


def url(number: int) -> str:
    return f"s3://bucket/{number}.wav"


def staged(folder: str, **more: object) -> list[Json]:
    """The lines of a manifest that was staged to a folder."""
    return [
        manifest_row(url(number), TEXT)
        | {"audio_path": f"{folder}/{number}.wav"}
        | more
        for number in range(NUM_CLIPS)
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Folders a and b with the same clips, and in.jsonl staged to a."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(NUM_CLIPS):
            samples = noise(3000 + 500 * number, seed=number)
            write_wav(tmp_path / name / f"{number}.wav", samples)
    write_manifest(tmp_path / "in.jsonl", staged("a"))
    return tmp_path


def shards_of(store: Path) -> dict[str, bytes]:
    return {
        name: content
        for name, content in files_of(store).items()
        if name.startswith("in.") and len(name.split(".")[1]) == 12
    }


def table_of(store: Path) -> dict[str, list[str]]:
    with h5py.File(store / "in.rows.h5") as table:
        names = ("audio", "audio_path")
        return {name: read_strings(table, name) for name in names}


def test_the_url_is_the_name_and_the_path_is_read(folder: Path) -> None:
    store = extract(folder / "store", "in.jsonl", cwd=folder)
    assert store.index["format"] == {"name": "melmill", "major": 1, "minor": 3}
    rows = staged("a")
    assert table_of(folder / "store") == {
        name: [row[name] for row in rows] for name in ("audio", "audio_path")
    }
    accepted = read_json_lines(folder / "store/in.accepted.jsonl")
    assert accepted == rows
    local = [
        manifest_row(f"a/{number}.wav", TEXT) for number in range(NUM_CLIPS)
    ]
    write_manifest(folder / "local.jsonl", local)
    other = extract(folder / "local", "local.jsonl", cwd=folder)
    for one, two in zip(store.rows(), other.rows(), strict=True):
        assert one.single.tobytes() == two.single.tobytes()


def test_reports_say_which_rows_have_a_path(folder: Path) -> None:
    rows = [*staged("a"), manifest_row("b/0.wav", TEXT)]
    write_manifest(folder / "in.jsonl", rows)
    run = run_melmill("validate", "in.jsonl", cwd=folder)
    words = "6 rows have audio at URLs and are read from their audio_path\n"
    assert words in run.stdout
    assert "not stored" not in run.stderr
    run = run_melmill("extract", "in.jsonl", "-o", "s", "--json", cwd=folder)
    assert json.loads(run.stdout)["audio_paths"] == NUM_CLIPS
    shown = run_melmill("show", "s", "--row", "1", cwd=folder).stdout
    assert f"audio     {url(1)}\nfile      a/1.wav\n" in shown
    one, last = read_shown(folder, url(1)), read_shown(folder, "b/0.wav")
    assert one["audio_path"] == "a/1.wav"
    assert "audio_path" not in last


def read_shown(folder: Path, audio: str) -> Any:
    words = ("show", "s", "--audio", audio, "--jsonl")
    return json.loads(run_melmill(*words, cwd=folder).stdout)


def test_two_folders_give_the_same_shards(folder: Path) -> None:
    """Whatever the number of threads."""
    extract(folder / "one", "in.jsonl", *FLAGS, "--threads", "1", cwd=folder)
    write_manifest(folder / "in.jsonl", staged("b"))
    extract(folder / "two", "in.jsonl", *FLAGS, "--threads", "2", cwd=folder)
    shards = shards_of(folder / "one")
    assert len(shards) == NUM_CLIPS
    assert shards == shards_of(folder / "two")
    assert table_of(folder / "two")["audio_path"][0] == "b/0.wav"
    plans = [
        json.loads((folder / name / "store.json").read_text())["plan"]
        for name in ("one", "two")
    ]
    assert plans[0] != plans[1]


def test_restaging_keeps_shards_of_the_same_audio(folder: Path) -> None:
    """A copy with other samples and the same header is noticed."""
    extract(folder / "store", "in.jsonl", *FLAGS, cwd=folder)
    before = snapshot(folder / "store")
    write_wav(folder / "b/2.wav", noise(4000, seed=99))
    write_manifest(folder / "in.jsonl", staged("b"))
    command = ("extract", "in.jsonl", *FLAGS, "--out", "store")
    refused = run_melmill(*command, cwd=folder)
    assert refused.exit_code == 2
    assert snapshot(folder / "store") == before
    updated = run_melmill(*command, "--update", cwd=folder)
    assert updated.exit_code == 0, updated.stderr
    assert "1 file with other audio of the same size" in updated.stdout
    after = snapshot(folder / "store")
    names = list(shards_of(folder / "store"))
    kept = [name for name in names if after[name] == before.get(name)]
    assert len(kept) == NUM_CLIPS - 1
    extract(folder / "fresh", "in.jsonl", *FLAGS, cwd=folder)
    assert files_of(folder / "store") == files_of(folder / "fresh")


def test_care_of_a_store_reads_the_paths(folder: Path) -> None:
    """Also where they start elsewhere now."""
    extract(folder / "store", "in.jsonl", *FLAGS, cwd=folder)
    shards = shards_of(folder / "store")
    for name in shards:
        (folder / "store" / name).unlink()
    repair = ("verify", "store", "--repair")
    (folder / "moved").mkdir()
    shutil.move(folder / "a", folder / "moved/a")
    lost = run_melmill(*repair, cwd=folder)
    assert lost.exit_code == 1
    words = f"the first, {url(0)}, was looked for as a/0.wav (relative paths"
    assert words in lost.stdout
    made = run_melmill(*repair, "--audio-root", "moved", cwd=folder)
    assert made.exit_code == 0, made.text
    assert shards_of(folder / "store") == shards
    compare = ("verify", "store", "--against-audio", "99")
    lost = run_melmill(*compare, cwd=folder)
    assert lost.exit_code == 2
    assert words in lost.stderr
    same = run_melmill(*compare, "--audio-root", "moved", cwd=folder)
    assert "every byte is the same" in same.stdout
    write_wav(folder / "moved/a/3.wav", noise(4500, seed=99))
    other = run_melmill(*compare, "--audio-root", "moved", cwd=folder)
    assert other.exit_code == 1
    assert f"line 4: {url(3)}" in other.stdout


@pytest.mark.parametrize("flags", [[], ["--keep", "audio_path"]])
def test_training_manifests_can_be_extracted_again(
    folder: Path, flags: list[str]
) -> None:
    rows = [row | {"text": "x"} for row in staged("a")]
    write_manifest(folder / "in.jsonl", rows)
    flags = ["--language", "en", *flags]
    extract(folder / "store", "in.jsonl", *flags, cwd=folder)
    training = folder / "store/in.training.jsonl"
    text = f'{{"audio":"{url(0)}","audio_path":"a/0.wav","text":"{TEXT}"}}\n'
    assert training.read_text().startswith(text)
    again = extract(folder / "again", f"in={training}", *FLAGS, cwd=folder)
    assert len(again.rows()) == NUM_CLIPS


def test_pieces_of_audio_at_urls_are_cut(folder: Path) -> None:
    segment = {"start_sample": 100, "num_samples": 2000}
    write_manifest(folder / "in.jsonl", staged("a", **segment))
    store = extract(folder / "store", "in.jsonl", cwd=folder)
    assert store.index["format"] == {"name": "melmill", "major": 2, "minor": 3}
    assert table_of(folder / "store")["audio_path"][5] == "a/5.wav"
    run = run_melmill("verify", "store", "--against-audio", "99", cwd=folder)
    assert "every byte is the same" in run.stdout, run.stderr
    rows = [
        manifest_row(f"a/{n}.wav", TEXT) | segment for n in range(NUM_CLIPS)
    ]
    write_manifest(folder / "local.jsonl", rows)
    other = extract(folder / "local", "local.jsonl", cwd=folder)
    for one, two in zip(store.rows(), other.rows(), strict=True):
        assert one.single.tobytes() == two.single.tobytes()


# Bad input.


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({}, "not_found", "cannot be opened: No such file or directory"),
        (
            {"audio_path": None},
            "not_found",
            "cannot be opened: No such file or directory",
        ),
        ({"audio_path": ""}, "bad_audio", '"audio_path" is empty'),
        ({"audio_path": 5}, "bad_audio", '"audio_path" is not a string'),
        ({"audio_path": ["a"]}, "bad_audio", '"audio_path" is not a string'),
        (
            {"audio_path": "a\0b"},
            "bad_audio",
            '"audio_path" holds a NUL character',
        ),
        (
            {"audio_path": "a/no.wav"},
            "not_found",
            "a/no.wav: cannot be opened: No such file or directory",
        ),
        ({"audio_path": "a"}, "is_directory", "a: is a directory"),
        ({"audio_path": "in.jsonl"}, "not_wav", None),
        (
            {"audio_path": url(1)},
            "not_found",
            f"{url(1)}: cannot be opened: No such file or directory",
        ),
    ],
)
def test_bad_paths_are_rejected(
    folder: Path, fields: Json, code: str, message: str | None
) -> None:
    rows = [*staged("a"), manifest_row(url(9), TEXT) | fields]
    write_manifest(folder / "in.jsonl", rows)
    words = ("extract", "in.jsonl", *ANY_REJECTS, "--out", "store")
    run = run_melmill(*words, cwd=folder)
    assert run.exit_code == 0, run.stderr
    (reject,) = read_json_lines(folder / "store/rejects.jsonl")
    assert (reject["line"], reject["audio"]) == (7, url(9))
    assert reject["code"] == code
    assert message in (None, reject["message"])


def test_hints_are_about_the_path(folder: Path) -> None:
    write_manifest(folder / "in.jsonl", staged("a"))
    lost = run_melmill("validate", folder / "in.jsonl", cwd=folder / "b")
    assert lost.exit_code == 2
    assert f"a/0.wav was looked for as {folder}/b/a/0.wav\n" in lost.stderr
    assert f"but it lies below {folder}: --audio-root" in lost.stderr
    found = run_melmill(
        *("validate", folder / "in.jsonl", "--audio-root", folder),
        cwd=folder / "b",
    )
    assert found.exit_code == 0, found.stderr
    (folder / "a/0.wav").unlink()
    found = run_melmill("validate", "in.jsonl", cwd=folder)
    place = f"in line 1: {url(0)}: tried {folder}/a/0.wav\n"
    assert place in found.stdout


def test_without_paths_staging_is_named(folder: Path) -> None:
    rows = [manifest_row(url(number), TEXT) for number in range(3)]
    write_manifest(folder / "in.jsonl", rows)
    refused = run_melmill("validate", "in.jsonl", cwd=folder)
    assert refused.exit_code == 2
    assert "melmill stage copies those of URLs here first" in refused.stderr


# Other manifests.


def without_paths(store: Store) -> None:
    assert "audio_paths" not in store.index
    for name in ("in.rows.h5", "plan.h5"):
        with h5py.File(store.folder / name) as file:
            assert "audio_path_bytes" not in file


@pytest.mark.parametrize("value", ["b/0.wav", "", 5, None, {"a": 1}])
def test_the_field_means_nothing_beside_a_local_path(
    folder: Path, value: object
) -> None:
    rows = [
        manifest_row(f"a/{number}.wav", TEXT) | {"audio_path": value}
        for number in range(NUM_CLIPS)
    ]
    write_manifest(folder / "in.jsonl", rows)
    store = extract(folder / "store", "in.jsonl", cwd=folder)
    without_paths(store)
    for row in rows:
        row["other"] = row.pop("audio_path")
    write_manifest(folder / "in.jsonl", rows)
    extract(folder / "other", "in.jsonl", cwd=folder)
    assert shards_of(folder / "store") == shards_of(folder / "other")


def test_it_can_be_the_field_of_the_audio(folder: Path) -> None:
    flags = ["--audio-field", "audio_path"]
    store = extract(folder / "store", "in.jsonl", *flags, cwd=folder)
    assert "audio_paths" not in store.index
    (row, *_) = read_json_lines(folder / "store/in.training.jsonl")
    assert row == {"audio": "a/0.wav", "text": TEXT}
    rows = [
        {"wav": row["audio"], "audio_path": row["audio_path"], "text": TEXT}
        for row in staged("a")
    ]
    write_manifest(folder / "in.jsonl", rows)
    flags = ["--audio-field", "wav"]
    store = extract(folder / "two", "in.jsonl", *flags, cwd=folder)
    assert store.index["audio_paths"] is True
    assert table_of(folder / "two")["audio"][0] == url(0)
