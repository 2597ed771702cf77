"""`operations`: the table of operations, made from `minigrad.RULES` when the site is built.

Room: the site only. `{operations} 1` shows the operations of one operand, 2 and 3 those of two and three,
`*` those of any number. Must hold: a row of the table appears on the page without a word written here.
"""

from __future__ import annotations

from typing import Any, ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from minigrad.rules import RULES, Rule

ARITIES = {"1": 1, "2": 2, "3": 3, "*": None}


class Operations(SphinxDirective):
    """See the module."""

    required_arguments = 1
    option_spec: ClassVar = {}

    def run(self) -> list[nodes.Node]:
        arity = self.arguments[0]
        if arity not in ARITIES:
            raise self.error(f"operations {arity}: the argument is one of {', '.join(ARITIES)}")
        rules = [rule for rule in RULES.values() if rule.arity == ARITIES[arity]]
        return [table(rules)]


def call(rule: Rule) -> str:
    """How the operation is called: `atan2(y, x)`, `dot(w…, x…)`."""
    return f"{rule.name}({', '.join(letter.replace('*', '…') for letter in rule.operands)})"


def notes(rule: Rule) -> list[str]:
    """What is to be known about a row beyond its formulas."""
    labelled = (("for ", rule.domain), ("at a kink: ", rule.kink), ("source: ", rule.source))
    return [f"{label}{text}" for label, text in labelled if text]


def partials(rule: Rule) -> list[str]:
    """One line for each operand: `∂/∂x = y`."""
    letters = (letter.rstrip("*") for letter in rule.operands)
    return [f"∂/∂{letter} = {text}" for letter, text in zip(letters, rule.partials, strict=True)]


def table(rules: list[Rule]) -> nodes.table:
    """The rows as a table of the page."""
    heads = ("operation", "value", "partial derivatives")
    group = nodes.tgroup(cols=len(heads))
    group += [nodes.colspec(colwidth=width) for width in (2, 3, 5)]
    group += nodes.thead("", _row(*([nodes.paragraph(text=text)] for text in heads)))
    body = nodes.tbody()
    for rule in rules:
        body += _row(
            _codes(call(rule)),
            _codes(rule.text),
            _codes(*partials(rule))
            + [nodes.paragraph(text=text, classes=["minigrad-note"]) for text in notes(rule)],
        )
    group += body
    return nodes.table("", group, classes=["minigrad-operations"])


def _row(*cells: list[nodes.paragraph]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", *cell) for cell in cells))


def _codes(*texts: str) -> list[nodes.paragraph]:
    return [nodes.paragraph("", "", nodes.literal(text, text)) for text in texts]


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("operations", Operations)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
