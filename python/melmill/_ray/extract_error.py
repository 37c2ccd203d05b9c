"""Why an extraction on a cluster ends early."""

from __future__ import annotations

OK = 0
USAGE = 2
REJECTS = 3
MACHINE = 4


class ExtractError(RuntimeError):
    """An extraction on a cluster ended without a complete store.

    Attributes:
      exit_code: As the program has it: 2 for wrong usage or input, 3 for more
        rejects than allowed, 4 for a fault of machines. After 4 the same call
        resumes.
    """

    def __init__(self, exit_code: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code

    def __reduce__(self) -> tuple[type[ExtractError], tuple[int, str]]:
        return type(self), (self.exit_code, str(self))
