"""The lines and arrow heads of an edge that has been laid out, for whoever draws them.

Room: geometry. Below: `layout`, `shapes`. Above: `svg`, `tikz`.
Must hold: what flows back lies to one side of what flows forward, or in its place where that is not drawn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from minigrad.draw.layout import Point, Route
from minigrad.draw.shapes import Edge

ARROW, ARROW_HALF = 8.0, 3.4
#: From an edge to the arrow back.
BESIDE = -4.5


@dataclass(frozen=True, slots=True)
class Arrow:
    """One line with its head.

    start  where the line begins; the curve follows, and then the straight end
    curve  a Bézier curve: one point, then three for each piece
    end    where the line ends
    head   the corners of the arrow head, the tip first; empty for a line without one
    back   whether it goes against the direction of the picture: then the head is at the start
    cut    whether it leads from or to what is not drawn
    """

    start: Point
    curve: tuple[Point, ...]
    end: Point
    head: tuple[Point, ...]
    back: bool = False
    cut: bool = False


def arrows(edge: Edge, route: Route, flow: str) -> list[Arrow]:
    """What is to be drawn of an edge. `flow` is that of the scene."""
    back = bool(edge.term) and flow != "forward"
    found = []
    if not (back and flow == "backward"):
        head = (route.tip, *_wings(route.tip, route.curve[-1])) if flow != "backward" else ()
        end = route.curve[-1] if head else route.tip
        found.append(Arrow(route.start, route.curve, end, head, cut=edge.cut))
    if back:
        start, *curve, end = _aside((route.start, *route.curve, route.tip), BESIDE if flow == "both" else 0.0)
        behind = curve[0] if math.dist(start, curve[0]) > 1.0 else curve[min(1, len(curve) - 1)]
        found.append(Arrow(start, tuple(curve), end, (start, *_wings(start, behind)), back=True))
    return found


def _wings(tip: Point, behind: Point) -> tuple[Point, Point]:
    """The other two corners of an arrow with this tip that comes from `behind`."""
    (x, y), (bx, by) = tip, behind
    length = math.hypot(x - bx, y - by) or 1.0
    ux, uy = (x - bx) / length, (y - by) / length
    mx, my = x - ARROW * ux, y - ARROW * uy
    return (mx - ARROW_HALF * uy, my + ARROW_HALF * ux), (mx + ARROW_HALF * uy, my - ARROW_HALF * ux)


def _aside(points: tuple[Point, ...], distance: float) -> tuple[Point, ...]:
    """The points, each moved to one side of the way by so much."""
    moved = []
    for i, (x, y) in enumerate(points):
        (ax, ay), (bx, by) = points[max(i - 1, 0)], points[min(i + 1, len(points) - 1)]
        length = math.hypot(bx - ax, by - ay) or 1.0
        moved.append((x + distance * (by - ay) / length, y - distance * (bx - ax) / length))
    return tuple(moved)
