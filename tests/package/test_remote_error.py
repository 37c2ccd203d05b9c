"""Which errors are the row's fault, and which the machine's."""

import email.utils
import errno
import ssl
import time
from typing import Any

import aiohttp
import botocore.exceptions
import huggingface_hub.errors
import pytest
import requests
from melmill._remote.remote_error import (
    ExistsError,
    GoneError,
    LocalFaultError,
    RemoteFaultError,
    error_of,
)
from melmill._remote.url_text import UrlError
from multidict import CIMultiDict, CIMultiDictProxy
from s3fs.errors import translate_boto_error
from yarl import URL


def of_aiohttp(status: int, **headers: str) -> aiohttp.ClientResponseError:
    url = URL("http://x/a.wav?word")
    fields = CIMultiDictProxy(CIMultiDict[str]())
    info = aiohttp.RequestInfo(url, "GET", fields, url)
    return aiohttp.ClientResponseError(
        info, (), status=status, headers=CIMultiDict(headers)
    )


def of_botocore(status: int, code: str, **headers: str) -> Exception:
    response: Any = {
        "Error": {"Code": code},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers},
    }
    error: Exception = botocore.exceptions.ClientError(response, "GetObject")
    return error


def of_hub(status: int, **headers: str) -> Exception:
    response: Any = requests.Response()
    response.status_code = status
    response.headers.update(headers)
    error: Any = huggingface_hub.errors.RepositoryNotFoundError
    made: Exception = error("x", response=response)
    return made


def caused_by(outer: Exception, cause: BaseException) -> Exception:
    try:
        raise outer from cause
    except type(outer) as error:
        return error


def while_handling(outer: Exception, first: BaseException) -> Exception:
    try:
        try:
            raise first
        except type(first):
            raise outer  # noqa: B904
    except type(outer) as error:
        return error


MISSING = FileNotFoundError("a.wav")


@pytest.mark.parametrize(
    "error",
    [
        MISSING,
        IsADirectoryError("a"),
        NotADirectoryError("a"),
        of_aiohttp(404),
        of_aiohttp(410),
        of_hub(404),
        caused_by(FileNotFoundError("a.wav"), of_aiohttp(404)),
        caused_by(FileNotFoundError("a.wav"), of_hub(404)),
        translate_boto_error(of_botocore(404, "NoSuchKey")),
        translate_boto_error(of_botocore(404, "NoSuchBucket")),
    ],
    ids=repr,
)
def test_what_is_not_there_is_gone(error: Exception) -> None:
    assert isinstance(error_of(error), GoneError)


@pytest.mark.parametrize(
    "error",
    [
        *(of_aiohttp(status) for status in (400, 401, 403, 408, 416, 429)),
        *(of_aiohttp(status) for status in (500, 502, 503, 504, 520)),
        of_hub(401),
        of_hub(429),
        of_hub(503),
        # fsspec calls everything that goes wrong "not found" here.
        caused_by(FileNotFoundError("a.wav"), of_aiohttp(403)),
        caused_by(FileNotFoundError("a.wav"), ConnectionResetError()),
        caused_by(FileNotFoundError("a.wav"), TimeoutError()),
        # So does the hub for what may not be seen.
        caused_by(FileNotFoundError("a.wav"), of_hub(401)),
        translate_boto_error(of_botocore(503, "SlowDown")),
        translate_boto_error(of_botocore(500, "InternalError")),
        while_handling(PermissionError("x"), of_botocore(403, "403")),
        # gcsfs looks for a folder of that name when the file is forbidden.
        while_handling(FileNotFoundError("b/a.wav"), OSError("Forbidden")),
        PermissionError("denied"),
        ConnectionResetError(),
        TimeoutError(),
        aiohttp.ClientPayloadError("not all"),
        aiohttp.ServerTimeoutError(),
        ssl.SSLCertVerificationError("it is also a ValueError"),
        ValueError("a proxy gave HTML for JSON"),
        OSError(errno.EIO, "as s3fs says"),
        OSError(errno.EMFILE, "files"),
    ],
    ids=repr,
)
def test_all_else_is_the_machines_fault(error: Exception) -> None:
    fault = error_of(error, "/d/1")
    assert isinstance(fault, RemoteFaultError)
    assert fault.can_pass
    assert "word" not in str(fault)


def test_the_status_is_named() -> None:
    assert str(error_of(of_aiohttp(403))) == "HTTP 403 Forbidden"
    assert str(error_of(of_aiohttp(520))) == "HTTP 520"


@pytest.mark.parametrize(
    "error",
    [
        aiohttp.InvalidURL("http://x?word"),
        huggingface_hub.errors.HFValidationError(),
    ],
    ids=repr,
)
def test_libraries_know_malformed_urls(error: Exception) -> None:
    found = error_of(caused_by(FileNotFoundError("a.wav"), error))
    assert isinstance(found, UrlError)
    assert "word" not in str(found)


def test_a_wrong_redirect_is_the_servers_fault() -> None:
    error = aiohttp.InvalidUrlRedirectClientError("http:/x")
    assert isinstance(error_of(error), RemoteFaultError)


@pytest.mark.parametrize(
    ("status", "code"),
    [(403, "AccessDenied"), (400, "ExpiredToken"), (501, "NotImplemented")],
)
def test_what_s3_refuses_does_not_pass(status: int, code: str) -> None:
    fault = error_of(translate_boto_error(of_botocore(status, code)))
    assert isinstance(fault, RemoteFaultError)
    assert not fault.can_pass
    assert fault.status == status
    assert str(fault).endswith(f": {code}")


def test_what_is_there_is_no_fault() -> None:
    error = translate_boto_error(of_botocore(412, "PreconditionFailed"))
    assert isinstance(error_of(error), ExistsError)


def test_missing_credentials_do_not_come_by_waiting() -> None:
    fault = error_of(botocore.exceptions.NoCredentialsError())
    assert isinstance(fault, RemoteFaultError)
    assert not fault.can_pass
    assert "Unable to locate credentials" in str(fault)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "full"),
        OSError(errno.EDQUOT, "quota"),
        OSError(errno.EFBIG, "limit"),
        OSError(errno.EROFS, "read-only"),
        PermissionError(errno.EACCES, "denied", "/d/1"),
        FileNotFoundError(errno.ENOENT, "folder removed", "/d/1"),
        OSError(errno.EIO, "bad disk", b"/d/1"),
        caused_by(RuntimeError("x"), OSError(errno.ENOSPC, "full")),
    ],
    ids=repr,
)
def test_a_disk_that_fails_is_local(error: Exception) -> None:
    assert isinstance(error_of(error, "/d/1"), LocalFaultError)


@pytest.mark.parametrize(
    "error",
    [
        of_aiohttp(429, **{"Retry-After": "7"}),
        of_botocore(503, "SlowDown", **{"retry-after": "7"}),
        of_hub(429, **{"retry-after": " 7 "}),
        caused_by(
            FileNotFoundError("a"), of_aiohttp(429, **{"retry-after": "7"})
        ),
    ],
    ids=repr,
)
def test_the_server_says_how_long_to_wait(error: Exception) -> None:
    fault = error_of(error)
    assert isinstance(fault, RemoteFaultError)
    assert fault.retry_after_s == 7


@pytest.mark.parametrize(
    "value",
    [
        email.utils.formatdate(0, usegmt=True),
        "",
        "soon",
        "-7",
        "1.5",
        "Sun, 99 Foo",
    ],
)
def test_no_wait_is_asked_for(value: str) -> None:
    fault = error_of(of_aiohttp(429, **{"Retry-After": value}))
    assert isinstance(fault, RemoteFaultError)
    assert fault.retry_after_s == 0


def test_a_date_says_so_too() -> None:
    date = email.utils.formatdate(time.time() + 3600, usegmt=True)
    fault = error_of(of_aiohttp(429, **{"Retry-After": date}))
    assert isinstance(fault, RemoteFaultError)
    assert 3500 <= fault.retry_after_s <= 3600


def test_causes_that_go_in_a_circle_end() -> None:
    first, second = ValueError("1"), ValueError("2")
    first.__cause__, second.__cause__ = second, first
    assert isinstance(error_of(first), RemoteFaultError)
