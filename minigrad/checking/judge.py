"""From what the referees read and what was claimed to a verdict, with its reason.

Room: the only place where "right" and "wrong" are decided. Below: `evidence`, `differences`, `verdict`. Above:
`check`, `function`.
Must hold: no threshold is a constant or the user's: how far a claim may lie from the truth is what the referees do not
know, and what rounding does to a formula for it; what lies at a kink, in saturation, in cancellation or in single
precision is called by its name and never a failure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from minigrad.checking import differences
from minigrad.checking.evidence import EXACT, TAYLOR, Kink, Readings
from minigrad.checking.verdict import RIGHT, UNDECIDED, WRONG, Comparison, Reading, Verdict

_EPS = 2.0**-52
#: How much coarser single precision rounds.
_COARSER = 2.0**29
#: A claim computed in single precision, and then turned into a double by another operation, lies so near.
_SINGLE = 12.0 * 2.0**-24
#: What rounding does to an ordinary formula, by `arithmetic.rounding`, is so many units; more is cancellation.
_ORDINARY = 256.0
#: So many bits of a number must be in use before it counts as one of single precision.
_BITS_IN_USE = 13


class Settled(NamedTuple):
    """What the referees agree on.

    right   the derivative; nan when they do not
    error   a bound on what is not known of it
    reason  why there is none
    """

    right: float
    error: float
    reason: str


def settle(readings: Sequence[Reading]) -> Settled:
    """The derivative that the referees agree on, from the one that knows it best.

    One that is alone against three or more is outvoted: an error bar from differences can be wrong.

    >>> settle([Reading("complex step", 0.5, 1e-16), Reading("differences", 0.5 + 1e-11, 1e-10)])
    Settled(right=0.5, error=1e-16, reason='')
    """
    known = [r for r in readings if r.value is not None and not math.isnan(r.value) and r.error < math.inf]
    if not known:
        notes = [reading for reading in readings if reading.note]
        first = next((r for r in notes if r.referee == EXACT), notes[0] if notes else None)
        return Settled(math.nan, math.inf, first.note if first else "no referee can differentiate here")
    best = min(known, key=lambda r: (r.error, r.referee != EXACT))
    assert best.value is not None
    others = [reading for reading in known if reading is not best]
    against = [reading for reading in others if not _agree(reading, best)]
    if against and len(others) - len(against) < 2 * len(against):
        told = f"{best.referee} gives {best.value:.9g}, {against[0].referee} {against[0].value:.9g}"
        return Settled(math.nan, math.inf, f"the referees disagree: {told}")
    return Settled(best.value, best.error, "")


def _agree(one: Reading, other: Reading) -> bool:
    assert one.value is not None
    assert other.value is not None
    return one.value == other.value or abs(one.value - other.value) <= 4.0 * (one.error + other.error)


def judge(
    claimed: float,
    readings: Sequence[Reading],
    *,
    where: str = "",
    point: Mapping[str, float] | None = None,
    rounding: float | None = None,
) -> Comparison:
    """A claimed derivative beside what the referees say.

    rounding  a bound on the rounding errors of the claim itself, as of its formula (`arithmetic.rounding`); by default
              what rounding does to the derivative in closed form, as one would write it down
    where, point  of the Comparison

    The verdict: right within what is not known; wrong beyond it; "cannot tell" where rounding leaves nothing of a right
    formula either. At a kink every number from the smallest to the largest derivative of the choices is right.

    >>> judge(0.5, (Reading("complex step", 0.5, 1e-16),)).verdict
    'right'
    >>> judge(0.51, (Reading("complex step", 0.5, 1e-16),)).reason
    '0.51, but the derivative is 0.5'
    """
    told = readings if isinstance(readings, Readings) else Readings(readings)
    settled = settle(told)
    verdict, reason = _verdict(float(claimed), settled, told, rounding)
    return Comparison(
        where,
        float(claimed),
        settled.right,
        settled.error,
        verdict,
        reason,
        dict(point or {}),
        _with_order(told, float(claimed)),
    )


def _verdict(claimed: float, settled: Settled, told: Readings, rounding: float | None) -> tuple[Verdict, str]:
    if told.kink is not None:
        return _at_kink(claimed, told.kink, told, rounding)
    right, error = settled.right, settled.error
    if math.isnan(right):
        return UNDECIDED, settled.reason
    slack = max(told.slack if rounding is None else rounding, 4.0 * _EPS * abs(right))
    if told.saturated and rounding is not None:
        slack = max(slack, told.slack)
    away = abs(claimed - right)
    if not math.isfinite(claimed):
        return _not_finite(claimed, right, slack, told)
    if away <= error + 16.0 * _EPS * abs(right):
        return RIGHT, ""
    allowed = error + slack
    if away <= allowed:
        if allowed <= 0.25 * max(abs(right), abs(claimed)):
            return RIGHT, ""
        return UNDECIDED, _lost(allowed, right, told)
    if told.single and away <= allowed + _COARSER * slack:
        return RIGHT, "the function computes in single precision, and this is right to it"
    if _single(claimed) and away <= _COARSER * slack:
        return _in_single(claimed, right, slack)
    if away <= _last_digit(claimed):
        return RIGHT, "right to the digits that are given"
    if rounding is None and away <= _last_digit(claimed, 2):
        return (
            UNDECIDED,
            f"{_difference(claimed, right)}: right to the digits that are given, give more of them",
        )
    if away <= min(_COARSER * slack, _SINGLE * abs(right)):
        return RIGHT, "agrees to single precision, no further"
    if away <= min(_COARSER * slack, _SINGLE * slack / (_ORDINARY * _EPS)):
        return (
            UNDECIDED,
            f"{_difference(claimed, right)}: so much single precision would lose to cancellation",
        )
    if claimed == 0.0 and abs(right) <= _COARSER * slack:
        return (
            UNDECIDED,
            f"0, where the derivative is {right:.3g}: in single precision rounding leaves no more",
        )
    return WRONG, _difference(claimed, right)


def _last_digit(claimed: float, fewest: int = 4) -> float:
    """Half a unit of the last decimal digit of a number that was printed with 4 to 12 of them; else 0.

    fewest   also with fewer digits, but then decimals are needed: a whole number is as a rule exact
    """
    _, digits, exponent = Decimal(repr(claimed)).normalize().as_tuple()
    if (
        not fewest <= len(digits) <= 12
        or not isinstance(exponent, int)
        or (len(digits) < 4 and exponent >= 0)
    ):
        return 0.0
    return 0.5001 * 10.0**exponent


def _not_finite(claimed: float, right: float, slack: float, told: Readings) -> tuple[Verdict, str]:
    if claimed == right:
        return RIGHT, ""
    what = "not a number" if math.isnan(claimed) else "infinite"
    if slack == math.inf or told.saturated:
        if told.saturated:
            name = f"saturation, {told.saturated} is rounded"
            return UNDECIDED, f"{what}: {name} so that the formula divides by 0 or overflows"
        return UNDECIDED, f"{what}: the formula divides by 0, overflows or leaves the real numbers"
    if not math.isfinite(right):
        return UNDECIDED, f"{what}, as is the derivative"
    return WRONG, f"{what}, but the derivative is {right:.9g}"


def _lost(allowed: float, right: float, told: Readings) -> str:
    if allowed == math.inf:
        return f"overflow: a part of it is infinite in double precision, the derivative is {right:.3g}"
    if told.saturated:
        return (
            f"saturation: {told.saturated} is rounded, which alone moves the derivative by as much as it is"
        )
    return f"cancellation: rounding (up to {allowed:.1g}) is as large as the derivative, {right:.3g}"


def _difference(claimed: float, right: float) -> str:
    digits = 9
    if right and 0.0 < abs(claimed / right - 1.0) < 1e-6:
        digits = min(17, 3 - math.floor(math.log10(abs(claimed / right - 1.0))))
    return f"{claimed:.{digits}g}, but the derivative is {right:.{digits}g}"


def _at_kink(claimed: float, kink: Kink, told: Readings, rounding: float | None) -> tuple[Verdict, str]:
    """Between the derivatives of the choices any number will do; beyond them none."""
    size = max((abs(x) for x in (kink.low, kink.high) if math.isfinite(x)), default=0.0)
    slack = max(told.slack if rounding is None else rounding, 1e-12 * size)
    loose, slack = (
        slack,
        min(slack, 1e-6 * size),
    )  # what rounding does to the choice is what the kink is about
    between = f"from {kink.low:.6g} to {kink.high:.6g}"
    if math.isnan(claimed):
        return UNDECIDED, f"not a number, at a kink: {kink.where} turns over here"
    if kink.low - slack <= claimed <= kink.high + slack:
        return RIGHT, f"at a kink: {kink.where} turns over here, and any number {between} is a derivative"
    if (
        _beyond(claimed, kink) <= loose
        or math.isinf(size)
        or (_single(claimed) and _beyond(claimed, kink) <= _COARSER * slack)
    ):
        return UNDECIDED, f"at a kink: {kink.where} turns over here"
    return WRONG, f"{claimed:.9g}, but at this kink of {kink.where} the derivatives go {between}"


def _beyond(claimed: float, kink: Kink) -> float:
    return max(kink.low - claimed, claimed - kink.high)


# -- single precision -----------------------------------------------------------------------------------------


def _single(x: float) -> bool:
    """Whether a number is one of single precision, and not merely a short one."""
    with np.errstate(all="ignore"):
        if not math.isfinite(x) or float(np.float32(x)) != x or x == 0.0:
            return False
    numerator, _ = x.as_integer_ratio()
    return (abs(numerator) // (numerator & -numerator)).bit_length() >= _BITS_IN_USE


def _in_single(claimed: float, right: float, slack: float) -> tuple[Verdict, str]:
    if _COARSER * slack <= 0.25 * max(abs(right), abs(claimed)):
        return RIGHT, "computed in single precision, and right to it"
    return UNDECIDED, "computed in single precision, whose rounding is as large as the derivative"


# -- Taylor's remainder ---------------------------------------------------------------------------------------


def _with_order(told: Readings, claimed: float) -> tuple[Reading, ...]:
    """The readings, with how Taylor's remainder of the claim falls."""
    if told.samples is None or not math.isfinite(claimed):
        return tuple(told)
    note = differences.order(told.samples, claimed).text
    return tuple(Reading(r.referee, r.value, r.error, note) if r.referee == TAYLOR else r for r in told)
