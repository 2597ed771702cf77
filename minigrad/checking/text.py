"""A row's own text, evaluated in an arithmetic that has only some of the operations by name.

Room: reads `rules` through `templates`; knows no kind of number. Above: `arithmetic` (complex numbers), `exact`.
Must hold: it recurses over the text of a row, never over a graph; a row that is only a name, and that the arithmetic
has not, ends in NoFormError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeAlias

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
    steps, letters = _read(op, other.get(op, ""))
    known = _bound(letters, operands, constant, op, apply)
    for step in steps:
        parts = [known[part] for part in step.parts]
        if step.op == "const":
            known.append(constant(step.number))
        elif step.flat:
            known.append(
                apply(step.op, [x for part in parts for x in (part if isinstance(part, list) else [part])])
            )
        elif step.each:
            size = next(len(part) for part in parts if isinstance(part, list))
            rows = zip(*(part if isinstance(part, list) else [part] * size for part in parts), strict=True)
            known.append([apply(step.op, list(row)) for row in rows])
        else:
            known.append(apply(step.op, parts))
    return known[-1]


class _Step(NamedTuple):
    """One operation of a text.

    op      an operation of the table, or "const" with its number
    parts   positions: letters first, then the steps before
    flat    it takes any number of operands, groups spread out
    each    it is done to each operand of a group
    """

    op: str
    parts: tuple[int, ...] = ()
    number: float = 0.0
    flat: bool = False
    each: bool = False


@cache
def _read(op: str, text: str) -> tuple[tuple[_Step, ...], tuple[str, ...]]:
    """The text of a row as steps, and its letters."""
    row = RULES[op] if op in RULES else COMPUTED[op]
    form = template(text or _text(op), row.operands)
    if form.op == op:
        raise NoFormError(op)
    names = [*row.operands, "out" if op in COMPUTED else "n"]
    steps: list[_Step] = []
    groups = {k for k, name in enumerate(names) if name.endswith("*")}
    _lay_out(form, {name: k for k, name in enumerate(names)}, steps, groups)
    return tuple(steps), row.operands


def _lay_out(form: Template, places: dict[str, int], steps: list[_Step], groups: set[int]) -> int:
    """Append the steps of a tree; the place of its result. `groups`: places that hold lists."""
    if form.op == "letter":
        return places[form.name]
    parts = tuple(_lay_out(part, places, steps, groups) for part in form.parts)
    flat = form.op in RULES and RULES[form.op].arity is None
    each = not flat and bool(groups.intersection(parts))
    place = len(places) + len(steps)
    steps.append(_Step(form.op, parts, form.number, flat, each))
    if each:
        groups.add(place)
    return place


def _text(op: str) -> str:
    try:
        text = RULES[op].text if op in RULES else COMPUTED[op].textbook
        template(text, RULES[op].operands if op in RULES else ())
    except ValueError:  # beyond the grammar of the tables: log(abs(gamma(x)))
        raise NoFormError(op) from None
    return text


def _bound(
    letters: tuple[str, ...], operands: Sequence[Any], constant: Callable[[float], Any], op: str, apply: Apply
) -> list[Any]:
    """What the letters stand for, and behind them `out` or `n`."""
    if op in COMPUTED:
        return [*operands, apply(COMPUTED[op].rule.name, list(operands))]
    if RULES[op].arity is not None:
        return [*operands, None]
    size = len(operands) // len(letters)
    groups = [list(operands[k * size : (k + 1) * size]) for k in range(len(letters))]
    return [*groups, constant(float(size))]
