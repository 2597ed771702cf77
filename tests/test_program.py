"""minigrad.program: the graph of one example over m rows agrees with the recorded engine, row by row."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from seeded import generator

import minigrad
from minigrad import (
    Graph,
    ShapeError,
    Value,
    bce,
    dot,
    exp,
    log,
    logsumexp,
    relu,
    sigmoid,
    softplus,
    tanh,
    where,
)
from minigrad.program import NonFiniteError, Program, ProgramError
from minigrad.program.instructions import PANEL

# -- the witness: one row after the other through the recorded engine, added up exactly -----------------------


def row_by_row(
    output: Value, rows: Sequence[Value], wrt: Sequence[Value], table: np.ndarray[Any, Any]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Losses (m,) and gradients (m, p) of every row by `Graph.forward` and `backward`."""
    graph = Graph(output).copy()
    copies = dict(zip(Graph(output).nodes, graph.nodes, strict=True))
    losses, gradients = [], []
    for row in table.tolist():
        losses.append(graph.forward({copies[x]: number for x, number in zip(rows, row, strict=True)}))
        gradients.append(minigrad.grad(graph.output, [copies[w] for w in wrt]))
    return np.array(losses), np.array(gradients).reshape(len(table), len(wrt))


def added_up(numbers: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.array([math.fsum(column) for column in numbers.reshape(len(numbers), -1).T])


def close(got: Any, expected: Any, magnitude: Any = None, ulp: float = 64.0) -> bool:
    """Within some ulp of the largest number that was added up on the way."""
    expected = np.asarray(expected, dtype=np.float64)
    size = np.abs(expected) if magnitude is None else np.asarray(magnitude)
    return bool(np.all(np.abs(np.asarray(got) - expected) <= ulp * 2.0**-52 * size + 1e-300))


class Model:
    """Logistic regression on n features, as a user writes it."""

    def __init__(self, n: int, *, naive: bool = False, chain: bool = False) -> None:
        self.x = [Value(0.1 * j + 0.5, label=f"x{j + 1}") for j in range(n)]
        self.w = [Value(0.3 - 0.05 * j, label=f"w{j + 1}") for j in range(n)]
        self.b, self.y = Value(0.1, label="b"), Value(1.0, label="y")
        total: Any = dot(self.w, self.x) if not chain else 0.0
        if chain:
            for w, x in zip(self.w, self.x, strict=True):
                total = total + w * x
        self.z = (total + self.b).named("z")
        self.a = (1 / (1 + exp(-self.z)) if naive else sigmoid(self.z)).named("a")
        loss = -(self.y * log(self.a) + (1 - self.y) * log(1 - self.a)) if naive else bce(self.a, self.y)
        self.loss = loss.named("L")
        self.rows = [*self.x, self.y]
        self.wrt = [*self.w, self.b]

    def program(self, **options: Any) -> Program:
        return minigrad.compile(self.loss, rows=self.rows, wrt=self.wrt, **options)


def table_of(m: int, n: int) -> np.ndarray[Any, Any]:
    random = generator(m, n)
    return np.column_stack([random.normal(size=(m, n)), random.integers(0, 2, m)])


# -- loss and gradient ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("chain", [False, True])
@pytest.mark.parametrize(("m", "n"), [(1, 1), (7, 2), (100, 5), (1000, 30), (2 * PANEL + 3, 2)])
def test_mean_loss_and_gradient_are_those_of_the_recorded_engine(m: int, n: int, chain: bool) -> None:
    """However the sum of products is written: z is off by some n ulp of what is added up for it."""
    model = Model(n, chain=chain)
    table = table_of(m, n)
    loss, grads = model.program()(table)
    losses, gradients = row_by_row(model.loss, model.rows, model.wrt, table)
    assert close(loss, added_up(losses)[0] / m, ulp=64 * (n + 1))
    assert close(grads, added_up(gradients) / m, np.abs(gradients).sum(axis=0) / m, ulp=64 * (n + 1))


@pytest.mark.parametrize("naive", [False, True])
def test_the_loss_survives_saturation(naive: bool) -> None:
    """At z = -800, y = 1: L = 800 and dZ = -1, also where the loss is written naively."""
    x, w, y = Value(0.0, label="x"), Value(1.0, label="w"), Value(1.0, label="y")
    z = w * x
    a = 1 / (1 + exp(-z)) if naive else sigmoid(z)
    loss = -(y * log(a) + (1 - y) * log(1 - a)) if naive else bce(a, y)
    program = minigrad.compile(loss, rows=[x, y], wrt=[w])
    assert program(np.array([[-800.0, 1.0]]))[0] == 800.0
    assert program(np.array([[-800.0, 1.0]]))[1].tolist() == [800.0]
    assert program(np.array([[800.0, 0.0]]))[0] == 800.0
    losses, gradients = program.per_row(np.array([[40.0, 1.0], [-40.0, 0.0], [750.0, 1.0], [0.0, 0.5]]))
    tiny = math.exp(-40.0)
    assert close(losses[:2], [tiny, tiny])
    assert close(gradients[:2, 0], [-40.0 * tiny, -40.0 * tiny])
    assert losses[3] == math.log(2.0)
    assert gradients[3, 0] == 0.0


def test_a_naive_loss_is_rewritten_and_says_so() -> None:
    """The rewrites are listed by name, with the expressions before and after."""
    program = Model(2, naive=True).program()
    assert len(program.rewrites) >= 2
    assert "bce_with_logits" in program.rewrites[-1].after
    assert "rewritten" in str(program)
    assert not [step for step in program.instructions.code.body if getattr(step, "op", "") in ("exp", "log")]


@pytest.mark.parametrize("reduce", ["mean", "sum"])
def test_weights_count_rows_several_times(reduce: str) -> None:
    """A row of weight 3 is three rows; the parameter's penalty counts with them."""
    model = Model(2)
    loss = (model.loss + 0.1 * (model.w[0] * model.w[0] + model.w[1] * model.w[1])).named("J")
    table = table_of(50, 2)
    counts = generator(1).integers(0, 4, 50)
    weighted = minigrad.compile(loss, rows=model.rows, wrt=model.wrt, weight="times", reduce=reduce)
    plain = minigrad.compile(loss, rows=model.rows, wrt=model.wrt, reduce=reduce)
    got = weighted(np.column_stack([table, counts]))
    expected = plain(np.repeat(table, counts, axis=0))
    assert close(got[0], expected[0])
    assert close(got[1], expected[1], 1.0 if reduce == "mean" else 100.0)


@pytest.mark.parametrize(("weights", "said"), [
    ([1.0, -1.0, 0.0], "row 1 of column 'times' holds -1.0: a weight is a finite number, 0 or more"),
    ([1.0, 1.0, np.inf], "row 2 of column 'times' holds inf"),
    ([1e308, 1e308, 1e308], "adds up to more than 1.8e308"),
])  # fmt: skip
def test_weights_that_count_no_rows_are_refused(weights: list[float], said: str) -> None:
    """Below 0, infinite, or more together than a double holds; in a table and in a stream."""
    x, w = Value(1.0, label="x"), Value(2.0, label="w")
    program = minigrad.compile(w * x, rows=[x], weight="times")
    table = np.column_stack([np.ones(3), weights])
    with pytest.raises(ValueError, match=re.escape(said)):
        program(table)
    with pytest.raises(ValueError, match=re.escape(said)):
        program(Batches(table, ["x", "times"], []))
    with pytest.raises(NonFiniteError, match="the weights add up to 0"):
        program(np.zeros((2, 2)))


def test_sum_and_mean_differ_by_m() -> None:
    """And a summand that no column touches counts once per row."""
    x, w = Value(1.0, label="x"), Value(2.0, label="w")
    loss = w * x + w * w
    table = np.array([[1.0], [2.0], [6.0]])
    assert minigrad.compile(loss, rows=[x])(table)[0] == 10.0
    total, grads = minigrad.compile(loss, rows=[x], reduce="sum")(table)
    assert (total, grads.tolist()) == (30.0, [21.0])


# -- any graph ------------------------------------------------------------------------------------------------

UNARY: list[Callable[[Any], Any]] = [
    tanh, sigmoid, softplus, relu, abs, lambda v: -v, lambda v: v * v, lambda v: 0.5 * v, lambda v: v - 1.0,
    minigrad.sin, minigrad.cos, minigrad.atan, lambda v: exp(-v * v), lambda v: log(1.0 + v * v), lambda v: v / 3.0,
]  # fmt: skip
BINARY: list[Callable[[Any, Any], Any]] = [
    lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / (1.0 + b * b),
    minigrad.max, minigrad.min, minigrad.hypot, minigrad.logaddexp,
    lambda a, b: where(minigrad.greater(a, b), a * a, b), lambda a, b: logsumexp([a, b, a * b]),
    lambda a, b: dot([a, b], [b, 2.0]),
    lambda a, b: minigrad.mean([a, b, b]), lambda a, b: minigrad.sum([a, b, a]),
]  # fmt: skip


def random_graph(seed: int, size: int) -> tuple[Value, list[Value], list[Value]]:
    """A graph over three columns and three parameters that uses most of them, with shared operands."""
    random = generator(seed)
    columns = [Value(float(random.normal()), label=f"c{j}") for j in range(3)]
    parameters = [Value(float(random.normal()), label=f"p{j}") for j in range(3)]
    nodes: list[Any] = [*columns, *parameters]
    for _ in range(size):
        if random.random() < 0.5:
            made = UNARY[random.integers(len(UNARY))](nodes[random.integers(len(nodes))])
        else:
            first, second = (nodes[i] for i in random.integers(len(nodes), size=2))
            made = BINARY[random.integers(len(BINARY))](first, second)
        nodes.append(tanh(made) if abs(made.data) > 50.0 else made)
    loss = minigrad.sum([nodes[-1], *(0.1 * tanh(node) for node in nodes[:6]), tanh(nodes[-2])])
    return loss, columns, parameters


@pytest.mark.parametrize("seed", range(60))
def test_random_graphs_agree_with_the_recorded_engine(seed: int) -> None:
    """Per row and averaged, in values and in gradients, by parameters and by columns.

    The tolerance is relative to the condition of these graphs: sums of terms up to 50 and a few dozen operations.
    """
    loss, columns, parameters = random_graph(seed, 5 + seed)
    wrt = [*parameters, *columns]
    table = generator(seed, 1).normal(size=(40, 3))
    program = minigrad.compile(loss, rows=columns, wrt=wrt)
    losses, gradients = row_by_row(loss, columns, wrt, table)
    got_losses, got_gradients = program.per_row(table)
    assert np.allclose(got_losses, losses, rtol=1e-9, atol=1e-9)
    assert np.allclose(got_gradients, gradients, rtol=1e-8, atol=1e-8)
    mean, mean_gradient = program(table)
    assert np.isclose(mean, losses.mean(), rtol=1e-9, atol=1e-9)
    assert np.allclose(mean_gradient, gradients.mean(axis=0), rtol=1e-8, atol=1e-8)
    assert all(f" {name} = " in str(program) for name in ("dL/dp0", "dL/dc2"))


def test_a_sum_of_products_without_a_constant_is_listed() -> None:
    w, x = Value(0.5, label="w"), Value(2.0, label="x")
    text = str(minigrad.compile((w * x) ** 2, rows=[x]))
    assert "v1 = mul(w, x)\n  Σ v1·v1\n  v2 = 2·v1\n" in text
    assert "square: (w*x)**2 → w*x*(w*x)" in text


def test_a_rewrite_that_nobody_sees_is_not_listed() -> None:
    """-w*x is read as (-w)*x; what programs make of it, -(w*x), is written alike."""
    w, x = Value(0.5, label="w"), Value(2.0, label="x")
    program = minigrad.compile(exp(-w * x), rows=[x])
    assert all(applied.before != applied.after for applied in program.rewrites)


def test_a_branch_not_taken_sends_nothing() -> None:
    """Not even where the other branch is nan or infinite, in its column, its value or its derivative."""
    x, has, w = Value(1.0, label="x"), Value(1.0, label="has"), Value(2.0, label="w")
    table = np.array([[-1.0, 1.0], [np.nan, 0.0], [1000.0, 1.0], [3.0, 1.0]])
    guarded = where(has, w * x, 0.0)
    loss, grads = minigrad.compile(guarded, rows=[x, has], wrt=[w])(table)
    assert (loss, grads.tolist()) == (2.0 * 1002.0 / 4, [1002.0 / 4])
    safe = where(minigrad.less(x, 700.0), w * exp(minigrad.min(x, 5.0)) * exp(x), w * w)
    loss, grads = minigrad.compile(safe, rows=[x], wrt=[w])(np.array([[1000.0], [0.0]]))
    assert (loss, grads.tolist()) == ((4.0 + 2.0) / 2, [(4.0 + 1.0) / 2])
    positive = where(minigrad.greater(x, 0.0), log(w * x), w * x)
    loss, grads = minigrad.compile(positive, rows=[x], wrt=[w])(np.array([[-1.0], [0.5]]))
    assert (loss, grads.tolist()) == (-1.0, [(-1.0 + 0.5) / 2])


def test_a_derivative_is_compiled_like_any_result() -> None:
    """dL/dw1 over the rows is x1 (a - y), its derivatives a row of the Hessian; far out as well."""
    model = Model(2)
    table = table_of(50, 2)
    table[0, :2] = 300.0, -200.0
    slope = minigrad.compile(
        minigrad.derive(model.loss, model.w[0]), rows=model.rows, wrt=[*model.w, model.b]
    )
    whole = minigrad.compile(model.loss, rows=model.rows, wrt=[*model.w, model.b])
    of_rows, _ = slope.per_row(table)
    mean, gradient = slope(table)
    z = table[:, :2] @ [w.data for w in model.w] + model.b.data
    assert np.allclose(of_rows, table[:, 0] * (1 / (1 + np.exp(-z)) - table[:, 2]), rtol=1e-12)
    assert mean == pytest.approx(whole(table)[1][0], rel=1e-13)
    assert gradient == pytest.approx(whole.hessian(table)[0], rel=1e-12)


def test_several_outputs_give_a_jacobian() -> None:
    """Values (k,) and gradients (k, p)."""
    x, w, v = Value(1.0, label="x"), Value(2.0, label="w"), Value(3.0, label="v")
    values, jacobian = minigrad.compile([w * x, w * v * x * x], rows=[x], wrt=[w, v])(
        np.array([[1.0], [3.0]])
    )
    assert values.tolist() == [4.0, 30.0]
    assert jacobian.tolist() == [[2.0, 0.0], [15.0, 10.0]]


def test_an_inner_node_can_be_differentiated_by() -> None:
    """dL/dz is a - y on every row, though the rewritten loss has no a of its own."""
    model = Model(2)
    table = table_of(20, 2)
    program = minigrad.compile(model.loss, rows=model.rows, wrt=[model.z, model.a])
    _, gradients = program.per_row(table)
    z = table[:, :2] @ [w.data for w in model.w] + model.b.data
    a = 1.0 / (1.0 + np.exp(-z))
    y = table[:, 2]
    assert np.allclose(gradients[:, 0], a - y, rtol=1e-13)
    assert np.allclose(gradients[:, 1], -y / a + (1 - y) / (1 - a), rtol=1e-13)


def test_inner_nodes_that_compute_the_same_are_each_themselves() -> None:
    """p = q = w*x, L = p + 2 q²: by p it is 1, by q it is 4 q; one node that is in no graph is refused."""
    w, x = Value(3.0, label="w"), Value(2.0, label="x")
    p, q = w * x, w * x
    output = p + 2 * q * q
    for wrt, expected in (([p, q], [1.0, 24.0]), ([q], [24.0]), ([p, w], [1.0, 50.0])):
        assert minigrad.compile(output, rows=[x], wrt=wrt)({"x": [2.0]})[1].tolist() == expected
    with pytest.raises(ProgramError, match="number 0 has no part in this graph"):
        minigrad.compile(output, rows=[x], wrt=[w * x])


def test_parameters_are_read_at_each_call() -> None:
    """From the leaves of the graph, or from `at`, which changes nothing there."""
    x, w = Value(1.0, label="x"), Value(2.0, label="w")
    program = minigrad.compile(w * x, rows=[x])
    table = np.array([[1.0], [2.0]])
    assert program(table)[0] == 3.0
    assert program(table, at={"w": 10.0})[0] == program(table, at={w: 10.0})[0] == 15.0
    w.data = 4.0
    assert program(table)[0] == 6.0
    with pytest.raises(ProgramError, match=r"'v' is no parameter of this program; it has w"):
        program(table, at={"v": 1.0})
    with pytest.raises(ProgramError, match="'x' is a column, its numbers come from the table"):
        program(table, at={"x": 1.0})
    with pytest.raises(TypeError, match="numbers by node or label"):
        program(table, at=[1.0])  # type: ignore[arg-type]
    same = minigrad.compile(w * x + Value(1.0, label="w"), rows=[x])
    with pytest.raises(ProgramError, match="2 parameters are called 'w': pass the Value itself"):
        same(table, at={"w": 1.0})
    assert same(table, at={w: 2.0})[0] == 4.0


# -- second derivatives ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("naive", [False, True])
def test_hessian_of_logistic_regression_is_xsx(naive: bool) -> None:
    """X'ᵀ S X' / m with S = a(1 - a), and its product with a vector."""
    model = Model(4, naive=naive)
    table = table_of(500, 4)
    program = model.program()
    x = np.column_stack([table[:, :4], np.ones(500)])
    z = x @ [w.data for w in model.wrt]
    s = 1.0 / (2.0 + np.exp(z) + np.exp(-z))
    expected = (x * s[:, None]).T @ x / 500
    hessian = program.hessian(table)
    assert np.allclose(hessian, expected, rtol=1e-12)
    assert (hessian == hessian.T).all()
    v = generator(2).normal(size=5)
    assert np.allclose(program.hessian_product(table, v), expected @ v, rtol=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_hessians_of_random_graphs_are_differences_of_gradients(seed: int) -> None:
    """Central differences of the program's own gradient, which another test holds against the engine."""
    loss, columns, parameters = random_graph(seed + 3, 12)
    table = generator(seed, 2).normal(size=(5, 3))
    program = minigrad.compile(loss, rows=columns, wrt=parameters)
    h = 1e-5
    rows = []
    for w in parameters:
        up, down = (program(table, at={w: w.data + d})[1] for d in (h, -h))
        rows.append((up - down) / (2 * h))
    assert np.allclose(program.hessian(table), rows, rtol=1e-4, atol=1e-4)


# -- tables ---------------------------------------------------------------------------------------------------


def test_every_kind_of_table_gives_the_same() -> None:
    """Arrays of either order and any stride, dicts in any order, float32, integers and bools."""
    model = Model(3)
    program = model.program()
    table = np.round(table_of(300, 3) * 8) / 8  # exact in float32
    expected = program(np.asfortranarray(table))
    names = ["x1", "x2", "x3", "y"]
    columns = {name: table[:, j].copy() for j, name in enumerate(names)}
    small = {**columns, "y": columns["y"].astype(np.int8), "x2": columns["x2"].astype(np.float32)}
    kinds = [
        table, np.asfortranarray(table), table.astype(np.float32), np.repeat(table, 2, axis=0)[::2],
        table.astype(">f8"), table.astype(np.longdouble),
        columns, dict(reversed(columns.items())), small, {**columns, "y": columns["y"] == 1.0, "unused": ["a"] * 300},
    ]  # fmt: skip
    for kind in kinds:
        loss, grads = program(kind)
        assert close(loss, expected[0])
        assert close(grads, expected[1], 1.0)


@pytest.mark.parametrize("order", ["C", "F"])
def test_threads_change_no_bit(order: Any) -> None:
    """Of loss or gradient, for rows stored together and columns stored apart."""
    model = Model(3)
    table = np.array(table_of(7 * PANEL + 11, 3), order=order)
    program = model.program()
    loss, grads = program(table)
    for threads in (2, 3, 8):
        again, grads_again = program(table, threads=threads)
        assert again == loss
        assert grads_again.tobytes() == grads.tobytes()


class Batches:
    """A stream in memory: a table cut at the given rows."""

    def __init__(self, table: np.ndarray[Any, Any], names: Sequence[str], cuts: Sequence[int]) -> None:
        self.names, self.rows = tuple(names), len(table)
        self._columns = {
            name: np.ascontiguousarray(column) for name, column in zip(names, table.T, strict=True)
        }
        self._edges = [0, *cuts, len(table)]

    def batches(self, names: Sequence[str]) -> Any:
        for start, end in zip(self._edges, self._edges[1:], strict=False):
            yield [self._columns[name][start:end] for name in names]


@pytest.mark.parametrize("cuts", [[], [1], [PANEL], [10, 20, PANEL + 5, 3 * PANEL], [0, 0, 2 * PANEL - 1]])
def test_a_stream_gives_the_bits_of_the_table(cuts: list[int]) -> None:
    """However it is cut into batches."""
    model = Model(2)
    table = table_of(3 * PANEL + 100, 2)
    columns = dict(zip(["x1", "x2", "y"], np.ascontiguousarray(table.T), strict=True))
    loss, grads = model.program()(columns)
    streamed = model.program()(Batches(table, ["x1", "x2", "y"], cuts), threads=2)
    assert streamed[0] == loss
    assert streamed[1].tobytes() == grads.tobytes()


# -- bad input ------------------------------------------------------------------------------------------------


def test_rows_with_nan_are_named() -> None:
    """And what is nan in them; three rows at most, the others are counted."""
    program = Model(2).program()
    table = table_of(100, 2)
    table[17, 1] = np.nan
    with pytest.raises(NonFiniteError, match=r"1 of 100 rows gives nan.*\n  row 17: x2 = nan"):
        program(table)
    table[[3, 40, 50, 60], 0] = np.nan
    with pytest.raises(NonFiniteError, match=r"5 of 100(.|\n)*row 3: x1 = nan(.|\n)*row 40(.|\n)*2 more"):
        program(table)
    with pytest.raises(NonFiniteError, match=r"row 17"):
        program(Batches(table, ["x1", "x2", "y"], [50]))
    assert np.isnan(program.per_row(table)[0]).sum() == 5


def test_an_operation_that_makes_a_nan_is_named() -> None:
    """The recorded engine is asked about the first such row."""
    x, w = Value(1.0, label="x"), Value(1.0, label="w")
    program = minigrad.compile(log(w * x).named("L"), rows=[x], wrt=[w])
    with pytest.raises(NonFiniteError, match=r"row 1: log at node \"L\": x = -2.0"):
        program(np.array([[1.0], [-2.0]]))


def test_infinities_come_through() -> None:
    """An infinite loss is a number; only nan is refused."""
    x, w = Value(1.0, label="x"), Value(1.0, label="w")
    assert minigrad.compile(exp(w * x), rows=[x])(np.array([[1000.0], [0.0]]))[0] == math.inf
    with pytest.raises(NonFiniteError, match="infinities of both signs"):
        minigrad.compile(w * x, rows=[x], wrt=[])(np.array([[math.inf], [-math.inf]]))


def test_tables_that_do_not_fit_are_refused() -> None:
    """With the shape or the name that was wrong."""
    program = Model(2).program()
    with pytest.raises(ShapeError, match=r"reads 3 columns, x1, x2, y, in this order: got .* \(5, 2\)"):
        program(np.zeros((5, 2)))
    with pytest.raises(ShapeError, match="no rows"):
        program(np.zeros((0, 3)))
    with pytest.raises(ValueError, match="x2"):
        program({"x1": [1.0], "X2": [1.0], "y": [1.0]})


def test_graphs_that_cannot_be_compiled_are_refused() -> None:
    """Each with the name of the node."""
    x, w, other = Value(1.0, label="x"), Value(1.0, label="w"), Value(1.0, label="other")
    loss = w * x
    with pytest.raises(ProgramError, match="rows: 'other' has no part in this graph"):
        minigrad.compile(loss, rows=[x, other])
    with pytest.raises(ProgramError, match="wrt: 'other' has no part in this graph"):
        minigrad.compile(loss, rows=[x], wrt=[other])
    with pytest.raises(ProgramError, match="'w' is given twice"):
        minigrad.compile(loss, rows=[x], wrt=[w, w])
    with pytest.raises(ProgramError, match=r"is the constant 2\.0: make it a Value first"):
        minigrad.compile(loss * 2.0, rows=[x], wrt=[(loss * 2.0).operands[1]])
    with pytest.raises(ProgramError, match="computed from others"):
        minigrad.compile(loss * 2.0, rows=[loss], wrt=[w])
    with pytest.raises(ProgramError, match="has no label"):
        minigrad.compile(w * Value(1.0), rows=[Value(1.0)])
    with pytest.raises(ProgramError, match="two columns are called 'x'"):
        minigrad.compile(loss * Value(1.0, label="x"), rows=[x, Value(2.0, label="x")])
    with pytest.raises(ValueError, match="threads is how many"):
        minigrad.compile(loss, rows=[x], threads=0)
    with pytest.raises(ValueError, match="threads is how many"):
        minigrad.compile(loss, rows=[x])(np.ones((1, 1)), threads=-1)
    with pytest.raises(ValueError, match='reduce is "mean" or "sum"'):
        minigrad.compile(loss, rows=[x], reduce="median")
    with pytest.raises(TypeError, match="rows is a sequence"):
        minigrad.compile(loss, rows=x)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not a Value but str"):
        minigrad.compile(loss, rows=["x"])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="compile takes a Value"):
        minigrad.compile(3.0, rows=[x])  # type: ignore[arg-type]


# -- what it looks like ---------------------------------------------------------------------------------------


def test_logistic_regression_is_four_steps() -> None:
    """One sum of products, the loss with its partial, and the sums over the rows."""
    body = Model(30).program().instructions.code.body
    assert [type(step).__name__ for step in body] == ["Products", "Both", "Sum", "Sum", "Dots"]
    assert len(body[-1].columns) == 30  # type: ignore[union-attr]


def test_a_program_can_be_read() -> None:
    """Columns, parameters, one line per step, and the results."""
    text = str(Model(2).program())
    print(text)
    for piece in ("program of L: mean over rows", "x1, x2, y", "w1, w2, b", "z = w1·x1 + w2·x2 + b",
                  "L, L.dz = bce_with_logits(z, y) and its partial", "Σ L.dz·(x1, x2)", "dL/dw1"):  # fmt: skip
        assert piece in text


def test_steps_are_linear_in_nodes() -> None:
    """A chain twice as long has twice as many steps, and needs no more buffers than its length."""
    lengths = []
    for n in (100, 200):
        x, w = Value(0.1, label="x"), Value(0.5, label="w")
        node: Value = x
        for _ in range(n):
            node = tanh(w * node + 0.1)
        lengths.append(len(minigrad.compile(node, rows=[x]).instructions.code.body))
    assert lengths[1] < 2.1 * lengths[0]


# -- objectives -----------------------------------------------------------------------------------------------


def test_an_objective_is_the_program_at_other_parameters() -> None:
    """Without touching the graph; batches are some of its rows."""
    model = Model(2)
    table = table_of(64, 2)
    program = model.program()
    objective = program.objective(table)
    assert objective.names == ("w1", "w2", "b")
    assert objective.rows == 64
    assert objective.start.tolist() == [0.3, 0.25, 0.1]
    theta = np.array([1.0, -1.0, 0.5])
    at = dict(zip(model.wrt, theta.tolist(), strict=True))
    loss, grads = program(table, at=at)
    assert objective(theta)[0] == loss
    assert objective(theta)[1].tobytes() == grads.tobytes()
    some = np.array([5, 9, 9])
    assert objective.batch(some)(theta)[0] == program(table[some], at=at)[0]
    assert np.allclose(objective.hessian(theta) @ theta, objective.hessian_product(theta, theta), rtol=1e-12)
    assert model.w[0].data == 0.3
    for indices, error in (([], TypeError), ([True] * 64, TypeError), ([64], ValueError), ([-1], ValueError)):
        with pytest.raises(error, match="batch"):
            objective.batch(np.array(indices))
    with pytest.raises(ShapeError, match="theta needs 3 numbers"):
        objective([1.0])
    table[4, 0] = np.nan
    assert "row 4: x1 = nan" in program.objective(table).explain(theta)
