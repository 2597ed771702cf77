"""One example as a graph: the lecture's, with two features, and that of any number of features.

Room: records graphs and gives their nodes names; computes nothing itself. Below: `value`, `functions`, `graph`.
Must hold: L is one node above a, and a one above z, so that the loss survives where a rounds to 0 or 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from minigrad.functions import ShapeError, bce, dot, sigmoid
from minigrad.graph import Graph
from minigrad.text import shown
from minigrad.value import Value


class Recorded(Protocol):
    """The nodes of one example by the part they play; `weights` are in the order of `features`."""

    @property
    def features(self) -> Sequence[Value]:
        """x, the leaves that differ from row to row."""

    @property
    def weights(self) -> Sequence[Value]:
        """w, one for each feature."""

    @property
    def b(self) -> Value:
        """The bias."""

    @property
    def y(self) -> Value:
        """The label."""

    @property
    def z(self) -> Value:
        """w·x + b, in log-odds."""

    @property
    def a(self) -> Value:
        """σ(z), the probability of label 1."""

    @property
    def loss(self) -> Value:
        """L(a, y), in nats."""


class Example(NamedTuple):
    """The nodes of one example with two features, in the lecture's names (the label of `loss` is L)."""

    x1: Value
    x2: Value
    w1: Value
    w2: Value
    b: Value
    y: Value
    z: Value
    a: Value
    loss: Value

    @property
    def features(self) -> tuple[Value, Value]:
        """x1 and x2."""
        return self.x1, self.x2

    @property
    def weights(self) -> tuple[Value, Value]:
        """w1 and w2."""
        return self.w1, self.w2

    @property
    def graph(self) -> Graph:
        """The recorded graph, x -> z -> a -> L."""
        return Graph(self.loss)


def example(
    x1: float = 2.0, x2: float = -1.0, y: float = 1.0, *, w1: float = 0.5, w2: float = -0.25, b: float = 0.1
) -> Example:
    """Record the graph of one example; call `.loss.backward()` for its gradients.

    x1, x2     features, finite, each in its own unit
    y          label, in [0, 1]
    w1, w2, b  parameters, in log-odds per unit of the feature, and log-odds

    >>> one = example(y=1.0)
    >>> one.loss.backward()
    >>> round(one.z.data, 12), round(one.a.data, 4), round(one.z.grad, 4)
    (1.35, 0.7941, -0.2059)
    """
    if not 0.0 <= y <= 1.0:
        raise ValueError(f"y is a label between 0 and 1: got {y!r}")
    features = Value(x1, label="x1"), Value(x2, label="x2")
    weights = Value(w1, label="w1"), Value(w2, label="w2")
    bias, label = Value(b, label="b"), Value(y, label="y")
    z = (weights[0] * features[0] + weights[1] * features[1] + bias).named("z")
    a = sigmoid(z).named("a")
    return Example(*features, *weights, bias, label, z, a, bce(a, label).named("L"))


def updated(one: Example, alpha: float) -> dict[str, float]:
    """One step of gradient descent: the new w1, w2 and b, from the gradients that `backward` left.

    >>> one = example()
    >>> one.loss.backward()
    >>> new = updated(one, 0.5)
    >>> new["w1"] == 0.5 - 0.5 * one.w1.grad
    True
    """
    return {node.label: node.data - alpha * node.grad for node in (one.w1, one.w2, one.b)}


class OneRow:
    """The graph of one example with n features: one dot node, then b, sigmoid, bce. It can be run over m rows.

    names    labels of the n features (the weights are called w[name]), or their number n (x1 to xn)
    target   label of y
    others   label of one more term of z, for what is left out of the dot node; "" for none

    Raises ShapeError when there is no feature, ValueError when a name is given twice.

    >>> one = OneRow(["age", "weight"])
    >>> len(one.graph), one.graph.counts()["dot"], one.weights[0].label
    (10, 1, 'w[age]')
    """

    def __init__(self, names: int | Sequence[str], target: str = "y", *, others: str = "") -> None:
        self.names = feature_names(names)
        if target in self.names:
            raise ValueError(f"{shown(target, 60)!r} is the label and cannot be a feature as well")
        self.features = tuple(Value(0.0, label=name) for name in self.names)
        self.weights = tuple(Value(0.0, label=f"w[{name}]") for name in self.names)
        self.b, self.y = Value(0.0, label="b"), Value(0.0, label=target)
        self.others = Value(0.0, label=others) if others else None
        z = dot(self.weights, self.features)
        if self.others is not None:
            z = z + self.others
        self.z = (z + self.b).named("z")
        self.a = sigmoid(self.z).named("a")
        self.loss = bce(self.a, self.y).named("L")
        self.graph = Graph(self.loss)

    @property
    def parameters(self) -> tuple[Value, ...]:
        """The weights and then b: what is learned."""
        return (*self.weights, self.b)


def feature_names(names: int | Sequence[str]) -> tuple[str, ...]:
    """The names of features, x1 to xn for a number.

    Raises ShapeError when there is none, TypeError when one is no text, ValueError when one is given twice.

    >>> feature_names(3)
    ('x1', 'x2', 'x3')
    """
    if isinstance(names, str) or not isinstance(names, int | Iterable):
        given = f"the text {shown(names, 60)!r}" if isinstance(names, str) else repr(names)
        raise TypeError(f"features are a whole number, or names in a list: got {given:.80}")
    listed = [f"x{j + 1}" for j in range(names)] if isinstance(names, int) else list(names)
    if not listed:
        raise ShapeError("an example needs at least one feature")
    for name in listed:
        if not isinstance(name, str):
            raise TypeError(f"the name of a feature is text, not {type(name).__name__} {name!r:.60}")
        if not name:
            raise ValueError("the name of a feature is empty")
    if len(set(listed)) < len(listed):
        twice = next(name for name in listed if listed.count(name) > 1)
        raise ValueError(f"the feature {shown(twice, 60)!r} is given twice")
    return tuple(listed)
