"""Draws a row with matplotlib, its frequencies in kHz."""

from __future__ import annotations

import os
import textwrap
from typing import Any

import numpy as np

from melmill._batch.mel import hz_to_mel
from melmill._store.index import Contract
from melmill._store.row import Row

_TITLE_WIDTH = 110  # letters in a line above a plot
_MARKED_HZ = (0, 500, 1000, 2000, 4000, 8000, 16_000, 24_000)


def draw(row: Row, axes: Any = None) -> Any:
    """See Row.plot."""
    is_new = axes is None
    if is_new:
        from matplotlib import pyplot

        figure = pyplot.figure(figsize=(10, 3.5), layout="constrained")
        axes = figure.add_subplot()
    contract = row.split.contract
    hop_s = contract.hop_length / contract.sample_rate_hz
    image = axes.imshow(
        row.features32.T,
        aspect="auto",
        origin="lower",
        extent=(0, row.num_frames * hop_s, 0, contract.n_mels),
    )
    heights = {
        f"{hz / 1000:g}": height_of(hz, contract)
        for hz in _MARKED_HZ
        if contract.f_min_hz <= hz <= contract.f_max_hz
    }
    axes.set_yticks(list(heights.values()), list(heights))
    axes.set_xlabel("time / s")
    axes.set_ylabel("frequency / kHz")
    title = f"{os.path.basename(row.audio)}: {row.transcript}"
    axes.set_title(textwrap.fill(title, _TITLE_WIDTH), fontsize=9)
    if is_new:
        axes.figure.colorbar(image, ax=axes, label="feature")
    return axes


def height_of(hz: float, contract: Contract) -> float:
    """Where a frequency is in a picture of which each mel is 1 high.

    The centre of mel i is at i + 0.5. The edges of the first and the last
    filter are half a mel outside of the picture, and are moved to its edge.
    """
    ends_hz = np.array([contract.f_min_hz, hz, contract.f_max_hz])
    low, mel, high = hz_to_mel(ends_hz, contract.mel_scale)
    height = (mel - low) / (high - low) * (contract.n_mels + 1) - 0.5
    return float(np.clip(height, 0, contract.n_mels))
