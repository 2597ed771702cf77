"""minigrad.checking.points: where derivatives are compared."""

from __future__ import annotations

import math

import pytest

from minigrad import Value, value
from minigrad.checking.points import SEED, Point, points
from minigrad.formula import formula
from minigrad.graph import Graph

GRAPHS: dict[str, tuple[str, dict[str, float]]] = {
    "logistic": (
        "z = w1*x1 + w2*x2 + b; a = sigmoid(z); bce(a, y)",
        {"w1": 0.5, "x1": 2, "w2": -1, "x2": 0.3, "b": 0.1, "y": 1},
    ),
    "written out": ("a = sigmoid(w*x + b); -(y*log(a) + (1 - y)*log(1 - a))", {"w": 0.5, "x": 2, "b": 0.1, "y": 1}),
    "hinge": ("max(0, 1 - y*(w*x + b))", {"w": 0.5, "x": 2, "b": 0.1, "y": -1}),
    "Poisson": ("s = w*x + b; exp(s) - y*s + lgamma(y + 1)", {"w": 0.3, "x": 1.5, "b": -0.2, "y": 3}),
    "narrow": ("asin(x)*sqrt(w - 1) + log(b)", {"x": 0.999, "w": 1.01, "b": 1e-3}),
    "order": ("polygamma(n, x)", {"n": 2, "x": 1.5}),
    "large": ("(w*x - 784)**2", {"w": 0.01, "x": 50_000.0}),
}  # fmt: skip


def recorded(name: str) -> Value:
    """The graph of that name."""
    text, numbers = GRAPHS[name]
    return formula(text, **numbers)


def labels(point: Point) -> dict[Value | str, float]:
    """The numbers of a point by label."""
    return {node.label: number for node, number in point.numbers.items()}


@pytest.mark.parametrize("name", GRAPHS)
def test_every_point_lies_in_the_domain(name: str) -> None:
    """Replaying the graph there, no node is nan or infinite; all inputs have a number."""
    print(f"seed {SEED}")
    loss = recorded(name)
    found = points(loss)
    assert sum(p.where.startswith("random") for p in found) == 4
    for point in found:
        graph = Graph(loss).copy()
        assert {node.label for node in point.numbers} == set(GRAPHS[name][1])
        graph.forward(labels(point))
        assert all(math.isfinite(node.data) for node in graph), point


def test_the_same_seed_gives_the_same_points() -> None:
    """Another seed others; the user's own come first, or not at all."""
    loss = recorded("logistic")
    assert points(loss) == points(loss)
    assert points(loss, seed=1) != points(loss)
    assert points(loss)[0] == Point("at your numbers", {n: n.data for n in Graph(loss).inputs})
    assert not any(p.where == "at your numbers" for p in points(loss, own=False))


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("logistic", {0, 1}), ("written out", {0, 1}), ("hinge", {-1, 1}), ("order", {1, 2, 3, 4})],
)
def test_a_label_stays_a_label(name: str, allowed: set[float]) -> None:
    """0 or 1 where the graph says bce; -1 or 1; whole orders and counts."""
    label = "n" if name == "order" else "y"
    seen: set[float] = {labels(p)[label] for p in points(recorded(name), random=20)}
    assert seen <= allowed
    assert len(seen) > 1


def test_a_count_stays_whole() -> None:
    """The y of a Poisson loss."""
    assert all(labels(p)["y"] in (2, 3, 4, 5) for p in points(recorded("Poisson"), random=20))


def test_edges_saturate_flip_labels_and_stand_beside_kinks() -> None:
    """z = 40 and -40, y = 0; the hinge a thousandth to either side of its kink."""
    loss = recorded("logistic")
    z = next(n for n in Graph(loss) if n.label == "z")
    reached = []
    for point in points(loss):
        graph = Graph([loss, z]).copy()
        reached.append(graph.forward(labels(point))[1])  # type: ignore[index]
    assert any(abs(x - 40) < 2 for x in reached)
    assert any(abs(x + 40) < 2 for x in reached)
    assert any(p.where == "edge point: y = 0" for p in points(loss))
    margins = []
    for point in points(recorded("hinge")):
        n = labels(point)
        if "beside" in point.where:
            margins.append(1 - n["y"] * (n["w"] * n["x"] + n["b"]))
    assert min(margins) == pytest.approx(-1e-3, rel=0.05)
    assert max(margins) == pytest.approx(1e-3, rel=0.05)


def test_a_graph_without_inputs_has_its_own_point_only() -> None:
    """A constant."""
    assert points(value.constant(3.0)) == [Point("at your numbers", {})]


def test_your_numbers_are_taken_as_they_are() -> None:
    """Also where the graph is not finite there; then there are no edges, and random points only where there is room."""
    x = Value(-1.0, label="x")
    found = points(x.log())
    assert found[0].numbers == {x: -1.0}
    assert all(p.numbers[x] > 0 for p in found[1:])
