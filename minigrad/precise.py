"""Where doubles cancel: the same numbers from integers, with as many bits as it takes.

Room: the slow half of `numeric`, which comes here only where two doubles nearly cancel, where a sum leaves
the doubles on the way, or for the gamma functions left of 0. A real number v is held as the integer
v * 2**p ("fixed" with p bits). Below: nothing of ours. Plain Python, the same compiled and interpreted.
Must hold: the results are right to the last bit or two, and the functions end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction

#: Bits of a fixed number, tried in turn until two results agree: the last hold any double and its square.
_BITS = (192, 288, 640, 1280, 2560, 5120)


def _settled(result: Callable[[int], float]) -> float:
    """`result(bits)` with so many bits that more of them change nothing."""
    value = math.nan
    for bits in _BITS:
        previous, value = value, result(bits)
        if value == previous and value != 0.0:
            break
    return value


def _ratio(numerator: int, denominator: int) -> float:
    """The double nearest to numerator / denominator; a signed infinity beyond the largest."""
    try:
        return numerator / denominator
    except OverflowError:
        return math.inf if (numerator > 0) == (denominator > 0) else -math.inf


def _fixed(x: float, p: int) -> int:
    numerator, denominator = x.as_integer_ratio()
    return (numerator << p) // denominator


# -- sums ---------------------------------------------------------------------------------------------------


def total(numbers: Iterable[float], divisor: int = 1) -> float:
    """The double nearest to the exact sum / divisor of finite numbers."""
    return _ratio(sum(_fixed(x, 1074) for x in numbers), divisor << 1074)


def dot(left: Sequence[float], right: Sequence[float]) -> float:
    """The double nearest to the exact sum of products of finite numbers."""
    return _ratio(sum(_fixed(x, 1074) * _fixed(y, 1074) for x, y in zip(left, right, strict=True)), 1 << 2148)


# -- exponentials and logarithms ----------------------------------------------------------------------------


def _atanh(t: int, p: int) -> int:
    """The inverse hyperbolic tangent for |t| below about 1/3."""
    square, power, result, k = t * t >> p, t, t, 1
    while power:
        power = power * square >> p if power > 0 else -(-power * square >> p)
        k += 2
        result += power // k
    return result


@lru_cache(maxsize=64)
def _log_2(p: int) -> int:
    return 2 * _atanh((1 << p + 20) // 3, p + 20) >> 20


def _exp(x: int, p: int) -> int:
    work = p + 32
    times, rest = divmod(x << 32, _log_2(work))
    rest >>= 8  # the series is taken at rest / 256, then squared eight times
    term = result = 1 << work
    k = 1
    while term:
        term = (term * rest >> work) // k
        result += term
        k += 1
    for _ in range(8):
        result = result * result >> work
    shift = times - 32
    return result << shift if shift >= 0 else result >> -shift


def _log(x: int, p: int) -> int:
    """The logarithm of x > 0."""
    times = x.bit_length() - p
    one = 1 << p
    mantissa = x >> times if times >= 0 else x << -times  # in [1/2, 1)
    if 4 * mantissa < 3 * one:
        mantissa, times = 2 * mantissa, times - 1
    return times * _log_2(p) + 2 * _atanh(((mantissa - one) << p) // (mantissa + one), p)


def logsumexp(numbers: Sequence[float]) -> float:
    """log(exp(x1) + ... + exp(xn)) of finite numbers below 1, where it is close to 0."""

    def result(p: int) -> float:
        one = 1 << p
        excess = sum(_exp(_fixed(x, p), p) for x in numbers) - one
        if 2 * abs(excess) < one:
            return _ratio(2 * _atanh((excess << p) // (2 * one + excess), p), one)
        return _ratio(_log(one + excess, p), one)

    return _settled(result)


def sigmoid_minus(z: float, y: float) -> float:
    """sigmoid(z) - y of finite numbers, where the two are close."""
    if z == 0.0:
        return 0.5 - y

    def result(p: int) -> float:
        one, e, target = 1 << p, _exp(_fixed(z, p), p), _fixed(y, p)
        return _ratio(((one - target) * e >> p) - target, one + e)

    return _settled(result)


# -- the gamma function and its logarithmic derivatives -----------------------------------------------------


@lru_cache(maxsize=64)
def _pi(p: int) -> int:
    """Machin's formula, 16 atan(1/5) - 4 atan(1/239)."""

    def atan_of_inverse(n: int) -> int:
        power = result = (1 << p + 20) // n
        k = 1
        while power:
            power = -power // (n * n)
            k += 2
            result += power // k
        return result

    return 16 * atan_of_inverse(5) - 4 * atan_of_inverse(239) >> 20


def _sine_and_cosine(x: int, p: int) -> tuple[int, int]:
    """For x between 0 and pi / 2."""
    sums = [0, 0, 0, 0]
    term, k = 1 << p, 0
    while term:
        sums[k % 4] += term
        k += 1
        term = (term * x >> p) // k
    return sums[1] - sums[3], sums[0] - sums[2]


@cache
def _bernoulli(n: int) -> Fraction:
    """The Bernoulli number B_n, from sum(comb(n + 1, k) * B_k) = 0."""
    from fractions import Fraction  # not needed by most, and brings the module decimal with it

    if n > 1 and n % 2:
        return Fraction(0)
    known = sum((math.comb(n + 1, k) * _bernoulli(k) for k in range(n)), Fraction(0))
    return Fraction(1) if n == 0 else -known / (n + 1)


def _shift(x: int, p: int, order: int) -> int:
    """How many steps to the right bring x to where the asymptotic series holds p bits."""
    return max(0, p // 6 + order + 8 - (x >> p))


def _log_gamma(x: int, p: int) -> int:
    """For x > 0; DLMF 5.5.1 and 5.11.1."""
    one = 1 << p
    steps = _shift(x, p, 0)
    product, far = one, x + steps * one
    for i in range(steps):
        product = product * (x + i * one) >> p
    result = ((far - one // 2) * _log(far, p) >> p) - far + _log(2 * _pi(p), p) // 2
    inverse = one * one // far
    power, square, k = inverse, inverse * inverse >> p, 1
    while True:
        b = _bernoulli(2 * k) / (2 * k * (2 * k - 1))
        term = power * b.numerator // b.denominator
        if abs(term) <= 1:
            break
        result += term
        power, k = power * square >> p, k + 1
    return result - _log(product, p)


def _polygamma(order: int, x: int, p: int) -> int:
    """For x > 0; DLMF 5.5.2, 5.11.2, 5.15.5 and 5.15.8."""
    one = 1 << p

    def power(base: int, exponent: int) -> int:
        result = one
        for _ in range(exponent):
            result = result * one // base
        return result

    steps = _shift(x, p, order)
    far = x + steps * one
    factorial = math.factorial(order)
    result = factorial * sum(power(x + i * one, order + 1) for i in range(steps))
    result += factorial * power(far, order + 1) // 2
    result += -_log(far, p) if order == 0 else factorial // order * power(far, order)
    inverse_power, square, k = power(far, order + 2), power(far, 2), 1
    while True:
        b = _bernoulli(2 * k) * math.factorial(2 * k + order - 1) / math.factorial(2 * k)
        term = inverse_power * b.numerator // b.denominator
        if abs(term) <= 1:
            break
        result += term
        inverse_power, k = inverse_power * square >> p, k + 1
    return result if order % 2 else -result


def _fraction_of_turn(x: int, p: int) -> tuple[int, int, bool]:
    """|sin(pi x)|, |cos(pi x)| and whether tan(pi x) > 0."""
    rest = x & ((1 << p) - 1)
    positive = 2 * rest <= 1 << p
    if not positive:
        rest = (1 << p) - rest
    sine, cosine = _sine_and_cosine(rest * _pi(p) >> p, p)
    return sine, cosine, positive


def lgamma(x: float) -> float:
    """log(abs(gamma(x))) for a finite x < 0 that is no integer; DLMF 5.5.3."""

    def result(p: int) -> float:
        one, fixed = 1 << p, _fixed(x, p)
        sine, _, _ = _fraction_of_turn(fixed, p)
        if sine <= 0:
            return math.nan  # not enough bits
        return _ratio(_log(_pi(p), p) - _log(sine, p) - _log_gamma(one - fixed, p), one)

    return _settled(result)


def polygamma(order: int, x: float) -> float:
    """The derivative of that order of digamma, for a finite x that is no pole; DLMF 5.5.4 and 5.15.6."""

    def right(p: int) -> float:
        fixed = _fixed(x, p)
        return _ratio(_polygamma(order, fixed, p), 1 << p) if fixed else math.nan

    def left(p: int) -> float:
        one, fixed = 1 << p, _fixed(x, p)
        sine, cosine, positive = _fraction_of_turn(fixed, p)
        if sine <= 0:
            return math.nan  # not enough bits
        cotangent = (cosine << p) // sine
        turn = _pi(p) * _derivative_of_cotangent(order, cotangent if positive else -cotangent, p) >> p
        for _ in range(order):
            turn = turn * _pi(p) >> p
        mirrored = _polygamma(order, one - fixed, p)
        return _ratio((-mirrored if order % 2 else mirrored) - turn, one)

    return _settled(left if x < 0 else right)


def _derivative_of_cotangent(order: int, cotangent: int, p: int) -> int:
    """The derivative of that order of cot, as a polynomial in cot: cot' = -(1 + cot**2)."""
    coefficients = [0, 1]
    for _ in range(order):
        slope = [k * c for k, c in enumerate(coefficients)][1:]
        coefficients = [0] * (len(slope) + 2)
        for k, c in enumerate(slope):
            coefficients[k] -= c
            coefficients[k + 2] -= c
    result = 0
    for c in reversed(coefficients):
        result = (result * cotangent >> p) + (c << p)
    return result
