"""Columns to a file: CSV, Parquet or Arrow, whole or not at all.

Room: pyarrow writes into what `files.writing` opens. Below: `arrow`, `files`.
Must hold: after an error, a full disk or Ctrl-C the old file is there as it was; what is read again is what was
written, but for a nan in a CSV, which is read as missing.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from minigrad.files import writing
from minigrad.functions import ShapeError
from minigrad.tables import arrow
from minigrad.tables.columns import is_frame, is_table
from minigrad.tables.place import DataError, quoted

DELIMITED = {".csv": ",", ".txt": ",", ".tsv": "\t"}
COMPRESSED = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
PARQUET = (".parquet", ".pq")
ARROW = (".arrow", ".feather", ".ipc")


def write_table(path: str | os.PathLike[str], table: Any) -> Path:
    """Write columns to a file; the end of its name says how.

    path    .csv or .txt (commas), .tsv (tabs), each also with .gz, .bz2 or .zst after it; .parquet or .pq;
            .arrow, .feather or .ipc
    table   a mapping of names to columns of one length, a frame or an Arrow table; or an iterable of such
            tables with the same columns, which are written one after the other, so that they need not fit in
            memory
    return  the path

    Numbers are written so that the same doubles are read again. The file is complete or not there: see
    `files.writing`.

    Raises ValueError for another end of the name, ShapeError when columns differ in length, DataError when
    there is no column or tables differ in their columns, CannotWriteError as `files.writing`,
    MissingPackageError (an ImportError) when pyarrow is not installed.

    >>> path = write_table("rows.csv", {"x": [0.1, 2.0], "y": [True, False]})
    >>> print(path.read_text(), end="")
    x,y
    0.1,true
    2,false
    """
    end = checked_end(path)
    with writing(path) as stream:
        _write(stream, end, table)
    return Path(path)


def write_csv(stream: BinaryIO, table: Any) -> None:
    """Write columns, as `write_table` takes them, into a stream as CSV, between commas."""
    _write(stream, (".csv", ""), table)


def _write(stream: BinaryIO, end: tuple[str, str], table: Any) -> None:
    tables = iter([table]) if is_table(table) or not isinstance(table, Iterable) else iter(table)
    first = _arrow_table(next(tables, None))
    with _writer(end, stream, first.schema) as writer:
        writer.write_table(first)
        for number, other in enumerate(tables, 1):
            writer.write_table(_alike(_arrow_table(other), first.schema, number))


def checked_end(path: str | os.PathLike[str]) -> tuple[str, str]:
    """The end of a name that says what is in the file, and how it is compressed; else ValueError."""
    path = os.fspath(path)
    rest, last = os.path.splitext(path.casefold())
    packed = last if last in COMPRESSED else ""
    end = os.path.splitext(rest)[1] if packed else last
    if end in DELIMITED or (not packed and end in (*PARQUET, *ARROW)):
        return end, packed
    raise ValueError(
        f"{quoted(os.path.basename(path))} does not say how the table is to be written: "
        "end it in .csv, .tsv, .parquet or .arrow"
    )


def _arrow_table(table: Any) -> Any:
    """A table in memory as one of Arrow's."""
    pa = arrow.library()
    if isinstance(table, pa.RecordBatch):
        return pa.Table.from_batches([table])
    if isinstance(table, pa.Table):
        return table
    if isinstance(table, Mapping):
        return _of_columns({str(name): column for name, column in table.items()})
    if is_frame(table):
        return _of_frame(table)
    if table is None:
        raise DataError("there is nothing to write: no table came")
    raise DataError(
        f"{type(table).__name__} is no table with named columns: give a dict of columns or a frame"
    )


def _of_columns(columns: Mapping[str, Any]) -> Any:
    pa = arrow.library()
    if not columns:
        raise DataError("a table without columns cannot be written")
    made = {}
    for name, column in columns.items():
        try:
            made[name] = pa.array(np.asarray(column) if isinstance(column, range) else column)
        except (pa.ArrowException, TypeError) as error:
            raise DataError(f"column {quoted(name)} cannot be written: {error}", column=name) from None
    lengths = {name: len(column) for name, column in made.items()}
    (name, length), *others = lengths.items()
    for other, count in others:
        if count != length:
            raise ShapeError(
                f"column {quoted(name)} has {length} rows, but column {quoted(other)} has {count}: they need the same"
            )
    return pa.table(made)


def _of_frame(frame: Any) -> Any:
    pa = arrow.library()
    if hasattr(frame, "to_arrow"):
        return frame.to_arrow()
    if not all(isinstance(name, str) for name in frame.columns):
        frame = frame.rename(columns=str)
    return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)


def _alike(table: Any, schema: Any, number: int) -> Any:
    """A later table in the columns and types of the first one."""
    pa = arrow.library()
    if table.schema.names != schema.names:
        raise DataError(
            f"table {number} has the columns {table.schema.names}, but the first one {schema.names}"
        )
    try:
        return table.cast(schema)
    except pa.ArrowException as error:
        raise DataError(
            f"the columns of table {number} differ in type from those of the first: {error}"
        ) from None


@contextlib.contextmanager
def _writer(end: tuple[str, str], stream: BinaryIO, schema: Any) -> Iterator[Any]:
    """What writes tables into the stream."""
    pa = arrow.library()
    kind, packed = end
    lent = _Lent(stream)
    try:
        with contextlib.ExitStack() as stack:
            if kind in PARQUET:
                writer = arrow.library("parquet").ParquetWriter(lent, schema)
            elif kind in ARROW:
                writer = pa.ipc.new_file(lent, schema)
            else:
                sink: Any = lent
                if packed:
                    sink = stack.enter_context(pa.CompressedOutputStream(lent, COMPRESSED[packed]))
                sink.write(_header(schema.names, DELIMITED[kind]))
                module = arrow.library("csv")
                options = module.WriteOptions(include_header=False, delimiter=DELIMITED[kind])
                writer = module.CSVWriter(sink, schema, write_options=options)
            yield stack.enter_context(writer)
    except pa.ArrowException:
        if lent.refused is not None:  # what a packer says of it when it is closed
            raise lent.refused from None
        raise


def _header(names: Sequence[str], delimiter: str) -> bytes:
    """The first line: names between quotes where they need them (pyarrow 18 quotes all of them)."""
    special = {"\r", "\n", '"', delimiter}
    fields = [
        '"' + name.replace('"', '""') + '"' if set(name) & special or not name else name for name in names
    ]
    return (delimiter.join(fields) + "\n").encode("utf-8")


class _Lent:
    """A stream that its borrower may not close; `refused` is why it did not take what was written."""

    closed = False

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.flush = stream.flush
        self.refused: OSError | None = None

    def write(self, data: Any) -> int:
        """Write it, and remember a refusal."""
        try:
            return self._stream.write(data)
        except OSError as error:
            self.refused = error
            raise

    def close(self) -> None:
        """Leave it open."""
