"""`minigrad check`: what the command does, in both its forms.

Room: takes the arguments as they were read, prints a report, gives an exit status. Below: `sandbox`, `check`. Above:
`cli`.
Must hold: a formula is never run as code, a file only in a process of its own; with --json nothing but JSON is on
standard output.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from minigrad.checking.report import Report
from minigrad.checking.sandbox import Job, Outcome, run
from minigrad.checking.verdict import RIGHT, UNDECIDED, WRONG
from minigrad.files import write_text
from minigrad.formula import formula
from minigrad.text import shown
from minigrad.value import Value

#: Exit status by verdict; 2 is a mistake in the arguments.
STATUS = {RIGHT: 0, WRONG: 1, UNDECIDED: 3}

#: homework.py, or homework.py:propagate.
_FILE = re.compile(r"(?P<path>.*\.py)(?::(?P<function>[^:]*))?", re.DOTALL | re.IGNORECASE)


class CheckCommandError(ValueError):
    """The arguments of `minigrad check` do not fit each other; the message says what to do."""


def is_file(target: str) -> bool:
    """Whether a target is a student's file and no formula."""
    return _FILE.fullmatch(target) is not None


def of_file(
    target: str, *, model: str, data: str, seed: int, seconds: float, megabytes: int, json: bool, out: str
) -> int:
    """Check a function of a file; exit status."""
    found = _FILE.fullmatch(target)
    assert found is not None
    _check_ending(out)
    job = Job(found["path"], found["function"] or "", model, data, seed, seconds, megabytes, bool(out))
    return _told(run(job), json=json, out=out)


def of_formula(
    text: str, hand: Sequence[str], numbers: Mapping[str, float], *, seed: int, json: bool, out: str
) -> int:
    """Check derivatives of a formula; exit status."""
    from minigrad.checking.recorded import check

    _check_ending(out)
    output, notes = _graph(text, numbers, seed)
    report = check(output, _derivatives(hand), seed=seed)
    report = Report(report.subject, report.findings, (*report.notes, *notes), report.graph)
    return _told(Outcome.of(report, str(report.draw().svg) if out else ""), json=json, out=out)


def _told(outcome: Outcome, *, json: bool, out: str) -> int:
    if outcome.picture:
        write_text(out, outcome.picture)
    print(outcome.json if json else outcome.text)
    if out and not json:
        drawn = (
            "the graph, marked"
            if outcome.picture
            else "not drawn, for there is no graph without a model: --model"
        )
        print(f"\n{shown(out)}: {drawn}")
    return STATUS[outcome.verdict]


def _check_ending(out: str) -> None:
    if out and Path(out).suffix.lower() != ".svg":
        raise CheckCommandError(f"--out takes a file that ends in .svg, not {shown(out, 60)}")


def _derivatives(hand: Sequence[str]) -> dict[Value | str, object]:
    """{"dz": "a - y"} of ["dz = a - y; db = dz"]."""
    found: dict[Value | str, object] = {}
    for piece in (part.strip() for text in hand for part in text.split(";")):
        if not piece:
            continue
        name, sign, text = (part.strip() for part in piece.partition("="))
        if not sign or not name or not text:
            raise CheckCommandError(f'--hand takes NAME = FORMULA, "dz = a - y", not {shown(piece, 60)!r}')
        if name in found:
            raise CheckCommandError(f"--hand gives {shown(name, 60)} twice: leave out one of them")
        found[name] = text
    if not found:
        raise CheckCommandError('which derivatives? Give them with --hand "dz = a - y"')
    return found


def _graph(text: str, numbers: Mapping[str, float], seed: int) -> tuple[Value, list[str]]:
    """The graph of the formula; names without a number get one, and a note says so."""
    from minigrad.checking.models import inputs_of

    missing = [name for name in inputs_of(text) if name not in numbers]
    generator = random.Random(seed)
    drawn = {name: 1.0 if name == "y" else round(generator.uniform(0.2, 0.9), 3) for name in missing}
    notes = []
    if drawn:
        listed = ", ".join(f"{shown(name, 40)} = {number:g}" for name, number in list(drawn.items())[:12])
        notes.append(
            f"numbers were drawn for what --at does not give: {listed}{', …' if len(drawn) > 12 else ''}"
        )
    return formula(text, **{**numbers, **drawn}), notes
