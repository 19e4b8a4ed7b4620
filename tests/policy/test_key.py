"""One key and its life."""

import copy
import dataclasses
import json
import pickle

import pytest

from tornado_wssec.policy.key import Key, KeyState
from tornado_wssec.policy.key_material import ALGORITHMS, PRIVATE_MEMBERS

from .rings import NOW, key, material

NEXT, CURRENT, RETIRED, COMPROMISED = KeyState
STATE_ONLY = Key(kid="k", alg="HS256", state=CURRENT, created_at=NOW)


def test_key_states_stand_in_the_order_of_a_life() -> None:
    """Later code compares places in this order."""

    assert ["next", "current", "retired", "compromised"] == [str(state) for state in KeyState]


@pytest.mark.parametrize("state", [NEXT, CURRENT])
def test_key_verifies_without_an_end(state: KeyState) -> None:
    """A next key verifies too: another node may have promoted it already."""

    assert key(state=state).verifies(NOW + 1e9)


def test_key_retired_verifies_until_its_end() -> None:
    """The end itself is no longer in it."""
    retired = key().moved(RETIRED, retired_at=NOW, verify_until=NOW + 60)

    assert [True, True, False, False] == [retired.verifies(NOW + after) for after in (0, 59.9, 60, 61)]


def test_key_compromised_verifies_nothing() -> None:
    """Not even at a time before it was known to be."""
    burnt = key().moved(COMPROMISED, retired_at=NOW, verify_until=NOW + 60)

    assert [False, False] == [burnt.verifies(NOW - 1e6), burnt.verifies(NOW)]


def test_key_of_which_only_the_state_is_known_does_nothing() -> None:
    """It neither signs nor verifies, and says where to get the rest."""

    assert (False, False) == (STATE_ONLY.can_sign, STATE_ONLY.verifies(NOW))
    with pytest.raises(ValueError, match="of key k only the state is known here; copy the key file"):
        STATE_ONLY.sign(b"{}", "t")
    with pytest.raises(ValueError, match="of key k only the state is known here; copy the key file"):
        STATE_ONLY.verify("a.b.c")


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_key_loses_what_its_state_does_not_need(alg: str) -> None:
    """Retired: no private half, but a shared secret still verifies. Compromised: a shared secret is gone."""
    is_shared = alg == "HS256"
    states = [key(alg, CURRENT), key(alg).moved(RETIRED, verify_until=NOW), key(alg).moved(COMPROMISED)]

    assert [True, is_shared, False] == [moved.can_sign for moved in states]
    assert [True, True, not is_shared] == [moved.material is not None for moved in states]


def test_key_moved_keeps_times_that_are_not_given() -> None:
    """None means: as it is."""
    retired = key().moved(RETIRED, retired_at=NOW + 1, verify_until=NOW + 2).moved(COMPROMISED)

    assert (NOW, NOW + 1, NOW + 2) == (retired.created_at, retired.retired_at, retired.verify_until)


def test_key_without_material_can_move() -> None:
    """What is known of a secret elsewhere follows its state."""

    assert COMPROMISED is STATE_ONLY.moved(COMPROMISED).state


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_key_entries(alg: str) -> None:
    """The public entry holds state, times and public members; the private one what is missing from it."""
    made = key(alg).moved(RETIRED, retired_at=NOW + 1, verify_until=NOW + 2)
    shown = {
        **material(alg).public_jwk(),
        "kid": made.kid,
        "alg": alg,
        "use": "sig",
        "state": "retired",
        "created_at": NOW,
        "retired_at": NOW + 1,
        "verify_until": NOW + 2,
    }

    assert shown == made.public_entry()
    assert {"kid", "alg", "use"} == made.public_jwk().keys() - material(alg).public_jwk().keys()
    assert {**shown, **(material(alg).private_jwk() if alg == "HS256" else {})} == made.private_entry()
    assert {**key(alg).public_entry(), **material(alg).private_jwk()} == key(alg).private_entry()


def test_key_entry_of_state_only() -> None:
    """Where only the state is known, only that is told."""
    known = {"kid": "k", "alg": "HS256", "use": "sig", "state": "current", "created_at": NOW}

    assert known == STATE_ONLY.public_entry() == STATE_ONLY.private_entry()


def test_key_signs_under_its_name() -> None:
    """The header names type, key and algorithm, and the signature is the key's."""
    made = key("EdDSA")

    assert b"{}" == made.verify(made.sign(b"{}", "at+jwt"))
    assert None is made.verify(key("ES256").sign(b"{}", "at+jwt"))


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_key_is_not_printed_and_not_spread(alg: str) -> None:
    """Its repr holds no material; pickling it, or making a dict of it, is refused."""
    made = key(alg)
    private = {name: value for name, value in material(alg).private_jwk().items() if name in PRIVATE_MEMBERS}

    assert [] == [value for value in private.values() if value in f"{made!r} {made} {json.dumps(made.public_entry())}"]
    for spread in (pickle.dumps, copy.deepcopy, dataclasses.asdict):
        with pytest.raises(TypeError, match="keys are not pickled or copied"):
            spread(made)


def test_key_is_equal_by_what_is_known_of_it() -> None:
    """Material is not compared: the name stands for it."""

    assert key("EdDSA").moved(CURRENT) == key("EdDSA", CURRENT) != key("EdDSA")
