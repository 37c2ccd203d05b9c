"""8-bit features: steps of a grid, counted from the step of a floor.

docs/format.md has the rule. All is single precision.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

# What contracts say of these features.
STEP: Final = 2 / 255
LARGEST_ERROR: Final = 0.003923

_LOWEST = np.float32(-1.5)  # the grid begins here
_STEP = np.float32(STEP)
_STEPS_PER_UNIT = np.float32(127.5)
_AT_ONCE = 1 << 14


def bases(floors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The features that byte 0 stands for above these floors."""
    steps = np.rint((floors - _LOWEST) * _STEPS_PER_UNIT)
    at: npt.NDArray[np.float32] = steps * _STEP + _LOWEST
    return at


def widen(
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
