"""Tokens, verified whole: shape, header, key, signature, claims. The attacks are in tests/attacks."""

import base64
import json
import logging
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jwt import get_algorithm_by_name

from tests.attacks.forgery import forge, good_claims, good_header, without
from tests.attacks.hostile_tokens import good_token
from tornado_wssec.errors import ConfigurationError, TokenRefused
from tornado_wssec.policy.key_material import ALGORITHMS, KeyMaterial
from tornado_wssec.policy.keys import KeyRing
from tornado_wssec.policy.tokens import TokenVerifier, issue_token, read_unverified
from tornado_wssec.settings import Limits, TokenRules

from .rings import NOW, RULES, key, material, ring, rsa_of

RING = ring()
VERIFIER = TokenVerifier(RULES)
GOOD = good_token(RING, RULES, NOW)


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_verify_accepts_by_every_algorithm(alg: str) -> None:
    """The token that we issue is one that we accept, whatever key is current."""
    made = ring(alg)
    identity = VERIFIER.verify(issue_token(made, RULES, subject="u1", now=NOW), made, NOW)

    assert ("u1", key(alg).kid) == (identity.subject, identity.key_id)


def test_verify_accepts_by_keys_that_are_not_current() -> None:
    """A next key, since another node may have promoted it; and a public half from the store."""
    token = forge(key("ES256"), good_header(key("ES256"), RULES), good_claims(RULES, NOW))

    assert "u1" == VERIFIER.verify(token, RING, NOW).subject
    assert "u1" == VERIFIER.verify(token, KeyRing().merge_public(RING.public_document()), NOW).subject


@pytest.mark.parametrize("token", [None, 7, b"a.b.c", GOOD.encode(), [GOOD]])
def test_verify_refuses_what_is_no_text(token: Any) -> None:
    """PyJWT takes bytes; a header is text."""
    with pytest.raises(TokenRefused, match="the token is of type"):
        VERIFIER.verify(token, RING, NOW)


@pytest.mark.parametrize("alg", ["none", "HS256", "ES256", "RS256"])
def test_verify_compares_the_algorithm_before_any_cryptography(alg: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyJWT would, too; a verifier that leans on one check is one mistake away from none."""
    token = forge(RING.current, good_header(RING.current, RULES) | {"alg": alg}, good_claims(RULES, NOW))
    monkeypatch.setattr(KeyMaterial, "verify", None)

    with pytest.raises(TokenRefused, match=f"alg is '{alg}', and the key is for EdDSA"):
        VERIFIER.verify(token, RING, NOW)


@pytest.mark.parametrize(
    ("changed", "evidence"),
    [
        ({"kid": 7}, "kid is 7"),
        ({"kid": "other"}, "no key 'other' verifies"),
        ({"typ": "JWT"}, "typ is 'JWT'"),
        ({"typ": None}, "typ is None"),
        ({"jku": "https://evil.example"}, "the header has 'jku'"),
    ],
)
def test_verify_tells_what_is_wrong_with_the_header(changed: dict[str, Any], evidence: str) -> None:
    """To the log, with the value where it is short; the corpus has many more of each."""
    token = forge(RING.current, good_header(RING.current, RULES) | changed, good_claims(RULES, NOW))

    with pytest.raises(TokenRefused) as caught:
        VERIFIER.verify(token, RING, NOW)
    assert evidence == caught.value.evidence


def test_verify_tells_that_a_key_is_compromised() -> None:
    """An operator who revoked it wants to see it used."""
    with pytest.raises(TokenRefused, match=r"no key .* verifies: it is compromised"):
        VERIFIER.verify(GOOD, RING.retire(RING.current.kid, NOW, compromised=True), NOW)


@pytest.mark.parametrize("mark", ["AAAA", "A" * 86])
def test_verify_tells_that_the_signature_is_wrong(mark: str) -> None:
    """And by which key it should have been."""
    with pytest.raises(TokenRefused, match=f"the signature is not by key '{RING.current.kid}'"):
        VERIFIER.verify(f"{GOOD.rpartition('.')[0]}.{mark}", RING, NOW)


def test_verify_compares_types_in_ascii() -> None:
    """U+212A, the Kelvin sign, becomes a k in lower case; and no two types beyond ASCII are the same for that alone."""
    rules = TokenRules(issuer="i", audience="a", typ="token+jwt")
    token = forge(RING.current, good_header(RING.current, rules) | {"typ": "to\u212aen+jwt"}, good_claims(rules, NOW))

    assert "token" == "to\u212aen".lower()
    with pytest.raises(TokenRefused, match="typ is"):
        TokenVerifier(rules).verify(token, RING, NOW)
    with pytest.raises(TokenRefused, match="typ is"):
        TokenVerifier(TokenRules(issuer="i", audience="a", typ="caf\u00e9")).verify(token, RING, NOW)


def test_verify_refuses_by_an_empty_ring() -> None:
    """No keys, no tokens."""
    with pytest.raises(TokenRefused, match=r"no key .* verifies"):
        VERIFIER.verify(GOOD, KeyRing(), NOW)


def test_verify_has_the_caps_of_the_limits() -> None:
    """The cap on tokens is the one that is configured; a smaller one on messages does not matter here."""
    length = len(GOOD)
    exact = TokenVerifier(RULES, limits=Limits(token_bytes=length, message_bytes=16))

    assert "u1" == exact.verify(GOOD, RING, NOW).subject
    with pytest.raises(TokenRefused, match=f"the token has {length} characters, above {length - 1}"):
        TokenVerifier(RULES, limits=Limits(token_bytes=length - 1)).verify(GOOD, RING, NOW)


def test_verify_expands_roles() -> None:
    """By the table of the verifier."""
    token = issue_token(RING, RULES, subject="u1", roles=["editor"], now=NOW)
    verifier = TokenVerifier(RULES, {"editor": ["board:*:draw"]})

    assert ["board:*:draw"] == list(verifier.verify(token, RING, NOW).permissions)


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c", "crit", "zip", "enc", "b64"])
def test_verifier_does_not_start_where_a_dangerous_header_is_ignorable(name: str) -> None:
    """To ignore it would be to verify something else than was signed, or by another key."""
    with pytest.raises(ConfigurationError, match=f"TokenRules.ignorable_headers: names {name}, which would change"):
        TokenVerifier(TokenRules(issuer="i", audience="a", ignorable_headers=frozenset({name, "x5t"})))


def test_verify_refuses_where_it_fails_itself(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A mistake of ours lets nobody in, and the log says where it is."""
    monkeypatch.setattr(KeyMaterial, "verify", lambda _, token: 1 / 0)

    with pytest.raises(TokenRefused, match="judging it failed unexpectedly"):
        TokenVerifier(RULES).verify(GOOD, RING, NOW)
    assert "judging a token failed with ZeroDivisionError in test_verify_refuses_where_it_fails_itself" in caplog.text


# --- other issuers ---


def test_verify_accepts_an_issuer_as_it_is() -> None:
    """RSA of 2,048 bits, typ JWT, a thumbprint in the header, keys under the issuer's names: as Entra does it."""
    rules = TokenRules(issuer="https://login.example", audience="api", typ="JWT", ignorable_headers=frozenset({"x5t"}))
    algorithm = get_algorithm_by_name("RS256")
    jwk = algorithm.to_jwk(rsa_of(2048).public_key(), as_dict=True)
    keys, _ = KeyRing.from_issuer({"keys": [{**jwk, "kid": "rsa/1"}, material("ES256").public_jwk()]})
    header = {"alg": "RS256", "typ": "JWT", "kid": "rsa/1", "x5t": "rsa/1"}
    signed = b".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, good_claims(rules, NOW))
    )
    mark = base64.urlsafe_b64encode(algorithm.sign(signed, rsa_of(2048))).rstrip(b"=")

    assert "u1" == TokenVerifier(rules).verify(f"{signed.decode()}.{mark.decode()}", keys, NOW).subject


def test_verify_without_a_name_by_the_only_key() -> None:
    """An issuer with one key need not name it; with two it must."""
    rules = TokenRules(issuer="https://login.example", audience="api", typ="JWT")
    token = forge(key("ES256"), {"alg": "ES256", "typ": "JWT"}, good_claims(rules, NOW))
    one, _ = KeyRing.from_issuer({"keys": [material("ES256").public_jwk()]})
    two, _ = KeyRing.from_issuer({"keys": [material(alg).public_jwk() for alg in ("ES256", "EdDSA")]})

    assert "u1" == TokenVerifier(rules).verify(token, one, NOW).subject
    with pytest.raises(TokenRefused, match="no key None verifies"):
        TokenVerifier(rules).verify(token, two, NOW)


def test_verify_warns_once_of_long_lives(caplog: pytest.LogCaptureFixture) -> None:
    """Above an hour they are accepted, and the operator is told who issues them."""
    verifier = TokenVerifier(RULES)
    for ttl in (3600, 3601, 7200):
        verifier.verify(issue_token(RING, RULES, subject="u1", ttl=ttl, now=NOW), RING, NOW)

    told = "tokens of https://issuer.example live 3601 s; above 3600 s rights are hard to take back: shorten them"
    assert [logging.WARNING] == [record.levelno for record in caplog.records]
    assert told in caplog.text


def test_verify_tells_of_clocks_every_ten_minutes(caplog: pytest.LogCaptureFixture) -> None:
    """Each token from later than now is counted; of all of them together the log tells once in ten minutes."""
    verifier, told = TokenVerifier(RULES), []
    token = forge(RING.current, good_header(RING.current, RULES), good_claims(RULES, NOW + 10_000))
    counted = [verifier.ahead]
    for now in (NOW, NOW + 1, NOW + 599, NOW + 600, NOW + 1199):
        with pytest.raises(TokenRefused, match="ahead"):
            verifier.verify(token, RING, now)
        counted.append(verifier.ahead)
        told.append(len(caplog.records))

    assert ([0, 1, 2, 3, 4, 5], [1, 1, 1, 2, 2]) == (counted, told)


def test_verify_without_a_type_where_none_is_asked_for() -> None:
    """What says nothing of its type is a JWT; where the rules ask for a type, it has to say so."""
    token = forge(RING.current, without(good_header(RING.current, RULES), "typ"), good_claims(RULES, NOW))

    assert "u1" == TokenVerifier(replace(RULES, typ=None)).verify(token, RING, NOW).subject
    with pytest.raises(TokenRefused, match="typ is None"):
        VERIFIER.verify(token, RING, NOW)


def test_verifier_recalls_what_it_has_accepted() -> None:
    """By its text; nothing of what it has not seen."""
    verifier = TokenVerifier(RULES)
    unseen = verifier.recall(GOOD)
    verifier.verify(GOOD, RING, NOW)
    known = verifier.recall(GOOD)

    assert unseen is None
    assert known is not None
    assert (RING.current, "u1") == (known.key, known.claims()["sub"])


# --- unverified ---


def test_read_unverified_gives_header_and_payload() -> None:
    """Of a token that nobody would accept, too: to show it, or to find the rules of its issuer."""
    stranger = forge(key("ES256"), {"alg": "none", "x": 1}, {"iss": "https://login.example"})

    assert ({"alg": "none", "x": 1}, {"iss": "https://login.example"}) == read_unverified(stranger)


@pytest.mark.parametrize(
    "token", ["", "a.b", "e30.e30.", GOOD + "=", "x" * 8193, "e30.W10.AA", "e30.eyJhIjoxLCJhIjoyfQ.AA"]
)
def test_read_unverified_is_as_strict(token: str) -> None:
    """Size, shape and JSON are judged as for any other."""
    with pytest.raises(TokenRefused):
        read_unverified(token)


# --- anything at all ---


SHAPED = st.from_regex(r"\A[\w-]{2,9}\.[\w-]{2,9}\.[\w-]{2,9}\Z")


@given(st.text() | st.text(alphabet="abc._-=", max_size=40) | SHAPED)
@example(GOOD + ".")
def test_verify_refuses_any_text(text: str) -> None:
    """No text that was not signed gets in, and none is unexpected."""
    with pytest.raises(TokenRefused) as caught:
        VERIFIER.verify(text, RING, NOW)

    assert "judging it failed unexpectedly" != caught.value.evidence


@given(st.integers(0, len(GOOD) - 1), st.characters())
def test_verify_refuses_a_token_with_one_character_changed(place: int, character: str) -> None:
    """Each character counts: one token has one spelling."""
    changed = GOOD[:place] + character + GOOD[place + 1 :]
    if changed == GOOD:
        return

    with pytest.raises(TokenRefused) as caught:
        VERIFIER.verify(changed, RING, NOW)
    assert "judging it failed unexpectedly" != caught.value.evidence


@given(
    st.dictionaries(
        st.sampled_from(["alg", "typ", "kid", "crit", "b64", "jku", "x"]),
        st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.lists(st.text(max_size=3), max_size=2),
        min_size=1,
    )
)
def test_verify_refuses_any_other_header(changed: dict[str, Any]) -> None:
    """The one header that is accepted is ours."""
    header = good_header(RING.current, RULES)
    if {**header, **changed} == header:
        return

    with pytest.raises(TokenRefused) as caught:
        VERIFIER.verify(forge(RING.current, {**header, **changed}, good_claims(RULES, NOW)), RING, NOW)
    assert "judging it failed unexpectedly" != caught.value.evidence
