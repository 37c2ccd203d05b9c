"""A disk of which one call fails: write_faults.c, from Python."""

import dataclasses
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from fault_job import LONG, FaultJob, assert_only_whole_files, is_final_name
from support import Run, files_of, spread

Case = TypeVar("Case")
Outcome = TypeVar("Outcome")

# Exit codes of the program, and of one that SIGKILL ended.
USAGE = 2
DONE = 0
MACHINE_FAULT = 4
KILLED = -9


@dataclasses.dataclass(frozen=True)
class Call:
    """One call that changes files, as the library logs it."""

    kind: str
    path: str
    second_path: str  # of a rename or link
    fd: int  # -1 after an open that failed
    flags: int
    offset: int
    length: int
    result: int
    error: int  # an errno
    written: bytes


@dataclasses.dataclass(frozen=True)
class Fault:
    """What happens to a call: see write_faults.c."""

    what: str  # kill, stop, short, error=5 or errors=5
    at: int  # the number of the call,
    kind: str = ""  # counted over calls of these kinds, or over all


def shim_env(
    shim_folder: Path,
    root: Path,
    fault: Fault | None = None,
    log: Path | None = None,
    free_bytes: int | None = None,
    flock: int | None = None,
) -> dict[str, str]:
    """The environment that puts the library between program and disk."""
    library = shim_folder / "write_faults.so"
    if not library.exists():
        pytest.skip("write_faults.so is not built under sanitizers")
    env = {"LD_PRELOAD": str(library), "WRITE_FAULTS_ROOT": str(root)}
    if fault:
        env["WRITE_FAULTS_FAULT"] = fault.what
        env["WRITE_FAULTS_AT"] = str(fault.at)
    if fault and fault.kind:
        env["WRITE_FAULTS_KIND"] = fault.kind
    if log:
        env["WRITE_FAULTS_LOG"] = str(log)
    if free_bytes is not None:
        env["WRITE_FAULTS_FREE"] = str(free_bytes)
    if flock is not None:
        env["WRITE_FAULTS_FLOCK"] = str(flock)
    return env


def read_log(log: Path) -> list[Call]:
    return [parse_call(line) for line in log.read_text().splitlines()]


def parse_call(line: str) -> Call:
    kind, path, second_path, *numbers, written = line.split("\t")
    fd, flags, offset, length, result, error = map(int, numbers)
    return Call(
        kind,
        path,
        second_path,
        fd,
        flags,
        offset,
        length,
        result,
        error,
        bytes.fromhex(written),
    )


def all_or_some(cases: Sequence[Case], count: int) -> Sequence[Case]:
    """All with MELMILL_ALL_FAULTS=1; else `count` of them, evenly spread."""
    if os.environ.get("MELMILL_ALL_FAULTS") == "1" or len(cases) <= count:
        return cases
    return spread(cases, count)


def in_parallel(
    trial: Callable[[Case], Outcome], cases: Iterable[Case]
) -> list[Outcome]:
    """What each trial returned; fails with the first that failed.

    A trial mostly waits for the program.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(trial, cases))


def count_until_none(
    trial: Callable[[int], bool], numbers: Sequence[int]
) -> int:
    """For how many numbers the fault struck, up to where it does no more."""
    batch = 8
    count = 0
    for begin in range(0, len(numbers), batch):
        struck = in_parallel(trial, numbers[begin : begin + batch])
        count += sum(struck)
        if not any(struck):
            break
    return count


def memory_folder(fallback: Path) -> Iterator[Path]:
    """A new folder in memory, where fsync takes no time; removed at the end.

    Which calls the program makes, and what a kill leaves, is the same there.
    """
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield fallback
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


def mount(folder: Path, *arguments: str | Path) -> str:
    """Mounts on a new folder; says why it could not, if so."""
    folder.mkdir()
    tried = subprocess.run(
        ["mount", *arguments, folder],
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if tried.returncode == 0 else tried.stderr or "mount failed"


@contextmanager
def mounted(folder: Path, *arguments: str | Path) -> Iterator[Path]:
    """A file system on a new folder. `arguments`: of mount, less the folder."""
    problem = mount(folder, *arguments)
    assert not problem, problem
    try:
        yield folder
    finally:
        unmount(folder)


def unmount(folder: Path) -> None:
    """Waits for what still looks at it, as others on a desktop may."""
    give_up = time.monotonic() + 30
    while subprocess.run(["umount", folder], check=False).returncode != 0:
        assert time.monotonic() < give_up, f"{folder} stays mounted"
        time.sleep(0.1)


def require_mounts(folder: Path, *arguments: str | Path) -> None:
    """Skips the test where this is not allowed."""
    problem = mount(folder, *arguments)
    if problem:
        pytest.skip(f"cannot mount here: {problem}")
    unmount(folder)


def strace() -> str:
    """The program of this name; skips the test where it cannot trace."""
    program = shutil.which("strace")
    if program is None:
        pytest.skip("strace is not installed")
    tried = subprocess.run(
        [program, "-f", "true"], capture_output=True, text=True, check=False
    )
    if tried.returncode != 0:
        pytest.skip(f"strace may not trace here: {tried.stderr}")
    return program


@dataclasses.dataclass(frozen=True)
class FaultyDisk:
    """Runs of the job on a disk that fails, each with a store of its own."""

    job: FaultJob
    whole: Mapping[str, bytes]  # the undisturbed store
    shim_folder: Path
    folder: Path  # of the stores
    flags: Sequence[str] = ("--threads", "2")

    def disk(self, name: str) -> Path:
        """The folder in which calls count: made, if need be."""
        root = self.folder / name
        root.mkdir(exist_ok=True)
        return root

    def store(self, name: str) -> Path:
        return self.disk(name) / "store"

    def log_path(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def run(self, name: str, fault: Fault | None, log: bool = False) -> Run:
        env = shim_env(
            self.shim_folder,
            self.disk(name),
            fault,
            self.log_path(name) if log else None,
        )
        return self.job.extract(self.store(name), *self.flags, env=env)

    def calls(self) -> list[Call]:
        """Those of an undisturbed run."""
        run = self.run("calls", None, log=True)
        assert run.exit_code == DONE, run.stderr
        assert files_of(self.store("calls")) == self.whole
        return read_log(self.log_path("calls"))

    def assert_rerun_finishes(self, name: str) -> None:
        """What is there is whole; a rerun makes the undisturbed store."""
        assert_only_whole_files(self.store(name), self.whole)
        self.assert_run_finishes(self.store(name))
        shutil.rmtree(self.disk(name))

    def assert_run_finishes(self, store: Path) -> None:
        run = self.job.extract(store, *self.flags)
        assert run.exit_code == DONE, run.stderr
        assert files_of(store) == self.whole


def error_line(run: Run) -> str:
    """The one line in which the program says why it failed."""
    (line,) = [
        line for line in run.stderr.splitlines() if line.startswith("error:")
    ]
    return line


def assert_no_temporary_files(store: Path) -> None:
    if store.exists():
        assert not [path for path in store.iterdir() if path.suffix == ".tmp"]


def without_second_line(disk: FaultyDisk) -> FaultyDisk:
    """The same disk; runs make their store follow a shorter manifest.

    Its `whole` stays that of the longer one.
    """
    changed = disk.job.copy(disk.folder / "changed")
    manifest = changed.folder / "train.jsonl"
    lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(lines[:1] + lines[2:]))
    return dataclasses.replace(
        disk, job=changed, flags=(*disk.flags, "--update")
    )


def with_other_audio(disk: FaultyDisk) -> FaultyDisk:
    """The same disk; two files were replaced by others of the same size.

    Runs make their store follow. Its `whole` stays that of the old ones.
    """
    changed = disk.job.copy(disk.folder / "changed")
    for name in ("clip01.wav", LONG):
        path = changed.folder / name
        data = path.read_bytes()
        path.write_bytes(data[:-4000] + data[-4000:][::-1])
    return dataclasses.replace(
        disk, job=changed, flags=(*disk.flags, "--update")
    )


def assert_old_or_new(
    files: Mapping[str, bytes],
    old: Mapping[str, bytes],
    new: Mapping[str, bytes],
) -> None:
    """Every file is of one store or the other; with store.json, all are."""
    for name, content in files.items():
        if is_final_name(name):
            assert content in (old.get(name), new.get(name)), name
    if "store.json" in files:
        is_old = files["store.json"] == old.get("store.json")
        store = old if is_old else new
        assert {name: files.get(name) for name in store} == store
