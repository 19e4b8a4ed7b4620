"""What vouches for somebody without a token of ours, and what of it is refused."""

import pytest

from tornado_wssec.errors import CredentialRefused
from tornado_wssec.policy.assertions import Assertion
from tornado_wssec.policy.identity import Identity
from tornado_wssec.policy.permissions import Grants

NOW = 1_000.0
ROLES = {"editor": ["board:*:draw"]}


def identity(assertion: Assertion) -> Identity:
    """Who the assertion speaks of, as the issuer `us` says at NOW."""
    return assertion.identity("us", ROLES, NOW)


def test_assertion_becomes_an_identity() -> None:
    """Everything it says stands in the identity, roles as the grants that they give."""
    found = identity(
        Assertion(subject="u1", permissions=["chat:read"], roles=["editor", "stranger"], tenant="t", token_id="k1")
    )

    expected = Identity(
        subject="u1",
        issuer="us",
        permissions=Grants(["chat:read", "board:*:draw"]),
        tenant="t",
        token_id="k1",
        issued_at=NOW,
        roles=("editor", "stranger"),
    )
    assert expected == found


@pytest.mark.parametrize(("issued_at", "expected"), [(None, NOW), (900.0, 900.0), (NOW + 50, NOW)])
def test_assertion_is_never_from_the_future(issued_at: float | None, expected: float) -> None:
    """A clock that is ahead carries nothing past a revocation of what was issued until now."""
    assert expected == identity(Assertion(subject="u1", issued_at=issued_at)).issued_at


@pytest.mark.parametrize("expires_at", [NOW, NOW - 1])
def test_assertion_that_has_ended_is_refused(expires_at: float) -> None:
    """The last second is not part of it."""
    with pytest.raises(CredentialRefused, match="expired"):
        identity(Assertion(subject="u1", expires_at=expires_at))


@pytest.mark.parametrize(
    "assertion",
    [
        Assertion(subject=""),
        Assertion(subject="a b"),
        Assertion(subject="ａdmin"),
        Assertion(subject="u" * 129),
        Assertion(subject="u1", tenant="a\0"),
        Assertion(subject="u1", token_id=""),
        Assertion(subject="u1", session_id="a\r\nb"),
        Assertion(subject="u1", permissions=["a:**:b"]),
    ],
    ids=str,
)
def test_assertion_with_a_malformed_name_is_refused(assertion: Assertion) -> None:
    """What no token could carry names nobody here."""
    with pytest.raises(CredentialRefused, match="names nobody"):
        identity(assertion)


def test_assertion_is_quoted_in_short() -> None:
    """The start of what is wrong with it, without a quote in front; whatever long grant it is about."""
    told = []
    for wrong in (Assertion(subject=""), Assertion(subject="u1", permissions=["x" * 79 + " " + "x" * 999] * 9)):
        with pytest.raises(CredentialRefused) as caught:
            identity(wrong)
        told.append(str(caught.value.evidence))

    assert told[0].startswith("the credential names nobody: this cannot be the subject")
    assert 159 >= len(told[1].removeprefix("the credential names nobody: ")) > 100


def test_assertion_is_printed_without_its_claims() -> None:
    """They are personal."""
    assert "ann@example.com" not in repr(Assertion(subject="u1", claims={"email": "ann@example.com"}))
