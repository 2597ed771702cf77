"""minigrad.text: what cannot be seen is shown, what is long is cut, nothing else changes."""

from __future__ import annotations

import sys
import unicodedata
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad.text import isolated, shown

#: Any text, lone surrogates among it.
ANY = st.text(st.characters(codec=None, categories=None))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("w1", "w1"), ("", ""), ('a"b{c}<d>|&\\', 'a"b{c}<d>|&\\'),
        ("a\nb\tc\x00", "a␊b␉c␀"), ("\x7f\x9f", "␡⟨U+009F⟩"),
        ("\u202eabc\u202c", "⟨U+202E⟩abc⟨U+202C⟩"), ("\ud800", "⟨U+D800⟩"), ("\ufffe", "⟨U+FFFE⟩"),
        ("\u2028", "⟨U+2028⟩"),
        ("שלום", "שלום"), ("日本 é", "日本 é"), ("👩‍🔬", "👩‍🔬"), ("\ufeffx", "⟨U+FEFF⟩x"),
    ],
)  # fmt: skip
def test_each_kind_of_character(text: str, expected: str) -> None:
    """Ordinary letters of any script stay; control, format and broken characters become visible."""
    assert shown(text) == expected


@given(ANY)
def test_the_result_is_one_printable_line_of_legal_xml(text: str) -> None:
    """Whatever comes in."""
    safe = shown(text)
    safe.encode("utf-8")
    assert "\n" not in safe
    assert len(safe.splitlines()) <= 1
    assert ElementTree.fromstring(f"<t>{escape(safe)}</t>").text in (safe, None if safe == "" else safe)
    for character in safe:
        assert unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp")
        assert unicodedata.bidirectional(character) not in (
            "RLO",
            "LRO",
            "RLE",
            "LRE",
            "PDF",
            "RLI",
            "LRI",
            "FSI",
            "PDI",
        )


@given(ANY)
def test_what_was_seen_before_is_unchanged(text: str) -> None:
    """Showing twice is showing once."""
    assert shown(shown(text)) == shown(text)


def test_a_long_text_is_cut_and_its_length_said() -> None:
    """At no letter's accent, and without a look at what is cut off."""
    assert shown("x" * 10_000, 8) == "xxxxxxxx… (10,000 characters)"
    assert shown("x" * 8, 8) == "x" * 8
    assert shown("abe\u0301" + "z" * 20, 3).startswith("ab…")
    assert len(shown("\u0301" * 10_000, 5)) < 50
    assert shown("a" * 9 + "\ud800" * sys.maxunicode, 4).startswith("aaaa…")


def test_right_to_left_text_stays_in_its_place() -> None:
    """Isolated in a line of several texts; other text is left alone."""
    assert isolated("שלום") == "\u2068שלום\u2069"
    assert isolated("abc") == "abc"
