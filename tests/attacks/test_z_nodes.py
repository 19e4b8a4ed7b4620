"""Lines Z09 to Z11, J22 to J24 and R14 over sockets of two servers that share a store and nothing else."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from schemas import chat
from tests.authority import Authority
from tests.kits import CHAT, GENEROUS, ChatSocket, in_loop
from tests.rooms import EVERYTHING, ROOMS, RoomSocket, publication
from tests.stores.kit import PATIENT
from tests.stores.redis_kit import redis_store
from tests.talk import REGISTRY, Script, TalkSocket
from tests.waiting import until
from tornado_wssec.stores.base import Store
from tornado_wssec.stores.sqlite import SqliteStore
from tornado_wssec.testing import Client, GuardKit
from tornado_wssec.testing.clock import NOON

LINE = {"room": "lobby", "text": "hi"}
HOUR = 3_600.0
MakeStore = Callable[[], Store]


@pytest.fixture(params=["sqlite", "redis"])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> MakeStore:
    """Opens one more handle of one store."""
    if request.param == "sqlite":
        return lambda: SqliteStore(tmp_path / "store.db", timeouts=PATIENT)
    url = request.getfixturevalue("redis_url")
    return lambda: redis_store(url, tmp_path)


class Pair:
    """Two servers of one store, each of which follows it by itself; their clocks are turned by hand.

    Args:
        one, two: the servers. What is done is done at `one`.
    """

    def __init__(self, one: GuardKit, two: GuardKit) -> None:
        self.one, self.two = one, two

    async def connect(self, subject: str = "ann", **options: Any) -> list[Client]:
        """Connections with one token, one at each server."""
        token = self.one.token(subject, **options)
        return [await kit.connect("/ws", token=token) for kit in (self.one, self.two)]

    async def refused(self, token: str, status: int = 401) -> None:
        """Claim that neither lets it in."""
        for kit in (self.one, self.two):
            await kit.assert_handshake_refused(status, "/ws", token=token)


@asynccontextmanager
async def pair(
    make_store: MakeStore, *, registry: Any = CHAT, handler: type = ChatSocket, **options: Any
) -> AsyncIterator[Pair]:
    """Two servers that know of each other."""
    await migrated(make_store)
    given = {"handlers": [("/ws", handler)], "registry": registry, "limits": GENEROUS, **options}
    one, two = (GuardKit(store=make_store(), **given) for _ in range(2))
    two.keys.ring = one.keys.ring
    async with one, two:
        for kit in (one, two, one, two):
            kit.clock.advance(5)
            await kit.guard.directory.look()
        following = [asyncio.ensure_future(kit.guard.watcher.run()) for kit in (one, two)]
        try:
            yield Pair(one, two)
        finally:
            for follower in following:
                follower.cancel()
            await asyncio.gather(*following, return_exceptions=True)


async def migrated(make_store: MakeStore) -> None:
    """Make the store."""
    store = make_store()
    await store.migrate(NOON - HOUR)
    await store.close()


def held(kit: GuardKit, subject: str = "ann") -> list[list[str]]:
    """What the connections of somebody may do."""
    return [
        list(live.session.identity.permissions) for live in kit.guard.hub if live.session.identity.subject == subject
    ]


# --- rights ---


@pytest.mark.requirement("R046")
@in_loop
async def test_z09_right_withdrawn_on_every_node(make_store: MakeStore) -> None:
    """Neither the next message nor the next delivery passes, there as here; another's rights stay as they are."""
    authority = Authority(ann=["chat:**"])
    async with pair(make_store, permissions=authority.permissions) as nodes:
        anns, bobs = await nodes.connect(), await nodes.connect("bob", permissions=["chat:**"])
        for client in (*anns, *bobs):
            await client.request("wssec.subscribe", {"channel": "room:lobby"})
        authority.rights["ann"] = ["chat:read:board"]
        assert 1 == await nodes.one.guard.permissions_changed(subject="ann")
        await until(lambda: [["chat:read:board"]] == held(nodes.two))

        for client in anns:
            await client.assert_refused("permission_denied", "chat.send", LINE)
        for kit in (nodes.one, nodes.two):
            await kit.guard.publish("room:lobby", chat.Posted, {**LINE, "author": "x"})
        for client in anns:
            await client.assert_nothing_received()
        for client in bobs:
            await client.assert_received("chat.posted")


@pytest.mark.requirement("R049")
@pytest.mark.parametrize("measure", ["mute", "ban", "kick"])
@in_loop
async def test_r049_moderated_on_every_node(make_store: MakeStore, measure: str) -> None:
    """Whoever is muted, banned or removed at one server is so at the other within a second, and nobody else."""
    async with pair(make_store, registry=ROOMS, handler=RoomSocket) as nodes:
        anns, bobs = await nodes.connect(permissions=EVERYTHING), await nodes.connect("bob", permissions=EVERYTHING)
        for client in (*anns, *bobs):
            await client.request("wssec.subscribe", {"channel": "room:lobby"})
        await getattr(nodes.one.guard.moderation, measure)("room:lobby", subject="ann")
        there, listeners = nodes.two.guard, 2 if measure == "mute" else 1
        await until(
            lambda: (
                listeners == there.channels.listeners("room:lobby")
                and (measure == "kick" or bool(there.moderation.in_force("room:lobby")))
            )
        )

        told = publication("room:lobby", {"room": "lobby", "text": "hi"})
        for ann, bob in zip(anns, bobs, strict=True):
            if measure != "mute":
                await ann.assert_received("wssec.unsubscribed")
            if measure != "kick":
                await ann.assert_refused("permission_denied", "wssec.publish", told)
            await bob.request("wssec.publish", told)


@pytest.mark.requirement("R049")
@in_loop
async def test_r049_moderation_survives_a_restart(make_store: MakeStore) -> None:
    """A server that starts with the store of another knows what was decided there, and what was taken back."""
    async with pair(make_store, registry=ROOMS, handler=RoomSocket) as nodes:
        moderation = nodes.one.guard.moderation
        await moderation.ban("room:*", subject="ann", duration=HOUR)
        await moderation.mute("room:lobby", address="2001:db8::7")
        await moderation.mute("room:lobby", subject="bob")
        await moderation.unmute("room:lobby", subject="bob")
        held = moderation.in_force()
    async with GuardKit([("/ws", RoomSocket)], registry=ROOMS, store=make_store()) as again:
        assert (2, held) == (len(held), again.guard.moderation.in_force())


@pytest.mark.requirement("R034")
@pytest.mark.parametrize("meant", [{"role": "editor"}, {"resource": "lobby"}, {"tenant": "acme"}, {}], ids=str)
@in_loop
async def test_z10_rights_of_many_change(make_store: MakeStore, meant: dict[str, str]) -> None:
    """By a role, by what they are about, by the tenant, or all: every node asks anew about those concerned."""
    authority = Authority(ann={"permissions": ["chat:*:lobby"], "roles": ["editor"]})
    async with pair(make_store, permissions=authority.permissions) as nodes:
        anns = await nodes.connect(tenant="acme")
        authority.rights["ann"] = []
        await nodes.one.guard.permissions_changed(**meant)
        await until(lambda: [[]] == held(nodes.two))

        for client in anns:
            await client.assert_refused("permission_denied", "chat.send", LINE)


@pytest.mark.requirement("R034")
@in_loop
async def test_z10_account_disabled(make_store: MakeStore) -> None:
    """Who may not be connected any more is not, on any node, and comes in nowhere with the token that is still good."""
    authority = Authority()
    async with pair(make_store, revalidate=authority.revalidate) as nodes:
        token = nodes.one.token("ann")
        anns = [await kit.connect("/ws", token=token) for kit in (nodes.one, nodes.two)]
        (_, bob) = await nodes.connect("bob")
        authority.verdicts["ann"] = False
        await nodes.one.guard.permissions_changed(subject="ann")

        for client in anns:
            await client.assert_closed(4403)
        await nodes.refused(token)
        await bob.assert_nothing_received()


@pytest.mark.requirement("R034")
@pytest.mark.parametrize("cause", ["logout", "password change", "tenant", "kick"])
@in_loop
async def test_z10_ended_from_elsewhere(make_store: MakeStore, cause: str) -> None:
    """4403 on every node, and nobody else's connection ends."""
    async with pair(make_store) as nodes:
        anns = await nodes.connect(tenant="acme", session="login-1")
        bobs = await nodes.connect("bob", tenant="other", session="login-2")
        guard = nodes.one.guard
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "logout": lambda: guard.revoke(session="login-1"),
            "password change": lambda: guard.revoke(subject="ann"),
            "tenant": lambda: guard.revoke(tenant="acme"),
            "kick": lambda: guard.disconnect(subject="ann"),
        }
        await calls[cause]()

        for client in anns:
            assert "access revoked" == await client.assert_closed(4403)
        for client in bobs:
            await client.assert_nothing_received()


@pytest.mark.requirement("R043")
@in_loop
async def test_z11_right_withdrawn_behind_a_slow_handler(make_store: MakeStore) -> None:
    """What was validated and allowed, and waited for its turn, is judged again when that comes."""
    script, authority = Script(), Authority(ann=["talk:guarded"])
    script.do = script.wait
    options: dict[str, Any] = {"registry": REGISTRY, "handler": TalkSocket, "app_settings": {"script": script}}
    async with pair(make_store, permissions=authority.permissions, **options) as nodes:
        client = await nodes.two.connect("/ws")
        await client.send("talk.do", {"what": "slow"}, "slow")
        await script.entered.wait()
        await client.send("talk.guarded", {}, "guarded")
        await client.assert_nothing_received()
        authority.rights["ann"] = []
        await nodes.one.guard.permissions_changed(subject="ann")
        await until(lambda: [[]] == held(nodes.two))
        script.go_on.set()

        assert "reply" == (await client.answer("slow"))["type"]
        assert "permission_denied" == (await client.answer("guarded"))["code"]
        assert ["slow"] == [told for told in script.told if not isinstance(told, tuple)]


@in_loop
async def test_z11_revoked_behind_a_slow_handler(make_store: MakeStore) -> None:
    """Nothing that waited is handled once its sender has been revoked elsewhere."""
    script = Script()
    script.do = script.wait
    options: dict[str, Any] = {"registry": REGISTRY, "handler": TalkSocket, "app_settings": {"script": script}}
    async with pair(make_store, **options) as nodes:
        client = await nodes.two.connect("/ws", permissions=["talk:guarded"])
        await client.send("talk.do", {"what": "slow"}, "slow")
        await script.entered.wait()
        for number in range(5):
            await client.send("talk.guarded", {}, f"g{number}")
        await client.assert_nothing_received()
        await nodes.one.guard.revoke(subject="ann")
        await client.assert_closed(4403)
        script.go_on.set()
        await script.left.wait()

        assert ["slow"] == [told for told in script.told if not isinstance(told, tuple)]


# --- tokens and keys ---


@pytest.mark.parametrize("named", ["token", "subject", "key"])
@in_loop
async def test_j22_revoked_on_every_node(make_store: MakeStore, named: str) -> None:
    """Its connections end, it opens none again on either, and what is not named goes on."""
    async with pair(make_store) as nodes:
        old = nodes.one.keys.ring.current
        token = nodes.one.token("ann", token_id="t-1")
        anns = [await kit.connect("/ws", token=token) for kit in (nodes.one, nodes.two)]
        rotated = nodes.one.keys.ring.rotate(nodes.one.clock.wall, nodes.one.guard.rules.max_lifetime)
        for kit in (nodes.one, nodes.two):
            kit.keys.ring = rotated
            await kit.guard.keeper.look()
        bobs = await nodes.connect("bob")
        meant: dict[str, Any] = {"token": "t-1", "subject": "ann", "key": old.kid}
        await nodes.one.guard.revoke(**{named: meant[named]})

        for client in anns:
            await client.assert_closed(4403)
        await nodes.refused(token)
        for client in bobs:
            await client.assert_nothing_received()


@pytest.mark.requirement("R081")
@in_loop
async def test_j23_compromised_key_on_every_node(make_store: MakeStore) -> None:
    """What one node publishes of its keys closes the connections of all; what a good key signed goes on."""
    async with pair(make_store) as nodes:
        old, now = nodes.one.keys.ring.current, nodes.one.clock.wall
        token = nodes.one.token("ann")
        anns = [await kit.connect("/ws", token=token) for kit in (nodes.one, nodes.two)]
        rotated = nodes.one.keys.ring.rotate(now, nodes.one.guard.rules.max_lifetime)
        nodes.one.keys.ring = rotated
        await nodes.one.guard.keeper.look()
        store = nodes.one.guard.watcher.store
        await store.publish_keys(json.dumps(rotated.public_document()))
        await until(lambda: nodes.two.guard.keeper.ring.verifying(rotated.current.kid, now) is not None)
        bobs = await nodes.connect("bob")
        compromised = rotated.retire(old.kid, now, compromised=True)
        await store.publish_keys(json.dumps(compromised.public_document()))

        for client in anns:
            await client.assert_closed(4403)
        await nodes.refused(token)
        for client in bobs:
            await client.assert_nothing_received()


@pytest.mark.requirement("R031")
@in_loop
async def test_j24_replaced_token_is_dead_for_its_session(make_store: MakeStore) -> None:
    """Revoking the old one elsewhere ends nothing, revoking the new one does; the old one takes nothing back."""
    async with pair(make_store) as nodes:
        old, new = nodes.one.token("ann", ["chat:**"], token_id="old"), nodes.one.token("ann", token_id="new")
        refreshed, twice = [await nodes.two.connect("/ws", token=old) for _ in "ab"]
        marker = await nodes.two.connect("/ws", token=nodes.one.token("eve", token_id="marker"))
        for client in (refreshed, twice):
            assert {"expires_in": 600.0} == await client.request("wssec.refresh", {"token": new})
            await client.assert_refused("permission_denied", "chat.send", LINE)
        await twice.request("wssec.refresh", {"token": new})
        await twice.send("wssec.refresh", {"token": old})
        assert "not authenticated" == await twice.assert_closed(4401)

        await nodes.one.guard.revoke(token="old")
        await nodes.one.guard.revoke(token="marker")
        await marker.assert_closed(4403)
        await refreshed.assert_nothing_received()
        await nodes.one.guard.revoke(token="new")
        await refreshed.assert_closed(4403)


# --- clocks ---


@pytest.mark.parametrize("step", [-HOUR, HOUR])
@in_loop
async def test_r14_revocation_reaches_a_node_whose_clock_is_wrong(make_store: MakeStore, step: float) -> None:
    """A clock that was set neither puts a revocation off, nor ends anybody who is not named."""
    async with pair(make_store) as nodes:
        anns, bobs = await nodes.connect(), await nodes.connect("bob")
        nodes.two.clock.step_wall(step)
        nodes.two.guard.tick(nodes.two.clock.monotonic)
        await nodes.one.guard.revoke(subject="ann")

        for client in anns:
            await client.assert_closed(4403)
        for client in bobs:
            await client.assert_nothing_received()


@pytest.mark.parametrize("step", [-HOUR, HOUR])
@in_loop
async def test_r14_session_ends_when_it_would_have(make_store: MakeStore, step: float) -> None:
    """The end of a token, once taken over, goes by the other clock: a step revives nobody and kills nobody."""
    async with pair(make_store) as nodes:
        (_, client) = await nodes.connect()
        (live,) = nodes.two.guard.hub
        nodes.two.clock.step_wall(step)
        for seconds in (600.0, 24.5):
            nodes.two.clock.advance(seconds)
            live.lifetime.saw_life(nodes.two.clock.monotonic)
            nodes.two.guard.hub.sweep(nodes.two.clock.monotonic)
            assert not live.session.is_closing
        nodes.two.clock.advance(0.5)
        nodes.two.guard.hub.sweep(nodes.two.clock.monotonic)

        await client.assert_closed(4001)
