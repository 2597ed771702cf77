"""The machine that runs a program over columns of numbers: native code, or NumPy where there is none.

Room: chooses `native` where the package is compiled, with the level of kernels that suits the processor, else
`interpreted`. Below: `native`, `flat`, `processor`, `interpreted`.

    machine = Machine(code)
    machine.start(cells)                        cells: float64 (code.cells,), parameters and constants filled in
    machine.feed(sources, m, stores, threads)   any number of times
    machine.finish()                            totals and the number of rows are in their cells, `after` is done
    machine.run(cells, sources, m, stores, threads)   the three in one call

    sources   a list of 1-D arrays, one for each column of the code: float64, float32, integers or bool, any
              stride; or a tuple (table, columns) of a 2-D array and the number of its column for each column
    stores    for each output a float64 array of at least m numbers, any stride; its rows are written
    m         rows; a multiple of PANEL except in the last feed
    threads   how many may work at once; changes no bit

Raises ValueError where an array has fewer than m rows or there are too few of them, TypeError where a dtype is none of
the above, KeyboardInterrupt within a fraction of a second. After an exception `start` begins afresh. Between `start`
and `finish` a machine serves one caller; `run` may be called by several Python threads at once.
"""

from __future__ import annotations

from minigrad.program.instructions import PANEL, Code
from minigrad.value import COMPILED

if COMPILED:
    from minigrad.program import flat, processor
    from minigrad.program.native import Machine

    #: Which instructions of the processor are used: "baseline", "v3" or "v4"; "interpreted" without native code.
    LEVEL = processor.choose()
    flat.use(*processor.modules(LEVEL))
else:
    from minigrad.program.interpreted import Machine  # type: ignore[assignment]

    LEVEL = "interpreted"

__all__ = ["LEVEL", "PANEL", "Code", "Machine"]
