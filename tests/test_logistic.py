"""The lecture's example agrees with paper, the check refuses what does not, and the fit is the right one."""

from __future__ import annotations

import doctest
import math
from collections.abc import Callable
from decimal import Decimal, localcontext

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad.logistic as module
from minigrad import Value
from minigrad.functions import ShapeError
from minigrad.logistic import (
    Example,
    OneRow,
    closed_forms,
    compared,
    distance,
    example,
    fit,
    mean_gradient_on_paper,
    updated,
)  # fmt: skip
from minigrad.tables import DataError, Floats, breast_cancer, split, standardised

GIVEN = {"x1": 2.0, "x2": -1.0, "y": 1.0, "w1": 0.5, "w2": -0.25, "b": 0.1}


def run(**numbers: float) -> Example:
    """The example, forward and backward."""
    one = example(**{**GIVEN, **numbers})
    one.loss.backward()
    return one


def test_the_examples_in_the_docstrings_run() -> None:
    assert doctest.testmod(module).failed == 0


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
        forms = closed_forms(**GIVEN)
        assert list(forms) == list(witness)
        for name, exact in witness.items():
            assert mpmath.almosteq(mpmath.mpf(str(forms[name])), exact, rel_eps=1e-50), name


def test_closed_forms_survive_saturation() -> None:
    """At z = 800: L = 800 for y = 0, e^-800 for y = 1, and dZ = -e^-800 there; e^-800 = 3.67e-348."""
    for y, loss, dz in ((0.0, "800", "1"), (1.0, "3.669e-348", "-3.669e-348")):
        forms = closed_forms(0.0, 0.0, y, 0.0, 0.0, 800.0)
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
        closed_forms(**{**GIVEN, **numbers})


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


# -- m examples -------------------------------------------------------------------------------------------


def table(m: int, n: int, seed: int) -> tuple[Floats, Floats]:
    """Random rows and labels; the seed is in the name of the test that uses them."""
    generator = np.random.default_rng(seed)
    return generator.normal(size=(m, n)), (generator.random(m) < 0.5).astype(float)


@pytest.mark.parametrize("seed", range(5))
def test_averaged_gradients_agree_with_paper(seed: int) -> None:
    """Within the allowance, which is tighter than 1e-13, and with central differences of the loss."""
    rows, labels = table(40, 5, seed)
    parameters = np.random.default_rng(seed + 100).normal(size=6)
    loss = OneRow(5).mean_loss(rows, labels)
    _, gradient = loss(parameters)
    on_paper, allowed = mean_gradient_on_paper(rows, labels, parameters)
    assert (np.abs(gradient - on_paper) <= allowed).all()
    assert allowed.max() < 1e-13
    step = 1e-5 * np.eye(6)
    slopes = [(loss(parameters + h)[0] - loss(parameters - h)[0]) / 2e-5 for h in step]
    np.testing.assert_allclose(gradient, slopes, rtol=0, atol=1e-9)  # h² = 1e-10, rounding 1e-16 / 1e-5


def test_the_mean_loss_is_the_mean_of_the_losses() -> None:
    """Of the example with two features, row by row."""
    rows, labels = [[2.0, -1.0], [0.5, 3.0], [-1.0, 1.0]], [1.0, 0.0, 1.0]
    each = [
        example(x1, x2, y, w1=0.5, w2=-0.25, b=0.1).loss.data
        for (x1, x2), y in zip(rows, labels, strict=True)
    ]
    loss, _ = OneRow(["x1", "x2"]).mean_loss(rows, labels)(np.array([0.5, -0.25, 0.1]))
    assert loss == pytest.approx(sum(each) / 3, rel=1e-15)


def test_one_row_is_one_dot_node() -> None:
    """2n + 6 nodes however many features, with their names."""
    one = OneRow(["age", "weight"])
    assert len(one.graph) == 2 * 2 + 6
    assert one.graph.counts() == {"input": 6, "dot": 1, "add": 1, "sigmoid": 1, "bce": 1}
    assert [node.label for node in one.weights] == ["w[age]", "w[weight]"]
    with pytest.raises(ShapeError, match="at least one feature"):
        OneRow([])


def test_rows_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match="the graph has 3 features, the rows have 2 columns"):
        OneRow(3).mean_loss([[1.0, 2.0]], [1])
    with pytest.raises(ShapeError, match="2 rows, but the labels have the shape"):
        fit([[1.0], [2.0]], [1])
    with pytest.raises(DataError, match="row 1, column 0 holds nan"):
        fit([[1.0], [math.nan]], [0, 1])
    with pytest.raises(DataError, match="label of row 1 is 2"):
        fit([[1.0], [2.0]], [0, 2])
    with pytest.raises(ShapeError, match="the model has 1 features, the rows have 2 columns"):
        fit([[1.0], [2.0]], [0, 1], epochs=1).probabilities([[1.0, 2.0]])


def test_the_fit_goes_where_newton_goes() -> None:
    """Gradient descent to the end is the maximum-likelihood fit: compared with Newton's method in NumPy."""
    rows, labels = table(60, 2, 7)
    x = np.column_stack([rows, np.ones(60)])
    w = np.zeros(3)
    for _ in range(20):
        a = 1 / (1 + np.exp(-x @ w))
        w -= np.linalg.solve((x.T * (a * (1 - a))) @ x, x.T @ (a - labels))
    result = fit(rows, labels, alpha=2.0, epochs=500)
    np.testing.assert_allclose([*result.weights, result.b], w, rtol=0, atol=1e-10)


def test_the_loss_falls_on_the_real_table() -> None:
    """At every update, from about log 2; and the model is right on rows it has not seen."""
    data = breast_cancer()
    training, held_out = split(len(data.labels), seed=1)
    rows, mean, scale = standardised(data.rows[training])
    result = fit(rows, data.labels[training], alpha=0.5, epochs=40)
    assert len(result.losses) == 41
    assert abs(result.losses[0] - math.log(2)) < 0.05
    assert all(after < before for before, after in zip(result.losses, result.losses[1:], strict=False))
    assert result.losses[-1] < 0.1
    assert result.accuracy((data.rows[held_out] - mean) / scale, data.labels[held_out]) > 0.93


def test_the_seed_decides_the_start() -> None:
    """Equal seeds give equal bits; no epochs give the start itself, near 0."""
    rows, labels = table(20, 3, 3)
    first, again, other = (fit(rows, labels, epochs=3, seed=seed) for seed in (5, 5, 6))
    assert (first.weights.tolist(), first.b, first.losses) == (again.weights.tolist(), again.b, again.losses)
    assert first.weights.tolist() != other.weights.tolist()
    start = fit(rows, labels, epochs=0, seed=5)
    assert (start.b, len(start.losses)) == (0.0, 1)
    assert 0 < np.abs(start.weights).max() < 0.1


def test_probabilities_and_accuracy() -> None:
    """At log-odds log 3 the probability is 3/4; 1/2 counts for label 1."""
    model = module.Fit(np.array([1.0]), 0.0, ())
    assert model.probabilities([[math.log(3)], [0.0], [-800.0]]) == pytest.approx([0.75, 0.5, 0.0], abs=1e-15)
    assert model.accuracy([[1.0], [0.0], [-1.0], [-2.0]], [1, 1, 0, 1]) == 0.75
