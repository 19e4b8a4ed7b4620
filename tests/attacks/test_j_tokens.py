"""Lines J01–J12, J16, J19–J23, J25 and J26 of the attack corpus, judged by the verifier alone.

The same tokens are sent over real sockets elsewhere; what is refused here never gets that far.
"""

import logging
import re
import secrets
import socket
import traceback
from typing import Any, NoReturn

import pytest
from jwt import get_algorithm_by_name

from tests.policy.rings import NOW, RULES, key, material, ring, rsa_of
from tornado_wssec.errors import ConfigurationError, TokenRefused
from tornado_wssec.policy.key_documents import import_jwk, import_secret
from tornado_wssec.policy.key_material import KeyMaterial
from tornado_wssec.policy.keys import KeyRing
from tornado_wssec.policy.revocation_entries import Kind, LogEntry
from tornado_wssec.policy.revocation_index import RevocationIndex
from tornado_wssec.policy.revocations import make_revocation
from tornado_wssec.policy.tokens import TokenVerifier, issue_token
from tornado_wssec.settings import LEEWAY_MOST, TokenRules

from .forgery import forge, good_claims, good_header, public_spellings
from .hostile_tokens import HostileToken, good_token, hostile_tokens

RING = ring()
VERIFIER = TokenVerifier(RULES, {"editor": ["board:*:draw"]})
TOKENS = hostile_tokens(RING, RULES, NOW)


KEY_NAME = re.compile(r"[A-Za-z0-9_-]{30,}")
"""Of keys that are made anew by each process."""


def of_line(line: str) -> pytest.MarkDecorator:
    """The tokens of one line of the corpus, as parameters."""
    return pytest.mark.parametrize(
        "hostile", [made for made in TOKENS if made.line == line], ids=lambda made: KEY_NAME.sub("(a key)", made.what)
    )


CLOCKS = "are no difference that clocks may have"


def assert_refused(hostile: HostileToken, caplog: pytest.LogCaptureFixture) -> None:
    """It is refused for a cause that was foreseen, and the evidence is short and holds nothing of the token."""
    with pytest.raises(TokenRefused) as caught:
        VERIFIER.verify(hostile.token, RING, NOW)

    told = [message for message in caplog.messages if CLOCKS not in message]  # of those from later than now (K18)
    assert [] == told
    assert 0 < len(caught.value.evidence) < 200
    assert caught.value.evidence.isprintable()
    assert [] == [part for part in hostile.token.split(".") if len(part) > 20 and part in caught.value.evidence]


def assert_accepted(header: dict[str, Any], claims: dict[str, Any]) -> None:
    """What stands close to an attack and is none."""
    token = forge(RING.current, good_header(RING.current, RULES) | header, good_claims(RULES, NOW) | claims)

    assert "u1" == VERIFIER.verify(token, RING, NOW).subject


def test_j00_the_token_that_all_are_made_from() -> None:
    """It is accepted, so that each of the others is refused for its own fault."""

    assert "u1" == VERIFIER.verify(good_token(RING, RULES, NOW), RING, NOW).subject
    assert 300 < len({made.token for made in TOKENS}) <= len(TOKENS)


@of_line("J01")
def test_j01_algorithm_of_nobody(hostile: HostileToken, caplog: pytest.LogCaptureFixture) -> None:
    """`none` in any spelling, no algorithm, no signature."""
    assert_refused(hostile, caplog)


@of_line("J02")
def test_j02_signature_of_something_else(hostile: HostileToken, caplog: pytest.LogCaptureFixture) -> None:
    """Another token's, a stranger's, cut, changed, or spelt another way."""
    assert_refused(hostile, caplog)


@of_line("J03")
def test_j03_public_key_as_secret(hostile: HostileToken, caplog: pytest.LogCaptureFixture) -> None:
    """The key's algorithm is not the token's to choose."""
    assert_refused(hostile, caplog)


@pytest.mark.parametrize("alg", ["EdDSA", "ES256", "RS256"])
def test_j03_public_key_is_no_secret_to_import(alg: str) -> None:
    """An HMAC key that everybody has is refused at the start, in every spelling of 32 bytes or more."""
    spellings = {name: text for name, text in public_spellings(key(alg)).items() if name not in ("kid", "nothing")}

    for text in spellings.values():
        with pytest.raises(ConfigurationError, match=r"looks like a public key|with white space around it"):
            import_secret(text, now=NOW)


@pytest.mark.standard("RFC 7638")
def test_j03_families_do_not_mix_under_one_name() -> None:
    """A document that has a shared secret under the name of a public key does not start."""
    public = key("EdDSA").private_entry()
    shared = {**key("HS256").private_entry(), "kid": key("EdDSA").kid}
    issuers = [{**material(alg).public_jwk(), "kid": "a"} for alg in ("EdDSA", "RS256")]

    with pytest.raises(ConfigurationError, match="has a kid that is not its thumbprint"):
        KeyRing.from_jwks({"keys": [public, shared]})
    with pytest.raises(ConfigurationError, match="has 2 keys named 'a', for EdDSA, RS256"):
        KeyRing.from_issuer({"keys": issuers})


@of_line("J04")
def test_j04_algorithm_of_another_key(hostile: HostileToken, caplog: pytest.LogCaptureFixture) -> None:
    """Allowed somewhere, but not for this key."""
    assert_refused(hostile, caplog)


def test_j04_one_name_for_two_algorithms() -> None:
    """Does not start, in our file or an issuer's."""
    ours = [key("RS256").private_entry() | {"alg": alg} for alg in ("RS256", "PS256")]
    theirs = [material("RS256").public_jwk() | {"alg": alg, "kid": "a"} for alg in ("RS256", "PS256")]

    with pytest.raises(ConfigurationError, match=r"has 2 keys named '.*', for RS256, PS256"):
        KeyRing.from_jwks({"keys": ours})
    with pytest.raises(ConfigurationError, match="has 2 keys named 'a', for RS256, PS256"):
        KeyRing.from_issuer({"keys": theirs})


@of_line("J05")
def test_j05_name_of_no_key(hostile: HostileToken, caplog: pytest.LogCaptureFixture) -> None:
    """No type but string, no path, no statement, no default."""
    assert_refused(hostile, caplog)


@of_line("J06")
def test_j06_header_that_brings_something(
    hostile: HostileToken, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A header beside alg, typ and kid is refused, and nobody is asked over the network."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert_refused(hostile, caplog)


@pytest.mark.standard("ASVS 5.0 9.2.1")
@of_line("J07")
def test_j07_expiry(hostile: HostileToken, caplog: pytest.LogCaptureFixture) -> None:
    """Of another type, past, or further away than a token may live."""
    assert_refused(hostile, caplog)


@of_line("J09")
def test_j09_issue_and_beginning(hostile: HostileToken, caplog: pytest.LogCaptureFixture) -> None:
    """Of another type, ahead of our clock, or after the end."""
    assert_refused(hostile, caplog)


def test_j09_leeway_is_what_clocks_may_differ() -> None:
    """30 s ahead are accepted, and no rules may allow more than a minute."""
    assert_accepted({}, {"iat": int(NOW) + 30, "nbf": int(NOW) + 30})

    with pytest.raises(ConfigurationError, match=r"TokenRules.leeway: 61 s is above 60 s"):
        TokenRules(leeway=LEEWAY_MOST + 1)


@of_line("J10")
def test_j10_issuer(hostile: HostileToken, caplog: pytest.LogCaptureFixture) -> None:
    """Compared whole, as it is."""
    assert_refused(hostile, caplog)


@pytest.mark.standard("ASVS 5.0 9.2.3")
@of_line("J11")
def test_j11_audience(hostile: HostileToken, caplog: pytest.LogCaptureFixture) -> None:
    """For somebody else, for nobody, or for a crowd."""
    assert_refused(hostile, caplog)


def test_j11_audience_of_several() -> None:
    """A list that names us is accepted, unless the rules are strict."""
    assert_accepted({}, {"aud": ["other", RULES.audience]})
    strict = TokenRules(issuer=RULES.issuer, audience=RULES.audience, only_our_audience=True)
    token = forge(RING.current, good_header(RING.current, RULES), good_claims(RULES, NOW) | {"aud": ["other", "wss"]})

    with pytest.raises(TokenRefused, match="aud names others too"):
        TokenVerifier(strict).verify(token, RING, NOW)


@of_line("J12")
def test_j12_names_twice(hostile: HostileToken, caplog: pytest.LogCaptureFixture) -> None:
    """In header or payload, also where one is escaped; and payloads that are no object."""
    assert_refused(hostile, caplog)


@of_line("J16")
def test_j16_another_type(hostile: HostileToken, caplog: pytest.LogCaptureFixture) -> None:
    """An ID, refresh or message token, a ticket, a type that only resembles."""
    assert_refused(hostile, caplog)


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"])
def test_j16_media_types_have_no_case(typ: str) -> None:
    """RFC 9068 allows these spellings of one type."""
    assert_accepted({"typ": typ}, {})


@of_line("J19")
def test_j19_subject(hostile: HostileToken, caplog: pytest.LogCaptureFixture) -> None:
    """What is not 1–128 printable ASCII characters is no name, and rights that are malformed are none."""
    assert_refused(hostile, caplog)


@of_line("J20")
def test_j20_size(hostile: HostileToken, caplog: pytest.LogCaptureFixture) -> None:
    """Over the cap, or within it and deep."""
    assert_refused(hostile, caplog)


def test_j20_size_is_judged_before_anything_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A megabyte costs one comparison."""

    def refuse(*_: object) -> NoReturn:
        raise AssertionError("it was parsed")

    monkeypatch.setattr("tornado_wssec.policy.tokens.decode", refuse)
    with pytest.raises(TokenRefused, match="the token has 8193 characters, above 8192"):
        VERIFIER.verify("x" * 8193, RING, NOW)


@of_line("J21")
def test_j21_token_id(hostile: HostileToken, caplog: pytest.LogCaptureFixture) -> None:
    """Absent, of another type, too long, or able to break out of a line."""
    assert_refused(hostile, caplog)


@pytest.mark.parametrize("token_id", ["onrtac:0b5b3c1e", "*", "a|b", "{x}", "~" * 128])
def test_j21_token_id_is_opaque(token_id: str) -> None:
    """Other people's issuers use colons; a jti is compared whole and is never a pattern."""
    assert_accepted({}, {"jti": token_id})


def test_j22_revoked_key() -> None:
    """What a compromised key signed is refused at once."""
    burnt = RING.retire(RING.current.kid, NOW, compromised=True)

    with pytest.raises(TokenRefused, match=r"no key .* verifies: it is compromised"):
        VERIFIER.verify(good_token(RING, RULES, NOW), burnt, NOW)


@pytest.mark.requirement("R079")
@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.TOKEN, "id-1"),
        (Kind.SESSION, "s-1"),
        (Kind.SUBJECT, "u1"),
        (Kind.TENANT, "acme"),
        pytest.param(Kind.KEY, RING.current.kid, id="key"),
    ],
)
@pytest.mark.parametrize("seconds_ago", [0, 300])
def test_j22_revoked_by_what_it_says(kind: Kind, value: str, seconds_ago: int) -> None:
    """By its id, session, subject, tenant or key; a token of the same second as the cut-off is taken, too."""
    claims = good_claims(RULES, NOW) | {"sid": "s-1", "tenant": "acme", "iat": int(NOW) - seconds_ago}
    identity = VERIFIER.verify(forge(RING.current, good_header(RING.current, RULES), claims), RING, NOW)
    index = RevocationIndex()
    index.apply(LogEntry("1", make_revocation(kind, value, NOW, rules=RULES)))

    assert [kind] == [found.kind for found in [index.revoked(identity, NOW)] if found]


def test_j22_clock_ahead_is_no_way_past_a_revocation() -> None:
    """A token that claims to be issued in the future counts as issued now: `issued before` takes it, too."""
    claims = good_claims(RULES, NOW) | {"iat": int(NOW) + 30}
    identity = VERIFIER.verify(forge(RING.current, good_header(RING.current, RULES), claims), RING, NOW)

    assert (NOW, "id-1", RING.current.kid) == (identity.issued_at, identity.token_id, identity.key_id)


def test_j22_store_of_another_life() -> None:
    """Tokens from before the store's generation are refused, those of its very second are not."""
    token = good_token(RING, RULES, NOW)

    assert "u1" == VERIFIER.verify(token, RING, NOW, not_before=NOW + 0.9).subject
    with pytest.raises(TokenRefused, match="issued before the store's generation was made"):
        VERIFIER.verify(token, RING, NOW, not_before=NOW + 1)


def test_j23_rotated_key() -> None:
    """The old key verifies until the longest token it signed has ended, and then no more."""
    rules = TokenRules(issuer=RULES.issuer, audience=RULES.audience, max_lifetime=3600)
    verifier, token = TokenVerifier(rules), issue_token(RING, rules, subject="u1", ttl=3600, now=NOW)
    after = RING.rotate(NOW, rules.max_lifetime)

    assert "u1" == verifier.verify(token, after, NOW + 3599).subject
    with pytest.raises(TokenRefused, match=r"no key .* verifies$"):
        verifier.verify(token, after, NOW + 3600 + LEEWAY_MOST)
    assert "u2" == verifier.verify(issue_token(after, rules, subject="u2", now=NOW), after, NOW).subject


@pytest.mark.parametrize(
    "secret",
    [b"", b"secret", secrets.token_bytes(31), bytes(32), b"a" * 64, secrets.token_urlsafe(32).encode() + b"\n"],
    ids=["empty", "word", "31 bytes", "zeros", "letter", "newline"],
)
def test_j25_weak_secret(secret: bytes) -> None:
    """Short, guessable, or with the newline of an environment file: it does not start."""
    with pytest.raises(ConfigurationError, match="imported key: is an HS256 secret"):
        import_secret(secret, now=NOW)


def test_j25_weak_rsa() -> None:
    """So with an RSA key that PyJWT merely warns of."""
    jwk = get_algorithm_by_name("RS256").to_jwk(rsa_of(1024), as_dict=True)

    with pytest.raises(ConfigurationError, match="is RSA with 1024 bits"):
        import_jwk(jwk, now=NOW, alg="RS256")


@pytest.mark.parametrize("failure", [RuntimeError, RecursionError, MemoryError, UnicodeDecodeError, KeyError])
def test_j26_unexpected_failure(
    failure: type[Exception], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is a refusal like any other, logged once, and the log holds nothing of the token."""
    token = good_token(RING, RULES, NOW)

    def fail(_: KeyMaterial, given: str) -> NoReturn:
        raise failure(*("utf-8", given.encode(), 0, 1, given) if failure is UnicodeDecodeError else (given,))

    monkeypatch.setattr(KeyMaterial, "verify", fail)
    with caplog.at_level(logging.DEBUG), pytest.raises(TokenRefused) as caught:
        TokenVerifier(RULES).verify(token, RING, NOW)  # one that does not know the token yet

    assert [("tornado_wssec.tokens", logging.ERROR)] == [(made.name, made.levelno) for made in caplog.records]
    assert f"failed with {failure.__name__} in test_j26_unexpected_failure.<locals>.fail:" in caplog.text
    assert [] == [part for part in token.split(".") if part in caplog.text or part in str(caught.value)]
    assert None is caught.value.__context__
    assert failure.__name__ not in "".join(traceback.format_exception(caught.value))
