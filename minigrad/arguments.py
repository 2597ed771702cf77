"""What the `minigrad` command takes: its commands, their options, and the help, as data for argparse.

Room: turns words into a namespace whose `command` names what to run; runs nothing. Below: `text`. Above: `cli`.
Must hold: a number out of range is refused here, in a line that says what would do; help fits 80 columns.
"""

from __future__ import annotations

import argparse
import codecs
import csv
import math
import re
from collections.abc import Callable
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
  minigrad draw "x*x + x" --at x=3 --partials --flow both --as txt

A formula that begins with a minus goes last, after --:
  minigrad draw --at x=2 -o graph.dot -- "-x**2"

log is the natural logarithm. PNG and PDF need the dot program of Graphviz
(https://graphviz.org)."""


_EXPLAIN = """\
Tell the chain rule of a formula at one of its nodes: with symbols, with numbers,
in words, and down to the closed form, every step with the name of its rule.
Without --wrt all nodes are told, in the order in which backward visits them."""

_EXPLAIN_EXAMPLES = """\
examples:
  minigrad explain "z = w*x + b; a = sigmoid(z); bce(a, y)" --wrt z
  minigrad explain "a = sigmoid(w*x); bce(a, y)" --wrt w --at w=0.5 x=2 y=1
  minigrad explain "w*w + 2*w" --wrt w --at "w=3" --format latex --out w.tex
  minigrad explain "h = relu(w*x); (h - y)**2" --wrt w --at w=-1 x=2 y=1 --why

Without --at it is told with symbols only. A result without a name is called L.
A formula that begins with a minus goes last, after --."""

_TRAIN = """\
Train logistic regression on a table: a CSV, Parquet or Arrow file. Every column
but the target is a feature unless you say otherwise. A part of the rows is held
out to judge the model by rows it has not seen. Prints the loss curve, the
weights with their units, the averaged gradient beside its closed form, and
accuracy and log-loss beside those of the base rate."""

_TRAIN_EXAMPLES = """\
examples:
  minigrad train data.csv --target y --save model.json
  minigrad train data.csv --target y --l2 0.001 --out pictures
  minigrad train data.csv --target y --solver gd --alpha 0.1 --standardise
  minigrad train patients.csv --target ill --positive yes --exclude id,name

Newton's method is the default, up to 200 features, because it needs no learning
rate, no standardised columns and some ten passes over the rows; beyond, L-BFGS
is. --solver gd is gradient descent as in the lecture; without --alpha it takes
the safe one, 1/L. No column is scaled and no penalty added unless you ask.

The same arguments give the same text and the same bytes. Exit status: 0, or 1
if a gradient disagrees with its closed form, or 2 for a mistake in the
arguments or in the file."""

_PREDICT = """\
Apply a model that `minigrad train --save` wrote to the rows of a file: CSV,
Parquet or Arrow, larger than memory if need be. For each row, in the same
order, comes the probability of label 1 and the likelier class. Columns that the
model does not know are passed over."""

_PREDICT_EXAMPLES = """\
examples:
  minigrad predict model.json new.csv
  minigrad predict model.json new.csv --out predictions.csv
  minigrad predict model.json new.csv --out predictions.parquet"""

_CHECK = """\
Is this derivative right, and if not, what is the slip? Checks either a function
of a file, which returns gradients and cost over m rows, or derivatives of a
formula that were worked out by hand. The file runs in a process of its own,
with a limit on its time and memory; a formula is never run as code."""

_CHECK_EXAMPLES = """\
examples:
  minigrad check homework.py:propagate
  minigrad check homework.py:propagate --data mine.npz --model logistic --json
  minigrad check "z = w*x + b; a = sigmoid(z); L = bce(a, y)" \\
      --hand "dz = a - y" "dw = x*dz" --at "w=0.5, x=2, b=0, y=1"

The function is called as propagate(w, b, X, Y), and returns ({"dw": dw, "db":
db}, cost) or the like. The cost is the mean over the rows, and log is the
natural logarithm. Exit status: 0 if all is right, 1 if something is wrong, 3 if
it cannot be told, 2 for a mistake in the arguments."""

_PLAY = """\
Write a page on which a formula can be played: one HTML file that works offline.
In a browser one steps through forward and backward, moves the inputs, sees
every value and gradient follow, and goes down the gradient. Without a formula
it is the lecture's example, logistic regression on one row."""

_PLAY_EXAMPLES = """\
examples:
  minigrad play
  minigrad play "a = sigmoid(w*x + b); L = bce(a, y)" --at w=0.5 x=2 b=0 y=1
  minigrad play "z = w1*x1 + w2*x2 + b; L = bce_with_logits(z, y)" \\
      --at w1=0 w2=0 b=0 x1=1 x2=1 y=1 --rows points.csv --out points.html

The columns of --rows are called like names in the formula; descent then goes by
the mean over the rows, and for two features the line between the labels is
drawn. The formula is read as by minigrad draw."""


class _Parser(argparse.ArgumentParser):
    """argparse, but a mistake takes two lines: what it is, and where the help is."""

    def error(self, message: str) -> NoReturn:
        if message.endswith("required: FORMULA"):
            message = 'the formula is missing; it comes first, "w*x" --at w=1 x=2, or last: -- "-x**2"'
        elif message.endswith("required: FILE.py:FUNCTION or FORMULA"):
            message = "what is to be checked? homework.py:propagate, or a formula and --hand"
        elif message.endswith("required: --target"):
            message = "which column is to be predicted? Name it with --target COLUMN"
        self.exit(2, f"{self.prog}: {message}\n  see {self.prog} --help\n")


# -- arguments --------------------------------------------------------------------------------------------


def parser() -> _Parser:
    """The parser of the whole command."""
    made = _Parser(
        prog="minigrad",
        description="Computation graphs that can be seen and checked. `minigrad COMMAND --help` says more.",
        allow_abbrev=False,
    )
    made.add_argument("--version", action="version", version=f"minigrad {_version()}")
    made.set_defaults(command="")
    commands = made.add_subparsers(title="commands", metavar="COMMAND")
    _add_demo(commands)
    _add_train(commands)
    _add_predict(commands)
    _add_draw(commands)
    _add_check(commands)
    _add_play(commands)
    _add_explain(commands)
    return made


def _version() -> str:
    return f"{minigrad.__version__} ({'compiled' if minigrad.COMPILED else 'interpreted'})"


def _add(commands: Any, name: str, **texts: str) -> _Parser:
    command: _Parser = commands.add_parser(
        name, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **texts
    )
    command.set_defaults(command=name)
    return command


def _add_demo(commands: Any) -> None:
    demo = _add(
        commands, "demo", help="logistic regression from one example to a trained model",
        description=_DEMO, epilog=_DEMO_EXAMPLES,
    )  # fmt: skip
    demo.add_argument(
        "--out", type=_path, default=Path("minigrad-demo"), metavar="DIR",
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
        help="decides which rows are held out (default: %(default)s)",
    )  # fmt: skip


def _add_train(commands: Any) -> None:
    train = _add(
        commands, "train", help="train logistic regression on a file",
        description=_TRAIN, epilog=_TRAIN_EXAMPLES,
    )  # fmt: skip
    train.add_argument("data", type=_path, metavar="FILE", help="CSV, Parquet or Arrow")
    rows = train.add_argument_group("rows and columns")
    rows.add_argument(
        "--target", required=True, metavar="COLUMN", help="what to predict: 0 and 1, or two texts"
    )
    rows.add_argument("--positive", metavar="VALUE", help="which of two texts or numbers is label 1")
    rows.add_argument(
        "--features", type=_names, action="extend", default=[], metavar="A,B,C",
        help="these columns only (repeat it for a name with a comma in it)",
    )  # fmt: skip
    rows.add_argument(
        "--exclude", type=_names, action="extend", default=[], metavar="A,B,C", help="all columns but these"
    )
    rows.add_argument(
        "--test-size", type=_share, default=0.2, metavar="S",
        help="share of the rows to hold out, 0 for none (default: %(default)s)",
    )  # fmt: skip
    rows.add_argument(
        "--seed", type=_whole(0), default=0, metavar="N",
        help="decides which rows are held out, and the order of mini-batches (default: %(default)s)",
    )  # fmt: skip
    _add_layout(rows)
    how = train.add_argument_group("how to train")
    how.add_argument(
        "--solver", choices=("newton", "lbfgs", "newton-cg", "gd", "momentum", "adam"),
        help="default: newton up to 200 features, then lbfgs",
    )  # fmt: skip
    how.add_argument(
        "--alpha", type=_alpha_or_safe, metavar="A",
        help="learning rate of gd, momentum and adam, above 0; safe: 1/L, the default of the first two",
    )  # fmt: skip
    how.add_argument("--epochs", type=_whole(1), metavar="N", help="passes over the rows at most")
    how.add_argument(
        "--batch-rows",
        type=_whole(1),
        metavar="N",
        help="gd, momentum, adam: rows for each update (default: all)",
    )
    how.add_argument(
        "--standardise", action=argparse.BooleanOptionalAction, default=False,
        help="let the solver see columns of mean 0 and deviation 1 (default: no)",
    )  # fmt: skip
    how.add_argument(
        "--l2", type=_penalty, default=0.0, metavar="P",
        help="penalty: P/2 times the sum of the squared weights (default: 0)",
    )  # fmt: skip
    how.add_argument("--threads", type=_whole(1), default=1, metavar="N", help="default: %(default)s")
    kept = train.add_argument_group("what to keep")
    kept.add_argument("--save", type=_path, metavar="FILE", help="the model as JSON, for minigrad predict")
    kept.add_argument("--out", type=_path, metavar="DIR", help="loss curve and graph of one row as pictures")
    kept.add_argument(
        "--checkpoint", type=_path, metavar="FILE", help="write the run there at intervals, to go on from it"
    )
    kept.add_argument(
        "--every", type=_seconds, default=30.0, metavar="SECONDS",
        help="between two checkpoints (default: %(default)g)",
    )  # fmt: skip
    kept.add_argument("--resume", action="store_true", help="go on from the checkpoint if it is there")


def _add_predict(commands: Any) -> None:
    predict = _add(
        commands, "predict", help="apply a trained model to a file",
        description=_PREDICT, epilog=_PREDICT_EXAMPLES,
    )  # fmt: skip
    predict.add_argument("model", type=_path, metavar="MODEL", help="a file of minigrad train --save")
    predict.add_argument("data", type=_path, metavar="FILE", help="CSV, Parquet or Arrow")
    predict.add_argument(
        "-o", "--out", default="-", metavar="FILE",
        help="ends in .csv, .tsv, .parquet or .arrow; - prints CSV, the default",
    )  # fmt: skip
    predict.add_argument("--threads", type=_whole(1), default=1, metavar="N", help="default: %(default)s")
    _add_layout(predict)


def _add_layout(to: Any) -> None:
    """How a CSV is written, where that cannot be seen from it."""
    to.add_argument(
        "--decimal", choices=(".", ","), default=".", metavar="SIGN",
        help="the decimal point of a CSV, . or , (default: %(default)s)",
    )  # fmt: skip
    to.add_argument(
        "--encoding", type=_encoding, default="utf-8", metavar="NAME",
        help="of a CSV, such as latin-1 (default: %(default)s)",
    )  # fmt: skip


def _add_draw(commands: Any) -> None:
    draw = _add(
        commands, "draw", help="draw a formula as a graph",
        description=_DRAW, epilog=_DRAW_EXAMPLES,
    )  # fmt: skip
    draw.add_argument("formula", metavar="FORMULA", help='in quotes; for example "w*x + b"')
    draw.add_argument(
        "--at", nargs="+", action="extend", default=[], metavar="NAME=NUMBER",
        help="a number for each name in the formula: 2, -1e-3, 1/3, pi/4",
    )  # fmt: skip
    draw.add_argument(
        "-o", "--output", metavar="FILE",
        help="ends in .svg, .dot, .mmd (Mermaid), .tex (TikZ), .txt, .png or .pdf; - prints (default: graph.svg)",
    )  # fmt: skip
    draw.add_argument(
        "--as", dest="form", choices=("dot", "svg", "mmd", "tex", "txt"),
        help="what is printed; txt is a tree for the terminal. Prints without -o too (default: dot)",
    )  # fmt: skip
    draw.add_argument(
        "--direction", choices=("LR", "TB"), default="LR",
        help="left to right, or top to bottom (default: %(default)s)",
    )  # fmt: skip
    draw.add_argument(
        "--theme", choices=("light", "dark", "print"), default="light", help="default: %(default)s"
    )
    draw.add_argument("--partials", action="store_true", help="the local derivative on each edge")
    draw.add_argument(
        "--flow", choices=("forward", "backward", "both"), default="forward",
        help="arrows back with what each carries, beside or instead of those forward (default: %(default)s)",
    )  # fmt: skip
    draw.add_argument("--fold", action="store_true", help="show what repeats once, with a count")
    draw.add_argument("--no-gradients", action="store_true", help="values only")
    draw.add_argument(
        "--max-nodes", type=_whole(1), default=200, metavar="N",
        help="refuse to draw more nodes (default: %(default)s)",
    )  # fmt: skip


def _add_check(commands: Any) -> None:
    check = _add(
        commands, "check", help="check gradients, and name the slip",
        description=_CHECK, epilog=_CHECK_EXAMPLES,
    )  # fmt: skip
    check.add_argument("target", metavar="FILE.py:FUNCTION or FORMULA", help="what is to be checked")
    function = check.add_argument_group("of a function")
    function.add_argument(
        "--model", default="", metavar="M",
        help="the loss of one row: logistic, linear, poisson, hinge, ...; a formula of w1, x1, ..., b, y; or "
        "a function of the file (default: recognised by the cost)",
    )  # fmt: skip
    function.add_argument(
        "--data", default="", metavar="FILE.npz", help="arrays w, b, X and Y (default: random ones)"
    )
    function.add_argument(
        "--timeout", type=_limit, default=10.0, metavar="S",
        help="seconds for all calls together (default: %(default)g)",
    )  # fmt: skip
    function.add_argument(
        "--memory", type=_whole(1), default=2048, metavar="MB",
        help="memory beyond what Python itself takes (default: %(default)s)",
    )  # fmt: skip
    formula = check.add_argument_group("of a formula")
    formula.add_argument(
        "--hand", nargs="+", action="extend", default=[], metavar='"dz = a - y"', help="derivatives by hand"
    )
    formula.add_argument(
        "--at", nargs="+", action="extend", default=[], metavar="NAME=NUMBER",
        help="numbers for names in the formula (default: drawn)",
    )  # fmt: skip
    check.add_argument("--json", action="store_true", help="the report as JSON")
    check.add_argument("--out", default="", metavar="FILE.svg", help="draw the graph, wrong links marked")
    check.add_argument("--seed", type=_whole(0), default=0, metavar="N", help="of random data (default: 0)")


def _add_play(commands: Any) -> None:
    play = _add(
        commands, "play", help="write a page on which a formula can be played",
        description=_PLAY, epilog=_PLAY_EXAMPLES,
    )  # fmt: skip
    play.add_argument("formula", nargs="?", metavar="FORMULA", help='in quotes; for example "w*x + b"')
    play.add_argument(
        "--at", nargs="+", action="extend", default=[], metavar="NAME=NUMBER",
        help="a number for each name in the formula: 2, -1e-3, 1/3, pi/4",
    )  # fmt: skip
    play.add_argument(
        "-o", "--out", default="page.html", metavar="FILE", help="ends in .html (default: %(default)s)"
    )
    play.add_argument("--rows", metavar="FILE", help="CSV, Parquet or Arrow, 2,000 rows at most")
    play.add_argument(
        "--alpha", type=_alpha, default=0.5, metavar="A", help="learning rate, above 0 (default: %(default)s)"
    )
    play.add_argument("--title", default="", help="heading of the page")
    play.add_argument(
        "--direction", choices=("LR", "TB"), default="LR",
        help="left to right, or top to bottom (default: %(default)s)",
    )  # fmt: skip


def _add_explain(commands: Any) -> None:
    explain = _add(
        commands, "explain", help="tell the chain rule of a formula",
        description=_EXPLAIN, epilog=_EXPLAIN_EXAMPLES,
    )  # fmt: skip
    explain.add_argument(
        "formula", metavar="FORMULA", help='in quotes; for example "a = sigmoid(w*x); bce(a, y)"'
    )
    explain.add_argument("--wrt", metavar="NAME", help="the node to tell about: an input or a named step")
    explain.add_argument(
        "--at", nargs="+", action="extend", default=[], metavar="NAME=NUMBER",
        help='a number for each name in the formula: w=2 x=1/3, or "w=2, x=1/3"',
    )  # fmt: skip
    explain.add_argument("--why", action="store_true", help="say why the gradient is zero, tiny, huge or nan")
    explain.add_argument(
        "--format", choices=("text", "markdown", "latex", "mathml"),
        help="default: text, or what the ending of --out says",
    )  # fmt: skip
    explain.add_argument(
        "-o", "--out", default="-", metavar="FILE",
        help="ends in .txt, .md, .tex or .html; - prints it, the default",
    )  # fmt: skip
    explain.add_argument(
        "--digits",
        type=_whole(1),
        default=6,
        metavar="N",
        help="digits of a number, 1 to 17 (default: %(default)s)",
    )


def _alpha(text: str) -> float:
    number = as_float(text)
    if not (math.isfinite(number) and number > 0.0):
        raise argparse.ArgumentTypeError(
            f"the learning rate is a finite number above 0, not {shown(text, 40)}"
        )
    return number


def _alpha_or_safe(text: str) -> float | str:
    return text if text == "safe" else _alpha(text)


def _in_range(what: str, least: float, below: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        given = as_float(text)
        if not least <= given < below:
            raise argparse.ArgumentTypeError(f"{what}, not {shown(text, 40)}")
        return given

    return number


_share = _in_range("the share of rows to hold out is 0 or more and below 1", 0.0, 1.0)
_penalty = _in_range("the penalty is a finite number, 0 or more", 0.0, math.inf)
_seconds = _in_range("the seconds between two checkpoints are a finite number, 0 or more", 0.0, math.inf)


def _limit(text: str) -> float:
    number = as_float(text)
    if not 0.1 <= number <= 86_400:
        raise argparse.ArgumentTypeError(
            f"the limit is a number of seconds from 0.1 to 86400, not {shown(text, 40)}"
        )
    return number


def _path(text: str) -> Path:
    if not text:  # Path("") is the folder one is in
        raise argparse.ArgumentTypeError("a name is needed, not ''")
    return Path(text)


def _names(text: str) -> list[str]:
    """Names of columns between commas; quotes as in a CSV keep a comma in a name."""
    names = [name.strip() for name in next(csv.reader([text], skipinitialspace=True), [])]
    if not names or not all(names):
        raise argparse.ArgumentTypeError(
            f"names of columns are needed, between commas, not {shown(text, 40)!r}"
        )
    return names


def _encoding(text: str) -> str:
    try:
        "".encode(text)
        return codecs.lookup(text).name
    except (LookupError, ValueError):
        raise argparse.ArgumentTypeError(
            f"no such encoding: {shown(text, 40)!r}; utf-8 or latin-1, say"
        ) from None


def as_float(text: str) -> float:
    """The number, nan for what is none."""
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
