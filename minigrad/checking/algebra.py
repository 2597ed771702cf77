"""SymPy's opinion whether two formulas are the same: in a process of its own, which is stopped when its time is up.

Room: writes two expressions as a list of operations, and reads that list on the other side; nothing is evaluated as
code. SymPy (extra `check`) is imported in the other process only. Below: `expression`, `text`. Above: `proof`.
Must hold: whatever SymPy does, the answer comes within the time given and some tenths of a second.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import minigrad
from minigrad.checking.field import decimal
from minigrad.checking.text import NoFormError, by_text
from minigrad.expression import Expressions

#: Formulas with more operations are not put to SymPy.
MOST_OPERATIONS = 400
#: Most bytes that its process may use.
MEMORY = 2 * 1024**3
#: Operations that SymPy cannot look through as they are meant here.
_CHOICES = frozenset({"where", "less", "less_equal"})
_CODE = "from minigrad.checking.algebra import main; main()"


class Opinion(NamedTuple):
    """What SymPy says.

    same    True where it brings the difference to 0; False where it does not, or was not asked
    reason  why not, as a clause
    """

    same: bool
    reason: str = ""


def opinion(e: Expressions, first: int, second: int, seconds: float) -> Opinion:
    """Ask SymPy whether two expressions are the same.

    seconds  how long it may take, its import included
    """
    if find_spec("sympy") is None:
        return Opinion(False, 'SymPy is not installed: pip install "minigrad[check]"')
    order = e.order([first, second])
    if not _CHOICES.isdisjoint([e.ops[i] for i in order]):
        return Opinion(False, "SymPy is not asked about choices between cases")
    if len(order) > MOST_OPERATIONS:
        return Opinion(False, f"{len(order):,} operations are too many for SymPy")
    place = {i: k for k, i in enumerate(order)}
    lines = [[e.ops[i], [place[k] for k in e.operands[i]], e.number.get(i)] for i in order]
    asked = json.dumps({"lines": lines, "pair": [place[first], place[second]], "seconds": seconds})
    try:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _CODE],
            input=asked, text=True, capture_output=True, timeout=seconds, check=False, env=_environment(),
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Opinion(False, f"SymPy found nothing in {seconds:g} seconds")
    except OSError as error:
        return Opinion(False, f"SymPy could not be started: {error}")
    if done.returncode != 0:
        return Opinion(
            False, "SymPy gave up: " + (done.stderr.strip().splitlines() or ["no reason told"])[-1][:200]
        )
    return Opinion(done.stdout.strip() == "same", "SymPy does not bring their difference to 0")


def _environment() -> dict[str, str]:
    home = str(Path(minigrad.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": os.pathsep.join([home, os.environ.get("PYTHONPATH", "")])}


# -- the other process ------------------------------------------------------------------------------------


def main() -> None:
    """Read the question from standard input, and answer it on standard output."""
    asked = json.load(sys.stdin)
    _confine(asked["seconds"])
    import sympy

    first, second = _built(sympy, asked["lines"], asked["pair"])
    print("same" if _zero(sympy, first - second) else "unknown")


def _confine(seconds: float) -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 2, int(seconds) + 2))


def _zero(sympy: Any, difference: Any) -> bool:
    """Whether one of SymPy's ways brings a difference to 0, the quick ones first."""
    ways: tuple[Callable[[Any], Any], ...] = (
        sympy.expand,
        lambda x: sympy.cancel(sympy.together(x.rewrite(sympy.exp))),
        lambda x: sympy.expand_log(sympy.expand(x)),
        sympy.trigsimp,
        sympy.simplify,
        lambda x: sympy.simplify(x.rewrite(sympy.exp)),
    )
    return any(way(difference) == 0 for way in ways)


def _built(sympy: Any, lines: list[Any], pair: list[int]) -> list[Any]:
    """The expressions of a list of operations, as SymPy's; operations it has not are symbols of their operands."""
    made: list[Any] = []

    def apply(op: str, operands: list[Any]) -> Any:
        function = _FUNCTIONS.get(op)
        if function is not None:
            return function(sympy, *operands)
        try:
            return by_text(op, operands, apply, lambda x: _number(sympy, x))
        except (NoFormError, ValueError):
            return sympy.Function(op, real=True)(*operands)

    for k, (op, operands, number) in enumerate(lines):
        if op == "input":
            made.append(sympy.Symbol(f"x{k}", real=True))
        elif op == "const":
            made.append(_number(sympy, number))
        else:
            made.append(apply(op, [made[i] for i in operands]))
    return [made[k] for k in pair]


def _number(sympy: Any, x: float) -> Any:
    fraction = decimal(x)
    return sympy.Rational(fraction.numerator, fraction.denominator)


def _named(name: str) -> Callable[..., Any]:
    return lambda sympy, *x: getattr(sympy, name)(*x)


#: Operations that SymPy has.
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: _named(name) for name in (
        "exp", "log", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh",
        "atanh", "sign", "erf", "erfc", "digamma", "sqrt",
    )},
    "neg": lambda sympy, x: -x, "add": lambda sympy, x, y: x + y, "sub": lambda sympy, x, y: x - y,
    "mul": lambda sympy, x, y: x * y, "div": lambda sympy, x, y: x / y, "pow": lambda sympy, x, y: x**y,
    "sum": lambda sympy, *x: sympy.Add(*x), "abs": _named("Abs"), "min": _named("Min"), "max": _named("Max"),
    "cbrt": lambda sympy, x: sympy.real_root(x, 3),
}  # fmt: skip
