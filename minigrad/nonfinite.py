"""Where a value or a gradient turned nan or infinite.

Room: reads a graph and its gradients, changes nothing. Below: `graph`, `rules` (domains and remedies stand
in the rows). Hung on Value as `find_nonfinite`.
Must hold: what is named is an origin: its own operands (backward: the gradient it was sent from) were finite.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, isinf

from minigrad import value as _core
from minigrad.graph import Graph
from minigrad.rules import RULES
from minigrad.text import shown
from minigrad.value import Value


@dataclass(frozen=True)
class NonFinite:
    """The first number of a graph that is nan or infinite.

    node       the node at which it arose
    direction  "forward" (its value) or "backward" (the gradient it sent to an operand)
    number     the nan or infinity
    operands   the operands of the node
    operand    backward: the operand it was sent to; forward: None
    message    all of this in words, with the numbers and what to do
    """

    node: Value
    direction: str
    number: float
    operands: tuple[Value, ...]
    operand: Value | None
    message: str

    def __str__(self) -> str:
        return self.message


def find_nonfinite(output: Value) -> NonFinite | None:
    """The first node whose value, or else whose gradient, is not finite; None if all are.

    Values are looked at in forward order. When they are all finite, the derivatives of `output` are taken
    (no `.grad` is touched) and followed backward to the first node that sent on a nan or an infinity.

    >>> from minigrad import Value, log
    >>> margin = Value(-0.25, label="margin")
    >>> print((log(margin) + 1.0).find_nonfinite())
    log at node "v1": x = -0.25 ("margin") gives nan, needs x > 0
      what to do: keep its operand above 0; for the log of a probability use logsigmoid, bce or bce_with_logits
    """
    graph = Graph(output)
    for node in graph:
        if not isfinite(node.data):
            return NonFinite(node, "forward", node.data, node.operands, None, _forward(graph, node))
    return _backward(graph, output)


def _named(graph: Graph, node: Value) -> str:
    return f'"{shown(graph.name(node))}"'


def _forward(graph: Graph, node: Value) -> str:
    if node.is_leaf:
        return (
            f"{node.op} {_named(graph, node)} is {node.data!r}: it was given so\n"
            "  what to do: look where this number comes from (a missing value in the data, a parameter that diverged)"
        )
    rule = RULES[node.op]
    needs, remedy = f", needs {rule.domain}" if rule.domain else "", rule.remedy
    if rule.domain and _overflowed(node):
        needs, remedy = ", past the largest double", ""
    return (
        f"{node.op} at node {_named(graph, node)}: {_operand_list(graph, node)} gives {node.data!r}{needs}\n"
        f"  what to do: {remedy or _SCALE}"
    )


#: How far from a pole a function is finite again; from an overflow it is not.
_AWAY = 1e-3

_SCALE = "the numbers are too large for a double; scale the inputs (standardise the columns) or take a smaller step"


def _overflowed(node: Value) -> bool:
    """Whether an infinity is too large a number, and not a pole: there it is infinite a little away too."""
    code, operands = _core.CODES[node.op], [operand.data for operand in node.operands]
    for i, x in enumerate(operands):
        for way in (1.0, -1.0):
            moved = x + way * _AWAY * (abs(x) or 1.0)
            if isfinite(_core.evaluate(code, [*operands[:i], moved, *operands[i + 1 :]])):
                return False
    return isinf(node.data)


def _operand_list(graph: Graph, node: Value) -> str:
    """The operands with their numbers; of many, only the extremes."""
    letters = [letter.rstrip("*") for letter in RULES[node.op].operands]
    operands = node.operands
    if len(operands) > 4:
        low = min(operands, key=lambda x: x.data)
        high = max(operands, key=lambda x: x.data)
        return f"{len(operands)} operands from {low.data!r} to {high.data!r}"
    if RULES[node.op].arity is None:
        group = len(operands) // len(letters)
        letters = [f"{letter}{i + 1}" for letter in letters for i in range(group)]
    return ", ".join(
        f"{letter} = {operand.data!r}" + (f" ({_named(graph, operand)})" if operand.op != "const" else "")
        for letter, operand in zip(letters, operands, strict=True)
    )


def _backward(graph: Graph, output: Value) -> NonFinite | None:
    gradients = dict(zip(graph.nodes, _core.gradients(output, list(graph.nodes)), strict=True))
    # bce(sigmoid(z), y) sends z its gradient past a: where dA is infinite, as it should be, dZ is not.
    passed_by: set[Value] = set()
    for node in reversed(graph.nodes):
        received = gradients[node]
        if node.is_leaf or not isfinite(received) or received == 0.0:
            continue
        chained = node.chained_partial
        for operand, partial in zip(node.operands, node.partials, strict=True):
            if operand.op == "const" or isfinite(received * partial):
                continue
            if chained is not None and operand is node.operands[0] and isfinite(received * chained):
                passed_by.add(operand)
                continue
            return _sent(graph, node, operand, received, partial)
    for node in reversed(graph.nodes):  # finite terms whose sum is not
        if node not in passed_by and not isfinite(gradients[node]):
            message = (
                f"the gradient of {_named(graph, node)} is {gradients[node]!r}: the terms sent to it are finite, "
                "their sum is not\n  what to do: scale the loss or the inputs"
            )
            return NonFinite(node, "backward", gradients[node], node.operands, None, message)
    return None


def _sent(graph: Graph, node: Value, operand: Value, received: float, partial: float) -> NonFinite:
    rule = RULES[node.op]
    number = received * partial
    kink = f" ({rule.kink})" if rule.kink else ""
    message = (
        f"backward, {node.op} at node {_named(graph, node)}: {_operand_list(graph, node)}; its gradient {received!r} "
        f"times its partial {partial!r}{kink} sends {number!r} to {_named(graph, operand)}\n"
        f"  what to do: {rule.remedy or 'keep the operand away from the point where the derivative is infinite'}"
    )
    return NonFinite(node, "backward", number, node.operands, operand, message)
