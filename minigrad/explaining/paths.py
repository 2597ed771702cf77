"""The paths of a graph along which a gradient flows: counted, listed, and the strongest of them.

Room: reads a graph with its local derivatives; adds up nothing. Below: `value`. Above: `causes`, `questions`.
Must hold: the product of a path's links, summed over all paths, is the gradient; counting and the strongest path take
time linear in the graph, though the paths may be more than there are atoms.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, log
from typing import NamedTuple

from minigrad.graph import Graph
from minigrad.value import Value


class Link(NamedTuple):
    """One link of a chain.

    consumer  the node whose derivative is taken
    operand   by which
    partial   the number
    via       None; or the node that is passed on the way, where two operations are computed as one
    """

    consumer: Value
    operand: Value
    partial: float
    via: Value | None = None


def links(node: Value) -> Iterator[tuple[Link, bool]]:
    """The links from a node to its operands, and whether a path goes on from there."""
    chained = node.chained_partial
    for place, (operand, partial) in enumerate(zip(node.operands, node.partials, strict=True)):
        if operand.op != "const":
            yield Link(node, operand, partial), chained is None or place > 0
    if chained is not None:
        inner = node.operands[0]
        (far,) = inner.operands
        if far.op != "const":
            yield Link(node, far, chained, inner), True


def count(graph: Graph, node: Value) -> int:
    """How many paths lead from a node to the result."""
    through = {graph.output: 1}
    ending = dict.fromkeys([node], 0)
    for consumer in reversed(graph.nodes):
        n = through.get(consumer, 0)
        if n == 0:
            continue
        for link, goes_on in links(consumer):
            if goes_on:
                through[link.operand] = through.get(link.operand, 0) + n
            elif link.operand is node:
                ending[node] += n
    return through.get(node, 0) + ending[node]


def listed(graph: Graph, node: Value, most: int) -> list[tuple[Link, ...]]:
    """The first paths from the result to a node, each as its links."""
    below = _using(graph, node)
    found: list[tuple[Link, ...]] = []
    waiting: list[tuple[Value, tuple[Link, ...], bool]] = [(graph.output, (), True)]
    while waiting and len(found) < most:
        here, path, goes_on = waiting.pop()
        if here is node:
            found.append(path)
            continue
        if goes_on:
            ahead = [
                (link.operand, (*path, link), on) for link, on in links(here)
                if link.operand is node or (on and link.operand in below)
            ]  # fmt: skip
            waiting += reversed(ahead)
    return found


def _using(graph: Graph, node: Value) -> set[Value]:
    """The nodes that were computed from a node, and itself."""
    found = {node}
    for other in graph.nodes:
        if not found.isdisjoint(other.operands):
            found.add(other)
    return found


def between(graph: Graph, node: Value) -> set[Value]:
    """The nodes on the paths from a node to the result, both included."""
    return _using(graph, node)


def strongest(graph: Graph, node: Value) -> tuple[Link, ...]:
    """The path on which the product of the links is largest in size; () if every path has a link of 0."""
    best: dict[Value, float] = {graph.output: 0.0}
    into: dict[Value, Link] = {}
    ending: tuple[float, Link | None] = (-inf, None)
    for consumer in reversed(graph.nodes):
        size = best.get(consumer, -inf)
        if size == -inf:
            continue
        for link, goes_on in links(consumer):
            if link.partial == 0.0 or link.partial != link.partial:
                continue
            reached = size + log(abs(link.partial)) if abs(link.partial) != inf else inf
            if not goes_on:
                if link.operand is node and reached > ending[0]:
                    ending = (reached, link)
            elif reached > best.get(link.operand, -inf):
                best[link.operand] = reached
                into[link.operand] = link
    last = ending[1] if ending[0] > best.get(node, -inf) else into.get(node)
    path: list[Link] = []
    while last is not None:
        path.append(last)
        last = into.get(last.consumer)
    return tuple(reversed(path))
