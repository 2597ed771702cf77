"""Minimising a loss: gradient descent as in the lecture, and faster ways down.

    parameters := parameters - alpha * gradient

`minimise` runs any of the solvers, `descend` is the lecture's, `safe_alpha` says how large alpha may be.

Room: knows a function that gives loss and gradient, nothing of graphs, models or tables. The parts, lowest
first: `objective` (types and errors), `options` (solvers as a table), `steps` (updates), `curvature` (1/L),
`watch` (the run as it runs), `first_order`, `newton`, `quasi` (solvers), `checkpoint`, `bar`, `minimise`.
Must hold: a number that is not finite stops a run with an error that says where; what was found up to there is
kept. The same arguments give the same bits.
"""

from minigrad.descent.checkpoint import CheckpointError, CheckpointWarning
from minigrad.descent.curvature import safe_alpha
from minigrad.descent.minimise import descend, minimise
from minigrad.descent.objective import (
    Descent,
    DivergedError,
    Floats,
    InterruptedDescent,
    Objective,
    Progress,
)
from minigrad.descent.options import SOLVERS, checked_alpha
from minigrad.extras import MissingPackageError

__all__ = [
    "CheckpointError", "CheckpointWarning", "Descent", "DivergedError", "Floats",
    "InterruptedDescent", "Objective", "MissingPackageError", "Progress", "SOLVERS", "checked_alpha",
    "descend", "minimise", "safe_alpha",
]  # fmt: skip
