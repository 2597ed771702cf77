"""Text of others (labels, names of columns, paths) made safe to look at.

Room: one function decides how a character that cannot be seen, or that would rearrange its neighbours, is
shown. Pictures, tables and messages all ask here; quoting for DOT or XML is theirs, and comes after.
Must hold: the result is printable, one line, legal in XML and UTF-8, and the work does not grow with the
length of what is cut off.
"""

from __future__ import annotations

import unicodedata

_ZERO_WIDTH_JOINERS = "\u200c\u200d"  # part of Persian words and of emoji: invisible, but they move nothing


def shown(text: str, limit: int | None = None) -> str:
    r"""`text` on one line, every character that would not be seen replaced by a sign that is.

    limit    most characters to show; a longer text is cut and its length said
    return   control characters as control pictures, other invisible or reordering ones as ⟨U+…⟩

    >>> shown("a\nb"), shown("\u202eabc")
    ('a␊b', '⟨U+202E⟩abc')
    >>> shown("x" * 10_000, 8)
    'xxxxxxxx… (10,000 characters)'
    """
    if limit is None or len(text) <= limit:
        return "".join(map(_visible, text))
    cut = limit
    while cut > 1 and _joined(text, cut):
        cut -= 1
    return f"{''.join(map(_visible, text[:cut]))}… ({len(text):,} characters)"


def message_of(error: BaseException) -> str:
    """What an exception says; "" for one that cannot even say it.

    >>> message_of(ValueError("no rows"))
    'no rows'
    """
    try:
        return str(error)
    except Exception:  # its own __str__ raises
        return ""


def shortened(text: str | bytes, limit: int = 60) -> str:
    """repr of a text, the middle left out when it is long."""
    if len(text) <= limit:
        return repr(text)
    half = limit // 2
    return f"{text[:half]!r}…{text[-half:]!r} ({len(text):,} characters)"


def isolated(text: str) -> str:
    """`text` between isolate marks if it holds right-to-left letters, so that it leaves its line in order.

    For lines that mix several texts, as in a terminal. Takes what `shown` returns.
    """
    if any(unicodedata.bidirectional(character) in ("R", "AL", "AN") for character in text):
        return f"\u2068{text}\u2069"
    return text


def _visible(character: str) -> str:
    code = ord(character)
    if 0x20 <= code < 0x7F:
        return character
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if (
        unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        and character not in _ZERO_WIDTH_JOINERS
    ):
        return f"⟨U+{code:04X}⟩"
    if code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF:  # no characters at all; XML refuses some of them
        return f"⟨U+{code:04X}⟩"
    return character


def _joined(text: str, cut: int) -> bool:
    """Whether cutting before `text[cut]` would tear a letter from its accent or an emoji apart."""
    return (
        unicodedata.category(text[cut])[0] == "M"
        or text[cut] in _ZERO_WIDTH_JOINERS
        or text[cut - 1] in _ZERO_WIDTH_JOINERS
    )
