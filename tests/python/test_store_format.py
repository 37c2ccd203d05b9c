"""The store is what docs/format.md says; any HDF5 reader opens it."""

import collections
import itertools
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import markdown
import numpy as np
import numpy.typing as npt
import pytest
import xxhash
from store_inputs import STORES
from support import (
    STATUS_STORED,
    Store,
    manifest_row,
    noise,
    read_json_lines,
    read_strings,
    run_melmill,
    write_manifest,
    write_wav,
)

HOP = 160
FEATURES_OFFSET = 4096
STATUS_REJECTED = 2
NAN_SAMPLE = 700
NOT_FINITE = 96  # its reject code
PEAK_MINOR = 3  # the format's minor number since which shards have peaks

PIECE = (
    *("segment_start", "segment_num_samples"),
    *("range_offset", "range_bytes"),
)

# A dataset's type and shape, as docs/format.md writes them.
Layout = dict[str, tuple[str, tuple[int, ...]]]

VARIANTS = {
    "qwen3_f16": ["--preset", "qwen3-asr", "--dtype", "f16"],
    "whisper_f32": ["--preset", "whisper", "--dtype", "f32"],
    "whisper_bf16": ["--preset", "whisper", "--dtype", "bf16"],
    "qwen3_u8": ["--preset", "qwen3-asr", "--dtype", "u8"],
}
COMMITTED = sorted(path.parent for path in STORES.glob("*/*/store.json"))
FEATURE_TYPES = {
    "f16": "float16",
    "f32": "float32",
    "bf16": "bfloat16",
    "u8": "uint8",
}


def make_manifests(folder: Path) -> list[Path]:
    """Two splits with every sort of row that a store tells apart."""
    train = []
    for number in range(12):
        path = folder / f"clip{number}.wav"
        write_wav(path, noise(2_000 + 700 * number, seed=number))
        row = manifest_row(path, f"language Russian<asr_text>да {number}")
        train.append(row | {"prompt": f"Номер {number}"})
    stereo = np.stack([noise(9_000, seed=20), noise(9_000, seed=21)], axis=1)
    train.append(manifest_row(write_wav(folder / "s.wav", stereo, 44_100)))
    bad = noise(3_000, seed=22)
    bad[NAN_SAMPLE] = np.nan
    path = write_wav(folder / "n.wav", bad, subtype="FLOAT")
    train.insert(5, manifest_row(path))
    train.insert(7, manifest_row(folder / "missing.wav"))
    train.append(train[0] | {"speaker": {"name": "Ж", "age": 1e3}})
    evaluation = [
        manifest_row(folder / "clip3.wav") | {"speaker": "b"},
        manifest_row(write_wav(folder / "d.wav", noise(3_000, seed=23))),
    ]
    return [
        write_manifest(folder / "train.jsonl", train),
        write_manifest(folder / "eval.jsonl", evaluation),
    ]


@pytest.fixture(scope="module", params=VARIANTS.values(), ids=list(VARIANTS))
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Store:
    return make_store(tmp_path_factory.mktemp("format"), request.param)


@pytest.fixture(
    scope="module",
    params=[*VARIANTS.values(), *COMMITTED],
    ids=[*VARIANTS, *(f"{path.parent.name}-{path.name}" for path in COMMITTED)],
)
def any_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Store:
    """A new store, or a finished one that was committed."""
    if isinstance(request.param, Path):
        return Store(request.param)
    return make_store(tmp_path_factory.mktemp("format"), request.param)


def make_store(folder: Path, options: list[str]) -> Store:
    manifests = make_manifests(folder)
    # Byte order mark, blank line and CRLF are not part of a line.
    lines = manifests[0].read_bytes().splitlines()
    manifests[0].write_bytes(b"\xef\xbb\xbf" + b"\r\n".join([b"", *lines]))
    out = folder / "store"
    flags = ["--keep", "speaker", "--shard-size", "20KiB", *options]
    run = run_melmill("extract", *manifests, "--out", out, *flags)
    assert run.exit_code == 3, run.stderr
    return Store(out)


def shard_paths(store: Store) -> list[Path]:
    return [store.folder / shard["file"] for shard in store.index["shards"]]


def table_paths(store: Store) -> list[Path]:
    return [store.folder / f"{name}.rows.h5" for name in store.splits]


def hdf5_paths(store: Store) -> list[Path]:
    return [
        *shard_paths(store),
        *table_paths(store),
        store.folder / "plan.h5",
    ]


def digest(data: bytes) -> str:
    return xxhash.xxh3_64_hexdigest(data)


def documented_layout(
    store: Store, path: Path, section: str, sizes: dict[str, int]
) -> Layout:
    """The tables of docs/format.md with this store's sizes filled in."""
    contract = store.index["contract"]
    sizes |= {name: contract[name] for name in ("n_mels", "tail_length")}
    header = "| dataset | type | shape | meaning |"
    layout: Layout = {}
    with h5py.File(path) as file:
        for name, kind, shape, _ in markdown.table(
            markdown.sections("format.md")[section], header
        ):
            if "FIELD" in name and not store.index["kept_fields"]:
                continue
            name = name.replace("FIELD", "speaker")
            if kind == "float16, float32, bfloat16 or uint8":
                kind = FEATURE_TYPES[contract["feature_type"]]
            if shape == "[bytes]":
                offsets = file[name.replace("_bytes", "_offsets")]
                sizes["bytes"] = int(offsets[-1])
            layout[name] = (kind, evaluate_shape(shape, sizes))
    return layout


def evaluate_shape(shape: str, sizes: dict[str, int]) -> tuple[int, ...]:
    """The numbers of a shape such as "[rows + 1, 16]"."""
    terms = [term.split(" + ") for term in shape.strip("[]").split(", ")]
    return tuple(
        sum(sizes[t] if t.isidentifier() else int(t) for t in term)
        for term in terms
    )


def expected_layouts(store: Store) -> dict[Path, Layout]:
    expected = {}
    for shard, path in zip(
        store.index["shards"], shard_paths(store), strict=True
    ):
        sizes = {"rows": shard["num_rows"], "frames": shard["num_frames"]}
        expected[path] = documented_layout(store, path, "Shards", sizes)
        if store.index["format"]["minor"] >= PEAK_MINOR:
            expected[path] |= documented_layout(store, path, "Peaks", sizes)
    for split, path in zip(
        store.index["splits"], table_paths(store), strict=True
    ):
        sizes = {"rows": split["num_stored"]}
        expected[path] = documented_layout(store, path, "Split tables", sizes)
        expected[path] |= optional_columns(store, path, sizes["rows"])
    path = store.folder / "plan.h5"
    sizes = {
        "lines": sum(split["num_lines"] for split in store.index["splits"]),
        "shards": len(store.index["shards"]),
    }
    expected[path] = documented_layout(store, path, "plan.h5", sizes)
    expected[path] |= optional_columns(store, path, sizes["lines"])
    return expected


def optional_columns(store: Store, path: Path, num_rows: int) -> Layout:
    """What tables, and plans, of some stores have in addition."""
    sizes = {"rows": num_rows}
    layout: Layout = {}
    if store.index["format"]["major"] == 2:
        layout |= documented_layout(store, path, "Pieces of files", sizes)
        if path.name == "plan.h5":
            del layout["source_rate"]  # which every plan has
    if store.index.get("audio_paths"):
        layout |= documented_layout(store, path, "Audio at URLs", sizes)
    return layout


def layout_by_h5py(path: Path) -> Layout:
    with h5py.File(path) as file:
        assert all(data.dtype.str[0] in "<|" for data in file.values())
        assert all(data.chunks is None for data in file.values())
        return {
            name: (data.dtype.name, data.shape) for name, data in file.items()
        }


def output_of(*command: str | Path) -> str:
    done = subprocess.run(
        command, check=True, capture_output=True, stdin=subprocess.DEVNULL
    )
    return done.stdout.decode()


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(", "))


def layout_by_h5dump(path: Path) -> Layout:
    types = {
        "H5T_STD_U8LE": "uint8",
        "H5T_STD_U32LE": "uint32",
        "H5T_STD_U64LE": "uint64",
        "H5T_IEEE_F32LE": "float32",
        # Of either sort: it does not say how they are made up.
        "16-bit little-endian floating-point 16-bit precision": "float16",
    }
    datasets = re.findall(
        r'DATASET "(\w+)" \{\s+DATATYPE  (.+)\s+'
        r"DATASPACE  SIMPLE \{ \( (.+?) \)",
        output_of("h5dump", "-H", path),
    )
    return {
        name: (types[kind], numbers(shape)) for name, kind, shape in datasets
    }


def layout_by_h5ls(path: Path) -> Layout:
    types = {
        "native unsigned char": "uint8",
        "native unsigned int": "uint32",
        "native unsigned long": "uint64",
        "native float": "float32",
        "16-bit little-endian floating-point, 10 bits": "float16",
        "16-bit little-endian floating-point, 7 bits": "bfloat16",
    }
    datasets = re.findall(
        r"^(\w+) +Dataset \{(.+?)\}$(?:\n    .*)*?"
        r"\n    Type: +(.+(?:\n +\(significant for \d+ bits)?)",
        output_of("h5ls", "-v", path),
        re.MULTILINE,
    )
    return {
        name: (
            types[re.sub(r"\s+\(significant for", ",", kind)],
            numbers(re.sub(r"/\d+", "", shape)),
        )
        for name, shape, kind in datasets
    }


@pytest.mark.parametrize(
    ("read_layout", "shown_as"),
    [
        (layout_by_h5py, {"bfloat16": "float32"}),
        (layout_by_h5dump, {"bfloat16": "float16"}),
        (layout_by_h5ls, {}),
    ],
)
def test_datasets_are_the_documented_ones(
    any_store: Store,
    read_layout: Callable[[Path], Layout],
    shown_as: dict[str, str],
) -> None:
    for path, layout in expected_layouts(any_store).items():
        expected = {
            name: (shown_as.get(kind, kind), shape)
            for name, (kind, shape) in layout.items()
        }
        assert read_layout(path) == expected, path.name


def raw_bytes(data: h5py.Dataset) -> bytes:
    """A dataset's bytes in its file, out of the values that h5py gives."""
    values = data[...]
    if data.id.get_type().get_size() == values.itemsize:
        return bytes(values.tobytes())
    upper_halves = values.view("<u2")[..., 1::2]
    assert not values.view("<u2")[..., ::2].any()
    return bytes(upper_halves.tobytes())


def test_h5dump_reads_the_values_that_h5py_reads(
    any_store: Store, tmp_path: Path
) -> None:
    dumped = tmp_path / "dumped"
    paths = [shard_paths(any_store)[0], table_paths(any_store)[0]]
    for path in [*paths, any_store.folder / "plan.h5"]:
        with h5py.File(path) as file:
            for name, data in file.items():
                flags = ["-d", f"/{name}", "-b", "FILE"]
                output_of("h5dump", *flags, "-o", dumped, path)
                assert dumped.read_bytes() == raw_bytes(data), name


def test_attributes_are_the_documented_ones(any_store: Store) -> None:
    common = ["contract", "fingerprint", "format", "producer"]
    major = any_store.index["format"]["major"]
    for path in hdf5_paths(any_store):
        with h5py.File(path) as file:
            names = sorted(file.attrs)
            form = file.attrs["format"].decode()
            if path.name.endswith(".rows.h5"):
                assert (names, form) == (["format"], f"melmill rows {major}")
                continue
            if path.name == "plan.h5":
                assert names == sorted([*common, "description"])
                assert form == f"melmill plan {major}"
            else:
                assert (names, form) == (common, "melmill shard 1")
            for name in ("contract", "producer"):
                assert json.loads(file.attrs[name]) == any_store.index[name]


def flat_fields(value: object, path: str = "") -> set[str]:
    if isinstance(value, dict):
        dot = "." if path else ""
        parts = [flat_fields(v, f"{path}{dot}{k}") for k, v in value.items()]
        return set().union(*parts)
    if isinstance(value, list) and path != "kept_fields":
        return set().union(*[flat_fields(v, f"{path}[]") for v in value])
    return {path}


def test_fields_of_store_json_are_the_documented_ones(store: Store) -> None:
    section = markdown.sections("format.md")["store.json"]
    rows = markdown.table(section, "| field | type | meaning |")
    has_bytes = store.index["contract"]["feature_type"] == "u8"
    expected = {
        name
        for name, _, meaning in rows
        if has_bytes or not meaning.startswith("only of `u8`")
    }
    assert flat_fields(store.index) == expected
    assert store.index["format"]["minor"] == 3


def test_files_are_the_documented_ones(store: Store) -> None:
    expected = {"store.json", "plan.h5", "rejects.jsonl", ".lock", ".local"}
    expected |= {path.name for path in shard_paths(store)}
    for name in store.splits:
        expected |= {f"{name}.rows.h5", f"{name}.accepted.jsonl"}
    assert {path.name for path in store.folder.iterdir()} == expected


def test_sizes_and_checksums_of_files_are_right(any_store: Store) -> None:
    entries = [any_store.index["rejects"]]
    for split in any_store.index["splits"]:
        entries += [split["table"], split["accepted"]]
    for entry in entries:
        data = (any_store.folder / entry["file"]).read_bytes()
        assert len(data) == entry["num_bytes"]
        assert digest(data) == entry["checksum"]


def bytes_per_frame(store: Store) -> int:
    contract = store.index["contract"]
    width = {"f16": 2, "f32": 4, "bf16": 2, "u8": 1}[contract["feature_type"]]
    return int(contract["n_mels"]) * width


def test_checksum_of_a_shard_is_that_of_its_bytes_outside_the_features(
    any_store: Store,
) -> None:
    for shard in any_store.index["shards"]:
        data = (any_store.folder / shard["file"]).read_bytes()
        end = FEATURES_OFFSET + shard["num_frames"] * bytes_per_frame(any_store)
        assert len(data) == shard["num_bytes"]
        assert digest(data[:FEATURES_OFFSET] + data[end:]) == shard["checksum"]


def test_shards_and_store_json_hold_their_own_checksums(
    any_store: Store,
) -> None:
    for shard in any_store.index["shards"]:
        path = any_store.folder / shard["file"]
        data = bytearray(path.read_bytes())
        with h5py.File(path) as file:
            own = file["file_checksum"].id.get_offset()
            features = file["features"].id.get_storage_size()
            checksum = int(file["file_checksum"][0])
        del data[own : own + 8]
        del data[FEATURES_OFFSET : FEATURES_OFFSET + features]
        assert checksum == xxhash.xxh3_64_intdigest(bytes(data))
    text = (any_store.folder / "store.json").read_bytes()
    assert any_store.index["checksum"] == xxhash.xxh3_64_hexdigest(text[:-35])


def test_features_lie_at_the_documented_bytes_with_their_checksums(
    any_store: Store,
) -> None:
    width = bytes_per_frame(any_store)
    for path in shard_paths(any_store):
        data = path.read_bytes()
        with h5py.File(path) as file:
            assert file["features"].id.get_offset() == FEATURES_OFFSET
            features = raw_bytes(file["features"])
            columns = [
                file[name][:].tolist()
                for name in ("start", "num_frames", "checksum", "status")
            ]
        assert data[FEATURES_OFFSET:].startswith(features)
        for start, num_frames, checksum, status in zip(*columns, strict=True):
            row = features[start * width : (start + num_frames) * width]
            is_stored = status == STATUS_STORED
            expected = xxhash.xxh3_64_intdigest(row) if is_stored else 0
            assert checksum == expected


def test_source_columns_describe_the_audio_file(store: Store) -> None:
    sources = {}
    with h5py.File(store.folder / "plan.h5") as plan:
        names = "data_offset data_bytes rate channels num_samples"
        columns = [plan[f"source_{n}"][:].tolist() for n in names.split()]
        for audio, *source in zip(
            read_strings(plan, "audio"), *columns, strict=True
        ):
            sources[audio] = source
    for row, file, slot in stored_slots(store):
        offset, num_bytes, rate, channels, num_samples = sources[row["audio"]]
        data = Path(row["audio"]).read_bytes()[offset : offset + num_bytes]
        checksum = file["source_checksum"][slot].tobytes()
        assert checksum == xxhash.xxh3_128_digest(data)
        assert file["source_rate"][slot] == rate
        assert file["source_channels"][slot] == channels
        assert file["source_num_samples"][slot] == num_samples
        assert row["num_samples"] == -(-num_samples * 16_000 // rate)
    assert sources[str(store.folder.parent / "s.wav")][2:] == [44_100, 2, 9_000]


def stored_slots(
    store: Store,
) -> list[tuple[dict[str, Any], dict[str, npt.NDArray[Any]], int]]:
    """Table rows with their shard's columns and their row there."""
    shards = []
    for path in shard_paths(store):
        with h5py.File(path) as file:
            shards.append({name: data[:] for name, data in file.items()})
    found = []
    for path in table_paths(store):
        with h5py.File(path) as table:
            names = ("line", "shard", "start", "num_frames", "num_samples")
            columns = {name: table[name][:].tolist() for name in names}
            columns["audio"] = read_strings(table, "audio")
        for values in zip(*columns.values(), strict=True):
            row = dict(zip(columns, values, strict=True))
            shard = shards[row["shard"]]
            is_stored = shard["status"] == STATUS_STORED
            slots = np.flatnonzero(is_stored & (shard["start"] == row["start"]))
            assert len(slots) == 1
            found.append((row, shard, int(slots[0])))
    return found


def test_table_rows_agree_with_their_shards(any_store: Store) -> None:
    slots = stored_slots(any_store)
    assert len(slots) == sum(s["num_stored"] for s in any_store.index["splits"])
    for row, shard, slot in slots:
        assert row["num_frames"] == shard["num_frames"][slot] > 0
        assert row["num_samples"] == shard["num_samples"][slot]
        assert row["num_frames"] == row["num_samples"] // HOP


def test_rows_do_not_overlap_and_the_rest_is_zeros(store: Store) -> None:
    num_gaps = 0
    for path in shard_paths(store):
        with h5py.File(path) as file:
            features = file["features"][:]
            owners = np.zeros(len(features), int)
            for start, num_frames in zip(
                file["start"][:], file["num_frames"][:], strict=True
            ):
                owners[start : start + num_frames] += 1
        assert owners.max() == 1
        assert not features[owners == 0].any()
        assert features[owners == 1].any(axis=1).all()
        num_gaps += int(np.count_nonzero(owners == 0))
    assert num_gaps == 3_000 // HOP  # of the file with the NaN


def test_row_rejected_in_the_extraction_says_why(store: Store) -> None:
    found = []
    for path in shard_paths(store):
        with h5py.File(path) as file:
            for slot in np.flatnonzero(file["status"][:] == STATUS_REJECTED):
                names = set(file) - {"features", "file_checksum"}
                found.append({name: file[name][slot] for name in names})
    assert len(found) == 1
    (row,) = found
    assert row["reject_code"] == NOT_FINITE
    assert row["reject_detail"] == NAN_SAMPLE
    levels = ("body_max", "floor", "peak")
    for name in ("num_frames", "num_samples", *levels, "checksum"):
        assert row[name] == 0, name
    assert not row["tail_samples"].any()
    assert not row["source_checksum"].any()
    assert row["source_num_samples"] == 3_000


def test_counts_of_store_json_add_up(store: Store) -> None:
    for split in store.index["splits"]:
        name = split["name"]
        manifest = store.folder.parent / f"{name}.jsonl"
        lines = [line for line in manifest.read_bytes().split(b"\n") if line]
        blank = 1 if name == "train" else 0
        assert split["num_lines"] == len(lines) - blank
        rejected = [row for row in store.rejects() if row["split"] == name]
        assert split["num_rejected"] == len(rejected)
        assert split["num_lines"] == split["num_stored"] + len(rejected)
        with h5py.File(store.folder / split["table"]["file"]) as table:
            assert split["num_stored"] == len(table["line"])
            assert split["num_samples"] == table["num_samples"][:].sum()
            assert split["num_frames"] == table["num_frames"][:].sum()
    for number, shard in enumerate(store.index["shards"]):
        with h5py.File(store.folder / shard["file"]) as file:
            status = file["status"][:]
        assert shard["num_stored"] == np.count_nonzero(status == STATUS_STORED)
        path = store.folder / f"{shard['split']}.rows.h5"
        with h5py.File(path) as table:
            num_listed = np.count_nonzero(table["shard"][:] == number)
        assert shard["num_stored"] == num_listed


def test_shards_are_listed_in_the_order_of_their_rows(store: Store) -> None:
    order = []
    for path in table_paths(store):
        with h5py.File(path) as table:
            order += [key for key, _ in itertools.groupby(table["shard"][:])]
    assert order == list(range(len(store.index["shards"])))
    assert len(order) >= 4


def test_every_line_is_stored_or_rejected_and_never_both(store: Store) -> None:
    for name in store.splits:
        with h5py.File(store.folder / f"{name}.rows.h5") as table:
            stored = table["line"][:].tolist()
        rejected = [r["line"] for r in store.rejects() if r["split"] == name]
        assert stored == sorted(stored)
        first = 2 if name == "train" else 1  # line 1 of train is blank
        num_lines = len(stored) + len(rejected)
        assert sorted(stored + rejected) == list(
            range(first, first + num_lines)
        )


def test_ledger_has_the_documented_keys(store: Store) -> None:
    text = markdown.sections("format.md")["Reject codes"]
    rows = markdown.table(text, "| number | code | stage | meaning |")
    stages = {code: stage for _, code, stage, _ in rows}
    keys = ["split", "line", "audio", "stage", "code", "message"]
    rejects = store.rejects()
    assert [row["code"] for row in rejects] == ["not_finite", "not_found"]
    for row in rejects:
        assert list(row) == keys
        assert row["stage"] == stages[row["code"]]


def test_accepted_manifest_holds_the_stored_lines_verbatim(
    store: Store,
) -> None:
    for name in store.splits:
        manifest = (store.folder.parent / f"{name}.jsonl").read_bytes()
        lines = manifest.removeprefix(b"\xef\xbb\xbf").splitlines()
        with h5py.File(store.folder / f"{name}.rows.h5") as table:
            stored = table["line"][:].tolist()
        expected = b"".join(lines[line - 1] + b"\n" for line in stored)
        accepted = store.folder / f"{name}.accepted.jsonl"
        assert accepted.read_bytes() == expected


def test_strings_of_the_table_are_those_of_the_manifest(store: Store) -> None:
    for name in store.splits:
        accepted = read_json_lines(store.folder / f"{name}.accepted.jsonl")
        with h5py.File(store.folder / f"{name}.rows.h5") as table:
            for column in ("audio", "text", "prompt"):
                expected = [row.get(column, "") for row in accepted]
                assert read_strings(table, column) == expected
            kept = read_strings(table, "keep_speaker")
        assert [json.loads(text) if text else None for text in kept] == [
            row.get("speaker") for row in accepted
        ]


def test_audio_is_found_by_its_hash(store: Store) -> None:
    repeated = 0
    for path in table_paths(store):
        with h5py.File(path) as table:
            audio = read_strings(table, "audio")
            hashes = table["audio_hash"][:].tolist()
            rows = table["audio_hash_row"][:].tolist()
        expected = [
            (xxhash.xxh3_64_intdigest(text.encode()), row)
            for row, text in enumerate(audio)
        ]
        assert list(zip(hashes, rows, strict=True)) == sorted(expected)
        repeated += len(hashes) - len(set(hashes))
    assert repeated == 1


def sized(text: bytes) -> bytes:
    return len(text).to_bytes(8, "little") + text


def test_names_of_shards_are_their_fingerprints(any_store: Store) -> None:
    with h5py.File(any_store.folder / "plan.h5") as plan:
        columns = {name: data[:].tolist() for name, data in plan.items()}
        audio = read_strings(plan, "audio")
        files = read_strings(plan, "shard_file")
        contract = plan.attrs["contract"]
        producer = plan.attrs["producer"]
    assert files == [shard["file"] for shard in any_store.index["shards"]]
    names = [
        "file_bytes",
        *["source_encoding", "source_big_endian", "source_rate"],
        *["source_channels", "source_data_offset", "source_data_bytes"],
        "num_samples",
    ]
    for number, shard in enumerate(any_store.index["shards"]):
        hasher = xxhash.xxh3_128(sized(contract) + sized(producer))
        planned = [
            row
            for row in range(
                columns["shard_first_row"][number],
                columns["shard_end_row"][number],
            )
            if columns["reject_code"][row] == 0
        ]
        for row in planned:
            hasher.update(sized(audio[row].encode()))
            for name in names:
                hasher.update(columns[name][row].to_bytes(8, "little"))
            piece = [columns[name][row] for name in PIECE if name in columns]
            if any(piece):
                for value in (2**64 - 1, *piece):
                    hasher.update(value.to_bytes(8, "little"))
        fingerprint = hasher.hexdigest()
        assert shard["fingerprint"] == fingerprint
        assert shard["file"] == f"{shard['split']}.{fingerprint[:12]}.h5"
        assert shard["num_rows"] == len(planned)
        assert columns["shard_num_rows"][number] == len(planned)


def test_manifest_that_repeats_itself_lists_a_shard_twice(
    tmp_path: Path,
) -> None:
    row = manifest_row(write_wav(tmp_path / "a.wav", noise(8_000)))
    manifest = write_manifest(tmp_path / "train.jsonl", [row, row, row])
    out = tmp_path / "store"
    run = run_melmill("extract", manifest, "--out", out, "--shard-size", "1B")
    assert run.exit_code == 0, run.stderr
    store = Store(out)
    files = collections.Counter(s["file"] for s in store.index["shards"])
    assert list(files.values()) == [3]
    assert len(store.rows()) == 3
