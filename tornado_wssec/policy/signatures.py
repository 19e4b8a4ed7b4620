"""Messages signed by their sender's own key: a compact JWS over the exact text of each (R062–R065).

Rules of this file:
1. The key comes with the credential of the connection, or from the application; nothing in a message chooses it.
2. A key has one algorithm; what a message says of its own is compared with that.
3. Nothing in the payload is looked at before the signature has verified.
4. What was signed counts once: on the connection that it names, in rising order, near the time that it says.
5. Evidence holds thumbprints, times and numbers of ours, never what was signed.

Nothing secret is compared here: who signs knows the nonce and the number, and the key is a public half.

Source: RFC 7515 §5.2, RFC 7800 §3.2, RFC 8725 §3.
"""

from collections.abc import Mapping
from contextlib import suppress
from hmac import compare_digest
from typing import Any, Final, NamedTuple

from ..errors import ConfigurationError, MalformedFrame, MessageReplayed, Problem, SignatureInvalid
from ..settings import Limits
from .base64url import decode
from .identity import Identity
from .jwk import read_jwk, read_object
from .key_material import PRIVATE_MEMBERS, KeyMaterial
from .strict_json import JsonReader, sized_text

TYP: Final = "wssec-msg+jwt"
"""What the header must say, so that no signature made for something else is one of a message. RFC 8725 §3.11."""

ALGORITHMS: Final = frozenset({"EdDSA", "ES256"})
"""What a browser can sign with by a key that nobody can read out, and Python as well."""

SEQ_MOST: Final = 2**53 - 1
"""The highest number that a browser counts to."""

_MEMBERS: Final = ("nonce", "seq", "ts", "message")
_TOLD_MOST: Final = 10**9


class Opened(NamedTuple):
    """What a signed envelope held, once it is proven.

    Args:
        text: the exact text of the message in it.
        key: thumbprint of the key that signed it (RFC 7638).
        seq: its number on this connection.
    """

    text: str
    key: str
    seq: int


class SignedMessages:
    """What has been signed on one connection so far.

    Args:
        nonce: of the connection, as `wssec.ready` tells it.
        limits: the caps on JSON.
    """

    __slots__ = ("_jwk", "_key", "_nonce", "_reader", "_seq")

    def __init__(self, nonce: str, limits: Limits) -> None:
        self._nonce = nonce.encode()
        self._reader = JsonReader(limits)
        self._seq = -1
        self._jwk: Any = None
        self._key: KeyMaterial | None = None

    def accept(self, jws: str, identity: Identity, now: float, window: float) -> Opened:
        """Return the message in a signed envelope. It cannot be opened a second time.

        Args:
            identity: in force, whose key must have signed it.
            now: wall seconds.
            window: seconds by which its time may differ from ours, either way.

        Raises:
            SignatureInvalid: it is none, is not by that key, or there is no such key.
            MessageReplayed: it is of another connection, of another time, or not the next one.
        """
        key = self._key_of(identity)
        self._check_header(jws, key)
        payload = key.verify(jws)
        if payload is None:
            raise SignatureInvalid(f"the signature is not by key {key.thumbprint}")
        return self._take(self._object("payload", payload), key, now, window)

    def _key_of(self, identity: Identity) -> KeyMaterial:
        """The key of this identity, prepared once: that costs a third of what verifying does."""
        jwk = held_jwk(identity)
        if self._key is None or jwk is not self._jwk:
            self._key, self._jwk = signing_key_of(identity), jwk
        return self._key

    def _check_header(self, jws: str, key: KeyMaterial) -> None:
        """Refuse a header that says anything but what this key's must. Whether three parts follow, `verify` sees."""
        header = _decoded(jws.partition(".")[0])
        if header is None:
            raise SignatureInvalid("the header is not strict base64url")
        if self._object("header", header) != {"alg": key.alg, "typ": TYP}:
            raise SignatureInvalid(f"the header is not that of {key.alg} and {TYP} alone")

    def _object(self, part: str, data: bytes) -> dict[str, Any]:
        fault = "it is no object"
        try:
            value = self._reader.read(sized_text(data, self._reader.limits)[0])
            if type(value) is dict:
                return value
        except MalformedFrame as error:
            fault = error.evidence
        raise SignatureInvalid(f"the {part} is no JSON object as we accept it: {fault}")

    def _take(self, payload: Mapping[str, Any], key: KeyMaterial, now: float, window: float) -> Opened:
        """Accept a payload that is fresh, so that it is not fresh any more."""
        if payload.keys() != set(_MEMBERS):
            raise SignatureInvalid("the payload is not of a nonce, a seq, a ts and a message alone")
        nonce, seq, ts, message = [payload[name] for name in _MEMBERS]
        if type(nonce) is not str or type(message) is not str:
            raise SignatureInvalid("the nonce or the message is no text")
        if type(seq) is not int or not 0 <= seq <= SEQ_MOST:
            raise SignatureInvalid("the seq is no whole number from 0 to 2⁵³ − 1")
        if type(ts) not in (int, float) or not abs(ts) <= SEQ_MOST:
            raise SignatureInvalid("the ts is no number of seconds")
        if not compare_digest(nonce.encode(), self._nonce):
            raise MessageReplayed("it was signed for another connection")
        if not abs(now - ts) <= window:
            away = min(abs(now - ts), _TOLD_MOST)
            raise MessageReplayed(f"its time is {away:.0f} s {'before' if ts < now else 'after'} ours")
        if seq <= self._seq:
            raise MessageReplayed(f"its seq is not above {self._seq}")
        self._seq = seq
        return Opened(message, key.thumbprint, seq)


def held_jwk(identity: Identity) -> Any:
    """What an identity signs with: the application's answer, where it was asked; else the token's `cnf.jwk`."""
    if identity.signing_key is not None:
        return identity.signing_key or None
    bound = identity.claims.get("cnf")
    return bound.get("jwk") if isinstance(bound, Mapping) else None


def signing_key_of(identity: Identity) -> KeyMaterial:
    """The public half of the key that an identity signs with.

    Raises:
        SignatureInvalid: it has none, or one that signs nothing here.
    """
    jwk = held_jwk(identity)
    if jwk is None:
        raise SignatureInvalid("its sender has no key to sign with")
    fault = "is none"
    try:
        return read_signing_key(jwk, "the key of its sender")
    except ConfigurationError as error:
        fault = error.problems[0].fault
    raise SignatureInvalid(f"the key of its sender {fault}")


def ensure_signed_by(thumbprint: str, identity: Identity) -> None:
    """Refuse what was signed by a key that is its sender's no more.

    Raises:
        SignatureInvalid: the identity has another key now, or none.
    """
    if signing_key_of(identity).thumbprint != thumbprint:
        raise SignatureInvalid(f"key {thumbprint} has been replaced")


def read_signing_key(jwk: Any, where: str) -> KeyMaterial:
    """Return the public half that a client signs messages with.

    Args:
        jwk: its members; a private half is refused, since whoever hands it on has lost it.
        where: what a fault is reported of.

    Raises:
        ConfigurationError: with one problem.
    """
    if PRIVATE_MEMBERS & read_object(jwk, where).keys():
        raise _problem(where, "holds a private half", "make a new key, and hand on its public half alone")
    material = read_jwk(jwk, where)
    if material.alg not in ALGORITHMS:
        raise _problem(where, f"is for {material.alg}", "messages are signed with Ed25519 or P-256 (ES256)")
    return material


def _decoded(text: str) -> bytes | None:
    with suppress(ValueError):
        return decode(text)
    return None


def _problem(where: str, fault: str, remedy: str) -> ConfigurationError:
    return ConfigurationError([Problem(where, fault, remedy)])
