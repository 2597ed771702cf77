"""The right formula with other numbers for some of its names: swapped, relabelled, left out, outside the bracket.

Room: the closed form of a derivative over the user's named nodes, evaluated at bent numbers. Below: `derivative`,
`links`, `slips`. Above: `diagnose`.
Must hold: the closed form is `derive`'s; what it is bent with is a row of the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

import numpy as np

from minigrad.checking import slips
from minigrad.checking.arithmetic import evaluate
from minigrad.checking.links import Array, Edge, Links, Reading
from minigrad.checking.slips import SlipRow
from minigrad.derivative import derive
from minigrad.expression import Expressions
from minigrad.reverse import chosen, sent
from minigrad.templates import template
from minigrad.text import shown
from minigrad.value import Value

#: Most names that are exchanged for one another, and the largest graph whose closed forms are tried.
MOST_NAMES = 14
MOST_NODES = 400

#: How near to 0 a factor is brought, and how small the rest must become to hold it.
_NEAR = 1e-9
_FAR = 1e-5

Tried = tuple[SlipRow, Array, Mapping[str, str]]


class Substitutes:
    """The closed forms of one graph's derivatives, at bent numbers.

    output   the result
    links    its links at p points
    base     the graph as recorded
    """

    def __init__(self, output: Value, links: Links, base: Reading) -> None:
        self.output = output
        self.links = links
        self.ids = base.ids
        self.node_of = {i: node for node, i in base.ids.items()}

    def tried(self, node: Value) -> Iterator[Tried]:
        """Rows, the numbers they make, and the words of their sentences."""
        if len(self.links.order) > MOST_NODES or node is self.output:
            return
        form = _Form(self, node, derive(self.output, node).value)
        yield from form.exchanged()
        yield from form.factored()
        yield from form.relabelled()
        yield from form.unbracketed()
        if self.taught_differs(node):
            (value,) = self.links.e.record([self.taught[self.ids[node]]])
            yield from _Form(self, node, value).exchanged()

    def taught_differs(self, node: Value) -> bool:
        """Whether a derivative in terms of the output lies between a node and the result."""
        ops, label = self.links.e.ops, self.links.e.label
        return any(ops[i] in slips.BY_OUTPUT and i in label for i in self.links.tangents(self.ids[node]))

    @cached_property
    def taught(self) -> dict[int, int]:
        """The derivatives as they are taught: the chain rule, with a(1 - a) for the sigmoid and 1 - a**2 for tanh."""
        links, e = self.links, self.links.e
        adjoint = {links.reading.output: e.constant(1.0)}
        for i in reversed(links.order):
            for edge in links.below[i]:
                if e.ops[i] in slips.BY_OUTPUT and i in e.label:
                    factor = e.build(template(slips.BY_OUTPUT[e.ops[i]]), {"out": i})
                else:
                    factor = sent(e, e.constant(1.0), i, edge.place, computed=False)
                part = chosen(e, adjoint[i], factor)
                before = adjoint.get(edge.lower)
                adjoint[edge.lower] = part if before is None else e.make("add", (before, part))
        return adjoint

    def column(self, node: Value) -> Array:
        """The numbers of a node."""
        return self.links.values[self.ids[node]]

    @cached_property
    def biases(self) -> list[tuple[Value, Edge, Edge | None]]:
        """Inputs that are added to something: the input, its link, and the link in which the sum is used.

        The last is None when the sum is used more than once, or not at all.
        """
        found: list[tuple[Value, Edge, Edge | None]] = []
        e, links = self.links.e, self.links
        for node, i in self.ids.items():
            if node.op != "input" or len(links.above.get(i, ())) != 1 or len(found) >= MOST_NAMES:
                continue
            (edge,) = links.above[i]
            if e.ops[edge.upper] not in ("add", "sub", "sum"):
                continue
            top = edge
            while len(links.above[top.upper]) == 1 and e.ops[links.above[top.upper][0].upper] in (
                "add",
                "sub",
                "sum",
            ):
                (top,) = links.above[top.upper]
            uses = links.above[top.upper]
            found.append((node, edge, uses[0] if len(uses) == 1 else None))
        return found


def _factors(n: Array, name: str, *, inner: bool) -> Iterator[tuple[Array, Array, int, str]]:
    """What derivatives have as factors: its numbers, where the node makes it all but vanish, how fast, in words."""
    yield n, _NEAR * n, 1, name
    yield n**2, _NEAR * n, 2, f"{name}**2"
    if inner:
        yield n * (1 - n), _NEAR * n, 1, f"{name}*(1 - {name})"
        yield 1 - n**2, 1 - _NEAR * np.abs(n), 1, f"1 - {name}**2"


class _Form:
    """The closed form of one derivative."""

    def __init__(self, room: Substitutes, node: Value, formula: Value) -> None:
        self.room = room
        self.e = e = Expressions()
        self.node = node
        named = [other for other in room.ids if (other.label or other is room.output) and other.op != "const"]
        (self.closed, *ids) = e.read([formula, *named])
        self.id = dict(zip(named, ids, strict=True))
        inside = set(e.order([self.closed]))
        inner = {other: i for other, i in self.id.items() if not other.is_leaf}
        shown_too = set(e.order([self.closed], dict.fromkeys(inner.values())))
        self.inside = [other for other in named if self.id[other] in shown_too][:MOST_NAMES]
        self.named = [*self.inside, *(other for other in named if other not in self.inside)][:MOST_NAMES]
        self.leaves = {
            e.input(other): room.column(other)
            for other in room.ids
            if other.op == "input" and e.input(other) in inside
        }
        self.symbols = {i: room.column(other) for other, i in self.id.items()}

    def at(self, bent: Mapping[Value, Array], *, symbols: bool = True) -> Array:
        """The formula with other numbers for some nodes.

        symbols   the named nodes stay at their numbers; False: they are computed anew from the inputs
        """
        numbers = {**self.leaves, **(self.symbols if symbols else {})}
        numbers.update({self.id[node]: column for node, column in bent.items()})
        result: Array = evaluate(self.e, [self.closed], numbers)[0]
        return result

    def exchanged(self) -> Iterator[Tried]:
        """Two names swapped, one for another, and 1 - name for name."""
        column = self.room.column
        for node in self.inside:
            name = _name(node)
            yield slips.COMPLEMENT, self.at({node: 1.0 - column(node)}), {"name": name}
            yield slips.NEGATED, self.at({node: -column(node)}), {"name": name}
            yield slips.DROPPED, self.at({node: 0.0 * column(node)}), {"name": name}
            for other in self.named:
                if other is node or (
                    other in self.inside and self.named.index(other) < self.named.index(node)
                ):
                    continue
                words = {"name": name, "other": _name(other)}
                itself = self.node in (node, other)
                row = slips.SWAPPED_WITH_ITSELF if itself else slips.SWAPPED
                yield row, self.at({node: column(other), other: column(node)}), words
            for other in self.named:
                if other is not node:
                    words = {"name": name, "other": _name(other)}
                    yield slips.WRONG_NODE, self.at({node: column(other)}), words

    def factored(self) -> Iterator[Tried]:
        """A power of a name, or a factor such as a(1 - a), more or fewer than there should be."""
        right = self.at({})
        for node in self.named:
            n, name = self.room.column(node), _name(node)
            for factor, zero, order, text in _factors(n, name, inner=not node.is_leaf):
                size = np.abs(self.at({node: zero})) / np.abs(right)
                divided = bool(np.all(~(size > _FAR)))  # it vanishes with the factor: the factor is there
                grown = size * _NEAR**order
                multiplied = bool(np.all(~(grown < _FAR) & ~(grown > 1 / _FAR)))  # it grows as 1/factor does
                inverse = f"1/{text}" if text.isidentifier() else f"1/({text})"
                yield slips.FACTOR if divided else slips.DIVIDED, right / factor, {"factor": text}
                if multiplied:
                    yield slips.FACTOR, right * factor, {"factor": inverse}
                else:
                    yield slips.SURPLUS, right * factor, {"factor": text}

    def relabelled(self) -> Iterator[Tried]:
        """Labels in the other convention."""
        for node in (node for node in self.id if node.op == "input" and self.id[node] in self.leaves):
            y, name = self.room.column(node), _name(node)
            yield slips.COMPLEMENT, self.at({node: 1.0 - y}, symbols=False), {"name": name}
            for symbols in (True, False):
                yield (
                    slips.LABELS,
                    self.at({node: 2 * y - 1}, symbols=symbols),
                    {"name": name, "form": f"2*{name} - 1"},
                )
                words = {"name": name, "form": f"({name} + 1)/2"}
                yield slips.LABELS_BACK, self.at({node: (y + 1) / 2}, symbols=symbols), words

    def unbracketed(self) -> Iterator[Tried]:
        """An added input left out, with the other sign, or added after the operation on the sum."""
        room = self.room
        e = room.links.e
        for node, edge, use in room.biases:
            if node not in self.id:
                continue
            b, name = room.column(node), _name(node)
            words = {"name": name, "upper": self._text(edge.upper)}
            yield slips.LEFT_OUT, self.at({node: 0.0 * b}, symbols=False), words
            yield slips.OUTSIDE_SIGN, self.at({node: -b}, symbols=False), words
            target = room.node_of.get(use.upper) if use is not None else None
            if use is None or target not in self.id:
                continue
            operands = list(e.operands[use.upper])
            operands[use.place] = e.make("sub", (use.lower, room.ids[node]))
            moved = e.make("add", (e.make(e.ops[use.upper], tuple(operands)), room.ids[node]))
            numbers = evaluate(e, [moved], room.links.numbers)[0]
            yield (
                slips.OUTSIDE,
                self.at({target: numbers}, symbols=False),
                {**words, "upper": self._text(use.upper)},
            )

    def _text(self, i: int) -> str:
        e = self.room.links.e
        return shown(e.label[i], 40) if i in e.label else e.text(i, limit=60)


def _name(node: Value) -> str:
    return shown(node.label, 40) or "L"
