"""The chain rule of each node, as `minigrad.explaining` tells it, in the trees of `formulas`.

Room: takes the symbolic equations of an explanation, which hold whatever the numbers are; tells nothing itself.
Below: `explaining`, `formulas`. Above: `contents`.
Must hold: the same equations with the same reasons as `explain` prints; a text of the user's comes in through
`text.shown`.
"""

from __future__ import annotations

import json

from minigrad.explaining import chain_rule
from minigrad.explaining.maths import Math
from minigrad.explaining.typeset import binds, function
from minigrad.graph import Graph
from minigrad.page.formulas import Tree
from minigrad.text import shown
from minigrad.value import Value

#: Longest equation that is told, as JSON.
LONGEST = 2000
_ANY, _SUM, _PRODUCT, _POWER, _ATOM = range(5)
_COMPARISONS = {"<=": "≤", ">=": "≥", "!=": "≠", "in": "∈"}


def told(graph: Graph, node: Value) -> list[list[Tree | str]]:
    """What ∂L/∂node is equal to, line after line, each with its reason; nothing where it would be too long."""
    lines: list[list[Tree | str]] = []
    for row in chain_rule(node, graph.output, numbers=False).equations:
        tree = _tree(row.right, _ANY)
        if len(json.dumps(tree)) > LONGEST:
            break
        lines.append([tree, shown(row.reason, 200)])
    return lines


def _tree(x: Math, least: int) -> Tree:
    """A formula, between brackets where it binds less tightly than it must."""
    made = _made(x)
    return ["row", "(", made, ")"] if binds(x) < least else made


def _made(x: Math) -> Tree:
    match x.kind:
        case "number" | "name" | "text":
            return ["n", shown(x.text, 60).replace("-", "−") if x.kind == "number" else shown(x.text, 60)]
        case "sum":
            return _sum(x)
        case "product" | "links":
            return [
                "row",
                *_between([_tree(part, _POWER if k else _PRODUCT) for k, part in enumerate(x.parts)]),
            ]
        case "fraction":
            return ["frac", *(_tree(part, _ANY) for part in x.parts)]
        case "power":
            return ["pow", _tree(x.parts[0], _ATOM), _tree(x.parts[1], _ANY)]
        case "minus":
            return ["row", "−", _tree(x.parts[0], _PRODUCT)]
        case "call":
            if x.text == "abs":
                return ["abs", _tree(x.parts[0], _ANY)]
            return ["fn", function(x.text), *(_tree(part, _ANY) for part in x.parts)]
        case "cases":
            return ["if", *(_tree(part, _ANY) for part in x.parts)]
        case "compare":
            left, right = (_tree(part, _SUM) for part in x.parts)
            return ["row", left, _COMPARISONS.get(x.text, x.text), right]
        case "partial":
            return ["d", *(shown(part.text, 60) for part in x.parts)]
        case "group":
            return ["row", "(", _tree(x.parts[0], _ANY), ")"]
    return ["n", "…"]


def _least(part: Math, k: int) -> int:
    """How tightly factor k of a product must bind."""
    return _POWER if k and part.kind not in ("product", "fraction") else _PRODUCT


def _sum(x: Math) -> Tree:
    made: Tree = ["row", _tree(x.parts[0], _SUM)]
    for part in x.parts[1:]:
        if part.kind == "minus":
            made += ["−", _tree(part.parts[0], _PRODUCT)]
        else:
            made += ["+", _tree(part, _PRODUCT)]
    return made


def _between(parts: list[Tree]) -> list[Tree | str]:
    return [piece for part in parts for piece in ("·", part)][1:]
