"""Makes a store on a Ray cluster.

    melmill ray extract train.jsonl --out /shared/features
    melmill.ray.extract(["train.jsonl"], "/shared/features")

See docs/many-machines.md. Needs the extra ray.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import Any

from melmill._process.extract_error import ExtractError
from melmill._ray.cluster import connect
from melmill._ray.job import Job
from melmill._ray.ray_command import main

__all__ = ["ExtractError", "extract", "main"]

_log = logging.getLogger("melmill.ray")


def extract(
    manifests: Sequence[str],
    out: str,
    *,
    parts: int | None = None,
    threads_per_task: int = 4,
    program: str | None = None,
    plan_flags: Sequence[str] = (),
) -> dict[str, Any]:
    """Makes a store, in parts on all nodes of a Ray cluster.

    Uses the cluster that Ray is connected to, or else connects to the one of
    RAY_ADDRESS or of this machine. Progress goes to the logger melmill.ray.

    The same call resumes after any end, also of the driver. The store has the
    same bytes as that of one `melmill extract`. No program works on it any more
    when this returns or raises.

    Args:
      manifests: Paths, or NAME=PATH, as for `melmill plan`. Every node must see
        them, the audio and `out` under the same paths.
      out: The store's folder.
      parts: How many parts, or None for four times as many as run at once. At
        most one for each shard.
      threads_per_task: Threads of a part, and CPUs that Ray keeps for it.
      program: The path of the program on every node. None for `melmill` on the
        node's PATH or beside its Python.
      plan_flags: Further flags of `melmill plan`, such as ["--dtype", "f32"].

    Returns:
      What `melmill finish --json` prints: "status", "exit_code", "stored",
      "rejected" and so on. "exit_code" is 3 if the store is complete but has
      more rejects than --max-rejects allows.

    Raises:
      ExtractError: The store is not complete; `exit_code` says whether the same
        call can help (4).
      ConnectionError: There is no cluster.
    """
    if not manifests or isinstance(manifests, str):
        raise ValueError("manifests: give a list of at least one path")
    if parts is not None and parts < 1:
        raise ValueError("parts: give 1 or more")
    if threads_per_task < 1:
        raise ValueError("threads_per_task: give 1 or more")
    connect()
    return Job(
        manifests,
        out,
        num_parts=parts,
        num_threads=threads_per_task,
        program=program,
        plan_flags=plan_flags,
        say=_log.info,
    ).run()


if __name__ == "__main__":
    sys.exit(main())
