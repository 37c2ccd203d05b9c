"""pip, uv and pipx put the program on PATH."""

import os
import sys
import venv
from pathlib import Path

import pytest
from installed import Wheels, expected_files, extract, run_command

pytest_plugins = ["wheel_fixtures"]

TOOLS = Path(sys.executable).parent
READ_A_ROW = """
import sys
import melmill

row = melmill.open(sys.argv[1])["train"][0]
print(melmill.__version__, row.transcript, row.features.shape[1])
"""


def make_environment(folder: Path, *arguments: str | Path) -> Path:
    """A virtual environment into which pip installed `arguments`."""
    venv.create(folder, with_pip=True)
    pip = (folder / "bin" / "python", "-m", "pip", "--quiet")
    run_command(*pip, "--disable-pip-version-check", "install", *arguments)
    return folder / "bin"


@pytest.fixture(scope="module")
def with_program(
    wheels: Wheels,
    dependencies: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The bin folder of an environment with the wheel, by pip."""
    return make_environment(
        tmp_path_factory.mktemp("with") / "venv",
        *("--no-index", "--find-links", dependencies, wheels.program),
    )


@pytest.fixture(scope="module")
def reader_only(
    wheels: Wheels,
    dependencies: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The bin folder of an environment with the reader's wheel."""
    return make_environment(
        tmp_path_factory.mktemp("without") / "venv",
        *("--no-index", "--find-links", dependencies, wheels.reader),
    )


def version_on_path(folder: Path) -> str:
    """What the program says that a shell finds."""
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    found = run_command("sh", "-c", "command -v melmill", env={"PATH": path})
    assert found.stdout.strip() == str(folder / "melmill")
    version = run_command("sh", "-c", "melmill --version", env={"PATH": path})
    return version.stdout


def test_pip_installs_the_program_and_the_reader(
    with_program: Path, manifest: Path, tmp_path: Path
) -> None:
    assert version_on_path(with_program) == "melmill 0.1.0\n"
    program = with_program / "melmill"
    # No Python starts: it is the program itself.
    assert program.read_bytes()[:4] == b"\x7fELF"
    made = extract(program, manifest, tmp_path / "store")
    assert made == expected_files(manifest, tmp_path)
    python = (with_program / "python", "-I", "-c", READ_A_ROW)
    read = run_command(*python, tmp_path / "store", cwd=tmp_path)
    assert read.stdout == "0.1.0 noise 128\n"


def test_pip_removes_all_that_it_installed(
    wheels: Wheels, tmp_path: Path
) -> None:
    folder = make_environment(tmp_path, "--no-deps", wheels.program)
    assert (folder / "melmill").exists()
    assert (tmp_path / "libexec" / "melmill").exists()
    run_command(folder / "pip", "--quiet", "uninstall", "--yes", "melmill")
    assert not (folder / "melmill").exists()
    assert not (tmp_path / "libexec" / "melmill").exists()


def test_python_m_melmill_is_the_program(with_program: Path) -> None:
    module = (with_program / "python", "-I", "-m", "melmill")
    assert run_command(*module, "--version").stdout == "melmill 0.1.0\n"
    refused = run_command(*module, "info", "gone", exit_code=2)
    assert "gone" in refused.stderr


def test_the_program_runs_the_packages_scripts_by_name(
    with_program: Path,
) -> None:
    # The environment has no PyTorch: the script says what is missing.
    path = f"{with_program}{os.pathsep}{os.environ['PATH']}"
    command = ("melmill", "qwen3-asr", "--help")
    done = run_command(
        "sh", "-c", " ".join(command), env={"PATH": path}, exit_code=2
    )
    assert "melmill-qwen3-asr needs the package torch" in done.stderr


def test_pip_installs_the_whole_into_a_target_folder(
    wheels: Wheels, unpacked: Path, tmp_path: Path
) -> None:
    pip = (sys.executable, "-m", "pip", "--quiet", "install", "--no-deps")
    run_command(*pip, "--no-index", "--target", tmp_path, wheels.program)
    libraries = next(unpacked.glob("*.data/data")).rglob("*.so*")
    loaded = run_command("ldd", tmp_path / "bin" / "melmill").stdout
    for path in libraries:
        assert f"{tmp_path}/bin/../libexec/melmill/{path.name}" in loaded


def test_uv_tool_installs_the_program(
    wheels: Wheels, dependencies: Path, tmp_path: Path
) -> None:
    env = {
        "HOME": str(tmp_path),
        "UV_TOOL_DIR": str(tmp_path / "tools"),
        "UV_TOOL_BIN_DIR": str(tmp_path / "bin"),
        "UV_CACHE_DIR": str(tmp_path / "cache"),
        "UV_PYTHON_DOWNLOADS": "never",
    }
    run_command(
        *(TOOLS / "uv", "tool", "install", "--offline", "--no-index"),
        *("--find-links", dependencies, "--python", sys.executable),
        wheels.program,
        env=env,
    )
    assert version_on_path(tmp_path / "bin") == "melmill 0.1.0\n"
    names = ["certify", "pull", "push", "qwen3-asr", "ray", "report", "stage"]
    for name in names:
        assert (tmp_path / "bin" / f"melmill-{name}").exists()


def test_pipx_installs_the_program(
    wheels: Wheels, dependencies: Path, tmp_path: Path
) -> None:
    env = {
        "HOME": str(tmp_path),
        "PIPX_HOME": str(tmp_path / "pipx"),
        "PIPX_BIN_DIR": str(tmp_path / "bin"),
        "PIPX_MAN_DIR": str(tmp_path / "man"),
        "PIPX_DEFAULT_PYTHON": sys.executable,
    }
    run_command(
        *(TOOLS / "pipx", "install", "--backend", "pip"),
        f"--pip-args=--no-index --find-links={dependencies}",
        wheels.program,
        env=env,
    )
    assert version_on_path(tmp_path / "bin") == "melmill 0.1.0\n"


def test_the_reader_alone_says_that_it_has_no_program(
    reader_only: Path, tmp_path: Path
) -> None:
    module = (reader_only / "python", "-m", "melmill", "--version")
    env = {"PYTHONUSERBASE": str(tmp_path)}
    done = run_command(*module, env=env, cwd=tmp_path, exit_code=2)
    assert "installed as the reader alone" in done.stderr
    assert "docs/install.md" in done.stderr
    assert not (reader_only / "melmill").exists()
