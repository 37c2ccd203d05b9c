"""Manifests of other tools, wrong roots, segments: said before extraction."""

import gzip
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from plain_reader import StoreError, read_store
from support import (
    REPOSITORY,
    Store,
    extract,
    make_clips,
    manifest_row,
    melmill_path,
    noise,
    read_json_lines,
    read_strings,
    run_melmill,
    snapshot,
    write_manifest,
    write_wav,
)

Json = dict[str, Any]


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """A folder with four clips. The second one lasts 2 s, the others less."""
    make_clips(tmp_path, 4)
    write_wav(tmp_path / "clip01.wav", noise(32000, seed=99))
    return tmp_path


def refused(folder: Path, *arguments: str) -> str:
    """The message of an extract, and of a validate, that must be refused."""
    before = snapshot(folder)
    run = run_melmill("extract", *arguments, "--out", "store", cwd=folder)
    assert run.exit_code == 2, run.stderr
    assert snapshot(folder) == before
    checked = run_melmill("validate", *arguments, cwd=folder)
    assert checked.exit_code == 2
    assert checked.stderr == run.stderr
    return run.stderr


def shell(command: str, folder: Path, stdin: bytes = b"") -> str:
    """Runs a command with melmill on PATH; returns its standard error."""
    tools = folder / ".tools"
    tools.mkdir(exist_ok=True)
    program = tools / "melmill"
    if not program.exists():
        program.symlink_to(melmill_path())
        converter = tools / "melmill-convert"
        converter.write_text(
            f'#!/bin/sh\nexec {sys.executable} -m melmill.convert "$@"\n'
        )
        converter.chmod(0o755)
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        input=stdin,
        capture_output=True,
        env={
            **os.environ,
            "PATH": f"{tools}:{os.environ['PATH']}",
            "PYTHONPATH": str(REPOSITORY / "python"),
        },
        check=False,
        timeout=100,
    )
    output = done.stdout.decode() + done.stderr.decode()
    assert done.returncode == 0, output
    return output


def command_in(error: str) -> str:
    """The command that a message gives, followed by one that validates."""
    found = re.search(r": (melmill convert .*)", error)
    if found:
        words = shlex.split(found[1])
        out = shlex.quote([w for w in words if w.endswith(".jsonl")][-1])
        flag = " --no-text" if "--no-text" in found[1] else ""
        return f"{found[1]} && melmill validate {out}{flag}"
    programs = "LC_ALL=C|iconv|jq|zcat"
    found = re.search(rf": ((?:{programs}) .* \| melmill .*)", error)
    assert found, error
    return found[1]


# Segments.

PARTS: dict[str, Json] = {
    "number": {"offset": 1.5},
    "number_as_text": {"offset": "1.5"},
    "time": {"start": "00:00:01"},
    "time_with_fraction": {"start": "00:01:02.5"},
    "begin": {"begin": 1.5, "end": 2.0},
    "start_time": {"start_time": 1},
    "pair": {"segment": [1.5, 2.0]},
    "object": {"segment": {"start": 1.5, "end": 2}},
    "start_and_end": {"start": 0.1, "end": 0.2},
    "shorter_duration": {"offset": 0, "duration": "0.1"},
    "longer_duration": {"duration": "99", "offset": "0"},
}
WHOLES: dict[str, Json] = {
    "zero": {"offset": 0, "start": 0.0, "begin": "0", "start_time": "00:00"},
    "null": {"offset": None, "start": None, "segment": None},
    "number_of_a_segment": {"segment": 3},
    "name_of_a_segment": {"segment": "utt-12", "start": "intro"},
    "duration_alone": {"duration": 99.0, "end": 3},
    "nested": {"extra": {"offset": 3}},
}


@pytest.mark.parametrize("fields", PARTS.values(), ids=PARTS)
def test_line_that_names_a_part_of_its_file_stops_the_run(
    clips: Path, fields: Json
) -> None:
    rows = [manifest_row("clip00.wav"), manifest_row("clip01.wav") | fields]
    write_manifest(clips / "train.jsonl", rows)
    error = refused(clips, "train.jsonl")
    assert "names parts of audio files:" in error
    assert "store WHOLE FILES" in error
    assert "--segments" in error
    assert "\n  train.jsonl: 1 of 2 lines\n    line 2: clip01.wav: " in error
    for name in fields:
        assert f'"{name}": ' in error
    assert "--whole-files" in error
    run = run_melmill("validate", "train.jsonl", "--whole-files", cwd=clips)
    assert run.exit_code == 0
    assert "WHOLE FILES ARE USED" in run.text


@pytest.mark.parametrize("fields", WHOLES.values(), ids=WHOLES)
def test_line_that_names_a_whole_file_is_stored(
    clips: Path, fields: Json
) -> None:
    rows = [manifest_row("clip00.wav") | fields]
    write_manifest(clips / "train.jsonl", rows)
    assert len(extract(clips / "store", "train.jsonl", cwd=clips).rows()) == 1


@pytest.mark.parametrize(("off_by_s", "stops"), [(0.49, False), (0.51, True)])
def test_duration_that_is_a_text_may_differ_by_half_a_second(
    clips: Path, off_by_s: float, stops: bool
) -> None:
    row = manifest_row("clip00.wav")
    seconds = extract_seconds(clips)
    row |= {"offset": 0.0, "duration": f"{seconds + off_by_s}"}
    write_manifest(clips / "train.jsonl", [row])
    run = run_melmill("validate", "train.jsonl", cwd=clips)
    assert run.exit_code == (2 if stops else 0)


def test_duration_alone_is_compared_with_the_file(clips: Path) -> None:
    row = manifest_row("clip01.wav")  # 2 s
    durations: list[object] = [2.49, 2.51, 1.49, 1.51, "99", "2.0", [9], None]
    rows = [row | {"duration": duration} for duration in durations]
    rows.append(row | {"start": 0, "duration": 1, "end": 3})
    write_manifest(clips / "train.jsonl", [row] * len(rows))
    plain = extract(clips / "a", "train.jsonl", cwd=clips)
    write_manifest(clips / "train.jsonl", rows)
    run = run_melmill("extract", "train.jsonl", "--out", clips / "b", cwd=clips)
    assert run.exit_code == 0
    assert (
        "warning: 4 lines with a duration that is not the file's: it is not "
        "used, and the whole file is stored\n"
        '  train line 2: clip01.wav: "duration" 2.51, the file has 2 s\n'
        '  train line 3: clip01.wav: "duration" 1.49, the file has 2 s\n'
        '  train line 5: clip01.wav: "duration" 99, the file has 2 s\n'
    ) in run.stderr
    shards = Store(clips / "b").index["shards"]
    assert shards == plain.index["shards"]
    checked = run_melmill("validate", "train.jsonl", "--json", cwd=clips)
    assert json.loads(checked.stdout)["warnings"]["other_duration"] == 4


def test_channel_of_a_file_with_several_is_not_selected(clips: Path) -> None:
    stereo = np.stack([noise(16000, seed=5), noise(16000, seed=6)], axis=1)
    write_wav(clips / "stereo.wav", stereo)
    rows = [
        manifest_row("clip00.wav") | {"channel": 0},
        manifest_row("stereo.wav") | {"channel": 1},
        manifest_row("stereo.wav")
        | {"channel": 0, "start_sample": 0}
        | {"num_samples": 8000},
        manifest_row("stereo.wav") | {"channel": "News"},
        manifest_row("stereo.wav"),
    ]
    write_manifest(clips / "train.jsonl", rows)
    run = run_melmill("validate", "train.jsonl", cwd=clips)
    assert run.exit_code == 0
    assert (
        "warning: 2 lines with a channel of a file that has several: THE MEAN "
        "OF ALL CHANNELS IS USED\n  train line 2: stereo.wav\n"
        "  train line 3: stereo.wav\n"
    ) in run.stderr
    run = run_melmill("validate", "train.jsonl", "--json", cwd=clips)
    assert json.loads(run.stdout)["warnings"]["mixed_channels"] == 2


def extract_seconds(clips: Path) -> float:
    """The length of clip00.wav."""
    write_manifest(clips / "one.jsonl", [manifest_row("clip00.wav")])
    store = extract(clips / "one", "one.jsonl", cwd=clips)
    return store.rows()[0].num_samples / 16000


def test_segments_are_counted_for_each_manifest(clips: Path) -> None:
    rows = [manifest_row("clip00.wav") | {"offset": n} for n in range(6)]
    write_manifest(clips / "a.jsonl", rows)
    write_manifest(clips / "b.jsonl", rows[:3])
    write_manifest(clips / "c.jsonl", rows[:1])
    error = refused(clips, "a.jsonl", "b.jsonl", "c.jsonl")
    assert "  a.jsonl: 5 of 6 lines\n" in error
    assert "  b.jsonl: 2 of 3 lines\n" in error
    assert "c.jsonl" not in error
    assert error.count("    line ") == 3 + 2
    assert '    line 4: clip00.wav: "offset": 3\n' in error


# Wrong roots.


def test_root_that_is_no_folder_is_refused(clips: Path) -> None:
    write_manifest(clips / "train.jsonl", [manifest_row("clip00.wav")])
    error = refused(clips, "train.jsonl", "--audio-root", "nope")
    assert error == "error: --audio-root nope: no such folder\n"
    error = refused(clips, "train.jsonl", "--audio-root", "train.jsonl")
    assert error == "error: --audio-root train.jsonl: not a folder\n"


@pytest.fixture
def project(clips: Path) -> Path:
    """A folder whose proj/data has clips and a manifest of relative paths."""
    data = clips / "proj" / "data"
    data.mkdir(parents=True)
    for clip in clips.glob("*.wav"):
        shutil.move(clip, data)
    rows = [manifest_row(f"clip0{n}.wav") for n in range(4)]
    write_manifest(data / "train.jsonl", rows)
    return clips


def test_root_that_finds_the_files_is_named(project: Path) -> None:
    error = refused(project, "proj/data/train.jsonl")
    assert f"clip00.wav was looked for as {project}/clip00.wav\n" in error
    assert "it lies below proj/data: --audio-root proj/data\n" in error
    run = run_melmill(
        "validate",
        "proj/data/train.jsonl",
        "--audio-root",
        "proj/data",
        cwd=project,
    )
    assert run.exit_code == 0


def test_run_stops_when_most_files_are_not_found(project: Path) -> None:
    shutil.copy(project / "proj/data/clip00.wav", project)
    error = refused(project, "proj/data/train.jsonl")
    assert "3 of 4 audio files were not found\n" in error
    assert f"clip01.wav was looked for as {project}/clip01.wav\n" in error
    assert "--audio-root proj/data" in error
    assert "--max-rejects 100%" in error
    run = run_melmill(
        "extract",
        "proj/data/train.jsonl",
        "--out",
        "store",
        "--max-rejects",
        "3",
        cwd=project,
    )
    assert run.exit_code == 0
    assert len(Store(project / "store").rows()) == 1


def test_run_goes_on_when_half_of_the_files_are_found(project: Path) -> None:
    for name in ("clip00.wav", "clip01.wav"):
        shutil.copy(project / "proj/data" / name, project)
    run = run_melmill("validate", "proj/data/train.jsonl", cwd=project)
    assert run.exit_code == 3


def test_other_hints_follow_the_root_that_was_given(project: Path) -> None:
    rows = [manifest_row("x/a.wav"), manifest_row("x/b.wav")]
    write_manifest(project / "lost.jsonl", rows)
    error = refused(project, "lost.jsonl", "--audio-root", "proj")
    assert f"x/a.wav was looked for as {project}/proj/x/a.wav\n" in error
    assert "relative paths start from proj; --audio-root FOLDER" in error
    absolute = [manifest_row(f"/no/{n}.wav") for n in range(2)]
    write_manifest(project / "lost.jsonl", absolute)
    error = refused(project, "lost.jsonl")
    assert "/no/0.wav was looked for as /no/0.wav\n" in error
    assert "relative paths" not in error


@pytest.mark.parametrize(
    ("audio", "hint"),
    [
        (
            "s3://bucket/a.wav",
            "melmill reads local files: melmill stage copies",
        ),
        ("~/clips/a.wav", "~ is part of a name here: write the whole path"),
        ("clips\\a.wav", "a backslash is part of a name here"),
    ],
    ids=["url", "home", "backslash"],
)
def test_hints_name_what_is_odd_about_the_path(
    clips: Path, audio: str, hint: str
) -> None:
    rows = [manifest_row(audio), manifest_row(audio)]
    write_manifest(clips / "train.jsonl", [*rows, manifest_row("clip00.wav")])
    error = refused(clips, "train.jsonl")
    assert "2 of 3 audio files were not found\n" in error
    assert f"\n  {hint}" in error


# The formats of other tools. Each makes a file and gives its name; the message
# says what it is, and the command or the flags in it work.

WORDS = "language English<asr_text>hello"
OBJECTS: list[Json] = [
    {"audio": f"clip0{n}.wav", "text": WORDS} for n in range(2)
]


def lines_of(objects: Sequence[Json]) -> str:
    return "".join(json.dumps(item) + "\n" for item in objects)


def write(folder: Path, name: str, data: str | bytes) -> str:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return name


def renamed(**names: object) -> str:
    """Lines whose "text" is plain, with "audio" in the fields given."""
    rows = []
    for item, seconds in zip(OBJECTS, (0.5, 2.0), strict=True):
        told = {"AUDIO": item["audio"], "DURATION": seconds}
        row = {
            name: told.get(str(value), value) for name, value in names.items()
        }
        rows.append(row)
    return lines_of(rows)


def chat(key: str, role: str, content: str, names: Sequence[str]) -> str:
    return lines_of(
        [
            {
                key: [
                    {role: names[0], content: "<audio>What is said?"},
                    {role: names[1], content: "hello"},
                ],
                "audios": [item["audio"]],
            }
            for item in OBJECTS
        ]
    )


def cuts(start: float = 0.0, language: str | None = None) -> str:
    return lines_of(
        [
            {
                "id": "cut-1",
                "start": start,
                "duration": 0.3,
                "channel": 0,
                "type": "MonoCut",
                "supervisions": [
                    {
                        "id": "s",
                        "text": "hello",
                        "start": 0.0,
                        "duration": 0.3,
                        "language": language,
                    }
                ],
                "recording": {
                    "id": "r",
                    "sources": [
                        {
                            "type": "file",
                            "channels": [0],
                            "source": item["audio"],
                        }
                    ],
                    "sampling_rate": 16000,
                    "num_samples": 4800,
                },
            }
            for item in OBJECTS
        ]
    )


RECORDINGS = lines_of(
    [
        {
            "id": "r",
            "sources": [{"type": "file", "source": item["audio"]}],
            "sampling_rate": 16000,
            "num_samples": 9000,
        }
        for item in OBJECTS
    ]
)
ARRAY = json.dumps(OBJECTS)
COMMON_VOICE = (
    "client_id\tpath\tsentence\tlocale\n"
    'a\tclip00.wav\t"unbalanced\ten\n'
    "b\tclip01.wav\thello\tzh-CN\n"
)

# File, content, what it is said to be. The command is between ": " and the end.
COMMANDS: dict[str, tuple[str, str | bytes, str]] = {
    "array": ("train.json", ARRAY, "is a JSON array"),
    "array_by_line": ("my data.jsonl", ARRAY.replace("}, ", "},\n"), "array"),
    "indented_array": ("a.json", json.dumps(OBJECTS, indent=2), "array"),
    "spread": (
        "train.json",
        "\n".join(json.dumps(item, indent=1) for item in OBJECTS),
        "has objects over several lines",
    ),
    "gzip": (
        "train.jsonl.gz",
        gzip.compress(lines_of(OBJECTS).encode()),
        "is gzip",
    ),
    "gzip_in_disguise": (
        "train.jsonl",
        gzip.compress(lines_of(OBJECTS).encode()),
        "is gzip",
    ),
    "utf_16": (
        "train.jsonl",
        lines_of(OBJECTS).encode("utf-16"),
        "is UTF-16",
    ),
    "utf_16_le": (
        "train.jsonl",
        lines_of(OBJECTS).encode("utf-16-le"),
        "is UTF-16",
    ),
    "utf_16_be": (
        "it's.jsonl",
        lines_of(OBJECTS).encode("utf-16-be"),
        "is UTF-16",
    ),
    "csv": (
        "train.csv",
        'path,sentence\nclip00.wav,"hello, you"\nclip01.wav,hi\n',
        "is a CSV table",
    ),
    "common_voice": ("train.tsv", COMMON_VOICE, "is a TSV table"),
    "datasets": (
        "train.jsonl",
        lines_of(
            [
                {"audio": {"path": item["audio"], "bytes": None}, "text": WORDS}
                for item in OBJECTS
            ]
        ),
        "has audio objects of Hugging Face datasets",
    ),
    "messages": (
        "train.jsonl",
        chat("messages", "role", "content", ["user", "assistant"]),
        "has chat messages",
    ),
    "conversations": (
        "train.jsonl",
        chat("conversations", "from", "value", ["human", "gpt"]),
        "has chat messages",
    ),
    "chat_array": (
        "chat.json",
        json.dumps(
            [
                json.loads(line)
                for line in chat(
                    "messages", "role", "content", ["user", "assistant"]
                ).splitlines()
            ],
            indent=2,
        ),
        "is a JSON array of chat messages",
    ),
    "cuts": ("cuts.jsonl", cuts(), "has cuts of lhotse"),
    "cuts_with_language": (
        "all cuts.jsonl.txt",
        cuts(language="de"),
        "has cuts of lhotse",
    ),
    "csv_with_audio_alone": (
        "train.csv",
        "id,path\n1,clip00.wav\n2,clip01.wav\n",
        "is a CSV table",
    ),
    "recordings": ("r.jsonl", RECORDINGS, "has recordings of lhotse"),
    "wav_scp": (
        "wav.scp",
        "utt1 clip00.wav\nutt2 clip01.wav\n",
        "is a wav.scp of Kaldi",
    ),
    "list": ("train.txt", "clip00.wav\nclip01.wav\n", "is a list of paths"),
}


@pytest.mark.parametrize(
    ("name", "content", "what"), COMMANDS.values(), ids=COMMANDS
)
def test_command_that_is_named_makes_the_manifest_usable(
    clips: Path, name: str, content: str | bytes, what: str
) -> None:
    error = refused(clips, write(clips, name, content))
    assert name in error
    assert what in error
    output = shell(command_in(error), clips)
    assert "2 of 2 lines can be stored" in output


@pytest.mark.parametrize("case", ["common_voice", "cuts", "messages"])
def test_texts_for_whisper_get_no_template(clips: Path, case: str) -> None:
    name, content, what = COMMANDS[case]
    whisper = ("--preset", "whisper")
    error = refused(clips, write(clips, name, content), *whisper)
    assert what in error
    command = command_in(error)
    assert "--plain-text" in command
    assert "--language" not in command
    output = shell(f"{command} --preset whisper", clips)
    assert "2 of 2 lines can be stored" in output
    assert "warning" not in output


def test_kaldi_texts_are_joined_to_their_audio(clips: Path) -> None:
    data = clips / "data"
    data.mkdir()
    write(data, "wav.scp", "utt1 clip00.wav\nutt2 clip01.wav\n")
    write(data, "text", 'utt1 he said "no"\nutt2 hello\n')
    error = refused(clips, "data/wav.scp")
    command = command_in(error)
    assert "melmill convert kaldi data/wav.scp wav.jsonl" in command
    shell(command.replace("validate", "extract --out store"), clips)
    rows = Store(clips / "store").rows()
    assert [(row.audio, row.text) for row in rows] == [
        ("clip00.wav", 'language English<asr_text>he said "no"'),
        ("clip01.wav", "language English<asr_text>hello"),
    ]


def test_kaldi_commands_are_run_by_the_loop_that_is_named(clips: Path) -> None:
    write(clips, "wav.scp", "utt1 cat clip00.wav |\nutt2 cat clip01.wav |\n")
    error = refused(clips, "wav.scp")
    assert "is a wav.scp of Kaldi whose lines are commands" in error
    shell(error.strip().split("to files: ", 1)[1], clips)
    for made, source in (("utt1", "clip00"), ("utt2", "clip01")):
        assert (clips / f"{made}.wav").read_bytes() == (
            clips / f"{source}.wav"
        ).read_bytes()


def test_part_of_a_cut_becomes_a_segment(clips: Path) -> None:
    error = refused(clips, write(clips, "cuts.jsonl", cuts(0.1)))
    shell(command_in(error).partition(" && ")[0], clips)
    row = read_json_lines(clips / "cuts_melmill.jsonl")[0]
    assert (row["start_sample"], row["num_samples"]) == (1600, 4800)


# Manifest lines, what they are, and the flags that the message gives.
FLAGGED: dict[str, tuple[str, str, list[str]]] = {
    "nemo": (
        renamed(audio_filepath="AUDIO", duration="DURATION", text="hello"),
        "is a NeMo manifest",
        ["--audio-field", "audio_filepath", "--language", "English"],
    ),
    "nemo_with_language": (
        renamed(audio_filepath="AUDIO", text="hello", lang="en"),
        "is a NeMo manifest",
        ["--audio-field", "audio_filepath", "--language-field", "lang"],
    ),
    "hugging_face": (
        renamed(file_name="AUDIO", transcription="hello"),
        "is the metadata of a Hugging Face audio folder",
        [
            "--audio-field",
            "file_name",
            "--text-field",
            "transcription",
            "--language",
            "English",
        ],
    ),
    "wenet": (
        renamed(key="1", wav="AUDIO", txt="hello"),
        "has its audio in another field",
        ["--audio-field", "wav", "--text-field", "txt", "--language"],
    ),
    "without_text": (
        renamed(id=1, sound="AUDIO"),
        "has its audio in another field",
        ["--audio-field", "sound", "--no-text"],
    ),
    "template": (
        renamed(wav="AUDIO", text=WORDS),
        "has its audio in another field",
        ["--audio-field", "wav"],
    ),
    "other_text": (
        renamed(audio="AUDIO", sentence="hello"),
        'has no "text"',
        ["--text-field", "sentence", "--language", "English"],
    ),
}


@pytest.mark.parametrize(
    ("content", "what", "flags"), FLAGGED.values(), ids=FLAGGED
)
def test_flags_that_are_named_make_the_manifest_usable(
    clips: Path, content: str, what: str, flags: list[str]
) -> None:
    error = refused(clips, write(clips, "train.jsonl", content))
    assert f"train.jsonl: 2 of 2 lines cannot be used: it {what}" in error
    assert "add " + " ".join(flags) in error
    for_whisper = refused(clips, "train.jsonl", "--preset", "whisper")
    assert what in for_whisper
    assert "--language" not in for_whisper
    if flags[-1] == "--language":
        flags = [*flags, "English"]
    run = run_melmill("validate", "train.jsonl", *flags, cwd=clips)
    assert run.exit_code == 0
    assert "warning" not in run.text


# File, content and the message.
OTHERS: dict[str, tuple[str, str | bytes, str]] = {
    "parquet": (
        "a.parquet",
        b"PAR1\x15\x04",
        "melmill convert parquet a.parquet",
    ),
    "arrow": ("a.arrow", b"ARROW1\0\0", "is Arrow; convert it: melmill"),
    "tar": ("a.tar", bytes(257) + b"ustar\0", "melmill convert tar a.tar"),
    "zip": ("a.zip", b"PK\x03\x04abc", "is a zip archive; unpack it: unzip"),
    "supervisions": (
        "s.jsonl",
        lines_of([{"id": "1", "recording_id": "r", "start": 0, "text": "x"}]),
        "has supervisions of lhotse, without audio; make cuts: lhotse cut",
    ),
    "audio_inside": (
        "a.jsonl",
        lines_of([{"audio": {"array": [0.1], "sampling_rate": 16000}}]),
        "has audio within its lines",
    ),
    "git_lfs": (
        "a.jsonl",
        "version https://git-lfs.github.com/spec/v1\noid sha256:1\n",
        "is a Git LFS pointer; get the file: git lfs pull",
    ),
    "web_page": (
        "a.jsonl",
        "<!DOCTYPE html>\n<html></html>\n",
        "is a web page: the download failed",
    ),
    "unknown": ("a.txt", "hello\n", "must end in .jsonl or .json"),
}


@pytest.mark.parametrize(
    ("name", "content", "message"), OTHERS.values(), ids=OTHERS
)
def test_other_files_are_named(
    clips: Path, name: str, content: str | bytes, message: str
) -> None:
    assert message in refused(clips, write(clips, name, content))


def test_folders_patterns_and_lost_files_are_named(clips: Path) -> None:
    (clips / "folder").mkdir()
    error = refused(clips, "folder")
    assert "folder: is a folder; give its manifests, as in folder/*.j" in error
    for pattern in ("none*.jsonl", "none*.csv"):
        assert (
            f"{pattern}: no such file; if files match this pattern, write it "
            "without quotes" in refused(clips, pattern)
        )
    assert "lost.csv: no such file" in refused(clips, "lost.csv")


def test_manifest_with_few_bad_lines_is_left_as_it_is(clips: Path) -> None:
    lines = lines_of(OBJECTS) + renamed(audio_filepath="AUDIO", text=WORDS)
    write(clips, "train.jsonl", lines)
    run = run_melmill(
        "validate", "train.jsonl", "--max-rejects", "2", cwd=clips
    )
    assert run.exit_code == 0


# Fields of one's own, and the training manifest.


def test_training_manifest_has_the_template_and_kept_fields(
    clips: Path,
) -> None:
    rows: list[Json] = [
        {
            "audio_filepath": "clip00.wav",
            "words": 'say "é"',
            "lang": "de-DE",
            "speaker": {"id": 7},
            "prompt": "names",
        },
        {"audio_filepath": "gone.wav", "words": "x", "lang": "de"},
        {"audio_filepath": "clip01.wav", "words": "hello", "lang": None},
        {"audio_filepath": "clip02.wav", "words": WORDS, "lang": "fr"},
        {"audio_filepath": "clip03.wav", "words": "mambo", "lang": "Swahili"},
    ]
    write_manifest(clips / "train.jsonl", rows)
    flags = ["--audio-field", "audio_filepath", "--text-field", "words"]
    flags += ["--language", "english", "--language-field", "lang"]
    flags += ["--keep", "speaker", "--max-rejects", "1"]
    run = run_melmill(
        "extract", "train.jsonl", "--out", "store", *flags, cwd=clips
    )
    assert run.exit_code == 0, run.stderr
    assert "train on store/train.training.jsonl" in run.text
    store = clips / "store"
    training = (store / "train.training.jsonl").read_text()
    assert training == (
        '{"audio":"clip00.wav","text":"language German<asr_text>say \\"é\\"",'
        '"prompt":"names","speaker":{"id":7}}\n'
        '{"audio":"clip01.wav","text":"language English<asr_text>hello"}\n'
        f'{{"audio":"clip02.wav","text":"{WORDS}"}}\n'
        '{"audio":"clip03.wav","text":"language Swahili<asr_text>mambo"}\n'
    )
    accepted = read_json_lines(store / "train.accepted.jsonl")
    assert accepted == [row for n, row in enumerate(rows) if n != 1]
    texts = [json.loads(line)["text"] for line in training.splitlines()]
    assert [row.text for row in Store(store).rows()] == texts
    with h5py.File(store / "train.rows.h5") as table:
        assert read_strings(table, "keep_speaker") == ['{"id":7}', "", "", ""]


@pytest.fixture
def nemo(clips: Path) -> Path:
    """A folder with a NeMo manifest of three clips, and its store."""
    rows = [
        {"audio_filepath": f"clip0{n}.wav", "text": f"word {n}"}
        for n in range(3)
    ]
    write_manifest(clips / "train.jsonl", rows)
    extract(clips / "store", "train.jsonl", *NEMO, cwd=clips)
    return clips


NEMO = ["--audio-field", "audio_filepath", "--language", "en"]


def test_training_manifest_is_a_file_of_the_store(nemo: Path) -> None:
    store = Store(nemo / "store")
    [split] = store.index["splits"]
    assert split["training"]["file"] == "train.training.jsonl"
    path = nemo / "store" / "train.training.jsonl"
    whole = path.read_bytes()
    assert run_melmill("verify", "store", cwd=nemo).exit_code == 0
    assert len(list(read_store(nemo / "store"))) == 3
    path.write_bytes(whole.replace(b"word 1", b"ward 1"))
    with pytest.raises(StoreError, match="training"):
        list(read_store(nemo / "store"))
    run = run_melmill("verify", "store", cwd=nemo)
    assert run.exit_code == 1
    assert "train.training.jsonl: " in run.stdout
    run = run_melmill(
        "extract",
        "train.jsonl",
        *NEMO,
        "--out",
        "store",
        "--verify-resume",
        cwd=nemo,
    )
    assert run.exit_code == 0
    assert path.read_bytes() == whole


def test_training_manifest_is_made_again_after_a_kill(nemo: Path) -> None:
    store = nemo / "store"
    files = ["store.json", "train.training.jsonl"]
    whole = {name: (store / name).read_bytes() for name in files}
    command = ["extract", "train.jsonl", *NEMO, "--out", "store"]
    for lost in (files[:1], files):  # as after kills at two moments
        for name in lost:
            (store / name).unlink()
        assert run_melmill(*command, cwd=nemo).exit_code == 0
        assert {n: (store / n).read_bytes() for n in files} == whole


def test_without_the_flags_there_is_no_training_manifest(clips: Path) -> None:
    write_manifest(clips / "train.jsonl", [manifest_row("clip00.wav")])
    store = extract(clips / "store", "train.jsonl", cwd=clips)
    assert "training" not in store.index["splits"][0]
    assert not list((clips / "store").glob("*.training.jsonl"))


def test_a_wrong_template_gets_no_second_one(clips: Path) -> None:
    text = "language english<asr_text>hi"
    rows = [manifest_row("clip00.wav", text), manifest_row("clip01.wav", "hi")]
    write_manifest(clips / "train.jsonl", rows)
    flags = ["--language", "English", "--out", "store"]
    run = run_melmill("extract", "train.jsonl", *flags, cwd=clips)
    assert run.exit_code == 0
    assert "warning: 1 text without" in run.stderr
    lines = read_json_lines(clips / "store" / "train.training.jsonl")
    assert [line["text"] for line in lines] == [
        text,
        "language English<asr_text>hi",
    ]


def test_another_language_changes_texts_and_no_shard(nemo: Path) -> None:
    shards = {path.name for path in (nemo / "store").glob("train.*.h5")}
    other = [*NEMO[:-1], "fr"]
    run = run_melmill(
        "extract", "train.jsonl", *other, "--out", "store", cwd=nemo
    )
    assert run.exit_code == 2
    assert "3 changed" in run.text
    run = run_melmill(
        "extract",
        "train.jsonl",
        *other,
        "--out",
        "store",
        "--update",
        cwd=nemo,
    )
    assert run.exit_code == 0, run.stderr
    rows = Store(nemo / "store").rows()
    assert rows[0].text == "language French<asr_text>word 0"
    training = (nemo / "store" / "train.training.jsonl").read_text()
    assert training.count("language French") == 3
    assert shards == {path.name for path in (nemo / "store").glob("train.*.h5")}


def test_training_manifest_goes_with_its_flags(nemo: Path) -> None:
    rows = [manifest_row(f"clip0{n}.wav") for n in range(3)]
    write_manifest(nemo / "train.jsonl", rows)
    run = run_melmill(
        "extract", "train.jsonl", "--out", "store", "--update", cwd=nemo
    )
    assert run.exit_code == 0, run.stderr
    assert not (nemo / "store" / "train.training.jsonl").exists()
    assert run_melmill("verify", "store", cwd=nemo).exit_code == 0


def test_file_of_the_user_in_the_way_is_not_replaced(clips: Path) -> None:
    write_manifest(clips / "train.jsonl", [manifest_row("clip00.wav")])
    extract(clips / "store", "train.jsonl", cwd=clips)
    mine = clips / "store" / "train.training.jsonl"
    mine.write_text("mine")
    run = run_melmill(
        "extract",
        "train.jsonl",
        "--language",
        "English",
        "--out",
        "store",
        "--update",
        cwd=clips,
    )
    assert run.exit_code == 2
    assert "train.training.jsonl is in the way" in run.stderr
    assert mine.read_text() == "mine"
    run = run_melmill(
        "extract",
        "train.jsonl",
        "--out",
        "store",
        "--verify-resume",
        cwd=clips,
    )
    assert run.exit_code == 0
    assert mine.read_text() == "mine"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--language", "klingon"], "--language klingon: give a name such as"),
        (["--audio-field", ""], "--audio-field: the name is empty"),
        (["--text-field", ""], "--text-field: the name is empty"),
        (["--text-field", "audio"], 'are both "audio"'),
        (
            ["--preset", "whisper", "--language", "en"],
            "the preset whisper takes plain texts",
        ),
        (
            ["--audio-field", "x", "--keep", "x"],
            "--keep x: this field is stored anyway",
        ),
    ],
    ids=[
        "language",
        "no_audio_field",
        "no_text_field",
        "same_field",
        "whisper",
        "kept",
    ],
)
def test_fields_that_cannot_be_are_refused(
    clips: Path, flags: list[str], message: str
) -> None:
    write_manifest(clips / "train.jsonl", [manifest_row("clip00.wav")])
    assert message in refused(clips, "train.jsonl", *flags)


# Standard input.


def test_standard_input_makes_the_store_of_the_file(clips: Path) -> None:
    rows = [manifest_row(f"clip0{n}.wav") for n in range(3)]
    write_manifest(clips / "train.jsonl", rows)
    expected = extract(clips / "expected", "train.jsonl", cwd=clips)
    lines = (clips / "train.jsonl").read_bytes()
    shell("melmill extract train=- --out store", clips, lines)
    for path in expected.folder.glob("[a-z]*"):
        made = (clips / "store" / path.name).read_bytes()
        assert made == path.read_bytes(), path.name
    output = shell("melmill extract train=- --out store", clips, lines)
    assert "nothing to do" in output
    output = shell(
        "melmill extract train=- --out store --update",
        clips,
        b"\n".join(lines.splitlines()[:2]),
    )
    assert len(Store(clips / "store").rows()) == 2


def test_standard_input_leaves_no_file_behind(clips: Path) -> None:
    temporary = clips / "tmp"
    temporary.mkdir()
    line = lines_of(OBJECTS).encode()
    shell("TMPDIR=tmp melmill extract a=- --out store", clips, line)
    assert not list(temporary.iterdir())


def test_standard_input_that_cannot_be_kept_is_the_machines_fault(
    clips: Path,
) -> None:
    run = run_melmill(
        "validate", "a=-", cwd=clips, env={"TMPDIR": "no such folder"}
    )
    assert run.exit_code == 4
    assert "write a temporary file in no such folder" in run.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-"], "-: standard input needs a name, as in train=-"),
        (["a=-", "b=-"], "only one manifest can be standard input"),
        (["a=-"], "standard input: the manifest holds no lines"),
    ],
    ids=["no_name", "twice", "empty"],
)
def test_standard_input_that_cannot_be_is_refused(
    clips: Path, arguments: list[str], message: str
) -> None:
    assert message in refused(clips, *arguments)


# The same audio twice.


@pytest.mark.parametrize(
    "spelling", ["./clip00.wav", "sym.wav", "hard.wav", "sub/../clip00.wav"]
)
def test_leak_is_told_whatever_the_spelling(clips: Path, spelling: str) -> None:
    (clips / "sub").mkdir()
    (clips / "sym.wav").symlink_to("clip00.wav")
    (clips / "hard.wav").hardlink_to(clips / "clip00.wav")
    write_manifest(clips / "train.jsonl", [manifest_row("clip00.wav")])
    rows = [manifest_row(spelling), manifest_row(clips / "clip01.wav")]
    write_manifest(clips / "eval.jsonl", [*rows, manifest_row("clip01.wav")])
    run = run_melmill(
        "validate", "train.jsonl", "eval.jsonl", "--json", cwd=clips
    )
    assert json.loads(run.stdout)["warnings"] == {
        "leak": 1,
        "repeated_audio": 1,
    }


def test_copies_are_told_after_extraction(clips: Path) -> None:
    shutil.copy(clips / "clip00.wav", clips / "copy.wav")
    shutil.copy(clips / "clip01.wav", clips / "again.wav")
    rows = ["clip00.wav", "clip01.wav", "again.wav", "again.wav"]
    write_manifest(clips / "train.jsonl", map(manifest_row, rows))
    rows = ["copy.wav", "clip02.wav"]
    write_manifest(clips / "eval.jsonl", map(manifest_row, rows))
    arguments = ["extract", "train.jsonl", "eval.jsonl", "--out"]
    run = run_melmill(*arguments, "store", cwd=clips)
    assert run.exit_code == 0
    output = run.text
    assert "LEAK: 1 line with a copy of an audio file" in output
    assert (
        "\n  eval line 1: copy.wav is a copy of train line 1: clip00.wav\n"
        in output
    )
    assert "warning: 1 line with a copy of the audio of an earlier" in output
    assert (
        "\n  train line 3: again.wav is a copy of train line 2: clip01.wav\n"
        in output
    )
    run = run_melmill(*arguments, "other", "--json", cwd=clips)
    assert json.loads(run.stdout)["warnings"] == {
        "repeated_audio": 1,
        "copied_audio": 1,
        "copy_leak": 1,
    }


# Texts.


def test_doubled_template_is_told(clips: Path) -> None:
    text = "language Chinese<asr_text> language Chinese<asr_text>good morning"
    row = manifest_row("clip00.wav", text)
    write_manifest(clips / "train.jsonl", [row, manifest_row("clip01.wav")])
    run = run_melmill("validate", "train.jsonl", cwd=clips)
    assert run.exit_code == 0
    output = run.text
    assert (
        'warning: 1 text with "language {Name}<asr_text>" twice: the second '
        "one is learned as words\n  train line 1: clip00.wav\n" in output
    )
    run = run_melmill("validate", "train.jsonl", "--json", cwd=clips)
    assert json.loads(run.stdout)["warnings"] == {"doubled_template": 1}


@pytest.mark.parametrize("preset", ["whisper", "whisper-large-v3"])
def test_template_that_the_model_does_not_know_is_told(
    clips: Path, preset: str
) -> None:
    rows = [manifest_row("clip00.wav"), manifest_row("clip01.wav", "plain")]
    write_manifest(clips / "train.jsonl", rows)
    flags = ("train.jsonl", "--preset", preset)
    run = run_melmill("validate", *flags, cwd=clips)
    assert run.exit_code == 0
    assert (
        'warning: 1 text with "language {Name}<asr_text>", which this model '
        "learns as words\n  train line 1: clip00.wav\n" in run.text
    )
    run = run_melmill("validate", *flags, "--json", cwd=clips)
    assert json.loads(run.stdout)["warnings"] == {"needless_template": 1}


def test_dropped_fields_are_named(clips: Path) -> None:
    row = manifest_row("clip00.wav")
    rows = [row | {"b\x1b": 1, "a": 2}, row | {f"f{n}": n for n in range(9)}]
    write_manifest(clips / "train.jsonl", [*rows, row | {"a": 2}])
    write_manifest(clips / "eval.jsonl", [row | {"a": 2}, row | {"a": 3}])
    run = run_melmill("validate", "train.jsonl", "eval.jsonl", cwd=clips)
    output = run.text
    assert (
        "train: fields not stored: b\\x1b, a, f0, f1, f2, f3, f4, f5 "
        "and others; 12 values (--keep FIELD stores one)\n" in output
    )
    assert "eval: fields not stored: a; 2 values (--keep" in output


# Names of splits.


@pytest.mark.parametrize(
    ("split", "stem"),
    [("train.v2", "train_v2"), ("my data", "my_data"), ("été", "_t_")],
)
def test_split_keeps_its_name_and_files_get_a_safe_one(
    clips: Path, split: str, stem: str
) -> None:
    row = manifest_row("clip00.wav")
    write_manifest(clips / f"{split}.jsonl", [row, manifest_row("gone.wav")])
    arguments = [f"{split}.jsonl", "--out", "store", "--max-rejects", "1"]
    run = run_melmill("extract", *arguments, cwd=clips)
    assert run.exit_code == 0, run.stderr
    store = Store(clips / "store")
    assert store.splits == [split]
    assert store.index["shards"][0]["split"] == split
    assert store.rejects()[0]["split"] == split
    names = {path.name for path in store.folder.glob(f"{stem}.*")}
    [shard] = [entry["file"] for entry in store.index["shards"]]
    assert names == {f"{stem}.rows.h5", f"{stem}.accepted.jsonl", shard}
    assert run_melmill("verify", "store", cwd=clips).exit_code == 0
    run = run_melmill("extract", *arguments, cwd=clips)
    assert "nothing to do" in run.text
    (store.folder / f"{stem}.rows.h5").unlink()
    run = run_melmill("extract", *arguments, cwd=clips)
    assert run.exit_code == 0
    assert run_melmill("verify", "store", cwd=clips).exit_code == 0


def test_splits_whose_files_would_have_one_name_are_refused(
    clips: Path,
) -> None:
    for name in ("a.b", "a b"):
        write_manifest(clips / f"{name}.jsonl", [manifest_row("clip00.wav")])
    error = refused(clips, "a.b.jsonl", "a b.jsonl")
    assert (
        'the splits "a.b" and "a b" would both have files named a_b.*: name '
        "one of them, as in NAME=a b.jsonl" in error
    )


@pytest.mark.parametrize(
    "name", ["", "a\x07", "x" * 65], ids=["empty", "control", "long"]
)
def test_names_that_no_split_may_have_are_refused(
    clips: Path, name: str
) -> None:
    write_manifest(clips / "a.jsonl", [manifest_row("clip00.wav")])
    error = refused(clips, f"{name}=a.jsonl")
    assert "cannot name a split: use 1 to 64 characters" in error
