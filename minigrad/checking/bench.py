"""The referees of a graph: six ways to its derivatives, at many points at once.

Room: reads a graph once, evaluates it once for all nodes and points that are asked for, and differentiates it in six
ways that share as little as can be: recorded backward; the closed form; complex numbers, differences and Taylor's
remainder on the stable form of the loss; 50 digits on the loss as it was written. Below: `arithmetic`, `exact`,
`differences`, `derivative`, `reverse`, `simplify`. Above: `referees`.
Must hold: the user's nodes and their gradients are not touched; the derivative by an inner node is that by an input in
its place; each reading has an error bar that is meant.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from minigrad import value as _core
from minigrad.checking import differences
from minigrad.checking.arithmetic import NoFormError, evaluate, rounding
from minigrad.checking.differences import Samples
from minigrad.checking.evidence import CLOSED, COMPLEX, DIFFERENCES, EXACT, REVERSE, TAYLOR, Kink, Readings
from minigrad.checking.exact import Slope, Slopes
from minigrad.checking.points import CHOICES, Point
from minigrad.checking.verdict import Reading
from minigrad.derivative import derive
from minigrad.expression import Expressions
from minigrad.extras import MissingPackageError
from minigrad.graph import Graph
from minigrad.reverse import adjoints, path
from minigrad.simplify import stabilised
from minigrad.text import shown
from minigrad.value import Value

Array: TypeAlias = npt.NDArray[np.float64]

#: A graph with more operations than this gets no closed form.
MOST_OPERATIONS = 3000
#: So many choices that turn over at one point are tried in all combinations.
MOST_CHOICES = 3
_EPS = 2.0**-52
#: 2**-_TINY times a number is the imaginary step taken from it.
_TINY = 100


class Column(NamedTuple):
    """What one referee says of one derivative at p points."""

    referee: str
    value: Array
    error: Array
    notes: Sequence[str] = ()

    def reading(self, k: int) -> Reading:
        """At point k; no number where there is none to trust."""
        value, error = float(self.value[k]), float(self.error[k])
        note = self.notes[k] if self.notes else ""
        if math.isnan(value):
            return Reading(self.referee, None, math.inf, note or "has no number here")
        return Reading(self.referee, value, error, note)


class Form(NamedTuple):
    """The loss in stable form, as a function of one node.

    root   id of the loss
    node   id of the node, taken for an input
    path   what lies between them, operands first
    gaps   ids that change sign where a choice on the way turns over
    """

    root: int
    node: int
    path: list[int]
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
        self.inputs = [i for i in e.order([self.root]) if e.ops[i] == "input"]
        self.size = sum(1 for i in e.order([self.root]) if e.operands[i])
        self.choices = [i for i in e.order([self.root]) if e.ops[i] in CHOICES]
        self.gaps = [gap_of(e, i) for i in self.choices]
        self._forms: dict[int, Form] = {}
        self._closed: list[tuple[Expressions, int, int] | None] | None = None
        self._sheets: dict[tuple[int, ...], Sheet] = {}
        copied = Graph([output, *nodes]).copy()
        self._copy = _core.order_of([*copied.outputs])
        self._copied = dict(zip(_core.order_of([output, *nodes]), self._copy, strict=True))

    def place(self, node: Value) -> int:
        """Which of the nodes."""
        return next(k for k, other in enumerate(self.nodes) if other is node)

    def sheet(self, points: Sequence[Point]) -> Sheet:
        """Everything at these points; made once."""
        key = tuple(map(id, points))
        if key not in self._sheets:
            if len(self._sheets) > 8:
                self._sheets.clear()
            self._sheets[key] = Sheet(self, points)
        return self._sheets[key]

    def form(self, k: int) -> Form:
        """The stable form as a function of node k."""
        i = self.ids[k]
        key = i if self.e.operands[i] else -1
        if key not in self._forms:
            self._forms[key] = self._stable(i)
        form = self._forms[key]
        return form if key >= 0 else form._replace(node=i, path=path(self.e, form.root, [i]))

    def _stable(self, i: int) -> Form:
        e = self.e
        keep = {i} if e.operands[i] else set()
        (root, node), _ = stabilised(e, [self.root, i], keep=keep, computed=False)
        way = path(e, root, [node])
        if e.operands[i] and (not e.operands[node] or not way):  # it became something else
            root, node, way = self.root, i, path(e, self.root, [i])
        gaps = [gap_of(e, j) for j in e.order([root]) if e.ops[j] in CHOICES]
        return Form(root, node, way, gaps)

    def closed(self, k: int) -> tuple[Expressions, int, int] | None:
        """The closed form of derivative k: a store, as it is written, and in stable form."""
        if self.size > MOST_OPERATIONS:
            return None
        if self._closed is None:
            self._closed = []
            for derivative in derive(self.output, self.nodes):
                e = Expressions()
                (written,) = e.read([derivative.value])
                (stable,), _ = stabilised(e, [written])
                self._closed.append((e, written, stable))
        return self._closed[k]

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
        self._reverse: Array | None = None
        self._slopes: list[Slopes] | None = None
        self._near: tuple[Array, Array] | None = None
        self._known: dict[int, list[Readings]] = {}

    def readings(self, k: int) -> list[Readings]:
        """Of derivative k, one for each point."""
        if k not in self._known:
            self._known[k] = list(self._read(k))
        return self._known[k]

    def _read(self, k: int) -> Iterator[Readings]:
        reverse = self._by_reverse(k)
        closed, written = self._by_closed_form(k)
        samples = self._samples(k)
        columns = [
            reverse,
            closed,
            self._by_complex_step(k),
            self._by_differences(samples, reverse.error),
            self._by_taylor(samples, reverse.error),
        ]
        slack = np.maximum(written, reverse.error)
        for p in range(len(self.points)):
            exact, rounded = self._exactly(k, p)
            right = exact.value if exact.value is not None else float(reverse.value[p])
            moved = abs(rounded - right) if rounded is not None else 0.0
            moved = math.inf if math.isnan(moved) else moved
            saturated = moved > 1e-6 * abs(right)
            first = [column.reading(p) for column in columns]
            yield Readings(
                [*first[:4], exact, first[4]],
                kink=self._kink(k, p, samples),
                slack=float(slack[p]) + moved + 4.0 * _EPS * abs(right),
                saturated=self._name(self.bench.ids[k]) if saturated else "",
                samples=samples.point(p),
            )

    def _name(self, i: int) -> str:
        return self.bench.e.text(i, limit=40, top=not self.bench.e.label.get(i))

    # -- the six ----------------------------------------------------------------------------------------

    def _by_reverse(self, k: int) -> Column:
        if self._reverse is None:
            self._reverse = self.bench.backward(self.numbers)
        form, e = self.bench.form(k), self.bench.e
        (adjoint,) = adjoints(e, form.root, [form.node], e.constant(1.0), computed=True)
        error = self._rounding(e, adjoint, {**self.columns, form.node: self.at[k]}, k)
        return Column(REVERSE, self._reverse[k], error)

    def _rounding(self, e: Expressions, i: int, numbers: dict[int, Any], k: int, **options: Any) -> Array:
        """A bound for every point, also of an expression that is the same at all of them."""
        uncertain = [j for j in numbers if j not in self.columns]
        (bound,) = rounding(e, [i], numbers, uncertain=uncertain, **options)
        return np.broadcast_to(bound, (len(self.points),))

    def _by_closed_form(self, k: int) -> tuple[Column, Array]:
        """The reading, and what rounding does to the closed form as it is written."""
        p = len(self.points)
        found = self.bench.closed(k)
        if found is None:
            note = f"not derived: more than {MOST_OPERATIONS} operations"
            return Column(CLOSED, np.full(p, np.nan), np.full(p, np.inf), [note] * p), np.zeros(p)
        e, written, stable = found
        columns = {e.input(self.bench.e.leaf[i]): column for i, column in self.columns.items()}
        (value,) = evaluate(e, [stable], columns)
        exact, loose = rounding(e, [stable, written], columns)
        return Column(CLOSED, value, exact), loose

    def _by_complex_step(self, k: int) -> Column:
        form, e, x = self.bench.form(k), self.bench.e, self.at[k]
        size = np.where(x == 0.0, 1.0, np.abs(x))
        h = size * 2.0**-_TINY
        columns = {**self.columns, form.node: x + 1j * h}
        p = len(self.points)
        try:
            (value,) = evaluate(e, [form.root], columns, "complex")
            error = self._rounding(e, form.root, columns, k, kind="complex", part=np.imag) / h
        except NoFormError as missing:
            note = f"{missing.op} has no complex form here"
            return Column(COMPLEX, np.full(p, np.nan), np.full(p, np.inf), [note] * p)
        slope = np.broadcast_to(value.imag / h, (p,))
        good = np.isfinite(slope) & ((np.abs(x) > 1e-200) | (x == 0.0))
        return Column(COMPLEX, np.where(good, slope, np.nan), error)

    def _samples(self, k: int) -> Samples:
        """The loss at x + h and x - h for node k; nan beyond a choice that turns over."""
        form, e, x = self.bench.form(k), self.bench.e, self.at[k]
        h = differences.steps(x)
        both = np.concatenate([x[:, np.newaxis] + h, x[:, np.newaxis] - h, x[:, np.newaxis]], axis=1)
        on_path = set(form.path)
        beside = {j for i in form.path if i != form.node for j in e.operands[i] if j not in on_path}
        gaps = [g for g in form.gaps if set(e.operands[g]) & on_path or g in on_path]
        beside |= {j for g in gaps for j in (e.operands[g] if g not in on_path else ()) if j not in on_path}
        fixed = sorted(beside)
        numbers: dict[int, Any] = {
            i: np.repeat(np.broadcast_to(column, x.shape), both.shape[1])
            for i, column in zip(fixed, evaluate(e, fixed, self.columns), strict=True)
        }
        numbers[form.node] = both.ravel()
        loss, *sides = (
            np.broadcast_to(c, both.size).reshape(both.shape)
            for c in evaluate(e, [form.root, *gaps], numbers)
        )
        kept = np.ones(both.shape, dtype=bool)
        for side in sides:
            kept &= np.sign(side) == np.sign(side[:, -1:])
        loss = np.where(kept & np.isfinite(loss), loss, np.nan)
        noise = self._rounding(e, form.root, {**self.columns, form.node: x}, k)
        count = h.shape[1]
        return Samples(h, loss[:, :count], loss[:, count:-1], loss[:, -1], noise)

    def _by_differences(self, samples: Samples, conditioning: Array) -> Column:
        value, error = differences.central(samples)
        return Column(DIFFERENCES, np.where(np.isfinite(error), value, np.nan), error + conditioning)

    def _by_taylor(self, samples: Samples, conditioning: Array) -> Column:
        right, left = differences.one_sided(samples, 1), differences.one_sided(samples, -1)
        nearer = right.error <= left.error
        value, error = np.where(nearer, right.value, left.value), np.minimum(right.error, left.error)
        return Column(TAYLOR, np.where(np.isfinite(error), value, np.nan), error + conditioning)

    # -- 50 digits --------------------------------------------------------------------------------------

    def slopes(self, p: int) -> Slopes:
        """The loss at point p, in as many digits as it takes."""
        if self._slopes is None:
            bench = self.bench
            self._slopes = [
                Slopes(bench.e, bench.root, dict(zip(bench.inputs, column, strict=True)))
                for column in self.numbers.T.tolist()
            ]
        return self._slopes[p]

    def _exactly(self, k: int, p: int) -> tuple[Reading, float | None]:
        """The reading, and for an inner node the derivative at its number as doubles have it, where that differs."""
        bench, i = self.bench, self.bench.ids[k]
        way = path(bench.e, bench.root, [i])
        try:
            slopes = self.slopes(p)
            slope = slopes.by(i, way)
            x, rounded = slopes.number(i), None
            if bench.e.operands[i] and x != float(self.at[k][p]):
                rounded = float(slopes.by(i, way, at=slopes.point().given(self.at[k][p]).x).value)
        except (MissingPackageError, NoFormError) as error:
            return Reading(EXACT, None, math.inf, str(error)), None
        value, error_bar = float(slope.value), float(slope.error)
        if not math.isfinite(value) or not math.isfinite(error_bar):
            return Reading(EXACT, None, math.inf, "has no derivative here"), rounded
        if slope.kink and error_bar > 1e-9 * abs(value):
            text = f"from the left {float(slope.left):.6g}, from the right {float(slope.right):.6g}"
            return Reading(EXACT, None, math.inf, text), rounded
        return Reading(EXACT, value, max(error_bar, 2.0**-53 * abs(value))), rounded

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
