"""What a run of long rows takes to stop, and what is lost then."""

import concurrent.futures
import dataclasses
import json
import os
import random
import signal
import struct
import subprocess
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from support import (
    last_line,
    manifest_row,
    melmill_path,
    noise,
    write_manifest,
    write_wav,
)

# A row is 3 min of silence in a sparse file of six blocks, each of which takes
# its time to be read: long rows that cost no computer anything.
NUM_ROWS = 24
ROW_SECONDS = 180
ROW_FRAMES = 100 * ROW_SECONDS
READ_MS = 150
SECONDS_PER_ROW = 7 * READ_MS / 1000  # it is opened, too
BYTES_PER_FRAME = 256
SHARD_SIZE = "16MiB"  # 2 to 5 rows
FEATURES_OFFSET = 4096  # in every shard (docs/format.md)
SHARDS_KEPT = "{} of {} {} kept; run the same command to resume."


def wav_header(num_bytes: int, encoding: int, bits: int) -> bytes:
    """Of a mono file at 16 kHz."""
    size = bits // 8
    head = struct.pack("<4sI4s", b"RIFF", 36 + num_bytes, b"WAVE")
    form = (encoding, 1, 16000, 16000 * size, size, bits)
    head += struct.pack("<4sIHHIIHH", b"fmt ", 16, *form)
    return head + struct.pack("<4sI", b"data", num_bytes)


@pytest.fixture(scope="module")
def long_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("long_rows")
    num_bytes = 2 * 16000 * ROW_SECONDS
    header = wav_header(num_bytes, encoding=1, bits=16)
    for number in range(NUM_ROWS):
        with (folder / f"{number}.wav").open("wb") as file:
            file.write(header)
            file.truncate(44 + num_bytes)
    rows = [manifest_row(f"{number}.wav") for number in range(NUM_ROWS)]
    write_manifest(folder / "train.jsonl", rows)
    return folder


@dataclasses.dataclass
class Ended:
    """A run that was signalled, and what it left."""

    exit_code: int
    seconds: float  # from the signal on
    report: dict[str, Any]
    stderr: str
    committed_frames: int
    frames_of_temporary_files: list[int]
    num_shards: int  # committed


def frames_of_shards(store: Path) -> list[int]:
    frames = []
    for path in store.glob("train.*.h5"):
        if path.name != "train.rows.h5":
            with h5py.File(path) as file:
                frames.append(int(file["features"].shape[0]))
    return frames


def frames_begun(path: Path) -> int:
    """Those written to a shard's temporary file: silence is not zero.

    The tables that end a shard's file count too.
    """
    count = 0
    with path.open("rb") as file:
        file.seek(FEATURES_OFFSET)
        while block := file.read(BYTES_PER_FRAME << 10):
            whole = len(block) // BYTES_PER_FRAME * BYTES_PER_FRAME
            frames = np.frombuffer(block[:whole], np.uint8)
            count += int(frames.reshape(-1, BYTES_PER_FRAME).any(1).sum())
    return count


def shim() -> Path:
    return (
        Path(melmill_path()).parents[1]
        / "bench"
        / "studies"
        / "libslow_files.so"
    )


def command(
    job: Path, store: Path, shard_size: str = SHARD_SIZE, *flags: str
) -> list[str]:
    return [
        melmill_path(),
        "extract",
        str(job / "train.jsonl"),
        "--audio-root",
        str(job),
        "--out",
        str(store),
        "--shard-size",
        shard_size,
        *flags,
    ]


def start_slowly(
    command: list[str], job: Path, read_ms: int = READ_MS
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "LD_PRELOAD": str(shim()),
            "SLOW_FILES_ROOT": str(job),
            "SLOW_FILES_MS": str(read_ms),
        },
    )


def wait_for_a_shard(process: subprocess.Popen[str], store: Path) -> None:
    give_up = time.monotonic() + 120
    while not any(store.glob("train.*.tmp")):
        assert process.poll() is None
        assert time.monotonic() < give_up
        time.sleep(0.01)


def run_and_signal(
    job: Path,
    store: Path,
    after_seconds: float,
    number: signal.Signals = signal.SIGTERM,
    flags: tuple[str, ...] = ("--threads", "1"),
    shard_size: str = SHARD_SIZE,
) -> Ended:
    """Signals a run `after_seconds` of extracting."""
    arguments = command(job, store, shard_size, "--json", *flags)
    with start_slowly(arguments, job) as process:
        wait_for_a_shard(process, store)
        time.sleep(after_seconds)
        assert process.poll() is None, "the run is over: signal it earlier"
        process.send_signal(number)
        start = time.monotonic()
        stdout, stderr = process.communicate(timeout=300)
        seconds = time.monotonic() - start
    frames = frames_of_shards(store)
    return Ended(
        process.returncode,
        seconds,
        json.loads(stdout) if stdout else {},
        stderr,
        sum(frames),
        list(map(frames_begun, store.glob("train.*.tmp"))),
        len(frames),
    )


def frames_of_the_largest_shard(job: Path, tmp_path: Path) -> int:
    store = tmp_path / "whole"
    subprocess.run(command(job, store), check=True, capture_output=True)
    return max(frames_of_shards(store))


def most_lost(largest_shard: int, num_threads: int) -> int:
    """Frames of the largest shard and of a row for each further thread."""
    return largest_shard + (num_threads - 1) * ROW_FRAMES


THREADS = (1, 2, 7)


def moments(count: int, seed: int) -> list[tuple[int, float]]:
    """Numbers of threads, and seconds at which they are not done."""
    draw = random.Random(seed)
    run_seconds = {n: NUM_ROWS * SECONDS_PER_ROW / n for n in THREADS}
    return [
        (n, draw.uniform(0.1, 0.7) * run_seconds[n])
        for n, _ in zip(THREADS * count, range(count), strict=False)
    ]


def test_a_signalled_run_ends_within_11_s_at_any_moment(
    long_rows: Path, tmp_path: Path
) -> None:
    def run(case: int, num_threads: int, after_seconds: float) -> Ended:
        simd = ("auto", "none")[case % 2]
        return run_and_signal(
            long_rows,
            tmp_path / str(case),
            after_seconds,
            flags=("--threads", str(num_threads), "--simd", simd),
        )

    largest_shard = frames_of_the_largest_shard(long_rows, tmp_path)
    cases = moments(20, seed=14)
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        runs = [pool.submit(run, i, *case) for i, case in enumerate(cases)]
    num_unfinished = 0
    for (num_threads, _), future in zip(cases, runs, strict=True):
        ended = future.result()
        assert ended.exit_code == 128 + signal.SIGTERM
        assert ended.seconds < 11
        report = ended.report
        assert report["shards_made"] == ended.num_shards
        assert report["shards_kept"] == 0
        num_unfinished += report["shards_left"] > 0
        stored = report["extraction"]["stored_bytes"] // BYTES_PER_FRAME
        lost = stored - ended.committed_frames
        assert lost <= most_lost(largest_shard, num_threads)
    # Seven threads may complete the last shards within the 10 s.
    assert num_unfinished >= len(cases) // 2


def test_kill_loses_a_shard_and_a_row_a_further_thread_at_most(
    long_rows: Path, tmp_path: Path
) -> None:
    def kill(case: int, num_threads: int, after_seconds: float) -> Ended:
        flags = ("--threads", str(num_threads))
        store = tmp_path / str(case)
        return run_and_signal(
            long_rows, store, after_seconds, signal.SIGKILL, flags
        )

    largest_shard = frames_of_the_largest_shard(long_rows, tmp_path)
    cases = moments(18, seed=41)
    with concurrent.futures.ThreadPoolExecutor(18) as pool:
        runs = [pool.submit(kill, i, *case) for i, case in enumerate(cases)]
    lost_with = dict.fromkeys(THREADS, 0)
    for (num_threads, _), future in zip(cases, runs, strict=True):
        # A file of more frames holds the tables that end it.
        half_made = future.result().frames_of_temporary_files
        lost = sum(min(frames, largest_shard) for frames in half_made)
        assert lost <= most_lost(largest_shard, num_threads)
        lost_with[num_threads] = max(lost_with[num_threads], lost)
    assert min(lost_with.values()) > ROW_FRAMES, "nothing was at risk"


def test_the_shard_nearest_to_its_end_is_completed_if_it_fits(
    long_rows: Path, tmp_path: Path
) -> None:
    # The first, of 2 to 5 rows: 5.3 s at most, and measured over one of them.
    store = tmp_path / "store"
    ended = run_and_signal(long_rows, store, 1.5 * SECONDS_PER_ROW)
    assert ended.exit_code == 128 + signal.SIGTERM
    # Rows of the second may be in work too.
    count = {1: "1 shard", 2: "2 shards"}[ended.num_shards]
    assert f"stopping: completing {count} in work" in ended.stderr
    assert ended.report["shards_made"] == ended.num_shards


def test_a_run_none_of_whose_shards_fits_stops_at_once(
    long_rows: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    # One shard of all rows, 25 s.
    after_seconds = 2 * SECONDS_PER_ROW
    ended = run_and_signal(long_rows, store, after_seconds, shard_size="1GiB")
    assert ended.exit_code == 128 + signal.SIGTERM
    assert ended.seconds < 3
    assert ended.num_shards == 0
    assert "stopping: no shard in work can be completed in 10 s" in ended.stderr
    assert list(store.glob("*.tmp")) == []


def test_the_last_line_says_what_is_kept(
    long_rows: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    arguments = command(long_rows, store, "1GiB", "--threads", "1")
    with start_slowly(arguments, long_rows) as process:
        wait_for_a_shard(process, store)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert last_line(stderr) == SHARDS_KEPT.format(0, 1, "shard")


def test_a_row_that_is_checked_again_ends_in_mid_work_too(
    tmp_path: Path,
) -> None:
    """A rejected row of 12 blocks in a store that is complete."""
    job = tmp_path / "job"
    job.mkdir()
    num_bytes = 12 << 20
    header = wav_header(num_bytes, encoding=3, bits=32)
    with (job / "bad.wav").open("wb") as file:
        file.write(header)
        file.truncate(len(header) + num_bytes - 4)
        file.seek(0, os.SEEK_END)
        file.write(np.float32(np.nan).tobytes())
    write_wav(job / "good.wav", noise(16000))
    rows = [manifest_row(name) for name in ("good.wav", "bad.wav")]
    write_manifest(job / "train.jsonl", rows)
    store = tmp_path / "store"
    arguments = [*command(job, store), "--max-rejects", "1"]
    subprocess.run(arguments, check=True, capture_output=True)
    # The plan takes 4 s, the row 7 s.
    with start_slowly(arguments, job, read_ms=500) as process:
        time.sleep(5.5)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        start = time.monotonic()
        process.communicate(timeout=60)
        assert time.monotonic() - start < 3
    assert process.returncode == 128 + signal.SIGINT
