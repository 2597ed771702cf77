"""A formula as a small tree that can be written as text, LaTeX or MathML, and the reading of one.

Room: data, and the way from a text in the grammar of `notation` and of `rules.py` to a tree. Knows no graph.
Above: `typeset`, which writes it, and everything here that says something with a formula.
Must hold: what is read is the text as it stands, in its order of operations; what cannot be read, because it was cut,
is three dots.
"""

from __future__ import annotations

import ast
import re
from collections import ChainMap
from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import inf, nan
from typing import NamedTuple


class Math(NamedTuple):
    """A formula.

    kind   "number", "name", "text", "sum", "product", "links", "fraction", "power", "minus", "call", "cases",
           "compare", "partial", "group" (in parentheses)
    text   of a number, name, text, comparison sign or function
    parts  what it is made of: of "partial" (∂L/∂z) L and z; of "cases" the value, its condition, the other value;
           "links" are the factors of the chain rule, which are set a little apart
    number of a number: what it is, all digits
    """

    kind: str
    text: str = ""
    parts: tuple[Math, ...] = ()
    number: float = nan


def number(x: float, digits: int = 6) -> Math:
    """A number as it is shown: as many digits as asked for, no zeros behind."""
    return Math("number", _digits(x, digits), number=x)


def _digits(x: float, digits: int) -> str:
    if x != x or x in (inf, -inf):
        return "nan" if x != x else "inf" if x > 0 else "-inf"
    if x == int(x) and abs(x) < 10 ** min(digits + 2, 15):
        return str(int(x))
    return f"{x:.{digits}g}"


def exact(x: float, digits: int = 6) -> Math:
    """A number that belongs to a formula: not rounded, 1/3 as a fraction."""
    short = number(x, digits)
    if x != x or x in (inf, -inf) or float(short.text) == x:
        return short
    near = Fraction(x).limit_denominator(1000)
    if near.numerator / near.denominator == x:
        above, below = (number(float(abs(part))) for part in near.as_integer_ratio())
        quotient = Math("fraction", parts=(above, below))
        return minus(quotient) if x < 0 else quotient
    return Math("number", repr(x), number=x)


def name(text: str) -> Math:
    """A node, by what it is called."""
    return Math("name", text)


def words(text: str) -> Math:
    """Text within a formula."""
    return Math("text", text)


def partial(of: Math, by: Math) -> Math:
    """∂of/∂by."""
    return Math("partial", parts=(of, by))


def minus(x: Math) -> Math:
    """-x; two of them cancel."""
    return x.parts[0] if x.kind == "minus" else Math("minus", parts=(x,))


def total(terms: Sequence[Math]) -> Math:
    """A sum; of one term this itself, of none 0."""
    if len(terms) == 1:
        return terms[0]
    return Math("sum", parts=tuple(terms)) if terms else number(0.0)


def products(pairs: Sequence[tuple[Math, ...]]) -> Math:
    """A sum of products of numbers; a minus in the middle of the line is enclosed."""
    terms = []
    for k, factors in enumerate(pairs):
        first = factors[0]
        if k and first.kind == "number" and first.text.startswith("-"):
            first = Math("group", parts=(first,))
        terms.append(Math("links", parts=(first, *factors[1:])))
    return total(terms)


def links(factors: Sequence[Math]) -> Math:
    """A product of the links of a chain; factors of 1 are left out."""
    kept = [factor for factor in factors if not (factor.kind == "number" and factor.text == "1")]
    if len(kept) == 1:
        return kept[0]
    return Math("links", parts=tuple(kept)) if kept else number(1.0)


# -- reading ----------------------------------------------------------------------------------------------

_WORD = re.compile(r"d([^\W\d]\w*)/d([^\W\d]\w*)")
_MARK = "d_by_d_"
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "=", ast.NotEq: "!=", ast.In: "in",
}  # fmt: skip


def read(text: str, names: Mapping[str, Math], *, digits: int = 6, condition: bool = False) -> Math:
    """The formula that a text says.

    text   in the grammar of `notation`, in which dL/dz is one word if L and z are in `names`; or of `rules.py`
    names  what to write for a name; others are written as they stand
    condition  a comparison is one, and not the number 1 or 0

    >>> read("a*(1 - a)", {}).kind
    'product'
    """
    made: dict[str, Math] = {}

    def word(match: re.Match[str]) -> str:
        if match[1] not in names or match[2] not in names:
            return match[0]
        mark = f"{_MARK}{len(made)}"
        made[mark] = partial(names[match[1]], names[match[2]])
        return mark

    plain = _WORD.sub(word, text)
    if "…" in plain:
        return words("…")
    *steps, last = plain.split("; ")
    known = ChainMap(made, dict(names) if not isinstance(names, dict) else names)
    try:
        for step in steps:  # t1 = …, a part that occurs several times: put where it stands
            part, _, formula = step.partition(" = ")
            known[part] = _Reader(known, digits).read(ast.parse(formula, mode="eval").body)
        body = ast.parse(last.strip(), mode="eval").body
        reader = _Reader(known, digits)
        bare = isinstance(body, ast.Compare) and len(body.ops) == 1
        return reader.condition(body) if bare and condition else reader.read(body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return words("…")


class _Reader:
    def __init__(self, names: Mapping[str, Math], digits: int) -> None:
        self.names = names
        self.digits = digits

    def read(self, node: ast.expr) -> Math:
        """One node of the syntax tree."""
        match node:
            case ast.Name(id=text):
                return self.names.get(text) or (number(float(text)) if text in ("inf", "nan") else name(text))
            case ast.Constant(value=int() | float() as x):
                return exact(float(x), self.digits)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as x)):
                return exact(-float(x), self.digits)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return Math("minus", parts=(self.read(operand),))
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                return total(self._terms(node))
            case ast.BinOp(op=ast.Mult()):
                return self._product(node)
            case ast.BinOp(left=x, op=ast.Div(), right=y):
                above = self.read(x)
                if above.kind == "minus":  # -x/y: one minus in front
                    return minus(Math("fraction", parts=(above.parts[0], self.read(y))))
                return Math("fraction", parts=(above, self.read(y)))
            case ast.BinOp(left=x, op=ast.Pow(), right=y):
                return Math("power", parts=(self.read(x), self.read(y)))
            case ast.Compare():  # 1 where it holds, else 0
                return Math("cases", parts=(number(1.0), self.condition(node), number(0.0)))
            case ast.IfExp(test=test, body=x, orelse=y):
                return Math("cases", parts=(self.read(x), self.condition(test), self.read(y)))
            case ast.Call(func=ast.Name(id="where"), args=[test, x, y]):
                return Math("cases", parts=(self.read(x), self.condition(test), self.read(y)))
            case ast.Call(func=ast.Name(id=text), args=arguments):
                return Math("call", text, tuple(map(self.read, arguments)))
            case ast.List(elts=items):
                return Math("call", "", tuple(map(self.read, items)))
        return words(ast.unparse(node))

    def condition(self, node: ast.expr) -> Math:
        """What stands behind an if."""
        match node:
            case ast.Compare(left=x, ops=[op], comparators=[y]):
                return Math("compare", _COMPARISONS[type(op)], (self.read(x), self.read(y)))
            case ast.BoolOp():
                return words(ast.unparse(node))
        return Math("compare", "!=", (self.read(node), number(0.0)))

    def _terms(self, node: ast.expr) -> list[Math]:
        """The terms of a sum, without recursion down its left side."""
        found: list[Math] = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
            term = self.read(node.right)
            found.append(minus(term) if isinstance(node.op, ast.Sub) else term)
            node = node.left
        return [self.read(node), *reversed(found)]

    def _product(self, node: ast.expr) -> Math:
        found: list[Math] = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            found.append(self.read(node.right))
            node = node.left
        first = self.read(node)
        if first.kind == "minus":  # -x*y: one minus in front
            return minus(Math("product", parts=(first.parts[0], *reversed(found))))
        return Math("product", parts=(first, *reversed(found)))
