"""Batches of rows of similar length, for training with PyTorch.

It needs NumPy alone. `melmill.torch` exports the class.
"""

import sys
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.random  # now: a child forked during a later import would hang
import numpy.typing as npt

from melmill._batch.batch_plan import IntArray, plan_batches


class HasNumFrames(Protocol):
    """What the sampler needs of a split or a FeatureDataset."""

    @property
    def num_frames(self) -> npt.NDArray[Any]:
        """Number of frames of each row, integers, [rows]."""

    def __getitem__(self, index: int, /) -> Any:
        """A row; messages name its audio."""


class LengthBucketSampler:
    """Batches of rows of similar length, for `DataLoader(batch_sampler=...)`.

    Yields lists of row numbers. The padded size of a batch, its longest row
    times its number of rows, is close to `max_frames_per_batch` frames and
    never larger.

    Rows are sorted by length and cut into about 64 buckets, or fewer if there
    are few batches. In each epoch the rows of each bucket are shuffled and cut
    into batches, and the batches of all buckets are shuffled. The order depends
    only on lengths, `seed` and epoch: it is the same on every rank, every
    machine and with every version of NumPy.

    The number of batches, `len(sampler)`, is the same in all epochs and on all
    ranks, as DDP and learning rate schedules require. If the number cannot be
    divided by `world_size`, the batches with the most rows are halved until it
    can. In each epoch every row is read exactly once, by one rank.

    Call `set_epoch` before each epoch, as with PyTorch's DistributedSampler;
    without it all epochs are the same. In a distributed job, do not pass a
    DataLoader with this sampler to accelerate's `prepare`: it would split the
    batches over the ranks a second time.

    To stop and resume in the middle of an epoch, count the batches that were
    trained on. The sampler cannot count them, because a DataLoader with workers
    takes batches long before they are used:

        sampler.load_state_dict(checkpoint)             # to resume
        for epoch in range(sampler.epoch, num_epochs):
            sampler.set_epoch(epoch)
            first = sampler.num_batches_done            # 0 unless resumed
            for step, batch in enumerate(loader, first):
                train(batch)
                checkpoint = sampler.state_dict(num_batches_done=step + 1)

    All ranks have the same state: save that of any rank. Call `load_state_dict`
    before iterating over the DataLoader.

    A sampler belongs to one process and one thread.

    Attributes:
      rank: The rank whose batches are yielded, 0 to world_size - 1.
      world_size: The number of processes that share the batches.
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
        """Plans the batches of all epochs.

        Args:
          num_frames: Number of frames of each row, [rows]; or a split, or a
            FeatureDataset.
          max_frames_per_batch: Most frames of a batch, including padding.
          seed: Seed of the shuffles, 0 or more.
          shuffle: False orders rows by length, longest first, in every epoch.
            Use it for evaluation.
          rank: The rank of this process. Default: that of torch.distributed if
            it is initialised, else 0.
          world_size: The number of ranks. Default: that of torch.distributed if
            it is initialised, else 1.
          drop_last: Leaves out up to world_size - 1 batches, different ones in
            each epoch, instead of halving batches. You need it only if an error
            says that batches cannot be halved.

        Raises:
          ValueError: A row has more than `max_frames_per_batch` frames, there
            are too few rows for `world_size`, or an argument is out of range.
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
        self._plan = plan_batches(
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
        """The current epoch, from 0."""
        return self._epoch

    @property
    def num_batches_done(self) -> int:
        """Number of batches of this epoch that this rank has yielded.

        Before the first one, the number of the batch at which the epoch will
        start: 0 unless a state was loaded.
        """
        return self._num_handed_out

    def __len__(self) -> int:
        """Batches per epoch and rank, even if an epoch is resumed."""
        return self._plan.num_batches // self.world_size

    def __iter__(self) -> Iterator[list[int]]:
        """Yields the remaining batches of this epoch and rank."""
        # This runs when the first batch is taken: a DataLoader with workers
        # makes two iterators and drops one.
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
        """Starts an epoch, or resumes the epoch of a loaded state."""
        if epoch != self._epoch:
            self._first_batch = 0
        self._epoch = epoch
        self._num_handed_out = self._first_batch

    def state_dict(
        self, *, num_batches_done: int | None = None
    ) -> dict[str, int]:
        """The place in the training, as integers.

        Args:
          num_batches_done: Number of batches of this epoch that each rank has
            trained on, including those before a loaded state. Default: the
            number of batches yielded, which is right only for a DataLoader
            without workers.
        """
        if num_batches_done is None:
            num_batches_done = self._num_handed_out
        return {
            "epoch": self._epoch,
            "num_batches_done": num_batches_done,
            **self._settings,
        }

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Makes the next iteration yield the remaining batches of a state.

        Raises:
          ValueError: The state was saved with other rows or other settings, so
            the batches would not be the same.
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
        # Raw bits, because only these are the same in all versions of NumPy.
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
        # If it is initialised, some code has imported it.
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
            f"max_frames_per_batch={max_frames_per_batch}; this applies to "
            f"{too_long.size} of {lengths.size} rows"
        )
    return lengths


def _audio_of(rows: Any, row: int) -> str:
    """The audio of a row for a message, if it is known."""
    if not hasattr(rows, "num_frames"):
        return ""
    item = rows[row]
    return f" ({getattr(item, 'row', item).audio})"
