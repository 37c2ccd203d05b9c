"""Audio is compared with the checksums that the program made of it."""

import dataclasses
from pathlib import Path
from typing import Any

import melmill
import pytest
import soundfile
from melmill._certify.source_audio import SourceAudio
from melmill._contents.store_files import finished_store_files
from melmill._store.row import Row
from support import extract, manifest_row, noise, write_manifest

FORMATS = ("WAV", "AIFF", "AU", "FLAC", "MP3", "OGG")


@dataclasses.dataclass
class Made:
    audio: SourceAudio
    rows: list[Row]


def make(folder: Path, rows: list[dict[str, Any]], *flags: str) -> Made:
    write_manifest(folder / "train.jsonl", rows)
    extract(folder / "store", "train.jsonl", *flags, cwd=folder)
    store = melmill.open(folder / "store", audio_root=folder)
    path = folder / "store" / "store.json"
    files = finished_store_files(path, path.read_bytes())
    audio = SourceAudio(folder / "store", files, store.splits)
    return Made(audio, list(store["train"]))


def change(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def test_every_format_is_recognised_until_a_byte_changes(
    tmp_path: Path,
) -> None:
    rows = []
    for name in FORMATS:
        samples = noise(2 * 8000).reshape(-1, 2)
        soundfile.write(
            tmp_path / f"a.{name.lower()}", samples, 16000, format=name
        )
        rows.append(manifest_row(f"a.{name.lower()}"))
    made = make(tmp_path, rows)
    assert len(made.rows) == len(FORMATS)
    for row in made.rows:
        assert made.audio.is_same(row), row
        change(row.audio_path, row.audio_path.stat().st_size // 2)
        assert not made.audio.is_same(row), row


@pytest.mark.parametrize("name", ["wav", "flac"])
def test_pieces_are_recognised(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{name}"
    soundfile.write(path, noise(32000).reshape(-1, 2), 16000)
    size = path.stat().st_size
    archive = tmp_path / "a.tar"
    archive.write_bytes(b"x" * 512 + path.read_bytes() + b"x" * 512)
    in_archive = {"audio_offset": 512, "audio_bytes": size}
    segment = {"start": 0.25, "end": 0.5}
    made = make(
        tmp_path,
        [
            {**manifest_row(path.name), **segment},
            {**manifest_row(archive.name), **in_archive},
            {**manifest_row(archive.name), **in_archive, **segment},
        ],
        "--segments",
    )
    assert len(made.rows) == 3
    assert all(map(made.audio.is_same, made.rows))
    change(path, size - 5)
    change(archive, 512 + size - 5)
    # Of plain samples, only those of the piece count.
    is_plain = name == "wav"
    assert [made.audio.is_same(row) for row in made.rows] == [
        is_plain,
        False,
        is_plain,
    ]
    for row in made.rows:
        with row.audio_path.open("r+b") as file:
            file.truncate(600)
    assert not any(map(made.audio.is_same, made.rows))


def test_a_missing_file_is_told_from_an_unreadable_one(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", noise(8000), 16000)
    made = make(tmp_path, [manifest_row("a.wav")])
    (tmp_path / "a.wav").unlink()
    with pytest.raises(FileNotFoundError):
        made.audio.is_same(made.rows[0])
    (tmp_path / "a.wav").mkdir()
    with pytest.raises(melmill.StoreReadError, match="EISDIR"):
        made.audio.is_same(made.rows[0])


def test_another_plan_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", noise(8000), 16000)
    make(tmp_path, [manifest_row("a.wav")])
    change(tmp_path / "store" / "plan.h5", 3000)
    path = tmp_path / "store" / "store.json"
    files = finished_store_files(path, path.read_bytes())
    with pytest.raises(melmill.DamagedStoreError, match="checksum differs"):
        SourceAudio(tmp_path / "store", files, ("train",))
