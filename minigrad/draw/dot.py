"""A scene as DOT, the language of Graphviz.

Room: quoting for DOT, through the `graphviz` package, happens here and nowhere else. The same text is what a
user saves as .dot, what PNG and PDF are made from, and what `layout` has placed.
Must hold: plain record labels only (HTML-like labels need a Graphviz built with expat), so that any Graphviz
shows the text as it is; operands arrive at their own ports, in order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import graphviz

from minigrad.draw.shapes import EDGE_SIZE, Card, Edge, Scene
from minigrad.draw.themes import Theme

FONT = "Helvetica,Arial,sans-serif"
POINTS_PER_INCH = 72.0

#: The characters that mean something in the label of a record.
_SPECIAL = re.compile(r"([\\{}|<>])")


def dot(scene: Scene, theme: Theme, *, edge_size: float = EDGE_SIZE, **attributes: str) -> str:
    """The scene as the text of a DOT file.

    edge_size   of what is written on edges, in points
    attributes  are added to those of the graph
    """
    note = "\\n".join(_text(line) for line in (scene.title, scene.caption) if line)
    widest = max((len(card.ports) for card in scene.cards), default=1)
    graph = graphviz.Digraph(
        "minigrad",
        graph_attr={
            "rankdir": scene.direction,
            "bgcolor": theme.background,
            "fontname": FONT,
            "fontcolor": theme.ink,
            "fontsize": "14",
            "nodesep": "0.25",
            "ranksep": f"{0.5 + 0.04 * min(widest, 40):.2f}",  # room for the curves of many operands
            "pad": "0.1",
            **({"label": note, "labelloc": "t"} if note else {}),
            **attributes,
        },
        node_attr={
            "shape": "record",
            "style": "filled",
            "fixedsize": "true",
            "fontname": FONT,
            "fontsize": "11",
            "margin": "0.02",
        },
        edge_attr={"color": theme.edge, "arrowsize": "0.7"},
    )
    arrives, leaves, aside = ("w", "e", "n") if scene.direction == "LR" else ("n", "s", "e")
    loops = _loops(scene)
    numbered = {card.key for card in scene.cards if card.numbered}
    for box in scene.boxes:
        with graph.subgraph(name=f"cluster_{box.key}") as frame:
            frame.attr(
                label=_text(box.name), labeljust="l", style="rounded,dashed", color=theme.edge, fontsize="13",
                margin="12", penwidth="1.2",
            )  # fmt: skip
            for card in scene.cards:
                if card.box == box.key:
                    _node(frame, card, scene.direction, theme)
    for card in scene.cards:
        if not card.box:
            _node(graph, card, scene.direction, theme)
    for edge in scene.edges:
        tail, head = f"{edge.tail}:{leaves}", f"{edge.head}:{arrives}"
        if (edge.tail, edge.head) in loops:  # over the top, not around both cards
            tail, head = (f"{key}:{aside}" for key in (edge.tail, edge.head))
        elif edge.head in numbered:
            head = f"{edge.head}:p{edge.port}:{arrives}"
        style = {"style": "dashed"} if edge.cut else {}
        graph.edge(tail, head, **style, **_said(scene, edge, theme, edge_size))
    return str(graph.source)


def _loops(scene: Scene) -> set[tuple[str, str]]:
    """The edges that close a loop, met when one follows the edges from the cards in order."""
    heads: dict[str, list[str]] = {card.key: [] for card in scene.cards}
    for edge in scene.edges:
        heads[edge.tail].append(edge.head)
    found: set[tuple[str, str]] = set()
    done: set[str] = set()
    way: dict[str, Iterator[str]] = {}  # the cards that one has come along, and what is left to see from each
    for start in heads:
        if start not in done:
            way[start] = iter(heads[start])
        while way:
            key = next(reversed(way))
            head = next(way[key], None)
            if head is None:
                done.add(key)
                del way[key]
            elif head in way:
                found.add((key, head))
            elif head not in done:
                way[head] = iter(heads[head])
    return found


def _said(scene: Scene, edge: Edge, theme: Theme, size: float) -> dict[str, str]:
    """What is written on an edge, and the arrow back."""
    lines = edge.lines(scene.back)
    if not lines:
        return {}
    # A space at either end, as fonts differ in width.
    label = "\\n".join(f" {_text(text)} " for _, text in lines)
    said = {"label": label, "fontname": FONT, "fontsize": f"{size:g}", "fontcolor": theme.ink}
    if edge.term and scene.flow == "both":
        said |= {"dir": "both", "arrowtail": "empty", "color": f"{theme.edge}:{theme.grad}"}
    elif edge.term:
        said |= {"dir": "back", "arrowtail": "empty", "color": theme.grad, "style": "dotted"}
    return said


def _node(graph: graphviz.Digraph, card: Card, direction: str, theme: Theme) -> None:
    colours = theme.kinds[card.kind]
    line = colours.line if colours.line != colours.head else colours.ink  # seen between the fields
    strange = not all(row.finite for row in card.rows)
    styles = [
        "filled",
        *(["rounded"] if card.kind in ("input", "const") else []),
        *(["dashed"] if strange else []),
    ]
    graph.node(
        card.key,
        label=_record(card, direction),
        style=",".join(styles),
        fillcolor=colours.head,
        fontcolor=colours.ink,
        color=theme.background if card.kind == "cut" else theme.alarm if card.alarming else line,
        **({"penwidth": "2.5"} if card.alarming and not strange else {}),
        width=f"{card.width / POINTS_PER_INCH:.4f}",
        height=f"{card.height / POINTS_PER_INCH:.4f}",
        tooltip=_text(card.words),
    )


def _record(card: Card, direction: str) -> str:
    """The label: operand numbers at the side where operands arrive, then name and sign, then the rows."""
    lines = [_escaped(f"{row.word} {row.number}".strip()) for row in card.rows]
    if card.name or card.sign:
        lines.insert(0, _escaped("  ".join(part for part in (card.name, card.sign) if part)))
    if not card.numbered:  # the fields of a record lie along the ranks of the graph; braces turn them
        return "|".join(lines) if direction == "LR" else "{" + "|".join(lines) + "}"
    ports = "|".join(f"<p{i}> {_escaped(number)}" for i, number in enumerate(card.ports))
    if direction == "LR":
        return "{{" + ports + "}|{" + "|".join(lines) + "}}"
    return "{{" + ports + "}|" + "|".join(lines) + "}"


def _text(text: str) -> str:
    """`text` as itself in a label or tooltip: no escape, no entity, no HTML."""
    return graphviz.nohtml(text.replace("\\", "\\\\").replace("&", "&amp;").replace("\n", "\\n"))  # type: ignore[no-any-return]


def _escaped(text: str) -> str:
    """`text` as itself in the label of a record, which would run ordinary spaces together."""
    return _SPECIAL.sub(r"\\\1", text).replace("&", "&amp;").replace(" ", "\N{NO-BREAK SPACE}")
