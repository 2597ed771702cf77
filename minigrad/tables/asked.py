"""What is asked of rows that arrive in batches: columns by name, labels as zeros and ones, so many rows at a time.

Room: handed by `stream` to each source, which binds its batches with it. Below: `columns`, `labels`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minigrad.tables.columns import Column, bound, numbers, values
from minigrad.tables.labels import Words
from minigrad.tables.place import Place


class Asked:
    """One pass over the rows.

    names       of the columns
    batch_rows  rows at a time; a source may give more or fewer
    labels      {column: the value that counts as 1} of columns of labels
    """

    def __init__(
        self, names: Sequence[str], batch_rows: int, labels: Mapping[str, str | float] | None = None
    ) -> None:
        self.names, self.batch_rows = names, batch_rows
        self.labels = {name: value for name, value in (labels or {}).items() if name in names}
        self._words = {name: Words(value) for name, value in self.labels.items()}

    @property
    def texts(self) -> list[str]:
        """The columns that hold labels in words."""
        return [name for name, value in self.labels.items() if isinstance(value, str)]

    def bound(self, table: Any, place: Place) -> list[Column]:
        """The columns of one batch."""
        return bound(table, self.names, place, self._converted if self._words else None)

    def _converted(self, column: Any, name: str, place: Place) -> Column:
        if name not in self._words:
            return numbers(column, name, place)
        return self._words[name].mapped(values(column, name, place), name, place)

    def check(self) -> None:
        """After the last batch: refuse a label that was to count as 1 and never came."""
        for name, words in self._words.items():
            words.check(name, Place())
