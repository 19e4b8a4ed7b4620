"""The messages of an application as one JSON Schema 2020-12 document.

`#/$defs/in:TYPE` and `#/$defs/out:TYPE` are whole frames, `…/properties/data` their data; `#/$defs/Inbound` is whatever
a client may send, `#/$defs/Outbound` whatever it may get. The same declarations give the same text.
"""

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from ..policy.codec import Envelope
from ..policy.permissions import PermissionTemplate
from ..policy.rates import Rate
from ..policy.registry import ChannelSpec, MessageSpec, Registry
from .bounds import Node
from .frames import Contract, Frame, contract_of
from .gaps import EVERYWHERE, Gap
from .shapes import REF

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
EXTENSION: Final = "x-wssec-"
TYPE_KEY: Final = f"{EXTENSION}type-key"
"""Which key names the type, where the data stand beside it."""


def export_json_schema(registry: Registry, envelope: Envelope | None = None) -> str:
    """The document as text."""
    return written(json_schema_of(registry, envelope))


def json_schema_of(registry: Registry, envelope: Envelope | None = None) -> Node:
    """The document as an object."""
    contract = contract_of(registry, envelope)
    definitions = {
        "Inbound": {"oneOf": [{"$ref": ref(name_of(one))} for one in contract.of("in") if one.is_plain]},
        "Outbound": {"oneOf": [{"$ref": ref(name_of(one))} for one in contract.of("out")]},
        **{name_of(frame): {**frame.node, **terms_of(frame)} for frame in contract.frames},
        **contract.objects,
    }
    return {
        "$schema": DIALECT,
        "title": "Messages",
        **({TYPE_KEY: envelope.type_key} if envelope is not None and envelope.is_flat else {}),
        "anyOf": [{"$ref": ref("Inbound")}, {"$ref": ref("Outbound")}],
        f"{EXTENSION}everywhere": list(EVERYWHERE),
        f"{EXTENSION}channels": {spec.pattern.text: channel_terms_of(spec) for spec in registry.channels},
        "$defs": definitions,
    }


def exceptions_of(registry: Registry) -> Mapping[str, tuple[Gap, ...]]:
    """What the document cannot say of each type, `in:` or `out:` before its name; those without any are left out."""
    contract: Contract = contract_of(registry)
    return {name_of(frame): frame.gaps for frame in contract.frames if frame.gaps}


def name_of(frame: Frame) -> str:
    """The name of a frame in `$defs`."""
    return f"{frame.view}:{frame.type}"


def ref(name: str) -> str:
    """What refers to a definition, as a fragment of a URI (RFC 6901 §6)."""
    return REF + quote(name.replace("~", "~0").replace("/", "~1"), safe=":.-_~!$&'()*+,;=@")


def terms_of(frame: Frame) -> Node:
    """What `class Meta` says of a message, and what its schema leaves unsaid, as extensions."""
    told: Node = {} if frame.spec is None else _meta(frame.spec, frame)
    if frame.gaps:
        told["exceptions"] = [{"path": gap.path, "rule": gap.rule, "server": gap.side} for gap in frame.gaps]
    return {f"{EXTENSION}{name}": value for name, value in told.items()}


def _meta(spec: MessageSpec, frame: Frame) -> Node:
    told: Node = {
        "direction": spec.direction,
        "permission": text_of(spec.permission),
        "rate": _rates(spec.rates),
        "max-bytes": spec.max_bytes,
        "signed": spec.signed or None,
        "binary": None if spec.binary is None else spec.binary.name,
        "bind": dict(spec.bind) or None,
        "cost": None if spec.cost == 1 else spec.cost,
        "overflow": None if spec.direction == "in" else str(spec.overflow),
        "coalesce": list(spec.coalesce) or None,
        "max-auth-age": spec.max_auth_age,
    }
    return {name: value for name, value in told.items() if value is not None}


def channel_terms_of(spec: ChannelSpec) -> Node:
    """What `class Meta` of a channel says."""
    told: Node = {
        "subscribe": text_of(spec.subscribe),
        "publish": text_of(spec.publish),
        "accepts": None if spec.accepts is None else sorted(spec.accepts),
        "bind": dict(spec.bind) or None,
        "rate": _rates(spec.rates),
        "history": spec.history or None,
        "presence": spec.presence or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def text_of(template: PermissionTemplate | None) -> str | None:
    """A permission as it is declared; `PUBLIC` where everybody has it."""
    if template is None:
        return None
    return "PUBLIC" if template.is_public else template.text


def _rates(rates: tuple[Rate, ...]) -> list[Node] | None:
    return [{"count": rate.count, "seconds": rate.seconds} for rate in rates] or None


def written(document: Any) -> str:
    """JSON for a file: in the order of declaration, ASCII only, with a newline at its end."""
    return json.dumps(document, indent=2, allow_nan=False) + "\n"
