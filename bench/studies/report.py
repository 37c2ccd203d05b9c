#!/usr/bin/env python3
"""Shows a result of compare.py again: the tables, and the plots."""

import argparse
from pathlib import Path

from common import plots
from common.markdown import TIMES
from common.statistics_of_runs import Spread, speed
from pipelines.tables import BASE, FLOOR, Result, document, pipelines_of


def color_of(pipeline: str) -> str:
    if pipeline == FLOOR:
        return plots.LIMIT
    return plots.OURS if pipeline.startswith(BASE) else plots.OTHERS


def draw(result: Result, images: Path) -> list[Path]:
    """Draws every plot that has data; the paths of the PNG files."""
    images.mkdir(parents=True, exist_ok=True)
    paths = []
    for cache, name in (("warm", "whole_way.png"), ("cold", "cold.png")):
        panels = [
            plots.Panel(
                label,
                [
                    plots.Bar(runs[0].label, speed(runs), color_of(key))
                    for key, runs in by_pipeline.items()
                ],
            )
            for audio_format, label in result.format_labels.items()
            if (by_pipeline := pipelines_of(result, audio_format, cache))
        ]
        if panels:
            title = f"Seconds of audio per second, {cache} page cache"
            plots.draw(panels, title, f"{TIMES} real time", images / name)
            paths.append(images / name)
    bars = []
    for kernel in dict.fromkeys(run.kernel for run in result.kernel_runs):
        values = [
            value
            for run in result.kernel_runs
            if run.kernel == kernel
            for value in run.us_per_audio_s
        ]
        bars.append(plots.Bar(kernel, Spread.of(values), color_of(kernel)))
    if bars:
        path = images / "kernel.png"
        title = "Log-mel kernel, one thread, 16 kHz"
        panel = plots.Panel("less is better", bars)
        plots.draw([panel], title, "µs per second of audio", path)
        paths.append(path)
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("result", type=Path, help="peers.json")
    parser.add_argument("--images", type=Path, help="draw the plots there")
    arguments = parser.parse_args()
    result = Result.read(arguments.result)
    print(document(result), end="")
    if arguments.images:
        draw(result, arguments.images)


if __name__ == "__main__":
    main()
