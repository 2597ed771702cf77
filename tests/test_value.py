"""minigrad.value: recording and backward, against paper and a sum over paths."""

from __future__ import annotations

import copy
import math
import operator
import pickle
import random
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_package import python, said

import minigrad
from minigrad import NotANumberError, Value, bce, exp, grad, log, relu, sigmoid, sqrt, value, where

SEED = 20261124


# -- recording --------------------------------------------------------------------------------------------

#: Operation, the same on numbers, and the partials on paper at x = 3, y = 2.
OPERATORS: list[tuple[str, Callable[[Any, Any], Any], tuple[float, float]]] = [
    ("add", operator.add, (1.0, 1.0)), ("sub", operator.sub, (1.0, -1.0)), ("mul", operator.mul, (2.0, 3.0)),
    ("div", operator.truediv, (0.5, -0.75)), ("pow", operator.pow, (6.0, 9.0 * math.log(3.0))),
]  # fmt: skip


@pytest.mark.parametrize(("name", "do", "partials"), OPERATORS, ids=[name for name, *_ in OPERATORS])
def test_an_operator_records_a_node(
    name: str, do: Callable[[Any, Any], Any], partials: tuple[float, float]
) -> None:
    """With Values on both sides, or a number on either: value, operation, operands in order, partials."""
    x, y = Value(3.0), Value(2.0)
    for left, right in ((x, y), (x, 2), (3, y), (x, 2.0), (3.0, y)):
        node = do(left, right)
        assert isinstance(node, Value)
        assert node.data == do(3.0, 2.0)
        assert node.op == name
        assert not node.is_leaf
        assert [operand.data for operand in node.operands] == [3.0, 2.0]
        assert node.partials == pytest.approx(partials, rel=1e-15)
        for given, operand in zip((left, right), node.operands, strict=True):
            assert operand is given if isinstance(given, Value) else operand.op == "const"


def test_an_operation_takes_as_many_operands_as_its_row() -> None:
    """`record`, by which texts and copies make nodes, counts them; compiled code reads no further."""
    x = Value(1.0)
    wrongly = {"exp": 2, "add": 1, "where": 4, "dot": 3, "sum": 0, "mean": 0}
    for name, wrong in wrongly.items():
        with pytest.raises(TypeError, match=f"{name} does not take {wrong} operands"):
            minigrad.value.record(name, [x] * wrong)


def test_signs_and_absolute_value() -> None:
    """-x and abs(x) are nodes, +x is x itself."""
    x = Value(-3.0)
    assert ((-x).op, (-x).data, (-x).partials) == ("neg", 3.0, (-1.0,))
    assert (abs(x).op, abs(x).data, abs(x).partials) == ("abs", 3.0, (-1.0,))
    assert +x is x


def test_one_operand_twice_is_two_edges() -> None:
    """a + a and a * a: operands with repeats, and both count in the gradient."""
    a = Value(3.0)
    assert (a + a).operands == (a, a)
    (a * a).backward()
    assert a.grad == 6.0


def test_a_recorded_graph_is_not_bent_by_its_leaves() -> None:
    """Partials are those of the time of recording: d(x * y)/dx stays 5 when y changes afterwards."""
    x, y = Value(3.0), Value(5.0)
    product = x * y
    y.data = 100.0
    assert product.data == 15.0
    product.backward()
    assert (x.grad, y.grad) == (5.0, 3.0)


def test_equality_is_identity() -> None:
    """Nodes are keys: two Values of the same number are two keys."""
    a, b = Value(1.0), Value(1.0)
    assert a == a
    assert a != b
    number: Any = 1.0
    assert (a == number, a != number) == (False, True)
    assert {a: "a", b: "b"}[b] == "b"
    assert len({a, b, a}) == 2


def test_order_and_truth_compare_numbers() -> None:
    """With Values and numbers, on either side, as plain bools; nan compares false."""
    a, b = Value(1.0), Value(2.0)
    assert (a < b, a <= b, a > b, a >= b) == (True, True, False, False)
    assert (a < 2, a < 2, a >= 1.0, a >= 1.0, Value(2.0) <= b) == (True, True, True, True, True)
    assert type(a < b) is bool
    assert not (Value(math.nan) < 1.0)
    assert not (Value(math.nan) >= 1.0)
    assert (bool(Value(0.0)), bool(Value(-0.0)), bool(Value(5e-324)), bool(Value(math.nan))) == (
        False,
        False,
        True,
        True,
    )
    assert max(a, b) is b
    with pytest.raises(TypeError):
        _ = a < "2"  # type: ignore[operator]


@pytest.mark.parametrize("drop", [float, int, complex, math.exp, math.sqrt, round, np.float64])
def test_nothing_drops_the_graph_in_silence(drop: Callable[[Any], Any]) -> None:
    """There is no __float__: a function that would give a bare number fails."""
    with pytest.raises((TypeError, ValueError)):
        drop(Value(1.0))


def test_labels() -> None:
    """Given, set later, or chained; any text; nothing else."""
    x = Value(1.5, label="x1")
    assert x.label == "x1"
    z = x * 2
    assert z.label == ""
    z.label = "z"
    assert z.label == "z"
    assert z.named("s") is z
    assert z.label == "s"
    x.label = "x" * 10_000
    assert len(x.label) == 10_000
    assert len(repr(x)) < 200
    for label in (None, 3, b"x"):
        with pytest.raises(TypeError, match="a label is text"):
            x.label = label  # type: ignore[assignment]
        with pytest.raises(TypeError, match="a label is text"):
            Value(1.0, label=label)  # type: ignore[arg-type]


def test_text_forms() -> None:
    """repr says all three; a format spec is for the number."""
    x = Value(1.0, label="it's")
    assert repr(x) == """Value(data=1.0, grad=0.0, label="it's")"""
    assert str(Value(2)) == "Value(data=2.0, grad=0.0)"
    assert f"{Value(math.pi):.3f}" == "3.142"
    assert f"{x}" == repr(x)


def test_leaves_and_what_micrograd_readers_know() -> None:
    """is_leaf, op, operands of a leaf; _prev and _op."""
    x = Value(2.0)
    assert (x.is_leaf, x.op, x.operands, x.partials, x._prev, x._op) == (True, "input", (), (), set(), "")
    y = x + 1
    assert y.operands[1].op == "const"
    assert y._prev == set(y.operands)
    assert [(x * x)._op, (x - x)._op, (x**2)._op, (x / 2)._op, x.relu()._op] == ["*", "-", "**", "/", "ReLU"]


def test_a_value_is_final_and_not_copied_behind_ones_back() -> None:
    """Subclassing, pickling and copying are refused, the last two with what to do instead."""
    x = Value(1.0)
    with pytest.raises(TypeError):
        type("Sub", (Value,), {})
    with pytest.raises(TypeError, match="save"):
        pickle.dumps(x)
    for copied in (copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=r"Graph\(v\)\.copy"):
            copied(x)
    with pytest.raises(AttributeError):
        x.nothing = 1  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        x.op = "add"  # type: ignore[misc]


# -- numbers ----------------------------------------------------------------------------------------------


class Metre(float):
    """A float by inheritance."""


class Index(int):
    """An int by inheritance."""


class OnlyFloat:
    """Could be turned into a float, but does not say that it is a number."""

    def __float__(self) -> float:
        return 1.0

    def __repr__(self) -> str:
        return "OnlyFloat()"


NUMBERS: list[tuple[Any, float]] = [
    (3, 3.0), (2**53 + 1, 2.0**53), (True, 1.0), (False, 0.0), (-0.0, -0.0), (math.inf, math.inf), (5e-324, 5e-324),
    (Fraction(1, 3), 1 / 3), (Fraction(1, 10**400), 0.0), (Decimal("0.1"), 0.1), (Decimal("-Infinity"), -math.inf),
    (np.float64(0.1), 0.1), (np.float32(0.5), 0.5), (np.float16(0.25), 0.25), (np.int64(7), 7.0), (np.uint8(7), 7.0),
    (np.bool_(True), 1.0), (np.longdouble(0.5), 0.5), (np.array(2.5), 2.5), (np.array(3), 3.0), (Metre(1.5), 1.5),
    (Index(4), 4.0),
]  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), NUMBERS, ids=[repr(given)[:30] for given, _ in NUMBERS])
def test_every_real_number_is_taken(given: Any, expected: float) -> None:
    """As data, as data set later, and as either operand; rounded to the nearest double."""
    x = Value(given)
    assert type(x.data) is float
    assert repr(x.data) == repr(expected)
    x.data = given
    assert repr(x.data) == repr(expected)
    one = Value(1.0)
    for node, constant in ((one * given, 1), (given * one, 0)):
        assert isinstance(node, Value)
        assert repr(node.operands[constant].data) == repr(expected)


@pytest.mark.parametrize("nan", [math.nan, Decimal("NaN"), np.float32("nan")])
def test_a_nan_is_a_number_of_ieee(nan: Any) -> None:
    """It is taken; where it came from, find_nonfinite says."""
    assert math.isnan(Value(nan).data)


NO_NUMBERS: list[tuple[Any, str]] = [
    ("3", "text is not a number"), (b"3", "text is not a number"), (np.str_("3"), "text is not a number"),
    (None, "None is not a number"), (1 + 2j, "complex is not a real number"), (np.complex128(1), "not a real number"),
    ([1.0], "a list is not one number"), ((1.0,), "a tuple is not one number"), ({}, "a dict is not one number"),
    (np.array([1.0, 2.0]), r"an array of shape \(2,\) is not one number"), (np.zeros((2, 3)), r"shape \(2, 3\)"),
    (np.datetime64("2026-01-01"), "not a real number"), (object(), "object is not a real number"),
    (np.datetime64("2026-01-01T00:00:00.000000000"), "a date or duration is not a real number"),
    (np.timedelta64(5, "ns"), "a date or duration is not a real number"), (np.ma.masked, "a masked element is missing"),
    (np.ma.array(1.0, mask=True), "a masked element is missing"), (OnlyFloat(), "OnlyFloat is not a real number"),
    (np.array("text"), "text is not a number"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "words"), NO_NUMBERS, ids=[repr(given).partition(" at 0x")[0][:30] for given, _ in NO_NUMBERS]
)
def test_what_is_no_real_number_is_refused(given: Any, words: str) -> None:
    """With a TypeError that says what to do; the Value keeps its number."""
    with pytest.raises(NotANumberError, match=words):
        Value(given)
    x = Value(1.0)
    with pytest.raises(NotANumberError, match=words):
        x.data = given
    assert x.data == 1.0
    assert issubclass(NotANumberError, TypeError)


@pytest.mark.parametrize(
    "given", ["3", b"3", None, 1 + 2j, [1.0], (1.0,), {}, object(), np.array([1.0, 2.0])]
)
@pytest.mark.parametrize("do", [do for _, do, _ in OPERATORS], ids=[name for name, *_ in OPERATORS])
def test_what_is_no_real_number_is_no_operand(given: Any, do: Callable[[Any, Any], Any]) -> None:
    """On either side of any operator: a TypeError, and nothing is recorded."""
    x = Value(2.0)
    with pytest.raises(TypeError):
        do(x, given)
    with pytest.raises(TypeError):
        do(given, x)


@pytest.mark.parametrize(
    "given",
    [10**400, -(10**400), 10**5000, Fraction(10**400), Decimal("1e400"), np.longdouble("1e400")],
    ids=["int", "negative", "long int", "Fraction", "Decimal", "longdouble"],
)
def test_a_number_beyond_the_doubles_is_an_overflow(given: Any) -> None:
    """Not infinity in silence."""
    if isinstance(given, np.longdouble) and not np.isfinite(given):
        given = 10**309  # a platform whose long double is a double
    with pytest.raises(OverflowError, match="does not fit in a double"):
        Value(given)
    with pytest.raises(OverflowError, match="does not fit in a double"):
        Value(1.0) + given
    with pytest.raises(OverflowError, match="does not fit in a double"):
        given + Value(1.0)


def test_a_signalling_nan_is_an_error_of_its_own() -> None:
    """Decimal refuses to convert it."""
    with pytest.raises((ValueError, TypeError)):
        Value(Decimal("sNaN"))  # type: ignore[arg-type]


def test_an_integer_too_large_says_how_many_digits_it_has() -> None:
    """Without turning it into text, which Python limits to 4300 digits."""
    with pytest.raises(OverflowError, match="an integer of 5001 digits"):
        Value(10**5000)


def test_a_value_of_a_value_is_refused() -> None:
    """It would cut the graph."""
    with pytest.raises(NotANumberError, match="Value already"):
        Value(Value(1.0))  # type: ignore[arg-type]


def test_a_type_with_its_own_answer_is_asked() -> None:
    """An object that knows Values gets its turn, as Python's operators promise."""

    class Right:
        def __radd__(self, other: object) -> str:
            return "mine"

    assert Value(1.0) + Right() == "mine"


def test_gather_writes_each_number_at_its_place() -> None:
    """What nodes hold, scattered into an array; no place outside it, and one for each node."""
    nodes = [Value(1.5), Value(-2.0), Value(1.5) * 4.0]
    out = np.zeros(5)
    value.gather(nodes, np.array([4, 0, 2], dtype=np.intp), out)
    assert out.tolist() == [-2.0, 0.0, 6.0, 0.0, 1.5]
    for places in ([4, 0, 5], [4, 0]):
        with pytest.raises((IndexError, ValueError)):
            value.gather(nodes, np.array(places, dtype=np.intp), np.zeros(5))


def test_arithmetic_never_raises_and_never_leaves_the_reals() -> None:
    """IEEE: 1/0, 0/0, overflow, (-1) ** 0.5."""
    one, zero = Value(1.0), Value(0.0)
    assert (one / zero).data == math.inf
    assert (-one / zero).data == -math.inf
    assert math.isnan((zero / zero).data)
    assert ((one * 1e308) * 10).data == math.inf
    assert math.isnan(((-one) ** 0.5).data)
    assert (zero**-1).data == math.inf
    assert ((-one) ** 3).data == -1.0
    assert log(zero).data == -math.inf
    assert math.isnan(log(-one).data)
    assert exp(Value(710.0)).data == math.inf
    with pytest.raises(TypeError, match="modulus"):
        pow(one, 2, 3)  # type: ignore[misc]


# -- backward ---------------------------------------------------------------------------------------------


def test_the_lecture() -> None:
    """dA, dZ, dW1, dW2, dB of logistic regression: dZ = a - y, dW = x * dZ."""
    x1, x2, y = 2.0, -1.0, 1.0
    w1, w2, b = Value(0.5), Value(-0.25), Value(0.1)
    z = w1 * x1 + w2 * x2 + b
    a = sigmoid(z)
    loss = bce(a, y)
    loss.backward()
    on_paper = 1 / (1 + math.exp(-1.35))
    assert a.data == pytest.approx(on_paper, rel=1e-15)
    assert loss.data == pytest.approx(-math.log(on_paper), rel=1e-15)
    assert loss.grad == 1.0
    assert a.grad == pytest.approx(-1 / on_paper, rel=1e-15)
    assert z.grad == pytest.approx(on_paper - 1, rel=1e-15)
    assert (w1.grad, w2.grad, b.grad) == (x1 * z.grad, x2 * z.grad, z.grad)


def test_twice_doubles_the_leaves_and_nothing_else() -> None:
    """Exactly: 2 * g, while inner nodes keep g; zero_grad clears all."""
    w, x = Value(0.3), Value(-1.7)
    inner = w * x
    out = exp(inner) + w
    out.backward()
    once = (w.grad, x.grad)
    inside = (inner.grad, out.grad)
    out.backward()
    assert (w.grad, x.grad) == (2 * once[0], 2 * once[1])
    assert (inner.grad, out.grad) == inside
    out.zero_grad()
    assert [node.grad for node in (w, x, inner, out)] == [0.0] * 4
    out.backward()
    assert (w.grad, x.grad) == once


def test_several_results_accumulate_in_the_leaves() -> None:
    """As in a batch: the gradient of the sum."""
    w = Value(2.0)
    for x in (1.0, 3.0, -5.0):
        (w * w * x).backward()
    assert w.grad == 2 * 2.0 * (1.0 + 3.0 - 5.0)


def test_backward_on_a_leaf_and_with_a_seed() -> None:
    """A leaf is its own derivative, 1, added; a seed scales; constants never get a gradient."""
    w = Value(2.0)
    w.backward()
    w.backward()
    assert w.grad == 2.0
    w.zero_grad()
    product = w * 3.0
    product.backward(0.5)
    assert (product.grad, w.grad, product.operands[1].grad) == (0.5, 1.5, 0.0)
    with pytest.raises(NotANumberError):
        product.backward("1")  # type: ignore[arg-type]


def test_constants_get_no_gradient() -> None:
    """On either side, in a node of many operands, and beside the fused loss."""
    w = Value(2.0)
    total = (
        (3.0 * w) * (w * 3.0)
        + minigrad.sum([1.0, w])
        + minigrad.dot([w, 2.0], [5.0, w])
        + bce(sigmoid(w), 0.5)
    )
    total = total + bce(sigmoid(minigrad.value.constant(0.25)), w) + minigrad.where(1.0, 2.0, w)
    total.backward()
    constants = minigrad.Graph(total).constants
    assert len(constants) == 9
    assert [node.grad for node in constants] == [0.0] * 9
    assert w.grad == pytest.approx(36.0 + 1.0 + 7.0 + (1 / (1 + math.exp(-2.0)) - 0.5) - 0.25, rel=1e-15)


def test_a_gradient_may_be_set() -> None:
    """Clipping or clearing by hand: the number is checked as any."""
    w = Value(2.0)
    w.grad = 3
    assert w.grad == 3.0
    w.grad += 1
    assert w.grad == 4.0
    with pytest.raises(NotANumberError):
        w.grad = None  # type: ignore[assignment]


def random_graph(draw: random.Random, size: int) -> tuple[list[Value], list[Value]]:
    """Leaves and all nodes of a graph of +, -, * over small integers, whose arithmetic is exact."""
    leaves = [Value(draw.randrange(-3, 4)) for _ in range(4)]
    nodes = list(leaves)
    for _ in range(size):
        x, y = draw.choice(nodes[-6:]), draw.choice(nodes)
        do = draw.choice((operator.add, operator.sub, operator.mul))
        node = do(x, draw.choice((y, y, draw.randrange(-2, 3))))
        if abs(node.data) < 2**20:
            nodes.append(node)
    return leaves, nodes


def sum_over_paths(result: Value, node: Value) -> Fraction:
    """The derivative as the sum over all paths of the product of the partials on the way, in fractions."""
    if result is node:
        return Fraction(1)
    pairs = zip(result.operands, result.partials, strict=True)
    return sum((Fraction(partial) * sum_over_paths(operand, node) for operand, partial in pairs), Fraction(0))


def test_gradients_are_sums_over_paths() -> None:
    """Random graphs with shared operands: every node's gradient, exactly."""
    draw = random.Random(SEED)
    print(f"seed {SEED}")
    checked = 0
    for _ in range(60):
        leaves, nodes = random_graph(draw, draw.randrange(3, 12))
        result = nodes[-1]
        result.backward()
        for node in nodes:
            expected = sum_over_paths(result, node)
            if abs(expected) < 2**50:
                assert node.grad == expected
                checked += expected != 0
        assert grad(result, leaves[:1]) == [leaves[0].grad] if _reaches(result, leaves[0]) else True
    assert checked > 200


def _reaches(result: Value, node: Value) -> bool:
    return node in minigrad.Graph(result)


def test_a_zero_gradient_stays_zero() -> None:
    """0 times an infinite partial is 0 here: sqrt behind a factor of 0, or on the branch not taken."""
    x = Value(0.0)
    (sqrt(x) * 0.0).backward()
    assert x.grad == 0.0
    x.zero_grad()
    where(x > 0, sqrt(x), x * 2).backward()
    assert x.grad == 2.0
    x.zero_grad()
    minigrad.max(sqrt(x), Value(1.0)).backward()
    assert x.grad == 0.0
    x.zero_grad()
    sqrt(x).backward()
    assert x.grad == math.inf


def test_an_infinite_gradient_meets_the_branch_not_taken() -> None:
    """A partial of 0 that is a choice gives 0, not inf * 0."""
    x, y = Value(0.0), Value(5.0)
    sqrt(where(1, x, y)).backward()
    assert (x.grad, y.grad) == (math.inf, 0.0)
    x.zero_grad()
    sqrt(relu(x)).backward()
    assert x.grad == 0.0


def test_data_of_an_inner_node_may_be_set() -> None:
    """It changes this node only; the graph carries it on when it runs forward again, where it is computed anew."""
    x = Value(2.0)
    y = x * 3.0
    z = y + 1.0
    y.data = 100.0
    assert (y.data, z.data) == (100.0, 7.0)
    minigrad.Graph(z).forward()
    assert (y.data, z.data) == (6.0, 7.0)


# -- grad -------------------------------------------------------------------------------------------------


def test_grad_leaves_grad_alone() -> None:
    """Leaves, inner nodes and the result itself, in the order asked for."""
    w, b = Value(3.0), Value(1.0)
    square = w * w
    out = square * b
    out.backward(0.1)
    before = [node.grad for node in (w, b, square, out)]
    assert grad(out, [b, w, square, out]) == [9.0, 6.0, 1.0, 1.0]
    assert grad(out, w) == 6.0
    assert grad(out, (w, w)) == [6.0, 6.0]
    assert grad(out, []) == []
    assert [node.grad for node in (w, b, square, out)] == before
    a = sigmoid(w)
    loss = bce(a, 0.5) + a
    loss.backward(0.1)
    before = [node.grad for node in minigrad.Graph(loss)]
    assert grad(loss, a) == pytest.approx(10 * a.grad, rel=1e-14)
    assert [node.grad for node in minigrad.Graph(loss)] == before


def test_grad_of_what_is_not_there() -> None:
    """The node is named; what is no Value is refused."""
    w, other = Value(3.0), Value(1.0, label="other")
    with pytest.raises(ValueError, match='"other" has no part'):
        grad(w * w, [w, other])
    with pytest.raises(ValueError, match=r"wrt\[0\] has no part"):
        grad(w * w, [Value(1.0)])
    with pytest.raises(NotANumberError, match="grad differentiates a Value"):
        grad(1.0, [w])  # type: ignore[call-overload]
    with pytest.raises(NotANumberError, match=r"wrt\[1\] is not a Value"):
        grad(w * w, [w, 2.0])  # type: ignore[list-item]
    with pytest.raises(NotANumberError, match="a sequence of Values, not NoneType"):
        grad(w * w, None)  # type: ignore[call-overload]


# -- the loss computed as one with its sigmoid ------------------------------------------------------------


@pytest.mark.parametrize("z", [-1e4, -800.0, -745.2, -40.0, -1.0, 0.0, 1e-300, 3.0, 40.0, 710.0, 800.0, 1e4])
@pytest.mark.parametrize("y", [0.0, 1.0, 0.25])
def test_the_loss_survives_saturation(z: float, y: float) -> None:
    """L and its derivatives by z, w and b are finite at any z; nothing is clamped."""
    w, b = Value(z), Value(0.0)
    logit = w * 1.0 + b
    loss = bce(sigmoid(logit), y)
    loss.backward()
    for number in (loss.data, logit.grad, w.grad, b.grad):
        assert math.isfinite(number)
    assert w.grad == b.grad == logit.grad
    if abs(z) >= 40:
        limit = (1.0 if z > 0 else 0.0) - y
        assert logit.grad == pytest.approx(limit, abs=1e-16)
        assert loss.data == pytest.approx(z * (1 - y) if z > 0 else -z * y, abs=1e-17, rel=1e-15)


def test_saturation_by_the_numbers_of_the_design() -> None:
    """z = -800, y = 1: L = 800, dZ = -1, dA beyond the doubles."""
    z = Value(-800.0)
    a = sigmoid(z)
    loss = bce(a, 1.0)
    loss.backward()
    assert (loss.data, z.grad, a.grad, a.data) == (800.0, -1.0, -math.inf, 0.0)


def test_dA_is_there_to_read() -> None:
    """Although dZ does not go through it: -y/a + (1 - y)/(1 - a)."""
    z = Value(0.5)
    a = sigmoid(z)
    loss = bce(a, 0.25)
    loss.backward()
    assert loss.operands == (a, loss.operands[1])
    assert loss.op == "bce"
    assert a.grad == pytest.approx(-0.25 / a.data + 0.75 / (1 - a.data), rel=1e-14)
    assert loss.chained_partial == pytest.approx(a.data - 0.25, rel=1e-14)
    assert (a * 2).chained_partial is None


def test_a_used_elsewhere_too() -> None:
    """L = bce(a, y) + 3a: both ways into a and into z are counted, in a's gradient and in z's."""
    z, y = Value(0.5), Value(0.25)
    a = sigmoid(z)
    total = bce(a, y) + 3.0 * a
    for _ in range(2):
        z.zero_grad()
        total.backward()
        s = 1 / (1 + math.exp(-0.5))
        assert a.grad == pytest.approx((s - 0.25) / (s * (1 - s)) + 3.0, rel=1e-14)
        assert z.grad == pytest.approx((s - 0.25) + 3.0 * s * (1 - s), rel=1e-14)
        y.grad = 0.0
    assert grad(total, [a, z]) == [a.grad, z.grad]
    a.grad = 7.0
    assert a.grad == 7.0


def test_dA_and_dZ_with_other_numbers() -> None:
    """The same after Graph.forward: with a used elsewhere, and in saturation."""
    z, y = Value(0.5), Value(0.25)
    a = sigmoid(z)
    graph = minigrad.Graph(bce(a, y) + 3.0 * a)
    for other, label in ((-1.5, 0.75), (2.0, 1.0), (-800.0, 1.0), (0.5, 0.25)):
        graph.forward({z: other, y: label})
        graph.zero_grad()
        graph.backward()
        s = math.exp(other) / (1 + math.exp(other))
        assert z.grad == pytest.approx((s - label) + 3.0 * s * (1 - s), rel=1e-14)
        assert y.grad == pytest.approx(-other, rel=1e-14)
        dA = (s - label) / (s * (1 - s)) + 3.0 if s else -math.inf
        assert a.grad == pytest.approx(dA, rel=1e-14)


def test_a_loss_written_out_evaluates_as_written() -> None:
    """No rewriting behind one's back: log(0) is what it is."""
    z = Value(-800.0)
    a = sigmoid(z)
    loss = -(1.0 * log(a) + (1.0 - 1.0) * log(1.0 - a))
    assert loss.data == math.inf


# -- size -------------------------------------------------------------------------------------------------


def test_a_deep_chain_and_a_wide_sum() -> None:
    """Three hundred thousand nodes in a row, a hundred thousand operands in one node: no recursion anywhere."""
    x = Value(1.0)
    v = x
    for _ in range(300_000):
        v = v + x
    v.backward()
    assert x.grad == 300_001.0
    assert len(minigrad.Graph(v)) == 300_001
    del v
    many = [Value(float(i)) for i in range(100_000)]
    total = minigrad.sum(many)
    total.backward()
    assert total.data == 99_999 * 50_000.0
    assert all(node.grad == 1.0 for node in many)


def test_what_dies_is_freed_once() -> None:
    """Chains that share a part, dropped in either order, and an exception on the way."""
    shared = Value(1.0)
    for _ in range(1000):
        shared = shared * 1.0
    left, right = shared, shared
    for _ in range(50_000):
        left, right = left + 1.0, right - 1.0
    del left
    assert right.data == 1.0 - 50_000
    right.backward()
    del right
    assert shared.data == 1.0

    def fails() -> None:
        v = Value(1.0)
        for _ in range(100_000):
            v = v + 1.0
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()


_INTERRUPTED = """
import inspect, sys
from minigrad import Value
from minigrad.value import _order

lines, first = inspect.getsourcelines(_order)
last = first + next(i for i, line in enumerate(lines) if line.strip() == "finally:")
for stop in range(1, 1000):
    x = Value(2.0)
    y = (x * x) * (x * x) + x.exp() * 0.0 + x
    seen = 0

    def at_line(frame, event, argument):
        global seen
        if frame.f_code is not _order.__code__:
            return None
        seen += event == "line" and frame.f_lineno < last
        if seen == stop:
            raise KeyboardInterrupt
        return at_line

    sys.settrace(at_line)
    try:
        y.backward()
    except KeyboardInterrupt:
        pass
    else:
        break
    finally:
        sys.settrace(None)
    y.backward()
    assert x.grad == 4 * 2.0**3 + 1, (stop, x.grad)
print(stop)
"""


def test_a_walk_that_is_interrupted_leaves_no_mark() -> None:
    """Ctrl-C at any line of the walk, interpreted (native code is not interrupted): the next one sees every node."""
    assert int(said(python("-c", _INTERRUPTED, MINIGRAD_INTERPRETED="1"))) > 50


_THREADS = """
import sys, threading
from minigrad import Graph, Value, grad

w = Value(1.0)

def graph():
    v = w
    for _ in range(20):
        v = v * 2.0 + w
    return v

expected = grad(graph(), w)
wrong = []

def work():
    for _ in range(150):
        v = graph()
        if grad(v, w) != expected or len(Graph(v)) != 61:
            wrong.append(v)
        v.backward()

sys.setswitchinterval(1e-6)
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(wrong), w.grad == 4 * 150 * expected)
"""


@pytest.mark.parametrize("interpreted", ["", "1"])
def test_threads_may_share_leaves(interpreted: str) -> None:
    """Four threads differentiate graphs of their own over the same weight: no gradient is lost or torn."""
    assert said(python("-W", "ignore", "-c", _THREADS, MINIGRAD_INTERPRETED=interpreted)) == "0 True\n"


_TEN_MILLION = """
import minigrad
from minigrad.draw import draw
n = 10_000_000 if minigrad.COMPILED else 1_000_000
x = minigrad.Value(1.0)
v = x
for _ in range(n):
    v = v + x
v.backward()
assert x.grad == n + 1, x.grad
try:
    draw(v)
except minigrad.GraphTooLargeError as error:
    print(error)
del v
print("freed")
"""


@pytest.mark.slow
def test_ten_million_nodes() -> None:
    """Built, differentiated, refused by the drawing, freed: in a process of its own. Interpreted, one million."""
    run = subprocess.run(
        [sys.executable, "-c", _TEN_MILLION],
        cwd=Path(__file__).parent.parent,
        text=True,
        capture_output=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert ("10,000,001 nodes" if minigrad.COMPILED else "1,000,001 nodes") in run.stdout
    assert run.stdout.endswith("freed\n")
