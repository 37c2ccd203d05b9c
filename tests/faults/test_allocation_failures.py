"""An allocation that fails, whichever it is, loses nothing.

Each distinct stack of the program's own allocations fails once, and 300 others
do, drawn with a seed. MELMILL_ALL_FAULTS=1: every allocation.
"""

import dataclasses
import os
import random
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from fault_job import is_final_name
from memory_folder import memory_folder
from store_inputs import StoreInput, qwen3_asr_f16
from support import Run, files_of, run_melmill
from write_shim import MACHINE_FAULT, USAGE, in_parallel

NUM_OTHERS = 300
SEED = 14
HANGS_AFTER_S = 60
FEATURES_OFFSET = 4096

# Where libraries end the process instead of reporting the failure: part of a
# file's name, a function in it (empty: any), and why nothing can be done about
# it here.
ALLOWED_ENDS: Sequence[tuple[str, str, str]] = (
    ("libfftw3", "fftw_malloc_plain", "asserts that it gets what it asks for"),
    (
        "libhdf5",
        "",
        "uses what it did not get, or calls exit(-1), in many places",
    ),
    ("libsoxr", "", "uses what it did not get: soxr_create, soxr_process"),
)
# abort, a null pointer in the library, exit(-1)
ENDS_OF_LIBRARIES = (-signal.SIGABRT, -signal.SIGSEGV, 255)

Files = dict[str, bytes]


@dataclasses.dataclass(frozen=True)
class Fault:
    """Which allocation fails."""

    at: int  # counted from 1
    stack: str = ""  # over those of the program with this stack, or over all

    def env(self, library: Path, log: Path) -> dict[str, str]:
        env = {
            "LD_PRELOAD": str(library),
            "ALLOCATION_FAULTS_AT": str(self.at),
            "ALLOCATION_FAULTS_LOG": str(log),
        }
        if self.stack:
            env["ALLOCATION_FAULTS_STACK"] = self.stack
        return env


@dataclasses.dataclass(frozen=True, eq=False)
class Scenario:
    """A run that starts from a store in some state and makes it whole."""

    name: str
    before: Mapping[str, bytes]  # the store's files; none: no store
    command: Callable[[Path], Sequence[str]]  # by the store's folder
    success: int


@dataclasses.dataclass(frozen=True)
class Trial:
    scenario: Scenario
    fault: Fault


class Bench:
    """Where trials run: the input, and a folder for each trial's store."""

    def __init__(self, folder: Path, library: Path):
        self._folder = folder
        self._library = library
        self._input: StoreInput = qwen3_asr_f16()
        self._job = folder / "job"
        self._job.mkdir()
        self._input.write(self._job)
        run = run_melmill(*self._extract(folder / "whole"), cwd=self._job)
        assert run.exit_code == 0, run.stderr
        self.whole = stored_files(folder / "whole")

    def scenarios(self) -> list[Scenario]:
        shards = sorted(name for name in self.whole if is_shard(name))
        killed = {name: self.whole[name] for name in ["plan.h5", *shards[:2]]}
        killed[f"{shards[2]}.tmp"] = b"of a dead run"
        damaged = dict(self.whole)
        del damaged[shards[1]]
        return [
            Scenario("run", {}, self._extract, 0),
            Scenario("resume", killed, self._extract, 0),
            Scenario("repair", with_flip(damaged, shards[3]), repair, 0),
        ]

    def count(self, scenario: Scenario) -> tuple[list[str], list[int]]:
        """The stacks of the program's allocations, and the others' numbers."""
        log = self._folder / f"{scenario.name}.log"
        env = {
            "LD_PRELOAD": str(self._library),
            "ALLOCATION_FAULTS_LOG": str(log),
        }
        store = self._prepare(scenario, f"{scenario.name}.count")
        run = self._run(scenario, store, env)
        assert run.exit_code == scenario.success, run.stderr
        lines = [line.split() for line in log.read_text().splitlines()]
        own = {int(number) for number, _ in lines[:-1]}
        total, end = lines[-1]
        assert end == "end"
        others = [n for n in range(1, int(total) + 1) if n not in own]
        return [stack for _, stack in lines[:-1]], others

    def problem(self, trial: Trial) -> str:
        """What is wrong after a trial; empty if nothing is."""
        scenario, fault = trial.scenario, trial.fault
        name = f"{scenario.name}.{fault.stack}.{fault.at}"
        log = self._folder / f"{name}.log"
        store = self._prepare(scenario, name)
        try:
            run = self._run(scenario, store, fault.env(self._library, log))
        except subprocess.TimeoutExpired:
            return f"{name} hangs\n{log.read_text()}"
        frames = log.read_text()
        log.unlink()
        wrong = self._wrong_end(scenario, run, frames, stored_files(store))
        wrong = wrong or self._wrong_rerun(scenario, store)
        shutil.rmtree(store.parent)
        return wrong and f"{name}: {wrong}\n{run.stderr}{frames}"

    def _extract(self, store: Path) -> list[str]:
        threads = ("--threads", "2", "--io-threads", "2")
        return [*self._input.arguments(str(store)), *threads]

    def _prepare(self, scenario: Scenario, name: str) -> Path:
        store = self._folder / name / "store"
        store.parent.mkdir()
        if scenario.before:
            store.mkdir()
        for file, content in scenario.before.items():
            (store / file).write_bytes(content)
        return store

    def _run(
        self, scenario: Scenario, store: Path, env: Mapping[str, str]
    ) -> Run:
        return run_melmill(
            *scenario.command(store),
            cwd=self._job,
            env=env,
            timeout_s=HANGS_AFTER_S,
        )

    def _wrong_end(
        self, scenario: Scenario, run: Run, frames: str, files: Files
    ) -> str:
        for name, content in files.items():
            if is_final_name(name) and content not in (
                self.whole.get(name),
                scenario.before.get(name),
            ):
                return f"{name} is not whole"
        if run.exit_code == scenario.success:
            return "" if files == self.whole else "a success with other files"
        if run.exit_code in ENDS_OF_LIBRARIES:
            return "" if may_end_process(frames) else "ended by a library"
        if run.exit_code not in (USAGE, MACHINE_FAULT):
            return f"exit code {run.exit_code}"
        if run.exit_code == USAGE and files != scenario.before:
            return "exit code 2, and something was written"
        return "" if "error:" in run.stderr else "says nothing"

    def _wrong_rerun(self, scenario: Scenario, store: Path) -> str:
        files = stored_files(store)
        if files in (self.whole, scenario.before):
            return ""
        run = self._run(scenario, store, {})
        if run.exit_code != scenario.success:
            return f"rerun: exit code {run.exit_code}: {run.stderr}"
        files = stored_files(store)
        if scenario.command is repair:
            # A crash on a row leaves a line for the next extract to look into.
            files = {n: c for n, c in files.items() if ".suspects" not in n}
        return "" if files == self.whole else "rerun: other files"


def repair(store: Path) -> list[str]:
    return ["verify", str(store), "--repair"]


def stored_files(store: Path) -> Files:
    """Without what is true of one machine only."""
    files = files_of(store) if store.exists() else {}
    files.pop(".local", None)
    return files


def is_shard(name: str) -> bool:
    return name.endswith(".h5") and name.count(".") == 2 and "rows" not in name


def with_flip(files: Mapping[str, bytes], name: str) -> Files:
    content = bytearray(files[name])
    content[FEATURES_OFFSET] ^= 0x10
    return {**files, name: bytes(content)}


def may_end_process(frames: str) -> bool:
    return any(
        library in line and function in line
        for line in frames.splitlines()
        for library, function, _ in ALLOWED_ENDS
    )


@pytest.fixture
def bench(shim_folder: Path) -> Iterator[Bench]:
    library = shim_folder / "allocation_faults.so"
    if not library.exists():
        pytest.skip("allocation_faults.so is not built under sanitizers")
    with memory_folder() as folder:
        yield Bench(folder, library)


def some_faults(bench: Bench) -> list[Trial]:
    """Each stack of the program once, and NUM_OTHERS of the libraries."""
    draw = random.Random(SEED)
    trials = []
    known: set[str] = set()
    scenarios = bench.scenarios()
    for scenario in scenarios:
        stacks, others = bench.count(scenario)
        new = dict.fromkeys(stacks).keys() - known
        trials += [
            Trial(scenario, Fault(1, stack)) for stack in stacks if stack in new
        ]
        known |= new
        picked = draw.sample(others, NUM_OTHERS // len(scenarios))
        trials += [Trial(scenario, Fault(number)) for number in picked]
    return list(dict.fromkeys(trials))


def all_faults(bench: Bench) -> list[Trial]:
    trials = []
    for scenario in bench.scenarios():
        stacks, others = bench.count(scenario)
        total = len(stacks) + len(others)
        trials += [Trial(scenario, Fault(n)) for n in range(1, total + 1)]
    return trials


def test_failure_of_an_allocation_loses_nothing(bench: Bench) -> None:
    wants_all = os.environ.get("MELMILL_ALL_FAULTS") == "1"
    trials = all_faults(bench) if wants_all else some_faults(bench)
    problems = [text for text in in_parallel(bench.problem, trials) if text]
    assert not problems, f"{len(problems)} of {len(trials)}:\n" + "\n".join(
        problems[:20]
    )
