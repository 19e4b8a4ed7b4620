"""The chat as a server of its own: its settings in the environment, its limits as JSON in CHAT_LIMITS.

Where TLS is configured it is served with it. The audit goes to standard error, one line of JSON an event.
"""

import asyncio
import json
import logging
import os
import sys

from tornado.web import Application

from tests.kits import CHAT, ChatSocket
from tornado_wssec import Guard, Limits, ProxyHeader


class RoomSocket(ChatSocket):
    """A chat to which the token must give a right."""

    requires = "chat:join:{room}"


class VouchedSocket(ChatSocket):
    """A chat that takes the proxy's word for who it is."""

    authenticators = (ProxyHeader(browsers=True),)


async def main() -> None:
    """Serve until told to stop."""
    limits = Limits(**json.loads(os.environ.get("CHAT_LIMITS", "{}")))
    async with Guard.from_env(registry=CHAT, limits=limits) as guard:
        routes = [
            (r"/ws", ChatSocket),
            (r"/rooms/(?P<room>[a-z]+)", RoomSocket),
            ("/vouched", VouchedSocket),
            *guard.routes(),
        ]
        port = guard.listen(Application(routes, wssec=guard), 0, address="127.0.0.1")
        sys.stdout.write(f"listening on http://127.0.0.1:{port}\n")
        sys.stdout.flush()
        await guard.until_stopped()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(name)s %(message)s")
    asyncio.run(main())
