"""CSV and TSV tables become rows."""

from pathlib import Path

import pytest
from converting import Convert

pytest_plugins = ["convert_fixtures"]

COMMON_VOICE = (
    "client_id\tpath\tsentence\tup_votes\tlocale\n"
    'a\tclip0.mp3\t"unbalanced\t1\tde\n'
    "b\tclip1.mp3\the said ''no\"\t\tzh-HK\n"
    "c\t/x/clip2.mp3\tplain\t\t\n"
)


def test_quotes_of_common_voice_mean_nothing(
    convert: Convert, tmp_path: Path
) -> None:
    (tmp_path / "cv/de").mkdir(parents=True)
    (tmp_path / "cv/de/train.tsv").write_text(COMMON_VOICE)
    made = convert("tsv", "cv/de/train.tsv", "--language", "German")
    assert made.code == 0
    assert made.rows == [
        {
            "audio": "cv/de/clips/clip0.mp3",
            "text": 'language German<asr_text>"unbalanced',
        },
        {
            "audio": "cv/de/clips/clip1.mp3",
            "text": "language Cantonese<asr_text>he said ''no\"",
        },
        {"audio": "/x/clip2.mp3", "text": "language German<asr_text>plain"},
    ]


def test_metadata_of_hugging_face_is_read(
    convert: Convert, tmp_path: Path
) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set/metadata.csv").write_text(
        "\ufeffFile_Name,transcription,speaker\r\n"
        'a.wav,"hello, ""you""\nand you",1\r\n'
        "\r\n"
        "b/c.wav,,2\r\n"
    )
    made = convert("csv", "set/metadata.csv")
    assert made.code == 0
    assert made.rows == [
        {"audio": "set/a.wav", "text": 'hello, "you"\nand you'},
        {"audio": "set/b/c.wav", "text": ""},
    ]


def test_audio_is_found_where_it_is(convert: Convert, tmp_path: Path) -> None:
    (tmp_path / "set/clips").mkdir(parents=True)
    (tmp_path / "set/clips/a.wav").touch()
    (tmp_path / "b.wav").touch()
    (tmp_path / "root").mkdir()
    table = "path,text\na.wav,x\nb.wav,y\nc.wav,z\n"
    (tmp_path / "set/t.csv").write_text(table)
    made = convert("csv", "set/t.csv")
    audio = ["set/clips/a.wav", "b.wav", "set/c.wav"]
    assert [row["audio"] for row in made.rows] == audio
    made = convert("csv", "set/t.csv", "--audio-root", "root")
    audio = ["root/a.wav", "root/b.wav", "root/c.wav"]
    assert [row["audio"] for row in made.rows] == audio


def test_rows_that_do_not_fit_are_rejected(
    convert: Convert, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_bytes(
        b'path,text\na.wav,"two\nlines"\nb.wav\nc.wav,x,y\n,x\nd\0.wav,x\n'
        b"e.wav,\xff\nf.wav,last\n"
    )
    made = convert("csv", "t.csv", "--max-rejects", "9")
    assert made.code == 0
    assert [row["audio"] for row in made.rows] == ["a.wav", "f.wav"]
    length = "the row and the header differ in length"
    assert made.messages == [
        (4, f"{length}: 1 fields, not 2"),
        (5, f"{length}: 3 fields, not 2"),
        (6, "the path of the audio is missing or no path"),
        (7, "the path of the audio is missing or no path"),
        (8, "the path or the text is not UTF-8"),
    ]


def test_a_quote_that_never_ends_is_no_memory(
    convert: Convert, tmp_path: Path
) -> None:
    with (tmp_path / "t.csv").open("w") as file:
        file.write('path,text\na.wav,"never ends\n')
        for _ in range(17):
            file.write(("x" * 1023 + "\n") * 1024)
    made = convert("csv", "t.csv", "--max-rejects", "100%")
    assert made.code == 3
    assert "not written" in made.stdout
    assert made.messages[0][1].startswith("no CSV: field larger than")


@pytest.mark.parametrize(
    ("header", "flags", "message"),
    [
        (
            "id,words",
            [],
            "t.csv has no column for the audio; its columns are: id, words\n"
            "  name one with --audio-field NAME\n",
        ),
        (
            "path,words",
            [],
            "t.csv has no column for the text; its columns are: path, words\n"
            "  name one with --text-field NAME, or give --no-text\n",
        ),
        (
            "path,words",
            ["--text-field", "word"],
            "t.csv has not the column word; its columns are: path, words\n",
        ),
        ("path,text", ["--language-field", "x"], "has not the column x"),
        ("", [], "its columns are: none"),
    ],
)
def test_missing_columns_are_named(
    convert: Convert,
    tmp_path: Path,
    header: str,
    flags: list[str],
    message: str,
) -> None:
    (tmp_path / "t.csv").write_text(f"{header}\n1,2\n")
    made = convert("csv", "t.csv", *flags)
    assert made.code == 2
    assert message in made.stderr
    assert not (tmp_path / "out.jsonl").exists()


def test_columns_can_be_named(convert: Convert, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("path,text,wav2,l\nx,y,a.wav,ja\n")
    flags = ["--audio-field", "wav2", "--language-field", "l"]
    made = convert("csv", "t.csv", *flags)
    text = "language Japanese<asr_text>y"
    assert made.rows == [{"audio": "a.wav", "text": text}]
    made = convert("csv", "t.csv", "--text-field", "wav2", "--no-text")
    assert made.rows == [{"audio": "x", "text": "a.wav"}]
