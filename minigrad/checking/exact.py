"""Expressions in as many digits as it takes, with a bound on what is lost on the way.

Room: mpmath's numbers (extra `check`), each with a bound on its absolute error, so that cancellation is seen and met
with more digits instead of being met with luck. Rows are computed from their text, by a few functions of mpmath's.
Below: `expression`, `text`. Above: `arithmetic` hands this on; `referees` differentiates with it.
Must hold: no recursion over a graph; the bounds are first-order and generous; a result that is lost all the same at
`MOST_BITS` is nan, never a wrong number.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from minigrad.checking.text import by_text
from minigrad.expression import Expressions
from minigrad.extras import MissingPackageError

#: A number of mpmath's: sign, mantissa, exponent, bits of the mantissa.
Raw: TypeAlias = tuple[int, int, int, int]

#: Bits to begin with, and the most that are tried.
BITS, MOST_BITS = 420, 9000
#: The most where one of these is among the operations, which take minutes for thousands of bits.
SLOW_BITS, SLOW = 500, frozenset(("lgamma", "digamma", "polygamma"))

EXACT = -(1 << 60)
LOST = 1 << 60
_here = threading.local()


def library() -> Any:
    """mpmath, or an error that says how to get it."""
    try:
        import mpmath
    except ImportError:
        raise MissingPackageError('50-digit arithmetic needs mpmath: pip install "minigrad[check]"') from None
    return mpmath


def context() -> Any:
    """A context of mpmath's for this thread alone: the user's own `mp.dps` stays what it is."""
    if not hasattr(_here, "context"):
        _here.context = library().MPContext()
    return _here.context


class Number(NamedTuple):
    """A number as mpmath keeps it (sign, mantissa, exponent, bits), and the exponent of 2 that bounds its error."""

    x: Raw
    error: int

    @property
    def certain(self) -> int:
        """How many bits are right; negative where none is."""
        return magnitude(self.x) - self.error if self.x[1] else (-LOST if self.error > EXACT else LOST)


def magnitude(x: Raw) -> int:
    """The exponent of 2 that bounds a number from above."""
    if x[1]:
        return x[2] + x[3]
    return LOST if x[2] else EXACT


def _special(x: Raw) -> bool:
    """Infinite or nan."""
    return not x[1] and x[2] != 0


class Digits:
    """The numbers of expressions at one point, to `bits` bits or as far as cancellation leaves them.

    numbers  id -> a double or a number of mpmath's, taken as exact; also of inner ids
    values   id -> Number, of everything computed so far
    unsure   ids of choices that were made between numbers too close to tell apart
    """

    def __init__(self, e: Expressions, numbers: Mapping[int, Any], bits: int = BITS) -> None:
        self.e = e
        self.bits = bits
        self._ctx = context()
        self._lib = library().libmp
        self._constants: dict[float, Number] = {}
        self.values = {i: self.given(x) for i, x in numbers.items()}
        self.unsure: set[int] = set()
        self._at = -1
        self._forced = 0

    def given(self, x: Any) -> Number:
        """A double, or a number of mpmath's, taken as exact."""
        if hasattr(x, "_mpf_"):
            return Number(x._mpf_, EXACT)
        found = self._constants.get(x)
        if found is None:
            found = self._constants[x] = Number(self._lib.from_float(float(x)), EXACT)
        return found

    def of(self, ids: Iterable[int]) -> list[Number]:
        """The numbers of expressions."""
        wanted, values = list(ids), self.values
        for i in self.e.order(wanted, values):
            if i not in values:
                values[i] = self._one(i, values)
        return [values[i] for i in wanted]

    def moved(self, i: int, x: Number, path: Sequence[int], forced: Mapping[int, int] = {}) -> Number:
        """The last expression of `path` with the number x in the place of expression i.

        path    what lies between i and the result, operands first
        forced  id of a choice -> 1 or -1: as if its first operand were the larger, or the smaller
        """
        changed, rest, e = {i: x}, self.values, self.e
        ops, operands_of = e.ops, e.operands
        for j in path:
            if j in changed:
                continue
            operands = [changed[k] if k in changed else rest[k] for k in operands_of[j]]
            self._at, self._forced = j, forced.get(j, 0)
            changed[j] = self.apply(ops[j], operands) if operands else self._one(j, rest)
        self._forced = 0
        last = path[-1]
        return changed[last] if last in changed else rest[last]

    def _one(self, i: int, values: Any) -> Number:
        e = self.e
        op = e.ops[i]
        if op == "const":
            return self.given(e.number[i])
        if op == "input":
            return self.given(e.leaf[i].data)
        self._at = i
        return self.apply(op, [values[operand] for operand in e.operands[i]])

    # -- operations -----------------------------------------------------------------------------------

    def apply(self, op: str, operands: list[Number]) -> Number:
        """One operation of the table."""
        method = _METHODS.get(op)
        if method is not None:
            return method(self, *operands)
        function = _FUNCTIONS.get(op)
        if function is None:
            made: Number = by_text(op, operands, self.apply, self.given)
            return made
        x = self._call(function, [number.x for number in operands])
        felt = [self._felt(function, x, operands, k) for k, n in enumerate(operands) if n.error > EXACT]
        return Number(x, max([magnitude(x) - self.bits + 2, *felt]) + 1)

    def _felt(self, function: Callable[..., Any], x: Raw, operands: list[Number], k: int) -> int:
        """What the error of operand k does to a result: it is tried, on either side."""
        if operands[k].error >= LOST // 2:
            return LOST
        lib, felt = self._lib, EXACT
        for sign in (1, -1):
            moved = [number.x for number in operands]
            moved[k] = lib.mpf_add(moved[k], lib.from_man_exp(sign, operands[k].error), self.bits, "n")
            away = lib.mpf_sub(self._call(function, moved), x, self.bits, "n")
            felt = max(felt, magnitude(away))
        return felt + 1

    def _call(self, function: Callable[..., Any], operands: list[Raw]) -> Raw:
        """A function of mpmath's; nan where it is complex or has a pole, infinite where it divides by 0."""
        ctx = self._ctx
        if ctx.prec != self.bits:
            ctx.prec = self.bits
        try:
            x = function(ctx, *map(ctx.make_mpf, operands))
        except ZeroDivisionError:
            return ctx.inf._mpf_  # type: ignore[no-any-return]
        except (ValueError, OverflowError, ArithmeticError):
            return ctx.nan._mpf_  # type: ignore[no-any-return]
        return x._mpf_ if hasattr(x, "_mpf_") else ctx.nan._mpf_  # type: ignore[no-any-return]

    def _rounded(self, x: Raw, error: int) -> Number:
        return Number(x, max(error, magnitude(x) - self.bits) + 1)

    def _compare(self, x: Number, y: Number) -> int:
        """1, 0 or -1 as x is larger, equal or smaller; remembers where that is not sure."""
        if self._forced:
            return self._forced
        away = self._lib.mpf_sub(x.x, y.x, self.bits, "n")
        error = max(x.error, y.error)
        if error > EXACT and magnitude(away) <= error + 1:
            self.unsure.add(self._at)
        return int(self._lib.mpf_sign(away))

    def _neg(self, x: Number) -> Number:
        return Number(self._lib.mpf_neg(x.x), x.error)

    def _add(self, x: Number, y: Number) -> Number:
        total = self._lib.mpf_add(x.x, y.x, self.bits, "n")
        error = max(x.error, y.error)
        if error == EXACT and _span(x.x, y.x) <= self.bits:
            return Number(total, EXACT)
        return self._rounded(total, error)

    def _sub(self, x: Number, y: Number) -> Number:
        return self._add(x, self._neg(y))

    def _mul(self, x: Number, y: Number) -> Number:
        for number in (x, y):
            if number.error == EXACT and not number.x[1] and not number.x[2]:
                return number  # 0 log 0 = 0
        product = self._lib.mpf_mul(x.x, y.x, self.bits, "n")
        if x.error == y.error == EXACT and x.x[3] + y.x[3] <= self.bits:
            return Number(product, EXACT)
        return self._rounded(product, max(x.error + magnitude(y.x), y.error + magnitude(x.x)))

    def _div(self, x: Number, y: Number) -> Number:
        lib = self._lib
        if x.x == lib.fzero and x.error == EXACT and y.x[1]:
            return x
        if not y.x[1] and y.error <= EXACT // 2:  # 0, but for a product of errors that are none
            sign = lib.mpf_sign(x.x) if not y.x[2] else 0
            return Number(lib.finf if sign > 0 else lib.fninf if sign < 0 else lib.fnan, EXACT)
        size = magnitude(y.x)
        if y.error >= size - 1:
            return Number(lib.fnan, LOST)  # may be 0
        quotient = lib.mpf_div(x.x, y.x, self.bits, "n")
        return self._rounded(quotient, max(x.error - size + 1, y.error + magnitude(x.x) - 2 * size + 2))

    def _exp(self, x: Number) -> Number:
        lib = self._lib
        if x.x == lib.fzero and x.error == EXACT:
            return Number(lib.fone, EXACT)
        result = lib.mpf_exp(x.x, self.bits, "n")
        return self._rounded(result, x.error + magnitude(result) + 1 if x.error <= 0 else LOST)

    def _log(self, x: Number) -> Number:
        lib, size = self._lib, magnitude(x.x)
        if x.error >= size - 1:
            return Number(lib.fninf if x.error == EXACT else lib.fnan, x.error)
        if _special(x.x) or x.x[0]:
            return Number(x.x if x.x == lib.finf else lib.fnan, EXACT)
        return self._rounded(lib.mpf_log(x.x, self.bits, "n"), x.error - size + 2)

    def _pow(self, x: Number, y: Number) -> Number:
        if y.error == EXACT and y.x == self._lib.from_int(2):
            return self._mul(x, x)
        operands, power = [x, y], _FUNCTIONS["power"]
        result = self._call(power, [x.x, y.x])
        felt = [self._felt(power, result, operands, k) for k in (0, 1) if operands[k].error > EXACT]
        return self._rounded(result, max(felt, default=EXACT))

    def _abs(self, x: Number) -> Number:
        return self._neg(x) if self._compare(x, self.given(0.0)) < 0 else x

    def _sign(self, x: Number) -> Number:
        return self.given(float(self._compare(x, self.given(0.0))))

    def _min(self, x: Number, y: Number) -> Number:
        return x if self._compare(x, y) < 0 else y

    def _max(self, x: Number, y: Number) -> Number:
        return x if self._compare(x, y) > 0 else y

    def _less(self, x: Number, y: Number) -> Number:
        return self.given(float(self._compare(x, y) < 0))

    def _less_equal(self, x: Number, y: Number) -> Number:
        return self.given(float(self._compare(x, y) <= 0))

    def _where(self, c: Number, x: Number, y: Number) -> Number:
        return x if c.x[1] else y

    def _sum(self, *x: Number) -> Number:
        total = self.given(0.0)
        for number in x:
            total = self._add(total, number)
        return total


_METHODS: dict[str, Callable[..., Number]] = {
    name: getattr(Digits, f"_{name}")
    for name in (
        "neg", "add", "sub", "mul", "div", "exp", "log", "pow", "abs", "sign", "min", "max", "less", "less_equal",
        "where", "sum",
    )
}  # fmt: skip


def _cube_root(ctx: Any, x: Any) -> Any:
    return -ctx.cbrt(-x) if x < 0 else ctx.cbrt(x)


def _log_gamma(ctx: Any, x: Any) -> Any:
    """log|gamma|; left of 0 by reflection, DLMF 5.5.3."""
    return ctx.loggamma(x) if x > 0 else ctx.log(ctx.pi / abs(ctx.sinpi(x))) - ctx.loggamma(1 - x)


def _digamma(ctx: Any, x: Any) -> Any:
    """Left of 0 by reflection, DLMF 5.5.4."""
    return ctx.psi(0, x) if x > 0 else ctx.psi(0, 1 - x) - ctx.pi * ctx.cospi(x) / ctx.sinpi(x)


def _within(name: str, low: float, high: float) -> Callable[..., Any]:
    return lambda ctx, x: getattr(ctx, name)(x) if low <= x <= high else ctx.nan


#: Functions by name, for a context and its numbers.
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sqrt": lambda ctx, x: ctx.sqrt(x), "cbrt": _cube_root,
    "log2": lambda ctx, x: ctx.log(x) / ctx.ln2 if x > 0 else -1 / x,
    "log10": lambda ctx, x: ctx.log(x) / ctx.ln10 if x > 0 else -1 / x,
    "sin": lambda ctx, x: ctx.sin(x), "cos": lambda ctx, x: ctx.cos(x), "tan": lambda ctx, x: ctx.tan(x),
    "asin": _within("asin", -1.0, 1.0), "acos": _within("acos", -1.0, 1.0), "atan": lambda ctx, x: ctx.atan(x),
    "atan2": lambda ctx, y, x: ctx.atan2(y, x),
    "sinh": lambda ctx, x: ctx.sinh(x), "cosh": lambda ctx, x: ctx.cosh(x), "tanh": lambda ctx, x: ctx.tanh(x),
    "asinh": lambda ctx, x: ctx.asinh(x), "acosh": _within("acosh", 1.0, float("inf")),
    "atanh": _within("atanh", -1.0, 1.0),
    "power": lambda ctx, x, y: ctx.power(x, y),
    "erf": lambda ctx, x: ctx.erf(x), "erfc": lambda ctx, x: ctx.erfc(x),
    "lgamma": _log_gamma, "digamma": _digamma,
    "polygamma": lambda ctx, n, x: ctx.psi(int(n), x) if n == int(n) and n >= 1 else ctx.nan,
}  # fmt: skip


def _span(x: Raw, y: Raw) -> int:
    """How many bits the exact sum of two numbers may need."""
    if not x[1] or not y[1]:
        return LOST if _special(x) or _special(y) else 0
    return max(x[2] + x[3], y[2] + y[3]) - min(x[2], y[2]) + 1


# -- values -------------------------------------------------------------------------------------------------


def most_bits(e: Expressions, ids: Iterable[int]) -> int:
    """How many bits are tried at most."""
    return SLOW_BITS if any(e.ops[i] in SLOW for i in e.order(ids)) else MOST_BITS


def evaluate_exact(
    e: Expressions, ids: Sequence[int], numbers: Mapping[int, Any], digits: int = 50
) -> list[Any]:
    """The numbers of expressions at one point, to `digits` digits, as mpmath's numbers.

    numbers  id -> a double or a number of mpmath's, taken as exact; also of inner ids; an input that is not among
             them has the number of its Value
    return   one for each id; nan where it has no value, or none that MOST_BITS bits can tell

    Raises MissingPackageError (an ImportError) when mpmath is not installed, NoFormError when an operation has no
    form here.

    >>> from minigrad import Value, sigmoid
    >>> z = Value(40.0, label="z")
    >>> e = Expressions()
    >>> (rest,) = e.read([1 - sigmoid(z)])
    >>> (digits,) = evaluate_exact(e, [rest], {})
    >>> library().nstr(digits, 30)
    '4.2483542552915889772807209044e-18'
    """
    wanted = int(digits * 3.33) + 4
    most = most_bits(e, ids)
    point = Digits(e, numbers, max(BITS, wanted + 60))
    while True:
        results = point.of(ids)
        if all(result.certain >= wanted for result in results) or point.bits >= most:
            break
        point = Digits(e, numbers, min(most, 2 * point.bits))
    ctx = context()
    return [
        ctx.make_mpf(result.x) if result.certain >= wanted or _zero(result, point.bits) else ctx.nan
        for result in results
    ]


def _zero(number: Number, bits: int) -> bool:
    """Whether nothing but 0 is left of a number, as of x - x."""
    return (
        not number.x[1]
        and not number.x[2]
        and number.error < (-bits // 2 if bits > SLOW_BITS else EXACT // 2)
    )
