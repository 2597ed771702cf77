"""An explanation: paragraphs, equations with their reasons, tables; and the forms in which it can be had.

Room: data, and the object that users hold. Below: `maths`. Above: `forms`, which writes it, and all who explain.
Must hold: the same explanation gives the same bytes; every form says the same.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from minigrad.explaining.maths import Math
from minigrad.files import write_text
from minigrad.text import shown

#: What stands in a line of prose: words and formulas.
Line = Sequence[str | Math]


class ExplainError(ValueError):
    """What was asked for cannot be told; the message says why and what to do."""


class Heading(NamedTuple):
    """The title (level 1) or the heading of a part (level 2)."""

    line: Line
    level: int = 2


class Say(NamedTuple):
    """A paragraph."""

    line: Line


class Items(NamedTuple):
    """A list."""

    lines: Sequence[Line]


class Row(NamedTuple):
    """One line of equations: what is equal to what, and why. Without a left side it goes on from the line before."""

    left: Math | None
    right: Math
    reason: str = ""

    @property
    def text(self) -> str:
        """The equation as text, with its reason."""
        from minigrad.explaining import typeset

        left = "" if self.left is None else f"{typeset.text(self.left)} "
        return f"{left}= {typeset.text(self.right)}" + (f"    ({self.reason})" if self.reason else "")


class Chain(NamedTuple):
    """Equations under each other."""

    rows: Sequence[Row]


class Table(NamedTuple):
    """Columns: the first to the left, numbers to the right."""

    head: Sequence[str]
    rows: Sequence[Sequence[str | Math]]


Block = Heading | Say | Items | Chain | Table


class Explanation:
    """Something told: print it, or take it in another form.

    title      the title, as text
    text       for a terminal of 80 columns; `str` gives the same, `to_text(width)` another width
    markdown   with formulas between dollar signs
    latex      a piece of LaTeX; needs the package amsmath
    document   the same as a document that compiles as it is
    mathml     a piece of HTML with formulas in MathML
    page       the same as a page of its own
    equations  every equation in it, as a tuple of `Row`

    In a notebook it shows itself.
    """

    def __init__(self, blocks: Sequence[Block], *, reason: str = "") -> None:
        self.blocks = tuple(blocks)
        self.reason = reason

    @property
    def title(self) -> str:
        """The title, as text."""
        from minigrad.explaining.forms import line_text

        heads = [block for block in self.blocks if isinstance(block, Heading)]
        return line_text(heads[0].line) if heads else ""

    @property
    def equations(self) -> tuple[Row, ...]:
        """Every equation, in order, each with a left side."""
        found: list[Row] = []
        for block in self.blocks:
            left: Math | None = None
            for row in block.rows if isinstance(block, Chain) else ():
                left = row.left or left
                found.append(Row(left, row.right, row.reason))
        return tuple(found)

    def to_text(self, width: int = 80) -> str:
        """As text, lines no longer than `width` where a formula lets itself be broken."""
        from minigrad.explaining.forms import text

        return text(self.blocks, width)

    @cached_property
    def text(self) -> str:
        """As text for a terminal of 80 columns."""
        return self.to_text()

    @cached_property
    def markdown(self) -> str:
        """As Markdown."""
        from minigrad.explaining.forms import markdown

        return markdown(self.blocks)

    @cached_property
    def latex(self) -> str:
        """As a piece of LaTeX."""
        from minigrad.explaining.forms import latex

        return latex(self.blocks)

    @cached_property
    def document(self) -> str:
        """As a LaTeX document."""
        from minigrad.explaining.forms import document

        return document(self.blocks)

    @cached_property
    def mathml(self) -> str:
        """As a piece of HTML."""
        from minigrad.explaining.forms import mathml

        return mathml(self.blocks)

    @cached_property
    def page(self) -> str:
        """As an HTML page."""
        from minigrad.explaining.forms import page

        return page(self.blocks)

    def as_format(self, name: str | None, path: str = "-", width: int = 80) -> str:
        """As a command prints it: "text", "markdown", "latex" (a document), "mathml" (a page), or by the path's ending.

        Raises ExplainError (a ValueError) for an ending that says nothing.
        """
        form = {"text": "text", "markdown": "markdown", "latex": "document", "mathml": "page"}.get(name or "")
        if form is None:
            form = "text" if path == "-" else _form_of(path)
        return self.to_text(width) if form == "text" else str(getattr(self, form))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it, whole or not at all; the ending of the name says as what. Returns the path.

        .txt text, .md Markdown, .tex a LaTeX document, .html a page

        Raises ExplainError (a ValueError) for another ending, and CannotWriteError (an OSError).
        """
        return write_text(path, str(getattr(self, _form_of(path))))

    def __str__(self) -> str:
        return self.text.rstrip("\n")

    def __repr__(self) -> str:
        return f"<Explanation: {self.title}>"

    def _repr_html_(self) -> str:
        from minigrad.explaining.forms import STYLE

        return f"<style>{STYLE}</style>{self.mathml}"

    def _repr_markdown_(self) -> str:
        return self.markdown


#: Ending of a file's name -> the form it is written in.
_FORMS = {".txt": "text", ".md": "markdown", ".tex": "document", ".html": "page"}


def _form_of(path: str | os.PathLike[str]) -> str:
    form = _FORMS.get(Path(os.fspath(path)).suffix.lower())
    if form is None:
        raise ExplainError(
            f"an explanation is saved as .txt, .md, .tex or .html: {shown(str(path), 200)!r} ends in none of them"
        )
    return form
