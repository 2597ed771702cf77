"""Wrong `propagate` functions, written by hand as students write them: one slip each, both layouts.

Independent of the catalogue: nothing here reads `minigrad.checking`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Any_ = Any
Result = tuple[dict[str, Any], Any]


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def right(w: Any, b: Any, X: Any, Y: Any) -> Result:
    m = X.shape[1]
    A = sigmoid(np.dot(w.T, X) + b)
    cost = -1 / m * np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    return {"dw": np.dot(X, (A - Y).T) / m, "db": np.sum(A - Y) / m}, cost


def right_rows(w: Any, b: Any, X: Any, y: Any) -> Any:
    """An example a row; plain arrays, the cost first."""
    a = sigmoid(X @ w + b)
    cost = -np.mean(y * np.log(a) + (1 - y) * np.log(1 - a))
    return cost, X.T @ (a - y) / len(y), np.mean(a - y)


def varied(**parts: Callable[..., Any]) -> Callable[..., Any]:
    """`right` with cost, dw or db computed otherwise: functions of (w, b, X, Y, A, m)."""

    def propagate(w: Any, b: Any, X: Any, Y: Any) -> Any:
        m = X.shape[1]
        A = sigmoid(np.dot(w.T, X) + b)
        grads, cost = right(w, b, X, Y)
        made = {**grads, "cost": cost} | {name: part(w, b, X, Y, A, m) for name, part in parts.items()}
        return {"dw": made["dw"], "db": made["db"]}, made["cost"]

    return propagate


def varied_rows(**parts: Callable[..., Any]) -> Callable[..., Any]:
    """`right_rows` likewise: functions of (w, b, X, y, a, m)."""

    def propagate(w: Any, b: Any, X: Any, y: Any) -> Any:
        a = sigmoid(X @ w + b)
        cost, dw, db = right_rows(w, b, X, y)
        made = {"cost": cost, "dw": dw, "db": db}
        made |= {name: part(w, b, X, y, a, len(y)) for name, part in parts.items()}
        return made["cost"], made["dw"], made["db"]

    return propagate


def last_row(w: Any, b: Any, X: Any, Y: Any, A: Any, m: Any) -> Any:
    for i in range(m):
        dw = X[:, i : i + 1] * (A - Y)[0, i]
    return dw / m


def without_last_row(w: Any, b: Any, X: Any, Y: Any, A: Any, m: Any) -> Any:
    dw = np.zeros(w.shape)
    for i in range(m - 1):
        dw += X[:, i : i + 1] * (A - Y)[0, i]
    return dw / m


def row_before(w: Any, b: Any, X: Any, Y: Any, A: Any, m: Any) -> Any:
    dw = np.zeros(w.shape)
    for i in range(m):
        dw += X[:, i - 1 : i if i else None] * (A - Y)[0, i]
    return dw / m


def returns_early(w: Any, b: Any, X: Any, Y: Any, A: Any, m: Any) -> Any:
    return (A - Y)[0, 0] / m


def through_A(w: Any, b: Any, X: Any, Y: Any, A: Any, m: Any) -> Any:
    dA = -Y / A + (1 - Y) / (1 - A)
    return np.dot(X, dA.T) / m


def inner_sign(w: Any, b: Any, X: Any, Y: Any, A: Any, m: Any) -> Any:
    dA = -Y / A - (1 - Y) / (1 - A)
    return np.dot(X, (dA * A * (1 - A)).T) / m


#: (a slip, what is wrong in the report, what the slip's key must hold)
WRONG: list[tuple[Callable[..., Any], str, str]] = [
    # 1/m
    (varied(dw=lambda w, b, X, Y, A, m: np.dot(X, (A - Y).T)), "dw", "1/m missing"),
    (varied(db=lambda w, b, X, Y, A, m: np.sum(A - Y)), "db", "1/m missing"),
    (varied(cost=lambda w, b, X, Y, A, m: -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))), "cost", "1/m missing"),
    (varied(db=lambda w, b, X, Y, A, m: np.mean(A - Y) / m), "db", "1/m applied twice"),
    (varied(dw=lambda w, b, X, Y, A, m: np.dot(X, (A - Y).T) / m**2), "dw", "1/m applied twice"),
    (varied(dw=lambda w, b, X, Y, A, m: np.dot(X, (A - Y).T) / X.shape[0]), "dw", "1/n for 1/m"),
    (varied(dw=lambda w, b, X, Y, A, m: np.dot(X, (A - Y).T) / (2 * m)), "dw", "1/2"),
    (varied(db=lambda w, b, X, Y, A, m: 2 * np.mean(A - Y)), "db", "factor 2"),
    # signs
    (varied(dw=lambda w, b, X, Y, A, m: np.dot(X, (Y - A).T) / m), "dw", "sign flipped"),
    (varied(db=lambda w, b, X, Y, A, m: np.mean(Y - A)), "db", "sign flipped"),
    (varied(cost=lambda w, b, X, Y, A, m: np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))), "cost", "sign flipped"),
    (varied(dw=lambda w, b, X, Y, A, m: -np.dot(X, (A - Y).T)), "dw", "sign flipped + 1/m missing"),
    # shapes and sums
    (varied(dw=lambda w, b, X, Y, A, m: X * (A - Y) / m), "dw", "elementwise product for a dot product"),
    (varied(dw=lambda w, b, X, Y, A, m: X * (A - Y)), "dw", "elementwise product for a dot product"),
    (varied(dw=lambda w, b, X, Y, A, m: np.dot(A - Y, X.T) / m), "dw", "transposed"),
    (varied(dw=lambda w, b, X, Y, A, m: np.dot(X, (A - Y).T).ravel() / m), "dw", "wrong shape"),
    (varied(dw=lambda w, b, X, Y, A, m: np.sum(X * (A - Y), axis=0) / m), "dw", "sum over the wrong axis"),
    (varied(dw=lambda w, b, X, Y, A, m: np.sum(X * (A - Y)) / m), "dw", "summed over the features"),
    (varied(dw=lambda w, b, X, Y, A, m: np.outer(X.sum(1), A - Y).sum(1, keepdims=True) / m), "dw", "outer product"),
    (varied(db=lambda w, b, X, Y, A, m: (A - Y) / m), "db", "sum over the rows missing"),
    (varied(db=lambda w, b, X, Y, A, m: A - Y), "db", "sum over the rows missing"),
    (varied(db=lambda w, b, X, Y, A, m: np.sum(np.dot(X, (A - Y).T)) / m), "db", "dw for db"),
    (varied(cost=lambda w, b, X, Y, A, m: -(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m), "cost",
     "sum over the rows missing"),
    (varied(cost=lambda w, b, X, Y, A, m: -(np.dot(Y.T, np.log(A)) + np.dot((1 - Y).T, np.log(1 - A))) / m), "cost",
     "outer product"),
    # loops
    (varied(dw=last_row), "dw", "overwritten instead of accumulated"),
    (varied(dw=without_last_row), "dw", "off by one row"),
    (varied(dw=row_before), "dw", "off by one row"),
    (varied(db=returns_early), "db", "first row only"),
    # the chain
    (varied(dw=through_A), "dw", "a(1 - a) missing"),
    (varied(db=lambda w, b, X, Y, A, m: np.mean((A - Y) * A * (1 - A))), "db", "a(1 - a) applied twice"),
    (varied(dw=inner_sign), "dw", "inner -1 forgotten"),
    (varied(dw=lambda w, b, X, Y, A, m: np.dot(X, (np.dot(w.T, X) + b - Y).T) / m), "dw", "sigmoid missing"),
    (varied(db=lambda w, b, X, Y, A, m: np.mean(A)), "db", "y missing"),
    (varied(db=lambda w, b, X, Y, A, m: np.mean(np.round(A) - Y)), "db", "prediction rounded"),
    (varied(dw=lambda w, b, X, Y, A, m: w * np.mean(A - Y)), "dw", "w for X"),
    (varied(dw=lambda w, b, X, Y, A, m: np.full(w.shape, np.mean(A - Y))), "dw", "X missing"),
    (varied(db=lambda w, b, X, Y, A, m: b * np.mean(A - Y)), "db", "b for 1"),
    (varied(dw=lambda w, b, X, Y, A, m: np.dot(X, (A - (2 * Y - 1)).T) / m), "dw", "labels -1/1"),
    (varied(dw=lambda w, b, X, Y, A, m: np.dot(X, (sigmoid(np.dot(w.T, X)) - Y).T) / m), "dw", "bias missing"),
    (varied(dw=lambda w, b, X, Y, A, m: np.dot(X, (sigmoid(np.dot(w.T, X)) + b - Y).T) / m), "dw",
     "bias outside the bracket"),
    (varied(db=lambda w, b, X, Y, A, m: np.mean(1 / (1 + np.exp(-np.dot(w.T, X) + b)) - Y)), "db",
     "bias outside the bracket"),
    (varied(dw=lambda w, b, X, Y, A, m: 1.37 * np.dot(X, (A - Y).T) / m), "dw", "constant factor"),
    (varied(dw=lambda w, b, X, Y, A, m: 0.1 + np.dot(X, (A - Y).T) / m), "dw", "constant offset"),
    # the cost
    (varied(cost=lambda w, b, X, Y, A, m: -np.mean(Y * np.log2(A) + (1 - Y) * np.log2(1 - A))), "cost", "log base 2"),
    (varied(cost=lambda w, b, X, Y, A, m: -np.mean(Y * np.log10(A) + (1 - Y) * np.log10(1 - A))), "cost",
     "log base 10"),
    (varied(cost=lambda w, b, X, Y, A, m: -np.mean(Y * np.log(A))), "cost", "a term missing"),
    (varied(cost=lambda w, b, X, Y, A, m: -np.mean(Y * np.log(A)) + np.mean((1 - Y) * np.log(1 - A))), "cost",
     "minus for one term only"),
    (varied(cost=lambda w, b, X, Y, A, m: -np.mean(A * np.log(Y) + (1 - A) * np.log(1 - Y))), "cost",
     "a and y swapped"),
    (varied(cost=lambda w, b, X, Y, A, m: np.mean((A - Y) ** 2)), "cost", "squared error"),
    # an example a row
    (varied_rows(dw=lambda w, b, X, y, a, m: X.T @ (a - y)), "dw", "1/m missing"),
    (varied_rows(dw=lambda w, b, X, y, a, m: X.T @ (a - y) / X.shape[1]), "dw", "1/n for 1/m"),
    (varied_rows(db=lambda w, b, X, y, a, m: np.mean(y - a)), "db", "sign flipped"),
    (varied_rows(dw=lambda w, b, X, y, a, m: X * (a - y)[:, None] / m), "dw", "elementwise product"),
    (varied_rows(dw=lambda w, b, X, y, a, m: (X * (a - y)[:, None]).sum(1) / m), "dw", "sum over the wrong axis"),
    (varied_rows(dw=lambda w, b, X, y, a, m: X[-1] * (a - y)[-1] / m), "dw", "overwritten"),
    (varied_rows(dw=lambda w, b, X, y, a, m: X.T @ ((a - y) * a * (1 - a)) / m), "dw", "a(1 - a) applied twice"),
    (varied_rows(dw=lambda w, b, X, y, a, m: X[:-1].T @ (a - y)[1:] / m), "dw", "off by one row"),
    (varied_rows(dw=lambda w, b, X, y, a, m: (X.T @ (a - y) / m)[:, None]), "dw", "wrong shape"),
    (varied_rows(cost=lambda w, b, X, y, a, m: -np.sum(y * np.log(a) + (1 - y) * np.log(1 - a))), "cost",
     "1/m missing"),
]  # fmt: skip

#: Wrong, but by no slip of any catalogue.
STRANGE: list[tuple[Callable[..., Any], str]] = [
    (varied(dw=lambda w, b, X, Y, A, m: np.dot(X, (A - Y).T) / m + 0.01 * w**2), "dw"),
    (varied(dw=lambda w, b, X, Y, A, m: np.cos(np.dot(X, (A - Y).T) / m)), "dw"),
    (varied(db=lambda w, b, X, Y, A, m: np.median(A - Y)), "db"),
    (varied(db=lambda w, b, X, Y, A, m: np.sqrt(np.mean((A - Y) ** 2))), "db"),
    (varied(dw=lambda w, b, X, Y, A, m: np.dot(X, (A - Y).T) * np.linalg.norm(w) / m), "dw"),
    (varied(db=lambda w, b, X, Y, A, m: np.mean(np.tanh(A - Y))), "db"),
]  # fmt: skip


# -- the same slips under other losses, an example a row --------------------------------------------------

#: name -> loss of z and y, its derivative by z, the kind of label
LOSSES: dict[str, tuple[Callable[..., Any], Callable[..., Any], str]] = {
    "logistic": (lambda z, y: -(y * np.log(sigmoid(z)) + (1 - y) * np.log(1 - sigmoid(z))), lambda z, y: sigmoid(z) - y,
                 "01"),
    "logistic ±1": (lambda z, y: np.log(1 + np.exp(-y * z)), lambda z, y: -y / (1 + np.exp(y * z)), "±1"),
    "linear": (lambda z, y: (z - y) ** 2 / 2, lambda z, y: z - y, "real"),
    "squares": (lambda z, y: (z - y) ** 2, lambda z, y: 2 * (z - y), "real"),
    "poisson": (lambda z, y: np.exp(z) - y * z, lambda z, y: np.exp(z) - y, "count"),
    "hinge": (lambda z, y: np.maximum(0, 1 - y * z), lambda z, y: np.where(y * z < 1, -y, 0.0), "±1"),
    "huber": (lambda z, y: np.where(abs(z - y) <= 1, (z - y) ** 2 / 2, abs(z - y) - 0.5),
              lambda z, y: np.clip(z - y, -1, 1), "real"),
    "tanh": (lambda z, y: (np.tanh(z) - y) ** 2, lambda z, y: 2 * (np.tanh(z) - y) * (1 - np.tanh(z) ** 2), "real"),
    "a ratio": (lambda z, y: (z - y) ** 2 / (1 + z * z),
                lambda z, y: 2 * (z - y) / (1 + z * z) - 2 * z * (z - y) ** 2 / (1 + z * z) ** 2, "real"),
    "softplus": (lambda z, y: np.log(1 + np.exp(z)) - 0.3 * y * z, lambda z, y: sigmoid(z) - 0.3 * y, "real"),
}  # fmt: skip

#: (what is wrong, how it is computed from X (m, n), dZ (m,), w, b; what the slip's key must hold)
SUMS: list[tuple[str, Callable[..., Any], str]] = [
    ("dw", lambda X, d, w, b: -X.T @ d / len(d), "sign flipped"),
    ("dw", lambda X, d, w, b: X.T @ d, "1/m missing"),
    ("dw", lambda X, d, w, b: X.T @ d / len(d) ** 2, "1/m applied twice"),
    ("dw", lambda X, d, w, b: X.T @ d / X.shape[1], "1/n for 1/m"),
    ("dw", lambda X, d, w, b: X.T @ d / len(d) / 2, "factor 1/2"),
    ("dw", lambda X, d, w, b: X[-1] * d[-1] / len(d), "overwritten"),
    ("dw", lambda X, d, w, b: X[:-1].T @ d[:-1] / len(d), "off by one row"),
    ("dw", lambda X, d, w, b: X[1:].T @ d[:-1] / len(d), "off by one row"),
    ("dw", lambda X, d, w, b: X * d[:, None] / len(d), "elementwise product"),
    ("dw", lambda X, d, w, b: (X * d[:, None]).sum(1) / len(d), "sum over the wrong axis"),
    ("dw", lambda X, d, w, b: np.outer(X.sum(0), d).sum(1) / len(d), "outer product"),
    ("dw", lambda X, d, w, b: w * d.mean(), "w for X"),
    ("dw", lambda X, d, w, b: np.full(len(w), d.mean()), "X missing"),
    ("dw", lambda X, d, w, b: 0.7 * X.T @ d / len(d), "constant factor"),
    ("db", lambda X, d, w, b: -d.mean(), "sign flipped"),
    ("db", lambda X, d, w, b: d.sum(), "1/m missing"),
    ("db", lambda X, d, w, b: b * d.mean(), "b for 1"),
    ("db", lambda X, d, w, b: d / len(d), "sum over the rows missing"),
    ("db", lambda X, d, w, b: d[-1] / len(d), "overwritten"),
    ("db", lambda X, d, w, b: (X.T @ d).sum() / len(d), "dw for db"),
]

#: Wrong, and in no catalogue.
ODD: list[tuple[str, Callable[..., Any]]] = [
    ("dw", lambda X, d, w, b: X.T @ d / len(d) + 0.01 * w),
    ("dw", lambda X, d, w, b: np.tanh(X.T @ d / len(d)) + 0.1 * w**3),
    ("dw", lambda X, d, w, b: X.T @ (d * np.arange(len(d))) / len(d)),
    ("db", lambda X, d, w, b: np.mean(d) + 0.1 * np.sin(b)),
    ("db", lambda X, d, w, b: np.mean(d * np.arange(len(d)))),
    ("db", lambda X, d, w, b: d.mean() * np.linalg.norm(w)),
]


def under(loss: str, target: str = "", wrong: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """`propagate` for a loss of LOSSES, with one target computed wrongly."""
    of_z, dz, _ = LOSSES[loss]

    def propagate(w: Any, b: Any, X: Any, y: Any) -> Any:
        z = X @ w + b
        d = dz(z, y)
        grads = {"dw": X.T @ d / len(d), "db": d.mean()}
        if wrong is not None:
            grads[target] = wrong(X, d, w, b)
        return grads, np.mean(of_z(z, y))

    return propagate


def rows_for(loss: str, seed: int, n: int = 3, m: int = 5) -> tuple[Any, ...]:
    """Random data with the labels of a loss."""
    random = np.random.default_rng(seed)
    y = {
        "01": random.integers(0, 2, m), "±1": 2 * random.integers(0, 2, m) - 1, "real": random.normal(size=m),
        "count": random.poisson(2, m),
    }[LOSSES[loss][2]]  # fmt: skip
    return random.normal(size=n), 0.4, random.normal(size=(m, n)), y
