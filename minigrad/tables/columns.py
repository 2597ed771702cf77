"""Columns of a table by name, as NumPy arrays that share its memory wherever it has numbers in memory.

Room: takes whatever holds columns: NumPy, mappings of arrays and lists, pandas, polars, Arrow, and what speaks
their protocols. None of those is imported that is not there already. Below: `place`, `arrow`.
Above: `stream`, programs.
Must hold: a column that comes out holds one real number for each row (a float may be nan); what was not one
is refused with its row, never filled in or dropped. No loop of Python over the rows but to find a bad one.
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from minigrad.functions import ShapeError
from minigrad.tables import arrow
from minigrad.tables.place import DATES, TEXT, Place, missing, near, quoted, several

Column: TypeAlias = npt.NDArray[Any]

#: Makes an array (m,) of a column, whatever it is; also given its name and where its rows come from.
Convert: TypeAlias = Callable[[Any, str, Place], Column]


def columns_of(table: Any, names: Sequence[str]) -> list[Column]:
    """The columns of a table that have these names, in this order, without copying where that is possible.

    table   a (m, k) array, k names given: its columns in order; a structured array, a mapping of columns, a
            pandas or polars DataFrame, a pyarrow Table or RecordBatch, or what has `__arrow_c_stream__`,
            `__dataframe__` or `__array__`: its columns by name
    names   of the columns
    return  for each name an array (m,) of float64, float32, an integer type or bool, in native byte order;
            it may be strided and may be read-only, for it is a view of the table's memory

    A copy is made of what NumPy cannot look at in place: of Arrow's booleans (bits) and columns in several
    chunks, of lists, and of float16 (which becomes float32), longdouble, decimals and fractions (which become
    float64, rounded to the nearest double). Integers stay integers here; arithmetic on them is in float64,
    which is exact up to 2^53.

    A nan in a column of floats is a number here (see `check_finite`); None, null and NA are missing.

    Raises ShapeError when the array has not one column for each name, columns differ in length, or there are
    no rows; DataError when a column is missing or there twice, or holds what is missing, text, dates or nested
    (row and column are given, rows counted from 0).

    >>> columns_of({"y": [0, 1], "x": [0.5, 2.5]}, ["x", "y"])
    [array([0.5, 2.5]), array([0, 1])]
    """
    columns = bound(table, checked_names(names), Place())
    if not len(columns[0]):
        raise ShapeError("the table has no rows: there is nothing to compute with")
    return columns


def checked_names(names: Sequence[str]) -> list[str]:
    """`names` as a list of at least one text."""
    if isinstance(names, str):
        names = [names]
    strange = [name for name in names if not isinstance(name, str)]
    if strange:
        raise TypeError(f"the name of a column is text: got {strange[0]!r}")
    if not names:
        raise ShapeError("no column was asked for: give the names of one or more")
    return list(names)


def bound(table: Any, names: Sequence[str], place: Place, convert: Convert | None = None) -> list[Column]:
    """As `columns_of`, for rows from `place`, of which there may be none; `convert` instead of `numbers`."""
    named = _named(table)
    if named is None:
        columns = _in_order(_array_of(table), names, place, convert)
    else:
        positions = positions_of(named.labels, names, place)
        convert = convert or numbers
        columns = [convert(named.take(i), name, place) for i, name in zip(positions, names, strict=True)]
    for name, column in zip(names, columns, strict=True):
        if len(column) != len(columns[0]):
            raise ShapeError(
                f"column {quoted(names[0])} has {len(columns[0])} rows, but column {quoted(name)} has "
                f"{len(column)}: one number is needed for each row"
            )
    return columns


def positions_of(labels: Sequence[object], names: Sequence[str], place: Place) -> list[int]:
    """Where in `labels` each of `names` is; it must be there once."""
    found: dict[str, list[int]] = {name: [] for name in names}
    if len(found) < len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise place.error("is asked for twice: each input needs a name of its own", column=twice)
    for position, label in enumerate(labels):
        if (text := str(label)) in found:
            found[text].append(position)
    for name, positions in found.items():
        if not positions:
            raise missing_column(name, labels, place)
        if len(positions) > 1:
            counted = " and ".join(str(position + 1) for position in positions[:2])
            raise place.error(
                f"is there {len(positions)} times (columns {counted} of {len(labels)}): rename one",
                column=name,
            )
    return [found[name][0] for name in names]


def missing_column(name: str, labels: Sequence[object], place: Place) -> Exception:
    """The error for a name that no column has."""
    hint = near(name, labels) or (f"; its columns are {several(labels)}" if labels else "; it has no columns")
    return place.error(f"{'' if place.file else 'the table '}has no column {quoted(name)}{hint}")


# -- what a table is --------------------------------------------------------------------------------------


class Named(NamedTuple):
    """A table whose columns have names: all of them, and a way to take one."""

    labels: Sequence[object]
    take: Callable[[int], Any]


def _is(thing: Any, module: str, *names: str) -> bool:
    """Whether it is of one of these classes, of a library that need not be there."""
    library = sys.modules.get(module)
    return library is not None and isinstance(
        thing, tuple(getattr(library, name) for name in names if hasattr(library, name))
    )


def labels_of(table: Any) -> list[str] | None:
    """The names of all columns, None if they have none."""
    named = _named(table)
    return None if named is None else [str(label) for label in named.labels]


def is_table(thing: Any) -> bool:
    """Whether it is in memory as a whole: an array, a mapping, a frame, an Arrow table."""
    arrays = isinstance(thing, (np.ndarray, Mapping)) or _is(thing, "pyarrow", "Table", "RecordBatch")
    return arrays or is_frame(thing) or _is(thing, "polars", "LazyFrame")


def is_frame(thing: Any) -> bool:
    """Whether it is a DataFrame of pandas or polars."""
    return _is(thing, "pandas", "DataFrame") or _is(thing, "polars", "DataFrame")


def _named(table: Any) -> Named | None:
    """How to take columns by name, or None for an array without names."""
    if isinstance(table, np.ndarray):
        if table.dtype.names is None:
            return None
        names = table.dtype.names
        return Named(names, lambda i: table[names[i]])
    if isinstance(table, Mapping):
        keys = list(table)
        return Named(keys, lambda i: table[keys[i]])
    if _is(table, "pandas", "DataFrame"):
        return Named(list(table.columns), lambda i: table.iloc[:, i])
    if _is(table, "polars", "DataFrame"):
        return Named(table.columns, lambda i: table[:, i])
    if _is(table, "pyarrow", "Table", "RecordBatch"):
        return Named(table.schema.names, table.column)
    if _is(table, "pandas", "Series", "Index") or _is(table, "polars", "Series"):
        return Named([getattr(table, "name", None) or ""], lambda i: table)
    if _is(table, "polars", "LazyFrame"):
        raise Place().error("a LazyFrame has no rows yet: call .collect() first")
    if hasattr(table, "__arrow_c_stream__") or hasattr(table, "__arrow_c_array__"):
        table = arrow.table_of(table)
        return Named(table.schema.names, table.column)
    if hasattr(table, "__dataframe__"):
        table = arrow.exchanged(table)
        return Named(table.schema.names, table.column)
    return None


def _array_of(table: Any) -> npt.NDArray[Any]:
    """What has no names, as an array; refuses what is no table at all."""
    if isinstance(table, (str, bytes)) or hasattr(table, "__fspath__"):
        raise Place().error(
            f"{quoted(table)} is the name of a table, not one: read it with tables.open_rows or tables.read_table"
        )
    if hasattr(table, "toarray"):
        raise Place().error("a sparse matrix cannot be read column by column: call .toarray() first")
    if not isinstance(table, (np.ndarray, Sequence)) and not hasattr(table, "__array__"):
        raise Place().error(
            f"{type(table).__name__} is no table: give an array, a dict of columns, a DataFrame or an Arrow table"
        )
    try:
        return table if isinstance(table, np.ma.MaskedArray) else np.asarray(table)
    except ValueError:
        raise ShapeError("rows differ in length: each needs one number for each column") from None


def _in_order(
    array: npt.NDArray[Any], names: Sequence[str], place: Place, convert: Convert | None
) -> list[Column]:
    """The columns of a (m, k) array; (m,) is taken for one column."""
    if array.ndim == 1 and len(names) == 1:
        array = array[:, np.newaxis]
    if array.ndim != 2:
        raise ShapeError(
            f"an array of shape {array.shape} is no table: rows need two dimensions, (m, {len(names)})"
        )
    if array.shape[1] != len(names):
        raise ShapeError(
            f"the array has {array.shape[1]} columns, but {len(names)} are needed, in this order: {several(names)}"
        )
    if convert is None and array.dtype.kind in "fiub" and not isinstance(array, np.ma.MaskedArray):
        whole = _native(array)
        return [whole[:, i] for i in range(len(names))]
    convert = convert or numbers
    return [convert(array[:, i], name, place) for i, name in enumerate(names)]


# -- what a column is -------------------------------------------------------------------------------------


def numbers(column: Any, name: str, place: Place) -> Column:
    """One column as an array (m,) of real numbers."""
    if isinstance(column, np.ndarray):
        return _from_array(column, name, place)
    if _is(column, "pandas", "Series", "Index"):
        return _from_pandas(column, name, place)
    if _is(column, "polars", "Series"):
        return _from_polars(column, name, place)
    if _is(column, "pyarrow", "Array", "ChunkedArray"):
        return arrow.from_arrow(column, name, place)
    if isinstance(column, (str, bytes)) or (
        not isinstance(column, Sequence) and not hasattr(column, "__array__")
    ):
        if hasattr(column, "__arrow_c_array__") or hasattr(column, "__arrow_c_stream__"):
            return arrow.from_arrow(arrow.column_of(column), name, place)
        raise place.error(
            f"is {type(column).__name__}, not a list or array with one number for each row", column=name
        )
    if isinstance(column, Sequence) and not isinstance(column, range) and not hasattr(column, "__array__"):
        return _from_objects(column, name, place)
    return _from_array(np.asarray(column), name, place)


def values(column: Any, name: str, place: Place) -> Column:
    """One column as an array (m,) of real numbers, or of texts (as objects) if the first row holds one."""
    texts = column
    if _is(column, "pyarrow", "Array", "ChunkedArray"):
        texts = arrow.texts(column, name, place)
    elif _is(column, "polars", "Series"):
        texts = column.to_list() if str(column.dtype).startswith(("String", "Cat", "Enum")) else None
    elif _is(column, "pandas", "Series", "Index"):
        texts = None if column.dtype.kind in "fiubM" else column.to_numpy(dtype=object)
    if texts is None or not len(texts) or not isinstance(texts[0], str):
        return numbers(column, name, place)
    plain = np.empty(len(texts), dtype=object)
    plain[:] = texts
    if set(map(type, plain)) - {str, np.str_}:
        row, thing = next((row, thing) for row, thing in enumerate(plain) if not isinstance(thing, str))
        if is_missing(thing) or thing != thing:
            raise place.error(missing(1), row=row, column=name)
        raise place.error(f"holds {thing!r} among texts", row=row, column=name)
    return plain


def _from_array(array: npt.NDArray[Any], name: str, place: Place) -> Column:
    if array.ndim != 1:
        raise ShapeError(
            f"column {quoted(name)} has the shape {array.shape}: one number is needed for each row, shape (m,)"
        )
    if isinstance(array, np.ma.MaskedArray):
        _refuse_missing(np.ma.getmaskarray(array), name, place)
        array = array.data
    kind = array.dtype.kind
    if kind in "fiub":
        return _native(array)
    if kind == "O":
        return _from_objects(array, name, place)
    if kind in "mM":
        raise place.error(f"holds dates or durations ({array.dtype}): {DATES}", column=name)
    if kind == "c":
        raise place.error("holds complex numbers: take their real part or their size first", column=name)
    if kind in "USTa" and len(array):
        raise place.error(f"holds {quoted(array[0])}, {TEXT}", row=0, column=name)
    if not len(array):
        return np.empty(0)
    raise place.error(f"holds {array.dtype}, not real numbers", column=name)


def _native(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same numbers in a type that programs read; the same memory if it is one already."""
    dtype = array.dtype
    if dtype.kind == "f" and dtype.itemsize not in (4, 8):
        return array.astype(np.float32 if dtype.itemsize == 2 else np.float64)
    if not dtype.isnative:
        return array.astype(dtype.newbyteorder("="))
    return array if array.flags.aligned else array.copy()


def _from_objects(column: Sequence[Any] | npt.NDArray[Any], name: str, place: Place) -> Column:
    """A list, or an array of Python objects: numbers all of them, or the first that is none is named."""
    if not all(map(_is_number, set(map(type, column)))):
        for row, thing in enumerate(column):
            if not _is_number(type(thing)):
                raise place.error(_no_number(thing, name, column), row=row, column=name)
    if not len(column):
        return np.empty(0)
    array = np.asarray(column)
    if array.dtype.kind not in "fiub":  # decimals, fractions, integers past 64 bits
        try:
            array = array.astype(np.float64)
        except OverflowError:
            row = next(row for row, thing in enumerate(column) if _too_large(thing))
            raise place.error(
                "holds a number that does not fit in a double (largest: 1.797e308): scale it first",
                row=row,
                column=name,
            ) from None
    return _native(array)


def _is_number(kind: type) -> bool:
    return issubclass(
        kind, (int, float, np.bool_, np.integer, np.floating, decimal.Decimal, fractions.Fraction)
    )


def _too_large(number: Any) -> bool:
    try:
        float(number)
    except OverflowError:
        return True
    return False


def _no_number(thing: Any, name: str | int, column: Any) -> str:
    if is_missing(thing):
        return missing(1)
    if isinstance(thing, (str, bytes)):
        return f"holds {quoted(thing if isinstance(thing, str) else repr(thing))}, {TEXT}"
    if isinstance(thing, (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)):
        return f"holds {quoted(thing)}, a date or duration: {DATES}"
    if isinstance(thing, complex) or np.iscomplexobj(thing):
        return "holds a complex number: take its real part or its size first"
    return f"holds {type(thing).__name__}, and one real number is needed"


def is_missing(thing: Any) -> bool:
    """None, pandas' NA and NaT, NumPy's NaT, a masked element."""
    return thing is None or type(thing).__name__ in ("NAType", "NaTType", "MaskedConstant")


def _refuse_missing(mask: npt.NDArray[np.bool_], name: str, place: Place) -> None:
    """Name the first row where `mask` is true."""
    count = int(np.count_nonzero(mask))
    if count:
        raise place.error(missing(count), row=int(np.argmax(mask)), column=name)


def _from_pandas(series: Any, name: str, place: Place) -> Column:
    dtype = series.dtype
    if isinstance(dtype, np.dtype):
        return _from_array(series.to_numpy(), name, place)
    if hasattr(dtype, "pyarrow_dtype"):
        return arrow.from_arrow(arrow.column_of(series.array), name, place)
    if hasattr(dtype, "categories"):
        return _from_array(np.asarray(series), name, place)
    if getattr(dtype, "kind", "O") in "mM":
        raise place.error(f"holds dates or durations ({dtype}): {DATES}", column=name)
    plain = getattr(dtype, "numpy_dtype", None) or getattr(dtype, "subtype", None)
    if not isinstance(plain, np.dtype) or plain.kind not in "fiub":
        return _from_objects(series.to_numpy(dtype=object), name, place)
    _refuse_missing(
        np.asarray(series.array.isna()) & (plain.kind != "f" or hasattr(dtype, "numpy_dtype")), name, place
    )
    return _from_array(series.to_numpy(dtype=plain), name, place)


def _from_polars(series: Any, name: str, place: Place) -> Column:
    dtype = series.dtype
    if series.null_count():
        _refuse_missing(series.is_null().to_numpy(), name, place)
    if dtype.is_temporal():
        raise place.error(f"holds dates or durations ({dtype}): {DATES}", column=name)
    if dtype.is_nested():
        raise place.error(f"holds nested values ({dtype}): make a column of each part", column=name)
    if dtype.is_decimal():
        series = series.cast(sys.modules["polars"].Float64)
    array = series.to_numpy()
    return _from_array(array, name, place)
