"""One example agrees with paper, and the check refuses what does not."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, localcontext

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad import Value
from minigrad.functions import ShapeError
from minigrad.logistic import (
    Example,
    OneRow,
    closed_forms,
    compared,
    distance,
    example,
    mean_gradient_on_paper,
    updated,
)  # fmt: skip

GIVEN = {"x1": 2.0, "x2": -1.0, "y": 1.0, "w1": 0.5, "w2": -0.25, "b": 0.1}


def run(**numbers: float) -> Example:
    """The example, forward and backward."""
    one = example(**{**GIVEN, **numbers})
    one.loss.backward()
    return one


def on_paper(
    x1: float, x2: float, y: float, w1: float, w2: float, b: float, z: float | None = None
) -> dict[str, Decimal]:
    """The closed forms of the example."""
    return closed_forms([x1, x2], y, [w1, w2], b, z=z)


# -- one example ------------------------------------------------------------------------------------------


def test_the_graph_is_the_lectures() -> None:
    """x -> z -> a -> L with these names; L is one node above a, a one above z."""
    one = example()
    assert [node.label for node in one] == ["x1", "x2", "w1", "w2", "b", "y", "z", "a", "L"]
    assert (one.loss.op, one.loss.operands) == ("bce", (one.a, one.y))
    assert (one.a.op, one.a.operands) == ("sigmoid", (one.z,))
    assert one.graph.counts() == {"input": 6, "mul": 2, "add": 2, "sigmoid": 1, "bce": 1}


def test_closed_forms_are_those_of_mpmath() -> None:
    """The formulas of the lecture at 60 digits, in another library: to 50 digits."""
    with mpmath.workdps(60):
        x1, x2, y, w1, w2, b = map(mpmath.mpf, GIVEN.values())
        z = w1 * x1 + w2 * x2 + b
        a = 1 / (1 + mpmath.exp(-z))
        dz = a - y
        witness = {
            "z": z,
            "a": a,
            "L": -(y * mpmath.log(a) + (1 - y) * mpmath.log(1 - a)),
            "dA": -y / a + (1 - y) / (1 - a),
            "dZ": dz,
            "dW1": x1 * dz,
            "dW2": x2 * dz,
            "dB": dz,
        }
        forms = on_paper(**GIVEN)
        assert list(forms) == list(witness)
        for name, exact in witness.items():
            assert mpmath.almosteq(mpmath.mpf(str(forms[name])), exact, rel_eps=1e-50), name


def test_closed_forms_survive_saturation() -> None:
    """At z = 800: L = 800 for y = 0, e^-800 for y = 1, and dZ = -e^-800 there; e^-800 = 3.67e-348."""
    for y, loss, dz in ((0.0, "800", "1"), (1.0, "3.669e-348", "-3.669e-348")):
        forms = on_paper(0.0, 0.0, y, 0.0, 0.0, 800.0)
        assert abs(forms["L"] / Decimal(loss) - 1) < Decimal("1e-3")
        assert abs(forms["dZ"] / Decimal(dz) - 1) < Decimal("1e-3")


NUMBER = st.floats(-30, 30)


@given(NUMBER, NUMBER, st.sampled_from([0.0, 1.0, 0.25]), NUMBER, NUMBER, NUMBER)
@settings(max_examples=150, deadline=None)
def test_every_number_agrees_with_paper(
    x1: float, x2: float, y: float, w1: float, w2: float, b: float
) -> None:
    """Anywhere with |z| up to 1,830, cancellation in z and saturation of a among it."""
    for row in compared(run(x1=x1, x2=x2, y=y, w1=w1, w2=w2, b=b)):
        assert row.agrees, row


@pytest.mark.parametrize("y", [0.0, 1.0])
@pytest.mark.parametrize("z", [0.0, 1e-300, 36.7, 40.0, 700.0, 745.0, 800.0, 1e4, 1e6])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_ends_agree_with_paper(z: float, sign: float, y: float) -> None:
    """Where a rounds to 0 or 1, and where dA leaves the doubles."""
    for row in compared(run(x1=1e-3, x2=0.0, w1=0.0, b=sign * z, y=y)):
        assert row.agrees, row


def test_cancellation_in_z_is_allowed_for() -> None:
    """0.1·3 - 0.3 is 5.6e-17 in doubles and 2.8e-17 on paper: rounding, millions of ulp away."""
    row = compared(run(x1=3.0, w1=0.1, x2=1.0, w2=-0.3, b=0.0))[0]
    assert row.agrees
    assert row.ulp > 1e6


# -- the check itself -------------------------------------------------------------------------------------

#: Slips that students make, as what they do to the gradients of the example.
SLIPS: dict[str, Callable[[Example], object]] = {
    "sign of dZ": lambda one: _set(one.z, -one.z.grad),
    "dA taken for dZ": lambda one: _set(one.z, one.a.grad),
    "y forgotten": lambda one: _set(one.z, one.a.data),
    "x1 and x2 exchanged": lambda one: _set(one.w1, one.w2.grad),
    "dB forgotten": lambda one: _set(one.b, 0.0),
    "backward twice": lambda one: one.loss.backward(),
    "nan": lambda one: _set(one.w2, math.nan),
    "infinity": lambda one: _set(one.a, -math.inf),
    "20 ulp": lambda one: _set(one.z, one.z.grad * (1 + 20 * 2**-53)),
}


def _set(node: Value, grad: float) -> None:
    node.grad = grad


@pytest.mark.parametrize("slip", SLIPS)
def test_a_wrong_gradient_is_refused(slip: str) -> None:
    """Each slip is seen, and only in the rows it touches."""
    one = run()
    SLIPS[slip](one)
    wrong = [row.name for row in compared(one) if not row.agrees]
    expected = {
        "x1 and x2 exchanged": ["dW1"], "dB forgotten": ["dB"], "nan": ["dW2"], "infinity": ["dA"],
        "backward twice": ["dW1", "dW2", "dB"],
    }.get(slip, ["dZ"])  # fmt: skip
    assert wrong == expected


def test_a_wrong_value_is_refused() -> None:
    """z off by one bit more than four roundings; a taken from z + 1e-12."""
    one = run()
    for _ in range(2):
        one.z.data = math.nextafter(one.z.data, 2.0)
    assert not compared(one)[0].agrees
    one = run()
    one.a.data = 1 / (1 + math.exp(-(one.z.data + 1e-12)))
    assert [row.name for row in compared(one) if not row.agrees] == ["a"]


def test_no_check_is_out_of_reach() -> None:
    """What rounding may explain is finite, and but for z a few ulp, also where a closed form is infinite."""
    for b in (0.0, 800.0, -800.0, 1e4):
        for row in compared(run(x1=1e-3, x2=0.0, w1=0.0, b=b)):
            assert row.allowed.is_finite(), row
            assert row.name == "z" or row.limit <= 9.5, row


def test_distance_is_exact() -> None:
    """Also beyond the doubles and under a context of the caller's that keeps three digits."""
    with localcontext(prec=3):
        assert distance(1.0, Decimal("1.0000000000000000000000000001")) == Decimal("1E-28")
    assert distance(-math.inf, Decimal("-1e400")) == 0
    for wrong in (math.inf, 1e308, math.nan):
        assert distance(wrong, Decimal("-1e400")) == Decimal("Infinity")
    assert distance(math.nan, Decimal(0)) == Decimal("Infinity")


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        ({"b": 2e6}, "up to 1,000,000"),
        ({"x1": math.inf}, "finite numbers"),
        ({"w2": math.nan}, "finite numbers"),
    ],
)
def test_what_paper_cannot_say_is_refused(numbers: dict[str, float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        on_paper(**{**GIVEN, **numbers})


@pytest.mark.parametrize("y", [-0.1, 1.1, math.nan, math.inf])
def test_a_label_is_between_0_and_1(y: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        example(y=y)


# -- the update -------------------------------------------------------------------------------------------


def test_the_update_is_the_lectures() -> None:
    """w := w - alpha·dW and b := b - alpha·dB; the loss falls for a small alpha."""
    one = run()
    new = updated(one, 0.1)
    dz = 1 / (1 + math.exp(-1.35)) - 1
    assert new == pytest.approx(
        {"w1": 0.5 - 0.2 * dz, "w2": -0.25 + 0.1 * dz, "b": 0.1 - 0.1 * dz}, rel=1e-14
    )
    assert run(**new).loss.data < one.loss.data


# -- n features -------------------------------------------------------------------------------------------


def recorded(n: int, seed: int, scale: float) -> OneRow:
    """The graph of one row of n features at random numbers, forward and backward."""
    generator = np.random.default_rng(seed)
    one = OneRow(n)
    numbers = generator.normal(0.0, scale, 2 * n + 1).tolist()
    one.graph.forward(dict(zip((*one.features, *one.parameters), numbers, strict=True)))
    one.graph.forward({one.y: float(seed % 2)})
    one.graph.backward()
    return one


@pytest.mark.parametrize("n", [1, 2, 5, 40, 300])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 10.0])
def test_any_number_of_features_agrees_with_paper(n: int, scale: float) -> None:
    """Every value and every gradient, n + 6 of them."""
    for seed in range(4):
        rows = compared(recorded(n, seed, scale))
        assert len(rows) == n + 6
        assert [row for row in rows if not row.agrees] == []


def test_one_row_is_one_dot_node() -> None:
    """2n + 6 nodes however many features, with their names."""
    one = OneRow(["age", "weight"], "ill")
    assert len(one.graph) == 2 * 2 + 6
    assert one.graph.counts() == {"input": 6, "dot": 1, "add": 1, "sigmoid": 1, "bce": 1}
    assert [node.label for node in (*one.parameters, one.y)] == ["w[age]", "w[weight]", "b", "ill"]
    assert [node.label for node in OneRow(3).features] == ["x1", "x2", "x3"]


def test_what_is_left_out_is_one_term() -> None:
    """Two nodes more; the closed forms, which do not know of it, refuse it."""
    one = OneRow(["age"], others="3 other products")
    assert len(one.graph) == 2 + 6 + 2
    one.graph.forward({"age": 2.0, "w[age]": 0.5, "3 other products": -3.0, "b": 1.0})
    assert one.z.data == -1.0
    with pytest.raises(ValueError, match="this z has more terms"):
        compared(one)


@pytest.mark.parametrize(
    ("names", "error", "says"),
    [
        ([], ShapeError, "at least one feature"),
        (0, ShapeError, "at least one feature"),
        ("age", TypeError, "names in a list: got the text 'age'"),
        (2.0, TypeError, "a whole number, or names in a list: got 2.0"),
        (["a", "b", "a"], ValueError, "'a' is given twice"),
        (["a", ""], ValueError, "is empty"),
        (["a", 3], TypeError, "is text, not int 3"),
        (["a", "y"], ValueError, "'y' is the label and cannot be a feature"),
    ],
)
def test_names_that_will_not_do(names: list[str], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        OneRow(names)


# -- m examples -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_the_mean_gradient_on_paper_is_that_of_mpmath(seed: int) -> None:
    """To a part of the allowance, which is tighter than 1e-13."""
    generator = np.random.default_rng(seed)
    rows, labels = generator.normal(size=(20, 3)), generator.integers(0, 2, 20)
    parameters = generator.normal(size=4)
    gradient, allowed = mean_gradient_on_paper(rows.T, labels, parameters)
    assert allowed.max() < 1e-13
    with mpmath.workdps(50):
        w = [mpmath.mpf(number) for number in parameters]
        total = [mpmath.mpf(0)] * 4
        for row, label in zip(rows, labels, strict=True):
            x = [*map(mpmath.mpf, row), mpmath.mpf(1)]
            dz = 1 / (1 + mpmath.exp(-mpmath.fdot(w, x))) - int(label)
            total = [sum_ + term * dz for sum_, term in zip(total, x, strict=True)]
        for got, exact, bound in zip(gradient, total, allowed, strict=True):
            assert abs(mpmath.mpf(float(got)) - exact / 20) <= bound


def test_the_mean_gradient_on_paper_is_right_far_out() -> None:
    """At z = 1,000 and -1,000: a is 1 and 0, without a warning."""
    gradient, _ = mean_gradient_on_paper([[1.0, -1.0]], [0, 1], [1000.0, 0.0])
    assert gradient.tolist() == [1.0, 0.0]
