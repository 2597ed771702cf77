"""Gradient descent takes the steps it says, and stops where it cannot go on."""

from __future__ import annotations

import doctest
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import minigrad.descent as module
from minigrad.descent import DivergedError, Floats, descend


def bowl(w: Floats) -> tuple[float, Floats]:
    """|w|² / 2 and its gradient."""
    return float(w @ w) / 2, w


def test_the_examples_in_the_docstrings_run() -> None:
    assert doctest.testmod(module).failed == 0


def test_each_step_is_the_rule_on_paper() -> None:
    """On w²/2 a step with alpha = 1/4 leaves 3/4 of w: exact in binary for as many steps as 53 bits hold."""
    result = descend(bowl, [1.0, -2.0], alpha=0.25, epochs=20)
    left = Fraction(3, 4) ** 20
    assert result.parameters.tolist() == [float(left), float(-2 * left)]
    losses = [float(Fraction(5, 2) * Fraction(9, 16) ** k) for k in range(21)]
    assert result.losses == pytest.approx(losses, rel=2**-51)  # two squares and their sum, each rounded


def test_no_epochs_give_the_start() -> None:
    """And its loss; the start itself is not touched."""
    start = np.array([3.0])
    result = descend(bowl, start, epochs=0)
    assert (result.parameters.tolist(), result.losses, result.stopped) == ([3.0], (4.5,), "epochs used up")
    descend(bowl, start, epochs=5)
    assert start.tolist() == [3.0]


def test_progress_hears_every_loss() -> None:
    heard: list[tuple[int, float]] = []
    result = descend(bowl, [1.0], epochs=3, progress=lambda epoch, loss: heard.append((epoch, loss)))
    assert heard == list(enumerate(result.losses))


@pytest.mark.parametrize("alpha", [0.0, -0.1, math.nan, math.inf])
def test_alpha_is_above_0(alpha: float) -> None:
    with pytest.raises(ValueError, match="finite number above 0"):
        descend(bowl, [1.0], alpha=alpha)


def test_epochs_are_not_negative() -> None:
    with pytest.raises(ValueError, match="0 or more: got -1"):
        descend(bowl, [1.0], epochs=-1)


def test_an_alpha_too_large_stops_with_a_reason() -> None:
    """alpha = 10 on w²/2 multiplies the loss by 81 each time: a millionfold after four steps."""
    with pytest.raises(
        DivergedError, match=r"stopped at epoch 4: .* grown from 0\.5 to 2\.15e\+07"
    ) as caught:
        descend(bowl, [1.0], alpha=10.0)
    assert caught.value.losses == (0.5, 40.5, 3280.5, 265720.5, 21523360.5)
    assert "what to do: take an alpha of at most 1: that is 1/L, where L = 1" in str(caught.value)


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda w: (math.nan, w), "epoch 0: the loss is nan"),
        (lambda w: (math.inf, w), "epoch 0: the loss is inf"),
        (lambda w: (1.0, np.array([0.0, math.nan])), "epoch 0: the gradient by parameter 1 is nan"),
        (lambda w: (1.0, np.array([-1e308, 0.0])), "epoch 1: parameter 0 is inf"),
    ],
)
def test_what_is_not_finite_stops(function: module.Objective, says: str) -> None:
    """At the epoch where it first shows, never as a silent nan."""
    with pytest.raises(DivergedError, match=says):
        descend(function, [0.0, 0.0], alpha=1e10)


def test_a_loss_may_fall_below_any_bound() -> None:
    """-w is not bounded below: that is no divergence of the descent."""
    result = descend(lambda w: (-float(w[0]), np.array([-1.0])), [1e-9], alpha=1.0, epochs=5)
    assert result.losses[-1] == -5.000000001


def test_a_checkpoint_must_agree_in_what_the_objective_says_of_itself(tmp_path: Path) -> None:
    """Where the loss at the start says nothing: log 2, for logistic regression on any rows."""

    class Bowl:
        def __init__(self, about: dict[str, float]) -> None:
            self.about = about

        def __call__(self, w: Floats) -> tuple[float, Floats]:
            return bowl(w)

    path = tmp_path / "run.json"
    module.minimise(Bowl({"penalty": 0.0}), [1.0], epochs=3, checkpoint=path)
    module.minimise(Bowl({"penalty": 0.0}), [1.0], epochs=5, checkpoint=path)
    for other in (Bowl({"penalty": 1.0}), bowl):
        with pytest.raises(module.CheckpointError, match=r"of another run: (its rows|about)"):
            module.minimise(other, [1.0], epochs=5, checkpoint=path)
