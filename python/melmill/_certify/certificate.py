"""certificate.json: what a comparison of a store with the reference found."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from pathlib import Path
from typing import Any, Final

from melmill._files.whole_file import write_whole_file

FILE_NAME: Final = "certificate.json"
_FORMAT = {"name": "melmill certificate", "version": 1}
_MAX_BYTES = 16 << 20


@dataclasses.dataclass(frozen=True)
class Failure:
    """A row that is not equal to the reference.

    Attributes:
      what: "different", "changed_audio", "missing_audio", "unreadable_audio" or
        "damaged".
      split: The row's split.
      line: Line of the manifest, from 1.
      audio: `audio` of the manifest line.
      message: What is wrong, in words.
    """

    what: str
    split: str
    line: int
    audio: str
    message: str


@dataclasses.dataclass(frozen=True)
class Certificate:
    """What a comparison found; str() is a verdict.

    Attributes:
      has_passed: Whether the store passed.
      num_rows: Number of rows that were chosen.
      num_rows_of_store: Number of rows that the store has.
      num_equal: Number of rows that equal the reference.
      largest_difference: Largest difference of a feature.
      failures: The first rows that are not equal.
      content: All that certificate.json has; docs/format.md tells the fields.
    """

    has_passed: bool
    num_rows: int
    num_rows_of_store: int
    num_equal: int
    largest_difference: float
    failures: tuple[Failure, ...]
    content: dict[str, Any]

    def __str__(self) -> str:
        reference = self.content["reference"]
        bound = self.content["bound"]
        verdict = "pass" if self.has_passed else "fail"
        if not self.has_passed and self.num_equal == self.num_rows:
            verdict = "fail: too many values beyond the tolerance"
        lines = [
            f"{verdict}: {self.num_equal:,} of {self.num_rows:,} rows equal "
            f"{reference['extractor']} of transformers "
            f"{reference['packages']['transformers']}; the store has "
            f"{self.num_rows_of_store:,}",
            f"largest difference {short(self.largest_difference)}, RMS "
            f"{short(self.content['difference']['rms'])}; "
            f"{bound['values_beyond_tolerance']:,} of "
            f"{self.content['difference']['values']:,} values differ by more "
            f"than {short(bound['tolerance'])} and rounding to "
            f"{bound['feature_type']} ({bound['values_allowed_beyond']:,} may)",
        ]
        return "\n".join(lines)


def short(number: float) -> str:
    """A small number with two digits: 4.9e-4."""
    return f"{number:.1e}".replace("e-0", "e-").replace("e+00", "")


def content_of(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a certificate, after those of its format."""
    return {"format": _FORMAT, **fields}


def is_in_the_way(folder: Path) -> bool:
    """Whether the folder has a certificate.json that melmill did not make.

    Raises:
      OSError: The system cannot read it.
    """
    try:
        with (folder / FILE_NAME).open("rb") as file:
            content = file.read(_MAX_BYTES)
    except FileNotFoundError:
        return False
    except IsADirectoryError:
        return True
    with contextlib.suppress(ValueError, RecursionError):
        found = json.loads(content)
        kind = found.get("format") if isinstance(found, dict) else None
        name = kind.get("name") if isinstance(kind, dict) else None
        return name != _FORMAT["name"]
    return True


def write(certificate: Certificate, folder: Path) -> None:
    """Writes certificate.json.

    Raises:
      OSError: It cannot be written; a certificate that was there stays.
    """
    text = json.dumps(certificate.content, indent=2, ensure_ascii=False)
    content = text.encode("utf-8", "backslashreplace") + b"\n"
    write_whole_file(folder / FILE_NAME, content)
