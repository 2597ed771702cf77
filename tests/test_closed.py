"""minigrad.closed and minigrad.normal: sums of products, with the numbers they had."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest
from seeded import numbers

import minigrad
from minigrad import RULES, Value, sigmoid, sqrt
from minigrad.closed import Closing, simplified
from minigrad.expression import Expressions
from minigrad.normal import exact

x, y, w = Value(0.5, label="x"), Value(-0.7, label="y"), Value(1.3, label="w")


def closed(node: Value) -> str:
    """The text of the closed form; leaves are symbols."""
    e = Expressions()
    (i,) = e.read([node])
    return e.text(simplified(e, [i], used=range(len(e)))[0])


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (x + x, "2*x"), (x - x, "0"), (x + y - x, "y"), (2 * x * 3 / 6, "x"), (x * y / x, "y"), (x * y - y * x, "0"),
        (minigrad.neg(-x), "x"), (-(x - y), "y - x"), (x * -y, "-x*y"), (x / 3 + x / 3, "2*x/3"),
        (x / 4, "0.25*x"), (x / 3, "x/3"), (x * x * x, "x**3"), (1 / x / x, "1/x**2"),
        ((x + y) * (x - y), "(x + y)*(x - y)"), ((x + y) ** 2 - x * x - y * y, "2*x*y"), (x * w + x * y, "x*(w + y)"),
        (w / x + y / x, "(w + y)/x"), (1 / x - 1 / (x + 1), "1/(x*(x + 1))"), (x * (y + 1) - x, "x*y"),
        (0.1 * x + 0.2 * x, "0.30000000000000004*x"), (sqrt(x) * sqrt(x), "x"), (sqrt(x) / x, "1/sqrt(x)"),
        (x**0.5 * x**1.5, "x**2"), (2 * (x - y) + 2 * (y - x), "0"), (sigmoid(-x) + sigmoid(x), "1"),
        (minigrad.sin(y - x) + minigrad.sin(x - y), "0"), (1 - sigmoid(-x), "sigmoid(x)"), (0 * x + 1, "1"),
        (x**0 * y, "y"), ((x + y) ** 0 * w, "w"),
    ],
)  # fmt: skip
def test_closed_forms(node: Value, text: str) -> None:
    """Like terms collected, factors cancelled, the shorter way to write it."""
    assert closed(node) == text


def test_named_nodes_are_atoms() -> None:
    """And what equals one is called by its name."""
    s = (x + y).named("s")
    e = Expressions()
    ids = e.read([s * s - (y + x) * w, s])
    named = set(e.label)
    first, second = Closing(e, named, range(len(e))).run(ids)
    assert e.text(first) == "s*(s - w)"
    assert e.text(second, top=False) == "s"


def test_numbers_are_kept() -> None:
    """Random rational formulas, evaluated exactly: the closed form is the same function."""
    draw = numbers(150)
    for _ in range(150):
        leaves = [Value(draw.randrange(1, 9) / 8, label=name) for name in "pqr"]
        nodes = list(leaves)
        for _ in range(draw.randrange(3, 12)):
            name = draw.choice(["add", "sub", "mul", "div", "neg"])
            constant = minigrad.value.constant(float(draw.randrange(1, 4)))
            operands = [draw.choice([*nodes[-4:], constant]) for _ in range(RULES[name].arity or 0)]
            nodes.append(minigrad.value.record(name, operands))
        e = Expressions()
        (before,) = e.read([nodes[-1]])
        (after,) = simplified(e, [before], used=range(len(e)))
        values = {e.input(leaf): Fraction(leaf.data) for leaf in leaves}
        try:
            truth = rational(e, before, values)
        except (ZeroDivisionError, OverflowError):
            continue  # nothing to compare, or a folded infinity
        assert rational(e, after, values) == truth, (e.text(before), e.text(after))


def rational(e: Expressions, i: int, values: dict[int, Fraction]) -> Fraction:
    """The exact value of a formula of + - * / and whole powers."""
    done = dict(values)
    for j in e.order([i]):
        if j in done:
            continue
        if j in e.number:
            done[j] = Fraction(exact(e.number[j])).limit_denominator(10**9)
            continue
        x, *rest = (done[operand] for operand in e.operands[j])
        match e.ops[j]:
            case "neg":
                done[j] = -x
            case "add":
                done[j] = x + rest[0]
            case "sub":
                done[j] = x - rest[0]
            case "mul":
                done[j] = x * rest[0]
            case "div":
                done[j] = x / rest[0]
            case "pow":
                done[j] = x ** int(rest[0])
            case other:
                raise AssertionError(other)
    return done[i]


def test_division_by_zero_is_left_as_it_is() -> None:
    """1 / 0 is inf, as IEEE has it, and no error."""
    zero = Value(0.0, label="zero")
    assert closed(x / (zero - zero)) == "x/0"
    assert closed(minigrad.value.constant(1.0) / (x - x)) == "inf"


def test_linear_time() -> None:
    """Fractions of fractions, sums of sums and powers of powers: bounded trials, bounded sizes."""

    def seconds(n: int, kind: int) -> float:
        node = x
        for k in range(n):
            node = ((node + w) / (node * y + 2.0), node * node * 0.5 + w, (node + float(k)) * w)[kind]
        e = Expressions()
        ids = e.read([node])
        start = time.perf_counter()
        simplified(e, ids, used=range(len(e)))
        return time.perf_counter() - start

    for kind in range(3):
        assert seconds(4_000, kind) < 10.0 * seconds(1_000, kind) + 0.5
