"""Tensors are the NumPy batch in another type."""

from pathlib import Path
from typing import Literal

import melmill
import numpy as np
import pytest
import torch
from melmill._batch.tensors import TensorBatch, padded_tensors
from melmill.padding import batch_features
from store_job import Job
from support import (
    Store,
    extract,
    manifest_row,
    noise,
    write_manifest,
    write_wav,
)
from torch.utils.data import DataLoader, Dataset


@pytest.fixture(scope="module")
def split(finished_job: Job) -> melmill.Split:
    return melmill.open(finished_job.store)["train"]


@pytest.mark.parametrize("num_samples", [None, 20_000, 480_000])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_tensors_are_the_batch_rounded_once(
    dtype: str, num_samples: int | None, split: melmill.Split
) -> None:
    rows = list(split[:9])
    torch_dtype = getattr(torch, dtype)
    batch = padded_tensors(rows, num_samples=num_samples, dtype=torch_dtype)
    expected = batch_features(rows, num_samples=num_samples)
    assert batch.features.dtype == torch_dtype
    assert batch.mask.dtype == torch.int32
    assert torch.equal(batch.mask, torch.from_numpy(expected.mask))
    wanted = torch.from_numpy(np.ascontiguousarray(expected.features))
    assert torch.equal(batch.features, wanted.to(torch_dtype))


@pytest.mark.parametrize("stored_as", ["f16", "bf16", "f32", "u8"])
@pytest.mark.parametrize("access", ["mmap", "pread"])
def test_each_stored_type_makes_each_type(
    access: Literal["mmap", "pread"], stored_as: str, tmp_path: Path
) -> None:
    """And a maximum behind the body raises it."""
    clip = noise(8000, seed=1, level=1e-4)
    clip[-60:] = noise(60, seed=2, level=0.5)
    path = write_wav(tmp_path / "a.wav", clip, subtype="FLOAT")
    manifest = write_manifest(tmp_path / "a.jsonl", [manifest_row(path)])
    extract(tmp_path / "store", manifest, "--dtype", stored_as)
    rows = list(melmill.open(tmp_path / "store", access=access)["a"])
    expected = batch_features(rows, num_samples=8500).features
    stored = Store(tmp_path / "store").rows()[0].features
    assert expected[0, :, :40].min() > stored.min()
    wanted = torch.from_numpy(np.ascontiguousarray(expected))
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        batch = padded_tensors(rows, num_samples=8500, dtype=dtype)
        assert torch.equal(batch.features, wanted.to(dtype)), dtype


class Batches(Dataset[tuple[TensorBatch, bool]]):  # type: ignore[misc]
    """The first rows as one batch, and whether it was made in shared memory."""

    def __init__(self, split: melmill.Split) -> None:
        self.rows = list(split[:4])

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> tuple[TensorBatch, bool]:
        batch = padded_tensors(self.rows)
        return batch, batch.features.is_shared()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_hand_over_shared_memory(
    method: str, split: melmill.Split
) -> None:
    loader = DataLoader(
        Batches(split),
        batch_size=None,
        num_workers=2,
        multiprocessing_context=method,
    )
    expected = padded_tensors(list(split[:4]))
    assert not expected.features.is_shared()
    for batch, was_shared in loader:
        assert was_shared
        assert torch.equal(batch.features, expected.features)
