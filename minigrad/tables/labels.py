"""Labels, whatever they are written as, turned into zeros and ones.

Room: judges one column, whole or batch by batch. Below: `columns`, `place`.
Must hold: nothing is taken for a 0 because it is not the positive label: there are two values, or an error.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from minigrad.functions import ShapeError
from minigrad.tables.columns import values
from minigrad.tables.place import Place, quoted


def labels01(
    column: Any, *, positive: str | float | None = None, name: str = "y", both: bool = True
) -> npt.NDArray[Any]:
    """A column of labels as zeros and ones.

    column    (m,) numbers or texts: an array, a list, a column of a frame or of an Arrow table
    positive  the value that counts as 1; the other one counts as 0. Not needed for 0 and 1, true and false
    name      of the column, for messages
    both      whether both labels must be there; False where it is only a part of the rows
    return    (m,), each 0 or 1 (or False or True): the column itself where it holds that already

    Raises DataError when a label is missing or is not 0 or 1 and `positive` does not say what it means (the row,
    the value, and the values that were found are given), when there are more than two values, when
    `positive` is not among them, and when `both` and there is only one. ShapeError when there are no rows.

    >>> labels01(["no", "yes", "no"], positive="yes")
    array([False,  True, False])
    """
    place = Place()
    labels = values(column, name, place)
    if not len(labels):
        raise ShapeError(f"column {quoted(name)} holds no labels: there are no rows")
    if positive is not None:
        words = Words(positive)
        labels = words.mapped(labels, name, place)
        if both:
            words.check(name, place)
    elif labels.dtype.kind == "O":
        raise place.error(f"holds {quoted(labels[0])}: {_advice(labels)}", row=0, column=name)
    else:
        strange = (labels != 0) & (labels != 1)
        if strange.any():
            row = int(np.argmax(strange))
            raise place.error(f"holds {_said(labels[row])}: {_advice(labels)}", row=row, column=name)
    if both and (labels == labels[0]).all():
        raise place.error(
            f"holds the label {_said(labels[0])} in all {len(labels):,} rows: a model needs both to tell them apart",
            column=name,
        )
    return labels


def _advice(labels: npt.NDArray[Any]) -> str:
    """What to do about labels that are not 0 and 1."""
    found = _distinct(labels)
    if len(found) != 2 or any(value != value for value in found):
        return f"a label is 0 or 1, and here are {_listed(found)}"
    return (
        f"a label is 0 or 1; two values were found, {_said(found[0])} and {_said(found[1])}: "
        f"give positive={_said(found[1])} if that one counts as 1"
    )


class Words:
    """What labels are written as: `positive` counts as 1, one other value as 0; remembers what it has seen."""

    def __init__(self, positive: str | float) -> None:
        self.positive = positive
        self._seen: set[Any] = set()

    def mapped(self, labels: npt.NDArray[Any], name: str, place: Place) -> npt.NDArray[np.bool_]:
        """Where the label is `positive`, which may be the text of a number (from a command line, say)."""
        if labels.dtype.kind != "O" and isinstance(self.positive, str):
            with contextlib.suppress(ValueError):
                self.positive = float(self.positive)
        self._seen.update(_distinct(labels))
        if len(self._seen) > 2:
            raise place.error(
                f"holds more than two values, {_listed(sorted(self._seen))}: make a column that tells "
                f"{_said(self.positive)} from all others",
                column=name,
            )
        return np.asarray(labels == self.positive, dtype=np.bool_)

    def check(self, name: str, place: Place) -> None:
        """At the end: refuse a positive label that never came."""
        if self.positive not in self._seen:
            what = f"never holds {_said(self.positive)}, but {_listed(sorted(self._seen))}"
            raise place.error(what, column=name)


def _distinct(labels: npt.NDArray[Any]) -> list[Any]:
    """The different values, in ascending order."""
    return sorted(set(labels.tolist())) if labels.dtype.kind == "O" else np.unique(labels).tolist()


def _listed(found: Sequence[Any], most: int = 5) -> str:
    text = ", ".join(map(_said, found[:most]))
    return f"{text} and others" if len(found) > most else text


def _said(value: Any) -> str:
    """A text between quotes, a number short."""
    return quoted(value) if isinstance(value, str) else f"{value:g}"
