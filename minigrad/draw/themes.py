"""Colours of the pictures.

Room: data only. Colour is never the only sign: kinds of node differ in shape and in words as well, what flows back
is dotted and has hollow arrows. "print" is black on white with two greys, for paper and for copies of it.
Must hold: every text has a contrast of at least 4.5 to what lies behind it (WCAG 2.2, 1.4.3), every outline
and edge at least 3 (1.4.11); the tests compute both.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """Colours of one kind of node: its head (with the name in it), the name, the outline."""

    head: str
    ink: str
    line: str


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of a picture."""

    background: str
    card: str  # behind value and gradient
    ink: str  # title and values
    quiet: str  # the words "value" and "grad", the caption
    grad: str
    alarm: str  # nan and inf, and marks of what is wrong
    good: str  # marks of what is right
    edge: str
    kinds: dict[str, Kind]

    def tone(self, tone: str) -> str:
        """The colour of a mark: good, bad or open."""
        return {"good": self.good, "bad": self.alarm, "open": self.quiet}[tone]


THEMES = {
    "light": Theme(
        background="#ffffff",
        card="#ffffff",
        ink="#14181f",
        quiet="#515b69",
        grad="#a0185a",
        alarm="#b42318",
        good="#1c6b3f",
        edge="#5a6675",
        kinds={
            "input": Kind(head="#d8f0e0", ink="#0d4429", line="#2f855a"),
            "const": Kind(head="#eef0f3", ink="#2d3541", line="#7a8494"),
            "operation": Kind(head="#dbe8fd", ink="#17356f", line="#3f6fd1"),
            "output": Kind(head="#7a3a0b", ink="#ffffff", line="#7a3a0b"),
            "group": Kind(head="#ece4fb", ink="#432a7c", line="#7a5bc7"),
            "cut": Kind(head="#ffffff", ink="#515b69", line="#7a8494"),
        },
    ),
    "print": Theme(
        background="#ffffff",
        card="#ffffff",
        ink="#000000",
        quiet="#333333",
        grad="#000000",
        alarm="#000000",
        good="#000000",
        edge="#000000",
        kinds={
            "input": Kind(head="#ffffff", ink="#000000", line="#000000"),
            "const": Kind(head="#ffffff", ink="#000000", line="#000000"),
            "operation": Kind(head="#e4e4e4", ink="#000000", line="#000000"),
            "output": Kind(head="#000000", ink="#ffffff", line="#000000"),
            "group": Kind(head="#c9c9c9", ink="#000000", line="#000000"),
            "cut": Kind(head="#ffffff", ink="#333333", line="#000000"),
        },
    ),
    "dark": Theme(
        background="#14171c",
        card="#1d2229",
        ink="#f1f4f8",
        quiet="#aab4c2",
        grad="#ff9ecb",
        alarm="#ff9a8f",
        good="#7fdba8",
        edge="#95a1b1",
        kinds={
            "input": Kind(head="#173d2a", ink="#c5f2d5", line="#4fb37e"),
            "const": Kind(head="#2a303a", ink="#dde3eb", line="#8a95a5"),
            "operation": Kind(head="#1d3460", ink="#d5e4ff", line="#6f9bf0"),
            "output": Kind(head="#ffc48a", ink="#3a1a00", line="#ffc48a"),
            "group": Kind(head="#382a5c", ink="#e2d6ff", line="#a48be6"),
            "cut": Kind(head="#14171c", ink="#aab4c2", line="#8a95a5"),
        },
    ),
}
