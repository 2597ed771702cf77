"""minigrad.nonfinite: the first node that left the finite numbers, found and explained."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

import minigrad
from minigrad import NonFinite, Value, exp, find_nonfinite, log, sqrt


def found(output: Value) -> NonFinite:
    """What find_nonfinite says, which must be something."""
    result = output.find_nonfinite()
    assert result is not None
    return result


def test_all_finite_is_none() -> None:
    """Before and after backward; no gradient is touched."""
    x = Value(2.0, label="x")
    y = exp(x) * x
    assert y.find_nonfinite() is None
    y.backward()
    before = (x.grad, y.grad)
    assert find_nonfinite(y) is None
    assert (x.grad, y.grad) == before


def test_the_first_node_is_named_not_the_last() -> None:
    """log of a negative margin, five operations before the nan that one sees."""
    margin = Value(-0.25, label="margin")
    first = log(margin).named("score")
    loss = ((first * 2 + 1.0) ** 2.0).named("L")
    what = found(loss)
    assert what.node is first
    assert (what.direction, what.operands, what.operand) == ("forward", (margin,), None)
    assert math.isnan(what.number)
    head, remedy = str(what).split("\n")
    assert head == 'log at node "score": x = -0.25 ("margin") gives nan, needs x > 0'
    assert remedy.startswith("  what to do: keep its operand above 0")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda x: 1.0 / (x - x), "div at node"), (lambda x: exp(x * 1000.0), "exp at node"),
        (lambda x: sqrt(-x), "sqrt at node"), (lambda x: (-x) ** 0.5, "pow at node"),
        (lambda x: minigrad.acosh(x * 0.0), "needs x >= 1"), (lambda x: x * 1e308 * 10.0, "mul at node"),
        (lambda x: minigrad.bce(x * 0.0, 1.0), "use bce_with_logits(z, y)"),
        (lambda x: minigrad.sum([x * 1e308] * 9), "9 operands from 1e+308 to 1e+308"),
        (lambda x: minigrad.dot([x * 1e200, x], [x * 1e200, x]), "w1 = 1e+200"),
    ],
)  # fmt: skip
def test_what_went_wrong_and_what_to_do(make: Callable[[Value], Value], words: str) -> None:
    """Each operation's own domain and remedy, with the operands and their numbers."""
    what = found(make(Value(1.0, label="x")))
    assert words in str(what)
    assert "\n  what to do: " in str(what)
    assert not math.isfinite(what.number)
    assert what.node.data == what.number or math.isnan(what.number)


@pytest.mark.parametrize(
    ("make", "overflowed"),
    [
        (lambda x: (x * 9.0) ** 1e6, True), (lambda x: x / 1e-300 / 1e-300, True), (lambda x: (x - x) ** -1.0, False),
        (lambda x: 1.0 / (x - x), False), (lambda x: log(x - x), False), (lambda x: minigrad.atanh(x), False),
        (lambda x: minigrad.lgamma(x * 1e306), True), (lambda x: minigrad.lgamma(x - 1.0), False),
        (lambda x: minigrad.polygamma(400, x / 2), True), (lambda x: minigrad.polygamma(2, x - 1.0), False),
        (lambda x: minigrad.logit(x), False),
    ],
)  # fmt: skip
def test_an_overflow_is_told_from_a_pole(make: Callable[[Value], Value], overflowed: bool) -> None:
    """Inside the domain nobody is told to keep inside the domain."""
    message = str(found(make(Value(1.0, label="x"))))
    assert ("past the largest double" in message) is overflowed, message
    assert ("needs" in message) is not overflowed
    assert ("scale the inputs" in message) is overflowed


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_leaf_that_was_given_so(number: float) -> None:
    """The input itself is named, and a constant too."""
    x = Value(number, label="income")
    assert found(x * 2.0).node is x
    assert 'input "income" is' in str(found(x + 1.0))
    assert found(Value(1.0) + number).node.op == "const"


def test_backward_when_all_values_are_finite() -> None:
    """sqrt at 0: the value is 0, the derivative infinite; the operand that was sent it is named."""
    q = Value(0.0, label="q")
    y = sqrt(q) + 1.0
    what = found(y)
    assert (what.direction, what.operand, what.number) == ("backward", q, math.inf)
    assert 'sends inf to "q"' in str(what)
    assert "inf at x = 0" in str(what)
    assert q.grad == 0.0


def test_backward_finite_terms_whose_sum_is_not() -> None:
    """1e308 sent twice to the same node, whose value is 0."""
    x = Value(1.0, label="x")
    difference = x - 1.0
    summed = found(difference * 1e308 + difference * 1e308)
    assert (summed.direction, summed.node) == ("backward", difference)
    assert "their sum is not" in str(summed)


def test_a_branch_that_is_not_taken_is_no_fault() -> None:
    """where(x > 0, sqrt(x), x) at 0: finite, as backward has it."""
    x = Value(0.0)
    assert minigrad.where(x > 0, sqrt(x), x).find_nonfinite() is None


@pytest.mark.parametrize(("z", "y"), [(-800.0, 1.0), (800.0, 0.0), (-800.0, 0.25)])
def test_the_saturated_loss_is_no_fault(z: float, y: float) -> None:
    """dA is infinite there, as mathematics has it; dZ = a - y is not, and goes on to the weights."""
    w = Value(z, label="w")
    a = minigrad.sigmoid(w * 1.0)
    loss = minigrad.bce(a, y)
    loss.backward()
    assert math.isinf(a.grad)
    assert math.isfinite(w.grad)
    assert loss.find_nonfinite() is None
    assert (loss * 2.0 + a).find_nonfinite() is None
    doomed = minigrad.bce(a, y) + sqrt(Value(0.0, label="q"))
    assert 'sends inf to "q"' in str(found(doomed))


def test_hostile_labels_stay_on_their_line() -> None:
    """A newline or a terminal's control code in a label is shown, not obeyed."""
    what = found(log(Value(-1.0, label="a\nb\x1b[31m")))
    assert len(str(what).split("\n")) == 2
    assert "\x1b" not in str(what)
