"""The envelope around every message.

Rules of this file:
1. An envelope holds what is declared for it and nothing else; an unknown key is no message.
2. Every failure is MalformedFrame or MessageTooBig, and carries the id where that was usable.
3. An error tells no value of the peer's, and is small whatever happened.
"""

import json
import math
from collections.abc import Mapping, Set
from typing import Any, Final, NamedTuple, Self

from ..errors import FrameError, MalformedFrame
from ..settings import KiB, Limits
from .plain_json import PLAIN, write_plain
from .strict_json import JsonReader, decode_json, encode_json, sized_text

__all__ = ["ERROR_BYTES", "ID_LENGTH", "Envelope", "Incoming", "decode_json", "encode_json"]

ID_LENGTH: Final = 64
"""Characters of the longest `id`."""

ERROR_BYTES: Final = 1 * KiB
"""No answer to a hostile frame is larger than this, so that errors amplify nothing."""

TYPE_KEY_LENGTH: Final = 32
"""Characters of the longest key that a flat envelope may use for the type."""


class Incoming(NamedTuple):
    """A frame that is a well-formed message; nobody has looked at its data yet.

    Args:
        type: what it says it is.
        id: what an answer must carry; None where none was given.
        data: the fields, unvalidated.
        size: bytes of the frame in UTF-8.
    """

    type: str
    id: str | None
    data: dict[str, Any]
    size: int


_ABSENT: Final = object()


class Envelope:
    """How messages look on the wire. `Envelope()` is `{"type", "id", "data"}`."""

    __slots__ = ("_is_flat", "_reader", "_type_key")

    def __init__(self) -> None:
        self._type_key = "type"
        self._is_flat = False
        # The parser for the limits seen last: a handler hands in the same ones each time.
        self._reader: JsonReader | None = None

    @classmethod
    def flat(cls, type: str = "type") -> Self:
        """An envelope in which the fields stand beside `id` and the key that names the type.

        Raises:
            ValueError: for a key that means something else in a message of ours.
        """
        if not 0 < len(type) <= TYPE_KEY_LENGTH or type in _TAKEN:
            raise ValueError(f"{type!r} cannot be the key of the type; use another, such as 'action'")
        envelope = cls()
        envelope._type_key = type
        envelope._is_flat = True
        return envelope

    @property
    def is_flat(self) -> bool:
        """Whether the fields stand beside the type."""
        return self._is_flat

    @property
    def type_key(self) -> str:
        """The key that names the type."""
        return self._type_key

    @property
    def reserved(self) -> frozenset[str]:
        """Names that no field of an outbound message may have, since the envelope uses them; empty unless flat."""
        return frozenset({self._type_key, "id", "channel", "seq"} if self._is_flat else ())

    def __repr__(self) -> str:
        return f"Envelope.flat(type={self._type_key!r})" if self._is_flat else "Envelope()"

    def parse(self, frame: str | bytes, limits: Limits) -> Incoming:
        """Read one frame.

        Raises:
            MalformedFrame: no JSON, or no envelope; carries the `id` where that was usable.
            MessageTooBig: over `limits.message_bytes`.
        """
        reader = self._reader
        if reader is None or reader.limits is not limits:
            reader = self._reader = JsonReader(limits)
        text, size = sized_text(frame, limits)
        message = reader.read(text)
        if type(message) is not dict:
            raise MalformedFrame(f"the frame is a {type(message).__name__}, not an object")
        message_id = _taken_id(message)
        kind = message.pop(self._type_key, _ABSENT)
        if type(kind) is not str:
            raise MalformedFrame("the type is absent or not a string", message_id=message_id)
        data = message if self._is_flat else _taken_data(message, message_id)
        return Incoming(kind, message_id, data, size)

    def reply(self, message_id: str, data: Mapping[str, Any]) -> str:
        """The one answer to a message that carried an id.

        Raises:
            ValueError: a flat envelope needs a name that the data uses; see `reserved`.
        """
        if not self._is_flat and type(data) is dict:
            return f'{{"type":"reply","id":{encode_json(message_id)},"data":{encode_json(data)}}}'
        head = {self._type_key: "reply", "id": message_id}
        return self._write(head, data, head.keys())

    def answer(self, message_id: str, data: Mapping[str, Any]) -> bytes:
        """The same in UTF-8, without the text in between where the data is plain."""
        if not self._is_flat and type(data) is dict:
            for key in data:
                if type(key) is not str or type(data[key]) not in PLAIN:
                    break
            else:
                try:
                    return b'{"type":"reply","id":%b,"data":%b}' % (write_plain(message_id), write_plain(data))
                except ValueError:
                    pass  # it is for the other way to refuse
        return self.reply(message_id, data).encode()

    def pong(self, message_id: str | None) -> str:
        """The answer to an application's `ping`, which browsers send for want of ping frames (R037)."""
        head = {self._type_key: "pong"}
        return encode_json(head if message_id is None else {**head, "id": message_id})

    def event(self, type: str, data: Mapping[str, Any], *, channel: str | None = None, seq: int | None = None) -> str:
        """A message that nobody asked for.

        Args:
            type: of a declared outbound message.
            data: as `MessageSpec.dump` returns it.
            channel: where it was published, if anywhere.
            seq: its number in the history of the channel, where there is one.

        Raises:
            ValueError: a flat envelope needs a name that the data uses; see `reserved`.
        """
        head: dict[str, Any] = {self._type_key: type}
        if channel is not None:
            head["channel"] = channel
        if seq is not None:
            head["seq"] = seq
        # A message of the protocol's own may tell of a channel, as `wssec.gap` does.
        return self._write(head, data, head.keys() if type.startswith(_OWN_PREFIX) else self.reserved)

    def carry(self, type: str, data: str, *, channel: str, seq: int | None = None) -> str:
        """A message that was published, with its data as `encode_json` has written them.

        Raises:
            ValueError: a flat envelope needs a name that the data uses; see `reserved`.
        """
        if self._is_flat:
            return self.event(type, json.loads(data), channel=channel, seq=seq)
        number = "" if seq is None else f',"seq":{seq}'
        return f'{{"type":{encode_json(type)},"channel":{encode_json(channel)}{number},"data":{data}}}'

    def _write(self, head: dict[str, Any], data: Mapping[str, Any], reserved: Set[str]) -> str:
        if not self._is_flat:
            return encode_json({**head, "data": dict(data)})
        if not reserved.isdisjoint(data):
            raise ValueError(f"a flat envelope needs {', '.join(sorted(reserved & data.keys()))} for itself")
        return encode_json({**head, **data})

    def error(self, error: FrameError, message_id: str | None) -> str:
        """The answer to a frame that we will not act on; at most 1 KiB, whatever `error.fields` holds.

        Fields are kept in order while there is room and each has a form in JSON; the others are left out.
        """
        head: dict[str, Any] = {self._type_key: "error"}
        if message_id is not None and len(message_id) <= ID_LENGTH:
            head["id"] = message_id
        head["code"] = error.code
        whole = {**head, "detail": error.detail}
        if error.retry_after is not None and 0 <= error.retry_after < _NEVER:
            # Upwards: who comes back after the rounded time must not be early.
            whole["retry_after"] = math.ceil(error.retry_after * 1000) / 1000
        room = ERROR_BYTES - len(encode_json(whole).encode())
        if room < 0:
            return encode_json(head)
        if error.fields and (fields := _fitting(error.fields, room - len(b',"fields":{}'))):
            whole["fields"] = fields
        return encode_json(whole)


_OWN_PREFIX: Final = "wssec."
_NEVER: Final = 1e9
_TAKEN: Final = frozenset(
    {"id", "channel", "seq", "code", "detail", "fields", "retry_after"}
    # What the protocol's own messages carry beside their type; `type` itself stands in `wssec.publish` alone.
    | {"token", "ticket", "since", "data", "jws", "session", "nonce", "heartbeat", "expires_in", "grace"}
)


def _taken_id(message: dict[str, Any]) -> str | None:
    """Take the id out of a message; MalformedFrame where it is no short string."""
    given = message.pop("id", _ABSENT)
    if given is _ABSENT:
        return None
    if type(given) is not str or len(given) > ID_LENGTH:
        raise MalformedFrame(f"the id is not a string of at most {ID_LENGTH} characters")
    return given


def _taken_data(message: dict[str, Any], message_id: str | None) -> dict[str, Any]:
    """Take the data out of what is left of a message; MalformedFrame where anything else is in it."""
    data = message.pop("data", _ABSENT)
    if message:
        raise MalformedFrame(f"{len(message)} unknown keys beside type, id and data", message_id=message_id)
    if data is _ABSENT:
        return {}
    if type(data) is not dict:
        raise MalformedFrame(f"the data is a {type(data).__name__}, not an object", message_id=message_id)
    return data


def _fitting(fields: Mapping[str, object], room: int) -> dict[str, object]:
    """The first fields that fit in `room` bytes of JSON."""
    kept: dict[str, object] = {}
    for name, fault in fields.items():
        try:
            room -= len(encode_json({name: fault}).encode()) - 1  # two braces less, a comma more
        except (TypeError, ValueError, RecursionError):
            continue
        if room < -1:  # the first has no comma
            break
        kept[name] = fault
    return kept
