"""A row of the table as functions of one row of a block: without branches, where that is unsure, and exactly.

Room: the first half of writing `kernels.py`; `generate` makes loops of it. Reads the text of `lanes.py` and `folds.py`
and the names in `lanes.pxd`. A parameter p of a lane function for which there is a function p_stage is computed for
the block beforehand: a short loop after another keeps a processor busier than one long chain.
Loaded by file path, so that it works before the package can be imported.
Must hold: no operation is named here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

_TYPES = {"Lane": "cython.double", "Test": "cython.bint"}
INLINE = ["@cython.cfunc", "@cython.inline", "@cython.nogil", "@cython.exceptval(check=False)"]
APART = ["@cython.cfunc", "@cython.nogil", "@cython.exceptval(check=False)"]


class Spelling(NamedTuple):
    """What `codegen` knows about expressions.

    names       functions of the table whose arithmetic goes by another name
    arithmetic  an expression of the table as scalar arithmetic, and the functions it calls
    """

    names: dict[str, str]
    arithmetic: Callable[[str], tuple[str, set[str]]]


# -- what is written by hand --------------------------------------------------------------------------------


class Hand:
    """The functions of lanes.py and folds.py, and what lanes.pxd declares."""

    def __init__(self, folder: Path) -> None:
        lanes, folds = (_functions(folder / name) for name in ("lanes.py", "folds.py"))
        self.constants = _constants(folder / "lanes.py")
        declared = (folder / "lanes.pxd").read_text(encoding="utf-8").partition('    """\n    ctypedef')[2]
        self.library = re.findall(r"^    double (\w+)[ (]", declared, re.M)
        self.lanes = {node.name: node for node in lanes}
        self.folds = {node.name: node for node in folds}

    def parameters(self, name: str) -> list[str]:
        """Of a lane function."""
        return [argument.arg for argument in self.lanes[name].args.args]

    def copied(self, folds: bool) -> Iterator[str]:
        """All the functions of folds.py, or of lanes.py, with C's types."""
        for node in (self.folds if folds else self.lanes).values():
            lines = ast.unparse(_Typed(self.constants).visit(node)).splitlines()
            yield from [*([] if folds else INLINE), *lines, "", ""]


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
    """A table expression without branches; notes what it calls, and what is computed beforehand."""

    def __init__(self, spelling: Spelling, hand: Hand, letters: tuple[str, ...]) -> None:
        self.spelling = spelling
        self.hand = hand
        self.letters = letters
        self.missing = False
        self.unsure: list[str] = []
        self.stages: dict[str, tuple[str, tuple[str, ...]]] = {}

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
        if name in self.hand.lanes:
            given = len(arguments)
            arguments = [*arguments, *(self._stage(p, arguments) for p in self.hand.parameters(name)[given:])]
        self.missing |= name not in self.hand.lanes and name not in self.hand.library
        call = ast.Call(ast.Name(name), arguments, [])
        if f"unsure_{name}" in self.hand.lanes:
            self.unsure.append(f"unsure_{_unparsed(call)}")
        return call

    def _stage(self, parameter: str, arguments: list[ast.expr]) -> ast.expr:
        """A parameter that is computed beforehand where its operands are those of the block."""
        function = f"{parameter}_stage"
        arguments = arguments[: len(self.hand.parameters(function))]
        texts = tuple(map(_unparsed, arguments))
        if not set(texts) <= set(self.letters):
            return ast.Call(ast.Name(function), arguments, [])
        name = "_".join([parameter, *texts])
        self.stages[name] = (function, texts)
        return ast.Name(name)


def _joined(op: ast.operator, parts: list[ast.expr]) -> ast.expr:
    whole = parts[0]
    for part in parts[1:]:
        whole = ast.BinOp(whole, op, part)
    return whole


def _unparsed(tree: ast.expr) -> str:
    return ast.unparse(ast.fix_missing_locations(tree))


# -- operations ---------------------------------------------------------------------------------------------


class Operation:
    """A row of a fixed number of operands, or one of its computed partials.

    letters  its operands
    lane     its expression without branches (and before it, that of `out`), or None where a function has no such form
    unsure   expressions; where one of them holds, `lane` may be more than a few ulp off
    stages   what is computed beforehand: {name: (function, letters)}
    exact    its expression over the scalar functions, as `lane`
    calls    the scalar functions it needs
    """

    def __init__(self, name: str, text: str, rule: Any, spelling: Spelling, hand: Hand) -> None:
        self.name = name
        self.letters: tuple[str, ...] = rule.operands
        texts = [rule.value, text] if re.search(r"\bout\b", text) else [text]
        spell = _Lanes(spelling, hand, self.letters)
        lanes = [_unparsed(spell.visit(ast.parse(part, mode="eval").body)) for part in texts]
        self.lane = None if spell.missing else lanes
        self.unsure = spell.unsure if self.lane else []
        self.stages = spell.stages if self.lane else {}
        exact = [spelling.arithmetic(part) for part in texts]
        self.exact = [part for part, _ in exact] if self.unsure or not self.lane else []
        self.calls: set[str] = set().union(*(used for _, used in exact)) if self.exact else set()

    def functions(self) -> Iterator[str]:
        """lane_of_<name>, unsure_of_<name> and exact_of_<name>, as far as the loops need them."""
        parameters = [*self.letters, *self.stages]
        if self.lane:
            yield from self._function("lane", INLINE, self.lane, parameters)
        if self.unsure:
            yield from self._function("unsure", INLINE, [" | ".join(self.unsure)], parameters, "cython.bint")
        if self.exact:
            texts = [re.sub(r"\b(\w+)(?=\()", r"exact_\1", text) for text in self.exact]
            yield from self._function("exact", APART, texts, [*self.letters])

    def _function(
        self,
        kind: str,
        how: list[str],
        texts: list[str],
        parameters: list[str],
        result: str = "cython.double",
    ) -> Iterator[str]:
        yield from how
        given = ", ".join(f"{name}: cython.double" for name in parameters)
        yield f"def {kind}_of_{self.name}({given}) -> {result}:"
        yield from (f"    out: cython.double = {text}" for text in texts[:-1])
        yield from [f"    return {texts[-1]}", "", ""]

    def form(self, kind: str) -> str:
        """lane or unsure as a function of the operands alone, for the interpreted kernels; or "None"."""
        if not getattr(self, kind):
            return "None"
        if not self.stages or kind == "exact":
            return f"{kind}_of_{self.name}"
        stages = [f"{function}({', '.join(letters)})" for function, letters in self.stages.values()]
        letters = ", ".join(self.letters)
        return f"lambda {letters}: {kind}_of_{self.name}({letters}, {', '.join(stages)})"
