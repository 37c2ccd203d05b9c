"""The objects below a prefix, as a server of S3 has them."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from melmill._remote.patience import StoppingError
from melmill._remote.remote_error import ExistsError, GoneError
from melmill._transfer.object_store import PIECE_BYTES, ObjectStore
from melmill._transfer.store_url import StoreUrl
from transfer_stores import Place, the_client

pytest_plugins = ["stage_fixtures", "transfer_fixtures"]


class Objects(ObjectStore):
    """The objects, with the bytes that came or went."""

    def __init__(self, place: Place) -> None:
        self.stopping = threading.Event()
        self.num_bytes = 0
        super().__init__(StoreUrl.parse(place.url), self.stopping, self.add)

    def add(self, num_bytes: int) -> None:
        self.num_bytes += num_bytes

    def put_bytes(self, name: str, body: bytes, **options: Any) -> None:
        def pieces(piece_bytes: int) -> Iterator[memoryview]:
            for at in range(0, len(body), piece_bytes):
                yield memoryview(body[at : at + piece_bytes])

        self.put(name, len(body), "0123456789abcdef", pieces, **options)


@pytest.fixture
def objects(place: Place) -> Objects:
    return Objects(place)


@pytest.mark.parametrize("num_bytes", [0, 1, 8_000, 8_001, 30_000])
def test_an_object_has_bytes_and_checksum(
    num_bytes: int, objects: Objects, place: Place, small_pieces: None
) -> None:
    body = bytes(range(256)) * 120
    body = body[:num_bytes]
    objects.put_bytes("a.h5", body)
    assert place.files() == {"a.h5": body}
    assert objects.num_bytes == num_bytes
    assert objects.sizes() == {"a.h5": num_bytes}
    assert objects.checksum("a.h5") == (num_bytes, "0123456789abcdef")
    assert b"".join(objects.read("a.h5", 0, num_bytes)) == body
    assert objects.num_bytes == 2 * num_bytes
    assert b"".join(objects.read("a.h5", 1, num_bytes)) == body[1:]
    with pytest.raises(ExistsError):
        objects.put_bytes("a.h5", b"other")
    assert place.files() == {"a.h5": body}
    objects.put_bytes("a.h5", b"other", replaces=True)
    assert place.files() == {"a.h5": b"other"}
    objects.remove("a.h5")
    objects.remove("a.h5")
    assert place.files() == {}


def test_an_object_without_checksum_has_none(
    objects: Objects, place: Place
) -> None:
    place.put("a.h5", b"x")
    assert objects.checksum("a.h5") == (1, None)


def test_what_is_not_there_is_gone(objects: Objects) -> None:
    with pytest.raises(GoneError):
        objects.checksum("a.h5")
    with pytest.raises(GoneError):
        list(objects.read("a.h5", 0, 1))
    assert objects.sizes() == {}


def test_all_pages_of_a_list_are_read(
    objects: Objects, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the objects of the prefix, and none of what is below it."""
    for name in ("a", "b", "c", "d", "e", "below/f"):
        place.put(name, b"x" * ord(name[0]))
    above = Place(the_client())
    above.path = f"{place.path}2"
    above.put("a", b"x")
    client = the_client()
    real = client.call_s3
    pages = []

    def call(method: str, **options: Any) -> Any:
        pages.append(method)
        return real(method, **options, MaxKeys=2)

    monkeypatch.setattr(client, "call_s3", call)
    assert objects.sizes() == {name: ord(name) for name in "abcde"}
    assert len(pages) >= 3


@pytest.mark.parametrize("num_bytes", [10, 30_000])
def test_an_upload_that_fails_leaves_nothing(
    num_bytes: int, objects: Objects, place: Place, small_pieces: None
) -> None:
    def pieces(piece_bytes: int) -> Iterator[memoryview]:
        for at in range(0, num_bytes, piece_bytes):
            yield memoryview(bytes(min(piece_bytes, num_bytes - at)))
        raise KeyError("damaged")

    with pytest.raises(KeyError):
        objects.put("a.h5", num_bytes, "x", pieces)
    assert place.files() == {}
    assert place.uploads() == []


def test_an_upload_that_is_stopped_leaves_nothing(
    objects: Objects, place: Place, small_pieces: None
) -> None:
    def pieces(piece_bytes: int) -> Iterator[memoryview]:
        yield memoryview(bytes(piece_bytes))
        objects.stopping.set()
        yield memoryview(bytes(piece_bytes))

    with pytest.raises(StoppingError):
        objects.put("a.h5", 16_000, "x", pieces)
    assert place.files() == {}
    assert place.uploads() == []


def test_large_objects_have_not_too_many_parts(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An object may have 10,000 parts."""
    asked = []

    def pieces(piece_bytes: int) -> Iterator[memoryview]:
        asked.append(piece_bytes)
        raise KeyError

    for num_bytes in (20 << 20, PIECE_BYTES * 10_000, 1 << 40):
        with pytest.raises(KeyError):
            objects.put("a.h5", num_bytes, "x", pieces)
    assert asked == [PIECE_BYTES, PIECE_BYTES, -(-(1 << 40) // 10_000)]
