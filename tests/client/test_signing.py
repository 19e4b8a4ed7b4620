"""The Python signer: what it makes is what the server takes, and nothing of the key is told."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tests.kits import GENEROUS, in_loop
from tests.signing import Desk, ed25519, order, p256
from tornado_wssec.client import STATIC, MessageSigner, public_jwk
from tornado_wssec.client.signing import SigningKey
from tornado_wssec.policy.base64url import decode
from tornado_wssec.policy.strict_json import decode_json
from tornado_wssec.settings import Limits


@pytest.mark.requirement("R062")
@pytest.mark.parametrize("key", [ed25519(), p256()], ids=["EdDSA", "ES256"])
@in_loop
async def test_signer_is_believed(key: SigningKey) -> None:
    """Over a real socket, message after message."""
    async with Desk(limits=GENEROUS) as kit:
        ann = await kit.enter(key)
        signer = MessageSigner(key, ann.nonce, wall=lambda: kit.clock.wall)
        for symbol in ("A", "B"):
            await ann.assert_accepted(signer.sign(order(symbol)))

        assert ["A", "B"] == kit.orders


def test_signer_numbers_from_one() -> None:
    """By whole seconds of the clock that it was given, for the connection that it was made for."""
    signer = MessageSigner(ed25519(), "n0nce", wall=lambda: 1_767_225_600.9)
    header, payload = (decode_json(decode(part), Limits()) for part in signer.sign("{}").split(".")[:2])
    _, second = (decode_json(decode(part), Limits()) for part in signer.sign("ü").split(".")[:2])

    assert {"alg": "EdDSA", "typ": "wssec-msg+jwt"} == header
    assert {"nonce": "n0nce", "seq": 1, "ts": 1_767_225_600, "message": "{}"} == payload
    assert (2, "ü") == (second["seq"], second["message"])


def test_signer_goes_by_the_wall_clock() -> None:
    """Where it was given none."""
    _, payload, _ = MessageSigner(ed25519(), "n").sign("{}").split(".")

    assert decode_json(decode(payload), Limits())["ts"] > 1_767_225_600


@pytest.mark.parametrize(
    "key",
    [generate_private_key(SECP384R1()), generate_rsa_key(65_537, 2_048), X25519PrivateKey.generate(), b"secret", None],
    ids=["P-384", "RSA", "X25519", "bytes", "None"],
)
def test_signer_takes_no_other_key(key: Any) -> None:
    """The server would refuse what it signs."""
    for make in (lambda: MessageSigner(key, "n"), lambda: public_jwk(key)):
        with pytest.raises(ValueError, match="signs no messages; use Ed25519, or a key on P-256"):
            make()


def test_signer_tells_nothing_of_its_key() -> None:
    """Its repr has the thumbprint; the public half has no member of the private one."""
    key = ed25519()

    assert repr(MessageSigner(key, "n0nce")).startswith("<MessageSigner by <EdDSA key ")
    assert {"crv", "kty", "x"} == public_jwk(key).keys()
    assert {"crv", "kty", "x", "y"} == public_jwk(p256()).keys()


def test_signer_for_browsers_is_beside_it() -> None:
    """A module and its types."""

    assert {"signing.js", "signing.d.ts"} <= {path.name for path in STATIC.iterdir()}
