"""What is known of the numbers an expression can take: enough to prove the conditions of a rewrite.

Room: intervals from the ranges of operations (`rewrites.RANGES`) and, for real numbers, from the domains of the
operations that use them (`rules`). Below: `expression`. Above: `simplify`.
Must hold: what it proves is true of exact arithmetic; what it cannot prove is not assumed; linear time, no recursion.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable
from functools import cache
from typing import NamedTuple, TypeAlias

from minigrad.expression import Expressions
from minigrad.rewrites import RANGES
from minigrad.rules import RULES

INF = math.inf


class Range(NamedTuple):
    """An interval; `open` ends do not belong to it, and `nonzero` says that 0 does not."""

    low: float = -INF
    high: float = INF
    low_open: bool = False
    high_open: bool = False
    nonzero: bool = False

    @property
    def positive(self) -> bool:
        """Above 0."""
        return self.low > 0.0 or (self.low == 0.0 and (self.low_open or self.nonzero))

    @property
    def negative(self) -> bool:
        """Below 0."""
        return self.high < 0.0 or (self.high == 0.0 and (self.high_open or self.nonzero))

    @property
    def without_zero(self) -> bool:
        """Not 0."""
        return self.nonzero or self.positive or self.negative

    def meets(self, relation: str, number: float) -> bool:
        """Whether every number of the interval stands in this relation to `number`."""
        match relation:
            case ">":
                return self.low > number or (
                    self.low == number and (self.low_open or (number == 0 and self.nonzero))
                )
            case ">=":
                return self.low >= number
            case "<":
                return self.high < number or (
                    self.high == number and (self.high_open or (number == 0 and self.nonzero))
                )
            case "<=":
                return self.high <= number
        return (number == 0 and self.without_zero) or self.meets(">", number) or self.meets("<", number)

    def within(self, relation: str, number: float) -> Range:
        """The part of the interval that stands in this relation to `number`."""
        low, high, low_open, high_open, nonzero = self
        if relation in (">", ">=") and (number, relation == ">") > (low, low_open):
            low, low_open = number, relation == ">"
        if relation in ("<", "<=") and (number, relation != "<") < (high, not high_open):
            high, high_open = number, relation == "<"
        return Range(low, high, low_open, high_open, nonzero or (relation == "!=" and number == 0))


ANY = Range()


class Fact(NamedTuple):
    """One comparison of a condition: letter relation number.

    The number may be the letter of a constant; the relation `finite` has none.
    """

    letter: str
    relation: str
    number: float | str = 0.0


_RELATIONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", ">"), ast.LtE: ("<=", ">="), ast.Gt: (">", "<"), ast.GtE: (">=", "<="), ast.NotEq: ("!=", "!="),
}  # fmt: skip


@cache
def facts(condition: str) -> tuple[Fact, ...]:
    """A condition such as "0 < x < 1 and finite(x)" as single facts; () where it says nothing of that kind.

    >>> facts("x != 0 and finite(x)")
    (Fact(letter='x', relation='!=', number=0.0), Fact(letter='x', relation='finite', number=0.0))
    """
    try:
        tree = ast.parse(condition, mode="eval").body
        return tuple(_facts(tree))
    except (SyntaxError, KeyError, ValueError):
        return ()


def _facts(node: ast.expr) -> Iterable[Fact]:
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            for value in values:
                yield from _facts(value)
        case ast.Call(func=ast.Name(id="finite"), args=[ast.Name(id=letter)]):
            yield Fact(letter, "finite")
        case ast.Compare(left=first, ops=ops, comparators=others):
            for left, op, right in zip((first, *others), ops, others, strict=False):
                this, mirrored = _RELATIONS[type(op)]
                if isinstance(left, ast.Name):
                    yield Fact(left.id, this, _limit(right))
                elif isinstance(right, ast.Name):
                    yield Fact(right.id, mirrored, _limit(left))
        case _:
            raise ValueError(ast.unparse(node))


def _limit(node: ast.expr) -> float | str:
    return node.id if isinstance(node, ast.Name) else float(ast.literal_eval(node))


def _stated(condition: str) -> Range:
    result = ANY
    for _, relation, number in facts(condition):
        assert isinstance(number, float)
        result = result.within(relation, number)
    return result


#: The range of an operation whatever its operands are.
_OF = {op: _stated(condition) for op, condition in RANGES.items()}


class Ranges:
    """The ranges of the expressions of a store.

    real     True: every expression stands for a real number, and operands lie in the domains of the operations in
             `used`; False: inputs may be anything, infinite and nan too
    used     ids whose operations were recorded
    """

    def __init__(self, e: Expressions, *, real: bool = False, used: Iterable[int] = ()) -> None:
        self._e = e
        self._real = real
        self._known: dict[int, Range] = {}
        self._assumed: dict[int, Range] = {}
        for i in used if real else ():
            self._assume(i)

    def _assume(self, i: int) -> None:
        rule = RULES.get(self._e.ops[i])
        if rule is None or not rule.domain or rule.arity is None:
            return
        for letter, relation, number in facts(rule.domain):
            assert isinstance(number, float)
            operand = self._e.operands[i][rule.operands.index(letter)]
            self._assumed[operand] = self._assumed.get(operand, ANY).within(relation, number)

    def of(self, i: int) -> Range:
        """The range of an expression."""
        known, operands = self._known, self._e.operands
        waiting = [i]
        while waiting:
            j = waiting[-1]
            if j in known:
                waiting.pop()
                continue
            missing = [operand for operand in operands[j] if operand not in known]
            if missing:
                waiting += missing
                continue
            waiting.pop()
            known[j] = self._found(j)
        return known[i]

    def proves(self, i: int, relation: str, number: float) -> bool:
        """Whether an expression is known to stand in this relation to a number."""
        if relation == "finite":
            return self._real or math.isfinite(self._e.number.get(i, INF))
        return self.of(i).meets(relation, number)

    def _found(self, i: int) -> Range:
        e = self._e
        op, operands = e.ops[i], e.operands[i]
        if op == "const":
            number = e.number[i]
            return Range(number, number, nonzero=number != 0.0) if number == number else ANY
        parts = [self._known[operand] for operand in operands]
        found = _ARITHMETIC[op](operands, parts) if op in _ARITHMETIC else _OF.get(op, ANY)
        stated = self._assumed.get(i)
        if stated is None:
            return found
        found = found.within(">" if stated.low_open else ">=", stated.low)
        found = found.within("<" if stated.high_open else "<=", stated.high)
        return found._replace(nonzero=found.nonzero or stated.nonzero)


# -- arithmetic on ranges ---------------------------------------------------------------------------------

#: The range of an operation from its operands, as ids (which may be the same) and as ranges.
Arithmetic: TypeAlias = Callable[[tuple[int, ...], list[Range]], Range]


def _sum(operands: tuple[int, ...], parts: list[Range]) -> Range:
    low = high = 0.0
    low_open = high_open = False
    for part in parts:
        low, high = low + part.low, high + part.high
        low_open, high_open = low_open or part.low_open, high_open or part.high_open
    if low != low or high != high:
        return ANY
    return Range(low, high, low_open, high_open)


def _negated(part: Range) -> Range:
    return Range(-part.high, -part.low, part.high_open, part.low_open, part.nonzero)


def _product(operands: tuple[int, ...], parts: list[Range]) -> Range:
    x, y = parts
    nonzero = x.without_zero and y.without_zero
    if operands[0] == operands[1]:
        return Range(0.0, INF, nonzero=nonzero)
    return _signed(x, y, nonzero)


def _signed(x: Range, y: Range, nonzero: bool) -> Range:
    """What the signs say of a product or a quotient; and that numbers in [-1, 1] stay there."""
    small = max(abs(x.low), abs(x.high), abs(y.low), abs(y.high)) <= 1.0
    most = 1.0 if small else INF
    if (x.low >= 0 and y.low >= 0) or (x.high <= 0 and y.high <= 0):
        return Range(0.0, most, nonzero=nonzero)
    if (x.low >= 0 and y.high <= 0) or (x.high <= 0 and y.low >= 0):
        return Range(-most, 0.0, nonzero=nonzero)
    return Range(-most, most, nonzero=nonzero)


def _quotient(operands: tuple[int, ...], parts: list[Range]) -> Range:
    x, y = parts
    unbounded = y._replace(low=-INF if y.low < 0 else y.low, high=INF if y.high > 0 else y.high)
    return _signed(x, unbounded, x.without_zero)


def _power(operands: tuple[int, ...], parts: list[Range]) -> Range:
    x, y = parts
    if x.positive:
        return Range(0.0, INF, low_open=True)
    if y.low == y.high and y.low % 2 == 0:
        return Range(0.0, INF, nonzero=x.without_zero)
    return Range(0.0, INF) if x.low >= 0 else Range(nonzero=x.without_zero)


def _hull(parts: list[Range]) -> Range:
    low, high = min(part.low for part in parts), max(part.high for part in parts)
    low_open = all(part.low_open for part in parts if part.low == low)
    high_open = all(part.high_open for part in parts if part.high == high)
    return Range(low, high, low_open, high_open, all(part.without_zero for part in parts))


def _largest(parts: list[Range]) -> Range:
    """The range of the larger of two numbers: its low end is that of the part that lies higher."""
    hull = _hull(parts)
    highest = max(parts, key=lambda part: (part.low, part.low_open))
    return hull._replace(low=highest.low, low_open=highest.low_open)


def _keeps_zero(op: str) -> Arithmetic:
    """An operation that is 0 only where its operand is, and otherwise as `RANGES` says."""

    def found(operands: tuple[int, ...], parts: list[Range]) -> Range:
        return _OF.get(op, ANY)._replace(nonzero=all(part.without_zero for part in parts))

    return found


_ARITHMETIC: dict[str, Arithmetic] = {
    "neg": lambda operands, parts: _negated(parts[0]),
    "add": _sum,
    "sub": lambda operands, parts: _sum(operands, [parts[0], _negated(parts[1])]),
    "sum": _sum,
    "mul": _product,
    "div": _quotient,
    "pow": _power,
    "min": lambda operands, parts: _negated(_largest([_negated(part) for part in parts])),
    "max": lambda operands, parts: _largest(parts),
    "where": lambda operands, parts: _hull(parts[1:]),
    "mean": lambda operands, parts: _hull(parts),
    "abs": _keeps_zero("abs"),
    "sqrt": _keeps_zero("sqrt"),
    "hypot": _keeps_zero("hypot"),
}
