"""Files whose format melmill does not read are converted by ffmpeg."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from converting import Convert, Converted, json_lines, write_lines
from support import (
    REPOSITORY,
    make_clips,
    melmill_path,
    run_melmill,
)

pytest_plugins = ["convert_fixtures"]

M4A = b"\0\0\0\x20ftypM4A \0\0\0\0"

# Writes what it reads behind fLaC. The source says what goes wrong. Sources
# that it has seen are in `seen`.
FFMPEG = """#!/bin/sh
[ "$1" = -version ] && exit 0
while [ "$1" != -i ]; do shift; done
source=${2#file:}
for last; do :; done
target=${last#file:}
echo "$source" >> seen
case $(tail -c +17 "$source") in
*bad*) echo "[in#0 @ 0x55dd] moov atom not found" >&2; exit 1 ;;
*silent*) exit 1 ;;
*lost*) printf fLaC > "$target"; echo "Header missing" >&2; exit 0 ;;
*full*) echo "Error writing trailer: No space left on device" >&2; exit 1 ;;
*slow*) echo $$ > pid; exec sleep 60 ;;
esac
(printf fLaC; cat "$source") > "$target"
"""


@pytest.fixture
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with clips, ffmpeg's stand-in, and melmill on PATH."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "ffmpeg").write_text(FFMPEG)
    (tools / "ffmpeg").chmod(0o755)
    (tools / "melmill").symlink_to(melmill_path())
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    make_clips(tmp_path, 2)
    return tmp_path


def write_manifest(folder: Path, **files: str) -> list[str]:
    """M4A files, and a manifest of them between two clips."""
    names = ["clip00.wav"]
    for stem, what in files.items():
        names.append(f"{stem}.m4a")
        (folder / names[-1]).write_bytes(M4A + what.encode())
    names.append("clip01.wav")
    with (folder / "in.jsonl").open("w") as file:
        for number, name in enumerate(names):
            item = {"x": 1.0, "audio": name, "text": f"{number} é"}
            file.write(f" {json.dumps(item)}\r\n\n")
    return names


def seen(folder: Path) -> list[str]:
    """The sources that ffmpeg has read, once each."""
    path = folder / "seen"
    return sorted(path.read_text().split()) if path.exists() else []


def test_files_are_replaced_and_other_lines_stay(
    convert: Convert, clips: Path
) -> None:
    write_manifest(clips, a="one", b="bad", c="two", d="lost", e="silent")
    made = convert("audio", "in.jsonl")
    assert made.code == 3
    first, a, c, last = (clips / "out.jsonl").read_text().splitlines()
    lines = (clips / "in.jsonl").read_text().splitlines()
    assert first == lines[0]
    assert last == lines[-2]
    for line, stem, sound in ((a, "a", b"one"), (c, "c", b"two")):
        row = json.loads(line)
        assert row["audio"].startswith(f"out_audio/{stem}.")
        assert Path(row["audio"]).read_bytes() == b"fLaC" + M4A + sound
        assert (row["x"], row["text"][1:]) == (1.0, " é")
    assert made.rejects[0] == {
        "file": "in.jsonl",
        "line": 5,
        "audio": "b.m4a",
        "message": "ffmpeg cannot convert the file: in#0: moov atom not found",
    }
    assert made.messages[1:] == [
        (9, "ffmpeg cannot convert the file: Header missing"),
        (11, "ffmpeg cannot convert the file: it gave no reason"),
    ]
    assert "converted the audio of 2 rows" in made.stderr
    assert made.stdout.endswith("melmill extract out.jsonl --out features/\n")
    assert len(list((clips / "out_audio").iterdir())) == 2


def test_what_is_done_is_not_done_again(convert: Convert, clips: Path) -> None:
    write_manifest(clips, a="one", b="bad")
    first = convert("audio", "in.jsonl")
    assert seen(clips) == ["a.m4a", "b.m4a"]
    (clips / "out_audio/.left.flac.1.tmp").write_text("of a killed run")
    assert convert("audio", "in.jsonl") == first
    assert seen(clips) == ["a.m4a", "b.m4a", "b.m4a"]
    assert len(list((clips / "out_audio").iterdir())) == 1
    # But another file of the same name is another file.
    (clips / "a.m4a").write_bytes(M4A + b"new sound")
    made = convert("audio", "in.jsonl")
    [name] = [row["audio"] for row in made.rows if "flac" in row["audio"]]
    assert Path(name).read_bytes().endswith(b"new sound")


def test_rows_of_one_file_share_the_new_one(
    convert: Convert, clips: Path
) -> None:
    (clips / "a.m4a").write_bytes(M4A)
    rows = [
        {"audio": "a.m4a", "text": "x", "offset": n, "duration": 1}
        for n in range(40)
    ]
    write_lines("in.jsonl", rows)
    made = convert("audio", "in.jsonl")
    assert seen(clips) == ["a.m4a"]
    assert {row.pop("audio") for row in made.rows} == {
        f"out_audio/{name}" for name in os.listdir("out_audio")
    }
    assert [row["offset"] for row in made.rows] == list(range(40))


def test_lines_keep_their_order(convert: Convert, clips: Path) -> None:
    names = {f"f{number:03}": f"sound {number}" for number in range(60)}
    audio = write_manifest(clips, **names)
    made = convert("audio", "in.jsonl")
    assert made.code == 0
    found = [Path(row["audio"]).name.split(".")[0] for row in made.rows]
    assert found == [name.split(".")[0] for name in audio]


def extracted(clips: Path) -> Converted:
    run = run_melmill(
        *("extract", "in.jsonl", "--out", "store", "--max-rejects", "100%"),
        cwd=clips,
    )
    assert run.exit_code == 0, run.stderr
    return Converted(0, "", "", [], json_lines(clips / "store/rejects.jsonl"))


def test_rejects_of_a_store_say_which_files(
    convert: Convert, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = write_manifest(clips, a="one", b="two")
    (clips / "clip00.wav").write_bytes(b"RIFF")  # another reason
    assert [item["code"] for item in extracted(clips).rejects] == [
        *("truncated", "not_wav", "not_wav"),
    ]
    (clips / "tools/melmill").unlink()  # is not needed
    made = convert("audio", "store/rejects.jsonl", "in.jsonl")
    assert made.code == 0
    stems = [Path(row["audio"]).name.split(".")[0] for row in made.rows]
    assert stems == [name.split(".")[0] for name in names]
    assert seen(clips) == ["a.m4a", "b.m4a"]
    monkeypatch.setattr("melmill.convert.find_program", lambda: None)
    made = convert("audio", "in.jsonl")
    assert made.code == 2
    assert "melmill is not on PATH" in made.stderr


def test_rejects_of_another_manifest_stop(
    convert: Convert, clips: Path
) -> None:
    write_manifest(clips, a="one", b="two")
    extracted(clips)
    rejects = "store/rejects.jsonl"
    assert "give their manifest too: melmill convert audio" in (
        convert("audio", rejects).stderr
    )
    lines = (clips / "in.jsonl").read_text()
    for text, message in (
        (lines.replace("b.m4a", "a.m4a"), "line 5 is not the line that was"),
        ("\n" + lines, "line 3 is not the line that was rejected"),
        ("".join(lines.splitlines(True)[:3]), "line 5 was rejected: this is"),
    ):
        (clips / "in.jsonl").write_text(text)
        made = convert("audio", rejects, "in.jsonl")
        assert made.code == 2
        assert message in made.stderr
        assert not made.rows


def test_roots_and_names_of_fields_are_passed_on(
    convert: Convert, clips: Path
) -> None:
    (clips / "root").mkdir()
    (clips / "root/a b.m4a").write_bytes(M4A)
    (clips / "clip00.wav").rename(clips / "root/b.wav")
    write_lines(
        "in.jsonl",
        [{"wav": "a b.m4a", "txt": "x"}, {"wav": "b.wav", "txt": "y"}],
    )
    flags = ["--audio-root", "root", "--audio-field", "wav"]
    flags += ["--text-field", "txt", "--language", "en"]
    made = convert("audio", "in.jsonl", *flags)
    assert made.code == 0, made.stderr
    new, old = (row["wav"] for row in made.rows)
    assert Path(new).is_absolute()
    assert Path(new).read_bytes() == b"fLaC" + M4A
    assert old == "b.wav"
    assert made.stdout.endswith(f"features/ {' '.join(flags)}\n")


def test_copies_of_audio_at_urls_are_converted(
    convert: Convert, clips: Path
) -> None:
    (clips / "a.m4a").write_bytes(M4A + b"one")
    row = {"audio": "s3://b/a.m4a", "text": "x", "audio_path": "a.m4a"}
    write_lines("in.jsonl", [row, row | {"audio_path": "clip00.wav"}])
    made = convert("audio", "in.jsonl")
    assert made.code == 0
    converted, other = made.rows
    assert other["audio_path"] == "clip00.wav"
    assert converted["audio_path"].startswith("out_audio/a.")
    assert Path(converted["audio_path"]).read_bytes() == b"fLaC" + M4A + b"one"
    assert {**converted, "audio_path": "a.m4a"} == row


def test_members_of_archives_are_rejected(
    convert: Convert, clips: Path
) -> None:
    (clips / "a.tar").write_bytes(M4A)
    part = {"audio_offset": 0, "audio_bytes": 16}
    write_lines("in.jsonl", [{"audio": "a.tar", "text": "x"} | part])
    made = convert("audio", "in.jsonl")
    assert made.messages == [(1, "a part of an archive: unpack it first")]


def test_a_full_disk_is_no_reject(convert: Convert, clips: Path) -> None:
    write_manifest(clips, a="full")
    made = convert("audio", "in.jsonl")
    assert made.code == 4
    assert "a.m4a: No space left on device" in made.stderr
    assert not (clips / "out.jsonl").exists()
    assert not list((clips / "out_audio").iterdir())


def test_without_ffmpeg_the_command_that_installs_it_is_named(
    convert: Convert, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_manifest(clips, a="one")
    (clips / "tools/ffmpeg").unlink()
    monkeypatch.setenv("PATH", str(clips / "tools"))
    made = convert("audio", "in.jsonl")
    assert made.code == 2
    assert "ffmpeg is not installed: sudo apt install ffmpeg" in made.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_ffmpeg_too(
    clips: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_manifest(clips, a="slow")
    path = os.pathsep.join(str(REPOSITORY / name) for name in ("python",))
    process = subprocess.Popen(
        [
            # A shell may start the tests with SIGINT ignored.
            "env",
            "--default-signal=INT",
            sys.executable,
            "-m",
            "melmill.convert",
            "audio",
            "in.jsonl",
            "o.jsonl",
        ],
        cwd=clips,
        env={**os.environ, "PYTHONPATH": path},
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 60
    while not (clips / "pid").exists() or not (clips / "pid").read_text():
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert said == "error: stopped; OUT was not written\n"
    with pytest.raises(ProcessLookupError):
        os.kill(int((clips / "pid").read_text()), 0)
    assert not list(clips.glob("o*/*"))
    assert not list(clips.glob("*o.jsonl*"))


def test_the_real_ffmpeg_makes_flac(convert: Convert, clips: Path) -> None:
    (clips / "tools/ffmpeg").unlink()
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    import soundfile

    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", "clip00.wav", "-c:a", "adpcm_ms",
         "a.wav"],
        check=True,
    )  # fmt: skip
    (clips / "b.m4a").write_bytes(M4A + b"no sound")
    write_lines(
        "in.jsonl",
        [{"audio": name, "text": "x"} for name in ("a.wav", "b.m4a")],
    )
    made = convert("audio", "in.jsonl")
    [row] = made.rows
    info = soundfile.info(row["audio"])
    source = soundfile.info("clip00.wav")
    assert (info.format, info.subtype) == ("FLAC", "PCM_16")
    assert (info.samplerate, info.channels) == (16000, 1)
    assert abs(info.frames - source.frames) < 2048
    [(number, said)] = made.messages
    assert number == 2
    assert said.startswith("ffmpeg cannot convert the file: ")
    assert "0x" not in said
