"""What is made of the measurements: medians, spreads and ratios."""

import dataclasses
import statistics
from collections.abc import Iterable, Sequence


@dataclasses.dataclass(frozen=True)
class Measurement:
    """One counted run; every one is kept in the JSON file."""

    pipeline: str
    label: str
    audio_format: str
    cache: str  # "warm", "cold", or "start-up": one row, warm
    round: int
    seconds: float
    audio_s: float
    cpu_s: float
    max_rss_mb: float
    foreign_cpu: float
    max_difference: float | None  # from the reference; None: nothing to hold


@dataclasses.dataclass(frozen=True)
class Spread:
    """The middle and the ends of some values."""

    median: float
    low: float
    high: float

    @staticmethod
    def of(values: Iterable[float]) -> "Spread":
        ordered = sorted(values)
        if not ordered:
            raise ValueError("no values")
        return Spread(statistics.median(ordered), ordered[0], ordered[-1])


def select(
    measurements: Iterable[Measurement],
    pipeline: str,
    audio_format: str,
    cache: str,
) -> list[Measurement]:
    wanted = (pipeline, audio_format, cache)
    return [
        m
        for m in measurements
        if (m.pipeline, m.audio_format, m.cache) == wanted
    ]


def speed(measurements: Iterable[Measurement]) -> Spread:
    """Seconds of audio per second: times real time."""
    return Spread.of(m.audio_s / m.seconds for m in measurements)


def ratio(
    measurements: Sequence[Measurement], others: Sequence[Measurement]
) -> Spread:
    """How many times as fast the first are, round by round.

    Both of a round ran within seconds of each other, so what slows the machine
    for a while falls out of their ratio. Rounds that one lacks are left out.
    """
    by_round = {m.round: m.seconds / m.audio_s for m in others}
    return Spread.of(
        by_round[m.round] / (m.seconds / m.audio_s)
        for m in measurements
        if m.round in by_round
    )
