"""The exact features of clips in a zero-padded batch.

WhisperFeatureExtractor pads the samples of a batch with zeros to the longest
clip, or to 30 s, before the transform. That changes the frames that touch a
clip's end, and now and then its maximum, at which all features are clamped.
docs/numerics.md ("Any padded form") has the rules.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from melmill import bfloat16, mel
from melmill.errors import ContractError
from melmill.index import Contract
from melmill.row import Row

FloatArray = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class PaddedRow:
    """How one row of a padded batch is made, in time: body, end, silence.

    Attributes:
      num_body_frames: Frames that are as stored.
      end: Features of the frames that touch the clip's end, float32
        [0 to 3, n_mels].
      floor: Least value of the padded clip, and that of all later frames.
      raises_body: Whether stored frames must be raised to `floor`.
      num_valid_frames: Frames that the attention mask marks.
    """

    num_body_frames: int
    end: npt.NDArray[np.float32]
    floor: float
    raises_body: bool
    num_valid_frames: int


@dataclasses.dataclass(frozen=True)
class PaddedBatch:
    """What the feature extractor gives for a padded batch.

    Attributes:
      features: float32 [rows, n_mels, frames], -1.5 to about 2.0: a transposed
        view of memory that is contiguous in time.
      mask: int32 [rows, frames], 1 for frames of the clip, then 0.
    """

    features: npt.NDArray[np.float32]
    mask: npt.NDArray[np.int32]


def batch_features(
    rows: Sequence[Row], *, num_samples: int | None = None
) -> PaddedBatch:
    """The features of clips that are padded with zeros to `num_samples`.

    Args:
      rows: At least one; all of one contract.
      num_samples: At least the longest row's; None: just that.

    Raises:
      ValueError: `num_samples` is less than a row has.
      ContractError: The rows are of different contracts.
    """
    contract = common_contract(rows)
    num_samples = longest(rows) if num_samples is None else num_samples
    plans = plan_batch(rows, num_samples)
    num_frames = num_samples // contract.hop_length
    features = np.empty((len(rows), num_frames, contract.n_mels), np.float32)
    for row, plan, target in zip(rows, plans, features, strict=True):
        body = row.read_stored()[: plan.num_body_frames]
        if contract.feature_type == "bf16":
            body = bfloat16.to_float32(body)
        body_target = target[: plan.num_body_frames]
        if plan.raises_body:
            np.maximum(body, np.float32(plan.floor), out=body_target)
        else:
            body_target[...] = body
        end_frame = plan.num_body_frames + len(plan.end)
        target[plan.num_body_frames : end_frame] = plan.end
        target[end_frame:] = plan.floor
    return PaddedBatch(features.transpose(0, 2, 1), mask_of(plans, num_frames))


def longest(rows: Sequence[Row]) -> int:
    """Samples of the longest row."""
    return max(row.num_samples for row in rows)


def common_contract(rows: Sequence[Row]) -> Contract:
    """The contract that all rows have."""
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
    """How each row of a batch is made; computes its end frames.

    Args:
      rows: At least one; all of one contract.
      num_samples: To which all are padded.

    Raises:
      ValueError: `num_samples` is less than a row has.
    """
    contract = rows[0].split.contract
    lengths = np.array([row.num_samples for row in rows])
    if lengths.max() > num_samples:
        row = rows[int(lengths.argmax())]
        raise ValueError(
            f"{row.audio} (row {row.index} of split {row.split.name}) has "
            f"{row.num_samples} samples, more than {num_samples}"
        )
    facts = [row.end_facts() for row in rows]
    body_max = np.array([largest for largest, _ in facts])
    half, hop = contract.n_fft // 2, contract.hop_length
    num_frames = num_samples // hop
    num_body = (lengths - half) // hop + 1
    end_frames = np.minimum((lengths + half - 1) // hop + 1, num_frames)
    num_end = end_frames - num_body
    tails = np.stack([tail for _, tail in facts])
    log10 = _end_log10(contract, tails, lengths, num_body, num_end, num_samples)
    valid = np.minimum(-(-lengths // hop), num_frames)
    plans = []
    first = 0
    for i in range(len(rows)):
        end = log10[first : first + num_end[i]]
        first += num_end[i]
        largest = max(float(body_max[i]), end.max(initial=-np.inf))
        floor = contract.normalised_floor(largest)
        plans.append(
            PaddedRow(
                int(num_body[i]),
                np.maximum((end + 4) / 4, floor).astype(np.float32),
                floor,
                largest > body_max[i],
                int(valid[i]),
            )
        )
    return plans


def _end_log10(
    contract: Contract,
    tails: npt.NDArray[np.float32],
    lengths: npt.NDArray[np.int64],
    num_body: npt.NDArray[np.int64],
    num_end: npt.NDArray[np.int64],
    num_samples: int,
) -> FloatArray:
    """log10 mel powers of all frames that touch an end, [frames, n_mels]."""
    n_fft, hop = contract.n_fft, contract.hop_length
    row = np.repeat(np.arange(len(lengths)), num_end)
    first_of_row = np.cumsum(num_end) - num_end
    in_row = np.arange(len(row)) - first_of_row[row]
    center = hop * (num_body[row] + in_row)
    samples = center[:, None] + np.arange(-(n_fft // 2), n_fft // 2)
    # The padded clip is reflected at both its ends.
    samples = np.abs(samples)
    last = num_samples - 1
    samples = np.where(samples > last, 2 * last - samples, samples)
    # Behind the clip, as many zeros as any such frame can reach.
    known = np.zeros((len(lengths), 2 * contract.tail_length))
    known[:, : contract.tail_length] = tails
    at = samples - (lengths[row] - contract.tail_length)[:, None]
    frames = known[row[:, None], at] * mel.window(contract)
    power = np.abs(np.fft.rfft(frames)) ** 2
    mel_power = power @ mel.filter_bank(contract)
    log10: FloatArray = np.log10(np.maximum(mel_power, contract.power_floor))
    return log10
