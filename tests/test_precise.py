"""minigrad.precise: where doubles cancel, the double nearest to the exact number (or the one beside it)."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import mpmath
import pytest
from seeded import numbers
from ulp import ulps

from minigrad import precise


def test_total_is_the_exact_sum_rounded_once() -> None:
    """Against fractions: cancellation to the last bit, denormals, a sum that overflows on the way."""
    draw = numbers(300)
    for _ in range(300):
        scale = draw.choice((0, -300, 290))
        half = [draw.uniform(-1, 1) * 10.0 ** (scale + draw.uniform(-20, 17)) for _ in range(9)]
        terms = [*half, *(-x for x in half[1:])]
        draw.shuffle(terms)
        assert precise.total(terms) == float(sum(map(Fraction, terms)))
        assert precise.total(terms, 7) == float(sum(map(Fraction, terms)) / 7)


def test_total_leaves_the_doubles_only_where_the_sum_does() -> None:
    """An overflow on the way is none."""
    assert precise.total([1e308, 1e308, -1e308]) == 1e308
    assert precise.total([1e308] * 3, 3) == 1e308
    assert precise.total([1e308] * 2) == math.inf
    assert precise.total([-1e308] * 2) == -math.inf
    assert precise.total([]) == 0.0


def test_dot_is_the_exact_sum_of_products_rounded_once() -> None:
    """Against fractions, with products beyond both ends of the doubles."""
    draw = numbers(200)
    for _ in range(200):
        left = [draw.uniform(-1, 1) * 10.0 ** draw.uniform(-300, 250) for _ in range(6)]
        right = [10.0 ** draw.uniform(-4, 4) / x if abs(x) > 1e-290 else 0.0 for x in left]
        exact = sum(Fraction(a) * Fraction(b) for a, b in zip(left, right, strict=True))
        assert precise.dot(left, right) == float(exact)
    assert precise.dot([1e200, -1e200, 3.0], [1e200, 1e200, 0.5]) == 1.5


def near_zero_of_logaddexp(draw: random.Random) -> tuple[float, float]:
    """x and y with exp(x) + exp(y) as near to 1 as doubles come."""
    x = -(10.0 ** draw.uniform(-18, -0.2))
    return x, math.log(-math.expm1(x))


def test_logsumexp_is_right_where_it_is_close_to_0() -> None:
    """Seventeen digits cancel."""
    draw = numbers(60)
    with mpmath.workdps(150):
        for _ in range(60):
            x, y = near_zero_of_logaddexp(draw)
            exact = mpmath.log(mpmath.exp(x) + mpmath.exp(y))
            assert ulps(precise.logsumexp([x, y]), exact) <= 1.0, (x, y)
        three = [-1.0986122886681098] * 3
        assert ulps(precise.logsumexp(three), mpmath.log(3) + mpmath.mpf(three[0])) <= 1.0


@pytest.mark.parametrize(("lowest", "highest"), [(-1.0, 1.0), (-40.0, 30.0), (-740.0, -600.0)])
def test_sigmoid_minus_is_right_where_the_two_agree(lowest: float, highest: float) -> None:
    """y is the double nearest to sigmoid(z): nothing of a double's digits is left."""
    draw = numbers(60)
    with mpmath.workdps(400):
        for _ in range(60):
            z = draw.uniform(lowest, highest)
            y = float(1 / (1 + mpmath.exp(-mpmath.mpf(z))))
            exact = 1 / (1 + mpmath.exp(-mpmath.mpf(z))) - mpmath.mpf(y)
            assert ulps(precise.sigmoid_minus(z, y), exact) <= 1.0, (z, y)


def test_sigmoid_minus_next_to_one_half() -> None:
    """sigmoid(z) - 1/2 is z/4 for a tiny z, down to the smallest doubles; exactly 0 only at z = 0."""
    for z in (1e-10, -1e-100, 1e-300):
        assert ulps(precise.sigmoid_minus(z, 0.5), mpmath.mpf(z) / 4 - mpmath.mpf(z) ** 3 / 48) <= 1.0
    assert precise.sigmoid_minus(0.0, 0.5) == 0.0
    assert precise.sigmoid_minus(0.0, 0.25) == 0.25


#: Doubles next to zeros of log|gamma| and of digamma left of 0, and ordinary places.
LEFT_OF_0 = [-2.457024738220801, -2.7476826467274127, -3.1435808883499798, -0.5040830082644554, -1.5734984731623904,
             -0.5, -1e-5, -1e-30, -7.25, -19.999999999999996, -100000.3, -1e15 - 0.5]  # fmt: skip


@pytest.mark.parametrize("x", LEFT_OF_0)
def test_gamma_functions_left_of_0(x: float) -> None:
    """Against mpmath, which goes another way (reflection of gamma itself, Euler-Maclaurin sums)."""
    with mpmath.workdps(90):
        t = mpmath.mpf(x)
        reflected = mpmath.log(mpmath.pi / abs(mpmath.sinpi(t))) - mpmath.loggamma(1 - t)
        assert ulps(precise.lgamma(x), reflected) <= 1.0
        for order in (0, 1, 2, 5) if x > -1e4 else (0,):  # mpmath takes hours over the others
            assert ulps(precise.polygamma(order, x), mpmath.psi(order, t)) <= 1.0, order


@pytest.mark.parametrize(
    ("order", "x"), [(9, 0.25), (30, 3.5), (100, 40.0), (9, 1e20), (3, 1e-60), (20, 1e-300)]
)
def test_high_orders_of_polygamma(order: int, x: float) -> None:
    """Where the double formula would lose digits to powers, or its numbers to overflow: DLMF 25.11.12."""
    with mpmath.workdps(60):
        exact = (-1) ** (order + 1) * mpmath.factorial(order) * mpmath.zeta(order + 1, mpmath.mpf(x))
        assert ulps(precise.polygamma(order, x), exact) <= 1.0


def test_it_settles_only_on_results_that_agree() -> None:
    """A result that still moves, or that lacks the bits to be anything but 0, is tried with more bits."""
    tried: list[int] = []

    def result(bits: int) -> float:
        tried.append(bits)
        return {0: math.nan, 1: 0.0, 2: 0.0, 3: 2.0}.get(len(tried) - 1, 3.0)

    assert precise._settled(result) == 3.0
    assert len(tried) == 6
    assert tried == sorted(tried)
