"""Facts about the machine and the versions that measurements depend on."""

import datetime
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

PACKAGES = (
    "asrfront",
    "opencv-python-headless",
    "librosa",
    "transformers",
    "torch",
    "soxr",
    "lhotse",
    "numpy",
    "h5py",
)


def facts(melmill: Path, work: Path) -> dict[str, str]:
    """Name and value, to be shown as they are."""
    packages = [f"{n} {importlib.metadata.version(n)}" for n in PACKAGES]
    now = datetime.datetime.now(datetime.UTC)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return {
        "date": f"{now:%Y-%m-%d %H:%M} UTC",
        "CPU": _cpu(),
        "CPUs": str(os.cpu_count()),
        "memory": _memory(),
        "kernel": f"{platform.system()} {platform.release()}",
        "file system": _file_system(work),
        "melmill": _melmill(melmill),
        "Python": platform.python_version(),
        "packages": ", ".join(packages),
        "load average before": load,
    }


def _cpu() -> str:
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith(("model name", "flags"))
    ]
    if len(names) < 2:
        return platform.machine()
    sets = [n for n in ("avx2", "avx512f") if n in names[1].split()]
    return f"{names[0]} ({', '.join(sets)})"


def _memory() -> str:
    num_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{num_bytes / 2**30:.0f} GiB"


def _file_system(folder: Path) -> str:
    shown = _output("findmnt", "-no", "FSTYPE,OPTIONS", "--target", folder)
    return " ".join(shown.split())


def _melmill(program: Path) -> str:
    source = Path(__file__).parent
    commit = _output("git", "-C", source, "describe", "--always", "--dirty")
    return f"{_output(program, '--version')} ({commit})"


def _output(*command: str | Path) -> str:
    """What a command prints, or that it is unknown."""
    try:
        done = subprocess.run(
            list(map(str, command)), capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
