"""What is right at a trial, and how far rounding may lead: by the model, or by differences of the function's own cost.

Room: fills `right`, `error`, `size` of a trial. Below: `array_diagnosis`, `models`. Above: `function`.
Must hold: no threshold to choose: errors follow from the sizes of the terms and from how the numbers answer to
small changes of the data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from minigrad.checking.array_diagnosis import Trial, per_row
from minigrad.checking.calling import Caller
from minigrad.checking.models import MODELS, Floats, Model, Terms, sigmoid
from minigrad.checking.shapes import Layout, Rows

#: Half an ulp of 1, in double and in single precision.
U, U_SINGLE = 2.0**-53, 2.0**-24

#: By this share the data are changed to see how the numbers answer.
NUDGE = 2.0**-36

TARGETS = ("cost", "dw", "db")


def settle(trial: Trial, model: Model, targets: Sequence[str] = TARGETS) -> None:
    """Fill in what the model says is right, and what rounding may do to it."""
    rows = trial.rows
    terms = trial.terms = model(rows)
    nudged = [model(_nudged(rows, seed)) for seed in (0, 1)]
    sides = [[model(replace(rows, b=rows.b + shift)) for shift in pair] for pair in _shifts(rows)]
    u = 4 * (16 + rows.m + rows.n) * (U_SINGLE if trial.answer.single else U)
    u = max(u, getattr(model, "precision", 0.0))
    with np.errstate(all="ignore"):
        for target in targets:
            t = per_row(terms, target)
            right = trial.right[target] = t.mean(axis=0)
            size = trial.size[target] = np.abs(t).mean(axis=0)
            moved = [np.abs(per_row(other, target).mean(axis=0) - right) / NUDGE for other in nudged]
            answer = np.maximum(*moved)
            if np.any(answer > 1e6 * (size + 1e-300)):
                trial.why[target] = "the numbers of a row lie at a kink, or cancel"
            if target == "cost" and model is MODELS["logistic"]:
                answer = answer + _lost(rows)
            if terms.dz is not None:  # a − y keeps the rounding of a, however small the difference
                answer = answer + (np.abs(rows.x).mean(axis=0) if target == "dw" else 1.0)
            error = u * (size + answer)
            for side in sides:
                far, near = (np.abs(per_row(other, target).mean(axis=0) - right) for other in side)
                if np.any(jump := (near > 0.5 * far) & (near > 1e-9 * size)):  # no nearer, however near
                    trial.why[target] = "the numbers of a row lie at a kink, where either derivative is right"
                    error = np.where(jump, np.inf, error)
            trial.error[target] = error


def _shifts(rows: Rows) -> tuple[tuple[float, float], ...]:
    """What moves every z a little and less, up and down."""
    with np.errstate(all="ignore"):
        reach = float(np.nan_to_num(np.abs(rows.x @ rows.w + rows.b)).max(initial=1.0))
    return tuple((sign * NUDGE * reach, sign * NUDGE * reach / 1024) for sign in (1.0, -1.0))


def _nudged(rows: Rows, seed: int) -> Rows:
    random = np.random.default_rng(seed)

    def move(numbers: Floats) -> Floats:
        return np.asarray(numbers * (1.0 + NUDGE * random.choice((-1.0, 1.0), np.shape(numbers))))

    return replace(rows, w=move(rows.w), b=float(move(np.array(rows.b))), x=move(rows.x))


def _lost(rows: Rows) -> float:
    """By how much a cost written with log(1 − a) multiplies a rounding of a."""
    rest = sigmoid(-(rows.x @ rows.w + rows.b))  # 1 - a
    lost = np.where(rows.y < 1, 1.0 / np.maximum(rest, 1e-300), 0.0)
    return float(lost.mean())


def saturated(rows: Rows) -> str:
    """A sentence on the first row in which log(0) is taken by a cost that is written with sigmoid; "" if none."""
    with np.errstate(all="ignore"):
        z = rows.x @ rows.w + rows.b
    for i in np.flatnonzero((z > 36.7) | (z < -709.0)):
        a, log = ("1", "log(1 − a)") if z[i] > 0 else ("0", "log(a)")
        return (
            f"row {i} has z = {z[i]:.4g}, where sigmoid rounds to {a} and {log} is log(0); the loss itself is finite: "
            "scale the features, take smaller weights, or write the loss with np.logaddexp(0, z) − y·z"
        )
    return ""


# -- differences of the function's own cost ---------------------------------------------------------------


def ridders(f: Callable[[float], float]) -> tuple[float, float]:
    """f'(0) by central differences, extrapolated to step 0 (Ridders), and a bound on its error.

    Some ten calls, where `differences.central` takes a hundred: it is asked for each of hundreds of entries.
    Source: C. Ridders, Accurate computation of F'(x) and F'(x) F''(x), Advances in Engineering Software 4 (1982).
    """
    best, error, h = np.nan, np.inf, 0.0625
    table: list[list[float]] = []
    scale = abs(f(0.0))
    for k in range(6):
        line = [(f(h) - f(-h)) / (2 * h)]
        for j in range(k):
            power = 4.0 ** (j + 1)
            line.append(line[j] + (line[j] - table[k - 1][j]) / (power - 1))
            apart = max(abs(line[j + 1] - line[j]), abs(line[j + 1] - table[k - 1][j]))
            if apart < error:
                best, error = line[j + 1], apart
        table.append(line)
        if k and (abs(line[-1] - table[k - 1][-1]) > 4 * error or error <= 1e-11 * abs(best)):
            break
        h /= 2
    return best, 4 * error + 64 * U * scale / h


def settle_by_differences(trial: Trial, caller: Caller, entries: int, random: np.random.Generator) -> None:
    """Fill in the gradient of the function's own cost; entries that were not asked for stay nan.

    entries   how many entries of dw to take, drawn at random where there are more
    """
    rows, dressed = trial.rows, trial.layout.dressed(trial.rows)
    right, error = np.full(rows.n, np.nan), np.full(rows.n, np.inf)
    chosen = range(rows.n) if rows.n <= entries else random.choice(rows.n, entries, replace=False)
    with caller.costs(dressed, trial.shape("dw")) as cost:
        for j in chosen:
            right[j], error[j] = ridders(
                partial(_moved, cost, trial.layout, rows, np.eye(1, rows.n, j)[0], 0.0)
            )
        b, error_b = ridders(partial(_moved, cost, trial.layout, rows, np.zeros(rows.n), 1.0))
    factor = 2.0**29 if trial.answer.single else 1.0
    size = float(np.nanmax(np.abs(right), initial=0.0))
    trial.right |= {"dw": right, "db": np.array([b])}
    # A cost is rougher than its size says (log(1 − a) cancels): differences are not asked for more digits than these.
    floor = BY_DIFFERENCES * (size + abs(b))
    trial.error |= {"dw": error * factor + floor, "db": np.array([error_b]) * factor + floor}
    trial.size |= {"dw": np.full(rows.n, size), "db": np.array([abs(b)])}


def _moved(
    cost: Callable[[Any, Any], float], layout: Layout, rows: Rows, u: Floats, v: float, t: float
) -> float:
    """The cost at w + t·u, b + t·v."""
    w = (rows.w + t * u).reshape(layout.shape_of_w(rows.n))
    b = rows.b + t * v
    return cost(w, b if layout.b in ((), None) else np.full(layout.b, b))


class OwnRows:
    """The function's own cost of single rows, as a model: what each row adds, where the cost is a mean over rows.

    It sees no slip inside a row, for it takes each row's cost as it is; those of the sum over rows it shows.
    """

    plain = True  # no slips of rows are made from it

    def __init__(self, caller: Caller, layout: Layout) -> None:
        self.caller, self.layout = caller, layout

    def __call__(self, rows: Rows) -> Terms:
        """Costs of the single rows, and their slopes by b."""
        loss, dz = np.full(rows.m, np.nan), np.full(rows.m, np.nan)
        no_step = np.zeros(rows.n)
        for i in range(rows.m):
            row = Rows(rows.w, rows.b, rows.x[i : i + 1], rows.y[i : i + 1])
            dressed = self.layout.dressed(row)
            with self.caller.costs(dressed, self.layout.shape_of_w(rows.n)) as cost:
                along = partial(_moved, cost, self.layout, row, no_step, 1.0)
                loss[i] = along(0.0)
                dz[i], _ = ridders(along)
        return Terms.of(rows, loss, dz)

    def explains(self, trials: Sequence[Trial]) -> bool:
        """Whether the cost is the mean of those of the rows, and the slopes of z = w·x + b; fills in their terms."""
        for trial in trials:
            if trial.rows.m > ROWS or self.caller.exhausted or not trial.fits("cost"):
                return False
            terms, right = self(trial.rows), trial.right
            known = np.isfinite(right["dw"])
            with np.errstate(all="ignore"):
                apart = [terms.loss.mean() - trial.given("cost"), terms.db.mean() - right["db"],
                         (terms.dw.mean(0) - right["dw"])[known]]  # fmt: skip
                scale = 1.0 + np.abs(terms.dw).max() + np.abs(terms.loss).max()
                if not all(np.all(np.abs(a) <= BY_DIFFERENCES * scale) for a in apart):
                    return False
            trial.terms, trial.close = terms, BY_DIFFERENCES
            right["dw"] = np.where(known, right["dw"], terms.dw.mean(0))
            trial.error["dw"] = np.where(known, trial.error["dw"], BY_DIFFERENCES * np.abs(terms.dw).mean(0))
            trial.known |= {(False, 0): terms, (True, 0): terms}
        return True


#: Most rows whose costs are asked one by one.
ROWS = 128

#: How far numbers that come from differences may be off, as a share.
BY_DIFFERENCES = 1e-6


def slope_along(
    trial: Trial, caller: Caller, random: np.random.Generator
) -> tuple[float, float, float] | None:
    """The slope of the own cost along a random direction, its error, and what the own gradient says of it."""
    rows, answer = trial.rows, trial.answer
    if not (trial.fits("dw") and trial.fits("db") and trial.fits("cost")):
        return None
    u, v = random.standard_normal(rows.n) / np.sqrt(rows.n), float(random.standard_normal())

    with caller.costs(trial.layout.dressed(rows), trial.shape("dw")) as cost:
        slope, error = ridders(partial(_moved, cost, trial.layout, rows, u, v))
    said = float(np.dot(trial.given("dw"), u) + trial.given("db")[0] * v)
    return slope, error * (2.0**29 if answer.single else 1.0), said
