"""minigrad.replay: backward one node at a time, and who sent what to whom."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable
from fractions import Fraction
from itertools import islice

import pytest
from seeded import SEED

import minigrad
from minigrad import RULES, Graph, Value, bce, exp, log, relu, sigmoid, sqrt, where
from minigrad.replay import BackwardStep, Ledger, Term


def bits(x: float) -> bytes:
    """The eight bytes of a double; all nans count as one."""
    return struct.pack("<d", x) if x == x else b"nan"


def random_graph(draw: random.Random, size: int) -> Value:
    """Any operations on any numbers, shared operands and constants among them; nan and infinity arise."""
    nodes: list[Value | float] = [
        Value(draw.choice((0.0, 0.5, -1.5, 2.0, 1.0, draw.gauss(0, 1)))) for _ in range(4)
    ]
    for _ in range(size):
        name = draw.choice([*RULES, "add", "mul", "sub", "sigmoid", "where", "relu"])
        count = RULES[name].arity or 2 * draw.randrange(1, 4)
        operands = [
            draw.choice([*nodes[-6:], *nodes[:3], draw.choice((0.0, 1.0, 0.5))]) for _ in range(count)
        ]
        if not any(isinstance(x, Value) for x in operands):
            operands[0] = nodes[0]
        nodes.append(minigrad.value.record(name, operands))
        if name == "sigmoid" and draw.random() < 0.7:
            nodes.append(bce(nodes[-1], draw.choice([draw.choice(nodes), 1.0, 0.0])))
    return minigrad.sum([x for x in nodes[-5:] if isinstance(x, Value)])


def assert_replays(output: Value, seed: float = 1.0) -> int:
    """Steps and ledgers against what backward leaves in `.grad`: every node, every bit. How many were nonzero."""
    graph = Graph(output)
    graph.zero_grad()
    output.backward(seed)
    right = {node: node.grad for node in graph}
    for node in graph:
        node.grad = 123.0
    seen = {step.node: step.gradient for step in output.steps(seed=seed)}
    assert list(seen) == [node for node in reversed(graph.nodes) if not node.is_leaf]
    for node in graph:
        found = node.ledger(output, seed=seed)
        assert bits(found.total) == bits(right[node]), (node.op, found.total, right[node])
        assert node.is_leaf or bits(seen[node]) == bits(right[node])
        assert node.grad == 123.0
    return sum(gradient != 0.0 for gradient in right.values())


# -- the same numbers ---------------------------------------------------------------------------------------


def test_random_graphs_give_the_bits_of_backward() -> None:
    """All operations, shared nodes, constants, bce of sigmoid, nan, infinities and other seeds."""
    draw = random.Random(SEED)
    print(f"seed {SEED}")
    nonzero = sum(
        assert_replays(random_graph(draw, draw.randrange(1, 25)), draw.choice((1.0, 1.0, -0.3, 0.0)))
        for _ in range(300)
    )
    assert nonzero > 1000


@pytest.mark.parametrize(
    "make",
    [
        lambda x, y: x + x, lambda x, y: x * x * x, lambda x, y: x - x, lambda x, y: sqrt(x * 0.0) * 0.0,
        lambda x, y: bce(sigmoid(x), y), lambda x, y: bce(sigmoid(x * 900.0), y * 0.0),
        lambda x, y: (lambda a: bce(a, y) * a + bce(a, a))(sigmoid(x)), lambda x, y: bce(sigmoid(x), sigmoid(x)),
        lambda x, y: (lambda a: bce(a, a) + bce(a, 1.0))(sigmoid(sigmoid(x))),
        lambda x, y: sqrt(where(1, x * 0.0, y)), lambda x, y: sqrt(relu(x * 0.0)), lambda x, y: log(x * 0.0) * y,
        lambda x, y: exp(x * 1e4) - exp(x * 1e4), lambda x, y: minigrad.dot([x, x, 2.0], [y, x, x]),
        lambda x, y: minigrad.max(x, x) + minigrad.min(y, x), lambda x, y: x,
    ],
)  # fmt: skip
@pytest.mark.parametrize("seed", [1.0, -2.5, 0.0, -0.0, math.inf, math.nan])
def test_awkward_graphs_give_the_bits_of_backward(make: Callable[[Value, Value], Value], seed: float) -> None:
    """Repeats, branches not taken, a saturated sigmoid, a sigmoid used beside the loss that goes past it."""
    assert_replays(make(Value(1.25), Value(0.75)), seed)


def test_the_ledger_is_the_sum_over_the_consumers() -> None:
    """In fractions: each consumer's gradient times its partial, over all edges to the node."""
    draw = random.Random(SEED + 1)
    print(f"seed {SEED + 1}")
    for _ in range(40):
        nodes = [Value(draw.randrange(-3, 4)) for _ in range(3)]
        for _ in range(10):
            x, y = draw.choice(nodes[-5:]), draw.choice(nodes)
            nodes.append(draw.choice((x + y, x - y, x * y)))
        graph = Graph(nodes[-1])
        nodes[-1].backward()
        for node in graph:
            if node is not nodes[-1]:
                edges = graph.consumers(node)
                expected = sum(
                    (Fraction(user.grad) * Fraction(user.partials[k]) for user, k in edges), Fraction(0)
                )
                sent = node.ledger(nodes[-1])
                assert sent.total == sum(term.term for term in sent) == expected
                assert {(t.consumer, t.position) for t in sent} == {(u, k) for u, k in edges if u.grad}
        graph.zero_grad()


# -- what is told -------------------------------------------------------------------------------------------


def logistic() -> tuple[Value, Value, Value, Value]:
    """z, a, w and L of one example."""
    w, x, b = Value(0.5, label="w"), Value(2.0, label="x"), Value(0.25, label="b")
    z = (w * x + b).named("z")
    a = sigmoid(z).named("a")
    return z, a, w, bce(a, 1.0).named("L")


def test_a_step_has_before_and_after() -> None:
    """`a + a`: two terms to the same operand, the second after the first."""
    x = Value(2.0, label="x")
    (step,) = (x + x).named("s").steps()
    assert (step.number, step.op, step.gradient, step.passes) == (1, "add", 1.0, 1.0)
    assert step.terms == (
        Term(x, step.node, 0, 1.0, 1.0, 1.0, 0.0, 1.0),
        Term(x, step.node, 1, 1.0, 1.0, 1.0, 1.0, 2.0),
    )
    assert str(step) == "s = x + x, gradient 1\n  to x: 1 * 1 = 1; 0 -> 1\n  to x: 1 * 1 = 1; 1 -> 2"


def test_the_loss_goes_past_the_sigmoid() -> None:
    """dL/dz is sent by L itself; a has its own gradient, and nothing left to pass on."""
    z, a, w, loss = logistic()
    first, second, third, fourth = loss.steps()
    assert [(term.operand, term.via) for term in first.terms] == [(a, None), (z, a)]
    assert second.node is a
    assert (second.passes, second.terms) == (0.0, ())
    assert second.gradient == pytest.approx(-1 / a.data, rel=1e-15)
    assert str(second).endswith("sends nothing: all of it went past this node already")
    assert (third.node, fourth.node.op) == (z, "mul")
    (term,) = z.ledger(loss)
    assert (term.consumer, term.via, term.term) == (loss, a, first.terms[1].term)
    assert "0 past a" in str(z.ledger(loss))
    assert w.ledger(loss).total == 2.0 * term.term


def test_nothing_is_sent_from_zero_and_to_constants() -> None:
    """As in backward: a gradient of 0 stays where it is, and a constant gets none."""
    x = Value(0.0, label="x")
    product, root = (sqrt(x) * 0.0).steps()
    assert str(root) == "v1 = sqrt(x), gradient 0\n  sends nothing: its gradient is 0"
    assert [term.operand for term in product.terms] == [root.node]
    (constant,) = (node for node in Graph(product.node) if node.op == "const")
    empty = constant.ledger(product.node)
    assert (len(empty), empty.total) == (0, 0.0)
    assert "constants get no gradient" in str(empty)
    assert "the gradient of every node that uses it is 0" in str(x.ledger(product.node))


def test_the_seed_is_a_term_of_the_result() -> None:
    """The one term that no node sends."""
    x = Value(3.0, label="x")
    (term,) = x.ledger(x, seed=2)
    assert (term.consumer, term.term, list(x.steps())) == (None, 2.0, [])
    assert str(x.ledger(x, seed=2)).splitlines()[-1].split() == ["the", "seed", "2", "1", "2", "2"]


def test_a_ledger_prints_as_a_table() -> None:
    """A line for each term, columns in line; long ones are cut and say so."""
    w, x = Value(3.0, label="w"), Value(2.0, label="x")
    loss = (w * w + w * x).named("L")
    lines = str(w.ledger(loss)).splitlines()
    assert len(lines) == 5
    assert len({len(line) for line in lines[1:]}) == 1
    many = w.ledger(minigrad.sum([w] * 50))
    assert str(many).splitlines()[-1] == "and 30 more"
    assert "sum(w, w, w, … 50 operands)" in str(many)
    assert repr(many) == "<Ledger of w: 50 terms, total 50.0>"
    (step,) = minigrad.sum([w] * 50).steps()
    assert repr(step) == "<BackwardStep 1: v1 = sum(w, w, w, … 50 operands), 50 terms>"
    assert str(step).endswith("  and 30 more")


def test_labels_are_text() -> None:
    """Line ends and quotes of a label do not break the lines of a step."""
    x = Value(1.0, label='a\n"b')
    (step,) = (x * x).steps()
    assert len(str(step).splitlines()) == 3


# -- use ----------------------------------------------------------------------------------------------------


def test_it_is_repeatable_and_may_be_left_early() -> None:
    """Two replays at once, one abandoned; no gradient is touched."""
    z, a, w, loss = logistic()
    loss.backward()
    before = [node.grad for node in Graph(loss)]
    one, other = loss.steps(), loss.steps()
    assert [step.node for step in islice(one, 2)] == [loss, a]
    assert [step.gradient for step in other] == [
        node.grad for node in reversed(Graph(loss).nodes) if not node.is_leaf
    ]
    assert next(one).node is z
    assert str(w.ledger(loss)) == str(w.ledger(loss))
    assert [node.grad for node in Graph(loss)] == before


@pytest.mark.slow
def test_a_million_nodes() -> None:
    """A deep chain: no recursion, and the first step comes before the last is computed."""
    v = x = Value(1.0)
    for _ in range(10**6):
        v = v + 1.0
    assert isinstance(next(v.steps()), BackwardStep)
    assert sum(1 for _ in v.steps()) == 10**6
    found = x.ledger(v)
    assert isinstance(found, Ledger)
    assert (len(found), found.total) == (1, 1.0)


def test_what_is_refused() -> None:
    """A node of another graph, the two the wrong way round, and what is no Value."""
    z, _, w, loss = logistic()
    with pytest.raises(ValueError, match=r'"v" has no part in the graph of L: no term is sent to it'):
        Value(1.0, label="v").ledger(loss)
    with pytest.raises(ValueError, match=r"w is computed before \"z\": the node comes first"):
        z.ledger(w)
    with pytest.raises(TypeError, match=r"w\.ledger\(L\) takes the result L, a Value, not float"):
        w.ledger(1.0)  # type: ignore[arg-type]
    with pytest.raises(minigrad.NotANumberError):
        loss.steps(seed="1")  # type: ignore[arg-type]
