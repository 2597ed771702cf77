"""Derivatives to 50 digits, from the function itself: differences with a step of some 54 digits below the number.

Room: differentiates what `exact` evaluates; uses no partial of the table. Below: `exact`. Above: `bench`.
Must hold: more bits are taken where cancellation wants them; the error bar holds what was lost and what the step costs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from minigrad.checking.exact import (
    BITS,
    EXACT,
    LOST,
    Digits,
    Number,
    Raw,
    context,
    library,
    magnitude,
    most_bits,
)
from minigrad.expression import Expressions

#: How far below a number the step lies by which a function of it is differenced, in bits.
STEP = 180
#: How many bits of a derivative must be right.
WANTED = 170


class Slope(NamedTuple):
    """A derivative, from the function itself: differences with a step of some 54 digits below the number.

    value   the derivative
    error   a bound on its error
    left    from the left alone, and from the right alone: they differ at a kink
    right
    """

    value: Any
    error: Any
    left: Any
    right: Any

    @property
    def steep(self) -> bool:
        """Whether it is no slope but the step that was divided by: as of a cube root at 0."""
        return bool(
            abs(self.value) > 2.0 ** (STEP // 2) and abs(self.right - self.left) < abs(self.value) / 2
        )

    @property
    def kink(self) -> bool:
        """Whether the derivatives from the left and from the right differ."""
        return bool(abs(self.right - self.left) > 1e-3 * (abs(self.right) + abs(self.left)))


class Slopes:
    """The derivatives of one expression at one point, to 50 digits; more bits are taken where they are needed.

    e, numbers  as of Digits
    output      id of what is differentiated
    """

    def __init__(self, e: Expressions, output: int, numbers: Mapping[int, Any]) -> None:
        self.e = e
        self.output = output
        self.numbers = numbers
        self._most = most_bits(e, [output])
        self._points: dict[int, Digits] = {}

    def point(self, bits: int = BITS) -> Digits:
        """The numbers at the point, to so many bits."""
        if bits not in self._points:
            self._points[bits] = Digits(self.e, self.numbers, bits)
            self._points[bits].of([self.output])
        return self._points[bits]

    def number(self, i: int, bits: int = BITS) -> Any:
        """What an expression is at the point, a number of mpmath's."""
        return context().make_mpf(self.point(bits).of([i])[0].x)

    def by(self, i: int, path: Sequence[int], *, at: Any = None, forced: Mapping[int, int] = {}) -> Slope:
        """The derivative by expression i, which is taken for an input.

        path    what lies between i and the output, operands first
        at      its number, by default what it is at the point
        forced  see `Digits.moved`
        """
        if at is not None:
            at = self.point().given(at).x
        size = magnitude(self.point().of([i])[0].x if at is None else at)
        size = 0 if abs(size) > LOST // 2 else size
        bits = min(self._most, BITS + 128 * (max(0, -size) // 128))
        while True:
            x = self.point(bits).of([i])[0].x if at is None else at
            slope, enough = self._differences(
                bits, i, x, size - STEP, path, forced, at is None and not forced
            )
            if enough or bits >= self._most or (not slope.value and bits > 2 * BITS):
                return slope
            bits = min(self._most, 3 * bits)

    def _differences(
        self,
        bits: int,
        i: int,
        x: Raw,
        step: int,
        path: Sequence[int],
        forced: Mapping[int, int],
        known: bool,
    ) -> tuple[Slope, bool]:
        """The slope to so many bits, and whether they are enough; `known`: the value at x is that of the point."""
        point, lib, make = self.point(bits), library().libmp, context().make_mpf
        middle = point.values[self.output]
        if not known:
            middle = point.moved(i, Number(x, EXACT), path, forced)
        below, above = (
            point.moved(
                i, Number(lib.mpf_add(x, lib.from_man_exp(sign, step), bits, "n"), EXACT), path, forced
            )
            for sign in (-1, 1)
        )
        left = lib.mpf_shift(lib.mpf_sub(middle.x, below.x, bits, "n"), -step)
        right = lib.mpf_shift(lib.mpf_sub(above.x, middle.x, bits, "n"), -step)
        value = lib.mpf_shift(lib.mpf_add(left, right, bits, "n"), -1)
        error = lib.mpf_abs(lib.mpf_sub(right, left, bits, "n"))
        worst = max(number.error for number in (middle, below, above))
        enough = worst == EXACT
        if not enough:
            lost = worst - step + 1
            error = lib.mpf_add(error, lib.from_man_exp(1, lost), 53, "u") if lost < LOST // 2 else lib.finf
            enough = bool(value[1]) and magnitude(value) - lost >= WANTED
        return Slope(make(value), make(error), make(left), make(right)), enough
