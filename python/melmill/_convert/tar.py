"""Tar archives of WebDataset and of lhotse Shar, as byte ranges.

Only the headers of 512 bytes are read, and the texts.
"""

import dataclasses
import itertools
import json
import os
import re
from collections.abc import Iterator
from typing import BinaryIO

from melmill._convert import lhotse
from melmill._convert.json_lines import open_input, read_objects
from melmill._convert.rows import (
    AUDIO_SUFFIXES,
    LANGUAGE_NAMES,
    MAX_LINE_BYTES,
    TEXT_NAMES,
    InputError,
    Line,
    Reject,
    Row,
    Settings,
    make_line,
    wanted_text,
    warn,
)

_BLOCK = 512
_MAX_EXTENSION_BYTES = 1 << 20  # of a long name or of pax records
_REGULAR = b"0\x007"
_WITHOUT_DATA = b"123456"  # links, devices, folders and pipes
# A key ends at the first dot of the last part of the name.
_KEY = re.compile(r"((?:.*/)?[^./]+)\.([^/]+)", re.S)
_SHAR = re.compile(r"(?:[^.]+(\.\d+)|recording)\.tar")


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """A regular file in an archive.

    Attributes:
      name: Its path in the archive.
      offset: Where its bytes begin.
      num_bytes: How many there are.
    """

    name: str
    offset: int
    num_bytes: int


def convert(path: str, settings: Settings) -> Iterator[Line]:
    """A line for each sample, in the order of the archive.

    Numbers of lines count samples.

    Raises:
      InputError: The archive is damaged, compressed or cut off.
      OSError: It cannot be read.
    """
    cuts = _cuts_beside(path)
    with open_input(path) as file:
        if cuts:
            yield from _convert_shar(path, file, cuts, settings)
            return
        for number, sample in enumerate(_samples(path, file), start=1):
            yield make_line(
                *(path, number), _sample_row, path, file, sample, settings
            )


# ---- WebDataset ----


def _samples(path: str, file: BinaryIO) -> Iterator[list[Member]]:
    """Members that follow each other and have one key."""
    named = (
        (key[1], member)
        for member in read_members(path, file)
        if (key := _KEY.fullmatch(member.name))
    )
    for _, group in itertools.groupby(named, key=lambda pair: pair[0]):
        yield [member for _, member in group]


def _suffix(member: Member) -> str:
    """What follows the key of a member."""
    found = _KEY.fullmatch(member.name)
    assert found
    return found[2].lower()


def _sample_row(
    path: str, file: BinaryIO, sample: list[Member], settings: Settings
) -> Row:
    sounds = [
        member
        for member in sample
        if _suffix(member).rpartition(".")[2] in AUDIO_SUFFIXES
    ]
    if len(sounds) != 1:
        names = ", ".join(member.name for member in sample[:10])
        raise Reject("the sample has not one audio member", names, path)
    [sound] = sounds
    key = sound.name.removesuffix(sound.name[-len(_suffix(sound)) - 1 :])
    text, language = _sample_text(path, file, sample, settings)
    return Row(path, text, language, key, _range(sound))


def _range(member: Member) -> dict[str, int | float]:
    return {"audio_offset": member.offset, "audio_bytes": member.num_bytes}


def _sample_text(
    path: str, file: BinaryIO, sample: list[Member], settings: Settings
) -> tuple[str | None, str]:
    """Text and language in the .txt or .json of a sample."""
    by_suffix = {_suffix(member): member for member in sample}
    text: object = None
    language: object = None
    if member := by_suffix.get("json"):
        try:
            fields = json.loads(_read_text(file, member, path))
        except (ValueError, RecursionError) as error:
            raise Reject("a .json is not JSON", member.name, path) from error
        if isinstance(fields, dict):
            text = _first(fields, settings.text_field, TEXT_NAMES)
            language = _first(fields, settings.language_field, LANGUAGE_NAMES)
    if member := by_suffix.get("txt"):
        text = _read_text(file, member, path).strip()
    if text is None and not settings.no_text:
        names = ", ".join(member.name for member in sample[:10])
        raise Reject("no text is next to the audio", names, path)
    return (
        wanted_text(text, settings),
        language if isinstance(language, str) else "",
    )


def _first(
    fields: dict[str, object], given: str, usual: tuple[str, ...]
) -> object:
    """The first of the fields that is there."""
    names = (given,) if given else usual
    return next((fields[name] for name in names if name in fields), None)


def _read_text(file: BinaryIO, member: Member, path: str) -> str:
    if member.num_bytes > MAX_LINE_BYTES:
        raise Reject("a text is longer than 16 MiB", member.name, path)
    try:
        return os.pread(file.fileno(), member.num_bytes, member.offset).decode(
            "utf-8-sig"
        )
    except UnicodeDecodeError as error:
        raise Reject("a text is not UTF-8", member.name, path) from error


# ---- lhotse Shar ----


def _cuts_beside(path: str) -> str:
    """The file of cuts that goes with an archive of Shar, or ""."""
    folder, name = os.path.split(path)
    if found := _SHAR.fullmatch(name):
        for suffix in (".jsonl.gz", ".jsonl"):
            cuts = os.path.join(folder, f"cuts{found[1] or ''}{suffix}")
            if os.path.exists(cuts):
                return cuts
    return ""


def _convert_shar(
    path: str, file: BinaryIO, cuts: str, settings: Settings
) -> Iterator[Line]:
    """A line for each cut: two members each, the data and its manifest."""
    members = read_members(path, file)
    number = 0
    for number, cut in read_objects(cuts):
        data, manifest = next(members, None), next(members, None)
        if data is None or manifest is None:
            raise InputError(f"{path} ends before the cuts of {cuts} do")
        if isinstance(cut, Reject):
            yield Line(cuts, number, cut)
            continue
        yield make_line(*(cuts, number), _shar_row, path, cut, data, settings)
    if next(members, None) is not None:
        raise InputError(f"{path} has more members than {cuts} has cuts")


def _shar_row(
    path: str, cut: lhotse.Json, data: Member, settings: Settings
) -> Row:
    name = lhotse.cut_id(cut)
    key, _, suffix = data.name.rpartition(".")
    if key != name:
        raise Reject(
            "the member is not that of the cut", f"{data.name}, {name}", path
        )
    if suffix == "nodata":
        raise Reject("the cut has no audio", name, path)
    lhotse.recording_of(cut)
    text, language = lhotse.text_of(cut, settings)
    # The data is the cut, and not its recording.
    return Row(path, text, language, name, _range(data))


# ---- The format ----


def read_members(path: str, file: BinaryIO) -> Iterator[Member]:
    """The regular files of an archive: ustar, GNU or pax.

    Raises:
      InputError: A header is damaged, or the archive is cut off.
      OSError: It cannot be read.
    """
    end = os.fstat(file.fileno()).st_size
    position = 0
    extended: dict[str, str] = {}  # pax records of the next member
    while position < end:
        header = os.pread(file.fileno(), _BLOCK, position)
        if not any(header):
            _check_end(path, file, position)
            return
        size = _check_header(path, header, position)
        kind = header[156:157]
        position += _BLOCK
        if kind in (b"L", b"K", b"x", b"g"):
            data = _extension(path, file, position, size)
            if kind == b"x":
                extended |= _pax_records(path, data)
            elif kind == b"L":
                extended["path"] = _text(data)
            position += -(-size // _BLOCK) * _BLOCK
            continue
        records, extended = extended, {}
        name = records.get("path") or _name(header)
        if kind == b"S" or any(key.startswith("GNU.sparse") for key in records):
            raise InputError(f"{path}: {name} is a sparse file; unpack it")
        if re.fullmatch("[0-9]{1,19}", records.get("size", "")):
            size = int(records["size"])
        if kind in _WITHOUT_DATA:
            continue
        if position + size > end:
            raise InputError(
                f"{path} was cut off: it ends within {name}; copy it again"
            )
        if kind in _REGULAR and not name.endswith("/"):
            yield Member(name, position, size)
        position += -(-size // _BLOCK) * _BLOCK
    warn(
        f"{path} has no end mark: members may be lost if it was cut off or its "
        "writer was stopped"
    )


def _check_header(path: str, header: bytes, position: int) -> int:
    """Compares the checksum of a header. The size in it."""
    plain = header[:148] + b" " * 8 + header[156:]
    sums = {sum(plain), sum(b - 256 if b > 127 else b for b in plain)}
    try:
        if len(header) < _BLOCK or _number(header[148:156]) not in sums:
            raise ValueError
        size = _number(header[124:136])
        if size < 0:
            raise ValueError
    except ValueError as error:
        what = "no tar archive" if position == 0 else "damaged"
        raise InputError(
            f"{path} is {what}: no header at byte {position}"
        ) from error
    return size


def _number(field: bytes) -> int:
    """A number of a header: octal digits, or binary with a mark."""
    if field[0] in (0x80, 0xFF):
        value = int.from_bytes(field[1:], "big")
        return value - (256 ** (len(field) - 1) if field[0] == 0xFF else 0)
    return int(field.rstrip(b" \0").lstrip() or b"0", 8)


def _name(header: bytes) -> str:
    name = _text(header[:100])
    prefix = _text(header[345:500])
    if header[257:263] == b"ustar\0" and prefix:
        return f"{prefix}/{name}"
    return name


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode(errors="surrogateescape")


def _extension(path: str, file: BinaryIO, position: int, size: int) -> bytes:
    if size > _MAX_EXTENSION_BYTES:
        raise InputError(
            f"{path} is damaged: a name of {size} bytes at byte {position}"
        )
    data = os.pread(file.fileno(), size, position)
    if len(data) < size:
        raise InputError(f"{path} was cut off: copy it again")
    return data


def _pax_records(path: str, data: bytes) -> dict[str, str]:
    """Records of the form "LENGTH KEY=VALUE" with line ends."""
    records = {}
    while data and data[0]:
        digits, space, _ = data[:21].partition(b" ")
        if (
            not space
            or not digits.isdigit()
            or not (len(digits) + 3 <= int(digits) <= len(data))
        ):
            raise InputError(f"{path} is damaged: wrong pax records")
        record, data = data[: int(digits)], data[int(digits) :]
        key, _, value = record[len(digits) + 1 : -1].partition(b"=")
        records[_text(key)] = value.decode(errors="surrogateescape")
    return records


def _check_end(path: str, file: BinaryIO, position: int) -> None:
    """Checks that nothing but zeros follows the end mark, for a while."""
    if any(os.pread(file.fileno(), 64 << 10, position)):
        raise InputError(
            f"{path} holds several archives, one after the other; tools read "
            "only the first: split it"
        )
