"""What `minigrad predict` does: a model and a file of rows in, a probability for each row out.

Room: reads rows batch by batch and writes them batch by batch; computes nothing that `logistic` does not. Below:
`logistic`, `tables`, `files`.
Must hold: constant memory; one line out for each row in, in the same order; the output is whole or not there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from minigrad.files import check_writable
from minigrad.functions import sigmoid
from minigrad.logistic import LogisticRegression
from minigrad.logistic.file import Class
from minigrad.tables import Stream, open_rows, write_table
from minigrad.tables.checks import refuse_nonfinite
from minigrad.tables.output import checked_end, write_csv
from minigrad.tables.place import Place, several
from minigrad.text import shown

#: Called with the number of rows done, and of all rows, as far as that is known.
Progress: TypeAlias = Callable[[int, int | None], object]

#: What the columns of the output are called.
PROBABILITY, PREDICTION = "probability", "prediction"


class PredictError(ValueError):
    """What was asked for cannot be done; the message says why and what to do."""


class Predicted(NamedTuple):
    """How many rows, and how many of them are more likely of the second class, whose name is `one`."""

    rows: int
    ones: int
    one: Class


def run(
    model_path: Path,
    data: Path,
    out: str,
    *,
    threads: int = 1,
    decimal: str = ".",
    encoding: str = "utf-8",
    progress: Progress | None = None,
) -> Predicted:
    """Predict every row of a file.

    model_path  a file of `LogisticRegression.save`
    data        CSV, Parquet or Arrow, as `tables.open_rows` takes it, larger than memory if need be
    out         where the predictions go: a name as `tables.write_table` takes it, or - for CSV on standard output
    decimal, encoding
                of a CSV, as `tables.open_rows` takes them
    progress    called with the rows done and the rows there are (about; None if nobody knows)

    Raises ModelFileError, PredictError, DataError, CannotReadError and CannotWriteError (OSErrors).
    """
    path = None if out == "-" else Path(out)
    if path is not None:
        _check_place(path, model_path, data)
    model = LogisticRegression.load(model_path)
    stream = open_rows(data, decimal=decimal, encoding=encoding)
    _check_columns(model, data, stream.names)
    run_over = _Run(model, data, stream, threads, progress)
    if path is None:
        write_csv(sys.stdout.buffer, run_over.tables())
        sys.stdout.buffer.flush()
    else:
        write_table(path, run_over.tables())
    return Predicted(run_over.rows, run_over.ones, model.classes[1])


class _Run:
    """Goes through the rows once, and counts."""

    def __init__(
        self, model: LogisticRegression, data: Path, stream: Stream, threads: int, progress: Progress | None
    ) -> None:
        self.model, self.data, self.stream, self.threads, self.progress = (
            model,
            data,
            stream,
            threads,
            progress,
        )
        self.rows = self.ones = 0

    def tables(self) -> Iterator[dict[str, Any]]:
        """The predictions of some rows at a time, as columns."""
        names, classes = self.model.features, np.asarray(self.model.classes)
        for columns in self.stream.batches(names):
            refuse_nonfinite(columns, names, Place(str(self.data), first=self.rows))
            z = self.model.logits(dict(zip(names, columns, strict=True)), threads=self.threads)
            likelier = z >= 0.0
            yield {PROBABILITY: sigmoid(z), PREDICTION: classes[likelier.astype(np.intp)]}
            self.rows, self.ones = self.rows + len(z), self.ones + int(np.count_nonzero(likelier))
            if self.progress is not None:
                self.progress(self.rows, self.stream.estimated)


def _check_place(path: Path, model_path: Path, data: Path) -> None:
    try:
        checked_end(path)
    except ValueError as error:
        raise PredictError(f"--out {error}, or give - for standard output") from None
    for other, what in ((data, "the table itself"), (model_path, "the model itself")):
        if path.exists() and other.exists() and path.samefile(other):
            raise PredictError(f"--out {shown(str(path), 200)} is {what}: choose another name")
    check_writable(path)


def _check_columns(model: LogisticRegression, data: Path, names: Sequence[str]) -> None:
    """All columns that are missing at once; of a single one, `batches` says which may have been meant."""
    missing = [name for name in model.features if name not in names]
    if len(missing) > 1:
        raise PredictError(
            f"{shown(str(data))} lacks {len(missing)} of the {len(model.features)} columns of the model: "
            f"{several(missing)}"
        )
