"""Which axis is which: the layout of the data of a function over m rows.

Room: reads shapes, gives rows (m, n), and dresses other rows in the same layout. Below: NumPy. Above: `function`.
Must hold: every layout that the shapes allow is found; data come back in the very shapes they had.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from minigrad.functions import ShapeError
from minigrad.text import shown

Floats: TypeAlias = npt.NDArray[np.float64]
Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """The data of one call without their layout: w (n,), b, x (m, n), y (m,)."""

    w: Floats
    b: float
    x: Floats
    y: Floats

    @property
    def m(self) -> int:
        """Rows."""
        return len(self.x)

    @property
    def n(self) -> int:
        """Features."""
        return len(self.w)


@dataclass(frozen=True, slots=True)
class Layout:
    """How w, b, X and Y are laid out.

    rows_last   X is (n, m), an example a column, as in the Coursera exercise; else (m, n)
    w, y        "flat" (k,), "column" (k, 1), "row" (1, k)
    b           shape of the bias; None where the function takes none
    x_flat      X is a vector: one feature, or one row
    """

    rows_last: bool
    w: str
    y: str
    b: Shape | None = ()
    x_flat: bool = False

    def __str__(self) -> str:
        axes = "(n, m), an example a column" if self.rows_last else "(m, n), an example a row"
        return f"X is {axes}; w is {_AS_TEXT[self.w].format('n')}, Y is {_AS_TEXT[self.y].format('m')}"

    def dressed(self, rows: Rows) -> tuple[Any, ...]:
        """Rows as arguments w, b, X, Y of the function, fresh copies."""
        x = rows.x.T if self.rows_last else rows.x
        x = x.ravel().copy() if self.x_flat else np.array(x, order="C")
        w, y = _dressed(rows.w, self.w), _dressed(rows.y, self.y)
        if self.b is None:
            return w, x, y
        b = float(rows.b) if self.b == () else np.full(self.b, rows.b)
        return w, b, x, y

    def shape_of_w(self, n: int) -> Shape:
        """The shape that w has, and dw needs."""
        return {"flat": (n,), "column": (n, 1), "row": (1, n)}[self.w]


_AS_TEXT = {"flat": "({},)", "column": "({}, 1)", "row": "(1, {})"}


def _dressed(vector: Floats, kind: str) -> Floats:
    shape = {"flat": (-1,), "column": (-1, 1), "row": (1, -1)}[kind]
    return vector.reshape(shape).copy()


def _kind(name: str, array: Floats, single: str) -> str:
    """How a vector is laid out; `single` is what (1, 1) stands for."""
    if array.ndim <= 1:
        return "flat"
    if array.shape == (1, 1):
        return single
    if array.ndim == 2 and 1 in array.shape:
        return "column" if array.shape[1] == 1 else "row"
    raise ShapeError(f"{name} has the shape {array.shape}: a vector is needed, (k,), (k, 1) or (1, k)")


def numbers(name: str, given: Any) -> Floats:
    """An array of float64. Raises TypeError or ShapeError that names the argument."""
    try:
        array = np.asarray(given)
        if array.dtype == object and all(isinstance(item, Real) for item in array.flat):
            return array.astype(np.float64)
        if array.dtype.kind not in "fiub":
            raise TypeError
        return array.astype(np.float64)
    except (TypeError, ValueError):
        kind = f"an array of {given.dtype}" if isinstance(given, np.ndarray) else type(given).__name__
        raise TypeError(f"{name} must hold real numbers, not {kind}: {shown(repr(given), 60)}") from None


def layouts(w: Any, b: Any, x: Any, y: Any) -> list[tuple[Layout, Rows]]:
    """Every layout that the shapes allow, the likelier first: two where n = m, else one.

    Raises ShapeError when none fits; it gives all shapes.

    >>> (layout, rows), = layouts([[1.0], [2.0]], 2.0, [[1, 2, -1], [3, 4, -3.2]], [[1, 0, 1]])
    >>> layout.rows_last, rows.m, rows.n
    (True, 3, 2)
    """
    w, x, y = numbers("w", w), numbers("X", x), numbers("Y", y)
    shape_b = None if b is None else numbers("b", b).shape
    if shape_b is not None and int(np.prod(shape_b)) != 1:
        raise ShapeError(f"b has the shape {shape_b}: one number is needed")
    n, m, flat = w.size, y.size, x.ndim == 1
    bias = 0.0 if b is None else float(np.asarray(b, dtype=np.float64).reshape(-1)[0])
    if x.ndim > 2:
        raise ShapeError(f"X has the shape {x.shape}: flatten each example to a vector first")
    if n == 0 or m == 0:
        raise ShapeError("there must be one row and one feature at least")
    found = []
    for rows_last in (True, False):
        table = x.reshape(n, m) if flat and x.size == n * m and 1 in (n, m) else x
        if flat and not rows_last:
            continue
        if table.ndim == 2 and table.shape == ((n, m) if rows_last else (m, n)):
            kinds = _kind("w", w, "column"), _kind("Y", y, "row" if rows_last else "column")
            rows = Rows(w.ravel(), bias, table.T.copy() if rows_last else table.copy(), y.ravel())
            found.append((Layout(rows_last, *kinds, shape_b, flat), rows))
    if not found:
        raise ShapeError(
            f"the shapes do not fit: w {w.shape} gives n = {n} features, Y {y.shape} gives m = {m} rows, "
            f"so X needs ({n}, {m}) or ({m}, {n}), and has {x.shape}"
        )
    if len(found) == 2 and w.ndim < 2 and y.ndim < 2:  # without columns nothing speaks for the course
        found.reverse()
    return found
