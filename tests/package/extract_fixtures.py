"""Fixtures of the tests of melmill.extract.

For modules that have `pytest_plugins = ["extract_fixtures"]`.
"""

from pathlib import Path

import pytest
from support import make_clips, melmill_path

NUM_CLIPS = 6


@pytest.fixture
def with_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the program under test on PATH, and on no other place."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "melmill").symlink_to(melmill_path())
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(
        "melmill._extract.extraction.find_program", lambda: None
    )


@pytest.fixture
def rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, object]]:
    """Rows of clips in the working directory, which is a new one."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return make_clips(folder, NUM_CLIPS)
