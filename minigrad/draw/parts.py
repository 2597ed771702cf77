"""Which nodes a picture shows: all, those near the result, those around one.

Room: reads nodes and their order. Below: `value`. Above: `scene`.
Must hold: a graph that is too large is refused before any text is made; the order depends on the graph alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from minigrad.value import Value, order_of

#: An operation may use one operand very often: edges are limited to this many for each node allowed.
EDGES_PER_NODE = 10


class GraphTooLargeError(ValueError):
    """The graph has more nodes (or edges) than a picture may hold; the message says how to draw a part."""


def near(roots: Sequence[Value], depth: int | None, limit: int) -> set[Value]:
    """The nodes at most `depth` steps before the roots (None: all), refused beyond `limit`."""
    found = set(roots)
    level = list(found)
    sizes: list[int] = []
    while level and len(found) <= limit and (depth is None or len(sizes) < depth):
        sizes.append(len(found))
        level = _new(found, (operand for node in level for operand in node.operands), limit)
    if len(found) > limit:
        raise _too_large(roots, depth, limit, sizes)
    return found


def _new(found: set[Value], nodes: Iterable[Value], limit: int) -> list[Value]:
    """Add `nodes` to `found`, stopping just beyond the limit; those that were new."""
    added = []
    for node in nodes:
        if node not in found:
            found.add(node)
            added.append(node)
            if len(found) > limit:
                break
    return added


def _too_large(roots: Sequence[Value], depth: int | None, limit: int, sizes: list[int]) -> GraphTooLargeError:
    fits = len(sizes) - 1  # so many steps were still within the limit
    part = f"depth={fits} draws the last {sizes[fits]} nodes, " if fits > 0 else ""
    if depth is None:
        what = f"the graph has {len(order_of(roots)):,} nodes, more than"
    else:
        what = f"depth={depth} reaches more nodes than"
    return GraphTooLargeError(
        f"{what} max_nodes={limit:,}: draw a part ({part}focus=node what lies around a node), "
        "fold what repeats (fold=True), or raise max_nodes"
    )


def around(roots: Sequence[Value], focus: Value, depth: int | None, limit: int) -> set[Value]:
    """The nodes at most `depth` steps (2 if None) before or after `focus`."""
    whole = order_of(roots)
    users: dict[Value, list[Value]] = {node: [] for node in whole}
    for node in whole:
        for operand in node.operands:
            users[operand].append(node)
    if focus not in users:
        raise ValueError("focus is not a node of this graph: give a node that the result was computed from")
    found = {focus}
    for neighbours in (lambda node: node.operands, users.__getitem__):
        level = [focus]
        for _ in range(2 if depth is None else depth):
            level = _new(found, [other for node in level for other in neighbours(node)], limit)
    if len(found) > limit:
        raise GraphTooLargeError(
            f"there are more than max_nodes={limit:,} nodes around the focus: "
            f"take a depth below {2 if depth is None else depth}, or raise max_nodes"
        )
    return found


def ordered(chosen: set[Value], starts: Iterable[Value]) -> list[Value]:
    """The chosen nodes, operands before results, in the order in which a walk from `starts` leaves them."""
    order: list[Value] = []
    state: dict[Value, int] = {}
    for start in starts:
        stack = [start]
        while stack:
            node = stack[-1]
            if node not in state:
                state[node] = 0
                stack.extend(x for x in reversed(node.operands) if x in chosen and x not in state)
                continue
            stack.pop()
            if state[node] == 0:
                state[node] = 1
                order.append(node)
    return order


def uses_outside(order: list[Value], roots: Sequence[Value]) -> dict[Value, int]:
    """How often each drawn node is used by nodes that are not drawn."""
    drawn = set(order)
    uses = dict.fromkeys(order, 0)
    for node in order_of(roots):
        if node not in drawn:
            for operand in node.operands:
                if operand in drawn:
                    uses[operand] += 1
    return uses


def refuse_many_edges(order: list[Value], max_nodes: int) -> None:
    """Raise GraphTooLargeError for many more edges than nodes."""
    edges = sum(len(node.operands) for node in order)
    if edges > max_nodes * EDGES_PER_NODE:
        raise GraphTooLargeError(
            f"the {len(order):,} nodes to be drawn have {edges:,} operands, "
            f"more than {EDGES_PER_NODE} for each of max_nodes={max_nodes:,}: raise max_nodes, "
            "draw a part (depth=1), or fold what repeats (fold=True)"
        )
