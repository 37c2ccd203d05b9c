"""Why an extraction ends early."""

from __future__ import annotations

from typing import Any

OK = 0
USAGE = 2
REJECTS = 3
MACHINE = 4
NO_PROGRAM = 127  # as shells have it


class ExtractError(RuntimeError):
    """An extraction ended without doing what was asked.

    Attributes:
      exit_code: As the program has it: 2 for wrong usage or input, 3 for more
        rejects than allowed, 4 for a fault of machines, 127 if there is no
        program. After 4 the same call resumes.
    """

    def __init__(self, exit_code: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.exit_code, str(self))
