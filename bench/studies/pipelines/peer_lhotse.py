"""lhotse's compute_and_store_features with WhisperFbank, two jobs.

It stores float32, one file a row, which is its default and, of its lossless
stores, the fastest. It fsyncs nothing. Run it with OMP_NUM_THREADS=1: else each
of its jobs starts as many threads as there are cores, and it takes longer.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt
import torch
from lhotse import (
    CutSet,
    NumpyFilesWriter,
    Recording,
    WhisperFbank,
    WhisperFbankConfig,
)

from pipelines.peer_store import N_MELS, RATE_HZ, read_manifest

NUM_JOBS = 2


def read_rows(
    folder: Path, rows: Sequence[int]
) -> tuple[int, int, dict[int, npt.NDArray[Any]]]:
    """Reads a store; see peer_store.read_rows."""
    cuts = list(CutSet.from_file(folder / "cuts.jsonl"))
    num_frames = sum(cut.num_frames for cut in cuts)
    found = {
        int(cut.id): cut.load_features() for cut in cuts if int(cut.id) in rows
    }
    return len(cuts), num_frames, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("out", type=Path, help="folder of the store")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    recordings = [
        Recording.from_file(path, recording_id=f"{row:06}")
        for row, path in enumerate(read_manifest(arguments.manifest))
    ]
    cuts = CutSet.from_cuts(recording.to_cut() for recording in recordings)
    if any(r.sampling_rate != RATE_HZ for r in recordings):
        cuts = cuts.resample(RATE_HZ)
    if any(r.num_channels > 1 for r in recordings):
        # Loads the audio here, in one process: lhotse has no other way.
        cuts = CutSet.from_cuts(
            cut.to_mono(mono_downmix=True).with_id(cut.id) for cut in cuts
        )
    arguments.out.mkdir()
    stored = cuts.compute_and_store_features(
        extractor=WhisperFbank(WhisperFbankConfig(num_filters=N_MELS)),
        storage_path=arguments.out / "features",
        num_jobs=NUM_JOBS,
        storage_type=NumpyFilesWriter,
        progress_bar=False,
    )
    # Audio that was mixed down is in memory and cannot be written.
    stored.drop_recordings().to_file(arguments.out / "cuts.jsonl")


if __name__ == "__main__":
    main()
