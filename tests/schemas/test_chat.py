"""The chat of the README: lines, rooms, and who may do what."""

from typing import Any

import pytest

from schemas.chat import Posted, RoomChannel, Send
from tornado_wssec import Grants, InvalidMessage, Registry
from tornado_wssec.errors import OutboundInvalid

REGISTRY = Registry.scan("schemas.chat")
SEND = REGISTRY.resolve("chat.send")
POSTED = REGISTRY.outbound(Posted)


def test_chat_line_is_loaded() -> None:
    """A room, and a text of 1 to 2,000 characters."""
    line = {"room": "lobby", "text": "x" * 2_000}

    assert (Send, line) == (SEND.message, SEND.load(line))


@pytest.mark.parametrize(
    "line",
    [
        {},
        {"room": "lobby"},
        {"room": "lobby", "text": ""},
        {"room": "lobby", "text": "x" * 2_001},
        {"room": "lobby", "text": None},
        {"room": "lobby", "text": "x", "author": "ann"},
        *({"room": room, "text": "x"} for room in ("", "Lobby", "a\n", "x" * 65, "a:b", "*", "..", "é", 7)),
    ],
)
def test_chat_line_is_refused(line: dict[str, Any]) -> None:
    """Neither an empty line, nor a long one, nor a room that is no name, nor a forged author."""
    with pytest.raises(InvalidMessage):
        SEND.load(line)


def test_chat_asks_for_the_room() -> None:
    """A grant for one room says nothing about another."""
    lobby, cellar = ({"room": room, "text": "x"} for room in ("lobby", "cellar"))
    grants = Grants(["chat:write:lobby", "chat:read:*"])
    permission = SEND.permission

    assert permission is not None
    assert [True, False] == [permission.allowed(grants, SEND.permission_values(data)) for data in (lobby, cellar)]


def test_chat_limits_what_a_client_sends() -> None:
    """Five lines a second, a hundred a minute, 8 KiB each."""

    assert ([(5, 1), (100, 60)], 8_192) == ([(rate.count, rate.seconds) for rate in SEND.rates], SEND.max_bytes)


def test_chat_posts_lines_with_their_author() -> None:
    """The server adds who it was; without that nothing is sent."""
    line = {"room": "lobby", "text": "x"}

    assert {**line, "author": "ann"} == POSTED.dump({**line, "author": "ann"})
    with pytest.raises(OutboundInvalid):
        POSTED.dump(line)


def test_chat_rooms_are_channels() -> None:
    """Listening asks for the room; clients publish nothing themselves."""
    found = REGISTRY.channel("room:lobby")

    assert found is not None
    assert (RoomChannel, {"room": "lobby"}, "chat:read:{room}", None) == (
        found[0].channel,
        found[1],
        found[0].subscribe.text,
        found[0].publish,
    )
    assert [None] * 3 == [REGISTRY.channel(name) for name in ("room:Lobby", "room:lobby:x", "room:a.b")]
