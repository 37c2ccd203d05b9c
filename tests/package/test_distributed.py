"""Processes of one training job share the rows and keep step."""

import dataclasses
import datetime
import multiprocessing
import os
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import melmill
import pytest
import torch
import torch.distributed
from melmill.torch import FeatureDataset, LengthBucketSampler, collate
from store_job import Job
from torch.utils.data import DataLoader

NUM_EPOCHS = 2
NUM_ROWS = 21
TIMEOUT_S = 120


@dataclasses.dataclass(frozen=True)
class Training:
    """What all processes of a job are started with.

    Attributes:
      store: The store's folder.
      meeting: A file that does not exist, where they find one another.
      world_size: Number of processes.
      num_workers: Of each DataLoader.
      stop_after: Batches after which, in the last epoch, all make their
        objects anew and go on from the state of rank 0.
    """

    store: Path
    meeting: Path
    world_size: int
    num_workers: int
    stop_after: int

    def start_objects(
        self,
    ) -> tuple[LengthBucketSampler, DataLoader[Any]]:
        dataset = FeatureDataset(self.store, split="train")
        # Rank and world size are those of torch.distributed.
        sampler = LengthBucketSampler(dataset, max_frames_per_batch=200)
        loader = DataLoader(
            dataset,
            batch_sampler=sampler,
            collate_fn=collate,
            num_workers=self.num_workers,
            multiprocessing_context="fork" if self.num_workers else None,
        )
        return sampler, loader


@dataclasses.dataclass(frozen=True)
class Seen:
    """What one process trained on.

    Attributes:
      rank: Its rank.
      rows: Row numbers of each epoch.
      total: Sum of what all processes computed, over all steps.
    """

    rank: int
    rows: list[list[int]]
    total: float


def train(training: Training, rank: int, results: "Queue[Seen]") -> None:
    """One process; adds up with the others in every step, as DDP does."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo",
        init_method=training.meeting.as_uri(),
        rank=rank,
        world_size=training.world_size,
        timeout=datetime.timedelta(seconds=TIMEOUT_S),
    )
    rows: list[list[int]] = [[] for _ in range(NUM_EPOCHS)]
    total = 0.0

    def step(batch: dict[str, Any], epoch: int) -> None:
        nonlocal total
        mean = batch["input_features"].mean()
        torch.distributed.all_reduce(mean)  # waits for all
        total += float(mean)
        rows[epoch] += batch["index"]

    def run(state: dict[str, int] | None, stop_after: int) -> dict[str, int]:
        sampler, loader = training.start_objects()
        if state is not None:
            sampler.load_state_dict(state)
        for epoch in range(sampler.epoch, NUM_EPOCHS):
            sampler.set_epoch(epoch)
            first = sampler.num_batches_done
            for done, batch in enumerate(loader, first + 1):
                step(batch, epoch)
                state = sampler.state_dict(num_batches_done=done)
                if epoch == NUM_EPOCHS - 1 and done == stop_after:
                    return state
        return {}

    states = [run(None, training.stop_after)]
    torch.distributed.broadcast_object_list(states)
    run(states[0], stop_after=0)
    results.put(Seen(rank, rows, total))
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def train_together(training: Training) -> list[Seen]:
    """Runs all processes to their end; what each saw, by rank."""
    # Clean processes that need not import torch one by one.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch.distributed"])
    results: Queue[Seen] = context.Queue()
    processes = [
        context.Process(target=train, args=(training, rank, results))
        for rank in range(training.world_size)
    ]
    for process in processes:
        process.start()
    try:
        seen = [results.get(timeout=TIMEOUT_S) for _ in processes]
        for process in processes:
            process.join(TIMEOUT_S)
        assert [process.exitcode for process in processes] == (
            [0] * training.world_size
        )
    finally:
        for process in processes:
            process.kill()
    return sorted(seen, key=lambda one: one.rank)


@pytest.mark.parametrize(("world_size", "num_workers"), [(2, 1), (4, 0)])
def test_processes_share_the_rows_also_when_going_on_in_an_epoch(
    world_size: int,
    num_workers: int,
    finished_job: Job,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(os.environ, "OMP_NUM_THREADS", "1")
    split = melmill.open(finished_job.store)["train"]
    assert len(split) == NUM_ROWS  # divides by neither number of processes
    seen = train_together(
        Training(
            store=finished_job.store,
            meeting=tmp_path / "meeting",
            world_size=world_size,
            num_workers=num_workers,
            stop_after=1,
        )
    )
    assert [one.rank for one in seen] == list(range(world_size))
    for epoch in range(NUM_EPOCHS):
        rows = [row for one in seen for row in one.rows[epoch]]
        assert sorted(rows) == list(range(NUM_ROWS))
        assert all(one.rows[epoch] for one in seen)
    assert seen[0].rows[0] != seen[0].rows[1]
    # They kept step.
    assert len({one.total for one in seen}) == 1
