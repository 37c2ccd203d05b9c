"""The plots of the report, as SVG in data URLs."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import matplotlib
import matplotlib.figure
import numpy as np

from melmill._report.clips import data_url
from melmill._report.time_unit import TimeUnit

# Of Okabe and Ito: told apart by people who see few colours.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_LINES = ("-", "--", "-.", ":")
_WIDTH_IN = 4.6  # narrow, so that letters can be read on a telephone
_MOST_BARS = 12
_SETTINGS = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#666666",
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "axes.axisbelow": True,
    "svg.hashsalt": "melmill",
    "svg.fonttype": "path",
}


def bars(
    entries: Sequence[dict[str, Any]], splits: Sequence[str], unit: TimeUnit
) -> str:
    """Hours of each entry, with a part of the bar for each split."""
    shown = list(entries[:_MOST_BARS])
    with matplotlib.rc_context(_SETTINGS):
        figure = _figure(0.8 + 0.26 * max(len(shown), 2))
        axes = figure.add_subplot()
        names = [_short(entry["name"]) for entry in shown]
        start = np.zeros(len(shown))
        for i, split in enumerate(splits):
            times = np.array(
                [unit.of_hours(e["splits"][split]["hours"]) for e in shown]
            )
            axes.barh(
                range(len(shown)),
                times,
                left=start,
                height=0.7,
                color=_COLOURS[i % len(_COLOURS)],
                label=_short(split),
            )
            start = start + times
        axes.set_yticks(range(len(shown)), names)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(unit.name)
        _legend(figure, axes, len(splits))
        return _svg(figure)


def shares(entries: Sequence[dict[str, Any]], splits: Sequence[str]) -> str:
    """The share of clipped rows of each entry, a bar for each split."""
    shown = list(entries[:_MOST_BARS])
    height = 0.7 / max(len(splits), 1)
    with matplotlib.rc_context(_SETTINGS):
        figure = _figure(0.8 + 0.26 * max(len(shown) * len(splits), 2))
        axes = figure.add_subplot()
        for i, split in enumerate(splits):
            found = [entry["splits"][split] for entry in shown]
            axes.barh(
                [
                    at + (i - (len(splits) - 1) / 2) * height
                    for at in range(len(shown))
                ],
                [100 * f["clipped"] / max(f["rows"], 1) for f in found],
                height=height,
                color=_COLOURS[i % len(_COLOURS)],
                label=_short(split),
            )
        axes.set_yticks(
            range(len(shown)), [_short(entry["name"]) for entry in shown]
        )
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlim(left=0, right=max(axes.get_xlim()[1], 1))
        axes.set_xlabel("rows at full scale / %")
        _legend(figure, axes, len(splits))
        return _svg(figure)


def histogram(measure: dict[str, Any]) -> str:
    """The share of each split's rows in each bin."""
    with matplotlib.rc_context(_SETTINGS):
        figure = _figure(2.6)
        axes = figure.add_subplot()
        for i, (split, counts) in enumerate(measure["counts"].items()):
            share = np.array(counts) * (100 / sum(counts))
            axes.stairs(
                share,
                measure["edges"],
                color=_COLOURS[i % len(_COLOURS)],
                linestyle=_LINES[i % len(_LINES)],
                linewidth=1.4,
                label=_short(split),
            )
        axes.set_ylim(bottom=0)
        axes.set_xlabel(f"{measure['name'].lower()} / {measure['unit']}")
        axes.set_ylabel("rows / %")
        _legend(figure, axes, len(measure["counts"]))
        return _svg(figure)


def mels(of_splits: dict[str, dict[str, Any]]) -> str:
    """Mean and standard deviation of each mel, a colour for each split."""
    with matplotlib.rc_context(_SETTINGS):
        figure = _figure(3.0)
        axes = figure.add_subplot()
        for i, (split, of_split) in enumerate(of_splits.items()):
            mean, spread = np.array(of_split["mean"]), of_split["spread"]
            colour = _COLOURS[i % len(_COLOURS)]
            axes.fill_between(
                range(len(mean)),
                mean - spread,
                mean + spread,
                color=colour,
                alpha=0.15,
                linewidth=0,
            )
            axes.plot(
                mean,
                color=colour,
                linestyle=_LINES[i % len(_LINES)],
                linewidth=1.4,
                label=_short(split),
            )
        axes.set_xlabel("mel, from low to high frequency")
        axes.set_ylabel("feature")
        _legend(figure, axes, len(of_splits))
        return _svg(figure)


def _figure(height_in: float) -> matplotlib.figure.Figure:
    return matplotlib.figure.Figure(
        figsize=(_WIDTH_IN, height_in), layout="constrained"
    )


def _legend(figure: Any, axes: Any, num_splits: int) -> None:
    if num_splits:
        columns = min(num_splits, 4)
        figure.legend(
            *axes.get_legend_handles_labels(),
            loc="outside upper left",
            ncols=columns,
            frameon=False,
        )


def _short(name: str) -> str:
    """A name that is short, and that matplotlib takes as plain letters."""
    short = name if len(name) <= 18 else f"{name[:17]}…"
    return short.replace("$", r"\$").lstrip("_") or "_ "


def _svg(figure: matplotlib.figure.Figure) -> str:
    content = io.BytesIO()
    figure.savefig(content, format="svg", metadata={"Date": None})
    return data_url("image/svg+xml", content.getvalue())
