"""minigrad.checking.judge: right, wrong or cannot tell, and why."""

from __future__ import annotations

import math

import numpy as np
import pytest

from minigrad import Value
from minigrad.checking.evidence import Kink, Readings
from minigrad.checking.judge import judge, settle
from minigrad.checking.points import Point
from minigrad.checking.referees import GraphSubject, readings
from minigrad.checking.verdict import Reading
from minigrad.formula import formula
from minigrad.graph import Graph

EXACT = Reading("50 digits", 0.3, 3e-17)


def seen(text: str, wrt: str, **numbers: float) -> Readings:
    """What the referees say of the derivative of a formula by a node, at its own numbers."""
    loss = formula(text, **numbers)
    graph = Graph(loss)
    node = next(n for n in graph if n.label == wrt)
    return readings(GraphSubject(loss, node), Point("at your numbers", {n: n.data for n in graph.inputs}))


def test_right_and_wrong() -> None:
    """To rounding; a part in a million is seen, and the digits in which it differs are printed."""
    told = Readings([EXACT], slack=2e-16)
    assert judge(0.3, told).verdict == "right"
    assert judge(0.3 + 1e-16, told).verdict == "right"
    wrong = judge(-0.3, told, where="at your numbers", point={"w": 1.0})
    assert (wrong.verdict, wrong.reason) == ("wrong", "-0.3, but the derivative is 0.3")
    assert (wrong.where, wrong.point, wrong.right) == ("at your numbers", {"w": 1.0}, 0.3)
    assert judge(0.3 * (1 + 1e-6), told).verdict == "wrong"
    assert "0.3000003" in judge(0.3 * (1 + 1e-6), told).reason


def test_the_referee_that_knows_best_is_believed() -> None:
    """And one that is alone against three is outvoted; two against two settle nothing."""
    others = [Reading("complex step", 0.3, 1e-15), Reading("reverse mode", 0.3, 1e-15)]
    assert settle([*others, EXACT]).right == 0.3
    assert settle([*others, EXACT, Reading("differences", 0.4, 1e-9)]).right == 0.3
    split = settle(
        [EXACT, others[0], Reading("differences", 0.4, 1e-9), Reading("Taylor remainder", 0.4, 1e-9)]
    )
    assert math.isnan(split.right)
    assert split.reason == "the referees disagree: 50 digits gives 0.3, differences 0.4"


def test_no_referee_no_verdict() -> None:
    """With the reason that the best of them gives."""
    got = judge(1.0, (Reading("50 digits", None, math.inf, "has no derivative here"),))
    assert (got.verdict, got.reason) == ("cannot tell", "has no derivative here")


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        (0.0, "right"), (1.0, "right"), (0.5, "right"), (-0.1, "wrong"), (1.1, "wrong"), (math.inf, "wrong"),
        (math.nan, "cannot tell"),
    ],
)  # fmt: skip
def test_at_a_kink_any_number_between_will_do(claim: float, verdict: str) -> None:
    """relu at 0: from 0 to 1, and the kink is named; beyond them no choice leads."""
    told = seen("relu(w*x)", "w", w=0.0, x=1.0)
    assert told.kink is not None
    assert told.kink[:2] == (0.0, 1.0)
    got = judge(claim, told)
    assert got.verdict == verdict
    assert "kink" in got.reason
    assert "relu" in got.reason or "w*x" in got.reason


def test_a_kink_within_rounding_is_a_kink() -> None:
    """0.1*3 - 0.3 is 0 on paper, 5.6e-17 in doubles and 2.8e-17 exactly: the hinge may go either way."""
    told = seen("max(0, a*b - c)", "a", a=0.1, b=3.0, c=0.3)
    assert told.kink is not None
    assert judge(0.0, told).verdict == judge(3.0, told).verdict == "right"
    assert judge(-3.0, told).verdict != "right"
    assert judge(-30.0, told).verdict == "wrong"


def test_where_both_choices_agree_there_is_no_kink() -> None:
    """Huber's two branches meet with the same slope."""
    text = "(where(abs(r) <= 1, 0.5*r*r, abs(r) - 0.5))"
    told = seen(text, "r", r=1.0)
    assert told.kink is None
    assert judge(1.0, told).verdict == "right"
    assert judge(0.5, told).verdict == "wrong"


def test_cancellation_is_named() -> None:
    """a - y at z = 40 and y = 1 is 0 in doubles, where the derivative is -4.2e-18."""
    told = seen("a = sigmoid(z); bce(a, y)", "z", z=40.0, y=1.0)
    exactly = -math.exp(-40) / (1 + math.exp(-40))
    assert judge(exactly, told).verdict == "right"
    naive = judge(0.0, told)
    assert naive.verdict == "cannot tell"
    assert "cancellation" in naive.reason
    assert judge(0.5, told).verdict == "wrong"


@pytest.mark.parametrize("claim", [math.inf, -math.inf, math.nan])
def test_saturation_is_named(claim: float) -> None:
    """dL/da at a = sigmoid(40), which rounds to 1, with y = 0: 1/(1 - a) divides by 0."""
    got = judge(claim, seen("a = sigmoid(z); bce(a, y)", "a", z=40.0, y=0.0))
    assert got.verdict == "cannot tell"
    assert "saturation" in got.reason


def test_not_a_number_is_wrong_where_there_is_one() -> None:
    """At an ordinary point."""
    told = seen("a = sigmoid(z); bce(a, y)", "z", z=0.5, y=0.0)
    assert judge(math.nan, told).verdict == "wrong"
    assert judge(math.inf, told).reason.startswith("infinite, but the derivative is 0.622")


def test_single_precision_is_no_failure() -> None:
    """a - y computed with float32 throughout, at 100 points; and with float32 then doubles."""
    for k in range(100):
        z, y = -4.0 + 0.08 * k, float(k % 2)
        told = seen("a = sigmoid(z); bce(a, y)", "z", z=z, y=y)
        single = np.float32(1) / (np.float32(1) + np.exp(-np.float32(z))) - np.float32(y)
        got = judge(float(single), told)
        assert got.verdict != "wrong", (z, y, got)
        assert got.verdict == "right" or "single" in got.reason
        mixed = judge(float(np.float32(3.0) * single) / 3.0 * (1 + 2e-8), told)
        assert mixed.verdict != "wrong" or abs(settle(told).right) < 0.1


def test_a_printed_number_is_right_to_its_digits() -> None:
    """0.99845601 for 0.99845601463876 is right; 0.99845701 is not."""
    told = Readings([Reading("50 digits", 0.9984560146387624, 1e-16)], slack=2e-16)
    got = judge(0.99845601, told)
    assert (got.verdict, got.reason) == ("right", "right to the digits that are given")
    assert judge(0.99845701, told).verdict == "wrong"
    few = judge(0.998, told)
    assert few.verdict == "cannot tell"
    assert "right to the digits that are given, give more of them" in few.reason
    assert judge(0.997, told).verdict == "wrong"
    assert judge(1.0, told).verdict == "wrong"  # a whole number is meant as it stands
    assert (
        judge(0.998, told, rounding=1e-15).verdict == "wrong"
    )  # what a formula comes to is not rounded by hand


def test_rounding_of_the_formula_counts() -> None:
    """A claim is judged by what rounding does to its own formula, where that is known."""
    told = Readings([Reading("50 digits", 1e-3, 1e-19)], slack=1e-18)
    assert judge(1e-3 + 1e-10, told).verdict == "right"  # as single precision would have it
    assert judge(1e-3 + 3e-5, told).verdict == "wrong"
    assert judge(1e-3 + 3e-5, told, rounding=1e-4).verdict == "right"
    assert judge(3e-3, told, rounding=1e-2).verdict == "cannot tell"


def test_readings_tell_how_taylors_remainder_falls() -> None:
    """Of the claim: like h^2 for a right one, like h for a wrong one."""
    told = seen("a = sigmoid(z); bce(a, y)", "z", z=0.5, y=1.0)
    right = judge(-1 / (1 + math.exp(0.5)), told).readings[-1]
    wrong = judge(0.4, told).readings[-1]
    assert right.note.startswith("the remainder falls like h^2.0")
    assert wrong.note.startswith("the remainder falls like h^1.0")


def test_a_tuple_of_readings_will_do() -> None:
    """Without what the bench adds."""
    assert judge(1.0, (Reading("differences", 1.0 + 1e-12, 1e-11),)).verdict == "right"
    told = Readings([], kink=Kink(-1.0, 1.0, "abs(x)"))
    assert judge(0.3, told).verdict == "right"
    assert isinstance(Value(1.0), Value)
