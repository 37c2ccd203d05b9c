"""Features of resampled speech: against the references, and each other's.

Most tests take a few recordings of each rate; all of the quickstart's, which is
hours of audio and takes minutes, when MELMILL_ALL_SPEECH is set. What README
promises is tested with a quarter of them in any case.
"""

import dataclasses
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import reference
import soundfile
from resamplers.resample import soxr_float64
from resamplers.signals import RATES
from support import (
    FloatArray,
    RecordProperty,
    Row,
    extract,
    manifest_row,
    write_manifest,
    write_wav,
)
from test_parity import (
    MAX_FEATURE_DIFFERENCE,
    MAX_FEATURE_DIFFERENCE_AT_16_KHZ,
    MAX_UNUSUAL_DIFFERENCE,
    make_channel,
    read_speech,
)

ALL_SPEECH = bool(os.environ.get("MELMILL_ALL_SPEECH"))
# Of the cells of all speech at PROMISED_RATES, this share may differ by more
# than MAX_FEATURE_DIFFERENCE. Of a few recordings one cell is more than that.
MAX_UNUSUAL = 1e-7
MAX_DIFFERENCE = MAX_UNUSUAL_DIFFERENCE if ALL_SPEECH else 2e-4
USUAL_DIFFERENCE = 1e-4

PROMISED_RATES = [8000, 16000, 48000]
CLIPS_AT_A_TIME = 256

at_every_rate = pytest.mark.parametrize("rate", RATES)


@pytest.fixture(scope="module")
def speech(corpus: list[dict[str, str]]) -> list[FloatArray]:
    if not ALL_SPEECH:
        return read_speech(corpus, 16)
    return [soundfile.read(row["audio"], dtype="float32")[0] for row in corpus]


@pytest.fixture
def manifest(rate: int, speech: list[FloatArray], tmp_path: Path) -> Path:
    """Of float32 files at this rate."""
    paths = [
        write_wav(
            tmp_path / f"{clip}.wav",
            make_channel(samples, rate, clip),
            rate,
            subtype="FLOAT",
        )
        for clip, samples in enumerate(speech)
    ]
    return write_manifest(tmp_path / "m.jsonl", map(manifest_row, paths))


def rows_by(
    resampler: str, dtype: str, manifest: Path, tmp_path: Path
) -> Iterator[Row]:
    options = ("--resampler", resampler, "--dtype", dtype)
    rows = extract(tmp_path / f"{resampler}-{dtype}", manifest, *options).rows()
    assert len(rows) == len(manifest.read_text().splitlines())
    return iter(rows)


@at_every_rate
def test_features_of_resampled_speech_equal_the_extractors(
    rate: int, manifest: Path, tmp_path: Path, record_property: RecordProperty
) -> None:
    num_cells = num_unusual = 0
    largest = 0.0
    for row in rows_by("spectral", "f32", manifest, tmp_path):
        expected = reference.single(reference.load(row.audio))
        difference = np.abs(row.single - expected)
        largest = max(largest, float(difference.max()))
        num_unusual += int((difference > USUAL_DIFFERENCE).sum())
        num_cells += difference.size
    record_property("max feature difference", largest)
    record_property("cells beyond 1e-4", num_unusual / num_cells)
    assert largest <= MAX_DIFFERENCE


@at_every_rate
def test_float16_features_differ_by_little_between_resamplers(
    rate: int, manifest: Path, tmp_path: Path, record_property: RecordProperty
) -> None:
    largest = 0.0
    for ours, soxrs in zip(
        rows_by("spectral", "f16", manifest, tmp_path),
        rows_by("soxr", "f16", manifest, tmp_path),
        strict=True,
    ):
        assert ours.num_samples == soxrs.num_samples
        one, other = ours.features, soxrs.features
        assert one.dtype == other.dtype == np.dtype("<f2")
        last_place = np.spacing(np.maximum(np.abs(one), np.abs(other)))
        difference = np.abs(one.astype(float) - other)
        largest = max(largest, float((difference - last_place).max()))
    record_property("max difference beyond the last place", largest)
    assert largest <= MAX_DIFFERENCE


@dataclasses.dataclass
class Differences:
    """Of two sets of features, of any number of clips."""

    largest: float = 0.0
    num_cells: int = 0
    num_unusual: int = 0  # beyond USUAL_DIFFERENCE
    num_beyond: int = 0  # beyond MAX_FEATURE_DIFFERENCE

    def add(self, one: FloatArray, other: FloatArray) -> None:
        difference = np.abs(one - other)
        self.largest = max(self.largest, float(difference.max()))
        self.num_cells += difference.size
        self.num_unusual += int((difference > USUAL_DIFFERENCE).sum())
        self.num_beyond += int((difference > MAX_FEATURE_DIFFERENCE).sum())


def exact_features(samples: FloatArray, rate: int, length: int) -> FloatArray:
    """Of libsoxr's recipe in double precision; `length` is librosa's."""
    if rate == reference.RATE:
        return reference.single(samples)
    made = soxr_float64(samples, rate)[:length]
    padded = np.pad(made, (0, length - len(made)))
    return reference.single(padded.astype(np.float32))


def convert(
    rows: list[dict[str, str]], rate: int, folder: Path
) -> dict[str, FloatArray]:
    """Files of these recordings at this rate; their samples, by path."""
    folder.mkdir()
    clips: dict[str, FloatArray] = {}
    for number, row in enumerate(rows):
        speech = soundfile.read(row["audio"], dtype="float32")[0]
        samples = speech
        if rate != 8000:
            samples = make_channel(speech, rate, seed=0)  # without noise
        path = write_wav(folder / f"{number}.wav", samples, rate, "FLOAT")
        clips[str(path)] = samples
    return clips


def test_speech_keeps_the_promise_by_default(
    corpus: list[dict[str, str]],
    tmp_path: Path,
    record_property: RecordProperty,
) -> None:
    promised = corpus if ALL_SPEECH else corpus[::4]
    num_cells = num_beyond = 0
    for rate in PROMISED_RATES:
        to_librosa, to_exact, librosa_to_exact = (
            Differences() for _ in range(3)
        )
        for first in range(0, len(promised), CLIPS_AT_A_TIME):
            folder = tmp_path / str(first)
            recordings = promised[first : first + CLIPS_AT_A_TIME]
            clips = convert(recordings, rate, folder)
            manifest = folder / "m.jsonl"
            write_manifest(manifest, map(manifest_row, clips))
            rows = extract(folder / "store", manifest, "--dtype", "f32").rows()
            assert [row.audio for row in rows] == list(clips)
            for row in rows:
                samples = reference.load(row.audio)
                librosas = reference.single(samples)
                exact = exact_features(clips[row.audio], rate, len(samples))
                to_librosa.add(row.single, librosas)
                to_exact.add(row.single, exact)
                librosa_to_exact.add(librosas, exact)
            shutil.rmtree(folder)
        for name, found in (
            ("to librosa's", to_librosa),
            ("to exact", to_exact),
            ("of librosa's to exact", librosa_to_exact),
        ):
            of = f"{name}, {rate} Hz"
            record_property(f"max difference {of}", found.largest)
            record_property(f"beyond 1e-4 {of}", float(found.num_unusual))
            record_property(f"beyond 2e-4 {of}", float(found.num_beyond))
        assert to_librosa.num_cells > (90e6 if ALL_SPEECH else 22e6)
        if rate == reference.RATE:
            assert to_librosa.largest <= MAX_FEATURE_DIFFERENCE_AT_16_KHZ
        assert to_librosa.largest <= MAX_UNUSUAL_DIFFERENCE
        # Librosa's features differ by more from the exact ones.
        assert to_exact.largest <= MAX_FEATURE_DIFFERENCE
        assert to_exact.largest <= max(
            librosa_to_exact.largest, USUAL_DIFFERENCE
        )
        num_cells += to_librosa.num_cells
        num_beyond += to_librosa.num_beyond
    assert num_beyond <= MAX_UNUSUAL * num_cells
