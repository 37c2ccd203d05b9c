"""URLs of audio: which can be copied, and the names of their copies."""

from __future__ import annotations

import dataclasses
import hashlib
import posixpath
import re
import urllib.parse

from melmill._remote.url_text import BUCKET, UrlError, problem_of_text

SCHEMES = ("s3", "gs", "https", "http", "hf")

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_MISSPELLED = re.compile(rf"({'|'.join(SCHEMES)}):", re.IGNORECASE)
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,8}")

_MAX_STEM = 60  # characters


@dataclasses.dataclass(frozen=True)
class AudioUrl:
    """A URL that a server can be asked for.

    Attributes:
      text: As in the manifest, but for the scheme, which is in small letters.
      scheme: One of SCHEMES.
      digest: 16 bytes, another for every URL.
    """

    text: str
    scheme: str
    digest: bytes

    @property
    def local_name(self) -> str:
        """The path of the copy in its folder, such as 3f2/a9c…-clip.flac.

        The copies are in 4,096 folders. The name begins with a hash of the
        whole URL, so each URL has a name of its own. The rest is for people:
        the file's own name, in plain letters, and its extension.
        """
        path = self.text
        if self.scheme in ("http", "https"):
            path = urllib.parse.unquote(urllib.parse.urlsplit(path).path)
        stem, extension = posixpath.splitext(posixpath.basename(path))
        if not _EXTENSION.fullmatch(extension):
            extension = ""
        stem = re.sub(r"[^A-Za-z0-9_-]+", "_", stem)[:_MAX_STEM]
        name = self.digest.hex()
        return f"{name[:3]}/{name[3:]}-{stem}{extension}"


def parse_url(audio: str) -> AudioUrl | None:
    """Checks the audio string of a line.

    Returns:
      The URL; None for a local path.

    Raises:
      UrlError: The string is a URL that cannot be copied.
    """
    match = _SCHEME.match(audio)
    if match is None:
        if _MISSPELLED.match(audio):
            raise UrlError("bad_url", "a URL has two slashes behind its scheme")
        return None
    scheme = match[1].lower()
    if scheme not in SCHEMES:
        raise UrlError(
            "unknown_scheme",
            f"{scheme}:// is none of {', '.join(SCHEMES)}",
        )
    rest = audio[match.end() :]
    problem = _problem(scheme, rest)
    if problem:
        raise UrlError("bad_url", problem)
    digest = hashlib.sha256(audio.encode()).digest()[:16]
    return AudioUrl(f"{scheme}://{rest}", scheme, digest)


def _problem(scheme: str, rest: str) -> str:
    """What is wrong with a URL; empty if nothing is."""
    problem = problem_of_text(rest)
    if problem:
        return problem
    if scheme in ("http", "https"):
        return _problem_of_http(f"{scheme}://{rest}")
    first, _, path = rest.partition("/")
    if scheme == "hf":
        # hf://datasets/OWNER/NAME/FILE, or hf://OWNER/NAME/FILE of a model
        return "" if path.count("/") >= 1 else "the URL names no file"
    if not BUCKET.fullmatch(first):
        return "the URL names no bucket"
    return "" if path.strip("/") else "the URL names no file"


def _problem_of_http(url: str) -> str:
    try:
        parts = urllib.parse.urlsplit(url)
        _ = parts.port  # is checked only when it is asked for
    except ValueError as error:
        return f"malformed URL: {error}"
    if not parts.hostname or " " in parts.netloc:
        return "the URL names no host"
    return ""
