"""No wrong byte of a shard goes unnoticed."""

from pathlib import Path

import pytest
import xxhash
from melmill._contents.shard_check import (
    FeaturesCheck,
    ShardIndex,
    checked_pieces,
)
from melmill._contents.store_files import (
    ShardFile,
    finished_store_files,
    unfinished_store_files,
)
from melmill._store.errors import DamagedStoreError
from melmill._store.files import StoreFile
from transfer_stores import STORES

NAMES = ["qwen3_asr_f16", "spectral_bf16", "whisper_f32", "pieces_f16"]


def shards_of(name: str) -> list[ShardFile]:
    index = STORES / name / "store.json"
    return list(finished_store_files(index, index.read_bytes()).shards)


def read(path: Path, shard: ShardFile, piece_bytes: int = 1 << 20) -> bytes:
    file = StoreFile(path, path.stat().st_size)
    return b"".join(ShardIndex(file, shard, "x").pieces(piece_bytes))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("piece_bytes", [7, 4096, 1 << 20])
def test_whole_shards_pass(name: str, piece_bytes: int) -> None:
    plan = STORES / name / "plan.h5"
    unfinished = unfinished_store_files(plan, "plan.h5").shards
    finished = shards_of(name)
    assert [s.name for s in unfinished] == [s.name for s in finished]
    for known, unknown in zip(finished, unfinished, strict=True):
        path = STORES / name / known.name
        assert (known.num_rows, known.features_end) == (
            unknown.num_rows,
            unknown.features_end,
        )
        for shard in (known, unknown):
            assert read(path, shard, piece_bytes) == path.read_bytes()
        file = StoreFile(path, path.stat().st_size)
        assert ShardIndex(file, unknown, "x").checksum == known.checksum


@pytest.mark.parametrize("state", ["finished", "unfinished"])
def test_every_byte_counts(state: str, tmp_path: Path) -> None:
    store = STORES / "spectral_bf16"
    (shard,) = shards_of("spectral_bf16")
    if state == "unfinished":
        (shard,) = unfinished_store_files(store / "plan.h5", "p").shards
    body = bytearray((store / shard.name).read_bytes())
    path = tmp_path / shard.name
    offsets = [*range(0, len(body), 61), 4095, 4096, shard.features_end]
    for offset in [*offsets, shard.features_end - 1, len(body) - 1]:
        body[offset] ^= 1
        path.write_bytes(body)
        with pytest.raises(DamagedStoreError):
            read(path, shard)
        body[offset] ^= 1
    path.write_bytes(body)
    assert read(path, shard) == body


def test_the_last_piece_waits_for_the_checksum(tmp_path: Path) -> None:
    """Who takes pieces as they come never has all of a wrong shard."""
    (shard,) = shards_of("spectral_bf16")
    body = bytearray((STORES / "spectral_bf16" / shard.name).read_bytes())
    body[4096] ^= 1
    path = tmp_path / shard.name
    path.write_bytes(body)
    file = StoreFile(path, len(body))
    pieces = ShardIndex(file, shard, "x").pieces(1 << 20)
    with pytest.raises(DamagedStoreError, match="x: damaged: a row has other"):
        next(pieces)


def test_a_shard_of_another_plan_is_refused() -> None:
    first, second, *_ = shards_of("qwen3_asr_f16")
    path = STORES / "qwen3_asr_f16" / second.name
    other = ShardFile(
        name=first.name,
        num_rows=first.num_rows,
        features_end=first.features_end,
    )
    with pytest.raises(DamagedStoreError):
        read(path, other)


def test_bytes_of_no_row_must_be_zeros() -> None:
    """Before, between and behind the rows."""
    body = bytearray(b"\0\0abcd\0\0\0efgh\0")
    rows = [
        (first, first + 4, xxhash.xxh3_64_intdigest(body[first : first + 4]))
        for first in (2, 9)
    ]

    def check(body: bytes, piece_bytes: int) -> None:
        features = FeaturesCheck(rows, 14, "x")
        for at in range(0, len(body), piece_bytes):
            features.update(memoryview(body[at : at + piece_bytes]))
        features.finish()

    for piece_bytes in (1, 3, 14):
        check(bytes(body), piece_bytes)
        for at in range(len(body)):
            body[at] ^= 1
            with pytest.raises(DamagedStoreError):
                check(bytes(body), piece_bytes)
            body[at] ^= 1
        for wrong in (body[:-1], body + b"\0"):
            with pytest.raises(DamagedStoreError):
                check(bytes(wrong), piece_bytes)


def test_a_shard_that_changes_while_it_is_read_is_damage(
    tmp_path: Path,
) -> None:
    (shard,) = shards_of("spectral_bf16")
    path = tmp_path / shard.name
    path.write_bytes((STORES / "spectral_bf16" / shard.name).read_bytes())
    file = StoreFile(path, path.stat().st_size)
    index = ShardIndex(file, shard, "x")
    body = bytearray(path.read_bytes())
    body[100] ^= 1
    path.write_bytes(body)
    with pytest.raises(DamagedStoreError, match="it changed while it was"):
        list(index.pieces(4096))


def test_other_files_have_one_checksum(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"ab")
    file = StoreFile(path, 2)
    checksum = file.checksum([(0, 2)])
    assert b"".join(checked_pieces(file, checksum, "x", 1)) == b"ab"
    with pytest.raises(DamagedStoreError, match="x: damaged"):
        list(checked_pieces(file, "0" * 16, "x", 1))
