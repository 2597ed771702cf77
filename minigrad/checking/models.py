"""What a function over m rows is held against: the loss of one row, and its gradient.

Room: rows -> losses and gradients of each row: for models by name (a loss of z = w·x + b and y), for a graph of one
row, for a scalar function of one row. Below: `shapes`; `program` and `formula` when a graph is given. Above:
`function`, `array_slips`.
Must hold: losses and gradients of named models survive saturation; nothing is clamped.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from minigrad.checking.shapes import Rows
from minigrad.rules import RULES
from minigrad.value import Value

Floats: TypeAlias = npt.NDArray[np.float64]
Elementwise: TypeAlias = Callable[[Floats, Floats], Floats]


class ModelError(ValueError):
    """A model does not fit the data, or there is none of that name; the message says what to give."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Loss and gradient of each row, before any mean.

    loss   (m,)
    dw     (m, n), the gradient of each row by w
    db     (m,)
    dz     (m,), where the loss depends on w and b through z = w·x + b only, so that dw = x·dz; else None
    """

    rows: Rows
    loss: Floats
    dw: Floats
    db: Floats
    dz: Floats | None = None

    @classmethod
    def of(cls, rows: Rows, loss: Floats, dz: Floats) -> Terms:
        """Of a loss of z = w·x + b."""
        with np.errstate(all="ignore"):
            return cls(rows, loss, rows.x * dz[:, None], dz, dz)

    def scaled(self, factor: float) -> Terms:
        """Loss and gradients times a number."""
        dz = None if self.dz is None else factor * self.dz
        return replace(self, loss=factor * self.loss, dw=factor * self.dw, db=factor * self.db, dz=dz)


@dataclass(frozen=True, slots=True)
class Named:
    """A model by name.

    loss, dz   elementwise over z and y
    labels     which labels it takes: "01", "±1", "count", "real"
    text       the loss of one row
    steps      the same as steps of a formula, for its graph
    """

    name: str
    loss: Elementwise
    dz: Elementwise
    labels: str
    text: str
    steps: str

    def __call__(self, rows: Rows) -> Terms:
        """Losses and gradients of all rows."""
        with np.errstate(all="ignore"):
            z = rows.x @ rows.w + rows.b
            return Terms.of(rows, self.loss(z, rows.y), self.dz(z, rows.y))


def softplus(z: Floats) -> Floats:
    """log(1 + exp(z)) without overflow."""
    return np.maximum(z, 0.0) + np.log1p(np.exp(-np.abs(z)))


def sigmoid(z: Floats) -> Floats:
    """1/(1 + exp(-z)) without overflow, right to a few ulp at both ends."""
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, small) / (1.0 + small)


def _bce(z: Floats, y: Floats) -> Floats:
    return y * softplus(-z) + (1 - y) * softplus(z)


def _dbce(z: Floats, y: Floats) -> Floats:
    return (1 - y) * sigmoid(z) - y * sigmoid(-z)  # a - y, without cancellation where y is 0 or 1


def _huber(z: Floats, y: Floats) -> Floats:
    r = np.abs(z - y)
    return np.where(r <= 1.0, 0.5 * r * r, r - 0.5)


#: The models that have a name; the first that gives the cost is taken.
MODELS = {model.name: model for model in (
    Named("logistic", _bce, _dbce, "01", "-(y*log(a) + (1 - y)*log(1 - a)), a = sigmoid(z)",
          "a = sigmoid(z); L = bce(a, y)"),
    Named("logistic ±1", lambda z, y: softplus(-y * z), lambda z, y: -y * sigmoid(-y * z), "±1", "log(1 + exp(-y*z))",
          "L = softplus(-y*z)"),
    Named("linear", lambda z, y: 0.5 * (z - y) ** 2, lambda z, y: z - y, "real", "(z - y)**2/2",
          "L = (z - y)**2/2"),
    Named("squares", lambda z, y: (z - y) ** 2, lambda z, y: 2 * (z - y), "real", "(z - y)**2",
          "L = (z - y)**2"),
    Named("poisson", lambda z, y: np.exp(z) - y * z, lambda z, y: np.exp(z) - y, "count", "exp(z) - y*z",
          "L = exp(z) - y*z"),
    Named("hinge", lambda z, y: np.maximum(0.0, 1 - y * z), lambda z, y: np.where(y * z < 1, -y, 0.0), "±1",
          "max(0, 1 - y*z)",
          "L = relu(1 - y*z)"),
    Named("squared hinge", lambda z, y: np.maximum(0.0, 1 - y * z) ** 2,
          lambda z, y: -2 * y * np.maximum(0.0, 1 - y * z), "±1", "max(0, 1 - y*z)**2",
          "L = relu(1 - y*z)**2"),
    Named("huber", _huber, lambda z, y: np.clip(z - y, -1.0, 1.0), "real", "huber(z - y), threshold 1",
          "r = abs(z - y); L = where(r <= 1, r**2/2, r - 0.5)"),
    Named("absolute", lambda z, y: np.abs(z - y), lambda z, y: np.sign(z - y), "real", "abs(z - y)",
          "L = abs(z - y)"),
    Named("probability squares", lambda z, y: (sigmoid(z) - y) ** 2,
          lambda z, y: 2 * (sigmoid(z) - y) * sigmoid(z) * sigmoid(-z), "01", "(a - y)**2, a = sigmoid(z)",
          "a = sigmoid(z); L = (a - y)**2"),
    Named("half probability squares", lambda z, y: 0.5 * (sigmoid(z) - y) ** 2,
          lambda z, y: (sigmoid(z) - y) * sigmoid(z) * sigmoid(-z), "01", "(a - y)**2/2, a = sigmoid(z)",
          "a = sigmoid(z); L = (a - y)**2/2"),
)}  # fmt: skip

#: A name that a user gives -> the models it may mean.
FAMILIES = {name: (name,) for name in MODELS} | {
    "logistic": ("logistic", "logistic ±1"), "linear": ("linear", "squares"),
    "softplus": ("logistic ±1",), "mse": ("squares", "linear"), "squared": ("squares", "linear"),
}  # fmt: skip

#: What stands for the loss of one row, whatever its kind.
Model: TypeAlias = Callable[[Rows], Terms]


# -- a graph of one row -----------------------------------------------------------------------------------


#: How far the loss of a user's own formula may be off, as a share of its size: nobody knows how its parts cancel.
PRECISION = 1e-10


class GraphModel:
    """The recorded graph of one row: inputs w1 … wn, b, x1 … xn, y by their labels; other inputs stay as they are."""

    precision = PRECISION

    def __init__(self, loss: Value, n: int) -> None:
        from minigrad.graph import Graph

        self.loss = loss
        labels: dict[str, Value] = {}
        for node in Graph(loss).inputs:
            labels.setdefault(node.label.replace("_", ""), node)
        start = 0 if "w0" in labels or "x0" in labels else 1
        self.w = [_input(labels, "w", j + start, n) for j in range(n)]
        self.x = [_input(labels, "x", j + start, n) for j in range(n)]
        self.b, self.y = labels.get("b"), labels.get("y")
        if not any(self.w):
            found = ", ".join(sorted(labels)) or "no labels"
            raise ModelError(
                f"the graph of one row needs inputs labelled w1 … w{n}, x1 … x{n} (w, x for one feature), b "
                f"and y; it has {found}"
            )
        self._program: Any = None

    def __call__(self, rows: Rows) -> Terms:
        """Losses and gradients of all rows."""
        from minigrad.program import compile

        columns = [node for node in [*self.x, self.y] if node is not None]
        by = [node for node in [*self.w, self.b] if node is not None]
        if self._program is None:
            self._program = compile(self.loss, rows=columns, wrt=by)
        table = {node.label: rows.x[:, j] for j, node in enumerate(self.x) if node is not None}
        if self.y is not None:
            table[self.y.label] = rows.y
        numbers = {node: float(rows.w[j]) for j, node in enumerate(self.w) if node is not None}
        if self.b is not None:
            numbers[self.b] = float(rows.b)
        before = {node: node.data for node in numbers}
        try:
            for node, number in numbers.items():  # `at` looks through all parameters for each of them
                node.data = number
            loss, gradients = self._program.per_row(table)
        finally:
            for node, number in before.items():
                node.data = number
        whole = dict(zip(by, gradients.T, strict=True))
        zero = np.zeros(rows.m)
        dw = np.stack([zero if node is None else whole[node] for node in self.w], axis=1)
        return _with_dz(rows, loss, dw, zero if self.b is None else whole[self.b])


def _input(labels: Mapping[str, Value], letter: str, j: int, n: int) -> Value | None:
    return labels.get(f"{letter}{j}") or (labels.get(letter) if n == 1 else None)


def _with_dz(rows: Rows, loss: Floats, dw: Floats, db: Floats) -> Terms:
    """Terms; with dz where dw is x times db, as for every loss of z = w·x + b."""
    with np.errstate(all="ignore"):
        product = rows.x * db[:, None]
        plain = bool(np.all(np.abs(product - dw) <= 1e-10 * (np.abs(product) + np.abs(dw))))
    return Terms(rows, loss, dw, db, db if plain else None)


def inputs_of(text: str) -> list[str]:
    """Names in a formula that need a number; none if it cannot be read, for `formula` says what is wrong."""
    from minigrad.formula import ALIASES, CONSTANTS

    try:
        nodes = list(ast.walk(ast.parse(text.replace("−", "-").replace("·", "*").replace("×", "*"))))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    names = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    made = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    called = {
        node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    return sorted(names - made - called - set(RULES) - set(ALIASES) - set(CONSTANTS))


def graph_of_text(text: str) -> Value:
    """The graph of a formula for one row; its inputs get numbers that do not matter."""
    from minigrad.formula import FormulaError, formula

    try:
        return formula(text, **dict.fromkeys(inputs_of(text), 0.5))
    except FormulaError as error:
        raise ModelError(f"the model: {error}") from None


def graph_of_row(model: Model | None, rows: Rows) -> tuple[Value | None, dict[str, Value]]:
    """The graph of the first row, and the node of cost, dw and db; of many features only what follows z."""
    from minigrad.formula import formula

    if isinstance(model, GraphModel):
        nodes = {"cost": model.loss, "dw": next(filter(None, model.w)), "db": model.b}
        return model.loss, {name: node for name, node in nodes.items() if node is not None}
    if not isinstance(model, Named):
        return None, {}
    n, y = rows.n, Value(float(rows.y[0]), label="y")
    if n > DRAWN:
        z = Value(float(rows.x[0] @ rows.w + rows.b), label="z")
        loss = formula(model.steps, z=z, y=y)
        return loss, {"cost": loss, "db": z}
    ends = [""] if n == 1 else [str(j + 1) for j in range(n)]
    w = [Value(float(number), label=f"w{end}") for number, end in zip(rows.w, ends, strict=True)]
    x = [Value(float(number), label=f"x{end}") for number, end in zip(rows.x[0], ends, strict=True)]
    b = Value(float(rows.b), label="b")
    products = " + ".join(f"w{end}*x{end}" for end in ends)
    inputs = {node.label: node for node in (*w, *x, b, y)}
    loss = formula(f"z = {products} + b; {model.steps}", **inputs)
    loss.backward()
    return loss, {"cost": loss, "dw": w[0], "db": b}


#: Most features that are drawn one by one.
DRAWN = 8


# -- a function of one row --------------------------------------------------------------------------------


class RowModel:
    """A scalar function of one row, f(w, b, x, y) -> loss, with w and x vectors (n,), b and y numbers.

    Called with Values it gives its graph, and the gradient is exact. If it cannot take them it is called with
    complex numbers, and else with numbers nearby.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.how = ""
        self.graph: GraphModel | None = None

    @property
    def precision(self) -> float:
        """How far it may be off, as a share of its size."""
        return 1e-8 if self.how == "_near" else PRECISION

    def __call__(self, rows: Rows) -> Terms:
        """Losses and gradients of all rows."""
        if self.how in ("", "_whole"):
            terms = self._whole(rows)
            if terms is not None:
                self.how = "_whole"
                return terms
            self.how = ""
        kinds = (self._recorded, self._complex, self._near)
        for kind in kinds:
            if self.how not in ("", kind.__name__):
                continue
            try:
                parts = [kind(rows, i) for i in range(rows.m)]
            except Exception as error:
                if kind is kinds[-1] or self.how:
                    raise ModelError(
                        f"the function of one row, called as f(w, b, x, y) with w and x of shape ({rows.n},), "
                        f"raises {type(error).__name__}: {error}"
                    ) from None
                continue
            self.how = kind.__name__
            break
        loss = np.array([part[0] for part in parts])
        gradient = np.array([part[1] for part in parts])
        return _with_dz(rows, loss, gradient[:, :-1], gradient[:, -1])

    def _whole(self, rows: Rows) -> Terms | None:
        """Its graph, recorded once and run over all rows; None where other rows have other graphs."""
        try:
            if self.graph is None:
                w, x = (
                    np.array([Value(0.1, label=f"{letter}{j + 1}") for j in range(rows.n)], dtype=object)
                    for letter in "wx"
                )
                with np.errstate(all="ignore"):
                    loss = self.function(w, Value(0.1, label="b"), x, Value(1.0, label="y"))
                self.graph = GraphModel(loss.reshape(-1)[0] if isinstance(loss, np.ndarray) else loss, rows.n)
            terms = self.graph(rows)
            point = np.append(rows.w, rows.b)
            losses = np.array([float(np.real(self._at(rows, i, point))) for i in range(rows.m)])
        except Exception:
            return None
        same = np.abs(losses - terms.loss) <= 1e-9 * (1.0 + np.abs(losses))
        return terms if np.all(same) else None

    def _recorded(self, rows: Rows, i: int) -> tuple[float, list[float]]:
        w = [Value(float(number), label=f"w{j + 1}") for j, number in enumerate(rows.w)]
        b = Value(float(rows.b), label="b")
        with np.errstate(all="ignore"):
            result = self.function(np.array(w, dtype=object), b, rows.x[i], float(rows.y[i]))
        if isinstance(result, np.ndarray) and result.size == 1:
            result = result.reshape(-1)[0]
        if not isinstance(result, Value):
            raise TypeError(f"a number that forgot its graph: {type(result).__name__}")
        result.backward()
        return result.data, [*(node.grad for node in w), b.grad]

    def _at(self, rows: Rows, i: int, point: npt.NDArray[Any]) -> Any:
        with np.errstate(all="ignore"):
            result = np.asarray(self.function(point[:-1], point[-1], rows.x[i], float(rows.y[i])))
        return result.reshape(-1)[0] if result.size == 1 else float("nan")

    def _complex(self, rows: Rows, i: int) -> tuple[float, list[float]]:
        point = np.append(rows.w, rows.b)
        loss = float(self._at(rows, i, point))
        gradient, direction = [], np.cos(np.arange(len(point)) + i)
        for j in range(len(point)):
            step = point.astype(complex)
            step[j] += 1e-30j
            gradient.append(float(np.imag(self._at(rows, i, step))) / 1e-30)
        expected = _slope(partial(self._along, rows, i, point, direction))
        if not abs(np.dot(gradient, direction) - expected) <= 1e-5 * (1.0 + abs(expected)):
            raise TypeError("complex numbers do not pass through it")  # abs, max, float(...)
        return loss, gradient

    def _along(self, rows: Rows, i: int, point: Floats, direction: Floats, t: float) -> float:
        return float(np.real(self._at(rows, i, point + t * direction)))

    def _near(self, rows: Rows, i: int) -> tuple[float, list[float]]:
        point = np.append(rows.w, rows.b)
        gradient = []
        for j in range(len(point)):
            unit = np.zeros(len(point))
            unit[j] = 1.0
            gradient.append(_slope(partial(self._along, rows, i, point, unit)))
        return float(self._at(rows, i, point)), gradient


def _slope(f: Callable[[float], float]) -> float:
    """f'(0) by central differences at two steps, extrapolated (Richardson)."""
    h = 2.0**-9
    wide, narrow = (f(h) - f(-h)) / (2 * h), (f(h / 2) - f(-h / 2)) / h
    return narrow + (narrow - wide) / 3


# -- what a user gives ------------------------------------------------------------------------------------


def models_of(model: Any, n: int) -> tuple[tuple[str, Model], ...]:
    """The models that `model` may mean, likelier first, each with its name.

    model   None for every model by name, a name, a formula as text, the graph of one row, or a function of one row

    Raises ModelError.
    """
    if model is None:
        return tuple(MODELS.items())
    if isinstance(model, str):
        if model in FAMILIES:
            return tuple((name, MODELS[name]) for name in FAMILIES[model])
        if re.fullmatch(r"[\w ±-]*", model):
            raise ModelError(
                f"there is no model {model!r}: take one of {', '.join(sorted(FAMILIES))}, the graph of one row "
                "or a function of one row"
            )
        return ((model, GraphModel(graph_of_text(model), n)),)
    if isinstance(model, Value):
        return ((model.label or "the graph given", GraphModel(model, n)),)
    if callable(model):
        return ((getattr(model, "__name__", "the function given"), RowModel(model)),)
    raise ModelError(
        f"a model is a name, a graph of one row or a function of one row, not {type(model).__name__}"
    )


def takes_rows(function: Callable[..., Any]) -> list[str]:
    """Names of the parameters of a function without a default, [] when Python cannot tell."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in parameters if p.kind in kinds and p.default is inspect.Parameter.empty]
