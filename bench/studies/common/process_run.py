"""Runs one process and measures it; controls the page cache."""

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

STUDIES = Path(__file__).resolve().parents[1]
DROP_CACHES = Path("/proc/sys/vm/drop_caches")


@dataclasses.dataclass(frozen=True)
class ProcessRun:
    """One process from its start to its end, with its children."""

    seconds: float
    cpu_s: float
    max_rss_mb: float  # of the largest of its processes
    foreign_cpu: float  # share of the machine that others used meanwhile
    stdout: str


def environment() -> dict[str, str]:
    """What the peers run with: the settings that are fastest for them."""
    # Forced kernels, which some machines set, slow numpy down.
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OPENBLAS_", "PYTHON"))
    }
    kept["PYTHONPATH"] = str(STUDIES)  # where their own modules are
    kept["OMP_NUM_THREADS"] = "1"  # their processes and threads are the two
    kept["HF_HUB_OFFLINE"] = "1"
    kept["TRANSFORMERS_VERBOSITY"] = "error"
    return kept


def run(command: Sequence[str | Path]) -> ProcessRun:
    """Runs a command; one that fails is an error that shows its stderr.

    A small process of its own starts it: the kernel counts what its parent had
    in memory when it was forked as its own.
    """
    os.sync()  # what earlier runs wrote shall not cost this one
    helper = [sys.executable, "-I", "-S", __file__, *map(str, command)]
    done = subprocess.run(
        helper, env=environment(), capture_output=True, text=True, check=True
    )
    values = json.loads(done.stdout)
    if values.pop("exit_code") != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr}")
    return ProcessRun(**values)


def measure(command: list[str]) -> dict[str, float | str]:
    """Runs a command as a child; the fields of ProcessRun, and exit_code."""
    with tempfile.TemporaryFile() as stdout:
        busy_before = busy_s()
        begin = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stdout
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        busy_s_of_all = busy_s() - busy_before
        process.returncode = os.waitstatus_to_exitcode(status)
        stdout.seek(0)
        text = stdout.read().decode(errors="replace")
    cpu_s = usage.ru_utime + usage.ru_stime
    foreign_s = max(0.0, busy_s_of_all - cpu_s)
    return {
        "exit_code": process.returncode,
        "seconds": seconds,
        "cpu_s": cpu_s,
        "max_rss_mb": usage.ru_maxrss / 1024,
        "foreign_cpu": foreign_s / seconds / (os.cpu_count() or 1),
        "stdout": text,
    }


def can_drop_caches() -> bool:
    """Whether cold runs are possible here."""
    return os.access(DROP_CACHES, os.W_OK)


def drop_caches() -> None:
    os.sync()
    DROP_CACHES.write_text("3\n")


def warm(paths: Iterable[str | Path]) -> None:
    """Brings files into the page cache."""
    buffer = bytearray(1 << 20)
    for path in paths:
        with open(path, "rb", buffering=0) as file:
            while file.readinto(buffer):
                pass


def busy_s() -> float:
    """CPU seconds of all processes, stolen time too, since the boot."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    user, nice, system, _, _, irq, softirq, steal = map(int, fields)
    ticks = user + nice + system + irq + softirq + steal
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1:])))
