"""Momentum, Adam and mini-batches: each against its recurrence, worked out another way."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
from mpmath import mp, mpf
from objectives import Floats, Logistic, bowl, logistic

from minigrad.descent import minimise


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_is_its_recurrence_in_fractions(nesterov: bool) -> None:
    """On w²/2 with alpha = 1/4 and mu = 1/2: binary fractions, exact until 53 bits are full."""
    w, v, alpha, mu = Fraction(1), Fraction(0), Fraction(1, 4), Fraction(1, 2)
    for _ in range(15):
        v = mu * v + w
        w -= alpha * (w + mu * v) if nesterov else alpha * v
    result = minimise(bowl, [1.0], solver="momentum", alpha=0.25, momentum=0.5, nesterov=nesterov, epochs=15)
    assert result.parameters.tolist() == [float(w)]


def test_nesterov_is_the_form_that_looks_ahead() -> None:
    """Sutskever et al. (2013): V := mu*V - alpha*g(W + mu*V), W := W + V, seen from W + mu*V."""
    scale = np.array([1.0, 7.0])
    w, v, alpha, mu = np.array([1.0, -1.0]), np.zeros(2), 0.1, 0.8
    for _ in range(25):
        v = mu * v - alpha * scale * (w + mu * v)
        w = w + v
    result = minimise(
        lambda t: (float(t @ (scale * t)) / 2, scale * t), [1.0, -1.0],
        solver="momentum", alpha=alpha, momentum=mu, nesterov=True, epochs=25,
    )  # fmt: skip
    assert result.parameters == pytest.approx(w + mu * v, rel=1e-12)


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.75), (0.0, 0.0)])
def test_adam_is_algorithm_1_of_the_paper(betas: tuple[float, float]) -> None:
    """One parameter, 50 digits, the biases corrected as Kingma and Ba (2015) write it."""
    with mp.workdps(50):
        theta, m, v = mpf(1), mpf(0), mpf(0)
        alpha, b1, b2, epsilon = mpf(0.05), mpf(betas[0]), mpf(betas[1]), mpf(1e-8)
        path = []
        for t in range(1, 41):
            g = theta**3 - 2
            m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
            theta -= alpha * (m / (1 - b1**t)) / (mp.sqrt(v / (1 - b2**t)) + epsilon)
            path.append(float(theta))
    for epochs in (1, 2, 40):
        result = minimise(
            lambda w: (float(w[0] ** 4 / 4 - 2 * w[0]), w**3 - 2), [1.0],
            solver="adam", alpha=0.05, betas=betas, epochs=epochs,
        )  # fmt: skip
        assert result.parameters == pytest.approx([path[epochs - 1]], rel=1e-12)


def test_the_first_step_of_adam_has_length_alpha() -> None:
    """Whatever the scale of the gradient: that is what the corrections are for."""
    for scale in (1e-3, 1.0, 1e6):
        result = minimise(lambda w, s=scale: (s * float(w[0]), np.array([s])), [0.0], solver="adam", epochs=1)
        assert result.parameters == pytest.approx([-0.001], rel=2e-5)


# -- mini-batches ------------------------------------------------------------------------------------------


class Recording(Logistic):
    """Remembers the rows of each batch."""

    def batch(self, indices: npt.NDArray[np.intp]) -> Logistic:
        self.taken = [*getattr(self, "taken", []), indices.tolist()]
        return super().batch(indices)


def recording(m: int) -> Recording:
    whole = logistic(m, 3)
    return Recording(whole.x, whole.y)


@pytest.mark.parametrize(
    ("m", "batch_rows", "sizes"), [(10, 4, {3, 4}), (12, 4, {4}), (7, 1, {1}), (9, 8, {4, 5})]
)
def test_an_epoch_takes_every_row_once(m: int, batch_rows: int, sizes: set[int]) -> None:
    """In batches of at most batch_rows, whose sizes differ by one at most; each epoch in another order."""
    objective = recording(m)
    minimise(objective, batch_rows=batch_rows, epochs=2, seed=3)
    taken = objective.taken[1:]  # the first asks whether rows can be picked
    per_epoch = -(-m // batch_rows)
    assert len(taken) == 2 * per_epoch
    for epoch in (taken[:per_epoch], taken[per_epoch:]):
        assert sorted(row for batch in epoch for row in batch) == list(range(m))
        assert {len(batch) for batch in epoch} == sizes
    if m > batch_rows > 1:
        assert taken[:per_epoch] != taken[per_epoch:]


def test_each_batch_is_a_step_on_its_mean_gradient() -> None:
    """Replayed by hand from the rows that were taken."""
    objective = recording(50)
    result = minimise(objective, batch_rows=20, epochs=3, alpha=0.5)
    theta = objective.start
    for rows in objective.taken[1:]:
        part = Logistic(objective.x[rows], objective.y[rows])
        theta = theta - 0.5 * part(theta)[1]
    assert result.parameters == pytest.approx(theta, rel=1e-12)
    assert result.losses[-1] == objective(result.parameters)[0]  # of all rows
    assert result.evaluations == 4


def test_the_seed_decides_the_order() -> None:
    """Another seed takes another way to the same end; the default is 0."""
    objective = logistic(100, 3)
    ends = [minimise(objective, batch_rows=10, epochs=2, seed=seed).parameters.tolist() for seed in (0, 1)]
    assert ends[0] != ends[1]
    assert minimise(objective, batch_rows=10, epochs=2).parameters.tolist() == ends[0]


def test_batches_of_all_rows_are_no_batches() -> None:
    objective = logistic(30, 2)
    for batch_rows in (30, 31, 10**9):
        result = minimise(objective, batch_rows=batch_rows, epochs=5)
        assert result.parameters.tolist() == minimise(objective, epochs=5).parameters.tolist()


@pytest.mark.parametrize(("solver", "alpha"), [("gd", 0.5), ("momentum", 0.05), ("adam", 0.02)])
def test_mini_batches_come_near_the_minimum(solver: str, alpha: float) -> None:
    """Within the noise of their gradients, in a tenth of the epochs that all rows at once would take."""
    objective = logistic(1000, 4)
    lowest = minimise(objective, solver="newton").losses[-1]
    result = minimise(objective, solver=solver, alpha=alpha, batch_rows=50, epochs=10)
    assert result.losses[-1] / lowest - 1 < 0.01


def test_a_state_is_never_changed_in_place() -> None:
    """An objective that keeps what it was given sees the whole path."""
    seen: list[Floats] = []

    def keeping(w: Floats) -> tuple[float, Floats]:
        seen.append(w)
        return bowl(w)

    for solver in ("gd", "momentum", "adam"):
        seen.clear()
        minimise(keeping, [1.0], solver=solver, alpha=0.1, epochs=3)
        assert len({float(w[0]) for w in seen}) == 4
