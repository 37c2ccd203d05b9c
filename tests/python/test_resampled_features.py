"""Features of resampled speech: against the references, and each other's.

Takes a few recordings of each rate; all of the quickstart's, which is hours of
audio and takes minutes, when MELMILL_ALL_SPEECH is set. Then single cells are
further apart than this allows, at 8 and 48 kHz for example: docs/numerics.md
says why.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import reference
import soundfile
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
from test_parity import make_channel, read_speech

ALL_SPEECH = bool(os.environ.get("MELMILL_ALL_SPEECH"))
MAX_DIFFERENCE = 2e-4
# More than this only in so many of all cells.
USUAL_DIFFERENCE = 1e-4
MAX_UNUSUAL = 1e-6

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
    # Of a few recordings, one cell is already a larger share.
    if ALL_SPEECH:
        assert num_unusual <= MAX_UNUSUAL * num_cells


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
