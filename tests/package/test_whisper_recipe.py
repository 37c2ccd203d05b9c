"""The usual recipe for Whisper trains from a store after a few lines."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import librosa
import melmill
import numpy as np
import pytest
import tiny_whisper
from melmill.torch import FeatureDataset
from melmill.whisper import use_store
from support import RecordProperty, noise, write_wav
from training_corpus import QUIET_ON_CPU, Corpus, max_difference
from transformers import Seq2SeqTrainer, Seq2SeqTrainingArguments
from whisper_recipe import RecipeCollator, prepared

pytest_plugins = ["training_fixtures"]
pytestmark = pytest.mark.transformers

NUM_STEPS = 20


class LossTrainer(Seq2SeqTrainer):  # type: ignore[misc]  # has no types
    """Keeps the loss of each step, which the log rounds."""

    losses: list[float]

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        loss = super().training_step(*args, **kwargs)
        self.losses.append(float(loss))
        return loss


def losses_of(
    processor: Any, dataset: Any, folder: Path, **options: Any
) -> list[float]:
    arguments = Seq2SeqTrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=2,
        max_steps=NUM_STEPS,
        learning_rate=1e-3,
        dataloader_pin_memory=False,
        **QUIET_ON_CPU,
        **options,
    )
    trainer = LossTrainer(
        model=tiny_whisper.make_model().train(),
        args=arguments,
        train_dataset=dataset,
        data_collator=RecipeCollator(processor, decoder_start_token_id=1),
        processing_class=processor,
    )
    trainer.losses = []
    trainer.train()
    assert len(trainer.losses) == NUM_STEPS
    return trainer.losses


def test_the_losses_are_those_of_the_recipe(
    training_corpus: Corpus,
    store_of: Callable[..., Path],
    tmp_path: Path,
    record_property: RecordProperty,
) -> None:
    processor = tiny_whisper.make_processor(tmp_path)
    store = melmill.open(store_of("f32", preset="whisper"))
    rows = [
        {"audio": row.audio, "sentence": row.transcript}
        for row in store["train"]
    ]
    recipe = prepared(rows, processor, tmp_path / "cache.arrow")
    expected = losses_of(processor, recipe, tmp_path)

    def labels(row: melmill.Row) -> Any:
        return processor.tokenizer(row.transcript).input_ids

    train = FeatureDataset(store["train"], num_samples=480_000, labels=labels)
    losses = losses_of(processor, train, tmp_path, dataloader_num_workers=2)
    difference = max_difference(losses, expected)
    record_property("loss, Whisper's recipe", difference)
    assert difference <= 5e-6
    assert expected[-1] < expected[0] - 0.01  # it does learn


@pytest.fixture
def extractor(store_of: Callable[..., Path], tmp_path: Path) -> Any:
    processor = tiny_whisper.make_processor(tmp_path)
    use_store(processor, store_of("f32", preset="whisper"), missing="compute")
    return processor.feature_extractor


def test_an_extractor_that_never_saw_a_stand_in_warns_once(
    extractor: Any,
) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            extractor(noise(5000), sampling_rate=16000)
    [warning] = caught
    message = str(warning.message)
    assert message.startswith("WhisperFeatureExtractor computes features, and")
    assert "datasets.Audio decodes files itself; docs/training.md" in message
    assert warning.filename == __file__


def test_an_extractor_that_saw_one_does_not_warn(
    extractor: Any, training_corpus: Corpus
) -> None:
    audio, _ = librosa.load(training_corpus.paths[0], sr=16000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        extractor(audio, sampling_rate=16000)
        extractor(noise(5000), sampling_rate=16000)


def test_paths_that_are_not_in_the_store_are_named_after_a_while(
    extractor: Any, tmp_path: Path
) -> None:
    path = write_wav(tmp_path / "other.wav", noise(5000))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for number in range(1, 33):
            samples, _ = librosa.load(path, sr=16000)
            assert isinstance(samples, np.ndarray)
            if number >= 31:
                extractor(samples, sampling_rate=16000)
                assert len(caught) == (number == 32)
    message = str(caught[0].message)
    assert f"none of 32 audio files is in the store, such as {path}" in message
