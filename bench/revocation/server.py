"""One of the servers of a store, with everything on.

Usage: python -m bench.revocation.server KEYS STORE-URL
"""

import asyncio
import logging
import sys
from typing import Final

from tornado.web import Application

from tornado_wssec import Guard, Registry, Timeouts
from tornado_wssec.settings import Settings
from tornado_wssec.stores.keyfile import KeyFile

from ..peers.control import answer, raise_descriptors
from ..peers.ours import RAISED, Draw, Post, Posted, RoomChannel, Send, Socket
from ..visitors import AUDIENCE, ISSUER, ORIGIN

PATIENT: Final = Timeouts(store_call=3.0)
"""Clients and Redis share a core here: while thousands connect at once, an answer takes its time."""


async def main(keys: str, url: str) -> None:
    """Serve."""
    raise_descriptors()
    guard = Guard(
        settings=Settings.from_env({}, store=url, issuer=ISSUER, audience=AUDIENCE, origins=(ORIGIN,)),
        registry=Registry(Send, Draw, Post, Posted, RoomChannel),
        keys=KeyFile(keys),
        limits=RAISED,
        timeouts=PATIENT,
    )
    async with guard:
        app = Application([(r"/ws", Socket), *guard.routes()], wssec=guard)
        answer(guard.listen(app, 0, address="127.0.0.1"))
        await asyncio.Event().wait()


if __name__ == "__main__":
    logging.getLogger().setLevel(logging.ERROR)
    logging.getLogger("tornado_wssec.audit").setLevel(logging.INFO)
    logging.getLogger("tornado_wssec.audit").addHandler(logging.NullHandler())
    asyncio.run(main(sys.argv[1], sys.argv[2]))
