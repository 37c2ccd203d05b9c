"""Types of features that NumPy has not: bfloat16, and bytes on a grid.

bfloat16 is the upper half of a float32. A byte counts steps of a grid from the
step of a floor (docs/format.md, 8-bit features); all is single precision.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

# What contracts say of these features.
BYTE_STEP: Final = 2 / 255
BYTE_LARGEST_ERROR: Final = 0.003923

_LOWEST = np.float32(-1.5)  # the grid begins here
_STEP = np.float32(BYTE_STEP)
_STEPS_PER_UNIT = np.float32(127.5)
_AT_ONCE = 1 << 14


def bfloat16_to_float32(bits: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Converts the bits of bfloat16 numbers, uint16, to their values."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def rounded_to_bfloat16(value: float) -> float:
    """Rounds a finite float32 value to bfloat16, to nearest even."""
    bits = int(np.float32(value).view(np.uint32))
    bits += 0x7FFF + (bits >> 16 & 1)
    return float(bfloat16_to_float32(np.array([bits >> 16], np.uint16))[0])


def byte_bases(floors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The features that byte 0 stands for above these floors."""
    steps = np.rint((floors - _LOWEST) * _STEPS_PER_UNIT)
    at: npt.NDArray[np.float32] = steps * _STEP + _LOWEST
    return at


def widen_bytes(
    stored: npt.NDArray[Any],
    base: np.float32,
    floor: np.float32,
    target: npt.NDArray[np.float32],
) -> None:
    """Writes bytes as float32.

    Args:
      stored: The bytes, contiguous [frames, n_mels].
      base: The feature of byte 0.
      floor: The least feature; half a step above or below `base` at most.
      target: Where they go, contiguous [frames, n_mels].
    """
    target[...] = stored
    target *= _STEP
    target += base
    if base < floor:
        values = target.reshape(-1)
        # NumPy compares two arrays sooner than an array and a number.
        floors = np.full(min(_AT_ONCE, len(values)), floor)
        for at in range(0, len(values), _AT_ONCE):
            part = values[at : at + _AT_ONCE]
            np.maximum(part, floors[: len(part)], out=part)
