"""What a check says: verdicts, what each referee read, the slip that was found. Data only.

Room: names and shapes of the answers; computes nothing. Below: `value`. Above: everything in `checking` makes or
prints these.
Must hold: there are three verdicts, and "cannot tell" carries its reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from minigrad.value import Value

#: Right, wrong, or cannot tell.
Verdict: TypeAlias = Literal["right", "wrong", "cannot tell"]
RIGHT: Verdict = "right"
WRONG: Verdict = "wrong"
UNDECIDED: Verdict = "cannot tell"


@dataclass(frozen=True, slots=True)
class Reading:
    """What one referee says of one derivative at one point.

    referee   its name: "reverse mode", "closed form", "complex step", "differences", "50 digits", "Taylor remainder"
    value     the derivative; None when the referee has nothing to say here
    error     a bound on |value - derivative|, as the referee knows it; infinite when it knows none
    note      why it has nothing to say, or what it met: a kink, saturation, cancellation
    """

    referee: str
    value: float | None
    error: float = 0.0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A given number beside the right one, at one point or at one entry of an array.

    where     "at your numbers", "random point 2", "edge point: z = 40", "dw[0, 0]"
    point     numbers of the inputs by name, where they differ from the graph's own
    given     what was claimed
    right     the derivative, as the judge settled it; nan when it could not
    error     a bound on |right - derivative|
    verdict   RIGHT, WRONG or UNDECIDED
    reason    "" when right; else one clause: what differs, or why nothing can be said
    readings  what each referee said
    """

    where: str
    given: float
    right: float
    error: float
    verdict: Verdict
    reason: str = ""
    point: Mapping[str, float] = field(default_factory=dict)
    readings: tuple[Reading, ...] = ()


@dataclass(frozen=True, slots=True)
class Slip:
    """The slip that explains every number.

    key       its row in the catalogue: "sign flipped"
    sentence  what happened, in the user's names: "the factor a*(1 - a) of sigmoid is missing"
    where     the node, the link or the array at which it happened: "a -> z"; "" for the derivative as a whole
    ratio     given / right where that is one number at all points, else None
    explains  how many comparisons it explains, fresh random points among them
    also      keys of other slips that give the same numbers everywhere that was tried
    """

    key: str
    sentence: str
    where: str = ""
    ratio: float | None = None
    explains: int = 0
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether two formulas are the same function.

    verdict   "equal", "different" or "undecided"
    by        "rewriting", "SymPy", "a point", or "" when undecided
    reason    one sentence; for "different" it names the witness
    witness   numbers of the inputs at which the two differ, by name
    """

    verdict: Literal["equal", "different", "undecided"]
    by: str = ""
    reason: str = ""
    witness: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """All that is said of one derivative.

    name            as the user wrote it, or "dL/dz"
    verdict         given the correct upstream
    reason          one sentence
    given           the formula as text; "" for numbers
    node            of the graph, where there is one
    comparisons     the numbers, own point first
    own_upstream    the verdict given the user's own upstream; None where no derivative upstream was given
    consequence_of  names of the wrong derivatives that this one follows from correctly
    slip            None when right, or when no known slip fits
    proof           of the formula, where it is one
    """

    name: str
    verdict: Verdict
    reason: str = ""
    given: str = ""
    node: Value | None = None
    comparisons: tuple[Comparison, ...] = ()
    own_upstream: Verdict | None = None
    consequence_of: tuple[str, ...] = ()
    slip: Slip | None = None
    proof: Proof | None = None

    @property
    def first_wrong(self) -> bool:
        """Wrong, and not merely because something upstream is."""
        return self.verdict == WRONG and not self.consequence_of

    @property
    def worst(self) -> Comparison | None:
        """The first comparison that decided the verdict."""
        return next((c for c in self.comparisons if c.verdict == self.verdict), None)
