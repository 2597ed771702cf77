"""A row's own text, evaluated in an arithmetic that has only some of the operations by name.

Room: reads `rules` through `templates`; knows no kind of number. Above: `arithmetic` (complex numbers), `exact`.
Must hold: it recurses over the text of a row, never over a graph; a row that is only a name, and that the arithmetic
has not, ends in NoFormError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

from minigrad.rules import COMPUTED, RULES
from minigrad.templates import Template, template

#: An operation of the table on operands.
Apply: TypeAlias = Callable[[str, list[Any]], Any]


class NoFormError(ArithmeticError):
    """An operation has no form in this arithmetic; `op` is its name."""

    def __init__(self, op: str) -> None:
        super().__init__(f"{op} has no form in this arithmetic")
        self.op = op


def by_text(
    op: str,
    operands: Sequence[Any],
    apply: Apply,
    constant: Callable[[float], Any],
    other: Mapping[str, str] = {},
) -> Any:
    """An operation from what its row says it means.

    apply     how the operations in the text are computed
    constant  a number of the text in this arithmetic
    other     texts to use in the place of the rows'

    >>> from math import exp
    >>> named = {"exp": exp, "neg": lambda x: -x, "add": lambda x, y: x + y, "div": lambda x, y: x / y}
    >>> by_text("sigmoid", [0.0], lambda op, x: named[op](*x), float)
    0.5
    """
    form, letters = _read(op, other.get(op, ""))
    return _value(form, _bound(letters, operands, constant, op, apply), apply, constant)


@cache
def _read(op: str, text: str) -> tuple[Template, tuple[str, ...]]:
    """The text of a row as a tree, and its letters."""
    row = RULES[op] if op in RULES else COMPUTED[op]
    form = template(text or _text(op), row.operands)
    if form.op == op:
        raise NoFormError(op)
    return form, row.operands


def _text(op: str) -> str:
    try:
        text = RULES[op].text if op in RULES else COMPUTED[op].textbook
        template(text, RULES[op].operands if op in RULES else ())
    except ValueError:  # beyond the grammar of the tables: log(abs(gamma(x)))
        raise NoFormError(op) from None
    return text


def _bound(
    letters: tuple[str, ...], operands: Sequence[Any], constant: Callable[[float], Any], op: str, apply: Apply
) -> dict[str, Any]:
    if op in COMPUTED:
        out = apply(COMPUTED[op].rule.name, list(operands))
        return {**dict(zip(letters, operands, strict=True)), "out": out}
    if RULES[op].arity is not None:
        return dict(zip(letters, operands, strict=True))
    size = len(operands) // len(letters)
    groups = {letter: list(operands[k * size : (k + 1) * size]) for k, letter in enumerate(letters)}
    return {**groups, "n": constant(float(size))}


def _value(form: Template, letters: Mapping[str, Any], apply: Apply, constant: Callable[[float], Any]) -> Any:
    """A tree with its letters bound; what is done to a group of operands is done to each of them."""
    if form.op == "letter":
        return letters[form.name]
    if form.op == "const":
        return constant(form.number)
    parts = [_value(part, letters, apply, constant) for part in form.parts]
    if RULES[form.op].arity is None if form.op in RULES else False:
        return apply(form.op, [x for part in parts for x in (part if isinstance(part, list) else [part])])
    size = next((len(part) for part in parts if isinstance(part, list)), None)
    if size is None:
        return apply(form.op, parts)
    rows = zip(*(part if isinstance(part, list) else [part] * size for part in parts), strict=True)
    return [apply(form.op, list(row)) for row in rows]
