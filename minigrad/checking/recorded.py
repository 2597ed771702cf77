"""`check`: are these derivatives right, and where they are not, which link is wrong and what is the slip?

Room: reads what was given, has it judged at points, twice (given the right upstream, and given the user's own), asks
for the slip of what is wrong, and for a proof. Below: `given`, `claims`, `judge`, `diagnose`, `proof`.
Must hold: no node changes; whatever cannot be checked is a finding "cannot tell" with its reason, and the rest of the
report still comes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from minigrad.checking.claims import Claims, Field
from minigrad.checking.diagnose import Claimed, Diagnosis
from minigrad.checking.given import Given, GivenError, Names, needed, read
from minigrad.checking.judge import judge
from minigrad.checking.points import SEED
from minigrad.checking.referees import Readings, readings_at, subjects
from minigrad.checking.report import Report
from minigrad.checking.slips import SINGLE
from minigrad.checking.verdict import RIGHT, UNDECIDED, WRONG, Comparison, Finding, Slip, Verdict
from minigrad.real import NotANumberError
from minigrad.text import shown
from minigrad.value import Value

#: What was given, by node or by name.
Derivatives: TypeAlias = Mapping[Value, Any] | Mapping[str, Any] | Mapping[Value | str, Any]


def check(output: Value, derivatives: Derivatives, *, seed: int = SEED) -> Report:
    """Check derivatives of a result that were worked out by hand.

    output        the result L that is differentiated
    derivatives   node -> the derivative of L by it, as a formula over nodes of the graph (a Value), a number, a
                  function of the numbers of named nodes (`lambda a, y: a - y`), or text ("a - y"; it may use
                  other derivatives, "x1*dz"). A node may be named by its label "z", or as "dz", "dZ" or "dL/dz".
    seed          of the random points
    return        Report: for each derivative right, wrong or "cannot tell", the slip, and what follows from what

    A formula is judged at the numbers of the graph, at random points and at edge points; a number only at those of the
    graph. Each is judged given the right derivatives upstream, and given those that you gave: so "dZ is wrong; dW1 and
    dB are right consequences of it". Nothing in the graph changes.

    >>> from minigrad import Value, bce, sigmoid
    >>> w, x, b, y = (Value(n, label=s) for n, s in ((0.5, "w"), (2.0, "x"), (-0.25, "b"), (1.0, "y")))
    >>> z = (w * x + b).named("z")
    >>> a = sigmoid(z).named("a")
    >>> L = bce(a, y).named("L")
    >>> report = check(L, {z: a - y, "dw": "x*dz", "db": "y - a"})
    >>> report.ok, report["db"].slip.key
    (False, 'sign flipped')
    """
    if not isinstance(output, Value):
        raise NotANumberError(f"check takes the result as a Value, not {type(output).__name__}")
    if not isinstance(derivatives, Mapping):
        raise TypeError(
            f"check takes derivatives by node or name, {{z: a - y}}, not {type(derivatives).__name__}"
        )
    names = Names(output)
    givens, failed = _read_all(names, derivatives)
    work = _Work(names, givens, seed)
    findings: dict[Value | str, Finding] = {**failed, **work.findings()}
    ordered = tuple(findings[key] for key in derivatives if key in findings)
    return Report(names.result, ordered, tuple(dict.fromkeys(work.notes)), output)


def _read_all(
    names: Names, derivatives: Derivatives
) -> tuple[dict[Value | str, Given], dict[Value | str, Finding]]:
    """What was given, by its key; and a finding for what cannot be read."""
    givens: dict[Value | str, Given] = {}
    failed: dict[Value | str, Finding] = {}
    known: dict[Value, Given] = {}
    waiting: dict[Value | str, set[Value]] = {}
    taken: dict[Value, str] = {}
    claims: dict[Value | str, Any] = dict(derivatives.items())
    for key, claim in claims.items():
        try:
            node = names.node(key)
            if node in taken:
                raise GivenError(f"the derivative by {names.graph.name(node)} is given twice: leave one out")
            taken[node] = _shown_key(names, key)
            waiting[key] = needed(names, claim) if isinstance(claim, str) else set()
        except GivenError as error:
            failed[key] = Finding(_shown_key(names, key), UNDECIDED, str(error))
    while waiting:
        open_nodes = {names.node(key) for key in waiting}
        ready = [key for key, uses in waiting.items() if not (uses - {names.node(key)}) & open_nodes]
        for key in ready or list(waiting):
            node = names.node(key)
            try:
                if not ready:
                    raise GivenError(
                        "these formulas use each other in a circle: write one of them over nodes"
                    )
                given = known[node] = givens[key] = read(names, key, claims[key], known)
                taken[node] = given.name
            except GivenError as error:
                failed[key] = Finding(_shown_key(names, key), UNDECIDED, str(error), node=node)
            del waiting[key]
    return givens, failed


def _shown_key(names: Names, key: object) -> str:
    if isinstance(key, Value):
        return names.derivative(key) if key in names.graph else f"dL/d{shown(key.label, 40) or '?'}"
    return shown(str(key), 60)


@dataclass(slots=True)
class _Judged:
    """One derivative, while the report is made."""

    given: Given
    claimed: Claimed
    comparisons: tuple[Comparison, ...]
    verdict: Verdict
    own: Verdict | None = None
    near: tuple[Given, ...] = ()
    roots: tuple[str, ...] = ()


class _Work:
    """One check."""

    def __init__(self, names: Names, givens: Mapping[Value | str, Given], seed: int) -> None:
        self.names = names
        self.givens = dict(givens)
        self.field = Field(names.output, seed)
        self.diagnosis = Diagnosis(
            names.output, self.field.columns, [given.node for given in givens.values()]
        )
        self.claims = Claims(self.field, self.diagnosis.links)
        self.failed: dict[Given, str] = {}
        self.judged: dict[Value, _Judged] = {}

    @property
    def notes(self) -> list[str]:
        """What else is to be said."""
        limited = "the graph is large: slips were looked for on its last links only"
        return [*self.claims.notes, *([limited] if self.diagnosis.limited else [])]

    def findings(self) -> dict[Value | str, Finding]:
        """A finding for each key."""
        position = self.names.graph.position
        for given in sorted(self.givens.values(), key=lambda given: -position(given.node)):
            try:
                claimed = self.claims.of(given)
            except GivenError as error:
                self.failed[given] = str(error)
                continue
            comparisons = self._compared(given, claimed)
            self.judged[given.node] = _Judged(given, claimed, comparisons, _verdict(comparisons))
        for one in self.judged.values():  # those upstream come first
            self._follow(one)
        return {key: self._finding(given) for key, given in self.givens.items()}

    def _compared(self, given: Given, claimed: Claimed) -> tuple[Comparison, ...]:
        """The claim beside what the referees say, at each point."""
        found = []
        for k, told in enumerate(self._told[given.node]):
            if not claimed.known[k]:
                continue
            point, number = self.field.judged[k], float(claimed.numbers[k])
            numbers = {self.names.graph.name(node): at for node, at in point.numbers.items()} if k else {}
            rounding = float(claimed.error[k]) if given.value is not None else None
            found.append(judge(number, told, where=point.where, point=numbers, rounding=rounding))
        return tuple(found)

    @cached_property
    def _told(self) -> dict[Value, list[Readings]]:
        """What the referees say of each derivative at each point."""
        nodes = [given.node for given in self.givens.values()]
        asked = subjects(self.names.output, nodes)
        return {subject.node: readings_at(subject, self.field.judged) for subject in asked}

    # -- given the user's own upstream --------------------------------------------------------------------

    def _follow(self, one: _Judged) -> None:
        """Judge a derivative given those that the user gave above it."""
        one.near = tuple(self._above(one.given.node))
        if not one.near:
            return
        upstream = self._upstream(one.near)
        expected = self.diagnosis.right(one.given.node, {node: c.numbers for node, c in upstream.items()})
        moved = self.diagnosis.right(
            one.given.node, {node: c.numbers + c.error for node, c in upstream.items()}
        )
        with np.errstate(all="ignore"):
            known = one.claimed.known & (self.field.kind == "judged") & np.isfinite(expected)
            for claimed in upstream.values():
                known &= claimed.known
            room = 1e-9 * np.abs(expected) + 1e-12 + one.claimed.error + 4 * np.abs(moved - expected)
            close = np.abs(one.claimed.numbers - expected) <= room
        if not known.any():
            one.own = UNDECIDED
            return
        one.own = RIGHT if bool(close[known].all()) else WRONG
        if one.own == RIGHT and one.verdict == WRONG:
            roots: dict[str, None] = {}
            for near in one.near:
                above = self.judged[near.node]
                if above.verdict == WRONG:
                    roots.update(dict.fromkeys(above.roots or (near.name,)))
            one.roots = tuple(roots)

    def _above(self, node: Value) -> list[Given]:
        """The derivatives given nearest above a node."""
        found: dict[Given, None] = {}
        waiting, seen = [node], {node}
        while waiting:
            for consumer, _ in self.names.graph.consumers(waiting.pop()):
                if consumer in seen:
                    continue
                seen.add(consumer)
                if consumer in self.judged and consumer is not self.names.output:
                    found[self.judged[consumer].given] = None
                else:
                    waiting.append(consumer)
        return list(found)

    def _upstream(self, near: Sequence[Given]) -> dict[Value, Claimed]:
        return {given.node: self.judged[given.node].claimed for given in near}

    # -- what is said -------------------------------------------------------------------------------------

    def _finding(self, given: Given) -> Finding:
        if given in self.failed:
            return Finding(given.name, UNDECIDED, self.failed[given], given.text, given.node)
        one = self.judged[given.node]
        return Finding(
            given.name,
            one.verdict,
            self._reason(one),
            given.text,
            given.node,
            one.comparisons,
            one.own,
            one.roots,
            self._slip(one),
        )

    @staticmethod
    def _reason(one: _Judged) -> str:
        decided = [c for c in one.comparisons if c.verdict == one.verdict]
        if one.verdict == WRONG:
            if one.given.number is not None:
                return decided[0].reason if decided else ""
            return f"wrong at {len(decided)} of {len(one.comparisons)} points"
        if one.verdict == UNDECIDED:
            return decided[0].reason if decided else "there is no number to compare"
        if one.own == WRONG:
            return f"it does not follow from the {', '.join(near.name for near in one.near)} given"
        return next((c.reason for c in one.comparisons if c.reason), "")

    def _slip(self, one: _Judged) -> Slip | None:
        if one.roots or one.verdict == UNDECIDED:
            return None
        usual = one.claimed.known & ~self.field.edge
        claimed = Claimed(one.claimed.numbers, one.claimed.error, usual)
        if one.verdict == RIGHT:
            return self._single(one)
        slip = self.diagnosis.slip(one.given.node, claimed)
        wrong = [near for near in one.near if self.judged[near.node].verdict == WRONG]
        if slip is None and wrong and one.own == WRONG:
            upstream = {node: c.numbers for node, c in self._upstream(one.near).items()}
            for near in one.near:
                usual = usual & self.judged[near.node].claimed.known
            if usual.any():
                claimed = Claimed(one.claimed.numbers, one.claimed.error, usual)
                slip = self.diagnosis.slip(one.given.node, claimed, upstream)
        return slip

    def _single(self, one: _Judged) -> Slip | None:
        """Right, but only to single precision."""
        explained = sum("single precision" in comparison.reason for comparison in one.comparisons)
        if not explained:
            return None
        return Slip(SINGLE.key, SINGLE.sentence.format(node=one.given.name), explains=explained)


def _verdict(comparisons: Sequence[Comparison]) -> Verdict:
    """Wrong if wrong at any point; else right if right at any."""
    verdicts = [comparison.verdict for comparison in comparisons]
    if WRONG in verdicts:
        return WRONG
    return RIGHT if RIGHT in verdicts else UNDECIDED


__all__ = ["check"]
