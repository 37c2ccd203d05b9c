"""Compares two nodes with one, in Ray and in Slurm.

All nodes are on this machine, which needs two processors: the programs of a
node run on one of them, with one thread. The same corpus (20 s clips of noise
as Opus, which is expensive to decode) becomes a store with each engine and
each number of nodes. The stores must have the same bytes; then the times are
shown. By hand, as root and with the packages of `tools/dependencies slurm`:

    PYTHONPATH=bench/studies:tests/slurm build/ray-venv/bin/python \
      -m engines.nodes --melmill build/release/tools/melmill --folder /var/tmp
"""

import argparse
import dataclasses
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import soundfile
from common import process_run
from parts import check_same

from engines import ray_nodes, slurm_nodes

NODE = "STUDY_NODE"
NUM_CLIPS = 16
CLIP_S = 20
RATE_HZ = 48000
NUM_PARTS = 6
SHARD_SIZE = "16MiB"

# Stands for melmill on the nodes, whose names end with 0 and 1, or 1 and 2:
# runs it on the node's processor, and notes the processor time that it took.
PROGRAM = """\
#!/bin/sh
case "${{STUDY_NODE:-$SLURMD_NODENAME}}" in
  0|n1) processor={first} ;;
  1|n2) processor={second} ;;
esac
taskset -c "$processor" "{program}" "$@"
code=$?
times >>"{log}"
exit $code
"""


@dataclasses.dataclass(frozen=True)
class Made:
    """What it took to make a store, from the command to the end."""

    engine: str
    num_nodes: int
    seconds: float
    cpu_s: float  # of melmill
    other_cpu: float  # share of the machine that all else used meanwhile


class Study:
    """A corpus, and the stores that engines make of it.

    Args:
      folder: For everything; empty.
      melmill: The program.
      hours: Of audio.
    """

    def __init__(self, folder: Path, melmill: Path, hours: float) -> None:
        self.folder = folder
        self.log = folder / "times"
        self.one = folder / "one"
        self.program = folder / "bin" / "melmill"
        self.program.parent.mkdir()
        first, second, *_ = sorted(os.sched_getaffinity(0))
        self.program.write_text(
            PROGRAM.format(
                program=melmill, log=self.log, first=first, second=second
            )
        )
        self.program.chmod(0o755)
        manifest = folder / "corpus.jsonl"
        make_corpus(manifest, hours)
        self.plan = [str(manifest), "--shard-size", SHARD_SIZE]
        process_run.run([melmill, "extract", *self.plan, "--out", self.one])

    def with_ray(self, num_nodes: int) -> Made:
        with ray_nodes.ray_nodes(num_nodes, NODE) as env:
            return self._measure(
                "Ray",
                num_nodes,
                lambda store: ray_nodes.make_store(
                    self.program, self.plan, store, NUM_PARTS, env
                ),
            )

    def with_slurm(self, num_nodes: int) -> Made:
        examples = slurm_nodes.copy_examples(
            self.folder / f"slurm{num_nodes}", NUM_PARTS
        )
        path = f"{self.program.parent}{os.pathsep}{os.environ['PATH']}"
        with slurm_nodes.slurm_nodes(
            num_nodes, self.folder / "cluster"
        ) as cluster:
            return self._measure(
                "Slurm",
                num_nodes,
                lambda store: slurm_nodes.make_store(
                    cluster, examples, self.plan, store, path
                ),
            )

    def _measure(
        self, engine: str, num_nodes: int, make: Callable[[Path], None]
    ) -> Made:
        """Checks the store, too, and removes it."""
        store = self.folder / "store"
        self.log.write_text("")
        os.sync()
        busy_before, begin = process_run.busy_s(), time.perf_counter()
        make(store)
        seconds = time.perf_counter() - begin
        busy_s = process_run.busy_s() - busy_before
        check_same(self.one, store)
        shutil.rmtree(store)
        cpu_s = children_cpu_s(self.log.read_text())
        other = max(0.0, busy_s - cpu_s) / seconds / (os.cpu_count() or 1)
        return Made(engine, num_nodes, seconds, cpu_s, other)


def make_corpus(manifest: Path, hours: float) -> None:
    source = np.random.default_rng(1)
    for number in range(NUM_CLIPS):
        samples = source.normal(0, 0.1, CLIP_S * RATE_HZ).astype(np.float32)
        soundfile.write(
            manifest.with_name(f"{number}.opus"),
            samples,
            RATE_HZ,
            format="OGG",
            subtype="OPUS",
        )
    with manifest.open("w") as file:
        for line in range(round(hours * 3600 / CLIP_S)):
            text = f"language English<asr_text>the words of line {line}"
            audio = str(manifest.with_name(f"{line % NUM_CLIPS}.opus"))
            file.write(json.dumps({"audio": audio, "text": text}) + "\n")


def children_cpu_s(text: str) -> float:
    """The sum of what `times` of a shell says of its children.

    It writes two lines: user and system time of the shell, and those of its
    children, as in 0m1.250000s.
    """
    words = [word for line in text.splitlines()[1::2] for word in line.split()]
    pairs = [word.removesuffix("s").split("m") for word in words]
    return sum(60 * int(minutes) + float(rest) for minutes, rest in pairs)


def show(runs: Iterable[Made]) -> None:
    one_node: dict[str, Made] = {}
    for run in runs:
        one = one_node.setdefault(run.engine, run)
        print(
            f"{run.engine}, nodes: {run.num_nodes}: {run.seconds:.1f} s "
            f"({one.seconds / run.seconds:.2f} times as fast as one node), "
            f"{run.cpu_s:.1f} s of CPU ({run.cpu_s / one.cpu_s:.2f} times as "
            f"much); all else used {run.other_cpu:.0%} of the machine",
            flush=True,
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="for corpus and stores")
    parser.add_argument("--hours", type=float, default=12)
    parser.add_argument("--melmill", type=Path, required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        study = Study(
            Path(name), arguments.melmill.resolve(strict=True), arguments.hours
        )
        show(
            make(num_nodes)
            for make in (study.with_ray, study.with_slurm)
            for num_nodes in (1, 2)
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
