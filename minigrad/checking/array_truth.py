"""What is right at a trial, and how far rounding may lead: by the model, or by differences of the function's own cost.

Room: fills `right`, `error`, `size` of a trial. Below: `array_diagnosis`, `models`. Above: `function`.
Must hold: no threshold to choose: errors follow from the sizes of the terms and from how the numbers answer to
small changes of the data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from minigrad.checking.array_diagnosis import Trial, per_row
from minigrad.checking.calling import Caller
from minigrad.checking.models import MODELS, Floats, Model, sigmoid
from minigrad.checking.shapes import Rows

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
            trial.error[target] = u * (size + answer)


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
        if k and abs(line[-1] - table[k - 1][-1]) > 4 * error:
            break
        h /= 2
    return best, 4 * error + 64 * U * scale / h


def settle_by_differences(trial: Trial, caller: Caller, entries: int, random: np.random.Generator) -> None:
    """Fill in the gradient of the function's own cost; entries that were not asked for stay nan.

    entries   how many entries of dw to take, drawn at random where there are more
    """
    rows = trial.rows

    def cost(moved: Rows) -> float:
        answer = caller(trial.layout.dressed(moved), trial.shape("dw"))
        if isinstance(answer, str) or answer.cost is None or answer.cost.size != 1:
            return float("nan")
        return float(answer.cost.reshape(-1)[0])

    def along_w(j: int) -> tuple[float, float]:
        unit = np.eye(1, rows.n, j)[0]
        return ridders(lambda t: cost(replace(rows, w=rows.w + t * unit)))

    right, error = np.full(rows.n, np.nan), np.full(rows.n, np.inf)
    chosen = range(rows.n) if rows.n <= entries else random.choice(rows.n, entries, replace=False)
    with np.errstate(all="ignore"):
        for j in chosen:
            if caller.exhausted:
                break
            right[j], error[j] = along_w(int(j))
        b, error_b = ridders(lambda t: cost(replace(rows, b=rows.b + t)))
    factor = 2.0**29 if trial.answer.single else 1.0
    size = float(np.nanmax(np.abs(right), initial=0.0))
    trial.right |= {"dw": right, "db": np.array([b])}
    trial.error |= {"dw": error * factor, "db": np.array([error_b]) * factor}
    trial.size |= {"dw": np.full(rows.n, size), "db": np.array([abs(b)])}


def slope_along(
    trial: Trial, caller: Caller, random: np.random.Generator
) -> tuple[float, float, float] | None:
    """The slope of the own cost along a random direction, its error, and what the own gradient says of it."""
    rows, answer = trial.rows, trial.answer
    if not (trial.fits("dw") and trial.fits("db") and trial.fits("cost")):
        return None
    u, v = random.standard_normal(rows.n) / np.sqrt(rows.n), float(random.standard_normal())

    def cost(t: float) -> float:
        moved = replace(rows, w=rows.w + t * u, b=rows.b + t * v)
        there = caller(trial.layout.dressed(moved), trial.shape("dw"))
        return (
            float("nan") if isinstance(there, str) or there.cost is None else float(there.cost.reshape(-1)[0])
        )

    slope, error = ridders(cost)
    said = float(np.dot(trial.given("dw"), u) + trial.given("db")[0] * v)
    return slope, error * (2.0**29 if answer.single else 1.0), said
