"""A student's `propagate`: right ones are right, wrong ones are wrong, and the slip is the one that was made."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from propagates import LOSSES as OTHER
from propagates import ODD, STRANGE, SUMS, WRONG, right, right_rows, rows_for, sigmoid, under, varied

from minigrad import Value, dot
from minigrad.checking.function import check_function
from minigrad.checking.models import MODELS, ModelError
from minigrad.functions import ShapeError

#: The published numbers of the exercise.
W, B = np.array([[1.0], [2.0]]), 2.0
X, Y = np.array([[1.0, 2.0, -1.0], [3.0, 4.0, -3.2]]), np.array([[1, 0, 1]])
DATA = (W, B, X, Y)
ROWS = (W[:, 0], B, X.T.copy(), Y[0])


def data_for(function: Callable[..., Any]) -> tuple[Any, ...]:
    return ROWS if "rows" in function.__qualname__ else DATA


# -- right ------------------------------------------------------------------------------------------------


def test_the_published_numbers() -> None:
    """dw = [0.99845601, 2.39507239], db = 0.00145557813678, cost = 5.801545319394553 are what is right."""
    report = check_function(right, DATA)
    assert report.ok
    (cost,) = (c for c in report["cost"].comparisons if c.where == "cost at your numbers")
    (db,) = (c for c in report["db"].comparisons if c.where == "db at your numbers")
    dw = {c.where: c.right for c in report["dw"].comparisons}
    assert cost.right == pytest.approx(5.801545319394553, rel=1e-14)
    assert db.right == pytest.approx(0.00145557813678, abs=5e-15)
    assert dw["dw[0, 0] at your numbers"] == pytest.approx(0.99845601, abs=5e-9)
    assert dw["dw[1, 0] at your numbers"] == pytest.approx(2.39507239, abs=5e-9)


@pytest.mark.parametrize(
    "result",
    [
        lambda dw, db, cost: ({"dw": dw, "db": db}, cost),
        lambda dw, db, cost: (cost, {"dw": dw, "db": db}),
        lambda dw, db, cost: ({"dW": dw, "dB": db}, np.array(cost)),
        lambda dw, db, cost: (dw, db, cost),
        lambda dw, db, cost: (cost, dw, db),
        lambda dw, db, cost: (cost, db, dw),
        lambda dw, db, cost: ((dw, db), cost),
        lambda dw, db, cost: (cost, (db, dw)),
        lambda dw, db, cost: {"cost": cost, "dw": dw, "db": db},
        lambda dw, db, cost: [dw, db, np.array([[cost]])],
        lambda dw, db, cost: (db, dw, cost),
    ],
)
def test_results_come_in_any_order(result: Callable[..., Any]) -> None:
    def propagate(w: Any, b: Any, X: Any, Y: Any) -> Any:
        grads, cost = right(w, b, X, Y)
        return result(grads["dw"], grads["db"], cost)

    assert check_function(propagate, DATA).ok


def test_both_layouts_are_recognised_and_said() -> None:
    assert "X is (n, m)" in str(check_function(right, DATA))
    report = check_function(right_rows, ROWS)
    assert report.ok
    assert "X is (m, n)" in str(report)


@pytest.mark.parametrize("m", [1, 2, 7])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_right_function_is_right_for_all_shapes(m: int, n: int) -> None:
    """n = m among them, where the shapes do not say which axis is which."""
    random = np.random.default_rng(m * 10 + n)
    w, x, y = random.normal(size=(n, 1)), random.normal(size=(n, m)), random.integers(0, 2, (1, m))
    assert check_function(right, (w, 0.3, x, y)).ok
    assert check_function(right_rows, (w[:, 0], 0.3, x.T.copy(), y[0])).ok


def test_square_data_are_told_apart_by_the_function() -> None:
    x = np.array([[1.0, 2.0], [-3.0, 4.0]])
    report = check_function(right_rows, (W[:, 0], B, x, np.array([1, 0])))
    assert report.ok
    assert "X is (m, n)" in str(report)
    columns = check_function(right, (W, B, x, np.array([[1, 0]])))
    assert columns.ok
    assert "X is (n, m)" in str(columns)


def test_parameters_in_another_order_are_found_by_name() -> None:
    def compute(X: Any, y: Any, w: Any, b: Any) -> Any:
        cost, dw, db = right_rows(w, b, X, y)
        return db, dw, cost

    assert check_function(compute, ROWS).ok
    assert check_function(compute, (ROWS[2], ROWS[3], ROWS[0], ROWS[1])).ok
    assert check_function(compute).ok


def test_no_bias() -> None:
    def propagate(w: Any, X: Any, Y: Any) -> Any:
        grads, cost = right(w, 0.0, X, Y)
        return grads["dw"], cost

    report = check_function(propagate, (W, X, Y))
    assert report.ok
    assert [f.name for f in report] == ["cost", "dw"]


def _rows_of(loss: Callable[..., Any], dz: Callable[..., Any]) -> Callable[..., Any]:
    def propagate(w: Any, b: Any, X: Any, y: Any) -> Any:
        z = X @ w + b
        return {"dw": X.T @ dz(z, y) / len(y), "db": np.mean(dz(z, y))}, np.mean(loss(z, y))

    return propagate


LOSSES = [
    ("logistic ±1", lambda z, y: np.log(1 + np.exp(-y * z)), lambda z, y: -y / (1 + np.exp(y * z)), [1, -1, 1]),
    ("linear", lambda z, y: (z - y) ** 2 / 2, lambda z, y: z - y, [0.5, 2.0, -1.0]),
    ("squares", lambda z, y: (z - y) ** 2, lambda z, y: 2 * (z - y), [0.5, 2.0, -1.0]),
    ("poisson", lambda z, y: np.exp(z) - y * z, lambda z, y: np.exp(z) - y, [3, 0, 1]),
    ("hinge", lambda z, y: np.maximum(0, 1 - y * z), lambda z, y: np.where(y * z < 1, -y, 0), [1, -1, 1]),
    ("absolute", lambda z, y: np.abs(z - y), lambda z, y: np.sign(z - y), [0.5, 2.0, -1.0]),
    ("probability squares", lambda z, y: (sigmoid(z) - y) ** 2,
     lambda z, y: 2 * (sigmoid(z) - y) * sigmoid(z) * (1 - sigmoid(z)), [1, 0, 1]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "loss", "dz", "labels"), LOSSES)
def test_the_model_is_recognised_by_its_cost(name: str, loss: Any, dz: Any, labels: list[float]) -> None:
    report = check_function(_rows_of(loss, dz), (ROWS[0], 0.5, ROWS[2], np.array(labels)))
    assert report.ok, str(report)
    assert f"model {name}" in report.subject
    wrong = check_function(_rows_of(loss, lambda z, y: -dz(z, y)), (ROWS[0], 0.5, ROWS[2], np.array(labels)))
    assert wrong["dw"].slip is not None
    assert wrong["dw"].slip.key == wrong["db"].slip.key == "sign flipped"  # type: ignore[union-attr]


def test_every_named_model_is_the_derivative_of_its_loss() -> None:
    """Each dz beside a central difference of its loss, away from kinks."""
    z = np.array([-2.3, -0.4, 0.3, 1.7, 3.1])
    labels = {"01": (0.0, 1.0), "±1": (-1.0, 1.0), "count": (0.0, 3.0), "real": (-0.75, 0.9)}
    for model in MODELS.values():
        for y in labels[model.labels]:
            label = np.full(len(z), y)
            slope = (model.loss(z + 1e-5, label) - model.loss(z - 1e-5, label)) / 2e-5
            assert model.dz(z, label) == pytest.approx(slope, abs=1e-8, rel=1e-7), model.name


# -- any loss ---------------------------------------------------------------------------------------------


def cubic(w: Any, b: Any, X: Any, Y: Any) -> Any:
    """A loss that has no name: log(1 + z²) − y·z."""
    m = X.shape[1]
    z = np.dot(w.T, X) + b
    dz = 2 * z / (1 + z**2) - Y
    return {"dw": np.dot(X, dz.T) / m, "db": np.mean(dz)}, np.mean(np.log(1 + z**2) - Y * z)


def cubic_sign(w: Any, b: Any, X: Any, Y: Any) -> Any:
    grads, cost = cubic(w, b, X, Y)
    return {"dw": grads["dw"] * X.shape[1], "db": -grads["db"]}, cost


def _graph() -> Value:
    w = [Value(0.1, label=f"w{j}") for j in (1, 2)]
    x = [Value(0.2, label=f"x{j}") for j in (1, 2)]
    z = dot(w, x) + Value(0.3, label="b")
    return ((1 + z * z).log() - Value(1.0, label="y") * z).named("L")


def _row(w: Any, b: Any, x: Any, y: Any) -> Any:
    z = np.dot(w, x) + b
    return np.log(1 + z * z) - y * z


def _row_of_math(w: Any, b: Any, x: Any, y: float) -> float:
    z: float = sum(float(p) * float(q) for p, q in zip(w, x, strict=True)) + float(b)
    return math.log(1 + z * z) - y * z


def _row_of_complex(w: Any, b: Any, x: Any, y: Any) -> Any:
    z = np.asarray(w, dtype=complex if np.iscomplexobj(w) or np.iscomplexobj(b) else float) @ x + b
    return np.log(1 + z * z) - y * z


@pytest.mark.parametrize(
    "model",
    [_graph(), "z = w1*x1 + w2*x2 + b; log(1 + z*z) - y*z", _row, _row_of_math, _row_of_complex],
    ids=["graph", "text", "row", "math", "complex"],
)
def test_any_loss_by_a_graph_or_a_function_of_one_row(model: Any) -> None:
    assert check_function(cubic, DATA, model).ok
    report = check_function(cubic_sign, DATA, model)
    assert report["cost"].verdict == "right"
    assert report["dw"].slip is not None
    assert report["dw"].slip.key == "1/m missing"
    assert report["db"].slip is not None
    assert report["db"].slip.key == "sign flipped"


def test_a_black_box_is_held_against_its_own_cost() -> None:
    """No model: differences of the cost say that the gradients are right, or by which factor they are wrong."""
    report = check_function(cubic, DATA)
    assert report.ok
    assert "differences" in report.subject
    assert [f.name for f in report] == ["dw", "db"]
    wrong = check_function(cubic_sign, DATA)
    assert {f.name: f.slip and f.slip.key for f in wrong} == {"dw": "1/m missing", "db": "sign flipped"}


# -- wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "target", "key"), WRONG, ids=[f"{k}-{t}-{i}" for i, (_, t, k) in enumerate(WRONG)]
)
def test_the_slip_that_was_made_is_named(function: Callable[..., Any], target: str, key: str) -> None:
    """It alone is wrong, and its slip is first."""
    report = check_function(function, data_for(function))
    assert {f.name for f in report if f.verdict == "wrong"} == {target}, str(report)
    slip = report[target].slip
    assert slip is not None, str(report)
    assert key in slip.key, str(report)


def test_the_slip_does_not_hang_on_the_data() -> None:
    """Other shapes, other numbers, the same names."""
    random = np.random.default_rng(1)
    n, m = 4, 9
    w, x, y = random.normal(size=(n, 1)), random.normal(size=(n, m)), random.integers(0, 2, (1, m))
    columns, rows = (w, 0.4, x, y), (w[:, 0], 0.4, x.T.copy(), y[0])
    for function, target, key in WRONG:
        report = check_function(function, rows if data_for(function) is ROWS else columns)
        slip = report[target].slip
        assert slip is not None, (key, str(report))
        assert key in slip.key, str(report)


@pytest.mark.parametrize(("function", "target"), STRANGE)
def test_what_is_in_no_catalogue_is_accused_of_nothing(function: Callable[..., Any], target: str) -> None:
    report = check_function(function, DATA)
    assert report[target].verdict == "wrong"
    assert report[target].slip is None, str(report)
    assert "no known slip fits" in str(report)


@pytest.mark.parametrize("loss", sorted(OTHER))
def test_sums_over_rows_are_diagnosed_under_any_loss(loss: str) -> None:
    """Twenty slips: by the model where the loss is known, by the function's own cost where it is not. All are named."""
    data = rows_for(loss, 0)
    assert check_function(under(loss), data).ok
    for target, wrong, key in SUMS:
        report = check_function(under(loss, target, wrong), data)
        assert {f.name for f in report if f.verdict == "wrong"} == {target}, (key, str(report))
        slip = report[target].slip
        assert slip is not None, (key, str(report))
        assert key in slip.key, str(report)


@pytest.mark.parametrize("loss", sorted(OTHER))
def test_no_loss_leads_to_a_false_accusation(loss: str) -> None:
    """Wrong in ways that no catalogue holds, at two sets of data."""
    for seed in (0, 1):
        for target, wrong in ODD:
            report = check_function(under(loss, target, wrong), rows_for(loss, seed))
            assert report[target].verdict == "wrong", str(report)
            assert report[target].slip is None, str(report)


def test_a_wrong_shape_is_said_as_such() -> None:
    report = check_function(varied(dw=lambda w, b, X, Y, A, m: X * (A - Y) / m), DATA)
    text = " ".join(str(report).split())
    assert "dw has the shape (2, 3), needs (2, 1), the shape of w" in text
    assert "an elementwise product stands where a dot product is due: its sums over the rows" in text


def test_a_wrong_forward_pass_is_wrong_everywhere() -> None:
    """exp(−w·x + b): cost, dw and db have one cause, and dw and db fit the cost."""

    def propagate(w: Any, b: Any, X: Any, Y: Any) -> Any:
        A = 1 / (1 + np.exp(-np.dot(w.T, X) + b))
        cost = -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))
        return {"dw": np.dot(X, (A - Y).T) / X.shape[1], "db": np.mean(A - Y)}, cost

    report = check_function(propagate, DATA)
    assert {f.slip and f.slip.key for f in report} == {"bias outside the bracket"}


def test_a_cost_summed_with_its_gradients_is_said_to_hang_together() -> None:
    def propagate(w: Any, b: Any, X: Any, Y: Any) -> Any:
        grads, cost = right(w, b, X, Y)
        m = X.shape[1]
        return {"dw": grads["dw"] * m, "db": grads["db"] * m}, cost * m

    report = check_function(propagate, DATA)
    assert {f.slip and f.slip.key for f in report} == {"1/m missing"}
    assert "dw and db are the gradient of the cost as the function computes it" in str(report)


def test_data_or_m_from_outside_the_function_are_named() -> None:
    """In a notebook X, Y and m are at hand, and a function that uses them is right once."""

    def outside(w: Any, b: Any, x: Any, y: Any) -> Any:
        return right(w, b, X, Y)

    def fixed(w: Any, b: Any, X: Any, Y: Any) -> Any:
        grads, cost = right(w, b, X, Y)
        share = X.shape[1] / 3
        return {"dw": grads["dw"] * share, "db": grads["db"] * share}, cost * share

    for function, key in ((outside, "data from outside"), (fixed, "m hard-coded")):
        report = check_function(function, DATA)
        assert {f.slip and f.slip.key for f in report} == {key}, str(report)
        assert "right at your numbers, wrong" in str(report)


def test_a_penalty_in_cost_and_gradient_is_not_called_wrong() -> None:
    """The cost is then no loss that is known; dw is the gradient of it all the same."""

    def propagate(w: Any, b: Any, X: Any, Y: Any) -> Any:
        grads, cost = right(w, b, X, Y)
        share = 0.7 / X.shape[1]
        return {"dw": grads["dw"] + share * w, "db": grads["db"]}, cost + share / 2 * np.sum(w**2)

    report = check_function(propagate, DATA)
    assert report.ok, str(report)
    assert "differences of its own cost" in report.subject


def test_labels_may_lie_between_0_and_1() -> None:
    report = check_function(right, (W, B, X, np.array([[0.2, 0.5, 0.9]])))
    assert report.ok
    assert "model logistic" in report.subject


def test_data_that_are_no_numbers_are_named() -> None:
    report = check_function(right, (W, B, np.where(X == 2, np.nan, X), Y))
    assert report.verdict == "cannot tell"
    assert "your data hold a nan or an infinity: X in row 1" in str(report)


# -- numbers that lie -------------------------------------------------------------------------------------


def test_single_precision_is_named_and_not_wrong() -> None:
    def propagate(w: Any, b: Any, X: Any, Y: Any) -> Any:
        w, X, Y = (a.astype(np.float32) for a in (w, X, Y))
        A = sigmoid(np.dot(w.T, X) + np.float32(b))
        cost = -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))
        return {"dw": np.dot(X, (A - Y).T) / np.float32(X.shape[1]), "db": np.mean(A - Y)}, cost

    report = check_function(propagate, DATA)
    assert report.ok, str(report)
    assert "single precision" in str(report)


@pytest.mark.parametrize("epsilon", [1e-8, 1e-5, 1e-12])
def test_a_small_number_inside_the_logarithm_is_no_slip(epsilon: float) -> None:
    def cost(w: Any, b: Any, X: Any, Y: Any, A: Any, m: Any) -> Any:
        return -np.mean(Y * np.log(A + epsilon) + (1 - Y) * np.log(1 - A + epsilon))

    report = check_function(varied(cost=cost), DATA)
    assert report.ok, str(report)


def test_a_cost_of_nan_is_explained() -> None:
    """z = 50: sigmoid rounds to 1, and log(1 − a) is log(0). The formula is right, the numbers are lost."""
    report = check_function(right, (W, 50.0, X, Y))
    assert report["cost"].verdict == "cannot tell"
    assert report["dw"].verdict == "right"
    text = " ".join(str(report).split())
    assert "row 0 has z = 57" in text
    assert "sigmoid rounds to 1 and log(1 − a) is log(0)" in text
    assert report.verdict == "cannot tell"


def test_near_saturation_nothing_is_called_wrong() -> None:
    """1 − a has two digits left at z = 32."""
    for bias in (12.0, 20.0, 25.0, 28.0, -20.0, -40.0, -300.0):
        assert check_function(right, (W, bias, X, Y)).verdict != "wrong"


def test_a_gradient_by_differences_is_not_accused() -> None:
    """Right to some ten digits: neither wrong nor right to the last."""

    def propagate(w: Any, b: Any, X: Any, Y: Any) -> Any:
        _, cost = right(w, b, X, Y)
        h = 1e-5
        dw = np.array([[(right(w + h * e[:, None], b, X, Y)[1] - right(w - h * e[:, None], b, X, Y)[1]) / (2 * h)]
                       for e in np.eye(len(w))]).reshape(w.shape)  # fmt: skip
        return {"dw": dw, "db": (right(w, b + h, X, Y)[1] - right(w, b - h, X, Y)[1]) / (2 * h)}, cost

    report = check_function(propagate, DATA)
    assert report["dw"].verdict == "cannot tell"
    assert "digits" in report["dw"].reason


def test_a_right_function_is_never_called_wrong() -> None:
    """200 random cases of many sizes and scales."""
    random = np.random.default_rng(0)
    for _ in range(200):
        n, m = (int(k) for k in random.integers(1, 12, 2))
        scale = 10.0 ** random.uniform(-3, 1.5)
        w, x = random.normal(size=(n, 1)) * scale, random.normal(size=(n, m)) * 10.0 ** random.uniform(-2, 2)
        y = random.integers(0, 2, (1, m))
        report = check_function(right, (w, float(random.normal()), x, y), seed=int(random.integers(1000)))
        assert report.verdict != "wrong", (w, x, y, str(report))


def test_100_rows_of_784_features_are_checked() -> None:
    """A right one, and a wrong one whose whole catalogue is gone through; tests/bench/checkers.py says how fast."""
    random = np.random.default_rng(0)
    data = (
        random.normal(size=(784, 1)) * 0.01,
        0.0,
        random.random((784, 100)),
        random.integers(0, 2, (1, 100)),
    )
    strange = varied(dw=lambda w, b, X, Y, A, m: np.dot(X, (A - Y).T) / m + 0.01 * w**2)
    for function, verdict in ((right, "right"), (strange, "wrong")):
        assert check_function(function, data).verdict == verdict


# -- what bites -------------------------------------------------------------------------------------------


def test_a_function_that_raises_is_told_with_its_line() -> None:
    def propagate(w: Any, b: Any, X: Any, Y: Any) -> Any:
        return np.dot(w, X)

    report = check_function(propagate, DATA)
    assert report.verdict == "cannot tell"
    assert "propagate raises ValueError in line " in str(report)
    assert [f.verdict for f in report] == ["cannot tell"] * 3


def test_a_function_that_raises_at_the_users_numbers_only() -> None:
    """The rest of the report still comes, from random data."""

    def propagate(w: Any, b: Any, X: Any, Y: Any) -> Any:
        if b == 2.0:
            raise ZeroDivisionError("b")
        return right(w, b, X, Y)

    report = check_function(propagate, DATA)
    assert report.verdict == "cannot tell"
    assert "right at random data; at your numbers nothing came back" in str(report)


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (None, "returns None: is its return statement missing?"),
        ("text", "returns a str"),
        ((), "returns no cost"),
        (1.5, "returns one result only"),
        (({"dw": "no", "db": 1.0}, 2.0), "dw is a str, not real numbers"),
        (({"gradient of the weights": 1.0}, 2.0), "keys of the result that are not known"),
        ((1.0, 2.0, 3.0, 4.0), "returns 4 results"),
        (1 + 2j, "complex"),
    ],
)
def test_odd_results_get_one_sentence(result: Any, says: str) -> None:
    report = check_function(lambda w, b, X, Y: result, DATA)
    assert says in " ".join(str(report).split()), str(report)
    assert not report.ok


def test_results_that_are_no_numbers_are_never_passed_as_right() -> None:
    def propagate(w: Any, b: Any, X: Any, Y: Any) -> Any:
        grads, cost = right(w, b, X, Y)
        return {"dw": grads["dw"] + 0j, "db": grads["db"]}, cost

    report = check_function(propagate, DATA)
    assert {f.name: f.verdict for f in report} == {"cost": "right", "db": "right", "dw": "cannot tell"}
    assert not report.ok
    assert "dw is complex numbers, not real numbers" in str(report)


def test_a_cost_without_gradients_is_not_passed_as_right() -> None:
    report = check_function(lambda w, b, X, Y: {"cost": right(w, b, X, Y)[1]}, DATA)
    assert {f.name: f.verdict for f in report} == {"cost": "right", "dw": "cannot tell", "db": "cannot tell"}


def test_real_numbers_in_an_array_of_objects_are_taken() -> None:
    """What pandas gives for a table of mixed columns."""
    assert check_function(right, (W, B, X.astype(object), Y)).ok
    with pytest.raises(
        TypeError, match="X must hold real numbers, not an array of complex128: array"
    ) as told:
        check_function(right, (W, B, X * 1j, Y))
    assert "\n" not in str(told.value)


def test_either_derivative_at_a_kink_of_the_loss_is_right() -> None:
    """Two rows with 1 - y*z = 0: the hinge counts them or not."""

    def propagate(w: Any, b: Any, X: Any, Y: Any) -> Any:
        M = 1 - Y * (w.T @ X + b)
        counted = (M >= 0) * Y
        m = X.shape[1]
        return {"dw": -(X @ counted.T) / m, "db": -np.sum(counted) / m}, np.mean(np.maximum(0, M))

    data = np.array([[1.0], [0.0]]), 0.0, np.array([[1.0, -1, 2], [0, 1, 1]]), np.array([[1, -1, 1]])
    report = check_function(propagate, data, "hinge")
    assert "wrong" not in {finding.verdict for finding in report}, str(report)


def test_a_gradient_of_zeros_is_told_as_such() -> None:
    def propagate(w: Any, b: Any, X: Any, Y: Any) -> Any:
        return {"dw": np.zeros_like(w), "db": 0.0}, right(w, b, X, Y)[1]

    report = check_function(propagate)
    assert [report[name].slip.key for name in ("dw", "db")] == ["zero", "zero"]  # type: ignore[union-attr]


def test_missing_gradients_are_named_and_the_rest_is_judged() -> None:
    def propagate(w: Any, b: Any, X: Any, Y: Any) -> Any:
        grads, cost = right(w, b, X, Y)
        return {"dw": -grads["dw"]}, cost

    report = check_function(propagate, DATA)
    assert {f.name: f.verdict for f in report} == {"cost": "right", "dw": "wrong"}
    assert "propagate returns no db" in str(report)


def test_changes_in_place_are_named_and_do_no_harm() -> None:
    def propagate(w: Any, b: Any, X: Any, Y: Any) -> Any:
        result = right(w, b, X, Y)
        X *= 2
        return result

    x = X.copy()
    report = check_function(propagate, (W, B, x, Y))
    assert report.ok
    assert "propagate changes X in place: X[0, 0] from 1 to 2" in str(report)
    assert np.array_equal(x, X)


def test_random_results_are_named() -> None:
    random = np.random.default_rng(0)

    def propagate(w: Any, b: Any, X: Any, Y: Any) -> Any:
        grads, cost = right(w, b, X, Y)
        return grads, cost + random.random()

    report = check_function(propagate, DATA)
    assert report.verdict == "cannot tell"
    assert "two calls at the same numbers gave different results: cost" in " ".join(str(report).split())


def test_prints_are_kept_apart(capsys: pytest.CaptureFixture[str]) -> None:
    def propagate(w: Any, b: Any, X: Any, Y: Any) -> Any:
        print("shape", X.shape)
        return right(w, b, X, Y)

    report = check_function(propagate, DATA)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "shape (2, 3)\n"
    assert "propagate prints" in str(report)
    assert report.ok


def test_nan_everywhere_is_wrong() -> None:
    report = check_function(varied(dw=lambda w, b, X, Y, A, m: w * np.nan), DATA)
    assert report["dw"].verdict == "wrong"
    assert "nan at your numbers and at random data" in str(report)


def test_a_slow_function_is_not_asked_for_ever() -> None:
    from minigrad.checking.function import FunctionCheck

    def propagate(w: Any, b: Any, X: Any, Y: Any) -> Any:
        time.sleep(0.2)
        return right(w, b, X, Y)

    check = FunctionCheck(propagate, DATA, None, None, 0, budget=0.5)
    report = check.report()
    assert check.caller.record.calls <= 3
    assert "then no more" in str(report)


def test_exit_and_warnings_are_told() -> None:
    def leaves(w: Any, b: Any, X: Any, Y: Any) -> Any:
        raise SystemExit(1)

    assert "ends the program" in str(check_function(leaves, DATA))
    report = check_function(right, (W, 50.0, X, Y))
    assert "warnings while right ran: divide by zero encountered in log" in str(report)


def test_mistakes_of_the_caller_are_raised() -> None:
    with pytest.raises(ShapeError, match=r"X needs \(2, 3\) or \(3, 2\), and has \(4, 3\)"):
        check_function(right, (W, B, np.ones((4, 3)), Y))
    with pytest.raises(TypeError, match="Y must hold real numbers"):
        check_function(right, (W, B, X, ["a", "b", "c"]))
    with pytest.raises(TypeError, match="a function is needed"):
        check_function(3, DATA)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="data is"):
        check_function(right, (W, B))
    with pytest.raises(ModelError, match="there is no model 'logistik'"):
        check_function(right, DATA, "logistik")
    with pytest.raises(ModelError, match="inputs labelled w1"):
        check_function(right, DATA, Value(1.0, label="u") * 2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seed": "x"}, "seed is a whole number, 0 or more, not str 'x'"),
        ({"seed": -1}, "seed is a whole number, 0 or more, not -1"),
        ({"names": "dw"}, '"dw"}: from a key of the result to "cost", "dw" or "db"; not str \'dw\''),
        ({"names": {"grad": "w"}}, 'to "cost", "dw" or "db"; not to \'w\''),
        ({"data": 5}, "data is (w, b, X, Y), not int 5"),
    ],
)
def test_options_that_are_none_are_refused_in_a_sentence(options: dict[str, Any], words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=re.escape(words)):
        check_function(lambda w, b, X, Y: None, **options)


def test_the_same_arguments_give_the_same_report() -> None:
    function = WRONG[0][0]
    assert check_function(function, DATA).to_json() == check_function(function, DATA).to_json()
