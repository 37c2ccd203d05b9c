#!/usr/bin/env python3
"""Makes a benchmark corpus of real speech: utterances of 2 to 20 s.

The recordings of the quickstart (Debian's Asterisk prompts, 8 kHz PCM16, five
languages) are joined, never cut, so each utterance has the words of its text.
When all of them are used, they are joined again in another order. The same
arguments make the same bytes.
"""

import argparse
import dataclasses
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

FloatArray = npt.NDArray[np.float32]

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCE_RATE_HZ = 8000
MIN_DURATION_S = 2
MAX_DURATION_S = 20
MARKER = "<asr_text>"


@dataclasses.dataclass(frozen=True)
class AudioFormat:
    """How the utterances of one corpus are written."""

    name: str
    label: str
    rate_hz: int
    num_channels: int
    bits: int


FORMATS = {
    audio_format.name: audio_format
    for audio_format in (
        AudioFormat("16k", "16 kHz PCM16", 16000, 1, 16),
        AudioFormat("48k-stereo", "48 kHz stereo PCM16", 48000, 2, 16),
        AudioFormat("44k-pcm24", "44.1 kHz PCM24", 44100, 1, 24),
        AudioFormat("8k", "8 kHz PCM16", SOURCE_RATE_HZ, 1, 16),
    )
}


@dataclasses.dataclass(frozen=True)
class Recording:
    """One prompt: 8 kHz, -1 to 1."""

    language: str
    words: str
    samples: FloatArray


@dataclasses.dataclass(frozen=True)
class Utterance:
    """Recordings of one language, by their numbers, in order."""

    recordings: tuple[int, ...]
    num_samples: int  # at 8 kHz


@dataclasses.dataclass(frozen=True)
class Corpus:
    """A finished corpus on the disk."""

    folder: Path
    audio_s: float
    num_rows: int
    num_bytes: int  # of all WAV files

    @property
    def manifest(self) -> Path:
        return self.folder / "corpus.jsonl"

    @property
    def audio_folder(self) -> Path:
        return self.folder / "audio"


def read_recordings(work: Path) -> list[Recording]:
    """Reads all recordings of the quickstart that fit into an utterance."""
    program = REPOSITORY / "tools" / "make_quickstart_manifest"
    subprocess.run(
        [sys.executable, program, work],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    recordings = []
    for name in ("train.jsonl", "eval.jsonl"):
        for line in (work / name).read_text().splitlines():
            row: dict[str, str] = json.loads(line)
            samples, rate_hz = soundfile.read(row["audio"], dtype="float32")
            if rate_hz != SOURCE_RATE_HZ or samples.ndim != 1:
                raise RuntimeError(f"{row['audio']} is not 8 kHz mono")
            if len(samples) > MAX_DURATION_S * SOURCE_RATE_HZ:
                continue
            language, words = row["text"].split(MARKER)
            recordings.append(Recording(language, words, samples))
    return recordings


def join(
    lengths: Mapping[str, Sequence[tuple[int, int]]],
    num_samples: int,
    seed: int,
) -> list[Utterance]:
    """Chooses which recordings become one utterance.

    Args:
      lengths: For each language its recordings: number and samples.
      num_samples: Stops at the utterance that reaches this sum.
      seed: Another one joins in another order.
    """
    rng = np.random.default_rng(seed)
    utterances: list[Utterance] = []
    missing = num_samples
    while missing > 0:
        joined = [
            utterance
            for recordings in lengths.values()
            for utterance in _join_once(rng.permutation(recordings), rng)
        ]
        if not joined:
            raise ValueError("the recordings are too few for one utterance")
        # Languages take turns as in a mixed corpus.
        for index in rng.permutation(len(joined)):
            if missing <= 0:
                break
            utterances.append(joined[index])
            missing -= joined[index].num_samples
    return utterances


def _join_once(
    recordings: npt.NDArray[np.int64], rng: np.random.Generator
) -> Iterator[Utterance]:
    """Uses each recording once, except what is too short at the end."""
    shortest = MIN_DURATION_S * SOURCE_RATE_HZ
    longest = MAX_DURATION_S * SOURCE_RATE_HZ
    numbers: list[int] = []
    total = 0
    target = int(rng.integers(shortest, longest + 1))
    for number, length in recordings.tolist():
        if total + length > longest:
            if total >= shortest:
                yield Utterance(tuple(numbers), total)
            numbers, total = [], 0
            target = int(rng.integers(shortest, longest + 1))
        numbers.append(number)
        total += length
        if total >= target:
            yield Utterance(tuple(numbers), total)
            numbers, total = [], 0
            target = int(rng.integers(shortest, longest + 1))
    if total >= shortest:
        yield Utterance(tuple(numbers), total)


def convert(
    samples: FloatArray, audio_format: AudioFormat, rng: np.random.Generator
) -> npt.NDArray[np.int32]:
    """PCM of shape [n, channels]; the value range is that of the bits.

    Changed samples are dithered, so no bit of them is always zero. The second
    channel is a quieter, later and noisier copy of the first.
    """
    if audio_format.rate_hz == SOURCE_RATE_HZ:
        resampled = samples
    else:
        resampled = soxr.resample(
            samples, SOURCE_RATE_HZ, audio_format.rate_hz, quality="HQ"
        )
    channels = [resampled]
    for _ in range(1, audio_format.num_channels):
        later = np.concatenate((np.zeros(7, np.float32), resampled[:-7]))
        noise = rng.standard_normal(len(later), dtype=np.float32)
        channels.append(np.float32(0.8) * later + np.float32(1e-4) * noise)
    # Double precision: single has no room for 24 bits and dither.
    scaled = np.stack(channels, axis=1) * np.float64(
        2 ** (audio_format.bits - 1)
    )
    if audio_format.rate_hz != SOURCE_RATE_HZ:
        scaled += rng.random(scaled.shape, dtype=np.float32)
        scaled -= rng.random(scaled.shape, dtype=np.float32)
    limit = 2 ** (audio_format.bits - 1)
    pcm: npt.NDArray[np.int32] = (
        np.rint(scaled).clip(-limit, limit - 1).astype(np.int32)
    )
    return pcm


def write_wav(
    path: Path, pcm: npt.NDArray[np.int32], audio_format: AudioFormat
) -> None:
    """Writes the values unchanged."""
    subtype = f"PCM_{audio_format.bits}"
    # soundfile takes integers as fractions of their type's full scale.
    shifted = pcm << (32 - audio_format.bits)
    soundfile.write(path, shifted, audio_format.rate_hz, subtype)


def make_corpus(
    work: Path, audio_format: AudioFormat, hours: float, seed: int = 1
) -> Corpus:
    """Makes the corpus below `work`, or finds it there."""
    folder = work / f"corpus-{audio_format.name}-{hours:g}h"
    wanted = {
        "format": dataclasses.asdict(audio_format),
        "hours": hours,
        "seed": seed,
        "version": 1,
    }
    facts_path = folder / "corpus.json"
    if facts_path.exists():
        facts = json.loads(facts_path.read_text())
        if facts["made_from"] == wanted:
            return Corpus(folder, **facts["corpus"])
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "audio").mkdir(parents=True)
    corpus = _write_corpus(folder, audio_format, hours, seed)
    described = dataclasses.asdict(corpus)
    del described["folder"]
    # Written last: where it is, the corpus is complete.
    facts_path.write_text(
        json.dumps({"made_from": wanted, "corpus": described}, indent=1)
    )
    return corpus


def _write_corpus(
    folder: Path, audio_format: AudioFormat, hours: float, seed: int
) -> Corpus:
    recordings = read_recordings(folder / "source")
    lengths: dict[str, list[tuple[int, int]]] = {}
    for number, recording in enumerate(recordings):
        lengths.setdefault(recording.language, []).append(
            (number, len(recording.samples))
        )
    wanted_samples = round(hours * 3600 * SOURCE_RATE_HZ)
    num_samples = num_bytes = 0
    utterances = join(lengths, wanted_samples, seed)
    with (folder / "corpus.jsonl").open("w", encoding="utf-8") as manifest:
        for index, utterance in enumerate(utterances):
            parts = [recordings[number] for number in utterance.recordings]
            pcm = convert(
                np.concatenate([part.samples for part in parts]),
                audio_format,
                np.random.default_rng((seed, index)),
            )
            path = folder / "audio" / f"{index:06}.wav"
            write_wav(path, pcm, audio_format)
            words = " ".join(part.words for part in parts)
            text = f"{parts[0].language}{MARKER}{words}"
            row = {"audio": str(path.resolve()), "text": text}
            manifest.write(json.dumps(row, ensure_ascii=False) + "\n")
            num_samples += len(pcm)
            num_bytes += path.stat().st_size
    return Corpus(
        folder, num_samples / audio_format.rate_hz, len(utterances), num_bytes
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path, help="where corpora are made")
    parser.add_argument(
        "--formats", nargs="+", choices=FORMATS, default=["16k"]
    )
    parser.add_argument("--hours", type=float, default=1)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    for name in arguments.formats:
        corpus = make_corpus(
            arguments.work, FORMATS[name], arguments.hours, arguments.seed
        )
        print(
            f"{corpus.manifest}: {corpus.num_rows} utterances, "
            f"{corpus.audio_s / 3600:.2f} h, {corpus.num_bytes / 1e6:.0f} MB"
        )


if __name__ == "__main__":
    main()
