"""The graph as the page shows it: where Graphviz puts the nodes, and SVG whose numbers a script can change.

Room: a card for each node, wide enough for any number; the part that is drawn of a large graph. Quoting for XML
happens here, for DOT in `graphviz`. Colours are names of the style sheet's. Below: `graph`, `draw`. Above: `document`.
Must hold: node i of the graph is the element with id n<i>, the edge into its operand k has the id e<i>-<k>; the figure
can be read before any script has run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape

import graphviz

from minigrad.draw.layout import Layout, Point, Route, layout
from minigrad.draw.scene import numeral, width
from minigrad.draw.writing import order_matters
from minigrad.graph import Graph
from minigrad.rules import RULES
from minigrad.text import shown
from minigrad.value import Value

#: Most edges that are drawn for each node that may be.
EDGES_PER_NODE = 10
DIGITS = 5
#: Widths and heights in CSS pixels; the widest number is −0.00012346.
NUMBERS, HEAD, ROW, PAD, PORT, MARGIN = 142.0, 28.0, 21.0, 11.0, 16.0, 8.0
POINTS_PER_INCH = 72.0


@dataclass(frozen=True)
class Card:
    """A node of the figure: its index in the graph, or -1 for a stub that stands for `folded` nodes."""

    key: str
    index: int
    kind: str
    name: str
    sign: str
    width: float
    height: float
    ports: tuple[str, ...] = ()
    folded: int = 0

    @property
    def numbered(self) -> bool:
        """Whether the operands carry numbers."""
        return any(self.ports)


@dataclass(frozen=True)
class Edge:
    """From the card of an operand to port `port` of the card of its consumer; `ids` are those of all it stands for."""

    tail: str
    head: str
    port: int
    id: str
    folded: bool = False


@dataclass(frozen=True)
class Figure:
    """The figure before it is laid out."""

    cards: list[Card] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)

    @property
    def drawn(self) -> int:
        """How many nodes of the graph are in it."""
        return sum(card.index >= 0 for card in self.cards)


def figure(graph: Graph, names: Mapping[Value, str], direction: str, max_nodes: int) -> Figure:
    """The whole graph, or of one with more than `max_nodes` nodes what lies nearest to the result."""
    chosen = _chosen(graph, max_nodes)
    made = Figure()
    for index, node in enumerate(graph):
        if node in chosen:
            _add(made, graph, index, node, chosen, names[node], direction)
    return made


def _chosen(graph: Graph, max_nodes: int) -> set[Value]:
    """As many levels of operands before the result as fit, always the result itself."""
    found, level = {graph.output}, [graph.output]
    edges = 0
    while level:
        edges += sum(len(node.operands) for node in level)
        below = dict.fromkeys(x for node in level for x in node.operands if x not in found)
        if len(found) + len(below) > max_nodes or edges > max_nodes * EDGES_PER_NODE:
            break
        found.update(below)
        level = list(below)
    return found


def _add(
    made: Figure, graph: Graph, index: int, node: Value, chosen: set[Value], name: str, direction: str
) -> None:
    key = f"n{index}"
    ordered = len(node.operands) > 1 and order_matters(RULES[node.op])
    ports: list[str] = []
    folded: list[int] = []
    for k, operand in enumerate(node.operands):
        if operand in chosen:
            made.edges.append(Edge(f"n{graph.position(operand)}", key, len(ports), f"e{index}-{k}"))
            ports.append(str(k + 1) if ordered else "")
        else:
            folded.append(k)
    if folded:
        stub = f"s{index}"
        text = f"{len(folded):,} not drawn"
        made.cards.append(Card(stub, -1, "stub", text, "", width(text, 13.0) + 16.0, 26.0, (), len(folded)))
        made.edges.append(Edge(stub, key, len(ports), f"e{index}-folded", True))
        ports.append("…" if ordered else "")
    made.cards.append(_card(key, index, node, node is graph.output, name, tuple(ports), direction))


def _card(
    key: str, index: int, node: Value, is_output: bool, name: str, ports: tuple[str, ...], direction: str
) -> Card:
    if node.op == "const":
        text = f"{shown(node.label, 24)} = " if node.label else ""
        text += numeral(node.data, DIGITS)
        return Card(key, index, "const", text, "", max(32.0, width(text, 13.0) + 2 * PAD), 26.0)
    kind = "input" if node.op == "input" else "output" if is_output else "operation"
    sign = "input" if kind == "input" else RULES[node.op].symbol
    head = width(shown(name, 24), 15.0, bold=True) + width(sign, 13.0) + 16.0
    across, down = max(head + 2 * PAD, NUMBERS), HEAD + 2 * ROW + 9.0
    if any(ports):
        across, down = (across + PORT, down) if direction == "LR" else (across, down + PORT)
    if direction == "LR":
        down = max(down, 17.0 * len(ports))
    else:
        across = max(across, 22.0 * len(ports))
    return Card(key, index, kind, shown(name, 24), sign, across, down, ports)


# -- layout -------------------------------------------------------------------------------------------------


def placed(made: Figure, direction: str) -> Layout:
    """Where Graphviz puts the cards and edges."""
    widest = max((len(card.ports) for card in made.cards), default=1)
    dot = graphviz.Digraph(
        "page",
        graph_attr={
            "rankdir": direction,
            "nodesep": "0.25",
            "ranksep": f"{0.55 + 0.04 * min(widest, 40):.2f}",
            "pad": "0.1",
        },
        node_attr={"shape": "record", "fixedsize": "true", "label": ""},
    )
    arrives, leaves = ("w", "e") if direction == "LR" else ("n", "s")
    numbered = {card.key for card in made.cards if card.numbered}
    for card in made.cards:
        fields = "|".join(f"<p{i}>" for i in range(len(card.ports)))
        dot.node(
            card.key,
            label="{{" + fields + "}|{}}" if card.numbered else "",
            width=f"{card.width / POINTS_PER_INCH:.4f}",
            height=f"{card.height / POINTS_PER_INCH:.4f}",
        )
    for i, edge in enumerate(made.edges):
        port = f":p{edge.port}" if edge.head in numbered else ""
        dot.edge(f"{edge.tail}:{leaves}", f"{edge.head}{port}:{arrives}", id=f"e{i}")
    return layout(str(dot.source))


# -- SVG ----------------------------------------------------------------------------------------------------


def svg(
    made: Figure,
    where: Layout,
    direction: str,
    numbers: Mapping[int, tuple[float, float]],
    words: Mapping[int, str],
) -> tuple[str, float, float]:
    """The figure as an SVG element with its width and height.

    numbers   value and gradient of each node, as they are shown until the script takes over
    words     each node in words
    """
    across, down = where.width + 2 * MARGIN, where.height + 2 * MARGIN
    lines = [
        f'<svg id="graph" class="graph" role="group" aria-label="The graph" '
        f'viewBox="0 0 {_n(across)} {_n(down)}" font-size="13">',
        f'<g transform="translate({_n(MARGIN)} {_n(MARGIN)})">',
        *(line for edge, route in zip(made.edges, where.routes, strict=True) for line in _edge(edge, route)),
    ]
    for card in made.cards:
        lines += _drawn(card, where.middles[card.key], direction == "LR", numbers, words)
    return "\n".join([*lines, "</g>", "</svg>"]), across, down


def _n(number: float) -> str:
    return f"{round(number, 1) + 0.0:.6g}"


def _pair(point: Point) -> str:
    return f"{_n(point[0])},{_n(point[1])}"


def _edge(edge: Edge, route: Route) -> Iterator[str]:
    """The curve, ending in an arrow; and an arrow at its other end, which shows when a gradient comes back."""
    start, *rest = route.curve
    kind = "edge folded" if edge.folded else "edge"
    yield f'<g id="{edge.id}" class="{kind}">'
    yield f'<path class="line" d="M{_pair(start)}C{" ".join(map(_pair, rest))}"/>'
    yield f'<path class="ahead" d="{_arrow(route.curve[-1], route.tip)}"/>'
    tail = _toward(start, rest[0] if rest else route.tip, 9.0)
    yield f'<path class="back" d="{_arrow(tail, start)}"/>'
    yield "</g>"


def _toward(start: Point, end: Point, length: float) -> Point:
    x, y = end[0] - start[0], end[1] - start[1]
    size = math.hypot(x, y) or 1.0
    return start[0] + x / size * length, start[1] + y / size * length


def _arrow(base: Point, tip: Point) -> str:
    x, y = tip[0] - base[0], tip[1] - base[1]
    size = math.hypot(x, y) or 1.0
    x, y = x / size, y / size
    back = tip[0] - 9.0 * x, tip[1] - 9.0 * y
    wings = (back[0] - 4.0 * y, back[1] + 4.0 * x), (back[0] + 4.0 * y, back[1] - 4.0 * x)
    return f"M{_pair(tip)}L{_pair(wings[0])} {_pair(wings[1])}Z"


def _drawn(
    card: Card,
    middle: Point,
    sideways: bool,
    numbers: Mapping[int, tuple[float, float]],
    words: Mapping[int, str],
) -> list[str]:
    place = f"{_n(middle[0] - card.width / 2)} {_n(middle[1] - card.height / 2)}"
    size = f'width="{_n(card.width)}" height="{_n(card.height)}"'
    if card.kind == "stub":
        return [
            f'<g class="stub" transform="translate({place})">',
            f'<rect {size} rx="6"/>{_text(card.name, card.width / 2, 17.5, "middle")}</g>',
        ]
    head = (
        f'<g id="{card.key}" class="node {card.kind}" transform="translate({place})" '
        f'role="button" tabindex="-1" aria-label="{escape(words[card.index])}">'
    )
    if card.kind == "const":
        return [
            head,
            f'<rect class="card" {size} rx="13"/>',
            _text(card.name, card.width / 2, 17.5, "middle"),
            "</g>",
        ]
    strip = PORT if card.numbered else 0.0
    x, y = (strip, 0.0) if sideways else (0.0, strip)
    right, base = card.width - PAD, y + HEAD + (card.height - y - HEAD - 2 * ROW) / 2 + 15.0
    value, grad = (numeral(number, DIGITS) for number in numbers[card.index])
    radius = 12 if card.kind == "input" else 6
    lines = [
        head,
        f'<rect class="card" {size} rx="{radius}"/>',
        f'<path class="head" d="{_band(card, x, y, radius)}"/>',
        _text(card.name, x + PAD, y + 19.5, kind="name") if card.name else "",
        _text(card.sign, right, y + 19.0, "end", "sign"),
        _text("value", x + PAD, base, kind="word") + _text(value, right, base, "end", "value"),
        _text("grad", x + PAD, base + ROW, kind="word") + _text(grad, right, base + ROW, "end", "grad"),
    ]
    for i, port in enumerate(card.ports if strip else ()):
        share = (i + 0.5) / len(card.ports)
        px, py = (strip / 2, card.height * share) if sideways else (card.width * share, strip / 2)
        lines.append(_text(port, px, py + 3.5, "middle", "port"))
    return [*lines, f'<rect class="frame" {size} rx="{radius}"/>', "</g>"]


def _text(text: str, x: float, y: float, anchor: str = "", kind: str = "") -> str:
    attributes = (f' class="{kind}"' if kind else "") + (f' text-anchor="{anchor}"' if anchor else "")
    return f'<text x="{_n(x)}" y="{_n(y)}"{attributes}>{escape(text)}</text>'


def _band(card: Card, x: float, y: float, radius: float) -> str:
    """The coloured band under the name, round where the card is."""
    right, bottom, r = card.width, y + HEAD, _n(radius)
    if y > 0.0:
        return f"M0,{_n(y)}H{_n(right)}V{_n(bottom)}H0Z"
    left = f"M{_n(x)},0" if x > 0.0 else f"M0,{r}a{r},{r} 0 0 1 {r},-{r}"
    return f"{left}H{_n(right - radius)}a{r},{r} 0 0 1 {r},{r}V{_n(bottom)}H{_n(x)}Z"
