"""Which characters a text may hold, and its one form."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_wssec.policy.characters import GROWTH_MOST, MARKS_MOST, Characters, normalised

FINE = Characters()


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "plain",
            "naïve café",
            "Ω≠∞",
            "日本語",
            "שלום\u200f!",
            "می\u200cخواهم",
            "👩\u200d💻",
            "🇫🇷",
            "a\u0301\u0327",
        ),
        "e" + "\u0301" * MARKS_MOST,
    ],
    ids=ascii,
)
def test_characters_of_every_language_pass(text: str) -> None:
    """Letters, marks, joiners, emoji and the marks of direction."""

    assert FINE.are_fine(text)


@pytest.mark.parametrize(
    "character",
    [
        *("\0", "\n", "\r", "\t", "\x1b", "\x7f", "\x85", "\x9b", "\u2028", "\u2029"),
        *("\u202a", "\u202e", "\u2066", "\u2069", "\u200b", "\u2060", "\ufeff", "\u00ad", "\ufff9", "\U000e0041"),
        *("\ud800", "\udfff", "\ue000", "\U0010fffd", "\ufffe", "\uffff", "\ufdd0", "\U0001ffff", "\u0378"),
    ],
    ids=ascii,
)
def test_characters_that_nobody_sees_are_refused(character: str) -> None:
    """Controls, what turns or hides text, halves, private use, and what is no character; also among other letters."""

    assert not FINE.are_fine(character)
    assert not FINE.are_fine(f"é{character}a")


def test_characters_that_are_asked_for_pass() -> None:
    """Each option lets its own pass and no other."""

    assert [True, True, False] == [Characters("\n").are_fine(text) for text in ("a\nb", "é\n", "a\r\nb")]
    assert [True, False] == [Characters(private_use=True).are_fine(text) for text in ("\ue000", "\u0378")]
    assert [True, False] == [Characters(unassigned=True).are_fine(text) for text in ("\u0378", "\ue000")]
    assert not Characters(unassigned=True, private_use=True).are_fine("\ufffe")


@pytest.mark.parametrize("character", ["\0", "a", " ", "\u202e", "\u2028"])
def test_characters_that_nobody_may_ask_for(character: str) -> None:
    """`allow` takes control characters, and never NUL."""

    with pytest.raises(ValueError, match="is no control character"):
        Characters(character)


def test_characters_in_piles_are_refused() -> None:
    """More marks over one letter than any language has, whatever stands around them."""

    assert not FINE.are_fine("e" + "\u0301" * (MARKS_MOST + 1))
    assert not FINE.are_fine("e" + "\u0301\u0316" * MARKS_MOST + "e")
    assert FINE.are_fine(("e" + "\u0301" * MARKS_MOST) * 3)


@given(st.text())
def test_characters_normalised_is_one_spelling(text: str) -> None:
    """Equivalent texts become one, and a second time changes nothing."""

    assert normalised(text) == normalised(unicodedata.normalize("NFD", text)) == normalised(normalised(text))


def test_characters_that_nfc_puts_together() -> None:
    """No character stands for more code points than we allow for, and none that passes becomes one that does not."""
    wide, turned = 0, []
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.decomposition(character):
            wide = max(wide, len(unicodedata.normalize("NFD", character)))
            if FINE.are_fine(character) and not FINE.are_fine(normalised(character)):
                turned.append(hex(code))

    assert wide == GROWTH_MOST
    assert [] == turned


@pytest.mark.parametrize("code", [0xFDD0, 0xFDEF, 0xFFFE, 0xFFFF, 0x1FFFE, 0x10FFFF])
def test_characters_that_will_never_be_any(code: int) -> None:
    """No option lets them pass; what stands beside them is let pass by its own."""
    every = Characters(unassigned=True, private_use=True)

    assert not every.are_fine(chr(code))
    assert every.are_fine(chr(0xFDCF) + chr(0xFDF0) + chr(0xFFFD) + chr(0x1FFFD))


def test_characters_in_a_pile_at_the_beginning() -> None:
    """They are counted from the first."""

    assert [True, False] == [FINE.are_fine("\u0301" * count) for count in (MARKS_MOST, MARKS_MOST + 1)]
