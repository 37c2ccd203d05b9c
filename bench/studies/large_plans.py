#!/usr/bin/env python3
"""Measures plans of many lines: their memory, their parts, slow files.

By hand; all files go to a temporary folder, which for the time should be in
memory:

    bench/studies/large_plans.py lines 1000000 10000000 --folder /dev/shm
    bench/studies/large_plans.py finish 1000000 --folder /dev/shm
    bench/studies/large_plans.py slow 60000 --folder /dev/shm

`lines` measures for each number of lines: a plan; a plan whose lines were all
read before, as after a kill; and the time until a part opens its first shard.
`finish` makes a store in one part, of clips of 0.2 s, and measures the finish.
`slow` plans with files of which each call takes 1, 3 or 5 ms, by numbers of
waiting threads. The plan of known lines is compared with the other plan.
"""

import argparse
import filecmp
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import process_run
from many_lines import make_clips, manifest_lines

BUILD = Path(__file__).resolve().parents[2] / "build"
NUM_STARTS = 5


def write_manifest(folder: Path, num_lines: int) -> Path:
    manifest = folder / f"{num_lines}.jsonl"
    with manifest.open("w") as file:
        file.writelines(manifest_lines(num_lines))
    return manifest


def plan_command(
    program: Path, manifest: Path, store: Path, *flags: str
) -> list[str | Path]:
    command: list[str | Path] = [program, "plan", manifest]
    command += ["--audio-root", manifest.parent, "--out", store, "--quiet"]
    return [*command, *flags]


def part_command(program: Path, store: Path, part: str) -> list[str | Path]:
    return [program, "extract", "--part", part, "--out", store, "--quiet"]


def describe(run: process_run.ProcessRun) -> str:
    return (
        f"{run.seconds:.1f} s, {run.cpu_s:.1f} s of CPU, peak "
        f"{run.max_rss_mb:.0f} MiB"
    )


def seconds_to_first_shard(program: Path, store: Path) -> float:
    """From the start of a part until the file of its first shard is there."""
    part = part_command(program, store, "0/1000")
    begin = time.perf_counter()
    process = subprocess.Popen([*part, "--grace", "0"])
    while not any(name.endswith(".tmp") for name in os.listdir(store)):
        if process.poll() is not None:
            raise AssertionError(f"the part ended with {process.returncode}")
        time.sleep(0.001)
    seconds = time.perf_counter() - begin
    process.send_signal(signal.SIGTERM)
    process.wait()
    return seconds


def measure_lines(program: Path, folder: Path, num_lines: int) -> None:
    manifest = write_manifest(folder, num_lines)
    store, parts = folder / "store", folder / "parts"
    whole = process_run.run(plan_command(program, manifest, store))
    part = process_run.run(
        plan_command(program, manifest, parts, "--part", "0/1")
    )
    merge = process_run.run(plan_command(program, manifest, parts))
    if not filecmp.cmp(store / "plan.h5", parts / "plan.h5", shallow=False):
        raise AssertionError("the plan in parts is another one")
    for name, run in (
        ("plan", whole),
        ("all lines in a part", part),
        ("plan of known lines", merge),
    ):
        print(f"{num_lines:,} lines, {name}: {describe(run)}", flush=True)
    starts = [seconds_to_first_shard(program, store) for _ in range(NUM_STARTS)]
    size = (store / "plan.h5").stat().st_size
    print(
        f"{num_lines:,} lines: a part opens its first shard after "
        f"{min(starts):.3f} to {max(starts):.3f} s; plan.h5 has {size:,} bytes",
        flush=True,
    )
    for path in (store, parts):
        shutil.rmtree(path)
    manifest.unlink()


def measure_finish(program: Path, folder: Path, num_lines: int) -> None:
    manifest = write_manifest(folder, num_lines)
    store = folder / "store"
    process_run.run(plan_command(program, manifest, store))
    made = process_run.run(part_command(program, store, "0/1"))
    finish = process_run.run([program, "finish", "--out", store, "--quiet"])
    for name, run in (("one part", made), ("finish", finish)):
        print(f"{num_lines:,} rows, {name}: {describe(run)}", flush=True)


def measure_slow(
    program: Path, folder: Path, num_lines: int, shim: Path
) -> None:
    manifest = write_manifest(folder, num_lines)
    for delay_ms in (1, 3, 5):
        for num_threads in (16, 64, 256, 1024):
            store = folder / "store"
            slow = [
                *("env", f"LD_PRELOAD={shim}", f"SLOW_FILES_MS={delay_ms}"),
                f"SLOW_FILES_ROOT={folder}",
            ]
            command = plan_command(
                program, manifest, store, "--io-threads", str(num_threads)
            )
            run = process_run.run([*slow, *command])
            print(
                f"{delay_ms} ms a call, {num_threads} threads: "
                f"{num_lines / run.seconds:,.0f} files/s, {run.cpu_s:.1f} s of "
                "CPU",
                flush=True,
            )
            shutil.rmtree(store)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["lines", "finish", "slow"])
    parser.add_argument("num_lines", type=int, nargs="+")
    parser.add_argument("--folder", type=Path, help="for temporary files")
    parser.add_argument(
        "--melmill", type=Path, default=BUILD / "release/tools/melmill"
    )
    parser.add_argument(
        "--shim",
        type=Path,
        default=BUILD / "bench/bench/studies/libslow_files.so",
    )
    arguments = parser.parse_args()
    program = arguments.melmill.resolve(strict=True)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        make_clips(folder)
        for num_lines in arguments.num_lines:
            if arguments.what == "lines":
                measure_lines(program, folder, num_lines)
            elif arguments.what == "finish":
                measure_finish(program, folder, num_lines)
            else:
                shim = arguments.shim.resolve(strict=True)
                measure_slow(program, folder, num_lines, shim)
    return 0


if __name__ == "__main__":
    sys.exit(main())
