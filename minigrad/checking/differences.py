"""A derivative from values of a function alone: extrapolated differences, and the order of Taylor's remainder.

Room: arrays of values at x + h and x - h in, derivatives with error bars out; knows no graph. Below: NumPy. Above:
`referees`, `judge`.
Must hold: an error bar holds what rounding of the values (`noise`, a bound) can do; no step is chosen by a user.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]

#: Steps of each of the two families; each half as long as the one before.
STEPS = 24
#: Columns of the extrapolation.
_DEPTH = 5
#: The order of a remainder is taken from so many of the shortest steps at which it can be seen.
_SEEN = 5
#: An extrapolation whose entries differ by more of its value has not converged, whatever its error bar.
_CONVERGED = 1e-2


class Samples(NamedTuple):
    """A function of one number near p points.

    h       (p, k) steps: two families, one from the larger of |x| and 1, one from the smaller
    plus    (p, k) its values at x + h, nan where they do not count; minus: at x - h
    middle  (p,) at x
    noise   (p,) a bound on the rounding errors of the values
    """

    h: Array
    plus: Array
    minus: Array
    middle: Array
    noise: Array

    def point(self, k: int) -> Samples:
        """Those of one point."""
        return Samples(*(array[k : k + 1] for array in self))


class Estimate(NamedTuple):
    """(p,) derivatives, and bounds on their errors; infinite where there is no derivative to give."""

    value: Array
    error: Array


def steps(x: Array) -> Array:
    """(p, k) steps for points x (p,), of which x + h and x - h are as far from x as a double can tell."""
    size = np.abs(x)
    families = (np.maximum(size, 1.0), np.where(size > 0.0, np.minimum(size, 1.0), 2.0**-STEPS))
    halving = 0.25 * 0.5 ** np.arange(STEPS)
    wanted = np.concatenate([family[:, np.newaxis] * halving for family in families], axis=1)
    column = x[:, np.newaxis]
    return np.asarray((column + wanted) - column)


def central(s: Samples) -> Estimate:
    """Central differences, extrapolated to h = 0 (Ridders, Accurate computation of F'(x), 1982).

    >>> x = np.array([1.0])
    >>> h = steps(x)
    >>> got = central(Samples(h, np.exp(x + h), np.exp(x - h), np.exp(x), np.array([1e-15])))
    >>> bool(abs(got.value[0] - math.e) < got.error[0] < 1e-9)
    True
    """
    with np.errstate(all="ignore"):
        return _extrapolated(
            (s.plus - s.minus) / (2.0 * s.h), (_noise(s, 1) + _noise(s, -1)) / (2.0 * s.h), 4.0
        )


def one_sided(s: Samples, side: int) -> Estimate:
    """Differences from the right (side 1) or from the left (side -1), extrapolated to h = 0."""
    with np.errstate(all="ignore"):
        away = s.plus - s.middle[:, np.newaxis] if side > 0 else s.middle[:, np.newaxis] - s.minus
        return _extrapolated(away / s.h, (_noise(s, side) + s.noise[:, np.newaxis]) / s.h, 2.0)


def _noise(s: Samples, side: int) -> Array:
    """The rounding errors of the values to one side, which may be larger numbers than the one in the middle."""
    return np.asarray(s.noise[:, np.newaxis] + 1e-15 * np.abs(s.plus if side > 0 else s.minus))


def _extrapolated(quotients: Array, rounding: Array, factor: float) -> Estimate:
    """The best entry of Neville's tables, one for each family of steps; where these differ, that of the shorter steps.

    factor  4 if the error goes by h**2, 2 if by h
    """
    longer, shorter = (
        _best(quotients[:, family], rounding[:, family], factor)
        for family in (slice(0, STEPS), slice(STEPS, None))
    )
    away = np.abs(longer.value - shorter.value)
    taken = (longer.error < shorter.error) & ~(away > 4.0 * (longer.error + shorter.error))
    return Estimate(
        np.where(taken, longer.value, shorter.value), np.where(taken, longer.error, shorter.error)
    )


def _best(table: Array, bound: Array, factor: float) -> Estimate:
    """The entry of Neville's table with the least error."""
    p = len(table)
    best, least = np.full(p, np.nan), np.full(p, np.inf)
    for depth in range(1, _DEPTH):
        weight = factor**depth
        finer, before = (weight * table[:, 1:] - table[:, :-1]) / (weight - 1.0), table
        bound = (weight * bound[:, 1:] + bound[:, :-1]) / (weight - 1.0)
        away = np.maximum(np.abs(finer - before[:, 1:])[:, :-1], np.abs(np.diff(finer, axis=1)))
        error = 2.0 * away + bound[:, :-1] + 4e-16 * np.abs(finer[:, :-1])
        converged = (error <= _CONVERGED * np.abs(finer[:, :-1])) | (error <= 8.0 * bound[:, :-1])
        error = np.where(np.isfinite(error) & converged, error, np.inf)
        place, rows = np.argmin(error, axis=1), np.arange(p)
        found = error[rows, place]
        best = np.where(found < least, finer[rows, place], best)
        least = np.minimum(found, least)
        table = finer
    return Estimate(best, least)


# -- Taylor's remainder -------------------------------------------------------------------------------------


class Order(NamedTuple):
    """How fast |f(x + h) - f(x) - h g| falls with h.

    order   2 or more where g is the derivative, 1 where it is not; None where rounding leaves nothing to see
    first   the longest and the shortest step of the range in which it was seen
    last
    zero    whether the remainder is 0 to rounding at every step: f is a line, and g its slope
    """

    order: float | None
    first: float = math.nan
    last: float = math.nan
    zero: bool = False

    @property
    def text(self) -> str:
        """In words."""
        if self.zero:
            return "the remainder is 0 to rounding"
        if self.order is None:
            return "rounding leaves nothing of the remainder"
        return f"the remainder falls like h^{self.order:.2f} from h = {self.first:.1g} to {self.last:.1g}"


def order(s: Samples, claimed: float) -> Order:
    """The order of Taylor's remainder at one point for a claimed derivative, in the range where it can be seen.

    The range is found: the shortest steps at which the remainder stands clear of rounding.

    >>> x = np.array([1.0])
    >>> h = steps(x)
    >>> s = Samples(h, np.exp(x + h), np.exp(x - h), np.exp(x), np.array([1e-15]))
    >>> round(order(s, math.e).order, 1), round(order(s, 1.01 * math.e).order, 1)
    (2.0, 1.0)
    """
    if not math.isfinite(claimed):
        return Order(None)
    found = [_order(s, claimed, family) for family in (slice(0, STEPS), slice(STEPS, None))]
    seen = [o for o in found if o.order is not None]
    if seen:
        return min(seen, key=lambda o: o.last)
    return found[0] if found[0].zero else found[1]


def _order(s: Samples, claimed: float, family: slice) -> Order:
    h, plus = s.h[0, family], s.plus[0, family]
    with np.errstate(all="ignore"):
        line = h * claimed
        remainder = np.abs(plus - s.middle[0] - line)
        floor = 2.0 * s.noise[0] + 1e-15 * np.abs(plus) + 2e-16 * np.abs(line)
        clear = np.isfinite(remainder) & (remainder > 32.0 * floor)
        slopes: Any = np.log2(remainder[:-1] / remainder[1:])
    known = np.isfinite(remainder)
    if known.any() and not clear.any():
        return Order(None, zero=bool(np.all((remainder <= 8.0 * floor)[known])))
    run = [k for k in range(len(slopes)) if clear[k] and clear[k + 1]][-_SEEN:]
    if len(run) < 2:
        return Order(None)
    return Order(float(np.median(slopes[run])), float(h[run[0]]), float(h[run[-1] + 1]))
