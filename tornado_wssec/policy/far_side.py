"""A message as the other end of a connection writes and reads it, whatever the envelope: for clients and tests.

On this side of it a message is `{"type", "id", "data"}` and what else there is, as in an envelope that is not flat.
"""

from collections.abc import Mapping
from typing import Any, Final

from .codec import Envelope
from .reserved import RESERVED_PREFIX

_ANSWERS: Final = ("reply", "pong")


def spoken(envelope: Envelope, message: Mapping[str, Any]) -> dict[str, Any]:
    """A message of a client as it goes over the wire.

    Raises:
        ValueError: a flat envelope needs a name that the data uses.
    """
    if not envelope.is_flat:
        return dict(message)
    data = message.get("data") or {}
    if taken := sorted({envelope.type_key, "id"} & data.keys()):
        raise ValueError(f"a flat envelope needs {', '.join(taken)} for itself")
    head = {envelope.type_key: message["type"]}
    return {**head, "id": message["id"], **data} if "id" in message else {**head, **data}


def understood(envelope: Envelope, message: Mapping[str, Any]) -> dict[str, Any]:
    """A message of the server as it came over the wire."""
    if not envelope.is_flat:
        return dict(message)
    data = dict(message)
    type = data.pop(envelope.type_key, None)
    if type == "error":
        return {"type": type, **data}
    # A message of the protocol's own may tell of a channel; of any other it says where it was published.
    is_event = isinstance(type, str) and type not in _ANSWERS and not type.startswith(RESERVED_PREFIX)
    beside = ("id", "channel", "seq") if is_event else ("id",)
    head = {"type": type, **{name: data.pop(name) for name in beside if name in data}}
    return head if type == "pong" else {**head, "data": data}
