"""A graph's links in numbers at many points: local partials, adjoints from above, tangents from below.

Room: what the chain rule is made of, as arrays, so that one link can be bent and the result be had at once: if the
partial p of a link becomes q, the derivative of the result by a node changes by adjoint * (q - p) * tangent. Below:
`arithmetic`, `expression`, `reverse`. Above: `diagnose`, `recorded`.
Must hold: a partial that is 0 stops what comes from above, whatever that is, as in the recorded engine; no recursion.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from minigrad import value as _core
from minigrad.checking.arithmetic import evaluate
from minigrad.expression import Expressions
from minigrad.reverse import path, sent
from minigrad.rules import RULES
from minigrad.simplify import stabilised
from minigrad.templates import template
from minigrad.value import Value

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Edge:
    """From an operation to one of its operands.

    upper   id of the operation
    place   which operand
    lower   id of the operand
    """

    upper: int
    place: int
    lower: int


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a graph as expressions.

    e       the store
    output  id of the result
    ids     node -> its id, of the nodes that are kept
    """

    e: Expressions
    output: int
    ids: Mapping[Value, int]

    @property
    def names(self) -> dict[int, str]:
        """Labels by id, those of the nodes that are kept among them."""
        return {**self.e.label, **{i: node.label for node, i in self.ids.items() if node.label}}

    def text(self, i: int, *, limit: int, top: bool = True) -> str:
        """An expression in these names; `top`: write it out even if it has one."""
        return self.e.text(i, limit=limit, symbols=self.names, top=top)


def recorded(output: Value, keep: Iterable[Value] = ()) -> Reading:
    """The graph as it was recorded, node by node: two nodes that compute the same stay two."""
    e = Expressions()
    nodes = list(dict.fromkeys([*_core.order_of([output]), *keep]))
    (i, *ids) = e.read([output, *nodes], apart=[node for node in nodes if not node.is_leaf])
    return Reading(e, i, dict(zip(nodes, ids, strict=True)))


def recognised(reading: Reading, keep: Collection[Value]) -> Reading:
    """The same with the operations recognised that were written out: 1/(1 + exp(-z)) as sigmoid(z)."""
    nodes = list(keep)
    wanted = [reading.ids[node] for node in nodes]
    named = {i for i in wanted if reading.e.operands[i]}
    (i, *ids), _ = stabilised(reading.e, [reading.output, *wanted], keep=named, computed=False)
    return Reading(reading.e, i, dict(zip(nodes, ids, strict=True)))


def expanded(reading: Reading, keep: Collection[Value]) -> Reading:
    """The same with the operations written out by their definitions: bce(a, y) as its two logarithms."""
    e = reading.e
    nodes = list(keep)
    wanted = [reading.output, *(reading.ids[node] for node in nodes)]
    made: dict[int, int] = {}
    for i in e.order(wanted):
        made[i] = _written_out(e, i, tuple(made[operand] for operand in e.operands[i]))
    return Reading(e, made[reading.output], {node: made[reading.ids[node]] for node in nodes})


#: Operations that hide a sum, a product or a logarithm of their own.
_HIDING = (
    "bce_with_logits",
    "bce",
    "logsigmoid",
    "softplus",
    "sigmoid",
    "logit",
    "logaddexp",
    "log1p",
    "expm1",
)


def _written_out(e: Expressions, i: int, operands: tuple[int, ...]) -> int:
    op = e.ops[i]
    if not operands:
        return i
    if op not in _HIDING:
        return i if operands == e.operands[i] else e.make(op, operands)
    if op == "bce_with_logits":
        a = _written_out(e, e.make("sigmoid", operands[:1]), operands[:1])
        operands = (a, operands[1])
        op = "bce"
    if op == "logsigmoid":
        return e.make("log", (_written_out(e, e.make("sigmoid", operands), operands),))
    rule = RULES[op]
    return e.build(template(rule.means), dict(zip(rule.operands, operands, strict=True)))


class Links:
    """The links between a result and all that it was computed from, at p points.

    reading  the graph as expressions
    numbers  id of an input -> its numbers (p,)
    wrt      ids of what is differentiated by; by default all inputs
    noise    draws an artificial rounding error for each number, see `arithmetic.rounding`

    values    id -> its numbers (p,)
    edges     every link on a way to `wrt`
    partial   edge -> its local partial (p,)
    adjoint   id -> derivative of the result by it (p,)
    """

    def __init__(
        self,
        reading: Reading,
        numbers: Mapping[int, Array],
        wrt: Collection[int] | None = None,
        *,
        noise: np.random.Generator | None = None,
    ) -> None:
        self.reading = reading
        self.e = e = reading.e
        self.numbers = dict(numbers)
        if wrt is None:
            wrt = [i for i in e.order([reading.output]) if e.ops[i] == "input"]
        self.order = path(e, reading.output, list(wrt))
        on_path = set(self.order)
        self.edges = [
            Edge(i, k, operand)
            for i in self.order
            for k, operand in enumerate(e.operands[i])
            if operand in on_path
        ]
        one = e.constant(1.0)
        self.partial_id = {edge: sent(e, one, edge.upper, edge.place, computed=True) for edge in self.edges}
        ids = list(dict.fromkeys([*e.order([reading.output]), *self.partial_id.values()]))
        self.values = dict(zip(ids, evaluate(e, ids, numbers, noise=noise), strict=True))
        self.partial = {edge: self.values[i] for edge, i in self.partial_id.items()}
        self.points = len(self.values[reading.output])
        self.below: dict[int, list[Edge]] = {i: [] for i in self.order}
        self.above: dict[int, list[Edge]] = {i: [] for i in self.order}
        for edge in self.edges:
            self.below[edge.upper].append(edge)
            self.above[edge.lower].append(edge)
        self.adjoint = self.backward()

    def backward(
        self,
        bent: Mapping[Edge, Array] | None = None,
        given: Mapping[int, Array] | None = None,
        expected: dict[int, Array] | None = None,
    ) -> dict[int, Array]:
        """The adjoints of all nodes.

        bent      edge -> another partial
        given     id -> the adjoint to go on with in place of what arrives there
        expected  filled with what arrived at the ids of `given`
        """
        adjoint: dict[int, Array] = {self.reading.output: np.ones(self.points)}
        with np.errstate(all="ignore"):
            for i in reversed(self.order):
                g = adjoint.get(i)
                if given is not None and i in given:
                    if expected is not None:
                        expected[i] = np.zeros(self.points) if g is None else g
                    g = adjoint[i] = given[i]
                if g is None:
                    continue
                for edge in self.below[i]:
                    p = self.partial[edge] if bent is None else bent.get(edge, self.partial[edge])
                    part = product(p, g)
                    before = adjoint.get(edge.lower)
                    adjoint[edge.lower] = part if before is None else before + part
        return adjoint

    def tangents(self, node: int, stop: Collection[int] = ()) -> dict[int, Array]:
        """The derivative by one node of everything between it and the result, up to the ids of `stop`."""
        tangent: dict[int, Array] = {node: np.ones(self.points)}
        with np.errstate(all="ignore"):
            for i in self.order:
                if i == node or i in stop:
                    continue
                total: Array | None = None
                for edge in self.below[i]:
                    t = tangent.get(edge.lower)
                    if t is not None:
                        part = product(self.partial[edge], t)
                        total = part if total is None else total + part
                if total is not None:
                    tangent[i] = total
        return tangent


def product(p: Array, g: Array) -> Array:
    """A partial times what comes from above; a partial that is 0 lets nothing through.

    Numbers may overflow: the caller sees to `np.errstate`, which would cost as much as the product.
    """
    return np.where(p == 0.0, 0.0, p * g)
