"""The functions of the table without branches: what the block kernels compute on a vector of rows at a time.

Room: one function for each function of the table's expressions that has such a form, under its name there;
`unsure_<name>` beside it tells where that form may be more than a few ulp off, so that the kernel takes those
rows again through the scalar row. A function that is not here is computed row by row by `numeric`, `gamma`: only
slower. This text is copied into the generated `kernels` (by `program/generate.py`), so that a C compiler inlines
it; a Lane is one double there, and a NumPy array while interpreted. Below: `arrays` (interpreted), `lanes.pxd`.
Must hold: no `if`, no loop: both sides of a `select` are computed; within 4 ulp of mathematics where not unsure.
"""

from __future__ import annotations

from minigrad.program.arrays import (
    Lane,
    Test,
    atanh,
    copysign,
    exp2,
    fabs,
    fused,
    inf,
    libm_cbrt,
    log,
    log1p,
    nan,
    pow,
    power_of_2,
    select,
    sqrt,
)  # fmt: skip

LN_2, INVERSE_LN_2, INVERSE_LN_10 = 0.6931471805599453, 1.4426950408889634, 0.4342944819032518
LN_2_HEAD, LN_2_TAIL = 0.6931471805598903, 5.497923018708371e-14
TWO_OVER_ROOT_PI = 1.1283791670955126
TO_WHOLE = 6755399441055744.0  # 1.5 * 2**52: added and subtracted, it rounds to a whole number
SMALL, LARGE = 1e-290, 1e290


def sign(x: Lane) -> Lane:
    """1, -1 or 0."""
    return select(x > 0.0, 1.0, select(x < 0.0, -1.0, select(x != x, x, 0.0)))


def minimum(x: Lane, y: Lane) -> Lane:
    """The smaller; nan if either is."""
    return select((x < y) | (x != x), x, y)


def maximum(x: Lane, y: Lane) -> Lane:
    """The larger; nan if either is."""
    return select((x > y) | (x != x), x, y)


def sum_error(x: Lane, y: Lane, s: Lane) -> Lane:
    """x + y - s for s = x + y rounded (Knuth's two-sum)."""
    t = s - x
    return (x - (s - t)) + (y - t)


def product_error(x: Lane, y: Lane, p: Lane) -> Lane:
    """x * y - p for p = x * y rounded (Dekker), where nothing over- or underflows."""
    t = 134217729.0 * x
    xh = t - (t - x)
    xl = x - xh
    u = 134217729.0 * y
    yh = u - (u - y)
    yl = y - yh
    return ((xh * yh - p) + xh * yl + xl * yh) + xl * yl


# -- exponentials -------------------------------------------------------------------------------------------


def _times(x: Lane) -> Lane:
    """The whole number k for which x - k * log(2) is smallest."""
    return fused(x, INVERSE_LN_2, TO_WHOLE) - TO_WHOLE


def _exp_less_1(x: Lane, k: Lane) -> Lane:
    """exp(r) - 1 for r = x - k * log(2), |r| <= log(2) / 2: a polynomial to 59 bits."""
    r = fused(-k, LN_2_TAIL, fused(-k, LN_2_HEAD, x))
    s = r * r
    a = fused(fused(0.008333333333330062, r, 0.04166666666662413), s, fused(0.16666666666666669, r, 0.5))
    b = fused(fused(2.7557268459997064e-06, r, 2.4801521295954376e-05), s,
              fused(0.00019841269863053618, r, 0.0013888888917213717))  # fmt: skip
    c = fused(2.510038549551032e-08, r, 2.7620088445409746e-07)
    return fused(fused(fused(c, s * s, b), s * s, a), s, r)


def exp(x: Lane) -> Lane:
    """exp(x): 2**k times exp of the rest; in two steps, for 2**k may be more or less than a double."""
    k = _times(x)
    scaled = (1.0 + _exp_less_1(x, k)) * power_of_2(k + select(x < 0.0, 64.0, -64.0))
    return select(x > 710.0, inf, select(x < -746.0, 0.0, scaled * select(x < 0.0, 2.0**-64, 2.0**64)))


def exp_of_0_at_most(x: Lane) -> Lane:
    """exp(x) for x <= 0."""
    k = _times(x)
    return select(x < -746.0, 0.0, (1.0 + _exp_less_1(x, k)) * power_of_2(k + 64.0) * 2.0**-64)


def expm1_of_0_at_most(x: Lane) -> Lane:
    """exp(x) - 1 for x <= 0."""
    k = _times(x)
    scale = power_of_2(k)
    return select(x < -60.0, -1.0, fused(scale, _exp_less_1(x, k), scale - 1.0))


def log1p_of_1_at_most(x: Lane) -> Lane:
    """log(1 + x) for x from 0 to 1."""
    upper: Test = x > 0.5
    f = select(upper, 0.5 * (x - 1.0), x)  # 1 + x is 1 + f, or twice that; exact
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    a = fused(
        fused(0.13609030262858499, z, 0.13209708242059462),
        w,
        fused(0.15388867805613718, z, 0.18181737626302938),
    )
    b = fused(
        fused(0.2222222304835159, z, 0.28571428567275936), w, fused(0.4000000000000794, z, 0.6666666666666666)
    )
    half = 0.5 * f * f
    rest = half - s * (half + z * fused(a, w * w, b))
    return select(upper, LN_2_HEAD, 0.0) - ((rest - select(upper, LN_2_TAIL, 0.0)) - f)


def exp2_d(x: Lane) -> Lane:
    """2 ** x * log(2)."""
    up = select(x > 1023.0, 1.0, select(x < -1000.0, -100.0, 0.0))
    return exp2(x - up) * LN_2 * select(up == 0.0, 1.0, select(up == 1.0, 2.0, 2.0**-100))


def exp_of_difference(x: Lane, y: Lane) -> Lane:
    """exp(x - y) for x <= y, the error of x - y included."""
    d = x - y
    e = exp_of_0_at_most(d)
    return select(fabs(d) < inf, e + e * sum_error(x, -y, d), e)


# -- quotients, powers and roots ----------------------------------------------------------------------------


def div_dy(x: Lane, y: Lane) -> Lane:
    """-x / y / y."""
    return -(x / y) / y


def unsure_div_dy(x: Lane, y: Lane) -> Test:
    """A denormal quotient, of which y makes an ordinary number."""
    return (fabs(x / y) < SMALL) & (fabs(y) < 1.0) & (x != 0.0)


def _whole_step(x: Lane, y: Lane) -> Test:
    """Whether y - 1 is exact, or x or y is where only the limit counts."""
    return ((y >= 0.5) & (y <= 9007199254740992.0)) | (x == 0.0) | (x - x != 0.0) | (y - y != 0.0)


def _extreme(power: Lane) -> Test:
    """Whether a power is denormal or overflows. Without fabs, which the compiler would take into the power."""
    return ((power <= SMALL) & (power >= -SMALL)) | (power >= LARGE) | (power <= -LARGE)


def pow_dx(x: Lane, y: Lane) -> Lane:
    """y * x ** (y - 1)."""
    step: Test = _whole_step(x, y)
    power = pow(x, select(step, y - 1.0, y))
    return select(y == 0.0, 0.0, y * power / select(step, 1.0, x))


def unsure_pow_dx(x: Lane, y: Lane) -> Test:
    """The power is denormal or overflows, the product need not."""
    power = pow(x, select(_whole_step(x, y), y - 1.0, y))
    return (y != 0.0) & (x != 0.0) & _extreme(power) & (fabs(x) < inf) & (fabs(y) < inf)


def pow_dy(x: Lane, y: Lane) -> Lane:
    """x ** y * log(x)."""
    return select(((x == 0.0) & (y > 0.0)) | (x == 1.0), 0.0, pow(x, y) * log(x))


def unsure_pow_dy(x: Lane, y: Lane) -> Test:
    """The power is denormal or overflows, the product need not."""
    return _extreme(pow(x, y)) & ((x > 0.0) | ((x == 0.0) & (y < 0.0)))


def cbrt(x: Lane) -> Lane:
    """The C library's cube root, and one step of Newton's with the residual taken exactly."""
    r = libm_cbrt(x)
    p = r * r
    q = p * r
    residual = ((q - x) + product_error(p, r, q)) + product_error(r, r, p) * r
    return select((fabs(x) < inf) & (x != 0.0), r - residual / (3.0 * p), r)


def unsure_cbrt(x: Lane) -> Test:
    """The residual underflows or overflows."""
    return ((fabs(x) < SMALL) & (x != 0.0)) | ((fabs(x) > LARGE) & (fabs(x) < inf))


def hypot(x: Lane, y: Lane) -> Lane:
    """sqrt(x * x + y * y) without overflow or underflow on the way."""
    a = select(fabs(x) < fabs(y), fabs(y), fabs(x))
    scale = select(a > 1e150, 2.0**-600, select(a < 1e-140, 2.0**600, 1.0))
    back = select(a > 1e150, 2.0**600, select(a < 1e-140, 2.0**-600, 1.0))
    u = x * scale
    v = y * scale
    return select((fabs(x) == inf) | (fabs(y) == inf), inf, sqrt(u * u + v * v) * back)


def hypot_d(x: Lane, y: Lane) -> Lane:
    """x / hypot(x, y), 0 at the origin."""
    return x / sqrt(x * x + y * y)


def unsure_hypot_d(x: Lane, y: Lane) -> Test:
    """The square is 0, denormal or infinite."""
    s = x * x + y * y
    return (s <= SMALL) | (s >= LARGE)


def atan2_dy(y: Lane, x: Lane) -> Lane:
    """x / (x * x + y * y)."""
    return x / (x * x + y * y)


def unsure_atan2_dy(y: Lane, x: Lane) -> Test:
    """The square is 0, denormal or infinite."""
    s = x * x + y * y
    return (s <= SMALL) | (s >= LARGE)


def atan2_dx(y: Lane, x: Lane) -> Lane:
    """-y / (x * x + y * y)."""
    return -y / (x * x + y * y)


def unsure_atan2_dx(y: Lane, x: Lane) -> Test:
    """The square is 0, denormal or infinite."""
    return unsure_atan2_dy(y, x)


# -- derivatives of logarithms, trigonometric and hyperbolic functions ---------------------------------------


def log2_d(x: Lane) -> Lane:
    """1 / (x * log(2)), nan below 0."""
    return select(x >= 0.0, INVERSE_LN_2 / x, nan)


def log10_d(x: Lane) -> Lane:
    """1 / (x * log(10)), nan below 0."""
    return select(x >= 0.0, INVERSE_LN_10 / x, nan)


def atan_d(x: Lane) -> Lane:
    """1 / (1 + x * x)."""
    far: Test = fabs(x) >= 1e100
    return 1.0 / select(far, x, 1.0 + x * x) / select(far, x, 1.0)


def tanh(x: Lane) -> Lane:
    """(1 - e) / (1 + e) for e = exp(-2 |x|), with the sign of x."""
    m = expm1_of_0_at_most(-2.0 * fabs(x))
    return copysign(m / (2.0 + m), x)


def tanh_d(x: Lane) -> Lane:
    """1 / cosh(x) ** 2."""
    return 4.0 * _slope(exp_of_0_at_most(-2.0 * fabs(x)))


def acosh_d(x: Lane) -> Lane:
    """1 / sqrt((x - 1) * (x + 1)), nan below 1."""
    return select(x >= 1.0, 1.0 / select(x > 1e10, x, sqrt((x - 1.0) * (x + 1.0))), nan)


def erf_d(x: Lane) -> Lane:
    """2 / sqrt(pi) * exp(-x * x), the error of x * x included."""
    square = x * x
    e = exp_of_0_at_most(-square) * TWO_OVER_ROOT_PI
    return select(fabs(x) > 30.0, 0.0, e - e * product_error(x, x, square))


# -- the logistic family ------------------------------------------------------------------------------------


def decay_stage(x: Lane) -> Lane:
    """exp(-|x|), of which all of these are made."""
    return exp_of_0_at_most(-fabs(x))


def sigmoid(x: Lane, decay: Lane) -> Lane:
    """1 / (1 + exp(-x))."""
    return select(x >= 0.0, 1.0, decay) / (1.0 + decay)


def _slope(e: Lane) -> Lane:
    """e / (1 + e) ** 2."""
    s = 1.0 + e
    r = 1.0 / s
    q = e * r * r
    return q - 2.0 * q * ((e - (s - 1.0)) * r)  # 1 + e was rounded


def sigmoid_d(x: Lane, decay: Lane) -> Lane:
    """sigmoid(x) * sigmoid(-x)."""
    return _slope(decay)


def softplus(x: Lane, decay: Lane) -> Lane:
    """log(1 + exp(x))."""
    return select(x > 0.0, x, 0.0) + log1p_of_1_at_most(decay)


def logsigmoid(x: Lane, decay: Lane) -> Lane:
    """log(sigmoid(x))."""
    return -softplus(-x, decay)


def logit(x: Lane) -> Lane:
    """log(x / (1 - x))."""
    middle: Test = (x >= 0.25) & (x <= 0.75)
    return select(middle, 2.0 * atanh(select(middle, 2.0 * x - 1.0, 0.0)), log(x / (1.0 - x)))


def sigmoid_of_difference(x: Lane, y: Lane) -> Lane:
    """sigmoid(x - y), the error of x - y included."""
    d = x - y
    decay = decay_stage(d)
    s = sigmoid(d, decay)
    return select(fabs(d) < inf, s + s * sigmoid(-d, decay) * sum_error(x, -y, d), s)


def closeness_stage(x: Lane, y: Lane) -> Lane:
    """exp of the smaller less the larger."""
    return exp_of_difference(select(x < y, x, y), select(x < y, y, x))


def logaddexp(x: Lane, y: Lane, closeness: Lane) -> Lane:
    """log(exp(x) + exp(y))."""
    r = select(x < y, y, x) + log1p_of_1_at_most(closeness)
    return select((x == y) & (fabs(x) == inf), x, r)


def unsure_logaddexp(x: Lane, y: Lane, closeness: Lane) -> Test:
    """The result is close to 0 and has lost digits."""
    r = logaddexp(x, y, closeness)
    high = select(x < y, y, x)
    return (high < 0.0) & (0.5 * high < r) & (r < -2.0 * high) & (fabs(x) < inf) & (fabs(y) < inf)


def bce(a: Lane, y: Lane) -> Lane:
    """-(y * log(a) + (1 - y) * log(1 - a)), 0 * log(0) counting as 0."""
    one = select(y == 0.0, 0.0, y * log(a))
    other = select(y == 1.0, 0.0, (1.0 - y) * log1p(-a))
    return 0.0 - (one + other)


def bce_da(a: Lane, y: Lane) -> Lane:
    """(a - y) / (a * (1 - a)), its factor cancelled where y is 0 or 1."""
    above = select(y == 0.0, 1.0, select(y == 1.0, -1.0, a - y))
    below = select(y == 0.0, 1.0, a) * select(y == 1.0, 1.0, 1.0 - a)
    return select((a >= 0.0) & (a <= 1.0), above / below, nan)


def bce_with_logits(z: Lane, y: Lane, decay: Lane) -> Lane:
    """bce(sigmoid(z), y): (1 - y) * softplus(z) + y * softplus(-z)."""
    weight = select(z >= 0.0, 1.0 - y, y)
    return select(weight == 0.0, 0.0, weight * fabs(z)) + log1p_of_1_at_most(decay)


def sigmoid_minus(z: Lane, y: Lane, decay: Lane) -> Lane:
    """sigmoid(z) - y: with s the smaller of sigmoid(z) and sigmoid(-z), s - y or (1 - y) - s."""
    s = decay / (1.0 + decay)
    return select(z > 0.0, 1.0 - y, s) - select(z > 0.0, s, y)


def unsure_sigmoid_minus(z: Lane, y: Lane, decay: Lane) -> Test:
    """The two numbers subtracted are close. Labels 0 and 1 take nothing away."""
    s = decay / (1.0 + decay)
    larger = maximum(s, select(z > 0.0, 1.0 - y, y))
    return (fabs(sigmoid_minus(z, y, decay)) < 0.75 * larger) & (y != 0.0) & (y != 1.0) & (fabs(z) < inf)
