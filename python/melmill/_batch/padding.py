"""The exact features of clips in a zero-padded batch.

WhisperFeatureExtractor pads the samples of a batch with zeros to the longest
clip, or to 30 s, before the transform. This changes the frames that touch the
end of a clip. Sometimes it also changes the clip's maximum, which decides where
features are clamped. docs/numerics.md ("Any padded form") has the rules.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.fft  # now: a child forked during a later import would hang
import numpy.typing as npt

from melmill._batch import mel
from melmill._store import bfloat16
from melmill._store.errors import ContractError, DamagedStoreError
from melmill._store.index import Contract
from melmill._store.row import Row
from melmill._store.shard import StoredRow

FloatArray = npt.NDArray[np.float64]


class PaddedRow(NamedTuple):
    """The parts of one row of a padded batch, in time: body, end, silence.

    Attributes:
      stored: The place of the row in its shard.
      num_body_frames: Number of frames that are used as stored.
      end: Features of the frames that touch the clip's end, float32
        [0 to 3, n_mels].
      floor: Least feature of the padded clip; all silent frames have it.
      raises_body: Whether stored frames must be raised to `floor`.
      num_valid_frames: Number of frames that the attention mask marks.
    """

    stored: StoredRow
    num_body_frames: int
    end: npt.NDArray[np.float32]
    floor: float
    raises_body: bool
    num_valid_frames: int

    def body(self, buffer: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The body as stored, [num_body_frames, n_mels].

        Args:
          buffer: Memory that may be used for it, of the stored type.
        """
        frames = buffer[: self.num_body_frames]
        return self.stored.shard.frames(self.stored.start, frames)

    @property
    def end_frame(self) -> int:
        """The first silent frame, after body and end."""
        return self.num_body_frames + len(self.end)


@dataclasses.dataclass(frozen=True)
class PaddedBatch:
    """The features and the mask of a padded batch.

    Attributes:
      features: float32 [rows, n_mels, frames], -1.5 to about 2.0; a transposed
        view of memory that has frame after frame.
      mask: int32 [rows, frames], 1 for frames of the clip, then 0.
    """

    features: npt.NDArray[np.float32]
    mask: npt.NDArray[np.int32]


def batch_features(
    rows: Sequence[Row], *, num_samples: int | None = None
) -> PaddedBatch:
    """The features of clips that are padded with zeros to `num_samples`.

    Threads can call this at the same time.

    Args:
      rows: At least one row; all must have the same contract.
      num_samples: Length of the padded clips in samples. None: the length of
        the longest row.

    Raises:
      ValueError: A row is longer than `num_samples`.
      ContractError: The rows have different contracts.
      StoreError: The rows cannot be read.
    """
    contract = common_contract(rows)
    num_samples = longest(rows) if num_samples is None else num_samples
    plans = plan_batch(rows, num_samples)
    num_frames = num_samples // contract.hop_length
    features = np.empty((len(rows), num_frames, contract.n_mels), np.float32)
    scratch = scratch_for(plans, contract)
    for plan, target in zip(plans, features, strict=True):
        body = plan.body(scratch)
        if contract.feature_type == "bf16":
            body = bfloat16.to_float32(body)
        target[: plan.num_body_frames] = body
        target[plan.num_body_frames : plan.end_frame] = plan.end
        target[plan.end_frame :] = plan.floor
        if plan.raises_body:
            np.maximum(target, np.float32(plan.floor), out=target)
    return PaddedBatch(features.transpose(0, 2, 1), mask_of(plans, num_frames))


def scratch_for(
    plans: Sequence[PaddedRow], contract: Contract
) -> npt.NDArray[Any]:
    """Memory for the body of any row as stored, [frames, n_mels]."""
    num_frames = max(plan.num_body_frames for plan in plans)
    dtype = plans[0].stored.shard.dtype
    return np.empty((num_frames, contract.n_mels), dtype)


def longest(rows: Sequence[Row]) -> int:
    """Number of samples of the longest row."""
    return max(row.num_samples for row in rows)


def common_contract(rows: Sequence[Row]) -> Contract:
    """The contract of all rows.

    Raises:
      ContractError: The rows have different contracts.
    """
    contract = rows[0].split.contract
    for row in rows:
        other = row.split.contract
        if other is not contract and other != contract:
            raise ContractError(
                "rows of different contracts in one batch: "
                + "; ".join(contract.differences(other))
            )
    return contract


def mask_of(
    plans: Sequence[PaddedRow], num_frames: int
) -> npt.NDArray[np.int32]:
    """The attention mask, [rows, num_frames]."""
    num_valid = np.array([plan.num_valid_frames for plan in plans])
    mask: npt.NDArray[np.int32]
    mask = (np.arange(num_frames) < num_valid[:, None]).astype(np.int32)
    return mask


def plan_batch(rows: Sequence[Row], num_samples: int) -> list[PaddedRow]:
    """The parts of each row of a batch; computes the end frames.

    Args:
      rows: At least one row; all must have the same contract.
      num_samples: Length of the padded clips in samples.

    Raises:
      ValueError: A row is longer than `num_samples`.
    """
    contract = rows[0].split.contract
    stored = [row.stored for row in rows]
    lengths = np.array([row.num_samples for row in stored])
    _check_lengths(rows, lengths, num_samples)
    half, hop = contract.n_fft // 2, contract.hop_length
    num_frames = num_samples // hop
    num_body = (lengths - half) // hop + 1
    num_end = np.minimum((lengths + half - 1) // hop + 1, num_frames) - num_body
    tails = np.empty((len(rows), contract.tail_length), np.float32)
    for place, tail in zip(stored, tails, strict=True):
        place.shard.copy_tail(place.row, tail)
    _check_tails(stored, tails)
    ends = _Ends(np.repeat(np.arange(len(rows)), num_end), num_body, num_end)
    log10 = _end_log10(contract, tails, lengths, ends, num_samples)

    body_max = np.array([place.body_max for place in stored])
    largest = body_max.copy()
    np.maximum.at(largest, ends.row, log10.max(axis=1))
    floors = contract.normalised_floor(largest)
    normalised = np.maximum(contract.normalised(log10), floors[ends.row, None])
    return [
        PaddedRow(*values)
        for values in zip(
            stored,
            num_body.tolist(),
            np.split(normalised.astype(np.float32), np.cumsum(num_end)[:-1]),
            floors.tolist(),
            (largest > body_max).tolist(),
            np.minimum(-(-lengths // hop), num_frames).tolist(),
            strict=True,
        )
    ]


def _check_lengths(
    rows: Sequence[Row], lengths: npt.NDArray[np.int64], num_samples: int
) -> None:
    if lengths.max() > num_samples:
        row = rows[int(lengths.argmax())]
        raise ValueError(
            f"{row.audio} (row {row.index} of split {row.split.name}) has "
            f"{row.num_samples} samples, more than {num_samples}"
        )


def _check_tails(
    stored: Sequence[StoredRow], tails: npt.NDArray[np.float32]
) -> None:
    is_sound = np.isfinite(tails).all(axis=1)
    if not is_sound.all():
        path = stored[int(is_sound.argmin())].shard.path
        raise DamagedStoreError(
            f"{path}: tail_samples: a sample that is no number"
        )


class _Ends(NamedTuple):
    """The frames of a batch that touch the end of their clip.

    Attributes:
      row: The row of each such frame, [frames].
      first: The first such frame of each row, [rows].
      per_row: The number of such frames of each row, [rows].
    """

    row: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    per_row: npt.NDArray[np.int64]

    def centers(self, hop_length: int) -> npt.NDArray[np.int64]:
        """The clip's sample at the middle of each frame, [frames]."""
        before = np.cumsum(self.per_row) - self.per_row
        in_row = np.arange(len(self.row)) - before[self.row]
        return hop_length * (self.first[self.row] + in_row)


def _end_log10(
    contract: Contract,
    tails: npt.NDArray[np.float32],
    lengths: npt.NDArray[np.int64],
    ends: _Ends,
    num_samples: int,
) -> FloatArray:
    """log10 mel powers of the frames that touch an end, [frames, n_mels]."""
    half = contract.n_fft // 2
    centers = ends.centers(contract.hop_length)
    # The padded clip is reflected at both ends.
    samples = np.abs(centers[:, None] + np.arange(-half, half))
    last = num_samples - 1
    samples = np.where(samples > last, 2 * last - samples, samples)
    # After the clip, as many zeros as any such frame can reach.
    known = np.zeros((len(lengths), 2 * contract.tail_length))
    known[:, : contract.tail_length] = tails
    at = samples - (lengths - contract.tail_length)[ends.row, None]
    frames = known[ends.row[:, None], at] * mel.window(contract)
    power = np.abs(np.fft.rfft(frames)) ** 2
    mel_power = power @ mel.filter_bank(contract)
    log10: FloatArray = np.log10(np.maximum(mel_power, contract.power_floor))
    return log10
