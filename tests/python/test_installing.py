"""What docs/install.md and the Dockerfile say can be done."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from support import REPOSITORY, melmill_path

DOCKERFILE = (REPOSITORY / "Dockerfile").read_text().replace("\\\n", " ")
BUILD = Path(melmill_path()).parents[1]
# Debian's image has these: apt needs them.
IN_THE_IMAGE = {"libc6", "libgcc-s1", "libstdc++6"}


def run(*command: str | Path) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=REPOSITORY, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def instructions(name: str) -> list[str]:
    return re.findall(rf"(?m)^{name} +(.*)$", DOCKERFILE)


def test_install_puts_the_program_below_the_prefix(tmp_path: Path) -> None:
    run("cmake", "--install", BUILD, "--prefix", tmp_path, "--strip")
    assert run(tmp_path / "bin" / "melmill", "--version") == "melmill 0.1.0\n"


def test_without_fftw_nothing_asks_for_it(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """As on a machine that does not have it."""
    tmp_path = tmp_path_factory.mktemp("plain")  # commands name the folder
    folders = run("pkg-config", "--variable", "pc_path", "pkg-config").strip()
    known = tmp_path / "pkgconfig"
    known.mkdir()
    for folder in folders.split(":"):
        for file in sorted(Path(folder).glob("*.pc")):
            if (
                not file.name.startswith("fftw")
                and not (known / file.name).exists()
            ):
                (known / file.name).symlink_to(file)
    configure = ("cmake", "--preset", "release", "-B", tmp_path / "build")
    done = subprocess.run(
        [*configure, "-DMELMILL_FFTW=OFF"],
        cwd=REPOSITORY,
        env={**os.environ, "PKG_CONFIG_LIBDIR": str(known)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ninja = ("ninja", "-C", tmp_path / "build", "-t", "commands")
    commands = run(*ninja, "melmill")
    assert "frame_dft_plain.cc" in commands
    assert "fftw" not in commands


def test_the_image_has_what_the_program_needs() -> None:
    (names,) = re.findall(
        r"apt-get install -y -qq --no-install-recommends ([^&]*)&&", DOCKERFILE
    )
    header = run("readelf", "--dynamic", melmill_path())
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", header)
    files = [f"*-linux-gnu/{name}" for name in needed]
    found = run("dpkg-query", "--search", *files)
    packages = {line.partition(":")[0] for line in found.splitlines()}
    assert packages - IN_THE_IMAGE == set(names.split())


def test_what_the_image_copies_is_there() -> None:
    ignored = (REPOSITORY / ".dockerignore").read_text().splitlines()
    for copied in instructions("COPY"):
        *sources, _ = copied.split()
        if sources[0] == "--from=build":
            assert sources[1:] == ["/usr/local/bin/melmill"]
            continue
        for source in sources:
            assert (REPOSITORY / source).exists(), source
            assert source not in ignored


def test_the_image_builds_as_the_documents_say() -> None:
    text = (REPOSITORY / "docs" / "install.md").read_text()
    for command in (
        "tools/dependencies build",
        "cmake --preset release",
        "cmake --build --preset release",
        "cmake --install build/release --prefix",
    ):
        assert command in DOCKERFILE
        assert f"    {command}" in text


def test_the_image_runs_the_program_without_rights() -> None:
    last_stage = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.findall(r"(?m)^USER (\S+)$", last_stage) == ["melmill"]
    assert last_stage.index("useradd") < last_stage.index("\nUSER ")
    assert '\nENTRYPOINT ["melmill"]\n' in last_stage


def test_all_versions_are_the_same() -> None:
    cmake = (REPOSITORY / "CMakeLists.txt").read_text()
    package = (REPOSITORY / "python/melmill/__init__.py").read_text()
    version = re.findall(r"project\(melmill VERSION (\S+)", cmake)
    assert version == re.findall(r'(?m)^__version__ = "(.*)"$', package)
