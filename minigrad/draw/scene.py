"""What a picture shows, in words and sizes: which nodes, what is written in each, which edges.

Room: reads nodes and the table of operations, changes nothing. Below: `graph`, `value`, `rules`, `text`.
Above: `dot`, `layout`, `paint` and `svg`, which see only the scene and never a node.
Must hold: the scene depends on the graph alone (keys count nodes in order, never id or hash); a graph that
is too large is refused before any text is made; labels come in through `text.shown`.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from minigrad.rules import RULES, Rule
from minigrad.text import shown
from minigrad.value import CODES, Value, evaluate, order_of

#: Most characters of a label that a picture shows.
LABEL_LIMIT = 32
#: Most characters of a mark.
MARK_LIMIT = 40
#: An operation may use one operand very often: edges are limited to this many for each node allowed.
EDGES_PER_NODE = 10

NAME_SIZE, SIGN_SIZE, ROW_SIZE, PORT_SIZE = 15.0, 13.0, 13.0, 10.0
HEAD, ROW, PAD, PORT = (
    28.0,
    20.0,
    11.0,
    15.0,
)  # heights of a card's parts; its padding; room for an operand number


class GraphTooLargeError(ValueError):
    """The graph has more nodes (or edges) than a picture may hold; the message says how to draw a part."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a card: a word, a number, whether the number is finite; for a mark its tone: good, bad or open."""

    word: str
    number: str
    finite: bool
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """One node of the picture. `kind` is input, const, operation, output or cut (a stub for what is not drawn)."""

    key: str
    kind: str
    name: str
    sign: str
    rows: tuple[Row, ...]
    ports: tuple[str, ...]  # the number of each operand, "" where their order does not matter
    words: str  # the whole of it in words, with all digits
    width: float
    height: float

    @property
    def numbered(self) -> bool:
        """Whether the operands carry numbers."""
        return any(self.ports)

    @property
    def alarming(self) -> bool:
        """Whether it holds nan or inf, or is marked as bad."""
        return any(row.tone == "bad" or not row.finite for row in self.rows)


@dataclass(frozen=True, slots=True)
class Edge:
    """From a result to the operation that uses it; `port` is the operand's place, from 0."""

    tail: str
    head: str
    port: int
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture before it is laid out."""

    cards: tuple[Card, ...]
    edges: tuple[Edge, ...]
    title: str
    caption: str
    words: str
    direction: str


def scene(
    roots: Sequence[Value],
    *,
    direction: str,
    max_nodes: int,
    depth: int | None,
    focus: Value | None,
    digits: int,
    gradients: bool,
    title: str,
    marks: Mapping[Value, tuple[str, str]],
) -> Scene:
    """The scene of the graph that `roots` were computed from, or of the part asked for."""
    chosen = _near(roots, depth, max_nodes) if focus is None else _around(roots, focus, depth, max_nodes)
    order = _ordered(chosen, roots if focus is None else (focus, *chosen))
    _refuse_many_edges(order, max_nodes)
    used = _uses_outside(order, roots) if focus is not None else {}
    graded = gradients and any(node.grad != 0 for node in order)
    keys = {node: f"n{i}" for i, node in enumerate(order)}
    cards: list[Card] = []
    edges: list[Edge] = []
    for node in order:
        entries = _entries(node, keys)
        for place, (operand, _, count) in enumerate(entries):
            if operand is None:
                stub = _stub(f"c{len(cards)}", count, "operand")
                cards.append(stub)
                edges.append(Edge(stub.key, keys[node], place, cut=True))
            else:
                edges.append(Edge(keys[operand], keys[node], place))
        ports = tuple(number for _, number, _ in entries) if len(entries) > 1 else ("",) * len(entries)
        mark = marks.get(node)
        cards.append(_card(node, keys[node], node in roots, ports, digits, graded, direction, mark))
        if used.get(node):
            stub = _stub(f"c{len(cards)}", used[node], "use")
            cards.append(stub)
            edges.append(Edge(keys[node], stub.key, 0, cut=True))
    cut = any(edge.cut for edge in edges)
    caption = _caption(order, gradients and not graded and not marks, cut)
    head = shown(title, 200)
    return Scene(tuple(cards), tuple(edges), head, caption, _words(cards, roots, head, caption), direction)


# -- which nodes --------------------------------------------------------------------------------------------


def _near(roots: Sequence[Value], depth: int | None, limit: int) -> set[Value]:
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
        f"{what} max_nodes={limit:,}: draw a part ({part}focus=node what lies around a node), or raise max_nodes"
    )


def _around(roots: Sequence[Value], focus: Value, depth: int | None, limit: int) -> set[Value]:
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


def _ordered(chosen: set[Value], starts: Iterable[Value]) -> list[Value]:
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


def _uses_outside(order: list[Value], roots: Sequence[Value]) -> dict[Value, int]:
    """How often each drawn node is used by nodes that are not drawn."""
    drawn = set(order)
    uses = dict.fromkeys(order, 0)
    for node in order_of(roots):
        if node not in drawn:
            for operand in node.operands:
                if operand in drawn:
                    uses[operand] += 1
    return uses


def _refuse_many_edges(order: list[Value], max_nodes: int) -> None:
    edges = sum(len(node.operands) for node in order)
    if edges > max_nodes * EDGES_PER_NODE:
        raise GraphTooLargeError(
            f"the {len(order):,} nodes to be drawn have {edges:,} operands, "
            f"more than {EDGES_PER_NODE} for each of max_nodes={max_nodes:,}: raise max_nodes, or draw a part (depth=1)"
        )


# -- what is written ----------------------------------------------------------------------------------------


def _entries(node: Value, drawn: dict[Value, str]) -> list[tuple[Value | None, str, int]]:
    """The operands in order, as (node or None, number, count); a run of operands not drawn is one entry."""
    ordered = len(node.operands) > 1 and order_matters(RULES[node.op])
    entries: list[tuple[Value | None, str, int]] = []
    for place, operand in enumerate(node.operands, start=1):
        number = str(place) if ordered else ""
        if operand in drawn:
            entries.append((operand, number, 1))
        elif entries and entries[-1][0] is None:
            _, first, count = entries[-1]
            entries[-1] = (None, f"{first.partition('–')[0]}–{place}" if ordered else "", count + 1)
        else:
            entries.append((None, number, 1))
    return entries


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


def _card(
    node: Value,
    key: str,
    is_root: bool,
    ports: tuple[str, ...],
    digits: int,
    graded: bool,
    direction: str,
    mark: tuple[str, str] | None,
) -> Card:
    kind = node.op if node.is_leaf else "output" if is_root else "operation"
    name = shown(node.label, LABEL_LIMIT)
    rows = [Row("value", numeral(node.data, digits), math.isfinite(node.data))]
    if graded and node.op != "const":
        rows.append(Row("grad", numeral(node.grad, digits), math.isfinite(node.grad)))
    words = _node_words(node, graded)
    if mark is not None:
        rows.append(Row(shown(mark[1], MARK_LIMIT), "", True, mark[0]))
        words += f"\n{shown(mark[1], 200)}"
    if kind == "const":
        number = rows[0].number
        text = f"{name} = {number}" if name else number
        size = (max(30.0, width(text, ROW_SIZE) + 2 * PAD), 26.0)
        finite = (Row("", text, rows[0].finite),)
        return Card(key, kind, "", "", finite, (), words, *size)
    sign = _sign(node, is_root)
    head = width(name, NAME_SIZE, bold=True) + width(sign, SIGN_SIZE) + (14.0 if name else 0.0)
    body = max(width(row.word, ROW_SIZE) + 12.0 + width(row.number, ROW_SIZE) for row in rows)
    size_x = max(head, body, 68.0) + 2 * PAD
    size_y = HEAD + ROW * len(rows) + 8.0
    if direction == "LR":
        size_x += port_strip(ports)
        size_y = max(size_y, 17.0 * len(ports))
    else:
        size_y += port_strip(ports)
        size_x = max(size_x, 22.0 * len(ports))
    return Card(key, kind, name, sign, tuple(rows), ports, words, size_x, size_y)


def port_strip(ports: tuple[str, ...]) -> float:
    """Room along the edge at which operands arrive, for their numbers."""
    return max(PORT, 4.0 + max(width(port, PORT_SIZE) for port in ports)) if any(ports) else 0.0


def _sign(node: Value, is_root: bool) -> str:
    if node.op == "input":
        return "input"
    symbol = RULES[node.op].symbol
    sign = node.op if symbol == node.op else f"{symbol} {node.op}"
    return f"{sign} · output" if is_root else sign


def _stub(key: str, count: int, what: str) -> Card:
    text = "…" if count == 1 else f"… ×{count:,}"
    words = f"{count:,} {what}{'s' if count > 1 else ''} not drawn"
    return Card(key, "cut", "", "", (Row("", text, True),), (), words, width(text, ROW_SIZE) + 14.0, 22.0)


def numeral(number: float, digits: int) -> str:
    """A number as a picture shows it: `digits` significant digits, a real minus sign.

    >>> numeral(-0.000012345, 3), numeral(float("-inf"), 3)
    ('−1.23e−5', '−inf')
    """
    mantissa, e, exponent = f"{number:.{digits}g}".partition("e")
    return (mantissa + (f"e{int(exponent)}" if e else "")).replace("-", "−")


def _node_words(node: Value, graded: bool) -> str:
    name = shown(node.label, 200)
    if node.is_leaf:
        what = "input" if node.op == "input" else "constant"
    else:
        what = f"{node.op}: {RULES[node.op].text}"
    lines = [f"{name} ({what})" if name else what, f"value {node.data!r}"]
    if graded and node.op != "const":
        lines.append(f"grad {node.grad!r}")
    return "\n".join(lines)


def _caption(order: list[Value], ungraded: bool, cut: bool) -> str:
    notes = []
    strange = sum(not (math.isfinite(node.data) and math.isfinite(node.grad)) for node in order)
    if strange:
        notes.append(f"nan or inf in {strange} node{'s' if strange > 1 else ''} (dashed outline)")
    if ungraded:
        notes.append("all gradients are 0: call backward() to see them")
    if cut:
        notes.append("… is not drawn")
    return " · ".join(notes)


def _words(cards: list[Card], roots: Sequence[Value], title: str, caption: str) -> str:
    """The picture in words, for those who do not see it."""
    names = " and ".join(shown(node.label, LABEL_LIMIT) or node.op for node in roots[:3])
    more = f" and {len(roots) - 3} more" if len(roots) > 3 else ""
    count = sum(card.kind != "cut" for card in cards)
    head = [title] if title else []
    head.append(
        f"Computation graph of {names}{more}: {count} node{'s' if count > 1 else ''}, operands before results."
    )
    if caption:
        head.append(f"{caption}.")
    return "\n".join([*head, *(card.words.replace("\n", ", ") for card in cards)])


# -- sizes --------------------------------------------------------------------------------------------------

# Advance widths in em, on the wide side of the common sans-serif faces, so that text fits its card in any.
_NARROW = dict.fromkeys(" .,:;'|!ijlI[]()·", 0.37) | dict.fromkeys('frt-/\\"`*°', 0.47)
_WIDE = dict.fromkeys("mwMW@%&", 0.97) | dict.fromkeys("+=<>~−×÷∂σΣ≤√…", 0.8)
_ADVANCES = {**_NARROW, **_WIDE}


def width(text: str, size: float, *, bold: bool = False) -> float:
    """Estimated width of a text in a sans-serif face of this size: no font is read, so it is the same everywhere."""
    return sum(map(_advance, text)) * size * (1.08 if bold else 1.0)


def _advance(character: str) -> float:
    if character in _ADVANCES:
        return _ADVANCES[character]
    if character < "\u0300":
        return 0.74 if character.isupper() else 0.62
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0.0
    return 1.1 if unicodedata.east_asian_width(character) in "WF" or ord(character) > 0xFFFF else 0.8
