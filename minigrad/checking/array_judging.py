"""One finding for cost, dw or db: the entries compared, the verdict, the reason, the slip.

Room: numbers that came back beside what is right. Below: `array_truth`, `array_diagnosis`. Above: `function`.
Must hold: what rounding, single precision, saturation or a kink explains is not called wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from minigrad.checking.array_diagnosis import Trial, diagnose, diagnose_shape, per_row
from minigrad.checking.array_slips import EPSILONS, with_epsilon
from minigrad.checking.array_truth import saturated, slope_along
from minigrad.checking.calling import Caller
from minigrad.checking.models import MODELS, Floats, Model
from minigrad.checking.verdict import RIGHT, UNDECIDED, WRONG, Comparison, Finding, Reading, Slip, Verdict

#: Most entries that are kept of the user's own data.
KEPT = 3


def finding(trials: Sequence[Trial], target: str, model: Model | None) -> Finding:
    """What is said of one target."""
    given = [trial for trial in trials if trial.answer[target] is not None]
    if any(not trial.fits(target) for trial in given):
        return _of_shape(given, target, model)
    comparisons = [c for trial in given for c in _compared(trial, target, model)]
    verdicts = [_verdict(trial, target) for trial in given]
    if WRONG in verdicts:
        if reason := _accepted(given, target, model):
            return Finding(target, RIGHT, reason, comparisons=_called(comparisons, RIGHT))
        if _digits(given, target) >= 6:
            digits = _digits(given, target)
            reason = f"it agrees to {digits} digits, not to the last: by differences, or with a small number added?"
            return Finding(target, UNDECIDED, reason, comparisons=_called(comparisons, UNDECIDED))
        slip = (
            _swapped_labels(given, target, model)
            or _tied_to_own(given, target, model)
            or diagnose(given, target, model)
        )
        return Finding(target, WRONG, _counted(given, target), comparisons=tuple(comparisons), slip=slip)
    if RIGHT not in verdicts or (given[0].own and not np.all(np.isfinite(given[0].given(target)))):
        reason = _undecided(given, target, model)
        return Finding(target, UNDECIDED, reason, comparisons=tuple(comparisons))
    single = all(trial.answer.single for trial in given)
    return Finding(target, RIGHT, "in single precision" if single else "", comparisons=tuple(comparisons))


def _apart(trial: Trial, target: str) -> Floats:
    """|given - right| less what rounding allows; nan where nothing is known."""
    with np.errstate(all="ignore"):
        return np.abs(trial.given(target) - trial.right[target]) - trial.error[target]


def _verdicts(trial: Trial, target: str) -> list[Verdict]:
    """The verdict of each entry."""
    given, right, error = trial.given(target), trial.right[target], trial.error[target]
    excused = _excused(trial, target)
    made: list[Verdict] = []
    for g, r, e in zip(given, right, error, strict=True):
        if not np.isfinite(g):
            same = (g == r) or (g != g and r != r)
            made.append(RIGHT if same else UNDECIDED if excused or not np.isfinite(r) else WRONG)
        elif not (np.isfinite(r) and np.isfinite(e)):
            made.append(UNDECIDED)
        elif abs(g - r) > e:
            made.append(WRONG)
        else:
            loose = e > 1e-4 * (abs(r) + 1e-3 * trial.size[target].max()) and abs(g - r) > 1e-9 * abs(r)
            made.append(UNDECIDED if loose else RIGHT)
    return made


def _excused(trial: Trial, target: str) -> str:
    """Why a nan is no proof of a wrong formula."""
    return saturated(trial.rows)


def _verdict(trial: Trial, target: str) -> Verdict:
    verdicts = _verdicts(trial, target)
    if WRONG in verdicts:
        return WRONG
    return RIGHT if RIGHT in verdicts else UNDECIDED


def _compared(trial: Trial, target: str, model: Model | None) -> list[Comparison]:
    """The entries that are worst: some of the user's own, one of other data."""
    verdicts, apart = _verdicts(trial, target), _apart(trial, target)
    size = np.where(np.isfinite(apart), apart, -np.inf)
    firm = np.array([{WRONG: 0, UNDECIDED: 1, RIGHT: 2}[verdict] for verdict in verdicts])
    order = np.lexsort((-size, firm))
    made = []
    for k in order[: KEPT if trial.own else 1]:
        g, r, e = (float(a[k]) for a in (trial.given(target), trial.right[target], trial.error[target]))
        referee = "differences" if model is None or getattr(model, "plain", False) else "closed form"
        readings = (Reading(referee, r, e),)
        reason = {WRONG: "differs", UNDECIDED: trial.why.get(target, "not to be told here"), RIGHT: ""}[
            verdicts[k]
        ]
        made.append(
            Comparison(_place(trial, target, int(k)), g, r, e, verdicts[k], reason, readings=readings)
        )
    return made


def _place(trial: Trial, target: str, k: int) -> str:
    shape = trial.shape(target)
    index = "" if shape == () else f"[{', '.join(map(str, np.unravel_index(k, shape)))}]"
    return f"{target}{index} {trial.where}"


def _called(comparisons: Sequence[Comparison], verdict: Verdict) -> tuple[Comparison, ...]:
    return tuple(
        Comparison(c.where, c.given, c.right, c.error, verdict if c.verdict == WRONG else c.verdict, c.reason,
                   c.point, c.readings)
        for c in comparisons
    )  # fmt: skip


def _counted(trials: Sequence[Trial], target: str) -> str:
    """How many entries are wrong, where; and what is nan."""
    own = next((trial for trial in trials if trial.own), None)
    if own is None:
        return "wrong at random data"
    wrong = _verdicts(own, target).count(WRONG)
    lost = [t for t in trials if not np.all(np.isfinite(t.given(target)))]
    if len(lost) == len(trials):
        return f"{_first_lost(own, target):g} at your numbers and at random data: {_nan(own)}"
    if not wrong:
        more = all(t.rows.m != own.rows.m for t in trials if _verdict(t, target) == WRONG)
        where = "with another number of rows" if more else "at random data"
        return f"right at your numbers, wrong {where}"
    count = own.given(target).size
    return f"{wrong:,} of {count:,} entries are wrong at your numbers" if count > 1 else ""


def _first_lost(trial: Trial, target: str) -> float:
    given = trial.given(target)
    return float(given[~np.isfinite(given)][0])


def _nan(trial: Trial) -> str:
    return saturated(trial.rows) or "a logarithm of 0 or of a negative number, or a division by 0"


def _undecided(trials: Sequence[Trial], target: str, model: Model | None) -> str:
    own = trials[0]
    if own.own and not np.all(np.isfinite(own.given(target))):
        rest = (
            "right at random data"
            if any(_verdict(t, target) == RIGHT for t in trials[1:])
            else "nothing to hold it against"
        )
        return f"{_first_lost(own, target):g} at your numbers, {rest}: {_nan(own)}"
    return next(
        (trial.why[target] for trial in trials if target in trial.why),
        "its numbers cancel: too few digits are left",
    )


def _digits(trials: Sequence[Trial], target: str) -> int:
    """How many digits agree at the worst entry that is known."""
    worst = 16.0
    with np.errstate(all="ignore"):
        for trial in trials:
            apart = np.abs(trial.given(target) - trial.right[target]) - trial.error[target]
            share = apart / (np.abs(trial.right[target]) + trial.size[target].max() + 1e-300)
            share = share[~np.isnan(trial.right[target])]
            if share.size:
                worst = min(
                    worst, -np.log10(max(float(np.nan_to_num(share, nan=1.0, posinf=1.0).max()), 1e-16))
                )
    return int(worst)


def _accepted(trials: Sequence[Trial], target: str, model: Model | None) -> str:
    """A deviation that is meant: a small number that keeps the logarithm from 0."""
    if target != "cost" or model is not MODELS["logistic"]:
        return ""
    for epsilon in EPSILONS:
        for way in range(2):
            if all(_is_epsilon(trial, epsilon, way) for trial in trials):
                how = ("added inside the logarithms", "at which a is clipped")[way]
                return f"right but for {epsilon:.3g} {how}"
    return ""


def _is_epsilon(trial: Trial, epsilon: float, way: int) -> bool:
    losses = list(with_epsilon(trial.rows, epsilon))[way]
    expected, given = float(losses.mean()), float(trial.given("cost")[0])
    return bool(np.isfinite(given)) and abs(given - expected) <= trial.error["cost"][0] + 1e-12 * abs(
        expected
    )


def _tied_to_own(trials: Sequence[Trial], target: str, model: Model | None) -> Slip | None:
    """Right at the user's own numbers only: m, or the data, come from outside the function."""
    own, others = trials[0], trials[1:]
    if not own.own or _verdict(own, target) == WRONG or model is None or getattr(model, "plain", False):
        return None
    count = sum(trial.given(target).size for trial in trials)
    if all(_same(t, target, t.right[target] * t.rows.m / own.rows.m) for t in others):
        text = f"divided by {own.rows.m}, the number of your rows, however many rows are given"
        return Slip("m hard-coded", text, target, None, count)
    same_m = [trial for trial in others if trial.rows.m == own.rows.m]
    if len(same_m) < 2:
        return None
    for trial in others:
        held = per_row(model(replace(trial.rows, x=own.rows.x, y=own.rows.y)), target).mean(axis=0)
        if not _same(trial, target, held) and not _same(trial, target, held * own.rows.m / trial.rows.m):
            return None
    text = "it works on the X and Y outside the function, whatever it is given: look for names that are not its own"
    return Slip("data from outside", text, target, None, count)


def _same(trial: Trial, target: str, expected: Floats) -> bool:
    given = trial.given(target)
    with np.errstate(all="ignore"):
        return bool(np.all(np.abs(given - expected) <= 1e-9 * np.abs(expected) + 2 * trial.error[target]))


def _swapped_labels(trials: Sequence[Trial], target: str, model: Model | None) -> Slip | None:
    """log of the labels: infinite whatever the numbers are."""
    if target != "cost" or model is not MODELS["logistic"]:
        return None
    fresh = [t for t in trials if not saturated(t.rows) and len(set(t.rows.y.tolist())) == 2]
    if len(fresh) >= 3 and all(np.isinf(t.given("cost")[0]) for t in fresh):
        text = "a and y are swapped: the logarithm is taken of the labels, and log(0) is infinite"
        return Slip("a and y swapped", text, "cost", None, len(fresh))
    return None


def _of_shape(trials: Sequence[Trial], target: str, model: Model | None) -> Finding:
    reason, slip = diagnose_shape(trials, target, model)
    return Finding(target, WRONG, reason, slip=slip)


def consistent(trials: Sequence[Trial], caller: Caller, random: np.random.Generator) -> bool:
    """Whether the gradients are those of the function's own cost, at two trials."""
    asked = 0
    for trial in [t for t in trials if not t.own][:2]:
        found = slope_along(trial, caller, random)
        if found is None:
            return False
        slope, error, said = found
        if not abs(slope - said) <= error + 1e-7 * (abs(slope) + abs(said)) or error > 1e-4 * (
            abs(slope) + abs(said)
        ):
            return False
        asked += 1
    return asked == 2
