"""Tables and numbers made from the code they describe, so that a page cannot say another number than the code does.

A page asks for a table by name, by a `truth` directive with the argument `limits`, say; and for the default
of one setting by a `default` role, such as `Timeouts.idle`.
"""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from docutils import nodes
from marshmallow import fields, validate
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole

from tests.docs import protocol_rows
from tests.docs.field_probes import field_rows, validator_rows
from tests.layers import LAYERS, Layer
from tornado_wssec import PUBLIC, Identifier, Message, PlainText, Registry, SafeHtml, SafeUrl, auth
from tornado_wssec.client.schedule import Ending, Schedule
from tornado_wssec.closing import CloseCode
from tornado_wssec.errors import FrameError, HandshakeRefused
from tornado_wssec.policy import fields as strict_fields
from tornado_wssec.policy.binary_formats import FORMATS
from tornado_wssec.policy.messages import ChannelOptions, MessageOptions
from tornado_wssec.policy.reserved import RESERVED
from tornado_wssec.sealing import INSTEAD
from tornado_wssec.settings import Limits, Settings, Timeouts, TokenRules
from tornado_wssec.telemetry.anomaly_alerts import KINDS
from tornado_wssec.telemetry.audit_events import EVENTS
from tornado_wssec.telemetry.measures import METRICS

Row = tuple[object, ...]
KIB: Final = 1024
REQUIREMENT: Final = re.compile(r" \(R\d+\)")
"""The number of a requirement, which says nothing to a reader of the pages."""


class Truth(SphinxDirective):
    """The table of that name."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make the table, also where only the code has changed."""
        self.env.note_reread()
        name = self.arguments[0]
        if name not in TABLES:
            raise self.error(f"there is no table {name!r}; there are {', '.join(TABLES)}")
        titles, rows = TABLES[name]
        lines = [titles, ["---"] * len(titles), *rows()]
        return self.parse_text_to_nodes("\n".join(map(_line, lines)))


class Default(SphinxRole):
    """The default of the setting of that name, with its unit."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Make the number."""
        self.env.note_reread()
        group, _, name = self.text.partition(".")
        defaults = {name: default for name, default, _ in GROUPS[group].table()}
        return [nodes.inline(text=_with_unit(group, name, defaults[name]))], []


def _with_unit(group: str, name: str, value: Any) -> str:
    """A value as a person says it: `15 min`, `64 KiB`, `10`."""
    is_time = group == "Timeouts" or name in ("ttl", "max_lifetime", "warn_lifetime", "leeway")
    if not is_time and not name.endswith("_seconds"):
        return _shown(name, value)
    for unit, seconds in (("h", 3600), ("min", 60)):
        if value % seconds == 0 and value >= 2 * seconds:
            return f"{value / seconds:g} {unit}"
    return f"{value:g} s"


def _line(cells: Iterable[object]) -> str:
    return "| " + " | ".join(REQUIREMENT.sub("", str(cell)).replace("|", "\\|") for cell in cells) + " |"


def _defaults(group: type[Limits | Timeouts | TokenRules]) -> Callable[[], Iterator[Row]]:
    def rows() -> Iterator[Row]:
        for name, default, why in group.table():
            yield f"`{name}`", _shown(name, default), why

    return rows


def _shown(name: str, value: Any) -> str:
    """A value as a person reads it: sizes in KiB and MiB, thousands apart."""
    if value is None:
        return "–"
    if name.startswith("bytes_") or name.endswith("_bytes"):
        kib = value / KIB
        return f"{kib / KIB:g} MiB" if kib >= KIB else f"{kib:g} KiB"
    return f"{value:,}" if isinstance(value, int) else f"{value:,g}"


def _variables() -> Iterator[Row]:
    for name, what, is_secret in Settings.variables():
        yield f"`{name}`", what, f"`{name}_FILE`" if is_secret else ""


def _close_codes() -> Iterator[Row]:
    for code in CloseCode:
        yield int(code), f"`{code.name}`", code.text, code.advice


def _error_codes() -> Iterator[Row]:
    for error in FrameError.__subclasses__():
        if error.__module__ == FrameError.__module__:
            yield f"`{error.code}`", error.detail, f"`{error.__name__}`"


def _statuses() -> Iterator[Row]:
    refusals = [error for error in HandshakeRefused.__subclasses__() if error.__module__ == HandshakeRefused.__module__]
    for error in sorted(refusals, key=lambda error: error.status):
        yield error.status, _first_line(error), f"`{error.__name__}`"


def _first_line(documented: type) -> str:
    return (inspect.getdoc(documented) or "").partition("\n")[0]


def _options(documented: type[MessageOptions | ChannelOptions]) -> Callable[[], Iterator[Row]]:
    def rows() -> Iterator[Row]:
        _, _, listed = inspect.getdoc(documented).partition("Args:\n")  # type: ignore[union-attr]  # both have one
        for name, what in re.findall(r"^ {4}(\w+): (.*)$", listed, re.MULTILINE):
            yield f"`{name}`", what[:1].upper() + what[1:]

    return rows


def _strict_fields() -> Iterator[Row]:
    for name, field in vars(strict_fields).items():
        if name.startswith("Strict"):
            yield f"`{name}`", _first_line(field)


def _text_fields() -> Iterator[Row]:
    for field in (PlainText, Identifier, SafeUrl, SafeHtml):
        options = [f"`{name}`" for name in inspect.signature(field).parameters if name != "kwargs"]
        yield f"`{field.__name__}`", f"{_first_line(field)} Options: {', '.join(options)}."


def _binary_formats() -> Iterator[Row]:
    for name, begins in FORMATS.items():
        yield f"`{name}`", f"`{begins.decode('ascii')}`" if begins else "whatever there is, and nothing too"


PROBES: Final[Mapping[str, fields.Field[Any]]] = {
    "Integer()": fields.Integer(),
    "Float()": fields.Float(),
    "Decimal()": fields.Decimal(),
    "Boolean()": fields.Boolean(),
    "TimeDelta()": fields.TimeDelta(),
    'DateTime(format="timestamp")': fields.DateTime(format="timestamp"),
    "String()": fields.String(),
    'String(validate=Regexp(r"[a-z]+\\Z"))': fields.String(validate=validate.Regexp(r"[a-z]+\Z")),
    'String(validate=Regexp(r"^[a-z]{1,8}$"))': fields.String(validate=validate.Regexp(r"^[a-z]{1,8}$")),
    "List(StrictInteger())": fields.List(strict_fields.StrictInteger()),
    "Dict(validate=Length(max=8))": fields.Dict(validate=validate.Length(max=8)),
    "Constant(1)": fields.Constant(1),
    "Raw()": fields.Raw(),
    "StrictInteger(validate=lambda n: n > 0)": strict_fields.StrictInteger(validate=lambda n: n > 0),
}
"""A field of each kind that does not start, as it is written."""


def _refused_fields() -> Iterator[Row]:
    for written, field in PROBES.items():
        meta = type("Meta", (), {"type": "probe", "permission": PUBLIC})
        first, *_ = Registry(type("Probe", (Message,), {"Meta": meta, "probe": field})).problems()
        yield f"`{written}`", first.fault, first.remedy


def _reserved_types() -> Iterator[Row]:
    for message in RESERVED:
        names = ", ".join(f"`{name}`" for name in message().fields) or "–"
        yield f"`{message.opts.type}`", names, _first_line(message)


def _layers() -> Iterator[Row]:
    for layer in reversed(LAYERS):
        yield layer.name, _joined(layer.parts), _joined(layer.libraries) or "–", layer.about, _forbidden(layer)


def _joined(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def _forbidden(layer: Layer) -> str:
    forbidden = {
        "await, clocks, sockets, files": layer.is_pure,
        "each other": layer.are_strangers,
    }
    return ", ".join(what for what, is_so in forbidden.items() if is_so) or "–"


GROUPS: Final[Mapping[str, type[Limits | Timeouts | TokenRules]]] = {
    group.__name__: group for group in (Limits, Timeouts, TokenRules)
}


def _credentials() -> Iterator[Row]:
    """Every way to show who one is, with what can be set."""
    for name in auth.__all__:
        way = getattr(auth, name)
        if hasattr(way, "find") and not getattr(way, "_is_protocol", False):
            options = [f"`{option}`" for option in inspect.signature(way).parameters]
            yield f"`{name}`", (inspect.getdoc(way) or "").partition("\n\n")[0].replace("\n", " "), ", ".join(options)


def _events() -> Iterator[Row]:
    for name, event in EVENTS.items():
        yield f"`{name}`", event.what, ", ".join(event.facts) or "–"


def _alerts() -> Iterator[Row]:
    for kind, about in KINDS.items():
        yield f"[`{kind}`](#{kind.replace('.', '-')})", about.what, about.unit, "abuse" if about.is_abuse else "a fault"


def _metrics() -> Iterator[Row]:
    for metric in METRICS:
        yield f"`{metric.name}`", metric.kind, ", ".join(metric.labels) or "–", metric.what


def _client_closes() -> Iterator[Row]:
    for code in CloseCode:
        state = Schedule(lambda: 1.0).after(Ending(code))
        longest = "–" if state.seconds is None else f"{state.seconds:g} s at first"
        yield str(int(code)), f"`{state.reason}`", state.name, longest, str(code.advice)


TABLES: Final[Mapping[str, tuple[tuple[str, ...], Callable[[], Iterator[Row]]]]] = {
    "limits": (("Setting", "Default", "Why"), _defaults(Limits)),
    "timeouts": (("Setting", "Seconds", "Why"), _defaults(Timeouts)),
    "token-rules": (("Setting", "Default", "Why"), _defaults(TokenRules)),
    "environment": (("Variable", "What it is", "Also read from the file named by"), _variables),
    "close-codes": (("Code", "Name", "Reason sent", "What a client should do"), _close_codes),
    "client-closes": (("Code", "Reason", "State", "Waits at most", "As the code advises"), _client_closes),
    "error-codes": (("Code", "Text sent", "Raised as"), _error_codes),
    "credentials": (("Authenticator", "What it does", "Options"), _credentials),
    "statuses": (("Status", "When", "Raised as"), _statuses),
    "message-options": (("Option", "What it says"), _options(MessageOptions)),
    "channel-options": (("Option", "What it says"), _options(ChannelOptions)),
    "strict-fields": (("Type", "What it takes"), _strict_fields),
    "refused-fields": (("Field", "Why it is refused", "Remedy"), _refused_fields),
    "fields": (("Kind", "Starts as", "Refused as, and why", "Way in"), field_rows),
    "validators": (("Validator", "As in", "Bounds a text by itself", "Way in"), validator_rows),
    "text-fields": (("Type", "What it takes"), _text_fields),
    "binary-formats": (("Format", "Begins with"), _binary_formats),
    "sealed-methods": (("Sealed", "Instead"), lambda: ((f"`{name}`", instead) for name, instead in INSTEAD.items())),
    "reserved-types": (("Type", "Fields", "What it asks for"), _reserved_types),
    "events": (("Event", "What has happened", "Facts"), _events),
    "metrics": (("Metric", "Kind", "Labels", "What it tells"), _metrics),
    "alerts": (("Kind", "What it means", "Its value is in", "A sign of"), _alerts),
    **protocol_rows.TABLES,
    "layers": (("Layer", "Parts", "May import", "What belongs there", "Forbidden"), _layers),
}


def setup(app: Sphinx) -> Mapping[str, bool]:
    """Make the directive and the role known."""
    app.add_directive("truth", Truth)
    app.add_role("default", Default())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
