"""melmill bench: what it measures, and that it checks before it does."""

import json
import os
import re
import statistics
from pathlib import Path
from typing import Any

import pytest
from support import noise, run_melmill, snapshot, write_wav

STAGES = ["decode", "resample", "log-mel", "store", "all"]

# A fast path that is no faster than that is broken, on any machine.
MIN_LOG_MEL_RATIO = 3
MIN_DECODE_RATIO = 2
MIN_RESAMPLE_RATIO = 2


def bench(*arguments: str | Path) -> dict[str, Any]:
    run = run_melmill("bench", *arguments, "--json")
    assert run.exit_code == 0, run.stdout + run.stderr
    assert run.stderr == ""
    assert run.stdout.count("\n") == 1
    report: dict[str, Any] = json.loads(run.stdout)
    return report


def rows_of(report: dict[str, Any], **wanted: str) -> list[dict[str, Any]]:
    return [
        row
        for row in report["rows"]
        if all(row[key] == value for key, value in wanted.items())
    ]


def check_row(row: dict[str, Any], rounds: int) -> None:
    assert row["passed"]
    assert len(row["seconds"]) == rounds
    assert all(seconds > 0 for seconds in row["seconds"])
    median = statistics.median(row["seconds"])
    assert row["x_real_time"] == pytest.approx(row["audio_seconds"] / median)
    assert row["us_per_audio_second"] == pytest.approx(1e6 / row["x_real_time"])
    assert row["best_us_per_audio_second"] == pytest.approx(
        1e6 * min(row["seconds"]) / row["audio_seconds"]
    )
    assert row["bytes_per_audio_second"] > 0
    assert row["share_of_limit"] > 0
    assert row["limit"] in ("memory copy", "disk write", "disk")


def test_every_stage_is_checked_and_timed(tmp_path: Path) -> None:
    report = bench("--rounds", "1", "--out", tmp_path)
    assert list(dict.fromkeys(row["stage"] for row in report["rows"])) == STAGES
    for row in report["rows"]:
        check_row(row, rounds=1)
    assert all(value > 0 for value in report["limits"].values())
    machine = report["machine"]
    assert machine["cpu"]
    assert machine["cores"] <= len(os.sched_getaffinity(0))
    assert len(machine["speeds"]) == 2
    assert all(speed > 0 for speed in machine["speeds"])
    assert report["disk"]["folder"] == str(tmp_path)
    assert report["disk"]["file_system"]
    assert report["audio"]["seconds"] == pytest.approx(60, abs=5)
    # Every target takes both inputs; each is compared with the general path.
    kinds = [*machine["simd_targets"], "fftw"]
    for samples in ("int16", "float32"):
        rows = rows_of(report, stage="log-mel", input=samples)
        assert [row["variant"] for row in rows] == kinds
        checks = [row["check"] for row in rows]
        assert all(text.startswith("max difference ") for text in checks[:-1])
        assert checks[-1] == "the reference"
    for row in rows_of(report, stage="decode", variant="melmill"):
        assert row["check"] == "the bits of libsndfile"
    kinds = [f"spectral {name}" for name in machine["simd_targets"]] + ["soxr"]
    for rate in ("8000 Hz", "44100 Hz", "48000 Hz"):
        rows = rows_of(report, stage="resample", input=rate)
        assert [row["variant"] for row in rows] == kinds
        checks = [row["check"] for row in rows]
        assert all(
            re.match(
                r"max difference \S+, RMS \S+(; the same bits as |$)", text
            )
            for text in checks[:-1]
        )
        assert checks[-1].startswith("a tone within ")
    assert list(tmp_path.iterdir()) == []


def test_given_audio_is_measured(tmp_path: Path) -> None:
    audio = tmp_path / "audio"
    (audio / "more").mkdir(parents=True)
    write_wav(audio / "a.wav", noise(24_000))
    write_wav(audio / "more/b.WAV", noise(16_160))
    write_wav(audio / "c.wav", noise(44_100), rate=44_100, subtype="PCM_24")
    (audio / "notes.txt").write_text("no audio")
    before = snapshot(audio)
    report = bench("log-mel", "all", "--audio", audio, "--rounds", "2")
    assert report["audio"] == {"clips": 3, "seconds": pytest.approx(3.51)}
    assert {row["stage"] for row in report["rows"]} == {"log-mel", "all"}
    for row in report["rows"]:
        check_row(row, rounds=2)
    # The clips that are 16 kHz PCM already; all clips.
    for row in rows_of(report, input="int16"):
        assert row["audio_seconds"] == pytest.approx(2.51)
    for row in rows_of(report, input="float32"):
        assert row["audio_seconds"] == pytest.approx(3.51)
    for row in rows_of(report, stage="all"):
        frames = 150 + 101 + 100
        assert row["check"] == (
            f"3 of 3 rows stored, {frames} of {frames} frames"
        )
    assert snapshot(audio) == before


def test_stages_without_a_disk_write_nothing(tmp_path: Path) -> None:
    report = bench("decode", "--rounds", "1", "--out", tmp_path / "gone")
    assert "disk" not in report
    assert report["limits"]["disk_write_gb_per_s"] is None
    assert report["limits"]["memory_copy_gb_per_s"] > 0


def test_rates_of_no_corpus_are_resampled_by_soxr_alone(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", noise(20_000), rate=11_127)
    flags = ("--rounds", "1", "--audio", tmp_path / "a.wav")
    [row] = bench("resample", *flags)["rows"]
    assert row["variant"] == "soxr"


def test_the_table_says_the_same(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", noise(16_000))
    run = run_melmill("bench", "decode", "--audio", tmp_path / "a.wav")
    assert run.exit_code == 0
    head, _, table = run.stdout.partition("\n\n")
    assert "memory copy: " in head
    lines = table.splitlines()
    assert lines[0].split()[:4] == ["stage", "by", "input", "best"]
    assert [line.split()[1] for line in lines[1:]] == ["melmill", "libsndfile"]
    assert all("PCM 16 bit, 16000 Hz, 1 ch" in line for line in lines[1:])
    assert all(" x memory copy" in line for line in lines[1:])


def test_files_of_a_folder_that_cannot_be_used_are_left_out(
    tmp_path: Path,
) -> None:
    write_wav(tmp_path / "a.wav", noise(16_000))
    (tmp_path / "text.wav").write_text("This is a text, whatever its name is.")
    run = run_melmill("bench", "decode", "--audio", tmp_path, "--rounds", "1")
    assert run.exit_code == 0
    assert "\n1 clip, 1.0 s\nleft out 1 file, the first: " in run.stdout
    # One round has no spread.
    assert "%" not in run.stdout.partition("\n\n")[2]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["encode"], 'no stage "encode"'),
        (["--rounds", "0"], "--rounds"),
        (["--rounds", "many"], "--rounds"),
        (["--threads", "-1"], "--threads"),
        (["--frobnicate"], "--frobnicate"),
        (["--out", "gone"], "gone: No such file"),
        (["--audio", "gone.wav"], "gone.wav: "),
        (["--audio", "text.wav"], "text.wav: "),
        (["--audio", "good.wav", "short.wav"], "short.wav: 100 samples"),
        (["--audio", "empty"], "empty: no audio file"),
        (["--audio"], "--audio"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_exits_with_2_and_writes_nothing(
    tmp_path: Path, arguments: list[str], reason: str
) -> None:
    write_wav(tmp_path / "good.wav", noise(16_000))
    write_wav(tmp_path / "short.wav", noise(100))
    (tmp_path / "text.wav").write_text("This is a text, whatever its name is.")
    (tmp_path / "empty").mkdir()
    before = snapshot(tmp_path)
    run = run_melmill("bench", *arguments, cwd=tmp_path)
    assert run.exit_code == 2
    assert reason in run.stderr
    assert run.stdout == ""
    assert snapshot(tmp_path) == before


def test_json_also_tells_why_it_cannot_start() -> None:
    run = run_melmill("bench", "--audio", "gone.wav", "--json")
    assert run.exit_code == 2
    assert json.loads(run.stdout)["status"] == "setup_error"


def test_fast_paths_are_fast() -> None:
    """Ratios within one run, with wide margins: fit for a busy machine."""
    report = bench("log-mel", "decode", "resample", "--rounds", "3")
    if not report["machine"]["simd_targets"]:
        pytest.skip("this machine has no SIMD target")
    best, *_, general = rows_of(report, stage="log-mel", input="int16")
    assert general["variant"] == "fftw"
    assert min(general["seconds"]) >= MIN_LOG_MEL_RATIO * min(best["seconds"])
    own, libsndfile = rows_of(
        report, stage="decode", input="PCM 16 bit, 48000 Hz, 2 ch"
    )
    assert libsndfile["variant"] == "libsndfile"
    assert min(libsndfile["seconds"]) >= MIN_DECODE_RATIO * min(own["seconds"])
    spectral, *_, soxr = rows_of(report, stage="resample", input="48000 Hz")
    assert soxr["variant"] == "soxr"
    assert min(soxr["seconds"]) >= MIN_RESAMPLE_RATIO * min(spectral["seconds"])
