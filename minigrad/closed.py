"""The closed form of an expression: what one would write on paper.

Room: the normal form of arithmetic, and identities for everything else, over a whole expression. Below: `normal`,
`simplify`, `ranges`. Above: `derive`.
Must hold: the numbers are those of the expression wherever its recorded operations are defined; nodes that the user
named stay as symbols; linear time, no recursion over the expression.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from fractions import Fraction
from math import isfinite

from minigrad.expression import Expressions
from minigrad.normal import MOST_POWER, Normal, Number, exact
from minigrad.ranges import Ranges
from minigrad.rewrites import CLOSED, SIMPLIFY, STABILISE
from minigrad.simplify import Applied, Rewriting
from minigrad.templates import Template

#: Operations that the normal form takes apart; all others are atoms.
_ARITHMETIC = frozenset({"add", "sub", "neg", "mul", "div", "pow", "sqrt"})
_SUMS = frozenset({"add", "sub", "neg"})
_PRODUCTS = frozenset({"mul", "div"})


class Closing:
    """The closed forms of the expressions of a store.

    named       ids that stay as symbols
    used        ids of the recorded operations, in whose domains their operands lie
    conditions  ids that were taken not to be 0, without a proof
    """

    def __init__(self, e: Expressions, named: Collection[int] = (), used: Iterable[int] = ()) -> None:
        self.e = e
        self.ranges = Ranges(e, real=True, used=used)
        self.normal = Normal(e, self.ranges, named)
        self.applied: list[Applied] = []
        self._named = set(named)
        self._done: dict[int, int] = {}
        self._rows = Rewriting(e, self.ranges, keep=named, kinds=(SIMPLIFY, STABILISE, CLOSED))
        self._fuel = 0

    @property
    def conditions(self) -> list[int]:
        """Factors that were cancelled although nothing proves that they are not 0."""
        return list(self.normal.conditions)

    def run(self, ids: Sequence[int], *, written_out: bool = False) -> list[int]:
        """The closed forms; of a named one its name, or what the name stands for where it is to be written out."""
        e, done = self.e, self._done
        order = [i for i in e.order(ids) if i not in done]
        inside = self._inside(order, ids)
        own: dict[int, int] = {}
        for i in order:
            if i in inside:
                continue
            self._fuel = 20
            result = self._of(i, inside)
            own[i] = result
            if i in self._named and e.operands[i]:
                if e.operands[result]:
                    self.normal.alias.setdefault(result, i)
                result = i
            done[i] = result
        return [own.get(i, done[i]) if written_out else done[i] for i in ids]

    def _inside(self, order: list[int], ids: Sequence[int]) -> set[int]:
        """Sums that are only used in one sum, and products in one product: they are taken apart with it."""
        e = self.e
        user: dict[int, int] = {}
        for i in order:
            for operand in e.operands[i]:
                user[operand] = -1 if operand in user else i
        found = set()
        for i, above in user.items():
            if above < 0 or i in self._named or i in self._done:
                continue
            for kind in (_SUMS, _PRODUCTS):
                if e.ops[i] in kind and e.ops[above] in kind:
                    found.add(i)
        return found.difference(ids)

    def _of(self, i: int, inside: set[int]) -> int:
        """The normal form of an expression whose operands, or theirs, have one."""
        e, op = self.e, self.e.ops[i]
        if not e.operands[i]:
            return i
        if op in _SUMS:
            return self.normal.total([(c, self._done[j]) for c, j in self._gathered(i, inside, _SUMS)])
        if op in _PRODUCTS:
            return self._product([(self._done[j], n) for n, j in self._gathered(i, inside, _PRODUCTS)])
        return self.apply(op, tuple([self._done[operand] for operand in e.operands[i]]))

    def _gathered(self, i: int, inside: set[int], kind: frozenset[str]) -> list[tuple[int, int]]:
        """The terms of a sum with their signs, or the factors of a product with their exponents ±1."""
        e = self.e
        found = []
        waiting = [(1, i)]
        while waiting:
            sign, j = waiting.pop()
            if j != i and (j not in inside or e.ops[j] not in kind):
                found.append((sign, j))
                continue
            first, *second = e.operands[j]
            flipped = -sign if e.ops[j] in ("sub", "div") else sign
            waiting += [(flipped, k) for k in second]
            waiting.append((-sign if e.ops[j] == "neg" else sign, first))
        return found

    def _product(self, parts: Sequence[tuple[int, Number]]) -> int:
        below_zero = [i for i, n in parts if n < 0 and self.normal.product_of(i)[0] == 0]
        if not below_zero:
            return self.normal.multiplied(parts)
        above = self._product([(i, n) for i, n in parts if i not in below_zero])
        return self.e.make("div", (above, below_zero[0]))

    # -- one operation --------------------------------------------------------------------------------

    def apply(self, op: str, operands: tuple[int, ...]) -> int:
        """The normal form of an operation on normal forms."""
        if op in _ARITHMETIC:
            found = self._arithmetic(op, operands)
            if found is not None:
                return found
        made = self.e.make(op, operands)
        if made in self.e.number or made in self._done:
            return self._done.get(made, made)
        after = self._rewritten(op, operands, made)
        return self.normal.alias.get(after, after)

    def _arithmetic(self, op: str, operands: tuple[int, ...]) -> int | None:
        normal = self.normal
        if op == "neg":
            return normal.total([(-1, operands[0])])
        if op in ("add", "sub"):
            return normal.total([(1, operands[0]), (1 if op == "add" else -1, operands[1])])
        if op == "mul":
            return normal.multiplied([(operands[0], 1), (operands[1], 1)])
        if op == "div":
            return self._product([(operands[0], 1), (operands[1], -1)])
        exponent = 0.5 if op == "sqrt" else self.e.number.get(operands[1])
        if exponent is None or not isfinite(exponent) or abs(exponent) > MOST_POWER:
            return None
        return self._power(operands[0], exact(exponent))

    def _power(self, i: int, n: Number) -> int | None:
        normal = self.normal
        c, powers = normal.product_of(i)
        if n == int(n):
            return normal.multiplied([(i, n)]) if c or n > 0 else None
        if not powers or Fraction(n).denominator > 100:
            return None
        if c == 1 and list(powers.values()) == [1]:
            return normal.multiplied([(i, n)])
        return normal.product(1, {i: n})

    def _rewritten(self, op: str, operands: tuple[int, ...], made: int) -> int:
        """The first identity that applies, its result in normal form; `made` itself if none does."""
        if self._fuel <= 0:
            return made
        for candidate in self._spellings(op, operands, made):
            found = self._rows.first(candidate)
            if found is not None:
                pattern, letters = found
                self._fuel -= 1
                after = self._build(pattern.replacement, letters)
                self.applied.append(Applied(pattern.row, self.e, candidate, after))
                return after
        return made

    def _spellings(self, op: str, operands: tuple[int, ...], made: int) -> Iterable[int]:
        """An operation as it stands, and with the minus of its operand in front, where rows look for it."""
        yield made
        if len(operands) == 1 and self.normal.product_of(operands[0])[0] < 0:
            opposite = self.normal.total([(-1, operands[0])])
            turned = self.e.make(op, (self.e.make("neg", (opposite,)),))
            if turned != made:
                yield turned

    def _build(self, form: Template, letters: dict[str, int | list[int]]) -> int:
        if form.op == "letter":
            return letters[form.name]  # type: ignore[return-value]
        if form.op == "const":
            return self.e.constant(form.number)
        operands: list[int] = []
        for part in form.parts:
            if part.name.endswith("*"):
                operands += letters[part.name]  # type: ignore[arg-type]
            else:
                operands.append(self._build(part, letters))
        return self.apply(form.op, tuple(operands))


def simplified(
    e: Expressions, ids: Sequence[int], *, named: Collection[int] = (), used: Iterable[int] = ()
) -> list[int]:
    """The closed forms of expressions: like terms collected, factors cancelled, the shorter of the ways to write it.

    named   ids that stay as symbols
    used    ids of operations in whose domains their operands lie

    >>> from minigrad import Value
    >>> x, y = Value(2.0, label="x"), Value(3.0, label="y")
    >>> e = Expressions()
    >>> e.text(simplified(e, e.read([(x * x - y * y) / (x - y) - x]))[0])
    'y'
    """
    return Closing(e, named, used).run(ids, written_out=True)
