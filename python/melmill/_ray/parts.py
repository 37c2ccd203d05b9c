"""Makes the parts of a planned store, on whichever nodes there are."""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from collections.abc import Callable

from ray.exceptions import RayError

from melmill._process.extract_error import MACHINE, OK, USAGE, ExtractError
from melmill._ray.cluster import Cluster, End, Task
from melmill._ray.faults import Faults, doubtful_row, is_in_doubt

_MAX_RETRIES = 3  # of a part whose program failed
_MAX_DOUBTS = 2  # nodes that cannot read a part's audio
_PROGRESS_S = 10.0


@dataclasses.dataclass
class _Part:
    number: int
    num_faults: int = 0
    num_doubts: int = 0
    avoid: set[str] = dataclasses.field(default_factory=set)


class Parts:
    """Runs `melmill extract --part i/N` for all i, until each has ended.

    Args:
      cluster: Where they run.
      faults: Knows nodes that failed before, and learns of more.
      out: The store's folder, an absolute path.
      flags: Flags for each part.
      num_parts: N.
      say: Is given a line for people.
    """

    def __init__(
        self,
        cluster: Cluster,
        faults: Faults,
        out: str,
        flags: list[str],
        num_parts: int,
        say: Callable[[str], None],
    ) -> None:
        self._cluster = cluster
        self._faults = faults
        self._out = out
        self._flags = flags
        self._num_parts = num_parts
        self._say = say
        self._waiting = deque(map(_Part, range(num_parts)))
        self._running: dict[Task, _Part] = {}
        self._num_done = 0
        self._num_left = 0
        self._num_slots = 0
        self._num_nodes = 0
        self._look: Task | None = None
        self._next_look = time.monotonic() + _PROGRESS_S
        self._num_shards = 0

    def run(self) -> int:
        """Runs them.

        Returns:
          How many parts are left to the finish: the program failed on several
          nodes, or could not read audio on two.

        Raises:
          ExtractError: The program refused to work, or all nodes have the
            same fault, or workers die without end.
        """
        self._count_nodes()
        while self._waiting or self._running:
            self._fill()
            timeout_s = max(0.0, self._next_look - time.monotonic())
            tasks = list(self._running)
            if self._look is not None:
                tasks.append(self._look)
            for task in self._cluster.wait(tasks, timeout_s):
                end = self._cluster.end_of(task)
                if task is self._look:
                    self._look = None
                    self._show(end)
                else:
                    self._take(self._running.pop(task), end)
            if time.monotonic() >= self._next_look:
                self._next_look = time.monotonic() + _PROGRESS_S
                self._count_nodes()
                self._start_look()
        return self._num_left

    def _count_nodes(self) -> None:
        nodes = self._cluster.nodes()
        self._num_nodes = len(nodes)
        self._num_slots = sum(node.num_slots for node in nodes)

    def _fill(self) -> None:
        """Keeps twice as many tasks submitted as can run.

        So a slot never waits and an autoscaler sees a demand, but the cluster
        has no long queue.
        """
        while self._waiting and len(self._running) < max(
            2, 2 * self._num_slots
        ):
            part = self._waiting.popleft()
            choice = f"{part.number}/{self._num_parts}"
            arguments = ["extract", "--out", self._out, "--part", choice]
            task = self._cluster.submit(
                f"part {choice}",
                [*arguments, *self._flags, "--json", "--quiet"],
                avoid=part.avoid | self._faults.blamed(),
            )
            self._running[task] = part

    def _take(self, part: _Part, end: End | RayError) -> None:
        if isinstance(end, RayError):
            self._take_death(part, end)
        elif end.exit_code == OK:
            self._num_done += 1
            self._faults.success(end.node_id)
            if end.report.get("shards_made"):
                self._faults.progress()
        elif end.exit_code == USAGE:
            raise ExtractError(
                USAGE, f"{self._name(part)} on {end.where}:\n{end.error}"
            )
        else:
            self._take_fault(part, end)

    def _take_death(self, part: _Part, error: RayError) -> None:
        self._say(
            f"{self._name(part)}: its worker or node died; it starts again"
        )
        if self._faults.death(self._num_slots):
            raise ExtractError(
                MACHINE,
                "workers die again and again, and no shard is made in between; "
                f"the last one: {error}",
            )
        self._waiting.appendleft(part)

    def _take_fault(self, part: _Part, end: End) -> None:
        if end.report.get("shards_made"):
            self._faults.progress()
        is_everywhere = self._faults.fault(end, self._num_nodes)
        where = f"{self._name(part)} on {end.where}"
        if is_everywhere:
            raise ExtractError(
                MACHINE,
                f"several nodes have the same fault; {where}:\n{end.error}",
            )
        part.num_faults += 1
        part.num_doubts += is_in_doubt(end.report)
        part.avoid.add(end.node_id)
        is_left = (
            part.num_faults > _MAX_RETRIES or part.num_doubts >= _MAX_DOUBTS
        )
        self._num_left += is_left
        if not is_left:
            self._waiting.append(part)
        reason = doubtful_row(end.report) or end.error
        following = "left to the finish" if is_left else "it is tried elsewhere"
        self._say(
            f"{where}: exit code {end.exit_code}: {reason}\n  {following}"
        )

    def _name(self, part: _Part) -> str:
        return f"part {part.number}/{self._num_parts}"

    def _start_look(self) -> None:
        nodes = self._cluster.nodes()
        blamed = self._faults.blamed()
        good = [node for node in nodes if node.id not in blamed] or nodes
        if self._look is None and good:
            arguments = ["info", self._out, "--json"]
            self._look = self._cluster.ask(good[0].id, arguments)

    def _show(self, end: End | RayError) -> None:
        info = {} if isinstance(end, RayError) else end.report
        made, planned = info.get("made"), info.get("planned")
        if not made or not planned:
            return
        if made["shards"] > self._num_shards:
            self._num_shards = made["shards"]
            self._faults.progress()
        self._say(
            f"{self._num_done} of {self._num_parts} parts, {made['shards']:,} "
            f"of {planned['shards']:,} shards, {made['hours']:,.1f} of "
            f"{planned['hours']:,.1f} h made"
        )
