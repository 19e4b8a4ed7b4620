"""The ring of keys: who signs, who verifies, and what a rotation does to both."""

import copy
import dataclasses
import json
import pickle
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_wssec.errors import ConfigurationError
from tornado_wssec.policy.key import Key, KeyState
from tornado_wssec.policy.key_material import ALGORITHMS, PRIVATE_MEMBERS
from tornado_wssec.policy.keys import KeyRing
from tornado_wssec.settings import LEEWAY_MOST, TokenRules

from .rings import NOW, key, material, ring

NEXT, CURRENT, RETIRED, COMPROMISED = KeyState
DAY = TokenRules().max_lifetime
EDDSA, ES256 = key("EdDSA").kid, key("ES256").kid


def states(of: KeyRing) -> list[str]:
    """The states in the order of the keys."""
    return [str(made.state) for made in of.keys]


def at(of: KeyRing, kid: str) -> Key:
    """The key of this name, whether it verifies or not."""
    [found] = [made for made in of.keys if made.kid == kid]
    return found


def test_rings_of_equal_keys_are_one() -> None:
    """What is found by name is made of the keys, and adds nothing; nor is it printed twice."""
    one = ring()

    assert 1 == len({one, KeyRing(one.keys)})
    assert "_by_kid" not in repr(one)
    assert "compromised=" not in repr(one)


# --- making and adding ---


def test_ring_first_key_is_current_and_later_ones_are_next() -> None:
    """So `generate` twice is all the preparation a rotation needs."""
    made = KeyRing().generate(now=NOW).generate("ES256", now=NOW + 1)

    assert [("EdDSA", "current", NOW), ("ES256", "next", NOW + 1)] == [
        (found.alg, str(found.state), found.created_at) for found in made.keys
    ]


def test_ring_public_half_never_becomes_current() -> None:
    """It cannot sign; what it verifies is verified, and the next key that can sign is current."""
    half = dataclasses.replace(key("ES256"), material=material("ES256").public_half())
    made = KeyRing().add(half)

    assert ["next"] == states(made)
    assert ["next", "current"] == states(made.generate(now=NOW))
    assert half == made.verifying(ES256, NOW)


@pytest.mark.parametrize("compromised", [False, True])
def test_ring_refuses_a_key_twice(compromised: bool) -> None:
    """A compromised key never comes back, by import or otherwise."""
    made = ring("EdDSA", "ES256").retire(ES256, NOW, compromised)
    state, remedy = ("compromised", "make a new one") if compromised else ("retired", "use it as it is")

    with pytest.raises(ConfigurationError, match=f"key {ES256}: is here already: {state}, for ES256; {remedy}"):
        made.add(key("ES256"))


def test_ring_refuses_two_keys_of_one_name() -> None:
    """However it is built."""
    with pytest.raises(ConfigurationError, match="key ring: has two keys of one name; keep one of them"):
        KeyRing((key("EdDSA"), key("EdDSA", CURRENT)))


def test_ring_refuses_unknown_algorithm() -> None:
    """The error names those that there are."""
    with pytest.raises(ValueError, match="'HS512' is no algorithm"):
        KeyRing().generate("HS512", now=NOW)


# --- who signs ---


def test_ring_current_is_the_key_that_signs() -> None:
    """The first that was made."""

    assert key("EdDSA", CURRENT) == ring("EdDSA", "ES256").current


def test_ring_without_keys_says_how_to_make_one() -> None:
    """The error is for whoever asks for a token."""
    with pytest.raises(ValueError, match="there is no current key; make one with `wssec keys generate`"):
        _ = KeyRing().current


def test_ring_without_the_private_half_says_where_it_is_missing() -> None:
    """A node that knows a rotation only from the store does not sign with what was retired."""
    node = ring("EdDSA").merge_public(ring("EdDSA").rotate(NOW).public_document())
    new = node.keys[-1].kid

    with pytest.raises(ValueError, match=f"the private half of the current key {new} is not here; copy the key file"):
        _ = node.current


# --- rotation ---


def test_rotate_promotes_the_oldest_next_and_retires_the_current() -> None:
    """In one step, so that there is always one that signs."""
    after = ring("EdDSA", "ES256", "HS256").rotate(NOW)

    assert ["retired", "current", "next"] == states(after)
    assert ES256 == after.current.kid


@pytest.mark.parametrize("alg", ["EdDSA", "ES256", "HS256"])
def test_rotate_makes_a_key_of_the_same_algorithm_where_there_is_no_next(alg: str) -> None:
    """A rotation needs no preparation, and does not change what verifiers must know."""
    after = ring(alg).rotate(NOW + 5)

    assert (["retired", "current"], alg, NOW + 5) == (states(after), after.current.alg, after.current.created_at)


def test_rotate_of_nothing_makes_the_first_key() -> None:
    """An empty ring gets what it lacks."""

    assert ["current"] == states(KeyRing().rotate(NOW))


def test_rotate_passes_over_what_cannot_sign() -> None:
    """A public half that is next stays next."""
    half = dataclasses.replace(key("ES256"), material=material("ES256").public_half())

    assert ["retired", "next", "current"] == states(ring("EdDSA").add(half).rotate(NOW))


def test_rotate_lets_the_longest_token_end() -> None:
    """The retired key verifies until then and not a second longer, and loses its private half at once."""
    default, short = ring("EdDSA").rotate(NOW), ring("EdDSA").rotate(NOW, max_lifetime=600)
    end = NOW + 600 + LEEWAY_MOST

    assert NOW + DAY + LEEWAY_MOST == at(default, EDDSA).verify_until
    assert (NOW, end, False) == (at(short, EDDSA).retired_at, at(short, EDDSA).verify_until, at(short, EDDSA).can_sign)
    assert [True, False] == [short.verifying(EDDSA, when) is not None for when in (end - 1, end)]


def test_promote_makes_this_key_current() -> None:
    """Not the oldest, but the one that is named."""
    after = ring("EdDSA", "ES256", "HS256").promote(key("HS256").kid, NOW, max_lifetime=60)

    assert ["retired", "next", "current"] == states(after)
    assert NOW + 60 + LEEWAY_MOST == at(after, EDDSA).verify_until


def test_promote_refuses_what_is_not_next() -> None:
    """A key only moves on, and a public half cannot sign."""
    half = dataclasses.replace(key("ES256"), material=material("ES256").public_half())
    made = ring("EdDSA").add(half)
    again = "make a next key with `wssec keys generate`"

    with pytest.raises(ValueError, match=f"key {EDDSA} is current, not next; {again}"):
        made.promote(EDDSA, NOW)
    with pytest.raises(ValueError, match=f"key {EDDSA} is retired, not next; {again}"):
        made.rotate(NOW).promote(EDDSA, NOW)
    with pytest.raises(ValueError, match=f"key {ES256} has no private half here; {again}"):
        made.promote(ES256, NOW)
    with pytest.raises(ValueError, match=r"there is no key 'x.n'; `wssec keys list` shows those"):
        made.promote("x\n", NOW)


# --- retiring ---


def test_retire_the_current_key_goes_on_signing() -> None:
    """The next key takes its place; where there is none, a new one."""
    with_next, alone = ring("EdDSA", "ES256").retire(EDDSA, NOW), ring("ES256").retire(ES256, NOW)

    assert (["retired", "current"], ES256) == (states(with_next), with_next.current.kid)
    assert (["retired", "current"], "ES256") == (states(alone), alone.current.alg)
    assert NOW + DAY + LEEWAY_MOST == at(alone, ES256).verify_until


def test_retire_a_next_key_leaves_the_current() -> None:
    """A public half that somebody else signs with is given the time that tokens live, too."""
    after = ring("EdDSA", "ES256").retire(ES256, NOW, max_lifetime=60)

    assert ["current", "retired"] == states(after)
    assert NOW + 60 + LEEWAY_MOST == at(after, ES256).verify_until


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_retire_as_compromised_verifies_nothing_at_once(alg: str) -> None:
    """Neither now nor for what was signed before, and signing goes on with another key."""
    kid = key(alg).kid
    after = ring(alg).retire(kid, NOW, compromised=True)

    assert (frozenset({kid}), ["compromised", "current"]) == (after.compromised, states(after))
    assert [None, None] == [after.verifying(kid, when) for when in (NOW - 60, NOW)]
    assert kid not in json.dumps(after.jwks(NOW))
    assert kid != after.current.kid


def test_retire_moves_on_only() -> None:
    """Retiring twice changes nothing; compromised is the last word, and a retired key may still get there."""
    retired = ring("EdDSA", "ES256").retire(EDDSA, NOW)
    burnt = retired.retire(EDDSA, NOW + 9, compromised=True)

    assert retired is retired.retire(EDDSA, NOW + 9)
    assert burnt is burnt.retire(EDDSA, NOW + 10) is burnt.retire(EDDSA, NOW + 10, compromised=True)
    assert (NOW + 9, ["compromised", "current"]) == (at(burnt, EDDSA).verify_until, states(burnt))


def test_retire_refuses_an_unknown_key() -> None:
    """A typing error must not look like a key that is gone."""
    with pytest.raises(ValueError, match="there is no key 'kid'; `wssec keys list`"):
        ring("EdDSA").retire("kid", NOW, compromised=True)


# --- who verifies ---


def test_verifying_needs_the_exact_name() -> None:
    """Unknown, near or missing names are nobody."""
    made = ring("EdDSA")

    assert key("EdDSA", CURRENT) == made.verifying(EDDSA, NOW)
    assert [None] * 5 == [made.verifying(kid, NOW) for kid in (EDDSA.lower(), EDDSA + " ", "", ES256, None)]


def test_verifying_without_a_name_is_for_issuers_with_one_key() -> None:
    """An issuer that has a second key must say which it used."""
    one, _ = KeyRing.from_issuer({"keys": [material("ES256").public_jwk()]})
    two, _ = KeyRing.from_issuer({"keys": [material(alg).public_jwk() for alg in ("ES256", "EdDSA")]})
    none, _ = KeyRing.from_issuer({"keys": []})

    assert [ES256, None, None] == [found and found.kid for found in (r.verifying(None, NOW) for r in (one, two, none))]


def test_from_issuer_tells_what_it_ignores() -> None:
    """The good key works, the other is told."""
    found, problems = KeyRing.from_issuer({"keys": [material("ES256").public_jwk(), {"kty": "oct", "k": "AAAA"}]})

    assert [ES256] == [made.kid for made in found.keys]
    assert ["JWKS[1]"] == [problem.where for problem in problems]


def test_from_issuer_refuses_what_is_no_jwk_set() -> None:
    """A page of an intercepting proxy, for example: the keys that were there before stay in force."""
    with pytest.raises(ConfigurationError, match="JWKS: is no JWK Set"):
        KeyRing.from_issuer({"error": "login required"})


# --- documents ---


def test_ring_comes_back_from_its_document() -> None:
    """As it was, private halves included, in every state, through JSON."""
    made = ring().rotate(NOW).retire(key("HS256").kid, NOW, compromised=True)
    read = KeyRing.from_jwks(json.loads(json.dumps(made.to_jwks())))

    assert made == read
    assert [True, True] == [read.current.can_sign, read.current.sign(b"{}", "t") != ""]
    assert made.to_jwks() == read.to_jwks()


def test_from_jwks_lists_every_problem() -> None:
    """With its place."""
    with pytest.raises(ConfigurationError, match=r"(?s)2 problems:.*key file\[0\].*key file\[1\]"):
        KeyRing.from_jwks({"keys": [7, 8]})


@pytest.mark.parametrize("alg", ALGORITHMS)
@pytest.mark.parametrize("broken", [{"kid": "k"}, {"state": "x"}, {"alg": "x"}, {"x": "?", "n": "?", "k": "?"}])
def test_from_jwks_leaves_nothing_private_in_a_traceback(alg: str, broken: dict[str, str]) -> None:
    """Some loggers print the locals of every frame, and a key file is read again and again."""
    secrets = {name: value for name, value in material(alg).private_jwk().items() if name in PRIVATE_MEMBERS}

    def load() -> KeyRing:
        return KeyRing.from_jwks({"keys": [{**ring(alg).to_jwks()["keys"][0], **broken}]})

    with pytest.raises(ConfigurationError) as caught:
        load()
    caught.value.__traceback__ = caught.value.__traceback__ and caught.value.__traceback__.tb_next
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())

    assert "from_jwks" in shown
    assert [] == [value for value in secrets.values() if value in shown]


def test_jwks_shows_public_halves_of_what_verifies() -> None:
    """Next, current, and retired until its end; no shared secret, no private member, nothing compromised."""
    made = ring().rotate(NOW, max_lifetime=60).retire(key("RS256").kid, NOW, compromised=True)
    shown = made.jwks(NOW)["keys"]

    assert [key(alg).kid for alg in ("EdDSA", "ES256", "PS256")] == [entry["kid"] for entry in shown]
    assert [False] * 3 == [bool(PRIVATE_MEMBERS & entry.keys()) for entry in shown]
    assert [ES256, key("PS256").kid] == [entry["kid"] for entry in made.jwks(NOW + 3600)["keys"]]


def test_public_document_holds_nothing_private() -> None:
    """It goes through the store, which others may read."""
    text = json.dumps(ring().public_document())
    secrets = [
        value for alg in ALGORITHMS for name, value in material(alg).private_jwk().items() if name in PRIVATE_MEMBERS
    ]

    assert [] == [secret for secret in secrets if secret in text]
    assert [key(alg).kid for alg in ALGORITHMS] == [entry["kid"] for entry in json.loads(text)["keys"]]


# --- other nodes ---


def published(of: KeyRing) -> dict[str, Any]:
    """What another node reads from the store."""
    document: dict[str, Any] = json.loads(json.dumps(of.public_document()))
    return document


def test_merge_follows_a_rotation_to_a_key_that_is_here() -> None:
    """Where the next key is in every node's file, every node signs with it as soon as it hears of it."""
    node = ring("EdDSA", "ES256").merge_public(published(ring("EdDSA", "ES256").rotate(NOW)))

    assert ring("EdDSA", "ES256").rotate(NOW) == node
    assert b"{}" == node.current.verify(node.current.sign(b"{}", "t"))


def test_merge_verifies_by_keys_that_are_not_here() -> None:
    """A node without a key file verifies all the same."""
    origin = ring("EdDSA", "ES256", "HS256")
    node = KeyRing().merge_public(published(origin))
    token = origin.current.sign(b"{}", "t")

    assert [True, True, False] == [node.verifying(made.kid, NOW) is not None for made in origin.keys]
    assert b"{}" == at(node, EDDSA).verify(token)


def test_merge_takes_nothing_back() -> None:
    """Stale news, from before a rotation or a compromise, change nothing."""
    before = ring("EdDSA", "ES256", "HS256")
    after = before.rotate(NOW).retire(ES256, NOW, compromised=True)

    assert after == after.merge_public(published(before)) == after.merge_public(published(before.rotate(NOW - 9)))


def test_merge_burns_what_another_node_found_compromised() -> None:
    """At once, also a shared secret and a key that was never here."""
    unknown = KeyRing().generate(now=NOW)
    news = ring("EdDSA", "HS256").retire(EDDSA, NOW, True).retire(key("HS256").kid, NOW, True)
    news = news.add(dataclasses.replace(unknown.keys[0], state=NEXT)).retire(unknown.keys[0].kid, NOW, True)
    node = ring("EdDSA", "HS256").merge_public(published(news))

    assert news.compromised == node.compromised
    assert {None} == {node.verifying(kid, NOW) for kid in news.compromised}
    assert None is at(node, key("HS256").kid).material


def test_merge_refuses_another_algorithm() -> None:
    """A public key must not be taken for a shared secret of its name."""
    node = ring("EdDSA")
    document = {"keys": [{**key("HS256").public_entry(), "kid": EDDSA}]}

    with pytest.raises(ConfigurationError, match=f"key {EDDSA}: is for EdDSA here and for HS256 there"):
        node.merge_public(document)


@pytest.mark.parametrize("document", [None, 7, {"keys": 7}, {"keys": [7]}, ring("EdDSA").to_jwks()])
def test_merge_refuses_what_is_not_ours(document: Any) -> None:
    """What somebody else planted is an error, and the caller keeps the ring it has."""
    with pytest.raises(ConfigurationError, match="published keys"):
        ring("EdDSA").merge_public(document)


def test_merge_leaves_nothing_private_in_a_traceback() -> None:
    """A document with private halves is refused without spreading them further."""
    with pytest.raises(ConfigurationError) as caught:
        ring("EdDSA").merge_public(ring("EdDSA").to_jwks())
    caught.value.__traceback__ = caught.value.__traceback__ and caught.value.__traceback__.tb_next
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())

    assert material("EdDSA").private_jwk()["d"] not in shown


# --- what always holds ---


@given(
    st.lists(
        st.tuples(st.sampled_from(["generate", "rotate", "promote", "retire", "compromise"]), st.integers(0, 5)),
        max_size=12,
    )
)
def test_ring_always_has_one_key_that_signs(steps: list[tuple[str, int]]) -> None:
    """Whatever is done in whatever order: one current, no way back, and the file and the nodes agree."""
    made, ages = KeyRing().generate(now=NOW), {state: age for age, state in enumerate(KeyState)}
    node = KeyRing()
    for when, (step, place) in enumerate(steps, int(NOW)):
        before, kid = made, made.keys[place % len(made.keys)].kid
        match step:
            case "generate":
                made = made.generate(now=when)
            case "rotate":
                made = made.rotate(when)
            case "promote" if at(made, kid).state is NEXT:
                made = made.promote(kid, when)
            case "retire" | "compromise":
                made = made.retire(kid, when, step == "compromise")
        node = node.merge_public(published(made))

        assert 1 == states(made).count("current")
        assert made.current.can_sign
        assert [] == [old.kid for old in before.keys if ages[at(made, old.kid).state] < ages[old.state]]
        assert (made, states(made)) == (KeyRing.from_jwks(made.to_jwks()), states(node))


def test_ring_is_not_printed_and_not_spread() -> None:
    """Its repr holds names and states; it is neither pickled nor copied whole."""
    made = ring()
    secrets = [
        value for alg in ALGORITHMS for name, value in material(alg).private_jwk().items() if name in PRIVATE_MEMBERS
    ]

    assert [] == [secret for secret in secrets if secret in f"{made!r} {made}"]
    assert [1] * len(made.keys) == [repr(made).count(one.kid) for one in made.keys]
    assert "compromised=" not in repr(made)
    for spread in (pickle.dumps, copy.deepcopy, dataclasses.asdict):
        with pytest.raises(TypeError, match="keys are not pickled or copied"):
            spread(made)


def test_ring_does_not_change() -> None:
    """Every operation returns another ring."""
    made = ring("EdDSA")
    made.rotate(NOW)

    assert ["current"] == states(made)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.keys = ()  # type: ignore[misc]  # that it is refused is the point
