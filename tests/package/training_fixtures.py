"""Fixtures of the tests that train from a store.

For modules that have `pytest_plugins = ["training_fixtures"]`.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from support import spread
from training_corpus import Corpus, make_corpus, make_store

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
