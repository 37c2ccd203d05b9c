#!/usr/bin/env python3
"""Checks that memory and time do not grow with the number of lines.

Makes stores of manifests of 1,000 and, unless told otherwise, 1,000,000 lines
of 0.2 s clips (few files, many lines, one line in 1,000 without a file), and
compares peak memory and processor time per line, that of a manifest of one
line taken off. Elapsed time is shown too, with what others took of the machine
meanwhile: it is not compared, for they double it. By hand; the clips and stores
go to a temporary folder, which for the time should be in memory:

    bench/studies/many_lines.py --folder /dev/shm
"""

import argparse
import dataclasses
import json
import random
import shutil
import statistics
import sys
import tempfile
import wave
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from common import process_run

NUM_CLIPS = 16
CLIP_SAMPLES = 3200
RATE_HZ = 16000
LINES_A_REJECT = 1000
FEW_LINES = 1000
NUM_SHORT_RUNS = 15
# So that an audio string has some 90 bytes, as those of many corpora.
CLIP_FOLDER = "clips_of_a_corpus_whose_paths_are_as_long_as_those_of_many_are"

MAX_EXTRA_MIB = 64
MAX_BYTES_A_LINE = 100
MAX_TIME_RATIO = 1.15


@dataclasses.dataclass(frozen=True)
class Measured:
    """One run over a manifest."""

    num_lines: int
    seconds: float
    cpu_s: float
    foreign_cpu: float  # share of the machine that others used meanwhile
    max_rss_mib: float


def make_clips(folder: Path) -> None:
    source = random.Random(1)
    clips = folder / CLIP_FOLDER
    clips.mkdir()
    for number in range(NUM_CLIPS):
        with wave.open(str(clips / f"{number:020}.wav"), "wb") as clip:
            clip.setnchannels(1)
            clip.setsampwidth(2)
            clip.setframerate(RATE_HZ)
            clip.writeframes(source.randbytes(2 * CLIP_SAMPLES))


def manifest_lines(num_lines: int) -> Iterator[str]:
    for line in range(1, num_lines + 1):
        missing = line % LINES_A_REJECT == 0
        number = line if missing else line % NUM_CLIPS
        kind = "missing" if missing else CLIP_FOLDER
        text = f"language English<asr_text>the words of line {line}"
        audio = f"{kind}/{number:020}.wav"
        yield json.dumps({"audio": audio, "text": text}) + "\n"


def measure(melmill: Path, folder: Path, num_lines: int) -> Measured:
    """Makes a store, counts what it holds, and removes it."""
    manifest = folder / f"{num_lines}.jsonl"
    if not manifest.exists():
        with manifest.open("w") as file:
            file.writelines(manifest_lines(num_lines))
    store = folder / "store"
    run = process_run.run(
        [
            *(melmill, "extract", manifest, "--audio-root", folder),
            *("--max-rejects", "1%", "--json", "--quiet", "--out", store),
        ]
    )
    check_counts(json.loads(run.stdout), store, num_lines)
    shutil.rmtree(store)
    return Measured(
        num_lines, run.seconds, run.cpu_s, run.foreign_cpu, run.max_rss_mb
    )


def check_counts(
    report: dict[str, object], store: Path, num_lines: int
) -> None:
    num_rejected = num_lines // LINES_A_REJECT
    expected = (num_lines, num_lines - num_rejected, num_rejected)
    reported = (report["lines"], report["stored"], report["rejected"])
    (accepted,) = store.glob("*.accepted.jsonl")
    ledger = store / "rejects.jsonl"
    found = (num_lines, count_lines(accepted), count_lines(ledger))
    if not expected == reported == found:
        raise AssertionError(
            f"lines, stored and rejected are {expected}; the report says "
            f"{reported}, the files {found}"
        )


def count_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)


def memory_limit_mib(few: Measured, num_lines: int) -> float:
    """The memory that this number of lines may take."""
    allowance = num_lines * MAX_BYTES_A_LINE / 2**20
    return few.max_rss_mib + MAX_EXTRA_MIB + allowance


def median(runs: Sequence[Measured]) -> Measured:
    """The median of each number of runs over one manifest."""
    return Measured(
        runs[0].num_lines,
        statistics.median(run.seconds for run in runs),
        statistics.median(run.cpu_s for run in runs),
        statistics.median(run.foreign_cpu for run in runs),
        statistics.median(run.max_rss_mib for run in runs),
    )


def compare(melmill: Path, folder: Path, num_lines: int) -> bool:
    """Prints what was measured; whether all is within the limits."""
    make_clips(folder)
    pairs = [
        (measure(melmill, folder, 1), measure(melmill, folder, FEW_LINES))
        for _ in range(NUM_SHORT_RUNS)
    ]
    one = median([pair[0] for pair in pairs])
    few = median([pair[1] for pair in pairs])
    many = measure(melmill, folder, num_lines)
    print(f"a run of one line: {one.seconds:.3f} s, {one.cpu_s:.3f} s of CPU")
    for run in (few, many):
        print(
            f"{run.num_lines:9,} lines: "
            f"{(run.seconds - one.seconds) / run.num_lines * 1e6:6.1f} µs a "
            f"line, {cpu_us_a_line(run, one):6.1f} µs of CPU, peak "
            f"{run.max_rss_mib:.1f} MiB; others used {run.foreign_cpu:.0%} of "
            "the machine"
        )
    time_ratio = cpu_us_a_line(many, one) / cpu_us_a_line(few, one)
    limit_mib = memory_limit_mib(few, num_lines)
    print(f"CPU a line: {time_ratio:.2f}, at most {MAX_TIME_RATIO}")
    print(f"peak: {many.max_rss_mib:.1f}, at most {limit_mib:.1f} MiB")
    return time_ratio <= MAX_TIME_RATIO and many.max_rss_mib <= limit_mib


def cpu_us_a_line(run: Measured, one: Measured) -> float:
    """Less that of a run of one line."""
    return (run.cpu_s - one.cpu_s) / run.num_lines * 1e6


def run_study(
    description: str,
    count_flag: str,
    compare: Callable[[Path, Path, int], bool],
) -> int:
    """Reads the flags, and compares in a temporary folder; the exit code."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(count_flag, dest="count", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="for temporary files")
    parser.add_argument(
        "--melmill",
        type=Path,
        default=Path(__file__).parents[2] / "build/release/tools/melmill",
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        melmill = arguments.melmill.resolve(strict=True)
        passed = compare(melmill, Path(folder), arguments.count)
    return 0 if passed else 1


def main() -> int:
    return run_study(__doc__.splitlines()[0], "--lines", compare)


if __name__ == "__main__":
    sys.exit(main())
