"""The command melmill stage as people run it."""

import functools
import importlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import melmill
import pytest
from audio_server import Answer, AudioServer
from fsspec.implementations.memory import MemoryFileSystem
from melmill._remote import progress as progress_module
from melmill._remote.patience import Patience
from melmill._remote.progress import Progress, num_bytes_text
from melmill._stage import copies as copies_module
from melmill._stage.stage_command import main
from support import REPOSITORY, read_json_lines, run_melmill

pytest_plugins = ["stage_fixtures"]

SCRIPT = "from melmill._scripts import stage; stage()"
BODY = bytes(range(256)) * 1000


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Has faults last after three quick tries, and starts in a new folder."""
    patience = functools.partial(Patience, num_tries=3, first_wait_s=0.001)
    monkeypatch.setattr(copies_module, "Patience", patience)
    monkeypatch.chdir(tmp_path)


def write_manifest(*audio: str) -> list[str | Path]:
    """Writes in.jsonl, and returns the arguments to stage it."""
    rows = [{"audio": each, "text": "x"} for each in audio]
    Path("in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return ["in.jsonl", "--to", "clips", "out.jsonl"]


def run_main(*arguments: str | Path) -> int:
    return main([str(argument) for argument in arguments])


def script_env(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY / "python"), **more}


def copies() -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for path in Path("clips").glob("???/*")
        if path.is_file()
    }


# The whole way.


def test_the_result_names_the_next_command(
    server: AudioServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers["/a.wav"] = [Answer(BODY)]
    url = f"{server.url}/a.wav"
    arguments = write_manifest(url, "b.wav", f"{server.url}/no.wav?word")
    assert run_main(*arguments) == 0
    text = capsys.readouterr()
    assert text.out == (
        "staged 2 of 3 rows: 1 file copied (256.0 kB), 0 kept; "
        "1 row had local audio\n"
        "1 row rejected; out.jsonl.rejects has the reasons\n"
        "next: melmill extract out.jsonl -o features\n"
    )
    assert text.err == ""
    ((path, body),) = copies().items()
    assert body == BODY
    assert read_json_lines(Path("out.jsonl")) == [
        {"audio": url, "text": "x", "audio_path": path},
        {"audio": "b.wav", "text": "x"},
    ]
    assert [
        reject["code"] for reject in read_json_lines(Path("out.jsonl.rejects"))
    ] == ["not_found"]
    assert run_main(*arguments) == 0
    assert "0 files copied (0.0 kB), 1 kept" in capsys.readouterr().out
    assert server.num_asked("GET /a.wav") == 1


def test_a_store_of_the_result_is_found_by_its_urls(
    server: AudioServer, quickstart_manifests: Path
) -> None:
    """By the program's own name for the command, as PATH has it."""
    rows = read_json_lines(quickstart_manifests / "eval.jsonl")[:3]
    for i, row in enumerate(rows):
        body = (quickstart_manifests / row["audio"]).read_bytes()
        server.answers[f"/{i}.wav"] = [Answer(body)]
        row["audio"] = f"{server.url}/{i}.wav"
    Path("in.jsonl").write_text("\n".join(map(json.dumps, rows)))
    script = Path("bin", "melmill-stage")
    script.parent.mkdir()
    script.write_text(f"#!{sys.executable}\n{SCRIPT}\n")
    script.chmod(0o755)
    env = script_env(PATH=f"{script.parent.resolve()}:{os.environ['PATH']}")
    arguments = ["in.jsonl", "--to", "clips", "out.jsonl", "--jobs", "2"]
    run = run_melmill("stage", *arguments, env=env)
    assert (run.exit_code, run.stderr) == (0, "")
    following = run.stdout.splitlines()[-1].removeprefix("next: melmill ")
    made = run_melmill(*following.split())
    assert made.exit_code == 0, made.stderr
    store = melmill.open("features")
    staged = read_json_lines(Path("out.jsonl"))
    assert [str(row.audio_path) for row in store["out"]] == [
        row["audio_path"] for row in staged
    ]
    accepted = read_json_lines(Path("features/out.accepted.jsonl"))
    assert accepted == staged
    for row in rows:
        found = store["out"].find(row["audio"])
        assert (found.audio, found.text) == (row["audio"], row["text"])


def test_another_field_can_have_the_url(
    server: AudioServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers["/a.wav"] = [Answer(BODY)]
    line = {"audio_filepath": f"{server.url}/a.wav", "duration": 1.0}
    Path("in.jsonl").write_text(json.dumps(line))
    arguments = ["in.jsonl", "--to", "clips", "out.jsonl"]
    assert run_main(*arguments, "--audio-field", "audio_filepath") == 0
    (row,) = read_json_lines(Path("out.jsonl"))
    assert row == {**line, "audio_path": next(iter(copies()))}
    out = capsys.readouterr().out
    assert out.endswith(" out.jsonl --audio-field audio_filepath -o features\n")


def test_s3_is_staged(s3: str) -> None:
    url = "s3://clips/d/a ä.wav"
    assert run_main(*write_manifest(url, "s3://clips/no.wav")) == 0
    ((path, body),) = copies().items()
    assert body == b"a" * 100_000
    (row,) = read_json_lines(Path("out.jsonl"))
    assert (row["audio"], row["audio_path"]) == (url, path)


def test_hf_is_staged(server: AudioServer) -> None:
    """By the hub's own client, from a server with the hub's answers."""

    def answer(value: object) -> list[Answer]:
        headers = {"Content-Type": "application/json"}
        return [Answer(json.dumps(value).encode(), headers=headers)]

    tree = "/api/datasets/o/n/tree/main/d?recursive={0}&expand={0}"
    info = [{"type": "file", "path": "d/a.wav", "size": len(BODY), "oid": "1"}]
    server.answers |= {
        "/api/datasets/o/n": answer({"id": "o/n"}),
        tree.format("False"): answer(info),
        tree.format("false"): answer(info),  # newer clients
        "/datasets/o/n/resolve/main/d/a.wav": [Answer(BODY)],
    }
    urls = ["hf://datasets/o/n/d/a.wav", "hf://datasets/o/none/a.wav"]
    env = script_env(HF_ENDPOINT=server.url, HF_HUB_OFFLINE="0")
    command = [sys.executable, "-c", SCRIPT, *write_manifest(*urls)]
    run = subprocess.run(
        command, env=env, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert list(copies().values()) == [BODY]
    (reject,) = read_json_lines(Path("out.jsonl.rejects"))
    assert (reject["line"], reject["code"]) == (2, "not_found")


def test_gs_is_staged_by_what_fsspec_has_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By a fake: gcsfs is not here."""

    class Bucket(MemoryFileSystem):  # type: ignore[misc]
        protocol = ("gs",)
        store: dict[str, Any] = {}  # noqa: RUF012
        pseudo_dirs = [""]  # noqa: RUF012

    monkeypatch.setitem(sys.modules, "gcsfs", sys)
    known = importlib.import_module("fsspec.registry")._registry
    monkeypatch.setitem(known, "gs", Bucket)
    Bucket().pipe("gs://bucket/a b.wav", BODY)
    arguments = write_manifest("gs://bucket/a b.wav", "gs://bucket/no.wav")
    assert run_main(*arguments) == 0
    assert list(copies().values()) == [BODY]
    (reject,) = read_json_lines(Path("out.jsonl.rejects"))
    assert (reject["line"], reject["code"]) == (2, "not_found")


def test_copies_are_flushed_before_a_manifest_names_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[bool] = []
    monkeypatch.setattr(
        copies_module.Copies,
        "flush",
        lambda _: seen.append(Path("out.jsonl").exists()),
    )
    assert run_main(*write_manifest("a.wav")) == 0
    assert seen == [False]


# What fails.


def test_a_server_that_refuses_is_not_the_rows_fault(
    server: AudioServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers["/a.wav"] = [Answer(BODY)]
    server.answers["/b.wav?word"] = [Answer(status=403)]
    names = ("a.wav", "b.wav?word", "no.wav")
    arguments = write_manifest(*(f"{server.url}/{name}" for name in names))
    assert run_main(*arguments) == 4
    text = capsys.readouterr()
    assert text.out == ""
    assert text.err == (
        "error: 1 file could not be copied:\n"
        f"  line 2: {server.url}/b.wav?…: HTTP 403 Forbidden (tried 3 times)\n"
        "what was copied is kept; the same command resumes\n"
    )
    assert list(copies().values()) == [BODY]
    assert sorted(os.listdir()) == ["clips", "in.jsonl"]
    server.answers["/b.wav?word"] = [Answer(b"b")]
    assert run_main(*arguments) == 0
    assert set(copies().values()) == {BODY, b"b"}
    assert server.num_asked("GET /a.wav") == 1


def test_a_server_that_is_away_ends_the_work(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with AudioServer().running() as server:
        urls = [f"{server.url}/{i}.wav" for i in range(300)]
    assert run_main(*write_manifest(*urls)) == 4
    assert "error: 16 files could not be copied:\n" in capsys.readouterr().err


def test_a_server_can_ask_to_wait(server: AudioServer) -> None:
    wait = Answer(status=429, headers={"Retry-After": "1"})
    server.answers["/a.wav"] = [wait, Answer(BODY)]
    start = time.monotonic()
    assert run_main(*write_manifest(f"{server.url}/a.wav")) == 0
    assert time.monotonic() - start >= 1
    assert server.num_asked("GET /a.wav") == 2


def test_many_rejects_have_an_exit_code(
    server: AudioServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers["/a.wav"] = [Answer(BODY)]
    urls = [f"{server.url}/{name}.wav" for name in ("a", "b", "c")]
    assert run_main(*write_manifest(*urls)) == 3
    assert "2 rows rejected" in capsys.readouterr().out
    assert len(read_json_lines(Path("out.jsonl"))) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["in.jsonl", "out.jsonl"], "--to"),
        (["no.jsonl", "--to", "d", "out.jsonl"], "no.jsonl: No such file"),
        (["in.jsonl", "--to", "d", "in.jsonl"], "would replace the input"),
        (["in.jsonl", "--to", "d", "link.jsonl"], "would replace the input"),
        (["a.jsonl.rejects", "--to", "d", "a.jsonl"], "replace the input"),
        (["in.jsonl", "--to", "in.jsonl", "out.jsonl"], "not a folder"),
        (["in.jsonl", "--to", "d", "."], "is a folder"),
        (["in.jsonl", "--to", "d", "no/out.jsonl"], "no folder no"),
        (["in.jsonl", "--to", "\udcff", "out.jsonl"], "not UTF-8"),
        (["in.jsonl", "--to", "d", "out.jsonl", "-j", "0"], "1 to 64"),
        (["in.jsonl", "--to", "d", "out.jsonl", "-j", "65"], "1 to 64"),
        (
            ["in.jsonl", "--to", "d", "o", "--audio-field", "audio_path"],
            "the local path goes there",
        ),
    ],
)
def test_wrong_usage_writes_nothing(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("in.jsonl", "a.jsonl.rejects"):
        Path(name).write_text('{"audio": "a.wav"}\n')
    Path("link.jsonl").symlink_to("in.jsonl")
    before = sorted(os.listdir())
    try:
        exit_code = main(arguments)
    except SystemExit as end:
        exit_code = int(str(end.code))
    assert exit_code == 2
    assert message in capsys.readouterr().err
    assert sorted(os.listdir()) == before


def test_a_missing_package_is_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    assert run_main(*write_manifest("s3://bucket/a.wav")) == 2
    assert capsys.readouterr().err == (
        "error: s3:// needs the package s3fs\n"
        "  to install it: pip install fsspec s3fs\n"
    )


def test_a_folder_in_use_is_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = write_manifest("a.wav")
    with copies_module.Copies(Path("clips"), None, num_jobs=1):  # type: ignore[arg-type]
        assert run_main(*arguments) == 2
    assert "another melmill stage copies to clips" in capsys.readouterr().err


# Processes that end in the middle.


@contextmanager
def copying(
    server: AudioServer, arguments: list[str | Path], *, limit: int = 0
) -> Iterator[subprocess.Popen[str]]:
    """The command in a process of its own, in the middle of a file."""

    def limit_files() -> None:
        if limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments],
        env=script_env(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limit_files,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("number", "exit_code"),
    [(signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGTERM, 143)],
)
def test_a_run_that_was_stopped_resumes(
    number: signal.Signals, exit_code: int, server: AudioServer
) -> None:
    half = Answer(BODY[: len(BODY) // 2], declared=len(BODY), then="hang")
    server.answers["/a.wav"] = [Answer(b"a")]
    server.answers["/b.wav"] = [half, Answer(BODY)]
    names = ("a.wav", "b.wav")
    arguments = write_manifest(*(f"{server.url}/{name}" for name in names))
    with copying(server, [*arguments, "--jobs", "1"]) as process:
        assert server.hanging.wait(60)
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert process.returncode == exit_code
    assert out == ""
    resumes = "stopped; what was copied is kept; the same command resumes\n"
    assert err == ("" if number == signal.SIGKILL else resumes)
    assert list(copies().values()) == [b"a"]
    assert not Path("out.jsonl").exists()
    assert run_main(*arguments) == 0
    assert sorted(copies().values(), key=len) == [b"a", BODY]
    assert sorted(os.listdir("clips")) == sorted(
        Path(path).parts[1] for path in copies()
    )
    assert sorted(os.listdir()) == ["clips", "in.jsonl", "out.jsonl"]
    assert server.num_asked("GET /a.wav") == 1


def test_a_disk_that_is_full_stops_the_run(server: AudioServer) -> None:
    """By a limit of the process, of which no privileges make it free."""
    server.answers["/a.wav"] = [Answer(b"a")]
    server.answers["/b.wav"] = [Answer(BODY)]
    names = ("a.wav", "b.wav")
    arguments = write_manifest(*(f"{server.url}/{name}" for name in names))
    with copying(server, arguments, limit=len(BODY) // 2) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (4, "")
    assert re.match(r"error: clips/.partial/[\w-]+: File too large\n", err)
    assert list(copies().values()) == [b"a"]
    assert run_main(*arguments) == 0
    assert sorted(copies().values(), key=len) == [b"a", BODY]


# Progress.


def test_progress_is_shown_in_lines(
    server: AudioServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(progress_module, "_LOG_INTERVAL_S", 0.001)
    server.answers["/a.wav"] = [Answer(BODY)]
    arguments = write_manifest(f"{server.url}/a.wav")
    assert run_main(*arguments) == 0
    line, *_ = capsys.readouterr().err.splitlines()
    assert line.startswith("staging: 0 rows, 0.0 kB copied, 0 MB/s")
    assert run_main(*arguments, "--quiet") == 0
    assert capsys.readouterr().err == ""


def test_progress_on_a_terminal_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress_module, "_LOOK_INTERVAL_S", 0.001)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "20")
    calls: list[float] = []

    def describe(seconds: float) -> str:
        calls.append(seconds)
        return "x" * 99

    with Progress(describe):
        while len(calls) < 2:
            os.sched_yield()
    parts = capsys.readouterr().err.split("\r\033[K")
    assert parts[0] == parts[-1] == ""
    assert set(parts[1:-1]) == {"x" * 19}


@pytest.mark.parametrize(
    ("num_bytes", "text"),
    [
        (0, "0.0 kB"),
        (999_949, "999.9 kB"),
        (1_500_000, "1.5 MB"),
        (2 * 10**9, "2.00 GB"),
        (3 * 10**12, "3.00 TB"),
    ],
)
def test_sizes_are_shown_as_the_program_does(num_bytes: int, text: str) -> None:
    assert num_bytes_text(num_bytes) == text
