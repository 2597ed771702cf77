"""minigrad.checking.referees: six ways to a derivative, for graphs and for functions that are only called."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from mpmath import mp
from seeded import SEED

from minigrad import Value, bce, sigmoid
from minigrad import value as core
from minigrad.checking.evidence import REFEREES, Readings
from minigrad.checking.judge import judge
from minigrad.checking.points import Point, points
from minigrad.checking.referees import FunctionSubject, GraphSubject, readings, readings_at, subjects
from minigrad.formula import formula
from minigrad.graph import Graph

# -- graphs ---------------------------------------------------------------------------------------------------


def logistic() -> tuple[Value, dict[str, Value]]:
    """The seed's graph, and its nodes by label."""
    numbers = {"w1": 0.5, "x1": 2.0, "w2": -0.25, "x2": -1.0, "b": 0.1, "y": 1.0}
    loss = formula("z = w1*x1 + w2*x2 + b; a = sigmoid(z); bce(a, y)", **numbers)
    return loss, {node.label: node for node in Graph(loss) if node.label}


def on_paper(point: Point) -> dict[str, Any]:
    """dA, dZ, dW1 and dB of the seed's graph, to 60 digits."""
    n = {node.label: number for node, number in point.numbers.items()}
    with mp.workdps(80):
        z = mp.mpf(n["w1"]) * n["x1"] + mp.mpf(n["w2"]) * n["x2"] + n["b"]
        a, rest, y = 1 / (1 + mp.exp(-z)), 1 / (1 + mp.exp(z)), mp.mpf(n["y"])
        dz = a * (1 - y) - y * rest
        return {"a": -y / a + (1 - y) / rest, "z": dz, "w1": n["x1"] * dz, "b": dz}


def test_every_referee_is_right_within_its_error_bar() -> None:
    """Of the seed's graph, at own, random and edge points (z = 40 among them), against paper."""
    loss, nodes = logistic()
    where = points(loss)
    for subject in subjects(loss, [nodes[name] for name in ("a", "z", "w1", "b")]):
        for point, told in zip(where, readings_at(subject, where), strict=True):
            truth = on_paper(point)[subject.node.label]
            assert tuple(reading.referee for reading in told) == REFEREES
            for reading in told:
                if reading.value is not None and reading.error < math.inf:
                    error = abs(mp.mpf(reading.value) - truth)
                    assert error <= reading.error + 2.0**-51 * abs(truth) + 1e-320, (point.where, reading)
            exact = told.by("50 digits")
            assert exact is not None
            assert exact.error <= 2e-16 * abs(truth) + 1e-320
            alone = readings(GraphSubject(loss, subject.node), point).by("50 digits")
            assert alone is not None
            assert alone.value == exact.value


def test_an_inner_node_is_an_input_in_its_place() -> None:
    """s stands twice in s*s + x*s; by the x that s was made of it is another derivative."""
    loss = formula("s = x*x; s*s + x*s", x=3.0)
    nodes = {n.label: n for n in Graph(loss)}
    (by_s, by_x) = (readings(GraphSubject(loss, nodes[name]), points(loss)[0]) for name in "sx")
    assert [r.value for r in by_s] == pytest.approx([2 * 9 + 3] * 6)
    assert [r.value for r in by_x] == pytest.approx([4 * 27 + 3 * 9] * 6)


def test_nothing_of_the_users_graph_is_touched() -> None:
    """Neither numbers nor gradients."""
    loss, nodes = logistic()
    loss.backward()
    before = [(n.data, n.grad, n.partials) for n in Graph(loss)]
    readings_at(GraphSubject(loss, nodes["w1"]), points(loss))
    assert [(n.data, n.grad, n.partials) for n in Graph(loss)] == before


def test_a_node_that_has_no_part_is_named() -> None:
    """And a constant."""
    loss, _ = logistic()
    with pytest.raises(ValueError, match='"q" has no part in this result'):
        GraphSubject(loss, Value(1.0, label="q"))
    constant = next(n for n in Graph(formula("x + 2", x=1.0)) if n.op == "const")
    with pytest.raises(ValueError, match="is a constant"):
        GraphSubject(formula("x + 2", x=1.0) + constant, constant)


def test_an_operation_without_a_complex_form_says_so() -> None:
    """lgamma; the others read on."""
    loss = formula("lgamma(x)", x=2.5)
    told = readings(GraphSubject(loss, next(iter(Graph(loss).inputs))), points(loss)[0])
    complex_step, exact = told.by("complex step"), told.by("50 digits")
    assert complex_step is not None
    assert (complex_step.value, complex_step.note) == (None, "lgamma has no complex form here")
    assert exact is not None
    assert exact.value == pytest.approx(float(mp.digamma(2.5)), rel=1e-15)


def test_without_mpmath_the_others_read_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the note holds the command."""
    monkeypatch.setitem(__import__("sys").modules, "mpmath", None)
    loss, nodes = logistic()
    told = readings(GraphSubject(loss, nodes["z"]), points(loss)[0])
    exact = told.by("50 digits")
    assert exact is not None
    assert 'pip install "minigrad[check]"' in exact.note
    assert judge(on_paper(points(loss)[0])["z"], told).verdict == "right"
    kinked = formula("relu(w*x)", w=0.0, x=1.0)
    told = readings(GraphSubject(kinked, Graph(kinked).inputs[0]), points(kinked)[0])
    assert judge(0.4, told).verdict == "right"


def test_a_kink_between_evaluation_points_is_left_out_of_the_differences() -> None:
    """relu a millionth from its kink: steps beyond it do not count, and all referees agree on 1."""
    loss = formula("relu(x)", x=1e-6)
    told = readings(GraphSubject(loss, Graph(loss).inputs[0]), points(loss)[0])
    assert told.kink is None
    for reading in told:
        assert reading.value == pytest.approx(1.0, abs=1e-9)


def test_a_pole_and_a_vertical_tangent_have_no_derivative() -> None:
    """cbrt at 0: no number is called right or wrong."""
    loss = formula("cbrt(x)", x=0.0)
    told = readings(GraphSubject(loss, Graph(loss).inputs[0]), points(loss)[0])
    assert judge(1.0, told).verdict == "cannot tell"


# -- random graphs --------------------------------------------------------------------------------------------

UNARY = (
    "exp", "sigmoid", "tanh", "sin", "cos", "softplus", "relu", "abs", "sqrt", "log", "neg", "atan", "logsigmoid",
    "log1p", "expm1", "asinh", "cbrt",
)  # fmt: skip
BINARY = ("add", "sub", "mul", "div", "max", "min", "hypot", "logaddexp", "atan2")


def recorded(draw: random.Random) -> Value:
    """A random loss of 2 to 9 operations; a third of them end in a cross-entropy, written out or by name."""
    inputs = [
        Value(
            round(draw.choice([draw.gauss(0, 1), draw.gauss(0, 10), draw.random()]), draw.randint(0, 4)),
            label=f"v{i}",
        )
        for i in range(draw.randint(2, 4))
    ]
    nodes = list(inputs)
    for _ in range(draw.randint(2, 9)):
        if draw.random() < 0.45:
            node = core.record(draw.choice(UNARY), [draw.choice(nodes[-4:])])
        else:
            node = core.record(draw.choice(BINARY), [draw.choice(nodes), draw.choice(nodes[-3:])])
        if abs(node.data) < 1e8:
            nodes.append(node)
    last, y = nodes[-1], Value(float(draw.randint(0, 1)), label="y")
    kind = draw.random()
    if last.is_leaf:
        return recorded(draw)
    if kind < 0.2:
        return bce(sigmoid(last), y)
    if kind < 0.35:
        a = 1 / (1 + (-last).exp())
        loss = -(y * a.log() + (1 - y) * (1 - a).log())
        return loss if math.isfinite(loss.data) else last
    return last


def judged(first: int, count: int) -> Iterator[tuple[Value, Value, Point, Readings]]:
    """Derivatives of random graphs by up to four of their nodes, at up to seven points."""
    for k in range(first, first + count):
        draw = random.Random(SEED + k)
        loss = recorded(draw)
        nodes = [n for n in Graph(loss) if n.op != "const" and n is not loss]
        draw.shuffle(nodes)
        where = points(loss, random=2, edges=4)
        for subject in subjects(loss, nodes[:4]):
            for point, told in zip(where, readings_at(subject, where), strict=True):
                yield loss, subject.node, point, told


def tally(first: int, count: int) -> tuple[Counter[str], list[str]]:
    """Verdicts on right claims (recorded backward's) and on claims a millionth or more off; who was accused."""
    verdicts: Counter[str] = Counter()
    accused = []
    for loss, node, point, told in judged(first, count):
        backward = told.by("reverse mode")
        if backward is None or backward.value is None:
            continue
        claim = backward.value
        got = judge(claim, told)
        verdicts[f"right: {got.verdict}"] += 1
        if got.verdict == "wrong":
            accused.append(f"{loss} by {node} at {point}: {got.reason}")
        for factor in (1 + 1e-6, 0.999, -1.0, 2.0):
            if claim and abs(claim) > 1e-12:
                verdicts[f"wrong: {judge(claim * factor, told).verdict}"] += 1
    return verdicts, accused


def test_no_right_gradient_is_called_wrong() -> None:
    """Over some 700 random ones; of wrong ones nearly all are found, and the rest is not told."""
    print(f"seed {SEED}")
    verdicts, accused = tally(0, 30)
    assert not accused
    assert verdicts["right: right"] > 500
    assert verdicts["right: right"] > 0.95 * (verdicts["right: right"] + verdicts["right: cannot tell"])
    wrong = {key: count for key, count in verdicts.items() if key.startswith("wrong")}
    assert verdicts["wrong: wrong"] > 0.9 * sum(wrong.values()), verdicts


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1000, 1480, 80))
def test_no_right_gradient_of_ten_thousand_is_called_wrong(first: int) -> None:
    """The same over more than 10,000 in six parts."""
    print(f"seed {SEED}")
    verdicts, accused = tally(first, 80)
    print(verdicts)
    assert not accused
    assert verdicts["right: right"] + verdicts["right: cannot tell"] > 10_000 / 6


# -- functions ------------------------------------------------------------------------------------------------

X = np.array([[1.0, 2.0, -1.0], [3.0, 4.0, -3.2]])
Y = np.array([1.0, 0.0, 1.0])


def cost(w: Any) -> Any:
    """Of the propagate exercise: w and b in one array."""
    a = 1 / (1 + np.exp(-(w[:2] @ X + w[2])))
    return -np.mean(Y * np.log(a) + (1 - Y) * np.log(1 - a))


@pytest.mark.parametrize(("j", "published"), [(0, 0.99845601), (1, 2.39507239), (2, 0.00145557813678)])
def test_the_numbers_of_the_propagate_exercise(j: int, published: float) -> None:
    """As published; a flipped sign and a missing 1/m are wrong."""
    told = readings(FunctionSubject(cost, [1.0, 2.0, 2.0], j))
    assert judge(published, told).verdict == "right"
    for slip in (-1.0, 3.0, 1.001):
        assert judge(slip * published, told).verdict == "wrong"


def test_a_direction_is_checked_like_an_entry() -> None:
    """The gradient times a direction."""
    direction = np.array([1.0, -2.0, 0.5])
    told = readings(FunctionSubject(cost, [1.0, 2.0, 2.0], direction))
    gradient = np.array([0.9984560146387624, 2.3950723884878196, 0.001455578137187441])
    assert judge(float(gradient @ direction), told).verdict == "right"


def test_a_function_in_single_precision_is_recognised() -> None:
    """Its differences are coarse, and no right number is called wrong."""
    told = readings(FunctionSubject(lambda w: np.float32(cost(w)), [1.0, 2.0, 2.0], 0))
    assert told.single
    assert judge(0.9984560, told).verdict == "right"
    assert judge(1.1, told).verdict == "wrong"


def changing(w: Any) -> float:
    """Another number at each call."""
    return float(np.random.default_rng().random())


@pytest.mark.parametrize(
    ("f", "note"),
    [
        (changing, "the function gives another number at each call"),
        (lambda w: 1 / 0, "the function raises ZeroDivisionError: division by zero"),
        (lambda w: w, "the function gives an array of shape (3,), not one number"),
        (lambda w: math.nan, "the function is nan here"),
        (lambda w: None, "the function gives an array of shape (), not one number"),
    ],
)
def test_a_bad_function_gets_one_clear_sentence(f: Callable[[Any], Any], note: str) -> None:
    """And no verdict."""
    got = judge(1.0, readings(FunctionSubject(f, [1.0, 2.0, 2.0], 0)))
    assert got.verdict == "cannot tell"
    assert note in got.reason


def test_a_function_that_changes_its_input_harms_nobody() -> None:
    """Each call has an array of its own."""

    def greedy(w: Any) -> Any:
        result = cost(w)
        w *= 0
        return result

    assert judge(0.9984560146387624, readings(FunctionSubject(greedy, [1.0, 2.0, 2.0], 0))).verdict == "right"


def test_a_complex_step_that_does_not_hold_is_not_believed() -> None:
    """abs is real of a complex number: differences say otherwise, and are believed."""
    told = readings(FunctionSubject(lambda w: np.abs(w[0]) + 0 * w[0], [1.5], 0))
    assert judge(1.0, told).verdict == "right"
    assert "not analytic" in told[0].note


def test_a_kink_of_a_function_is_named() -> None:
    """|w| at 0: from -1 to 1."""
    told = readings(FunctionSubject(lambda w: abs(w[0]), [0.0], 0))
    assert told.kink is not None
    assert judge(0.0, told).verdict == "right"
    assert "kink" in judge(0.0, told).reason
    assert judge(2.0, told).verdict == "wrong"
