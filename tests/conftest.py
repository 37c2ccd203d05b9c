"""Fixtures of all tests of the program."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_job import FaultJob, make_job
from store_job import Job, make_finished_job
from support import REPOSITORY, files_of, melmill_path, read_json_lines
from write_shim import FaultyDisk, memory_folder

# Before transformers is imported: no notices, no network.
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["TRANSFORMERS_NO_ADVISORY_WARNINGS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"


@pytest.fixture(scope="session")
def quickstart_manifests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train.jsonl and eval.jsonl of real 8 kHz speech."""
    folder = tmp_path_factory.mktemp("quickstart")
    program = REPOSITORY / "tools" / "make_quickstart_manifest"
    subprocess.run([sys.executable, program, folder], check=True)
    return folder


@pytest.fixture(scope="session")
def corpus(quickstart_manifests: Path) -> list[dict[str, str]]:
    """The rows of both manifests, train first."""
    return [
        row
        for name in ("train.jsonl", "eval.jsonl")
        for row in read_json_lines(quickstart_manifests / name)
    ]


@pytest.fixture(scope="session")
def job(tmp_path_factory: pytest.TempPathFactory) -> FaultJob:
    """The job; not to be changed (copy it)."""
    return make_job(tmp_path_factory.mktemp("job"))


@pytest.fixture(scope="session")
def whole(
    job: FaultJob, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """The files of the store that an undisturbed run makes."""
    store = tmp_path_factory.mktemp("whole") / "store"
    run = job.extract(store)
    assert run.exit_code == 0, run.stderr
    return files_of(store)


@pytest.fixture(scope="session")
def finished_job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A job with its finished store; not to be changed."""
    return make_finished_job(tmp_path_factory.mktemp("finished"))


@pytest.fixture
def store_job(finished_job: Job, tmp_path: Path) -> Job:
    """A copy of the finished job that a test may change."""
    folder = tmp_path / "job"
    shutil.copytree(finished_job.folder, folder)
    return Job(folder)


@pytest.fixture
def shim_folder() -> Path:
    """Where the libraries are that LD_PRELOAD gives to the program."""
    build = Path(melmill_path()).parents[1]
    return build / "tests" / "faults"


@pytest.fixture
def disk(
    job: FaultJob, whole: dict[str, bytes], shim_folder: Path, tmp_path: Path
) -> Iterator[FaultyDisk]:
    """A disk of which calls can fail, in memory."""
    for folder in memory_folder(tmp_path):
        yield FaultyDisk(job, whole, shim_folder, folder)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Shows what tests measured, with record_property, passed or not."""
    lines = [
        f"{value:.2e}  {name}  {report.nodeid.split('::')[-1]}"
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        for name, value in report.user_properties
        if isinstance(value, float)
    ]
    if lines:
        terminalreporter.section("measured")
        for line in lines:
            terminalreporter.line(line)
