"""L-BFGS and Newton-CG, as SciPy has them, on the objective's gradient and Hessian-vector product.

Room: the only part of `descent` that needs SciPy (the extra `fit`); imported when a run asks for it.
Must hold: when to stop is decided by `Watch`, in the same words for every solver; SciPy's own tests are set
aside, except that a loss which does not change any more ends the run.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from minigrad.descent.curvature import hessian_product_of
from minigrad.descent.objective import Descent, Floats, MissingPackageError, Objective
from minigrad.descent.options import Options
from minigrad.descent.watch import Watch

#: How often a run begins anew, each time with a first step a tenth as long, when a trial step left the finite
#: numbers.
RESTARTS = 12


class _LeftTheNumbersError(Exception):
    """A trial step ended where the loss or its gradient is not finite."""


class _Trials:
    """The objective as SciPy calls it, in coordinates x with parameters = base + length * x.

    Remembers the last points, so that the one which SciPy accepts is known with its gradient.
    """

    def __init__(self, watch: Watch, length: float, loss: float, gradient: Floats) -> None:
        self.watch, self.base, self.length = watch, watch.state.parameters, length
        self.start = loss, length * gradient
        self.recent = [(np.zeros_like(self.base), self.base, loss, gradient)]

    def __call__(self, x: Floats) -> tuple[float, Floats]:
        if not x.any():  # the start, known
            return self.start
        parameters = self.base + self.length * x
        loss, gradient = self.watch.trial(parameters)
        if loss == np.inf:
            raise _LeftTheNumbersError
        self.recent = [*self.recent[-4:], (x.copy(), parameters, loss, gradient)]
        return loss, self.length * gradient

    def accepted(self, x: Floats, loss: float) -> None:
        """SciPy goes on from `x`."""
        for known, parameters, its_loss, gradient in reversed(self.recent):
            if its_loss == loss and np.array_equal(known, x):
                self.watch.accept(parameters, loss, gradient)
                return
        parameters = self.base + self.length * x
        self.watch.accept(parameters, *self.watch.trial(parameters))


def lbfgs(objective: Objective, options: Options, watch: Watch) -> Descent:
    """Run L-BFGS-B (without bounds) until the curve has settled, or the epochs are used up."""
    settings = {"maxcor": options.history, "ftol": 0.0, "gtol": 0.0, "maxfun": 1 << 30}
    return _run(options, watch, "L-BFGS-B", settings, lambda trials: {})


def newton_cg(objective: Objective, options: Options, watch: Watch) -> Descent:
    """Run Newton-CG until the curve has settled, or the epochs are used up."""

    def products(trials: _Trials) -> dict[str, Any]:
        def product(x: Floats, v: Floats) -> Floats:
            at = trials.base + trials.length * x
            return trials.length**2 * hessian_product_of(objective, at)(v)

        return {"hessp": product}

    return _run(options, watch, "Newton-CG", {"xtol": 0.0}, products)


def _run(
    options: Options,
    watch: Watch,
    method: str,
    settings: dict[str, Any],
    more: Callable[[_Trials], dict[str, Any]],
) -> Descent:
    """Let SciPy run, anew with shorter steps when one has left the finite numbers."""
    optimize = _scipy_optimize(options.solver)
    at = watch.evaluate(watch.state.parameters)
    if not watch.losses:
        watch.record(at[0], watch.state.parameters)

    def callback(intermediate_result: Any) -> None:
        trials.accepted(intermediate_result.x, float(intermediate_result.fun))
        if watch.settled() or watch.state.epoch >= options.epochs:
            raise StopIteration

    for restart in range(RESTARTS):
        if watch.settled():
            return watch.result("converged")
        if watch.state.epoch >= options.epochs:
            return watch.result("epochs used up")
        trials = _Trials(watch, 0.1**restart, *at)
        limit = {"maxiter": options.epochs - watch.state.epoch}
        try:
            optimize.minimize(
                trials, np.zeros_like(watch.state.parameters), jac=True, method=method, callback=callback,
                options={**settings, **limit}, **more(trials),
            )  # fmt: skip
        except _LeftTheNumbersError:
            at = watch.evaluate(watch.state.parameters)
            continue
        return watch.result(_why(watch))
    raise watch.diverged("however short a step, the loss or its gradient is not finite there")


def _why(watch: Watch) -> str:
    """Why the run ended that SciPy has ended."""
    if watch.settled() or watch.gradient_norm == 0.0 or _flat(watch):
        return "converged"
    return "epochs used up" if watch.state.epoch >= watch.options.epochs else "no lower loss found"


def _flat(watch: Watch) -> bool:
    """Whether the last fall was no more than the last digits of the loss."""
    last = watch.losses[-2:]
    return len(last) == 2 and abs(last[0] - last[1]) <= 2.0**-50 * abs(last[1])


def _scipy_optimize(solver: str) -> ModuleType:
    try:
        import scipy.optimize
    except ImportError:
        raise MissingPackageError(
            f'the solver {solver!r} is SciPy\'s: pip install "minigrad[fit]" (newton and the first-order ones need '
            "nothing more)"
        ) from None
    return scipy.optimize
