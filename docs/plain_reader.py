#!/usr/bin/env python3
"""Reads a store as docs/format.md describes it, and compares every checksum.

    python docs/plain_reader.py features/

This program shows that the document is complete. It follows nothing but the
document, and needs only NumPy and xxhash, no HDF5 library. It is slow,
because it reads whole files: use the package melmill for training.
"""

import dataclasses
import itertools
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from xxhash import xxh3_64_hexdigest, xxh3_64_intdigest

Array = npt.NDArray[Any]
Facts = dict[str, Any]  # an object of store.json

FEATURES_OFFSET = 4096
FEATURE_BYTES = {"f16": 2, "f32": 4, "bf16": 2, "u8": 1}
STORED = 1
# Kinds of messages in HDF5's object headers.
DATASPACE, DATATYPE, LAYOUT, ATTRIBUTE = 1, 3, 8, 12
CONTINUATION, SYMBOL_TABLE = 16, 17
# Columns of a table of format 2.
PIECE = (
    "segment_start",
    "segment_num_samples",
    "source_rate",
    "range_offset",
    "range_bytes",
)


class StoreError(Exception):
    """The store is damaged, unfinished, or of another version."""


@dataclasses.dataclass(frozen=True)
class Row:
    """A stored manifest line."""

    split: str
    line: int  # of the manifest, from 1
    audio: str
    audio_path: str  # of its file; empty if it is `audio`
    text: str
    prompt: str
    kept: dict[str, Any]  # the kept fields that the line has, by name
    piece: dict[str, int]  # which piece of its file; empty in format 1
    features: Array  # [frames, n_mels], of the clip without padding
    columns: dict[str, Any]  # the row's values in the shard's other datasets


def require(condition: bool, message: str) -> None:
    if not condition:
        raise StoreError(message)


def number(content: bytes, offset: int, num_bytes: int) -> int:
    """An unsigned integer, little-endian."""
    return int.from_bytes(content[offset : offset + num_bytes], "little")


class Hdf5File:
    """An HDF5 file; see "HDF5 byte by byte" in docs/format.md."""

    def __init__(self, content: bytes) -> None:
        require(content.startswith(b"\x89HDF\r\n\x1a\n\0"), "not an HDF5 file")
        self.content = content
        self.attributes: dict[str, str] = {}
        self.headers: dict[str, int] = {}  # addresses, by name of dataset
        for kind, body in self._messages(number(content, 64, 8)):
            if kind == ATTRIBUTE:
                self._add_attribute(body)
            elif kind == SYMBOL_TABLE:
                names = number(content, number(body, 8, 8) + 24, 8)
                self._add_datasets(number(body, 0, 8), names)

    def _messages(self, header: int) -> Iterator[tuple[int, bytes]]:
        """Kind and body of each message of an object header."""
        blocks = [(header + 16, number(self.content, header + 8, 4))]
        at = end = 0
        for _ in range(number(self.content, header + 2, 2)):
            if at == end:
                at, num_bytes = blocks.pop(0)
                end = at + num_bytes
            kind = number(self.content, at, 2)
            body_end = at + 8 + number(self.content, at + 2, 2)
            body = self.content[at + 8 : body_end]
            at = body_end
            if kind == CONTINUATION:
                blocks.append((number(body, 0, 8), number(body, 8, 8)))
            yield kind, body

    def _add_attribute(self, body: bytes) -> None:
        lengths = [number(body, at, 2) for at in (2, 4, 6)]
        fields = []  # name, type and dataspace
        at = 8
        for length in lengths:
            fields.append(body[at : at + length])
            at += (length + 7) // 8 * 8
        name, value = fields[0], body[at : at + number(fields[1], 4, 4)]
        self.attributes[name.rstrip(b"\0").decode()] = value.decode()

    def _add_datasets(self, node: int, names: int) -> None:
        for child in range(number(self.content, node + 6, 2)):
            below = number(self.content, node + 32 + 16 * child, 8)
            if self.content[node + 5] > 0:
                self._add_datasets(below, names)
                continue
            for entry in range(number(self.content, below + 6, 2)):
                at = below + 8 + 40 * entry
                begin = names + number(self.content, at, 8)
                end = self.content.index(b"\0", begin)
                name = self.content[begin:end].decode()
                self.headers[name] = number(self.content, at + 8, 8)

    def offset(self, name: str) -> int:
        """The offset of a dataset in the file."""
        layout = dict(self._messages(self.headers[name]))[LAYOUT]
        require(layout[:2] == b"\3\1", f"{name}: not contiguous")
        return number(layout, 2, 8)

    def read(self, name: str) -> Array:
        """A dataset; bfloat16 as its bits, uint16."""
        messages = dict(self._messages(self.headers[name]))
        space, kind = messages[DATASPACE], messages[DATATYPE]
        shape = [number(space, 8 + 8 * i, 8) for i in range(space[1])]
        is_bfloat16 = kind[0] == 0x11 and kind[4] == 2 and kind[13] == 8
        letter = "f" if kind[0] == 0x11 and not is_bfloat16 else "u"
        dtype, size = np.dtype(f"<{letter}{kind[4]}"), math.prod(shape)
        offset = self.offset(name) if size else 0  # an empty dataset has none
        return np.frombuffer(self.content, dtype, size, offset).reshape(shape)

    def read_texts(self, name: str) -> list[str]:
        """A text column."""
        content = self.read(f"{name}_bytes").tobytes()
        offsets = self.read(f"{name}_offsets").tolist()
        return [content[i:j].decode() for i, j in itertools.pairwise(offsets)]


class Shard:
    """A shard, checked as far as that is possible without store.json."""

    def __init__(self, content: bytes) -> None:
        file = Hdf5File(content)
        require(file.attributes["format"] == "melmill shard 1", "not a shard")
        self.contract: Facts = json.loads(file.attributes["contract"])
        self.features = file.read("features")
        names = file.headers.keys() - {"features", "file_checksum"}
        self.columns = {name: file.read(name) for name in names}
        at = file.offset("file_checksum")
        rest = content[FEATURES_OFFSET + self.features.nbytes : at]
        outside = content[:FEATURES_OFFSET] + rest + content[at + 8 :]
        checksum = file.read("file_checksum")[0]
        require(xxh3_64_intdigest(outside) == checksum, "wrong file_checksum")
        self._check_rows()

    def _check_rows(self) -> None:
        # As integers, because -0.0 has a bit that is not 0.
        unused = self.features.view(f"<u{self.features.itemsize}").copy()
        for row in np.flatnonzero(self.columns["status"] == STORED):
            first = int(self.columns["start"][row])
            frames = slice(first, first + int(self.columns["num_frames"][row]))
            checksum = xxh3_64_intdigest(self.features[frames].tobytes())
            require(
                checksum == self.columns["checksum"][row],
                f"wrong checksum of row {row}",
            )
            unused[frames] = 0
        require(not unused.any(), "features that belong to no stored row")

    def row_at(self, start: int) -> tuple[Array, dict[str, Any]]:
        """The stored row whose first frame is `start`: features and columns."""
        is_stored = self.columns["status"] == STORED
        (row,) = np.flatnonzero(is_stored & (self.columns["start"] == start))
        columns = {name: column[row] for name, column in self.columns.items()}
        features = self.features[start : start + int(columns["num_frames"])]
        if self.contract["feature_type"] == "bf16":
            features = (features.astype("<u4") << 16).view("<f4")
        if self.contract["feature_type"] == "u8":
            features = self._widened(features, columns)
        floor = features.dtype.type(columns["floor"])
        return np.maximum(features, floor), columns

    def _widened(self, steps: Array, columns: dict[str, Any]) -> Array:
        """The features of a row of bytes."""
        step = np.float32(self.contract["feature_step"])
        steps_per_unit, lowest = np.float32(127.5), np.float32(-1.5)
        # The floor of the clip's body, and that of a last frame that reaches
        # beyond the end.
        body_floor = (max(float(columns["body_max"]) - 8, -10) + 4) / 4
        floors = np.full((len(steps), 1), body_floor, np.float32)
        num_body = (int(columns["num_samples"]) - 200) // 160 + 1
        floors[num_body:] = columns["floor"]
        bases = np.rint((floors - lowest) * steps_per_unit) * step + lowest
        features: Array = steps.astype(np.float32) * step + bases
        return np.maximum(features, floors, out=features)


def read_index(folder: Path) -> Facts:
    """Reads store.json."""
    path = folder / "store.json"
    require(path.exists(), f"{folder}: no store.json, so it is not finished")
    content = path.read_bytes()
    end = f'  "checksum": "{xxh3_64_hexdigest(content[:-35])}"\n}}\n'
    require(content[-35:] == end.encode(), f"{path}: wrong checksum")
    index: Facts = json.loads(content)
    version = index["format"]["name"], index["format"]["major"]
    known = ("melmill", 1), ("melmill", 2)
    require(version in known, f"{path}: unknown format {version}")
    rules = index["contract"]["features"], index["contract"]["version"]
    require(rules == ("log-mel", 1), f"{path}: unknown contract {rules}")
    return index


def read_file(
    folder: Path, facts: Facts, first: int = 0, end: int = 0
) -> bytes:
    """Reads a file whose checksum leaves out the bytes [first, end)."""
    content: bytes = (folder / facts["file"]).read_bytes()
    require(len(content) == facts["num_bytes"], f"{facts['file']}: wrong size")
    checksum = xxh3_64_hexdigest(content[:first] + content[end:])
    require(checksum == facts["checksum"], f"{facts['file']}: wrong checksum")
    return content


def read_shard(folder: Path, facts: Facts, contract: Facts) -> Shard:
    frame_bytes = contract["n_mels"] * FEATURE_BYTES[contract["feature_type"]]
    end = FEATURES_OFFSET + facts["num_frames"] * frame_bytes
    shard = Shard(read_file(folder, facts, FEATURES_OFFSET, end))
    require(shard.contract == contract, f"{facts['file']}: other contract")
    return shard


def read_split(folder: Path, index: Facts, split: Facts) -> Iterator[Row]:
    accepted = read_file(folder, split["accepted"])
    require(
        accepted.count(b"\n") == split["num_stored"], "accepted lines differ"
    )
    if "training" in split:
        training = read_file(folder, split["training"])
        require(
            training.count(b"\n") == split["num_stored"],
            "training lines differ",
        )
    table = Hdf5File(read_file(folder, split["table"]))
    major = index["format"]["major"]
    expected = f"melmill rows {major}"
    require(table.attributes["format"] == expected, "not a table")
    pieces = {name: table.read(name) for name in PIECE if major == 2}
    line, start, shard_of = map(table.read, ("line", "start", "shard"))
    audio, text, prompt = map(table.read_texts, ("audio", "text", "prompt"))
    audio_path = [""] * len(line)
    if index.get("audio_paths", False):
        audio_path = table.read_texts("audio_path")
    kept = {f: table.read_texts(f"keep_{f}") for f in index["kept_fields"]}
    for number_of_shard, facts in enumerate(index["shards"]):
        if facts["split"] != split["name"]:
            continue
        shard = read_shard(folder, facts, index["contract"])
        for row in np.flatnonzero(shard_of == number_of_shard):
            features, columns = shard.row_at(int(start[row]))
            yield Row(
                split=split["name"],
                line=int(line[row]),
                audio=audio[row],
                audio_path=audio_path[row],
                text=text[row],
                prompt=prompt[row],
                kept={f: json.loads(v[row]) for f, v in kept.items() if v[row]},
                piece={name: int(v[row]) for name, v in pieces.items()},
                features=features,
                columns=columns,
            )


def read_store(folder: Path) -> Iterator[Row]:
    """Yields all rows; if it ends without an error, every checksum is right.

    Raises:
      StoreError: The store is damaged, unfinished, or of another version.
      OSError: A file is missing or cannot be read.
    """
    index = read_index(folder)
    for facts in (index["plan_file"], index["rejects"]):
        read_file(folder, facts)
    for split in index["splits"]:
        yield from read_split(folder, index, split)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        num_rows = sum(1 for _ in read_store(Path(name)))
        print(f"{name}: {num_rows} rows, every checksum is right")
