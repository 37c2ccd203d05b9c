"""Sources of melmill.extract become manifests and archives."""

import decimal
import json
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas
import pytest
from file_state import state
from melmill._extract.source import SourceFolder
from store_reading import run_python
from support import read_json_lines

SOUNDS = [b"RIFF" + bytes(600), b"fLaC" + bytes(508), b"?"]
Manifests = Callable[[Any], list[str]]


@pytest.fixture
def manifests(tmp_path: Path) -> Manifests:
    def make(source: Any, audio_field: str = "audio") -> list[str]:
        folder = SourceFolder(str(tmp_path / "s"), audio_field, lambda: None)
        return folder.manifests(source)

    return make


def lines_of(argument: str) -> list[dict[str, Any]]:
    return read_json_lines(Path(argument.partition("=")[2]))


def bytes_of(line: dict[str, Any]) -> bytes:
    data = Path(line["audio"]).read_bytes()
    begin = line["audio_offset"]
    return data[begin : begin + int(line["audio_bytes"])]


def test_paths_are_manifests(manifests: Manifests, tmp_path: Path) -> None:
    assert manifests("a.jsonl") == ["a.jsonl"]
    assert manifests([Path("a.jsonl"), "x=b.jsonl"]) == ["a.jsonl", "x=b.jsonl"]
    assert manifests({"a b": Path("c.jsonl")}) == ["a b=c.jsonl"]
    assert not (tmp_path / "s").exists()


def test_dicts_are_lines(manifests: Manifests, tmp_path: Path) -> None:
    rows = [
        {"audio": Path("é/a.wav"), "text": "é", "offset": np.float32(1.5)},
        {"audio": None, "speaker": np.int64(3), "tags": np.array([1, 2])},
        {"price": decimal.Decimal("1.5"), "none": None},
        {"audio": "\udcff.wav"},
    ]
    (argument,) = manifests(rows)
    assert argument == f"train={tmp_path}/s/train.jsonl"
    written = (tmp_path / "s" / "train.jsonl").read_bytes().split(b"\n")
    assert [json.loads(line) for line in written[:3]] == [
        {"audio": "é/a.wav", "text": "é", "offset": 1.5},
        {"audio": None, "speaker": 3, "tags": [1, 2]},
        {"price": "1.5", "none": None},
    ]
    assert "é".encode() in written[0]
    assert len(written) == 5


@pytest.mark.parametrize(
    "wrap",
    [
        lambda data: data,
        lambda data: {"bytes": data, "path": None},
        bytearray,
    ],
)
def test_bytes_go_into_an_archive(
    manifests: Manifests, tmp_path: Path, wrap: Callable[[bytes], object]
) -> None:
    rows: list[dict[str, Any]] = [{"audio": wrap(data)} for data in SOUNDS]
    rows.insert(1, {"audio": {"bytes": None, "path": "b.wav"}, "text": "x"})
    lines = lines_of(manifests({"dev": rows})[0])
    assert lines.pop(1) == {"audio": "b.wav", "text": "x"}
    assert [bytes_of(line) for line in lines] == SOUNDS
    assert {line["audio"] for line in lines} == {str(tmp_path / "s/dev.tar")}
    with tarfile.open(tmp_path / "s" / "dev.tar") as archive:
        names = archive.getnames()
    assert [name.split(".")[1] for name in names] == ["wav", "flac", "bin"]


def test_audio_of_no_bytes_is_a_line(manifests: Manifests) -> None:
    """The program rejects it."""
    rows = [
        {"audio": b""},
        {"audio": {"bytes": b"", "path": None}},
        {"audio": {"bytes": b"", "path": "a.wav"}},
    ]
    empty, also, path = lines_of(manifests(rows)[0])
    assert empty["audio_bytes"] == also["audio_bytes"] == 0
    assert path == {"audio": "a.wav"}


def test_numbers_that_json_does_not_have_are_left_out(
    manifests: Manifests,
) -> None:
    rows = [
        {"audio": "a.wav", "score": float("nan"), "gain": np.float32(np.inf)}
    ]
    assert lines_of(manifests(rows)[0]) == [{"audio": "a.wav"}]


def test_a_folder_of_the_user_is_kept(
    manifests: Manifests, tmp_path: Path
) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "train.jsonl").write_text("mine")
    with pytest.raises(ValueError, match="melmill did not make this folder"):
        manifests([{"audio": "a.wav"}])
    assert (tmp_path / "s" / "train.jsonl").read_text() == "mine"
    assert len(list((tmp_path / "s").iterdir())) == 1


def test_the_same_bytes_leave_the_archive(
    manifests: Manifests, tmp_path: Path
) -> None:
    rows = [{"audio": data} for data in SOUNDS]
    first = manifests(rows)
    before = state(tmp_path / "s" / "train.tar")
    assert manifests(rows) == first
    assert state(tmp_path / "s" / "train.tar") == before


def test_a_frame_has_no_missing_values(manifests: Manifests) -> None:
    frame = pandas.DataFrame(
        {
            "audio": ["a.wav", None, "c.wav"],
            "text": ["x", "y", pandas.NA],
            "offset": [1.5, float("nan"), 0.25],
            "when": [pandas.NaT, pandas.Timestamp("2026-01-02"), pandas.NaT],
            "number": [1, 2, 3],
        },
        index=[5, 6, 7],
    )
    assert lines_of(manifests(frame)[0]) == [
        {"audio": "a.wav", "text": "x", "offset": 1.5, "number": 1},
        {"text": "y", "when": "2026-01-02 00:00:00", "number": 2},
        {"audio": "c.wav", "offset": 0.25, "number": 3},
    ]


def test_a_data_set_is_not_decoded(manifests: Manifests) -> None:
    made = datasets.Dataset.from_dict(
        {
            "sound": [
                {"bytes": SOUNDS[0], "path": "x.wav"},
                {"bytes": None, "path": "/a/b.wav"},
                None,
            ],
            "sentence": ["x", "y", None],
            "blob": [b"1", b"2", b"3"],
            "list": [[1], [2], [3]],
        },
        split="validation",
    ).cast_column("sound", datasets.Audio())
    folder = Path(manifests([{"audio": "a"}])[0].partition("=")[2]).parent
    sources = SourceFolder(str(folder), "sound", lambda: None)
    (argument,) = sources.manifests(made.with_format("numpy"))
    assert argument == f"validation={folder}/validation.jsonl"
    first, second, third = lines_of(argument)
    assert bytes_of(first | {"audio": first["sound"]}) == SOUNDS[0]
    assert first["sentence"] == "x"
    assert second == {"sound": "/a/b.wav", "sentence": "y"}
    assert third == {"sound": None, "sentence": None}


def test_a_stream_is_not_decoded(manifests: Manifests) -> None:
    made = datasets.Dataset.from_dict(
        {
            "audio": [{"bytes": data, "path": None} for data in SOUNDS],
            "text": ["x", "y", "z"],
            "blob": [b"1", b"2", b"3"],
        }
    ).cast_column("audio", datasets.Audio())
    stream = made.to_iterable_dataset()
    lines = lines_of(manifests(stream.with_format("numpy"))[0])
    assert [bytes_of(line) for line in lines] == SOUNDS
    assert [line["text"] for line in lines] == ["x", "y", "z"]
    splits = datasets.IterableDatasetDict(dev=stream.take(1))
    assert len(lines_of(manifests(splits)[0])) == 1


def test_a_stream_of_unknown_columns_gives_its_rows(
    manifests: Manifests,
) -> None:
    rows = [{"audio": "a.wav", "text": "x"}, {"audio": {"bytes": SOUNDS[0]}}]
    stream = datasets.IterableDataset.from_generator(lambda: iter(rows))
    first, second = lines_of(manifests(stream.with_format("numpy"))[0])
    assert first == rows[0]
    assert bytes_of(second) == SOUNDS[0]


class Decoder:
    """As datasets has it, of torchcodec."""

    def get_all_samples(self) -> None: ...


@pytest.mark.parametrize(
    "audio", [Decoder(), np.zeros(9), {"array": np.zeros(9), "path": None}]
)
def test_decoded_audio_is_refused(manifests: Manifests, audio: object) -> None:
    stream = datasets.IterableDataset.from_generator(
        lambda: iter([{"audio": "a.wav"}, {"audio": audio}])
    )
    with pytest.raises(
        TypeError,
        match=r"row 2 of split train: .*\(decode=False\)\), before map",
    ):
        manifests(stream)
    array = {"array": np.zeros(9), "path": "a.wav"}
    lines = lines_of(manifests([{"audio": array}])[0])
    assert lines == [{"audio": "a.wav"}]


def test_splits_have_names(manifests: Manifests) -> None:
    made = datasets.Dataset.from_dict({"audio": ["a.wav"]}, split="a+b")
    splits = datasets.DatasetDict({"x": made, "y.1": made})
    assert [argument.split("=")[0] for argument in manifests(splits)] == [
        *("x", "y.1"),
    ]
    assert manifests(made)[0].startswith("train=")


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ([], ValueError, "split train has no rows"),
        ({}, ValueError, "the dict is empty"),
        ({"a.b": "x", "a b": "y"}, ValueError, "would have one name"),
        (5, TypeError, "cannot make a store of a int; give the path"),
        ([{"audio": "a"}, "b"], TypeError, "row 2 of split train is a str"),
        ([{"audio": "a", "x": b"b"}], TypeError, "row 1 of split train: a fie"),
        ({"a": ["x", "y"]}, TypeError, "row 1 of split a is a str, not a dict"),
    ],
)
def test_what_cannot_be_used_is_named(
    manifests: Manifests,
    tmp_path: Path,
    source: Any,
    kind: type[Exception],
    message: str,
) -> None:
    with pytest.raises(kind, match=message):
        manifests(source)
    made = {path.name for path in tmp_path.rglob("*.*")}
    assert made <= {".melmill"}


def test_nothing_large_is_imported(tmp_path: Path) -> None:
    code = """
import sys
from melmill._extract.source import SourceFolder
SourceFolder(sys.argv[1], "audio", print).manifests([{"audio": "a.wav"}])
print(*sys.modules)
"""
    imported = set(run_python(code, tmp_path).split())
    assert "melmill._extract.source" in imported
    assert not imported & {"pandas", "datasets", "pyarrow", "tqdm", "torch"}
    assert "pandas" in sys.modules  # of this test
