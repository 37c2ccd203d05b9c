"""A store for PyTorch: a data set, batches of tensors, a sampler.

    loader = FeatureDataset("features/", split="train").loader()
    for epoch in range(num_epochs):
        loader.batch_sampler.set_epoch(epoch)
        for batch in loader:
            batch["input_features"], batch["transcript"]

Or with choices of your own:

    train = FeatureDataset("features/", split="train")
    sampler = LengthBucketSampler(train, max_frames_per_batch=30_000)
    loader = DataLoader(
        train, batch_sampler=sampler, collate_fn=collate, num_workers=4
    )

functools.partial sets options of collate, and your own collator can call it for
the features:

    def collate_for_my_model(examples):
        batch = collate(examples, dtype=torch.bfloat16)
        batch["labels"] = tokenize(batch.pop("transcript"))
        return batch
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Dataset

import melmill
from melmill._batch.long_rows import describe_long_rows
from melmill._batch.sampler import LengthBucketSampler
from melmill._batch.tensors import padded_tensors
from melmill._store.row import Row, take_apart
from melmill._store.split import RowSlice, Split

__all__ = ["Example", "FeatureDataset", "LengthBucketSampler", "collate"]

_MAX_WORKERS = 4  # of a loader; more are rarely needed to feed a GPU


@dataclasses.dataclass(frozen=True, slots=True)
class Example:
    """A row with its features as a tensor, read when used and not kept.

    Attributes:
      row: The row: text, audio, duration and other facts of the clip.
      dtype: Type of the features.
    """

    row: Row
    dtype: torch.dtype = torch.float32

    @property
    def features(self) -> torch.Tensor:
        """Log-mel features of this clip alone, [num_frames, n_mels].

        These equal what the model's own extractor computes for one clip without
        padding. Values are -1.5 to about 2.0, in a new tensor. The last frames
        differ in a padded batch; collate makes those.
        """
        return torch.from_numpy(np.array(self.row.features)).to(self.dtype)


class FeatureDataset(Dataset[Any]):  # type: ignore[misc]
    """The rows of a split, for a DataLoader with or without workers.

    An item is an Example, for collate. If `labels` is given, it is a dict as
    transformers' Trainer and the collators of its recipes take it:

      input_features: [n_mels, frames], what the model's extractor computes for
        the clip, padded with zeros to num_samples.
      labels: What `labels` returns for the row.

    It can be pickled, and used in forked, spawned and persistent workers: rows
    are handles, and features are read in the process that uses them.

    Attributes:
      rows: The rows, in the order of the manifest.
      dtype: Type of the features of an item; collate has its own.
      num_samples: Length of the padded clips, of a dict.
      labels: Makes the labels of a row.
    """

    def __init__(
        self,
        source: Split | RowSlice | str | os.PathLike[str],
        *,
        split: str | None = None,
        dtype: torch.dtype = torch.float32,
        num_samples: int | None = None,
        labels: Callable[[Row], Any] | None = None,
    ) -> None:
        """Makes a data set of a split, and opens the store if needed.

        Args:
          source: A split, some of its rows such as split[:1000] or
            split[split.durations_s < 30], or the folder of a store.
          split: The name of the split, if `source` is a folder. Optional if the
            store has only one split.
          dtype: Type of the features of an item.
          num_samples: With labels: the length of the padded clips in samples,
            480,000 for Whisper's 30 s. None: clips are not padded.
          labels: Makes the labels of a row, such as its tokens; items are then
            dicts. Spawned workers need a function that can be pickled.

        Raises:
          StoreError: The store cannot be opened, or has no such split.
          ValueError: `split` is missing, or `source` is not a folder, or rows
            are longer than `num_samples`.
        """
        if num_samples is not None and labels is None:
            raise ValueError("num_samples is for dicts: give labels too")
        if isinstance(source, Split | RowSlice):
            if split is not None:
                raise ValueError(f"split={split!r} is for a store's folder")
            self.rows: Split | RowSlice = source
        else:
            self.rows = _only_split(melmill.open(source), split)
        self.dtype = dtype
        self.num_samples = num_samples
        self.labels = labels
        if num_samples is not None:
            found = describe_long_rows([self.rows], num_samples)
            if found is not None:
                raise ValueError(found)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Any:
        row = self.rows[index]
        if self.labels is None:
            return Example(row, self.dtype)
        batch = padded_tensors(
            [row], num_samples=self.num_samples, dtype=self.dtype
        )
        return {
            "input_features": batch.features[0],
            "labels": self.labels(row),
        }

    def __repr__(self) -> str:
        return f"<FeatureDataset of {self.rows!r}, {self.dtype}>"

    def loader(
        self,
        *,
        max_frames_per_batch: int = 30_000,
        shuffle: bool = True,
        seed: int = 0,
        num_workers: int | None = None,
    ) -> DataLoader[Any]:
        """A DataLoader of batches of similar length; collate says what is in.

        The features have this data set's dtype. Its `batch_sampler` is a
        LengthBucketSampler, for set_epoch and states; it divides the batches
        among the ranks of torch.distributed. A row longer than a batch is a
        batch of its own. Memory is pinned if there is a GPU of CUDA.

        Args:
          max_frames_per_batch: Most frames of a batch, including padding. There
            are usually 100 frames per second, so 30,000 are 300 s.
          shuffle: False orders rows by length, longest first; for evaluation.
          seed: Seed of the shuffles.
          num_workers: Number of processes that make batches; 0: this one. None:
            one less than the processors of this process, 1 to 4.

        Raises:
          ValueError: The items are dicts (`labels`), whose collator is that of
            the recipe, or LengthBucketSampler refuses the rows.
        """
        if self.labels is not None:
            raise ValueError(
                "with labels, items are dicts for a Trainer, which makes its "
                "own loader"
            )
        if num_workers is None:
            num_processors = len(os.sched_getaffinity(0))
            num_workers = min(max(num_processors - 1, 1), _MAX_WORKERS)
        return DataLoader(
            self,
            batch_sampler=LengthBucketSampler(
                self,
                max_frames_per_batch=max_frames_per_batch,
                shuffle=shuffle,
                seed=seed,
                on_too_long="alone",
            ),
            collate_fn=functools.partial(collate, dtype=self.dtype),
            num_workers=num_workers,
            persistent_workers=num_workers > 0,
            pin_memory=torch.cuda.is_available(),
        )

    @property
    def num_frames(self) -> npt.NDArray[np.uint32]:
        """Number of frames of each row, [rows], for LengthBucketSampler."""
        if isinstance(self.rows, Split):
            return self.rows.num_frames
        indices = self.rows.indices
        return self.rows.split.num_frames[np.asarray(indices, np.int64)]


def collate(
    examples: Sequence[Example | Row],
    *,
    dtype: torch.dtype = torch.float32,
    num_samples: int | None = None,
) -> dict[str, Any]:
    """Makes a batch, for DataLoader(collate_fn=...).

    The features equal what transformers' WhisperFeatureExtractor computes for
    the clips, padded with zeros to the longest; see docs/numerics.md, "Any
    padded form". Threads can call this at the same time.

    Args:
      examples: Examples of a FeatureDataset, or rows of a split.
      dtype: Type of the features: float32, float16 or bfloat16.
      num_samples: Length of the padded clips in samples at the contract's rate;
        480,000 for Whisper's 30 s. None: the length of the longest clip.

    Returns:
      A dict with these keys.
      input_features: [rows, n_mels, frames], -1.5 to about 2.0; the memory has
        frame after frame, as in the store.
      feature_attention_mask: int32 [rows, frames], 1 for frames of the clip,
        then 0.
      text, transcript, language, audio: Lists of the rows' strings; a language
        can be None.
      index: List of the rows' numbers in their split.

    Raises:
      ValueError: A clip is longer than `num_samples`.
      ContractError: The rows have different contracts.
      StoreError: The rows cannot be read.
    """
    rows = [
        example.row if isinstance(example, Example) else example
        for example in examples
    ]
    batch = padded_tensors(rows, num_samples=num_samples, dtype=dtype)
    texts = [row.text for row in rows]
    taken_apart = [take_apart(text) for text in texts]
    return {
        "input_features": batch.features,
        "feature_attention_mask": batch.mask,
        "text": texts,
        "transcript": [words for _, words in taken_apart],
        "language": [language for language, _ in taken_apart],
        "audio": [row.audio for row in rows],
        "index": [row.index for row in rows],
    }


def _only_split(store: melmill.Store, name: str | None) -> Split:
    if name is None:
        if len(store) != 1:
            raise ValueError(
                f"{store.name} has the splits {', '.join(store)}: say which, "
                "with split="
            )
        (name,) = store
    return store[name]
