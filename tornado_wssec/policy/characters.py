"""Which characters a text may hold, and the one form in which it is written.

Rules of this file:
1. Nothing is mended: a text that holds what it may not is refused. Only its form is made NFC.
2. What no reader sees is refused: controls, what turns or hides the text around it, halves of characters. What
   scripts and emoji need to be written at all passes: joiners, and marks of direction for a single character.
3. The work is bounded before it is begun: `unicodedata.normalize` takes time with the square of a run of
   combining marks, a second for 64 KiB of them.

Source: Unicode Standard Annex #15 §13 (stream-safe text); RFC 8264 §9 (what such classes leave out); Unicode
Technical Report #36 §3 and CVE-2021-42574 (what turns text around).
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

MARKS_MOST: Final = 30
"""Combining marks in a row. No language needs more than a handful, and UAX #15 §13 counts to this."""

GROWTH_MOST: Final = 4
"""One character in NFC stands for at most so many code points (UAX #15 §15)."""

_ALWAYS: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
_NEEDED: Final = frozenset("\u200c\u200d\u200e\u200f\u061c")
"""Joiners, without which Persian, Hindi and most emoji cannot be written, and the three marks of direction."""
_ASCII_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Characters:
    """What a text may hold beside what is printed.

    Args:
        allow: control characters that pass, such as a newline.
        private_use: whether code points pass that mean something to those alone who have agreed on it.
        unassigned: whether code points pass that the Unicode tables of this Python do not know, such as emoji
            that are newer. Noncharacters (U+FFFE and the like) pass with neither.
    """

    allow: str = ""
    private_use: bool = False
    unassigned: bool = False

    def __post_init__(self) -> None:
        for character in self.allow:
            if unicodedata.category(character) != "Cc" or character == "\0":
                raise ValueError(f"{character!r} is no control character that could be allowed, such as '\\n'")

    def are_fine(self, text: str) -> bool:
        """Whether every character of a text may be there."""
        if text.isascii():
            return all([one in self.allow for one in _ASCII_CONTROLS.findall(text)])
        return all([self._is_fine(one) for one in set(text)]) and not _has_long_run(text)

    def _is_fine(self, character: str) -> bool:
        kind = unicodedata.category(character)
        if kind in _ALWAYS:
            return character in self.allow
        if kind == "Cf":
            return character in _NEEDED
        if kind == "Cn":
            return self.unassigned and not _is_noncharacter(ord(character))
        return kind != "Co" or self.private_use


def normalised(text: str) -> str:
    """The text in NFC, in which one text has one spelling. Ask first whether its characters are fine: see rule 3."""
    return unicodedata.normalize("NFC", text)


def _is_noncharacter(code: int) -> bool:
    """Whether a code point will never be a character (Unicode §23.7)."""
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF


def _has_long_run(text: str) -> bool:
    run = 0
    for character in text:
        run = run + 1 if unicodedata.combining(character) else 0
        if run > MARKS_MOST:
            return True
    return False
