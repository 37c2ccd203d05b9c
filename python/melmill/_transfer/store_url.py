"""Where a store is in object storage: s3://bucket/prefix."""

from __future__ import annotations

import dataclasses
import re

from melmill._remote.command_line import UsageError
from melmill._remote.url_text import BUCKET, printable, problem_of_text

_URL = re.compile(r"s3://([^/]*)/?(.*)", re.DOTALL | re.IGNORECASE)


def is_url(text: str) -> bool:
    """Whether an argument is meant as a URL and not as a folder."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*:/", text) is not None


@dataclasses.dataclass(frozen=True)
class StoreUrl:
    """The place of a store.

    Attributes:
      bucket: The bucket's name.
      prefix: What the keys of the store's objects begin with: empty, or with a
        slash at its end.
    """

    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def key(self, name: str) -> str:
        """The key of the object that has a file of the store."""
        return self.prefix + name

    @staticmethod
    def parse(text: str) -> StoreUrl:
        """Reads a URL.

        Raises:
          UsageError: It is none of a store in object storage.
        """
        match = _URL.fullmatch(text)
        if match is None:
            raise UsageError(
                f"{printable(text)} is no place in object storage; give "
                "s3://bucket/prefix"
            )
        bucket, prefix = match[1], match[2].removesuffix("/")
        problem = problem_of_text(text)
        if not problem and not BUCKET.fullmatch(bucket):
            problem = "the URL names no bucket"
        if not problem and prefix and "" in prefix.split("/"):
            problem = "a part of the prefix is empty"
        if problem:
            raise UsageError(f"{printable(text)}: {problem}")
        return StoreUrl(bucket, f"{prefix}/" if prefix else "")
