"""Segments of coded files are slices of the whole, in any order."""

import json
import random
from pathlib import Path

import h5py
import librosa
import numpy as np
import pytest
import reference
import soundfile
from support import (
    extract,
    files_of,
    manifest_row,
    max_difference,
    noise,
    read_json_lines,
    read_strings,
    run_melmill,
    write_manifest,
)

Json = dict[str, object]
SECONDS = 12
CODED = {
    "flac": ("FLAC", "PCM_24", 44100, 2),
    "mp3": ("MP3", "MPEG_LAYER_III", 22050, 1),
    "ogg": ("OGG", "VORBIS", 48000, 1),
    "opus": ("OGG", "OPUS", 16000, 2),
}
MAX_FEATURE_DIFFERENCE = 2e-4  # docs/numerics.md


def coded_file(path: Path, suffix: str, seed: int = 0) -> Path:
    """A file of 12 s, whose level rises, so that a wrong start shows."""
    container, subtype, rate, channels = CODED[suffix]
    samples = np.stack(
        [noise(SECONDS * rate, seed + 7 * c) for c in range(channels)], axis=1
    )
    samples *= np.linspace(0.2, 1, len(samples), dtype=np.float32)[:, None]
    with soundfile.SoundFile(
        path, "w", rate, channels, subtype=subtype, format=container
    ) as file:
        for first in range(0, len(samples), rate):
            file.write(samples[first : first + rate])
    return path


def rows_of(path: Path, rate: int, count: int, seed: int) -> list[Json]:
    draw = random.Random(seed)
    rows: list[Json] = []
    for _ in range(count):
        start = draw.randrange(0, (SECONDS - 3) * rate)
        num_samples = draw.randrange(rate // 20, 3 * rate)
        place = {"start_sample": start, "num_samples": num_samples}
        rows.append(manifest_row(path) | place)
    return rows


@pytest.mark.parametrize("suffix", CODED)
def test_segments_equal_slices_of_the_whole_file(
    tmp_path: Path, suffix: str
) -> None:
    path = coded_file(tmp_path / f"a.{suffix}", suffix)
    samples, rate = librosa.load(path, sr=None, mono=False)
    rows = rows_of(path, int(rate), 12, seed=3)
    manifest = write_manifest(tmp_path / "m.jsonl", rows)
    store = extract(tmp_path / "store", manifest, "--dtype", "f32")
    for row, fields in zip(store.rows(), rows, strict=True):
        start = int(str(fields["start_sample"]))
        end = start + int(str(fields["num_samples"]))
        piece = librosa.to_mono(samples[..., start:end])
        piece = librosa.resample(piece, orig_sr=rate, target_sr=16000)
        assert row.num_samples == len(piece)
        difference = max_difference(row.single, reference.single(piece))
        assert difference <= MAX_FEATURE_DIFFERENCE, fields


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A manifest of segments of four files, and of two whole ones, mixed."""
    rows: list[Json] = []
    for number, (suffix, (_, _, rate, _)) in enumerate(CODED.items()):
        path = coded_file(tmp_path / f"a.{suffix}", suffix)
        rows += rows_of(path, rate, 15, seed=number)
        rows.append(manifest_row(path))
    random.Random(9).shuffle(rows)
    return write_manifest(tmp_path / "train.jsonl", rows)


def test_threads_and_the_order_of_decoding_change_no_byte(
    mixed: Path, tmp_path: Path
) -> None:
    stores = []
    for threads in ("1", "2", "7"):
        out = tmp_path / f"store{threads}"
        flags = ("--threads", threads, "--shard-size", "256KiB")
        extract(out, mixed, *flags)
        stores.append(files_of(out))
    assert len(list((tmp_path / "store1").glob("train.*.h5"))) > 3
    assert stores[0] == stores[1] == stores[2]
    run = run_melmill("verify", tmp_path / "store1", "--against-audio", "64")
    assert run.exit_code == 0, run.stdout


def decoded_seconds(store: Path, rate: int) -> float:
    """What a plan has decoded: each file once a shard, up to its last row."""
    with h5py.File(store / "plan.h5") as plan:
        audio = read_strings(plan, "audio")
        ends = plan["segment_start"][:] + plan["segment_num_samples"][:]
        first, end = plan["shard_first_row"][:], plan["shard_end_row"][:]
    num_samples = 0
    for rows in map(slice, first, end):
        last: dict[str, int] = {}
        for name, sample in zip(audio[rows], ends[rows], strict=True):
            last[name] = max(last.get(name, 0), int(sample))
        num_samples += sum(last.values())
    return num_samples / rate


def test_what_spread_segments_cost_is_said_before(tmp_path: Path) -> None:
    rate, files, seconds = 8000, 5, 40
    rows: list[Json] = []
    for number in range(files):
        path = tmp_path / f"{number}.flac"
        soundfile.write(path, noise(seconds * rate, number), rate)
        rows += [
            manifest_row(path.name)
            | {"start_sample": start * rate, "num_samples": rate}
            for start in range(seconds)
        ]
    flags = ("--shard-size", "256KiB")
    write_manifest(tmp_path / "train.jsonl", rows)
    run = run_melmill("validate", "train.jsonl", *flags, cwd=tmp_path)
    assert "coded audio" not in run.text
    random.Random(4).shuffle(rows)
    write_manifest(tmp_path / "train.jsonl", rows)
    run = run_melmill("validate", "train.jsonl", *flags, cwd=tmp_path)
    store = tmp_path / "store"
    made = run_melmill(
        *("extract", "train.jsonl", "--out", store, *flags, "--json"),
        cwd=tmp_path,
    )
    assert made.exit_code == 0
    decoded = decoded_seconds(store, rate)
    assert decoded > 9 * files * seconds
    report = json.loads(made.stdout)["coded_segments"]
    assert report["rows"] == files * seconds
    assert report["hours"] == pytest.approx(files * seconds / 3600)
    assert report["decoded_hours"] == pytest.approx(decoded / 3600, rel=1e-9)
    assert report["files_decoded_again"] == files
    assert (
        f"{decoded / 3600:.2f} h of coded audio would be decoded for 3.3 min "
        "of segments: the segments of 5 files are spread over several shards "
        "each; sort the manifest by audio and start to decode about "
    ) in run.stderr


def test_replaced_audio_is_seen(tmp_path: Path) -> None:
    path = coded_file(tmp_path / "a.flac", "flac")
    rows = rows_of(path, CODED["flac"][2], 6, seed=1)
    manifest = write_manifest(tmp_path / "train.jsonl", rows)
    store = tmp_path / "store"
    extract(store, manifest)
    run = run_melmill("extract", manifest, "--out", store, "--rehash")
    assert (run.exit_code, "nothing to do" in run.stdout) == (0, True), run
    # Other bits of the last samples: no header and no segment tells.
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    run = run_melmill("extract", manifest, "--out", store)
    assert run.exit_code == 2
    assert "6 files with other audio of the same size" in run.stdout


def test_damage_rejects_what_lies_behind_it(tmp_path: Path) -> None:
    path = coded_file(tmp_path / "a.flac", "flac")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    rate = CODED["flac"][2]
    rows = [
        manifest_row(path)
        | {"start_sample": second * rate, "num_samples": rate}
        for second in (11, 1, 9, 2, 0, 10)
    ]
    manifest = write_manifest(tmp_path / "train.jsonl", rows)
    for threads in ("1", "3"):
        out = tmp_path / threads
        flags = ("--max-rejects", "100%", "--threads", threads, "--out", out)
        assert run_melmill("extract", manifest, *flags).exit_code == 0
        rejects = read_json_lines(out / "rejects.jsonl")
        assert [(r["line"], r["code"]) for r in rejects] == [
            (line, "decode_failed") for line in (1, 3, 6)
        ]
    assert files_of(tmp_path / "1") == files_of(tmp_path / "3")
