"""Turn the table of operations into block kernels: writes `kernels.py`, its C types and its stub.

Room: called by `codegen` when the package is built. For each row of the table and each entry of `rules.COMPUTED` it
writes a loop over a block

    of the row's own expression over lanes, which a C compiler vectorises, where all its functions have a lane form;
    of the scalar functions otherwise, which any row has: a new row needs nothing here.

Loaded by file path, so that it works before the package can be imported; below: `operations`, loaded likewise.
Must hold: the same table gives the same bytes; no operation is named here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minigrad.program.operations import Hand, Operation

APART = ["@cython.cfunc", "@cython.nogil", "@cython.exceptval(check=False)"]
#: Rows whose stages are computed before the rest.
STRIP = 256


# -- loops --------------------------------------------------------------------------------------------------


def _ways(letters: tuple[str, ...], place: str) -> list[dict[str, str]]:
    """What stands for each letter in a loop: for two operands both vary, then the second is uniform, then the first."""
    if len(letters) == 2:
        x, y = f"x[{place}]", f"y[{place}]"
        ways = [[x, y], [x, "u"], ["u", y]]
    else:
        ways = [[f"x[{place}]"] if len(letters) == 1 else [f"x{k}[{place}]" for k in range(len(letters))]]
    return [dict(zip(letters, way, strict=True)) for way in ways]


def _call(kind: str, op: Operation, way: dict[str, str]) -> str:
    """lane, unsure or exact of an operation at one row of the block."""
    given = [way[letter] for letter in op.letters]
    if kind != "exact":
        given += [f"{name}[i]" for name in op.stages]
    return f"{kind}_of_{op.name}({', '.join(given)})"


def _loop(
    together: list[tuple[Operation, str]], way: dict[str, str], width: str, place: str
) -> Iterator[str]:
    yield f"for i in range({width}):"
    for op, out in together:
        yield f"    {out}[{place}] = {_call('lane' if op.lane else 'exact', op, way)}"
        if op.unsure:
            yield f"    doubt |= {_call('unsure', op, way)}"


def _retake(op: Operation, out: str, way: dict[str, str], width: str, place: str) -> Iterator[str]:
    yield "if doubt:"
    yield f"    for i in range({width}):"
    yield f"        if {_call('unsure', op, way)}:"
    yield f"            {out}[{place}] = {_call('exact', op, way)}"


def _whole(outputs: list[tuple[Operation, str]], way: dict[str, str]) -> Iterator[str]:
    """One loop over the block."""
    yield from _loop(outputs, way, "n", "i")
    for op, out in outputs:
        if op.unsure:
            yield from _retake(op, out, way, "n", "i")


def _strips(
    outputs: list[tuple[Operation, str]], way: dict[str, str], stages: dict[str, Any]
) -> Iterator[str]:
    """Loops over strips of the block: what is computed beforehand, then each output."""
    yield "first = 0"
    yield "while first < n:"
    yield f"    width = min(n - first, {STRIP})"
    for name, (function, letters) in stages.items():
        value = f"{function}({', '.join(way[letter] for letter in letters)})"
        if {way[letter] for letter in letters} == {"u"}:
            yield f"    v = {value}"
            value = "v"
        yield "    for i in range(width):"
        yield f"        {name}[i] = {value}"
    for op, out in outputs:
        yield from ["    doubt = 0"] * bool(op.unsure)
        yield from (f"    {line}" for line in _loop([(op, out)], way, "width", "first + i"))
        if op.unsure:
            yield from (f"    {line}" for line in _retake(op, out, way, "width", "first + i"))
    yield "    first += width"


def _block(name: str, outputs: list[tuple[Operation, str]]) -> Iterator[str]:
    """The function with the loops of one operation, or of a row and its partial."""
    letters = outputs[0][0].letters
    stages = {name: stage for op, _ in outputs for name, stage in op.stages.items()}
    two = len(letters) == 2
    given = ["mode: cython.int"] * two
    given += ["x: reader", "y: reader"][: len(letters)] if len(letters) < 3 else ["a: readers"]
    given += [f"{out}: writer" for _, out in outputs] + ["n: cython.Py_ssize_t"]
    yield from APART
    yield f"def {name}({', '.join(given)}) -> cython.void:"
    yield "    i: cython.Py_ssize_t"
    yield from ["    u: cython.double", "    v: cython.double"] * two
    if any(op.unsure for op, _ in outputs):
        yield "    doubt: cython.longlong = 0"
    if stages:
        yield from ["    first: cython.Py_ssize_t", "    width: cython.Py_ssize_t"]
        yield from (f"    {name}: cython.double[{STRIP}]" for name in stages)
    if len(letters) > 2:
        yield from (f"    x{k}: reader = a[{k}]" for k in range(len(letters)))
    for mode, way in enumerate(_ways(letters, "first + i" if stages else "i")):
        body = _strips(outputs, way, stages) if stages else _whole(outputs, way)
        if two:
            yield f"    {('if mode == 0', 'elif mode == 1', 'else')[mode]}:"
            yield from [f"        u = {'xy'[mode % 2]}[0]"] * bool(mode)
        yield from (f"{'        ' if two else '    '}{line}" for line in body)
    yield from ["", ""]


def _many(rule: Any, codes: dict[str, int], hand: Hand) -> Iterator[str]:
    """The function of an n-ary row: by fold_<name> where there is one, else row by row."""
    fold = f"fold_{rule.name}" if f"fold_{rule.name}" in hand.folds else "row_by_row"
    yield from APART
    arguments = "a: readers, count: cython.Py_ssize_t, out: writer, n: cython.Py_ssize_t"
    yield f"def block_{rule.name}({arguments}) -> cython.void:"
    yield from [f"    {fold}({codes[rule.name]}, a, count, out, n)", "", ""]


def _switch(name: str, arguments: list[str], cases: list[tuple[int, str]]) -> Iterator[str]:
    """The function that calls by code."""
    yield f"def {name}({', '.join(arguments)}):"
    yield f'    """{_PURPOSE[name]}"""'
    for position, (code, call) in enumerate(cases):
        yield f"    {'elif' if position else 'if'} code == {code}:"
        yield f"        {call}"
    yield from ["", ""]


_PURPOSE = {
    "row1": "An operation of one operand over a block.",
    "row2": "An operation of two operands over a block; mode 1: y is one number, 2: x is.",
    "rown": "An operation of any number of operands over a block.",
    "both": "A row and its computed partial over a block.",
}

# -- the files ----------------------------------------------------------------------------------------------


class _Kernels:
    """The operations by the number of their operands, and the codes."""

    def __init__(
        self, rules: dict[str, Any], computed: dict[str, Any], hand: Hand, operation: Callable[..., Operation]
    ) -> None:
        self.hand = hand
        self.many = [rule for rule in rules.values() if rule.arity is None]
        self.operations = {
            name: operation(name, text, rule)
            for name, text, rule in [
                *((rule.name, rule.value, rule) for rule in rules.values() if rule.arity is not None),
                *((entry.name, entry.text, entry.rule) for entry in computed.values()),
            ]
        }
        self.pairs = [(entry.rule.name, entry.name) for entry in computed.values()]

    def of_arity(self, low: int, high: int) -> list[Operation]:
        return [op for op in self.operations.values() if low <= len(op.letters) <= high]

    def loops(self, codes: dict[str, int]) -> Iterator[str]:
        for op in self.operations.values():
            yield from op.functions()
        for op in self.operations.values():
            yield from _block(f"block_{op.name}", [(op, "out")])
        for rule in self.many:
            yield from _many(rule, codes, self.hand)
        for row, partial in self.pairs:
            outputs = [(self.operations[row], "out"), (self.operations[partial], "partial")]
            yield from _block(f"both_{partial}", outputs)

    def switches(self, codes: dict[str, int], pairs: dict[tuple[str, str], int]) -> Iterator[str]:
        def calls(arguments: str, low: int, high: int) -> list[tuple[int, str]]:
            return [(codes[op.name], f"block_{op.name}({arguments})") for op in self.of_arity(low, high)]

        yield from _switch("row1", ["code", "x", "out", "n"], calls("x, out, n", 1, 1))
        yield from _switch("row2", ["code", "mode", "x", "y", "out", "n"], calls("mode, x, y, out, n", 2, 2))
        several = calls("operands, out, n", 3, 99)
        several += [(codes[rule.name], f"block_{rule.name}(operands, count, out, n)") for rule in self.many]
        yield from _switch("rown", ["code", "operands", "count", "out", "n"], several)
        arguments = {1: "x, out, partial, n", 2: "mode, x, y, out, partial, n"}
        cases = [
            (pairs[row, partial], f"both_{partial}({arguments[len(self.operations[row].letters)]})")
            for row, partial in self.pairs
        ]
        yield from _switch("both", ["code", "mode", "x", "y", "out", "partial", "n"], cases)


_HEAD = """
from __future__ import annotations

try:
    import cython
except ImportError:
    from minigrad import _cython as cython

if not cython.compiled:
    from minigrad.ieee import div as exact_divide
    from minigrad.program.arrays import (
        {arrays},
    )
{imports}

CODES = {codes!r}
PAIRS = {pairs!r}


"""

_NUMPYS_OWN = """
if not cython.compiled:
    from minigrad.program.arrays import exp  # in place of the one above: NumPy's is one call


"""

_TAIL = """
if cython.compiled:
    _table.row1 = row1
    _table.row2 = row2
    _table.rown = rown
    _table.both = both
    POINTERS = PyCapsule_New(cython.address(_table), "minigrad.program.kernels", cython.NULL)
else:
    POINTERS = None
    #: For each operation of a fixed number of operands: without branches, where that is unsure, and exactly.
    FORMS = {{
        {forms}
    }}
"""

_PXD = r"""
from cpython.pycapsule cimport PyCapsule_New
from libc.stdlib cimport free, malloc
from minigrad.rows cimport evaluate_n
from minigrad.program.lanes cimport {lanes}
{imports}

ctypedef void (*Row1)(int code, const double* x, double* out, Py_ssize_t n) noexcept nogil
ctypedef void (*Row2)(int code, int mode, const double* x, const double* y, double* out, Py_ssize_t n) noexcept nogil
ctypedef void (*RowN)(int code, double** operands, Py_ssize_t count, double* out, Py_ssize_t n) noexcept nogil
ctypedef void (*Both)(int code, int mode, const double* x, const double* y, double* out, double* partial, \
    Py_ssize_t n) noexcept nogil

cdef struct Kernels:
    Row1 row1
    Row2 row2
    RowN rown
    Both both

cdef Kernels _table

cdef inline double exact_divide(double x, double y) noexcept nogil:
    return x / y

cdef void row1(int code, const double* x, double* out, Py_ssize_t n) noexcept nogil
cdef void row2(int code, int mode, const double* x, const double* y, double* out, Py_ssize_t n) noexcept nogil
cdef void rown(int code, double** operands, Py_ssize_t count, double* out, Py_ssize_t n) noexcept nogil
cdef void both(int code, int mode, const double* x, const double* y, double* out, double* partial, \
    Py_ssize_t n) noexcept nogil
"""


_STUB = """
from collections.abc import Callable
from typing import Any

CODES: dict[str, int]
PAIRS: dict[tuple[str, str], int]
POINTERS: Any
FORMS: dict[str, tuple[Callable[..., Any] | None, Callable[..., Any] | None, Callable[..., float] | None]]

def run1(code: int, x: int, out: int, n: int, /) -> None: ...
def run2(code: int, mode: int, x: int, y: int, out: int, n: int, /) -> None: ...
def runn(code: int, operands: int, count: int, out: int, n: int, /) -> None: ...
def run_both(code: int, mode: int, x: int, y: int, out: int, partial: int, n: int, /) -> None: ...
"""


def generate(
    rules: dict[str, Any],
    computed: dict[str, Any],
    codes: dict[str, int],
    header: str,
    hand: Hand,
    operation: Callable[..., Operation],
    homes: Callable[[set[str]], dict[str, list[str]]],
) -> dict[str, str]:
    """The generated files as {name: text}.

    codes      of the rows; the computed partials follow them
    operation  makes an Operation of a name, an expression and its row
    homes      which module has each scalar function: {module: names in order}
    """
    kernels = _Kernels(rules, computed, hand, operation)
    numbers = {name: codes[name] for name in rules}
    for entry in computed.values():
        numbers[entry.name] = 1 + max(numbers.values())
    pairs = {pair: number for number, pair in enumerate(kernels.pairs)}
    calls = set().union(*(op.calls for op in kernels.operations.values())) - {"divide"}
    aliases = [
        (module, ", ".join(f"{name} as exact_{name}" for name in names))
        for module, names in homes(calls).items()
        if names
    ]
    head = _HEAD.format(
        arrays=", ".join(hand.library), codes=numbers, pairs=pairs,
        imports="\n".join(f"    from minigrad.{module} import {names}" for module, names in aliases),
    )  # fmt: skip
    forms = [
        f"{op.name!r}: ({', '.join(op.form(kind) for kind in ('lane', 'unsure', 'exact'))}),"
        for op in kernels.operations.values()
    ]
    text = [
        f'"""{header}"""', head, *hand.copied(folds=False), _NUMPYS_OWN, *hand.copied(folds=True),
        *kernels.loops(codes), *kernels.switches(numbers, pairs), _TAIL.format(forms="\n        ".join(forms)),
    ]  # fmt: skip
    pxd = _PXD.format(
        lanes=", ".join(["reader", "readers", "writer", *hand.library]),
        imports="\n".join(f"from minigrad.{module} cimport {names}" for module, names in aliases),
    )
    return {
        "program/kernels.py": "\n".join(text),
        "program/kernels.pxd": f"# {header}{pxd}",
        "program/kernels.pyi": f"# {header}{_STUB}",
    }
