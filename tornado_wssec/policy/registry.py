"""Every message and channel that an application declares, compiled and closed.

Rules of this file:
1. What is not in the registry can be neither received nor sent.
2. One name has one declaration, and one channel name one kind of channel.
3. Nothing is added after the start.
"""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType, ModuleType
from typing import Any, Self

from ..errors import ConfigurationError, Problem, UnknownType
from .channel_index import ChannelIndex
from .channel_specs import ChannelSpec, compile_channel
from .messages import CHANNEL_OPTIONS, MESSAGE_OPTIONS, Channel, Message, place
from .modules import import_modules
from .reserved import RESERVED_PREFIX, RESERVED_TYPES
from .specs import MessageSpec, compile_message
from .strictness import field_problems
from .warn_only import WarnOnly

__all__ = ["ChannelSpec", "MessageSpec", "Registry"]

Declaration = type[Message] | type[Channel]


class Registry:
    """What may be said. It is complete when it is made; `problems` says what keeps it from starting.

    Args:
        declarations: `Message` and `Channel` classes.
        strict: whether fields that coerce or have no bound are refused.
        compiled: whether functions are written for the schemas, which accept what is valid; without them marshmallow
            does all of the work, with the same outcome.
        warn_only: until when, and of which types, what strict mode would refuse is told of and let pass. None: never.
    """

    __slots__ = (
        "_by_class",
        "_by_name",
        "_declarations",
        "_faults",
        "_inbound",
        "channels",
        "files",
        "is_compiled",
        "is_strict",
        "messages",
        "warn_only",
    )

    messages: Mapping[str, MessageSpec]
    """Type → specification, in the order of declaration, in both directions."""

    channels: tuple[ChannelSpec, ...]
    files: tuple[str, ...]
    """Where the scanned declarations stand."""

    is_compiled: bool
    """Whether functions were written for the schemas."""

    is_strict: bool
    """Whether fields that coerce or have no bound are refused."""

    warn_only: WarnOnly | None
    """What is told of and let pass; None: nothing."""

    def __init__(
        self,
        *declarations: Declaration,
        strict: bool = True,
        compiled: bool = True,
        warn_only: WarnOnly | None = None,
    ) -> None:
        for declared in declarations:
            if not (isinstance(declared, type) and issubclass(declared, (Message, Channel))):
                raise TypeError(f"{declared!r} is no Message and no Channel class; scan modules by Registry.scan()")
        self._declarations = tuple(dict.fromkeys(declarations))
        self.is_strict = strict
        self.is_compiled = compiled
        self.warn_only = warn_only
        faults: list[Problem] = []
        specs = list(_compiled_messages(self._declarations, faults, compiled=compiled))
        by_type: dict[str, MessageSpec] = {}
        for spec in specs:
            by_type.setdefault(spec.type, spec)
        self.messages = MappingProxyType(by_type)
        self.channels = tuple(_compiled_channels(self._declarations, faults))
        self._by_name = ChannelIndex((spec.pattern, spec) for spec in self.channels)
        self.files = ()
        self._by_class = {spec.message: spec for spec in specs}
        self._inbound = {name: spec for name, spec in by_type.items() if spec.direction != "out"}
        self._faults = (*faults, *_clashes(specs, self.channels), *_unacceptable(by_type, self.channels))

    @classmethod
    def scan(cls, *modules: str, strict: bool = True, compiled: bool = True, warn_only: WarnOnly | None = None) -> Self:
        """Import modules and packages, and register what they declare themselves.

        Args:
            modules: names; of a package, everything in it. They are imported in sorted order.

        Raises:
            ConfigurationError: a module cannot be imported or could be somebody else's, nothing is
                declared, or two declarations clash; then with everything else that is wrong, too.
        """
        imported = import_modules(modules)
        declarations = [declared for module in imported for declared in _declared_in(module)]
        if not declarations:
            remedy = "name the modules in which Message classes stand"
            raise ConfigurationError([Problem(", ".join(modules) or "Registry.scan()", "declares no message", remedy)])
        registry = cls(*declarations, strict=strict, compiled=compiled, warn_only=warn_only)
        if any(_clashes([*registry._by_class.values()], registry.channels)):
            raise ConfigurationError(registry.problems())
        registry.files = tuple([str(module.__file__) for module in imported if module.__file__])
        return registry

    def resolve(self, type: str) -> MessageSpec:
        """The declaration of a type that clients may send.

        Raises:
            UnknownType: for every other string.
        """
        spec = self._inbound.get(type)
        if spec is None:
            raise UnknownType("no such type is declared for clients")
        return spec

    def outbound(self, message: type[Message]) -> MessageSpec:
        """The declaration of a message that the server may send.

        Raises:
            ConfigurationError: it is not declared, or only for the other direction.
        """
        spec = self._by_class.get(message)
        if spec is not None and spec.direction != "in":
            return spec
        if spec is None:
            fault, remedy = "is not in the registry", f"scan its module: Registry.scan({message.__module__!r})"
        else:
            fault, remedy = "is declared for clients only", 'set direction = "out" or "both" in its Meta'
        raise ConfigurationError([Problem(place(message), fault, remedy)])

    def declares(self, message: type[Message]) -> bool:
        """Whether this very class is registered."""
        return message in self._by_class

    def channel(self, name: str) -> tuple[ChannelSpec, dict[str, Any]] | None:
        """The kind of a channel and the validated fields of its name; None where no channel has this name."""
        for spec in self._by_name.candidates(name):
            values = spec.match(name)
            if values is not None:
                return spec, values
        return None

    def problems(self, now: float | None = None) -> list[Problem]:
        """Everything in the declarations that keeps the application from starting.

        Args:
            now: wall seconds; None: when nothing is warn-only any more.
        """
        eased = self._eased(now)
        found = list(self._faults)
        if self.warn_only is not None and now is not None:
            found += self.warn_only.problems(self.messages, now)
        for declared in self._buildable():
            found += field_problems(declared, strict=self.is_strict and declared not in eased)
        return found

    def findings(self, now: float) -> list[Problem]:
        """What strict mode would refuse in the declarations, and warn-only lets pass; `now` in wall seconds."""
        kept = set(self.problems(now))
        return [problem for problem in self.problems() if problem not in kept]

    def eased_types(self) -> frozenset[str]:
        """The types whose messages are let pass, with a warning, for as long as `warn_only` lasts."""
        warn_only = self.warn_only
        if warn_only is None:
            return frozenset()
        return frozenset([name for name, spec in self.messages.items() if warn_only.covers(spec)])

    def _eased(self, now: float | None) -> frozenset[Declaration]:
        if self.warn_only is None or now is None or now >= self.warn_only.ends_at:
            return frozenset()
        return frozenset([self.messages[name].message for name in self.eased_types()])

    def _buildable(self) -> Iterator[Declaration]:
        built = {*self._by_class, *(spec.channel for spec in self.channels)}
        yield from (declared for declared in self._declarations if declared in built)


def _declared_in(module: ModuleType) -> Iterator[Declaration]:
    """Yield the declarations of a module in their order, without what it imports and what is a base only."""
    for value in tuple(vars(module).values()):
        if not isinstance(value, type) or value.__module__ != module.__name__:
            continue
        if issubclass(value, (Message, Channel)):
            name = value.opts.type if issubclass(value, Message) else value.opts.pattern
            if name is not None or _is_unnamed(value):
                yield value


def _is_unnamed(declared: Declaration) -> bool:
    """Whether somebody forgot the name: no base of anything, and its `Meta` has options of ours."""
    options = vars(declared.Meta).keys() & {*MESSAGE_OPTIONS, *CHANNEL_OPTIONS}
    return bool(options) and not declared.__subclasses__()


def _compiled_messages(
    declarations: Iterable[Declaration], faults: list[Problem], *, compiled: bool
) -> Iterator[MessageSpec]:
    for declared in declarations:
        if issubclass(declared, Message):
            spec, problems = compile_message(declared, compiled=compiled)
            faults += problems
            if spec is not None:
                faults += _reserved_problems(spec)
                yield spec


def _compiled_channels(declarations: Iterable[Declaration], faults: list[Problem]) -> Iterator[ChannelSpec]:
    for declared in declarations:
        if issubclass(declared, Channel):
            spec, problems = compile_channel(declared)
            faults += problems
            if spec is not None:
                yield spec


def _reserved_problems(spec: MessageSpec) -> Iterator[Problem]:
    if spec.type in RESERVED_TYPES or spec.type.startswith(RESERVED_PREFIX):
        fault = f"{spec.type!r} is a type of the protocol's own"
        yield Problem(f"{place(spec.message)}.Meta.type", fault, f"name it otherwise, without {RESERVED_PREFIX!r}")


def _clashes(specs: list[MessageSpec], channels: tuple[ChannelSpec, ...]) -> Iterator[Problem]:
    """Yield what two declarations claim at once."""
    first: dict[str, MessageSpec] = {}
    for spec in specs:
        other = first.setdefault(spec.type, spec)
        if other is not spec:
            both = f"{place(other.message)} and {place(spec.message)}"
            yield Problem(spec.type, f"is the type of {both}", "give one of them another")
    for count, one in enumerate(channels):
        for earlier in channels[:count]:
            if one.pattern.overlaps(earlier.pattern):
                both = f"{place(earlier.channel)} ({earlier.pattern.text}) and {place(one.channel)}"
                yield Problem(one.pattern.text, f"fits names of two channels, {both}", "tell them apart by a literal")


def _unacceptable(by_type: Mapping[str, MessageSpec], channels: tuple[ChannelSpec, ...]) -> Iterator[Problem]:
    """Yield what a channel says that clients may publish, and nobody could receive."""
    for channel in channels:
        for type in sorted(channel.accepts or ()):
            spec = by_type.get(type)
            if spec is None or spec.direction == "in":
                fault = f"lists {type}, which {'nobody declares' if spec is None else 'the server may not send'}"
                remedy = "scan its module" if spec is None else 'set direction = "both" in the Meta of the message'
                yield Problem(f"{place(channel.channel)}.Meta.accepts", fault, f"{remedy}, or drop it")
