"""Ours in several processes on one port, joined by Redis: what is said at one of them is heard at all.

Usage: python -m bench.peers.ours_nodes KEYS REDIS PROCESSES
"""

import asyncio
import logging
import os
import sys
import time

from tornado.web import Application

from tornado_wssec import Guard, Registry
from tornado_wssec.processes import MARKER
from tornado_wssec.settings import Timeouts
from tornado_wssec.stores.keyfile import KeyFile
from tornado_wssec.stores.url import open_store

from ..visitors import AUDIENCE, ISSUER, ORIGIN
from .control import answer, group_cpu_seconds, raise_descriptors
from .ours import OLD_SECONDS, RAISED, Draw, Post, Posted, RoomChannel, Send, Socket

PATIENT = Timeouts(store_call=5.0, store_sync=30.0)
"""Four servers and their clients share two cores: what is late here is late by that."""


async def main(keys: str, redis: str, processes: int) -> None:
    """Serve."""
    raise_descriptors()
    if MARKER not in os.environ:
        store = open_store(redis, timeouts=PATIENT)
        await store.migrate(time.time() - OLD_SECONDS)
        await store.close()
    guard = Guard.from_env(
        {"WSSEC_STORE": redis, "WSSEC_ISSUER": ISSUER, "WSSEC_AUDIENCE": AUDIENCE, "WSSEC_ORIGINS": ORIGIN},
        registry=Registry(Send, Draw, Post, Posted, RoomChannel),
        keys=KeyFile(keys),
        limits=RAISED,
        timeouts=PATIENT,
    )
    async with guard:
        app = Application([("/room", Socket), *guard.routes()], wssec=guard)
        port = guard.listen(app, 0, address="127.0.0.1", processes=processes)
        if guard.process_number == 0:
            answer(port, cpu=group_cpu_seconds)
        await asyncio.Event().wait()


if __name__ == "__main__":
    logging.getLogger().setLevel(logging.ERROR)
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
