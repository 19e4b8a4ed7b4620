"""The tables of the specification of the wire protocol, each made from the code that speaks it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from tornado_wssec import Registry
from tornado_wssec.client.hearing import PASSING
from tornado_wssec.client.schedule import FIRST_WAIT, Ending, Schedule
from tornado_wssec.client.states import HttpRefused
from tornado_wssec.closing import CloseCode
from tornado_wssec.errors import FrameError, HandshakeRefused
from tornado_wssec.exports.frames import contract_of
from tornado_wssec.handling import NOT_THE_PEERS_FAULT

Row = tuple[object, ...]


def closes() -> Iterator[Row]:
    """What follows each close code."""
    for code in CloseCode:
        state = Schedule(lambda: 1.0).after(Ending(code))
        first = FIRST_WAIT.get(code.advice)
        verb = "MUST NOT come back" if first is None else "MAY come back"
        base = "–" if first is None else f"{first:g}"
        yield int(code), f"`{state.reason}`", code.text, verb, base, _beside(code)


def _beside(code: CloseCode) -> str:
    """What must have changed before it comes back."""
    return {
        CloseCode.TOKEN_EXPIRED: "with a new token",
        CloseCode.UNAUTHENTICATED: "with a new credential; after a second 4401 in a row it MUST NOT",
        CloseCode.REVOKED: "until somebody has logged in again",
        CloseCode.GOING_AWAY: "spread out: everybody is told at once",
    }.get(code, "")


def statuses() -> Iterator[Row]:
    """What follows each HTTP status, by the lines of the errors that have it."""
    when: dict[int, list[str]] = {}
    for error in HandshakeRefused.__subclasses__():
        if error.__module__ == HandshakeRefused.__module__:
            when.setdefault(error.status, []).append((error.__doc__ or "").partition("\n")[0].rstrip("."))
    for status, causes in sorted(when.items()):
        state = Schedule(lambda: 1.0).refused(HttpRefused(status))
        verb = "MUST NOT come back by itself" if state.name == "stopped" else "MAY come back, B = 1.5"
        yield status, "; ".join(causes), f"`{state.reason}`", verb


def errors() -> Iterator[Row]:
    """What each error code means."""
    for error in FrameError.__subclasses__():
        if error.__module__ == FrameError.__module__:
            means = (error.__doc__ or "").partition("\n")[0]
            again = "yes" if error.code in PASSING else "no"
            is_charged = not issubclass(error, NOT_THE_PEERS_FAULT)
            yield f"`{error.code}`", means, again, "yes" if is_charged else "no"


def spoken(view: str) -> Callable[[], Iterator[Row]]:
    """The protocol's own messages of one direction, by the schemas that are exported."""

    def rows() -> Iterator[Row]:
        for frame in contract_of(Registry()).frames:
            if frame.view == view:
                yield f"`{frame.type}`", _members(frame), (frame.node.get("description") or "").partition("\n")[0]

    return rows


def _members(frame: Any) -> str:
    required, members = set(frame.data.get("required", ())), frame.data.get("properties", {})
    shown = [f"`{name}`: {_kind(node)}{'' if name in required else ', optional'}" for name, node in members.items()]
    return "; ".join(shown) or "–"


def _kind(node: Mapping[str, Any]) -> str:
    kind = node.get("type", "string")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


TABLES: Final[Mapping[str, tuple[tuple[str, ...], Callable[[], Iterator[Row]]]]] = {
    "protocol-closes": (("Code", "In a word", "Sent when", "The client", "B", ""), closes),
    "protocol-statuses": (("Status", "When", "In a word", "The client"), statuses),
    "protocol-errors": (("Code", "Means", "A subscription is asked for again", "Costs the error budget"), errors),
    "protocol-in": (("Type", "`data`", "Asks"), spoken("in")),
    "protocol-out": (("Type", "`data`", "Says"), spoken("out")),
}
