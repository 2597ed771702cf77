"""What is known of a run while it runs: the curve, where it was lowest, where it can go on; and when to stop.

Room: every solver evaluates, records and keeps its state through a `Watch`; no solver decides by itself what
divergence is, writes a checkpoint or speaks to the progress bar.
Must hold: `state` is replaced in one assignment, between two steps, so that an interruption at any moment finds
a state that can be gone on from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from minigrad.descent.curvature import safe_alpha
from minigrad.descent.objective import (
    Descent,
    DivergedError,
    Floats,
    Objective,
    Progress,
    answer,
    explained,
    names_of,
)
from minigrad.descent.options import Options
from minigrad.descent.steps import Moments

#: A loss that has grown by this many times the loss at the start has left for good.
DIVERGED = 1e6


@dataclass(frozen=True, slots=True)
class State:
    """Where a run can go on.

    parameters  (k,)
    epoch       epochs done
    batch       mini-batches done of the epoch that has begun
    step        updates done
    losses      how many losses of the curve belong to this state
    moments     what the update remembers
    random      state of the random numbers when the epoch began, None where none are used
    """

    parameters: Floats
    epoch: int = 0
    batch: int = 0
    step: int = 0
    losses: int = 0
    moments: Moments = field(default_factory=dict)
    random: dict[str, Any] | None = None


class Watch:
    """Follows a run.

    start    (k,) where the run began, which is not where a resumed one goes on
    first    (k,) where the curve begins: the start, or the minimum of a sample
    slope    (k,) the gradient there; empty before it is known
    state    where the run goes on
    losses   the curve
    keep     called with the watch after each step: writes the checkpoint when it is time to
    """

    def __init__(
        self,
        objective: Objective,
        options: Options,
        start: Floats,
        state: State,
        losses: list[float],
        progress: Progress | None = None,
        keep: Callable[[Watch], None] | None = None,
    ) -> None:
        self.objective, self.options, self.start = objective, options, start
        self.state, self.losses = state, losses
        self.first, self.slope = start, np.zeros(0)
        self.alpha: float | None = None
        self.best: Floats | None = state.parameters if losses else None
        self.lowest = min(losses, default=math.inf)
        self.gradient_norm = math.nan
        self.evaluations = 0
        self._progress, self._keep = progress, keep
        self._names = names_of(objective, start.size)

    def evaluate(self, parameters: Floats, part: Objective | None = None) -> tuple[float, Floats]:
        """Loss and gradient of all rows, or of `part`; DivergedError when they are not finite."""
        self._check("{}", parameters)
        try:
            loss, gradient = answer(part or self.objective, parameters)
        except ArithmeticError as error:
            if self.state.step == 0:
                raise  # the rows are at fault, not the descent
            raise self.diverged(str(error)) from error
        if not math.isfinite(loss):
            why = explained(part or self.objective, parameters)
            raise self.diverged(f"the loss is {loss!r}{why}", loss)
        self._check("the gradient by {}", gradient, loss)
        if part is None:
            self.evaluations += 1
            self.gradient_norm = math.hypot(*gradient.tolist())
        return loss, gradient

    def trial(self, parameters: Floats) -> tuple[float, Floats]:
        """Loss and gradient where a search may or may not go; an infinite loss where they are not finite."""
        self.evaluations += 1
        try:
            loss, gradient = answer(self.objective, parameters)
        except ArithmeticError:
            return math.inf, parameters
        if math.isfinite(loss) and np.isfinite(gradient).all():
            return loss, gradient
        return math.inf, gradient

    def accept(self, parameters: Floats, loss: float, gradient: Floats) -> None:
        """A search has ended its iteration here."""
        self.gradient_norm = math.hypot(*gradient.tolist())
        self.record(parameters, loss, gradient)
        state = self.state
        self.go_on(State(parameters, state.epoch + 1, step=state.step + 1, losses=len(self.losses)))

    def record(self, parameters: Floats, loss: float, gradient: Floats) -> None:
        """A loss of the curve, at these parameters; DivergedError when it has grown a millionfold."""
        if not self.losses:
            self.slope = gradient
        self.losses.append(loss)
        first = self.losses[0]
        if first != 0.0 and loss - first > DIVERGED * abs(first):
            raise self.diverged(f"the loss has grown from {first:.3g} to {loss:.3g}")
        if loss <= self.lowest:
            self.best, self.lowest = parameters, loss
        if self._progress is not None:
            self._progress(len(self.losses) - 1, loss)

    def begin(self, parameters: Floats, loss: float, gradient: Floats) -> None:
        """The curve begins here instead of at the start."""
        self.gradient_norm = math.hypot(*gradient.tolist())
        self.first = parameters
        self.record(parameters, loss, gradient)
        self.state = State(parameters, losses=1)

    def go_on(self, state: State) -> None:
        """The state that the run goes on from, from now on."""
        self.state = state
        if self._keep is not None:
            self._keep(self)

    def settled(self) -> bool:
        """Whether the curve has come within the tolerance of where it is going: see `still_to_fall`."""
        share = self.options.tolerance
        return share > 0.0 and still_to_fall(self.losses) <= share * abs(self.losses[-1])

    def result(self, stopped: str) -> Descent:
        """The run so far."""
        return Descent(
            self.state.parameters, tuple(self.losses), stopped, self.gradient_norm, self.evaluations,
            self.options.solver, self.alpha, self._warnings(),
        )  # fmt: skip

    def _warnings(self) -> tuple[str, ...]:
        rises = sum(after - before > 1e-12 * abs(before) for before, after in pairwise(self.losses))
        if not rises or self.alpha is None:
            return ()
        return (
            f"the loss rose at {rises} of {len(self.losses) - 1} epochs: with an alpha below {self.alpha:g} it falls "
            "more steadily",
        )

    def _check(self, what: str, numbers: Floats, *loss: float) -> None:
        if np.isfinite(numbers).all():
            return
        j = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise self.diverged(f"{what.format(self._names[j])} is {float(numbers[j])!r}", *loss)

    def diverged(self, reason: str, *loss: float) -> DivergedError:
        """The error that says why the run cannot go on, and what to do; `loss` is one the curve lacks."""
        alpha = self._safe_alpha()
        return DivergedError(
            f"{self.options.title} stopped at epoch {self.state.epoch}: {reason}\n"
            f"  what to do: {self._advice(alpha)}",
            (*self.losses, *loss),
            self.best,
            alpha,
        )

    def _safe_alpha(self) -> float | None:
        """1/L, the smaller of what is found at the start and where the loss was lowest."""
        if self.alpha is None:
            return None
        places = [self.start] if self.best is None else [self.start, self.best]
        found = []
        for place in places:
            try:
                with np.errstate(all="ignore"):
                    found.append(safe_alpha(self.objective, place))
            except (ArithmeticError, ValueError):
                continue  # no curvature to be had there
        return min(found, default=None)

    def _advice(self, safe: float | None) -> str:
        if self.alpha is None:
            return "choose another start, and standardise the columns if they are not"
        if self.options.solver == "adam" or safe is None or safe >= self.alpha:
            return f"take an alpha below {self.alpha:g}, and standardise the columns if they are not"
        return (
            f"take an alpha of at most {_rounded_down(safe)}: that is 1/L, where L = {1.0 / safe:.3g} bounds the "
            "curvature of the loss; standardised columns allow more"
        )


def _rounded_down(number: float) -> str:
    """`number` to three digits, not above it by more than rounding."""
    text = f"{number:.3g}"
    return text if float(text) <= number * (1.0 + 1e-9) else f"{number * 0.995:.3g}"


def still_to_fall(losses: Sequence[float]) -> float:
    """How much lower a curve is going, judged by how fast its falls shrink; infinite when that cannot be said.

    A last fall d leaves d*r/(1 - r) if each fall to come is r times the one before it. As r counts the larger
    ratio of the last three falls; and as another judgement, of which the larger is believed, the ratio of the
    last eight epochs together to the eight before, which sees through steps that are short by chance.

    >>> still_to_fall([8.0, 4.0, 2.0, 1.0])
    1.0
    """
    if len(losses) < 4:
        return math.inf
    first, before, last = (abs(a - b) for a, b in pairwise(losses[-4:]))
    left = _series(last, max(_ratio(last, before), _ratio(before, first)))
    if len(losses) > 16:
        last = abs(losses[-9] - losses[-1])
        left = max(left, _series(last, _ratio(last, abs(losses[-17] - losses[-9]))))
    return left


def _ratio(fall: float, before: float) -> float:
    return fall / before if fall < before else 1.0


def _series(fall: float, ratio: float) -> float:
    """fall*ratio + fall*ratio^2 + ..."""
    if fall == 0.0:
        return 0.0
    return fall * ratio / (1.0 - ratio) if ratio < 1.0 else math.inf
