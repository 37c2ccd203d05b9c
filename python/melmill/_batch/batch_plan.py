"""Cuts rows into batches of similar length, the same for all epochs."""

import dataclasses

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]

# Least number of batches in a bucket, so that a row is in different company in
# every epoch even if there are few batches.
_MIN_BATCHES_PER_BUCKET = 2
# More buckets would hardly save padding, but would mix rows less.
_MAX_BUCKETS = 64


@dataclasses.dataclass(frozen=True)
class BatchPlan:
    """The batches of all epochs, as places in the rows sorted by length.

    Attributes:
      rows: Row numbers, longest row first, [rows].
      buckets: Where each bucket begins, then the number of rows,
        [buckets + 1]. Each epoch shuffles the rows within each bucket.
      batches: Where each batch begins, then the number of rows, [batches + 1].
        Includes all places of `buckets`.
    """

    rows: IntArray
    buckets: IntArray
    batches: IntArray

    @property
    def num_batches(self) -> int:
        """Number of batches of an epoch, for all ranks together."""
        return len(self.batches) - 1


def plan_batches(
    lengths: IntArray,
    *,
    max_frames_per_batch: int,
    world_size: int,
    shuffle: bool,
    drop_last: bool,
) -> BatchPlan:
    """Plans batches that all ranks share evenly.

    Args:
      lengths: Number of frames of each row, [rows].
      max_frames_per_batch: Most frames of a batch, including padding. A row
        that has more is a batch of its own.
      world_size: Number of ranks. The number of batches is a multiple of it.
      shuffle: Whether each epoch shuffles; if not, there are fewer batches.
      drop_last: Allows a number of batches that is not a multiple.

    Raises:
      ValueError: There are too few rows for such a number of batches.
    """
    plan = fewest = _plan(lengths, max_frames_per_batch, 1)
    if shuffle:
        batches_per_bucket = max(
            _MIN_BATCHES_PER_BUCKET, -(-fewest.num_batches // _MAX_BUCKETS)
        )
        plan = _plan(lengths, max_frames_per_batch, batches_per_bucket)
    if drop_last and plan.num_batches >= world_size:
        return plan
    # Batches cannot outnumber rows.
    for candidate in (plan, fewest):
        num_batches = -(-candidate.num_batches // world_size) * world_size
        if num_batches <= len(lengths):
            batches = _split(candidate.batches, num_batches)
            return dataclasses.replace(candidate, batches=batches)
    raise ValueError(
        f"{len(lengths)} rows in {fewest.num_batches} batches or more cannot "
        f"be split evenly over {world_size} ranks: raise "
        f"max_frames_per_batch={max_frames_per_batch}, or set drop_last"
    )


def _plan(
    lengths: IntArray, max_frames_per_batch: int, batches_per_bucket: int
) -> BatchPlan:
    """Cuts buckets of batches_per_bucket full batches; the last has fewer."""
    rows = np.argsort(-lengths, kind="stable")
    most_rows = max_frames_per_batch // np.maximum(lengths[rows], 1)
    most_rows = np.maximum(most_rows, 1)  # a longer row is alone
    steps = (most_rows * batches_per_bucket).tolist()
    starts, start = [], 0
    while start < len(rows):
        starts.append(start)
        start += steps[start]
    buckets = np.array([*starts, len(rows)])
    num_rows = np.diff(buckets)
    num_batches = -(-num_rows // most_rows[starts])
    # Cuts each bucket evenly, so that no batch has only a row or two.
    bucket = np.repeat(np.arange(len(starts)), num_batches)
    first_batch = np.cumsum(num_batches) - num_batches
    batch = np.arange(len(bucket)) - first_batch[bucket]
    batches = buckets[bucket] + batch * num_rows[bucket] // num_batches[bucket]
    return BatchPlan(rows, buckets, np.append(batches, len(rows)))


def _split(batches: IntArray, num_batches: int) -> IntArray:
    """Halves the largest batches until there are `num_batches`."""
    while (num_missing := num_batches - (len(batches) - 1)) > 0:
        num_rows = np.diff(batches)
        largest = np.argsort(-num_rows, kind="stable")[:num_missing]
        largest = largest[num_rows[largest] > 1]
        middles = batches[largest] + num_rows[largest] // 2
        batches = np.sort(np.concatenate([batches, middles]))
    return batches
