"""The corpus of wrong gradients: that it is what it says, and what minigrad says of it."""

from __future__ import annotations

import random
from collections.abc import Iterable

import corpus
import pytest
from corpus import Case, Loss, Said
from corpus_later import LATER
from seeded import SEED

from minigrad import grad
from minigrad.checking import slips
from minigrad.checking.recorded import check
from minigrad.formula import formula
from minigrad.graph import Graph

#: Slips that ask for many rows or arrays, or that the scalar corpus cannot show.
NOT_HERE = {"nothing arrives", "wrong node"}


def said(cases: Iterable[Case]) -> list[Said]:
    return [corpus.ask(case) for case in cases]


def judge_the_naming(answers: list[Said], beyond: list[Said]) -> None:
    """The figures that are promised."""
    print(corpus.table([*answers, *beyond]))
    missed = [one.case.name for one in answers if one.verdict != "wrong" and not one.case.single]
    assert not missed
    named = [one for one in answers if one.how in ("named", "same")]
    assert len(named) >= 0.95 * len(answers), [one.case.name for one in answers if one not in named]
    assert all(one.verdict == "wrong" for one in beyond)
    falsely = [one for one in beyond if one.how == "falsely"]
    assert not falsely or len(falsely) < 0.01 * len(beyond), [
        (one.case.name, one.sentence) for one in falsely
    ]


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


def test_every_row_of_the_catalogue_has_a_case() -> None:
    """A row that nobody has put to the test is a claim, not a row."""
    told = {case.slip for case in (*corpus.wrong(1), *corpus.single())}
    rows = {row.key for row in slips.ROWS}
    assert told - rows == set()
    assert rows - told == NOT_HERE


def test_slips_are_named_and_nothing_else_is() -> None:
    """A part of the corpus; the whole of it is put in the slow tests below."""
    answers = said([*corpus.wrong(1)][::3])
    judge_the_naming(answers, said(corpus.outside(101)))
    others = [one.case.name for one in answers if one.how != "named"]
    assert len(others) <= 0.05 * len(answers), others


def test_slips_are_named_with_losses_that_the_catalogue_was_not_made_for() -> None:
    judge_the_naming(said([*corpus.wrong(1, LATER)][::2]), [])


def test_right_derivatives_are_called_right() -> None:
    assert [one.case.name for one in said(corpus.right(1)) if one.verdict != "right"] == []


#: Losses whose slips are put in one test: so that several processors can share them.
GROUPS = [(*corpus.LOSSES, *LATER)[k::8] for k in range(8)]


@pytest.mark.slow
@pytest.mark.parametrize("losses", GROUPS, ids=lambda losses: ", ".join(loss.name for loss in losses))
def test_slips_are_named_in_the_whole_corpus(losses: tuple[Loss, ...]) -> None:
    """Each slip at three points (those of later losses at one); right ones in single precision among them."""
    cases = [
        case for case in (*corpus.wrong(3), *corpus.wrong(1, LATER), *corpus.single()) if case.loss in losses
    ]
    judge_the_naming(said(cases), [])


@pytest.mark.slow
@pytest.mark.parametrize("part", range(6))
def test_nothing_outside_the_catalogue_is_named(part: int) -> None:
    """Six hundred odd formulas in six parts: of each hundred not one is accused of a slip."""
    judge_the_naming([], said([*corpus.outside(600)][part::6]))


@pytest.mark.slow
@pytest.mark.parametrize("loss", corpus.LOSSES, ids=lambda loss: loss.name)
def test_no_right_derivative_is_called_wrong_in_ten_thousand_cases(loss: Loss) -> None:
    """A thousand for each of ten losses: at the point that is asked about, at random points around it, at edges."""
    draw, seen = random.Random(SEED + 4), 0
    while seen < 1000:
        point = loss.point(draw)
        L = formula(loss.formula, **point)
        report = check(L, {f"d{wrt}": claim for wrt, claim in loss.right.items()}, seed=seen)
        assert report.verdict != "wrong", f"{point}: {report}"
        seen += sum(len(finding.comparisons) for finding in report)
