"""What a picture shows, in words and sizes: which cards, what is written in each, which edges.

Room: puts a picture together from the nodes of a graph, and changes none. Below: `parts` (which nodes), `groups`,
`fold`, `flow`, `writing` (what is written), `shapes` (of what it is made). Above: `dot`, `layout`, `svg` and the
other forms, which see only the scene and never a node.
Must hold: the scene depends on the graph alone (keys count cards in order, never id or hash).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from minigrad.draw import parts
from minigrad.draw.flow import Flow
from minigrad.draw.fold import Use, fold, port
from minigrad.draw.groups import Groups, grouped
from minigrad.draw.parts import GraphTooLargeError
from minigrad.draw.shapes import (
    HEAD,
    NAME_SIZE,
    PAD,
    PORT_SIZE,
    ROW,
    ROW_SIZE,
    SIGN_SIZE,
    Box,
    Card,
    Edge,
    Row,
    Scene,
    numeral,
    port_strip,
    span,
    width,
)
from minigrad.draw.writing import LABEL_LIMIT, Writer, called, order_matters, stub, symmetric
from minigrad.rules import RULES
from minigrad.text import shown
from minigrad.value import Value, order_of

__all__ = [
    "HEAD", "LABEL_LIMIT", "NAME_SIZE", "PAD", "PORT_SIZE", "ROW", "ROW_SIZE", "SIGN_SIZE", "Box", "Card", "Edge",
    "GraphTooLargeError", "Row", "Scene", "Shown", "numeral", "order_matters", "port_strip", "scene", "width",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of a graph beside its nodes; the options of `draw`.

    collapse  the groups that are shown as one card: their names, or True for all
    """

    direction: str = "LR"
    digits: int = 5
    gradients: bool = True
    partials: bool = False
    flow: str = "forward"
    groups: Groups | bool | None = None
    collapse: Collection[str] | bool = ()
    fold: bool = False
    title: str = ""


class Part(NamedTuple):
    """The nodes of one card, and the group that it is the whole of, if it is."""

    nodes: list[Value]
    group: str = ""


class Slot(NamedTuple):
    """Operands that arrive by one edge: the card they come from (None: not drawn), their number, who takes them."""

    tail: int | None
    number: str
    uses: list[tuple[Value, Use]]


def scene(
    roots: Sequence[Value],
    *,
    max_nodes: int = 200,
    depth: int | None = None,
    focus: Value | None = None,
    marks: Mapping[Value, tuple[str, str]] | None = None,
    show: Shown | None = None,
    **options: object,
) -> Scene:
    """The scene of the graph that `roots` were computed from, or of the part asked for.

    `options` are those of `Shown`, where `show` is not given.
    """
    show = show or Shown(**options)  # type: ignore[arg-type]
    return _Composer(roots, max_nodes, depth, focus, marks or {}, show).scene()


class _Composer:
    """The nodes of a picture, and which card each of them is on."""

    def __init__(
        self,
        roots: Sequence[Value],
        max_nodes: int,
        depth: int | None,
        focus: Value | None,
        marks: Mapping[Value, tuple[str, str]],
        show: Shown,
    ) -> None:
        self.roots, self.marks, self.show = roots, marks, show
        self.order = self._chosen(max_nodes, depth, focus)
        self.group_of = grouped(self.order, show.groups)
        self.collapsed = self._collapsed()
        self.loops = False
        self.chains: dict[Value, int] = {}
        self.uses: dict[Value, list[Use]] = {}
        self.parts = self._parts(max_nodes)
        self.place = {node: i for i, part in enumerate(self.parts) for node in part.nodes}
        self.outside = parts.uses_outside(self.order, roots) if focus is not None else {}
        self.flow = Flow(roots[0]) if show.flow != "forward" else None
        self.partials: dict[Value, tuple[float, ...]] = {}
        graded = show.gradients and (self.flow is not None or any(node.grad != 0 for node in self.order))
        self.writer = Writer(show.digits, show.direction, self.gradient if graded else None)
        self.ungraded = show.gradients and not graded and not marks
        names = dict.fromkeys(self.group_of[node] for node in self.order if node in self.group_of)
        self.boxes = {name: Box(f"g{i}", shown(name, LABEL_LIMIT)) for i, name in enumerate(names)}

    def gradient(self, node: Value) -> float:
        """As it is shown: that of the flow drawn, else what `backward` left."""
        return node.grad if self.flow is None else self.flow.gradient(node)

    # -- which nodes, on which cards ----------------------------------------------------------------------

    def _chosen(self, max_nodes: int, depth: int | None, focus: Value | None) -> list[Value]:
        if self.show.fold or self.show.collapse:
            return order_of(self.roots)
        if focus is None:
            chosen = parts.near(self.roots, depth, max_nodes)
        else:
            chosen = parts.around(self.roots, focus, depth, max_nodes)
        order = parts.ordered(chosen, self.roots if focus is None else (focus, *chosen))
        parts.refuse_many_edges(order, max_nodes)
        return order

    def _collapsed(self) -> set[str]:
        groups, asked = set(self.group_of.values()), self.show.collapse
        if isinstance(asked, bool):
            return groups if asked else set()
        for name in asked:
            if name not in groups:
                known = ", ".join(f'"{shown(group, 40)}"' for group in dict.fromkeys(self.group_of.values()))
                raise ValueError(
                    f'collapse names the group "{shown(str(name), 40)}", but there is only {known}'
                )
        return set(asked)

    def _parts(self, max_nodes: int) -> list[Part]:
        if self.show.fold:
            alone = dict.fromkeys([*self.roots, *(node for node in self.order if node in self.marks)])
            folded = fold(self.order, self.group_of, alone, max_nodes, symmetric)
            self.uses, self.chains, self.loops = folded.uses, folded.chains, folded.loops
            found = [Part(nodes) for nodes in folded.parts]
        else:
            self.uses = {
                node: [Use(operand, node, i) for i, operand in enumerate(node.operands)]
                for node in self.order
            }
            found = [Part([node]) for node in self.order]
        wholes: dict[str, list[Value]] = {}
        for part in found:
            if (group := self.group_of.get(part.nodes[0], "")) in self.collapsed:
                wholes.setdefault(group, []).extend(part.nodes)
        done: set[str] = set()
        result: list[Part] = []
        for part in found:
            group = self.group_of.get(part.nodes[0], "")
            if group not in wholes:
                result.append(part)
            elif group not in done:
                done.add(group)
                result.append(Part(wholes[group], group))
        if len(result) > max_nodes:
            how = "folded, the graph has" if self.show.fold else "with its groups collapsed, the graph has"
            raise GraphTooLargeError(
                f"{how} {len(result):,} cards, more than max_nodes={max_nodes:,}: raise max_nodes, collapse groups, "
                "or fold what repeats (fold=True)"
            )
        return result

    # -- edges --------------------------------------------------------------------------------------------

    def _slots(self, i: int) -> list[Slot]:
        """What arrives at a card, in order."""
        part = self.parts[i]
        if part.group:
            return self._merged(i)
        node = part.nodes[0]
        merging = self.show.fold or any(
            self.parts[self.place[use.operand]].group for use in self.uses[node] if use.operand in self.place
        )
        return self._merged(i) if merging else self._exact(node)

    def _exact(self, node: Value) -> list[Slot]:
        """One for each operand; a run of operands not drawn is one."""
        ordered = len(node.operands) > 1 and order_matters(RULES[node.op])
        slots: list[Slot] = []
        for use in self.uses[node]:
            tail = self.place.get(use.operand)
            number = str(use.position + 1) if ordered else ""
            if tail is None and slots and slots[-1].tail is None:
                first = slots[-1].number.partition("–")[0]
                uses = [*slots[-1].uses, (node, use)]
                slots[-1] = Slot(None, f"{first}–{number}" if ordered else "", uses)
            else:
                slots.append(Slot(tail, number, [(node, use)]))
        return slots

    def _merged(self, i: int) -> list[Slot]:
        """One for each card and port that operands come from; within a group, none."""
        part = self.parts[i]
        found: dict[tuple[int, int], list[tuple[Value, Use]]] = {}
        for node in part.nodes:
            for use in self.uses[node]:
                tail = self.place[use.operand]
                if part.group:
                    if tail != i:
                        found.setdefault((0, tail), []).append((node, use))
                else:
                    found.setdefault((port(use, node, symmetric), tail), []).append((node, use))
        slots = [Slot(tail, self._numbers(uses, part), uses) for (_, tail), uses in found.items()]
        return slots if any(slot.number for slot in slots) else [slot._replace(number="") for slot in slots]

    def _numbers(self, uses: list[tuple[Value, Use]], part: Part) -> str:
        """The places that operands take: "2", or "1–8"."""
        node = uses[0][0]
        if part.group or len(node.operands) < 2 or symmetric(node.op):
            return ""
        places = sorted(use.position + 1 for head, use in uses if head is node)
        if places[-1] - places[0] + 1 != len(places):
            return ""
        return str(places[0]) if len(places) == 1 else f"{places[0]}–{places[-1]}"

    def _edge(self, i: int, place: int, slot: Slot) -> Edge:
        assert slot.tail is not None
        part, tail = self.parts[i], self.parts[slot.tail]
        partial = term = ""
        if tail.nodes[0].op != "const" or tail.group:
            uses = [use for _, use in slot.uses if use.operand.op != "const"]
            if uses and self.show.partials:
                partial = span([self._partial(use) for use in uses], self.show.digits)
            if uses and self.flow is not None:
                term = span([self.flow.term(use.consumer, use.position) for use in uses], self.show.digits)
        times = "" if len(slot.uses) == 1 else _times(slot, len(part.nodes), bool(part.group or tail.group))
        return Edge(f"n{slot.tail}", f"n{i}", place, times=times, partial=partial, term=term)

    def _partial(self, use: Use) -> float:
        if use.consumer not in self.partials:
            self.partials[use.consumer] = use.consumer.partials
        return self.partials[use.consumer][use.position]

    # -- all of it ----------------------------------------------------------------------------------------

    def scene(self) -> Scene:
        """Cards and edges in order."""
        cards: list[Card] = []
        edges: list[Edge] = []
        for i, part in enumerate(self.parts):
            slots = self._slots(i)
            arriving = []
            for place, slot in enumerate(slots):
                if slot.tail is None:
                    cards.append(stub(f"c{len(cards)}", len(slot.uses), "operand"))
                    arriving.append(Edge(cards[-1].key, f"n{i}", place, cut=True))
                else:
                    arriving.append(self._edge(i, place, slot))
            edges += arriving
            cards.append(self._card(i, part, slots, arriving))
            if used := self.outside.get(part.nodes[0]):
                cards.append(stub(f"c{len(cards)}", used, "use"))
                edges.append(Edge(f"n{i}", cards[-1].key, 0, cut=True))
        caption = self._caption(edges)
        title = shown(self.show.title, 200)
        drawn = dict.fromkeys(card.box for card in cards if card.box)
        return Scene(
            tuple(cards), tuple(edges), title, caption, _words(cards, self.roots, title, caption),
            self.show.direction, self.show.flow, tuple(box for box in self.boxes.values() if box.key in drawn),
        )  # fmt: skip

    def _card(self, i: int, part: Part, slots: list[Slot], arriving: list[Edge]) -> Card:
        key, node = f"n{i}", part.nodes[0]
        more = [
            self._told(edge, slot)
            for edge, slot in zip(arriving, slots, strict=True)
            if edge.partial or edge.term
        ]
        if part.group:
            members = [member for member in self.order if self.group_of.get(member) == part.group]
            return self.writer.group(part.group, members, key, more=more)
        ports = tuple(slot.number for slot in slots) if len(slots) > 1 else ("",) * len(slots)
        name = self.group_of.get(node, "")
        box = (self.boxes[name].key, name) if name else ("", "")
        terms = [len(self.uses[member]) for member in part.nodes if member in self.chains]
        if len(part.nodes) > 1:
            return self.writer.pile(part.nodes, key, ports, terms=terms, more=more, box=box)
        return self.writer.card(
            node, key, node in self.roots, ports, self.marks.get(node), terms=sum(terms), more=more, box=box
        )

    def _told(self, edge: Edge, slot: Slot) -> str:
        """An edge in words."""
        assert slot.tail is not None
        tail = self.parts[slot.tail]
        name = shown(tail.group, LABEL_LIMIT) if tail.group else called(tail.nodes)
        said = [f"local derivative {edge.partial}"] if edge.partial else []
        said += [f"sends back {edge.term}"] if edge.term else []
        return f"to {name}: {', '.join(said)}"

    def _caption(self, edges: Sequence[Edge]) -> str:
        notes = []
        strange = sum(
            not (math.isfinite(node.data) and math.isfinite(self.gradient(node))) for node in self.order
        )
        if strange:
            notes.append(f"nan or inf in {strange} node{'s' if strange > 1 else ''} (dashed outline)")
        if self.ungraded:
            notes.append("all gradients are 0: call backward() to see them")
        if self.flow is not None and any(
            node.grad not in (0.0, self.gradient(node)) for node in self.order if node.op != "const"
        ):
            notes.append("gradients of this result alone, not what was added up in .grad")
        if any(edge.partial for edge in edges):
            notes.append("∂ local derivative")
        if any(edge.term for edge in edges):
            back = "←" if self.show.direction == "LR" else "↑"
            of = "gradient × ∂" if self.show.partials else "its terms add up to grad"
            notes.append(f"{back} sent back: {of}")
        if self.show.fold and any(len(part.nodes) > 1 for part in self.parts):
            notes.append(f"{len(self.order):,} nodes, what repeats shown once with × how many")
            if self.loops:
                notes.append("a loop leads from one of them to the next")
        if any(edge.cut for edge in edges):
            notes.append("… is not drawn")
        return " · ".join(notes)


def _times(slot: Slot, heads: int, group: bool) -> str:
    """How many operands one edge stands for: for each node at its head where that is one number."""
    if group:
        return f"× {len(slot.uses):,}"
    each = set(Counter(head for head, _ in slot.uses).values())
    if len(each) == 1 and len(slot.uses) % heads == 0 and len(slot.uses) // heads in each:
        (k,) = each
        return f"× {k:,}" if k > 1 else ""
    return f"{len(slot.uses):,} in all"


def _words(cards: list[Card], roots: Sequence[Value], title: str, caption: str) -> str:
    """The picture in words, for those who do not see it."""
    names = " and ".join(shown(node.label, LABEL_LIMIT) or node.op for node in roots[:3])
    more = f" and {len(roots) - 3} more" if len(roots) > 3 else ""
    count = sum(card.kind != "cut" for card in cards)
    what = "card" if any(card.piled for card in cards) else "node"
    head = [title] if title else []
    head.append(
        f"Computation graph of {names}{more}: {count} {what}{'s' if count > 1 else ''}, operands before results."
    )
    if caption:
        head.append(f"{caption}.")
    return "\n".join([*head, *(card.words.replace("\n", ", ") for card in cards)])
