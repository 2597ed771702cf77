"""The steps of a program in order, and the buffers they use.

Room: decides when what is computed; a step that adds up comes as soon as what it needs is there, and buffers are
used again. Below: `forms`, `instructions`. Above: `lower`.
Must hold: linear, no recursion, and the same expressions give the same steps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from minigrad.program.forms import Form, Forms, Key, Linear, or_else
from minigrad.program.instructions import Both, Dots, Products, Row, Step, Store, Sum
from minigrad.rules import COMPUTED


class Schedule:
    """The steps in order, on expressions: slots are given out afterwards."""

    def __init__(
        self, forms: Forms, cell: Callable[[int], int], accumulators: Mapping[Key, int], stores: Sequence[int]
    ) -> None:
        self.forms = forms
        self.cell = cell
        self.stores = stores
        self.steps: list[Step] = []
        #: For each step the varying and uniform expressions it reads, and those it makes.
        self.reads: list[tuple[int, ...]] = []
        self.made: list[tuple[int, ...]] = []
        self._done: set[int] = set(forms.columns)
        self._form: dict[int, Form] = {}
        self._waiting_sums = self._sums(accumulators)
        self._needed = self._need([x for key in accumulators for x in key])
        self._pairs = self._find_pairs()

    def _sums(self, accumulators: Mapping[Key, int]) -> list[Sum | Dots]:
        """The steps that add up, products that share a factor in one."""
        degrees = Counter(x for key in accumulators for x in set(key) if len(key) == 2)
        groups: dict[int, tuple[list[int], list[int]]] = {}
        result: list[Sum | Dots] = []
        for key, accumulator in accumulators.items():
            if len(key) == 1:
                result.append(Sum(accumulator, key[0]))
                continue
            d, x = key
            if self._rank(x, degrees) > self._rank(d, degrees):
                d, x = x, d
            if d not in groups:
                groups[d] = ([], [])
            groups[d][0].append(x)
            groups[d][1].append(accumulator)
        for d, (columns, cells) in groups.items():
            result.append(Dots(d, tuple(columns), tuple(cells), self.forms.masked(d)))
        return result

    def _rank(self, x: int, degrees: Mapping[int, int]) -> tuple[bool, bool, int]:
        """Which of two factors is shared by the products of a step: one that masks, then one that is computed."""
        return self.forms.masked(x), x not in self.forms.columns, degrees[x]

    def _operands(self, x: int) -> list[int]:
        """The varying expressions that `x` is computed from."""
        form = self._form[x]
        if isinstance(form, Linear):
            return [term.varying for term in form.terms]
        varying = self.forms.varying
        return [operand for operand in form.operands if varying[operand]]

    def _need(self, roots: Sequence[int]) -> list[int]:
        """Everything that varies and must be computed, operands before results."""
        forms, form, varying = self.forms, self._form, self.forms.varying
        done, order = set(forms.columns), list[int]()
        waiting = [x for x in [*self.stores, *roots] if varying[x]][::-1]
        while waiting:
            x = waiting[-1]
            if x not in done:
                if x not in form:
                    form[x] = forms.form(x)
                    before = len(waiting)
                    waiting += [y for y in self._operands(x) if y not in done]
                    if len(waiting) > before:
                        continue
                done.add(x)
                order.append(x)
            waiting.pop()
        return order

    def _find_pairs(self) -> dict[int, int]:
        """Rows and computed partials of the same operands, each pointing to the other."""
        rows: dict[tuple[str, tuple[int, ...]], int] = {}
        for x in self._needed:
            form = self._form[x]
            if isinstance(form, Row):
                rows[form.op, form.operands] = x
        pairs: dict[int, int] = {}
        for (op, operands), x in rows.items():
            if op in COMPUTED:
                row = rows.get((COMPUTED[op].rule.name, operands))
                if row is not None and row not in pairs:
                    pairs[row], pairs[x] = x, row
        return pairs

    def write(self) -> None:
        """Write all steps; each one that adds up right after the last thing it needs."""
        after: dict[int, list[tuple[Sum | Dots | Store, tuple[int, ...]]]] = {}
        position = {x: i for i, x in enumerate(self._needed)}
        for step in [*self._waiting_sums, *(Store(i, x) for i, x in enumerate(self.stores))]:
            needs = (step.d, *step.columns) if isinstance(step, Dots) else (step.x,)
            latest = max([position.get(x, -1) for x in needs])
            after.setdefault(latest, []).append((step, needs))
        for i, x in enumerate(self._needed, start=-1):
            for step, needs in after.get(i, ()):
                self._write(step, needs, ())
            if x not in self._done:
                self._compute(x)
        for step, needs in after.get(len(self._needed) - 1, ()):
            self._write(step, needs, ())

    def _write(self, step: Step, reads: tuple[int, ...], made: tuple[int, ...]) -> None:
        self.steps.append(step)
        self.reads.append(reads)
        self.made.append(made)
        self._done.update(made)

    def _compute(self, x: int) -> None:
        form = self._form[x]
        if isinstance(form, Linear):
            cell, one = self.cell, self.forms.one
            cells = tuple([cell(or_else(factor, one)) for factor, _ in form.terms])
            columns = tuple([varying for _, varying in form.terms])
            rest = -1 if form.rest is None else cell(form.rest)
            self._write(Products(x, rest, cells, columns), columns, (x,))
        elif x in self._pairs:
            ops = self.forms.e.ops
            row, partial = (self._pairs[x], x) if ops[x] in COMPUTED else (x, self._pairs[x])
            step = Both(ops[row], ops[partial], row, partial, form.operands)
            self._write(step, form.operands, (row, partial))
        else:
            self._write(Row(form.op, x, form.operands), form.operands, (x,))


def placed(schedule: Schedule, sources: Mapping[int, int]) -> tuple[list[Step], int]:
    """The steps on columns, slots and cells, and how many slots; one is used again once nobody needs what is in it."""
    last: dict[int, int] = {}
    for i, reads in enumerate(schedule.reads):
        for x in reads:
            last[x] = i
    slots = max(sources.values(), default=-1) + 1
    columns, slot_of, free = dict(sources), dict[int, int](), list[int]()
    body: list[Step] = []
    for i, step in enumerate(schedule.steps):
        reads, made = schedule.reads[i], schedule.made[i]
        operands = tuple([slot_of[x] if x in slot_of else _place(x, columns, schedule.cell) for x in reads])
        for x in made:
            if free:
                slot_of[x] = free.pop()
            else:
                slot_of[x] = slots
                slots += 1
        body.append(_on(step, operands, [slot_of[x] for x in made]))
        for x in (*reads, *made):
            if x in slot_of and last.get(x, i) == i:
                free.append(slot_of.pop(x))
    return body, slots - len(columns)


def _place(x: int, columns: Mapping[int, int], cell: Callable[[int], int]) -> int:
    """Where an operand is that is in no slot: a column, or a cell."""
    return columns[x] if x in columns else ~cell(x)


def _on(step: Step, operands: tuple[int, ...], results: Sequence[int]) -> Step:
    """A step on other operands, with other results."""
    if isinstance(step, Row):
        return Row(step.op, results[0], operands)
    if isinstance(step, Both):
        return Both(step.op, step.computed, results[0], results[1], operands)
    if isinstance(step, Products):
        return Products(results[0], step.constant, step.cells, operands)
    if isinstance(step, Dots):
        return Dots(operands[0], operands[1:], step.accumulators, step.masked)
    if isinstance(step, Sum):
        return Sum(step.accumulator, operands[0])
    return Store(step.output, operands[0])
