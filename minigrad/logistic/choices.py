"""Options of a fit: what is taken where nobody says, what is refused, what a run is called.

Room: plain questions about options and results; knows no rows and no graph. Below: `descent`, `coordinates`, `file`.
Above: `model`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from minigrad.descent import SOLVERS, Descent, DivergedError, safe_alpha
from minigrad.logistic.coordinates import Coordinates
from minigrad.logistic.file import Class, Training

#: Up to so many features the default solver is Newton's method, whose Hessian takes n + 1 numbers for each.
NEWTON_UP_TO = 200

#: Newton's method finds a minimum in some ten steps if there is one; so many show that there is none.
NEWTON_EPOCHS = 30


#: Solvers that end by themselves where the loss is least; the others take the steps they were told to.
SECOND_ORDER = ("newton", "lbfgs", "newton-cg")


def refuse_risen(found: Descent, objective: Coordinates) -> None:
    """DivergedError where a run ended higher than it began: the loss is convex, so the steps were too long."""
    first, last = found.losses[0], found.losses[-1]
    if found.alpha is None or not last > first:
        return
    safe = safe_alpha(objective) * 0.995  # never rounded up
    advice = f"an alpha below {found.alpha:.3g}"
    if found.solver != "adam" and safe < found.alpha:
        advice = f"an alpha of at most {safe:.3g}: that is 1/L, where L bounds the curvature of the loss"
    raise DivergedError(
        f"{SOLVERS[found.solver].title} ended at a loss of {last:.6g}, above the {first:.6g} of the start: alpha = "
        f"{found.alpha:g} is too large\n  what to do: take {advice}; standardised columns allow more",
        found.losses, found.parameters, safe,
    )  # fmt: skip


def default_epochs(solver: str) -> int:
    """Passes over the rows at most, where nobody says how many; 0 for a solver that does not exist."""
    if solver == "newton":
        return NEWTON_EPOCHS
    return SOLVERS[solver].epochs if solver in SOLVERS else 0


def described_run(training: Training) -> str:
    """A title for its loss curve: solver, rows, alpha."""
    title = SOLVERS[training.solver].title if training.solver in SOLVERS else training.solver
    alpha = "" if training.alpha is None else f", alpha {training.alpha:.4g}"
    return f"{title[:1].upper()}{title[1:]}: {training.rows:,} rows{alpha}"


def checked_l2(l2: float) -> float:
    """`l2` if it is a finite number, 0 or more, else ValueError."""
    if isinstance(l2, bool) or not isinstance(l2, int | float) or not (math.isfinite(l2) and l2 >= 0.0):
        raise ValueError(f"l2 is how heavy the penalty is, a finite number, 0 or more: got {l2!r}")
    return float(l2)


def checked_classes(classes: Sequence[Class]) -> tuple[Class, Class]:
    """Two that differ, each a text or a finite number, else ValueError."""
    found = [each.item() if isinstance(each, np.generic) else each for each in classes]
    plain = all(isinstance(each, str | int | float) and not isinstance(each, bool) for each in found)
    if (
        len(found) != 2
        or not plain
        or found[0] == found[1]
        or isinstance(found[0], str) != isinstance(found[1], str)
    ):
        raise ValueError(
            f"classes are two texts or two numbers, first that of label 0: got {list(classes)!r:.80}"
        )
    return found[0], found[1]
