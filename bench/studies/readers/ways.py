"""Ways to make a padded batch of features for training, for reading.py.

Each way has its data in a form that it reads best, made from the rows of one
melmill store, and gives for row numbers what the model takes: float32
[rows, n_mels, frames], and an int32 mask [rows, frames]. The memory behind the
features may have either order.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import datasets
import h5py
import lhotse
import librosa
import melmill
import numpy as np
import torch
from melmill._batch.tensors import padded_tensors
from transformers import WhisperFeatureExtractor

Batch = tuple[torch.Tensor, torch.Tensor]
SILENCE = -1.5  # a feature of digital silence


@dataclasses.dataclass(frozen=True)
class Peer:
    """One way to make batches.

    Attributes:
      name: For the table.
      batch: Makes the batch of some rows of the split.
      is_computed: Whether from samples, so with other rounding.
    """

    name: str
    batch: Callable[[Sequence[int]], Batch]
    is_computed: bool = False


def padded(
    rows: Sequence[torch.Tensor], dtype: torch.dtype = torch.float32
) -> Batch:
    """Rows [frames, n_mels] padded to the longest, as any trainer does it."""
    num_frames = torch.tensor([len(row) for row in rows])
    longest = int(num_frames.max())
    shape = (len(rows), longest, rows[0].shape[1])
    features = torch.full(shape, SILENCE, dtype=dtype)
    for target, row in zip(features, rows, strict=True):
        target[: len(row)] = row
    mask = (torch.arange(longest) < num_frames[:, None]).int()
    return features.transpose(1, 2), mask


def melmill_peer(
    split: melmill.Split, name: str, dtype: torch.dtype = torch.float32
) -> Peer:
    def batch(indices: Sequence[int]) -> Batch:
        rows = [split[index] for index in indices]
        made = padded_tensors(rows, dtype=dtype)
        return made.features, made.mask

    return Peer(name, batch)


def upstream(split: melmill.Split) -> Peer:
    """What Qwen3-ASR's collator does for the audio: all of it, twice."""
    extractor = WhisperFeatureExtractor(feature_size=split.contract.n_mels)
    paths = split.texts("audio")

    def batch(indices: Sequence[int]) -> Batch:
        clips = [
            librosa.load(paths[index], sr=16000, mono=True)[0]
            for index in indices
        ]
        for _ in range(2):  # with the whole text, and with the prompt alone
            made = extractor(
                clips,
                sampling_rate=16000,
                padding=True,
                truncation=False,
                return_attention_mask=True,
                return_tensors="pt",
            )
        return made["input_features"], made["attention_mask"]

    return Peer("librosa + extractor, twice", batch, is_computed=True)


def h5py_peer(split: melmill.Split, dtype: torch.dtype = torch.float32) -> Peer:
    """h5py on melmill's own store, its files kept open."""
    folder = split.store.folders[0]
    index = split.store.indices[0]
    files = [h5py.File(folder / shard.file) for shard in index.shards]
    features = [file["features"] for file in files]
    table = split.parts[0].table
    shards, starts = table.shard.tolist(), table.start.tolist()
    sizes = table.num_frames.tolist()

    def batch(indices: Sequence[int]) -> Batch:
        return padded(
            [
                torch.from_numpy(
                    features[shards[i]][starts[i] : starts[i] + sizes[i]]
                )
                for i in indices
            ],
            dtype,
        )

    return Peer("h5py, files kept open", batch)


def h5py_opening_peer(split: melmill.Split) -> Peer:
    """h5py, a file opened for each row: what is safe in any worker."""
    folder = split.store.folders[0]
    paths = [folder / shard.file for shard in split.store.indices[0].shards]
    table = split.parts[0].table

    def read(index: int) -> torch.Tensor:
        start, size = int(table.start[index]), int(table.num_frames[index])
        with h5py.File(paths[table.shard[index]]) as file:
            return torch.from_numpy(file["features"][start : start + size])

    def batch(indices: Sequence[int]) -> Batch:
        return padded([read(index) for index in indices])

    return Peer("h5py, opened for each row", batch)


def lhotse_peer(split: melmill.Split, folder: Path) -> Peer:
    """Its features, one file a row: the fastest of its lossless stores."""
    contract = split.contract
    shift_s = contract.hop_length / contract.sample_rate_hz
    cuts = []
    with lhotse.NumpyFilesWriter(folder / "lhotse") as writer:
        for row in split:
            key = writer.write(f"{row.index:08}", np.array(row.features))
            stored = lhotse.Features(
                type="melmill",
                num_frames=row.num_frames,
                num_features=contract.n_mels,
                frame_shift=shift_s,
                sampling_rate=contract.sample_rate_hz,
                start=0,
                duration=row.num_frames * shift_s,
                storage_type=writer.name,
                storage_path=str(writer.storage_path),
                storage_key=key,
                channels=0,
            )
            cuts.append(
                lhotse.MonoCut(
                    id=str(row.index),
                    start=0,
                    duration=stored.duration,
                    channel=0,
                    features=stored,
                )
            )

    def batch(indices: Sequence[int]) -> Batch:
        return padded(
            [torch.from_numpy(cuts[index].load_features()) for index in indices]
        )

    return Peer("lhotse", batch)


def arrow_peer(split: melmill.Split, folder: Path) -> Peer:
    """Hugging Face datasets: an Arrow file that is mapped."""
    n_mels = split.contract.n_mels
    kind = datasets.Features(
        {"features": datasets.Array2D((None, n_mels), "float16")}
    )

    def rows() -> object:
        for row in split:
            yield {"features": np.array(row.features)}

    made = datasets.Dataset.from_generator(
        rows, features=kind, cache_dir=str(folder / "arrow")
    ).with_format("numpy")

    def batch(indices: Sequence[int]) -> Batch:
        columns = made[list(indices)]["features"]
        return padded([torch.from_numpy(np.array(row)) for row in columns])

    return Peer("datasets (Arrow)", batch)
