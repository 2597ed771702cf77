"""The progress bar: epoch, loss and time left, on standard error.

Room: a view, the only part of `descent` that knows rich; imported when somebody asks for a bar.
Must hold: nothing is printed where no terminal is; the bar is gone when the run is over.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from minigrad.descent.objective import Progress as Report

#: Seconds between two changes of the bar: more often than this nobody sees.
INTERVAL = 0.05


@contextmanager
def progress_bar(console: Console | None, epochs: int, what: str = "training") -> Iterator[Report | None]:
    """While the block runs, a bar on this console; gives the function to be called with (epoch, loss).

    None, and no bar, where there is no console.
    """
    if console is None:
        yield None
        return
    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("epochs{task.fields[loss]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task(what, total=epochs, loss="")
        due = 0.0

        def report(epoch: int, loss: float) -> None:
            nonlocal due
            now = time.monotonic()
            if now >= due or epoch == epochs:
                due = now + INTERVAL
                shown.update(task, completed=epoch, loss=f", loss {loss:.4g}")

        yield report


def terminal() -> Console | None:
    """Standard error, if it is a terminal."""
    console = Console(stderr=True)
    return console if console.is_terminal else None
