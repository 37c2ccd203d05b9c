"""How much a stored feature may differ from the reference."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from melmill._store import narrow_types

# Largest difference between a float32 store and librosa + transformers, on the
# scale of the features; see docs/numerics.md. Smaller types are also rounded.
FEATURE_TOLERANCE: Final = 2e-4

# How features are rounded, by their type.
ROUNDING: Final = {
    "f32": "single precision",
    "f16": "float16",
    "bf16": "bfloat16",
    "u8": "u8",
}
_MANTISSA_BITS = {"f32": 23, "f16": 10, "bf16": 7}
_LEAST_EXPONENT = {"f32": -126, "f16": -14, "bf16": -126}


def tolerance(
    features: npt.NDArray[np.float32], feature_type: str
) -> npt.NDArray[np.float64]:
    """The allowed difference of each feature, for a type of store."""
    return FEATURE_TOLERANCE + rounding_error(features, feature_type)


def rounding_error(
    features: npt.NDArray[np.float32], feature_type: str
) -> npt.NDArray[np.float64]:
    """What rounding changes each feature by at most, for a type of store.

    Half a unit in the last place, or what the contract says of bytes.
    """
    if feature_type == "u8":
        return np.full(features.shape, narrow_types.BYTE_LARGEST_ERROR)
    exponents = np.frexp(features)[1] - 1
    least = _LEAST_EXPONENT[feature_type]
    bits = _MANTISSA_BITS[feature_type]
    half: npt.NDArray[np.float64]
    half = np.ldexp(0.5, np.maximum(exponents, least) - bits)
    return half
