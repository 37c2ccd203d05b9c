"""What the program's flags do, and what it says."""

import itertools
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import h5py
import pytest
from store_job import Job
from support import (
    ANY_REJECTS,
    NOT_OF_THE_STORE,
    Store,
    extract,
    files_of,
    last_line,
    make_clips,
    manifest_row,
    melmill_path,
    noise,
    read_strings,
    run_melmill,
    snapshot,
    write_manifest,
    write_wav,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with four clips and a good manifest, train.jsonl."""
    write_manifest(tmp_path / "train.jsonl", make_clips(tmp_path, 4))
    return tmp_path


# Help and usage.


EXTRACT_FLAGS = (
    "--out --preset --dtype --threads --io-threads --shard-size --audio-root "
    "--keep --no-text --strict-text --max-duration --truncate --max-rejects "
    "--update --config --json --quiet"
)


@pytest.mark.parametrize(
    ("command", "needed"),
    [
        (
            "extract",
            [
                *EXTRACT_FLAGS.split(),
                ".jsonl",
                '{"audio": "a.wav"',
                "<asr_text>",
                "NAME=FILE",
                "qwen3-asr",
                "whisper",
                "256MiB",
                "1200",
                "Exit codes: 0 ",
                "130/143",
            ],
        ),
        (
            "validate",
            ["MANIFEST", "write nothing", "--json", "Exit codes: 0 "],
        ),
        ("info", ["STORE", "--json", "--settings", "Exit codes: 0 "]),
        ("show", ["STORE", "SPLIT", "--row", "--jsonl", "Exit codes: 0 "]),
        ("verify", ["STORE", "checksum", "Exit codes: 0 "]),
        (
            "bench",
            [
                *["--audio", "--out", "--threads", "--rounds", "--json"],
                "decode, resample, log-mel, store, all",
                "best, median",
                "Exit codes: 0 ",
            ],
        ),
    ],
)
def test_help_of_a_command_says_what_a_newcomer_needs(
    command: str, needed: list[str]
) -> None:
    run = run_melmill(command, "--help")
    assert run.exit_code == 0
    assert run.stderr == ""
    assert [text for text in needed if text not in run.stdout] == []


@pytest.mark.parametrize("command", ["extract", "validate", "bench"])
def test_help_says_what_number_of_threads_0_means(command: str) -> None:
    help_text = " ".join(run_melmill(command, "--help").stdout.split())
    expected = "and 0: one for each CPU that this process may use)"
    assert re.search(rf"--threads N [^-]*{re.escape(expected)}", help_text)


@pytest.mark.parametrize("number", ["-1", "1025"])
@pytest.mark.parametrize(
    "command", [["extract", "a.jsonl", "--out", "a"], ["bench"]]
)
def test_too_many_threads_are_refused_with_the_bounds(
    command: list[str], number: str
) -> None:
    run = run_melmill(*command, "--threads", number)
    assert run.exit_code == 2
    message = "error: --threads must be 1 to 1024, or 0 for all CPUs"
    assert last_line(run.stderr) == message


def test_help_names_the_types_that_are_accepted(
    finished_job: Job, tmp_path: Path
) -> None:
    help_text = " ".join(run_melmill("extract", "--help").stdout.split())
    found = re.search(r"--dtype (\S+)", help_text)
    assert found is not None
    names = found[1].split("|")
    assert names == ["f16", "f32", "bf16", "u8"]
    for name in names:
        assert f"{name} (" in help_text
        out = str(tmp_path / name)
        run = finished_job.extract("--dtype", name, "--threads", "0", out=out)
        assert run.exit_code == 0, run.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["extract"],
        ["extract", "train.jsonl"],
        ["extract", "--out", "store"],
        ["extract", "train.jsonl", "--out", "store", "--frobnicate"],
        ["validate"],
        ["validate", "train.jsonl", "--update"],
        ["info"],
        ["info", "a", "b"],
        ["verify"],
        ["extract", "train.jsonl", "--out", "store", "--dtype", "f64"],
        ["extract", "train.jsonl", "--out", "store", "--threads", "two"],
        ["extract", "train.jsonl", "--out", "store", "--threads", "-1"],
        ["extract", "train.jsonl", "--out", "store", "--io-threads", "0"],
        ["extract", "train.jsonl", "--out", "store", "--max-duration", "0"],
        ["extract", "train.jsonl", "--out", "store", "--max-duration", "nan"],
        ["extract", "train.jsonl", "--out", "store", "--hang-after", "0"],
        ["extract", "train.jsonl", "--out", "store", "--hang-after", "inf"],
        ["extract", "train.jsonl", "--out", "store", "--hang-after", "nan"],
        ["extract", "train.jsonl", "--out", "store", "--hang-after", "2e11"],
        ["extract", "train.jsonl", "--out", "store", "--keep", "a/b"],
        ["extract", "train.jsonl", "--out", "store", "--keep", "text"],
        ["extract", "a\tb=train.jsonl", "--out", "store"],
        ["extract", "=train.jsonl", "--out", "store"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2_and_writes_nothing(
    folder: Path, arguments: list[str]
) -> None:
    before = snapshot(folder)
    run = run_melmill(*arguments, cwd=folder)
    assert run.exit_code == 2
    assert run.stdout == ""
    assert run.stderr.strip()
    assert snapshot(folder) == before


# Sizes and limits.


@pytest.mark.parametrize(
    ("size", "num_bytes"),
    [
        ("1B", 1),
        ("64KiB", 64 << 10),
        ("1.5MiB", 3 << 19),
        ("1GiB", 1 << 30),
        ("2MB", 2_000_000),
        ("1TiB", 1 << 40),
    ],
)
def test_sizes_have_units(folder: Path, size: str, num_bytes: int) -> None:
    store = extract(
        folder / "store", "train.jsonl", "--shard-size", size, cwd=folder
    )
    assert store.index["shard_target_bytes"] == num_bytes


@pytest.mark.parametrize(
    "size",
    ["1", "0B", "-1B", "1XB", "1 GiB", "GiB", "2TiB", "1e30B", "1GiBx", "nanB"],
)
def test_bad_size_exits_with_2(folder: Path, size: str) -> None:
    run = run_melmill(
        "extract",
        "train.jsonl",
        "--out",
        "store",
        f"--shard-size={size}",
        cwd=folder,
    )
    assert run.exit_code == 2
    assert "size" in run.stderr
    assert not (folder / "store").exists()


@pytest.mark.parametrize(
    ("limit", "exit_code"),
    [("2", 0), ("1", 3), ("0", 3), ("20%", 0), ("19.9%", 3), ("100%", 0)],
)
def test_max_rejects_is_a_number_or_a_share_of_all_lines(
    folder: Path, limit: str, exit_code: int
) -> None:
    gone = [manifest_row("gone1.wav"), manifest_row("gone2.wav")]
    rows = [manifest_row(f"clip0{number % 4}.wav") for number in range(8)]
    write_manifest(folder / "train.jsonl", [*gone, *rows])
    for command in ("validate", "extract"):
        out = ["--out", "store"] if command == "extract" else []
        run = run_melmill(
            command, "train.jsonl", *out, "--max-rejects", limit, cwd=folder
        )
        assert run.exit_code == exit_code, command
    # What the plan knows to be too much is not begun.
    assert (folder / "store").exists() == (exit_code == 0)
    if exit_code != 0:
        error, causes, way_on = run.stderr.splitlines()[-3:]
        assert error.startswith("error: 2 of 10 lines rejected (20 %), more ")
        assert error.endswith("nothing was extracted")
        assert causes == "  most of them: 2 not_found (no such file)"
        assert way_on == "  to accept them: --max-rejects 2"


@pytest.mark.parametrize(
    ("num_lines", "num_gone", "exit_code"),
    [(2, 1, 0), (10, 2, 3), (199, 2, 3), (200, 2, 0), (200, 3, 3)],
)
def test_by_default_1_percent_may_be_rejected_and_always_1_line(
    folder: Path, num_lines: int, num_gone: int, exit_code: int
) -> None:
    gone = [manifest_row("gone.wav")] * num_gone
    good = [manifest_row("clip00.wav")] * (num_lines - num_gone)
    write_manifest(folder / "train.jsonl", gone + good)
    run = run_melmill("extract", "train.jsonl", "--out", "store", cwd=folder)
    assert run.exit_code == exit_code
    assert (folder / "store").exists() == (exit_code == 0)
    validated = run_melmill("validate", "train.jsonl", cwd=folder)
    assert validated.exit_code == exit_code
    counted = f"{num_gone} of {num_lines} lines rejected"
    assert last_line(validated.stdout).startswith(counted)
    if exit_code == 0:
        assert last_line(run.stdout).startswith(counted)
        assert "store/rejects.jsonl" in last_line(run.stdout)
        assert "error" not in run.stderr + validated.stderr


def test_max_rejects_counts_what_only_decoding_finds(folder: Path) -> None:
    samples = noise(4000)
    samples[100] = float("nan")
    write_wav(folder / "nan.wav", samples, subtype="FLOAT")
    rows = [manifest_row(name) for name in ("nan.wav", "clip00.wav")]
    write_manifest(folder / "train.jsonl", rows)
    for limit, exit_code in (("0", 3), ("1", 0), ("50%", 0), ("49%", 3)):
        run = run_melmill(
            "extract",
            "train.jsonl",
            "--out",
            "store",
            "--max-rejects",
            limit,
            cwd=folder,
        )
        assert run.exit_code == exit_code, limit
        if exit_code == 3:
            assert "the store is complete without these lines" in run.stderr
    assert len(Store(folder / "store").rows()) == 1


@pytest.mark.parametrize("limit", ["-1", "1.5", "101%", "5%%", "x", "%", "inf"])
def test_bad_max_rejects_exits_with_2(folder: Path, limit: str) -> None:
    run = run_melmill(
        "extract",
        "train.jsonl",
        "--out",
        "store",
        f"--max-rejects={limit}",
        cwd=folder,
    )
    assert run.exit_code == 2
    assert f"--max-rejects {limit}" in run.stderr
    assert not (folder / "store").exists()


@pytest.mark.parametrize("hang_after", ["1", "31536000"])
def test_the_longest_and_the_shortest_hang_after_work(
    folder: Path, hang_after: str
) -> None:
    run = run_melmill(
        "extract",
        "train.jsonl",
        "--out",
        "store",
        f"--hang-after={hang_after}",
        cwd=folder,
    )
    assert run.exit_code == 0, run.stderr


def test_a_share_of_rejects_that_is_reached_exactly_is_allowed(
    folder: Path,
) -> None:
    good = [manifest_row("clip00.wav")] * 993
    gone = [manifest_row("gone.wav")] * 7
    write_manifest(folder / "many.jsonl", good + gone)
    for share, exit_code in (("0.7%", 0), ("0.69%", 3)):
        run = run_melmill(
            "validate", "many.jsonl", "--max-rejects", share, cwd=folder
        )
        assert run.exit_code == exit_code, run.stderr


# What goes where.


def test_json_is_one_object_on_standard_output_alone(folder: Path) -> None:
    rows = [manifest_row("clip00.wav"), manifest_row("gone.wav")]
    write_manifest(folder / "eval.jsonl", rows)
    run = run_melmill(
        "extract",
        "train.jsonl",
        "eval.jsonl",
        "--out",
        "store",
        "--json",
        cwd=folder,
    )
    assert run.exit_code == 0
    assert run.stdout.count("\n") == 1
    report = json.loads(run.stdout)
    assert run.stderr == ""
    store = Store(folder / "store")
    num_samples = sum(row.num_samples for row in store.rows())
    expected = {
        "status": "finished",
        "exit_code": 0,
        "lines": 6,
        "rejected": 1,
        "rejects": {"not_found": 1},
        "warnings": {"leak": 1},
        "stored": 5,
        "shards": 2,
        "shards_made": 2,
        "shards_kept": 0,
        "accepted": ["store/train.accepted.jsonl", "store/eval.accepted.jsonl"],
    }
    assert {key: report[key] for key in expected} == expected
    assert report["hours"] == pytest.approx(num_samples / 16000 / 3600)
    assert report["languages"]["English"]["rows"] == 4
    assert report["languages"]["None"]["rows"] == 1
    listed = sum(
        path.stat().st_size
        for path in (folder / "store").iterdir()
        if path.name not in (*NOT_OF_THE_STORE, "store.json")
    )
    assert report["bytes"] == listed


def test_json_also_tells_why_a_run_cannot_start(folder: Path) -> None:
    run = run_melmill(
        "extract", "train.csv", "--out", "store", "--json", cwd=folder
    )
    assert run.exit_code == 2
    report = json.loads(run.stdout)
    assert report["status"] == "setup_error"
    assert report["exit_code"] == 2
    assert run.stderr == f"error: {report['error']}\n"


@pytest.mark.parametrize(
    ("stream", "exit_code"),
    [(">/dev/full", 4), ("2>/dev/full", 0), ("2>&-", 0), (">&-", 0)],
)
def test_a_run_survives_a_stream_that_cannot_be_written(
    folder: Path, stream: str, exit_code: int
) -> None:
    program = melmill_path()
    command = f"{program} extract train.jsonl --out store {stream}"
    run = subprocess.run(
        ["sh", "-c", command], cwd=folder, capture_output=True, check=False
    )
    assert run.returncode == exit_code
    full = b"error: cannot write to standard output: No space left on device\n"
    assert run.stderr.endswith(full) == (exit_code == 4)
    assert run_melmill("verify", folder / "store").exit_code == 0
    command = f"{program} extract gone.jsonl --out other {stream}"
    run = subprocess.run(["sh", "-c", command], cwd=folder, check=False)
    assert run.returncode == 2


@pytest.mark.parametrize(
    "command", ["extract train.jsonl --out store", "validate train.jsonl"]
)
def test_a_closed_pipe_ends_the_program_silently(
    folder: Path, command: str
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    run = subprocess.run(
        [melmill_path(), *command.split()],
        cwd=folder,
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert run.returncode == -signal.SIGPIPE
    assert b"error" not in run.stderr
    if "extract" in command:
        assert run_melmill("verify", folder / "store").exit_code == 0


def test_a_json_report_that_cannot_be_written_is_a_fault(folder: Path) -> None:
    program = melmill_path()
    command = f"{program} extract train.jsonl --out store --json >/dev/full"
    run = subprocess.run(["sh", "-c", command], cwd=folder, check=False)
    assert run.returncode == 4


def test_json_of_validate_says_what_a_run_would_cost(folder: Path) -> None:
    validated = run_melmill("validate", "train.jsonl", "--json", cwd=folder)
    assert validated.exit_code == 0
    assert validated.stdout.count("\n") == 1
    assert validated.stderr == ""
    planned = json.loads(validated.stdout)
    assert planned["status"] == "planned"
    store = extract(folder / "store", "train.jsonl", cwd=folder)
    num_samples = sum(row.num_samples for row in store.rows())
    assert planned["planned_hours"] == pytest.approx(num_samples / 16000 / 3600)
    made = sum(shard["num_bytes"] for shard in store.index["shards"])
    assert made <= planned["bytes"] <= made + (64 << 10)


def test_summary_goes_to_standard_output_and_ends_with_the_manifests(
    folder: Path,
) -> None:
    (folder / "eval.jsonl").write_bytes((folder / "train.jsonl").read_bytes())
    run = run_melmill(
        "extract", "train.jsonl", "eval.jsonl", "--out", "store/", cwd=folder
    )
    assert run.exit_code == 0
    assert last_line(run.stdout) == (
        "train on store/train.accepted.jsonl store/eval.accepted.jsonl"
    )
    assert "stored 8 rows" in run.stdout
    assert "x real time" in run.stdout
    assert "English" in run.stdout
    assert "planned 8 of 8 lines" in run.stderr
    assert "warning: LEAK: " in run.stderr


def test_many_splits_are_not_all_named_in_the_last_line(folder: Path) -> None:
    names = [f"m{number}.jsonl" for number in range(12)]
    for name in names:
        (folder / name).write_bytes((folder / "train.jsonl").read_bytes())
    run = run_melmill("extract", *names, "--out", "store", cwd=folder)
    assert run.exit_code == 0
    last = last_line(run.stdout)
    assert last.startswith("train on store/m0.accepted.jsonl store/m1.")
    assert last.endswith(" and 4 more: store/*.accepted.jsonl")
    assert last.count(".jsonl") == 9


def test_a_report_of_many_rejected_lines_is_short(folder: Path) -> None:
    good = [manifest_row("clip00.wav")] * 2000
    gone = [manifest_row(f"gone{number}.wav") for number in range(1200)]
    write_manifest(folder / "many.jsonl", gone + good)
    for command in (
        ["validate", "many.jsonl"],
        ["extract", "many.jsonl", "--out", "store", "--max-rejects", "1"],
    ):
        run = run_melmill(*command, cwd=folder)
        assert run.exit_code == 3
        assert "rejected 1,200 of 3,200 lines (38 %):\n" in run.stdout
        assert len(run.text.splitlines()) < 40
    listed = run_melmill("validate", "many.jsonl", "--list", cwd=folder).stdout
    assert listed.count(": not_found: ") == 1200


def test_a_result_that_cannot_be_written_is_told(folder: Path) -> None:
    extract(folder / "store", "train.jsonl", cwd=folder)
    for command in ("info store", "verify store", "verify store --repair"):
        full = f"{melmill_path()} {command} >/dev/full"
        run = subprocess.run(
            ["sh", "-c", full], cwd=folder, capture_output=True, check=False
        )
        assert run.returncode == 4
        assert b"error: cannot write to standard output" in run.stderr


def test_backslashes_of_windows_are_explained(folder: Path) -> None:
    write_manifest(folder / "win.jsonl", [manifest_row("wavs\\0.wav")])
    run = run_melmill("validate", "win.jsonl", cwd=folder)
    assert run.exit_code == 2
    assert "a backslash is part of a name here" in run.text


def test_quiet_says_nothing_when_all_went_well(folder: Path) -> None:
    run = run_melmill(
        "extract", "train.jsonl", "--out", "store", "--quiet", cwd=folder
    )
    assert (run.exit_code, run.stdout, run.stderr) == (0, "", "")
    assert len(Store(folder / "store").rows()) == 4


def test_quiet_still_says_what_went_wrong(folder: Path) -> None:
    rows = [manifest_row("clip00.wav"), manifest_row("gone.wav")]
    write_manifest(folder / "train.jsonl", rows)
    flags = ["--out", "store", "--quiet", "--max-rejects", "0"]
    run = run_melmill("extract", "train.jsonl", *flags, cwd=folder)
    assert run.exit_code == 3
    assert "train line 2: gone.wav" in run.stdout
    assert run.stderr.startswith("error: 1 of 2 lines rejected")


# Flags from a file.


def test_config_file_sets_flags(folder: Path) -> None:
    (folder / "run.toml").write_text(
        'out = "store"\n# fewer mels\npreset = "whisper"\ndtype = "f32"\n'
        'shard-size = "64KiB"\nno-text = true\nkeep = ["a", "b"]\n'
    )
    write_manifest(
        folder / "train.jsonl", [{"audio": "clip00.wav", "a": 1, "b": 2}]
    )
    run = run_melmill(
        "extract", "train.jsonl", "--config", "run.toml", cwd=folder
    )
    assert run.exit_code == 0, run.stderr
    index = Store(folder / "store").index
    assert index["contract"]["n_mels"] == 80
    assert index["contract"]["feature_type"] == "f32"
    assert index["shard_target_bytes"] == 64 << 10
    assert index["kept_fields"] == ["a", "b"]


def test_config_file_in_ini_style_sets_flags(folder: Path) -> None:
    (folder / "run.ini").write_text("preset = whisper\nout=store\n")
    run = run_melmill("extract", "train.jsonl", "--config=run.ini", cwd=folder)
    assert run.exit_code == 0, run.stderr
    assert Store(folder / "store").index["contract"]["n_mels"] == 80


def test_command_line_counts_more_than_the_config_file(folder: Path) -> None:
    (folder / "run.toml").write_text('preset = "whisper"\ndtype = "f32"\n')
    store = extract(
        folder / "store",
        "train.jsonl",
        "--preset",
        "qwen3-asr",
        "--config",
        "run.toml",
        cwd=folder,
    )
    assert store.index["contract"]["n_mels"] == 128
    assert store.index["contract"]["feature_type"] == "f32"


def test_config_file_of_extract_serves_validate(folder: Path) -> None:
    (folder / "run.toml").write_text('out = "store"\nmax-duration = 0.001\n')
    run = run_melmill(
        "validate", "train.jsonl", "--config", "run.toml", cwd=folder
    )
    assert run.exit_code == 2
    assert "--max-duration is 0.001 s" in run.stderr


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "run.toml"),
        ("frobnicate = 1\n", "frobnicate"),
        ('dtype = "f64"\n', "f64"),
        ('preset = "wisper"\n', "wisper"),
    ],
    ids=["missing", "unknown_flag", "bad_value", "unknown_preset"],
)
def test_bad_config_file_exits_with_2(
    folder: Path, text: str | None, reason: str
) -> None:
    if text is not None:
        (folder / "run.toml").write_text(text)
    run = run_melmill(
        "extract",
        "train.jsonl",
        "--out",
        "store",
        "--config",
        "run.toml",
        cwd=folder,
    )
    assert run.exit_code == 2
    assert reason in run.stderr
    assert not (folder / "store").exists()


# What is stored of a line.


def kept(folder: Path, field: str) -> list[str]:
    with h5py.File(folder / "train.rows.h5") as table:
        return read_strings(table, f"keep_{field}")


def test_kept_fields_of_every_json_type_come_back_as_json_text(
    folder: Path,
) -> None:
    values: list[object] = [
        'Zoë "quoted" \\ \n\t\u0001 \U0001f600',
        "",
        0,
        -17,
        2**64 - 1,
        -(2**63),
        1.5,
        1e-300,
        True,
        False,
        None,
        [],
        {},
        [1, [2, {"a": [None, "b"]}], "c"],
        {"k": {"l": [1.25, True]}, "m": "n", "": 0},
    ]
    rows = [manifest_row("clip00.wav") | {"x": value} for value in values]
    rows.append(manifest_row("clip00.wav"))
    rows.append(manifest_row("clip00.wav") | {"other": {"x": 5}, "y": 3})
    write_manifest(folder / "train.jsonl", rows)
    flags = ["--keep", "x", "--keep", "y"]
    extract(folder / "store", *flags, "train.jsonl", cwd=folder)
    texts = kept(folder / "store", "x")
    assert [json.loads(text) for text in texts[:-2]] == values
    assert [type(json.loads(text)) for text in texts[:-2]] == [
        type(value) for value in values
    ]
    assert texts[-2:] == ["", ""]
    assert kept(folder / "store", "y") == [""] * (len(rows) - 1) + ["3"]


def test_numbers_beyond_64_bits_are_kept_as_written(folder: Path) -> None:
    (folder / "train.jsonl").write_text(
        '{"audio": "clip00.wav", "text": "", "x": [123456789012345678901, '
        "0.1000000000000000055511151231257827]}\n"
    )
    extract(folder / "store", "train.jsonl", "--keep", "x", cwd=folder)
    assert kept(folder / "store", "x") == [
        "[123456789012345678901,0.1000000000000000055511151231257827]"
    ]


def test_text_and_prompt_are_stored_verbatim(folder: Path) -> None:
    text = 'language French<asr_text>Ça va ? \U0001f600\n\t"oui" '
    row = manifest_row("clip00.wav", text) | {"prompt": "Süß\u0000!"}
    write_manifest(
        folder / "train.jsonl",
        [row, manifest_row("clip01.wav") | {"prompt": None}],
    )
    store = extract(folder / "store", "train.jsonl", cwd=folder)
    assert store.rows()[0].text == text
    with h5py.File(folder / "store/train.rows.h5") as table:
        assert read_strings(table, "prompt") == ["Süß\u0000!", ""]


def test_no_text_accepts_lines_without_text(folder: Path) -> None:
    write_manifest(folder / "train.jsonl", [{"audio": "clip00.wav"}])
    run = run_melmill("extract", "train.jsonl", "--out", "a", cwd=folder)
    assert run.exit_code == 2
    store = extract(folder / "a", "train.jsonl", "--no-text", cwd=folder)
    assert [row.text for row in store.rows()] == [""]


def test_strict_text_rejects_what_otherwise_is_warned_of(folder: Path) -> None:
    texts = [
        "language English<asr_text>good",
        "just words",
        "",
        "language english<asr_text>small",
        "language None<asr_text>",
    ]
    rows = [manifest_row("clip00.wav", text) for text in texts]
    write_manifest(folder / "train.jsonl", rows)
    assert len(extract(folder / "a", "train.jsonl", cwd=folder).rows()) == 5
    run = run_melmill(
        "extract",
        "train.jsonl",
        "--strict-text",
        *ANY_REJECTS,
        "--out",
        "b",
        cwd=folder,
    )
    assert run.exit_code == 0
    store = Store(folder / "b")
    assert [row.line for row in store.rows()] == [1, 5]
    rejects = store.rejects()
    assert [reject["line"] for reject in rejects] == [2, 3, 4]
    assert {reject["code"] for reject in rejects} == {"text_template"}
    assert {reject["stage"] for reject in rejects} == {"manifest"}


def test_template_is_not_asked_of_whisper(folder: Path) -> None:
    write_manifest(
        folder / "train.jsonl", [manifest_row("clip00.wav", "just words")]
    )
    run = run_melmill(
        "extract",
        "train.jsonl",
        "--preset",
        "whisper",
        "--strict-text",
        "--out",
        "store",
        cwd=folder,
    )
    assert run.exit_code == 0, run.stderr
    assert "warning" not in run.stderr


def test_truncate_cuts_whisper_clips_at_30_s(folder: Path) -> None:
    write_wav(folder / "long.wav", noise(35 * 16000))
    rows = [manifest_row(name) for name in ("long.wav", "clip00.wav")]
    write_manifest(folder / "train.jsonl", rows)
    whisper = ["extract", "train.jsonl", "--preset", "whisper"]
    run = run_melmill(*whisper, "--out", "a", cwd=folder)
    assert run.exit_code == 0
    [reject] = Store(folder / "a").rejects()
    assert (reject["stage"], reject["code"]) == ("header", "too_long")
    assert "lasts 35.00 s" in reject["message"]
    assert "--truncate" in reject["message"]
    run = run_melmill(*whisper, "--truncate", "--out", "b", cwd=folder)
    assert run.exit_code == 0, run.stderr
    row = Store(folder / "b").rows()[0]
    assert row.num_samples == 480_000
    assert row.features.shape == (3000, 80)


def test_truncate_is_refused_where_nothing_is_too_long(folder: Path) -> None:
    run = run_melmill(
        "extract", "train.jsonl", "--truncate", "--out", "store", cwd=folder
    )
    assert run.exit_code == 2
    assert "qwen3-asr" in run.stderr
    assert not (folder / "store").exists()


# Paths and splits.


def test_relative_audio_starts_from_the_working_directory(
    folder: Path,
) -> None:
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    (folder / "train.jsonl").rename(elsewhere / "train.jsonl")
    store = extract(folder / "a", "elsewhere/train.jsonl", cwd=folder)
    assert len(store.rows()) == 4
    run = run_melmill("extract", "train.jsonl", "--out", "b", cwd=elsewhere)
    assert run.exit_code == 2


@pytest.mark.parametrize("root", ["", "/"])
def test_audio_root_changes_where_relative_audio_starts(
    folder: Path, root: str
) -> None:
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    rows = [
        manifest_row("clip00.wav"),
        manifest_row(folder / "clip01.wav"),
    ]
    manifest = write_manifest(folder / "train.jsonl", rows)
    store = extract(
        elsewhere / "store",
        manifest,
        "--audio-root",
        f"{folder}{root}",
        cwd=elsewhere,
    )
    assert [row.audio for row in store.rows()] == [row["audio"] for row in rows]


def test_splits_are_named_by_the_stem_or_as_asked(folder: Path) -> None:
    for name in ("a.b.jsonl", "c.json"):
        rows = [manifest_row("clip00.wav")]
        write_manifest(folder / name, rows)
    store = extract(
        folder / "store",
        "dev-1=a.b.jsonl",
        "train.jsonl",
        "x_=./c.json",
        cwd=folder,
    )
    assert store.splits == ["dev-1", "train", "x_"]
    assert [len(store.rows(name)) for name in store.splits] == [1, 4, 1]
    assert (folder / "store/dev-1.rows.h5").exists()


def test_equals_sign_in_a_folder_is_no_name(folder: Path) -> None:
    (folder / "a=b").mkdir()
    (folder / "train.jsonl").rename(folder / "a=b/train.jsonl")
    store = extract(folder / "store", "./a=b/train.jsonl", cwd=folder)
    assert store.splits == ["train"]


# Warnings.

WARNING_CASES = {
    "no_template": (
        [manifest_row("clip00.wav", "words")] * 5,
        '5 texts without "language {Name}<asr_text>{transcript}"',
        [1, 2, 3],
    ),
    "unknown_language": (
        [
            manifest_row("clip00.wav", "language Englisch<asr_text>a"),
            manifest_row("clip01.wav", "language English<asr_text>a"),
            manifest_row("clip02.wav", "language Klingon<asr_text>a"),
        ],
        "2 texts with a language that is not in the model's list, such as "
        '"Englisch"',
        [1, 3],
    ),
    "offset": (
        [
            manifest_row("clip00.wav") | {"offset": 0.0, "start": 0},
            manifest_row("clip01.wav") | {"offset": 1.5},
            manifest_row("clip02.wav") | {"start": 3},
            manifest_row("clip03.wav") | {"x": {"start": 3}},
        ],
        "2 lines with a part of a file (offset, start, segment): WHOLE FILES "
        "ARE USED",
        [2, 3],
    ),
    "repeated_audio": (
        [manifest_row(f"clip0{n}.wav") for n in (0, 1, 0, 2, 1, 0, 0)],
        "4 lines with the audio file of an earlier line",
        [3, 5, 6],
    ),
}


@pytest.mark.parametrize(
    ("rows", "warning", "lines"), WARNING_CASES.values(), ids=WARNING_CASES
)
def test_warning_names_the_first_lines_and_rejects_nothing(
    folder: Path, rows: list[dict[str, object]], warning: str, lines: list[int]
) -> None:
    write_manifest(folder / "train.jsonl", rows)
    run = run_melmill(
        "extract",
        "train.jsonl",
        "--out",
        "store",
        "--whole-files",
        cwd=folder,
    )
    assert run.exit_code == 0
    text = run.stderr.splitlines()
    [place] = [
        n for n, line in enumerate(text) if f"warning: {warning}" in line
    ]
    named = list(
        itertools.takewhile(
            lambda line: line.startswith("  train line "), text[place + 1 :]
        )
    )
    assert named == [
        f"  train line {line}: {rows[line - 1]['audio']}" for line in lines
    ]
    assert [row.line for row in Store(folder / "store").rows()] == list(
        range(1, len(rows) + 1)
    )


def test_leak_between_splits_names_the_lines_of_the_later_one(
    folder: Path,
) -> None:
    rows = [manifest_row("clip02.wav"), manifest_row("./clip03.wav")]
    write_manifest(folder / "eval.jsonl", rows)
    run = run_melmill("validate", "train.jsonl", "eval.jsonl", cwd=folder)
    assert run.exit_code == 0
    assert "LEAK: 2 lines with" in run.stderr
    assert (
        "\n  eval line 1: clip02.wav\n  eval line 2: ./clip03.wav\n"
        in run.stderr
    )


def test_dropped_fields_and_blank_lines_are_counted(folder: Path) -> None:
    row = json.dumps(manifest_row("clip00.wav") | {"a": 1, "b": 2, "x": 3})
    (folder / "train.jsonl").write_text(f"\n{row}\n  \t\n\r\n{row}\n")
    run = run_melmill(
        "extract", "train.jsonl", "--keep", "x", "--out", "store", cwd=folder
    )
    assert run.exit_code == 0
    assert "train: 3 blank lines skipped" in run.stderr
    assert "train: fields not stored: a, b; 4 values (--keep" in run.stderr
    assert [row.line for row in Store(folder / "store").rows()] == [2, 5]


# Interruption.


def committed_shards(store: Path) -> dict[str, int]:
    """Final names of shards, and their inodes."""
    return {
        path.name: path.stat().st_ino
        for path in store.glob("train.*.h5")
        if path.name != "train.rows.h5"
    }


@pytest.fixture(scope="module")
def long_job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some seconds of work in shards of one row, and its undisturbed store."""
    folder = tmp_path_factory.mktemp("long_job")
    write_wav(folder / "a.wav", noise(20 * 16000))
    rows = []
    for number in range(250):
        (folder / f"{number}.wav").symlink_to("a.wav")
        rows.append(manifest_row(f"{number}.wav"))
    write_manifest(folder / "train.jsonl", rows)
    extract(folder / "whole", "train.jsonl", "--shard-size", "1B", cwd=folder)
    return folder


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name
)
def test_signalled_run_ends_cleanly_and_the_rerun_makes_the_same_bytes(
    long_job: Path, tmp_path: Path, number: signal.Signals
) -> None:
    store = tmp_path / "store"
    flags = ["train.jsonl", "--shard-size", "1B", "--out", str(store)]
    with subprocess.Popen(
        [melmill_path(), "extract", *flags, "--threads", "1"],
        cwd=long_job,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        give_up = time.monotonic() + 60
        while not committed_shards(store):
            assert process.poll() is None
            assert time.monotonic() < give_up
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert stdout == ""
    kept = len(committed_shards(store))
    assert last_line(stderr) == (
        f"{kept} of 250 shards kept; run the same command to resume."
    )
    assert not (store / "store.json").exists()
    assert list(store.glob("*.tmp")) == []
    made = committed_shards(store)
    assert 0 < len(made) < 250
    info = run_melmill("info", store)
    assert f"UNFINISHED: {len(made)} of 250 shards made" in info.stdout

    rerun = run_melmill("extract", *flags, "--json", cwd=long_job)
    assert rerun.exit_code == 0, rerun.stderr
    report = json.loads(rerun.stdout)
    assert report["shards_kept"] == len(made)
    assert report["shards_made"] == 250 - len(made)
    assert files_of(store) == files_of(long_job / "whole")
    now = committed_shards(store)
    assert {name: now[name] for name in made} == made
