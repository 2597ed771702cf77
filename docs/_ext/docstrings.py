"""The project's docstrings as pages show them.

Room: the site only. A paragraph of lines such as `step    learning rate, > 0` becomes a list of terms, an
indented one a block of text as it stands. What a module says to those who change it (its room) is left out,
and so are fields of a class, which its docstring explains, and the methods that every operation gives to
Value, which stand in the table of operations.
"""

from __future__ import annotations

import re
from types import MemberDescriptorType
from typing import Any

from sphinx.application import Sphinx

import minigrad
from minigrad import functions

#: How a paragraph begins that is for readers of the source.
INTERNAL = ("Room:", "Must hold:", "Below:", "Above:")

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


def as_shown(paragraph: list[str]) -> list[str]:
    """A paragraph in the markup that gives its text: |z| is no substitution, an indented line no quote."""
    if paragraph and paragraph[0].startswith("    "):
        return ["::", "", *paragraph]
    if paragraph and paragraph[0].startswith(">>>"):
        return paragraph
    plain = [re.sub(r"`[^`]*`|[|*]", lambda m: "\\" * (len(m[0]) == 1) + m[0], line) for line in paragraph]
    return as_terms(plain)


def show_terms(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Called for each docstring: changes `lines`."""
    paragraphs: list[list[str]] = [[]]
    for line in lines:
        if line:
            paragraphs[-1].append(line)
        else:
            paragraphs.append([])
    shown = [p for p in paragraphs if not (what == "module" and p and p[0].startswith(INTERNAL))]
    lines[:] = [line for paragraph in shown for line in [*as_shown(paragraph), ""]]


def leave_out(app: Sphinx, what: str, name: str, obj: object, skip: bool, options: object) -> bool | None:
    """Called for each member: True leaves it out, None decides nothing."""
    member = name.rpartition(".")[2]
    if isinstance(obj, MemberDescriptorType) or str(obj.__doc__).startswith("Alias for field number"):
        return True  # a field; what it is stands in the docstring of the class
    if getattr(minigrad.Value, member, None) is obj and getattr(obj, "__module__", "") == functions.__name__:
        return True
    return None


def short_signature(
    app: Sphinx, what: str, name: str, obj: object, options: object, signature: str | None, result: str | None
) -> tuple[str | None, str | None]:
    """Called for each signature: an alias (autodoc_type_aliases) by its name, wherever it stands."""
    short = re.compile(r"TypeAliasForwardRef\('(\w+)'\)")
    return signature and short.sub(r"\1", signature), result and short.sub(r"\1", result)


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", show_terms)
    app.connect("autodoc-process-signature", short_signature)
    app.connect("autodoc-skip-member", leave_out)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
