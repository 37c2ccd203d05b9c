"""HDF5 files are read without the HDF5 library, whatever is in them."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest
from melmill._store import hdf5, narrow_types
from melmill._store.errors import DamagedStoreError
from melmill._store.files import OpenFiles, StoreFile
from melmill._store.hdf5 import Columns, Hdf5File
from store_inputs import STORES

FILES = sorted(STORES.glob("*/*/*.h5"))
SHARD = STORES / "0.1.0" / "spectral_bf16" / "train.0acb12be80f8.h5"


def file_of(path: Path) -> Hdf5File:
    return Hdf5File(StoreFile(path, path.stat().st_size), path.name)


def is_bfloat16(dataset: Any) -> bool:
    """h5py says that it is float32."""
    return bool(dataset.id.get_type().get_size() != dataset.dtype.itemsize)


@pytest.mark.parametrize(
    "path", FILES, ids=lambda p: f"{p.parent.name}-{p.name}"
)
def test_the_library_finds_and_reads_the_same(path: Path) -> None:
    ours = file_of(path)
    with h5py.File(path) as file:
        assert ours.attributes == {
            name: value.decode() for name, value in file.attrs.items()
        }
        columns = Columns(path, path.stat().st_size, file, OpenFiles(), None)
        for name, expected in file.items():
            found = ours.dataset(name)
            assert found.shape == expected.shape, name
            assert found.offset == (expected.id.get_offset() or 0), name
            values: npt.NDArray[Any] = columns.read(name)
            if is_bfloat16(expected):
                assert found.dtype == np.uint16
                values = narrow_types.bfloat16_to_float32(values)
            else:
                assert found.dtype == expected.dtype, name
            np.testing.assert_array_equal(values, expected[:])
            if expected.ndim == 1:
                values = ours.read(name, expected.dtype.str)
                np.testing.assert_array_equal(values, expected[:])


def test_text_columns_are_read() -> None:
    path = STORES / "0.1.0" / "qwen3_asr_f16" / "plan.h5"
    names = file_of(path).read_texts("shard_file")
    shards = {p.name for p in path.parent.iterdir()} & set(names)
    assert len(shards) == len(names) == 4


@pytest.mark.parametrize(
    ("name", "kind"), [("none", "<u8"), ("features", "<u2"), ("start", "<u4")]
)
def test_what_is_not_there_is_damage(name: str, kind: str) -> None:
    with pytest.raises(
        DamagedStoreError, match=rf"{SHARD.name}: damaged: {name}: no"
    ):
        file_of(SHARD).read(name, kind)


Damage = Callable[[bytearray], object]


def put(at: int, kind: str, *values: Any) -> Damage:
    """Writes numbers, or bytes, at a place of the file."""

    def change(body: bytearray) -> None:
        struct.pack_into(f"<{kind}", body, at, *values)

    return change


def cut(size: int) -> Damage:
    def change(body: bytearray) -> None:
        del body[size:]

    return change


# Places in SHARD: of its structure, then of the messages of `features`.
ROOT, TREE, HEAP, LIST = 96, 136, 680, 1072
SHAPE, TYPE, FILL, LAYOUT = 816, 864, 896, 912
TAIL_SHAPE, TAIL_LAYOUT = 1416, 1512  # of `tail_samples`


def test_the_places_are_what_they_are_taken_for() -> None:
    body = SHARD.read_bytes()
    names = [body[at : at + 4] for at in (TREE, HEAP, LIST)]
    assert names == [b"TREE", b"HEAP", b"SNOD"]
    assert [body[at] for at in (SHAPE, TYPE, FILL, LAYOUT)] == [1, 3, 5, 8]
    assert [body[at] for at in (TAIL_SHAPE, TAIL_LAYOUT)] == [1, 8]


def damaged_file(change: Damage, folder: Path) -> Hdf5File:
    body = bytearray(SHARD.read_bytes())
    change(body)
    path = folder / "x.h5"
    path.write_bytes(body)
    return file_of(path)


FAR = 1 << 63


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (cut(0), "this is no HDF5 file"),
        (cut(95), "this is no HDF5 file"),
        (cut(19351), "19351 bytes instead of 19352"),
        (put(0, "B", 0), "this is no HDF5 file of melmill"),
        (put(13, "B", 4), "this is no HDF5 file of melmill"),
        (put(24, "Q", 8), "19352 bytes instead of 19360"),
        (put(64, "Q", FAR), "its structure is outside the file"),
        (put(ROOT, "B", 2), "no object header"),
        (put(ROOT + 2, "H", 6), "another number of messages"),
        (put(ROOT + 8, "I", 23), "impossible message"),
        (put(ROOT + 8, "I", 25), "too short"),
        # Blocks of messages that are their own continuation.
        (put(ROOT + 24, "QQ", ROOT + 16, 24), "its structure has no end"),
        (put(TREE, "B", 0), "no tree"),
        (put(TREE + 5, "B", 1), "no tree"),
        (put(TREE + 6, "H", 0xFFFF), "outside the file"),
        (put(TREE + 32, "Q", FAR), "outside the file"),
        (put(HEAP, "B", 0), "no names"),
        (put(HEAP + 8, "Q", FAR), "its structure has no end"),
        (put(HEAP + 24, "Q", FAR), "outside the file"),
        (put(LIST, "B", 0), "no list of datasets"),
        (put(LIST + 6, "H", 0xFFFF), "outside the file"),
        (put(LIST + 8, "Q", FAR), "impossible dataset ''"),
        (put(LIST + 48, "Q", 80), "impossible dataset 'body_max'"),
        (put(LIST + 24, "I", 2), "impossible dataset 'body_max'"),
        (put(16624 + 80, "B", 0xFF), "can't decode byte 0xff"),
        (put(16624, "352s", b"n" * 352), "impossible dataset ''"),
        (put(760, "B", 0x19), "attribute 'format' is no string"),
        (put(764, "I", 1 << 31), "attribute 'format' is no string"),
        (put(18688, "H", 17), "2 messages of kind 17"),
    ],
)
def test_a_damaged_structure_is_named(
    change: Damage, says: str, tmp_path: Path
) -> None:
    with pytest.raises(DamagedStoreError, match=rf"^x\.h5: damaged: .*{says}"):
        damaged_file(change, tmp_path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (put(SHAPE + 4, "B", 2), "impossible message"),
        (put(SHAPE + 9, "B", 3), "not of one or two dimensions"),
        (put(SHAPE + 16, "Q", FAR), "not one run of bytes"),
        (put(TYPE + 9, "B", 0x21), "an unknown type"),  # big-endian
        (put(FILL, "H", 11), "not a plain dataset"),  # filters
        (put(FILL, "H", 1), "2 messages of kind 1,"),
        (put(LAYOUT, "H", 0), "0 messages of kind 8,"),
        (put(LAYOUT + 2, "H", 8), "impossible message|too short"),
        (put(LAYOUT + 9, "B", 2), "not one run of bytes"),  # chunks
        (put(LAYOUT + 10, "Q", 15_000), "outside the file"),
        (put(LAYOUT + 10, "Q", FAR), "outside the file"),
    ],
)
def test_a_damaged_dataset_is_named(
    change: Damage, says: str, tmp_path: Path
) -> None:
    file = damaged_file(change, tmp_path)
    assert file.dataset("start").shape == (3,)
    with pytest.raises(
        DamagedStoreError, match=rf"^x\.h5: damaged: features: .*({says})"
    ):
        file.dataset("features")


def test_datasets_that_share_bytes_are_damage(tmp_path: Path) -> None:
    """They could make a reader need many times the size of the file."""
    body = bytearray(SHARD.read_bytes())
    put(TAIL_SHAPE + 16, "QQ", 1, 4000)(body)
    put(TAIL_LAYOUT + 10, "QQ", 0, 16_000)(body)
    path = tmp_path / "x.h5"
    path.write_bytes(body)
    names = ["features", "tail_samples"]
    for asked in names:
        Columns(path, len(body), [asked], OpenFiles(), None)
    with pytest.raises(DamagedStoreError, match=r"x\.h5: .*share bytes"):
        Columns(path, len(body), names, OpenFiles(), None)


def test_a_tree_of_several_levels_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w", libver="earliest") as file:
        for number in range(2000):
            data = np.full(2, number, "<u8")
            file.create_dataset(f"n{number}", data=data, track_times=False)
    ours = file_of(path)
    assert path.read_bytes().count(b"TREE") > 2
    for number in range(2000):
        assert ours.read(f"n{number}", "<u8").tolist() == [number] * 2


@pytest.mark.parametrize("most", [2, 16])
def test_too_many_datasets_are_damage(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SHARD has 17 datasets in 3 lists."""
    monkeypatch.setattr(hdf5, "_MAX_DATASETS", 17)
    file_of(SHARD)
    monkeypatch.setattr(hdf5, "_MAX_DATASETS", most)
    with pytest.raises(DamagedStoreError, match="too many datasets"):
        file_of(SHARD)


def test_a_tree_in_itself_is_damage(tmp_path: Path) -> None:
    def point_to_itself(body: bytearray) -> None:
        body[TREE + 5] = 1
        struct.pack_into("<Q", body, TREE + 32, TREE)
        struct.pack_into("<H", body, TREE + 6, 1)

    with pytest.raises(DamagedStoreError, match="impossible levels"):
        damaged_file(point_to_itself, tmp_path)
