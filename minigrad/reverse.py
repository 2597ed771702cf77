"""Reverse mode on expressions: the adjoints of a result as expressions of their own.

Room: applies the chain rule once for each operation on a path, with the partials of `rules.py`; simplifies nothing
but factors of 1, -1 and 0. Below: `expression`, `rules`, `templates`. Above: `derive`, `program`.
Must hold: linear in what lies between the result and what it is differentiated by; a chosen 0 (a branch not taken)
stays 0 whatever it would be multiplied with, as in the recorded engine; no recursion over the expression.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from minigrad.expression import Expressions
from minigrad.rules import COMPUTED, RULES
from minigrad.templates import Template, template


class Partial(NamedTuple):
    """How the partial by one operand is had.

    kind  "const", "operand", "out", "template", "computed", or "derived": the partial of a computed partial
    what  the number, the position of the operand, the template, or the name of the computed partial
    """

    kind: str
    what: float | int | str | Template


def adjoints(e: Expressions, output: int, wrt: Sequence[int], seed: int, *, computed: bool) -> list[int]:
    """The derivative of an expression by others, in the store it stands in.

    output    id of the result
    wrt       ids of what to differentiate by, leaves or not
    seed      id of what the result's own adjoint is: the constant 1 for derivatives
    computed  True: partials as operations of `COMPUTED` where a row has them, right in floating point;
              False: the partials as they stand in the table
    return    ids; the constant 0 where nothing of `wrt` is reached
    """
    order = path(e, output, wrt)
    on_path = set(order)
    adjoint: dict[int, int] = {output: seed} if output in on_path else {}
    operands_of = e.operands
    zero, seeded = e.constant(0.0), set(wrt)
    for i in reversed(order):
        g = adjoint.get(i) if i in seeded else adjoint.pop(i, None)
        if g is None or g == zero:
            continue
        operands = operands_of[i]
        for k, operand in enumerate(operands):
            if operand not in on_path:
                continue
            part = sent(e, g, i, k, computed=computed)
            if part == zero:
                continue
            before = adjoint.get(operand)
            adjoint[operand] = part if before is None else e.make("add", (before, part))
    return [adjoint.get(i, zero) for i in wrt]


def path(e: Expressions, output: int, wrt: Sequence[int]) -> list[int]:
    """What lies between `wrt` and `output`, both included, operands first."""
    reached = set(wrt)
    operands = e.operands
    order = []
    for i in e.order([output]):
        if i in reached:
            order.append(i)
            continue
        for operand in operands[i]:
            if operand in reached:
                reached.add(i)
                order.append(i)
                break
    return order


def sent(e: Expressions, g: int, i: int, k: int, *, computed: bool) -> int:
    """What operation `i` with adjoint `g` sends to its operand number `k`."""
    op, operands = e.ops[i], e.operands[i]
    spread = not computed
    kind, what = partial_of(op, len(operands), k, computed)
    if kind == "const":
        return times(e, g, e.constant(what), spread)  # type: ignore[arg-type]
    if kind == "operand":
        return times(e, g, operands[what], spread)  # type: ignore[index]
    if kind == "out":
        return times(e, g, i, spread)
    if kind == "computed":
        return times(e, g, e.make(what, operands), spread)  # type: ignore[arg-type]
    if kind == "template":
        return chosen(e, g, e.build(what, _letters(e, op, operands, k, i)), spread)  # type: ignore[arg-type]
    return chosen(e, g, _copied(e, what, k, operands), spread)  # type: ignore[arg-type]


def chosen(e: Expressions, g: int, p: int, spread: bool = True) -> int:
    """An adjoint times a partial that may be a choice: a 0 that is chosen stays 0 whatever `g` is."""
    if e.ops[p] == "where" and _has_zero(e, p):
        c, x, y = e.operands[p]
        return e.make("where", (c, chosen(e, g, x, spread), chosen(e, g, y, spread)))
    return times(e, g, p, spread)


def _has_zero(e: Expressions, i: int) -> bool:
    while e.ops[i] == "where":
        _, x, y = e.operands[i]
        if e.number.get(x) == 0.0 or e.number.get(y) == 0.0:
            return True
        i = y
    return False


def times(e: Expressions, g: int, p: int, spread: bool = True) -> int:
    """An adjoint times a partial.

    spread   carry an adjoint that is a choice with a 0 through the product, so that the 0 stays 0 whatever the
             partial is; programs keep products plain, to add them up together, and mask them where they run
    """
    number, ops, operands = e.number, e.ops, e.operands
    factor = number.get(p)
    if factor is not None:
        if factor == 1.0:
            return g
        if factor == 0.0:
            return p
        if factor == -1.0:
            return operands[g][0] if ops[g] == "neg" else e.make("neg", (g,))
    if number.get(g) == 1.0:
        return p
    if spread and ops[g] == "where" and _has_zero(e, g):
        c, x, y = operands[g]
        return e.make("where", (c, times(e, x, p, spread), times(e, y, p, spread)))
    if number.get(g) == 0.0:
        return g
    if ops[p] == "div" and number.get(operands[p][0]) == 1.0:
        return e.make("div", (g, operands[p][1]))
    return e.make("mul", (p, g))


# -- the partials of the table ----------------------------------------------------------------------------


@cache
def partial_of(op: str, count: int, k: int, computed: bool) -> Partial:
    """The partial of an operation on `count` operands by operand number `k`."""
    if op in COMPUTED:
        return Partial("derived", op)
    rule = RULES[op]
    letter = _letter_of(rule.operands, count, k)
    name = f"{op}_d{letter}"
    if computed and name in COMPUTED:
        return Partial("computed", name)
    groups = [name.rstrip("*") for name in rule.operands]
    form = template(rule.partials[groups.index(letter)])
    if form.op == "const":
        return Partial("const", form.number)
    if form.op == "letter":
        if form.name == "out":
            return Partial("out", 0)
        size = count // len(groups)
        return Partial("operand", groups.index(form.name) * size + (k % size if rule.arity is None else 0))
    return Partial("template", form)


def _letter_of(operands: tuple[str, ...], count: int, k: int) -> str:
    """The letter of the table for operand number `k` of `count`."""
    return operands[k * len(operands) // count].rstrip("*")


def _letters(e: Expressions, op: str, operands: tuple[int, ...], k: int, i: int) -> dict[str, int]:
    rule = RULES[op]
    names = {"out": i}
    if rule.arity is not None:
        names.update(zip(rule.operands, operands, strict=True))
        return names
    groups = [letter.rstrip("*") for letter in rule.operands]
    size = len(operands) // len(groups)
    names["n"] = e.constant(float(size))
    for position, letter in enumerate(groups):
        names[letter] = operands[position * size + k % size]
    return names


def _copied(e: Expressions, name: str, k: int, operands: tuple[int, ...]) -> int:
    """The partial by operand number `k` of a computed partial, on these operands."""
    store, letters, partials = _derived(name)
    made = dict(zip(letters, operands, strict=True))
    for i in store.order([partials[k]], made):
        if i in made:
            continue
        if store.ops[i] == "const":
            made[i] = e.constant(store.number[i])
        else:
            made[i] = e.make(store.ops[i], tuple([made[operand] for operand in store.operands[i]]))
    return made[partials[k]]


@cache
def _derived(name: str) -> tuple[Expressions, list[int], list[int]]:
    """The partials of a computed partial, from its textbook form: a store, its letters, and the derivatives."""
    row = COMPUTED[name]
    store = Expressions()
    letters = {letter: store.symbol(letter) for letter in row.operands}
    ids = list(letters.values())
    out = store.make(row.rule.name, tuple(ids))
    textbook = store.build(template(row.textbook), {**letters, "out": out})
    return store, ids, adjoints(store, textbook, ids, store.constant(1.0), computed=True)
