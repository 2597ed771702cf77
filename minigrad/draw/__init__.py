"""Pictures of a graph: DOT, SVG, and what a notebook shows.

    scene    the picture, put together from the nodes   shapes   what it is made of: cards, edges, boxes
    parts    which nodes                                writing  what is written on a card
    groups   which node lies in which group             fold     what repeats, shown once
    flow     what flows back along each edge            themes   the colours
    dot      the scene as DOT                           layout   where Graphviz puts it
    svg      the scene, laid out, as SVG                tikz     the same for LaTeX
    mermaid  the scene for Mermaid                      tree     the scene as text

Room: a view. It reads nodes and changes nothing. Below: `graph`, `value`, `rules`, `text`, `files`.
Must hold: the same graph gives the same bytes; labels are data, and come out as the text they are.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from minigrad.draw import dot as _dot
from minigrad.draw import layout as _layout
from minigrad.draw import mermaid as _mermaid
from minigrad.draw import scene as _scene
from minigrad.draw import svg as _svg
from minigrad.draw import tikz as _tikz
from minigrad.draw import tree as _tree
from minigrad.draw.groups import Groups
from minigrad.draw.layout import GraphvizFailedError, GraphvizMissingError
from minigrad.draw.scene import GraphTooLargeError, Scene
from minigrad.draw.shapes import EDGE_SIZE
from minigrad.draw.themes import THEMES, Theme
from minigrad.files import write_bytes, write_text
from minigrad.real import NotANumberError
from minigrad.text import shown
from minigrad.value import Value

__all__ = [
    "Drawing", "GraphTooLargeError", "GraphvizFailedError", "GraphvizMissingError", "UnknownFormatError", "draw",
    "mimebundle",
]  # fmt: skip


class UnknownFormatError(ValueError):
    """The ending of the file's name is none that a drawing can be saved as."""


#: Endings of the files that a drawing can be saved as.
SUFFIXES = (".svg", ".dot", ".gv", ".png", ".pdf", ".mmd", ".tex", ".txt")

#: Directions in which numbers can be drawn.
FLOWS = ("forward", "backward", "both")


@dataclass(frozen=True)
class Drawing:
    """A picture of a graph as it was when `draw` was called; in a notebook it shows itself.

    scene    what it shows
    theme    its colours
    dot      the text of a .dot file
    svg      the text of an .svg file; made when it is first asked for (half a second the first time in a
             process where Graphviz is not installed)
    mermaid  the text of a .mmd file, which GitHub and many notes show as a picture
    tikz     a tikzpicture for LaTeX; a file .tex has a document around it
    text()   a tree for the terminal
    """

    scene: Scene
    theme: Theme

    @cached_property
    def dot(self) -> str:
        """DOT, for Graphviz and whatever else reads it."""
        return _dot.dot(self.scene, self.theme)

    @cached_property
    def svg(self) -> str:
        """SVG, laid out by the system's Graphviz or by the one in the package.

        Equal graphs give equal bytes as long as the Graphviz is the same.
        """
        return _svg.svg(self.scene, self._layout, self.theme)

    @cached_property
    def mermaid(self) -> str:
        """Mermaid: a flow chart as text. Labels are text in it, whatever they hold."""
        return _mermaid.mermaid(self.scene, self.theme)

    @cached_property
    def tikz(self) -> str:
        r"""TikZ: a picture for a LaTeX document with \\usepackage{tikz}; the layout is that of the SVG."""
        return _tikz.tikz(self.scene, self._layout, self.theme)

    def text(self, *, ascii: bool = False) -> str:
        """A tree for the terminal: the result first, under each node what it was computed from.

        A node that is used more than once is written out once and has a number, which stands for it elsewhere.
        With `ascii`, every character is one of ASCII.

        >>> from minigrad import Value
        >>> x = Value(3.0, label="x")
        >>> print((x * x + 1.0).named("y").draw().text())
        all gradients are 0: call backward() to see them
        y  + add · output  value 10
        ├─ × mul  value 9
        │  ├─ (1)  x  input  value 3
        │  └─ x  see (1)
        └─ 1
        <BLANKLINE>
        """
        return _tree.tree(self.scene, ascii=ascii)

    @cached_property
    def _layout(self) -> _layout.Layout:
        bare = replace(self.scene, title="", caption="")  # both are written by whoever draws
        return _layout.layout(_dot.dot(bare, self.theme, edge_size=1.25 * EDGE_SIZE))  # room around the words

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture, whole or not at all; the ending of the name says as what. Returns the path.

        .svg, .dot, .gv, .mmd, .tex, .txt    need nothing
        .png, .pdf                           need the dot program of Graphviz on the PATH

        Raises UnknownFormatError (a ValueError) for another ending, GraphvizMissingError, and CannotWriteError
        (an OSError).
        """
        suffix = checked_suffix(path)
        if suffix in (".png", ".pdf"):
            dot = _dot.dot(self.scene, self.theme, dpi="160") if suffix == ".png" else self.dot
            return write_bytes(path, _layout.rendered(dot, suffix[1:]))
        return write_text(path, self.as_text(suffix[1:]))

    def as_text(self, form: str) -> str:
        """The picture as the text of a file with this ending: svg, dot, gv, mmd, tex or txt."""
        match form:
            case "svg":
                return self.svg
            case "mmd":
                return self.mermaid
            case "tex":
                return _tikz.document(self.scene, self._layout, self.theme)
            case "txt":
                return self.text()
        return self.dot

    def __repr__(self) -> str:
        return f"<{self.scene.words.splitlines()[0].rstrip('.')}>"

    def _repr_svg_(self) -> str:
        return self.svg


def draw(
    value: Value | Iterable[Value],
    path: str | os.PathLike[str] | None = None,
    *,
    direction: Literal["LR", "TB"] = "LR",
    theme: Literal["light", "dark", "print"] = "light",
    gradients: bool = True,
    partials: bool = False,
    flow: Literal["forward", "backward", "both"] = "forward",
    groups: Groups | bool | None = None,
    collapse: Collection[str] | bool = False,
    fold: bool = False,
    title: str = "",
    digits: int = 5,
    max_nodes: int = 200,
    depth: int | None = None,
    focus: Value | None = None,
    marks: Mapping[Value, tuple[Literal["good", "bad", "open"], str]] | None = None,
) -> Drawing:
    """Draw the graph that one Value, or several, was computed from. Nothing in it is changed.

    value      the result, or several results
    path       also write it there: .svg, .dot, .mmd, .tex, .txt, or .png or .pdf where Graphviz is installed
    direction  "LR" left to right, or "TB" top to bottom
    theme      "light", "dark", or "print": black on white
    gradients  show them, once `backward` has been called
    partials   write on each edge the local derivative: of the node it leads to, by the node it comes from
    flow       "both": an arrow back along each edge with the term it carries, for one result; "backward": only
               that. The gradients are then those of this result; `backward` need not have been called
    groups     parts of the graph in frames: {"layer 1": [its nodes]}, or True to go by labels like "layer 1/w".
               A node without a name that only one group uses belongs to it
    collapse   groups to be shown as one card with counts: a list of names, or True for all
    fold       show what repeats once, with × how many: thousands of nodes become a few cards
    title      written above
    digits     significant digits of a number, 1 to 17 (the full ones are in each node's tooltip)
    max_nodes  refuse a larger picture
    depth      draw only what is at most so many steps before the result; … marks the rest
    focus      draw only what is at most `depth` steps (2 if not given) before or after this node
    marks      a line to write on a node, and its tone: {node: ("good" | "bad" | "open", "✓ right")}
    return     Drawing

    Raises GraphTooLargeError (a ValueError) that says how to draw a part or to fold, NotANumberError (a TypeError) for
    what is no Value, ValueError for an option or an ending that is none, and as `Drawing.save`.

    >>> from minigrad import Value
    >>> x = Value(3.0, label="x")
    >>> (x * x).named("y").draw()
    <Computation graph of y: 2 nodes, operands before results>
    """
    roots = _roots(value)
    _check(direction in ("LR", "TB"), "direction", direction, '"LR" (left to right) or "TB" (top to bottom)')
    _check(theme in THEMES, "theme", theme, " or ".join(f'"{name}"' for name in THEMES))
    _check(flow in FLOWS, "flow", flow, " or ".join(f'"{name}"' for name in FLOWS))
    _check(_whole(digits, 1, 17), "digits", digits, "a whole number from 1 to 17")
    _check(_whole(max_nodes, 1), "max_nodes", max_nodes, "a whole number, 1 or more")
    _check(depth is None or _whole(depth, 0), "depth", depth, "a whole number, 0 or more, or None")
    if not (focus is None or isinstance(focus, Value)):
        raise NotANumberError(f"focus is a Value of the graph, not {_what(focus)}")
    if (fold or collapse) and not (depth is None and focus is None):
        raise ValueError("depth and focus draw a part node by node: leave them out with fold or collapse")
    if collapse and not groups:
        raise ValueError("collapse shows groups as one card: say which groups there are, groups=...")
    if flow != "forward" and len(roots) > 1:
        raise ValueError(f'flow="{flow}" draws backward from one result, not from {len(roots)}')
    if path is not None:
        checked_suffix(path)
    show = _scene.Shown(
        direction=direction, digits=digits, gradients=gradients, partials=partials, flow=flow, groups=groups,
        collapse=[collapse] if isinstance(collapse, str) else collapse, fold=fold, title=title,
    )  # fmt: skip
    drawn = _scene.scene(roots, max_nodes=max_nodes, depth=depth, focus=focus, marks=marks, show=show)
    drawing = Drawing(drawn, THEMES[theme])
    if path is not None:
        drawing.save(path)
    return drawing


def mimebundle(value: Value, include: Any = None, exclude: Any = None) -> dict[str, str]:
    """What a notebook shows for a Value: its graph and its repr; the repr alone where the graph is too large."""
    try:
        return {"text/plain": repr(value), "image/svg+xml": draw(value).svg}
    except GraphTooLargeError as error:
        return {"text/plain": f"{value!r}\nNo picture: {error}."}


def checked_suffix(path: str | os.PathLike[str]) -> str:
    """The ending of a file's name in small letters, if a drawing can be saved as that."""
    suffix = Path(os.fspath(path)).suffix.lower()
    if suffix not in SUFFIXES:
        raise UnknownFormatError(
            f"a drawing is saved as {', '.join(SUFFIXES)}: {shown(str(path), 200)!r} ends in none of them"
        )
    return suffix


def _roots(value: Value | Iterable[Value]) -> tuple[Value, ...]:
    roots: tuple[object, ...] = (value,) if isinstance(value, Value) else ()
    if not roots and isinstance(value, Iterable):
        roots = tuple(value)
    values = tuple(dict.fromkeys(root for root in roots if isinstance(root, Value)))
    if not values or not all(isinstance(root, Value) for root in roots):
        raise NotANumberError(f"draw takes a Value, or several in a list, not {_what(value)}")
    return values


def _what(given: object) -> str:
    return f"{type(given).__name__} {shown(repr(given), 40)}"


def _whole(number: object, least: int, most: int | None = None) -> bool:
    return (
        isinstance(number, int)
        and not isinstance(number, bool)
        and number >= least
        and (most is None or number <= most)
    )


def _check(right: bool, name: str, given: object, expected: str) -> None:
    if not right:
        raise ValueError(f"{name} is {expected}, not {shown(repr(given), 40)}")
