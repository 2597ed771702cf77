"""Do the rows determine the weights? Not where a direction exists along which no row's loss ever rises.

Rows whose labels a plane tells apart without a mistake (complete separation), or with none but ties on the plane
(partial separation), have no maximum-likelihood weights: the loss goes on falling while they grow without bound.
Columns of which one follows from the others have many: the loss is the same along a line of weights.

Room: judges weights that are found; looks at each row once or twice. Above: `model`.
Must hold: a direction that is found is a proof, held against every row; where a minimum exists, none is.
Source: Albert and Anderson, On the existence of maximum likelihood estimates in logistic regression models,
Biometrika 71 (1984).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from minigrad.descent import Descent, Progress
from minigrad.logistic.coordinates import Coordinates
from minigrad.logistic.rows import Rows
from minigrad.text import shown

Floats: TypeAlias = npt.NDArray[np.float64]

#: Batches of rows: n columns (m,) each, and labels (m,).
Batches: TypeAlias = Callable[[], Iterable[tuple[Sequence[npt.NDArray[Any]], npt.NDArray[Any]]]]

#: For a direction (n + 1,) how far the rows lie on the side of their label, above 0 on the right one: (m,) in batches.
Margins: TypeAlias = Callable[[Floats], Iterable[Floats]]

#: Log-odds this far from 0 make one look for a direction: 1 in 8,000 of the rows there would have the other label.
SUSPECT = 9.0

#: Columns are taken to determine one another where their scaled Gram matrix has an eigenvalue below this; a look at so
#: many rows tells first whether it can.
SINGULAR, LOOKED_AT = 1e-12, 4096

#: On the plane: a margin below this share of the largest.
TIE = 1e-6


class SeparationWarning(UserWarning):
    """The rows do not determine the weights; the message says which columns tell them apart, and what to do."""


class ToldApart(Exception):
    """Every row is on the side of its label, so that there is no minimum to go on to."""

    def __init__(self, parameters: Floats, losses: Sequence[float]) -> None:
        super().__init__()
        self.parameters, self.losses = parameters, tuple(losses)

    def result(self, solver: str) -> Descent:
        """What the run has found."""
        return Descent(self.parameters, self.losses, "rows told apart", math.nan, 0, solver)


class Told:
    """Ends a run, from its progress, once all rows are told apart.

    Where the mean loss over m rows is below log 2 / m, no row has a loss of log 2, and each is on its label's side.
    """

    def __init__(self, rows: Rows, objective: Coordinates, progress: Progress | None) -> None:
        self._enough = 0.0 if rows.weight_name else math.log(2.0) / rows.m
        self._objective, self._progress = objective, progress
        self._losses: list[float] = []

    def __call__(self, epoch: int, loss: float) -> None:
        """Hear of a loss."""
        self._losses.append(loss)
        if self._progress is not None:
            self._progress(epoch, loss)
        its_loss, parameters = self._objective.last
        if loss < self._enough and its_loss == loss:
            raise ToldApart(parameters, self._losses)


def separation(
    margins: Margins, parameters: Floats, newton_step: Callable[[], Floats | None]
) -> tuple[str, Floats | None]:
    """ "complete" or "partial" with a direction (n + 1,) that proves it, else "" and None.

    margins      of a direction (n + 1,), how far each row lies on the side of its label, batch by batch
    parameters   (n + 1,), the weights and b, where a solver ended
    newton_step  the step that Newton's method would take from there, None where it cannot say
    """
    least, most = _extremes(margins, parameters)
    if least > 0.0:
        return "complete", parameters
    if most < SUSPECT:
        return "", None
    step = newton_step()
    if step is None or not np.isfinite(step).all():
        return "", None
    least, most = _extremes(margins, step)
    if most > 0.0 and least > 0.0:
        return "complete", step
    if most > 0.0 and least >= -TIE * most:
        return "partial", step
    return "", None


def _extremes(margins: Margins, direction: Floats) -> tuple[float, float]:
    """The least and the greatest margin."""
    least, most = np.inf, -np.inf
    for some in margins(direction):
        least, most = min(least, float(some.min())), max(most, float(some.max()))
    return least, most


def ranges(batches: Batches, n: int) -> tuple[Floats, Floats]:
    """Least and greatest number of each column under either label: two arrays (2, n)."""
    low, high = np.full((2, n), np.inf), np.full((2, n), -np.inf)
    for columns, labels in batches():
        for label in (0, 1):
            chosen = np.asarray(labels) == label
            if not chosen.any():
                continue
            for j, column in enumerate(columns):
                numbers = np.asarray(column)[chosen]
                low[label, j] = min(low[label, j], float(numbers.min()))
                high[label, j] = max(high[label, j], float(numbers.max()))
    return low, high


def columns_alone(low: Floats, high: Floats) -> list[tuple[int, float]]:
    """Columns of which one alone tells the labels apart: (column, a number between the two sides)."""
    found = []
    for j in range(low.shape[1]):
        for label in (0, 1):
            if high[label, j] < low[1 - label, j]:
                found.append((j, float(high[label, j] + (low[1 - label, j] - high[label, j]) / 2)))
    return found


def described(kind: str, direction: Floats, batches: Batches, names: Sequence[str]) -> str:
    """What separation means for the user, which columns are behind it, and what to do."""
    low, high = ranges(batches, len(names))
    alone = columns_alone(low, high)
    if alone:
        j, between = alone[0]
        more = f" (so do {len(alone) - 1} other columns)" if len(alone) > 1 else ""
        which = f"column {shown(names[j], 60)!r} alone tells the classes apart, at {between:.6g}{more}"
    else:
        reach = np.abs(direction[:-1]) * (high.max(axis=0) - low.min(axis=0))
        largest = [j for j in np.argsort(-reach)[:3] if reach[j] > 0.05 * reach.max()]
        listed = ", ".join(repr(shown(names[j], 60)) for j in sorted(largest))
        which = f"{listed} tell {'all' if kind == 'complete' else 'some'} rows apart without a mistake"
    return (
        f"{kind} separation: {which}; the weights have no best value, they grow as long as one goes on. What to do: "
        "see whether the column knows the answer, leave it out, or set a penalty (l2, such as 1e-3)"
    )


# -- columns that determine one another -------------------------------------------------------------------


def tangled(columns: Sequence[npt.NDArray[Any]], gram: Callable[[], Floats], names: Sequence[str]) -> str:
    """What there is to say of columns of which one follows from the others; "" where none does.

    columns  some of the rows
    gram     X'X over all rows up to a factor, X with a column of ones last: (n + 1, n + 1)
    """
    few = np.column_stack([np.asarray(column[:LOOKED_AT], dtype=np.float64) for column in columns])
    few = np.column_stack([few, np.ones(len(few))])
    if len(few) > few.shape[1] and _least(few.T @ few)[0] > SINGULAR:
        return ""
    least, direction = _least(gram())
    if least > SINGULAR:
        return ""
    reach = np.abs(direction)
    largest = [j for j in range(len(reach)) if reach[j] > 1e-4 * reach.max()]
    listed = [repr(shown(name, 60)) for name in (names[j] for j in largest if j < len(names))]
    if len(largest) == 1 and listed:
        return f"column {listed[0]} is 0 in every row, so that its weight could be anything: leave it out"
    bias = " and b" if len(names) in largest else ""
    if len(listed) == 1 and bias:
        return f"column {listed[0]} is the same in every row, as b is, so that only their sum counts: leave it out"
    return (
        f"the columns {', '.join(listed[:8])}{', …' if len(listed) > 8 else ''}{bias} determine one another, so that "
        "only their weights together count: leave one out, or set a penalty (l2)"
    )


def _least(gram: Floats) -> tuple[float, Floats]:
    """The least eigenvalue of a Gram matrix scaled to ones on its diagonal, and its eigenvector."""
    size = np.sqrt(np.diag(gram))
    size = np.where(size > 0.0, size, 1.0)
    values, vectors = np.linalg.eigh(gram / np.outer(size, size))
    return float(values[0]), vectors[:, 0]
