"""Copies a store to object storage, store.json last.

No object of a store is ever replaced: who comes second compares. So several
machines may push at the same time, and a push that was killed is done again.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Collection
from pathlib import Path

import xxhash

from melmill._contents.store_difference import store_difference
from melmill._contents.store_files import (
    INDEX_FILE,
    JOB_FILE,
    MAX_INDEX_BYTES,
    PLAN_FILE,
    ShardFile,
    finished_store_files,
    is_note,
    unfinished_store_files,
)
from melmill._remote.command_line import UsageError
from melmill._remote.remote_error import (
    RemoteFaultError,
)
from melmill._store.files import StoreFile
from melmill._store.index import FileFacts
from melmill._transfer.jobs import Jobs
from melmill._transfer.local_file import local_faults
from melmill._transfer.object_store import ObjectStore
from melmill._transfer.uploads import ConflictError, Uploads


@dataclasses.dataclass
class Pushed:
    """What a push did.

    Attributes:
      num_deleted: Local shards that were deleted.
      num_shards: Shards of the store.
      num_shards_there: Those that are at their place.
      is_finished: Whether the store at its place is complete.
      left: Objects that a finished store does not need, and that could not be
        removed.
    """

    num_deleted: int = 0
    num_shards: int = 0
    num_shards_there: int = 0
    is_finished: bool = False
    left: list[str] = dataclasses.field(default_factory=list)


class Push:
    """Pushes the store of one folder, once.

    Args:
      folder: The store, finished or not. The caller has locked it.
      objects: Where it goes.
      jobs: The threads.

    Attributes:
      uploads: The files that were uploaded, or were there.
      result: What else was done.
    """

    def __init__(self, folder: Path, objects: ObjectStore, jobs: Jobs) -> None:
        self.uploads = Uploads(folder, objects)
        self.result = Pushed()
        self._folder = folder
        self._objects = objects
        self._jobs = jobs
        self._there: dict[str, int] = {}  # objects and their sizes

    def run(self, *, deletes: bool) -> None:
        """Pushes what is missing.

        Args:
          deletes: Whether local shards of an unfinished store are deleted once
            they are at their place.

        Raises:
          UsageError: There is no store in the folder.
          ConflictError: There is another one, or another file, at its place.
          FaultsError: Files could not be pushed; store.json was not.
          RemoteFaultError, StoreError: The work could not begin.
        """
        if (self._folder / INDEX_FILE).exists():
            if deletes:
                raise UsageError(
                    f"{self._folder} is a finished store; --delete is for "
                    "unfinished ones"
                )
            self._push_finished()
        elif (self._folder / PLAN_FILE).exists():
            self._push_unfinished(deletes=deletes)
        else:
            raise UsageError(f"{self._folder}: there is no store")

    def _push_finished(self) -> None:
        path = self._folder / INDEX_FILE
        with local_faults(path):
            content = path.read_bytes()
        files = finished_store_files(path, content)
        index = FileFacts(
            file=INDEX_FILE,
            num_bytes=len(content),
            checksum=xxhash.xxh3_64_hexdigest(content),
        )
        self._there = self._objects.sizes()
        if INDEX_FILE in self._there:
            self._compare_index(content)
        shards = {shard.name: shard for shard in files.shards}
        others = {file.file: file for file in files.others}
        facts = {
            **{name: _facts_of(shard) for name, shard in shards.items()},
            **{name: (f.num_bytes, f.checksum) for name, f in others.items()},
        }
        self._run(
            lambda name: self.uploads.compare(name, *facts[name]),
            facts.keys() & self._there.keys(),
        )
        # The plan goes first: with it, one of several stores gets the place.
        missing = others.keys() - self._there.keys()
        self._run(
            lambda name: self.uploads.upload_whole(others[name]),
            missing & {PLAN_FILE},
        )
        self._run(
            lambda name: self.uploads.upload_shard(shards[name]),
            shards.keys() - self._there.keys(),
        )
        self._run(
            lambda name: self.uploads.upload_whole(others[name]),
            missing - {PLAN_FILE},
        )
        if INDEX_FILE in self._there:
            self.uploads.num_kept += 1
        else:
            self._run(lambda _: self.uploads.upload_whole(index), [INDEX_FILE])
            # Servers that know no conditions replace what is there.
            self._compare_index(content)
        self.result.is_finished = True
        self.result.num_shards = self.result.num_shards_there = len(shards)
        self._remove_leftovers()

    def _push_unfinished(self, *, deletes: bool) -> None:
        plan_path = self._folder / PLAN_FILE
        files = unfinished_store_files(plan_path, str(plan_path))
        shards = {
            shard.name: shard
            for shard in files.shards
            if (self._folder / shard.name).exists()
        }
        self._there = self._objects.sizes()
        self.result.is_finished = INDEX_FILE in self._there
        if self.result.is_finished:
            self._compare_plan(files.plan)
        else:
            for name in (PLAN_FILE, JOB_FILE):
                self._push_whole(name)
        self._run(
            lambda name: self.uploads.compare_shard(shards[name]),
            shards.keys() & self._there.keys(),
        )
        if not self.result.is_finished:
            self._run(
                lambda name: self.uploads.upload_note(
                    name, self._there.get(name, -1)
                ),
                self._local_notes(),
            )
            self._run(
                lambda name: self.uploads.upload_shard(shards[name]),
                shards.keys() - self._there.keys(),
            )
        names = {shard.name for shard in files.shards}
        self.result.num_shards = len(names)
        self.result.num_shards_there = len(
            names & (self._there.keys() | self.uploads.certain)
        )
        if deletes:
            self._delete(shards.keys() & self.uploads.certain)

    def _run(self, work: Callable[[str], None], names: Collection[str]) -> None:
        self._jobs.run(work, sorted(names))

    def _compare_index(self, content: bytes) -> None:
        """Raises ConflictError if there is another store."""
        theirs = self._read_index()
        if theirs != content:
            lines = "".join(
                f"  {line}\n" for line in store_difference(content, theirs)
            )
            raise ConflictError(
                f"{self._objects.url} has another store, which is not "
                f"replaced:\n{lines}  push to another prefix"
            )

    def _compare_plan(self, plan: str) -> None:
        """Raises ConflictError if there is a store of another plan."""
        place = f"{self._objects.url}/{INDEX_FILE}"
        theirs = finished_store_files(place, self._read_index())
        if theirs.plan != plan:
            raise ConflictError(
                f"{self._objects.url} has a finished store of another plan: "
                f"{theirs.plan}, not {plan}"
            )

    def _read_index(self) -> bytes:
        num_bytes, _ = self._objects.checksum(INDEX_FILE)
        num_bytes = min(num_bytes, MAX_INDEX_BYTES)
        return b"".join(self._objects.read(INDEX_FILE, 0, num_bytes))

    def _push_whole(self, name: str) -> None:
        """A file of an unfinished store, if there is one."""
        path = self._folder / name
        if not path.exists():
            return
        with local_faults(path):
            file = StoreFile(path, path.stat().st_size)
        checksum = file.checksum([(0, file.num_bytes)])
        facts = FileFacts(
            file=name, num_bytes=file.num_bytes, checksum=checksum
        )
        if name in self._there:
            self.uploads.compare(name, facts.num_bytes, checksum)
        else:
            self._run(lambda _: self.uploads.upload_whole(facts), [name])

    def _local_notes(self) -> list[str]:
        with local_faults(self._folder):
            return [name for name in os.listdir(self._folder) if is_note(name)]

    def _remove_leftovers(self) -> None:
        """Removes what only an unfinished store needs."""
        for name in self._there:
            if name == JOB_FILE or is_note(name):
                try:
                    self._objects.remove(name)
                except RemoteFaultError:
                    self.result.left.append(name)

    def _delete(self, names: Collection[str]) -> None:
        for name in names:
            with local_faults(self._folder / name):
                (self._folder / name).unlink()
            self.result.num_deleted += 1


def _facts_of(shard: ShardFile) -> tuple[int, str]:
    assert shard.num_bytes is not None  # the store is finished
    assert shard.checksum is not None
    return shard.num_bytes, shard.checksum
