"""Padded batches are what the feature extractor makes of the samples."""

from pathlib import Path

import melmill
import numpy as np
import numpy.typing as npt
import pytest
import reference
from end_clips import PADDINGS, all_clips, speech_clips
from melmill._batch import mel
from melmill._batch.padding import plan_batch, widen
from melmill._store.row import Row
from melmill.padding import batch_features
from support import (
    FloatArray,
    RecordProperty,
    extract,
    manifest_row,
    noise,
    spread,
    write_manifest,
    write_wav,
)
from transformers import WhisperFeatureExtractor

MAX_DIFFERENCE = 2e-4
# Half a unit in the last place of a stored feature of 1 to 2, the largest.
ROUNDING = {"f32": 0.0, "f16": 2.0**-11, "bf16": 2.0**-8, "u8": 0.003923}
THIRTY_SECONDS = 480_000


def make_store(
    clips: list[FloatArray], folder: Path, *flags: str
) -> melmill.Split:
    rows = [
        manifest_row(write_wav(folder / f"{i}.wav", clip, subtype="FLOAT"))
        for i, clip in enumerate(clips)
    ]
    manifest = write_manifest(folder / "a.jsonl", rows)
    extract(folder / "store", manifest, *flags)
    return melmill.open(folder / "store")["a"]


@pytest.fixture(scope="module")
def clips(corpus: list[dict[str, str]]) -> list[FloatArray]:
    return all_clips(speech_clips(corpus))


@pytest.fixture(scope="module", params=ROUNDING)
def split(
    clips: list[FloatArray],
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> melmill.Split:
    folder = tmp_path_factory.mktemp("padding")
    return make_store(clips, folder, "--dtype", request.param)


def assert_same_batch(
    rows: list[Row], samples: list[FloatArray]
) -> npt.NDArray[np.float64]:
    """Compares a batch with the extractor's; the differences that count."""
    num_samples = max(map(len, samples))
    batch = batch_features(rows, num_samples=num_samples)
    expected = reference.batch(samples)[: len(rows)]
    num_frames = num_samples // 160
    assert batch.features.dtype == np.float32
    assert batch.features.shape == (len(rows), 128, num_frames)
    assert batch.mask.dtype == np.int32
    assert batch.mask.shape == (len(rows), num_frames)
    allowed = MAX_DIFFERENCE + ROUNDING[rows[0].split.contract.feature_type]
    differences = []
    for row, features, mask, (wanted, num_valid) in zip(
        rows, batch.features, batch.mask, expected, strict=True
    ):
        assert mask.tolist() == [1] * num_valid + [0] * (num_frames - num_valid)
        # All frames, those that the mask leaves out too.
        difference = np.abs(features.T.astype(np.float64) - wanted)
        assert difference.max() <= allowed, (row.audio, num_samples)
        differences.append(difference.max())
    return np.array(differences)


@pytest.mark.parametrize("padding", PADDINGS)
def test_rows_padded_by_so_much(
    padding: int,
    split: melmill.Split,
    clips: list[FloatArray],
    record_property: RecordProperty,
) -> None:
    worst = 0.0
    part = slice(padding % 4, None, 4)  # tests/python has every row's
    for row, samples in zip(split[part], clips[part], strict=True):
        longer = noise(len(samples) + padding, seed=2)
        differences = assert_same_batch([row], [samples, longer])
        worst = max(worst, float(differences.max()))
    record_property("max feature difference", worst)


def test_all_rows_in_one_batch(
    split: melmill.Split, clips: list[FloatArray]
) -> None:
    assert_same_batch(list(split), clips)


def test_real_speech_in_batches_of_eight(
    corpus: list[dict[str, str]],
    tmp_path: Path,
    record_property: RecordProperty,
) -> None:
    samples = [reference.load(row["audio"]) for row in spread(corpus, 64)]
    split = make_store(samples, tmp_path, "--dtype", "f32")
    worst = 0.0
    for first in range(0, 64, 8):
        rows = list(split[first : first + 8])
        differences = assert_same_batch(rows, samples[first : first + 8])
        worst = max(worst, float(differences.max()))
    record_property("max feature difference", worst)


@pytest.mark.parametrize(
    ("preset", "n_mels"), [("qwen3-asr", 128), ("whisper", 80)]
)
def test_whispers_thirty_seconds(
    preset: str, n_mels: int, clips: list[FloatArray], tmp_path: Path
) -> None:
    nearly = [noise(THIRTY_SECONDS - d, seed=d) for d in (0, 1, 199, 401)]
    samples = [*spread(clips, 12), *nearly]
    split = make_store(samples, tmp_path, "--preset", preset, "--dtype", "f32")
    batch = batch_features(list(split), num_samples=THIRTY_SECONDS)
    assert batch.features.shape == (16, n_mels, 3000)
    for features, clip in zip(batch.features, samples, strict=True):
        expected = reference.thirty_seconds(clip, n_mels)
        assert np.abs(features.T - expected).max() <= MAX_DIFFERENCE


@pytest.fixture(scope="module")
def short_rows(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """Clips of which nearly all samples are near both ends, and a long one."""
    lengths = [201, 202, 239, 240, 319, 320, 321, 399, 400, 401, 560, 8000]
    clips = [noise(length, seed=length) for length in lengths]
    return list(make_store(clips, tmp_path_factory.mktemp("short")))


@pytest.mark.parametrize(
    "padding", [0, 1, 39, 40, 41, 159, 160, 199, 200, 201, 399, 400, 5000]
)
@pytest.mark.parametrize("count", [1, 9, 12])
def test_end_frames_have_the_bits_of_the_plain_way(
    count: int, padding: int, short_rows: list[Row]
) -> None:
    rows = short_rows[:count]
    num_samples = max(row.num_samples for row in rows) + padding
    plan, _ = plan_batch(rows, num_samples)
    contract = rows[0].split.contract
    half, hop = contract.n_fft // 2, contract.hop_length
    frames = []
    for at, frame in zip(plan.end_rows, plan.end_frames, strict=True):
        end = rows[at].num_samples
        tail = rows[at].tail_samples[-end:]
        clip = np.zeros(num_samples)
        clip[end - len(tail) : end] = tail
        reflected = np.pad(clip, half, mode="reflect")
        frames.append(reflected[hop * frame : hop * frame + contract.n_fft])
    # A row of 201 samples alone has none.
    windowed = np.reshape(frames, (-1, contract.n_fft)) * mel.window(contract)
    power = np.abs(np.fft.rfft(windowed)) ** 2
    mel_power = power @ mel.filter_bank(contract)
    log10 = np.log10(np.maximum(mel_power, contract.power_floor))
    floors = plan.floors[plan.end_rows, None]
    expected = np.maximum(contract.normalised(log10), floors)
    np.testing.assert_array_equal(plan.ends, expected.astype(np.float32))


@pytest.mark.parametrize("feature_type", ["f16", "bf16"])
def test_every_number_of_16_bits_is_widened_exactly(feature_type: str) -> None:
    bits = np.arange(1 << 16, dtype=np.uint16).reshape(-1, 128)
    expected = (bits.astype(np.uint32) << 16).view(np.float32)
    if feature_type == "f16":
        bits = bits.view(np.float16)
        with np.errstate(invalid="ignore"):  # some are no numbers
            expected = bits.astype(np.float32)
    widened = np.empty(bits.shape, np.float32)
    widen(bits, feature_type, widened)
    np.testing.assert_array_equal(
        widened.view(np.uint32), expected.view(np.uint32)
    )


def test_a_row_that_is_too_long_is_named(split: melmill.Split) -> None:
    rows = list(split[:2])
    longest = max(rows, key=lambda row: row.num_samples)
    with pytest.raises(ValueError, match=rf"row {longest.index} of split a"):
        batch_features(rows, num_samples=longest.num_samples - 1)


def test_rows_of_different_contracts_are_no_batch(
    clips: list[FloatArray], tmp_path: Path
) -> None:
    stores = []
    for preset in ("qwen3-asr", "whisper"):
        folder = tmp_path / preset
        folder.mkdir()
        stores.append(make_store(clips[:1], folder, "--preset", preset))
    with pytest.raises(melmill.ContractError, match="n_mels: 128 and 80"):
        batch_features([stores[0][0], stores[1][0]])


@pytest.mark.transformers
@pytest.mark.parametrize(
    ("preset", "n_mels"), [("qwen3-asr", 128), ("whisper", 80)]
)
def test_mel_filters_are_those_of_the_extractor(
    preset: str, n_mels: int, clips: list[FloatArray], tmp_path: Path
) -> None:
    split = make_store(clips[:1], tmp_path, "--preset", preset)
    expected = WhisperFeatureExtractor(feature_size=n_mels).mel_filters
    actual = mel.filter_bank(split.contract)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12)
