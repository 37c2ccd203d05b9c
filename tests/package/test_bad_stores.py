"""Whatever is wrong with a store is one clear exception, never a crash."""

import ctypes
import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import h5py
import melmill
import numpy as np
import pytest
import xxhash
from melmill._store import files
from melmill.padding import batch_features
from store_job import TAIL_BYTES, Job
from support import REPOSITORY
from transfer_stores import copied_store

Access = Literal["mmap", "pread"]


@pytest.fixture
def store(store_job: Job) -> Path:
    """A finished store that a test may damage."""
    return store_job.store


def read_all(folder: Path, access: Access = "mmap") -> None:
    """Reads every row in every way."""
    store = melmill.open(folder, access=access)
    for name in store.splits:
        for row in store[name]:
            assert len(row.features) == row.num_frames
            assert len(row.read_stored()) == row.num_frames
            assert row.tail_samples.size
            assert row.peak
            assert row.text
            assert store[name].find(row.audio)
        batch_features(store[name][:8])


def rewrite_index(folder: Path, change: Callable[[Any], object]) -> None:
    """Changes store.json and gives it the checksum of what it is then."""
    path = folder / "store.json"
    index = json.loads(path.read_text())
    change(index)
    index.pop("checksum", None)
    content = json.dumps(index, indent=2).removesuffix("\n}") + ",\n"
    checksum = xxhash.xxh3_64_hexdigest(content.encode())
    path.write_text(f'{content}  "checksum": "{checksum}"\n}}\n')


def shards_of(folder: Path, split: str = "train") -> list[Path]:
    """The shards of a split, as store.json lists them."""
    index = json.loads((folder / "store.json").read_text())
    return [
        folder / shard["file"]
        for shard in index["shards"]
        if shard["split"] == split
    ]


def test_an_unchanged_store_reads_well(store: Path) -> None:
    rewrite_index(store, lambda index: None)
    read_all(store)


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("nowhere", melmill.StoreReadError, "no such folder"),
        ("a.txt", melmill.FormatError, "is a file"),
        ("empty", melmill.UnfinishedStoreError, "this is not a store"),
    ],
)
def test_what_is_no_store_is_named(
    name: str, error: type[Exception], says: str, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(error, match=says) as caught:
        melmill.open(tmp_path / name)
    assert name in str(caught.value)


def test_an_unfinished_store_says_how_to_finish_it(store: Path) -> None:
    (store / "store.json").unlink()
    with pytest.raises(
        melmill.UnfinishedStoreError, match="run the same `melmill extract`"
    ):
        melmill.open(store)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", melmill.DamagedStoreError),
        (b"\xff\xfe", melmill.DamagedStoreError),
        (b'{"format":', melmill.DamagedStoreError),
        (b"[" * 100_000, melmill.DamagedStoreError),
        (b"[]", melmill.FormatError),
        (b"{}", melmill.FormatError),
        (b'{"format": {"name": "other", "major": 1}}', melmill.FormatError),
        (b'{"format": {"name": "melmill"}}', melmill.DamagedStoreError),
    ],
)
def test_a_foreign_index_is_refused(
    content: bytes, error: type[Exception], store: Path
) -> None:
    (store / "store.json").write_bytes(content)
    with pytest.raises(error, match=r"store\.json"):
        melmill.open(store)


def set_format(index: Any) -> None:
    index["format"]["major"] = 3


def set_minor(index: Any) -> None:
    index["format"]["minor"] = 7
    index["something_new"] = {}


def test_a_newer_major_format_is_refused_and_a_newer_minor_read(
    store: Path,
) -> None:
    rewrite_index(store, set_minor)
    read_all(store)
    rewrite_index(store, set_format)
    with pytest.raises(melmill.FormatError, match=r"format\.major is 3"):
        melmill.open(store)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("features", "mfcc"),
        ("version", 2),
        ("window", "hamming"),
        ("clamp", "clip-max"),
        ("feature_type", "f8"),
    ],
)
def test_unknown_rules_are_refused_by_field(
    field: str, value: object, store: Path
) -> None:
    rewrite_index(store, lambda index: index["contract"].update({field: value}))
    with pytest.raises(
        melmill.ContractError, match=rf"contract\.{field} is {value!r}"
    ):
        melmill.open(store)


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        (("contract", "n_mels"), "128", r"contract\.n_mels is '128'"),
        (("contract", "n_mels"), True, r"contract\.n_mels is True"),
        (("contract",), None, r"contract is None"),
        (("splits", 0, "num_stored"), -1, r"splits\[0\]\.num_stored is neg"),
        (("splits", 0, "table"), [], r"splits\[0\]\.table is \[\]"),
        (("shards", 1, "file"), 7, r"shards\[1\]\.file is 7"),
        (("shards", 1), 7, r"shards\[1\] is not an object"),
    ],
)
def test_fields_of_a_wrong_type_are_named(
    place: tuple[Any, ...], value: object, says: str, store: Path
) -> None:
    def change(index: Any) -> None:
        for key in place[:-1]:
            index = index[key]
        index[place[-1]] = value

    rewrite_index(store, change)
    with pytest.raises(melmill.DamagedStoreError, match=says):
        melmill.open(store)


def split_facts(index: Any) -> Any:
    return index["splits"][0]


def shard_facts(index: Any) -> Any:
    return index["shards"][0]


@pytest.mark.parametrize(
    ("facts", "field", "name"),
    [
        (split_facts, "num_stored", r"train\.rows\.h5: line is uint64"),
        (shard_facts, "num_rows", r"train\..*\.h5: status is uint8"),
    ],
)
@pytest.mark.parametrize("change", [-1, 1])
def test_columns_of_another_length_are_named(
    change: int,
    facts: Callable[[Any], Any],
    field: str,
    name: str,
    store: Path,
) -> None:
    def lengthen(index: Any) -> None:
        facts(index)[field] += change

    rewrite_index(store, lengthen)
    with pytest.raises(melmill.DamagedStoreError, match=name):
        read_all(store)


def test_every_changed_byte_of_the_index_is_found(store: Path) -> None:
    path = store / "store.json"
    whole = path.read_bytes()
    for at in range(0, len(whole) - 1, 97):
        changed = bytearray(whole)
        changed[at] ^= 1
        path.write_bytes(changed)
        with pytest.raises(melmill.StoreError):
            melmill.open(store)
    assert len(whole) > TAIL_BYTES


@pytest.mark.parametrize("access", ["mmap", "pread"])
def test_missing_and_cut_files_are_named(access: Access, store: Path) -> None:
    for path in (store / "train.rows.h5", shards_of(store)[1]):
        content = path.read_bytes()
        path.unlink()
        with pytest.raises(melmill.DamagedStoreError, match=path.name):
            read_all(store, access)
        for size in (0, 100, 4096, len(content) - 1):
            path.write_bytes(content[:size])
            with pytest.raises(
                melmill.DamagedStoreError, match=f"{path.name}: {size} bytes"
            ):
                read_all(store, access)
        path.write_bytes(content)
    read_all(store, access)


def test_damage_outside_features_never_reaches_hdf5(store: Path) -> None:
    for path in (store / "train.rows.h5", shards_of(store)[1]):
        content = path.read_bytes()
        for at in (0, 8, 200, 2000, len(content) - 3):
            changed = bytearray(content)
            changed[at] ^= 0x55
            path.write_bytes(changed)
            with pytest.raises(
                melmill.DamagedStoreError, match=f"{path.name}: checksum diff"
            ):
                read_all(store)
        path.write_bytes(content)


def test_swapped_shards_are_found(store: Path) -> None:
    first, second = shards_of(store)[:2]
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    with pytest.raises(melmill.DamagedStoreError, match=first.name):
        read_all(store)


def test_a_file_that_hdf5_does_not_know_is_named(store: Path) -> None:
    path = shards_of(store)[0]

    def claim(index: Any) -> None:
        size = path.stat().st_size
        path.write_bytes(b"x" * size)
        shard = next(s for s in index["shards"] if s["file"] == path.name)
        features = shard["num_frames"] * 256
        outside = b"x" * (size - features)
        shard["checksum"] = xxhash.xxh3_64_hexdigest(outside)

    rewrite_index(store, claim)
    with pytest.raises(melmill.StoreError, match=path.name):
        read_all(store)


def test_a_missing_column_is_named(store: Path) -> None:
    def drop_lengths(file: h5py.File) -> None:
        del file["num_frames"]

    rewrite_hdf5(store, "train.rows.h5", drop_lengths)
    with pytest.raises(
        melmill.DamagedStoreError,
        match=r"train\.rows\.h5: damaged: num_frames: no such dataset",
    ):
        melmill.open(store)


@pytest.mark.parametrize(
    ("name", "column", "value", "says"),
    [
        ("table", "num_frames", 7, "num_frames: 7 of a row of"),
        ("table", "num_samples", 200, "num_frames: .* of 200 samples"),
        ("table", "text_offsets", 1 << 40, "text_bytes has .* rows"),
        ("table", "text_bytes", 0xFF, "text: .* can't decode byte 0xff"),
        ("table", "audio_bytes", 0xFF, "audio: .* can't decode byte 0xff"),
        ("table", "shard", 99, "shard: 99 of"),
        ("table", "start", 1 << 63, "frames 9223372036854775808 to"),
        ("shard", "floor", np.nan, "floor: a number that no sound has"),
        ("shard", "body_max", 1e5, "body_max: a number that no sound has"),
        ("shard", "peak", np.nan, "peak: a number that no sound has"),
        ("shard", "peak", -0.5, "peak: a number that no sound has"),
        ("shard", "tail_samples", np.inf, "tail_samples: a sample that is no"),
    ],
)
def test_impossible_values_are_named(
    name: str, column: str, value: float, says: str, store: Path
) -> None:
    path = store / "train.rows.h5" if name == "table" else shards_of(store)[0]

    def change(file: h5py.File) -> None:
        file[column][...] = value

    rewrite_hdf5(store, path.name, change)
    with pytest.raises(melmill.DamagedStoreError, match=says):
        read_all(store)


def test_texts_in_another_order_are_named(store: Path) -> None:
    def swap(file: h5py.File) -> None:
        offsets = file["text_offsets"][:]
        file["text_offsets"][1:-1] = offsets[-2:0:-1]

    rewrite_hdf5(store, "train.rows.h5", swap)
    train = melmill.open(store)["train"]
    with pytest.raises(
        melmill.DamagedStoreError, match=r"train\.rows\.h5: text_offsets decr"
    ):
        train.texts()


def test_kept_values_that_are_not_json_are_named(tmp_path: Path) -> None:
    folder = copied_store("qwen3_asr_f16", tmp_path / "store")

    def spoil(file: h5py.File) -> None:
        file["keep_speaker_bytes"][...] = ord("{")

    rewrite_hdf5(folder, "train.rows.h5", spoil)
    row = melmill.open(folder)["train"][0]
    with pytest.raises(
        melmill.DamagedStoreError, match=r"train\.rows\.h5: keep_speaker: Expec"
    ):
        assert row.kept


@pytest.mark.parametrize("value", [0, 1 << 40])
@pytest.mark.parametrize("field", ["hop_length", "n_fft", "tail_length"])
def test_impossible_sizes_are_named(
    field: str, value: int, store: Path
) -> None:
    rewrite_index(store, lambda index: index["contract"].update({field: value}))
    with pytest.raises(
        melmill.DamagedStoreError, match=rf"contract\.{field} is {value}, which"
    ):
        melmill.open(store)


def test_a_missing_split_names_those_there_are(store: Path) -> None:
    with pytest.raises(
        melmill.MissingSplitError, match=r"no split 'test'.*train, eval"
    ):
        melmill.open(store)["test"]
    with pytest.raises(KeyError):
        melmill.open(store)["test"]


def test_a_folder_that_vanishes_is_named(store: Path) -> None:
    opened = melmill.open(store, access="pread")
    store.rename(store.with_name("moved"))
    with pytest.raises(melmill.DamagedStoreError, match="missing"):
        [row.features for row in opened["train"]]


@pytest.mark.parametrize("code", ["EIO", "ESTALE"])
def test_a_read_that_fails_is_no_damage(
    code: str, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.preadv
    calls = 0
    fails_at = -1

    def read(*arguments: Any) -> int:
        nonlocal calls
        calls += 1
        if calls == fails_at:
            number = getattr(errno, code)
            raise OSError(number, os.strerror(number))
        return real(*arguments)

    def read_one() -> None:
        row = melmill.open(store, access="pread")["eval"][0]
        row.read_stored()
        assert row.text

    monkeypatch.setattr(os, "preadv", read)
    says = rf"\.h5: cannot be read: .* \({code}\)"
    read_one()
    for at in range(1, calls + 1):
        calls, fails_at = 0, at
        with pytest.raises(melmill.StoreReadError, match=says):
            read_one()


@pytest.mark.parametrize("code", ["EACCES", "EMFILE", "EIO", "ESTALE"])
@pytest.mark.parametrize("name", ["store.json", "eval.rows.h5", "eval.shard"])
def test_a_file_that_cannot_be_opened_is_no_damage(
    name: str, code: str, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store / name
    if name == "eval.shard":
        path = shards_of(store, "eval")[0]

    def refuse(real: Callable[..., Any]) -> Callable[..., Any]:
        def open_file(file: Any, *arguments: Any, **options: Any) -> Any:
            if Path(file) == path:
                number = getattr(errno, code)
                raise OSError(number, os.strerror(number), str(file))
            return real(file, *arguments, **options)

        return open_file

    monkeypatch.setattr(os, "open", refuse(os.open))
    monkeypatch.setattr(Path, "read_bytes", refuse(Path.read_bytes))
    with pytest.raises(
        melmill.StoreReadError,
        match=rf"{path.name}: cannot be read: .* \({code}\)",
    ):
        read_all(store)


def test_a_map_that_fails_is_no_damage(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoMap:
        @staticmethod
        def mmap(*_: Any) -> int | None:
            ctypes.set_errno(errno.ENOMEM)
            return files._MAP_FAILED

    monkeypatch.setattr(files, "_LIBC", NoMap)
    with pytest.raises(
        melmill.StoreReadError, match=r"cannot be read: mmap: .* \(ENOMEM\)"
    ):
        melmill.open(store, access="mmap")


CUT_WHILE_OPEN = """
import os, sys
import melmill

store = melmill.open(sys.argv[1])
row = store["train"][0]
row.read_stored()
shards = [p for p in os.scandir(sys.argv[1]) if p.name.startswith("train.")]
for shard in shards:
    if len(shard.name) == len("train.0123456789ab.h5"):
        os.truncate(shard.path, 4096)
try:
    row.read_stored()
except melmill.DamagedStoreError as error:
    print(error)
"""


def test_batches_survive_a_file_that_is_cut_while_it_is_open(
    store: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CUT_WHILE_OPEN, store],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "python")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "ends at byte 4096" in done.stdout


def test_wrong_arguments_are_named(store: Path) -> None:
    with pytest.raises(ValueError, match="'rw'"):
        melmill.open(store, access="rw")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no store"):
        melmill.open([])


def rewrite_hdf5(
    folder: Path, name: str, change: Callable[[h5py.File], object]
) -> None:
    """Changes values of an HDF5 file and gives store.json its checksum."""
    path = folder / name
    with h5py.File(path, "r+") as file:
        change(file)
    content = path.read_bytes()

    def set_checksum(index: Any) -> None:
        tables = [split["table"] for split in index["splits"]]
        for facts in [*tables, *index["shards"]]:
            if facts["file"] == name:
                # A table has no features, and all of it counts.
                end = 4096 + facts.get("num_frames", 0) * 256
                is_table = "num_frames" not in facts
                outside = (
                    content if is_table else content[:4096] + content[end:]
                )
                facts["checksum"] = xxhash.xxh3_64_hexdigest(outside)

    rewrite_index(folder, set_checksum)


def test_withdrawn_rows_are_not_read(store: Path) -> None:
    def withdraw(file: h5py.File) -> None:
        file["status"][...] = 3

    rewrite_hdf5(store, shards_of(store)[0].name, withdraw)
    with pytest.raises(melmill.DamagedStoreError, match="no stored row"):
        read_all(store)


@pytest.mark.parametrize("index", [0, -1])
def test_strings_of_one_hash_are_told_apart(index: int, store: Path) -> None:
    wanted = melmill.open(store)["train"][index]

    def let_collide(file: h5py.File) -> None:
        hashed = xxhash.xxh3_64_intdigest(wanted.audio.encode())
        file["audio_hash"][...] = np.uint64(hashed)

    rewrite_hdf5(store, "train.rows.h5", let_collide)
    train = melmill.open(store)["train"]
    assert train.find(wanted.audio).index == wanted.index
