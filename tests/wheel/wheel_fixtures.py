"""Fixtures of the tests of the wheels that tools/build_wheel made."""

import sys
from pathlib import Path

import pytest
from installed import Wheels, make_clips, run_command, unpack
from support import REPOSITORY, write_manifest


@pytest.fixture(scope="session")
def wheels() -> Wheels:
    """Both wheels: tools/test builds them before these tests run."""
    return Wheels(REPOSITORY / "build" / "dist")


@pytest.fixture(scope="session")
def unpacked(wheels: Wheels, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the wheel with the program; not to be changed."""
    return unpack(wheels.program, tmp_path_factory.mktemp("unpacked"))


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of three sample rates, named relative to the manifest's folder."""
    folder = tmp_path_factory.mktemp("clips")
    return write_manifest(folder / "train.jsonl", make_clips(folder))


@pytest.fixture(scope="session")
def dependencies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels that melmill's need."""
    folder = tmp_path_factory.mktemp("dependencies")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    names = ("numpy", "pip", "xxhash")  # pipx takes pip
    run_command(*pip, "download", "--quiet", "--dest", folder, *names)
    return folder
