"""Data folders of Kaldi: wav.scp, segments, text, utt2lang."""

import math
import os
import re
import sqlite3
import struct
from collections.abc import Iterator
from typing import IO

from melmill._convert.json_lines import open_input
from melmill._convert.rows import (
    MAX_LINE_BYTES,
    AudioFolders,
    InputError,
    Line,
    Reject,
    Row,
    Settings,
    is_url,
    make_line,
    wanted_text,
    warn,
)

_ARK = re.compile(r"(.+):(\d{1,18})")
_MIN_PLACEHOLDER = 0x7FFFF000  # sizes that a writer into a pipe puts there


def convert(path: str, settings: Settings) -> Iterator[Line]:
    """A line for each utterance: a line of segments, or else of wav.scp.

    Paths start from the working directory, as in Kaldi. Commands are not run.

    Args:
      path: The folder, or its wav.scp, of whatever name.
      settings: The flags.

    Raises:
      InputError: The folder has no wav.scp or no text.
      OSError: A file cannot be read.
    """
    is_folder = os.path.isdir(path)
    folder = path if is_folder else os.path.dirname(path)
    names = {
        name: os.path.join(folder, name)
        for name in ("wav.scp", "segments", "text", "utt2lang")
    }
    if not is_folder:
        names["wav.scp"] = path
    found = {name for name in names if os.path.exists(names[name])}
    if "wav.scp" not in found:
        raise InputError(f"{folder or '.'} has no wav.scp")
    if "text" not in found and not settings.no_text:
        raise InputError(f"{folder or '.'} has no text (--no-text accepts it)")
    audio = _AudioReader(AudioFolders([""], settings))
    with _Table(names["text"] if "text" in found else "") as texts:
        with _Table(names["utt2lang"] if "utt2lang" in found else "") as langs:
            make = _Utterances(texts, langs, audio, settings)
            if "segments" not in found:
                file = names["wav.scp"]
                for number, line in _lines(file):
                    yield make_line(file, number, make.whole, line)
            else:
                file = names["segments"]
                with _Table(names["wav.scp"]) as wavs:
                    for number, line in _lines(file):
                        yield make_line(file, number, make.segment, line, wavs)
        if num_unused := texts.num_rows - make.num_texts:
            warn(f"{num_unused} lines of {names['text']} have no audio")


class _Utterances:
    """Makes rows of utterances."""

    def __init__(
        self,
        texts: "_Table",
        languages: "_Table",
        audio: "_AudioReader",
        settings: Settings,
    ) -> None:
        self._texts = texts
        self._languages = languages
        self._audio = audio
        self._settings = settings
        self.num_texts = 0  # found so far

    def whole(self, line: str) -> Row:
        """The row of a line of wav.scp."""
        name, location = _split(line)
        return self._row(name, location, {})

    def segment(self, line: str, wavs: "_Table") -> Row:
        """The row of a line of segments."""
        name, rest = _split(line)
        fields = rest.split()
        if len(fields) == 4:
            raise Reject(
                "the segment is one channel, and melmill uses the mean of all",
                f"{name} channel {fields[3]}",
            )
        if len(fields) != 3:
            raise Reject("a line of segments has not four fields", name)
        location = wavs.get(fields[0])
        if location is None:
            raise Reject("wav.scp does not have the recording", fields[0])
        try:
            start, end = float(fields[1]), float(fields[2])
        except ValueError:
            start = end = math.nan
        if not (0 <= start < end < math.inf):
            times = f"{name} {fields[1]} {fields[2]}"
            raise Reject("the times of the segment are impossible", times)
        return self._row(name, location, {"start": start, "end": end})

    def _row(
        self, name: str, location: str, segment: dict[str, int | float]
    ) -> Row:
        audio, part = self._audio.find(location)
        text = self._texts.get(name)
        if text is None and not self._settings.no_text:
            raise Reject("text does not have the utterance", name, audio)
        self.num_texts += text is not None
        language = self._languages.get(name) or ""
        text = wanted_text(text, self._settings)
        return Row(audio, text, language, name, {**part, **segment})


class _AudioReader:
    """Finds what a location of wav.scp means."""

    def __init__(self, folders: AudioFolders) -> None:
        self._folders = folders

    def find(self, location: str) -> tuple[str, dict[str, int | float]]:
        """The path of a file, and the fields of its byte range, if any."""
        if location.endswith("|") or location.startswith("|"):
            raise Reject("a command, which is never run", location)
        if location == "-":
            raise Reject("the audio is standard input", location)
        ark = _ARK.fullmatch(location)
        if ark is None:
            return self._folders.path(location), {}
        path = self._folders.path(ark[1])
        if is_url(path):
            raise Reject("the archive is at a URL: copy it here", location)
        try:
            with open_input(path) as file:
                offset, num_bytes = _entry_of_ark(file, int(ark[2]))
        except (
            FileNotFoundError,
            PermissionError,
            NotADirectoryError,
        ) as error:
            reason = f"the archive cannot be opened: {error.strerror}"
            raise Reject(reason, location, path) from error
        except InputError as error:
            raise Reject("the archive is not a file", location) from error
        return path, {"audio_offset": offset, "audio_bytes": num_bytes}


def _entry_of_ark(file: IO[bytes], offset: int) -> tuple[int, int]:
    """Where the sound file of an entry begins in an archive, and its bytes.

    Kaldi writes WAV; kaldiio writes `AUDIO`, a number of bytes, and a file of
    any form.
    """
    file.seek(0, os.SEEK_END)
    num_left = file.tell() - offset
    file.seek(offset)
    head = file.read(16)
    if head[:5] == b"AUDIO" and len(head) >= 14 and 1 <= head[5] <= 8:
        num_bytes = int.from_bytes(head[6 : 6 + head[5]], "little")
        begin = 6 + head[5]
        offset, num_left = offset + begin, num_left - begin
    elif head[:4] in (b"RIFF", b"RIFX") and head[8:12] == b"WAVE":
        order = "<I" if head[:4] == b"RIFF" else ">I"
        (size,) = struct.unpack(order, head[4:8])
        if size == 0 or size >= _MIN_PLACEHOLDER:
            raise Reject("a WAV header in the archive has no size", str(size))
        num_bytes = 8 + size
    else:
        raise Reject(
            "no WAV file begins there in the archive",
            f"at byte {offset} are {head[:4]!r}",
        )
    if num_bytes > num_left:
        raise Reject(
            "the archive is cut off",
            f"{num_bytes} bytes from byte {offset} on, and {num_left} are left",
        )
    return offset, num_bytes


class _Table:
    """A file of ids and values, as a table on the disk: in any order.

    Memory does not grow with the file. Not thread-safe.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._base = sqlite3.connect("")  # in a temporary file
        self._base.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
            "CREATE TABLE t(id BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID"
        )
        if path:
            self._base.executemany(
                "INSERT INTO t VALUES(?, ?) "
                "ON CONFLICT(id) DO UPDATE SET value = NULL",
                (
                    tuple(
                        part.encode(errors="surrogateescape") for part in pair
                    )
                    for pair in map(_split, (line for _, line in _lines(path)))
                ),
            )

        [(self.num_rows,)] = self._base.execute("SELECT count(*) FROM t")

    def __enter__(self) -> "_Table":
        return self

    def __exit__(self, *error: object) -> None:
        self._base.close()

    def get(self, name: str) -> str | None:
        """The value of an id, or None.

        Raises:
          Reject: The file has the id several times.
        """
        key = name.encode(errors="surrogateescape")
        found = self._base.execute("SELECT value FROM t WHERE id = ?", (key,))
        row = found.fetchone()
        if row is None:
            return None
        if row[0] is None:
            raise Reject(f"{self._path} has the id several times", name)
        value: bytes = row[0]
        return value.decode(errors="surrogateescape")


def _split(line: str) -> tuple[str, str]:
    """The id of a line, and the rest."""
    name, _, rest = line.replace("\t", " ", 1).partition(" ")
    return name, rest.strip()


def _lines(path: str) -> Iterator[tuple[int, str]]:
    """Number and text of the lines that are not blank."""
    with open_input(path) as file:
        number = 0
        while line := file.readline(MAX_LINE_BYTES):
            number += 1
            if len(line) == MAX_LINE_BYTES:
                raise InputError(f"{path} line {number} is longer than 16 MiB")
            if text := line.decode(errors="surrogateescape").strip():
                yield number, text
