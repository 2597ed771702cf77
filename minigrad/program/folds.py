"""Sums, dot products and log-sum-exp over a block: operands in, one number a row out.

Room: `fold_<name>` for each row of the table that takes any number of operands, over C's pointers; copied into the
generated `kernels` (by `program/generate.py`). It goes over some rows at a time, operand after operand, so that each
step is a loop that a C compiler vectorises. Rows where it is unsure are taken again as they are recorded. A row of
the table that has no fold is taken so altogether. While interpreted, `blocks` has the same over arrays.
Must hold: what `sums` says: a few ulp.
"""

from __future__ import annotations

from typing import Any

try:
    import cython
except ImportError:
    from minigrad import _cython as cython

from minigrad.program.lanes import exp_of_difference, product_error, sum_error

reader = readers = writer = Any


@cython.cfunc
@cython.with_gil
@cython.exceptval(check=False)
def one_row(op: cython.int, a: readers, count: cython.Py_ssize_t, i: cython.Py_ssize_t) -> cython.double:
    """The value of row i as it is recorded."""
    k: cython.Py_ssize_t
    numbers: cython.p_double = cython.cast(cython.p_double, malloc(2 * count * 8 + 8))
    if numbers == cython.NULL:
        return nan
    for k in range(count):
        numbers[k] = a[k][i]
    value: cython.double = evaluate_n(op, numbers, count, numbers + count)
    free(numbers)
    return value


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def row_by_row(
    op: cython.int, a: readers, count: cython.Py_ssize_t, out: writer, n: cython.Py_ssize_t
) -> cython.void:
    """An operation that has no fold."""
    i: cython.Py_ssize_t
    for i in range(n):
        out[i] = one_row(op, a, count, i)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def settled(
    s: cython.double, error: cython.double, magnitude: cython.double, count: cython.Py_ssize_t
) -> cython.bint:
    """Whether the compensated sum s + error is as good as the exact one: Ogita, Rump and Oishi (2005)."""
    bound: cython.double = 1e-31 * magnitude * count * count
    return bound <= 1e-17 * fabs(s + error) and magnitude < inf and (magnitude > 1e-290 or magnitude == 0.0)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def sums(
    op: cython.int,
    a: readers,
    count: cython.Py_ssize_t,
    divisor: cython.double,
    out: writer,
    n: cython.Py_ssize_t,
) -> cython.void:
    """The sum of each row over the divisor, its rounding errors carried along."""
    s: cython.double[64]
    error: cython.double[64]
    magnitude: cython.double[64]
    infinite: cython.double[64]  # the sum of the operands that are not finite
    first: cython.Py_ssize_t = 0
    width: cython.Py_ssize_t
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    x: reader
    t: cython.double
    while first < n:
        width = min(n - first, 64)
        for i in range(width):
            s[i] = -0.0
            error[i] = magnitude[i] = infinite[i] = 0.0
        for k in range(count):
            x = a[k] + first
            for i in range(width):
                t = s[i] + x[i]
                error[i] += sum_error(s[i], x[i], t)
                magnitude[i] += fabs(x[i])
                infinite[i] += select(fabs(x[i]) < inf, 0.0, x[i])
                s[i] = t
        for i in range(width):
            if infinite[i] != 0.0:
                out[first + i] = infinite[i]
            elif settled(s[i], error[i], magnitude[i], count):
                out[first + i] = (s[i] + error[i]) / divisor + 0.0
            else:
                out[first + i] = one_row(op, a, count, first + i)
        first += width


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fold_sum(
    op: cython.int, a: readers, count: cython.Py_ssize_t, out: writer, n: cython.Py_ssize_t
) -> cython.void:
    """The sum of each row."""
    sums(op, a, count, 1.0, out, n)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fold_mean(
    op: cython.int, a: readers, count: cython.Py_ssize_t, out: writer, n: cython.Py_ssize_t
) -> cython.void:
    """The mean of each row."""
    sums(op, a, count, count, out, n)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fold_dot(
    op: cython.int, a: readers, count: cython.Py_ssize_t, out: writer, n: cython.Py_ssize_t
) -> cython.void:
    """The sum of products of each row: the first half of the operands with the second."""
    s: cython.double[64]
    error: cython.double[64]
    magnitude: cython.double[64]
    infinite: cython.double[64]  # the sum of the products of operands that are not finite
    small: cython.double[64]  # whether a product is so small that its error is none
    half: cython.Py_ssize_t = count // 2
    first: cython.Py_ssize_t = 0
    width: cython.Py_ssize_t
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    w: reader
    x: reader
    p: cython.double
    t: cython.double
    while first < n:
        width = min(n - first, 64)
        for i in range(width):
            s[i] = -0.0
            error[i] = magnitude[i] = infinite[i] = small[i] = 0.0
        for k in range(half):
            w = a[k] + first
            x = a[half + k] + first
            for i in range(width):
                p = w[i] * x[i]
                t = s[i] + p
                error[i] += sum_error(s[i], p, t) + product_error(w[i], x[i], p)
                # Dekker's product is exact between these bounds, which hold for a product of 0 by a factor 0.
                magnitude[i] += select((fabs(w[i]) > 1e290) | (fabs(x[i]) > 1e290), inf, fabs(p))
                infinite[i] += select((fabs(w[i]) < inf) & (fabs(x[i]) < inf), 0.0, p)
                small[i] += select((fabs(p) < 1e-290) & (w[i] != 0.0) & (x[i] != 0.0), 1.0, 0.0)
                s[i] = t
        for i in range(width):
            if infinite[i] != 0.0:
                out[first + i] = infinite[i]
            elif small[i] == 0.0 and settled(s[i], error[i], magnitude[i], half):
                out[first + i] = s[i] + error[i] + 0.0
            else:
                out[first + i] = one_row(op, a, count, first + i)
        first += width


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fold_logsumexp(
    op: cython.int, a: readers, count: cython.Py_ssize_t, out: writer, n: cython.Py_ssize_t
) -> cython.void:
    """log(exp(x1) + ... + exp(xn)) of each row: the largest first, then the others beside it."""
    largest: cython.double[64]
    place: cython.double[64]  # which operand it is
    excess: cython.double[64]
    first: cython.Py_ssize_t = 0
    width: cython.Py_ssize_t
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    x: reader
    which: cython.double
    m: cython.double
    r: cython.double
    while first < n:
        width = min(n - first, 64)
        for i in range(width):
            largest[i] = -inf
            place[i] = excess[i] = 0.0
        for k in range(count):
            x = a[k] + first
            which = k
            for i in range(width):
                place[i] = select((x[i] > largest[i]) | (x[i] != x[i]), which, place[i])
                largest[i] = select((x[i] > largest[i]) | (x[i] != x[i]), x[i], largest[i])
        for k in range(count):
            x = a[k] + first
            which = k
            for i in range(width):
                excess[i] += select(place[i] == which, 0.0, exp_of_difference(x[i], largest[i]))
        for i in range(width):
            excess[i] = largest[i] + log1p(excess[i])
        for i in range(width):
            m = largest[i]
            r = excess[i]
            if m < 0.0 and 0.5 * m < r and r < -2.0 * m and count > 1 and m > -inf:
                r = one_row(op, a, count, first + i)
            out[first + i] = r if fabs(m) < inf else m
        first += width


# -- by address, for `blocks` and the tests -------------------------------------------------------------------


def run1(code: cython.int, x: cython.size_t, out: cython.size_t, n: cython.Py_ssize_t):
    """row1 on addresses."""
    row1(code, cython.cast(reader, x), cython.cast(writer, out), n)


def run2(
    code: cython.int,
    mode: cython.int,
    x: cython.size_t,
    y: cython.size_t,
    out: cython.size_t,
    n: cython.Py_ssize_t,
):
    """row2 on addresses."""
    row2(code, mode, cython.cast(reader, x), cython.cast(reader, y), cython.cast(writer, out), n)


def runn(
    code: cython.int,
    operands: cython.size_t,
    count: cython.Py_ssize_t,
    out: cython.size_t,
    n: cython.Py_ssize_t,
):
    """rown on addresses; `operands` is that of an array of addresses."""
    rown(code, cython.cast(readers, operands), count, cython.cast(writer, out), n)


def run_both(
    code: cython.int,
    mode: cython.int,
    x: cython.size_t,
    y: cython.size_t,
    out: cython.size_t,
    partial: cython.size_t,
    n: cython.Py_ssize_t,
):
    """both on addresses."""
    both(
        code,
        mode,
        cython.cast(reader, x),
        cython.cast(reader, y),
        cython.cast(writer, out),
        cython.cast(writer, partial),
        n,
    )
