"""The right formula with other numbers for some of its names: swapped, relabelled, left out, outside the bracket.

Room: the closed form of a derivative over the user's named nodes, evaluated at bent numbers. Below: `derivative`,
`links`, `slips`. Above: `diagnose`.
Must hold: the closed form is `derive`'s; what it is bent with is a row of the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

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

#: So many numbers are held at once while changes are tried together.
_HELD = 2_000_000

Tried = tuple[SlipRow, Array, Mapping[str, str]]
#: Nodes, and the numbers they have in place of their own.
Bent = Mapping[Value, Array]


class Change(NamedTuple):
    """A row of the catalogue, and the numbers that it gives to some nodes.

    words    of the row's sentence
    symbols  the named nodes stay at their numbers; False: they are computed anew from the inputs
    """

    row: SlipRow
    bent: Bent
    words: Mapping[str, str]
    symbols: bool = True


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
        yield from form.tried(form.exchanged())
        yield from form.factored()
        yield from form.tried([*form.relabelled(), *form.unbracketed()])
        if self.taught_differs(node):
            (value,) = self.links.e.record([self.taught[self.ids[node]]])
            form = _Form(self, node, value)
            yield from form.tried(form.exchanged())

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
        self.at_once = max(1, _HELD // (len(inside) * room.links.points))

    def at(self, bent: Sequence[Bent]) -> list[Array]:
        """The formula with other numbers for some nodes, for each of several such changes.

        They are evaluated together, as further points: one array for each operation instead of one for each change.
        """
        p = self.room.links.points
        found: list[Array] = []
        for first in range(0, len(bent), self.at_once):
            some = bent[first : first + self.at_once]
            numbers = {i: np.tile(column, len(some)) for i, column in self.leaves.items()}
            numbers |= {i: np.tile(column, len(some)) for i, column in self.symbols.items()}
            for k, change in enumerate(some):
                for node, column in change.items():
                    numbers[self.id[node]][k * p : (k + 1) * p] = column
            found += list(evaluate(self.e, [self.closed], numbers)[0].reshape(len(some), p))
        return found

    def anew(self, bent: Bent) -> Array:
        """The same for one change, with the named nodes computed anew from the inputs."""
        numbers = {**self.leaves, **{self.id[node]: column for node, column in bent.items()}}
        result: Array = evaluate(self.e, [self.closed], numbers)[0]
        return result

    def tried(self, changes: Sequence[Change]) -> Iterator[Tried]:
        """What changes make."""
        kept = iter(self.at([change.bent for change in changes if change.symbols]))
        for change in changes:
            yield change.row, next(kept) if change.symbols else self.anew(change.bent), change.words

    def exchanged(self) -> list[Change]:
        """Two names swapped, one for another, and 1 - name for name."""
        column, found = self.room.column, []
        for k, node in enumerate(self.inside):
            name = _name(node)
            words: dict[str, str] = {"name": name}
            found.append(Change(slips.COMPLEMENT, {node: 1.0 - column(node)}, words))
            found.append(Change(slips.NEGATED, {node: -column(node)}, words))
            found.append(Change(slips.DROPPED, {node: 0.0 * column(node)}, words))
            for j, other in enumerate(self.named):  # those inside come first
                if other is node:
                    continue
                words = {"name": name, "other": _name(other)}
                both, itself = j < len(self.inside), self.node in (node, other)
                if both and itself:
                    row = slips.SWAPPED_WITH_ITSELF
                elif both:
                    row = slips.SWAPPED
                else:
                    row = slips.STANDS_FOR_WITH_ITSELF if itself else slips.STANDS_FOR
                if j > k:
                    found.append(Change(row, {node: column(other), other: column(node)}, words))
                if both:
                    found.append(Change(slips.WRONG_NODE, {node: column(other)}, words))
        return found

    def factored(self) -> Iterator[Tried]:
        """A power of a name, or a factor such as a(1 - a), more or fewer than there should be."""
        nodes = [
            (node, factor)
            for node in self.named
            for factor in _factors(self.room.column(node), _name(node), inner=not node.is_leaf)
        ]
        right, *near = self.at([{}, *({node: zero} for node, (_, zero, _, _) in nodes)])
        for (_, (factor, _, order, text)), vanishing in zip(nodes, near, strict=True):
            size = np.abs(vanishing) / np.abs(right)
            divided = bool(np.all(~(size > _FAR)))  # it vanishes with the factor: the factor is there
            grown = size * _NEAR**order
            multiplied = bool(np.all(~(grown < _FAR) & ~(grown > 1 / _FAR)))  # it grows as 1/factor does
            inverse = f"1/{text}" if text.isidentifier() else f"1/({text})"
            yield slips.FACTOR if divided else slips.DIVIDED, right / factor, {"factor": text}
            if multiplied:
                yield slips.FACTOR, right * factor, {"factor": inverse}
            else:
                yield slips.SURPLUS, right * factor, {"factor": text}

    def relabelled(self) -> Iterator[Change]:
        """Labels in the other convention."""
        for node in (node for node in self.id if node.op == "input" and self.id[node] in self.leaves):
            y, name = self.room.column(node), _name(node)
            yield Change(slips.COMPLEMENT, {node: 1.0 - y}, {"name": name}, symbols=False)
            for symbols in (True, False):
                words = {"name": name, "form": f"2*{name} - 1"}
                yield Change(slips.LABELS, {node: 2 * y - 1}, words, symbols)
                words = {"name": name, "form": f"({name} + 1)/2"}
                yield Change(slips.LABELS_BACK, {node: (y + 1) / 2}, words, symbols)

    def unbracketed(self) -> Iterator[Change]:
        """An added input left out, with the other sign, or added after the operation on the sum."""
        room = self.room
        e = room.links.e
        for node, edge, use in room.biases:
            if node not in self.id:
                continue
            b, name = room.column(node), _name(node)
            words = {"name": name, "upper": self._text(edge.upper)}
            yield Change(slips.LEFT_OUT, {node: 0.0 * b}, words, symbols=False)
            yield Change(slips.OUTSIDE_SIGN, {node: -b}, words, symbols=False)
            target = room.node_of.get(use.upper) if use is not None else None
            if use is None or target not in self.id:
                continue
            operands = list(e.operands[use.upper])
            operands[use.place] = e.make("sub", (use.lower, room.ids[node]))
            moved = e.make("add", (e.make(e.ops[use.upper], tuple(operands)), room.ids[node]))
            numbers = evaluate(e, [moved], room.links.numbers)[0]
            words = {**words, "upper": self._text(use.upper)}
            yield Change(slips.OUTSIDE, {target: numbers}, words, symbols=False)

    def _text(self, i: int) -> str:
        e = self.room.links.e
        return shown(e.label[i], 40) if i in e.label else e.text(i, limit=60)


def _name(node: Value) -> str:
    return shown(node.label, 40) or "L"
