"""Sums, dot products and log-sum-exp of any number of operands, in one node each.

Room: `nary_<name>(operands, n)` for each row of the table that takes any number of operands. Sums carry
their rounding errors along, and where even that does not do, `precise` takes the exact sum. Types in
`sums.pxd`. Below: `numeric`, `precise`.
Must hold: what `numeric` says: a few ulp, and the same bits compiled and interpreted.
"""

try:
    import cython
except ImportError:  # interpreted, and Cython is not installed
    from minigrad import _cython as cython

from minigrad import precise

if not cython.compiled:
    from math import inf, isfinite, nan

    from minigrad.numeric import (
        LARGE,
        SMALL,
        exp_of_difference,
        fabs,
        log1p,
        near_zero,
        product_error,
        sum_error,
    )


def listed(x, n):
    """The n numbers at x as a list."""
    return [x[i] for i in range(n)]


def settled(s, error, magnitude, n):
    """Whether the compensated sum s + error is as good as the exact one: Ogita, Rump and Oishi (2005)."""
    bound = 1e-31 * magnitude * n * n
    return bound <= 1e-17 * fabs(s + error) and isfinite(s) and (magnitude > SMALL or magnitude == 0.0)


def compensated_sum(x, n, divisor):
    """The sum of n numbers over the divisor: with its rounding errors, or exactly where these do not do."""
    s = -0.0
    error = magnitude = 0.0
    for i in range(n):
        t = s + x[i]
        error += sum_error(s, x[i], t)
        magnitude += fabs(x[i])
        s = t
    if magnitude == 0.0:
        return s / divisor + 0.0
    if magnitude == inf or magnitude != magnitude:
        return overflowed_sum(x, n, divisor)
    if settled(s, error, magnitude, n):
        return (s + error) / divisor
    return precise.total(listed(x, n), divisor)


def overflowed_sum(x, n, divisor):
    """As compensated_sum, where an operand is inf or nan or the magnitudes add up to inf."""
    s = 0.0
    for i in range(n):
        if not isfinite(x[i]):
            s += x[i]
    return precise.total(listed(x, n), divisor) if s == 0.0 else s


def nary_sum(x, n):
    """The sum of n numbers."""
    return compensated_sum(x, n, 1)


def nary_mean(x, n):
    """The mean of n numbers; nan of none."""
    return compensated_sum(x, n, n) if n else nan


def nary_dot(w, x, n):
    """The sum of n products."""
    s = -0.0
    error = magnitude = infinite = 0.0
    for i in range(n):
        p = w[i] * x[i]
        t = s + p
        magnitude += fabs(p)
        if p != 0.0 and (fabs(p) < SMALL or fabs(w[i]) > LARGE or fabs(x[i]) > LARGE):
            magnitude += inf  # product_error is not exact there
        else:
            error += sum_error(s, p, t) + product_error(w[i], x[i], p)
        if not isfinite(w[i]) or not isfinite(x[i]):
            infinite += p
        s = t
    if infinite != 0.0:
        return infinite
    if magnitude == 0.0 and not underflows(w, x, n):
        return s + 0.0
    if settled(s, error, magnitude, n) and magnitude < inf:
        return s + error
    return precise.dot(listed(w, n), listed(x, n))


def underflows(w, x, n):
    """Whether a product of two numbers other than 0 is 0."""
    for i in range(n):  # noqa: SIM110  (any() would make a Python generator)
        if w[i] != 0.0 and x[i] != 0.0:
            return True
    return False


def largest(x, n):
    """The place of the largest number, or of a nan."""
    best = 0
    for i in range(1, n):
        if x[i] > x[best] or x[i] != x[i]:
            best = i
    return best


def excess(x, n, best):
    """The sum of exp(x[i] - x[best]) over all i but best."""
    s = error = 0.0
    for i in range(n):
        if i != best:
            e = exp_of_difference(x[i], x[best])
            t = s + e
            error += sum_error(s, e, t)
            s = t
    return s + error


def nary_logsumexp(x, n):
    """log(exp(x1) + ... + exp(xn)); -inf of none."""
    if n == 0:
        return -inf
    best = largest(x, n)
    m = x[best]
    if not isfinite(m):
        return m
    r = m + log1p(excess(x, n, best))
    if near_zero(m, r) and n > 1:
        return precise.logsumexp([v for v in listed(x, n) if isfinite(v)])
    return r


def nary_softmax(x, n, partials):
    """Fill the partials with exp(x[i]) / (exp(x1) + ... + exp(xn))."""
    if n == 0:
        return 0
    best = largest(x, n)
    s = 1.0 + excess(x, n, best)
    for i in range(n):
        partials[i] = exp_of_difference(x[i], x[best]) / s
    return 0
