"""The library that makes reads of audio fail: read_faults.c."""

import dataclasses
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class ReadFault:
    """Which reads of audio fail, and how."""

    kind: str = ""  # an errno's name, "short" or "slow"
    call: str = "any"  # "open", "fstat", "read"
    name: str = ".wav"  # how the paths of the files end
    first: int = 0  # the number of the first call that fails; 0: none does
    count: int = 1  # of calls that fail; 0: all from the first on
    cold: bool = False  # no page is cached
    delay_ms: int = 20  # of a slow call

    def env(self, shim_folder: Path, log: Path) -> dict[str, str]:
        """What makes a run of the program meet the fault.

        Args:
          shim_folder: Where the library is.
          log: The file for the numbers of calls and faults.
        """
        env = {
            "LD_PRELOAD": str(shim_folder / "read_faults.so"),
            "READ_FAULTS_KIND": self.kind,
            "READ_FAULTS_CALL": self.call,
            "READ_FAULTS_NAME": self.name,
            "READ_FAULTS_FROM": str(self.first),
            "READ_FAULTS_COUNT": str(self.count),
            "READ_FAULTS_LOG": str(log),
            "READ_FAULTS_DELAY_MS": str(self.delay_ms),
        }
        if self.cold:
            env["READ_FAULTS_COLD"] = "1"
        return env


def logged(log: Path) -> tuple[int, int]:
    """The numbers of calls and of faults of a run."""
    calls, faults = log.read_text().split()
    return int(calls), int(faults)
