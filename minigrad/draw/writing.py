"""What is written on a card and said of a picture in words.

Room: reads nodes and the table of operations, and makes cards of them. Below: `shapes`, `groups`, `rules`, `text`.
Above: `scene`.
Must hold: labels come in through `text.shown`; all that a card rounds is in its words in full.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from minigrad.draw.groups import without_group
from minigrad.draw.shapes import (
    HEAD,
    NAME_SIZE,
    PAD,
    ROW,
    ROW_SIZE,
    SIGN_SIZE,
    Card,
    Row,
    port_strip,
    span,
    width,
)
from minigrad.rules import RULES, Rule
from minigrad.text import shown
from minigrad.value import CODES, Value, evaluate

#: Most characters of a label that a picture shows, and of each of two labels that stand for many.
LABEL_LIMIT, RANGE_LIMIT = 32, 14
#: Most characters of a mark.
MARK_LIMIT = 40
#: Most operations that the card of a group lists.
MOST_COUNTED = 4


@cache
def order_matters(rule: Rule) -> bool:
    """Whether exchanging operands changes the result: found out by doing it."""
    if rule.arity is None:
        return len(rule.operands) > 1
    if rule.arity != 2:
        return rule.arity > 2
    code = CODES[rule.name]
    return any(
        not math.isclose(evaluate(code, (x, y)), evaluate(code, (y, x)), rel_tol=1e-12)
        for x, y in ((0.25, 0.625), (2.0, 3.0), (-1.5, 0.5))
    )


def symmetric(op: str) -> bool:
    """Whether the operands of an operation can be exchanged."""
    return op in RULES and not order_matters(RULES[op])


@dataclass(frozen=True, slots=True)
class Writer:
    """How cards are written in one picture.

    gradient   of each node; None where gradients are not shown
    direction  LR or TB
    """

    digits: int
    direction: str
    gradient: Callable[[Value], float] | None

    def card(
        self,
        node: Value,
        key: str,
        is_root: bool,
        ports: tuple[str, ...],
        mark: tuple[str, str] | None,
        *,
        terms: int = 0,
        more: Sequence[str] = (),
        box: tuple[str, str] = ("", ""),
    ) -> Card:
        """The card of one node; `terms` of a chain of additions, `more` for its words, `box` as key and name."""
        kind = node.op if node.is_leaf else "output" if is_root else "operation"
        name = shown(without_group(node.label, box[1]) if box[0] else node.label, LABEL_LIMIT)
        rows = [Row("terms", f"{terms:,}", True)] if terms else []
        rows += self._rows([node])
        words = self._node_words(node, terms)
        if mark is not None:
            rows.append(Row(shown(mark[1], MARK_LIMIT), "", True, mark[0]))
            words += f"\n{shown(mark[1], 200)}"
        words = "\n".join([words, *more])
        if kind == "const":
            text = f"{name} = {rows[0].number}" if name else rows[0].number
            return _pill(key, text, rows[0].finite, words, box[0])
        return self._full(key, kind, name, _sign(node, is_root), rows, ports, words, box=box[0])

    def pile(
        self,
        nodes: Sequence[Value],
        key: str,
        ports: tuple[str, ...],
        *,
        terms: Sequence[int] = (),
        more: Sequence[str] = (),
        box: tuple[str, str] = ("", ""),
    ) -> Card:
        """One card for several nodes that are alike; `terms` of each of as many chains of additions."""
        first = nodes[0]
        labels = [without_group(node.label, box[1]) if box[0] else node.label for node in nodes]
        name = _names(labels)
        times = f"× {len(nodes):,}"
        rows = [Row(times, "", True)]
        if terms:
            low, high = min(terms), max(terms)
            rows.append(Row("terms", f"{low:,}" if low == high else f"{low:,} … {high:,}", True))
        rows += self._rows(nodes)
        what = _what(first)
        lines = [
            f"{len(nodes):,} nodes shown as one: {name} ({what})" if name else f"{len(nodes):,} × {what}"
        ]
        lines += [f"{row.word} {row.number}" for row in rows[1:]]
        words = "\n".join([*lines, *more])
        if first.op == "const":
            text = f"{rows[1].number} {times}"
            return _pill(key, f"{name} = {text}" if name else text, rows[1].finite, words, box[0], piled=True)
        kind = "input" if first.op == "input" else "operation"
        return self._full(key, kind, name, _sign(first, False), rows, ports, words, piled=True, box=box[0])

    def group(self, name: str, nodes: Sequence[Value], key: str, *, more: Sequence[str] = ()) -> Card:
        """One card for a whole part of the graph: how many nodes, and of which operations."""
        counts = Counter(node.op for node in nodes)
        leaves = [(word, counts.pop(op, 0)) for word, op in (("inputs", "input"), ("constants", "const"))]
        ordered = sorted(counts.items(), key=lambda item: -item[1])
        rows = [Row("nodes", f"{len(nodes):,}", True)]
        rows += [Row(word, f"{count:,}", True) for word, count in leaves if count]
        rows += [Row(_symbol(op), f"{count:,}", True) for op, count in ordered[:MOST_COUNTED]]
        if len(ordered) > MOST_COUNTED:
            rows.append(Row("other", f"{sum(count for _, count in ordered[MOST_COUNTED:]):,}", True))
        strange = sum(not self._is_finite(node) for node in nodes)
        if strange:
            rows.append(Row("nan or inf", f"{strange:,}", False))
        told = ", ".join(f"{row.number} {row.word}" for row in rows)
        words = "\n".join([f"{shown(name, 200)} (a group shown as one): {told}", *more])
        return self._full(key, "group", shown(name, LABEL_LIMIT), "group", rows, (), words, piled=True)

    def _rows(self, nodes: Sequence[Value]) -> list[Row]:
        values = [node.data for node in nodes]
        rows = [Row("value", span(values, self.digits), all(map(math.isfinite, values)))]
        if self.gradient is not None and nodes[0].op != "const":
            gradients = [self.gradient(node) for node in nodes]
            rows.append(Row("grad", span(gradients, self.digits), all(map(math.isfinite, gradients))))
        return rows

    def _is_finite(self, node: Value) -> bool:
        return math.isfinite(node.data) and (self.gradient is None or math.isfinite(self.gradient(node)))

    def _node_words(self, node: Value, terms: int) -> str:
        name = shown(node.label, 200)
        what = f"add: the sum of {terms:,} terms" if terms else _what(node)
        lines = [f"{name} ({what})" if name else what, f"value {node.data!r}"]
        if self.gradient is not None and node.op != "const":
            lines.append(f"grad {self.gradient(node)!r}")
        return "\n".join(lines)

    def _full(
        self,
        key: str,
        kind: str,
        name: str,
        sign: str,
        rows: Sequence[Row],
        ports: tuple[str, ...],
        words: str,
        *,
        piled: bool = False,
        box: str = "",
    ) -> Card:
        head = width(name, NAME_SIZE, bold=True) + width(sign, SIGN_SIZE) + (14.0 if name else 0.0)
        body = max(width(row.word, ROW_SIZE) + 12.0 + width(row.number, ROW_SIZE) for row in rows)
        size_x = max(head, body, 68.0) + 2 * PAD
        size_y = HEAD + ROW * len(rows) + 8.0
        if self.direction == "LR":
            size_x += port_strip(ports)
            size_y = max(size_y, 17.0 * len(ports))
        else:
            size_y += port_strip(ports)
            size_x = max(size_x, 22.0 * len(ports))
        return Card(key, kind, name, sign, tuple(rows), ports, words, size_x, size_y, piled, box)


def stub(key: str, count: int, what: str) -> Card:
    """A card for operands or uses that are not drawn."""
    text = "…" if count == 1 else f"… ×{count:,}"
    words = f"{count:,} {what}{'s' if count > 1 else ''} not drawn"
    return Card(key, "cut", "", "", (Row("", text, True),), (), words, width(text, ROW_SIZE) + 14.0, 22.0)


def called(nodes: Sequence[Value]) -> str:
    """What to call the node or nodes of a card in words."""
    return _names([node.label for node in nodes]) or f"{_what(nodes[0])}"


def _pill(key: str, text: str, finite: bool, words: str, box: str, *, piled: bool = False) -> Card:
    size = (max(30.0, width(text, ROW_SIZE) + 2 * PAD), 26.0)
    return Card(key, "const", "", "", (Row("", text, finite),), (), words, *size, piled, box)


def _names(labels: Sequence[str]) -> str:
    different = [label for label in dict.fromkeys(labels) if label]
    if len(different) < 2:
        return shown(different[0], LABEL_LIMIT) if different else ""
    return f"{shown(different[0], RANGE_LIMIT)} … {shown(different[-1], RANGE_LIMIT)}"


def _symbol(op: str) -> str:
    symbol = RULES[op].symbol
    return op if symbol == op else f"{symbol} {op}"


def _sign(node: Value, is_root: bool) -> str:
    if node.op == "input":
        return "input"
    return f"{_symbol(node.op)} · output" if is_root else _symbol(node.op)


def _what(node: Value) -> str:
    if node.is_leaf:
        return "input" if node.op == "input" else "constant"
    return f"{node.op}: {RULES[node.op].text}"
