"""Rows that are members of archives, read without unpacking them."""

import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from support import (
    Store,
    extract,
    files_of,
    manifest_row,
    noise,
    run_melmill,
    write_manifest,
    write_wav,
)

Json = dict[str, object]
Members = dict[str, bytes]


@pytest.fixture
def clips(tmp_path: Path) -> Members:
    """Clips of all sorts in the working folder, and their bytes."""
    (tmp_path / "clips").mkdir()
    clips = {}
    for number in range(12):
        rate = (8000, 16_000, 44_100, 48_000)[number % 4]
        samples = noise(rate // 2 + 977 * number, seed=number)
        if number % 3 == 0:
            samples = np.stack([samples, samples[::-1]], axis=1)
        subtype = ("PCM_16", "PCM_24", "FLOAT")[number % 3]
        name = f"clips/{number}.wav"
        path = write_wav(tmp_path / name, samples, rate, subtype)
        clips[name] = path.read_bytes()
    return clips


def make_tar(path: Path, members: Members) -> dict[str, int]:
    """The offset of each member."""
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            # Long names take blocks of their own.
            info = tarfile.TarInfo(f"{'long/' * 30}{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    with tarfile.open(path) as archive:
        infos = archive.getmembers()
    return {
        name: info.offset_data
        for name, info in zip(members, infos, strict=True)
    }


def make_zip(path: Path, members: Members) -> dict[str, int]:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        offsets = {}
        for info in archive.infolist():
            # The local header has 30 bytes, then a name and more fields.
            content = path.read_bytes()
            lengths = struct.unpack_from(
                "<HH", content, info.header_offset + 26
            )
            offsets[info.filename] = info.header_offset + 30 + sum(lengths)
    return offsets


def make_ark(path: Path, members: Members) -> dict[str, int]:
    """Kaldi's wav.ark: a key and a space before each file, and no padding."""
    offsets = {}
    with path.open("wb") as archive:
        for name, content in members.items():
            archive.write(name.encode() + b" ")
            offsets[name] = archive.tell()
            archive.write(content)
    return offsets


ARCHIVES: dict[str, Callable[[Path, Members], dict[str, int]]] = {
    "tar": make_tar,
    "zip": make_zip,
    "ark": make_ark,
}


def row_of_range(archive: str, offset: int, num_bytes: int) -> Json:
    fields = {"audio_offset": offset, "audio_bytes": num_bytes}
    return manifest_row(archive) | fields


@pytest.mark.parametrize("kind", ARCHIVES)
def test_members_equal_their_files(
    kind: str, clips: Members, tmp_path: Path
) -> None:
    name = f"all.{kind}"
    offsets = ARCHIVES[kind](tmp_path / name, clips)
    assert any(offset % 2 for offset in offsets.values()) == (kind != "tar")
    files = [manifest_row(clip) for clip in clips]
    members = [
        row_of_range(name, offsets[clip], len(content))
        for clip, content in clips.items()
    ]
    write_manifest(tmp_path / "files.jsonl", files)
    write_manifest(tmp_path / "members.jsonl", members)
    plain = extract(tmp_path / "plain", "files.jsonl", cwd=tmp_path)
    store = extract(tmp_path / "store", "members.jsonl", cwd=tmp_path)
    assert store.index["format"]["major"] == 2
    for row, member in zip(plain.rows(), store.rows(), strict=True):
        assert row.features.tobytes() == member.features.tobytes()
        assert row.tail_samples.tobytes() == member.tail_samples.tobytes()
        assert row.floor == member.floor
    with h5py.File(tmp_path / "store" / "members.rows.h5") as table:
        assert table["range_offset"][:].tolist() == list(offsets.values())
        assert table["range_bytes"][:].tolist() == list(
            map(len, clips.values())
        )
        assert not table["segment_num_samples"][:].any()
    run = run_melmill("verify", "store", "--against-audio", "99", cwd=tmp_path)
    assert run.exit_code == 0, run.text
    run = run_melmill("validate", "members.jsonl", cwd=tmp_path)
    assert "\n12 rows are pieces of 1 file\n" in run.stdout
    assert not run.stderr


def test_a_segment_is_of_the_file_in_the_range(
    clips: Members, tmp_path: Path
) -> None:
    offsets = make_tar(tmp_path / "a.tar", clips)
    fields = {"offset": 0.125, "duration": 0.25}
    write_manifest(
        tmp_path / "file.jsonl", [manifest_row("clips/6.wav") | fields]
    )
    member = clips["clips/6.wav"]
    row = row_of_range("a.tar", offsets["clips/6.wav"], len(member)) | fields
    write_manifest(tmp_path / "member.jsonl", [row])
    (plain,) = extract(tmp_path / "plain", "file.jsonl", cwd=tmp_path).rows()
    (piece,) = extract(tmp_path / "store", "member.jsonl", cwd=tmp_path).rows()
    assert plain.features.tobytes() == piece.features.tobytes()


def test_an_archive_may_grow(clips: Members, tmp_path: Path) -> None:
    some = dict(list(clips.items())[:6])
    offsets = make_ark(tmp_path / "a.ark", some)
    rows = [
        row_of_range("a.ark", offsets[clip], len(content))
        for clip, content in some.items()
    ]
    write_manifest(tmp_path / "train.jsonl", rows)
    extract(tmp_path / "store", "train.jsonl", cwd=tmp_path)
    before = files_of(tmp_path / "store")
    assert make_ark(tmp_path / "a.ark", clips).items() >= offsets.items()
    run = run_melmill("extract", "train.jsonl", "--out", "store", cwd=tmp_path)
    assert run.exit_code == 0, run.text
    assert "nothing to do" in run.stdout
    assert files_of(tmp_path / "store") == before


def test_a_member_that_changes_is_seen(clips: Members, tmp_path: Path) -> None:
    offsets = make_tar(tmp_path / "a.tar", clips)
    rows = [
        row_of_range("a.tar", offsets[clip], len(content))
        for clip, content in clips.items()
    ]
    write_manifest(tmp_path / "train.jsonl", rows)
    extract(tmp_path / "store", "train.jsonl", cwd=tmp_path)
    content = bytearray((tmp_path / "a.tar").read_bytes())
    content[offsets["clips/7.wav"] + 5000] ^= 1
    (tmp_path / "a.tar").write_bytes(content)
    flags = ["--out", "store", "--rehash"]
    run = run_melmill("extract", "train.jsonl", *flags, cwd=tmp_path)
    assert run.exit_code == 2
    assert (
        "1 file with other audio of the same size:\n  train line 8"
        in run.stdout
    )


RANGES: dict[str, tuple[Json, str, str]] = {
    "behind the end": (
        {"audio_offset": 50_000, "audio_bytes": 100},
        "range_outside",
        "the range of 100 bytes from byte 50000 on is not in the file, which "
        "has 32556 bytes",
    ),
    "longer than the file": (
        {"audio_offset": 512, "audio_bytes": 32_045},
        "range_outside",
        "the range of 32045 bytes from byte 512 on is not in the file, which "
        "has 32556 bytes",
    ),
    "huge": (
        {"audio_offset": 2**63 - 1, "audio_bytes": 2**63 - 1},
        "range_outside",
        "the range of 9223372036854775807 bytes from byte 9223372036854775807 "
        "on is not in the file, which has 32556 bytes",
    ),
    "cuts the member's end": (
        {"audio_offset": 512, "audio_bytes": 30_000},
        "truncated",
        "the data chunk claims 32000 bytes, 29956 are there",
    ),
    "cuts the member's beginning": (
        {"audio_offset": 513, "audio_bytes": 32_043},
        "not_wav",
        "",
    ),
    "is too small for a header": (
        {"audio_offset": 512, "audio_bytes": 11},
        "truncated",
        "",
    ),
    "takes what is before it": (
        {"audio_offset": 0, "audio_bytes": 32_556},
        "not_wav",
        "",
    ),
    "negative": (
        {"audio_offset": -1, "audio_bytes": 5},
        "bad_range",
        '"audio_offset" is not a whole number from 0 on',
    ),
    "empty": (
        {"audio_offset": 1, "audio_bytes": 0},
        "bad_range",
        '"audio_bytes" is not a whole number from 1 on',
    ),
    "not an integer": (
        {"audio_offset": 1.5, "audio_bytes": 10},
        "bad_range",
        '"audio_offset" is not a whole number from 0 on',
    ),
    "a text": (
        {"audio_offset": "1", "audio_bytes": 10},
        "bad_range",
        '"audio_offset" is not a whole number from 0 on',
    ),
    "half": (
        {"audio_offset": 1},
        "bad_range",
        '"audio_offset" without "audio_bytes"',
    ),
}


@pytest.mark.parametrize(
    ("fields", "code", "message"), RANGES.values(), ids=RANGES
)
def test_a_bad_range_is_rejected_with_the_reason(
    tmp_path: Path, fields: Json, code: str, message: str
) -> None:
    wav = write_wav(tmp_path / "a.wav", noise(16_000)).read_bytes()
    (tmp_path / "a.tar").write_bytes(bytes(512) + wav)
    good = row_of_range("a.tar", 512, len(wav))
    write_manifest(
        tmp_path / "train.jsonl", [good, manifest_row("a.tar") | fields]
    )
    run = run_melmill("extract", "train.jsonl", "--out", "store", cwd=tmp_path)
    assert run.exit_code == 0, run.stderr
    (rejected,) = Store(tmp_path / "store").rejects()
    assert (rejected["line"], rejected["code"]) == (2, code)
    assert message in rejected["message"]


def test_bytes_behind_the_range_are_not_looked_at(tmp_path: Path) -> None:
    """As a file this would be several files, or have a lying size."""
    wav = write_wav(tmp_path / "a.wav", noise(16_000)).read_bytes()
    for number, behind in enumerate([wav, b"x" * 70_000, b"\x01"]):
        (tmp_path / "a.ark").write_bytes(b"k " + wav + behind)
        row = row_of_range("a.ark", 2, len(wav))
        write_manifest(tmp_path / "train.jsonl", [row])
        store = extract(tmp_path / f"s{number}", "train.jsonl", cwd=tmp_path)
        assert len(store.rows()) == 1


def test_an_archive_that_shrinks_while_it_is_read_is_rejected(
    tmp_path: Path,
) -> None:
    """The plan knows it whole; a repair then finds that it has changed."""
    wav = write_wav(tmp_path / "a.wav", noise(16_000)).read_bytes()
    (tmp_path / "a.ark").write_bytes(b"k " + wav)
    write_manifest(
        tmp_path / "train.jsonl", [row_of_range("a.ark", 2, len(wav))]
    )
    extract(tmp_path / "store", "train.jsonl", cwd=tmp_path)
    (tmp_path / "a.ark").write_bytes(b"k " + wav[:-2])
    run = run_melmill("verify", "store", "--against-audio", "1", cwd=tmp_path)
    assert run.exit_code == 1
    assert "the file changed after it was planned" in run.text


def test_rejected_ranges_say_which_they_are(tmp_path: Path) -> None:
    samples = noise(16_000)
    samples[77] = np.inf
    wav = write_wav(tmp_path / "a.wav", samples, subtype="FLOAT").read_bytes()
    (tmp_path / "a.ark").write_bytes(b"k " + wav)
    rows = [row_of_range("a.ark", 2, len(wav))] * 2
    write_manifest(tmp_path / "train.jsonl", [*rows, manifest_row("good.wav")])
    write_wav(tmp_path / "good.wav", noise(8000))
    flags = ["--out", "store", "--max-rejects", "2"]
    run = run_melmill("extract", "train.jsonl", *flags, cwd=tmp_path)
    assert run.exit_code == 0, run.stderr
    rejected = Store(tmp_path / "store").rejects()[0]
    assert (rejected["audio_offset"], rejected["audio_bytes"]) == (2, len(wav))
    assert rejected["code"] == "not_finite"
    run = run_melmill("show", "store", "--jsonl", cwd=tmp_path)
    assert "audio_offset" not in run.stdout
