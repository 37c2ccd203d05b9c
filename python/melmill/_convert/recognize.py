"""What a file or a folder seems to be, by its content."""

import dataclasses
import gzip
import json
import os
import zlib
from typing import Any

from melmill._convert.json_lines import open_input
from melmill._convert.rows import AUDIO_NAMES

_HEAD_BYTES = 64 << 10
_MAGICS = (
    (0, b"PAR1", "parquet", "Parquet"),
    (0, b"ARROW1", "arrow", "Arrow"),
    (257, b"ustar", "tar", "a tar archive"),
    (0, b"BZh", "", "compressed by bzip2: bunzip2 -k"),
    (0, b"\xfd7zXZ", "", "compressed by xz: unxz -k"),
    (0, b"\x28\xb5\x2f\xfd", "", "compressed by Zstandard: unzstd"),
    (0, b"PK\x03\x04", "", "a zip archive: unzip"),
    (0, b"\xff\xfe", "", "UTF-16: iconv -f utf-16 -t utf-8"),
    (0, b"\xfe\xff", "", "UTF-16: iconv -f utf-16 -t utf-8"),
    (0, b"version https://git-lfs", "", "a Git LFS pointer: git lfs pull"),
)


@dataclasses.dataclass(frozen=True)
class Kind:
    """What an input seems to be.

    Attributes:
      format: The FORMAT that reads it; "" if none does.
      name: What it is, in words; with ": COMMAND" where `format` is "".
    """

    format: str
    name: str


def recognize(path: str) -> Kind | None:
    """What an input seems to be, or None.

    Raises:
      InputError: It is neither a folder nor a regular file.
      OSError: It cannot be read.
    """
    if os.path.isdir(path):
        return _folder(path)
    with open_input(path) as file:
        head = file.read(_HEAD_BYTES)
    if head[:2] != b"\x1f\x8b":
        return _file(path, head)
    try:
        unpacked = zlib.decompressobj(31).decompress(head, _HEAD_BYTES)
    except (zlib.error, gzip.BadGzipFile):
        return Kind("", "damaged gzip: get it again")
    kind = _file(path, unpacked)
    if kind is None or kind.format in ("lhotse", "chat"):
        return kind
    return Kind("", f"{kind.name}, compressed by gzip: gunzip -k")


def _folder(path: str) -> Kind | None:
    names = os.listdir(path)
    if "wav.scp" in names:
        return Kind("kaldi", "a data folder of Kaldi")
    for ending, name in (
        ("tar", "tar archives"),
        ("parquet", "Parquet files"),
        ("arrow", "Arrow files"),
    ):
        if any(entry.endswith(f".{ending}") for entry in names):
            return Kind(ending, f"a folder of {name}")
    return None


def _file(path: str, head: bytes) -> Kind | None:
    for offset, magic, kind, name in _MAGICS:
        if head[offset : offset + len(magic)] == magic:
            return Kind(kind, name)
    # A stream of Arrow: a mark, and the length of the schema.
    if head[:4] == b"\xff\xff\xff\xff" and head[6:8] == b"\0\0":
        return Kind("arrow", "Arrow")
    text = head.decode("utf-8-sig", "replace").lstrip()
    first = text.partition("\n")[0]
    if first.startswith(("{", "[")):
        return _json(text)
    if os.path.basename(path) == "wav.scp":
        return Kind("kaldi", "a wav.scp of Kaldi")
    for separator, format_name in (("\t", "tsv"), (",", "csv")):
        columns = [name.strip(' "\r') for name in first.split(separator)]
        if len(columns) > 1 and set(columns) & set(AUDIO_NAMES):
            return Kind(format_name, f"a {format_name.upper()} table")
    return None


def _json(text: str) -> Kind | None:
    text = text.removeprefix("[").lstrip()
    try:
        value, _ = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return _object(value) if isinstance(value, dict) else None


def _object(value: dict[str, Any]) -> Kind | None:
    if value.get("type") in ("MonoCut", "MultiCut", "MixedCut", "Cut"):
        return Kind("lhotse", "cuts of lhotse")
    if "recording" in value and "supervisions" in value:
        return Kind("lhotse", "cuts of lhotse")
    if "sources" in value and "sampling_rate" in value:
        return Kind("", "recordings of lhotse: make cuts with lhotse cut "
                    "simple -r RECORDINGS -s SUPERVISIONS")  # fmt: skip
    if "recording_id" in value:
        return Kind("", "supervisions of lhotse: make cuts with lhotse cut "
                    "simple -r RECORDINGS -s SUPERVISIONS")  # fmt: skip
    if "messages" in value or "conversations" in value:
        return Kind("chat", "chat messages")
    if isinstance(value.get("audio"), str):
        return Kind("audio", "a manifest of melmill")
    for name in AUDIO_NAMES:
        if isinstance(value.get(name), str):
            return Kind("", f"JSON lines that melmill reads itself: melmill "
                        f"validate --audio-field {name}")  # fmt: skip
    return None
