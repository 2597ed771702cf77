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
        done, order = set(self.forms.columns), []
        waiting = [x for x in [*self.stores, *roots] if self.forms.varying[x]][::-1]
        while waiting:
            x = waiting[-1]
            if x in done:
                waiting.pop()
                continue
            if x not in self._form:
                self._form[x] = self.forms.form(x)
                if missing := [y for y in self._operands(x) if y not in done]:
                    waiting += reversed(missing)
                    continue
            waiting.pop()
            done.add(x)
            order.append(x)
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
        after: dict[int, list[Sum | Dots | Store]] = {}
        position = {x: i for i, x in enumerate(self._needed)}
        for step in [*self._waiting_sums, *(Store(i, x) for i, x in enumerate(self.stores))]:
            needs = [step.x] if isinstance(step, Sum | Store) else [step.d, *step.columns]
            latest = max((position.get(x, -1) for x in needs), default=-1)
            after.setdefault(latest, []).append(step)
        self._add_up(after.get(-1, []))
        for i, x in enumerate(self._needed):
            if x not in self._done:
                self._compute(x)
            self._add_up(after.get(i, []))

    def _add_up(self, steps: Sequence[Sum | Dots | Store]) -> None:
        self.steps += steps
        self.made += [()] * len(steps)

    def _compute(self, x: int) -> None:
        form, cell = self._form[x], self.cell
        if isinstance(form, Linear):
            self.steps.append(
                Products(
                    x,
                    -1 if form.rest is None else cell(form.rest),
                    tuple(cell(or_else(term.factor, self.forms.one)) for term in form.terms),
                    tuple(term.varying for term in form.terms),
                )
            )
            self.made.append((x,))
        elif x in self._pairs:
            row, partial = sorted((x, self._pairs[x]), key=lambda y: self.forms.e.ops[y] in COMPUTED)
            ops = self.forms.e.ops
            self.steps.append(Both(ops[row], ops[partial], row, partial, form.operands))
            self.made.append((row, partial))
        else:
            self.steps.append(Row(form.op, x, form.operands))
            self.made.append((x,))
        self._done.update(self.made[-1])


def _reads(step: Step) -> tuple[int, ...]:
    if isinstance(step, Row | Both):
        return step.operands
    if isinstance(step, Products):
        return step.columns
    if isinstance(step, Dots):
        return (step.d, *step.columns)
    return (step.x,)


def placed(schedule: Schedule, sources: Mapping[int, int]) -> tuple[list[Step], list[tuple[int, ...]], int]:
    """The steps on columns, slots and cells; a slot is used again once nobody needs what is in it."""
    last: dict[int, int] = {}
    for i, step in enumerate(schedule.steps):
        for x in _reads(step):
            last[x] = i
    first_slot = max(sources.values(), default=-1) + 1
    place: dict[int, int] = dict(sources)
    free: list[int] = []
    slots = 0
    body: list[Step] = []

    def operand(x: int) -> int:
        return place[x] if x in place else ~schedule.cell(x)

    for i, (step, made) in enumerate(zip(schedule.steps, schedule.made, strict=True)):
        operands = tuple(map(operand, _reads(step)))
        for x in made:
            if free:
                place[x] = free.pop()
            else:
                place[x] = first_slot + slots
                slots += 1
        body.append(_on(step, operands, place))
        ended = {x for x in _reads(step) if last[x] == i and place.get(x, -1) >= first_slot}
        ended.update(x for x in made if x not in last)
        free += sorted((place[x] for x in ended), reverse=True)
    return body, schedule.made, slots


def _on(step: Step, operands: tuple[int, ...], place: Mapping[int, int]) -> Step:
    """A step on other operands."""
    if isinstance(step, Row):
        return Row(step.op, place[step.dst], operands)
    if isinstance(step, Both):
        return Both(step.op, step.computed, place[step.dst], place[step.partial], operands)
    if isinstance(step, Products):
        return Products(place[step.dst], step.constant, step.cells, operands)
    if isinstance(step, Dots):
        return step._replace(d=operands[0], columns=operands[1:])
    return step._replace(x=operands[0])
