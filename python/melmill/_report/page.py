"""The page of the report: one HTML file that needs no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2

from melmill._report import charts, clips
from melmill._report.row_columns import RowColumns
from melmill._report.time_unit import unit_for

_TEMPLATE = Path(__file__).with_name("page.html")


def page(columns: RowColumns, numbers: dict[str, Any]) -> str:
    """The page with these numbers and with plots of them."""
    environment = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["count"] = lambda number: f"{number:,}"
    environment.filters["short"] = lambda number: f"{number:,.4g}"
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    splits = columns.store.splits
    hours = numbers["hours"]
    unit = unit_for(
        sum(s["hours"] for s in hours["by_split"][0]["splits"].values())
    )
    clipping = numbers["clipping"]
    has_rows = len(columns) > 0
    text: str = template.render(
        numbers=numbers,
        splits=splits,
        unit=unit,
        hours_plots=[
            (title, hours[key], charts.bars(hours[key], splits, unit))
            for title, key in (
                ("By split", "by_split"),
                ("By language", "by_language"),
                ("By sample rate of the source", "by_source_rate"),
            )
        ]
        if has_rows
        else [],
        measure_plots=[
            (measure, charts.histogram(measure) if measure["counts"] else "")
            for measure in numbers["measures"]
        ],
        clipping_plot=charts.shares(clipping["by_source_rate"], splits)
        if clipping["num_rows"]
        else "",
        mels_plot=charts.mels(numbers["mels"]) if numbers["mels"] else "",
        clip_groups=[
            (title, [_shown(columns, clip) for clip in numbers["clips"][key]])
            for title, key in (
                ("Typical rows", "typical"),
                ("Suspicious rows", "suspicious"),
            )
        ],
    )
    return text


def _shown(columns: RowColumns, clip: dict[str, Any]) -> dict[str, Any]:
    place = clip["place"]
    return {
        **clip,
        "duration_s": float(columns.duration_s[place]),
        "picture": clips.picture(columns, place),
        "sound": clips.audio(columns, place),
    }
