"""From a stranger's bytes to a message we will act on. The whole security argument is `admit`.

Rules of this file:
1. The order is: open, pay, parse, resolve, pay, validate, authorise. No stage is skipped.
2. Each stage returns another type; only `authorise` makes a `Permitted`.
3. A refusal says nothing that depends on what the peer may not know.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple

from ..errors import FrameError, InvalidMessage, MessageTooBig, PermissionDenied, SignatureInvalid, UnknownType
from ..settings import Limits
from .codec import Envelope, Incoming
from .identity import Identity, claim_of
from .leniency import Leniency
from .permitted import Permitted, permit
from .registry import MessageSpec
from .reserved import Signed
from .session import Session
from .signatures import Opened, SignedMessages, ensure_signed_by
from .swift import Passed, Swift

__all__ = [
    "Permitted",
    "Pipeline",
    "Valid",
    "authorise",
    "bound_claims",
    "readmit",
    "reauthorise",
    "size_of",
    "validate",
]


class Valid(NamedTuple):
    """A message whose data fits its schema; nobody has asked yet whether it is allowed.

    `wire` is the data as it came: a bound field is compared in the form in which claims come, too. `fault` is what its
    schema says of data that was let pass with a warning.
    """

    spec: MessageSpec
    id: str | None
    data: dict[str, Any]
    wire: Mapping[str, Any]
    fault: InvalidMessage | None = None


def size_of(frame: str | bytes) -> int:
    """Bytes of a frame on the wire."""
    return len(frame) if isinstance(frame, bytes) or frame.isascii() else len(frame.encode("utf-8", "surrogatepass"))


def validate(
    spec: MessageSpec,
    incoming: Incoming,
    identity: Identity,
    *,
    is_signed: bool = False,
    is_told: bool = True,
    is_eased: bool = False,
) -> Valid:
    """Check size and schema; fill in absent fields that are bound to a claim.

    Args:
        is_signed: whether it came inside a signed envelope.
        is_told: whether its sender is to learn what is wrong, which costs many times what it costs to refuse.
        is_eased: whether data that does not fit is let pass, save what a permission or a claim is asked of.

    Raises:
        MessageTooBig: over the type's own cap.
        SignatureInvalid: the type has to be signed, and this is not.
        InvalidMessage: the data does not fit.
    """
    if spec.max_bytes is not None and incoming.size > spec.max_bytes:
        raise MessageTooBig(f"{incoming.size} bytes of {spec.type}")
    if spec.signed and not is_signed:
        raise SignatureInvalid(f"{spec.type} came unsigned")
    data = incoming.data
    if spec.bind:
        data = {**bound_claims(spec, identity), **data}
    if is_eased:
        loaded, fault = spec.load_anyway(data)
        return Valid(spec, incoming.id, loaded, data, fault)
    return Valid(spec, incoming.id, spec.load(data, is_told=is_told), data)


def authorise(message: Valid, identity: Identity, signed_by: str | None = None) -> Permitted:
    """Ask whether this identity may send this message.

    Raises:
        PermissionDenied: a bound field is somebody else's, or no grant matches.
    """
    spec = message.spec
    if spec.bind:
        _require_own(message, bound_claims(spec, identity))
    template = spec.permission
    if template is None or not template.allowed(identity.permissions, spec.permission_values(message.data)):
        raise PermissionDenied(f"{spec.type} needs {template.text if template else 'a permission'}")
    return permit(Permitted, (spec, message.id, message.data, message.wire, identity, signed_by))


def bound_claims(spec: MessageSpec, identity: Identity) -> dict[str, Any]:
    """The fields that must equal a claim, with the values they must have (R047).

    Raises:
        PermissionDenied: the identity has no such claim.
    """
    own: dict[str, Any] = {}
    for name, claim in spec.bind.items():
        value = claim_of(identity, claim)
        if value is None:
            raise PermissionDenied(f"{spec.type} is bound to the claim {claim}, which this identity lacks")
        own[name] = value
    return own


def _require_own(message: Valid, own: Mapping[str, Any]) -> None:
    for name, value in own.items():
        if message.wire[name] != value:
            raise PermissionDenied(f"{message.spec.type}.{name} names somebody else")


class Pipeline:
    """What one endpoint admits.

    Args:
        accepted: the inbound types that the endpoint has handlers for.
        envelope: how its messages look.
        limits: its caps.
        leniency: what it lets pass with a warning; None: nothing.
    """

    __slots__ = ("_leniency", "_swift", "accepted", "envelope", "limits")

    def __init__(
        self,
        accepted: Mapping[str, MessageSpec],
        envelope: Envelope,
        limits: Limits,
        leniency: Leniency | None = None,
    ) -> None:
        self.accepted = accepted
        self.envelope = envelope
        self.limits = limits
        self._leniency = leniency
        self._swift = Swift.of(accepted, envelope, limits)

    def admit(self, frame: str | bytes, session: Session, now: float) -> Permitted:
        """Turn bytes from a stranger into a message we will act on.

        Raises:
            FrameError: it is answered with an `error`; carries the id to answer, where there was one.
            FrameDropped: it gets no answer.
            Disconnect: a budget is used up.
        """
        if self._swift is not None and type(frame) is str:
            permitted = self._swift.admitted(frame, session, now)
            if permitted is not None:
                return permitted
        session.ensure_open()
        session.spend_frame(size_of(frame), now)
        return self._judge(self.envelope.parse(frame, self.limits), session, now)

    def admit_swiftly(self, frames: Sequence[str], session: Session, now: float) -> Iterator[Passed | None]:
        """Admit one text after another, where the fast way can; None for each that `admit` has to judge."""
        return repeat(None, len(frames)) if self._swift is None else self._swift.each_admitted(frames, session, now)

    def open_signed(
        self, outer: Permitted, signed: SignedMessages, session: Session, now: float, window: float
    ) -> Opened:
        """Verify an admitted `wssec.signed`.

        Args:
            signed: what this connection has signed so far.
            now: wall seconds.
            window: seconds by which its time may differ from ours.

        Raises:
            FrameError: it is not what its sender signed for here and now; carries the id of the envelope.
        """
        try:
            session.ensure_certain(outer.spec, is_signed=True)
            return signed.accept(outer.data["jws"], session.identity, now, window)
        except FrameError as error:
            error.message_id = outer.id
            raise

    def admit_signed(self, opened: Opened, outer_id: str | None, session: Session, now: float) -> Permitted:
        """Admit what a signed envelope held, as `admit` does; its frame has been paid for.

        Args:
            outer_id: of the envelope; what is answered where the message has no id of its own.

        Raises:
            FrameError, FrameDropped, Disconnect: as for `admit`.
        """
        try:
            incoming = self.envelope.parse(opened.text, self.limits)
        except FrameError as error:
            error.message_id = error.message_id or outer_id
            raise
        if incoming.id is None:
            incoming = incoming._replace(id=outer_id)
        return self._judge(incoming, session, now, opened.key)

    def _judge(self, incoming: Incoming, session: Session, now: float, signed_by: str | None = None) -> Permitted:
        try:
            spec = self.resolve(incoming.type)
            if signed_by is not None and spec.message is Signed:
                raise SignatureInvalid("a signed envelope within another")
            session.spend(spec, incoming.id, now)
            is_told, is_signed, leniency = session.may_err(now), signed_by is not None, self._leniency
            is_eased = leniency is not None and leniency.covers(spec, now)
            identity = session.identity
            valid = validate(spec, incoming, identity, is_signed=is_signed, is_told=is_told, is_eased=is_eased)
            if session.is_in_doubt:
                session.ensure_certain(spec)
            permitted = authorise(valid, identity, signed_by)
            if spec.max_auth_age is not None:
                session.ensure_recent(spec, now)
            if valid.fault is not None and leniency is not None:
                leniency.tell(spec, session, valid.fault)
            return permitted
        except FrameError as error:
            error.message_id = incoming.id
            raise

    def resolve(self, type: str) -> MessageSpec:
        """The declaration of an inbound type of this endpoint.

        Raises:
            UnknownType: for every string that names none; the answer never echoes it.
        """
        spec = self.accepted.get(type)
        if spec is None:
            raise UnknownType("no such type at this endpoint")
        return spec


def readmit(message: Permitted, session: Session, now: float) -> Permitted:
    """Ask again as a message comes to be handled, since much may have happened to its sender meanwhile.

    Raises:
        FrameDropped: the session is closing.
        FrameError: the message may not be handled any more.
    """
    session.ensure_open()
    if message.identity is session.identity and not session.is_in_doubt:
        return message
    session.ensure_certain(message.spec, is_signed=message.signed_by is not None)
    permitted = reauthorise(message, session.identity)
    session.ensure_recent(message.spec, now)
    return permitted


def reauthorise(message: Permitted, identity: Identity) -> Permitted:
    """Ask again when the identity in force is no longer the one that was asked (R043).

    Raises:
        PermissionDenied: the rights have shrunk since the message was admitted.
        SignatureInvalid: it was signed by a key that has been replaced since.
    """
    if message.identity is identity:
        return message
    if message.signed_by is not None:
        ensure_signed_by(message.signed_by, identity)
    return authorise(Valid(message.spec, message.id, message.data, message.wire), identity, message.signed_by)
