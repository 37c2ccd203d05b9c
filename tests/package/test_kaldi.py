"""Data folders of Kaldi become rows, and no command of theirs is run."""

import os
import random
from pathlib import Path

import pytest
from converting import Convert, bytes_of
from support import noise, write_wav

pytest_plugins = ["convert_fixtures"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder for files of Kaldi."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def write(folder: Path, **files: str) -> None:
    for name, content in files.items():
        path = folder / name.replace("wav_scp", "wav.scp")
        path.write_bytes(content.encode(errors="surrogateescape"))


def test_utterances_are_joined_in_any_order(
    convert: Convert, data: Path
) -> None:
    ids = [f"utt{number}" for number in range(300)]
    texts = [f"{name} words  of {name}\n" for name in ids]
    random.Random(1).shuffle(texts)
    write(
        data,
        wav_scp="".join(f"{name}  clips/{name} a.wav \n" for name in ids),
        text="".join(texts),
        utt2lang="utt1\tde\nutt0 xx\n",
    )
    made = convert("kaldi", "data", "--language", "en")
    assert made.code == 0
    assert not made.rejects
    assert [row["id"] for row in made.rows] == ids
    assert made.rows[1] == {
        "audio": "clips/utt1 a.wav",
        "text": "language German<asr_text>words  of utt1",
        "id": "utt1",
    }
    assert made.rows[0]["text"] == "words  of utt0"
    assert made.rows[2]["text"] == "language English<asr_text>words  of utt2"
    assert "without a language: 1 text. For Qwen3-ASR" in made.stderr
    assert convert("kaldi", "data/wav.scp", "--language", "en") == made


def test_audio_at_urls_stays_and_archives_there_do_not(
    convert: Convert, data: Path
) -> None:
    write(
        data,
        wav_scp="a https://h/a.wav\nb wget -O - https://h/b.wav |\n"
        "c s3://b/c.ark:123\n",
        text="a x\nb x\nc x\n",
    )
    made = convert("kaldi", "data", "--max-rejects", "2")
    assert [row["audio"] for row in made.rows] == ["https://h/a.wav"]
    assert made.messages == [
        (2, "a command, which is never run: wget -O - https://h/b.wav |"),
        (3, "the archive is at a URL: copy it here: s3://b/c.ark:123"),
    ]


def test_segments_have_their_times(convert: Convert, data: Path) -> None:
    write(
        data,
        wav_scp="r1 a.flac\nr2 /b.flac\n",
        segments="u1 r1 0 1.25\nu2 r2 0.1 1e1\nu3 r1 2 3\nu4 r9 1 2\n"
        "u5 r1 2 1\nu6 r1 -1 1\nu7 r1 1 -1\nu8 r1 nan 1\nu9 r1 1 inf\n"
        "v1 r1 1 2 0\nv2 r1 1\nv3 r1 x 2\n",
        text="u1 one\nu2 two\n" + "".join(f"u{n} x\n" for n in range(4, 10)),
    )
    made = convert("kaldi", "data", "--max-rejects", "100%")
    assert made.code == 0
    assert made.rows == [
        {
            "audio": "a.flac",
            "start": 0.0,
            "end": 1.25,
            "text": "one",
            "id": "u1",
        },
        {
            "audio": "/b.flac",
            "start": 0.1,
            "end": 10.0,
            "text": "two",
            "id": "u2",
        },
    ]
    assert made.stdout.endswith("out.jsonl --out features/ --segments\n")
    assert [number for number, _ in made.messages] == list(range(3, 13))
    reasons = [message.partition(":")[0] for _, message in made.messages]
    assert reasons == [
        "text does not have the utterance",
        "wav.scp does not have the recording",
        *["the times of the segment are impossible"] * 5,
        "the segment is one channel, and melmill uses the mean of all",
        "a line of segments has not four fields",
        "the times of the segment are impossible",
    ]
    assert "6 lines of data/text have no audio" in made.stderr


def test_commands_are_reported_and_not_run(
    convert: Convert, data: Path, tmp_path: Path
) -> None:
    write(
        data,
        wav_scp="u1 touch ran; cat a.wav |\nu2 | touch ran\nu3 -\nu4 a.wav\n",
        text="".join(f"u{number} x\n" for number in range(1, 5)),
    )
    made = convert("kaldi", "data")
    assert made.code == 3
    assert not (tmp_path / "ran").exists()
    assert made.messages == [
        (1, "a command, which is never run: touch ran; cat a.wav |"),
        (2, "a command, which is never run: | touch ran"),
        (3, "the audio is standard input: -"),
    ]
    assert [row["id"] for row in made.rows] == ["u4"]


def test_entries_of_arks_become_byte_ranges(
    convert: Convert, data: Path, tmp_path: Path
) -> None:
    """As Kaldi writes them, and as kaldiio 2.18 writes FLAC."""
    sounds = []
    for number, container in enumerate(("WAV", "RIFX", "FLAC")):
        path = tmp_path / "sound"
        endian = "BIG" if container == "RIFX" else "FILE"
        kind = "FLAC" if container == "FLAC" else "WAV"
        write_wav(path, noise(200 + number), 8000, "PCM_16", kind, endian)
        sounds.append(path.read_bytes())
    flac = b"AUDIO\x02" + len(sounds[2]).to_bytes(2, "little") + sounds[2]
    ark, scp = b"", ""
    for number, entry in enumerate([*sounds[:2], flac]):
        ark += f"u{number} ".encode()
        scp += f"u{number} data/a b.ark:{len(ark)}\n"
        ark += entry
    (data / "a b.ark").write_bytes(ark)
    write(data, wav_scp=scp, text="u0 zero\nu1 one\nu2 two\n")
    made = convert("kaldi", "data", "--language", "en")
    assert made.code == 0
    assert [bytes_of(row) for row in made.rows] == sounds
    assert made.rows[0]["audio"] == "data/a b.ark"
    assert made.rows[0]["audio_offset"] == 3


def wav_header(size: int) -> bytes:
    return b"RIFF" + size.to_bytes(4, "little") + b"WAVEfmt "


ARKS = {
    "cut_off": (wav_header(36), "the archive is cut off: 44 bytes"),
    "stream": (wav_header(0xFFFFFFFF), "has no size: 4294967295"),
    "no_size": (wav_header(0), "has no size: 0"),
    "features": (b"\0BFM \x04", r"no WAV file begins there"),
    "flac": (b"fLaC" + bytes(50), "no WAV file begins there"),
    "audio_cut_off": (b"AUDIO\x01\xff" + bytes(20), "is cut off: 255 bytes"),
    "audio_lies": (b"AUDIO\x08" + b"\xff" * 20, "the archive is cut off"),
    "audio_ends_early": (b"AUDIO\x01\x14" + bytes(15), "20 bytes from byte"),
    "empty": (b"", "no WAV file begins there"),
}


@pytest.mark.parametrize(("entry", "message"), ARKS.values(), ids=list(ARKS))
def test_other_entries_are_rejected(
    convert: Convert, data: Path, entry: bytes, message: str
) -> None:
    (data / "x.ark").write_bytes(b"u1 " + entry)
    write(data, wav_scp="u1 data/x.ark:3\nu2 a.wav\n", text="u1 a\nu2 b\n")
    made = convert("kaldi", "data")
    [(number, said)] = made.messages
    assert number == 1
    assert message in said


def test_arks_that_cannot_be_opened_are_rejected(
    convert: Convert, data: Path
) -> None:
    os.mkfifo(data / "fifo.ark")
    write(
        data,
        wav_scp="u1 gone.ark:3\nu2 data/fifo.ark:3\nu3 data:4\nu4 a.wav\n",
        text="".join(f"u{number} x\n" for number in range(1, 5)),
    )
    made = convert("kaldi", "data")
    assert [message for _, message in made.messages] == [
        "the archive cannot be opened: No such file or directory: gone.ark:3",
        "the archive is not a file: data/fifo.ark:3",
        "the archive is not a file: data:4",
    ]


def test_ids_that_stand_twice_are_rejected(
    convert: Convert, data: Path
) -> None:
    write(data, wav_scp="u1 a.wav\nu2 b.wav\n", text="u1 a\nu1 b\nu2 c\n")
    made = convert("kaldi", "data")
    assert made.messages == [(1, "data/text has the id several times: u1")]


def test_names_that_are_not_utf_8_are_rejected(
    convert: Convert, data: Path
) -> None:
    write(data, wav_scp="u1 \udcff.wav\nu2 a.wav\n", text="u1 a\nu2 b\n")
    made = convert("kaldi", "data")
    assert made.messages == [(1, "the path or the text is not UTF-8")]


def test_text_may_be_missing_on_demand(convert: Convert, data: Path) -> None:
    write(data, wav_scp="u1 a.wav\n")
    assert "data has no text (--no-text accepts it)" in (
        convert("kaldi", "data").stderr
    )
    made = convert("kaldi", "data", "--no-text")
    assert made.rows == [{"audio": "a.wav", "id": "u1"}]
    (data / "wav.scp").unlink()
    assert "data has no wav.scp" in convert("kaldi", "data").stderr
