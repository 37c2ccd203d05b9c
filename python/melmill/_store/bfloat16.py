"""bfloat16 for NumPy, which has no such type: the upper half of a float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def to_float32(bits: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Converts the bits of bfloat16 numbers, uint16, to their values."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def rounded(value: float) -> float:
    """Rounds a finite float32 value to bfloat16, to nearest even."""
    bits = int(np.float32(value).view(np.uint32))
    bits += 0x7FFF + (bits >> 16 & 1)
    return float(to_float32(np.array([bits >> 16], np.uint16))[0])
