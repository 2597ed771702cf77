"""What a program is to compute: the outputs in their stable form, and their derivatives, as expressions.

Room: reads graphs and checks what is asked of them. Below: `expression`, `simplify`, `reverse`, `lower`. Above:
`program`, which runs what is planned here.
Must hold: an inner node is differentiated by as it was written, even where a rewrite has taken it away.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from minigrad.expression import Expressions
from minigrad.program.lower import Lowered, lower
from minigrad.reverse import adjoints
from minigrad.simplify import Applied, stabilised
from minigrad.text import shown
from minigrad.value import Value


class ProgramError(ValueError):
    """A graph cannot be compiled as asked; the message names the node and says what to do."""


class Plan:
    """The expressions of one program.

    outputs   k Values
    rows      the inputs that are columns, labelled
    wrt       p Values to differentiate by, None for all inputs that are no columns
    weight    name of the column of weights, or None
    mean      whether the sums over the rows are divided
    """

    def __init__(
        self,
        outputs: Sequence[Value],
        rows: Sequence[Value],
        wrt: Sequence[Value] | None,
        weight: str | None,
        mean: bool,
    ) -> None:
        self.outputs = list(outputs)
        self.rows = _labelled(rows)
        self.mean = mean
        self.columns: tuple[str, ...] = (
            *(node.label for node in self.rows),
            *([] if weight is None else [weight]),
        )
        if len(set(self.columns)) < len(self.columns):
            name = next(name for name in self.columns if self.columns.count(name) > 1)
            raise ProgramError(f"two columns are called {shown(name, 60)!r}: give each its own label")
        self._kept: dict[str, Lowered] = {}
        with _collector_paused():
            self._read(wrt, weight)

    def _read(self, wrt: Sequence[Value] | None, weight: str | None) -> None:
        e = self.e = Expressions()
        asked = None if wrt is None else _checked_wrt(wrt)
        recorded = e.read(self.outputs, [node for node in asked or () if not node.is_leaf])
        known = e.order(recorded)
        inputs = {e.leaf[x]: x for x in known if e.ops[x] == "input"}
        for node in self.rows:
            if node not in inputs:
                raise ProgramError(
                    f"rows: {shown(node.label, 60)!r} has no part in this graph: leave it out, or was the graph "
                    "recorded from another Value of the same name?"
                )
        self.sources = {inputs[node]: j for j, node in enumerate(self.rows)}
        self.weight: int | None = None
        if weight is not None:
            self.weight = e.symbol(weight)
            self.sources[self.weight] = len(self.rows)
        columns = set(self.rows)
        nodes = [node for node in inputs if node not in columns] if asked is None else asked
        self.wrt: tuple[Value, ...] = tuple(nodes)
        self._places = self._places_of(nodes, set(known))
        self.values, applied = stabilised(e, recorded)
        self.rewrites: tuple[Applied, ...] = tuple(applied)
        self.gradients = [self._gradient(*pair) for pair in zip(self.values, recorded, strict=True)]

    def _places_of(self, nodes: Sequence[Value], known: set[int]) -> list[int]:
        """The expressions of nodes to differentiate by."""
        e = self.e
        computed = [node for node in nodes if not node.is_leaf]
        place_of = dict(zip(computed, e.read(computed, computed), strict=True)) if computed else {}
        places = [place_of[node] if node in place_of else e.input(node) for node in nodes]
        for node, x in zip(nodes, places, strict=True):
            if x not in known:
                raise ProgramError(
                    f"wrt: {named(node, nodes)} has no part in this graph: its derivative is 0 everywhere, or "
                    "the graph was recorded from another Value of the same name"
                )
        return places

    def _gradient(self, stable: int, as_written: int) -> list[int]:
        """Derivatives of one output by each of wrt."""
        e, one = self.e, self.e.constant(1.0)
        leaves = [x for node, x in zip(self.wrt, self._places, strict=True) if node.is_leaf]
        inner = [x for node, x in zip(self.wrt, self._places, strict=True) if not node.is_leaf]
        by_leaves = iter(adjoints(e, stable, leaves, one, computed=True))
        by_inner: Iterator[int] = iter(())
        if inner:  # a rewrite may have taken an inner node away: differentiate what was written
            by_inner = iter(stabilised(e, adjoints(e, as_written, inner, one, computed=True))[0])
        return [next(by_leaves if node.is_leaf else by_inner) for node in self.wrt]

    def parameter(self, key: Value | str) -> Value:
        """The input that a node or a label names, which is no column. Raises ProgramError."""
        columns = set(self.rows)
        inputs = [leaf for leaf in self.e.leaf.values() if leaf not in columns]
        found = [leaf for leaf in inputs if leaf is key or (isinstance(key, str) and leaf.label == key)]
        if len(found) == 1:
            return found[0]
        name = repr(shown(key if isinstance(key, str) else key.label, 60))
        if found:
            raise ProgramError(f"at: {len(found)} parameters are called {name}: pass the Value itself")
        if key in columns or key in self.columns:
            raise ProgramError(f"at: {name} is a column, its numbers come from the table")
        known = ", ".join(shown(leaf.label, 40) or "(no label)" for leaf in inputs[:8]) or "none"
        raise ProgramError(f"at: {name} is no parameter of this program; it has {known}")

    # -- instructions ---------------------------------------------------------------------------------

    def lowered(self, name: str) -> Lowered:
        """The instructions for "reduced", "per row", "hessian" or "product"; made once."""
        if name not in self._kept:
            makers: dict[str, Callable[[], Lowered]] = {
                "reduced": lambda: self._totals(self._all()),
                "per row": lambda: lower(self.e, self.sources, stores=self._all()),
                "hessian": self._hessian,
                "product": self._product,
            }
            with _collector_paused():
                self._kept[name] = makers[name]()
        return self._kept[name]

    def _all(self) -> list[int]:
        return [*self.values, *(x for gradient in self.gradients for x in gradient)]

    def _totals(self, totals: Sequence[int]) -> Lowered:
        return lower(self.e, self.sources, totals=totals, weight=self.weight, mean=self.mean)

    def _hessian(self) -> Lowered:
        wrt, one = self.inputs("hessian"), self.e.constant(1.0)
        totals: list[int] = []
        for j, gradient in enumerate(self.gradients[0]):
            totals += adjoints(self.e, gradient, wrt[j:], one, computed=True)
        return self._totals(totals)

    def _product(self) -> Lowered:
        e, wrt = self.e, self.inputs("hessian_product")
        self.direction = [e.symbol(f"v[{j}]") for j in range(len(wrt))]
        along = e.make("dot", (*self.direction, *self.gradients[0])) if wrt else e.constant(0.0)
        return self._totals(adjoints(e, along, wrt, e.constant(1.0), computed=True))

    def inputs(self, purpose: str) -> list[int]:
        """The inputs wrt, for what needs one output and no inner nodes. Raises ProgramError."""
        if len(self.outputs) != 1:
            raise ProgramError(f"{purpose} is of one output: compile each on its own")
        for node in self.wrt:
            if not node.is_leaf:
                raise ProgramError(f"{purpose} is by inputs: {named(node, self.wrt)} is computed from others")
        return self._places


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Python's collector of cycles would walk a growing store of expressions, which has none, over and over."""
    paused = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if paused:
            gc.enable()


def _sequence(what: str, given: Any) -> list[Value]:
    if isinstance(given, Value):
        raise TypeError(f"{what} is a sequence of Values: put the one into a list")
    nodes = list(given)
    for position, node in enumerate(nodes):
        if not isinstance(node, Value):
            raise TypeError(f"{what}[{position}] is not a Value but {type(node).__name__}")
    return nodes


def _checked_wrt(wrt: Sequence[Value]) -> list[Value]:
    nodes = _sequence("wrt", wrt)
    if len(set(nodes)) < len(nodes):
        twice = next(node for node, times in Counter(nodes).items() if times > 1)
        raise ProgramError(f"wrt: {named(twice, nodes)} is given twice")
    for node in nodes:
        if node.op == "const":
            raise ProgramError(
                f"wrt: {named(node, nodes)} is the constant {node.data!r}: make it a Value first"
            )
    return nodes


def _labelled(rows: Sequence[Value]) -> list[Value]:
    nodes = _sequence("rows", rows)
    for position, node in enumerate(nodes):
        if node.op != "input":
            raise ProgramError(
                f"rows[{position}] ({shown(node.label, 60) or node.op}) is computed from others: a column is an input"
            )
        if not node.label:
            raise ProgramError(f"rows[{position}] has no label: the label names its column")
    return nodes


def named(node: Value, nodes: Sequence[Value]) -> str:
    """How a message calls one of several nodes: its label, or its number."""
    return repr(shown(node.label, 60)) if node.label else f"number {list(nodes).index(node)}"
