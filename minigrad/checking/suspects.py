"""What each row of the catalogue makes of a derivative, link by link: the suspects that numbers are compared with.

Room: bends the links between one node and the result, as recorded or read otherwise, and words what was bent. Below:
`links`, `slips`. Above: `diagnose`.
Must hold: a suspect's numbers are those of the whole derivative with that one thing bent; the sentence is worked out
only when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial as bound

import numpy as np

from minigrad.checking import slips
from minigrad.checking.links import Array, Edge, Links, product
from minigrad.checking.slips import Link, SlipRow
from minigrad.checking.verdict import Slip
from minigrad.expression import Expressions
from minigrad.reverse import sent
from minigrad.rules import RULES
from minigrad.simplify import stabilised
from minigrad.templates import template
from minigrad.text import shown

#: Most links that the rows are tried on: those next to the result come first.
MOST_LINKS = 1500
#: Most links of a graph in which all links of an operation are bent together, and most work for ways of several links.
MOST_TOGETHER = 600
MOST_WAYS = 20_000
#: Most nodes that every way goes through, taken from the result on.
MOST_GATES = 10
#: Most expressions of a way that is read as one operation.
MOST_RECOGNISED = 60
#: Rows that make sense of a way through several links that is no operation by itself.
_OF_WAYS = ("factor missing", "factor twice", "path forgotten", "sign of a link")
#: Operations whose links are 1 or -1: there is nothing to bend together.
_PLAIN = ("add", "sub", "sum", "neg", "mean")

Words = Mapping[str, str]


@dataclass(slots=True)
class Suspect:
    """A row, tried: the wrong derivative that it makes.

    numbers   (p,)
    size      of the largest terms, (p,)
    words     what the sentence of the row is filled with
    reading   0 as recorded, 1 with operations recognised, 2 written out
    ratio     made / right, where that is one number
    """

    row: SlipRow
    numbers: Array
    size: Array
    words: Callable[[], Words] = dict
    reading: int = 0
    ratio: float | None = None

    @property
    def rank(self) -> float:
        """That of the row; what happens only in a graph that the user did not write is less simple."""
        own = self.reading < 2 or self.row.key in ("inner sign forgotten", "log base")
        return self.row.rank + (0.0 if own else 2.5)

    def slip(self, explains: int, also: Sequence[str], one: bool) -> Slip:
        """What is told."""
        words = _Words(self.words())
        sentence = self.row.sentence.format_map(words)
        if one:
            sentence += " (as far as one point tells)"
        return Slip(self.row.key, sentence, words.get("link", ""), self.ratio, explains, tuple(also))


class _Words(dict[str, str]):
    """A word that is missing stays its name."""

    def __missing__(self, key: str) -> str:
        return f"{{{key}}}"


class Trials:
    """One reading of the graph, and one node: the rows are tried here.

    links    of the reading, which is number `reading`
    i        id of the node
    result   what the result is called
    adjoint  the adjoints to go on from, of which those of `given` are the user's own
    right    the derivative that follows from them
    """

    def __init__(
        self,
        links: Links,
        reading: int,
        i: int,
        result: str,
        adjoint: Mapping[int, Array],
        given: set[int],
        right: Array,
    ) -> None:
        self.links = links
        self.reading = reading
        self.i = i
        self.result = result
        self.adjoint = adjoint
        self.given = given
        self.right = right
        self.tangent = links.tangents(i, given)
        edges = [edge for edge in links.edges if edge.upper in adjoint and edge.lower in self.tangent]
        self.edges = [edge for edge in edges if edge.lower not in given]
        self.limited = len(self.edges) > MOST_LINKS
        self.edges = self.edges[-MOST_LINKS:]

    def all(self) -> Iterator[Suspect]:
        """Every row, wherever it has a meaning."""
        yield from self.bent()
        yield from self.chosen()
        yield from self.ways()
        yield from self.everywhere()
        yield from self.kept()
        if self.reading == 0:
            yield from self.elsewhere()

    # -- bending ------------------------------------------------------------------------------------------

    def bent(self) -> Iterator[Suspect]:
        """Each link, bent as each row says."""
        for edge in self.edges:
            link, signs = self._link(edge), self._signs(edge)
            made = [(row, row.make(link)) for row in slips.LINKS if row not in signs]
            rows = [(row, partial) for row, partial in made if partial is not None]
            before = product(link.partial, self.adjoint[edge.upper]) * self.tangent[edge.lower]
            after = product(np.stack([partial for _, partial in rows]), self.adjoint[edge.upper])
            after *= self.tangent[edge.lower]
            numbers, size = self.right + (after - before), np.abs(self.right) + np.abs(before) + np.abs(after)
            words = bound(self._words, edge)
            for k, (row, _) in enumerate(rows):
                yield Suspect(row, numbers[k], size[k], words, self.reading)

    def _signs(self, edge: Edge) -> tuple[SlipRow, ...]:
        """The rows of signs that are not meant of a link: its -1 is inside another function or before a term."""
        if not np.all(self.links.partial[edge] == -1.0):
            return slips.INNER_SIGN, slips.TERM_SIGN
        above = self.adjoint[edge.upper]
        term = bool(np.all(above == above[0]))
        return slips.LINK_SIGN, slips.INNER_SIGN if term else slips.TERM_SIGN

    def chosen(self) -> Iterator[Suspect]:
        """Operations that choose, with another choice."""
        e = self.links.e
        for i in dict.fromkeys(edge.upper for edge in self.edges):
            if e.ops[i] not in slips.CHOOSING:
                continue
            first = 1 if e.ops[i] == "where" else 0
            here = {edge.place: edge for edge in self.edges if edge.upper == i}
            places = range(first, min(first + 2, len(e.operands[i])))
            links = [Link("", k, self._choice(i, k), (), self.right) for k in places]
            for row in slips.CHOICES:
                partials = row.make(links)
                if partials is not None:
                    pairs = zip(places, partials, strict=True)
                    changes = [(here[k], partial) for k, partial in pairs if k in here]
                    if changes:
                        yield self._changed(row, changes)

    def ways(self) -> Iterator[Suspect]:
        """From one node to another through several links, bent as one: an operation that was written out."""
        e, above = self.links.e, self.links.above
        stops = [
            i
            for i in self.links.order
            if i in self.tangent and (i in e.label or len(above[i]) > 1 or i == self.links.reading.output)
        ]
        if len(stops) * len(self.links.edges) > MOST_WAYS:
            return
        for upper, lower, partial in (*self._ways(stops), *self._gates()):
            op = self._recognised(upper, lower, stops)
            values = self.links.values
            link = Link(op, 0, partial, (values[lower],), values[upper])
            before = product(partial, self.adjoint[upper]) * self.tangent[lower]
            for row in slips.LINKS:
                bent = row.make(link) if op or row.key in _OF_WAYS else None
                if bent is None:
                    continue
                after = product(bent, self.adjoint[upper]) * self.tangent[lower]
                size = np.abs(self.right) + np.abs(before) + np.abs(after)
                words = bound(self._way_words, upper, lower, op)
                yield Suspect(row, self.right + (after - before), size, words, self.reading)

    def everywhere(self) -> Iterator[Suspect]:
        """All links of one operation, bent alike."""
        ops: dict[str, list[Edge]] = {}
        for edge in self.edges:
            ops.setdefault(self.links.e.ops[edge.upper], []).append(edge)
        above = {i: self.adjoint[i] for i in self.given if i in self.adjoint}
        for op, edges in ops.items():
            if len(edges) < 2 or op in _PLAIN or len(self.links.edges) > MOST_TOGETHER:
                continue
            links = [self._link(edge) for edge in edges]
            for row in slips.EVERYWHERE:
                partials = [row.make(link) for link in links]
                bent = {edge: p for edge, p in zip(edges, partials, strict=True) if p is not None}
                if len(bent) < 2:
                    continue
                adjoint = self.links.backward(bent, above)
                numbers = adjoint.get(self.i, np.zeros(self.links.points))
                size = np.abs(self.right) + np.abs(numbers)
                yield Suspect(row, numbers, size, bound(dict, op=op), self.reading)

    def kept(self) -> Iterator[Suspect]:
        """Only one of what arrives at a node is kept."""
        for i in self.tangent:
            edges = [edge for edge in self.links.above[i] if edge.upper in self.adjoint]
            if not 2 <= len(edges) <= 60:
                continue
            parts = [product(self.links.partial[edge], self.adjoint[edge.upper]) for edge in edges]
            total = sum(parts[1:], parts[0])
            size = np.abs(self.right) + sum(np.abs(part) for part in parts) * np.abs(self.tangent[i])
            for edge, part in zip(edges, parts, strict=True):
                numbers = self.right + (part - total) * self.tangent[i]
                yield Suspect(slips.OVERWRITTEN, numbers, size, bound(self._words, edge), self.reading)

    def elsewhere(self) -> Iterator[Suspect]:
        """The local derivative alone, and the derivatives of other nodes."""
        e, links = self.links.e, self.links
        below = set(e.order([self.i]))
        for i, tangent in self.tangent.items():
            if i not in (self.i, links.reading.output):
                row = slips.LOCAL if i in e.label else slips.LOCAL_INSIDE
                yield Suspect(row, tangent, np.abs(tangent), bound(self._other_words, "upper", i))
        for i in links.order:
            if i in (self.i, links.reading.output) or i not in self.adjoint:
                continue
            if i in e.label or not e.operands[i]:
                numbers = self.adjoint[i]
                row = slips.ANOTHER if i in self.tangent or i in below else slips.ANOTHER_ASIDE
                yield Suspect(row, numbers, np.abs(numbers), bound(self._other_words, "other", i))

    # -- how ----------------------------------------------------------------------------------------------

    def _link(self, edge: Edge) -> Link:
        links, values = self.links, self.links.values
        others = [links.partial[other] for other in links.below[edge.upper] if other.place != edge.place]
        operands = [values[operand] for operand in links.e.operands[edge.upper]]
        op = links.e.ops[edge.upper]
        return Link(op, edge.place, links.partial[edge], operands, values[edge.upper], others)

    def _changed(self, row: SlipRow, changes: Sequence[tuple[Edge, Array]]) -> Suspect:
        """What becomes of the derivative when links of one operation change."""
        numbers, size = self.right, np.abs(self.right)
        for edge, partial in changes:
            before = product(self.links.partial[edge], self.adjoint[edge.upper]) * self.tangent[edge.lower]
            after = product(partial, self.adjoint[edge.upper]) * self.tangent[edge.lower]
            numbers = numbers + (after - before)
            size = size + np.abs(before) + np.abs(after)
        return Suspect(row, numbers, size, bound(self._words, changes[0][0]), self.reading)

    def _choice(self, i: int, place: int) -> Array:
        """The partial of an operation by an operand, on a path or not."""
        for edge in self.links.below[i]:
            if edge.place == place:
                return self.links.partial[edge]
        return np.zeros(self.links.points)

    def _gates(self) -> Iterator[tuple[int, int, Array]]:
        """The derivative of one by another of the nodes that every way goes through."""
        gates = [i for i in self.links.order if i in self.adjoint and i in self.tangent and self._is_gate(i)]
        for k, lower in enumerate(gates[-MOST_GATES:]):
            for upper in gates[-MOST_GATES:][k + 1 :]:
                if all(edge.lower != lower for edge in self.links.below[upper]):
                    yield upper, lower, self.tangent[upper] / self.tangent[lower]

    def _is_gate(self, i: int) -> bool:
        through = self.adjoint[i] * self.tangent[i]
        return bool(np.all(~(np.abs(through - self.right) > 1e-9 * np.abs(self.right))))

    def _ways(self, stops: Sequence[int]) -> Iterator[tuple[int, int, Array]]:
        """A stop, a stop below it, and the derivative along all ways through several links without another between."""
        halts = {*stops, self.i}
        place = {i: k for k, i in enumerate(self.links.order)}
        for upper in stops:
            if upper == self.i or upper not in self.adjoint:
                continue
            local: dict[int, Array] = {upper: np.ones(self.links.points)}
            several: dict[int, int] = {}
            for i in reversed(self.links.order[: place[upper] + 1]):
                if i not in local or (i in halts and i != upper):
                    continue
                for edge in self.links.below[i]:
                    if edge.lower not in self.tangent:
                        continue
                    part = product(self.links.partial[edge], local[i])
                    before = local.get(edge.lower)
                    local[edge.lower] = part if before is None else before + part
                    count = 1 if i == upper and before is None else 2
                    several[edge.lower] = several.get(edge.lower, 0) + count
            for lower, partial in local.items():
                if lower in halts and lower != upper and several[lower] > 1:
                    yield upper, lower, partial

    def _recognised(self, upper: int, lower: int, stops: Sequence[int]) -> str:
        """The operation of one operand that a way is, or "": 1/(1 + exp(-z)) is a sigmoid of z."""
        e = self.links.e
        halts = {i for i in (*stops, self.i, lower) if i != upper}
        between = e.order([upper], halts)
        if len(between) > MOST_RECOGNISED:
            return ""
        alone, made = Expressions(), {}
        for i in between:
            if i in e.number:
                made[i] = alone.constant(e.number[i])
            elif i in halts or not e.operands[i]:
                made[i] = alone.symbol(str(i))
            else:
                made[i] = alone.make(e.ops[i], tuple([made[operand] for operand in e.operands[i]]))
        (i,), _ = stabilised(alone, [made[upper]], computed=False)
        return alone.ops[i] if alone.operands[i] == (made.get(lower),) and alone.ops[i] in RULES else ""

    # -- words --------------------------------------------------------------------------------------------

    def _words(self, edge: Edge) -> dict[str, str]:
        """What sentences say of a link."""
        e, links = self.links.e, self.links
        op, operands = e.ops[edge.upper], e.operands[edge.upper]
        lower, upper = name_of(links, edge.lower), name_of(links, edge.upper)
        factor = self._factor(op, edge.upper)
        if factor is None:
            factor = sent(e, e.constant(1.0), edge.upper, edge.place, computed=False)
        return {
            "upper": links.reading.text(edge.upper, limit=60), "lower": lower, "op": op, "link": f"{lower} -> {upper}",
            "factor": links.reading.text(factor, limit=60, top=False),
            "exponent": links.reading.text(operands[1], limit=20, top=False) if op == "pow" else "",
            "node_name": name_of(links, self.i),
        }  # fmt: skip

    def _way_words(self, upper: int, lower: int, op: str) -> dict[str, str]:
        above, below = name_of(self.links, upper), name_of(self.links, lower)
        factor = self._factor(op, upper)
        text = (
            self.links.reading.text(factor, limit=60)
            if factor is not None
            else f"{_differential(above)}/{_differential(below)}"
        )
        words = {"upper": above, "lower": below, "link": f"{below} -> {above}", "factor": text}
        return {**words, "op": op, "node_name": name_of(self.links, self.i)}

    def _other_words(self, word: str, i: int) -> dict[str, str]:
        names = {"node_name": name_of(self.links, self.i), word: name_of(self.links, i)}
        return {**names, "result": self.result}

    def _factor(self, op: str, out: int) -> int | None:
        """The derivative in terms of an output that has a name: a(1 - a)."""
        e = self.links.e
        form = slips.BY_OUTPUT.get(op)
        return (
            e.build(template(form), {"out": out})
            if form is not None and out in self.links.reading.names
            else None
        )


def name_of(links: Links, i: int) -> str:
    """What a node is called: its label, or how it is computed."""
    return shown(links.reading.text(i, limit=40, top=False), 60)


def _differential(name: str) -> str:
    return f"d{name}" if name.isidentifier() else f"d({name})"
