"""How the commands talk: headings, paragraphs, lists of facts, tables, the loss curve, the progress bar.

Room: a view; writes to the console it is given. Below: `curve`, `logistic`, `text`.
Must hold: text of others is shown, never obeyed; no line is longer than the console is wide; what takes long shows
how far it is, on standard error and only on a terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from minigrad.curve import curve_epochs
from minigrad.logistic import mean_gradient_on_paper
from minigrad.text import shown

Floats: TypeAlias = npt.NDArray[np.float64]

#: The longest bar of the loss curve, in characters.
BAR = 44

#: Text is set in lines of at most so many characters.
WIDTH = 88


def heading(console: Console, text: str) -> None:
    """A line that stands out, after an empty one."""
    console.print()
    console.print(Text(text, style="bold"))


def say(console: Console, text: str) -> None:
    """A paragraph."""
    console.print()
    console.print(Padding(Text(text), (0, 0, 0, 2)), width=min(console.width, WIDTH))


def facts(console: Console, *named: tuple[str, str]) -> None:
    """A list of what is so: (name, what)."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    for name, fact in named:
        grid.add_row(Text(name, "dim"), Text(fact))
    console.print()
    console.print(Padding(grid, (0, 0, 0, 2)), width=min(console.width, WIDTH))


def table(*headings: str) -> Table:
    """A table without frame; the columns of headings that end in a colon are set right."""
    made = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for title in headings:
        right = title.endswith(":")
        made.add_column(title.rstrip(":"), justify="right" if right else "left", overflow="fold")
    return made


def number(value: float) -> str:
    """All digits of a double, a space before a number without a sign, so that digits stand in columns."""
    return f"{value!r}" if value < 0 else f" {value!r}"


def curve(console: Console, losses: Sequence[float]) -> None:
    """A short table of the loss, with bars."""
    made = table("epoch:", "nats per example:", "")
    top, block = max(losses), "#" if console.options.ascii_only else "█"
    for epoch in curve_epochs(len(losses) - 1):
        length = round(BAR * losses[epoch] / top) if top > 0 else 0
        made.add_row(str(epoch), f"{losses[epoch]:.6f}", Text(block * length, "cyan"))
    console.print(made)


def files(console: Console, written: Sequence[tuple[Path, str]]) -> None:
    """Where each file went: (path, what it is)."""
    heading(console, "Files")
    paths = [shown(str(path)) for path, _ in written]
    width = max(map(len, paths))
    for path, (_, what) in zip(paths, written, strict=True):
        console.print(Text(f"  {path:{width}}  {what}"), soft_wrap=True)


def gradient_beside_paper(
    console: Console,
    gradient: Floats,
    columns: Iterable[npt.ArrayLike],
    labels: npt.ArrayLike,
    parameters: Floats,
) -> bool:
    """Say how the averaged gradient (n + 1,) of a graph compares with its closed form; whether they agree."""
    on_paper, allowed = mean_gradient_on_paper(columns, labels, parameters)
    off = np.abs(gradient - on_paper)
    agrees = bool(np.all(off <= allowed))
    worst = int(np.argmax(off / allowed))
    say(
        console,
        f"The averaged gradient (dW, dB) at the end, {len(off)} numbers, beside its closed form Xᵀ(a − y)/m: "
        f"the furthest is off by {off[worst]:.1e}, and rounding explains {allowed[worst]:.1e}. "
        f"{'All agree.' if agrees else 'THE GRAPH IS WRONG.'}",
    )
    return agrees


@contextmanager
def progress_of_rows(console: Console | None) -> Iterator[Callable[[int, int | None], object] | None]:
    """A bar of rows done while the block runs, if there is somewhere to show it."""
    if console is None:
        yield None
        return
    columns = (TextColumn("rows"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("rows", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
