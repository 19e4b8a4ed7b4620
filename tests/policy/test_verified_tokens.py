"""Tokens that are known again: sooner answered, and never answered otherwise."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.attacks.forgery import b64, forge, good_claims, good_header
from tornado_wssec.errors import TokenRefused
from tornado_wssec.policy.identity import Identity
from tornado_wssec.policy.key_material import KeyMaterial, generate
from tornado_wssec.policy.keys import KeyRing
from tornado_wssec.policy.revocation_entries import Kind, LogEntry
from tornado_wssec.policy.revocation_index import RevocationIndex
from tornado_wssec.policy.revocations import make_revocation
from tornado_wssec.policy.tokens import TokenVerifier, issue_token
from tornado_wssec.policy.verified_tokens import VerifiedToken, VerifiedTokens
from tornado_wssec.settings import Limits

from .rings import NOW, RULES, key, material, ring

RING = ring("EdDSA", "ES256")


def token(subject: str = "u1", alg: str = "EdDSA", **claims: Any) -> str:
    """A good token of this subject."""
    return forge(key(alg), good_header(key(alg), RULES), good_claims(RULES, NOW) | {"sub": subject} | claims)


def judged(verifier: TokenVerifier, token: str, keys: KeyRing, now: float, not_before: float = 0.0) -> Identity | str:
    """The identity, or the evidence of the refusal."""
    try:
        return verifier.verify(token, keys, now, not_before=not_before)
    except TokenRefused as refusal:
        return refusal.evidence


def test_known_token_costs_no_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time nobody looks at it."""
    verifier, shown = TokenVerifier(RULES), token()
    first = verifier.verify(shown, RING, NOW)
    monkeypatch.setattr(KeyMaterial, "verify", None)

    assert first == verifier.verify(shown, RING, NOW)


def test_refusals_are_not_kept() -> None:
    """What has been refused is nowhere, so that strangers cannot drive out who is known."""
    verifier = TokenVerifier(RULES)
    for bad in (token()[:-4] + "AAAA", token(sub=""), token(exp=int(NOW)), "a.b.c", ""):
        assert isinstance(judged(verifier, bad, RING, NOW), str)

    assert 0 == len(verifier._known)


def test_known_token_ends_like_any_other() -> None:
    """Its end, its beginning, its store's generation: each is asked every time."""
    verifier, shown = TokenVerifier(RULES), token(nbf=int(NOW))
    assert "u1" == verifier.verify(shown, RING, NOW).subject

    assert "expired 0 s ago" == judged(verifier, shown, RING, NOW + 600)
    assert "iat is 31 s ahead" == judged(verifier, shown, RING, NOW - 31)
    assert "issued before the store's generation was made" == judged(verifier, shown, RING, NOW, NOW + 1)


def test_known_token_needs_its_key() -> None:
    """Retired, compromised and gone are seen at once."""
    verifier, shown = TokenVerifier(RULES), token()
    kid = RING.current.kid
    retired = RING.retire(kid, NOW - 90_000)
    assert "u1" == verifier.verify(shown, RING, NOW).subject

    assert f"no key '{kid}' verifies" == judged(verifier, shown, retired, NOW)
    assert "u1" == verifier.verify(shown, RING, NOW).subject
    assert f"no key '{kid}' verifies: it is compromised" == judged(
        verifier, shown, RING.retire(kid, NOW, compromised=True), NOW
    )
    assert f"no key '{kid}' verifies" == judged(verifier, shown, KeyRing(), NOW)


def test_known_token_without_a_kid_is_asked_for_it() -> None:
    """One key needs no name; when its issuer adds another, tokens must say which."""
    header = {"alg": "ES256", "typ": RULES.typ}
    shown, verifier = forge(key("ES256"), header, good_claims(RULES, NOW)), TokenVerifier(RULES)
    one, _ = KeyRing.from_issuer({"keys": [material("ES256").public_jwk()]})
    two = KeyRing((*one.keys, key("EdDSA")))

    assert "u1" == verifier.verify(shown, one, NOW).subject
    assert "no key None verifies" == judged(verifier, shown, two, NOW)


def test_known_token_is_not_good_by_another_key_of_the_name() -> None:
    """An issuer may give a name that it has used to another key; what the first one signed is nothing to it."""
    shown, verifier = (
        forge(key("ES256"), good_header(key("ES256"), RULES) | {"kid": "a"}, good_claims(RULES, NOW)),
        TokenVerifier(RULES),
    )
    made = generate("ES256")
    first, second = (
        KeyRing.from_issuer({"keys": [{**one.public_jwk(), "kid": "a"}]})[0] for one in (material("ES256"), made)
    )

    assert "u1" == verifier.verify(shown, first, NOW).subject
    assert "the signature is not by key 'a'" == judged(verifier, shown, second, NOW)


def test_known_token_keeps_its_claims() -> None:
    """Whoever changes the claims of one identity changes those of no other."""
    verifier, shown = TokenVerifier(RULES), token(realm_access={"roles": ["viewer"]})
    verifier.verify(shown, RING, NOW)
    for _ in range(2):
        verifier.verify(shown, RING, NOW).claims["realm_access"]["roles"].append("admin")

    assert ["viewer"] == verifier.verify(shown, RING, NOW).claims["realm_access"]["roles"]


def test_spellings_are_different_tokens() -> None:
    """One that PyJWT would take, and we refuse, is refused behind the other one, too."""
    verifier, shown = TokenVerifier(RULES), token()
    verifier.verify(shown, RING, NOW)

    for other in (shown + "=", shown + "\n", " " + shown, shown.replace(".", "=.", 1)):
        assert isinstance(judged(verifier, other, RING, NOW), str)


def test_two_signatures_of_one_text_are_two_entries() -> None:
    """ES256 signs differently each time; both are good, and the identity is the same."""
    verifier = TokenVerifier(RULES)
    first, second = token(alg="ES256"), token(alg="ES256")

    assert first != second
    assert verifier.verify(first, RING, NOW) == verifier.verify(second, RING, NOW)
    assert 2 == len(verifier._known)


def test_as_many_as_the_limit_are_known() -> None:
    """Who was not asked for longest is forgotten first."""
    known = VerifiedTokens(2)
    verified = VerifiedToken(RING.current.kid, RING.current, "{}")
    for name in ("a", "b", "a", "c"):
        if known.find(name, RING, NOW) is None:
            known.add(name, verified)

    assert [verified, None, None] == [known.recall(name) for name in ("c", "b", 7)]
    assert [verified, None, verified] == [known.find(name, RING, NOW) for name in ("a", "b", "c")]
    assert 2 == len(known)


def test_known_tokens_are_not_kept_themselves() -> None:
    """Neither whole nor their signature; no repr shows what is."""
    verifier, shown = TokenVerifier(RULES), token()
    verifier.verify(shown, RING, NOW)
    (kept,) = verifier._known._by_digest.items()

    assert shown.rpartition(".")[2] not in json.dumps([str(kept[0]), kept[1].payload])
    assert "u1" not in repr(kept)
    assert b64("x") not in kept[1].payload


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("show"), st.integers(0, 3)),
        st.tuples(st.just("wait"), st.sampled_from([-40, -1, 1, 59, 300, 600])),
        st.tuples(st.just("revoke"), st.integers(0, 3)),
        st.tuples(st.sampled_from(["rotate", "retire", "reload", "compromise", "generation"]), st.just(0)),
    ),
    max_size=24,
)


@given(STEPS)
def test_verdicts_are_the_same_with_and_without(steps: list[tuple[str, int]]) -> None:
    """In whatever order tokens are shown, time passes either way, keys come and go, and tokens are revoked."""
    keys, now, not_before, index = ring("EdDSA", "ES256"), NOW, 0.0, RevocationIndex()
    tokens = [issue_token(keys, RULES, subject=f"u{place}", now=NOW, token_id=f"t{place}") for place in range(3)]
    tokens.append(tokens[0][:-1] + ("A" if tokens[0][-1] != "A" else "Q"))
    knowing = TokenVerifier(RULES, limits=Limits(verified_tokens=2))
    for what, value in steps:
        if what == "show":
            fresh = judged(TokenVerifier(RULES), tokens[value], keys, now, not_before)
            known = judged(knowing, tokens[value], keys, now, not_before)
            assert fresh == known
            if isinstance(fresh, Identity) and isinstance(known, Identity):
                assert index.revoked(fresh, now) == index.revoked(known, now)
        elif what == "wait":
            now += value
        elif what == "revoke":
            index.apply(LogEntry("1", make_revocation(Kind.TOKEN, f"t{value}", now, rules=RULES)))
        elif what == "rotate":
            keys = keys.rotate(now)
        elif what == "retire":
            keys = keys.retire(keys.keys[0].kid, now - 90_000)
        elif what == "compromise":
            keys = keys.retire(keys.keys[0].kid, now, compromised=True)
        elif what == "reload":
            keys = KeyRing.from_jwks(keys.to_jwks())
        else:
            not_before = now
