"""The wheel is pure Python, and all that a clean machine needs."""

import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
import requirements_pins
from store_job import Job
from support import REPOSITORY

READ_A_ROW = """
import sys
import melmill

row = melmill.open(sys.argv[1])["train"][0]
print(melmill.__file__, row.features.shape, row.transcript)
assert "torch" not in sys.modules
"""


def pip(python: Path | str, *arguments: str | Path) -> None:
    done = subprocess.run(
        [python, "-m", "pip", "--disable-pip-version-check", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = REPOSITORY / "python"
    pip(sys.executable, "wheel", "--no-deps", "-w", folder, source)
    (wheel,) = folder.glob("*.whl")
    return wheel


def test_the_wheel_is_pure_and_whole(wheel: Path) -> None:
    assert wheel.name.endswith("-py3-none-any.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    folder = REPOSITORY / "python"
    sources = folder.glob("melmill/**/*.py")
    assert {path.relative_to(folder).as_posix() for path in sources} <= names
    assert "melmill/py.typed" in names


def test_the_extras_end_with_the_transformers_that_are_tested() -> None:
    pins = {major: requirements_pins.transformers(major) for major in (4, 5)}
    project = tomllib.loads(
        (REPOSITORY / "python" / "pyproject.toml").read_text()
    )["project"]
    extras = project["optional-dependencies"]
    minor = pins[5].split(".")[1]
    wanted = f"transformers>={pins[4].rsplit('.', 1)[0]}"
    assert f"{wanted},<5.{int(minor) + 1}" in extras["whisper"]
    assert f"{wanted},<5" in extras["qwen3-asr"]
    native = f"transformers>=5.13,<5.{int(minor) + 1}"
    assert native in extras["qwen3-asr-hf"]
    readme = (REPOSITORY / "python" / "README.md").read_text()
    assert f"(transformers 4.57 to 5.{minor})" in readme


def test_the_extra_all_has_every_extra_but_one_of_two_that_differ() -> None:
    """The package qwen-asr needs another transformers than the others may."""
    project = tomllib.loads(
        (REPOSITORY / "python" / "pyproject.toml").read_text()
    )["project"]
    extras = project["optional-dependencies"]
    (named,) = extras["all"]
    names = re.findall(r"[\w-]+", named)
    missing = extras.keys() - set(names)
    assert missing == {"all", "qwen3-asr", "qwen3-asr-hf"}


def test_a_clean_environment_reads_a_store(
    wheel: Path, finished_job: Job, tmp_path: Path
) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    pip(python, "install", "--quiet", wheel)
    done = subprocess.run(
        [python, "-I", "-c", READ_A_ROW, finished_job.store],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path / "venv"))
