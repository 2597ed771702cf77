"""A point at which two formulas differ, so certain that rounding cannot have made the difference.

Room: the inputs' own numbers and random ones of short decimals; doubles to look for a difference, `exact` to confirm
it. Below: `arithmetic`. Above: `proof`.
Must hold: a witness is one only if both numbers are right to many digits, the difference is larger than anything that
rounding the constants of the formulas could make, and it is there at a neighbouring point too: a kink is no witness.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite, isnan
from typing import TypeAlias

import numpy as np

from minigrad.checking.arithmetic import NoFormError, evaluate, evaluate_exact
from minigrad.expression import Expressions
from minigrad.extras import MissingPackageError

#: Numbers of the inputs by id.
Numbers: TypeAlias = dict[int, float]

#: How many points are looked at besides the inputs' own numbers, and how many differences are confirmed.
POINTS, CONFIRMED = 60, 6
#: Formulas with more operations are looked at in fewer points.
MANY = 3000
#: Below this relative difference doubles show nothing.
SEEN = 1e-13
#: Inputs of these names are labels if their number is -1, 0 or 1.
LABELS = frozenset({"y", "t", "label", "labels", "target", "targets", "y_true"})
#: Digits that both numbers have, and how much a rounded constant is moved to see what it does.
DIGITS, ROUNDED = 30, 2.0**-50
_SEED = 20261125


@dataclass(frozen=True, slots=True)
class Look:
    """What looking at points showed.

    witness  a point at which the two differ, and their numbers there; None where none was found
    values   the two numbers at the witness
    agreed   at how many points they are the same to doubles
    single   a point at which they differ while they do not beside it
    lonely   a point at which one has a number and the other has none, and which of them has, 0 or 1
    hindered why a difference could not be confirmed
    labels   ids of labels: as long as these are 0 and 1, or -1 and 1, the two are the same; elsewhere they differ
    """

    witness: Numbers | None = None
    values: tuple[float, float] = (0.0, 0.0)
    agreed: int = 0
    single: Numbers | None = None
    lonely: tuple[Numbers, int] | None = None
    hindered: str = ""
    labels: tuple[int, ...] = ()

    def renamed(self, ids: Mapping[int, int]) -> Look:
        """The same with other ids of the inputs; those without one are left out."""

        def point(numbers: Numbers | None) -> Numbers | None:
            return None if numbers is None else {ids[i]: x for i, x in numbers.items() if i in ids}

        lonely = None if self.lonely is None else (point(self.lonely[0]) or {}, self.lonely[1])
        return replace(
            self,
            witness=point(self.witness),
            single=point(self.single),
            lonely=lonely,
            labels=tuple(ids[i] for i in self.labels),
        )


def look(
    e: Expressions, first: int, second: int, domain: int | None = None, *, fixed: Collection[int] = ()
) -> Look:
    """Look for a point at which two expressions differ.

    domain  an expression; points at which it is no number are left out
    fixed   ids of inputs that are constants: they keep their numbers, which may be rounded

    >>> from minigrad import Value
    >>> x = Value(0.5, label="x")
    >>> e = Expressions()
    >>> one, other = e.read([(x + 1) ** 2, x * x + 1])
    >>> look(e, one, other).values
    (2.25, 1.25)
    """
    ids = [first, second] if domain is None else [first, second, domain]
    order = e.order(ids)
    inputs = [i for i in order if e.ops[i] == "input" and i not in fixed]
    points = list(_points(e, inputs, 8 if len(order) > MANY else POINTS))
    columns = {i: np.array([point[i] for point in points]) for i in inputs}
    one, other, *rest = evaluate(e, ids, columns)
    one, other = (np.broadcast_to(x, len(points)) for x in (one, other))
    inside = np.isfinite(rest[0]) if rest else np.ones(len(points), dtype=bool)
    with np.errstate(all="ignore"):
        apart = np.abs(one - other) / np.maximum(np.abs(one), np.abs(other))
    apart = np.where(one == other, 0.0, apart)
    both = np.isfinite(one) & np.isfinite(other) & inside
    differing = sorted(
        np.flatnonzero(both & (apart > SEEN)), key=lambda k: (apart[k] < 1e-6, k > 0, -apart[k])
    )
    found = _Confirming(e, first, second, fixed)
    agreed = int(np.count_nonzero(both & (apart <= 1e-9)))
    single = None
    try:
        for k in differing[: CONFIRMED if len(order) <= MANY else 1]:
            values = found.differ(points[k])
            if values and found.beside(points[k]):
                return Look(points[k], values, agreed, labels=() if k == 0 else _labels(e, ids[:2], points))
            single = points[k] if values else single
        lonely = _lonely(found, points, np.flatnonzero(inside & (np.isnan(one) != np.isnan(other))))
    except (MissingPackageError, NoFormError) as error:
        alone = np.flatnonzero(inside & (np.isnan(one) != np.isnan(other)))
        guess = (points[alone[0]], int(np.isnan(one[alone[0]]))) if alone.size else None
        return Look(agreed=agreed, lonely=guess, hindered=str(error) if len(differing) else "")
    return Look(agreed=agreed, single=single, lonely=lonely)


def _lonely(
    found: _Confirming,
    points: Sequence[Numbers],
    candidates: Sequence[int] | np.ndarray[tuple[int], np.dtype[np.intp]],
) -> tuple[Numbers, int] | None:
    for k in candidates[:3]:
        which = found.alone(points[k])
        if which is not None and all(found.alone(near) == which for near in _near(points[k])):
            return points[k], which
    return None


def _labels(e: Expressions, ids: Sequence[int], points: Sequence[Numbers]) -> tuple[int, ...]:
    """The inputs that are labels, if the two expressions agree for 0 and 1, or for -1 and 1, as they would be."""
    own = points[0]
    labels = tuple(i for i, x in own.items() if e.label.get(i) in LABELS and x in (-1.0, 0.0, 1.0))
    for pair in ((0.0, 1.0), (-1.0, 1.0)):
        if labels and all(own[i] in pair for i in labels):
            draw = random.Random(_SEED)
            columns = {i: np.array([draw.choice(pair) if i in labels else p[i] for p in points]) for i in own}
            one, other = evaluate(e, ids, columns)
            both = np.isfinite(one) & np.isfinite(other)
            near = np.abs(one - other)[both] <= 1e-9 * np.maximum(np.abs(one), np.abs(other))[both]
            if np.count_nonzero(near) >= 5 and np.all(near):
                return labels
    return ()


class _Confirming:
    """Two expressions in many digits."""

    def __init__(self, e: Expressions, first: int, second: int, fixed: Collection[int]) -> None:
        self.e = e
        self.ids = (first, second)
        constants = {**e.number, **{i: e.leaf[i].data for i in fixed}}
        order = e.order(self.ids)
        self.rounded = {i: constants[i] for i in order if i in constants and not constants[i].is_integer()}

    def differ(self, point: Numbers) -> tuple[float, float] | None:
        """The two numbers where they differ for certain."""
        one, other = evaluate_exact(self.e, self.ids, point, DIGITS)
        away = abs(one - other)
        if not away > 1e-200 or not away > 1e-25 * max(abs(one), abs(other)):  # nan is neither
            return None
        if not (isfinite(one) and isfinite(other)):
            return None
        moved = self._moved(point, one, other) if self.rounded else 0.0
        return (float(one), float(other)) if away > 1000.0 * moved else None

    def _moved(self, point: Numbers, one: float, other: float) -> float:
        """What rounding the constants does to the two numbers, at most, as far as some trials tell."""
        draw, most = random.Random(_SEED), 0.0
        for _ in range(3):
            near = {i: x * (1.0 + draw.choice((-1, 1)) * ROUNDED) for i, x in self.rounded.items()}
            changed = evaluate_exact(self.e, self.ids, {**point, **near}, DIGITS)
            most = max(
                most, *(abs(a - b) if a == a else np.inf for a, b in zip(changed, (one, other), strict=True))
            )
        return most

    def beside(self, point: Numbers) -> bool:
        """Whether they differ at a neighbouring point too."""
        return any(self.differ(near) is not None for near in _near(point))

    def alone(self, point: Numbers) -> int | None:
        """Which of the two has a number where the other has none."""
        one, other = (isnan(x) for x in evaluate_exact(self.e, self.ids, point, DIGITS))
        return None if one == other else int(one)


def _near(point: Numbers) -> Iterator[Numbers]:
    for sign in (1.0, -1.0):
        yield {i: x + sign * (abs(x) + 1.0) * 2.0 ** -(7 + k % 4) for k, (i, x) in enumerate(point.items())}


# -- points -----------------------------------------------------------------------------------------------


#: Numbers that are short to write; 0 and 1, where slips show, twice.
_EIGHTHS = [*(k / 8 for k in range(-24, 25)), 0.0, 1.0]


def _points(e: Expressions, inputs: Sequence[int], count: int) -> Iterator[Numbers]:
    """The inputs' own numbers, then random ones that are short to write: eighths and sixteenths."""
    own = {i: e.leaf[i].data if i in e.leaf else 0.5 for i in inputs}
    yield own
    draw = random.Random(_SEED)
    for k in range(count if inputs else 0):
        yield {i: _drawn(draw, own[i], k % 4) for i in inputs}


def _drawn(draw: random.Random, own: float, kind: int) -> float:
    if kind == 3:
        kind = draw.randrange(3)
    if kind == 0 and isfinite(own) and 1e-3 < abs(own) < 1e3:
        return round(own * draw.uniform(0.4, 1.8) * 64) / 64 or own
    if kind == 1:
        return draw.randrange(1, 16) / 16
    return draw.choice(_EIGHTHS)
