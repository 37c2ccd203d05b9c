"""The log-mel kernels alone: one thread, samples in memory, 16 kHz."""

import dataclasses
import json
import sys
from pathlib import Path

import process_run

HERE = Path(__file__).resolve().parent


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
    return [melmill, "bench", "log-mel", "--json", "--audio", audio_folder]


def has_melmill_kernel(melmill: Path) -> bool:
    """Whether this melmill has the `bench` command."""
    # Without the command it is the program's own help that is printed.
    try:
        shown = process_run.run([melmill, "bench", "--help"]).stdout
    except RuntimeError:
        return False
    usage = [line for line in shown.splitlines() if line.startswith("Usage:")]
    return any(" bench " in f"{line} " for line in usage)


def parse(kernel: str, stdout: str) -> KernelRun:
    """Reads the last line: {"audio_s": ..., "seconds": [...]}."""
    values = json.loads(stdout.splitlines()[-1])
    return KernelRun(kernel, float(values["audio_s"]), list(values["seconds"]))


def measure(
    melmill: Path | None, audio_folder: Path, rounds: int
) -> list[KernelRun]:
    """The kernels take turns, one process each; None leaves melmill out."""
    commands = {"asrfront": asrfront_command(audio_folder)}
    if melmill is not None:
        commands["melmill"] = melmill_command(melmill, audio_folder)
    return [
        parse(kernel, process_run.run(command).stdout)
        for _ in range(rounds)
        for kernel, command in commands.items()
    ]
