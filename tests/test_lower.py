"""minigrad.program.lower: what varies, what is computed once, and which sums of products are one step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

import minigrad
from minigrad import Value, dot, exp, log, relu, sigmoid, tanh, where
from minigrad.program.instructions import PANEL, Both, Code, Dots, Products, Row, Store, Sum


def leaves(*names: str) -> list[Value]:
    return [Value(0.5 + 0.25 * i, label=name) for i, name in enumerate(names)]


def code_of(output: Value, rows: Sequence[Value], wrt: Sequence[Value] = ()) -> Code:
    return minigrad.compile(output, rows=rows, wrt=wrt).instructions.code


def kinds(code: Code) -> Counter[str]:
    return Counter(type(step).__name__ for step in code.body)


def reads_and_writes(step: Any) -> tuple[list[int], list[int]]:
    """Operands and results of a step, in the numbering of `instructions`."""
    if isinstance(step, Row):
        return list(step.operands), [step.dst]
    if isinstance(step, Both):
        return list(step.operands), [step.dst, step.partial]
    if isinstance(step, Products):
        return list(step.columns), [step.dst]
    if isinstance(step, Dots):
        return [step.d, *step.columns], []
    assert isinstance(step, Sum | Store)
    return [step.x], []


W1, W2, X1, X2, B, Y = leaves("w1", "w2", "x1", "x2", "b", "y")

SUMS = {
    "dot": dot([W1, W2], [X1, X2]) + B,
    "operands the other way round": dot([X1, X2], [W1, W2]) + B,
    "a chain of +": W1 * X1 + W2 * X2 + B,
    "a chain that begins with b": B + W1 * X1 + X2 * W2,
    "sum": minigrad.sum([W1 * X1, B, W2 * X2]),
    "minus": B - (-W1 * X1 - W2 * X2),
    "brackets": (W1 * X1 + B) + (W2 * X2 + 0.0 * B),
    "mean": minigrad.mean([2.0 * (W1 * X1), 2.0 * (W2 * X2), B]),
}


@pytest.mark.parametrize("name", SUMS)
def test_a_sum_of_products_is_one_step(name: str) -> None:
    """However it is written."""
    code = code_of(tanh(SUMS[name]), [X1, X2])
    assert [type(step).__name__ for step in code.body] == ["Products", "Row", "Sum"]
    (products, _, _) = code.body
    assert isinstance(products, Products)
    assert sorted(products.columns) == [0, 1]


def test_a_sum_of_two_is_no_sum_of_products() -> None:
    """x1 + x2, x1 - x2, 1 - x1 and -x1 are single operations."""
    for output, op in ((X1 + X2, "add"), (X1 - X2, "sub"), (1.0 - X1, "sub"), (-X1, "neg"), (W1 + X1, "add")):
        body = code_of(relu(output), [X1, X2] if "x2" in str(output.operands) else [X1]).body
        assert isinstance(body[0], Row)
        assert body[0].op == op


def test_what_depends_on_parameters_only_is_computed_once() -> None:
    """Before the rows, and outside the body."""
    scale = exp(W1) * tanh(W2)
    code = code_of(tanh(scale * X1), [X1])
    assert [operation.op for operation in code.before] == ["exp", "tanh", "mul"]
    assert [step.op for step in code.body if isinstance(step, Row)] == ["mul", "tanh"]


def test_a_shared_part_is_computed_once() -> None:
    """Equal expressions are one, whoever recorded them."""
    code = code_of(exp(W1 * X1) + log(1.0 + exp(X1 * W1) ** 2), [X1])
    assert sum(isinstance(step, Row) and step.op == "exp" for step in code.body) == 1


def test_a_factor_of_the_gradient_waits_until_the_rows_are_added_up() -> None:
    """d/dw of (w**2 * x) is 2w * x: the sum over x is taken once, and multiplied once."""
    code = code_of(W1 * W1 * X1, [X1], [W1])
    assert kinds(code) == {"Sum": 1}
    assert len(code.totals) == 1


def test_products_that_share_a_factor_are_one_step() -> None:
    """The gradient by n weights is one step over n columns."""
    n = 12
    x, w = leaves(*(f"x{j}" for j in range(n))), leaves(*(f"w{j}" for j in range(n)))
    code = code_of(tanh(dot(w, x)), x, w)
    (dots,) = (step for step in code.body if isinstance(step, Dots))
    assert sorted(dots.columns) == list(range(n))


def test_a_layer_is_as_many_steps_as_it_has_units() -> None:
    """3 units over 2 inputs, then 1: sums of products forward and backward, and their sums over the rows."""
    x = [X1, X2]
    w = [leaves(f"u{j}", f"v{j}", f"c{j}") for j in range(3)]
    v = leaves("o0", "o1", "o2")
    hidden = [tanh(a * X1 + b * X2 + c) for a, b, c in w]
    code = code_of(tanh(dot(v, hidden)), x, [*v, *(p for unit in w for p in unit)])
    assert kinds(code)["Products"] == 4
    assert kinds(code)["Dots"] == 4
    assert kinds(code)["Both"] == 4


def test_the_gradient_through_a_choice_is_masked() -> None:
    """And only that."""
    for output, masked in ((relu(W1 * X1), True), (tanh(W1 * X1), False)):
        dots = [step for step in code_of(output, [X1], [W1]).body if isinstance(step, Dots)]
        assert [step.masked for step in dots] == [masked]


GRAPHS = [
    tanh(W1 * X1 + W2 * X2 + B) * sigmoid(W2 * X1) + where(X1, X2 * W1, 0.0),
    minigrad.bce(sigmoid(W1 * X1 + B), Y) + 0.1 * W1 * W1,
    minigrad.logsumexp([W1 * X1, W2 * X2, B]) - Y * X1,
]


@pytest.mark.parametrize("output", GRAPHS)
def test_a_program_is_well_formed(output: Value) -> None:
    """Nothing is read before it is written, no result is an operand of its own step, and the header counts right."""
    rows = [node for node in (X1, X2, Y) if node in minigrad.Graph(output)]
    code = code_of(output, rows, [W1])
    written = set(range(code.sources))
    cells: set[int] = set()
    for step in code.body:
        operands, results = reads_and_writes(step)
        assert all(x in written for x in operands if x >= 0)
        assert not set(operands) & set(results)
        written.update(results)
        cells.update(~x for x in operands if x < 0)
    assert max(written) < code.sources + code.slots
    assert max(cells, default=0) < code.cells
    assert PANEL % code.block == 0
    ready: set[int] = set(range(code.cells)) - {operation.dst for operation in (*code.before, *code.after)}
    for operation in (*code.before, *code.after):
        assert set(operation.operands) <= ready
        ready.add(operation.dst)
    totals: list[int] = []
    for step in code.body:
        if isinstance(step, Dots):
            totals += step.accumulators
        elif isinstance(step, Sum):
            totals.append(step.accumulator)
    assert sorted(set(totals)) == list(range(len(code.totals)))


def test_slots_are_used_again() -> None:
    """A chain forward needs two buffers, however long it is."""
    node: Value = X1
    for _ in range(100):
        node = tanh(node * W1)
    assert code_of(node, [X1]).slots == 2


def test_more_columns_or_slots_make_shorter_blocks() -> None:
    """So that the buffers of a block stay in cache; never shorter than 32 rows."""
    assert code_of(tanh(W1 * X1), [X1]).block == 1024
    x = leaves(*(f"x{j}" for j in range(2000)))
    assert 32 <= code_of(dot(x, x), x).block < 512
