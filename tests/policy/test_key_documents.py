"""Keys out of documents, and documents that are refused."""

import math
import secrets
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from jwt import get_algorithm_by_name

from tornado_wssec.errors import ConfigurationError, Problem
from tornado_wssec.policy.base64url import encode
from tornado_wssec.policy.key import KeyState
from tornado_wssec.policy.key_documents import (
    import_jwk,
    import_pem,
    import_secret,
    read_issuer_keys,
    read_key_file,
    read_published,
)
from tornado_wssec.policy.key_material import ALGORITHMS, PRIVATE_MEMBERS
from tornado_wssec.policy.keys import KeyRing

from .rings import NOW, key, material, ring, rsa_of

CURRENT, RETIRED, COMPROMISED = KeyState.CURRENT, KeyState.RETIRED, KeyState.COMPROMISED


def entry(of: str = "EdDSA", /, **members: Any) -> dict[str, Any]:
    """A private entry with other members; None takes one away."""
    changed = {**key(of).private_entry(), **members}
    return {name: value for name, value in changed.items() if value is not None}


def told(problems: list[Problem]) -> list[str]:
    """Where and what, without the remedy."""
    return [f"{problem.where}: {problem.fault}" for problem in problems]


# --- our own key file ---


def test_read_key_file_gives_every_key() -> None:
    """Keys of each algorithm and state come back as they were."""
    keys = [
        key("EdDSA", CURRENT),
        key("ES256"),
        key("RS256").moved(RETIRED, retired_at=NOW, verify_until=NOW + 60),
        key("HS256").moved(COMPROMISED, retired_at=NOW, verify_until=NOW),
    ]

    found, problems = read_key_file({"keys": [made.private_entry() for made in keys]})

    assert (keys, []) == (found, problems)
    assert [True, True, False, False] == [made.can_sign for made in found]


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        (None, "key file: is no JWK Set of at most 1,000 keys"),
        ([], "key file: is no JWK Set of at most 1,000 keys"),
        ({}, "key file: is no JWK Set of at most 1,000 keys"),
        ({"keys": {}}, "key file: is no JWK Set of at most 1,000 keys"),
        ({"keys": [{}] * 1_001}, "key file: is no JWK Set of at most 1,000 keys"),
        ({"keys": [7]}, "key file[0]: is no JSON object"),
        ({"keys": [entry(kid=None)]}, "key file[0]: has no thumbprint for a kid"),
        ({"keys": [entry(kid=7)]}, "key file[0]: has no thumbprint for a kid"),
        ({"keys": [entry(kid="k")]}, "key file[0]: has no thumbprint for a kid"),
        ({"keys": [entry(kid="é" * 43)]}, "key file[0]: has no thumbprint for a kid"),
        ({"keys": [entry(kid=key("ES256").kid)]}, "key file[0]: has a kid that is not its thumbprint"),
        ({"keys": [entry(alg=None)]}, "key file[0]: has no alg of EdDSA, ES256, PS256, RS256, HS256"),
        ({"keys": [entry(alg=["EdDSA"])]}, "key file[0]: has no alg of EdDSA, ES256, PS256, RS256, HS256"),
        ({"keys": [entry(alg="ES256")]}, "key file[0]: is OKP on 'Ed25519', which is not for 'ES256'"),
        ({"keys": [entry(state=None)]}, "key file[0]: has no state of next, current, retired, compromised"),
        ({"keys": [entry(state="Next")]}, "key file[0]: has no state of next, current, retired, compromised"),
        ({"keys": [entry(state=["next"])]}, "key file[0]: has no state of next, current, retired, compromised"),
        ({"keys": [entry(created_at=None)]}, "key file[0]: is next without its times"),
        ({"keys": [entry(state="retired")]}, "key file[0]: is retired without its times"),
        ({"keys": [entry(created_at="now")]}, "key file[0]: has a created_at that is no time"),
        ({"keys": [entry(created_at=True)]}, "key file[0]: has a created_at that is no time"),
        ({"keys": [entry(created_at=-1)]}, "key file[0]: has a created_at that is no time"),
        ({"keys": [entry(verify_until=math.inf)]}, "key file[0]: has a verify_until that is no time"),
        ({"keys": [entry(retired_at=math.nan)]}, "key file[0]: has a retired_at that is no time"),
        ({"keys": [entry(retired_at=10**400)]}, "key file[0]: has a retired_at that is no time"),
        ({"keys": [entry("HS256", k=encode(bytes(32)))]}, "key file[0]: is an HS256 secret that can be guessed: "),
    ],
)
def test_read_key_file_refuses(document: Any, fault: str) -> None:
    """What is torn, foreign or edited is told by place and fault."""
    [found] = told(read_key_file(document)[1])

    assert found.startswith(fault)


def test_read_key_file_takes_times_from_the_first_to_the_last() -> None:
    """Those that JSON and every reader of it can say to the second."""
    for seconds in (0, 0.5, 2**53 - 1):
        [found], problems = read_key_file({"keys": [entry(state="current", created_at=seconds)]})
        assert ([], float(seconds)) == (problems, found.created_at)
    _, problems = read_key_file({"keys": [entry(state="current", created_at=2**53)]})

    assert ["key file[0]: has a created_at that is no time"] == told(problems)


def test_read_key_file_looks_into_a_thousand_entries() -> None:
    """One more, and none is looked at."""

    assert [1_000, 1] == [len(read_key_file({"keys": [7] * count})[1]) for count in (1_000, 1_001)]


def test_read_key_file_tells_every_problem() -> None:
    """Not the first alone."""
    _, problems = read_key_file({"keys": [entry(kid="k"), 7, entry(), entry("ES256", x="?")]})

    assert ["key file[0]", "key file[1]", "key file[3]"] == [problem.where for problem in problems]


def test_read_key_file_refuses_two_current_keys() -> None:
    """It cannot be told which of them signs."""
    keys = [key(alg, CURRENT) for alg in ("EdDSA", "ES256")]

    _, problems = read_key_file({"keys": [made.private_entry() for made in keys]})

    assert [f"key file: has 2 current keys, {keys[0].kid}, {keys[1].kid}"] == told(problems)


def test_read_key_file_refuses_a_current_key_that_cannot_sign() -> None:
    """A public half was put in the place of the key."""
    made = key("EdDSA", CURRENT)

    _, problems = read_key_file({"keys": [made.public_entry()]})

    assert [f"key {made.kid}: is current, but its private half is not here"] == told(problems)


def test_read_key_file_refuses_one_name_for_two_algorithms() -> None:
    """The same RSA key for RS256 and PS256 has one thumbprint."""
    both = [entry("RS256"), entry("RS256", alg="PS256")]

    _, problems = read_key_file({"keys": both})

    assert [f"key file: has 2 keys named {key('RS256').kid!r}, for RS256, PS256"] == told(problems)


# --- what another node published ---


def test_read_published_gives_what_was_published() -> None:
    """Public halves and states come back; of a shared secret its state."""
    found, problems = read_published(ring().public_document())

    assert (list(ring().keys), []) == (found, problems)
    assert [False] * 5 == [made.can_sign for made in found]
    assert [True] * 4 + [False] == [made.verifies(NOW) for made in found]


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_read_published_refuses_private_members(alg: str) -> None:
    """A private half in the store has leaked; reading it would hide that."""
    members = PRIVATE_MEMBERS.intersection(material(alg).private_jwk())

    _, problems = read_published(ring(alg).to_jwks())

    assert [f"published keys[0]: has the private members {', '.join(sorted(members))}"] == told(problems)
    assert "wssec keys retire --compromised" in problems[0].remedy


def test_read_published_refuses_a_key_under_the_name_of_another() -> None:
    """Who can write the store cannot put a key in the place of one that is known."""
    forged = {**key("ES256").public_entry(), "kid": key("EdDSA").kid}

    assert ["published keys[0]: has a kid that is not its thumbprint"] == told(read_published({"keys": [forged]})[1])


@given(st.recursive(st.none() | st.text(max_size=4) | st.integers() | st.floats(), lambda v: st.lists(v, max_size=3)))
def test_read_published_gives_problems_for_anything(value: Any) -> None:
    """What somebody else planted is a problem, never an exception."""

    assert [] == read_published({"keys": value})[0]
    assert [] == read_published(value)[0]


# --- an external issuer's JWKS ---


def jwks(*entries: Any) -> dict[str, Any]:
    """A JWK Set of these."""
    return {"keys": list(entries)}


def public(of: str, kid: str | None = "a", /, **members: Any) -> dict[str, Any]:
    """A public entry as an issuer publishes it."""
    named = {} if kid is None else {"kid": kid}
    return {**material(of).public_jwk(), **named, **members}


def test_read_issuer_keys_takes_the_names_of_the_issuer() -> None:
    """An RSA key without an algorithm is for RS256; a key without a name has its thumbprint."""
    document = jwks(public("RS256", "a b/ü", use="sig", x5t="x"), public("ES256", None), public("EdDSA", "c"))

    found, problems = read_issuer_keys(document)

    assert [] == problems
    assert [("a b/ü", "RS256"), (key("ES256").kid, "ES256"), ("c", "EdDSA")] == [(k.kid, k.alg) for k in found]
    assert [True] * 3 == [made.verifies(NOW) and not made.can_sign for made in found]
    assert [0.0] * 3 == [made.created_at for made in found]  # nobody has said when


def test_read_issuer_keys_takes_names_of_at_most_256_characters() -> None:
    """The shortest and the longest."""
    document = jwks(public("ES256", "a"), public("EdDSA", "k" * 256))

    assert [1, 256] == [len(made.kid) for made in read_issuer_keys(document)[0]]


def test_read_issuer_keys_takes_rsa_of_2048_bits() -> None:
    """Keycloak, Entra and Auth0 sign with those."""
    jwk = get_algorithm_by_name("RS256").to_jwk(rsa_of(2048).public_key(), as_dict=True)

    assert ["a"] == [made.kid for made in read_issuer_keys(jwks({**jwk, "kid": "a"}))[0]]


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        (7, "JWKS[0]: is no JSON object"),
        ({}, "JWKS[0]: has no kty of OKP, EC, RSA or oct"),
        (public("RS256", use="enc"), "JWKS[0]: is not for signatures"),
        (public("RS256", alg="RSA-OAEP"), "JWKS[0]: is RSA, which is not for 'RSA-OAEP'"),
        (public("RS256", n="?"), "JWKS[0]: has a member n that is not strict base64url"),
        (public("EdDSA", kid=""), "JWKS[0]: has a kid that is no short string"),
        ({**public("EdDSA"), "kid": 7}, "JWKS[0]: has a kid that is no short string"),
        (public("EdDSA", kid="k" * 257), "JWKS[0]: has a kid that is no short string"),
        ({"kty": "oct", "k": encode(secrets.token_bytes(32))}, "JWKS[0]: has private members, or is a shared secret"),
        ({"kty": "oct"}, "JWKS[0]: is oct with members that make no key"),
        (entry("EdDSA"), "JWKS[0]: has private members, or is a shared secret"),
    ],
)
def test_read_issuer_keys_ignores_the_broken_one(bad: Any, fault: str) -> None:
    """One broken key, or one that nobody should see, does not take the good ones with it."""
    found, problems = read_issuer_keys(jwks(bad, public("ES256", "good")))

    assert ["good"] == [made.kid for made in found]
    assert [fault] == told(problems)


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        (None, "JWKS: is no JWK Set of at most 1,000 keys"),
        ({"keys": None}, "JWKS: is no JWK Set of at most 1,000 keys"),
        (jwks(*[{}] * 1_001), "JWKS: is no JWK Set of at most 1,000 keys"),
        (jwks(public("RS256"), public("RS256", alg="PS256")), "JWKS: has 2 keys named 'a', for RS256, PS256"),
        (jwks(public("RS256"), public("EdDSA")), "JWKS: has 2 keys named 'a', for RS256, EdDSA"),
    ],
)
def test_read_issuer_keys_refuses_the_document(document: Any, fault: str) -> None:
    """What is no JWK Set, or says one name of two keys, is refused whole."""
    with pytest.raises(ConfigurationError) as caught:
        KeyRing.from_issuer(document)

    assert fault in told(list(caught.value.problems))


# --- single imports ---


def pem(alg: str) -> bytes:
    """The private half, as PEM."""
    private = material(alg)._private
    assert private is not None
    assert not isinstance(private, bytes)
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_import_gives_a_next_key_by_its_thumbprint() -> None:
    """Whatever it was called before."""
    secret = secrets.token_bytes(32)
    imported = [
        import_jwk({**material("EdDSA").private_jwk(), "kid": "mine"}, now=NOW),
        import_jwk(material("RS256").private_jwk(), now=NOW, alg="RS256"),
        import_pem(pem("ES256"), now=NOW),
        import_pem(pem("PS256"), now=NOW, alg="PS256"),
    ]

    assert [key(alg) for alg in ("EdDSA", "RS256", "ES256", "PS256")] == imported
    assert {"kty": "oct", "k": encode(secret)}.items() <= import_secret(secret, now=NOW).private_entry().items()


HELD = encode(b"0123456789abcdef0123456789ABCDEF")


@pytest.mark.parametrize(
    "load",
    [
        lambda: import_jwk({"kty": "oct", "k": HELD, "alg": "EdDSA"}, now=NOW),
        lambda: import_pem(HELD.encode(), now=NOW),
        lambda: import_pem(pem("ES256"), now=NOW, passphrase=HELD.encode()),
        lambda: import_secret(HELD.encode() + b"\n", now=NOW),
        lambda: KeyRing.from_issuer({"keys": {"k": HELD}}),
    ],
    ids=["jwk", "pem", "passphrase", "secret", "issuer"],
)
def test_import_leaves_nothing_private_in_a_traceback(load: Callable[[], object]) -> None:
    """Some loggers print the locals of every frame."""
    with pytest.raises(ConfigurationError) as caught:
        load()
    frames = caught.value.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_name != "<lambda>":
        frames = frames.tb_next
    assert frames is not None
    caught.value.__traceback__ = frames.tb_next
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())

    assert (False, True) == (HELD in shown, "import" in shown or "JWKS" in shown)
