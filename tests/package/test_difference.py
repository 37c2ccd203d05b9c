"""Differences are added up as the certificate tells them."""

import math

import numpy as np
import pytest
from melmill._certify.difference import Differences


def features(num_frames: int = 10) -> np.ndarray[tuple[int, int], np.dtype]:
    return np.full((num_frames, 4), 0.75, np.float32)


def test_differences_are_counted_in_decades() -> None:
    differences = Differences("f32")
    stored = features().astype(np.float64)
    stored[0, :3] += (3e-5, 3e-4, -3e-4)
    assert differences.add(features(), stored) is None
    assert differences.num_values == 40
    assert differences.num_beyond == 2
    assert differences.largest == pytest.approx(3e-4)
    assert differences.rms == pytest.approx(
        math.sqrt((3e-5**2 + 2 * 3e-4**2) / 40)
    )
    assert differences.histogram.tolist() == [37, 0, 0, 0, 1, 2, 0, 0, 0, 0]


def test_one_value_of_a_million_may_be_beyond_the_tolerance() -> None:
    differences = Differences("f32")
    differences.add(features(1), features(1))
    assert differences.num_allowed_beyond == 1
    differences.add(features(250_000), features(250_000))
    assert differences.num_allowed_beyond == 2


@pytest.mark.parametrize(
    ("feature_type", "half_unit"),
    [("f32", 2**-25), ("f16", 2**-12), ("bf16", 2**-9), ("u8", 0.003923)],
)
def test_rounding_is_allowed_beside_the_limit(
    feature_type: str, half_unit: float
) -> None:
    for difference, is_named in ((0.99, False), (1.01, True)):
        differences = Differences(feature_type)
        stored = features().astype(np.float64)
        stored[6, 2] += difference * (5e-4 + half_unit)
        place = differences.add(features(), stored)
        assert (place is not None) is is_named
        if place:
            assert (place.frame, place.mel) == (6, 2)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_differs(value: float) -> None:
    stored = features(5000)
    stored[4999, 1] = value
    differences = Differences("f16")
    place = differences.add(features(5000), stored)
    assert place is not None
    assert (place.frame, place.mel) == (4999, 1)
    assert differences.histogram[-1] == 1
