"""What one handler class declares, checked and made ready for one guard."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .auth.base import Authenticator, is_authenticator
from .auth.first_message import FirstMessage
from .errors import HandshakeMalformed, Problem
from .policy.binary import BinaryPipeline
from .policy.codec import Envelope
from .policy.leniency import Leniency
from .policy.messages import Message
from .policy.permissions import PermissionTemplate
from .policy.pipeline import Pipeline
from .policy.registry import MessageSpec, Registry
from .policy.reserved import RESERVED, Signed
from .request_view import offered_subprotocols
from .settings import Limits

OURS: Final = "wssec."
"""What the names of our own subprotocols, and of credentials among them, begin with."""
MOST_AT_ONCE: Final = 64
"""Each keeps a message and what its handler holds; whoever needs more is better served by a queue of the application's.
"""
HANDLES = "_wssec_handles"
"""The attribute by which `@on` marks a method."""


def on(*messages: type[Message]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Handle a message type with this method, plain function or coroutine alike.

    The method gets the validated data; the dict that it returns is the reply to the message's
    `id`. Raise a `FrameError` (such as `PermissionDenied`) to answer with an error instead.

    Args:
        messages: one or several declared `Message` classes.
    """
    wrong = [item for item in messages if not (isinstance(item, type) and issubclass(item, Message))]
    if wrong or not messages:
        raise TypeError("@on takes Message classes, as in @on(chat.Send)")

    def mark(method: Callable[..., Any]) -> Callable[..., Any]:
        setattr(method, HANDLES, messages)
        return method

    return mark


def handled_by(cls: type) -> dict[type[Message], str]:
    """Message class → name of the method that handles it; the most derived class wins.

    Raises:
        TypeError: two methods of one class handle the same message.
    """
    found: dict[type[Message], str] = {}
    for base in reversed(cls.__mro__):
        here: dict[type[Message], str] = {}
        for name, value in vars(base).items():
            for message in getattr(value, HANDLES, ()):
                if message in here:
                    raise TypeError(f"{base.__name__}.{here[message]} and .{name} both handle {message.__name__}")
                here[message] = name
        found.update(here)
    return found


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A handler class as one guard serves it.

    Args:
        pipeline: what it admits as text.
        binary: what it admits as bytes.
        methods: inbound type → name of the handler's method.
        requires: permission for the handshake, from the URL's named groups; None: none.
        authenticators: how one may show who one is.
        anonymous: whether nobody in particular may connect.
        allow_missing_origin: whether native clients, which send no Origin, may connect.
        subprotocols: names of the handler's own that may be chosen.
        limits: its limits.
        first_message: how the first message may say who one is; None: the handshake must.
        newest_wins: whether an identity's newest connection ends its oldest where there are too many; else it is
            refused.
        concurrency: messages of one connection that may be handled at once.
    """

    name: str
    pipeline: Pipeline
    binary: BinaryPipeline
    methods: Mapping[str, str]
    requires: PermissionTemplate | None
    authenticators: Sequence[Authenticator]
    anonymous: bool
    allow_missing_origin: bool
    subprotocols: Sequence[str]
    limits: Limits
    first_message: FirstMessage | None
    newest_wins: bool
    concurrency: int

    @classmethod
    def of(
        cls,
        handler: Any,
        registry: Registry,
        authenticators: Sequence[Authenticator],
        limits: Limits,
        *,
        newest_wins: bool = False,
        leniency: Leniency | None = None,
    ) -> "Endpoint":
        """Compile a `SecureWebSocketHandler` class. Call `problems` first.

        Args:
            leniency: what is let pass of the registry's types; of what the class itself declares nothing is.
        """
        own = handler.limits or limits
        registry = declared_for(handler, registry)
        ways = ways_of(handler, authenticators)
        specs: dict[str, MessageSpec] = {}
        methods: dict[str, str] = {}
        for message, method in handled_by(handler).items():
            spec = reserved_spec(message) if message in RESERVED else registry.resolve(message.opts.type)
            specs[spec.type], methods[spec.type] = spec, method
        if not any(spec.signed for spec in specs.values()):
            specs.pop(str(Signed.opts.type), None)  # who asks for no signature offers nobody to verify one
        of_bytes = {name: specs.pop(name) for name, spec in tuple(specs.items()) if spec.binary is not None}
        return cls(
            name=handler.__name__,
            pipeline=Pipeline(specs, handler.envelope, own, leniency if handler.declares is None else None),
            binary=BinaryPipeline(of_bytes, handler.envelope, own),
            methods=methods,
            requires=None if handler.requires is None else PermissionTemplate.parse(handler.requires),
            authenticators=ways,
            anonymous=handler.anonymous is True,
            allow_missing_origin=handler.allow_missing_origin is True,
            subprotocols=tuple(handler.subprotocols),
            limits=own,
            first_message=next((way for way in ways if isinstance(way, FirstMessage)), None),
            newest_wins=newest_wins if handler.newest_wins is None else handler.newest_wins is True,
            concurrency=handler.concurrency,
        )

    @property
    def first_message_bytes(self) -> int:
        """Bytes that somebody unknown may send."""
        return min(self.limits.first_message_bytes, self.limits.message_bytes)


def declared_for(handler: Any, registry: Registry) -> Registry:
    """What is declared for a handler class: by itself, or else for the guard."""
    own: Registry | None = handler.declares
    return registry if own is None else own


def ways_of(handler: Any, authenticators: Sequence[Authenticator]) -> tuple[Authenticator, ...]:
    """How one may show who one is to a handler class: its own authenticators, or else the guard's."""
    return tuple(authenticators if handler.authenticators is None else handler.authenticators)


def reserved_spec(message: type[Message]) -> MessageSpec:
    """The specification of one of the protocol's own messages."""
    return MessageSpec.of(message)


def problems(
    handler: Any, registry: Registry, authenticators: Sequence[Authenticator], url_groups: frozenset[str]
) -> Iterator[Problem]:
    """What keeps a handler class from starting.

    Args:
        handler: the class.
        registry: what is declared.
        authenticators: the guard's, for a class that has none of its own.
        url_groups: the named groups of the route.
    """
    where = handler.__name__
    registry = declared_for(handler, registry)
    yield from _kind_problems(handler)
    yield from _first_message_problems(handler, authenticators if handler.authenticators is None else own_ways(handler))
    for message, method in handled_by(handler).items():
        if message not in RESERVED:
            yield from _handled_problems(f"{where}.{method}", message, registry)
    yield from _switch_problems(handler)
    if handler.requires is not None:
        yield from _requires_problems(where, handler.requires, url_groups)
    if isinstance(handler.envelope, Envelope):
        yield from _envelope_problems(where, handler.envelope, handled_by(handler), registry)


def own_ways(handler: Any) -> Sequence[Authenticator]:
    """Those of a handler's own authenticators that can be asked."""
    own = handler.authenticators
    return [one for one in own if is_authenticator(one)] if _is_list(own) else []


def _kind_problems(handler: Any) -> Iterator[Problem]:
    """Attributes of another kind than they must be: each would refuse everybody, or name what nobody has meant."""
    own = handler.authenticators
    if own is not None and not (_is_list(own) and all(map(is_authenticator, own))):
        fault = "is no list of authenticators, each an object that can be asked"
        yield Problem(f"{handler.__name__}.authenticators", fault, "write authenticators = [BearerToken(), Ticket()]")
    if not (_is_list(handler.subprotocols) and all(map(_is_subprotocol, handler.subprotocols))):
        fault = "is no list of names that a client may offer (RFC 6455 §4.1) and that are not ours (wssec.…)"
        yield Problem(f"{handler.__name__}.subprotocols", fault, 'write subprotocols = ["chat.v1"]')
    if handler.limits is not None and not isinstance(handler.limits, Limits):
        yield Problem(f"{handler.__name__}.limits", "is no Limits", "write limits = Limits(message_bytes=1_024)")
    if not isinstance(handler.envelope, Envelope):
        fault = "is no Envelope"
        yield Problem(f"{handler.__name__}.envelope", fault, 'write Envelope() or Envelope.flat(type="action")')
    if type(handler.concurrency) is not int or not 1 <= handler.concurrency <= MOST_AT_ONCE:
        fault = f"is {handler.concurrency!r:.64}, and messages of one connection are handled one or more at a time"
        yield Problem(f"{handler.__name__}.concurrency", fault, f"write a whole number from 1 to {MOST_AT_ONCE}")


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _is_subprotocol(name: Any) -> bool:
    try:
        return isinstance(name, str) and not name.startswith(OURS) and [name] == offered_subprotocols([name], 1)
    except HandshakeMalformed:
        return False


def _switch_problems(handler: Any) -> Iterator[Problem]:
    for name in ("anonymous", "allow_missing_origin", "newest_wins"):
        value = getattr(handler, name)
        if not isinstance(value, bool) and not (value is None and name == "newest_wins"):
            fault = f"is {value!r:.64} where True or False belongs: what is not empty, such as 'no', would be a yes"
            yield Problem(f"{handler.__name__}.{name}", fault, "write True or False")


def _first_message_problems(handler: Any, ways: Sequence[Authenticator]) -> Iterator[Problem]:
    those = sum(isinstance(way, FirstMessage) for way in ways)
    if those and handler.anonymous:
        fault = "who shows nothing is anonymous, and is also waited for by FirstMessage()"
        yield Problem(f"{handler.__name__}.anonymous", fault, "drop it, or set authenticators without FirstMessage()")
    if those > 1:
        fault = f"there are {those} FirstMessage(), and only the first would be asked"
        yield Problem(f"{handler.__name__}.authenticators", fault, "keep one")


def _handled_problems(where: str, message: type[Message], registry: Registry) -> Iterator[Problem]:
    if not registry.declares(message):
        fault = f"handles {message.__name__}, which the registry does not hold"
        yield Problem(where, fault, f"scan its module: Registry.scan({message.__module__!r})")
    elif message.opts.direction == "out":
        fault = f"handles {message.__name__}, which clients may not send"
        yield Problem(where, fault, 'drop the method, or set direction = "both" in the Meta of the message')


def cap_problems(handler: Any, registry: Registry, limits: Limits) -> Iterator[Problem]:
    """Yield the types of a handler that may be larger than anything that reaches it.

    Args:
        limits: the guard's, for a class that has none of its own.
    """
    registry = declared_for(handler, registry)
    most = (handler.limits if isinstance(handler.limits, Limits) else limits).message_bytes
    for message in handled_by(handler):
        size = registry.messages[message.opts.type].max_bytes if registry.declares(message) else None
        if size is not None and size > most:
            fault = f"is {size:,}, but at {handler.__name__} a message of more than {most:,} bytes ends the connection"
            yield Problem(f"{message.__module__}.{message.__name__}.Meta.max_bytes", fault, _CAP_REMEDY)


_CAP_REMEDY: Final = "lower it, or raise message_bytes and frame_bytes in the Limits of the handler"


def _envelope_problems(
    where: str, envelope: Envelope, handled: Mapping[type[Message], str], registry: Registry
) -> Iterator[Problem]:
    for spec in registry.messages.values():
        if spec.direction != "in" or spec.message in handled:
            for name in sorted(envelope.reserved & spec.wire_names):
                fault = f"{envelope!r} needs {name!r} for itself, and {spec.type} has a field of that name"
                yield Problem(f"{where}.envelope", fault, "rename the field, or use Envelope()")


def _requires_problems(where: str, requires: str, url_groups: frozenset[str]) -> Iterator[Problem]:
    try:
        template = PermissionTemplate.parse(requires)
    except ValueError as error:
        yield Problem(f"{where}.requires", str(error), 'write it as in requires = "board:join:{board}"')
        return
    for name in sorted(set(template.fields) - url_groups):
        fault = f"names {{{name}}}, which is no named group of the route"
        yield Problem(f"{where}.requires", fault, f"write (?P<{name}>…) in the route's pattern")


def unhandled(registry: Registry, handlers: Sequence[Any]) -> Iterator[Problem]:
    """Inbound types that no route handles: a client would get `unknown_type` for what is declared."""
    handled = {message for handler in handlers for message in handled_by(handler)}
    published = {type for channel in registry.channels if channel.publish for type in channel.accepts or ()}
    for spec in registry.messages.values():
        if spec.direction != "out" and spec.message not in handled and spec.type not in published:
            fault = f"no handler on any route handles {spec.type}"
            name = spec.message.__name__
            yield Problem(f"{spec.message.__module__}.{name}", fault, f'add @on({name}), or direction = "out"')
