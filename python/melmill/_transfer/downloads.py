"""Copies objects to the files of a folder, if their bytes are right."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import xxhash

from melmill._contents.shard_check import ShardIndex
from melmill._contents.store_files import INDEX_FILE, ShardFile
from melmill._remote.command_line import UsageError
from melmill._store.errors import DamagedStoreError
from melmill._store.files import StoreFile
from melmill._store.shard import (
    FEATURES_OFFSET,
    WITHOUT_FEATURES,
    lacks_features,
)
from melmill._transfer.local_file import LocalFile, local_faults
from melmill._transfer.object_store import ObjectStore

_DELETE = "delete it, or pull to another folder"


class Downloads:
    """The way of single files to a folder. Threads may share it.

    Args:
      objects: Where they come from.
      folder: The store.

    Attributes:
      there: The objects and their sizes.
      with_features: Whether shards are copied with their features.
      num_copied: Files that were copied.
      num_kept: Files that were in the folder.
    """

    def __init__(self, objects: ObjectStore, folder: Path) -> None:
        self.there: dict[str, int] = {}
        self.with_features = True
        self.num_copied = 0
        self.num_kept = 0
        self._objects = objects
        self._folder = folder
        self._lock = threading.Lock()  # of the numbers

    def bring_shard(self, shard: ShardFile) -> None:
        """Copies a shard, unless it is in the folder.

        Raises:
          UsageError: The folder has another file of this name.
          DamagedStoreError: The object is missing or damaged.
          LocalFaultError, StoreReadError: The disk is full or fails.
          RemoteFaultError, StoppingError: see ObjectStore.
        """
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
            if self.with_features or end - first < len(WITHOUT_FEATURES):
                self._copy(shard.name, first, end, local, check.update)
                check.finish()
            else:
                local.write(first, WITHOUT_FEATURES)
            self.end(local)

    def bring_whole(
        self, name: str, num_bytes: int, checksum: str | None
    ) -> None:
        """Copies a file that is no shard, unless it is in the folder.

        Args:
          name: The file.
          num_bytes: Its size.
          checksum: Its checksum; None if that is not known.

        Raises: as `bring_shard`.
        """
        path = self._folder / name
        place = f"{self._objects.url}/{name}"
        self._size_there(name, num_bytes)
        if path.exists():
            self._compare_size(path, num_bytes)
            found = StoreFile(path, num_bytes).checksum([(0, num_bytes)])
            if checksum not in (None, found):
                raise UsageError(f"{path} is not {place}; {_DELETE}")
            self.keep()
            return
        hasher = xxhash.xxh3_64()
        with LocalFile(path, num_bytes) as local:
            self._copy(name, 0, num_bytes, local, hasher.update)
            if checksum not in (None, hasher.hexdigest()):
                raise DamagedStoreError(
                    f"{place}: damaged: it has a wrong checksum"
                )
            self.end(local)

    def bring_note(self, name: str) -> None:
        """Copies a note, which may have grown.

        Raises: as `bring_shard`, but for UsageError.
        """
        num_bytes = self.there[name]
        with LocalFile(self._folder / name, num_bytes) as local:
            self._copy(name, 0, num_bytes, local)
            local.finish()

    def keep(self) -> None:
        """Counts a file that is in the folder."""
        with self._lock:
            self.num_kept += 1

    def end(self, local: LocalFile) -> None:
        """Gives a file its name, and counts it.

        Raises: as LocalFile.finish.
        """
        local.finish()
        with self._lock:
            self.num_copied += 1

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
        if self.with_features and lacks_features(file, shard.features_end):
            return False
        self.keep()
        return True

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
        there = self.there.get(name)
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
