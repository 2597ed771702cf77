"""Rows with their labels, as a model needs them: by name, in memory or batch by batch, labels as 0 and 1.

Room: takes whatever `tables` takes, and puts labels beside it. Below: `tables`. Above: `model`.
Must hold: a label that is no class, a single class, a number that is not finite: refused with its row; no copy of a
column is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from minigrad.functions import ShapeError
from minigrad.logistic.file import Class
from minigrad.tables import DataError, columns_of
from minigrad.tables.checks import refuse_nonfinite
from minigrad.tables.place import Place, near
from minigrad.text import shown

Floats: TypeAlias = npt.NDArray[np.float64]
Columns: TypeAlias = Sequence[npt.NDArray[Any]]

#: Rows looked at in one go.
CHUNK = 65536


def is_stream(table: Any) -> bool:
    """Whether the rows come batch by batch (`tables.open_rows`)."""
    return hasattr(table, "batches") and hasattr(table, "names")


def features_of(table: Any, names: Sequence[str]) -> Iterator[list[npt.NDArray[Any]]]:
    """The columns of these names, some rows at a time."""
    if is_stream(table):
        yield from table.batches(names)
        return
    columns = columns_of(table, names)
    for start in range(0, len(columns[0]), CHUNK):
        yield [column[start : start + CHUNK] for column in columns]


class Rows:
    """Rows to learn from or to judge by.

    table    what a program takes: a dict of columns, or a stream
    columns  names of the features, of the label, and of the weight if rows have one
    m        number of rows
    ones     number of labels that are 1
    both     refuse labels that are all the same
    """

    def __init__(
        self,
        table: Any,
        labels: Any,
        *,
        features: Sequence[str],
        target: str,
        classes: tuple[Class, Class] = (0, 1),
        weight: Any = None,
        both: bool = True,
    ) -> None:
        self.features, self.target, self.weight_name = tuple(features), target, ""
        self.m = self.ones = 0
        if is_stream(table):
            self._of_stream(table, labels, classes, weight)
        else:
            self._in_memory(table, labels, classes, weight)
        if both:
            self._refuse_one_class()

    def _of_stream(self, table: Any, labels: Any, classes: tuple[Class, Class], weight: Any) -> None:
        if labels is not None:
            raise TypeError(
                "labels of a stream are a column of it: leave labels out, and name the column as target"
            )
        if classes != (0, 1):
            raise DataError(
                f"the labels of a stream are 0 and 1, not {classes[0]!r} and {classes[1]!r}: open it with "
                f"labels={{{self.target!r}: {classes[1]!r}}} and leave classes out, or read the table into memory"
            )
        if weight is not None and not isinstance(weight, str):
            raise TypeError("the weights of a stream are a column of it: give its name")
        self.weight_name = weight or ""
        self.table: Any = table
        for (column,) in table.batches([self.target]):
            self._count(column)

    def _in_memory(self, table: Any, labels: Any, classes: tuple[Class, Class], weight: Any) -> None:
        plain = classes == (0, 1)
        names = list(self.features)
        if labels is None and plain:
            *columns, y = columns_of(table, [*names, self.target])
            if isinstance(table, np.ndarray) and table.dtype.names is None and weight is None:
                self.table = table  # rows that lie together are read together
                self._count(y)
                return
        else:
            y = column_of(table, self.target) if labels is None else labels
            y = encoded(y, classes, self.target)
            columns = columns_of(table, names)
        self.table = dict(zip(names, columns, strict=True))
        m = len(columns[0])
        if y.shape != (m,):
            raise ShapeError(
                f"there are {m} rows, but the labels have the shape {y.shape}: one is needed per row"
            )
        self.table[self.target] = y
        if weight is not None:
            self._weigh(table, weight, m)
        self._count(y)

    def _weigh(self, table: Any, weight: Any, m: int) -> None:
        if isinstance(weight, str):
            (column,) = columns_of(table, [weight])
        else:
            (column,) = columns_of({"weights": weight}, ["weights"])
        if column.shape != (m,):
            raise ShapeError(f"there are {m} rows, but {len(column)} weights: one is needed per row")
        strange = np.flatnonzero(~(np.isfinite(column) & (column >= 0)))
        if strange.size:
            raise DataError(
                f"the weight of row {strange[0]} is {float(column[strange[0]])!r}: a weight is 0 or more"
            )
        if not column.any():
            raise DataError("all weights are 0: there is nothing to learn from")
        self.weight_name = weight if isinstance(weight, str) else _unused("weight", self.table)
        self.table[self.weight_name] = column

    def _count(self, y: npt.NDArray[Any]) -> None:
        """Take note of some more labels, each 0 or 1."""
        strange = np.flatnonzero((y != 0) & (y != 1))
        if strange.size:
            row = self.m + int(strange[0])
            raise DataError(
                f"row {row:,}, column {shown(self.target, 60)!r} holds {y[strange[0]].item()!r}: a label is 0 or 1",
                row=row, column=self.target,
            )  # fmt: skip
        self.m += len(y)
        self.ones += int(np.count_nonzero(y))

    def _refuse_one_class(self) -> None:
        if self.ones in (0, self.m):
            raise DataError(
                f"all {self.m:,} labels in {shown(self.target, 60)!r} are {int(self.ones > 0)}: there is nothing to "
                "tell apart; rows of both classes are needed",
                column=self.target,
            )

    # -- going through them ---------------------------------------------------------------------------

    def batches(self) -> Iterator[tuple[list[npt.NDArray[Any]], npt.NDArray[Any]]]:
        """Features and labels, some rows at a time."""
        for *columns, y in features_of(self.table, [*self.features, self.target]):
            yield columns, y

    def refuse_nonfinite(self) -> None:
        """DataError naming the first number of the features that is nan or infinite, if there is one."""
        start = 0
        for columns, y in self.batches():
            refuse_nonfinite(columns, self.features, Place(first=start))
            start += len(y)

    def too_large(self) -> DataError:
        """The error for columns whose squares leave the doubles; it names the one with the largest number."""
        most = np.zeros(len(self.features))
        for columns, _ in self.batches():
            most = np.maximum(most, [float(np.abs(column).max()) for column in columns])
        j = int(np.argmax(most))
        return DataError(
            f"column {shown(self.features[j], 60)!r} holds numbers up to {most[j]:.3g}, too large to be squared and "
            "added up: change its unit",
            column=self.features[j],
        )

    def features_only(self) -> Iterator[list[npt.NDArray[Any]]]:
        """The features, some rows at a time."""
        return (
            features_of(self.table, self.features)
            if not isinstance(self.table, np.ndarray)
            else (columns for columns, _ in self.batches())
        )


def moments(batches: Callable[[], Iterable[Columns]], names: Sequence[str]) -> tuple[Floats, Floats]:
    """Mean and standard deviation (over m) of each column, (n,) each; a constant one has the scale 1.

    Batches are put together as in Chan, Golub and LeVeque, Algorithms for computing the sample variance (1983).
    Raises DataError when a number is nan or infinite, or a column is too large or too small to be squared.
    """
    n = len(names)
    m, mean, squares = 0, np.zeros(n), np.zeros(n)
    low, high = np.full(n, np.inf), np.full(n, -np.inf)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for columns in batches():
            more = len(columns[0])
            for j, column in enumerate(columns):
                numbers = np.asarray(column, dtype=np.float64)
                its = numbers.mean()
                off = its - mean[j]
                squares[j] += np.square(numbers - its).sum() + off * off * (m * more / (m + more))
                mean[j] += off * (more / (m + more))
                low[j], high[j] = min(low[j], numbers.min()), max(high[j], numbers.max())
            m += more
        scale = np.sqrt(squares / m)
    constant = low == high
    mean, scale = np.where(constant, low, mean), np.where(constant, 1.0, scale)
    strange = np.flatnonzero(~(np.isfinite(mean) & np.isfinite(scale) & (scale >= np.finfo(np.float64).tiny)))
    if strange.size:
        start = 0
        for columns in batches():
            refuse_nonfinite(columns, names, Place(first=start))
            start += len(columns[0])
        name = names[strange[0]]
        raise DataError(
            f"the numbers of column {shown(name, 60)!r} are too large or too small to be squared: change its unit",
            column=name,
        )
    return mean, scale


def encoded(labels: Any, classes: tuple[Class, Class], target: str) -> npt.NDArray[Any]:
    """Labels as 0 and 1 (m,): which of the two classes each is.

    Raises DataError when one is neither (row and what it holds are given).
    """
    if classes == (0, 1) and not isinstance(labels, np.ndarray):
        (labels,) = columns_of({target: labels}, [target])
    given = np.asarray(labels)
    if given.ndim != 1:
        raise ShapeError(f"labels are one for each row, (m,): got the shape {given.shape}")
    first, second = (given == each for each in classes)
    strange = np.flatnonzero(~(first | second)) if np.ndim(first) else np.arange(1)
    if strange.size:
        row = int(strange[0])
        thing = given[row].item() if hasattr(given[row], "item") else given[row]
        raise DataError(
            f"row {row:,}, column {shown(target, 60)!r} holds {shown(repr(thing), 40)}: a label is "
            f"{classes[0]!r} or {classes[1]!r}",
            row=row, column=target,
        )  # fmt: skip
    return np.asarray(second)


def row_of(
    row: Any, label: Any, names: Sequence[str], target: str, classes: tuple[Class, Class]
) -> tuple[Floats, float]:
    """The numbers (n,) of one row, given in order or by name, and its label as 0 or 1."""
    if hasattr(row, "keys"):
        keys: Iterable[Any] = row.keys()  # of a dict, or of a Series of pandas
        named = {str(key): row[key] for key in keys}
        for name in names:
            if name not in named:
                hint = near(name, list(named))
                raise DataError(f"the row has no {shown(name, 60)!r}{hint}", column=name)
        numbers = [named[name] for name in names]
        label = named.get(target) if label is None else label
    else:
        numbers = list(row)
        if label is None and len(numbers) == len(names) + 1:
            label = numbers.pop()
    if len(numbers) != len(names):
        raise ShapeError(f"a row has {len(names)} numbers, one for each feature: got {len(numbers)}")
    if label is None:
        raise DataError(f"the row has no label: give label={classes[0]!r} or {classes[1]!r}", column=target)
    columns = columns_of({name: [number] for name, number in zip(names, numbers, strict=True)}, names)
    refuse_nonfinite(columns, names, Place())
    (y,) = encoded([label], classes, target)
    return np.array([float(column[0]) for column in columns]), float(y)


def column_of(table: Any, name: str) -> Any:
    """A column of any kind, text among it, as it lies in a table in memory."""
    try:
        if hasattr(table, "schema") and hasattr(table, "column"):  # Arrow
            return table.column(name).to_numpy(zero_copy_only=False)
        return np.asarray(table[name])
    except (KeyError, IndexError, TypeError, ValueError):
        columns_of(table, [name])  # says what else it is, or which name may have been meant
        raise DataError(f"the table has no column {shown(name, 60)!r} with the labels", column=name) from None


def _unused(name: str, taken: Any) -> str:
    while name in taken:
        name += "'"
    return name
