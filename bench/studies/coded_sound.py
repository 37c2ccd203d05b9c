#!/usr/bin/env python3
"""Compares the whole way of coded files with librosa + transformers.

    cmake --preset release && cmake --build --preset release
    build/package-venv/bin/python bench/studies/coded_sound.py --speech FOLDER

Codes the WAVs of a folder, brought to 16 kHz, with flac, lame, oggenc and
opusenc, and makes their features both ways, each on one processor, in turn.
Prints the best times of each and their ratio.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import librosa
import numpy as np
import soundfile

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests" / "python"))

# One thread each, also where PyTorch is installed.
os.environ["OMP_NUM_THREADS"] = "1"

import reference  # noqa: E402
from support import manifest_row, write_manifest  # noqa: E402

ENCODERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "wav": (".copy.wav", ("cp", "{in}", "{out}")),
    "flac": (".flac", ("flac", "-s", "-f", "{in}", "-o", "{out}")),
    "mp3": (".mp3", ("lame", "--quiet", "-b", "64", "{in}", "{out}")),
    "vorbis": (".ogg", ("oggenc", "-Q", "-q", "4", "{in}", "-o", "{out}")),
    "opus": (
        ".opus",
        ("opusenc", "--quiet", "--bitrate", "24", "{in}", "{out}"),
    ),
}
RATE = 16000


def make_wavs(speech: Path, folder: Path, count: int) -> list[Path]:
    """Joins recordings to clips of about ten seconds, as most corpora have."""
    wavs: list[Path] = []
    parts: list[np.ndarray] = []
    for path in sorted(speech.rglob("*.wav")):
        samples, _ = librosa.load(path, sr=RATE)
        parts.append(samples)
        if sum(map(len, parts)) >= 10 * RATE:
            wavs.append(folder / f"{len(wavs)}.in.wav")
            soundfile.write(wavs[-1], np.concatenate(parts), RATE)
            parts = []
        if len(wavs) == count:
            break
    return wavs


def encode(kind: str, wavs: list[Path], folder: Path) -> list[Path]:
    suffix, command = ENCODERS[kind]
    coded = []
    for wav in wavs:
        out = folder / f"{wav.stem}{suffix}"
        places = {"in": wav, "out": out}
        words = [word.format_map(places) for word in command]
        subprocess.run(words, check=True, capture_output=True)
        coded.append(out)
    return coded


def time_reference(paths: list[Path]) -> float:
    start = time.perf_counter()
    for path in paths:
        reference.single(reference.load(path))
    return time.perf_counter() - start


def time_melmill(program: Path, manifest: Path, folder: Path) -> float:
    store = folder / f"store{time.monotonic_ns()}"
    command: list[str | Path]
    command = [program, "extract", manifest, "--threads", "1", "--out", store]
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--program",
        type=Path,
        default=REPOSITORY / "build" / "release" / "tools" / "melmill",
    )
    options = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(f"load at the start: {os.getloadavg()}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wavs = make_wavs(options.speech, folder, options.clips)
        seconds = sum(soundfile.info(wav).duration for wav in wavs)
        for kind in ENCODERS:
            paths = encode(kind, wavs, folder)
            manifest = folder / f"{kind}.jsonl"
            write_manifest(manifest, map(manifest_row, paths))
            time_reference(paths[:2])
            pairs = [
                (
                    time_melmill(options.program, manifest, folder),
                    time_reference(paths),
                )
                for _ in range(options.rounds)
            ]
            ours = min(pair[0] for pair in pairs)
            theirs = min(pair[1] for pair in pairs)
            print(
                f"{kind:8} melmill {1e6 * ours / seconds:8.1f}, librosa + "
                f"transformers {1e6 * theirs / seconds:8.1f} us/s: "
                f"{theirs / ours:.2f} x",
                flush=True,
            )


if __name__ == "__main__":
    main()
