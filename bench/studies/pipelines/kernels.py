"""The log-mel kernels alone: one thread, samples in memory, 16 kHz."""

import dataclasses
import json
import sys
from pathlib import Path

from common import process_run

HERE = Path(__file__).resolve().parent
ASRFRONT = "asrfront"


@dataclasses.dataclass(frozen=True)
class KernelRun:
    """Rounds of one process over the same clips."""

    kernel: str
    audio_s: float
    seconds: list[float]  # of each round

    @property
    def us_per_audio_s(self) -> list[float]:
        return [value / self.audio_s * 1e6 for value in self.seconds]


def asrfront_command(audio_folder: Path) -> list[str | Path]:
    return [sys.executable, HERE / "kernel_asrfront.py", audio_folder]


def melmill_command(melmill: Path, audio_folder: Path) -> list[str | Path]:
    bench: list[str | Path] = [
        melmill,
        "bench",
        "log-mel",
        "--json",
        "--rounds",
        "5",
    ]
    return [*bench, "--audio", audio_folder]


def has_melmill_kernel(melmill: Path) -> bool:
    """Whether this melmill has the `bench` command."""
    # Without the command it is the program's own help that is printed.
    try:
        shown = process_run.run([melmill, "bench", "--help"]).stdout
    except RuntimeError:
        return False
    usage = [line for line in shown.splitlines() if line.startswith("Usage:")]
    return any(" bench " in f"{line} " for line in usage)


def parse_asrfront(stdout: str) -> list[KernelRun]:
    """Reads the last line: {"audio_s": ..., "seconds": [...]}."""
    values = json.loads(stdout.splitlines()[-1])
    audio_s, seconds = float(values["audio_s"]), list(values["seconds"])
    return [KernelRun(ASRFRONT, audio_s, seconds)]


def parse_melmill(stdout: str) -> list[KernelRun]:
    """Reads the rows of int16 samples, one a target, that passed the check."""
    return [
        KernelRun(
            f"melmill {row['variant']}",
            float(row["audio_seconds"]),
            list(row["seconds"]),
        )
        for row in json.loads(stdout)["rows"]
        if row["stage"] == "log-mel"
        and row["input"] == "int16"
        and row["passed"]
    ]


def measure(
    melmill: Path | None, audio_folder: Path, rounds: int
) -> list[KernelRun]:
    """The kernels take turns, one process each; None leaves melmill out."""
    runs = []
    for _ in range(rounds):
        asrfront = process_run.run(asrfront_command(audio_folder))
        runs += parse_asrfront(asrfront.stdout)
        if melmill is not None:
            ours = process_run.run(melmill_command(melmill, audio_folder))
            runs += parse_melmill(ours.stdout)
    return runs
