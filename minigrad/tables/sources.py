"""Parquet files, Arrow files and pyarrow datasets, some rows at a time.

Room: each class is one way to go through rows: names, rows, and pieces of them. Below: `arrow`, `columns`.
Above: `stream`.
Must hold: memory is bounded by the batch, not by the file or its row groups; a second pass opens the file anew.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from minigrad.tables import arrow
from minigrad.tables.asked import Asked
from minigrad.tables.columns import Column, positions_of
from minigrad.tables.place import Place


class Source(Protocol):
    """Rows that can be gone through."""

    @property
    def names(self) -> Sequence[str]:
        """Names of the columns."""

    @property
    def rows(self) -> int | None:
        """How many, None if that is not known before they are read."""

    @property
    def estimated(self) -> int | None:
        """About how many, None if nobody knows."""

    def check(self, names: Sequence[str]) -> None:
        """Refuse names that it has not."""

    def pieces(self, asked: Asked, before: int = 0) -> Iterator[list[Column]]:
        """Go through the columns, some rows at a time;

        `before` rows of the stream came before the first.
        """
        ...


@contextlib.contextmanager
def readable(path: str) -> Iterator[None]:
    """What pyarrow says of a file that it cannot read, with the name of the file."""
    pa = arrow.library()
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise arrow.not_readable(path, error) from error


class _File:
    """What Parquet and Arrow files have in common."""

    names: list[str]
    rows: int | None

    def __init__(self, path: str) -> None:
        self.path = path
        self.place = Place(path)

    @property
    def estimated(self) -> int | None:
        """As `rows`."""
        return self.rows

    def check(self, names: Sequence[str]) -> None:
        """Refuse names that it has not."""
        positions_of(self.names, names, self.place)

    def pieces(self, asked: Asked, before: int = 0) -> Iterator[list[Column]]:
        """Columns of as many rows at a time as are asked for, or fewer."""
        first = 0
        with readable(self.path):
            for batch in self._batches(asked):
                yield asked.bound(batch, Place(self.path, first=first, before=before))
                first += batch.num_rows

    def _batches(self, asked: Asked) -> Iterator[Any]:
        raise NotImplementedError


class Parquet(_File):
    """One Parquet file."""

    #: Bytes of a column that are read at a time, so that a row group need not fit in memory.
    BUFFER = 1 << 20

    def __init__(self, path: str) -> None:
        super().__init__(path)
        with readable(path), self._opened() as file:
            self.names = list(file.schema_arrow.names)
            self.rows = int(file.metadata.num_rows)

    def _opened(self) -> Any:
        return arrow.library("parquet").ParquetFile(self.path, buffer_size=self.BUFFER, pre_buffer=False)

    def _batches(self, asked: Asked) -> Iterator[Any]:
        with self._opened() as file:
            yield from file.iter_batches(asked.batch_rows, columns=list(asked.names))

    def table(self, names: Sequence[str], *_: Sequence[str]) -> Any:
        """All rows as a Table."""
        with readable(self.path):
            return arrow.library("parquet").read_table(self.path, columns=list(names), partitioning=None)


class ArrowFile(_File):
    """One file in Arrow's own format (also called IPC or Feather), seekable or a stream. It is mapped, not read."""

    def __init__(self, path: str, *, seekable: bool) -> None:
        super().__init__(path)
        self._seekable = seekable
        with readable(path), self._opened(None) as reader:
            self.names = list(reader.schema.names)
            self.rows = int(reader.count_rows()) if hasattr(reader, "count_rows") else None

    @contextlib.contextmanager
    def _opened(self, names: Sequence[str] | None) -> Iterator[Any]:
        pa = arrow.library()
        fields = None if names is None else positions_of(self.names, names, self.place)
        options = pa.ipc.IpcReadOptions(included_fields=fields)
        with pa.memory_map(self.path) as mapped:
            opened = pa.ipc.open_file if self._seekable else pa.ipc.open_stream
            with opened(mapped, options=options) as reader:
                yield reader

    def _batches(self, asked: Asked) -> Iterator[Any]:
        with self._opened(asked.names) as reader:
            if self._seekable:
                yield from (reader.get_batch(i) for i in range(reader.num_record_batches))
            else:
                yield from reader

    def table(self, names: Sequence[str], *_: Sequence[str]) -> Any:
        """All rows as a Table."""
        with readable(self.path), self._opened(names) as reader:
            return reader.read_all().select(list(names))


class Dataset:
    """A pyarrow dataset, one fragment (file) after the other."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        self.names = list(dataset.schema.names)
        kinds = (
            {fragment.format.default_extname for fragment in dataset.get_fragments()}
            if _has_files(dataset)
            else set()
        )
        self.rows = int(dataset.count_rows()) if kinds and kinds <= {"parquet", "ipc", "feather"} else None

    @property
    def estimated(self) -> int | None:
        """As `rows`."""
        return self.rows

    def check(self, names: Sequence[str]) -> None:
        """Refuse names that it has not."""
        positions_of(self.names, names, Place())

    def pieces(self, asked: Asked, before: int = 0) -> Iterator[list[Column]]:
        """Columns of at most as many rows at a time as are asked for."""
        for fragment in self._dataset.get_fragments():
            first, path = 0, getattr(fragment, "path", None) or None
            with readable(path or "the dataset"):
                for batch in fragment.to_batches(
                    schema=self._dataset.schema,
                    columns=list(asked.names),
                    batch_size=asked.batch_rows,
                    batch_readahead=1,
                    fragment_readahead=1,
                ):
                    yield asked.bound(batch, Place(path, first=first, before=before))
                    first += batch.num_rows
            before += first


def _has_files(dataset: Any) -> bool:
    return hasattr(dataset, "files")


class Several:
    """Sources one after the other, as one."""

    def __init__(self, parts: Sequence[Any]) -> None:
        self._parts = parts
        self.names = list(parts[0].names)

    @property
    def rows(self) -> int | None:
        """How many in all, None if one does not know."""
        known = [part.rows for part in self._parts]
        return None if None in known else sum(known)

    @property
    def estimated(self) -> int | None:
        """About how many in all, None if one does not know."""
        known = [part.estimated for part in self._parts]
        return None if None in known else sum(known)

    def check(self, names: Sequence[str]) -> None:
        """Refuse names that one of them has not."""
        for part in self._parts:
            part.check(names)

    def pieces(self, asked: Asked, before: int = 0) -> Iterator[list[Column]]:
        """All rows of the first, then of the next."""
        for part in self._parts:
            for columns in part.pieces(asked, before):
                yield columns
                before += len(columns[0])
