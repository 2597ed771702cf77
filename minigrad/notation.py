"""An expression as text, in the grammar that `formula` reads.

Room: writes text; makes no expression. Below: `rules`, `text`. Above: `expression` and everything that prints one.
Must hold: as few parentheses as the grammar allows without another order of operations; read again by `formula`,
the text gives the same bits; time and length are bounded by the number of distinct parts, never by the number of
paths; no recursion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from minigrad.rules import RULES
from minigrad.text import shown

#: Most characters of a text; a longer one is cut.
LIMIT = 4000
#: An expression of so many signs is written in one piece, whatever repeats in it.
SHORT = 50
#: What repeats and has so many signs gets a name of its own, in an expression that is not short.
WORTH_A_NAME = 6

_ANY, _SUM, _PRODUCT, _POWER, _ATOM = range(5)
_SIGNS = {"add": (" + ", _SUM), "sub": (" - ", _SUM), "mul": ("*", _PRODUCT), "div": ("/", _PRODUCT)}
_COMPARISONS = {"less": " < ", "less_equal": " <= "}
#: What needs no quotes: a name, or that of a derivative, dL/dz.
_WORD = re.compile(r"[^\W\d][\w.′']*|d(\w+|\(\S+\))/d\w+")
_MOST = 10**9


class Store(Protocol):
    """What is read of `expression.Expressions`."""

    ops: list[str]
    operands: list[tuple[int, ...]]
    number: dict[int, float]

    def order(self, ids: Sequence[int], leaves: Mapping[int, object], /) -> list[int]:
        """Everything that `ids` need, operands first."""


def number_text(x: float) -> str:
    """A number as one writes it: 2, not 2.0.

    >>> number_text(2.0), number_text(-0.5), number_text(1e22)
    ('2', '-0.5', '1e+22')
    """
    return str(int(x)) if x.is_integer() and abs(x) < 1e15 and (x or str(x) == "0.0") else repr(x)


def text(e: Store, i: int, *, limit: int, symbols: Mapping[int, str], top: bool) -> str:
    """See `Expressions.text`."""
    if i in symbols and not top:
        return _word(symbols[i])
    leaves = {j: name for j, name in symbols.items() if j != i}
    order = e.order([i], leaves)
    names = _symbol_names(e, order, leaves)
    if i in symbols and e.ops[i] == "input":
        names[i] = _word(symbols[i])
    steps = _steps(e, order, i, names)
    pieces: list[str] = []
    length = 0
    for piece in _whole(e, i, names, steps):
        pieces.append(piece)
        length += len(piece)
        if length > limit:
            operations = sum(1 for j in order if e.operands[j])
            return f"{''.join(pieces)[:limit]}… ({operations:,} operations)"
    return "".join(pieces)


def _whole(e: Store, i: int, names: dict[int, str], steps: list[int]) -> Iterator[str]:
    prefix = _free_prefix(names)
    for k, step in enumerate(steps, start=1):
        yield f"{prefix}{k} = "
        yield from _pieces(e, step, names)
        yield "; "
        names[step] = f"{prefix}{k}"
    yield from _pieces(e, i, names)


def _word(label: str) -> str:
    return label if _WORD.fullmatch(label) else f'"{shown(label, 60)}"'


def _symbol_names(e: Store, order: list[int], leaves: Mapping[int, str]) -> dict[int, str]:
    """A name for each leaf of the text; two leaves with the same label are told apart."""
    names: dict[int, str] = {}
    taken: set[str] = set()
    unnamed = 0
    for j in order:
        if j in leaves:
            word = name = _word(leaves[j])
            k = 1
            while name in taken:
                k += 1
                name = f"{word}_{k}"
        elif e.ops[j] == "input":
            unnamed += 1
            name = f"v{unnamed}"
            while name in taken:
                unnamed += 1
                name = f"v{unnamed}"
        else:
            continue
        names[j] = name
        taken.add(name)
    return names


def _free_prefix(names: dict[int, str]) -> str:
    """A letter, or two, that no leaf is called by, with a number behind it."""
    taken = {name.rstrip("0123456789") for name in names.values()}
    return next(prefix for prefix in ("t", "u", "s", "tmp", "step", "part_") if prefix not in taken)


def _steps(e: Store, order: list[int], root: int, names: dict[int, str]) -> list[int]:
    """What is named first, because it occurs several times."""
    sizes: dict[int, int] = {}
    uses: dict[int, int] = {}
    for j in order:
        inside = () if j in names else e.operands[j]
        for operand in inside:
            uses[operand] = uses.get(operand, 0) + 1
        sizes[j] = min(_MOST, 1 + sum([sizes[operand] for operand in inside]))
    if sizes[root] <= SHORT:
        return []
    named: list[int] = []
    for j in order:
        inside = () if j in names else e.operands[j]
        size = 1 + sum([sizes[operand] for operand in inside])
        if uses.get(j, 0) > 1 and size >= WORTH_A_NAME and j != root:
            named.append(j)
            size = 1
        sizes[j] = min(_MOST, size)
    return named


def _pieces(e: Store, root: int, names: Mapping[int, str]) -> Iterator[str]:
    """The text of an expression, piece by piece, so that a long one can be cut."""
    waiting: list[str | tuple[int, int]] = [(root, _ANY)]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
            continue
        i, least = item
        if i in names:
            yield names[i]
            continue
        parts, binds = _written(e, i, names)
        if binds < least:
            parts = ["(", *parts, ")"]
        waiting += reversed(parts)


def _written(e: Store, i: int, names: Mapping[int, str]) -> tuple[list[str | tuple[int, int]], int]:
    """How one operation is written: its parts, each with how tightly it must bind; and how tightly it binds."""
    op, operands = e.ops[i], e.operands[i]
    if op == "const":
        number = e.number[i]
        return [number_text(number)], _SUM if str(number).startswith("-") else _ATOM
    if op == "neg":
        return ["-", (operands[0], _POWER if _is_negative(e, operands[0], names) else _PRODUCT)], _PRODUCT
    if op in _SIGNS:
        sign, binds = _SIGNS[op]
        x, y = operands
        if op == "mul" and e.ops[y] == "const" and _is_factor(e, x, names):
            x, y = y, x  # 2*x
        if op == "add" and e.ops[y] == "neg" and y not in names:
            sign, y = " - ", e.operands[y][0]
        elif op == "add" and _is_negative(e, y, names):
            return [(x, binds), f" - {number_text(-e.number[y])}"], binds
        tight = binds + 1 if not _is_negative(e, y, names) else _ATOM
        first = binds if not (binds == _PRODUCT and e.ops[x] == "const") else _ANY  # -2*x
        return [(x, first), sign, (y, tight)], binds
    if op == "pow":
        x, y = operands
        return [(x, _ATOM), "**", (y, _ANY if e.ops[y] == "const" else _POWER)], _POWER
    if op in _COMPARISONS:
        return [(operands[0], _SUM), _COMPARISONS[op], (operands[1], _SUM)], _ANY
    return _call(op, operands), _ATOM


def _is_factor(e: Store, i: int, names: Mapping[int, str]) -> bool:
    """Whether it binds so tightly that a number can stand in front."""
    return i in names or e.ops[i] not in ("add", "sub", "mul", "div", "neg", "const", *_COMPARISONS)


def _is_negative(e: Store, i: int, names: Mapping[int, str]) -> bool:
    """Whether it would be written with a sign in front."""
    if i in names:
        return False
    return e.ops[i] == "neg" or (e.ops[i] == "const" and str(e.number[i]).startswith("-"))


def _call(op: str, operands: tuple[int, ...]) -> list[str | tuple[int, int]]:
    rule = RULES.get(op)
    groups = len(rule.operands) if rule is not None and rule.arity is None else 1
    size = len(operands) // groups
    parts: list[str | tuple[int, int]] = [f"{op}("]
    for k, operand in enumerate(operands):
        if k:
            parts.append("], [" if k % size == 0 else ", ")
        elif groups > 1:
            parts.append("[")
        parts.append((operand, _ANY))
    return [*parts, "])" if groups > 1 else ")"]
