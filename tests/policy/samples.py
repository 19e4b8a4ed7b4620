"""Declarations made on the spot, for tests of what is said about them."""

from typing import Any

from marshmallow import Schema, fields, validate

from tornado_wssec.errors import Problem
from tornado_wssec.policy.messages import Channel, Message
from tornado_wssec.policy.permissions import PUBLIC
from tornado_wssec.policy.registry import Registry

TYPE = "sample.message"


def text(**options: Any) -> fields.String:
    """A text field that has a maximum."""
    return fields.String(**{"required": True, "validate": validate.Length(max=32), **options})


def message(meta: dict[str, Any] | None = None, **members: Any) -> type[Message]:
    """A message class with these fields; public, unless `meta` says otherwise."""
    options = {"type": TYPE, "permission": PUBLIC, "register": False, **(meta or {})}
    return type("Sample", (Message,), {"Meta": type("Meta", (), options), "__module__": __name__, **members})


def channel(meta: dict[str, Any] | None = None, **members: Any) -> type[Channel]:
    """A channel class with these fields, `room:{room}` unless `meta` says otherwise."""
    options = {"pattern": "room:{room}", "subscribe": PUBLIC, "register": False, **(meta or {})}
    members = members or ({} if meta and "pattern" in meta else {"room": text()})
    return type("SampleChannel", (Channel,), {"Meta": type("Meta", (), options), "__module__": __name__, **members})


def schema(meta: dict[str, Any] | None = None, **members: Any) -> type[Schema]:
    """A plain schema to nest."""
    return type("Inner", (Schema,), {"Meta": type("Meta", (), {"register": False, **(meta or {})}), **members})


def problems(*declarations: type[Message] | type[Channel], strict: bool = True) -> list[Problem]:
    """What keeps these declarations from starting."""
    return Registry(*declarations, strict=strict).problems()


def said(*declarations: type[Message] | type[Channel], strict: bool = True) -> str:
    """The problems as one text, a line each."""
    return "\n".join(map(str, problems(*declarations, strict=strict)))
