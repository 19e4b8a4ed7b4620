"""What an API key is made of, what is remembered of it, and who it is refused to."""

import json
import math
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_wssec.errors import CredentialRefused
from tornado_wssec.policy.api_keys import (
    ApiKeyRecord,
    ApiKeyText,
    NewApiKey,
    is_key_id,
    looks_like_key,
    new_api_key,
)
from tornado_wssec.policy.digests import digest_of
from tornado_wssec.policy.revocations import Kind, Revocation

NOW = 1_700_000_000.25
ISSUER, AUDIENCE = "https://id.example", "chat"


def made(**changes: Any) -> tuple[ApiKeyText, ApiKeyRecord]:
    """A key of the subject `robot`, for an hour."""
    given = {"issuer": ISSUER, "audience": AUDIENCE, "subject": "robot", "ttl": 3600.0, "now": NOW, **changes}
    return new_api_key(**given)


def fault_of(**changes: Any) -> str:
    """Why no such key is made."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 -- each caller compares the words
        made(**changes)
    return str(caught.value)


def test_key_has_a_public_id_and_256_random_bits() -> None:
    """Its shape is fixed, so that scanners for leaked secrets can know it."""
    key, _ = made()

    assert re.fullmatch(r"wssec_ak[0-9a-f]{16}_[A-Za-z0-9_-]{43}", key.text)
    assert key == ApiKeyText.parse(key.text)
    assert is_key_id(key.id)


def test_keys_differ() -> None:
    """In both parts."""
    keys = [made()[0] for _ in range(20)]

    assert (20, 20) == (len({key.id for key in keys}), len({key.secret for key in keys}))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text[:-1],
        lambda text: text + "A",
        lambda text: text.upper(),
        lambda text: text.replace("_ak", "_bk"),
        lambda text: text.replace("wssec_", "wssec-"),
        lambda text: text.removeprefix("wssec_"),
        lambda text: text[:25] + "=" + text[26:],
        lambda text: text.replace("wssec_ak", "wssec_ak\u0661"),
        lambda text: text + "\0",
        lambda text: text * 10_000,
        lambda text: "wssec_ak" + "0" * 1_000_000,
    ],
)
def test_key_of_another_shape_is_none(change: Any) -> None:
    """It is refused before any store is asked, and not repeated."""
    text = change(made()[0].text)
    with pytest.raises(CredentialRefused) as caught:
        ApiKeyText.parse(text)

    assert "what was shown is not shaped like an API key" == str(caught.value)


@given(st.text())
def test_key_parsing_raises_nothing_else(text: str) -> None:
    """Whatever is shown."""
    with pytest.raises(CredentialRefused):
        ApiKeyText.parse(text)


def test_key_is_in_no_repr() -> None:
    """Neither the secret nor its digest."""
    key, record = made()
    new = NewApiKey(id=key.id, key=key.text, expires_at=None)

    assert f"ApiKeyText(id='{key.id}')" == repr(key) == str(key)
    assert not [thing for thing in (key, record, new) if key.secret in repr(thing) or record.digest in repr(thing)]


def test_record_holds_no_secret() -> None:
    """Whoever reads the store cannot use what is there."""
    key, record = made()

    assert key.secret not in record.to_json()
    assert digest_of(key.secret) == record.digest == key.digest


def test_record_comes_back() -> None:
    """Every field, and those that are absent."""
    full = {"permissions": ["chat:*"], "roles": ["bot"], "tenant": "acme", "note": "CI — 夜"}
    for _, record in (made(), made(ttl=None), made(**full)):
        assert record == ApiKeyRecord.from_json(record.id, record.to_json())


def test_record_says_who_it_is() -> None:
    """The key's id is the token's name, and its making the moment of issue."""
    _, record = made(permissions=["chat:*"], roles=["bot"], tenant="acme")
    identity = record.assertion.identity(ISSUER, {"bot": ["feed:read"]}, NOW + 1)

    assert (record.id, NOW, NOW + 3600.0) == (identity.token_id, identity.issued_at, identity.expires_at)
    assert ("robot", "acme", ["chat:*", "feed:read"]) == (
        identity.subject,
        identity.tenant,
        sorted(identity.permissions),
    )


def test_record_without_an_end_has_none() -> None:
    """Only where that is said."""
    assert None is made(ttl=None)[1].assertion.expires_at


@pytest.mark.parametrize(
    ("shown", "issuer", "audience", "fault"),
    [
        ("right", ISSUER, AUDIENCE, None),
        ("wrong", ISSUER, AUDIENCE, "a wrong secret"),
        ("right", "https://other.example", AUDIENCE, "another issuer or audience"),
        ("right", ISSUER, "admin", "another issuer or audience"),
        ("right", None, None, "another issuer or audience"),
        ("wrong", None, None, "a wrong secret"),
    ],
)
def test_record_is_proven(shown: str, issuer: str | None, audience: str | None, fault: str | None) -> None:
    """By the secret, and where the key was made for; a wrong secret is told nothing of the rest."""
    key, record = made()
    presented = key if shown == "right" else key._replace(secret=made()[0].secret)
    if fault is None:
        record.ensure_proven(presented, issuer, audience)
        return
    with pytest.raises(CredentialRefused, match=fault) as caught:
        record.ensure_proven(presented, issuer, audience)

    assert presented.secret not in str(caught.value)


@pytest.mark.parametrize(
    ("revocation", "is_named"),
    [
        ({"kind": Kind.SUBJECT, "value": "robot", "before": NOW}, True),
        ({"kind": Kind.SUBJECT, "value": "robot", "before": NOW - 1}, False),
        ({"kind": Kind.SUBJECT, "value": "robot", "before": NOW, "issuer": ISSUER}, True),
        ({"kind": Kind.SUBJECT, "value": "robot", "before": NOW, "issuer": "https://other.example"}, False),
        ({"kind": Kind.SUBJECT, "value": "ROBOT", "before": NOW}, False),
        ({"kind": Kind.TENANT, "value": "acme", "before": NOW}, True),
        ({"kind": Kind.SESSION, "value": "robot"}, False),
        ({"kind": Kind.KEY, "value": "robot"}, False),
    ],
)
def test_record_is_named_by_revocations(revocation: dict[str, Any], is_named: bool) -> None:
    """As a token of the same would be."""
    _, record = made(tenant="acme")
    body = Revocation(id="r", at=NOW, effective_at=NOW, **revocation)

    assert is_named == body.matches(record.named(NOW))
    assert Revocation(id="r", at=NOW, effective_at=NOW, kind=Kind.TOKEN, value=record.id).matches(record.named(NOW))


def test_record_from_the_future_was_made_by_now() -> None:
    """Whoever has a clock that is ahead makes no key that a revocation of this moment misses."""
    _, record = made(now=NOW + 600)
    body = Revocation(id="r", at=NOW, effective_at=NOW, kind=Kind.SUBJECT, value="robot", before=NOW)

    assert body.matches(record.named(NOW))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"subject": "two words"}, "this cannot be the subject"),
        ({"subject": ""}, "this cannot be the subject"),
        ({"subject": "x" * 129}, "this cannot be the subject"),
        ({"tenant": "\n"}, "this cannot be the tenant"),
        ({"roles": ["a b"]}, "this cannot be the role"),
        ({"roles": "admin"}, "roles is one string where a list belongs; write ['admin']"),
        ({"permissions": "chat:*"}, "permissions is one string where a list belongs; write ['chat:*']"),
        ({"permissions": ["a::b"]}, "a::b"),
        ({"note": "x" * 1025}, "the note is 1025 bytes long; shorten it to 1024"),
        ({"note": "\ud800"}, "half a surrogate pair"),
        ({"ttl": 0.0}, "the key would have ended when it begins"),
        ({"ttl": -5.0}, "the key would have ended when it begins"),
        ({"ttl": float("inf")}, "ttl is not finite"),
        ({"ttl": float("nan")}, "ttl is not finite"),
        ({"now": float("nan")}, "is not finite"),
        ({"issuer": None}, "set WSSEC_ISSUER and WSSEC_AUDIENCE"),
        ({"audience": ""}, "set WSSEC_ISSUER and WSSEC_AUDIENCE"),
        ({"permissions": [f"chat:{number:0100}" for number in range(400)]}, "the API key's record is"),
    ],
)
def test_key_that_cannot_be_is_not_made(changes: dict[str, Any], fault: str) -> None:
    """The refusal names the fault and the remedy."""
    assert fault in fault_of(**changes)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "ak0000000000000000"},
        {"digest": "0" * 63},
        {"digest": "X" * 64},
        {"digest": None},
        {"subject": "two words"},
        {"issuer": None},
        {"audience": None},
        {"created_at": "yesterday"},
        {"created_at": True},
        {"expires_at": 0},
        {"permissions": "chat:*"},
        {"permissions": ["a::b"]},
        {"admin": True},
    ],
)
def test_record_of_a_stranger_is_refused(change: dict[str, Any]) -> None:
    """What a store hands back is checked field by field, and none of it is told."""
    _, record = made()
    fields = {**json.loads(record.to_json()), **change}
    text = json.dumps({name: value for name, value in fields.items() if value is not None})
    with pytest.raises(CredentialRefused) as caught:
        ApiKeyRecord.from_json(record.id, text)

    assert "what is remembered of the API key is none of ours" == str(caught.value)
    assert None is caught.value.__cause__


@pytest.mark.parametrize("change", [{"created_at": math.inf}, {"created_at": -math.inf}, {"expires_at": math.inf}])
def test_record_of_a_time_that_is_none(change: dict[str, Any]) -> None:
    """Nobody could write it down."""
    endless = replace(made()[1], expires_at=None)
    with pytest.raises(ValueError, match="is not finite"):
        replace(endless, **change)


@pytest.mark.parametrize("text", ["", "null", "[]", "{", "{}", b"{}", None, "x" * 40_000, "[" * 100_000])
def test_record_that_is_no_record_is_refused(text: object) -> None:
    """Whatever else stands there."""
    with pytest.raises(CredentialRefused):
        ApiKeyRecord.from_json("ak0123456789abcdef", text)


def test_record_of_a_bad_id_is_refused() -> None:
    """A name that no key has is not one, in the record neither."""
    _, record = made()
    text = record.to_json().replace(record.id, "ak-no-id")
    with pytest.raises(CredentialRefused):
        ApiKeyRecord.from_json("ak-no-id", text)


def test_key_is_told_from_other_words() -> None:
    """So that a secret is not taken for a name, nor a name for a secret."""
    key, _ = made()

    assert [True, True, False, False] == [
        looks_like_key(text) for text in (key.text, "wssec_ak", key.id, "wssec.bearer.x")
    ]
    assert [True, False, False, False] == [
        is_key_id(text) for text in (key.id, key.text, key.id + "\n", key.id.upper())
    ]
