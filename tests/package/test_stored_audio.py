"""librosa.load gives stand-ins for the clips of a store, and only for them."""

import gc
import io
import math
import operator
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import librosa
import melmill
import numpy as np
import pytest
import soundfile
import torch
from melmill import whisper
from melmill._models.stored_audio import StoredAudio
from support import extract, manifest_row, write_manifest
from training_corpus import Corpus, num_samples
from transformers import WhisperFeatureExtractor

pytest_plugins = ["training_fixtures"]
pytestmark = pytest.mark.transformers

LoadOptions = dict[str, Any]


def _load(path: Any, **options: Any) -> Any:
    """What librosa.load gives, whatever that is."""
    audio, _ = librosa.load(path, **options)
    return audio


@pytest.fixture
def extractor(store_of: Callable[..., Path]) -> Any:
    """One whose store is served for as long as the test runs."""
    extractor = WhisperFeatureExtractor(feature_size=128)
    whisper.use_store(extractor, store_of("f32"))
    return extractor


@pytest.mark.usefixtures("extractor")
@pytest.mark.parametrize(
    "options",
    [
        {"sr": 16000},
        {"sr": 16000.0, "mono": True},
        {"sr": np.int64(16000), "offset": 0, "duration": None},
        {"sr": 16000, "dtype": np.float32, "res_type": "soxr_hq"},
        {"sr": 16000, "dtype": "float32"},
    ],
)
def test_every_spelling_of_the_stores_samples_is_served(
    options: LoadOptions, training_corpus: Corpus
) -> None:
    audio, rate_hz = librosa.load(training_corpus.paths[0], **options)
    assert isinstance(audio, StoredAudio)
    assert rate_hz == 16000


@pytest.mark.usefixtures("extractor")
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sr": None},
        {"sr": 8000},
        {"sr": 16000, "mono": False},
        {"sr": 16000, "offset": 0.1},
        {"sr": 16000, "duration": 0.5},
        {"sr": 16000, "dtype": np.float64},
        {"sr": 16000, "res_type": "polyphase"},
    ],
)
def test_other_samples_are_loaded(
    options: LoadOptions, training_corpus: Corpus
) -> None:
    samples = _load(training_corpus.paths[0], **options)
    assert isinstance(samples, np.ndarray)
    assert len(samples)


@pytest.mark.usefixtures("extractor")
def test_open_files_are_loaded(training_corpus: Corpus) -> None:
    with Path(training_corpus.paths[0]).open("rb") as file:
        samples = _load(file, sr=16000)
    assert isinstance(samples, np.ndarray)


@pytest.mark.usefixtures("extractor")
@pytest.mark.parametrize("kind", [str, Path, os.fsencode])
def test_paths_of_every_kind_are_served(
    kind: Callable[[str], Any], training_corpus: Corpus
) -> None:
    audio = _load(kind(training_corpus.paths[0]), sr=16000)
    assert isinstance(audio, StoredAudio)


def test_audio_at_a_url_is_served_by_the_url(
    tmp_path: Path, training_corpus: Corpus
) -> None:
    url = "s3://bucket/a.wav"
    row = manifest_row(url) | {"audio_path": training_corpus.paths[0]}
    manifest = write_manifest(tmp_path / "a.jsonl", [row])
    extractor = WhisperFeatureExtractor(feature_size=128)
    extract(tmp_path / "store", manifest)
    whisper.use_store(extractor, tmp_path / "store")
    audio = _load(url, sr=16000)
    assert isinstance(audio, StoredAudio)
    assert audio.row.audio == url
    assert extractor(audio, sampling_rate=16000)
    with pytest.raises(melmill.MissingAudioError, match=r"no\.wav: not in"):
        _load("s3://bucket/no.wav", sr=16000)


@pytest.mark.usefixtures("extractor")
def test_a_stand_in_has_the_length_of_the_samples(
    training_corpus: Corpus,
) -> None:
    for path in training_corpus.paths:
        audio = _load(path, sr=16000)
        assert len(audio) == num_samples(path)
        assert audio.shape == (len(audio),)
        assert audio.ndim == 1
        assert audio.size == np.size(audio) == len(audio)
        assert np.shape(audio) == (len(audio),)
        assert audio.dtype == np.float32


BINARY = [
    *(operator.add, operator.sub, operator.mul, operator.truediv),
    *(operator.floordiv, operator.mod, operator.pow, operator.matmul),
    *(operator.lt, operator.le, operator.gt, operator.ge, operator.eq),
    *(operator.ne, operator.and_, operator.or_, operator.xor, divmod),
    *(operator.lshift, operator.rshift, operator.iadd, operator.imul),
]
USES: list[Callable[[Any], Any]] = [
    *(operator.neg, operator.pos, operator.abs, operator.invert, round),
    *(bool, int, float, complex, bytes, list, sum, max, sorted, iter),
    *(math.floor, math.ceil, math.trunc),
    lambda audio: 0.5 in audio,
    lambda audio: list(reversed(audio)),
    lambda audio: audio[0],
    lambda audio: audio[:100],
    lambda audio: audio[::-1],
    lambda audio: audio[np.arange(3)],
    lambda audio: operator.setitem(audio, 0, 1),
    lambda audio: operator.delitem(audio, 0),
    lambda audio: audio.astype(np.float64),
    lambda audio: audio.max(),
    lambda audio: audio.T,
    lambda audio: audio.copy(),
    lambda audio: audio.tolist(),
    lambda audio: audio.unsqueeze(0),
    *(np.asarray, np.array, np.mean, np.abs, np.isfinite, np.fft.rfft),
    lambda audio: np.array(audio, np.float32, copy=True),
    lambda audio: np.asarray([audio]),
    lambda audio: np.concatenate([audio, np.zeros(3)]),
    lambda audio: np.pad(audio, 3),
    lambda audio: np.where(np.ones(3), audio, 0),
    lambda audio: np.add.reduce(audio),
    lambda audio: np.add(np.zeros(3), 1, out=audio),
    lambda audio: librosa.resample(audio, orig_sr=16000, target_sr=8000),
    lambda audio: librosa.feature.melspectrogram(y=audio, sr=16000),
    lambda audio: librosa.effects.trim(audio),
    lambda audio: librosa.stft(audio),
    lambda audio: librosa.to_mono(audio),
    lambda audio: librosa.util.normalize(audio),
    lambda audio: soundfile.write(io.BytesIO(), audio, 16000, format="WAV"),
]


@pytest.mark.usefixtures("extractor")
@pytest.mark.parametrize("use", USES)
def test_a_stand_in_says_that_it_has_no_samples(
    use: Callable[[Any], Any], training_corpus: Corpus
) -> None:
    audio = _load(training_corpus.paths[0], sr=16000)
    _assert_refused(use, audio)


@pytest.mark.usefixtures("extractor")
@pytest.mark.parametrize("other", [2, 0.5, np.float32(0.5), np.zeros(24000)])
@pytest.mark.parametrize("use", BINARY)
def test_a_stand_in_says_so_beside_numbers_and_arrays(
    use: Callable[[Any, Any], Any], other: Any, training_corpus: Corpus
) -> None:
    audio = _load(training_corpus.paths[0], sr=16000)
    _assert_refused(lambda audio: use(audio, other), audio)
    _assert_refused(lambda audio: use(other, audio), audio)


def _assert_refused(use: Callable[[Any], Any], audio: Any) -> None:
    with pytest.raises(
        melmill.MissingSamplesError, match="the samples are not stored"
    ) as raised:
        use(audio)
    assert audio.row.audio in str(raised.value)
    assert isinstance(raised.value, TypeError)


@pytest.mark.usefixtures("extractor")
def test_a_stand_in_is_no_array(training_corpus: Corpus) -> None:
    audio = _load(training_corpus.paths[0], sr=16000)
    assert not isinstance(audio, np.ndarray)
    for name in ("astype", "numpy", "__array_interface__", "_repr_html_"):
        assert not hasattr(audio, name)
    assert audio in [audio]
    assert audio != "a"
    assert audio is not None
    with pytest.raises(TypeError, match=r"expected np\.ndarray"):
        torch.from_numpy(audio)
    with pytest.raises(ValueError, match="could not determine the shape"):
        torch.tensor(audio)


@pytest.mark.usefixtures("extractor")
def test_functions_of_librosa_take_samples_as_before() -> None:
    assert librosa.util.valid_audio(np.zeros(9, np.float32))
    with pytest.raises(librosa.ParameterError, match="finite"):
        librosa.util.valid_audio(np.full(9, np.nan, np.float32))
    samples = np.zeros(1600, np.float32)
    assert len(librosa.resample(samples, orig_sr=16000, target_sr=8000)) == 800


@pytest.mark.usefixtures("extractor")
def test_a_stand_in_can_be_pickled(training_corpus: Corpus) -> None:
    audio = _load(training_corpus.paths[0], sr=16000)
    copied = pickle.loads(pickle.dumps(audio))
    assert copied.row == audio.row


@pytest.mark.usefixtures("extractor")
def test_a_path_outside_the_store_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(melmill.MissingAudioError) as raised:
        librosa.load(tmp_path / "other.wav", sr=16000)
    assert str(tmp_path / "other.wav") in str(raised.value)
    assert 'missing="compute"' in str(raised.value)


def test_serving_ends_with_the_extractor(
    training_corpus: Corpus, store_of: Callable[..., Path]
) -> None:
    extractor = WhisperFeatureExtractor(feature_size=128)
    whisper.use_store(extractor, store_of("f32"))
    del extractor
    gc.collect()
    samples = _load(training_corpus.paths[0], sr=16000)
    assert isinstance(samples, np.ndarray)


def test_each_extractor_takes_the_features_of_its_own_store(
    training_corpus: Corpus, store_of: Callable[..., Path]
) -> None:
    large = WhisperFeatureExtractor(feature_size=128)
    small = WhisperFeatureExtractor(feature_size=80)
    whisper.use_store(large, store_of("f32"))
    whisper.use_store(small, store_of("f32", preset="whisper"))
    audio = _load(training_corpus.paths[1], sr=16000)
    shapes = [
        extractor(audio, sampling_rate=16000)["input_features"].shape
        for extractor in (large, small)
    ]
    assert shapes == [(1, 128, 3000), (1, 80, 3000)]


def test_a_store_that_moved_serves_the_new_paths(
    training_corpus: Corpus, store_of: Callable[..., Path]
) -> None:
    old = str(training_corpus.folder)
    store = melmill.open(store_of("f32"), path_map={old: "/new"})
    extractor = WhisperFeatureExtractor(feature_size=128)
    whisper.use_store(extractor, store)
    audio = _load("/new/00.wav", sr=16000)
    assert audio.row.audio == training_corpus.paths[0]


def test_a_path_is_served_in_every_spelling(
    extractor: Any, training_corpus: Corpus, store_of: Callable[..., Path]
) -> None:
    folder, name = os.path.split(training_corpus.paths[1])
    small = WhisperFeatureExtractor(feature_size=80)
    whisper.use_store(small, store_of("f32", preset="whisper"))
    for path in (f"{folder}/./{name}", f"{folder}//{name}"):
        audio = _load(path, sr=16000)
        assert isinstance(audio, StoredAudio)
        assert audio.row.index == 1
        for served in (extractor, small):
            served(audio, sampling_rate=16000)


def test_a_string_of_one_store_wins_over_spellings_in_another(
    extractor: Any, training_corpus: Corpus, tmp_path: Path
) -> None:
    odd = training_corpus.paths[0].replace("/00.wav", "/./00.wav")
    manifest = write_manifest(tmp_path / "odd.jsonl", [manifest_row(odd)])
    extract(tmp_path / "store", manifest)
    other = WhisperFeatureExtractor(feature_size=128)
    whisper.use_store(other, tmp_path / "store")
    assert _load(odd, sr=16000).row.audio == odd
    first = training_corpus.paths[0]
    assert _load(first, sr=16000).row.audio == first


def test_a_load_function_of_somebody_elses_is_kept(
    extractor: Any,
    training_corpus: Corpus,
    store_of: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def load(path: str, **options: Any) -> tuple[str, dict[str, Any]]:
        return path, options

    monkeypatch.setattr(librosa, "load", load)
    whisper.use_store(extractor, store_of("f32"))
    assert _load("a.wav", sr=8000) == "a.wav"
    assert isinstance(_load(training_corpus.paths[0], sr=16000), StoredAudio)
