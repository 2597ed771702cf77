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
from typing import Any, NamedTuple

from minigrad.checking.text import by_text
from minigrad.expression import Expressions
from minigrad.extras import MissingPackageError

#: Bits to begin with, and the most that are tried.
BITS, MOST_BITS = 420, 9000
#: How far below a number the step lies by which a function of it is differenced, in bits.
STEP = 180
#: How many bits of a derivative must be right.
WANTED = 170

_EXACT = -(1 << 60)
_LOST = 1 << 60
_here = threading.local()


def library() -> Any:
    """mpmath, or an error that says how to get it."""
    try:
        import mpmath
    except ImportError:
        raise MissingPackageError('50-digit arithmetic needs mpmath: pip install "minigrad[check]"') from None
    return mpmath


def _context() -> Any:
    """A context of mpmath's for this thread alone: the user's own `mp.dps` stays what it is."""
    if not hasattr(_here, "context"):
        _here.context = library().MPContext()
    return _here.context


class Number(NamedTuple):
    """A number of mpmath's, and the exponent of 2 that bounds its absolute error."""

    x: Any
    error: int

    @property
    def certain(self) -> int:
        """How many bits are right; negative where none is."""
        return _magnitude(self.x) - self.error if self.x else (-_LOST if self.error > _EXACT else _LOST)


def _magnitude(x: Any) -> int:
    """The exponent of 2 that bounds a number from above."""
    _, mantissa, exponent, count = x._mpf_
    return int(exponent + count) if mantissa else (_EXACT if not x else _LOST)


class Digits:
    """The numbers of expressions at one point, to `bits` bits or as far as cancellation leaves them.

    numbers  id -> a double or a number of mpmath's, taken as exact; also of inner ids
    values   id -> Number, of everything computed so far
    unsure   ids of choices that were made between numbers too close to tell apart
    """

    def __init__(self, e: Expressions, numbers: Mapping[int, Any], bits: int = BITS) -> None:
        self.e = e
        self.bits = bits
        self._ctx = _context()
        self._ctx.prec = bits
        self.values = {i: self.given(x) for i, x in numbers.items()}
        self.unsure: set[int] = set()
        self._at = -1
        self._forced = 0

    def given(self, x: Any) -> Number:
        """A double, or a number of mpmath's, taken as exact."""
        made = self._ctx.make_mpf(x._mpf_) if hasattr(x, "_mpf_") else self._ctx.mpf(float(x))
        return Number(made, _EXACT)

    def of(self, ids: Iterable[int]) -> list[Number]:
        """The numbers of expressions."""
        wanted = list(ids)
        self._ctx.prec = self.bits
        for i in self.e.order(wanted, self.values):
            if i not in self.values:
                self.values[i] = self._one(i, self.values)
        return [self.values[i] for i in wanted]

    def moved(self, i: int, x: Any, path: Sequence[int], forced: Mapping[int, int] = {}) -> Number:
        """The last expression of `path` with the number x in the place of expression i.

        path    what lies between i and the result, operands first
        forced  id of a choice -> 1 or -1: as if its first operand were the larger, or the smaller
        """
        self._ctx.prec = self.bits
        changed = {i: self.given(x)}
        values = _Layered(changed, self.values)
        for j in path:
            if j not in changed:
                self._forced = forced.get(j, 0)
                changed[j] = self._one(j, values)
        self._forced = 0
        return values[path[-1]]

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
        error = _magnitude(x) - self.bits + 2
        for k, number in enumerate(operands):
            if number.error > _EXACT:
                error = max(error, self._felt(function, x, operands, k))
        return Number(x, error + 1)

    def _felt(self, function: Callable[..., Any], x: Any, operands: list[Number], k: int) -> int:
        """What the error of operand k does to a result: it is tried, on either side."""
        if operands[k].error >= _LOST // 2:
            return _LOST
        felt = _EXACT
        for sign in (1, -1):
            moved = [number.x for number in operands]
            moved[k] += sign * self._ctx.ldexp(1, operands[k].error)
            felt = max(felt, _magnitude(self._call(function, moved) - x))
        return felt + 1

    def _call(self, function: Callable[..., Any], operands: list[Any]) -> Any:
        """A function of mpmath's; nan where it is complex or has a pole, infinite where it divides by 0."""
        try:
            x = function(self._ctx, *operands)
        except ZeroDivisionError:
            return self._ctx.inf
        except (ValueError, OverflowError, ArithmeticError):
            return self._ctx.nan
        return x if hasattr(x, "_mpf_") else self._ctx.nan

    def _rounded(self, x: Any, error: int) -> Number:
        return Number(x, max(error, _magnitude(x) - self.bits) + 1)

    def _compare(self, x: Number, y: Number) -> int:
        """1, 0 or -1 as x is larger, equal or smaller; remembers where that is not sure."""
        if self._forced:
            return self._forced
        away = x.x - y.x
        if max(x.error, y.error) > _EXACT and _magnitude(away) <= max(x.error, y.error) + 1:
            self.unsure.add(self._at)
        return 1 if away > 0 else -1 if away < 0 else 0

    def _neg(self, x: Number) -> Number:
        return Number(-x.x, x.error)

    def _add(self, x: Number, y: Number) -> Number:
        total = x.x + y.x
        error = max(x.error, y.error)
        if error == _EXACT and _span(x.x, y.x) <= self.bits:
            return Number(total, _EXACT)
        return self._rounded(total, error)

    def _sub(self, x: Number, y: Number) -> Number:
        return self._add(x, Number(-y.x, y.error))

    def _mul(self, x: Number, y: Number) -> Number:
        for number in (x, y):
            if not number.x and number.error == _EXACT:
                return number  # 0 log 0 = 0
        product = x.x * y.x
        if x.error == y.error == _EXACT and x.x._mpf_[3] + y.x._mpf_[3] <= self.bits:
            return Number(product, _EXACT)
        return self._rounded(product, max(x.error + _magnitude(y.x), y.error + _magnitude(x.x)))

    def _div(self, x: Number, y: Number) -> Number:
        if not x.x and x.error == _EXACT and y.x:
            return x
        size = _magnitude(y.x)
        if y.error >= size - 1:
            return Number(self._ctx.nan, _LOST)  # may be 0
        if not y.x:
            return Number(self._ctx.inf if x.x > 0 else -self._ctx.inf if x.x < 0 else self._ctx.nan, _EXACT)
        quotient = x.x / y.x
        return self._rounded(quotient, max(x.error - size + 1, y.error + _magnitude(x.x) - 2 * size + 2))

    def _exp(self, x: Number) -> Number:
        if not x.x and x.error == _EXACT:
            return Number(self._ctx.one, _EXACT)
        result = self._ctx.exp(x.x)
        return self._rounded(result, x.error + _magnitude(result) + 1 if x.error <= 0 else _LOST)

    def _log(self, x: Number) -> Number:
        size = _magnitude(x.x)
        if x.error >= size - 1:
            return Number(self._ctx.nan, _LOST)
        if x.x <= 0:
            return Number(self._ctx.nan if x.x else -self._ctx.inf, _EXACT)
        return self._rounded(self._ctx.log(x.x), x.error - size + 2)

    def _pow(self, x: Number, y: Number) -> Number:
        if y.error == _EXACT and y.x == 2:
            return self._mul(x, x)
        operands, power = [x, y], _FUNCTIONS["power"]
        result = self._call(power, [x.x, y.x])
        felt = [self._felt(power, result, operands, k) for k in (0, 1) if operands[k].error > _EXACT]
        return self._rounded(result, max(felt, default=_EXACT))

    def _abs(self, x: Number) -> Number:
        return Number(-x.x, x.error) if self._compare(x, self.given(0.0)) < 0 else x

    def _sign(self, x: Number) -> Number:
        return self.given(self._compare(x, self.given(0.0)))

    def _min(self, x: Number, y: Number) -> Number:
        return x if self._compare(x, y) < 0 else y

    def _max(self, x: Number, y: Number) -> Number:
        return x if self._compare(x, y) > 0 else y

    def _less(self, x: Number, y: Number) -> Number:
        return self.given(self._compare(x, y) < 0)

    def _less_equal(self, x: Number, y: Number) -> Number:
        return self.given(self._compare(x, y) <= 0)

    def _where(self, c: Number, x: Number, y: Number) -> Number:
        return x if c.x else y

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
    "erf": lambda ctx, x: ctx.erf(x),
    "lgamma": _log_gamma, "digamma": _digamma,
    "polygamma": lambda ctx, n, x: ctx.psi(int(n), x) if n == int(n) and n >= 1 else ctx.nan,
}  # fmt: skip


def _span(x: Any, y: Any) -> int:
    """How many bits the exact sum of two numbers may need."""
    _, a, low_x, count_x = x._mpf_
    _, b, low_y, count_y = y._mpf_
    if not a or not b:
        return 0 if x + y - x - y == 0 else _LOST
    return int(max(low_x + count_x, low_y + count_y) - min(low_x, low_y)) + 1


class _Layered:
    """Numbers that changed before those that did not."""

    __slots__ = ("changed", "rest")

    def __init__(self, changed: dict[int, Number], rest: dict[int, Number]) -> None:
        self.changed = changed
        self.rest = rest

    def __getitem__(self, i: int) -> Number:
        found = self.changed.get(i)
        return self.rest[i] if found is None else found


# -- values -------------------------------------------------------------------------------------------------


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
    >>> print(evaluate_exact(e, [rest], {})[0] * 10**18)
    4.24835425529158897...
    """
    wanted = int(digits * 3.33) + 4
    point = Digits(e, numbers, max(BITS, wanted + 60))
    while True:
        results = point.of(ids)
        if all(result.certain >= wanted for result in results) or point.bits >= MOST_BITS:
            break
        point = Digits(e, numbers, min(MOST_BITS, 2 * point.bits))
    nan = _context().nan
    return [result.x if result.certain >= wanted or _zero(result, point.bits) else nan for result in results]


def _zero(number: Number, bits: int) -> bool:
    """Whether nothing but 0 is left of a number, as of x - x."""
    return not number.x and number.error < -bits // 2


# -- derivatives --------------------------------------------------------------------------------------------


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
    def kink(self) -> bool:
        """Whether the derivatives from the left and from the right differ."""
        return bool(abs(self.right - self.left) > 1e-9 * (abs(self.right) + abs(self.left)))


class Slopes:
    """The derivatives of one expression at one point, to 50 digits; more bits are taken where they are needed.

    e, numbers  as of Digits
    output      id of what is differentiated
    """

    def __init__(self, e: Expressions, output: int, numbers: Mapping[int, Any]) -> None:
        self.e = e
        self.output = output
        self.numbers = numbers
        self._points: dict[int, Digits] = {}

    def point(self, bits: int = BITS) -> Digits:
        """The numbers at the point, to so many bits."""
        if bits not in self._points:
            self._points[bits] = Digits(self.e, self.numbers, bits)
            self._points[bits].of([self.output])
        return self._points[bits]

    def number(self, i: int, bits: int = BITS) -> Any:
        """What an expression is at the point."""
        return self.point(bits).of([i])[0].x

    def by(self, i: int, path: Sequence[int], *, at: Any = None, forced: Mapping[int, int] = {}) -> Slope:
        """The derivative by expression i, which is taken for an input.

        path    what lies between i and the output, operands first
        at      its number, by default what it is at the point
        forced  see `Digits.moved`
        """
        x = self.number(i) if at is None else at
        size = _magnitude(x) if x else 0
        step = size - STEP
        bits = BITS + 128 * (max(0, -size) // 128)
        while True:
            x = self.number(i, bits) if at is None else at
            slope, enough = self._differences(bits, i, x, step, path, forced, at is None and not forced)
            if enough or bits >= MOST_BITS or (not slope.value and bits > 2 * BITS):
                return slope
            bits = min(MOST_BITS, 3 * bits)

    def _differences(
        self,
        bits: int,
        i: int,
        x: Any,
        step: int,
        path: Sequence[int],
        forced: Mapping[int, int],
        known: bool,
    ) -> tuple[Slope, bool]:
        """The slope to so many bits, and whether they are enough; `known`: the value at x is that of the point."""
        point, ctx = self.point(bits), _context()
        ctx.prec = bits
        h = ctx.ldexp(1, step)
        middle = point.values[self.output] if known else point.moved(i, x, path, forced)
        below, above = (point.moved(i, x + sign * h, path, forced) for sign in (-1, 1))
        left, right = (middle.x - below.x) / h, (above.x - middle.x) / h
        value = (left + right) / 2
        worst = max(number.error for number in (middle, below, above))
        if worst == _EXACT:
            return Slope(value, abs(right - left), left, right), True
        lost = worst - step + 1
        error = abs(right - left) + (ctx.ldexp(1, lost) if lost < _LOST // 2 else ctx.inf)
        return Slope(value, error, left, right), bool(value) and _magnitude(value) - lost >= WANTED
