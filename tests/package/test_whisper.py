"""Whisper trains from a store as it does from audio."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import librosa
import melmill
import numpy as np
import pytest
import tiny_whisper
import torch
from melmill._models.audio_loaders import original_load
from melmill.whisper import use_store
from support import extract, manifest_row, noise, write_manifest, write_wav
from training_corpus import QUIET_ON_CPU, Corpus, feature_tolerance
from transformers import (
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    WhisperFeatureExtractor,
)

pytest_plugins = ["training_fixtures"]
pytestmark = pytest.mark.transformers

PRESETS = [("whisper", 80), ("qwen3-asr", 128)]
FEATURE_TYPES = ["f32", "f16", "bf16", "u8"]


def _samples(paths: list[str]) -> list[Any]:
    return [original_load()(path, sr=16000)[0] for path in paths]


def _stored(paths: list[str]) -> list[Any]:
    return [librosa.load(path, sr=16000)[0] for path in paths]


@pytest.mark.parametrize(("preset", "n_mels"), PRESETS)
@pytest.mark.parametrize("feature_type", FEATURE_TYPES)
def test_features_are_those_of_the_extractor(
    feature_type: str,
    preset: str,
    n_mels: int,
    training_corpus: Corpus,
    store_of: Callable[..., Path],
) -> None:
    extractor = WhisperFeatureExtractor(feature_size=n_mels)
    options: dict[str, Any] = {
        "sampling_rate": 16000,
        "return_tensors": "pt",
        "return_attention_mask": True,
    }
    expected = extractor(_samples(training_corpus.paths), **options)
    use_store(extractor, store_of(feature_type, preset=preset))
    actual = extractor(_stored(training_corpus.paths), **options)
    assert list(actual) == list(expected)
    assert torch.equal(actual["attention_mask"], expected["attention_mask"])
    wanted = expected["input_features"].numpy()
    features = actual["input_features"].numpy()
    assert features.shape == (len(training_corpus.rows), n_mels, 3000)
    assert features.dtype == np.float32
    difference = np.abs(features - wanted)
    assert (difference <= feature_tolerance(wanted, feature_type)).all()


def test_a_model_makes_the_same_of_them(
    training_corpus: Corpus, store_of: Callable[..., Path], tmp_path: Path
) -> None:
    processor = tiny_whisper.make_processor(tmp_path)
    model = tiny_whisper.make_model()
    labels = torch.arange(3, 3 + 4 * 6).reshape(4, 6)

    def run(audio: list[Any]) -> Any:
        inputs = processor(audio, sampling_rate=16000, return_tensors="pt")
        with torch.no_grad():
            return model(**inputs, labels=labels)

    paths = training_corpus.paths[4:8]
    expected = run(_samples(paths))
    other = run(_samples(training_corpus.paths[8:12]))
    use_store(processor, store_of("f32", preset="whisper"))
    actual = run(_stored(paths))
    assert abs(float(actual.loss - expected.loss)) <= 5e-6
    assert float((actual.logits - expected.logits).abs().max()) <= 1e-4
    assert float((other.logits - expected.logits).abs().max()) > 1e-2


@dataclasses.dataclass
class Collator:
    """Loads the clips of a batch as scripts for Whisper do."""

    extractor: Any

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        audio = [librosa.load(row["audio"], sr=16000)[0] for row in rows]
        features = self.extractor(
            audio, sampling_rate=16000, return_tensors="pt"
        )["input_features"]
        labels = torch.tensor([row["labels"] for row in rows])
        return {"input_features": features, "labels": labels}


def _losses(
    extractor: Any, corpus: Corpus, folder: Path, *, num_workers: int = 0
) -> list[float]:
    """Those of a few steps of training."""
    arguments = Seq2SeqTrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=4,
        max_steps=4,
        learning_rate=1e-3,
        logging_steps=1,
        dataloader_num_workers=num_workers,
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        **QUIET_ON_CPU,
    )
    rows = [
        {"audio": path, "labels": list(range(3 + number, 9 + number))}
        for number, path in enumerate(corpus.paths)
    ]
    trainer = Seq2SeqTrainer(
        model=tiny_whisper.make_model().train(),
        args=arguments,
        train_dataset=rows,
        data_collator=Collator(extractor),
    )
    trainer.train()
    history = trainer.state.log_history
    losses = [entry["loss"] for entry in history if "loss" in entry]
    assert len(losses) == 4
    return losses


def test_the_trainer_sees_the_same_losses(
    training_corpus: Corpus,
    store_of: Callable[..., Path],
    tmp_path: Path,
) -> None:
    extractor = WhisperFeatureExtractor()
    expected = _losses(extractor, training_corpus, tmp_path)
    use_store(extractor, store_of("f32", preset="whisper"))
    losses = _losses(extractor, training_corpus, tmp_path, num_workers=2)
    # The log rounds to four digits.
    np.testing.assert_allclose(losses, expected, rtol=0, atol=1.5e-4)
    assert expected[0] - expected[-1] > 0.01  # it does learn


@pytest.fixture(scope="module")
def long_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its second row has a sample more than 30 s."""
    folder = tmp_path_factory.mktemp("long")
    paths = [
        write_wav(folder / f"{number}.wav", noise(length))
        for number, length in enumerate([480_000, 480_001, 9000])
    ]
    rows = [manifest_row(path) for path in paths]
    manifest = write_manifest(folder / "eval.jsonl", rows)
    extract(folder / "store", manifest)
    return folder / "store"


@pytest.mark.parametrize("kind", ["extractor", "processor"])
def test_a_row_of_more_than_30_seconds_is_named_before_training(
    kind: str, long_store: Path, tmp_path: Path
) -> None:
    processor = tiny_whisper.make_processor(tmp_path, n_mels=128)
    served = processor if kind == "processor" else processor.feature_extractor
    with pytest.raises(
        melmill.ContractError,
        match=r"1 of 3 rows are longer than 30 s \(480000 samples\): .*"
        r"1\.wav \(row 1 of split eval\) has 480001 samples\. .*"
        "--max-duration 30",
    ):
        use_store(served, long_store)
    assert type(processor.feature_extractor) is WhisperFeatureExtractor


def test_an_extractor_that_takes_longer_clips_is_served(
    long_store: Path,
) -> None:
    extractor = WhisperFeatureExtractor(feature_size=128, chunk_length=40)
    use_store(extractor, long_store)
    path = melmill.open(long_store)["eval"][1].audio
    features = extractor(_stored([path]), sampling_rate=16000)
    assert features["input_features"].shape == (1, 128, 4000)


def test_a_store_of_other_mels_is_refused(
    store_of: Callable[..., Path],
) -> None:
    extractor = WhisperFeatureExtractor(feature_size=80)
    with pytest.raises(melmill.ContractError, match="feature_size: 80 and 128"):
        use_store(extractor, store_of("f16"))
