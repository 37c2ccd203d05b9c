"""A job is submitted to the head of a cluster, and the head dies."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import kill, wait_until
from ray.job_submission import JobSubmissionClient
from ray_job import NUM_SHARDS, SMALL_SHARDS, RayJob, TestCluster
from support import REPOSITORY, Run

pytest_plugins = ["ray_fixtures"]


@pytest.fixture(scope="module")
def own_cluster(
    ray_settings: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestCluster]:
    """A cluster whose head takes jobs, and dies in the last test."""
    cluster = TestCluster(tmp_path_factory.mktemp("own"), takes_jobs=True)
    yield cluster
    cluster.shut_down()


@pytest.fixture
def own_job(tmp_path: Path, own_cluster: TestCluster) -> Iterator[RayJob]:
    job = RayJob(tmp_path, own_cluster)
    yield job
    job.close()


def submit(job: RayJob, *plan_flags: str) -> Run:
    """Runs the command of docs/many-machines.md, with absolute paths."""
    command = [
        *(str(Path(sys.executable).parent / "ray"), "job", "submit"),
        *("--address", job.cluster.job_address, "--"),
        *("env", f"PYTHONPATH={REPOSITORY / 'python'}"),
        *(sys.executable, "-m", "melmill.ray", "extract"),
        *(str(job.folder / "train.jsonl"), "--out", str(job.store)),
        *("--threads-per-task", "1", "--program", str(job.program)),
        *("--", "--audio-root", str(job.folder), *SMALL_SHARDS, *plan_flags),
    ]
    done = subprocess.run(
        command,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    return Run(done.returncode, done.stdout, done.stderr)


def test_a_job_is_submitted(own_job: RayJob) -> None:
    """Its exit code, and the log if all is well, are those of melmill ray."""
    run = submit(own_job, "--max-rejects", "0")
    # Ray may print the end of a job that fails, or not. The head knows it.
    assert run.exit_code != 0
    jobs = JobSubmissionClient(own_job.cluster.job_address).list_jobs()
    assert len(jobs) == 1, run.text
    assert jobs[0].driver_exit_code == 3
    assert not own_job.store.exists()
    run = submit(own_job)
    assert run.exit_code == 0, run.text
    assert f"{own_job.store}: complete, 44 rows" in run.text
    own_job.assert_same()


def test_the_head_dies(
    own_job: RayJob, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Programs end; the same command, on a new cluster, completes the store."""
    own_job.slow_down(1500)
    never_ends = next(iter(own_job.cluster.nodes))
    trial = f"--part {NUM_SHARDS}/{NUM_SHARDS + 1}"
    (own_job.folder / never_ends).write_text(
        f"""case "$*" in
  *"{trial}"*) ;;
  extract*) exec tail -f "{own_job.store}/plan.h5" ;;
esac
"""
    )
    driver = own_job.start()
    wait_until(
        lambda: never_ends in [c.node for c in own_job.calls() if c.part]
    )
    own_job.wait_for_part()
    kill(*own_job.cluster.head_processes())
    run = own_job.end(driver, 1)
    assert "GCS" in run.stderr

    def have_programs_ended() -> bool:
        own_job.cluster.reap()
        return not own_job.programs()

    wait_until(have_programs_ended, timeout_s=30)
    assert not (own_job.store / "store.json").exists()
    own_job.cluster.shut_down()
    own_job.remove_settings()
    own_job.remove_settings(never_ends)
    new = TestCluster(tmp_path_factory.mktemp("new"))
    try:
        own_job.cluster = new
        again = own_job.extract()
        own_job.assert_same()
    finally:
        new.shut_down()
    assert "complete" in again.stdout
