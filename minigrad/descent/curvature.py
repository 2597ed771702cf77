"""How curved a loss is, and so how long a step may be: alpha = 1/L.

Gradient descent on a loss whose Hessian has no eigenvalue above L falls at every step when alpha <= 1/L, and
runs away from the minimum of a quadratic when alpha > 2/L.

Room: reads an objective, changes nothing. Below: `objective`.
Must hold: the same objective gives the same number, to the last bit; L is never estimated from below where
an estimate from above is to be had.
Source: Nesterov, Introductory Lectures on Convex Optimization (2004), 1.2.3; Golub and Van Loan, Matrix
Computations (2013), 10.1, for the Lanczos iteration; Parlett, The Symmetric Eigenvalue Problem (1998), 4.5 and
13.2, for the residual, within which of its largest number there is an eigenvalue.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from minigrad.descent.objective import (
    Floats,
    HasBound,
    HasHessian,
    HasProduct,
    Objective,
    start_of,
)

#: The Lanczos iteration stops when L is known to this share of itself, or after so many products.
PRECISION = 0.01
PRODUCTS = 60

#: Step of a central difference in a number of size 1: the cube root of the distance between doubles there.
_STEP: float = math.cbrt(2.0**-52)


def safe_alpha(objective: Objective, at: npt.ArrayLike | None = None) -> float:
    """The largest learning rate with which gradient descent is sure to fall: 1/L.

    objective  function of the parameters (k,) that returns the loss and its gradient (k,)
    at         (k,) where the curvature is measured; the objective's `start` if it has one
    return     1/L, in units of parameter per unit of gradient; infinite for a loss without upward curvature

    L bounds the largest eigenvalue of the Hessian. It is the objective's `curvature_bound()`, which holds
    everywhere, if it has one. Else it is the largest eigenvalue at `at`, by Lanczos iteration
    on the objective's `hessian_product`, or on its `hessian`, or on differences of gradients. It then
    holds near `at`; where the loss is more curved elsewhere, a smaller alpha is needed there.

    Raises ValueError when the curvature is not finite.

    >>> round(safe_alpha(lambda w: (4 * float(w @ w), 8 * w), [1.0, 1.0]), 9)
    0.125
    """
    if isinstance(objective, HasBound):
        curvature = float(objective.curvature_bound())
    else:
        curvature = largest_curvature(objective, start_of(objective, at))
    if math.isnan(curvature) or curvature == math.inf:
        raise ValueError(f"the curvature of the loss is {curvature!r} there: choose another start")
    return 1.0 / curvature if curvature > 1.0 / 1.7e308 else math.inf


def hessian_product_of(objective: Objective, at: Floats) -> Callable[[Floats], Floats]:
    """v -> Hessian times v at `at`: the objective's own, or a central difference of gradients.

    The difference is right to about 1e-10 of the largest third derivative's share; it costs two evaluations.
    """
    if isinstance(objective, HasProduct):
        return lambda v: np.asarray(objective.hessian_product(at, v), dtype=np.float64)
    if isinstance(objective, HasHessian):
        matrix = np.asarray(objective.hessian(at), dtype=np.float64)
        return lambda v: matrix @ v

    def difference(v: Floats) -> Floats:
        size = float(np.max(np.abs(v), initial=0.0))
        if size == 0.0:
            return np.zeros_like(v)
        step = _STEP * max(1.0, float(np.max(np.abs(at)))) / size
        return np.asarray(objective(at + step * v)[1] - objective(at - step * v)[1]) / (2.0 * step)

    return difference


def largest_curvature(objective: Objective, at: Floats) -> float:
    """The largest eigenvalue of the Hessian at `at`, from above and within a hundredth of it.

    >>> largest_curvature(lambda w: (float(w @ (w * [1, 9])) / 2, w * [1, 9]), np.zeros(2)).__round__(6)
    9.0
    """
    return _lanczos(hessian_product_of(objective, at), at.size)


def _lanczos(product: Callable[[Floats], Floats], k: int) -> float:
    """Largest eigenvalue of the symmetric matrix behind `product`, from above."""
    v = np.random.default_rng(0).standard_normal(k)  # not at right angles to any eigenvector
    basis = [v / np.linalg.norm(v)]
    diagonal: list[float] = []
    beside: list[float] = []
    while True:
        w = product(basis[-1])
        if not np.isfinite(w).all():
            return math.nan
        diagonal.append(float(w @ basis[-1]))
        known = np.array(basis)
        for _ in range(2):  # twice is enough to keep the basis at right angles (Parlett, 6.9)
            w = w - (known @ w) @ known
        rest = float(np.linalg.norm(w))
        largest, share = _largest_of_three_diagonals(diagonal, beside)
        if len(basis) == k or rest <= 1e-14 * max(map(abs, diagonal)):
            return largest
        if rest * share <= PRECISION * abs(largest) or len(basis) == PRODUCTS:
            return largest + rest * share
        basis.append(w / rest)
        beside.append(rest)


def _largest_of_three_diagonals(diagonal: list[float], beside: list[float]) -> tuple[float, float]:
    """Largest eigenvalue of a symmetric tridiagonal matrix, and the last number of its unit eigenvector.

    By bisection: a number is above all eigenvalues when every pivot of (number - matrix) is above 0. For these
    few rows quicker than a library that may wake a second thread for them.
    """
    around = [0.0, *beside, 0.0]
    high = max(d + a + b for d, a, b in zip(diagonal, around, around[1:], strict=False))  # Gershgorin
    low = max(diagonal)
    while low < (middle := low + (high - low) / 2) < high:
        pivot, above = 1.0, True
        for d, b in zip(diagonal, around, strict=False):
            pivot = middle - d - b * b / pivot
            if pivot <= 0.0:
                above = False
                break
        low, high = (low, middle) if above else (middle, high)
    vector = [1.0]
    pivot = high - diagonal[0]
    for d, b in zip(diagonal[1:], beside, strict=True):
        vector.append(vector[-1] * pivot / b)
        pivot = high - d - b * b / pivot if pivot else math.inf
    return high, vector[-1] / math.hypot(*vector)
