"""A Ray cluster of this machine that makes a store."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ray.cluster_utils import Cluster

REPOSITORY = Path(__file__).resolve().parents[3]
SETTINGS = {
    "RAY_AUTH_MODE": "disabled",  # or it writes a token to HOME
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",  # as the nodes of Slurm have it
}
CLUSTER_BYTES = 80 << 20  # of an object store: the least


@contextlib.contextmanager
def ray_nodes(num_nodes: int, variable: str) -> Iterator[Mapping[str, str]]:
    """Nodes of one CPU, beside a head that gets no work.

    Args:
      num_nodes: How many.
      variable: Has the number of its node, from 0 on, in every program.

    Yields:
      The environment of a driver.
    """
    os.environ.update(SETTINGS)
    cluster = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 0,
            "include_dashboard": False,
            "object_store_memory": CLUSTER_BYTES,
        },
    )
    try:
        for number in range(num_nodes):
            cluster.add_node(
                num_cpus=1,
                object_store_memory=CLUSTER_BYTES,
                env_vars={variable: str(number)},
            )
        yield {
            **os.environ,
            "RAY_ADDRESS": str(cluster.address),
            "PYTHONPATH": str(REPOSITORY / "python"),
        }
    finally:
        cluster.shutdown()


def make_store(
    program: Path,
    plan: Sequence[str],
    store: Path,
    num_parts: int,
    env: Mapping[str, str],
) -> None:
    """Runs melmill ray extract to its end."""
    subprocess.run(
        [
            *(sys.executable, "-m", "melmill.ray", "extract", plan[0]),
            *("--out", str(store), "--parts", str(num_parts)),
            *("--threads-per-task", "1", "--program", str(program)),
            *("--", *plan[1:]),
        ],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
