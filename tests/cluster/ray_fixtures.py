"""Fixtures of the tests on a Ray cluster."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from ray._private import ray_constants
from ray_job import RayJob, TestCluster

SETTINGS = {
    "RAY_AUTH_MODE": "disabled",  # or it writes a token to HOME
    "RAY_USAGE_STATS_ENABLED": "0",
    # As other processes have it, or a busy machine starves the workers.
    "RAY_worker_niceness": "0",
    # How soon nodes and drivers give up a head that does not answer.
    "RAY_gcs_rpc_server_reconnect_timeout_s": "5",
}

# A node that does not answer is dead soon. On a machine that stands still for
# some seconds, such a cluster loses the node of its head, and takes no jobs.
QUICK_DEATHS = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "5000",
    "RAY_health_check_failure_threshold": "2",
}


@pytest.fixture(scope="session")
def ray_settings() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        # A busy machine takes longer than Ray waits for what takes jobs.
        patch.setattr(ray_constants, "RAY_DASHBOARD_STARTUP_TIMEOUT_S", 180)
        yield


@pytest.fixture(scope="session")
def whole_cluster(
    ray_settings: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestCluster]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in QUICK_DEATHS.items():
            patch.setenv(name, value)
        cluster = TestCluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.shut_down()


@pytest.fixture
def cluster(whole_cluster: TestCluster) -> TestCluster:
    """A cluster with two nodes."""
    whole_cluster.restore()
    return whole_cluster


@pytest.fixture
def ray_job(tmp_path: Path, cluster: TestCluster) -> Iterator[RayJob]:
    job = RayJob(tmp_path, cluster)
    yield job
    job.close()
