"""Tickets: what the client holds, what is stored of them, whom they let in."""

import base64
import hashlib
import json
import re
from dataclasses import fields, replace
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_wssec.errors import TicketRefused
from tornado_wssec.policy.digests import digest_of
from tornado_wssec.policy.identity import Identity
from tornado_wssec.policy.permissions import Grants
from tornado_wssec.policy.tickets import PAYLOAD_BYTES, TicketRecord, new_ticket

NOW = 1_700_000_000.0
IDENTITY = Identity(
    subject="u1",
    issuer="https://id.example",
    permissions=Grants(["chat:write:*", "chat:read:**"]),
    claims=MappingProxyType({"name": "Zoë", "groups": ["a", {"b": None}]}),
    tenant="acme",
    token_id="t1",
    session_id="s1",
    key_id="k1",
    issued_at=NOW - 60,
    expires_at=NOW + 600,
    roles=("editor",),
)
BINDING = {"path": "/ws/chat", "origin": "https://app.example.com", "address": "192.0.2.1"}


def record(identity: Identity = IDENTITY, **binding: Any) -> TicketRecord:
    """A record bound to everything, for 30 s."""
    return TicketRecord.of(identity, **{**BINDING, "expires_at": NOW + 30, **binding})


def redeem(found: TicketRecord, now: float = NOW, **given: Any) -> Identity:
    """Present the ticket from where it was issued to, unless told otherwise."""
    return found.redeem(**{**BINDING, **given}, now=now)


# --- the ticket ---


def test_ticket_is_256_bits_without_padding() -> None:
    """A subprotocol may not contain "=", and nothing needs to be quoted in a URL."""
    ticket, _ = new_ticket()

    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", ticket)
    assert 32 == len(base64.urlsafe_b64decode(ticket + "="))


def test_tickets_differ() -> None:
    """None is given out twice."""

    assert 1000 == len({new_ticket()[0] for _ in range(1000)})


def test_ticket_digest_is_sha256() -> None:
    """What is stored cannot be presented."""
    ticket, digest = new_ticket()

    assert digest == digest_of(ticket) == hashlib.sha256(ticket.encode()).hexdigest()
    assert ticket not in digest


@given(
    st.text(st.characters(exclude_categories=()), max_size=50),
    st.text(st.characters(exclude_categories=()), max_size=50),
)
def test_ticket_digest_takes_any_text(one: str, other: str) -> None:
    """A stranger's ticket has a digest, whatever it is, and another than any other's."""

    assert re.fullmatch("[0-9a-f]{64}", digest_of(one))
    assert (one == other) is (digest_of(one) == digest_of(other))


# --- whom it lets in ---


def test_ticket_lets_in_whom_it_was_issued_to() -> None:
    """The whole identity, also after a stay in a store."""

    assert IDENTITY is redeem(record())
    assert IDENTITY == redeem(TicketRecord.from_json(record().to_json()))


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"path": "/ws/admin"}, "bound to path '/ws/chat' and came from '/ws/admin'"),
        ({"path": "/ws/chat/"}, "bound to path"),
        ({"path": ""}, "bound to path"),
        ({"origin": "https://evil.example"}, "bound to origin 'https://app.example.com'"),
        ({"origin": None}, "bound to origin"),
        ({"origin": "null"}, "bound to origin"),
        ({"address": "192.0.2.2"}, "bound to address '192.0.2.1'"),
        ({"address": None}, "bound to address"),
    ],
)
def test_ticket_is_bound(given: dict[str, Any], fault: str) -> None:
    """Presented elsewhere it is refused, and the evidence says where."""
    with pytest.raises(TicketRefused) as caught:
        redeem(record(), **given)

    assert fault in caught.value.evidence


def test_ticket_evidence_is_bounded() -> None:
    """A path of any length makes a line of some length."""
    with pytest.raises(TicketRefused) as caught:
        redeem(record(), path="/" + "x" * 10_000)

    assert len(caught.value.evidence) < 300


@pytest.mark.parametrize("name", ["origin", "address"])
@pytest.mark.parametrize("given", [None, "anything"])
def test_ticket_is_not_bound_to_what_was_not_recorded(name: str, given: str | None) -> None:
    """A client without an Origin got a ticket for any; an address counts where it was asked for."""

    unbound: dict[str, Any] = {name: None}
    presented: dict[str, Any] = {name: given}

    assert IDENTITY is redeem(record(**unbound), **presented)


@pytest.mark.parametrize(
    ("later", "is_good"), [(0, True), (29.999, True), (30, False), (31, False), (float("nan"), False)]
)
def test_ticket_ends_at_its_expiry(later: float, is_good: bool) -> None:
    """It is good until then and not at that moment; a time that is none is too late."""
    found = record(replace(IDENTITY, expires_at=None))
    if is_good:
        assert found.identity is redeem(found, NOW + later)
        return
    with pytest.raises(TicketRefused, match="the ticket expired"):
        redeem(found, NOW + later)


def test_ticket_does_not_outlive_its_token() -> None:
    """Whoever's token has ended may not come in by a ticket."""
    found = record(replace(IDENTITY, expires_at=NOW + 10))
    assert found.identity is redeem(found, NOW + 9.9)

    with pytest.raises(TicketRefused, match="the token that the ticket was issued for has expired"):
        redeem(found, NOW + 10)


def test_ticket_of_an_identity_without_end() -> None:
    """An API key has no end of its own; the ticket's counts alone."""
    endless = Identity(subject="robot")
    found = TicketRecord.from_json(record(endless).to_json())

    assert endless == redeem(found)


def test_ticket_of_nobody_is_refused() -> None:
    """An anonymous client would come back as somebody."""
    with pytest.raises(ValueError, match="an anonymous client has nothing to hand over"):
        record(replace(IDENTITY, anonymous=True))


def test_ticket_owner_is_the_issuer_and_the_subject() -> None:
    """Two issuers' `u1` have an allowance each, and no choice of names mixes them."""
    identities = [
        IDENTITY,
        replace(IDENTITY, issuer=None),
        replace(IDENTITY, issuer=""),
        replace(IDENTITY, issuer="None"),
        replace(IDENTITY, subject="u2"),
        replace(IDENTITY, issuer='https://id.example","subject":"u1'),
    ]
    owners = [record(identity).owner for identity in identities]

    assert len(identities) == len(set(owners))
    assert owners[0] == record(replace(IDENTITY, token_id="t2", tenant=None), path="/other").owner
    assert {64} == set(map(len, owners))


# --- what is stored ---


def test_ticket_record_holds_every_field_of_the_identity() -> None:
    """A field added to the identity and forgotten here would be lost at every handshake by ticket."""
    stored = json.loads(record().to_json())
    asked_again = {"anonymous", "own", "signing_key"}
    names = {item.name for item in fields(Identity)} - asked_again

    assert names | {"path", "origin", "address", "until"} == set(stored)


def test_ticket_record_holds_what_the_credential_granted() -> None:
    """Not what the application has put in its place: it is asked again when the ticket is redeemed."""
    asked = replace(IDENTITY, permissions=Grants(["**"]), own=IDENTITY.permissions)

    assert IDENTITY == redeem(TicketRecord.from_json(record(asked).to_json()))


def test_ticket_record_hides_claims_from_its_repr() -> None:
    """They may be private."""

    assert "Zoë" not in repr(record())


@pytest.mark.parametrize(
    ("claims", "fault"),
    [
        ({"x": "y" * PAYLOAD_BYTES}, "the ticket's record is 33.* bytes long; shorten it to 32768"),
        ({"x": object()}, "cannot be written as JSON"),
        ({"x": float("nan")}, "JSON"),
    ],
)
def test_ticket_record_is_bounded(claims: dict[str, Any], fault: str) -> None:
    """What no store keeps, or no reader understands, is refused when it is issued."""
    with pytest.raises(ValueError, match=fault):
        record(replace(IDENTITY, claims=claims)).to_json()


@pytest.mark.parametrize("length", [1_500, 8_000])
def test_ticket_record_takes_what_a_token_holds(length: int) -> None:
    """A long grant or tenant that came in a token goes through the store and back."""
    identity = replace(IDENTITY, tenant="x" * length, permissions=Grants(["a:" + "x" * length]))

    assert identity == redeem(TicketRecord.from_json(record(identity).to_json()))


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": None},
        {"subject": 7},
        {"subject": ""},
        {"subject": "a b"},
        {"subject": "x" * 129},
        {"permissions": "chat:**"},
        {"permissions": [7]},
        {"permissions": ["not a grant: sorcery"]},
        {"claims": []},
        {"issuer": 7},
        {"issued_at": None},
        {"issued_at": "1"},
        {"expires_at": "never"},
        {"path": None},
        {"origin": False},
        {"address": 7},
        {"until": None},
        {"until": True},
        {"anonymous": True},
        {"only_on": "tuesdays"},
    ],
)
def test_ticket_record_of_a_stranger_is_refused(changes: dict[str, Any]) -> None:
    """One field that is not as we write it, or one more, and nobody comes in; nothing of it is told."""
    stored = {**json.loads(record().to_json()), **changes}
    with pytest.raises(TicketRefused) as caught:
        TicketRecord.from_json(json.dumps(stored))

    assert "what the store holds for the ticket is none of ours" == caught.value.evidence
    assert None is caught.value.__cause__


@pytest.mark.parametrize("name", ["subject", "issued_at", "path", "until"])
def test_ticket_record_without_a_needed_field_is_refused(name: str) -> None:
    """Nothing is filled in."""
    stored = json.loads(record().to_json())
    del stored[name]
    with pytest.raises(TicketRefused):
        TicketRecord.from_json(json.dumps(stored))


@pytest.mark.parametrize(
    "payload", [None, b"{}", "", "null", "[" * 30_000, "{" * 30_000, "1" * 20_000, " " * 40_000, "\ud800"]
)
def test_ticket_record_that_is_no_record_is_refused(payload: object) -> None:
    """Pickles, numbers and nesting from another application are strangers, too."""
    with pytest.raises(TicketRefused):
        TicketRecord.from_json(payload)


@given(st.text(max_size=300) | st.binary(max_size=50) | st.integers(0, 800).map(lambda cut: record().to_json()[:cut]))
def test_ticket_record_never_raises_anything_but_a_refusal(payload: object) -> None:
    """Whatever a store hands back, somebody comes in whom we wrote down, or nobody does."""
    try:
        found = TicketRecord.from_json(payload)
    except TicketRefused:
        return

    assert record() == found


def test_ticket_of_any_path_says_so() -> None:
    """A record without a path opens every path, and survives being stored; only written out does it mean that."""
    anywhere = TicketRecord.of(IDENTITY, path=None, origin=None, address=None, expires_at=NOW + 30)

    assert anywhere == TicketRecord.from_json(anywhere.to_json())
    assert IDENTITY == anywhere.redeem(path="/ws/admin", origin=None, address=None, now=NOW)
