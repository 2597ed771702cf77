"""The one way in: minimise an objective by a named solver, watched, and kept on disk if asked.

Room: puts the parts together, decides nothing that they decide.
Must hold: whatever ends a run (an error, Ctrl-C, a full disk), what it has found is handed on.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import warnings
from collections.abc import Callable, Iterator

import numpy.typing as npt

from minigrad.descent.checkpoint import CheckpointWarning, Keeper, problem
from minigrad.descent.first_order import chosen_alpha, first_order, first_state
from minigrad.descent.newton import newton
from minigrad.descent.objective import (
    Descent,
    DivergedError,
    Floats,
    InterruptedDescent,
    Objective,
    Progress,
    start_of,
)
from minigrad.descent.options import Options, checked_options
from minigrad.descent.quasi import lbfgs, newton_cg
from minigrad.descent.steps import STEPS
from minigrad.descent.watch import State, Watch

_RUNS: dict[str, Callable[[Objective, Options, Watch], Descent]] = {
    **dict.fromkeys(STEPS, first_order),
    "lbfgs": lbfgs,
    "newton-cg": newton_cg,
    "newton": newton,
}


def minimise(
    objective: Objective,
    start: npt.ArrayLike | None = None,
    *,
    solver: str = "gd",
    alpha: float | str | None = None,
    epochs: int | None = None,
    batch_rows: int | None = None,
    seed: int = 0,
    tolerance: float | None = None,
    momentum: float | None = None,
    nesterov: bool | None = None,
    betas: tuple[float, float] | None = None,
    epsilon: float | None = None,
    history: int | None = None,
    sample: int | None = None,
    progress: bool | Progress | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    every: float = 30.0,
) -> Descent:
    """Find the parameters where a loss is lowest.

    objective   function of the parameters (k,) that returns the loss and its gradient (k,); what it offers
                besides is used: `start`, `names`, `rows`, `batch(indices)`, `hessian(theta)`,
                `hessian_product(theta, v)`, `curvature_bound()`
    start       (k,) finite numbers; the objective's own if left out
    solver      gd, momentum, adam, lbfgs, newton-cg or newton (see below)
    alpha       learning rate of gd and momentum (0.1) and adam (0.001), in units of parameter per unit of
                gradient, > 0; "safe" is 1/L as `safe_alpha` computes it, for gd and momentum
    epochs      passes over the rows of gd, momentum and adam (100), iterations of lbfgs (1000), newton-cg (200)
                and newton (100) at most; 0 returns the start
    batch_rows  gd, momentum and adam take a step after each mini-batch of at most so many rows; the rows are
                shuffled in each epoch, and the batches of one epoch differ in size by one row at most. Left
                out, each step uses all rows
    seed        of numpy.random.default_rng, for the shuffling
    tolerance   stop when the loss is, by the solver's estimate, within this share of itself of its minimum;
                1e-9 for lbfgs, newton-cg and newton; 0, which runs all epochs, for gd, momentum and adam
    momentum    how much of the last step is kept (0.9); nesterov=True for Nesterov's form
    betas       of Adam, (0.9, 0.999), and epsilon, 1e-8
    history     updates that L-BFGS remembers (10)
    sample      lbfgs and newton-cg look at so many rows first, drawn with `seed`, for where to start and how the
                loss is curved there; 0 for none. Left out, as many as are worth it, which needs an objective with
                `rows`, `batch` and `hessian`. The curve then begins where the sample ends
    progress    True for a bar on standard error where that is a terminal, or a function of (epoch, loss)
    checkpoint  a file from which a run that was stopped goes on; written at most every `every` seconds (0:
                after each step), and at the end. If it is there, the run goes on from it
    return      Descent: parameters (k,), losses (epochs + 1,), why it stopped, ...

    gd         parameters := parameters - alpha * gradient, as in the lecture
    momentum   the same with a memory of the steps before
    adam       steps of about alpha in each parameter, whatever its scale
    lbfgs      SciPy's L-BFGS-B: a model of the curvature learned from gradients. Few, cheap iterations
    newton-cg  SciPy's Newton-CG, on `hessian_product`, or differences of gradients without it
    newton     exact Hessian, Cholesky, halved steps; for up to some hundred parameters. Needs `hessian`

    A checkpoint of gd, momentum or adam goes on to the same bits as a run that was never stopped, also from
    the middle of an epoch; one of the others goes on from the last iterate, without its memory.

    Raises DivergedError (with the curve, the best parameters and the largest safe alpha) when a loss, a
    gradient or a parameter is not finite or the loss exceeds a million times the first; ValueError for what is
    out of range; CheckpointError when the checkpoint is not of this run; CannotWriteError when it cannot be
    written; MissingPackageError without SciPy; InterruptedDescent, a KeyboardInterrupt with the result so far,
    on Ctrl-C. Sources are given in `minigrad/descent`.

    >>> def bowl(w):
    ...     return float((w - 3) @ (w - 3)), 2 * (w - 3)
    >>> result = minimise(bowl, [0.0], alpha=0.25, epochs=3)
    >>> result.parameters, result.losses, result.stopped
    (array([2.625]), (9.0, 2.25, 0.5625, 0.140625), 'epochs used up')
    """
    options = checked_options(
        objective, solver, epochs, tolerance, seed, alpha=alpha, batch_rows=batch_rows, momentum=momentum,
        nesterov=nesterov, betas=betas, epsilon=epsilon, history=history, sample=sample,
    )  # fmt: skip
    begin = start_of(objective, start)
    if not 0.0 <= every < math.inf:
        raise ValueError(f"every is the seconds between two checkpoints, 0 or more: got {every!r}")
    with _reported(progress, options.epochs) as report:
        keeper = (
            None
            if checkpoint is None
            else Keeper(checkpoint, options, problem(objective, options, begin), every)
        )
        watch = _watch(objective, options, begin, report, keeper)
        try:
            result = _RUNS[solver](objective, options, watch)
        except KeyboardInterrupt as interrupt:
            raise _interrupted(watch, keeper) from interrupt
        except DivergedError:
            raise  # the checkpoint stays as it was last written
        except Exception:  # of the objective or of `progress`
            if keeper is not None:
                keeper.write_if_can(watch)
            raise
    refusal = "" if keeper is None else keeper.write_if_can(watch)
    if refusal:
        refusal = f"the last checkpoint is missing: {refusal}"
        warnings.warn(refusal, CheckpointWarning, stacklevel=2)
        result = dataclasses.replace(result, warnings=(*result.warnings, refusal))
    return result


def descend(
    loss_and_gradient: Objective,
    start: npt.ArrayLike,
    *,
    alpha: float = 0.1,
    epochs: int = 100,
    progress: Progress | None = None,
) -> Descent:
    """Take `epochs` steps of gradient descent from `start`, as in the lecture: `minimise` with solver "gd".

    loss_and_gradient  function of the parameters (k,) that returns the loss and its gradient (k,)
    start              (k,) finite numbers
    alpha              learning rate, > 0, in units of parameter per unit of gradient
    epochs             number of updates; 0 returns the start
    progress           called with (epoch, loss) after each evaluation
    return             Descent: parameters (k,), losses (epochs + 1,)

    Raises as `minimise`. A loss that only rises and falls by turns is no error: see `warnings` of the result.

    >>> descend(lambda w: (float(w @ w), 2 * w), [1.0], alpha=0.25, epochs=3).losses
    (1.0, 0.25, 0.0625, 0.015625)
    """
    return minimise(loss_and_gradient, start, alpha=alpha, epochs=epochs, progress=progress)


@contextlib.contextmanager
def _reported(progress: bool | Progress | None, epochs: int) -> Iterator[Progress | None]:
    """The function that hears of each loss, and the bar it moves."""
    if not isinstance(progress, bool):
        yield progress
        return
    if not progress:
        yield None
        return
    from minigrad.descent.bar import progress_bar, terminal

    with progress_bar(terminal(), epochs) as report:
        yield report


def _watch(
    objective: Objective, options: Options, start: Floats, progress: Progress | None, keeper: Keeper | None
) -> Watch:
    """The watch of a new run, or of one that goes on from its checkpoint."""
    saved = None if keeper is None else keeper.read()
    if keeper is not None and saved is not None:
        keeper.check_rows(objective, saved)
        watch = Watch(objective, options, start, saved.state, saved.losses, progress, keeper)
        watch.alpha, watch.first, watch.slope = saved.alpha, saved.first, saved.slope
        return watch
    first = options.solver in STEPS
    state = first_state(options, start) if first else State(start)
    watch = Watch(objective, options, start, state, [], progress, keeper)
    watch.alpha = chosen_alpha(objective, options, start) if first else None
    if keeper is not None:
        keeper.write(watch)  # so that a path which cannot be written is known before the work
    return watch


def _interrupted(watch: Watch, keeper: Keeper | None) -> InterruptedDescent:
    """What Ctrl-C becomes: the result so far, and a checkpoint."""
    message = f"stopped in epoch {watch.state.epoch} of {watch.options.epochs}; .result holds what was found"
    if keeper is not None:
        refusal = keeper.write_if_can(watch)
        message += f"; {refusal}" if refusal else f", and {keeper.name} goes on from there"
    return InterruptedDescent(message, watch.result("interrupted"))
