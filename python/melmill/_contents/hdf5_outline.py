"""What is where in an HDF5 file that may be damaged.

The HDF5 library can crash on a damaged file, so a file whose checksum is not
known yet is read without it. Only what melmill writes is understood; see "HDF5
byte by byte" in docs/format.md.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from melmill._store.errors import DamagedStoreError
from melmill._store.files import StoreFile

_SIGNATURE = b"\x89HDF\r\n\x1a\n\0"
# Kinds of messages in object headers.
_SHAPE, _TYPE, _LAYOUT, _ATTRIBUTE = 1, 3, 8, 12
_CONTINUATION, _MEMBERS = 16, 17

# Bounds time, whatever a file holds; our files need some 500.
_MAX_READS = 20_000
_MAX_NAME_BYTES = 512
_MAX_TREE_LEVEL = 4


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A dataset: its values are `num_bytes` bytes that start at `offset`."""

    offset: int
    item_bytes: int
    shape: tuple[int, ...]

    @property
    def num_bytes(self) -> int:
        return math.prod(self.shape) * self.item_bytes


class Hdf5Outline:
    """Attributes and datasets of a file.

    Args:
      file: The file.
      label: Names the file in messages.

    Raises:
      DamagedStoreError: It is not an HDF5 file of melmill.
      StoreReadError: The system cannot read it.
    """

    def __init__(self, file: StoreFile, label: str) -> None:
        self.attributes: dict[str, str] = {}
        self._file = file
        self._label = label
        self._reads_left = _MAX_READS
        self._headers: dict[str, int] = {}
        if self._read(0, len(_SIGNATURE)) != _SIGNATURE:
            self._fail("this is no HDF5 file")
        try:
            for kind, body in self._messages(_number(self._read(64, 8), 0, 8)):
                if kind == _ATTRIBUTE:
                    self._add_attribute(body)
                elif kind == _MEMBERS:
                    names = _number(body, 8, 8) + 24
                    heap = _number(self._read(names, 8), 0, 8)
                    self._add_datasets(_number(body, 0, 8), heap)
        except (IndexError, ValueError) as error:
            raise self._damaged(str(error)) from error

    def dataset(self, name: str) -> Dataset:
        """A dataset, which is within the file.

        Raises:
          DamagedStoreError: There is none of that name.
        """
        if name not in self._headers:
            self._fail(f"no dataset {name}")
        try:
            messages = dict(self._messages(self._headers[name]))
            shape, kind = messages[_SHAPE], messages[_TYPE]
            layout = messages[_LAYOUT]
            dataset = Dataset(
                _number(layout, 2, 8),
                _number(kind, 4, 4),
                tuple(_number(shape, 8 + 8 * i, 8) for i in range(shape[1])),
            )
            is_contiguous = layout[:2] == b"\3\1"
        except (IndexError, KeyError) as error:
            raise self._damaged(f"{name}: {error}") from error
        if not is_contiguous or not dataset.shape or not dataset.item_bytes:
            self._fail(f"{name} is no plain dataset")
        end = dataset.offset + dataset.num_bytes
        if dataset.num_bytes and end > self._file.num_bytes:
            self._fail(f"{name} is outside the file")
        return dataset

    def read(self, name: str, kind: str) -> npt.NDArray[Any]:
        """The values of a dataset of one dimension.

        Args:
          name: The dataset.
          kind: Its type, as NumPy writes it.

        Raises:
          DamagedStoreError: There is none, or it has another type.
          StoreReadError: The system cannot read it.
        """
        dataset = self.dataset(name)
        dtype = np.dtype(kind)
        if dataset.item_bytes != dtype.itemsize or len(dataset.shape) != 1:
            self._fail(f"{name} has another type")
        values = np.empty(dataset.shape, dtype)
        if values.size:
            self._file.read_into(dataset.offset, values)
        return values

    def read_texts(self, name: str) -> list[str]:
        """A text column.

        Raises: as `read`.
        """
        content = self.read(f"{name}_bytes", "u1").tobytes()
        ends = self.read(f"{name}_offsets", "<u8").tolist()
        if not ends or ends != sorted(ends) or ends[-1] > len(content):
            self._fail(f"{name} has impossible offsets")
        try:
            return [
                content[first:end].decode()
                for first, end in itertools.pairwise(ends)
            ]
        except UnicodeDecodeError as error:
            raise self._damaged(f"{name}: {error}") from error

    def _read(self, offset: int, num_bytes: int) -> bytes:
        self._reads_left -= 1
        if self._reads_left < 0:
            self._fail("its structure has no end")
        if offset + num_bytes > self._file.num_bytes:
            self._fail("its structure is outside the file")
        content = bytearray(num_bytes)
        if num_bytes:
            self._file.read_into(offset, content)
        return bytes(content)

    def _messages(self, header: int) -> Iterator[tuple[int, bytes]]:
        """Kind and body of each message of an object header."""
        start = self._read(header, 16)
        blocks = [(header + 16, _number(start, 8, 4))]
        at = end = 0
        for _ in range(_number(start, 2, 2)):
            if at == end:
                if not blocks:
                    self._fail("an object header ends too soon")
                at, num_bytes = blocks.pop(0)
                end = at + num_bytes
            head = self._read(at, 8)
            kind, num_bytes = _number(head, 0, 2), _number(head, 2, 2)
            body = self._read(at + 8, num_bytes)
            at += 8 + num_bytes
            if kind == _CONTINUATION:
                blocks.append((_number(body, 0, 8), _number(body, 8, 8)))
            yield kind, body

    def _add_attribute(self, body: bytes) -> None:
        fields = []  # name, type, shape
        at = 8
        for place in (2, 4, 6):
            length = _number(body, place, 2)
            fields.append(body[at : at + length])
            at += (length + 7) // 8 * 8
        value = body[at : at + _number(fields[1], 4, 4)]
        name = fields[0].rstrip(b"\0").decode()
        self.attributes[name] = value.rstrip(b"\0").decode()

    def _add_datasets(self, node: int, names: int, level: int = 0) -> None:
        start = self._read(node, 32)
        if level > _MAX_TREE_LEVEL:
            self._fail("its tree is too deep")
        for child in range(_number(start, 6, 2)):
            below = _number(self._read(node + 32 + 16 * child, 8), 0, 8)
            if start[5] > 0:
                self._add_datasets(below, names, level + 1)
                continue
            for entry in range(_number(self._read(below, 8), 6, 2)):
                place = self._read(below + 8 + 40 * entry, 16)
                name = self._name(names + _number(place, 0, 8))
                self._headers[name] = _number(place, 8, 8)

    def _name(self, offset: int) -> str:
        longest = min(_MAX_NAME_BYTES, self._file.num_bytes - offset)
        content = self._read(offset, max(longest, 0))
        return content[: content.index(b"\0")].decode()

    def _fail(self, problem: str) -> NoReturn:
        raise self._damaged(problem)

    def _damaged(self, problem: str) -> DamagedStoreError:
        return DamagedStoreError(f"{self._label}: damaged: {problem}")


def _number(content: bytes, offset: int, num_bytes: int) -> int:
    """An unsigned integer."""
    if offset + num_bytes > len(content):
        raise IndexError("a message is too short")
    return int.from_bytes(content[offset : offset + num_bytes], "little")
