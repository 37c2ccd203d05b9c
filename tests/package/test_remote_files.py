"""Files on servers: HTTP and S3 as they are, hf and gs as far as they go."""

import sys
from pathlib import Path

import pytest
from audio_server import Answer, AudioServer
from fsspec import Callback
from melmill._remote import file_systems
from melmill._remote.file_systems import MissingPackageError
from melmill._remote.remote_error import (
    GoneError,
    LocalFaultError,
    RemoteFaultError,
)
from melmill._stage.audio_url import AudioUrl, parse_url
from melmill._stage.remote_files import RemoteFiles

pytest_plugins = ["stage_fixtures"]

BODY = bytes(range(256)) * 1000


def url_of(text: str) -> AudioUrl:
    url = parse_url(text)
    assert url is not None
    return url


def copied(text: str, path: Path) -> bytes:
    url, files = url_of(text), RemoteFiles()
    files.prepare(url.scheme)
    num_bytes = files.copy(url, str(path))
    assert num_bytes == path.stat().st_size
    assert files.num_bytes(url) in (num_bytes, None)
    return path.read_bytes()


def fails(text: str, path: Path) -> Exception:
    """The error of both functions, which must be of one kind."""
    url, files = url_of(text), RemoteFiles()
    files.prepare(url.scheme)
    with pytest.raises(Exception) as of_size:  # noqa: PT011
        files.num_bytes(url)
    with pytest.raises(type(of_size.value)) as of_copy:
        files.copy(url, str(path))
    return of_copy.value


# HTTP.


@pytest.mark.parametrize(
    "answer",
    [Answer(BODY), Answer(), Answer(BODY, without_length=True)],
    ids=["whole", "empty", "without_length"],
)
def test_http_gives_the_file(
    answer: Answer, server: AudioServer, tmp_path: Path
) -> None:
    server.answers["/a%20%C3%A4.wav?x=1"] = [answer]
    url = f"{server.url}/a ä.wav?x=1"
    assert copied(url, tmp_path / "a") == answer.body


def test_http_follows_redirects(server: AudioServer, tmp_path: Path) -> None:
    server.answers["/a"] = [Answer(status=302, headers={"Location": "/b"})]
    server.answers["/b"] = [Answer(BODY)]
    assert copied(f"{server.url}/a", tmp_path / "a") == BODY


@pytest.mark.parametrize("status", [404, 410])
def test_http_says_what_is_gone(
    status: int, server: AudioServer, tmp_path: Path
) -> None:
    server.answers["/a"] = [Answer(status=status)]
    assert isinstance(fails(f"{server.url}/a", tmp_path / "a"), GoneError)


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500, 503])
def test_http_refuses(status: int, server: AudioServer, tmp_path: Path) -> None:
    server.answers["/a"] = [Answer(status=status, headers={"Retry-After": "9"})]
    fault = fails(f"{server.url}/a", tmp_path / "a")
    assert isinstance(fault, RemoteFaultError)
    assert f"HTTP {status}" in str(fault)
    assert fault.retry_after_s == 9


@pytest.mark.parametrize("then", ["end", "reset"])
@pytest.mark.parametrize("body", [b"", BODY], ids=["nothing", "most"])
def test_http_that_breaks_off_is_a_fault(
    body: bytes, then: str, server: AudioServer, tmp_path: Path
) -> None:
    server.answers["/a"] = [Answer(body, declared=len(body) + 1, then=then)]
    files, url = RemoteFiles(), url_of(f"{server.url}/a")
    files.prepare("http")
    with pytest.raises(RemoteFaultError):
        files.copy(url, str(tmp_path / "a"))


def test_http_without_a_server_is_a_fault(tmp_path: Path) -> None:
    with AudioServer().running() as server:
        url = f"{server.url}/a"
    assert isinstance(fails(url, tmp_path / "a"), RemoteFaultError)


def test_http_that_is_silent_is_a_fault(
    server: AudioServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_systems, "_READ_TIMEOUT_S", 0.2)
    server.answers["/a"] = [Answer(BODY, declared=len(BODY) + 1, then="hang")]
    files, url = RemoteFiles(), url_of(f"{server.url}/a")
    files.prepare("http")
    with pytest.raises(RemoteFaultError, match=r"(?i)timeout"):
        files.copy(url, str(tmp_path / "a"))


@pytest.mark.parametrize("announced", [len(BODY) + 1, len(BODY) - 1])
def test_another_size_than_announced_is_a_fault(
    announced: int, tmp_path: Path
) -> None:
    """Whatever the library of the scheme makes of it."""

    class Careless:
        def get_file(self, _: str, path: str, callback: Callback) -> None:
            callback.set_size(announced)
            Path(path).write_bytes(BODY)

    files = RemoteFiles()
    files._systems["gs"] = Careless()
    with pytest.raises(RemoteFaultError, match="bytes came"):
        files.copy(url_of("gs://bucket/a"), str(tmp_path / "a"))


def test_a_full_disk_is_a_local_fault(server: AudioServer) -> None:
    server.answers["/a"] = [Answer(BODY)]
    files, url = RemoteFiles(), url_of(f"{server.url}/a")
    files.prepare("http")
    with pytest.raises(LocalFaultError, match="No space left"):
        files.copy(url, "/dev/full")


def test_a_folder_that_is_gone_is_a_local_fault(
    server: AudioServer, tmp_path: Path
) -> None:
    server.answers["/a"] = [Answer(BODY)]
    files, url = RemoteFiles(), url_of(f"{server.url}/a")
    files.prepare("http")
    with pytest.raises(LocalFaultError):
        files.copy(url, str(tmp_path / "no" / "a"))


# S3, by moto in a process of its own.


def test_s3_gives_the_file(s3: str, tmp_path: Path) -> None:
    assert copied("s3://clips/d/a ä.wav", tmp_path / "a") == b"a" * 100_000


@pytest.mark.parametrize(
    "url", ["s3://clips/d/no.wav", "s3://nothing/a.wav", "s3://clips/d"]
)
def test_s3_says_what_is_gone(url: str, s3: str, tmp_path: Path) -> None:
    files = RemoteFiles()
    files.prepare("s3")
    with pytest.raises(GoneError):
        files.num_bytes(url_of(url))
    with pytest.raises(GoneError):
        files.copy(url_of(url), str(tmp_path / "a"))


def test_s3_without_credentials_is_a_fault(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    fault = fails("s3://clips/d/a ä.wav", tmp_path / "a")
    assert isinstance(fault, RemoteFaultError)
    assert not fault.can_pass


# The others, and what is missing.


@pytest.mark.parametrize(
    ("scheme", "package"),
    [
        *(("s3", "s3fs"), ("gs", "gcsfs"), ("http", "aiohttp")),
        *(("https", "aiohttp"), ("hf", "huggingface_hub"), ("s3", "fsspec")),
    ],
)
def test_a_missing_package_is_named(
    scheme: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError) as error:
        RemoteFiles().prepare(scheme)
    assert f"{scheme}:// needs the package {package}\n" in str(error.value)
    assert "pip install fsspec " in str(error.value)
