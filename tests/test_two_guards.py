"""Nothing is kept in a module: guards, event loops and registries live side by side in one process."""

import asyncio
import threading
from typing import Any

import pytest

from schemas import chat
from tests.kits import CHAT, V1, ChatSocket, chat_kit, in_loop
from tornado_wssec import Envelope, Limits, Registry
from tornado_wssec.testing import GuardKit

LINE = {"room": "lobby", "text": "hi", "author": "x"}


@in_loop
async def test_two_guards_in_one_loop() -> None:
    """The same handler class and registry under two guards: tokens, tickets, channels and limits of each its own."""
    async with chat_kit() as one, chat_kit(limits=Limits(connections_per_subject=1)) as two:
        token, ticket = one.token("ann", ["chat:**"]), await one.ticket("/ws")
        await two.assert_handshake_refused(401, "/ws", token=token)
        await two.assert_handshake_refused(401, f"/ws?ticket={ticket}")
        here = await one.connect("/ws", token=token)
        there = await two.connect("/ws", permissions=["chat:**"])
        for client in (here, there):
            await client.request("wssec.subscribe", {"channel": "room:lobby"})
        await one.guard.publish("room:lobby", chat.Posted, LINE)
        assert LINE == await here.assert_received("chat.posted")
        await there.assert_nothing_received()
        await one.guard.revoke(subject="ann")
        await here.assert_closed(4403)
        await there.assert_nothing_received()
        await two.assert_handshake_refused(429, "/ws", token=two.token())
        await one.connect("/ws", subject="bob")
        await one.connect("/ws", subject="bob")

    assert (0, 0) == (len(one.guard.hub), len(two.guard.hub))


@in_loop
async def test_two_nodes_on_one_store() -> None:
    """What one node revokes closes on the other at its next look; a ticket of one is good at the other, once."""
    async with chat_kit() as one:
        sibling = one.store.sibling()
        async with GuardKit([("/ws", ChatSocket)], registry=CHAT, store=sibling, keys=one.keys) as two:
            two.clock.wall = one.clock.wall
            ann, bob = await one.connect("/ws", subject="ann"), await two.connect("/ws", token=one.token("ann"))
            ticket = await one.ticket("/ws", "eve")
            eve = await two.connect(f"/ws?ticket={ticket}", token="")
            await one.assert_handshake_refused(401, f"/ws?ticket={ticket}")
            await one.guard.revoke(subject="ann")
            await ann.assert_closed(4403)
            await bob.assert_nothing_received()
            await two.advance(1)

            await bob.assert_closed(4403)
            await eve.assert_nothing_received()


async def one_life(kit: GuardKit) -> dict[str, Any]:
    """Start, chat, and stop with somebody still connected."""
    async with kit:
        client = await kit.connect("/ws", permissions=["chat:**"], subprotocols=V1)
        await client.assert_received("wssec.ready")
        stopping = asyncio.create_task(kit.guard.stop())
        await client.assert_closed(1001)
        await stopping
        await kit.guard.start(following=False)
        kit.port = kit.guard.listen(kit.app, 0)
        return await (await kit.connect("/ws", permissions=["chat:**"])).request(
            "chat.send", {"room": "a", "text": "b"}
        )


def test_one_guard_in_one_loop_after_another() -> None:
    """A guard that has stopped may start again, in another event loop."""
    kit = chat_kit()

    assert [{"delivered": True}] * 2 == [asyncio.run(one_life(kit)) for _ in range(2)]


def test_two_loops_at_once() -> None:
    """Two threads, each with a loop and a guard of its own, share the registry and the handler class."""
    answers: list[Any] = []

    def live() -> None:
        for _ in range(3):
            answers.append(asyncio.run(one_life(chat_kit())))

    threads = [threading.Thread(target=live) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [{"delivered": True}] * 6 == answers


@in_loop
async def test_guard_is_started_once() -> None:
    """A second start is a mistake that is told, not a second watcher."""
    async with chat_kit() as kit:
        with pytest.raises(RuntimeError, match="has been started already"):
            await kit.guard.start()


@in_loop
async def test_guard_stops_twice() -> None:
    """A second stop does nothing, one beside another waits as long; so does one that was never started."""
    async with chat_kit() as kit:
        client = await kit.connect("/ws")
        stopping = [asyncio.create_task(kit.guard.stop()) for _ in range(2)]
        await client.assert_closed(1001)
        await asyncio.gather(*stopping)
        await kit.guard.stop()
    await chat_kit().guard.stop()


@in_loop
async def test_one_class_under_two_envelopes() -> None:
    """A subclass in another format beside its base, under one guard."""

    class FlatChat(ChatSocket):
        envelope = Envelope.flat(type="action")

    routes = [("/ws", ChatSocket), ("/flat", FlatChat)]
    async with GuardKit(routes, registry=Registry.scan("schemas.chat")) as kit:
        plain, flat = await kit.connect("/ws"), await kit.connect("/flat")
        await plain.assert_nothing_received()
        await flat.send_text('{"action":"ping","id":"a"}')

        assert {"action": "pong", "id": "a"} == await flat.receive()


@in_loop
async def test_disconnect_reaches_every_node() -> None:
    """Here before it returns, elsewhere at the next look; what is said is how many there were here."""
    async with (
        chat_kit() as one,
        GuardKit([("/ws", ChatSocket)], registry=CHAT, store=one.store.sibling(), keys=one.keys) as two,
    ):
        two.clock.wall = one.clock.wall
        here, there, bob = (
            await one.connect("/ws"),
            await two.connect("/ws"),
            await two.connect("/ws", subject="bob"),
        )
        assert 1 == await one.guard.disconnect(subject="ann")
        await here.assert_closed(4403)
        back = await one.connect("/ws")
        await two.advance(1)
        await there.assert_closed(4403)
        await one.advance(1)

        for client in (back, bob):
            await client.assert_nothing_received()
