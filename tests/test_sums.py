"""minigrad.sums, by way of the functions that record it: one node, any number of operands, a few ulp."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import mpmath
import pytest
from ulp import ulps

import minigrad
from minigrad import Value

SEED = 20261124
INF, NAN = math.inf, math.nan
LARGEST = Fraction(2) ** 1024 * (1 - Fraction(1, 2**54))


def value_of(name: str, *groups: list[float]) -> float:
    """The value of the n-ary operation on Values."""
    node = getattr(minigrad, name)(*([Value(x) for x in group] for group in groups))
    assert isinstance(node, Value)
    return node.data


def terms(draw: random.Random) -> list[float]:
    """Numbers of very different size, often with their negatives among them."""
    low, high = draw.choice(((0, 1), (-300, 300), (-16, 16), (-323, -300), (290, 308)))
    result = [draw.choice((-1, 1)) * 10.0 ** draw.uniform(low, high) for _ in range(draw.randrange(1, 12))]
    if draw.random() < 0.5:
        result += [-x for x in result[1:]]
        draw.shuffle(result)
    return result


def test_sum_mean_and_dot_against_fractions() -> None:
    """Whatever cancels and whatever overflows on the way, where the result is a double."""
    draw = random.Random(SEED)
    print(f"seed {SEED}")
    for _ in range(1500):
        x = terms(draw)
        y = [draw.choice((0.0, 1.0, -1.0, draw.random(), 10.0 ** draw.uniform(-300, 300))) for _ in x]
        exact = sum(map(Fraction, x), Fraction(0))
        products = sum((Fraction(a) * Fraction(b) for a, b in zip(x, y, strict=True)), Fraction(0))
        for got, expected in (
            (value_of("sum", x), exact),
            (value_of("mean", x), exact / len(x)),
            (value_of("dot", x, y), products),
        ):
            if abs(expected) < LARGEST:
                assert abs(Fraction(got) - expected) <= 4 * Fraction(math.ulp(float(expected))), (x, y)
            else:
                assert got == (INF if expected > 0 else -INF)


@pytest.mark.parametrize(
    ("name", "groups", "expected"),
    [
        ("sum", [[INF, 1.0]], INF), ("sum", [[INF, -INF]], NAN), ("sum", [[NAN, 1.0]], NAN),
        ("sum", [[1e308, 1e308, -1e308]], 1e308), ("sum", [[1e308, 1e308]], INF), ("sum", [[1e308, INF, -1e308]], INF),
        ("sum", [[-0.0, -0.0]], 0.0), ("sum", [[5e-324, 5e-324]], 1e-323),
        ("mean", [[1e308, 1e308]], 1e308), ("mean", [[INF, 1.0]], INF), ("mean", [[1e308, INF, 1e308]], INF),
        ("dot", [[0.0], [INF]], NAN), ("dot", [[2.0, 1.0], [INF, 5.0]], INF),
        ("dot", [[1e200, -1e200], [1e200, 1e200]], 0.0),
        ("dot", [[INF, 1.0], [1.0, -INF]], NAN), ("dot", [[5e-324], [0.4]], 0.0),
        ("dot", [[1e-200, 1e-200], [1e-200, 1e-200]], 0.0),
        ("dot", [[1e200, 1e200, -1e200], [1e200, 2.0, 1e200]], 2e200),
        ("logsumexp", [[-INF, -INF]], -INF), ("logsumexp", [[-INF, 3.0]], 3.0), ("logsumexp", [[INF, 1.0]], INF),
        ("logsumexp", [[1.0, NAN]], NAN), ("logsumexp", [[NAN, 1.0]], NAN), ("logsumexp", [[INF, NAN]], NAN),
        ("logsumexp", [[7.0]], 7.0), ("logsumexp", [[-INF, -1e-320]], -1e-320),
    ],
)  # fmt: skip
def test_ends(name: str, groups: list[list[float]], expected: float) -> None:
    """Infinities and nan as IEEE adds them; an overflow on the way is none; log(0) is -inf."""
    assert repr(value_of(name, *groups)) == repr(expected)


def test_logsumexp_and_its_partials_against_mpmath() -> None:
    """Far apart, far from 0, and where the result is next to 0; each partial is a softmax."""
    draw = random.Random(SEED)
    print(f"seed {SEED}")
    with mpmath.workdps(400):
        for _ in range(200):
            n = draw.randrange(1, 9)
            spread = draw.choice((1.0, 30.0, 700.0))
            x = [draw.uniform(-spread, spread) for _ in range(n)]
            if draw.random() < 0.3:
                shift = float(mpmath.log(mpmath.fsum(map(mpmath.exp, x))))
                x = [v - shift for v in x]
            node = minigrad.logsumexp([Value(v) for v in x])
            exact = mpmath.log(mpmath.fsum(map(mpmath.exp, map(mpmath.mpf, x))))
            assert ulps(node.data, exact) <= 4.0, x
            for v, partial in zip(x, node.partials, strict=True):
                assert ulps(partial, mpmath.exp(mpmath.mpf(v) - exact)) <= 4.0, x


def test_many_operands_add_no_error() -> None:
    """A hundred thousand numbers: in a plain loop the errors would add up."""
    draw = random.Random(SEED)
    print(f"seed {SEED}")
    x = [draw.uniform(0.0, 1.0) for _ in range(10**5)]
    assert abs(value_of("sum", x) - math.fsum(x)) <= math.ulp(math.fsum(x))
    with mpmath.workdps(30):
        exact = mpmath.log(mpmath.fsum(mpmath.exp(v) for v in x))
        assert ulps(value_of("logsumexp", x), exact) <= 4.0
