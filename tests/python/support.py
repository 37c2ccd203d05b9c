"""What the tests of the program share: running it, reading what it made."""

import dataclasses
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest
import soundfile

FloatArray = npt.NDArray[np.floating[Any]]
RecordProperty = Callable[[str, object], None]  # the fixture of this name

REPOSITORY = Path(__file__).resolve().parents[2]
STATUS_STORED = 1
ANY_REJECTS = ("--max-rejects", "100%")


@dataclasses.dataclass(frozen=True)
class Run:
    """How one run of the program ended."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        """All that people see: warnings and errors, then the result."""
        return self.stderr + self.stdout


def melmill_path() -> str:
    """The program under test."""
    path = os.environ.get("MELMILL")
    if not path:
        raise RuntimeError("set MELMILL to the path of the built program")
    return str(Path(path).resolve(strict=True))


def run_melmill(
    *arguments: str | Path,
    cwd: Path | None = None,
    timeout_s: float = 300,
    under: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
) -> Run:
    """Runs the program to its end, whatever its exit code.

    Args:
      *arguments: What follows the program's name.
      cwd: The working directory.
      timeout_s: The run counts as hung after so long.
      under: A command, such as setpriv, that runs it.
      env: Added to the environment.
    """
    done = subprocess.run(
        [*under, melmill_path(), *map(str, arguments)],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout_s,
        check=False,
        env={**os.environ, **(env or {})},
    )
    return Run(
        done.returncode,
        done.stdout.decode("utf-8", "surrogateescape"),
        done.stderr.decode("utf-8", "surrogateescape"),
    )


@dataclasses.dataclass(frozen=True)
class MeasuredRun:
    """How one run of the program ended, and what it took."""

    exit_code: int
    stdout: str
    max_rss_mib: float
    seconds: float


def measure_melmill(
    *arguments: str | Path, cwd: Path | None = None
) -> MeasuredRun:
    """Runs the program from a small process, whose memory counts as its own."""
    helper = REPOSITORY / "bench/studies/common/process_run.py"
    done = subprocess.run(
        [sys.executable, "-I", "-S", helper, melmill_path(), *arguments],
        cwd=cwd,
        capture_output=True,
        timeout=300,
        check=True,
    )
    values = json.loads(done.stdout)
    return MeasuredRun(
        values["exit_code"],
        values["stdout"],
        values["max_rss_mb"],
        values["seconds"],
    )


def extract(
    out: Path, *arguments: str | Path, cwd: Path | None = None
) -> "Store":
    """Makes a store of which no line may be rejected, and reads it."""
    run = run_melmill(
        "extract", *arguments, "--max-rejects", "0", "--out", out, cwd=cwd
    )
    assert run.exit_code == 0, run.stderr
    return Store(out)


def write_manifest(path: Path, rows: Iterable[Mapping[str, object]]) -> Path:
    """Writes one JSON object a line."""
    with path.open("w", encoding="utf-8") as lines:
        for row in rows:
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path


def manifest_row(
    audio: str | Path, text: str = "language None<asr_text>"
) -> dict[str, object]:
    return {"audio": str(audio), "text": text}


def write_wav(
    path: Path,
    samples: FloatArray,
    rate: int = 16000,
    subtype: str = "PCM_16",
    container: str = "WAV",
    endian: str = "FILE",
) -> Path:
    """Writes samples of shape [n] or [n, channels]."""
    soundfile.write(path, samples, rate, subtype, endian, container)
    return path


def noise(num_samples: int, seed: int = 0, level: float = 0.1) -> FloatArray:
    """Gaussian noise, float32, cut at full scale."""
    samples = np.random.default_rng(seed).standard_normal(num_samples) * level
    return samples.clip(-1, 1).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class Row:
    """One stored manifest line."""

    split: str
    line: int  # in the manifest, counted from 1
    audio: str
    text: str
    # [frames, mels] as stored; bfloat16 is float32, and bytes are their values
    features: FloatArray
    num_samples: int  # at 16 kHz
    body_max: np.float32
    floor: np.float32
    peak: np.float32 | None  # None if the shard has no peaks
    tail_samples: npt.NDArray[np.float32]  # [400]

    @property
    def single(self) -> FloatArray:
        """The features of this utterance alone, not padded."""
        return np.maximum(self.features, self.features.dtype.type(self.floor))


class Store:
    """A finished store, read with h5py, numpy and json alone."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.index: dict[str, Any] = json.loads(
            (folder / "store.json").read_text()
        )
        self._shards: dict[int, Shard] = {}

    @property
    def splits(self) -> list[str]:
        return [split["name"] for split in self.index["splits"]]

    def rows(self, split: str | None = None) -> list[Row]:
        """The rows of one split, or of all, in manifest order."""
        names = self.splits if split is None else [split]
        return [row for name in names for row in self._rows_of(name)]

    def rejects(self) -> list[dict[str, Any]]:
        return read_json_lines(self.folder / "rejects.jsonl")

    def _rows_of(self, split: str) -> list[Row]:
        with h5py.File(self.folder / f"{split}.rows.h5") as table:
            audio = read_strings(table, "audio")
            text = read_strings(table, "text")
            names = ["line", "shard", "start", "num_frames", "num_samples"]
            columns = [table[name][:].tolist() for name in names]
        rows = []
        for row, values in enumerate(zip(*columns, strict=True)):
            line, shard_index, start, num_frames, num_samples = values
            shard = self._shard(shard_index)
            slot = shard.slots[start]
            assert shard.num_frames[slot] == num_frames
            assert shard.num_samples[slot] == num_samples
            rows.append(
                Row(
                    split=split,
                    line=line,
                    audio=audio[row],
                    text=text[row],
                    features=shard.values(start, num_frames),
                    num_samples=num_samples,
                    body_max=shard.body_max[slot],
                    floor=shard.floor[slot],
                    peak=None if shard.peak is None else shard.peak[slot],
                    tail_samples=shard.tail_samples[slot],
                )
            )
        return rows

    def _shard(self, index: int) -> "Shard":
        if index not in self._shards:
            name = self.index["shards"][index]["file"]
            self._shards[index] = Shard(self.folder / name)
        return self._shards[index]


class Shard:
    """The columns of one shard file, by their names in it."""

    def __init__(self, path: Path):
        with h5py.File(path) as file:
            self.features: FloatArray = file["features"][:]
            self.num_frames: npt.NDArray[np.uint32] = file["num_frames"][:]
            self.num_samples: npt.NDArray[np.uint64] = file["num_samples"][:]
            self.body_max: npt.NDArray[np.float32] = file["body_max"][:]
            self.floor: npt.NDArray[np.float32] = file["floor"][:]
            self.peak: npt.NDArray[np.float32] | None = None
            if "peak" in file:
                self.peak = file["peak"][:]
            self.tail_samples: npt.NDArray[np.float32] = file["tail_samples"][:]
            starts = file["start"][:].tolist()
            status = file["status"][:].tolist()
        # Which row of the columns has its features at which frame.
        self.slots = {
            start: row
            for row, start in enumerate(starts)
            if status[row] == STATUS_STORED
        }

    def values(self, start: int, num_frames: int) -> FloatArray:
        """The features of the row that begins there."""
        stored = self.features[start : start + num_frames]
        if stored.dtype != np.uint8:
            return stored
        slot = self.slots[start]
        return values_of_bytes(
            stored,
            int(self.num_samples[slot]),
            self.body_max[slot],
            self.floor[slot],
        )


def values_of_bytes(
    stored: npt.NDArray[Any],
    num_samples: int,
    body_max: np.float32,
    floor: np.float32,
) -> FloatArray:
    """What the bytes of a row stand for, as docs/format.md says."""
    step, lowest = np.float32(2 / 255), np.float32(-1.5)
    body_floor = (max(float(body_max) - 8, -10) + 4) / 4
    floors = np.full((len(stored), 1), body_floor, np.float32)
    floors[(num_samples - 200) // 160 + 1 :] = floor
    bases = np.rint((floors - lowest) * np.float32(127.5)) * step + lowest
    values: FloatArray = stored.astype(np.float32) * step + bases
    return np.maximum(values, floors)


def read_strings(file: h5py.File, name: str) -> list[str]:
    """A column of strings: NAME_bytes cut at NAME_offsets."""
    data = file[f"{name}_bytes"][:].tobytes()
    offsets = file[f"{name}_offsets"][:].tolist()
    return [
        data[begin:end].decode("utf-8", "surrogateescape")
        for begin, end in itertools.pairwise(offsets)
    ]


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


# Files in a store's folder that are no part of the store.
NOT_OF_THE_STORE = (".lock", ".local")


def files_of(folder: Path) -> dict[str, bytes]:
    """Name and bytes of every file of a store, of its folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in NOT_OF_THE_STORE
    }


def snapshot(folder: Path) -> dict[str, tuple[int, int, int]]:
    """What tells whether anything below a folder was written, by name.

    But for .local, which a run that reads audio again may append to.
    """
    seen = {}
    for path in sorted(folder.rglob("*")):
        if path.name == ".local":
            continue
        status = path.lstat()
        is_folder = path.is_dir() and not path.is_symlink()
        seen[str(path.relative_to(folder))] = (
            status.st_ino,
            0 if is_folder else status.st_mtime_ns,
            0 if is_folder else status.st_size,
        )
    return seen


def make_clips(folder: Path, count: int) -> list[dict[str, object]]:
    """Writes clips of 0.3 to 0.9 s; their rows, with relative paths."""
    rows = []
    for number in range(count):
        samples = noise(4800 + number * 3947 % 9600, seed=number)
        name = f"clip{number:02}.wav"
        write_wav(folder / name, samples)
        rows.append(manifest_row(name, f"language English<asr_text>{number}"))
    return rows


def last_line(text: str) -> str:
    return text.rstrip("\n").rpartition("\n")[2]


def unprivileged() -> list[str]:
    """A command that runs another one without root's file permissions."""
    if os.geteuid() != 0:
        return []
    command = [
        "setpriv",
        "--inh-caps=-all",
        "--bounding-set=-dac_override,-dac_read_search",
    ]
    tried = subprocess.run(
        [*command, "true"], capture_output=True, text=True, check=False
    )
    if tried.returncode != 0:
        pytest.skip(f"root cannot drop its privileges: {tried.stderr}")
    return command


def spread(rows: Sequence[Any], count: int) -> list[Any]:
    """`count` of the rows, evenly spaced, first and last among them."""
    picks = np.linspace(0, len(rows) - 1, count).round().astype(int)
    return [rows[pick] for pick in picks]


def max_difference(actual: FloatArray, expected: FloatArray) -> float:
    assert actual.shape == expected.shape
    difference = np.abs(actual.astype(np.float64) - expected)
    return float(difference.max())
