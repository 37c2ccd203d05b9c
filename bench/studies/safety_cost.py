#!/usr/bin/env python3
"""Measures what it costs that nothing is lost.

Runs `melmill extract` in turns with and without flushing (shims/no_sync.c,
loaded before the C library) and, with --earlier, with an earlier build of the
program without flushing: one from before marks, watch and checksums shows
what those cost. Each run makes a whole store, warm; those of one build must be
equal. By hand:

    build/bench-venv/bin/python bench/studies/speech_corpus.py /dev/shm/corpus
    bench/studies/safety_cost.py /dev/shm/corpus/*/corpus.jsonl --folder FOLDER

The folder of the stores says which disk is measured.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from common import process_run
from common.statistics_of_runs import Spread

BUILD = Path(__file__).resolve().parents[2] / "build"


def run_s(command: Sequence[str | Path], manifest: Path, store: Path) -> float:
    """Seconds of one extraction; the store is left."""
    shutil.rmtree(store, ignore_errors=True)
    run = process_run.run(
        [
            *command,
            *("extract", manifest, "--audio-root", manifest.parent),
            *("--quiet", "--json", "--out", store),
        ]
    )
    report = json.loads(run.stdout)
    if report["lines"] != report["stored"]:
        raise AssertionError(f"{manifest}: {report['stored']} rows stored")
    return run.seconds


def shard_checksums(store: Path) -> list[str]:
    index = json.loads((store / "store.json").read_text())
    return [shard["checksum"] for shard in index["shards"]]


def measure(
    commands: dict[str, list[str | Path]],
    manifest: Path,
    folder: Path,
    num_rounds: int,
) -> None:
    """Prints each command's time and its speed relative to the first."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    expected: dict[str | Path, list[str]] = {}
    for number in range(num_rounds + 1):  # the first warms
        order = list(commands)
        if number % 2:
            order.reverse()
        for name in order:
            store = folder / "store"
            passed_s = run_s(commands[name], manifest, store)
            checksums = shard_checksums(store)
            program = commands[name][-1]
            if checksums != expected.setdefault(program, checksums):
                raise AssertionError(f"{name}: another store")
            if number:
                seconds[name].append(passed_s)
    first = next(iter(seconds.values()))
    print(manifest)
    for name, times in seconds.items():
        time_s = Spread.of(times)
        speed = Spread.of(a / b for a, b in zip(times, first, strict=True))
        print(
            f"  {name:30} {time_s.median:6.2f} s "
            f"({time_s.low:.2f}-{time_s.high:.2f}), the first's speed is "
            f"{speed.median:.3f} of it ({speed.low:.2f}-{speed.high:.2f})"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifests", type=Path, nargs="+")
    parser.add_argument("--folder", type=Path, help="for the stores")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--earlier", type=Path, help="a melmill to compare")
    parser.add_argument(
        "--melmill", type=Path, default=BUILD / "release/tools/melmill"
    )
    parser.add_argument(
        "--no-sync",
        type=Path,
        default=BUILD / "dev/bench/studies/libno_sync.so",
    )
    arguments = parser.parse_args()
    without = ["env", f"LD_PRELOAD={arguments.no_sync.resolve(strict=True)}"]
    melmill = arguments.melmill.resolve(strict=True)
    commands: dict[str, list[str | Path]] = {
        "melmill": [melmill],
        "without flushing": [*without, melmill],
    }
    if arguments.earlier:
        earlier = arguments.earlier.resolve(strict=True)
        commands["earlier, without flushing"] = [*without, earlier]
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for manifest in arguments.manifests:
            measure(commands, manifest, Path(folder), arguments.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
