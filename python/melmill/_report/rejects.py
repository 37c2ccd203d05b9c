"""The lines that a store did not take, by their reasons."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from melmill._store.errors import DamagedStoreError, StoreReadError
from melmill._store.store import Store

_FILE_NAME = "rejects.jsonl"
_NUM_EXAMPLES = 3
_SHOWN = ("split", "line", "audio", "message")


def rejects(store: Store) -> dict[str, Any]:
    """Counts rejected lines by their codes, most frequent first.

    `num_missing` is the number of rejects that store.json counts and that no
    rejects.jsonl has.

    Raises:
      DamagedStoreError: A line is not what docs/format.md says.
      StoreReadError: The system cannot read a file.
    """
    reasons: dict[str, dict[str, Any]] = {}
    num_found = 0
    for folder in store.folders:
        for reject in _lines(folder / _FILE_NAME):
            num_found += 1
            code = str(reject.get("code"))
            new = {"code": code, "num_lines": 0, "examples": []}
            reason = reasons.setdefault(code, new)
            reason["num_lines"] += 1
            if len(reason["examples"]) < _NUM_EXAMPLES:
                reason["examples"].append(
                    {name: reject.get(name) for name in _SHOWN}
                )
    splits = [split for index in store.indices for split in index.splits]
    num_rejected = sum(split.num_rejected for split in splits)
    return {
        "num_lines": sum(split.num_lines for split in splits),
        "num_rejected": num_rejected,
        "num_missing": num_rejected - num_found,
        "reasons": sorted(reasons.values(), key=lambda r: -r["num_lines"]),
    }


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                reject = json.loads(line)
                if not isinstance(reject, dict):
                    raise DamagedStoreError(f"{path}: not an object: {line!r}")
                yield reject
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreReadError.of(path, error) from error
    except ValueError as error:
        raise DamagedStoreError(f"{path}: {error}") from error
