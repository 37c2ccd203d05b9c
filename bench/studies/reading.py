#!/usr/bin/env python3
"""Measures how fast a store is read, compared with other ways to do it.

Makes a store of the manifest, and what the others read from its rows; checks
that all give the same numbers; then times them in turns, warm, in one process
with one computing thread. By hand, in the environment of the peers:

    bench/studies/peers.py --help                                    makes it
    build/bench-venv/bin/python bench/studies/speech_corpus.py CORPUS --hours 2
    build/bench-venv/bin/python bench/studies/reading.py CORPUS/*/corpus.jsonl

--workers STORE measures the memory of a DataLoader's workers instead, --open
STORE how long it takes to open one, and its memory.
"""

import argparse
import functools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "python"))

import melmill  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from melmill._batch.tensors import padded_tensors  # noqa: E402
from melmill.torch import FeatureDataset, collate  # noqa: E402
from readers import ways  # noqa: E402
from readers.ways import Peer  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

BATCH_SIZE = 8
# Largest difference of features that are computed from samples: numerics.md's
# bound and half a unit in the last place of float16.
MAX_DIFFERENCE = 2e-4 + 2.0**-11
WARM_UP_BATCHES = 100
STORED_TYPES = ("f16", "f32", "bf16", "u8")


def timed_s(action: Callable[[], object]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def check_equal(
    split: melmill.Split, peers: Sequence[Peer], batch: Sequence[int]
) -> None:
    """Raises unless all peers give the first's numbers."""
    expected, _ = peers[0].batch(batch)
    for peer in peers[1:]:
        features, mask = peer.batch(batch)
        for at, index in enumerate(batch):
            # The last frames depend on the padding, which few compute.
            body = split[index].num_frames - 3
            difference = features[at, :, :body] - expected[at, :, :body]
            worst = float(difference.abs().max())
            allowed = MAX_DIFFERENCE if peer.is_computed else 0
            if worst > allowed or mask[at, :body].min() != 1:
                raise AssertionError(f"{peer.name}: row {index}: {worst}")


def random_batches(
    split: melmill.Split, count: int, batch_size: int = BATCH_SIZE, *, seed: int
) -> Iterator[list[int]]:
    source = np.random.default_rng(seed)
    for _ in range(count):
        yield source.integers(0, len(split), batch_size).tolist()


def compare_batches(
    split: melmill.Split, peers: Sequence[Peer], num_rounds: int, kind: str
) -> None:
    """Prints each peer's time for a batch, and its ratio to the first's."""
    for batch in random_batches(split, 3, seed=1):
        check_equal(split, peers, batch)
    times: dict[str, list[float]] = {peer.name: [] for peer in peers}
    for batch in random_batches(split, num_rounds, seed=2):
        for peer in peers:
            make = functools.partial(peer.batch, batch)
            make()  # warm: all read the same rows
            times[peer.name].append(timed_s(make))
    print(f"a {kind} batch of {BATCH_SIZE}, median of {num_rounds}:")
    first = times[peers[0].name]
    for name, seconds in times.items():
        ratio = statistics.median(
            b / a for a, b in zip(first, seconds, strict=True)
        )
        milliseconds = 1e3 * statistics.median(seconds)
        print(f"  {name:28} {milliseconds:8.3f} ms  {ratio:6.2f}")


def compare_views(split: melmill.Split, num_rounds: int) -> None:
    """Prints the time of a row as a view, and of h5py's slice of it."""
    import h5py

    shard = split.store.indices[0].shards[0]
    path = split.store.folders[0] / shard.file
    table = split.parts[0].table
    rows = np.flatnonzero(table.shard == 0)[:200].tolist()
    places = [(int(table.start[i]), int(table.num_frames[i])) for i in rows]
    ratios, views, slices = [], [], []
    with h5py.File(path) as file:
        stored = file["features"]
        for index, (start, size) in zip(rows, places, strict=True):
            sliced = stored[start : start + size]
            if not np.array_equal(split[index].features, sliced):
                raise AssertionError(f"row {index} differs")
        for _ in range(num_rounds):
            views.append(timed_s(lambda: [split[i].features for i in rows]))
            slices.append(
                timed_s(lambda: [stored[a : a + n] for a, n in places])
            )
            ratios.append(slices[-1] / views[-1])
    to_us = 1e6 / len(rows)
    print(
        f"a row: view {to_us * statistics.median(views):.1f} µs, h5py's slice "
        f"{to_us * statistics.median(slices):.1f} µs, ratio "
        f"{statistics.median(ratios):.1f}"
    )


def compare_memcpy(split: melmill.Split, num_rounds: int) -> None:
    """Prints how padded batches compare with copying what they hold."""
    for dtype in (torch.float32, torch.float16):
        for batch_size in (BATCH_SIZE, 8 * BATCH_SIZE):
            ratios = []
            for batch in random_batches(split, num_rounds, batch_size, seed=3):
                rows = [split[index] for index in batch]
                make = functools.partial(padded_tensors, rows, dtype=dtype)
                source = make().features.transpose(1, 2)
                made_s, copied_s = timed_s(make), timed_s(source.clone)
                ratios.append(copied_s / made_s)
            print(
                f"a padded batch of {batch_size} as {dtype}: "
                f"{statistics.median(ratios):.2f} of the speed of a copy of it"
            )


def private_mib(pid: int) -> float:
    """Memory of a process that no other shares."""
    fields = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(
        int(line.split()[1]) / 1024
        for line in fields
        if line.startswith(("Private_Clean:", "Private_Dirty:"))
    )


def watch_workers(folder: Path, num_workers: int, num_epochs: int) -> None:
    """Prints how the private memory of a DataLoader's workers develops."""
    store = melmill.open(folder)
    rows = FeatureDataset(store[store.splits[0]])
    loader = DataLoader(
        rows,
        BATCH_SIZE,
        shuffle=True,
        num_workers=num_workers,
        persistent_workers=True,
        collate_fn=collate,
    )
    num_batches, begin = 0, time.perf_counter()
    first: list[float] = []
    extremes: list[float] = []
    for _ in range(num_epochs):
        iterator = iter(loader)
        for _ in iterator:
            num_batches += 1
            if num_batches < WARM_UP_BATCHES or num_batches % 500:
                continue
            workers = iterator._workers
            used = [private_mib(worker.pid) for worker in workers]
            first = first or used
            extremes += [b - a for a, b in zip(first, used, strict=True)]
    passed_s = time.perf_counter() - begin
    print(
        f"{num_workers} workers, {num_epochs} epochs, {num_batches:,} batches "
        f"in {passed_s:.0f} s: private memory {max(first):.0f} MiB at batch "
        f"500, then {min(extremes):+.1f} to {max(extremes):+.1f} MiB"
    )


OPEN = """
import sys, time
import numpy, xxhash
def peak_mib():
    status = open("/proc/self/status").read()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
before = peak_mib()
begin = time.perf_counter()
import melmill
store = melmill.open(sys.argv[1])
passed = time.perf_counter() - begin
split = store[store.splits[0]]
found = split.find(split[len(split) // 2].audio).index
print(f"{len(split):,} rows: opened in {passed:.2f} s; peak memory "
      f"{peak_mib():.0f} MiB, {before:.0f} before")
"""


def measure_open(folder: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "python")}
    for _ in range(3):
        subprocess.run(
            [sys.executable, "-c", OPEN, folder], env=environment, check=True
        )


def make_store(
    melmill_program: Path, manifest: Path, folder: Path, feature_type: str
) -> Path:
    store = folder / feature_type
    flags = ("--quiet", "--dtype", feature_type, "--out", store)
    subprocess.run([melmill_program, "extract", manifest, *flags], check=True)
    return store


def compare_types(arguments: argparse.Namespace, folder: Path) -> None:
    """Prints how fast batches are made of stores of each type."""
    splits = {}
    for feature_type in STORED_TYPES:
        store = folder / feature_type
        if not store.exists():
            make_store(
                arguments.melmill, arguments.manifest, folder, feature_type
            )
        opened = melmill.open(store)
        splits[feature_type] = opened[opened.splits[0]]
    for dtype in (torch.float32, torch.bfloat16):
        for batch_size in (BATCH_SIZE, 8 * BATCH_SIZE):
            times: dict[str, list[float]] = {name: [] for name in splits}
            for batch in random_batches(
                splits["f16"], arguments.rounds, batch_size, seed=4
            ):
                for name, split in splits.items():
                    rows = [split[index] for index in batch]
                    make = functools.partial(padded_tensors, rows, dtype=dtype)
                    make()
                    times[name].append(timed_s(make))
            for name, seconds in times.items():
                speed = statistics.median(
                    a / b for a, b in zip(times["f16"], seconds, strict=True)
                )
                print(
                    f"a padded batch of {batch_size} as {dtype} of {name}: "
                    f"{1e3 * statistics.median(seconds):.2f} ms, {speed:.2f} "
                    "of the speed of f16"
                )


def compare(arguments: argparse.Namespace, folder: Path) -> None:
    store = make_store(arguments.melmill, arguments.manifest, folder, "f16")
    opened = melmill.open(store)
    split = opened[opened.splits[0]]
    mapped = melmill.open(store, access="mmap")[opened.splits[0]]
    compare_views(split, arguments.rounds)
    compare_memcpy(mapped, arguments.rounds)
    peers = [
        ways.melmill_peer(split, "melmill"),
        ways.melmill_peer(mapped, 'melmill, access="mmap"'),
        ways.h5py_peer(split),
        ways.h5py_opening_peer(split),
        ways.lhotse_peer(split, folder),
        ways.arrow_peer(split, folder),
        ways.upstream(split),
    ]
    compare_batches(split, peers, arguments.rounds, "float32")
    half = torch.float16
    peers = [
        ways.melmill_peer(split, "melmill", half),
        ways.melmill_peer(mapped, 'melmill, access="mmap"', half),
        ways.h5py_peer(split, half),
    ]
    compare_batches(split, peers, arguments.rounds, "float16")
    compare_types(arguments, folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", type=Path, nargs="?")
    parser.add_argument("--folder", type=Path, help="for the stores")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--workers", type=Path, metavar="STORE")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--open", type=Path, metavar="STORE")
    parser.add_argument(
        "--melmill",
        type=Path,
        default=REPOSITORY / "build" / "release" / "tools" / "melmill",
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.workers:
        watch_workers(arguments.workers, 4, arguments.epochs)
    if arguments.open:
        measure_open(arguments.open)
    if arguments.manifest:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            compare(arguments, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
