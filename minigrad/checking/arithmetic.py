"""A graph's expressions at many points at once: in doubles, in complex numbers, and in as many digits as it takes.

Room: numbers in, numbers out. Doubles go through the arithmetic of the rows; complex numbers and long decimals
through the text of each row (`means`, else `value`), by a few functions of NumPy's or mpmath's by name. Below:
`expression`, `rules`, `templates`, `program.blocks`; `exact` for the digits. Above: `points`, `referees`, `proof`.
Must hold: nothing here recurses over a graph; a row without a form in an arithmetic is told by `NoFormError`, and
the tests know which rows these are; the partials of the table are not used, but for the operations made of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from minigrad import value as _core
from minigrad.checking.exact import evaluate_exact
from minigrad.checking.text import NoFormError, by_text
from minigrad.expression import Expressions
from minigrad.program import blocks
from minigrad.rows import CODES
from minigrad.rules import RULES

__all__ = ["NOISE", "NoFormError", "Points", "complex_form", "evaluate", "evaluate_exact", "rounding"]

Array: TypeAlias = npt.NDArray[Any]

#: The size of the artificial rounding errors of `rounding`, relative to each result: large beside those of doubles,
#: small beside everything else.
NOISE = 2.0**-42
#: How many times each point is computed with artificial rounding errors.
TRIALS = 7
#: The same for functions that are no longer straight over errors of that size, and how often they are tried.
SMALL, CLOSE = 2.0**-49, 3
#: What multiplies the largest deviation seen; the trials rarely meet the worst case.
SAFETY = 8.0
_SEED = 20261125
EPS = 2.0**-52


@dataclass(frozen=True, slots=True)
class Points:
    """Numbers of the inputs of an expression store at p points.

    names    id -> what the input is called
    columns  id -> its numbers, an array (p,)
    """

    names: Mapping[int, str]
    columns: Mapping[int, Array]

    def __len__(self) -> int:
        return max((len(column) for column in self.columns.values()), default=1)


def evaluate(
    e: Expressions,
    ids: Sequence[int],
    numbers: Mapping[int, Array | float],
    kind: Literal["float", "complex"] = "float",
    *,
    noise: np.random.Generator | None = None,
    sound: int = 0,
) -> list[Array]:
    """The numbers of expressions at p points.

    numbers  id -> an array (p,), or one number for all points; also of inner ids, which are then not looked into;
             an input that is not among them has the number of its Value
    kind     "float": the numbers of the rows to a few ulp, inf and nan included; "complex": choices at kinks are
             made by the real part
    noise    draws an artificial rounding error for each result but those of the first `sound` points; see `rounding`
    return   one array (p,) for each id

    Raises NoFormError when an operation has no form in complex numbers here.

    >>> from minigrad import Value
    >>> x = Value(3.0, label="x")
    >>> e = Expressions()
    >>> (y,) = e.read([x * x + 1])
    >>> evaluate(e, [y], {e.input(x): np.array([1.0, 2.0])})[0].tolist()
    [2.0, 5.0]
    """
    dtype = np.float64 if kind == "float" else np.complex128
    given = {i: np.asarray(x, dtype=dtype).ravel() for i, x in numbers.items()}
    p = max((x.size for x in given.values()), default=1)
    known: dict[int, Any] = {i: x if x.size == p else np.full(p, x[0]) for i, x in given.items()}
    draw = None if noise is None or p <= sound else _Draw(noise, sound, p)
    with np.errstate(all="ignore"):
        for i in e.order(ids, known):
            if i in known:
                continue
            op = e.ops[i]
            if op == "const":
                known[i] = np.full(p, e.number[i], dtype=dtype)
            elif op == "input":
                known[i] = np.full(p, e.leaf[i].data, dtype=dtype)
            else:
                operands = [known[operand] for operand in e.operands[i]]
                if kind == "float":
                    known[i] = (
                        _double(op, operands) if draw is None else draw.rounded(op, _double(op, operands))
                    )
                else:
                    known[i] = _complex(op, operands, draw)
    return [known[i] for i in ids]


class _Draw:
    """Artificial rounding errors for all points but the first `sound`, large ones and then small ones."""

    def __init__(self, noise: np.random.Generator, sound: int, p: int) -> None:
        self.noise, self.sound, self.size = noise, sound, _sizes(p)[sound:]

    def rounded(self, op: str, result: Array) -> Array:
        """A fresh result, in place: of arithmetic one unit, of other functions the four that rows promise."""
        units = self.size if op in _DOUBLES else 4.0 * self.size
        result[self.sound :] *= 1.0 + units * self.noise.uniform(-1.0, 1.0, len(units))
        return result


def _sizes(p: int) -> Array:
    """The size of the artificial errors of each of p numbers: the last third has small ones."""
    return np.where(np.arange(p) < p * (1 + TRIALS) // (1 + TRIALS + CLOSE), NOISE, SMALL)


def rounding(
    e: Expressions,
    ids: Sequence[int],
    numbers: Mapping[int, Array | float],
    kind: Literal["float", "complex"] = "float",
    *,
    uncertain: Iterable[int] = (),
    part: Callable[[Array], Any] = np.asarray,
) -> list[Array]:
    """What rounding in double precision does to the numbers of expressions: a bound, as far as trials can tell.

    uncertain  ids among `numbers` that are themselves rounded
    part       what of a result is meant: np.imag of complex numbers
    return     one array (p,) for each id; infinite where the trials leave the finite numbers

    Each point is computed again several times with an error of its own drawn for each result, far larger than
    those of doubles; what they do to the end, scaled back, bounds what rounding does. (Vignes, A stochastic
    arithmetic for reliable scientific computation, 1993, with larger errors.)

    >>> from minigrad import Value, sigmoid
    >>> z = Value(40.0, label="z")
    >>> e = Expressions()
    >>> (rest,) = e.read([1 - sigmoid(z)])
    >>> bool(1e-16 < rounding(e, [rest], {})[0][0] < 1e-14)
    True
    """
    noise = np.random.default_rng(_SEED)
    dtype = np.float64 if kind == "float" else np.complex128
    given = {i: np.atleast_1d(np.asarray(x, dtype=dtype)) for i, x in numbers.items()}
    for i in e.order(ids, given):
        if e.ops[i] == "input" and i not in given:
            given[i] = np.full(1, e.leaf[i].data, dtype=dtype)
    p = max((x.size for x in given.values()), default=1)
    times = 1 + TRIALS + CLOSE
    repeated = {i: np.tile(np.broadcast_to(x, (p,)), times) for i, x in given.items()}
    draw = _Draw(noise, p, times * p)
    for i in uncertain:
        repeated[i] = draw.rounded("neg", repeated[i])
    bounds = []
    with np.errstate(all="ignore"):
        for tried in evaluate(e, ids, repeated, kind, noise=noise, sound=p):
            several = part(np.broadcast_to(tried, (times * p,))).reshape(times, p)
            away = np.abs(several[1:] - several[0])
            far, near = away[:TRIALS].max(axis=0), away[TRIALS:].max(axis=0)
            bound = SAFETY * np.maximum(far * (EPS / NOISE), near * (EPS / SMALL)) + EPS * np.abs(several[0])
            bounds.append(np.where(np.isfinite(bound), bound, np.inf))
    return bounds


def overflow(e: Expressions, i: int, numbers: Mapping[int, Array | float]) -> npt.NDArray[np.bool_]:
    """Where a part of an expression is infinite, even if the whole is not, as 1/exp(x) far out.

    >>> from minigrad import Value, exp
    >>> x = Value(800.0, label="x")
    >>> e = Expressions()
    >>> (y,) = e.read([1 / exp(x)])
    >>> overflow(e, y, {e.input(x): np.array([700.0, 800.0])}).tolist()
    [False, True]
    """
    parts = evaluate(e, e.order([i], numbers), numbers)
    return np.asarray(np.isinf(np.broadcast_arrays(*parts)).any(axis=0), dtype=np.bool_)


# -- doubles ------------------------------------------------------------------------------------------------

_DOUBLES: dict[str, Callable[..., Array]] = {
    "neg": np.negative, "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide,
}  # fmt: skip


def _double(op: str, operands: list[Array]) -> Array:
    """A row, or one of its computed partials, in doubles; those that IEEE rounds correctly are NumPy's."""
    function = _DOUBLES.get(op)
    if function is not None:
        return function(*operands)
    arrays = [np.ascontiguousarray(x) for x in operands]
    out = np.empty(arrays[0].shape)
    code = CODES.get(op)
    if code is not None and len(arrays) < 3 and RULES[op].arity in (1, 2):
        _core.evaluate_arrays(code, arrays[0], arrays[1] if len(arrays) == 2 else None, out)
    else:
        blocks.evaluate(op, arrays, out)
    return out


# -- complex numbers ----------------------------------------------------------------------------------------


def _times(x: Array, y: Array) -> Array:
    """x * y; a 0 that is exact stays 0 whatever the other is, as 0 log 0 does."""
    return np.where((x == 0) | (y == 0), 0.0, x * y)


def _power(x: Array, y: Array) -> Array:
    """x**y by the logarithm of x, left of 0 by that of -x for a whole y: nothing gets an imaginary part by rounding."""
    left = x.real < 0
    whole = np.floor(y.real) == y.real
    size = np.exp(y * np.log(np.where(left, -x, x)))
    size = np.where((x == 0) & (y.real > 0), 0.0, size)
    size = np.where(y == 1, np.where(left, -x, x), np.where(y == 2, x * x, size))
    odd = np.mod(y.real, 2.0) == 1.0
    signed = np.where(left & odd, -size, size)
    return np.where(y == 0, 1.0, np.where(left & ~whole, np.nan, signed))


def _angle(y: Array, x: Array) -> Any:
    """atan2: the angle of the real parts, and what the rest turns it by."""
    size = np.hypot(x.real, y.real)
    c, s = x.real / size, y.real / size
    across, along = 1j * (c * y.imag - s * x.imag), c * x + s * y
    return np.arctan2(y.real, x.real) + np.arctan(across / along)


def _length(x: Array, y: Array) -> Array:
    """hypot, without overflow on the way."""
    size = np.hypot(x.real, y.real)
    scaled = (x / size) ** 2 + (y / size) ** 2
    return np.where(size == 0, 0.0, size * np.sqrt(scaled))


def _real_domain(function: Callable[[Array], Array], low: float, high: float) -> Callable[[Array], Array]:
    """A function where its real part lies in the domain of the real one, nan elsewhere."""

    def within(x: Array) -> Array:
        return np.where((x.real >= low) & (x.real <= high), function(x), np.nan)

    return within


def _log1p(x: Array) -> Any:
    """NumPy's own loses the digits of a small real part."""
    angle = np.arctan2(x.imag, 1.0 + x.real)
    return np.log1p(x.real) + 0.5 * np.log1p((x.imag / (1.0 + x.real)) ** 2) + 1j * angle


_COMPLEX: dict[str, Callable[..., Any]] = {
    "neg": np.negative, "add": np.add, "sub": np.subtract, "mul": _times, "div": np.divide, "pow": _power,
    "abs": lambda x: np.where(x.real < 0, -x, x),
    "min": lambda x, y: np.where(x.real < y.real, x, y),
    "max": lambda x, y: np.where(x.real > y.real, x, y),
    "where": lambda c, x, y: np.where(c.real != 0, x, y),
    "less": lambda x, y: np.where(x.real < y.real, 1.0 + 0j, 0j),
    "less_equal": lambda x, y: np.where(x.real <= y.real, 1.0 + 0j, 0j),
    "sqrt": _real_domain(np.sqrt, 0.0, np.inf),
    "cbrt": lambda x: np.where(x.real < 0, -_power(-x, np.asarray(1 / 3)), _power(x, np.asarray(1 / 3))),
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1,
    "log": _real_domain(np.log, 0.0, np.inf),
    "log2": _real_domain(np.log2, 0.0, np.inf),
    "log10": _real_domain(np.log10, 0.0, np.inf),
    "log1p": _real_domain(_log1p, -1.0, np.inf),
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "atan": np.arctan, "atan2": _angle,
    "asin": _real_domain(np.arcsin, -1.0, 1.0), "acos": _real_domain(np.arccos, -1.0, 1.0),
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asinh": np.arcsinh,
    "acosh": _real_domain(np.arccosh, 1.0, np.inf), "atanh": _real_domain(np.arctanh, -1.0, 1.0),
    "hypot": _length,
    "sum": lambda *x: np.sum(x, axis=0) if x else np.zeros(1, dtype=complex),
}  # fmt: skip

#: Rows whose text overflows or cancels in doubles, written so that it does not.
_STABLE: dict[str, str] = {
    "sigmoid": "1 / (1 + exp(-x)) if x >= 0 else exp(x) / (1 + exp(x))",
    "softplus": "x + log1p(exp(-x)) if x > 0 else log1p(exp(x))",
    "logsigmoid": "-softplus(-x)",
    "bce_with_logits": "(1 - y) * softplus(z) + y * softplus(-z)",
    "logaddexp": "x + softplus(y - x) if x > y else y + softplus(x - y)",
}


def complex_form(op: str) -> bool:
    """Whether an operation has a form in complex numbers here.

    >>> complex_form("sigmoid"), complex_form("lgamma")
    (True, False)
    """
    rule = RULES[op]
    count = rule.arity or len(rule.operands)
    try:
        with np.errstate(all="ignore"):
            _complex(op, [np.full(1, 0.5 + 0j)] * count)
    except NoFormError:
        return False
    return True


def _complex(op: str, operands: list[Array], draw: _Draw | None = None) -> Any:
    """An operation by name, else by its text; each operation of the text is rounded too."""
    function = _COMPLEX.get(op)
    if function is None and op != "logsumexp":
        shape = operands[0].shape
        return by_text(
            op,
            operands,
            lambda o, x: _complex(o, x, draw),
            lambda x: np.full(shape, x, dtype=complex),
            _STABLE,
        )
    result = _shifted_logsumexp(operands) if function is None else np.array(function(*operands))
    return result if draw is None else draw.rounded(op, result)


def _shifted_logsumexp(x: Sequence[Array]) -> Any:
    largest = np.max([v.real for v in x], axis=0)
    return largest + np.log(np.sum([np.exp(v - largest) for v in x], axis=0))
