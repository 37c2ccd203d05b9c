"""Batches of rows of similar length, for training with PyTorch.

Needs NumPy alone; `melmill.torch` exports the class too.
"""

import dataclasses
import sys
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.random  # not at first use: a child forked meanwhile would hang
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]

# A bucket holds so many batches at least, so that rows have other mates in
# every epoch also where there are few batches.
_MIN_BATCHES_PER_BUCKET = 2
# More buckets would hardly save padding, and mix less.
_MAX_BUCKETS = 64


class HasNumFrames(Protocol):
    """What a split and a FeatureDataset are to the sampler."""

    @property
    def num_frames(self) -> npt.NDArray[Any]:
        """Frames of each row, integers, [rows]."""

    def __getitem__(self, index: int, /) -> Any:
        """A row, for its name in a message."""


class LengthBucketSampler:
    """Batches of rows of similar length, for `DataLoader(batch_sampler=...)`.

    Yields lists of row numbers. A batch's padded size, its longest row times
    its rows, is at most `max_frames_per_batch` frames, and close to it.

    Rows are sorted by length and cut into some 64 buckets, fewer where there
    are few batches. In every epoch the rows of a bucket are shuffled and cut
    into batches, and the batches of all buckets are shuffled. The order depends
    on lengths, `seed` and epoch alone: it is the same on every rank, machine
    and NumPy version.

    The number of batches, `len(sampler)`, is the same in all epochs and on all
    ranks, as DDP and learning rate schedules need. Where it does not divide by
    `world_size`, the batches with the most rows are halved until it does. So
    in an epoch every row is read exactly once, by one rank.

    Call `set_epoch` before each epoch, as with PyTorch's DistributedSampler;
    without it all epochs are the same. Do not give a DataLoader with this
    sampler to accelerate's `prepare` in a distributed job: it would split the
    batches over the ranks once more.

    To stop and go on in the middle of an epoch, count the batches that were
    trained on; the sampler cannot, because a DataLoader with workers takes
    batches long before they are used:

        sampler.load_state_dict(checkpoint)             # when going on
        for epoch in range(sampler.epoch, num_epochs):
            sampler.set_epoch(epoch)
            first = sampler.num_batches_done            # 0 but when going on
            for step, batch in enumerate(loader, first):
                train(batch)
                checkpoint = sampler.state_dict(num_batches_done=step + 1)

    The state is that of all ranks: any rank's serves all. The DataLoader must
    be iterated after `load_state_dict`, not before.

    Attributes:
      rank: Which batches are yielded, 0 to world_size - 1.
      world_size: Over how many processes the batches are split.
    """

    def __init__(
        self,
        num_frames: npt.ArrayLike | HasNumFrames,
        *,
        max_frames_per_batch: int,
        seed: int = 0,
        shuffle: bool = True,
        rank: int | None = None,
        world_size: int | None = None,
        drop_last: bool = False,
    ):
        """Plans the batches of all epochs; ValueError if that cannot be.

        Args:
          num_frames: Frames of each row, [rows]; or a split, or a
            FeatureDataset.
          max_frames_per_batch: Most frames of a batch, padding included. A
            longer row is an error.
          seed: Of the shuffles, 0 or more.
          shuffle: Without it rows are ordered by length, longest first, in
            every epoch: for evaluation.
          rank: This process's, default that of torch.distributed if it is
            initialised, else 0.
          world_size: As rank; default 1 without torch.distributed.
          drop_last: Leaves out world_size - 1 batches at most, others in each
            epoch, where otherwise batches would be halved. Only needed where
            that is impossible: an error says so.
        """
        self.rank, self.world_size = _place(rank, world_size)
        lengths = _checked_lengths(num_frames, max_frames_per_batch)
        if len(lengths) < self.world_size:
            raise ValueError(
                f"{len(lengths)} rows cannot be split over {self.world_size} "
                "ranks"
            )
        self._settings: dict[str, int] = {
            "max_frames_per_batch": max_frames_per_batch,
            "seed": seed,
            "shuffle": shuffle,
            "world_size": self.world_size,
            "drop_last": drop_last,
            "checksum_of_num_frames": zlib.crc32(
                lengths.astype("<i8").tobytes()
            ),
        }
        self._plan = _plan_evenly(
            lengths,
            max_frames_per_batch=max_frames_per_batch,
            world_size=self.world_size,
            shuffle=shuffle,
            drop_last=drop_last,
        )
        self._epoch = 0
        self._first_batch = 0  # of the next iteration
        self._num_handed_out = 0

    @property
    def epoch(self) -> int:
        """The epoch that is iterated, from 0."""
        return self._epoch

    @property
    def num_batches_done(self) -> int:
        """Batches of this epoch that this rank has handed out.

        Before the first one: where the epoch will begin, 0 unless a state was
        loaded.
        """
        return self._num_handed_out

    def __len__(self) -> int:
        """Batches per epoch and rank, also when going on in its middle."""
        return self._plan.num_batches // self.world_size

    def __iter__(self) -> Iterator[list[int]]:
        """The batches of this epoch and rank that are left."""
        # Runs with the first batch: a DataLoader with workers makes two
        # iterators and drops one.
        first, self._first_batch = self._first_batch, 0
        self._num_handed_out = first
        rows, order = self._order()
        starts = self._plan.batches[order].tolist()
        stops = self._plan.batches[order + 1].tolist()
        for number in range(first, len(self)):
            mine = number * self.world_size + self.rank
            self._num_handed_out = number + 1
            yield rows[starts[mine] : stops[mine]].tolist()

    def set_epoch(self, epoch: int) -> None:
        """Begins an epoch; goes on in it where a loaded state stopped."""
        if epoch != self._epoch:
            self._first_batch = 0
        self._epoch = epoch
        self._num_handed_out = self._first_batch

    def state_dict(
        self, *, num_batches_done: int | None = None
    ) -> dict[str, int]:
        """The place in the training, as integers.

        Args:
          num_batches_done: Batches of this epoch that each rank has trained
            on, those before a loaded state included. Default: those handed
            out, right only for a DataLoader without workers.
        """
        if num_batches_done is None:
            num_batches_done = self._num_handed_out
        return {
            "epoch": self._epoch,
            "num_batches_done": num_batches_done,
            **self._settings,
        }

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Makes the next iteration yield the batches that were left.

        ValueError if the state is that of other rows or other settings: the
        batches would not be the same.
        """
        for name, value in self._settings.items():
            if state[name] != value:
                raise ValueError(
                    f"the state was saved with {name}={state[name]!r}, this "
                    f"sampler has {value!r}"
                )
        if not 0 <= state["num_batches_done"] <= len(self):
            raise ValueError(
                f"num_batches_done={state['num_batches_done']} is not within "
                f"the {len(self)} batches of an epoch"
            )
        self._epoch = state["epoch"]
        self._first_batch = state["num_batches_done"]
        self._num_handed_out = self._first_batch

    def _order(self) -> tuple[IntArray, IntArray]:
        """The epoch's rows, which batches cut, and the order of batches."""
        plan = self._plan
        if not self._settings["shuffle"]:
            return plan.rows, np.arange(plan.num_batches)
        num_rows = len(plan.rows)
        # Raw bits: only they are the same in all versions of NumPy.
        seeds = np.random.SeedSequence([self._settings["seed"], self._epoch])
        keys = np.random.PCG64(seeds).random_raw(num_rows + plan.num_batches)
        bucket = np.repeat(
            np.arange(len(plan.buckets) - 1), np.diff(plan.buckets)
        )
        rows = plan.rows[np.lexsort((keys[:num_rows], bucket))]
        return rows, np.argsort(keys[num_rows:], kind="stable")


def _place(rank: int | None, world_size: int | None) -> tuple[int, int]:
    """This process's rank and the number of ranks."""
    if (rank is None) != (world_size is None):
        raise ValueError("give both of rank and world_size, or neither")
    if rank is None or world_size is None:
        # Whoever initialised it has imported it.
        group = sys.modules.get("torch.distributed")
        if group is None or not (
            group.is_available() and group.is_initialized()
        ):
            return 0, 1
        return int(group.get_rank()), int(group.get_world_size())
    if not 0 <= rank < world_size:
        raise ValueError(f"rank {rank} is not within world_size {world_size}")
    return rank, world_size


def _checked_lengths(
    num_frames: npt.ArrayLike | HasNumFrames, max_frames_per_batch: int
) -> IntArray:
    lengths = np.asarray(getattr(num_frames, "num_frames", num_frames))
    if lengths.ndim != 1 or (lengths.size and lengths.dtype.kind not in "iu"):
        raise ValueError(
            "num_frames must be integers, [rows], not "
            f"{lengths.dtype}, {list(lengths.shape)}"
        )
    lengths = lengths.astype(np.int64)
    if lengths.size and (lengths.min() < 0 or max_frames_per_batch < 1):
        raise ValueError("num_frames and max_frames_per_batch must be positive")
    too_long = np.flatnonzero(lengths > max_frames_per_batch)
    if too_long.size:
        row = int(too_long[0])
        raise ValueError(
            f"row {row}{_audio_of(num_frames, row)} has {lengths[row]} frames, "
            "more than "
            f"max_frames_per_batch={max_frames_per_batch}; so have "
            f"{too_long.size} of {lengths.size} rows"
        )
    return lengths


def _audio_of(rows: Any, row: int) -> str:
    """The row's audio for a message, if it is known."""
    if not hasattr(rows, "num_frames"):
        return ""
    item = rows[row]
    return f" ({getattr(item, 'row', item).audio})"


@dataclasses.dataclass(frozen=True)
class _Plan:
    """The batches of all epochs, as places in the rows sorted by length.

    Attributes:
      rows: Row numbers, longest first, [rows].
      buckets: Where each bucket begins, and the number of rows,
        [buckets + 1]. An epoch shuffles the rows within each.
      batches: Where each batch begins, and the number of rows, [batches + 1].
        Holds all of `buckets`.
    """

    rows: IntArray
    buckets: IntArray
    batches: IntArray

    @property
    def num_batches(self) -> int:
        return len(self.batches) - 1


def _plan_evenly(
    lengths: IntArray,
    *,
    max_frames_per_batch: int,
    world_size: int,
    shuffle: bool,
    drop_last: bool,
) -> _Plan:
    """Plans batches that divide by world_size, or with drop_last need not."""
    plan = fewest = _plan(lengths, max_frames_per_batch, 1)
    if shuffle:
        batches_per_bucket = max(
            _MIN_BATCHES_PER_BUCKET, -(-fewest.num_batches // _MAX_BUCKETS)
        )
        plan = _plan(lengths, max_frames_per_batch, batches_per_bucket)
    if drop_last and plan.num_batches >= world_size:
        return plan
    # There cannot be more batches than rows.
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
) -> _Plan:
    """Cuts buckets of so many full batches; the last has what is left."""
    rows = np.argsort(-lengths, kind="stable")
    most_rows = max_frames_per_batch // np.maximum(lengths[rows], 1)
    steps = (most_rows * batches_per_bucket).tolist()
    starts, start = [], 0
    while start < len(rows):
        starts.append(start)
        start += steps[start]
    buckets = np.array([*starts, len(rows)])
    num_rows = np.diff(buckets)
    num_batches = -(-num_rows // most_rows[starts])
    # Evenly within each bucket, so that no batch is left with a row or two.
    bucket = np.repeat(np.arange(len(starts)), num_batches)
    first_batch = np.cumsum(num_batches) - num_batches
    batch = np.arange(len(bucket)) - first_batch[bucket]
    batches = buckets[bucket] + batch * num_rows[bucket] // num_batches[bucket]
    return _Plan(rows, buckets, np.append(batches, len(rows)))


def _split(batches: IntArray, num_batches: int) -> IntArray:
    """Halves the largest batches until there are so many."""
    while (num_missing := num_batches - (len(batches) - 1)) > 0:
        num_rows = np.diff(batches)
        largest = np.argsort(-num_rows, kind="stable")[:num_missing]
        largest = largest[num_rows[largest] > 1]
        middles = batches[largest] + num_rows[largest] // 2
        batches = np.sort(np.concatenate([batches, middles]))
    return batches
