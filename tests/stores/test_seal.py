"""The passphrase's seal."""

import json
from typing import Any

import pytest

from tornado_wssec.policy.base64url import decode, encode
from tornado_wssec.settings import Secret
from tornado_wssec.stores import seal as module
from tornado_wssec.stores.seal import SCRYPT_N, SCRYPT_P, SCRYPT_R, is_sealed, seal, unseal

PASSPHRASE = Secret("correct horse battery staple ü")
PLAIN = b'{"keys":[]}'


@pytest.fixture
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cost is not what these tests are about."""
    monkeypatch.setattr(module, "SCRYPT_N", 2)


def sealed() -> dict[str, Any]:
    """A seal, as it is read from the file."""
    document: dict[str, Any] = json.loads(seal(PLAIN, PASSPHRASE))
    return document


def test_seal_costs_what_owasp_asks_for() -> None:
    """N=2^17, r=8, p=1; and what was sealed at this cost opens."""

    assert (131_072, 8, 1) == (SCRYPT_N, SCRYPT_R, SCRYPT_P)
    assert PLAIN == unseal(sealed(), PASSPHRASE)


@pytest.mark.usefixtures("_cheap")
def test_seal_shows_nothing_and_repeats_nothing() -> None:
    """Twice the same under the same passphrase are two seals, each with a salt and a nonce of its own."""
    one, other = sealed(), sealed()

    assert {"format", "salt", "nonce", "sealed"} == one.keys()
    assert [True] * 3 == [one[name] != other[name] for name in ("salt", "nonce", "sealed")]
    assert [16, 12, len(PLAIN) + 16] == [len(decode(one[name])) for name in ("salt", "nonce", "sealed")]
    assert PLAIN not in decode(one["sealed"])


@pytest.mark.usefixtures("_cheap")
@pytest.mark.parametrize("other", ["", "correct horse battery staple", "correct horse battery staple u\u0308"])
def test_unseal_refuses_another_passphrase(other: str) -> None:
    """Not the same bytes, not the same passphrase: nothing is normalised."""
    with pytest.raises(ValueError, match="does not open: its passphrase is another, or it is damaged") as caught:
        unseal(sealed(), Secret(other))

    assert (None, None) == (caught.value.__cause__, caught.value.__context__)


@pytest.mark.usefixtures("_cheap")
@pytest.mark.parametrize("name", ["salt", "nonce", "sealed"])
@pytest.mark.parametrize("value", [None, 7, "", "AAAA", "?", ["AAAA"]])
def test_unseal_refuses_other_parts(name: str, value: object) -> None:
    """Missing, of another type or length, or not base64url."""
    with pytest.raises(ValueError, match="does not open"):
        unseal(sealed() | {name: value}, PASSPHRASE)


@pytest.mark.usefixtures("_cheap")
@pytest.mark.parametrize("name", ["salt", "nonce", "sealed"])
@pytest.mark.parametrize("place", [0, -1])
def test_unseal_refuses_a_changed_bit(name: str, place: int) -> None:
    """Wherever it is."""
    document = sealed()
    data = bytearray(decode(document[name]))
    data[place] ^= 1

    with pytest.raises(ValueError, match="does not open"):
        unseal(document | {name: encode(bytes(data))}, PASSPHRASE)


@pytest.mark.usefixtures("_cheap")
@pytest.mark.parametrize("name", [None, "wssec-seal-2", 7])
def test_unseal_refuses_other_formats(name: object) -> None:
    """A later version's seal is said to be one; its cost is not ours to guess."""
    with pytest.raises(ValueError, match="is sealed in a format other than wssec-seal-1"):
        unseal(sealed() | {"format": name}, PASSPHRASE)


@pytest.mark.usefixtures("_cheap")
def test_unseal_takes_no_cost_from_the_document() -> None:
    """Who writes beside the seal what it should cost changes nothing."""

    assert PLAIN == unseal(sealed() | {"n": 2**30, "r": 1, "p": 64}, PASSPHRASE)


@pytest.mark.parametrize(
    ("document", "expected"),
    [({"sealed": "x"}, True), ({"sealed": None}, True), ({"keys": []}, False), ([], False), ("sealed", False)],
)
def test_is_sealed(document: object, expected: bool) -> None:
    """A seal of whatever format, and nothing else."""

    assert expected is is_sealed(document)
