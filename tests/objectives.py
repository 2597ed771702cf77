"""Losses to minimise, in NumPy: what the solvers are judged on, with everything an objective may offer."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from seeded import generator

Floats = npt.NDArray[np.float64]


def bowl(w: Floats) -> tuple[float, Floats]:
    """|w|² / 2 and its gradient."""
    return float(w @ w) / 2, w


@dataclass
class Logistic:
    """Mean loss of logistic regression over rows (m, n): parameters (n + 1,), the weights and then b."""

    x: Floats
    y: Floats
    calls: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("loss", "hessian", "product", "batch"), 0)
    )

    @property
    def rows(self) -> int:
        return len(self.y)

    @property
    def start(self) -> Floats:
        return np.zeros(self.x.shape[1] + 1)

    @property
    def names(self) -> tuple[str, ...]:
        return (*(f"w{j}" for j in range(self.x.shape[1])), "b")

    def __call__(self, theta: Floats, /) -> tuple[float, Floats]:
        self.calls["loss"] += 1
        with np.errstate(all="ignore"):  # as a program over rows does
            z = self.x @ theta[:-1] + theta[-1]
            dz = (1 / (1 + np.exp(-z)) - self.y) / self.rows
            return float(np.mean(np.logaddexp(0, z) - self.y * z)), np.append(dz @ self.x, dz.sum())

    def hessian(self, theta: Floats) -> Floats:
        self.calls["hessian"] += 1
        wide = np.column_stack([self.x, np.ones(self.rows)])
        hessian: Floats = wide.T @ (wide * self._weights(theta)[:, None])
        return hessian

    def hessian_product(self, theta: Floats, v: Floats) -> Floats:
        self.calls["product"] += 1
        u = self._weights(theta) * (self.x @ v[:-1] + v[-1])
        return np.append(u @ self.x, u.sum())

    def batch(self, indices: npt.NDArray[np.intp]) -> Logistic:
        self.calls["batch"] += 1
        return Logistic(self.x[indices], self.y[indices])

    def _weights(self, theta: Floats) -> Floats:
        z = np.clip(self.x @ theta[:-1] + theta[-1], -700, 700)
        a: Floats = 1 / (1 + np.exp(-z))
        return a * (1 - a) / self.rows


def logistic(m: int, n: int, case: int = 0, *, condition: float = 1.0) -> Logistic:
    """Rows drawn at random with labels from a model; `condition` of the columns' covariance, about."""
    random = generator(m, n, case)
    x = random.standard_normal((m, n))
    if condition > 1.0:
        left, _, right = np.linalg.svd(random.standard_normal((n, n)))
        x = x @ (left * np.logspace(0, -np.log10(condition) / 2, n)) @ right
    w = random.standard_normal(n)
    z = x @ (w / np.sqrt(n)) + 0.3
    return Logistic(x, (random.random(m) < 1 / (1 + np.exp(-z))).astype(np.float64))


def solved(objective: Logistic) -> Floats:
    """The minimum of a logistic loss by iteratively reweighted least squares, to the last digits."""
    wide = np.column_stack([objective.x, np.ones(objective.rows)])
    theta = objective.start
    for _ in range(12):
        z = wide @ theta
        a = 1 / (1 + np.exp(-z))
        weight = np.sqrt(a * (1 - a))
        theta = theta + np.linalg.lstsq(wide * weight[:, None], (objective.y - a) / weight, rcond=None)[0]
    return theta
