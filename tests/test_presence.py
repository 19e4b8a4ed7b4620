"""Who is in a channel that tells it, and when the application hears of it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from marshmallow import fields, validate

from tests.kits import GENEROUS, in_loop, settled
from tests.waiting import until
from tornado_wssec import (
    PUBLIC,
    Channel,
    ConfigurationError,
    Message,
    Present,
    Registry,
    SecureWebSocketHandler,
    Timeouts,
    on,
    presence,
)
from tornado_wssec.errors import StoreUnavailable
from tornado_wssec.testing import Client, GuardKit
from tornado_wssec.testing.kit import ISSUER


class WhoIs(Message):
    """Ask who is there."""

    class Meta:
        type = "who"
        permission = PUBLIC

    channel = fields.String(required=True, validate=validate.Length(max=32))


class Room(Channel):
    """One that tells."""

    class Meta:
        pattern = "room:{name}"
        subscribe = "hear:{name}"
        presence = True

    name = fields.String(required=True, validate=validate.Regexp(r"[a-z]{1,8}\Z"))


class Secret(Channel):
    """One that does not."""

    class Meta:
        pattern = "secret"
        subscribe = PUBLIC


class Socket(SecureWebSocketHandler):
    """Asks for its client."""

    @on(WhoIs)
    async def tell(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"subjects": [who.subject for who in await self.present(data["channel"])]}


class Visitors(Socket):
    """Lets anybody in."""

    anonymous = True


PLACES = Registry(WhoIs, Room, Secret)
Move = tuple[str, str, bool]


def place_kit(**options: Any) -> GuardKit:
    """A kit with both channels."""
    handlers = [(r"/ws", Socket), (r"/anybody", Visitors)]
    return GuardKit(handlers, **{"registry": PLACES, "limits": GENEROUS, **options})


async def come(kit: GuardKit, subject: str, channel: str = "room:a") -> Client:
    """Somebody who listens."""
    client = await kit.connect("/ws", subject=subject, permissions=("hear:*",))
    await client.request("wssec.subscribe", {"channel": channel})
    return client


def writing(moves: list[Move]) -> Callable[[str, Present, bool], Awaitable[None]]:
    """A hook that writes down what it is told."""

    async def hook(channel: str, who: Present, is_here: bool) -> None:
        moves.append((channel, who.subject, is_here))

    return hook


async def told(moves: list[Move], count: int) -> list[Move]:
    """What has been written down once there is so much."""
    await until(lambda: len(moves) >= count)
    return moves


@in_loop
async def test_presence_by_identity() -> None:
    """Somebody is there from his first connection to his last, however it ends."""
    moves: list[Move] = []
    async with place_kit(presence=writing(moves)) as kit:
        ann, again, bob = [await come(kit, subject) for subject in ("ann", "ann", "bob")]
        here = await kit.guard.present("room:a")
        await ann.close()
        bob.socket.reset()
        await settled(kit, 1)
        left = await kit.guard.present("room:a")
        await again.request("wssec.unsubscribe", {"channel": "room:a"})

        assert [Present("ann", ISSUER), Present("bob", ISSUER)] == list(here)
        assert [Present("ann", ISSUER)] == list(left)
        assert [] == list(await kit.guard.present("room:a"))
        expected = [("ann", True), ("bob", True), ("bob", False), ("ann", False)]
        assert [("room:a", *move) for move in expected] == await told(moves, 4)


@pytest.mark.requirement("R046")
@in_loop
async def test_presence_is_told_to_those_who_may_listen() -> None:
    """The names of a room are for who may be in it; whether there is another one, nobody learns."""
    async with place_kit() as kit:
        await come(kit, "ann")
        outsider = await kit.connect("/ws", permissions=("hear:b",))
        insider = await kit.connect("/ws", permissions=("hear:a",))

        await outsider.assert_refused("permission_denied", "who", {"channel": "room:a"})
        await outsider.assert_refused("permission_denied", "who", {"channel": "nowhere"})
        assert {"subjects": ["ann"]} == await insider.request("who", {"channel": "room:a"})


@pytest.mark.parametrize("channel", ["secret", "nowhere"])
@in_loop
async def test_presence_that_is_not_declared(channel: str) -> None:
    """Who listens to a channel that does not tell it is nobody's business."""
    async with place_kit() as kit:
        await come(kit, "ann", "secret")

        with pytest.raises(ConfigurationError, match="presence = True"):
            await kit.guard.present(channel)


@in_loop
async def test_presence_of_nobody_in_particular() -> None:
    """Strangers are not listed: none of them is anybody."""
    async with place_kit() as kit:
        client = await kit.connect("/anybody", permissions=("hear:*",))
        socket, _ = await kit.handshake("/anybody")
        stranger = Client(socket, None)
        await client.request("wssec.subscribe", {"channel": "room:a"})
        await stranger.assert_refused("permission_denied", "wssec.subscribe", {"channel": "room:a"})

        assert ["ann"] == [who.subject for who in await kit.guard.present("room:a")]


@in_loop
async def test_presence_that_cannot_be_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client is told that it is unavailable, and stays connected."""

    async def fail(channel: str) -> None:
        raise StoreUnavailable("down")

    async with place_kit() as kit:
        client = await come(kit, "ann")
        monkeypatch.setattr(kit.guard.channels.broker, "present", fail)

        await client.assert_refused("unavailable", "who", {"channel": "room:a"})


@in_loop
async def test_presence_hook_is_paid_for_by_who_comes_and_goes() -> None:
    """Twice by listener for a coming and the going after it: toggling buys no more sends than publishing does."""
    moves: list[Move] = []
    few = replace(GENEROUS, identity_sends_burst=10, identity_sends_per_second=5)
    async with place_kit(presence=writing(moves), limits=few) as kit:
        for subject in ("bob", "eve"):
            await come(kit, subject)
        ann = await kit.connect("/ws", permissions=("hear:*",))
        for _ in range(2):
            await ann.request("wssec.subscribe", {"channel": "room:a"})
            await ann.request("wssec.unsubscribe", {"channel": "room:a"})
        refused = await ann.assert_refused("rate_limited", "wssec.subscribe", {"channel": "room:a"})

        assert 0.4 == pytest.approx(refused["retry_after"])
        assert {} == await ann.request("wssec.subscribe", {"channel": "room:b"})
        kit.clock.advance(1)
        assert {} == await ann.request("wssec.subscribe", {"channel": "room:a"})


@in_loop
async def test_presence_without_a_hook_costs_nothing() -> None:
    """Nobody is told anything then."""
    few = replace(GENEROUS, identity_sends_burst=1, identity_sends_per_second=1)
    async with place_kit(limits=few) as kit:
        await come(kit, "bob")
        ann = await kit.connect("/ws", permissions=("hear:*",))
        for _ in range(5):
            await ann.request("wssec.subscribe", {"channel": "room:a"})
            await ann.request("wssec.unsubscribe", {"channel": "room:a"})

        assert ["bob"] == [who.subject for who in await kit.guard.present("room:a")]


@in_loop
async def test_presence_hook_that_fails_or_hangs(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged without what it said, and the next one is told all the same, in order."""
    moves: list[Move] = []

    async def hook(channel: str, who: Present, is_here: bool) -> None:
        moves.append((channel, who.subject, is_here))
        if who.subject == "ann":
            raise ValueError("hunter2")
        if who.subject == "bob":
            await asyncio.Event().wait()

    async with place_kit(presence=hook, timeouts=Timeouts(handler=0.05)) as kit:
        with caplog.at_level(logging.ERROR):
            for subject in ("ann", "bob", "eve"):
                await come(kit, subject)
            await told(moves, 3)

        assert ["ann", "bob", "eve"] == [subject for _, subject, _ in moves]
        assert "the hook presence= failed: ValueError" in caplog.text
        assert "the hook presence= took longer than 0.05 s" in caplog.text
        assert "hunter2" not in caplog.text
    caplog.clear()


@in_loop
async def test_presence_hook_that_hangs_holds_up_no_stop(caplog: pytest.LogCaptureFixture) -> None:
    """A server that stops waits for one call, not for all that wait behind it; the log says how many are left out."""
    begun: list[str] = []

    async def hang(channel: str, who: Present, is_here: bool) -> None:
        begun.append(who.subject)
        await asyncio.sleep(3_600)

    teller = presence.PresenceTeller(hang, 0.05)
    for number in range(100):
        teller.tell("room:a", Present(f"u{number}"), True)
    await asyncio.sleep(0)
    await teller.stop()

    assert begun == [f"u{number}" for number in range(len(begun))]
    assert len(begun) <= 2
    assert "are not told, since the server stops" in caplog.text
    caplog.clear()


@in_loop
async def test_presence_hook_that_is_too_slow(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """So many comings and goings wait; further ones are left out, and the log says so once."""
    monkeypatch.setattr(presence, "WAITING_MOST", 2)
    moves: list[Move] = []
    teller = presence.PresenceTeller(writing(moves), 1.0)
    for number in range(5):
        teller.tell("room:a", Present(f"u{number}"), True)
    await teller.stop()
    teller.tell("room:a", Present("u9"), True)
    await teller.stop()

    assert ["u0", "u1", "u9"] == [subject for _, subject, _ in moves]
    assert 1 == caplog.text.count("the hook presence= is too slow")
    caplog.clear()
