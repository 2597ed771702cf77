"""The simplest slip of a function over m rows that explains all its numbers, at fresh data too.

Room: goes through the products of `array_slips`' tables in the order of simplicity. Below: `array_slips`, `models`.
Above: `function`.
Must hold: a slip is named only when it gives every number of every trial to rounding; what gives the same numbers
everywhere is listed beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigrad.checking.array_slips import FACTORS, SUMS, Row, row_slips
from minigrad.checking.calling import Answer
from minigrad.checking.models import Floats, Model, Terms
from minigrad.checking.shapes import Layout, Rows
from minigrad.checking.verdict import Slip

#: Numbers agree with a slip when they differ by less than this share of their size: some thousand roundings.
CLOSE = 1e-9
#: The same where the function computes in single precision.
CLOSE_SINGLE = 2e-5


@dataclass(slots=True)
class Trial:
    """One call: the data, what came back, and what is right.

    where   "at your numbers", "at random data 1"
    close   how far the numbers of a slip may be off, as a share
    right   target -> (k,), what is right
    error   target -> (k,), how far rounding may take a right function away from it
    size    target -> (k,), the size of the terms that are summed
    """

    where: str
    rows: Rows
    layout: Layout
    answer: Answer
    own: bool = False
    terms: Terms | None = None
    right: dict[str, Floats] = field(default_factory=dict)
    error: dict[str, Floats] = field(default_factory=dict)
    size: dict[str, Floats] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    known: dict[tuple[bool, int], Terms | None] = field(default_factory=dict)
    close: float = CLOSE

    def nearness(self) -> float:
        """How far a slip's numbers may be off, as a share of their size."""
        return CLOSE_SINGLE if self.answer.single else self.close

    def shape(self, target: str) -> tuple[int, ...]:
        """The shape that is due."""
        return self.layout.shape_of_w(self.rows.n) if target == "dw" else ()

    def fits(self, target: str) -> bool:
        """Whether what came back has the shape that is due; an array of one number is a number."""
        given = self.answer[target]
        if given is None:
            return False
        return (
            given.size == 1
            if self.shape(target) == () or self.rows.n == 1
            else given.shape == self.shape(target)
        )

    def given(self, target: str) -> Floats:
        """What came back, (k,)."""
        given = self.answer[target]
        assert given is not None
        return given.reshape(-1)

    def row_terms(self, place: tuple[bool, int], make: Callable[[Rows], Terms | None]) -> Terms | None:
        """The terms of a row slip, made once."""
        if place not in self.known:
            with np.errstate(all="ignore"):
                self.known[place] = make(self.rows)
        return self.known[place]


def per_row(terms: Terms, target: str) -> Floats:
    """The terms of a target, (m, k)."""
    t = {"cost": terms.loss, "dw": terms.dw, "db": terms.db}[target]
    return t if t.ndim == 2 else t[:, None]


@dataclass(frozen=True, slots=True)
class _Made:
    """A wrong way to compute a target: a row of each table."""

    parts: tuple[Row, ...]
    place: tuple[bool, int]
    make: Callable[[Rows], Terms | None]

    def together(self, trial: Trial, target: str) -> Floats | None:
        """The numbers before the factor."""
        terms = trial.row_terms(self.place, self.make)
        if terms is None:
            return None
        with np.errstate(all="ignore"):
            made = self.parts[1].make(per_row(terms, target), terms)
        return None if made is None else np.asarray(made, dtype=np.float64)


def diagnose(trials: Sequence[Trial], target: str, model: Model | None) -> Slip | None:
    """The slip of a target whose numbers are wrong; None when no known slip fits.

    trials   those in which the target has the shape that is due, the user's own first
    """
    usable = [t for t in trials if t.fits(target) and np.all(np.isfinite(t.given(target)))]
    if not usable:
        return None
    if not any(np.any(t.given(target)) for t in usable):
        text = f"{target} is 0 whatever the data are: is what is computed also returned?"
        return Slip("zero", text, target, None, sum(t.given(target).size for t in usable))
    found = sorted(_fitting(usable, target, model), key=lambda pair: pair[0])
    count = sum(trial.given(target).size for trial in usable)
    ratio = _ratio(usable, target)
    if not found:
        return _constant(usable, target, ratio, count)
    rank, keys, sentence = found[0]
    also = tuple(dict.fromkeys(k for r, k, _ in found if k != keys and r <= rank + 2))[:3]
    return Slip(keys, sentence, target, ratio, count, also)


def _fitting(trials: Sequence[Trial], target: str, model: Model | None) -> Iterator[tuple[int, str, str]]:
    """Every slip that fits: (rank, key, sentence)."""
    # A fresh trial sorts out better than the user's own, where numbers may be round.
    order = sorted(trials, key=lambda t: (t.own, t.rows.m * t.rows.n))
    letter = {"cost": "c", "dw": "w", "db": "b"}[target]
    first = order[0]
    factors = _factors(letter)
    values = np.array([factor(first.rows.m, first.rows.n) for _, factor in factors])
    if model is None:
        for parts, factor in factors:
            if any(part.key for part in parts) and all(_scaled(trial, target, factor) for trial in order):
                yield _told(parts)
        return
    for place, (row, make) in enumerate(row_slips(model, target)):
        if letter not in row.of:
            continue
        for gathered in SUMS:
            if letter not in gathered.of:
                continue
            made = _Made((row, gathered), (target == "cost", place), make)
            numbers = made.together(first, target)
            if numbers is None or numbers.shape != first.given(target).shape:
                continue
            for k in np.flatnonzero(_near(first, target, numbers, values)):
                parts, factor = factors[k]
                whole = tuple(part for part in (row, gathered, *parts) if part.key)
                if whole and len(whole) <= 3 and all(_fits(made, t, target, factor) for t in order[1:]):
                    yield _told(whole)


Factor = Callable[[int, int], float]


def _factors(letter: str) -> list[tuple[tuple[Row, ...], Factor]]:
    """Each factor, with either sign."""
    rows = [row for row in FACTORS if letter in row.of]
    flipped = rows[1]
    plain = [((row,), _as_factor(row, 1.0)) for row in rows]
    return [
        *plain,
        *(((flipped, row), _as_factor(row, -1.0)) for row in rows if row.key and row is not flipped),
    ]


def _as_factor(row: Row, sign: float) -> Factor:
    def factor(m: int, n: int) -> float:
        number = row.make(m, n)
        assert isinstance(number, int | float)
        return sign * number

    return factor


def _told(parts: Sequence[Row]) -> tuple[int, str, str]:
    named = [part for part in parts if part.key]
    rank = sum(part.rank for part in named) + len(named)
    return rank, " + ".join(part.key for part in named), "; and ".join(part.sentence for part in named)


def _fits(made: _Made, trial: Trial, target: str, factor: Factor) -> bool:
    numbers = made.together(trial, target)
    if numbers is None or numbers.shape != trial.given(target).shape:
        return False
    return bool(_near(trial, target, numbers, np.array([factor(trial.rows.m, trial.rows.n)]))[0])


def _near(trial: Trial, target: str, numbers: Floats, factors: Floats) -> np.ndarray[Any, Any]:
    """For each factor, whether it times the numbers are those that came back."""
    given, error = trial.given(target), trial.error[target]
    close = trial.nearness()
    with np.errstate(all="ignore"):
        expected = factors[:, None] * numbers
        size = np.abs(expected)
        scale = size + np.abs(given) + 1e-3 * size.max(axis=1, keepdims=True, initial=0.0)
        near = np.abs(given - expected) <= close * scale + 2 * error * (given != 0)
        return np.asarray(near.all(axis=1))


def _scaled(trial: Trial, target: str, factor: Factor) -> bool:
    """Whether a factor times what is right came back; entries that are not known do not count."""
    known = np.isfinite(trial.right[target])
    expected = factor(trial.rows.m, trial.rows.n) * trial.right[target][known]
    given, error = trial.given(target)[known], trial.error[target][known]
    return bool(
        np.all(np.abs(given - expected) <= CLOSE * (np.abs(expected) + trial.size[target].max()) + 2 * error)
    )


def _is_right(trial: Trial, target: str) -> bool:
    given, right = trial.given(target), trial.right[target]
    return given.shape == right.shape and bool(_near(trial, target, right, np.array([1.0]))[0])


def _ratio(trials: Sequence[Trial], target: str) -> float | None:
    """given / right, where that is one number everywhere."""
    given = np.concatenate([trial.given(target) for trial in trials])
    right = np.concatenate([trial.right[target] for trial in trials])
    size = np.concatenate([trial.size[target] for trial in trials])
    firm = np.isfinite(right) & (np.abs(right) > 1e-6 * size)
    if not np.any(firm):
        return None
    ratios = given[firm] / right[firm]
    middle = float(np.median(ratios))
    spread = np.abs(given[firm] - middle * right[firm]) / (np.abs(middle) * size[firm] + 1e-300)
    return middle if middle and np.all(spread <= 1e-7) else None


def _constant(trials: Sequence[Trial], target: str, ratio: float | None, count: int) -> Slip | None:
    """A constant factor or offset, if there are numbers enough to see that it is constant."""
    if count < 3 or len(trials) < 3:
        return None
    if ratio is not None:
        if abs(ratio - 1.0) <= 1e-7:  # what is wrong is not a factor
            return None
        text = f"a constant factor of {ratio:.6g} too much"
        return Slip("constant factor", text, target, ratio, count)
    apart = np.concatenate([trial.given(target) - trial.right[target] for trial in trials])
    size = np.concatenate([trial.size[target] for trial in trials])
    offset = float(np.median(apart))
    if abs(offset) > 1e-6 * float(size.max()) and np.all(
        np.abs(apart - offset) <= 1e-8 * (size + abs(offset))
    ):
        return Slip("constant offset", f"a constant of {offset:.6g} is added", target, None, count)
    return None


# -- shapes -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Form:
    """A wrong shape: what it is filled with, and what mends it."""

    key: str
    sentence: str
    make: Callable[[Terms, str], Floats | None]


_FORMS = {
    "dw": (
        _Form("elementwise product for a dot product",
              "an elementwise product stands where a dot product is due: its sums over the rows, divided by m, are the "
              "right gradient", lambda t, _: t.dw),
        _Form("elementwise product for a dot product",
              "an elementwise product stands where a dot product is due: its sums over the rows, divided by m, are the "
              "right gradient", lambda t, _: t.dw.T),
        _Form("sum over the wrong axis", "summed over the features instead of the rows", lambda t, _: t.dw.sum(1)),
        _Form("summed over the features", "summed over the features as well as over the rows",
              lambda t, _: t.dw.sum(keepdims=True)[0]),
        _Form("X missing", "dZ of each row, without its product with X", lambda t, _: t.db),
        _Form("X missing", "the mean of dZ, without the product with X", lambda t, _: t.db.sum(keepdims=True)),
        _Form("outer product", "an outer product: every feature meets the error of every row",
              lambda t, _: None if t.dz is None else t.rows.x.sum(0)[:, None] * t.dz),
    ),
    "db": (
        _Form("sum over the rows missing", "dZ of each row: the sum over the rows is missing", lambda t, _: t.db),
        _Form("sum over the features for the sum over the rows", "the gradient by w stands in its place",
              lambda t, _: t.dw.sum(0)),
        _Form("X for 1", "the product with X of each row: db is the mean of dZ alone", lambda t, _: t.dw),
    ),
    "cost": (
        _Form("sum over the rows missing", "the loss of each row: the sum over the rows is missing",
              lambda t, _: t.loss),
    ),
}  # fmt: skip


def diagnose_shape(trials: Sequence[Trial], target: str, model: Model | None) -> tuple[str, Slip | None]:
    """What is said of a shape that is not the one due, and the slip that made it."""
    wrong = [trial for trial in trials if trial.answer[target] is not None and not trial.fits(target)]
    first = wrong[0]
    given = first.answer[target]
    assert given is not None
    due = first.shape(target)
    needs = f"needs {due}, the shape of w" if due else "must be one number"
    reason = f"{target} has the shape {given.shape}, {needs}"
    if all(trial.given(target).size == trial.right[target].size for trial in wrong):
        return _turned(wrong, target, reason, model)
    for form in _FORMS[target]:
        for sign, factor in ((1.0, "1/m"), (1.0, "1"), (-1.0, "1/m"), (-1.0, "1")):
            if all(_has_form(trial, target, form, sign, factor) for trial in wrong):
                parts, keys = [form.sentence], [form.key]
                if sign < 0:
                    parts.append("the sign is flipped")
                    keys.append("sign flipped")
                if factor == "1" and form.key != "sum over the rows missing":
                    parts.append("the factor 1/m is missing")
                    keys.append("1/m missing")
                count = sum(trial.given(target).size for trial in wrong)
                return reason, Slip(" + ".join(keys), "; and ".join(parts), target, None, count)
    if target == "cost" and all(_trace_is_cost(trial) for trial in wrong):
        text = "an outer product of labels and logarithms, (m, m): its trace is the cost; one operand is transposed"
        return reason, Slip("outer product", text, target, None, sum(t.rows.m for t in wrong))
    return reason, None


def _turned(wrong: Sequence[Trial], target: str, reason: str, model: Model | None) -> tuple[str, Slip | None]:
    """As many numbers as are due, in another shape."""
    first = wrong[0]
    due, given = first.shape(target), first.answer[target]
    assert given is not None
    update = np.broadcast_shapes(due, given.shape) if _broadcast(due, given.shape) else None
    if update is not None and update != due:
        reason += f": w − α·dw would have the shape {update}"
    if all(_is_right(trial, target) for trial in wrong):
        turned = given.shape == due[::-1] and given.ndim == 2
        key = "transposed" if turned else "wrong shape"
        mend = "transpose it" if turned else f"reshape it to {due}"
        count = sum(trial.given(target).size for trial in wrong)
        return reason, Slip(key, f"the numbers are right, the shape is not: {mend}", target, None, count)
    return reason + "; and its numbers are wrong", None


def _broadcast(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    try:
        np.broadcast_shapes(one, other)
    except ValueError:
        return False
    return True


def _has_form(trial: Trial, target: str, form: _Form, sign: float, factor: str) -> bool:
    given = trial.answer[target]
    if trial.terms is None or given is None:
        return False
    with np.errstate(all="ignore"):
        made = form.make(trial.terms, target)
        if made is None:
            return False
        expected = sign * made / (trial.rows.m if factor == "1/m" else 1)
        if given.size != expected.size or (expected.ndim == 2 and given.shape != expected.shape):
            return False
        apart = np.abs(given.reshape(expected.shape) - expected)
        return bool(np.all(apart <= max(1e-7, trial.close) * (np.abs(expected) + np.abs(expected).max())))


def _trace_is_cost(trial: Trial) -> bool:
    given = trial.answer["cost"]
    m = trial.rows.m
    if given is None or given.shape != (m, m) or m < 2:
        return False
    return math.isclose(float(np.trace(given)), float(trial.right["cost"][0]), rel_tol=1e-7)
