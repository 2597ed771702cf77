"""Logistic regression over m rows: the graph of one example, compiled once, fitted by any solver.

Room: puts graph, program, solver and rows together; computes no loss and no gradient itself. Below: `example`,
`paper`, `choices`, `coordinates`, `separation`, `file`; `program`, `descent`, `tables`.
Must hold: weights and bias are those of the columns as they are, however the solver saw them; the same rows and
options give the same bits, for any number of threads.
"""

from __future__ import annotations

import dataclasses
import math
import os
import warnings
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from minigrad.descent import Descent, DivergedError, Progress, minimise
from minigrad.functions import sigmoid
from minigrad.logistic import file
from minigrad.logistic.choices import (
    NEWTON_UP_TO,
    SECOND_ORDER,
    checked_classes,
    checked_l2,
    default_epochs,
    described_run,
    refuse_risen,
)
from minigrad.logistic.coordinates import Coordinates, CurvatureError, Scaling, newton_step
from minigrad.logistic.example import OneRow
from minigrad.logistic.file import Class, Saved, Training
from minigrad.logistic.paper import Comparison, compared
from minigrad.logistic.rows import Rows, features_of, moments, row_of
from minigrad.logistic.separation import SeparationWarning, Told, ToldApart, described, separation, tangled
from minigrad.program import NonFiniteError, Program, compile
from minigrad.tables.checks import refuse_nonfinite
from minigrad.tables.place import Place
from minigrad.text import shown
from minigrad.value import Value

if TYPE_CHECKING:
    from minigrad.draw import Drawing

Floats: TypeAlias = npt.NDArray[np.float64]


class NotFittedError(ValueError):
    """The model has no weights yet."""


class LogisticRegression:
    """Logistic regression: the graph x -> z -> a -> L of one example, run over m rows.

    features  names of the n columns, or their number n (then x1 to xn)
    target    name of the column with the label
    classes   what stands there for label 0 and for label 1: numbers or texts

    `fit` learns, `predict_proba` and `predict` apply, `graph` shows one row with its numbers, `save` and `load`
    keep a model as a file that one can read. There is no penalty and no scaling that was not asked for.

    >>> model = LogisticRegression(["hours"], target="passed")
    >>> rows = {"hours": [0.5, 1.5, 2.0, 2.5, 3.0, 4.0], "passed": [0, 0, 1, 0, 1, 1]}
    >>> model.fit(rows)
    LogisticRegression(passed by hours: weights [2.192], b -4.932)
    >>> model.predict({"hours": [1.0, 3.5]}).tolist()
    [0, 1]
    """

    def __init__(
        self, features: int | Sequence[str], *, target: str = "y", classes: Sequence[Class] = (0, 1)
    ) -> None:
        self.one = OneRow(features, target)
        self.classes = checked_classes(classes)
        self.losses: tuple[float, ...] = ()
        self.remarks: tuple[str, ...] = ()
        self._parameters: Floats | None = None
        self._scaling: Scaling | None = None
        self._training: Training | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the n columns."""
        return self.one.names

    @property
    def target(self) -> str:
        """Name of the column with the label."""
        return self.one.y.label

    @property
    def weights(self) -> Floats:
        """(n,) in log-odds per unit of column, whether the columns were standardised or not."""
        return self._learned()[:-1].copy()

    @property
    def b(self) -> float:
        """The bias, in log-odds: of a row whose columns are all 0."""
        return float(self._learned()[-1])

    @property
    def parameters(self) -> Floats:
        """The weights and then b: (n + 1,)."""
        return self._learned().copy()

    @property
    def standardised_weights(self) -> Floats | None:
        """(n,) in log-odds per standard deviation of the column, None where the columns were not standardised."""
        return None if self._scaling is None else self.weights * self._scaling.scale

    @property
    def scaling(self) -> Scaling | None:
        """Mean and scale of the columns, where they were standardised."""
        return self._scaling

    @property
    def training(self) -> Training:
        """How the model came about: rows, solver, loss, and so on."""
        self._learned()
        assert self._training is not None
        return self._training

    def _learned(self) -> Floats:
        if self._parameters is None:
            raise NotFittedError("the model has no weights yet: call fit, or load one")
        return self._parameters

    def __repr__(self) -> str:
        names = ", ".join(shown(name, 20) for name in self.features[:4]) + ", …" * (len(self.features) > 4)
        of = f"LogisticRegression({shown(self.target, 20)} by {names}"
        if self._parameters is None:
            return f"{of}: not fitted)"
        weights = ", ".join(f"{number:.4g}" for number in self.weights[:4]) + ", …" * (len(self.features) > 4)
        return f"{of}: weights [{weights}], b {self.b:.4g})"

    # -- learning -------------------------------------------------------------------------------------

    def fit(
        self,
        table: Any,
        labels: Any = None,
        *,
        target: str | None = None,
        row_weights: Any = None,
        solver: str | None = None,
        alpha: float | str | None = None,
        epochs: int | None = None,
        batch_rows: int | None = None,
        seed: int = 0,
        tolerance: float | None = None,
        standardise: bool = False,
        l2: float = 0.0,
        threads: int = 1,
        progress: Progress | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        every: float = 30.0,
    ) -> Self:
        """Find the weights that make the mean loss over m rows least, from weights that are all 0.

        table        (m, n) array, or columns by name: a dict, a data frame, an Arrow table, or a stream
                     (`tables.open_rows`) that may be larger than memory; finite numbers
        labels       (m,), each one of the two classes; None: the column of the table called `target` (the last
                     column of an array)
        target       name of that column, from now on; None: as before
        row_weights  (m,) numbers, 0 or more, or the name of a column: how often each row counts; None: once
        solver       "newton" (up to 200 features the default), "lbfgs" (beyond), "newton-cg", or the lecture's "gd",
                     "momentum" or "adam"
        alpha        learning rate of the last three; for "gd" and "momentum" also "safe", their default: 1/L, where
                     L bounds the curvature of the loss
        epochs       passes over the rows at most; None: as `descent.minimise`, but 30 for "newton"
        batch_rows   rows for each update of the last three; None: all
        seed         of the order in which mini-batches are drawn
        tolerance    as `descent.minimise`
        standardise  let the solver see (x - mean) / scale, and say so in `training`; weights and b are those of the
                     columns as they are all the same
        l2           penalty: l2/2 times the sum of squared weights is added to the mean loss. b is not penalised;
                     the weights are those that the solver sees. scikit-learn's C is 1/(l2*m)
        threads      that may run at once; the result has the same bits for any number
        progress     called with (epoch, loss)
        checkpoint   file to which the run is written, at most every so many seconds (`every`); if it is there
                     already, the run goes on from it
        return       the model itself; `losses` is the curve, `training` the facts, `remarks` what is to be known

        Raises DataError and ShapeError for rows and labels that cannot be learned from (file, row and column are
        given), DivergedError when the loss leaves the finite numbers or ends above its start, ValueError for an
        option. Warns with SeparationWarning where the rows do not determine the weights.
        Source: Bishop, Pattern Recognition and Machine Learning (2006), 4.3.2 and 4.3.3, sums divided by m.

        >>> rows, labels = [[0.5, 1.0], [1.5, 0.0], [2.0, 1.0], [2.5, 0.0], [3.0, 1.0]], [0, 1, 1, 0, 1]
        >>> model = LogisticRegression(2).fit(rows, labels, solver="gd", epochs=50)
        >>> len(model.losses), model.losses[0] > model.losses[-1]
        (51, True)
        """
        penalty = checked_l2(l2)
        if target is not None and target != self.target:
            self._rename_target(target)
        rows = self._rows(table, labels, row_weights)
        scaling = Scaling(*moments(rows.features_only, self.features)) if standardise else None
        program = self._compiled(rows.weight_name) if rows.weight_name else self.program
        chosen = solver or self.default_solver
        if alpha is None and chosen in ("gd", "momentum"):
            alpha = "safe"
        objective = Coordinates(program.objective(rows.table, threads=threads), scaling, penalty)
        told = Told(rows, objective, progress) if penalty == 0.0 and chosen in SECOND_ORDER else None
        try:
            with np.errstate(
                over="ignore", invalid="ignore"
            ):  # of SciPy; what is not finite is found and said
                found = minimise(
                    objective, solver=chosen, alpha=alpha, epochs=default_epochs(chosen) if epochs is None else epochs,
                    batch_rows=batch_rows, seed=seed, tolerance=tolerance, progress=told or progress,
                    checkpoint=checkpoint, every=every,
                )  # fmt: skip
        except ToldApart as end:
            found = end.result(chosen)
        except DivergedError:
            rows.refuse_nonfinite()  # which is the likelier reason, and the one to name
            raise
        except (NonFiniteError, CurvatureError):
            rows.refuse_nonfinite()
            raise rows.too_large() from None
        refuse_risen(found, objective)
        self._keep(found, rows, scaling, penalty, batch_rows, seed)
        self._look_for_separation(rows, objective, found)
        self._look_for_tangles(rows, objective)
        return self

    @property
    def default_solver(self) -> str:
        """Newton's method where its Hessian is small; L-BFGS beyond. Neither needs a learning rate."""
        return "newton" if len(self.features) <= NEWTON_UP_TO else "lbfgs"

    @cached_property
    def program(self) -> Program:
        """The graph compiled: mean loss and gradient (by the weights and then b) over rows of features and label."""
        return self._compiled(None)

    def _compiled(self, weight: str | None) -> Program:
        one = self.one
        return compile(one.loss, rows=[*one.features, one.y], wrt=one.parameters, weight=weight)

    def _rows(self, table: Any, labels: Any, row_weights: Any = None) -> Rows:
        return Rows(
            table,
            labels,
            features=self.features,
            target=self.target,
            classes=self.classes,
            weight=row_weights,
        )

    def _rename_target(self, target: str) -> None:
        self.one = OneRow(self.features, target)
        self.__dict__.pop("program", None)

    def _keep(
        self,
        found: Descent,
        rows: Rows,
        scaling: Scaling | None,
        l2: float,
        batch_rows: int | None,
        seed: int,
    ) -> None:
        t = found.parameters
        self._parameters = t.copy() if scaling is None else scaling.to_columns(t)
        self._scaling = scaling
        self.losses = found.losses
        penalty = 0.5 * l2 * float(t[:-1] @ t[:-1])
        self._training = Training(
            rows=rows.m, solver=found.solver, epochs=found.epochs, alpha=found.alpha, batch_rows=batch_rows, l2=l2,
            seed=seed, loss=max(found.losses[-1] - penalty, 0.0), ended=found.stopped, separation="",
        )  # fmt: skip
        self.remarks = found.warnings

    def _look_for_separation(self, rows: Rows, objective: Coordinates, found: Descent) -> None:
        """Say so where the rows do not determine the weights: a penalty determines them."""
        if objective.l2:
            return
        kind, direction = separation(
            lambda at: self._margins(rows, at, objective.threads),
            self._learned(),
            lambda: newton_step(objective, found.parameters, NEWTON_UP_TO),
        )
        if direction is None:
            return
        assert self._training is not None
        self._training = dataclasses.replace(self._training, separation=kind)
        message = described(kind, direction, rows.batches, self.features)
        self.remarks = (*self.remarks, message)
        warnings.warn(message, SeparationWarning, stacklevel=3)

    def _look_for_tangles(self, rows: Rows, objective: Coordinates) -> None:
        """A remark where a column follows from the others: a penalty chooses among the weights there are."""
        if objective.l2 or len(self.features) > NEWTON_UP_TO:
            return
        columns, _ = next(rows.batches())
        start = np.zeros(len(self.features) + 1)
        message = tangled(columns, lambda: objective.objective.hessian(start), self.features)
        if message:
            self.remarks = (*self.remarks, message)

    def _margins(self, rows: Rows, direction: Floats, threads: int) -> Iterator[Floats]:
        """How far each row lies on the side of its label, for weights and b in this direction."""
        at = self._at(direction)
        for columns, y in rows.batches():
            z, _ = self._logit.per_row(_named(self.features, columns), at=at, threads=threads)
            yield np.where(y == 1, z, -z)

    # -- using it -------------------------------------------------------------------------------------

    @cached_property
    def _logit(self) -> Program:
        return compile(self.one.z, rows=self.one.features, wrt=[])

    def _at(self, parameters: Floats) -> dict[Any, float]:
        """Numbers (n + 1,) for the parameters of the graph."""
        return dict(zip(self.one.parameters, parameters.tolist(), strict=True))

    def logits(self, table: Any, *, threads: int = 1) -> Floats:
        """z of each row, in log-odds: (m,). Raises as `predict_proba`."""
        at, names = self._at(self._learned()), self.features
        parts, start = [], 0
        for columns in features_of(table, names):
            z, _ = self._logit.per_row(dict(zip(names, columns, strict=True)), at=at, threads=threads)
            if not np.isfinite(z).all():
                refuse_nonfinite(columns, names, Place(first=start))
            parts.append(z)
            start += len(z)
        return np.concatenate(parts) if parts else np.empty(0)

    def predict_proba(self, table: Any, *, threads: int = 1) -> Floats:
        """The probability of either class for each row, in the order of `classes`: (m, 2).

        table   rows as `fit` takes them; columns that are no features are passed over, but not in an array

        The first column is computed as σ(−z), not as 1 − σ(z), so that small probabilities are right on either side.
        Raises DataError and ShapeError as `fit`, NotFittedError before it.
        """
        z = self.logits(table, threads=threads)
        return np.column_stack([sigmoid(-z), sigmoid(z)])

    def predict(self, table: Any, *, threads: int = 1) -> npt.NDArray[Any]:
        """The likelier class of each row, the second where both are: (m,)."""
        return np.asarray(self.classes)[(self.logits(table, threads=threads) >= 0.0).astype(np.intp)]

    def accuracy(self, table: Any, labels: Any = None) -> float:
        """The share of rows whose likelier class is the given one. Takes rows and labels as `fit`."""
        rows = self._labelled(table, labels)
        right = sum(
            int(np.count_nonzero((self.logits(_named(rows.features, columns)) >= 0.0) == (y == 1)))
            for columns, y in rows.batches()
        )
        return right / rows.m

    def log_loss(self, table: Any, labels: Any = None, *, threads: int = 1) -> float:
        """The mean loss over the rows, in nats per example. Takes rows and labels as `fit`."""
        return self.loss_and_gradient(table, labels, threads=threads)[0]

    def loss_and_gradient(self, table: Any, labels: Any = None, *, threads: int = 1) -> tuple[float, Floats]:
        """Mean loss over the rows, and its gradient (n + 1,) by the weights and then b, the penalty left out."""
        rows = self._labelled(table, labels)
        try:
            return self.program(rows.table, at=self._at(self._learned()), threads=threads)
        except ArithmeticError:
            rows.refuse_nonfinite()
            raise

    def _labelled(self, table: Any, labels: Any) -> Rows:
        """Rows to judge by, all of which may be of one class."""
        return Rows(
            table, labels, features=self.features, target=self.target, classes=self.classes, both=False
        )

    def deviations_of(self, table: Any) -> Floats:
        """The standard deviation of each feature over the rows of a table: (n,), 1 for a constant one."""
        return moments(lambda: features_of(table, self.features), self.features)[1]

    # -- one row --------------------------------------------------------------------------------------

    def graph(self, row: Any, label: Any = None, *, most: int | None = None) -> OneRow:
        """The graph of one row with its numbers and its gradients, recorded anew.

        row     numbers of the n features, and then the label unless it is given; or numbers by name
        label   one of the classes
        most    show so many features, those with the largest |w·x|; the products of the others are one leaf
        return  OneRow, after `backward`; its `loss` can be drawn and explained

        >>> model = LogisticRegression(["hours"]).fit({"hours": [1, 2, 3, 4]}, [0, 1, 0, 1])
        >>> one = model.graph({"hours": 3.0}, label=0)
        >>> abs(one.z.grad - one.a.data) < 1e-15  # dZ = a - y
        True
        """
        numbers, y = row_of(row, label, self.features, self.target, self.classes)
        w = self._learned()
        products = np.abs(w[:-1] * numbers)
        kept = np.arange(len(numbers))
        if most is not None and most < len(kept):
            kept = np.sort(np.argsort(-products, kind="stable")[:most])
        rest = np.setdiff1d(np.arange(len(numbers)), kept)
        named = f"{len(rest)} other products" if rest.size > 1 else "1 other product" if rest.size else ""
        one = OneRow([self.features[j] for j in kept], self.target, others=named)
        values: dict[Value | str, float] = dict(zip(one.features, numbers[kept].tolist(), strict=True))
        values |= dict(zip(one.weights, w[kept].tolist(), strict=True))
        values |= {one.b: float(w[-1]), one.y: y}
        if one.others is not None:
            values[one.others] = math.fsum((w[rest] * numbers[rest]).tolist())
        one.graph.forward(values)
        one.graph.backward()
        return one

    def closed_forms(self, row: Any, label: Any = None) -> list[Comparison]:
        """Values and gradients of the graph of one row, each beside its closed form (see `compared`)."""
        return compared(self.graph(row, label))

    def draw(
        self, row: Any, path: str | os.PathLike[str] | None = None, label: Any = None, *, most: int = 12,
        **options: Any,
    ) -> Drawing:  # fmt: skip
        """Draw the graph of one row, of at most so many features; `options` are those of `draw`."""
        from minigrad.draw import draw

        options.setdefault("title", f"{shown(self.target, 60)} by logistic regression, one row")
        return draw(self.graph(row, label, most=most).loss, path, **options)

    def plot(self, path: str | os.PathLike[str], title: str = "") -> Path:
        """Draw the loss curve as a PNG file; returns the path. Needs matplotlib (the extra `plot`)."""
        from minigrad.curve import plot

        if not self.losses:
            raise NotFittedError("there is no loss curve: it is kept by fit, and not saved with the model")
        what = "mean loss with penalty" if self.training.l2 else "mean loss"
        return plot(path, self.losses, title or described_run(self.training), what=what)

    # -- as a file ------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the model as JSON, whole or not at all; returns the path. The loss curve is not written.

        Equal models give equal bytes. Raises CannotWriteError (an OSError).
        """
        scaling = self._scaling
        return file.write(
            path,
            Saved(
                self.features, self.target, self.classes, tuple(self.weights.tolist()), self.b,
                None if scaling is None else tuple(scaling.mean.tolist()),
                None if scaling is None else tuple(scaling.scale.tolist()),
                self.training,
            ),
        )  # fmt: skip

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """A model that `save` wrote; its predictions are the same to the last bit.

        Raises ModelFileError (a ValueError) with the field that is not as it should be, OSError when the file cannot
        be read.
        """
        saved = file.read(path)
        model = cls(saved.features, target=saved.target, classes=saved.classes)
        model._parameters = np.array([*saved.weights, saved.b])
        if saved.mean is not None and saved.scale is not None:
            model._scaling = Scaling(saved.mean, saved.scale)
        model._training = saved.training
        return model


def _named(names: Sequence[str], columns: Sequence[npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    return dict(zip(names, columns, strict=True))
