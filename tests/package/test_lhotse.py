"""Cuts of lhotse become the samples that lhotse loads."""

import copy
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from converting import Convert, Json, write_lines
from support import REPOSITORY

pytest_plugins = ["convert_fixtures"]

FIXTURES = REPOSITORY / "tests/fixtures/lhotse_cuts"
WHOLE: Json = {
    "id": "whole",
    "start": 0.0,
    "duration": 1.0000625,
    "channel": 0,
    "supervisions": [
        {
            "id": "s",
            "recording_id": "r",
            "start": 0,
            "duration": 1.0,
            "channel": 0,
            "text": "hello",
            "language": "en",
        }
    ],
    "recording": {
        "id": "r",
        "sources": [{"type": "file", "channels": [0], "source": "a/r.wav"}],
        "sampling_rate": 16000,
        "num_samples": 16001,
        "duration": 1.0000625,
        "channel_ids": [0],
    },
    "type": "MonoCut",
}


def test_cuts_are_the_samples_that_lhotse_loads(convert: Convert) -> None:
    """tests/fixtures/make_lhotse_cuts.py has asked lhotse."""
    made = convert("lhotse", FIXTURES / "cuts.jsonl.gz")
    assert made.code == 0
    expected = json.loads((FIXTURES / "expected.json").read_text())
    ranges = [[row["start_sample"], row["num_samples"]] for row in made.rows]
    assert ranges == expected
    assert len(ranges) == 30
    assert made.rows[0] == {
        "audio": "8000.wav",
        "start_sample": 4176,
        "num_samples": 6922,
        "text": "language English<asr_text>words 0",
        "id": "s8000-8000-0",
    }


def test_a_cut_that_is_its_recording_has_no_segment(convert: Convert) -> None:
    resampled = changed(
        **{
            "recording.sampling_rate": 8000,
            "recording.num_samples": 8001,
            "recording.transforms": [
                {
                    "name": "Resample",
                    "kwargs": {
                        "source_sampling_rate": 16000,
                        "target_sampling_rate": 8000,
                    },
                }
            ],
        }
    )
    write_lines("cuts.jsonl", [WHOLE, resampled])
    made = convert("lhotse", "cuts.jsonl")
    row = {
        "audio": "a/r.wav",
        "text": "language English<asr_text>hello",
        "id": "whole",
    }
    assert made.rows == [row, row]


@pytest.mark.parametrize(
    ("source", "is_in_seconds"),
    [
        *(("s3://b/a.flac", False), ("https://h/a.WAV?n=a.ogg", False)),
        *(("https://h/a.OPUS?k=1", True), ("s3://b/a.ogg", True)),
        ("hf://datasets/o/n/a", True),
    ],
)
def test_parts_of_audio_at_urls_are_safe_for_opus(
    convert: Convert, source: str, is_in_seconds: bool
) -> None:
    """Nobody has looked into the file."""
    cut = {
        "recording.sources": [{"type": "url", "source": source}],
        "start": 0.5,
        "duration": 0.25,
        "supervisions.0.duration": 0.25,
    }
    write_lines("cuts.jsonl", [changed(**cut)])
    (row,) = convert("lhotse", "cuts.jsonl").rows
    assert row["audio"] == source
    part: Json = {"start_sample": 8000, "num_samples": 4000}
    if is_in_seconds:
        part = {"offset": 0.5, "duration": 0.25}
    assert part.items() <= row.items()


def test_a_channel_of_an_unknown_number_is_kept(convert: Convert) -> None:
    unknown = changed(
        **{
            "recording.channel_ids": None,
            "recording.sources.0.channels": None,
            "channel": 1,
        }
    )
    write_lines("cuts.jsonl", [unknown, WHOLE])
    made = convert("lhotse", "cuts.jsonl")
    assert [row.get("channel") for row in made.rows] == [1, None]


def changed(**values: Any) -> Json:
    """The whole cut with some fields changed: "recording.sources"."""
    cut = copy.deepcopy(WHOLE)
    for name, value in values.items():
        item: Any = cut
        *path, last = name.split(".")
        for key in path:
            item = item[int(key) if key.isdigit() else key]
        item[last] = value
    return cut


REJECTED: dict[str, tuple[Json, str]] = {
    "mixed": (changed(type="MixedCut"), "not a MonoCut: MixedCut"),
    "channel": (
        changed(**{"recording.channel_ids": [0, 1], "channel": 1}),
        "one channel of several, and melmill uses their mean: channel 1 of 2",
    ),
    "channel_of_old_form": (
        changed(
            **{
                "recording.channel_ids": None,
                "recording.sources.0.channels": [0, 1],
            }
        ),
        "one channel of several",
    ),
    "speed": (
        changed(
            **{
                "recording.transforms": [
                    {"name": "Speed", "kwargs": {"factor": 1.1}}
                ]
            }
        ),
        "the recording is transformed: Speed",
    ),
    "command": (
        changed(**{"recording.sources.0.type": "command"}),
        "not a file: command",
    ),
    "url": (
        changed(**{"recording.sources.0.source": "az://a/b.wav"}),
        "a URL that melmill stage cannot copy: az://a/b.wav",
    ),
    "two_sources": (
        changed(**{"recording.sources": [{}, {}]}),
        "not exactly one source",
    ),
    "no_recording": (changed(recording=None), "the cut has no recording"),
    "no_supervision": (changed(supervisions=[]), "one supervision: 0"),
    "beyond_the_cut": (
        changed(**{"supervisions.0.duration": 1.5}),
        "does not span the cut: 0.000 to 1.500 s of 1.000 s",
    ),
    "before_the_cut": (
        changed(**{"supervisions.0.start": -0.02}),
        "does not span the cut",
    ),
    "no_text": (changed(**{"supervisions.0.text": None}), "there is no text"),
    "number": (changed(**{"supervisions.0.text": 3}), "not a string"),
    "nan": (changed(start=float("nan")), '"start" is not a time: nan'),
    "bool": (changed(start=True), '"start" is not a time: True'),
    "huge": (changed(start=10**400), '"start" is not a time'),
    "negative": (changed(start=-1.0), "impossible"),
    "rate": (
        changed(start=0.1, **{"recording.sampling_rate": 0}),
        "the sampling rate is impossible: 0",
    ),
    "list": (changed(supervisions=[3]), "not a list of objects"),
}


@pytest.mark.parametrize(
    ("cut", "message"), REJECTED.values(), ids=list(REJECTED)
)
def test_other_cuts_are_rejected(
    convert: Convert, cut: Json, message: str
) -> None:
    write_lines("cuts.jsonl", [WHOLE, cut, WHOLE])
    made = convert("lhotse", "cuts.jsonl")
    assert made.code == 0
    assert len(made.rows) == 2
    [(number, said)] = made.messages
    assert number == 2
    assert message in said


def test_cuts_without_text_are_accepted_on_demand(convert: Convert) -> None:
    cuts = [
        changed(supervisions=[]),
        changed(**{"supervisions.0.text": None}),
        WHOLE,
    ]
    write_lines("cuts.jsonl", cuts)
    made = convert("lhotse", "cuts.jsonl", "--no-text")
    assert made.code == 0
    assert [row.get("text") for row in made.rows] == [
        None,
        None,
        "language English<asr_text>hello",
    ]
    assert made.stdout.endswith("--out features/ --no-text\n")


def test_parts_of_opus_files_stay_in_seconds(
    convert: Convert, tmp_path: Path
) -> None:
    """For lhotse Opus has another rate than for its decoder."""
    (tmp_path / "b.ogg").write_bytes(b"OggS".ljust(28, b"\0") + b"OpusHead")
    (tmp_path / "c.ogg").write_bytes(b"OggS".ljust(28, b"\0") + b"\1vorbis")
    cuts = [
        changed(start=0.25, **{"recording.sources.0.source": name})
        for name in ("gone.opus", "b.ogg", "c.ogg", "gone.ogg")
    ]
    write_lines("cuts.jsonl", cuts)
    made = convert("lhotse", "cuts.jsonl")
    seconds = {"offset": 0.25, "duration": 1.0000625}
    samples = {"start_sample": 4000, "num_samples": 16001}
    parts = [
        {key: row[key] for key in row if key not in ("audio", "text", "id")}
        for row in made.rows
    ]
    assert parts == [seconds, seconds, samples, samples]


def test_a_gzip_that_is_cut_off_stops(convert: Convert, tmp_path: Path) -> None:
    lines = "".join(
        json.dumps(changed(id=f"{n * n * 7919 % 10007}")) + "\n"
        for n in range(3000)
    )
    whole = gzip.compress(lines.encode())
    (tmp_path / "cuts.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    made = convert("lhotse", "cuts.jsonl.gz")
    assert made.code == 2
    assert "cuts.jsonl.gz is damaged: " in made.stderr
    assert not made.rows
