"""The steps on a cluster: ask the nodes, plan, make the parts, finish."""

from __future__ import annotations

import math
import os
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from ray.exceptions import RayError

from melmill._process.extract_error import (
    MACHINE,
    NO_PROGRAM,
    OK,
    REJECTS,
    USAGE,
    ExtractError,
)
from melmill._ray.cluster import Cluster, End, Node, Task
from melmill._ray.faults import Faults, doubtful_row
from melmill._ray.parts import Parts

_MAX_RETRIES = 3  # of a step whose program failed
_MAX_DEATHS = 10  # of workers and nodes in a step
# Programs of an earlier driver end so long after it.
_MAX_IN_USE_S = 60.0
_IN_USE = "is in use by another melmill"
_LOOK_AGAIN_S = 1.0
_MAX_ANSWER_S = 60.0  # of a node that is asked whether it can work
_PARTS_PER_SLOT = 4


class Job:
    """An extraction on a cluster.

    Args:
      manifests: As for melmill plan.
      out: The store's folder, as every node sees it.
      num_parts: How many parts, or None for four times what runs at once.
      num_threads: Threads of each part, and the CPUs that it has for itself.
      program: The program's path on every node, or None to look for it there.
      plan_flags: Further flags of melmill plan.
      say: Is given lines for people.
      check: Is called again and again, and may raise to stop the job.
    """

    def __init__(
        self,
        manifests: Sequence[str],
        out: str,
        *,
        num_parts: int | None,
        num_threads: int,
        program: str | None,
        plan_flags: Sequence[str],
        say: Callable[[str], None],
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._manifests = list(manifests)
        self._out = os.path.abspath(out)
        self._num_parts = num_parts
        self._num_threads = num_threads
        self._plan_flags = list(plan_flags)
        self._say = say
        self._cluster = Cluster(program, num_threads, check)
        self._faults = Faults()

    def run(self) -> dict[str, Any]:
        """Runs all steps; ends with no task under way, whatever happens.

        Returns:
          The report of melmill finish.

        Raises:
          ExtractError: The store is not complete.
        """
        try:
            return self._run()
        except BaseException:
            self._cluster.cancel_all()
            raise

    def _run(self) -> dict[str, Any]:
        nodes = self._find_nodes()
        self._compare_versions(nodes)
        self._say(f"planning, on one of {len(nodes)} nodes")
        self._plan()
        num_shards = self._num_shards_to_make()
        if num_shards > 0:
            self._check_nodes(num_shards)
            end = self._make(num_shards)
        else:
            end = self._finish()
        if end.exit_code in (OK, REJECTS):
            return end.report
        raise ExtractError(
            end.exit_code, f"finish on {end.where}:\n{_finish_error(end)}"
        )

    # Before the work.

    def _find_nodes(self) -> list[Node]:
        nodes = self._cluster.nodes()
        if not nodes:
            raise ExtractError(
                USAGE,
                f"no node of the cluster has {self._num_threads} CPUs for a "
                "task; use fewer --threads-per-task, or start a node",
            )
        return nodes

    def _ask(
        self, nodes: Sequence[Node], arguments: Sequence[str]
    ) -> dict[Node, End]:
        """What the program says on each node. A dead node says nothing."""
        asked = {self._cluster.ask(n.id, arguments): n for n in nodes}
        ends: dict[Node, End] = {}
        deadline = time.monotonic() + _MAX_ANSWER_S
        while asked and (left_s := deadline - time.monotonic()) > 0:
            for task in self._cluster.wait(asked, left_s):
                node = asked.pop(task)
                end = self._cluster.end_of(task)
                if isinstance(end, End):
                    ends[node] = end
                else:
                    self._exclude(node, str(end))
        for node in asked.values():
            self._exclude(node, "it does not answer")
        return ends

    def _exclude(self, node: Node, reason: str) -> None:
        self._say(f"{node.label} gets no work: {reason}")
        self._faults.exclude(node.id)

    def _compare_versions(self, nodes: Sequence[Node]) -> None:
        versions = defaultdict(list)
        for node, end in self._ask(nodes, ["--version"]).items():
            version = end.stdout.strip()
            if end.exit_code != OK:
                version = end.error.removeprefix("error: ")
            versions[version].append(node.label)
        if not versions:
            raise ExtractError(MACHINE, "no node of the cluster answers")
        if len(versions) > 1 or not next(iter(versions)).startswith("melmill "):
            lines = [
                f"  {version}: {', '.join(labels)}"
                for version, labels in versions.items()
            ]
            raise ExtractError(
                USAGE,
                "\n".join(
                    ["the nodes must have the same melmill, and have", *lines]
                ),
            )

    def _check_nodes(self, num_shards: int) -> None:
        """Has each node make a part without shards.

        It refuses if it does not see the store, or would make other bits.
        """
        choice = f"{num_shards}/{num_shards + 1}"
        arguments = ["extract", "--out", self._out, "--part", choice]
        ends = self._ask(self._cluster.nodes(), [*arguments, *self._part_flags])
        refused = []
        for node, end in ends.items():
            if end.exit_code in (USAGE, NO_PROGRAM):
                refused.append(f"{node.label}:\n{end.error}")
            elif end.exit_code != OK:
                self._exclude(node, end.error)
        if refused:
            raise ExtractError(USAGE, "\n".join(refused))

    # The work.

    @property
    def _part_flags(self) -> list[str]:
        return ["--threads", str(self._num_threads)]

    def _plan(self) -> None:
        arguments = ["plan", *self._manifests, "--out", self._out]
        end = self._step(
            "plan",
            [*arguments, *self._part_flags, *self._plan_flags],
            folder=os.getcwd(),
        )
        if end.exit_code != OK:
            raise ExtractError(
                end.exit_code, f"plan on {end.where}:\n{end.error}"
            )
        if end.stderr.strip():
            self._say(end.stderr.strip())

    def _num_shards_to_make(self) -> int:
        info = self._step("info", ["info", self._out, "--json"]).report
        return int(info["planned"]["shards"]) if "planned" in info else 0

    def _make(self, num_shards: int) -> End:
        nodes = self._cluster.nodes()
        num_slots = sum(node.num_slots for node in nodes)
        num_parts = self._num_parts or _PARTS_PER_SLOT * max(1, num_slots)
        num_parts = min(num_parts, num_shards)
        self._say(
            f"making {num_shards:,} shards in {num_parts:,} parts, up to "
            f"{num_slots} at once on {len(nodes)} nodes"
        )
        # A shard that the finish finds damaged loses its name, and is made in
        # the second round.
        for is_last in (False, True):
            num_left = Parts(
                self._cluster,
                self._faults,
                self._out,
                self._part_flags,
                num_parts,
                self._say,
            ).run()
            end = self._finish()
            is_missing = end.report.get("status") == "shards_missing"
            if is_last or num_left > 0 or not is_missing:
                break
        return end

    def _finish(self) -> End:
        arguments = ["finish", "--out", self._out, *self._part_flags]
        return self._step("finish", [*arguments, "--json", "--quiet"])

    def _step(
        self, name: str, arguments: Sequence[str], folder: str | None = None
    ) -> End:
        """Runs the program to an end that no other node would change."""
        deadline = time.monotonic() + _MAX_IN_USE_S
        failed_on: set[str] = set()
        num_faults = num_deaths = 0
        while True:
            avoid = failed_on | self._faults.blamed()
            task = self._cluster.submit(
                name, arguments, avoid=avoid, folder=folder
            )
            end = self._wait(task)
            if isinstance(end, RayError):
                num_deaths += 1
                if num_deaths > _MAX_DEATHS:
                    raise ExtractError(
                        MACHINE, f"{name}: its workers die: {end}"
                    )
            elif _IN_USE in end.error and time.monotonic() < deadline:
                time.sleep(_LOOK_AGAIN_S)
            elif end.exit_code in (OK, USAGE, REJECTS) or _is_final(end):
                return end
            else:
                num_faults += 1
                failed_on.add(end.node_id)
                if num_faults > _MAX_RETRIES:
                    return end
                self._say(
                    f"{name} on {end.where}: exit code {end.exit_code}: "
                    f"{end.error}\n  it is tried elsewhere"
                )

    def _wait(self, task: Task) -> End | RayError:
        self._cluster.wait([task], math.inf)
        return self._cluster.end_of(task)


def _finish_error(end: End) -> str:
    report = end.report
    if report.get("status") != "shards_missing":
        return end.error
    lines = [f"error: {report['shards_left']:,} shards are missing"]
    if row := doubtful_row(report):
        lines.append(f"  {row}")
    return "\n".join(lines)


def _is_final(end: End) -> bool:
    return end.report.get("status") == "shards_missing"
