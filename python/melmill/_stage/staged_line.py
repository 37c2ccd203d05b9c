"""Lines of a manifest: reads the audio string, and adds the local path."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from typing import BinaryIO, NoReturn

MAX_LINE_BYTES = 16 << 20  # as the program has it

_SPACE = re.compile(r"[ \t\r\n]*")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class LineError(Exception):
    """A line that has no usable audio string.

    Attributes:
      code: As in rejects.jsonl of a store: bad_json, missing_audio ...
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def read_lines(file: BinaryIO) -> Iterator[bytes | None]:
    """The lines, without their ends; None for one over 16 MiB.

    A longer line costs no more memory than that.
    """
    is_first = True
    longest = MAX_LINE_BYTES + 2  # with its end
    while line := file.readline(longest):
        part = line
        while len(part) == longest and not part.endswith(b"\n"):
            part = file.readline(longest)
        if is_first:
            line = line.removeprefix(_BYTE_ORDER_MARK)
            is_first = False
        line = line.rstrip(b"\r\n")
        yield line if len(line) <= MAX_LINE_BYTES else None


def is_blank(line: bytes) -> bool:
    return not line.strip(b" \t")


@dataclasses.dataclass(frozen=True)
class _Field:
    value: object
    start: int  # of the value's text in the line
    end: int


@dataclasses.dataclass(frozen=True)
class StagedLine:
    """A line with an audio string.

    Attributes:
      audio: The audio string.
    """

    audio: str
    _text: str
    _path: _Field | None

    @staticmethod
    def parse(line: bytes, *, audio_field: str, path_field: str) -> StagedLine:
        """Reads a line; the fields that are not named may hold anything.

        Raises:
          LineError: The line is not one JSON object, or has no audio string.
        """
        if b"\0" in line:
            raise LineError("raw_nul", "the line has a NUL byte")
        try:
            text = line.decode()
        except UnicodeDecodeError:
            raise LineError("invalid_utf8", "the line is not UTF-8") from None
        try:
            fields = _read_fields(text)
        except (ValueError, IndexError):
            raise LineError("bad_json", "the line is not JSON") from None
        except RecursionError:
            raise LineError(
                "too_deep", "the line has too many levels"
            ) from None
        audio = fields.get(audio_field)
        if audio is None:
            raise LineError("missing_audio", f"no field {audio_field}")
        if not isinstance(audio.value, str) or not audio.value:
            raise LineError("bad_audio", f"{audio_field} is not a string")
        if "\0" in audio.value:
            raise LineError("bad_audio", f"{audio_field} has a NUL")
        return StagedLine(audio.value, text, fields.get(path_field))

    def with_path(self, path: str, path_field: str) -> bytes:
        """The line with the local path as a further, last field.

        All else stays as it was written, byte for byte. A path that the line
        has already is replaced where it stands.
        """
        text = self._text
        value = json.dumps(path, ensure_ascii=False)
        if self._path is not None:
            start, end = self._path.start, self._path.end
            return (text[:start] + value + text[end:]).encode()
        end = text.rindex("}")
        name = json.dumps(path_field)
        return f"{text[:end].rstrip()}, {name}: {value}{text[end:]}".encode()


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _drop_number(_: str) -> None:
    """Numbers are not converted: nobody needs them, and some are huge."""


_decoder = json.JSONDecoder(
    parse_int=_drop_number,
    parse_float=_drop_number,
    parse_constant=_refuse_constant,
)


def _read_fields(text: str) -> dict[str, _Field]:
    """The fields of the object that a line is, with their places.

    Raises:
      LineError: The line is something else, or has a field twice.
      ValueError, IndexError, RecursionError: It is not JSON, or too deep.
    """
    fields: dict[str, _Field] = {}
    place = _skip_space(text, 0)
    if text[place] != "{":
        _decoder.decode(text)
        raise LineError("not_an_object", "the line is not a JSON object")
    place = _skip_space(text, place + 1)
    is_open = text[place] != "}"
    while is_open:
        if text[place] != '"':
            raise ValueError(text[place])
        name, place = _decoder.raw_decode(text, place)
        place = _skip_space(text, place)
        if text[place] != ":":
            raise ValueError(text[place])
        start = _skip_space(text, place + 1)
        value, end = _decoder.raw_decode(text, start)
        if name in fields:
            raise LineError("duplicate_key", f"the line has {name} twice")
        fields[name] = _Field(value, start, end)
        place = _skip_space(text, end)
        if text[place] not in ",}":
            raise ValueError(text[place])
        is_open = text[place] == ","
        if is_open:
            place = _skip_space(text, place + 1)
    if _skip_space(text, place + 1) != len(text):
        raise ValueError("more than one object")
    return fields


def _skip_space(text: str, place: int) -> int:
    match = _SPACE.match(text, place)
    assert match is not None  # it matches nothing, too
    return match.end()
