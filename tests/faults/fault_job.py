"""The job that the fault tests disturb, and its undisturbed store."""

import dataclasses
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from support import (
    ANY_REJECTS,
    Run,
    files_of,
    make_clips,
    manifest_row,
    noise,
    run_melmill,
    write_manifest,
    write_wav,
)

# About three rows a shard.
SHARD_SIZE = "48KiB"

TRUNCATED = 3  # numbers of clips that are rejected: by the plan,
NOT_FINITE = 7  # and by the extraction
LONG = "long.wav"  # 48 kHz stereo, read in several blocks


@dataclasses.dataclass(frozen=True)
class FaultJob:
    """A folder with clips, train.jsonl and eval.jsonl.

    Two splits, several shards, a reject of the plan and one of the
    extraction, and one file of several blocks.
    """

    folder: Path

    def arguments(self, out: Path | str, *flags: str) -> list[str]:
        """Of `melmill`, run in the job's folder."""
        return [
            "extract",
            "train.jsonl",
            "eval.jsonl",
            "--shard-size",
            SHARD_SIZE,
            *ANY_REJECTS,
            "--out",
            str(out),
            *flags,
        ]

    def extract(
        self,
        out: Path | str,
        *flags: str,
        under: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        timeout_s: float = 300,
    ) -> Run:
        """Runs to the end or to the fault.

        Args:
          out: The store's folder; relative to the job's.
          *flags: More of them.
          under: A command that runs the program.
          env: Added to the environment.
          timeout_s: The run counts as hung after this time.
        """
        return run_melmill(
            *self.arguments(out, *flags),
            cwd=self.folder,
            under=under,
            env=env,
            timeout_s=timeout_s,
        )

    def copy(self, folder: Path) -> "FaultJob":
        """The same input in another place."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return FaultJob(folder)


def make_job(folder: Path) -> FaultJob:
    """Writes the input. It has at least three shards."""
    rows = make_clips(folder, 13)
    with (folder / str(rows[TRUNCATED]["audio"])).open("r+b") as clip:
        clip.truncate(5000)
    samples = noise(6000, seed=NOT_FINITE)
    samples[77] = np.inf
    write_wav(folder / str(rows[NOT_FINITE]["audio"]), samples, subtype="FLOAT")
    write_wav(folder / LONG, noise(2 * 8 * 48000).reshape(-1, 2), rate=48000)
    rows.insert(5, manifest_row(LONG))
    write_manifest(folder / "train.jsonl", rows[:10])
    write_manifest(folder / "eval.jsonl", rows[10:])
    return FaultJob(folder)


def final_name(name: str) -> str:
    """What a file is to be called that may have a temporary name."""
    return re.sub(r"\.[0-9a-f]{16}\.tmp$", "", name)


def is_final_name(name: str) -> bool:
    """Whether a file of a store has its final name."""
    return not name.endswith(".tmp") and not name.startswith(".")


def assert_only_whole_files(store: Path, whole: Mapping[str, bytes]) -> None:
    """What has its final name is as in the undisturbed store.

    plan.h5 is there before the store is complete, with the same bytes.
    """
    if not store.exists():
        return
    for name, content in files_of(store).items():
        if is_final_name(name):
            assert content == whole.get(name), f"{name} is not whole"
