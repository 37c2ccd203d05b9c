"""JSON objects, one a line or in an array, read one at a time."""

import gzip
import io
import json
import os
import re
import stat
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from melmill._convert.rows import MAX_LINE_BYTES, InputError, Reject

_CHUNK_BYTES = 1 << 20
_MARKS = re.compile(rb'["\\\[\]{},]')
_SPACE = b" \t\r\n"
_TOO_LONG = "the line is longer than 16 MiB"


def open_input(path: str) -> BinaryIO:
    """Opens a file to read bytes.

    Raises:
      InputError: It is not a regular file.
      OSError: It cannot be opened.
    """
    # A FIFO without a writer would wait for ever.
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise InputError(f"{path} is not a regular file")
    return open(path, "rb")


def read_objects(path: str) -> Iterator[tuple[int, dict[str, Any] | Reject]]:
    """Each object of a file, or why it is none, and its number.

    The number is that of the line, or that of the element in an array. The file
    may be compressed by gzip. Memory is bounded by the longest object, of at
    most 16 MiB. Blank lines are skipped.

    Raises:
      InputError: The file is not whole.
      OSError: It cannot be read.
    """
    with open_input(path) as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        plain = gzip.GzipFile(fileobj=file) if is_gzip else file
        buffered = io.BufferedReader(cast(Any, plain), _CHUNK_BYTES)
        try:
            if buffered.peek(3)[:3] == b"\xef\xbb\xbf":
                buffered.read(3)
            yield from _objects(path, buffered)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputError(f"{path} is damaged: {error}") from error
        finally:
            buffered.detach()


def _objects(
    path: str, file: io.BufferedReader
) -> Iterator[tuple[int, dict[str, Any] | Reject]]:
    blank = b""
    while (byte := file.read(1)) and byte in _SPACE:
        blank += byte if byte == b"\n" else b""
    if byte == b"[":
        for number, element in enumerate(_elements(path, file), start=1):
            yield number, parse_object(element)
        return
    for number, line in enumerate(read_lines(file, byte), 1 + len(blank)):
        if line is None or not line.isspace():
            yield number, parse_object(line)


def read_lines(
    file: BinaryIO, beginning: bytes = b""
) -> Iterator[bytes | None]:
    """Each line with its end, or None for one of more than 16 MiB.

    Args:
      file: Where to read.
      beginning: What was read of the first line already.
    """
    while line := beginning + file.readline(MAX_LINE_BYTES):
        beginning = b""
        if len(line) < MAX_LINE_BYTES or line.endswith(b"\n"):
            yield line
            continue
        while (rest := file.readline(_CHUNK_BYTES)) and rest[-1:] != b"\n":
            pass
        yield None


def _elements(path: str, file: io.BufferedReader) -> Iterator[bytes | None]:
    """Each element of an array whose bracket was read; None if too long."""
    element = bytearray()
    is_too_long = False
    depth = 0
    in_string = False
    escaped_at = -1  # in this chunk
    while chunk := file.read(_CHUNK_BYTES):
        begin = 0
        for match in _MARKS.finditer(chunk):
            at = match.start()
            mark = chunk[at]
            if in_string:
                if at == escaped_at:
                    continue
                if mark == 0x5C:  # a backslash
                    escaped_at = at + 1
                elif mark == 0x22:
                    in_string = False
            elif mark == 0x22:
                in_string = True
            elif mark in b"[{":
                depth += 1
            elif depth > 0 and mark in b"]}":
                depth -= 1
            elif depth == 0 and mark in b",]":  # the end of an element
                element += chunk[begin:at]
                begin = at + 1
                is_last = mark != 0x2C
                if is_too_long or not is_last or element.strip(_SPACE):
                    yield None if is_too_long else bytes(element)
                if is_last:
                    if (chunk[begin:] + file.read(_CHUNK_BYTES)).strip(_SPACE):
                        raise InputError(f"{path} goes on behind its array")
                    return
                element.clear()
                is_too_long = False
        element += chunk[begin:]
        escaped_at = 0 if escaped_at == len(chunk) else -1
        if len(element) > MAX_LINE_BYTES:
            element.clear()
            is_too_long = True
    raise InputError(f"{path} ends within its array: it was cut off")


def parse_object(line: bytes | None) -> dict[str, Any] | Reject:
    """The object that a line holds, or why it holds none."""
    if line is None:
        return Reject(_TOO_LONG)
    try:
        value = json.loads(line.decode())
    except UnicodeDecodeError:
        return Reject("the line is not UTF-8")
    except (ValueError, RecursionError) as error:
        return Reject("the line is not JSON", str(error).split("\n")[0][:200])
    if not isinstance(value, dict):
        return Reject("the line is not a JSON object")
    return value
