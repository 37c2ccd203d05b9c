"""docs/plain_reader.py, made of the format alone, reads and checks all."""

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import plain_reader
import pytest
from plain_reader import PIECE, Row, Shard, StoreError, read_store
from store_inputs import STORES
from support import (
    REPOSITORY,
    STATUS_STORED,
    extract,
    manifest_row,
    noise,
    read_strings,
    values_of_bytes,
    write_manifest,
    write_wav,
)

FINISHED = sorted(path.parent for path in STORES.glob("*/*/store.json"))
UNFINISHED = sorted(set(STORES.glob("*/*/")) - set(FINISHED))
FLIPS_PER_FILE = 24
# What bytes that make no sense lead to before their checksum is known.
NONSENSE = (ArithmeticError, LookupError, TypeError, ValueError, RecursionError)


def ids(paths: list[Path]) -> list[str]:
    return [f"{path.parent.name}-{path.name}" for path in paths]


@pytest.fixture(params=FINISHED, ids=ids(FINISHED))
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of a finished store that was committed."""
    return Path(shutil.copytree(request.param, tmp_path / "store"))


@pytest.fixture(params=UNFINISHED, ids=ids(UNFINISHED))
def unfinished(request: pytest.FixtureRequest) -> Path:
    """An unfinished store that was committed."""
    folder: Path = request.param
    return folder


def rows_by_h5py(folder: Path) -> Iterator[Row]:
    """The same rows, read with the HDF5 library and nothing checked."""
    index = json.loads((folder / "store.json").read_text())
    names = ["audio", "text", "prompt"]
    for split in index["splits"]:
        with h5py.File(folder / split["table"]["file"]) as table:
            texts = {name: read_strings(table, name) for name in names}
            kept = {
                name: read_strings(table, f"keep_{name}")
                for name in index["kept_fields"]
            }
            numbers = [table[n][:] for n in ("line", "shard", "start")]
            pieces = {n: table[n][:] for n in PIECE if n in table}
            paths = [""] * len(texts["audio"])
            if "audio_path_bytes" in table:
                paths = read_strings(table, "audio_path")
        for row, (line, shard, start) in enumerate(zip(*numbers, strict=True)):
            path = folder / index["shards"][shard]["file"]
            features, columns = stored_row_by_h5py(path, start)
            yield Row(
                split=split["name"],
                line=line,
                **{name: texts[name][row] for name in names},
                audio_path=paths[row],
                kept={
                    name: json.loads(column[row])
                    for name, column in kept.items()
                    if column[row]
                },
                piece={name: int(v[row]) for name, v in pieces.items()},
                features=features,
                columns=columns,
            )


def stored_row_by_h5py(path: Path, start: int) -> tuple[Any, dict[str, Any]]:
    with h5py.File(path) as file:
        is_wanted = file["start"][:] == start
        is_stored = file["status"][:] == STATUS_STORED
        (at,) = np.flatnonzero(is_stored & is_wanted)
        columns = {
            name: data[at]
            for name, data in file.items()
            if name not in ("features", "file_checksum")
        }
        features = file["features"][start : start + columns["num_frames"]]
    if features.dtype == np.uint8:
        levels = (columns[n] for n in ("num_samples", "body_max", "floor"))
        features = values_of_bytes(features, *levels)
    return np.maximum(features, features.dtype.type(columns["floor"])), columns


def assert_reads_what_h5py_reads(folder: Path) -> None:
    rows = list(read_store(folder))
    assert rows
    for row, wanted in zip(rows, rows_by_h5py(folder), strict=True):
        for name in (
            "split",
            "line",
            "audio",
            "audio_path",
            "text",
            "prompt",
            "kept",
            "piece",
        ):
            assert getattr(row, name) == getattr(wanted, name)
        assert row.features.dtype == wanted.features.dtype
        np.testing.assert_array_equal(row.features, wanted.features)
        assert row.columns.keys() == wanted.columns.keys()
        for name, value in wanted.columns.items():
            np.testing.assert_array_equal(row.columns[name], value)


def test_all_rows_are_those_that_h5py_reads(folder: Path) -> None:
    assert_reads_what_h5py_reads(folder)


def test_pieces_of_files_are_told_apart() -> None:
    store = STORES / "0.1.0" / "pieces_f16"
    pieces = [row.piece for row in read_store(store)]
    assert [tuple(piece.values())[:2] for piece in pieces] == [
        (0, 900),
        (100, 700),
        (1000, 500),
        (0, 0),
        (0, 0),
        (50, 400),
    ]
    assert [piece["range_offset"] for piece in pieces] == [0, 0, 0, 0, 512, 512]


def test_many_kept_fields_are_read_through_a_tree_of_two_levels(
    tmp_path: Path,
) -> None:
    fields = {f"field{number:03}": number for number in range(150)}
    path = write_wav(tmp_path / "a.wav", noise(4000))
    rows = [manifest_row(path) | fields, manifest_row(path)]
    manifest = write_manifest(tmp_path / "train.jsonl", rows)
    flags = [flag for name in fields for flag in ("--keep", name)]
    extract(tmp_path / "store", manifest, *flags)
    first, second = read_store(tmp_path / "store")
    assert (first.kept, second.kept) == (fields, {})
    assert_reads_what_h5py_reads(tmp_path / "store")


def flips(content: bytes, seed: str) -> Iterator[bytes]:
    """Copies in which one byte is another."""
    chance = random.Random(seed)
    places = {0, len(content) - 1}
    places |= {chance.randrange(len(content)) for _ in range(FLIPS_PER_FILE)}
    for place in sorted(places):
        flipped = bytearray(content)
        flipped[place] ^= chance.randrange(1, 256)
        yield bytes(flipped)


def test_one_byte_that_is_another_is_noticed(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        for flipped in flips(content, path.name) if content else ():
            path.write_bytes(flipped)
            with pytest.raises(StoreError):
                list(read_store(folder))
        path.write_bytes(content)
    assert list(read_store(folder))


def test_a_sign_of_an_unused_zero_is_noticed(tmp_path: Path) -> None:
    """The least that can be wrong in frames that belong to no row."""
    store = shutil.copytree(
        STORES / "0.1.0" / "qwen3_asr_f16", tmp_path / "store"
    )
    path, offset = unused_frame(Path(store))
    content = bytearray(path.read_bytes())
    assert content[offset] == content[offset + 1] == 0
    content[offset + 1] = 0x80  # -0.0
    path.write_bytes(content)
    with pytest.raises(StoreError, match="no stored row"):
        list(read_store(Path(store)))


def unused_frame(store: Path) -> tuple[Path, int]:
    """A shard with a frame of no stored row, and where that lies."""
    for path in sorted(store.glob("train.*.h5")):
        if path.name == "train.rows.h5":
            continue
        with h5py.File(path) as file:
            num_frames, n_mels = file["features"].shape
            is_used = np.zeros(num_frames, bool)
            for start, length in zip(
                file["start"][:], file["num_frames"][:], strict=True
            ):
                is_used[start : start + length] = True
            if not is_used.all():
                frame = int(np.flatnonzero(~is_used)[0])
                return path, plain_reader.FEATURES_OFFSET + frame * n_mels * 2
    raise AssertionError("every frame belongs to a row")


def test_an_unfinished_store_is_refused_but_its_shards_are_read(
    unfinished: Path,
) -> None:
    with pytest.raises(StoreError, match=r"no store\.json"):
        next(read_store(unfinished))
    shards = sorted(set(unfinished.glob("*.h5")) - {unfinished / "plan.h5"})
    assert shards
    for path in shards:
        content = path.read_bytes()
        shard = Shard(content)
        for start in shard.columns["start"]:
            features, _ = shard.row_at(start)
            np.testing.assert_array_equal(
                features, stored_row_by_h5py(path, start)[0]
            )
        for flipped in flips(content, path.name):
            with pytest.raises((StoreError, *NONSENSE)):
                Shard(flipped)


def test_it_runs_without_an_hdf5_library(folder: Path) -> None:
    code = (
        "import runpy, sys; sys.argv[0] = 'plain_reader.py';"
        f"runpy.run_path({str(REPOSITORY / 'docs' / 'plain_reader.py')!r}, "
        "run_name='__main__'); assert 'h5py' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, folder],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    num_rows = len(list(rows_by_h5py(folder)))
    assert (
        done.stdout == f"{folder}: {num_rows} rows, every checksum is right\n"
    )
