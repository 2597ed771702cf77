"""The loss curve: which epochs a short table shows, and the curve as a picture.

Room: a view; it draws the numbers it is given. Below: `files`. Needs matplotlib (the extra `plot`) for the picture,
imported when it is drawn.
Must hold: the same losses give the same bytes, whatever style of plotting the user has set.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path

from minigrad.extras import MissingPackageError
from minigrad.files import write_bytes

#: The colour of the curve, that of the pictures of graphs; each epoch has a dot where there are so few.
INK, MARKED = "#17356f", 24

#: Curves that fall by more than so many times are drawn on a logarithmic scale.
STEEP = 100.0


def curve_epochs(last: int) -> list[int]:
    """The epochs that a short table of the curve shows: 0, 1, 2, 5, 10, 20, 50, ... and the last.

    >>> curve_epochs(30)
    [0, 1, 2, 5, 10, 20, 30]
    """
    epochs, power = [0], 1
    while power < last:
        epochs += [step * power for step in (1, 2, 5) if step * power < last]
        power *= 10
    return [*epochs, last] if last > 0 else epochs


def plot(
    path: str | os.PathLike[str], losses: Sequence[float], title: str, *, what: str = "mean loss"
) -> Path:
    """Draw the loss curve as a PNG file of 960 x 600 pixels; returns the path.

    losses  nats per example, from epoch 0 on; finite
    title   written above
    what    the losses are, written on the left

    Raises MissingPackageError (an ImportError), CannotWriteError (an OSError).
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ImportError:
        raise MissingPackageError(
            'the loss curve is drawn by matplotlib: pip install "minigrad[plot]"'
        ) from None
    picture, last = io.BytesIO(), len(losses) - 1
    with mpl.rc_context():
        mpl.rcdefaults()
        figure = Figure(figsize=(6.4, 4.0), dpi=150, layout="constrained")
        axes = figure.add_subplot()
        marker = "o" if last <= MARKED else ""
        axes.plot(
            range(len(losses)), losses, color=INK, linewidth=2, marker=marker, markersize=5, clip_on=False
        )
        axes.set_title(title, loc="left", fontsize=11)
        axes.set_xlabel("epoch (passes over the rows)")
        axes.set_ylabel(f"{what} (nats per example)")
        axes.set_xlim(0, max(last, 1))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if 0 < STEEP * min(losses) < max(losses):
            axes.set_yscale("log")
        else:
            axes.set_ylim(0, 1.05 * max(losses) or 1.0)
        axes.grid(color="#d5dae1", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        axes.annotate(
            f"{losses[last]:.4g}", (last, losses[last]), (0, 8), textcoords="offset points", ha="right"
        )
        figure.savefig(picture, format="png", metadata={"Software": None})
    return write_bytes(path, picture.getvalue())
