"""The solvers as a table, and what each may be told; what a user gets wrong is said here.

Room: one row for each solver. `minimise` reads the defaults from it, checkpoints take the options that decide
the numbers of a run, the page on fitting is held to its names by a test.
Must hold: an option that a solver would ignore is refused, never swallowed.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from minigrad.descent.objective import HasHessian, Objective, picks_rows, rows_of


class Solver(NamedTuple):
    """A way to minimise.

    title      what messages call it
    epochs     default number of passes over the rows (first order) or iterations (second order)
    tolerance  default; 0 runs every epoch
    options    what it can be told, with defaults, besides epochs, tolerance and seed
    """

    title: str
    epochs: int
    tolerance: float
    options: dict[str, Any]


_ALL_ROWS: dict[str, Any] = {"batch_rows": None}

SOLVERS = {
    "gd":        Solver("gradient descent", 100, 0.0, {"alpha": 0.1, **_ALL_ROWS}),
    "momentum":  Solver("gradient descent with momentum", 100, 0.0,
                        {"alpha": 0.1, "momentum": 0.9, "nesterov": False, **_ALL_ROWS}),
    "adam":      Solver("Adam", 100, 0.0, {"alpha": 0.001, "betas": (0.9, 0.999), "epsilon": 1e-8, **_ALL_ROWS}),
    "lbfgs":     Solver("L-BFGS", 1000, 1e-9, {"history": 10, "sample": None}),
    "newton-cg": Solver("Newton-CG", 200, 1e-9, {"sample": None}),
    "newton":    Solver("Newton's method", 100, 1e-9, {}),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Options:
    """What a run was told, defaults filled in; None where the solver knows no such thing.

    The names are those of `minimise`.
    """

    solver: str
    epochs: int
    tolerance: float
    seed: int
    alpha: float | str | None = None
    batch_rows: int | None = None
    momentum: float | None = None
    nesterov: bool | None = None
    betas: tuple[float, float] | None = None
    epsilon: float | None = None
    history: int | None = None
    sample: int | None = None

    @property
    def title(self) -> str:
        """What messages call the solver."""
        return SOLVERS[self.solver].title


def checked_options(
    objective: Objective, solver: str, epochs: int | None, tolerance: float | None, seed: int, **given: Any
) -> Options:
    """The options of a run, checked, defaults filled in; ValueError says which is wrong."""
    if solver not in SOLVERS:
        near = difflib.get_close_matches(str(solver), SOLVERS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"there is no solver {solver!r}{hint} (there are {', '.join(SOLVERS)})")
    row = SOLVERS[solver]
    for name, value in given.items():
        if value is not None and name not in row.options:
            takers = " and ".join(other for other, its in SOLVERS.items() if name in its.options)
            raise ValueError(
                f"{name} means nothing to the solver {solver!r}: leave it out (it is for {takers})"
            )
    chosen = {
        name: default if given.get(name) is None else given[name] for name, default in row.options.items()
    }
    for name, value in chosen.items():
        if value is not None:
            chosen[name] = _CHECKS[name](value)
    options = Options(
        solver=solver,
        epochs=checked_whole("epochs", row.epochs if epochs is None else epochs, 0, "a number of updates"),
        tolerance=checked_tolerance(row.tolerance if tolerance is None else tolerance),
        seed=checked_whole("seed", seed, 0, "what the random numbers start from"),
        **chosen,
    )
    return _checked_together(objective, options)


def _checked_together(objective: Objective, options: Options) -> Options:
    """What is right by itself may be wrong beside the rest."""
    if options.batch_rows is not None:
        if not picks_rows(objective):
            raise ValueError(
                "batch_rows needs an objective with .rows and .batch(indices), as a compiled program over a table "
                "in memory has: leave batch_rows out to use all rows at each step"
            )
        if options.tolerance > 0.0:
            raise ValueError(
                "tolerance needs a loss that falls steadily, which it does not with mini-batches: "
                "leave out tolerance, and say with epochs how long to run"
            )
        if options.batch_rows >= (rows_of(objective) or 0):  # all rows at each step
            options = replace(options, batch_rows=None)
    if options.sample and not (picks_rows(objective) and isinstance(objective, HasHessian)):
        raise ValueError(
            "sample needs an objective with .rows, .batch(indices) and .hessian(theta), as a compiled program over a "
            "table in memory has: leave sample out, or read the table into memory"
        )
    if options.solver == "newton" and not isinstance(objective, HasHessian):
        raise ValueError(
            "the solver 'newton' needs an objective with .hessian(theta), as a compiled program has: "
            "take 'lbfgs', or 'newton-cg', which does without"
        )
    if options.solver == "adam" and options.alpha == "safe":
        raise ValueError(
            "alpha='safe' is for gd and momentum: a step of Adam has length alpha whatever the curvature; "
            "give a number, such as 0.001"
        )
    return options


def checked_alpha(alpha: float) -> float:
    """`alpha` if it is a finite number above 0, else ValueError."""
    if not _number(alpha) or not (math.isfinite(alpha) and alpha > 0.0):
        raise ValueError(f"alpha is the learning rate, a finite number above 0: got {alpha!r}")
    return float(alpha)


def checked_tolerance(tolerance: float) -> float:
    """`tolerance` if it is in [0, 1), else ValueError."""
    if not _number(tolerance) or not 0.0 <= tolerance < 1.0:
        raise ValueError(f"tolerance is a share of the loss, 0 or more and below 1: got {tolerance!r}")
    return float(tolerance)


def checked_whole(name: str, number: int, least: int, what: str) -> int:
    """`number` if it is a whole one and not below `least`, else ValueError."""
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < least:
        raise ValueError(f"{name} is {what}, {least} or more: got {number!r}")
    return int(number)


def _number(value: object) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _alpha_or_safe(alpha: float | str) -> float | str:
    if isinstance(alpha, str):
        if alpha != "safe":
            raise ValueError(f"alpha is a number above 0, or 'safe': got {alpha!r}")
        return alpha
    return checked_alpha(alpha)


def _share(name: str, what: str, value: float) -> float:
    if not _number(value) or not 0.0 <= value < 1.0:
        raise ValueError(f"{name} is {what}, 0 or more and below 1: got {value!r}")
    return float(value)


def _betas(betas: tuple[float, float]) -> tuple[float, float]:
    try:
        first, second = betas
    except (TypeError, ValueError):
        raise ValueError(f"betas are two numbers, such as (0.9, 0.999): got {betas!r}") from None
    what = "how much of the average before is kept"
    return _share("the first of betas", what, first), _share("the second of betas", what, second)


def _epsilon(epsilon: float) -> float:
    if not _number(epsilon) or not (math.isfinite(epsilon) and epsilon > 0.0):
        raise ValueError(f"epsilon keeps Adam from dividing by 0, a small number above 0: got {epsilon!r}")
    return float(epsilon)


def _nesterov(nesterov: bool) -> bool:
    if not isinstance(nesterov, bool | np.bool_):
        raise ValueError(f"nesterov is True or False: got {nesterov!r}")
    return bool(nesterov)


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "alpha": _alpha_or_safe,
    "batch_rows": lambda number: checked_whole("batch_rows", number, 1, "the rows of a mini-batch"),
    "momentum": lambda number: _share("momentum", "how much of the last step is kept", number),
    "nesterov": _nesterov,
    "betas": _betas,
    "epsilon": _epsilon,
    "history": lambda number: checked_whole("history", number, 1, "how many updates L-BFGS remembers"),
    "sample": lambda number: checked_whole("sample", number, 0, "how many rows are looked at first"),
}
