"""Data sets of Hugging Face become an archive and byte ranges."""

import sys
import tarfile
from pathlib import Path
from typing import Any

import datasets
import pyarrow
import pyarrow.parquet
import pytest
from converting import Convert, Json, bytes_of

pytest_plugins = ["convert_fixtures"]

SOUNDS = [
    (b"RIFF" + bytes(600), "a.wav", "wav"),
    (b"fLaC" + bytes(508), None, "flac"),
    (b"ID3" + bytes(5), "no suffix", "mp3"),
    (b"\0", "../x/b.M4A", "m4a"),
    (b"?", "c.way too long", "bin"),
]
FEATURES = datasets.Features(
    {
        "id": datasets.Value("int64"),
        "audio": {
            "bytes": datasets.Value("binary"),
            "path": datasets.Value("string"),
        },
        "sentence": datasets.Value("string"),
        "locale": datasets.Value("string"),
    }
)


def make_rows() -> list[Json]:
    return [
        {
            "id": number,
            "audio": {"bytes": data, "path": path},
            "sentence": f"é {number}",
            "locale": "sv-SE",
        }
        for number, (data, path, _) in enumerate(SOUNDS * 20)
    ]


def make_set(rows: list[Json]) -> Any:
    made = datasets.Dataset.from_list(rows, features=FEATURES)
    return made.cast_column("audio", datasets.Audio(decode=False))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The same rows as Parquet, in small groups, and as saved to disk."""
    made = make_set(make_rows())
    made.to_parquet(tmp_path / "a.parquet", batch_size=7)
    made.save_to_disk(tmp_path / "disk", num_shards=3)
    table = made.with_format("arrow")[:]
    with pyarrow.ipc.new_file(str(tmp_path / "b.arrow"), table.schema) as out:
        out.write_table(table)
    return tmp_path


@pytest.mark.parametrize(
    ("format_name", "source"),
    [("parquet", "a.parquet"), ("arrow", "disk"), ("arrow", "b.arrow")],
)
def test_audio_goes_into_an_archive(
    convert: Convert, folder: Path, format_name: str, source: str
) -> None:
    made = convert(format_name, source)
    assert made.code == 0, made.stderr
    assert [bytes_of(row) for row in made.rows] == [
        data for data, _, _ in SOUNDS * 20
    ]
    assert made.rows[3] == {
        "audio": "out.tar",
        "audio_offset": made.rows[3]["audio_offset"],
        "audio_bytes": 1,
        "text": "language Swedish<asr_text>é 3",
    }
    with tarfile.open("out.tar") as archive:
        members = archive.getmembers()
        assert [member.offset_data for member in members] == [
            row["audio_offset"] for row in made.rows
        ]
        suffixes = [member.name.split(".")[1] for member in members]
    assert suffixes == [suffix for _, _, suffix in SOUNDS * 20]
    # A second run replaces both; they are the same.
    first = (folder / "out.tar").read_bytes()
    assert convert(format_name, source).rows == made.rows
    assert (folder / "out.tar").read_bytes() == first


def test_rows_without_audio_or_text_are_rejected(
    convert: Convert, tmp_path: Path
) -> None:
    good, no_audio, no_text, named, empty = make_rows()[:5]
    no_audio["audio"] = None
    no_text["sentence"] = None
    named["audio"] = {"bytes": None, "path": "clips/a.wav"}
    empty["audio"] = {"bytes": b"", "path": None}
    (tmp_path / "set").mkdir()
    rows = [good, no_audio, no_text, named, empty]
    table = make_set(rows).with_format("arrow")[:]
    pyarrow.parquet.write_table(table, "set/a.parquet")
    made = convert("parquet", "set", "--max-rejects", "9")
    assert made.code == 0
    assert [row["audio"] for row in made.rows] == [
        *("out.tar", "set/clips/a.wav"),
    ]
    assert made.messages == [
        (2, "there is no audio"),
        (3, "there is no text (--no-text accepts this)"),
        (5, "the path of the audio is missing or no path"),
    ]


def test_a_file_in_the_way_of_the_archive_stays(
    convert: Convert, folder: Path
) -> None:
    (folder / "out.tar").write_text("mine")
    made = convert("parquet", "a.parquet")
    assert made.code == 2
    assert "out.tar is in the way" in made.stderr
    assert (folder / "out.tar").read_text() == "mine"
    assert not (folder / "out.jsonl").exists()


def test_no_old_manifest_speaks_of_a_new_archive(
    convert: Convert, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert convert("parquet", "a.parquet").code == 0

    def fail(*paths: str) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("melmill._convert.output.os.replace", fail)
    made = convert("parquet", "a.parquet")
    assert made.code == 4
    assert "Input/output error" in made.stderr
    assert not (folder / "out.jsonl").exists()


@pytest.mark.parametrize(
    ("columns", "flags", "message"),
    [
        ({"text": ["x"]}, [], "has not one with audio (bytes and path)"),
        (
            {"a": [{"bytes": b"", "path": ""}], "words": ["x"]},
            [],
            "has no column for the text; its columns are: words",
        ),
        (
            {n: [{"bytes": b"", "path": ""}] for n in "ab"},
            [],
            "such columns: a, b; all: a, b",
        ),
        (
            {"a": [{"bytes": b"", "path": ""}], "text": ["x"]},
            ["--audio-field", "text"],
            "has not column text with audio",
        ),
    ],
)
def test_missing_columns_are_named(
    convert: Convert,
    columns: dict[str, list[Any]],
    flags: list[str],
    message: str,
) -> None:
    pyarrow.parquet.write_table(pyarrow.table(columns), "a.parquet")
    made = convert("parquet", "a.parquet", *flags)
    assert made.code == 2
    assert message in made.stderr


def test_damaged_files_stop(convert: Convert, folder: Path) -> None:
    for name, kind in (("a.parquet", "parquet"), ("b.arrow", "arrow")):
        whole = (folder / name).read_bytes()
        for size in (len(whole) // 2, len(whole) - 3, 9):
            (folder / name).write_bytes(whole[:size])
            made = convert(kind, name)
            assert made.code == 2, (name, made)
            assert f"error: {name} cannot be read: " in made.stderr
            assert not list(folder.glob("out*"))


def test_checksums_of_pages_are_compared(
    convert: Convert, folder: Path
) -> None:
    table = make_set(make_rows()).with_format("arrow")[:]
    pyarrow.parquet.write_table(
        table, "a.parquet", compression="none", write_page_checksum=True
    )
    whole = (folder / "a.parquet").read_bytes()
    at = whole.index(b"fLaC" + bytes(300)) + 200
    damaged = whole[:at] + b"?" + whole[at + 1 :]
    (folder / "a.parquet").write_bytes(damaged)
    made = convert("parquet", "a.parquet")
    assert made.code == 2
    assert "a.parquet cannot be read: " in made.stderr


def test_pyarrow_is_asked_for(
    convert: Convert, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    made = convert("parquet", "a.parquet")
    assert made.code == 2
    assert "need the package pyarrow: pip install pyarrow" in made.stderr
