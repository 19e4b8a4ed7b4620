"""Pseudonyms: one for a person, none that can be told without the key."""

import pytest

from tornado_wssec.settings import Secret
from tornado_wssec.telemetry.pseudonyms import Pseudonyms

KEY = Secret("0123456789abcdef0123456789abcdef")
NAMES = Pseudonyms(KEY, "https://us")


def test_pseudonym_is_the_same_everywhere() -> None:
    """It is pinned: the HMAC-SHA256 of the issuer's length, the issuer and the subject."""
    assert "p:aee8a2245a5c99d901cc4ebef4f703e4" == NAMES.of("ann")
    assert NAMES.of("ann") == NAMES.of("ann", "https://us") == Pseudonyms(KEY, None).of("ann", "https://us")


@pytest.mark.parametrize(
    "other",
    [
        NAMES.of("bob"),
        NAMES.of("ann", "https://others"),
        NAMES.of("sann", "https://u"),
        Pseudonyms(Secret("another key, of thirty-two bytes."), "https://us").of("ann"),
    ],
)
def test_pseudonym_of_another_is_another(other: str) -> None:
    """Another subject, another issuer, the same letters parted otherwise, another key."""
    assert NAMES.of("ann") != other


def test_pseudonyms_replace_people_in_facts() -> None:
    """The subject and the operator, each by its own issuer; what is not known is left out as before."""
    facts = {"subject": "ann", "issuer": "i", "operator": "olga", "operator_issuer": None, "tenant": "acme"}

    assert {**facts, "subject": NAMES.of("ann", "i"), "operator": NAMES.of("olga")} == NAMES.applied(facts)
    assert {"subject": None, "code": 1} == NAMES.applied({"subject": None, "code": 1})


def test_pseudonyms_replace_names_in_sentences() -> None:
    """Wherever the name stands as a word, whatever characters it has."""
    assert f"{NAMES.of('a.b')} lacks me:{NAMES.of('a.b')}, not a_b" == NAMES.in_text(
        "a.b lacks me:a.b, not a_b", "a.b", None
    )
    assert f"attempts of {NAMES.of('a')}" == NAMES.in_text("attempts of a", "a", None)


def test_pseudonyms_show_no_key() -> None:
    """Neither does their repr."""
    assert "0123" not in repr(NAMES) + str(vars(NAMES).keys())
