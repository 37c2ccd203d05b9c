"""The bytes of a store's files: mapped, or read into memory.

A mapping costs nothing until it is used. But if the file is cut short or its
mount disappears, using the mapping ends the process (SIGBUS). Reading turns the
same faults into exceptions.
"""

from __future__ import annotations

import ctypes
import errno
import itertools
import mmap
import os
import resource
import sys
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from melmill._store.errors import DamagedStoreError, StoreReadError

# Limits for all stores of a process together. Where the system's own limit is
# low, melmill uses only its share, because other code needs files too.
_MAX_OPEN_FILES = 512
_MIN_OPEN_FILES = 8
_SHARE_OF_LIMIT = 4

_HASHED_AT_ONCE = 1 << 20
_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK_FILE_SYSTEMS = (
    *(b"nfs", b"nfs4", b"cifs", b"smb3", b"smbfs", b"9p", b"afs", b"ceph"),
    *(b"lustre", b"gpfs", b"beegfs", b"glusterfs", b"orangefs"),
    *(b"virtiofs", b"wekafs"),
)
_MAP_FAILED = ctypes.c_void_p(-1).value


def is_on_local_file_system(path: Path) -> bool:
    """Whether a mapping of the file is safe; False if that is unknown."""
    try:
        device = path.stat().st_dev
        # As bytes, because a path can have any encoding.
        mounts = _MOUNTS.read_bytes().split(b"\n")
    except OSError:
        return False
    number = f"{os.major(device)}:{os.minor(device)}".encode()
    for mount in mounts:
        fields, _, source = mount.partition(b" - ")
        if fields.split()[2:3] == [number]:
            kind = source.partition(b" ")[0]
            return not (
                kind in _NETWORK_FILE_SYSTEMS or kind.startswith(b"fuse")
            )
    return os.major(device) == 0 and sys.platform == "linux"


class StoreFile:
    """A file of a store, open for reading; closed with its last reference.

    Threads and forked processes can share it, because no read moves the
    position in the file.

    Args:
      path: The file.
      num_bytes: The size according to store.json.

    Raises:
      DamagedStoreError: The file is missing or has another size.
      StoreReadError: The system cannot open it.
    """

    def __init__(self, path: Path, num_bytes: int) -> None:
        self.path = path
        self.num_bytes = num_bytes
        self.last_use = 0
        self._descriptor = -1
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            found = os.fstat(self._descriptor).st_size
        except FileNotFoundError as error:
            raise DamagedStoreError(
                f"{path}: missing, though store.json names it"
            ) from error
        except OSError as error:
            raise StoreReadError.of(path, error) from error
        if found != num_bytes:
            raise DamagedStoreError(
                f"{path}: {found} bytes; store.json says {num_bytes}"
            )

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def read_into(self, offset: int, array: Any) -> None:
        """Fills a contiguous array with the bytes that start at `offset`.

        Raises:
          DamagedStoreError: The file ends before.
          StoreReadError: The system cannot read it.
        """
        left = memoryview(array).cast("B")
        while left:
            try:
                num_read = os.preadv(self._descriptor, [left], offset)
            except OSError as error:
                raise StoreReadError.of(self.path, error) from error
            if num_read == 0:
                raise DamagedStoreError(f"{self.path}: ends at byte {offset}")
            left = left[num_read:]
            offset += num_read

    def map(self) -> npt.NDArray[np.uint8]:
        """Maps all bytes; the mapping lives as long as arrays that use it.

        The array is marked as writable, because PyTorch warns about read-only
        arrays, but writing to it ends the process. Give users only views made
        by read_only(). Unlike mmap.mmap, the mapping needs no file descriptor,
        so views of any number of shards can exist at the same time.

        Raises:
          StoreReadError: The system cannot map the file.
        """
        address = _LIBC.mmap(
            *(None, self.num_bytes, mmap.PROT_READ, mmap.MAP_SHARED),
            *(self._descriptor, 0),
        )
        if address == _MAP_FAILED:
            number = ctypes.get_errno()
            raise StoreReadError.of(
                self.path, OSError(number, f"mmap: {os.strerror(number)}")
            )
        buffer = (ctypes.c_uint8 * self.num_bytes).from_address(address)
        weakref.finalize(buffer, _LIBC.munmap, address, self.num_bytes)
        array: npt.NDArray[np.uint8] = np.asarray(buffer)
        return array

    def checksum(self, ranges: Sequence[tuple[int, int]]) -> str:
        """XXH3-64 of byte ranges [first, end), in order, as 16 hex digits."""
        hasher = xxhash.xxh3_64()
        buffer = bytearray(_HASHED_AT_ONCE)
        for first, end in ranges:
            for offset in range(first, end, _HASHED_AT_ONCE):
                part = memoryview(buffer)[: min(_HASHED_AT_ONCE, end - offset)]
                self.read_into(offset, part)
                hasher.update(part)
        return hasher.hexdigest()


class OpenFiles:
    """The open files of one owner; all owners of a process share one limit.

    The process keeps at most max_open_files() files open for all stores
    together, and closes the files that were not used for the longest time.

    Threads can share it, and the process can be forked at any time: there are
    no locks, and each step leaves the list of files valid for other threads. A
    file that is closed while another thread reads it stays open until that
    read ends.
    """

    def __init__(self) -> None:
        self._owner = next(_owners)
        weakref.finalize(self, _close_all_of, self._owner).atexit = False

    def get(self, path: Path, num_bytes: int) -> StoreFile:
        """The open file; see StoreFile."""
        key = self._owner, path
        file = _open_files.get(key)
        if file is None:
            _make_room()
            file = _opened(path, num_bytes)
            file.last_use = next(_uses)
            _open_files[key] = file
        file.last_use = next(_uses)
        return file

    def close(self) -> None:
        """Closes all; get() opens them again."""
        _close_all_of(self._owner)


_open_files: dict[tuple[int, Path], StoreFile] = {}
_owners = itertools.count()
_uses = itertools.count()


def max_open_files() -> int:
    """The most files of stores that this process keeps open."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return _MAX_OPEN_FILES
    share = limit // _SHARE_OF_LIMIT
    return max(_MIN_OPEN_FILES, min(share, _MAX_OPEN_FILES))


def _make_room() -> None:
    """Closes files that were not used for the longest time, at the limit."""
    bound = max_open_files()
    if len(_open_files) < bound:
        return
    by_use = sorted(list(_open_files.items()), key=lambda i: i[1].last_use)
    # Closes some more, so that not every new file needs a sort.
    for key, _ in by_use[: len(by_use) - bound + 1 + bound // 8]:
        _open_files.pop(key, None)


def _opened(path: Path, num_bytes: int) -> StoreFile:
    """Opens a file; at the system's limit, closes all others and retries."""
    try:
        return StoreFile(path, num_bytes)
    except StoreReadError as error:
        # A second name for the error would keep files of callers open.
        if not _is_of_too_many_files(error):
            raise
    _open_files.clear()
    return StoreFile(path, num_bytes)


def _is_of_too_many_files(error: StoreReadError) -> bool:
    cause = error.__cause__
    return isinstance(cause, OSError) and cause.errno in (
        errno.EMFILE,
        errno.ENFILE,
    )


def _close_all_of(owner: int) -> None:
    for key in list(_open_files):
        if key[0] == owner:
            _open_files.pop(key, None)


def read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A view of an array that cannot be written to."""
    view = array.view()
    view.flags.writeable = False
    return view


def _load_libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [
        *(ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int),
        *(ctypes.c_int, ctypes.c_int64),
    ]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    return libc


# Loaded now, not at first use: a child process that is forked during the load
# would wait for the loader forever.
_LIBC = _load_libc()
