"""Draws horizontal bars with their spread."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import matplotlib.figure

from common.statistics_of_runs import Spread

OURS = "#1f6f8b"
OTHERS = "#b8bec5"
LIMIT = "#ffffff"
INK = "#24292f"
BAR_INCHES = 0.34


@dataclasses.dataclass(frozen=True)
class Bar:
    """One value; the colour is OURS, OTHERS or LIMIT."""

    label: str
    value: Spread
    color: str


@dataclasses.dataclass(frozen=True)
class Panel:
    title: str
    bars: list[Bar]


def draw(panels: Sequence[Panel], title: str, unit: str, path: Path) -> None:
    """Draws one panel below the other, all on one scale, as a PNG file."""
    heights = [len(panel.bars) + 1.2 for panel in panels]
    figure = matplotlib.figure.Figure(
        figsize=(8, BAR_INCHES * sum(heights) + 1),
        dpi=150,
        layout="constrained",
        facecolor="white",
    )
    axes = figure.subplots(
        len(panels),
        1,
        sharex=True,
        squeeze=False,
        gridspec_kw={"height_ratios": heights},
    )[:, 0]
    largest = max(bar.value.high for panel in panels for bar in panel.bars)
    for axis, panel in zip(axes, panels, strict=True):
        _draw_panel(axis, panel, largest)
    axes[-1].set_xlabel(
        f"{unit} (median of the rounds, and a line from lowest to highest)",
        color=INK,
        fontsize=9,
    )
    axes[0].set_xlim(0, largest * 1.18)
    figure.suptitle(title, color=INK, fontsize=12, fontweight="bold")
    figure.savefig(path, metadata={"Software": None})


def _edge(color: str) -> str:
    """A limit is an outline, not something that ran the whole way."""
    return INK if color == LIMIT else color


def _draw_panel(
    axis: "matplotlib.axes.Axes", panel: Panel, largest: float
) -> None:
    places = range(len(panel.bars))
    for place, bar in zip(places, panel.bars, strict=True):
        axis.barh(
            place,
            bar.value.median,
            color=bar.color,
            edgecolor=_edge(bar.color),
            linestyle="--" if bar.color == LIMIT else "-",
            height=0.66,
        )
    for place, bar in zip(places, panel.bars, strict=True):
        value = bar.value
        axis.plot(
            [value.low, value.high], [place, place], color=INK, linewidth=1.2
        )
        axis.text(
            max(value.high, value.median) + largest * 0.012,
            place,
            f"{value.median:,.0f}"
            if largest >= 1000
            else f"{value.median:.1f}",
            va="center",
            color=INK,
            fontsize=9,
        )
    axis.set_yticks(places, [bar.label for bar in panel.bars])
    axis.invert_yaxis()
    axis.set_title(panel.title, loc="left", color=INK, fontsize=10)
    axis.tick_params(colors=INK, labelsize=9, length=0)
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.grid(axis="x", color="#e6e8eb", linewidth=0.8)
    axis.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
