"""What the tests of the wheels share."""

import os
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path

from support import files_of, manifest_row, melmill_path, noise, write_wav

RATES_HZ = (8_000, 16_000, 44_100)


class Wheels:
    """The newest wheels in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (self.program,) = folder.glob("melmill-*-manylinux_*_x86_64.whl")
        (self.reader,) = folder.glob("melmill-*-py3-none-any.whl")


def unpack(wheel: Path, folder: Path) -> Path:
    """Unpacks a wheel with the permissions that its entries have."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            path = archive.extract(entry, folder)
            os.chmod(path, entry.external_attr >> 16)
    return folder


def run_command(
    *command: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    exit_code: int = 0,
) -> subprocess.CompletedProcess[str]:
    """Runs a command that must end with this exit code."""
    done = subprocess.run(
        [*map(str, command)],
        env={**os.environ, **(env or {})},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == exit_code, done.stdout + done.stderr
    return done


def make_clips(folder: Path) -> list[dict[str, object]]:
    """Writes clips into a folder, and returns the rows of their manifest."""
    rows = []
    for seed, rate in enumerate(RATES_HZ):
        name = f"{rate}.wav"
        write_wav(folder / name, noise(rate, seed), rate)
        rows.append(manifest_row(name, "language English<asr_text>noise"))
    return rows


def extract(
    program: str | Path, manifest: Path, store: Path, *flags: str
) -> dict[str, bytes]:
    """The files of the store that a program makes of a manifest."""
    run_command(
        *(program, "extract", manifest, "--out", store, *flags),
        cwd=manifest.parent,
    )
    return files_of(store)


def expected_files(
    manifest: Path, folder: Path, *flags: str
) -> dict[str, bytes]:
    """The files of the store that the source build makes."""
    return extract(melmill_path(), manifest, folder / "expected", *flags)
