"""Remote files, by fsspec: their sizes, and copies of them."""

from __future__ import annotations

import os
import threading
from typing import Any

from melmill._remote.file_systems import file_system
from melmill._remote.remote_error import GoneError, RemoteFaultError, error_of
from melmill._stage.audio_url import AudioUrl


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
                self._systems[scheme] = file_system(scheme)

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
