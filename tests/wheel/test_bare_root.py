"""The wheel works where nothing but glibc and Python is."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from installed import Wheels, expected_files, run_command
from support import files_of

pytest_plugins = ["wheel_fixtures"]

# Of the standard library, what no installation of a wheel needs.
LEFT_OUT = shutil.ignore_patterns(
    *("__pycache__", "config-*", "idlelib", "site-packages", "test", "tkinter"),
    *("dist-packages", "ensurepip", "lib2to3", "pydoc_data", "turtledemo"),
)
# Of which glibc and Python consist. glibc itself loads libgcc_s.
LOADED_BY_NAME = ("libgcc_s.so.1",)
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"


def copy_with_libraries(root: Path, files: list[Path]) -> None:
    """Copies programs and what `ldd` says that they need."""
    needed = set(files)
    for file in files:
        libraries = run_command("ldd", file).stdout
        needed |= {Path(path) for path in re.findall(r"(/\S+)", libraries)}
    libc = next(path for path in needed if path.name == "libc.so.6")
    needed |= {libc.with_name(name) for name in LOADED_BY_NAME}
    for path in needed:
        copy = root / path.relative_to("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path.resolve(), copy)


@pytest.fixture(scope="module")
def root(
    wheels: Wheels,
    dependencies: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A root of this machine's glibc and Python, with the wheel."""
    root = tmp_path_factory.mktemp("root")
    python = Path(sys.base_prefix, "bin", PYTHON)
    library = Path(os.__file__).parent
    extensions = (library / "lib-dynload").glob("*.so")
    # Those that need OpenSSL, SQLite or Tcl are not needed here.
    plain = [
        path for path in extensions if not re.match("_(ssl|sql|tk)", path.name)
    ]
    copy_with_libraries(root, [python, *plain])
    shutil.copytree(
        library,
        root / library.relative_to("/"),
        ignore=LEFT_OUT,
        dirs_exist_ok=True,
    )
    for folder in ("tmp", "job", "proc"):
        (root / folder).mkdir()
    shutil.copy(wheels.program, root / "job")
    (pip,) = dependencies.glob("pip-*.whl")
    shutil.copy(pip, root / "job")
    in_root(
        *(root, python, f"/job/{pip.name}/pip", "install", "--no-index"),
        *("--no-deps", "--target", "/job/env", f"/job/{wheels.program.name}"),
    )
    return root


def in_root(
    root: Path, *command: str | Path
) -> subprocess.CompletedProcess[str]:
    """Runs a command that sees only the files below `root`, and /proc."""
    unshare = [str(shutil.which("unshare")), "--fork", "--pid"]
    if os.geteuid() != 0:
        unshare.append("--map-root-user")
    chroot = [str(shutil.which("chroot")), str(root)]
    chroot = [*unshare, f"--mount-proc={root}/proc", *chroot]
    env = {"HOME": "/job", "PATH": "/job/env/bin"}
    done = subprocess.run(
        [*chroot, *map(str, command)],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_nothing_else_is_in_the_root(root: Path) -> None:
    names = {
        path.name
        for path in root.rglob("*.so*")
        if not path.is_relative_to(root / "job")
    }
    for name in ("libstdc++", "libtbb", "libsndfile", "libhdf5", "libfftw3"):
        assert not [one for one in names if one.startswith(name)]


def test_the_program_works_in_the_root(
    root: Path, manifest: Path, tmp_path: Path
) -> None:
    assert in_root(root, "melmill", "--version").stdout == "melmill 0.1.0\n"
    shutil.copytree(manifest.parent, root / "job" / "clips")
    in_root(
        *(root, "melmill", "extract", f"/job/clips/{manifest.name}"),
        *("--out", "/job/features", "--audio-root", "/job/clips"),
    )
    made = files_of(root / "job" / "features")
    assert made == expected_files(manifest, tmp_path)
    in_root(root, "melmill", "verify", "/job/features")
    in_root(
        *(root, "melmill", "verify", "/job/features"),
        *("--against-audio", "3", "--audio-root", "/job/clips"),
    )


def test_the_benchmark_works_in_the_root(root: Path) -> None:
    bench = in_root(root, "melmill", "bench", "--rounds", "1", "--json")
    assert json.loads(bench.stdout)["rows"]
