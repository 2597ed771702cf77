"""Sums of products over blocks of rows, several columns at a time: what a program spends its time on.

Room: out += u1 * column1 + u2 * column2 + ..., sums += d * columns, sums of a block, and reading columns of other
types; for columns that lie apart and for columns side by side in rows. Compiled only, once for each level of
processors (see `levels`); `native` finds the functions through POINTERS. Types in `products.pxd`. Below: nothing.
Dots can ask for the rows of the next block while they sum this one: memory then works on while the processor
computes, where it does not do so by itself (`steps` finds out).
Must hold: plain loops that the C compiler turns into SIMD code. Sums are reassociated (the build asks for that for
this module alone) in a way that depends on nothing but n, so that the same rows have the same sums wherever they
lie in memory; inf and nan come through.
"""

try:
    import cython
except ImportError:  # interpreted, and Cython is not installed
    from minigrad import _cython as cython

# Rows of a gradient sum between two bursts of prefetching: 64 cache lines for 8 columns.
CHUNK = cython.declare(cython.Py_ssize_t, 64)


# -- columns apart ------------------------------------------------------------------------------------------


def products8(out, c, u, n):
    """out += the sum of 8 products of a number and a column."""
    i: cython.Py_ssize_t
    c0, c1, c2, c3, c4, c5, c6, c7 = c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
    u0, u1, u2, u3, u4, u5, u6, u7 = u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7]
    for i in range(n):
        out[i] += (
            u0 * c0[i] + u1 * c1[i] + u2 * c2[i] + u3 * c3[i]
            + u4 * c4[i] + u5 * c5[i] + u6 * c6[i] + u7 * c7[i]
        )  # fmt: skip


def products4(out, c, u, n):
    """out += the sum of 4 products of a number and a column."""
    i: cython.Py_ssize_t
    c0, c1, c2, c3 = c[0], c[1], c[2], c[3]
    u0, u1, u2, u3 = u[0], u[1], u[2], u[3]
    for i in range(n):
        out[i] += u0 * c0[i] + u1 * c1[i] + u2 * c2[i] + u3 * c3[i]


def products2(out, c, u, n):
    """out += the sum of 2 products of a number and a column."""
    i: cython.Py_ssize_t
    c0, c1 = c[0], c[1]
    u0, u1 = u[0], u[1]
    for i in range(n):
        out[i] += u0 * c0[i] + u1 * c1[i]


def products1(out, c, u, n):
    """out += the sum of 1 products of a number and a column."""
    i: cython.Py_ssize_t
    c0 = c[0]
    u0 = u[0]
    for i in range(n):
        out[i] += u0 * c0[i]


def products_apart(out, c, u, count, n):
    """out += the sum over k of u[k] * column k."""
    while count >= 8:
        products8(out, c, u, n)
        c, u, count = c + 8, u + 8, count - 8
    if count >= 4:
        products4(out, c, u, n)
        c, u, count = c + 4, u + 4, count - 4
    if count >= 2:
        products2(out, c, u, n)
        c, u, count = c + 2, u + 2, count - 2
    if count:
        products1(out, c, u, n)


def dots8(d, c, sums, start, end):
    """sums[k] += the sum over the rows of d times column k, for 8 columns."""
    i: cython.Py_ssize_t
    c0, c1, c2, c3, c4, c5, c6, c7 = c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
    for i in range(start, end):
        s0 += d[i] * c0[i]
        s1 += d[i] * c1[i]
        s2 += d[i] * c2[i]
        s3 += d[i] * c3[i]
        s4 += d[i] * c4[i]
        s5 += d[i] * c5[i]
        s6 += d[i] * c6[i]
        s7 += d[i] * c7[i]
    sums[0] += s0
    sums[1] += s1
    sums[2] += s2
    sums[3] += s3
    sums[4] += s4
    sums[5] += s5
    sums[6] += s6
    sums[7] += s7


def dots4(d, c, sums, start, end):
    """sums[k] += the sum over the rows of d times column k, for 4 columns."""
    i: cython.Py_ssize_t
    c0, c1, c2, c3 = c[0], c[1], c[2], c[3]
    s0 = s1 = s2 = s3 = 0.0
    for i in range(start, end):
        s0 += d[i] * c0[i]
        s1 += d[i] * c1[i]
        s2 += d[i] * c2[i]
        s3 += d[i] * c3[i]
    sums[0] += s0
    sums[1] += s1
    sums[2] += s2
    sums[3] += s3


def dots2(d, c, sums, start, end):
    """sums[k] += the sum over the rows of d times column k, for 2 columns."""
    i: cython.Py_ssize_t
    c0, c1 = c[0], c[1]
    s0 = s1 = 0.0
    for i in range(start, end):
        s0 += d[i] * c0[i]
        s1 += d[i] * c1[i]
    sums[0] += s0
    sums[1] += s1


def dots1(d, c, sums, start, end):
    """sums[k] += the sum over the rows of d times column k, for 1 columns."""
    i: cython.Py_ssize_t
    c0 = c[0]
    s0 = 0.0
    for i in range(start, end):
        s0 += d[i] * c0[i]
    sums[0] += s0


def fetch(c, count, start, end):
    """Ask for rows start .. end - 1 of the columns: they will be in cache when the next block is begun."""
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    for k in range(count):
        i = start
        while i < end:
            prefetch(cython.address(c[k][i]))
            i += 64 // cython.sizeof(c[0][0])


def dots_apart(d, c, sums, count, n, ahead):
    """sums[k] += the sum over the rows of d times column k; `ahead` rows on lies what is wanted next, 0 for nothing."""
    start: cython.Py_ssize_t
    end: cython.Py_ssize_t
    while count >= 8:
        start = 0
        while start < n:
            end = min(start + CHUNK, n)
            if ahead:
                fetch(c, 8, start + ahead, end + ahead)
            dots8(d, c, sums, start, end)
            start = end
        c, sums, count = c + 8, sums + 8, count - 8
    if ahead:
        fetch(c, count, ahead, n + ahead)
    if count >= 4:
        dots4(d, c, sums, 0, n)
        c, sums, count = c + 4, sums + 4, count - 4
    if count >= 2:
        dots2(d, c, sums, 0, n)
        c, sums, count = c + 2, sums + 2, count - 2
    if count:
        dots1(d, c, sums, 0, n)


def products_apart64(out, columns, u, count, n):
    """Of float64 columns."""
    c = cython.cast(cython.pointer(cython.pointer(cython.const[cython.double])), columns)
    products_apart[cython.double](out, c, u, count, n)


def products_apart32(out, columns, u, count, n):
    """Of float32 columns."""
    c = cython.cast(cython.pointer(cython.pointer(cython.const[cython.float])), columns)
    products_apart[cython.float](out, c, u, count, n)


def dots_apart64(d, columns, sums, count, n, ahead):
    """Of float64 columns."""
    c = cython.cast(cython.pointer(cython.pointer(cython.const[cython.double])), columns)
    dots_apart[cython.double](d, c, sums, count, n, ahead)


def dots_apart32(d, columns, sums, count, n, ahead):
    """Of float32 columns."""
    c = cython.cast(cython.pointer(cython.pointer(cython.const[cython.float])), columns)
    dots_apart[cython.float](d, c, sums, count, n, ahead)


# -- columns side by side in rows ---------------------------------------------------------------------------


def products_together(out, r0, stride, u, count, n):
    """out[i] += the sum over k of u[k] * row i [k].

    Four rows at a time share the loads of u: one from each quarter of the block, for memory serves four streams
    faster than one.
    """
    i: cython.Py_ssize_t
    k: cython.Py_ssize_t
    quarter: cython.Py_ssize_t = n // 4
    r1, r2, r3 = r0 + quarter * stride, r0 + 2 * quarter * stride, r0 + 3 * quarter * stride
    o1, o2, o3 = out + quarter, out + 2 * quarter, out + 3 * quarter
    for i in range(quarter):
        s0 = s1 = s2 = s3 = 0.0
        for k in range(count):
            s0 += u[k] * r0[k]
            s1 += u[k] * r1[k]
            s2 += u[k] * r2[k]
            s3 += u[k] * r3[k]
        out[i] += s0
        o1[i] += s1
        o2[i] += s2
        o3[i] += s3
        r0, r1, r2, r3 = r0 + stride, r1 + stride, r2 + stride, r3 + stride
    for i in range(4 * quarter, n):
        s0 = 0.0
        for k in range(count):
            s0 += u[k] * r3[k]
        out[i] += s0
        r3 += stride


def products_together64(out, rows, stride, u, count, n):
    """Of float64 rows."""
    r = cython.cast(cython.pointer(cython.const[cython.double]), rows)
    products_together[cython.double](out, r, stride // cython.sizeof(cython.double), u, count, n)


def products_together32(out, rows, stride, u, count, n):
    """Of float32 rows."""
    r = cython.cast(cython.pointer(cython.const[cython.float]), rows)
    products_together[cython.float](out, r, stride // cython.sizeof(cython.float), u, count, n)


def dots_together(d, r0, stride, sums, count, n, ahead):
    """sums[k] += the sum over i of d[i] * row i [k]; four rows at a time share the loads and stores of sums."""
    i: cython.Py_ssize_t = 0
    k: cython.Py_ssize_t
    while i + 4 <= n:
        if ahead:
            for k in range(4):
                fetch(cython.address(r0), 1, (ahead + k) * stride, (ahead + k) * stride + count)
        r1, r2, r3 = r0 + stride, r0 + 2 * stride, r0 + 3 * stride
        d0, d1, d2, d3 = d[i], d[i + 1], d[i + 2], d[i + 3]
        for k in range(count):
            sums[k] += d0 * r0[k] + d1 * r1[k] + d2 * r2[k] + d3 * r3[k]
        r0 += 4 * stride
        i += 4
    while i < n:
        d0 = d[i]
        for k in range(count):
            sums[k] += d0 * r0[k]
        r0 += stride
        i += 1


def dots_together64(d, rows, stride, sums, count, n, ahead):
    """Of float64 rows."""
    r = cython.cast(cython.pointer(cython.const[cython.double]), rows)
    dots_together[cython.double](d, r, stride // cython.sizeof(cython.double), sums, count, n, ahead)


def dots_together32(d, rows, stride, sums, count, n, ahead):
    """Of float32 rows."""
    r = cython.cast(cython.pointer(cython.const[cython.float]), rows)
    dots_together[cython.float](d, r, stride // cython.sizeof(cython.float), sums, count, n, ahead)


# -- one column ---------------------------------------------------------------------------------------------


def total(x, n):
    """The sum of a block: of its four quarters at once, for one addition waits for the one before."""
    i: cython.Py_ssize_t
    quarter: cython.Py_ssize_t = n // 4
    y, z, w = x + quarter, x + 2 * quarter, x + 3 * quarter
    s0 = s1 = s2 = s3 = 0.0
    for i in range(quarter):
        s0 += x[i]
        s1 += y[i]
        s2 += z[i]
        s3 += w[i]
    for i in range(4 * quarter, n):
        s0 += x[i]
    return (s0 + s1) + (s2 + s3)


def masked(d, x, n):
    """The sum of d * x over the rows in which d is not 0: there 0 times inf is 0."""
    i: cython.Py_ssize_t
    quarter: cython.Py_ssize_t = n // 4
    s0 = s1 = s2 = s3 = 0.0
    for i in range(quarter):
        s0 += d[i] * x[i] if d[i] != 0.0 else 0.0
        s1 += d[i + quarter] * x[i + quarter] if d[i + quarter] != 0.0 else 0.0
        s2 += d[i + 2 * quarter] * x[i + 2 * quarter] if d[i + 2 * quarter] != 0.0 else 0.0
        s3 += d[i + 3 * quarter] * x[i + 3 * quarter] if d[i + 3 * quarter] != 0.0 else 0.0
    for i in range(4 * quarter, n):
        s0 += d[i] * x[i] if d[i] != 0.0 else 0.0
    return (s0 + s1) + (s2 + s3)


def read_apart(x, out, n):
    """Numbers side by side, as doubles."""
    i: cython.Py_ssize_t
    for i in range(n):
        out[i] = x[i]


def read_strided(x, stride, out, n, place):
    """Numbers `stride` bytes apart, aligned or not, as doubles; `place` has room for one."""
    i: cython.Py_ssize_t
    for i in range(n):
        memcpy(place, x, cython.sizeof(place[0]))
        out[i] = place[0]
        x += stride


def read_float64(x, stride, out, n):
    """float64, side by side or not, as doubles."""
    if (
        stride == cython.sizeof(cython.double)
        and cython.cast(cython.size_t, x) % cython.sizeof(cython.double) == 0
    ):
        read_apart(cython.cast(cython.pointer(cython.const[cython.double]), x), out, n)
    else:
        place: cython.double = 0
        read_strided(x, stride, out, n, cython.address(place))


def read_float32(x, stride, out, n):
    """float32, side by side or not, as doubles."""
    if (
        stride == cython.sizeof(cython.float)
        and cython.cast(cython.size_t, x) % cython.sizeof(cython.float) == 0
    ):
        read_apart(cython.cast(cython.pointer(cython.const[cython.float]), x), out, n)
    else:
        place: cython.float = 0
        read_strided(x, stride, out, n, cython.address(place))


def read_int8(x, stride, out, n):
    """int8, side by side or not, as doubles."""
    if stride == cython.sizeof(int8_t) and cython.cast(cython.size_t, x) % cython.sizeof(int8_t) == 0:
        read_apart(cython.cast(cython.pointer(cython.const[int8_t]), x), out, n)
    else:
        place: int8_t = 0
        read_strided(x, stride, out, n, cython.address(place))


def read_int16(x, stride, out, n):
    """int16, side by side or not, as doubles."""
    if stride == cython.sizeof(int16_t) and cython.cast(cython.size_t, x) % cython.sizeof(int16_t) == 0:
        read_apart(cython.cast(cython.pointer(cython.const[int16_t]), x), out, n)
    else:
        place: int16_t = 0
        read_strided(x, stride, out, n, cython.address(place))


def read_int32(x, stride, out, n):
    """int32, side by side or not, as doubles."""
    if stride == cython.sizeof(int32_t) and cython.cast(cython.size_t, x) % cython.sizeof(int32_t) == 0:
        read_apart(cython.cast(cython.pointer(cython.const[int32_t]), x), out, n)
    else:
        place: int32_t = 0
        read_strided(x, stride, out, n, cython.address(place))


def read_int64(x, stride, out, n):
    """int64, side by side or not, as doubles."""
    if stride == cython.sizeof(int64_t) and cython.cast(cython.size_t, x) % cython.sizeof(int64_t) == 0:
        read_apart(cython.cast(cython.pointer(cython.const[int64_t]), x), out, n)
    else:
        place: int64_t = 0
        read_strided(x, stride, out, n, cython.address(place))


def read_uint8(x, stride, out, n):
    """uint8, side by side or not, as doubles."""
    if stride == cython.sizeof(uint8_t) and cython.cast(cython.size_t, x) % cython.sizeof(uint8_t) == 0:
        read_apart(cython.cast(cython.pointer(cython.const[uint8_t]), x), out, n)
    else:
        place: uint8_t = 0
        read_strided(x, stride, out, n, cython.address(place))


def read_uint16(x, stride, out, n):
    """uint16, side by side or not, as doubles."""
    if stride == cython.sizeof(uint16_t) and cython.cast(cython.size_t, x) % cython.sizeof(uint16_t) == 0:
        read_apart(cython.cast(cython.pointer(cython.const[uint16_t]), x), out, n)
    else:
        place: uint16_t = 0
        read_strided(x, stride, out, n, cython.address(place))


def read_uint32(x, stride, out, n):
    """uint32, side by side or not, as doubles."""
    if stride == cython.sizeof(uint32_t) and cython.cast(cython.size_t, x) % cython.sizeof(uint32_t) == 0:
        read_apart(cython.cast(cython.pointer(cython.const[uint32_t]), x), out, n)
    else:
        place: uint32_t = 0
        read_strided(x, stride, out, n, cython.address(place))


def read_uint64(x, stride, out, n):
    """uint64, side by side or not, as doubles."""
    if stride == cython.sizeof(uint64_t) and cython.cast(cython.size_t, x) % cython.sizeof(uint64_t) == 0:
        read_apart(cython.cast(cython.pointer(cython.const[uint64_t]), x), out, n)
    else:
        place: uint64_t = 0
        read_strided(x, stride, out, n, cython.address(place))


# -- for `native` -------------------------------------------------------------------------------------------

_table = cython.declare(Table)
_table.total = total
_table.masked = masked
_table.products_apart[0] = products_apart64
_table.products_apart[1] = products_apart32
_table.dots_apart[0] = dots_apart64
_table.dots_apart[1] = dots_apart32
_table.products_together[0] = products_together64
_table.products_together[1] = products_together32
_table.dots_together[0] = dots_together64
_table.dots_together[1] = dots_together32
_table.read[FLOAT64] = read_float64
_table.read[FLOAT32] = read_float32
_table.read[INT8] = read_int8
_table.read[INT16] = read_int16
_table.read[INT32] = read_int32
_table.read[INT64] = read_int64
_table.read[UINT8] = read_uint8
_table.read[UINT16] = read_uint16
_table.read[UINT32] = read_uint32
_table.read[UINT64] = read_uint64

#: A capsule with a pointer to `Table`, which stays where it is as long as this module.
POINTERS = PyCapsule_New(cython.address(_table), b"minigrad.program.products", cython.NULL)
