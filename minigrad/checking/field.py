"""Expressions as quotients of polynomials: the form in which two formulas are compared exactly.

Room: takes an expression apart into +, -, *, / of atoms; an atom is an input, or an operation that no algebra takes
apart. Exponentials, logarithms and what is made of them (sigmoid, tanh, softplus, bce) are written over the same
atoms, so that their identities become arithmetic. Below: `expression`, `polynomials`. Above: `proof`.
Must hold: two quotients that are found the same are the same number wherever both formulas are defined.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from fractions import Fraction
from math import isfinite

from minigrad.checking.polynomials import (
    ONE,
    Monomial,
    Polynomial,
    Quotient,
    Quotients,
    TooLargeError,
    combined,
    constant_of,
    degree,
    joined,
    negative,
    number,
    scaled,
    whole,
)  # fmt: skip
from minigrad.expression import Expressions
from minigrad.normal import Number, exact
from minigrad.rows import CODES
from minigrad.value import evaluate

__all__ = ["Field", "TooLargeError", "decimal"]

#: Most exponents that are multiplied out.
MOST_POWER = 12


def decimal(x: float) -> Number:
    """A double as the short fraction that it rounds, 0.1 as 1/10, if there is one; else exactly.

    >>> decimal(0.1), decimal(0.1 * 3), decimal(2.0)
    (Fraction(1, 10), Fraction(3, 10), 2)
    """
    for most in (1000, 10**6):
        short = Fraction(x).limit_denominator(most)
        if short and abs(short - Fraction(x)) <= abs(Fraction(x)) / 2**51:
            return whole(short)
    return exact(x)


class Field(Quotients):
    """The quotients of the expressions of a store.

    named    ids that are atoms
    reading  how a constant is read: exactly, or as the short fraction that it rounds (`decimal`)
    beside   numbers of the inputs at some point, to compare away from kinks: the square of a sign is then 1, if what it
             is the sign of is analytic and not 0 at that point, and so 0 on a set without volume at most
    kinks    the atoms of which that was said

    >>> from minigrad import Value, exp, sigmoid
    >>> z = Value(0.5, label="z")
    >>> e = Expressions()
    >>> one, other = e.read([sigmoid(z) * (1 - sigmoid(z)), exp(-z) / (1 + exp(-z)) ** 2])
    >>> field = Field(e)
    >>> field.same(field.of(one), field.of(other))
    True
    """

    def __init__(
        self,
        e: Expressions,
        named: Collection[int] = (),
        reading: Callable[[float], Number] = exact,
        beside: Mapping[int, float] | None = None,
    ) -> None:
        super().__init__()
        self.e = e
        self._named = set(named)
        self._reading = reading
        self._done: dict[int, Quotient] = {}
        self._exponentials: dict[int, Quotient] = {}  # atom -> what it is the exponential of
        self._away = beside
        self.kinks: set[int] = set()

    def holds_kinks(self, i: int) -> bool:
        """Whether a kink that was passed over is in an expression."""
        parts = self.of(i)
        return any(atom in self.kinks for p in parts for monomial in p for atom, _ in monomial)

    def of(self, i: int) -> Quotient:
        """The quotient of an expression. Raises TooLargeError."""
        e, done = self.e, self._done
        for j in e.order([i], self._named):
            if j in done:
                continue
            if j in e.number:
                if not isfinite(e.number[j]):
                    raise TooLargeError("a constant is not finite")
                done[j] = number(self._reading(e.number[j]))
            elif j in self._named or not e.operands[j]:
                done[j] = self._atom("input", (j,))
            else:
                done[j] = self._apply(e.ops[j], [done[k] for k in e.operands[j]])
        return done[i]

    # -- operations -----------------------------------------------------------------------------------

    def _apply(self, op: str, x: list[Quotient]) -> Quotient:
        method = getattr(self, f"_of_{op}", None)
        if method is not None:
            found: Quotient = method(*x)
            return found
        if op in _ODD:
            return self._odd(op, x[0])
        return self._atom(op, tuple(x))

    def _of_add(self, x: Quotient, y: Quotient) -> Quotient:
        return self.add(x, y)

    def _of_sub(self, x: Quotient, y: Quotient) -> Quotient:
        return self.add(x, y, -1)

    def _of_neg(self, x: Quotient) -> Quotient:
        return scaled(x, -1)

    def _of_mul(self, x: Quotient, y: Quotient) -> Quotient:
        return self.multiply(x, y)

    def _of_div(self, x: Quotient, y: Quotient) -> Quotient:
        return self.divide(x, y)

    def _of_sum(self, *terms: Quotient) -> Quotient:
        total = number(0)
        for term in terms:
            total = self.add(total, term)
        return total

    def _of_mean(self, *terms: Quotient) -> Quotient:
        return scaled(self._of_sum(*terms), Fraction(1, len(terms)))

    def _of_dot(self, *both: Quotient) -> Quotient:
        half = len(both) // 2
        return self._of_sum(*map(self.multiply, both[:half], both[half:]))

    def _of_pow(self, x: Quotient, y: Quotient) -> Quotient:
        n = constant_of(y)
        if n is None or abs(n) > MOST_POWER or Fraction(n).denominator > 2:
            return self._atom("pow", (x, y))
        return self._raised(x, int(n)) if n == int(n) else self._raised(self._of_sqrt(x), int(2 * n))

    def _of_sqrt(self, x: Quotient) -> Quotient:
        if x.below == ONE and len(x.above) == 1:
            ((monomial, c),) = x.above.items()
            if c == 1 and all(atom in self._exponentials for atom, _ in monomial):
                return Quotient({tuple((atom, whole(Fraction(n) / 2)) for atom, n in monomial): 1})
        found = self._atom("sqrt", (x,))
        if x.below == ONE:
            (((atom, _),),) = found.above
            self._squares.setdefault(atom, x.above)
        return found

    def _of_hypot(self, x: Quotient, y: Quotient) -> Quotient:
        return self._of_sqrt(self.add(self.multiply(x, x), self.multiply(y, y)))

    # exponentials

    def _of_exp(self, x: Quotient) -> Quotient:
        """exp of a sum is the product of the exponentials of its terms, one atom for each monomial."""
        if x.below != ONE:
            x, n = (scaled(x, -1), -1) if negative(x) else (x, 1)
            return Quotient({((self._exponential(x), n),): 1})
        powers = [(self._exponential(Quotient({monomial: 1})), c) for monomial, c in x.above.items()]
        return Quotient({tuple(sorted(powers)): 1})

    def _exponential(self, x: Quotient) -> int:
        atom = self._index("exp", (x,))
        self._exponentials[atom] = x
        return atom

    def _of_expm1(self, x: Quotient) -> Quotient:
        return self.add(self._of_exp(x), number(1), -1)

    def _of_exp2(self, x: Quotient) -> Quotient:
        return self._of_exp(self.multiply(x, self._of_log(number(2))))

    def _of_sinh(self, x: Quotient) -> Quotient:
        return scaled(self.add(self._of_exp(x), self._of_exp(scaled(x, -1)), -1), Fraction(1, 2))

    def _of_cosh(self, x: Quotient) -> Quotient:
        return scaled(self.add(self._of_exp(x), self._of_exp(scaled(x, -1))), Fraction(1, 2))

    def _of_sigmoid(self, x: Quotient) -> Quotient:
        grown = self._of_exp(x)
        return self.divide(grown, self.add(number(1), grown))

    def _of_tanh(self, x: Quotient) -> Quotient:
        grown = self._of_exp(scaled(x, 2))
        return self.divide(self.add(grown, number(1), -1), self.add(grown, number(1)))

    # logarithms

    def _of_log(self, x: Quotient) -> Quotient:
        """log of a product is a sum of logs for those of its factors that are above 0 for certain."""
        total, rest = self._log_of_factors(x.above)
        under, below = self._log_of_factors(x.below)
        total = self.add(total, under, -1)
        left = self._settled(Quotient(rest, below))
        return (
            total if left.above == ONE and left.below == ONE else self.add(total, self._atom("log", (left,)))
        )

    def _log_of_factors(self, p: Polynomial) -> tuple[Quotient, Polynomial]:
        """The logs of the factors of a polynomial that are positive, and what is left."""
        if not p:
            return number(0), p
        c, common, rest = self._factors(p)
        total = _log_of_number(self, abs(Fraction(c)))
        for atom, n in common:
            total = self.add(total, scaled(self._exponentials[atom], n))
        if c < 0:
            rest = {m: -k for m, k in rest.items()}
        if len(rest) > 1 and all(k > 0 and self._positive(m) for m, k in rest.items()):
            return self.add(total, self._atom("log", (Quotient(rest),))), ONE
        return total, rest

    def _positive(self, monomial: Monomial) -> bool:
        return all(atom in self._exponentials for atom, _ in monomial)

    def _factors(self, p: Polynomial) -> tuple[Number, Monomial, Polynomial]:
        """A polynomial as a number, exponentials and the rest."""
        lowest = {atom: n for atom, n in next(iter(p)) if atom in self._exponentials}
        for monomial in p:
            powers = dict(monomial)
            for atom in {*lowest, *(a for a in powers if a in self._exponentials)}:
                lowest[atom] = min(lowest.get(atom, 0), powers.get(atom, 0))
        common = tuple(sorted((atom, n) for atom, n in lowest.items() if n))
        down = tuple((atom, -n) for atom, n in common)
        rest = {joined(monomial, down): k for monomial, k in p.items()}
        c = rest[min(rest)]
        return c, common, {m: whole(Fraction(k) / c) for m, k in rest.items()}

    def _of_log1p(self, x: Quotient) -> Quotient:
        return self._of_log(self.add(number(1), x))

    def _of_log2(self, x: Quotient) -> Quotient:
        return self.divide(self._of_log(x), self._of_log(number(2)))

    def _of_log10(self, x: Quotient) -> Quotient:
        return self.divide(self._of_log(x), self._of_log(number(10)))

    def _of_softplus(self, x: Quotient) -> Quotient:
        return self._of_log(self.add(number(1), self._of_exp(x)))

    def _of_logsigmoid(self, x: Quotient) -> Quotient:
        return scaled(self._of_softplus(scaled(x, -1)), -1)

    def _of_logaddexp(self, *x: Quotient) -> Quotient:
        return self._of_log(self._of_sum(*map(self._of_exp, x)))

    _of_logsumexp = _of_logaddexp

    def _of_logit(self, x: Quotient) -> Quotient:
        return self.add(self._of_log(x), self._of_log(self.add(number(1), x, -1)), -1)

    def _of_bce(self, a: Quotient, y: Quotient) -> Quotient:
        first = self.multiply(y, self._of_log(a))
        other = self.multiply(self.add(number(1), y, -1), self._of_log(self.add(number(1), a, -1)))
        return scaled(self.add(first, other), -1)

    def _of_bce_with_logits(self, z: Quotient, y: Quotient) -> Quotient:
        return self.add(self._of_softplus(z), self.multiply(y, z), -1)

    # trigonometry, the error function

    def _of_sin(self, x: Quotient) -> Quotient:
        found = self._odd("sin", x)
        ((((atom, _),), _),) = found.above.items()
        cos = self._of_cos(x)
        if atom not in self._squares:
            self._squares[atom] = combined(ONE, self.times(cos.above, cos.above), -1)
        return found

    def _of_cos(self, x: Quotient) -> Quotient:
        return self._even("cos", x)

    def _of_tan(self, x: Quotient) -> Quotient:
        return self.divide(self._of_sin(x), self._of_cos(x))

    def _of_erfc(self, x: Quotient) -> Quotient:
        return self.add(number(1), self._odd("erf", x), -1)

    # kinks

    def _of_sign(self, x: Quotient) -> Quotient:
        """s*s*s = s, and x*s*s = x: the largest term of x times s*s becomes x less the others times s*s."""
        c = constant_of(x)
        if c is not None:
            return number((c > 0) - (c < 0))
        if negative(x):
            return scaled(self._of_sign(scaled(x, -1)), -1)
        found = self._atom("sign", (x,))
        (((atom, _),),) = found.above
        if self._away is not None and self._is_not_zero(x, self._away):
            self._squares[atom] = ONE
            self.kinks.add(atom)
        elif atom not in self._cubes:
            self._cubes[atom] = {((atom, 1),): 1}
            if x.below == ONE and all(n > 0 and n == int(n) for m in x.above for _, n in m):
                largest = max(x.above, key=degree)
                c = Fraction(x.above[largest])
                rest = {joined(m, ((atom, 2),)): -k for m, k in x.above.items() if m != largest}
                by = {m: whole(k / c) for m, k in combined(x.above, rest).items()}
                self._beside[atom] = joined(largest, ((atom, 2),)), by
        return found

    def _is_not_zero(self, x: Quotient, numbers: Mapping[int, float]) -> bool:
        """Whether it is analytic for all inputs, and not 0 at a point: then it is 0 on a set without volume."""
        powers = [power for monomial in x.above for power in monomial]
        if x.below != ONE or any(n < 0 and atom not in self._exponentials for atom, n in powers):
            return False
        return all(self._analytic(atom) for atom, _ in powers) and abs(self._number_at(x, numbers)) > 1e-6

    def _analytic(self, atom: int) -> bool:
        op, operands = self._atoms[atom]
        if op == "input":
            return not self.e.operands[operands[0]]
        inside = [a for q in operands for monomial in q.above for a, _ in monomial]
        return op in _ANALYTIC and all(q.below == ONE for q in operands) and all(map(self._analytic, inside))

    def _number_at(self, x: Quotient, numbers: Mapping[int, float]) -> float:
        """An analytic quotient in doubles."""
        total = 0.0
        for monomial, c in x.above.items():
            product = float(c)
            for atom, n in monomial:
                op, operands = self._atoms[atom]
                inside = [] if op == "input" else [self._number_at(q, numbers) for q in operands]
                base = numbers[operands[0]] if op == "input" else evaluate(CODES[op], inside)
                product *= base ** float(n)
            total += product
        return total

    def _of_abs(self, x: Quotient) -> Quotient:
        return self.multiply(x, self._of_sign(x)) if x.below == ONE else self._even("abs", x)

    def _of_relu(self, x: Quotient) -> Quotient:
        return scaled(self.add(x, self._of_abs(x)), Fraction(1, 2))

    def _of_max(self, x: Quotient, y: Quotient) -> Quotient:
        return self.add(y, self._of_relu(self.add(x, y, -1)))

    def _of_min(self, x: Quotient, y: Quotient) -> Quotient:
        return self.add(x, self._of_relu(self.add(x, y, -1)), -1)

    def _of_less(self, x: Quotient, y: Quotient) -> Quotient:
        """1 where the sign s of y - x is 1: (s*s + s)/2."""
        sign = self._of_sign(self.add(y, x, -1))
        return scaled(self.add(self.multiply(sign, sign), sign), Fraction(1, 2))

    def _of_where(self, c: Quotient, x: Quotient, y: Quotient) -> Quotient:
        """y + c*(x - y) where c is 0 or 1, and both branches are numbers whichever is taken."""
        if all(map(self._everywhere, (x, y))) and self.same(self.multiply(c, c), c):
            return self.add(y, self.multiply(c, self.add(x, y, -1)))
        return self._atom("where", (c, x, y))

    def _everywhere(self, x: Quotient) -> bool:
        """Whether it is a number wherever its inputs are: nothing is divided by, no atom has a domain."""
        atoms = {atom for monomial in x.above for atom, n in monomial if n > 0 or atom in self._exponentials}
        divided = any(
            n < 0 and atom not in self._exponentials for monomial in x.above for atom, n in monomial
        )
        return x.below == ONE and not divided and all(self._total(atom) for atom in atoms)

    def _total(self, atom: int) -> bool:
        op, operands = self._atoms[atom]
        return op == "input" or (op in _TOTAL and all(map(self._everywhere, operands)))

    def _of_less_equal(self, x: Quotient, y: Quotient) -> Quotient:
        return self.add(number(1), self._of_less(y, x), -1)


#: Operations that are analytic for all real operands.
_ANALYTIC = frozenset({"exp", "sin", "cos", "atan", "asinh", "erf"})
#: Atoms that are numbers wherever their operands are.
_TOTAL = frozenset({"exp", "sin", "cos", "atan", "asinh", "erf", "cbrt", "sign", "abs"})
#: Operations with f(-x) = -f(x) that have nothing else to say.
_ODD = frozenset({"cbrt", "asin", "atan", "asinh", "atanh", "erf"})


def _log_of_number(field: Field, c: Fraction) -> Quotient:
    """log of a positive fraction over the logs of primes, if these are small."""
    total = number(0)
    for n, sign in ((c.numerator, 1), (c.denominator, -1)):
        prime = 2
        while n > 1:
            if prime * prime > n or prime > 1000:
                prime = n
            if n % prime == 0:
                n //= prime
                total = field.add(total, scaled(field._atom("log", (number(prime),)), sign))
            else:
                prime += 1
    return total
