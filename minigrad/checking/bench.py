"""A graph made ready for its referees: read once, in the forms in which they differentiate it.

Room: the loss as it was written, as backward records it, in stable form, and the closed forms of its derivatives.
Below: `expression`, `derivative`, `reverse`, `simplify`. Above: `sheet` evaluates these at points.
Must hold: the user's nodes and their gradients are not touched; a node that is asked for is taken for an input, and
nothing looks through it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from minigrad import value as _core
from minigrad.checking.points import CHOICES
from minigrad.derivative import derive
from minigrad.expression import Expressions
from minigrad.graph import Graph
from minigrad.reverse import path
from minigrad.rules import RULES
from minigrad.simplify import stabilised
from minigrad.templates import template
from minigrad.text import shown
from minigrad.value import Value

Array: TypeAlias = npt.NDArray[np.float64]

#: A graph with more operations than this gets no closed form.
MOST_OPERATIONS = 3000
#: So many leaves are worked on at once.
AT_ONCE = 16


class Form(NamedTuple):
    """The loss in stable form, as a function of some of the nodes: of all the leaves, or of one inner node.

    root    id of the loss
    places  which of the nodes, and `nodes` their ids, taken for inputs
    gaps    ids that change sign where a choice on the way turns over
    """

    root: int
    places: list[int]
    nodes: list[int]
    gaps: list[int]


class Bench:
    """The derivatives of one result by some nodes.

    output  the result; nodes: leaves or inner nodes of its graph

    Raises ValueError when a node has no part in the result, or is a constant.
    """

    def __init__(self, output: Value, nodes: Sequence[Value]) -> None:
        self.output, self.nodes = output, list(nodes)
        self.graph = Graph(output)
        for node in nodes:
            _check(self.graph, node)
        self.e = e = Expressions()
        inner = [node for node in nodes if not node.is_leaf]
        self.root, *self.ids = e.read([output, *nodes], inner)
        self.ways = [path(e, self.root, [i]) for i in self.ids]
        self.inputs = [i for i in e.order([self.root]) if e.ops[i] == "input"]
        self.size = sum(1 for i in e.order([self.root]) if e.operands[i])
        self.choices = [i for i in e.order([self.root]) if e.ops[i] in CHOICES]
        self.gaps = [gap_of(e, i) for i in self.choices]
        self.as_recorded = _through(e, self.root, set(self.ids))
        self.recorded = self.as_recorded[self.root]
        self.forms = list(self._by_form())
        self._closed: tuple[Expressions, list[int], list[int]] | None = None
        self.sheets: dict[tuple[int, ...], Any] = {}
        copied = Graph([output, *nodes]).copy()
        self._copy = _core.order_of([*copied.outputs])
        self._copied = dict(zip(_core.order_of([output, *nodes]), self._copy, strict=True))

    def place(self, node: Value) -> int:
        """Which of the nodes."""
        return next(k for k, other in enumerate(self.nodes) if other is node)

    def form(self, k: int) -> Form:
        """The stable form as a function of node k."""
        return next(form for form in self.forms if k in form.places)

    def _by_form(self) -> Iterator[Form]:
        """Leaves share a form, so many at a time; an inner node, which nothing may look through, has its own."""
        e = self.e
        leaves = [k for k, i in enumerate(self.ids) if not e.operands[i]]
        if leaves:
            (root,), _ = stabilised(e, [self.root], computed=False)
            for first in range(0, len(leaves), AT_ONCE):
                places = leaves[first : first + AT_ONCE]
                yield self._form(root, places, [self.ids[k] for k in places])
        for k, i in enumerate(self.ids):
            if e.operands[i]:
                (root, node), _ = stabilised(e, [self.root, i], keep={i}, computed=False)
                if e.ops[node] != e.ops[i] or not path(e, root, [node]):  # it became something else
                    root, node = self.root, i
                yield self._form(root, [k], [node])

    def _form(self, root: int, places: list[int], nodes: list[int]) -> Form:
        e = self.e
        gaps = [gap_of(e, j) for j in e.order([root]) if e.ops[j] in CHOICES]
        return Form(root, places, nodes, [gap for gap in gaps if e.operands[gap] or e.ops[gap] == "input"])

    @property
    def closed(self) -> tuple[Expressions, list[int], list[int]] | None:
        """The closed forms of all derivatives: a store, as they are written, and in stable form."""
        if self.size > MOST_OPERATIONS:
            return None
        if self._closed is None:
            e = Expressions()
            written = e.read([derivative.value for derivative in derive(self.output, self.nodes)])
            self._closed = e, written, stabilised(e, written)[0]
        return self._closed

    def backward(self, numbers: Array) -> Array:
        """The gradients by recorded backward: numbers (inputs, p) -> (nodes, p)."""
        leaves = [self._copied[self.e.leaf[i]] for i in self.inputs]
        wrt = [self._copied[node] for node in self.nodes]
        top, found = self._copied[self.output], []
        for column in numbers.T.tolist():
            for leaf, number in zip(leaves, column, strict=True):
                leaf.data = number
            _core.replay(self._copy)
            found.append(_core.gradients(top, wrt))
        return np.array(found, dtype=np.float64).reshape(len(found), len(wrt)).T


def _through(e: Expressions, root: int, apart: set[int]) -> dict[int, int]:
    """Each expression as backward computes it: an operation that is recorded through another as one of both."""
    made: dict[int, int] = {}
    for i in e.order([root]):
        operands = tuple([made[j] for j in e.operands[i]])
        rule = RULES.get(e.ops[i])
        first = operands[0] if operands else i
        if (
            rule is not None
            and rule.through is not None
            and e.ops[first] == rule.through.inner
            and first not in apart
        ):
            form = template(rule.through.value)
            letters = dict(zip(rule.through.operands, (*e.operands[first], *operands[1:]), strict=True))
            made[i] = e.build(form, letters)
        else:
            made[i] = i if operands == e.operands[i] else e.make(e.ops[i], operands)
    return made


def gap_of(e: Expressions, i: int) -> int:
    """What changes sign where the choice of an operation turns over."""
    operands = e.operands[i]
    return e.make("sub", operands) if len(operands) == 2 else operands[0]


def _check(graph: Graph, node: Value) -> None:
    name = f'"{shown(node.label, 60)}"' if node.label else "a node"
    if node not in graph:
        raise ValueError(f"{name} has no part in this result: check a node of its graph")
    if node.op == "const":
        raise ValueError(f"{name} is a constant, which gets no gradient: make it a Value(...)")
