"""`rewrites`: the table of identities, made from `minigrad.rewrites` when the site is built.

Room: the site only. `{rewrites} stabilise` shows the rows of that kind, `simplify` and `closed` the others.
Must hold: a row of the table appears on the page without a word written here.
"""

from __future__ import annotations

from typing import Any, ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from minigrad.rewrites import CLOSED, REWRITES, SIMPLIFY, STABILISE, Rewrite

KINDS = {"stabilise": STABILISE, "simplify": SIMPLIFY, "closed": CLOSED}


class Rewrites(SphinxDirective):
    """See the module."""

    required_arguments = 1
    option_spec: ClassVar = {}

    def run(self) -> list[nodes.Node]:
        kind = self.arguments[0]
        if kind not in KINDS:
            raise self.error(f"rewrites {kind}: the argument is one of {', '.join(KINDS)}")
        return [table([row for row in REWRITES.values() if row.kind == KINDS[kind]])]


def table(rows: list[Rewrite]) -> nodes.table:
    """The rows as a table of the page."""
    heads = ("pattern", "becomes", "where", "name")
    group = nodes.tgroup(cols=len(heads))
    group += [nodes.colspec(colwidth=width) for width in (4, 3, 2, 3)]
    group += nodes.thead("", _row(*(nodes.paragraph(text=text) for text in heads)))
    body = nodes.tbody()
    for row in rows:
        name = f"{row.name} (programs only)" if row.computed else row.name
        condition = _code(row.where) if row.where else nodes.paragraph()
        body += _row(_code(row.pattern), _code(row.replacement), condition, nodes.paragraph(text=name))
    group += body
    return nodes.table("", group, classes=["minigrad-operations"])


def _row(*cells: nodes.paragraph) -> nodes.row:
    return nodes.row("", *(nodes.entry("", cell) for cell in cells))


def _code(text: str) -> nodes.paragraph:
    return nodes.paragraph("", "", nodes.literal(text, text))


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("rewrites", Rewrites)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
