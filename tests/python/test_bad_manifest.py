"""Manifest lines and whole inputs that the program must refuse."""

import fcntl
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import (
    ANY_REJECTS,
    Run,
    Store,
    extract,
    last_line,
    make_clips,
    manifest_row,
    measure_melmill,
    noise,
    run_melmill,
    snapshot,
    unprivileged,
    write_manifest,
    write_wav,
)

TEXT = '"text": "language English<asr_text>a"'
GOOD_LINE = b'{"audio": "clip00.wav", "text": "language English<asr_text>a"}'
MAX_LINE_BYTES = 16 << 20


def line(fields: str) -> bytes:
    return ('{"audio": "clip00.wav", ' + fields + "}").encode()


# What stands on line 2, the code, and what the message must hold.
BAD_LINES = {
    "array": (b"[1]", "not_an_object", "not a JSON object"),
    "string": (b'"clip00.wav"', "not_an_object", "not a JSON object"),
    "number": (b"3", "not_an_object", "not a JSON object"),
    "null": (b"null", "not_an_object", "not a JSON object"),
    "no_audio": (b"{%b}" % TEXT.encode(), "missing_audio", '"audio"'),
    "audio_number": (
        b'{"audio": 3, %b}' % TEXT.encode(),
        "bad_audio",
        "not a string",
    ),
    "audio_null": (
        b'{"audio": null, %b}' % TEXT.encode(),
        "bad_audio",
        "not a string",
    ),
    "audio_empty": (b'{"audio": "", %b}' % TEXT.encode(), "bad_audio", "empty"),
    "audio_escaped_nul": (
        b'{"audio": "a\\u0000.wav", %b}' % TEXT.encode(),
        "bad_audio",
        "NUL",
    ),
    "no_text": (line('"x": 1'), "missing_text", '"text"'),
    "text_number": (line('"text": 3'), "bad_text", "not a string"),
    "text_null": (line('"text": null'), "bad_text", "not a string"),
    "prompt_number": (line(TEXT + ', "prompt": 3'), "bad_prompt", "prompt"),
    "trailing_comma": (line(TEXT + ","), "bad_json", "at column"),
    "object_that_does_not_end": (line(TEXT)[:-1], "bad_json", "end of input"),
    "two_objects": (line(TEXT) + b" {}", "bad_json", "end of input"),
    "not_a_number": (line(TEXT + ', "x": NaN'), "bad_json", "at column"),
    "byte_order_mark": (
        b"\xef\xbb\xbf" + GOOD_LINE,
        "bad_json",
        "byte order mark",
    ),
    "half_a_surrogate_pair": (
        line('"text": "\\ud800"'),
        "bad_json",
        "at column",
    ),
    "duplicate_audio": (
        line(f'"audio": "clip01.wav", {TEXT}'),
        "duplicate_key",
        '"audio" appears twice',
    ),
    "duplicate_other_key": (
        line(f'{TEXT}, "x": 1, "\\u0078": 1'),
        "duplicate_key",
        '"x" appears twice',
    ),
    "invalid_utf8": (
        GOOD_LINE.replace(b">a", b">\xff"),
        "invalid_utf8",
        "\\xff",
    ),
    "overlong_utf8": (
        GOOD_LINE.replace(b">a", b">\xc0\x80"),
        "invalid_utf8",
        "\\xc0",
    ),
    "raw_nul": (GOOD_LINE.replace(b">a", b">\0"), "raw_nul", "NUL at byte"),
    "trailing_nul": (GOOD_LINE + b"\0", "raw_nul", "NUL at byte 63"),
    "33_levels": (
        line(f'{TEXT}, "x": {"[" * 32}{"]" * 32}'),
        "too_deep",
        "32 levels",
    ),
    "100000_levels": (line(f'{TEXT}, "x": {"[" * 100000}'), "too_deep", "32"),
    "number_beyond_double": (
        line(f'{TEXT}, "x": 1e400'),
        "number_out_of_range",
        "1e400",
    ),
    "line_over_16_mib": (
        GOOD_LINE.ljust(MAX_LINE_BYTES + 1),
        "line_too_long",
        "16 MiB",
    ),
}


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """A folder with two clips that the manifest lines above name."""
    make_clips(tmp_path, 2)
    return tmp_path


# Reasons that leave the line's audio string known.
WITH_AUDIO = {"missing_text", "bad_text", "bad_prompt"}


@pytest.mark.parametrize(
    ("bad_line", "code", "reason"), BAD_LINES.values(), ids=BAD_LINES
)
def test_bad_line_is_named_and_the_lines_beside_it_are_stored(
    clips: Path, bad_line: bytes, code: str, reason: str
) -> None:
    lines = [GOOD_LINE, bad_line, GOOD_LINE.replace(b"p00", b"p01")]
    (clips / "train.jsonl").write_bytes(b"\n".join(lines))
    run = run_melmill("extract", "train.jsonl", "--out", "store", cwd=clips)
    assert run.exit_code == 0
    store = Store(clips / "store")
    assert [row.line for row in store.rows()] == [1, 3]
    [reject] = store.rejects()
    audio = "clip00.wav" if code in WITH_AUDIO else ""
    assert reason in reject["message"]
    assert reject == {
        "split": "train",
        "line": 2,
        "audio": audio,
        "stage": "manifest",
        "code": code,
        "message": reject["message"],
    }
    summary = [text.strip() for text in run.text.splitlines()]
    place = "train line 2: " + (f"{audio}: " if audio else "")
    assert place + reject["message"] in summary
    assert f"1 {code}" in summary
    accepted = (clips / "store" / "train.accepted.jsonl").read_bytes()
    assert accepted == lines[0] + b"\n" + lines[2] + b"\n"


def test_validate_lists_every_rejected_line_if_asked(clips: Path) -> None:
    rows = [manifest_row("clip00.wav")] * 9
    rows += [manifest_row(f"gone{i}.wav") for i in range(9)]
    write_manifest(clips / "train.jsonl", rows)
    run = run_melmill("validate", "train.jsonl", "--list", cwd=clips)
    assert run.exit_code == 3
    listed = run.stdout.splitlines()
    for i in range(9):
        place = f"train line {i + 10}: gone{i}.wav: not_found: "
        assert listed[i].startswith(place)
    short = run_melmill("validate", "train.jsonl", cwd=clips)
    assert "gone2.wav" in short.stdout
    assert "gone3.wav" not in short.stdout


def test_every_bad_line_at_once_is_counted_by_reason(clips: Path) -> None:
    bad_lines = [bad_line for bad_line, _, _ in BAD_LINES.values()]
    codes = [code for _, code, _ in BAD_LINES.values()]
    (clips / "train.jsonl").write_bytes(b"\n".join([*bad_lines, GOOD_LINE]))
    before = snapshot(clips)
    run = run_melmill("validate", "train.jsonl", "--json", cwd=clips)
    assert run.exit_code == 3
    report = json.loads(run.stdout)
    assert report["lines"] == len(bad_lines) + 1
    assert report["rejected"] == len(bad_lines)
    assert report["rejects"] == {code: codes.count(code) for code in codes}
    assert snapshot(clips) == before


@pytest.mark.parametrize(
    "good_line",
    [
        line(f'{TEXT}, "x": {"[" * 31}{"]" * 31}'),
        line(f'{TEXT}, "x": {"9" * 30}'),
        line(f'{TEXT}, "prompt": null'),
        line(f'{TEXT}, "x": {{"a": 1, "a": 2}}'),
        GOOD_LINE.ljust(MAX_LINE_BYTES),
        GOOD_LINE + b"\r",
        b"\xef\xbb\xbf" + GOOD_LINE,
    ],
    ids=[
        "32_levels",
        "big_integer",
        "null_prompt",
        "nested",
        "16_mib",
        "crlf",
        "byte_order_mark",
    ],
)
def test_line_just_within_the_limits_is_stored(
    clips: Path, good_line: bytes
) -> None:
    (clips / "train.jsonl").write_bytes(good_line + b"\n")
    store = extract(clips / "store", "train.jsonl", cwd=clips)
    assert [row.line for row in store.rows()] == [1]


@pytest.mark.parametrize("filling", [b"\0", b"a"], ids=["nul", "letters"])
def test_memory_does_not_follow_the_length_of_a_line(
    clips: Path, filling: bytes
) -> None:
    plain = clips / "plain.jsonl"
    plain.write_bytes(GOOD_LINE + b"\n" + GOOD_LINE)
    long = clips / "long.jsonl"
    with long.open("wb") as lines:
        lines.write(GOOD_LINE + b"\n")
        if filling == b"\0":  # takes no room on the disk
            lines.seek(1 << 30, os.SEEK_CUR)
        else:
            for _ in range(1 << 10):
                lines.write(filling * (1 << 20))
        lines.write(b"\n" + GOOD_LINE)
    small = measure_melmill("validate", plain, "--json", cwd=clips)
    large = measure_melmill("validate", long, "--json", cwd=clips)
    long.unlink()
    assert (small.exit_code, large.exit_code) == (0, 0)
    report = json.loads(large.stdout)
    assert report["lines"] == 3
    assert report["rejects"] == {"line_too_long": 1}
    assert large.max_rss_mib < small.max_rss_mib + 40


def test_summary_shows_three_examples_and_the_ledger_all(clips: Path) -> None:
    rows = [manifest_row(f"gone{number}.wav") for number in range(5)]
    good = [manifest_row("clip00.wav")] * 5
    write_manifest(clips / "train.jsonl", [*rows, *good])
    run = run_melmill(
        "extract", "train.jsonl", *ANY_REJECTS, "--out", "store", cwd=clips
    )
    assert run.exit_code == 0
    assert [f"gone{number}.wav" in run.text for number in range(5)] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert "5 not_found" in run.text
    rejects = Store(clips / "store").rejects()
    assert [reject["line"] for reject in rejects] == [1, 2, 3, 4, 5]


def test_control_characters_of_a_path_do_not_reach_the_terminal(
    clips: Path,
) -> None:
    rows = [manifest_row("a\x1b[2J\nb.wav"), manifest_row("clip00.wav")]
    write_manifest(clips / "train.jsonl", rows)
    run = run_melmill("extract", "train.jsonl", "--out", "store", cwd=clips)
    assert run.exit_code == 0
    assert "train line 1: a\\x1b[2J\\x0ab.wav: " in run.text
    [reject] = Store(clips / "store").rejects()
    assert reject["audio"] == "a\x1b[2J\nb.wav"


# The whole run is refused: exit 2, and nothing is written.


def refused(
    folder: Path,
    *arguments: str,
    out: str = "store",
    under: list[str] | None = None,
) -> str:
    """Standard error of an extract that must be refused."""
    before = snapshot(folder)
    run = run_melmill(
        "extract", *arguments, "--out", out, cwd=folder, under=under or []
    )
    assert run.exit_code == 2, run.stderr
    assert run.stdout == ""
    assert snapshot(folder) == before
    return run.text


@pytest.fixture
def good(clips: Path) -> Path:
    """A folder with a good manifest, train.jsonl."""
    rows = [manifest_row("clip00.wav"), manifest_row("clip01.wav")]
    write_manifest(clips / "train.jsonl", rows)
    return clips


@pytest.mark.parametrize("name", ["train.txt", "train", "train.jsonl.gz"])
def test_manifest_with_another_suffix_is_refused(good: Path, name: str) -> None:
    (good / "train.jsonl").rename(good / name)
    error = refused(good, name)
    assert f"{name}: a manifest's name must end in .jsonl or .json" in error


def test_manifest_named_json_is_accepted(good: Path) -> None:
    (good / "train.jsonl").rename(good / "train.json")
    assert len(extract(good / "store", "train.json", cwd=good).rows()) == 2


def test_missing_manifest_is_refused(good: Path) -> None:
    error = refused(good, "train.jsonl", "gone.jsonl")
    assert "gone.jsonl: cannot be opened: No such file or directory" in error


def test_manifest_that_is_a_folder_is_refused(good: Path) -> None:
    (good / "folder.jsonl").mkdir()
    assert "folder.jsonl: is a directory" in refused(good, "folder.jsonl")


def test_manifest_that_is_a_fifo_is_refused_at_once(good: Path) -> None:
    os.mkfifo(good / "fifo.jsonl")
    assert "fifo.jsonl: is a FIFO" in refused(good, "fifo.jsonl")


def test_manifest_without_permission_is_refused(good: Path) -> None:
    (good / "train.jsonl").chmod(0)
    error = refused(good, "train.jsonl", under=unprivileged())
    assert "train.jsonl: cannot be opened: Permission denied" in error


@pytest.mark.parametrize("text", ["", "\n", " \t\n\r\n"])
def test_manifest_without_lines_is_refused(good: Path, text: str) -> None:
    (good / "empty.jsonl").write_text(text, newline="")
    error = refused(good, "train.jsonl", "empty.jsonl")
    assert "empty.jsonl: the manifest holds no lines" in error


def test_unknown_preset_is_refused_and_the_known_ones_named(good: Path) -> None:
    error = refused(good, "train.jsonl", "--preset", "wisper")
    assert "--preset wisper: the presets are qwen3-asr and whisper" in error
    assert "did you mean whisper?" in error
    assert "qwen3-asr and whisper" in error


@pytest.mark.parametrize(
    "arguments",
    [
        ["train.jsonl", "train.jsonl"],
        ["train.jsonl", "other/train.jsonl"],
        ["a=train.jsonl", "a=other/train.jsonl"],
    ],
)
def test_two_splits_of_one_name_are_refused(
    good: Path, arguments: list[str]
) -> None:
    (good / "other").mkdir()
    (good / "other/train.jsonl").write_bytes(GOOD_LINE)
    error = refused(good, *arguments)
    assert "two manifests would be the split" in error
    assert "NAME=" in error


def test_no_readable_audio_shows_resolved_path_and_audio_root(
    good: Path,
) -> None:
    write_manifest(good / "train.jsonl", [manifest_row("a.wav")] * 3)
    (good / "folder").mkdir()
    error = refused(good, "train.jsonl", "--audio-root", "folder")
    assert "not one of 3 lines" in error
    assert "train line 1" in error
    assert f"a.wav was looked for as {good}/folder/a.wav" in error
    assert "--audio-root FOLDER" in error
    validated = run_melmill("validate", "train.jsonl", cwd=good)
    assert validated.exit_code == 2
    assert "a.wav was looked for as" in validated.text


def test_output_folder_in_use_is_refused(good: Path) -> None:
    extract(good / "store", "train.jsonl", cwd=good)
    rows = [manifest_row("clip00.wav")]
    write_manifest(good / "train.jsonl", rows)
    with (good / "store/.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        error = refused(good, "train.jsonl", "--update")
    assert "store is in use by another melmill" in error
    run = run_melmill(
        "extract", "train.jsonl", "--update", "--out", "store", cwd=good
    )
    assert run.exit_code == 0, run.stderr


def test_new_output_folder_in_use_is_refused(good: Path) -> None:
    (good / "store").mkdir()
    with (good / "store/.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        error = refused(good, "train.jsonl")
    assert "store is in use by another melmill" in error


@pytest.mark.parametrize(
    ("flags", "difference"),
    [
        (["--dtype", "f32"], ['feature_type: "f16" -> "f32"']),
        (["--preset", "whisper"], ["n_mels: 128 -> 80"]),
        (
            ["--preset", "whisper", "--dtype", "f32"],
            ['feature_type: "f16" -> "f32"', "n_mels: 128 -> 80"],
        ),
    ],
    ids=["dtype", "preset", "both"],
)
@pytest.mark.parametrize("update", [[], ["--update"]], ids=["plain", "update"])
def test_store_of_another_contract_is_refused_field_by_field(
    good: Path, flags: list[str], difference: list[str], update: list[str]
) -> None:
    extract(good / "store", "train.jsonl", cwd=good)
    error = refused(good, "train.jsonl", *flags, *update)
    assert "was made with other settings" in error
    listed = [text.strip() for text in error.splitlines() if " -> " in text]
    assert sorted(listed) == sorted(difference)


def test_unfinished_store_of_another_contract_is_refused(good: Path) -> None:
    extract(good / "store", "train.jsonl", cwd=good)
    (good / "store/store.json").unlink()
    error = refused(good, "train.jsonl", "--dtype", "f32")
    assert 'feature_type: "f16" -> "f32"' in error


def test_store_of_another_shard_size_is_refused(good: Path) -> None:
    extract(good / "store", "train.jsonl", "--shard-size", "1MiB", cwd=good)
    error = refused(good, "train.jsonl", "--shard-size", "2MiB")
    assert "shard size of 1048576 bytes" in error


def test_folder_with_foreign_files_is_refused(good: Path) -> None:
    (good / "store").mkdir()
    (good / "store/thesis.txt").write_text("years of work")
    error = refused(good, "train.jsonl", "--update")
    assert "not a melmill store: it holds thesis.txt" in error


def test_output_that_is_a_file_is_refused(good: Path) -> None:
    (good / "store").write_text("years of work")
    assert "store is not a folder" in refused(good, "train.jsonl")


def test_output_whose_parent_is_missing_is_refused(good: Path) -> None:
    error = refused(good, "train.jsonl", out="gone/store")
    assert "cannot write to gone: No such file or directory" in error
    assert "\n  make it first: mkdir -p gone" in error


def test_output_that_may_not_be_written_is_refused(good: Path) -> None:
    (good / "store").mkdir(mode=0o555)
    error = refused(good, "train.jsonl", under=unprivileged())
    assert "cannot write to store: Permission denied" in error


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    folder = tmp_path / "full"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a small file system: {mounted.stderr}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_too_little_disk_is_refused_before_anything_is_written(
    good: Path, full_disk: Path
) -> None:
    write_wav(good / "long.wav", noise(60 * 8000), rate=8000)
    write_manifest(good / "train.jsonl", [manifest_row("long.wav")])
    error = refused(good, "train.jsonl", out="full/store")
    assert re.search(
        r"the store needs 1\.[56] MB more and full has 1\.\d MB", error
    )
    # And with what fits it goes on.
    write_manifest(good / "train.jsonl", [manifest_row("clip00.wav")])
    assert len(extract(full_disk / "store", "train.jsonl", cwd=good).rows())


def test_refusal_is_one_line(good: Path) -> None:
    run: Run = run_melmill("extract", "gone.jsonl", "--out", "a", cwd=good)
    assert last_line(run.text) == run.stderr.rstrip("\n")
    assert run.text.startswith("error: ")
