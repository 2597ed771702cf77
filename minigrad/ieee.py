"""The functions of `math` with the results of IEEE 754: inf and nan where Python raises an exception.

Room: used by `numeric` and `rows` while they run interpreted; compiled, the same names come from the C
library. Below: nothing.
Must hold: bit for bit what C's functions return, for every operand: a pole gives a signed infinity, overflow
a signed infinity, an operand outside the domain a nan.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from math import atan, atan2, copysign, fabs, inf, nan

__all__ = [
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "copysign", "cos", "cosh", "div", "erf",
    "erfc", "exp", "exp2", "expm1", "fabs", "floor", "log", "log10", "log1p", "log2", "pow", "sin", "sinh", "sqrt",
    "tan", "tanh",
]  # fmt: skip


def _ieee(
    function: Callable[[float], float],
    *,
    pole: tuple[float, ...] = (),
    at_pole: Callable[[float], float] = lambda x: -inf,
    overflow: Callable[[float], float] = lambda x: inf,
) -> Callable[[float], float]:
    """`function` of one operand, with numbers in the place of its exceptions."""

    def quiet(x: float) -> float:
        try:
            return function(x)
        except OverflowError:
            return overflow(x)
        except ValueError:
            return at_pole(x) if x in pole else nan

    quiet.__name__ = quiet.__qualname__ = function.__name__
    quiet.__doc__ = f"math.{function.__name__}, with inf and nan instead of exceptions."
    return quiet


def _signed(x: float) -> float:
    return copysign(inf, x)


exp = _ieee(math.exp)
exp2 = _ieee(math.exp2)
expm1 = _ieee(math.expm1)
log = _ieee(math.log, pole=(0.0,))
log2 = _ieee(math.log2, pole=(0.0,))
log10 = _ieee(math.log10, pole=(0.0,))
log1p = _ieee(math.log1p, pole=(-1.0,))
sqrt = _ieee(math.sqrt)
cbrt = _ieee(math.cbrt)
sin = _ieee(math.sin)
cos = _ieee(math.cos)
tan = _ieee(math.tan)
asin = _ieee(math.asin)
acos = _ieee(math.acos)
sinh = _ieee(math.sinh, overflow=_signed)
cosh = _ieee(math.cosh)
tanh = _ieee(math.tanh)
asinh = _ieee(math.asinh)
acosh = _ieee(math.acosh)
atanh = _ieee(math.atanh, pole=(-1.0, 1.0), at_pole=_signed)
erf = _ieee(math.erf)
erfc = _ieee(math.erfc)


def floor(x: float) -> float:
    """The largest whole number not above x, as a double."""
    return float(math.floor(x)) if math.isfinite(x) and x != 0.0 else x


def pow(x: float, y: float) -> float:
    """x to the power y as C's pow: never complex, never an exception."""
    try:
        return math.pow(x, y)
    except OverflowError:
        return -inf if x < 0 and math.fmod(y, 2.0) else inf
    except ValueError:
        if x != 0:
            return nan
        return copysign(inf, x) if math.fmod(y, 2.0) in (-1.0, 1.0) else inf


def div(x: float, y: float) -> float:
    """x / y, with a signed infinity or nan at y = 0."""
    try:
        return x / y
    except ZeroDivisionError:
        return nan if x == 0 or x != x else copysign(inf, x) * copysign(1.0, y)
