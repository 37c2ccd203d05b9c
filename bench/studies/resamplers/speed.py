"""The speed of resamplers, compared with soxr's call for a whole clip."""

import dataclasses
import json
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from common.markdown import markdown, show_ratio
from common.statistics_of_runs import Spread

SOXR_ONESHOT = "soxr_oneshot"
SOXR_FRONT = "soxr"
TARGETS = ("avx512", "avx2", "sse4", "neon")  # best first
DURATIONS_S = (3, 10, 30)
MIN_SECONDS = 0.02  # of one round of one resampler


@dataclasses.dataclass(frozen=True)
class SpeedRun:
    """Rounds of one resampler over one clip; those of all took turns."""

    rate_hz: int
    duration_s: int
    resampler: str
    us_per_audio_s: list[float]  # of each round
    first_clip_ms: float  # of a few samples: what is computed once

    @property
    def spread(self) -> Spread:
        return Spread.of(self.us_per_audio_s)


def measure(
    program: Path, rate_hz: int, duration_s: int, num_rounds: int
) -> list[SpeedRun]:
    """All resamplers, in one process.

    Args:
      program: bench/studies/kernels/resampler_benchmark.cc, built.
      rate_hz: The source rate.
      duration_s: The clip's.
      num_rounds: So often is each timed, in random turns.
    """
    done = subprocess.run(
        [
            program,
            f"--benchmark_filter=/{rate_hz}/{duration_s}$",
            f"--benchmark_repetitions={num_rounds}",
            f"--benchmark_min_time={MIN_SECONDS}",
            "--benchmark_enable_random_interleaving=true",
            "--benchmark_format=json",
        ],
        capture_output=True,
        check=True,
    )
    rows = [
        row
        for row in json.loads(done.stdout)["benchmarks"]
        if row["run_type"] == "iteration"
    ]
    by_name: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row.get("error_occurred"):
            raise RuntimeError(f"{row['name']}: {row['error_message']}")
        by_name.setdefault(row["name"].split("/")[0], []).append(row)
    return [
        SpeedRun(
            rate_hz,
            duration_s,
            name,
            [row["real_time"] / 1e3 / duration_s for row in ones],
            ones[0]["first_ms"],
        )
        for name, ones in by_name.items()
    ]


def ratio(theirs: SpeedRun, ours: SpeedRun) -> Spread:
    """How many times as fast ours is: of the medians, of the best rounds."""
    medians = theirs.spread.median / ours.spread.median
    best = theirs.spread.low / ours.spread.low
    return Spread(medians, min(medians, best), max(medians, best))


def names_of(runs: Iterable[SpeedRun]) -> list[str]:
    """First soxr's, then ours."""
    names = {run.resampler for run in runs}
    ordered = (SOXR_ONESHOT, SOXR_FRONT, *TARGETS)
    return [name for name in ordered if name in names]


def table(runs: Sequence[SpeedRun]) -> str:
    """Times, and how many times as fast as soxr's own call."""
    by_case: dict[tuple[int, int], dict[str, SpeedRun]] = {}
    for run in runs:
        case = (run.rate_hz, run.duration_s)
        by_case.setdefault(case, {})[run.resampler] = run
    names = names_of(runs)
    rows = []
    for (rate_hz, duration_s), ones in by_case.items():
        cells = [f"{ones[SOXR_ONESHOT].spread.median:.1f}"]
        for name in names[1:]:
            faster = ratio(ones[SOXR_ONESHOT], ones[name])
            us = f"{ones[name].spread.median:.1f}"
            cells.append(f"{us}: {show_ratio(faster)}")
        tables_ms = max(ones[name].first_clip_ms for name in names[2:])
        cells.append(f"{tables_ms:.1f}")
        rows.append((f"{rate_hz:,} Hz, {duration_s} s", *cells))
    return markdown(("us per audio s", *names, "tables, ms"), rows)
