"""The logarithm of the gamma function and its derivatives.

Room: one function for each row of the table that is about gamma. Right of 0 they are Taylor series where the
result is small and asymptotic series elsewhere; left of 0 and for high orders `precise` answers. Types in
`gamma.pxd`. Below: `numeric`, `precise`.
Must hold: what `numeric` says: a few ulp, and the same bits compiled and interpreted.
"""

try:
    import cython
except ImportError:  # interpreted, and Cython is not installed
    from minigrad import _cython as cython

from minigrad import precise

if not cython.compiled:
    from math import copysign, inf, nan

    from minigrad.numeric import fabs, floor, log, pow, sum_error

# Taylor coefficients of log(gamma) about 1, about its minimum and about 2, computed with 60 digits.
ABOUT_1 = [
    0.0, -0.5772156649015329, 0.8224670334241132, -0.40068563438653143,
    0.27058080842778454, -0.20738555102867398, 0.1695571769974082, -0.1440498967688461,
    0.12550966952474304, -0.11133426586956469, 0.1000994575127818, -0.09095401714582904,
    0.083353840546109, -0.0769325164113522, 0.07143294629536133, -0.06666870588242046,
    0.06250095514121304, -0.058823978658684585, 0.055555767627403614, -0.05263167937961666,
    0.05000004769810169, -0.047619070330142226, 0.04545455629320467, -0.04347826605304026,
    0.04166666915034121, -0.04000000119214014, 0.03846153903467518, -0.037037037312989324,
    0.035714285847333355, -0.034482758684919304,
]  # fmt: skip
ABOUT_MINIMUM = [
    0.0, 0.0, 0.4838361227238106, -0.1475877229945307,
    0.06462494023891276, -0.0327885410884813, 0.017970675115210395, -0.010314223036636387,
    0.006100536020517889, -0.0036845696083163734, 0.0022597648232218106, -0.001402251445904451,
    0.0008782326347176812, -0.0005541949527966822, 0.00035191295683784665, -0.0002246534436959552,
    0.000144070395420933, -9.276098655471749e-05, 5.9934733439794256e-05, -3.884583889452658e-05,
    2.52476632917301e-05, -1.6450858338395606e-05, 1.0743455256375933e-05, -7.030705257380349e-06,
    4.609738653644754e-06, -3.0276718328780264e-06, 0.0, 0.0, 0.0, 0.0,
]  # fmt: skip
ABOUT_2 = [
    0.0, 0.42278433509846713, 0.3224670334241132, -0.0673523010531981,
    0.020580808427784546, -0.007385551028673986, 0.0028905103307415234, -0.001192753911703261,
    0.0005096695247430425, -0.00022315475845357939, 9.945751278180853e-05, -4.492623673813314e-05,
    2.050721277567069e-05, -9.439488275268397e-06, 4.374866789907488e-06, -2.039215753801366e-06,
    9.55141213040742e-07, -4.492469198764566e-07, 2.1207184805554665e-07, -1.0043224823968099e-07,
    4.7698101693639804e-08, -2.2711094608943164e-08, 1.0838659214896955e-08, -5.183475041970047e-09,
    2.4836745438024785e-09, -1.1921401405860912e-09, 5.731367241678862e-10, -2.7595228851242334e-10,
    1.330476437424449e-10, -6.4229645638381e-11,
]  # fmt: skip
# The coefficients of the asymptotic series: B_2k / (2k (2k - 1)), B_2k / 2k, and B_2k itself.
STIRLING = [
    0.08333333333333333, -0.002777777777777778, 0.0007936507936507937, -0.0005952380952380953,
    0.0008417508417508417, -0.0019175269175269176, 0.00641025641025641, -0.029550653594771242,
]  # fmt: skip
DIGAMMA = [
    0.08333333333333333, -0.008333333333333333, 0.003968253968253968, -0.004166666666666667,
    0.007575757575757576, -0.021092796092796094, 0.08333333333333333, -0.4432598039215686,
    3.0539543302701198, -26.456212121212122,
]  # fmt: skip
BERNOULLI = [
    0.16666666666666666, -0.03333333333333333, 0.023809523809523808, -0.03333333333333333,
    0.07575757575757576, -0.2531135531135531, 1.1666666666666667, -7.092156862745098,
    54.971177944862156, -529.1242424242424,
]  # fmt: skip


def taylor(c, t, slope):
    """c[1] * t + c[2] * t**2 + ..., or its derivative."""
    k: cython.int = 29
    r: cython.double = 0.0
    while k > 1:
        r = (r + (k * c[k] if slope else c[k])) * t
        k -= 1
    return r + c[1] if slope else (r + c[1]) * t


def log_gamma_of_1_plus(t, slope):
    """log(gamma(1 + t)) for t from -0.25 to 1.5, or its derivative."""
    if t <= 0.25:
        return taylor(ABOUT_1, t, slope)
    if t < 0.71:
        s = (t - 0.46163214496836236) + 1.5522348162858677e-17
        return taylor(ABOUT_MINIMUM, s, slope) - (0.0 if slope else 0.12148629053584961)
    return taylor(ABOUT_2, t - 1.0, slope)


def lgamma(x):
    """log(abs(gamma(x)))."""
    k: cython.int
    if x != x or fabs(x) == inf:
        return x * x
    if x <= 0.0:
        if x == floor(x):
            return inf
        return lgamma_precisely(x)
    if x >= 8.0:
        t, r, k = 1.0 / x, 0.0, 7
        while k >= 0:
            r = r * t * t + STIRLING[k]
            k -= 1
        return (x - 0.5) * (log(x) - 1.0) + (0.4189385332046727 + r * t)
    if x < 0.75:
        return log_gamma_of_1_plus(x, False) - log(x)
    product = 1.0
    while x >= 2.5:
        x -= 1.0
        product *= x
    return log_gamma_of_1_plus(x - 1.0, False) + log(product)


def digamma(x):
    """The derivative of lgamma."""
    k: cython.int
    if x != x or x == inf:
        return x
    if x <= 0.0:
        if x == floor(x):
            return copysign(inf, -x) if x == 0.0 else nan
        return polygamma_precisely(0, x)
    if x >= 12.0:
        t, r, k = 1.0 / (x * x), 0.0, 9
        while k >= 0:
            r = (r + DIGAMMA[k]) * t
            k -= 1
        return log(x) - (0.5 / x + r)
    if x < 0.75:
        return log_gamma_of_1_plus(x, True) - 1.0 / x
    s = 0.0
    while x >= 2.5:
        x -= 1.0
        s += 1.0 / x
    return log_gamma_of_1_plus(x - 1.0, True) + s


def polygamma(n, x):
    """The derivative of digamma of order n, for n = 1, 2, ..., 500."""
    if not 1.0 <= n <= 500.0 or n != floor(n) or x != x or x == -inf:
        return nan
    odd: cython.bint = n != 2.0 * floor(0.5 * n)
    if x == inf:
        return 0.0 if odd else -0.0
    if x <= 0.0 and x == floor(x):
        return inf if odd else -copysign(inf, x) if x == 0.0 else nan
    if x < 0.0 or n > 8.0:
        return polygamma_precisely(n, x)
    i: cython.int
    factorial: cython.double = 1.0  # of n - 1
    k: cython.double = 2.0
    while k < n:
        factorial *= k
        k += 1.0
    steps: cython.int = 0
    while x + steps < 20.0:
        steps += 1
    # From a point far enough to the right: B_2k (2k + n - 1)! / (2k)! / far^2k, over (n - 1)! / far^n.
    far: cython.double = x + steps
    t: cython.double = 1.0 / (far * far)
    weight: cython.double = 1.0
    r: cython.double = 0.5 * n / far
    for i in range(10):
        k = 2 * i + 2
        weight *= (k + n - 1.0) * (k + n - 2.0) / (k * (k - 1.0)) * t
        r += BERNOULLI[i] * weight
    half: cython.double = pow(far, -0.5 * n)
    r = (r - n * (sum_error(x, steps, far) / far) + 1.0) * factorial * half * half
    # The terms left of it, the smallest first.
    error: cython.double = 0.0
    factorial *= n
    while steps > 0:
        steps -= 1
        far = x + steps
        t = factorial * pow(far, -n - 1.0)
        if t == inf:
            return inf if odd else -inf
        t -= t * ((n + 1.0) * (sum_error(x, steps, far) / far))
        weight = r + t
        error += sum_error(r, t, weight)
        r = weight
    r += error
    return r if odd else -r


def lgamma_precisely(x):
    """As lgamma, left of 0."""
    return precise.lgamma(x)


def polygamma_precisely(n, x):
    """As polygamma (digamma for n = 0), left of 0 and for high orders."""
    return precise.polygamma(int(n), x)
