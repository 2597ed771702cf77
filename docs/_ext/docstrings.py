"""The project's docstrings as pages show them.

Room: the site only. A paragraph of lines such as `step    learning rate, > 0` becomes a list of terms; and
the methods that every operation gives to Value stand in the table of operations alone.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

import minigrad
from minigrad import functions

TERM = re.compile(r"(?P<term>\S+(?:,? \S+)*?) {2,}(?P<text>\S.*)")


def as_terms(paragraph: list[str]) -> list[str]:
    """A paragraph of `name  what it is` lines as a definition list; any other as it is."""
    if not paragraph or paragraph[0].startswith((" ", ">>>")) or TERM.fullmatch(paragraph[0]) is None:
        return paragraph
    lines = []
    for line in paragraph:
        if found := TERM.fullmatch(line):
            lines += [f"``{found['term']}``", f"    {found['text']}"]
        else:
            lines.append(f"    {line.strip()}")
    return lines


def show_terms(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Called for each docstring: changes `lines`."""
    paragraphs: list[list[str]] = [[]]
    for line in lines:
        if line:
            paragraphs[-1].append(line)
        else:
            paragraphs.append([])
    lines[:] = [line for paragraph in paragraphs for line in [*as_terms(paragraph), ""]]


def leave_out(app: Sphinx, what: str, name: str, obj: object, skip: bool, options: object) -> bool | None:
    """Called for each member: True leaves it out, None decides nothing."""
    member = name.rpartition(".")[2]
    if getattr(minigrad.Value, member, None) is obj and getattr(obj, "__module__", "") == functions.__name__:
        return True
    return None


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", show_terms)
    app.connect("autodoc-skip-member", leave_out)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
