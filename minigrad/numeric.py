"""The functions of the table that the C library has not, or not well enough.

Room: numbers in, numbers out; every function is right to a few ulp (the tests say 4) and follows IEEE 754 at
the ends. The types are in `numeric.pxd`; compiled, the C library's functions come from there too. Below:
`ieee` while interpreted, and `precise`, which answers where doubles cancel.
Must hold: the same bits compiled and interpreted: no contraction, no `x / y` that may meet y = 0, no
function of Python's `math` that is not the C library's.
"""

try:
    import cython
except ImportError:  # interpreted, and Cython is not installed
    from minigrad import _cython as cython

from minigrad import precise

if not cython.compiled:
    from math import copysign, inf, isfinite, nan

    from minigrad.ieee import (  # noqa: F401  (rows imports them from here)
        acos, acosh, asin, asinh, atan, atan2, atanh, cos, cosh, div, erf, erfc, exp, exp2, expm1, fabs, floor, log,
        log10, log1p, log2, pow, sin, sinh, sqrt, tan, tanh,
    )  # fmt: skip
    from minigrad.ieee import cbrt as libm_cbrt

LN_2, INVERSE_LN_2, INVERSE_LN_10 = 0.6931471805599453, 1.4426950408889634, 0.4342944819032518
LN_2_HEAD, LN_2_TAIL, LN_2_REST = 0.6931471805598903, 5.497923018708371e-14, 1.94704509238075e-31
TWO_OVER_ROOT_PI = 1.1283791670955126
UP, DOWN = 2.0**600, 2.0**-600
SMALL, LARGE = 1e-290, 1e290


def sign(x):
    """1, -1 or 0."""
    return 1.0 if x > 0.0 else -1.0 if x < 0.0 else x if x != x else 0.0


def minimum(x, y):
    """The smaller; nan if either is."""
    return x if x < y or x != x else y


def maximum(x, y):
    """The larger; nan if either is."""
    return x if x > y or x != x else y


# -- rounding errors, exactly -------------------------------------------------------------------------------


def sum_error(x, y, s):
    """x + y - s for s = x + y rounded (Knuth's two-sum)."""
    t = s - x
    return (x - (s - t)) + (y - t)


def product_error(x, y, p):
    """x * y - p for p = x * y rounded (Dekker), where nothing over- or underflows."""
    t = 134217729.0 * x
    xh = t - (t - x)
    xl = x - xh
    t = 134217729.0 * y
    yh = t - (t - y)
    yl = y - yh
    return ((xh * yh - p) + xh * yl + xl * yh) + xl * yl


# -- powers and roots ---------------------------------------------------------------------------------------


def div_dy(x, y):
    """-x / y / y, where a denormal quotient may not lose the digits of a normal result."""
    q = div(x, y)
    if fabs(q) < SMALL and fabs(y) < 1.0:
        return div(div(-x * UP, y), y) * DOWN
    return div(-q, y)


def pow_dx(x, y):
    """y * x ** (y - 1)."""
    if y == 0.0:
        return 0.0
    if x == 0.0 or not isfinite(x) or not isfinite(y):
        return y * pow(x, y - 1.0)
    if 0.5 <= y <= 9007199254740992.0:  # y - 1 is exact
        power, rest, divisor = pow(x, y - 1.0), y - 1.0, 1.0
    else:
        power, rest, divisor = pow(x, y), y, x
    if (fabs(power) > SMALL and fabs(power) < LARGE) or power != power:
        return y * power / divisor
    half = pow(fabs(x), 0.5 * rest)
    return copysign(fabs(y) * half / fabs(divisor) * half, power) * sign(y) * sign(divisor)


def pow_dy(x, y):
    """x ** y * log(x)."""
    if (x == 0.0 and y > 0.0) or x == 1.0:
        return 0.0
    power, factor = pow(x, y), log(x)
    if fabs(power) > SMALL and fabs(power) < LARGE:
        return power * factor
    if power == 0.0 and y < 0.0 and x > 0.0 and not isfinite(x):
        return 0.0
    half = pow(x, 0.5 * y)
    return half * factor * half


def cbrt(x):
    """The C library's cube root, and one step of Newton's with the residual taken exactly."""
    r = libm_cbrt(x)
    if not isfinite(x) or x == 0.0:
        return r
    if fabs(x) < SMALL:
        return cbrt(x * UP) * 2.0**-200
    if fabs(x) > LARGE:
        return cbrt(x * DOWN) * 2.0**200
    p = r * r
    q = p * r
    residual = ((q - x) + product_error(p, r, q)) + product_error(r, r, p) * r
    return r - residual / (3.0 * p)


def hypot(x, y):
    """sqrt(x * x + y * y) without overflow or underflow on the way."""
    a, b = fabs(x), fabs(y)
    if a == inf or b == inf:
        return inf
    if a < b:
        a, b = b, a
    if a > 1e150:
        a, b = a * DOWN, b * DOWN
        return sqrt(a * a + b * b) * UP
    if a < 1e-140:
        a, b = a * UP, b * UP
        return sqrt(a * a + b * b) * DOWN
    return sqrt(a * a + b * b)


def hypot_d(x, y):
    """x / hypot(x, y), 0 at the origin."""
    if x == 0.0 and y == 0.0:
        return 0.0
    h = hypot(x, y)
    if h < SMALL:
        return x * UP / hypot(x * UP, y * UP)
    if h == inf and isfinite(x) and isfinite(y):
        return 0.25 * x / hypot(0.25 * x, 0.25 * y)
    return x / h


def atan2_dy(y, x):
    """x / (x * x + y * y)."""
    if x == 0.0 and y == 0.0:
        return nan
    if fabs(x) == inf or fabs(y) == inf:
        return nan if x != x or y != y else copysign(0.0, x)
    s = x * x + y * y
    if SMALL < s < LARGE or s != s:
        return x / s
    scale = DOWN if s >= LARGE else UP
    x, y = x * scale, y * scale
    return x / (x * x + y * y) * scale


def atan2_dx(y, x):
    """-y / (x * x + y * y)."""
    return -atan2_dy(x, y)


# -- derivatives of exponentials, logarithms, trigonometric and hyperbolic functions ------------------------


def exp2_d(x):
    """2 ** x * log(2)."""
    if x > 1023.0:
        return exp2(x - 1.0) * (2.0 * LN_2)
    if x < -1000.0:
        return exp2(x + 100.0) * LN_2 * 2.0**-100
    return exp2(x) * LN_2


def log2_d(x):
    """1 / (x * log(2)), nan below 0."""
    return div(INVERSE_LN_2, x) if x >= 0.0 else nan


def log10_d(x):
    """1 / (x * log(10)), nan below 0."""
    return div(INVERSE_LN_10, x) if x >= 0.0 else nan


def tan_d(x):
    """1 / cos(x) ** 2."""
    c = cos(x)
    return 1.0 / (c * c)


def atan_d(x):
    """1 / (1 + x * x)."""
    return 1.0 / (1.0 + x * x) if fabs(x) < 1e100 or x != x else 1.0 / x / x


def tanh_d(x):
    """1 / cosh(x) ** 2."""
    e = exp(-2.0 * fabs(x))
    s = 1.0 + e
    q = 4.0 * (e / s / s)
    return q - 2.0 * q * ((e - (s - 1.0)) / s)  # 1 + e was rounded


def acosh_d(x):
    """1 / sqrt((x - 1) * (x + 1)), nan below 1."""
    if x > 1e10:
        return 1.0 / x
    return div(1.0, sqrt((x - 1.0) * (x + 1.0))) if x >= 1.0 else nan


def erf_d(x):
    """2 / sqrt(pi) * exp(-x * x), the error of x * x included."""
    if fabs(x) > 30.0:
        return 0.0
    square = x * x
    e = exp(-square) * TWO_OVER_ROOT_PI
    return e - e * product_error(x, x, square)


# -- the logistic family ------------------------------------------------------------------------------------


def sigmoid(x):
    """1 / (1 + exp(-x))."""
    if x >= 0.0:
        return 1.0 / (1.0 + exp(-x))
    e = exp(x)
    return e / (1.0 + e)


def sigmoid_d(x):
    """sigmoid(x) * sigmoid(-x)."""
    e = exp(-fabs(x))
    s = 1.0 + e
    q = e / s / s
    return q - 2.0 * q * ((e - (s - 1.0)) / s)  # 1 + e was rounded


def softplus(x):
    """log(1 + exp(x))."""
    return x + log1p(exp(-x)) if x > 0.0 else log1p(exp(x))


def logsigmoid(x):
    """log(sigmoid(x))."""
    return -softplus(-x)


def logit(x):
    """log(x / (1 - x))."""
    if 0.25 <= x <= 0.75:
        return 2.0 * atanh(2.0 * x - 1.0)
    return log(div(x, 1.0 - x)) if x != 1.0 else inf


def sigmoid_of_difference(x, y):
    """sigmoid(x - y), the error of x - y included."""
    d = x - y
    s = sigmoid(d)
    return s + s * sigmoid(-d) * sum_error(x, -y, d) if isfinite(d) else s


def exp_of_difference(x, y):
    """exp(x - y), the error of x - y included."""
    d = x - y
    e = exp(d)
    return e + e * sum_error(x, -y, d) if isfinite(d) else e


def near_zero(m, r):
    """Whether r = m + log1p(...) has lost digits to the cancellation of a negative m."""
    return m < 0.0 and 0.5 * m < r < -2.0 * m


def logaddexp(x, y):
    """log(exp(x) + exp(y))."""
    if x < y:
        x, y = y, x
    if x == y and not isfinite(x):
        return x
    r = x + log1p(exp_of_difference(y, x))
    return logaddexp_precisely(x, y) if near_zero(x, r) and isfinite(y) else r


def logaddexp_precisely(x, y):
    """As logaddexp, where the result is close to 0."""
    return precise.logsumexp((x, y))


def bce(a, y):
    """-(y * log(a) + (1 - y) * log(1 - a)), 0 * log(0) counting as 0."""
    if y == 0.0:
        return -log1p(-a)
    if y == 1.0:
        return -log(a)
    return -(y * log(a) + (1.0 - y) * log1p(-a))


def bce_da(a, y):
    """(a - y) / (a * (1 - a)), its factor cancelled where y is 0 or 1."""
    if not 0.0 <= a <= 1.0:
        return nan
    if y == 0.0:
        return div(1.0, 1.0 - a)
    if y == 1.0:
        return div(-1.0, a)
    return div(a - y, a * (1.0 - a))


def bce_with_logits(z, y):
    """bce(sigmoid(z), y): (1 - y) * softplus(z) + y * softplus(-z)."""
    weight = 1.0 - y if z >= 0.0 else y
    small = log1p(exp(-fabs(z)))
    return small if weight == 0.0 else weight * fabs(z) + small


def sigmoid_minus(z, y):
    """sigmoid(z) - y, taken precisely where the two are close."""
    if y == 0.0:
        return sigmoid(z)
    if y == 1.0:
        return -sigmoid(-z)
    if z > 0.0:
        left, right = 1.0 - y, sigmoid(-z)
    else:
        left, right = sigmoid(z), y
    d = left - right
    if fabs(d) < 0.75 * maximum(left, right) and isfinite(z):
        return sigmoid_minus_by_pair(z, y) if fabs(z) < 600.0 else sigmoid_minus_precisely(z, y)
    return d


def exp_pair(x):
    """exp(x) for |x| < 700 as the unevaluated sum of two doubles, to some 83 bits."""
    times = floor(x * INVERSE_LN_2 + 0.5)
    high = x - times * LN_2_HEAD  # exact, as is the product
    p = times * LN_2_TAIL
    r = high - p
    low = sum_error(high, -p, r) - product_error(times, LN_2_TAIL, p) - times * LN_2_REST
    r, low = r / 8192.0, low / 8192.0
    square = r * r
    t = r + 0.5 * square
    low += sum_error(r, 0.5 * square, t) + 0.5 * product_error(r, r, square) + r * low
    low += square * r / 6.0 * (1.0 + r / 4.0 * (1.0 + r / 5.0 * (1.0 + r / 6.0)))
    s = t + low
    t, low = s, sum_error(t, low, s)
    r = 1.0
    while r < 8192.0:  # expm1(2x) = 2 expm1(x) + expm1(x)**2
        square = t * t
        s = 2.0 * t + square
        low = sum_error(2.0 * t, square, s) + (product_error(t, t, square) + 2.0 * (low + t * low))
        t = s
        r *= 2.0
    s = 1.0 + t
    low += sum_error(1.0, t, s)
    scale = exp2(times)
    return s * scale, low * scale


def sigmoid_minus_by_pair(z, y):
    """As sigmoid_minus, where the two are close: ((1 - y) * exp(z) - y) / (1 + exp(z)), or that by exp(-z)."""
    high, low = exp_pair(-fabs(z))
    rest = 1.0 - y
    error = sum_error(1.0, -y, rest)
    if z > 0.0:
        left, right = rest, y * high
        error -= product_error(y, high, right) + y * low
    else:
        left, right = rest * high, y
        error = product_error(rest, high, left) + error * high + rest * low
    s = left - right
    numerator = s + (sum_error(left, -right, s) + error)
    if fabs(numerator) < 1e-8 * right:
        return sigmoid_minus_precisely(z, y)
    return numerator / (1.0 + high)


def sigmoid_minus_precisely(z, y):
    """As sigmoid_minus, where the two all but agree."""
    return precise.sigmoid_minus(z, y)


def bce_da_from_logit(z, y):
    """-y / a + (1 - y) / (1 - a) for a = sigmoid(z), also where a rounds to 0 or 1."""
    if y == 0.0:
        return 1.0 + exp(z)
    if y == 1.0:
        return -(1.0 + exp(-z))
    d = sigmoid_minus(z, y) * (1.0 + exp(-fabs(z)))
    if fabs(z) < 700.0 or z != z:
        return d * (1.0 + exp(fabs(z)))
    half = exp(0.5 * fabs(z))
    return d * half * half
