"""Parquet and Arrow files of Hugging Face datasets, which hold the audio.

The audio goes into a tar archive beside the new manifest, as it is.
"""

import json
import os
import tarfile
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from melmill._convert.csv_table import find_column
from melmill._convert.output import NewFile
from melmill._convert.rows import (
    AudioFolders,
    InputError,
    Line,
    Reject,
    Row,
    Settings,
    make_line,
    wanted_text,
)

_ROWS_AT_ONCE = 16
_BLOCK = 512
_NO_PYARROW = (
    "Parquet and Arrow files need the package pyarrow: pip install pyarrow"
)
_MAGICS = (
    (b"RIFF", "wav"),
    (b"RF64", "wav"),
    (b"fLaC", "flac"),
    (b"OggS", "ogg"),
    (b"ID3", "mp3"),
    (b"\xff", "mp3"),
    (b"NIST_1A", "sph"),
)


class ArchiveFile(Protocol):
    """What an archive is written to, such as a NewFile."""

    def write(self, data: bytes) -> None:
        """Adds bytes."""

    def commit(self) -> None:
        """Puts the file in place."""

    def discard(self) -> None:
        """Leaves no file behind, unless it is in place."""


class AudioArchive:
    """The tar archive that goes with a manifest. Not thread-safe.

    It is made when the first audio is added. Leaving it as a context without
    commit() leaves no file behind.

    Args:
      manifest: Path of the manifest; the archive has its name with .tar.
      new_file: Makes the file of a path.

    Raises:
      OSError: From any function, if it cannot be written.
    """

    def __init__(
        self, manifest: str, new_file: Callable[[str], ArchiveFile] = NewFile
    ) -> None:
        self.path = _archive_path(manifest)
        self._manifest = manifest
        self._new_file = new_file
        self._new: ArchiveFile | None = None
        self._position = 0
        self._num_members = 0

    def __enter__(self) -> "AudioArchive":
        return self

    def __exit__(self, *error: object) -> None:
        if self._new is not None:
            self._new.discard()

    def add(self, suffix: str, data: bytes) -> dict[str, int | float]:
        """Adds a member. The fields of its byte range."""
        if self._new is None:
            self._new = self._new_file(self.path)
        member = tarfile.TarInfo(f"{self._num_members:09}.{suffix}")
        self._num_members += 1
        member.size = len(data)
        header = member.tobuf(tarfile.PAX_FORMAT)
        padding = bytes(-len(data) % _BLOCK)
        for piece in (header, data, padding):
            self._new.write(piece)
        offset = self._position + len(header)
        self._position = offset + len(data) + len(padding)
        return {"audio_offset": offset, "audio_bytes": len(data)}

    def commit(self) -> None:
        """Puts the archive in place.

        The manifest of an earlier run goes first: its byte ranges may be wrong
        for the new archive.
        """
        if self._new is None:
            return
        self._new.write(bytes(2 * _BLOCK))
        if os.path.exists(self._manifest):
            os.unlink(self._manifest)
        self._new.commit()
        self._new = None


def check_archive(manifest: str) -> None:
    """Checks that no file but that of an earlier run has the archive's name.

    Raises:
      InputError: Another file has it.
    """
    path = _archive_path(manifest)
    if os.path.exists(path) and not _has_archive(manifest):
        raise InputError(
            f"{path} is in the way: the audio would go there. Delete it, or "
            "give the manifest another name"
        )


def _archive_path(manifest: str) -> str:
    return manifest.removesuffix(".jsonl") + ".tar"


def _has_archive(manifest: str) -> bool:
    """Whether a manifest that is there speaks of the archive."""
    try:
        with open(manifest, "rb") as file:
            line = json.loads(file.readline(1 << 20))
    except (OSError, ValueError):
        return False
    return isinstance(line, dict) and line.get("audio") == _archive_path(
        manifest
    )


def convert(
    path: str, settings: Settings, archive: AudioArchive
) -> Iterator[Line]:
    """A line for each row of a Parquet or an Arrow file.

    Audio that the file only names starts from the file's folder.

    Raises:
      InputError: pyarrow is missing, the file is damaged, or lacks a column.
      OSError: A file cannot be read or written.
    """
    try:
        import pyarrow
    except ModuleNotFoundError as error:
        raise InputError(_NO_PYARROW) from error
    try:
        names, batches = _open(path)
        audio = _audio_column(path, names, settings)
        texts = [name for name, kind in names.items() if kind == "text"]
        text = find_column(path, texts, "text", settings)
        language = find_column(path, texts, "language", settings)
        wanted = [name for name in (audio, text, language) if name]
        folders = AudioFolders([os.path.dirname(path), ""], settings)
        number = 0
        for batch in batches:
            for values in batch.select(wanted).to_pylist():
                number += 1
                yield make_line(
                    path,
                    number,
                    _row,
                    values[audio],
                    values[text] if text else None,
                    (values[language] or "") if language else "",
                    folders,
                    settings,
                    archive,
                )
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        first = str(error).partition("\n")[0]
        raise InputError(f"{path} cannot be read: {first}") from error


def _open(path: str) -> tuple[dict[str, str], Iterator[Any]]:
    """The columns of a file, and its rows in small batches."""
    import pyarrow.ipc
    import pyarrow.parquet

    with open(path, "rb") as file:
        magic = file.read(6)
    if magic[:4] == b"PAR1":
        table = pyarrow.parquet.ParquetFile(
            path,
            buffer_size=1 << 20,
            pre_buffer=False,
            page_checksum_verification=True,
        )
        schema = table.schema_arrow
        columns = [
            name for name in schema.names if _kind(schema.field(name).type)
        ]
        batches = table.iter_batches(_ROWS_AT_ONCE, columns=columns)
        return _columns(schema), batches
    source = pyarrow.memory_map(path)
    if magic == b"ARROW1":
        reader = pyarrow.ipc.open_file(source)
        groups: Iterator[Any] = map(
            reader.get_batch, range(reader.num_record_batches)
        )
    else:
        reader = pyarrow.ipc.open_stream(source)
        groups = iter(reader)
    pieces = (
        group.slice(begin, _ROWS_AT_ONCE)
        for group in groups
        for begin in range(0, group.num_rows, _ROWS_AT_ONCE)
    )
    return _columns(reader.schema), pieces


def _columns(schema: Any) -> dict[str, str]:
    """What each column is: "audio", "text" or ""."""
    return {name: _kind(schema.field(name).type) for name in schema.names}


def _kind(column: Any) -> str:
    import pyarrow.types

    if pyarrow.types.is_struct(column):
        fields = {column.field(n).name for n in range(column.num_fields)}
        return "audio" if {"bytes", "path"} <= fields else ""
    if pyarrow.types.is_string(column) or pyarrow.types.is_large_string(column):
        return "text"
    return ""


def _audio_column(path: str, names: dict[str, str], settings: Settings) -> str:
    found = [name for name, kind in names.items() if kind == "audio"]
    if settings.audio_field in found:
        return settings.audio_field
    if len(found) == 1 and not settings.audio_field:
        return found[0]
    which = f"column {settings.audio_field}" if settings.audio_field else "one"
    raise InputError(
        f"{path} has not {which} with audio (bytes and path); such columns: "
        f"{', '.join(found) or 'none'}; all: {', '.join(names)}\n"
        "  name one with --audio-field NAME"
    )


def _row(
    audio: Any,
    text: str | None,
    language: str,
    folders: AudioFolders,
    settings: Settings,
    archive: AudioArchive,
) -> Row:
    if audio is None:
        raise Reject("there is no audio")
    transcript = wanted_text(text, settings)
    data, path = audio["bytes"], audio["path"]
    if not data:
        return Row(folders.path(path), transcript, language)
    part = archive.add(suffix_of(path, data), data)
    return Row(archive.path, transcript, language, part=part)


def suffix_of(path: str | None, data: bytes) -> str:
    """What the name of a member ends in."""
    ending = os.path.splitext(path or "")[1][1:].lower()
    if ending.isalnum() and ending.isascii() and len(ending) <= 5:
        return ending
    for magic, suffix in _MAGICS:
        if data.startswith(magic):
            return suffix
    return "bin"
