"""What is minimised, and what comes back: the objective, the result, and the errors that lose nothing.

Room: types, and questions about an objective; no solver. Everything else in `descent` stands on this.
Must hold: an objective need not be more than a function from parameters to loss and gradient; whatever else it
offers is asked for here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from minigrad.text import shown

Floats: TypeAlias = npt.NDArray[np.float64]

#: Called with (epoch, loss) whenever a loss is known; epoch 0 is the start.
Progress: TypeAlias = Callable[[int, float], object]


class Objective(Protocol):
    """A function from parameters (k,) to the loss and its gradient (k,), both at these parameters.

    Any function will do. What an objective offers besides is used where it is there: `start` (k,), `names` of
    the parameters, `rows` m and `batch(indices)`, `hessian(theta)` (k, k), `hessian_product(theta, v)` (k,),
    `curvature_bound()`, `explain(theta)` in words, and `about`, a dict of texts and numbers that a checkpoint must
    agree in.
    """

    def __call__(self, theta: Floats, /) -> tuple[float, Floats]:
        """Loss and gradient."""


# -- what an objective may offer besides -------------------------------------------------------------------


@runtime_checkable
class HasRows(Protocol):
    """An objective that is a mean over rows, of which some can be taken; `rows` is None where nobody knows m."""

    @property
    def rows(self) -> int | None:
        """m."""

    def batch(self, indices: npt.NDArray[np.intp]) -> Objective:
        """The same objective over these rows alone."""


@runtime_checkable
class HasHessian(Protocol):
    """An objective that knows its matrix of second derivatives."""

    def hessian(self, theta: Floats) -> Floats:
        """(k, k), symmetric."""


@runtime_checkable
class HasProduct(Protocol):
    """An objective that knows its Hessian times a vector."""

    def hessian_product(self, theta: Floats, v: Floats) -> Floats:
        """(k,)."""


@runtime_checkable
class HasBound(Protocol):
    """An objective that knows a number which the curvature exceeds nowhere."""

    def curvature_bound(self) -> float:
        """At least the largest eigenvalue of the Hessian, at any parameters."""


def answer(objective: Objective, parameters: Floats) -> tuple[float, Floats]:
    """Loss and gradient as the objective gives them, the gradient copied: it may use its array again.

    Raises TypeError when it gives no pair of real numbers, ValueError for a gradient of another shape.
    """
    given: Any = objective(parameters)
    try:
        loss, gradient = given
        number, slope = float(loss), np.array(gradient, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(
            "the objective must return (loss, gradient), a real number and one for each parameter: it gave "
            f"{shown(repr(given), 80)}"
        ) from None
    if slope.shape != parameters.shape:
        raise ValueError(
            f"the objective gave a gradient of shape {slope.shape} for parameters {parameters.shape}: "
            "it must return (loss, gradient), the gradient one number for each parameter"
        )
    return number, slope


def names_of(objective: object, k: int) -> tuple[str, ...]:
    """A name for each parameter: the objective's own, or `parameter 0` and so on."""
    names = getattr(objective, "names", None)
    if names is None or len(names) != k:
        return tuple(f"parameter {j}" for j in range(k))
    return tuple(str(name) for name in names)


def about_of(objective: object) -> dict[str, Any] | None:
    """What the objective says of itself for a checkpoint, None if it says nothing."""
    about = getattr(objective, "about", None)
    return about if isinstance(about, dict) else None


def explained(objective: object, parameters: Floats) -> str:
    """Which rows gave a nan, as a further line of a message; "" where the objective cannot tell."""
    explain = getattr(objective, "explain", None)
    text = str(explain(parameters)) if callable(explain) else ""
    return f"\n  {text}" if text else ""


def picks_rows(objective: object) -> bool:
    """Whether rows can be picked: not from what is no mean over rows, nor from a stream."""
    if not isinstance(objective, HasRows) or not rows_of(objective):
        return False
    try:
        objective.batch(np.zeros(1, dtype=np.intp))
    except (TypeError, NotImplementedError):
        return False
    return True


def rows_of(objective: object) -> int | None:
    """How many rows the objective has, None where that is unknown."""
    rows = getattr(objective, "rows", None)
    return None if rows is None else int(rows)


def start_of(objective: object, start: npt.ArrayLike | None) -> Floats:
    """A copy of where to start, (k,) finite numbers; without `start` the objective's own.

    Raises ValueError saying what is wrong with it.
    """
    if start is None:
        start = getattr(objective, "start", None)
        if start is None:
            raise ValueError("where to start is missing: give start, one number for each parameter")
    try:
        parameters = np.array(start, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"start is one number for each parameter: got {start!r}") from None
    if parameters.ndim != 1 or parameters.size == 0:
        raise ValueError(f"start is one number for each parameter, (k,): got shape {parameters.shape}")
    strange = np.flatnonzero(~np.isfinite(parameters))
    if strange.size:
        name = names_of(objective, parameters.size)[strange[0]]
        raise ValueError(f"start must be finite: {name} is {float(parameters[strange[0]])!r}")
    return parameters


# -- what comes back ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Descent:
    """Where a descent ended, and the way there.

    parameters     (k,)
    losses         epochs + 1 numbers: before the first epoch, and after each
    stopped        why it ended: "converged", "epochs used up" or "no lower loss found"; "interrupted" in the
                   result that an error carries
    gradient_norm  length of the gradient over all rows, the last time it was computed
    evaluations    how often loss and gradient of all rows were computed
    solver         "gd", "momentum", ...
    alpha          the learning rate, None where the solver has none
    warnings       what is not as it should be, in words; empty when all is well
    """

    parameters: Floats
    losses: tuple[float, ...]
    stopped: str
    gradient_norm: float
    evaluations: int
    solver: str
    alpha: float | None = None
    warnings: tuple[str, ...] = ()

    @property
    def epochs(self) -> int:
        """Epochs done."""
        return max(len(self.losses) - 1, 0)

    @property
    def converged(self) -> bool:
        """Whether the minimum was found as closely as was asked for."""
        return self.stopped == "converged"


class DivergedError(ArithmeticError):
    """A loss, a gradient or a parameter left the finite numbers, or the loss grew a millionfold.

    losses      the curve up to the loss that was refused, which comes last
    parameters  (k,) where the loss was lowest, None when there was none
    safe_alpha  the largest learning rate with which gradient descent is sure to fall where the curvature was
                measured, 1/L; None where that could not be computed or the solver has no learning rate
    """

    def __init__(
        self,
        message: str,
        losses: tuple[float, ...],
        parameters: Floats | None = None,
        safe_alpha: float | None = None,
    ) -> None:
        super().__init__(message)
        self.losses = losses
        self.parameters = parameters
        self.safe_alpha = safe_alpha

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.losses, self.parameters, self.safe_alpha)


class InterruptedDescent(KeyboardInterrupt):
    """Ctrl-C while a descent ran; `result` is the Descent so far, and the checkpoint, if any, is written."""

    def __init__(self, message: str, result: Descent) -> None:
        super().__init__(message)
        self.result = result
