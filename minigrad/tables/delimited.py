"""CSV and its relatives, a block at a time: fields between commas, semicolons, tabs or bars, one row a line.

Room: pyarrow reads the numbers; what it stumbles over is found again, line by line, by Python's csv module,
which can say where it is. Below: `arrow`, `columns`, `place`.
Must hold: a column is read as float64 (or bool, where the first rows say true and false), whatever its first
rows look like, so that a 0.5 after a million integers is no surprise. Nothing is skipped but empty lines of a
file with several columns.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

from minigrad.tables import arrow
from minigrad.tables.columns import Column, bound, positions_of
from minigrad.tables.place import TEXT, DataError, Place, missing, quoted

#: Fields that say that something is missing: pyarrow's list, and Python's None.
NULLS = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "N/A", "NA",
    "NULL", "NaN", "n/a", "nan", "null", "None",
]  # fmt: skip

#: What separates fields, where nobody says which.
DELIMITERS = (",", ";", "\t", "|")

#: What pyarrow reads as a number.
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf(inity)?|nan)", re.IGNORECASE | re.ASCII)

#: Texts of bool columns.
BOOLS = {"true", "True", "TRUE", "false", "False", "FALSE", "0", "1"}

#: Bytes that are looked at to learn the layout, and that are read at a time.
SAMPLE = 1 << 18
BLOCK = 1 << 20


class Delimited:
    """One file of delimited text.

    names      of its columns, spaces around them taken off
    rows       None: not known before it is read
    estimated  rows, from the size of the file and of its first lines; None for a compressed one
    """

    rows: int | None = None

    def __init__(
        self,
        path: str,
        *,
        names: Sequence[str] | None = None,
        delimiter: str | None = None,
        decimal: str = ".",
        encoding: str = "utf-8",
        header: bool | None = None,
    ) -> None:
        self.place = Place(path, line=self._line_of)
        self._path, self._decimal, self._encoding = path, decimal, encoding
        sample, whole = self._sample()
        self._start = len(sample)
        text = self._decoded(sample, whole)
        self._delimiter = delimiter or _sniffed(text, whole)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=self._delimiter)
        first = next((record for record in reader if record), None)
        if first is None:
            raise self.place.error("is empty: there is no header line and there are no rows")
        fields = [field.strip() for field in first]
        self._skip = reader.line_num
        if header is None:
            header = self._is_header(fields)
        self.names: list[str] = fields if header else self._given(names, fields)
        if not header:
            self._skip = 0
        count = sum(1 for record in reader if record) + (not header)
        if whole and not count:
            raise self.place.error("holds a header line but no rows")
        self._one = len(fields) == 1
        size = os.stat(path).st_size
        self.estimated = (
            None if _compression(path) else (count if whole else round(size * count / max(len(sample), 1)))
        )
        self._bools: dict[str, bool] = {}

    # -- layout -------------------------------------------------------------------------------------------

    def _sample(self) -> tuple[bytes, bool]:
        """The first bytes, at least one line of them, and whether that is all there is."""
        with self._translated(), self._opened() as stream:
            sample = stream.read(SAMPLE)
            while len(sample) >= SAMPLE and not _lines(sample) and (more := stream.read(SAMPLE)):
                sample += more
            return sample, not stream.read(1)

    def _decoded(self, sample: bytes, whole: bool) -> str:
        """The sample as text; its first line must be in the encoding, the others are read when they are needed."""
        if sample[:2] in (b"\xff\xfe", b"\xfe\xff") and self._encoding.lower() in ("utf-8", "utf8"):
            raise self.place.error("is UTF-16, not UTF-8: save it as UTF-8, or give encoding='utf-16'")
        if b"\0" in sample and "16" not in self._encoding and "32" not in self._encoding:
            raise self.place.error(f"is not text: byte {sample.index(0):,} is zero")
        try:
            text = sample.decode(
                self._encoding, "surrogateescape" if "16" not in self._encoding else "ignore"
            )
        except LookupError:
            raise ValueError(f"no such encoding: {self._encoding!r}") from None
        first = text.lstrip("\r\n").partition("\n")[0]
        if _escaped(first):
            raise self._not_encoded()
        return text.removeprefix("\ufeff")

    def _is_header(self, fields: list[str]) -> bool:
        if all(NUMBER.fullmatch(field.replace(self._decimal, ".")) for field in fields):
            raise self.place.located(
                f"holds numbers ({', '.join(fields[:4])}{', …' if len(fields) > 4 else ''}), and the names of the "
                "columns are expected there: if there is no header line, give header=False and the names as "
                "columns=[...]; if these are the names, header=True",
                line=1,
            )
        return True

    def _given(self, names: Sequence[str] | None, fields: list[str]) -> list[str]:
        """The names of a file without a header."""
        if names is None:
            return [str(i) for i in range(len(fields))]
        if len(names) != len(fields):
            raise self.place.error(
                f"has {len(fields)} columns and no header, but {len(names)} names were given: one is needed for each"
            )
        return list(names)

    # -- reading ------------------------------------------------------------------------------------------

    def pieces(self, names: Sequence[str], batch_rows: int, before: int = 0) -> Iterator[list[Column]]:
        """Columns of some rows at a time, about `BLOCK` bytes of text."""
        first = 0
        bools = self._found_bools(names)
        with self._translated(names, bools=bools):
            reader = self._reader(names, bools)
            while (batch := _next(reader)) is not None:
                place = Place(self._path, first=first, before=before, line=self._line_of)
                yield bound(self._named(batch, names), names, place)
                first += batch.num_rows

    def table(self, names: Sequence[str], wanted: Sequence[str], text: Sequence[str]) -> Any:
        """All rows of the columns `names` as a Table; integers stay integers, those in `text` stay texts.

        Those in `wanted` must hold numbers, or the first field that holds none is named.
        """
        pa = arrow.library()
        with self._translated(names, text=text), self._opened() as stream:
            options = self._options(names, {name: pa.string() for name in text})
            table = self._named(arrow.library("csv").read_csv(stream, **options), names)
        if any(not arrow.is_number(table.schema.field(name).type) for name in wanted):
            if fault := self.first_fault(wanted):
                raise fault
        return table

    def check(self, names: Sequence[str]) -> None:
        """Refuse names that it has not."""
        positions_of(self.names, names, self.place)

    def first_fault(
        self, names: Sequence[str], *, text: Sequence[str] = (), bools: Sequence[str] = ()
    ) -> DataError | None:
        """The first field that is none, found line by line; None if there is nothing to find."""
        positions = list(zip(positions_of(self.names, names, self.place), names, strict=True))
        for row, (line, record) in enumerate(self._records()):
            if isinstance(record, str):
                return self.place.located(f"cannot be read: {record}", row=row, line=line)
            if len(record) != len(self.names):
                return self.place.located(
                    f"has {_fields(len(record))}, and the file has {len(self.names)} columns",
                    row=row,
                    line=line,
                )
            for position, name in positions:
                if said := self._fault(record[position], name in text, name in bools):
                    if _escaped(record[position]):
                        return self._not_encoded()
                    return self.place.located(said, row=row, line=line, column=name)
        return None

    def _fault(self, field: str, text: bool, boolean: bool) -> str:
        """What is wrong with a field; nothing if it is right."""
        stripped = field if text else field.strip(" \t")
        if stripped in NULLS:
            return missing(1)
        if text:
            return "text" if _escaped(field) else ""
        if boolean:
            return "" if stripped in BOOLS else f"holds {quoted(stripped)} in a column of true and false"
        plain = stripped if self._decimal == "." else stripped.replace(".", "_").replace(self._decimal, ".")
        if NUMBER.fullmatch(plain):
            return ""
        if self._decimal == "." and "." not in stripped and NUMBER.fullmatch(stripped.replace(",", ".", 1)):
            return f"holds {quoted(stripped)}: if the comma is a decimal point, give decimal=','"
        return f"holds {quoted(stripped)}, {TEXT}"

    # -- pyarrow ------------------------------------------------------------------------------------------

    def _opened(self) -> Any:
        return arrow.library().input_stream(self._path, compression=_compression(self._path))

    def _reader(self, names: Sequence[str], bools: Sequence[str] | None) -> Any:
        """A reader of batches; `bools` None leaves the types to its first block."""
        pa = arrow.library()
        types = (
            {} if bools is None else {name: pa.bool_() if name in bools else pa.float64() for name in names}
        )
        return arrow.library("csv").open_csv(self._opened(), **self._options(names, types))

    def _options(self, names: Sequence[str], types: dict[str, Any]) -> dict[str, Any]:
        """Inside, columns are called by their position, so that no two have the same name."""
        reading = arrow.library("csv")
        positions = dict(zip(names, map(str, positions_of(self.names, names, self.place)), strict=True))
        return {
            "read_options": reading.ReadOptions(
                column_names=[str(i) for i in range(len(self.names))],
                skip_rows=self._skip,
                block_size=max(BLOCK, 2 * min(self._start, 1 << 28)),
                encoding=self._encoding,
            ),
            "parse_options": reading.ParseOptions(
                delimiter=self._delimiter,
                newlines_in_values=True,
                ignore_empty_lines=not self._one,
            ),
            "convert_options": reading.ConvertOptions(
                include_columns=list(positions.values()),
                column_types={positions[name]: kind for name, kind in types.items()},
                null_values=NULLS,
                strings_can_be_null=True,
                decimal_point=self._decimal,
            ),
        }

    def _named(self, batch: Any, names: Sequence[str]) -> Any:
        return type(batch).from_arrays(batch.columns, names=list(names))

    def _found_bools(self, names: Sequence[str]) -> list[str]:
        """Those of the columns whose first rows hold true and false."""
        unknown = [name for name in names if name not in self._bools]
        if unknown:
            types = arrow.library().types
            with self._translated(names):
                schema = self._reader(unknown, None).schema
            self._bools.update(
                {name: types.is_boolean(kind) for name, kind in zip(unknown, schema.types, strict=True)}
            )
        return [name for name in names if self._bools[name]]

    @contextlib.contextmanager
    def _translated(
        self, names: Sequence[str] = (), *, text: Sequence[str] = (), bools: Sequence[str] = ()
    ) -> Iterator[None]:
        """What pyarrow refuses, said with file, line and column."""
        pa = arrow.library()
        try:
            yield
        except pa.ArrowInvalid as error:
            found = self.first_fault(names, text=text, bools=bools) if names else None
            raise found or arrow.not_readable(self._path, error) from error
        except OSError as error:
            raise arrow.not_readable(self._path, error) from error

    # -- line by line, to say where something is ----------------------------------------------------------

    def _records(self) -> Iterator[tuple[int, list[str] | str]]:
        """Each record with its line; a text instead of one that cannot be taken apart."""
        with self._opened() as stream:
            lines = io.TextIOWrapper(stream, self._encoding, "surrogateescape", newline="")
            reader = csv.reader(lines, delimiter=self._delimiter)
            line = 1
            while True:
                try:
                    record = next(reader, None)
                except csv.Error as error:
                    yield line, str(error)
                    return
                if record is None:
                    return
                if line > self._skip and (record or self._one):
                    yield line, record or [""]
                line = reader.line_num + 1

    def _line_of(self, row: int) -> int:
        """The line on which a row begins."""
        for number, (line, _) in enumerate(self._records()):
            if number == row:
                return line
        raise AssertionError(f"there is no row {row}")

    def _not_encoded(self) -> DataError:
        """The error for the first byte that is not in the encoding."""
        import codecs

        decoder, done = codecs.getincrementaldecoder(self._encoding)("strict"), 0
        with self._opened() as stream:
            while chunk := stream.read(BLOCK):
                kept = len(decoder.getstate()[0])
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError as error:
                    at = done - kept + error.start
                    byte = error.object[error.start]
                    return self.place.error(
                        f"is not {self._encoding.upper()}: byte {at:,} is 0x{byte:02X}; save it as UTF-8, or give its "
                        "encoding, such as encoding='latin-1'"
                    )
                done += len(chunk)
        return self.place.error(f"is not {self._encoding.upper()}")


def _next(reader: Any) -> Any:
    """The next batch, None at the end."""
    try:
        return reader.read_next_batch()
    except StopIteration:
        return None


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count} fields"


def _escaped(text: str) -> bool:
    """Whether a byte in it was not in the encoding."""
    return any("\udc80" <= character <= "\udcff" for character in text)


def _lines(sample: bytes) -> bool:
    return b"\n" in sample.lstrip(b"\r\n") or b"\r" in sample.lstrip(b"\r\n")


def _compression(path: str) -> str | None:
    """How a file is compressed, by its first bytes."""
    with open(path, "rb") as stream:
        start = stream.read(4)
    for magic, name in ((b"\x1f\x8b", "gzip"), (b"BZh", "bz2"), (b"\x28\xb5\x2f\xfd", "zstd")):
        if start.startswith(magic):
            return name
    return None


def _sniffed(text: str, whole: bool) -> str:
    """The delimiter that gives the first lines the same number of fields, more than one."""
    best, found = (False, 1), ","
    for delimiter in DELIMITERS:
        lengths: list[int] = []
        with contextlib.suppress(csv.Error):
            for record in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
                if record:
                    lengths.append(len(record))
                if len(lengths) > 20:
                    break
        if not whole and len(lengths) > 1:
            lengths.pop()
        score = (len(set(lengths)) == 1, lengths[0] if lengths else 1)
        if score[1] > 1 and score > best:
            best, found = score, delimiter
    return found
