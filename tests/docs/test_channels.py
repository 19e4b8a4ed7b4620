"""What the page on channels shows is what happens."""

import asyncio
import shlex
from pathlib import Path
from typing import Any

from tests.cli.conftest import Terminal, read_environment
from tests.docs.pages import DOCS, blocks
from tornado_wssec import Registry
from tornado_wssec.testing import GuardKit

PAGE = DOCS / "channels.md"


def declared() -> dict[str, Any]:
    """What the blocks of Python define, in one session."""
    session: dict[str, Any] = {"__name__": "page"}
    for block in blocks(PAGE):
        if block.language == "python":
            exec(block.text, session)  # noqa: S102 - the page is ours
    return session


def kit_of(session: dict[str, Any]) -> GuardKit:
    """A server of what the page declares."""
    names = ("Send", "Posted", "RoomChannel", "Orders", "Typing", "Lounge")
    return GuardKit([("/ws", session["ChatSocket"])], registry=Registry(*[session[name] for name in names]))


def test_channels_are_talked_in_as_the_page_says() -> None:
    """Each line that a client sends is answered by the lines below it."""

    async def talk() -> None:
        async with kit_of(declared()) as kit:
            client = await kit.connect("/ws", permissions=["chat:*:lobby"])
            for line in [
                line for block in blocks(PAGE) if block.language == "text" for line in block.text.splitlines()
            ]:
                if line.startswith("→ "):
                    await client.assert_nothing_received()
                    await client.send_text(line[2:])
                else:
                    frame = await client.socket.receive_frame()
                    assert frame is not None
                    assert line[2:] == frame.payload.decode()

    asyncio.run(talk())


def test_channels_are_moderated_from_code_as_the_page_says() -> None:
    """What was taken back is not in force."""

    async def moderate() -> list[tuple[str, str]]:
        session = declared()
        async with kit_of(session) as kit:
            found: list[tuple[str, str]] = await session["moderate"](kit.guard)
            return found

    assert [("ban", "room:*"), ("slow", "room:lobby")] == asyncio.run(moderate())


def test_channels_are_moderated_from_the_terminal_as_the_page_says(tmp_path: Path) -> None:
    """Every command of the page, in its order."""
    bare = Terminal()
    bare.done("init", str(tmp_path / "d"), "--issuer", "https://auth.example.com", "--audience", "chat")
    wssec = Terminal(read_environment(tmp_path / "d" / "wssec.env"))
    lines = [line for block in blocks(PAGE) if block.language == "console" for line in block.text.splitlines()]
    for line in lines:
        assert line.startswith("$ wssec channels ")
        wssec.done(*shlex.split(line)[2:])

    assert ["ban"] == [one["measure"] for one in wssec.json("channels", "list")["moderation"]]
