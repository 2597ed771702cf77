"""minigrad.explaining: what is printed is true, said by name, and complete."""

from __future__ import annotations

import random
import re

import pytest
from explained_graphs import (
    GRAPHS,
    doubled,
    huber,
    logistic,
    many_uses,
    named_nodes,
    network,
    random_graph,
    unnamed,
)
from read_back import equations, numbers_of, value_of
from seeded import SEED

from minigrad import Graph, Value, bce, exp, explain, log, relu, sigmoid
from minigrad.explaining import ExplainError, Explanation, chain_rule, chain_rules, why_add
from minigrad.explaining.chain import LECTURE
from minigrad.explaining.naming import Naming
from minigrad.formula import formula
from minigrad.replay import ledger
from minigrad.rewrites import REWRITES
from minigrad.rules import RULES
from minigrad.steps import COLLECTED


def assert_equations_hold(output: Value, explanation: Explanation) -> int:
    """Every line of every printed chain has the number of its left side; how many were compared.

    A line of numbers is right to the digits that it shows: 6, so that a sum of products is right to 2e-5 of the
    largest of its terms. A line of symbols is right to 1e-9.
    """
    naming = Naming(output, 6)
    numbers = numbers_of(output, {node: naming.label(node) for node in naming.graph})
    compared = 0
    for chain in equations(explanation.to_text(10_000)):
        for line in chain:
            left, right = value_of(line.left, numbers), value_of(line.right, numbers)
            symbols = re.search(r"[^\W\d]", re.sub(r"\d[\d.]*e[−-]?\d+", "", line.right))
            sizes = [abs(float(x)) for x in re.findall(r"\d+\.?\d*(?:e-?\d+)?", line.right)]
            scale = max([abs(left), *([] if symbols else [max(sizes, default=0.0) ** 2, *sizes])])
            assert abs(left - right) <= (1e-9 if symbols else 2e-5) * max(scale, 1e-300), line
            compared += 1
    return compared


# -- both sides of every equation -------------------------------------------------------------------------


@pytest.mark.parametrize("name", GRAPHS)
def test_every_printed_equation_holds_at_every_node(name: str) -> None:
    """The text is read back by another reader, and each side evaluated from the recorded engine's numbers."""
    output = GRAPHS[name]()
    for node in named_nodes(output):
        if node is not output:
            assert assert_equations_hold(output, explain(output, node)) >= 2, node.label


@pytest.mark.parametrize("name", GRAPHS)
def test_every_printed_equation_of_the_whole_graph_holds(name: str) -> None:
    output = GRAPHS[name]()
    assert assert_equations_hold(output, explain(output)) >= 2 * (len(named_nodes(output)) - 1)


def test_equations_of_random_graphs_hold() -> None:
    """Fifteen graphs with shared nodes, named ones and unnamed ones, every node of each."""
    draw = random.Random(SEED)
    compared = 0
    for _ in range(15):
        output = random_graph(draw)
        for node in named_nodes(output):
            if node is not output:
                compared += assert_equations_hold(output, explain(output, node))
    assert compared > 500


def test_the_reader_refuses_a_wrong_equation() -> None:
    """Check of the checker: one digit, one sign, one name changed."""
    output = logistic()
    explanation = explain(output, Graph(output).find("z"))

    class Bent(Explanation):
        def __init__(self, old: str, new: str) -> None:
            super().__init__(explanation.blocks)
            self.change = (old, new)

        def to_text(self, width: int = 80) -> str:
            return super().to_text(width).replace(*self.change)

    assert_equations_hold(output, Bent("a", "a"))
    for old, new in (
        ("= a − y", "= y − a"),
        ("0.163488", "0.163588"),
        ("(1 − a)   ", "(1 + a)   "),
        ("−1.25924", "1.25924"),
    ):
        with pytest.raises(AssertionError):
            assert_equations_hold(output, Bent(old, new))


@pytest.mark.parametrize("name", GRAPHS)
def test_the_table_is_the_ledger(name: str) -> None:
    """Who sent what, in backward's order; the last sum is the bits of the gradient."""
    output = GRAPHS[name]()
    for node in named_nodes(output):
        if node is output:
            continue
        text = explain(output, node, digits=17).to_text(1000)
        rows = [line for line in text.splitlines() if re.match(r"  \S.*(\s+[−\d][\d.e+-]*){4}$", line)]
        found = ledger(node, output)
        assert len(rows) == len(found.terms)
        if rows:
            assert float(rows[-1].split()[-1].replace("−", "-")) == found.total


# -- the lecture ------------------------------------------------------------------------------------------


def test_the_lecture_in_three_lines() -> None:
    """dL/dz = dL/da · da/dz = (−y/a + (1 − y)/(1 − a)) · a(1 − a) = a − y, with the name of every step."""
    output = logistic()
    lines = equations(explain(output, Graph(output).find("z")).to_text(200))[0]
    assert [line.right for line in lines] == [
        "∂L/∂a · ∂a/∂z",
        "(−y/a + (1 − y)/(1 − a)) · a·(1 − a)",
        "a − y",
    ]
    assert [line.reason for line in lines] == [
        "chain rule",
        "bce by a: slope of the loss; sigmoid by x; sigmoid of minus",
        COLLECTED,
    ]


@pytest.mark.parametrize("name", LECTURE)
def test_the_lecture_writes_what_the_table_says(name: str) -> None:
    """The spelling of `LECTURE` has the number of the identity it is named after."""
    for a, y in ((0.3, 0.0), (0.7, 1.0), (0.25, 0.4)):
        pattern, written = (formula(text, a=a, y=y).data for text in (REWRITES[name].pattern, LECTURE[name]))
        assert written == pytest.approx(pattern, rel=1e-14)


RULE = re.compile(r"(\w+) by \w+(: .*)?|chain rule(: .*)?|.* in closed form|\w+, as in the table of rules")


def test_every_step_has_the_name_of_a_rule_or_an_identity() -> None:
    """What stands behind an equation of symbols is a row of a table, the chain rule, or that terms were collected."""
    known = {*REWRITES, COLLECTED, "gradients in closed form"}
    for graph in GRAPHS.values():
        output = graph()
        for node in named_nodes(output):
            if node is output:
                continue
            for row in explain(output, node, numbers=False).equations:
                assert row.reason
                for part in re.split(r"; ", row.reason):
                    rule = re.fullmatch(
                        r"(\w+) by \w+(: .*)?|chain rule(: .*)?|.* in closed form|\w+, as in the table of rules",
                        part,
                    )
                    assert part in known or rule, part
                    if rule and rule[1]:
                        assert rule[1] in RULES


def test_names_of_the_lecture_are_said_once() -> None:
    """dZ is explained in one place, and log too."""
    text = " ".join(explain(logistic()).text.split())
    assert text.count("dZ for ∂L/∂z") == 1
    assert text.count("natural logarithm") == 1
    assert "dW1 for ∂L/∂w1" in text


def test_words_name_rule_operands_and_what_was_sent() -> None:
    output = logistic()
    text = " ".join(explain(output, Graph(output).find("z")).text.split())
    assert "a = σ(z) is the operation sigmoid. Its derivative by x is out·σ(−x)" in text
    assert "L sends z its term past a, 1 · (−0.20587)" in text


def test_a_node_used_twice_by_one_node_has_both_places() -> None:
    w = Value(3.0, label="w")
    L = (w * w).named("L")
    assert "Its derivative by x is y and by y is x; here it is 2·w = 6" in " ".join(
        explain(L, w).text.split()
    )
    assert len(ledger(w, L)) == 2


# -- forms of the call ------------------------------------------------------------------------------------


def test_as_a_method_it_is_the_same() -> None:
    L = logistic()
    z = Graph(L).find("z")
    assert z.explain(L).text == explain(L, z).text
    assert L.explain().text == explain(L).text


def test_the_whole_graph_is_told_in_the_order_of_backward() -> None:
    """The headings follow L.steps(), with the inputs where backward passes them."""
    output = logistic()
    naming = Naming(output, 6)
    told = re.findall(r"^At (\w+)", explain(output).text, flags=re.MULTILINE)
    nodes = [node for node in reversed(naming.graph.nodes) if node.op != "const"]
    assert told == [naming.label(node) for node in nodes[1:]]


def test_the_short_form_has_equations_only() -> None:
    output = logistic()
    z = Graph(output).find("z")
    short = chain_rule(z, output)
    assert assert_equations_hold(output, short) == 5
    assert len(short.text) < len(explain(output, z).text) / 2
    assert "<math" in short.mathml
    assert r"\frac" in short.latex


def test_all_short_forms_at_once_are_the_same() -> None:
    output = network()
    found = dict(chain_rules(output))
    assert list(found) == list(Graph(output))
    for node, explanation in found.items():
        assert explanation.text == chain_rule(node, output).text


def test_symbols_alone_have_no_number() -> None:
    output = logistic()
    text = explain(output, Graph(output).find("w1"), numbers=False).text
    assert not re.search(r"\d\.\d", text)


def test_nothing_is_changed() -> None:
    """No gradient, no label, no number."""
    output = network()
    graph = Graph(output)
    before = [(node.data, node.grad, node.label) for node in graph]
    explain(output)
    for node in graph:
        explain(output, node)
    assert [(node.data, node.grad, node.label) for node in graph] == before


def test_the_same_graph_gives_the_same_bytes() -> None:
    for graph in GRAPHS.values():
        one, two = explain(graph()), explain(graph())
        assert (one.text, one.markdown, one.latex, one.mathml) == (
            two.text,
            two.markdown,
            two.latex,
            two.mathml,
        )


# -- bad input --------------------------------------------------------------------------------------------


def test_before_backward_it_says_so() -> None:
    output = logistic()
    z = Graph(output).find("z")
    assert "z.grad is 0 as yet: backward() has not been called" in explain(output, z).text
    output.backward()
    assert "as yet" not in explain(output, z).text


def test_after_two_backwards_it_says_so() -> None:
    output = logistic()
    w = Graph(output).find("w1")
    output.backward()
    output.backward()
    assert "2 times the derivative" in " ".join(explain(output, w).text.split())


def test_without_names_places_are_used_and_it_says_so() -> None:
    text = explain(unnamed()).text
    assert "No node has a name" in text
    assert "∂L/∂v0" in text


def test_nodes_of_one_name_are_told_apart() -> None:
    output = doubled()
    text = explain(output, output.operands[1]).text
    assert "∂w_3/∂w_2" in text
    assert "3 nodes are called w" in " ".join(text.split())


def test_a_name_that_is_taken_is_not_given_twice() -> None:
    """Where w_2 exists already, the second w is another."""
    a, b, c = Value(1.0, label="w"), Value(2.0, label="w"), Value(3.0, label="w_2")
    naming = Naming((a * b * c).named("L"), 6)
    labels = [naming.label(node) for node in naming.graph]
    assert len(set(labels)) == len(labels)


def test_nan_and_inf_are_told_with_their_origin() -> None:
    x = Value(-0.25, label="margin")
    output = (log(x) + 1).named("L")
    text = " ".join(explain(output, x).text.split())
    assert 'log at node "v1": x = -0.25 ("margin") gives nan, needs x > 0' in text
    huge = Value(800.0, label="h")
    assert "inf" in explain((exp(huge) * 2).named("L"), huge).text


def test_a_saturated_sigmoid_is_told_with_what_was_sent() -> None:
    """Where the product of the links is not finite, or lost, the term past the sigmoid stands in its place."""
    z = Value(-800.0, label="z")
    L = bce(sigmoid(z).named("a"), 1.0).named("L")
    text = explain(L, z).text
    assert "∂L/∂z = 1 · (−1)" in text
    assert "nan" not in text.split("Notes")[0]


def test_a_graph_that_is_too_large_is_refused_with_a_way_out() -> None:
    x = Value(1.0, label="x")
    y = x
    for _ in range(100):
        y = y * 1.01
    with pytest.raises(ExplainError, match=r"101 nodes.*explain\(L, node\).*max_nodes=101"):
        explain(y)
    assert explain(y, x).text


def test_one_node_of_a_huge_graph_is_told() -> None:
    """The closed form is left out with a sentence, and a sum of a thousand terms is cut."""
    x = Value(1.0, label="x")
    L = x * 1.0
    for k in range(5000):
        L = L + x * k
    text = explain(L.named("L"), x).text
    assert "The closed form is left out: the graph has" in text
    assert "… 4,993 more" in " ".join(text.split())
    assert len(text) < 5000


def test_a_constant_and_a_stranger_are_met_with_a_sentence() -> None:
    w = Value(2.0, label="w")
    L = (3 * w).named("L")
    assert "constants get no gradient" in explain(L, L.operands[0]).text
    with pytest.raises(ExplainError, match="no path leads from it"):
        explain(L, Value(2.0, label="v"))
    with pytest.raises(ExplainError, match="another Value called w is in it"):
        explain(L, Value(2.0, label="w"))
    for ask in (explain, lambda first, second: why_add(second, first)):
        with pytest.raises(ExplainError, match=r"w comes before L, .* wrong way round: .*why_add\(z, L\)"):
            ask(w, L)


def test_a_leaf_with_another_number_is_refused() -> None:
    """The formulas would speak of one set of numbers and the gradients of another."""
    w = Value(2.0, label="w")
    L = (w * w).named("L")
    w.data = 5.0
    with pytest.raises(ExplainError, match="other numbers than its operands hold now"):
        explain(L, w)
    Graph(L).forward()
    assert "= 10" in explain(L, w).text


@pytest.mark.parametrize("options", [{"digits": 0}, {"digits": 18}, {"digits": True}, {"max_nodes": 0}])
def test_options_out_of_range_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="whole number"):
        explain(logistic(), **options)  # type: ignore[arg-type]


def test_what_is_no_value_is_refused() -> None:
    with pytest.raises(TypeError, match="a Value"):
        explain(3.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a Value"):
        explain(logistic(), 3.0)  # type: ignore[arg-type]


def test_kinks_are_told_with_their_choice() -> None:
    x = Value(0.0, label="x")
    L = (relu(x) * 2).named("L")
    text = " ".join(explain(L, x).text.split())
    assert "(1 if x > 0, else 0) (0 at x = 0)" in text
    assert "1 if |r| < 1" in explain(huber()).text or "if |r| < 1" in explain(huber()).text


def test_many_uses_are_all_in_the_sum() -> None:
    output = many_uses()
    (first, *_) = equations(explain(output, Graph(output).find("k")).to_text(1000))
    assert first[0].right.count("∂Q/") == 6
