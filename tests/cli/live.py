"""Live connections, entered as a server does."""

import asyncio
import time
from typing import Any, Final

from tests.cli.conftest import Terminal
from tornado_wssec.policy.revocation_entries import Notice
from tornado_wssec.policy.session_directory import Entry
from tornado_wssec.settings import Timeouts
from tornado_wssec.stores.url import open_store

NODE: Final = "host:4711:abcd"
PATIENT: Final = Timeouts(store_call=30.0, store_sync=30.0)
LEASE: Final = 3_600.0


def connection(session: str, **facts: Any) -> Entry:
    """One of this session."""
    given = {"subject": "u42", "endpoint": "Chat", "address": "192.0.2.1", "since": time.time(), "node": NODE}
    number = facts.pop("number", 0)
    return Entry(connection=f"c-{session}-{number}", session=session, **{**given, **facts})


def enter(wssec: Terminal, *entries: Entry) -> None:
    """Put them into the directory, under a lease that outlives the test."""

    async def run() -> None:
        store = open_store(wssec.environment["WSSEC_STORE"], timeouts=PATIENT)
        await store.open()
        for entry in entries:
            await store.renew_node(entry.node, joins=True, lease=LEASE, alone=0.0, now=time.time())
            await store.enter(entry.node, [entry], most=None, now=time.time())
        await store.close()

    asyncio.run(run())


def notices(wssec: Terminal) -> list[Notice]:
    """What servers are asked to do."""

    async def run() -> list[Notice]:
        store = open_store(wssec.environment["WSSEC_STORE"], timeouts=PATIENT)
        await store.open()
        found = await store.read_after(None, 1_000)
        await store.close()
        return [entry.body for entry in found if isinstance(entry.body, Notice)]

    return asyncio.run(run())
