"""Graphs that are explained in the tests: every kind of rule, shared nodes, kinks, names and none."""

from __future__ import annotations

import random
from collections.abc import Callable

from minigrad import (
    Graph,
    Value,
    bce,
    cos,
    dot,
    exp,
    less,
    log,
    max,
    mean,
    relu,
    sigmoid,
    sin,
    sqrt,
    sum,
    tanh,
    where,
)


def named(**numbers: float) -> list[Value]:
    return [Value(number, label=name) for name, number in numbers.items()]


def logistic() -> Value:
    """The lecture's graph."""
    x1, x2, y, w1, w2, b = named(x1=2.0, x2=-1.0, y=1.0, w1=0.5, w2=-0.25, b=0.1)
    z = (w1 * x1 + w2 * x2 + b).named("z")
    return bce(sigmoid(z).named("a"), y).named("L")


def written_out() -> Value:
    """The same loss, spelt out by hand."""
    w, x, y = named(w=0.5, x=2.0, y=0.0)
    z = (w * x).named("z")
    a = (1 / (1 + exp(-z))).named("a")
    return (-(y * log(a) + (1 - y) * log(1 - a))).named("L")


def shared() -> Value:
    """The node of the counter-example."""
    (x,) = named(x=1.5)
    s = (2 * x).named("s")
    return (s + s * s).named("L")


def network() -> Value:
    """Two hidden units, one of them closed, without names inside."""
    x, u, v, t = named(x=0.7, u=-1.5, v=0.8, t=0.25)
    h = relu(u * x) + tanh(v * x)
    return ((h - t) ** 2).named("L")


def huber() -> Value:
    """A choice."""
    p, y = named(p=2.5, y=0.5)
    r = (p - y).named("r")
    loss: Value = where(less(abs(r), 1.0), 0.5 * r * r, abs(r) - 0.5)
    return loss.named("L")


def never() -> Value:
    """A choice that a constant makes for good."""
    (p,) = named(p=2.5)
    result: Value = where(0.0, (p * p).named("q"), 3 * p)
    return result.named("L")


def many_uses() -> Value:
    """One input used in six ways."""
    (k, j) = named(k=1.25, j=2.0)
    return (sin(k) * j + cos(k) + k**3 / j + sqrt(k) - exp(-k) + max(k, j)).named("Q")


def sums() -> Value:
    """Operations of any number of operands."""
    a, b, c = named(a=0.3, b=-1.2, c=2.2)
    return (sum([a * b, b, c]) + mean([a, b, c]) * dot([a, b], [b, c])).named("S")


def unnamed() -> Value:
    """No name anywhere."""
    x, y = Value(2.0), Value(-0.5)
    return x * y + x


def doubled() -> Value:
    """Three nodes of one name."""
    first, second = Value(2.0, label="w"), Value(3.0, label="w")
    return (first * second).named("w")


GRAPHS: dict[str, Callable[[], Value]] = {
    graph.__name__: graph
    for graph in (logistic, written_out, shared, network, huber, never, many_uses, sums, unnamed, doubled)
}


WAYS: tuple[Callable[[Value, Value], Value], ...] = (
    lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a - b, lambda a, b: sigmoid(a), lambda a, b: tanh(a * b),
    lambda a, b: sin(a), lambda a, b: a / (2 + b * b), lambda a, b: exp(-a * a), lambda a, b: a * a * b,
    lambda a, b: log(1 + a * a), lambda a, b: 2 * a,
)  # fmt: skip


def random_graph(draw: random.Random) -> Value:
    """Smooth operations with shared operands, every node of moderate size."""
    nodes: list[Value] = [Value(round(draw.uniform(-1.5, 1.5), 3), label=f"x{k}") for k in range(3)]
    for k in range(draw.randrange(3, 9)):
        a, b = draw.choice(nodes[-4:]), draw.choice(nodes)
        made = draw.choice(WAYS)(a, b)
        if draw.random() < 0.6:
            made.label = f"h{k}"
        nodes.append(made)
    return (nodes[-1] + nodes[-2] * nodes[-1]).named("L")


def named_nodes(output: Value) -> list[Value]:
    """The nodes that have a gradient to be explained."""
    return [node for node in Graph(output) if node.op != "const"]
