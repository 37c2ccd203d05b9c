"""Whose fault it is that a file cannot be copied.

The libraries of the schemes raise errors of their own. What counts is the
status that the server gave, wherever an error or its causes carry it. Only
"there is no such file" is a fault of the row. All else may go away: it is the
machine's, the network's or the server's fault.
"""

from __future__ import annotations

import email.utils
import errno
import http
import os
import time
from collections.abc import Iterator, Mapping
from typing import TypeGuard

from melmill._remote.url_text import UrlError, without_secrets

_GONE = (404, 410)
_EXISTS = 412
_NOT_IMPLEMENTED = 501
# Errors of the local disk, whatever raises them.
_DISK_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
# Errors of libraries about the URL itself.
_BAD_URL = ("InvalidURL", "HFValidationError", "ParamValidationError")
# Errors that do not go away by waiting, by their names in Python and in S3.
_LASTING = (
    *("NoCredentialsError", "ProfileNotFound", "RefreshError"),
    *("AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken"),
    *("SignatureDoesNotMatch", "TokenRefreshRequired"),
)

_MAX_MESSAGE = 300  # characters


class GoneError(Exception):
    """The server says that there is no such file."""


class ExistsError(Exception):
    """The server has such a file already, and does not replace it."""


class RemoteFaultError(Exception):
    """The server, the network or the credentials fail.

    Attributes:
      status: What the server answered, as a number of HTTP; None if nothing.
      retry_after_s: What the server asks to wait, in seconds; 0 if nothing.
      can_pass: Whether trying again may help.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float = 0,
        can_pass: bool = True,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s
        self.can_pass = can_pass


class LocalFaultError(Exception):
    """This machine cannot write a file."""


def error_of(error: BaseException, path: str | None = None) -> Exception:
    """What an error of a library means.

    Args:
      error: What was raised when a file was asked for or copied.
      path: The local file that was written.

    Returns:
      A GoneError, ExistsError, UrlError, RemoteFaultError or LocalFaultError,
      to be raised.
    """
    causes = list(_causes(error))
    for cause in causes:
        if _is_local(cause, path):
            return LocalFaultError(f"{path}: {os.strerror(cause.errno or 0)}")
    for cause in causes:
        status, headers = _response_of(cause)
        if status is not None:
            return _error_of_status(status, headers, _code_of(cause))
    last = causes[-1]
    if isinstance(last, FileNotFoundError | NotADirectoryError):
        return GoneError("there is no such file")
    if isinstance(last, IsADirectoryError):
        return GoneError("this is a folder")
    if type(last).__name__ in _BAD_URL:
        return UrlError("bad_url", _describe(last))
    can_pass = not any(type(cause).__name__ in _LASTING for cause in causes)
    return RemoteFaultError(_describe(last), can_pass=can_pass)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error, its cause, and so on."""
    seen: set[int] = set()
    left: BaseException | None = error
    while left is not None and id(left) not in seen:
        seen.add(id(left))
        yield left
        hidden = None if left.__suppress_context__ else left.__context__
        left = left.__cause__ or hidden


def _is_local(error: BaseException, path: str | None) -> TypeGuard[OSError]:
    if not isinstance(error, OSError):
        return False
    if error.errno in _DISK_ERRNOS:
        return True
    return path is not None and error.filename in (path, os.fsencode(path))


def _response_of(
    error: BaseException,
) -> tuple[int | None, Mapping[str, str]]:
    """The status and the headers that the server gave, if it answered."""
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):  # botocore
        meta = response.get("ResponseMetadata", {})
        return meta.get("HTTPStatusCode"), meta.get("HTTPHeaders", {})
    if response is not None:  # requests, httpx
        return getattr(response, "status_code", None), response.headers
    status = getattr(error, "status", None)  # aiohttp
    if isinstance(status, int):
        return status, getattr(error, "headers", None) or {}
    code = getattr(error, "code", None)  # gcsfs
    if isinstance(code, str) and code.isdecimal():
        code = int(code)
    return (code if isinstance(code, int) else None), {}


def _code_of(error: BaseException) -> str:
    """The name that S3 has for an error; empty if it gave none."""
    response = getattr(error, "response", None)
    if not isinstance(response, Mapping):
        return ""
    code = str(response.get("Error", {}).get("Code", ""))
    return code if code.isalnum() and not code.isdecimal() else ""


def _error_of_status(
    status: int, headers: Mapping[str, str], code: str
) -> Exception:
    text = f"HTTP {status}"
    if status in http.HTTPStatus.__members__.values():
        text += f" {http.HTTPStatus(status).phrase}"
    if status in _GONE:
        return GoneError(f"there is no such file ({text})")
    if status == _EXISTS:
        return ExistsError(f"there is such a file ({text})")
    return RemoteFaultError(
        f"{text}: {code}" if code else text,
        retry_after_s=_retry_after_s(headers),
        can_pass=status != _NOT_IMPLEMENTED and code not in _LASTING,
        status=status,
    )


def _retry_after_s(headers: Mapping[str, str]) -> float:
    """The header Retry-After: seconds, or a date."""
    names = {name.lower(): name for name in headers}
    value = str(headers[names["retry-after"]]) if "retry-after" in names else ""
    if value.strip().isdecimal():
        return float(value)
    try:
        date = email.utils.parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return 0.0
    return max(0.0, date.timestamp() - time.time())


def _describe(error: BaseException) -> str:
    text = without_secrets(str(error))[:_MAX_MESSAGE]
    if isinstance(error, OSError) and error.strerror:
        text = without_secrets(error.strerror)[:_MAX_MESSAGE]
    name = type(error).__name__
    return f"{name}: {text}" if text else name
