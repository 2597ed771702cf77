"""The referees of a function that is only called: complex step, extrapolated differences, Taylor's remainder.

Room: calls the function, and catches what it raises; knows no graph. Below: `differences`, `evidence`. Above:
`referees`.
Must hold: the array that the function is given is a fresh one at each call; what a referee cannot say is in its note.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from minigrad.checking import differences
from minigrad.checking.differences import Samples
from minigrad.checking.evidence import COMPLEX, DIFFERENCES, TAYLOR, Kink, Readings
from minigrad.checking.points import Point
from minigrad.checking.verdict import Reading
from minigrad.text import message_of, shown

Array: TypeAlias = npt.NDArray[np.float64]

_EPS = 2.0**-52
_TINY = 2.0**-100
#: Noise above this part of the value is that of single precision.
_COARSE = 2.0**-32


class FunctionSubject:
    """The derivative of a scalar function of an array by one entry, or along a direction.

    f     takes an array like x, gives one number
    x     where
    j     the entry (a number, or a tuple for an array of several axes), or an array like x: the direction
    """

    def __init__(self, f: Callable[[Any], Any], x: Any, j: int | tuple[int, ...] | Array) -> None:
        self.f = f
        self.x = np.array(x, dtype=np.float64)
        if isinstance(j, np.ndarray):
            self.direction = np.asarray(j, dtype=np.float64).reshape(self.x.shape)
        else:
            self.direction = np.zeros(self.x.shape)
            self.direction[j] = 1.0
        self.single = False
        self.failure = ""

    def readings(self, points: Sequence[Point] = ()) -> list[Readings]:
        """What the referees say; a function has one point, its x."""
        return [self._read()] * max(len(points), 1)

    def _read(self) -> Readings:
        middle = self(0.0)
        if not math.isfinite(middle):
            note = self.failure or f"the function is {middle} here"
            return Readings([Reading(name, None, math.inf, note) for name in (COMPLEX, DIFFERENCES, TAYLOR)])
        if any(self(0.0) != middle for _ in range(2)):
            note = "the function gives another number at each call"
            return Readings([Reading(name, None, math.inf, note) for name in (COMPLEX, DIFFERENCES, TAYLOR)])
        samples = self._samples(middle)
        central, sides = differences.central(samples), [differences.one_sided(samples, s) for s in (1, -1)]
        by_differences = _told(DIFFERENCES, central)
        right, left = (_told(TAYLOR, side) for side in sides)
        kink = None
        if _kinked(left, right):
            assert left.value is not None
            assert right.value is not None
            kink = Kink(min(left.value, right.value), max(left.value, right.value), "the function")
            note = f"kink: from the left {left.value:.6g}, from the right {right.value:.6g}"
            by_differences = Reading(DIFFERENCES, None, math.inf, note)
        step = self._by_complex_step(middle, by_differences)
        taylor = right if right.error <= left.error else left
        slope = next((abs(r.value) for r in (step, by_differences, taylor) if r.value is not None), 0.0)
        slack = 64.0 * _EPS * (slope + abs(middle) / max(1.0, self._size()))
        return Readings(
            [step, by_differences, taylor], kink=kink, slack=slack, samples=samples, single=self.single
        )

    def __call__(self, t: Any) -> Any:
        """The function at x + t * direction: a number, nan where it fails."""
        x = self.x + t * self.direction
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if isinstance(t, complex):
                    warnings.simplefilter("error", np.exceptions.ComplexWarning)
                result = np.asarray(self.f(x))
        except Exception as error:
            self.failure = f"the function raises {type(error).__name__}: {shown(message_of(error), 80)}"
            return math.nan
        if result.size != 1 or result.dtype.kind not in "fciub":
            self.failure = f"the function gives an array of shape {result.shape}, not one number"
            return math.nan
        if result.dtype.kind == "c" and not isinstance(t, complex):
            self.failure = "the function gives a complex number"
            return math.nan
        self.single |= result.dtype in (np.dtype(np.float32), np.dtype(np.float16), np.dtype(np.complex64))
        return result.reshape(-1)[0].item()

    def _size(self) -> float:
        """How large the entries are that move."""
        return float(np.max(np.abs(self.x[self.direction != 0.0]), initial=0.0))

    def _samples(self, middle: float) -> Samples:
        h = differences.steps(np.array([self._size()]))
        plus = np.array([[_real(self(float(t))) for t in h[0]]])
        minus = np.array([[_real(self(float(-t))) for t in h[0]]])
        return Samples(h, plus, minus, np.array([middle]), np.array([self._noise(middle)]))

    def _noise(self, middle: float) -> float:
        """A bound on the rounding errors of the function, from the roughness of its values side by side.

        Source: Moré and Wild, Estimating computational noise, 2011; third differences.
        """
        step = max(self._size(), 1.0) * 2.0**-40
        values = np.array([_real(self(k * step)) for k in range(-4, 5)])
        third = np.diff(values, n=3)
        rough = float(np.sqrt(np.mean(third**2) / 20.0)) if np.isfinite(third).all() else 0.0
        noise = 4.0 * max(rough, _EPS * abs(middle))
        self.single |= noise > _COARSE * abs(middle) > 0.0
        return max(noise, 2.0**-22 * abs(middle)) if self.single else noise

    def _by_complex_step(self, middle: float, other: Reading) -> Reading:
        size = max(self._size(), 1.0)
        slopes = []
        for h in (size * _TINY, size * _TINY * 2.0**-11):
            value = self(complex(0.0, h))
            if not isinstance(value, complex) or not math.isfinite(value.imag):
                return Reading(COMPLEX, None, math.inf, "the function does not take complex numbers")
            if abs(value.real - middle) > 1e-9 * abs(middle):
                return Reading(COMPLEX, None, math.inf, "another number at a complex argument")
            slopes.append(value.imag / h)
        error = abs(slopes[1] - slopes[0]) + 64.0 * _EPS * (abs(slopes[0]) + abs(middle) / size)
        if self.single:
            error += 2.0**-20 * (abs(slopes[0]) + abs(middle) / size)
        if other.value is not None and abs(other.value - slopes[0]) > 4.0 * (error + other.error):
            note = (
                "not to be trusted: the function is not analytic as it is written (abs, conj, a comparison)"
            )
            return Reading(COMPLEX, None, math.inf, note)
        return Reading(COMPLEX, slopes[0], error)


def _real(x: Any) -> float:
    return x if isinstance(x, float) else float(x) if isinstance(x, int) else math.nan


def _told(name: str, estimate: differences.Estimate) -> Reading:
    value, error = float(estimate.value[0]), float(estimate.error[0])
    if not math.isfinite(error):
        return Reading(
            name, None, math.inf, "x + h or x - h leaves the domain, or the function is not smooth"
        )
    return Reading(name, value, error)


def _kinked(left: Reading, right: Reading) -> bool:
    """Whether the derivatives from either side differ by more than their errors."""
    if left.value is None or right.value is None:
        return False
    return abs(left.value - right.value) > 4.0 * (left.error + right.error)
