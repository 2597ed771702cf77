"""minigrad.rewrites: every identity against mathematics, over extreme operands within its condition."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import mpmath
import pytest
from mpmath import mp
from seeded import SEED
from ulp import ulps
from witnesses import WITNESSES, cross_entropy

from minigrad.expression import Expressions
from minigrad.ranges import facts
from minigrad.rewrites import CLOSED, COMMUTATIVE, RANGES, REWRITES, SIMPLIFY, STABILISE, Rewrite
from minigrad.rules import RULES
from minigrad.templates import template
from minigrad.value import CODES, evaluate

INF, NAN = math.inf, math.nan

#: What a row is put to: every letter at each of these, or at random ones where there are many letters.
EXTREMES = (
    *(0.0, -0.0, 5e-324, -5e-324, 1e-310, 1e-300, -1e-300, 1e-17, -1e-17, 1e-9, 0.1, 0.3, 0.5, -0.5, 0.75),
    *(
        1.0,
        math.nextafter(1.0, 0.0),
        math.nextafter(1.0, 2.0),
        -1.0,
        2.0,
        -2.0,
        3.7,
        40.0,
        -40.0,
        750.0,
        -750.0,
    ),
    *(1e9, -1e9, 1e155, 1e200, 1e308, -1e308, INF, -INF, NAN),
)
FEWER = (
    *(0.0, -0.0, 5e-324, -1e-300, 1e-9, 0.3, 0.75, 1.0, -1.0, 2.0, 40.0, -40.0, 750.0, -750.0, 1e155),
    *(1e308, -1e308, INF, NAN),
)
#: Units of the last place that a replacement may be off, and that it may be farther off than its pattern.
FEW, SLACK = 8.0, 2.5


def power_of_e(x: Any) -> Any:
    """exp, without the hours it takes where the result is beyond all doubles."""
    return mp.inf if x > 1e5 else mp.zero if x < -1e5 else mp.exp(x)


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + power_of_e(-x))


def softplus(x: Any) -> Any:
    """log(1 + exp(x))."""
    return max(x, 0) + mp.log1p(power_of_e(-abs(x)))


def hyperbolic_sine(x: Any) -> Any:
    """sinh; `mp.expm1` keeps the digits next to 0."""
    return (mp.expm1(x) - mp.expm1(-x)) / 2 if abs(x) < 1 else (power_of_e(x) - power_of_e(-x)) / 2


def hyperbolic_cosine(x: Any) -> Any:
    """cosh."""
    return (power_of_e(x) + power_of_e(-x)) / 2


def tangent(x: Any) -> Any:
    """tanh."""
    return mp.tanh(x) if abs(x) < 1e4 else mp.sign(x)


def binary_entropy(z: Any, y: Any) -> Any:
    """bce of sigmoid(z), without 1 - a, which takes digits."""
    return (y * softplus(-z) if y else 0) + ((1 - y) * softplus(z) if y != 1 else 0)


def slope(a: Any, y: Any) -> Any:
    """dA of the lecture."""
    return (-y / a if y else 0) + ((1 - y) / (1 - a) if y != 1 else 0)


#: The exact value of each row by its letters in alphabetical order, written down from mathematics.
WITNESSED: dict[str, Callable[..., Any]] = {
    "definition of relu": lambda x: max(x, 0),
    "definition of exp2": lambda x: power_of_e(x * mp.log(2)),
    "definition of expm1": lambda x: power_of_e(x) - 1,
    "definition of log1p": mp.log1p,
    "definition of hypot": lambda x, y: mp.sqrt(x * x + y * y),
    "definition of sigmoid": sigmoid,
    "definition of logsigmoid": lambda x: -softplus(-x),
    "definition of logit": lambda x: mp.log(x) - mp.log(1 - x),
    "definition of softplus": softplus,
    "definition of logaddexp": lambda x, y: max(x, y) + mp.log1p(power_of_e(-abs(x - y))),
    "definition of bce_with_logits": lambda y, z: binary_entropy(z, y),
    "definition of erfc": lambda x: mp.erfc(x) if abs(x) < 100 else 1 - mp.sign(x),
    "definition of logsumexp": lambda x: x,
    "partial of sigmoid": lambda x: sigmoid(x) * sigmoid(-x),
    "partial of bce_with_logits": lambda y, z: sigmoid(z) - y,
    "partial of bce": lambda a, y: slope(a, y),
    "partial of tanh": lambda x: 1 / hyperbolic_cosine(x) ** 2,
    "partial of div": lambda x, y: -x / y**2,
    "partial of atan": lambda x: 1 / (1 + x * x),
    "partial of tan": lambda x: 1 / mp.cos(x) ** 2,
    "plus 0": lambda x: x,
    "minus 0": lambda x: x,
    "0 minus": lambda x: -x,
    "times 1": lambda x: x,
    "times -1": lambda x: -x,
    "over 1": lambda x: x,
    "over -1": lambda x: -x,
    "times 0": lambda x: 0,
    "0 over": lambda x: 0,
    "minus out of a factor": lambda k, x: k * x,
    "half": lambda x: x / 2,
    "half of double": lambda x: x,
    "double of half": lambda x: x,
    "power 0": lambda x: 1,
    "power 1": lambda x: x,
    "power of 1": lambda x: 1,
    "square": lambda x: x * x,
    "power -1": lambda x: 1 / x,
    "power 1/2": mp.sqrt,
    "minus minus": lambda x: x,
    "minus a difference": lambda x, y: y - x,
    "plus minus": lambda x, y: x - y,
    "minus plus minus": lambda x, y: -x - y,
    "minus minus y": lambda x, y: x + y,
    "minus in a product": lambda x, y: -x * y,
    "minus above": lambda x, y: -x / y,
    "minus below": lambda x, y: -x / y,
    "itself minus itself": lambda x: 0,
    "itself over itself": lambda x: 1,
    "times a reciprocal": lambda x, y: x / y,
    "over a reciprocal": lambda x, y: x * y,
    "abs of minus": abs,
    "abs of abs": abs,
    "abs of a positive": lambda x: x,
    "relu of a positive": lambda x: x,
    "min of itself": lambda x: x,
    "max of itself": lambda x: x,
    "either the same": lambda c, x: x,
    "never": lambda x, y: y,
    "chosen by a constant": lambda k, x, y: x,
    "less: always": lambda k, x: 1,
    "less_equal: always": lambda k, x: 1,
    "greater: always": lambda k, x: 1,
    "greater_equal: always": lambda k, x: 1,
    "less: never": lambda k, x: 0,
    "less_equal: never": lambda k, x: 0,
    "greater: never": lambda k, x: 0,
    "greater_equal: never": lambda k, x: 0,
    "1 where less": lambda x, y: int(x < y),
    "1 where less or equal": lambda x, y: int(x <= y),
    "chosen twice": lambda c, x, y, z: x if c else z,
    "chosen twice, less": lambda k, w, x, y, z: y if k < x else w,
    "0 where y is 0": lambda x, y: x * y,
    "root of a square": abs,
    "square of a root": lambda x: x,
    "log of exp": lambda x: x,
    "exp of log": lambda x: x,
    "exp of -log": lambda x: 1 / x,
    "log of a reciprocal": lambda x: -mp.log(x),
    "log of a root": lambda x: mp.log(x) / 2,
    "log of a square": lambda x: 2 * mp.log(abs(x)),
    "reciprocal of exp": lambda x: power_of_e(-x),
    "exp of half an exp": lambda x: power_of_e(x / 2),
    "1 minus exp": lambda x: 1 - power_of_e(x),
    "1 plus expm1": power_of_e,
    "log of 1 minus": lambda x: mp.log1p(-x),
    "log1p of expm1": lambda x: x,
    "expm1 of log1p": lambda x: x,
    "log1p of x - 1": mp.log,
    "log to base 2": lambda x: mp.log(x) / mp.log(2),
    "log to base 10": mp.log10,
    "sin of minus": lambda x: -mp.sin(x),
    "cos of minus": mp.cos,
    "tan of minus": lambda x: -mp.tan(x),
    "sinh of minus": lambda x: -hyperbolic_sine(x),
    "cosh of minus": hyperbolic_cosine,
    "tanh of minus": lambda x: -tangent(x),
    "atan of minus": lambda x: -mp.atan(x),
    "erf of minus": lambda x: -mp.erf(x),
    "sin over cos": mp.tan,
    "sin, cos squared": lambda x: 1,
    "sinh over cosh": tangent,
    "sinh with exps": hyperbolic_sine,
    "cosh with exps": hyperbolic_cosine,
    "tanh with exps": tangent,
    "tanh with expm1": lambda x: tangent(x / 2),
    "expm1 times sigmoid": lambda x: tangent(x / 2),
    "tanh with sigmoid": lambda x: tangent(x / 2),
    "tanh, 1 minus": lambda x: -tangent(x / 2),
    "sigmoid of minus x, written out": lambda x: sigmoid(-x),
    "over 1 + exp": lambda k, x: k * sigmoid(-x),
    "sigmoid with two exps": sigmoid,
    "softmax of two": lambda x, y: sigmoid(x - y),
    "sigmoid with tanh": lambda x: sigmoid(2 * x),
    "sigmoid with tanh, multiplied out": lambda x: sigmoid(2 * x),
    "1 minus tanh": lambda x: sigmoid(-2 * x),
    "sigmoid of minus": lambda x: sigmoid(-x),
    "1 minus sigmoid": lambda x: sigmoid(-x),
    "sigmoid minus 1": lambda x: -sigmoid(-x),
    "exp times sigmoid of minus": sigmoid,
    "exp of logsigmoid": sigmoid,
    "log of 1 minus sigmoid": lambda x: -softplus(x),
    "minus softplus": lambda x: -softplus(x),
    "softplus by log1p": softplus,
    "softplus by cases": softplus,
    "softplus minus x": lambda x: softplus(-x),
    "logit as a difference": lambda x: mp.log(x) - mp.log(1 - x),
    "minus logit as a difference": lambda x: mp.log(1 - x) - mp.log(x),
    "logit of sigmoid": lambda x: x,
    "sigmoid of logit": lambda x: x,
    "log odds of sigmoid": lambda x: x,
    "log-likelihood": lambda a, y: -cross_entropy(a, y),
    "loss with y - 1": cross_entropy,
    "log-likelihood of z": lambda y, z: -binary_entropy(z, y),
    "loss of z, y - 1": lambda y, z: binary_entropy(z, y),
    "loss with softplus": lambda y, z: binary_entropy(z, y),
    "softplus minus yz": lambda y, z: binary_entropy(z, y),
    "loss by cases": lambda y, z: binary_entropy(z, y),
    "loss, 1 - y": lambda y, z: binary_entropy(z, y),
    "loss, 1 - y, by logsigmoid": lambda y, z: binary_entropy(z, y),
    "y minus sigmoid": lambda y, z: y - sigmoid(z),
    "slope of the loss": slope,
    "slope of tanh": lambda x: 1 / hyperbolic_cosine(x) ** 2,
    "slope of tanh, divided": lambda x: 1 / hyperbolic_cosine(x) ** 2,
    "slope of the loss, chained": lambda y, z: sigmoid(z) - y,
}


class Sides:
    """Pattern and replacement of a row as arithmetic over the operations of the table."""

    def __init__(self, row: Rewrite) -> None:
        self._e = Expressions()
        pattern = template(row.pattern)
        self.letters = sorted(set(_names(pattern)))
        ids = {name: self._e.symbol(name) for name in self.letters}
        self._inputs = [ids[name] for name in self.letters]
        self._sides = [self._e.build(pattern, ids), self._e.build(template(row.replacement), ids)]

    def at(self, point: tuple[float, ...]) -> list[float]:
        """The numbers of both."""
        return self._e.evaluate(self._sides, dict(zip(self._inputs, point, strict=True)))


def _names(form: Any) -> Iterator[str]:
    if form.op == "letter":
        yield form.name
    for part in form.parts:
        yield from _names(part)


def points(count: int) -> Iterator[tuple[float, ...]]:
    """Extreme and ordinary operands for so many letters."""
    draw = random.Random(SEED)
    if count == 1:
        yield from ((x,) for x in EXTREMES)
    elif count == 2:
        yield from product(FEWER, FEWER)
    else:
        yield from (tuple(draw.choice(EXTREMES) for _ in range(count)) for _ in range(300))
    for _ in range(100):
        yield tuple(
            draw.choice((draw.uniform(0, 1), draw.uniform(-5, 5), draw.uniform(-60, 60), draw.uniform(-700, 700)))
            for _ in range(count)
        )  # fmt: skip


_HOLDS: dict[str, Callable[[float, float], bool]] = {
    ">": lambda x, n: x > n, ">=": lambda x, n: x >= n, "<": lambda x, n: x < n, "<=": lambda x, n: x <= n,
    "!=": lambda x, n: x != n, "finite": lambda x, n: math.isfinite(x),
}  # fmt: skip


def holds(row: Rewrite, names: dict[str, float]) -> bool:
    """Whether the condition of a row holds at these numbers."""
    for letter, relation, limit in facts(row.where):
        number = names[limit] if isinstance(limit, str) else limit
        if not _HOLDS[relation](names[letter], number):
            return False
    return True


def exact(value: Callable[..., Any], point: tuple[float, ...]) -> Any:
    """The mathematical value at finite operands; nan where it is no real number, inf at a pole."""
    ordinary = all(x == 0.0 or 1e-6 < abs(x) < 50.0 for x in point)
    with mp.workdps(60 if ordinary else 350):
        try:
            result = value(*map(mp.mpf, point))
        except ZeroDivisionError:
            return mp.inf
        return mp.nan if isinstance(result, mp.mpc) else mp.mpf(result)


def same(x: float, y: float) -> bool:
    """Equal, nan being equal to itself, and zeros without a sign."""
    return x == y or (math.isnan(x) and math.isnan(y))


def misses(row: Rewrite, value: Callable[..., Any]) -> Iterator[str]:
    """Every point of its condition at which a row is wrong, or worse than what it replaces."""
    sides = Sides(row)
    for point in points(len(sides.letters)):
        if not holds(row, dict(zip(sides.letters, point, strict=True))):
            continue
        before, after = sides.at(point)
        where = f"{row.name} at {dict(zip(sides.letters, point, strict=True))}: {before!r} became {after!r}"
        if not all(map(math.isfinite, point)):
            if any(map(math.isinf, point)) and any(map(math.isnan, point)):
                continue  # hypot(inf, nan) is inf, and that is a matter of taste
            kept = same(before, after) or (not math.isnan(after) and ulps(after, mp.mpf(before)) <= FEW)
            if not kept and not (math.isnan(before) and any(map(math.isinf, point))):
                yield where  # a nan must not vanish, and what infinities give must stay
            continue
        truth = exact(value, point)
        if mp.isinf(truth):
            if not math.isnan(before) and not same(before, after):
                yield where
            continue
        if mp.isnan(truth) and math.isnan(after):
            continue
        error, was = ulps(after, truth), ulps(before, truth)
        if error > FEW or error > was + SLACK:
            yield f"{where}, exact {mpmath.nstr(truth, 20)}: {error:.3g} ulp, was {was:.3g}"


ROWS = {name: row for name, row in REWRITES.items() if not row.letters}
FLOATING = {name: row for name, row in ROWS.items() if row.kind != CLOSED}


def test_every_row_has_a_witness() -> None:
    """A row nobody has witnessed is a claim, not an identity."""
    assert set(WITNESSED) == set(REWRITES)


@pytest.mark.parametrize("name", FLOATING)
def test_the_replacement_is_right_and_never_worse(name: str) -> None:
    """Within a few ulp of the exact value wherever it is a double, at all operands within the condition."""
    print(f"seed {SEED}")
    found = list(misses(FLOATING[name], WITNESSED[name]))
    assert not found, "\n".join([f"{len(found)} misses:", *found[:30]])


def test_rows_that_only_close_a_form_are_true() -> None:
    """Of real numbers, at ordinary operands: both sides agree with the exact value."""
    for name, row in ROWS.items():
        if row.kind == CLOSED:
            sides, draw = Sides(row), random.Random(SEED)
            for _ in range(200):
                point = tuple(draw.uniform(-5, 5) for _ in sides.letters)
                for side in sides.at(point):
                    assert side == pytest.approx(float(exact(WITNESSED[name], point)), rel=1e-13), (
                        name,
                        point,
                    )


def test_rows_over_any_number_of_operands() -> None:
    """log(sum(exp(x))) is logsumexp, also where exp overflows."""
    grouped = {name for name, row in REWRITES.items() if row.letters}
    assert grouped == {"definition of logsumexp"}
    for numbers in ([0.1, 0.2, 0.3], [750.0, 749.0], [-750.0, -751.0, -800.0], [1e308, 0.0]):
        largest = max(numbers)
        truth = largest + mp.log(mp.fsum(mp.exp(mp.mpf(x) - largest) for x in numbers))
        assert ulps(evaluate(CODES["logsumexp"], numbers), truth) <= FEW


WRONG = {
    "log1p is x": (Rewrite("", "log(1 + x)", "x", STABILISE), mp.log1p),
    "x - x without a condition": (Rewrite("", "x - x", "0", SIMPLIFY), lambda x: 0),
    "x / x at 0": (Rewrite("", "x / x", "1", SIMPLIFY, where="finite(x)"), lambda x: 1 if x else mp.nan),
    "exp of a sum": (Rewrite("", "exp(x) * exp(y)", "exp(x + y)", STABILISE), lambda x, y: power_of_e(x + y)),
    "1 - sigmoid": (Rewrite("", "sigmoid(-x)", "1 - sigmoid(x)", STABILISE), lambda x: sigmoid(-x)),
    "x ** 0.5 below 0": (Rewrite("", "x ** 0.5", "sqrt(x)", SIMPLIFY), lambda x: mp.sqrt(x)),
    "abs without a condition": (Rewrite("", "abs(x)", "x", SIMPLIFY), abs),
    "exp of log below 0": (Rewrite("", "exp(log(x))", "x", STABILISE), lambda x: x if x > 0 else mp.nan),
    "a sign": (Rewrite("", "sin(-x)", "sin(x)", SIMPLIFY), lambda x: -mp.sin(x)),
    "two roundings": (Rewrite("", "log1p(x)", "log(1 + x)", STABILISE), mp.log1p),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_row_is_refused(name: str) -> None:
    """The checker: false identities, missing conditions, and true ones that floating point does not forgive."""
    assert list(misses(*WRONG[name]))


def test_commutative_operations_give_the_same_bits_either_way() -> None:
    """What `expression` relies on to merge x * y with y * x."""
    draw = random.Random(SEED)
    pairs = [*product(EXTREMES, EXTREMES), *((draw.uniform(-9, 9), draw.uniform(-9, 9)) for _ in range(200))]
    for op in COMMUTATIVE:
        for x, y in pairs:
            one, other = evaluate(CODES[op], [x, y]), evaluate(CODES[op], [y, x])
            assert same(one, other)
            assert math.isnan(one) or math.copysign(1.0, one) == math.copysign(1.0, other), (op, x, y)


@pytest.mark.parametrize("op", RANGES)
def test_ranges_hold(op: str) -> None:
    """Of the exact value at every point of the operation's witness (of a computed partial: of its row's)."""
    row, _, letter = op.partition("_d")
    witness = WITNESSES[row if letter else op]
    for point in witness.points:
        value, partials = witness.at(point)
        truth = partials[RULES[row].operands.index(letter)] if letter else value
        if mp.isnan(truth):
            continue
        for _, relation, number in facts(RANGES[op]):
            assert isinstance(number, float)
            far = any(abs(x) > 5.0 for x in point)  # where 60 digits no longer tell 1 from what is next to it
            assert _HOLDS[relation](truth, number) or (far and truth == number), (op, point, relation, number)


def test_names_and_kinds() -> None:
    """No two rows of one pattern and condition, and each of a known kind."""
    assert len({(row.pattern, row.where) for row in REWRITES.values()}) == len(REWRITES)
    assert {row.kind for row in REWRITES.values()} == {SIMPLIFY, STABILISE, CLOSED}
