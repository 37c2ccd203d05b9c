"""Padded batches as PyTorch tensors."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.utils.data

from melmill._batch.padding import (
    common_contract,
    longest,
    mask_of,
    plan_batch,
    scratch_for,
)
from melmill._store.index import Contract
from melmill._store.row import Row


@dataclasses.dataclass(frozen=True)
class TensorBatch:
    """The features and the mask of a padded batch.

    Attributes:
      features: [rows, n_mels, frames], -1.5 to about 2.0; a transposed view of
        memory that has frame after frame.
      mask: int32 [rows, frames], 1 for frames of the clip, then 0.
    """

    features: torch.Tensor
    mask: torch.Tensor


def padded_tensors(
    rows: Sequence[Row],
    *,
    num_samples: int | None = None,
    dtype: torch.dtype = torch.float32,
) -> TensorBatch:
    """The features of clips that are padded with zeros to `num_samples`.

    Makes the same values as padding.batch_features, in one pass over the stored
    bytes. Threads can call this at the same time.

    Args:
      rows: At least one row; all must have the same contract.
      num_samples: Length of the padded clips in samples. None: the length of
        the longest row.
      dtype: Type of the features: float32, float16 or bfloat16.

    Raises:
      ValueError: A row is longer than `num_samples`.
      ContractError: The rows have different contracts.
      StoreError: The rows cannot be read.
    """
    contract = common_contract(rows)
    num_samples = longest(rows) if num_samples is None else num_samples
    plans = plan_batch(rows, num_samples)
    num_frames = num_samples // contract.hop_length
    features = _empty((len(rows), num_frames, contract.n_mels), dtype)
    scratch = scratch_for(plans, contract)
    for plan, target in zip(plans, features, strict=True):
        num_body, end_frame = plan.num_body_frames, plan.end_frame
        body = as_tensor(plan.body(scratch), contract)
        target[:num_body].copy_(body)
        target[num_body:end_frame] = torch.from_numpy(plan.end)
        target[end_frame:] = plan.floor
        if plan.raises_body:
            target.clamp_(min=plan.floor)
    mask = torch.from_numpy(mask_of(plans, num_frames))
    return TensorBatch(features.transpose(1, 2), mask)


def _empty(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """Memory for a batch; shared memory in a DataLoader's worker."""
    if torch.utils.data.get_worker_info() is None:
        return torch.empty(shape, dtype=dtype)
    num_bytes = math.prod(shape) * dtype.itemsize
    storage = torch.UntypedStorage._new_shared(num_bytes, device="cpu")
    return torch.empty(0, dtype=dtype).set_(storage).view(shape)


def as_tensor(stored: npt.NDArray[Any], contract: Contract) -> torch.Tensor:
    """Stored features as a tensor that shares their memory."""
    if contract.feature_type == "bf16":
        return torch.from_numpy(stored.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(stored)
