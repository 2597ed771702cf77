"""minigrad.gamma: log|gamma| and its derivatives. Their rows are witnessed in test_rules; here, identities and ends."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import mpmath
import pytest
from ulp import ulps

from minigrad.gamma import digamma, lgamma, polygamma

SEED = 20261124
INF, NAN = math.inf, math.nan


def test_lgamma_of_whole_numbers_is_the_log_of_a_factorial() -> None:
    """Factorials are integers: nothing of the gamma function is needed to know them."""
    assert lgamma(1.0) == 0.0
    assert lgamma(2.0) == 0.0
    for n in range(3, 171):
        assert ulps(lgamma(float(n)), mpmath.log(math.factorial(n - 1))) <= 4.0, n


def test_digamma_of_whole_numbers_is_a_harmonic_number() -> None:
    """DLMF 5.4.14."""
    with mpmath.workdps(40):
        for n in range(1, 60):
            harmonic = sum((Fraction(1, k) for k in range(1, n)), Fraction(0))
            exact = mpmath.mpf(harmonic.numerator) / harmonic.denominator - mpmath.euler
            assert ulps(digamma(float(n)), exact) <= 4.0, n


def test_each_series_is_right_where_it_meets_the_next() -> None:
    """One double to either side of every border between two series."""
    with mpmath.workdps(60):
        for border in (0.25, 0.71, 0.75, 1.25, 1.71, 2.25, 2.5, 2.71, 8.0, 12.0, 20.0):
            for x in (math.nextafter(border, 0.0), border, math.nextafter(border, INF)):
                t = mpmath.mpf(x)
                assert ulps(lgamma(x), mpmath.loggamma(t)) <= 4.0, x
                assert ulps(digamma(x), mpmath.psi(0, t)) <= 4.0, x
                for order in range(1, 10):
                    assert ulps(polygamma(float(order), x), mpmath.psi(order, t)) <= 4.0, (order, x)


def test_near_their_zeros() -> None:
    """lgamma at 1 and 2, digamma at 1.4616: the result is as small as the distance, and as exact."""
    draw = random.Random(SEED)
    print(f"seed {SEED}")
    with mpmath.workdps(60):
        for _ in range(300):
            away = draw.choice((-1, 1)) * 10.0 ** draw.uniform(-15, -1)
            for zero in (1.0, 2.0):
                assert ulps(lgamma(zero + away), mpmath.loggamma(mpmath.mpf(zero + away))) <= 4.0, zero + away
            x = 1.4616321449683622 + away
            assert ulps(digamma(x), mpmath.psi(0, mpmath.mpf(x))) <= 4.0, x


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (lgamma(INF), INF), (lgamma(-INF), INF), (lgamma(NAN), NAN), (lgamma(0.0), INF), (lgamma(-0.0), INF),
        (lgamma(-3.0), INF), (lgamma(1e306), INF), (lgamma(5e-324), 744.4400719213812),
        (digamma(INF), INF), (digamma(-INF), NAN), (digamma(NAN), NAN), (digamma(0.0), -INF), (digamma(-0.0), INF),
        (digamma(-2.0), NAN), (digamma(1e-310), -INF),
        (polygamma(1.0, INF), 0.0), (polygamma(1.0, -INF), NAN), (polygamma(1.0, NAN), NAN), (polygamma(1.0, 0.0), INF),
        (polygamma(1.0, -2.0), INF), (polygamma(2.0, -2.0), NAN), (polygamma(2.0, 0.0), -INF),
        (polygamma(2.0, -0.0), INF), (polygamma(0.0, 1.0), NAN), (polygamma(-1.0, 1.0), NAN),
        (polygamma(1.5, 1.0), NAN),
        (polygamma(501.0, 1.0), NAN), (polygamma(INF, 1.0), NAN), (polygamma(NAN, 1.0), NAN),
    ],
)  # fmt: skip
def test_at_poles_and_ends(got: float, expected: float) -> None:
    """Poles give their limit where both sides agree on it (and at a signed zero), else nan; no order, no number."""
    assert repr(got) == repr(expected)
