"""What a picture is made of before it is laid out: cards, edges, boxes, and how wide a text is.

Room: data and sizes; reads no node. Below: nothing of ours. Above: everything else in `draw`.
Must hold: no font is read, so that sizes are the same everywhere.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

NAME_SIZE, SIGN_SIZE, ROW_SIZE, PORT_SIZE, EDGE_SIZE = 15.0, 13.0, 13.0, 10.0, 11.0
HEAD, ROW, PAD, PORT = (
    28.0,
    20.0,
    11.0,
    15.0,
)  # heights of a card's parts; its padding; room for an operand number


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a card: a word, a number, whether the number is finite; for a mark its tone: good, bad or open."""

    word: str
    number: str
    finite: bool
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """One node of the picture, or several that are shown as one.

    kind    input, const, operation, output, group (a part shown as one card) or cut (a stub for what is not drawn)
    ports   the number of each operand, "" where their order does not matter
    words   the whole of it in words, with all digits
    piled   whether it stands for several nodes
    box     the key of the box it lies in, or ""
    """

    key: str
    kind: str
    name: str
    sign: str
    rows: tuple[Row, ...]
    ports: tuple[str, ...]
    words: str
    width: float
    height: float
    piled: bool = False
    box: str = ""

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
    """From a result to the operation that uses it.

    port     the operand's place, from 0
    cut      whether its tail or its head is not drawn
    times    "× 8" where one arrow stands for several
    partial  the local derivative, or "" where it is not shown
    term     what is sent back along it, or "" where that is not shown or nothing is sent
    """

    tail: str
    head: str
    port: int
    cut: bool = False
    times: str = ""
    partial: str = ""
    term: str = ""

    def lines(self, back: str) -> tuple[tuple[str, str], ...]:
        """What is written on it, as pairs of a tone (times, partial, term) and a text; `back` is the arrow back."""
        lines = []
        if self.times:
            lines.append(("times", self.times))
        if self.partial:
            lines.append(("partial", f"∂ {self.partial}"))
        if self.term:
            lines.append(("term", f"{back} {self.term}"))
        return tuple(lines)


@dataclass(frozen=True, slots=True)
class Box:
    """A frame around some cards, with a name."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture before it is laid out. `flow` is forward, backward or both."""

    cards: tuple[Card, ...]
    edges: tuple[Edge, ...]
    title: str
    caption: str
    words: str
    direction: str
    flow: str = "forward"
    boxes: tuple[Box, ...] = ()

    @property
    def back(self) -> str:
        """The arrow against the direction of the picture."""
        return "←" if self.direction == "LR" else "↑"


def numeral(number: float, digits: int) -> str:
    """A number as a picture shows it: `digits` significant digits, a real minus sign.

    >>> numeral(-0.000012345, 3), numeral(float("-inf"), 3)
    ('−1.23e−5', '−inf')
    """
    mantissa, e, exponent = f"{number:.{digits}g}".partition("e")
    return (mantissa + (f"e{int(exponent)}" if e else "")).replace("-", "−")


def span(numbers: Collection[float], digits: int) -> str:
    """Several numbers as one text: the smallest and the largest, with two digits fewer; nan is said.

    >>> span([0.5, -1.0, 2 / 3], 4), span([2 / 3, 2 / 3], 4), span([1.0, float("nan")], 4)
    ('−1 … 0.67', '0.6667', '1, nan')
    """
    known = [number for number in numbers if not math.isnan(number)]
    if not known:
        return "nan"
    low, high = min(known), max(known)
    text = numeral(low, digits)
    if low != high:
        fewer = max(2, digits - 2)
        text = " … ".join(dict.fromkeys((numeral(low, fewer), numeral(high, fewer))))
    return text if len(known) == len(numbers) else f"{text}, nan"


def port_strip(ports: tuple[str, ...]) -> float:
    """Room along the edge at which operands arrive, for their numbers."""
    return max(PORT, 4.0 + max(width(port, PORT_SIZE) for port in ports)) if any(ports) else 0.0


# -- width of a text ----------------------------------------------------------------------------------------

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
