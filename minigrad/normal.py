"""Closed forms: sums of products in which like terms are collected and factors cancelled.

Room: a normal form for the arithmetic of an expression, everything else being an atom. Below: `expression`,
`ranges`. Above: `simplify`.
Must hold: an equal number wherever the recorded operations are defined; a factor is cancelled only where it is
proved not to be 0, or is listed in `conditions`; a sum is multiplied out or put over one denominator only where
that makes it shorter, and only while it is small, so that the time is linear; named nodes are atoms.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, TypeAlias

from minigrad.expression import Expressions
from minigrad.ranges import Ranges

#: An int where it is one, which is many times faster, else a Fraction.
Number: TypeAlias = Any
#: Bases and their exponents, in order of id.
Monomial: TypeAlias = tuple[tuple[int, Number], ...]
Powers: TypeAlias = dict[int, Number]
Terms: TypeAlias = dict[Monomial, Number]

#: A sum with more terms is an atom where it stands in another sum or product.
MOST_TERMS = 16
#: A product with more factors is an atom where it stands in another product.
MOST_FACTORS = 24
#: Most terms that are multiplied out to see whether they cancel.
MOST_EXPANDED = 32
#: Most terms that are put over one denominator.
MOST_FRACTIONS = 6
#: How many sums and products are tried in another form; what comes after stays as it is.
MOST_TRIALS = 1000
#: Exponents beyond are left alone.
MOST_POWER = 64
_MOST_COST = 10**6


def exact(number: float) -> Number:
    """A finite double as a fraction, or as an int where it is one."""
    return int(number) if number.is_integer() else Fraction(number)


def _whole(number: Number) -> Number:
    return int(number) if number == int(number) else number


class Normal:
    """The normal forms of the expressions of a store.

    alias       id of a normal form -> the id that it is called by: that of a named node
    conditions  ids that are not 0, by assumption: factors that were cancelled without a proof
    """

    def __init__(self, e: Expressions, ranges: Ranges, named: Iterable[int] = ()) -> None:
        self.e = e
        self.alias: dict[int, int] = {}
        self.conditions: dict[int, None] = {}
        self._named = set(named)
        self._ranges = ranges
        self._products: dict[int, tuple[Number, Powers]] = {}
        self._terms: dict[int, Terms] = {}
        self._made: dict[object, int] = {}
        self._costs: dict[int, int] = {}
        self._trials = 0

    # -- reading a normal form ------------------------------------------------------------------------

    def product_of(self, i: int) -> tuple[Number, Powers]:
        """A normal form as a coefficient and powers."""
        found = self._products.get(i)
        if found is not None and len(found[1]) <= MOST_FACTORS:
            return found
        number = self.e.number.get(i)
        if number is not None and math.isfinite(number):
            return exact(number), {}
        return 1, {i: 1}

    def terms_of(self, i: int) -> Terms:
        """A normal form as a sum of monomials."""
        c, powers = self.product_of(i)
        if not powers:
            return {(): c} if c else {}
        if len(powers) == 1:
            ((base, n),) = powers.items()
            inside = self._terms.get(base)
            if n == 1 and inside is not None and len(inside) <= MOST_TERMS:
                return {monomial: c * k for monomial, k in inside.items()}
        return {tuple(sorted(powers.items())): c}

    # -- making one -----------------------------------------------------------------------------------

    def constant(self, number: Number) -> int:
        """The id of a constant."""
        return self.e.constant(float(number))

    def total(self, parts: Iterable[tuple[Number, int]]) -> int:
        """A sum of multiples, like terms collected."""
        terms: Terms = {}
        for c, i in parts:
            for monomial, k in self.terms_of(i).items():
                _add(terms, monomial, c * k)
        return self.sum(terms)

    def multiplied(self, parts: Iterable[tuple[int, Number]]) -> int:
        """A product of powers, factors cancelled."""
        c: Number = 1
        powers: Powers = {}
        for i, n in parts:
            k, inside = self.product_of(i)
            if k != 1:
                c = c * _raised(k, n)
            for base, m in inside.items():
                self._times(powers, base, m * n)
        return self.product(c, powers)

    def _times(self, powers: Powers, base: int, n: Number) -> None:
        before = powers.get(base, 0)
        if (before < 0) != (n < 0) and before and base not in self.conditions:
            if not self._ranges.of(base).without_zero:
                self.conditions[base] = None
        after = before + n
        if after:
            powers[base] = _whole(after)
        else:
            powers.pop(base, None)

    def sum(self, terms: Terms) -> int:
        """The shortest of the ways to write a sum."""
        best = self._factored(terms)
        if len(terms) < 2 or len(terms) > MOST_TERMS or self._trials >= MOST_TRIALS:
            return best
        for way in (self._expanded, self._together):
            assumed = dict(self.conditions)
            other = way(terms)
            self._trials += other is not None
            if other is not None and self.cost(other) < self.cost(best):
                best = other
            else:
                self.conditions = assumed
        return best

    def product(self, c: Number, powers: Powers) -> int:
        """The shorter of a product and what it is multiplied out."""
        best = self._as_product(c, powers)
        if self._trials >= MOST_TRIALS or not self._may_cancel(powers):
            return best
        self._trials += 1
        assumed = dict(self.conditions)
        terms = self._multiplied_out({tuple(sorted(powers.items())): c})
        if terms is not None:
            other = self._factored(terms)
            if self.cost(other) < self.cost(best):
                return other
        self.conditions = assumed
        return best

    def _may_cancel(self, powers: Powers) -> bool:
        """Whether multiplying out could make a product shorter: two sums, or a sum with a denominator that goes."""
        sums = 0
        for base, n in powers.items():
            inside = self._terms.get(base)
            if inside is None or n < 0 or len(inside) > MOST_TERMS:
                continue
            sums += int(n) if n == int(n) else 0
            if any(m < 0 and b in powers for monomial in inside for b, m in monomial):
                return True
        return 1 < sums <= 4

    # -- the ways to write a sum ----------------------------------------------------------------------

    def _factored(self, terms: Terms) -> int:
        """A sum with what all its terms have in common in front."""
        if not terms:
            return self.constant(0)
        if len(terms) == 1:
            ((monomial, c),) = terms.items()
            return self._as_product(c, dict(monomial))
        common = _common(terms)
        content = _content(terms.values())
        rest: Terms = {}
        for monomial, k in terms.items():
            if common:
                powers = dict(monomial)
                for base, n in common.items():
                    powers[base] -= n
                monomial = tuple((base, n) for base, n in sorted(powers.items()) if n)
            rest[monomial] = _whole(Fraction(k) / content) if content != 1 else k
        sign = 1 if rest[min(rest)] > 0 else -1
        if sign < 0:
            rest = {monomial: -k for monomial, k in rest.items()}
        key = ("sum", frozenset(rest.items()))
        if key not in self._made:
            written = self._made[key] = self._write_sum(rest)
            self._terms[written] = rest
        base = self.alias.get(self._made[key], self._made[key])
        powers = dict(common)
        powers[base] = powers.get(base, 0) + 1
        return self._as_product(sign * content, powers)

    def _expanded(self, terms: Terms) -> int | None:
        """A sum whose products of sums are multiplied out."""
        found = self._multiplied_out(terms)
        return None if found is None or found == terms else self._factored(found)

    def _multiplied_out(self, terms: Terms) -> Terms | None:
        result: Terms = {}
        changed = False
        for monomial, c in terms.items():
            parts: Terms = {(): c}
            for base, n in monomial:
                inside = self._terms.get(base)
                if inside is None or n < 0 or n != int(n) or n > 4:
                    parts = self._each(parts, {((base, n),): 1})
                    continue
                changed = True
                for _ in range(int(n)):
                    if len(parts) * len(inside) > MOST_EXPANDED:
                        return None
                    parts = self._each(parts, inside)
            for m, k in parts.items():
                _add(result, m, k)
        return result if changed and len(result) <= MOST_EXPANDED else None

    def _each(self, left: Terms, right: Terms) -> Terms:
        """The products of the terms of two sums."""
        result: Terms = {}
        for m, c in left.items():
            for n, k in right.items():
                powers = dict(m)
                for base, exponent in n:
                    self._times(powers, base, exponent)
                _add(result, tuple(sorted(powers.items())), c * k)
        return result

    def _together(self, terms: Terms) -> int | None:
        """A sum of fractions over one denominator."""
        below: Powers = {}
        for monomial in terms:
            for base, n in monomial:
                if n < 0 and n == int(n):
                    below[base] = min(below.get(base, 0), n)
        if not below or len(terms) > MOST_FRACTIONS:
            return None
        raised: Terms = {}
        for monomial, c in terms.items():
            powers = dict(monomial)
            for base, n in below.items():
                self._times(powers, base, -n)
            _add(raised, tuple(sorted(powers.items())), c)
        above = self._multiplied_out(raised) or raised
        return self.multiplied([(self._factored(above), 1), (self._as_product(1, dict(below)), 1)])

    # -- writing --------------------------------------------------------------------------------------

    def _as_product(self, c: Number, powers: Powers) -> int:
        """The expression of a product, under its name if it has one."""
        if not c or not powers:
            return self.constant(c)
        if c == 1 and len(powers) == 1:
            ((base, n),) = powers.items()
            if n == 1:
                return self.alias.get(base, base)
        powers = dict(powers)
        for base, n in list(powers.items()):  # a whole power of what was under a root
            k, inside = self.product_of(base)
            if n == int(n) and inside != {base: 1}:
                del powers[base]
                c = c * _raised(k, n)
                for b, m in inside.items():
                    self._times(powers, b, m * n)
        key = (c, frozenset(powers.items()))
        found = self._made.get(key)
        if found is None:
            found = self._write_product(c, powers)
            self._made[key] = found
            if found not in self._terms:
                self._products[found] = (c, powers)
        return self.alias.get(found, found)

    def _write_product(self, c: Number, powers: Powers) -> int:
        e = self.e
        negative = c < 0
        above: list[int] = []
        below: list[int] = []
        for base, n in sorted(powers.items(), key=self._place):
            if negative and n == 1 and base in self._terms and min(self._terms[base].values()) < 0:
                base, negative = self._write_sum({m: -k for m, k in self._terms[base].items()}), False
            (above if n > 0 else below).append(self._write_power(base, abs(n)))
        front, under = _written(abs(c))
        if front != 1.0 or not above:
            above.insert(0, e.constant(front))
        if under != 1.0:
            below.insert(0, e.constant(under))
        if negative and above[0] in e.number:
            above[0], negative = e.constant(-e.number[above[0]]), False
        result = self._chain(above)
        if below:
            result = e.make("div", (result, self._chain(below)))
        return e.make("neg", (result,)) if negative else result

    def _place(self, power: tuple[int, Number]) -> tuple[int, int]:
        """Where a factor stands in a product: names, then functions, then sums."""
        base = power[0]
        if base in self._named or not self.e.operands[base]:
            return 0, base
        return (2 if base in self._terms else 1), base

    def _chain(self, factors: list[int]) -> int:
        result = factors[0]
        for factor in factors[1:]:
            result = self.e.make("mul", (result, factor))
        return result

    def _write_power(self, base: int, n: Number) -> int:
        if n == 1:
            return base
        if n == Fraction(1, 2):
            return self.e.make("sqrt", (base,))
        return self.e.make("pow", (base, self.constant(n)))

    def _write_sum(self, terms: Terms) -> int:
        e = self.e
        first = next((monomial for monomial, c in terms.items() if c > 0), None)
        if first is None:
            return e.make("neg", (self._write_sum({monomial: -c for monomial, c in terms.items()}),))
        result = self._as_product(terms[first], dict(first))
        for monomial, c in terms.items():
            if monomial != first:
                term = self._as_product(abs(c), dict(monomial))
                result = e.make("add" if c > 0 else "sub", (result, term))
        return result

    def cost(self, i: int) -> int:
        """How long an expression is, in signs; a name counts as one."""
        costs, e = self._costs, self.e
        waiting = [i]
        while waiting:
            j = waiting[-1]
            inside = () if j in self._named else e.operands[j]
            missing = [operand for operand in inside if operand not in costs]
            if missing:
                waiting += missing
                continue
            waiting.pop()
            signs = len(repr(e.number[j])) // 4 if j in e.number else 0
            costs[j] = min(_MOST_COST, 1 + signs + sum([costs[operand] for operand in inside]))
        return costs[i]


def _add(terms: Terms, monomial: Monomial, c: Number) -> None:
    total = terms.get(monomial, 0) + c
    if total:
        terms[monomial] = total
    else:
        terms.pop(monomial, None)


def _raised(c: Number, n: Number) -> Number:
    """A coefficient to a whole power."""
    return _whole(Fraction(c) ** int(n))


def _common(terms: Mapping[Monomial, Number]) -> Powers:
    """The powers that all monomials share."""
    monomials = iter(terms)
    common = dict(next(monomials))
    for monomial in monomials:
        if not common:
            return common
        powers = dict(monomial)
        for base, n in list(common.items()):
            m = powers.get(base, 0)
            if m == 0 or (m < 0) != (n < 0):
                del common[base]
            elif abs(m) < abs(n):
                common[base] = m
    return common


def _content(coefficients: Iterable[Number]) -> Number:
    """What to put in front of a sum: the number that all coefficients share."""
    sizes = [abs(c) for c in coefficients]
    if all(size == sizes[0] for size in sizes):
        return sizes[0]
    if all(isinstance(size, int) for size in sizes):
        return math.gcd(*[int(size) for size in sizes])
    return 1


def _written(c: Number) -> tuple[float, float]:
    """A positive coefficient as a factor above and one below: 1/3 goes below, 0.5 and 0.1 above."""
    number = float(c)
    if number == c or isinstance(c, int):
        return number, 1.0
    if max(c.numerator, c.denominator) < 10**6:
        return float(c.numerator), float(c.denominator)
    return number, 1.0
