"""A Ray cluster as this package sees it: nodes, and tasks that run the program.

Nothing of Ray is used but its Core: tasks, ray.wait, ray.cancel, ray.nodes.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from melmill._process import starter
from melmill._ray import child

__all__ = ["Cluster", "End", "Node", "Task", "connect"]

for _module in (child, starter):
    ray.cloudpickle.register_pickle_by_value(_module)

# How late a wish to stop may be noticed.
_POLL_S = 0.5
_CANCEL_WAIT_S = 45.0  # longer than a task waits for its program


@dataclasses.dataclass(frozen=True)
class Node:
    """A node that can run a task of this job."""

    id: str
    name: str  # for people
    num_slots: int  # tasks that it runs at the same time

    @property
    def label(self) -> str:
        """Tells nodes of the same machine apart, too."""
        return label(self.name, self.id)


def label(name: str, node_id: str) -> str:
    return f"{name} (node {node_id[:8]})"


@dataclasses.dataclass(frozen=True)
class End:
    """How the program ended on a node."""

    node_id: str
    host: str
    exit_code: int
    stdout: str
    stderr: str

    @property
    def where(self) -> str:
        return label(self.host, self.node_id)

    @property
    def report(self) -> dict[str, Any]:
        """What --json printed; empty if it printed nothing of use."""
        try:
            report = json.loads(self.stdout)
        except ValueError:
            return {}
        return report if isinstance(report, dict) else {}

    @property
    def error(self) -> str:
        """What went wrong, in the words of the program."""
        if self.stderr.strip():
            return self.stderr.strip()
        if error := self.report.get("error"):
            return f"error: {error}"
        return f"error: exit code {self.exit_code}"


@dataclasses.dataclass(frozen=True)
class Task:
    """A task under way. Equal only to itself."""

    ref: Any
    name: str


def connect() -> None:
    """Connects to the cluster of RAY_ADDRESS or of this machine, if need be.

    Raises:
      ConnectionError: There is none.
    """
    if not ray.is_initialized():
        ray.init(
            address="auto", log_to_driver=False, logging_level=logging.WARNING
        )


class Cluster:
    """Runs the program on the nodes of the cluster that Ray is connected to.

    Args:
      program: Its path on every node, or None to look for it there.
      num_cpus: CPUs that a task has for itself.
      check: Is called again and again while tasks are waited for, and may
        raise. A signal handler must not: it would raise inside of Ray.
    """

    def __init__(
        self, program: str | None, num_cpus: int, check: Callable[[], None]
    ) -> None:
        self._program = program
        self._num_cpus = num_cpus
        self._check = check
        # The driver itself starts a task again whose worker or node died. So
        # it sees each death, and stops when nothing but deaths happen.
        self._run: Any = ray.remote(max_retries=0)(child.run_program)
        self._turn = 0
        self._under_way: dict[Any, Task] = {}

    def nodes(self) -> list[Node]:
        """The nodes that are alive and large enough for a task."""
        nodes = []
        for node in ray.nodes():
            num_slots = int(node["Resources"].get("CPU", 0) // self._num_cpus)
            if node["Alive"] and num_slots > 0:
                name = node["NodeManagerHostname"]
                nodes.append(Node(node["NodeID"], name, num_slots))
        return nodes

    def submit(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        avoid: Collection[str] = (),
        folder: str | None = None,
    ) -> Task:
        """Has the program run on some node, if possible not one of `avoid`."""
        strategy: Any = "SPREAD"
        if avoid:
            good = [node for node in self.nodes() if node.id not in avoid]
            if good:
                self._turn += 1
                node = good[self._turn % len(good)]
                strategy = NodeAffinitySchedulingStrategy(node.id, soft=True)
        return self._submit(name, arguments, self._num_cpus, strategy, folder)

    def ask(self, node_id: str, arguments: Sequence[str]) -> Task:
        """Has the program run on this node at once, beside other tasks."""
        strategy = NodeAffinitySchedulingStrategy(node_id, soft=False)
        return self._submit(arguments[0], arguments, 0, strategy, None)

    def wait(self, tasks: Collection[Task], timeout_s: float) -> list[Task]:
        """Waits until a task has ended; those that have ended, maybe none."""
        by_ref = {task.ref: task for task in tasks}
        deadline = time.monotonic() + timeout_s
        while True:
            self._check()
            left_s = max(0.0, deadline - time.monotonic())
            ready, _ = ray.wait(
                list(by_ref), num_returns=1, timeout=min(_POLL_S, left_s)
            )
            if ready or left_s <= _POLL_S:
                return [by_ref[ref] for ref in ready]

    def end_of(self, task: Task) -> End | RayError:
        """How a task ended: with the program, or with its worker or node."""
        del self._under_way[task.ref]
        try:
            return End(**ray.get(task.ref))
        except RayError as error:
            return error

    def cancel_all(self) -> None:
        """Stops all tasks, and waits until their programs have ended."""
        refs = list(self._under_way)
        self._under_way.clear()
        for ref in refs:
            ray.cancel(ref)
        if refs:
            ray.wait(refs, num_returns=len(refs), timeout=_CANCEL_WAIT_S)

    def _submit(
        self,
        name: str,
        arguments: Sequence[str],
        num_cpus: int,
        strategy: Any,
        folder: str | None,
    ) -> Task:
        run = self._run.options(
            name=f"melmill {name}",
            num_cpus=num_cpus,
            scheduling_strategy=strategy,
        )
        ref = run.remote(self._program, list(arguments), folder)
        task = Task(ref, name)
        self._under_way[ref] = task
        return task
