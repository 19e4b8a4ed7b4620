"""Every frame that may cross the wire: the declared messages and those of the protocol, each as JSON Schema.

A frame of a client is `{"type", "id", "data"}`, or flat; the server's own answers are `reply` and `error`.
"""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ..errors import ErrorCode
from ..policy.codec import ERROR_BYTES, ID_LENGTH, Envelope
from ..policy.registry import MessageSpec, Registry
from ..policy.reserved import CHANNEL_CHARS, RESERVED, UNSUBSCRIBED
from .bounds import Node
from .gaps import Gap
from .shapes import Shapes, View, renamed

OBJECT: Final = "object:"
"""Begins the name of what is nested; no type of a message could be taken for one."""

_ID: Final[Mapping[str, Any]] = {"type": "string", "maxLength": ID_LENGTH}
_SECONDS: Final[Mapping[str, Any]] = {"type": "number", "minimum": 0}
_SECONDS_OR_NONE: Final[Mapping[str, Any]] = {"type": ["number", "null"], "minimum": 0}
"""Of a credential that does not end there is none."""

_CHANNEL: Final[Mapping[str, Any]] = {"type": "string", "minLength": 1, "maxLength": CHANNEL_CHARS}


@dataclass(frozen=True, slots=True)
class Frame:
    """One kind of frame.

    Args:
        type: its name on the wire.
        view: who sends it: `in` clients, `out` the server.
        node: the schema of the whole frame.
        gaps: what the schema leaves unsaid of its `data`.
        spec: the declaration; None: it is one of the protocol's own.
        flat: the key of the type, where its data stand beside that; None: they stand in `data`.
    """

    type: str
    view: View
    node: Node
    gaps: tuple[Gap, ...] = ()
    spec: MessageSpec | None = None
    flat: str | None = None

    @property
    def is_signed(self) -> bool:
        """Whether it comes inside `wssec.signed` alone."""
        return self.spec is not None and self.spec.signed and self.view == "in"

    @property
    def is_binary(self) -> bool:
        """Whether it comes with bytes behind it, as a binary message alone."""
        return self.spec is not None and self.spec.binary is not None and self.view == "in"

    @property
    def is_plain(self) -> bool:
        """Whether it comes as it is, as a text."""
        return not self.is_signed and not self.is_binary

    @property
    def data(self) -> Node:
        """The schema of its `data`, or of what holds them; an empty one where it has none."""
        data: Node = self.node if self.flat else self.node["properties"].get("data", {})
        return data


@dataclass(frozen=True, slots=True)
class Contract:
    """Everything that an application and its clients may say to each other.

    Args:
        frames: of both directions, in the order of declaration; those of the protocol last.
        objects: name → schema of what is nested in them.
    """

    frames: tuple[Frame, ...]
    objects: dict[str, Node]

    def of(self, view: View) -> list[Frame]:
        """The frames of one direction."""
        return [frame for frame in self.frames if frame.view == view]

    def frame(self, type: str, view: View) -> Frame:
        """One frame.

        Raises:
            KeyError: there is none.
        """
        for frame in self.frames:
            if (frame.type, frame.view) == (type, view):
                return frame
        raise KeyError(f"no {view} frame {type!r}")


def contract_of(registry: Registry, envelope: Envelope | None = None) -> Contract:
    """Read the declarations of a registry.

    Args:
        envelope: how the frames look; None: as they do unless an endpoint says otherwise.
    """
    shapes = Shapes()
    frames = [frame for spec in registry.messages.values() for frame in _declared(spec, shapes)]
    frames += [frame for message in RESERVED for frame in _declared(MessageSpec.of(message), shapes, is_ours=True)]
    frames += _answers()
    if envelope is not None and envelope.is_flat:
        frames = [flat for frame in frames for flat in _flattened(frame, envelope.type_key)]
    names = {name: f"{OBJECT}{kept}" for name, kept in shapes.settle().items()}
    settled = [replace(one, node=renamed(one.node, names)) for one in frames]
    objects = {names[name]: renamed(node, names) for name, node in sorted(shapes.objects.items())}
    return Contract(tuple(settled), objects)


def _declared(spec: MessageSpec, shapes: Shapes, *, is_ours: bool = False) -> Iterator[Frame]:
    views: tuple[View, ...] = ("in", "out") if spec.direction == "both" else (spec.direction,)
    for view in views:
        data, gaps = shapes.of(spec.message, view)
        if view == "in" and spec.bind:
            data = _with_filled(data, spec)
        yield Frame(spec.type, view, _frame_of(spec, view, data), tuple(gaps), None if is_ours else spec)


def _with_filled(data: Node, spec: MessageSpec) -> Node:
    """The data of a message of which the server fills in some fields."""
    required = [name for name in data.get("required", []) if name not in spec.bind]
    rest = {name: value for name, value in data.items() if name != "required"}
    return {**rest, "required": required} if required else rest


def _frame_of(spec: MessageSpec, view: View, data: Node) -> Node:
    beside: Node = {"id": _ID} if view == "in" else {"channel": _CHANNEL, "seq": {"type": "integer", "minimum": 0}}
    data = {name: value for name, value in data.items() if name != "description"}
    is_needed = view == "out" or "required" in data
    return {
        "type": "object",
        **({"description": text} if (text := inspect.cleandoc(spec.message.__doc__ or "")) else {}),
        "properties": {"type": {"const": spec.type}, **beside, "data": data},
        "required": ["type", "data"] if is_needed else ["type"],
        "additionalProperties": False,
    }


def _flattened(frame: Frame, type_key: str) -> Iterator[Frame]:
    """A frame in which the data stand beside the type; none where they need the same name, and it cannot be sent."""
    beside = {name: node for name, node in frame.node["properties"].items() if name not in ("type", "data")}
    data = frame.data or {"additionalProperties": False}
    required = [name for name in frame.node["required"] if name not in ("type", "data")]
    head, fields = {type_key: {"const": frame.type}, **beside}, data.get("properties", {})
    if head.keys() & fields.keys():
        return
    node = {
        **frame.node,
        "properties": {**head, **fields},
        "required": [type_key, *required, *data.get("required", [])],
        "additionalProperties": data.get("additionalProperties", True),
    }
    yield replace(frame, node=node, flat=type_key)


def _answers() -> Iterator[Frame]:
    """What the server says of its own accord."""
    anything: Node = {"type": "object"}
    reply = _own("reply", "The one answer to a message that carried an id.", {"id": _ID, "data": anything})
    yield Frame("reply", "out", reply)
    error = _object(
        {"type": {"const": "error"}, "code": {"enum": [str(code) for code in ErrorCode]}},
        id=_ID,
        detail={"type": "string", "maxLength": ERROR_BYTES},
        fields={"type": "object"},
        retry_after=_SECONDS,
    )
    yield Frame("error", "out", {"description": "A frame that was not acted on.", **error})
    yield Frame("pong", "out", _own("pong", "The answer to a `ping`.", {}, id=_ID))
    ready = {"session": {"type": "string"}, "nonce": {"type": "string"}, "heartbeat": _SECONDS}
    ready_data = _object({**ready, "expires_in": _SECONDS_OR_NONE})
    yield Frame("wssec.ready", "out", _own("wssec.ready", "The connection may be used.", {"data": ready_data}))
    expiring = _object({"expires_in": _SECONDS, "grace": _SECONDS})
    yield Frame("wssec.expiring", "out", _own("wssec.expiring", "The token ends soon.", {"data": expiring}))
    named = {"data": _object({"channel": _CHANNEL})}
    yield Frame("wssec.gap", "out", _own("wssec.gap", "Messages of a channel were missed.", named))
    yield Frame(UNSUBSCRIBED, "out", _own(UNSUBSCRIBED, "A moderator has put you out of a channel.", named))


def _own(type: str, text: str, required: Mapping[str, Any], **optional: Mapping[str, Any]) -> Node:
    return {"description": text, **_object({"type": {"const": type}, **required}, **optional)}


def _object(required: Mapping[str, Any], **optional: Mapping[str, Any]) -> Node:
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": list(required),
        "additionalProperties": False,
    }
