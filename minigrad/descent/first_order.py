"""The loop of gradient descent, momentum and Adam: over all rows at each step, or over mini-batches.

Room: takes steps; what a step is stands in `steps`.
Must hold: a run that is stopped between any two steps and goes on from its state ends at the same bits as one
that was left alone. So the order of the rows in an epoch follows from `State.random` alone, and a state is
never changed, only replaced.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.descent.curvature import safe_alpha
from minigrad.descent.objective import Descent, Floats, HasRows, Objective, rows_of
from minigrad.descent.options import Options
from minigrad.descent.steps import STEPS
from minigrad.descent.watch import State, Watch


def first_state(options: Options, parameters: Floats) -> State:
    """Where a new run begins."""
    moments = {name: np.zeros_like(parameters) for name in STEPS[options.solver][1]}
    random = None
    if options.batch_rows is not None:
        random = dict(np.random.default_rng(options.seed).bit_generator.state)
    return State(parameters, moments=moments, random=random)


def chosen_alpha(objective: Objective, options: Options, start: Floats) -> float:
    """The learning rate as a number: "safe" is computed from the objective. Raises ValueError."""
    if isinstance(options.alpha, float):
        return options.alpha
    alpha = safe_alpha(objective, start)
    if math.isinf(alpha):
        raise ValueError(
            "alpha='safe' needs a loss that is curved upwards at the start: give alpha as a number"
        )
    return alpha


def first_order(objective: Objective, options: Options, watch: Watch) -> Descent:
    """Run to the end of the epochs, or until the tolerance is met; the learning rate is `watch.alpha`."""
    while True:
        state = watch.state
        if state.batch == 0:
            loss, gradient = watch.evaluate(state.parameters)
            watch.record(state.parameters, loss, gradient)
            if watch.settled():
                return watch.result("converged")
            if state.epoch == options.epochs:
                return watch.result("epochs used up")
            if options.batch_rows is None:
                _advance(watch, gradient)
                continue
        _epoch_of_batches(objective, options, watch)


def _epoch_of_batches(objective: Objective, options: Options, watch: Watch) -> None:
    """One epoch, or what is left of it: every row once, in batches whose sizes differ by one row at most."""
    rows, state = rows_of(objective), watch.state
    if (
        not isinstance(objective, HasRows)
        or rows is None
        or options.batch_rows is None
        or state.random is None
    ):
        raise AssertionError("mini-batches of an objective without rows")  # refused by checked_options
    generator = np.random.default_rng()
    generator.bit_generator.state = state.random
    parts = np.array_split(generator.permutation(rows), math.ceil(rows / options.batch_rows))
    after = dict(generator.bit_generator.state)
    for part in parts[state.batch :]:
        _, gradient = watch.evaluate(watch.state.parameters, objective.batch(np.sort(part)))
        _advance(watch, gradient, len(parts), after)


def _advance(watch: Watch, gradient: Floats, parts: int = 1, after: dict[str, Any] | None = None) -> None:
    """One step; the last of so many parts ends the epoch, and the random numbers go on from `after`."""
    state, options = watch.state, watch.options
    update, step = STEPS[options.solver][0], state.step + 1
    with np.errstate(over="ignore", invalid="ignore"):  # found by the next evaluation
        parameters, moments = update(
            state.parameters, state.moments, gradient, watch.alpha or 0.0, step, options
        )
    ends = state.batch + 1 == parts
    watch.go_on(
        State(
            parameters,
            epoch=state.epoch + ends,
            batch=0 if ends else state.batch + 1,
            step=step,
            losses=len(watch.losses),
            moments=moments,
            random=after if ends else state.random,
        )
    )
