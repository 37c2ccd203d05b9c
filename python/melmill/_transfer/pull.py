"""Copies a store from object storage, store.json last.

A file gets its name once its checksums are right. Of an unfinished store, this
brings what a part needs, or what the end needs: for the latter, shards without
their features.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Collection
from pathlib import Path

import xxhash

from melmill._contents.shard_check import ShardIndex
from melmill._contents.store_difference import store_difference
from melmill._contents.store_files import (
    INDEX_FILE,
    JOB_FILE,
    MAX_INDEX_BYTES,
    PLAN_FILE,
    ShardFile,
    StoreFiles,
    finished_store_files,
    is_note,
    is_temporary,
    unfinished_store_files,
)
from melmill._remote.command_line import UsageError
from melmill._store.errors import DamagedStoreError
from melmill._store.files import StoreFile
from melmill._store.shard import (
    FEATURES_OFFSET,
    WITHOUT_FEATURES,
    lacks_features,
)
from melmill._transfer.jobs import Jobs
from melmill._transfer.local_file import LocalFile, flush_names, local_faults
from melmill._transfer.object_store import ObjectStore

_DELETE = "delete it, or pull to another folder"


@dataclasses.dataclass(frozen=True)
class Part:
    """The shards of a part: every `count`-th of the plan, from `number` on."""

    number: int
    count: int

    def has(self, shard: int) -> bool:
        return shard % self.count == self.number % self.count


@dataclasses.dataclass
class Pulled:
    """What a pull did.

    Attributes:
      num_copied: Files that were copied, with or without features.
      num_kept: Files that were there.
      num_shards: Shards of the store.
      missing: Shards that the store does not have yet, as their numbers in the
        plan, in order.
      is_finished: Whether the store is complete.
    """

    num_copied: int = 0
    num_kept: int = 0
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
      result: What was done.
    """

    def __init__(self, objects: ObjectStore, folder: Path, jobs: Jobs) -> None:
        self.result = Pulled()
        self._objects = objects
        self._folder = folder
        self._jobs = jobs
        self._lock = threading.Lock()  # of the result
        self._there: dict[str, int] = {}  # objects and their sizes
        self._with_features = True

    def look(self) -> None:
        """Looks at what there is; the folder is not touched. Call this first.

        Raises:
          UsageError: There is no store.
          RemoteFaultError: Server, network or credentials fail.
        """
        self._there = self._objects.sizes()
        self.result.is_finished = INDEX_FILE in self._there
        if not self.result.is_finished and PLAN_FILE not in self._there:
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
        self._with_features = False
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
            if shard.name in self._there
        }
        self._run(lambda name: self._pull_shard(shards[name]), shards)
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
        self._run(lambda name: self._pull_shard(shards[name]), shards)
        self._run(
            lambda name: self._pull_whole(
                name, others[name].num_bytes, others[name].checksum
            ),
            others,
        )
        flush_names(self._folder)
        if self._is_finished_here():
            self._keep()
        else:
            with LocalFile(self._folder / INDEX_FILE, len(content)) as file:
                file.write(0, content)
                self._end(file)
            flush_names(self._folder)
        self.result.num_shards = len(shards)

    def _read_index(self) -> bytes:
        num_bytes = self._there[INDEX_FILE]
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
            names += [name for name in (JOB_FILE,) if name in self._there]
            self._run(self._pull_note, list(filter(is_note, self._there)))
        for name in names:
            num_bytes, checksum = self._objects.checksum(name)
            self._there[name] = num_bytes
            self._pull_whole(name, num_bytes, checksum)
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
            if is_first and part.has(number) and name not in self._there:
                self.result.missing.append(number)

    def _run(self, work: Callable[[str], None], names: Collection[str]) -> None:
        self._jobs.run(work, sorted(names))

    # Single files.

    def _pull_shard(self, shard: ShardFile) -> None:
        place = f"{self._objects.url}/{shard.name}"
        num_bytes = self._size_there(shard.name, shard.num_bytes)
        if self._has_shard(shard, num_bytes):
            return
        with LocalFile(self._folder / shard.name, num_bytes) as local:
            for first, end in shard.outside_features(num_bytes):
                self._copy(shard.name, first, end, local)
            index = ShardIndex(StoreFile(local.path, num_bytes), shard, place)
            first, end = FEATURES_OFFSET, shard.features_end
            check = index.features_check()
            if self._with_features or end - first < len(WITHOUT_FEATURES):
                self._copy(shard.name, first, end, local, check.update)
                check.finish()
            else:
                local.write(first, WITHOUT_FEATURES)
            self._end(local)

    def _has_shard(self, shard: ShardFile, num_bytes: int) -> bool:
        """Whether the folder has a shard, with what is wanted of it."""
        path = self._folder / shard.name
        if not path.exists():
            return False
        self._compare_size(path, num_bytes)
        file = StoreFile(path, num_bytes)
        try:
            ShardIndex(file, shard, str(path))
        except DamagedStoreError as error:
            raise UsageError(f"{error}; {_DELETE}") from None
        if self._with_features and lacks_features(file, shard.features_end):
            return False
        self._keep()
        return True

    def _pull_whole(
        self, name: str, num_bytes: int, checksum: str | None
    ) -> None:
        """A file that is no shard."""
        path = self._folder / name
        place = f"{self._objects.url}/{name}"
        self._size_there(name, num_bytes)
        if path.exists():
            self._compare_size(path, num_bytes)
            found = StoreFile(path, num_bytes).checksum([(0, num_bytes)])
            if checksum not in (None, found):
                raise UsageError(f"{path} is not {place}; {_DELETE}")
            self._keep()
            return
        hasher = xxhash.xxh3_64()
        with LocalFile(path, num_bytes) as local:
            self._copy(name, 0, num_bytes, local, hasher.update)
            if checksum not in (None, hasher.hexdigest()):
                raise DamagedStoreError(
                    f"{place}: damaged: it has a wrong checksum"
                )
            self._end(local)

    def _pull_note(self, name: str) -> None:
        num_bytes = self._there[name]
        with LocalFile(self._folder / name, num_bytes) as local:
            self._copy(name, 0, num_bytes, local)
            local.finish()

    def _copy(
        self,
        name: str,
        first: int,
        end: int,
        local: LocalFile,
        see: Callable[[memoryview], object] = bool,
    ) -> None:
        """Copies the bytes [first, end), which `see` is given before."""
        offset = first
        for piece in self._objects.read(name, first, end):
            see(memoryview(piece))
            local.write(offset, piece)
            offset += len(piece)

    def _size_there(self, name: str, num_bytes: int | None) -> int:
        """The size of an object, which must be the one that is known.

        Raises:
          DamagedStoreError: It has another size, or there is no such object.
        """
        there = self._there.get(name)
        if there is None:
            raise DamagedStoreError(
                f"{self._objects.url}/{name}: missing, though "
                f"{INDEX_FILE} names it"
            )
        if num_bytes not in (None, there):
            raise DamagedStoreError(
                f"{self._objects.url}/{name}: damaged: {there:,} bytes, not "
                f"{num_bytes:,}"
            )
        return there

    def _compare_size(self, path: Path, num_bytes: int) -> None:
        with local_faults(path):
            found = path.stat().st_size
        if found != num_bytes:
            raise UsageError(
                f"{path} has {found:,} bytes, not {num_bytes:,}; {_DELETE}"
            )

    def _keep(self) -> None:
        with self._lock:
            self.result.num_kept += 1

    def _end(self, local: LocalFile) -> None:
        local.finish()
        with self._lock:
            self.result.num_copied += 1
