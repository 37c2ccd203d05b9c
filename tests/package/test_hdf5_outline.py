"""Files that may be damaged are read without the HDF5 library."""

import random
from pathlib import Path

import h5py
import numpy as np
import pytest
from melmill._contents.hdf5_outline import Hdf5Outline
from melmill._store.errors import DamagedStoreError
from melmill._store.files import StoreFile
from transfer_stores import STORES

FILES = sorted(STORES.glob("*/*.h5"))


def outline_of(path: Path) -> Hdf5Outline:
    return Hdf5Outline(StoreFile(path, path.stat().st_size), path.name)


@pytest.mark.parametrize(
    "path", FILES, ids=lambda p: f"{p.parent.name}-{p.name}"
)
def test_the_library_finds_the_same(path: Path) -> None:
    outline = outline_of(path)
    with h5py.File(path) as file:
        assert outline.attributes == {
            name: value.decode() for name, value in file.attrs.items()
        }
        for name, expected in file.items():
            found = outline.dataset(name)
            assert found.shape == expected.shape, name
            assert found.item_bytes == expected.id.get_type().get_size()
            if expected.size:
                assert found.offset == expected.id.get_offset(), name
            if expected.ndim == 1:
                values = outline.read(name, expected.dtype.str)
                np.testing.assert_array_equal(values, expected[:])


def test_text_columns_are_read() -> None:
    path = STORES / "qwen3_asr_f16" / "plan.h5"
    names = outline_of(path).read_texts("shard_file")
    shards = {p.name for p in path.parent.iterdir()} & set(names)
    assert len(shards) == len(names) == 4


@pytest.mark.parametrize(
    ("name", "kind"), [("none", "<u8"), ("features", "<f2"), ("start", "<u4")]
)
def test_what_is_not_there_is_damage(name: str, kind: str) -> None:
    path = next(p for p in FILES if p.name.startswith("train.c4"))
    with pytest.raises(DamagedStoreError, match=r"train\.c4.*: damaged: "):
        outline_of(path).read(name, kind)


def test_no_damage_is_anything_else(tmp_path: Path) -> None:
    """Whatever bytes are wrong, there is an answer soon, or this error."""
    path = tmp_path / "x.h5"
    draw = random.Random(18)
    num_damaged = 0
    for number in range(600):
        source = FILES[number % len(FILES)].read_bytes()
        body = bytearray(source)
        for _ in range(draw.choice((1, 1, 2, 8))):
            body[draw.randrange(min(len(body), 6_000))] = draw.randrange(256)
        if number % 10 == 0:
            del body[draw.randrange(len(body)) :]
        path.write_bytes(body)
        try:
            outline = outline_of(path)
            for name in ("features", "start", "shard_num_rows", "line"):
                outline.dataset(name)
            outline.read_texts("shard_file")
        except DamagedStoreError:
            num_damaged += 1
    assert num_damaged > 60


def test_a_structure_without_end_is_damage(tmp_path: Path) -> None:
    """A node of the tree that is its own child."""
    path = next(p for p in FILES if p.name == "plan.h5")
    body = bytearray(path.read_bytes())
    node = body.index(b"TREE")
    body[node + 5] = 1
    body[node + 32 : node + 40] = node.to_bytes(8, "little")
    copy = tmp_path / "x.h5"
    copy.write_bytes(body)
    with pytest.raises(DamagedStoreError, match="too deep"):
        outline_of(copy)
