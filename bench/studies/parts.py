#!/usr/bin/env python3
"""Measures what it costs to make a store in parts.

Compares the processor time of plan, N parts and finish with that of one run,
which must give the same bytes, and the time that a part needs before it ends
without work. By hand, over a warm corpus:

    bench/studies/parts.py --folder /dev/shm /dev/shm/corpus/*/corpus.jsonl
"""

import argparse
import dataclasses
import filecmp
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from common import process_run

BUILD = Path(__file__).resolve().parents[2] / "build"
NOT_COMPARED = (".lock", ".local")


@dataclasses.dataclass(frozen=True)
class Cost:
    """What one or more runs of the program took together."""

    cpu_s: float = 0
    seconds: float = 0
    max_rss_mb: float = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.cpu_s + other.cpu_s,
            self.seconds + other.seconds,
            max(self.max_rss_mb, other.max_rss_mb),
        )


def cost(program: Path, *arguments: str | Path) -> Cost:
    run = process_run.run([program, *arguments, "--quiet"])
    return Cost(run.cpu_s, run.seconds, run.max_rss_mb)


def store_in_parts(
    program: Path, plan: Sequence[str | Path], store: Path, num_parts: int
) -> dict[str, Cost]:
    """The costs of plan, all parts and finish."""
    shutil.rmtree(store, ignore_errors=True)
    costs = {"plan": cost(program, "plan", *plan, "--out", store)}
    costs["parts"] = sum(
        (
            cost(
                program, "extract", "--part", f"{i}/{num_parts}", "--out", store
            )
            for i in range(num_parts)
        ),
        Cost(),
    )
    costs["an empty part"] = cost(
        program, "extract", "--part", f"0/{num_parts}", "--out", store
    )
    costs["finish"] = cost(program, "finish", "--out", store)
    return costs


def check_same(one: Path, other: Path) -> None:
    names = sorted({path.name for path in (*one.iterdir(), *other.iterdir())})
    names = [name for name in names if name not in NOT_COMPARED]
    _, differ, missing = filecmp.cmpfiles(one, other, names, shallow=False)
    if differ or missing:
        raise AssertionError(f"not the store of one run: {differ + missing}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--folder", type=Path, help="for the stores")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parts", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--shard-size", default="8MiB")
    parser.add_argument(
        "--melmill", type=Path, default=BUILD / "release/tools/melmill"
    )
    arguments = parser.parse_args()
    program = arguments.melmill.resolve(strict=True)
    plan: tuple[str | Path, ...] = (
        *(arguments.manifest, "--audio-root", arguments.manifest.parent),
        *("--shard-size", arguments.shard_size),
    )
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        one, store = Path(name) / "one", Path(name) / "store"
        for num_parts in arguments.parts:
            ratios = []
            for number in range(arguments.rounds + 1):
                shutil.rmtree(one, ignore_errors=True)
                whole = cost(program, "extract", *plan, "--out", one)
                costs = store_in_parts(program, plan, store, num_parts)
                check_same(one, store)
                made = costs["plan"] + costs["parts"] + costs["finish"]
                if number > 0:
                    ratios.append(made.cpu_s / whole.cpu_s)
            shown = ", ".join(
                f"{step} {part.cpu_s:.2f} s ({part.seconds:.2f} s, "
                f"{part.max_rss_mb:.0f} MB)"
                for step, part in costs.items()
            )
            print(
                f"{num_parts} parts: {statistics.median(ratios):.3f} of the "
                f"processor time of one run, {whole.cpu_s:.2f} s; {shown}",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
