"""minigrad.simplify: what is written naively becomes what is right in floating point."""

from __future__ import annotations

import math
import random
import time

import mpmath
import pytest
from ulp import ulps

import minigrad
from minigrad import Value, abs, bce, exp, log, log1p, logsigmoid, max, relu, sigmoid, softplus, tanh
from minigrad.expression import Expressions
from minigrad.simplify import stabilised


def stable(output: Value, *, computed: bool = True) -> str:
    """The text of the stable form."""
    e = Expressions()
    (i,), _ = stabilised(e, e.read([output]), computed=computed)
    return e.text(i)


x, y = Value(0.4, label="x"), Value(1.0, label="y")
w, z = Value(0.5, label="w"), Value(0.1, label="z")

#: sigmoid(z), in all its usual spellings.
SIGMOIDS = {
    "1 / (1 + exp(-z))": lambda z: 1 / (1 + exp(-z)),
    "1 / (exp(-z) + 1)": lambda z: 1.0 / (exp(-z) + 1.0),
    "(1 + exp(-z)) ** -1": lambda z: (1 + exp(-z)) ** -1,
    "exp(z) / (1 + exp(z))": lambda z: exp(z) / (1 + exp(z)),
    "exp(z) / (exp(z) + 1)": lambda z: exp(z) / (exp(z) + 1),
    "0.5 * (1 + tanh(z / 2))": lambda z: 0.5 * (1 + tanh(z / 2)),
    "(tanh(z / 2) + 1) / 2": lambda z: (tanh(z / 2) + 1) / 2,
    "0.5 * tanh(0.5 * z) + 0.5": lambda z: 0.5 * tanh(0.5 * z) + 0.5,
    "1 - 1 / (1 + exp(z))": lambda z: 1 - 1 / (1 + exp(z)),
    "sigmoid(z)": sigmoid,
}

#: bce(a, y), likewise.
LOSSES = {
    "bce": bce,
    "-(y log a + (1 - y) log(1 - a))": lambda a, y: -(y * log(a) + (1 - y) * log(1 - a)),
    "-y log a - (1 - y) log(1 - a)": lambda a, y: -y * log(a) - (1 - y) * log(1 - a),
    "-(log(a) y + log(1 - a) (1 - y))": lambda a, y: -(log(a) * y + log(1 - a) * (1 - y)),
    "(y - 1) log(1 - a) - y log a": lambda a, y: (y - 1) * log(1 - a) - y * log(a),
    "-1 * (y log a + (1 - y) log1p(-a))": lambda a, y: -1 * (y * log(a) + (1 - y) * log1p(-a)),
    "y (-log a) + (1 - y) (-log(1 - a))": lambda a, y: y * -log(a) + (1 - y) * -log(1 - a),
    "-y log a + (y - 1) log(1 - a)": lambda a, y: -y * log(a) + (y - 1) * log(1 - a),
    "(1 - y) (-log(1 - a)) - y log a": lambda a, y: (1 - y) * -log(1 - a) - y * log(a),
}


@pytest.mark.parametrize("spelling", SIGMOIDS)
def test_every_spelling_of_sigmoid(spelling: str) -> None:
    """Becomes sigmoid, of a symbol and of a sum."""
    make = SIGMOIDS[spelling]
    assert stable(make(z)) == "sigmoid(z)"
    assert stable(make(w * x + z)) == "sigmoid(w*x + z)"


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("spelling", SIGMOIDS)
def test_every_spelling_of_the_loss(spelling: str, loss: str) -> None:
    """Becomes bce_with_logits(z, y), whichever way the sigmoid is spelt; alone it becomes bce(a, y)."""
    assert stable(LOSSES[loss](SIGMOIDS[spelling](z), y)) == "bce_with_logits(z, y)"
    a = Value(0.3, label="a")
    assert stable(LOSSES[loss](a, y)) == "bce(a, y)"


def test_the_loss_in_terms_of_z() -> None:
    """As TensorFlow, PyTorch and textbooks write it."""
    for loss in (
        y * softplus(-z) + (1 - y) * softplus(z),
        y * log(1 + exp(-z)) + (1 - y) * log(1 + exp(z)),
        -y * logsigmoid(z) - (1 - y) * logsigmoid(-z),
        softplus(z) - y * z,
        max(z, 0) - z * y + log1p(exp(-abs(z))),
        relu(z) - z * y + log(1 + exp(-abs(z))),
        (1 - y) * z + log1p(exp(-z)),
        (1 - y) * z - log(sigmoid(z)),
    ):
        assert stable(loss) == "bce_with_logits(z, y)"


def test_a_naive_loss_survives_saturation() -> None:
    """At z = -800 the naive loss is inf or nan; its stable form is 800, at z = 40 exp(-40)."""
    for spelling in SIGMOIDS.values():
        for loss in LOSSES.values():
            e = Expressions()
            (i,), _ = stabilised(e, e.read([loss(spelling(z), y)]))
            for at, exact in ((-800.0, mpmath.mpf(800)), (40.0, mpmath.log1p(mpmath.exp(-40)))):
                (number,) = e.evaluate([i], {e.input(z): at, e.input(y): 1.0})
                assert ulps(number, exact) <= 4


def test_what_was_applied_is_listed() -> None:
    """By name, with the text before and after."""
    a = 1 / (1 + exp(-z))
    e = Expressions()
    _, applied = stabilised(e, e.read([-(y * log(a) + (1 - y) * log(1 - a))]))
    assert (applied[0].name, applied[0].before, applied[0].after) == (
        "definition of sigmoid",
        "1/(1 + exp(-z))",
        "sigmoid(z)",
    )
    assert repr(applied[-1]).endswith("-> bce_with_logits(z, y)")


def test_a_condition_that_is_not_proved_keeps_a_row_from_programs() -> None:
    """x may be 0, negative, infinite or nan: nothing is assumed of what a user enters."""
    for kept in (exp(log(x)), x * 0, x - x, x / x, x**0.5, abs(x), exp(-log(x))):
        e = Expressions()
        (i,) = e.read([kept])
        assert stabilised(e, [i])[0] == [i]


def test_a_condition_that_is_proved() -> None:
    """From the range of an operation: exp is positive, a sigmoid lies between 0 and 1."""
    assert stable(exp(log(exp(x)))) == "exp(x)"
    assert stable(abs(sigmoid(x))) == "sigmoid(x)"
    assert stable(relu(softplus(x) + 1)) == "softplus(x) + 1"
    assert stable(sigmoid(minigrad.logit(sigmoid(x)))) == "sigmoid(x)"
    assert stable(exp(x) ** 0.5) == "exp(0.5*x)"


def test_what_is_to_be_kept_is_not_looked_through() -> None:
    """Its own form may change, what is above it sees only that it is there."""
    a = 1 / (1 + exp(-z))
    e = Expressions()
    inner, outer = e.read([a, log(a)])
    (new, result), _ = stabilised(e, [inner, outer], keep=[inner])
    assert (e.text(new), e.text(result)) == ("sigmoid(z)", "log(sigmoid(z))")


def test_a_recorded_graph_has_no_computed_partials() -> None:
    """They are operations of programs only."""
    assert stable(sigmoid(z) - y) == "bce_with_logits_dz(z, y)"
    assert stable(sigmoid(z) - y, computed=False) == "sigmoid(z) - y"


def test_labels_go_with_what_they_name() -> None:
    """a = 1 / (1 + exp(-z)) stays a."""
    a = (1 / (1 + exp(-z))).named("a")
    e = Expressions()
    (i,), _ = stabilised(e, e.read([a - y]), computed=False)
    assert e.text(i) == "a - y"
    assert e.node[e.operands[i][0]] is a


def test_a_long_sum_of_exps() -> None:
    """By name or by plus signs."""
    terms = [exp(Value(float(k), label=f"x{k}")) for k in range(4)]
    assert stable(log(minigrad.sum(terms))) == "logsumexp(x0, x1, x2, x3)"
    assert stable(log(terms[0] + terms[1] + terms[2])) == "logsumexp(x0, x1, x2)"
    assert stable(log(terms[0] + (terms[1] + x))).startswith("log(")


def test_linear_time() -> None:
    """Sums of products and deep chains: four times the nodes take about four times the time."""

    def seconds(n: int, deep: bool) -> float:
        draw = random.Random(n)
        node = Value(draw.random())
        for _ in range(n):
            node = tanh(node * w) if deep else node + Value(draw.random()) * w
        loss = -log(1 / (1 + exp(-node)))
        best = math.inf
        for _ in range(3):
            e = Expressions()
            ids = e.read([loss])
            start = time.perf_counter()
            stabilised(e, ids)
            best = min(best, time.perf_counter() - start)
        return best

    for deep in (False, True):
        assert seconds(20_000, deep) < 8.0 * seconds(5_000, deep) + 0.1
