"""minigrad.numeric: what the rows of the table rest on. Each row itself is witnessed in test_rules."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath
import pytest
from seeded import numbers
from ulp import ulps

from minigrad import numeric


def test_errors_of_sum_and_product_are_exact() -> None:
    """x + y and x * y without any rounding, in fractions."""
    draw = numbers(2000)
    for _ in range(2000):
        x, y = (draw.uniform(-1, 1) * 10.0 ** draw.uniform(-100, 100) for _ in range(2))
        s, p = x + y, x * y
        assert Fraction(s) + Fraction(numeric.sum_error(x, y, s)) == Fraction(x) + Fraction(y), (x, y)
        assert Fraction(p) + Fraction(numeric.product_error(x, y, p)) == Fraction(x) * Fraction(y), (x, y)


def test_exp_pair_has_83_bits() -> None:
    """Both doubles together, over the whole range in which sigmoid_minus asks for them."""
    draw = numbers(1000)
    with mpmath.workdps(60):
        for _ in range(1000):
            x = draw.choice((draw.uniform(-600, 0), draw.uniform(-1, 0), -(10.0 ** draw.uniform(-15, 0))))
            high, low = numeric.exp_pair(x)
            error = abs((mpmath.mpf(high) + mpmath.mpf(low)) / mpmath.exp(x) - 1)
            assert error < mpmath.mpf(2) ** -83, x


@pytest.mark.parametrize("apart", [0.5, 1e-2, 1e-7, 3e-8, 1e-8, 3e-9, 1e-12, 2e-16])
def test_sigmoid_minus_on_each_way_it_is_taken(apart: float) -> None:
    """y a given part away from sigmoid(z): the plain difference, two doubles, integers."""
    draw = numbers(200)
    with mpmath.workdps(320):
        for _ in range(200):
            z = draw.choice((draw.uniform(-30, 30), draw.uniform(-590, -30), draw.uniform(-700, -600)))
            a = 1 / (1 + mpmath.exp(-mpmath.mpf(z)))
            y = float(a - draw.choice((-1, 1)) * apart * min(a, 1 - a))
            if not 0.0 < y < 1.0:
                continue
            assert ulps(numeric.sigmoid_minus(z, y), a - mpmath.mpf(y)) <= 4.0, (z, y)


def test_sigmoid_minus_of_a_label_is_a_sigmoid() -> None:
    """y = 0 and y = 1 subtract nothing: no digit is lost at any z."""
    for z in (-800.0, -40.0, -1e-300, 0.0, 3.0, 40.0, 800.0):
        assert numeric.sigmoid_minus(z, 0.0) == numeric.sigmoid(z)
        assert numeric.sigmoid_minus(z, 1.0) == -numeric.sigmoid(-z)


def test_cbrt_is_the_double_nearest() -> None:
    """The C library's may be three last places off; the derivative of cbrt would double that."""
    draw = numbers(2000)
    with mpmath.workdps(40):
        for _ in range(2000):
            x = 10.0 ** draw.uniform(-323, 308)
            assert ulps(numeric.cbrt(x), mpmath.cbrt(mpmath.mpf(x))) <= 0.51, x
    for k in range(1, 200):
        assert numeric.cbrt(float(k) ** 3) == k
        assert numeric.cbrt(-(float(k) ** 3)) == -k
    assert [repr(numeric.cbrt(x)) for x in (0.0, -0.0, math.inf, -math.inf, math.nan)] == [
        "0.0", "-0.0", "inf", "-inf", "nan",
    ]  # fmt: skip


def test_hypot_meets_an_infinity_before_a_nan() -> None:
    """IEEE 754, 9.2.1: hypot(±inf, nan) is inf."""
    assert numeric.hypot(-math.inf, math.nan) == math.inf
    assert numeric.hypot(math.nan, math.inf) == math.inf
    assert math.isnan(numeric.hypot(math.nan, 1.0))
    assert numeric.hypot(3e200, 4e200) == pytest.approx(5e200, rel=1e-15)
    assert numeric.hypot(5e-324, 0.0) == 5e-324
    assert numeric.hypot(0.0, -0.0) == 0.0


def test_minimum_maximum_and_sign_let_no_nan_pass_unseen() -> None:
    """nan from either side, as NumPy's minimum and maximum."""
    nan = math.nan
    for pick in (numeric.minimum, numeric.maximum):
        assert math.isnan(pick(nan, 1.0))
        assert math.isnan(pick(1.0, nan))
    assert (numeric.minimum(1.0, 2.0), numeric.maximum(1.0, 2.0)) == (1.0, 2.0)
    assert (numeric.minimum(2.0, 1.0), numeric.maximum(2.0, 1.0)) == (1.0, 2.0)
    assert [numeric.sign(x) for x in (-3.0, -0.0, 0.0, 5e-324, -math.inf)] == [-1.0, 0.0, 0.0, 1.0, -1.0]
    assert math.isnan(numeric.sign(nan))
