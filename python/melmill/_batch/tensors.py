"""Padded batches as PyTorch tensors."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.utils.data

from melmill._batch.padding import PaddingPlan, common_contract, plan_batch
from melmill._store.index import Contract
from melmill._store.row import Row
from melmill._store.shard import StoredRow

_TYPES = {
    "f16": torch.float16,
    "bf16": torch.bfloat16,
    "f32": torch.float32,
}


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
    num_frames: int | None = None,
    dtype: torch.dtype = torch.float32,
) -> TensorBatch:
    """The features of clips that are padded with zeros to `num_samples`.

    Makes the same values as padding.batch_features, in one pass over the stored
    bytes. Threads can call this at the same time.

    Args:
      rows: At least one row; all must have the same contract.
      num_samples: Length of the padded clips in samples. None: the length of
        the longest row.
      num_frames: Number of frames of the batch; those that are beyond
        `num_samples` are 0.0. None: as many as `num_samples` has.
      dtype: Type of the features: float32, float16 or bfloat16.

    Raises:
      ValueError: A row is longer than `num_samples`.
      ContractError: The rows have different contracts.
      StoreError: The rows cannot be read.
    """
    contract = common_contract(rows)
    plan, num_samples = plan_batch(rows, num_samples)
    num_own = num_samples // contract.hop_length
    num_frames = num_own if num_frames is None else num_frames
    features = _empty((len(rows), num_frames, contract.n_mels), dtype)
    features[:, num_own:] = 0
    own = features[:, :num_own]
    plan.fill(
        as_array(own),
        as_array(torch.from_numpy(plan.ends).to(dtype)),
        as_array(torch.from_numpy(plan.floors).to(dtype)),
        _body_writer(plan, contract, dtype),
    )
    for at in np.flatnonzero(plan.raises_body):
        own[at].clamp_(min=float(plan.floors[at]))
    mask = torch.from_numpy(plan.mask(num_frames))
    return TensorBatch(features.transpose(1, 2), mask)


def _body_writer(
    plan: PaddingPlan, contract: Contract, dtype: torch.dtype
) -> Callable[[StoredRow, npt.NDArray[Any]], None]:
    """What writes the frames of a row, as stored, to a batch of this type."""
    if contract.feature_type == "u8":
        return _byte_writer(plan, dtype)
    if dtype == _TYPES[contract.feature_type]:

        def copy(stored: StoredRow, target: npt.NDArray[Any]) -> None:
            frames = stored.shard.frames(stored.start, target)
            if frames is not target:
                target[...] = frames

        return copy
    scratch = plan.scratch()

    def convert(stored: StoredRow, target: npt.NDArray[Any]) -> None:
        frames = stored.shard.frames(stored.start, scratch[: len(target)])
        as_tensor(target, dtype).copy_(
            as_tensor(frames, _TYPES[contract.feature_type])
        )

    return convert


def _byte_writer(
    plan: PaddingPlan, dtype: torch.dtype
) -> Callable[[StoredRow, npt.NDArray[Any]], None]:
    """The same for a store of bytes."""
    scratch = plan.scratch()
    wide = np.empty(scratch.shape, np.float32)

    def convert(stored: StoredRow, target: npt.NDArray[Any]) -> None:
        is_wide = dtype == torch.float32
        values = target if is_wide else wide[: len(target)]
        frames = stored.shard.frames(stored.start, scratch[: len(target)])
        stored.shard.widen(stored.row, frames, values)
        if not is_wide:
            as_tensor(target, dtype).copy_(torch.from_numpy(values))

    return convert


def _empty(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """Memory for a batch; shared memory in a DataLoader's worker."""
    if torch.utils.data.get_worker_info() is None:
        return torch.empty(shape, dtype=dtype)
    num_bytes = math.prod(shape) * dtype.itemsize
    storage = torch.UntypedStorage._new_shared(num_bytes, device="cpu")
    return torch.empty(0, dtype=dtype).set_(storage).view(shape)


def as_array(tensor: torch.Tensor) -> npt.NDArray[Any]:
    """The memory of a tensor; int16 for the bits of bfloat16."""
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.view(torch.int16)
    array: npt.NDArray[Any] = tensor.numpy()
    return array


def as_tensor(array: npt.NDArray[Any], dtype: torch.dtype) -> torch.Tensor:
    """A tensor in the memory of an array of this type, or of its bits."""
    if dtype == torch.bfloat16:
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)
