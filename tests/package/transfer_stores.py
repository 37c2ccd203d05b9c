"""Stores to push and pull, and where they go to."""

import functools
import itertools
import shutil
from pathlib import Path
from typing import Any

from melmill._remote.file_systems import file_system
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from support import REPOSITORY

STORES = REPOSITORY / "tests" / "fixtures" / "stores" / "0.1.0"

_numbers = itertools.count()


class Place:
    """A place for one store on a server of S3."""

    def __init__(self, system: Any) -> None:
        self.path = f"stores/{next(_numbers)}/a b"
        self._system = system

    @property
    def url(self) -> str:
        return f"s3://{self.path}"

    def files(self) -> dict[str, bytes]:
        """Of the server itself, because asking it takes long."""
        (backend,) = s3_backends[DEFAULT_ACCOUNT_ID].values()
        start = f"{self.path}/".removeprefix("stores/")
        return {
            key.name.removeprefix(start): key.value
            for key in backend.buckets["stores"].keys.values()
            if key.name.startswith(start)
        }

    def put(self, name: str, content: bytes) -> None:
        """Puts an object as other programs do: without our checksum."""
        self._system.pipe_file(f"{self.path}/{name}", content)

    def remove(self, name: str) -> None:
        self._system.rm_file(f"{self.path}/{name}")

    def uploads(self) -> list[Any]:
        """Uploads that were begun and did not end."""
        answer = self._system.call_s3("list_multipart_uploads", Bucket="stores")
        return [
            upload
            for upload in answer.get("Uploads", [])
            if upload["Key"].startswith(self.path.removeprefix("stores/"))
        ]


@functools.cache
def the_client() -> Any:
    """The one client of all commands that a test calls."""
    return file_system("s3")


def copied_store(name: str, folder: Path) -> Path:
    shutil.copytree(STORES / name, folder)
    return folder


def is_shard(name: str) -> bool:
    stem, _, end = name.partition(".")
    return bool(stem) and len(end) == len("0123456789ab.h5")


def shards_of(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if is_shard(p.name))


def make_unfinished(store: Path) -> Path:
    """Takes away what only the end of a run makes."""
    for path in list(store.iterdir()):
        if path.name != "plan.h5" and not is_shard(path.name):
            path.unlink()
    (store / "job.json").write_text('{"plan": "x"}\n')
    return store
