"""What is asked of Arrow: columns as NumPy arrays, and Parquet and Arrow files in batches.

Room: the only room that imports pyarrow (`delimited` and `output` take it from here), and not before it is
used, for it is an extra. Below: `place`.
Must hold: a file is read a bounded number of rows at a time; what Arrow refuses is said with the file.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import numpy as np
import numpy.typing as npt

from minigrad.extras import MissingPackageError
from minigrad.tables.place import DATES, TEXT, DataError, Place, missing, quoted
from minigrad.text import shown


def library(part: str = "") -> Any:
    """pyarrow or a part of it, or an error that says how to get it."""
    try:
        return importlib.import_module(f"pyarrow.{part}" if part else "pyarrow")
    except ImportError as error:
        if importlib.util.find_spec("pyarrow") is not None:
            raise
        raise MissingPackageError(
            'reading and writing tables needs pyarrow: pip install "minigrad[tables]"'
        ) from error


def table_of(thing: Any) -> Any:
    """What speaks Arrow's C interface, as a Table or RecordBatch of the same memory."""
    pa = library()
    if hasattr(thing, "__arrow_c_stream__"):
        return pa.table(thing)
    return pa.record_batch(thing)


def exchanged(thing: Any) -> Any:
    """What speaks the older interchange protocol, as a Table."""
    return library("interchange").from_dataframe(thing)


def column_of(thing: Any) -> Any:
    """An array that speaks Arrow's C interface, or one of pandas, as an Array or ChunkedArray."""
    pa = library()
    if hasattr(thing, "__arrow_array__"):
        return thing.__arrow_array__()
    return pa.chunked_array(thing) if hasattr(thing, "__arrow_c_stream__") else pa.array(thing)


def from_arrow(column: Any, name: str, place: Place) -> npt.NDArray[Any]:
    """An Array or ChunkedArray as an array (m,) of real numbers, the same memory if it is in one piece."""
    pa = library()
    column = unwrapped(_in_one_piece(column))
    kind = column.type
    _refuse_missing(column, name, place)
    if pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    elif pa.types.is_boolean(kind):
        return np.asarray(column.to_numpy(zero_copy_only=False))
    elif pa.types.is_float16(kind):
        return np.asarray(column.to_numpy()).astype(np.float32)
    elif not is_number(kind):
        raise _refused(pa, column, name, place)
    return np.asarray(column.to_numpy())


def texts(column: Any, name: str, place: Place) -> npt.NDArray[Any] | None:
    """A column of texts as an array (m,) of objects, None if it is none."""
    column = unwrapped(_in_one_piece(column))
    if not is_text(column.type):
        return None
    _refuse_missing(column, name, place)
    return np.asarray(column.to_numpy(zero_copy_only=False))


def _in_one_piece(column: Any) -> Any:
    if not isinstance(column, library().ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _refuse_missing(column: Any, name: str, place: Place) -> None:
    if column.null_count:
        raise place.error(missing(column.null_count), row=first_true(column.is_null()), column=name)


def unwrapped(column: Any) -> Any:
    """Without the wrappings of a type: dictionary, run ends, extension."""
    pa = library()
    while True:
        kind = column.type
        if isinstance(kind, pa.BaseExtensionType):
            column = column.storage
        elif pa.types.is_dictionary(kind):
            column = column.dictionary_decode()
        elif pa.types.is_run_end_encoded(kind):
            column = library("compute").run_end_decode(column)
        else:
            return column


def first_true(mask: Any) -> int:
    """Position of the first true of a boolean Array, -1 if there is none."""
    return int(library("compute").index(mask, True).as_py())


def is_number(kind: Any) -> bool:
    """Whether an Arrow type holds one real number, or a bool."""
    types = library().types
    tests = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal)
    return any(test(kind) for test in tests)


def is_text(kind: Any) -> bool:
    """Whether an Arrow type is one of its types of text."""
    types = library().types
    return any(test(kind) for test in (types.is_string, types.is_large_string, types.is_string_view))


def _refused(pa: Any, column: Any, name: str, place: Place) -> Exception:
    """The error for a column of a type that is no number."""
    kind, types = column.type, pa.types
    if is_text(kind) or types.is_binary(kind) or types.is_large_binary(kind):
        if not len(column):
            return place.error("holds texts, and numbers are needed", column=name)
        return place.error(f"holds {quoted(column[0].as_py())}, {TEXT}", row=0, column=name)
    if types.is_temporal(kind):
        return place.error(f"holds dates or durations ({kind}): {DATES}", column=name)
    if types.is_nested(kind):
        return place.error(f"holds nested values ({kind}): make a column of each part", column=name)
    return place.error(f"holds {kind}, not real numbers", column=name)


def not_readable(path: str, error: Exception) -> DataError:
    """The error for a file that pyarrow does not understand, its reason on one line."""
    reason = " ".join(str(error).split())
    return Place(path).error(f"cannot be read; it may be cut off or damaged: {shown(reason, 200)}")
