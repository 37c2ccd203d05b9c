"""Reads melmill's stores of log-mel features.

    store = melmill.open("features/")
    train = store["train"]
    train[17].features, train[17].transcript

melmill.torch has a data set, a collator and a sampler for PyTorch.
melmill.qwen3_asr and melmill.whisper let the training scripts of these models
read a store. melmill.padding makes batches with NumPy alone. melmill.extract
makes a store with the program melmill, melmill.certify compares one with what
transformers computes, and melmill.bench_training measures what one saves.

Stores, splits and rows are read-only. Threads may share them, they can be
pickled, and processes may be forked at any time.
"""

from collections.abc import Callable, Sequence
from typing import Any

from melmill._bench.training_bench import TrainingBench
from melmill._certify.certificate import Certificate
from melmill._extract.rejects_error import TooManyRejectsError
from melmill._process.extract_error import ExtractError
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
from melmill._store.store import PathLike, Store, open

__version__ = "0.1.0"

__all__ = [
    "AmbiguousAudioError",
    "Certificate",
    "Contract",
    "ContractError",
    "DamagedStoreError",
    "DifferenceError",
    "ExtractError",
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
    "TooManyRejectsError",
    "TrainingBench",
    "UnfinishedStoreError",
    "bench_training",
    "certify",
    "extract",
    "open",
]


def bench_training(
    processor: Any,
    store: Store | PathLike | Sequence[PathLike],
    *,
    batch_size: int = 8,
    num_batches: int = 20,
    num_workers: int = 4,
    step_seconds: float | None = None,
    step: Callable[[Any], object] | None = None,
    seed: int = 0,
) -> TrainingBench:
    """Measures how long a training waits for data, with and without a store.

    Makes batches of random rows from their audio files, as scripts do it with
    librosa and the processor, and from the store, as after use_store. First
    compares them. Everything is read once before it is timed, so that it comes
    from memory; disks and network mounts make both slower.

    Args:
      processor: A processor that use_store serves, or a feature extractor,
        whether or not it was given to use_store. It is not changed.
      store: The store, its path, or several paths.
      batch_size: Rows of a batch.
      num_batches: Number of batches; fewer if the store has fewer rows.
      num_workers: Number of workers of the DataLoader; 0: this process.
      step_seconds: How long a training step takes on a GPU. It is waited for.
      step: Instead, a function that does a training step with a batch, a dict
        of tensors. Where the processor makes no labels, `labels` is a list of
        each row's token IDs, not padded.
      seed: Seed of the choice of rows.

    Returns:
      The times; print() shows a table and a verdict.

    Raises:
      DifferenceError: The two ways give different tensors; nothing is timed.
      ContractError: The processor's settings differ from the store's.
      StoreReadError: Audio cannot be read; open the store with audio_root.
      ValueError: The store has no rows, or a number is out of its range.
    """
    from melmill._bench import measuring

    return measuring.bench_training(
        processor,
        store,
        batch_size=batch_size,
        num_batches=num_batches,
        num_workers=num_workers,
        step_seconds=step_seconds,
        step=step,
        seed=seed,
    )


def certify(
    store: PathLike,
    *,
    rows: int | None = 1000,
    seed: int = 0,
    audio_root: PathLike | None = None,
) -> Certificate:
    """Compares rows of a store with the reference, computed from their audio.

    The reference is librosa and transformers' WhisperFeatureExtractor. Writes
    what it found to certificate.json in the store's folder.

    Args:
      store: The store's folder.
      rows: Number of rows, chosen at random; None for all.
      seed: Seed of the choice.
      audio_root: The folder from which relative audio strings start.

    Raises:
      StoreError: The store or an audio file cannot be read, no audio file is
        there, the features are not those of the reference, or the store changed
        meanwhile. Nothing is written then.
      ValueError: `rows` is less than 1.
      OSError: certificate.json cannot be written.
    """
    from melmill._certify import certifying

    return certifying.Certifying(
        store,
        rows=rows,
        seed=seed,
        audio_root=audio_root,
        version=__version__,
    ).run()


def extract(
    source: Any, out: PathLike, *, preset: str = "qwen3-asr", **flags: Any
) -> Store:
    """Makes a store with the program melmill, and opens it.

    Shows its progress and messages on standard error; in a notebook a bar of
    tqdm, if that is installed, and messages but warnings on standard output.
    The same call resumes after any end.

    Rows that are no manifest yet become one in the folder of the store's name
    with _source. Audio that is bytes goes there too, into a tar archive: keep
    it as the audio files of the store.

    Args:
      source: The path of a manifest, or a list of paths; a list of dicts, a
        pandas.DataFrame, or a Dataset or IterableDataset of datasets with the
        fields of a manifest; or a dict of these by the names of their splits,
        but for lists of paths. Rows without a name are the split of the data
        set, or "train". The audio of a row is a path, bytes of a file, or a
        dict with one of them as "path" and "bytes".
      out: The store's folder.
      preset: The features to make: "qwen3-asr", "whisper", the name of a model,
        or the folder of its checkpoint.
      **flags: Other flags of `melmill extract`, with underscores, such as
        dtype="bf16", update=True, language="English", keep=["speaker"].

    Raises:
      TooManyRejectsError: More rows are rejected than max_rejects allows.
      ExtractError: The store was not made, for another reason; exit_code says
        whether the same call can help (4).
      KeyboardInterrupt: The program was stopped, as by Ctrl-C, and has ended.
      TypeError, ValueError: The source cannot be used.
    """
    from melmill._extract import extraction

    return extraction.extract(source, out, preset, flags)


# Messages, pickles and help() show these names, not the private modules.
for _name in __all__:
    globals()[_name].__module__ = __name__
