"""What `minigrad demo` does: logistic regression from one example to a trained model, shown and checked.

Room: a view; it prints to the console it is given and writes files, and computes nothing that `logistic`
does not. Below: `logistic`, `tables`, `draw`, `files`.
Must hold: the same arguments print the same text and write the same bytes; what takes long shows how far it
is, on standard error and only on a terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from minigrad.console import curve, facts, files, gradient_beside_paper, heading, number, say, table
from minigrad.descent.bar import progress_bar
from minigrad.draw import draw
from minigrad.extras import MissingPackageError
from minigrad.files import make_folder
from minigrad.logistic import Comparison, Example, LogisticRegression, compared, example, updated
from minigrad.tables import Floats, breast_cancer, split


def run(
    out: Path, *, alpha: float, epochs: int, seed: int, console: Console, bar: Console | None = None
) -> bool:
    """Show and check one example, draw its graph, train on m examples; whether all agreed with paper.

    out      folder for logistic.dot, logistic.svg and loss.png; made if it is missing
    alpha    learning rate, > 0
    epochs   passes over the rows, >= 1
    seed     decides which rows are held out
    console  where the text goes
    bar      where the progress bar goes, None for none

    Raises CannotWriteError (an OSError) when a file cannot be written, DivergedError when the loss leaves the
    finite numbers.
    """
    make_folder(out)
    one = example()
    one.loss.backward()
    agrees = _show_example(console, one)
    _show_update(console, one, alpha)
    for name in ("logistic.dot", "logistic.svg"):
        draw(one.loss, out / name, title="logistic regression, one example")
    data = _prepare(console, seed)
    with progress_bar(bar, epochs) as report:
        data.model.fit(
            data.rows, data.labels, solver="gd", alpha=alpha, epochs=epochs, standardise=True, progress=report
        )
    _show_curve(console, data.model.losses)
    agrees &= _show_mean_gradient(console, data)
    _show_accuracy(console, data)
    _show_files(console, out, data.model)
    return agrees


# -- one example ------------------------------------------------------------------------------------------


def _show_example(console: Console, one: Example) -> bool:
    """Values and gradients beside their closed forms; whether all agree."""
    console.print(Text("Logistic regression as a graph: one example", style="bold"))
    given = (one.x1, one.x2, one.y, one.w1, one.w2, one.b)
    facts(
        console,
        ("given", ", ".join(f"{node.label} = {node.data:g}" for node in given)),
        ("forward", "z = w1·x1 + w2·x2 + b, a = σ(z), L = −[y·log a + (1−y)·log(1−a)]"),
        ("backward", "dA, dZ, dW1, dW2, dB: short for ∂L/∂a, ∂L/∂z, ∂L/∂w1, ∂L/∂w2, ∂L/∂b"),
        ("log", "is the natural logarithm, so L is in nats"),
    )
    rows = compared(one)
    heading(console, "Forward, from left to right: x → z → a → L")
    console.print(_comparison(rows[:3]))
    heading(console, "Backward, from right to left: L → a → z → (w, b)")
    console.print(_comparison(rows[3:]))
    agreeing = sum(row.agrees for row in rows)
    say(
        console,
        f"{agreeing} of {len(rows)} numbers of the graph agree with their closed form"
        f"{'' if agreeing == len(rows) else ': THE OTHERS ARE WRONG'}. The closed forms are computed without "
        "the graph, to 60 digits. 1 ulp is a unit in the last place of a double; as many as are allowed, "
        "rounding explains.",
    )
    return agreeing == len(rows)


def _comparison(rows: Sequence[Comparison]) -> Table:
    """Two lines for each number: what the graph says, and what the closed form says."""
    made = table("", "from", "value", "ulp off:", "allowed:", "")
    for row in rows:
        verdict = Text("agrees", "green") if row.agrees else Text("WRONG", "bold red")
        off, limit = f"{row.ulp:.2f}", f"{row.limit:.3g}"
        made.add_row(Text(row.name, "bold"), "the graph", number(row.engine), off, limit, verdict)
        made.add_row("", row.formula, number(row.closed_form))
    return made


def _show_update(console: Console, one: Example, alpha: float) -> None:
    """One step of gradient descent on the one example."""
    new = updated(one, alpha)
    heading(console, f"Update with the learning rate α = {alpha:g}: w := w − α·dW, b := b − α·dB")
    made = table("", "before", "gradient", "after")
    for node in (one.w1, one.w2, one.b):
        numbers = (node.data, node.grad, new[node.label])
        made.add_row(Text(node.label, "bold"), *map(number, numbers))
    console.print(made)
    after = example(one.x1.data, one.x2.data, one.y.data, w1=new["w1"], w2=new["w2"], b=new["b"]).loss.data
    word = "falls" if after < one.loss.data else "does not fall"
    say(console, f"L {word}: {one.loss.data:.6f} before, {after:.6f} after.")


# -- m examples -------------------------------------------------------------------------------------------


class _Prepared(NamedTuple):
    """A model without weights, rows and labels to learn from, and those held out."""

    model: LogisticRegression
    rows: Floats
    labels: Floats
    held_rows: Floats
    held_labels: Floats


def _prepare(console: Console, seed: int) -> _Prepared:
    """The table and the model, and what there is to say of them."""
    rows, labels, names = breast_cancer()
    m, n = rows.shape
    training, held = split(m, held_out=0.2, seed=seed)
    model = LogisticRegression(names, target="malignant")
    malignant = int(labels.sum())
    heading(console, f"m examples: the Wisconsin breast-cancer table, {m} rows × {n} columns")
    facts(
        console,
        ("label", f"1 is malignant, {malignant} rows; 0 is benign, {m - malignant} rows"),
        ("split", f"{len(training)} rows to learn from, {len(held)} held out, drawn with seed {seed}"),
        (
            "columns",
            f"standardised: mean 0 and standard deviation 1 over the {len(training)} rows learned from; "
            "the held-out rows by the same numbers",
        ),
        (
            "graph",
            f"of one row, recorded once: {len(model.one.graph)} nodes, one of them the sum of {n} products w·x. "
            "Compiled, it goes over all rows in one pass and averages the gradients; then the update, and again",
        ),
        (
            "source",
            "Wolberg, Mangasarian, Street, Street (1995), UCI Machine Learning Repository, "
            "doi 10.24432/C5DW2B, licence CC BY 4.0",
        ),
    )
    return _Prepared(model, rows[training], labels[training], rows[held], labels[held])


def _show_curve(console: Console, losses: Sequence[float]) -> None:
    heading(console, "Gradient descent: mean loss over the rows learned from")
    curve(console, losses)
    rises = sum(after > before for before, after in pairwise(losses))
    if rises:
        say(console, f"The loss rose at {rises} of {len(losses) - 1} updates: take a smaller --alpha.")


def _show_mean_gradient(console: Console, data: _Prepared) -> bool:
    """The averaged gradients at the end beside their closed form; whether they agree."""
    _, gradient = data.model.loss_and_gradient(data.rows, data.labels)
    parameters = data.model.parameters
    return gradient_beside_paper(console, gradient, data.rows.T, data.labels, parameters)


def _show_accuracy(console: Console, data: _Prepared) -> None:
    heading(console, "Accuracy")
    made = table("", "right:", "of rows:", "accuracy:")
    for name, rows, labels in (
        ("learned from", data.rows, data.labels),
        ("held out", data.held_rows, data.held_labels),
    ):
        share = data.model.accuracy(rows, labels)
        made.add_row(name, str(round(share * len(labels))), str(len(labels)), f"{share:.1%}")
    console.print(made)


def _show_files(console: Console, out: Path, model: LogisticRegression) -> None:
    """Draw the curve, and say where each file went."""
    written = [
        (out / "logistic.svg", "the graph of the example, with values and gradients"),
        (out / "logistic.dot", "the same as text, for Graphviz"),
    ]
    missing = ""
    try:
        written.append((model.plot(out / "loss.png"), "the loss curve"))
    except MissingPackageError as error:
        missing = f"  loss.png was not drawn: {error}"
    files(console, written)
    if missing:
        console.print(Text(missing), soft_wrap=True)
