"""The exact features of clips in a zero-padded batch.

WhisperFeatureExtractor pads the samples of a batch with zeros to the longest
clip, or to 30 s, before the transform. This changes the frames that touch the
end of a clip. Sometimes it also changes the clip's maximum, which decides where
features are clamped. docs/numerics.md ("Any padded form") has the rules.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.fft  # now: a child forked during a later import would hang
import numpy.typing as npt

from melmill._batch import mel
from melmill._store.errors import ContractError, DamagedStoreError
from melmill._store.index import Contract
from melmill._store.row import Row, stored_rows
from melmill._store.shard import StoredRow

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class PaddingPlan(NamedTuple):
    """The parts of each row of a padded batch, in time: body, end, silence.

    Attributes:
      stored: The place of each row in its shard.
      num_body_frames: Frames of each row that are used as stored.
      first_silent: The first frame of each row after body and end.
      ends: Features of the frames that touch the end of a clip, row after row,
        float32 [frames, n_mels]; a row has 0 to 3.
      end_rows: The row of each of `ends`.
      end_frames: The place of each of `ends` in its row.
      floors: Least feature of each padded clip; all silent frames have it.
      raises_body: Whether stored frames of a row must be raised to its floor.
      num_valid_frames: Frames of each row that the attention mask marks.
    """

    stored: list[StoredRow]
    num_body_frames: list[int]
    first_silent: list[int]
    ends: npt.NDArray[np.float32]
    end_rows: IntArray
    end_frames: IntArray
    floors: npt.NDArray[np.float32]
    raises_body: list[bool]
    num_valid_frames: list[int]

    def fill(
        self,
        target: npt.NDArray[Any],
        ends: npt.NDArray[Any],
        floors: npt.NDArray[Any],
        write_body: Callable[[StoredRow, npt.NDArray[Any]], None],
    ) -> None:
        """Puts the parts together.

        Args:
          target: The batch, [rows, frames, n_mels], of any type.
          ends: `ends` in this type.
          floors: `floors` in this type.
          write_body: Writes the first frames of a row to their place.
        """
        for stored, row, num_body, silent, floor in zip(
            self.stored,
            target,
            self.num_body_frames,
            self.first_silent,
            floors,
            strict=True,
        ):
            write_body(stored, row[:num_body])
            row[silent:] = floor
        target[self.end_rows, self.end_frames] = ends

    def mask(self, num_frames: int) -> npt.NDArray[np.int32]:
        """The attention mask, [rows, num_frames]."""
        mask = np.zeros((len(self.stored), num_frames), np.int32)
        for row, num_valid in zip(mask, self.num_valid_frames, strict=True):
            row[:num_valid] = 1
        return mask

    def scratch(self) -> npt.NDArray[Any]:
        """Memory for the body of any row as stored, [frames, n_mels]."""
        num_frames = max(self.num_body_frames)
        dtype = self.stored[0].shard.dtype
        return np.empty((num_frames, self.ends.shape[1]), dtype)


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
    plan, num_samples = plan_batch(rows, num_samples)
    num_frames = num_samples // contract.hop_length
    features = np.empty((len(rows), num_frames, contract.n_mels), np.float32)
    scratch = plan.scratch()

    def write_body(stored: StoredRow, target: npt.NDArray[Any]) -> None:
        body = stored.shard.frames(stored.start, scratch[: len(target)])
        if contract.feature_type == "u8":
            stored.shard.widen(stored.row, body, target)
        else:
            widen(body, contract.feature_type, target)

    plan.fill(features, plan.ends, plan.floors, write_body)
    for at in np.flatnonzero(plan.raises_body):
        np.maximum(features[at], plan.floors[at], out=features[at])
    return PaddedBatch(features.transpose(0, 2, 1), plan.mask(num_frames))


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


def plan_batch(
    rows: Sequence[Row], num_samples: int | None
) -> tuple[PaddingPlan, int]:
    """The parts of each row of a batch; computes the end frames.

    Args:
      rows: At least one row; all must have the same contract.
      num_samples: Length of the padded clips in samples. None: the length of
        the longest row.

    Returns:
      The plan, and the length.

    Raises:
      ValueError: A row is longer than `num_samples`.
    """
    contract = rows[0].split.contract
    stored = stored_rows(rows)
    lengths = np.array([row.num_samples for row in stored])
    num_samples = _checked_length(rows, lengths, num_samples)
    half, hop = contract.n_fft // 2, contract.hop_length
    num_frames = num_samples // hop
    num_body = (lengths - half) // hop + 1
    num_end = np.minimum((lengths + half - 1) // hop + 1, num_frames) - num_body
    end_rows = np.repeat(np.arange(len(rows)), num_end)
    # Frames count on in a row, and begin anew with the next.
    before = np.cumsum(num_end) - num_end
    end_frames = np.arange(len(end_rows)) + (num_body - before)[end_rows]
    known = _known_samples(stored, lengths, contract, num_samples)
    starts = (
        hop * end_frames - half - (lengths - contract.tail_length)[end_rows]
    )
    log10 = _log10_powers(contract, known, end_rows, starts)

    body_max = np.array([row.body_max for row in stored])
    largest = body_max.copy()
    np.maximum.at(largest, end_rows, log10.max(axis=1))
    floors = contract.normalised_floor(largest)
    normalised = np.maximum(contract.normalised(log10), floors[end_rows, None])
    plan = PaddingPlan(
        stored,
        num_body.tolist(),
        (num_body + num_end).tolist(),
        normalised.astype(np.float32),
        end_rows,
        end_frames,
        floors,
        (largest > body_max).tolist(),
        np.minimum(-(-lengths // hop), num_frames).tolist(),
    )
    return plan, num_samples


def _checked_length(
    rows: Sequence[Row], lengths: IntArray, num_samples: int | None
) -> int:
    longest = int(lengths.max())
    if num_samples is None:
        return longest
    if longest > num_samples:
        row = rows[int(lengths.argmax())]
        raise ValueError(
            f"{row.audio} (row {row.index} of split {row.split.name}) has "
            f"{row.num_samples} samples, more than {num_samples}"
        )
    return num_samples


def _known_samples(
    stored: Sequence[StoredRow],
    lengths: IntArray,
    contract: Contract,
    num_samples: int,
) -> FloatArray:
    """The samples around the end of each padded clip, reflected at its ends.

    Returns:
      As many samples before the end of the clip as after it,
      [rows, 2 tail_length].
    """
    length = contract.tail_length
    tails = np.empty((len(stored), length), np.float32)
    for place, tail in zip(stored, tails, strict=True):
        place.shard.copy_tail(place.row, tail)
    _check_tails(stored, tails)
    known = np.zeros((len(stored), 2 * length))
    known[:, :length] = tails
    # Where the first and the last sample of the padded clip are.
    for row in np.flatnonzero(lengths < length).tolist():
        first = length - int(lengths[row])
        reach = min(first, contract.n_fft // 2)
        known[row, first - reach : first] = known[
            row, first + reach : first : -1
        ]
    lasts = num_samples - 1 - lengths + length
    for row in np.flatnonzero(lasts < 2 * length - 1).tolist():
        last = int(lasts[row])
        reach = min(last, 2 * length - 1 - last)
        known[row, last + 1 : last + 1 + reach] = known[
            row, last - reach : last
        ][::-1]
    return known


def _check_tails(
    stored: Sequence[StoredRow], tails: npt.NDArray[np.float32]
) -> None:
    if not np.isfinite(tails).all():
        first = int(np.isfinite(tails).all(axis=1).argmin())
        path = stored[first].shard.path
        raise DamagedStoreError(
            f"{path}: tail_samples: a sample that is no number"
        )


def _log10_powers(
    contract: Contract, samples: FloatArray, rows: IntArray, starts: IntArray
) -> FloatArray:
    """log10 mel powers of some frames, [frames, n_mels].

    Args:
      contract: Says how.
      samples: Samples of each row, [rows, samples].
      rows: The row of each frame.
      starts: The first sample of each frame.
    """
    # A view of the samples from each place on, as far as they reach.
    windows = np.ndarray(
        (len(samples), samples.shape[1] - contract.n_fft + 1, contract.n_fft),
        np.float64,
        samples,
        strides=(*samples.strides, samples.itemsize),
    )
    frames = windows[rows, starts]
    frames *= mel.window(contract)
    power = np.abs(np.fft.rfft(frames))
    np.square(power, out=power)
    mel_power = power @ mel.filter_bank(contract)
    np.maximum(mel_power, contract.power_floor, out=mel_power)
    log10: FloatArray = np.log10(mel_power, out=mel_power)
    return log10


def widen(
    body: npt.NDArray[Any], feature_type: str, target: npt.NDArray[np.float32]
) -> None:
    """Writes stored features as float32; for bytes see Shard.widen.

    Args:
      body: The features as stored, [frames, n_mels].
      feature_type: Their type in the contract.
      target: Where they go, contiguous [frames, n_mels].
    """
    if feature_type == "bf16":
        bits = target.view(np.uint32)
        bits[...] = body
        bits <<= 16
    elif feature_type == "f16":
        # Three times as fast as NumPy's own conversion.
        table = _float16_values()
        np.take(table, body.view(np.uint16), out=target, mode="clip")
    else:
        target[...] = body


@functools.lru_cache(maxsize=1)
def _float16_values() -> npt.NDArray[np.float32]:
    """The value of each pattern of 16 bits."""
    bits = np.arange(1 << 16, dtype=np.uint16)
    with np.errstate(invalid="ignore"):  # some are no numbers
        return bits.view(np.float16).astype(np.float32)
