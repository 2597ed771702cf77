"""What a program is made of: flat instructions on uniform and varying numbers, as data.

Room: data only; names no operation. `lower` writes it, `machine` runs it, `print(program)` reads it. Below:
nothing. Above: everything in this folder.
Must hold: a program is finite, has no jumps, and reads and writes only what its header counts.

A number is *uniform* (the same for all rows; it lives in a cell) or *varying* (one for each row; it is a column
of the table or lives in a slot, a buffer of one block of rows). Operands of a body instruction are ints:

    0 .. sources - 1                   a column that is read
    sources .. sources + slots - 1     a slot
    -1, -2, ...                        cell 0, 1, ...: `~operand` is its number

The destination of an instruction is never one of its operands.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

#: Rows whose sums are added up on their own. The sums of panels are combined in a fixed order, so that the result
#: depends neither on the number of threads nor on how the rows arrive. Blocks divide a panel.
PANEL = 8192


class Uniform(NamedTuple):
    """One operation of the table on cells, done once per run: cells[dst] = op(cells[operands])."""

    op: str
    dst: int
    operands: tuple[int, ...]


class Row(NamedTuple):
    """One operation of the table (or of `rules.COMPUTED`) over a block. At least one operand varies."""

    op: str
    dst: int
    operands: tuple[int, ...]


class Both(NamedTuple):
    """A row and its computed partial in one pass: dst = op(operands), partial = computed(operands).

    op        a name of `rules.RULES`
    computed  a name of `rules.COMPUTED` that belongs to this row
    """

    op: str
    computed: str
    dst: int
    partial: int
    operands: tuple[int, ...]


class Products(NamedTuple):
    """A sum of products, uniform times varying: dst = cells[constant] + sum cells[cells_k] * columns_k.

    constant  -1 for none
    """

    dst: int
    constant: int
    cells: tuple[int, ...]
    columns: tuple[int, ...]


class Sum(NamedTuple):
    """Add a block of `x` into an accumulator."""

    accumulator: int
    x: int


class Dots(NamedTuple):
    """Add the sums over the block of d * columns_k into accumulators_k; `columns` all differ.

    masked   where d is 0 nothing is added, whatever the column holds: d is the gradient of a branch that may not
             have been taken
    """

    d: int
    columns: tuple[int, ...]
    accumulators: tuple[int, ...]
    masked: bool = False


class Store(NamedTuple):
    """Write a block of `x` (varying, or uniform: ~cell) into the rows of output number `output`."""

    output: int
    x: int


Step: TypeAlias = Row | Both | Products | Sum | Dots | Store


class Code(NamedTuple):
    """A whole program, as the machine takes it.

    sources       number of columns read
    slots         number of block buffers
    cells         number of uniform numbers; the caller fills in parameters and constants before a run
    totals        for each accumulator the cell that receives its total over all rows
    count         the cell that receives the number of rows, or -1
    before        uniform operations done once, before the first block
    body          steps done for each block, in order
    after         uniform operations done once, after the totals are in
    outputs       number of arrays that Store writes
    block         rows in a block: a power of two that divides PANEL, at least 16
    """

    sources: int
    slots: int
    cells: int
    totals: tuple[int, ...]
    count: int  # type: ignore[assignment]  # of rows; nobody counts the fields of a Code
    before: tuple[Uniform, ...]
    body: tuple[Step, ...]
    after: tuple[Uniform, ...]
    outputs: int
    block: int
