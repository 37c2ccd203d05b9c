"""The way of the rows: from a manifest through the copies to another one."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable
from concurrent.futures import Future
from typing import BinaryIO

from melmill._remote.remote_error import GoneError, RemoteFaultError
from melmill._remote.url_text import UrlError, printable
from melmill._stage.audio_url import AudioUrl, parse_url
from melmill._stage.copies import Copies
from melmill._stage.output_files import OutputFiles
from melmill._stage.staged_line import (
    LineError,
    StagedLine,
    is_blank,
    read_lines,
)

# As the program reads it, in a line whose audio is at a URL.
PATH_FIELD = "audio_path"

# Files that may fail before all work stops.
MAX_FAULTS = 16

# Rows that wait until their files are there, and the bytes of their lines.
_MAX_WAITING_ROWS = 10_000
_MAX_WAITING_BYTES = 64 << 20


class TooManyFaultsError(Exception):
    """So many files failed that the next ones will, too."""


@dataclasses.dataclass(frozen=True)
class Fault:
    """A file that could not be copied, through no fault of its row.

    Attributes:
      line: The first line that names it, from 1.
      audio: Its URL, free of secrets.
      message: The cause.
    """

    line: int
    audio: str
    message: str


@dataclasses.dataclass(frozen=True)
class _Row:
    """A line on its way.

    Attributes:
      number: Of the line, from 1.
      audio: The audio string, free of secrets; empty if there is none.
      output: What is written, if all is well.
      digest: Of the URL, if it has one.
      copied: Is done when the file is there; None if it is there already.
      problem: Code and message, if the line is rejected.
    """

    number: int
    audio: str = ""
    output: bytes = b""
    digest: bytes = b""
    copied: Future[None] | None = None
    problem: tuple[str, str] | None = None


class Staging:
    """Stages one manifest.

    Rows are written in the order of the manifest. Memory is bounded, but for
    some 100 bytes for each URL.

    Args:
      copies: Where the audio is copied to.
      output: Where the rows are written to.
      audio_field: The field that has the audio string.
      prepare: Is called with the scheme of each file before it is copied; what
        it raises ends the staging.
    """

    def __init__(
        self,
        copies: Copies,
        output: OutputFiles,
        *,
        audio_field: str,
        prepare: Callable[[str], None],
    ) -> None:
        self.num_rows = 0  # that are finished, rejected ones too
        self.num_local = 0  # that have local audio
        self.faults: list[Fault] = []
        self._copies = copies
        self._output = output
        self._audio_field = audio_field
        self._prepare = prepare
        self._waiting: collections.deque[_Row] = collections.deque()
        self._waiting_bytes = 0
        # URLs by digest: those of waiting rows, and what became of the others.
        self._in_work: dict[bytes, Future[None]] = {}
        self._copied: set[bytes] = set()
        self._rejected: dict[bytes, tuple[str, str]] = {}
        self._failed: set[bytes] = set()  # are in work for good

    def run(self, manifest: BinaryIO) -> None:
        """Stages all rows; those of `faults` are not written.

        Raises:
          TooManyFaultsError: The work stopped; `faults` has the reasons.
          LocalFaultError: This machine cannot write.
        """
        for number, line in enumerate(read_lines(manifest), start=1):
            row = self._take(number, line)
            self._waiting.append(row)
            self._waiting_bytes += len(row.output)
            while self._waiting and (self._is_full() or self._is_next_done()):
                self._give()
        while self._waiting:
            self._give()

    def _is_full(self) -> bool:
        return (
            len(self._waiting) > _MAX_WAITING_ROWS
            or self._waiting_bytes > _MAX_WAITING_BYTES
        )

    def _is_next_done(self) -> bool:
        copied = self._waiting[0].copied
        return copied is None or copied.done()

    def _take(self, number: int, line: bytes | None) -> _Row:
        """Reads a line, and has its file copied."""
        if line is None:
            problem = ("line_too_long", "the line has over 16 MiB")
            return _Row(number, problem=problem)
        if is_blank(line):
            return _Row(number, output=line)
        try:
            row = StagedLine.parse(
                line, audio_field=self._audio_field, path_field=PATH_FIELD
            )
        except LineError as error:
            return _Row(number, problem=(error.code, str(error)))
        audio = printable(row.audio)
        try:
            url = parse_url(row.audio)
        except UrlError as error:
            return _Row(number, audio, problem=(error.code, str(error)))
        if url is None:
            self.num_local += 1
            return _Row(number, audio, line)
        path = str(self._copies.path(url))
        output = row.with_path(path, PATH_FIELD)
        if url.digest in self._copied:
            return _Row(number, audio, output)
        if url.digest in self._rejected:
            return _Row(number, audio, problem=self._rejected[url.digest])
        return _Row(number, audio, output, url.digest, self._begin(url))

    def _begin(self, url: AudioUrl) -> Future[None]:
        if url.digest not in self._in_work:
            self._prepare(url.scheme)
            self._in_work[url.digest] = self._copies.bring(url)
        return self._in_work[url.digest]

    def _give(self) -> None:
        """Writes the row that was taken first, once its file is there."""
        row = self._waiting.popleft()
        self._waiting_bytes -= len(row.output)
        problem = row.problem
        if row.copied is not None:
            try:
                row.copied.result()
                self._copied.add(row.digest)
            except UrlError as error:
                problem = (error.code, str(error))
            except GoneError as error:
                problem = ("not_found", str(error))
            except RemoteFaultError as error:
                self._note(row, str(error))
                return
            self._in_work.pop(row.digest, None)
        if problem is None:
            self._output.write(row.output)
            self.num_rows += not is_blank(row.output)
            return
        if row.digest:
            self._rejected[row.digest] = problem
        code, message = problem
        self._output.reject(
            line=row.number, audio=row.audio, code=code, message=message
        )
        self.num_rows += 1

    def _note(self, row: _Row, message: str) -> None:
        """Remembers that a file failed, once for all rows that name it."""
        if row.digest in self._failed:
            return
        self._failed.add(row.digest)
        self.faults.append(Fault(row.number, row.audio, message))
        if len(self.faults) == MAX_FAULTS:
            raise TooManyFaultsError
