"""Why an extraction did not do what was asked."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from melmill._process.extract_error import REJECTS, ExtractError

# Of the summary's part on rejects: "        2 not_found (no such file)", and
# "          train line 41: a.wav: tried /data/a.wav".
_CODE = re.compile(r" {0,8}([\d,]+) (\w+)(?: \(.*\))?")
_LINE = re.compile(r" {10}(\S.* line \d+.*)")


class TooManyRejectsError(ExtractError):
    """More rows were rejected than max_rejects allows.

    Attributes:
      exit_code: 3.
      counts: How many rows were rejected for each reason, such as
        {"not_found": 2}.
      examples: The first rows of each reason, each with its number and what is
        wrong, such as "train line 41: a.wav: tried /data/a.wav". Line 1 is the
        first row.
    """

    def __init__(
        self,
        message: str,
        counts: Mapping[str, int],
        examples: tuple[str, ...],
    ) -> None:
        super().__init__(REJECTS, message)
        self.counts = dict(counts)
        self.examples = examples

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.counts, self.examples)

    @classmethod
    def of(cls, error: str, summary: str) -> TooManyRejectsError:
        """The error for what the program said.

        Args:
          error: Its error message.
          summary: What it printed on standard output.
        """
        rejects = _rejects_of(summary)
        counts: Counter[str] = Counter()
        examples = []
        for line in rejects[1:]:
            if found := _CODE.fullmatch(line):
                counts[found[2]] += int(found[1].replace(",", ""))
            elif found := _LINE.fullmatch(line):
                examples.append(found[1])
        return cls("\n".join([error, *rejects]), counts, tuple(examples))


def _rejects_of(summary: str) -> list[str]:
    """The lines of a summary that are on rejects, with their title."""
    lines = summary.splitlines()
    for begin, line in enumerate(lines):
        if line.startswith("rejected "):
            rest = itertools.takewhile(
                lambda line: line.startswith(" ") or _CODE.fullmatch(line),
                lines[begin + 1 :],
            )
            return [line, *rest]
    return []
