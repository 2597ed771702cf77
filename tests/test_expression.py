"""minigrad.expression and minigrad.notation: graphs as algebra, and as text that can be read again."""

from __future__ import annotations

import math
import random
import time

import pytest
from seeded import numbers

import minigrad
from minigrad import RULES, Value, bce, dot, log, logsumexp, sigmoid, sin
from minigrad.expression import Expressions
from minigrad.formula import formula
from minigrad.rules import COMPUTED


def read(*outputs: Value) -> tuple[Expressions, list[int]]:
    """A fresh store with these outputs."""
    e = Expressions()
    return e, e.read(outputs)


def text(output: Value) -> str:
    """The text of one output."""
    e, (i,) = read(output)
    return e.text(i)


def named(**numbers: float) -> list[Value]:
    """Inputs by their label."""
    return [Value(number, label=name) for name, number in numbers.items()]


# -- the store --------------------------------------------------------------------------------------------


def test_equal_expressions_are_one() -> None:
    """The same operation on the same operands, in either order where the order does not matter."""
    x, y = named(x=2.0, y=3.0)
    e, ids = read(x * y, y * x, x - y, y - x, sin(x) + sin(x))
    assert ids[0] == ids[1]
    assert ids[2] != ids[3]
    assert e.operands[ids[4]] == (ids[4] - 1, ids[4] - 1)
    assert e.read([x * y]) == [ids[0]]


def test_operands_come_before_results() -> None:
    """And a bce of a sigmoid is read as the two operations it was written as."""
    z, y = named(z=0.3, y=1.0)
    e, (loss,) = read(bce(sigmoid(z), y))
    assert all(operand < i for i, operands in enumerate(e.operands) for operand in operands)
    a, label = e.operands[loss]
    assert (e.ops[loss], e.ops[a], e.ops[label]) == ("bce", "sigmoid", "input")
    assert e.leaf[label] is y


def test_a_node_can_be_kept_apart() -> None:
    """From another that computes the same: the derivative by one of them is not the derivative by both."""
    (x,) = named(x=0.5)
    one, other = sin(x), sin(x)
    e = Expressions()
    (total,) = e.read([one * other], apart=[other])
    first, second = e.operands[total]
    assert first != second
    assert (e.ops[first], e.ops[second]) == ("sin", "sin")
    assert (e.read([one]), e.read([other], apart=[other])) == ([first], [second])


def test_constants_are_folded_as_the_rows_would() -> None:
    """Bit for bit, the signs of zeros included; a computed partial is folded too."""
    e = Expressions()
    third = e.make("div", (e.constant(1.0), e.constant(3.0)))
    assert e.number[third] == 1.0 / 3.0
    assert e.constant(0.0) != e.constant(-0.0)
    assert e.constant(math.nan) == e.constant(math.nan)
    assert e.number[e.make("log", (e.constant(0.0),))] == -math.inf
    for computed in COMPUTED.values():
        operands = [1.5] * len(computed.operands)
        folded = e.make(computed.name, tuple(e.constant(x) for x in operands))
        node = minigrad.value.record(computed.rule.name, [minigrad.value.constant(x) for x in operands])
        assert e.number[folded] == node.partials[computed.operand] or math.isnan(e.number[folded])


def test_the_first_label_is_kept() -> None:
    """Two nodes that are one expression: the name given first names it."""
    x, y = named(x=1.0, y=2.0)
    e, (i, j) = read((x + y).named("s"), (x + y).named("t"))
    assert i == j
    assert e.label[i] == "s"


def test_recording_hangs_on_the_users_nodes() -> None:
    """An expression that was read is the node it was read from; what is new is recorded on it."""
    x, y = named(x=2.0, y=3.0)
    product = x * y
    e, (i,) = read(product)
    new = e.make("exp", (i,))
    (recorded,) = e.record([new])
    assert recorded.operands == (product,)
    with pytest.raises(ValueError, match="q is a symbol without a Value"):
        e.record([e.make("add", (i, e.symbol("q")))])


def test_evaluating_is_what_recording_computes() -> None:
    """Random graphs: the numbers of the expressions are those of the nodes, bit for bit."""
    draw = numbers(60)
    for _ in range(60):
        nodes = named(**{f"x{k}": draw.uniform(0.1, 2.0) for k in range(4)})
        for _ in range(12):
            name = draw.choice(
                ["add", "sub", "mul", "div", "exp", "log", "tanh", "max", "hypot", "sum", "sigmoid"]
            )
            count = RULES[name].arity or 3
            nodes.append(minigrad.value.record(name, [draw.choice(nodes) for _ in range(count)]))
        e, (i,) = read(nodes[-1])
        (number,) = e.evaluate([i])
        assert number == nodes[-1].data or math.isnan(number)


# -- the text ---------------------------------------------------------------------------------------------


def test_as_few_parentheses_as_the_order_allows() -> None:
    """As one would write it by hand."""
    a, b, c = named(a=2.0, b=3.0, c=5.0)
    written = {
        "a + b + c": a + b + c, "a + (b + c)": a + (b + c), "a - (b - c)": a - (b - c), "a - b - c": a - b - c,
        "a*b + c": a * b + c, "a*(b + c)": a * (b + c), "a/(b*c)": a / (b * c), "a/b*c": a / b * c,
        "a*(b/c)": a * (b / c), "-a + b": -a + b, "-(a + b)": -(a + b), "-a*b": -(a * b), "a*(-b)": a * -b,
        "a - b": a + -b, "-(-a)": minigrad.neg(-a), "-2*a": -2.0 * a, "a - 2": a + -2.0, "-2*b": b * -2.0,
        "a**2": a**2, "(-a)**2": (-a) ** 2, "-a**2": -(a**2), "a**-1": a**-1, "a**(b + 1)": a ** (b + 1),
        "(a**b)**c": (a**b) ** c, "a**b**c": a ** (b**c), "2**a": 2.0**a, "(a < b)*c": minigrad.less(a, b) * c,
        "a <= b": minigrad.less_equal(a, b), "log(a/b)": log(a / b), "logsumexp(a, b, c)": logsumexp([a, b, c]),
        "a - (-b)": a - minigrad.neg(b), "dot([a, b], [b, c])": dot([a, b], [b, c]), "0.1*a": a * 0.1,
        "a*b*2": a * b * 2.0,
        "a + 1e+22": a + 1e22,
    }  # fmt: skip
    assert {text(node): node for node in written.values()} == written


def test_labelled_parts_are_written_by_their_label() -> None:
    """But the expression itself is written out."""
    x, w = named(x=2.0, w=0.5)
    z = (w * x + 1.0).named("z")
    a = sigmoid(z).named("a")
    assert text(a * a - z) == "a*a - z"
    assert text(z) == "w*x + 1"
    e, (i,) = read(z)
    assert e.text(i, top=False) == "z"
    assert e.text(i, symbols={}) == "v1*v2 + 1"


def test_names_are_told_apart() -> None:
    """Two inputs with one label, inputs without any, labels that are no words."""
    x, again, odd = Value(1.0, label="x"), Value(2.0, label="x"), Value(3.0, label="my\nx")
    assert text(x + again + odd + Value(4.0)) == 'x + x_2 + "my␊x" + v1'


def test_what_repeats_is_written_once() -> None:
    """100 doublings: the text is as long as the graph, not as the number of paths."""
    x = Value(0.5, label="x")
    node = x
    for _ in range(100):
        node = sin(node * node) + node
    words = text(node)
    assert words.startswith("t1 = sin(x*x) + x; t2 = sin(t1*t1) + t1; ")
    assert words.count(";") == 99
    assert formula(words, x=0.5).data == node.data


def test_the_text_read_again_gives_the_same_bits() -> None:
    """`formula` reads what is written: random graphs."""
    draw = numbers(80)
    for _ in range(80):
        nodes = named(**{f"x{k}": draw.uniform(-2.0, 2.0) for k in range(3)})
        inputs = {node.label: node.data for node in nodes}
        for _ in range(draw.randrange(3, 25)):
            name = draw.choice(
                [*["add", "sub", "mul", "div", "neg", "pow", "less"] * 3, "tanh", "where", "dot", "mean"]
            )
            count = RULES[name].arity or 4
            constant = minigrad.value.constant(round(draw.uniform(-3.0, 3.0), 1))
            operands = [draw.choice([*nodes[-4:], constant]) for _ in range(count)]
            nodes.append(minigrad.value.record(name, operands))
        words = text(nodes[-1])
        used = {name: x for name, x in inputs.items() if name in words}
        if not used or "nan" in words or "inf" in words:
            continue  # folded constants that the grammar has no word for
        again = formula(words, **used)
        assert again.data == nodes[-1].data or math.isnan(again.data), words


def test_a_long_text_is_cut_and_says_so() -> None:
    """At the limit, with the number of operations."""
    x = Value(1.0, label="x")
    total = x
    for k in range(2000):
        total = total + x * float(k + 2)
    e, (i,) = read(total)
    words = e.text(i, limit=50)
    assert words == "x + 2*x + 3*x + 4*x + 5*x + 6*x + 7*x + 8*x + 9*x … (4,000 operations)"


# -- size -------------------------------------------------------------------------------------------------


def test_a_chain_of_a_million_operations() -> None:
    """Read, written and recorded without recursion."""
    x, w = named(x=1.0, w=0.5)
    node = x
    for k in range(500_000 if minigrad.COMPILED else 50_000):
        node = node * w + float(k)
    e, (i,) = read(node)
    assert len(e) > 2 * k
    assert e.text(i).endswith(f"({2 * (k + 1):,} operations)")
    assert e.record([i], {e.input(x): x, e.input(w): w})[0].data == node.data


def test_reading_is_linear() -> None:
    """Twice the nodes take about twice the time (four times would be quadratic)."""

    def seconds(n: int) -> float:
        draw = random.Random(n)
        inputs = [Value(draw.random()) for _ in range(n)]
        total = inputs[0]
        for x in inputs:
            total = total + x * 2.0
        best = math.inf
        for _ in range(3):
            start = time.perf_counter()
            read(total)
            best = min(best, time.perf_counter() - start)
        return best

    assert seconds(40_000) < 8.0 * seconds(10_000) + 0.1
