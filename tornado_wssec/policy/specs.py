"""A declaration made ready for every message: schemas built, templates parsed, gates set.

Rules of this file:
1. What cannot be read in a declaration becomes a `Problem`, and grants nothing meanwhile.
2. Every exception in validation, of whatever class, is InvalidMessage; no value leaves with it.
3. What is sent passes the same checks as what is received, and is the application's mistake where it fails.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from marshmallow import Schema, ValidationError
from marshmallow.decorators import PRE_DUMP

from ..errors import ConfigurationError, InvalidMessage, OutboundInvalid, Problem
from .agreement import bound_keys, loaded_as, message_problems
from .anatomy import key_of, levels_of
from .binary_formats import PAYLOAD, BinaryFormat, Payload
from .gates import guard_dumping, guard_loading
from .messages import Message, place
from .options import Direction, read_message
from .overflow import Overflow
from .permissions import PermissionTemplate
from .plans import Value
from .rates import Rate
from .reasons import Reasons
from .salvage import salvaged
from .ways import Ways, typed

MessageClass = type[Message]


class _Refused(NamedTuple):
    """What is said of data that does not fit, and what marshmallow has raised, if it was that."""

    refusal: InvalidMessage
    error: ValidationError | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MessageSpec:
    """One message type, ready to be checked.

    Args:
        type: its name on the wire.
        message: the class that declares it.
        direction: whether clients send it, the server does, or both.
        permission: what a sender (`"out"`: a receiver) must be allowed. None: nobody is.
        rates: for each identity and type; every part must pass.
        max_bytes: of the whole frame; None: the connection's cap alone.
        bind: field as the wire calls it → claim that it must equal.
        cost: how many messages it counts as.
        signed: whether it must come inside `wssec.signed`.
        overflow: what becomes of it when its reader is too slow.
        coalesce: the fields, as the wire calls them, of which only the newest message of the same values matters.
        max_auth_age: seconds since its sender last proved who that is; None: any.
        binary: the format of the bytes that it carries; None: it is text.
    """

    type: str
    message: MessageClass
    direction: Direction
    permission: PermissionTemplate | None
    rates: tuple[Rate, ...]
    max_bytes: int | None
    bind: Mapping[str, str]
    cost: float
    signed: bool
    overflow: Overflow
    coalesce: tuple[str, ...]
    max_auth_age: float | None
    binary: BinaryFormat | None
    _loader: Schema = field(repr=False)
    _ways: Ways = field(repr=False)
    _dumper: Schema = field(repr=False)
    _reasons: Reasons = field(repr=False)
    _keys: tuple[tuple[str, str], ...] = field(repr=False)
    _sendable: frozenset[str] | None = field(repr=False)

    @classmethod
    def of(cls, message: MessageClass) -> "MessageSpec":
        """Compile one declaration.

        Raises:
            ConfigurationError: listing what is wrong with it.
        """
        spec, problems = compile_message(message)
        if spec is None or problems:
            raise ConfigurationError(problems)
        return spec

    @property
    def is_public(self) -> bool:
        """Whether everybody has its permission."""
        return self.permission is not None and self.permission.is_public

    @property
    def wire_names(self) -> frozenset[str]:
        """The names that its fields have on the wire."""
        return frozenset([key_of(name, field) for name, field in self._loader.fields.items()])

    def wire_name(self, name: str) -> str:
        """The name that a field has on the wire; of what is no field, the same."""
        field = self._loader.fields.get(name)
        return name if field is None else key_of(name, field)

    @property
    def path(self) -> str:
        """The way that its messages take, and why: `typed`, `compiled`, `marshmallow: has pre_load`.

        Of a type that only the server sends it is the way out, else the way in.
        """
        if self.direction == "out":
            return self._ways.outward
        if self.typable is not None:
            return typed(self._ways.inward)
        reasons = {"signed": self.signed, "bound to a claim": bool(self.bind), "binary": self.binary is not None}
        known = [reason for reason, holds in reasons.items() if holds and self._ways.typable is not None]
        return self._ways.inward + (f": {', '.join(known)}" if known else "")

    @property
    def typable(self) -> Value | None:
        """What types could say of a frame of this type; None: it has to be parsed and loaded."""
        if self.direction == "out" or self.signed or self.bind or self.binary is not None:
            return None
        return self._ways.typable

    def load(self, data: Mapping[str, Any], *, is_told: bool = True) -> dict[str, Any]:
        """Validate what a peer sent.

        Args:
            is_told: whether the peer is to learn what is wrong. If not, and no code of the application has a say, the
                refusal costs no more than the acceptance: marshmallow is not asked.

        Raises:
            InvalidMessage: with the fields at fault, in words of our own.
        """
        load = self._ways.load
        if load is not None:
            accepted = load(data)
            if accepted is not None:
                return accepted
            if not is_told and self._ways.is_final:
                raise InvalidMessage(f"{self.type}: refused without a second look")
        judged = self._judged(data)
        if isinstance(judged, dict):
            return judged
        # Raised here, so that no traceback keeps the data through __context__.
        raise judged.refusal

    def load_anyway(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], InvalidMessage | None]:
        """The same, but hand on what does not fit as it came, with the refusal that it would have been.

        Raises:
            InvalidMessage: a permission or a bound claim is asked of what does not fit, or a validator fails.
        """
        load = self._ways.load
        if load is not None and (accepted := load(data)) is not None:
            return accepted, None
        judged = self._judged(data)
        if isinstance(judged, dict):
            return judged, None
        decisive = {self.wire_name(name) for name, _ in self._keys} | self.bind.keys()
        kept = None if judged.error is None else salvaged(judged.error, data, self._loader, decisive)
        if kept is None:
            raise judged.refusal
        return kept, judged.refusal

    def _judged(self, data: Mapping[str, Any]) -> "dict[str, Any] | _Refused":
        """What marshmallow makes of data, or says of it."""
        try:
            loaded = self._loader.load(data)
        except ValidationError as error:
            told = self._reasons.told(error.messages)
            evidence = f"{self.type}: {self._reasons.recorded(told)}"
            return _Refused(InvalidMessage(evidence, fields=told), error)
        except Exception as error:
            return _Refused(InvalidMessage(f"{self.type}: {_where(error)}"), None)
        if isinstance(loaded, dict):
            return loaded
        evidence = f"{self.type}: post_load returned a {type(loaded).__name__}, not a dict"
        return _Refused(InvalidMessage(evidence), None)

    def dump(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Make ready for JSON what the application sends, and check it against the schema.

        Raises:
            OutboundInvalid: a field is missing, undeclared or invalid; the text tells no value.
        """
        if self._ways.dump is not None and (ready := self._ways.dump(data)) is not None:
            return ready
        if not isinstance(data, Mapping):
            raise OutboundInvalid(f"{self.type} was sent a {type(data).__name__}, not a dict")
        if self._sendable is not None and not self._sendable.issuperset(data):
            names = sorted(map(str, set(data) - self._sendable))
            raise OutboundInvalid(f"{self.type} declares no {', '.join(names)[:200]}")
        try:
            dumped = self._dumper.dump(data)
            messages = self._dumper.validate(dumped)
            if not messages and isinstance(dumped, dict):
                return dumped
            evidence = ", ".join(self._reasons.told(messages))
        except ValidationError as error:
            evidence = ", ".join(self._reasons.told(error.messages))
        except Exception as error:
            evidence = _where(error)
        raise OutboundInvalid(f"{self.type} as sent by the application: {evidence}")

    def key_of(self, ready: Mapping[str, Any], channel: str | None) -> str | None:
        """What a message is the newest of; None where its type does not say.

        Args:
            ready: as `dump` returned it.
            channel: where it is published, if anywhere.
        """
        if self.overflow is not Overflow.COALESCE:
            return None
        return repr((self.type, channel, *[ready.get(name) for name in self.coalesce]))

    @property
    def filled_from(self) -> tuple[tuple[str, str], ...]:
        """Each field of the permission's template, with the name that its value has in validated data."""
        return self._keys

    def permission_values(self, data: Mapping[str, Any]) -> Mapping[str, object]:
        """What the template is filled from.

        Args:
            data: as `load` returned it, or as it was handed to `dump`.
        """
        return {name: data.get(key) for name, key in self._keys}


def compile_message(message: type[Message], *, compiled: bool = True) -> tuple[MessageSpec | None, list[Problem]]:
    """Compile a message as far as it can be, and list what is wrong with it. None: it has no name or no schema.

    Args:
        compiled: whether functions are written for it; else marshmallow does all of the work.
    """
    terms, problems = read_message(message)
    loader, dumper = loader_of(message, problems), _dumper_of(message)
    if terms.type is None or loader is None or dumper is None:
        return None, problems
    problems += message_problems(message, terms, loader)
    if terms.binary is not None:
        _take_payload(loader, terms.binary)
    named = terms.permission.fields if terms.permission else ()
    return MessageSpec(
        type=terms.type,
        message=message,
        direction=terms.direction,
        permission=terms.permission,
        rates=terms.rates,
        max_bytes=terms.max_bytes,
        bind=MappingProxyType(bound_keys(terms.bind, loader)),
        cost=float(terms.cost),
        signed=terms.signed,
        overflow=terms.overflow,
        coalesce=tuple([key_of(name, loader.fields[name]) for name in terms.coalesce if name in loader.fields]),
        max_auth_age=terms.max_auth_age,
        binary=terms.binary,
        _loader=loader,
        _ways=Ways.of(loader, dumper, terms.type, compiled=compiled),
        _dumper=dumper,
        _reasons=Reasons.of(levels_of(loader)),
        _keys=tuple((name, loaded_as(name, loader)) for name in named),
        _sendable=_sendable(loader),
    ), problems


def _take_payload(loader: Schema, binary: BinaryFormat) -> None:
    """Let a schema read the bytes that come with a message as one more field, behind the same gates."""
    payload = Payload(binary)
    payload._bind_to_schema(PAYLOAD, loader)
    loader.fields[PAYLOAD] = loader.load_fields[PAYLOAD] = payload
    guard_loading(levels_of(loader))


def loader_of(declared: type[Schema], problems: list[Problem]) -> Schema | None:
    """An instance with gates for what comes in; None, and a problem, where the schema cannot be built."""
    try:
        schema = declared()
        guard_loading(levels_of(schema))
        return schema
    except Exception as error:
        fault = f"cannot be built: {type(error).__name__}: {error}"
        problems.append(Problem(place(declared), fault, "mend the schema"))
        return None


def _dumper_of(declared: type[Schema]) -> Schema | None:
    """An instance with gates for what goes out, which `validate` checks in the form that it has on the wire."""
    schema = loader_of(declared, [])
    if schema is None:
        return None
    levels = levels_of(schema)
    guard_dumping(levels)
    for level in levels:
        # What only the server writes is checked, too, and what is never written is not asked for.
        level.schema.load_fields = dict(level.schema.dump_fields)
    return schema


def _sendable(schema: Schema) -> frozenset[str] | None:
    """The keys that `dump` takes; None where a `pre_dump` of the application decides."""
    if schema._hooks.get(PRE_DUMP):
        return None
    return frozenset([loaded_as(name, schema).partition(".")[0] for name in schema.fields])


def _where(error: Exception) -> str:
    """The class of an exception and the place that raised it; its text may hold the value."""
    name, line, trace = "", 0, error.__traceback__
    while trace is not None:
        name, line, trace = trace.tb_frame.f_code.co_qualname, trace.tb_lineno, trace.tb_next
    return f"{type(error).__name__} in {name}, line {line}"
