"""What the nodes of a graph are called in an explanation, and a copy of the graph that uses these names only.

Room: names, numbers and derivatives of one graph, each found once. Below: `graph`, `derivative`, `replay`, `maths`.
Above: `chain`, `causes`, `questions`.
Must hold: no two nodes of an explanation have the same name; the graph that was given is not changed; a label can be
any text, because the copy that is derived has names of our own.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from math import isfinite

from minigrad import value as _core
from minigrad.derivative import Derivative, derive
from minigrad.explaining import maths
from minigrad.explaining.explanation import ExplainError
from minigrad.explaining.maths import Math
from minigrad.explaining.typeset import text, word
from minigrad.expression import Expressions
from minigrad.graph import Graph
from minigrad.replay import Ledger, ledger
from minigrad.text import shown
from minigrad.value import Value

#: The largest graph that is derived in closed form for an explanation, in nodes.
MOST_DERIVED = 2000
#: Longest closed form that is written, in signs.
MOST_SIGNS = 160


class Naming:
    """One graph, told about.

    graph   the graph
    digits  of a number
    """

    def __init__(self, output: Value, digits: int) -> None:
        if not isinstance(output, Value):
            raise TypeError(f"explain takes the result first, a Value, not {type(output).__name__}")
        self.graph = Graph(output)
        self.output = output
        self.digits = digits
        self._refuse_bent()
        self._labels = self._distinct()
        self._derived: dict[Value, Derivative | None] = {}
        self._ledgers: dict[Value, Ledger] = {}

    # -- names ----------------------------------------------------------------------------------------

    def _distinct(self) -> dict[Value, str]:
        """A name for each node: its label; of several with one label the second is called label_2."""
        taken = Counter(node.label for node in self.graph if node.label)
        seen: Counter[str] = Counter()
        names: dict[Value, str] = {}
        used = set(taken)
        for node in self.graph:
            label = node.label
            if not label:
                base = "L" if node is self.output and "L" not in taken else self.graph.name(node)
                names[node] = base if node.op == "const" else _free(base, used)
            elif taken[label] == 1:
                names[node] = label
            else:
                seen[label] += 1
                names[node] = label if seen[label] == 1 else _free(f"{label}_{seen[label]}", used)
            if node.op != "const":
                used.add(names[node])
        return names

    def label(self, node: Value) -> str:
        """What a node is called."""
        return self._labels[node]

    def text(self, node: Value) -> str:
        """What a node is called, as a word in a sentence."""
        return word(self.label(node))

    def name(self, node: Value) -> Math:
        """What a node is called, as a formula; of a constant without a label its number."""
        if node.op == "const" and not node.label:
            return self.number(node.data)
        return maths.name(self.label(node))

    def number(self, x: float) -> Math:
        """A number with the digits asked for."""
        return maths.number(x, self.digits)

    def gradient(self, node: Value) -> Math:
        """∂L/∂node."""
        return maths.partial(self.name(self.output), self.name(node))

    def made(self, node: Value) -> Math:
        """How a node was made, from the names of its operands."""
        if len(node.operands) > 12:
            first = [self.name(operand) for operand in node.operands[:3]]
            more = maths.words(f"… {len(node.operands):,} operands")
            return Math("call", node.op, (*first, more))
        local = Local(self, node)
        return local.made

    def written(self, node: Value) -> Math:
        """How a node was made, down to the nodes that have a name; one operation only where that would be long."""
        if len(node.operands) > 12 or not self.derivable:
            return self.made(node)
        e = Expressions()
        (i,) = e.read([self._copies[node]])
        read = self.read(e.text(i, limit=MOST_SIGNS))
        return read if read.kind != "text" else self.made(node)

    @cached_property
    def idents(self) -> dict[Value, str]:
        """Node -> its name in the copy."""
        return {node: f"n{i}_" for i, node in enumerate(self.graph)}

    @cached_property
    def _copies(self) -> dict[Value, Value]:
        copy = Graph(self.output).copy()
        made = dict(zip(self.graph.nodes, copy.nodes, strict=True))
        for node, new in made.items():
            unnamed = not node.label and not (node.op == "input" or node is self.output)
            new.label = "" if unnamed else self.idents[node]
        return made

    @cached_property
    def spoken(self) -> dict[str, Math]:
        """Name in the copy -> what is written for it."""
        return {self.idents[node]: self.name(node) for node in self.graph}

    def read(self, text: str) -> Math:
        """A text about the copy as a formula about the graph."""
        return maths.read(text, self.spoken, digits=self.digits)

    # -- numbers --------------------------------------------------------------------------------------

    def _refuse_bent(self) -> None:
        """Refuse a graph one of whose leaves was given another number since it was computed."""
        copy = self.graph.copy()
        copy.forward()
        for node, new in zip(self.graph.nodes, copy.nodes, strict=True):
            if not _same(node, new):
                name = shown(self.graph.name(node), 40)
                raise ExplainError(
                    f"{name} was computed from other numbers than its operands hold now: run Graph(result).forward() "
                    "and then backward(), so that an explanation can speak of one set of numbers"
                )

    @cached_property
    def gradients(self) -> dict[Value, float]:
        """What `backward` leaves on each node, from cleared gradients."""
        return dict(zip(self.graph.nodes, _core.gradients(self.output, list(self.graph.nodes)), strict=True))

    def ledger(self, node: Value) -> Ledger:
        """The terms of a node's gradient."""
        if node not in self._ledgers:
            self._ledgers[node] = ledger(node, self.output)
        return self._ledgers[node]

    def check_in(self, node: Value) -> None:
        """Refuse a node that is not in the graph, or has no gradient."""
        if not isinstance(node, Value):
            raise TypeError(f"explain(L, z) takes a Value of the graph of L, not {type(node).__name__}")
        if node not in self.graph:
            raise ExplainError(self.no_path(node))

    def no_path(self, node: Value) -> str:
        """Why a node has no part in the graph."""
        result = self.text(self.output)
        if self.output in Graph(node):
            return (
                f"{result} comes before {word(node.label) if node.label else 'this node'}, so they are the wrong way "
                "round: of ∂L/∂z tell explain(L, z), z.explain(L), why(z, L) and why_add(z, L)"
            )
        name = word(node.label) if node.label else "this node"
        message = f"{name} has no part in the graph of {result}: no path leads from it to the result"
        twins = sum(1 for other in self.graph if other.label == node.label) if node.label else 0
        if twins:
            message += f" (another Value called {name} is in it: was the graph recorded from that one?)"
        return message

    # -- derivatives ----------------------------------------------------------------------------------

    @property
    def derivable(self) -> bool:
        """Whether the graph is small enough for closed forms."""
        return len(self.graph) <= MOST_DERIVED

    def derivative(self, node: Value) -> Derivative | None:
        """The derivative of the result by a node, on the copy; None if a constant chooses the other branch for good."""
        if node not in self._derived:
            target = self._copies[node]
            label, target.label = target.label, self.idents[node]  # so that dL/dv6 has a name in the steps
            self._derived[node] = _derived(self._copies[self.output], target)
            target.label = label
        return self._derived[node]

    def closed(self, node: Value) -> Math | None:
        """The closed form of ∂L/∂node; None where it would be too long to read."""
        found = self.derivative(node)
        if found is None:
            return maths.number(0.0)
        raw = str(found)
        if len(raw) > 2 * MOST_SIGNS or "…" in raw:
            return None
        form = self.read(raw)
        return form if len(text(form)) <= MOST_SIGNS else None


def _derived(output: Value, node: Value) -> Derivative | None:
    try:
        return derive(output, node)
    except ValueError:  # nothing of it is left once the identities have been applied
        return None


def _free(name: str, used: set[str]) -> str:
    while name in used:
        name += "′"
    return name


def _same(node: Value, new: Value) -> bool:
    """Whether two nodes have the same number and the same partials; nan is the same as nan."""
    found, right = (node.data, *node.partials), (new.data, *new.partials)
    return found == right or all(x == y or (x != x and y != y) for x, y in zip(found, right, strict=True))


class Local:
    """One operation by itself, on leaves: its rule, and its partials as formulas.

    node   the node that it made
    """

    def __init__(self, naming: Naming, node: Value) -> None:
        self.naming = naming
        self.node = node
        self._leaves: dict[Value, Value] = {}
        for operand in node.operands:
            if operand not in self._leaves:
                constant = operand.op == "const"
                new = _core.constant(operand.data) if constant else Value(operand.data)
                if not constant or operand.label:
                    new.label = naming.idents[operand]
                self._leaves[operand] = new
        made = _core.record(node.op, [self._leaves[operand] for operand in node.operands])
        self._result = made.named(naming.idents[node])

    @property
    def made(self) -> Math:
        """The operation on its operands, as a formula."""
        e = Expressions()
        (i,) = e.read([self._result])
        return self.naming.read(e.text(i))

    def partial(self, operand: Value) -> tuple[Math, list[str]]:
        """The partial by an operand, in closed form, and the names of the identities that were used."""
        found = _derived(self._result, self._leaves[operand])
        if found is None:
            return maths.number(0.0), []
        names = [step.name for step in found.steps if not step.name.startswith("chain rule")]
        return self.naming.read(str(found)), names

    def total(self, operand: Value) -> float:
        """The number of the partial: of all places of the operand together."""
        return sum(
            partial for x, partial in zip(self.node.operands, self.node.partials, strict=True) if x is operand
        )


def finite(*numbers: float) -> bool:
    """Whether all of them are."""
    return all(map(isfinite, numbers))
