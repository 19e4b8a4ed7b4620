"""One call from the text of a frame to validated data, by types made of the schemas (msgspec, the extra `fast`).

Rules of this file:
1. It only accepts. Whatever it does not accept takes the slow way whole, for the verdict and the words.
2. What it accepts, the slow way accepts with an equal result: within every budget of JSON, no key twice, no unknown
   key, no NUL, no lone surrogate, no integer that a browser cannot hold.
3. It charges nothing and authorises nothing: the pipeline does, as it does on the slow way.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Protocol, Self

from marshmallow import missing

from ..settings import Limits
from .codec import ID_LENGTH, Envelope
from .plans import Member, Value
from .residue import Residue
from .shapes import IS_THERE, MSGSPEC, NoShape, shape_of
from .source import Source

__all__ = ["IS_THERE", "Decoder", "Typable"]

_NO_TYPE: Final = ""
"""A name that no type has."""
_ENVELOPE_DEPTH: Final = 1
_ENVELOPE_KEYS: Final = 3


class Typable(Protocol):
    """What is asked of a `MessageSpec` here."""

    @property
    def type(self) -> str:
        """Its name on the wire."""

    @property
    def max_bytes(self) -> int | None:
        """Of the whole frame."""

    @property
    def typable(self) -> Value | None:
        """What it asks of a message, where that can be said by types; None where the slow way must be taken."""

    @property
    def filled_from(self) -> tuple[tuple[str, str], ...]:
        """What its permission is filled from, as a `MessageSpec` has it."""


Accepted = tuple[Any, str | None, dict[str, Any]]
"""The specification, the id and the data of a message."""


class Decoder:
    """Reads frames of the types of one endpoint; see `of`."""

    __slots__ = ("_decode", "_finish", "_most_nodes", "handles", "types")

    handles: tuple[Callable[[str], Any], Mapping[Any, tuple[Any, Callable[..., Any], int]], int, Callable[[str], bool]]
    types: frozenset[str]
    """The types that it can accept; the others always take the slow way."""

    @classmethod
    def of(cls, accepted: Mapping[str, Typable], envelope: Envelope, limits: Limits) -> Self | None:
        """Make types of what an endpoint accepts; None where it has none that can be said so, or msgspec is absent.

        Args:
            accepted: type → specification.
            envelope: how the messages look.
            limits: of the endpoint; its budgets hold on both ways.
        """
        kinds = {}
        for spec in accepted.values() if IS_THERE else ():
            kind = _kind_of(spec, envelope, limits)
            if kind is not None:
                kinds[kind[0]] = (spec, kind[1])
        return cls(kinds, envelope.type_key, limits) if kinds else None

    def __init__(self, kinds: Mapping[Any, tuple[Typable, Callable[..., Any]]], type_key: str, limits: Limits) -> None:
        # Beside another type, no frame goes without its own; alone, msgspec would take one that names none.
        union: Any = MSGSPEC.defstruct("Nothing", [_id_field()], tag=_NO_TYPE, tag_field=type_key)
        for kind in kinds:
            union |= kind
        self._decode: Callable[[str], Any] = MSGSPEC.json.Decoder(union).decode
        self._finish = {
            kind: (spec, finish, min(spec.max_bytes or limits.message_bytes, limits.message_bytes))
            for kind, (spec, finish) in kinds.items()
        }
        self._most_nodes = limits.json_nodes
        # For `Swift`: what `decode` does, for whoever does it many times in one go.
        self.handles = self._decode, self._finish, self._most_nodes, self._is_within
        self.types = frozenset([spec.type for spec, _ in kinds.values()])

    def decode(self, frame: str, size: int) -> Accepted | None:
        """The message in a frame, valid by its schema; None where only the slow way can say.

        A frame over `max_bytes` of its type is none of ours. Nobody has been charged for the type, nor asked whether
        the sender may send it.

        Args:
            frame: its text.
            size: bytes of it in UTF-8.
        """
        try:
            message = self._decode(frame)
            spec, finish, most_bytes = self._finish[type(message)]
            data = finish(message, frame)
        except Exception:
            return None
        if data is None or size > most_bytes or not self._is_within(frame):
            return None
        return spec, message.id, data

    def _is_within(self, frame: str) -> bool:
        """Whether it has no NUL and no more nodes than may be; of use where it has a backslash, or many bytes."""
        if "\\u0000" in frame:
            return False
        return len(frame) < self._most_nodes or _nodes(frame) <= self._most_nodes


def _nodes(frame: str) -> int:
    """No fewer than the slow way counts: it leaves out what stands in strings."""
    return 1 + frame.count(",") + frame.count("[") + frame.count("{")


def _kind_of(spec: Typable, envelope: Envelope, limits: Limits) -> tuple[Any, Callable[..., Any]] | None:
    """The type of a whole frame, and what finishes its data; None where there is none."""
    plan = spec.typable
    if plan is None or not _is_within(plan, limits):
        return None
    try:
        if envelope.is_flat:
            return _flat(spec.type, plan, envelope.type_key, limits)
        return _nested(spec, plan, envelope.type_key, limits)
    except (NoShape, TypeError, ValueError):  # a length of -1, say, which marshmallow compares with all the same
        return None


def _is_within(plan: Value, limits: Limits) -> bool:
    """Whether every message of this shape is within the budgets of depth and keys."""
    deepest, widest = _extent(plan)
    return deepest + _ENVELOPE_DEPTH <= limits.json_depth and widest + _ENVELOPE_KEYS <= limits.json_keys


def _extent(value: Value) -> tuple[int, int]:
    """How deep a value nests, and the keys of its largest object; the keys of a dict are counted as it comes."""
    inner = [_extent(part) for part in (*value.parts, *[member.value for member in value.members])]
    is_nesting = value.kind in ("list", "tuple", "dict", "object")
    return is_nesting + max([deep for deep, _ in inner], default=0), max(
        [len(value.members), *[wide for _, wide in inner]]
    )


def _nested(spec: Typable, plan: Value, type_key: str, limits: Limits) -> tuple[Any, Callable[..., Any]]:
    type_name = spec.type
    familiar = frozenset([key for _, key in spec.filled_from])
    kind = _struct(type_name, type_key, [("data", shape_of(plan, limits.json_integer))], {})
    source = Source(f"{type_name} typed", "finish(message, frame)")
    source.add("data = message.data", "pairs = 0")
    pairs, name = Residue(source, "pairs", limits.json_keys, familiar).add_data(plan.members, "data")
    _add_proof(source, pairs + len(("type", type_name, "data")), name)
    return kind, source.function()


def _flat(type_name: str, plan: Value, type_key: str, limits: Limits) -> tuple[Any, Callable[..., Any]]:
    """A frame in which the fields stand beside `id` and the type."""
    members = plan.members
    if any([member.wire in ("id", type_key) for member in members]):
        raise NoShape("a field of a name that the envelope takes")
    places = {member: f"f{place}" for place, member in enumerate(members)}
    found = [(places[one], shape_of(one.value, limits.json_integer), *_default(one)) for one in members]
    kind = _struct(type_name, type_key, found, {places[member]: member.wire for member in members})
    source = Source(f"{type_name} typed", "finish(message, frame)")
    source.add("pairs = 0")
    pairs, name = Residue(source, "pairs", limits.json_keys).add_fields(members, lambda one: f"message.{places[one]}")
    _add_proof(source, pairs + len(("type", type_name)), name)
    return kind, source.function()


def _default(member: Member) -> tuple[Any, ...]:
    return () if member.is_required else (missing,)


def _struct(type_name: str, type_key: str, found: list[Any], rename: Mapping[str, str]) -> Any:
    """The type of a frame; TypeError or ValueError where msgspec cannot make one, or no decoder of it."""
    options: dict[str, Any] = {"tag": type_name, "tag_field": type_key, "rename": rename, "kw_only": True, "gc": False}
    kind = MSGSPEC.defstruct("Frame", [*found, _id_field()], **options)
    MSGSPEC.json.Decoder(kind)
    return kind


def _id_field() -> Any:
    # No JSON is decoded to the default but an absent id: null is none of a string's.
    return "id", Annotated[str, MSGSPEC.Meta(max_length=ID_LENGTH)], None


def _add_proof(source: Source, pairs: int, name: str) -> None:
    """Write that there are no quotes but those of what was decoded, and what is returned then."""
    fixed = f"{2 * pairs} if message.id is None else {2 * (pairs + len(('id', 'value')))}"
    source.add(f"return {name} if frame.count('\"') == 2 * pairs + ({fixed}) else None")
