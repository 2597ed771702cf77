"""What repeats in a graph, shown once: chains of additions as one sum, nodes of equal structure as one card.

Room: structure only; looks at operations, labels and who uses whom, at no number. Below: `value`, `rules`.
Above: `scene`.
Must hold: time is linear in nodes and edges for each of a few looks; the outcome depends on the graph alone;
however many nodes there are, what is left can be read (`FEW` cards, or as few as there are kinds of node).

Two nodes are equal in structure when they do the same operation on operands of equal structure and are used alike;
the digits of a label do not count (w1 and w2 are alike), nor does the number of a constant. Where that leaves too
many cards, as for a long recurrence, only the neighbourhood within a few steps is compared, then less and less.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

from minigrad.rules import RULES
from minigrad.value import Value

#: Folding goes on until so many cards are left, if it can.
FEW = 60

#: What is compared first: operation, label without digits, group, and a number of its own if it stays alone.
Seed = tuple[str, str, str, int | None]

_DIGITS = re.compile(r"\d+")


class Use(NamedTuple):
    """One operand as a picture shows it: which node, and the node and position that really take it."""

    operand: Value
    consumer: Value
    position: int


class Folded(NamedTuple):
    """What is left of a graph.

    parts   the nodes of each card, operands before results as far as there is such an order
    uses    of every node that has a place on a card: its operands, those of a whole chain of additions
    chains  of the last addition of a chain: how many additions it stands for
    loops   whether a card may use itself, or come before what it uses
    """

    parts: list[list[Value]]
    uses: dict[Value, list[Use]]
    chains: dict[Value, int]
    loops: bool


def fold(
    order: Sequence[Value],
    groups: Mapping[Value, str],
    alone: Collection[Value],
    most: int,
    symmetric: Callable[[str], bool],
) -> Folded:
    """Fold the nodes of `order`, operands before results.

    groups     nodes of different groups never share a card
    alone      nodes that keep a card for themselves
    most       cards at most, if there is a way
    symmetric  whether the operands of an operation can be exchanged
    """
    single = {node: i for i, node in enumerate(alone)}
    seeds: dict[Value, Seed] = {
        node: (node.op, _DIGITS.sub("#", node.label), groups.get(node, ""), single.get(node))
        for node in order
    }
    chains, uses = _chains(order, seeds)
    heads = [node for node in order if node in uses]
    graph = _Structure(heads, uses, symmetric)
    limit = min(most, FEW)
    looks: list[Callable[[], list[int]]] = [
        partial(graph.whole, [seeds[node] for node in heads]),
        *(partial(graph.near, [seeds[node] for node in heads], steps) for steps in (3, 2, 1, 0)),
        partial(graph.near, [(seeds[node][0], *seeds[node][2:]) for node in heads], 0),
    ]
    for look in looks:
        colours = look()
        if len(set(colours)) <= limit:
            break
    parts: dict[int, list[Value]] = {}
    for node, colour in zip(heads, colours, strict=True):
        parts.setdefault(colour, []).append(node)
    return Folded(list(parts.values()), uses, chains, look is not looks[0])


def _chains(
    order: Sequence[Value], seeds: Mapping[Value, Seed]
) -> tuple[dict[Value, int], dict[Value, list[Use]]]:
    """Chains of additions as one sum each: how many additions, and the operands of every node that is left."""
    users = Counter(operand for node in order for operand in node.operands)
    inner: set[Value] = set()
    chains: dict[Value, int] = {}
    uses: dict[Value, list[Use]] = {}

    def joins(operand: Value, head: Value) -> bool:
        """Whether an addition is a part of the sum that `head` ends."""
        _, name, group, alone = seeds[operand]
        alike = name in ("", seeds[head][1]) and group == seeds[head][2] and alone is None
        return operand.op == "add" and head.op == "add" and users[operand] == 1 and alike

    for head in reversed(order):
        if head in inner:
            continue
        found: list[Use] = []
        waiting = [Use(head, head, 0)]
        count = 0
        while waiting:
            use = waiting.pop()
            if use.operand is head or joins(use.operand, head):
                count += 1
                if use.operand is not head:
                    inner.add(use.operand)
                operands = list(enumerate(use.operand.operands))
                waiting += [Use(operand, use.operand, place) for place, operand in reversed(operands)]
            else:
                found.append(use)
        uses[head] = found
        if count > 1:
            chains[head] = count
    return chains, uses


class _Structure:
    """The graph by numbers, for colouring."""

    def __init__(
        self, heads: Sequence[Value], uses: Mapping[Value, list[Use]], symmetric: Callable[[str], bool]
    ) -> None:
        index = {node: i for i, node in enumerate(heads)}
        self.operands = [
            [(port(use, node, symmetric), index[use.operand]) for use in uses[node]] for node in heads
        ]
        self.users: list[list[tuple[int, int]]] = [[] for _ in heads]
        for i, operands in enumerate(self.operands):
            for place, j in operands:
                self.users[j].append((place, i))

    def whole(self, seeds: Sequence[Any]) -> list[int]:
        """Colours by all that lies before a node, then by all that lies after it."""
        colours = _Numbers()
        before: list[int] = []
        for seed, operands in zip(seeds, self.operands, strict=True):
            before.append(colours[seed, _counted((place, before[j]) for place, j in operands)])
        after = before.copy()
        for i in reversed(range(len(after))):
            after[i] = colours[before[i], frozenset((place, after[j]) for place, j in self.users[i])]
        return after

    def near(self, seeds: Sequence[Any], steps: int) -> list[int]:
        """Colours by what lies within so many steps of a node."""
        colours = _Numbers()
        now = [colours[seed] for seed in seeds]
        for _ in range(steps):
            now = [
                colours[
                    now[i],
                    frozenset((place, now[j]) for place, j in self.operands[i]),
                    frozenset((place, now[j]) for place, j in self.users[i]),
                ]
                for i in range(len(now))
            ]
        return now


class _Numbers(dict[Any, int]):
    """A number for each thing, in the order in which they come."""

    def __missing__(self, key: Any) -> int:
        self[key] = number = len(self)
        return number


def _counted(items: Iterable[tuple[int, int]]) -> frozenset[tuple[tuple[int, int], int]]:
    return frozenset(Counter(items).items())


def port(use: Use, node: Value, symmetric: Callable[[str], bool]) -> int:
    """Where an operand arrives at a folded node: operands that can be exchanged arrive together.

    The i-th weight and the i-th feature of a dot product arrive at two ports, whatever i is.
    """
    if use.consumer is not node or symmetric(node.op):
        return 0
    letters = _letters(node.op)
    if letters > 0:  # so many groups, one after the other
        return use.position * letters // len(node.operands)
    return use.position


@cache
def _letters(op: str) -> int:
    """How many groups of operands an operation with any number of them has; 0 for a fixed number."""
    rule = RULES.get(op)
    return len(rule.operands) if rule is not None and rule.arity is None else 0
