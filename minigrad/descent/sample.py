"""A look at some of the rows before all of them: where to start, and how the loss is curved there.

A sample of a fiftieth of the rows is solved by Newton's method for the price of a pass or less. Its minimum is
within a few thousandths of the loss of the whole table's, and its Hessian differs from the whole table's by a
few hundredths, whatever the scales and correlations of the columns. In coordinates in which that Hessian is the
unit matrix, L-BFGS needs four to seven passes over all rows where it needs nine to three hundred without.

Room: chooses the sample, solves it, gives start and coordinates; `quasi` goes on from there.
Must hold: the sample only saves work. The minimum that is found is that of all rows, and a sample that turns out
to be no good (flat, separable, unlike the rest) is not used.
Source: Roosta-Khorasani and Mahoney, Sub-sampled Newton methods (2019); Byrd, Chin, Neveitt and Nocedal, On the
use of stochastic Hessian information in optimization methods for machine learning (2011).
"""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from minigrad.descent.newton import factored, newton
from minigrad.descent.objective import Floats, HasHessian, HasRows, Objective, picks_rows, rows_of
from minigrad.descent.options import Options
from minigrad.descent.watch import State, Watch

#: A table of fewer numbers than this is passed over so quickly that nothing is saved.
WORTH = 1_000_000

#: The sample is a fiftieth of the rows, at least a hundred for each parameter, ...
SHARE, FOR_EACH = 50, 100

#: ... as long as its five or six Hessians cost no more than two passes (a pass reads eight bytes for a number,
#: a Hessian multiplies k numbers with each), but of no use with fewer than twenty rows for each parameter.
PASSES, FEWEST = 2.0, 20

#: The sample is itself begun on so many times fewer rows.
NESTED = 10

#: Rows are taken in runs of so many neighbours, which lie on one line of the processor's cache.
RUN = 8


class Sketch(NamedTuple):
    """What the sample said.

    start   (k,) its minimum, or where the run goes on from
    matrix  (k, k) with start + matrix @ x, the Hessian in x is about the unit matrix
    worst   the loss of all rows at `start` is above this only if the sample misleads; half of the loss is allowed
            for chance
    """

    start: Floats
    matrix: Floats
    worst: float


def sample_size(m: int, k: int) -> int:
    """How many of m rows to look at first for k parameters; 0 for none.

    >>> sample_size(1_000_000, 31), sample_size(200_000, 101), sample_size(100_000, 785), sample_size(10_000, 3)
    (20000, 6336, 0, 0)
    """
    size = min(max(m // SHARE, FOR_EACH * k), int(PASSES * 8 * m / (5 * k)))
    return size if m * k >= WORTH and FEWEST * k <= size <= m // 5 else 0


def sketched(objective: Objective, options: Options, watch: Watch) -> Sketch | None:
    """Solve a sample, from where the run stands if it has not begun; None where there is none of any use."""
    rows, at = rows_of(objective), watch.state.parameters
    if rows is None or not isinstance(objective, HasRows) or not isinstance(objective, HasHessian):
        return None
    size = sample_size(rows, at.size) if options.sample is None else min(options.sample, rows)
    if size == 0 or not picks_rows(objective):
        return None
    part, worst = objective.batch(_chosen(rows, size, options.seed)), math.inf
    try:
        if not watch.losses:
            solved = _solved(objective, part, size, options, at)
            if solved is None:
                return None
            at, worst = solved
        model = factored(part.hessian(at)) if isinstance(part, HasHessian) else None
    except ArithmeticError:
        return None
    if model is None or model.shift > 0.0:  # a column that is constant in the sample
        return None
    return Sketch(at, model.inverse.T, worst)


def _solved(
    objective: HasRows, part: Objective, size: int, options: Options, at: Floats
) -> tuple[Floats, float] | None:
    """The minimum of the sample, and the loss above which it misleads; most steps are taken on a tenth of it."""
    rows, worst = rows_of(objective) or 0, math.inf
    parts = [(part, size)]
    if size // NESTED >= FEWEST * at.size:
        parts.insert(0, (objective.batch(_chosen(rows, size // NESTED, options.seed)), size // NESTED))
    for some, count in parts:
        if not isinstance(some, HasHessian):
            return None
        enough = dataclasses.replace(options, solver="newton", epochs=30, tolerance=0.1 * at.size / count)
        found = newton(some, enough, Watch(some, enough, at, State(at), []))
        if not found.converged:
            return None
        at = found.parameters
        if worst == math.inf:
            worst = found.losses[0] + abs(found.losses[0]) / 2.0
    return at, worst


def _chosen(rows: int, size: int, seed: int) -> npt.NDArray[np.intp]:
    """About `size` positions of rows in ascending order, in runs of neighbours."""
    runs = np.random.default_rng(seed).choice(-(-rows // RUN), -(-size // RUN), replace=False)
    chosen = (np.sort(runs)[:, None] * RUN + np.arange(RUN)).ravel()
    return chosen[chosen < rows]
