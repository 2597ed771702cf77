"""Formulas as trees of plain data, from which the page's script makes MathML, or text where there is no MathML.

Room: texts of the table and closed forms in; nested lists of strings and numbers out. Below: `rules`, `derivative`.
Above: `contents`.
Must hold: what a formula says is read from the table or derived from it, never written by hand; a name of the user's
is in no tree: there, a number says which node or which operand is meant.

A tree is a list, its first item says what it is:

    ["n", "0.5"]            a number              ["fn", "log", x, ...]     a function
    ["x", 1]                an operand            ["frac", x, y]  ["pow", x, y]  ["root", 2, x]  ["abs", x]
    ["out"]                 the result            ["row", part, ...]        parts side by side, texts among them
    ["node", 7]             a node of the graph   ["if", x, condition, y]   x if condition, else y
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeAlias

from minigrad.derivative import derive
from minigrad.rules import RULES, Rule
from minigrad.value import Value, record

Tree: TypeAlias = list[Any]

_SIGNS = {ast.Add: ("+", 1), ast.Sub: ("−", 1), ast.Mult: ("·", 2)}
_COMPARED = {ast.Lt: "<", ast.LtE: "≤", ast.Gt: ">", ast.GtE: "≥", ast.Eq: "=", ast.NotEq: "≠"}
_ANY, _SUM, _PRODUCT, _POWER, _ATOM = range(5)
#: Longest closed form that is worth showing.
LONGEST = 80


class NoTreeError(ValueError):
    """A text that is no formula, or holds a name that is not known."""


def tree(text: str, names: Mapping[str, Tree]) -> Tree:
    """A formula of the table's grammar as a tree; `names` are those that may be in it.

    >>> tree("-x / y", {"x": ["x", 0], "y": ["x", 1]})
    ['frac', ['row', '−', ['x', 0]], ['x', 1]]
    """
    try:
        parsed = ast.parse(text, mode="eval").body
    except (SyntaxError, RecursionError, ValueError) as error:
        raise NoTreeError(str(error)) from None
    return _Reader(names).read(parsed)[0]


class _Reader:
    """Turns a syntax tree into a tree and how tightly it binds."""

    def __init__(self, names: Mapping[str, Tree]) -> None:
        self.names = names

    def read(self, e: ast.expr) -> tuple[Tree, int]:
        match e:
            case ast.Constant(value=int() | float() as number):
                return ["n", f"{number:.6g}"], _ATOM
            case ast.Name(id=name):
                return self._name(name), _ATOM
            case ast.UnaryOp(op=ast.USub(), operand=x):
                return ["row", "−", self.inside(x, _PRODUCT)], _SUM
            case ast.BinOp(left=x, op=ast.Div(), right=y):
                return self._quotient(x, y)
            case ast.BinOp(left=x, op=ast.Pow(), right=y):
                return ["pow", self.inside(x, _ATOM), self.inside(y, _ANY)], _POWER
            case ast.BinOp(left=x, op=operator, right=y) if type(operator) in _SIGNS:
                sign, binds = _SIGNS[type(operator)]
                return ["row", self.inside(x, binds), sign, self.inside(y, binds + 1)], binds
            case ast.Compare(left=left, ops=ops, comparators=others):
                parts: Tree = ["row", self.inside(left, _SUM)]
                for compared, other in zip(ops, others, strict=True):
                    parts += [_COMPARED[type(compared)], self.inside(other, _SUM)]
                return parts, _ANY
            case ast.BoolOp(op=both, values=values):
                word = " and " if isinstance(both, ast.And) else " or "
                return ["row", *_between([self.inside(x, _ANY) for x in values], word)], _ANY
            case ast.IfExp(test=test, body=x, orelse=y):
                return ["if", self.inside(x, _ANY), self.inside(test, _ANY), self.inside(y, _ANY)], _SUM
            case ast.Call(func=ast.Name(id=name), args=args):
                return self._call(name, args)
        raise NoTreeError(ast.unparse(e))

    def inside(self, e: ast.expr, least: int) -> Tree:
        """A part, between brackets where it binds less tightly than it must."""
        made, binds = self.read(e)
        return made if binds >= least else ["row", "(", made, ")"]

    def _name(self, name: str) -> Tree:
        if name in self.names:
            return self.names[name]
        if name in ("pi", "nan", "n"):
            return ["n", {"pi": "π"}.get(name, name)]
        raise NoTreeError(name)

    def _quotient(self, x: ast.expr, y: ast.expr) -> tuple[Tree, int]:
        below: list[ast.expr] = [y]
        above, divisor = x, _divisor(x)
        while isinstance(above, ast.BinOp) and divisor is not None:  # a / b / c
            above, below = above.left, [divisor, *below]
            divisor = _divisor(above)
        if len(below) > 1 and all(ast.dump(part) == ast.dump(y) for part in below):
            under: Tree = ["pow", self.inside(y, _ATOM), ["n", str(len(below))]]
        elif len(below) > 1:
            under = ["row", *_between([self.inside(part, _POWER) for part in below], "·")]
        else:
            under = self.inside(y, _ANY)
        return ["frac", self.inside(above, _ANY), under], _POWER

    def _call(self, name: str, args: list[ast.expr]) -> tuple[Tree, int]:
        parts = [self.inside(x, _ANY) for x in args]
        if name == "exp" and len(parts) == 1:
            return ["pow", ["n", "e"], parts[0]], _POWER
        if name in ("sqrt", "cbrt"):
            return ["root", 2 if name == "sqrt" else 3, parts[0]], _ATOM
        if name == "abs":
            return ["abs", parts[0]], _ATOM
        symbol = RULES[name].symbol if name in RULES and name in ("sigmoid", "digamma") else name
        return ["fn", symbol, *parts], _ATOM


def _divisor(e: ast.expr) -> ast.expr | None:
    """What a quotient divides by."""
    return e.right if isinstance(e, ast.BinOp) and isinstance(e.op, ast.Div) else None


def _between(parts: list[Tree], sign: str) -> list[Any]:
    return [piece for part in parts for piece in (sign, part)][1:]


def _letters(rule: Rule) -> dict[str, Tree]:
    named: dict[str, Tree] = {letter.rstrip("*"): ["x", k] for k, letter in enumerate(rule.operands)}
    return {**named, "out": ["out"]}


@cache
def value_tree(op: str) -> Tree:
    """The value of an operation: what the table says it means, of its operands."""
    return tree(RULES[op].value, _letters(RULES[op]))


@cache
def meaning_tree(op: str) -> Tree | None:
    """What the operation's own name stands for, where the table says so."""
    return tree(RULES[op].means, _letters(RULES[op])) if RULES[op].means else None


@cache
def partial_trees(op: str) -> tuple[Tree, ...]:
    """The partial derivatives of an operation: as one would write them on paper, else as the table has them."""
    rule = RULES[op]
    written = [tree(text, _letters(rule)) for text in rule.partials]
    if rule.arity is not None:
        operands = [Value(0.5, label=letter) for letter in rule.operands]
        result = record(op, operands).named("out")
        for k, operand in enumerate(operands):
            text = str(derive(result, operand))
            if not any(sign in text for sign in ("where", "<", "nan", ".", "hypot")):
                written[k] = tree(text, _letters(rule))
    return tuple(written)


def closed_tree(text: str, names: Mapping[str, Tree]) -> Tree | None:
    """A closed form as a tree, or None where it is too long or a name in it stands for no one node."""
    if len(text) > LONGEST or "where(" in text:  # cases are told by `told`
        return None
    try:
        return tree(text, names)
    except NoTreeError:
        return None
