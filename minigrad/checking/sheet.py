"""The referees of a graph at many points at once: six ways to its derivatives.

Room: evaluates what `bench` has made ready, once for all nodes and points, and differentiates it in six ways that share
as little as can be: recorded backward; the closed form; complex numbers, differences and Taylor's remainder on the
stable form of the loss; 50 digits on the loss as it was written. Below: `bench`, `arithmetic`, `slopes`, `differences`.
Above: `referees`.
Must hold: each reading has an error bar that is meant.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from minigrad.checking import differences
from minigrad.checking.arithmetic import EPS, NoFormError, evaluate, rounding
from minigrad.checking.bench import MOST_OPERATIONS, Bench, Form
from minigrad.checking.differences import Estimate, Samples
from minigrad.checking.evidence import CLOSED, COMPLEX, DIFFERENCES, EXACT, REVERSE, TAYLOR, Kink, Readings
from minigrad.checking.points import Point
from minigrad.checking.slopes import Slope, Slopes
from minigrad.checking.verdict import Reading
from minigrad.expression import Expressions
from minigrad.extras import MissingPackageError
from minigrad.reverse import adjoints, path

Array: TypeAlias = npt.NDArray[np.float64]

#: A graph with more operations than this is computed in 50 digits at the first point only, the user's own.
MOST_EXACTLY = 1000
#: So many choices that turn over at one point are tried in all combinations.
MOST_CHOICES = 3
#: 2**-_TINY times a number is the imaginary step taken from it.
_TINY = 100


class Column(NamedTuple):
    """What one referee says of one derivative at p points."""

    referee: str
    value: Array
    error: Array
    note: str = ""

    def reading(self, k: int, moved: float = 0.0) -> Reading:
        """At point k; no number where there is none to trust. `moved`: by the rounding of the node itself."""
        value, error = float(self.value[k]), float(self.error[k]) + moved
        if math.isnan(value):
            return Reading(self.referee, None, math.inf, self.note or "has no number here")
        return Reading(self.referee, value, error)


def sheet(bench: Bench, points: Sequence[Point]) -> Sheet:
    """Everything that is read at these points; made once for a bench, while it is among the last asked for."""
    key, kept = tuple(map(id, points)), bench.sheets
    if key not in kept:
        if len(kept) > 8:
            kept.clear()
        kept[key] = Sheet(bench, points)
    found: Sheet = kept[key]
    return found


class Sheet:
    """All that is read at some points, computed where it is first asked for."""

    def __init__(self, bench: Bench, points: Sequence[Point]) -> None:
        self.bench, self.points = bench, list(points)
        e = bench.e
        self.numbers = np.array(
            [[p.numbers.get(e.leaf[i], e.leaf[i].data) for p in points] for i in bench.inputs],
            dtype=np.float64,
        ).reshape(len(bench.inputs), len(points))
        self.columns: dict[int, Any] = dict(zip(bench.inputs, self.numbers, strict=True))
        if not self.columns:
            raise ValueError("a graph without inputs has no derivatives to check")
        self.at = evaluate(e, bench.ids, self.columns)
        self._slopes: dict[int, Slopes] = {}
        self._near: tuple[Array, Array] | None = None
        self._known: dict[int, list[Readings]] = {}
        self._gradients: Array | None = None
        self._by_closed_form: list[tuple[Column, Array]] | None = None

    def readings(self, k: int) -> list[Readings]:
        """Of derivative k, one for each point."""
        if k not in self._known:
            form = self.bench.form(k)
            for place, columns, samples in self._read(form):
                self._known[place] = [
                    self._at_point(place, p, columns, samples) for p in range(len(self.points))
                ]
        return self._known[k]

    def _read(self, form: Form) -> Iterator[tuple[int, _Columns, Samples]]:
        """What five of the six say of the derivatives of a form, at all points."""
        noise, errors, recorded = self._rounding(form)
        samples = [self._samples(form, n, noise) for n in range(len(form.nodes))]
        estimates = _estimated(samples)
        steps = self._by_complex_step(form)
        for n, k in enumerate(form.places):
            central, right, left = (estimate[n] for estimate in estimates)
            nearer = right.error <= left.error
            taylor = Estimate(np.where(nearer, right.value, left.value), np.minimum(right.error, left.error))
            closed, loose = self._in_closed_form(k)
            columns = (
                Column(REVERSE, self._backward[k], recorded[n]),
                closed,
                steps[n],
                _trusted(DIFFERENCES, central, errors[n]),
                _trusted(TAYLOR, taylor, errors[n]),
            )
            yield k, _Columns(columns, np.maximum(loose, recorded[n]), errors[n]), samples[n]

    def _at_point(self, k: int, p: int, columns: _Columns, samples: Samples) -> Readings:
        by_reverse = float(columns.told[0].value[p])
        exact, moved, bend = self._exactly(k, p, float(columns.errors[p]))
        right = exact.value if exact.value is not None else by_reverse
        first = [column.reading(p, moved) for column in columns.told]
        return Readings(
            [*first[:4], exact, first[4]],
            kink=self._kink(k, p, samples) or bend,
            slack=float(columns.slack[p]) + moved + 4.0 * EPS * abs(right),
            saturated=self._name(self.bench.ids[k]) if moved > 1e-6 * abs(right) else "",
            samples=samples.point(p),
        )

    def _name(self, i: int) -> str:
        return self.bench.e.text(i, limit=40, top=not self.bench.e.label.get(i))

    def _spread(self, bound: Array) -> Array:
        """One number for every point, also of what is the same at all of them."""
        return np.broadcast_to(bound, (len(self.points),))

    # -- five of the six --------------------------------------------------------------------------------

    @property
    def _backward(self) -> Array:
        if self._gradients is None:
            self._gradients = self.bench.backward(self.numbers)
        return self._gradients

    def _inner(self, form: Form) -> dict[int, Any]:
        """The numbers of the nodes of a form that are not leaves."""
        e = self.bench.e
        return {i: self.at[k] for i, k in zip(form.nodes, form.places, strict=True) if e.operands[i]}

    def _rounding(self, form: Form) -> tuple[Array, list[Array], list[Array]]:
        """What rounding does to the loss and to each adjoint in stable form, and to each adjoint as it is recorded."""
        e, inner = self.bench.e, self._inner(form)
        gradient = adjoints(e, form.root, form.nodes, e.constant(1.0), computed=True)
        numbers = {**self.columns, **inner}
        root, nodes = (
            self.bench.recorded,
            [self.bench.as_recorded.get(self.bench.ids[k], -1) for k in form.places],
        )
        if root == form.root or -1 in nodes or not all(path(e, root, [node]) for node in nodes):
            bounds = rounding(e, [form.root, *gradient], numbers, uncertain=inner)
            noise, *errors = map(self._spread, bounds)
            return noise, errors, errors
        numbers |= {i: self.at[k] for i, k in zip(nodes, form.places, strict=True) if e.operands[i]}
        recorded = adjoints(e, root, nodes, e.constant(1.0), computed=True)
        bounds = rounding(
            e, [form.root, *gradient, *recorded], numbers, uncertain=numbers.keys() - self.columns.keys()
        )
        noise, *errors = map(self._spread, bounds)
        count = len(nodes)
        return (
            noise,
            errors[:count],
            [np.maximum(*pair) for pair in zip(errors[:count], errors[count:], strict=True)],
        )

    def _in_closed_form(self, k: int) -> tuple[Column, Array]:
        """The reading, and what rounding does to the closed form as it is written."""
        if self._by_closed_form is None:
            self._by_closed_form = list(self._closed_forms())
        return self._by_closed_form[k]

    def _closed_forms(self) -> Iterator[tuple[Column, Array]]:
        p, count, closed = len(self.points), len(self.bench.nodes), self.bench.closed
        if closed is None:
            note = f"not derived: more than {MOST_OPERATIONS} operations"
            yield from [(Column(CLOSED, np.full(p, np.nan), np.full(p, np.inf), note), np.zeros(p))] * count
            return
        e, written, stable = closed
        columns = {e.input(self.bench.e.leaf[i]): column for i, column in self.columns.items()}
        bounds = rounding(e, [*stable, *written], columns)
        for value, tight, loose in zip(
            evaluate(e, stable, columns), bounds[:count], bounds[count:], strict=True
        ):
            yield Column(CLOSED, self._spread(value), self._spread(tight)), self._spread(loose)

    def _by_complex_step(self, form: Form) -> list[Column]:
        """All derivatives of a form at once: each has its own copy of the points, in which its node is moved."""
        e, p, count = self.bench.e, len(self.points), len(form.nodes)
        x = np.array([self.at[k] for k in form.places])
        h = np.where(x == 0.0, 1.0, np.abs(x)) * 2.0**-_TINY
        columns: dict[int, Any] = {
            i: np.tile(column, count).astype(complex) for i, column in self.columns.items()
        }
        for n, (i, k) in enumerate(zip(form.nodes, form.places, strict=True)):
            moved = columns.setdefault(i, np.tile(self.at[k], count).astype(complex))
            moved[n * p : (n + 1) * p] += 1j * h[n]
        try:
            (value,) = evaluate(e, [form.root], columns, "complex")
            (bound,) = rounding(e, [form.root], columns, "complex", uncertain=self._inner(form), part=np.imag)
        except NoFormError as missing:
            note = f"{missing.op} has no complex form here"
            return [Column(COMPLEX, np.full(p, np.nan), np.full(p, np.inf), note)] * count
        with np.errstate(all="ignore"):
            slopes, errors = value.imag.reshape(count, p) / h, bound.reshape(count, p) / h
        good = np.isfinite(slopes) & ((np.abs(x) > 1e-200) | (x == 0.0))
        return [Column(COMPLEX, *pair) for pair in zip(np.where(good, slopes, np.nan), errors, strict=True)]

    def _samples(self, form: Form, n: int, noise: Array) -> Samples:
        """The loss at x + h and x - h for node n of a form; nan beyond a choice that turns over."""
        e, x, node = self.bench.e, self.at[form.places[n]], form.nodes[n]
        h = differences.steps(x)
        both = np.concatenate([x[:, np.newaxis] + h, x[:, np.newaxis] - h, x[:, np.newaxis]], axis=1)
        wanted = [form.root, *form.gaps]
        moving = path_to(e, wanted, node)
        fixed = sorted({j for i in moving if i != node for j in e.operands[i]}.difference(moving))
        fixed += [i for i in wanted if i not in moving]
        numbers: dict[int, Any] = {
            i: np.repeat(np.broadcast_to(column, x.shape), both.shape[1])
            for i, column in zip(fixed, evaluate(e, fixed, self.columns), strict=True)
        }
        numbers[node] = both.ravel()
        loss, *sides = (column.reshape(both.shape) for column in evaluate(e, wanted, numbers))
        kept = np.isfinite(loss)
        for side in sides:
            kept &= np.sign(side) == np.sign(side[:, -1:])
        loss = np.where(kept, loss, np.nan)
        count = h.shape[1]
        return Samples(h, loss[:, :count], loss[:, count:-1], loss[:, -1], noise)

    # -- 50 digits --------------------------------------------------------------------------------------

    def slopes(self, p: int) -> Slopes:
        """The loss at point p, in as many digits as it takes."""
        if p not in self._slopes:
            bench = self.bench
            column = self.numbers[:, p].tolist()
            self._slopes[p] = Slopes(bench.e, bench.root, dict(zip(bench.inputs, column, strict=True)))
        return self._slopes[p]

    def _exactly(self, k: int, p: int, rounding_error: float) -> tuple[Reading, float, Kink | None]:
        """The reading; how far the derivative moves when an inner node is rounded, where that is far; a kink."""
        bench, i, way = self.bench, self.bench.ids[k], self.bench.ways[k]
        if p and bench.size > MOST_EXACTLY:
            note = f"at the first point only: more than {MOST_EXACTLY} operations"
            return Reading(EXACT, None, math.inf, note), 0.0, None
        try:
            slopes = self.slopes(p)
            slope = slopes.by(i, way)
            value, error = float(slope.value), float(slope.error)
            moved, number = 0.0, float(self.at[k][p])
            off = bench.e.operands[i] and abs(float(slopes.number(i)) - number) > 4.0 * EPS * abs(number)
            if off or (bench.e.operands[i] and not rounding_error <= 1e-6 * abs(value)):
                moved = abs(float(slopes.by(i, way, at=number).value) - value)
                moved = math.inf if math.isnan(moved) else moved
        except (MissingPackageError, NoFormError) as missing:
            return Reading(EXACT, None, math.inf, str(missing)), 0.0, None
        if not math.isfinite(value) or not math.isfinite(error) or (slope.steep and number == 0.0):
            return Reading(EXACT, None, math.inf, "has no derivative here"), moved, None
        if error > 1e-9 * abs(value) and slope.kink:
            left, right = float(slope.left), float(slope.right)
            text = f"from the left {left:.6g}, from the right {right:.6g}"
            kink = Kink(min(left, right), max(left, right), self._name(bench.root))
            return Reading(EXACT, None, math.inf, text), moved, kink
        return Reading(EXACT, value, max(error, 2.0**-53 * abs(value))), moved, None

    # -- kinks ------------------------------------------------------------------------------------------

    def _turning(self, p: int) -> list[int]:
        """The choices that turn over within rounding at point p."""
        bench = self.bench
        if not bench.choices:
            return []
        if self._near is None:
            gaps = evaluate(bench.e, bench.gaps, self.columns)
            bounds = rounding(bench.e, bench.gaps, self.columns)
            count = len(self.points)
            self._near = (
                np.array([np.broadcast_to(g, (count,)) for g in gaps]),
                np.array([np.broadcast_to(b, (count,)) for b in bounds]),
            )
        gap, bound = (array[:, p] for array in self._near)
        return [i for i, g, b in zip(bench.choices, gap, bound, strict=True) if abs(g) <= b]

    def _kink(self, k: int, p: int, samples: Samples) -> Kink | None:
        """The derivatives under either choice, where a choice turns over here; None where they are the same."""
        turning = self._turning(p)
        if not turning:
            return None
        e, root, i = self.bench.e, self.bench.root, self.bench.ids[k]
        where = " and ".join(self._name(j) for j in turning[:MOST_CHOICES])
        try:
            slopes = self.slopes(p)
            way = path(e, root, [i, *turning])
            found: list[Slope] = []
            for signs in itertools.product((1, -1), repeat=min(len(turning), MOST_CHOICES)):
                forced = dict(zip(turning, signs, strict=False))
                found.append(slopes.by(i, way, forced=forced))
            values = [float(slope.value) for slope in found]
        except (MissingPackageError, NoFormError):
            point = samples.point(p)
            values = [float(differences.one_sided(point, side).value[0]) for side in (1, -1)]
        values = [v for v in values if math.isfinite(v)]
        if not values:
            return Kink(-math.inf, math.inf, where)
        low, high = min(values), max(values)
        return Kink(low, high, where) if high - low > 1e-12 * max(abs(low), abs(high)) else None


class _Columns(NamedTuple):
    """What is said of one derivative at all points: five referees, the slack, and what rounding does to the adjoint."""

    told: tuple[Column, ...]
    slack: Array
    errors: Array


def path_to(e: Expressions, roots: Sequence[int], node: int) -> set[int]:
    """Everything below `roots` that depends on a node, the node included."""
    moving = {node}
    for i in e.order(roots, moving):
        if any(j in moving for j in e.operands[i]):
            moving.add(i)
    return moving


def _estimated(samples: Sequence[Samples]) -> list[list[Estimate]]:
    """Central differences, and those from the right and the left, of several derivatives in one go."""
    count = len(samples)
    stacked = Samples(*(np.concatenate(parts) for parts in zip(*samples, strict=True)))
    return [
        [Estimate(*pair) for pair in zip(*(np.split(array, count) for array in estimate), strict=True)]
        for estimate in (
            differences.central(stacked),
            differences.one_sided(stacked, 1),
            differences.one_sided(stacked, -1),
        )
    ]


def _trusted(referee: str, estimate: Estimate, conditioning: Array) -> Column:
    """A reading where the extrapolation converged."""
    value = np.where(np.isfinite(estimate.error), estimate.value, np.nan)
    return Column(
        referee, value, estimate.error + conditioning, "x + h or x - h leaves the domain, or is not smooth"
    )
