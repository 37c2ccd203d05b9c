"""A plot shows a row by time and frequency."""

from pathlib import Path

import melmill
import numpy as np
import pytest
from melmill._batch import mel
from melmill._view.plot import height_of
from store_job import Job
from support import extract, manifest_row, write_manifest, write_wav

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")


@pytest.fixture
def row(finished_job: Job) -> melmill.Row:
    return melmill.open(finished_job.store)["train"][0]


def test_plot_draws_the_row(row: melmill.Row) -> None:
    axes = row.plot()
    (image,) = axes.get_images()
    np.testing.assert_array_equal(image.get_array(), row.features.T)
    assert row.transcript in axes.get_title()


@pytest.mark.parametrize("scale", ["slaney", "htk"])
def test_heights_are_those_of_the_filters(scale: str, row: melmill.Row) -> None:
    contract = melmill.Contract(
        **{**vars(row.split.contract), "mel_scale": scale, "n_fft": 1 << 15}
    )
    bins_hz = np.linspace(0, 8000, contract.n_fft // 2 + 1)
    peaks_hz = bins_hz[mel.filter_bank(contract).argmax(0)]
    heights = [height_of(hz, contract) for hz in peaks_hz]
    np.testing.assert_allclose(
        heights, np.arange(contract.n_mels) + 0.5, atol=0.02
    )


def test_a_tone_is_drawn_at_its_kilohertz(tmp_path: Path) -> None:
    time_s = np.arange(16_000) / 16_000
    tone = np.sin(2 * np.pi * 2000 * time_s).astype(np.float32) / 2
    write_wav(tmp_path / "a.wav", tone)
    manifest = write_manifest(tmp_path / "a.jsonl", [manifest_row("a.wav")])
    extract(tmp_path / "store", manifest, cwd=tmp_path)
    axes = melmill.open(tmp_path / "store")["a"][0].plot()
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["0", "0.5", "1", "2", "4", "8"]
    loudest = int(axes.get_images()[0].get_array()[:, 50].argmax())
    height = dict(zip(names, axes.get_yticks(), strict=True))["2"]
    assert abs(loudest + 0.5 - height) <= 0.6


def test_everything_fits_into_a_new_figure(row: melmill.Row) -> None:
    axes = row.plot()
    figure = axes.figure
    figure.canvas.draw()
    _, colours = figure.axes
    assert colours.get_ylabel() == "feature"
    for part in figure.axes:
        box = part.get_tightbbox()
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1


def test_given_axes_get_the_picture_alone(row: melmill.Row) -> None:
    figure = matplotlib.figure.Figure()
    axes = figure.add_subplot()
    assert row.plot(axes) is axes
    assert figure.axes == [axes]
