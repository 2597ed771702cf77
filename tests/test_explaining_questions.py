"""The standing questions: each answer is run, and its numbers are those of the recorded engine."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
from explained_graphs import GRAPHS, logistic, named_nodes, random_graph, shared, unnamed
from seeded import SEED

import minigrad
from minigrad import Graph, Value, bce, exp, less, log, relu, sigmoid, tanh, where, why
from minigrad.explaining import ExplainError, counter_example, paths, second_backward, why_add, why_order
from minigrad.explaining.questions import first_come, plain_recursion
from minigrad.value import gradients


def gradient(output: Value, node: Value) -> float:
    (found,) = gradients(output, [node])
    assert found is not None
    return float(found)


# -- why an order -----------------------------------------------------------------------------------------


def test_plain_recursion_fails_on_the_counter_example() -> None:
    """On paper: dL/ds = 1 + 2s = 7 and dL/dx = 14. With every part s passes on all it has: 2·1 + 2·4 + 2·7 = 24."""
    L = counter_example()
    x = Graph(L).find("x")
    assert gradient(L, x) == 14.0
    assert plain_recursion(L).gradients[x] == 24.0
    assert first_come(L).gradients[x] == 2.0


def test_the_two_ways_are_written_as_a_newcomer_would() -> None:
    """The same numbers from the recursion that readers submit, in six lines."""
    L = counter_example()
    grads: dict[Value, float] = dict.fromkeys(Graph(L), 0.0)

    def backward(node: Value) -> None:
        for operand, partial in zip(node.operands, node.partials, strict=True):
            grads[operand] += grads[node] * partial
            backward(operand)

    grads[L] = 1.0
    backward(L)
    x = Graph(L).find("x")
    assert grads[x] == plain_recursion(L).gradients[x] == 24.0


def test_without_a_shared_node_every_way_is_right() -> None:
    w, x, b = (Value(number, label=name) for name, number in (("w", 2.0), ("x", 3.0), ("b", 1.0)))
    L = tanh(w * x * 0.1 + b).named("L")
    for walk in (plain_recursion(L), first_come(L)):
        for node in named_nodes(L):
            assert walk.gradients[node] == gradient(L, node)
    assert "No inner node is used twice" in why_order(L).text


def test_the_answer_shows_both_numbers_and_marks_the_wrong_ones() -> None:
    text = why_order().text
    assert "✗ 24" in text
    assert "✗ 2 " in text
    (row,) = [line for line in text.splitlines() if line.strip().startswith("x ")]
    assert row.split() == ["x", "✗", "24", "✗", "2", "14"]
    assert "s is used 3 times" in text


def test_recursion_that_would_not_end_is_counted_and_refused() -> None:
    """Thirty shared nodes in a row: more than 10⁹ visits, found in no time."""
    x = Value(1.0, label="x")
    for _ in range(30):
        x = x + x
    with pytest.raises(ExplainError, match="1,073,741,823 times in this graph of 31 nodes"):
        why_order(x)
    with pytest.raises(ExplainError, match="times"):
        plain_recursion(x)


def test_a_deep_chain_does_not_recurse() -> None:
    x = Value(1.0)
    for _ in range(5000):
        x = x + 1.0
    assert plain_recursion(x).visits == 5000
    assert why_order(x).text


# -- why a sum --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GRAPHS)
def test_the_sum_over_the_paths_is_the_gradient(name: str) -> None:
    output = GRAPHS[name]()
    graph = Graph(output)
    for node in named_nodes(output):
        if node is output:
            continue
        found = paths.listed(graph, node, 10_000)
        assert len(found) == paths.count(graph, node)
        total = math.fsum(math.prod(link.partial for link in path) for path in found)
        assert total == pytest.approx(gradient(output, node), rel=1e-12, abs=1e-15)


def test_the_sum_over_the_paths_of_random_graphs() -> None:
    draw = random.Random(SEED)
    for _ in range(60):
        output = random_graph(draw)
        graph = Graph(output)
        for node in named_nodes(output):
            if node is not output and paths.count(graph, node) < 5000:
                found = paths.listed(graph, node, 5000)
                total = math.fsum(math.prod(link.partial for link in path) for path in found)
                size = math.fsum(abs(math.prod(link.partial for link in path)) for path in found)
                assert abs(total - gradient(output, node)) <= 1e-12 * size


def test_paths_are_listed_from_the_node_to_the_result() -> None:
    output = shared()
    text = why_add(Graph(output).find("x"), output).text
    assert "x → s → L" in text
    assert "x → s → v3 → L" in text
    assert "∂L/∂x = 2 + 6 + 6" in text
    assert "= 14" in text


def test_two_operations_computed_as_one_are_one_link() -> None:
    output = logistic()
    text = why_add(Graph(output).find("w1"), output).text
    assert "w1 → v2 → v6 → z → (a) → L" in text
    assert "passed in one move" in text


def test_more_paths_than_are_listed_are_counted() -> None:
    x = Value(1.0, label="x")
    y = x
    for _ in range(10):
        y = y + y
    text = why_add(x, y.named("y")).text
    assert "1,024 paths lead" in text
    assert "and 1,004 more paths, which bring 1004 together" in text


def test_the_strongest_path_is_the_largest_product() -> None:
    """Against the list of all paths, on random graphs."""
    draw = random.Random(SEED + 1)
    for _ in range(40):
        output = random_graph(draw)
        graph = Graph(output)
        for node in named_nodes(output):
            if node is output or paths.count(graph, node) > 3000:
                continue
            largest = max(
                abs(math.prod(link.partial for link in path)) for path in paths.listed(graph, node, 3000)
            )
            found = paths.strongest(graph, node)
            product = abs(math.prod(link.partial for link in found)) if found else 0.0
            assert product == pytest.approx(largest, rel=1e-9)


def test_no_path_leads_from_the_result_or_a_constant() -> None:
    w = Value(1.0, label="w")
    L = (2 * w).named("L")
    for node in (L, L.operands[0]):
        with pytest.raises(ExplainError, match="no path leads from it"):
            why_add(node, L)


# -- why is it so -----------------------------------------------------------------------------------------


def leaf(number: float, label: str = "w") -> Value:
    return Value(number, label=label)


def relu_closed() -> tuple[Value, Value]:
    w = leaf(-2.0)
    return w, (relu(w).named("h") * 3).named("L")


def branch_not_taken() -> tuple[Value, Value]:
    w = leaf(2.0)
    return w, where(less(leaf(1.0, "u"), 0.0), w * w, 5.0).named("L")


def smaller_of_two() -> tuple[Value, Value]:
    w = leaf(2.0)
    return w, minigrad.min(w, leaf(1.0, "u")).named("L")


def sigmoid_flat() -> tuple[Value, Value]:
    w = leaf(-800.0)
    return w, (sigmoid(w).named("a") * 2).named("L")


def times_zero() -> tuple[Value, Value]:
    w = leaf(2.0)
    return w, (w * leaf(0.0, "x")).named("L")


def at_the_bottom() -> tuple[Value, Value]:
    w = leaf(0.0)
    return w, (w**2).named("L")


def cancelled() -> tuple[Value, Value]:
    w = leaf(2.0)
    return w, (w - w).named("L")


def cancelled_above() -> tuple[Value, Value]:
    w = leaf(2.0)
    h = (3 * w).named("h")
    return w, (h - h).named("L")


def too_small_for_a_double() -> tuple[Value, Value]:
    w = leaf(1.0)
    return w, (w * 1e-200 * 1e-200).named("L")


def label_reached() -> tuple[Value, Value]:
    z = leaf(800.0, "z")
    return z, bce(sigmoid(z).named("a"), 1.0).named("L")


def step_function() -> tuple[Value, Value]:
    w = leaf(2.0)
    return w, less(w, 3.0).named("L")


def overflowing() -> tuple[Value, Value]:
    w = leaf(-1.0)
    return w, (log(w) * 2).named("L")


@pytest.mark.parametrize(
    ("graph", "reason", "words"),
    [
        (relu_closed, "closed", "h = ReLU(w) is closed: w = −2"),
        (branch_not_taken, "closed", "takes its other operand"),
        (smaller_of_two, "closed", "takes its other operand here (w = 2, u = 1)"),
        (sigmoid_flat, "saturated", "a = σ(w) is saturated: at w = −800"),
        (times_zero, "zero factor", "the factor beside w is 0"),
        (at_the_bottom, "zero partial", "its derivative by w, 2·w, is 0 at w = 0"),
        (cancelled, "cancels", "2 terms arrive at w and cancel: 1 − 1 = 0"),
        (cancelled_above, "cancels", "2 terms arrive at h and cancel"),
        (too_small_for_a_double, "underflow", "below the smallest double"),
        (label_reached, "saturated", "a = 1 has reached the label"),
        (step_function, "zero partial", "is a step"),
        (overflowing, "not finite", 'log at node "v1": x = -1.0 ("w") gives nan'),
    ],
)
def test_a_gradient_of_zero_names_the_link(
    graph: Callable[[], tuple[Value, Value]], reason: str, words: str
) -> None:
    """The cause and not a consequence, by name and with its numbers."""
    node, output = graph()
    output.backward()
    answer = why(node, output)
    assert answer.reason == reason
    assert words in " ".join(answer.text.split())


def test_a_large_gradient_names_its_largest_link() -> None:
    t = Value(1e-9, label="t")
    L = (log(t) * 3).named("L")
    L.backward()
    answer = why(t, L)
    assert answer.reason == "large"
    assert "The largest link is v1 = log(t): ∂v1/∂t = 1/t = 1e+09 at t = 1e-09." in " ".join(
        answer.text.split()
    )


def test_a_small_gradient_names_its_smallest_link() -> None:
    t = Value(30.0, label="t")
    L = (sigmoid(t).named("a") * 3).named("L")
    L.backward()
    answer = why(t, L)
    assert answer.reason == "small"
    assert "it is saturated" in answer.text


def test_an_exploding_chain_is_cut_and_counted() -> None:
    x = Value(1.0, label="x")
    y = x
    for _ in range(100):
        y = y * 1.5 + y * 0.5
    y.named("L").backward()
    text = why(x, y).text
    assert "some 10^30 paths lead" in text
    assert "88 links" in text or "links" in text


def test_before_and_after_backward_it_says_what_stands_there() -> None:
    w = Value(3.0, label="w")
    L = (w * w).named("L")
    assert why(w, L).reason == "not run"
    L.backward()
    assert why(w, L).reason == "ordinary"
    L.backward()
    assert why(w, L).reason == "more than once"
    assert w.why(L).text == why(w, L).text


def test_a_stranger_a_constant_and_the_result() -> None:
    w = Value(3.0, label="w")
    L = (2 * w).named("L")
    L.backward()
    assert why(Value(3.0, label="w"), L).reason == "no path"
    assert "another Value called w is in it" in " ".join(why(Value(3.0, label="w"), L).text.split())
    assert why(L, w).reason == "no path"
    assert why(L.operands[0], L).reason == "constant"
    assert why(L, L).reason == "ordinary"
    with pytest.raises(TypeError, match="takes a Value"):
        why(3.0, L)  # type: ignore[arg-type]


def test_every_node_of_every_graph_has_an_answer() -> None:
    draw = random.Random(SEED + 2)
    outputs = [*(graph() for graph in GRAPHS.values()), *(random_graph(draw) for _ in range(20)), unnamed()]
    for output in outputs:
        output.backward()
        for node in Graph(output):
            assert why(node, output).text


# -- a second backward ------------------------------------------------------------------------------------


def test_a_second_backward_doubles_the_inputs_and_nothing_else() -> None:
    """The table is what happens to the graph itself."""
    L = logistic()
    rows = {
        line.split()[0]: line.split()[1:]
        for line in second_backward(L, digits=17).text.splitlines()
        if len(line.split()) == 5 and line.split()[1] in ("input", "inner", "result")
    }
    graph = Graph(L)
    once, twice = [], []
    L.backward()
    once = [node.grad for node in graph]
    L.backward()
    twice = [node.grad for node in graph]
    for node, first, second in zip(graph, once, twice, strict=True):
        label = node.label or graph.name(node)
        shown = [float(number.replace("−", "-")) for number in rows[label][1:]]
        assert shown == [first, second, first]
        assert second == (2 * first if node.is_leaf else first)


def test_asking_changes_no_gradient() -> None:
    L = logistic()
    L.backward()
    before = [node.grad for node in Graph(L)]
    second_backward(L)
    why_order(L)
    why_add(Graph(L).find("w1"), L)
    why(Graph(L).find("w1"), L)
    assert [node.grad for node in Graph(L)] == before


def test_infinite_gradients_are_met_with_a_sentence() -> None:
    w = Value(800.0, label="w")
    with pytest.raises(ExplainError, match="nan and inf do not double"):
        second_backward(exp(w).named("L"))
