"""Quotients of polynomials over atoms, with exact coefficients: their arithmetic, and when two are the same.

Room: adds, multiplies, divides and compares; knows of an atom only what its square or its cube is. Below: `normal`
for exact numbers. Above: `field`, which says what the atoms are.
Must hold: coefficients are exact; a denominator is not the polynomial 0; what is too large is refused, never cut.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias

from minigrad.normal import Number

#: Atoms and their exponents, in order; exponents are whole but for those of exponentials.
Monomial: TypeAlias = tuple[tuple[int, Number], ...]
Polynomial: TypeAlias = dict[Monomial, Number]

#: Most products of two terms in all that is compared.
MOST_PRODUCTS = 60_000
#: Most bits of the numerator and the denominator of a coefficient.
MOST_BITS = 4000
ONE: Polynomial = {(): 1}


class TooLargeError(Exception):
    """The polynomials grew past what is compared, or a number is no number."""


class Quotient(NamedTuple):
    """A polynomial over another that is not 0."""

    above: Polynomial
    below: Polynomial = ONE


def whole(number: Number) -> Number:
    """A number as an int where it is one."""
    return int(number) if number == int(number) else number


class Quotients:
    """The quotients over one set of atoms."""

    def __init__(self) -> None:
        self._atoms: list[tuple[str, tuple[Any, ...]]] = []
        self._squares: dict[int, Polynomial] = {}  # what an atom times itself is
        self._cubes: dict[int, Polynomial] = {}
        self._beside: dict[int, tuple[Monomial, Polynomial]] = {}  # what its square times a monomial is
        self._products = 0

    def same(self, one: Quotient, other: Quotient) -> bool:
        """Whether two quotients are the same, as far as arithmetic on the atoms shows."""
        return not self._cleared(self._difference(one, other))

    def _difference(self, one: Quotient, other: Quotient) -> Polynomial:
        if one.below == other.below:
            return combined(one.above, other.above, -1)
        return combined(self.times(one.above, other.below), self.times(other.above, one.below), -1)

    def _cleared(self, p: Polynomial) -> Polynomial:
        """A polynomial times what makes every exponent of an atom with a square or a cube positive."""
        lowest: dict[int, Number] = {}
        for monomial in p:
            for atom, n in monomial:
                if n < 0 and (atom in self._squares or atom in self._cubes):
                    lowest[atom] = min(n, lowest.get(atom, 0))
        return self.times(p, {tuple(sorted((atom, -n) for atom, n in lowest.items())): 1}) if lowest else p

    # -- polynomials ----------------------------------------------------------------------------------

    def times(self, p: Polynomial, q: Polynomial) -> Polynomial:
        """The product of two polynomials, squares and cubes of atoms replaced."""
        if q == ONE:
            return p
        if p == ONE:
            return q
        self._count(len(p) * len(q))
        result: Polynomial = {}
        for m, c in p.items():
            for n, k in q.items():
                added(result, joined(m, n), c * k)
        return self._reduced(result)

    def _reduced(self, p: Polynomial) -> Polynomial:
        """Squares and cubes of atoms replaced by what they are."""
        if not any(self._rule(monomial) for monomial in p):
            return p
        result: Polynomial = {}
        waiting = list(p.items())
        while waiting:
            monomial, c = waiting.pop()
            rule = self._rule(monomial)
            if rule is None:
                added(result, monomial, c)
                continue
            part, by = rule
            if c.numerator.bit_length() > MOST_BITS or c.denominator.bit_length() > MOST_BITS:
                raise TooLargeError("the coefficients are too large")
            self._count(len(by))
            rest = joined(monomial, [(atom, -n) for atom, n in part])
            waiting += [(joined(rest, other), c * k) for other, k in by.items()]
        return result

    def _rule(self, monomial: Monomial) -> tuple[Monomial, Polynomial] | None:
        """A part of a monomial that something else is to take the place of, and that."""
        for atom, n in monomial:
            if n >= 2 and atom in self._squares:
                return ((atom, 2),), self._squares[atom]
            if n >= 3 and atom in self._cubes:
                return ((atom, 3),), self._cubes[atom]
            if n >= 2 and atom in self._beside and _divides(self._beside[atom][0], monomial):
                return self._beside[atom]
        return None

    def _count(self, products: int) -> None:
        self._products += products
        if self._products > MOST_PRODUCTS:
            raise TooLargeError("the polynomials are too large")

    def _raised(self, q: Quotient, n: int) -> Quotient:
        if n < 0:
            return self._raised(self._inverse(q), -n)
        above, below = ONE, ONE
        for _ in range(n):
            above, below = self.times(above, q.above), self.times(below, q.below)
        return Quotient(above, below)

    def _inverse(self, q: Quotient) -> Quotient:
        if not q.above:
            raise TooLargeError("a denominator is 0 everywhere")
        return self._settled(Quotient(q.below, q.above))

    def _settled(self, q: Quotient) -> Quotient:
        """A denominator of one term goes above, with negative exponents."""
        if len(q.below) > 1 or q.below == ONE:
            return q
        ((monomial, c),) = q.below.items()
        return Quotient(
            self.times(q.above, {tuple((atom, -n) for atom, n in monomial): whole(1 / Fraction(c))})
        )

    def add(self, one: Quotient, other: Quotient, sign: int = 1) -> Quotient:
        """The sum of two quotients, or their difference."""
        if one.below == other.below:
            return Quotient(combined(one.above, other.above, sign), one.below)
        above = combined(self.times(one.above, other.below), self.times(other.above, one.below), sign)
        return self._settled(Quotient(above, self.times(one.below, other.below)))

    def multiply(self, one: Quotient, other: Quotient) -> Quotient:
        """The product of two quotients; a denominator that is the other's numerator cancels."""
        (a, b), (c, d) = one, other
        if a == d:
            a, d = ONE, ONE
        if c == b:
            c, b = ONE, ONE
        return self._settled(Quotient(self.times(a, c), self.times(b, d)))

    def divide(self, one: Quotient, other: Quotient) -> Quotient:
        """The quotient of two quotients."""
        return self.multiply(one, self._inverse(other))

    # -- atoms ----------------------------------------------------------------------------------------

    def _atom(self, op: str, operands: tuple[Any, ...]) -> Quotient:
        return Quotient({((self._index(op, operands), 1),): 1})

    def _index(self, op: str, operands: tuple[Any, ...]) -> int:
        for k, (name, others) in enumerate(self._atoms):
            if name == op and len(others) == len(operands) and all(map(self._alike, operands, others)):
                return k
        self._atoms.append((op, operands))
        return len(self._atoms) - 1

    def _alike(self, one: Any, other: Any) -> bool:
        if isinstance(one, Quotient) and isinstance(other, Quotient):
            return self.same(one, other)
        return bool(one == other)

    def _odd(self, op: str, x: Quotient) -> Quotient:
        """f(-x) = -f(x)."""
        return scaled(self._atom(op, (scaled(x, -1),)), -1) if negative(x) else self._atom(op, (x,))

    def _even(self, op: str, x: Quotient) -> Quotient:
        return self._atom(op, (scaled(x, -1) if negative(x) else x,))


def number(c: Number) -> Quotient:
    """The quotient of a number."""
    return Quotient({(): c} if c else {})


def constant_of(q: Quotient) -> Number | None:
    """The number of a quotient that is one."""
    if q.below != ONE or len(q.above) > 1 or (q.above and () not in q.above):
        return None
    return q.above.get((), 0)


def scaled(q: Quotient, c: Number) -> Quotient:
    """A quotient times a number."""
    return Quotient({m: whole(k * c) for m, k in q.above.items()} if c else {}, q.below)


def negative(q: Quotient) -> bool:
    """Whether it is written with a minus: its first term has one."""
    return bool(q.above) and (q.above[min(q.above)] < 0) != (q.below[min(q.below)] < 0)


def added(p: Polynomial, monomial: Monomial, c: Number) -> None:
    """Add a term to a polynomial, in place."""
    total = p.get(monomial, 0) + c
    if total:
        p[monomial] = total
    else:
        p.pop(monomial, None)


def combined(p: Polynomial, q: Polynomial, sign: int = 1) -> Polynomial:
    """The sum of two polynomials, or their difference."""
    result = dict(p)
    for monomial, c in q.items():
        added(result, monomial, sign * c)
    return result


def _divides(m: Monomial, n: Monomial) -> bool:
    powers = dict(n)
    return all(0 < k <= powers.get(atom, 0) for atom, k in m)


def degree(m: Monomial) -> tuple[Number, Monomial]:
    """The order of monomials: by total degree, then by the exponents of the first atoms."""
    return sum(n for _, n in m), tuple((-atom, n) for atom, n in m)


def joined(m: Monomial, n: Iterable[tuple[int, Number]]) -> Monomial:
    """The product of two monomials."""
    if not m:
        return tuple(n)
    powers = dict(m)
    for atom, k in n:
        after = powers.get(atom, 0) + k
        if after:
            powers[atom] = whole(after)
        else:
            del powers[atom]
    return tuple(sorted(powers.items()))
