"""Logistic regression: the graph of one example, its closed forms, and its fit over m rows.

    forward    z = w1*x1 + w2*x2 + b      a = sigmoid(z)      L = -(y*log(a) + (1 - y)*log(1 - a))
    backward   dA = -y/a + (1 - y)/(1 - a)     dZ = a - y     dW1 = x1*dZ     dW2 = x2*dZ     dB = dZ
    update     w1 := w1 - alpha*dW1            w2 := w2 - alpha*dW2           b := b - alpha*dB

log is the natural logarithm, so L is in nats; dZ is short for dL/dz, dA for dL/da, and so on.

Room: the model, and nothing of how it is shown. Below: the recorded graph (`value`, `functions`, `graph`);
beside it `descent` and `tables`.
Must hold: the closed forms are computed without the graph, in decimals long enough to be exact, so that
they can contradict it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from minigrad.descent import Progress, descend
from minigrad.functions import ShapeError, bce, dot, sigmoid
from minigrad.graph import Graph
from minigrad.tables import checked_labels, checked_rows
from minigrad.value import Value

Floats: TypeAlias = npt.NDArray[np.float64]

#: A value or partial of one row of the table of operations is within so many ulp (DESIGN.md).
ULP_PER_OPERATION = 4.0

#: Largest |z| that `closed_forms` takes: e^z stays far inside what a Decimal can hold.
LARGEST_Z = 1e6

_EXACT = Context(prec=3000)  # holds a sum of products of doubles to the last digit


# -- one example, two features ----------------------------------------------------------------------------


class Example(NamedTuple):
    """The nodes of one example with two features, in the lecture's names (the label of `loss` is L)."""

    x1: Value
    x2: Value
    w1: Value
    w2: Value
    b: Value
    y: Value
    z: Value
    a: Value
    loss: Value

    @property
    def graph(self) -> Graph:
        """The recorded graph, x -> z -> a -> L."""
        return Graph(self.loss)


def example(
    x1: float = 2.0, x2: float = -1.0, y: float = 1.0, *, w1: float = 0.5, w2: float = -0.25, b: float = 0.1
) -> Example:
    """Record the graph of one example; call `.loss.backward()` for its gradients.

    x1, x2     features, finite, each in its own unit
    y          label, in [0, 1]
    w1, w2, b  parameters, in log-odds per unit of the feature, and log-odds

    >>> one = example(y=1.0)
    >>> one.loss.backward()
    >>> round(one.z.data, 12), round(one.a.data, 4), round(one.z.grad, 4)
    (1.35, 0.7941, -0.2059)
    """
    if not 0.0 <= y <= 1.0:
        raise ValueError(f"y is a label between 0 and 1: got {y!r}")
    features = Value(x1, label="x1"), Value(x2, label="x2")
    weights = Value(w1, label="w1"), Value(w2, label="w2")
    bias, label = Value(b, label="b"), Value(y, label="y")
    z = (weights[0] * features[0] + weights[1] * features[1] + bias).named("z")
    a = sigmoid(z).named("a")
    return Example(*features, *weights, bias, label, z, a, bce(a, label).named("L"))


def updated(one: Example, alpha: float) -> dict[str, float]:
    """One step of gradient descent: the new w1, w2 and b, from the gradients that `backward` left.

    >>> one = example()
    >>> one.loss.backward()
    >>> new = updated(one, 0.5)
    >>> new["w1"] == 0.5 - 0.5 * one.w1.grad
    True
    """
    return {node.label: node.data - alpha * node.grad for node in (one.w1, one.w2, one.b)}


# -- on paper ---------------------------------------------------------------------------------------------

#: What the closed forms are, as they are written on paper.
FORMULAS = {
    "z": "w1·x1 + w2·x2 + b", "a": "1 / (1 + e^−z)", "L": "−[y·log a + (1−y)·log(1−a)]",
    "dA": "−y/a + (1−y)/(1−a)", "dZ": "a − y", "dW1": "x1·dZ", "dW2": "x2·dZ", "dB": "dZ",
}  # fmt: skip


def closed_forms(
    x1: float, x2: float, y: float, w1: float, w2: float, b: float, *, z: float | None = None
) -> dict[str, Decimal]:
    """z, a, L, dA, dZ, dW1, dW2 and dB from the formulas at the top of this file, without any graph.

    Computed in decimals with 60 digits more than a - y loses where a is near y, unless it is lost to a double
    as well: beyond |z| = 800 it is below the smallest.

    z       take a, L and the gradients at this z instead (the z that a graph has rounded, say)

    Raises ValueError when a number is not finite or |z| is above 1,000,000.

    >>> forms = closed_forms(2.0, -1.0, 1.0, w1=0.5, w2=-0.25, b=0.1)
    >>> round(float(forms["dZ"]), 4)
    -0.2059
    """
    numbers = (x1, x2, y, w1, w2, b) if z is None else (x1, x2, y, w1, w2, b, z)
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"closed forms need finite numbers: got {numbers}")
    given = {"x1": x1, "x2": x2, "y": y, "w1": w1, "w2": w2, "b": b}
    u = {name: Decimal(number) for name, number in given.items()}
    with localcontext(_EXACT):
        on_paper = u["w1"] * u["x1"] + u["w2"] * u["x2"] + u["b"]
    at = on_paper if z is None else Decimal(z)
    if abs(at) > LARGEST_Z:
        raise ValueError(
            f"closed forms are computed for |z| up to {LARGEST_Z:,.0f}: here z = {float(at):.6g}"
        )
    digits = 60 + math.ceil(min(abs(float(at)), 800.0) / math.log(10))
    with localcontext(Context(prec=digits)):
        return {"z": on_paper, **_behind_z(at, u["y"], u["x1"], u["x2"])}


def _behind_z(z: Decimal, y: Decimal, x1: Decimal, x2: Decimal) -> dict[str, Decimal]:
    one = Decimal(1)
    a, rest = one / (one + (-z).exp()), one / (one + z.exp())  # rest is 1 - a
    dz = a - y
    return {
        "a": a,
        "L": -(y * a.ln() + (one - y) * rest.ln()),
        "dA": -y / a + (one - y) / rest,
        "dZ": dz,
        "dW1": x1 * dz,
        "dW2": x2 * dz,
        "dB": dz,
    }


@dataclass(frozen=True, slots=True)
class Comparison:
    """A number of the graph beside its closed form.

    name         z, a, L, dA, dZ, dW1, dW2 or dB
    formula      the closed form as one writes it
    engine       what the graph says
    closed_form  the double nearest to the exact closed form, infinite beyond the largest double
    distance     |engine - exact closed form|; infinite for a nan, and beside an infinity that is not the same
    allowed      the distance that rounding can explain (see `compared`); always finite
    """

    name: str
    formula: str
    engine: float
    closed_form: float
    distance: Decimal
    allowed: Decimal

    @property
    def ulp(self) -> float:
        """`distance` in units of the last place of `closed_form`."""
        return float(_EXACT.divide(self.distance, _unit(self.closed_form)))

    @property
    def limit(self) -> float:
        """`allowed` in units of the last place of `closed_form`."""
        return float(_EXACT.divide(self.allowed, _unit(self.closed_form)))

    @property
    def agrees(self) -> bool:
        """Whether rounding explains the distance."""
        return self.distance <= self.allowed


def compared(one: Example) -> list[Comparison]:
    """The numbers of an example after `backward`, each beside its closed form, forward ones first.

    z is held against the exact sum, and everything behind it against its closed form at the z that was
    recorded: after a cancellation in the sum the last digits of a would say more about z than about a.
    What rounding can explain:

    z                  half an ulp of each of the two products and two sums
    a, L, dA, dZ, dB   4 ulp, the promise for one operation (bce after sigmoid is computed as one)
    dW1, dW2           the 4 ulp of dZ times the feature, and one ulp for the product

    Raises ValueError as `closed_forms`.

    >>> one = example()
    >>> one.loss.backward()
    >>> [row.name for row in compared(one) if not row.agrees]
    []
    """
    x1, x2, w1, w2, b, y, z = (node.data for node in one[:7])
    exact = closed_forms(x1, x2, y, w1, w2, b, z=z)
    engine = {
        "z": z, "a": one.a.data, "L": one.loss.data, "dA": one.a.grad, "dZ": one.z.grad,
        "dW1": one.w1.grad, "dW2": one.w2.grad, "dB": one.b.grad,
    }  # fmt: skip
    terms = w1 * x1, w2 * x2, w1 * x1 + w2 * x2, z
    with localcontext(_EXACT):
        allowed = {name: _allowed(exact[name], ULP_PER_OPERATION) for name in engine}
        allowed["z"] = sum((Decimal(math.ulp(term)) for term in terms), Decimal(0)) / 2
        for name, feature in (("dW1", x1), ("dW2", x2)):
            allowed[name] = allowed["dZ"] * Decimal(abs(feature)) + _allowed(exact[name], 1.0)
    return [
        Comparison(
            name, FORMULAS[name], number, float(exact[name]), distance(number, exact[name]), allowed[name]
        )
        for name, number in engine.items()
    ]


def _unit(number: float) -> Decimal:
    """One unit in the last place; of an infinity, beside which nothing is near, 1."""
    return Decimal(math.ulp(number)) if math.isfinite(number) else Decimal(1)


def _allowed(exact: Decimal, ulp: float) -> Decimal:
    """So many ulp of a closed form; none where it is beyond the largest double."""
    nearest = float(exact)
    return Decimal(ulp) * _unit(nearest) if math.isfinite(nearest) else Decimal(0)


def distance(number: float, exact: Decimal) -> Decimal:
    """|number - exact|, where an exact number beyond the largest double is only met by its infinity.

    >>> distance(0.1, Decimal("0.1")) < Decimal("1e-17")
    True
    >>> distance(float("inf"), Decimal("1e400")), distance(1e308, Decimal("1e400"))
    (Decimal('0'), Decimal('Infinity'))
    """
    nearest = float(exact)
    if math.isinf(nearest):
        return Decimal(0) if number == nearest else Decimal("Infinity")
    if not math.isfinite(number):
        return Decimal("Infinity")
    with localcontext(_EXACT):
        return abs(Decimal(number) - exact)


# -- m examples, n features -------------------------------------------------------------------------------


class OneRow:
    """The graph of one example with n features, to be run over m rows: one dot node, then b, sigmoid, bce.

    names    labels of the n features (the weights are called w[name]), or their number n

    >>> one = OneRow(2)
    >>> len(one.graph), one.graph.counts()["dot"]
    (10, 1)
    """

    def __init__(self, names: int | Sequence[str]) -> None:
        if isinstance(names, int):
            names = [f"x{j + 1}" for j in range(names)]
        if not names:
            raise ShapeError("an example needs at least one feature")
        self.features = [Value(0.0, label=name) for name in names]
        self.weights = [Value(0.0, label=f"w[{name}]") for name in names]
        self.b, self.y = Value(0.0, label="b"), Value(0.0, label="y")
        self.z = (dot(self.weights, self.features) + self.b).named("z")
        self.a = sigmoid(self.z).named("a")
        self.loss = bce(self.a, self.y).named("L")
        self.graph = Graph(self.loss)

    def mean_loss(
        self, rows: npt.ArrayLike, labels: npt.ArrayLike
    ) -> Callable[[Floats], tuple[float, Floats]]:
        """The function of the parameters that runs the graph over every row and averages.

        rows     (m, n) finite numbers
        labels   (m,), each 0 or 1
        return   function of parameters (n + 1,), the weights and then b, that returns the mean loss in nats
                 per example and its gradient (n + 1,)

        Raises ShapeError and DataError as `tables.checked_rows` and `tables.checked_labels`.
        """
        table = checked_rows(rows)
        m, n = table.shape
        if n != len(self.features):
            raise ShapeError(f"the graph has {len(self.features)} features, the rows have {n} columns")
        data = list(zip(table.tolist(), checked_labels(labels, m).tolist(), strict=True))

        def loss_and_gradient(parameters: Floats) -> tuple[float, Floats]:
            return self._run(data, parameters)

        return loss_and_gradient

    def _run(self, data: list[tuple[list[float], float]], parameters: Floats) -> tuple[float, Floats]:
        """Forward and backward on every row; the gradients of w and b add up by themselves."""
        graph, y, features, learned = self.graph, self.y, self.features, [*self.weights, self.b]
        for node, number in zip(learned, parameters.tolist(), strict=True):
            node.data = number
            node.grad = 0.0
        total = 0.0
        for row, label in data:
            for node, number in zip(features, row, strict=True):
                node.data = number
            y.data = label
            graph.forward()
            graph.backward()
            total += self.loss.data
        m = len(data)
        return total / m, np.array([node.grad for node in learned]) / m


def mean_gradient_on_paper(
    rows: npt.ArrayLike, labels: npt.ArrayLike, parameters: npt.ArrayLike
) -> tuple[Floats, Floats]:
    """dW and dB averaged over m examples by the closed form, X'(a - y) / m, without any graph.

    rows        (m, n)
    labels      (m,)
    parameters  (n + 1,), the weights and then b
    return      the gradient (n + 1,), and for each of its numbers the distance from it (n + 1,) that rounding
                can explain in a second way of computing it

    The allowance for column j, with u = 2^-53 and dz = a - y: u * (m + 8) * mean|x_j * dz| for adding up m
    rows, 8u * mean|x_j| for a - y, and u * (n + 2) * mean(|x_j| * a(1 - a) * sum|w * x|) for z; twice that,
    for both ways round. Source: Higham, Accuracy and Stability of Numerical Algorithms (2002), 3.1.
    """
    x = np.column_stack([np.asarray(rows, dtype=np.float64), np.ones(len(np.asarray(labels)))])
    w = np.asarray(parameters, dtype=np.float64)
    m, k = x.shape
    with np.errstate(over="ignore"):  # e^-z of a large -z is inf, and a is 0
        a = 1.0 / (1.0 + np.exp(-(x @ w)))
    dz = a - np.asarray(labels)
    size = np.abs(x)
    rounding_of_z = (k + 1) * a * (1.0 - a) * (size @ np.abs(w))
    allowed = 2.0**-52 * ((m + 8) * np.abs(dz) + 8.0 + rounding_of_z) @ size / m
    return dz @ x / m, allowed


class Fit(NamedTuple):
    """A fitted model.

    weights  (n,) in log-odds per unit of column
    b        in log-odds
    losses   epochs + 1 numbers, in nats per example
    """

    weights: Floats
    b: float
    losses: tuple[float, ...]

    def probabilities(self, rows: npt.ArrayLike) -> Floats:
        """The probability of label 1 for each of (k, n) rows: (k,) numbers in [0, 1]."""
        table = checked_rows(rows)
        if table.shape[1] != len(self.weights):
            raise ShapeError(
                f"the model has {len(self.weights)} features, the rows have {table.shape[1]} columns"
            )
        return sigmoid(table @ self.weights + self.b)

    def accuracy(self, rows: npt.ArrayLike, labels: npt.ArrayLike) -> float:
        """The share of rows whose likelier label (1 from a probability of 1/2 on) is the given one."""
        likelier = self.probabilities(rows) >= 0.5
        return float(np.mean(likelier == (checked_labels(labels, len(likelier)) == 1.0)))


def fit(
    rows: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    alpha: float = 0.5,
    epochs: int = 100,
    seed: int = 0,
    progress: Progress | None = None,
) -> Fit:
    """Fit logistic regression by full-batch gradient descent.

    The graph of one example is recorded once and run over the m rows; the gradients are averaged.

    rows      (m, n) finite numbers, best standardised; m, n >= 1
    labels    (m,), each 0 or 1
    alpha     learning rate, > 0
    epochs    passes over the rows, each ending in an update; 0 returns the start
    seed      of numpy.random.default_rng, for the start: weights drawn from N(0, 0.01²), b = 0
    progress  called with (epoch, loss)
    return    Fit

    Raises ShapeError when rows and labels do not fit together, DataError when a label is not 0 or 1 or a row
    holds a nan, DivergedError when the loss leaves the finite numbers, ValueError for alpha and epochs.
    Source: Bishop, Pattern Recognition and Machine Learning (2006), 4.3.2, its sums divided by m.

    >>> rows, labels = [[-1.0], [0.0], [1.0]], [0, 0, 1]
    >>> result = fit(rows, labels, alpha=1.0, epochs=50)
    >>> result.accuracy(rows, labels), result.losses[-1] < result.losses[0]
    (1.0, True)
    """
    table = checked_rows(rows)
    n = table.shape[1]
    start = np.append(np.random.default_rng(seed).normal(0.0, 0.01, n), 0.0)
    descent = descend(
        OneRow(n).mean_loss(table, labels), start, alpha=alpha, epochs=epochs, progress=progress
    )
    return Fit(descent.parameters[:-1], float(descent.parameters[-1]), descent.losses)
