"""Newton's method, damped: each step goes to the minimum of the quadratic that fits the loss where it stands.

Room: needs the objective's Hessian, and NumPy. A handful of steps, each worth many gradients.
Must hold: the loss falls at every step; the end is told by the Newton decrement g'H^-1 g / 2, which is how far
the loss is above its minimum once steps are short.
Source: Boyd and Vandenberghe, Convex Optimization (2004), 9.5; Nocedal and Wright, Numerical Optimization
(2006), Algorithm 3.3 for a Hessian that is not positive definite.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from minigrad.descent.objective import Descent, Floats, HasHessian, Objective
from minigrad.descent.options import Options
from minigrad.descent.watch import Watch

#: A step is taken when it brings this share of what its slope promises (Armijo).
SLOPE = 1e-4

#: A step is halved at most so often.
HALVINGS = 40

#: Added to the diagonal first, as a share of its largest number, when the Hessian is not positive definite.
FIRST_SHIFT = 1e-10

#: Below this share the shift is there for rounding, and the decrement can be believed.
SMALL_SHIFT = 1e-7


class Model(NamedTuple):
    """The Hessian at some place, ready to be solved with.

    inverse  (k, k) lower triangular; inverse.T @ inverse is the inverse of the Hessian plus the shift
    shift    what was added to the diagonal, as a share of its largest number
    """

    inverse: Floats
    shift: float

    def step(self, gradient: Floats) -> tuple[Floats, float]:
        """The step to the minimum of the quadratic, and the decrement: how much lower it lies."""
        half = self.inverse @ gradient
        return -(half @ self.inverse), float(half @ half) / 2.0


def factored(hessian: Floats) -> Model:
    """The Cholesky factor of a Hessian, with as little added to its diagonal as makes it positive definite.

    Raises FloatingPointError when the Hessian is not finite.
    """
    if not np.isfinite(hessian).all():
        raise FloatingPointError("the Hessian holds a number that is not finite")
    scale = float(np.max(np.abs(np.diag(hessian)))) or 1.0
    shift = 0.0
    while True:
        try:
            factor = np.linalg.cholesky(hessian + shift * scale * np.eye(len(hessian)))
            return Model(_inverse(factor), shift)
        except np.linalg.LinAlgError:
            shift = max(10.0 * shift, FIRST_SHIFT)


def _inverse(factor: npt.NDArray[np.floating[Any]]) -> Floats:
    """Of a lower triangular matrix, row by row.

    Not by numpy.linalg.inv, which wakes a second thread for a hundred rows: on a busy machine that takes a
    hundred milliseconds where this takes one.
    """
    inverse: Floats = np.diag(1.0 / np.diag(factor)).astype(np.float64)
    for i in range(1, len(factor)):
        inverse[i, :i] = factor[i, :i] @ inverse[:i, :i] * -inverse[i, i]
    return inverse


def newton(objective: Objective, options: Options, watch: Watch) -> Descent:
    """Run until the decrement is within the tolerance, or the epochs are used up."""
    if not isinstance(objective, HasHessian):
        raise AssertionError("Newton's method without a Hessian")  # refused by checked_options
    model: Model | None = None
    loss, gradient = watch.evaluate(watch.state.parameters)
    if not watch.losses:
        watch.record(watch.state.parameters, loss, gradient)
    while True:
        # The Hessian of the step before tells the end nearly as well as a new one would, and costs nothing.
        if model is not None and _within(model, model.step(gradient)[1], loss, options):
            return watch.result("converged")
        if watch.state.epoch >= options.epochs:
            return watch.result("epochs used up")
        try:
            model = factored(np.asarray(objective.hessian(watch.state.parameters), dtype=np.float64))
        except ArithmeticError as error:
            raise watch.diverged(str(error)) from error
        step, decrement = model.step(gradient)
        if _within(model, decrement, loss, options):
            return watch.result("converged")
        found = _searched(watch, step, decrement, loss)
        if found is None:
            return watch.result("no lower loss found")
        parameters, loss, gradient = found
        watch.accept(parameters, loss, gradient)


def _within(model: Model, decrement: float, loss: float, options: Options) -> bool:
    """Whether no more than the tolerance is left to be gained; less than the last digit never counts."""
    return model.shift <= SMALL_SHIFT and decrement <= max(options.tolerance, 2.0**-53) * abs(loss)


def _searched(
    watch: Watch, step: Floats, decrement: float, loss: float
) -> tuple[Floats, float, Floats] | None:
    """The longest of step, step/2, step/4, ... that lowers the loss enough: where it leads."""
    for halving in range(HALVINGS):
        share = math.ldexp(1.0, -halving)
        there = watch.state.parameters + share * step
        new, gradient = watch.trial(there)
        if new < loss and new <= loss - SLOPE * share * 2.0 * decrement:
            return there, new, gradient
    return None
