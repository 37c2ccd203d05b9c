"""What compare.py found, as a JSON file and as tables in Markdown."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common.markdown import TIMES, markdown, show_ratio
from common.statistics_of_runs import Measurement, Spread, ratio, select, speed

from pipelines import kernels

FLOOR = "io-floor"
BASE = "melmill"


@dataclasses.dataclass
class Result:
    """All that one call of bench/studies/compare.py found."""

    machine: dict[str, str]
    format_labels: dict[str, str]
    corpora: dict[str, str]  # what was read, for each format
    fsyncs: dict[str, bool]  # by pipeline
    measurements: list[Measurement]
    kernel_runs: list[kernels.KernelRun]
    notes: list[str]

    def write(self, path: Path) -> None:
        text = json.dumps(dataclasses.asdict(self), indent=1)
        temporary = path.with_suffix(".new")
        temporary.write_text(text + "\n")
        temporary.replace(path)

    @staticmethod
    def read(path: Path) -> "Result":
        values: dict[str, Any] = json.loads(path.read_text())
        values["measurements"] = [
            Measurement(**m) for m in values["measurements"]
        ]
        values["kernel_runs"] = [
            kernels.KernelRun(**k) for k in values["kernel_runs"]
        ]
        return Result(**values)


def pipelines_of(
    result: Result, audio_format: str, cache: str
) -> dict[str, list[Measurement]]:
    """The runs of each pipeline that has some, in the order of running."""
    names = dict.fromkeys(m.pipeline for m in result.measurements)
    selected = {
        name: select(result.measurements, name, audio_format, cache)
        for name in names
    }
    return {name: runs for name, runs in selected.items() if runs}


def whole_way_table(result: Result, audio_format: str, cache: str) -> str:
    """How fast whole processes are, and melmill compared with each."""
    by_pipeline = pipelines_of(result, audio_format, cache)
    base = by_pipeline.get(BASE, [])
    rows = []
    for name, runs in by_pipeline.items():
        rate = speed(runs)
        seconds = Spread.of(m.seconds for m in runs)
        cpu = Spread.of(m.cpu_s / m.audio_s * 1e6 for m in runs)
        memory = max(m.max_rss_mb for m in runs)
        faster = ratio(base, runs) if base and name != BASE else None
        found = [m.max_difference for m in runs if m.max_difference is not None]
        rows.append(
            (
                runs[0].label,
                f"{rate.median:,.0f}",
                f"{rate.low:,.0f}-{rate.high:,.0f}",
                f"{seconds.median:.2f}",
                f"{cpu.median:.0f}",
                f"{memory:.0f}",
                show_ratio(faster),
                f"{max(found):.1e}" if found else "",
                "yes" if result.fsyncs.get(name) else "no",
            )
        )
    return markdown(
        (
            "pipeline",
            f"{TIMES} real time",
            "from-to",
            "s",
            "CPU µs per audio s",
            "peak MB",
            "melmill is faster",
            "max difference",
            "fsync",
        ),
        rows,
    )


def startup_table(result: Result) -> str:
    rows = []
    for audio_format in result.format_labels:
        for runs in pipelines_of(result, audio_format, "start-up").values():
            seconds = Spread.of(m.seconds for m in runs)
            rows.append(
                (
                    runs[0].label,
                    f"{seconds.median:.2f}",
                    f"{seconds.low:.2f}-{seconds.high:.2f}",
                )
            )
    return markdown(("one row only", "s", "from-to"), rows) if rows else ""


def kernel_table(runs: Sequence[kernels.KernelRun]) -> str:
    """The kernels, and asrfront's time over each, process by process."""
    by_kernel: dict[str, list[kernels.KernelRun]] = {}
    for run in runs:
        by_kernel.setdefault(run.kernel, []).append(run)
    peer = by_kernel.get(kernels.ASRFRONT, [])
    rows = []
    for name, ones in by_kernel.items():
        us = Spread.of(value for run in ones for value in run.us_per_audio_s)
        faster = [
            Spread.of(theirs.us_per_audio_s).median
            / Spread.of(one.us_per_audio_s).median
            for one, theirs in zip(ones, peer, strict=False)
        ]
        is_peer = name == kernels.ASRFRONT or not faster
        rows.append(
            (
                name,
                f"{us.median:.1f}",
                f"{us.low:.1f}-{us.high:.1f}",
                "" if is_peer else show_ratio(Spread.of(faster)),
            )
        )
    head = ("log-mel, 1 thread", "us per audio s", "from-to", "asrfront / it")
    return markdown(head, rows) if rows else ""


def document(result: Result) -> str:
    """All tables with what one has to know to read them."""
    parts = [
        "\n".join(
            f"- {name}: {value}" for name, value in result.machine.items()
        )
    ]
    for cache in ("warm", "cold"):
        for name, label in result.format_labels.items():
            if not pipelines_of(result, name, cache):
                continue
            parts.append(f"### {label}, {cache}\n\n{result.corpora[name]}")
            parts.append(whole_way_table(result, name, cache))
    for title, table in (
        ("Start-up", startup_table(result)),
        ("Kernel", kernel_table(result.kernel_runs)),
    ):
        if table:
            parts.append(f"### {title}\n\n{table}")
    foreign = [m.foreign_cpu for m in result.measurements]
    if foreign:
        share = Spread.of(foreign)
        parts.append(
            "CPU time that other processes and the kernel took meanwhile: "
            f"median {share.median:.0%}, at most {share.high:.0%} of a run."
        )
    parts += [f"Note: {note}" for note in result.notes]
    return "\n\n".join(parts) + "\n"
