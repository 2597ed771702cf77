"""What a solver sees: standardised columns without a copy of them, and the penalty.

The weights of standardised columns (x - mean) / scale are other coordinates of the same model:

    w_j = t_j / scale_j        b = t_b - sum_j w_j·mean_j

so the program runs over the columns as they are, and gradient and Hessian are carried over by the chain rule,
g_t = J'g and H_t = J'HJ with J = dw/dt.

Room: linear algebra on the n + 1 parameters; never touches a row. Above: `model`.
Must hold: the solver's minimum is the model's; without scaling and penalty the numbers pass through bit for bit.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from minigrad.descent.curvature import largest_curvature

if TYPE_CHECKING:
    from minigrad.program import Objective

Floats: TypeAlias = npt.NDArray[np.float64]


class CurvatureError(ArithmeticError):
    """The squares of the columns leave the doubles."""


class Scaling:
    """Mean and scale of n columns, and what they make of weights and bias.

    mean   (n,) in units of the columns
    scale  (n,) likewise, above 0
    """

    def __init__(self, mean: npt.ArrayLike, scale: npt.ArrayLike) -> None:
        self.mean = np.array(mean, dtype=np.float64)
        self.scale = np.array(scale, dtype=np.float64)

    def to_columns(self, t: Floats) -> Floats:
        """The weights of the columns as they are, and b, from those of the standardised ones."""
        with np.errstate(
            over="ignore", invalid="ignore"
        ):  # a solver that has gone too far hears of it from the loss
            w = t[:-1] / self.scale
            return np.append(w, t[-1] - w @ self.mean)

    def of_vector(self, v: Floats) -> Floats:
        """J v: as `to_columns`, which is linear."""
        return self.to_columns(v)

    def of_gradient(self, g: Floats) -> Floats:
        """J' g: the gradient by the weights of the standardised columns."""
        return np.append((g[:-1] - self.mean * g[-1]) / self.scale, g[-1])

    def of_hessian(self, h: Floats) -> Floats:
        """J' H J."""
        half = np.column_stack([self.of_gradient(column) for column in h.T])
        return np.column_stack([self.of_gradient(row) for row in half])


class Coordinates:
    """An objective of the weights of standardised columns, and with a penalty, for `descent.minimise`.

    objective  of a program; its parameters are the weights of the columns and then b
    scaling    Scaling, or None for the columns as they are
    l2         l2/2 times the sum of the squared weights (in the coordinates of the solver; b is left out) is added
    """

    def __init__(self, objective: Objective, scaling: Scaling | None = None, l2: float = 0.0) -> None:
        self.objective, self.scaling, self.l2 = objective, scaling, l2
        #: The loss that was computed last, and where.
        self.last: tuple[float, Floats] = (math.nan, self.start)

    def __call__(self, t: Floats) -> tuple[float, Floats]:
        """Loss and gradient (n + 1,)."""
        loss, gradient = self.objective(self._inner(t))
        if self.scaling is not None:
            gradient = self.scaling.of_gradient(gradient)
        if self.l2:
            loss += 0.5 * self.l2 * float(t[:-1] @ t[:-1])
            gradient = gradient + np.append(self.l2 * t[:-1], 0.0)
        self.last = loss, t.copy()
        return loss, gradient

    def hessian(self, t: Floats) -> Floats:
        """(n + 1, n + 1)."""
        h = self.objective.hessian(self._inner(t))
        if self.scaling is not None:
            h = self.scaling.of_hessian(h)
        return h + np.diag(np.append(np.full(len(t) - 1, self.l2), 0.0)) if self.l2 else h

    def hessian_product(self, t: Floats, v: Floats) -> Floats:
        """(n + 1,)."""
        if self.scaling is None:
            product = self.objective.hessian_product(self._inner(t), v)
        else:
            product = self.objective.hessian_product(self._inner(t), self.scaling.of_vector(v))
            product = self.scaling.of_gradient(product)
        return product + np.append(self.l2 * v[:-1], 0.0) if self.l2 else product

    def batch(self, indices: npt.NDArray[np.intp]) -> Coordinates:
        """The same over some of the rows."""
        return Coordinates(self.objective.batch(indices), self.scaling, self.l2)

    def curvature_bound(self) -> float:
        """What no eigenvalue of the Hessian exceeds, at any parameters.

        X' diag(a(1 - a)) X / m is largest where a(1 - a) is: at 1/4, where all parameters are 0.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            curvature = largest_curvature(self, self.start)
        if not math.isfinite(curvature):
            raise CurvatureError(f"the curvature of the loss is {curvature!r}")
        return curvature

    @property
    def about(self) -> dict[str, Any]:
        """What a checkpoint must agree in, for every run begins at the same loss: the gradient there, the penalty."""
        _, gradient = self(self.start)
        return {"l2": self.l2, "gradient at the start": [f"{number:.6g}" for number in gradient.tolist()]}

    @property
    def threads(self) -> int:
        """How many may run at once."""
        return self.objective.threads

    @property
    def rows(self) -> int | None:
        """m, None where nobody knows."""
        return self.objective.rows

    @property
    def names(self) -> tuple[str, ...]:
        """Of the parameters."""
        return tuple(self.objective.names)

    @property
    def start(self) -> Floats:
        """All 0: every row has the probability 1/2."""
        return np.zeros(len(self.names))

    def _inner(self, t: Floats) -> Floats:
        return t if self.scaling is None else self.scaling.to_columns(t)


def newton_step(objective: Coordinates, t: Floats, most: int) -> Floats | None:
    """The third step of Newton's method from t, of the columns as they are; None beyond `most` features.

    Where a minimum is at infinity the steps turn into the direction of it.
    """
    step = None
    for _ in range(3):
        if len(t) > most + 1:
            return None
        _, gradient = objective(t)
        h = objective.hessian(t)
        size = np.sqrt(np.diag(h))
        if not (np.isfinite(size).all() and (size > 0.0).all()):
            return step
        try:
            step = -np.linalg.solve(h / np.outer(size, size), gradient / size) / size
        except np.linalg.LinAlgError:
            return None
        t = t + step
    return step if objective.scaling is None or step is None else objective.scaling.of_vector(step)
