"""The manifest that stage writes, and the lines that it rejects."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from melmill._remote.remote_error import LocalFaultError


def rejects_path(path: Path) -> Path:
    """train.jsonl.rejects for train.jsonl: no manifest, so no *.jsonl."""
    return path.with_name(f"{path.name}.rejects")


class OutputFiles:
    """Writes both files under other names, which `finish` replaces.

    A context manager: without `finish` nothing changes.

    Args:
      path: The manifest. Its folder must exist.

    Raises:
      LocalFaultError: A file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.num_rejected = 0
        self._names = [rejects_path(path), path]
        self._partial = [
            name.with_name(f".{name.name}.partial") for name in self._names
        ]
        self._files: list[BinaryIO] = []
        try:
            for name in self._partial:
                self._files.append(name.open("wb"))
        except OSError as error:
            self._drop()
            raise LocalFaultError(f"{path}: {error.strerror}") from error

    def write(self, line: bytes) -> None:
        """Adds a line, without its end, to the manifest."""
        self._write(1, line)

    def reject(self, *, line: int, audio: str, code: str, message: str) -> None:
        """Adds a rejected line. `audio` must be free of secrets."""
        self.num_rejected += 1
        reject = {
            "line": line,
            "audio": audio,
            "code": code,
            "message": message,
        }
        self._write(0, json.dumps(reject, ensure_ascii=False).encode())

    def finish(self) -> None:
        """Gives both files their names; without rejects only the manifest."""
        try:
            for file in self._files:
                file.flush()
                os.fsync(file.fileno())
            rejects, _ = self._names
            if self.num_rejected > 0:
                self._partial[0].replace(rejects)
            else:
                rejects.unlink(missing_ok=True)  # of an earlier run
            self._partial[1].replace(self._names[1])
        except OSError as error:
            raise self._fault(error) from error

    def __enter__(self) -> OutputFiles:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._drop()

    def _write(self, index: int, line: bytes) -> None:
        try:
            self._files[index].write(line + b"\n")
        except OSError as error:
            raise self._fault(error) from error

    def _fault(self, error: OSError) -> LocalFaultError:
        return LocalFaultError(f"{self._names[1]}: {error.strerror}")

    def _drop(self) -> None:
        for file in self._files:
            with contextlib.suppress(OSError):  # what is left to write is lost
                file.close()
        for name in self._partial:
            with contextlib.suppress(OSError):
                name.unlink(missing_ok=True)
