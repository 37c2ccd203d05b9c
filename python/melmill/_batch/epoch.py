"""The batches of one epoch, in order, for any number of ranks after another."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.random  # now: a child forked during a later import would hang

from melmill._batch.batch_plan import BatchPlan, IntArray


@dataclasses.dataclass(frozen=True)
class Epoch:
    """Batches of one epoch that are left, in the order of training.

    Attributes:
      rows: The epoch's rows, which batches cut.
      starts: Where each batch begins in `rows`, [batches].
      stops: Where each batch ends, [batches].
    """

    rows: IntArray
    starts: IntArray
    stops: IntArray

    @property
    def num_batches(self) -> int:
        """Number of batches, for all ranks together."""
        return len(self.starts)

    def batch(self, number: int) -> list[int]:
        """The rows of a batch."""
        rows: list[int]
        rows = self.rows[self.starts[number] : self.stops[number]].tolist()
        return rows

    def after(self, num_batches: int) -> Epoch:
        """What is left after so many batches."""
        return Epoch(
            self.rows, self.starts[num_batches:], self.stops[num_batches:]
        )

    def shared_by(self, world_size: int, *, drop_last: bool) -> Epoch:
        """The same rows in batches that so many ranks share evenly.

        As in a whole epoch, the batches with the most rows are halved until
        their number is a multiple of world_size. The halves stay neighbours.

        Args:
          world_size: Number of ranks.
          drop_last: Leaves out up to world_size - 1 batches instead, if there
            are as many batches as ranks, or if they cannot be halved.

        Raises:
          ValueError: There are too few rows.
        """
        if drop_last and self.num_batches >= world_size:
            return self
        wanted = -(-self.num_batches // world_size) * world_size
        num_rows = int((self.stops - self.starts).sum())
        if wanted > num_rows:
            if drop_last:
                return self
            raise ValueError(
                f"{num_rows} rows are left in the epoch, in {self.num_batches} "
                f"batches or more, and cannot be split evenly over "
                f"{world_size} ranks: resume with other ranks, set drop_last, "
                "or begin the next epoch without this state"
            )
        starts, stops = self.starts, self.stops
        while (num_missing := wanted - len(starts)) > 0:
            sizes = stops - starts
            largest = np.argsort(-sizes, kind="stable")[:num_missing]
            largest = np.sort(largest[sizes[largest] > 1])
            middles = starts[largest] + sizes[largest] // 2
            starts = np.insert(starts, largest + 1, middles)
            stops = np.insert(stops, largest, middles)
        return Epoch(self.rows, starts, stops)


def make_epoch(
    plan: BatchPlan, *, shuffle: bool, seed: int, number: int
) -> Epoch:
    """The batches of an epoch, for all ranks together.

    Args:
      plan: The batches of all epochs.
      shuffle: Whether rows and batches are shuffled.
      seed: Seed of the shuffles.
      number: The number of the epoch.
    """
    starts, stops = plan.batches[:-1], plan.batches[1:]
    if not shuffle:
        return Epoch(plan.rows, starts, stops)
    num_rows = len(plan.rows)
    # Raw bits, because only these are the same in all versions of NumPy.
    seeds = np.random.SeedSequence([seed, number])
    keys = np.random.PCG64(seeds).random_raw(num_rows + plan.num_batches)
    bucket = np.repeat(np.arange(len(plan.buckets) - 1), np.diff(plan.buckets))
    rows = plan.rows[np.lexsort((keys[:num_rows], bucket))]
    order = np.argsort(keys[num_rows:], kind="stable")
    return Epoch(rows, starts[order], stops[order])
