"""Qwen3-ASR of transformers itself trains from a store as it does from audio.

transformers has it since 5.13, with another feature extractor than the package
qwen-asr; the same store serves both.
"""

import dataclasses
import pickle
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import librosa
import melmill
import needs_native_qwen3_asr  # noqa: F401  # skips this module
import numpy as np
import pytest
import soundfile
import tiny_qwen3_asr
import torch
from melmill._models.audio_loaders import original_load
from melmill._models.qwen3_asr_batch import training_batch
from melmill.qwen3_asr import Collator, main, use_store
from qwen3_asr_training import examples_of
from support import RecordProperty, files_of
from training_corpus import (
    QUIET_ON_CPU,
    Corpus,
    feature_tolerance,
    max_difference,
)
from transformers import (
    AutoProcessor,
    Qwen3ASRFeatureExtractor,
    Qwen3ASRProcessor,
    TrainingArguments,
)
from transformers.audio_utils import load_audio
from upstream_training import CastingTrainer

pytest_plugins = ["training_fixtures"]
pytestmark = pytest.mark.transformers

NUM_STEPS = 20
CallOptions = dict[str, Any]


def samples_of(paths: Sequence[str]) -> list[Any]:
    return [original_load()(path, sr=16000)[0] for path in paths]


def stored(paths: Sequence[str]) -> list[Any]:
    return [librosa.load(path, sr=16000)[0] for path in paths]


def paths_of(rows: Sequence[dict[str, Any]]) -> list[str]:
    return [str(row["audio"]) for row in rows]


def assert_same(actual: Any, expected: Any, feature_type: str = "f32") -> None:
    assert list(actual) == list(expected)
    for name, wanted in expected.items():
        value = actual[name]
        assert type(value) is type(wanted)
        assert (value.shape, value.dtype) == (wanted.shape, wanted.dtype)
        if name == "input_features":
            wanted = np.asarray(wanted)
            difference = np.abs(np.asarray(value) - wanted)
            allowed = feature_tolerance(wanted, feature_type)
            assert (difference <= allowed).all(), difference.max()
        else:
            np.testing.assert_array_equal(value, wanted)


@pytest.fixture
def no_audio_is_read(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From the call on, an attempt to read an audio file fails."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("an audio file was opened")

    return lambda: monkeypatch.setattr(soundfile, "SoundFile", refuse)


@pytest.mark.parametrize("feature_type", ["f32", "f16", "bf16", "u8"])
def test_features_are_those_of_the_extractor(
    feature_type: str, training_corpus: Corpus, store_of: Callable[..., Path]
) -> None:
    options: CallOptions = {
        "sampling_rate": 16000,
        "padding": True,
        "return_attention_mask": True,
    }
    extractor = Qwen3ASRFeatureExtractor()
    batches = [paths_of(rows) for rows in training_corpus.batches]
    batches.append([batches[2][3]])  # a clip of 201 samples alone
    expected = [extractor(samples_of(paths), **options) for paths in batches]
    use_store(extractor, store_of(feature_type))
    for paths, wanted in zip(batches, expected, strict=True):
        assert_same(extractor(stored(paths), **options), wanted, feature_type)
    marks = expected[-1]["attention_mask"].sum(-1)
    assert marks.tolist() == [50]
    zeros = [wanted["input_features"][..., -1] == 0 for wanted in expected]
    assert sum(bool(zero.all()) for zero in zeros) > 3


CALLS: list[CallOptions] = [
    {"padding": True, "n_window": 0, "return_attention_mask": True},
    {"padding": True, "n_window": 7, "return_tensors": "np"},
    {"padding": True, "pad_to_multiple_of": 1000, "return_tensors": "pt"},
    {"max_length": 32123, "return_attention_mask": True},
    {"return_attention_mask": True},
]


@pytest.mark.parametrize("options", CALLS)
@pytest.mark.parametrize("num_arrays", [0, 2])
def test_a_call_gives_what_it_gives_for_samples(
    num_arrays: int,
    options: CallOptions,
    training_corpus: Corpus,
    store_of: Callable[..., Path],
) -> None:
    extractor = Qwen3ASRFeatureExtractor()
    paths = paths_of(training_corpus.batches[2])
    options = {"sampling_rate": 16000, **options}
    expected = extractor(samples_of(paths), **options)
    use_store(extractor, store_of("f32"))
    audio = samples_of(paths[:num_arrays]) + stored(paths[num_arrays:])
    assert_same(extractor(audio, **options), expected)


def conversation(row: dict[str, Any], key: str) -> list[dict[str, Any]]:
    prompt, target = (
        [{"type": "text", "text": row[name]}] for name in ("prompt", "text")
    )
    return [
        {"role": "system", "content": prompt},
        {"role": "user", "content": [{"type": "audio", key: row["audio"]}]},
        {"role": "assistant", "content": target},
    ]


def by_conversation(key: str) -> Callable[[Any, list[dict[str, Any]]], Any]:
    return lambda processor, rows: processor.apply_chat_template(
        [conversation(row, key) for row in rows],
        tokenize=True,
        return_dict=True,
        processor_kwargs={"output_labels": True},
    )


def prompts(rows: list[dict[str, Any]]) -> list[str]:
    return [f"{tiny_qwen3_asr.AUDIO_TOKEN}{row['text']}" for row in rows]


# Each way in which a processor comes to load the clip at a path.
WAYS: dict[str, Callable[[Any, list[dict[str, Any]]], Any]] = {
    "audio": by_conversation("audio"),
    "path": by_conversation("path"),
    "url": by_conversation("url"),
    "call": lambda processor, rows: processor(
        text=prompts(rows), audio=paths_of(rows)
    ),
    "transcription": lambda processor, rows: (
        processor.apply_transcription_request(
            paths_of(rows), language="English", prompt="names"
        )
    ),
    "fetch_audio": lambda processor, rows: processor(
        text=prompts(rows),
        audio=processor.feature_extractor.fetch_audio(paths_of(rows)),
    ),
    "load_audio": lambda processor, rows: processor(
        text=prompts(rows), audio=[load_audio(p) for p in paths_of(rows)]
    ),
    "backend": lambda processor, rows: processor(
        text=prompts(rows),
        audio=[
            load_audio(p, 16000, None, backend="soundfile")
            for p in paths_of(rows)
        ],
    ),
    "librosa.load": lambda processor, rows: processor(
        text=prompts(rows),
        audio=[librosa.load(p, sr=16000)[0] for p in paths_of(rows)],
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_load_a_path_reads_the_store(
    way: str,
    training_corpus: Corpus,
    store_of: Callable[..., Path],
    no_audio_is_read: Callable[[], None],
) -> None:
    processor = tiny_qwen3_asr.make_processor()
    rows = training_corpus.batches[2]
    expected = WAYS[way](processor, rows)
    use_store(processor, store_of("f32"))
    no_audio_is_read()
    assert_same(WAYS[way](processor, rows), expected)


@pytest.mark.parametrize("way", ["path", "call", "load_audio"])
def test_a_path_outside_the_store_is_an_error_or_computed(
    way: str,
    training_corpus: Corpus,
    store_of: Callable[..., Path],
    tmp_path: Path,
) -> None:
    rows = [dict(row) for row in training_corpus.batches[1]]
    processor = tiny_qwen3_asr.make_processor()
    expected = WAYS[way](processor, rows)
    other_name = tmp_path / "other.wav"
    other_name.symlink_to(rows[2]["audio"])
    rows[2]["audio"] = str(other_name)
    use_store(processor, store_of("f32"))
    with pytest.raises(melmill.MissingAudioError, match=r"other\.wav: not in"):
        WAYS[way](processor, rows)
    use_store(processor, store_of("f32"), missing="compute")
    assert_same(WAYS[way](processor, rows), expected)


def test_a_rate_that_is_not_the_stores_is_loaded(
    training_corpus: Corpus, store_of: Callable[..., Path]
) -> None:
    processor = tiny_qwen3_asr.make_processor()
    use_store(processor, store_of("f32"))
    samples = load_audio(training_corpus.paths[0], sampling_rate=8000)
    assert isinstance(samples, np.ndarray)
    assert load_audio(samples) is samples


def test_audio_in_base64_is_decoded_as_before(
    training_corpus: Corpus, store_of: Callable[..., Path]
) -> None:
    import base64

    data = Path(training_corpus.paths[0]).read_bytes()
    encoded = base64.b64encode(data).decode()
    processor = tiny_qwen3_asr.make_processor()
    use_store(processor, store_of("f32"))
    for text in (encoded, "data:audio/wav;base64," + encoded):
        assert isinstance(load_audio(text), np.ndarray)


def test_a_processor_saves_and_pickles_as_before(
    training_corpus: Corpus, store_of: Callable[..., Path], tmp_path: Path
) -> None:
    processor = tiny_qwen3_asr.make_processor()
    processor.save_pretrained(tmp_path / "before")
    use_store(processor, store_of("f32"))
    processor.save_pretrained(tmp_path / "after")
    assert files_of(tmp_path / "before") == files_of(tmp_path / "after")
    copy = pickle.loads(pickle.dumps(processor))
    rows = training_corpus.batches[0]
    assert_same(WAYS["path"](copy, rows), WAYS["path"](processor, rows))


@dataclasses.dataclass
class RecipeCollator:
    """Gives the processor conversations with the paths of clips."""

    processor: Any

    def __call__(self, rows: list[dict[str, Any]]) -> Any:
        return WAYS["path"](self.processor, rows)


def losses_of(
    processor: Any,
    collator: Any,
    rows: list[dict[str, Any]],
    folder: Path,
    *,
    num_workers: int = 0,
) -> list[float]:
    """Those of each step of a training."""
    trainer = CastingTrainer(
        model=tiny_qwen3_asr.make_model(),
        args=TrainingArguments(
            output_dir=str(folder),
            per_device_train_batch_size=4,
            max_steps=NUM_STEPS,
            learning_rate=1e-3,
            dataloader_num_workers=num_workers,
            dataloader_pin_memory=False,
            remove_unused_columns=False,
            **QUIET_ON_CPU,
        ),
        train_dataset=rows,
        data_collator=collator,
        processing_class=processor,
    )
    trainer.losses = []
    trainer.train()
    assert len(trainer.losses) == NUM_STEPS
    return trainer.losses


@pytest.fixture(scope="module")
def raw_losses(
    training_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory
) -> list[float]:
    processor = tiny_qwen3_asr.make_processor()
    folder = tmp_path_factory.mktemp("raw")
    losses = losses_of(
        processor, RecipeCollator(processor), training_corpus.rows, folder
    )
    assert losses[-1] < losses[0] - 0.1  # it does learn
    return losses


@pytest.mark.parametrize(
    ("feature_type", "num_workers", "allowed"),
    [("f32", 2, 5e-6), ("f16", 0, 2e-4), ("u8", 0, 2e-4)],
)
def test_losses_are_those_of_training_from_audio(
    feature_type: str,
    num_workers: int,
    allowed: float,
    training_corpus: Corpus,
    raw_losses: list[float],
    store_of: Callable[..., Path],
    no_audio_is_read: Callable[[], None],
    tmp_path: Path,
    record_property: RecordProperty,
) -> None:
    processor = tiny_qwen3_asr.make_processor()
    use_store(processor, store_of(feature_type))
    no_audio_is_read()
    losses = losses_of(
        processor,
        RecipeCollator(processor),
        training_corpus.rows,
        tmp_path,
        num_workers=num_workers,
    )
    difference = max_difference(losses, raw_losses)
    record_property(f"loss, {feature_type} store, native", difference)
    assert difference <= allowed


def test_the_own_collator_makes_the_same_tensors(
    training_corpus: Corpus, store_of: Callable[..., Path]
) -> None:
    processor = tiny_qwen3_asr.make_processor()
    collator = Collator(processor, store_of("f32"))
    for rows in training_corpus.batches:
        examples = examples_of(processor, rows)
        samples = samples_of(paths_of(rows))
        expected = training_batch(processor, examples, samples)
        assert_same(collator(examples), expected)
    assert type(processor.feature_extractor) is Qwen3ASRFeatureExtractor
    half = Collator(processor, store_of("f32"), dtype=torch.bfloat16)
    features = half(examples)["input_features"]
    assert torch.equal(
        features, collator(examples)["input_features"].to(torch.bfloat16)
    )


SCRIPT = """
import sys
from transformers import AutoProcessor, AutoTokenizer
processor = AutoProcessor.from_pretrained(sys.argv[1])
batch = processor(text=[processor.audio_token], audio=[sys.argv[2]])
assert batch["input_features"].shape[:2] == (1, 128)
"""


def test_the_launcher_serves_processors_that_a_script_loads(
    training_corpus: Corpus,
    store_of: Callable[..., Path],
    no_audio_is_read: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    tiny_qwen3_asr.make_processor().save_pretrained(tmp_path / "model")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    for name in ("argv", "path"):
        monkeypatch.setattr(sys, name, list(getattr(sys, name)))
    monkeypatch.setattr(
        Qwen3ASRProcessor,
        "from_pretrained",
        Qwen3ASRProcessor.from_pretrained,
    )
    no_audio_is_read()
    clip = training_corpus.paths[0]
    arguments = ["--store", str(store_of("f32")), "--", str(script)]
    assert main([*arguments, str(tmp_path / "model"), clip]) == 0
    loaded = AutoProcessor.from_pretrained(tmp_path / "model")
    assert type(loaded.feature_extractor) is not Qwen3ASRFeatureExtractor
