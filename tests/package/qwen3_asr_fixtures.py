"""Fixtures of the tests that train Qwen3-ASR.

For modules that have `pytest_plugins` of training_fixtures and of this one.
"""

from pathlib import Path

import pytest
import tiny_qwen3_asr
import upstream_training
from qwen3_asr_training import Training
from training_corpus import Corpus, copy_corpus, make_store


@pytest.fixture(scope="session")
def vanished_corpus(
    training_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Corpus, Path]:
    """The corpus and its float32 store; its clips do not exist any more."""
    copied = copy_corpus(training_corpus, tmp_path_factory.mktemp("vanished"))
    store = make_store(copied, "f32")
    for path in copied.paths:
        Path(path).unlink()
    return copied, store


@pytest.fixture
def training(training_corpus: Corpus, tmp_path: Path) -> Training:
    return Training(training_corpus, tmp_path)


@pytest.fixture(scope="session")
def raw_losses(
    training_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[float]]:
    """The losses of training from audio, by the model's type."""
    training = Training(training_corpus, tmp_path_factory.mktemp("raw"))
    collator = upstream_training.Collator(tiny_qwen3_asr.make_processor())
    return {
        dtype: training.losses(collator, dtype=dtype)
        for dtype in ("float32", "bfloat16")
    }


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that Qwen3ASRModel.from_pretrained loads."""
    return tiny_qwen3_asr.save(tmp_path_factory.mktemp("checkpoint"))
