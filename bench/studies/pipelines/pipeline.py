"""The pipelines that are compared: how each is run, how its store is read."""

import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines import melmill_store, peer_store

Features = Mapping[int, npt.NDArray[Any]]
ReadRows = Callable[[Path, Sequence[int]], tuple[int, int, Features]]

HERE = Path(__file__).resolve().parent
# One rounding to float16 below 2, and the error of float32 arithmetic.
TOLERANCE = 1e-3


def _read_lhotse(
    folder: Path, rows: Sequence[int]
) -> tuple[int, int, Features]:
    from pipelines import peer_lhotse  # imports torch: only where it is needed

    return peer_lhotse.read_rows(folder, rows)


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """One way from a manifest to stored features."""

    name: str
    label: str
    command: tuple[str | Path, ...]  # manifest and out follow
    read_rows: ReadRows
    # Resamples as the reference does: its features must be the reference's.
    # Others are only compared for 16 kHz, and their difference is told.
    is_exact: bool
    fsyncs: bool
    # lhotse rounds the number of frames and adds zeros; the others cut it.
    max_extra_frames: int = 0

    def command_for(self, manifest: Path, out: Path) -> list[str | Path]:
        return [
            manifest if part == "MANIFEST" else out if part == "OUT" else part
            for part in self.command
        ]


def _peer(
    name: str,
    label: str,
    read_rows: ReadRows,
    exact: bool,
    max_extra_frames: int = 0,
) -> Pipeline:
    program = HERE / f"peer_{name}.py"
    command = (sys.executable, program, "MANIFEST", "OUT")
    return Pipeline(
        name, label, command, read_rows, exact, False, max_extra_frames
    )


def _melmill(name: str, label: str, program: Path, threads: int) -> Pipeline:
    command: tuple[str | Path, ...] = (
        *(program, "extract", "MANIFEST", "--out", "OUT"),
        *("--quiet", "--threads", str(threads)),
    )
    return Pipeline(
        name, label, command, melmill_store.read_rows, True, fsyncs=True
    )


def all_pipelines(melmill: Path) -> list[Pipeline]:
    """In the order in which they take turns and are shown."""
    return [
        _melmill("melmill", "melmill, 2 threads", melmill, 2),
        _melmill("melmill-1", "melmill, 1 thread", melmill, 1),
        _peer("asrfront", "asrfront + h5py", peer_store.read_rows, False),
        _peer(
            "transformers",
            "librosa + transformers + h5py",
            peer_store.read_rows,
            True,
        ),
        _peer("lhotse", "lhotse WhisperFbank", _read_lhotse, False, 1),
    ]


@dataclasses.dataclass(frozen=True)
class Reference:
    """What librosa + transformers make of some rows; reference_features.py."""

    num_rows: int
    num_frames: int
    features: Features

    @staticmethod
    def load(path: Path) -> "Reference":
        with np.load(path) as file:
            return Reference(
                int(file["num_rows"]),
                int(file["num_frames"]),
                {int(r): file[f"features_{r}"] for r in file["rows"]},
            )


def check(
    pipeline: Pipeline, out: Path, reference: Reference, must_match: bool
) -> float:
    """Holds a store against the reference before its time counts.

    Returns:
      The largest difference from the reference.

    Raises:
      RuntimeError: Rows or frames are missing, or, where features must match,
        they differ.
    """
    num_rows, num_frames, features = pipeline.read_rows(
        out, sorted(reference.features)
    )
    extra = num_frames - reference.num_frames
    max_extra = pipeline.max_extra_frames
    if num_rows != reference.num_rows or not 0 <= extra <= max_extra * num_rows:
        raise RuntimeError(
            f"{pipeline.label} stored {num_rows} rows and {num_frames} frames "
            f"instead of {reference.num_rows} and {reference.num_frames}"
        )
    largest = 0.0
    for row, expected in reference.features.items():
        actual = features[row].astype(np.float64)
        extra = len(actual) - len(expected)
        actual = actual[: len(expected)]
        if actual.shape != expected.shape or extra > max_extra:
            raise RuntimeError(
                f"{pipeline.label}: row {row} is {features[row].shape} instead "
                f"of {expected.shape}"
            )
        difference = np.abs(actual - expected).max()
        largest = float(np.maximum(largest, difference))
    if must_match and not largest <= TOLERANCE:
        raise RuntimeError(f"{pipeline.label} is off by {largest:.2e}")
    return largest
