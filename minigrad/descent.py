"""Gradient descent as in the lecture: parameters := parameters - alpha * gradient, over and over.

Room: knows a function that gives loss and gradient, nothing of graphs or models.
Must hold: a number that is not finite stops the descent with an error that says where; the curve up to there
is kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]

#: parameters (k,) -> (loss, gradient (k,)), both at these parameters
LossAndGradient: TypeAlias = Callable[[Floats], tuple[float, Floats]]

#: Called with (epoch, loss) whenever a loss is known; epoch 0 is the start.
Progress: TypeAlias = Callable[[int, float], object]

#: A loss this many times the loss at the start has left for good.
DIVERGED = 1e6


class Descent(NamedTuple):
    """Where a descent ended, and the way there.

    parameters  (k,)
    losses      epochs + 1 numbers: before the first update, and after each
    """

    parameters: Floats
    losses: tuple[float, ...]


class DivergedError(ArithmeticError):
    """The loss or the gradient left the finite numbers, or the loss grew a millionfold.

    `losses` holds the curve up to the loss that was refused, which comes last.
    """

    def __init__(self, message: str, losses: tuple[float, ...]) -> None:
        super().__init__(message)
        self.losses = losses


def checked_alpha(alpha: float) -> float:
    """`alpha` if it is a finite number above 0, else ValueError."""
    if not (math.isfinite(alpha) and alpha > 0.0):
        raise ValueError(f"alpha is the learning rate, a finite number above 0: got {alpha!r}")
    return float(alpha)


def descend(
    loss_and_gradient: LossAndGradient,
    start: npt.ArrayLike,
    *,
    alpha: float = 0.1,
    epochs: int = 100,
    progress: Progress | None = None,
) -> Descent:
    """Take `epochs` steps of gradient descent from `start`.

    loss_and_gradient  function of the parameters (k,) that returns the loss and its gradient (k,)
    start              (k,) finite numbers
    alpha              learning rate, > 0, in units of parameter per unit of gradient
    epochs             number of updates; 0 returns the start
    progress           called with (epoch, loss) after each evaluation
    return             Descent: parameters (k,), losses (epochs + 1,)

    Raises DivergedError when a loss or a gradient is not finite or a loss exceeds a million times the first
    (the epoch, the numbers and what to do are given), ValueError when alpha or epochs is out of range.
    A loss that only rises and falls by turns is no error: look at `losses`.

    >>> descend(lambda w: (float(w @ w), 2 * w), [1.0], alpha=0.25, epochs=3).losses
    (1.0, 0.25, 0.0625, 0.015625)
    """
    checked_alpha(alpha)
    if epochs < 0:
        raise ValueError(f"epochs is a number of updates, 0 or more: got {epochs}")
    parameters = np.array(start, dtype=np.float64)
    losses: list[float] = []
    for epoch in range(epochs + 1):
        loss, gradient = loss_and_gradient(parameters)
        losses.append(float(loss))
        if trouble := _trouble(losses, parameters, gradient):
            raise DivergedError(
                f"gradient descent stopped at epoch {epoch}: {trouble}\n"
                f"  what to do: take an alpha below {alpha:g}, and standardise the columns if they are not",
                tuple(losses),
            )
        if progress is not None:
            progress(epoch, losses[-1])
        if epoch < epochs:
            with np.errstate(over="ignore", invalid="ignore"):  # found by the next evaluation
                parameters = parameters - alpha * gradient
    return Descent(parameters, tuple(losses))


def _trouble(losses: list[float], parameters: Floats, gradient: Floats) -> str:
    """Why the descent cannot go on, or ""."""
    first, loss = losses[0], losses[-1]
    for name, numbers in (("parameter {}", parameters), ("the gradient by parameter {}", gradient)):
        strange = np.flatnonzero(~np.isfinite(numbers))
        if strange.size:
            return f"{name.format(strange[0])} is {float(numbers[strange[0]])!r}"
    if not math.isfinite(loss):
        return f"the loss is {loss!r}"
    if first != 0.0 and loss - first > DIVERGED * abs(first):
        return f"the loss has grown from {first:.3g} to {loss:.3g}"
    return ""
