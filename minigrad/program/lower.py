"""From expressions to flat instructions: what is uniform, what varies, which sums of products are one step.

Room: writes a `Code`: the uniform operations before and after the rows, and the layout of the cells. Below: `forms`,
`schedule`. Above: `program`, which says what is to be computed; `listing`, which prints.
Must hold: linear in the number of expressions, no recursion, and the same expressions give the same code.

How a graph of one row becomes a program:

1. An expression is *varying* if a column is among its inputs, else *uniform*. Uniform ones are computed once.
2. Sums are flattened: u1*v1 + u2*v2 + ... + u0, with uniform u and varying v, is one step `Products`, however it was
   written (`dot`, `sum`, a chain of `+`).
3. A result that is added up over the rows is taken apart into uniform factors, which wait until the rows are added
   up, and products of two varying numbers, of which those that share a factor are one step `Dots`.
4. Steps are put in order, a step that adds up as soon as what it needs is there, and buffers are used again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from minigrad.expression import Expressions
from minigrad.program.forms import Forms, Key, Total
from minigrad.program.instructions import PANEL, Code, Uniform
from minigrad.program.schedule import Schedule, placed

#: Bytes that the buffers of a block may take, to stay in the second-level cache, and bytes of its columns. Columns are
#: read in long runs rather than kept in that cache: at 784 columns blocks of 512 rows were 1.5 times faster than 32.
BUFFERS, COLUMNS = 256 * 1024, 4 * 1024 * 1024

#: Most and fewest rows of a block.
LARGEST_BLOCK, SMALLEST_BLOCK = 1024, 32


class Lowered(NamedTuple):
    """A program and what its numbers mean.

    code         for the machine
    numbers      the constants among the cells, {cell: number}
    parameters   the uniform inputs, {expression: cell}
    results      the cells with the results that were added up, in the order asked for
    made         for each step of the body the expressions it makes (none for steps that add up or store)
    uniforms     for each cell the uniform expression in it, where there is one
    sums         for each accumulator what is added up in it
    """

    code: Code
    numbers: dict[int, float]
    parameters: dict[int, int]
    results: tuple[int, ...]
    made: list[tuple[int, ...]]
    uniforms: dict[int, int]
    sums: list[list[Key]]


class _Uniforms:
    """The uniform expressions and the cells they live in."""

    def __init__(self, e: Expressions) -> None:
        self.e = e
        self.cells: dict[int, int] = {}
        self.numbers: dict[int, float] = {}
        self.parameters: dict[int, int] = {}
        self.before: list[Uniform] = []
        self.after: list[Uniform] = []
        self.count = 0

    def new(self) -> int:
        self.count += 1
        return self.count - 1

    def cell(self, expression: int) -> int:
        """The cell of a uniform expression, which is computed before the rows."""
        if expression not in self.cells:
            waiting = [expression]
            while waiting:
                top = waiting[-1]
                if top in self.cells:
                    waiting.pop()
                elif missing := [x for x in self.e.operands[top] if x not in self.cells]:
                    waiting += reversed(missing)
                else:
                    self._place(waiting.pop())
        return self.cells[expression]

    def _place(self, expression: int) -> None:
        e, cell = self.e, self.new()
        self.cells[expression] = cell
        if e.ops[expression] == "const":
            self.numbers[cell] = e.number[expression]
        elif e.ops[expression] == "input":
            self.parameters[expression] = cell
        else:
            operands = tuple(self.cells[x] for x in e.operands[expression])
            self.before.append(Uniform(e.ops[expression], cell, operands))

    def then(self, op: str, *operands: int) -> int:
        """The cell of an operation done after the rows have been added up."""
        cell = self.new()
        self.after.append(Uniform(op, cell, operands))
        return cell


def lower(
    e: Expressions,
    sources: Mapping[int, int],
    *,
    totals: Sequence[int] = (),
    stores: Sequence[int] = (),
    weight: int | None = None,
    mean: bool = True,
) -> Lowered:
    """Write the program that computes some expressions over m rows.

    e        where the expressions live; a few may be added
    sources  the inputs that are columns, {expression: number of the column}
    totals   expressions to add up over the rows
    stores   expressions to write down row by row
    weight   the input that holds the weights of the rows, one of the sources
    mean     divide the totals by the number of rows (or the sum of the weights)
    return   Lowered
    """
    forms = Forms(e, sources, [*totals, *stores])
    sums = [forms.total(root, weight) for root in totals]
    uniforms = _Uniforms(e)
    accumulators, count_of_sums = _accumulators(sums, weight)
    schedule = Schedule(forms, uniforms.cell, accumulators, stores)
    schedule.write()
    cells_of_totals = tuple(uniforms.new() for _ in range(count_of_sums))
    count = uniforms.new()
    size = count if weight is None or not totals else cells_of_totals[accumulators[weight,]]
    results = tuple(_result(uniforms, total, cells_of_totals, accumulators, size, mean) for total in sums)
    body, slots = placed(schedule, sources)
    code = Code(
        sources=max(sources.values(), default=-1) + 1,
        slots=slots,
        cells=uniforms.count,
        totals=cells_of_totals,
        count=count,
        before=tuple(uniforms.before),
        body=tuple(body),
        after=tuple(uniforms.after),
        outputs=len(stores),
        block=_block(len(sources), slots),
    )
    return Lowered(
        code, uniforms.numbers, uniforms.parameters, results, schedule.made,
        {cell: x for x, cell in uniforms.cells.items()}, _added(accumulators, count_of_sums),
    )  # fmt: skip


def _accumulators(sums: Sequence[Total], weight: int | None) -> tuple[dict[Key, int], int]:
    """Where each sum over the rows is added up, and how many places there are.

    Terms of one result that have the same factor, and that no other result needs, go into one place.
    """
    uses = Counter(key for total in sums for _, key in total.terms)
    places: dict[Key, int] = {}
    count = 0
    if weight is not None and sums:
        places[weight,], count = 0, 1
    for total in sums:
        shared: dict[int | None, int] = {}
        for factor, key in total.terms:
            if key in places:
                continue
            if uses[key] == 1 and factor in shared:
                places[key] = shared[factor]
                continue
            places[key] = count
            if uses[key] == 1:
                shared[factor] = count
            count += 1
    return places, count


def _added(accumulators: Mapping[Key, int], count: int) -> list[list[Key]]:
    """What is added up in each place."""
    result: list[list[Key]] = [[] for _ in range(count)]
    for key, place in accumulators.items():
        result[place].append(key)
    return result


def _result(
    uniforms: _Uniforms,
    total: Total,
    cells: Sequence[int],
    accumulators: Mapping[Key, int],
    size: int,
    mean: bool,
) -> int:
    """The cell of one result, from the totals of its terms."""
    sum_of_terms = None
    for factor, accumulator in dict.fromkeys((factor, accumulators[key]) for factor, key in total.terms):
        cell = cells[accumulator]
        if mean:
            cell = uniforms.then("div", cell, size)
        if factor is not None:
            cell = uniforms.then("mul", uniforms.cell(factor), cell)
        sum_of_terms = cell if sum_of_terms is None else uniforms.then("add", sum_of_terms, cell)
    if total.rest is not None:
        cell = uniforms.cell(total.rest)
        if not mean:
            cell = uniforms.then("mul", cell, size)
        sum_of_terms = cell if sum_of_terms is None else uniforms.then("add", sum_of_terms, cell)
    assert sum_of_terms is not None  # a sum has terms, or it is its rest
    return sum_of_terms


def _block(columns: int, slots: int) -> int:
    """Rows of a block: a power of two in which the buffers and the columns keep their sizes."""
    rows = min(BUFFERS // (8 * max(slots, 1)), COLUMNS // (8 * max(columns, 1)))
    return min(max(1 << max(rows.bit_length() - 1, 0), SMALLEST_BLOCK), LARGEST_BLOCK, PANEL)
