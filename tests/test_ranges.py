"""minigrad.ranges: what is proved of an expression is true of its numbers."""

from __future__ import annotations

import pytest
from seeded import numbers

import minigrad
from minigrad import RULES, Value, abs, cosh, exp, less, log, sigmoid, softplus, sqrt, tanh, where
from minigrad.expression import Expressions
from minigrad.ranges import Fact, Range, Ranges, facts

x, y = Value(0.5, label="x"), Value(-0.5, label="y")


def proved(node: Value, relation: str, number: float, *, real: bool = False) -> bool:
    """Whether it is proved that the node stands in this relation to the number."""
    e = Expressions()
    (i,) = e.read([node])
    return Ranges(e, real=real, used=range(len(e))).proves(i, relation, number)


def test_conditions_are_read_as_facts() -> None:
    """Chains, and, letters for constants; what is no such condition says nothing."""
    assert facts("0 < x < 1") == (Fact("x", ">", 0.0), Fact("x", "<", 1.0))
    assert facts("x >= k and finite(x)") == (Fact("x", ">=", "k"), Fact("x", "finite"))
    assert facts("") == facts("x not in 0, -1, -2, …") == facts("0 < a < 1, or a == y") == ()


@pytest.mark.parametrize(
    ("node", "relation", "number"),
    [
        (exp(x), ">", 0.0), (1 + exp(x), ">", 1.0), (sigmoid(x), "<", 1.0), (1 - sigmoid(x), ">", 0.0),
        (-softplus(x), "<", 0.0), (x * x, ">=", 0.0), (x * x + 1, "!=", 0.0), (cosh(x) * exp(y), ">", 0.0),
        (sigmoid(x) * sigmoid(y), "<=", 1.0), (exp(x) / (1 + exp(x)), ">", 0.0), (abs(x) + 2, ">=", 2.0),
        (where(x, exp(x), exp(y)), ">", 0.0), (minigrad.min(exp(x), 3.0), "<=", 3.0), (exp(x) ** y, ">", 0.0),
        (tanh(x) - 2, "<", 0.0), (minigrad.sum([exp(x), exp(y)]), ">", 0.0), (sqrt(exp(x)), ">", 0.0),
        (1 / exp(x), "!=", 0.0), (x**2, ">=", 0.0), (abs(sigmoid(x)), "!=", 0.0),
    ],
)  # fmt: skip
def test_what_is_proved_of_any_input(node: Value, relation: str, number: float) -> None:
    """From the ranges of operations and signs."""
    assert proved(node, relation, number)


@pytest.mark.parametrize(
    ("node", "relation", "number"),
    [
        (x, ">", 0.0), (x, "finite", 0.0), (x * y, ">=", 0.0), (exp(x) - 1, ">", 0.0), (abs(x), ">", 0.0),
        (1 - tanh(x) * tanh(y), ">", 0.0), (x / y, "!=", 0.0), (sqrt(x), ">", 0.0), (tanh(x), "!=", 0.0),
        (where(x, exp(x), y), ">", 0.0), (log(x), ">", 0.0),
    ],
)  # fmt: skip
def test_what_is_not_proved(node: Value, relation: str, number: float) -> None:
    """It may be false at some input."""
    assert not proved(node, relation, number)


def test_domains_count_for_real_numbers_only() -> None:
    """log(x) was recorded: of real numbers x > 0, of a program's input nothing."""
    e = Expressions()
    used = e.read([log(x) + 1 / y])
    inputs = e.read([x, y])
    real, any_input = Ranges(e, real=True, used=e.order(used)), Ranges(e, used=e.order(used))
    assert [real.proves(i, relation, 0.0) for i, relation in zip(inputs, (">", "!="), strict=True)] == [
        True,
        True,
    ]
    assert not any(any_input.proves(i, "!=", 0.0) for i in inputs)
    assert real.proves(inputs[0], "finite", 0.0)


def test_every_number_lies_in_its_range() -> None:
    """Random graphs at random inputs: each node's number is in the range that was found without it."""
    draw = numbers(60)
    names = [
        "add",
        "sub",
        "mul",
        "div",
        "exp",
        "tanh",
        "sigmoid",
        "abs",
        "min",
        "max",
        "where",
        "sqrt",
        "pow",
        "hypot",
    ]
    for _ in range(60):
        nodes = [Value(draw.uniform(-2, 2)) for _ in range(3)] + [
            minigrad.value.constant(draw.choice((0.0, 1.0, 2.0)))
        ]
        for _ in range(15):
            name = draw.choice(names)
            nodes.append(
                minigrad.value.record(name, [draw.choice(nodes[-6:]) for _ in range(RULES[name].arity or 3)])
            )
        e = Expressions()
        ranges, ids = Ranges(e), e.read(nodes)
        for i, node in zip(ids, nodes, strict=True):
            low, high, *_ = ranges.of(i)
            assert node.data != node.data or low - 1e-9 <= node.data <= high + 1e-9, e.text(i)


def test_a_part_of_a_range() -> None:
    """Open and closed ends; 0 taken out."""
    assert Range().within(">", 0.0) == Range(0.0, low_open=True)
    assert Range(0.0, 1.0).within("!=", 0.0).positive
    assert not Range(0.0, 1.0).positive
    assert Range(-1.0, 0.0, high_open=True).negative
    assert Range(0.0, 1.0).within(">=", 0.0) == Range(0.0, 1.0)
    assert less(x, y).data == 0.0
