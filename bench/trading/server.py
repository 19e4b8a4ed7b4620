"""The trading desk of `examples/trading` as it stands, with its feed under our hand; quotas are raised, and asked.

Usage: python -m bench.trading.server KEYS
"""

import asyncio
import logging
import sys
import time
from typing import Any, Final

from tornado.web import Application

from examples.trading.app import SEED, DeskSocket, feed
from examples.trading.book import Book
from examples.trading.market import LISTED, Market
from tornado_wssec import Guard, Registry
from tornado_wssec.settings import Settings
from tornado_wssec.stores.keyfile import KeyFile
from tornado_wssec.stores.memory import MemoryStore

from ..peers.control import answer, raise_descriptors
from ..peers.ours import OLD_SECONDS, RAISED
from ..visitors import AUDIENCE, ISSUER, ORIGIN

SYMBOLS: Final = 4
QUOTES_PER_SECOND: Final = 20.0


class Feed:
    """Begins and ends at a word from the thread that is asked."""

    def __init__(self, guard: Guard, book: Book) -> None:
        self._guard = guard
        self._book = book
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None

    def turn(self, word: str) -> bool:
        """`on` or `off`; True once it is so."""
        return asyncio.run_coroutine_threadsafe(self._turn(word == "on"), self._loop).result()

    def last(self) -> dict[str, Any]:
        """Symbol → best prices, of the last quote that was told."""
        return {
            symbol: [str(one.bids[0].price), str(one.asks[0].price)]
            for symbol, one in self._book.market.listings.items()
        }

    async def _turn(self, is_on: bool) -> bool:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
        if is_on:
            self._task = asyncio.create_task(feed(self._guard, self._book, QUOTES_PER_SECOND))
        return True


async def main() -> None:
    """Serve."""
    raise_descriptors()
    store = MemoryStore()
    await store.migrate(time.time() - OLD_SECONDS)
    guard = Guard(
        settings=Settings.from_env({}, issuer=ISSUER, audience=AUDIENCE, origins=(ORIGIN,)),
        registry=Registry.scan("schemas.market"),
        store=store,
        keys=KeyFile(sys.argv[1]),
        limits=RAISED,
    )
    book = Book(Market(SEED, LISTED[:SYMBOLS]))
    async with guard:
        app = Application([("/ws/desk", DeskSocket), *guard.routes()], wssec=guard, book=book)
        told = Feed(guard, book)
        port = guard.listen(app, 0, address="127.0.0.1")
        answer(port, feed=told.turn, last=told.last, connections=lambda: len(guard.hub))
        await asyncio.Event().wait()


if __name__ == "__main__":
    logging.getLogger().setLevel(logging.ERROR)
    logging.getLogger("tornado_wssec.audit").setLevel(logging.INFO)
    logging.getLogger("tornado_wssec.audit").addHandler(logging.NullHandler())
    asyncio.run(main())
