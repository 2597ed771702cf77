"""Six referees for a derivative: reverse mode, closed form, complex step, differences, 50 digits, Taylor's remainder.

Room: what is asked of them, and who answers: `sheet` for a graph, `blackbox` for a function that is only called.
Above: `judge`, `recorded`, `function`.
Must hold: no step and no threshold comes from a user; what a referee cannot say it says in its note.
"""

from __future__ import annotations

from collections.abc import Sequence

from minigrad.checking.bench import Bench
from minigrad.checking.blackbox import FunctionSubject
from minigrad.checking.evidence import REFEREES, Kink, Readings
from minigrad.checking.points import Point
from minigrad.checking.sheet import sheet
from minigrad.value import Value

__all__ = [
    "REFEREES",
    "FunctionSubject",
    "GraphSubject",
    "Kink",
    "Readings",
    "readings",
    "readings_at",
    "subjects",
]


class GraphSubject:
    """The derivative of a result by one node of its graph.

    output  the result
    node    a leaf, or an inner node: then it is replaced by an input with its number
    bench   shared by several subjects of one graph: see `subjects`

    Raises ValueError when the node has no part in the result, or is a constant.
    """

    def __init__(self, output: Value, node: Value, bench: Bench | None = None) -> None:
        self.output, self.node = output, node
        self.bench = Bench(output, [node]) if bench is None else bench
        self._place = self.bench.place(node)

    def readings(self, points: Sequence[Point]) -> list[Readings]:
        """What the referees say at each point."""
        return sheet(self.bench, points).readings(self._place)


def subjects(output: Value, nodes: Sequence[Value]) -> list[GraphSubject]:
    """One subject for each node; the graph is read once, and evaluated once for all of them."""
    bench = Bench(output, nodes)
    return [GraphSubject(output, node, bench) for node in nodes]


def readings(subject: GraphSubject | FunctionSubject, point: Point | None = None) -> Readings:
    """What each referee says of a derivative at one point; a function has its own.

    >>> from minigrad import bce, sigmoid
    >>> z, y = Value(0.0, label="z"), Value(1.0, label="y")
    >>> L = bce(sigmoid(z), y)
    >>> for reading in readings(GraphSubject(L, z), Point("at your numbers", {z: 0.0, y: 1.0})):
    ...     print(f"{reading.referee}: {reading.value:.12g}")
    reverse mode: -0.5
    closed form: -0.5
    complex step: -0.5
    differences: -0.5
    50 digits: -0.5
    Taylor remainder: -0.5
    """
    return readings_at(subject, [] if point is None else [point])[0]


def readings_at(subject: GraphSubject | FunctionSubject, points: Sequence[Point]) -> list[Readings]:
    """The same at several points, which costs little more than one."""
    return subject.readings(points)
