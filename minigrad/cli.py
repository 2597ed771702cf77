"""The `minigrad` command: reads the arguments, starts what was asked for, puts errors in one line.

Room: nobody imports this but the entry points. What a command needs is imported when the command runs, so
that --version and --help are quick.
Must hold: a user's mistake ends with exit status 2 and a line on standard error that says what to do, never
with a traceback; Ctrl-C ends with 130; output that nobody reads any more ends quietly.
"""

from __future__ import annotations

import argparse
import codecs
import contextlib
import math
import os
import re
import sys
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import minigrad
from minigrad.text import shown

_DEMO = """\
Logistic regression as a graph, from one example to a trained model: values and
gradients of one example beside their closed forms, the update, then gradient
descent on the Wisconsin breast-cancer table (569 rows of 30 columns, shipped
with minigrad). Writes logistic.svg, logistic.dot and loss.png."""

_DEMO_EXAMPLES = """\
examples:
  minigrad demo
  minigrad demo --alpha 0.1 --epochs 1000
  minigrad demo --out somewhere/else --seed 7

The same arguments give the same text and the same bytes. Exit status: 0, or 1
if a number of the graph disagrees with its closed form, or 2 for a mistake in
the arguments."""

_DRAW = """\
Draw a formula as a graph, with the value and the gradient of every node. A
formula has numbers, names, + - * / **, comparisons, functions of minigrad's
table, such as exp(x), sigmoid(z), bce(a, y) or dot([w1, w2], [x1, x2]), and
named steps separated by semicolons."""

_DRAW_EXAMPLES = """\
examples:
  minigrad draw "w1*x1 + w2*x2 + b" --at w1=0.1 w2=0.2 x1=2 x2=3 b=-1
  minigrad draw "a = sigmoid(w*x); L = bce(a, y)" --at w=0.5 x=2 y=1 -o L.svg
  minigrad draw "exp(-x**2/2)" --at x=1/3 -o - --no-gradients

A formula that begins with a minus goes last, after --:
  minigrad draw --at x=2 -o graph.dot -- "-x**2"

log is the natural logarithm. PNG and PDF need the dot program of Graphviz
(https://graphviz.org)."""


class _Parser(argparse.ArgumentParser):
    """argparse, but a mistake takes two lines: what it is, and where the help is."""

    def error(self, message: str) -> NoReturn:
        if message.endswith("required: FORMULA"):
            message = 'the formula is missing; it comes first, "w*x" --at w=1 x=2, or last: -- "-x**2"'
        self.exit(2, f"{self.prog}: {message}\n  see {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with these arguments (those of the process if None); return its exit status."""
    codecs.register_error("minigrad", _in_plain_letters)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):  # no text stream, or closed
            stream.reconfigure(errors="minigrad")  # type: ignore[union-attr]
    try:
        given = _parser().parse_args(arguments)
        status: int = given.run(given)
        sys.stdout.flush()
        return status
    except SystemExit:  # of argparse; must not reach `_mistakes`, which takes its time
        raise
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        with contextlib.suppress(OSError, ValueError):
            # Python flushes once more when it ends, and would complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except _mistakes() as error:
        print(f"minigrad {given.command}: {error}", file=sys.stderr)
        return 2


#: What to print on a terminal or into a pipe that has no such letter.
_PLAIN = str.maketrans(
    {
        "−": "-",
        "·": "*",
        "×": "x",
        "→": "->",
        "≤": "<=",
        "σ": "sigma",
        "α": "alpha",
        "∂": "d",
        "…": "...",
        "\N{NO-BREAK SPACE}": " ",
    }
)


def _in_plain_letters(error: UnicodeError) -> tuple[str, int]:
    """Handler of codecs: what the stream's encoding lacks, in letters it has."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(_PLAIN)
    return text.encode("ascii", "replace").decode("ascii"), error.end


def _mistakes() -> tuple[type[Exception], ...]:
    """Errors that a user can make and mend; anything else is a fault of ours and keeps its traceback."""
    from minigrad.descent import DivergedError
    from minigrad.draw import (
        GraphTooLargeError,
        GraphvizFailedError,
        GraphvizMissingError,
        UnknownFormatError,
    )
    from minigrad.formula import FormulaError

    return (
        FormulaError, GraphTooLargeError, GraphvizFailedError, GraphvizMissingError, UnknownFormatError,
        minigrad.NotANumberError, DivergedError, OSError,
    )  # fmt: skip


# -- arguments --------------------------------------------------------------------------------------------


def _parser() -> _Parser:
    parser = _Parser(
        prog="minigrad",
        description="Computation graphs that can be seen and checked. `minigrad COMMAND --help` says more.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"minigrad {_version()}")
    parser.set_defaults(run=lambda _: _help(parser), command="")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_demo(commands)
    _add_draw(commands)
    return parser


def _version() -> str:
    return f"{minigrad.__version__} ({'compiled' if minigrad.COMPILED else 'interpreted'})"


def _help(parser: _Parser) -> int:
    parser.print_help()
    return 0


def _add(commands: Any, name: str, run: Callable[[argparse.Namespace], int], **texts: str) -> _Parser:
    command: _Parser = commands.add_parser(
        name, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **texts
    )
    command.set_defaults(run=run, command=name)
    return command


def _add_demo(commands: Any) -> None:
    demo = _add(
        commands, "demo", _demo, help="logistic regression from one example to a trained model",
        description=_DEMO, epilog=_DEMO_EXAMPLES,
    )  # fmt: skip
    demo.add_argument(
        "--out", type=Path, default=Path("minigrad-demo"), metavar="DIR",
        help="folder for the files, made if missing (default: %(default)s)",
    )  # fmt: skip
    demo.add_argument(
        "--alpha", type=_alpha, default=0.5, metavar="A", help="learning rate, above 0 (default: %(default)s)"
    )
    demo.add_argument(
        "--epochs", type=_whole(1), default=200, metavar="N",
        help="passes over the rows, 1 or more (default: %(default)s)",
    )  # fmt: skip
    demo.add_argument(
        "--seed", type=_whole(0), default=0, metavar="S",
        help="decides which rows are held out, and the start (default: %(default)s)",
    )  # fmt: skip


def _add_draw(commands: Any) -> None:
    draw = _add(
        commands, "draw", _draw, help="draw a formula as a graph",
        description=_DRAW, epilog=_DRAW_EXAMPLES,
    )  # fmt: skip
    draw.add_argument("formula", metavar="FORMULA", help='in quotes; for example "w*x + b"')
    draw.add_argument(
        "--at", nargs="+", action="extend", default=[], metavar="NAME=NUMBER",
        help="a number for each name in the formula: 2, -1e-3, 1/3, pi/4",
    )  # fmt: skip
    draw.add_argument(
        "-o", "--output", default="graph.svg", metavar="FILE",
        help="ends in .svg, .dot, .png or .pdf; - prints the DOT text (default: %(default)s)",
    )  # fmt: skip
    draw.add_argument(
        "--direction", choices=("LR", "TB"), default="LR",
        help="left to right, or top to bottom (default: %(default)s)",
    )  # fmt: skip
    draw.add_argument("--theme", choices=("light", "dark"), default="light", help="default: %(default)s")
    draw.add_argument("--no-gradients", action="store_true", help="values only")
    draw.add_argument(
        "--max-nodes", type=_whole(1), default=200, metavar="N",
        help="refuse to draw more nodes (default: %(default)s)",
    )  # fmt: skip


def _alpha(text: str) -> float:
    number = _float(text)
    if not (math.isfinite(number) and number > 0.0):
        raise argparse.ArgumentTypeError(
            f"the learning rate is a finite number above 0, not {shown(text, 40)}"
        )
    return number


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _whole(least: int) -> Callable[[str], int]:
    def whole(text: str) -> int:
        if not re.fullmatch(r"\s*[+]?[0-9]{1,18}\s*", text) or int(text) < least:
            raise argparse.ArgumentTypeError(
                f"a whole number is needed, {least} or more, not {shown(text, 40)}"
            )
        return int(text)

    return whole


# -- commands ---------------------------------------------------------------------------------------------


def _demo(given: argparse.Namespace) -> int:
    from rich.console import Console

    from minigrad import demo

    console, errors = Console(highlight=False, emoji=False, markup=False), Console(stderr=True)
    agrees = demo.run(
        given.out, alpha=given.alpha, epochs=given.epochs, seed=given.seed,
        console=console, bar=errors if errors.is_terminal else None,
    )  # fmt: skip
    return 0 if agrees else 1


def _draw(given: argparse.Namespace) -> int:
    from minigrad.draw import GraphTooLargeError, draw
    from minigrad.formula import formula
    from minigrad.graph import Graph

    output = formula(given.formula, **_numbers(given.at))
    output.backward()
    printed = given.output == "-"
    graph = Graph(output)
    try:
        drawing = draw(
            output, None if printed else given.output, direction=given.direction, theme=given.theme,
            gradients=not given.no_gradients, max_nodes=given.max_nodes,
        )  # fmt: skip
    except GraphTooLargeError:
        raise GraphTooLargeError(
            f"{len(graph):,} nodes with {sum(len(node.operands) for node in graph):,} operands are too many "
            f"for --max-nodes {given.max_nodes}: raise it, or draw a part of the formula"
        ) from None
    if printed:
        print(drawing.dot, end="")
        return 0
    name = shown(graph.name(output) if output.label else "result", 40)
    print(f"{shown(given.output)}: {len(graph)} node{'s' * (len(graph) > 1)}, {name} = {output.data!r}")
    if found := output.find_nonfinite():
        print(found)
    return 0


def _numbers(pairs: Sequence[str]) -> dict[str, float]:
    """What --at gives: {name: number}."""
    from minigrad.formula import FormulaError

    numbers: dict[str, float] = {}
    for pair in pairs:
        name, sign, text = (part.strip() for part in pair.partition("="))
        name = unicodedata.normalize("NFKC", name)
        if not sign:
            raise FormulaError(
                f"--at takes NAME=NUMBER, not {shown(pair, 60)!r} (the formula comes before --at)"
            )
        if not name.isidentifier():
            raise FormulaError(f"--at: {shown(name, 60)!r} cannot be a name in a formula")
        if name in numbers:
            raise FormulaError(f"--at gives {shown(name, 60)} twice: leave out one of them")
        numbers[name] = _number(name, text)
    return numbers


def _number(name: str, text: str) -> float:
    """A number as --at takes it: as Python writes it, or a formula without names (1/3, pi/4, -2**0.5)."""
    from minigrad.formula import FormulaError, formula

    number = _float(text)
    if math.isnan(number) and text.lower().lstrip("+-") != "nan":
        try:
            return formula(text).data
        except FormulaError:
            raise FormulaError(f"--at {shown(name, 60)}={shown(text, 60)}: this is not a number") from None
    if math.isinf(number) and any(character.isdigit() for character in text):
        raise FormulaError(
            f"--at {shown(name, 60)}={shown(text, 60)}: larger than the largest double, 1.8e308"
        )
    return number
