"""Fields that a store keeps are columns, each with one type."""

from pathlib import Path
from typing import Any

import melmill
import pytest
from melmill._view.columns import kind_of, of_kind
from support import extract, manifest_row, noise, write_manifest, write_wav

KEPT: list[dict[str, Any]] = [
    {"speaker": 7, "gain": 1, "mixed": "a", "tags": ["x"], "line": "first"},
    {"speaker": 8, "gain": 0.5, "mixed": 2, "tags": {}, "line": "second"},
    {"gain": None, "line": "third"},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("columns")
    text = "language English<asr_text>x"
    rows = []
    for number, kept in enumerate(KEPT):
        write_wav(folder / f"{number}.wav", noise(4000))
        rows.append(manifest_row(f"{number}.wav", text) | kept)
    write_manifest(folder / "a.jsonl", rows)
    keep = [flag for name in KEPT[0] for flag in ("--keep", name)]
    extract(folder / "store", "a.jsonl", *keep, cwd=folder)
    write_manifest(folder / "a.jsonl", rows[:1])
    extract(folder / "without", "a.jsonl", cwd=folder)
    return folder


@pytest.fixture(scope="module")
def split(folder: Path) -> melmill.Split:
    return melmill.open(folder / "store")["a"]


TYPED = {
    "speaker": [7, 8, None],
    "gain": [1.0, 0.5, None],
    "mixed": ['"a"', "2", None],
    "tags": ['["x"]', "{}", None],
    "keep_line": ["first", "second", "third"],
}


def test_pandas_has_kept_fields_as_they_are(split: melmill.Split) -> None:
    pandas = pytest.importorskip("pandas")
    frame = split.to_pandas()
    assert frame.speaker[:2].tolist() == [7, 8]
    assert pandas.isna(frame.speaker[2])
    assert frame.mixed.tolist() == ["a", 2, None]
    assert frame.tags.tolist() == [["x"], {}, None]
    assert frame.keep_line.tolist() == ["first", "second", "third"]
    assert frame.line.tolist() == [1, 2, 3]
    chosen = split[frame.query("speaker == 8").index]
    assert [row.audio for row in chosen] == ["1.wav"]
    assert list(split[frame.gain > 0.6]) == [split[0]]


def test_arrow_has_a_type_for_each_column(split: melmill.Split) -> None:
    pytest.importorskip("pyarrow")
    table = split.to_arrow()
    for name, values in TYPED.items():
        assert table[name].to_pylist() == values, name
    assert str(table.schema.field("speaker").type) == "int64"
    assert str(table.schema.field("gain").type) == "double"
    assert table["audio"].to_pylist() == ["0.wav", "1.wav", "2.wav"]
    assert table["language"].to_pylist() == ["English"] * 3
    assert table["duration_s"].to_pylist() == [0.25] * 3


def test_a_stream_has_kept_fields(split: melmill.Split) -> None:
    datasets = pytest.importorskip("datasets")
    stream = split.to_hf_dataset()
    assert stream.features["speaker"] == datasets.Value("int64")
    examples = list(stream)
    for name, values in TYPED.items():
        assert [example[name] for example in examples] == values, name


def test_rows_of_a_store_that_keeps_less_have_none(folder: Path) -> None:
    pytest.importorskip("pandas")
    both = melmill.open([folder / "without", folder / "store"])["a"]
    assert both.kept("speaker") == [None, 7, 8, None]
    assert both.to_pandas().mixed.tolist() == [None, "a", 2, None]
    speakers = [example["speaker"] for example in both.to_hf_dataset()]
    assert speakers == [None, 7, 8, None]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([True, None], "bool"),
        ([True, 1], None),
        ([1, 2**63], None),
        ([1.5, -(2**63)], "float64"),
        ([None], "string"),
        ([1, "1"], None),
        ([[1]], None),
    ],
)
def test_fields_have_one_type_or_are_json(
    values: list[Any], kind: str | None
) -> None:
    assert kind_of(values) == kind


def test_json_keeps_letters() -> None:
    assert of_kind({"name": "Zoë"}, None) == '{"name": "Zoë"}'
