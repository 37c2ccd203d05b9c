"""Draws what bench/studies/resampling.py found."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import matplotlib.figure
import numpy as np
from common.plots import INK, OTHERS, OURS

from resamplers.accuracy import Accuracy
from resamplers.resample import SOXR
from resamplers.response import PASS_BAND
from resamplers.speed import SOXR_ONESHOT, TARGETS, SpeedRun, names_of

SHOWN_RATES_HZ = (8000, 44100, 48000, 96000)
OURS_SLOWER = ("#5aa0b8", "#a3cbd9", "#d3e5ec")
GRID = "#e6e8eb"


def _figure(
    width: float, height: float, title: str
) -> "matplotlib.figure.Figure":
    figure = matplotlib.figure.Figure(
        figsize=(width, height),
        dpi=150,
        layout="constrained",
        facecolor="white",
    )
    figure.suptitle(title, color=INK, fontsize=12, fontweight="bold")
    return figure


def _dress(axis: "matplotlib.axes.Axes") -> None:
    axis.tick_params(colors=INK, labelsize=8, length=0)
    axis.grid(color=GRID, linewidth=0.8)
    axis.set_axisbelow(True)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def _kilohertz(rate_hz: int) -> str:
    return f"{rate_hz / 1000:g}"


def draw_grouped_bars(
    groups: Sequence[str],
    bars: Sequence[tuple[str, Sequence[float], str]],
    title: str,
    unit: str,
    path: Path,
) -> None:
    """One group of bars for each rate.

    Args:
      groups: What stands under each group.
      bars: A name, a value for each group, and a colour.
      title: Of the picture.
      unit: Of the values.
      path: A PNG file.
    """
    figure = _figure(9, 4, title)
    axis = figure.subplots()
    width = 0.84 / len(bars)
    for index, (label, values, color) in enumerate(bars):
        places = np.arange(len(groups)) + (index - (len(bars) - 1) / 2) * width
        axis.bar(places, values, 0.92 * width, label=label, color=color)
    axis.set_xticks(range(len(groups)), groups)
    axis.set_xlabel("source rate, kHz", color=INK, fontsize=9)
    axis.set_ylabel(unit, color=INK, fontsize=9)
    _dress(axis)
    axis.grid(axis="x", visible=False)
    axis.legend(frameon=False, fontsize=9, labelcolor=INK)
    figure.savefig(path, metadata={"Software": None})


def draw_speed(runs: Sequence[SpeedRun], path: Path) -> None:
    """Clips of 10 s, or of the only duration there is."""
    durations_s = {run.duration_s for run in runs}
    duration_s = 10 if 10 in durations_s else min(durations_s)
    shown = [run for run in runs if run.duration_s == duration_s]
    rates_hz = sorted({run.rate_hz for run in shown})
    ours = [name for name in names_of(shown) if name in TARGETS]
    colors: dict[str, str] = dict(zip(ours, (OURS, *OURS_SLOWER), strict=False))
    medians = {(run.resampler, run.rate_hz): run.spread.median for run in shown}
    labels = {SOXR_ONESHOT: "soxr HQ"}
    labels |= {name: f"spectral, {name}" for name in ours}
    draw_grouped_bars(
        [_kilohertz(rate_hz) for rate_hz in rates_hz],
        [
            (
                label,
                [medians[name, rate_hz] for rate_hz in rates_hz],
                colors.get(name, OTHERS),
            )
            for name, label in labels.items()
        ],
        f"Resampling to 16 kHz, one thread, clips of {duration_s} s",
        "µs per second of audio",
        path,
    )


def draw_errors(found: Sequence[Accuracy], path: Path) -> None:
    """The mean over all signals."""
    rates_hz = sorted({one.rate_hz for one in found})
    errors = {
        (one.resampler, one.rate_hz): 1e9
        * float(np.sqrt(np.mean(np.square(list(one.rms_errors.values())))))
        for one in found
    }
    ours = next(one.resampler for one in found if one.resampler != SOXR)
    draw_grouped_bars(
        [_kilohertz(rate_hz) for rate_hz in rates_hz],
        [
            (label, [errors[name, rate_hz] for rate_hz in rates_hz], color)
            for name, label, color in (
                (SOXR, "soxr HQ", OTHERS),
                (ours, f"spectral, {ours}", OURS),
            )
        ],
        "Error of single precision: speech, chords, noise, sweep at -20 dB",
        "RMS, 1e-9 of full scale",
        path,
    )


def draw_responses(found: Sequence[Accuracy], path: Path) -> None:
    """Magnitude, pass band, and its difference from soxr's, at some rates."""
    rates_hz = [
        rate_hz
        for rate_hz in SHOWN_RATES_HZ
        if any(one.rate_hz == rate_hz for one in found)
    ]
    figure = _figure(
        11, 2.5 * len(rates_hz) + 0.6, "Response, measured from impulses"
    )
    axes = figure.subplots(len(rates_hz), 3, squeeze=False)
    for row, rate_hz in zip(axes, rates_hz, strict=True):
        ones = [one for one in found if one.rate_hz == rate_hz]
        _draw_rate(row, ones)
        row[0].set_ylabel(f"{_kilohertz(rate_hz)} kHz", color=INK, fontsize=10)
    for axis, title in zip(
        axes[0],
        (
            "magnitude, dB",
            "pass band: gain - 1",
            "difference from soxr HQ in float64",
        ),
        strict=True,
    ):
        axis.set_title(title, loc="left", color=INK, fontsize=10)
    for axis in axes[-1]:
        axis.set_xlabel("kHz", color=INK, fontsize=9)
    axes[0, 0].legend(frameon=False, fontsize=8, labelcolor=INK)
    figure.savefig(path, metadata={"Software": None})


def _draw_rate(
    row: Sequence["matplotlib.axes.Axes"], ones: Sequence[Accuracy]
) -> None:
    whole, band, difference = row
    for one in ones:
        is_soxr = one.resampler == SOXR
        style = {
            "color": "#8a929b" if is_soxr else OURS,
            "linewidth": 1.8 if is_soxr else 0.9,
            "label": "soxr HQ" if is_soxr else f"spectral, {one.resampler}",
        }
        frequencies_hz, response = one.response.spectrum()
        nyquist_hz = one.response.nyquist_hz
        shown = frequencies_hz <= 3 * nyquist_hz
        magnitude = 20 * np.log10(np.maximum(np.abs(response[shown]), 1e-11))
        whole.plot(frequencies_hz[shown] / 1000, magnitude, **style)
        passed = one.response.pass_band()
        axis_khz = frequencies_hz[: len(passed)] / 1000
        band.plot(axis_khz, passed - 1, **style)
        exact = one.exact_response.pass_band()
        difference.plot(axis_khz, passed - exact, **style)
    whole.axhline(-125, color=INK, linewidth=0.8, linestyle=":")
    whole.set_ylim(-210, 8)
    difference.set_ylim(-1.2e-6, 1.2e-6)
    for limit in (-1e-6, 1e-6):
        difference.axhline(limit, color=INK, linewidth=0.8, linestyle=":")
    edge_khz = PASS_BAND * ones[0].response.nyquist_hz / 1000
    for axis in (band, difference):
        axis.set_xlim(0, edge_khz)
        axis.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    for axis in row:
        _dress(axis)
