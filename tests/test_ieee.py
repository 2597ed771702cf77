"""minigrad.ieee: what C's functions return, where Python's math raises."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
import pytest

from minigrad import ieee

INF, NAN = math.inf, math.nan

#: Zeros, ends of the doubles, poles and edges of domains, and what is not finite.
SPECIAL = [
    0.0, -0.0, 5e-324, -5e-324, 2.2250738585072014e-308, 0.5, -0.5, 1.0, -1.0, 1.0000000000000002, -1.0000000000000002,
    2.0, -2.0, 3.0, -3.0, 2.5, -2.5, 709.782712893384, 709.7827128933841, -745.1332191019411, -745.2, 710.5, -710.5,
    1023.9999999999999, 1024.0, -1075.0, -1074.0, 9007199254740993.0, -9007199254740991.0, 1e22, 1e200, -1e200,
    1.7976931348623157e308, -1.7976931348623157e308, INF, -INF, NAN,
]  # fmt: skip

#: The same C functions by way of NumPy, which never raises either.
UNARY: dict[str, Callable[..., object]] = {
    "acos": np.arccos, "acosh": np.arccosh, "asin": np.arcsin, "asinh": np.arcsinh, "atan": np.arctan,
    "atanh": np.arctanh, "cbrt": np.cbrt, "cos": np.cos, "cosh": np.cosh, "exp": np.exp, "exp2": np.exp2,
    "expm1": np.expm1, "fabs": np.fabs, "floor": np.floor, "log": np.log, "log10": np.log10, "log1p": np.log1p,
    "log2": np.log2, "sin": np.sin, "sinh": np.sinh, "sqrt": np.sqrt, "tan": np.tan, "tanh": np.tanh,
}  # fmt: skip
BINARY: dict[str, Callable[..., object]] = {
    "pow": np.power, "atan2": np.arctan2, "div": np.divide, "copysign": np.copysign,
}  # fmt: skip


def same_kind(got: float, expected: float) -> bool:
    """Both nan, the same infinity or signed zero, or the same number to NumPy's own last places."""
    if math.isnan(expected) or math.isinf(expected) or expected == 0.0:
        return repr(got) == repr(expected)
    return math.isclose(got, expected, rel_tol=2e-15, abs_tol=1e-323)


@pytest.mark.parametrize("name", UNARY)
def test_one_operand_gives_what_c_gives(name: str) -> None:
    """No exception, and the nan, the signed infinity, the signed zero or the number of C."""
    with np.errstate(all="ignore"):
        for x in SPECIAL:
            expected = float(UNARY[name](np.float64(x)))  # type: ignore[arg-type]
            got = getattr(ieee, name)(x)
            assert same_kind(got, expected), f"{name}({x!r}) is {got!r}, not {expected!r}"


@pytest.mark.parametrize("name", BINARY)
def test_two_operands_give_what_c_gives(name: str) -> None:
    """All pairs of special operands: poles of either sign, odd and even exponents, quotients by 0."""
    with np.errstate(all="ignore"):
        for x in SPECIAL:
            for y in SPECIAL:
                pair = (
                    np.array([x, x]),
                    np.array([y, y]),
                )  # one number alone takes NumPy's way round pow(x, 0.5)
                expected = float(BINARY[name](*pair)[0])  # type: ignore[index]
                got = getattr(ieee, name)(x, y)
                assert same_kind(got, expected), f"{name}({x!r}, {y!r}) is {got!r}, not {expected!r}"


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("erf", INF, 1.0), ("erf", -INF, -1.0), ("erf", NAN, NAN), ("erf", -0.0, -0.0),
        ("erfc", INF, 0.0), ("erfc", -INF, 2.0), ("erfc", NAN, NAN), ("erfc", 30.0, 0.0), ("erfc", 0.0, 1.0),
    ],
)  # fmt: skip
def test_error_function_at_its_ends(name: str, x: float, expected: float) -> None:
    """NumPy has no error function: its limits are written down."""
    assert repr(getattr(ieee, name)(x)) == repr(expected)


def test_inside_the_domain_it_is_math_itself() -> None:
    """Where math raises nothing, the result is math's, bit for bit."""
    seed = 20261124
    print(f"seed {seed}")
    draw = random.Random(seed)
    for name in sorted(set(UNARY) - {"floor"}):
        for _ in range(200):
            x = draw.uniform(1.0, 5.0) if name == "acosh" else draw.uniform(0.01, 0.99)
            assert getattr(ieee, name)(x) == getattr(math, name)(x), f"{name}({x!r})"
    for _ in range(200):
        x, y = draw.uniform(0.01, 9.0), draw.uniform(-9.0, 9.0)
        assert ieee.pow(x, y) == math.pow(x, y)
        assert ieee.div(x, y) == x / y


def test_every_exported_function_is_tested_here() -> None:
    """A function nobody compared with C is a claim."""
    assert set(ieee.__all__) == {*UNARY, *BINARY, "erf", "erfc"}
