"""What every operation and its partials are in mathematics, derived on paper, and the points to look at.

Room: one Witness for each row of the table, judged in test_rules. Reads nothing of the table: a row is held
against these, never against itself. Below: mpmath.
Must hold: the points are the same in every run; none of them is a kink (test_rules has those by hand).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeAlias

from mpmath import mp

Point: TypeAlias = tuple[float, ...]
Pick: TypeAlias = Callable[[random.Random], float]

SEED = 20261124
LARGEST = math.nextafter(math.inf, 0.0)


@dataclass(frozen=True)
class Witness:
    """One operation.

    value     of mpmath numbers, an mpmath number
    partials  of the same, a tuple: one for each operand
    points    tuples of operands, all doubles
    digits    to work with; 0: as many as the operands ask for
    """

    value: Callable[..., Any]
    partials: Callable[..., tuple[Any, ...]]
    points: tuple[Point, ...]
    digits: int = 0

    def at(self, point: Point) -> tuple[Any, tuple[Any, ...]]:
        """The exact value and partials at a point, to far more digits than a double has."""
        ordinary = all(x == 0.0 or 1e-6 < abs(x) < 50.0 for x in point)
        with mp.workdps(self.digits or (60 if ordinary else 700)):
            operands = [mp.mpf(x) for x in point]
            return mp.mpf(self.value(*operands)), tuple(map(mp.mpf, self.partials(*operands)))


# -- points ---------------------------------------------------------------------------------------------------

SMALL = (5e-324, 1e-310, 2.2250738585072014e-308, 1e-300, 1e-200, 1e-160, 1e-100, 1e-20, 1e-9)
LARGE = (1e9, 1e22, 1e100, 1.4e154, 1e200, 1e300, 1e308, LARGEST)
PLAIN = (0.1, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 10.0)


def both(numbers: Iterable[float]) -> tuple[float, ...]:
    """Each number and its negative."""
    return tuple(s * x for x in numbers for s in (1.0, -1.0))


def beside(*numbers: float) -> tuple[float, ...]:
    """Each number between its two neighbours."""
    return tuple(y for x in numbers for y in (math.nextafter(x, -math.inf), x, math.nextafter(x, math.inf)))


def below(*numbers: float) -> tuple[float, ...]:
    """The neighbour below each number, and some a little farther away."""
    return tuple(y for x in numbers for y in (math.nextafter(x, -math.inf), x - 5e-15, x - 1e-12, x - 1e-5))


def above(*numbers: float) -> tuple[float, ...]:
    """The neighbour above each number, and some a little farther away."""
    return tuple(-y for y in below(*(-x for x in numbers)))


def uniform(low: float, high: float) -> Pick:
    """Numbers between low and high."""
    return lambda draw: draw.uniform(low, high)


def size(low: float, high: float) -> Pick:
    """Positive numbers of any size between 10**low and 10**high."""
    return lambda draw: 10.0 ** draw.uniform(low, high)


def signed(low: float, high: float) -> Pick:
    """Numbers of either sign, of any size between 10**low and 10**high."""
    return lambda draw: draw.choice((-1, 1)) * 10.0 ** draw.uniform(low, high)


def near(*numbers: float) -> Pick:
    """Numbers a part of 1e-16 to 0.1 away from one of these."""
    return lambda draw: draw.choice(numbers) * (1.0 + draw.choice((-1, 1)) * 10.0 ** draw.uniform(-16, -1))


def whole(low: int, high: int) -> Pick:
    """Whole numbers."""
    return lambda draw: float(draw.randint(low, high))


def some(*shapes: tuple[Pick, ...], count: int = 200) -> tuple[Point, ...]:
    """Random points: each of one of the shapes, which has one pick for each operand."""
    draw = random.Random(SEED)
    return tuple(tuple(pick(draw) for pick in draw.choice(shapes)) for _ in range(count))


def only(numbers: Iterable[float], low: float, high: float) -> tuple[float, ...]:
    """The numbers strictly between low and high."""
    return tuple(x for x in numbers if low < x < high)


def unary(
    value: Callable[..., Any],
    partial: Callable[..., Any],
    fixed: Iterable[float],
    *picks: Pick,
    digits: int = 0,
) -> Witness:
    """Witness of an operation of one operand."""
    points = tuple((x,) for x in fixed) + some(*((pick,) for pick in picks))
    return Witness(value, lambda x: (partial(x),), points, digits)


# -- mathematics ----------------------------------------------------------------------------------------------


def cube_root(x: Any) -> Any:
    """The real one."""
    return mp.sign(x) * mp.cbrt(abs(x))


def power(x: Any, y: Any) -> Any:
    """x**y for x > 0, and for x < 0 with a whole y."""
    if x == 0:
        return mp.mpf(y == 0)
    absolute = mp.exp(y * mp.log(abs(x)))
    return -absolute if x < 0 and mp.fmod(y, 2) != 0 else absolute


def log_gamma(x: Any) -> Any:
    """log|gamma|; left of 0 by reflection, DLMF 5.5.3."""
    return mp.loggamma(x) if x > 0 else mp.log(mp.pi / abs(mp.sinpi(x))) - mp.loggamma(1 - x)


def psi_0(x: Any) -> Any:
    """digamma; left of 0 by reflection, DLMF 5.5.4."""
    return mp.psi(0, x) if x > 0 else mp.psi(0, 1 - x) - mp.pi * mp.cospi(x) / mp.sinpi(x)


def psi_n(n: Any, x: Any) -> Any:
    """polygamma; trigamma left of 0 by reflection, DLMF 5.15.6 (mpmath's own takes hours far to the left)."""
    if n == 1 and x < 0:
        return (mp.pi / mp.sinpi(x)) ** 2 - mp.psi(1, 1 - x)
    return mp.psi(int(n), x)


def cross_entropy(a: Any, y: Any) -> Any:
    """-(y log a + (1 - y) log(1 - a)), 0 log 0 = 0."""
    return -((y * mp.log(a) if y else 0) + ((1 - y) * mp.log(1 - a) if y != 1 else 0))


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + mp.exp(-x))


def softplus(x: Any) -> Any:
    """log(1 + exp(x))."""
    return mp.log(1 + mp.exp(x))


def logsumexp(*x: Any) -> Any:
    """log of the sum of exp."""
    return mp.log(mp.fsum(map(mp.exp, x)))


def softmax(*x: Any) -> tuple[Any, ...]:
    """exp(x_i) / sum of exp(x_j)."""
    total = mp.fsum(map(mp.exp, x))
    return tuple(mp.exp(v) / total for v in x)


def inner_product(*operands: Any) -> Any:
    """Of the first half with the second."""
    half = len(operands) // 2
    return mp.fsum(w * x for w, x in zip(operands[:half], operands[half:], strict=True))


# -- points of one operand ------------------------------------------------------------------------------------

REAL = (0.0, *both(SMALL), *both(LARGE), *both(PLAIN))
NOT_0 = REAL[1:]
POSITIVE = (*SMALL, *LARGE, *PLAIN, *beside(1.0))
INSIDE_1 = (*only(REAL, -1.0, 1.0), *both(below(1.0)))
# The C library answers for sine and cosine. At the double next to a zero, 6381956970095103 * 2**797, glibc 2.36
# itself is 8 ulp off: not among the points.
ANGLES = (*REAL, *both(beside(math.pi / 4, math.pi / 2, math.pi, 1.5 * math.pi, 1e22)), *both((11.0, 355.0)))
OVERFLOW = (709.782712893384, 710.4758600739439)  # of exp, of sinh and cosh
LOGITS = (
    0.0,
    *both((5e-324, 1e-300, 1e-9, 0.5, 1.0, 17.0, 30.0, 36.7, 37.5, 40.0)),
    *both((300.0, 700.0, 709.7, 710.0, 744.0, 745.0, 746.0, 800.0, 1e4)),
)
PROBABILITIES = (5e-324, 1e-310, 1e-300, 1e-17, 1e-9, 0.1, 0.25, *beside(0.5), 0.75, 1 - 1e-9, *below(1.0))
GAMMA_ZEROS = (
    *(-2.457024738220801, -2.7476826467274127, -3.14358088834998, -3.955294284858598, -4.039361839740537),
    *(-4.991544640560048, -5.0082181683225935, -6.001385294453155),
)
PSI_ZEROS = (1.4616321449683622, -0.5040830082644554, -1.573498473162390, -2.610720868444145, -9.702672454103)
LEFT_OF_0 = (
    *both(SMALL[:4]),
    *above(-1.0, -2.0, -3.0, -10.0),
    *below(-1.0, -2.0, -3.0, -10.0),
    *(-0.5, -1.5, -2.25, -3.7, -10.25, -99.5),
)

any_size = signed(-323, 308.2)
logits = (uniform(-750, 750), uniform(-9, 9), signed(-20, 1.5))
gammas = (uniform(0, 20), uniform(-20, 0), size(-10, 300), uniform(-1000, 0))

# -- points of several operands -------------------------------------------------------------------------------

_ENDS = both((5e-324, 1e-310, 1e-200, 1.0, 3.0, 1e200, 1e308))
PAIRS = (
    *product(_ENDS, _ENDS),
    *some((signed(-3, 3),) * 2, (signed(-300, 300),) * 2, (signed(-323, -300), signed(-323, 300))),
)
UNEQUAL = tuple((x, y) for x, y in PAIRS if x != y)
POWERS = (
    *product((5e-324, 1e-310, 1e-200, 1e-5, 0.5, 2.0, 10.0, 1e200, 1e308), (-3.0, -1.0, -0.5, 1e-300)),
    *product((5e-324, 1e-310, 1e-200, 1e-5, 0.5, 2.0, 10.0, 1e200, 1e308), (0.5, 1.0, 1.5, 2.0, 3.0)),
    *product((-3.0, -0.5, -1e-100, -1e100, -1e308, -5e-324), (-5.0, -3.0, -2.0, -1.0, 1.0, 2.0, 3.0, 4.0)),
    *product(beside(1.0), (-1e18, -1e15, 1e10, 1e15, 1e18, 3e18)),
    *product((2.0, -2.0), (1023.0, 1024.0, -1022.0, -1073.0, -1074.0, -1075.0)),
    *product((0.5, -0.5), (1074.0, 1022.0, -1023.0)),
    *((2.0, 1074.5), (2.0, 1e300), (0.5, 1e300), (2.0, -1e300), (10.0, 308.2), (10.0, -323.0), (3.0, -678.0)),
    *(
        (3.0, 646.0),
        (1e308, 5e-324),
        (5e-324, 5e-324),
        (1e-300, 1.07),
        (1e154, 2.0),
        (1e155, 2.0),
        (1e-162, 2.0),
    ),
    *((5e-324, -0.9), (1e300, -1.05), (1.0, 1e308), (1.0, -1e308), (1.0, 0.5)),
    *((-1.0, 3.0), (-1.0, 1e15), (-1.0, 2.0**53)),
    *some((size(-2, 2), uniform(-20, 20)), (size(-300, 300), uniform(-2, 2))),
    *some((near(1.0), signed(0, 15)), (uniform(-9, -1), whole(-30, 30))),
)


def _sums_next_to_1() -> tuple[Point, ...]:
    """x, y with exp(x) + exp(y) next to 1, where logaddexp is next to 0."""
    points = []
    with mp.workdps(60):
        for (x,) in some((lambda draw: -(10.0 ** draw.uniform(-12, 1.5)),), count=60):
            points.append((x, float(mp.log(1 - mp.exp(mp.mpf(x))))))
    return tuple(points)


def _labels_next_to_sigmoid() -> tuple[Point, ...]:
    """z, y with y next to sigmoid(z), where the difference of the two cancels."""
    points = []
    with mp.workdps(200):
        for z, apart in some(
            (signed(-3, 2.5), lambda draw: draw.choice((0.0, 0.6, -0.4, 1e-3, -1e-9, 1e-15))), count=100
        ):
            points.append((z, min(1.0, float(sigmoid(mp.mpf(z)) * (1 + mp.mpf(apart))))))
    return tuple(points)


LOG_SUMS = (
    *product(LOGITS[::2], LOGITS[1::2]),
    *((x, x) for x in (*LOGITS, -math.log(2), *below(-math.log(2)), 1e308)),
    *((-1e308, 1e308), (1e22, 1e22 + 4e6)),
    *_sums_next_to_1(),
    *some((signed(-13, 0), uniform(-40, -5)), (uniform(-40, -5), signed(-13, 0))),
    *some(
        (uniform(-30, 30),) * 2,
        (uniform(-2, 0),) * 2,
        (uniform(-750, 750),) * 2,
        (uniform(1e5, 1e5 + 30),) * 2,
    ),
)
LABELLED = (
    *product(PROBABILITIES, (0.0, 0.25, 1.0)),
    *some(
        (uniform(0, 1),) * 2, (size(-323, -1), uniform(0, 1)), (near(0.5),) * 2, (uniform(0, 1), whole(0, 1))
    ),
)
LABELLED_LOGITS = (
    *product(LOGITS, (0.0, 5e-324, 1e-300, 1e-17, 0.25, 0.5, 0.75, math.nextafter(1.0, 0.0), 1.0)),
    *_labels_next_to_sigmoid(),
    (-0.7882476414964419, 0.19578485812566182),
    *some(
        (uniform(-30, 30), uniform(0, 1)), (signed(-20, 4), whole(0, 1)), (uniform(-750, 750), size(-323, 0))
    ),
)
ORDERS = (
    *product((1.0, 2.0, 3.0, 4.0, 5.0, 6.0), (1e-310, 1e-100, 1e-20, 0.1, 1.0, 2.5, 19.0, 1e3, 1e20, 1e50)),
    *product((1.0, 2.0, 3.0, 4.0, 5.0, 6.0), (-0.5, -1.5, -2.25)),
    *some((whole(1, 6), uniform(0, 30)), (whole(1, 6), size(-40, 40)), (whole(1, 6), uniform(-9, 0))),
)
SUMS = (
    *((1.0,), (1.0, 2.0, 3.0), (0.1,) * 10, (-0.5, 0.25)),
    *((1e308, 1e308, -1e308), (1e16, 1.0, -1e16), (5e-324, 1e308, -1e308)),
)

# -- the witnesses, in the order of the table -----------------------------------------------------------------

WITNESSES: dict[str, Witness] = {
    "neg": unary(lambda x: -x, lambda x: -1, REAL, any_size),
    "add": Witness(lambda x, y: x + y, lambda x, y: (1, 1), PAIRS),
    "sub": Witness(lambda x, y: x - y, lambda x, y: (1, -1), PAIRS),
    "mul": Witness(lambda x, y: x * y, lambda x, y: (y, x), PAIRS),
    "div": Witness(lambda x, y: x / y, lambda x, y: (1 / y, -x / y**2), PAIRS),
    "pow": Witness(
        power, lambda x, y: (y * power(x, y) / x, power(x, y) * mp.log(x) if x > 0 else mp.nan), POWERS
    ),
    "abs": unary(abs, mp.sign, NOT_0, any_size),
    "sign": unary(mp.sign, lambda x: 0, NOT_0, any_size),
    "relu": unary(lambda x: x if x > 0 else 0, lambda x: x > 0, NOT_0, any_size),
    "min": Witness(min, lambda x, y: (x < y, y < x), UNEQUAL),
    "max": Witness(max, lambda x, y: (x > y, y > x), UNEQUAL),
    "where": Witness(
        lambda c, x, y: y if c == 0 else x,
        lambda c, x, y: (0, c != 0, c == 0),
        ((0.0, 1.0, 2.0), (1.0, 1.0, 2.0), (-3.0, 5e-324, 1e308), (5e-324, 7.0, 8.0), (-0.0, 7.0, 8.0)),
    ),
    "less": Witness(lambda x, y: x < y, lambda x, y: (0, 0), PAIRS),
    "less_equal": Witness(lambda x, y: x <= y, lambda x, y: (0, 0), PAIRS),
    "sqrt": unary(mp.sqrt, lambda x: 1 / (2 * mp.sqrt(x)), POSITIVE, size(-323, 308), uniform(0, 9)),
    "cbrt": unary(cube_root, lambda x: 1 / (3 * cube_root(x) ** 2), NOT_0, any_size, uniform(-9, 9)),
    "exp": unary(
        mp.exp,
        mp.exp,
        (*REAL, *beside(OVERFLOW[0], -745.1332191019411, -708.4)),
        uniform(-745, 710),
        uniform(-2, 2),
    ),
    "exp2": unary(
        lambda x: mp.exp(x * mp.log(2)),
        lambda x: mp.exp(x * mp.log(2)) * mp.log(2),
        (
            *REAL,
            *beside(1023.0, 1024.0, 1024.5287, -1000.0, -1022.0, -1074.0, -1075.0),
            1023.9,
            -1073.5,
            1e-17,
        ),
        *(uniform(-1080, 1025), uniform(-2, 2)),
    ),
    "expm1": unary(mp.expm1, mp.exp, (*REAL, *beside(OVERFLOW[0], -37.0)), uniform(-40, 710), signed(-20, 0)),
    "log": unary(lambda x: mp.log(x), lambda x: 1 / x, POSITIVE, size(-323, 308), near(1.0)),
    "log2": unary(
        lambda x: mp.log(x) / mp.log(2), lambda x: 1 / (x * mp.log(2)), POSITIVE, size(-323, 308), near(1.0)
    ),
    "log10": unary(
        lambda x: mp.log(x) / mp.log(10), lambda x: 1 / (x * mp.log(10)), POSITIVE, size(-323, 308), near(1.0)
    ),
    "log1p": unary(
        lambda x: mp.log(1 + x),
        lambda x: 1 / (1 + x),
        (*only(REAL, -1.0, math.inf), *above(-1.0), -0.9, *beside(-0.5)),
        *(signed(-20, -0.1), size(-323, 308), near(-0.9), uniform(-1, 1)),
    ),
    "sin": unary(mp.sin, mp.cos, ANGLES, uniform(-9, 9), any_size),
    "cos": unary(mp.cos, lambda x: -mp.sin(x), ANGLES, uniform(-9, 9), any_size),
    "tan": unary(mp.tan, lambda x: 1 / mp.cos(x) ** 2, ANGLES, uniform(-9, 9), any_size, near(math.pi / 2)),
    "asin": unary(mp.asin, lambda x: 1 / mp.sqrt(1 - x * x), INSIDE_1, uniform(-1, 1), signed(-323, -0.1)),
    "acos": unary(mp.acos, lambda x: -1 / mp.sqrt(1 - x * x), INSIDE_1, uniform(-1, 1), signed(-323, -0.1)),
    "atan": unary(mp.atan, lambda x: 1 / (1 + x * x), REAL, uniform(-9, 9), any_size),
    "atan2": Witness(mp.atan2, lambda y, x: (x / (x * x + y * y), -y / (x * x + y * y)), PAIRS),
    "sinh": unary(mp.sinh, mp.cosh, (*REAL, *both(beside(*OVERFLOW))), uniform(-711, 711), signed(-20, 1)),
    "cosh": unary(mp.cosh, mp.sinh, (*REAL, *both(beside(*OVERFLOW))), uniform(-711, 711), signed(-20, 1)),
    "tanh": unary(
        mp.tanh,
        lambda x: 1 / mp.cosh(x) ** 2,
        (*REAL, *both((2.0646882871446737, 19.0, 20.0, 22.0, 350.0, 372.0, 373.0))),
        *(uniform(-30, 30), uniform(-375, 375), signed(-20, 0)),
    ),
    "asinh": unary(mp.asinh, lambda x: 1 / mp.sqrt(1 + x * x), REAL, uniform(-9, 9), any_size),
    "acosh": unary(
        mp.acosh,
        lambda x: 1 / mp.sqrt(x * x - 1),
        (*above(1.0), *only(REAL, 1.0, math.inf)),
        *(uniform(1, 9), size(0, 308), lambda draw: 1 + 10.0 ** draw.uniform(-15, -1)),
    ),
    "atanh": unary(mp.atanh, lambda x: 1 / (1 - x * x), INSIDE_1, uniform(-1, 1), signed(-323, -0.1)),
    "hypot": Witness(
        lambda x, y: mp.sqrt(x * x + y * y),
        lambda x, y: (x / mp.sqrt(x * x + y * y), y / mp.sqrt(x * x + y * y)),
        PAIRS,
    ),
    "sigmoid": unary(sigmoid, lambda x: 1 / (2 + 2 * mp.cosh(x)), LOGITS, *logits),
    "logsigmoid": unary(lambda x: -softplus(-x), lambda x: sigmoid(-x), LOGITS, *logits),
    "logit": unary(
        lambda x: mp.log(x) - mp.log(1 - x),
        lambda x: 1 / x + 1 / (1 - x),
        PROBABILITIES,
        *(uniform(0, 1), near(0.5), size(-323, -1)),
    ),
    "softplus": unary(softplus, sigmoid, LOGITS, *logits),
    "logaddexp": Witness(logsumexp, softmax, LOG_SUMS),
    "bce": Witness(
        cross_entropy, lambda a, y: ((a - y) / (a * (1 - a)), mp.log(1 - a) - mp.log(a)), LABELLED
    ),
    "bce_with_logits": Witness(
        lambda z, y: softplus(z) - y * z, lambda z, y: (sigmoid(z) - y, -z), LABELLED_LOGITS
    ),
    "erf": unary(
        mp.erf,
        lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-x * x),
        (*only(REAL, -30.0, 30.0), *both((5.9, 6.0, 26.0, 27.2, 28.0))),
        *(uniform(-6, 6), uniform(-28, 28), signed(-20, 0)),
        digits=60,
    ),
    "erfc": unary(
        mp.erfc,
        lambda x: -2 / mp.sqrt(mp.pi) * mp.exp(-x * x),
        (*only(REAL, -30.0, 30.0), *both((5.9, 6.0, 26.0, 26.5, 27.0, 27.2, 28.0))),
        *(uniform(-6, 27), uniform(20, 28), signed(-20, 0)),
        digits=60,
    ),
    "lgamma": unary(
        log_gamma,
        psi_0,
        (*only(POSITIVE, 0.0, 1e304), 2.5e305, *beside(2.0, *GAMMA_ZEROS), *LEFT_OF_0),
        *(*gammas, near(1.0, 2.0, *GAMMA_ZEROS)),
        digits=60,
    ),
    "digamma": unary(
        psi_0,
        lambda x: psi_n(1, x),
        (*POSITIVE, *beside(*PSI_ZEROS), *LEFT_OF_0),
        *(*gammas, near(*PSI_ZEROS)),
        digits=60,
    ),
    "polygamma": Witness(psi_n, lambda n, x: (mp.nan, psi_n(n + 1, x)), ORDERS, digits=60),
    "sum": Witness(lambda *x: mp.fsum(x), lambda *x: (1,) * len(x), SUMS),
    "mean": Witness(lambda *x: mp.fsum(x) / len(x), lambda *x: (1 / mp.mpf(len(x)),) * len(x), SUMS),
    "dot": Witness(
        inner_product,
        lambda *x: x[len(x) // 2 :] + x[: len(x) // 2],
        (
            *((2.0, 3.0), (1.0, 2.0, 3.0, 4.0), (0.1, 0.2, -0.3, 0.5, 0.25, 1.0 / 3.0)),
            *((1e200, 1e200, 1e200, -1e200), (1e-200, 1e200, 1e-200, 1e-200)),
        ),
    ),
    "logsumexp": Witness(
        logsumexp,
        softmax,
        (
            *((7.0,), (1.0, 2.0, 3.0), (0.0,) * 5, (-1.0, -0.4586751453870819), (710.0, 711.0)),
            *(
                (1e4, -1e4),
                (-1e4, -1e4),
                (-800.0, -750.0, -745.0),
                (-1.8991895370486647e-11, -24.21716591886443),
            ),
        ),
    ),
}
