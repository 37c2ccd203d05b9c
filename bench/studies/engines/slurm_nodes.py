"""A Slurm cluster of this machine that makes a store."""

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from cluster import Cluster, set_number_of_parts  # tests/slurm

REPOSITORY = Path(__file__).resolve().parents[3]
EXAMPLES = REPOSITORY / "examples" / "slurm"
MAX_S = 3600.0


@contextlib.contextmanager
def slurm_nodes(num_nodes: int, folder: Path) -> Iterator[Cluster]:
    """Nodes n1, n2 ... of one CPU. Their files go to a new folder."""
    names = tuple(f"n{number + 1}" for number in range(num_nodes))
    cluster = Cluster(folder, names, cpus_per_node=1)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder)


def copy_examples(folder: Path, num_parts: int) -> Path:
    """examples/slurm, for tasks of one CPU and so many parts."""
    examples = folder / "slurm"
    shutil.copytree(EXAMPLES, examples)
    for name in ("plan", "parts", "finish"):
        path = examples / f"{name}.sbatch"
        text = path.read_text()
        assert text.count("--cpus-per-task=4\n") == 1
        path.write_text(
            text.replace("--cpus-per-task=4\n", "--cpus-per-task=1\n")
        )
    set_number_of_parts(examples, num_parts)
    return examples


def make_store(
    cluster: Cluster,
    examples: Path,
    plan: Sequence[str],
    store: Path,
    path: str,
) -> None:
    """Submits, and waits for the end of the finish."""
    cluster.run(
        examples / "submit",
        *(str(store), *plan),
        cwd=examples.parent,
        env={"PATH": path},
    )
    cluster.wait_for_all_jobs(timeout_s=MAX_S)
