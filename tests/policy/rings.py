"""Keys for tests: one of each algorithm, made once, since RSA takes its time."""

from functools import cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from tornado_wssec.policy.key import Key, KeyState
from tornado_wssec.policy.key_material import ALGORITHMS, KeyMaterial, generate
from tornado_wssec.policy.keys import KeyRing
from tornado_wssec.settings import TokenRules

NOW: Final = 1_800_000_000.0
RULES: Final = TokenRules(issuer="https://issuer.example", audience="wss")


@cache
def material(alg: str) -> KeyMaterial:
    """The same material for this algorithm each time."""
    return generate(alg)


@cache
def rsa_of(bits: int) -> RSAPrivateKey:
    """An RSA key of whatever strength."""
    return generate_private_key(65_537, bits)


def key(alg: str = "EdDSA", state: KeyState = KeyState.NEXT) -> Key:
    """The key of `material(alg)`, in this state."""
    made = material(alg)
    return Key(kid=made.thumbprint, alg=alg, state=KeyState.NEXT, created_at=NOW, material=made).moved(state)


def ring(*algs: str) -> KeyRing:
    """A ring in which the first of these is current and the others are next; of one each when none is named."""
    made = KeyRing()
    for alg in algs or ALGORITHMS:
        made = made.add(key(alg))
    return made
