"""Where the datasets of an HDF5 file lie, so that they can be read as bytes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from melmill.errors import DamagedStoreError, StoreReadError
from melmill.files import OpenFiles


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a contiguous dataset lies in its file."""

    offset: int  # of its first byte in the file
    dtype: np.dtype[Any]
    shape: tuple[int, ...]


def places(path: Path, num_bytes: int) -> dict[str, Place]:
    """All datasets of a file of that size, by name.

    The file is opened without locks and closed again. Compare its checksum
    first: the HDF5 library can crash on a damaged one.

    Raises:
      DamagedStoreError: The file is no HDF5 file, or a dataset is not
        contiguous or lies outside the file.
    """
    try:
        with h5py.File(path, "r", locking=False) as file:
            return {
                name: _place(path, name, dataset, num_bytes)
                for name, dataset in file.items()
                if isinstance(dataset, h5py.Dataset)
            }
    except OSError as error:
        raise StoreReadError(f"{path}: {error}") from error


def _place(path: Path, name: str, dataset: Any, num_bytes: int) -> Place:
    place = Place(
        dataset.id.get_offset() or 0, dataset.dtype, tuple(dataset.shape)
    )
    # A bfloat16 dataset shows itself as float32.
    size = dataset.size * dataset.id.get_type().get_size()
    if size and (place.offset == 0 or place.offset + size > num_bytes):
        raise DamagedStoreError(f"{path}: {name} lies outside the file")
    return place


class Columns:
    """The datasets of one file, read as NumPy arrays.

    Args:
      path: The file.
      num_bytes: The size that it must have.
      files: Keeps it open.
      mapped: All its bytes, or None to read them.
    """

    def __init__(
        self,
        path: Path,
        num_bytes: int,
        files: OpenFiles,
        mapped: npt.NDArray[np.uint8] | None,
    ) -> None:
        self.path = path
        self._num_bytes = num_bytes
        self._files = files
        self._mapped = mapped
        self._places = places(path, num_bytes)

    def shape(self, name: str) -> tuple[int, ...]:
        return self._place(name).shape

    def names(self) -> list[str]:
        return list(self._places)

    def check(self, name: str, kind: str, shape: tuple[int, ...]) -> None:
        """Raises DamagedStoreError unless a dataset has this type and shape."""
        place = self._place(name)
        if place.dtype != np.dtype(kind) or place.shape != shape:
            raise DamagedStoreError(
                f"{self.path}: {name} is {place.dtype} {place.shape}; "
                f"store.json asks for {np.dtype(kind)} {shape}"
            )

    def read(
        self, name: str, first: int = 0, end: int | None = None
    ) -> npt.NDArray[Any]:
        """Rows [first, end) of a dataset; a read-only view if mapped."""
        place = self._place(name)
        end = place.shape[0] if end is None else end
        if not 0 <= first <= end <= place.shape[0]:
            raise DamagedStoreError(
                f"{self.path}: {name} has {place.shape[0]} rows, not "
                f"{first} to {end}"
            )
        shape = (end - first, *place.shape[1:])
        row_bytes = place.dtype.itemsize * int(np.prod(place.shape[1:]))
        offset = place.offset + first * row_bytes
        if self._mapped is not None:
            end_byte = offset + (end - first) * row_bytes
            mapped = self._mapped[offset:end_byte]
            return mapped.view(place.dtype).reshape(shape)
        array = np.empty(shape, place.dtype)
        if array.size:
            file = self._files.get(self.path, self._num_bytes)
            file.read_into(offset, array)
        return array

    def _place(self, name: str) -> Place:
        place = self._places.get(name)
        if place is None:
            raise DamagedStoreError(f"{self.path}: no dataset {name}")
        return place
