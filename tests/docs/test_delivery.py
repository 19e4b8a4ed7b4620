"""The page on what is delivered: its numbers are those of the code, and what it shows happens."""

import asyncio
import shlex
from typing import Any

from tests.cli.conftest import Terminal
from tests.docs.pages import DOCS, blocks
from tests.redis_server import RedisServer
from tests.test_presence import PLACES, Socket, come
from tornado_wssec import Registry
from tornado_wssec.policy.history import REMEMBERED_SECONDS, SKEW_SECONDS
from tornado_wssec.resuming import EVENTS_PER_MESSAGE
from tornado_wssec.stores.redis_broker import PUBLISHING_MOST, RESUMED_BYTES
from tornado_wssec.stores.redis_ear import PING_SECONDS
from tornado_wssec.testing import GuardKit

PAGE = DOCS / "delivery.md"


def shown() -> dict[str, Any]:
    """What the blocks of Python define."""
    session: dict[str, Any] = {"__name__": "page"}
    for block in blocks(PAGE):
        if block.language == "python":
            exec(block.text, session)  # noqa: S102 - the page is ours
    return session


def test_delivery_page_declares_what_can_be_declared() -> None:
    """The channel that it shows keeps as much as it says."""
    registry = Registry(shown()["Log"])
    found = registry.channel("order:7")

    assert [] == registry.problems()
    assert found is not None
    assert (100, 60.0) == (found[0].history, found[0].ttl)


def test_delivery_page_asks_who_is_there() -> None:
    """And hears of comings and goings by a hook of that shape."""

    async def ask() -> list[str]:
        session = shown()
        kit = GuardKit([("/ws", Socket)], registry=PLACES, presence=session["told"])
        async with kit:
            await come(kit, "ann", "room:lobby")
            names: list[str] = await session["who"](kit.guard)
            return names

    assert ["ann"] == asyncio.run(ask())


def test_delivery_page_publishes_from_a_shell(own_redis: RedisServer) -> None:
    """By the command that it shows, with the catalogue of the examples."""
    environment = {"WSSEC_STORE": own_redis.url, "WSSEC_SCHEMAS": "schemas.chat"}
    terminal = Terminal(environment)
    terminal.done("store", "migrate")
    [block] = [block for block in blocks(PAGE) if block.language == "console"]
    [_, *arguments] = shlex.split(block.text.removeprefix("$ "))

    assert "room:lobby" in terminal.done(*arguments)


def test_delivery_page_tells_the_numbers_of_the_code() -> None:
    """Those that are written out."""
    text = " ".join(PAGE.read_text().split())

    assert f"silent for {'two' if PING_SECONDS == 1.0 else ''} seconds" in text
    assert PUBLISHING_MOST == 1_000
    assert "a thousand may be on their way" in text
    assert EVENTS_PER_MESSAGE == 10
    assert "ten events cost an identity as much as one message" in text
    assert f"At most {RESUMED_BYTES // 2**20} MiB are sent again" in text
    assert 11 * 60 == REMEMBERED_SECONDS + SKEW_SECONDS
    assert "remembered for eleven minutes more" in text


def test_delivery_page_quotes_the_gap() -> None:
    """As it is on the wire; the tests of resuming compare it whole."""
    assert '{"type": "wssec.gap", "data": {"channel": "room:lobby"}}' in PAGE.read_text()
