"""Copies in a folder: whole ones, tried again, never half of one."""

import dataclasses
import errno
import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from audio_server import Answer, AudioServer
from melmill._remote.patience import Patience, StoppingError
from melmill._remote.remote_error import (
    GoneError,
    LocalFaultError,
    RemoteFaultError,
)
from melmill._stage.audio_url import AudioUrl, parse_url
from melmill._stage.copies import (
    Copies,
    FolderInUseError,
)
from melmill._stage.remote_files import RemoteFiles

pytest_plugins = ["stage_fixtures"]

BODY = bytes(range(256)) * 1000
QUICK = Patience(num_tries=3, first_wait_s=0.001)


@dataclasses.dataclass
class FakeFiles:
    """Serves one body; what `before` raises is how a copy fails."""

    body: bytes = BODY
    size: int | None = len(BODY)
    before: Callable[[AudioUrl], object] = lambda _: None
    asked: list[str] = dataclasses.field(default_factory=list)

    def num_bytes(self, url: AudioUrl) -> int | None:
        self.asked.append(f"size of {url.text}")
        return self.size

    def copy(self, url: AudioUrl, path: str) -> int:
        self.asked.append(url.text)
        self.before(url)
        Path(path).write_bytes(self.body)
        return len(self.body)


def url_of(text: str) -> AudioUrl:
    url = parse_url(text)
    assert url is not None
    return url


URL = url_of("s3://bucket/a.wav")


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@contextmanager
def copies_of(
    server: AudioServer, folder: Path, patience: Patience = QUICK
) -> Iterator[Callable[[str], None]]:
    """Copies one path of a server, and waits for it."""
    files = RemoteFiles()
    files.prepare("http")
    with Copies(folder, files, num_jobs=2, patience=patience) as copies:
        yield lambda path: copies.bring(url_of(server.url + path)).result()


def test_a_copy_has_its_name_when_it_is_whole(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    seen: list[dict[str, bytes]] = []
    files = FakeFiles(before=lambda _: seen.append(files_in(folder)))
    with Copies(folder, files, num_jobs=1) as copies:
        copies.bring(URL).result()
        assert copies.path(URL) == folder / URL.local_name
        assert copies.counts.copied == 1
        assert copies.counts.bytes_copied == len(BODY)
    assert seen == [{}]
    assert files_in(folder) == {URL.local_name: BODY}
    assert not (folder / ".partial").exists()


@pytest.mark.parametrize("size", [len(BODY), None])
def test_a_copy_of_the_right_size_is_kept(
    size: int | None, tmp_path: Path
) -> None:
    files = FakeFiles(size=size)
    for num_kept in (0, 1):
        with Copies(tmp_path, files, num_jobs=1) as copies:
            copies.bring(URL).result()
            assert copies.counts.kept == num_kept
    assert files.asked == [URL.text, f"size of {URL.text}"]


def test_a_copy_of_another_size_is_replaced(tmp_path: Path) -> None:
    files = FakeFiles(body=BODY[1:])
    with Copies(tmp_path, files, num_jobs=1) as copies:
        copies.bring(URL).result()
        files.body = BODY
        copies.bring(URL).result()
    assert files_in(tmp_path) == {URL.local_name: BODY}


def test_files_are_copied_at_the_same_time(tmp_path: Path) -> None:
    together = threading.Barrier(3, timeout=20)
    files = FakeFiles(before=lambda _: together.wait())
    with Copies(tmp_path, files, num_jobs=3) as copies:
        urls = [url_of(f"s3://b/{i}.wav") for i in range(6)]
        for done in [copies.bring(url) for url in urls]:
            done.result()
    assert len(files_in(tmp_path)) == 6


def test_no_more_files_than_jobs_are_in_work(tmp_path: Path) -> None:
    lock = threading.Lock()
    in_work, most = 0, 0

    def before(_: AudioUrl) -> None:
        nonlocal in_work, most
        with lock:
            in_work += 1
            most = max(most, in_work)
        os.sched_yield()
        with lock:
            in_work -= 1

    with Copies(tmp_path, FakeFiles(before=before), num_jobs=2) as copies:
        urls = [url_of(f"s3://b/{i}.wav") for i in range(50)]
        for done in [copies.bring(url) for url in urls]:
            done.result()
    assert 1 <= most <= 2


# Faults of servers.


@pytest.mark.parametrize(
    "fault",
    [
        Answer(status=500),
        Answer(status=403),
        Answer(BODY[:9], declared=len(BODY)),
        Answer(BODY[:9], declared=len(BODY), then="reset"),
    ],
    ids=["500", "403", "too_short", "reset"],
)
def test_a_fault_that_passes_is_none(
    fault: Answer, server: AudioServer, tmp_path: Path
) -> None:
    server.answers["/a.wav"] = [fault, fault, Answer(BODY)]
    with copies_of(server, tmp_path) as copy:
        copy("/a.wav")
    assert list(files_in(tmp_path).values()) == [BODY]
    assert server.num_asked("GET /a.wav") == 3


@pytest.mark.parametrize(
    "fault",
    [Answer(status=503), Answer(BODY, declared=len(BODY) + 1)],
    ids=["503", "too_short"],
)
def test_a_fault_that_lasts_leaves_nothing(
    fault: Answer, server: AudioServer, tmp_path: Path
) -> None:
    server.answers["/a.wav"] = [fault]
    with copies_of(server, tmp_path) as copy:
        with pytest.raises(RemoteFaultError, match=r"\(tried 3 times\)"):
            copy("/a.wav")
        assert files_in(tmp_path) == {}
    assert server.num_asked("GET /a.wav") == 3


def test_what_is_gone_is_asked_for_once(
    server: AudioServer, tmp_path: Path
) -> None:
    with copies_of(server, tmp_path) as copy, pytest.raises(GoneError):
        copy("/a.wav")
    assert server.asked == ["GET /a.wav"]


def waits(
    fault: RemoteFaultError, patience: Patience, folder: Path
) -> list[float]:
    """How long is waited for a fault that lasts."""
    waited: list[float] = []

    class NoWait(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            assert timeout is not None
            waited.append(timeout)
            return False

    def fail(_: AudioUrl) -> None:
        raise fault

    files = FakeFiles(before=fail)
    with Copies(folder, files, num_jobs=1, patience=patience) as copies:
        copies._stopping = NoWait()
        with pytest.raises(RemoteFaultError):
            copies.bring(URL).result()
    return waited


def test_waits_grow(tmp_path: Path) -> None:
    waited = waits(RemoteFaultError("x"), Patience(), tmp_path)
    wanted = [1, 2, 4, 8, 16, 32]
    assert len(waited) == len(wanted)
    for wait, most in zip(waited, wanted, strict=True):
        assert most / 2 <= wait <= most


def test_the_server_can_ask_for_longer_waits(tmp_path: Path) -> None:
    patience = Patience(num_tries=3, max_wait_s=99)
    for asked, waited in ((50, 50), (1000, 99)):
        fault = RemoteFaultError("x", retry_after_s=asked)
        assert waits(fault, patience, tmp_path) == [waited] * 2


def test_what_cannot_pass_is_not_waited_for(tmp_path: Path) -> None:
    fault = RemoteFaultError("x", can_pass=False)
    assert waits(fault, Patience(), tmp_path) == []


def test_the_end_ends_waits(tmp_path: Path) -> None:
    is_waiting = threading.Event()

    def fail(_: AudioUrl) -> None:
        is_waiting.set()
        raise RemoteFaultError("x", retry_after_s=600)

    with Copies(tmp_path, FakeFiles(before=fail), num_jobs=1) as copies:
        first, second = copies.bring(URL), copies.bring(URL)
        assert is_waiting.wait(20)
    with pytest.raises(StoppingError):
        first.result(20)
    assert second.cancelled()


# Faults of this machine.


def test_a_disk_that_fails_is_not_tried_again(tmp_path: Path) -> None:
    def fail(_: AudioUrl) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    files = FakeFiles(before=fail)
    with (
        Copies(tmp_path, files, num_jobs=1) as copies,
        pytest.raises(LocalFaultError, match="No space left"),
    ):
        copies.bring(URL).result()
    assert files.asked == [URL.text]


def test_a_folder_of_the_copys_name_is_a_local_fault(tmp_path: Path) -> None:
    (tmp_path / URL.local_name).mkdir(parents=True)
    with (
        Copies(tmp_path, FakeFiles(), num_jobs=1) as copies,
        pytest.raises(LocalFaultError),
    ):
        copies.bring(URL).result()


def test_a_folder_that_cannot_be_made_is_a_local_fault(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LocalFaultError):
        Copies(tmp_path / "file" / "folder", FakeFiles(), num_jobs=1)


def test_a_folder_has_one_user(tmp_path: Path) -> None:
    with Copies(tmp_path, FakeFiles(), num_jobs=1):
        with pytest.raises(FolderInUseError):
            Copies(tmp_path, FakeFiles(), num_jobs=1)
        assert (tmp_path / ".partial").exists()
    with Copies(tmp_path, FakeFiles(), num_jobs=1):
        pass


def test_without_locks_it_works_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: int) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with Copies(tmp_path, FakeFiles(), num_jobs=1) as copies:
        copies.bring(URL).result()


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / ".partial" / "17"
    left.parent.mkdir()
    left.touch()
    with Copies(tmp_path, FakeFiles(), num_jobs=1):
        assert not left.exists()


def test_all_is_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    names = Path("/proc/self/fd")
    monkeypatch.setattr(
        os, "fsync", lambda fd: flushed.append(os.readlink(names / str(fd)))
    )
    with Copies(tmp_path, FakeFiles(), num_jobs=1) as copies:
        copies.bring(URL).result()
        (partial,) = flushed
        assert Path(partial).parent == tmp_path / ".partial"
        copies.flush()
    assert set(flushed[1:]) == {
        str(tmp_path),
        str((tmp_path / URL.local_name).parent),
    }
