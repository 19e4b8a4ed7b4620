"""The page on first messages: its handler runs, its conversation is held, and its closes are the ones that are sent."""

import asyncio
import re

from tests.docs.pages import DOCS, blocks
from tests.docs.terminals import fits
from tests.docs.test_wire import hold
from tests.kits import CHAT, ChatSocket
from tornado_wssec import FirstMessage
from tornado_wssec.doorstep import CLOSES
from tornado_wssec.testing import GuardKit

PAGE = DOCS / "first-message.md"


def test_first_message_conversation_goes_as_the_page_says() -> None:
    """With the handler of the page, whatever is sent is answered so, and with nothing else."""
    code, said, _ = blocks(PAGE)
    names: dict[str, type] = {}
    exec(code.text, names)  # noqa: S102  # the page is ours
    board = type("Board", (ChatSocket, names["BoardSocket"]), {"authenticators": names["BoardSocket"].authenticators})  # type: ignore[attr-defined]  # a handler class

    async def converse() -> list[tuple[str, str]]:
        async with GuardKit([("/ws", board)], registry=CHAT) as kit:
            lines = said.text.replace("TOKEN", kit.token("ann", ["chat:*:lobby"])).splitlines()
            return await hold(await kit.connect("/ws", token=""), lines)

    pairs = asyncio.run(converse())
    assert [] == [(wanted, found) for wanted, found in pairs if not fits(wanted, found)]
    assert 4 == len(pairs)
    assert isinstance(board.authenticators[0], FirstMessage)  # type: ignore[attr-defined]  # a handler class


def test_first_message_closes_are_all_on_the_page() -> None:
    """Every close that stands for a status, and the three that do not."""
    told = {int(code) for code in re.findall(r"^\|.*\| (\d{4}) \|$", PAGE.read_text(), re.MULTILINE)}

    assert {*map(int, CLOSES.values()), 1001, 1009} == told
