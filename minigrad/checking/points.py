"""Where to look: the user's own numbers, random points near them, and the edges where slips and rounding show.

Room: reads a graph and evaluates it; changes no node. Below: `arithmetic`, `expression`. Above: `recorded`, `referees`.
Must hold: the same graph and seed give the same points; at every point every operation of the graph is finite, but
at the user's own, which are taken as they are; a label stays a label, a whole number whole.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from minigrad.checking.arithmetic import evaluate
from minigrad.expression import Expressions
from minigrad.notation import number_text
from minigrad.text import shown
from minigrad.value import Value

__all__ = ["SEED", "Point", "points"]

Array: TypeAlias = npt.NDArray[np.float64]

#: Where random points start from, unless another seed is given.
SEED = 20261125
#: Operations that flatten out, and how far from 0 they are flat for a double that is subtracted from 1.
SATURATING = {"sigmoid": 40.0, "tanh": 20.0, "logsigmoid": 40.0, "softplus": 40.0, "bce_with_logits": 40.0}
#: Operations that have kinks or jumps, and the side of the 0 on which they lie: the difference of two operands, or one.
CHOICES = ("relu", "abs", "sign", "min", "max", "less", "less_equal")
#: How far from a kink its neighbours lie.
BESIDE = 1e-3
#: Inputs of these names are labels or counts where their numbers are whole.
_LABELS = frozenset(("y", "t", "k", "n", "label", "target", "count", "y_true", "labels", "targets"))
_LARGEST = 1e60


@dataclass(frozen=True, slots=True)
class Point:
    """Numbers of all inputs of a graph.

    where    "at your numbers", "random point 2", "edge point: y = 0"
    numbers  Value -> number, for every input
    """

    where: str
    numbers: Mapping[Value, float]


def points(
    outputs: Value | Iterable[Value], own: bool = True, seed: int = SEED, *, random: int = 4, edges: int = 8
) -> list[Point]:
    """Points at which to compare derivatives of a graph.

    outputs  the result, or several
    own      begin with the numbers that the inputs have
    seed     of the random ones
    random   how many random points are wanted, and `edges` how many edge points at most; there are fewer where the
             operations leave no room
    return   own point, random points, edge points: labels flipped, functions saturated, either side of each kink, an
             input 0, 1, small or large

    >>> from minigrad import Value, bce, sigmoid
    >>> w, x, y = Value(0.5, label="w"), Value(2.0, label="x"), Value(1.0, label="y")
    >>> for point in points(bce(sigmoid(w * x), y), random=2, edges=3):
    ...     print(point.where, [round(number, 3) for number in point.numbers.values()])
    at your numbers [0.5, 2.0, 1.0]
    random point 1 [0.108, 3.33, 0.0]
    random point 2 [0.372, 3.0, 1.0]
    edge point: y = 0 [0.5, 2.0, 0.0]
    edge point: w*x = 40 [20.0, 2.0, 1.0]
    edge point: w*x = -40 [-20.0, 2.0, 1.0]
    """
    field = _Field([outputs] if isinstance(outputs, Value) else list(outputs))
    found = [Point("at your numbers", field.values(field.own))] if own else []
    for k, column in enumerate(field.random(random, np.random.default_rng(seed)), start=1):
        found.append(Point(f"random point {k}", field.values(column)))
    if field.inputs:
        for where, column in field.edges(edges):
            found.append(Point(f"edge point: {where}", field.values(column)))
    return found


def check_seed(seed: object) -> None:
    """Refuse what is no seed of random numbers, by a TypeError or a ValueError that says what is one."""
    if isinstance(seed, bool | float) or not hasattr(seed, "__index__"):
        raise TypeError(
            f"seed is a whole number, 0 or more, not {type(seed).__name__} {shown(repr(seed), 40)}"
        )
    if operator.index(seed) < 0:
        raise ValueError(f"seed is a whole number, 0 or more, not {seed}")


class _Field:
    """The inputs of a graph as columns of numbers, and what the graph makes of them."""

    def __init__(self, outputs: Sequence[Value]) -> None:
        self.e = e = Expressions()
        self.roots = e.read(outputs)
        self.order = e.order(self.roots)
        self.inputs = [i for i in self.order if e.ops[i] == "input"]
        self.own = np.array([e.leaf[i].data for i in self.inputs])
        self.operations = [i for i in self.order if e.operands[i]]
        self.kinds = [self._kind(i) for i in self.inputs]

    def values(self, column: Array) -> dict[Value, float]:
        """A column of numbers by input."""
        return dict(zip((self.e.leaf[i] for i in self.inputs), column.tolist(), strict=True))

    def evaluated(self, ids: Sequence[int], columns: Array) -> list[Array]:
        """Expressions at points: columns (inputs, p)."""
        return evaluate(self.e, ids, dict(zip(self.inputs, columns, strict=True)))

    def sound(self, columns: Array) -> npt.NDArray[np.bool_]:
        """At which points (inputs, p) every operation is finite and no number absurd."""
        good = np.ones(columns.shape[1], dtype=bool)
        for numbers in self.evaluated(self.operations, columns):
            good &= np.abs(numbers) < _LARGEST
        return good

    # -- what an input is -------------------------------------------------------------------------------

    def _kind(self, i: int) -> str:
        """ "label" (0 or 1), "sign" (-1 or 1), "share" (between 0 and 1), "whole", or "real"."""
        e, number = self.e, self.e.leaf[i].data
        label = self._is_label(i)
        if label and number in (0.0, 1.0):
            return "label"
        if label and 0.0 < number < 1.0:
            return "share"
        named = len(self.inputs) > 1 and e.label.get(i, "") in _LABELS  # of one input it is the variable
        if i in self._orders or (named and number.is_integer()):
            return "sign" if number == -1.0 else "whole"
        return "real"

    def _is_label(self, i: int) -> bool:
        """Whether an input is the y of bce, or stands in a 1 - y beside a logarithm."""
        if i in self._targets:
            return True
        return (
            i in self._complements
            and 0.0 <= self.e.leaf[i].data <= 1.0
            and self.e.label.get(i, "y") in _LABELS
        )

    @cached_property
    def _targets(self) -> set[int]:
        """The y of each bce."""
        e = self.e
        return {e.operands[j][1] for j in self.operations if e.ops[j] in ("bce", "bce_with_logits")}

    @cached_property
    def _complements(self) -> set[int]:
        """What stands in a 1 - y, where there is a logarithm."""
        e = self.e
        if not any(e.ops[j] in ("log", "log1p", "logsigmoid", "softplus") for j in self.operations):
            return set()
        differences = [e.operands[j] for j in self.operations if e.ops[j] == "sub"]
        return {y for one, y in differences if e.number.get(one) == 1.0}

    @cached_property
    def _orders(self) -> set[int]:
        """What stands as the order of a polygamma function."""
        return {self.e.operands[j][0] for j in self.operations if self.e.ops[j] == "polygamma"}

    # -- random points ----------------------------------------------------------------------------------

    def random(self, count: int, draw: np.random.Generator) -> list[Array]:
        """Points near the user's own, some of them farther; nearer where there is no room."""
        found: list[Array] = []
        for spread in (0.8, 0.3, 0.05, 1e-3):
            if len(found) >= count or not self.inputs:
                break
            columns = self._drawn(8 * count, spread, draw)
            found += list(columns[:, self.sound(columns)].T)
        return found[:count]

    def _drawn(self, count: int, spread: float, draw: np.random.Generator) -> Array:
        """Candidates: numbers moved by a factor in one half, by a summand in the other."""
        own = self.own[:, np.newaxis]
        noise = draw.normal(size=(len(own), count))
        scaled = own * np.exp(spread * noise)
        shifted = own + spread * np.maximum(np.abs(own), 1.0) * noise
        either = draw.random((len(own), count)) < 0.5
        columns = _short(np.where(either & (own != 0.0), scaled, shifted))
        for k, kind in enumerate(self.kinds):
            if kind != "real":
                columns[k] = _of_kind(kind, float(self.own[k]), count, draw)
        return columns

    # -- edges ------------------------------------------------------------------------------------------

    def edges(self, most: int) -> list[tuple[str, Array]]:
        """The edge points that are sound, at most so many, no two alike."""
        found: list[tuple[str, Array]] = []
        if not bool(self.sound(self.own[:, np.newaxis])[0]):
            return found
        seen = {tuple(self.own)}
        for where, column in self._candidates():
            if len(found) >= most:
                break
            key = tuple(column)
            if key not in seen and bool(self.sound(column[:, np.newaxis])[0]):
                seen.add(key)
                found.append((where, column))
        return found

    def _candidates(self) -> Iterator[tuple[str, Array]]:
        for k, kind in enumerate(self.kinds):
            if kind in ("label", "sign"):
                yield self._with(k, -self.own[k] if kind == "sign" else 1.0 - self.own[k])
        yield from self._saturated(2)
        yield from self._beside_kinks(4)
        for number, take in ((0.0, 1), (1.0, 1)):
            for k in [k for k, kind in enumerate(self.kinds) if kind == "real"][:take]:
                yield self._with(k, number)
        for factor in (1e-6, 1e3):
            for k in [k for k, kind in enumerate(self.kinds) if kind == "real"][:1]:
                yield self._with(k, float(f"{factor * self.own[k]:.6g}"))

    def _with(self, k: int, number: float) -> tuple[str, Array]:
        """The user's own point with one number changed."""
        column = self.own.copy()
        column[k] = number
        return f"{self._name(self.inputs[k])} = {number_text(float(number))}", column

    def _name(self, i: int) -> str:
        return shown(self.e.text(i, limit=30, top=not self.e.label.get(i)), 40)

    def _saturated(self, most: int) -> Iterator[tuple[str, Array]]:
        """Points where a function that flattens out is flat, on either side."""
        aims = [
            (self.e.operands[i][0], SATURATING[self.e.ops[i]])
            for i in self.operations
            if self.e.ops[i] in SATURATING
        ]
        for i, far in list(dict.fromkeys(aims))[: most // 2]:
            for target in (far, -far):
                column = self.aimed(i, target)
                if column is not None:
                    yield f"{self._name(i)} = {number_text(target)}", column

    def _beside_kinks(self, most: int) -> Iterator[tuple[str, Array]]:
        """Points a little to either side of each kink."""
        e = self.e
        for i in [i for i in self.operations if e.ops[i] in CHOICES][: most // 2]:
            operands = e.operands[i]
            gap = e.make("sub", operands) if len(operands) == 2 else operands[0]
            if not e.operands[gap] and e.ops[gap] != "input":
                continue
            for target in (BESIDE, -BESIDE):
                column = self.aimed(gap, target)
                if column is not None:
                    yield (
                        f"beside the kink of {self._name(i)}, {self._name(gap)} = {number_text(target)}",
                        column,
                    )

    def aimed(self, i: int, target: float) -> Array | None:
        """The user's own point with one real number changed so that expression i is `target`; None if none does it."""
        real = [k for k, kind in enumerate(self.kinds) if kind == "real"]
        if not real:
            return None
        steps = 1e-3 * np.maximum(np.abs(self.own), 1.0)
        columns = np.repeat(self.own[:, np.newaxis], len(real) + 1, axis=1)
        columns[real, np.arange(len(real))] += steps[real]
        (reached,) = self.evaluated([i], columns)
        slopes = (reached[:-1] - reached[-1]) / steps[real]
        reach = np.where(np.isfinite(slopes), np.abs(slopes) * np.maximum(np.abs(self.own[real]), 1.0), 0.0)
        for place in np.argsort(-reach, kind="stable")[:3]:
            if reach[place] > 0.0:
                column = self._solved(i, target, real[place], float(slopes[place]), float(reached[-1]))
                if column is not None:
                    return column
        return None

    def _solved(self, i: int, target: float, k: int, slope: float, reached: float) -> Array | None:
        """Secant steps in input k."""
        column = self.own.copy()
        for _ in range(8):
            before, step = column[k], (target - reached) / slope
            column[k] = float(f"{column[k] + step:.6g}")  # so that it can be typed
            (numbers,) = self.evaluated([i], column[:, np.newaxis])
            now = float(numbers[0])
            if abs(now - target) <= 0.05 * abs(target):
                return column
            if not np.isfinite(now) or now == reached or column[k] == before:
                return None
            slope, reached = (now - reached) / (column[k] - before), now
        return None


def _of_kind(kind: str, own: float, count: int, draw: np.random.Generator) -> Any:
    """Random numbers that keep being what the own one is."""
    if kind == "label":
        return (np.arange(count) + draw.integers(0, 2)) % 2.0
    if kind == "sign":
        return 2.0 * ((np.arange(count) + draw.integers(0, 2)) % 2) - 1.0
    if kind == "share":
        return _short(draw.uniform(0.05, 0.95, count))
    low = max(own - 1.0, 0.0) if own >= 0.0 else own - 1.0
    return low + draw.integers(0, 4, count)


def _short(numbers: Array) -> Array:
    """Three digits of each number, so that it can be typed."""
    with np.errstate(all="ignore"):
        digits = 10.0 ** (2.0 - np.floor(np.log10(np.abs(numbers))))
        rounded = np.round(numbers * digits) / digits
    return np.where(np.isfinite(rounded), rounded, numbers)
