"""The demo shows what is so, says when it is not, and writes the same bytes again."""

from __future__ import annotations

import dataclasses
import doctest
import io
import re
import sys
from pathlib import Path

import pytest
from rich.console import Console

from minigrad import console as console_module
from minigrad import demo
from minigrad.curve import curve_epochs
from minigrad.files import CannotWriteError
from minigrad.logistic import Comparison, Example, compared, mean_gradient_on_paper
from minigrad.tables import Floats


def text_of(out: Path, width: int = 80, *, alpha: float = 0.5, epochs: int = 3, seed: int = 0) -> str:
    """What a run prints into a file, of a terminal of this width."""
    stream = io.StringIO()
    console = Console(file=stream, width=width, highlight=False, markup=False, emoji=False)
    agrees = demo.run(out, alpha=alpha, epochs=epochs, seed=seed, console=console)
    assert agrees == ("WRONG" not in stream.getvalue())
    return stream.getvalue()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_examples_in_the_docstrings_run() -> None:
    assert doctest.testmod(demo).failed == 0


def test_every_number_stands_beside_its_closed_form(here: Path) -> None:
    """z, a, L and the five gradients; dZ is a - y at z = 1.35, y = 1."""
    text = text_of(here)
    for name in ("z", "a", "L", "dA", "dZ", "dW1", "dW2", "dB"):
        assert re.search(rf"^{name} +the graph +-?[0-9.]+ +[0-9.]+ +[0-9.]+ +agrees", text, re.MULTILINE), (
            name
        )
    assert "8 of 8 numbers of the graph agree" in text
    assert re.search(r"^dZ +the graph +-0\.2058703718009", text, re.MULTILINE)
    assert re.search(r"^ +a − y +-0\.2058703718009", text, re.MULTILINE)


def test_what_must_be_said_is_said(here: Path) -> None:
    """Notation, standardisation, source and licence, and where each file went."""
    text = " ".join(text_of(here / "made").split())
    for words in (
        "natural logarithm", "∂L/∂z", "standardised", "held-out rows", "569 rows × 30 columns", "1 is malignant",
        "10.24432/C5DW2B", "CC BY 4.0", "All agree.", "logistic.svg", "logistic.dot", "loss.png", "drawn with seed 0",
    ):  # fmt: skip
        assert words in text
    assert {path.name for path in (here / "made").iterdir()} == {"logistic.dot", "logistic.svg", "loss.png"}


def test_the_loss_falls_and_the_model_is_good(here: Path) -> None:
    """The last loss of the table is the smallest; nine of ten held-out rows are right."""
    text = text_of(here, epochs=30)
    losses = [float(number) for number in re.findall(r"^ +\d+ +(\d\.\d{6}) +█", text, re.MULTILINE)]
    assert len(losses) == len(curve_epochs(30)) == 7
    assert losses == sorted(losses, reverse=True)
    (held_out,) = re.findall(r"^held out +\d+ +114 +([0-9.]+)%", text, re.MULTILINE)
    assert float(held_out) > 90
    assert "The loss rose" not in text


def test_an_alpha_too_large_is_said(here: Path) -> None:
    """The curve of alpha = 50 goes up and down."""
    assert re.search(
        r"The loss rose at \d+ of 20 updates: take a smaller --alpha", text_of(here, alpha=50.0, epochs=20)
    )


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_too_long(here: Path, width: int) -> None:
    """Nor is anything cut off: the digits are all there, in however many lines."""
    text = text_of(Path(), width, epochs=1)
    lines = text.splitlines()
    assert max(len(line) for line in lines[: lines.index("Files")]) <= width
    assert "…" not in text
    if width >= 80:
        assert re.search("^dA +the graph +-1.25924026064589", text, re.MULTILINE)


def test_equal_arguments_give_equal_bytes(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text and files, whatever style of plotting the user prefers; another seed gives another text."""
    import matplotlib as mpl

    text = text_of(Path("out"))
    files = {path.name: path.read_bytes() for path in (here / "out").iterdir()}
    with mpl.rc_context({"axes.facecolor": "red", "font.size": 20.0, "savefig.dpi": 30.0}):
        assert text_of(Path("out")) == text
    assert {path.name: path.read_bytes() for path in (here / "out").iterdir()} == files
    assert text_of(Path("out"), seed=1) != text


def test_without_matplotlib_the_rest_is_done(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the command that installs it is named."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    text = text_of(here / "out")
    assert (
        'loss.png was not drawn: the loss curve is drawn by matplotlib: pip install "minigrad[plot]"' in text
    )
    assert {path.name for path in (here / "out").iterdir()} == {"logistic.dot", "logistic.svg"}


def test_a_number_that_disagrees_is_called_wrong(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checking the demo: a wrong sign in one row."""
    right = compared

    def wrong(one: Example) -> list[Comparison]:
        rows = right(one)
        return [*rows[:-1], dataclasses.replace(rows[-1], distance=2 * abs(rows[-1].distance) + 1)]

    monkeypatch.setattr(demo, "compared", wrong)
    text = text_of(here)
    assert re.search(r"^dB +the graph .* WRONG", text, re.MULTILINE)
    assert "7 of 8 numbers" in text


def test_an_averaged_gradient_that_disagrees_is_called_wrong(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checking the demo: m - 1 in place of m, the slip of one row in 455."""
    right = mean_gradient_on_paper

    def wrong(columns: Floats, labels: Floats, parameters: Floats) -> tuple[Floats, Floats]:
        gradient, allowed = right(columns, labels, parameters)
        return gradient * len(labels) / (len(labels) - 1), allowed

    monkeypatch.setattr(console_module, "mean_gradient_on_paper", wrong)
    assert "THE GRAPH IS WRONG" in text_of(here)


def test_a_terminal_sees_a_progress_bar(here: Path) -> None:
    """It counts epochs and goes away; the text itself is the same."""
    bar, text = io.StringIO(), io.StringIO()
    demo.run(
        here, alpha=0.5, epochs=3, seed=0, console=Console(file=text, width=80, highlight=False, markup=False),
        bar=Console(file=bar, force_terminal=True, width=80),
    )  # fmt: skip
    assert "epochs, loss 0." in bar.getvalue()
    assert "nan" not in bar.getvalue()
    assert text.getvalue() == text_of(here)


def test_a_folder_in_the_place_of_a_file_is_refused(here: Path) -> None:
    (here / "out" / "logistic.dot").mkdir(parents=True)
    with pytest.raises(CannotWriteError, match="it is a folder"):
        text_of(here / "out")
