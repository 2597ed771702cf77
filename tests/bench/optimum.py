"""Section: to the optimum of logistic regression without penalty, beside the solvers of scikit-learn, PyTorch, SciPy.

Room: measures. Below: `peers`, `measuring`, `descent`.
Must hold: all start at zero and see the same numbers; each is given the loosest of its own tolerances (a power of
ten) with which it comes within 10**-8 of the least loss, so that none does more than is asked for.

What is timed is a fit: for minigrad from recording the graph on, for scikit-learn `fit`, for PyTorch and JAX the
optimiser alone (JAX compiled before).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from measuring import Report, Times, fastest, optional, ratios
from peers import Array, Data, data, jax_arguments, jax_loss, model

import minigrad
from minigrad.descent import minimise

#: Relative distance from the least loss that all must reach; how many times faster than the fastest peer.
REACHED = 1e-8
GOAL = 3.0

#: Tolerances that are tried, loosest first.
LADDER = [10.0**-k for k in range(1, 13)]


class Fitted(NamedTuple):
    """Parameters (n + 1,), bias last, and how many evaluations of loss and gradient, or iterations, it took."""

    theta: Array
    evaluations: int


class Solver(NamedTuple):
    """One way to the optimum."""

    name: str
    run: Callable[[float], Fitted]
    counts: str = "evaluations"


# -- minigrad ---------------------------------------------------------------------------------------------


def minigrad_solvers(given: Data, threads: int) -> list[Solver]:
    """`descent.minimise`, and SciPy's L-BFGS-B on the objective, columns stored apart."""

    def objective() -> Any:
        g = model(np.zeros_like(given.theta))
        program = minigrad.compile(g.loss, rows=g.rows, wrt=g.wrt, threads=threads)
        return program.objective(given.apart)

    def own(solver: str, tolerance: float) -> Fitted:
        found = minimise(objective(), solver=solver, tolerance=tolerance)
        return Fitted(found.parameters, found.evaluations)

    solvers = [Solver("minigrad, newton", partial(own, "newton"))]
    if optional("scipy") is not None:
        solvers += [Solver(f"minigrad, {name}", partial(own, name)) for name in ("lbfgs", "newton-cg")]
        solvers.append(
            Solver("minigrad, SciPy L-BFGS-B", lambda tolerance: scipy_fit(objective(), given, tolerance))
        )
    return solvers


def scipy_fit(function: Callable[[Array], Any], given: Data, tolerance: float) -> Fitted:
    """SciPy's L-BFGS-B on a function that gives loss and gradient."""
    found = optional("scipy.optimize").minimize(
        function, np.zeros_like(given.theta), jac=True, method="L-BFGS-B",
        options={"gtol": tolerance, "ftol": 0.0, "maxiter": 1000},
    )  # fmt: skip
    return Fitted(found.x, found.nfev)


# -- peers ------------------------------------------------------------------------------------------------


def sklearn_solvers(given: Data) -> list[Solver]:
    """LogisticRegression without penalty; rows stored together, into which it copies any other."""
    linear = optional("sklearn.linear_model")
    if linear is None:
        return []
    y = given.y.astype(np.int64)

    def fit(solver: str, tolerance: float) -> Fitted:
        made = linear.LogisticRegression(C=np.inf, solver=solver, tol=tolerance, max_iter=1000)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it has not converged is seen by its loss
            made.fit(given.features, y)
        return Fitted(np.append(made.coef_[0], made.intercept_[0]), int(made.n_iter_[0]))

    names = ("lbfgs", "newton-cg", "newton-cholesky")  # sag takes a minute at a million rows, and saga longer
    return [Solver(f"scikit-learn, {name}", partial(fit, name), "iterations") for name in names]


def torch_solvers(given: Data, threads: int) -> list[Solver]:
    """torch.optim.LBFGS with its line search, columns stored apart."""
    torch = optional("torch")
    if torch is None:
        return []
    torch.set_num_threads(threads)
    x, y = torch.from_numpy(given.x("apart")), torch.from_numpy(given.y)
    loss_of = torch.nn.functional.binary_cross_entropy_with_logits

    def run(tolerance: float) -> Fitted:
        w = torch.zeros(x.shape[1], dtype=torch.float64, requires_grad=True)
        b = torch.zeros((), dtype=torch.float64, requires_grad=True)
        optimiser = torch.optim.LBFGS(
            [w, b], max_iter=1000, history_size=10, line_search_fn="strong_wolfe",
            tolerance_grad=tolerance, tolerance_change=0.0,
        )  # fmt: skip
        count = [0]

        def closure() -> Any:
            count[0] += 1
            loss = loss_of(x @ w + b, y)
            w.grad, b.grad = torch.autograd.grad(loss, (w, b))
            return loss

        optimiser.step(closure)
        return Fitted(np.append(w.detach().numpy(), b.item()), count[0])

    return [Solver("PyTorch, LBFGS", run)]


def jax_solvers(given: Data) -> list[Solver]:
    """value_and_grad, compiled, under SciPy's L-BFGS-B; columns stored apart."""
    jax = optional("jax")
    if jax is None or optional("scipy") is None:
        return []
    step = jax.jit(jax.value_and_grad(jax_loss("apart")))
    _, x, y = jax_arguments(given, "apart")

    def function(theta: Array) -> tuple[float, Array]:
        loss, gradient = step(theta, x, y)
        return float(loss), np.asarray(gradient)

    return [Solver("JAX, SciPy L-BFGS-B", lambda tolerance: scipy_fit(function, given, tolerance))]


# -- the section ------------------------------------------------------------------------------------------


def mean_loss(given: Data, theta: Array) -> float:
    """By NumPy, whatever the solver thinks of it."""
    z = given.features @ theta[:-1] + theta[-1]
    return float(np.mean(np.logaddexp(z, 0.0) - given.y * z))


def least_loss(given: Data) -> float:
    """By Newton's method in NumPy, until the gradient is rounding."""
    full = np.column_stack([given.features, np.ones(len(given.features))])
    theta = np.zeros(full.shape[1])
    for _ in range(12):
        a = 1.0 / (1.0 + np.exp(-(full @ theta)))
        theta -= np.linalg.solve((full.T * (a * (1.0 - a))) @ full, full.T @ (a - given.y))
    return mean_loss(given, theta)


class Tuned(NamedTuple):
    """A solver with the loosest tolerance that does, and what it then reaches."""

    solver: Solver
    tolerance: float
    excess: float
    evaluations: int


def tuned(solver: Solver, given: Data, least: float) -> Tuned | None:
    """Tighten its tolerance until it arrives; None where it never does."""
    for tolerance in LADDER:
        found = solver.run(tolerance)
        excess = mean_loss(given, found.theta) / least - 1.0
        if excess <= REACHED:
            return Tuned(solver, tolerance, excess, found.evaluations)
    return None


def timed(contenders: Sequence[Tuned], rounds: int) -> Times:
    """Seconds of a fit, in turns; the tuning has warmed everything."""
    times: Times = {tuned.solver.name: [] for tuned in contenders}
    for _ in range(rounds):
        for solver, tolerance, *_ in contenders:
            start = perf_counter()
            solver.run(tolerance)
            times[solver.name].append(perf_counter() - start)
    return times


def optimum(report: Report, quick: bool) -> None:
    """Who gets there first."""
    m, n = (2000, 5) if quick else (10**6, 30)
    report.begin(f"to within 1e-8 of the least loss, {m:,} x {n} float64, no penalty")
    given, threads = data(m, n), report.threads
    least = least_loss(given)
    solvers = [
        *minigrad_solvers(given, threads), *sklearn_solvers(given), *torch_solvers(given, threads), *jax_solvers(given)
    ]  # fmt: skip
    contenders = []
    for solver in solvers:
        found = tuned(solver, given, least)
        if found is None:
            report.say(f"{solver.name}: does not get there with a tolerance of {LADDER[-1]:g}")
        else:
            contenders.append(found)
    times = timed(contenders, 2 if quick else 5)
    for solver, tolerance, excess, evaluations in contenders:
        report.row(solver.name, {"": times[solver.name]})
        above = f"{max(excess, 0.0):.0e} above the least"
        report.note(f"{evaluations} {solver.counts}, {above}, tolerance {tolerance:.0e}", solver.name)
    ours = fastest({name: seconds for name, seconds in times.items() if name.startswith("minigrad")})
    others = {name: seconds for name, seconds in times.items() if not name.startswith("minigrad")}
    if others:
        first = fastest(others)
        report.goal(f"{first} / {ours}", ratios(times[first], times[ours]), GOAL)
