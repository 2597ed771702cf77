"""`check`: verdicts, the first wrong link, the slip; and whatever is given wrongly meets one sentence."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import pytest

from minigrad import NotANumberError, Value, bce, derive, exp, log, relu, sigmoid, where
from minigrad.checking.recorded import check
from minigrad.checking.report import Report


class Seed:
    """One example of logistic regression, its loss written out."""

    def __init__(self) -> None:
        numbers = {"w1": 0.5, "x1": 2.0, "w2": -0.7, "x2": 1.2, "b": -0.25, "y": 1.0}
        inputs = {name: Value(number, label=name) for name, number in numbers.items()}
        self.w1, self.x1, self.w2, self.x2, self.b, self.y = inputs.values()
        self.z = (self.w1 * self.x1 + self.w2 * self.x2 + self.b).named("z")
        self.a = sigmoid(self.z).named("a")
        self.L = (-(self.y * log(self.a) + (1 - self.y) * log(1 - self.a))).named("L")

    def check(self, **derivatives: Any) -> Report:
        return check(self.L, derivatives)


def test_the_formulas_of_the_paper_are_right() -> None:
    s = Seed()
    report = check(
        s.L,
        {s.a: -s.y / s.a + (1 - s.y) / (1 - s.a), s.z: s.a - s.y, s.w1: s.x1 * (s.a - s.y), s.b: s.a - s.y},
    )
    assert report.ok
    assert not report.notes
    assert [finding.name for finding in report] == ["dL/da", "dL/dz", "dL/dw1", "dL/db"]
    assert report["dL/dz"].given == "a - y"


@pytest.mark.parametrize("claim", ["a - y", " a − y ", lambda a, y: a - y, lambda a, y, k=1: k * (a - y)])
def test_a_formula_may_be_text_or_a_function(claim: Any) -> None:
    for key in ("z", "dz", "dZ", "dL/dz", "dL/dZ"):
        (finding,) = check(Seed().L, {key: claim})
        assert finding.verdict == "right", finding.reason


def test_right_formulas_are_proved_where_they_can_be() -> None:
    report = Seed().check(dz="a - y", dw1="x1*dz", db=lambda a, y: a - y, dw2=0.5)
    proofs = [finding.proof for finding in report]
    assert [proof.verdict if proof else "" for proof in proofs] == ["equal", "equal", "", ""]


def test_a_formula_that_is_wrong_only_far_away_is_found_by_proof() -> None:
    """Right at every point that anyone would draw, wrong at a witness."""
    x = Value(0.5, label="x")
    (finding,) = check((x * x).named("L"), {x: where(x < 1e3, 2 * x, 3 * x)})
    if finding.proof is not None and finding.proof.verdict == "different":
        assert finding.verdict == "wrong"
        assert finding.worst is not None
        assert finding.worst.given != finding.worst.right
    else:
        assert finding.verdict == "right"


def test_another_choice_at_a_kink_is_not_wrong() -> None:
    x = Value(0.5, label="x")
    for claim in (where(x >= 0.0, 1.0, 0.0), where(x > 0.0, 1.0, 0.0)):
        (finding,) = check(relu(x).named("L"), {x: claim})
        assert finding.verdict == "right"
    x = Value(0.0, label="x")
    (finding,) = check(abs(x).named("L"), {x: where(x >= 0.0, 1.0, -1.0)})
    assert finding.verdict == "right"


def test_a_number_is_judged_at_the_numbers_of_the_graph() -> None:
    s = Seed()
    (finding,) = s.check(dz=s.a.data - 1.0)
    assert finding.verdict == "right"
    assert [comparison.where for comparison in finding.comparisons] == ["at your numbers"]
    assert s.check(dz=derive(s.L, s.z)).ok


def test_consequences_of_a_wrong_derivative_are_told_from_mistakes() -> None:
    """dz is wrong in itself; what follows from it by right formulas is a consequence, and a new slip is its own."""
    report = Seed().check(dz="y - a", dw1="x1*dz", dw2="w2*dz", db="dz")
    assert report["dz"].slip is not None
    assert report["dz"].slip.key == "sign flipped"
    assert report["dw1"].consequence_of == report["db"].consequence_of == ("dz",)
    assert report["dw1"].own_upstream == "right"
    assert report["dw2"].own_upstream == "wrong"
    assert report["dw2"].slip is not None
    assert report["dw2"].slip.key == "wrong operand"
    assert [finding.name for finding in report.first_wrong] == ["dz", "dw2"]
    assert "dz is wrong; dw1 and db are right consequences of it." in str(report)


def test_consequences_are_traced_through_consequences() -> None:
    report = Seed().check(da="-y/a - (1 - y)/(1 - a)", dz="da*a*(1 - a)", dw1="x1*dz")
    assert report["dz"].consequence_of == report["dw1"].consequence_of == ("da",)


def test_the_upstream_may_be_numbers_or_functions() -> None:
    s = Seed()
    numbers = s.check(dz=0.5, dw1=s.x1.data * 0.5)
    assert numbers["dw1"].consequence_of == ("dz",)
    functions = s.check(dz=lambda a, y: y - a, dw1="x1*dz", dw2=lambda x2, a, y: x2 * (y - a))
    assert functions["dw1"].consequence_of == functions["dw2"].consequence_of == ("dz",)


def test_a_right_derivative_beside_a_wrong_one_is_right() -> None:
    report = Seed().check(dz="2*(a - y)", dw1="x1*(a - y)")
    assert report["dw1"].verdict == "right"
    assert report["dw1"].own_upstream == "wrong"
    assert "does not follow" in report["dw1"].reason


def test_a_derivative_that_is_not_given_may_be_used_by_name() -> None:
    assert Seed().check(dw1="x1*dz", dw2="x2*dL/dz", db="dZ").ok


def test_nothing_in_the_graph_changes() -> None:
    s = Seed()
    s.L.backward()
    before = [(node.data, node.grad, node.label) for node in (s.w1, s.z, s.a, s.L)]
    s.check(dz="y - a", dw1=0.3, db=lambda a: a)
    assert before == [(node.data, node.grad, node.label) for node in (s.w1, s.z, s.a, s.L)]


def test_the_same_check_gives_the_same_text() -> None:
    claims = {"dz": "y - a", "dw1": "x1*dz", "db": 0.25}
    assert str(Seed().check(**claims)) == str(Seed().check(**claims))


@pytest.mark.parametrize(
    ("key", "claim", "sentence"),
    [
        ("dq", "a - y", 'no node is called "dq"'),
        ("dz1", "a - y", 'did you mean "dz"?'),
        ("dz", "a - yy", 'no node is called "yy"; did you mean "y"?'),
        ("dz", "a - dz", "it is the derivative asked for"),
        ("dz", "a -", "is no formula"),
        ("dz", "__import__('os').system('true')", "is no formula"),
        ("dz", "(lambda: 1)()", "is no formula"),
        ("dz", None, "is a return missing?"),
        ("dz", [1.0, 2.0], "an array of shape (2,)"),
        ("dz", np.zeros((2, 1)), "an array of shape (2, 1)"),
        ("dz", 1j, "of type complex"),
        ("dz", lambda q: q, 'takes "q", but no node is called so'),
        ("dz", lambda *a: 0.0, "takes *arguments"),
        ("dz", lambda a: a / 0, "raises ZeroDivisionError: float division by zero"),
        ("dz", lambda a: sys.exit(3), "raises SystemExit: 3"),
        ("dz", lambda a: "x", "returns something of type str, where one real number belongs"),
        ("dz", lambda a: None, "is a return missing?"),
        ("dz", lambda a: np.array([a, a]), "returns an array of shape (2,)"),
        ("dz", lambda a: np.random.default_rng().random(), "at one call and"),
        ("dz", min, "lambda a, y"),
        (Value(1.0, label="z"), 0.0, '"z" is not in the graph of L'),
        (3, 0.0, "named by a node or a text, not by int"),
    ],
)  # fmt: skip
def test_what_cannot_be_checked_meets_one_sentence_and_the_rest_still_comes(
    key: Any, claim: Any, sentence: str
) -> None:
    derivatives: dict[Any, Any] = {key: claim, "db": "a - y"}
    report = check(Seed().L, derivatives)
    assert len(report) == 2
    assert report.findings[0].verdict == "cannot tell"
    assert sentence in report.findings[0].reason
    assert "\n" not in report.findings[0].reason
    assert report["db"].verdict == "right"
    assert not report.ok


def test_formulas_in_a_circle_and_derivatives_given_twice_are_told() -> None:
    s = Seed()
    derivatives: dict[Any, Any] = {"dz": "dw1/x1", "dw1": "x1*dz", s.b: s.a - s.y, "db": 3.0}
    report = check(s.L, derivatives)
    assert "circle" in report["dz"].reason
    assert "given twice" in report["db"].reason
    assert report["dL/db"].verdict == "right"


def test_a_number_that_is_nan_is_no_right_derivative() -> None:
    report = Seed().check(dz=math.nan, dw1=math.inf)
    assert report["dz"].verdict == report["dw1"].verdict == "wrong"
    assert "not a number" in report["dz"].reason


def test_a_formula_over_a_node_that_overflows_is_not_wrong() -> None:
    """exp(x - L) is the softmax share, and 1 at x = 800, where L = log(exp(x) + exp(y)) is infinite."""
    x, y = Value(800.0, label="x"), Value(1.0, label="y")
    L = log(exp(x) + exp(y)).named("L")
    report = check(L, {"dx": "exp(x - L)"})
    assert report["dx"].verdict != "wrong"
    assert "overflow" in report["dx"].comparisons[0].reason
    assert check(L, {"dx": "exp(y - L)"})["dx"].verdict == "wrong"


def test_a_formula_that_divides_by_0_everywhere_is_told_so() -> None:
    report = Seed().check(dz="(a - y)/(y - y)")
    assert report["dz"].reason == "infinite: the formula divides by 0, overflows or leaves the real numbers"


@pytest.mark.parametrize("name", ["x", "k", "n", "y"])
def test_the_only_input_is_tried_on_both_sides_of_a_kink(name: str) -> None:
    """Whatever it is called: k is no count where there is nothing else to move."""
    x = Value(0.0, label=name)
    assert check(relu(x).named("L"), {x: "1"}).verdict == "wrong"


def test_curly_ds_are_read() -> None:
    s = Seed()
    assert check(s.L, {"∂L/∂z": "a - y", "∂a": "(a - y)/(a*(1 - a))"}).ok


def test_two_nodes_of_the_same_name_are_told() -> None:
    x, y = Value(1.0, label="x"), Value(2.0, label="x")
    derivatives: dict[Any, Any] = {"dx": 2.0, x: 2.0}
    report = check(x * y, derivatives)
    assert '2 nodes are called "x"' in report.findings[0].reason
    assert report.findings[1].verdict == "right"


def test_what_is_no_result_and_what_are_no_derivatives_is_refused() -> None:
    with pytest.raises(NotANumberError, match="result as a Value"):
        check(3.0, {})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="by node or name"):
        check(Seed().L, ["a - y"])  # type: ignore[arg-type]
    assert check(Seed().L, {}).verdict == "cannot tell"


def test_one_number_is_explained_only_when_one_function_explains_it() -> None:
    """At x = 2 "x forgotten" and "divided by 2" are the same number; at x = 2.3 they are not."""
    w, x = Value(0.7, label="w"), Value(2.0, label="x")
    L = exp(w * x).named("L")
    assert check(L, {w: L.data}).findings[0].slip is None
    x.data = 2.3
    L = exp(w * x).named("L")
    slip = check(L, {w: L.data}).findings[0].slip
    assert slip is not None
    assert slip.key in ("factor missing", "another derivative")
    assert "one point" in slip.sentence


def test_a_large_graph_is_checked_in_time_that_grows_with_it() -> None:
    """Some hundreds of nodes; the slip is found among all links."""
    w = [Value(0.01 * (k + 1), label=f"w{k}") for k in range(120)]
    x = [Value(math.sin(k + 1.0), label=f"x{k}") for k in range(120)]
    z = sum((wk * xk for wk, xk in zip(w, x, strict=True)), Value(0.1, label="b")).named("z")
    y = Value(1.0, label="y")
    L = bce(sigmoid(z).named("a"), y).named("L")
    report = check(L, {"dw7": "a - y", "dw8": "x8*(a - y)"})
    assert report["dw8"].verdict == "right"
    assert report["dw7"].slip is not None
    assert report["dw7"].slip.key in ("factor missing", "another derivative")


def test_a_consequence_that_rounds_to_nothing_at_an_edge_is_a_consequence() -> None:
    """da is wrong, and dz is what follows from it; at w1 = 500 the formula of dz is not a number at all."""
    x, y = Value(2.0, label="x"), Value(1.0, label="y")
    w, b = Value(0.5, label="w"), Value(0.1, label="b")
    z = (w * x + b).named("z")
    a = sigmoid(z).named("a")
    loss = bce(a, y).named("L")
    report = check(loss, {"da": "-y/a - (1-y)/(1-a)", "dz": "da*a*(1-a)", "dw": "x*dz"})
    assert [finding.name for finding in report.first_wrong] == ["da"]
    assert report["dz"].consequence_of == report["dw"].consequence_of == ("da",)


@pytest.mark.parametrize(
    ("key", "claim", "slip", "sentence"),
    [
        ("dw1", "x2*(a - y)", "another derivative", "this is dL/dw2, not dL/dw1"),
        ("dw1", "x1*(a - b)", "nodes swapped", "b stands for y"),
        ("dw1", "x1*(a - x1)", "wrong node", "x1 stands for y"),
        ("da", "-y/a - (1 - y)/(1 - a)", "inner sign forgotten",
         "the inner -1 of 1 - a is forgotten (link a -> 1 - a)"),
    ],
)  # fmt: skip
def test_of_slips_with_the_same_numbers_the_plainest_is_named(
    key: str, claim: str, slip: str, sentence: str
) -> None:
    """A derivative of another node is that, not a swap; a name is swapped only where both occur."""
    found = Seed().check(**{key: claim})[key].slip
    assert found is not None
    assert (found.key, found.sentence) == (slip, sentence)


def test_a_minus_before_a_term_is_no_inner_minus() -> None:
    """In m - y*log(m) the minus is inside of nothing: the sign of a term was flipped; in log(1 - a) it is inside."""
    m, y = Value(2.3, label="m"), Value(1.7, label="y")
    L = (m - y * log(m)).named("L")
    slip = check(L, {"dm": "1 + y/m"}).findings[0].slip
    assert slip is not None
    assert (slip.key, slip.sentence) == ("sign of a link", "the sign of y*log(m) in m - y*log(m) is flipped")
    assert not {"inner sign forgotten", "sign of a link"} & set(slip.also)  # it is one slip, under one name


def test_a_name_that_does_not_occur_stands_there_and_is_not_swapped() -> None:
    """dL/dn = 1/q: n and q swapped is n for q."""
    n, q = Value(1.3, label="n"), Value(0.7, label="q")
    slip = check((n / q).named("L"), {"dn": "1/n"}).findings[0].slip
    assert slip is not None
    assert (slip.sentence, "wrong node" in slip.also) == ("n stands for q", False)


@pytest.mark.parametrize("seed", [-1, 0.5, "one", None, True])
def test_what_is_no_seed_is_refused_in_a_sentence(seed: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^seed is a whole number, 0 or more, not "):
        check(Seed().L, {"dz": "a - y"}, seed=seed)


def test_a_large_graph_is_looked_at_at_fewer_points_and_says_so() -> None:
    """Two thousand nodes and more: the slip is found, 50 digits are worked out once, the note gives the count."""
    w, x = Value(0.7, label="w"), Value(1.3, label="x")
    v = w * x
    for _ in range(700):
        v = v * 0.999 + x * 0.001
    L = (v * v).named("L")
    report = check(L, {v.named("v"): "-2*v"})
    slip = report[v].slip
    assert slip is not None
    assert slip.key == "sign flipped"
    points = len(report[v].comparisons)
    assert 4 <= points < 9
    assert f"it was looked at at {points} points" in report.notes[0]
    digits = [
        reading.value
        for comparison in report[v].comparisons
        for reading in comparison.readings
        if reading.referee == "50 digits"
    ]
    assert [value is not None for value in digits] == [True] + [False] * (points - 1)


@pytest.mark.parametrize("number", [math.inf, 1e308, -1e308])
def test_numbers_out_of_range_warn_of_nothing(number: float) -> None:
    """What overflows is told in words; warnings are errors here."""
    x = Value(number, label="x")
    assert check((x * x * 1e-300).named("L"), {x: "2e-300*x"}).verdict != "wrong"
