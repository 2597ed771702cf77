"""The machine without compiled code: the steps of a program as NumPy operations on blocks.

Room: class `Machine`, chosen by `machine` where the package is not compiled; the same interface and, to a few
ulp, the same numbers as `native`. Below: `instructions`, `kernels`, `value`.
Must hold: no temporary grows with the number of rows; the totals have the same bits however the rows are fed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.program.blocks import evaluate as evaluate_block
from minigrad.program.blocks import evaluate_pair
from minigrad.program.instructions import PANEL, Both, Code, Dots, Products, Row, Store, Sum, Uniform
from minigrad.rows import CODES
from minigrad.value import evaluate

Array = np.ndarray[Any, Any]
Sources = list[Array] | tuple[Array, tuple[int, ...]]

#: The buffers of all slots stay below this, or the code's own block is taken.
_WORKSPACE = 1 << 23  # bytes


class Machine:
    """A program made ready to run: see `minigrad.program.machine`."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self._steps = [self._prepared(step) for step in code.body]
        block = PANEL
        while block > code.block and block * 8 * (code.slots + code.sources) > _WORKSPACE:
            block //= 2
        self._block = block
        self._spare = np.empty(block)
        self._slots = np.empty((code.slots, block))
        self._started = self._ragged = False
        self._alone = threading.Lock()

    def run(
        self, cells: Array, sources: Sources, m: int, stores: Sequence[Array] = (), threads: int = 1
    ) -> None:
        """`start`, one `feed` and `finish`; one caller after the other."""
        with self._alone:
            self.start(cells)
            self.feed(sources, m, stores, threads)
            self.finish()

    def start(self, cells: Array) -> None:
        """Take the cells, with parameters and constants in their places, and do what comes before the rows."""
        if cells.shape != (self.code.cells,) or cells.dtype != np.float64 or not cells.flags.c_contiguous:
            raise ValueError(f"cells are {self.code.cells} float64 numbers side by side")
        self._cells = cells
        self._evaluate(self.code.before)
        self._cascade: list[Array | None] = []
        self._rows, self._started, self._ragged = 0, True, False

    def feed(self, sources: Sources, m: int, stores: Sequence[Array] = (), threads: int = 1) -> None:
        """Run m rows; a multiple of PANEL, except in the last feed. `threads` changes nothing here."""
        if not self._started or self._ragged:
            raise ValueError("rows come after start(), in multiples of PANEL but for the last feed")
        if m < 0 or threads < 1:
            raise ValueError(f"m = {m} rows and {threads} threads: needs m >= 0 and threads >= 1")
        columns = _columns(sources, self.code.sources, m)
        _check_stores(stores, self.code.outputs, m)
        self._ragged = m % PANEL != 0
        with np.errstate(all="ignore"):
            for first in range(0, m, PANEL):
                self._add(self._panel(columns, stores, first, min(first + PANEL, m)))
        self._rows += m

    def finish(self) -> None:
        """Write the totals and the number of rows into the cells, and do what comes after."""
        if not self._started:
            raise ValueError("finish() comes after start()")
        total = np.zeros(len(self.code.totals))
        for partial in self._cascade:
            if partial is not None:
                total = partial + total
        self._cells[list(self.code.totals)] = total
        if self.code.count >= 0:
            self._cells[self.code.count] = self._rows
        self._evaluate(self.code.after)
        self._started = False

    def _evaluate(self, uniform: Sequence[Uniform]) -> None:
        for op, dst, operands in uniform:
            numbers = [float(self._cells[cell]) for cell in operands]
            if op in CODES:
                self._cells[dst] = evaluate(CODES[op], numbers)
            else:
                evaluate_block(op, [np.array([number]) for number in numbers], self._cells[dst : dst + 1])

    def _add(self, sums: Array) -> None:
        """Combine the sums of panels two by two, those of two by two, ...: a binary counter."""
        for level, partial in enumerate(self._cascade):
            if partial is None:
                self._cascade[level] = sums
                return
            sums = partial + sums
            self._cascade[level] = None
        self._cascade.append(sums)

    def _panel(self, columns: list[Array], stores: Sequence[Array], first: int, end: int) -> Array:
        """The sums over the rows of one panel."""
        self._sums = np.zeros(len(self.code.totals))
        for start in range(first, end, self._block):
            self._n = n = min(self._block, end - start)
            self._at = [
                np.ascontiguousarray(column[start : start + n], dtype=np.float64) for column in columns
            ]
            self._at += [slot[:n] for slot in self._slots]
            self._stores = [store[start : start + n] for store in stores]
            for step in self._steps:
                step()
        return self._sums

    # -- steps: each is a closure over its operands --------------------------------------------------------

    def _prepared(self, step: Any) -> Callable[[], None]:
        kinds: dict[type, Callable[[Any], Callable[[], None]]] = {
            Row: self._row, Both: self._both, Products: self._products, Dots: self._dots, Sum: self._sum,
            Store: self._store,
        }  # fmt: skip
        return kinds[type(step)](step)

    def _operand(self, operand: int) -> Any:
        """A block of a varying operand, the number of a uniform one."""
        return self._at[operand] if operand >= 0 else float(self._cells[~operand])

    def _row(self, step: Row) -> Callable[[], None]:
        def run() -> None:
            evaluate_block(step.op, [self._operand(x) for x in step.operands], self._at[step.dst])

        return run

    def _both(self, step: Both) -> Callable[[], None]:
        def run() -> None:
            operands = [self._operand(x) for x in step.operands]
            evaluate_pair(step.op, step.computed, operands, self._at[step.dst], self._at[step.partial])

        return run

    def _products(self, step: Products) -> Callable[[], None]:
        def run() -> None:
            out = self._at[step.dst]
            spare = self._spare[: len(out)]
            out.fill(self._cells[step.constant] if step.constant >= 0 else 0.0)
            for cell, column in zip(step.cells, step.columns, strict=True):
                out += np.multiply(self._at[column], self._cells[cell], out=spare)

        return run

    def _dots(self, step: Dots) -> Callable[[], None]:
        def run() -> None:
            d = np.broadcast_to(self._operand(step.d), self._n)
            spare = self._spare[: self._n]
            for column, accumulator in zip(step.columns, step.accumulators, strict=True):
                np.multiply(d, self._at[column], out=spare)
                if step.masked:
                    spare[d == 0.0] = 0.0
                self._sums[accumulator] += np.add.reduce(spare)

        return run

    def _sum(self, step: Sum) -> Callable[[], None]:
        def run() -> None:
            x = self._operand(step.x)
            self._sums[step.accumulator] += np.add.reduce(x) if step.x >= 0 else x * self._n

        return run

    def _store(self, step: Store) -> Callable[[], None]:
        def run() -> None:
            self._stores[step.output][:] = self._operand(step.x)

        return run


def _columns(sources: Sources, count: int, m: int) -> list[Array]:
    """The columns as 1-D arrays, checked."""
    if isinstance(sources, tuple):
        table, numbers = sources
        for number in numbers:
            if not 0 <= number < table.shape[1]:
                raise ValueError(f"the table has {table.shape[1]} columns, numbered from 0: not {number}")
        columns = [table[:, number] for number in numbers]
    else:
        columns = sources
    if len(columns) != count:
        raise ValueError(f"this program reads {count} columns, not {len(columns)}")
    for k, column in enumerate(columns):
        if column.ndim != 1 or column.shape[0] < m:
            raise ValueError(f"column {k} has shape {column.shape}: needs {m} rows")
        kind = column.dtype
        if kind.kind not in "fiub" or kind.itemsize > 8 or kind == np.float16 or not kind.isnative:
            raise TypeError(f"column {k} is {kind}: needs float64, float32, an integer or a bool")
    return columns


def _check_stores(stores: Sequence[Array], count: int, m: int) -> None:
    if len(stores) != count:
        raise ValueError(f"this program writes {count} arrays, not {len(stores)}")
    for k, store in enumerate(stores):
        if store.ndim != 1 or store.shape[0] < m or store.dtype != np.float64:
            raise ValueError(f"output {k} has shape {store.shape}: needs {m} float64 numbers")
