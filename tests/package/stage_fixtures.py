"""Fixtures of the tests of melmill stage."""

import urllib.request
from collections.abc import Iterator

import pytest
from audio_server import AudioServer
from moto.server import ThreadedMotoServer


@pytest.fixture
def server() -> Iterator[AudioServer]:
    with AudioServer().running() as server:
        yield server


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """A server of S3 with s3://clips/d/a ä.wav."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    _put(f"{endpoint}/clips", b"")
    _put(f"{endpoint}/clips/d/a%20%C3%A4.wav", b"a" * 100_000)
    yield endpoint
    server.stop()


def _put(url: str, data: bytes) -> None:
    headers = {"Content-Type": "audio/wav"}
    request = urllib.request.Request(url, data, headers, method="PUT")
    urllib.request.urlopen(request).close()


@pytest.fixture
def s3(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Has s3:// ask that server."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "word")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    return s3_endpoint
