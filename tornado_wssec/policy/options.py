"""The options of `class Meta`, read: every fault becomes a `Problem`, and grants nothing meanwhile."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

from ..errors import Problem
from .binary_formats import NOTHING, BinaryFormat
from .messages import DIRECTIONS, Channel, Message, misspelt, place
from .overflow import Overflow
from .permissions import PermissionTemplate
from .rates import Rate, parse_rates

Direction = Literal["in", "out", "both"]

_PLACE: Final = re.compile(r"\{([A-Za-z_]\w*)\}")
_TYPE_NAME: Final = re.compile(r"[!-~]{1,128}").fullmatch
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class MessageTerms:
    """What `class Meta` of a message says. `type` None: nothing that could be a name."""

    type: str | None
    direction: Direction
    permission: PermissionTemplate | None
    rates: tuple[Rate, ...]
    max_bytes: int | None
    bind: Mapping[str, str]
    cost: float
    signed: bool
    overflow: Overflow = Overflow.DISCONNECT
    coalesce: tuple[str, ...] = ()
    max_auth_age: float | None = None
    binary: BinaryFormat | None = None


def read_message(message: type[Message]) -> tuple[MessageTerms, list[Problem]]:
    """Read the options of a message, and list what is wrong with them."""
    options, faults = message.opts, Faults(message)
    terms = MessageTerms(
        type=faults.checked("type", options.type, _is_type_name, None, _TYPE_REMEDY),
        direction=faults.checked("direction", options.direction, _is_direction, "in", _DIRECTION_REMEDY),
        permission=faults.required("permission", options.permission, PermissionTemplate.parse, _PERMISSION_REMEDY),
        rates=faults.parsed("rate", options.rate, read_rates) or (),
        max_bytes=faults.checked("max_bytes", options.max_bytes, _is_size, None, "write a number of bytes above 0"),
        bind=faults.checked("bind", options.bind or {}, is_bind, {}, 'write it as in bind = {"userId": "sub"}'),
        cost=faults.checked("cost", options.cost, _is_cost, 1.0, "write a number above 0; 1 is an ordinary message"),
        signed=faults.checked("signed", options.signed, _is_bool, True, "write True or False"),
        overflow=faults.parsed("overflow", options.overflow, Overflow.parse)
        or (Overflow.DISCONNECT if options.coalesce is None else Overflow.COALESCE),
        coalesce=faults.parsed("coalesce", options.coalesce, _coalesced) or (),
        # What cannot be read asks for more than anybody has, as everything else grants nothing.
        max_auth_age=faults.checked("max_auth_age", options.max_auth_age, _is_age, 0.0, _AGE_REMEDY),
        binary=faults.parsed("binary", options.binary, BinaryFormat.parse)
        or (None if options.binary is None else NOTHING),
    )
    if terms.binary is not None:
        _judge_binary(terms, faults)
    if terms.coalesce and terms.overflow is not Overflow.COALESCE:
        remedy = "drop one of the two; coalesce alone is enough"
        faults.add("coalesce", f"is contradicted by overflow = {options.overflow!r}", remedy)
    if terms.overflow is Overflow.COALESCE and not terms.coalesce and options.coalesce is None:
        faults.add("overflow", "does not say of what only the newest matters", 'write coalesce = "{symbol}"')
    if terms.direction == "in" and terms.overflow is not Overflow.DISCONNECT:
        option = "overflow" if options.coalesce is None else "coalesce"
        faults.add(option, "says nothing about a message that only clients send", "drop it")
    if terms.direction == "out":
        for name, value in (
            *(("rate", terms.rates), ("bind", terms.bind), ("signed", terms.signed)),
            ("max_auth_age", terms.max_auth_age is not None),
        ):
            if value:
                faults.add(name, "says nothing about a message that only the server sends", "drop it")
    return terms, faults.problems


def _judge_binary(terms: MessageTerms, faults: "Faults") -> None:
    """Note what a message that carries bytes cannot be beside that."""
    if terms.direction != "in":
        faults.add("binary", "says nothing about a message that the server sends, which is text", "drop it")
    if terms.max_bytes is None:
        faults.add("binary", "comes without a cap", "write max_bytes = 32 * 1024, or how much it may be")
    if terms.signed:
        faults.add("binary", "cannot be signed: what is signed is text", "drop one of the two")


_TYPE_REMEDY: Final = "write 1–128 printable ASCII characters without a space, as in type = 'chat.send'"
_DIRECTION_REMEDY: Final = f"write one of {', '.join(DIRECTIONS)}"
_PERMISSION_REMEDY: Final = 'write permission = "chat:write:{room}", or permission = PUBLIC if everybody has it'
_AGE_REMEDY: Final = "write a number of seconds above 0, as in max_auth_age = 300"


def _is_type_name(value: object) -> bool:
    return isinstance(value, str) and _TYPE_NAME(value) is not None


def _is_direction(value: object) -> bool:
    return value in DIRECTIONS


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_size(value: object) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0)


def _is_cost(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf


def _is_age(value: object) -> bool:
    return value is None or _is_cost(value)


def is_bind(value: object) -> bool:
    """Whether this ties fields to claims, both by name."""
    return isinstance(value, Mapping) and all([isinstance(one, str) and one for pair in value.items() for one in pair])


def read_rates(value: Any) -> tuple[Rate, ...]:
    """The parts of a rate as it stands in `class Meta`.

    Raises:
        ValueError: it is none; with the remedy.
    """
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no rate; write it as '5/second, 100/minute'")
    return parse_rates(value)


def _coalesced(value: Any) -> tuple[str, ...]:
    """The fields that a key is made of; what stands between them is for the reader."""
    if not isinstance(value, str) or not (names := _PLACE.findall(value)) or set("{}") & set(_PLACE.sub("", value)):
        raise ValueError(f'{value!r} names no field; write it as in coalesce = "{{symbol}}"')
    return tuple(names)


class Faults:
    """What is wrong with one declaration; collected, since a start lists everything."""

    def __init__(self, declared: type[Message] | type[Channel]) -> None:
        self._place = place(declared)
        self.problems = list(misspelt(declared))

    def add(self, option: str, fault: str, remedy: str) -> None:
        """Note a fault of one option."""
        self.problems.append(Problem(f"{self._place}.Meta.{option}", fault, remedy))

    def checked(self, option: str, value: Any, is_right: Callable[[object], bool], otherwise: Any, remedy: str) -> Any:
        """The value where it is right; `otherwise`, and a fault, where it is not."""
        if is_right(value):
            return value
        self.add(option, f"is {value!r}", remedy)
        return otherwise

    def parsed(self, option: str, value: Any, parse: Callable[[Any], _T]) -> _T | None:
        """What the text of an option stands for; None, and a fault, where it cannot be read."""
        if value is None:
            return None
        try:
            return parse(value)
        except ValueError as error:
            fault, _, remedy = str(error).partition("; ")
            self.add(option, fault, remedy)
            return None

    def required(self, option: str, value: Any, parse: Callable[[Any], _T], remedy: str) -> _T | None:
        """What an option that may not be left out stands for."""
        if value is None:
            self.problems.append(Problem(self._place, f"declares no {option}", remedy))
        return self.parsed(option, value, parse)
