"""The files in examples/slurm, with a real Slurm on three nodes."""

import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import (
    MAX_ARRAY_SIZE,
    NODES,
    Cluster,
    missing_programs,
    set_number_of_parts,
    wait_until,
)
from read_shim import ReadFault
from support import (
    REPOSITORY,
    files_of,
    make_clips,
    melmill_path,
    run_melmill,
    snapshot,
    write_manifest,
)

EXAMPLES = REPOSITORY / "examples" / "slurm"
MANIFESTS = ("train.jsonl", "eval.jsonl")
NUM_PARTS = 6

# Stands for melmill in the jobs. While the file "slow" is there, a part takes
# some 12 s: it reads one file after the other, with 0.3 s for each read.
PROGRAM = """\
#!/bin/sh
if [ "$1" = extract ] && [ -e {folder}/slow ]; then
  echo $$ >"{folder}/pid.$SLURM_ARRAY_TASK_ID"
  exec env LD_PRELOAD="$SLOW_READS" {program} "$@" --io-threads 1
fi
exec {program} "$@"
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if os.geteuid() != 0:
        pytest.skip("only root can start the daemons of Slurm")
    if missing := missing_programs():
        pytest.skip(f"no {', '.join(missing)}: tools/dependencies slurm")
    cluster = Cluster(tmp_path_factory.mktemp("slurm") / "cluster")
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    rows = make_clips(folder, 240)
    write_manifest(folder / "train.jsonl", rows[:200])
    write_manifest(folder / "eval.jsonl", rows[200:])
    return folder


@pytest.fixture(scope="module")
def one_run(corpus: Path) -> dict[str, bytes]:
    """The files of the store that one run on one machine makes."""
    flags = ("--out", "one", "--shard-size", "100KiB")
    assert run_melmill("extract", *MANIFESTS, *flags, cwd=corpus).exit_code == 0
    return files_of(corpus / "one")


class Site:
    """What a user has: audio, manifests, the example files and the program."""

    def __init__(self, cluster: Cluster, corpus: Path, shims: Path):
        self.cluster = cluster
        self.folder = corpus
        self.store = corpus / "store"
        programs = corpus / "bin"
        programs.mkdir(exist_ok=True)
        self.program = programs / "melmill"
        text = PROGRAM.format(folder=corpus, program=melmill_path())
        self.program.write_text(text)
        self.program.chmod(0o755)
        slow = ReadFault(kind="slow", first=1, count=0, delay_ms=300)
        self.env = slow.env(shims, Path(os.devnull))
        self.env["SLOW_READS"] = self.env.pop("LD_PRELOAD")
        self.env["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
        self.examples = corpus / "slurm"
        shutil.copytree(EXAMPLES, self.examples, dirs_exist_ok=True)

    def run(self, *command: str | Path, code: int = 0) -> str:
        return self.cluster.run(
            *command, cwd=self.folder, env=self.env, code=code
        )

    def submit(self, *arguments: str) -> str:
        """The number of the array."""
        text = self.run(self.examples / "submit", "store", *arguments)
        found = re.search(r"parts (\d+), finish \d+\n", text)
        assert found
        return found[1]

    def log(self, name: str) -> str:
        return (self.folder / f"melmill-{name}.log").read_text()

    def last_log(self, kind: str) -> str:
        """That of the newest job of its kind."""
        paths = self.folder.glob(f"melmill-{kind}-*.log")
        return max(paths, key=lambda path: path.stat().st_mtime_ns).read_text()

    def pid(self, part: int) -> int:
        """The program that works on a part; 0 before it does."""
        path = self.folder / f"pid.{part}"
        text = path.read_text() if path.exists() else ""
        return int(text) if text.endswith("\n") else 0


@pytest.fixture
def site(cluster: Cluster, corpus: Path, shim_folder: Path) -> Iterator[Site]:
    yield Site(cluster, corpus, shim_folder)
    shutil.rmtree(corpus / "store", ignore_errors=True)
    for path in [*corpus.glob("*.log"), *corpus.glob("pid.*")]:
        path.unlink()


PLAN_FLAGS = (*MANIFESTS, "--shard-size", "100KiB")


def test_an_array_that_is_too_large_is_refused(
    site: Site, one_run: dict[str, bytes]
) -> None:
    """With fewer parts the same plan goes on."""
    arguments = ("store", *PLAN_FLAGS)
    text = site.run(site.examples / "submit", *arguments, code=1)
    assert "Invalid job array specification" in text
    site.cluster.wait_for_all_jobs()
    assert set(files_of(site.store)) == {"plan.h5", "job.json"}
    assert NUM_PARTS <= MAX_ARRAY_SIZE
    set_number_of_parts(site.examples, NUM_PARTS)
    site.submit()
    site.cluster.wait_for_all_jobs()
    assert files_of(site.store) == one_run
    before = snapshot(site.store)
    site.submit()
    site.cluster.wait_for_all_jobs()
    assert snapshot(site.store) == before


def test_a_plan_that_fails_leaves_no_job_in_the_queue(site: Site) -> None:
    set_number_of_parts(site.examples, NUM_PARTS)
    array = site.submit("gone.jsonl")
    site.cluster.wait_for_all_jobs()
    assert site.cluster.task(array)["JobState"] == "CANCELLED"
    assert "gone.jsonl" in site.last_log("plan")
    assert "run melmill plan first" in site.last_log("finish")
    assert not site.store.exists()


def test_a_part_that_is_stopped_keeps_its_shards(
    site: Site, one_run: dict[str, bytes]
) -> None:
    """One job makes what is missing then."""
    cluster = site.cluster
    site.run(site.program, "plan", *PLAN_FLAGS, "--out", "store")
    set_number_of_parts(site.examples, NUM_PARTS)
    slow = site.folder / "slow"
    slow.touch()
    parts = site.examples / "parts.sbatch"
    site.run("sbatch", "--array=4", parts, "store")
    wait_until(lambda: any(site.store.glob("train.*.h5")), "a shard")
    slow.unlink()
    # What --signal=B:TERM@30 sends: to the batch process alone.
    cluster.run("scancel", "--batch", "--signal=TERM", "--name=melmill-parts")
    cluster.wait_for_all_jobs()
    assert "run the same command to resume" in site.last_log("parts")
    num_shards = len(list(site.store.glob("*.*.h5")))
    assert 0 < num_shards < len(one_run) / NUM_PARTS
    assert not list(site.store.glob("*.tmp"))
    site.run("sbatch", "--wrap", wrapped_command())
    cluster.wait_for_all_jobs()
    site.run(site.program, "finish", "--out", "store")
    assert files_of(site.store) == one_run


def wrapped_command() -> str:
    """That of docs/many-machines.md, with the name of the store."""
    text = (REPOSITORY / "docs" / "many-machines.md").read_text()
    (command,) = re.findall(r"sbatch .*--wrap '(.*--missing.*)'", text)
    assert command.count("FOLDER") == 2
    return str(command.replace("FOLDER", "store"))


def test_a_disturbed_array_makes_the_store_of_one_run(
    site: Site, one_run: dict[str, bytes]
) -> None:
    """A requeued task, a killed program and a dead node, all at once."""
    cluster = site.cluster
    set_number_of_parts(site.examples, NUM_PARTS)
    slow = site.folder / "slow"
    slow.touch()
    array = site.submit(*PLAN_FLAGS)
    wait_until(lambda: all(map(site.pid, range(3))), "three running parts")
    tasks = [cluster.task(f"{array}_{part}") for part in range(3)]
    assert {task["BatchHost"] for task in tasks} == set(NODES)
    wait_until(lambda: any(site.store.glob("train.*.h5")), "a shard")
    slow.unlink()  # for all programs that start from now on
    cluster.run("scontrol", "requeue", f"{array}_0")
    os.kill(site.pid(1), signal.SIGKILL)
    cluster.kill_node(tasks[2]["BatchHost"])
    cluster.wait_for_all_jobs(timeout_s=80)

    requeued, killed, lost = (
        cluster.task(f"{array}_{part}") for part in range(3)
    )
    assert (requeued["JobState"], requeued["Restarts"]) == ("COMPLETED", "1")
    log = site.log(f"parts-{array}_0")
    assert "run the same command to resume" in log
    assert re.search(r"made, [1-9]\d* there before\n", log)
    assert (killed["JobState"], killed["ExitCode"]) == ("FAILED", "0:9")
    assert (lost["JobState"], lost["Restarts"]) == ("COMPLETED", "1")
    assert lost["BatchHost"] != tasks[2]["BatchHost"]

    finish = site.last_log("finish")
    missing = site.run(site.program, "info", "store", "--missing")
    assert f"--out store --shards {missing}" in finish
    assert not (site.store / "store.json").exists()
    site.submit()
    cluster.wait_for_all_jobs()
    assert files_of(site.store) == one_run
