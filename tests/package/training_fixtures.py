"""Fixtures of the tests that train from a store.

For modules that have `pytest_plugins = ["training_fixtures"]`.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_qwen3_asr
import torch
import upstream_training
from support import spread
from training_corpus import (
    Corpus,
    Training,
    copy_corpus,
    make_corpus,
    make_store,
)

# With matrices this small, threads would only wait for each other.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(scope="session")
def training_corpus(
    corpus: list[dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Corpus:
    folder = tmp_path_factory.mktemp("training")
    return make_corpus(folder, spread(corpus, 12))


@pytest.fixture(scope="session")
def store_of(training_corpus: Corpus) -> Callable[..., Path]:
    """The training corpus's store of a feature type and, if given, preset."""
    made: dict[Any, Path] = {}

    def make(feature_type: str, *, preset: str = "qwen3-asr") -> Path:
        key = feature_type, preset
        if key not in made:
            made[key] = make_store(training_corpus, feature_type, preset=preset)
        return made[key]

    return make


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
