"""How much the features of many rows differ from the reference."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from melmill._models.tolerance import FEATURE_TOLERANCE, rounding_error

# docs/numerics.md has these: beyond rounding, no value differs by more than the
# limit, and very few differ by more than the tolerance.
TOLERANCE: Final = FEATURE_TOLERANCE
LIMIT: Final = 5e-4
VALUES_FOR_ONE_BEYOND: Final = 1_000_000

# Upper ends of the decades of the histogram; the last decade has none.
DECADES: Final = (1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)

_FRAMES_AT_ONCE = 4096


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a value differs.

    Attributes:
      difference: By how much.
      frame: The analysis frame of the row.
      mel: The number of the feature in the frame.
      expected: What the reference has.
      stored: What the store has.
    """

    difference: float
    frame: int
    mel: int
    expected: float
    stored: float


class Differences:
    """Adds up the differences of rows; keeps no values.

    Args:
      feature_type: Type of the store's features: "f32", "f16", "bf16" or "u8".

    Attributes:
      num_values: Values that were compared.
      num_beyond: Values that differ by more than the tolerance and rounding.
      largest: Largest difference.
      largest_beyond_rounding: The same after the rounding of each value was
        taken off.
      histogram: Number of values in each decade of the difference.
    """

    def __init__(self, feature_type: str) -> None:
        self.num_values = 0
        self.num_beyond = 0
        self.largest = 0.0
        self.largest_beyond_rounding = 0.0
        self.histogram = np.zeros(len(DECADES) + 1, np.int64)
        self._feature_type = feature_type
        self._sum_of_squares = 0.0

    @property
    def rms(self) -> float:
        """Root of the mean square of the differences."""
        return math.sqrt(self._sum_of_squares / max(self.num_values, 1))

    @property
    def num_allowed_beyond(self) -> int:
        """How many values may differ by more than the tolerance."""
        return -(-self.num_values // VALUES_FOR_ONE_BEYOND)

    def add(
        self, expected: npt.NDArray[np.float32], stored: npt.NDArray[Any]
    ) -> Place | None:
        """Compares a row, [frames, mels].

        Returns:
          The place that differs most beyond rounding, if that is beyond the
          limit.
        """
        worst: Place | None = None
        for first in range(0, len(expected), _FRAMES_AT_ONCE):
            place = self._add_block(
                expected[first : first + _FRAMES_AT_ONCE],
                stored[first : first + _FRAMES_AT_ONCE],
                first,
            )
            if place and not (worst and worst.difference >= place.difference):
                worst = place
        return worst

    def _add_block(
        self,
        expected: npt.NDArray[np.float32],
        stored: npt.NDArray[Any],
        first_frame: int,
    ) -> Place | None:
        difference = np.abs(stored.astype(np.float64) - expected)
        # NaN and infinity are no feature: they differ by more than all else.
        difference[~np.isfinite(difference)] = np.finfo(np.float32).max
        beyond = difference - rounding_error(expected, self._feature_type)
        self.num_values += difference.size
        self.num_beyond += int((beyond > TOLERANCE).sum())
        self._sum_of_squares += float(np.square(difference).sum())
        decades = np.searchsorted(DECADES, difference.ravel(), "right")
        self.histogram += np.bincount(decades, minlength=len(self.histogram))
        self.largest = max(self.largest, float(difference.max()))
        at = np.unravel_index(np.argmax(beyond), beyond.shape)
        largest_beyond = float(beyond[at])
        self.largest_beyond_rounding = max(
            self.largest_beyond_rounding, largest_beyond
        )
        if largest_beyond <= LIMIT:
            return None
        return Place(
            difference=float(difference[at]),
            frame=first_frame + int(at[0]),
            mel=int(at[1]),
            expected=float(expected[at]),
            stored=float(stored[at]),
        )
