"""Rows on their way from another tool's form to a manifest of melmill."""

import dataclasses
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import ParamSpec

# Names of fields and columns, the most usual first.
AUDIO_NAMES = (
    *("audio", "path", "audio_filepath", "file_name", "filename", "file"),
    *("audio_path", "wav", "audio_file", "wav_path", "wav_filename"),
)
TEXT_NAMES = (
    *("text", "sentence", "transcription", "transcript", "raw_text", "txt"),
    *("label", "normalized_text"),
)
LANGUAGE_NAMES = ("language", "lang", "locale", "source_lang")
AUDIO_SUFFIXES = (
    *("wav", "flac", "mp3", "ogg", "opus", "oga", "m4a", "aac", "wma", "aiff"),
    *("aif", "au", "caf", "webm", "mp4", "sph", "amr"),
)

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")  # as in the program
_COPIED = re.compile(r"(?:s3|gs|https?|hf)://[^/\s]", re.IGNORECASE)
_MISSPELLED = re.compile(r"(?:s3|gs|https?|hf):", re.IGNORECASE)

_Arguments = ParamSpec("_Arguments")

MAX_LINE_BYTES = 16 << 20  # as in the program


class InputError(Exception):
    """The whole input cannot be used; the message says what to do."""


class Reject(Exception):  # noqa: N818  # the program's word for it
    """A line that cannot become a row.

    Args:
      reason: Says why. Lines with the same reason are counted together.
      detail: What differs from line to line.
      audio: The path of the audio, if it is known.
    """

    def __init__(self, reason: str, detail: str = "", audio: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.audio = audio


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """A row of the new manifest.

    Attributes:
      audio: Path of the file, from the working directory, or its URL.
      text: The transcript, or None.
      language: Name or code of its language in the source; "" if it has none.
      id: Name of the row in the source; "" if it has none.
      part: Fields of a byte range, a segment or a channel, such as
        start_sample.
    """

    audio: str
    text: str | None
    language: str = ""
    id: str = ""
    part: Mapping[str, int | float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """What became of a line of the source.

    Attributes:
      file: Path of the source's file.
      number: Number of the line, row or member in it, from 1.
      result: The row, or the reason for none.
    """

    file: str
    number: int
    result: Row | Reject


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """The flags that formats share; "" stands for a flag that is not given."""

    language: str = ""
    language_field: str = ""
    audio_field: str = ""
    text_field: str = ""
    audio_root: str = ""
    no_text: bool = False
    plain_text: bool = False


def make_line(
    file: str,
    number: int,
    make: Callable[_Arguments, Row],
    *arguments: _Arguments.args,
    **named: _Arguments.kwargs,
) -> Line:
    """The line with what `make` returns, or the Reject that it raises."""
    try:
        return Line(file, number, make(*arguments, **named))
    except Reject as reject:
        return Line(file, number, reject)


def warn(message: str) -> None:
    """Tells people of something that is not about one line."""
    print(f"warning: {message}", file=sys.stderr)


def wanted_text(text: object, settings: Settings) -> str | None:
    """The text of a row.

    Raises:
      Reject: There is none, and --no-text is not given; or it is no string.
    """
    if isinstance(text, str):
        return text
    if text is not None:
        raise Reject("the text is not a string")
    if settings.no_text:
        return None
    raise Reject("there is no text (--no-text accepts this)")


def is_url(audio: str) -> bool:
    """Whether an audio string is a URL, of whatever scheme."""
    return _URL.match(audio) is not None


class AudioFolders:
    """Finds where relative paths of a source start.

    Args:
      folders: Where to look, in this order; "" is the working directory. The
        first is used for files that are nowhere.
    """

    def __init__(self, folders: Sequence[str], settings: Settings) -> None:
        self._folders = list(dict.fromkeys(folders))
        if settings.audio_root:
            self._folders = [settings.audio_root]

    def path(self, audio: object) -> str:
        """The path of a file from the working directory, or its URL.

        Raises:
          Reject: `audio` can be neither.
        """
        if not isinstance(audio, str) or not audio or "\0" in audio:
            raise Reject("the path of the audio is missing or no path")
        if _COPIED.match(audio):
            return audio
        if is_url(audio) or _MISSPELLED.match(audio):
            raise Reject("a URL that melmill stage cannot copy", audio, audio)
        paths = [os.path.join(folder, audio) for folder in self._folders]
        if len(paths) > 1 and not os.path.isabs(audio):
            return next(filter(os.path.exists, paths), paths[0])
        return paths[0]
