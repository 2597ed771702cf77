"""What `minigrad demo` does: logistic regression from one example to a trained model, shown and checked.

Room: a view; it prints to the console it is given and writes files, and computes nothing that `logistic`
does not. Below: `logistic`, `tables`, `draw`, `files`.
Must hold: the same arguments print the same text and write the same bytes; what takes long shows how far it
is, on standard error and only on a terminal.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from minigrad.descent.bar import progress_bar
from minigrad.draw import draw
from minigrad.files import CannotWriteError, write_bytes
from minigrad.logistic import (
    Comparison,
    Example,
    Fit,
    OneRow,
    compared,
    example,
    fit,
    mean_gradient_on_paper,
    updated,
)
from minigrad.tables import Floats, breast_cancer, split, standardised
from minigrad.text import shown

#: The longest bar of the loss curve, in characters.
BAR = 44

#: Text is set in lines of at most so many characters.
WIDTH = 88


def run(
    out: Path, *, alpha: float, epochs: int, seed: int, console: Console, bar: Console | None = None
) -> bool:
    """Show and check one example, draw its graph, train on m examples; whether all agreed with paper.

    out      folder for logistic.dot, logistic.svg and loss.png; made if it is missing
    alpha    learning rate, > 0
    epochs   passes over the rows, >= 1
    seed     decides which rows are held out, and where the descent starts
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
        result = fit(data.rows, data.labels, alpha=alpha, epochs=epochs, seed=seed, progress=report)
    _show_curve(console, result.losses)
    agrees &= _show_mean_gradient(console, data, result)
    _show_accuracy(console, data, result)
    drawn = plot(out / "loss.png", result.losses, f"{len(data.rows)} rows, alpha {alpha:g}")
    _show_files(console, out, drawn)
    return agrees


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, where they are missing. Raises CannotWriteError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise CannotWriteError(
            error.errno, f"cannot make the folder {str(path)!r}: a file is in its place; choose another name"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        number = getattr(error, "errno", None) or 0
        raise CannotWriteError(
            number, f"cannot make the folder {shown(str(path), 80)!r}: {reason}; choose another place"
        ) from None


# -- one example ------------------------------------------------------------------------------------------


def _heading(console: Console, text: str) -> None:
    console.print()
    console.print(Text(text, style="bold"))


def _say(console: Console, text: str) -> None:
    """A paragraph."""
    console.print()
    console.print(Padding(Text(text), (0, 0, 0, 2)), width=min(console.width, WIDTH))


def _facts(console: Console, *facts: tuple[str, str]) -> None:
    """A list of what is so: (name, what)."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    for name, fact in facts:
        grid.add_row(Text(name, "dim"), Text(fact))
    console.print()
    console.print(Padding(grid, (0, 0, 0, 2)), width=min(console.width, WIDTH))


def _table(*headings: str) -> Table:
    """A table without frame; the columns of headings that end in a colon are set right."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for heading in headings:
        right = heading.endswith(":")
        table.add_column(heading.rstrip(":"), justify="right" if right else "left", overflow="fold")
    return table


def _number(number: float) -> str:
    """All digits of a double, a space before a number without a sign, so that digits stand in columns."""
    return f"{number!r}" if number < 0 else f" {number!r}"


def _show_example(console: Console, one: Example) -> bool:
    """Values and gradients beside their closed forms; whether all agree."""
    console.print(Text("Logistic regression as a graph: one example", style="bold"))
    given = (one.x1, one.x2, one.y, one.w1, one.w2, one.b)
    _facts(
        console,
        ("given", ", ".join(f"{node.label} = {node.data:g}" for node in given)),
        ("forward", "z = w1·x1 + w2·x2 + b, a = σ(z), L = −[y·log a + (1−y)·log(1−a)]"),
        ("backward", "dA, dZ, dW1, dW2, dB: short for ∂L/∂a, ∂L/∂z, ∂L/∂w1, ∂L/∂w2, ∂L/∂b"),
        ("log", "is the natural logarithm, so L is in nats"),
    )
    rows = compared(one)
    _heading(console, "Forward, from left to right: x → z → a → L")
    console.print(_comparison(rows[:3]))
    _heading(console, "Backward, from right to left: L → a → z → (w, b)")
    console.print(_comparison(rows[3:]))
    agreeing = sum(row.agrees for row in rows)
    _say(
        console,
        f"{agreeing} of {len(rows)} numbers of the graph agree with their closed form"
        f"{'' if agreeing == len(rows) else ': THE OTHERS ARE WRONG'}. The closed forms are computed without "
        "the graph, to 60 digits. 1 ulp is a unit in the last place of a double; as many as are allowed, "
        "rounding explains.",
    )
    return agreeing == len(rows)


def _comparison(rows: Sequence[Comparison]) -> Table:
    """Two lines for each number: what the graph says, and what the closed form says."""
    table = _table("", "from", "value", "ulp off:", "allowed:", "")
    for row in rows:
        verdict = Text("agrees", "green") if row.agrees else Text("WRONG", "bold red")
        off, limit = f"{row.ulp:.2f}", f"{row.limit:.3g}"
        table.add_row(Text(row.name, "bold"), "the graph", _number(row.engine), off, limit, verdict)
        table.add_row("", row.formula, _number(row.closed_form))
    return table


def _show_update(console: Console, one: Example, alpha: float) -> None:
    """One step of gradient descent on the one example."""
    new = updated(one, alpha)
    _heading(console, f"Update with the learning rate α = {alpha:g}: w := w − α·dW, b := b − α·dB")
    table = _table("", "before", "gradient", "after")
    for node in (one.w1, one.w2, one.b):
        numbers = (node.data, node.grad, new[node.label])
        table.add_row(Text(node.label, "bold"), *map(_number, numbers))
    console.print(table)
    after = example(one.x1.data, one.x2.data, one.y.data, w1=new["w1"], w2=new["w2"], b=new["b"]).loss.data
    word = "falls" if after < one.loss.data else "does not fall"
    _say(console, f"L {word}: {one.loss.data:.6f} before, {after:.6f} after.")


# -- m examples -------------------------------------------------------------------------------------------


class _Prepared(NamedTuple):
    """Rows and labels to learn from, and those held out."""

    rows: Floats
    labels: Floats
    held_rows: Floats
    held_labels: Floats


def _prepare(console: Console, seed: int) -> _Prepared:
    """The table, split and standardised, and said so."""
    table = breast_cancer()
    m, n = table.rows.shape
    training, held = split(m, held_out=0.2, seed=seed)
    rows, mean, scale = standardised(table.rows[training])
    malignant = int(table.labels.sum())
    _heading(console, f"m examples: the Wisconsin breast-cancer table, {m} rows × {n} columns")
    _facts(
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
            f"of one row, recorded once: {len(OneRow(n).graph)} nodes, one of them the sum of {n} products "
            "w·x. Forward and backward on each row, gradients averaged, update, and again",
        ),
        (
            "source",
            "Wolberg, Mangasarian, Street, Street (1995), UCI Machine Learning Repository, "
            "doi 10.24432/C5DW2B, licence CC BY 4.0",
        ),
    )
    return _Prepared(rows, table.labels[training], (table.rows[held] - mean) / scale, table.labels[held])


def curve_epochs(last: int) -> list[int]:
    """The epochs that a short table of the curve shows: 0, 1, 2, 5, 10, 20, 50, ... and the last.

    >>> curve_epochs(30)
    [0, 1, 2, 5, 10, 20, 30]
    """
    epochs, power = [0], 1
    while power < last:
        epochs += [step * power for step in (1, 2, 5) if step * power < last]
        power *= 10
    return [*epochs, last]


def _show_curve(console: Console, losses: Sequence[float]) -> None:
    _heading(console, "Gradient descent: mean loss over the rows learned from")
    table = _table("epoch:", "nats per example:", "")
    top, block = max(losses), "#" if console.options.ascii_only else "█"
    for epoch in curve_epochs(len(losses) - 1):
        length = round(BAR * losses[epoch] / top) if top > 0 else 0
        table.add_row(str(epoch), f"{losses[epoch]:.6f}", Text(block * length, "cyan"))
    console.print(table)
    rises = sum(after > before for before, after in pairwise(losses))
    if rises:
        _say(console, f"The loss rose at {rises} of {len(losses) - 1} updates: take a smaller --alpha.")


def _show_mean_gradient(console: Console, data: _Prepared, result: Fit) -> bool:
    """The averaged gradients at the end beside their closed form; whether they agree."""
    parameters = np.append(result.weights, result.b)
    _, gradient = OneRow(len(result.weights)).mean_loss(data.rows, data.labels)(parameters)
    on_paper, allowed = mean_gradient_on_paper(data.rows, data.labels, parameters)
    off = np.abs(gradient - on_paper)
    agrees = bool(np.all(off <= allowed))
    worst = int(np.argmax(off / allowed))
    _say(
        console,
        f"The averaged gradient (dW, dB) at the end, {len(off)} numbers, beside its closed form Xᵀ(a − y)/m: "
        f"the furthest is off by {off[worst]:.1e}, and rounding explains {allowed[worst]:.1e}. "
        f"{'All agree.' if agrees else 'THE GRAPH IS WRONG.'}",
    )
    return agrees


def _show_accuracy(console: Console, data: _Prepared, result: Fit) -> None:
    _heading(console, "Accuracy")
    table = _table("", "right:", "of rows:", "accuracy:")
    for name, rows, labels in (
        ("learned from", data.rows, data.labels),
        ("held out", data.held_rows, data.held_labels),
    ):
        share = result.accuracy(rows, labels)
        table.add_row(name, str(round(share * len(labels))), str(len(labels)), f"{share:.1%}")
    console.print(table)


# -- files ------------------------------------------------------------------------------------------------


def plot(path: Path, losses: Sequence[float], what: str) -> bool:
    """Draw the loss curve as a PNG file; False, and nothing done, where matplotlib is not installed.

    losses  nats per example, from epoch 0 on
    what    what was trained, for the title

    The same losses give the same bytes, whatever style the user has set. Raises CannotWriteError.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        return False
    picture = io.BytesIO()
    with mpl.rc_context():
        mpl.rcdefaults()
        figure = Figure(figsize=(6.4, 4.0), dpi=150, layout="constrained")
        axes = figure.add_subplot()
        axes.plot(range(len(losses)), losses, color="#17356f", linewidth=2)
        axes.set_title(f"Gradient descent: {what}", loc="left", fontsize=11)
        axes.set_xlabel("epoch (passes over the rows)")
        axes.set_ylabel("mean loss (nats per example)")
        axes.set_xlim(0, len(losses) - 1)
        axes.set_ylim(0, 1.05 * max(losses))
        axes.grid(color="#d5dae1", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        last = len(losses) - 1
        axes.annotate(
            f"{losses[last]:.4f}", (last, losses[last]), (0, 8), textcoords="offset points", ha="right"
        )
        figure.savefig(picture, format="png", metadata={"Software": None})
    write_bytes(path, picture.getvalue())
    return True


def _show_files(console: Console, out: Path, drawn: bool) -> None:
    """Where each file went."""
    _heading(console, "Files")
    files = [
        ("logistic.svg", "the graph of the example, with values and gradients"),
        ("logistic.dot", "the same as text, for Graphviz"),
    ]
    if drawn:
        files.append(("loss.png", "the loss curve"))
    paths = [shown(str(out / name)) for name, _ in files]
    width = max(map(len, paths))
    for path, (_, what) in zip(paths, files, strict=True):
        console.print(Text(f"  {path:{width}}  {what}"), soft_wrap=True)
    if not drawn:
        console.print(
            Text('  loss.png was not drawn, it needs matplotlib: pip install "minigrad[plot]"'),
            soft_wrap=True,
        )
