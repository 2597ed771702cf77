"""How curved a loss is: the largest eigenvalue of its Hessian, from above, by whatever route there is."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from objectives import Floats, Logistic, bowl, logistic
from seeded import generator

from minigrad.descent import minimise, safe_alpha
from minigrad.descent.curvature import PRECISION, hessian_product_of, largest_curvature


def quadratic(hessian: Floats) -> object:
    return lambda w: (float(w @ hessian @ w) / 2, hessian @ w)


@pytest.mark.parametrize("k", [1, 2, 3, 10, 40, 200])
@pytest.mark.parametrize("case", range(4))
def test_the_bound_is_above_and_within_a_hundredth(k: int, case: int) -> None:
    """Of NumPy's largest eigenvalue, whatever the others are: alike, spread, negative."""
    random = generator(k, case)
    vectors, _ = np.linalg.qr(random.standard_normal((k, k)))
    values = [np.ones(k), np.logspace(-6, 3, k), random.standard_normal(k) + 1, -np.ones(k)][case]
    values[0] = max(values[0], 0.5) if case < 3 else values[0]
    hessian = (vectors * values) @ vectors.T
    hessian = (hessian + hessian.T) / 2
    found = largest_curvature(quadratic(hessian), np.zeros(k))  # type: ignore[arg-type]
    largest = float(np.linalg.eigvalsh(hessian)[-1])
    rounding = 1e-9 * float(np.max(np.abs(values)))  # of the differences of gradients
    assert largest - rounding <= found <= largest + PRECISION * abs(largest) + rounding


def test_every_route_gives_the_same() -> None:
    """hessian_product, hessian, or differences of gradients; they are used in this order."""
    whole = logistic(400, 5)
    theta = np.full(6, 0.2)
    largest = float(np.linalg.eigvalsh(whole.hessian(theta))[-1])

    class OnlyHessian:
        hessian = whole.hessian

        def __call__(self, w: Floats, /) -> tuple[float, Floats]:
            return whole(w)

    for objective in (whole, OnlyHessian(), lambda w: whole(w)):
        found = largest_curvature(objective, theta)
        assert largest * (1 - 1e-8) <= found <= largest * (1 + PRECISION)
        v = np.arange(6.0)
        product = hessian_product_of(objective, theta)(v)
        assert product == pytest.approx(whole.hessian(theta) @ v, rel=1e-8)
    assert whole.calls["product"] > 0


def test_a_bound_of_the_objective_is_taken() -> None:
    """For logistic regression a quarter of the largest eigenvalue of X'X/m, which holds everywhere."""

    class Bounded(Logistic):
        def curvature_bound(self) -> float:
            wide = np.column_stack([self.x, np.ones(self.rows)])
            return float(np.linalg.eigvalsh(wide.T @ wide)[-1]) / (4 * self.rows)

    whole = logistic(400, 5)
    bounded = Bounded(whole.x, whole.y)
    assert safe_alpha(bounded) == 1 / bounded.curvature_bound()
    assert safe_alpha(whole) == pytest.approx(safe_alpha(bounded), rel=PRECISION)  # at 0 they are the same
    assert minimise(bounded, alpha="safe", epochs=1).alpha == safe_alpha(bounded)


@pytest.mark.parametrize("case", range(5))
def test_with_the_safe_alpha_every_step_falls(case: int) -> None:
    """And twice 1/L, with a little more, does not."""
    objective = logistic(300, 6, case, condition=100.0)
    losses = minimise(objective, alpha="safe", epochs=200).losses
    assert all(after < before for before, after in pairwise(losses))

    hessian = objective.hessian(objective.start)
    quadratic_loss = quadratic(hessian)
    alpha = 2.1 / float(np.linalg.eigvalsh(hessian)[-1])
    losses = minimise(quadratic_loss, np.ones(7), alpha=alpha, epochs=40).losses  # type: ignore[arg-type]
    assert losses[-1] > losses[-2]


def test_no_upward_curvature_has_no_bound() -> None:
    assert safe_alpha(lambda w: (-float(w @ w), -2 * w), [1.0, 2.0]) == math.inf
    assert safe_alpha(lambda w: (float(w.sum()), np.ones(2)), [1.0, 2.0]) == math.inf


def test_a_curvature_that_is_not_finite_is_an_error() -> None:
    with pytest.raises(ValueError, match="the curvature of the loss is nan there"):
        safe_alpha(lambda w: (math.nan, w * math.nan), [1.0])
    with pytest.raises(ValueError, match="where to start is missing"):
        safe_alpha(bowl)
