"""CSV and its relatives, a block at a time: fields between commas, semicolons, tabs or bars, one row a line.

Room: pyarrow reads the numbers; what it stumbles over is found again by `lines`, which can say where it is.
Below: `lines`, `asked`, `arrow`, `place`.
Must hold: a column is read as float64 (or bool, where the first rows say true and false), whatever its first
rows look like, so that a 0.5 after a million integers is no surprise. Nothing is skipped but empty lines of a
file with several columns.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from minigrad.tables import arrow
from minigrad.tables.asked import Asked
from minigrad.tables.columns import Column
from minigrad.tables.lines import NULLS, Lines
from minigrad.tables.place import Place

#: Bytes of text that are read at a time, if the header is not longer.
BLOCK = 1 << 20


class Delimited:
    """One file of delimited text; `layout` as `Lines` takes it."""

    rows: int | None = None

    def __init__(self, path: str, **layout: Any) -> None:
        self._lines = Lines(path, **layout)
        self.place, self.names, self.estimated = self._lines.place, self._lines.names, self._lines.estimated
        self._bools: dict[str, bool] = {}

    def check(self, names: Sequence[str]) -> None:
        """Refuse names that it has not."""
        self._lines.positions(names)

    def pieces(self, asked: Asked, before: int = 0) -> Iterator[list[Column]]:
        """Columns of some rows at a time, about `BLOCK` bytes of text; `before` rows of the stream came before."""
        names, text, first = asked.names, asked.texts, 0
        bools = self._found_bools([name for name in names if name not in text])
        with self._translated(names, text=text, bools=bools):
            reader = self._reader(names, text, bools)
            while (batch := _next(reader)) is not None:
                place = Place(self.place.file, first=first, before=before, line=self.place.line)
                yield asked.bound(_called(batch, names), place)
                first += batch.num_rows

    def table(self, names: Sequence[str], wanted: Sequence[str], text: Sequence[str]) -> Any:
        """All rows of the columns `names` as a Table; integers stay integers, those in `text` stay texts.

        Those in `wanted` must hold numbers, or the first field that holds none is named.
        """
        kinds = {name: arrow.library().string() for name in text}
        with self._translated(names, text=text), self._lines.opened() as stream:
            table = arrow.library("csv").read_csv(stream, **self._options(names, kinds))
        table = _called(table, names)
        if any(not arrow.is_number(table.schema.field(name).type) for name in wanted):
            if fault := self._lines.first_fault(wanted):
                raise fault
        return table

    def _found_bools(self, names: Sequence[str]) -> list[str]:
        """Those of the columns whose first rows hold true and false."""
        unknown = [name for name in names if name not in self._bools]
        if unknown:
            with self._translated(unknown):
                kinds = self._reader(unknown, (), None).schema.types
            is_boolean = arrow.library().types.is_boolean
            self._bools |= {name: is_boolean(kind) for name, kind in zip(unknown, kinds, strict=True)}
        return [name for name in names if self._bools[name]]

    def _reader(self, names: Sequence[str], text: Sequence[str], bools: Sequence[str] | None) -> Any:
        """A reader of batches; `bools` None leaves the types to its first block."""
        pa = arrow.library()
        kinds = {name: pa.string() for name in text}
        if bools is not None:
            plain = [name for name in names if name not in text]
            kinds |= {name: pa.bool_() if name in bools else pa.float64() for name in plain}
        return arrow.library("csv").open_csv(self._lines.opened(), **self._options(names, kinds))

    def _options(self, names: Sequence[str], kinds: dict[str, Any]) -> dict[str, Any]:
        """Inside, columns are called by their position, so that no two have the same name."""
        reading, lines = arrow.library("csv"), self._lines
        called = dict(zip(names, map(str, lines.positions(names)), strict=True))
        return {
            "read_options": reading.ReadOptions(
                column_names=[str(i) for i in range(len(lines.names))],
                skip_rows=lines.skip,
                block_size=max(BLOCK, 2 * min(lines.start, 1 << 28)),
                encoding=lines.encoding,
            ),
            "parse_options": reading.ParseOptions(
                delimiter=lines.delimiter,
                newlines_in_values=True,
                ignore_empty_lines=len(lines.names) > 1,  # the only field of a line may be missing
            ),
            "convert_options": reading.ConvertOptions(
                include_columns=list(called.values()),
                column_types={called[name]: kind for name, kind in kinds.items()},
                null_values=NULLS,
                strings_can_be_null=True,
                decimal_point=lines.decimal,
            ),
        }

    @contextlib.contextmanager
    def _translated(
        self, names: Sequence[str], *, text: Sequence[str] = (), bools: Sequence[str] = ()
    ) -> Iterator[None]:
        """What pyarrow refuses, said with file, line and column."""
        try:
            yield
        except (arrow.library().ArrowException, OSError, UnicodeDecodeError) as error:
            with contextlib.suppress(OSError):  # of a compressed file that is cut off
                if fault := self._lines.first_fault(names, text=text, bools=bools):
                    raise fault from error
            raise arrow.not_readable(self._lines.path, error) from error


def _called(batch: Any, names: Sequence[str]) -> Any:
    """The same columns under their own names."""
    return type(batch).from_arrays(batch.columns, names=list(names))


def _next(reader: Any) -> Any:
    """The next batch, None at the end."""
    try:
        return reader.read_next_batch()
    except StopIteration:
        return None
