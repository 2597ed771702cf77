"""Rows to run a graph over: the table that is shipped, bringing columns to one scale, setting rows apart.

Room: gives NumPy arrays, knows nothing of graphs.
Must hold: a row that holds a nan, an infinity or a label that is none is refused, never dropped; the same
seed gives the same split.
"""

from __future__ import annotations

import csv
from importlib import resources
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from minigrad.functions import ShapeError

Floats: TypeAlias = npt.NDArray[np.float64]


class DataError(ValueError):
    """A table holds what cannot be computed with; the message says in which row and column."""


class Table(NamedTuple):
    """Rows with their labels.

    rows    (m, n) float64
    labels  (m,) float64, each 0 or 1
    names   n names of columns
    """

    rows: Floats
    labels: Floats
    names: tuple[str, ...]


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


def breast_cancer() -> Table:
    """The Wisconsin breast-cancer (diagnostic) table: 569 rows of 30 columns; label 1 is malignant.

    Each row describes the cell nuclei in the image of a fine needle aspirate of a breast mass: ten features,
    of each the mean, the standard error and the mean of the three largest values. 212 rows are malignant
    (label 1) and 357 benign (label 0); scikit-learn's copy counts the other way round (1 is benign). Lengths
    and areas are in units of the image.

    Source: Wolberg, Mangasarian, Street and Street (1995), UCI Machine Learning Repository,
    https://doi.org/10.24432/C5DW2B, licence CC BY 4.0. The file data/breast_cancer.txt says more.

    >>> table = breast_cancer()
    >>> table.rows.shape, int(table.labels.sum()), table.names[0], float(table.rows[0, 0])
    ((569, 30), 212, 'mean_radius', 17.99)
    """
    source = resources.files("minigrad") / "data" / "breast_cancer.csv"
    header, *lines = csv.reader(source.read_text(encoding="utf-8").splitlines())
    rows = np.array([line[1:] for line in lines], dtype=np.float64)
    labels = np.array([line[0] == "malignant" for line in lines], dtype=np.float64)
    return Table(rows, labels, tuple(header[1:]))


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
    strange = np.argwhere(~np.isfinite(table))
    if strange.size:
        row, column = strange[0]
        raise DataError(
            f"row {row}, column {column} holds {float(table[row, column])!r} ({len(strange)} such in all): "
            "fill it in or leave the row out"
        )
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
