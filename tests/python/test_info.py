"""melmill info: what a store holds, in words and as JSON."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xxhash
from store_job import Job, cut_off, flip_byte, pick_shard
from support import (
    Run,
    files_of,
    manifest_row,
    noise,
    read_json_lines,
    run_melmill,
    write_manifest,
    write_wav,
)


def info(store: Path | str, *flags: str, cwd: Path | None = None) -> Run:
    run = run_melmill("info", store, *flags, cwd=cwd)
    assert (run.exit_code, run.stderr) == (0, "")
    return run


def info_json(store: Path | str, cwd: Path | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(info(store, "--json", cwd=cwd).stdout)
    return found


def lose_end(job: Job) -> None:
    """Leaves the store without its index and one shard."""
    (job.store / "store.json").unlink()
    pick_shard(job).unlink()


@pytest.fixture
def job(store_job: Job) -> Job:
    return store_job


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Clips of two rates, lengths and languages, train.jsonl and eval.jsonl."""
    clips = [(16_000, 16_000), (48_000, 96_000), (16_000, 48_000)]
    for number, (rate, length) in enumerate(clips):
        write_wav(tmp_path / f"{number}.wav", noise(length, number), rate)
    (tmp_path / "bad.wav").write_bytes(b"no WAV file")
    texts = ["language English<asr_text>a", "language Czech<asr_text>b", "c"]
    rows = [manifest_row(f"{n}.wav", text) for n, text in enumerate(texts)]
    bad = [manifest_row("bad.wav"), manifest_row("gone.wav")]
    write_manifest(tmp_path / "train.jsonl", [*rows, *bad])
    write_manifest(tmp_path / "eval.jsonl", [rows[0]])
    return tmp_path


def make(folder: Path, *flags: str) -> Path:
    arguments = ("train.jsonl", "eval.jsonl", "--out", "store")
    accepts = ("--max-rejects", "5")
    run = run_melmill("extract", *arguments, *accepts, *flags, cwd=folder)
    assert run.exit_code == 0, run.text
    return folder / "store"


def test_text_says_what_a_store_holds(folder: Path) -> None:
    store = make(folder)
    size = sum(map(len, files_of(store).values())) / 1e3
    size -= (store / "store.json").stat().st_size / 1e3
    text = info("store", cwd=folder).stdout
    assert text.splitlines() == [
        f"store: complete, 4 rows, 7.0 s, {size:.1f} kB in 2 shards",
        "  split      rows    length  rejected",
        "  train         3     6.0 s         2",
        "  eval          1     1.0 s         0",
        "languages:",
        "  English                      2     2.0 s",
        "  (none given)                 1     3.0 s",
        "  Czech                        1     2.0 s",
        "durations: 1.00 to 3.00 s, median 2.00 s",
        "sample rates: 16000 Hz (3 rows), 48000 Hz (1 row)",
        "rejected: 2 lines: 1 not_found, 1 not_wav (see store/rejects.jsonl)",
        "settings: features for Qwen3-ASR and Whisper large-v3 (128 mels), "
        "float16; spectral resampler; AVX-512, AVX2 or NEON vector code",
        "made by: melmill extract train.jsonl eval.jsonl --max-rejects 5 "
        "--out store",
        f"  in {folder}",
    ]


def test_json_is_one_object_with_everything(folder: Path) -> None:
    store = make(folder, "--keep", "speaker", "--audio-root", ".")
    index = json.loads((store / "store.json").read_text())
    found = info_json("store", cwd=folder)
    assert found["status"] == "complete"
    assert found["exit_code"] == 0
    assert found["format"] == "1.3"
    assert found["rows"] == 4
    assert found["hours"] == pytest.approx(7 / 3600)
    assert [split["name"] for split in found["splits"]] == ["train", "eval"]
    train = found["splits"][0]
    assert (train["lines"], train["rows"], train["rejected"]) == (5, 3, 2)
    assert found["languages"]["Czech"]["rows"] == 1
    assert found["languages"][""]["hours"] == pytest.approx(3 / 3600)
    assert found["durations_s"] == {"shortest": 1, "median": 2, "longest": 3}
    assert found["sample_rates"] == {"16000": 3, "48000": 1}
    assert found["rejects"] == {"not_wav": 1, "not_found": 1}
    assert found["bytes"] == sum(map(len, files_of(store).values())) - len(
        (store / "store.json").read_bytes()
    )
    assert found["contract"] == index["contract"]
    assert found["producer"] == index["producer"]
    assert found["kept_fields"] == ["speaker"]
    assert found["command"][:4] == [
        "melmill",
        "extract",
        "train.jsonl",
        "eval.jsonl",
    ]
    assert not found["command_is_rebuilt"]
    assert found["working_folder"] == str(folder)
    assert Path(found["audio_root"]) == folder
    assert found["damaged"] == []


def test_the_numbers_are_those_of_the_corpus(job: Job) -> None:
    found = info_json(job.store)
    table = read_json_lines(job.store / "train.accepted.jsonl")
    table += read_json_lines(job.store / "eval.accepted.jsonl")
    lengths = [(job.folder / row["audio"]).stat().st_size for row in table]
    seconds = (np.array(lengths) - 44) / 32_000
    assert found["durations_s"]["shortest"] == pytest.approx(seconds.min())
    assert found["durations_s"]["longest"] == pytest.approx(seconds.max())
    middle = np.sort(seconds)[len(seconds) // 2]
    assert found["durations_s"]["median"] == pytest.approx(middle, abs=1e-3)
    assert sum(found["rejects"].values()) == 3
    assert found["languages"]["English"]["rows"] == len(table)


def test_settings_are_shown_raw_on_demand_only(job: Job) -> None:
    plain = info(job.store).stdout
    assert "{" not in plain
    assert "contract" not in plain
    assert "producer" not in plain
    index = json.loads((job.store / "store.json").read_text())
    lines = info(job.store, "--settings").stdout.splitlines()
    (features,) = (line for line in lines if line.startswith("features: {"))
    (code,) = (line for line in lines if line.startswith("code: {"))
    assert json.loads(features.partition(": ")[2]) == index["contract"]
    assert json.loads(code.partition(": ")[2]) == index["producer"]
    assert "format: 1.3" in lines


# The command.


def test_the_command_makes_the_same_store(folder: Path) -> None:
    (folder / "run.toml").write_text('dtype = "bf16"\nno-text = true\n')
    make(folder, "--config", "run.toml", "--keep", "speaker", "--update")
    command = info_json("store", cwd=folder)["command"]
    assert command[0] == "melmill"
    assert "--update" not in command
    assert "--config" not in command
    whole = files_of(folder / "store")
    shutil.rmtree(folder / "store")
    assert run_melmill(*command[1:], cwd=folder).exit_code == 0
    assert files_of(folder / "store") == whole


def test_another_command_replaces_it(job: Job) -> None:
    assert job.extract("--max-duration", "99").exit_code == 0
    # Nothing was made: the store is still the first command's.
    assert "--max-duration" not in info_json(job.store)["command"]
    job.write_rows(job.rows()[1:])
    flags = ("--max-duration", "99", "--hang-after", "99", "--threads", "1")
    assert job.extract(*flags, "--update").exit_code == 0
    command = info_json(job.store)["command"]
    assert "--max-duration" in command
    assert command[-2:] == ["--out", "store"]
    assert not {"--hang-after", "--threads", "--update"} & set(command)


def test_the_command_names_the_folder_of_a_moved_store(folder: Path) -> None:
    make(folder)
    (folder / "store").rename(folder / "moved")
    assert info_json("moved", cwd=folder)["command"][-2:] == ["--out", "moved"]


def test_without_the_private_record_it_is_rebuilt(folder: Path) -> None:
    store = make(folder, "--preset", "whisper", "--dtype", "f32", "--no-text")
    (store / ".local").unlink()
    text = info("store", cwd=folder).stdout
    assert (
        "made by a command like: melmill extract train.jsonl eval.jsonl "
        "--out store --preset whisper --dtype f32\n"
        "  (rebuilt from the settings; add your manifests' paths" in text
    )
    found = info_json("store", cwd=folder)
    assert found["command_is_rebuilt"]
    assert found["working_folder"] is None


def test_a_record_that_is_damaged_or_of_an_older_version_is_none(
    folder: Path,
) -> None:
    store = make(folder)
    for content in (b"", b"melmill local 1\n", os.urandom(100)):
        (store / ".local").write_bytes(content)
        assert info_json("store", cwd=folder)["command_is_rebuilt"]


def test_the_store_has_nothing_of_the_command(folder: Path) -> None:
    store = make(folder, "--audio-root", str(folder))
    assert str(folder).encode() in (store / ".local").read_bytes()
    for name, content in files_of(store).items():
        assert str(folder).encode() not in content, name


def test_odd_words_are_quoted(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", noise(9000))
    write_manifest(tmp_path / "it's.jsonl", [manifest_row("a.wav")])
    flags = ("t=it's.jsonl", "--out", "a b\x1b")
    assert run_melmill("extract", *flags, cwd=tmp_path).exit_code == 0
    text = info("a b\x1b", cwd=tmp_path).stdout
    assert r"'t=it'\''s.jsonl' --out $'a b\x1b'" in text


# An unfinished store, and none.


def test_an_unfinished_store_shows_how_far_it_is(job: Job) -> None:
    num_shards = len(job.shards())
    lose_end(job)
    found = info_json(job.store)
    assert found["status"] == "unfinished"
    assert found["planned"]["shards"] == num_shards
    assert found["made"]["shards"] == num_shards - 1
    assert found["planned"]["rows"] == 28
    assert 0 < found["made"]["rows"] < 28
    assert 0 < found["made"]["hours"] < found["planned"]["hours"]
    assert found["lines"] == 30
    assert not found["command_is_rebuilt"]
    text = info(job.store).stdout
    assert (
        f"UNFINISHED: {num_shards - 1} of {num_shards} shards made "
        f"({found['made']['rows']} of 28 rows, " in text
    )
    assert "if no run is at work on it, the same command continues it\n" in text
    assert "splits: train, eval; 30 manifest lines\n" in text
    assert "made by: melmill extract train.jsonl eval.jsonl" in text
    assert "{" not in text
    assert "features: {" in info(job.store, "--settings").stdout


@pytest.mark.parametrize(
    ("make_it", "reason"),
    [
        (Path.mkdir, "it has no store.json"),
        (Path.touch, "it has no store.json"),
        (lambda path: None, "there is no such folder"),
    ],
    ids=["empty", "file", "nothing"],
)
def test_what_is_no_store_says_so(
    tmp_path: Path, make_it: Any, reason: str
) -> None:
    make_it(tmp_path / "x")
    run = run_melmill("info", "x", cwd=tmp_path)
    assert run.exit_code == 2
    assert run.stderr == f"error: x is not a melmill store: {reason}\n"
    run = run_melmill("info", "x", "--json", cwd=tmp_path)
    assert run.exit_code == 2
    assert reason in json.loads(run.stdout)["error"]


def test_damaged_parts_are_named_and_the_rest_is_shown(job: Job) -> None:
    (job.store / "train.rows.h5").unlink()
    (job.store / "rejects.jsonl").write_text("{}\n")
    cut_off(pick_shard(job))
    found = info_json(job.store)
    named = {damage["file"] for damage in found["damaged"]}
    assert named == {"train.rows.h5", "rejects.jsonl", pick_shard(job).name}
    text = info(job.store).stdout
    assert text.count("damaged: ") == 3
    assert "  train        21" in text
    flip_byte(job.store / "store.json", 100)
    assert run_melmill("info", job.store).exit_code == 2


def test_an_empty_split_is_shown(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", noise(9000))
    good = write_manifest(tmp_path / "a.jsonl", [manifest_row("a.wav")])
    none = write_manifest(tmp_path / "b.jsonl", [manifest_row("gone.wav")])
    flags = (good, none, "--out", "store", "--max-rejects", "1")
    assert run_melmill("extract", *flags, cwd=tmp_path).exit_code == 0
    text = info("store", cwd=tmp_path).stdout
    assert "  b             0     0.0 s         1" in text
    assert "in 1 shard\n" in text


# The certificate of `melmill certify`, a program in Python.


def write_certificate(folder: Path, **changes: Any) -> None:
    checksum = xxhash.xxh3_64_hexdigest((folder / "store.json").read_bytes())
    content = {
        "format": {"name": "melmill certificate", "version": 1},
        "verdict": "pass",
        "store": {"checksum": checksum},
        "reference": {"packages": {"transformers": "4.57.6"}},
        "rows": {"chosen": 1000, "equal": 1000},
        "difference": {"largest": 4.9e-4},
    }
    text = json.dumps(content | changes)
    (folder / "certificate.json").write_text(text)


def certified(store: Path) -> str:
    """What info says of the certificate, in one line."""
    lines = info(store).stdout.splitlines()
    (line,) = (line for line in lines if line.startswith("certif"))
    return line


def test_the_certificate_is_one_line(job: Job) -> None:
    assert "certified" not in info(job.store).stdout
    assert info_json(job.store)["certificate"] is None
    write_certificate(job.store)
    assert certified(job.store) == (
        "certified: 1,000 rows, largest difference 4.9e-4, transformers 4.57.6"
    )
    assert info_json(job.store)["certificate"] == {
        "status": "pass",
        "rows": 1000,
        "rows_equal": 1000,
        "largest_difference": 4.9e-4,
        "transformers": "4.57.6",
    }
    rows = {"chosen": 1000, "equal": 997}
    write_certificate(job.store, verdict="fail", rows=rows)
    assert certified(job.store).startswith(
        "certified: NO: 997 of 1,000 rows are equal, largest difference 4.9e-4"
    )
    assert info_json(job.store)["certificate"]["status"] == "fail"


def test_a_certificate_of_another_state_says_so(job: Job) -> None:
    write_certificate(job.store, store={"checksum": "0123456789abcdef"})
    assert certified(job.store) == (
        "certified: no: the certificate is of another state of the store"
    )
    assert info_json(job.store)["certificate"]["status"] == "other_state"


@pytest.mark.parametrize(
    "content", [b"", b"\xff\x00", b"[]", b"{}", b"[" * 100_000]
)
def test_what_is_no_certificate_is_one_line(job: Job, content: bytes) -> None:
    (job.store / "certificate.json").write_bytes(content)
    expected = "certified: no: certificate.json is damaged, or not of melmill"
    assert certified(job.store) == expected
    assert info_json(job.store)["certificate"] == {"status": "unusable"}


def test_a_folder_in_place_of_the_certificate_is_one_line(job: Job) -> None:
    (job.store / "certificate.json").mkdir()
    assert "not of melmill" in certified(job.store)


def test_verify_and_a_run_without_changes_keep_the_certificate(
    job: Job,
) -> None:
    write_certificate(job.store)
    assert run_melmill("verify", job.store).exit_code == 0
    assert job.extract().exit_code == 0
    pick_shard(job).unlink()
    assert job.extract().exit_code == 0  # the same bytes again
    assert certified(job.store).startswith("certified: 1,000 rows")


def test_an_update_removes_the_certificate(job: Job) -> None:
    write_certificate(job.store)
    job.write_rows(job.rows()[1:])
    assert job.extract().exit_code == 2  # without --update nothing changes
    assert (job.store / "certificate.json").exists()
    (job.store / "certificate.json.0123456789abcdef.tmp").write_bytes(b"x")
    assert job.extract("--update").exit_code == 0
    assert not list(job.store.glob("certificate*"))


def test_an_update_keeps_a_file_that_is_no_certificate(job: Job) -> None:
    (job.store / "certificate.json").write_text('{"of": "the user"}')
    job.write_rows(job.rows()[1:])
    assert job.extract("--update").exit_code == 0
    text = (job.store / "certificate.json").read_text()
    assert text == '{"of": "the user"}'
