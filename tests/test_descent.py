"""Gradient descent takes the steps it says, stops where it cannot go on, and hands on what it found."""

from __future__ import annotations

import io
import math
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from objectives import Logistic, bowl, logistic
from rich.console import Console

from minigrad.descent import (
    SOLVERS,
    DivergedError,
    Floats,
    InterruptedDescent,
    Objective,
    descend,
    minimise,
    safe_alpha,
)
from minigrad.descent.bar import progress_bar
from minigrad.descent.watch import still_to_fall

FIRST_ORDER = ["gd", "momentum", "adam"]
SECOND_ORDER = ["lbfgs", "newton-cg", "newton"]


# -- the lecture's -----------------------------------------------------------------------------------------


def test_each_step_is_the_rule_on_paper() -> None:
    """On w²/2 a step with alpha = 1/4 leaves 3/4 of w: exact in binary for as many steps as 53 bits hold."""
    result = descend(bowl, [1.0, -2.0], alpha=0.25, epochs=20)
    left = Fraction(3, 4) ** 20
    assert result.parameters.tolist() == [float(left), float(-2 * left)]
    losses = [float(Fraction(5, 2) * Fraction(9, 16) ** k) for k in range(21)]
    assert result.losses == pytest.approx(losses, rel=2**-51)  # two squares and their sum, each rounded
    assert (result.epochs, result.evaluations, result.stopped) == (20, 21, "epochs used up")
    assert result.gradient_norm == pytest.approx(float(left) * math.sqrt(5), rel=2**-51)
    assert (result.solver, result.alpha, result.warnings) == ("gd", 0.25, ())


@pytest.mark.parametrize("solver", SOLVERS)
def test_no_epochs_give_the_start(solver: str) -> None:
    """And its loss; the start itself is not touched."""
    objective = logistic(20, 2)
    start = np.array([3.0, 0.0, 1.0])
    result = minimise(objective, start, solver=solver, epochs=0)
    assert result.parameters.tolist() == start.tolist()
    assert result.losses == (objective(start)[0],)
    minimise(objective, start, solver=solver, epochs=3)
    assert start.tolist() == [3.0, 0.0, 1.0]


@pytest.mark.parametrize("solver", SOLVERS)
def test_equal_arguments_give_equal_bits(solver: str) -> None:
    """Also with everything that is drawn at random."""
    objective = logistic(300, 4)
    batches = {"batch_rows": 70, "seed": 5} if solver in FIRST_ORDER else {}
    one, two = (minimise(objective, solver=solver, epochs=6, **batches) for _ in range(2))  # type: ignore[arg-type]
    assert one.parameters.tolist() == two.parameters.tolist()
    assert one.losses == two.losses


@pytest.mark.parametrize("solver", SOLVERS)
def test_progress_hears_every_loss(solver: str) -> None:
    heard: list[tuple[int, float]] = []
    result = minimise(
        logistic(50, 2), solver=solver, epochs=4, progress=lambda epoch, loss: heard.append((epoch, loss))
    )
    assert heard == list(enumerate(result.losses))
    assert len(heard) > 3


# -- what cannot be ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"alpha": 0.0}, "alpha is the learning rate, a finite number above 0: got 0.0"),
        ({"alpha": -0.1}, "finite number above 0"),
        ({"alpha": math.nan}, "finite number above 0"),
        ({"alpha": math.inf}, "finite number above 0"),
        ({"alpha": True}, "finite number above 0"),
        ({"alpha": None, "solver": "sgd"}, "there is no solver 'sgd'; did you mean 'gd'?"),
        ({"alpha": "fast"}, "a number above 0, or 'safe': got 'fast'"),
        ({"alpha": "safe", "solver": "adam"}, "alpha='safe' is for gd and momentum"),
        ({"alpha": 0.1, "solver": "newton"}, "alpha means nothing to the solver 'newton'"),
        ({"momentum": 0.9}, "momentum means nothing to the solver 'gd': leave it out (it is for momentum)"),
        ({"momentum": 1.0, "solver": "momentum"}, "momentum is how much of the last step is kept, 0 or more"),
        ({"nesterov": 1, "solver": "momentum"}, "nesterov is True or False: got 1"),
        ({"betas": (0.9, 1.5), "solver": "adam"}, "the second of betas is"),
        ({"betas": 0.9, "solver": "adam"}, "betas are two numbers"),
        ({"epsilon": 0, "solver": "adam"}, "a small number above 0: got 0"),
        ({"history": 0, "solver": "lbfgs"}, "history is how many updates L-BFGS remembers, 1 or more: got 0"),
        ({"sample": -1, "solver": "lbfgs"}, "sample is how many rows are looked at first, 0 or more: got -1"),
        ({"epochs": -1}, "epochs is a number of updates, 0 or more: got -1"),
        ({"epochs": 1.5}, "epochs is a number of updates, 0 or more: got 1.5"),
        ({"batch_rows": 0}, "batch_rows is the rows of a mini-batch, 1 or more: got 0"),
        ({"batch_rows": 10.0}, "batch_rows is the rows of a mini-batch, 1 or more: got 10.0"),
        ({"batch_rows": 5, "tolerance": 1e-3}, "tolerance needs a loss that falls steadily"),
        ({"batch_rows": 5, "solver": "lbfgs"}, "batch_rows means nothing to the solver 'lbfgs'"),
        ({"seed": -1}, "seed is what the random numbers start from, 0 or more: got -1"),
        ({"tolerance": 1.0}, "tolerance is a share of the loss, 0 or more and below 1: got 1.0"),
        ({"tolerance": math.nan}, "tolerance is a share of the loss"),
        ({"every": -1.0}, "every is the seconds between two checkpoints"),
        ({"every": math.nan}, "every is the seconds between two checkpoints"),
        ({"start": [0.0, math.inf, 0.0]}, "start must be finite: w1 is inf"),
        ({"start": [[0.0]]}, "start is one number for each parameter, (k,): got shape (1, 1)"),
        ({"start": []}, "got shape (0,)"),
        ({"start": ["a"]}, "start is one number for each parameter: got ['a']"),
    ],
)
def test_a_wrong_option_is_a_clear_error(options: dict[str, object], says: str) -> None:
    """An option that the solver would ignore is refused, too."""
    with pytest.raises(ValueError, match=re.escape(says)):
        minimise(logistic(20, 2), **options)  # type: ignore[arg-type]


def test_what_a_plain_function_cannot_do() -> None:
    """It has no start, no rows, no Hessian."""
    with pytest.raises(ValueError, match="where to start is missing"):
        minimise(bowl)
    with pytest.raises(ValueError, match=r"batch_rows needs an objective with \.rows and \.batch"):
        minimise(bowl, [1.0], batch_rows=5)
    with pytest.raises(ValueError, match=r"'newton' needs an objective with \.hessian"):
        minimise(bowl, [1.0], solver="newton")
    with pytest.raises(ValueError, match=r"gradient of shape \(3,\) for parameters \(2,\)"):
        minimise(lambda w: (0.0, np.zeros(3)), [1.0, 2.0])


def test_rows_of_a_stream_cannot_be_picked() -> None:
    """An objective over a stream refuses `batch` with a TypeError: said before the run."""

    class Streamed(Logistic):
        def batch(self, indices: object) -> Logistic:
            raise TypeError

    whole = logistic(20, 2)
    with pytest.raises(ValueError, match=r"batch_rows needs an objective with \.rows"):
        minimise(Streamed(whole.x, whole.y), batch_rows=5)
    for solver in ("lbfgs", "newton-cg"):
        with pytest.raises(ValueError, match=r"sample needs an objective with \.rows"):
            minimise(Streamed(whole.x, whole.y), solver=solver, sample=5)
        assert minimise(Streamed(whole.x, whole.y), solver=solver, sample=0, epochs=1).epochs == 1


def test_scipy_missing_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other solvers do without it."""
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    for solver in ("lbfgs", "newton-cg"):
        with pytest.raises(ImportError, match=r'pip install "minigrad\[fit\]"'):
            minimise(bowl, [1.0], solver=solver)
    assert minimise(logistic(50, 2), solver="newton").converged


def test_importing_descent_is_light() -> None:
    """SciPy and rich are imported by what needs them."""
    code = (
        "import sys, minigrad.descent; print(sorted({'scipy', 'rich', 'threadpoolctl'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True)
    assert done.stdout == "[]\n"


# -- divergence --------------------------------------------------------------------------------------------


def test_an_alpha_too_large_stops_with_a_reason() -> None:
    """alpha = 10 on w²/2 multiplies the loss by 81 each time: a millionfold after four steps."""
    with pytest.raises(
        DivergedError, match=r"stopped at epoch 4: .* grown from 0\.5 to 2\.15e\+07"
    ) as caught:
        descend(bowl, [1.0], alpha=10.0)
    error = caught.value
    assert error.losses == (0.5, 40.5, 3280.5, 265720.5, 21523360.5)
    assert error.parameters is not None
    assert error.parameters.tolist() == [1.0]  # where the loss was lowest
    assert error.safe_alpha == pytest.approx(1.0, rel=1e-6)
    assert "what to do: take an alpha of at most 1: that is 1/L, where L = 1" in str(error)


def test_the_safe_alpha_of_the_error_is_safe() -> None:
    """Taken as the message says, the same descent falls at every step."""
    scale = np.array([1.0, 30.0, 900.0])

    def narrow(w: Floats) -> tuple[float, Floats]:
        return float(w @ (scale * w)) / 2, scale * w

    with pytest.raises(DivergedError) as caught:
        descend(narrow, [1.0, 1.0, 1.0], alpha=0.1)
    assert caught.value.safe_alpha == pytest.approx(1 / 900, rel=0.02)
    (shown,) = re.findall(r"at most (\S+):", str(caught.value))
    losses = descend(narrow, [1.0, 1.0, 1.0], alpha=float(shown), epochs=50).losses
    assert all(after < before for before, after in pairwise(losses))


def test_an_error_can_be_sent_to_another_process() -> None:
    with pytest.raises(DivergedError) as caught:
        descend(bowl, [1.0], alpha=10.0)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.losses, again.safe_alpha) == (
        str(caught.value), caught.value.losses, caught.value.safe_alpha,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda w: (math.nan, w), "epoch 0: the loss is nan"),
        (lambda w: (math.inf, w), "epoch 0: the loss is inf"),
        (lambda w: (1.0, np.array([0.0, math.nan])), "epoch 0: the gradient by parameter 1 is nan"),
        (lambda w: (1.0, np.array([-1e308, 0.0])), "epoch 1: parameter 0 is inf"),
    ],
)
def test_what_is_not_finite_stops(function: Objective, says: str) -> None:
    """At the epoch where it first shows, never as a silent nan."""
    with pytest.raises(DivergedError, match=says):
        descend(function, [0.0, 0.0], alpha=1e10)


@pytest.mark.parametrize("solver", SECOND_ORDER)
def test_a_nan_at_the_start_stops_every_solver(solver: str) -> None:
    """With the name of the parameter, and with the rows that gave it where the objective knows."""
    whole = logistic(20, 2)
    whole.x[7, 1] = math.nan

    class Explaining(Logistic):
        def explain(self, theta: Floats) -> str:
            return f"row {np.flatnonzero(np.isnan(self.x).any(axis=1))[0]}"

    with pytest.raises(
        DivergedError, match=r"epoch 0: the loss is nan\n  row 7\n  what to do: choose another"
    ):
        minimise(Explaining(whole.x, whole.y), solver=solver)


def test_an_error_of_the_objective_keeps_the_run() -> None:
    """An ArithmeticError at the start is about the rows, later about the parameters."""

    def fragile(w: Floats) -> tuple[float, Floats]:
        if w[0] > 4.0:
            raise FloatingPointError("log of -1")
        return -float(w[0]), np.array([-1.0])

    with pytest.raises(FloatingPointError):
        descend(fragile, [5.0])
    with pytest.raises(DivergedError, match="epoch 5: log of -1") as caught:
        descend(fragile, [0.0], alpha=1.0)
    assert caught.value.losses == (0.0, -1.0, -2.0, -3.0, -4.0)
    assert caught.value.parameters == pytest.approx([4.0])


def test_a_loss_may_fall_below_any_bound() -> None:
    """-w is not bounded below: that is no divergence of the descent."""
    result = descend(lambda w: (-float(w[0]), np.array([-1.0])), [1e-9], alpha=1.0, epochs=5)
    assert result.losses[-1] == -5.000000001


def test_a_loss_that_rises_by_turns_is_a_warning() -> None:
    """On sqrt(1 + w²) a step that is too long ends in jumping over the minimum and back."""
    result = descend(lambda w: (math.hypot(1, w[0]), w / np.hypot(1, w)), [0.1], alpha=3.0, epochs=30)
    rises = sum(b > a * (1 + 1e-12) for a, b in pairwise(result.losses))
    assert rises >= 3
    assert f"the loss rose at {rises} of 30 epochs: with an alpha below 3" in result.warnings[0]


@pytest.mark.parametrize("solver", FIRST_ORDER)
def test_mini_batches_diverge_with_a_reason(solver: str) -> None:
    """In the middle of an epoch, where no loss of the curve tells."""
    objective = logistic(100, 3)
    objective.x *= 1e200
    with pytest.raises(DivergedError, match="stopped at epoch 0") as caught:
        minimise(objective, solver=solver, batch_rows=10, alpha=1e160)
    assert len(caught.value.losses) >= 1


# -- when the curve has settled ----------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", [Fraction(1, 2), Fraction(1, 10), Fraction(9, 10)])
@pytest.mark.parametrize("length", [5, 18, 30])
def test_what_is_left_of_a_geometric_curve_is_exact(ratio: Fraction, length: int) -> None:
    """5 + r^j comes down to 5, so r^j is left; by eight epochs together it is the same."""
    losses = [float(5 + ratio**j) for j in range(length)]
    left = float(ratio ** (length - 1))
    assert still_to_fall(losses) == pytest.approx(left, rel=1e-3, abs=1e-12)


def test_a_curve_that_does_not_settle() -> None:
    """Falls that do not shrink have no end in sight; one that has ended has nothing left."""
    assert still_to_fall([3.0, 2.0]) == math.inf
    assert still_to_fall([3.0, 2.0, 1.0, 0.0]) == math.inf
    assert still_to_fall([3.0, 2.0, 2.0, 2.0]) == 0.0
    assert still_to_fall([4.0, 3.0, 2.9, 2.0]) == math.inf


def test_gradient_descent_stops_when_asked_to() -> None:
    """Within the tolerance of the minimum, and not far beyond it."""
    objective = logistic(200, 2)
    lowest = minimise(objective, solver="newton", tolerance=0.0).losses[-1]
    result = minimise(objective, alpha="safe", epochs=10_000, tolerance=1e-6)
    assert result.converged
    assert 1e-8 < result.losses[-1] / lowest - 1 < 1e-6
    assert minimise(objective, alpha="safe", epochs=300).stopped == "epochs used up"  # 0 by default


# -- progress and Ctrl-C -----------------------------------------------------------------------------------


def test_the_bar_shows_epoch_and_loss() -> None:
    """On a terminal; nothing at all elsewhere."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100)
    with progress_bar(console, 3) as report:
        assert report is not None
        descend(bowl, [1.0], epochs=3, alpha=0.5, progress=report)
    assert re.search(r"training.*3/3.*epochs, loss 0\.007812", stream.getvalue())
    with progress_bar(None, 3) as report:
        assert report is None


def test_progress_is_silent_where_no_terminal_is(capfd: pytest.CaptureFixture[str]) -> None:
    assert minimise(bowl, [1.0], epochs=3, progress=True).losses == minimise(bowl, [1.0], epochs=3).losses
    assert minimise(bowl, [1.0], epochs=3, progress=False).epochs == 3
    assert capfd.readouterr() == ("", "")


def interrupted_at(evaluation: int) -> Callable[[Floats], tuple[float, Floats]]:
    """The bowl, and Ctrl-C at its n-th evaluation."""
    count = 0

    def function(w: Floats) -> tuple[float, Floats]:
        nonlocal count
        count += 1
        if count == evaluation:
            raise KeyboardInterrupt
        return bowl(w)

    return function


@pytest.mark.parametrize("solver", [name for name in SOLVERS if name != "newton"])
def test_ctrl_c_loses_nothing(solver: str) -> None:
    """The interrupt carries the run so far, and is a KeyboardInterrupt to everybody else."""
    with pytest.raises(KeyboardInterrupt, match="stopped in epoch") as caught:
        minimise(interrupted_at(3), [4.0, 1.0], solver=solver, epochs=50)
    assert isinstance(caught.value, InterruptedDescent)
    result = caught.value.result
    whole = minimise(bowl, [4.0, 1.0], solver=solver, epochs=50)
    assert result.stopped == "interrupted"
    assert result.losses == whole.losses[: len(result.losses)]
    assert len(result.losses) >= 1


def test_safe_alpha_is_public() -> None:
    """And what alpha="safe" takes."""
    objective = logistic(100, 3)
    result = minimise(objective, alpha="safe", epochs=5)
    assert result.alpha == safe_alpha(objective) == safe_alpha(objective, objective.start)
    with pytest.raises(ValueError, match="alpha='safe' needs a loss that is curved upwards"):
        minimise(lambda w: (-float(w @ w), -2 * w), [1.0], alpha="safe")


def test_every_solver_is_in_the_docs() -> None:
    """docs/training.md has a row for each."""
    page = (Path(__file__).parent.parent / "docs" / "training.md").read_text(encoding="utf-8")
    assert [name for name in SOLVERS if f"| `{name}` |" not in page] == []


@pytest.mark.parametrize("solver", ["gd", "lbfgs"])
@pytest.mark.parametrize(
    "given", [None, (1j, [1.0, 2.0]), ("a", [1.0, 2.0]), (1.0,), (1.0, "no gradient"), 5.0]
)
def test_an_objective_that_gives_no_pair_is_told_what_to_give(given: object, solver: str) -> None:
    options = {"alpha": 0.1} if solver == "gd" else {}
    with pytest.raises(TypeError, match=r"must return \(loss, gradient\), a real number and one for each"):
        minimise(lambda w: given, [1.0, 2.0], solver=solver, **options)  # type: ignore[arg-type]
