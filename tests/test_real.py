"""minigrad.real: every kind of real number becomes its nearest double, and nothing else becomes one."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from minigrad.real import NotANumberError, number_of, too_large


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Fraction(1, 3), 1 / 3), (Decimal("0.1"), 0.1), (np.float32(0.1), 0.10000000149011612), (np.array(2), 2.0),
        (np.int8(-3), -3.0), (np.longdouble(2) ** -1074, 5e-324), (np.ma.array(1.5), 1.5),
    ],
)  # fmt: skip
def test_nearest_double(given: Any, expected: float) -> None:
    """Rounded once, and a Python float whatever came in."""
    result = number_of(given)
    assert type(result) is float
    assert result == expected


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (np.ma.masked, "a masked element is missing"), (np.timedelta64(3, "s"), "a date or duration"),
        (np.array("3"), "text is not a number"), (np.zeros(3), r"shape \(3,\)"), ("x" * 1000, r"\(1,000 characters\)"),
        ({1}, "a set is not one number"), (np.complex64(1), "not a real number"), (type, "type is not a real number"),
    ],
)  # fmt: skip
def test_the_refusal_says_what_to_do(given: Any, words: str) -> None:
    """One line, however long what was given."""
    with pytest.raises(NotANumberError, match=words) as caught:
        number_of(given)
    assert len(str(caught.value)) < 250
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("digits", [310, 400, 4301, 20_000])
def test_digits_of_a_large_integer_are_counted_exactly(digits: int) -> None:
    """At both ends of the same number of digits."""
    for number in (10 ** (digits - 1), 10**digits - 1, -(10 ** (digits - 1))):
        assert f"an integer of {digits} digits" in str(too_large(number))
