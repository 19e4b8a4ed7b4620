"""Keys that come from elsewhere: a JWK, a JWK Set, a PEM, or the bytes of a secret.

Rules of this file:
1. What is read is never repeated, whatever is wrong with it.
2. All of a set is taken in, or none of it.
"""

from typing import Any, Final

import click

from ..errors import FrameError
from ..policy.codec import decode_json
from ..policy.key_documents import KEYS_MOST, import_jwk, import_pem, import_secret
from ..policy.key_material import ALGORITHMS
from ..policy.keys import Key
from ..settings import Limits
from .commands import WrongUsage
from .secrets_in import read_bytes

SOURCE_BYTES: Final = 4 * 1024 * 1024
"""A thousand RSA keys with room."""

SET: Final = Limits(message_bytes=SOURCE_BYTES, json_nodes=SOURCE_BYTES)

alg_option = click.option(
    "--alg", type=click.Choice(ALGORITHMS), help="What it signs with, where the key does not say (RSA)."
)


def read_keys(source: str, *, now: float, alg: str | None, is_secret: bool, passphrase: bytes | None) -> list[Key]:
    """The keys that the file, or standard input for "-", holds.

    Raises:
        ConfigurationError: one of them is weak, or for something else.
        WrongUsage: there is none.
    """
    data = read_bytes(source, SOURCE_BYTES, "the key")
    if is_secret:
        return [import_secret(data, now=now)]
    if b"-----BEGIN " in data:
        return [import_pem(data, now=now, alg=alg, passphrase=passphrase)]
    return [import_jwk(jwk, now=now, alg=alg) for jwk in _jwks(data)]


def _jwks(data: bytes) -> list[Any]:
    """The JWKs of a set, or the one."""
    try:
        document = decode_json(data.strip(), SET)
    except FrameError:
        document = None
    if not isinstance(document, dict):
        raise WrongUsage("there is no JWK, JWK Set or PEM in it; use --secret for the bytes of an HS256 secret")
    entries = document.get("keys", [document])
    if not isinstance(entries, list) or not 0 < len(entries) <= KEYS_MOST:
        raise WrongUsage(f"it is no JWK Set of 1 to {KEYS_MOST:,} keys")
    return entries
