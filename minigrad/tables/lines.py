"""Delimited text as Python reads it: how a file is laid out, and on which line something is wrong.

Room: looks at the first lines before pyarrow reads the file, and at all of them once pyarrow has stumbled. Below:
`arrow` (which opens compressed files), `columns`, `place`.
Must hold: whatever the bytes, what is said is a DataError with the file and, where there is one, the line.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

from minigrad.tables import arrow
from minigrad.tables.columns import positions_of
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

#: Bytes that are looked at to learn the layout, and lines from which the delimiter is told.
SAMPLE = 1 << 18
TELLING = 20


class Lines:
    """The layout of a file.

    names        of its columns, spaces around them taken off
    delimiter    between fields
    decimal      the decimal point
    encoding     of the text
    compression  as pyarrow calls it, None for none
    skip         lines before the first row
    start        bytes that were looked at, the header among them
    estimated    rows, from the size of the file and of its first lines; None for a compressed one
    """

    def __init__(
        self,
        path: str,
        *,
        names: Sequence[str] | None,
        delimiter: str | None,
        decimal: str,
        encoding: str,
        header: bool | None,
    ) -> None:
        self.path, self.decimal, self.encoding = path, decimal, encoding
        self.place = Place(path, line=self.line_of)
        self.compression = _compression(path)
        sample, whole = self._sample()
        self.start = len(sample)
        text = self._decoded(sample)
        self.delimiter = delimiter or _told(text, whole)
        self.names: list[str] = []
        self.skip = 0
        lines, first = self._first_of(text)
        if header is False:
            self.names = self._given(names, len(first))
        else:
            self.names = [field.strip() for field in first]
            self.skip = lines
            if header is None:
                self._refuse_numbers(lines)
        self.estimated = self._estimate(text, sample, whole)

    def opened(self) -> Any:
        """The bytes of the file, unpacked."""
        return arrow.library().input_stream(self.path, compression=self.compression)

    def positions(self, names: Sequence[str]) -> list[int]:
        """Which columns these are."""
        return positions_of(self.names, names, self.place)

    # -- the first lines ----------------------------------------------------------------------------------

    def _sample(self) -> tuple[bytes, bool]:
        """The first bytes, at least one line of them, and whether that is all there is."""
        try:
            with self.opened() as stream:
                sample = stream.read(SAMPLE)
                while len(sample) >= SAMPLE and not _has_line(sample) and (more := stream.read(SAMPLE)):
                    sample += more
                return sample, not stream.read(1)
        except (arrow.library().ArrowException, OSError) as error:
            raise arrow.not_readable(self.path, error) from error

    def _decoded(self, sample: bytes) -> str:
        """The sample as text; its first line must be in the encoding, what follows is judged when it is read."""
        if self.encoding == "utf-8":
            if sample[:2] in (b"\xff\xfe", b"\xfe\xff"):
                raise self.place.error("is UTF-16, not UTF-8: save it as UTF-8, or give encoding='utf-16'")
            if b"\0" in sample:
                raise self.place.error(f"is not text: byte {sample.index(0):,} is zero")
        text = sample.decode(self.encoding, "surrogateescape").removeprefix("\ufeff")
        if _escaped(text.lstrip("\r\n").partition("\n")[0]):
            raise self._not_encoded()
        return text

    def _first_of(self, text: str) -> tuple[int, list[str]]:
        """The first record that is not empty, and the line on which it ends."""
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=self.delimiter)
        try:
            first = next((record for record in reader if record), None)
        except csv.Error as error:
            raise self.place.located(f"cannot be read: {error}", line=reader.line_num) from None
        if first is None:
            raise self.place.error("is empty: there is no header line and there are no rows")
        return reader.line_num, first

    def _refuse_numbers(self, line: int) -> None:
        """A first line of numbers is a row, not a header, unless the caller says so."""
        if all(NUMBER.fullmatch(name.replace(self.decimal, ".")) for name in self.names):
            shown = ", ".join(self.names[:4]) + (", …" if len(self.names) > 4 else "")
            raise self.place.located(
                f"holds numbers ({shown}), and the names of the columns are expected there: if there is no header "
                "line, give header=False and the names as columns=[...]; if these are the names, header=True",
                line=line,
            )

    def _given(self, names: Sequence[str] | None, count: int) -> list[str]:
        """The names of a file without a header."""
        if names is None:
            return [str(i) for i in range(count)]
        if len(names) != count:
            raise self.place.error(
                f"has no header and {_counted(count, 'column')}, but {_counted(len(names), 'name')} "
                f"{'was' if len(names) == 1 else 'were'} given: one is needed for each"
            )
        return list(names)

    def _estimate(self, text: str, sample: bytes, whole: bool) -> int | None:
        """About how many rows there are; refuses none."""
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=self.delimiter)
        count, before = 0, 0
        with contextlib.suppress(csv.Error):
            for record in reader:
                count += before >= self.skip and bool(record or len(self.names) == 1)
                before = reader.line_num
            if whole and not count:
                raise self.place.error("holds a header line but no rows")
        if self.compression is not None:
            return None
        return count if whole else round(os.stat(self.path).st_size * count / len(sample))

    # -- line by line, to say where something is ----------------------------------------------------------

    def records(self) -> Iterator[tuple[int, list[str] | str]]:
        """Each row with the line on which it begins; a text instead of one that cannot be taken apart."""
        with self.opened() as stream:
            lines = io.TextIOWrapper(stream, self.encoding, "surrogateescape", newline="")
            reader = csv.reader(lines, delimiter=self.delimiter)
            line = 1
            while True:
                try:
                    record = next(reader, None)
                except csv.Error as error:
                    yield line, str(error)
                    return
                if record is None:
                    return
                if line > self.skip and (record or len(self.names) == 1):
                    yield line, record or [""]
                line = reader.line_num + 1

    def line_of(self, row: int) -> int | None:
        """The line on which a row begins; None behind a field that Python's csv module cannot take apart."""
        for number, (line, _) in enumerate(self.records()):
            if number == row:
                return line
        return None

    def first_fault(
        self, names: Sequence[str], *, text: Sequence[str] = (), bools: Sequence[str] = ()
    ) -> DataError | None:
        """The first field that is not what its column holds; None if there is nothing to find.

        names  of the columns that are read
        text   those of them that hold texts
        bools  those that hold true and false; all others hold numbers
        """
        wanted = list(zip(self.positions(names), names, strict=True))
        for row, (line, record) in enumerate(self.records()):
            if isinstance(record, str):
                return self.place.located(f"cannot be read: {record}", row=row, line=line)
            if len(record) != len(self.names):
                what = f"has {_counted(len(record), 'field')}, and the file has {_counted(len(self.names), 'column')}"
                return self.place.located(what, row=row, line=line)
            for position, name in wanted:
                field = record[position]
                if said := self._fault(field, name in text, name in bools):
                    if _escaped(field):
                        return self._not_encoded()
                    return self.place.located(said, row=row, line=line, column=name)
        return None

    def _fault(self, field: str, text: bool, boolean: bool) -> str:
        """What is wrong with a field; nothing if it is right."""
        stripped = field if text else field.strip(" \t")
        if stripped in NULLS:
            return missing(1)
        if text:
            return "is not in the encoding" if _escaped(field) else ""
        if boolean:
            return "" if stripped in BOOLS else f"holds {quoted(stripped)} in a column of true and false"
        plain = stripped if self.decimal == "." else stripped.replace(".", "_").replace(self.decimal, ".")
        if NUMBER.fullmatch(plain):
            return ""
        if self.decimal == "." and "." not in stripped and NUMBER.fullmatch(stripped.replace(",", ".", 1)):
            return f"holds {quoted(stripped)}: if the comma is a decimal point, give decimal=','"
        return f"holds {quoted(stripped)}, {TEXT}"

    def _not_encoded(self) -> DataError:
        """The error for the first byte that is not in the encoding."""
        decoder, done = codecs.getincrementaldecoder(self.encoding)("strict"), 0
        with self.opened() as stream:
            while True:
                chunk = stream.read(SAMPLE)
                kept = len(decoder.getstate()[0])
                try:
                    decoder.decode(chunk, not chunk)
                except UnicodeDecodeError as error:
                    at, byte = done - kept + error.start, error.object[error.start]
                    return self.place.error(
                        f"is not {self.encoding.upper()}: byte {at:,} is 0x{byte:02X}; save it as UTF-8, or give its "
                        "encoding, such as encoding='latin-1'"
                    )
                if not chunk:
                    return self.place.error(f"is not {self.encoding.upper()}")
                done += len(chunk)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _escaped(text: str) -> bool:
    """Whether a byte in it was not in the encoding."""
    return any("\udc80" <= character <= "\udcff" for character in text)


def _has_line(sample: bytes) -> bool:
    return any(end in sample.lstrip(b"\r\n") for end in (b"\n", b"\r"))


def _compression(path: str) -> str | None:
    """How a file is compressed, by its first bytes."""
    with open(path, "rb") as stream:
        start = stream.read(4)
    for magic, name in ((b"\x1f\x8b", "gzip"), (b"BZh", "bz2"), (b"\x28\xb5\x2f\xfd", "zstd")):
        if start.startswith(magic):
            return name
    return None


def _told(text: str, whole: bool) -> str:
    """The delimiter that gives the first lines the same number of fields, more than one."""
    best, found = (False, 1), ","
    for delimiter in DELIMITERS:
        lengths: list[int] = []
        with contextlib.suppress(csv.Error):
            for record in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
                if record:
                    lengths.append(len(record))
                if len(lengths) > TELLING:
                    break
        if not whole and 1 < len(lengths) <= TELLING:  # the last line of the sample may be torn
            lengths.pop()
        score = (len(set(lengths)) == 1, lengths[0] if lengths else 1)
        if score[1] > 1 and score > best:
            best, found = score, delimiter
    return found
