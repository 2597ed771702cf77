"""What a page knows of a graph, as plain data: nodes, formulas, inputs, rows.

Room: reads nodes and the table of operations, changes nothing. Below: `graph`, `formulas`, `told`, `replay`, `tables`.
Above: `document`.
Must hold: equal graphs give equal data; every text of the user's comes in through `text.shown`; what a page cannot hold
is refused with a sentence.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import Any

from minigrad.derivative import derive
from minigrad.draw.scene import GraphTooLargeError, numeral
from minigrad.graph import Graph
from minigrad.page import formulas
from minigrad.page.told import told
from minigrad.replay import _choices
from minigrad.rules import RULES
from minigrad.text import shown
from minigrad.value import Value

#: Most nodes that a page computes; most rows, and most nodes for which closed forms are worked out.
MOST_NODES, MOST_ROWS, MOST_CLOSED = 5_000, 2_000, 60
#: Most characters of a name.
NAME_LIMIT = 60
#: What features, labels and times are called, as opposed to what is learned.
_DATA = re.compile(r"(x|y|t|target|label)[\d_′']*", re.IGNORECASE)


class RowsError(ValueError):
    """The rows do not go with the graph; the message says what is wrong."""


def check_size(graph: Graph) -> None:
    """Refuse a graph that no page can hold."""
    if len(graph) > MOST_NODES:
        raise GraphTooLargeError(
            f"the graph has {len(graph):,} nodes, more than the {MOST_NODES:,} that a page can play: "
            "make a page of a part of it, a node nearer to the inputs"
        )


def names_of(graph: Graph) -> dict[Value, str]:
    """What the page calls each node: one line of text, different for different nodes that are not constants."""
    plain = {node: _called(graph, node) for node in graph}
    plain = {node: name if name.strip() else f"v{graph.position(node)}" for node, name in plain.items()}
    counts = Counter(name for node, name in plain.items() if node.op != "const")
    seen: Counter[str] = Counter()
    names = {}
    for node, name in plain.items():
        if node.op != "const" and counts[name] > 1:
            seen[name] += 1
            name = f"{name} #{seen[name]}"
        names[node] = name
    return names


def _called(graph: Graph, node: Value) -> str:
    if node.op == "const" and not node.label:
        return numeral(node.data, 6)
    return shown(graph.name(node), NAME_LIMIT)


def contents(
    graph: Graph,
    names: Mapping[Value, str],
    *,
    title: str,
    alpha: float,
    parameters: Sequence[Value] | None,
    rows: Any,
) -> dict[str, Any]:
    """The data of the page, ready for JSON but for nan and inf (see `number`)."""
    columns = row_data(graph, rows) if rows is not None else None
    data = {graph.nodes[i] for i in columns["nodes"]} if columns else None
    learned = _learned(graph, parameters, data)
    ops = {node.op for node in graph if not node.is_leaf}
    return {
        "title": title,
        "nodes": [_node(graph, node, names[node]) for node in graph],
        "output": graph.position(graph.output),
        "ops": {op: _operation(op) for op in RULES if op in ops},
        "inputs": [_input(graph, node, node in learned) for node in graph.inputs],
        "closed": _closed(graph, names),
        "told": _told(graph),
        "alpha": number(alpha),
        "rows": columns,
    }


def number(x: float) -> float | str:
    """A number for JSON, which has no nan and no inf."""
    return x if math.isfinite(x) else repr(x)


def row_name(node: Value) -> str:
    """The row that a node is computed by: that of its operation, or that of two that are computed as one."""
    return node.op if node.chained_partial is None else f"{node.op}_{node.operands[0].op}"


def _node(graph: Graph, node: Value, name: str) -> dict[str, Any]:
    made: dict[str, Any] = {"op": node.op, "name": name}
    if node.is_leaf:
        return {**made, "value": number(node.data)}
    made["in"] = [graph.position(operand) for operand in node.operands]
    if node.chained_partial is not None:
        made["past"] = graph.position(node.operands[0].operands[0])
        made["row"] = row_name(node)
    return made


def _operation(op: str) -> dict[str, Any]:
    rule = RULES[op]
    return {
        "sign": rule.symbol,
        "value": formulas.value_tree(op),
        "means": formulas.meaning_tree(op),
        "partials": formulas.partial_trees(op),
        "groups": len(rule.operands) if rule.arity is None else 0,
        "array": rule.arity is None or rule.arity > 2,
        "chosen": op in _choices(),
        "kink": rule.kink,
    }


# -- inputs -------------------------------------------------------------------------------------------------


def _learned(graph: Graph, parameters: Sequence[Value] | None, data: set[Value] | None) -> set[Value]:
    """The inputs that gradient descent changes."""
    if parameters is not None:
        given = list(parameters) if isinstance(parameters, Iterable) else [parameters]
        for node in given:
            if not isinstance(node, Value) or node not in graph or node.op != "input":
                what = shown(node.label or node.op, 40) if isinstance(node, Value) else type(node).__name__
                raise ValueError(f"parameters are inputs of the graph, made with Value(...): {what} is none")
        return set(given)
    if data is not None:
        return {node for node in graph.inputs if node not in data}
    named = {node for node in graph.inputs if not _DATA.fullmatch(node.label)}
    return named or set(graph.inputs)


def _input(graph: Graph, node: Value, learned: bool) -> dict[str, Any]:
    x = node.data if math.isfinite(node.data) else 0.0
    if not learned and x in (0.0, 1.0) and node.label[:1] in ("y", "t"):
        low, high, step = 0.0, 1.0, 0.01
    else:
        reach = _round(max(2.0, 2.0 * abs(x)))
        low, high, step = -reach, reach, reach / 200
    return {"node": graph.position(node), "low": low, "high": high, "step": step, "learn": learned}


def _round(x: float) -> float:
    """The next of 2, 4, 10, 20, 40, 100 … from x on."""
    power = 10.0 ** math.floor(math.log10(min(x, 1e300)))
    return next((f * power for f in (1.0, 2.0, 4.0) if f * power >= x), 10.0 * power)


def _closed(graph: Graph, names: Mapping[Value, str]) -> dict[str, formulas.Tree]:
    """The closed form of the derivative by each node that has a name, in a graph small enough."""
    if len(graph) > MOST_CLOSED:
        return {}
    known: dict[str, formulas.Tree] = {
        names[node]: ["node", i]
        for i, node in enumerate(graph)
        if node.label and names[node] == node.label and node.label.isidentifier()
    }
    wanted = [node for node in graph if node.label in known and node is not graph.output]
    trees = {}
    for node in wanted:
        try:
            text = str(derive(graph.output, node))
        except (ValueError, ArithmeticError):
            continue
        made = formulas.closed_tree(text, known)
        if made is not None:
            trees[str(graph.position(node))] = made
    return trees


def _told(graph: Graph) -> dict[str, list[Any]]:
    """The chain rule of each node, in a graph small enough."""
    if len(graph) > MOST_CLOSED:
        return {}
    return {
        str(i): lines
        for i, node in enumerate(graph)
        if node.op != "const" and node is not graph.output and (lines := told(graph, node))
    }


# -- rows ---------------------------------------------------------------------------------------------------


def row_data(graph: Graph, rows: Any) -> dict[str, Any]:
    """The columns of a table that inputs of the graph are named for."""
    import numpy as np

    from minigrad.tables import columns_of, read_table
    from minigrad.tables.checks import check_finite
    from minigrad.tables.columns import labels_of

    table = read_table(rows) if isinstance(rows, str | PathLike) else rows
    labels = labels_of(table)
    if labels is None:
        raise RowsError(
            'rows is a table whose columns have names, such as {"x": [1.0, 2.0], "y": [0, 1]}, a data frame or '
            f"the name of a file, not {type(rows).__name__}"
        )
    inputs = [node for node in graph.inputs if node.label in labels]
    if not inputs:
        raise RowsError(
            f"no input of the graph is called like a column of the rows: the columns are {_listed(labels)}, "
            f"the inputs {_listed([node.label or 'without a name' for node in graph.inputs])}"
        )
    names = [node.label for node in inputs]
    columns = [np.asarray(x, dtype=np.float64) for x in columns_of(table, names)]
    check_finite(columns, names)
    if len(columns[0]) > MOST_ROWS:
        raise RowsError(
            f"{len(columns[0]):,} rows are more than the {MOST_ROWS:,} that a page can hold: give a sample of them"
        )
    label, score, threshold = _decision(graph, inputs)
    features = [graph.position(node) for node in inputs if node is not label]
    return {
        "nodes": [graph.position(node) for node in inputs],
        "values": [[number(x) for x in row] for row in zip(*(c.tolist() for c in columns), strict=True)],
        "label": graph.position(label) if label is not None else None,
        "score": graph.position(score) if score is not None and len(features) == 2 else None,
        "threshold": threshold,
        "features": features if len(features) == 2 else None,
    }


def _listed(names: Sequence[str]) -> str:
    some = ", ".join(shown(name, 40) for name in names[:8])
    return f"{some} and {len(names) - 8} more" if len(names) > 8 else some


def _decision(graph: Graph, inputs: Sequence[Value]) -> tuple[Value | None, Value | None, float]:
    """The label among the inputs, the node that decides between its two values, and where it changes its mind.

    A loss of a probability and a label is a row of the table that has a `through`; its other form is the row
    that `through` names.
    """
    pairs = {rule.name: rule.through for rule in RULES.values() if rule.through}
    direct = {through.value.partition("(")[0] for through in pairs.values()}
    for node in reversed(graph.nodes):
        if (node.op in pairs or node.op in direct) and node.operands[1] in inputs:
            score, y = node.operands
            if node.op in direct:
                return y, score, 0.0
            inside = score.op == pairs[node.op].inner
            return (y, score.operands[0], 0.0) if inside else (y, score, 0.5)
    inner = [node for node in graph if node.op in {through.inner for through in pairs.values()}]
    label = next((node for node in inputs if node.label[:1] in ("y", "t")), None)
    if len(inner) == 1 and label is not None:
        return label, inner[0].operands[0], 0.0
    return label, None, 0.0
