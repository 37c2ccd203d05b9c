"""Features as a picture, with NumPy and zlib alone."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

_MAX_WIDTH = 1200
# From quiet to loud: nearly black, blue, red, yellow, nearly white.
_COLOURS = np.array(
    [(8, 8, 32), (48, 40, 140), (190, 50, 90), (245, 160, 40), (255, 252, 220)]
)


def spectrogram_png(features: npt.NDArray[Any]) -> bytes:
    """A PNG file of features [num_frames, n_mels]: time to the right, mels up.

    Each mel is one pixel high. Each frame is one pixel wide, or if there are
    more than 1,200, each pixel is the mean of its frames. The colours reach
    from the least to the greatest value.
    """
    values: npt.NDArray[Any] = np.asarray(features, np.float32)
    if len(values) > _MAX_WIDTH:
        bounds = np.linspace(0, len(values), _MAX_WIDTH + 1).astype(np.int64)
        counts = np.diff(bounds).astype(np.float32)
        values = np.add.reduceat(values, bounds[:-1]) / counts[:, None]
    low, high = float(values.min()), float(values.max())
    levels = np.rint((values - low) * (255 / max(high - low, 1e-6)))
    return _png(levels.T[::-1].astype(np.uint8))


def _png(levels: npt.NDArray[np.uint8]) -> bytes:
    """A PNG file with a palette, of [height, width] numbers of colours."""
    height, width = levels.shape
    at = np.linspace(0, 255, len(_COLOURS))
    palette = np.stack(
        [np.interp(np.arange(256), at, channel) for channel in _COLOURS.T], 1
    )
    lines = np.zeros((height, width + 1), np.uint8)  # 0: a line as it is
    lines[:, 1:] = levels
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", palette.astype(np.uint8).tobytes()),
            _chunk(b"IDAT", zlib.compress(lines.tobytes())),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", checksum)
    )
