"""The bytes of a store's files: mapped, or read into memory of one's own.

A mapping costs nothing until it is touched, but a file that is cut short or a
mount that vanishes then ends the process (SIGBUS). Reading turns the same
faults into exceptions.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import os
import sys
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from melmill.errors import DamagedStoreError, StoreReadError

MAX_OPEN_FILES = 64  # of one store and process

_HASHED_AT_ONCE = 1 << 20
_NETWORK_FILE_SYSTEMS = (
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre"),
    *("gpfs", "beegfs", "glusterfs", "orangefs", "virtiofs", "wekafs"),
)
_MAP_FAILED = ctypes.c_void_p(-1).value


def is_on_local_file_system(path: Path) -> bool:
    """Whether a mapping of the file is safe; False where nothing is known."""
    try:
        device = path.stat().st_dev
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return False
    number = f"{os.major(device)}:{os.minor(device)}"
    for mount in mounts:
        fields, _, source = mount.partition(" - ")
        if fields.split()[2] == number:
            kind = source.split()[0]
            return not (
                kind in _NETWORK_FILE_SYSTEMS or kind.startswith("fuse")
            )
    return os.major(device) == 0 and sys.platform == "linux"


class StoreFile:
    """A file of a store, open for reading; closed when nobody uses it.

    Safe to use from several threads and in forked processes: no read moves
    the file's position.

    Args:
      path: The file.
      num_bytes: The size that store.json says.

    Raises:
      DamagedStoreError: The file is missing or has another size.
      StoreReadError: The system cannot open it.
    """

    def __init__(self, path: Path, num_bytes: int) -> None:
        self.path = path
        self.num_bytes = num_bytes
        self._descriptor = -1
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            found = os.fstat(self._descriptor).st_size
        except FileNotFoundError as error:
            raise DamagedStoreError(
                f"{path}: missing, though store.json names it"
            ) from error
        except OSError as error:
            raise StoreReadError(f"{path}: {error.strerror}") from error
        if found != num_bytes:
            raise DamagedStoreError(
                f"{path}: {found} bytes; store.json says {num_bytes}"
            )

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def read_into(self, offset: int, array: Any) -> None:
        """Fills a contiguous array with the bytes from an offset on."""
        left = memoryview(array).cast("B")
        while left:
            try:
                num_read = os.preadv(self._descriptor, [left], offset)
            except OSError as error:
                raise StoreReadError(
                    f"{self.path}: {error.strerror}"
                ) from error
            if num_read == 0:
                raise DamagedStoreError(f"{self.path}: ends at byte {offset}")
            left = left[num_read:]
            offset += num_read

    def map(self) -> npt.NDArray[np.uint8]:
        """All bytes; the mapping ends with the last array on it.

        The array claims to be writable, because PyTorch warns of others; to
        write to it ends the process. Hand on only views that say the truth.
        Unlike mmap.mmap, the mapping keeps no file descriptor, so any number
        of views of any number of shards may be held.
        """
        libc = _libc()
        address = libc.mmap(
            *(None, self.num_bytes, mmap.PROT_READ, mmap.MAP_SHARED),
            *(self._descriptor, 0),
        )
        if address == _MAP_FAILED:
            reason = os.strerror(ctypes.get_errno())
            raise StoreReadError(f"{self.path}: cannot be mapped: {reason}")
        buffer = (ctypes.c_uint8 * self.num_bytes).from_address(address)
        weakref.finalize(buffer, libc.munmap, address, self.num_bytes)
        array: npt.NDArray[np.uint8] = np.asarray(buffer)
        return array

    def checksum(self, ranges: Sequence[tuple[int, int]]) -> str:
        """XXH3-64, as 16 hex digits, of byte ranges [first, end), in order."""
        hasher = xxhash.xxh3_64()
        buffer = bytearray(_HASHED_AT_ONCE)
        for first, end in ranges:
            for offset in range(first, end, _HASHED_AT_ONCE):
                part = memoryview(buffer)[: min(_HASHED_AT_ONCE, end - offset)]
                self.read_into(offset, part)
                hasher.update(part)
        return hasher.hexdigest()


class OpenFiles:
    """The files of a store that are open; the oldest give way.

    Safe to use from several threads: a file that gives way while another
    thread reads it is closed after that.
    """

    def __init__(self) -> None:
        self._files: dict[Path, StoreFile] = {}

    def get(self, path: Path, num_bytes: int) -> StoreFile:
        """The open file; see StoreFile."""
        file = self._files.get(path)
        if file is None:
            file = StoreFile(path, num_bytes)
            self._files[path] = file
            while len(self._files) > MAX_OPEN_FILES:
                self._files.pop(next(iter(self._files)), None)
        return file


def read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A view of an array that cannot be written to."""
    view = array.view()
    view.flags.writeable = False
    return view


@functools.cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [
        *(ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int),
        *(ctypes.c_int, ctypes.c_int64),
    ]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    return libc
