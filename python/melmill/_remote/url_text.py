"""The text of URLs: what none may hold, and how they are shown."""

from __future__ import annotations

import re
from typing import Final

BUCKET: Final = re.compile(r"[A-Za-z0-9._-]{1,255}|arn:[A-Za-z0-9:/_.-]+")

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_MAX_PRINTED = 200  # characters


class UrlError(Exception):
    """A URL that no server can be asked for.

    Attributes:
      code: bad_url or unknown_scheme.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def problem_of_text(text: str) -> str:
    """What no URL may hold; empty if the text holds nothing like that."""
    if _CONTROL.search(text):
        return "the URL has a control character"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "the URL has half of a surrogate pair"
    return ""


def printable(url: str) -> str:
    """The URL without what may be secret: user, password, query, fragment."""
    url = re.sub(r"//[^/]*@", "//", url)
    url = re.sub(r"[?#].*", "?…", url, flags=re.DOTALL)
    url = _CONTROL.sub("\ufffd", url)
    url = url.encode(errors="replace").decode()
    return url if len(url) <= _MAX_PRINTED else url[:_MAX_PRINTED] + "…"


def without_secrets(text: str) -> str:
    """A message of a library, with each URL in it as `printable` has it."""
    text = re.sub(r"[A-Za-z0-9+.-]+://[^\s'\"<>]+", _printable_match, text)
    return _CONTROL.sub(" ", text).encode(errors="replace").decode()


def _printable_match(match: re.Match[str]) -> str:
    return printable(match[0])
