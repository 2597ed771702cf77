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
import dataclasses
import math
import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Callable, Sequence

from minigrad.arguments import as_float, parser
from minigrad.text import shown


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with these arguments (those of the process if None); return its exit status."""
    codecs.register_error("minigrad", _in_plain_letters)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):  # no text stream, or closed
            stream.reconfigure(errors="minigrad")  # type: ignore[union-attr]
    try:
        made = parser()
        given = made.parse_args(arguments)
        if not given.command:
            made.print_help()
        status = _COMMANDS[given.command](given) if given.command else 0
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
        print(f"minigrad {given.command}: {_said(error)}", file=sys.stderr)
        return 2


def _said(error: Exception) -> str:
    """The message; what the system says of no file is of standard output, for files have errors of their own."""
    if type(error) is OSError and error.filename is None:
        return f"cannot write to standard output: {error.strerror}; send it elsewhere"
    text = str(error)
    for said, here in _HERE if type(error).__name__ == "DataError" else ():
        text = said.sub(here, text)
    return text


#: What an error advises to a caller in Python, and how that is said on the command line.
_HERE = (
    (re.compile(r"decimal='(.)'"), r"--decimal \1"),
    (re.compile(r"encoding='([\w-]+)'"), r"--encoding \1"),
    (re.compile(r"give header=False .*"), "write one, with a name for each column"),
    (re.compile(r"positive=('?)(.*)\1 if"), r"--positive \2 if"),
)


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
        "²": "^2",
        "³": "^3",
        "─": "-",
        "✗": "x",
        "≥": ">=",
        "≠": "!=",
        "ᵀ": "'",
        "\N{NO-BREAK SPACE}": " ",
    }
)


def _in_plain_letters(error: UnicodeError) -> tuple[str, int]:
    """Handler of codecs: what the stream's encoding lacks, in letters it has."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(_PLAIN)
    return text.encode("ascii", "replace").decode("ascii"), error.end


#: Errors that a user can make and mend, by the module they come from: (module, names).
_MISTAKES = {
    "formula": ("FormulaError",),
    "draw": ("GraphTooLargeError", "GraphvizFailedError", "GraphvizMissingError", "UnknownFormatError"),
    "page": ("PageError", "RowsError"),
    "real": ("NotANumberError",),
    "explaining": ("ExplainError",),
    "descent": ("DivergedError", "CheckpointError"),
    "extras": ("MissingPackageError",),
    "tables": ("DataError",),
    "functions": ("ShapeError",),
    "logistic": ("ModelFileError",),
    "train": ("TrainError",),
    "predict": ("PredictError",),
    "checking.sandbox": ("SandboxError",),
    "checking.command": ("CheckCommandError",),
}


def _mistakes() -> tuple[type[Exception], ...]:
    """Errors of the modules that were imported; anything else is a fault of ours and keeps its traceback."""
    found: list[type[Exception]] = [OSError]
    for module, names in _MISTAKES.items():
        loaded = sys.modules.get(f"minigrad.{module}")
        found += [getattr(loaded, name) for name in names if hasattr(loaded, name)]
    return tuple(found)


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


def _train(given: argparse.Namespace) -> int:
    from rich.console import Console

    from minigrad import train
    from minigrad.descent import InterruptedDescent

    if given.resume and given.checkpoint is None:
        raise train.TrainError("--resume needs --checkpoint FILE: which run is to go on?")
    names = [field.name for field in dataclasses.fields(train.Order)]
    order = train.Order(**{name: getattr(given, name) for name in names})
    console, errors = Console(highlight=False, emoji=False, markup=False), Console(stderr=True)
    try:
        agrees = train.run(order, console=console, bar=errors if errors.is_terminal else None)
    except InterruptedDescent:
        if given.checkpoint is not None:
            print(f"stopped; --resume goes on from {shown(str(given.checkpoint))}", file=sys.stderr)
        return 130
    return 0 if agrees else 1


def _predict(given: argparse.Namespace) -> int:
    from rich.console import Console

    from minigrad import predict
    from minigrad.console import progress_of_rows

    errors = Console(stderr=True)
    written = given.out != "-"
    with progress_of_rows(errors if errors.is_terminal and written else None) as report:
        done = predict.run(
            given.model, given.data, given.out, threads=given.threads, decimal=given.decimal,
            encoding=given.encoding, progress=report,
        )  # fmt: skip
    if written:
        print(f"{shown(given.out)}: {done.rows:,} rows, {done.ones:,} more likely {shown(str(done.one), 40)}")
    return 0


def _draw(given: argparse.Namespace) -> int:
    from minigrad.draw import GraphTooLargeError, UnknownFormatError, draw
    from minigrad.formula import formula
    from minigrad.graph import Graph

    output = formula(given.formula, **_numbers(given.at))
    output.backward()
    path = given.output if given.output is not None else "-" if given.form else "graph.svg"
    printed = path == "-"
    if given.form and not printed:
        raise UnknownFormatError(
            "--as is for what is printed: leave it out, the ending of the file's name says as what"
        )
    graph = Graph(output)
    try:
        drawing = draw(
            output, None if printed else path, direction=given.direction, theme=given.theme,
            gradients=not given.no_gradients, max_nodes=given.max_nodes, partials=given.partials, flow=given.flow,
            fold=given.fold,
        )  # fmt: skip
    except GraphTooLargeError:
        raise GraphTooLargeError(
            f"{len(graph):,} nodes with {sum(len(node.operands) for node in graph):,} operands are too many "
            f"for --max-nodes {given.max_nodes}: raise it, fold what repeats (--fold), or draw a part of the formula"
        ) from None
    if printed:
        print(drawing.as_text(given.form or "dot"), end="")
        return 0
    name = shown(graph.name(output) if output.label else "result", 40)
    print(f"{shown(path)}: {len(graph)} node{'s' * (len(graph) > 1)}, {name} = {output.data!r}")
    if found := output.find_nonfinite():
        print(found)
    return 0


def _check(given: argparse.Namespace) -> int:
    from minigrad.checking import command

    if command.is_file(given.target) and not given.hand:
        if given.at:
            raise command.CheckCommandError(
                "--at goes with a formula; the data of a function come from --data"
            )
        return command.of_file(
            given.target, model=given.model, data=given.data, seed=given.seed, seconds=given.timeout,
            megabytes=given.memory, json=given.json, out=given.out,
        )  # fmt: skip
    for name in ("model", "data"):
        if getattr(given, name):
            raise command.CheckCommandError(
                f"--{name} goes with a function, homework.py:propagate, not a formula"
            )
    pairs = [pair for text in given.at for pair in text.split(",") if pair.strip()]
    return command.of_formula(
        given.target, given.hand, _numbers(pairs), seed=given.seed, json=given.json, out=given.out
    )


def _play(given: argparse.Namespace) -> int:
    from minigrad.formula import FormulaError, formula
    from minigrad.logistic import example
    from minigrad.page import page

    if given.formula is None and given.at:
        raise FormulaError(
            '--at gives numbers to a formula, which is missing: minigrad play "w*x" --at w=1 x=2'
        )
    output = example().loss if given.formula is None else formula(given.formula, **_numbers(given.at))
    title = given.title or ("Logistic regression on one example" if given.formula is None else "")
    made = page(output, given.out, rows=given.rows, alpha=given.alpha, title=title, direction=given.direction)
    print(f"{shown(given.out)}: {made.nodes:,} nodes; open it in a browser")
    return 0


def _explain(given: argparse.Namespace) -> int:
    from minigrad.explaining import told_formula
    from minigrad.files import write_text

    width = max(40, min(100, shutil.get_terminal_size().columns))
    numbers = _numbers([pair for text in given.at for pair in _AT.split(text)]) if given.at else None
    explanation = told_formula(given.formula, numbers, wrt=given.wrt, why_too=given.why, digits=given.digits)
    text = explanation.as_format(given.format, given.out, width)
    if given.out == "-":
        print(text, end="")
    else:
        print(f"{shown(str(write_text(given.out, text)))}: {shown(explanation.title, 200)}")
    return 0


#: Commas between the pairs of --at "w=2, x=3".
_AT = re.compile(r",\s*(?=[^\W\d]\w*\s*=)")

_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "demo": _demo, "train": _train, "predict": _predict, "draw": _draw, "check": _check,
    "play": _play, "explain": _explain,
}  # fmt: skip


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

    number = as_float(text)
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
