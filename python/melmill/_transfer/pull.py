"""Copies a store from object storage, store.json last.

A file gets its name once its checksums are right. Of an unfinished store, this
brings what a part needs, or what the end needs: for the latter, shards without
their features.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from pathlib import Path

from melmill._contents.store_difference import store_difference
from melmill._contents.store_files import (
    INDEX_FILE,
    JOB_FILE,
    MAX_INDEX_BYTES,
    PLAN_FILE,
    StoreFiles,
    finished_store_files,
    is_note,
    is_temporary,
    unfinished_store_files,
)
from melmill._remote.command_line import UsageError
from melmill._store.errors import DamagedStoreError
from melmill._transfer.downloads import Downloads
from melmill._transfer.jobs import Jobs
from melmill._transfer.local_file import LocalFile, flush_names, local_faults
from melmill._transfer.object_store import ObjectStore


@dataclasses.dataclass(frozen=True)
class Part:
    """The shards of a part: every `count`-th of the plan, from `number` on."""

    number: int
    count: int

    def has(self, shard: int) -> bool:
        return shard % self.count == self.number % self.count


@dataclasses.dataclass
class Pulled:
    """What a pull found.

    Attributes:
      num_shards: Shards of the store.
      missing: Shards that the store does not have yet, as their numbers in the
        plan, in order.
      is_finished: Whether the store is complete.
    """

    num_shards: int = 0
    missing: list[int] = dataclasses.field(default_factory=list)
    is_finished: bool = False


class Pull:
    """Pulls one store, once.

    Args:
      objects: Where it comes from.
      folder: Where it goes. The caller has made and locked it.
      jobs: The threads.

    Attributes:
      downloads: The files that were copied, or were in the folder.
      result: What else was found.
    """

    def __init__(self, objects: ObjectStore, folder: Path, jobs: Jobs) -> None:
        self.downloads = Downloads(objects, folder)
        self.result = Pulled()
        self._objects = objects
        self._folder = folder
        self._jobs = jobs

    def look(self) -> None:
        """Looks at what there is; the folder is not touched. Call this first.

        Raises:
          UsageError: There is no store.
          RemoteFaultError: Server, network or credentials fail.
        """
        self.downloads.there = self._objects.sizes()
        self.result.is_finished = INDEX_FILE in self.downloads.there
        if (
            not self.result.is_finished
            and PLAN_FILE not in self.downloads.there
        ):
            raise UsageError(f"{self._objects.url}: there is no store")

    def whole(self) -> None:
        """Pulls a finished store. Nobody else works in the folder.

        Raises:
          UsageError: The folder has another store.
          FaultsError: Files could not be pulled; store.json was not.
          RemoteFaultError, StoreError, LocalFaultError: The work could not
            begin or end.
        """
        self._remove_rests()
        self._pull_finished()

    def for_finish(self) -> None:
        """Pulls all that `melmill finish` reads: no features.

        Nobody else works in the folder.

        Raises: as `whole`.
        """
        self.downloads.with_features = False
        self._remove_rests()
        if self.result.is_finished:
            self._pull_finished()
            return
        files = self._pull_plan()
        if self._is_finished_here():
            return
        shards = {
            shard.name: shard
            for shard in files.shards
            if shard.name in self.downloads.there
        }
        self._run(lambda name: self.downloads.bring_shard(shards[name]), shards)
        flush_names(self._folder)
        self._find_missing(files, Part(0, 1))

    def part(self, part: Part) -> None:
        """Pulls what `melmill extract --shards` needs of an unfinished store.

        Others may work in the folder.

        Raises: as `whole`.
        """
        if self.result.is_finished:
            return
        files = self._pull_plan()
        flush_names(self._folder)
        if not self._is_finished_here():
            self._find_missing(files, part)

    def _remove_rests(self) -> None:
        """Removes the rests of runs that were killed."""
        with local_faults(self._folder):
            for path in self._folder.iterdir():
                if is_temporary(path.name):
                    path.unlink(missing_ok=True)

    def _pull_finished(self) -> None:
        content = self._read_index()
        place = f"{self._objects.url}/{INDEX_FILE}"
        files = finished_store_files(place, content)
        self._compare_index(content)
        shards = {shard.name: shard for shard in files.shards}
        others = {file.file: file for file in files.others}
        self._run(lambda name: self.downloads.bring_shard(shards[name]), shards)
        self._run(
            lambda name: self.downloads.bring_whole(
                name, others[name].num_bytes, others[name].checksum
            ),
            others,
        )
        flush_names(self._folder)
        if self._is_finished_here():
            self.downloads.keep()
        else:
            with LocalFile(self._folder / INDEX_FILE, len(content)) as file:
                file.write(0, content)
                self.downloads.end(file)
            flush_names(self._folder)
        self.result.num_shards = len(shards)

    def _read_index(self) -> bytes:
        num_bytes = self.downloads.there[INDEX_FILE]
        if num_bytes > MAX_INDEX_BYTES:
            raise DamagedStoreError(
                f"{self._objects.url}/{INDEX_FILE}: {num_bytes:,} bytes are "
                "too many"
            )
        return b"".join(self._objects.read(INDEX_FILE, 0, num_bytes))

    def _compare_index(self, content: bytes) -> None:
        """Raises UsageError if the folder has another store."""
        path = self._folder / INDEX_FILE
        if not path.exists():
            return
        with local_faults(path):
            ours = path.read_bytes()
        if ours != content:
            lines = "".join(
                f"  {line}\n" for line in store_difference(ours, content)
            )
            raise UsageError(
                f"{self._folder} has another store than {self._objects.url}, "
                f"which is not replaced:\n{lines}  pull to another folder"
            )

    def _pull_plan(self) -> StoreFiles:
        """Plan, job and notes of an unfinished store."""
        names = [PLAN_FILE]
        if not self._is_finished_here():
            names += [
                name for name in (JOB_FILE,) if name in self.downloads.there
            ]
            self._run(
                self.downloads.bring_note,
                list(filter(is_note, self.downloads.there)),
            )
        for name in names:
            num_bytes, checksum = self._objects.checksum(name)
            self.downloads.there[name] = num_bytes
            self.downloads.bring_whole(name, num_bytes, checksum)
        return unfinished_store_files(
            self._folder / PLAN_FILE, f"{self._objects.url}/{PLAN_FILE}"
        )

    def _is_finished_here(self) -> bool:
        """Whether the end was made in the folder, and only not pushed yet."""
        return (self._folder / INDEX_FILE).exists()

    def _find_missing(self, files: StoreFiles, part: Part) -> None:
        """Finds the shards of a part that are not there.

        As the program has it, a shard that the plan names more than once has
        the number of the first time.
        """
        self.result.num_shards = len(files.shards)
        seen: set[str] = set()
        for number, name in enumerate(files.shard_names):
            is_first = name not in seen
            seen.add(name)
            if (
                is_first
                and part.has(number)
                and name not in self.downloads.there
            ):
                self.result.missing.append(number)

    def _run(self, work: Callable[[str], None], names: Collection[str]) -> None:
        self._jobs.run(work, sorted(names))
