"""Where in a table something is wrong, in words: file, line, row, column.

Room: every message about a table is put together here, so that all count alike: rows from 0, as NumPy and
pandas do (row 0 is the first), lines of a file from 1, as editors do. Below: `text`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from minigrad.text import shown

#: So many characters of a name or a text are shown.
LIMIT = 40

#: What is wrong with a column, as it ends a sentence about it.
TEXT = "which is text, and a number is needed: correct it, or map texts to numbers first"
DATES = "take a number from it first, such as days since a start"


class DataError(ValueError):
    """A table holds what cannot be computed with; the message says where and what to do.

    file    the file it was read from, None for a table in memory
    row     counted from 0 over all rows of the table or stream, None if it is not about one row
    line    of a text file, counted from 1, None if there is none
    column  its name (its position, if it has none), None if it is not about one column
    """

    __module__ = "minigrad.tables"  # where it is imported from

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        row: int | None = None,
        line: int | None = None,
        column: str | int | None = None,
    ) -> None:
        super().__init__(message)
        self.file, self.row, self.line, self.column = file, row, line, column


def quoted(name: object) -> str:
    """A name or a text between quotes, safe to look at; a position as it is."""
    return str(name) if isinstance(name, int) else f"'{shown(str(name), LIMIT)}'"


def several(names: Sequence[object], most: int = 8) -> str:
    """Names in a row, the first ones if they are many.

    >>> several(["a", "b"]), several(["a", "b", "c"], most=1)
    ("'a', 'b'", "'a', … (3 in all)")
    """
    text = ", ".join(map(quoted, names[:most]))
    return text if len(names) <= most else f"{text}, … ({len(names):,} in all)"


def near(name: str, names: Sequence[object]) -> str:
    """What may have been meant by `name`, as the end of a message; empty if nothing is near.

    >>> near("lenght", ["length", "width"])
    "; did you mean 'length'?"
    """
    known = {str(other).strip().casefold(): str(other) for other in reversed(names)}
    found = difflib.get_close_matches(name.strip().casefold(), list(known), 3)
    return f"; did you mean {' or '.join(quoted(known[match]) for match in found)}?" if found else ""


def missing(count: int) -> str:
    """What to say of the first of `count` missing numbers."""
    such = f" ({count:,} such in all)" if count > 1 else ""
    return f"is missing{such}: fill it in or leave the row out"


@dataclass(frozen=True)
class Place:
    """Where a batch of rows comes from.

    file    its file, None for a table in memory
    first   rows of this file that came before it
    before  rows of earlier files of the same stream
    line    finds the line of a row of the file (None if it cannot), None if the file has no lines
    """

    file: str | None = None
    first: int = 0
    before: int = 0
    line: Callable[[int], int | None] | None = None

    def error(self, what: str, *, row: int | None = None, column: str | int | None = None) -> DataError:
        """An error about `row` of the batch and `column`; `what` continues the sentence.

        >>> print(Place("a.csv", first=10).error("holds nan", row=5, column="x"))
        a.csv: row 15, column 'x' holds nan
        """
        in_file = None if row is None else row + self.first
        line = None if in_file is None or self.line is None else self.line(in_file)
        return self.located(what, row=in_file, line=line, column=column)

    def located(
        self,
        what: str,
        *,
        row: int | None = None,
        line: int | None = None,
        column: str | int | None = None,
    ) -> DataError:
        """As `error`, for a row counted from the start of the file, with its line if that is known."""
        parts = []
        if line is not None:
            parts.append(f"line {line:,}" + ("" if row is None else f" (row {row:,})"))
        elif row is not None:
            parts.append(f"row {row:,}")
        if column is not None:
            parts.append(f"column {quoted(column)}")
        where = ", ".join(parts)
        if self.file is not None:
            where = f"{shown(self.file)}: {where}" if where else f"{shown(self.file)}"
        return DataError(
            f"{where} {what}" if where else what,
            file=self.file,
            row=None if row is None else row + self.before,
            line=line,
            column=column,
        )
