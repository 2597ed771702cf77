"""The machine: the same totals for any threads, feeds and layouts; what it refuses; Ctrl-C; forks."""

from __future__ import annotations

import itertools
import json
import math
import os
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest

from minigrad import COMPILED
from minigrad.program.instructions import PANEL, Both, Code, Dots, Products, Row, Step, Store, Sum, Uniform
from minigrad.program.machine import LEVEL, Machine

Array = np.ndarray[Any, Any]


def code(
    sources: int, slots: int, numbers: int, *body: Step, totals: int = 0, outputs: int = 0, block: int = 64,
    before: tuple[Uniform, ...] = (), after: tuple[Uniform, ...] = (), more: int = 0,
) -> Code:  # fmt: skip
    """Cells: `numbers` given ones, the totals, the number of rows, `more` for results."""
    first = numbers + totals
    return Code(
        sources, slots, first + 1 + more, tuple(range(numbers, first)), first, before, body, after, outputs, block
    )  # fmt: skip


def run(program: Code, sources: Any, m: int, given: list[float], **options: Any) -> Array:
    """The cells after a run."""
    cells = np.zeros(program.cells)
    cells[: len(given)] = given
    Machine(program).run(cells, sources, m, **options)
    return cells


def logistic(n: int, block: int = 64) -> Code:
    """Totals: loss, its derivative by each of n weights, by the bias."""
    z, loss, dz = n + 1, n + 2, n + 3
    each = tuple(range(n))
    return code(
        n + 1, 3, n + 1,
        Products(z, n, each, each), Both("bce_with_logits", "bce_with_logits_dz", loss, dz, (z, n)),
        Sum(0, loss), Dots(dz, each, tuple(k + 1 for k in each)), Sum(n + 1, dz),
        totals=n + 2, block=block,
    )  # fmt: skip


def table(m: int, n: int, seed: int = 3) -> Array:
    """m rows of n columns and a label."""
    draw = np.random.default_rng(seed)
    return np.column_stack([draw.normal(size=(m, n)), draw.random(m) < 0.5]).astype(np.float64)


def weights(n: int) -> list[float]:
    """Numbers for n weights and a bias."""
    return list(np.linspace(-0.5, 0.7, n + 1))


def lies(rows: Array) -> dict[str, Any]:
    """The same numbers as columns apart, rows together, and in between."""
    m, k = rows.shape
    spread = np.zeros((2 * m + 1, k + 3))
    spread[: 2 * m : 2, 2 : k + 2] = rows
    everything = tuple(range(k))
    return {
        "apart": list(np.asfortranarray(rows).T),
        "together": (rows, everything),
        "views of rows": list(rows.T),
        "a table of columns": (np.asfortranarray(rows), everything),
        "part of a larger table": (spread[: 2 * m : 2, 2:], everything),
        "backwards": (rows[::-1][::-1, ::-1], everything[::-1]),
    }


# -- numbers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("m", [0, 1, 3, 63, 64, 65, 1000, PANEL, 2 * PANEL + 17])
@pytest.mark.parametrize("n", [1, 2, 7, 30])
def test_loss_and_gradient_of_logistic_regression(m: int, n: int) -> None:
    """Against the textbook's formulas, summed exactly; 1e-12 of the sum of magnitudes bounds the reordering."""
    rows = table(m, n)
    x, y = rows[:, :n], rows[:, n]
    given = weights(n)
    z = x @ given[:n] + given[n]
    terms = [np.logaddexp(0, z) - y * z]
    dz = 1 / (1 + np.exp(-z)) - y
    terms += [dz * x[:, k] for k in range(n)] + [dz]
    for name, sources in lies(rows).items():
        cells = run(logistic(n), sources, m, given)
        assert cells[2 * n + 3] == m
        for total, term in zip(cells[n + 1 :], terms, strict=False):
            assert abs(total - math.fsum(term)) <= 1e-12 * math.fsum(np.abs(term)) + 1e-300, name


@pytest.mark.parametrize("n", [2, 30])
@pytest.mark.parametrize("layout", ["apart", "together", "part of a larger table"])
def test_the_same_bits_for_any_threads_and_feeds(n: int, layout: str) -> None:
    """Totals depend on the rows alone."""
    m = 6 * PANEL + 100
    rows = table(m, n)
    whole = run(logistic(n), lies(rows)[layout], m, weights(n))
    for threads in (2, 3, 8):
        assert (
            run(logistic(n), lies(rows)[layout], m, weights(n), threads=threads).tobytes() == whole.tobytes()
        )
    machine = Machine(logistic(n))
    for cuts in ([1], [2, 3], [1, 2, 3, 4, 5, 6], [6], [4, 4]):
        cells = np.zeros(whole.size)
        cells[: n + 1] = weights(n)
        machine.start(cells)
        edges = [0, *(PANEL * cut for cut in cuts), m]
        for first, end in itertools.pairwise(edges):
            machine.feed(lies(rows[first:end].copy())[layout], end - first, threads=2)
        machine.finish()
        assert cells.tobytes() == whole.tobytes()


def test_the_same_bits_wherever_the_rows_lie() -> None:
    """A block's sums must not depend on how its columns are aligned."""
    m = 1000
    rows = table(m, 9)
    results = set()
    for shift in range(8):
        columns = []
        for k in range(10):
            room = np.zeros(m + 16)
            room[shift + k % 3 : shift + k % 3 + m] = rows[:, k]
            columns.append(room[shift + k % 3 : shift + k % 3 + m])
        results.add(run(logistic(9), columns, m, weights(9)).tobytes())
    assert len(results) == 1


@pytest.mark.parametrize("op", ["mul", "sub", "div", "max"])
def test_rows_take_uniform_operands_on_either_side(op: str) -> None:
    """op(column, cell), op(cell, column), op(column, column)."""
    x = np.linspace(0.5, 3.0, 100)
    y = np.linspace(-1.0, 2.0, 100)
    function = {"mul": np.multiply, "sub": np.subtract, "div": np.divide, "max": np.maximum}[op]
    program = code(
        2, 3, 1,
        Row(op, 2, (0, ~0)), Row(op, 3, (~0, 1)), Row(op, 4, (0, 1)), Store(0, 2), Store(1, 3), Store(2, 4),
        outputs=3,
    )  # fmt: skip
    out = np.empty((100, 3))
    with np.errstate(divide="ignore"):
        run(program, [x, y], 100, [1.25], stores=list(out.T))
        expected = [function(x, 1.25), function(1.25, y), function(x, y)]
    np.testing.assert_array_equal(out.T, expected)


def test_rows_of_many_operands() -> None:
    """where, and sums of columns, slots and cells; a cell stands for a number in each row."""
    x, y = np.linspace(-1.0, 1.0, 150), np.linspace(0.0, 5.0, 150)
    program = code(
        2, 3, 2,
        Row("less", 2, (0, ~0)), Row("where", 3, (2, 1, ~1)), Row("sum", 4, (0, 1, ~1, 3)), Store(0, 3), Store(1, 4),
        outputs=2,
    )  # fmt: skip
    out = np.empty((2, 150))
    run(program, [x, y], 150, [0.25, 7.0], stores=list(out))
    chosen = np.where(x < 0.25, y, 7.0)
    np.testing.assert_array_equal(out[0], chosen)
    np.testing.assert_allclose(out[1], x + y + 7.0 + chosen, rtol=1e-15)


def test_uniform_numbers_before_and_after() -> None:
    """Parameters are prepared once, totals are finished once, with the arithmetic of the recorded engine."""
    import minigrad

    program = code(
        1, 0, 3, Sum(0, 0), totals=1, more=3,
        before=(Uniform("exp", 1, (0,)), Uniform("sigmoid_dx", 2, (1,))),
        after=(Uniform("div", 5, (3, 4)), Uniform("logsumexp", 6, (0, 1, 5)), Uniform("pow", 7, (5, 1))),
    )  # fmt: skip
    cells = run(program, [np.array([1.0, 2.0, 4.5])], 3, [0.3])
    a = minigrad.exp(0.3)
    x = minigrad.Value(a)
    minigrad.sigmoid(x).backward()
    assert cells[1] == a
    assert cells[2] == pytest.approx(x.grad, rel=4e-16)
    assert list(cells[3:6]) == [7.5, 3.0, 2.5]
    assert cells[6] == minigrad.logsumexp([minigrad.Value(0.3), a, 2.5]).data
    assert cells[7] == minigrad.pow(2.5, a)


def test_outputs_are_written_through_any_stride() -> None:
    """And nothing beside them; a uniform number is written to every row."""
    m = 2 * PANEL + 5
    x = np.arange(float(m))
    program = code(1, 1, 1, Row("neg", 1, (0,)), Store(0, 1), Store(1, ~0), Store(2, 0), outputs=3)
    out = np.full((m, 5), 8.0)
    back = np.full(m, 8.0)[::-1]
    run(program, [x], m, [3.0], stores=[out[:, 1], out[:, 3], back], threads=3)
    assert (out[:, 1] == -x).all()
    assert (out[:, 3] == 3.0).all()
    assert (out[:, [0, 2, 4]] == 8.0).all()
    assert (back == x).all()


def test_sums_of_uniform_numbers_count_the_rows() -> None:
    """sum over m rows of c is m c, and of c times a column c times its sum."""
    x = np.arange(1.0, 101.0)
    program = code(1, 0, 1, Sum(0, ~0), Dots(~0, (0,), (1,)), Sum(1, 0), totals=2)
    assert list(run(program, [x], 100, [0.5])[1:3]) == [50.0, 0.5 * 5050 + 5050]


def test_a_branch_not_taken_adds_nothing() -> None:
    """Masked: where d is 0 an infinite column counts as 0; where it is not, infinity and nan come through."""
    d = np.array([0.0, 1.0, -0.0, 2.0] * 20)
    x = np.array([math.inf, 1.0, math.nan, 3.0] * 20)
    program = code(2, 0, 0, Dots(0, (1,), (0,), True), Dots(0, (1,), (1,)), totals=2)
    totals = run(program, [d, x], 80, [])
    assert totals[0] == 140.0
    assert math.isnan(totals[1])
    x[3] = math.inf
    assert run(program, [d, x], 80, [])[0] == math.inf


def test_a_program_without_steps_counts_the_rows() -> None:
    """Nothing to read, nothing to do."""
    assert list(run(code(0, 0, 1), [], 3 * PANEL + 1, [5.0], threads=2)) == [5.0, 3 * PANEL + 1]
    assert list(run(code(0, 0, 1), (np.zeros((9, 2)), ()), 9, [5.0])) == [5.0, 9.0]


# -- use --------------------------------------------------------------------------------------------------


def test_one_machine_serves_threads_that_call_it_at_once() -> None:
    """Each caller gets the numbers of its own cells."""
    n, m = 5, 3 * PANEL
    rows = table(m, n)
    sources = lies(rows)["apart"]
    machine = Machine(logistic(n))
    expected = [run(logistic(n), sources, m, [0.1 * k] * (n + 1)) for k in range(4)]
    wrong: list[int] = []

    def call(k: int) -> None:
        for _ in range(5):
            cells = np.zeros(expected[k].size)
            cells[: n + 1] = 0.1 * k
            machine.run(cells, sources, m, threads=2)
            if cells.tobytes() != expected[k].tobytes():
                wrong.append(k)

    callers = [threading.Thread(target=call, args=(k,)) for k in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert wrong == []


def test_a_machine_takes_one_layout_after_the_other() -> None:
    """What was planned for columns apart must not be used for rows together, or for other types."""
    n, m = 12, 500
    rows = table(m, n)
    machine = Machine(logistic(n))
    plain = run(logistic(n), lies(rows)["apart"], m, weights(n))
    for _ in range(2):
        for sources in lies(rows).values():
            cells = np.zeros(plain.size)
            cells[: n + 1] = weights(n)
            machine.run(cells, sources, m, threads=2)
            np.testing.assert_allclose(cells, plain, rtol=1e-11)


def refused(error: type[Exception], words: str, *arguments: Any, **options: Any) -> None:
    """The call is refused, and the machine is as good as before."""
    machine = Machine(logistic(2))
    cells = np.zeros(8)
    with pytest.raises(error, match=words):
        machine.run(cells, *arguments, **options)
    machine.run(cells, list(table(10, 2).T), 10)
    assert cells[7] == 10


def test_arrays_that_do_not_fit_are_refused() -> None:
    """Before anything is read: too few, too short, of another type, not there."""
    columns = list(table(10, 2).T)
    refused(ValueError, "reads 3 columns, not 2", columns[:2], 10)
    refused(
        ValueError, r"column 1 has shape \(9,\): needs 10 rows", [columns[0], columns[1][:9], columns[2]], 10
    )
    refused(ValueError, r"column 2 has shape \(10, 1\)", [*columns[:2], columns[2][:, None]], 10)
    refused(TypeError, "column 0 is complex128", [columns[0] + 0j, *columns[1:]], 10)
    refused(TypeError, "column 0 is float16", [columns[0].astype(np.float16), *columns[1:]], 10)
    refused(TypeError, "column 0 is >f8", [columns[0].astype(">f8"), *columns[1:]], 10)
    refused(ValueError, "reads 3 columns, not 2", (table(10, 2), (0, 1)), 10)
    refused(ValueError, r"needs 11 rows", (table(10, 2), (0, 1, 2)), 11)
    refused(ValueError, r"not 3", (table(10, 2), (0, 1, 3)), 10)
    refused(ValueError, r"not -1", (table(10, 2), (0, 1, -1)), 10)
    refused(ValueError, "writes 0 arrays", columns, 10, [np.zeros(10)])
    refused(ValueError, "-1 rows", columns, -1)
    refused(ValueError, "0 threads", columns, 10, threads=0)


def test_outputs_that_do_not_fit_are_refused() -> None:
    """Too short, of another type."""
    program = code(1, 0, 0, Store(0, 0), outputs=1)
    x = np.zeros(10)
    for out in (np.zeros(9), np.zeros(10, dtype=np.float32), np.zeros((10, 1))):
        with pytest.raises(ValueError, match="output 0 has shape"):
            run(program, [x], 10, [], stores=[out])
    with pytest.raises(ValueError, match="writes 1 arrays, not 0"):
        run(program, [x], 10, [])


def test_the_order_of_calls_is_kept() -> None:
    """Rows after start, no rows after a ragged feed, finish once."""
    machine = Machine(logistic(2))
    columns = list(table(10, 2).T)
    with pytest.raises(ValueError, match="after start"):
        machine.feed(columns, 10)
    with pytest.raises(ValueError, match="after start"):
        machine.finish()
    cells = np.zeros(8)
    machine.start(cells)
    machine.feed(columns, 10)
    with pytest.raises(ValueError, match="multiples of PANEL"):
        machine.feed(columns, 10)
    machine.finish()
    assert cells[7] == 10
    wrong: list[Array] = [np.zeros(7), np.zeros((8, 1)), np.zeros(8, dtype=np.float32), np.zeros(16)[::2]]
    for array in wrong:
        with pytest.raises(ValueError, match="cells are 8 float64 numbers"):
            machine.start(array)


# -- processes --------------------------------------------------------------------------------------------

_LONG = """
import _thread, json, sys, threading, time
import numpy as np
from minigrad.program.instructions import Code, Row, Sum
from minigrad.program.machine import Machine
steps = int(sys.argv[1])
body = [Row("tanh", 1, (0,))] + [Row("tanh", 2 - k % 2, (1 + k % 2,)) for k in range(steps)]
machine = Machine(Code(1, 2, 1, (0,), -1, (), (*body, Sum(0, 1)), (), 0, 512))
x, cells = np.ones(1 << 24), np.zeros(1)
pressed = []
def press():
    pressed.append(time.monotonic())
    _thread.interrupt_main()
threading.Timer(0.5, press).start()
try:
    machine.run(cells, [x], len(x), (), int(sys.argv[2]))
    print(json.dumps("was not interrupted"))
except KeyboardInterrupt:
    waited = time.monotonic() - pressed[0]
    machine.run(cells, [x[:1000]], 1000)
    print(json.dumps([waited, cells[0]]))
"""


@pytest.mark.parametrize(("steps", "threads"), [(40, 1), (40, 2), (4000, 2)])
def test_interrupting_is_served_at_once(steps: int, threads: int) -> None:
    """Ctrl-C in a run of minutes comes through within a second, also inside a panel, and the machine still works."""
    done = subprocess.run(
        [sys.executable, "-c", _LONG, str(steps), str(threads)], text=True, capture_output=True, check=True, timeout=60
    )  # fmt: skip
    waited, total = json.loads(done.stdout)
    assert waited < (1.0 if COMPILED else 10.0)
    assert 0 < total < 1000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_has_threads_of_its_own() -> None:
    """The threads of the parent do not live on in the child; it starts its own."""
    code_ = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); import test_machine as t, numpy as np\n"
        "rows = t.table(4 * t.PANEL, 3); sources = t.lies(rows)['apart']\n"
        "whole = t.run(t.logistic(3), sources, len(rows), t.weights(3), threads=3).tobytes()\n"
        "child = os.fork()\n"
        "same = t.run(t.logistic(3), sources, len(rows), t.weights(3), threads=3).tobytes() == whole\n"
        "if child == 0: os._exit(0 if same else 1)\n"
        "print(same, os.waitpid(child, 0)[1])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code_, os.path.dirname(__file__)],
        text=True, capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == "True 0\n"


def test_the_form_is_known() -> None:
    """LEVEL tells which instructions run."""
    assert (LEVEL in ("baseline", "v3", "v4")) == COMPILED
    assert (LEVEL == "interpreted") == (not COMPILED)
