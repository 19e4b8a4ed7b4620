"""The messages of an application as an AsyncAPI 3 document.

The connection is one channel, and each message a client may send is an operation of it, with its `reply` and `error`;
each kind of channel that can be subscribed to is another, with the messages that fit it.

Source: AsyncAPI 3.0.0. Its schemas are JSON Schema draft-07, so that tuples are written as that has them.
"""

import inspect
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote

from ..closing import CloseCode
from ..policy.channels import ChannelPattern
from ..policy.codec import Envelope
from ..policy.registry import ChannelSpec, Registry
from .bounds import Node
from .frames import OBJECT, Contract, Frame, contract_of
from .json_schema import EXTENSION, channel_terms_of, terms_of, text_of, written
from .shapes import REF

VERSION: Final = "3.0.0"
CONNECTION: Final = "connection"
_KEY: Final = re.compile(r"[^A-Za-z0-9_.-]")
_SECURITY: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "An access token in the Authorization header; browsers offer it as the subprotocol"
            " wssec.bearer.TOKEN beside wssec.v1.",
        },
        "ticket": {
            "type": "httpApiKey",
            "in": "header",
            "name": "Sec-WebSocket-Protocol",
            "description": "A ticket for one handshake, as the subprotocol wssec.ticket.TICKET beside wssec.v1.",
        },
        "cookie": {
            "type": "httpApiKey",
            "in": "cookie",
            "name": "__Host-session",
            "description": "A session cookie, together with a value that is none.",
        },
        "apiKey": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "wssec_ak",
            "description": "An API key in the Authorization header.",
        },
    }
)


def export_asyncapi(
    registry: Registry, envelope: Envelope | None = None, *, title: str = "Messages", version: str = "1.0.0"
) -> str:
    """The document as text."""
    return written(asyncapi_of(registry, envelope, title=title, version=version))


def asyncapi_of(
    registry: Registry, envelope: Envelope | None = None, *, title: str = "Messages", version: str = "1.0.0"
) -> Node:
    """The document as an object.

    Args:
        registry: what is declared.
        envelope: how the frames look.
        title: of the application.
        version: of its messages.
    """
    contract = contract_of(registry, envelope)
    keys = _Keys(contract)
    return {
        "asyncapi": VERSION,
        "info": {"title": title, "version": version, "description": _ABOUT},
        "defaultContentType": "application/json",
        "channels": {
            CONNECTION: _connection(contract, keys),
            **{keys.channel(spec.pattern): _channel(spec, contract, keys) for spec in registry.channels},
        },
        "operations": dict(_operations(registry, contract, keys)),
        "components": {
            "messages": {keys.frame(one): _message(one, keys) for one in contract.frames},
            "schemas": {keys.object(name): _draft_07(node, keys) for name, node in contract.objects.items()},
            "securitySchemes": {name: dict(scheme) for name, scheme in _SECURITY.items()},
        },
        f"{EXTENSION}close-codes": {str(int(code)): code.text for code in CloseCode},
    }


_ABOUT: Final = (
    "A message with an id gets one answer, a reply or an error. A connection ends with one of the close codes of"
    f" {EXTENSION}close-codes."
)


class _Keys:
    """Keys of a document's objects, which may hold letters, digits, `.`, `_` and `-` alone."""

    def __init__(self, contract: Contract) -> None:
        self._taken: dict[str, str] = {}
        for frame in contract.frames:
            self.frame(frame)

    def frame(self, frame: Frame) -> str:
        """The key of a frame: `in.chat.send`."""
        return self._of(f"{frame.view}.{frame.type}")

    def channel(self, pattern: ChannelPattern) -> str:
        """The key of a kind of channel: `channel.room-room`."""
        return self._of(f"channel.{pattern.text.replace('{', '').replace('}', '').replace(':', '-')}", pattern.text)

    def object(self, name: str) -> str:
        """The key of what is nested, by its name in `$defs`."""
        return self._of(f"object.{name.removeprefix(OBJECT)}")

    def operation(self, verb: str, key: str) -> str:
        """The key of an operation."""
        return f"{verb}.{key}"

    def _of(self, wanted: str, meant: str | None = None) -> str:
        plain, meant, count = _KEY.sub("-", wanted), meant or wanted, 2
        key = plain
        while self._taken.setdefault(key, meant) != meant:
            key, count = f"{plain}-{count}", count + 1
        return key


def _connection(contract: Contract, keys: _Keys) -> Node:
    messages = {keys.frame(one): {"$ref": f"#/components/messages/{keys.frame(one)}"} for one in contract.frames}
    return {
        "address": None,
        "description": "One WebSocket connection, subprotocol wssec.v1.",
        "messages": messages,
        "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
    }


def _channel(spec: ChannelSpec, contract: Contract, keys: _Keys) -> Node:
    told: Node = {
        "address": spec.pattern.text,
        "description": inspect.cleandoc(spec.channel.__doc__ or ""),
        "messages": {
            keys.frame(one): {"$ref": f"#/components/messages/{keys.frame(one)}"} for one in _fitting(spec, contract)
        },
    }
    if spec.pattern.fields:
        told["parameters"] = {
            name: {"description": f"A segment of the name, {{{name}}}."} for name in spec.pattern.fields
        }
    return {**told, **{f"{EXTENSION}{name}": value for name, value in channel_terms_of(spec).items()}}


def _fitting(spec: ChannelSpec, contract: Contract) -> list[Frame]:
    """The messages of the server that say of which channel they are: they have every field of its name."""
    return [
        frame
        for frame in contract.of("out")
        if frame.spec is not None and set(spec.pattern.fields) <= set(frame.data.get("properties", {}))
    ]


def _operations(registry: Registry, contract: Contract, keys: _Keys) -> Iterator[tuple[str, Node]]:
    answers = [contract.frame("reply", "out"), contract.frame("error", "out")]
    reply = {"channel": _channel_ref(CONNECTION), "messages": [_ref(CONNECTION, one, keys) for one in answers]}
    security = [{"$ref": f"#/components/securitySchemes/{name}"} for name in _SECURITY]
    for frame in contract.frames:
        is_inbound = frame.view == "in"
        operation: Node = {
            "action": "receive" if is_inbound else "send",
            "channel": _channel_ref(CONNECTION),
            **_summary(frame),
            "security": security,
            "messages": [_ref(CONNECTION, frame, keys)],
        }
        if is_inbound:
            operation["reply"] = reply
        if frame.spec is not None:
            operation[f"{EXTENSION}permission"] = text_of(frame.spec.permission)
        yield keys.operation(operation["action"], keys.frame(frame)), operation
    for spec in registry.channels:
        key = keys.channel(spec.pattern)
        fitting = [_ref(key, frame, keys) for frame in _fitting(spec, contract)]
        yield (
            keys.operation("send", key),
            {"action": "send", "channel": _channel_ref(key), "messages": fitting},
        )


def _summary(frame: Frame) -> Node:
    text = frame.node.get("description", "")
    return {"summary": text.partition("\n")[0]} if text else {}


def _channel_ref(key: str) -> Node:
    return {"$ref": f"#/channels/{key}"}


def _ref(channel: str, frame: Frame, keys: _Keys) -> Node:
    return {"$ref": f"#/channels/{channel}/messages/{keys.frame(frame)}"}


def _message(frame: Frame, keys: _Keys) -> Node:
    node = frame.node
    told = {"name": frame.type, **_summary(frame), "contentType": "application/json"}
    if "\n" in node.get("description", ""):
        told["description"] = node["description"]
    return {**told, "payload": _draft_07(node, keys), **terms_of(frame)}


def _draft_07(node: Any, keys: _Keys) -> Any:
    """A schema as draft-07 has it, referring to the components of the document."""
    if isinstance(node, list):
        return [_draft_07(one, keys) for one in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("$ref"), str):
        name = unquote(node["$ref"].removeprefix(REF))
        return {"$ref": f"#/components/schemas/{keys.object(name)}"}
    told = {name: _draft_07(value, keys) for name, value in node.items()}
    if "prefixItems" in told:
        told["additionalItems"] = told.pop("items", True)
        told["items"] = told.pop("prefixItems")
    return told
