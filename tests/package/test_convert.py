"""The command melmill convert: its output, messages and exit codes."""

import errno
import json
import os
import re
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from converting import Convert, write_lines
from melmill import convert as command
from melmill._convert.rows import Line, Reject, Row, Settings
from support import extract, make_clips, run_melmill

pytest_plugins = ["convert_fixtures"]


def chats(*audios: str) -> list[object]:
    return [
        {
            "messages": [{"role": "assistant", "content": f"é {number}"}],
            "audios": [audio] if audio else [],
        }
        for number, audio in enumerate(audios)
    ]


def test_the_next_command_works_as_printed(
    convert: Convert, tmp_path: Path
) -> None:
    names = [str(row["audio"]) for row in make_clips(tmp_path, 3)]
    write_lines("in.jsonl", chats(*names))
    made = convert("chat", "in.jsonl", "--language", "fr")
    assert made.code == 0
    assert made.stderr == ""
    assert made.stdout == (
        "out.jsonl: 3 rows, 0 rejects; next: melmill extract out.jsonl --out "
        "features/\n"
    )
    words = made.stdout.split("next: melmill ")[1].split()
    run = run_melmill(*words, cwd=tmp_path)
    assert run.exit_code == 0, run.stderr
    assert "warning" not in run.text
    assert (tmp_path / "features/out.accepted.jsonl").read_bytes() == (
        tmp_path / "out.jsonl"
    ).read_bytes()


def test_audio_at_urls_is_kept_and_staging_it_is_the_next_command(
    convert: Convert,
) -> None:
    urls = ["s3://b/a.wav", "HTTPS://h/b.flac?k=1", "hf://datasets/o/n/c.wav"]
    write_lines("in.jsonl", chats(*urls, "d.wav"))
    made = convert("chat", "in.jsonl", "--audio-root", ".")
    assert made.code == 0
    assert [row["audio"] for row in made.rows] == [*urls, "./d.wav"]
    assert "audio at URLs: 3 rows. melmill stage copies it first" in made.stderr
    assert made.stdout == (
        "out.jsonl: 4 rows, 0 rejects; next: melmill stage out.jsonl --to "
        "out_copies out_staged.jsonl && melmill extract out_staged.jsonl --out "
        "features/\n"
    )


def test_other_urls_are_rejected(convert: Convert) -> None:
    urls = ["az://b/a.wav", "file:///a.wav", "s3:/b/a.wav", "https://"]
    write_lines("in.jsonl", chats(*urls))
    made = convert("chat", "in.jsonl")
    assert made.messages == [
        (number, f"a URL that melmill stage cannot copy: {url}")
        for number, url in enumerate(urls, start=1)
    ]
    assert "audio at URLs" not in made.stderr


def test_plain_texts_stay_as_they_are(convert: Convert) -> None:
    header, row = "path\tsentence\tlocale", "a.wav\thello\ten"
    Path("in.tsv").write_text(f"{header}\n{row}\n")
    made = convert("tsv", "in.tsv", "--plain-text")
    assert made.code == 0
    assert made.stderr == ""
    assert [row["text"] for row in made.rows] == ["hello"]


@pytest.mark.parametrize("name", ["a b.jsonl", "sub/out.jsonl"])
def test_the_manifest_goes_where_it_is_told(
    convert: Convert, tmp_path: Path, name: str
) -> None:
    (tmp_path / "sub").mkdir()
    write_lines("in.jsonl", chats("a.wav"))
    made = convert("chat", "in.jsonl", out=name)
    assert made.rows == [{"audio": "a.wav", "text": "é 0"}]
    shown = f"'{name}'" if " " in name else name
    assert f"melmill extract {shown} --out features/" in made.stdout
    mask = os.umask(0)
    os.umask(mask)
    mode = stat.S_IMODE((tmp_path / name).stat().st_mode)
    assert mode == 0o666 & ~mask


def test_rejects_have_a_list_and_a_summary(
    convert: Convert, tmp_path: Path
) -> None:
    write_lines("in.jsonl", [*chats("a.wav", "", "", "", ""), 3])
    made = convert("chat", "in.jsonl")
    assert made.code == 3
    assert made.rejects[0] == {
        "file": "in.jsonl",
        "line": 2,
        "audio": "",
        "message": "the conversation has not one audio: 0",
    }
    assert [number for number, _ in made.messages] == [2, 3, 4, 5, 6]
    assert made.stderr.startswith(
        "rejected 4: the conversation has not one audio\n"
        "  in.jsonl line 2: 0\n  in.jsonl line 3: 0\n  in.jsonl line 4: 0\n"
        "rejected 1: the line is not a JSON object\n"
        "  in.jsonl line 6\n"
    )
    assert "out.jsonl: 1 row, 5 rejects (out.jsonl.rejects)" in made.stdout
    # A list of an earlier run does not stay.
    write_lines("in.jsonl", chats("a.wav"))
    assert convert("chat", "in.jsonl").code == 0
    assert not (tmp_path / "out.jsonl.rejects").exists()


@pytest.mark.parametrize(
    ("num_good", "num_bad", "flag", "code"),
    [
        (0, 1, None, 3),
        (1, 1, None, 0),
        (1, 2, None, 3),
        (198, 2, None, 0),
        (197, 2, None, 3),
        (1, 1, "0", 3),
        (1, 2, "2", 0),
        (1, 3, "2", 3),
        (1, 1, "50%", 0),
        (1, 2, "50%", 3),
    ],
)
def test_rejects_beyond_the_limit_have_their_code(
    convert: Convert, num_good: int, num_bad: int, flag: str | None, code: int
) -> None:
    write_lines("in.jsonl", chats(*["a"] * num_good, *[""] * num_bad))
    flags = ["--max-rejects", flag] if flag else []
    made = convert("chat", "in.jsonl", *flags)
    assert made.code == code
    assert len(made.rows) == num_good
    assert len(made.rejects) == num_bad


def test_an_old_manifest_stays_if_no_line_can_be_used(
    convert: Convert, tmp_path: Path
) -> None:
    (tmp_path / "out.jsonl").write_text('{"old": 1}\n')
    write_lines("in.jsonl", chats("", ""))
    made = convert("chat", "in.jsonl")
    assert made.code == 3
    assert made.rows == [{"old": 1}]
    assert made.stdout == (
        "out.jsonl: not written, 0 rows, 2 rejects (out.jsonl.rejects)\n"
    )
    (tmp_path / "in.jsonl").write_text("\n")
    made = convert("chat", "in.jsonl")
    assert made.code == 2
    assert made.stderr == "error: the input holds no lines\n"


def test_several_inputs_become_one_manifest(
    convert: Convert, tmp_path: Path
) -> None:
    write_lines("a.jsonl", chats("a.wav"))
    write_lines("b.jsonl", chats("b.wav", ""))
    made = convert("chat", "a.jsonl", "b.jsonl")
    assert [row["audio"] for row in made.rows] == ["a.wav", "b.wav"]
    assert [item["file"] for item in made.rejects] == ["b.jsonl"]


REFUSED: dict[str, tuple[list[str], str]] = {
    "no_output": (["chat"], "give IN and OUT.jsonl"),
    "format": (["cha", "in.jsonl"], "invalid choice: 'cha'"),
    "flag": (["chat", "in.jsonl", "--nope"], "--nope"),
    "abbreviation": (["chat", "in.jsonl", "--audio-r", "."], "--audio-r"),
    "language": (
        ["chat", "in.jsonl", "--language", "klingon"],
        "--language klingon: give a name such as English, or a code",
    ),
    "plain_text": (
        ["chat", "in.jsonl", "--language", "en", "--plain-text"],
        "--plain-text leaves texts as they are: give no --language",
    ),
    "plain_text_of_a_field": (
        ["chat", "in.jsonl", "--language-field", "lang", "--plain-text"],
        "--plain-text leaves texts as they are: give no --language",
    ),
    "root": (
        ["chat", "in.jsonl", "--audio-root", "x"],
        "--audio-root x: no such folder",
    ),
    "limit": (
        ["chat", "in.jsonl", "--max-rejects", "x"],
        "--max-rejects x: give a number, or a share such as 5%",
    ),
    "gone": (["chat", "gone.jsonl"], "gone.jsonl: No such file or directory"),
    "folder": (["tar", "empty"], "empty is a folder without files named *.tar"),
    "other": (
        ["lhotse", "in.jsonl"],
        "in.jsonl is not lhotse: it is chat messages: melmill convert chat "
        "in.jsonl out.jsonl",
    ),
    "own": (
        ["chat", "own.jsonl"],
        "own.jsonl is not chat: it is a manifest of melmill already: melmill "
        "extract own.jsonl --out features/",
    ),
    "no_format": (
        ["chat", "nemo.jsonl"],
        "melmill validate --audio-field audio_filepath nemo.jsonl",
    ),
    "kaldi": (
        ["kaldi", "in.jsonl"],
        "in.jsonl is not kaldi: it is chat messages",
    ),
    "no_kaldi": (["kaldi", "empty"], "empty has no wav.scp"),
}


@pytest.mark.parametrize(
    ("arguments", "message"), REFUSED.values(), ids=list(REFUSED)
)
def test_wrong_usage_is_refused(
    convert: Convert, tmp_path: Path, arguments: list[str], message: str
) -> None:
    write_lines("in.jsonl", chats("a.wav"))
    write_lines("own.jsonl", [{"audio": "a.wav", "text": "x"}])
    write_lines("nemo.jsonl", [{"audio_filepath": "a.wav", "text": "x"}])
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.iterdir())
    made = convert(*arguments)
    assert made.code == 2
    assert made.stderr.startswith("error: ")
    assert message in made.stderr
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("out.json", "must end in .jsonl"),
        ("in.jsonl", "would replace the input"),
        ("link.jsonl", "would replace the input"),
        ("folder.jsonl", "is a folder"),
        ("gone/out.jsonl", "No such file or directory"),
    ],
)
def test_outputs_that_cannot_be_are_refused(
    convert: Convert, tmp_path: Path, out: str, message: str
) -> None:
    write_lines("in.jsonl", chats("a.wav"))
    (tmp_path / "link.jsonl").hardlink_to("in.jsonl")
    (tmp_path / "folder.jsonl").mkdir()
    code = command.main(["chat", "in.jsonl", out])
    assert code == 2
    assert json.loads((tmp_path / "in.jsonl").read_text())["audios"]


@pytest.mark.parametrize(
    ("fault", "code", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 4, "No space left"),
        (MemoryError(), 4, "no memory left"),
        (KeyboardInterrupt(), 130, "stopped; OUT was not written"),
        (signal.SIGTERM, 143, "stopped; OUT was not written"),
    ],
    ids=["disk", "memory", "ctrl_c", "sigterm"],
)
def test_what_is_stopped_leaves_nothing(
    convert: Convert,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: BaseException | signal.Signals,
    code: int,
    message: str,
) -> None:
    def read(path: str, settings: Settings) -> Iterator[Line]:
        yield Line(path, 1, Row("a.wav", "x"))
        yield Line(path, 2, Reject("no"))
        if isinstance(fault, BaseException):
            raise fault
        os.kill(os.getpid(), fault)
        yield Line(path, 3, Row("a.wav", "x"))

    monkeypatch.setitem(command._READERS, "chat", read)
    write_lines("in.jsonl", chats("a.wav"))
    made = convert("chat", "in.jsonl")
    assert made.code == code
    assert message in made.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_a_failing_disk_at_the_end_leaves_nothing(
    convert: Convert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(number: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("melmill._convert.output.os.fsync", fail)
    write_lines("in.jsonl", chats("a.wav", ""))
    assert convert("chat", "in.jsonl").code == 4
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_help_has_every_format_and_flag(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command.main(["--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("Usage: melmill convert FORMAT IN... OUT.jsonl")
    assert max(map(len, text.splitlines())) <= 80
    formats = re.findall(r"^  (\w[\w, ]*?)  ", text, re.MULTILINE)
    assert ", ".join(formats).split(", ") == [*command._FORMATS]
    flags = set(re.findall(r"^ +(?:-h, )?(--[\w-]+)", text, re.MULTILINE))
    known = vars(command._parse(["chat", "a", "b.jsonl"]))
    names = {name.replace("_", "-") for name in known}
    assert flags == {
        *(f"--{name}" for name in names - {"format", "paths"}),
        "--help",
    }
    assert command.main([]) == 2
    assert "Usage: melmill convert" in capsys.readouterr().err


def test_it_is_a_command_of_the_program(tmp_path: Path) -> None:
    """As `melmill NAME` runs melmill-NAME from PATH."""
    script = tmp_path / "melmill-convert"
    script.write_text('#!/bin/sh\necho "convert $*"\n')
    script.chmod(0o755)
    run = run_melmill("convert", "a", "b", env={"PATH": str(tmp_path)})
    assert run.stdout == "convert a b\n"


def test_manifests_of_the_program_are_whole(
    convert: Convert, tmp_path: Path
) -> None:
    """From cuts of lhotse to a store."""
    rows = make_clips(tmp_path, 2)
    cut = {"type": "MonoCut", "start": 0, "duration": 0.3}
    write_lines(
        "cuts.jsonl",
        [
            cut
            | {
                "recording": {
                    "sources": [{"type": "file", "source": row["audio"]}],
                    "sampling_rate": 16000,
                    "num_samples": 4800,
                },
                "supervisions": [
                    {"start": 0, "duration": 0.3, "text": "x", "language": "de"}
                ],
            }
            for row in rows
        ],
    )
    assert convert("lhotse", "cuts.jsonl").code == 0
    store = extract(tmp_path / "store", "out.jsonl", cwd=tmp_path)
    assert [row.text for row in store.rows()] == [
        "language German<asr_text>x"
    ] * 2
