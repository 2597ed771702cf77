"""minigrad.checking.proof: formulas proved equal, proved different, or left undecided; never wrong."""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import corpus
import pytest
from seeded import SEED

import minigrad
from minigrad import Graph, Value, bce, cos, derive, exp, log, relu, sigmoid, sin, softplus, sqrt, tanh, where
from minigrad.checking import algebra, exact
from minigrad.checking.proof import prove
from minigrad.checking.verdict import Proof
from minigrad.expression import Expressions
from minigrad.formula import formula


def inputs() -> list[Value]:
    """x, y, z."""
    return [Value(0.5, label="x"), Value(-1.25, label="y"), Value(2.0, label="z")]


# -- pairs that are equal, or different, by construction ---------------------------------------------------------

Pair = tuple[Value, Value]

#: For one or two pairs of equal formulas: two ways to write the same of them.
SAME: tuple[Callable[[Pair, Pair], Pair], ...] = (
    lambda p, q: (p[0] + q[0], q[1] + p[1]),
    lambda p, q: (p[0] - q[0], -(q[1] - p[1])),
    lambda p, q: (p[0] * q[0], q[1] * p[1]),
    lambda p, q: (p[0] * (q[0] + 1.0), p[1] + p[1] * q[1]),
    lambda p, q: ((p[0] + q[0]) * (p[0] - q[0]), p[1] * p[1] - q[1] ** 2),
    lambda p, q: (p[0] / (q[0] * q[0] + 1.0), 1.0 / ((1.0 + q[1] ** 2) / p[1])),
    lambda p, q: (sigmoid(p[0]), 1.0 / (1.0 + exp(-p[1]))),
    lambda p, q: (1.0 - sigmoid(p[0]), sigmoid(-p[1])),
    lambda p, q: (tanh(p[0]), 2.0 * sigmoid(2.0 * p[1]) - 1.0),
    lambda p, q: (softplus(p[0]), log(1.0 + exp(p[1]))),
    lambda p, q: (softplus(p[0]) - softplus(-p[0]), p[1]),
    lambda p, q: (bce(sigmoid(p[0]), q[0]), softplus(p[1]) - p[1] * q[1]),
    lambda p, q: (exp(p[0] - q[0]), exp(p[1]) / exp(q[1])),
    lambda p, q: (sin(p[0]) ** 2, (1.0 - cos(p[1])) * (1.0 + cos(p[1]))),
    lambda p, q: (relu(p[0]) - relu(-p[0]), p[1]),
    lambda p, q: (minigrad.max(p[0], q[0]), p[1] + q[1] - minigrad.min(p[1], q[1])),
    lambda p, q: (minigrad.sum([p[0], q[0], p[0]]), 2.0 * p[1] + q[1]),
    lambda p, q: (where(p[0] > q[0], p[0], q[0]), where(p[1] > q[1], p[1], q[1])),
    lambda p, q: (log(exp(p[0]) + exp(q[0])), minigrad.logaddexp(p[1], q[1])),
    lambda p, q: (p[0] ** 2 / 3.0, p[1] * p[1] * (1.0 / 3.0)),
)  # fmt: skip


def equal_pair(draw: random.Random, size: int) -> Pair:
    """Two formulas that are the same function, written in different ways."""
    pairs: list[Pair] = [(x, x) for x in inputs()]
    for _ in range(size):
        p, q = draw.choice(pairs[-3:]), draw.choice(pairs)
        pairs.append(draw.choice(SAME)(p, q))
    return pairs[-1]


def test_equal_pairs_are_never_called_different() -> None:
    """400 pairs; all but a few are proved, without SymPy."""
    draw = random.Random(SEED)
    print(f"seed {SEED}")
    found = Counter(prove(*equal_pair(draw, 1 + k % 4), seconds=0).verdict for k in range(400))
    print(found)
    assert found["different"] == 0
    assert found["equal"] >= 360


def test_different_pairs_are_never_called_equal() -> None:
    """400 pairs whose difference is a number times something positive; all but a few have a witness."""
    draw = random.Random(SEED + 1)
    print(f"seed {SEED + 1}")
    found: Counter[str] = Counter()
    for k in range(400):
        one, other = equal_pair(draw, 1 + k % 4)
        leaves = [x for x in Graph(one).inputs if x in Graph(other)] or inputs()
        x = draw.choice(leaves)
        away = draw.choice((1.0 + x * x, exp(x), sigmoid(x), x * 0.0 + 1.0))
        proof = prove(one, other + draw.choice((1.0, -0.5, 1e-3, 1e-7)) * away, seconds=0)
        found[proof.verdict] += 1
        if proof.witness:
            assert proof.by == "a point"
    print(found)
    assert found["equal"] == 0
    assert found["different"] >= 380


def claims(cases: Iterable[corpus.Case]) -> Iterable[tuple[corpus.Case, Proof]]:
    """What is proved of the distinct claims of the corpus, each against the derived one."""
    seen = set()
    for case in cases:
        if (case.loss.name, case.wrt, case.claim) not in seen:
            seen.add((case.loss.name, case.wrt, case.claim))
            known = {name: Value(x, label=name) for name, x in case.point.items()}
            loss = formula(case.loss.formula, **known).named("L")
            known |= {node.label: node for node in Graph(loss) if node.label}
            used = {name: known[name] for name in corpus._names_of(case.claim) if name in known}
            claim: Any = formula(case.claim, **used) if used else float(case.claim)
            yield case, prove(derive(loss, known[case.wrt]), claim, seconds=0)


def test_wrong_gradients_have_a_witness() -> None:
    """Every slip of the corpus, ten losses."""
    verdicts = {case.name: proof.verdict for case, proof in claims(corpus.wrong(1))}
    assert len(verdicts) > 200
    assert {name for name, verdict in verdicts.items() if verdict != "different"} == set()


def test_right_gradients_are_proved() -> None:
    """All of them; those that choose another number at a kink (max gives 1/2 at a tie) but for that."""
    proofs = [(case.loss.name, proof) for case, proof in claims(corpus.right(1))]
    assert {name for name, proof in proofs if proof.verdict != "equal"} == set()
    assert {name for name, proof in proofs if "but for kinks" in proof.reason} == {"pinball"}


def test_odd_formulas_are_not_proved_equal() -> None:
    """Wrong formulas that nobody would call by a name."""
    found = Counter(proof.verdict for _, proof in claims(islice(corpus.outside(), 200)))
    assert found["equal"] == 0
    assert found["different"] >= 190


# -- what is said ---------------------------------------------------------------------------------------------------


def test_the_seed_of_it_all() -> None:
    """dL/dz = a - y, in several spellings, and with y and a swapped."""
    w, x, b, y = (Value(v, label=k) for k, v in {"w": 0.5, "x": 2.0, "b": 0.25, "y": 1.0}.items())
    z = (w * x + b).named("z")
    a = sigmoid(z).named("a")
    loss = bce(a, y).named("L")
    for hand in (
        a - y,
        sigmoid(z) - y,
        1 / (1 + exp(-w * x - b)) - y,
        (1 - y) * a - y * (1 - a),
        derive(loss, b),
    ):
        proof = prove(derive(loss, z), hand)
        assert (proof.verdict, proof.by) == ("equal", "rewriting")
    assert prove(derive(loss, z), a - y).reason == "both are a - y"
    wrong = prove(derive(loss, z), y - a)
    assert (wrong.verdict, wrong.by) == ("different", "a point")
    assert wrong.witness == {"w": 0.5, "x": 2.0, "b": 0.25, "y": 1.0}
    assert wrong.reason.startswith("at w = 0.5, x = 2, b = 0.25, y = 1 the first is -0.222700")


def test_numbers_are_formulas() -> None:
    """A derivative that is constant, and one that is not."""
    x = Value(2.0, label="x")
    assert prove(derive(3.0 * x, x), 3).verdict == "equal"
    assert prove(derive(3.0 * x, x), 4).reason == "the first is 3 and the second 4"
    assert prove(derive(x * x, x), 4.0).verdict == "different"


def test_rounded_constants_make_no_difference() -> None:
    """0.1*3 is 0.30000000000000004 in doubles; but a constant in its 10th digit counts."""
    x = Value(2.0, label="x")
    assert prove((0.1 * 3) * x, 0.3 * x).verdict == "equal"
    assert "0.1 read as 1/10" in prove((0.1 * 3) * x, 0.3 * x).reason
    assert prove(x / 3.0, x * 0.3333333333333333).verdict == "equal"
    assert prove(x * 0.1 + (0.3 - 0.1 * 3), x * 0.1).verdict != "different"
    assert prove(x * 0.1, x * 0.1000000001).verdict == "different"


def test_constants_are_not_rounded_on_the_way() -> None:
    """log(exp(c)) of a small constant loses half its digits in doubles, in the formula as it is read."""
    x = Value(2.0, label="x")
    assert prove(formula("x*log(exp(0.0000001))", x=x), x * 1e-7).verdict != "different"
    assert prove(formula("x*log(exp(0.0000001))", x=x), x * 1.1e-7).witness == {"x": 2.0}
    assert prove(formula("x + log(-exp(1))", x=x), x, seconds=0).verdict == "undecided"


def test_rounding_makes_no_difference() -> None:
    """Cancellation that loses every digit of a double is no witness."""
    x = Value(40.0, label="x")
    assert prove(sigmoid(-x), 1 - sigmoid(x)).verdict == "equal"
    assert prove(log(1 + exp(-40.0 * x)), softplus(-40.0 * x)).verdict == "equal"
    assert prove((x + 1e16) - 1e16, x).verdict == "equal"
    assert prove(minigrad.erfc(x / 2), 1 - minigrad.erf(x / 2)).verdict == "equal"
    assert prove(exp(-40.0 * x), log(1 + exp(-40.0 * x))).verdict == "different"


def test_a_kink_is_no_witness() -> None:
    """Two choices at x = 0 are not two derivatives; but a difference to one side of it is."""
    x = Value(0.0, label="x")
    proof = prove(minigrad.less(0, x), minigrad.less_equal(0, x), seconds=0)
    assert proof == Proof(
        "undecided", reason="no identity brings them to one form; they differ at x = 0 itself, not beside it"
    )
    assert prove(abs(x), relu(x) + relu(-x)).verdict == "equal"
    assert prove(derive(relu(x) ** 2, x), 2 * relu(x)).verdict == "equal"
    assert prove(derive(abs(x) * x, x), 2 * abs(x)).verdict == "equal"
    assert prove(abs(x), x).verdict == "different"


def test_only_a_kink_of_the_derivative_may_be_passed_over() -> None:
    """Not one that the claim brings, not one that is a whole region, not in formulas that are no derivative."""
    x, y, _ = inputs()
    less, tie = minigrad.less, minigrad.less_equal(0, x) * minigrad.less_equal(x, 0)
    proof = prove(derive(relu(x), x), minigrad.less_equal(0, x))
    assert (proof.verdict, proof.reason) == (
        "equal",
        "they are the same but for kinks, where a derivative is a choice",
    )
    assert prove(minigrad.less_equal(0, x), derive(relu(x), x)).verdict == "equal"
    assert prove(less(0, x), minigrad.less_equal(0, x), seconds=0).verdict == "undecided"
    assert prove(derive(x * x, x), 2 * x + 5 * tie, seconds=0).verdict == "undecided"
    dead = relu(x) * y
    assert prove(derive(relu(dead), y), relu(x) * minigrad.less_equal(0, dead)).verdict != "different"
    assert (
        prove(derive(relu(dead) + dead, y), relu(x) * less(0, dead) + 7.0 * (dead - dead)).verdict
        == "different"
    )
    assert prove(derive(relu(dead), x), less(0, x) * y * less(0, y)).verdict != "different"
    wrong = less(0, x) * y * less(0, y) + minigrad.less_equal(0, -dead) * minigrad.less_equal(0, dead)
    assert prove(derive(relu(dead), x), wrong).verdict == "different"


def test_labels_are_told() -> None:
    """A formula that is right for the labels alone is not called different, and not equal."""
    z, y = Value(0.5, label="z"), Value(1.0, label="y")
    signed = derive(softplus(-y * z), z)
    for derivative, hand in (
        (derive(bce(sigmoid(z), y), z), sigmoid(z) - y * y),
        (signed, sigmoid(z) - (y + 1) / 2),
        (signed, -y / (1 + exp(y**3 * z))),
    ):
        proof = prove(derivative, hand, seconds=0)
        assert proof.verdict == "undecided"
        assert proof.reason.startswith("they agree as long as y is a label; but at ")
    assert prove(signed, sigmoid(z) - y).verdict == "different"
    assert prove(signed, (y + 1) / 2 - sigmoid(z)).verdict == "different"
    assert prove(z * z, z).verdict == "different"


def test_where_only_one_is_defined() -> None:
    """Named, and no proof either way."""
    x = Value(2.0, label="x")
    proof = prove(x, exp(log(x)), seconds=0)
    assert proof.verdict == "undecided"
    assert proof.reason == "the same wherever both are defined; but at x = -0.5 only the first has a value"
    assert prove(2 * log(x), log(x * x), seconds=0).reason.endswith("only the second has a value")
    assert prove(derive(exp(log(x)), x), exp(log(x)) / x).verdict == "equal"  # where exp(log(x)) is
    assert prove(sqrt(x) ** 2, sqrt(x) * sqrt(x)).verdict == "equal"


def test_other_nodes_of_the_same_name_are_told() -> None:
    """Formulas over two graphs say nothing about each other."""
    one, other = Value(1.0, label="a\n"), Value(1.0, label="a\n")
    proof = prove(one * 2, other + other)
    assert proof.verdict == "undecided"
    assert proof.reason.startswith("the two use different nodes called a␊")
    x = Value(1.0)
    y = Value(2.0)
    assert list(prove(x * y, x + y).witness) == ["input 1", "input 2"]


def test_powers_of_nothing() -> None:
    """x**0 is 1, wherever it stands."""
    x = Value(2.0, label="x")
    assert prove(x**0 * x, x).verdict == "equal"
    assert prove((x + 1) ** 0, 1.0).verdict == "equal"


def test_what_is_no_formula_is_refused() -> None:
    """Text is for `check`."""
    x = Value(1.0)
    with pytest.raises(minigrad.NotANumberError, match="the second formula is a str: prove takes Values"):
        prove(x, "x")  # type: ignore[arg-type]


def test_large_formulas_end() -> None:
    """What is too large for polynomials is left to points."""
    x = inputs()
    product, long = Value(1.0, label="p") + 0.0, x[0]
    for k in range(40):
        product = product * (x[k % 3] + float(k) + exp(x[(k + 1) % 3]))
    for k in range(20_000):
        long = long + 0.5 * x[k % 3]
    start = time.perf_counter()
    assert prove(product, product * 1.0 + 0.0 * x[0], seconds=0).verdict != "different"
    assert prove(product, product * x[0], seconds=0).verdict == "different"
    assert prove(long, long + 1.0, seconds=0).verdict == "different"
    assert prove(long, long).verdict == "equal"
    assert time.perf_counter() - start < 20.0


# -- SymPy, mpmath, and doing without ---------------------------------------------------------------------------------


def test_sympy_is_the_second_opinion() -> None:
    """What no identity of ours covers."""
    pytest.importorskip("sympy")
    x, y, _ = inputs()
    proof = prove(sin(x + y), sin(x) * cos(y) + cos(x) * sin(y))
    assert (proof.verdict, proof.by) == ("equal", "SymPy")


def test_sympy_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it does, the answer comes in time; without time it is not asked."""
    monkeypatch.setattr(algebra, "find_spec", lambda name: True)
    monkeypatch.setattr(algebra, "_CODE", "while True: pass")
    x, y, _ = inputs()
    pair = sin(x + y), sin(x) * cos(y) + cos(x) * sin(y)
    start = time.perf_counter()
    proof = prove(*pair, seconds=0.5)
    assert time.perf_counter() - start < 5.0
    assert proof.verdict == "undecided"
    assert proof.reason.endswith("which is no proof; SymPy found nothing in 0.5 seconds")
    assert prove(*pair, seconds=0).reason.endswith("SymPy was not asked")
    monkeypatch.setattr(algebra, "_CODE", "raise MemoryError('no more')")
    assert prove(*pair).reason.endswith("SymPy gave up: MemoryError: no more")


def test_without_sympy_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what to do."""
    monkeypatch.setattr(algebra, "find_spec", lambda name: None)
    x, y, _ = inputs()
    proof = prove(sin(x + y), sin(x) * cos(y) + cos(x) * sin(y))
    assert proof.verdict == "undecided"
    assert proof.reason.endswith('SymPy is not installed: pip install "minigrad[check]"')


def test_without_mpmath_nothing_is_called_different(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is equal can still be proved."""
    monkeypatch.setitem(sys.modules, "mpmath", None)
    monkeypatch.setattr(exact, "_here", type(exact._here)())
    x, y, _ = inputs()
    proof = prove(x * y, x + y, seconds=0)
    assert proof.verdict == "undecided"
    assert (
        'they seem to differ, but 50-digit arithmetic needs mpmath: pip install "minigrad[check]"'
        in proof.reason
    )
    assert prove(x * (y + 1), x + x * y, seconds=0).verdict == "equal"


def test_sympy_is_not_asked_about_what_it_does_not_know() -> None:
    """Choices, and formulas that are too large."""
    x, y, _ = inputs()
    e = Expressions()
    choice, plain = e.read([where(x > y, x, y), x + y])
    assert algebra.opinion(e, choice, plain, 5.0) == algebra.Opinion(
        False, "SymPy is not asked about choices between cases"
    )
    for _ in range(500):
        x = sin(x + y)
    (long,) = e.read([x])
    assert algebra.opinion(e, long, plain, 5.0).reason.endswith("operations are too many for SymPy")
