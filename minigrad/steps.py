"""How a closed form came about, step by step, as text.

Room: goes the way from a result back to a node once more, from named node to named node, and says what it does.
Below: `closed`, `reverse`. Above: `derive`.
Must hold: a step says the name of what was applied and shows the text before and after; the number of steps and
the length of their texts are bounded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from minigrad.closed import Closing
from minigrad.expression import Expressions
from minigrad.reverse import path, sent
from minigrad.rules import COMPUTED, RULES
from minigrad.simplify import Applied

#: Most steps that are told of one derivative, and most characters of a text in one.
MOST_STEPS = 200
LIMIT = 400

COLLECTED = "terms collected, factors cancelled"


class Step(NamedTuple):
    """One step of a derivation.

    name    the identity, a name of `minigrad.rewrites.REWRITES`; or the chain rule, with the operations it went
            through; or that like terms were collected and factors cancelled
    before  text
    after   text
    """

    name: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.before} = {self.after}    ({self.name})"


class Story:
    """What is told of one graph: its expressions, its named nodes, and the identities that led to them."""

    def __init__(
        self, e: Expressions, named: Collection[int], used: Iterable[int], applied: Sequence[Applied]
    ) -> None:
        self.e = e
        self.named = set(named)
        self.steps: list[Step] = []
        self._applied = applied[:MOST_STEPS]
        self._symbols: dict[int, str] = {}
        self._closing = Closing(e, named, used)
        self._closed: dict[int, int] = {}  # symbol of a derivative -> its closed form

    def told(self, origin: int, target: int | None, name: str) -> list[Step]:
        """The steps that lead from `origin` to its derivative by `target`, or to its own closed form."""
        self._symbols = {i: label for i, label in self.e.label.items() if i != origin}
        for row in self._applied:
            self._say(row.name, *row.texts(self._symbols, LIMIT))
        if target is None:
            self._close(origin, written_out=True)
        else:
            self._chain(origin, target, name)
        return self.steps[:MOST_STEPS]

    def _chain(self, origin: int, target: int, name: str) -> None:
        """The chain rule, from each named node to the next."""
        e = self.e
        of = name.rpartition("/d")[0]
        adjoint: dict[int, int] = {origin: e.constant(1.0)}
        through: dict[int, dict[str, None]] = {}
        route = path(e, origin, [target])
        on_route = set(route)
        for i in reversed(route):
            g = adjoint.pop(i, None)
            if g is None or len(self.steps) >= MOST_STEPS:
                continue
            rows = through.get(i, {})
            if i != origin and (i in self.named or i == target):
                called = name if i == target else f"{of}/d{e.label[i]}"
                self._say(f"chain rule: {', '.join(rows)}", called, self._text(g))
                raw = _substituted(e, g, self._closed)
                if i == target:
                    self._close(raw)
                    return
                g = e.symbol(called)
                self._symbols[g] = called
                self._closed[g] = self._close(raw)
                rows = {}
            for k, operand in enumerate(e.operands[i]):
                if operand in on_route:
                    part = sent(e, g, i, k, computed=False)
                    before = adjoint.get(operand)
                    adjoint[operand] = part if before is None else e.make("add", (before, part))
                    through.setdefault(operand, {}).update({**rows, _row(e, i, k): None})

    def _close(self, raw: int, *, written_out: bool = False) -> int:
        """Bring an expression into closed form, and say how."""
        before = len(self._closing.applied)
        (closed,) = self._closing.run([raw], written_out=written_out)
        for row in self._closing.applied[before:]:
            self._say(row.name, *row.texts(self._symbols, LIMIT))
        start, end = self._text(raw), self._text(closed)
        if start != end and (not self.steps or self.steps[-1].after != end):
            self._say(COLLECTED, start, end)
        return closed

    def _text(self, i: int) -> str:
        return self.e.text(i, limit=LIMIT, symbols=self.e.label if i in self._closed else self._symbols)

    def _say(self, name: str, before: str, after: str) -> None:
        if len(self.steps) < MOST_STEPS:
            self.steps.append(Step(name, before, after))


def _row(e: Expressions, i: int, k: int) -> str:
    """A row and the operand it was differentiated by: "sigmoid by x"."""
    op = e.ops[i]
    rule = COMPUTED[op].rule if op in COMPUTED else RULES[op]
    return f"{op} by {rule.operands[k * len(rule.operands) // len(e.operands[i])].rstrip('*')}"


def _substituted(e: Expressions, i: int, values: Mapping[int, int]) -> int:
    """An expression in which symbols are replaced."""
    made = dict(values)
    for j in e.order([i], made):
        if j not in made:
            operands = e.operands[j]
            new = tuple([made[operand] for operand in operands])
            made[j] = j if new == operands else e.make(e.ops[j], new)
    return made[i]
