"""The text of a table's row as a tree of operations, ready to be built or matched many times.

Room: reads the expressions of `rules.py` and `rewrites.py` with Python's grammar; knows which operator is which
operation of the table, and no graph. Below: `rules`. Above: `expression` builds templates, `simplify` matches them.
Must hold: whatever the tables may write can be read here; a text is read once.
"""

from __future__ import annotations

import ast
import math
from functools import cache
from typing import NamedTuple

from minigrad.rules import COMPUTED, RULES


class Template(NamedTuple):
    """One node of a row's text.

    op      an operation of the table, "const", or "letter"
    parts   of an operation
    number  of a "const"
    name    of a "letter"; one that ends in * stands for a group of operands
    """

    op: str
    parts: tuple[Template, ...] = ()
    number: float = 0.0
    name: str = ""


_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow",
}  # fmt: skip

#: Numbers that rows call by name.
_NUMBERS = {"pi": math.pi, "nan": math.nan, "inf": math.inf}


@cache
def template(text: str, letters: tuple[str, ...] = ()) -> Template:
    """The tree of a row's text.

    letters  groups among the letters, such as ("x*",): then x stands for any number of operands

    >>> template("-x / y").parts[0].op
    'neg'
    """
    groups = {letter.rstrip("*") for letter in letters if letter.endswith("*")}
    return _read(ast.parse(text, mode="eval").body, groups)


def _read(node: ast.expr, groups: set[str]) -> Template:
    match node:
        case ast.Constant(value=int() | float() as number):
            return _number(float(number))
        case ast.Name(id=name) if name in _NUMBERS:
            return _number(_NUMBERS[name])
        case ast.Name(id=name):
            return Template("letter", name=name + "*" * (name in groups))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _read(operand, groups)
            return _number(-inner.number) if inner.op == "const" else Template("neg", (inner,))
        case ast.BinOp(left=left, op=operator, right=right):
            return Template(_OPERATORS[type(operator)], (_read(left, groups), _read(right, groups)))
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in RULES or name in COMPUTED:
            return Template(name, tuple(_read(argument, groups) for argument in arguments))
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return Template("where", (_condition(test, groups), _read(body, groups), _read(orelse, groups)))
        case ast.Compare():
            return _condition(node, groups)
    raise ValueError(f"the grammar of the tables has no {ast.unparse(node)}")


def _number(number: float) -> Template:
    return Template("const", number=number)


def _condition(node: ast.expr, groups: set[str]) -> Template:
    """A comparison as a number that is not 0 where it is true."""
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            return _all([_condition(value, groups) for value in values])
        case ast.Compare(left=first, ops=operators, comparators=others):
            sides = [_read(side, groups) for side in (first, *others)]
            pairs = zip(sides, operators, others, sides[1:], strict=False)
            return _all([_compared(left, operator, right) for left, operator, _, right in pairs])
    raise ValueError(f"the grammar of the tables has no condition {ast.unparse(node)}")


def _compared(left: Template, operator: ast.cmpop, right: Template) -> Template:
    match operator:
        case ast.Lt():
            return Template("less", (left, right))
        case ast.LtE():
            return Template("less_equal", (left, right))
        case ast.Gt():
            return Template("less", (right, left))
        case ast.GtE():
            return Template("less_equal", (right, left))
        case ast.Eq():
            return _all([Template("less_equal", (left, right)), Template("less_equal", (right, left))])
        case ast.NotEq() if right == _number(0.0):  # any number but 0 is true
            return left
    raise ValueError("the grammar of the tables has no such comparison")


def _all(conditions: list[Template]) -> Template:
    result = conditions[0]
    for condition in conditions[1:]:
        result = Template("mul", (result, condition))
    return result
