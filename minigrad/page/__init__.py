"""A page on which a graph can be played: one HTML file that needs nothing else.

    translate   the rows' arithmetic as JavaScript       figure     the graph as SVG, placed by Graphviz
    formulas    formulas as data                         told       the chain rule, from `explaining`
    contents    the data of the page                     document   the file
    script/     what runs in the browser

Room: a view. It reads nodes and changes nothing. Hung on Value as `page`. Below: `graph`,
`draw`, `replay`, `derivative`, `explaining`.
Must hold: the page works offline and asks for nothing; whatever a label is, it stays text; the numbers in the browser
are those of Python, the arithmetic being translated and not written twice.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Literal

from minigrad.draw.layout import GraphvizFailedError
from minigrad.draw.scene import GraphTooLargeError
from minigrad.files import write_text
from minigrad.graph import Graph
from minigrad.page import contents as _contents
from minigrad.page import figure as _figure
from minigrad.page.contents import RowsError, check_size, names_of, row_name
from minigrad.page.document import document
from minigrad.real import NotANumberError
from minigrad.text import shown
from minigrad.value import Value

__all__ = ["GraphTooLargeError", "GraphvizFailedError", "Page", "PageError", "RowsError", "page"]

#: Height of a page in a notebook, in CSS pixels.
HEIGHT = 760


class PageError(ValueError):
    """A page cannot be made as asked; the message says what to do."""


@dataclass(frozen=True)
class Page:
    """A page as it was when `page` was called; in a notebook it shows itself.

    html    the whole file
    title   its heading
    nodes   how many nodes the graph has
    drawn   how many of them are drawn; all are computed
    """

    html: str
    title: str
    nodes: int
    drawn: int

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page, whole or not at all; returns the path.

        Raises PageError (a ValueError) when the name does not end in .html, CannotWriteError (an OSError) when the
        file cannot be written.
        """
        return write_text(_checked(path), self.html)

    def _repr_html_(self) -> str:
        return (
            f'<iframe title="{escape(self.title)}" srcdoc="{escape(self.html)}" sandbox="allow-scripts" '
            f'width="100%" height="{HEIGHT}" frameborder="0"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<Page {self.title!r}: {self.nodes:,} nodes, {len(self.html.encode()):,} bytes>"


def page(
    output: Value,
    path: str | os.PathLike[str] | None = None,
    *,
    rows: Any = None,
    parameters: Sequence[Value] | None = None,
    alpha: float = 0.5,
    title: str = "",
    direction: Literal["LR", "TB"] = "LR",
    max_nodes: int = 250,
) -> Page:
    """A page on which the graph of one Value can be played forward and backward, and its inputs moved.

    output      the result, a loss for instance
    path        also write it there; the name ends in .html
    rows        a table whose columns are called like inputs: descent then goes by the mean over its rows. A mapping, a
                data frame, an Arrow table or the name of a file; 2,000 rows at most
    parameters  the inputs that descent changes at first; None takes those that are no column of rows, or, without
                rows, those not called x, y or t
    alpha       learning rate at first, above 0
    title       heading of the page
    direction   "LR" left to right, or "TB" top to bottom
    max_nodes   a larger graph is folded: of that many nodes the ones nearest to the result are drawn
    return      Page; a notebook shows it

    The page computes every gradient itself, so `backward` need not have been called; nothing in the graph is changed.
    Its arithmetic is that of the table, translated: the same operations in the same order, and numbers differ from
    Python's only as far as the browser's exp, log and the like do from the C library's, by a unit in the last place.

    Raises GraphTooLargeError (a ValueError) beyond 5,000 nodes, RowsError (a ValueError) when rows do not go with the
    graph, tables.DataError (a ValueError) when a number in them is none, PageError (a ValueError) for an option that is
    none, NotANumberError (a TypeError) for what is no Value, and as `Page.save`.

    >>> w, x = Value(0.5, label="w"), Value(2.0, label="x")
    >>> page((w * x).named("z"))
    <Page 'z': 3 nodes, ... bytes>
    """
    _check_options(output, alpha, title, direction, max_nodes)
    if path is not None:
        _checked(path)
    graph = Graph(output)
    check_size(graph)
    names = names_of(graph)
    heading = shown(title, 200) or names[output]
    data = _contents.contents(graph, names, title=heading, alpha=alpha, parameters=parameters, rows=rows)
    made = _figure.figure(graph, names, direction, max_nodes)
    svg, *size = _figure.svg(
        made, _figure.placed(made, direction), direction, _numbers(graph), _words(graph, names)
    )
    made_page = Page(
        document(
            title=heading,
            summary=_summary(graph, names, made.drawn),
            figure=svg,
            size=(size[0], size[1]),
            data=data,
            rows=sorted({row_name(node) for node in graph if not node.is_leaf}),
        ),
        heading,
        len(graph),
        made.drawn,
    )
    if path is not None:
        made_page.save(path)
    return made_page


def _check_options(
    output: object, alpha: object, title: object, direction: object, max_nodes: object
) -> None:
    if not isinstance(output, Value):
        raise NotANumberError(f"a page shows the graph of one Value, not {type(output).__name__}")
    if not isinstance(alpha, int | float) or not math.isfinite(alpha) or alpha <= 0:
        raise PageError(f"alpha is the learning rate, a finite number above 0, not {shown(repr(alpha), 40)}")
    if not isinstance(title, str):
        raise PageError(f"the title is text, not {shown(repr(title), 40)}")
    if direction not in ("LR", "TB"):
        raise PageError(f'direction is "LR" or "TB", not {shown(repr(direction), 40)}')
    if not isinstance(max_nodes, int) or isinstance(max_nodes, bool) or max_nodes < 1:
        raise PageError(f"max_nodes is a whole number, 1 or more, not {shown(repr(max_nodes), 40)}")


def _checked(path: str | os.PathLike[str]) -> str | os.PathLike[str]:
    if not isinstance(path, str | os.PathLike):
        raise PageError(
            f"a page is saved under the name of a file, text or a Path, not {shown(repr(path), 40)}"
        )
    if Path(path).suffix.lower() not in (".html", ".htm"):
        raise PageError(f"a page is saved as .html: {shown(str(path), 200)!r} ends in something else")
    return path


def _numbers(graph: Graph) -> dict[int, tuple[float, float]]:
    """Value and gradient of each node, without touching `.grad`."""
    from minigrad.value import gradients

    return {
        i: (node.data, grad)
        for i, (node, grad) in enumerate(zip(graph, gradients(graph.output, list(graph)), strict=True))
    }


def _words(graph: Graph, names: dict[Value, str]) -> dict[int, str]:
    return {
        i: f"{names[node]}, {'constant' if node.op == 'const' else node.op}" for i, node in enumerate(graph)
    }


def _summary(graph: Graph, names: dict[Value, str], drawn: int) -> str:
    operations = sum(not node.is_leaf for node in graph)
    inputs = len(graph.inputs)
    text = (
        f"{names[graph.output]} from {inputs:,} input{'s' * (inputs != 1)} by {operations:,} "
        f"operation{'s' * (operations != 1)}. Move the inputs; step through forward and backward."
    )
    if drawn < len(graph):
        text += f" The {drawn:,} nodes nearest to the result are drawn; all {len(graph):,} are computed."
    return text
