"""The new manifest, and the list of lines that are not in it.

Both are whole or not there: they are written under other names first.
"""

import dataclasses
import json
import os
import tempfile
from collections.abc import Sequence
from types import TracebackType
from typing import IO

from melmill._convert.language import (
    has_template,
    language_name,
    with_template,
)
from melmill._convert.rows import (
    InputError,
    Line,
    Reject,
    Row,
    Settings,
    is_url,
)

_NUM_EXAMPLES = 3


class NewFile:
    """A file that gets its name when it is whole. Not thread-safe.

    Raises:
      OSError: From any function, if the file cannot be written.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        folder, name = os.path.split(path)
        number, self._temporary = tempfile.mkstemp(
            prefix=f".{name}.", dir=folder or "."
        )
        self.file: IO[bytes] = os.fdopen(number, "wb", 1 << 20)

    def write(self, data: bytes) -> None:
        """Adds bytes."""
        self.file.write(data)

    def commit(self) -> None:
        """Flushes the file to the disk and gives it its name."""
        self.file.flush()
        mask = os.umask(0)
        os.umask(mask)
        os.fchmod(self.file.fileno(), 0o666 & ~mask)
        os.fsync(self.file.fileno())
        self.file.close()
        os.replace(self._temporary, self.path)

    def discard(self) -> None:
        """Removes the file, unless it has its name."""
        if os.path.exists(self._temporary):
            os.unlink(self._temporary)
        self.file.close()


@dataclasses.dataclass
class Reason:
    """How many lines were rejected for a reason, and the first of them."""

    num_lines: int = 0
    examples: list[str] = dataclasses.field(default_factory=list)


class Output:
    """Writes rows to the manifest `path`, and rejects to `path`.rejects.

    Leaving it as a context without close() leaves no file behind.

    Attributes:
      path: Path of the manifest.
      num_rows: Rows so far.
      num_rejects: Rejected lines so far.
      num_plain: Rows whose text does not have the template, unless it is to
        have none.
      num_urls: Rows whose audio is at a URL.
      has_segments: Whether a row has `start` and `end`.
      reasons: Why lines were rejected.
    """

    def __init__(self, path: str, settings: Settings) -> None:
        self.path = path
        self.num_rows = 0
        self.num_rejects = 0
        self.num_plain = 0
        self.num_urls = 0
        self.has_segments = False
        self.reasons: dict[str, Reason] = {}
        self.rejects_path = f"{path}.rejects"
        self._settings = settings
        self._rows = NewFile(path)
        try:
            self._rejects = NewFile(self.rejects_path)
        except OSError:
            self._rows.discard()
            raise

    def __enter__(self) -> "Output":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._rows.discard()
        self._rejects.discard()

    def write(self, line: Line) -> None:
        """Writes one line, to the one file or to the other."""
        if isinstance(line.result, Reject):
            self._reject(line, line.result)
            return
        try:
            self.write_row(self._json(line.result).encode())
        except UnicodeEncodeError:
            reject = Reject("the path or the text is not UTF-8")
            self._reject(line, reject)

    def write_row(self, text: bytes) -> None:
        """Writes a row that is JSON already, without its line end."""
        self._rows.file.write(text + b"\n")
        self.num_rows += 1

    def close(self) -> None:
        """Puts both files in place: the manifest only if it has rows.

        Without rejects there is no list of them afterwards.
        """
        if self.num_rejects:
            self._rejects.commit()
        elif os.path.exists(self.rejects_path):
            os.unlink(self.rejects_path)
        if self.num_rows:
            self._rows.commit()

    def _json(self, row: Row) -> str:
        fields: dict[str, object] = {"audio": row.audio, **row.part}
        self.has_segments |= "start" in row.part
        self.num_urls += is_url(row.audio)
        if row.text is not None:
            fields["text"] = self._text(row.text, row.language)
        if row.id:
            fields["id"] = row.id
        return json.dumps(fields, ensure_ascii=False)

    def _text(self, text: str, language: str) -> str:
        if self._settings.plain_text:
            return text
        name = language_name(language or self._settings.language)
        if name:
            return with_template(text, name)
        self.num_plain += not has_template(text)
        return text

    def _reject(self, line: Line, reject: Reject) -> None:
        self.num_rejects += 1
        fields = {
            "file": line.file,
            "line": line.number,
            "audio": reject.audio,
            "message": str(reject),
        }
        # Whatever the source has: bytes that are not UTF-8 become \udcXX.
        self._rejects.file.write(json.dumps(fields).encode() + b"\n")
        reason = self.reasons.setdefault(reject.reason, Reason())
        reason.num_lines += 1
        if len(reason.examples) < _NUM_EXAMPLES:
            text = str(reject).removeprefix(reject.reason)
            where = f"{line.file} line {line.number}{text[:200]}"
            reason.examples.append(where)


def check_output(path: str, inputs: Sequence[str]) -> None:
    """Checks that a manifest can be written without loss of another file.

    Raises:
      InputError: It is not named as a manifest, or would replace an input.
    """
    if not path.endswith(".jsonl"):
        raise InputError(f"the name of the new manifest, {path}, must end in "
                         ".jsonl")  # fmt: skip
    for source in inputs:
        if os.path.exists(path) and os.path.samefile(source, path):
            raise InputError(f"{path} would replace the input of that name")
    if os.path.isdir(path):
        raise InputError(f"{path} is a folder")
