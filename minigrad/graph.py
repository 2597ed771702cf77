"""A recorded graph as an object one can read: order, inputs, names, size, copy, equality, text form.

Room: reads nodes, names no operation. Below: `value`. Above: `derive`, `program`, `check`, `draw` take their
order and their names from here.
Must hold: the order depends on the graph alone (never on id or hash), and there is no recursion (a chain of
10**7 nodes is legal). Loading a text runs nothing but arithmetic from the table.
"""

from __future__ import annotations

import difflib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isinf
from os import PathLike
from pathlib import Path

from minigrad import value as _core
from minigrad.rules import RULES
from minigrad.text import shown
from minigrad.value import Value

_HEADER = "minigrad graph 1"
_LINE = re.compile(r'(?P<index>\d{1,9}) (?P<op>\w+)(?P<rest>(?: [^\s"]+)*)(?: (?P<label>".*"))?', re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?(e[+-]?[0-9]+)?|inf|nan)")


class GraphFormatError(ValueError):
    """A text is not a saved graph; the message gives the line and what was expected."""


class Graph:
    """The nodes that one result, or several, was computed from.

    output   a Value, or a sequence of Values for a graph with several results

    `len(graph)` is the number of nodes, `for node in graph` walks them, operands before results. Two graphs
    are equal when their text forms are: same operations in the same order, same labels, same numbers in the
    leaves.

    >>> x, w = Value(2.0, label="x"), Value(-1.0, label="w")
    >>> graph = Graph((w * x + 0.5).named("z"))
    >>> [graph.name(node) for node in graph]
    ['w', 'x', 'v2', '0.5', 'z']
    >>> graph.forward({"x": 3.0})
    -2.5
    """

    def __init__(self, output: Value | Sequence[Value]) -> None:
        outputs = (
            [output] if isinstance(output, Value) else list(output) if isinstance(output, Iterable) else []
        )
        if not outputs or not all(isinstance(node, Value) for node in outputs):
            raise TypeError("Graph takes a Value, or a non-empty sequence of Values")
        self._single = isinstance(output, Value)
        self._outputs = outputs
        self._order = _core.order_of(outputs)
        self._positions: dict[Value, int] | None = None
        self._consumers: list[list[tuple[Value, int]]] | None = None

    # -- what is in it --------------------------------------------------------------------------------

    @property
    def nodes(self) -> tuple[Value, ...]:
        """All nodes, operands before results."""
        return tuple(self._order)

    @property
    def outputs(self) -> tuple[Value, ...]:
        """The results the graph was made from."""
        return tuple(self._outputs)

    @property
    def output(self) -> Value:
        """The result, of a graph that has one."""
        if len(self._outputs) != 1:
            raise ValueError(f"this graph has {len(self._outputs)} outputs: use .outputs")
        return self._outputs[0]

    @property
    def inputs(self) -> tuple[Value, ...]:
        """Leaves made with Value(...), in the order in which the graph first uses them."""
        return tuple(node for node in self._order if node.op == "input")

    @property
    def constants(self) -> tuple[Value, ...]:
        """Leaves made from plain numbers."""
        return tuple(node for node in self._order if node.op == "const")

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Value]:
        return iter(self._order)

    def __contains__(self, node: object) -> bool:
        return node in self._position_of

    @property
    def depth(self) -> int:
        """Number of operations on the longest path from a leaf to a result."""
        depths: dict[Value, int] = {}
        for node in self._order:
            depths[node] = 0 if node.is_leaf else 1 + max(depths[x] for x in node.operands)
        return max(depths[node] for node in self._outputs)

    def counts(self) -> dict[str, int]:
        """How many nodes each operation has, "input" and "const" among them, most frequent first."""
        return dict(Counter(node.op for node in self._order).most_common())

    @property
    def _position_of(self) -> dict[Value, int]:
        if self._positions is None:
            self._positions = {node: i for i, node in enumerate(self._order)}
        return self._positions

    def position(self, node: Value) -> int:
        """Index of a node in the order."""
        try:
            return self._position_of[node]
        except KeyError:
            raise ValueError(f"{node!r} is not in this graph") from None

    def consumers(self, node: Value) -> tuple[tuple[Value, int], ...]:
        """Who uses a node: pairs of the consuming node and which of its operands this one is."""
        if self._consumers is None:
            self._consumers = [[] for _ in self._order]
            for consumer in self._order:
                for which, operand in enumerate(consumer.operands):
                    self._consumers[self._position_of[operand]].append((consumer, which))
        return tuple(self._consumers[self.position(node)])

    # -- names ----------------------------------------------------------------------------------------

    def name(self, node: Value) -> str:
        """What to call a node: its label, the number of a constant, else "v" and its position."""
        if node.label:
            return node.label
        if node.op == "const":
            return repr(node.data)
        return f"v{self.position(node)}"

    def find(self, name: str) -> Value:
        """The node with this label.

        Raises ValueError when no node has it (near names are suggested), or more than one.
        """
        found = [node for node in self._order if node.label == name]
        if len(found) == 1:
            return found[0]
        if found:
            raise ValueError(f"{len(found)} nodes are called {name!r}: pass the node itself")
        labels = {node.label.casefold(): node.label for node in self._order if node.label}
        near = [labels[match] for match in difflib.get_close_matches(name.casefold(), sorted(labels), 3)]
        hint = f"; did you mean {' or '.join(repr(shown(label, 40)) for label in near)}?" if near else ""
        raise ValueError(f"no node is called {shown(name, 40)!r}{hint}")

    # -- running it again -----------------------------------------------------------------------------

    def forward(self, values: Mapping[Value | str, float] | None = None) -> float | tuple[float, ...]:
        """Compute every node again, without rebuilding the graph.

        values   new numbers for leaves, by node or by label; leaves not named keep theirs
        return   the number of the output, or a tuple of them for several outputs

        Partials are taken anew too, so `backward` belongs to the new numbers. Nothing changes when a name
        or a number is refused.
        """
        if not isinstance(values, Mapping | None):
            raise TypeError(
                f'forward takes numbers by name or node, {{"x": 3.0}}, not {type(values).__name__}'
            )
        updates: list[tuple[Value, float]] = []
        for key, number in (values or {}).items():
            node = self.find(key) if isinstance(key, str) else self._order[self.position(key)]
            if not node.is_leaf:
                raise ValueError(
                    f"{self.name(node)} is computed from other nodes: only leaves can be given a number"
                )
            updates.append((node, Value(number).data))
        for node, number in updates:
            node.data = number
        _core.replay(self._order)
        results = tuple(node.data for node in self._outputs)
        return results[0] if self._single else results

    def backward(self, seed: float = 1.0) -> None:
        """`Value.backward` of every output, over the order found once: same rules, same bits."""
        _core.propagate(self._order, self._outputs, seed)

    def zero_grad(self) -> None:
        """Set the gradients of all nodes to 0."""
        for node in self._order:
            node.grad = 0.0

    def copy(self) -> Graph:
        """The same graph on new nodes, with labels, numbers, partials and gradients as they stand."""
        made: dict[Value, Value] = {}
        for node in self._order:
            if node.op == "input":
                new = Value(node.data)
            elif node.op == "const":
                new = _core.constant(node.data)
            else:
                new = _core.copied(node, [made[x] for x in node.operands])
            new.label = node.label
            new.grad = node.grad
            made[node] = new
        outputs = [made[node] for node in self._outputs]
        return Graph(outputs[0] if self._single else outputs)

    # -- text form ------------------------------------------------------------------------------------

    def to_text(self) -> str:
        """The graph as text, one line a node: position, operation, operands or number, label.

        Holds structure, labels and the numbers of the leaves; inner numbers are computed on loading.

        >>> print(Graph(Value(2.0, label="x") ** 2).to_text(), end="")
        minigrad graph 1
        0 input 2.0 "x"
        1 const 2.0
        2 pow 0 1
        output 2
        """
        lines = [_HEADER]
        for i, node in enumerate(self._order):
            parts = [str(i), node.op]
            parts += [repr(node.data)] if node.is_leaf else [str(self._position_of[x]) for x in node.operands]
            parts += [json.dumps(node.label)] if node.label else []
            lines.append(" ".join(parts))
        kind = "output" if self._single else "outputs"
        lines.append(" ".join([kind, *(str(self._position_of[node]) for node in self._outputs)]))
        return "\n".join(lines) + "\n"

    @classmethod
    def from_text(cls, text: str, *, max_nodes: int = 1_000_000, max_depth: int = 1_000_000) -> Graph:
        """The graph that a text from `to_text` describes.

        Only operations of the table are done; a text is data and can run nothing else. Raises
        GraphFormatError with the line number when the text is not such a graph or exceeds a limit.
        """
        lines = text.splitlines()
        if not lines or lines[0] != _HEADER:
            raise GraphFormatError(
                f"line 1: expected {_HEADER!r}: not a saved graph, or one of another version"
            )
        if len(lines) - 2 > max_nodes:
            raise GraphFormatError(f"{len(lines) - 2:,} nodes are more than max_nodes={max_nodes:,}")
        nodes: list[Value] = []
        depths: list[int] = []
        for number, line in enumerate(lines[1:-1], start=2):
            node, depth = _read_line(line, number, nodes, depths)
            if depth > max_depth:
                raise GraphFormatError(f"line {number}: the graph is deeper than max_depth={max_depth:,}")
            nodes.append(node)
            depths.append(depth)
        kind, *positions = lines[-1].split(" ") if len(lines) > 1 else [""]
        if kind not in ("output", "outputs") or not positions or (kind == "output") != (len(positions) == 1):
            if not (kind == "outputs" and positions):
                raise GraphFormatError(
                    f"line {len(lines)}: expected 'output' and a position: is the text cut short?"
                )
        outputs = [_node_at(position, len(lines), nodes) for position in positions]
        return cls(outputs[0] if kind == "output" else outputs)

    def save(self, path: str | PathLike[str]) -> Path:
        """Write `to_text` to a file, whole or not at all; return its path."""
        from minigrad.files import write_text

        return write_text(path, self.to_text())

    @classmethod
    def load(
        cls, path: str | PathLike[str], *, max_nodes: int = 1_000_000, max_depth: int = 1_000_000
    ) -> Graph:
        """The graph saved in a file. Raises as `from_text`, and OSError when the file cannot be read."""
        with open(path, encoding="utf-8") as file:
            try:
                text = file.read(200 * max_nodes + 1)
            except UnicodeDecodeError as error:
                raise GraphFormatError(f"{path}: not text in UTF-8 (byte {error.start})") from None
        if len(text) > 200 * max_nodes:
            raise GraphFormatError(f"{path}: longer than 200 characters for each of max_nodes={max_nodes:,}")
        return cls.from_text(text, max_nodes=max_nodes, max_depth=max_depth)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Graph):
            return NotImplemented
        return len(self) == len(other) and self.to_text() == other.to_text()

    __hash__ = None  # type: ignore[assignment]  # equality is by content, and the content can change

    def __repr__(self) -> str:
        results = ", ".join(self.name(node) for node in self._outputs)
        return f"<Graph of {results}: {len(self)} nodes, {len(self.inputs)} inputs>"


def _read_line(line: str, number: int, nodes: list[Value], depths: list[int]) -> tuple[Value, int]:
    """The node that one line of a saved graph describes, and its depth."""
    match = _LINE.fullmatch(line)
    if match is None or int(match["index"]) != len(nodes):
        raise GraphFormatError(f"line {number}: expected '{len(nodes)} <operation> <operands> \"label\"'")
    op, fields = match["op"], match["rest"].split(" ")[1:]
    if op in ("input", "const"):
        if len(fields) != 1 or not _NUMBER.fullmatch(fields[0]):
            raise GraphFormatError(f"line {number}: {op} needs one number, got {' '.join(fields)!r}")
        data = float(fields[0])
        if isinf(data) and "inf" not in fields[0]:
            raise GraphFormatError(f"line {number}: {fields[0]} does not fit in a double")
        node, depth = (Value(data) if op == "input" else _core.constant(data)), 0
    elif op in RULES:
        operands = [_node_at(field, number, nodes) for field in fields]
        _check_arity(op, len(operands), number)
        node = _core.record(op, operands)
        depth = 1 + max(depths[int(field)] for field in fields)
    else:
        near = difflib.get_close_matches(op, RULES, 1)
        hint = f" (near: {near[0]})" if near else ""
        raise GraphFormatError(f"line {number}: {op!r} is not an operation of the table{hint}")
    if match["label"]:
        try:
            node.label = json.loads(match["label"])
        except ValueError:
            raise GraphFormatError(f"line {number}: the label is not a JSON string") from None
    return node, depth


def _check_arity(op: str, count: int, number: int) -> None:
    rule = RULES[op]
    if rule.arity is None:
        right = count > 0 and count % len(rule.operands) == 0
        needed = f"a multiple of {len(rule.operands)}" if len(rule.operands) > 1 else "at least one"
    else:
        right, needed = count == rule.arity, str(rule.arity)
    if not right:
        raise GraphFormatError(f"line {number}: {op} takes {needed} operand(s), got {count}")


def _node_at(field: str, number: int, nodes: list[Value]) -> Value:
    if not re.fullmatch("[0-9]{1,9}", field) or int(field) >= len(nodes):
        raise GraphFormatError(f"line {number}: {field!r} is not the position of an earlier node")
    return nodes[int(field)]
