"""melmill show: rows of a store as a table, as JSON, and one in full."""

import fcntl
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import termios
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from store_inputs import STORES
from store_job import Job, flip_byte
from support import (
    Run,
    Store,
    extract,
    manifest_row,
    melmill_path,
    noise,
    run_melmill,
    write_manifest,
    write_wav,
)

TEXTS = [
    "language English<asr_text>good morning",
    "language Chinese<asr_text>" + "今天天气很好" * 20,
    "language None<asr_text>\x1b[2J tabs\tand\nlines 😀 e\u0301",
    "",
    "no template at all, but a long text " * 5,
]
LOUD = 3  # the number of the clip with a tone
# The number of the clip whose loudest frame is one that padding changes. The
# row's own floor is higher than the floor of the features in its shard.
LOUD_AT_THE_END = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of two splits; one audio file has two rows."""
    folder = tmp_path_factory.mktemp("show")
    (folder / "a rather long name of a folder").mkdir()
    rows = []
    for number, text in enumerate(TEXTS):
        path = f"a rather long name of a folder/{number}.wav"
        samples = noise(16_000 + 4000 * number, number, level=1e-3)
        if number == LOUD:
            time_s = np.arange(len(samples)) / 16_000
            samples += 0.5 * np.sin(2 * np.pi * 1000 * time_s).astype("f4")
        if number == LOUD_AT_THE_END:
            samples[:-100] *= 1e-3
            samples[-100:] = 0.9
        write_wav(folder / path, samples)
        rows.append(manifest_row(path, text))
    rows[0]["speaker"] = {"name": "Ж"}
    rows[1]["prompt"] = "Wetter"
    write_manifest(folder / "train.jsonl", rows)
    write_manifest(folder / "eval.jsonl", [rows[1], rows[4]])
    flags = ("train.jsonl", "eval.jsonl", "--keep", "speaker")
    extract(folder / "store", *flags, cwd=folder)
    return folder


def show(folder: Path, *flags: str, columns: int | None = None) -> str:
    env = {"COLUMNS": str(columns)} if columns else {}
    run = run_melmill("show", "store", *flags, cwd=folder, env=env)
    assert (run.exit_code, run.stderr) == (0, "")
    return run.stdout


def refusal(folder: Path, *flags: str) -> Run:
    run = run_melmill("show", "store", *flags, cwd=folder)
    assert run.exit_code == 2
    return run


def display_width(text: str) -> int:
    """By Python's own tables."""
    return sum(
        0
        if unicodedata.combining(c)
        else 2
        if unicodedata.east_asian_width(c) in "WF"
        else 1
        for c in text
    )


# Tables.


def test_a_table_has_the_rows_of_each_split(folder: Path) -> None:
    lines = show(folder).splitlines()
    assert lines[0] == "train: 5 of 5 rows"
    assert lines[1].split() == ["row", "seconds", "language", "text", "audio"]
    assert lines[2].split()[:5] == ["0", "1.00", "English", "good", "morning"]
    assert lines[2].endswith("…e of a folder/0.wav")
    assert lines[7] == "eval: 2 of 2 rows"
    assert len(lines) == 11
    assert lines[8:] == show(folder, "eval").splitlines()[1:]


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_table_fits_its_width(folder: Path, columns: int) -> None:
    text = show(folder, columns=columns)
    widths = [display_width(line) for line in text.splitlines()]
    assert max(widths) <= columns
    assert "今天" in text
    assert "0.wav" in text
    assert text.replace("\n", "").isprintable()
    # The paths, all of one length, stand below each other.
    rows = [line for line in text.splitlines() if line.endswith(".wav")]
    assert len(rows) == 7
    assert len({display_width(row) for row in rows}) == 1


def test_the_limit_is_kept(folder: Path) -> None:
    lines = show(folder, "train", "--limit", "2").splitlines()
    assert lines[0] == "train: 2 of 5 rows"
    assert [line.split()[0] for line in lines[2:]] == ["0", "1"]
    assert show(folder, "--limit", "0") == (
        "train: 0 of 5 rows\neval: 0 of 2 rows\n"
    )


def test_twenty_rows_are_shown_by_default(store_job: Job) -> None:
    text = show(store_job.folder, "train")
    assert text.startswith("train: 20 of 21 rows\n")
    assert len(text.splitlines()) == 22


def in_terminal(folder: Path, columns: int, *flags: str) -> str:
    """What a terminal of this width gets."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
    with subprocess.Popen(
        [melmill_path(), "show", "store", *flags],
        cwd=folder,
        stdout=theirs,
        env={**os.environ, "COLUMNS": "77"},
    ):
        os.close(theirs)
        text = b""
        while True:
            try:
                text += os.read(ours, 65536)
            except OSError:  # the other end was closed
                break
    os.close(ours)
    return text.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [40, 200])
@pytest.mark.parametrize("flags", [[], ["train", "--row", "3"]])
def test_a_terminal_s_own_width_counts(
    folder: Path, columns: int, flags: list[str]
) -> None:
    shown = in_terminal(folder, columns, *flags)
    assert shown == show(folder, *flags, columns=columns)
    assert shown != show(folder, *flags)


# JSON.


def test_jsonl_has_everything_of_each_row(folder: Path) -> None:
    rows = [json.loads(line) for line in show(folder, "--jsonl").splitlines()]
    stored = Store(folder / "store").rows()
    assert len(rows) == len(stored) == 7
    for found, row in zip(rows, stored, strict=True):
        assert found["split"] == row.split
        assert found["audio"] == row.audio
        assert found["text"] == row.text
        assert found["line"] == row.line
        assert found["num_frames"] == len(row.features)
        assert found["duration_s"] == row.num_samples / 16_000
    assert [row["row"] for row in rows] == [0, 1, 2, 3, 4, 0, 1]
    assert rows[0]["language"] == "English"
    assert rows[0]["transcript"] == "good morning"
    assert rows[0]["kept"] == {"speaker": {"name": "Ж"}}
    assert rows[1]["prompt"] == "Wetter"
    assert rows[3]["language"] is None
    assert "transcript" not in rows[3]
    assert "kept" not in rows[3]


def test_jsonl_of_one_row_is_its_line(folder: Path) -> None:
    lines = show(folder, "train", "--jsonl").splitlines(True)
    assert show(folder, "train", "--row", "2", "--jsonl") == lines[2]
    assert show(folder, "train", "--limit", "2", "--jsonl") == "".join(
        lines[:2]
    )


# One row.


def lines_of(text: str) -> dict[str, str]:
    return dict(re.findall(r"^(\w+) +(.*)$", text, re.MULTILINE))


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_one_row_is_shown_in_full(folder: Path, columns: int) -> None:
    text = show(folder, "train", "--row", str(LOUD), columns=columns)
    found = lines_of(text)
    assert text.startswith("train row 3 (manifest line 4)\n")
    assert found["audio"] == "a rather long name of a folder/3.wav"
    assert found["text"] == "(none)"
    assert found["language"] == "(none given)"
    assert found["length"] == "1.75 s, 175 frames of 128 mels"
    drawing = text.splitlines()[-17:]
    assert drawing[0].startswith("8 kHz ┤")
    assert drawing[15].startswith(" 0 Hz ┤")
    assert drawing[16].split() == ["0", "s", "1.75", "s"]
    assert max(map(display_width, drawing)) <= columns
    # The tone of 1 kHz is a line at 15 of 40 mels of Slaney's scale.
    dark = [line.count("█") for line in drawing]
    assert dark.index(max(dark)) == 15 - int(16 * 15 / 45.2)


@pytest.mark.parametrize("number", [LOUD, LOUD_AT_THE_END])
def test_the_level_is_that_of_the_features(folder: Path, number: int) -> None:
    row = Store(folder / "store").rows("train")[number]
    stored = row.single.astype(float)
    is_clamped = bool((row.features < row.single).any())
    assert is_clamped == (number == LOUD_AT_THE_END)
    level = lines_of(show(folder, "train", "--row", str(number)))["level"]
    found = [float(number) for number in re.findall(r"-?\d+\.\d+", level)]
    peak, mean = stored.max(), stored.mean()
    decibels = [10 * (4 * x - 4) for x in (peak, mean)]
    assert found == pytest.approx([*decibels, peak, mean], abs=0.051)


def test_the_peak_is_that_of_the_samples(folder: Path, tmp_path: Path) -> None:
    audio = folder / "a rather long name of a folder" / f"{LOUD}.wav"
    samples, _ = soundfile.read(audio)
    largest = np.abs(samples).max()
    shown = lines_of(show(folder, "train", "--row", str(LOUD)))["peak"]
    decibels = 20 * np.log10(largest)
    assert shown == f"{largest:.4f} of full scale ({decibels:.1f} dB)"
    write_wav(tmp_path / "zeros.wav", np.zeros(1600))
    manifest = tmp_path / "train.jsonl"
    write_manifest(manifest, [manifest_row("zeros.wav")])
    extract(tmp_path / "store", manifest, cwd=tmp_path)
    shown = show(tmp_path, "train", "--row", "0")
    assert lines_of(shown)["peak"] == "0, all samples"
    # Shards that were made before do not have it.
    earlier = STORES / "0.1.0-without-peaks" / "qwen3_asr_f16"
    shutil.copytree(earlier, tmp_path / "earlier" / "store")
    shown = show(tmp_path / "earlier", "train", "--row", "0")
    assert "level" in lines_of(shown)
    assert "peak" not in lines_of(shown)


@pytest.mark.parametrize("dtype", ["f32", "bf16", "u8"])
def test_rows_of_other_types_look_the_same(
    folder: Path, tmp_path: Path, dtype: str
) -> None:
    manifest = folder / "train.jsonl"
    extract(tmp_path / "store", manifest, "--dtype", dtype, cwd=folder)
    for number in (str(LOUD), str(LOUD_AT_THE_END)):
        made = run_melmill(
            "show", tmp_path / "store", "train", "--row", number
        ).stdout
        cells = zip(made, show(folder, "train", "--row", number), strict=False)
        different = sum(one != other for one, other in cells)
        assert different < 20  # last digits and borders of shades


def test_text_that_a_terminal_would_obey_is_escaped(folder: Path) -> None:
    text = show(folder, "train", "--row", "2")
    shown = "text      \\x1b[2J tabs\\x09and\\x0alines 😀 e\u0301\n"
    assert shown in text
    assert "\x1b" not in text
    assert "prompt    Wetter" in show(folder, "train", "--row", "1")
    assert 'speaker   {"name":"Ж"}' in show(folder, "train", "--row", "0")


def test_a_row_is_found_by_its_audio(folder: Path) -> None:
    audio = "a rather long name of a folder/2.wav"
    by_row = show(folder, "train", "--row", "2")
    assert show(folder, "--audio", audio) == by_row
    assert show(folder, "train", "--audio", audio) == by_row
    twice = "a rather long name of a folder/1.wav"
    assert "eval row 0" in show(folder, "eval", "--audio", twice)


def test_an_audio_of_several_rows_shows_them_all(folder: Path) -> None:
    audio = "a rather long name of a folder/1.wav"
    run = refusal(folder, "--audio", audio)
    lines = run.stdout.splitlines()
    assert [lines[0], lines[3]] == ["train:", "eval:"]
    assert [lines[2].split()[0], lines[5].split()[0]] == ["1", "0"]
    assert run.stderr == (
        f"error: 2 rows have the audio {audio}: choose one with SPLIT --row\n"
    )
    assert "train:" in refusal(folder, "--audio", audio, "--limit", "0").stdout
    rows = show(folder, "--audio", audio, "--jsonl").splitlines()
    assert [json.loads(row)["split"] for row in rows] == ["train", "eval"]


# What cannot be shown.


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["none"], 'store has no split "none": its splits are train, eval'),
        (["train", "--row", "5"], "--row 5: train has rows 0 to 4"),
        (["--row", "0"], "--row needs a split: one of train, eval"),
        (["--audio", "x.wav"], "no row has the audio x.wav"),
        (["train", "--row", "-1"], "--row -1: train has rows 0 to 4"),
        (["train", "--limit", "-1"], "--limit -1: give a number of rows"),
        (["train", "--row", "0", "--audio", "a"], "--row excludes --audio"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_not_there_is_refused(
    folder: Path, flags: list[str], reason: str
) -> None:
    run = refusal(folder, *flags)
    assert reason in run.stderr
    assert run.stdout == ""


@pytest.mark.parametrize("what", ["unfinished", "nothing"])
def test_only_complete_stores_are_shown(store_job: Job, what: str) -> None:
    if what == "unfinished":
        (store_job.store / "store.json").unlink()
    store = store_job.store if what == "unfinished" else store_job.folder / "x"
    run = run_melmill("show", store)
    assert run.exit_code == 2
    assert "has no store.json" in run.stderr


def damage_table(job: Job) -> Any:
    (job.store / "train.rows.h5").write_bytes(b"x")
    return "train.rows.h5: "


def damage_shard(job: Job) -> Any:
    for name in job.shards():
        flip_byte(job.store / name, 0)
    return ".h5: "


@pytest.mark.parametrize("damage", [damage_table, damage_shard])
def test_damage_is_named(store_job: Job, damage: Any) -> None:
    name = damage(store_job)
    run = run_melmill("show", store_job.store, "train", "--row", "0")
    assert run.exit_code == 1
    assert name in run.stderr
