"""The page on clients: its Python program talks, and its tables name every reason that there is."""

import re
from pathlib import Path
from typing import Any

from tests.client.kit import RIGHTS, Chat, in_loop
from tests.docs.pages import DOCS, blocks
from tests.docs.terminals import Desk
from tornado_wssec.client import STATIC
from tornado_wssec.closing import CloseCode

PAGE = DOCS / "clients.md"


@in_loop
async def test_clients_page_talks() -> None:
    """It hears what it says itself."""
    names: dict[str, Any] = {}
    exec(next(block.text for block in blocks(PAGE) if block.file_name == "client.py"), names)  # noqa: S102 -- ours
    told: list[Any] = []
    async with Chat() as kit:
        await names["talk"](kit.url, kit.token("ann", RIGHTS), told)

    assert [("room:lobby", "hello"), ("room:lobby", "bye")] == told


def test_clients_page_has_every_reason() -> None:
    """Those of the module's types are those of the close codes and of the page's table."""
    types = (STATIC / "wssec.d.ts").read_text().partition("/** What nobody but")[0]
    table = PAGE.read_text().partition("Beside the server's codes:")[2].partition("A wait is drawn")[0]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    told = {reason for row in rows for reason in re.findall(r"`(\w+)`", row)}
    names = {"connecting", "open", "waiting", "stopped"}

    assert told - {"fault"} | {code.name.lower() for code in CloseCode} == set(re.findall(r'"(\w+)"', types)) - names


def test_clients_page_shows_commands_that_work(tmp_path: Path) -> None:
    """In a folder where `wssec init` has run."""
    with Desk(tmp_path) as desk:
        terminal = desk.terminal("")
        for command in ("wssec init .", "set -a; . ./wssec.env; set +a", "wssec keys generate"):
            terminal.run(command)
        for block in blocks(PAGE):
            if block.language == "console":
                desk.follow(block)
