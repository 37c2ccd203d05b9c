"""Stored numbers against librosa.load and WhisperFeatureExtractor."""

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import reference
import soundfile
import soxr
from support import (
    FloatArray,
    RecordProperty,
    Row,
    Store,
    extract,
    manifest_row,
    max_difference,
    noise,
    spread,
    write_manifest,
    write_wav,
)

CLIPS_PER_CASE = 60
MAX_SAMPLE_DIFFERENCE = 2e-6
MAX_FEATURE_DIFFERENCE = 2e-4
MAX_FEATURE_DIFFERENCE_AT_16_KHZ = 1e-4
# Of speech at 8 kHz a share of MAX_UNUSUAL_AT_8_KHZ may differ by more than
# MAX_FEATURE_DIFFERENCE, and nothing by more than this.
MAX_UNUSUAL_DIFFERENCE = 5e-4
MAX_UNUSUAL_AT_8_KHZ = 2e-7

SUBTYPES = [
    "PCM_U8",
    "PCM_16",
    "PCM_24",
    "PCM_32",
    "FLOAT",
    "DOUBLE",
    "ULAW",
    "ALAW",
]
# libsndfile's container and byte order: RIFF, EXTENSIBLE, RF64, RIFX.
CONTAINERS = [
    ("WAV", "FILE"),
    ("WAVEX", "FILE"),
    ("RF64", "FILE"),
    ("WAV", "BIG"),
]
FORMATS = list(itertools.product(SUBTYPES, CONTAINERS))


@dataclasses.dataclass(frozen=True)
class Case:
    """A sort of files; they take turns through all of FORMATS."""

    rate: int
    num_channels: int

    def __str__(self) -> str:
        return f"{self.rate}Hz-{self.num_channels}ch"


RATES = [8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000]
CASES = [
    *(Case(rate, channels) for rate in RATES for channels in (1, 2)),
    Case(48000, 6),
]


def read_speech(corpus: list[dict[str, str]], count: int) -> list[FloatArray]:
    """Whole recordings of 0.5 to 4 s at 8 kHz, of all languages."""
    lengths = [soundfile.info(row["audio"]).frames for row in corpus]
    short = [
        row["audio"]
        for row, length in zip(corpus, lengths, strict=True)
        if 4000 <= length <= 32000
    ]
    return [
        soundfile.read(path, dtype="float32")[0]
        for path in spread(short, count)
    ]


def make_channel(speech: FloatArray, rate: int, seed: int) -> FloatArray:
    """Speech at another rate; for odd seeds with noise over the whole band."""
    samples: FloatArray = soxr.resample(speech, 8000, rate, quality="VHQ")
    if seed % 2:
        samples = samples + noise(len(samples), seed, level=3e-3)
    return samples.clip(-1, 1)


def make_files(
    folder: Path, case: Case, speech: list[FloatArray]
) -> list[Path]:
    paths = []
    for clip in range(len(speech)):
        voices = [
            make_channel(
                speech[(clip + 7 * c) % len(speech)], case.rate, clip + c
            )
            for c in range(case.num_channels)
        ]
        # The length of the first; an arbitrary one at every rate.
        length = len(voices[0]) - clip
        channels = [np.resize(voice, length) for voice in voices]
        subtype, (container, endian) = FORMATS[clip % len(FORMATS)]
        paths.append(
            write_wav(
                folder / f"{case}-{clip:02}.wav",
                np.stack(channels, axis=1),
                case.rate,
                subtype,
                container,
                endian,
            )
        )
    return paths


@pytest.fixture(scope="session")
def rows_by_case(
    corpus: list[dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> dict[Case, list[Row]]:
    """Float32 rows of 60 files of each case, out of one store."""
    folder = tmp_path_factory.mktemp("cases")
    speech = read_speech(corpus, CLIPS_PER_CASE)
    manifests = []
    for case in CASES:
        paths = make_files(folder, case, speech)
        manifest = folder / f"{case}.jsonl"
        manifests.append(write_manifest(manifest, map(manifest_row, paths)))
    store = extract(folder / "store", *manifests, "--dtype", "f32")
    return {case: store.rows(str(case)) for case in CASES}


@pytest.fixture(scope="session")
def corpus_f32(
    quickstart_manifests: Path, tmp_path_factory: pytest.TempPathFactory
) -> Store:
    return extract_corpus(quickstart_manifests, tmp_path_factory, "f32")


def extract_corpus(
    manifests: Path, folders: pytest.TempPathFactory, dtype: str
) -> Store:
    return extract(
        folders.mktemp("corpus") / dtype,
        manifests / "train.jsonl",
        manifests / "eval.jsonl",
        "--dtype",
        dtype,
    )


@pytest.mark.parametrize("case", CASES, ids=str)
def test_features_equal_the_extractors(
    case: Case,
    rows_by_case: dict[Case, list[Row]],
    record_property: RecordProperty,
) -> None:
    rows = rows_by_case[case]
    assert len(rows) == CLIPS_PER_CASE
    differences = [
        max_difference(row.single, reference.single(reference.load(row.audio)))
        for row in rows
    ]
    record_property("max feature difference", max(differences))
    limit = (
        MAX_FEATURE_DIFFERENCE_AT_16_KHZ
        if case.rate == 16000
        else MAX_FEATURE_DIFFERENCE
    )
    worst = rows[int(np.argmax(differences))]
    assert max(differences) <= limit, worst.audio


@pytest.mark.parametrize("case", CASES, ids=str)
def test_samples_equal_librosas(
    case: Case,
    rows_by_case: dict[Case, list[Row]],
    record_property: RecordProperty,
) -> None:
    differences = []
    for row in rows_by_case[case]:
        samples = reference.load(row.audio)
        assert row.num_samples == len(samples), row.audio
        differences.append(max_difference(row.tail_samples, samples[-400:]))
    record_property("max sample difference", max(differences))
    assert max(differences) <= MAX_SAMPLE_DIFFERENCE


def test_every_row_of_the_corpus_equals_the_extractors(
    corpus: list[dict[str, str]],
    corpus_f32: Store,
    record_property: RecordProperty,
) -> None:
    rows = corpus_f32.rows()
    assert [row.audio for row in rows] == [row["audio"] for row in corpus]
    assert [row.text for row in rows] == [row["text"] for row in corpus]
    worst_feature = worst_sample = 0.0
    num_unusual = num_cells = 0
    for row in rows:
        samples = reference.load(row.audio)
        assert row.num_samples == len(samples), row.audio
        differences = np.abs(row.single - reference.single(samples))
        feature = float(differences.max())
        assert feature <= MAX_UNUSUAL_DIFFERENCE, row.audio
        num_unusual += int((differences > MAX_FEATURE_DIFFERENCE).sum())
        num_cells += differences.size
        tail = np.pad(samples, (400, 0))[-400:]
        sample = max_difference(row.tail_samples, tail)
        assert sample <= MAX_SAMPLE_DIFFERENCE, row.audio
        worst_feature = max(worst_feature, feature)
        worst_sample = max(worst_sample, sample)
    record_property("max feature difference", worst_feature)
    record_property("max sample difference", worst_sample)
    record_property("cells beyond 2e-4", num_unusual / num_cells)
    assert num_unusual <= MAX_UNUSUAL_AT_8_KHZ * num_cells


def rounded_to_float16(values: FloatArray) -> FloatArray:
    return values.astype(np.float16).astype(np.float32)


def rounded_to_bfloat16(values: FloatArray) -> FloatArray:
    """To 8 significant bits, ties to even."""
    fraction, exponent = np.frexp(values)
    rounded: FloatArray = np.ldexp(np.rint(fraction * 256), exponent - 8)
    return rounded


def assert_same_bits(a: FloatArray, b: FloatArray, message: str) -> None:
    """Of float32 values; tells -0 from 0."""
    np.testing.assert_array_equal(
        a.view(np.uint32), b.view(np.uint32), err_msg=message
    )


@pytest.mark.parametrize(
    ("dtype", "shown_as", "rounded"),
    [
        ("f16", "<f2", rounded_to_float16),
        ("bf16", "<f4", rounded_to_bfloat16),
    ],
    ids=["f16", "bf16"],
)
def test_rows_of_shorter_types_are_the_rounded_float32_rows(
    dtype: str,
    shown_as: str,
    rounded: Callable[[FloatArray], FloatArray],
    corpus_f32: Store,
    quickstart_manifests: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    shorter = extract_corpus(quickstart_manifests, tmp_path_factory, dtype)
    rows = list(zip(corpus_f32.rows(), shorter.rows(), strict=True))
    assert len(rows) > 2000
    for single, row in rows:
        assert row.features.dtype == np.dtype(shown_as)
        assert single.features.dtype == np.dtype("<f4")
        features = row.features.astype(np.float32)
        assert_same_bits(features, rounded(single.features), row.audio)
        # The clamp of one utterance and rounding may be swapped, whether the
        # floor is rounded by itself or with the row.
        expected = rounded(single.single)
        floor = rounded(np.array([row.floor]))
        assert_same_bits(np.maximum(features, floor), expected, row.audio)
        assert_same_bits(rounded(row.single), expected, row.audio)
        assert row.num_samples == single.num_samples
        assert row.body_max == single.body_max
        assert row.floor == single.floor
        np.testing.assert_array_equal(row.tail_samples, single.tail_samples)


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_floats_beyond_full_scale_are_not_clipped(
    subtype: str, tmp_path: Path
) -> None:
    path = write_wav(
        tmp_path / "loud.wav", noise(16000) * 30, 16000, subtype=subtype
    )
    samples = reference.load(path)
    assert np.abs(samples).max() > 2
    manifest = write_manifest(tmp_path / "a.jsonl", [manifest_row(path)])
    (row,) = extract(tmp_path / "out", manifest, "--dtype", "f32").rows()
    np.testing.assert_array_equal(row.tail_samples, samples[-400:])
    difference = max_difference(row.single, reference.single(samples))
    assert difference <= MAX_FEATURE_DIFFERENCE_AT_16_KHZ


def test_whisper_preset_gives_80_mels(
    corpus: list[dict[str, str]], tmp_path: Path
) -> None:
    manifest = write_manifest(tmp_path / "a.jsonl", spread(corpus, 20))
    rows = extract(
        tmp_path / "out", manifest, "--dtype", "f32", "--preset", "whisper"
    ).rows()
    assert len(rows) == 20
    for row in rows:
        expected = reference.single(reference.load(row.audio), n_mels=80)
        assert expected.shape[1] == 80
        difference = max_difference(row.single, expected)
        assert difference <= MAX_FEATURE_DIFFERENCE, row.audio
