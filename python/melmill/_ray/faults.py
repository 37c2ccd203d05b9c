"""What the faults of parts say about nodes, and about the whole job."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from melmill._ray.cluster import End

# So many nodes that name the same fault are right.
_MANY_NODES = 3
# A node on which so many parts failed one after the other gets no more.
_MANY_FAULTS = 3
# Deaths of workers and nodes for each slot, without a shard made in between.
_MANY_DEATHS = 10


class Faults:
    """Counts faults since the job last made progress."""

    def __init__(self) -> None:
        self._excluded: set[str] = set()
        self._nodes_of: dict[str, list[str]] = defaultdict(list)
        self._in_a_row: dict[str, int] = defaultdict(int)
        self._num_deaths = 0

    def progress(self) -> None:
        """A shard was made somewhere."""
        self._nodes_of.clear()
        self._num_deaths = 0

    def exclude(self, node_id: str) -> None:
        """This node shall get nothing."""
        self._excluded.add(node_id)

    def success(self, node_id: str) -> None:
        """A part was made on this node."""
        self._in_a_row.pop(node_id, None)

    def blamed(self) -> set[str]:
        """The nodes that shall get no more work."""
        return self._excluded | {
            node
            for node, number in self._in_a_row.items()
            if number >= _MANY_FAULTS
        }

    def fault(self, end: End, num_nodes: int) -> bool:
        """A part failed. Whether all nodes of so many seem to have its fault.

        The faults of single rows are none of the job: they differ, and the
        finish decides about them.
        """
        self._in_a_row[end.node_id] += 1
        if is_in_doubt(end.report) or is_stopped(end):
            return False
        nodes = self._nodes_of[_without_names(end.error)]
        nodes.append(end.node_id)
        return len(nodes) >= _MANY_NODES and len(set(nodes)) >= min(
            _MANY_NODES, num_nodes
        )

    def death(self, num_slots: int) -> bool:
        """A worker or a node died. Whether that happens again and again."""
        self._num_deaths += 1
        return self._num_deaths > _MANY_DEATHS * max(1, num_slots)


def is_in_doubt(report: Mapping[str, Any]) -> bool:
    """Whether a part could not read all audio on its node."""
    return report.get("status") == "doubtful"


def doubtful_row(report: Mapping[str, Any]) -> str:
    """The first row that could not be read, in words; empty without one."""
    for row in report.get("doubts", []):
        return (
            f"cannot read all audio, such as {row['split']} line "
            f"{row['line']}: {row['audio']}: {row['message']} (on "
            f"{row['host']})"
        )
    return ""


def is_stopped(end: End) -> bool:
    """Whether a signal ended the program, and no fault that it names."""
    return end.exit_code > 128


def _without_names(error: str) -> str:
    """An error without what differs between shards: hashes and numbers."""
    return re.sub(r"[0-9a-f]{12,}|\d+(\.\d+)?", "*", error)
