"""Coded files whose decoder crashes or hangs the program."""

import json
from pathlib import Path

import pytest
import soundfile
from fault_job import FaultJob
from support import (
    Run,
    Store,
    extract,
    files_of,
    manifest_row,
    noise,
    run_melmill,
    write_manifest,
)

RATE = 12000  # that every coder knows, and no other clip has
CODED = {
    "flac": ("FLAC", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
}


def coded_clip(path: Path, seconds: int = 2) -> Path:
    container, subtype = CODED[path.suffix[1:]]
    samples = noise(seconds * RATE)
    soundfile.write(path, samples, RATE, subtype=subtype, format=container)
    return path


def poison(
    shim_folder: Path, what: str, first_place: int = 0
) -> dict[str, str]:
    return {
        "LD_PRELOAD": str(shim_folder / "poison.so"),
        "POISON_CODED_RATE": str(RATE),
        "POISON_FROM": str(first_place),
        "POISON": what,
    }


def contents(store: Path) -> dict[tuple[str, int], bytes]:
    """What is stored of each row."""
    return {
        (row.split, row.line): row.features.tobytes()
        + row.tail_samples.tobytes()
        for row in Store(store).rows()
    }


@pytest.mark.parametrize(
    ("suffix", "what"),
    [*((suffix, "SEGV") for suffix in CODED), ("mp3", "HANG")],
)
def test_a_file_that_ends_its_decoder_costs_its_row_only(
    job: FaultJob, tmp_path: Path, shim_folder: Path, suffix: str, what: str
) -> None:
    job = job.copy(tmp_path / "job")
    name = coded_clip(job.folder / f"poisoned.{suffix}").name
    with (job.folder / "train.jsonl").open("a") as manifest:
        manifest.write(json.dumps(manifest_row(name)) + "\n")
    sound, store = job.folder / "sound", job.folder / "store"
    assert job.extract(sound).exit_code == 0

    def run(*flags: str, env: dict[str, str] | None = None) -> Run:
        return job.extract(store, "--hang-after", "1", *flags, env=env)

    env = poison(shim_folder, what)
    ended = run(env=env)
    assert ended.exit_code == 4 if what == "HANG" else ended.exit_code < 0
    rerun = run(env=env)
    assert rerun.exit_code == 0, rerun.stderr
    (reject,) = (r for r in Store(store).rejects() if r["audio"] == name)
    assert (reject["code"], reject["line"]) == ("poison", 11)
    expected = contents(sound)
    assert expected.pop(("train", 11))
    assert contents(store) == expected
    mended = run("--update")
    assert mended.exit_code == 0, mended.stderr
    assert files_of(store) == files_of(sound)


@pytest.mark.parametrize("what", ["SEGV", "HANG"])
def test_segments_that_lie_behind_a_poisoned_place_are_rejected(
    tmp_path: Path, shim_folder: Path, what: str
) -> None:
    """A segment is decoded from the beginning of its file."""
    path = coded_clip(tmp_path / "a.flac", seconds=12)
    rows = [
        manifest_row(path)
        | {"start_sample": second * RATE, "num_samples": RATE}
        for second in (11, 1, 9, 2, 0)
    ]
    manifest = write_manifest(tmp_path / "train.jsonl", rows)
    extract(tmp_path / "sound", manifest)
    store = tmp_path / "store"
    env = poison(shim_folder, what, first_place=path.stat().st_size // 2)
    flags = ("--out", store, "--hang-after", "1", "--max-rejects", "100%")
    ended = run_melmill("extract", manifest, *flags, env=env)
    assert ended.exit_code == 4 if what == "HANG" else ended.exit_code < 0
    rerun = run_melmill("extract", manifest, *flags, env=env)
    assert rerun.exit_code == 0, rerun.stderr
    assert rerun.stderr.count("again when tried alone: rejected") == 1
    rejects = [(r["line"], r["code"]) for r in Store(store).rejects()]
    assert rejects == [(line, "poison") for line in (1, 3)]
    expected = contents(tmp_path / "sound")
    kept = [("train", line) for line in (2, 4, 5)]
    assert contents(store) == {row: expected[row] for row in kept}
