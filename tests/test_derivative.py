"""minigrad.derivative, closed, normal and steps: closed forms as on paper, and the numbers behind them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import pytest
from mpmath import mp
from seeded import numbers
from ulp import ulps

import minigrad
from minigrad import (
    RULES,
    Graph,
    NotANumberError,
    Value,
    abs,
    bce,
    closed_form,
    derive,
    exp,
    grad,
    hessian,
    hessian_product,
    jacobian,
    log,
    relu,
    sigmoid,
    sqrt,
    tanh,
)  # fmt: skip
from minigrad.derivative import Derivative
from minigrad.formula import formula
from minigrad.normal import MOST_FACTORS
from minigrad.steps import MOST_STEPS


class Lecture:
    """The graph of the lecture; its sigmoid and its loss spelt as asked."""

    def __init__(
        self,
        spelt_sigmoid: Callable[[Value], Value] = sigmoid,
        spelt_loss: Callable[[Value, Value], Value] = bce,
        *,
        z: float | None = None,
    ) -> None:
        self.x1, self.x2, self.y = (Value(v, label=n) for n, v in (("x1", 2.0), ("x2", -1.0), ("y", 1.0)))
        self.w1, self.w2, self.b = (Value(v, label=n) for n, v in (("w1", 0.5), ("w2", -0.25), ("b", 0.1)))
        if z is not None:
            self.b.data = z - 1.25
        self.z = (self.w1 * self.x1 + self.w2 * self.x2 + self.b).named("z")
        self.a = spelt_sigmoid(self.z).named("a")
        self.L = spelt_loss(self.a, self.y).named("L")


def naive(a: Value, y: Value) -> Value:
    """The loss as it stands in the lecture."""
    return -(y * log(a) + (1 - y) * log(1 - a))


SPELLINGS: dict[str, tuple[Callable[[Value], Value], Callable[[Value, Value], Value]]] = {
    "bce(sigmoid(z), y)": (sigmoid, bce),
    "naive loss": (sigmoid, naive),
    "all naive": (lambda z: 1 / (1 + exp(-z)), naive),
    "with two exps": (lambda z: exp(z) / (exp(z) + 1), lambda a, y: -y * log(a) - (1 - y) * log(1 - a)),
    "with tanh": (lambda z: 0.5 * (1 + tanh(z / 2)), lambda a, y: (y - 1) * log(1 - a) - y * log(a)),
}


def named(**values: float) -> list[Value]:
    """Inputs by their label."""
    return [Value(value, label=name) for name, value in values.items()]


# -- closed forms -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_closed_forms_of_the_lecture(spelling: str) -> None:
    """dZ = a - y, dW = x * (a - y), dB = a - y, whichever way the loss is spelt."""
    g = Lecture(*SPELLINGS[spelling])
    forms = [str(form) for form in derive(g.L, [g.a, g.z, g.w1, g.w2, g.b])]
    assert forms == ["(a - y)/(a*(1 - a))", "a - y", "x1*(a - y)", "x2*(a - y)", "a - y"]
    assert str(derive(derive(g.L, g.w1), g.w2)) == "x1*x2*a*(1 - a)"


def test_without_names_the_parts_are_written_out() -> None:
    """The same loss, nothing labelled but the leaves."""
    x, w, y = named(x=2.0, w=0.5, y=1.0)
    for loss in (bce(sigmoid(w * x), y), naive(1 / (1 + exp(-(w * x))), y)):
        assert str(derive(loss, w)) == "x*(sigmoid(w*x) - y)"


x, w, b, t = named(x=0.3, w=0.7, b=-0.2, t=0.9)
p = sigmoid(x).named("p")

#: A result, what to differentiate it by, and the closed form worked out on paper.
ON_PAPER: list[tuple[Value, Value, str]] = [
    ((w * x + b - t) ** 2, w, "2*x*(w*x + b - t)"),
    ((w * x + b - t) ** 2 / 2, b, "w*x + b - t"),
    (w**3 * x + w / x, w, "1/x + 3*w**2*x"),
    (x / w, w, "-x/w**2"),
    (x**t, x, "t*x**(t - 1)"),
    (log(x) * w, x, "w/x"),
    (sqrt(x), x, "0.5/sqrt(x)"),
    (exp(-x * x / 2), x, "-x*exp(-0.5*x**2)"),
    (x * x * x * 2 + x, x, "1 + 6*x**2"),
    (x / 3 + x / 3, x, "0.6666666666666666"),
    (minigrad.softplus(w * x), w, "x*sigmoid(w*x)"),
    (minigrad.hypot(x, w), x, "x/hypot(x, w)"),
    (minigrad.atan2(x, w), w, "-x/(w**2 + x**2)"),
    (minigrad.logit(x), x, "1/(x*(1 - x))"),
    (minigrad.log1p(x * x), x, "2*x/(1 + x**2)"),
    (minigrad.logsumexp([x, w, t]), w, "exp(w - logsumexp(x, w, t))"),
    (minigrad.dot([x, w], [t, x]), x, "t + w"),
    (minigrad.mean([x * x, w]), x, "x"),
    (relu(w * x) * 3, w, "where(0 < w*x, 3*x, 0)"),
    (relu(x), x, "0 < x"),
    (abs(x), x, "sign(x)"),
    (p * (1 - p), x, "p*(1 - p)*(1 - 2*p)"),
    ((p - t) ** 2 / 2, x, "p*(p - t)*(1 - p)"),
    (tanh(w * x), w, "x/cosh(w*x)**2"),
    (minigrad.sin(x) * minigrad.cos(x), x, "cos(x)**2 - sin(x)**2"),
    (w * x + w * x, w, "2*x"),
    (w * 1.0, w, "1"),
    ((w + x) * (w - x) - w * w, x, "-2*x"),
    (1 / (1 / w), w, "1"),
]


@pytest.mark.parametrize(("output", "wrt", "closed"), ON_PAPER, ids=[closed for _, _, closed in ON_PAPER])
def test_closed_forms_are_those_on_paper(output: Value, wrt: Value, closed: str) -> None:
    """And the text, read again, is the number of the derivative."""
    form = derive(output, wrt)
    assert str(form) == closed
    assert form.value.data == pytest.approx(grad(output, wrt), rel=1e-14)
    values = {n.label: n for n in (x, w, b, t, p) if n.label in closed.replace("exp", "").replace("sqrt", "")}
    try:
        again = formula(closed, **values)
    except minigrad.FormulaError:
        return  # a letter of a function's name
    assert again.data == form.value.data


def test_the_closed_form_of_a_value() -> None:
    """Named nodes stay symbols; the node itself is written out; the steps say which identity was applied."""
    g = Lecture(*SPELLINGS["all naive"])
    form = closed_form(g.L)
    assert str(form) == "bce(a, y)"
    assert [step.name for step in form.steps[:1]] == ["definition of sigmoid"]
    assert str(closed_form((x + 1) * (x - 1) + 1)) == "x**2"
    assert str(closed_form(g.z)) == "w1*x1 + w2*x2 + b"


# -- numbers ----------------------------------------------------------------------------------------------

SMOOTH = [
    *(
        "add",
        "sub",
        "mul",
        "tanh",
        "sigmoid",
        "softplus",
        "atan2",
        "mean",
        "dot",
        "logsumexp",
        "sin",
        "hypot",
    ),
    "bce_with_logits",
]


def random_graph(draw: Any, leaves: list[Value], size: int) -> Value:
    """A smooth graph with shared operands."""
    nodes = list(leaves)
    for _ in range(size):
        name = draw.choice(SMOOTH)
        count = RULES[name].arity or 4
        nodes.append(minigrad.value.record(name, [draw.choice(nodes[-7:]) for _ in range(count)]))
        if draw.random() < 0.2:
            nodes[-1].label = f"n{len(nodes)}"
    return minigrad.sum(nodes[len(leaves) :])


def test_derivatives_are_what_backward_gives() -> None:
    """Random graphs, leaves and inner nodes: the recorded closed form and its stable number."""
    draw = numbers(60)
    for _ in range(60):
        leaves = named(**{f"x{k}": draw.uniform(0.2, 1.5) for k in range(3)})
        output = random_graph(draw, leaves, 10)
        order = Graph(output).nodes
        wrt = [leaf for leaf in leaves if leaf in order] + [node for node in order if not node.is_leaf][3:5]
        for form, exact in zip(derive(output, wrt), grad(output, wrt), strict=True):
            assert form.value.data == pytest.approx(exact, rel=1e-9, abs=1e-9), form
            assert form.data == pytest.approx(exact, rel=1e-9, abs=1e-9), form


def test_second_derivatives_against_high_precision() -> None:
    """Of formulas that mpmath can evaluate, differentiated numerically with 60 digits."""

    def f(x: Any, y: Any, m: Any) -> Any:
        return (
            m.exp(x * y) / (1 + x * x)
            + m.tanh(y) * x**3
            + m.log(1 + m.exp(x - 2 * y))
            - m.sqrt(x * x + y * y)
        )

    x, y = named(x=0.7, y=-0.4)
    output = f(x, y, minigrad)
    exact = {}
    with mp.workdps(60):
        for i, j in ((0, 0), (0, 1), (1, 1)):
            orders = (2 - i - j, i + j)
            exact[i, j] = mp.diff(lambda x, y: f(x, y, mp), (mp.mpf(0.7), mp.mpf(-0.4)), orders)
    second = hessian(output, [x, y])
    for (i, j), truth in exact.items():
        assert ulps(second[i][j].data, truth) <= 64
        assert ulps(second[j][i].value.data, truth) <= 64


def test_hessians_are_symmetric_and_agree_with_their_products() -> None:
    """Random graphs: H = Hᵀ, H v without H, and H against differences of the gradient."""
    draw = numbers(15)
    for _ in range(15):
        leaves = named(**{f"x{k}": draw.uniform(0.2, 1.5) for k in range(3)})
        output = random_graph(draw, leaves, 8)
        leaves = [leaf for leaf in leaves if leaf in Graph(output).nodes]
        second = [[entry.data for entry in row] for row in hessian(output, leaves)]
        v = [draw.uniform(-1, 1) for _ in leaves]
        products = [form.data for form in hessian_product(output, leaves, v)]
        for i, row in enumerate(second):
            assert row[i:] == [second[j][i] for j in range(i, len(leaves))]
            assert products[i] == pytest.approx(
                math.fsum(map(math.prod, zip(row, v, strict=True))), rel=1e-8, abs=1e-8
            )
        graph, h = Graph(output), 1e-6
        sides = []
        for step in (h, -h):
            graph.forward({leaves[0]: leaves[0].data + step})
            sides.append(grad(output, leaves))
            graph.forward({leaves[0]: leaves[0].data - step})
        for j, row in enumerate(second):
            assert row[0] == pytest.approx((sides[0][j] - sides[1][j]) / (2 * h), rel=1e-5, abs=1e-5)


def test_the_number_survives_saturation() -> None:
    """a - y at z = 40, y = 1 is 0 as recorded; `data` is -exp(-40), as backward and programs have it."""
    for z in (40.0, -40.0, 700.0):
        for spelling in SPELLINGS.values():
            g = Lecture(*spelling, z=z)
            exact = -1 / (1 + mp.exp(mp.mpf(g.z.data)))
            assert ulps(derive(g.L, g.z).data, exact) <= 4


def test_a_node_computed_twice_is_two_nodes() -> None:
    """The derivative by one of them is not that by both."""
    z, y = named(z=0.3, y=0.4)
    one, other = sigmoid(z), sigmoid(z)
    output = one * other * y
    assert derive(output, one).value.data == grad(output, one)
    assert derive(output, [one, other])[1].value.data == grad(output, other)


def test_kinks_follow_the_rows() -> None:
    """At x = y, 0 and the branch not taken."""
    x, y = named(x=0.0, y=0.0)
    for output in (minigrad.max(x, y) + y, minigrad.min(x, y), abs(x) + y, relu(x) + y):
        assert [form.value.data for form in derive(output, [y])] == grad(output, [y])
        if x in Graph(output).nodes:
            assert derive(output, x).value.data == grad(output, x)


def test_a_domain_holds_only_where_its_operation_is_taken() -> None:
    """log in a branch says nothing of its operand elsewhere."""
    v = Value(-2.0, label="v")
    safe = minigrad.where(minigrad.less(0.0, v), log(v), v * v)
    assert derive(safe, v).value.data == grad(safe, v) == -4.0
    assert str(derive(safe, v)) == "2*where(0 < v, 0, v) + where(0 < v, 1/v, 0)"


# -- graphs -----------------------------------------------------------------------------------------------


def test_a_derivative_is_a_graph_on_the_users_nodes() -> None:
    """It can be read, run again, drawn; it has a name; nothing of the user's graph is changed."""
    g = Lecture()
    before = Graph(g.L).to_text()
    form = derive(g.L, g.w1)
    assert isinstance(form, Derivative)
    assert (form.of, form.wrt, form.name, repr(form)) == (g.L, g.w1, "dL/dw1", "<dL/dw1 = x1*(a - y)>")
    assert g.a in Graph(form.value).nodes
    assert form.value.label == "dL/dw1"
    assert Graph(g.L).to_text() == before
    graph = Graph(form.value)
    graph.forward({"w1": -1.0})
    assert form.value.data == pytest.approx(2.0 * (1 / (1 + math.exp(1.65)) - 1.0), rel=1e-15)
    assert "dL/dw1" in form.draw().svg


def test_a_derivative_that_is_a_node_keeps_its_name() -> None:
    """dz/dw1 is x1 itself, not another node called so."""
    g = Lecture()
    assert derive(g.z, g.w1).value is g.x1
    assert g.x1.label == "x1"


def test_a_derivative_that_is_constant_can_be_derived() -> None:
    """Its derivative is 0, since the node was in the graph."""
    g = Lecture()
    again = derive(derive(g.z, g.w1), g.w1)
    assert (str(again), again.data, again.value.data) == ("0", 0.0, 0.0)
    assert [[str(entry) for entry in row] for row in hessian(g.z, [g.w1, g.b])] == [["0", "0"], ["0", "0"]]


def test_jacobian() -> None:
    """One row for each result; a result that does not depend on a node has a 0."""
    g = Lecture()
    rows = jacobian([g.a, g.z, g.x1 * g.w1], [g.w1, g.b])
    assert [[str(entry) for entry in row] for row in rows] == [
        ["x1*a*(1 - a)", "a*(1 - a)"],
        ["x1", "1"],
        ["x1", "0"],
    ]
    assert rows[0][0].data == pytest.approx(grad(g.a, g.w1), rel=1e-15)


def test_hessian_product_with_values() -> None:
    """The vector may hold Values; its length must be right."""
    g = Lecture()
    v = named(u=2.0, v=-1.0)
    forms = hessian_product(g.L, [g.w1, g.w2], v)
    assert str(forms[0]) == "x1*a*(x2*v + x1*u)*(1 - a)"
    with pytest.raises(ValueError, match="v has 1 entries for 2 nodes of wrt"):
        hessian_product(g.L, [g.w1, g.w2], [1.0])


def test_what_was_divided_by_without_proof_is_said() -> None:
    """A factor of a denominator that the recorded operations do not keep from 0."""
    x, w = named(x=2.0, w=3.0)
    assert derive(x * w / w, x).conditions == ()  # the recorded division says w != 0
    form = derive(minigrad.hypot(x, w) ** 2, x)
    assert (str(form), form.conditions) == ("2*x", ("hypot(x, w) != 0",))


# -- steps ------------------------------------------------------------------------------------------------


def test_the_steps_of_the_lecture() -> None:
    """The chain rule from named node to named node, and each rewrite by its name."""
    g = Lecture()
    assert [tuple(step) for step in derive(g.L, g.w1).steps] == [
        ("chain rule: bce by a", "dL/da", "(a - y)/(a*(1 - a))"),
        ("chain rule: sigmoid by x", "dL/dz", "a*sigmoid(-z)*dL/da"),
        ("sigmoid of minus", "sigmoid(-z)", "1 - a"),
        ("terms collected, factors cancelled", "a*sigmoid(-z)*((a - y)/(a*(1 - a)))", "a - y"),
        ("chain rule: add by x, mul by x", "dL/dw1", "x1*dL/dz"),
    ]


def test_the_steps_of_a_naive_loss() -> None:
    """Begin with what was recognised."""
    g = Lecture(*SPELLINGS["all naive"])
    names = [step.name for step in derive(g.L, g.z).steps]
    assert names[:4] == ["definition of sigmoid", "log of 1 minus", "log-likelihood", "minus minus"]
    assert names[4] == "chain rule: bce by a"


def test_steps_are_bounded() -> None:
    """Of a graph with very many named nodes too."""
    x, w = named(x=0.5, w=0.9)
    node = x
    for k in range(400):
        node = tanh(node * w).named(f"h{k}")
    steps = derive(node, w).steps
    assert len(steps) <= MOST_STEPS
    assert all(len(step.before) < 1000 and len(step.after) < 1000 for step in steps)


# -- refusals and size ------------------------------------------------------------------------------------


def test_what_has_no_part_is_named() -> None:
    """A leaf of another graph, by label or by position."""
    g = Lecture()
    with pytest.raises(ValueError, match='"q" has no part in the graph'):
        derive(g.L, Value(1.0, label="q"))
    with pytest.raises(ValueError, match=r"wrt\[1\] has no part in the graph"):
        derive(g.L, [g.w1, Value(1.0)])
    with pytest.raises(ValueError, match="wrt names no node"):
        derive(g.L, [])


def test_what_is_no_value_is_refused() -> None:
    """Numbers and text."""
    g = Lecture()
    anything: tuple[Any, ...] = (1.0, "w1", None)
    for wrong in anything:
        with pytest.raises(NotANumberError):
            derive(g.L, wrong)
        with pytest.raises(NotANumberError):
            derive(wrong, g.w1)


def test_a_deep_graph() -> None:
    """Thousands of operations, shared and nested: bounded text, no recursion, about linear time."""

    def seconds(n: int) -> float:
        x, w, u = named(x=0.4, w=0.9, u=0.2)
        node = x
        for k in range(n):
            node = node * w if k % 3 == 0 else node + u if k % 3 == 1 else tanh(node)
        start = time.perf_counter()
        form = derive(node, w)
        assert len(str(form)) < 5000
        assert form.value.data == pytest.approx(grad(node, w), rel=1e-9)
        return time.perf_counter() - start

    assert seconds(4_000) < 10.0 * seconds(1_000) + 0.5


def test_a_product_of_many_factors() -> None:
    """More than the normal form takes apart at once."""
    factors = named(**{f"x{k}": 1.0 + k / 100 for k in range(3 * MOST_FACTORS)})
    product = factors[0]
    for factor in factors[1:]:
        product = product * factor
    assert derive(product, factors[5]).value.data == pytest.approx(grad(product, factors[5]), rel=1e-13)


def test_import_is_lazy() -> None:
    """The names are there, and come with the module when they are first used."""
    assert minigrad.derive is derive
    assert {"derive", "hessian", "hessian_product", "jacobian", "Derivative", "closed_form"} <= set(
        minigrad.__all__
    )


def test_a_node_stays_apart_from_its_double_when_their_operands_are_rewritten() -> None:
    """Two nodes h*h, of which one is asked for; log(1 + x*x) under both becomes log1p. d(p*q)/dp is q, not p + q."""
    x = Value(1.3, label="x")
    h = log(1 + x * x)
    p, q = h * h, h * h
    assert derive(p * q, p).data == pytest.approx(q.data, rel=1e-15)


#: The slope of f(x, x) on paper, in x and mpmath, for every operation of two operands; polygamma has none.
OF_TWICE_THE_SAME: dict[str, Callable[[Any], Any]] = {
    "add": lambda x: 2, "sub": lambda x: 0, "mul": lambda x: 2 * x, "div": lambda x: 0,
    "pow": lambda x: x**x * (mp.log(x) + 1), "min": lambda x: 1, "max": lambda x: 1,
    "less": lambda x: 0, "less_equal": lambda x: 0, "atan2": lambda x: 0, "hypot": lambda x: mp.sqrt(2),
    "logaddexp": lambda x: 1, "bce": lambda x: mp.log(1 - x) - mp.log(x),
    "bce_with_logits": lambda x: 1 / (1 + mp.exp(-x)) - 2 * x, "polygamma": lambda x: mp.nan,
}  # fmt: skip


def test_every_operation_of_two_operands_is_on_paper_at_twice_the_same() -> None:
    """A row of two operands that is not in the list would not be tried."""
    assert set(OF_TWICE_THE_SAME) == {name for name, rule in RULES.items() if rule.arity == 2}


@pytest.mark.parametrize("name", OF_TWICE_THE_SAME)
def test_an_operation_on_twice_the_same_node(name: str) -> None:
    """m = f(x, x), L = 3 m + x: backward, derive and the program agree with paper, by x and by m, at a tie as well."""
    x = Value(0.3, label="x")
    m = minigrad.value.record(name, [x, x])
    output = m * 3 + x
    with mp.workdps(40):
        by_x = float(3 * OF_TWICE_THE_SAME[name](mp.mpf(x.data)) + 1)
    expected = pytest.approx([by_x, 3.0], rel=1e-14, abs=1e-14, nan_ok=True)
    assert grad(output, [x, m]) == expected
    assert [form.data for form in derive(output, [x, m])] == expected
    assert [derive(output, node).data for node in (x, m)] == expected
    _, per_row = minigrad.compile(output, rows=[x], wrt=[x, m]).per_row({"x": [x.data]})
    assert per_row[0].tolist() == expected


@pytest.mark.parametrize(
    "make",
    [
        lambda x: minigrad.max(x, x), lambda x: minigrad.sum([x]), lambda x: x + 0, lambda x: x * 1, lambda x: x**1,
        lambda x: minigrad.neg(-x), lambda x: x / x, lambda x: x - x, lambda x: log(exp(x)), lambda x: 0.5 * (2 * x),
        lambda x: relu(exp(x)), lambda x: 1 - sigmoid(-x), lambda x: minigrad.logit(sigmoid(x)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("label", ["", "m"])
def test_a_node_that_simplifies_to_another_is_still_itself(
    make: Callable[[Value], Value], label: str
) -> None:
    """L = m² + x + exp x + σ(x) + x², by m: 2m, and once more 2; whatever else in L computes the same as m."""
    x = Value(2.0, label="x")
    m = make(x).named(label)
    output = m * m + x + exp(x) + sigmoid(x) + x * x
    first = derive(output, m)
    assert first.data == pytest.approx(2 * m.data, rel=1e-14)
    assert first.value.data == pytest.approx(2 * m.data, rel=1e-14)
    assert derive(first, m).data == 2.0
    assert derive(output, x).data == pytest.approx(grad(output, x), rel=1e-12)


def test_nodes_that_simplify_to_one_another_are_each_themselves() -> None:
    """Of u = asinh x and m = min(u, u) both are asked for, and u has its part through m as well."""
    x = Value(0.5, label="x")
    u = minigrad.asinh(x)
    m = minigrad.min(u, u)
    output = m * m + u * x
    assert [form.data for form in derive(output, [u, m])] == [2 * m.data + x.data, 2 * m.data]
    assert [form.data for form in derive(output, [m, u])] == [2 * m.data, 2 * m.data + x.data]


def test_a_node_that_an_identity_takes_away_has_a_derivative_of_0() -> None:
    """where(c, x, x) is x: c has a part in the graph, whatever becomes of it."""
    c, x = named(c=1.0, x=2.0)
    output = minigrad.where(c, x, x) * x
    assert [form.data for form in derive(output, [c, x])] == grad(output, [c, x]) == [0.0, 4.0]


ROUGH = [
    name for name in RULES if name not in ("polygamma", "lgamma", "digamma", "less", "less_equal", "sign")
]


def test_at_ties_and_repeats_derivatives_are_what_backward_gives() -> None:
    """Random graphs of few numbers, so that kinks are hit, and with the same node in several places."""
    draw = numbers(2)
    done = 0
    while done < 40:
        nodes = leaves = named(**{f"x{k}": draw.choice([0.25, 0.5, 1.0]) for k in range(3)})
        for _ in range(7):
            name = draw.choice(ROUGH)
            operands = [draw.choice(nodes) for _ in range(RULES[name].arity or 4)]
            node = minigrad.value.record(
                name, operands[:1] * len(operands) if draw.random() < 0.3 else operands
            )
            if math.isfinite(node.data) and math.fabs(node.data) < 50:
                nodes = [*nodes, node]
        output = minigrad.sum(nodes)
        wrt = [*leaves, *nodes[3:7]]
        exact = grad(output, wrt)
        if all(map(math.isfinite, exact)):
            assert [form.data for form in derive(output, wrt)] == pytest.approx(exact, rel=1e-9, abs=1e-9)
            done += 1
