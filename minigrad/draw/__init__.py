"""Pictures of a graph: DOT, SVG, and what a notebook shows.

    scene    which nodes, what is written in each       themes   the colours
    dot      the scene as DOT                           layout   where Graphviz puts it
    svg      the scene, laid out, as SVG

Room: a view. It reads nodes and changes nothing. Below: `graph`, `value`, `rules`, `text`, `files`.
Must hold: the same graph gives the same bytes; labels are data, and come out as the text they are.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from minigrad.draw import dot as _dot
from minigrad.draw import layout as _layout
from minigrad.draw import scene as _scene
from minigrad.draw import svg as _svg
from minigrad.draw.layout import GraphvizFailedError, GraphvizMissingError
from minigrad.draw.scene import GraphTooLargeError, Scene
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
SUFFIXES = (".svg", ".dot", ".gv", ".png", ".pdf")


@dataclass(frozen=True)
class Drawing:
    """A picture of a graph as it was when `draw` was called; in a notebook it shows itself.

    scene   what it shows
    theme   its colours
    dot     the text of a .dot file
    svg     the text of an .svg file; made when it is first asked for (half a second the first time in a
            process where Graphviz is not installed)
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
        bare = replace(self.scene, title="", caption="")  # `svg` writes them itself
        return _svg.svg(self.scene, _layout.layout(_dot.dot(bare, self.theme)), self.theme)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture, whole or not at all; the ending of the name says as what. Returns the path.

        .svg, .dot, .gv    need nothing
        .png, .pdf         need the dot program of Graphviz on the PATH

        Raises UnknownFormatError (a ValueError) for another ending, GraphvizMissingError, and CannotWriteError
        (an OSError).
        """
        suffix = checked_suffix(path)
        if suffix == ".svg":
            return write_text(path, self.svg)
        if suffix in (".dot", ".gv"):
            return write_text(path, self.dot)
        dense = {"dpi": "160"} if suffix == ".png" else {}
        return write_bytes(path, _layout.rendered(_dot.dot(self.scene, self.theme, **dense), suffix[1:]))

    def __repr__(self) -> str:
        return f"<{self.scene.words.splitlines()[0].rstrip('.')}>"

    def _repr_svg_(self) -> str:
        return self.svg


def draw(
    value: Value | Iterable[Value],
    path: str | os.PathLike[str] | None = None,
    *,
    direction: Literal["LR", "TB"] = "LR",
    theme: Literal["light", "dark"] = "light",
    gradients: bool = True,
    title: str = "",
    digits: int = 5,
    max_nodes: int = 200,
    depth: int | None = None,
    focus: Value | None = None,
    marks: Mapping[Value, tuple[Literal["good", "bad", "open"], str]] | None = None,
) -> Drawing:
    """Draw the graph that one Value, or several, was computed from. Nothing in it is changed.

    value      the result, or several results
    path       also write it there: .svg or .dot, or .png or .pdf where Graphviz is installed
    direction  "LR" left to right, or "TB" top to bottom
    theme      "light" or "dark"
    gradients  show them, once `backward` has been called
    title      written above
    digits     significant digits of a number, 1 to 17 (the full ones are in each node's tooltip)
    max_nodes  refuse a larger picture
    depth      draw only what is at most so many steps before the result; … marks the rest
    focus      draw only what is at most `depth` steps (2 if not given) before or after this node
    marks      a line to write on a node, and its tone: {node: ("good" | "bad" | "open", "✓ right")}
    return     Drawing

    Raises GraphTooLargeError (a ValueError) that says how to draw a part, NotANumberError (a TypeError) for
    what is no Value, ValueError for an option or an ending that is none, and as `Drawing.save`.

    >>> from minigrad import Value
    >>> x = Value(3.0, label="x")
    >>> (x * x).named("y").draw()
    <Computation graph of y: 2 nodes, operands before results>
    """
    roots = _roots(value)
    _check(direction in ("LR", "TB"), "direction", direction, '"LR" (left to right) or "TB" (top to bottom)')
    _check(theme in THEMES, "theme", theme, " or ".join(f'"{name}"' for name in THEMES))
    _check(_whole(digits, 1, 17), "digits", digits, "a whole number from 1 to 17")
    _check(_whole(max_nodes, 1), "max_nodes", max_nodes, "a whole number, 1 or more")
    _check(depth is None or _whole(depth, 0), "depth", depth, "a whole number, 0 or more, or None")
    if not (focus is None or isinstance(focus, Value)):
        raise NotANumberError(f"focus is a Value of the graph, not {_what(focus)}")
    if path is not None:
        checked_suffix(path)
    drawn = _scene.scene(
        roots, direction=direction, max_nodes=max_nodes, depth=depth, focus=focus, digits=digits,
        gradients=gradients, title=title, marks=marks or {},
    )  # fmt: skip
    drawing = Drawing(drawn, THEMES[theme])
    if path is not None:
        drawing.save(path)
    return drawing


def mimebundle(value: Value, include: Any = None, exclude: Any = None) -> dict[str, str]:
    """What a notebook shows for a Value: its graph and its repr; the repr alone where the graph is too large."""
    try:
        return {"text/plain": repr(value), "image/svg+xml": draw(value).svg}
    except GraphTooLargeError as error:
        return {"text/plain": f"{value!r}\n({error})"}


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
