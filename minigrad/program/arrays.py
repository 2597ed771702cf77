"""What C is to the block kernels while they run interpreted: its functions, over NumPy arrays.

Room: the names of `lanes.pxd`, so that `lanes` and the generated `kernels` read the same in both forms; and
`each`, which lifts a function of numbers. Below: NumPy. Never imported by the compiled kernels.
Must hold: the results of IEEE 754; whoever calls these silences NumPy's warnings (`blocks` does).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from minigrad import ieee

__all__ = [
    "Lane", "Test", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "copysign", "cos", "cosh", "each",
    "erf", "erfc", "exp", "exp2", "expm1", "fabs", "fused", "inf", "libm_cbrt", "log", "log10", "log1p", "log2", "nan",
    "pow", "power_of_2", "select", "sin", "sinh", "sqrt", "tan", "tanh",
]  # fmt: skip

acos, acosh, asin, asinh, atan, atan2, atanh = (
    np.arccos, np.arccosh, np.arcsin, np.arcsinh, np.arctan, np.arctan2, np.arctanh,
)  # fmt: skip
sin, cos, tan, sinh, cosh, tanh = np.sin, np.cos, np.tan, np.sinh, np.cosh, np.tanh
exp, exp2, expm1, log, log2, log10, log1p = np.exp, np.exp2, np.expm1, np.log, np.log2, np.log10, np.log1p
fabs, sqrt, libm_cbrt, pow, copysign, inf, nan = (
    np.fabs,
    np.sqrt,
    np.cbrt,
    np.power,
    np.copysign,
    np.inf,
    np.nan,
)

#: An array of numbers, one for each row of a block, or one number for all; compiled, one double.
Lane: TypeAlias = Any
#: The same of truths; compiled, one truth.
Test: TypeAlias = Any


def each(function: Callable[..., float], operands: int) -> Callable[..., Lane]:
    """A function of numbers, element by element."""
    lifted = np.frompyfunc(function, operands, 1)

    def over(*arrays: Any) -> Lane:
        numbers = (np.asarray(a, dtype=np.float64).astype(object) for a in arrays)
        return np.asarray(lifted(*numbers), dtype=np.float64)

    return over


erf = each(ieee.erf, 1)
erfc = each(ieee.erfc, 1)


def select(condition: Any, x: Any, y: Any) -> Any:
    """x where the condition holds, else y."""
    return np.where(condition, x, y)


def fused(x: Any, y: Any, z: Any) -> Any:
    """x * y + z."""
    return x * y + z


def power_of_2(k: Any) -> Any:
    """2**k for a whole k."""
    return exp2(k)
