"""What the tests of melmill convert share."""

import dataclasses
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Json = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Converted:
    """How a conversion ended, and what it wrote."""

    code: int
    stdout: str
    stderr: str
    rows: list[Json]
    rejects: list[Json]

    @property
    def messages(self) -> list[tuple[int, str]]:
        """Number and message of each rejected line."""
        return [(item["line"], item["message"]) for item in self.rejects]


Convert = Callable[..., Converted]


def json_lines(path: Path) -> list[Json]:
    """The objects of a file; none if it is not there."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def write_lines(path: str | Path, items: Iterable[object]) -> None:
    """Writes JSON lines."""
    text = "".join(json.dumps(item) + "\n" for item in items)
    Path(path).write_text(text)


def bytes_of(row: Json) -> bytes:
    """What a row's byte range holds."""
    with open(row["audio"], "rb") as file:
        file.seek(row["audio_offset"])
        return file.read(row["audio_bytes"])
