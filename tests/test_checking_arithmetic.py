"""minigrad.checking.arithmetic and exact: every row in doubles, complex numbers and 50 digits, against paper."""

from __future__ import annotations

import math
import threading
from dataclasses import replace

import mpmath
import numpy as np
import pytest
from mpmath import mp
from seeded import generator
from ulp import ulps
from witnesses import WITNESSES, Point

from minigrad import RULES, Value, bce, exp, log, relu, sigmoid, sin, sqrt
from minigrad import value as core
from minigrad.checking import exact
from minigrad.checking.arithmetic import NoFormError, complex_form, evaluate, evaluate_exact, rounding
from minigrad.checking.slopes import Slopes
from minigrad.expression import Expressions
from minigrad.reverse import path

#: SciPy has the complex error function, nobody the gamma family by NumPy.
WITHOUT_COMPLEX = {"erf", "erfc", "lgamma", "digamma", "polygamma"}


def ordinary(name: str, count: int = 40) -> list[Point]:
    """Points of a witness where all goes well in any arithmetic, at most `count` of them."""
    points = [p for p in WITNESSES[name].points if all(1e-6 < abs(x) < 50.0 for x in p)]
    good = []
    for point in points[:: max(1, len(points) // count)]:
        value, partials = WITNESSES[name].at(point)
        if all(mp.isfinite(x) and abs(x) < 1e200 for x in (value, *partials) if not mp.isnan(x)):
            good.append(point)
    return good


def read(name: str, point: Point) -> tuple[Expressions, list[int], int]:
    """One operation on inputs: a store, the inputs, the result."""
    inputs = [Value(x) for x in point]
    e = Expressions()
    *ids, result = e.read([*inputs, core.record(name, inputs)])
    return e, ids, result


@pytest.mark.parametrize("name", RULES)
def test_doubles_are_the_numbers_of_the_rows(name: str) -> None:
    """To the ulp or two by which block kernels may differ from rows, at extremes too."""
    points = [p for p in WITNESSES[name].points if len(p) == len(WITNESSES[name].points[0])]
    e, ids, result = read(name, points[0])
    (got,) = evaluate(
        e, [result], {i: np.array(column) for i, column in zip(ids, zip(*points, strict=True), strict=True)}
    )
    for point, number in zip(points, got.tolist(), strict=True):
        expected = core.record(name, point).data
        assert (
            number == expected
            or (math.isnan(number) and math.isnan(expected))
            or ulps(number, mp.mpf(expected)) <= 4
        )


@pytest.mark.parametrize("name", RULES)
def test_fifty_digits_agree_with_paper(name: str) -> None:
    """Values computed from the rows' text, and slopes from differences of them, are the witness's to 45 digits."""
    for point in ordinary(name, 8):
        e, ids, result = read(name, point)
        with mp.workdps(120):
            value, partials = replace(WITNESSES[name], digits=120).at(point)
            (got,) = evaluate_exact(e, [result], {})
            assert abs(mp.mpf(got) - value) <= mp.mpf(10) ** -45 * abs(value), point
            slopes = Slopes(e, result, {})
            for i, partial in zip(ids, partials, strict=True):
                if mp.isnan(partial) or (name == "polygamma" and i == ids[0]):
                    continue
                slope = slopes.by(i, path(e, result, [i]))
                if name in ("less", "less_equal") and point[0] == point[1]:
                    assert slope.kink  # a jump
                    continue
                assert abs(mp.mpf(slope.value) - partial) <= abs(mp.mpf(slope.error)) + mp.mpf(
                    10
                ) ** -45 * abs(partial)
                assert abs(mp.mpf(slope.error)) <= mp.mpf(10) ** -30 * max(abs(partial), abs(value)), point


@pytest.mark.parametrize("name", RULES)
def test_complex_step_is_the_partial_on_paper(name: str) -> None:
    """Im f(x + ih) / h with h = 1e-30 |x|; a row without a complex form is one that is known to have none."""
    if name in WITHOUT_COMPLEX:
        assert not complex_form(name)
        e, _, result = read(name, ordinary(name, 1)[0])
        with pytest.raises(NoFormError, match="erf" if name == "erfc" else name):
            evaluate(e, [result], {}, "complex")
        return
    assert complex_form(name)
    for point in ordinary(name):
        e, ids, result = read(name, point)
        value, partials = WITNESSES[name].at(point)
        for i, x, partial in zip(ids, point, partials, strict=True):
            if mp.isnan(partial):
                continue
            h = 1e-30 * abs(x)
            (got,) = evaluate(e, [result], {i: np.array([x + 1j * h])}, "complex")
            near = max(abs(partial), 1e-3 * abs(value / x))  # as far as the value's digits carry
            assert abs(got[0].imag / h - partial) <= 1e-12 * near, (point, got, partial)
            assert abs(got[0].real - value) <= 1e-12 * max(abs(value), 1), point


def test_a_row_that_is_only_a_name_has_no_form() -> None:
    """The two arithmetics know by name what their text does not say; a new row must be one or the other."""
    for name in RULES:
        e, _, result = read(name, ordinary(name, 1)[0])
        assert mp.isfinite(evaluate_exact(e, [result], {})[0]), name


@pytest.mark.parametrize(
    ("z", "truth"),
    [(40.0, lambda: mp.exp(-40) / (1 + mp.exp(-40))), (745.0, lambda: mp.exp(-745) / (1 + mp.exp(-745)))],
)
def test_cancellation_is_met_with_more_digits(z: float, truth: object) -> None:
    """1 - sigmoid(z) is exp(-z) / (1 + exp(-z)), also where 420 bits hold nothing of it."""
    e = Expressions()
    (rest,) = e.read([1 - sigmoid(Value(z))])
    (got,) = evaluate_exact(e, [rest], {})
    with mp.workdps(400):
        expected = truth()  # type: ignore[operator]
        assert abs(mp.mpf(got) - expected) < mp.mpf(10) ** -50 * expected


def test_lost_digits_far_from_the_end_are_seen() -> None:
    """(1 - sigmoid(300)) * 1e200 is 5e69, not the 0 that any fixed number of digits gives."""
    z = Value(300.0)
    e = Expressions()
    ids = e.read([log(1 - sigmoid(z)), z + (1 - sigmoid(z)) * 1e200, bce(1 / (1 + exp(-z)), 0.0)])
    numbers = evaluate_exact(e, ids, {})
    with mp.workdps(300):
        rest = mp.exp(-300) / (1 + mp.exp(-300))
        for got, expected in zip(numbers, (mp.log(rest), 300 + rest * 1e200, -mp.log(rest)), strict=True):
            assert abs(mp.mpf(got) - expected) < mp.mpf(10) ** -50 * abs(expected)


def test_what_is_zero_is_zero_and_what_has_no_value_is_nan() -> None:
    """x*y - y*x, log(-1), 1/0."""
    x, y = Value(0.1), Value(0.3)
    e = Expressions()
    zero, outside, pole = e.read([(x * y + 1) - 1 - x * y, log(-x), 1 / (x - 0.1)])
    got = evaluate_exact(e, [zero, outside, pole], {})
    assert got[0] == 0
    assert mp.isnan(got[1])
    assert not mp.isfinite(got[2])
    divided = e.read([1 / sin(x - x), (x - x) / sqrt(x - x)])
    assert not any(map(mp.isfinite, evaluate_exact(e, divided, {})))


def test_a_slope_tells_a_kink_from_a_bend() -> None:
    """relu(x) at 0 has the slopes 0 and 1; x*relu(x) has one slope."""
    x = Value(0.0)
    e = Expressions()
    i, kinked, smooth = e.read([x, relu(x), x * relu(x)])
    at_kink = Slopes(e, kinked, {}).by(i, path(e, kinked, [i]))
    assert at_kink.kink
    assert (at_kink.left, at_kink.right) == (0, 1)
    assert float(Slopes(e, smooth, {}).by(i, path(e, smooth, [i])).value) == pytest.approx(0.0, abs=1e-50)


def test_a_slope_that_needs_more_bits_takes_them() -> None:
    """d log(1 + exp(-z)) at z = 600 is -exp(-600) / (1 + exp(-600))."""
    z = Value(600.0)
    e = Expressions()
    i, loss = e.read([z, log(1 + exp(-z))])
    slope = Slopes(e, loss, {}).by(i, path(e, loss, [i]))
    with mp.workdps(300):
        expected = -mp.exp(-600) / (1 + mp.exp(-600))
        assert abs(mp.mpf(slope.value) - expected) < mp.mpf(10) ** -40 * abs(expected)


def test_rounding_bounds_what_doubles_lose() -> None:
    """Over random inputs, |double - exact| <= bound <= 1e5 |double - exact| + a few ulp, for sums that cancel."""
    draw = generator(1)
    a, b, c = (Value(x, label=name) for x, name in zip((0.1, 0.2, 0.3), "abc", strict=True))
    e = Expressions()
    i, j, k, result, saturated = e.read([a, b, c, (a * b + c) - exp(a) * b, 1 - sigmoid(50 * a)])
    columns = {n: draw.normal(size=200) for n in (i, j, k)}
    doubles = evaluate(e, [result, saturated], columns)
    bounds = rounding(e, [result, saturated], columns)
    for p in range(0, 200, 4):
        exactly = evaluate_exact(e, [result, saturated], {n: column[p] for n, column in columns.items()})
        for number, bound, true in zip(doubles, bounds, exactly, strict=True):
            assert abs(float(mp.mpf(number[p]) - mp.mpf(true))) <= bound[p] < 1e-12


def test_rounding_is_infinite_where_the_trials_overflow() -> None:
    """log(1 - sigmoid(50)) is log of what rounding left of 4e-22."""
    z = Value(50.0)
    e = Expressions()
    (loss,) = e.read([log(1 - sigmoid(z))])
    assert rounding(e, [loss], {})[0][0] == math.inf


def test_digits_leave_the_users_precision_alone() -> None:
    """Also beside another thread that works to 15 digits."""
    e = Expressions()
    (result,) = e.read([exp(Value(1.0))])
    with mp.workdps(20):
        found: list[object] = []
        threads = [
            threading.Thread(target=lambda: found.append(evaluate_exact(e, [result], {})[0]))
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert mp.dps == 20
    assert len(set(map(str, found))) == 1
    with mp.workdps(60):
        assert abs(mp.mpf(found[0]) - mp.e) < mp.mpf(10) ** -50


def test_without_mpmath_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """MissingPackageError with the command."""
    monkeypatch.setitem(__import__("sys").modules, "mpmath", None)
    with pytest.raises(ImportError, match=r'pip install "minigrad\[check\]"'):
        exact.library()
    assert mpmath is not None
