"""Remote files, by fsspec: their sizes, and copies of them."""

from __future__ import annotations

import importlib
import os
import threading
from typing import Any, Final

from melmill._stage.audio_url import AudioUrl
from melmill._stage.remote_error import GoneError, RemoteFaultError, error_of

MAX_CONNECTIONS: Final = 64

# What fsspec needs for each scheme.
_PACKAGES = {
    "s3": "s3fs",
    "gs": "gcsfs",
    "https": "aiohttp",
    "http": "aiohttp",
    "hf": "huggingface_hub",
}

_CONNECT_TIMEOUT_S = 30
_READ_TIMEOUT_S = 60  # without a byte; a whole file may take longer


class MissingPackageError(Exception):
    """A package is not installed; the message has the command."""


class RemoteFiles:
    """The files of all schemes. Threads may share it."""

    def __init__(self) -> None:
        self._systems: dict[str, Any] = {}
        self._lock = threading.Lock()

    def prepare(self, scheme: str) -> None:
        """Loads what a scheme needs.

        Raises:
          MissingPackageError: fsspec or the scheme's package is missing.
          RemoteFaultError: The package cannot start, for lack of credentials.
        """
        with self._lock:
            if scheme not in self._systems:
                self._systems[scheme] = _file_system(scheme)

    def num_bytes(self, url: AudioUrl) -> int | None:
        """The size that the server gives; None if it gives none.

        Raises: as `copy`.
        """
        try:
            info = self._systems[url.scheme].info(url.text)
        except Exception as error:
            raise error_of(error) from error
        if info.get("type") == "directory":
            raise GoneError("this is a folder")
        size: int | None = info.get("size")
        return size

    def copy(self, url: AudioUrl, path: str) -> int:
        """Copies a file to `path`, which is replaced.

        Returns:
          The number of bytes, which is the one that the server gave.

        Raises:
          GoneError: The server says that there is no such file.
          UrlError: The URL is malformed.
          RemoteFaultError: Server, network or credentials fail, or not all
            bytes came.
          LocalFaultError: `path` cannot be written.
        """
        from fsspec import Callback

        progress = Callback()
        try:
            self._systems[url.scheme].get_file(
                url.text, path, callback=progress
            )
            if os.path.isdir(path):
                os.rmdir(path)
                raise GoneError("this is a folder")
            num_bytes = os.stat(path).st_size
        except GoneError:
            raise
        except Exception as error:
            raise error_of(error, path) from error
        if progress.size is not None and progress.size != num_bytes:
            raise RemoteFaultError(
                f"{num_bytes:,} of {progress.size:,} bytes came"
            )
        return num_bytes


def _file_system(scheme: str) -> Any:
    package = _PACKAGES[scheme]
    for name in ("fsspec", package):
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise MissingPackageError(
                f"{scheme}:// needs the package {error.name}\n"
                f"  to install it: pip install fsspec {package}"
            ) from None
    from fsspec import filesystem

    options: dict[str, Any] = {}
    if package == "aiohttp":
        from aiohttp import ClientTimeout

        timeout = ClientTimeout(
            total=None,
            sock_connect=_CONNECT_TIMEOUT_S,
            sock_read=_READ_TIMEOUT_S,
        )
        # A size is that of the file only if it comes as it is.
        options = {
            "client_kwargs": {"timeout": timeout},
            "headers": {"Accept-Encoding": "identity"},
        }
    elif package == "s3fs":
        options = {"config_kwargs": {"max_pool_connections": MAX_CONNECTIONS}}
    try:
        return filesystem(scheme, skip_instance_cache=True, **options)
    except Exception as error:
        raise error_of(error) from error
