"""The closed forms of logistic regression, and the numbers of a recorded graph beside them.

Room: what one derives on paper, computed without the graph, in decimals long enough to be exact, so that it can
contradict the graph. Below: `example`.
Must hold: nothing here takes a number from an operation of the table, but for the z of `compared`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from minigrad.graph import Graph
from minigrad.logistic.example import Recorded
from minigrad.value import Value

Floats: TypeAlias = npt.NDArray[np.float64]

#: A value or partial of one row of the table of operations is within so many ulp (DESIGN.md).
ULP_PER_OPERATION = 4.0

#: Those that IEEE rounds correctly are within half an ulp.
ROUNDED = {"add", "mul"}

#: Largest |z| that `closed_forms` takes: e^z stays far inside what a Decimal can hold.
LARGEST_Z = 1e6

_EXACT = Context(prec=3000)  # holds a sum of products of doubles to the last digit

#: What the closed forms are, as they are written on paper; dW is x·dZ.
FORMULAS = {
    "z": "w·x + b", "a": "1 / (1 + e^−z)", "L": "−[y·log a + (1−y)·log(1−a)]",
    "dA": "−y/a + (1−y)/(1−a)", "dZ": "a − y", "dB": "dZ",
}  # fmt: skip


def closed_forms(
    x: Sequence[float],
    y: float,
    w: Sequence[float],
    b: float,
    *,
    z: float | None = None,
    names: Sequence[str] | None = None,
) -> dict[str, Decimal]:
    """z, a, L, dA, dZ, dW1, dW2, ... and dB from the formulas of the lecture, without any graph.

    Computed in decimals with 60 digits more than a - y loses where a is near y, unless it is lost to a double
    as well: beyond |z| = 800 it is below the smallest.

    x, w    (n,) features and weights
    y, b    label and bias
    z       take a, L and the gradients at this z instead (the z that a graph has rounded, say)
    names   (n,) of the gradients by the weights; dW1, dW2, ... if None

    Raises ValueError when a number is not finite or |z| is above 1,000,000.

    >>> forms = closed_forms([2.0, -1.0], 1.0, w=[0.5, -0.25], b=0.1)
    >>> list(forms), round(float(forms["dZ"]), 4)
    (['z', 'a', 'L', 'dA', 'dZ', 'dW1', 'dW2', 'dB'], -0.2059)
    """
    numbers = (*x, y, *w, b) if z is None else (*x, y, *w, b, z)
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"closed forms need finite numbers: got {numbers}")
    if names is None:
        names = [f"dW{j + 1}" for j in range(len(w))]
    features = [Decimal(number) for number in x]
    with localcontext(_EXACT):
        products = (Decimal(weight) * feature for weight, feature in zip(w, features, strict=True))
        on_paper = sum(products, Decimal(b))
    at = on_paper if z is None else Decimal(z)
    if abs(at) > LARGEST_Z:
        raise ValueError(
            f"closed forms are computed for |z| up to {LARGEST_Z:,.0f}: here z = {float(at):.6g}"
        )
    digits = 60 + math.ceil(min(abs(float(at)), 800.0) / math.log(10))
    with localcontext(Context(prec=digits)):
        forms = {"z": on_paper, **_behind_z(at, Decimal(y))}
        forms |= {name: feature * forms["dZ"] for name, feature in zip(names, features, strict=True)}
        return {**forms, "dB": forms["dZ"]}


def _behind_z(z: Decimal, y: Decimal) -> dict[str, Decimal]:
    one = Decimal(1)
    a, rest = one / (one + (-z).exp()), one / (one + z.exp())  # rest is 1 - a
    loss = -(y * a.ln() + (one - y) * rest.ln())
    return {"a": a, "L": loss, "dA": -y / a + (one - y) / rest, "dZ": a - y}


@dataclass(frozen=True, slots=True)
class Comparison:
    """A number of the graph beside its closed form.

    name         z, a, L, dA, dZ, dB, or d and the name of a weight: dW1, dW[age]
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


def compared(one: Recorded) -> list[Comparison]:
    """The numbers of an example after `backward`, each beside its closed form, forward ones first.

    one     Example or OneRow

    z is held against the exact sum, and everything behind it against its closed form at the z that was
    recorded: after a cancellation in the sum the last digits of a would say more about z than about a.
    What rounding can explain:

    z                  half an ulp of each product and each sum, 4 ulp of a dot node
    a, L, dA, dZ, dB   4 ulp, the promise for one operation (bce after sigmoid is computed as one)
    dW                 the 4 ulp of dZ times the feature, and one ulp for the product

    Raises ValueError as `closed_forms`, and when z has more terms than the weights and b.

    >>> from minigrad.logistic import example
    >>> one = example()
    >>> one.loss.backward()
    >>> [row.name for row in compared(one) if not row.agrees]
    []
    """
    x, w, b, y, z = one.features, one.weights, one.b, one.y, one.z
    below = Graph(z)
    if len(below.inputs) != len(x) + len(w) + 1:
        raise ValueError("the closed forms are those of w·x + b: this z has more terms")
    names = [f"dW{node.label.removeprefix('w')}" for node in w]
    exact = closed_forms(
        [node.data for node in x], y.data, [node.data for node in w], b.data, z=z.data, names=names
    )
    engine = {
        "z": z.data, "a": one.a.data, "L": one.loss.data, "dA": one.a.grad, "dZ": z.grad,
        **{name: node.grad for name, node in zip(names, w, strict=True)}, "dB": b.grad,
    }  # fmt: skip
    formulas = {
        **FORMULAS,
        "z": _as_written(w, x, b),
        **{name: f"{node.label}·dZ" for name, node in zip(names, x, strict=True)},
    }
    with localcontext(_EXACT):
        allowed = {name: _allowed(exact[name], ULP_PER_OPERATION) for name in engine}
        allowed["z"] = sum(map(_rounding, below), Decimal(0))
        for name, feature in zip(names, x, strict=True):
            allowed[name] = allowed["dZ"] * Decimal(abs(feature.data)) + _allowed(exact[name], 1.0)
    return [
        Comparison(
            name, formulas[name], number, float(exact[name]), distance(number, exact[name]), allowed[name]
        )
        for name, number in engine.items()
    ]


def _as_written(weights: Sequence[Value], features: Sequence[Value], b: Value) -> str:
    """w1·x1 + w2·x2 + b; of more than three features w·x + b."""
    if len(weights) > 3:
        return FORMULAS["z"]
    terms = [f"{w.label}·{x.label}" for w, x in zip(weights, features, strict=True)]
    return " + ".join([*terms, b.label])


def _rounding(node: Value) -> Decimal:
    """The distance from its operands' exact result that one node may have; a leaf has none."""
    if node.is_leaf:
        return Decimal(0)
    return Decimal(0.5 if node.op in ROUNDED else ULP_PER_OPERATION) * _unit(node.data)


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


# -- m examples -------------------------------------------------------------------------------------------


def mean_gradient_on_paper(
    columns: Iterable[npt.ArrayLike], labels: npt.ArrayLike, parameters: npt.ArrayLike
) -> tuple[Floats, Floats]:
    """dW and dB averaged over m examples by the closed form, X'(a - y) / m, without any graph.

    columns     n columns of m numbers each; of an (m, n) array `rows` they are rows.T
    labels      (m,)
    parameters  (n + 1,), the weights and then b
    return      the gradient (n + 1,), and for each of its numbers the distance from it (n + 1,) that rounding
                can explain in a second way of computing it

    The allowance for column j, with u = 2^-53 and dz = a - y: u * (m + 8) * mean|x_j * dz| for adding up m
    rows, 8u * mean|x_j| for a - y, and u * (n + 2) * mean(|x_j| * a(1 - a) * sum|w * x|) for z; twice that,
    for both ways round. Source: Higham, Accuracy and Stability of Numerical Algorithms (2002), 3.1.
    """
    y = np.asarray(labels, dtype=np.float64)
    w = np.asarray(parameters, dtype=np.float64)
    m, k = len(y), len(w)
    x = [*columns, np.ones(m)]
    z, size = np.zeros(m), np.zeros(m)
    for weight, column in zip(w, x, strict=True):
        term = weight * np.asarray(column, dtype=np.float64)
        z += term
        size += np.abs(term)
    with np.errstate(over="ignore"):  # e^-z of a large -z is inf, and a is 0
        a = 1.0 / (1.0 + np.exp(-z))
    dz = a - y
    rounding = (m + 8) * np.abs(dz) + 8.0 + (k + 1) * a * (1.0 - a) * size
    gradient = np.array([_numbers(column) @ dz for column in x]) / m
    allowed = np.array([np.abs(_numbers(column)) @ rounding for column in x]) / m
    return gradient, 2.0**-52 * allowed


def _numbers(column: npt.ArrayLike) -> Floats:
    return np.asarray(column, dtype=np.float64)
