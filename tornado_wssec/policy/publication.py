"""What a client publishes itself: `wssec.publish`, decided.

Rules of this file:
1. The channel is asked first, and its refusal is the same whether there is such a channel or not.
2. What is published passes everything that a message of its type passes: rate, size, schema, bound fields, permission.
3. A field that the channel's name has, too, says the same there: nobody publishes about one room in another.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import PermissionDenied, Unavailable, UnknownType
from .channel_specs import ChannelSpec
from .codec import Incoming, encode_json
from .pipeline import Valid, authorise, validate
from .registry import MessageSpec, Registry
from .session import Session


class Publication(NamedTuple):
    """A publication that may be made.

    Args:
        name: of the channel.
        channel: what it is.
        spec: of what is published.
        data: validated; bound fields are filled in.
    """

    name: str
    channel: ChannelSpec
    spec: MessageSpec
    data: dict[str, Any]


def admit_publication(asked: Mapping[str, Any], registry: Registry, session: Session, now: float) -> Publication:
    """Decide over the data of a `wssec.publish`.

    Args:
        asked: `channel`, `type` and `data`, as validated.
        now: monotonic seconds.

    Raises:
        FrameError, FrameDropped, Disconnect: as for a message of the type that is published.
    """
    name, identity = asked["channel"], session.identity
    found = registry.channel(name)
    if session.is_in_doubt:
        raise Unavailable("publishing needs a right that cannot be asked for now")
    if found is None or not found[0].may_publish(identity, found[1]):
        raise PermissionDenied("may not publish in this channel")
    channel = found[0]
    spec = registry.messages.get(asked["type"])
    if spec is None or not accepts(channel, spec):
        raise UnknownType("no such type may be published in this channel")
    session.spend(spec, None, now)
    incoming = Incoming(spec.type, None, asked["data"], _size_of(spec, asked["data"]))
    valid = validate(spec, incoming, identity)
    _require_named(channel, name, valid)
    if spec.direction == "both":  # else its permission says who may receive it, and asks nothing of who sends
        authorise(valid, identity)
    if spec.max_auth_age is not None:
        session.ensure_recent(spec, now)
    return Publication(name, channel, spec, valid.data)


def accepts(channel: ChannelSpec, spec: MessageSpec) -> bool:
    """Whether clients that may publish in a channel may publish this type there."""
    if channel.publish is None or spec.direction == "in" or spec.signed:
        return False
    if channel.accepts is not None:
        return spec.type in channel.accepts
    return spec.wire_names.issuperset(channel.pattern.fields)


def _require_named(channel: ChannelSpec, name: str, valid: Valid) -> None:
    segments, wire = channel.pattern.match(name) or {}, valid.wire
    for field, segment in segments.items():
        # By either name: permissions are filled from the field, whatever the wire calls it.
        if any([str(wire[key]) != segment for key in (field, valid.spec.wire_name(field)) if key in wire]):
            raise PermissionDenied(f"{field} names another channel than the one it is published in")


def _size_of(spec: MessageSpec, data: Mapping[str, Any]) -> int:
    """Bytes of what is published; the frame around it has been measured by the connection's cap."""
    return 0 if spec.max_bytes is None else len(encode_json(data).encode())
