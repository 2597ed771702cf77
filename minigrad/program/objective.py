"""The loss over a table as a function of the parameters alone: what an optimiser drives.

Room: holds a program, a table and the cells where the parameters live. Below: `program`, `machine`. Above:
`descent`, `logistic`.
Must hold: a call allocates nothing that grows with m; the graph is not touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from minigrad.functions import ShapeError
from minigrad.program.binding import bind, is_stream

if TYPE_CHECKING:
    from minigrad.program.program import Program

Floats: TypeAlias = npt.NDArray[np.float64]


class Objective:
    """Loss and gradient as a function of theta (p,), the numbers of the program's wrt.

    names   p labels
    rows    m; None for a stream that does not know

    A nan in the result is returned, not refused: an optimiser that went too far needs to see it. `explain` says
    which rows gave it.
    """

    def __init__(self, program: Program, table: Any, threads: int) -> None:
        inputs = program._plan.inputs("objective")
        for node in program.wrt:
            if node in program._plan.rows:
                raise ValueError(
                    f"wrt holds the column {node.label!r}: an objective is a function of parameters only"
                )
        self.program = program
        self.threads = threads
        self.names: tuple[str, ...] = tuple(node.label or f"wrt[{j}]" for j, node in enumerate(program.wrt))
        self._table: Any = table if is_stream(table) else bind(table, program.columns)
        self.rows: int | None = self._table.rows
        self._inputs = inputs
        self._base = program._start.cells(None)
        parameters = program._reduced.parameters
        known = [j for j, x in enumerate(inputs) if x in parameters]
        self._from = np.array(known, dtype=np.intp)
        self._to = np.array([parameters[inputs[j]] for j in known], dtype=np.intp)

    @property
    def start(self) -> Floats:
        """The numbers of wrt in the graph now, (p,)."""
        return np.array([node.data for node in self.program.wrt], dtype=np.float64)

    def __call__(self, theta: npt.ArrayLike) -> tuple[float, Floats]:
        """Loss, and gradient (p,), at the parameters theta (p,)."""
        numbers = self._checked(theta)
        cells = self._base.copy()
        cells[self._to] = numbers[self._from]
        self.program._run(self.program._machine, cells, self._table, self.threads)
        results = cells[self.program._results]
        return float(results[0]), results[1:]

    def hessian(self, theta: npt.ArrayLike) -> Floats:
        """Second derivatives (p, p) at theta."""
        return self.program.hessian(self._table, at=self._at(theta), threads=self.threads)

    def hessian_product(self, theta: npt.ArrayLike, vector: npt.ArrayLike) -> Floats:
        """The Hessian at theta times a vector (p,), in one pass."""
        return self.program.hessian_product(self._table, vector, at=self._at(theta), threads=self.threads)

    def batch(self, indices: npt.NDArray[np.intp]) -> Objective:
        """The same over some of the rows, which are copied.

        indices   whole numbers from 0 to m - 1, at least one; repeats are legal

        Raises TypeError for a stream and for what are no whole numbers, ValueError for a row that is not there.
        """
        if is_stream(self._table):
            raise TypeError("rows of a stream cannot be picked: read the table into memory for mini-batches")
        rows = np.asarray(indices)
        if rows.dtype.kind not in "iu" or rows.ndim != 1 or rows.size == 0:
            raise TypeError(
                "a batch is given by the numbers of its rows, at least one: use np.flatnonzero on a mask"
            )
        if rows.min() < 0 or rows.max() >= self._table.rows:
            raise ValueError(
                f"a batch holds rows from 0 to {self._table.rows - 1}: got {rows.min()} to {rows.max()}"
            )
        return Objective(self.program, self._table.take(rows), self.threads)

    def explain(self, theta: npt.ArrayLike) -> str:
        """Which rows give nan at theta, and what is nan in them."""
        from minigrad.program.nonfinite import located

        return located(self.program, self._table, self._at(theta))

    def _at(self, theta: npt.ArrayLike) -> dict[Any, float]:
        return dict(zip(self.program.wrt, self._checked(theta).tolist(), strict=True))

    def _checked(self, theta: npt.ArrayLike) -> Floats:
        numbers = np.asarray(theta, dtype=np.float64)
        if numbers.shape != (len(self.names),):
            raise ShapeError(
                f"theta needs {len(self.names)} numbers, one for each of wrt: got {numbers.shape}"
            )
        return numbers
