"""`compile` and `Program`: the graph of one example, run over every row of a table.

Room: says what is to be computed (mean loss and gradient, one of each per row, Hessians) and hands tables to the
machine. Below: `expression`, `simplify`, `derivative`, `lower`, `machine`, `binding`, `listing`. Above: `logistic`,
the command line.
Must hold: a nan is never averaged in silence; a program reads its parameters from the leaves of the graph when it
is called, and changes nothing there.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from minigrad.expression import Expressions
from minigrad.functions import ShapeError
from minigrad.program.binding import Bound, bind, is_stream, panels
from minigrad.program.listing import Listing
from minigrad.program.lower import Lowered, lower
from minigrad.program.machine import Machine
from minigrad.program.nonfinite import NonFiniteError, located
from minigrad.reverse import adjoints
from minigrad.simplify import Applied, stabilised
from minigrad.text import shown
from minigrad.value import Value

if TYPE_CHECKING:
    from minigrad.derivative import Derivative
    from minigrad.program.objective import Objective

Floats: TypeAlias = npt.NDArray[np.float64]
Output: TypeAlias = "Value | Derivative"

#: Numbers for parameters, by node or by label.
At: TypeAlias = "Mapping[Value, float] | Mapping[str, float] | Mapping[Value | str, float]"


class ProgramError(ValueError):
    """A graph cannot be compiled as asked; the message names the node and says what to do."""


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
    (0.4205, [-0.4314, -0.0896])
    """
    return Program(output, rows=rows, wrt=wrt, reduce=reduce, weight=weight, threads=threads)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Python's collector of cycles would walk a growing store of expressions, which has none, over and over."""
    paused = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if paused:
            gc.enable()


def checked_threads(threads: int) -> int:
    """`threads` if it is a whole number above 0, else ValueError."""
    if isinstance(threads, bool) or not isinstance(threads, int | np.integer) or threads < 1:
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
        self._rows = _labelled(rows)
        self._weight_name = weight
        #: Names of the columns that a table must have, in order.
        self.columns: tuple[str, ...] = (
            *(node.label for node in self._rows),
            *([weight] if weight is not None else []),
        )
        if len(set(self.columns)) < len(self.columns):
            name = next(name for name in self.columns if self.columns.count(name) > 1)
            raise ProgramError(f"two columns are called {shown(name, 60)!r}: give each its own label")
        with _collector_paused():
            self._read(wrt)
            self._reduced = self._lowered(totals=[*self._values, *self._flat_gradients()])
        self._machine = Machine(self._reduced.code)
        self._start = _Start(self._e, self._reduced)
        self._results = np.array(self._reduced.results, dtype=np.intp)
        self._ones = np.ones(len(self._results))

    # -- what is computed -----------------------------------------------------------------------------

    def _read(self, wrt: Sequence[Value] | None) -> None:
        """Expressions of the outputs, in their stable form, and of their gradients."""
        e = self._e = Expressions()
        recorded = e.read(self._outputs)
        known = _reached(e, recorded)
        inputs = {e.leaf[x]: x for x in known if e.ops[x] == "input"}
        for node in self._rows:
            if node not in inputs:
                raise ProgramError(
                    f"rows: {shown(node.label, 60)!r} has no part in this graph: leave it out, or was the graph "
                    "recorded from another Value of the same name?"
                )
        self._sources = {inputs[node]: j for j, node in enumerate(self._rows)}
        if self._weight_name is not None:
            self._sources[e.symbol(self._weight_name)] = len(self._rows)
        varying = set(self._rows)
        if wrt is None:
            wrt = [node for node in inputs if node not in varying]
        #: What the gradient is taken by, in its order.
        self.wrt: tuple[Value, ...] = tuple(self._checked_wrt(wrt))
        computed = [node for node in self.wrt if node.op != "input"]
        place_of = dict(zip(computed, e.read(computed), strict=True)) if computed else {}
        places = [place_of[node] if node in place_of else e.input(node) for node in self.wrt]
        for node, x in zip(self.wrt, places, strict=True):
            if x not in known:
                raise ProgramError(
                    f"wrt: {_which(node, self.wrt)} has no part in this graph: its derivative is 0 everywhere, or "
                    "the graph was recorded from another Value of the same name"
                )
        self._values, applied = stabilised(e, recorded)
        #: The rewrites that were applied, in order.
        self.rewrites: tuple[Applied, ...] = tuple(applied)
        leaves = [x for node, x in zip(self.wrt, places, strict=True) if node.is_leaf]
        inner = [x for node, x in zip(self.wrt, places, strict=True) if not node.is_leaf]
        one = e.constant(1.0)
        self._gradients: list[list[int]] = []
        for stable, as_written in zip(self._values, recorded, strict=True):
            by_leaves = iter(adjoints(e, stable, leaves, one, computed=True))
            by_inner: Any = iter(())
            if inner:  # a rewrite may have taken an inner node away: differentiate what was written
                by_inner = iter(stabilised(e, adjoints(e, as_written, inner, one, computed=True))[0])
            self._gradients.append([next(by_leaves if node.is_leaf else by_inner) for node in self.wrt])

    def _checked_wrt(self, wrt: Sequence[Value]) -> list[Value]:
        nodes = _sequence("wrt", wrt)
        if len(set(nodes)) < len(nodes):
            twice = next(node for node, times in Counter(nodes).items() if times > 1)
            raise ProgramError(f"wrt: {_which(twice, nodes)} is given twice")
        return nodes

    def _flat_gradients(self) -> list[int]:
        return [x for gradient in self._gradients for x in gradient]

    def _lowered(self, *, totals: Sequence[int] = (), stores: Sequence[int] = ()) -> Lowered:
        weight = None
        if self._weight_name is not None and totals:
            weight = next(x for x, j in self._sources.items() if j == len(self._rows))
        return lower(
            self._e, self._sources, totals=totals, stores=stores, weight=weight, mean=self.reduce == "mean"
        )

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
        return self._split(results)

    def _split(self, results: Floats) -> tuple[Any, Floats]:
        k, p = len(self._outputs), len(self.wrt)
        if self._single:
            return float(results[0]), results[1:]
        return results[:k], results[k:].reshape(k, p)

    def _run(self, machine: Any, cells: Floats, table: Any, threads: int) -> None:
        if type(table) is not np.ndarray and is_stream(table):
            machine.start(cells)
            rows = 0
            for m, columns in panels(table.batches(self.columns)):
                machine.feed(columns, m, (), threads)
                rows += m
            if rows == 0:
                raise ShapeError("the stream has no rows: there is nothing to average")
            machine.finish()
            return
        bound = table if type(table) is Bound else bind(table, self.columns)
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
        lowered = self._per_row
        cells = _Start(self._e, lowered).cells(at)
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

    @property
    def _per_row(self) -> Lowered:
        return self._once("per row", lambda: self._lowered(stores=[*self._values, *self._flat_gradients()]))

    def _once(self, name: str, make: Callable[[], Lowered]) -> Lowered:
        kept: dict[str, Lowered] = self.__dict__.setdefault("_kept", {})
        if name not in kept:
            with _collector_paused():
                kept[name] = make()
        return kept[name]

    # -- second derivatives ---------------------------------------------------------------------------

    def hessian(self, table: Any, *, at: At | None = None, threads: int | None = None) -> Floats:
        """Second derivatives of the loss over all rows, (p, p) and symmetric.

        table, at, threads   as for the call. Raises NonFiniteError when a second derivative is nan.
        """
        lowered = self._once("hessian", self._lower_hessian)
        p = len(self.wrt)
        result = np.empty((p, p))
        upper = np.triu_indices(p)
        result[upper] = self._second(lowered, table, at, threads)
        result.T[upper] = result[upper]
        return result

    def _lower_hessian(self) -> Lowered:
        self._one_output("hessian")
        e, wrt = self._e, self._wrt_inputs("hessian")
        one = e.constant(1.0)
        totals: list[int] = []
        for j, gradient in enumerate(self._gradients[0]):
            totals += adjoints(e, gradient, wrt[j:], one, computed=True)
        return self._lowered(totals=totals)

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
        lowered = self._once("product", self._lower_product)
        return self._second(lowered, table, at, threads, v)

    def _lower_product(self) -> Lowered:
        self._one_output("hessian_product")
        e, wrt = self._e, self._wrt_inputs("hessian_product")
        self._direction = [e.symbol(f"v[{j}]") for j in range(len(wrt))]
        along = e.make("dot", (*self._direction, *self._gradients[0])) if wrt else e.constant(0.0)
        return self._lowered(totals=adjoints(e, along, wrt, e.constant(1.0), computed=True))

    def _one_output(self, name: str) -> None:
        if not self._single:
            raise ProgramError(f"{name} is of one output: compile each on its own")

    def _wrt_inputs(self, name: str) -> list[int]:
        for node in self.wrt:
            if not node.is_leaf:
                raise ProgramError(f"{name} is by inputs: {_which(node, self.wrt)} is computed from others")
        return [x for node in self.wrt for x in self._e.read([node])]

    def _second(
        self,
        lowered: Lowered,
        table: Any,
        at: At | None,
        threads: int | None,
        direction: Floats | None = None,
    ) -> Floats:
        cells = _Start(self._e, lowered).cells(at)
        if direction is not None:
            for x, number in zip(self._direction, direction, strict=True):
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
        of = [f"d{name}/d{_plain(node, self.wrt)}" for name in names for node in self.wrt]
        how = f"{self.reduce} over rows" + (f" weighted by {self._weight_name}" if self._weight_name else "")
        head = f"program of {', '.join(names)}: {how}"
        listing = Listing(self._reduced, self._e, self.columns, [*names, *of])
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


def _sequence(what: str, given: Any) -> list[Value]:
    if isinstance(given, Value):
        raise TypeError(f"{what} is a sequence of Values: put the one into a list")
    nodes = list(given)
    for position, node in enumerate(nodes):
        if not isinstance(node, Value):
            raise TypeError(f"{what}[{position}] is not a Value but {type(node).__name__}")
    return nodes


def _labelled(rows: Sequence[Value]) -> list[Value]:
    nodes = _sequence("rows", rows)
    for position, node in enumerate(nodes):
        if node.op != "input":
            raise ProgramError(
                f"rows[{position}] ({shown(node.label, 60) or node.op}) is computed from others: a column is an input"
            )
        if not node.label:
            raise ProgramError(f"rows[{position}] has no label: the label names its column")
    return nodes


def _reached(e: Expressions, roots: Sequence[int]) -> set[int]:
    reached = set(roots)
    waiting = list(roots)
    while waiting:
        for x in e.operands[waiting.pop()]:
            if x not in reached:
                reached.add(x)
                waiting.append(x)
    return reached


class _Start:
    """The cells of a program at the start of a run: constants, and what the leaves of the graph hold then."""

    def __init__(self, e: Expressions, lowered: Lowered) -> None:
        self._e = e
        leaves = [(e.leaf[x], cell) for x, cell in lowered.parameters.items() if x in e.leaf]
        self._leaves = [leaf for leaf, _ in leaves]
        self._places = np.array([cell for _, cell in leaves], dtype=np.intp)
        self._constants = np.zeros(lowered.code.cells)
        for cell, number in lowered.numbers.items():
            self._constants[cell] = number

    def cells(self, at: At | None) -> Floats:
        """A fresh array; `at` gives numbers for leaves by node or label."""
        cells = self._constants.copy()
        cells[self._places] = [leaf.data for leaf in self._leaves]
        if at:
            for key, number in at.items():
                cells[self._position(key)] = Value(number).data
        return cells

    def _position(self, key: Value | str) -> Any:
        """The cell of a parameter; an empty selection where this program does not need it."""
        for leaf, cell in zip(self._leaves, self._places, strict=True):
            if leaf is key or (isinstance(key, str) and leaf.label == key):
                return cell
        if any(leaf is key or leaf.label == key for leaf in self._e.leaf.values()):
            return slice(0)
        name = key if isinstance(key, str) else key.label
        known = ", ".join(shown(leaf.label, 40) or "(no label)" for leaf in self._leaves[:8])
        raise ProgramError(
            f"at: {shown(name, 60)!r} is no parameter of this program; it has {known or 'none'}"
        )


def _holds_nan(numbers: Floats, ones: Floats) -> bool:
    """Whether one is nan; one product tells of most arrays that none is."""
    total = numbers.dot(ones)
    return bool(total != total and np.isnan(numbers).any())


def _plain(node: Value, nodes: Sequence[Value]) -> str:
    return shown(node.label, 40) if node.label else f"wrt[{list(nodes).index(node)}]"


def _which(node: Value, nodes: Sequence[Value]) -> str:
    return repr(shown(node.label, 60)) if node.label else f"number {list(nodes).index(node)}"
