"""A scene as DOT, the language of Graphviz.

Room: quoting for DOT, through the `graphviz` package, happens here and nowhere else. The same text is what a
user saves as .dot and what `layout` has placed.
Must hold: plain labels only (HTML-like labels need a Graphviz built with expat), so that any Graphviz shows
the text as it is; operands arrive at their own ports, in order.
"""

from __future__ import annotations

import re
from itertools import pairwise  # noqa: F401

import graphviz

from minigrad.draw.scene import Card, Edge, Scene
from minigrad.draw.themes import Theme

FONT = "Helvetica,Arial,sans-serif"


def dot(scene: Scene, theme: Theme) -> str:
    """The scene as the text of a DOT file."""
    left_to_right = scene.direction == "LR"
    graph = graphviz.Digraph(
        "minigrad",
        graph_attr={
            "rankdir": scene.direction,
            "bgcolor": theme.background,
            "fontname": FONT,
            "fontcolor": theme.ink,
            "nodesep": "0.22",
            "ranksep": "0.5",
        },
        node_attr={"fontname": FONT, "fontsize": "11", "margin": "0.06,0.03"},
        edge_attr={"color": theme.edge, "arrowsize": "0.7"},
    )
    note = [line for line in (scene.title, scene.caption) if line]
    if note:
        graph.attr(label=_lines(note, _escaped), labelloc="t")
    for card in scene.cards:
        _node(graph, card, theme)
    numbers_of = {card.key: len(card.ports) for card in scene.cards}
    for i, edge in enumerate(scene.edges):
        _edge(graph, i, edge, numbers_of[edge.head] > 1, ("e", "w") if left_to_right else ("s", "n"))
    return str(graph.source)
