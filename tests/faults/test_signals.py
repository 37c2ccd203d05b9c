"""A run that is asked to stop."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fault_job import final_name
from support import (
    extract,
    files_of,
    last_line,
    manifest_row,
    melmill_path,
    noise,
    run_melmill,
    write_manifest,
    write_wav,
)

NUM_CLIPS = 60
SHARD_SIZE = "1MiB"  # about 10 clips


@pytest.fixture(scope="module")
def slow_job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of 5 s in a few shards, and their undisturbed store."""
    folder = tmp_path_factory.mktemp("slow_job")
    for number in range(NUM_CLIPS):
        write_wav(folder / f"{number}.wav", noise(5 * 16000, seed=number))
    rows = [manifest_row(f"{number}.wav") for number in range(NUM_CLIPS)]
    write_manifest(folder / "train.jsonl", rows)
    whole = extract(folder / "whole", *arguments(), cwd=folder)
    assert 4 <= len(whole.index["shards"]) <= 9
    return folder


def arguments() -> list[str]:
    return ["train.jsonl", "--shard-size", SHARD_SIZE, "--threads", "1"]


def shards(store: Path) -> list[str]:
    """The final names of shards."""
    return [
        path.name
        for path in store.glob("train.*.h5")
        if path.name != "train.rows.h5"
    ]


class SlowRun:
    """A run whose every read takes its time, and what became of it."""

    def __init__(self, job: Path, store: Path, library: Path, read_ms: int):
        self.store = store
        self.process = subprocess.Popen(
            [
                melmill_path(),
                "extract",
                *arguments(),
                "--io-threads",
                "1",
                "--audio-root",
                str(job),
                "--out",
                str(store),
            ],
            cwd=job,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "LD_PRELOAD": str(library),
                "SLOW_FILES_ROOT": str(job),
                "SLOW_FILES_MS": str(read_ms),
            },
        )

    def wait_for(self, what: Callable[[], bool]) -> None:
        give_up = time.monotonic() + 60
        while not what():
            assert self.process.poll() is None
            assert time.monotonic() < give_up
            time.sleep(0.005)

    def end(self) -> tuple[int, str]:
        """Exit code and standard error."""
        _, stderr = self.process.communicate(timeout=60)
        return self.process.returncode, stderr


@pytest.fixture
def slow_files() -> Path:
    build = Path(melmill_path()).parents[1]
    return build / "bench" / "studies" / "libslow_files.so"


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name
)
def test_a_signalled_run_completes_the_shards_in_work_and_begins_no_other(
    slow_job: Path, tmp_path: Path, slow_files: Path, number: signal.Signals
) -> None:
    store = tmp_path / "store"
    run = SlowRun(slow_job, store, slow_files, read_ms=25)
    run.wait_for(lambda: len(shards(store)) == 1)
    run.wait_for(lambda: any(store.glob("train.*.tmp")))
    in_work = {final_name(path.name) for path in store.glob("train.*.tmp")}
    run.process.send_signal(number)
    exit_code, stderr = run.end()
    assert exit_code == 128 + number
    assert "stopping: completing 1 shard in work" in stderr
    assert in_work <= set(shards(store))
    assert list(store.glob("*.tmp")) == []
    num_shards = len(shards(slow_job / "whole"))
    kept = len(shards(store))
    assert kept < num_shards
    assert last_line(stderr) == (
        f"{kept} of {num_shards} shards kept; run the same command to resume."
    )

    rerun = run_melmill("extract", *arguments(), "--out", store, cwd=slow_job)
    assert rerun.exit_code == 0, rerun.stderr
    assert files_of(store) == files_of(slow_job / "whole")


def test_a_second_signal_ends_the_run_at_once(
    slow_job: Path, tmp_path: Path, slow_files: Path
) -> None:
    store = tmp_path / "store"
    run = SlowRun(slow_job, store, slow_files, read_ms=100)
    run.wait_for(lambda: len(shards(store)) == 1)
    run.wait_for(lambda: any(store.glob("train.*.tmp")))
    for _ in range(2):
        run.process.send_signal(signal.SIGTERM)
        time.sleep(0.05)  # two at once are one
    exit_code, stderr = run.end()
    assert exit_code == 143
    assert "kept" not in stderr
    assert list(store.glob("train.*.tmp")) != []

    rerun = run_melmill("extract", *arguments(), "--out", store, cwd=slow_job)
    assert rerun.exit_code == 0, rerun.stderr
    assert files_of(store) == files_of(slow_job / "whole")
