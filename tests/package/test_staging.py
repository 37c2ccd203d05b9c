"""The way of the rows through the copies, in order and bounded."""

import io
import json
import os
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from melmill._remote.remote_error import (
    GoneError,
    LocalFaultError,
    RemoteFaultError,
)
from melmill._stage import staging as staging_module
from melmill._stage.audio_url import AudioUrl
from melmill._stage.copies import Copies
from melmill._stage.output_files import OutputFiles, rejects_path
from melmill._stage.staging import Staging, TooManyFaultsError
from support import read_json_lines

GONE = GoneError("gone")
FAULT = RemoteFaultError("HTTP 403", can_pass=False)


class Files:
    """Copies the URL itself; `errors` are by a part of the URL."""

    def __init__(self, errors: dict[str, Exception] | None = None) -> None:
        self.asked: list[str] = []
        self.errors = errors or {}
        self.before: Callable[[AudioUrl], object] = lambda _: None

    def num_bytes(self, url: AudioUrl) -> int | None:
        self.asked.append(f"size of {url.text}")
        return len(url.text)

    def copy(self, url: AudioUrl, path: str) -> int:
        self.asked.append(url.text)
        self.before(url)
        for part, error in self.errors.items():
            if part in url.text:
                raise error
        return Path(path).write_text(url.text)


class Case:
    def __init__(self, folder: Path, files: Files) -> None:
        self.folder = folder
        self.files = files
        self.out = folder / "out.jsonl"
        self.prepared: list[str] = []

    def run(self, lines: str, *, num_jobs: int = 3) -> Staging:
        with (
            Copies(self.folder, self.files, num_jobs=num_jobs) as copies,
            OutputFiles(self.out) as output,
        ):
            staging = Staging(
                copies,
                output,
                audio_field="audio",
                prepare=self.prepared.append,
            )
            staging.run(io.BytesIO(lines.encode()))
            output.finish()
        return staging

    def rows(self) -> list[dict[str, Any]]:
        return read_json_lines(self.out)

    def rejects(self) -> list[dict[str, Any]]:
        path = rejects_path(self.out)
        return read_json_lines(path) if path.exists() else []


def lines_of(*audio: str) -> str:
    rows = [{"audio": each, "n": i} for i, each in enumerate(audio)]
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_rows_keep_their_order_and_urls(tmp_path: Path) -> None:
    case = Case(tmp_path, Files())
    urls = [f"s3://b/{i}.wav" for i in range(300)]
    staging = case.run(lines_of(*urls))
    assert [row["audio"] for row in case.rows()] == urls
    assert [row["n"] for row in case.rows()] == list(range(300))
    for row in case.rows():
        assert list(row) == ["audio", "n", "audio_path"]
        assert Path(row["audio_path"]).read_text() == row["audio"]
    assert staging.num_rows == 300
    assert staging.faults == []


def test_the_first_file_may_be_the_last(tmp_path: Path) -> None:
    """Rows wait for it, but their files do not."""
    files = Files()
    others = threading.Event()

    def before(url: AudioUrl) -> None:
        if "/0.wav" in url.text:
            assert others.wait(20)
        elif len(files.asked) == 100:
            others.set()

    files.before = before
    case = Case(tmp_path, files)
    case.run(lines_of(*(f"s3://b/{i}.wav" for i in range(100))))
    assert [row["n"] for row in case.rows()] == list(range(100))


def test_a_url_is_copied_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While its rows wait, and long after."""
    monkeypatch.setattr(staging_module, "_MAX_WAITING_ROWS", 5)
    files = Files({"gone": GONE})
    case = Case(tmp_path, files)
    urls = ["s3://b/a.wav", "s3://b/gone.wav", "local.wav"] * 50
    staging = case.run(lines_of(*urls))
    assert sorted(files.asked) == ["s3://b/a.wav", "s3://b/gone.wav"]
    assert len(case.rows()) == 100
    assert len({row.get("audio_path") for row in case.rows()}) == 2
    assert [row["line"] for row in case.rejects()] == list(range(2, 151, 3))
    assert (staging.num_rows, staging.num_local) == (150, 50)


def test_local_audio_stays_as_it_is_written(tmp_path: Path) -> None:
    case = Case(tmp_path, Files())
    lines = (
        ' {"audio" : "\\ud800\\u00e4/a.wav","n": 1.0} \n'
        '{"audio_path": ["b"], "audio": "b.wav"}\n'
    )
    assert case.run(lines).num_local == 2
    assert case.out.read_text() == lines


def test_other_lines_are_rejected_in_order(tmp_path: Path) -> None:
    case = Case(tmp_path, Files({"gone": GONE}))
    text = "\n".join(
        [
            '{"audio": "s3://b/gone.wav?word"}',
            "no JSON",
            "",
            '{"audio": "s3://b/a.wav"}',
            '{"audio": "ftp://u:word@b/a.wav"}',
            '{"audio": "s3://b"}',
            '{"text": "x"}',
            '{"audio": "a.wav"}',
        ]
    )
    staging = case.run(text)
    rejects = [
        (row["line"], row["code"], row["audio"]) for row in case.rejects()
    ]
    assert rejects == [
        (1, "not_found", "s3://b/gone.wav?…"),
        (2, "bad_json", ""),
        (5, "unknown_scheme", "ftp://b/a.wav"),
        (6, "bad_url", "s3://b"),
        (7, "missing_audio", ""),
    ]
    assert case.rejects()[0]["message"] == "gone"
    assert "word" not in rejects_path(case.out).read_text()
    blank, *_ = case.out.read_text().split("\n")
    assert blank == ""
    assert staging.num_rows == 7
    assert case.prepared == ["s3", "s3"]


def test_a_fault_is_never_the_rows(tmp_path: Path) -> None:
    case = Case(tmp_path, Files({"closed": FAULT}))
    urls = ["s3://b/a.wav", "s3://b/closed.wav?word", "s3://b/b.wav"] * 2
    staging = case.run(lines_of(*urls))
    (fault,) = staging.faults
    assert (fault.line, fault.audio) == (2, "s3://b/closed.wav?…")
    assert fault.message == "HTTP 403"
    assert case.rejects() == []
    assert case.files.asked.count("s3://b/b.wav") == 1


def test_many_faults_end_the_work(tmp_path: Path) -> None:
    case = Case(tmp_path, Files({"closed": FAULT}))
    urls = [f"s3://b/closed{i}.wav" for i in range(1000)]
    with pytest.raises(TooManyFaultsError):
        case.run(lines_of(*urls), num_jobs=1)
    assert not case.out.exists()


def test_a_local_fault_ends_the_work(tmp_path: Path) -> None:
    case = Case(tmp_path, Files({"5": LocalFaultError("disk full")}))
    with pytest.raises(LocalFaultError, match="disk full"):
        case.run(lines_of(*(f"s3://b/{i}.wav" for i in range(9))))
    assert sorted(os.listdir(tmp_path))[0] != ".out.jsonl.partial"
    assert not case.out.exists()


@pytest.mark.parametrize(
    ("bound", "value"),
    [("_MAX_WAITING_BYTES", 100_000), ("_MAX_WAITING_ROWS", 9)],
)
def test_waiting_lines_are_bounded(
    bound: str, value: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging_module, bound, value)
    lines = [
        json.dumps({"audio": f"s3://b/{i}.wav", "text": "x" * 10_000})
        for i in range(100)
    ]
    is_full = threading.Event()
    most_waiting = 0
    original = Staging._is_full

    def watch(staging: Staging) -> bool:
        nonlocal most_waiting
        most_waiting = max(most_waiting, len(staging._waiting))
        if original(staging) or len(staging._waiting) == 50:
            is_full.set()
        return original(staging)

    monkeypatch.setattr(Staging, "_is_full", watch)
    files = Files()
    files.before = lambda _: is_full.wait(20)
    Case(tmp_path, files).run("\n".join(lines))
    assert 5 < most_waiting <= 10


def test_memory_does_not_follow_the_lines(tmp_path: Path) -> None:
    """Lines are read, waited for and written, but not kept."""
    line = b'{"audio": "a.wav", "text": "%s"}\n' % (b"x" * 1000)

    class Manifest(io.RawIOBase):
        left = 30_000

        def readline(self, _: int | None = -1) -> bytes:
            self.left -= 1
            return line if self.left >= 0 else b""

    with (
        Copies(tmp_path, Files(), num_jobs=1) as copies,
        OutputFiles(tmp_path / "out.jsonl") as output,
    ):
        staging = Staging(
            copies, output, audio_field="audio", prepare=lambda _: None
        )
        tracemalloc.start()
        staging.run(Manifest())  # type: ignore[arg-type]
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert staging.num_rows == 30_000
    assert peak < 1_000_000


# Output files.


def test_without_an_end_nothing_changes(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("old")
    rejects_path(path).write_text("old")
    with OutputFiles(path) as output:
        output.write(b"new")
        output.reject(line=1, audio="", code="x", message="y")
    assert path.read_text() == rejects_path(path).read_text() == "old"
    assert sorted(tmp_path.iterdir()) == [path, rejects_path(path)]


def test_both_files_are_flushed_before_they_have_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    names = Path("/proc/self/fd")
    monkeypatch.setattr(
        os, "fsync", lambda fd: flushed.append(os.readlink(names / str(fd)))
    )
    path = tmp_path / "out.jsonl"
    with OutputFiles(path) as output:
        output.write(b"x")
        output.reject(line=1, audio="", code="x", message="y")
        output.finish()
    partial = (".out.jsonl.rejects.partial", ".out.jsonl.partial")
    assert flushed == [str(tmp_path / name) for name in partial]


def test_rejects_of_an_earlier_run_go(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    rejects_path(path).write_text("old")
    with OutputFiles(path) as output:
        output.finish()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("num_bytes", [1, 100_000], ids=["end", "middle"])
def test_output_to_a_full_disk_is_a_local_fault(
    num_bytes: int, tmp_path: Path
) -> None:
    path = tmp_path / "out.jsonl"
    (tmp_path / ".out.jsonl.partial").symlink_to("/dev/full")
    with OutputFiles(path) as output, pytest.raises(LocalFaultError) as error:  # noqa: PT012
        output.write(b"x" * num_bytes)
        output.finish()
    assert "No space left" in str(error.value)
    assert not path.exists()


def test_output_without_a_folder_is_a_local_fault(tmp_path: Path) -> None:
    with pytest.raises(LocalFaultError):
        OutputFiles(tmp_path / "no" / "out.jsonl")
