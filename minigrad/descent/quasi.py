"""L-BFGS and Newton-CG, as SciPy has them, on the objective's gradient and Hessian-vector product.

Room: the only part of `descent` that needs SciPy (the extra `fit`), imported when a run asks for it. Both run in
coordinates x with parameters = base + matrix @ x, in which a sample of the rows says that the loss is curved alike
in every direction; without a sample the matrix is a number.
Must hold: when to stop is decided by `Watch`, in the same words for every solver; SciPy's own tests are set
aside, except that a loss which does not change any more ends the run.
Source: Liu and Nocedal, On the limited memory BFGS method (1989); Nocedal and Wright, Numerical Optimization
(2006), 7.1.
"""

from __future__ import annotations

import contextlib
import functools
import math
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from minigrad.descent.curvature import hessian_product_of
from minigrad.descent.objective import Descent, Floats, Objective
from minigrad.descent.options import Options
from minigrad.descent.sample import Sketch, sketched
from minigrad.descent.watch import Watch
from minigrad.extras import MissingPackageError

#: How often a run begins anew, each time with a first step a tenth as long, when a trial step left the finite
#: numbers.
RESTARTS = 12


class _LeftTheNumbersError(Exception):
    """A trial step ended where the loss or its gradient is not finite."""


class _Trials:
    """The objective as SciPy calls it; `length` is that of the unit of x, `at` is loss and gradient at x = 0."""

    def __init__(self, watch: Watch, sketch: Sketch | None, length: float, at: tuple[float, Floats]) -> None:
        self.watch, self.base = watch, watch.state.parameters
        self.sketch = None if sketch is None else sketch.matrix
        self.matrix: Floats | None = None
        self.length = length
        if self.sketch is not None:
            # SciPy's first step has length 1. In units of the gradient that is the step to the sample's minimum.
            self.length *= math.hypot(*(at[1] @ self.sketch).tolist()) or 1.0
            self.matrix = self.length * self.sketch
        self.start = at[0], self.back(at[1])
        self.recent = [(np.zeros_like(self.base), self.base, *at)]

    def there(self, x: Floats) -> Floats:
        """A difference of parameters from one of coordinates."""
        return self.length * x if self.matrix is None else self.matrix @ x

    def back(self, gradient: Floats) -> Floats:
        """The gradient by the coordinates."""
        return self.length * gradient if self.matrix is None else gradient @ self.matrix

    def __call__(self, x: Floats) -> tuple[float, Floats]:
        if not x.any():
            return self.start
        parameters = self.base + self.there(x)
        loss, gradient = self.watch.trial(parameters)
        if loss == math.inf:
            raise _LeftTheNumbersError
        self.recent = [*self.recent[-4:], (x.copy(), parameters, loss, gradient)]
        return loss, self.back(gradient)

    def accept(self, x: Floats, loss: float) -> bool:
        """SciPy goes on from `x`; whether the minimum is near enough."""
        for known, parameters, its_loss, gradient in reversed(self.recent):
            if its_loss == loss and np.array_equal(known, x):
                self.watch.accept(parameters, loss, gradient)
                return self.near(loss, gradient)
        parameters = self.base + self.there(x)
        loss, gradient = self.watch.trial(parameters)
        self.watch.accept(parameters, loss, gradient)
        return self.near(loss, gradient)

    def near(self, loss: float, gradient: Floats) -> bool:
        """Whether the curve has settled, or the sample's Hessian says that no more than the tolerance is left."""
        if self.watch.settled() or not gradient.any():
            return True
        if self.sketch is None:
            return False
        slope = gradient @ self.sketch
        return float(slope @ slope) / 2.0 <= self.watch.options.tolerance * abs(loss)


def lbfgs(objective: Objective, options: Options, watch: Watch) -> Descent:
    """Run L-BFGS-B (without bounds) until the minimum is near enough, or the epochs are used up."""
    settings = {"maxcor": options.history, "ftol": 0.0, "gtol": 0.0, "maxfun": 1 << 30}
    return _run(objective, options, watch, "L-BFGS-B", settings, lambda trials: {})


def newton_cg(objective: Objective, options: Options, watch: Watch) -> Descent:
    """Run Newton-CG until the minimum is near enough, or the epochs are used up."""

    def products(trials: _Trials) -> dict[str, Any]:
        def product(x: Floats, v: Floats) -> Floats:
            at = trials.base + trials.there(x)
            return trials.back(hessian_product_of(objective, at)(trials.there(v)))

        return {"hessp": product}

    # At 0 the Newton-CG of SciPy 1.11 ends before its first step.
    return _run(objective, options, watch, "Newton-CG", {"xtol": 1e-300}, products)


def _run(
    objective: Objective,
    options: Options,
    watch: Watch,
    method: str,
    settings: dict[str, Any],
    more: Callable[[_Trials], dict[str, Any]],
) -> Descent:
    """Let SciPy run, anew with shorter steps when one has left the finite numbers."""
    optimize = _scipy_optimize(options.solver)
    sketch, at = _begun(objective, options, watch)
    stop = False

    def callback(intermediate_result: Any) -> None:
        nonlocal stop
        stop = trials.accept(intermediate_result.x, float(intermediate_result.fun))
        if stop or watch.state.epoch >= options.epochs:
            raise StopIteration

    for restart in range(RESTARTS):
        trials = _Trials(watch, sketch, 0.1**restart, at)
        if stop or trials.near(*at):
            return watch.result("converged")
        if watch.state.epoch >= options.epochs:
            return watch.result("epochs used up")
        limit = {"maxiter": options.epochs - watch.state.epoch}
        try:
            with _one_thread():
                optimize.minimize(
                    trials, np.zeros_like(trials.base), jac=True, method=method, callback=callback,
                    options={**settings, **limit}, **more(trials),
                )  # fmt: skip
        except _LeftTheNumbersError:
            at = watch.evaluate(watch.state.parameters)
            continue
        return watch.result("converged" if stop or _flat(watch) else _why(watch))
    raise watch.diverged("however short a step, the loss or its gradient is not finite there")


def _begun(
    objective: Objective, options: Options, watch: Watch
) -> tuple[Sketch | None, tuple[float, Floats]]:
    """Where the run begins, with loss and gradient there: at the sample's minimum if it is to be trusted."""
    sketch = sketched(objective, options, watch)
    if sketch is not None and not watch.losses:
        loss, gradient = watch.trial(sketch.start)
        if loss <= sketch.worst:
            watch.begin(sketch.start, loss, gradient)
            return sketch, (loss, gradient)
        sketch = None
    at = watch.evaluate(watch.state.parameters)
    if not watch.losses:
        watch.record(watch.state.parameters, *at)
    return sketch, at


def _why(watch: Watch) -> str:
    """Why the run ended that SciPy has ended before the minimum was near."""
    return "epochs used up" if watch.state.epoch >= watch.options.epochs else "no lower loss found"


def _flat(watch: Watch) -> bool:
    """Whether there is no slope, or the last fall was no more than the last digits of the loss."""
    last = watch.losses[-2:]
    return watch.gradient_norm == 0.0 or (
        len(last) == 2 and abs(last[0] - last[1]) <= 2.0**-50 * abs(last[1])
    )


def _scipy_optimize(solver: str) -> ModuleType:
    try:
        import scipy.optimize
    except ImportError:
        raise MissingPackageError(
            f'the solver {solver!r} is SciPy\'s: pip install "minigrad[fit]" (newton and the first-order solvers do '
            "without)"
        ) from None
    return scipy.optimize


def _one_thread() -> contextlib.AbstractContextManager[object]:
    """Keeps SciPy's own linear algebra on one thread while it runs.

    Its matrices have a dozen rows here, and waking a second thread for them takes longer than the work: 3 to 8 ms
    an iteration on a busy machine, 0.2 ms on one thread. NumPy's, which an objective may use, is left alone.
    """
    controller = _blas_of_scipy()
    return contextlib.nullcontext() if controller is None else controller.limit(limits=1)


@functools.cache
def _blas_of_scipy() -> Any:
    """What sets its threads; None without threadpoolctl, or where SciPy has no BLAS of its own."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    every = ThreadpoolController()
    paths = [library["filepath"] for library in every.info()]
    own = [path for path in paths if re.search(r"[/\\]scipy(\.libs|[/\\]\.dylibs)[/\\]", path)]
    return every.select(filepath=own) if own else None
