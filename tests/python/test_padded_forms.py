"""Any padded form of a clip, rebuilt from its stored row."""

from pathlib import Path

import numpy as np
import pytest
import reference
from end_clips import PADDINGS, all_clips, make_loud_ends, speech_clips
from padded_forms import padded_features
from support import (
    ANY_REJECTS,
    REPOSITORY,
    FloatArray,
    RecordProperty,
    Row,
    Store,
    extract,
    manifest_row,
    max_difference,
    noise,
    run_melmill,
    spread,
    write_manifest,
    write_wav,
)

MAX_DIFFERENCE = 1e-4  # of 16 kHz clips
# At features of 1 to 2, the largest.
HALF_STEPS = {"f16": 2.0**-11, "bf16": 2.0**-8, "u8": 0.003923}
THIRTY_SECONDS = 480_000


@pytest.fixture(scope="module")
def speech(corpus: list[dict[str, str]]) -> list[FloatArray]:
    return speech_clips(corpus)


def stored_rows(
    clips: list[FloatArray], folder: Path, *arguments: str
) -> list[Row]:
    paths = [
        write_wav(folder / f"{i}.wav", clip, subtype="FLOAT")
        for i, clip in enumerate(clips)
    ]
    manifest = write_manifest(folder / "a.jsonl", map(manifest_row, paths))
    rows = extract(folder / "store", manifest, *arguments).rows()
    assert [row.num_samples for row in rows] == list(map(len, clips))
    return rows


def rebuilt(row: Row, padding: int) -> FloatArray:
    return padded_features(
        row.features,
        row.num_samples,
        float(row.body_max),
        row.tail_samples,
        padding,
    )


Stored = list[tuple[FloatArray, Row]]


@pytest.fixture(scope="module")
def clips(speech: list[FloatArray]) -> list[FloatArray]:
    return all_clips(speech)


@pytest.fixture(scope="module")
def stored(
    clips: list[FloatArray], tmp_path_factory: pytest.TempPathFactory
) -> Stored:
    folder = tmp_path_factory.mktemp("padded")
    rows = stored_rows(clips, folder, "--dtype", "f32")
    return list(zip(clips, rows, strict=True))


@pytest.fixture(scope="module")
def stored_shorter(
    clips: list[FloatArray], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[Row]]:
    """The rows by their type."""
    folder = tmp_path_factory.mktemp("padded")
    found = {}
    for dtype in HALF_STEPS:
        (folder / dtype).mkdir()
        found[dtype] = stored_rows(clips, folder / dtype, "--dtype", dtype)
    return found


def test_docs_show_the_tested_function() -> None:
    page = (REPOSITORY / "docs" / "numerics.md").read_text()
    block = page.split("```python\n")[1].split("```")[0]
    tested = Path(__file__).with_name("padded_forms.py").read_text()
    assert "def padded_features(" in block
    assert tested.endswith("\n" + block)


def test_loud_ends_have_their_maximum_behind_the_body(
    speech: list[FloatArray], tmp_path: Path
) -> None:
    clips = make_loud_ends(speech)
    rows = stored_rows(clips, tmp_path, "--dtype", "f32")
    for samples, row in zip(clips, rows, strict=True):
        floor_of_body = (max(float(row.body_max) - 8, -10) + 4) / 4
        padded = reference.single(np.pad(samples, (0, 400)))
        assert padded.min() > floor_of_body + 1e-3, row.audio


@pytest.mark.parametrize("padding", PADDINGS)
def test_shorter_member_of_a_padded_batch(
    padding: int, stored: Stored, record_property: RecordProperty
) -> None:
    worst = 0.0
    for samples, row in stored:
        longer = noise(len(samples) + padding, seed=2)
        expected, num_valid = reference.batch([samples, longer])[0]
        actual = rebuilt(row, padding)
        assert num_valid == min(
            -(-row.num_samples // 160), (row.num_samples + padding) // 160
        )
        difference = max_difference(actual, expected)
        assert difference <= MAX_DIFFERENCE, (row.audio, row.num_samples)
        worst = max(worst, difference)
    record_property("max feature difference", worst)


def test_row_padded_by_nothing_is_the_row_of_one_utterance(
    stored: Stored,
) -> None:
    # The frames that touch the end are computed in double precision here.
    for samples, row in stored:
        np.testing.assert_allclose(
            rebuilt(row, 0), row.single, rtol=0, atol=MAX_DIFFERENCE
        )
        expected = reference.single(samples)
        assert max_difference(row.single, expected) <= MAX_DIFFERENCE


@pytest.mark.parametrize("padding", [0, 1, 199, 400])
@pytest.mark.parametrize("dtype", list(HALF_STEPS))
def test_rows_of_shorter_types_differ_by_their_rounding_alone(
    dtype: str,
    padding: int,
    stored: Stored,
    stored_shorter: dict[str, list[Row]],
) -> None:
    worst = 0.0
    for (_, single), row in zip(stored, stored_shorter[dtype], strict=True):
        difference = max_difference(
            rebuilt(row, padding), rebuilt(single, padding)
        )
        assert difference <= HALF_STEPS[dtype], single.audio
        worst = max(worst, difference)
    assert worst > HALF_STEPS[dtype] / 2


def test_every_member_of_a_batch_of_real_speech(
    corpus: list[dict[str, str]],
    tmp_path: Path,
    record_property: RecordProperty,
) -> None:
    audio = [reference.load(row["audio"]) for row in spread(corpus, 16)]
    rows = stored_rows(audio, tmp_path, "--dtype", "f32")
    longest = max(map(len, audio))
    worst = 0.0
    for row, (expected, num_valid) in zip(
        rows, reference.batch(audio), strict=True
    ):
        actual = rebuilt(row, longest - row.num_samples)
        assert num_valid == min(-(-row.num_samples // 160), longest // 160)
        worst = max(worst, max_difference(actual, expected))
    record_property("max feature difference", worst)
    assert worst <= MAX_DIFFERENCE


@pytest.mark.parametrize(
    ("preset", "n_mels"), [("qwen3-asr", 128), ("whisper", 80)]
)
def test_whispers_thirty_seconds(
    preset: str,
    n_mels: int,
    clips: list[FloatArray],
    tmp_path: Path,
    record_property: RecordProperty,
) -> None:
    # Up to the whole 30 s: there nothing is padded, or less than a window.
    nearly = [noise(THIRTY_SECONDS - d, seed=d) for d in (0, 1, 199, 401)]
    picked = [*spread(clips, 16), *nearly]
    rows = stored_rows(picked, tmp_path, "--preset", preset, "--dtype", "f32")
    worst = 0.0
    for samples, row in zip(picked, rows, strict=True):
        expected = reference.thirty_seconds(samples, n_mels)
        assert expected.shape == (3000, n_mels)
        actual = rebuilt(row, THIRTY_SECONDS - row.num_samples)
        difference = max_difference(actual, expected)
        assert difference <= MAX_DIFFERENCE, row.num_samples
        worst = max(worst, difference)
    record_property("max feature difference", worst)


@pytest.mark.parametrize(
    ("rate", "longest_rejected"), [(16000, 200), (8000, 100), (48000, 600)]
)
def test_clips_start_at_201_samples(
    rate: int, longest_rejected: int, tmp_path: Path
) -> None:
    lengths = [1, longest_rejected, longest_rejected + 1]
    paths = [
        write_wav(tmp_path / f"{length}.wav", noise(length), rate)
        for length in lengths
    ]
    manifest = write_manifest(tmp_path / "a.jsonl", map(manifest_row, paths))
    out = tmp_path / "out"
    run = run_melmill("extract", manifest, *ANY_REJECTS, "--out", out)
    assert run.exit_code == 0, run.stderr
    store = Store(out)
    (row,) = store.rows()
    assert row.line == 3
    assert len(row.features) == 1
    assert [(reject["line"], reject["code"]) for reject in store.rejects()] == [
        (1, "too_short"),
        (2, "too_short"),
    ]
