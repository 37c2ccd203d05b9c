#!/usr/bin/env python3
"""Compares melmill with the other ways to make the same features.

Makes build/bench-venv when it is missing or other than requirements.txt
asks for, and starts compare.py in it. All options are those of compare.py:

    tools/dependencies build bench corpus
    cmake --preset release && cmake --build --preset release
    cmake --preset bench && cmake --build --preset bench --target io_floor
    bench/studies/peers.py --cold
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
VENV = REPOSITORY / "build" / "bench-venv"


def make_venv() -> None:
    """Installs the requirements unless just these are installed."""
    requirements = Path(__file__).with_name("requirements.txt")
    installed = VENV / "installed.txt"
    wanted = requirements.read_text()
    if installed.exists() and installed.read_text() == wanted:
        return
    print(f"making {VENV}", file=sys.stderr)
    shutil.rmtree(VENV, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    pip.append("--disable-pip-version-check")
    (torch,) = [
        line for line in wanted.splitlines() if line.startswith("torch==")
    ]
    subprocess.run([*pip, torch], check=True)
    subprocess.run([*pip, "--requirement", str(requirements)], check=True)
    shutil.copy(requirements, installed)


def main() -> None:
    make_venv()
    python = str(VENV / "bin" / "python")
    program = str(Path(__file__).with_name("compare.py"))
    os.execv(python, [python, program, *sys.argv[1:]])


if __name__ == "__main__":
    main()
