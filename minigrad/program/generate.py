"""Turn the table of operations into block kernels: writes `kernels.py` and its C types.

Room: called by `codegen` when the package is built; reads the rows, the text of `lanes.py` and `folds.py` and the
names in `lanes.pxd`. For each row of the table and each entry of `rules.COMPUTED` it writes a loop over a block

    of the row's own expression over lanes, which a C compiler vectorises, where all its functions have a lane form;
    of the scalar functions otherwise, which any row has: a new row needs nothing here.

Loaded by file path, so that it works before the package can be imported.
Must hold: the same table gives the same bytes; no operation is named here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

_TYPES = {"Lane": "cython.double", "Test": "cython.bint"}
_INLINE = ["@cython.cfunc", "@cython.inline", "@cython.nogil", "@cython.exceptval(check=False)"]
_APART = ["@cython.cfunc", "@cython.nogil", "@cython.exceptval(check=False)"]


class Spelling(NamedTuple):
    """What `codegen` knows about expressions.

    names       functions of the table whose arithmetic goes by another name
    arithmetic  an expression of the table as scalar arithmetic, and the functions it calls
    homes       which module has each scalar function: {module: names in order}
    """

    names: dict[str, str]
    arithmetic: Callable[[str], tuple[str, set[str]]]
    homes: Callable[[set[str]], dict[str, list[str]]]


# -- what is written by hand --------------------------------------------------------------------------------


class _Hand:
    """The functions of lanes.py and folds.py, and what lanes.pxd declares."""

    def __init__(self, folder: Path) -> None:
        lanes, folds = (_functions(folder / name) for name in ("lanes.py", "folds.py"))
        self.constants = _constants(folder / "lanes.py")
        declared = (folder / "lanes.pxd").read_text(encoding="utf-8").partition('    """\n    ctypedef')[2]
        self.library = re.findall(r"^    double (\w+)[ (]", declared, re.M)
        self.lanes = {node.name: node for node in lanes}
        self.folds = {node.name: node for node in folds}

    def copied(self) -> Iterator[str]:
        """All these functions with C's types."""
        for node in [*self.lanes.values(), *self.folds.values()]:
            lines = ast.unparse(_Typed(self.constants).visit(node)).splitlines()
            yield from [*(_INLINE if node.name in self.lanes else []), *lines, "", ""]


class _Typed(ast.NodeTransformer):
    """A function of lanes.py with C's types and its named numbers written out."""

    def __init__(self, constants: dict[str, ast.expr]) -> None:
        self.constants = constants

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in _TYPES:
            return ast.parse(_TYPES[node.id], mode="eval").body
        return self.constants.get(node.id, node)


def _functions(path: Path) -> list[ast.FunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in tree.body if isinstance(node, ast.FunctionDef)]


def _constants(path: Path) -> dict[str, ast.expr]:
    """NAME = number, at the top of a file; also several at a time."""
    found = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign):
            (target,), value = node.targets, node.value
            pairs = [(target, value)]
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                pairs = list(zip(target.elts, value.elts, strict=True))
            found.update({ast.unparse(name): number for name, number in pairs})
    return found


# -- expressions --------------------------------------------------------------------------------------------


class _Lanes(ast.NodeTransformer):
    """A table expression without branches; notes what it calls."""

    def __init__(self, spelling: Spelling, hand: _Hand) -> None:
        self.spelling = spelling
        self.hand = hand
        self.missing = False
        self.unsure: list[str] = []

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        left, right = self.visit(node.left), self.visit(node.right)
        if isinstance(node.op, ast.Pow):
            return self._call("pow", [left, right])
        return ast.BinOp(left, node.op, right)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        assert isinstance(node.func, ast.Name), ast.dump(node)
        name = self.spelling.names.get(node.func.id, node.func.id)
        return self._call(name, [self.visit(a) for a in node.args])

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        return self._call("select", [self.visit(part) for part in (node.test, node.body, node.orelse)])

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        numbers = [self.visit(number) for number in (node.left, *node.comparators)]
        pairs = zip(numbers, node.ops, numbers[1:], strict=False)
        return _joined(ast.BitAnd(), [ast.Compare(left, [op], [right]) for left, op, right in pairs])

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        op = ast.BitAnd() if isinstance(node.op, ast.And) else ast.BitOr()
        return _joined(op, [self.visit(value) for value in node.values])

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        assert isinstance(node.value, int | float)
        return ast.Constant(float(node.value))

    def _call(self, name: str, arguments: list[ast.expr]) -> ast.expr:
        self.missing |= name not in self.hand.lanes and name not in self.hand.library
        call = ast.Call(ast.Name(name), arguments, [])
        if f"unsure_{name}" in self.hand.lanes:
            self.unsure.append(f"unsure_{ast.unparse(ast.fix_missing_locations(call))}")
        return call


def _joined(op: ast.operator, parts: list[ast.expr]) -> ast.expr:
    whole = parts[0]
    for part in parts[1:]:
        whole = ast.BinOp(whole, op, part)
    return whole


# -- operations ---------------------------------------------------------------------------------------------


class _Operation:
    """A row, or one of its computed partials, as functions of one row of a block.

    lane    its expression without branches, or None where a function has no such form
    unsure  expressions; where one of them holds, `lane` may be more than a few ulp off
    exact   its expression over the scalar functions
    """

    def __init__(self, name: str, text: str, rule: Any, spelling: Spelling, hand: _Hand) -> None:
        self.name = name
        self.letters = rule.operands
        self.value = rule.value if re.search(r"\bout\b", text) else ""  # what `out` is
        texts = [self.value, text] if self.value else [text]
        spell = _Lanes(spelling, hand)
        lanes = [_unparsed(spell.visit(ast.parse(part, mode="eval").body)) for part in texts]
        self.unsure = spell.unsure
        self.lane = None if spell.missing else lanes
        exact = [spelling.arithmetic(part) for part in texts]
        self.exact = [part for part, _ in exact]
        self.calls = set().union(*(used for _, used in exact)) if not self.lane or self.unsure else set()

    def functions(self) -> Iterator[str]:
        """lane_<name>, unsure_<name> and exact_<name>, as far as the loops need them."""
        if self.lane:
            yield from self._function("lane", self.lane, self.letters)
        if self.unsure and self.lane:
            value = self.lane[:1] if any(re.search(r"\bout\b", test) for test in self.unsure) else []
            yield from self._function(
                "unsure", [*value, " | ".join(self.unsure)], self.letters, "cython.bint"
            )
        if self.calls or not self.lane:
            calls = re.compile(r"\b(\w+)(?=\()")
            texts = [calls.sub(r"exact_\1", text) for text in self.exact]
            yield from self._function("exact", texts, self.letters)

    def _function(
        self, kind: str, texts: list[str], letters: tuple[str, ...], result: str = "cython.double"
    ) -> Iterator[str]:
        given = ", ".join(f"{letter}: cython.double" for letter in letters)
        yield from _APART if kind == "exact" else _INLINE
        yield f"def {kind}_of_{self.name}({given}) -> {result}:"
        yield from (f"    out: cython.double = {text}" for text in texts[:-1])
        yield from [f"    return {texts[-1]}", "", ""]

    def at(self, kind: str, operands: list[str]) -> str:
        return f"{kind}_of_{self.name}({', '.join(operands)})"


def _unparsed(tree: ast.expr) -> str:
    return ast.unparse(ast.fix_missing_locations(tree))


# -- loops --------------------------------------------------------------------------------------------------


def _loops(operations: list[tuple[_Operation, str]], pointers: list[list[str]]) -> Iterator[str]:
    """One loop for each way the operands vary; `pointers` has for each way the operands' texts."""
    doubtful = [(op, out) for op, out in operations if op.lane and op.unsure]
    for mode, operands in enumerate(pointers):
        inset = "    "
        if len(pointers) > 1:
            yield f"    {'if' if mode == 0 else 'elif'} mode == {mode}:" if mode < 2 else "    else:"
            inset = "        "
            if mode:
                yield f"{inset}u = {'y' if mode == 1 else 'x'}[0]"
        yield f"{inset}for i in range(n):"
        for op, out in operations:
            yield f"{inset}    {out}[i] = {op.at('lane' if op.lane else 'exact', operands)}"
        if doubtful:
            tests = " | ".join(op.at("unsure", operands) for op, _ in doubtful)
            yield f"{inset}    doubt |= {tests}"
            yield f"{inset}if doubt:"
            yield f"{inset}    for i in range(n):"
            for op, out in doubtful:
                yield f"{inset}        if {op.at('unsure', operands)}:"
                yield f"{inset}            {out}[i] = {op.at('exact', operands)}"


def _block(name: str, operations: list[tuple[_Operation, str]], mode: bool) -> Iterator[str]:
    """The function with the loops of one operation, or of a row and its partial."""
    letters = operations[0][0].letters
    given = [f"{p}: reader" for p in ("x", "y")[: len(letters)]] if len(letters) < 3 else ["a: readers"]
    given += [f"{out}: writer" for _, out in operations] + ["n: cython.Py_ssize_t"]
    yield from _APART
    yield f"def {name}({', '.join(['mode: cython.int'] * mode + given)}) -> cython.void:"
    yield "    i: cython.Py_ssize_t"
    if mode:
        yield "    u: cython.double"
    if any(op.lane and op.unsure for op, _ in operations):
        yield "    doubt: cython.longlong = 0"
    if len(letters) > 2:
        yield from (f"    x{k}: reader = a[{k}]" for k in range(len(letters)))
        ways = [[f"x{k}[i]" for k in range(len(letters))]]
    else:
        ways = [["x[i]", "y[i]"][: len(letters)]]
        if mode:
            ways += [["x[i]", "u"], ["u", "y[i]"]]
    yield from _loops(operations, ways)
    yield from ["", ""]


def _many(rule: Any, codes: dict[str, int], hand: _Hand) -> Iterator[str]:
    """The function of an n-ary row: by fold_<name> where there is one, else row by row."""
    fold = f"fold_{rule.name}" if f"fold_{rule.name}" in hand.folds else "row_by_row"
    yield from _APART
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
        self, rules: dict[str, Any], computed: dict[str, Any], spelling: Spelling, hand: _Hand
    ) -> None:
        self.hand = hand
        self.many = [rule for rule in rules.values() if rule.arity is None]
        self.operations = {
            name: _Operation(name, text, rule, spelling, hand)
            for name, text, rule in [
                *((rule.name, rule.value, rule) for rule in rules.values() if rule.arity is not None),
                *((entry.name, entry.text, entry.rule) for entry in computed.values()),
            ]
        }
        self.pairs = [(entry.rule.name, entry.name) for entry in computed.values()]

    def of_arity(self, low: int, high: int) -> list[_Operation]:
        return [op for op in self.operations.values() if low <= len(op.letters) <= high]

    def loops(self, codes: dict[str, int]) -> Iterator[str]:
        for op in self.operations.values():
            yield from op.functions()
        for op in self.operations.values():
            yield from _block(f"block_{op.name}", [(op, "out")], mode=len(op.letters) == 2)
        for rule in self.many:
            yield from _many(rule, codes, self.hand)
        for row, partial in self.pairs:
            operations = [(self.operations[row], "out"), (self.operations[partial], "partial")]
            yield from _block(f"both_{partial}", operations, mode=len(operations[0][0].letters) == 2)

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

_TAIL = '''
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


def run1(code: cython.int, x: cython.size_t, out: cython.size_t, n: cython.Py_ssize_t):
    """row1 on addresses."""
    row1(code, cython.cast(reader, x), cython.cast(writer, out), n)


def run2(
    code: cython.int, mode: cython.int, x: cython.size_t, y: cython.size_t, out: cython.size_t, n: cython.Py_ssize_t
):
    """row2 on addresses."""
    row2(code, mode, cython.cast(reader, x), cython.cast(reader, y), cython.cast(writer, out), n)


def runn(code: cython.int, operands: cython.size_t, count: cython.Py_ssize_t, out: cython.size_t, n: cython.Py_ssize_t):
    """rown on addresses; `operands` is that of an array of addresses."""
    rown(code, cython.cast(readers, operands), count, cython.cast(writer, out), n)


def run_both(
    code: cython.int, mode: cython.int, x: cython.size_t, y: cython.size_t, out: cython.size_t,
    partial: cython.size_t, n: cython.Py_ssize_t,
):
    """both on addresses."""
    both(
        code, mode, cython.cast(reader, x), cython.cast(reader, y), cython.cast(writer, out),
        cython.cast(writer, partial), n,
    )
'''

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
    rules: dict[str, Any], computed: dict[str, Any], codes: dict[str, int], spelling: Spelling, header: str
) -> dict[str, str]:
    """The generated files as {name: text}; `codes` are those of the rows."""
    hand = _Hand(Path(__file__).parent)
    kernels = _Kernels(rules, computed, spelling, hand)
    numbers = {name: codes[name] for name in rules}
    for entry in computed.values():
        numbers[entry.name] = 1 + max(numbers.values())
    pairs = {pair: number for number, pair in enumerate(kernels.pairs)}
    calls = set().union(*(op.calls for op in kernels.operations.values())) - {"divide"}
    homes = spelling.homes(calls)
    aliases = {
        module: ", ".join(f"{name} as exact_{name}" for name in names) for module, names in homes.items()
    }
    arrays = ", ".join(sorted({"erf", "erfc", "power_of_2", "fused", "select", *hand.library} - {"exact"}))
    head = _HEAD.format(
        arrays=arrays, codes=numbers, pairs=pairs,
        imports="\n".join(f"    from minigrad.{module} import {names}" for module, names in aliases.items() if names),
    )  # fmt: skip
    forms = [
        f"{op.name!r}: ({f'lane_of_{op.name}' if op.lane else None}, "
        f"{f'unsure_of_{op.name}' if op.lane and op.unsure else None}, "
        f"{f'exact_of_{op.name}' if op.calls or not op.lane else None}),"
        for op in kernels.operations.values()
    ]
    text = [
        f'"""{header}"""', head, *hand.copied(), _NUMPYS_OWN, *kernels.loops(codes), *kernels.switches(numbers, pairs),
        _TAIL.format(forms="\n        ".join(forms)),
    ]  # fmt: skip
    pxd = _PXD.format(
        lanes=", ".join(["reader", "readers", "writer", *hand.library]),
        imports="\n".join(
            f"from minigrad.{module} cimport {names}" for module, names in aliases.items() if names
        ),
    )
    return {
        "program/kernels.py": "\n".join(text),
        "program/kernels.pxd": f"# {header}{pxd}",
        "program/kernels.pyi": f"# {header}{_STUB}",
    }
