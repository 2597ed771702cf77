"""tests/ulp.py: the measure itself, before anything is measured with it."""

from __future__ import annotations

import math

import mpmath
import pytest
from ulp import LARGEST, ulps


@pytest.mark.parametrize("x", [1.0, -3.7, 1e300, 1e-300, 5e-324, 1e-310, LARGEST])
def test_one_double_on_is_one_ulp(x: float) -> None:
    """Also among denormals, and next to the largest."""
    assert ulps(x, mpmath.mpf(x)) == 0.0
    toward_0 = math.nextafter(x, 0.0)
    assert ulps(toward_0, mpmath.mpf(x)) in (0.5, 1.0)  # 0.5 just below a power of 2
    assert ulps(-x, mpmath.mpf(x)) > 1.0


def test_a_half_place_is_seen() -> None:
    """The exact number lies between two doubles: both are half a place off, whatever 60 digits round to."""
    with mpmath.workdps(60):
        exact = mpmath.mpf(1) + mpmath.mpf(2) ** -53
    assert ulps(1.0, exact) == 0.5
    assert ulps(math.nextafter(1.0, 2.0), exact) == 0.5


@pytest.mark.parametrize(
    ("got", "exact", "near"),
    [
        (math.inf, "1e400", True), (-math.inf, "1e400", False), (LARGEST, "1e400", False), (0.0, "1e-400", True),
        (math.inf, "1.7976931348623158e308", True), (math.inf, "1e308", False), (math.nan, "nan", True),
        (math.nan, "0", False), (0.0, "nan", False), (-0.0, "0", True), (math.inf, "inf", True), (1.0, "inf", False),
    ],
)  # fmt: skip
def test_at_the_ends(got: float, exact: str, near: bool) -> None:
    """Infinity is right beyond the doubles, 0 below them, nan for nan; nothing else is."""
    with mpmath.workdps(60):
        distance = ulps(got, mpmath.mpf(exact))
    assert (distance <= 1.0) is near
