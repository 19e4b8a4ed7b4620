"""What an application sends, checked and made ready; and who may receive it."""

from collections.abc import Mapping
from typing import Any

from .errors import InvalidMessage, OutboundInvalid, PermissionDenied
from .policy.codec import Envelope, encode_json
from .policy.identity import Identity
from .policy.pipeline import size_of
from .policy.registry import MessageSpec
from .wire.outgoing import Outgoing


def ready_to_send(spec: MessageSpec, data: Mapping[str, Any]) -> dict[str, Any]:
    """What the application sends, checked against its own schema.

    Raises:
        OutboundInvalid: it does not fit; no peer is to blame, and none is charged.
    """
    try:
        return spec.dump(data)
    except InvalidMessage as error:
        evidence = error.evidence
    raise OutboundInvalid(evidence)


def event_of(spec: MessageSpec, ready: Mapping[str, Any], envelope: Envelope) -> Outgoing:
    """A message to one client that `ready_to_send` has checked.

    Raises:
        OutboundInvalid: it is larger than its type may be.
    """
    text = envelope.event(spec.type, ready)
    if spec.max_bytes is not None:
        _ensure_fits(spec, text)
    return Outgoing(text, overflow=spec.overflow, key=spec.key_of(ready, None))


def data_of(spec: MessageSpec, ready: Mapping[str, Any], channel: str) -> str:
    """The data of a publication, as JSON; written once for all who get it.

    Raises:
        OutboundInvalid: the message is larger than its type may be.
    """
    data = encode_json(ready)
    if spec.max_bytes is not None:
        _ensure_fits(spec, Envelope().carry(spec.type, data, channel=channel))
    return data


def _ensure_fits(spec: MessageSpec, text: str) -> None:
    size = size_of(text)
    if spec.max_bytes is not None and size > spec.max_bytes:
        raise OutboundInvalid(f"{spec.type} as sent by the application: {size} bytes, and {spec.max_bytes} at most")


def may_receive(spec: MessageSpec, data: Mapping[str, Any], identity: Identity) -> bool:
    """Whether an identity may receive an outbound message: its permission says who may read it."""
    return spec.permission is not None and spec.permission.allowed(identity.permissions, spec.permission_values(data))


def needs_of(spec: MessageSpec, data: Mapping[str, Any]) -> str | None:
    """The permission that a receiver must have; empty: everybody has it, None: nobody may receive it.

    Args:
        data: as the application sends it.
    """
    if spec.permission is None:
        return None
    if spec.permission.is_public:
        return ""
    try:
        return spec.permission.fill(spec.permission_values(data))
    except PermissionDenied:
        return None  # a value that is no segment is covered by no grant
