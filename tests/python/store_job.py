"""A job that changes and damages are tried on, and its finished store."""

from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from support import (
    ANY_REJECTS,
    Run,
    files_of,
    make_clips,
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

TAIL_BYTES = 35  # of store.json, behind what its checksum covers


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
            *ANY_REJECTS,
            "--out",
            out,
            *flags,
            cwd=self.folder,
        )

    def fresh(self) -> dict[str, bytes]:
        """The files of a store made anew from the input as it is."""
        assert self.extract(out="fresh").exit_code == 0
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


def make_finished_job(folder: Path) -> Job:
    """Two splits with three bad files, run once."""
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
    assert job.extract().exit_code == 0
    assert len(job.shards()) >= 8
    return job


def pick_shard(job: Job, number: int = 4) -> Path:
    return job.store / sorted(job.shards())[number]


def cut_off(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)


def flip_byte(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 0x10
    path.write_bytes(data)


def seal(index: Path) -> None:
    """Gives a store.json that was changed its right checksum."""
    text = index.read_bytes()
    before = text[:-TAIL_BYTES]
    checksum = xxhash.xxh3_64_hexdigest(before)
    index.write_bytes(before + f'  "checksum": "{checksum}"\n}}\n'.encode())
