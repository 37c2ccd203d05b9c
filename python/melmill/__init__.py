"""Reads melmill's stores of log-mel features.

    store = melmill.open("features/")
    train = store["train"]
    train[17].features, train[17].transcript

melmill.torch has a data set, a collator and a sampler for PyTorch.
melmill.qwen3_asr and melmill.whisper let the training scripts of these models
read a store. melmill.padding makes batches with NumPy alone.

Stores, splits and rows are read-only. Threads may share them, they can be
pickled, and processes may be forked at any time.
"""

from melmill._store.errors import (
    AmbiguousAudioError,
    ContractError,
    DamagedStoreError,
    DifferenceError,
    FormatError,
    MissingAudioError,
    MissingSamplesError,
    MissingSplitError,
    RowIndexError,
    StoreError,
    StoreReadError,
    UnfinishedStoreError,
)
from melmill._store.index import Contract
from melmill._store.row import Row
from melmill._store.split import RowSlice, Split
from melmill._store.store import Store, open

__version__ = "0.1.0"

__all__ = [
    "AmbiguousAudioError",
    "Contract",
    "ContractError",
    "DamagedStoreError",
    "DifferenceError",
    "FormatError",
    "MissingAudioError",
    "MissingSamplesError",
    "MissingSplitError",
    "Row",
    "RowIndexError",
    "RowSlice",
    "Split",
    "Store",
    "StoreError",
    "StoreReadError",
    "UnfinishedStoreError",
    "open",
]

# Messages, pickles and help() show these names, not the private modules.
for _name in __all__:
    globals()[_name].__module__ = __name__
