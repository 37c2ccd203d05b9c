"""melmill.extract, with the program."""

import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import datasets
import melmill
import numpy as np
import pandas
import pytest
from file_state import state
from melmill._extract.rejects_error import TooManyRejectsError
from support import (
    REPOSITORY,
    manifest_row,
    noise,
    read_json_lines,
    run_melmill,
    write_manifest,
    write_wav,
)

pytest_plugins = ["extract_fixtures"]
pytestmark = pytest.mark.usefixtures("with_program")

Rows = list[dict[str, Any]]

NUM_CLIPS = 6  # of the fixture rows
LONG = 200  # rows of 30 s
CALL = """
import melmill

melmill.extract(
    "long.jsonl", "features", threads=1, shard_size="4MiB", grace=0
)
"""


def features_of(split: melmill.Split) -> list[bytes]:
    return [row.features.tobytes() for row in split]


def test_a_manifest_becomes_an_open_store(
    rows: Rows, capsys: pytest.CaptureFixture[str]
) -> None:
    write_manifest(Path("train.jsonl"), rows)
    write_manifest(Path("b.jsonl"), rows[:2])
    store = melmill.extract(
        {"train": Path("train.jsonl"), "eval": "b.jsonl"}, Path("features/")
    )
    assert {name: len(store[name]) for name in store} == {
        "train": NUM_CLIPS,
        "eval": 2,
    }
    assert store["train"].find("clip03.wav").transcript == "3"
    assert {*os.listdir()} - {row["audio"] for row in rows} == {
        *("b.jsonl", "features", "train.jsonl"),
    }
    shown = capsys.readouterr()
    assert "warning: LEAK" in shown.err
    assert "stored 8 rows" in shown.out


def test_rows_of_all_kinds_give_the_same_features(rows: Rows) -> None:
    inside = [{**row, "audio": Path(row["audio"]).read_bytes()} for row in rows]
    made = datasets.Dataset.from_list(
        [{**row, "audio": {"bytes": row["audio"]}} for row in inside]
    ).cast_column("audio", datasets.Audio())
    store = melmill.extract(
        {
            "dicts": rows,
            "frame": pandas.DataFrame(rows),
            "bytes": inside,
            "set": made,
            "stream": made.to_iterable_dataset(),
        },
        "features",
    )
    expected = features_of(store["dicts"])
    assert len(expected) == NUM_CLIPS
    for split in (
        store.values()
        if hasattr(store, "values")
        else (store[name] for name in store)
    ):
        assert features_of(split) == expected
        assert split.texts() == [row["text"] for row in rows]
    assert store["frame"].find("clip02.wav").index == 2
    lines = read_json_lines(Path("features_source/set.jsonl"))
    archive = str(Path("features_source/set.tar").absolute())
    for number, line in enumerate(lines):
        place = {"audio_offset": line["audio_offset"]}
        assert store["set"].find(archive, **place).index == number


def test_audio_in_an_archive_is_found_again(rows: Rows, tmp_path: Path) -> None:
    def call(count: int = NUM_CLIPS, **flags: Any) -> melmill.Store:
        inside = [
            {**row, "audio": Path(row["audio"]).read_bytes()}
            for row in rows[:count]
        ]
        return melmill.extract(inside, "features/", **flags)

    expected = features_of(call(4)["train"])
    run = run_melmill(
        *("verify", Path("features").absolute(), "--against-audio", "9"),
        cwd=tmp_path,
    )
    assert run.exit_code == 0, run.text
    assert "4 rows" in run.text
    archive = Path("features_source/train.tar")
    before = state(archive)
    call(4)
    assert state(archive) == before
    with pytest.raises(melmill.ExtractError, match="update=True") as refused:
        call(NUM_CLIPS)
    assert refused.value.exit_code == 2
    assert state(archive) == before
    store = call(NUM_CLIPS, update=True)
    assert features_of(store["train"])[:4] == expected
    assert len(store["train"]) == NUM_CLIPS
    assert len(call(2, update=True)["train"]) == 2


def test_flags_are_those_of_the_program(rows: Rows) -> None:
    for row in rows:
        row |= {"words": "hallo", "speaker": 7, "age": 1}
    store = melmill.extract(
        rows,
        "features",
        preset="whisper",
        dtype="f32",
        text_field="words",
        keep=["speaker", "age"],
        audio_root=os.getcwd(),
        max_duration=0.5,
        max_rejects="90%",
        strict_text=False,
        trust_audio=None,
    )
    assert store.contract.n_mels == 80
    first = store["train"][0]
    assert first.features.dtype == np.float32
    assert (first.text, first.audio_path) == (
        "hallo",
        Path.cwd() / "clip00.wav",
    )
    assert 0 < len(store["train"]) < NUM_CLIPS
    index = store.indices[0]
    assert list(index.kept_fields) == ["speaker", "age"]


@pytest.mark.parametrize("name", ["dry_run", "json", "part"])
def test_other_uses_of_the_program_are_refused(rows: Rows, name: str) -> None:
    flags: dict[str, Any] = {name: True}
    with pytest.raises(TypeError, match=f"takes no {name}"):
        melmill.extract(rows, "features", **flags)


def test_too_many_rejects_are_counted_and_named(
    rows: Rows, capsys: pytest.CaptureFixture[str]
) -> None:
    rows[1:1] = [manifest_row(f"none{i}.wav") for i in range(5)]
    rows.append({"audio": 5, "text": "x"})
    with pytest.raises(melmill.TooManyRejectsError) as raised:
        melmill.extract(rows, "features", max_rejects=2)
    error = raised.value
    assert error.exit_code == 3
    assert error.counts == {"not_found": 5, "bad_audio": 1}
    assert error.examples[0].startswith("train line 2: none0.wav: tried /")
    assert error.examples[3].startswith("train line 12: ")
    assert len(error.examples) == 4
    message = str(error)
    assert message.startswith("6 of 12 lines rejected (50 %), more than")
    assert "nothing was extracted" in message
    assert all(example in message for example in error.examples)
    assert "error" not in capsys.readouterr().err
    assert not Path("features").exists()
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.counts) == (message, error.counts)
    assert copy.examples == error.examples
    assert isinstance(error, melmill.ExtractError)


def test_rejects_of_the_extraction_leave_a_store(rows: Rows) -> None:
    samples = noise(6000)
    samples[77] = np.inf
    write_wav(Path("inf.wav"), samples, subtype="FLOAT")
    rows.append(manifest_row("inf.wav"))
    with pytest.raises(melmill.TooManyRejectsError, match="is complete") as end:
        melmill.extract(rows, "features", max_rejects=0)
    assert end.value.counts == {"not_finite": 1}
    assert len(melmill.open("features")["train"]) == NUM_CLIPS


def test_counts_are_read_from_any_summary() -> None:
    summary = """\
other
rejected 1,234,569 of 2,000,000 lines (62 %):
1,234,567 not_found (no such file)
          the advice
          12 line 3: a.wav: tried /a.wav
        1 not_found (~ in the path)
          train line 4: 5 b
        1 too_short
          train line 5
languages:
      500 line
"""
    error = TooManyRejectsError.of("why", summary)
    assert error.counts == {"not_found": 1_234_568, "too_short": 1}
    assert error.examples == (
        "12 line 3: a.wav: tried /a.wav",
        "train line 4: 5 b",
        "train line 5",
    )
    assert TooManyRejectsError.of("why", "").counts == {}


def test_wrong_use_and_other_input_are_errors(rows: Rows) -> None:
    with pytest.raises(melmill.ExtractError, match="--no-such"):
        melmill.extract(rows, "features", no_such=1)
    melmill.extract(rows, "features")
    with pytest.raises(melmill.ExtractError) as raised:
        melmill.extract(rows[1:], "features")
    assert raised.value.exit_code == 2
    assert "the input has changed since features was made" in str(raised.value)
    assert "1 removed" in str(raised.value)
    assert len(melmill.extract(rows[1:], "features", update=True)["train"]) == 5


def test_without_the_program_it_says_so(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(melmill.ExtractError, match="docs/install") as raised:
        melmill.extract(rows, "features")
    assert raised.value.exit_code == 127
    assert not Path("features_source").exists()


def write_long_manifest() -> None:
    write_wav(Path("long.wav"), noise(40 * 16_000))
    write_manifest(
        Path("long.jsonl"),
        [
            {**manifest_row("long.wav"), "offset": i / 100, "duration": 30}
            for i in range(LONG)
        ],
    )


@pytest.mark.usefixtures("rows")
def test_ctrl_c_ends_it_and_the_same_call_resumes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_long_manifest()
    process = subprocess.Popen(
        [sys.executable, "-c", CALL],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "python")},
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    try:
        while len(list(Path("features").glob("long.*.h5"))) < 3:
            assert process.poll() is None
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    finally:
        process.kill()
        process.wait()
    assert said.count("KeyboardInterrupt") == 1
    assert not Path("features/store.json").exists()
    shell = SimpleNamespace(config={"IPKernelApp": {}})
    ipython: Any = SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    exec(CALL, {})
    shown = capsys.readouterr()
    assert len(melmill.open("features")["long"]) == LONG
    assert "extracting: " in shown.err
    assert "x real time" in shown.err
    assert " kept)" in shown.out
    assert "(0 made" not in shown.out
    assert ", 0 kept)" not in shown.out
