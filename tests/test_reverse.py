"""minigrad.reverse: adjoints as expressions, against the recorded engine and against finite differences."""

from __future__ import annotations

import math
import time

import mpmath
import pytest
from seeded import numbers
from ulp import ulps

import minigrad
from minigrad import RULES, Value, abs, bce, grad, log, relu, sigmoid, sqrt, tanh, where
from minigrad.expression import Expressions
from minigrad.reverse import adjoints
from minigrad.rules import COMPUTED


def derivatives(
    output: Value, wrt: list[Value], *, computed: bool
) -> tuple[Expressions, int, list[int], list[int]]:
    """The store, the output, the ids of wrt, and the adjoints."""
    e = Expressions()
    (top,) = e.read([output], apart=wrt)
    ids = e.read(wrt, apart=wrt)
    return e, top, ids, adjoints(e, top, ids, e.constant(1.0), computed=computed)


#: For each operation operands in its domain, away from kinks.
POINTS = {"acosh": (1.7,), "polygamma": (2.0, 1.5), "pow": (0.8, 1.7), "where": (1.0, 0.3, 0.4)}


def operation(name: str) -> tuple[Value, list[Value]]:
    """The operation recorded at a point, and its operands."""
    rule = RULES[name]
    draw = numbers(2)
    count = rule.arity or 3 * len(rule.operands)
    operands = [Value(x) for x in POINTS.get(name, [draw.uniform(0.1, 0.9) for _ in range(count)])]
    return minigrad.value.record(name, operands), operands


@pytest.mark.parametrize("computed", [False, True])
@pytest.mark.parametrize("name", RULES)
def test_first_derivatives_are_the_partials(name: str, computed: bool) -> None:
    """Of every operation, textbook and computed, within 8 ulp of what the engine records."""
    node, operands = operation(name)
    e, _, _, derived = derivatives(node, operands, computed=computed)
    for got, partial in zip(e.evaluate(derived), node.partials, strict=True):
        assert ulps(got, mpmath.mpf(partial)) <= (0 if computed and RULES[name].arity else 8)


@pytest.mark.parametrize("computed", [False, True])
@pytest.mark.parametrize("name", RULES)
def test_second_derivatives_are_differences_of_the_first(name: str, computed: bool) -> None:
    """A derivative can be derived again, computed partials through their textbook form."""
    node, operands = operation(name)
    e, _, ids, first = derivatives(node, operands, computed=computed)
    numbers = {i: x.data for i, x in zip(ids, operands, strict=True)}
    skipped = ids[0] if name == "polygamma" else -1  # no derivative by its order
    for i, derivative in zip(ids, first, strict=True):
        if i == skipped:
            continue
        second = e.evaluate(adjoints(e, derivative, ids, e.constant(1.0), computed=computed), numbers)
        for j, got in zip(ids, second, strict=True):
            if j == skipped:
                continue
            h = 1e-5
            sides = [e.evaluate([derivative], {**numbers, j: numbers[j] + step})[0] for step in (h, -h)]
            assert got == pytest.approx((sides[0] - sides[1]) / (2 * h), rel=1e-5, abs=1e-7), (i, j)


def test_adjoints_of_random_graphs() -> None:
    """Shared operands, n-ary nodes, inner nodes among wrt: what backward leaves, within rounding."""
    draw = numbers(100)
    for _ in range(100):
        nodes = [Value(draw.uniform(0.2, 1.5), label=f"x{k}") for k in range(4)]
        leaves = list(nodes)
        for _ in range(20):
            name = draw.choice(
                [
                    "add",
                    "sub",
                    "mul",
                    "atan2",
                    "tanh",
                    "sigmoid",
                    "softplus",
                    "max",
                    "mean",
                    "dot",
                    "logsumexp",
                ]
            )
            count = RULES[name].arity or 4
            nodes.append(minigrad.value.record(name, [draw.choice(nodes[-8:]) for _ in range(count)]))
        output = minigrad.sum(nodes)
        inner = nodes[10]
        for computed in (False, True):
            e, _, _, derived = derivatives(output, [*leaves, inner], computed=computed)
            for got, exact in zip(e.evaluate(derived), grad(output, [*leaves, inner]), strict=True):
                assert got == pytest.approx(exact, rel=1e-9, abs=1e-9)


def test_a_computed_partial_is_right_where_the_textbook_is_not() -> None:
    """At z = 40 out * sigmoid(-x) still holds, and a - y has lost every digit."""
    z, y = Value(40.0, label="z"), Value(1.0, label="y")
    e, _, _, (derived,) = derivatives(minigrad.bce_with_logits(z, y), [z], computed=True)
    assert e.text(derived) == "bce_with_logits_dz(z, y)"
    assert e.evaluate([derived])[0] == pytest.approx(-math.exp(-40.0), rel=1e-15)
    e, _, _, (derived,) = derivatives(minigrad.bce_with_logits(z, y), [z], computed=False)
    assert e.text(derived) == "sigmoid(z) - y"


def test_a_chosen_zero_stays_zero() -> None:
    """A branch not taken sends 0 through a partial that is infinite or nan, as the recorded engine does.

    With computed partials products stay plain, and the program masks them: see test_program.
    """
    for x in (-1.0, 0.0, 2.0):
        v = Value(x, label="v")
        safe = where(minigrad.less(0.0, v), log(v) * sqrt(v), 0.0) + relu(v) * v
        e, _, _, derived = derivatives(safe, [v], computed=False)
        assert e.evaluate(derived) == pytest.approx([grad(safe, v)], rel=1e-15)


def test_kinks_are_those_of_the_rows() -> None:
    """abs, relu, max, min and sqrt at their kinks."""
    x, y = Value(0.0, label="x"), Value(0.0, label="y")
    for output in (abs(x), relu(x), minigrad.max(x, y), minigrad.min(x, y), minigrad.hypot(x, y) * 1.0):
        wrt = [x]
        for computed in (False, True):
            if output.op == "mul" and not computed:
                continue  # x / out is 0 / 0 there: the kink stands in the computed form
            e, _, _, derived = derivatives(output, wrt, computed=computed)
            assert e.evaluate(derived) == grad(output, wrt)


def test_what_is_not_reached_is_zero() -> None:
    """Another leaf, and a leaf below which the derivative is 0 everywhere."""
    x, other = Value(2.0), Value(3.0)
    e, _, _, derived = derivatives(minigrad.sign(x) + x, [x, other], computed=False)
    assert [e.text(i) for i in derived] == ["1", "0"]


def test_only_what_leads_to_wrt_is_derived() -> None:
    """Nothing is built for the branch that does not depend on it."""
    x, other = Value(2.0), Value(3.0)
    costly = other
    for _ in range(100):
        costly = tanh(costly)
    e = Expressions()
    (top,) = e.read([x * costly])
    before = len(e)
    adjoints(e, top, e.read([x]), e.constant(1.0), computed=False)
    assert len(e) <= before + 2  # the constants 0 and 1


def test_every_computed_partial_can_be_derived() -> None:
    """All of them, so that Hessians of programs exist for every operation."""
    e = Expressions()
    for name, row in COMPUTED.items():
        letters = [e.symbol(f"{name}.{letter}") for letter in row.operands]
        assert len(adjoints(e, e.make(name, tuple(letters)), letters, e.constant(1.0), computed=True)) == len(
            letters
        )


def test_seed_scales() -> None:
    """The seed is the adjoint of the result: a vector-Jacobian product."""
    x = Value(2.0, label="x")
    e = Expressions()
    (top,) = e.read([x * x])
    (derived,) = adjoints(e, top, e.read([x]), e.symbol("s"), computed=False)
    assert e.text(derived) == "x*s + x*s"


def test_a_deep_chain_in_linear_time() -> None:
    """160,000 operations without recursion; twice as many take about twice the time."""

    def seconds(n: int) -> float:
        x, w = Value(1.0, label="x"), Value(0.5, label="w")
        node = x
        for _ in range(n):
            node = tanh(node * w)
        e = Expressions()
        (top,) = e.read([node])
        start = time.perf_counter()
        adjoints(e, top, e.read([x, w]), e.constant(1.0), computed=True)
        return time.perf_counter() - start

    assert seconds(80_000) < 16.0 * seconds(10_000) + 0.1


def test_bce_is_read_through() -> None:
    """dL/da and dL/dz of the lecture, as they stand in the table."""
    z, y = Value(0.3, label="z"), Value(1.0, label="y")
    a = sigmoid(z).named("a")
    e, _, _, derived = derivatives(bce(a, y), [a, z], computed=False)
    assert e.text(derived[0]) == "(a - y)/(a*(1 - a))"
    assert e.evaluate(derived) == pytest.approx(grad(bce(a, y), [a, z]), rel=1e-15)
