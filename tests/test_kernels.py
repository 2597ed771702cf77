"""minigrad.program.kernels: every operation over a block is the row it was made from, at every level."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from seeded import generator
from test_package import python, said
from ulp import ulps
from witnesses import WITNESSES, Point

import minigrad
from minigrad import RULES, Value
from minigrad.program import blocks, kernels
from minigrad.rules import COMPUTED, Rule
from minigrad.value import evaluate as evaluate_row
from minigrad.value import record

Block: TypeAlias = npt.NDArray[np.float64]
#: An operation over a block: name, operands, number of rows; what came out.
Evaluate: TypeAlias = Callable[[str, Sequence[Any], int], Block]

NAMES = [*RULES, *COMPUTED]


def levels() -> list[ModuleType]:
    """The kernels that can run here: one for each level of the processor, or the interpreted ones."""
    if not minigrad.COMPILED:
        return [kernels]
    from minigrad.program import processor

    usable = set(processor.available()) & set(processor.built())
    return [processor.modules(level)[0] for level in processor.LEVELS if level in usable]


each_level = pytest.mark.parametrize("level", levels(), ids=lambda level: level.__name__.rpartition(".")[2])


def row_of(name: str) -> Rule:
    """The row that an operation belongs to."""
    return RULES[name] if name in RULES else COMPUTED[name].rule


def over(level: ModuleType) -> Evaluate:
    """Operations at a level, into an array between two guards."""

    def evaluate(name: str, operands: Sequence[Any], n: int) -> Block:
        room = np.full(n + 2, 77.0)
        blocks.evaluate(name, operands, room[1 : n + 1], level)
        assert room[0] == room[-1] == 77.0, "written outside the block"
        return room[1 : n + 1]

    return evaluate


# -- against mathematics --------------------------------------------------------------------------------------


@cache
def exact(rule: str) -> list[tuple[Point, tuple[Any, ...]]]:
    """The points of a witness, with the value and the partials there."""
    found = []
    for point in WITNESSES[rule].points:
        value, partials = WITNESSES[rule].at(point)
        found.append((point, (value, *partials)))
    return found


def misses(name: str, evaluate: Evaluate, allowed: float = 4.0) -> Iterator[str]:
    """Every row of a block of all the witness's points that is more than `allowed` ulp off."""
    number = 0 if name in RULES else 1 + COMPUTED[name].operand
    points = exact(row_of(name).name)
    for count in sorted({len(point) for point, _ in points}):
        of_this_count = [(point, right[number]) for point, right in points if len(point) == count]
        columns = [np.array(column) for column in zip(*(point for point, _ in of_this_count), strict=True)]
        got = evaluate(name, columns, len(of_this_count))
        for (point, right), number_here in zip(of_this_count, got.tolist(), strict=True):
            if (error := ulps(number_here, right)) > allowed:
                yield f"{name}{point}: got {number_here!r}, {error:.3g} ulp off"


@each_level
@pytest.mark.parametrize("name", NAMES)
def test_a_block_is_within_4_ulp_of_mathematics(name: str, level: ModuleType) -> None:
    """At all the points where the row itself is witnessed, extremes included."""
    found = list(misses(name, over(level)))
    assert not found, "\n".join([f"{len(found)} misses:", *found[:20]])


def test_a_wrong_kernel_is_refused() -> None:
    """The checker can tell a textbook's formula from one that is right in floating point."""

    def textbook(name: str, operands: Sequence[Any], n: int) -> Block:
        (x,) = operands
        with np.errstate(all="ignore"):
            a: Block = 1.0 / (1.0 + np.exp(-x))
            return a if name == "sigmoid" else np.multiply(a, 1.0 - a)

    assert any("sigmoid_dx(40.0,): got 0.0" in miss for miss in misses("sigmoid_dx", textbook))
    assert any("sigmoid(-710.0,)" in miss for miss in misses("sigmoid", textbook))


# -- against the rows -----------------------------------------------------------------------------------------

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 5e-324, -5e-324, 1e308, -1e308, math.inf, -math.inf, math.nan, 1e-310, 2.0, -2.5,
           3.0, 709.8, -745.2, 1e5, -1e5, 1.4616321449683622, 30.0, 1e22, -800.0, 800.0]  # fmt: skip
#: Where the row promises nothing outside an interval, its operands are drawn from it: {row: (operand, low, high)}.
KEPT = {"bce": (1, 0.0, 1.0), "bce_with_logits": (1, 0.0, 1.0)}


def operands_of(name: str, count: int, n: int) -> list[Block]:
    """n rows of operands: a third special numbers, a third of ordinary size, a third of any size."""
    rng = generator(count, n, NAMES.index(name))
    columns = []
    for position in range(count):
        kind = rng.integers(3, size=n)
        any_size = rng.choice([-1.0, 1.0], n) * 10.0 ** rng.uniform(-320, 308, n)
        ordinary = np.where(rng.random(n) < 0.5, rng.uniform(-5, 5, n), rng.random(n))
        column = np.choose(kind, [rng.choice(SPECIAL, n), ordinary, any_size])
        if row_of(name).name in KEPT:
            where, low, high = KEPT[row_of(name).name]
            if position == where:
                column = np.where(kind == 0, rng.choice([low, high], n), rng.uniform(low, high, n))
        if name == "polygamma" and position == 0:
            column = rng.integers(0, 6, n).astype(float)
        columns.append(column)
    return columns


def scalar(name: str, operands: Sequence[float]) -> float:
    """The same as it is recorded."""
    if name in RULES:
        return float(evaluate_row(kernels.CODES[name], operands))
    entry = COMPUTED[name]
    return record(entry.rule.name, [Value(x) for x in operands]).partials[entry.operand]


def apart(got: Block, expected: Block) -> Block:
    """How many doubles lie between, inf following the largest and nan being equal to itself alone."""
    one, other = (np.abs(x).view(np.int64) for x in (got, expected))  # counted from 0
    across = np.signbit(got) != np.signbit(expected)
    distance = np.where(across, one.astype(float) + other, np.abs(one - other))
    nans = np.isnan(got).astype(int) + np.isnan(expected)
    return np.where(nans == 2, 0.0, np.where(nans == 1, np.inf, distance))


def differing(name: str, columns: Sequence[Block], got: Block) -> list[str]:
    """Rows of a block that are more than 8 doubles from the row: each may be 4 off, in either direction."""
    points = list(zip(*(column.tolist() for column in columns), strict=True))
    expected = np.array([scalar(name, point) for point in points]).reshape(len(points))
    far = np.flatnonzero(apart(got, expected) > 8.0)
    return [f"{name}{points[i]}: block {got[i]!r}, row {expected[i]!r}" for i in far]


@each_level
@pytest.mark.parametrize("name", NAMES)
def test_a_block_is_the_row_of_each_of_its_rows(name: str, level: ModuleType) -> None:
    """Of any length, whole vectors and the rest, at any place in memory; inf, nan and denormal operands too."""
    counts = [row_of(name).arity] if row_of(name).arity else [2, 4, 6]
    for count in counts:
        assert count is not None
        for n in (0, 1, 3, 7, 8, 64, 1000):
            columns = operands_of(name, count, n + 1)
            inside = [column[1:] for column in columns]  # no longer at a multiple of 16 bytes
            assert differing(name, inside, over(level)(name, inside, n)) == []


@each_level
def test_a_nan_stays_one_whatever_its_bits(level: ModuleType) -> None:
    """R's NA is a nan with 1954 in its last bits, where a kernel that works on bits keeps the exponent."""
    na = np.array([0x7FF00000000007A2, 0x7FF8000000000001, 0xFFFFFFFFFFFFFFFF], dtype=np.uint64).view(
        np.float64
    )
    for name, rule in RULES.items():
        if rule.arity == 1:
            assert np.isnan(over(level)(name, [np.tile(na, 7)], 21)).all(), name
    for y in (0.0, 0.5, 1.0):
        assert np.isnan(over(level)("bce_with_logits", [np.tile(na, 7), y], 21)).all()
        assert np.isnan(over(level)("bce_with_logits_dz", [np.tile(na, 7), y], 21)).all()


@each_level
@pytest.mark.parametrize("name", [name for name in NAMES if row_of(name).arity == 2])
def test_a_uniform_operand_is_the_same_for_all_rows(name: str, level: ModuleType) -> None:
    """Either of the two, special numbers among them; or both."""
    n = 67
    x, y = operands_of(name, 2, n)
    for i in (*range(12), 66):
        ways: list[list[Any]] = [[x, float(y[i])], [float(x[i]), y], [float(x[i]), float(y[i])]]
        for given in ways:
            whole = [np.broadcast_to(operand, (n,)) for operand in given]
            assert differing(name, whole, over(level)(name, given, n)) == []


@each_level
@pytest.mark.parametrize("name", [name for name in NAMES if row_of(name).arity not in (1, 2)])
def test_uniform_operands_of_an_operation_of_many(name: str, level: ModuleType) -> None:
    """Numbers among the operands stand for columns."""
    count = row_of(name).arity or 4
    columns = operands_of(name, count, 65)
    given: list[Any] = [columns[0], *(float(column[7]) for column in columns[1:])]
    whole = [np.broadcast_to(operand, (65,)) for operand in given]
    assert differing(name, whole, over(level)(name, given, 65)) == []


@each_level
@pytest.mark.parametrize("pair", kernels.PAIRS, ids=lambda pair: pair[1])
def test_a_row_and_its_partial_in_one_pass(pair: tuple[str, str], level: ModuleType) -> None:
    """The same two blocks, whichever operands vary."""
    row, computed = pair
    count = RULES[row].arity
    assert count in (1, 2)
    for n in (0, 1, 5, 257, 1000):
        columns = operands_of(computed, count, n)
        ways: list[list[Any]] = [columns]
        if count == 2 and n:
            ways += [[columns[0], float(columns[1][0])], [float(columns[0][0]), columns[1]]]
        for given in ways:
            out, partial = np.full((2, n + 1), 77.0)
            blocks.evaluate_pair(row, computed, given, out[:n], partial[:n], level)
            assert out[n] == partial[n] == 77.0
            whole = [np.broadcast_to(operand, (n,)) for operand in given]
            assert differing(row, whole, out[:n]) == []
            assert differing(computed, whole, partial[:n]) == []


def test_every_row_and_every_computed_partial_has_a_kernel() -> None:
    """Each with a code of its own; each computed partial also together with its row."""
    assert set(kernels.CODES) == set(NAMES)
    assert len(set(kernels.CODES.values())) == len(NAMES)
    assert set(kernels.PAIRS) == {(entry.rule.name, name) for name, entry in COMPUTED.items()}
    assert sorted(kernels.PAIRS.values()) == list(range(len(COMPUTED)))


# -- what the loss needs --------------------------------------------------------------------------------------


@each_level
def test_the_loss_survives_saturation(level: ModuleType) -> None:
    """At z = -800 and y = 1 the loss is 800 and dz is -1; nothing is clamped, nothing is infinite."""
    z = np.array([-800.0, 800.0, -800.0, 800.0, -1e308, 1e308, 0.0])
    y = np.array([1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.5])
    loss, slope = np.empty((2, 7))
    blocks.evaluate_pair("bce_with_logits", "bce_with_logits_dz", [z, y], loss, slope, level)
    assert loss.tolist() == [800.0, 800.0, 0.0, 0.0, 1e308, 1e308, math.log(2.0)]
    assert slope.tolist() == [-1.0, 1.0, 0.0, 0.0, -1.0, 1.0, 0.0]


@each_level
def test_a_soft_label_next_to_the_prediction(level: ModuleType) -> None:
    """sigmoid(z) - y keeps its digits where the two all but agree, anywhere in a block."""
    rng = generator(1)
    z = rng.uniform(-30, 30, 500)
    y = np.array([scalar("sigmoid", [x]) for x in z.tolist()]) * (
        1.0 + rng.choice([0.0, 1e-9, -1e-3, 0.3], 500)
    )
    y = np.minimum(y, 1.0)
    got = over(level)("bce_with_logits_dz", [z, y], 500)
    assert differing("bce_with_logits_dz", [z, y], got) == []
    assert np.count_nonzero(np.abs(got) < 1e-6 * y) > 100


# -- how it is made -------------------------------------------------------------------------------------------


@pytest.mark.skipif(
    not minigrad.COMPILED or platform.libc_ver()[0] != "glibc" or platform.machine() != "x86_64",
    reason="the vector functions are those of glibc on x86-64",
)
def test_the_c_librarys_vector_functions_are_called() -> None:
    """Two numbers at a time at the lowest level, four with AVX2, eight with AVX-512."""
    numbers = {"kernels": b"_ZGVbN2v", "kernels_v3": b"_ZGVdN4v", "kernels_v4": b"_ZGVeN8v"}
    recent = tuple(map(int, platform.libc_ver()[1].split("."))) >= (2, 35)
    names = ("log", "sin", "cos", "v_pow") + (("tan", "erf", "log1p", "expm1") if recent else ())
    found = {path.name.split(".")[0]: path for path in Path(kernels.__file__).parent.glob("kernels*.so")}
    assert found
    for module, path in found.items():
        binary = path.read_bytes()
        for name in names:
            assert numbers[module] + (b"" if name.startswith("v_") else b"_") + name.encode() in binary


_BITS = """
import json, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from test_kernels import NAMES, operands_of, row_of
from minigrad.program import blocks, kernels

lines = {}
for name in NAMES:
    count, out = row_of(name).arity or 4, np.empty(300)
    blocks.evaluate(name, operands_of(name, count, 300), out)
    lines[name] = [x.hex() for x in out.tolist()]
print(json.dumps({"compiled": kernels.POINTERS is not None, "lines": lines}))
"""


def test_both_forms_agree() -> None:
    """Interpreted and here, every operation over the same rows to 8 doubles; an infinity or a nan is one in both."""
    text = said(python("-c", _BITS, str(Path(__file__).parent), MINIGRAD_INTERPRETED="1"))
    interpreted = json.loads(text.splitlines()[-1])
    assert interpreted["compiled"] is False
    assert set(interpreted["lines"]) == set(NAMES)
    for name in NAMES:
        columns = operands_of(name, row_of(name).arity or 4, 300)
        here = over(levels()[-1])(name, columns, 300)
        there = np.array([float.fromhex(x) for x in interpreted["lines"][name]])
        far = apart(here, there) > 8.0
        assert not far.any(), (name, here[far][:5], there[far][:5])


def test_importing_the_package_leaves_the_kernels_alone() -> None:
    """They are loaded by the first program."""
    code = "import sys, minigrad; print([name for name in sys.modules if 'minigrad.program.' in name])"
    assert said(python("-W", "ignore", "-c", code)) == "[]\n"
