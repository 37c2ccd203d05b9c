"""Fixtures of the tests of melmill push and melmill pull.

For modules that have `pytest_plugins` of this one and of stage_fixtures.
"""

import functools
from pathlib import Path
from typing import Any

import pytest
from fsspec import filesystem
from melmill._remote.patience import Patience
from melmill._transfer import object_store
from transfer_stores import Place, copied_store, make_unfinished, the_client


@pytest.fixture
def system(s3: str) -> Any:
    """The file system that the tests use themselves."""
    system = filesystem("s3", use_listings_cache=False)
    system.makedirs("stores", exist_ok=True)
    return system


@pytest.fixture
def place(system: Any) -> Place:
    return Place(system)


@pytest.fixture
def other_place(system: Any) -> Place:
    return Place(system)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has faults last after three quick tries, and makes one client."""
    patience = functools.partial(Patience, num_tries=3, first_wait_s=0.001)
    monkeypatch.setattr(object_store, "Patience", patience)
    monkeypatch.setattr(object_store, "file_system", lambda _: the_client())


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has small files sent in parts, and read in pieces."""
    monkeypatch.setattr(object_store, "PIECE_BYTES", 8_000)
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1)


@pytest.fixture
def unfinished(tmp_path: Path) -> Path:
    return make_unfinished(copied_store("qwen3_asr_f16", tmp_path / "part"))
