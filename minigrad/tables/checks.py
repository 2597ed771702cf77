"""Rows and labels that can be computed with, or an error that says which cannot.

Room: judges numbers that are in memory; how they came there is not its matter. Below: `place`.
Must hold: a row that holds a nan, an infinity or a label that is none is refused, never dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from minigrad.functions import ShapeError
from minigrad.tables.place import DataError, Place

Floats: TypeAlias = npt.NDArray[np.float64]

#: Rows that are looked at in one go.
BLOCK = 65536


def checked_rows(rows: npt.ArrayLike) -> Floats:
    """`rows` as an (m, n) float64 array of finite numbers with m >= 1 and n >= 1.

    Raises ShapeError when it is not such a table, DataError when a number is nan or infinite (the first row
    and column are given, counted from 0) or what it holds are not real numbers.
    """
    table = _numbers(rows, "rows")
    if table.ndim != 2:
        raise ShapeError(f"rows need two dimensions, (m, n): got the shape {table.shape}")
    if 0 in table.shape:
        raise ShapeError(
            f"a table of {table.shape[0]} rows and {table.shape[1]} columns holds nothing to compute with"
        )
    if not np.isfinite(table).all():
        refuse_nonfinite(list(table.T), range(table.shape[1]), Place())
    return table


def checked_labels(labels: npt.ArrayLike, m: int) -> Floats:
    """`labels` as an (m,) float64 array of zeros and ones.

    Raises ShapeError when there are not m of them (both numbers are given), DataError when one is not 0 or 1.
    """
    given = _numbers(labels, "labels")
    if given.shape != (m,):
        raise ShapeError(
            f"there are {m} rows, but the labels have the shape {given.shape}: one is needed per row"
        )
    strange = np.flatnonzero((given != 0.0) & (given != 1.0))
    if strange.size:
        raise DataError(f"the label of row {strange[0]} is {float(given[strange[0]])!r}: a label is 0 or 1")
    return given


def _numbers(data: npt.ArrayLike, what: str) -> Floats:
    try:
        array = np.asarray(data)
    except ValueError:
        raise ShapeError(f"the {what} differ in length: each row needs a number for each column") from None
    if array.dtype.kind not in "fiub" and array.size:
        raise DataError(f"the {what} hold {array.dtype}, not real numbers: convert them first")
    return array.astype(np.float64)


def check_finite(columns: Sequence[npt.ArrayLike], names: Sequence[str]) -> None:
    """Refuse columns in which a number is nan or infinite; what `columns_of` gives, before a model learns from it.

    columns  arrays (m,)
    names    one for each

    Raises DataError with the first such row, counted from 0, its column and how many there are in all.

    >>> check_finite([[1.0, 2.0], [3, 4]], ["x", "y"])
    >>> check_finite([[1.0, np.nan]], ["x"])
    Traceback (most recent call last):
    minigrad.tables.DataError: row 1, column 'x' holds nan (1 such in all): fill it in or leave the row out
    """
    refuse_nonfinite(columns, names, Place())


def refuse_nonfinite(columns: Sequence[npt.ArrayLike], names: Sequence[str] | range, place: Place) -> None:
    """Block by block, so that nothing as large as a column is made."""
    first, count = (-1, -1), 0
    for j, column in enumerate(map(np.asarray, columns)):
        if column.dtype.kind != "f":
            continue
        for start in range(0, len(column), BLOCK):
            strange = ~np.isfinite(column[start : start + BLOCK])
            if strange.any():
                found = (start + int(np.argmax(strange)), j)
                first = found if not count else min(first, found)
                count += int(np.count_nonzero(strange))
    if count:
        row, j = first
        raise place.error(
            f"holds {float(np.asarray(columns[j])[row])!r} ({count:,} such in all): fill it in or leave the row out",
            row=row,
            column=names[j],
        )
