"""A picture of features is a PNG file that shows them."""

import io

import numpy as np
import numpy.typing as npt
from melmill._view.spectrogram import spectrogram_png
from PIL import Image


def levels(content: bytes) -> npt.NDArray[np.uint8]:
    """The numbers of colours, [mels, frames], the lowest mel first."""
    image = Image.open(io.BytesIO(content))
    image.verify()
    image = Image.open(io.BytesIO(content))
    assert image.mode == "P"
    return np.asarray(image)[::-1]


def test_each_feature_is_a_pixel_in_its_place() -> None:
    features = np.arange(12, dtype=np.float16).reshape(3, 4)
    found = levels(spectrogram_png(features))
    assert found.tolist() == [
        *([0, 93, 185], [23, 116, 209]),
        *([46, 139, 232], [70, 162, 255]),
    ]


def test_louder_is_lighter() -> None:
    ramp = np.linspace(-1.5, 2, 256, dtype=np.float32)[:, None]
    image = Image.open(io.BytesIO(spectrogram_png(ramp)))
    light = np.asarray(image.convert("L")).astype(int)[0]
    assert light[0] < 20
    assert light[-1] > 240
    assert (np.diff(light[::16]) > 0).all()


def test_long_clips_are_means_of_their_frames() -> None:
    features = np.repeat(np.arange(1200, dtype=np.float32), 3)[:, None]
    found = levels(spectrogram_png(features))
    expected = np.rint(np.arange(1200) * 255 / 1199)
    assert found.tolist() == [expected.tolist()]
    assert levels(spectrogram_png(features[:3001])).shape == (1, 1200)


def test_silence_is_a_picture_too() -> None:
    assert not levels(spectrogram_png(np.full((5, 8), -1.5))).any()
