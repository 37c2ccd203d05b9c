"""Uploads the files of a folder, if their bytes are right."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

import xxhash

from melmill._contents.shard_check import Pieces, ShardIndex, checked_pieces
from melmill._contents.store_files import ShardFile
from melmill._remote.command_line import UsageError
from melmill._remote.remote_error import (
    ExistsError,
    GoneError,
    RemoteFaultError,
)
from melmill._store.errors import DamagedStoreError
from melmill._store.files import StoreFile
from melmill._store.index import FileFacts
from melmill._store.shard import lacks_features
from melmill._transfer.local_file import local_faults
from melmill._transfer.object_store import ObjectStore


class ConflictError(UsageError):
    """A file or store is there that is another one, and is not replaced."""


class Uploads:
    """The way of single files from a folder. Threads may share it.

    Args:
      folder: The store.
      objects: Where they go.

    Attributes:
      num_uploaded: Files that were uploaded.
      num_kept: Files that were there.
      certain: Files of which the object's checksum is known to be theirs.
    """

    def __init__(self, folder: Path, objects: ObjectStore) -> None:
        self.num_uploaded = 0
        self.num_kept = 0
        self.certain: set[str] = set()
        self._folder = folder
        self._objects = objects
        self._lock = threading.Lock()  # of the attributes

    def compare_shard(self, shard: ShardFile) -> None:
        """Compares an object with a local shard.

        Raises: as `upload_shard`.
        """
        file, index = self._open_shard(shard)
        self.compare(shard.name, file.num_bytes, index.checksum)

    def compare(self, name: str, num_bytes: int, checksum: str) -> None:
        """Compares an object with what is known of its file.

        Raises:
          ConflictError: It is another one.
          RemoteFaultError, StoppingError: see ObjectStore.
        """
        try:
            there_bytes, there_checksum = self._objects.checksum(name)
        except GoneError:
            raise RemoteFaultError("it was there, and is gone") from None
        problem = ""
        if there_bytes != num_bytes:
            problem = f"has {there_bytes:,} bytes, not {num_bytes:,}"
        elif there_checksum not in (None, checksum):
            problem = f"has the checksum {there_checksum}, not {checksum}"
        if problem:
            raise ConflictError(
                f"{self._objects.url}/{name} {problem}; it is not replaced"
            )
        with self._lock:
            self.num_kept += 1
            if there_checksum is not None:
                self.certain.add(name)

    def upload_shard(self, shard: ShardFile) -> None:
        """Uploads a shard, or compares it if somebody was faster.

        Raises:
          DamagedStoreError: The local file is missing, damaged or a copy
            without features.
          StoreReadError, LocalFaultError: The system cannot read it.
          ConflictError: There is another file of this name.
          RemoteFaultError, StoppingError: see ObjectStore.
        """
        file, index = self._open_shard(shard)
        if lacks_features(file, shard.features_end):
            raise DamagedStoreError(
                f"{file.path}: this copy has no features, and "
                f"{self._objects.url} has no such shard"
            )
        self._put(shard.name, file.num_bytes, index.checksum, index.pieces)

    def upload_whole(self, facts: FileFacts) -> None:
        """Uploads a file that is no shard.

        Raises: as `upload_shard`.
        """
        path = self._folder / facts.file
        file = StoreFile(path, facts.num_bytes)
        pieces = partial(checked_pieces, file, facts.checksum, str(path))
        self._put(facts.file, facts.num_bytes, facts.checksum, pieces)

    def upload_note(self, name: str, num_bytes_there: int) -> None:
        """Uploads a note; it grows, so a shorter one is replaced.

        Args:
          name: The file.
          num_bytes_there: Size of the object; less than 0 if there is none.

        Raises: as `upload_shard`, but for ConflictError.
        """
        path = self._folder / name
        with local_faults(path):
            content = path.read_bytes()
        if num_bytes_there < len(content):
            self._objects.put(
                name,
                len(content),
                xxhash.xxh3_64_hexdigest(content),
                lambda _: iter([memoryview(content)]),
                replaces=True,
            )

    def _open_shard(self, shard: ShardFile) -> tuple[StoreFile, ShardIndex]:
        path = self._folder / shard.name
        num_bytes = shard.num_bytes
        if num_bytes is None:
            with local_faults(path):
                num_bytes = path.stat().st_size
        file = StoreFile(path, num_bytes)
        return file, ShardIndex(file, shard, str(path))

    def _put(
        self, name: str, num_bytes: int, checksum: str, pieces: Pieces
    ) -> None:
        try:
            self._objects.put(name, num_bytes, checksum, pieces)
        except ExistsError:  # another push was faster
            self.compare(name, num_bytes, checksum)
            return
        with self._lock:
            self.num_uploaded += 1
            self.certain.add(name)
