"""`check`: are these derivatives right, and where they are not, which link is wrong and what is the slip?

Room: reads what was given, has it judged at points, twice (given the right upstream, and given the user's own), asks
for the slip of what is wrong, and for a proof. Below: `given`, `claims`, `judge`, `diagnose`, `proof`.
Must hold: no node changes; whatever cannot be checked is a finding "cannot tell" with its reason, and the rest of the
report still comes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from minigrad.checking.arithmetic import evaluate, rounding
from minigrad.checking.claims import LARGE, Claims, Field
from minigrad.checking.diagnose import Claimed, Diagnosis
from minigrad.checking.given import Given, GivenError, Names, needed, read
from minigrad.checking.judge import judge
from minigrad.checking.points import SEED, Point, check_seed
from minigrad.checking.proof import prove
from minigrad.checking.referees import Readings, readings_at, subjects
from minigrad.checking.report import Report
from minigrad.checking.slips import SINGLE
from minigrad.checking.verdict import RIGHT, UNDECIDED, WRONG, Comparison, Finding, Proof, Slip, Verdict
from minigrad.derivative import derive
from minigrad.notation import number_text
from minigrad.real import NotANumberError
from minigrad.text import shown
from minigrad.value import Value

#: Graphs of more nodes are judged by numbers alone.
MOST_PROVED = 400

#: What the judge says of numbers that are right to single precision.
SINGLE_WORDS = "single precision"

#: What was given, by node or by name.
Derivatives: TypeAlias = Mapping[Value, Any] | Mapping[str, Any] | Mapping[Value | str, Any]


def check(output: Value, derivatives: Derivatives, *, seed: int = SEED, seconds: float = 0.0) -> Report:
    """Check derivatives of a result that were worked out by hand.

    output        the result L that is differentiated
    derivatives   node -> the derivative of L by it, as a formula over nodes of the graph (a Value), a number, a
                  function of the numbers of named nodes (`lambda a, y: a - y`), or text ("a - y"; it may use
                  other derivatives, "x1*dz"). A node may be named by its label "z", or as "dz", "dZ" or "dL/dz".
    seed          of the random points
    seconds       how long SymPy, from the extra `check`, may look at a formula that is neither proved nor refuted
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
    check_seed(seed)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(f"seconds is a number, not {type(seconds).__name__} {shown(repr(seconds), 40)}")
    names = Names(output)
    givens, failed = _read_all(names, derivatives)
    with np.errstate(all="ignore"):  # infinite numbers of the user's are told in words
        work = _Work(names, givens, seed, seconds)
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
    proof: Proof | None = None


class _Work:
    """One check."""

    def __init__(self, names: Names, givens: Mapping[Value | str, Given], seed: int, seconds: float) -> None:
        self.names = names
        self.givens = dict(givens)
        self.seconds = seconds
        self.field = Field(names.output, seed, len(names.graph))
        self.diagnosis = Diagnosis(
            names.output, self.field.columns, [given.node for given in givens.values()]
        )
        self.claims = Claims(self.field, self.diagnosis.links)
        self.failed: dict[Given, str] = {}
        self.judged: dict[Value, _Judged] = {}

    @property
    def notes(self) -> list[str]:
        """What else is to be said."""
        notes, size = list(self.claims.notes), len(self.names.graph)
        if size > LARGE:
            notes.append(
                f"the graph is large ({size:,} nodes): it was looked at at {len(self.field.judged)} points"
            )
        if self.diagnosis.limited:
            notes.append("the graph is large: slips were looked for on its last links only")
        return notes

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
            one = self.judged[given.node] = _Judged(given, claimed, comparisons, _verdict(comparisons))
            self._prove(one)
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
        return _without_single(found) if given.function is not None else tuple(found)

    @cached_property
    def _told(self) -> dict[Value, list[Readings]]:
        """What the referees say of each derivative at each point."""
        nodes = [given.node for given in self.givens.values()]
        asked = subjects(self.names.output, nodes)
        return {subject.node: readings_at(subject, self.field.judged) for subject in asked}

    def _prove(self, one: _Judged) -> None:
        """Prove a formula that is not wrong at the points; a proof that it is wrong elsewhere makes it so."""
        value, node = one.given.value, one.given.node
        if value is None or one.given.stands or one.given.fixed or one.verdict == WRONG:
            return
        if node is self.names.output or len(self.names.graph) > MOST_PROVED:
            return
        proof = prove(derive(self.names.output, node), value, seconds=self.seconds)
        if proof.verdict == "different":
            witness = self._at_witness(one.given, value, proof)
            if witness is None or witness.verdict != WRONG:  # at a kink either choice is right
                return
            one.comparisons += (witness,)
            one.verdict = WRONG
        one.proof = proof

    def _at_witness(self, given: Given, value: Value, proof: Proof) -> Comparison | None:
        """The claim beside what the referees say, at the point that a proof names."""
        own = self.field.judged[0].numbers
        name = self.names.graph.name
        numbers = {node: proof.witness.get(name(node), number) for node, number in own.items()}
        if not proof.witness.keys() <= {name(node) for node in own}:
            return None
        e, columns = (
            self.claims.links.e,
            {self.claims.ids[node]: np.array([at]) for node, at in numbers.items()},
        )
        (i,) = e.read([value])
        (claimed,), (error,) = evaluate(e, [i], columns), rounding(e, [i], columns)
        where = "at " + ", ".join(f"{name} = {number_text(at)}" for name, at in proof.witness.items())
        (subject,) = subjects(self.names.output, [given.node])
        (told,) = readings_at(subject, [Point(where, numbers)])
        return judge(
            float(claimed[0]), told, where=where, point=dict(proof.witness), rounding=float(error[0])
        )

    # -- given the user's own upstream --------------------------------------------------------------------

    def _follow(self, one: _Judged) -> None:
        """Judge a derivative given those that the user gave above it."""
        one.near = tuple(self._above(one.given.node))
        if not one.near:
            return
        upstream = self._upstream(one.near)
        with np.errstate(all="ignore"):
            expected, moved = (
                self.diagnosis.right(
                    one.given.node, {node: c.numbers + k * c.error for node, c in upstream.items()}
                )
                for k in (0.0, 1.0)
            )
            known = (
                one.claimed.known
                & (self.field.kind == "judged")
                & np.isfinite(expected)
                & np.isfinite(one.claimed.error)  # else rounding may have done anything
                & self.diagnosis.sound
            )
            for claimed in upstream.values():
                known &= claimed.known & np.isfinite(claimed.error)
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
            one.proof,
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
        explained = sum(SINGLE_WORDS in comparison.reason for comparison in one.comparisons)
        if not explained:
            return None
        return Slip(SINGLE.key, SINGLE.sentence.format(node=one.given.name), explains=explained)


def _without_single(found: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Of a function in single precision, what its rounding may have done at edge points is not held against it."""
    usual = [c for c in found if not c.where.startswith("edge")]
    if not usual or not all(SINGLE_WORDS in c.reason for c in usual if c.given):
        return tuple(found)
    size = max(abs(c.right) for c in usual)
    reason = f"computed in {SINGLE_WORDS}, whose rounding counts here"
    return tuple(
        replace(c, verdict=UNDECIDED, reason=reason)
        if c.verdict == WRONG and c not in usual and _rounded(c, size)
        else c
        for c in found
    )


def _rounded(comparison: Comparison, size: float) -> bool:
    """Whether a difference is what single precision does near saturation and cancellation."""
    away = abs(comparison.given - comparison.right)
    return away <= 1e-3 * abs(comparison.right) or max(away, abs(comparison.right)) <= 1e-6 * size


def _verdict(comparisons: Sequence[Comparison]) -> Verdict:
    """Wrong if wrong at any point; else right if right at any."""
    verdicts = [comparison.verdict for comparison in comparisons]
    if WRONG in verdicts:
        return WRONG
    return RIGHT if RIGHT in verdicts else UNDECIDED


__all__ = ["check"]
