"""Slips of functions over m rows, as data: what goes wrong in a row, in the sum over rows, in a factor.

Room: three tables. A wrong array is one row of each: the terms of each row (`row_slips`), put together
(`SUMS`), times a factor (`FACTORS`). Below: `models`, `shapes`. Above: `array_diagnosis`.
Must hold: a row makes the wrong numbers from the data, never from what the student returned; the first row of
each table is what is right.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from minigrad.checking.models import Floats, Model, Named, Terms, sigmoid
from minigrad.checking.shapes import Rows

#: What the slip may be in: a letter each for cost, dw and db.
COST, GRADIENT, ANY = "c", "wb", "cwb"


@dataclass(frozen=True, slots=True)
class Row:
    """One slip of one table.

    key       its name in reports; "" for what is right
    rank      simplicity: smaller comes first, and the ranks of the parts add up
    sentence  what happened
    make      how the wrong numbers come about
    of        which of cost, w and b it may be in
    """

    key: str
    rank: int
    sentence: str
    make: Callable[..., object]
    of: str = ANY


# -- factors ----------------------------------------------------------------------------------------------

#: Factors of m and n.
FACTORS = (
    Row("", 0, "", lambda m, n: 1.0),
    Row("sign flipped", 2, "the sign is flipped", lambda m, n: -1.0),
    Row("1/m missing", 2, "the factor 1/m is missing", lambda m, n: m),
    Row("1/m applied twice", 3, "the factor 1/m is applied twice", lambda m, n: 1 / m),
    Row("1/n for 1/m", 3, "divided by n, the number of features, in place of m", lambda m, n: m / n),
    Row("1/n besides 1/m", 4, "divided by n, the number of features, as well as by m", lambda m, n: 1 / n),
    Row("1/(m - 1) for 1/m", 4, "divided by m − 1 in place of m", lambda m, n: m / (m - 1) if m > 1 else math.nan),
    Row("1/(m + 1) for 1/m", 5, "divided by m + 1 in place of m", lambda m, n: m / (m + 1)),
    Row("m for 1/m", 5, "multiplied by m in place of divided", lambda m, n: m * m),
    Row("factor 1/2", 3, "a factor of 1/2 too much: 1/(2m) in place of 1/m", lambda m, n: 0.5),
    Row("factor 2", 3, "a factor of 2 too much", lambda m, n: 2.0),
    Row("log base 2", 4, "log is taken to the base 2; the natural logarithm is meant", lambda m, n: 1 / math.log(2),
        COST),
    Row("log base 10", 4, "log is taken to the base 10; the natural logarithm is meant",
        lambda m, n: 1 / math.log(10), COST),
)  # fmt: skip

# -- sums over rows ---------------------------------------------------------------------------------------


def _mean(t: Floats, terms: Terms) -> Floats:
    return np.asarray(t.sum(axis=0) / len(t))


def _product(x: Floats, dz: Floats | None) -> Floats | None:
    """Σ x·dz over rows, divided by the rows there ought to be."""
    return None if dz is None else np.asarray(x.T @ dz / len(x))


def _without(rows: slice) -> Callable[[Floats, Terms], Floats | None]:
    return lambda t, terms: t[rows].sum(axis=0) / len(t) if len(t) > 1 else None


def _shifted(x: Floats, dz: Floats | None) -> Floats | None:
    """Σ x·dz, dz of the row after, without the last."""
    return None if dz is None or len(x) < 2 else np.asarray(x[:-1].T @ dz[1:] / len(x))


def _square(t: Floats) -> bool:
    return bool(t.shape[0] == t.shape[1])


#: How the terms (m, k) of each row are put together: t, terms -> (k,). Where the exact factor is another, a row of
#: FACTORS mends it.
SUMS = (
    Row("", 0, "", _mean),
    Row("overwritten instead of accumulated", 3, "only the last row counts: it is overwritten in the loop over rows "
        "(=) instead of accumulated (+=)", lambda t, terms: t[-1] / len(t)),
    Row("first row only", 3, "only the first row counts: does the loop return too early?",
        lambda t, terms: t[0] / len(t)),
    Row("off by one row", 3, "the last row is left out", _without(slice(None, -1))),
    Row("off by one row", 3, "the first row is left out", _without(slice(1, None))),
    Row("off by one row", 3, "the features of each row meet the error of the row before",
        lambda t, terms: _product(np.roll(terms.rows.x, -1, axis=0), terms.dz), "w"),
    Row("off by one row", 3, "the features of each row meet the error of the row after",
        lambda t, terms: _product(np.roll(terms.rows.x, 1, axis=0), terms.dz), "w"),
    Row("off by one row", 4, "the features of each row meet the error of the row after, and one row is left out",
        lambda t, terms: _shifted(terms.rows.x, terms.dz), "w"),
    Row("off by one row", 4, "the features of each row meet the error of the row before, and one row is left out",
        lambda t, terms: _shifted(terms.rows.x[::-1], None if terms.dz is None else terms.dz[::-1]), "w"),
    Row("outer product", 3, "the sum of an outer product: every feature meets the error of every row, where each row "
        "ought to meet its own",
        lambda t, terms: None if terms.dz is None else terms.rows.x.sum(0) * terms.dz.sum() / len(t), "w"),
    Row("w for X", 3, "multiplied by w in place of X",
        lambda t, terms: None if terms.dz is None else terms.rows.w * terms.dz.mean(), "w"),
    Row("X missing", 3, "the factor X is missing: each entry is db",
        lambda t, terms: None if terms.dz is None else np.full(t.shape[1], terms.dz.mean()), "w"),
    Row("X applied twice", 4, "the factor X is applied twice", lambda t, terms: (terms.rows.x * t).mean(0), "w"),
    Row("transposed", 3, "X is transposed: it ought to be X·dZ with an example a column, Xᵀ·dZ with an example a row",
        lambda t, terms: terms.rows.x @ terms.dz / len(t) if _square(t) and terms.dz is not None else None, "w"),
    Row("sum over the wrong axis", 3, "summed over the features instead of the rows",
        lambda t, terms: t.sum(axis=1) / len(t) if _square(t) else None, "w"),
    Row("order reversed", 5, "the entries are in reversed order",
        lambda t, terms: _mean(t, terms)[::-1] if t.shape[1] > 1 else None, "w"),
    Row("summed over the features", 3, "each entry is the sum over all features",
        lambda t, terms: np.full(t.shape[1], _mean(t, terms).sum()) if t.shape[1] > 1 else None, "w"),
    Row("dw for db", 3, "db is the sum of the entries of dw",
        lambda t, terms: _mean(terms.dw, terms).sum(keepdims=True), "b"),
    Row("dw for db", 3, "db is the mean of the entries of dw",
        lambda t, terms: _mean(terms.dw, terms).mean(keepdims=True), "b"),
    Row("b for 1", 3, "multiplied by b; the derivative of z by b is 1", lambda t, terms: terms.rows.b * _mean(t, terms),
        "b"),
    Row("largest instead of the mean", 5, "the largest of the rows is taken, not their mean",
        lambda t, terms: t.max(axis=0), "c"),
)  # fmt: skip

# -- rows -------------------------------------------------------------------------------------------------

#: A change of the data that the whole forward pass sees.
Change: TypeAlias = Callable[[Rows], Rows]


def _shift(rows: Rows, by: int) -> Rows:
    return replace(rows, y=np.roll(rows.y, by))


#: Forward passes that are wrong: rows -> the rows that the right forward pass would need to give the same.
FORWARD = (
    Row("bias missing", 2, "the bias is missing: z = w·x in place of w·x + b", lambda r: replace(r, b=0.0)),
    Row("bias outside the bracket", 3, "the bias stands outside the bracket of the minus sign: −w·x + b in place of "
        "−(w·x + b)", lambda r: replace(r, b=-r.b)),
    Row("sign of z", 3, "z enters with the wrong sign: exp(z) where exp(−z) is due?",
        lambda r: replace(r, w=-r.w, b=-r.b)),
    Row("sign of w·x", 4, "w·x enters with the wrong sign", lambda r: replace(r, w=-r.w)),
    Row("bias twice", 4, "the bias is added twice", lambda r: replace(r, b=2 * r.b)),
    Row("bias summed", 4, "the bias is added once for each feature: inside the sum instead of after it",
        lambda r: replace(r, b=r.n * r.b)),
    Row("off by one row", 4, "the labels are those of the row before", lambda r: _shift(r, 1)),
    Row("off by one row", 4, "the labels are those of the row after", lambda r: _shift(r, -1)),
)  # fmt: skip

_LABELS = {
    "01": (
        Row("labels -1/1 for 0/1", 3, "labels −1 and 1 are taken where the loss needs 0 and 1",
            lambda r: replace(r, y=2 * r.y - 1)),
        Row("labels exchanged", 3, "the labels are exchanged: 1 − y in place of y", lambda r: replace(r, y=1 - r.y)),
    ),
    "±1": (
        Row("labels 0/1 for -1/1", 3, "labels 0 and 1 are taken where the loss needs −1 and 1",
            lambda r: replace(r, y=(r.y + 1) / 2)),
        Row("labels exchanged", 3, "the labels are exchanged: −y in place of y", lambda r: replace(r, y=-r.y)),
    ),
}  # fmt: skip

#: The forward pass of the model with a: what each row's dz became. z, a, y, b -> dz.
_LOGISTIC = (
    Row("a(1 - a) applied twice", 2, "the factor a(1 − a) of sigmoid is applied once too often: dZ is a − y already",
        lambda z, a, y, b: (a - y) * a * (1 - a)),
    Row("a(1 - a) missing", 2, "the factor a(1 − a) of sigmoid is missing: dA = −y/a + (1 − y)/(1 − a) stands where "
        "dZ = a − y is due", lambda z, a, y, b: (a - y) / (a * (1 - a))),
    Row("inner -1 forgotten", 3, "the inner derivative −1 of log(1 − a) is forgotten",
        lambda z, a, y, b: -y * (1 - a) - (1 - y) * a),
    Row("inner -1 forgotten + a(1 - a) missing", 5, "the inner derivative −1 of log(1 − a) is forgotten, and the "
        "factor a(1 − a) of sigmoid is missing", lambda z, a, y, b: -y / a - (1 - y) / (1 - a)),
    Row("a term missing", 3, "the term with y is missing: dZ is (1 − y)·a", lambda z, a, y, b: (1 - y) * a),
    Row("a term missing", 3, "the term with 1 − y is missing: dZ is −y·(1 − a)", lambda z, a, y, b: -y * (1 - a)),
    Row("sigmoid missing", 3, "z stands where a = sigmoid(z) is due: dZ is z − y", lambda z, a, y, b: z - y),
    Row("y missing", 3, "the label is missing: dZ is a", lambda z, a, y, b: a),
    Row("a missing", 3, "the prediction is missing: dZ is −y", lambda z, a, y, b: -y),
    Row("plus for minus", 3, "dZ is a + y where a − y is due", lambda z, a, y, b: a + y),
    Row("prediction rounded", 3, "the prediction is rounded to 0 or 1 before y is taken off",
        lambda z, a, y, b: (a > 0.5) - y),
    Row("squared", 4, "the error is squared: (a − y)²", lambda z, a, y, b: (a - y) ** 2),
    Row("absolute value", 4, "the error has lost its sign: |a − y|", lambda z, a, y, b: np.abs(a - y)),
    Row("tanh for sigmoid", 4, "tanh(z) stands where sigmoid(z) is due", lambda z, a, y, b: np.tanh(z) - y),
    Row("bias outside the bracket", 4, "the bias is added outside sigmoid: a = sigmoid(w·x) + b",
        lambda z, a, y, b: sigmoid(z - b) + b - y),
    Row("factor a", 4, "a factor a too much: dZ is (a − y)·a", lambda z, a, y, b: (a - y) * a),
    Row("factor 1 - a", 4, "a factor 1 − a too much: dZ is (a − y)·(1 − a)", lambda z, a, y, b: (a - y) * (1 - a)),
    Row("a(1 - a) only", 4, "the derivative of the loss is missing: dZ is a(1 − a)", lambda z, a, y, b: a * (1 - a)),
)  # fmt: skip

_OF_Z = (
    Row("y missing", 3, "the label is missing: dZ is z", lambda z, a, y, b: z),
    Row("plus for minus", 3, "dZ is z + y where z − y is due", lambda z, a, y, b: z + y),
    Row("squared", 4, "the error is squared: (z − y)²", lambda z, a, y, b: (z - y) ** 2),
    Row("absolute value", 4, "the error has lost its sign: |z − y|", lambda z, a, y, b: np.abs(z - y)),
)  # fmt: skip

#: Slips of dz by the name of the model.
DZ = {
    "logistic": _LOGISTIC,
    "linear": _OF_Z,
    "squares": _OF_Z,
    "poisson": (
        Row("exp missing", 3, "z stands where exp(z) is due: dZ is z − y", lambda z, a, y, b: z - y),
        Row("y missing", 3, "the label is missing: dZ is exp(z)", lambda z, a, y, b: np.exp(z)),
        Row("plus for minus", 3, "dZ is exp(z) + y where exp(z) − y is due", lambda z, a, y, b: np.exp(z) + y),
        Row("exp applied twice", 3, "a factor exp(z) too much: dZ is exp(z) − y already",
            lambda z, a, y, b: (np.exp(z) - y) * np.exp(z)),
        Row("derivative at the output", 3, "dL/dmu = 1 − y/mu stands where dZ = mu − y is due, mu = exp(z)",
            lambda z, a, y, b: 1 - y / np.exp(z)),
    ),
    "hinge": (
        Row("condition missing", 2, "the condition y·z < 1 is missing: every row counts", lambda z, a, y, b: -y),
        Row("condition wrong", 3, "y·z < 0 stands where y·z < 1 is due",
            lambda z, a, y, b: np.where(y * z < 0, -y, 0.0)),
        Row("condition reversed", 3, "the condition is reversed: y·z > 1",
            lambda z, a, y, b: np.where(y * z > 1, -y, 0.0)),
        Row("y missing", 3, "the factor y is missing", lambda z, a, y, b: np.where(y * z < 1, -1.0, 0.0)),
    ),
    "squared hinge": (
        Row("condition missing", 2, "the condition y·z < 1 is missing: every row counts",
            lambda z, a, y, b: -2 * y * (1 - y * z)),
        Row("y missing", 3, "the factor y is missing", lambda z, a, y, b: -2 * np.maximum(0.0, 1 - y * z)),
    ),
    "logistic ±1": (
        Row("y missing", 3, "the factor y is missing", lambda z, a, y, b: -sigmoid(-y * z)),
        Row("sign in sigmoid", 3, "sigmoid(y·z) stands where sigmoid(−y·z) is due",
            lambda z, a, y, b: -y * sigmoid(y * z)),
        Row("a(1 - a) applied twice", 3, "a factor a(1 − a) of sigmoid too much",
            lambda z, a, y, b: -y * sigmoid(-y * z) * a * (1 - a)),
        Row("formula of labels 0/1", 3, "a − y is the formula of labels 0 and 1; the labels are −1 and 1",
            lambda z, a, y, b: a - y),
    ),
    "huber": (
        Row("clipping missing", 2, "the error is not clipped: z − y", lambda z, a, y, b: z - y),
        Row("sign only", 3, "the sign of the error only", lambda z, a, y, b: np.sign(z - y)),
    ),
    "absolute": (
        Row("sign missing", 2, "the error z − y itself, where its sign is due", lambda z, a, y, b: z - y),
    ),
    "probability squares": (
        Row("a(1 - a) missing", 2, "the factor a(1 − a) of sigmoid is missing", lambda z, a, y, b: 2 * (a - y)),
        Row("a(1 - a) applied twice", 3, "the factor a(1 − a) of sigmoid is applied twice",
            lambda z, a, y, b: 2 * (a - y) * (a * (1 - a)) ** 2),
    ),
    "half probability squares": (
        Row("a(1 - a) missing", 2, "the factor a(1 − a) of sigmoid is missing", lambda z, a, y, b: a - y),
        Row("a(1 - a) applied twice", 3, "the factor a(1 − a) of sigmoid is applied twice",
            lambda z, a, y, b: (a - y) * (a * (1 - a)) ** 2),
    ),
}  # fmt: skip


#: Slips of the loss of one row of the logistic model: z, a, y, b -> loss.
LOGISTIC_COST = (
    Row("a term missing", 3, "the term (1 − y)·log(1 − a) is missing", lambda z, a, y, b: -y * np.log(a)),
    Row("a term missing", 3, "the term y·log(a) is missing", lambda z, a, y, b: -(1 - y) * np.log1p(-a)),
    Row("minus for one term only", 3, "the minus sign stands before the first term only",
        lambda z, a, y, b: -y * np.log(a) + (1 - y) * np.log1p(-a)),
    Row("y for 1 - y", 3, "the second term has the factor y in place of 1 − y",
        lambda z, a, y, b: -y * np.log(a) - y * np.log1p(-a)),
    Row("a for 1 - a", 3, "the second term has log(a) in place of log(1 − a)", lambda z, a, y, b: -np.log(a)),
    Row("bracket", 4, "a bracket is lost: log(1) − a in place of log(1 − a)",
        lambda z, a, y, b: -y * np.log(a) + (1 - y) * a),
    Row("factor a", 4, "the first term has the factor a in place of y",
        lambda z, a, y, b: -a * np.log(a) - (1 - y) * np.log1p(-a)),
    Row("entropy of a", 4, "a stands where y is due: −a·log(a) − (1 − a)·log(1 − a)",
        lambda z, a, y, b: -a * np.log(a) - (1 - a) * np.log1p(-a)),
    Row("squared error for log loss", 3, "the squared error (a − y)² in place of the log loss",
        lambda z, a, y, b: (a - y) ** 2),
    Row("squared error for log loss", 3, "the squared error (a − y)²/2 in place of the log loss",
        lambda z, a, y, b: (a - y) ** 2 / 2),
    Row("absolute error for log loss", 4, "the absolute error |a − y| in place of the log loss",
        lambda z, a, y, b: np.abs(a - y)),
    Row("bias outside the bracket", 4, "the bias is added outside sigmoid: a = sigmoid(w·x) + b",
        lambda z, a, y, b: -y * np.log(sigmoid(z - b) + b) - (1 - y) * np.log(1 - sigmoid(z - b) - b)),
)  # fmt: skip

#: Loss functions and their gradients with a small number inside the logarithm: accepted, and said.
EPSILONS = (*(10.0**-k for k in range(3, 17)), 2.220446049250313e-16)


def with_epsilon(rows: Rows, epsilon: float) -> Iterator[Floats]:
    """Losses of the logistic rows as they are with a small number that keeps log from 0: added, or clipped at."""
    a = sigmoid(rows.x @ rows.w + rows.b)
    y = rows.y
    with np.errstate(all="ignore"):
        yield -y * np.log(a + epsilon) - (1 - y) * np.log(1 - a + epsilon)
        clipped = np.clip(a, epsilon, 1 - epsilon)
        yield -y * np.log(clipped) - (1 - y) * np.log(1 - clipped)


def row_slips(model: Model, target: str) -> Iterator[tuple[Row, Callable[[Rows], Terms | None]]]:
    """The slips that happen in each row, what is right first: how rows become wrong terms.

    target   "cost", "dw" or "db"
    """
    yield Row("", 0, "", model), model
    if getattr(model, "plain", False):
        return
    name = model.name if isinstance(model, Named) else ""
    labels = _LABELS.get(model.labels, ()) if isinstance(model, Named) else ()
    for row in (*FORWARD, *labels):
        yield row, _seen(model, row)
    table = (LOGISTIC_COST if name == "logistic" else ()) if target == "cost" else DZ.get(name, ())
    for row in table:
        yield row, _by_formula(row, target)


def _seen(model: Model, row: Row) -> Callable[[Rows], Terms | None]:
    def make(rows: Rows) -> Terms | None:
        changed = row.make(rows)
        assert isinstance(changed, Rows)
        return replace(model(changed), rows=rows)

    return make


def _by_formula(row: Row, target: str) -> Callable[[Rows], Terms | None]:
    def make(rows: Rows) -> Terms | None:
        with np.errstate(all="ignore"):
            z = rows.x @ rows.w + rows.b
            terms = np.asarray(row.make(z, sigmoid(z), rows.y, rows.b), dtype=np.float64)
            return Terms.of(rows, terms, terms)

    return make
