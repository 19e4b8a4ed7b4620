"""The source of permissions is frozen or killed: nobody new, reads by what was known, no writes, a bounded grace."""

import asyncio
from collections.abc import Callable

import pytest

from schemas import chat
from tests.faults.source import Source, source
from tests.kits import GENEROUS, chat_kit, in_loop
from tests.test_rights import LINE, READ
from tornado_wssec import Timeouts
from tornado_wssec.testing import GuardKit

TIMES = Timeouts(hook=2.0)


async def due(kit: GuardKit, seconds: float = TIMES.revalidation) -> None:
    """Let time pass until everybody has been asked about, and the source has answered or been given up."""
    kit.clock.advance(seconds)
    await kit.guard.watcher.catch_up()
    for live in kit.guard.hub:
        live.lifetime.saw_life(kit.clock.monotonic)
    kit.guard.tick(kit.clock.monotonic)
    await asyncio.gather(*kit.guard._rights._asking)


@pytest.mark.parametrize("fail", [Source.freeze, Source.kill], ids=["frozen", "killed"])
@in_loop
async def test_permission_source_down(fail: Callable[[Source], None]) -> None:
    """Deny; a snapshot serves reads for its lifetime; what needs a right gets `unavailable`."""
    with source() as running:
        async with chat_kit(permissions=running.permissions, limits=GENEROUS, timeouts=TIMES) as kit:
            ann = await kit.connect("/ws")
            await ann.request("wssec.subscribe", {"channel": "room:lobby"})
            fail(running)
            await kit.assert_handshake_refused(503, "/ws", token=kit.token("bob"))
            await due(kit)
            await ann.assert_refused("unavailable", "chat.send", LINE)
            await kit.guard.publish("room:lobby", chat.Posted, READ)
            assert READ == await ann.assert_received("chat.posted")
            await due(kit, TIMES.rights_for_live)

            await ann.assert_closed(1013)


@in_loop
async def test_permission_source_back() -> None:
    """A source that answers again is believed at the next look, and everybody comes in."""
    with source() as running:
        async with chat_kit(permissions=running.permissions, limits=GENEROUS, timeouts=TIMES) as kit:
            ann = await kit.connect("/ws")
            running.freeze()
            await due(kit)
            await ann.assert_refused("unavailable", "chat.send", LINE)
            running.thaw()
            await due(kit, TIMES.hook_retry)

            assert {"delivered": True} == await ann.request("chat.send", LINE)
            await kit.connect("/ws", subject="bob")
