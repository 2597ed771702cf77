"""L-BFGS, Newton-CG and Newton's method reach the minimum that is found by another route, and say when."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from objectives import Floats, Logistic, bowl, logistic, solved

from minigrad.descent import DivergedError, minimise
from minigrad.descent.newton import factored
from minigrad.descent.quasi import _blas_of_scipy
from minigrad.descent.sample import sample_size

SECOND_ORDER = ["lbfgs", "newton-cg", "newton"]


@pytest.mark.parametrize("solver", SECOND_ORDER)
@pytest.mark.parametrize("condition", [1.0, 1e4])
@pytest.mark.parametrize("case", range(3))
def test_the_minimum_is_that_of_least_squares(solver: str, condition: float, case: int) -> None:
    """Iteratively reweighted least squares, a hundred times closer; 1e-8 of the loss, the default tolerance 1e-9."""
    objective = logistic(2000, 12, case, condition=condition)
    theta = solved(objective)
    lowest = objective(theta)[0]
    result = minimise(objective, solver=solver)
    assert result.converged
    assert 0 <= result.losses[-1] - lowest + 1e-15 < 1e-8 * lowest
    assert result.losses[-1] == objective(result.parameters)[0]
    slack = math.sqrt(2e-8 * lowest)  # |x|² / 2 in the coordinates where the Hessian is 1
    root = np.linalg.cholesky(objective.hessian(theta)).T
    assert np.linalg.norm(root @ (result.parameters - theta)) < slack
    assert result.gradient_norm == pytest.approx(np.linalg.norm(objective(result.parameters)[1]), rel=1e-14)


@pytest.mark.parametrize("solver", SECOND_ORDER)
@pytest.mark.parametrize("tolerance", [1e-3, 1e-6, 1e-9, 1e-12])
def test_the_tolerance_is_met_and_not_overdone(solver: str, tolerance: float) -> None:
    """Never stopped more than a few times above it; and a loose one saves work."""
    objective = logistic(3000, 8, condition=100.0)
    lowest = objective(solved(objective))[0]
    result = minimise(objective, solver=solver, tolerance=tolerance)
    assert result.converged
    assert result.losses[-1] / lowest - 1 < 3 * tolerance
    assert result.evaluations <= minimise(objective, solver=solver, tolerance=1e-14).evaluations


@pytest.mark.parametrize("solver", SECOND_ORDER)
def test_a_tolerance_of_0_ends_at_the_last_digits(solver: str) -> None:
    """No endless run: where the loss does not change any more, it is over."""
    objective = logistic(500, 3)
    result = minimise(objective, solver=solver, tolerance=0.0)
    assert result.stopped in ("converged", "no lower loss found")
    assert result.losses[-1] == pytest.approx(objective(solved(objective))[0], rel=1e-14)
    assert result.evaluations < 100


@pytest.mark.parametrize("solver", SECOND_ORDER)
def test_a_start_at_the_minimum_is_the_end(solver: str) -> None:
    """Also where the gradient is exactly 0."""
    objective = logistic(500, 3)
    assert minimise(objective, solved(objective), solver=solver).epochs <= 3

    class Bowl:
        def __call__(self, w: Floats, /) -> tuple[float, Floats]:
            return bowl(w)

        def hessian(self, w: Floats) -> Floats:
            return np.eye(len(w))

    result = minimise(Bowl(), [0.0, 0.0], solver=solver)
    assert (result.converged, result.epochs, result.losses) == (True, 0, (0.0,))


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg"])
def test_rosenbrock(solver: str) -> None:
    """A bent valley, no more than a function: minimum 0 at (1, 1). (Rosenbrock 1960)"""

    def valley(w: Floats) -> tuple[float, Floats]:
        a, b = w
        rest = b - a * a
        return float((1 - a) ** 2 + 100 * rest**2), np.array([-2 * (1 - a) - 400 * a * rest, 200 * rest])

    result = minimise(valley, [-1.2, 1.0], solver=solver)
    assert result.parameters == pytest.approx([1.0, 1.0], abs=1e-6)


@pytest.mark.parametrize("solver", SECOND_ORDER)
def test_epochs_are_a_limit(solver: str) -> None:
    result = minimise(logistic(2000, 12, condition=1e4), solver=solver, epochs=2)
    assert (result.stopped, result.epochs, len(result.losses)) == ("epochs used up", 2, 3)


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg"])
def test_a_first_step_beyond_the_numbers_is_shortened(solver: str) -> None:
    """exp overflows at 710, and the first step of L-BFGS has length 1 in every unit."""

    def steep(w: Floats) -> tuple[float, Floats]:
        with np.errstate(over="ignore", invalid="ignore"):
            grown = np.exp(5000 * w)
            return float(np.sum(grown - 5000 * 3 * w)), 5000 * (grown - 3)

    result = minimise(steep, [0.0, 1e-4], solver=solver, tolerance=1e-12)
    assert result.converged
    assert result.parameters == pytest.approx([math.log(3) / 5000] * 2, rel=1e-6)


def test_a_start_surrounded_by_nan_is_said() -> None:
    def island(w: Floats) -> tuple[float, Floats]:
        return (1.0 if w[0] == 0.0 else math.nan), np.array([1.0])

    with pytest.raises(DivergedError, match="however short a step"):
        minimise(island, [0.0], solver="lbfgs")


# -- Newton's method ---------------------------------------------------------------------------------------


class Saddle:
    """(w0² - 1)² + w1²: two minima, and a ridge between them where the Hessian is not positive definite."""

    def __call__(self, w: Floats, /) -> tuple[float, Floats]:
        a, b = w
        return float((a * a - 1) ** 2 + b * b), np.array([4 * a * (a * a - 1), 2 * b])

    def hessian(self, w: Floats) -> Floats:
        return np.diag([12 * w[0] ** 2 - 4, 2.0])


def test_newton_leaves_a_ridge() -> None:
    """From 0.1, where the curvature is -3.88, down to 1."""
    result = minimise(Saddle(), [0.1, 1.0], solver="newton", tolerance=1e-12)
    assert result.parameters == pytest.approx([1.0, 0.0], abs=1e-6)
    assert all(b < a for a, b in pairwise(result.losses))


def test_newton_does_not_call_a_saddle_a_minimum() -> None:
    """On the ridge itself the gradient along it is 0, and no step is lower: that is said, not "converged"."""
    result = minimise(Saddle(), [0.0, 0.0], solver="newton")
    assert result.stopped == "no lower loss found"


def test_newton_on_columns_that_depend_on_each_other() -> None:
    """The Hessian is singular; the loss has its minimum all the same."""
    objective = logistic(500, 3)
    doubled = Logistic(np.column_stack([objective.x, objective.x @ [1.0, 2.0, -1.0]]), objective.y)
    result = minimise(doubled, solver="newton")
    assert result.converged
    assert result.losses[-1] == pytest.approx(objective(solved(objective))[0], rel=1e-9)


def test_newton_on_columns_of_any_scale() -> None:
    """It does not see units: the same loss after as many steps, with one column in 1e-6 and one in 1e6."""
    objective = logistic(500, 3)
    scaled = Logistic(objective.x * [1e-6, 1.0, 1e6], objective.y)
    one, two = minimise(objective, solver="newton"), minimise(scaled, solver="newton")
    assert one.epochs == two.epochs
    assert one.losses == pytest.approx(two.losses, rel=1e-12)


def test_a_minimum_that_is_nowhere_is_no_endless_run() -> None:
    """Separable labels: the loss falls to 0 as the weights grow, for as many epochs as are given."""
    objective = Logistic(np.array([[-1.0], [1.0]]), np.array([0.0, 1.0]))
    result = minimise(objective, solver="newton", epochs=20)
    assert result.stopped == "epochs used up"
    assert result.losses[-1] < 1e-6


def test_a_hessian_that_is_not_finite_stops() -> None:
    class Broken(Logistic):
        def hessian(self, theta: Floats) -> Floats:
            return super().hessian(theta) * math.nan

    whole = logistic(20, 2)
    with pytest.raises(DivergedError, match="the Hessian holds a number that is not finite"):
        minimise(Broken(whole.x, whole.y), solver="newton")


def test_the_factor_is_of_the_hessian() -> None:
    """inverse.T @ inverse is H^-1, and half the square of inverse @ g is g'H^-1 g / 2."""
    hessian = logistic(300, 6).hessian(np.full(7, 0.1))
    model = factored(hessian)
    assert model.shift == 0.0
    assert model.inverse.T @ model.inverse @ hessian == pytest.approx(np.eye(7), abs=1e-12)
    g = np.arange(7.0)
    step, decrement = model.step(g)
    assert hessian @ step == pytest.approx(-g, abs=1e-12)
    assert decrement == pytest.approx(g @ np.linalg.solve(hessian, g) / 2, rel=1e-12)


# -- a sample first ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg"])
@pytest.mark.parametrize("condition", [1.0, 1e4])
def test_a_sample_saves_passes(solver: str, condition: float) -> None:
    """The same minimum with a fraction of the evaluations; condition of the columns or not."""
    objective = logistic(20_000, 12, condition=condition)
    lowest = objective(solved(objective))[0]
    plain = minimise(objective, solver=solver, sample=0)
    objective.calls = dict.fromkeys(objective.calls, 0)
    result = minimise(objective, solver=solver, sample=2000)
    assert result.converged
    assert result.losses[-1] / lowest - 1 < 2e-9
    assert objective.calls["loss"] == result.evaluations <= 7
    assert objective.calls["hessian"] == 0
    if condition > 1.0:
        assert result.evaluations < plain.evaluations / 2 or objective.calls["product"] < 30


def test_a_sample_is_taken_where_it_is_worth_it() -> None:
    """Of a million numbers and more, unless its Hessians would cost more than they save."""
    assert sample_size(1_000_000, 31) == 20_000
    assert sample_size(10_000, 31) == 0
    assert sample_size(100_000, 785) == 0
    for m, k in ((10**5, 12), (10**6, 3), (10**7, 101), (2 * 10**5, 101)):
        assert 20 * k <= sample_size(m, k) <= m // 5


def test_the_sample_is_drawn_with_the_seed() -> None:
    objective = logistic(5000, 3)
    ends = [
        minimise(objective, solver="lbfgs", sample=500, seed=seed).parameters.tolist() for seed in (0, 0, 1)
    ]
    assert ends[0] == ends[1] != ends[2]


class FirstRowsDiffer(Logistic):
    """Gives other rows than it was asked for: a sample that is unlike the rest."""

    def batch(self, indices: npt.NDArray[np.intp]) -> Logistic:
        x, y = self.x[indices], self.y[indices]
        return Logistic(x, 1.0 - y)


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg"])
def test_a_sample_that_misleads_changes_nothing(solver: str) -> None:
    """Opposite labels, one label only, a column that is constant there: the minimum is that of all rows."""
    objective = logistic(3000, 4)
    lowest = objective(solved(objective))[0]
    rare = objective.x.copy()
    rare[:, 3] = 0.0
    rare[[5, 1000, 1700, -1], 3] = 1.0
    for other in (
        FirstRowsDiffer(objective.x, objective.y),
        Logistic(np.vstack([objective.x] * 2), np.append(objective.y, objective.y)),
    ):
        result = minimise(other, solver=solver, sample=100)
        assert result.converged
        assert result.losses[-1] / lowest - 1 < 1e-8
    constant = Logistic(rare, objective.y.copy())
    constant.y[[5, 1000, 1700, -1]] = [0.0, 1.0, 1.0, 0.0]
    result = minimise(constant, solver=solver, sample=40)
    assert result.losses[-1] <= minimise(constant, solver="newton").losses[-1] * (1 + 1e-7)
    one_label = Logistic(objective.x, np.zeros(3000))
    assert minimise(one_label, solver=solver, sample=100, epochs=30).losses[-1] < 1e-3


def test_scipys_linear_algebra_runs_on_one_thread() -> None:
    """Where it brings its own library; NumPy's keeps its threads."""
    threadpoolctl = pytest.importorskip("threadpoolctl")
    seen: list[tuple[str, int]] = []

    def looking(w: Floats) -> tuple[float, Floats]:
        seen.extend((one["filepath"], one["num_threads"]) for one in threadpoolctl.threadpool_info())
        return bowl(w)

    minimise(looking, [2.0, 1.0], solver="lbfgs")
    controller = _blas_of_scipy()
    own = set() if controller is None else {one["filepath"] for one in controller.info()}
    assert {threads for path, threads in seen[2:] if path in own} <= {1, 2}
    inside = [threads for path, threads in seen if path in own][1:]
    assert set(inside) <= {1}
