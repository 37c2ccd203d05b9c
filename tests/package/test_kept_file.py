"""A file is written again only where its bytes differ."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from file_state import state
from melmill._extract.kept_file import KeptFile

OLD = [b"abc", b"", b"d" * 5000, b"ef"]


def write(path: Path, pieces: Sequence[bytes], *, is_allowed: bool) -> None:
    def allow_change() -> None:
        if not is_allowed:
            raise PermissionError

    file = KeptFile(str(path), allow_change)
    try:
        for piece in pieces:
            file.write(piece)
        file.commit()
    finally:
        file.discard()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    write(path, OLD, is_allowed=False)
    os.utime(path, (1, 1))
    return path


def test_a_new_file_needs_no_leave(path: Path) -> None:
    assert path.read_bytes() == b"".join(OLD)


def test_the_same_bytes_leave_it_untouched(path: Path) -> None:
    before = state(path)
    write(path, [b"".join(OLD)], is_allowed=False)
    assert state(path) == before
    assert os.listdir(path.parent) == ["file"]


CHANGES: list[list[bytes]] = [
    [b"x", *OLD[1:]],
    [*OLD[:2], b"d" * 4999 + b"x", b"ef"],
    [*OLD, b"more"],
    OLD[:3],
    [b"abc", b"other"],
]


@pytest.mark.parametrize("pieces", CHANGES)
def test_other_bytes_replace_it(path: Path, pieces: list[bytes]) -> None:
    write(path, pieces, is_allowed=True)
    assert path.read_bytes() == b"".join(pieces)
    assert os.listdir(path.parent) == ["file"]


@pytest.mark.parametrize("pieces", CHANGES)
def test_other_bytes_need_leave(path: Path, pieces: list[bytes]) -> None:
    with pytest.raises(PermissionError):
        write(path, pieces, is_allowed=False)
    assert path.read_bytes() == b"".join(OLD)
    assert os.listdir(path.parent) == ["file"]
