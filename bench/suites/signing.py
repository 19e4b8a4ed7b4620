"""What a signature costs: a message admitted bare, and inside an envelope signed by each kind of key. No bar.

Nothing travels: what is compared is what the server decides, from the text of a frame to a message that may be handled.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from statistics import median
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from marshmallow import fields, validate

from tornado_wssec import Envelope, Grants, Identity, Limits, Message, Registry
from tornado_wssec.client import MessageSigner, public_jwk
from tornado_wssec.client.signing import SigningKey
from tornado_wssec.policy.pipeline import Pipeline
from tornado_wssec.policy.registry import MessageSpec
from tornado_wssec.policy.reserved import Signed
from tornado_wssec.policy.session import Account, Session
from tornado_wssec.policy.signatures import SignedMessages

from ..results import Outcome

MESSAGES: Final = 400
"""A round's, of each kind."""
NONCE: Final = "bm9uY2Vub25jZW5vbmNlbm8"
KEYS: Final[Mapping[str, SigningKey]] = {
    "signed with Ed25519": Ed25519PrivateKey.generate(),
    "signed with ES256": generate_private_key(SECP256R1()),
}
NOTES: Final = {"80 bytes": "", "1 KiB": "x" * 940}
PLENTY: Final = 10**9
LIMITS: Final = Limits(
    frames_per_second=PLENTY,
    frames_burst=PLENTY,
    bytes_per_second=PLENTY,
    bytes_burst=PLENTY,
    identity_messages_per_second=PLENTY,
    identity_messages_burst=PLENTY,
)


class Order(Message):
    """Buy or sell."""

    class Meta:
        type = "desk.order"
        permission = "desk:order:{symbol}"

    symbol = fields.String(required=True, validate=validate.Regexp(r"[A-Z]{1,8}\Z"))
    note = fields.String(required=True, validate=validate.Length(max=2_000))


BARE: Final = Pipeline(Registry(Order).messages, Envelope(), LIMITS)
SIGNED: Final = Pipeline(
    {"desk.order": replace(MessageSpec.of(Order), signed=True), "wssec.signed": MessageSpec.of(Signed)},
    Envelope(),
    LIMITS,
)


def measure(rounds: int) -> Outcome:
    """Take turns, round after round; the first does not count."""
    table = {size: _costs(_order(note), rounds) for size, note in NOTES.items()}
    return Outcome([], {"signing": table})


def _costs(text: str, rounds: int) -> Mapping[str, list[float]]:
    """Of each way the median, the least and the most of its rounds, in µs of CPU."""
    ways = {"bare": _bare(text), **{name: _signed(key, text) for name, key in KEYS.items()}}
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            spent = next(way)
            if number:
                found[name].append(spent)
    for name, costs in found.items():
        print(f"  {name}: {median(costs):.1f} µs, of {len(text)} bytes", flush=True)
    return {
        name: [round(value, 2) for value in (median(costs), min(costs), max(costs))] for name, costs in found.items()
    }


def _bare(text: str) -> Iterator[float]:
    session = _session({})
    while True:
        yield _spent(lambda frame: BARE.admit(frame, session, 0.0), [text] * MESSAGES)


def _signed(key: SigningKey, text: str) -> Iterator[float]:
    """Admit, open and admit, as a connection does; what the client does is not counted."""
    session = _session({"cnf": {"jwk": public_jwk(key)}})
    signer, opener = MessageSigner(key, NONCE, wall=lambda: 0.0), SignedMessages(NONCE, LIMITS)

    def admit(frame: str) -> None:
        outer = SIGNED.admit(frame, session, 0.0)
        SIGNED.admit_signed(SIGNED.open_signed(outer, opener, session, 0.0, 30.0), outer.id, session, 0.0)

    while True:
        yield _spent(admit, [_envelope(signer.sign(text)) for _ in range(MESSAGES)])


def _spent(admit: Callable[[str], Any], frames: list[str]) -> float:
    begun = time.process_time()
    for frame in frames:
        admit(frame)
    return (time.process_time() - begun) / len(frames) * 1e6


def _session(claims: Mapping[str, Any]) -> Session:
    identity = Identity(subject="ann", permissions=Grants(["desk:order:*"]), claims=claims)
    return Session("s", identity, LIMITS, Account(LIMITS, 0.0), 0.0)


def _order(note: str) -> str:
    return json.dumps({"type": "desk.order", "id": "17", "data": {"symbol": "ABC", "note": note}})


def _envelope(jws: str) -> str:
    return json.dumps({"type": "wssec.signed", "data": {"jws": jws}})
