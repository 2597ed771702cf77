"""The simplest slip that explains every number.

Room: tries the rows of the catalogue on every link between a node and the result, at all points at once, and compares
what they make with what was claimed. Below: `links`, `slips`, `derivative` for the formula whose names are bent.
Above: `recorded`, `function`.
Must hold: a slip is named only when it gives the claimed number to rounding at every point, and at enough of them; one
number at one point is explained only when a single wrong function explains it. A wrong accusation is worse than none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from minigrad.checking import slips
from minigrad.checking.arithmetic import NOISE
from minigrad.checking.links import Array, Edge, Links, expanded, product, recognised, recorded
from minigrad.checking.slips import Link, SlipRow
from minigrad.checking.substitutes import Substitutes
from minigrad.checking.verdict import Slip
from minigrad.notation import number_text
from minigrad.reverse import sent
from minigrad.templates import template
from minigrad.text import shown
from minigrad.value import Value

#: Most links that the rows are tried on.
MOST_LINKS = 1500
#: Agreement to rounding: relative to the number, and to the largest terms that went into it.
RELATIVE = 1e-9
OF_TERMS = 1e-12
#: Least points at which a slip must be seen at work, and the share of the points at which it must have a number.
LEAST_SEEN = 3
LEAST_SHARE = 0.6
#: Where rounding does more than this to a link, relative to it, nothing is read from the numbers.
SOUND = 1e-11
#: Constant factors that one number alone may be explained by.
SIMPLE = (2.0, 0.5)


@dataclass(slots=True)
class Suspect:
    """A row, tried: the wrong derivative that it makes.

    numbers   (p,)
    size      of the largest terms, (p,)
    words     what the sentence of the row is filled with
    where     the link
    reading   0 as recorded, 1 with operations recognised, 2 written out
    """

    row: SlipRow
    numbers: Array
    size: Array
    words: Callable[[], Mapping[str, str]] = dict
    where: Callable[[], str] = str
    reading: int = 0
    ratio: float | None = None

    @property
    def rank(self) -> float:
        """That of the row; what happens only in a graph that the user did not write is less simple."""
        own = self.reading < 2 or self.row.key in ("inner sign forgotten", "log base")
        return self.row.rank + (0.0 if own else 2.5)

    def slip(self, explains: int, also: Sequence[str], one: bool) -> Slip:
        """What is told."""
        sentence = self.row.sentence.format_map(_Words(self.words()))
        if one:
            sentence += " (as far as one point tells)"
        return Slip(self.row.key, sentence, self.where(), self.ratio, explains, tuple(also))


class _Words(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return f"{{{key}}}"


@dataclass(frozen=True, slots=True)
class Claimed:
    """What was claimed of one derivative.

    numbers  (p,)
    error    (p,): a bound on the rounding of the claim
    known    (p,): the points at which there is a claim
    """

    numbers: Array
    error: Array
    known: Array = field(default_factory=lambda: np.ones(1, dtype=bool))


class Diagnosis:
    """The suspects of one graph.

    output   the result
    columns  input -> its numbers at p points, of which the first is the user's own
    keep     nodes whose derivatives were given
    """

    def __init__(self, output: Value, columns: Mapping[Value, Array], keep: Collection[Value] = ()) -> None:
        self.output = output
        self.base = recorded(output, keep)
        self.columns = dict(columns)
        self.kept = [
            node for node in self.base.ids if not node.is_leaf and (node.label or node in set(keep))
        ] + [node for node in self.base.ids if node.op == "input"]
        self.limited = False

    @property
    def numbers(self) -> dict[int, Array]:
        """The numbers of the inputs, by id."""
        return {self.base.ids[node]: column for node, column in self.columns.items() if node in self.base.ids}

    @cached_property
    def links(self) -> Links:
        """The links of the graph as recorded."""
        return Links(self.base, self.numbers)

    @cached_property
    def sound(self) -> Array:
        """The points at which rounding does little to any link: not where a function is saturated."""
        noisy = Links(self.base, self.numbers, noise=np.random.default_rng(0))
        sound = np.ones(self.links.points, dtype=bool)
        with np.errstate(all="ignore"):
            for true, tried in ((self.links.adjoint, noisy.adjoint), (self.links.partial, noisy.partial)):
                for key, numbers in true.items():
                    away = np.abs(tried[key] - numbers) * (np.finfo(np.float64).eps / NOISE)  # type: ignore[index]
                    sound &= ~(away > SOUND * np.abs(numbers))
        return sound

    @cached_property
    def readings(self) -> list[Links]:
        """The links of each way to read the graph that differs from those before."""
        found = [self.links]
        if len(self.links.edges) <= MOST_LINKS:
            for read in (recognised, expanded):
                reading = read(self.base, self.kept)
                if all(reading.output != links.reading.output for links in found):
                    found.append(Links(reading, self.numbers))
        return found

    @cached_property
    def substitutes(self) -> Substitutes:
        """The right formulas, to be had at other numbers."""
        return Substitutes(self.output, self.links, self.base)

    def right(self, node: Value, upstream: Mapping[Value, Array] | None = None) -> Array:
        """The derivative by a node; given some adjoints above it, what follows from them."""
        _, adjoint, _ = self._flow(self.links, node, upstream)
        return adjoint.get(self.base.ids[node], np.zeros(self.links.points))

    def _flow(
        self, links: Links, node: Value, upstream: Mapping[Value, Array] | None
    ) -> tuple[int, dict[int, Array], set[int]]:
        """Its id, the adjoints, and the ids at which they were given."""
        i = links.reading.ids[node]
        if not upstream:
            return i, links.adjoint, set()
        given = {
            links.reading.ids[other]: numbers for other, numbers in upstream.items() if other is not node
        }
        return i, links.backward(given=given), set(given)

    # -- finding ------------------------------------------------------------------------------------------

    def slip(
        self, node: Value, claimed: Claimed, upstream: Mapping[Value, Array] | None = None
    ) -> Slip | None:
        """The simplest slip that gives all numbers claimed, or None.

        upstream   adjoints that the user gave for other nodes, to go on from
        """
        with np.errstate(all="ignore"):
            return self._slip(node, claimed, upstream)

    def _slip(self, node: Value, claimed: Claimed, upstream: Mapping[Value, Array] | None) -> Slip | None:
        right = self.right(node, upstream)
        claimed = Claimed(claimed.numbers, claimed.error, claimed.known & self.sound)
        one = int(claimed.known.sum()) == 1
        found = [s for s in self._whole(node, right, claimed) if self._explains(s, claimed, right, one)]
        suspects = list(self._suspects(node, upstream, right))
        found += self._matching(suspects, claimed, right, one)
        if not found:
            return None
        if one and not _alike(found):
            return None
        found.sort(key=lambda suspect: (suspect.rank, suspect.reading))
        first = found[0]
        if first.ratio is None:
            first.ratio = _ratio(claimed, right)
        others = dict.fromkeys(s.row.key for s in found[1:] if s.row.key != first.row.key)
        return first.slip(self._seen(claimed), list(others)[:4], one)

    @staticmethod
    def _seen(claimed: Claimed) -> int:
        return int((claimed.known & np.isfinite(claimed.numbers)).sum())

    def _explains(self, suspect: Suspect, claimed: Claimed, right: Array, one: bool) -> bool:
        return bool(self._matching([suspect], claimed, right, one))

    @staticmethod
    def _matching(suspects: list[Suspect], claimed: Claimed, right: Array, one: bool) -> list[Suspect]:
        """The suspects that give the numbers claimed."""
        if not suspects:
            return []
        with np.errstate(all="ignore"):
            made = np.stack([suspect.numbers for suspect in suspects])
            size = np.stack([suspect.size for suspect in suspects])
            c = claimed.numbers
            room = RELATIVE * np.abs(c) + OF_TERMS * size + claimed.error
            close = (np.abs(made - c) <= room) | (made == c)
            told = (
                np.isfinite(made)
                & np.isfinite(c)
                & claimed.known
                & (claimed.error <= 1e-6 * np.abs(c) + 1e-12)
            )
            refuted = (told & ~close).any(axis=1)
            seen = (told & close).sum(axis=1)
            apart = (told & close & (np.abs(c - right) > 1e-6 * np.abs(right))).sum(axis=1)
            least = 1 if one else max(LEAST_SEEN, LEAST_SHARE * claimed.known.sum())
            fits = ~refuted & (seen >= least) & (apart >= (1 if one else LEAST_SEEN))
        return [suspect for suspect, fit in zip(suspects, fits, strict=True) if fit]

    # -- suspects -----------------------------------------------------------------------------------------

    def _derivative(self, node: Value) -> str:
        return f"d{self._result}/d{self._name(self.links, self.base.ids[node])}"

    @property
    def _result(self) -> str:
        return shown(self.output.label, 30) or "L"

    @staticmethod
    def _name(links: Links, i: int) -> str:
        e = links.e
        return shown(e.label[i], 40) if i in e.label else e.text(i, limit=40)

    def _whole(self, node: Value, right: Array, claimed: Claimed) -> Iterator[Suspect]:
        """What can be said of the derivative as a whole."""
        words = {"node": self._derivative(node), "result": self._result}
        size = np.abs(right)
        yield Suspect(slips.SIGN, -right, size, lambda: words, ratio=-1.0)
        if not np.any(claimed.numbers[claimed.known]):
            yield Suspect(slips.NOTHING, np.zeros_like(right), size, lambda: words, ratio=0.0)
            return
        if int(claimed.known.sum()) == 1:
            for k in SIMPLE:
                told = {**words, "ratio": number_text(k)}
                yield Suspect(slips.CONSTANT, k * right, size, lambda told=told: told, ratio=k)  # type: ignore[misc]
            return
        ratio = _ratio(claimed, right)
        if ratio is not None and ratio != -1.0 and ratio != 1.0:
            row, text = self._constant(ratio)
            yield Suspect(row, ratio * right, size, lambda: {**words, "ratio": text}, ratio=ratio)
        offset = _offset(claimed, right)
        if offset is not None and _ratio(claimed, right) is None:
            told = {**words, "offset": number_text(_tidy(offset))}
            yield Suspect(slips.OFFSET, right + offset, size + abs(offset), lambda: told)

    def _constant(self, ratio: float) -> tuple[SlipRow, str]:
        """The row of a constant factor, and the factor in words."""
        logs = any(links.e.ops[i] in slips.LOGARITHMS for links in self.readings for i in links.order)
        for name, number in slips.BASES.items():
            for factor, text in (
                (number, f"{name} times the right one"),
                (1 / number, f"the right one divided by {name}"),
            ):
                if logs and abs(ratio / factor - 1) < 1e-9:
                    return slips.BASE, text
        tidy = _tidy(ratio)
        if abs(tidy) < 1 and abs(round(1 / tidy) * tidy - 1) < 1e-9:
            return slips.CONSTANT, f"1/{round(1 / tidy)}" if tidy > 0 else f"-1/{round(-1 / tidy)}"
        return slips.CONSTANT, number_text(tidy)

    def _suspects(
        self, node: Value, upstream: Mapping[Value, Array] | None, right: Array
    ) -> Iterator[Suspect]:
        for k, links in enumerate(self.readings):
            i, adjoint, given = self._flow(links, node, upstream)
            if i not in links.above:
                continue
            tangent = links.tangents(i, given)
            edges = [edge for edge in links.edges if edge.upper in adjoint and edge.lower in tangent]
            edges = [edge for edge in edges if edge.lower not in given]
            if len(edges) > MOST_LINKS:
                self.limited = True
                edges = edges[-MOST_LINKS:]
            bench = _Bench(self, links, k, node, i, adjoint, tangent, edges, right)
            yield from bench.bent()
            yield from bench.chosen()
            yield from bench.named()
            yield from bench.everywhere(given, upstream)
            yield from bench.kept()
            if k == 0:
                yield from bench.elsewhere()
        if not upstream:
            yield from self._substituted(node)

    def _substituted(self, node: Value) -> Iterator[Suspect]:
        for row, numbers, words in self.substitutes.tried(node):
            told = {**words, "node": self._derivative(node)}
            yield Suspect(row, numbers, np.abs(numbers), lambda told=told: told)  # type: ignore[misc]


@dataclass(slots=True)
class _Bench:
    """One reading of the graph, and one node: the rows are tried here."""

    diagnosis: Diagnosis
    links: Links
    reading: int
    node: Value
    i: int
    adjoint: Mapping[int, Array]
    tangent: Mapping[int, Array]
    edges: Sequence[Edge]
    right: Array

    def link(self, edge: Edge) -> Link:
        e, values = self.links.e, self.links.values
        others = [
            self.links.partial[other] for other in self.links.below[edge.upper] if other.place != edge.place
        ]
        operands = [values[operand] for operand in e.operands[edge.upper]]
        return Link(
            e.ops[edge.upper], edge.place, self.links.partial[edge], operands, values[edge.upper], others
        )

    def suspect(
        self, row: SlipRow, changes: Sequence[tuple[Edge, Array]], words: Callable[[], Mapping[str, str]]
    ) -> Suspect:
        """What becomes of the derivative when links of one operation change."""
        numbers, size = self.right, np.abs(self.right)
        for edge, partial in changes:
            before = product(self.links.partial[edge], self.adjoint[edge.upper]) * self.tangent[edge.lower]
            after = product(partial, self.adjoint[edge.upper]) * self.tangent[edge.lower]
            numbers = numbers + (after - before)
            size = size + np.abs(before) + np.abs(after)
        edge = changes[0][0]
        return Suspect(row, numbers, size, words, lambda: self.words(edge)["link"], self.reading)

    def bent(self) -> Iterator[Suspect]:
        """Each link, bent as each row says."""
        for edge in self.edges:
            link = self.link(edge)
            for row in slips.LINKS:
                partial = row.make(link)
                if partial is not None:
                    yield self.suspect(row, [(edge, partial)], lambda edge=edge: self.words(edge))  # type: ignore[misc]

    def chosen(self) -> Iterator[Suspect]:
        """Operations that choose, with another choice."""
        with np.errstate(all="ignore"):
            for i in dict.fromkeys(edge.upper for edge in self.edges):
                if self.links.e.ops[i] not in slips.CHOOSING:
                    continue
                places = (1, 2) if self.links.e.ops[i] == "where" else (0, 1)
                here = {edge.place: edge for edge in self.edges if edge.upper == i}
                edges = [here.get(k) for k in places[: len(self.links.e.operands[i])]]
                blank = [Link("", k, self._choice(i, k), (), self.right) for k in places[: len(edges)]]
                for row in slips.CHOICES:
                    partials = row.make(blank)
                    if partials is None:
                        continue
                    pairs = zip(edges, partials, strict=True)
                    changes = [(edge, partial) for edge, partial in pairs if edge is not None]
                    if changes:
                        words = lambda edge=changes[0][0]: self.words(edge)  # noqa: E731
                        yield self.suspect(row, changes, words)

    def _choice(self, i: int, place: int) -> Array:
        """The partial of an operation by an operand, on a path or not."""
        for edge in self.links.below[i]:
            if edge.place == place:
                return self.links.partial[edge]
        return np.zeros(self.links.points)

    def named(self) -> Iterator[Suspect]:
        """From named node to named node through several links, bent as one."""
        named = [i for i in self.links.order if i in self.links.e.label and i in self.tangent]
        if len(named) * len(self.links.edges) > 20_000:
            return
        for upper, lower, partial in self._ways(named):
            link = Link("", 0, partial, (), self.links.values[upper])
            before = product(partial, self.adjoint[upper]) * self.tangent[lower]
            for row in slips.LINKS:
                if row.key not in ("factor missing", "factor twice", "path forgotten", "sign of a link"):
                    continue
                bent = row.make(link)
                if bent is None:
                    continue
                after = product(bent, self.adjoint[upper]) * self.tangent[lower]
                words = lambda upper=upper, lower=lower: self._way_words(upper, lower)  # noqa: E731
                size = np.abs(self.right) + np.abs(before) + np.abs(after)
                where = lambda words=words: words()["link"]  # noqa: E731
                yield Suspect(row, self.right + (after - before), size, words, where, self.reading)

    def _ways(self, named: Sequence[int]) -> Iterator[tuple[int, int, Array]]:
        """Named node, named node below it, and the derivative along all ways without a named node between."""
        stops = {*named, self.i}
        for upper in named:
            if upper == self.i or upper not in self.adjoint:
                continue
            local: dict[int, Array] = {upper: np.ones(self.links.points)}
            several: dict[int, int] = {}
            position = self.links.order.index(upper)
            for i in reversed(self.links.order[: position + 1]):
                if i not in local or (i in stops and i != upper):
                    continue
                for edge in self.links.below[i]:
                    if edge.lower not in self.tangent:
                        continue
                    part = product(self.links.partial[edge], local[i])
                    before = local.get(edge.lower)
                    local[edge.lower] = part if before is None else before + part
                    several[edge.lower] = several.get(edge.lower, 0) + (
                        2 if i != upper or before is not None else 1
                    )
            for lower, partial in local.items():
                if lower in stops and lower != upper and several[lower] > 1:
                    yield upper, lower, partial

    def everywhere(self, given: set[int], upstream: Mapping[Value, Array] | None) -> Iterator[Suspect]:
        """All links of one operation, bent alike."""
        ops: dict[str, list[Edge]] = {}
        for edge in self.edges:
            ops.setdefault(self.links.e.ops[edge.upper], []).append(edge)
        ids = self.links.reading.ids
        above = {ids[node]: numbers for node, numbers in (upstream or {}).items() if node is not self.node}
        with np.errstate(all="ignore"):
            for op, edges in ops.items():
                if (
                    len(edges) < 2
                    or op in ("add", "sub", "sum", "neg", "mean")
                    or len(self.links.edges) > 600
                ):
                    continue
                made = [self.link(edge) for edge in edges]
                for row in slips.EVERYWHERE:
                    partials = [row.make(link) for link in made]
                    bent = {edge: p for edge, p in zip(edges, partials, strict=True) if p is not None}
                    if len(bent) < 2:
                        continue
                    adjoint = self.links.backward(bent, above if given else None)
                    numbers = adjoint.get(self.i, np.zeros(self.links.points))
                    words = lambda op=op: {"op": op}  # noqa: E731
                    yield Suspect(
                        row, numbers, np.abs(self.right) + np.abs(numbers), words, str, self.reading
                    )

    def kept(self) -> Iterator[Suspect]:
        """Only one of what arrives at a node is kept."""
        for i in self.tangent:
            edges = [edge for edge in self.links.above[i] if edge.upper in self.adjoint]
            if len(edges) < 2 or len(edges) > 60:
                continue
            parts = [product(self.links.partial[edge], self.adjoint[edge.upper]) for edge in edges]
            with np.errstate(all="ignore"):
                total = sum(parts[1:], parts[0])
                for edge, part in zip(edges, parts, strict=True):
                    numbers = self.right + (part - total) * self.tangent[i]
                    size = np.abs(self.right) + sum(np.abs(p) for p in parts) * np.abs(self.tangent[i])
                    words = lambda edge=edge: self.words(edge)  # noqa: E731
                    where = lambda words=words: words()["link"]  # noqa: E731
                    yield Suspect(slips.OVERWRITTEN, numbers, size, words, where, self.reading)

    def elsewhere(self) -> Iterator[Suspect]:
        """The local derivative alone, and the derivatives of other nodes."""
        e, links = self.links.e, self.links
        mine, result = self.diagnosis._name(links, self.i), self.diagnosis._result
        for i, tangent in self.tangent.items():
            if i not in (self.i, links.reading.output):
                words = {"node_name": mine, "upper": self.diagnosis._name(links, i)}
                row = slips.LOCAL if i in e.label else slips.LOCAL_INSIDE
                yield Suspect(row, tangent, np.abs(tangent), lambda words=words: words)  # type: ignore[misc]
        for i in links.order:
            if i != self.i and (i in e.label or not e.operands[i]) and i in self.adjoint:
                words = {"node_name": mine, "other": self.diagnosis._name(links, i), "result": result}
                numbers = self.adjoint[i]
                yield Suspect(slips.ANOTHER, numbers, np.abs(numbers), lambda words=words: words)  # type: ignore[misc]

    # -- words --------------------------------------------------------------------------------------------

    def words(self, edge: Edge) -> dict[str, str]:
        """What sentences say of a link."""
        e, name = self.links.e, self.diagnosis._name
        op, operands = e.ops[edge.upper], e.operands[edge.upper]
        form = slips.BY_OUTPUT.get(op)
        if form is not None and edge.upper in e.label:
            factor = e.build(template(form), {"out": edge.upper})
        else:
            factor = sent(e, e.constant(1.0), edge.upper, edge.place, computed=False)
        return {
            "upper": e.text(edge.upper, limit=60), "lower": name(self.links, edge.lower), "op": op,
            "link": f"{name(self.links, edge.lower)} -> {name(self.links, edge.upper)}",
            "factor": e.text(factor, limit=60, top=factor not in e.label),
            "exponent": e.text(operands[1], limit=20) if op == "pow" else "",
            "node_name": name(self.links, self.i),
        }  # fmt: skip

    def _way_words(self, upper: int, lower: int) -> dict[str, str]:
        name = self.diagnosis._name
        above, below = name(self.links, upper), name(self.links, lower)
        return {"upper": above, "lower": below, "link": f"{below} -> {above}", "factor": f"d{above}/d{below}"}


# -- numbers ----------------------------------------------------------------------------------------------


def _ratio(claimed: Claimed, right: Array) -> float | None:
    """claimed / right, if that is one number at all points."""
    with np.errstate(all="ignore"):
        usable = claimed.known & np.isfinite(claimed.numbers) & np.isfinite(right) & (right != 0.0)
        room = claimed.error / np.abs(claimed.numbers)
        usable &= room <= 1e-6
        ratios, room = (claimed.numbers / right)[usable], room[usable]
    if ratios.size < LEAST_SEEN:
        return None
    middle = float(np.median(ratios))
    return middle if middle and bool(np.all(np.abs(ratios / middle - 1) < RELATIVE + 4 * room)) else None


def _offset(claimed: Claimed, right: Array) -> float | None:
    """claimed - right, if that is one number at all points."""
    with np.errstate(all="ignore"):
        away = claimed.numbers - right
        size = np.maximum(np.abs(claimed.numbers), np.abs(right))
        usable = claimed.known & np.isfinite(away) & (claimed.error <= 1e-9 * size + 1e-9)
    if int(usable.sum()) < LEAST_SEEN:
        return None
    middle = float(np.median(away[usable]))
    close = (
        np.abs(away - middle)[usable] <= RELATIVE * (size[usable] + abs(middle)) + 4 * claimed.error[usable]
    )
    return middle if abs(middle) > 1e-9 and bool(close.all()) else None


def _tidy(x: float) -> float:
    """A number without the noise of its last digits."""
    return float(f"{x:.9g}")


def _alike(found: Sequence[Suspect]) -> bool:
    """Whether suspects are one function: the same numbers at all points."""
    first = found[0]
    with np.errstate(all="ignore"):
        return all(
            bool(np.all(~np.isfinite(other.numbers - first.numbers)
                        | (np.abs(other.numbers - first.numbers) <= 1e-8 * (np.abs(first.numbers) + other.size))))
            for other in found[1:]
        )  # fmt: skip
