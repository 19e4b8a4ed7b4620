"""Tokens of our own."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.signing import ed25519
from tornado_wssec.client import public_jwk
from tornado_wssec.errors import ConfigurationError
from tornado_wssec.policy.issuance import issue_token
from tornado_wssec.policy.keys import KeyRing
from tornado_wssec.policy.permissions import Grants
from tornado_wssec.policy.tokens import TokenVerifier, read_unverified
from tornado_wssec.settings import TokenRules

from .rings import NOW, RULES, key, ring

RING = ring("EdDSA")
VERIFIER = TokenVerifier(RULES)


def issued(**options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and payload of a token with these options."""
    return read_unverified(issue_token(RING, RULES, **{"subject": "u1", "now": NOW, **options}))


def test_issue_writes_what_is_required_and_no_more() -> None:
    """Header and payload of the smallest token."""
    header, payload = issued(token_id="id-1")

    assert {"alg": "EdDSA", "typ": "at+jwt", "kid": key("EdDSA").kid} == header
    assert {
        "iss": "https://issuer.example",
        "aud": "wss",
        "sub": "u1",
        "iat": int(NOW),
        "exp": int(NOW) + 600,
        "jti": "id-1",
    } == payload


def test_issue_writes_what_is_asked_for() -> None:
    """Each option has its claim."""
    options = {"permissions": ["b:c", "a:*"], "roles": ("editor",), "tenant": "acme", "session_id": "s-1"}
    _, payload = issued(**options, ttl=60.9, cnf={"jkt": "x"}, claims={"colour": "grün", "deep": {"a": [1]}})

    assert (["a:*", "b:c"], ["editor"]) == (payload["permissions"], payload["roles"])
    assert ("acme", "s-1", {"jkt": "x"}) == (payload["tenant"], payload["sid"], payload["cnf"])
    assert (int(NOW) + 60, "grün", {"a": [1]}) == (payload["exp"], payload["colour"], payload["deep"])


def test_issue_keeps_of_a_key_what_it_is() -> None:
    """A page hands in what its browser exports; nothing else of it comes into the token."""
    jwk = public_jwk(ed25519())
    _, payload = issued(cnf={"jwk": {**jwk, "ext": True, "key_ops": ["verify"], "more": "x"}, "jkt": "y"})

    assert {"jwk": jwk, "jkt": "y"} == payload["cnf"]


def test_issue_makes_an_id_that_nobody_guesses() -> None:
    """128 random bits, another each time."""
    ids = {issued()[1]["jti"] for _ in range(20)}

    assert (20, {22}) == (len(ids), {len(made) for made in ids})


def test_issue_rounds_the_clock_down() -> None:
    """A token is never issued in the future, and never lives longer than was asked."""
    _, payload = issued(now=NOW + 0.9, ttl=1)

    assert (int(NOW), int(NOW) + 1) == (payload["iat"], payload["exp"])


def test_issue_by_the_rules_of_another() -> None:
    """Type and the name of the id are the rules'."""
    rules = TokenRules(issuer="i", audience="a", typ="JWT", jti_claim="uti")
    header, payload = read_unverified(issue_token(RING, rules, subject="u1", now=NOW, token_id="x"))

    assert ("JWT", "x") == (header["typ"], payload["uti"])


def test_issue_is_accepted() -> None:
    """By the verifier of the same rules, with all that was put in."""
    token = issue_token(RING, RULES, subject="u1", permissions=["a:*"], tenant="t", session_id="s", now=NOW)
    identity = VERIFIER.verify(token, RING, NOW)

    assert ("u1", "t", "s", Grants(["a:*"])) == (
        identity.subject,
        identity.tenant,
        identity.session_id,
        identity.permissions,
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"subject": ""}, "every server would refuse this token: sub is '', not 1–128"),
        ({"subject": "José"}, r"every server would refuse this token: sub is 'Jos\\xe9', not 1–128"),
        ({"tenant": "a b"}, "every server would refuse this token: tenant is 'a b', not 1–128"),
        ({"session_id": "x" * 129}, "every server would refuse this token: sid is 'xxx"),
        ({"token_id": "a\n"}, r"every server would refuse this token: jti is 'a\\n', not 1–128"),
        ({"ttl": 0}, "ttl is 0 s; a token lives from 1 to 86400 s"),
        ({"ttl": 0.9}, "ttl is 0.9 s; a token lives from 1 to 86400 s"),
        ({"ttl": 86_401}, "ttl is 86401 s; a token lives from 1 to 86400 s"),
        ({"ttl": float("nan")}, "ttl is nan s; a token lives from 1 to 86400 s"),
        ({"permissions": "chat:read"}, "'chat:read' is one string where a list of grants belongs; write"),
        ({"permissions": ["chat::read"]}, "grant 'chat::read' has an empty segment; drop"),
        ({"roles": "editor"}, r"roles is one string, 'editor', where a list belongs; write \['editor'\]"),
        ({"roles": [7]}, "every server would refuse this token: roles is no list of strings"),
        ({"claims": {"sub": "admin"}}, "claims has sub; use the argument that is for it, or leave it out"),
        ({"claims": {"scope": "**", "exp": 1}}, "claims has exp, scope; use the argument"),
        ({"claims": {"nbf": 1}}, "claims has nbf; use the argument that is for it, or leave it out"),
        ({"claims": {"big": 2**53}}, "every server would refuse this token: an integer is beyond"),
        ({"claims": {"more": "x" * 7_000}}, "every server would refuse this token: has 9[0-9]* bytes, above 8192: use"),
        ({"claims": {"more": "x" * 70_000}}, "every server would refuse this token: more than"),
        ({"cnf": {"jwk": {"kty": "oct", "k": "c2VjcmV0"}}}, "cnf.jwk: holds a private half; make a new key"),
        ({"cnf": {"jwk": None}}, "cnf.jwk: is no JSON object"),
        ({"claims": {"nan": float("nan")}}, "not JSON compliant"),
    ],
)
def test_issue_refuses_what_a_server_would_refuse(options: Mapping[str, Any], said: str) -> None:
    """Where the mistake is made, and with what is wrong."""
    with pytest.raises(ValueError, match=said):
        issued(**options)


def test_issue_reserves_the_name_of_the_id() -> None:
    """Whatever the rules call it."""
    rules = TokenRules(issuer="i", audience="a", jti_claim="uti")

    with pytest.raises(ValueError, match="claims has uti; use the argument"):
        issue_token(RING, rules, subject="u1", now=NOW, claims={"uti": "x"})


def test_issue_needs_a_key_that_signs() -> None:
    """The error says how to get one."""
    with pytest.raises(ValueError, match="there is no current key; make one with"):
        issue_token(KeyRing(), RULES, subject="u1", now=NOW)


def test_issue_needs_issuer_and_audience() -> None:
    """What names neither is for everybody."""
    with pytest.raises(ConfigurationError, match="2 problems"):
        issue_token(RING, TokenRules(), subject="u1", now=NOW)


@given(
    st.text(max_size=10),
    st.dictionaries(st.text(max_size=4), st.none() | st.text(max_size=4) | st.integers() | st.floats(), max_size=3),
)
def test_issue_is_accepted_or_refused_here(subject: str, claims: dict[str, Any]) -> None:
    """There is no token that is handed out and then refused."""
    try:
        token = issue_token(RING, RULES, subject=subject, claims=claims, now=NOW)
    except ValueError:
        return

    identity = VERIFIER.verify(token, RING, NOW)
    assert subject == identity.subject
    assert claims == {name: identity.claims[name] for name in claims} == json.loads(json.dumps(claims))
