"""Which files a store consists of, according to store.json or plan.h5."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from melmill._store.errors import DamagedStoreError
from melmill._store.files import StoreFile
from melmill._store.hdf5 import Hdf5File
from melmill._store.index import (
    FEATURE_BYTES,
    FILE_NAME,
    FileFacts,
    parse_index,
)
from melmill._store.shard import FEATURES_OFFSET

INDEX_FILE: Final = FILE_NAME
PLAN_FILE: Final = "plan.h5"
JOB_FILE: Final = "job.json"  # only in an unfinished store

# store.json is read into memory.
MAX_INDEX_BYTES: Final = 256 << 20

_NAME = re.compile(r"[A-Za-z0-9_-]{1,200}(\.[A-Za-z0-9]{1,16}){1,2}")
_SHARD_NAME = re.compile(r"[A-Za-z0-9_-]{1,200}\.[0-9a-f]{12}\.h5")
# What a machine says to those that go on with an unfinished store.
_NOTE_NAME = re.compile(r"\.(dispute|doubts|suspects|worker)\.[0-9a-f]{16}")
_TEMPORARY_NAME = re.compile(r"(.+)\.[0-9a-f]{16}\.tmp")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShardFile:
    """A shard.

    Attributes:
      name: The file's name.
      num_rows: Rows of its index.
      features_end: Where the features end in the file, in bytes.
      num_bytes: The file's size; None in an unfinished store.
      checksum: XXH3-64 of the bytes outside the features, as 16 hex digits;
        None in an unfinished store.
    """

    name: str
    num_rows: int
    features_end: int
    num_bytes: int | None = None
    checksum: str | None = None

    def outside_features(self, num_bytes: int) -> tuple[tuple[int, int], ...]:
        """The byte ranges of a file of this size that the checksum covers."""
        return (0, FEATURES_OFFSET), (self.features_end, num_bytes)


@dataclasses.dataclass(frozen=True)
class StoreFiles:
    """The files of a store.

    Attributes:
      plan: Fingerprint of the store's whole input.
      shards: The shards, each once.
      others: All other files that store.json names; empty in an unfinished
        store.
      shard_names: The shards in the order of the plan, which may name one more
        than once.
    """

    plan: str
    shards: tuple[ShardFile, ...]
    others: tuple[FileFacts, ...]
    shard_names: tuple[str, ...]


def is_note(name: str) -> bool:
    """Whether a file of this name is for those that go on with the store."""
    return _NOTE_NAME.fullmatch(name) is not None


def is_temporary(name: str) -> bool:
    """Whether a file of this name is the rest of a run."""
    return _TEMPORARY_NAME.fullmatch(name) is not None


def finished_store_files(path: Path | str, content: bytes) -> StoreFiles:
    """The files that a store.json names.

    Args:
      path: Names the file, or object, in messages.
      content: The bytes of store.json.

    Raises:
      StoreError: as `parse_index`; a DamagedStoreError if a name cannot be that
        of a file of a store.
    """
    index = parse_index(path, content)
    frame_bytes = index.contract.n_mels * index.contract.feature_bytes
    shards = [
        ShardFile(
            name=shard.file,
            num_rows=shard.num_rows,
            features_end=FEATURES_OFFSET + shard.num_frames * frame_bytes,
            num_bytes=shard.num_bytes,
            checksum=shard.checksum,
        )
        for shard in index.shards
    ]
    for shard in shards:
        if shard.features_end > (shard.num_bytes or 0):
            raise DamagedStoreError(f"{path}: {shard.name}: too few bytes")
    others = _other_files(path, json.loads(content))
    for name in [file.file for file in others]:
        if not _NAME.fullmatch(name) or name in (INDEX_FILE, JOB_FILE):
            raise DamagedStoreError(f"{path}: no name of a file: {name!r}")
    return _store_files(str(path), index.plan, shards, others)


def unfinished_store_files(path: Path, label: str) -> StoreFiles:
    """The shards that a plan.h5 names.

    Args:
      path: The file.
      label: Names the file in messages.

    Raises:
      DamagedStoreError: The file is missing, or it is no plan.
      StoreReadError: The system cannot read it.
    """
    try:
        num_bytes = path.stat().st_size
    except OSError:
        num_bytes = 0  # StoreFile says why
    file = Hdf5File(StoreFile(path, num_bytes), label)
    if not file.attributes.get("format", "").startswith("melmill plan "):
        raise DamagedStoreError(f"{label}: this is no plan")
    names = file.read_texts("shard_file")
    frames = file.read("shard_num_frames", "<u8").tolist()
    rows = file.read("shard_num_rows", "<u8").tolist()
    if not len(names) == len(frames) == len(rows):
        raise DamagedStoreError(f"{label}: damaged: columns of several lengths")
    frame_bytes = _frame_bytes(file, label)
    shards = [
        ShardFile(
            name=name,
            num_rows=num_rows,
            features_end=FEATURES_OFFSET + num_frames * frame_bytes,
        )
        for name, num_frames, num_rows in zip(names, frames, rows, strict=True)
    ]
    plan = file.attributes.get("fingerprint", "")
    return _store_files(label, plan, shards, ())


def _frame_bytes(file: Hdf5File, label: str) -> int:
    try:
        contract = json.loads(file.attributes["contract"])
        n_mels = contract["n_mels"]
        feature_bytes = FEATURE_BYTES[contract["feature_type"]]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise DamagedStoreError(
            f"{label}: its contract has no known shape of features"
        ) from error
    if not isinstance(n_mels, int) or n_mels < 1:
        raise DamagedStoreError(f"{label}: its contract has no n_mels")
    return n_mels * feature_bytes


def _store_files(
    label: str,
    plan: str,
    shards: Iterable[ShardFile],
    others: Iterable[FileFacts],
) -> StoreFiles:
    names = []
    found: dict[str, ShardFile] = {}
    for shard in shards:
        if not _SHARD_NAME.fullmatch(shard.name):
            raise DamagedStoreError(
                f"{label}: no name of a shard: {shard.name!r}"
            )
        if found.setdefault(shard.name, shard) != shard:
            raise DamagedStoreError(f"{label}: two shards {shard.name}")
        names.append(shard.name)
    return StoreFiles(plan, tuple(found.values()), tuple(others), tuple(names))


def _other_files(path: Path | str, index: dict[str, Any]) -> list[FileFacts]:
    """All files but the shards."""
    entries = [
        split.get(kind)
        for split in index["splits"]
        for kind in ("table", "accepted", "training")
        if kind != "training" or kind in split
    ]
    entries += [index.get("rejects"), index.get("plan_file")]
    try:
        files = [
            FileFacts(
                file=entry["file"],
                num_bytes=entry["num_bytes"],
                checksum=entry["checksum"],
            )
            for entry in entries
        ]
    except (KeyError, TypeError) as error:
        raise DamagedStoreError(f"{path}: a file has no {error}") from error
    for file in files:
        if not (
            isinstance(file.file, str)
            and isinstance(file.num_bytes, int)
            and isinstance(file.checksum, str)
        ):
            raise DamagedStoreError(f"{path}: impossible facts of {file.file}")
    return files
