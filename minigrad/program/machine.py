"""The machine that runs a program over columns of numbers: `native` where the package is compiled, else `interpreted`.

Room: chooses; and says how many rows a block has. Below: `native`, `interpreted`.

    machine = Machine(code)
    machine.start(cells)                   cells: float64 (code.cells,), parameters and constants filled in
    machine.feed(sources, m, stores, threads)   any number of times
    machine.finish()                       totals and the number of rows are in their cells, `after` is done
    machine.run(cells, sources, m, stores, threads)   the three in one call

    sources   a list of 1-D arrays, one for each column of the code: float64, float32, integers or bool, any
              stride; or a tuple (table, columns) of a 2-D array and the number of its column for each column
    stores    for each output a float64 array of at least m numbers, any stride; its rows are written
    m         rows; a multiple of PANEL except in the last feed
    threads   how many may work at once; changes no bit

Raises ValueError where an array has fewer than m rows or there are too few of them, TypeError where a dtype is
none of the above. After an exception (Ctrl-C too) `start` begins afresh.
"""

from __future__ import annotations

from minigrad.program.instructions import PANEL
from minigrad.program.interpreted import Machine
from minigrad.value import COMPILED

__all__ = ["COMPILED", "PANEL", "Machine", "block_for"]


def block_for(sources: int, slots: int) -> int:
    """Rows in a block of a program with so many columns and slots."""
    block = 512
    while block > 16 and block * 8 * (sources + slots) > (1 << 17):
        block //= 2
    return block
