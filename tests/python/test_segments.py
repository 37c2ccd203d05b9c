"""Rows that are segments of files: cut right, and told apart everywhere."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import h5py
import librosa
import numpy as np
import pytest
import reference
import soundfile
from support import (
    Run,
    Store,
    extract,
    files_of,
    manifest_row,
    max_difference,
    melmill_path,
    noise,
    read_json_lines,
    run_melmill,
    write_manifest,
    write_wav,
)

Json = dict[str, object]
RATES = (8000, 16000, 22050, 44100, 48000)
SEEDS = {
    (rate, channels): rate + channels for rate in RATES for channels in (1, 2)
}
SECONDS = 8
MAX_FEATURE_DIFFERENCE = 2e-4  # docs/numerics.md


def long_file(folder: Path, rate: int, channels: int) -> Path:
    """A file of 8 s, whose channels differ."""
    seed = SEEDS[rate, channels]
    samples = np.stack(
        [noise(SECONDS * rate, seed + 7 * c) for c in range(channels)], axis=1
    )
    # Not the same level everywhere, so that a wrong start shows.
    samples *= np.linspace(0.2, 1, len(samples), dtype=np.float32)[:, None]
    name = folder / f"{rate}-{channels}.wav"
    return write_wav(name, samples.squeeze(), rate)


def segment(audio: str | Path, **fields: object) -> Json:
    return manifest_row(audio) | fields


def expected_features(path: Path, start: int, count: int) -> Any:
    """What a slice of the whole file gives."""
    samples, rate = librosa.load(path, sr=None, mono=False)
    piece = librosa.to_mono(samples[..., start : start + count])
    piece = librosa.resample(piece, orig_sr=rate, target_sr=16000)
    return reference.single(piece)


def table_columns(store: Path, split: str = "train") -> dict[str, list[int]]:
    names = ["segment_start", "segment_num_samples", "source_rate"]
    with h5py.File(store / f"{split}.rows.h5") as table:
        return {name: table[name][:].tolist() for name in names}


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", RATES)
def test_segments_equal_slices_of_the_whole_file(
    tmp_path: Path, rate: int, channels: int
) -> None:
    path = long_file(tmp_path, rate, channels)
    draw = random.Random(rate + channels)
    wanted = []
    rows = []
    for number in range(9):
        seconds = draw.choice((0.03, 0.4, 1.5, 3.0)) * draw.uniform(0.9, 1.1)
        offset = round(draw.uniform(0, SECONDS - 3.5), number % 6)
        if number % 3 == 0:
            start, count = int(offset * rate), int(seconds * rate)
            fields: Json = {"start_sample": start, "num_samples": count}
        else:
            fields = {"offset": offset, "duration": round(seconds, number % 6)}
            if number % 3 == 2 and fields["duration"]:
                fields = {"start": offset, "end": offset + seconds}
                start = int(offset * rate)
                count = int((offset + seconds) * rate) - start
            else:
                fields["duration"] = seconds
                start, count = int(offset * rate), int(seconds * rate)
        wanted.append((start, count))
        rows.append(segment(path, **fields))
    manifest = write_manifest(tmp_path / "train.jsonl", rows)
    flags = ["--dtype", "f32", "--segments"]
    store = extract(tmp_path / "store", manifest, *flags)
    assert store.index["format"] == {"name": "melmill", "major": 2, "minor": 3}
    columns = table_columns(tmp_path / "store")
    assert columns["source_rate"] == [rate] * len(rows)
    for number, (row, (start, count)) in enumerate(
        zip(store.rows(), wanted, strict=True)
    ):
        assert columns["segment_start"][number] == start
        assert columns["segment_num_samples"][number] == count
        expected = expected_features(path, start, count)
        difference = max_difference(row.single, expected)
        assert difference <= MAX_FEATURE_DIFFERENCE, (rate, rows[number])


def test_random_seconds_are_cut_as_python_cuts_them(tmp_path: Path) -> None:
    """int(offset * rate), in IEEE double, whatever the digits."""
    draw = random.Random(1)
    paths = [long_file(tmp_path, rate, 1) for rate in RATES]
    rows = []
    wanted = []
    for number in range(2000):
        which = number % len(RATES)
        rate = RATES[which]
        digits = draw.choice((1, 2, 3, 4, 6, 17))
        offset = round(draw.uniform(0, SECONDS - 3), digits)
        seconds = round(draw.uniform(0.1, 2.9), digits)
        start = int(offset * rate)
        if number % 2:
            fields = {"offset": offset, "duration": seconds}
            count = int(seconds * rate)
        else:
            fields = {"start": offset, "end": offset + seconds}
            count = int((offset + seconds) * rate) - start
        rows.append(segment(paths[which], **fields))
        wanted.append((start, count))
    manifest = write_manifest(tmp_path / "train.jsonl", rows)
    extract(tmp_path / "store", manifest, "--segments")
    columns = table_columns(tmp_path / "store")
    cut = zip(
        columns["segment_start"], columns["segment_num_samples"], strict=True
    )
    assert list(cut) == wanted
    # Or the rule would not show: half up and floors of decimals differ.
    halves = [
        round(float(row["offset"]) * RATES[i % len(RATES)])  # type: ignore[arg-type]
        for i, row in enumerate(rows)
        if "offset" in row
    ]
    assert halves != [start for start, _ in wanted[1::2]]


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with long files and train.jsonl of their segments."""
    folder = tmp_path_factory.mktemp("pieces")
    names = [long_file(folder, rate, 1).name for rate in (8000, 16000, 44100)]
    draw = random.Random(3)
    rows: list[Json] = []
    for number in range(120):
        offset = round(draw.uniform(0, SECONDS - 1.5), 3)
        fields = {
            "offset": offset,
            "duration": round(draw.uniform(0.2, 1.4), 2),
        }
        rows.append(segment(names[number % 3], **fields))
    rows.insert(50, manifest_row(names[0]))
    write_manifest(folder / "train.jsonl", rows)
    return folder


def extract_pieces(folder: Path, out: str, *flags: str) -> Run:
    return run_melmill(
        "extract",
        "train.jsonl",
        "--shard-size",
        "64KiB",
        "--out",
        out,
        *flags,
        cwd=folder,
    )


def copy_of(folder: Path, to: Path) -> Path:
    shutil.copytree(folder, to)
    return to


def test_the_bytes_are_the_same_for_any_threads(
    pieces: Path, tmp_path: Path
) -> None:
    folder = copy_of(pieces, tmp_path / "job")
    stores = []
    for threads in ("1", "2", "7"):
        run = extract_pieces(folder, f"store{threads}", "--threads", threads)
        assert run.exit_code == 0, run.stderr
        stores.append(files_of(folder / f"store{threads}"))
    assert stores[0] == stores[1] == stores[2]
    assert len(stores[0]) > 10


def test_a_killed_run_resumes_to_the_same_bytes(
    pieces: Path, tmp_path: Path
) -> None:
    folder = copy_of(pieces, tmp_path / "job")
    assert extract_pieces(folder, "whole").exit_code == 0
    command = [melmill_path(), "extract", "train.jsonl", "--out", "store"]
    command += ["--shard-size", "64KiB", "--threads", "1"]
    num_kills = 0
    for attempt in range(6):
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(timeout=0.01 + 0.02 * attempt)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            num_kills += 1
    assert num_kills > 0
    run = extract_pieces(folder, "store")
    assert run.exit_code == 0, run.stderr
    assert files_of(folder / "store") == files_of(folder / "whole")


def test_one_segment_that_changes_rebuilds_its_shard_only(
    pieces: Path, tmp_path: Path
) -> None:
    folder = copy_of(pieces, tmp_path / "job")
    assert extract_pieces(folder, "store").exit_code == 0
    before = files_of(folder / "store")
    rows = read_json_lines(folder / "train.jsonl")
    rows[70]["offset"] += 0.001
    write_manifest(folder / "train.jsonl", rows)
    run = extract_pieces(folder, "store")
    assert run.exit_code == 2
    assert "0 lines added, 0 removed, 1 changed" in run.stdout
    run = extract_pieces(folder, "store", "--update")
    assert run.exit_code == 0, run.stderr
    after = files_of(folder / "store")
    assert extract_pieces(folder, "fresh").exit_code == 0
    assert after == files_of(folder / "fresh")
    shards = {name for name in before if name not in after}
    assert len(shards) == 1, shards


def test_a_store_of_whole_files_keeps_its_shards_when_segments_come(
    pieces: Path, tmp_path: Path
) -> None:
    folder = copy_of(pieces, tmp_path / "job")
    whole = [manifest_row(path.name) for path in sorted(folder.glob("*.wav"))]
    write_manifest(folder / "train.jsonl", whole)
    assert extract_pieces(folder, "store").exit_code == 0
    store = Store(folder / "store")
    assert store.index["format"]["major"] == 1
    old = {shard["file"] for shard in store.index["shards"]}
    more = segment(str(whole[0]["audio"]), offset=1, duration=1)
    write_manifest(folder / "train.jsonl", [*whole, more])
    run = extract_pieces(folder, "store", "--update")
    assert run.exit_code == 0, run.stderr
    store = Store(folder / "store")
    assert store.index["format"]["major"] == 2
    new = {shard["file"] for shard in store.index["shards"]}
    assert old & new
    # And back: nothing of the segments is left.
    write_manifest(folder / "train.jsonl", whole)
    assert extract_pieces(folder, "store", "--update").exit_code == 0
    assert extract_pieces(folder, "fresh").exit_code == 0
    assert files_of(folder / "store") == files_of(folder / "fresh")


def test_only_changes_within_a_segment_are_other_audio(tmp_path: Path) -> None:
    samples = noise(40_000, seed=5)
    write_wav(tmp_path / "a.wav", samples)
    row = segment("a.wav", start_sample=10_000, num_samples=9_000)
    write_manifest(tmp_path / "train.jsonl", [row])
    assert extract_pieces(tmp_path, "store").exit_code == 0
    samples[30_000] += 0.1
    write_wav(tmp_path / "a.wav", samples)
    assert extract_pieces(tmp_path, "store", "--rehash").exit_code == 0
    check = ("verify", "store", "--against-audio", "5")
    assert run_melmill(*check, cwd=tmp_path).exit_code == 0
    samples[18_999] += 0.1
    write_wav(tmp_path / "a.wav", samples)
    assert run_melmill(*check, cwd=tmp_path).exit_code == 1
    run = extract_pieces(tmp_path, "store", "--rehash")
    assert run.exit_code == 2
    assert "1 file with other audio of the same size" in run.stdout


def test_a_damaged_shard_is_repaired(pieces: Path, tmp_path: Path) -> None:
    folder = copy_of(pieces, tmp_path / "job")
    assert extract_pieces(folder, "store").exit_code == 0
    whole = files_of(folder / "store")
    shard = (
        folder / "store" / Store(folder / "store").index["shards"][1]["file"]
    )
    content = bytearray(shard.read_bytes())
    content[5000] ^= 1
    shard.write_bytes(content)
    run = run_melmill("verify", "store", cwd=folder)
    assert run.exit_code == 1
    run = run_melmill("verify", "store", "--repair", cwd=folder)
    assert run.exit_code == 0, run.text
    assert files_of(folder / "store") == whole


@pytest.mark.parametrize(
    ("made_with", "flags"),
    [
        ([], ["--segments"]),
        ([], ["--whole-files"]),
        (["--segments"], []),
        (["--whole-files"], []),
        (["--whole-files"], ["--segments"]),
    ],
)
def test_the_use_of_segments_must_stay(
    tmp_path: Path, made_with: list[str], flags: list[str]
) -> None:
    write_wav(tmp_path / "a.wav", noise(40_000))
    write_manifest(
        tmp_path / "train.jsonl", [segment("a.wav", offset=1, duration=1)]
    )
    assert extract_pieces(tmp_path, "store", *made_with).exit_code == 0
    run = extract_pieces(tmp_path, "store", *flags, "--update")
    assert run.exit_code == 2
    assert "store was made with " in run.stderr
    assert "or the flags it was made with" in run.stderr
    assert extract_pieces(tmp_path, "store", *made_with).exit_code == 0


def test_the_use_does_not_matter_without_segments(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", noise(40_000))
    write_manifest(tmp_path / "train.jsonl", [manifest_row("a.wav")])
    assert extract_pieces(tmp_path, "store").exit_code == 0
    plain = files_of(tmp_path / "store")
    for flag in ("--segments", "--whole-files"):
        run = extract_pieces(tmp_path, "store", flag)
        assert run.exit_code == 0, run.stderr
        assert extract_pieces(tmp_path, f"store{flag}", flag).exit_code == 0
        assert files_of(tmp_path / f"store{flag}") == plain


def test_whole_files_and_segments_exclude_each_other(tmp_path: Path) -> None:
    write_manifest(tmp_path / "train.jsonl", [manifest_row("a.wav")])
    run = extract_pieces(tmp_path, "store", "--segments", "--whole-files")
    assert run.exit_code == 2
    assert "--segments excludes --whole-files" in run.stderr


BAD: dict[str, tuple[Json, str, str]] = {
    "two forms": (
        {"start_sample": 1, "num_samples": 9000, "offset": 1, "duration": 1},
        "bad_segment",
        'a segment in two forms: "start_sample" and "offset"',
    ),
    "duration and end": (
        {"offset": 0, "duration": 1, "end": 1},
        "bad_segment",
        '"duration" and "end" in one line',
    ),
    "negative": (
        {"offset": -1, "duration": 1},
        "bad_segment",
        '"offset" is negative',
    ),
    "no samples": (
        {"start_sample": 5, "num_samples": 0},
        "bad_segment",
        '"num_samples" is not a whole number from 1 on',
    ),
    "nothing": (
        {"offset": 1, "duration": 0.00001},
        "bad_segment",
        "the segment has no samples at 16000 Hz",
    ),
    "starts at the end": (
        {"start_sample": 40_000, "num_samples": 300},
        "segment_outside",
        "the segment starts at 2.5 s (sample 40000); the file has 2.5 s (40000 "
        "samples at 16000 Hz)",
    ),
    "ends after the end": (
        {"offset": 2, "duration": 1.01},
        "segment_outside",
        "the segment ends at 3.01 s (sample 48160); the file has 2.5 s (40000 "
        "samples at 16000 Hz)",
    ),
    "a sample too many": (
        {"start_sample": 0, "num_samples": 40_001},
        "segment_outside",
        "the segment ends at 2.50006 s (sample 40001); the file has 2.5 s "
        "(40000 samples at 16000 Hz)",
    ),
    "too short": (
        {"start_sample": 0, "num_samples": 200},
        "too_short",
        "200 samples at 16000 Hz; at least 201 are needed (12.56 ms)",
    ),
}


@pytest.mark.parametrize(("fields", "code", "message"), BAD.values(), ids=BAD)
def test_an_impossible_segment_is_rejected_with_the_reason(
    tmp_path: Path, fields: Json, code: str, message: str
) -> None:
    write_wav(tmp_path / "a.wav", noise(40_000))
    rows = [manifest_row("a.wav"), segment("a.wav", **fields)]
    write_manifest(tmp_path / "train.jsonl", rows)
    assert extract_pieces(tmp_path, "store").exit_code == 0
    (rejected,) = Store(tmp_path / "store").rejects()
    assert (rejected["line"], rejected["code"]) == (2, code)
    assert rejected["message"] == message


def test_a_segment_that_ends_a_little_late_is_clipped(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", noise(40_000))
    rows = [
        segment("a.wav", offset=2, duration=0.5),
        segment("a.wav", offset=2, duration=1),
        segment("a.wav", offset=0, duration=2.9),
    ]
    write_manifest(tmp_path / "train.jsonl", rows)
    run = extract_pieces(tmp_path, "store")
    assert run.exit_code == 0
    warning = "2 segments that end up to 0.5 s after the end of the file"
    assert f"warning: {warning}: cut there\n  train line 2: a.wav" in run.stderr
    columns = table_columns(tmp_path / "store")
    assert columns["segment_start"] == [32_000, 32_000, 0]
    assert columns["segment_num_samples"] == [8000, 8000, 0]
    run = run_melmill("validate", "train.jsonl", "--json", cwd=tmp_path)
    report = json.loads(run.stdout)
    assert report["warnings"]["clipped_segment"] == 2
    assert (report["pieces"], report["files_of_pieces"]) == (2, 1)


def test_rejected_segments_say_which_they_are(tmp_path: Path) -> None:
    samples = noise(40_000)
    samples[20_000] = np.nan
    write_wav(tmp_path / "a.wav", samples, subtype="FLOAT")
    rows = [
        segment("a.wav", start_sample=n, num_samples=9000)
        for n in (0, 15_000, 30_000)
    ]
    write_manifest(tmp_path / "train.jsonl", rows)
    run = extract_pieces(tmp_path, "store")
    assert run.exit_code == 0, run.stderr
    (rejected,) = Store(tmp_path / "store").rejects()
    assert list(rejected) == [
        *("split", "line", "audio", "start_sample", "num_samples"),
        *("stage", "code", "message"),
    ]
    assert (rejected["start_sample"], rejected["num_samples"]) == (15_000, 9000)
    assert rejected["message"] == "sample 20000 is NaN or infinite"


def test_the_report_begins_with_the_pieces(pieces: Path) -> None:
    run = run_melmill("validate", "train.jsonl", cwd=pieces)
    assert run.exit_code == 0
    settings, report = run.stdout.split("\n", 1)
    assert settings.startswith("features for ")
    assert report.startswith("120 rows are pieces of 3 files\n")


def test_other_pieces_of_a_file_are_no_duplicates_or_leaks(
    tmp_path: Path,
) -> None:
    write_wav(tmp_path / "a.wav", noise(40_000))
    first = segment("a.wav", offset=0, duration=1)
    second = segment("a.wav", offset=1, duration=1)
    write_manifest(tmp_path / "train.jsonl", [first, second])
    third = segment("a.wav", offset=2, duration=0.5)
    write_manifest(tmp_path / "eval.jsonl", [third])
    run = run_melmill("validate", "train.jsonl", "eval.jsonl", cwd=tmp_path)
    assert run.exit_code == 0
    assert "LEAK" not in run.stderr
    assert "earlier line" not in run.stderr
    across = segment("a.wav", offset=1.9, duration=0.5)
    whole = manifest_row("a.wav")
    write_manifest(tmp_path / "eval.jsonl", [third, across, whole])
    run = run_melmill("validate", "train.jsonl", "eval.jsonl", cwd=tmp_path)
    assert run.exit_code == 0
    assert (
        "LEAK: 2 lines with audio that another split has too\n"
        "  eval line 2: a.wav\n  eval line 3: a.wav\n"
    ) in run.stderr
    write_manifest(tmp_path / "eval.jsonl", [second, second])
    run = run_melmill("validate", "train.jsonl", "eval.jsonl", cwd=tmp_path)
    assert "LEAK: 1 line with audio that another split has too" in run.stderr
    assert "1 line with the audio file of an earlier line" in run.stderr


def test_show_and_info_say_which_piece_a_row_is(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", noise(88_200), 44_100)
    rows = [
        segment("a.wav", offset=0.5, duration=0.25),
        segment("a.wav", start_sample=441, num_samples=44_100),
        manifest_row("a.wav"),
    ]
    write_manifest(tmp_path / "train.jsonl", rows)
    assert extract_pieces(tmp_path, "store").exit_code == 0
    info = run_melmill("info", "store", cwd=tmp_path).stdout
    assert "pieces: 2 rows are pieces of 1 file\n" in info
    run = run_melmill("show", "store", "train", "--row", "0", cwd=tmp_path)
    line = "0.250 s from 0.500 s of the file on (11025 samples from 22050 on at"
    assert f"segment   {line} 44100 Hz)\n" in run.stdout
    run = run_melmill("show", "store", "--audio", "a.wav", cwd=tmp_path)
    assert run.exit_code == 2
    table = run.stdout.splitlines()
    assert table[1].split() == [
        "row",
        "seconds",
        "from",
        "language",
        "text",
        "audio",
    ]
    assert [line.split()[2] for line in table[2:4]] == ["0.500", "0.010"]
    assert "3 rows have the audio a.wav" in run.stderr
    run = run_melmill("show", "store", "--jsonl", cwd=tmp_path)
    shown = [json.loads(line) for line in run.stdout.splitlines()]
    assert shown[1]["segment"] == {
        "start_s": 0.01,
        "duration_s": 1.0,
        "start_sample": 441,
        "num_samples": 44_100,
    }
    assert "segment" not in shown[2]


def test_training_manifests_name_the_pieces(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", noise(40_000))
    row = {"audio_filepath": "a.wav", "text": "hi", "offset": 1, "duration": 1}
    write_manifest(tmp_path / "train.jsonl", [row])
    flags = ["--audio-field", "audio_filepath", "--language", "English"]
    run = extract_pieces(tmp_path, "store", *flags)
    assert run.exit_code == 0, run.stderr
    assert Store(tmp_path / "store").index["format"] == {
        "name": "melmill",
        "major": 2,
        "minor": 3,
    }
    made = tmp_path / "store" / "train.training.jsonl"
    assert read_json_lines(made) == [
        {
            "audio": "a.wav",
            "start_sample": 16_000,
            "num_samples": 16_000,
            "text": "language English<asr_text>hi",
        }
    ]
    # It makes the same features.
    shutil.copy(made, tmp_path / "again.jsonl")
    again = extract(tmp_path / "again", "again.jsonl", cwd=tmp_path)
    (row_again,) = again.rows()
    (made_row,) = Store(tmp_path / "store").rows()
    np.testing.assert_array_equal(row_again.features, made_row.features)


def test_only_the_bytes_of_segments_are_read(tmp_path: Path) -> None:
    """Of a file of 200 MB that is mostly a hole."""
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", 16_000, 1, "PCM_16") as file:
        file.write(noise(16_000))
        file.seek(100_000_000)
        file.write(noise(16_000, seed=2))
    rows = [
        segment(path, start_sample=n, num_samples=9000)
        for n in (0, 5_000, 100_000_000)
    ]
    manifest = write_manifest(tmp_path / "train.jsonl", rows)
    started = time.monotonic()
    run = run_melmill("extract", manifest, "--out", tmp_path / "s", "--json")
    assert run.exit_code == 0, run.stderr
    assert json.loads(run.stdout)["extraction"]["read_bytes"] == 3 * 18_000
    assert time.monotonic() - started < 60
