"""The datasets of an HDF5 file: where they are, and their rows as arrays.

No HDF5 library is needed, and the file may be damaged, or made to do harm.
Only what melmill writes is understood; see "HDF5 byte by byte" in
docs/format.md. Any other file is an error.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from melmill._store.errors import DamagedStoreError
from melmill._store.files import OpenFiles, StoreFile

_SUPERBLOCK_BYTES = 96
# The signature, the versions, and 8 bytes for each offset and each length.
_START = b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0"

# Kinds of messages in object headers.
_NIL, _SHAPE, _TYPE, _FILL_VALUE, _LAYOUT = 0, 1, 3, 5, 8
_ATTRIBUTE, _CONTINUATION, _MEMBERS = 12, 16, 17
_DATASET_KINDS = {_NIL, _SHAPE, _TYPE, _FILL_VALUE, _LAYOUT, _CONTINUATION}
_Message = tuple[int, bytes]  # kind and body
_SHARED = 2  # a flag of messages that are elsewhere
_SOFT_LINK = 2

# The bytes that say each type; bfloat16 is read as its bits.
_TYPES = {
    kind: np.dtype(name)
    for kind, name in (
        (b"\x10\0\0\0\1\0\0\0\0\0\x08\0", "u1"),
        (b"\x10\0\0\0\4\0\0\0\0\0\x20\0", "<u4"),
        (b"\x10\0\0\0\x08\0\0\0\0\0\x40\0", "<u8"),
        (
            b"\x11\x20\x0f\0\2\0\0\0\0\0\x10\0\x0a\5\0\x0a\x0f\0\0\0",
            "<f2",
        ),
        (
            b"\x11\x20\x1f\0\4\0\0\0\0\0\x20\0\x17\x08\0\x17\x7f\0\0\0",
            "<f4",
        ),
        (
            b"\x11\x20\x0f\0\2\0\0\0\0\0\x10\0\7\x08\0\7\x7f\0\0\0",
            "<u2",
        ),
    )
}
_STRING = b"\x13\x11\0\0"  # UTF-8, padded with NULs

# Bound time and memory, whatever a file holds. Our files need some 10 kB, and
# those with very many kept fields some 600 bytes for each.
_MAX_STRUCTURE_BYTES = 16 << 20
_MIN_READ_BYTES = 256  # the least that a read counts, because it takes time
_MAX_DATASETS = 10_000


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A contiguous dataset, which is within its file."""

    offset: int  # of its first byte in the file; 0 if the dataset is empty
    dtype: np.dtype[Any]  # uint16 for the bits of bfloat16
    shape: tuple[int, ...]

    @property
    def num_bytes(self) -> int:
        """Bytes of its values."""
        return math.prod(self.shape) * self.dtype.itemsize


class Hdf5File:
    """The attributes and datasets of a file.

    Args:
      file: The file.
      label: Names the file in messages.

    Raises:
      DamagedStoreError: It is not an HDF5 file of melmill.
      StoreReadError: The system cannot read it.

    Attributes:
      attributes: The strings of the root group, by name.
    """

    def __init__(self, file: StoreFile, label: str) -> None:
        self._file = file
        self._label = label
        self._structure = _Structure(file)
        self._headers: dict[str, int] = {}
        with self._errors_named():
            messages = self._structure.messages(self._structure.root())
            self.attributes = dict(
                _attribute(body)
                for kind, body in messages
                if kind == _ATTRIBUTE
            )
            self._add_datasets(_only(_MEMBERS, messages))

    def __contains__(self, name: str) -> bool:
        return name in self._headers

    def dataset(self, name: str) -> Dataset:
        """A dataset.

        Raises:
          DamagedStoreError: There is none of that name, or it is not plain.
          StoreReadError: The system cannot read the file.
        """
        with self._errors_named(f"{name}: "):
            if name not in self._headers:
                raise _MalformedError("no such dataset")
            messages = self._structure.messages(self._headers[name])
            return _dataset(messages, self._file.num_bytes)

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
        with self._errors_named(f"{name}: "):
            if dataset.dtype != np.dtype(kind) or len(dataset.shape) != 1:
                raise _MalformedError(f"not of type {kind}")
        values = np.empty(dataset.shape, dataset.dtype)
        if values.size:
            self._file.read_into(dataset.offset, values)
        return values

    def read_texts(self, name: str) -> list[str]:
        """A text column.

        Raises: as `read`.
        """
        content = self.read(f"{name}_bytes", "u1").tobytes()
        ends = self.read(f"{name}_offsets", "<u8").tolist()
        with self._errors_named(f"{name}: "):
            if not ends or ends != sorted(ends) or ends[-1] > len(content):
                raise _MalformedError("impossible offsets")
            return [
                content[first:end].decode()
                for first, end in itertools.pairwise(ends)
            ]

    def _add_datasets(self, members: bytes) -> None:
        tree, heap = struct.unpack_from("<2Q", members)
        names = self._structure.names(heap)
        left = len(names)  # names do not overlap
        for address in self._structure.lists(tree):
            for at, header, link in self._structure.entries(address):
                end = names.find(b"\0", at, at + left)
                name = names[at : max(at, end)]
                left -= len(name) + 1
                self._add_dataset(name.decode(), header, link)

    def _add_dataset(self, name: str, header: int, link: int) -> None:
        if not name or link == _SOFT_LINK or name in self._headers:
            raise _MalformedError(f"impossible dataset {name!r}")
        if len(self._headers) == _MAX_DATASETS:
            raise _MalformedError("too many datasets")
        self._headers[name] = header

    @contextlib.contextmanager
    def _errors_named(self, subject: str = "") -> Iterator[None]:
        """Turns errors of parsing into one that names file and subject."""
        try:
            yield
        except (_MalformedError, UnicodeDecodeError) as error:
            raise self._damaged(f"{subject}{error}") from error
        except struct.error as error:
            problem = f"{subject}a part of its structure is too short"
            raise self._damaged(problem) from error

    def _damaged(self, problem: str) -> DamagedStoreError:
        return DamagedStoreError(f"{self._label}: damaged: {problem}")


class _MalformedError(Exception):
    """What is wrong with a file, without the file's name."""


class _Structure:
    """Reads the parts of a file that say what is where, within bounds."""

    def __init__(self, file: StoreFile) -> None:
        self._file = file
        self._bytes_left = _MAX_STRUCTURE_BYTES

    def root(self) -> int:
        """Checks the superblock; the address of the root group's header."""
        if self._file.num_bytes < _SUPERBLOCK_BYTES:
            raise _MalformedError("this is no HDF5 file")
        start = self._read(0, _SUPERBLOCK_BYTES)
        if not start.startswith(_START):
            raise _MalformedError("this is no HDF5 file of melmill")
        base, _, end = struct.unpack_from("<3Q", start, 24)
        if base != 0 or end != self._file.num_bytes:
            raise _MalformedError(
                f"{self._file.num_bytes} bytes instead of {base + end}"
            )
        (root,) = struct.unpack_from("<Q", start, 64)
        return int(root)

    def messages(self, header: int) -> list[_Message]:
        """The messages of an object header."""
        version, expected, _, num_bytes = struct.unpack_from(
            "<BxHII", self._read(header, 16)
        )
        if version != 1:
            raise _MalformedError("no object header where one should be")
        messages = []
        blocks = [(header + 16, num_bytes)]
        for at, size in blocks:  # which the messages add to
            for kind, body in _messages_of(self._read(at, size)):
                messages.append((kind, body))
                if kind == _CONTINUATION:
                    blocks.append(struct.unpack_from("<2Q", body))
        if len(messages) != expected:
            raise _MalformedError("a header has another number of messages")
        return messages

    def names(self, heap: int) -> bytes:
        """The names of all datasets, each with a NUL at its end."""
        start = self._read(heap, 32)
        if not start.startswith(b"HEAP\0"):
            raise _MalformedError("no names where they should be")
        num_bytes, _, address = struct.unpack_from("<3Q", start, 8)
        return self._read(address, num_bytes)

    def lists(self, root: int) -> list[int]:
        """The addresses of all lists of datasets below a node of the tree."""
        nodes, level = [root], 256
        while level > 0:
            children: list[int] = []
            levels = set()
            for node in nodes:
                start = self._read(node, 24)
                if not start.startswith(b"TREE\0"):
                    raise _MalformedError("no tree where one should be")
                node_level, count = struct.unpack_from("<BH", start, 5)
                levels.add(node_level)
                below = self._read(node + 24, 16 * count)
                children += (at for _, at in struct.iter_unpack("<2Q", below))
                if len(children) > _MAX_DATASETS:
                    raise _MalformedError("too many datasets")
            if len(levels) != 1 or max(levels) >= level:
                raise _MalformedError("its tree has impossible levels")
            nodes, level = children, levels.pop()
        return nodes

    def entries(self, address: int) -> Iterator[tuple[int, int, int]]:
        """Place of the name, header and kind of link of each of a list."""
        start = self._read(address, 8)
        if not start.startswith(b"SNOD\1"):
            raise _MalformedError("no list of datasets where one should be")
        (count,) = struct.unpack_from("<H", start, 6)
        entries = self._read(address + 8, 40 * count)
        return struct.iter_unpack("<QQI20x", entries)

    def _read(self, offset: int, num_bytes: int) -> bytes:
        self._bytes_left -= max(num_bytes, _MIN_READ_BYTES)
        if self._bytes_left < 0:
            raise _MalformedError("its structure has no end")
        if offset + num_bytes > self._file.num_bytes:
            raise _MalformedError("its structure is outside the file")
        content = bytearray(num_bytes)
        self._file.read_into(offset, content)
        return bytes(content)


def _messages_of(block: bytes) -> Iterator[_Message]:
    at = 0
    while at < len(block):
        kind, num_bytes, flags = struct.unpack_from("<HHB", block, at)
        end = at + 8 + num_bytes
        if end > len(block) or flags & _SHARED:
            raise _MalformedError("a header has an impossible message")
        yield kind, block[at + 8 : end]
        at = end


def _only(kind: int, messages: list[_Message]) -> bytes:
    """The body of the only message of a kind."""
    found = [body for other, body in messages if other == kind]
    if len(found) != 1:
        raise _MalformedError(f"{len(found)} messages of kind {kind}, not one")
    return found[0]


def _attribute(body: bytes) -> tuple[str, str]:
    """Name and value of an attribute."""
    fields = []  # name, type, shape
    at = 8
    for length in struct.unpack_from("<3H", body, 2):
        fields.append(body[at : at + length])
        at += (length + 7) // 8 * 8
    name = fields[0].rstrip(b"\0").decode()
    form, num_bytes = struct.unpack_from("<4sI", fields[1])
    value = body[at : at + num_bytes]
    is_scalar = fields[2][1:2] == b"\0"
    if form != _STRING or not is_scalar or len(value) != num_bytes:
        raise _MalformedError(f"attribute {name!r} is no string")
    return name, value.rstrip(b"\0").decode()


def _dataset(messages: list[_Message], file_bytes: int) -> Dataset:
    """The dataset with this header, in a file of this size."""
    # Other kinds are filters, values in other files and the like.
    if not {kind for kind, _ in messages} <= _DATASET_KINDS:
        raise _MalformedError("not a plain dataset")
    kind = _only(_TYPE, messages)
    dtype = _TYPES.get(kind[: 12 if kind[:1] == b"\x10" else 20])
    if dtype is None:
        raise _MalformedError("an unknown type")
    space = _only(_SHAPE, messages)
    version, num_dimensions, flags = struct.unpack_from("<3B", space)
    # Flag 1: the greatest lengths follow the lengths.
    if version != 1 or num_dimensions not in (1, 2) or flags > 1:
        raise _MalformedError("not of one or two dimensions")
    shape = struct.unpack_from(f"<{num_dimensions}Q", space, 8)
    layout, offset, num_bytes = struct.unpack_from(
        "<2s2Q", _only(_LAYOUT, messages)
    )
    dataset = Dataset(offset if num_bytes else 0, dtype, shape)
    if layout != b"\3\1" or num_bytes != dataset.num_bytes:
        raise _MalformedError("its values are not one run of bytes")
    if dataset.offset + num_bytes > file_bytes:
        raise _MalformedError("its values are outside the file")
    return dataset


class Columns:
    """Some datasets of one file, read as NumPy arrays.

    Threads can share it.

    Args:
      path: The file.
      num_bytes: The size that it must have.
      names: The datasets.
      files: Keeps the file open.
      mapped: The mapped bytes of the file, or None to read them.
      optional: Datasets that the file may lack.

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
        optional: Iterable[str] = (),
    ) -> None:
        self.path = path
        self._num_bytes = num_bytes
        self._files = files
        hdf5 = Hdf5File(files.get(path, num_bytes), str(path))
        found = (name for name in optional if name in hdf5)
        self._places = {name: hdf5.dataset(name) for name in (*names, *found)}
        if sum(p.num_bytes for p in self._places.values()) > num_bytes:
            raise DamagedStoreError(f"{path}: damaged: datasets share bytes")
        self._views = {}
        if mapped is not None:
            self._views = {
                name: self.view(name, mapped) for name in self._places
            }

    def __contains__(self, name: str) -> bool:
        return name in self._places

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
        view = self._views.get(name)
        if view is not None:
            return view[first:end]
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
        data = content[place.offset : place.offset + place.num_bytes]
        return data.view(place.dtype).reshape(place.shape)

    def read_into(self, name: str, row: int, array: npt.NDArray[Any]) -> None:
        """Reads a row of a dataset of two dimensions; never uses a mapping."""
        place = self._places[name]
        file = self._files.get(self.path, self._num_bytes)
        file.read_into(place.offset + row * array.nbytes, array)
