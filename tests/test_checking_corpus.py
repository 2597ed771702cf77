"""The corpus of wrong gradients: that it is what it says, and what minigrad says of it."""

from __future__ import annotations

import corpus
import pytest

from minigrad import grad
from minigrad.formula import formula
from minigrad.graph import Graph


def test_the_right_formulas_of_the_corpus_are_right() -> None:
    """By hand against the recorded engine, and against differences of the loss in plain NumPy."""
    for case in corpus.right(3):
        L = formula(case.loss.formula, **case.point)
        engine = grad(L, Graph(L).find(case.wrt))
        assert case.right(case.at) == pytest.approx(engine, rel=1e-12, abs=1e-12), case.name
        h = 1e-6
        slope = (case.f(case.at + h) - case.f(case.at - h)) / (2 * h)
        assert slope == pytest.approx(engine, rel=1e-4, abs=1e-5), case.name


def test_the_corpus_has_twenty_slips_and_more_of_ten_losses() -> None:
    cases = list(corpus.wrong(1))
    assert len(corpus.LOSSES) == 10
    assert len({case.slip for case in cases}) >= 20
    assert all(len(loss.slips) >= 20 for loss in corpus.LOSSES)
