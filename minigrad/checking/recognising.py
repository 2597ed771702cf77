"""Which loss a function computes: recognised by its cost, else by its gradients.

Room: chooses among `models`; decides also which of two numbers is the cost, where the result does not say. Below:
`array_truth`, `array_diagnosis`. Above: `function`.
Must hold: a model is taken by its numbers at all trials, or by the slip that explains all of them; else it is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from minigrad.checking.array_diagnosis import Trial, diagnose
from minigrad.checking.array_truth import settle
from minigrad.checking.models import Model, Named

#: What labels say of the model when nothing else does.
USUAL = {"01": "logistic", "share": "logistic", "±1": "logistic ±1", "count": "poisson", "real": "linear"}
#: Which kinds of label a model takes.
TAKES = {
    "01": ("01", "share"), "±1": ("±1",), "count": ("01", "count"), "real": ("01", "share", "±1", "count", "real")
}  # fmt: skip

Models = Sequence[tuple[str, Model]]


def recognised(
    trials: list[Trial], models: Models, asked: bool, kind: str
) -> tuple[str, Model | None, list[Trial]]:
    """The name of the model and the model, None if it is none of them; and the trials, what is right filled in.

    asked   the user named the model: one of `models` is taken in any case
    kind    of the labels
    """
    fitting = [(name, model) for name, model in models if _takes(model, kind)] or list(models)
    fitting.sort(key=lambda pair: pair[0] != USUAL[kind] and not asked)
    usual: list[Trial] = []
    for name, model in fitting:
        tried = _in_order(_settled(trials, model))
        if _agrees(tried, "cost") and (
            asked or not usual or _by_gradients(tried) or not _by_gradients(usual)
        ):
            return name, model, tried
        usual = usual or tried
    name, model = fitting[0]
    if asked or _explained(usual, model):
        return name, model, usual
    if any(trial.answer.cost is not None and trial.fits("cost") for trial in usual):
        return "", None, [_unsettled(trial) for trial in usual]
    for name, model in fitting[1:]:  # no cost: by the gradients
        tried = _in_order(_settled(trials, model))
        if _agrees(tried, "dw"):
            return name, model, tried
    return (*fitting[0], usual)


def _by_gradients(trials: Sequence[Trial]) -> bool:
    """Whether either gradient is right."""
    return _agrees(trials, "dw") or _agrees(trials, "db")


def _takes(model: Model, kind: str) -> bool:
    return not isinstance(model, Named) or kind in TAKES[model.labels]


def _in_order(trials: list[Trial]) -> list[Trial]:
    """Results without names in the order in which most of them are right."""
    shared = [set(trial.answer.orders) for trial in trials]
    orders = [order for order in trials[0].answer.orders if all(order in other for other in shared)]
    if len(orders) < 2:
        return trials

    def taken(order: tuple[str, ...]) -> list[Trial]:
        return [replace(trial, answer=trial.answer.ordered(order)) for trial in trials]

    best = max(
        orders, key=lambda order: sum(_agrees(taken(order), target) for target in order)
    )  # the first of equals
    return taken(best)


def _unsettled(trial: Trial) -> Trial:
    return replace(trial, right={}, error={}, size={}, why={}, known={}, terms=None)


def _settled(trials: Sequence[Trial], model: Model) -> list[Trial]:
    made = [_unsettled(trial) for trial in trials]
    for trial in made:
        settle(trial, model)
    return made


def _agrees(trials: Sequence[Trial], target: str) -> bool:
    """Whether a target is right at every trial where it is a finite number, and at one at least."""
    decided = False
    for trial in trials:
        if trial.answer[target] is None or not trial.fits(target):
            continue
        given, right = trial.given(target), trial.right[target]
        if not np.all(np.isfinite(given)):
            continue
        # Some thousand roundings: a loss is recognised, not judged.
        if not np.all(np.abs(given - right) <= trial.error[target] + 1e-6 * trial.size[target]):
            return False
        decided = True
    return decided


def _explained(trials: Sequence[Trial], model: Model) -> bool:
    """Whether the cost has a known slip, or both gradients are right, or all is at the user's own numbers."""
    if _agrees(trials, "dw") and _agrees(trials, "db"):
        return True
    if (
        trials[0].own
        and len(trials) > 1
        and all(_agrees(trials[:1], target) for target in ("cost", "dw", "db"))
    ):
        return True
    shaped = [trial for trial in trials if trial.fits("cost")]
    if not shaped:
        return False
    slip = diagnose(shaped, "cost", model)
    if slip is not None and not slip.key.startswith("constant"):
        return True
    # Nothing but nan: differences of it would say nothing.
    return not any(np.all(np.isfinite(trial.given("cost"))) for trial in shaped)
