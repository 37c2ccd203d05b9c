"""Too few descriptors, threads or too little memory lose nothing."""

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_job import FaultJob, assert_only_whole_files, make_job
from memory_folder import memory_folder
from support import Run, files_of, last_line, melmill_path, run_melmill

ALONE = ("--threads", "1", "--io-threads", "1")


@pytest.fixture
def folder() -> Iterator[Path]:
    with memory_folder() as made:
        yield made


def limited(*limits: str) -> list[str]:
    """A command that runs another one with limits, as prlimit names them."""
    if shutil.which("prlimit") is None:
        pytest.skip("prlimit is not installed")
    return ["prlimit", *(f"--{limit}" for limit in limits)]


def ended_by_fftw(run: Run) -> bool:
    """FFTW asserts that it gets the memory it asks for."""
    return run.exit_code == -signal.SIGABRT and "fftw: alloc.c" in run.stderr


def assert_whole_or_stopped(
    job: FaultJob, whole: dict[str, bytes], store: Path, run: Run
) -> None:
    """The whole store, or a clear word and nothing wrong; removes the store."""
    errors = [line for line in run.stderr.splitlines() if "error: " in line]
    if run.exit_code == 0:
        assert errors == []
        assert files_of(store) == whole
    else:
        if not ended_by_fftw(run):
            assert run.exit_code in (2, 4), run
            assert len(errors) == 1, run.stderr
            assert errors[0].startswith("error: ")
        assert_only_whole_files(store, whole)
        if run.exit_code == 2:
            assert not store.exists()
            return
        assert job.extract(store).exit_code == 0
        assert files_of(store) == whole
    shutil.rmtree(store)


@pytest.mark.parametrize("flags", [ALONE, ()], ids=["alone", "default"])
def test_too_few_descriptors_are_refused_before_anything_is_written(
    job: FaultJob, whole: dict[str, bytes], folder: Path, flags: tuple[str, ...]
) -> None:
    exit_codes = []
    for limit in range(8, 65):
        store = folder / "store"
        under = limited(f"nofile={limit}:{limit}")
        run = job.extract(store, *flags, under=under)
        if run.exit_code == 2:
            message = last_line(run.stderr)
            assert f"files open at once, and the limit is {limit}:" in message
            assert "ulimit -n" in message
        else:
            assert run.exit_code == 0, (limit, run.stderr)
        assert_whole_or_stopped(job, whole, store, run)
        exit_codes.append(run.exit_code)
    # From one number on they are enough.
    assert exit_codes == sorted(exit_codes, reverse=True)
    assert exit_codes[0] == 2
    if flags == ALONE:
        assert exit_codes[-1] == 0


def test_the_number_asked_for_is_enough(
    job: FaultJob, whole: dict[str, bytes], folder: Path
) -> None:
    store = folder / "store"
    limit = 16
    while True:
        under = limited(f"nofile={limit}:{limit}")
        run = job.extract(store, "--threads", "8", under=under)
        if run.exit_code == 0:
            break
        asked = re.search(r"may have (\d+) files", last_line(run.stderr))
        assert asked is not None, run.stderr
        assert int(asked[1]) > limit
        limit = int(asked[1])
    assert files_of(store) == whole


def test_soft_limit_is_raised(
    job: FaultJob, whole: dict[str, bytes], folder: Path
) -> None:
    run = job.extract(folder / "store", under=limited("nofile=16:4096"))
    assert run.exit_code == 0, run.stderr
    assert files_of(folder / "store") == whole


@pytest.fixture
def half_gone(job: FaultJob, folder: Path) -> Path:
    """A store that lacks some shards."""
    store = folder / "store"
    assert job.extract(store).exit_code == 0
    for shard in sorted(store.glob("train.????????????.h5"))[1:]:
        shard.unlink()
    return store


def repair(job: FaultJob, store: Path, limit: str) -> Run:
    return run_melmill(
        "verify",
        store,
        "--repair",
        cwd=job.folder,
        under=limited(f"nofile={limit}"),
    )


def test_a_repair_with_too_few_descriptors_is_refused_at_its_start(
    job: FaultJob, whole: dict[str, bytes], half_gone: Path
) -> None:
    before = files_of(half_gone)
    assert len(before) < len(whole)
    limit = 16
    while True:
        run = repair(job, half_gone, f"{limit}:{limit}")
        if run.exit_code == 0:
            break
        assert run.exit_code == 2, run
        asked = re.search(r"may have (\d+) files", last_line(run.stderr))
        assert asked is not None, run.stderr
        assert int(asked[1]) > limit
        assert files_of(half_gone) == before
        limit = int(asked[1])
    assert limit > 16
    assert files_of(half_gone) == whole


def test_a_repair_raises_the_soft_limit(
    job: FaultJob, whole: dict[str, bytes], half_gone: Path
) -> None:
    run = repair(job, half_gone, "16:4096")
    assert run.exit_code == 0, run
    assert files_of(half_gone) == whole


def test_validate_refuses_too_few_descriptors(job: FaultJob) -> None:
    run = run_melmill(
        "validate",
        "train.jsonl",
        cwd=job.folder,
        under=limited("nofile=16:16"),
    )
    assert run.exit_code == 2
    assert "the limit is 16" in last_line(run.stderr)


def least_memory_mib() -> int:
    """With how much the program can be loaded."""
    for mib in range(8, 1000, 2):
        done = subprocess.run(
            [*limited(f"as={mib << 20}"), melmill_path(), "--version"],
            capture_output=True,
            check=False,
        )
        if done.returncode == 0:
            return mib
    pytest.skip("the program does not start with 1 GB of memory")


@pytest.mark.parametrize(
    ("flags", "step_kib"), [(ALONE, 1400), ((), 9000)], ids=["alone", "default"]
)
def test_too_little_memory_stops_the_run_and_loses_nothing(
    job: FaultJob,
    whole: dict[str, bytes],
    folder: Path,
    flags: tuple[str, ...],
    step_kib: int,
) -> None:
    least_kib = least_memory_mib() << 10
    exit_codes = set()
    for number in range(75):
        limit = (least_kib + number * step_kib) << 10
        store = folder / "store"
        run = job.extract(store, *flags, under=limited(f"as={limit}"))
        assert_whole_or_stopped(job, whole, store, run)
        exit_codes.add(run.exit_code)
    assert exit_codes >= {0, 2}


def test_too_few_threads_stop_the_run_and_lose_nothing(
    whole: dict[str, bytes], folder: Path
) -> None:
    # No limit of processes holds for root.
    other = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]
    tried = subprocess.run(
        [*other, melmill_path(), "--version"], capture_output=True, check=False
    )
    if tried.returncode != 0:
        pytest.skip(f"cannot run as another user: {tried.stderr.decode()}")
    job = make_job(folder)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777)
    exit_codes = set()
    for limit in range(1, 45):
        store = folder / "store"
        under = [*other, *limited(f"nproc={limit}:{limit}")]
        run = job.extract(store, under=under)
        assert run.exit_code in (0, 2, 4), (limit, run)
        if run.exit_code == 2:
            assert "cannot be started" in last_line(run.stderr)
            assert "ulimit -u" in last_line(run.stderr)
        assert_whole_or_stopped(job, whole, store, run)
        exit_codes.add(run.exit_code)
    assert exit_codes >= {0, 2}
