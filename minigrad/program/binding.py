"""Tables of every kind as the columns a program reads.

Room: decides how a table is taken: as one array, as columns, or batch by batch. Below: `tables` (imported when a
table is not a plain array), `instructions`. Nothing here looks at the numbers.
Must hold: no copy of a table; a batch is copied only to fill up a panel that a batch boundary cuts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from minigrad.functions import ShapeError
from minigrad.program.instructions import PANEL

Floats: TypeAlias = npt.NDArray[np.float64]
Columns: TypeAlias = Sequence[npt.NDArray[Any]]

_FLOAT64 = np.dtype(np.float64)


class Bound(NamedTuple):
    """A table in memory: one two-dimensional array whose columns are in order, or columns one by one.

    rows     m
    sources  what the machine reads: columns, or an array and the numbers of its columns
    """

    rows: int
    sources: list[npt.NDArray[Any]] | tuple[npt.NDArray[Any], tuple[int, ...]]

    def columns(self) -> list[npt.NDArray[Any]]:
        """The columns one by one."""
        if isinstance(self.sources, list):
            return self.sources
        table, numbers = self.sources
        return [table[:, j] for j in numbers]

    def take(self, indices: npt.NDArray[np.intp]) -> Bound:
        """Some of the rows, copied."""
        if isinstance(self.sources, list):
            return Bound(len(indices), [column[indices] for column in self.sources])
        table, numbers = self.sources
        return Bound(len(indices), (table[indices], numbers))


def bind(table: Any, names: Sequence[str]) -> Bound:
    """A table in memory, its columns in the order of `names`.

    Raises ShapeError when the table has no rows or another number of columns, DataError as `tables.columns_of`.
    """
    if type(table) is Bound:
        return table
    if type(table) is np.ndarray and table.ndim == 2:
        dtype = table.dtype
        if dtype is _FLOAT64 or dtype.kind in "fiub":
            m, k = table.shape
            if k != len(names):
                raise ShapeError(
                    f"the program reads {len(names)} columns, {_listed(names)}, in this order: got an array of "
                    f"shape {table.shape}"
                )
            if m == 0:
                raise ShapeError("the table has no rows: there is nothing to average")
            if dtype is _FLOAT64 or (dtype.isnative and dtype.char not in "eg"):
                return Bound(m, (table, _first(k)))  # half and long double go the longer way
    from minigrad.tables import columns_of

    columns = columns_of(table, names)
    m = len(columns[0]) if columns else _length(table)
    if m == 0:
        raise ShapeError("the table has no rows: there is nothing to average")
    return Bound(m, columns)


@cache
def _first(k: int) -> tuple[int, ...]:
    """0 .. k - 1, one and the same tuple each time."""
    return tuple(range(k))


def _length(table: Any) -> int:
    try:
        return len(table)
    except TypeError:
        return 0


def _listed(names: Sequence[str], limit: int = 8) -> str:
    more = f", … ({len(names) - limit} more)" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def check_weights(weights: npt.NDArray[Any], name: str, start: int) -> None:
    """Refuse weights that are no counts of rows; a nan is found with the rows that give nan.

    Raises ValueError for a weight below 0 or infinite (its row is given), and for weights that add up to infinity.
    """
    wrong = np.flatnonzero((weights < 0) | np.isinf(weights))
    if wrong.size:
        i = int(wrong[0])
        raise ValueError(
            f"weights: row {start + i} of column {name!r} holds {weights[i].item()!r}: a weight is a finite number, "
            "0 or more"
        )
    with np.errstate(over="ignore"):
        if np.isinf(np.sum(weights, dtype=np.float64)):
            raise ValueError(
                f"weights: column {name!r} adds up to more than 1.8e308: divide it by its largest"
            )


def is_stream(table: Any) -> bool:
    """Whether the rows of a table come batch by batch."""
    return hasattr(table, "batches") and hasattr(table, "names")


def panels(batches: Iterable[Columns]) -> Iterator[tuple[int, list[npt.NDArray[Any]]]]:
    """Batches cut anew, so that all but the last hold whole panels: (rows, columns)."""
    held: list[list[npt.NDArray[Any]]] = []  # pieces of less than a panel
    waiting = 0
    for batch in batches:
        rows = len(batch[0])
        start = 0
        if waiting:
            start = min(PANEL - waiting, rows)
            held.append([column[:start].copy() for column in batch])
            waiting += start
            if waiting == PANEL:
                yield PANEL, _joined(held)
                held, waiting = [], 0
        whole = (rows - start) // PANEL * PANEL
        if whole:
            yield whole, [column[start : start + whole] for column in batch]
        if start + whole < rows:
            held.append([column[start + whole :].copy() for column in batch])
            waiting += rows - start - whole
    if waiting:
        yield waiting, _joined(held)


def _joined(pieces: Sequence[Columns]) -> list[npt.NDArray[Any]]:
    if len(pieces) == 1:
        return list(pieces[0])
    return [np.concatenate(parts) for parts in zip(*pieces, strict=True)]
