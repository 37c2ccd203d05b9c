"""What a training needs for its batches from audio and from a store."""

from __future__ import annotations

import dataclasses

# A wait of less than this share of a step is none: clocks and other programs
# cause as much.
_LEAST_SHARE = 0.05
# At rest one process, on one thread, takes little more than its processor time.
_MOST_PER_CPU = 1.5


@dataclasses.dataclass(frozen=True)
class Way:
    """The mean times of a batch, made one way.

    Attributes:
      load_s: Reading, decoding and resampling audio; from a store it is next to
        nothing.
      features_s: Computing or reading features, and all else that the processor
        does but tokenising.
      tokenizing_s: Tokenising texts.
      cpu_s: Time of processors that these take together, on all cores.
      wait_s: How long a training step waits for its batch, or, without a step,
        the time from batch to batch.
      step_s: How long a step takes once it has its batch; 0 without a step.
    """

    load_s: float
    features_s: float
    tokenizing_s: float
    cpu_s: float
    wait_s: float
    step_s: float

    @property
    def making_s(self) -> float:
        """The time that one process needs to make a batch."""
        return self.load_s + self.features_s + self.tokenizing_s

    @property
    def period_s(self) -> float:
        """The time from step to step."""
        return self.wait_s + self.step_s

    @property
    def num_cores(self) -> float:
        """Number of cores that are busy making batches while it trains."""
        return self.cpu_s / self.period_s if self.period_s else 0.0

    @property
    def has_wait(self) -> bool:
        """Whether steps wait so long that it can be told from noise."""
        return self.wait_s > _LEAST_SHARE * self.period_s


@dataclasses.dataclass(frozen=True, repr=False)
class TrainingBench:
    """What melmill.bench_training measured; repr() is a table and a verdict.

    Attributes:
      audio: Batches that are computed from audio files.
      store: The same batches from the store.
      batch_size: Rows of a batch.
      num_batches: Number of batches that were made each way.
      num_workers: Number of workers of the DataLoader; 0: the process itself.
      has_step: Whether a step was given.
      mean_audio_s: Mean length of a batch's audio.
      has_tokenizer: Whether the processor has a tokenizer.
      max_feature_difference: Largest difference of a feature between the two.
    """

    audio: Way
    store: Way
    batch_size: int
    num_batches: int
    num_workers: int
    has_step: bool
    mean_audio_s: float
    has_tokenizer: bool
    max_feature_difference: float

    @property
    def verdict(self) -> str:
        """What the store saves, in a sentence."""
        return self._verdict_of_step() if self.has_step else self._outlook()

    @property
    def was_disturbed(self) -> bool:
        """Whether other programs took much of the time meanwhile."""
        return any(
            way.making_s > _MOST_PER_CPU * way.cpu_s
            for way in (self.audio, self.store)
        )

    def __repr__(self) -> str:
        lines = [self._table(), "", self.verdict]
        if self.was_disturbed:
            lines += [
                "Other programs were busy, or files were not in memory: "
                "measure again at rest."
            ]
        return "\n".join(lines)

    def _outlook(self) -> str:
        audio, store = self.audio.wait_s, self.store.wait_s
        if self.num_workers == 0:
            return (
                f"Without workers each step waits {_time(audio)} for audio and "
                f"{_time(store)} for the store."
            )
        saved_s = self.audio.cpu_s - self.store.cpu_s
        return (
            f"With {self._workers()} a step of less than {_time(audio)} waits "
            f"for audio, and one of less than {_time(store)} for the store; "
            "the store saves a longer step no time, but "
            f"{_time(saved_s)} of processor time a batch. Give step_seconds to "
            "see which is yours."
        )

    def _verdict_of_step(self) -> str:
        begin = f"With your step of {_time(self.audio.step_s)} and "
        begin += self._workers()
        saved = self.audio.num_cores - self.store.num_cores
        cores = f"keeps {saved:.1f} fewer cores busy"
        if not self.audio.has_wait:
            begin += " the loader already keeps up: a store saves no time"
            return f"{begin}, but {cores}." if saved >= 0.05 else f"{begin}."
        factor = self.audio.period_s / self.store.period_s
        waits = (
            f"a step waits {_time(self.audio.wait_s)} for audio and "
            f"{_time(self.store.wait_s)} for the store"
        )
        if factor < 1 + _LEAST_SHARE:
            return f"{begin} {waits}: the store saves no time."
        return (
            f"{begin} {waits}: with the store it trains {factor:.1f} times as "
            "fast."
        )

    def _workers(self) -> str:
        if self.num_workers == 0:
            return "no workers"
        return f"{self.num_workers} worker{'s' * (self.num_workers != 1)}"

    def _table(self) -> str:
        ways = self.audio, self.store
        lines = [
            f"{self.num_batches} batches of {self.batch_size} clips, "
            f"{self.mean_audio_s:.1f} s of audio on average; both ways gave "
            "equal tensors",
            _line("a batch, made by one process", "from audio", "from store"),
            _line("  loading audio", *(_time(way.load_s) for way in ways)),
            _line("  features", *(_time(way.features_s) for way in ways)),
        ]
        if self.has_tokenizer:
            lines += [
                _line(
                    "  tokenising", *(_time(way.tokenizing_s) for way in ways)
                )
            ]
        lines += [_line("  together", *(_time(way.making_s) for way in ways))]
        if self.has_tokenizer:
            shares = (_share(way.tokenizing_s, way.making_s) for way in ways)
            lines += [_line("  share of tokenising", *shares)]
        lines += [
            _line("  processor time", *(_time(way.cpu_s) for way in ways))
        ]
        waits = [_time(way.wait_s) for way in ways]
        title = f"training with {self._workers()}"
        if not self.has_step:
            return "\n".join(
                [*lines, title, _line("  a batch comes every", *waits)]
            )
        cores = (f"{way.num_cores:.1f}" for way in ways)
        return "\n".join(
            [
                *lines,
                title,
                _line("  a step takes", *(_time(way.step_s) for way in ways)),
                _line("  and waits for data", *waits),
                _line("  busy cores", *cores),
            ]
        )


def _line(name: str, audio: str, store: str) -> str:
    return f"{name:28} {audio:>12} {store:>12}"


def _share(part_s: float, whole_s: float) -> str:
    return f"{part_s / whole_s:.0%}".replace("%", " %") if whole_s else "-"


def _time(seconds: float) -> str:
    """Seconds or milliseconds, with at least two digits."""
    if seconds >= 1:
        return f"{seconds:.1f} s"
    if seconds >= 0.01:
        return f"{seconds * 1e3:.0f} ms"
    return f"{seconds * 1e3:.1f} ms"
