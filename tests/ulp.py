"""How far a double is from an exact number, in units of the last place: what every accuracy test measures with."""

from __future__ import annotations

import math

import mpmath

LARGEST = math.nextafter(math.inf, 0.0)


def ulps(got: float, exact: mpmath.mpf) -> float:
    """|got - exact| in units of the last place of the double nearest to `exact`; inf where nothing is near.

    Beyond the largest double only the infinity of the same sign is right (the last half place before it may
    be either); a nan is right where the exact number is a nan, and nowhere else. Zeros have no sign here.

    >>> ulps(1.0, mpmath.mpf(1)), ulps(1.0000000000000004, mpmath.mpf(1)), ulps(math.nan, mpmath.mpf(1))
    (0.0, 2.0, inf)
    >>> ulps(5e-324, mpmath.mpf("1e-400")), ulps(math.inf, mpmath.mpf("1e400")), ulps(1.0, mpmath.mpf("1e400"))
    (1.0, 0.0, inf)
    """
    if mpmath.isnan(exact) or math.isnan(got):
        return 0.0 if mpmath.isnan(exact) and math.isnan(got) else math.inf
    with mpmath.workdps(1000):  # a difference of numbers of any two sizes
        nearest = float(exact)
        if math.isinf(nearest):
            return 0.0 if got == nearest else math.inf
        if math.isinf(got):
            near_the_end = (got > 0) == (exact > 0) and abs(exact) > mpmath.mpf(LARGEST)
            return 0.0 if near_the_end else math.inf
        return float(min(abs(mpmath.mpf(got) - exact) / mpmath.mpf(math.ulp(nearest)), mpmath.mpf(LARGEST)))
