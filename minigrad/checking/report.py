"""The report of a check: in words, as JSON, as a picture, as an exception.

Room: a view of findings; judges nothing. Below: `verdict`, `draw`, `text`.
Must hold: the same findings give the same text; the first wrong link comes before its consequences; a text of the
user's is shown as text.
"""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from minigrad.checking.verdict import RIGHT, UNDECIDED, WRONG, Comparison, Finding, Slip, Verdict
from minigrad.text import shown
from minigrad.value import Value

if TYPE_CHECKING:
    from minigrad.draw import Drawing

#: Width of the text.
WIDTH = 100

#: Most other slips with the same numbers that are printed.
ALSO = 2

#: Most nodes that are marked in a folded picture: wrong ones first.
MARKED = 60

#: Most derivatives that a report prints one by one.
PRINTED = 60


class GradientError(AssertionError):
    """A derivative is wrong; the message is the report."""

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found.

    subject    what was checked, such as "L" or "propagate, 3 rows of 2 features"
    findings   one for each derivative (of a function also its cost), those that were given first
    notes      what else is to be said: what could not be checked, and why
    graph      the result whose graph was checked; None for a function

    `bool(report)` is `report.ok`.
    """

    subject: str
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    graph: Value | None = None

    @property
    def verdict(self) -> Verdict:
        """Wrong if anything is, else "cannot tell" if anything is or nothing was checked, else right."""
        verdicts = {finding.verdict for finding in self.findings}
        if WRONG in verdicts:
            return WRONG
        return RIGHT if verdicts == {RIGHT} else UNDECIDED

    @property
    def ok(self) -> bool:
        """Whether every derivative is right."""
        return self.verdict == RIGHT

    @property
    def first_wrong(self) -> tuple[Finding, ...]:
        """The links that are wrong in themselves."""
        return tuple(finding for finding in self.findings if finding.first_wrong)

    def __bool__(self) -> bool:
        return self.ok

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __getitem__(self, name: str | Value) -> Finding:
        """The finding of a derivative, by its name or its node."""
        for finding in self.findings:
            if finding.name == name or (isinstance(name, Value) and finding.node is name):
                return finding
        known = ", ".join(finding.name for finding in self.findings)
        raise KeyError(f"no such derivative in the report: {name!r}; there are {known}")

    def raise_if_wrong(self) -> Report:
        """The report itself; raises GradientError (an AssertionError) with the whole text if anything is wrong.

        "Cannot tell" does not raise: look at `verdict`.
        """
        if self.verdict == WRONG:
            raise GradientError(self)
        return self

    # -- views ----------------------------------------------------------------------------------------

    def __str__(self) -> str:
        lines = [self._head()]
        if self.findings:
            lines.append("")
            names = max(len(_name(finding)) for finding in self.findings[:PRINTED])
            for finding in self.findings[:PRINTED]:
                lines += _lines(finding, min(names, 24))
            if len(self.findings) > PRINTED:
                lines.append(f"  … and {len(self.findings) - PRINTED:,} more")
        if ending := self._ending():
            lines += ["", *ending]
        if self.notes:
            lines.append("")
            lines += [line for note in self.notes for line in _wrapped(note, "note: ", "      ")]
        return "\n".join(lines)

    def _head(self) -> str:
        count = dict.fromkeys((RIGHT, WRONG, UNDECIDED), 0)
        for finding in self.findings:
            count[finding.verdict] += 1
        parts = [f"{count[verdict]:,} {verdict}" for verdict in count if count[verdict]]
        return f"{shown(self.subject, 200)}: {', '.join(parts) or 'nothing was checked'}"

    def _ending(self) -> list[str]:
        """The first wrong links, and what follows from them; nothing where nothing follows."""
        lines: list[str] = []
        for finding in self.first_wrong:
            follow = [_name(other) for other in self.findings if finding.name in other.consequence_of]
            if follow:
                word = "is a right consequence" if len(follow) == 1 else "are right consequences"
                lines += _wrapped(f"{_name(finding)} is wrong; {_listed(follow)} {word} of it.", "", "")
        return lines

    def to_json(self, *, indent: int | None = 2) -> str:
        """The report as JSON text: subject, verdict, findings with every number and reading, notes.

        Numbers that JSON lacks are texts: "nan", "inf", "-inf".
        """
        data = {
            "subject": self.subject,
            "verdict": self.verdict,
            "findings": [_plain(finding) for finding in self.findings],
            "notes": list(self.notes),
        }
        return json.dumps(data, indent=indent, ensure_ascii=False, allow_nan=False)

    def draw(self, path: Any = None, **options: Any) -> Drawing:
        """The graph with a mark on each node whose derivative was checked: right, wrong, or wrong by consequence.

        path, options   as of `Value.draw`

        A graph that is too large is folded, unless an option asks for a part of it; marked nodes keep a card each.

        Raises ValueError for the report of a function without a graph.
        """
        from minigrad.draw import GraphTooLargeError, draw

        if self.graph is None:
            raise ValueError(
                "there is no graph to draw: this report is of a function, checked without a model"
            )
        marks = {finding.node: _mark(finding) for finding in self.findings if finding.node is not None}
        try:
            return draw(self.graph, path, marks=marks, **options)
        except GraphTooLargeError:
            if options.keys() & {"fold", "collapse", "depth", "focus"}:
                raise
        worst = sorted(marks, key=lambda node: ("bad", "open", "good").index(marks[node][0]))[:MARKED]
        return draw(self.graph, path, marks={node: marks[node] for node in worst}, fold=True, **options)


# -- text -------------------------------------------------------------------------------------------------


def _name(finding: Finding) -> str:
    return shown(finding.name, 40)


def _lines(finding: Finding, width: int) -> list[str]:
    """One derivative: its verdict, the numbers that decided, the slip."""
    first = f"  {_name(finding):{width}}  "
    rest = " " * len(first)
    word = {RIGHT: "right", WRONG: "WRONG", UNDECIDED: "cannot tell"}[finding.verdict]
    if finding.consequence_of:
        word += f", as follows from {_listed([shown(name, 40) for name in finding.consequence_of])}"
    given = f"   {shown(finding.given, 60)}" if finding.given else ""
    lines = [first + word + given]
    if finding.verdict == RIGHT:
        own = finding.comparisons[0].reason if finding.comparisons else ""
        said = finding.reason if own or finding.own_upstream == WRONG else ""  # not of edge points
        return lines + (_wrapped(said, rest, rest) if said else [])
    if finding.consequence_of:
        return lines
    if finding.reason:
        lines += _wrapped(finding.reason, rest, rest)
    worst = finding.worst
    if worst is not None and finding.verdict == WRONG:
        lines += _wrapped(compared(worst), rest, rest)
    if finding.slip is not None:
        lines += _wrapped(f"slip: {told(finding.slip)}", rest, rest + "      ")
    elif finding.verdict == WRONG:
        lines.append(f"{rest}no known slip fits")
    if finding.proof is not None and finding.proof.verdict == "different" and finding.proof.reason:
        lines += _wrapped(finding.proof.reason, rest, rest)
    return lines


def compared(comparison: Comparison) -> str:
    """The two numbers in one line, and their ratio where it says something."""
    given, right = comparison.given, comparison.right
    text = f"{shown(comparison.where, 80)}: given {number(given)}, right {number(right)}"
    if right and math.isfinite(given / right):
        text += f", ratio {number(given / right, 4)}"
    return text


def told(slip: Slip) -> str:
    """The slip in words, with its ratio, and how well it is founded."""
    text = slip.sentence
    if slip.ratio is not None:
        text += f" (given / right = {number(slip.ratio, 6)})"
    if slip.explains:
        plural = "s" if slip.explains != 1 else ""
        text += f"; explains {slip.explains:,} number{plural}"
    if slip.also and slip.ratio is None:  # a plain ratio needs no other story
        text += f"; the same numbers as: {', '.join(slip.also[:ALSO])}"
    return text


def number(value: float, digits: int = 9) -> str:
    """A number as reports print it."""
    return f"{value:.{digits}g}"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


# -- JSON and picture -------------------------------------------------------------------------------------


def _plain(item: Any) -> Any:
    """What JSON can hold."""
    if isinstance(item, bool) or item is None or isinstance(item, str | int):
        return item
    if isinstance(item, float):
        return item if math.isfinite(item) else str(item)
    if isinstance(item, Value):
        return item.label
    if isinstance(item, Mapping):
        return {str(key): _plain(value) for key, value in item.items()}
    if isinstance(item, Sequence):
        return [_plain(value) for value in item]
    return {name: _plain(getattr(item, name)) for name in item.__dataclass_fields__}


def _mark(finding: Finding) -> tuple[Literal["good", "bad", "open"], str]:
    """How a node is marked: a sign and words, so that colour is not the only sign."""
    if finding.verdict == RIGHT:
        return "good", "✓ right"
    if finding.verdict == UNDECIDED:
        return "open", "? cannot tell"
    if finding.consequence_of:
        return "open", "↳ follows"
    return "bad", f"✗ {finding.slip.key}" if finding.slip is not None else "✗ wrong"
