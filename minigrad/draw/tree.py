"""A scene as text for a terminal: the result at the top, under each node the operands it was computed from.

Room: lines and branches. Below: `shapes`, `text`. Above: `Drawing.text`.
Must hold: a card is written out once and referred to by its number afterwards; no recursion; a label stays on its
line and is the text it is; with `ascii` every character is ASCII.
"""

from __future__ import annotations

from typing import NamedTuple

from minigrad.draw.shapes import Card, Edge, Scene
from minigrad.text import isolated


class _Branches(NamedTuple):
    more: str
    last: str
    pass_by: str
    nothing: str


_UNICODE = _Branches("├─ ", "└─ ", "│  ", "   ")
_ASCII = _Branches("|- ", "`- ", "|  ", "   ")

#: Signs of ours in ASCII; other characters that are not become \\uXXXX.
_PLAIN = str.maketrans(
    {
        "−": "-",
        "×": "*",
        "÷": "/",
        "·": ".",
        "…": "...",
        "–": "-",
        "∂": "d",
        "←": "<-",
        "↑": "<-",
        "σ": "sigma",
        "Σ": "sum",
        "√": "sqrt",
        "≤": "<=",
        "∘": " o ",
        "✓": "ok",
        "✗": "x",
        "⟨": "<",
        "⟩": ">",
        "\N{NO-BREAK SPACE}": " ",
    }
)


def tree(scene: Scene, *, ascii: bool = False) -> str:
    """The scene as lines of text."""
    branches = _ASCII if ascii else _UNICODE
    cards = {card.key: card for card in scene.cards}
    arriving: dict[str, list[Edge]] = {}
    for arrow in scene.edges:
        arriving.setdefault(arrow.head, []).append(arrow)
    boxes = {box.key: box.name for box in scene.boxes}
    numbers = _numbers(scene)
    lines = [line for line in (scene.title, scene.caption) if line]
    written: set[str] = set()
    heads = {edge.tail for edge in scene.edges if edge.tail != edge.head}
    starts = [card.key for card in scene.cards if card.kind == "output" or card.key not in heads]
    starts = list(
        dict.fromkeys([*starts, *(card.key for card in scene.cards)])
    )  # the rest: rings that nothing ends
    for start in starts:
        if start in written:
            continue
        waiting: list[tuple[str, str, str, Edge | None]] = [(start, "", "", None)]
        while waiting:
            key, before, below, edge = waiting.pop()
            again = key in written
            written.add(key)
            lines.append(before + _line(cards[key], edge, numbers.get(key, 0), again, boxes, scene.back))
            operands = [] if again else arriving.get(key, [])
            for i, operand in reversed(list(enumerate(operands))):
                last = i == len(operands) - 1
                bend, beside = (
                    (branches.last, branches.nothing) if last else (branches.more, branches.pass_by)
                )
                waiting.append((operand.tail, below + bend, below + beside, operand))
    text = "\n".join([*(line.rstrip() for line in lines), ""])
    return _in_ascii(text) if ascii else text


def _numbers(scene: Scene) -> dict[str, int]:
    """A number for each card that is used more than once, in order."""
    uses: dict[str, int] = {}
    for edge in scene.edges:
        uses[edge.tail] = uses.get(edge.tail, 0) + 1
    kinds = {card.key: card.kind for card in scene.cards}
    shared = [
        card.key
        for card in scene.cards
        if uses.get(card.key, 0) > 1 and kinds[card.key] not in ("const", "cut")
    ]
    return {key: i for i, key in enumerate(shared, start=1)}


def _line(card: Card, edge: Edge | None, number: int, again: bool, boxes: dict[str, str], back: str) -> str:
    reference = f"({number})" if number else ""
    parts = [reference, isolated(card.name), card.sign]
    if again and card.kind not in ("const", "cut"):
        parts = [isolated(card.name) or card.sign, f"see {reference}"]
    else:
        parts += [f"{row.word} {isolated(row.number)}".strip() for row in card.rows]
        parts += [f"[{isolated(boxes[card.box])}]"] if card.box in boxes else []
    if edge is not None:
        said = ", ".join(text for _, text in edge.lines(back))
        parts += [f"({said})"] if said else []
    return "  ".join(part for part in parts if part)


def _in_ascii(text: str) -> str:
    return text.translate(_PLAIN).encode("ascii", "backslashreplace").decode("ascii")
