"""Batches of rows of similar length, for training with PyTorch.

It needs NumPy alone. `melmill.torch` exports the class.
"""

import sys
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from melmill._batch.batch_plan import BatchPlan, IntArray, plan_batches
from melmill._batch.epoch import Epoch, make_epoch

Earlier = list[tuple[int, int]]


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
    never larger, unless the batch is a single row that is longer than that.

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

    A state serves any number of ranks. If the number has changed, the batches
    that were left are shared by the ranks of now, the largest ones halved if
    need be: the epoch still has every row once. In that epoch
    `num_batches_done` counts from 0, and fewer batches than `len(sampler)`
    follow.

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
        on_too_long: Literal["error", "alone"] = "error",
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
          on_too_long: What to do with rows of more than `max_frames_per_batch`
            frames: "error" refuses them, "alone" makes each a batch, which then
            takes more memory than others. To leave them out, sample from
            split[split.num_frames <= max_frames_per_batch].

        Raises:
          ValueError: A row is too long, there are too few rows for
            `world_size`, or an argument is out of range.
        """
        if on_too_long not in ("error", "alone"):
            raise ValueError(
                f'on_too_long is {on_too_long!r}, not "error" or "alone"'
            )
        self.rank, self.world_size = _place(rank, world_size)
        lengths = _checked_lengths(num_frames, max_frames_per_batch)
        if on_too_long == "error":
            _refuse_too_long(num_frames, lengths, max_frames_per_batch)
        if len(lengths) < self.world_size:
            raise ValueError(
                f"{len(lengths)} rows cannot be split over {self.world_size} "
                "ranks"
            )
        self._settings: dict[str, int] = {
            "max_frames_per_batch": max_frames_per_batch,
            "seed": seed,
            "shuffle": shuffle,
            "drop_last": drop_last,
            "checksum_of_num_frames": zlib.crc32(
                lengths.astype("<i8").tobytes()
            ),
        }
        self._lengths = lengths
        self._plan = self._plan_for(self.world_size)
        self._epoch = 0
        # Of the epoch that a state was loaded for: the numbers of ranks that
        # have trained on it before, and how many batches each of these had.
        self._earlier: Earlier = []
        # Where the next iteration begins.
        self._next_earlier: Earlier = []
        self._first_batch = 0
        self._num_handed_out = 0

    def __repr__(self) -> str:
        settings = self._settings
        return (
            f"<LengthBucketSampler of {len(self._lengths):,} rows: "
            f"{len(self):,} batches of at most "
            f"{settings['max_frames_per_batch']:,} frames for rank {self.rank} "
            f"of {self.world_size}, epoch {self._epoch}, seed "
            f"{settings['seed']}>"
        )

    @property
    def epoch(self) -> int:
        """The current epoch, from 0."""
        return self._epoch

    @property
    def num_batches_done(self) -> int:
        """Number of batches of this epoch that this rank has yielded.

        Before the first one, the number of the batch at which the epoch will
        start: 0 unless a state was loaded. Batches that other numbers of ranks
        have trained on do not count.
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
        self._earlier, self._next_earlier = self._next_earlier, []
        self._num_handed_out = first
        epoch = self._left_after(self._earlier)
        for number in range(first, epoch.num_batches // self.world_size):
            self._num_handed_out = number + 1
            yield epoch.batch(number * self.world_size + self.rank)

    def set_epoch(self, epoch: int) -> None:
        """Starts an epoch, or resumes the epoch of a loaded state."""
        if epoch != self._epoch:
            self._first_batch = 0
            self._next_earlier = []
        self._epoch = epoch
        self._earlier = self._next_earlier
        self._num_handed_out = self._first_batch

    def state_dict(
        self, *, num_batches_done: int | None = None
    ) -> dict[str, Any]:
        """The place in the training, as integers and a list of their pairs.

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
            "world_size": self.world_size,
            "earlier": [list(pair) for pair in self._earlier],
            **self._settings,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Makes the next iteration yield the remaining batches of a state.

        Raises:
          ValueError: The state was saved with other rows or other settings, so
            the batches would not be the same; or too few rows are left for the
            ranks of now.
        """
        for name, value in self._settings.items():
            if state[name] != value:
                raise ValueError(
                    f"the state was saved with {name}={state[name]!r}, this "
                    f"sampler has {value!r}"
                )
        earlier = [(int(size), int(done)) for size, done in state["earlier"]]
        done = int(state["num_batches_done"])
        if state["world_size"] != self.world_size:
            # Ranks that have trained on nothing leave no trace.
            earlier += [(int(state["world_size"]), done)] * (done != 0)
            done = 0
        left = self._left_after(earlier, state["epoch"])
        _check_done(done, left.num_batches // self.world_size)
        self._epoch = state["epoch"]
        self._earlier = self._next_earlier = earlier
        self._first_batch = self._num_handed_out = done

    def _plan_for(self, world_size: int) -> BatchPlan:
        settings = self._settings
        return plan_batches(
            self._lengths,
            max_frames_per_batch=settings["max_frames_per_batch"],
            world_size=world_size,
            shuffle=bool(settings["shuffle"]),
            drop_last=bool(settings["drop_last"]),
        )

    def _left_after(self, earlier: Earlier, epoch: int | None = None) -> Epoch:
        """What other numbers of ranks have left of an epoch, for those of now.

        Args:
          earlier: Pairs of a number of ranks and of the batches of each.
          epoch: The number of the epoch. None: the current one.
        """
        sizes = [*(size for size, _ in earlier), self.world_size]
        is_planned = sizes[0] == self.world_size
        left = make_epoch(
            self._plan if is_planned else self._plan_for(sizes[0]),
            shuffle=bool(self._settings["shuffle"]),
            seed=self._settings["seed"],
            number=self._epoch if epoch is None else epoch,
        )
        drop_last = bool(self._settings["drop_last"])
        for (size, done), next_size in zip(earlier, sizes[1:], strict=True):
            _check_done(done, left.num_batches // size)
            left = left.after(done * size)
            left = left.shared_by(next_size, drop_last=drop_last)
        return left


def _check_done(num_batches_done: int, num_batches: int) -> None:
    if not 0 <= num_batches_done <= num_batches:
        raise ValueError(
            f"num_batches_done={num_batches_done} is not within "
            f"the {num_batches} batches of an epoch"
        )


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
    return lengths


def _refuse_too_long(
    rows: Any, lengths: IntArray, max_frames_per_batch: int
) -> None:
    too_long = np.flatnonzero(lengths > max_frames_per_batch)
    if too_long.size:
        row = int(too_long[0])
        raise ValueError(
            f"row {row}{_audio_of(rows, row)} has {lengths[row]} frames, "
            "more than "
            f"max_frames_per_batch={max_frames_per_batch}; this applies to "
            f"{too_long.size} of {lengths.size} rows, of which the longest has "
            f'{lengths.max()} frames. on_too_long="alone" makes each of them a '
            "batch"
        )


def _audio_of(rows: Any, row: int) -> str:
    """The audio of a row for a message, if it is known."""
    if not hasattr(rows, "num_frames"):
        return ""
    item = rows[row]
    return f" ({getattr(item, 'row', item).audio})"
