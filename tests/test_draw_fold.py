"""Groups in frames or as one card, and what repeats folded: counts, readability, size."""

from __future__ import annotations

import itertools
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import minigrad
from minigrad import Graph, Value, sigmoid, tanh
from minigrad.draw import GraphTooLargeError, draw
from minigrad.draw.fold import FEW
from minigrad.draw.shapes import Card, Scene

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def _no_graphviz_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.chdir(tmp_path)


def network(rows: int, hidden: int = 3) -> Value:
    """J of a perceptron with labels by layer, recorded row by row as one would without knowing of `mean`."""
    w = [[Value(0.1 * i + j, label=f"layer 1/w{i}{j}") for j in range(2)] for i in range(hidden)]
    b = [Value(0.0, label=f"layer 1/b{i}") for i in range(hidden)]
    v = [Value(0.5 - i, label=f"layer 2/v{i}") for i in range(hidden)]
    c = Value(0.1, label="layer 2/c")
    losses = []
    for k in range(rows):
        x = [Value(0.3 * k - j, label=f"x{j}") for j in range(2)]
        y = Value(float(k % 2), label="y")
        h = [tanh(w[i][0] * x[0] + w[i][1] * x[1] + b[i]).named(f"layer 1/h{i}") for i in range(hidden)]
        z = v[0] * h[0]
        for i in range(1, hidden):
            z = z + v[i] * h[i]
        losses.append(minigrad.bce(sigmoid((z + c).named("layer 2/z")).named("a"), y).named("loss"))
    total = sum(losses[1:], losses[0] + 0.0)
    return (total / rows).named("J")


def named(scene: Scene, name: str) -> Card:
    (card,) = (card for card in scene.cards if card.name == name)
    return card


def rows(card: Card) -> dict[str, str]:
    return {row.word: row.number for row in card.rows}


def counted(scene: Scene) -> int:
    """How many nodes the cards of a folded picture stand for, the inner additions of a chain among them."""
    total = 0
    for card in scene.cards:
        if card.kind == "group":
            total += int(rows(card)["nodes"].replace(",", ""))
            continue
        said = " ".join(f"{row.word} {row.number}" for row in card.rows)
        times = int(re.search(r"× ([\d,]+)", said)[1].replace(",", "")) if "× " in said else 1  # type: ignore[index]
        terms = rows(card).get("terms")
        total += times * (int(terms.replace(",", "")) - 1 if terms else 1)
    return total


# -- groups -----------------------------------------------------------------------------------------------


def test_groups_go_by_the_label_before_the_slash() -> None:
    """Unnamed nodes that one group alone uses belong to it; x, used by it and named, does not."""
    scene = draw(network(1), groups=True).scene
    key = {box.name: box.key for box in scene.boxes}
    assert sorted(key) == ["layer 1", "layer 2"]
    inside = Counter(card.box for card in scene.cards)
    # Layer 1: six weights, three biases, six products, six sums (three of them h's own) and three tanh.
    assert inside[key["layer 1"]] == 6 + 3 + 6 + 6 + 3
    # Layer 2: three weights, c, three products, three sums.
    assert inside[key["layer 2"]] == 3 + 1 + 3 + 3
    assert {card.name for card in scene.cards if card.box == ""} >= {"x0", "x1", "y", "a", "J"}
    assert {card.name for card in scene.cards if card.box == key["layer 2"]} >= {
        "v0",
        "c",
        "z",
    }  # without "layer 2/"


def test_groups_as_given() -> None:
    x, w, b = Value(2.0, label="x"), Value(3.0, label="w"), Value(1.0, label="b")
    z = (w * x + b).named("z")
    scene = draw(sigmoid(z), groups={"the neuron": [w, b, z]}).scene
    (box,) = scene.boxes
    assert box.name == "the neuron"
    assert Counter(card.box for card in scene.cards) == {box.key: 4, "": 2}  # the product too, x not


def frames(svg: str) -> list[tuple[float, float, float, float]]:
    """The boxes of an SVG: left, top, right, bottom."""
    found = []
    for rect in ElementTree.fromstring(svg).iter(f"{SVG}rect"):
        if rect.get("stroke-dasharray") == "7 4":
            x, y, w, h = (float(rect.get(name, "nan")) for name in ("x", "y", "width", "height"))
            found.append((x, y, x + w, y + h))
    return found


@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_a_frame_lies_around_its_cards_and_no_others(direction: Any) -> None:
    drawing = draw(network(1), groups=True, direction=direction)
    boxes = dict(zip((box.key for box in drawing.scene.boxes), frames(drawing.svg), strict=True))
    for card, (key, (left, top, right, bottom)) in itertools.product(drawing.scene.cards, boxes.items()):
        x, y = drawing._layout.middles[card.key]
        dx, dy = card.width / 2, card.height / 2
        if card.box == key:
            assert left <= x - dx < x + dx <= right
            assert top <= y - dy < y + dy <= bottom
        else:
            assert x + dx <= left or right <= x - dx or y + dy <= top or bottom <= y - dy


def test_a_group_as_one_card_with_counts() -> None:
    scene = draw(network(1), groups=True, collapse=["layer 1"]).scene
    card = named(scene, "layer 1")
    assert rows(card) == {"nodes": "24", "inputs": "9", "× mul": "6", "+ add": "6", "tanh": "3"}
    assert [box.name for box in scene.boxes] == ["layer 2"]
    assert [e.times for e in scene.edges if e.head == card.key] == [
        "× 3",
        "× 3",
    ]  # x0 and x1, to three units each
    assert len(draw(network(1), groups=True, collapse=True).scene.cards) == 2 + 2 + len(
        ["a", "y", "loss", "0", "+", "1", "J"]
    )


def test_a_collapsed_group_lets_a_large_graph_be_drawn() -> None:
    """The limit is of cards, not of nodes."""
    total = Value(0.0, label="rest/start")
    for i in range(500):
        total = (total * 1.5).named(f"rest/t{i}")
    drawing = draw((total + 1.0).named("end"), groups=True, collapse=True)
    assert rows(named(drawing.scene, "rest"))["nodes"] == "1,001"
    assert len(drawing.scene.cards) == 3


def test_a_group_with_a_nan_in_it_says_so() -> None:
    x = Value(-1.0, label="g/x")
    scene = draw(minigrad.log(x).named("g/l") * 2.0, groups=True, collapse=True).scene
    assert rows(named(scene, "g"))["nan or inf"] == "1"
    assert named(scene, "g").alarming


MISTAKES: list[tuple[dict[str, Any], str]] = [
    (
        {"groups": True, "collapse": ["layer 3"]},
        'collapse names the group "layer 3", but there is only "layer ',
    ),
    ({"collapse": True}, "say which groups there are"),
    ({"groups": {"g": [Value(1.0, label="q")]}}, 'the group "g" holds "q" that is not drawn here'),
    ({"groups": {"g": [1.0]}}, 'the group "g" holds Values, not float'),
    ({"groups": {"g": 1.0}}, 'the group "g" is a list of Values, not float'),
    ({"groups": {"": []}}, "the name of a group is a text"),
    ({"groups": [1]}, "groups is"),
    ({"fold": True, "depth": 2}, "leave them out with fold or collapse"),
]


@pytest.mark.parametrize(("options", "words"), MISTAKES, ids=[words for _, words in MISTAKES])
def test_mistakes_are_told(options: dict[str, Any], words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=re.escape(words)):
        draw(network(1), **options)


def test_a_node_is_in_one_group() -> None:
    x = Value(1.0, label="x")
    with pytest.raises(ValueError, match=r'"x" is in the group "b" and in "a": take one of them'):
        draw(x * 2.0, groups={"a": [x], "b": [x]})
    with pytest.raises(ValueError, match="no label here has a slash"):
        draw(x * 2.0, groups=True)


# -- folding ----------------------------------------------------------------------------------------------


def test_rows_are_shown_once_with_how_many() -> None:
    """A hundred rows: one card for their losses, × 100; weights shared by all are no hundred."""
    loss = network(100)
    loss.backward()
    drawing = draw(loss, fold=True)
    scene = drawing.scene
    card = named(scene, "loss")
    assert card.piled
    assert card.rows[0].word == "× 100"
    assert named(scene, "layer 1/w00 … layer 1/w21").rows[0].word == "× 6"
    assert named(scene, "layer 2/c").rows[0].word == "value"
    (total,) = (e for e in scene.edges if e.tail == card.key)
    assert total.times == "× 100"
    assert len(scene.cards) < 20
    assert f"{len(Graph(loss)):,} nodes" in scene.caption
    assert counted(scene) == len(Graph(loss))


def test_numbers_of_a_folded_card_are_a_range() -> None:
    """From the smallest to the largest, of values and of gradients."""
    w = [Value(float(i), label=f"w{i}") for i in (1, 2, 3)]
    minigrad.sum([v * v for v in w]).backward()
    result = minigrad.sum([v * v for v in w])
    card = named(draw(result, fold=True).scene, "w1 … w3")
    assert rows(card) == {"× 3": "", "value": "1 … 3", "grad": "2 … 6"}


@pytest.mark.parametrize("rows_", [1, 2, 7, 40])
def test_no_node_is_lost(rows_: int) -> None:
    """Whatever is folded, the counts add up to the nodes of the graph."""
    loss = network(rows_)
    for options in ({}, {"groups": True}, {"groups": True, "collapse": True}):
        assert counted(draw(loss, fold=True, **options).scene) == len(Graph(loss)), options  # type: ignore[arg-type]


def test_what_is_not_equal_is_not_folded() -> None:
    """Different operations, other names, other users: a card each."""
    x, y, z = (Value(1.0 + i, label=name) for i, name in enumerate(["x", "y", "x2"]))
    result = minigrad.sum([minigrad.sin(x), minigrad.sin(y), minigrad.cos(z)])
    assert len(draw(result, fold=True).scene.cards) == len(Graph(result))


def test_a_recurrence_becomes_a_loop() -> None:
    """Two hundred steps of h = tanh(w h + u x): the steps in the middle are one, that goes round."""
    h, w, u = Value(0.0, label="h0"), Value(0.5, label="w"), Value(0.3, label="u")
    for t in range(200):
        h = tanh(w * h + u * Value(0.1 * t, label=f"x{t}")).named(f"h{t + 1}")
    scene = draw(h, fold=True).scene
    assert len(scene.cards) <= FEW
    assert counted(scene) == len(Graph(h))
    places = {card.key: i for i, card in enumerate(scene.cards)}
    assert any(places[e.tail] >= places[e.head] for e in scene.edges)
    assert "a loop leads from one of them to the next" in scene.caption


def test_tens_of_thousands_of_nodes_become_a_few() -> None:
    """In a few seconds, text, SVG and all."""
    total = Value(0.0, label="start")
    for i in range(10_000):
        total = total + sigmoid(Value(0.001 * i, label=f"x{i}")) * 0.5
    with pytest.raises(GraphTooLargeError, match="fold=True"):
        draw(total)
    start = time.monotonic()
    drawing = draw(total, fold=True)
    assert len(ElementTree.fromstring(drawing.svg).findall(f".//{SVG}text")) < 100
    assert time.monotonic() - start < 30.0  # about 1 s where nothing else runs
    assert counted(drawing.scene) == len(Graph(total)) == 50_001
    assert "terms  10,001" in drawing.text() or "terms 10,001" in drawing.text()


def test_a_graph_with_no_pattern_still_becomes_readable() -> None:
    """Two thousand nodes, each of its own shape and name."""
    import random

    choose = random.Random(5)
    nodes = [Value(1.0, label="".join(choose.choices("abcdefgh", k=6))) for _ in range(400)]
    for _ in range(2000):
        x, y = choose.choice(nodes[-50:]), choose.choice(nodes)
        nodes.append(choose.choice([x * y, x + y, tanh(x), minigrad.max(x, y)]))
    result = minigrad.sum(nodes)
    scene = draw(result, fold=True).scene
    assert len(scene.cards) <= FEW
    assert counted(scene) == len(Graph(result))


def test_marked_nodes_and_results_keep_a_card_of_their_own() -> None:
    w = [Value(float(i), label=f"w{i}") for i in range(5)]
    result = minigrad.sum([v * v for v in w])
    scene = draw(result, fold=True, marks={w[3]: ("bad", "✗ wrong")}).scene
    assert [row.word for row in named(scene, "w3").rows] == ["value", "✗ wrong"]
    assert named(scene, "w0 … w4").rows[0].word == "× 4"


def test_folded_edges_carry_ranges() -> None:
    w = [Value(float(i), label=f"w{i}") for i in (1, 2, 3)]
    result = minigrad.sum([v * v for v in w])
    scene = draw(result, fold=True, partials=True, flow="both").scene
    squares, total = scene.edges
    assert (squares.times, squares.partial, squares.term) == ("× 2", "1 … 3", "1 … 3")
    assert (total.times, total.partial, total.term) == ("× 3", "1", "1")


def test_too_many_cards_even_so() -> None:
    """max_nodes is a limit of cards; the error says what is left to do."""
    with pytest.raises(GraphTooLargeError, match=r"folded, the graph has \d+ cards, more than max_nodes=3"):
        draw(network(3), fold=True, max_nodes=3)


def test_a_group_whose_parts_are_used_one_by_one_is_no_loop() -> None:
    """h1 is used before h2 is recorded: the arrows out of the group go forward all the same."""
    x = Value(1.0, label="x")
    h = [tanh(x * i).named(f"g/h{i}") for i in (1.0, 2.0)]
    drawing = draw(minigrad.exp(h[0]) + minigrad.exp(h[1]), groups=True, collapse=True)
    assert not re.search(r"\w+:n -> \w+:n", drawing.dot)
    middles = drawing._layout.middles
    assert all(middles[e.tail][0] < middles[e.head][0] for e in drawing.scene.edges)
