"""A server that is asked for handshakes: `bare` Tornado, or ours with everything on.

Usage: python -m bench.handshakes.server (bare | ALG STORE-URL)
"""

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from tornado.web import Application
from tornado.websocket import WebSocketHandler

from tornado_wssec import Guard, Limits, Registry, SecureWebSocketHandler, Timeouts
from tornado_wssec.policy.keys import KeyRing
from tornado_wssec.settings import Settings, TokenRules
from tornado_wssec.stores.url import open_store
from tornado_wssec.testing.kit import HeldKeys

MANY: Final = 10_000_000
ORIGIN: Final = "https://app.example.com"
RAISED: Final = Limits(
    connections_per_address=MANY,
    connections_per_subject=MANY,
    attempts_per_second=float(MANY),
    attempts_burst=MANY,
    identity_attempts_per_second=float(MANY),
    identity_attempts_burst=MANY,
    tickets_per_subject=MANY,
)
"""Quotas that do not refuse: they are asked all the same."""


class Bare(WebSocketHandler):
    """What Tornado does by itself, with the Origin looked up in a list as its documentation shows."""

    def check_origin(self, origin: str) -> bool:
        """Only the page that is known."""
        return origin == ORIGIN


class Secured(SecureWebSocketHandler):
    """Everything on."""


async def bare() -> None:
    """Serve bare Tornado."""
    server = Application([(r"/ws", Bare)]).listen(0, "127.0.0.1")
    (socket,) = server._sockets.values()
    await answer(socket.getsockname()[1], {})


async def secured(algorithm: str, url: str) -> None:
    """Serve ours."""
    guard_settings = Settings.from_env({}, issuer="bench", audience="bench", origins=(ORIGIN,))
    store = open_store(url, timeouts=Timeouts())
    await store.migrate(time.time() - 60)
    keys = HeldKeys(KeyRing().generate(algorithm, now=time.time() - 60))
    rules = TokenRules(issuer="bench", audience="bench")
    guard = Guard(
        settings=guard_settings, registry=Registry(), store=store, keys=keys, limits=RAISED, token_rules=rules
    )
    async with guard:
        app = Application([(r"/ws", Secured), *guard.routes()], wssec=guard)
        port = guard.listen(app, 0)

        async def tokens(count: str) -> list[str]:
            return [str(guard.issue_token(f"u{number}", ["chat:read:*"])) for number in range(int(count))]

        async def tickets(count: str) -> list[str]:
            identity = guard.verify_token(guard.issue_token("u1", ["chat:read:*"]))
            return [await guard.issue_ticket(identity, path="/ws", origin=ORIGIN) for _ in range(int(count))]

        await answer(port, {"tokens": tokens, "tickets": tickets})


async def answer(port: int, questions: dict[str, Callable[..., Awaitable[Any]]]) -> None:
    """Answer what the benchmark asks on standard input, until it ends."""
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    print(json.dumps({"port": port}), flush=True)
    while line := await lines.readline():
        word, *arguments = line.decode().split()
        reply = time.process_time() if word == "cpu" else await questions[word](*arguments)
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    # Both write their access log, and we the audit, as far as the system: a line that is not written costs nothing.
    logging.basicConfig(filename=os.devnull, level=logging.INFO)
    asyncio.run(bare() if sys.argv[1] == "bare" else secured(sys.argv[1], sys.argv[2]))
