"""Whisper trains from a store as it does from audio."""

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import librosa
import melmill
import numpy as np
import pytest
import torch
from melmill._models.audio_loaders import original_load
from melmill.whisper import use_store
from support import manifest_row, noise, run_melmill, write_manifest, write_wav
from tokenizers.pre_tokenizers import ByteLevel
from training_corpus import Corpus, feature_tolerance
from transformers import (
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperProcessor,
    WhisperTokenizer,
)

pytest_plugins = ["training_fixtures"]
pytestmark = pytest.mark.transformers

PRESETS = [("whisper", 80), ("qwen3-asr", 128)]
FEATURE_TYPES = ["f32", "f16", "bf16"]


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


def _make_processor(folder: Path) -> Any:
    alphabet = sorted(ByteLevel.alphabet())
    vocabulary = {symbol: number for number, symbol in enumerate(alphabet)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = WhisperTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt")
    )
    return WhisperProcessor(WhisperFeatureExtractor(), tokenizer)


def _make_model() -> Any:
    torch.manual_seed(0)
    config = WhisperConfig(
        vocab_size=300,
        num_mel_bins=80,
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        init_std=0.2,  # so that the audio shows in what so few units make
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
        suppress_tokens=None,
        begin_suppress_tokens=None,
    )
    return WhisperForConditionalGeneration(config).eval()


def test_a_model_makes_the_same_of_them(
    training_corpus: Corpus, store_of: Callable[..., Path], tmp_path: Path
) -> None:
    processor = _make_processor(tmp_path)
    model = _make_model()
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
        save_strategy="no",
        disable_tqdm=True,
        use_cpu=True,
        report_to="none",
    )
    rows = [
        {"audio": path, "labels": list(range(3 + number, 9 + number))}
        for number, path in enumerate(corpus.paths)
    ]
    trainer = Seq2SeqTrainer(
        model=_make_model().train(),
        args=arguments,
        train_dataset=rows,
        data_collator=Collator(extractor),
    )
    trainer.train()
    history = trainer.state.log_history
    losses = [entry["loss"] for entry in history if "loss" in entry]
    assert len(losses) == 4
    return losses


@pytest.mark.parametrize("num_workers", [0, 2])
def test_the_trainer_sees_the_same_losses(
    num_workers: int,
    training_corpus: Corpus,
    store_of: Callable[..., Path],
    tmp_path: Path,
) -> None:
    extractor = WhisperFeatureExtractor()
    expected = _losses(extractor, training_corpus, tmp_path)
    use_store(extractor, store_of("f32", preset="whisper"))
    losses = _losses(
        extractor, training_corpus, tmp_path, num_workers=num_workers
    )
    # The log rounds to four digits.
    np.testing.assert_allclose(losses, expected, rtol=0, atol=1.5e-4)
    assert expected[0] - expected[-1] > 0.01  # it does learn


def test_a_clip_of_more_than_30_seconds_is_named(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "long.wav", noise(480_001))
    manifest = write_manifest(tmp_path / "eval.jsonl", [manifest_row(path)])
    out = tmp_path / "store"
    run = run_melmill("extract", manifest, "--out", out)
    assert run.exit_code == 0, run.stderr
    extractor = WhisperFeatureExtractor(feature_size=128)
    use_store(extractor, out)
    with pytest.raises(
        melmill.ContractError,
        match=r"long\.wav \(row 0 of split eval\) has 480001 samples",
    ):
        extractor(_stored([str(path)]), sampling_rate=16000)


def test_a_store_of_other_mels_is_refused(
    store_of: Callable[..., Path],
) -> None:
    extractor = WhisperFeatureExtractor(feature_size=80)
    with pytest.raises(melmill.ContractError, match="feature_size: 80 and 128"):
        use_store(extractor, store_of("f16"))
