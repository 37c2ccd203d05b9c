"""The file systems of fsspec, one for each scheme."""

from __future__ import annotations

import importlib
from typing import Any, Final

from melmill._remote.remote_error import error_of

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


def file_system(scheme: str) -> Any:
    """A file system of fsspec, which shares nothing with others.

    Raises:
      MissingPackageError: fsspec or the scheme's package is missing.
      RemoteFaultError: The package cannot start, for lack of credentials.
    """
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
