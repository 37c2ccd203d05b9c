"""A Slurm cluster of this machine that makes a store."""

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from cluster import Cluster  # tests/slurm

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
        for old, new in (
            ("--cpus-per-task=4\n", "--cpus-per-task=1\n"),
            ("--array=0-999%100\n", f"--array=0-{num_parts - 1}\n"),
            ("_ID/1000", f"_ID/{num_parts}"),
        ):
            text = text.replace(old, new)
        path.write_text(text)
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
