"""The numbers of what was given, at points.

Room: puts the formulas, functions and numbers of `given` into numbers, each with a bound on its rounding. Below:
`arithmetic`, `given`, `links`, `points`. Above: `recorded`.
Must hold: a function is called with floats, one point at a time; what it does wrong is told once and stops nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minigrad.checking.arithmetic import evaluate, overflow, rounding
from minigrad.checking.diagnose import Claimed
from minigrad.checking.given import Given, GivenError
from minigrad.checking.links import Array, Links
from minigrad.checking.points import Point, points
from minigrad.expression import Expressions
from minigrad.value import Value

#: Numbers of a graph beyond this say little.
_LARGE = 1e6
_EPSILON = float(np.finfo(np.float64).eps)


#: Graphs of more nodes are looked at at fewer points: random ones, edge points, fresh ones.
LARGE = 2_000
FEWER = ((20_000, (2, 1, 4)), (LARGE, (3, 4, 8)), (0, (4, 8, 20)))


class Field:
    """The points at which claims are looked at.

    size     how many nodes the graph has

    judged   the user's own point, random points and edge points: what the verdict rests on
    fresh    further random points, for the slip
    between  as many again with labels between 0 and 1, where formulas have values but functions need not
    """

    def __init__(self, output: Value, seed: int, size: int) -> None:
        random, edges, fresh = next(counts for least, counts in FEWER if size > least)
        self.judged = points(output, seed=seed, random=random, edges=edges)
        more = points(output, own=False, seed=seed + 1, random=fresh, edges=0)
        more = [*more, *_wider(output, self.judged[0], more)]
        self.all: list[Point] = [*self.judged, *more, *_between(more, seed)]
        inputs = list(self.judged[0].numbers)
        self.columns = {
            node: np.array([point.numbers[node] for point in self.all], dtype=np.float64) for node in inputs
        }
        kinds = ["judged"] * len(self.judged) + ["fresh"] * len(more)
        kinds += ["between"] * (len(self.all) - len(kinds))
        self.kind = np.array(kinds)
        self.edge = np.array([point.where.startswith("edge") for point in self.all])

    def __len__(self) -> int:
        return len(self.all)


def _wider(output: Value, own: Point, more: Sequence[Point], times: float = 4.0) -> list[Point]:
    """Points several times as far from the user's own, where the graph is sound: for kinks that lie far off."""
    found = []
    for point in more:
        moved = {
            node: number
            if number.is_integer() and own.numbers[node].is_integer()
            else float(f"{own.numbers[node] + times * (number - own.numbers[node]):.3g}")
            for node, number in point.numbers.items()
        }
        found.append(Point(point.where, moved))
    if not found:
        return []
    e = Expressions()
    (i,) = e.read([output])
    ids = [j for j in e.order([i]) if e.operands[j]]
    columns = {e.input(node): np.array([point.numbers[node] for point in found]) for node in found[0].numbers}
    sound = np.ones(len(found), dtype=bool)
    for numbers in evaluate(e, ids, columns):
        sound &= np.abs(numbers) < _LARGE
    return [point for point, good in zip(found, sound, strict=True) if good]


def _between(more: Sequence[Point], seed: int) -> list[Point]:
    """The same points with each label somewhere between the two that it can be."""
    draw = np.random.default_rng(seed + 2)
    ends: dict[Value, tuple[float, float]] = {}
    for node in more[0].numbers if more else ():
        seen = {point.numbers[node] for point in more}
        if seen <= {0.0, 1.0} or seen <= {-1.0, 1.0}:
            ends[node] = (min(0.05, min(seen) + 0.05), 0.95)
    if not ends:
        return []
    found = []
    for point in more:
        moved = {node: float(np.round(draw.uniform(*span), 3)) for node, span in ends.items()}
        found.append(Point(point.where, {**point.numbers, **moved}))
    return found


class Claims:
    """The numbers of all that was given, at the points of a field."""

    def __init__(self, field: Field, links: Links) -> None:
        self.field = field
        self.links = links
        self.ids = links.reading.ids
        self.notes: list[str] = []
        self._known: dict[Given, Claimed] = {}

    def of(self, given: Given) -> Claimed:
        """The numbers of one claim; they are worked out once.

        Raises GivenError when a function has no number at the user's own point.
        """
        if given not in self._known:
            self._known[given] = self._found(given)
        return self._known[given]

    def _found(self, given: Given) -> Claimed:
        p = len(self.field)
        if given.number is not None:
            known = np.arange(p) == 0
            return Claimed(np.full(p, given.number), np.full(p, _typed(given.number)), known)
        if given.function is not None:
            return self._called(given)
        assert given.value is not None
        e, numbers = self.links.e, dict(self.links.numbers)
        for stand, other in given.stands:
            numbers[e.input(stand)] = self.of(other).numbers
        inner = [node for node in self.ids if not node.is_leaf]
        (i,) = e.read([given.value], apart=inner)
        known = np.arange(p) == 0 if given.fixed else np.ones(p, dtype=bool)
        for _, other in given.stands:
            known &= self.of(other).known
        (values,), (error,) = evaluate(e, [i], numbers), rounding(e, [i], numbers)
        error = np.where(overflow(e, i, numbers), np.inf, error)
        return Claimed(_spread(values, p), _spread(error, p), known)

    def _called(self, given: Given) -> Claimed:
        """A function, at each point where formulas and functions both have values."""
        p = len(self.field)
        numbers, known = np.full(p, np.nan), self.field.kind != "between"
        columns = [self.links.values[self.ids[node]] for node in given.takes]
        told = False
        for k in np.flatnonzero(known):
            try:
                numbers[k] = given.call([float(column[k]) for column in columns])
            except GivenError as error:
                if k == 0:
                    raise
                known[k] = False
                if not told:
                    self.notes.append(f"{error} (at {self.field.all[k].where})")
                    told = True
        again = given.call([float(column[0]) for column in columns])
        if again != numbers[0] and again == again:
            raise GivenError(
                f"the function given for {given.name} returns {numbers[0]:g} at one call and {again:g} at the next, "
                "for the same numbers: fix its random numbers"
            )
        return Claimed(numbers, _EPSILON * 64 * np.abs(numbers), known)


def _typed(number: float) -> float:
    """Half a unit of the last digit of a number that was typed with few digits."""
    digits = repr(number).lower().partition("e")[0].replace("-", "").replace(".", "").lstrip("0")
    if not number or len(digits) > 12 or not np.isfinite(number):
        return 4 * _EPSILON * abs(number)
    if len(digits.rstrip("0")) <= 2:  # 0.5 and 3 are taken as they stand
        return 4 * _EPSILON * abs(number)
    size = np.floor(np.log10(abs(number)))
    return float(0.51 * 10.0 ** (size - len(digits) + 1))


def _spread(numbers: Array, p: int) -> Array:
    result: Array = np.array(np.broadcast_to(numbers, (p,)))
    return result
