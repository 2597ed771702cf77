"""`compile` and `Program`: the graph of one example, run over every row of a table.

Room: says what is to be computed (mean loss and gradient, one of each per row, Hessians) and hands tables to the
machine. Below: `expression`, `simplify`, `derivative`, `lower`, `machine`, `binding`, `listing`. Above: `logistic`,
the command line.
Must hold: a nan is never averaged in silence; a program reads its parameters from the leaves of the graph when it
is called, and changes nothing there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from minigrad.functions import ShapeError
from minigrad.program.binding import Bound, bind, check_weights, is_stream, panels
from minigrad.program.listing import Listing
from minigrad.program.lower import Lowered
from minigrad.program.machine import Machine
from minigrad.program.nonfinite import NonFiniteError, located
from minigrad.program.plan import Plan, ProgramError
from minigrad.simplify import Applied
from minigrad.text import shown
from minigrad.value import Value, gather

if TYPE_CHECKING:
    from minigrad.derivative import Derivative
    from minigrad.program.objective import Objective

Floats: TypeAlias = npt.NDArray[np.float64]
Output: TypeAlias = "Value | Derivative"

#: Numbers for parameters, by node or by label.
At: TypeAlias = "Mapping[Value, float] | Mapping[str, float] | Mapping[Value | str, float]"


def compile(
    output: Output | Sequence[Output],
    *,
    rows: Sequence[Value],
    wrt: Sequence[Value] | None = None,
    reduce: str = "mean",
    weight: str | None = None,
    threads: int = 1,
) -> Program:
    """Compile the graph recorded for one example into a program that runs over m rows.

    output   the loss of one row, a Value or a Derivative; or a sequence of k of them
    rows     the inputs that differ from row to row, each with a label: the columns of the table, in this order
    wrt      what to differentiate by, p Values of the graph; None takes every input that is not among rows
    reduce   "mean" divides the sums over the rows by m (by the sum of the weights), "sum" does not
    weight   name of a column of weights, the last one of a table without names; None counts every row once
    threads  how many threads a run may use; the result has the same bits for any number
    return   Program

    All inputs that are not in rows are parameters, the same for every row. Their numbers are read from the leaves
    of the graph at each call.

    Raises ProgramError when a Value of rows or wrt has no part in the graph, is named twice or (rows) has no
    label or is computed from others.

    >>> from minigrad import Value, bce, sigmoid
    >>> w, b = Value(0.5, label="w"), Value(0.0, label="b")
    >>> x, y = Value(1.0, label="x"), Value(1.0, label="y")
    >>> program = compile(bce(sigmoid(w * x + b), y).named("L"), rows=[x, y], wrt=[w, b])
    >>> loss, grads = program({"x": [1.0, 2.0, -1.0], "y": [1, 1, 0]})
    >>> round(loss, 4), grads.round(4).tolist()
    (0.4205, [-0.431, -0.0896])
    """
    return Program(output, rows=rows, wrt=wrt, reduce=reduce, weight=weight, threads=threads)


def checked_threads(threads: int) -> int:
    """`threads` if it is a whole number above 0, else ValueError."""
    if isinstance(threads, bool) or not isinstance(threads, int | np.integer) or not 1 <= threads < 2**31:
        raise ValueError(f"threads is how many may work at once, a whole number from 1 on: got {threads!r}")
    return int(threads)


class Program:
    """The graph of one example as flat instructions over m rows; see `compile`.

    Calling it gives the loss and its gradient; `per_row` one of each per row. `print(program)` shows the
    instructions, `rewrites` the identities that were applied on the way.
    """

    def __init__(
        self,
        output: Output | Sequence[Output],
        *,
        rows: Sequence[Value],
        wrt: Sequence[Value] | None,
        reduce: str,
        weight: str | None,
        threads: int,
    ) -> None:
        if reduce not in ("mean", "sum"):
            raise ValueError(f'reduce is "mean" or "sum": got {reduce!r}')
        if weight is not None and not isinstance(weight, str):
            raise TypeError(f"weight is the name of a column, not {type(weight).__name__}")
        self._single = not isinstance(output, Iterable)
        self._outputs = [_value(node) for node in ([output] if self._single else output)]  # type: ignore[union-attr]
        if not self._outputs:
            raise ProgramError("there is nothing to compile: give the loss of one row, or several")
        self.reduce = reduce
        self.threads = checked_threads(threads)
        self._plan = Plan(self._outputs, rows, wrt, weight, reduce == "mean")
        self._reduced = self._plan.lowered("reduced")
        self._machine = Machine(self._reduced.code)
        self._start = _Start(self._plan, self._reduced)
        self._results = _places(self._reduced.results)
        self._ones = np.ones(len(self._reduced.results))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that a table must have, in order; the weights come last."""
        return self._plan.columns

    @property
    def wrt(self) -> tuple[Value, ...]:
        """What the gradient is taken by, in its order."""
        return self._plan.wrt

    @property
    def rewrites(self) -> tuple[Applied, ...]:
        """The rewrites that were applied to the outputs, in order, but for those that one writes alike."""
        return tuple(applied for applied in self._plan.rewrites if applied.before != applied.after)

    # -- running it -----------------------------------------------------------------------------------

    def __call__(
        self,
        table: Any,
        *,
        at: At | None = None,
        threads: int | None = None,
    ) -> tuple[Any, Floats]:
        """Loss and gradient over all rows of a table.

        table    (m, k) array with the columns in order; a dict of columns, a data frame or an Arrow table, columns by
                 name; or a stream of batches (`tables.open_rows`), which may be larger than memory
        at       numbers for parameters, by node or label, instead of those in the graph
        threads  instead of the program's own
        return   loss (a float; (k,) for k outputs) and gradient (p,) in the order of wrt ((k, p) for k outputs)

        Raises NonFiniteError when a row gives nan (the rows are named), ShapeError and `tables.DataError` when the
        table does not fit.
        """
        cells = self._start.cells(at)
        self._run(self._machine, cells, table, self.threads if threads is None else checked_threads(threads))
        results: Floats = cells[self._results]
        if _holds_nan(results, self._ones):
            raise NonFiniteError(located(self, table, at))
        if self._single:
            return results.item(0), results[1:]
        k = len(self._outputs)
        return results[:k], results[k:].reshape(k, len(self.wrt))

    def _run(self, machine: Any, cells: Floats, table: Any, threads: int) -> None:
        if type(table) is not np.ndarray and is_stream(table):
            machine.start(cells)
            rows = 0
            for m, columns in panels(table.batches(self.columns)):
                if self._plan.weight is not None:
                    check_weights(columns[-1], self.columns[-1], rows)
                machine.feed(columns, m, (), threads)
                rows += m
            if rows == 0:
                raise ShapeError("the stream has no rows: there is nothing to average")
            machine.finish()
            return
        bound = table if type(table) is Bound else bind(table, self.columns)
        if self._plan.weight is not None:
            check_weights(bound.columns()[-1], self.columns[-1], 0)
        machine.run(cells, bound.sources, bound.rows, (), threads)

    def per_row(
        self, table: Any, *, at: At | None = None, threads: int | None = None
    ) -> tuple[Floats, Floats]:
        """One loss and one gradient per row, neither averaged nor weighted; a nan stays where it is.

        table, at, threads   as for the call; a table in memory
        return   losses (m,) and gradients (m, p); (m, k) and (m, k, p) for k outputs
        """
        if is_stream(table):
            raise TypeError(
                "per_row takes a table in memory: go through stream.batches(...) and take one by one"
            )
        bound = bind(table, self.columns)
        lowered = self._plan.lowered("per row")
        cells = _Start(self._plan, lowered).cells(at)
        k, p, m = len(self._outputs), len(self.wrt), bound.rows
        flat = np.empty((m, k * (1 + p)))
        stores = [flat[:, j] for j in range(flat.shape[1])]
        machine = Machine(lowered.code)
        machine.run(
            cells, bound.sources, m, stores, self.threads if threads is None else checked_threads(threads)
        )
        if self._single:
            return flat[:, 0].copy(), flat[:, 1:].copy()
        return flat[:, :k].copy(), flat[:, k:].reshape(m, k, p)

    # -- second derivatives ---------------------------------------------------------------------------

    def hessian(self, table: Any, *, at: At | None = None, threads: int | None = None) -> Floats:
        """Second derivatives of the loss over all rows, (p, p) and symmetric.

        table, at, threads   as for the call. Raises NonFiniteError when a second derivative is nan.
        """
        lowered = self._plan.lowered("hessian")
        p = len(self.wrt)
        result = np.empty((p, p))
        upper = np.triu_indices(p)
        result[upper] = self._second(lowered, table, at, threads)
        result.T[upper] = result[upper]
        return result

    def hessian_product(
        self,
        table: Any,
        vector: npt.ArrayLike,
        *,
        at: At | None = None,
        threads: int | None = None,
    ) -> Floats:
        """The Hessian times a vector (p,), in one pass and without the Hessian: (p,)."""
        v = np.asarray(vector, dtype=np.float64)
        if v.shape != (len(self.wrt),):
            raise ShapeError(
                f"the vector needs {len(self.wrt)} numbers, one for each of wrt: got the shape {v.shape}"
            )
        lowered = self._plan.lowered("product")
        return self._second(lowered, table, at, threads, v)

    def _second(
        self,
        lowered: Lowered,
        table: Any,
        at: At | None,
        threads: int | None,
        direction: Floats | None = None,
    ) -> Floats:
        cells = _Start(self._plan, lowered).cells(at)
        if direction is not None:
            for x, number in zip(self._plan.direction, direction, strict=True):
                if x in lowered.parameters:
                    cells[lowered.parameters[x]] = number
        machine = Machine(lowered.code)
        self._run(machine, cells, table, self.threads if threads is None else checked_threads(threads))
        results: Floats = cells[np.array(lowered.results, dtype=np.intp)]
        if _holds_nan(results, np.ones(len(results))):
            raise NonFiniteError(located(self, table, at))
        return results

    # -- for an optimiser, and to be read -------------------------------------------------------------

    def objective(self, table: Any, *, threads: int | None = None) -> Objective:
        """The loss over a table as a function of the parameters wrt, for `descent.minimise` or SciPy."""
        from minigrad.program.objective import Objective

        return Objective(self, table, self.threads if threads is None else checked_threads(threads))

    @property
    def instructions(self) -> Lowered:
        """The instructions as data: see `program/instructions.py`."""
        return self._reduced

    def __str__(self) -> str:
        names = [shown(node.label or "L", 40) for node in self._outputs]
        by = [shown(node.label, 40) or f"wrt[{j}]" for j, node in enumerate(self.wrt)]
        of = [f"d{name}/d{node}" for name in names for node in by]
        how = f"{self.reduce} over rows" + (
            f" weighted by {self.columns[-1]}" if self._plan.weight is not None else ""
        )
        head = f"program of {', '.join(names)}: {how}"
        listing = Listing(self._reduced, self._plan.e, self.columns, [*names, *of])
        rewritten = [
            f"rewritten   {applied.name}: {applied.before} → {applied.after}" for applied in self.rewrites
        ]
        return "\n".join([head, *rewritten, *listing.lines()])

    def __repr__(self) -> str:
        names = ", ".join(shown(node.label or "L", 40) for node in self._outputs)
        steps = len(self._reduced.code.body)
        return (
            f"<Program of {names}: {len(self.columns)} columns, {len(self.wrt)} derivatives, {steps} steps>"
        )


def _value(output: Any) -> Value:
    """The Value of an output, which may be a Derivative."""
    if isinstance(output, Value):
        return output
    value = getattr(output, "value", None)
    if isinstance(value, Value):
        return value
    raise TypeError(
        f"compile takes a Value or a Derivative, or a sequence of them, not {type(output).__name__}"
    )


def _places(cells: Sequence[int]) -> npt.NDArray[np.intp] | slice:
    """Where some cells are: a slice, which is quicker to take, if they lie side by side."""
    if cells and list(cells) == list(range(cells[0], cells[0] + len(cells))):
        return slice(cells[0], cells[0] + len(cells))
    return np.array(cells, dtype=np.intp)


class _Start:
    """The cells of a program at the start of a run: constants, and what the leaves of the graph hold then."""

    def __init__(self, plan: Plan, lowered: Lowered) -> None:
        leaf = plan.e.leaf
        places = {leaf[x]: cell for x, cell in lowered.parameters.items() if x in leaf}
        self._parameter = plan.parameter
        self._cell_of = places
        self._leaves = list(places)
        self._places = np.array(list(places.values()), dtype=np.intp)
        self._constants = np.zeros(lowered.code.cells)
        for cell, number in lowered.numbers.items():
            self._constants[cell] = number

    def cells(self, at: At | None) -> Floats:
        """A fresh array; `at` gives numbers for leaves by node or label."""
        cells = self._constants.copy()
        gather(self._leaves, self._places, cells)
        if at:
            if not isinstance(at, Mapping):
                raise TypeError(f'at gives numbers by node or label, {{"w": 0.5}}, not {type(at).__name__}')
            for key, number in at.items():
                leaf, number = self._parameter(key), Value(number).data
                if leaf in self._cell_of:  # a derivative may not depend on it
                    cells[self._cell_of[leaf]] = number
        return cells


def _holds_nan(numbers: Floats, ones: Floats) -> bool:
    """Whether one is nan; one product tells of most arrays that none is."""
    total = numbers.dot(ones)
    return total != total and bool(np.isnan(numbers).any())
