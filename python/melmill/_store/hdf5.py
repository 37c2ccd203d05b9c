"""Finds the datasets of an HDF5 file, so that they can be read as bytes."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from melmill._store.errors import DamagedStoreError, StoreError
from melmill._store.files import OpenFiles, StoreFile

# A child process that is forked while a thread holds h5py's lock would wait for
# it forever. Newer versions of h5py do the same; the lock can be taken twice.
os.register_at_fork(
    before=h5py._objects.phil.acquire,
    after_in_parent=h5py._objects.phil.release,
    after_in_child=h5py._objects.phil.release,
)


@dataclasses.dataclass(frozen=True)
class Place:
    """The place of a contiguous dataset in its file."""

    offset: int  # of its first byte in the file; 0 if the dataset is empty
    dtype: np.dtype[Any]
    shape: tuple[int, ...]


def places(file: StoreFile, names: Iterable[str]) -> dict[str, Place]:
    """The places of the named datasets of a file.

    The HDF5 library reads through the open file. It takes no locks, so other
    programs can have the file open. Compare the file's checksum first, because
    the library can crash on a damaged file. Threads can call this at the same
    time; h5py lets one in.

    Raises:
      DamagedStoreError: It is not an HDF5 file, or a dataset is missing or
        outside the file.
      StoreReadError: The system cannot read the file.
    """
    stream = _Stream(file)
    try:
        with contextlib.closing(_open(file, stream)) as opened:
            return {name: _place(file, opened, name) for name in names}
    except (OSError, RuntimeError, StoreError) as error:
        # The library can turn a failed read into any error.
        if stream.error is not None:
            raise stream.error from error
        if isinstance(error, StoreError):
            raise
        raise DamagedStoreError(f"{file.path}: {error}") from error


def _open(file: StoreFile, stream: _Stream) -> Any:
    """The file, opened by the HDF5 library through a stream.

    Closing the file closes every dataset. Anything still open when Python ends
    would crash the process, because the library then asks h5py to release the
    stream. An exception can keep objects alive until then.
    """
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    with contextlib.closing(access):
        access.set_fclose_degree(h5py.h5f.CLOSE_STRONG)
        access.set_fileobj_driver(h5py.h5fd.fileobj_driver, stream)
        return h5py.h5f.open(
            os.fsencode(file.path), h5py.h5f.ACC_RDONLY, access
        )


class _Stream:
    """The methods of a Python file that h5py needs; keeps the first error."""

    def __init__(self, file: StoreFile) -> None:
        self.error: StoreError | None = None  # of a read
        self._file = file
        self._offset = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = self._file.num_bytes if whence == os.SEEK_END else 0
        self._offset = start + offset
        return self._offset

    def tell(self) -> int:
        return self._offset

    def readinto(self, buffer: Any) -> int:
        try:
            self._file.read_into(self._offset, buffer)
        except StoreError as error:
            self.error = error
            raise
        self._offset += len(buffer)
        return len(buffer)


def _place(file: StoreFile, opened: Any, name: str) -> Place:
    try:
        dataset = h5py.h5d.open(opened, name.encode())
    except (KeyError, TypeError) as error:
        raise DamagedStoreError(f"{file.path}: no dataset {name}") from error
    place = Place(dataset.get_offset() or 0, dataset.dtype, dataset.shape)
    size = math.prod(place.shape) * place.dtype.itemsize
    if size and (place.offset == 0 or place.offset + size > file.num_bytes):
        raise DamagedStoreError(f"{file.path}: {name} is outside the file")
    return place


class Columns:
    """Some datasets of one file, read as NumPy arrays.

    Threads can share it.

    Args:
      path: The file.
      num_bytes: The size that it must have.
      names: The datasets.
      files: Keeps the file open.
      mapped: The mapped bytes of the file, or None to read them.

    Raises:
      DamagedStoreError: The file has another size, is not an HDF5 file, or has
        no such dataset.
      StoreReadError: The system cannot read it.
    """

    def __init__(
        self,
        path: Path,
        num_bytes: int,
        names: Iterable[str],
        files: OpenFiles,
        mapped: npt.NDArray[np.uint8] | None,
    ) -> None:
        self.path = path
        self._num_bytes = num_bytes
        self._files = files
        self._mapped = mapped
        self._places = places(files.get(path, num_bytes), names)

    def check(self, name: str, kind: str, shape: tuple[int, ...]) -> None:
        """Raises DamagedStoreError if a dataset has another type or shape."""
        place = self._places[name]
        if place.dtype != np.dtype(kind) or place.shape != shape:
            raise DamagedStoreError(
                f"{self.path}: {name} is {place.dtype} {place.shape}; "
                f"store.json requires {np.dtype(kind)} {shape}"
            )

    def read(
        self, name: str, first: int = 0, end: int | None = None
    ) -> npt.NDArray[Any]:
        """Rows [first, end) of a dataset; a view if the file is mapped.

        Raises:
          DamagedStoreError: The dataset has fewer rows.
          StoreReadError: The system cannot read the file.
        """
        place = self._places[name]
        end = place.shape[0] if end is None else end
        if not 0 <= first <= end <= place.shape[0]:
            raise DamagedStoreError(
                f"{self.path}: {name} has {place.shape[0]} rows, not "
                f"{first} to {end}"
            )
        if self._mapped is not None:
            return self.view(name, self._mapped)[first:end]
        array = np.empty((end - first, *place.shape[1:]), place.dtype)
        if array.size:
            row_bytes = array.nbytes // len(array)
            file = self._files.get(self.path, self._num_bytes)
            file.read_into(place.offset + first * row_bytes, array)
        return array

    def view(
        self, name: str, content: npt.NDArray[np.uint8]
    ) -> npt.NDArray[Any]:
        """A dataset as a view of `content`, all bytes of the file."""
        place = self._places[name]
        num_bytes = math.prod(place.shape) * place.dtype.itemsize
        data = content[place.offset : place.offset + num_bytes]
        return data.view(place.dtype).reshape(place.shape)

    def read_into(self, name: str, row: int, array: npt.NDArray[Any]) -> None:
        """Reads a row of a dataset of two dimensions; never uses a mapping."""
        place = self._places[name]
        file = self._files.get(self.path, self._num_bytes)
        file.read_into(place.offset + row * array.nbytes, array)
