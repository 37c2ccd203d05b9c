"""Members of tar archives become byte ranges."""

import io
import json
import os
import random
import subprocess
import tarfile
from pathlib import Path

import pytest
from converting import Convert, bytes_of
from support import REPOSITORY

pytest_plugins = ["convert_fixtures"]

SHAR = REPOSITORY / "tests/fixtures/lhotse_cuts/shar"
LONG = "x" * 90 + "/" + "y" * 70 + "/" + "z" * 90


def write_tar(
    path: Path | str, members: dict[str, bytes], kind: int = tarfile.PAX_FORMAT
) -> None:
    with tarfile.open(path, "w", format=kind) as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


@pytest.mark.parametrize(
    "kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
)
def test_samples_of_web_datasets_are_read(convert: Convert, kind: int) -> None:
    """Sound and text of one key, whichever comes first."""
    long = LONG if kind != tarfile.USTAR_FORMAT else LONG[:160]
    members = {
        "a/0.wav": b"RIFF0",
        "a/0.txt": "\ufeffzero é\n".encode(),
        "a/0.seg.png": b"?",
        f"{long}1.TXT": b"one",
        f"{long}1.flac": b"fLaC" * 300,
        "2.json": b'{"sentence": "two", "lang": "de", "x": [1]}',
        "2.speech.mp3": b"",
        "._2.wav": b"of a Mac",
        "README": b"no sample",
        "é.opus": b"x" * 512,
        "é.json": b'{"text": "three"}',
        "é.txt": b"four",
    }
    write_tar("a.tar", members, kind)
    made = convert("tar", "a.tar", "--language", "fr")
    assert made.code == 0
    assert not made.rejects
    sounds = ["a/0.wav", f"{long}1.flac", "2.speech.mp3", "é.opus"]
    assert [bytes_of(row) for row in made.rows] == [
        members[name] for name in sounds
    ]
    texts = ["French<asr_text>zero é", "French<asr_text>one"]
    texts += ["German<asr_text>two", "French<asr_text>four"]
    assert [row["text"] for row in made.rows] == [
        f"language {text}" for text in texts
    ]
    assert [row["id"] for row in made.rows] == ["a/0", f"{long}1", "2", "é"]


@pytest.mark.parametrize("kind", ["v7", "ustar", "gnu", "oldgnu", "pax"])
def test_archives_of_gnu_tar_are_read(
    convert: Convert, tmp_path: Path, kind: str
) -> None:
    folder = tmp_path / "src" / ("d" * 60 if kind != "v7" else "d")
    folder.mkdir(parents=True)
    sounds = [bytes([number]) * number * 300 for number in range(4)]
    for number, sound in enumerate(sounds):
        name = f"{number}" if kind == "v7" else f"{'n' * 70}{number}"
        (folder / f"{name}.wav").write_bytes(sound)
        (folder / f"{name}.txt").write_text(f"{number}\n")
    os.symlink("x" * 90, folder / "link.wav")
    command = ["tar", "--sort=name", f"--format={kind}", "-cf", "a.tar"]
    subprocess.run([*command, "-C", "src", folder.name], check=True)
    made = convert("tar", "a.tar")
    assert [bytes_of(row) for row in made.rows] == sounds
    assert [row["text"] for row in made.rows] == list("0123")


def test_what_is_no_file_is_passed_over(convert: Convert) -> None:
    """Records of a whole archive, folders, and links that have a size."""
    with tarfile.open(
        "a.tar", "w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "x"}
    ) as archive:
        for name, kind in (
            ("folder", tarfile.DIRTYPE),
            ("link.wav", tarfile.LNKTYPE),
            ("fifo.wav", tarfile.FIFOTYPE),
            ("a.wav", tarfile.REGTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type = kind
            member.size = 700 if kind != tarfile.DIRTYPE else 0
            member.linkname = "folder/x"
            archive.addfile(member)
            if kind == tarfile.REGTYPE:
                archive.fileobj.write(b"x" * 1024)
    made = convert("tar", "a.tar", "--no-text")
    assert made.code == 0
    [row] = made.rows
    assert row["id"] == "a"
    assert bytes_of(row) == b"x" * 700


def test_large_members_have_their_size(convert: Convert) -> None:
    """Sizes of 12 octal digits and more, in sparse files."""
    size = (8 << 30) + 5
    for kind in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        member = tarfile.TarInfo("a.wav")
        member.size = size
        header = member.tobuf(kind)
        end = len(header) + size
        with open("a.tar", "wb") as file:
            file.write(header)
            file.seek(end + -end % 512)
            last = tarfile.TarInfo("b.wav")
            file.write(last.tobuf() + bytes(1024))
        made = convert("tar", "a.tar", "--no-text")
        parts = [(row["audio_offset"], row["audio_bytes"]) for row in made.rows]
        assert parts[0] == (len(header), size)
        assert parts[1] == (end + -end % 512 + 512, 0)


REJECTED = {
    "two_sounds": (
        {"b.wav": b"1", "b.flac": b"2", "b.txt": b"x"},
        "the sample has not one audio member: b.wav, b.flac, b.txt",
    ),
    "no_sound": ({"b.jpg": b"1"}, "the sample has not one audio member: b.jpg"),
    "no_text": ({"b.wav": b"1"}, "no text is next to the audio: b.wav"),
    "no_text_in_json": (
        {"b.wav": b"1", "b.json": b'{"words": "x"}'},
        "no text is next to the audio: b.wav, b.json",
    ),
    "list": ({"b.wav": b"1", "b.json": b"[1]"}, "no text is next"),
    "broken": ({"b.wav": b"1", "b.json": b"{"}, "is not JSON: b.json"),
    "deep": (
        {"b.wav": b"1", "b.json": b"[" * 100_000},
        "is not JSON: b.json",
    ),
    "number": ({"b.wav": b"1", "b.json": b'{"text": 3}'}, "not a string"),
    "utf_8": ({"b.wav": b"1", "b.txt": b"\xff"}, "is not UTF-8: b.txt"),
    "long": (
        {"b.wav": b"1", "b.txt": b"x" * ((16 << 20) + 1)},
        "a text is longer than 16 MiB: b.txt",
    ),
}


@pytest.mark.parametrize(
    ("members", "message"), REJECTED.values(), ids=list(REJECTED)
)
def test_other_samples_are_rejected(
    convert: Convert, members: dict[str, bytes], message: str
) -> None:
    good = {"a.wav": b"1", "a.txt": b"x"}
    write_tar("a.tar", good | members | {"c.wav": b"1", "c.txt": b"x"})
    made = convert("tar", "a.tar")
    assert made.code == 0
    assert [row["id"] for row in made.rows] == ["a", "c"]
    [(number, said)] = made.messages
    assert number == 2
    assert message in said


def good_tar() -> bytes:
    members = {f"{n}.{kind}": b"x" * 700 for n in range(3) for kind in
               ("wav", "txt")}  # fmt: skip
    write_tar("good.tar", members)
    return Path("good.tar").read_bytes()


def test_damaged_archives_stop(convert: Convert, tmp_path: Path) -> None:
    whole = good_tar()
    damaged = {
        "byte": (whole[:1540] + b"?" + whole[1541:], "no header at byte 1536"),
        "cut": (whole[:1000], "was cut off: it ends within 0.wav"),
        "cut_header": (whole[:1700], "no header at byte 1536"),
        "no_tar": (b"hello" * 1000, "is no tar archive: no header at byte 0"),
        "joined": (whole + whole, "holds several archives"),
    }
    for name, (data, message) in damaged.items():
        (tmp_path / "a.tar").write_bytes(data)
        made = convert("tar", "a.tar", "--no-text")
        assert made.code == 2, name
        assert message in made.stderr
        assert not made.rows
    (tmp_path / "a.tar").write_bytes(whole[: 512 * 3 * 4])
    made = convert("tar", "a.tar")
    assert made.code == 0
    assert "a.tar has no end mark" in made.stderr
    assert len(made.rows) == 2


def test_any_bytes_end_in_a_message(convert: Convert, tmp_path: Path) -> None:
    whole = good_tar()
    generator = random.Random(5)
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(generator.randrange(1, 4)):
            at = 512 * generator.randrange(0, 12) + generator.randrange(512)
            data[at] = generator.randrange(256)
        # Of a header that is damaged on purpose, the checksum fits.
        at = 512 * generator.choice([0, 3, 6])
        data[at + 124 + generator.randrange(12)] = generator.randrange(256)
        data[at + 156] = generator.choice(b"\x000157LKxgSVM")
        header = data[at : at + 148] + b" " * 8 + data[at + 156 : at + 512]
        data[at + 148 : at + 156] = b"%06o\0 " % sum(header)
        (tmp_path / "a.tar").write_bytes(data)
        made = convert("tar", "a.tar", "--no-text")
        assert made.code in (0, 2, 3)
        for row in made.rows:
            assert row["audio_offset"] + row["audio_bytes"] <= len(data)


def test_shar_of_lhotse_is_read(convert: Convert) -> None:
    """tests/fixtures/make_lhotse_cuts.py made it with lhotse."""
    made = convert("tar", SHAR)
    assert made.code == 0
    assert [row["text"] for row in made.rows] == [
        "language English<asr_text>words 1",
        *["language English<asr_text>words 0"] * 2,
    ]
    for row in made.rows:
        assert bytes_of(row)[:4] == b"fLaC"
        assert set(row) == {
            *("audio", "audio_offset", "audio_bytes", "text", "id"),
        }
    names = [row["id"] for row in made.rows]
    for tar, found in (("000000", names[:2]), ("000001", names[2:])):
        with tarfile.open(SHAR / f"recording.{tar}.tar") as archive:
            inside = archive.getnames()[::2]
        assert [f"{name}.flac" for name in found] == inside


def test_shar_must_fit_its_cuts(convert: Convert, tmp_path: Path) -> None:
    cut = {"id": "a", "type": "MonoCut", "recording": {}, "start": 0}
    cut |= {"duration": 1, "supervisions": []}

    def shar(names: list[str], ids: list[str]) -> None:
        write_tar("recording.000.tar", dict.fromkeys(names, b"1"))
        lines = "".join(json.dumps(cut | {"id": name}) + "\n" for name in ids)
        (tmp_path / "cuts.000.jsonl").write_text(lines)

    shar(["a.wav", "a.json", "b.nodata", "b.nometa"], ["a", "b"])
    made = convert("tar", "recording.000.tar", "--no-text")
    assert [row["id"] for row in made.rows] == ["a"]
    assert made.messages == [(2, "the cut has no audio: b")]
    shar(["a.wav", "a.json"], ["c"])
    made = convert("tar", "recording.000.tar", "--no-text")
    assert made.messages == [(1, "the member is not that of the cut: a.wav, c")]
    shar(["a.wav", "a.json"], ["a", "b"])
    made = convert("tar", "recording.000.tar", "--no-text")
    assert "recording.000.tar ends before the cuts" in made.stderr
    shar(["a.wav", "a.json", "b.wav", "b.json"], ["a"])
    made = convert("tar", "recording.000.tar", "--no-text")
    assert "recording.000.tar has more members" in made.stderr


def test_a_folder_is_all_of_its_archives(
    convert: Convert, tmp_path: Path
) -> None:
    (tmp_path / "d").mkdir()
    for name in ("b", "a"):
        write_tar(f"d/{name}.tar", {"1.wav": b"1", "1.txt": name.encode()})
    made = convert("tar", "d")
    assert [row["audio"] for row in made.rows] == ["d/a.tar", "d/b.tar"]
    assert convert("tar", "d/a.tar", "d/b.tar").rows == made.rows
