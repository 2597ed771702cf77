"""What `minigrad train` does: a table in, a model out, and how good it is, shown and checked.

Room: a view; it prints to the console it is given and writes files, and computes nothing that `logistic` does not.
Below: `logistic`, `tables`, `draw`, `curve`, `console`, `files`.
Must hold: the same arguments print the same text and write the same bytes; what cannot be written is known before
the training; a row is never dropped, a column never scaled without a word.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.text import Text

from minigrad.console import curve, facts, files, gradient_beside_paper, heading, say, table
from minigrad.descent import SOLVERS, DivergedError
from minigrad.descent.bar import progress_bar
from minigrad.extras import MissingPackageError
from minigrad.files import CannotWriteError, check_folder, check_writable, make_folder
from minigrad.logistic import LogisticRegression, SeparationWarning
from minigrad.logistic.choices import default_epochs
from minigrad.logistic.rows import encoded
from minigrad.tables import DataError, Floats, columns_of, open_rows, read_table, split
from minigrad.tables.arrow import is_number, is_text, unwrapped
from minigrad.tables.checks import refuse_nonfinite
from minigrad.tables.place import Place, missing, near, quoted, several
from minigrad.text import shown

#: Rows of the table of weights, and features in the picture of the graph.
WEIGHTS_SHOWN, DRAWN = 40, 6

#: What --out makes: the loss curve, and the graph of one row.
PICTURES = ("loss.png", "row.svg", "row.dot")

#: What a label may be written as beside numbers.
BOOLS = {"false": 0.0, "true": 1.0}

#: Columns whose deviations differ by more than so many times make gradient descent slow.
UNEVEN = 30.0


@dataclass(frozen=True)
class Order:
    """What was asked for; the fields are the options of the command."""

    data: Path
    target: str
    features: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    positive: str | None = None
    test_size: float = 0.2
    seed: int = 0
    decimal: str = "."
    encoding: str = "utf-8"
    solver: str | None = None
    alpha: float | str | None = None
    epochs: int | None = None
    batch_rows: int | None = None
    l2: float = 0.0
    standardise: bool = False
    threads: int = 1
    checkpoint: Path | None = None
    every: float = 30.0
    resume: bool = False
    save: Path | None = None
    out: Path | None = None

    @property
    def layout(self) -> dict[str, Any]:
        """How a CSV is written, as `open_rows` takes it."""
        return {"decimal": self.decimal, "encoding": self.encoding}


class Data(NamedTuple):
    """Columns by name and labels, each one of the classes, of all rows; and which to learn from."""

    features: tuple[str, ...]
    columns: dict[str, npt.NDArray[Any]]
    labels: npt.NDArray[Any]
    classes: tuple[Any, Any]
    training: npt.NDArray[np.intp]
    held_out: npt.NDArray[np.intp]

    def part(self, rows: npt.NDArray[np.intp]) -> tuple[dict[str, npt.NDArray[Any]], npt.NDArray[Any]]:
        """Columns and labels of some rows."""
        return {name: column[rows] for name, column in self.columns.items()}, self.labels[rows]


class Trained(NamedTuple):
    """The model; the deviations of its columns; the rows it learned from and is judged by, as columns and labels."""

    model: LogisticRegression
    deviations: Floats
    learned: tuple[dict[str, npt.NDArray[Any]], npt.NDArray[Any]]
    held_out: tuple[dict[str, npt.NDArray[Any]], npt.NDArray[Any]] | None


class Kept(NamedTuple):
    """The files that were written and what each is, remarks on what was not, and why the rest could not be."""

    written: list[tuple[Path, str]]
    remarks: list[str]
    refusal: CannotWriteError | None


#: Why a run ended, in words.
ENDED = {
    "converged": "ended where the loss is least",
    "epochs used up": "the epochs are used up; the loss may fall further with more --epochs",
    "no lower loss found": "ended where no step lowers the loss any more",
    "rows told apart": "ended with every row on the side of its label; the loss would go on falling",
}


class TrainError(ValueError):
    """What was asked for cannot be done; the message says why and what to do."""


def run(order: Order, *, console: Console, bar: Console | None = None) -> bool:
    """Train a model on a file and show how good it is; whether the averaged gradient agreed with paper.

    order    what was asked for
    console  where the text goes
    bar      where the progress bar goes, None for none

    Raises CannotWriteError and CannotReadError (OSErrors), DataError, ShapeError and TrainError for what the file or
    the order lacks, CheckpointError, DivergedError.
    """
    _check_options(order)
    _check_places(order)
    data = _read(order)
    _show_data(console, order, data)
    trained = _train(order, data, bar)
    kept = _keep(order, data, trained)  # at once: who reads what is printed may leave
    _show_run(console, order, trained)
    _show_weights(console, trained)
    agrees = _show_gradient(console, trained)
    _show_quality(console, trained)
    _show_files(console, kept)
    if kept.refusal is not None:
        raise kept.refusal
    return agrees


def _check_options(order: Order) -> None:
    """Refuse what the solver would not look at."""
    solver = order.solver or "newton"  # as L-BFGS, it takes neither
    for name, value in (("alpha", order.alpha), ("batch_rows", order.batch_rows)):
        if value is not None and name not in SOLVERS[solver].options:
            option = f"--{name.replace('_', '-')}"
            raise TrainError(
                f"{option} means nothing to {SOLVERS[solver].title}: leave it out, or choose --solver gd, momentum or "
                "adam"
            )
    if solver == "adam" and order.alpha == "safe":
        raise TrainError(
            "--alpha safe is for gd and momentum: a step of Adam is alpha long whatever the curvature; give a number, "
            "such as 0.001"
        )


def _check_places(order: Order) -> None:
    """Refuse what cannot be written while nothing is lost yet."""
    for name, path in (("--save", order.save), ("--checkpoint", order.checkpoint)):
        if path is None:
            continue
        if path.exists() and order.data.exists() and path.samefile(order.data):
            raise TrainError(f"{name} {shown(str(path), 200)} is the table itself: choose another name")
        check_writable(path)
    if (
        order.save is not None
        and order.checkpoint is not None
        and os.path.realpath(order.save) == os.path.realpath(order.checkpoint)
    ):
        raise TrainError("--save and --checkpoint are the same file: choose two names")
    if order.checkpoint is not None and order.checkpoint.exists() and not order.resume:
        raise TrainError(
            f"--checkpoint {shown(str(order.checkpoint), 200)} is there already: go on from it with --resume, "
            "or choose another name"
        )
    if order.out is not None:
        check_folder(order.out)
        if order.out.is_dir():
            for name in PICTURES:
                check_writable(order.out / name)


# -- the table --------------------------------------------------------------------------------------------


def _read(order: Order) -> Data:
    """The table in memory, its labels as 0 and 1, and which rows are held out."""
    names = open_rows(order.data, **order.layout).names
    features = _chosen(order, names)
    read = _read_columns(order, features)
    m = read.num_rows
    if m == 0:
        raise DataError(f"{shown(str(order.data))} holds no rows")
    labels, classes = _labels(order, read.column(order.target))
    columns = dict(zip(features, columns_of(read, features), strict=True))
    refuse_nonfinite(list(columns.values()), features, Place(str(order.data)))
    if order.test_size == 0.0:
        everything = np.arange(m)
        return Data(features, columns, labels, classes, everything, everything[:0])
    training, held_out = split(m, held_out=order.test_size, seed=order.seed)
    ones = encoded(labels, classes, order.target)[training]
    if (ones == ones[0]).all():
        raise TrainError(
            f"only {quoted(str(classes[int(ones[0])]))} is left in {quoted(order.target)} to learn from "
            f"({len(training):,} of {m:,} rows): hold out fewer rows with --test-size, or others with --seed"
        )
    return Data(features, columns, labels, classes, training, held_out)


def _labels(order: Order, column: Any) -> tuple[npt.NDArray[Any], tuple[Any, Any]]:
    """The target's column as the model takes it, and what its two classes are called."""
    place = Place(str(order.data))
    column = unwrapped(column.combine_chunks())
    if not (is_number(column.type) or is_text(column.type) or column.null_count == len(column)):
        raise place.error(
            f"holds {column.type}: a target holds numbers or texts, two different ones", column=order.target
        )
    values, labels = column.unique().to_pylist(), column.to_numpy(zero_copy_only=False)
    if column.null_count:
        with contextlib.suppress(
            TypeError
        ):  # two kinds cannot be put in order; read again, the line is found
            for _ in open_rows(order.data, labels={order.target: ""}, **order.layout).batches([order.target]):
                pass
    if any(value is None or value != value for value in values):
        lacking = [label is None or label != label for label in labels.tolist()]
        raise place.error(missing(sum(lacking)), row=lacking.index(True), column=order.target)
    found = _classes(order, values)
    classes = (0, 1) if order.positive is None else _plain(found)
    return (encoded(labels, found, order.target) if classes == (0, 1) else labels), classes


def _chosen(order: Order, names: Sequence[str]) -> tuple[str, ...]:
    """The features: those asked for, or every column but the target and those excluded."""
    for option, asked in (
        ("--target", (order.target,)),
        ("--features", order.features),
        ("--exclude", order.exclude),
    ):
        for name in asked:
            if name not in names:
                hint = near(name, names) or f"; its columns are {several(names)}"
                raise DataError(f"{option}: {shown(str(order.data))} has no column {shown(name, 60)!r}{hint}")
    if order.target in order.features:
        raise TrainError(
            f"--features: {shown(order.target, 60)!r} is the target and cannot be a feature as well"
        )
    if len(set(order.features)) < len(order.features):
        twice = next(name for name in order.features if order.features.count(name) > 1)
        raise TrainError(f"--features names {quoted(twice)} twice")
    chosen = order.features or tuple(name for name in dict.fromkeys(names) if name != order.target)
    left = tuple(name for name in chosen if name not in order.exclude)
    if not left:
        raise TrainError("no feature is left: give some with --features, or exclude fewer")
    if "" in left:
        raise DataError(
            f"{shown(str(order.data))}: column {names.index('') + 1} of {len(names)} has no name (row numbers, as "
            "pandas writes them?): take it out or name it, or say with --features which columns are meant"
        )
    return left


def _read_columns(order: Order, features: Sequence[str]) -> Any:
    """The columns of numbers and the target as an Arrow table; columns of text are named all at once."""
    try:
        return read_table(order.data, features, text=[order.target], **order.layout)
    except DataError as error:
        if error.row != 0 or error.column not in features or "decimal" in str(error):
            raise
        schema = read_table(order.data, **order.layout).schema
        texts = [
            name
            for name in features
            if str(schema.field(name).type) in ("string", "large_string", "string_view")
        ]
        if not texts:
            raise
        hold = "columns {} hold" if len(texts) > 1 else "column {} holds"
        raise TrainError(
            f"{shown(str(order.data))}: {hold.format(several(texts))} text, and features are numbers: leave out with "
            f"--exclude {shown(','.join(texts), 200)}, or write numbers for the texts"
        ) from None


def _classes(order: Order, values: Sequence[Any]) -> tuple[Any, Any]:
    """What stands in the target's column for label 0 and for label 1."""
    name = shown(order.target, 60)
    texts = sorted({str(value).lower() if isinstance(value, bool) else str(value) for value in values})
    by_text = {str(value): value for value in values}
    if len(texts) > 2:
        raise DataError(
            f"the target {name!r} holds {len(texts):,} different values ({several(texts, 4)}): logistic regression "
            "tells two classes apart"
        )
    if order.positive is not None:
        return _with_positive(order.positive, name, values, by_text)
    if len(values) == 1:
        raise DataError(
            f"the target {name!r} holds {quoted(texts[0])} in every row: there is nothing to tell apart; rows of both "
            "classes are needed"
        )
    try:
        as_numbers = {float(BOOLS.get(str(value).lower(), value)): value for value in values}
    except ValueError:
        as_numbers = {}
    if not as_numbers or not set(as_numbers) <= {0.0, 1.0}:
        listed = " and ".join(f"'{shown(text, 40)}'" for text in texts)
        raise DataError(
            f"the target {name!r} holds {listed}, not 0 and 1: say which of them is label 1, as in "
            f"--positive {shown(texts[-1], 40)}"
        )
    return as_numbers.get(0.0, 0), as_numbers.get(1.0, 1)


def _with_positive(
    positive: str, name: str, values: Sequence[Any], by_text: dict[str, Any]
) -> tuple[Any, Any]:
    found = by_text.get(positive)
    with contextlib.suppress(ValueError):  # 2 may be meant where the file has 2.0
        number = float(positive)
        found = next((value for value in values if not isinstance(value, str) and value == number), found)
    if found is None:
        raise DataError(
            f"--positive: the target {name!r} holds no {shown(positive, 40)!r}, but {several(list(by_text))}"
        )
    others = [value for value in values if value != found]
    if not others:
        raise DataError(
            f"the target {name!r} holds {shown(positive, 40)!r} in every row: there is nothing to tell apart"
        )
    return others[0], found


def _plain(classes: tuple[Any, Any]) -> tuple[Any, Any]:
    """Classes as the model knows them: 0 and 1 where they mean that, however the file writes them."""
    try:
        return (0, 1) if [float(each) for each in classes] == [0.0, 1.0] else classes
    except ValueError:
        return classes


# -- training ---------------------------------------------------------------------------------------------


def _train(order: Order, data: Data, bar: Console | None) -> Trained:
    model = LogisticRegression(data.features, target=order.target, classes=data.classes)
    solver = order.solver or model.default_solver
    columns, labels = learned = data.part(data.training)
    deviations = model.deviations_of(columns)  # refuses what cannot be squared
    with (
        warnings.catch_warnings(),
        progress_bar(bar, order.epochs or default_epochs(solver)) as report,
    ):
        warnings.simplefilter("ignore", SeparationWarning)  # it is among the remarks, which are shown
        warnings.showwarning = _said
        try:
            model.fit(
                columns, labels, solver=solver, alpha=order.alpha, epochs=order.epochs,
                batch_rows=order.batch_rows, seed=order.seed, l2=order.l2, standardise=order.standardise,
                threads=order.threads, checkpoint=order.checkpoint, every=order.every, progress=report,
            )  # fmt: skip
        except DivergedError as error:
            safe = "--alpha safe takes it, " if solver != "adam" else ""
            ways_out = "" if order.alpha is None else f"; {safe}--solver newton needs none"
            raise TrainError(f"{error}{ways_out}") from None
    return Trained(model, deviations, learned, data.part(data.held_out) if len(data.held_out) else None)


def _said(message: Warning | str, *_: object, **__: object) -> None:
    """A warning as a line on standard error."""
    print(f"minigrad train: {message}", file=sys.stderr)


# -- what comes out ---------------------------------------------------------------------------------------


def _show_data(console: Console, order: Order, data: Data) -> None:
    m, n = len(data.labels), len(data.features)
    ones = int(encoded(data.labels, data.classes, order.target).sum())
    zero, one = (
        str(label) if each == label else f"{label} is {shown(str(each), 40)}"
        for label, each in enumerate(data.classes)
    )
    console.print(Text(f"{shown(str(order.data))}: {m:,} rows × {n:,} columns", style="bold"))
    split_as = (
        f"{len(data.training):,} rows to learn from, {len(data.held_out):,} held out, drawn with seed {order.seed}"
        if len(data.held_out)
        else f"all {m:,} rows to learn from, none held out"
    )
    scaled = (
        f"standardised for the solver, over the {len(data.training):,} rows learned from; the weights below are those "
        "of the columns as they are"
        if order.standardise
        else "as they are, not scaled"
    )
    penalty = (
        "none"
        if order.l2 == 0.0
        else f"l2/2·|w|² with l2 = {order.l2:g}, added to the mean loss; b is left out"
    )
    facts(
        console,
        ("target", f"{shown(order.target, 60)}: {one}, {ones:,} rows; {zero}, {m - ones:,} rows"),
        ("split", split_as),
        ("columns", scaled),
        ("penalty", penalty),
    )


def _show_run(console: Console, order: Order, trained: Trained) -> None:
    """The curve, how the run ended, and what is to be known about it."""
    model = trained.model
    training = model.training
    penalty = ", penalty added" if training.l2 else ""
    title = SOLVERS[training.solver].title
    heading(console, f"{title[:1].upper()}{title[1:]}: mean loss over the rows learned from{penalty}")
    curve(console, model.losses)
    alpha = "" if training.alpha is None else f" with alpha {training.alpha:.6g}"
    ended = ENDED[training.ended]
    say(console, f"{training.epochs:,} epochs{alpha}: {ended}.")
    uneven = _unevenness(trained)
    if training.alpha is not None and not order.standardise and uneven > UNEVEN:
        say(
            console,
            f"The deviations of the columns differ up to {uneven:,.0f} times, which makes gradient descent slow: "
            "--standardise, or --solver newton.",
        )
    for remark in model.remarks:
        say(console, f"{remark[:1].upper()}{remark[1:]}.")


def _unevenness(trained: Trained) -> float:
    """How many times the largest deviation of a column is the smallest."""
    return float(trained.deviations.max() / trained.deviations.min())


def _show_weights(console: Console, trained: Trained) -> None:
    """Each weight in log-odds per unit of its column, as an odds ratio, and per standard deviation."""
    model = trained.model
    per_deviation = model.weights * trained.deviations
    n = len(model.features)
    shown_ones = np.arange(n)
    if n > WEIGHTS_SHOWN:
        shown_ones = np.sort(np.argsort(-np.abs(per_deviation), kind="stable")[:WEIGHTS_SHOWN])
    heading(console, f"Weights: log-odds of {shown(model.target, 40)} = {shown(str(model.classes[1]), 40)}")
    made = table("column", "per unit:", "odds ratio:", "per deviation:")
    for j in shown_ones:
        weight = float(model.weights[j])
        made.add_row(
            shown(model.features[j], 60), f"{weight:+.5g}", _odds(weight), f"{per_deviation[j]:+.4f}"
        )
    made.add_row(Text("b", "bold"), f"{model.b:+.5g}", "", "")
    console.print(made)
    left = f" The {n - len(shown_ones):,} smaller ones are left out here." if n > len(shown_ones) else ""
    say(
        console,
        "One unit more in a column adds its weight to the log-odds, and multiplies the odds by the odds ratio, "
        f"e^weight; one standard deviation more adds the last number. b is the log-odds where all columns are 0.{left}",
    )


def _odds(weight: float) -> str:
    """e^weight, or beyond which double it lies."""
    if weight > 709.0:
        return "above 1e307"
    return f"{math.exp(weight):.4g}" if weight > -707.0 else "below 1e-307"


def _show_gradient(console: Console, trained: Trained) -> bool:
    """The averaged gradient at the end beside its closed form; whether they agree."""
    model, (columns, labels) = trained.model, trained.learned
    _, gradient = model.loss_and_gradient(columns, labels)
    ones = encoded(labels, model.classes, model.target)
    return gradient_beside_paper(console, gradient, columns.values(), ones, model.parameters)


def _show_quality(console: Console, trained: Trained) -> None:
    """Accuracy and log-loss, beside those of a model that knows the base rate and nothing of the columns."""
    model = trained.model
    heading(console, "How good it is, beside the base rate")
    made = table("", "right:", "of rows:", "accuracy:", "base rate:", "log-loss:", "base rate:")
    base = float(np.mean(encoded(trained.learned[1], model.classes, model.target)))
    for name, part in (("learned from", trained.learned), ("held out", trained.held_out)):
        if part is None:
            continue
        columns, labels = part
        ones = encoded(labels, model.classes, model.target)
        m, share = len(ones), float(np.mean(ones))
        accuracy = model.accuracy(columns, labels)
        base_accuracy = share if base >= 0.5 else 1.0 - share
        base_loss = -(share * math.log(base) + (1.0 - share) * math.log1p(-base))
        made.add_row(
            name, f"{round(accuracy * m):,}", f"{m:,}", f"{accuracy:.1%}", f"{base_accuracy:.1%}",
            f"{model.log_loss(columns, labels):.4f}", f"{base_loss:.4f}",
        )  # fmt: skip
    console.print(made)
    say(
        console,
        "Log-loss is the mean loss in nats per example, the penalty left out. The base rate knows nothing of the "
        f"columns: it says {base:.1%} for every row, the share of label 1 among the rows learned from.",
    )


def _keep(order: Order, data: Data, trained: Trained) -> Kept:
    """Write the model and the pictures, as far as can be."""
    written: list[tuple[Path, str]] = []
    remarks: list[str] = []
    try:
        if order.save is not None:
            trained.model.save(order.save)
            written.append((order.save, "the model, for minigrad predict"))
        if order.out is not None:
            make_folder(order.out)
            _pictures(order.out, data, trained.model, written, remarks)
    except CannotWriteError as error:
        return Kept(written, remarks, error)
    return Kept(written, remarks, None)


def _show_files(console: Console, kept: Kept) -> None:
    """Where each file went."""
    if kept.written:
        files(console, kept.written)
    for remark in kept.remarks:
        console.print(Text(f"  {remark}"), soft_wrap=True)
    if not kept.written and kept.refusal is None:
        say(
            console,
            "Nothing was written: --save model.json keeps the model, --out DIR draws the curve and the graph.",
        )


def _pictures(
    out: Path, data: Data, model: LogisticRegression, written: list[tuple[Path, str]], remarks: list[str]
) -> None:
    """The loss curve, and the graph of one row; each is added to what is written, or to the remarks."""
    loss, graph, dot = (out / name for name in PICTURES)
    try:
        written.append((model.plot(loss), "the loss curve"))
    except MissingPackageError as error:
        remarks.append(f"{loss.name} was not drawn: {error}")
    row = int(data.held_out[0] if len(data.held_out) else data.training[0])
    columns, labels = data.part(np.array([row]))
    given = {name: float(column[0]) for name, column in columns.items()}
    kind = "held out" if len(data.held_out) else "learned from"
    label = data.classes[int(encoded(labels, data.classes, model.target)[0])]
    title = f"row {row:,}, {kind}: {shown(model.target, 40)} = {shown(str(label), 40)}"
    graph_is = f"the graph of row {row:,} (counted from 0), {kind}, with values and gradients"
    for path, what in ((graph, graph_is), (dot, "the same as text, for Graphviz")):
        model.draw(given, path, labels[0], most=DRAWN, title=title)
        written.append((path, what))
