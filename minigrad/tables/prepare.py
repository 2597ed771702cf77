"""Bringing columns to one scale, and setting rows apart.

Room: NumPy arrays in, NumPy arrays out. Below: `checks`.
Must hold: the same seed gives the same split; a constant column is no error.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from minigrad.functions import ShapeError
from minigrad.tables.checks import Floats, checked_rows
from minigrad.tables.place import DataError


class Standardised(NamedTuple):
    """Rows whose columns have mean 0 and standard deviation 1.

    rows   (m, n), without a unit
    mean   (n,) what was subtracted, in the units of the columns
    scale  (n,) what was divided by, in the units of the columns
    """

    rows: Floats
    mean: Floats
    scale: Floats


class Split(NamedTuple):
    """Positions of rows, each in ascending order: those to learn from, and those kept back."""

    training: npt.NDArray[np.intp]
    held_out: npt.NDArray[np.intp]


def standardised(rows: npt.ArrayLike) -> Standardised:
    """Subtract from each column its mean and divide by its standard deviation (over m, not m - 1).

    rows    (m, n) finite numbers, each column in its own unit
    return  Standardised; other rows are brought to the same scale by (others - mean) / scale

    A constant column, which tells nothing, becomes 0: its scale is given as 1.
    Raises ShapeError and DataError as `checked_rows`, and DataError when a column is so large or so small
    that its standard deviation is not a normal double.

    >>> rows, mean, scale = standardised([[1.0, 5.0], [3.0, 5.0]])
    >>> rows.tolist(), mean.tolist(), scale.tolist()
    ([[-1.0, 0.0], [1.0, 0.0]], [2.0, 5.0], [1.0, 1.0])
    """
    table = checked_rows(rows)
    constant = table.min(axis=0) == table.max(axis=0)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        mean = np.where(constant, table[0], table.mean(axis=0))
        scale = np.where(constant, 1.0, table.std(axis=0))
    strange = np.flatnonzero(~(np.isfinite(scale) & np.isfinite(mean) & (scale >= np.finfo(np.float64).tiny)))
    if strange.size:
        raise DataError(
            f"the numbers of column {strange[0]} are too large or too small to be squared: change its unit"
        )
    return Standardised((table - mean) / scale, mean, scale)


def split(m: int, *, held_out: float = 0.2, seed: int = 0) -> Split:
    """Set a part of m rows apart, drawn by chance, to judge a model by rows it has not seen.

    m         number of rows, at least 2
    held_out  the share to keep back, between 0 and 1; at least one row goes to each part
    seed      of numpy.random.default_rng; the same seed gives the same split

    >>> training, held_out = split(10, held_out=0.2, seed=1)
    >>> len(training), len(held_out)
    (8, 2)
    """
    if m < 2:
        raise ShapeError(f"{m} row cannot be split: at least 2 are needed")
    if not 0.0 < held_out < 1.0:
        raise ValueError(f"held_out is the share of rows to keep back, between 0 and 1: got {held_out!r}")
    count = min(max(round(m * held_out), 1), m - 1)
    order = np.random.default_rng(seed).permutation(m)
    return Split(np.sort(order[count:]), np.sort(order[:count]))
