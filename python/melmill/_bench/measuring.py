"""Measures how long batches take from audio and from a store."""

from __future__ import annotations

import contextlib
import copy
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from melmill._bench.training_bench import TrainingBench, Way
from melmill._models import feature_extractor
from melmill._models.check import compare_batches
from melmill._models.reference_audio import load_samples
from melmill._models.stored_audio import StoredAudio
from melmill._models.two_ways import (
    TwoWays,
    choose_batches,
    examples_of,
    make_batch,
)
from melmill._store.row import Row
from melmill._store.store import PathLike, Store

Step = Callable[[Any], object]

_TOKENIZERS = "TOKENIZERS_PARALLELISM"


def bench_training(
    processor: Any,
    store: Store | PathLike | Sequence[PathLike],
    *,
    batch_size: int,
    num_batches: int,
    num_workers: int,
    step_seconds: float | None,
    step: Step | None,
    seed: int,
) -> TrainingBench:
    """What melmill.bench_training does."""
    if step_seconds is not None and step is not None:
        raise ValueError("give step_seconds or step, not both")
    if min(batch_size, num_batches) < 1 or num_workers < 0:
        raise ValueError(
            "batch_size and num_batches must be at least 1, num_workers at "
            f"least 0: {batch_size}, {num_batches}, {num_workers}"
        )
    if step_seconds is not None and not 0 < step_seconds < math.inf:
        raise ValueError(f"step_seconds is {step_seconds}, not above 0")
    store = feature_extractor.opened(store)
    ways = TwoWays(processor, store)
    num_rows = batch_size * num_batches
    batches = choose_batches(store, num_rows, batch_size, seed)
    if not batches:
        raise ValueError("the store has no rows")
    audio = _Batches(ways.computing, batches, load_samples)
    stored = _Batches(ways.serving, batches, StoredAudio)
    with _calm_tokenizers():
        # This also reads every file once, so that no disk is measured.
        report = compare_batches(ways, batches)
        made = _make_in_turn(audio, stored)
        act = step or _sleep(step_seconds)
        trained = [_train(way, num_workers, act) for way in (audio, stored)]
    from_audio, from_store = (
        Way(*times, *waits) for times, waits in zip(made, trained, strict=True)
    )
    return TrainingBench(
        from_audio,
        from_store,
        batch_size=min(batch_size, len(batches[0])),
        num_batches=len(batches),
        num_workers=num_workers,
        has_step=act is not None,
        mean_audio_s=sum(row.duration_s for rows in batches for row in rows)
        / len(batches),
        has_tokenizer=hasattr(processor, "tokenizer"),
        max_feature_difference=report.max_feature_difference,
    )


def _sleep(seconds: float | None) -> Step | None:
    """A step that leaves the processors to the loader, as one on a GPU does."""
    return None if seconds is None else lambda _: time.sleep(seconds)


class _Batches(Dataset[Any]):  # type: ignore[misc]
    """Makes batches one way; item i is batch i.

    Args:
      processor: The processor of this way.
      batches: Rows of each batch.
      load: Makes what the processor takes as the audio of a row.
    """

    def __init__(
        self,
        processor: Any,
        batches: Sequence[Sequence[Row]],
        load: Callable[[Row], Any],
    ) -> None:
        self.load = load
        self.batches = batches
        self._processor = processor
        self._examples = [examples_of(processor, rows) for rows in batches]
        self._transcripts = [
            [row.transcript for row in rows] for rows in batches
        ]

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> dict[str, Any]:
        audios = [self.load(row) for row in self.batches[index]]
        return self.batch(index, audios)

    def batch(self, index: int, audios: list[Any]) -> dict[str, Any]:
        """The tensors of a batch, and tokens of its transcripts."""
        processor = self._processor
        rows, examples = self.batches[index], self._examples[index]
        batch = dict(make_batch(processor, rows, examples, audios))
        if "labels" not in batch and hasattr(processor, "tokenizer"):
            texts = self._transcripts[index]
            batch["labels"] = processor.tokenizer(texts).input_ids
        return batch

    def timed(self) -> tuple[_Batches, _TimedTokenizer]:
        """The same with a tokenizer that measures its time."""
        tokenizer = _TimedTokenizer(getattr(self._processor, "tokenizer", None))
        changed = copy.copy(self)
        if hasattr(self._processor, "tokenizer"):
            changed._processor = copy.copy(self._processor)
            changed._processor.tokenizer = tokenizer
        return changed, tokenizer


class _TimedTokenizer:
    """A tokenizer that measures how long its calls take."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.seconds = 0.0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        begin = time.perf_counter()
        try:
            return self._tokenizer(*args, **kwargs)
        finally:
            self.seconds += time.perf_counter() - begin

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)


Times = tuple[float, float, float, float]


def _make_in_turn(*ways: _Batches) -> list[Times]:
    """Means of the first times of a Way, on one thread as in a worker.

    The ways take turns, so that other programs disturb all of them.
    """
    sums = [[0.0] * 4 for _ in ways]
    timed = [way.timed() for way in ways]
    with _one_thread():
        for index in range(-1, len(ways[0])):  # -1 is to get warm
            for found, (way, tokenizer) in zip(sums, timed, strict=True):
                tokenizer.seconds = 0.0
                times = _make(way, tokenizer, index)
                if index >= 0:
                    found[:] = map(sum, zip(found, times, strict=True))
    count = len(ways[0])
    means = []
    for load, features, tokenizing, cpu in sums:
        means.append(
            (load / count, features / count, tokenizing / count, cpu / count)
        )
    return means


def _make(way: _Batches, tokenizer: _TimedTokenizer, index: int) -> Times:
    """Makes a batch, and says how long each of its parts took."""
    cpu_begin, begin = time.process_time(), time.perf_counter()
    audios = [way.load(row) for row in way.batches[index]]
    loaded = time.perf_counter()
    way.batch(index, audios)
    end, cpu_end = time.perf_counter(), time.process_time()
    tokenizing = tokenizer.seconds
    features = end - loaded - tokenizing
    return loaded - begin, features, tokenizing, cpu_end - cpu_begin


def _train(
    way: _Batches, num_workers: int, step: Step | None
) -> tuple[float, float]:
    """Mean wait for a batch, and mean time of a step.

    Workers start at the same time and so end their first batches at the same
    time. Without a first round of theirs, whole rounds have the mean wait of a
    long training.
    """
    num_in_round = max(num_workers, 1)
    num_rounds = -(-len(way) // num_in_round)
    total = (1 + num_rounds) * num_in_round
    loader = DataLoader(
        way,
        batch_size=None,
        sampler=[number % len(way) for number in range(total)],
        num_workers=num_workers,
        collate_fn=_as_it_is,
    )
    wait_s = step_s = 0.0
    batches = iter(loader)
    for number in range(total):
        begin = time.perf_counter()
        batch = next(batches)
        got = time.perf_counter()
        end = got
        if step is not None:
            step(batch)
            end = time.perf_counter()
        if number >= num_in_round:
            wait_s += got - begin
            step_s += end - got
    count = num_rounds * num_in_round
    return wait_s / count, step_s / count


def _as_it_is(batch: Any) -> Any:
    return batch


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(num_threads)


@contextlib.contextmanager
def _calm_tokenizers() -> Iterator[None]:
    """Lets tokenizers use one thread, as they do in workers after a fork."""
    before = os.environ.get(_TOKENIZERS)
    os.environ[_TOKENIZERS] = "false"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_TOKENIZERS]
        else:
            os.environ[_TOKENIZERS] = before
