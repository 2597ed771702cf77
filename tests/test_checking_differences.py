"""minigrad.checking.differences: derivatives from values alone, with error bars that hold."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from seeded import generator

from minigrad.checking.differences import Estimate, Samples, central, one_sided, order, steps

Function = Callable[[Any], Any]

#: A function, its derivative on paper, and where to look.
SMOOTH: dict[str, tuple[Function, Function, tuple[float, float]]] = {
    "exp": (np.exp, np.exp, (-5, 5)),
    "sine": (np.sin, np.cos, (-30, 30)),
    "fast sine": (lambda x: np.sin(50 * x), lambda x: 50 * np.cos(50 * x), (-0.5, 0.5)),
    "rational": (lambda x: 1 / (1 + x * x), lambda x: -2 * x / (1 + x * x) ** 2, (-10, 10)),
    "logarithm": (np.log, lambda x: 1 / x, (1e-3, 1e3)),
    "root": (np.sqrt, lambda x: 0.5 / np.sqrt(x), (1e-6, 1e6)),
    "line": (lambda x: 3 * x - 2, lambda x: 3 + 0 * x, (-1e6, 1e6)),
    "square": (lambda x: (x - 784) ** 2, lambda x: 2 * (x - 784), (-1e3, 1e3)),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), lambda x: np.exp(-x) / (1 + np.exp(-x)) ** 2, (-30, 30)),
}


def samples(f: Function, x: Any) -> Samples:
    """A function near points; its values, and the numbers they are made from, are taken to be right to 4 ulp."""
    x = np.asarray(x, dtype=float)
    h = steps(x)
    with np.errstate(all="ignore"):
        middle = f(x)
        plus, minus = f(x[:, np.newaxis] + h), f(x[:, np.newaxis] - h)
    largest = np.maximum(np.abs(middle), 1e-300)
    return Samples(h, plus, minus, middle, 8e-16 * largest + 5e-15 * (f in (SMOOTH["fast sine"][0], np.sin)))


def held(estimate: Estimate, truth: Any) -> Any:
    """Where the error bar holds the truth."""
    return np.abs(estimate.value - truth) <= estimate.error


@pytest.mark.parametrize("name", SMOOTH)
def test_error_bars_hold_the_derivative_on_paper(name: str) -> None:
    """At 500 random points, from both sides and from each; and the bars of the central ones are short."""
    f, derivative, (low, high) = SMOOTH[name]
    x = generator(len(name)).uniform(low, high, 500)
    if low > 0:
        x = np.exp(generator(len(name)).uniform(math.log(low), math.log(high), 500))
    s, truth = samples(f, x), derivative(x)
    for estimate in (central(s), one_sided(s, 1), one_sided(s, -1)):
        assert held(estimate, truth).all()
    scale = np.abs(truth) + np.abs(f(x)) / np.maximum(np.abs(x), 1.0)
    assert np.median(central(s).error / scale) < 1e-8
    assert np.isfinite(central(s).error).all()


@pytest.mark.parametrize("size", [1e-300, 1e-100, 1e-12, 1e-3, 1.0, 1e6, 1e100])
def test_any_scale_of_x(size: float) -> None:
    """x**2 and exp(x / size) where x is as small or as large as that."""
    x = np.array([0.7 * size, -1.3 * size])
    square = central(samples(lambda t: (t / size) ** 2, x))
    assert np.allclose(square.value, 2 * x / size / size, rtol=1e-8)
    growth = central(samples(lambda t: np.exp(t / size), x))
    assert np.allclose(growth.value, np.exp(x / size) / size, rtol=1e-8)


def test_at_the_end_of_the_domain_there_is_no_central_difference() -> None:
    """sqrt at 0 has none from either side; x**1.5 has one from the right."""
    x = np.array([0.0])
    assert central(samples(np.sqrt, x)).error[0] == math.inf
    assert one_sided(samples(np.sqrt, x), 1).error[0] == math.inf
    assert one_sided(samples(np.sqrt, x), -1).error[0] == math.inf


def test_either_side_of_a_kink() -> None:
    """|x| at 0: 1 from the right, -1 from the left."""
    s = samples(np.abs, [0.0])
    assert one_sided(s, 1).value[0] == pytest.approx(1.0)
    assert one_sided(s, -1).value[0] == pytest.approx(-1.0)


def test_a_pole_within_the_longer_steps_is_not_stepped_over() -> None:
    """log|x| at 1e-6 has the derivative 1e6; the longer steps see a smooth and even function."""
    x = np.array([1e-6])
    got = central(samples(lambda t: np.log(np.abs(t)), x))
    assert abs(got.value[0] - 1e6) <= got.error[0] < 1.0


@pytest.mark.parametrize("name", [name for name in SMOOTH if name != "line"])
def test_the_remainder_of_a_right_claim_falls_like_h_squared(name: str) -> None:
    """Or faster where the second derivative is 0; that of a claim 1 part in 10,000 off falls like h."""
    f, derivative, (low, high) = SMOOTH[name]
    for x in generator(7).uniform(max(low, -3), min(high, 3), 20):
        if low > 0:
            x = abs(x) + 0.1
        s = samples(f, [x])
        g = float(derivative(np.array([x]))[0])
        right, wrong = order(s, g), order(s, g * 1.0001 + 1e-4)
        assert right.zero or right.order is None or right.order > 1.7, (x, right)
        assert wrong.order is not None
        assert wrong.order < 1.3, (x, wrong)
        assert wrong.last < wrong.first


def test_the_remainder_of_a_line_is_zero() -> None:
    """And says so; that of a wrong slope falls like h."""
    s = samples(lambda t: 3 * t - 2, [1.5])
    assert order(s, 3.0).zero
    assert order(s, 3.0).text == "the remainder is 0 to rounding"
    assert order(s, 2.9).order == pytest.approx(1.0, abs=1e-6)
    assert order(s, math.nan).order is None
