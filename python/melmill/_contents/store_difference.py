"""In what two stores differ, for people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

_MAX_LINES = 5
_MAX_VALUE = 60  # characters


def store_difference(ours: bytes, theirs: bytes) -> list[str]:
    """Some lines on what two different store.json differ in.

    Args:
      ours: The bytes of the local store.json.
      theirs: Those of the object. Both may hold anything.
    """
    here, there = _parsed(ours), _parsed(theirs)
    if here is None:
        return ["the store.json here is none of melmill"]
    if there is None:
        return ["the store.json there is none of melmill"]
    lines = list(_lines(here, there, ""))
    if not lines:
        return ["the store.json there has other bytes"]
    return lines[:_MAX_LINES]


def _parsed(content: bytes) -> dict[str, Any] | None:
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _lines(
    ours: dict[str, Any], theirs: dict[str, Any], place: str
) -> Iterator[str]:
    # The checksum of the file itself says nothing.
    names = [name for name in ours if place or name != "checksum"]
    for name in names:
        mine, other = ours[name], theirs.get(name)
        if mine == other:
            continue
        if isinstance(mine, dict) and isinstance(other, dict):
            yield from _lines(mine, other, f"{place}{name}.")
        elif isinstance(mine, list) and isinstance(other, list):
            counts = f"{len(mine):,} here, {len(other):,} there"
            yield f"{place}{name} differ: {counts}"
        else:
            values = f"{_shown(mine)} here, {_shown(other)} there"
            yield f"{place}{name} is {values}"


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= _MAX_VALUE else f"{text[:_MAX_VALUE]}…"
