"""Rows in batches: a table that need not fit in memory, gone through as often as it takes.

Room: tells what a path or an object is and cuts what comes out of it into even batches. Below: `sources`,
`delimited`, `columns`. Above: programs, the command line.
Must hold: memory is bounded by the batches; the cut does not depend on how the rows arrive; nothing is dropped.
"""

from __future__ import annotations

import codecs
import glob
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from minigrad.files import CannotReadError, readable
from minigrad.functions import ShapeError
from minigrad.tables import arrow
from minigrad.tables.asked import Asked
from minigrad.tables.columns import Column, bound, checked_names, is_table, labels_of
from minigrad.tables.delimited import Delimited
from minigrad.tables.place import DataError, Place, quoted, several
from minigrad.tables.sources import ArrowFile, Dataset, Parquet, Several, Source

#: Rows of a batch, where nobody says how many: eight panels of a program (see `program.instructions`).
BATCH_ROWS = 65536

#: Names that promise something else than text.
BINARY = {
    ".parquet": "a Parquet",
    ".pq": "a Parquet",
    ".arrow": "an Arrow",
    ".feather": "an Arrow",
    ".ipc": "an Arrow",
}

#: First bytes of files that hold no table of ours, what they are, and what to do.
FOREIGN = (
    (b"PK\x03\x04", "a zip archive (as Excel's files are): save the table as CSV, or unpack it first"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Office file: save the table as CSV"),
    (b"\xfd7zXZ\x00", "compressed with xz: unpack it first, or use gzip, bzip2 or zstd"),
    (b"\x93NUMPY", "a NumPy file: load it with numpy.load and give the array"),
    (b"\x89HDF", "an HDF5 file: read it with pandas.read_hdf and give the frame"),
    (b"SQLite format 3", "a database: read the rows with pandas.read_sql and give the frame"),
    (b"FEA1", "a Feather file of the first version: read it with pandas.read_feather and give the frame"),
    (b"\x80\x04\x95", "a pickle, which is not opened because that can run anything"),
)  # fmt: skip


class Stream:
    """Rows that come in batches. Made by `open_rows`.

    names      of its columns; those asked for, if `open_rows` was given some
    rows       how many there are, None if that is not known before they are read
    estimated  about how many there are, for a progress bar; None if nobody knows
    """

    def __init__(
        self,
        source: Source,
        columns: Sequence[str] | None,
        batch_rows: int,
        labels: Mapping[str, str | float] | None = None,
    ) -> None:
        self._source, self._columns, self._batch_rows = source, columns, batch_rows
        self._labels = dict(labels or {})
        source.check([*(columns or ()), *(name for name in self._labels if name not in (columns or ()))])

    def __repr__(self) -> str:
        if self._columns is None and isinstance(self._source, Batches):  # the names may not be known yet
            return "<Stream of batches>"
        rows = "" if self.rows is None else f"{self.rows:,} "
        return f"<Stream of {rows}rows, columns {several(self.names)}>"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self._source.names if self._columns is None else self._columns)

    @property
    def rows(self) -> int | None:
        """How many rows there are, None if that is not known before they are read."""
        return self._source.rows

    @property
    def estimated(self) -> int | None:
        """About how many rows there are, None if nobody knows."""
        return self._source.estimated

    def batches(self, names: Sequence[str] | None = None) -> Iterator[list[Column]]:
        """Go through the rows: for each batch the columns `names`, as `columns_of` gives them.

        names   of the columns, all of them if none are given
        return  an iterator; every batch but the last has `batch_rows` rows, however they arrive

        Each call begins anew at the first row; where that cannot be done, because the rows come from an
        iterator, a second call raises DataError. What is wrong with a name is said at once, what is wrong with
        a row (see `columns_of`) when it is reached; no rows at all is a ShapeError.
        """
        asked = Asked(checked_names(self.names if names is None else names), self._batch_rows, self._labels)
        self._source.check(asked.names)
        return self._cut(self._source.pieces(asked), asked)

    def _cut(self, pieces: Iterator[list[Column]], asked: Asked) -> Iterator[list[Column]]:
        """Pieces of any length, put together or cut to batches of one length."""
        size = asked.batch_rows
        kept: list[list[Column]] = []
        rows, any_rows = 0, False
        for piece in pieces:
            start, count = 0, len(piece[0])
            any_rows = any_rows or count > 0
            while rows + count - start >= size:
                end = start + size - rows
                yield _joined([*kept, [column[start:end] for column in piece]])
                kept, rows, start = [], 0, end
            if start < count:
                kept.append([column[start:] for column in piece])
                rows += count - start
        if not any_rows:
            raise ShapeError("there are no rows: nothing to compute with")
        asked.check()
        if kept:
            yield _joined(kept)


def _joined(pieces: list[list[Column]]) -> list[Column]:
    pieces = [piece for piece in pieces if len(piece[0])]
    if len(pieces) == 1:
        return pieces[0]
    return [np.concatenate(parts) for parts in zip(*pieces, strict=True)]


def open_rows(
    source: Any,
    columns: Sequence[str] | None = None,
    *,
    labels: Mapping[str, str | float] | None = None,
    batch_rows: int = BATCH_ROWS,
    delimiter: str | None = None,
    decimal: str = ".",
    encoding: str = "utf-8",
    header: bool | None = None,
) -> Stream:
    """Rows from a file, from several, or from batches that are made elsewhere, without loading them all.

    source      a path of a CSV (plain, or compressed with gzip, bzip2 or zstd), Parquet, Arrow or Feather file;
                a folder, a pattern such as "data/*.parquet" or a list of paths, whose rows follow one another in
                the order of the names; a pyarrow dataset; a list of tables (anything `columns_of` takes); a
                function that returns an iterator of them; or an iterator, which can be gone through once
    columns     names of those that are wanted; all if not given
    labels      of columns that hold labels: {name: the value that counts as 1}; the column may hold one other
                value, which counts as 0, and becomes a column of True and False. Not needed for 0 and 1
    batch_rows  rows of a batch, >= 1
    delimiter, decimal, encoding, header
                of a CSV: the sign between fields (found by itself: comma, semicolon, tab or bar), the decimal
                point, the encoding, and whether the first line holds names (None: yes, but names that are all
                numbers are refused; False: no, `columns` names them)
    return      Stream

    Rows are counted from 0 within their file, lines from 1.

    Raises CannotReadError (an OSError) when there is no such file or it may not be read, DataError when it is
    no table, MissingPackageError (an ImportError) when pyarrow is not installed (batches of NumPy arrays do without).

    >>> stream = open_rows([{"x": [1.0, 2.0]}, {"x": [3.0]}], batch_rows=2)
    >>> [batch[0].tolist() for batch in stream.batches(["x"])]
    [[1.0, 2.0], [3.0]]
    """
    if not isinstance(batch_rows, int) or batch_rows < 1:
        raise ValueError(f"batch_rows is a number of rows, at least 1: got {batch_rows!r}")
    wanted = None if columns is None else checked_names(columns)
    layout = _layout(wanted, delimiter, decimal, encoding, header)
    return Stream(_source(source, layout), wanted, batch_rows, labels)


def read_table(
    path: Any,
    columns: Sequence[str] | None = None,
    *,
    text: Sequence[str] = (),
    delimiter: str | None = None,
    decimal: str = ".",
    encoding: str = "utf-8",
    header: bool | None = None,
) -> Any:
    """A file, or several as one, as a pyarrow Table in memory.

    path     as for `open_rows`, paths only
    columns  names of those that are wanted, each a column of numbers; None reads all, whatever they hold
    text     names of wanted columns that may hold texts, such as labels in words
    delimiter, decimal, encoding, header
             as for `open_rows`
    return   pyarrow.Table with the columns in this order

    Integers stay integers here. Raises as `open_rows`, and DataError when a number is missing, or a column of
    numbers holds texts or dates: with file, row, column and, for a CSV, the line.
    """
    wanted = (
        None
        if columns is None
        else checked_names([*columns, *(name for name in text if name not in columns)])
    )
    layout = _layout(wanted, delimiter, decimal, encoding, header)
    tables = [_table(file, wanted, text) for file in _files(path, layout)]
    pa = arrow.library()
    return pa.concat_tables(tables, promote_options="permissive") if len(tables) > 1 else tables[0]


def _layout(
    names: Sequence[str] | None, delimiter: str | None, decimal: str, encoding: str, header: bool | None
) -> dict[str, Any]:
    """What was said of the layout of a CSV, if it can be."""
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '\r\n"'):
        raise ValueError(f"delimiter is one character, such as ';': got {delimiter!r}")
    if decimal not in (".", ","):
        raise ValueError(f"decimal is '.' or ',': got {decimal!r}")
    if decimal == delimiter:
        raise ValueError(f"decimal and delimiter cannot both be {decimal!r}")
    try:
        "".encode(encoding)
        encoding = codecs.lookup(encoding).name
    except LookupError:  # also what turns bytes into bytes
        raise ValueError(f"no such encoding: {encoding!r}; give 'utf-8' or 'latin-1', say") from None
    return {
        "names": names, "delimiter": delimiter, "decimal": decimal, "encoding": encoding, "header": header,
    }  # fmt: skip


def _table(file: Any, wanted: Sequence[str] | None, text: Sequence[str]) -> Any:
    """One file in memory; those of the wanted columns that are to hold numbers are looked through."""
    names = list(file.names) if wanted is None else wanted
    file.check(names)
    checked = [name for name in wanted or () if name not in text]
    table = file.table(names, checked, text)
    if checked:
        bound(table.select(checked), checked, file.place)
    return table


# -- what is given ----------------------------------------------------------------------------------------


def _source(given: Any, layout: Mapping[str, Any]) -> Source:
    if _is_path(given) or (isinstance(given, (list, tuple)) and given and all(map(_is_path, given))):
        files = _files(given, layout)
        return files[0] if len(files) == 1 else Several(files)
    if type(given).__module__.startswith("pyarrow.") and hasattr(given, "get_fragments"):
        return Dataset(given)
    if is_table(given):
        return Batches(lambda: iter([given]), again=True)
    if hasattr(given, "__arrow_c_stream__"):
        pa = arrow.library()
        return Batches(
            lambda: pa.RecordBatchReader.from_stream(given), again=not isinstance(given, pa.RecordBatchReader)
        )
    if callable(given):
        return Batches(given, again=True)
    if not isinstance(given, Iterable):
        raise DataError(
            f"{type(given).__name__} holds no rows: give a path, a table, a list of tables or an iterator of them"
        )
    return Batches(lambda: iter(given), again=iter(given) is not given)


def _is_path(thing: Any) -> bool:
    return isinstance(thing, str) or hasattr(thing, "__fspath__")


class Batches:
    """Tables that are made elsewhere, one after the other."""

    rows: int | None = None
    estimated: int | None = None

    def __init__(self, start: Callable[[], Iterator[Any]], *, again: bool) -> None:
        self._start, self._again = start, again
        self._ahead: Iterator[Any] | None = None  # an iterator of which the first was looked at
        self._begun = False
        self._names: list[str] | None = None

    @property
    def names(self) -> list[str]:
        """Names of the columns of the first batch."""
        if self._names is None:
            tables = self._anew()
            first = next(tables, None)
            self._ahead = None if self._again else _put_back(first, tables)
            self._begun = False
            self._names = [] if first is None else labels_of(first)
        if self._names is None:
            raise DataError("the columns of an array have no names: give them as columns=[...]")
        return self._names

    def _anew(self) -> Iterator[Any]:
        """An iterator at the first batch."""
        if self._ahead is not None:
            tables, self._ahead, self._begun = self._ahead, None, True
            return tables
        if self._begun and not self._again:
            raise DataError(
                "these rows come from an iterator, which can be gone through once: give a file, a list of tables, or "
                "a function that returns a new iterator"
            )
        self._begun = True
        return iter(self._start())

    def check(self, names: Sequence[str]) -> None:
        """Names are looked at batch by batch."""

    def pieces(self, asked: Asked, before: int = 0) -> Iterator[list[Column]]:
        """One piece for each table."""
        return self._pieces(self._anew(), asked, before)

    def _pieces(self, tables: Iterator[Any], asked: Asked, first: int) -> Iterator[list[Column]]:
        for number, table in enumerate(tables):
            self._names = self._names or labels_of(table)
            columns = asked.bound(table, Place(f"batch {number}", first=first))
            yield columns
            first += len(columns[0])


def _put_back(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    if first is not None:
        yield first
    yield from rest


# -- files ------------------------------------------------------------------------------------------------


def _files(given: Any, layout: Mapping[str, Any]) -> list[Any]:
    """The file or files that a path, a folder, a pattern or a list of paths means."""
    paths = [os.fspath(path) for path in given] if isinstance(given, (list, tuple)) else [os.fspath(given)]
    found: list[str] = []
    for path in paths:
        if os.path.isdir(path):
            found += _inside(path)
        elif not os.path.exists(path) and glob.has_magic(path):
            matching = sorted(match for match in glob.glob(path, recursive=True) if os.path.isfile(match))
            if not matching:
                raise CannotReadError(2, f"cannot read {path!r}: no file matches this pattern")
            found += matching
        else:
            found.append(path)
    return [_file(path, layout) for path in found]


def _inside(folder: str) -> list[str]:
    """The files of a folder and those below it, in the order of their names; hidden ones are not meant."""
    found: list[str] = []
    for base, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] not in "._")
        found += [os.path.join(base, name) for name in names if name[0] not in "._"]
    if not found:
        raise CannotReadError(2, f"cannot read {folder!r}: it is a folder without files")
    return sorted(found)


def _file(path: str, layout: Mapping[str, Any]) -> Any:
    """What a file is, by its first bytes."""
    readable(path)
    arrow.library()
    with open(path, "rb") as stream:
        start = stream.read(16)
    if start.startswith(b"PAR1"):
        return Parquet(path)
    if start.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return ArrowFile(path, seekable=start.startswith(b"ARROW1"))
    place = Place(path)
    for magic, what in FOREIGN:
        if start.startswith(magic):
            raise place.error(f"is {what}")
    promised = BINARY.get(os.path.splitext(path)[1].casefold())
    if promised and not start:
        raise place.error("is empty")
    if promised:
        raise place.error(
            f"is not {promised} file: it begins with {quoted(start.decode('latin-1'))}; if it is text, call it .csv"
        )
    return Delimited(path, **layout)
