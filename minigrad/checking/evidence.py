"""What the referees hand to the judge: their readings, and what they met on the way.

Room: data only. Below: `verdict`, `differences`. Above: `bench`, `blackbox`, `judge`.
Must hold: it is a tuple of readings, and behaves like one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from minigrad.checking.differences import Samples
from minigrad.checking.verdict import Reading

EXACT = "50 digits"
REVERSE = "reverse mode"
CLOSED = "closed form"
COMPLEX = "complex step"
DIFFERENCES = "differences"
TAYLOR = "Taylor remainder"
#: The six, in the order in which they are told.
REFEREES = (REVERSE, CLOSED, COMPLEX, DIFFERENCES, EXACT, TAYLOR)


class Kink(NamedTuple):
    """A point where a choice turns over within rounding.

    low, high   the smallest and the largest derivative among the choices
    where       what makes the choice: "relu(z)"
    """

    low: float
    high: float
    where: str


class Readings(tuple[Reading, ...]):
    """The readings of one derivative at one point.

    kink        where the point lies at one, else None
    slack       what rounding in double precision does to the derivative as one would write it down: a bound on how
                far a right formula may come out from the truth; infinite where rounding leaves nothing
    saturated   the node that is rounded so that the derivative by it depends on the rounding, as text; else ""
    samples     values of the function nearby, for the order of Taylor's remainder of a claim
    single      whether the function computes in single precision
    """

    kink: Kink | None
    slack: float
    saturated: str
    samples: Samples | None
    single: bool

    def __new__(
        cls,
        readings: Iterable[Reading],
        *,
        kink: Kink | None = None,
        slack: float = 0.0,
        saturated: str = "",
        samples: Samples | None = None,
        single: bool = False,
    ) -> Readings:
        """A tuple with what goes with it."""
        made = super().__new__(cls, readings)
        made.kink, made.slack, made.saturated = kink, slack, saturated
        made.samples, made.single = samples, single
        return made

    def by(self, referee: str) -> Reading | None:
        """What one of them read."""
        return next((reading for reading in self if reading.referee == referee), None)
