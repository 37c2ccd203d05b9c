"""transformers' load_audio gives stand-ins, as librosa.load does.

test_stored_audio.py has the tests of librosa.load.
"""

import gc
import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import melmill
import numpy as np
import pytest
import transformers.audio_utils
from melmill import whisper
from melmill._models import audio_loaders
from melmill._models.stored_audio import StoredAudio
from training_corpus import Corpus
from transformers import WhisperFeatureExtractor

pytest_plugins = ["training_fixtures"]
pytestmark = pytest.mark.transformers


@pytest.fixture
def extractor(store_of: Callable[..., Path]) -> Any:
    """One whose store is served for as long as the test runs."""
    extractor = WhisperFeatureExtractor(feature_size=128)
    whisper.use_store(extractor, store_of("f32"))
    return extractor


def load_audio(audio: Any, **options: Any) -> Any:
    return transformers.audio_utils.load_audio(audio, **options)


@pytest.mark.usefixtures("extractor")
def test_a_path_gives_a_stand_in(training_corpus: Corpus) -> None:
    audio = load_audio(training_corpus.paths[0])
    assert isinstance(audio, StoredAudio)
    assert load_audio(audio) is audio
    with pytest.raises(melmill.MissingAudioError, match=r"no\.wav: not in"):
        load_audio("no.wav", sampling_rate=16000)


@pytest.mark.usefixtures("extractor")
def test_other_audio_is_loaded_as_before(training_corpus: Corpus) -> None:
    samples = load_audio(training_corpus.paths[0], sampling_rate=8000)
    assert isinstance(samples, np.ndarray)
    assert load_audio(samples) is samples
    with pytest.raises(TypeError, match="Incorrect format"):
        load_audio(3)


def test_a_module_that_imported_it_by_name_is_served_too(
    training_corpus: Corpus,
    store_of: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script: Any = types.ModuleType("script")
    loader = transformers.audio_utils.load_audio
    script.load_audio = getattr(loader, audio_loaders._ORIGINAL, loader)
    monkeypatch.setitem(sys.modules, "script", script)
    extractor = WhisperFeatureExtractor(feature_size=128)
    whisper.use_store(extractor, store_of("f32"))
    assert isinstance(script.load_audio(training_corpus.paths[0]), StoredAudio)
    del extractor
    gc.collect()
    samples = script.load_audio(training_corpus.paths[0])
    assert isinstance(samples, np.ndarray)


@pytest.mark.usefixtures("extractor")
@pytest.mark.parametrize("is_installed", [False, True])
def test_torchcodec_resamples_in_another_way_and_that_is_said_once(
    is_installed: bool,
    training_corpus: Corpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(audio_loaders, "_warned", set())
    if is_installed:
        (tmp_path / "torchcodec.py").touch()
        monkeypatch.syspath_prepend(tmp_path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for path in training_corpus.paths[:2]:
            assert isinstance(load_audio(path), StoredAudio)
    assert len(caught) == is_installed
    for warning in caught:
        assert "torchcodec here, which resamples in another" in str(
            warning.message
        )
        assert warning.filename == __file__
