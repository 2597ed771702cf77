"""What counts as one real number, and the words for what does not.

Room: floats, ints and bools `value` takes by itself; everything else that is to become a double comes here:
NumPy scalars, Fraction, Decimal, subclasses, and what is none. Below: `text`. Plain Python, never compiled.
Must hold: a number is never dropped, changed or made infinite in silence, and every refusal says what to do.
"""

from __future__ import annotations

from typing import Any

from minigrad.text import shortened


class NotANumberError(TypeError):
    """What was given is not one real number (text, None, complex, an array, ...)."""


def number_of(x: Any) -> float:
    """The rarer numbers: NumPy scalars, Fraction, Decimal, subclasses; and everything that is none."""
    import decimal  # not needed by most
    import numbers

    shape = getattr(x, "shape", None)
    if shape is not None and shape != ():
        raise NotANumberError(
            f"an array of shape {tuple(shape)} is not one number: make one Value per element, "
            "go through them with .astype(object), or record the graph of one row and run it over the rows"
        )
    if shape == () and hasattr(x, "item"):  # a NumPy scalar or an array without dimensions
        scalar = x
        if getattr(getattr(x, "dtype", None), "kind", "") in ("m", "M"):  # .item() may be an int: nanoseconds
            raise NotANumberError(
                "a date or duration is not a real number: divide a duration by its unit, np.timedelta64(1, 's')"
            )
        if getattr(x, "mask", False):
            raise NotANumberError(
                "a masked element is missing, not a number: fill it first with .filled(...)"
            )
        x = x.item()
        if not isinstance(x, (bool, int, float)) and isinstance(scalar, numbers.Real):
            x = float(scalar)  # longdouble has no Python type of its own
            if x - x != 0 and scalar - scalar == 0:
                raise too_large(scalar)
    if isinstance(x, (numbers.Real, decimal.Decimal)):
        try:
            result = float(x)
        except OverflowError:
            raise too_large(x) from None
        if result - result != 0 and isinstance(x, decimal.Decimal) and x.is_finite():
            raise too_large(x)
        return result
    raise NotANumberError(_refusal(x))


def _refusal(x: Any) -> str:
    kind = type(x).__name__
    if isinstance(x, (str, bytes)):
        return f"text is not a number: got {shortened(x)}; convert it first with float(...)"
    if isinstance(x, complex) or kind.startswith("complex"):
        return f"{kind} is not a real number: got {x!r}; minigrad works on real numbers, take .real or abs() first"
    if x is None:
        return "None is not a number: is a `return` missing, or a value not filled in?"
    if isinstance(x, (list, tuple, dict, set)):
        return f"a {kind} is not one number: make one Value per element (a stray comma makes a tuple)"
    return f"{kind} is not a real number: give an int, float, bool, Fraction, Decimal or NumPy scalar"


def too_large(x: Any) -> OverflowError:
    """The error for a finite number that no double holds; its size is said, an integer's in digits."""
    if isinstance(x, int):
        size = f"an integer of {_digits(x)} digits"
    else:
        size = f"this {type(x).__name__}"
    return OverflowError(f"{size} does not fit in a double (largest: 1.797e308); scale it first")


def _digits(x: int) -> int:
    """Decimal digits of a large integer, without converting it to text (which Python limits)."""
    digits = int((abs(x).bit_length() - 1) * 0.30102999566398119521)
    while abs(x) >= 10**digits:
        digits += 1
    return digits
