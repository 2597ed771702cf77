"""minigrad explain: what the help says, in four forms; a mistake is one line and exit status 2."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from explained_graphs import logistic
from pylatexenc.latexwalker import LatexWalker

from minigrad import Graph, cli, explain
from minigrad.formula import names_in

LECTURE = "z = w*x + b; a = sigmoid(z); bce(a, y)"
AT = ("--at", "w=0.5", "x=2", "b=0.1", "y=1")


@pytest.fixture(autouse=True)
def _somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder, at 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


def minigrad_(*arguments: str) -> int:
    try:
        return cli.main(arguments)
    except SystemExit as end:
        return int(end.code or 0)


def test_a_node_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert minigrad_("explain", LECTURE, "--wrt", "z", *AT) == 0
    text, errors = capsys.readouterr()
    assert errors == ""
    assert "= a − y" in text
    assert "as yet" not in text


def test_without_numbers_symbols_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert minigrad_("explain", LECTURE, "--wrt", "z") == 0
    text = capsys.readouterr().out
    assert "∂L/∂a · ∂a/∂z" in text
    assert "In numbers" not in text


def test_numbers_may_stand_in_one_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert minigrad_("explain", LECTURE, "--wrt", "z", "--at", "w=0.5, x=2,b=1/10 , y=1") == 0
    one = capsys.readouterr().out
    assert minigrad_("explain", LECTURE, "--wrt", "z", *AT) == 0
    assert capsys.readouterr().out == one


def test_without_wrt_all_nodes_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert minigrad_("explain", LECTURE, *AT) == 0
    text = capsys.readouterr().out
    assert all(f"At {name}" in text for name in "azwxby")


def test_why_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert minigrad_("explain", "h = relu(w*x); h*2", "--wrt", "w", "--at", "w=-1", "x=2", "--why") == 0
    assert "is closed" in capsys.readouterr().out


def test_latex_compiles_as_it_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert minigrad_("explain", LECTURE, "--wrt", "z", *AT, "--format", "latex") == 0
    document = capsys.readouterr().out
    assert document.startswith(r"\documentclass")
    LatexWalker(document, tolerant_parsing=False).get_latex_nodes()


@pytest.mark.parametrize(
    ("form", "name", "start"),
    [
        ("markdown", "z.md", "## How"), ("latex", "z.tex", r"\documentclass"), ("mathml", "z.html", "<!DOCTYPE html>"),
        ("text", "z.txt", "How L changes"),
    ],
)  # fmt: skip
def test_a_file_is_written(form: str, name: str, start: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In the form that --format says, or else the ending of its name."""
    assert minigrad_("explain", LECTURE, "--wrt", "z", *AT, "--out", name) == 0
    assert capsys.readouterr().out == f"{name}: How L changes with z: ∂L/∂z = −0.24974\n"
    written = Path(name).read_text(encoding="utf-8")
    assert written.startswith(start)
    assert minigrad_("explain", LECTURE, "--wrt", "z", *AT, "--format", form) == 0
    assert capsys.readouterr().out == written


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("w*x", "--wrt", "v"), "--wrt: no node is called 'v'"),
        (("w*x", "--wrt", "w", "--at", "w=2"), "no value for x"),
        (("w*x", "--at", "w=2", "x=3", "y=1"), "the formula does not use it"),
        (("w*x", "--at", "w"), "--at takes NAME=NUMBER"),
        (("w*x", "--out", "z.pdf"), "saved as .txt, .md, .tex or .html"),
        (("w*x", "--out", "nowhere/z.md"), "does not exist"),
        (("w*", "--wrt", "w"), "something is missing at the end"),
        (("w*x", "--why"), "--why needs --wrt NAME and numbers"),
        (("w*x", "--digits", "20"), "from 1 to 17"),
        (("w*x", "--digits", "0"), "1 or more"),
        (("w*x", "--format", "word"), "invalid choice"),
        ((), "the formula is missing"),
    ],
)
def test_a_mistake_is_said(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert minigrad_("explain", *arguments) == 2
    text, errors = capsys.readouterr()
    assert text == ""
    assert words in errors
    assert "Traceback" not in errors


def test_a_terminal_without_such_letters_gets_others() -> None:
    """ASCII only: minus, dot and the curly d are spelt, nothing is lost."""
    command = [sys.executable, "-m", "minigrad", "explain", LECTURE, "--wrt", "z", *AT]
    done = subprocess.run(
        command,
        capture_output=True,
        check=False,
        env={"PYTHONIOENCODING": "ascii", "PATH": ""},
        cwd=Path(cli.__file__).parents[1],
    )
    assert done.returncode == 0, done.stderr
    assert b"dL/dz = dL/da * da/dz" in done.stdout
    assert b"?" not in done.stdout


def test_names_in_a_formula() -> None:
    assert names_in(LECTURE) == ["w", "x", "b", "y"]
    assert names_in("e**x + pi") == ["x"]


def test_the_command_tells_what_the_function_tells(capsys: pytest.CaptureFixture[str]) -> None:
    formula = "z = w1*x1 + w2*x2 + b; a = sigmoid(z); L = bce(a, y)"
    assert (
        minigrad_(
            "explain",
            formula,
            "--wrt",
            "z",
            "--at",
            "w1=0.5 x1=2 w2=-0.25 x2=-1 b=0.1 y=1".replace(" ", ", "),
        )
        == 0
    )
    output = logistic()
    output.backward()
    assert capsys.readouterr().out == explain(output, Graph(output).find("z")).text
