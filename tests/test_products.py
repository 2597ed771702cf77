"""Sums of products: every layout, type, number of columns and rows, against exact sums; inf and nan come through."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minigrad import COMPILED
from minigrad.program.instructions import Code, Dots, Products, Store, Sum
from minigrad.program.machine import Machine

Array = np.ndarray[Any, Any]

TYPES = [
    "float64",
    "float32",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "bool",
]
#: One column, rests of every size, runs just too short and long enough to be taken row by row, several eights.
COUNTS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 30, 33]


def program(n: int, block: int = 64) -> Code:
    """z = constant + sum u_k x_k is written; totals: of z, of each d * x_k, of d; the last column is d."""
    each = tuple(range(n))
    return Code(
        n + 1, 1, 2 * n + 4, tuple(range(n + 1, 2 * n + 3)), -1, (),
        (
            Products(n + 1, n, each, each), Store(0, n + 1), Sum(0, n + 1),
            Dots(n, each, tuple(k + 1 for k in each)), Sum(n + 1, n),
        ),
        (), 1, block,
    )  # fmt: skip


def check(columns: list[Array], sources: Any, m: int, block: int = 64) -> None:
    """z row by row, and the totals, within the rounding of the longest sum."""
    n = len(columns) - 1
    cells = np.zeros(2 * n + 4)
    cells[: n + 1] = u = np.linspace(-1.0, 2.0, n + 1)
    z = np.full(m, 7.0)
    Machine(program(n, block)).run(cells, sources, m, [z], 2)
    x = [np.asarray(column[:m], dtype=np.float64) for column in columns]
    terms = [u[k] * x[k] for k in range(n)] + [np.full(m, u[n])]
    for i in range(m):
        row = [term[i] for term in terms]
        assert abs(z[i] - math.fsum(row)) <= 1e-15 * n * math.fsum(map(abs, row)) + 1e-300
    for total, products in zip(cells[n + 1 :], [z, *(x[n] * x[k] for k in range(n)), x[n]], strict=False):
        assert abs(total - math.fsum(products)) <= 1e-13 * math.fsum(np.abs(products)) + 1e-300


def numbers(m: int, n: int, kind: str = "float64") -> Array:
    """(m, n) of a type."""
    draw = np.random.default_rng((m, n))
    if kind == "bool":
        return draw.random((m, n)) < 0.5
    if kind.startswith("float"):
        return draw.normal(size=(m, n)).astype(kind)
    limits = np.iinfo(kind)
    return draw.integers(limits.min, limits.max, size=(m, n), dtype=kind, endpoint=True)


@pytest.mark.parametrize("n", COUNTS)
@pytest.mark.parametrize("kind", ["float64", "float32"])
def test_any_number_of_columns(n: int, kind: str) -> None:
    """Apart and side by side, over whole blocks and a rest."""
    m = 203
    rows = numbers(m, n + 1, kind)
    columns = list(rows.T)
    everything = tuple(range(n + 1))
    check(columns, list(np.asfortranarray(rows).T), m)
    check(columns, (rows, everything), m)
    check(columns, columns, m)


@pytest.mark.parametrize("m", [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 63, 64, 65, 127, 128, 129, 500])
def test_any_number_of_rows(m: int) -> None:
    """Every rest of a block."""
    rows = numbers(m, 12)
    for sources in (
        list(np.asfortranarray(rows).T),
        list(rows.T),
        list(np.asfortranarray(rows.astype("f4")).T),
    ):
        check(sources, sources, m)


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_is_read_as_it_is(kind: str) -> None:
    """Its least and largest numbers too; apart, in rows, at a stride, backwards, and not aligned."""
    m, n = 150, 9
    rows = numbers(m, n + 1, kind)
    if rows.dtype.kind in "iu":
        rows[0], rows[1] = np.iinfo(kind).min, np.iinfo(kind).max
    columns = list(rows.T)
    packed = np.zeros(m, dtype=[("tag", "i1"), *((f"c{k}", kind) for k in range(n + 1))])
    for k in range(n + 1):
        packed[f"c{k}"] = rows[:, k]
    check(columns, list(np.asfortranarray(rows).T), m)
    check(columns, columns, m)
    check(columns, [column[::-1].copy()[::-1] for column in columns], m)
    check(columns, [np.repeat(column, 3)[::3] for column in columns], m)
    check(columns, [packed[f"c{k}"] for k in range(n + 1)], m)


def test_types_and_layouts_mix() -> None:
    """In one sum: apart, side by side, single, integers, the same column twice over."""
    m = 333
    rows = numbers(m, 12)
    single = np.asfortranarray(numbers(m, 3, "float32"))
    whole = numbers(m, 2, "int16")
    columns = [*rows.T[:9], *single.T, *whole.T, np.ascontiguousarray(rows[:, 10]), rows[:, 9], rows[:, 11]]
    check(columns, columns, m)


def test_columns_that_are_far_apart() -> None:
    """A stride of megabytes, and one number for all rows (a stride of 0)."""
    m, n = 20, 9
    far = np.zeros((m, 1 << 17))
    far[:, :n] = numbers(m, n)
    same = np.broadcast_to(np.array(0.5), (m,))
    columns = [*far.T[:n], same]
    check(columns, columns, m)


def test_a_column_may_be_only_read() -> None:
    """Arrays from Arrow and files mapped into memory cannot be written."""
    rows = numbers(100, 10)
    rows.flags.writeable = False
    check(list(rows.T), (rows, tuple(range(10))), 100)


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("n", [2, 9, 30])
def test_infinity_and_nan_come_through(bad: float, n: int) -> None:
    """In the row and the sums they are in, and in no other."""
    m, row, column = 150, 77, n // 2
    for kind in ("float64", "float32"):
        rows = numbers(m, n + 1, kind)
        rows[row, column] = bad
        for sources in (list(np.asfortranarray(rows).T), (rows, tuple(range(n + 1)))):
            cells = np.zeros(2 * n + 4)
            cells[: n + 1] = 1.0
            z = np.zeros(m)
            Machine(program(n)).run(cells, sources, m, [z])
            totals = cells[n + 1 : 2 * n + 3]
            assert [i for i in range(m) if not math.isfinite(z[i])] == [row]
            assert [k for k in range(n + 2) if not math.isfinite(totals[k])] == [0, column + 1]
            expected = bad * float(rows[row, n])
            assert totals[column + 1] == expected or math.isnan(expected)


def test_opposite_infinities_make_nan() -> None:
    """inf - inf, in a row and over rows."""
    x = np.ones((64, 2))
    x[3] = math.inf, -math.inf
    cells = np.zeros(8)
    cells[:2] = 1.0
    z = np.zeros(64)
    Machine(program(1)).run(cells[:6], [x[:, 0].copy(), x[:, 1].copy()], 64, [z])
    assert z[3] == math.inf
    assert cells[3] == -math.inf
    x[4, 0] = -math.inf
    Machine(program(1)).run(cells[:6], [x[:, 0].copy(), x[:, 1].copy()], 64, [z])
    assert math.isnan(cells[2])


_LEVEL = """
import sys; sys.path.insert(0, sys.argv[1])
import json, numpy as np, test_products as t
from minigrad.program import machine, processor
sums = []
for kind in ("float64", "float32", "int32"):
    rows = t.numbers(1000, 31, kind)
    for sources in (list(np.asfortranarray(rows).T), list(rows.T)):
        t.check(list(rows.T), sources, 1000)
    cells = np.zeros(64); cells[:31] = 0.25
    machine.Machine(t.program(30)).run(cells, list(rows.T), 1000, [np.zeros(1000)])
    sums.append(list(cells[31:63]))
print(json.dumps([machine.LEVEL, processor.available(), processor.built(), sums]))
"""


@pytest.mark.skipif(not COMPILED, reason="interpreted there is one level")
def test_every_level_of_the_processor_gives_the_sums() -> None:
    """MINIGRAD_LEVEL takes each that is here; they differ in rounding only."""
    import os

    found = {}
    asked = ["baseline"]
    while asked:
        level = asked.pop()
        done = subprocess.run(
            [sys.executable, "-c", _LEVEL, str(Path(__file__).parent)], env={**os.environ, "MINIGRAD_LEVEL": level},
            text=True, capture_output=True, check=True,
        )  # fmt: skip
        ran, available, built, found[level] = json.loads(done.stdout)
        assert ran == level
        asked += [other for other in available if other in built and other not in found]
    for sums in found.values():
        np.testing.assert_allclose(sums, found["baseline"], rtol=1e-9)
