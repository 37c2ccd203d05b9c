"""An extractor that reads from a store is otherwise what it was."""

import copy
import dataclasses
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import librosa
import melmill
import numpy as np
import pytest
from datasets.fingerprint import Hasher
from melmill._models.audio_loaders import original_load
from melmill._models.extractor_settings import check_contract
from melmill._models.stored_audio import StoredAudio
from melmill.qwen3_asr import use_store
from support import REPOSITORY, noise
from training_corpus import Corpus, feature_tolerance
from transformers import ClapFeatureExtractor, WhisperFeatureExtractor

pytest_plugins = ["training_fixtures"]
pytestmark = pytest.mark.transformers

CallOptions = dict[str, Any]


@pytest.fixture
def store(store_of: Callable[..., Path]) -> melmill.Store:
    return melmill.open(store_of("f32"))


@pytest.fixture
def plain() -> Any:
    return WhisperFeatureExtractor(feature_size=128)


@pytest.fixture
def bound(store: melmill.Store) -> Any:
    extractor = WhisperFeatureExtractor(feature_size=128)
    use_store(extractor, store)
    return extractor


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("feature_size", 80),
        ("sampling_rate", 16001),
        ("n_fft", 512),
        ("hop_length", 128),
        ("padding_value", 0.1),
        ("padding_side", "left"),
        ("dither", 1e-5),
    ],
)
def test_a_setting_that_differs_is_refused_by_name(
    setting: str, value: object, store: melmill.Store
) -> None:
    extractor = WhisperFeatureExtractor(**{"feature_size": 128, setting: value})
    with pytest.raises(
        melmill.ContractError, match=f"{setting}: {value!r} and"
    ):
        use_store(extractor, store)
    assert type(extractor) is WhisperFeatureExtractor


def test_all_settings_that_differ_are_named_at_once(
    store: melmill.Store,
) -> None:
    extractor = WhisperFeatureExtractor(80, dither=0.1, padding_side="left")
    with pytest.raises(melmill.ContractError) as raised:
        use_store(extractor, store)
    for setting in ("feature_size", "dither", "padding_side", "mel_filters"):
        assert f"{setting}: " in str(raised.value)
    assert "melmill extract --preset whisper" in str(raised.value)


def test_other_mel_filters_are_refused(
    plain: Any, store: melmill.Store
) -> None:
    plain.mel_filters = plain.mel_filters * 1.001
    with pytest.raises(melmill.ContractError, match="mel_filters: differ by"):
        use_store(plain, store)


@pytest.mark.parametrize(
    ("rule", "value"), [("power_floor", 1e-8), ("dynamic_range_log10", 6.0)]
)
def test_other_rules_of_the_store_are_refused(
    rule: str,
    value: float,
    plain: Any,
    store: melmill.Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changed: dict[str, Any] = {rule: value}
    other = dataclasses.replace(store.contract, **changed)
    monkeypatch.setattr(store, "contract", other)
    with pytest.raises(melmill.ContractError, match=f"{rule}: .* and {value}"):
        check_contract(plain, store)


def test_another_kind_of_extractor_is_refused(store: melmill.Store) -> None:
    with pytest.raises(melmill.ContractError, match="ClapFeatureExtractor"):
        use_store(ClapFeatureExtractor(), store)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"do_normalize": True}, "do_normalize: True"),
        ({"sampling_rate": 8000}, "sampling_rate: 8000"),
    ],
)
def test_a_call_that_asks_for_other_features_is_refused(
    options: CallOptions, named: str, bound: Any, training_corpus: Corpus
) -> None:
    audio = _stored(training_corpus.paths[0])
    with pytest.raises(melmill.ContractError, match=named):
        bound([audio], **{"sampling_rate": 16000, **options})


def test_a_setting_that_is_changed_later_is_refused(
    bound: Any, training_corpus: Corpus
) -> None:
    audio = _stored(training_corpus.paths[0])
    bound.dither = 1e-5
    with pytest.raises(melmill.ContractError, match="dither"):
        bound([audio], sampling_rate=16000)


def test_missing_must_be_one_of_the_two_words(
    plain: Any, store: melmill.Store
) -> None:
    missing: Any = "ignore"
    with pytest.raises(ValueError, match="ignore"):
        use_store(plain, store, missing=missing)


CALLS: list[CallOptions] = [
    {"padding": True, "truncation": False, "return_attention_mask": True},
    {"padding": "longest", "return_tensors": "pt"},
    {"padding": "longest", "pad_to_multiple_of": 1000, "return_tensors": "np"},
    {"padding": "longest", "max_length": 30000, "return_attention_mask": True},
    {"return_attention_mask": True, "return_tensors": "pt"},
    {"max_length": 40000, "pad_to_multiple_of": 320},
    {"max_length": 24001, "return_attention_mask": True},
    {"max_length": 32000, "return_token_timestamps": True},
]


@pytest.mark.parametrize("options", CALLS)
def test_a_call_gives_what_it_gives_for_samples(
    options: CallOptions, plain: Any, bound: Any, training_corpus: Corpus
) -> None:
    paths = training_corpus.paths[4:12]
    options = {"sampling_rate": 16000, **options}
    expected = plain([_samples(path) for path in paths], **options)
    audios = [_stored(path) for path in paths]
    _assert_same(bound(audios, **options), expected)


@pytest.mark.parametrize("return_attention_mask", [None, False, True])
def test_an_extractor_that_masks_on_its_own_does_so(
    return_attention_mask: bool | None,
    store: melmill.Store,
    training_corpus: Corpus,
) -> None:
    paths = training_corpus.paths[4:8]
    extractor = WhisperFeatureExtractor(128, return_attention_mask=True)
    options: CallOptions = {
        "sampling_rate": 16000,
        "padding": True,
        "return_attention_mask": return_attention_mask,
    }
    expected = extractor([_samples(path) for path in paths], **options)
    use_store(extractor, store)
    audios = [_stored(path) for path in paths]
    _assert_same(extractor(audios, **options), expected)


def test_no_padding_needs_clips_of_one_length(
    plain: Any, bound: Any, training_corpus: Corpus
) -> None:
    options: CallOptions = {"sampling_rate": 16000, "padding": False}
    equal = training_corpus.paths[:4]
    expected = plain([_samples(path) for path in equal], **options)
    audios = [_stored(path) for path in equal]
    _assert_same(bound(audios, **options), expected)
    audios.append(_stored(training_corpus.paths[5]))
    with pytest.raises(ValueError, match="different lengths"):
        bound(audios, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"max_length": 24000 - 1},
        {"max_length": 24000 - 1, "truncation": False},
        {"max_length": 24000 - 1, "padding": "longest"},
    ],
)
def test_a_clip_that_would_be_cut_is_named(
    options: CallOptions, bound: Any, training_corpus: Corpus
) -> None:
    audio = _stored(training_corpus.paths[0])
    with pytest.raises(melmill.ContractError, match="row 0 of split train"):
        bound([audio], sampling_rate=16000, **options)


@pytest.mark.parametrize("num_arrays", [1, 3])
def test_samples_and_stored_clips_make_one_batch(
    num_arrays: int, plain: Any, bound: Any, training_corpus: Corpus
) -> None:
    paths = training_corpus.paths[8:12]
    options: CallOptions = {
        "sampling_rate": 16000,
        "padding": True,
        "return_attention_mask": True,
        "return_tensors": "pt",
    }
    samples = [_samples(path) for path in paths]
    expected = plain(samples, **options)
    audios: list[Any] = list(samples)
    for place in range(num_arrays, 4):
        audios[place] = _stored(paths[place])
    _assert_same(bound(audios, **options), expected)


@pytest.mark.filterwarnings("ignore:WhisperFeatureExtractor computes feat")
@pytest.mark.parametrize(
    "speech",
    [
        noise(5000),
        [noise(5000), noise(4000)],
        np.stack([noise(5000), noise(5000, seed=1)]),
        noise(5000).tolist(),
    ],
)
@pytest.mark.parametrize(
    "options", [{}, {"padding": True, "do_normalize": True}]
)
def test_samples_alone_pass_through_untouched(
    speech: Any, options: CallOptions, plain: Any, bound: Any
) -> None:
    options = {"sampling_rate": 16000, **options}
    expected, actual = plain(speech, **options), bound(speech, **options)
    assert list(actual) == list(expected)
    for name, wanted in expected.items():
        np.testing.assert_array_equal(actual[name], wanted)


def test_a_patched_extractor_saves_what_it_saved_before(
    plain: Any, store: melmill.Store, tmp_path: Path
) -> None:
    plain.save_pretrained(tmp_path / "before")
    use_store(plain, store)
    plain.save_pretrained(tmp_path / "after")
    before, after = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("before", "after")
    )
    assert before == after
    assert "preprocessor_config.json" in before


def test_a_patched_extractor_looks_as_before(plain: Any, bound: Any) -> None:
    assert isinstance(bound, WhisperFeatureExtractor)
    assert type(bound).__name__ == type(plain).__name__
    assert repr(bound) == repr(plain)
    assert bound.to_dict() == plain.to_dict()


def test_a_store_given_later_takes_the_place_of_the_first(
    bound: Any, store_of: Callable[..., Path], training_corpus: Corpus
) -> None:
    use_store(bound, store_of("f16"))
    audio = _stored(training_corpus.paths[0])
    assert audio.row.split.contract.feature_type == "f16"
    bound([audio], sampling_rate=16000)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_reads_from_the_same_store(
    copied: Callable[[Any], Any], bound: Any, training_corpus: Corpus
) -> None:
    audio = _stored(training_corpus.paths[0])
    expected = bound(audio, sampling_rate=16000)
    _assert_same(copied(bound)(audio, sampling_rate=16000), expected)


def test_an_extractor_that_is_unpickled_is_served(
    store: melmill.Store, training_corpus: Corpus
) -> None:
    extractor = WhisperFeatureExtractor(feature_size=128)
    use_store(extractor, store)
    pickled = pickle.dumps(extractor)
    del extractor
    served = pickle.loads(pickled)
    audio = _stored(training_corpus.paths[0])
    assert isinstance(audio, StoredAudio)
    served(audio, sampling_rate=16000)


def test_it_pickles_to_the_same_bytes(bound: Any, store: melmill.Store) -> None:
    pickled = pickle.dumps(bound)
    assert pickle.dumps(bound) == pickled
    assert pickle.dumps(pickle.loads(pickled)) == pickled


HASH_OF_EXTRACTOR = """
import sys
from datasets.fingerprint import Hasher
from melmill.whisper import use_store
from transformers import WhisperFeatureExtractor
extractor = WhisperFeatureExtractor(feature_size=128)
use_store(extractor, sys.argv[1])
print(Hasher.hash(extractor))
"""


def test_datasets_knows_a_patched_extractor_again_in_another_process(
    bound: Any, plain: Any, store_of: Callable[..., Path]
) -> None:
    run = subprocess.run(
        [sys.executable, "-c", HASH_OF_EXTRACTOR, store_of("f32")],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "python")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split()[-1] == Hasher.hash(bound)
    assert Hasher.hash(bound) != Hasher.hash(plain)


def _stored(path: str) -> Any:
    return librosa.load(path, sr=16000)[0]


def _samples(path: str) -> Any:
    return original_load()(path, sr=16000)[0]


def _assert_same(actual: Any, expected: Any) -> None:
    assert list(actual) == list(expected)
    for name, wanted in expected.items():
        value = actual[name]
        assert type(value) is type(wanted)
        if name == "input_features":
            assert (value.shape, value.dtype) == (wanted.shape, wanted.dtype)
            difference = np.abs(np.asarray(value) - np.asarray(wanted))
            allowed = feature_tolerance(np.asarray(wanted), "f32")
            assert (difference <= allowed).all(), difference.max()
        else:
            np.testing.assert_array_equal(
                value, wanted, strict=name != "num_frames"
            )
