"""Files are written whole or not at all, and errors name them."""

import os
from pathlib import Path

import pytest
from melmill._files.whole_file import write_whole_file


def test_a_file_is_made_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for content in (b"one", b"", b"three"):
        write_whole_file(path, content)
        assert path.read_bytes() == content
        assert list(tmp_path.iterdir()) == [path]


def test_who_reads_the_old_file_reads_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        write_whole_file(path, b"new, and longer")
        assert reader.read() == b"old"


def test_the_content_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"old")
    seen = []
    fsync = os.fsync

    def look(descriptor: int) -> None:
        fsync(descriptor)
        is_file = os.path.isfile(f"/proc/self/fd/{descriptor}")
        seen.append((is_file, path.read_bytes()))

    monkeypatch.setattr(os, "fsync", look)
    write_whole_file(path, b"new")
    assert seen == [(True, b"old"), (False, b"new")]


def test_what_was_there_stays_if_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"old")

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match=r"No space.*a\.json'"):
        write_whole_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none/a\.json"):
        write_whole_file(tmp_path / "none" / "a.json", b"")
