"""What varies and what does not, and how each varying expression is computed: one operation, or a sum of products.

Room: reads expressions and adds a few products and sums of uniform ones. Names the operations that add, multiply and
choose, and no other. Below: `expression`, `instructions`. Above: `schedule`, `lower`.
Must hold: no recursion; linear in what is looked at.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from minigrad.expression import Expressions
from minigrad.program.instructions import Row

#: Operations that are sums of their operands, up to sign and a constant factor.
ADDITIVE = frozenset(("add", "sub", "neg", "sum", "mean", "dot"))


#: Operations that make a 0 by choice, or are 0 where an operand (of `add`: each of them) is.
_CARRY_ZEROS = frozenset(("where", "mul", "div", "neg", "add"))


class Term(NamedTuple):
    """One summand: a uniform factor (None for 1) times a varying expression."""

    factor: int | None
    varying: int


class Linear(NamedTuple):
    """An expression as a sum: terms, and a uniform rest (None for 0)."""

    terms: list[Term]
    rest: int | None


#: How a varying expression is computed: one operation, or a sum of products.
Form: TypeAlias = Row | Linear

#: What is added up over the rows: one varying expression, or the product of two.
Key: TypeAlias = tuple[int] | tuple[int, int]


class Total(NamedTuple):
    """A result that is added up: sum over the terms of a uniform factor times an accumulator, and a uniform rest."""

    terms: list[tuple[int | None, Key]]
    rest: int | None


class Forms:
    """How each varying expression of a program is computed.

    e        the expressions
    columns  the inputs that are columns
    roots    what the program is to compute
    """

    def __init__(self, e: Expressions, columns: Mapping[int, int], roots: Sequence[int]) -> None:
        self.e = e
        self.columns = columns
        self.zero, self.one = e.constant(0.0), e.constant(1.0)
        self.minus_one = e.constant(-1.0)
        self.varying: list[bool] = []
        self.uses = [0] * len(e.ops)
        self._catch_up()
        self._count_uses(roots)
        self._masked: dict[int, bool] = {}

    def _catch_up(self) -> None:
        """Take note of expressions made since."""
        varying, operands, columns = self.varying, self.e.operands, self.columns
        for i in range(len(varying), len(self.e.ops)):
            flag = i in columns
            for x in operands[i]:
                if varying[x]:
                    flag = True
                    break
            varying.append(flag)
        self.uses += [0] * (len(varying) - len(self.uses))

    def _count_uses(self, roots: Sequence[int]) -> None:
        uses, operands = self.uses, self.e.operands
        waiting = []
        for x in roots:
            uses[x] += 1
            if uses[x] == 1:
                waiting.append(x)
        while waiting:
            for x in operands[waiting.pop()]:
                uses[x] += 1
                if uses[x] == 1:
                    waiting.append(x)

    def make(self, op: str, *operands: int) -> int:
        """An expression that may not have been in the graph; it counts as used once more."""
        made = self.e.make(op, operands)
        if made >= len(self.varying):
            self._catch_up()
        self.uses[made] += 1
        return made

    def times(self, x: int | None, y: int | None) -> int | None:
        """The product of two uniform factors, None standing for 1."""
        if x is None or y is None:
            return x if y is None else y
        return self.make("mul", x, y)

    def plus(self, x: int | None, y: int | None) -> int | None:
        """The sum of two uniform summands, None standing for 0."""
        if x is None or y is None:
            return x if y is None else y
        return self.make("add", x, y)

    # -- sums ---------------------------------------------------------------------------------------------

    def linear(self, root: int) -> Linear:
        """`root` as a sum of terms; sums and scaled numbers below it are taken in where nothing else needs them."""
        ops, uses, varying = self.e.ops, self.uses, self.varying
        collected: dict[int, int | None] = {}
        rest: int | None = None
        waiting: list[tuple[int, int | None]] = [(root, None)]
        while waiting:
            x, factor = waiting.pop()
            if not varying[x]:
                rest = self.plus(rest, x if factor is None else self.times(factor, x))
                continue
            op = ops[x]
            if op in ADDITIVE and (x == root or uses[x] <= 1):
                if op == "add":
                    left, right = self.e.operands[x]
                    waiting.append((right, factor))
                    waiting.append((left, factor))
                else:
                    waiting += reversed(list(self._summands(x, factor)))
                continue
            if op == "mul" and uses[x] <= 1:
                factor, x = self._scaled(x, factor)
            if x in collected:
                factor = self.plus(or_else(collected[x], self.one), or_else(factor, self.one))
            collected[x] = factor
        return Linear([Term(factor, x) for x, factor in collected.items()], rest)

    def _summands(self, x: int, factor: int | None) -> Iterator[tuple[int, int | None]]:
        e, op, operands = self.e, self.e.ops[x], self.e.operands[x]
        if op == "mean":
            factor = self.times(factor, e.constant(1.0 / len(operands)))
            self._catch_up()
        if op == "dot":
            half = len(operands) // 2
            for w, v in zip(operands[:half], operands[half:], strict=True):
                if self.varying[w] and self.varying[v]:
                    yield self.make("mul", w, v), factor
                else:
                    u, v = (v, w) if self.varying[w] else (w, v)
                    yield v, self.times(factor, u)
            return
        for position, operand in enumerate(operands):
            negated = op == "neg" or (op == "sub" and position == 1)
            yield operand, self.times(factor, self.minus_one) if negated else factor

    def _scaled(self, x: int, factor: int | None) -> tuple[int | None, int]:
        """A product as a uniform factor and what it multiplies."""
        ops, operands, varying = self.e.ops, self.e.operands, self.varying
        while ops[x] == "mul" and self.uses[x] <= 1:
            left, right = operands[x]
            if varying[left]:
                if varying[right]:
                    break
                left, right = right, left
            factor, x = self.times(factor, left), right
        return factor, x

    def form(self, x: int) -> Form:
        """How the varying expression `x` is computed."""
        op, operands = self.e.ops[x], self.e.operands[x]
        if op in ADDITIVE:
            linear = self.linear(x)
            return (self._short(linear) if len(linear.terms) <= 2 else None) or linear
        if op in ("mul", "div"):
            return self._product(op, x, *operands)
        return Row(op, x, operands)

    def _short(self, linear: Linear) -> Row | None:
        """A sum of two as one operation, where it is no sum of products."""
        terms, rest = linear
        if any(factor not in (None, self.minus_one) for factor, _ in terms):
            return None
        plus = [x for factor, x in terms if factor is None]
        minus = [x for factor, x in terms if factor is not None]
        if rest is not None:
            plus.append(rest)
        if len(plus) == 2 and not minus:
            return Row("add", -1, tuple(plus))
        if len(plus) == 1 and len(minus) == 1:
            return Row("sub", -1, (plus[0], minus[0]))
        if not plus and len(minus) == 1:
            return Row("neg", -1, (minus[0],))
        return None

    # -- a 0 that was chosen ------------------------------------------------------------------------------

    def _product(self, op: str, x: int, left: int, right: int) -> Row:
        """A product or quotient; a factor that is 0 by choice makes it 0, whatever the other is."""
        if self.varying[left] and self.varying[right]:
            if self.masked(left):
                return Row(op, x, (left, self.make("where", left, right, self.one)))
            if op == "mul" and self.masked(right):
                return Row(op, x, (right, self.make("where", right, left, self.one)))
        return Row(op, x, (left, right))

    def masked(self, x: int) -> bool:
        """Whether `x` may be 0 by choice: a branch of a `where`, a product with one, a sum of such."""
        ops, known = self.e.ops, self._masked
        if x in known or ops[x] not in _CARRY_ZEROS:
            return known.get(x, False)
        operands, number = self.e.operands, self.e.number
        waiting = [x]
        while waiting:
            top = waiting[-1]
            if top not in known:
                op, parts = ops[top], operands[top]
                if op == "where":
                    known[top] = number.get(parts[1]) == 0.0 or number.get(parts[2]) == 0.0
                elif op not in _CARRY_ZEROS:
                    known[top] = False
                else:
                    factors = parts[:1] if op == "div" else parts
                    if missing := [part for part in factors if part not in known]:
                        waiting += missing
                        continue
                    known[top] = (all if op == "add" else any)(known[part] for part in factors)
            waiting.pop()
        return known[x]

    # -- what is added up over the rows -------------------------------------------------------------------

    def total(self, root: int, weight: int | None) -> Total:
        """A result that is added up over the rows, each times its weight."""
        if not self.varying[root]:
            linear = Linear([], root)
        elif self.e.ops[root] in ADDITIVE:
            linear = self.linear(root)
        else:
            linear = Linear([Term(None, root)], None)
        terms = []
        for factor, x in linear.terms:
            factor, factors = self._factors(x, factor)
            terms.append((factor, self._key(factors, weight)))
        return Total(terms, linear.rest)

    def _factors(self, x: int, factor: int | None) -> tuple[int | None, list[int]]:
        """`x` as a uniform factor times varying ones, at least one."""
        ops, operands = self.e.ops, self.e.operands
        found: list[int] = []
        waiting = [x]
        while waiting:
            top = waiting.pop()
            if not self.varying[top]:
                factor = self.times(factor, top)
            elif ops[top] == "mul" and (top == x or self.uses[top] <= 1):
                waiting += operands[top]
            elif ops[top] == "neg" and self.uses[top] <= 1:
                factor = self.times(factor, self.minus_one)
                waiting.append(operands[top][0])
            else:
                found.append(top)
        return factor, sorted(found)

    def _key(self, factors: list[int], weight: int | None) -> Key:
        column = None
        if len(factors) > 1:
            columns: Container[int] = self.columns
            column = next((x for x in reversed(factors) if x in columns), factors[-1])
            factors.remove(column)
        if weight is not None and column is None and factors[0] in self.columns:
            return weight, factors[0]
        if weight is not None:
            factors.append(weight)
        product = factors[0]
        for x in factors[1:]:
            product = self.make("mul", product, x)
        return (product,) if column is None else (product, column)


def or_else(x: int | None, default: int) -> int:
    """`x`, or the default for None."""
    return default if x is None else x
