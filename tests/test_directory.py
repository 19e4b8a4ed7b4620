"""An identity's connections are counted on all nodes, for as long as each of them lives."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.kits import CHAT, V1, ChatSocket, in_loop, settled
from tornado_wssec import FirstMessage, Limits, StoreUnavailable
from tornado_wssec.policy.keys import KeyRing
from tornado_wssec.policy.session_directory import Entry
from tornado_wssec.stores.memory import MemoryStore
from tornado_wssec.testing import Client, GuardKit, HandClock
from tornado_wssec.testing.kit import ORIGIN
from tornado_wssec.testing.raw import handshake_headers

CAP = 4
LIMITS = Limits(connections_per_subject=CAP)
LEASE, ALONE = 15, 3


class SometimesDown(MemoryStore):
    """A store in memory that answers nothing about who is connected while it is told not to.

    Attributes:
        is_down: whether it does not answer.
        life: which one of its lives this is.
        calls: what it was asked.
        during: what happens, once, while a call of that name is on its way.
    """

    is_down = False
    life = ""

    def __init__(self, shared: MemoryStore | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.calls: list[str] = []
        self.during: dict[str, Callable[[], Awaitable[None]]] = {}
        self.entered = asyncio.Event()
        if shared is not None:
            self._kept = shared._kept

    async def renew_node(self, node: str, **options: Any) -> Any:
        await self._answer("renew")
        return (await super().renew_node(node, **options))._replace(life=self.life)

    async def enter(self, node: str, entries: Sequence[Entry], **options: Any) -> Any:
        await self._answer("enter")
        self.entered.set()
        return await super().enter(node, entries, **options)

    async def leave(self, node: str, connections: Sequence[str]) -> None:
        await self._answer("leave")
        await super().leave(node, connections)

    async def _answer(self, call: str) -> None:
        self.calls.append(call)
        if (meanwhile := self.during.pop(call, None)) is not None:
            await meanwhile()
        if self.is_down:
            raise StoreUnavailable("it is down")


def node(first: GuardKit | None = None, **options: Any) -> GuardKit:
    """A node of its own store, or of the same as another and with the same clock and keys."""
    clock = HandClock() if first is None else first.clock
    own = SometimesDown(None if first is None else store_of(first), wall=lambda: clock.wall)
    shared: dict[str, Any] = {"store": own, "clock": clock.as_clock()}
    if first is not None:
        shared["keys"] = first.keys
    kit = GuardKit([("/ws", ChatSocket)], **{"limits": LIMITS, "registry": CHAT, **shared, **options})
    kit.clock = clock
    if first is None:
        kit.keys.ring = KeyRing().generate(now=clock.wall)
    return kit


def store_of(kit: GuardKit) -> SometimesDown:
    """Its handle."""
    store = kit.guard.watcher.store
    assert isinstance(store, SometimesDown)
    return store


@asynccontextmanager
async def nodes(count: int = 2, **options: Any) -> AsyncIterator[list[GuardKit]]:
    """So many nodes of one store, which know of each other."""
    async with node(**options) as first:
        if count == 1:
            yield [first]
            return
        async with node(first, **options) as second:
            await look(first, second)
            yield [first, second]


async def look(*kits: GuardKit, seconds: float = 1.0) -> None:
    """Let time pass, and each node look at the store."""
    kits[0].clock.advance(seconds)
    for kit in kits:
        await kit.guard.watcher.catch_up()
        await kit.guard.directory._try_to_look()


async def crowd(kit: GuardKit, count: int, subject: str = "ann") -> list[Client]:
    """Connections of somebody."""
    return [await kit.connect("/ws", subject=subject) for _ in range(count)]


async def stranger(kit: GuardKit) -> Client:
    """A connection of ann's that says so in its first message."""
    client = await kit.connect("/ws", token="", subprotocols=V1)
    await client.send("wssec.auth", {"token": kit.token("ann")})
    return client


async def refused(kit: GuardKit, status: int = 429, subject: str = "ann") -> None:
    """Claim that somebody is not let in."""
    await kit.assert_handshake_refused(status, "/ws", token=kit.token(subject))


async def listed(kit: GuardKit) -> list[Entry]:
    """What the directory knows."""
    entries, _ = await store_of(kit).list_entries(after="", most=1000, now=kit.clock.wall)
    return list(entries)


@in_loop
async def test_identity_has_its_cap_on_all_nodes() -> None:
    """Wherever its connections are; somebody else is not in its way."""
    async with nodes() as [one, two]:
        await crowd(one, CAP - 1)
        await crowd(two, 1)
        await refused(one)
        await refused(two)
        await crowd(two, 1, "bob")


@in_loop
async def test_identity_that_leaves_makes_room_everywhere() -> None:
    """On its own node in the same step, on another once that has been written."""
    async with nodes() as [one, two]:
        ann, *_ = await crowd(one, CAP)
        await ann.close()
        await settled(one, CAP - 1)
        [back] = await crowd(one, 1)
        await back.close()
        await settled(one, CAP - 1)
        await look(one)
        await crowd(two, 1)
        await refused(one)


@in_loop
async def test_identity_races_for_its_last_places() -> None:
    """Of handshakes that arrive together at two nodes as many are let in as may be."""
    async with nodes() as kits:
        token = kits[0].token("ann")
        came = await asyncio.gather(*(kit.handshake("/ws", token=token) for kit in kits * 10))

        assert CAP == sum(answer.status == 101 for _, answer in came)
        assert CAP == sum(len(kit.guard.hub) for kit in kits)


@in_loop
async def test_identity_of_a_first_message_is_counted_on_all_nodes() -> None:
    """As that of a handshake is."""
    async with nodes(authenticators=[FirstMessage()]) as [one, two]:
        for _ in range(CAP):
            await (await stranger(one)).assert_received("wssec.ready")
        await (await stranger(two)).assert_closed(4429)


@in_loop
async def test_anonymous_connections_take_nobodys_place() -> None:
    """They are listed; there is no cap for nobody."""

    class Public(ChatSocket):
        anonymous = True

    async with node() as one:
        one.app.add_handlers(".*", [("/public", Public)])
        for _ in range(CAP + 1):
            await one.connect("/public", token="")
        await look(one)

        assert {(CAP + 1, True)} == {(len(await listed(one)), entry.anonymous) for entry in await listed(one)}


@in_loop
async def test_directory_tells_what_is_known_of_a_connection() -> None:
    """Who, where, since when and until when; a refresh is told, too. Nothing of it is a credential."""
    async with node() as one:
        token = one.token("ann", session="s1", tenant="acme")
        ann = await one.connect("/ws", token=token, subprotocols=V1)
        await look(one)
        [entry] = await listed(one)
        one.clock.advance(4)
        await ann.request("wssec.refresh", {"token": one.token("ann", session="s1", tenant="acme")})
        await look(one)
        [later] = await listed(one)

        assert ("s1", "ann", "acme", "ChatSocket", "127.0.0.1") == (
            entry.session,
            entry.subject,
            entry.tenant,
            entry.endpoint,
            entry.address,
        )
        assert entry.since + 600 == entry.expires_at
        assert entry.expires_at + 5 == later.expires_at
        assert token not in entry.to_json()
        assert entry.node == one.guard.directory.membership.node


@in_loop
async def test_session_has_one_name_in_the_directory_and_on_the_wire() -> None:
    """Also where the token names none: whoever kicks it must find it."""
    async with node() as one:
        ann = await one.connect("/ws", subprotocols=V1)
        ready = await ann.assert_received("wssec.ready")
        [entry] = await listed(one)

        assert ready["session"] == entry.session


@in_loop
async def test_handshake_that_fails_later_gives_its_place_back() -> None:
    """Where the server is full, and where the client has left before its 101."""
    async with nodes(limits=Limits(connections_per_subject=CAP, connections_per_address=2)) as [one, two]:
        await crowd(one, 2, "bob")
        await refused(one)
        for _ in range(CAP):
            await (await one.handshake("/ws", token="x"))[0].close()
        await look(one, two)
        await crowd(two, 2)

        assert ["ann", "ann", "bob", "bob"] == sorted(entry.subject for entry in await listed(one))


@in_loop
async def test_place_that_nobody_occupies_is_given_back() -> None:
    """Whatever has become of a handshake: no place outlives the time that one may take."""
    async with node() as one:
        endpoint = one.guard.reception.endpoint_of(ChatSocket)
        directory, ann = one.guard.directory, one.identity("ann")
        places = [await directory.reserve(ann, "192.0.2.1", endpoint) for _ in range(CAP)]
        await refused(one)
        await look(one, seconds=9)
        assert CAP == len(await listed(one))
        await look(one, seconds=1)
        assert [] == await listed(one)
        directory.release(places[0])
        await crowd(one, CAP)


# --- alone ---


@in_loop
async def test_node_that_is_alone_asks_nobody() -> None:
    """No handshake waits for the store then; the directory knows soon afterwards, and the cap holds."""
    async with node() as one:
        await look(one, seconds=ALONE)
        await look(one)
        store_of(one).calls.clear()
        await crowd(one, CAP)
        await refused(one)
        assert [] == store_of(one).calls
        await look(one, seconds=0.25)

        assert CAP == len(await listed(one))


@in_loop
async def test_connection_of_a_moment_is_never_written() -> None:
    """Who comes and goes between two looks costs the store nothing."""
    async with node() as one:
        await look(one, seconds=ALONE)
        await look(one)
        store_of(one).calls.clear()
        for client in await crowd(one, CAP):
            await client.close()
        await settled(one, 0)
        await look(one, seconds=0.25)

        assert [] == store_of(one).calls


@in_loop
async def test_node_that_joins_waits_until_it_is_noticed() -> None:
    """Until then nobody comes in there; the other one tells who is with it before it stops being alone."""
    async with node() as one:
        await look(one, seconds=ALONE)
        await look(one)
        await crowd(one, CAP)
        async with node(one) as two:
            assert not two.guard.is_ready()
            await refused(two, 503)
            await refused(one)
            await look(one)
            await look(two, seconds=0.1)
            assert two.guard.is_ready()
            await refused(two)
            await crowd(two, 1, "bob")

            assert CAP + 1 == len(await listed(two))


@in_loop
async def test_node_that_joins_waits_no_longer_than_a_dead_one_could_believe() -> None:
    """One that was killed while it was alone keeps nobody out for long; its places stay taken for its lease."""
    async with node() as one:
        await look(one, seconds=ALONE)
        await look(one)
        await crowd(one, CAP)
        await look(one)
        async with node(one) as two:
            await look(two, seconds=ALONE - 0.1)
            await refused(two, 503)
            await look(two, seconds=0.2)
            await refused(two)
            await look(two, seconds=LEASE - ALONE - 0.2)
            await refused(two)
            await look(two, seconds=0.2)
            await crowd(two, CAP)
            await refused(two)


@in_loop
async def test_node_believes_to_be_alone_no_longer_than_it_was_told() -> None:
    """One that stood still does not let anybody in on what it knew before."""
    async with node() as one:
        await look(one, seconds=ALONE)
        await look(one)
        one.clock.advance(ALONE)
        async with node(one) as two:
            await crowd(two, CAP)
            await refused(one)


# --- what fails ---


@in_loop
async def test_lease_that_ended_is_taken_up_under_another_name(caplog: pytest.LogCaptureFixture) -> None:
    """Everybody who is connected is entered again, and counted once."""
    async with nodes() as [one, two]:
        await crowd(one, 3)
        before = one.guard.directory.membership.node
        await look(two, seconds=LEASE)
        assert [] == await listed(two)
        await look(one)
        after = one.guard.directory.membership.node

        assert before != after
        assert [after] * 3 == [entry.node for entry in await listed(two)]
        await crowd(two, CAP - 3)
        await refused(two)
    assert "may have lost node" in caplog.text


@in_loop
async def test_store_that_is_down_leaves_each_node_its_share(caplog: pytest.LogCaptureFixture) -> None:
    """The cap, divided by the nodes last seen; said once. Nobody is closed for it."""
    async with nodes() as [one, two]:
        clients = await crowd(one, 1)
        for kit in (one, two):
            store_of(kit).is_down = True
        clients += await crowd(one, CAP // 2 - 1)
        await refused(one)
        clients += await crowd(two, CAP // 2)
        await refused(two)
        await look(one, two)

        for client in clients:
            await client.assert_nothing_received()
        for kit in (one, two):
            store_of(kit).is_down = False
        await look(one, two)
    told = [line for line in caplog.messages if "session directory does not answer" in line]
    assert 2 == len(told)
    assert 2 == sum("answers again" in line for line in caplog.messages)
    assert "an identity may have 1/2 of its connections here" in told[0]


@in_loop
async def test_store_that_is_back_is_told_everything() -> None:
    """Who came and who went meanwhile; and then the cap holds on all nodes again."""
    async with nodes() as [one, two]:
        ann, *_ = await crowd(one, 2)
        store_of(one).is_down = True
        await ann.close()
        await settled(one, 1)
        await crowd(one, 1)
        await look(one, seconds=5)
        store_of(one).is_down = False
        await look(one, two)

        assert 2 == len(await listed(two))
        await crowd(two, CAP - 2)
        await refused(one)


@in_loop
async def test_store_that_was_away_for_long_is_trusted_only_once_all_are_back() -> None:
    """The first to come back sees an empty directory: until the others have had the time, the share holds there."""
    async with nodes() as [one, two]:
        await crowd(two, CAP)
        for kit in (one, two):
            store_of(kit).is_down = True
        await look(one, two, seconds=LEASE)
        for kit in (one, two):
            store_of(kit).is_down = False
        await look(one)
        assert not one.guard.directory.membership.is_alone
        late = await crowd(one, CAP // 2)
        await refused(one)
        await look(one, two)
        await refused(one)
        await refused(two)

        assert CAP + len(late) == len(await listed(one))


@in_loop
async def test_store_that_is_back_counts_with_whom_it_does_not_know_yet() -> None:
    """Before anybody has looked: who came in by the share is no news to his own node."""
    async with nodes() as [one, two]:
        await crowd(two, CAP // 2)
        store_of(one).is_down = True
        await crowd(one, CAP // 2)
        store_of(one).is_down = False

        await refused(one)


@in_loop
async def test_node_that_stops_being_alone_enters_everybody_first() -> None:
    """Also whom it took in while it was being told: only then may the other take anybody in."""
    async with node() as one:
        await look(one, seconds=ALONE)
        await look(one)
        async with node(one) as two:
            store = store_of(one)
            store.during["renew"] = lambda: taken_in(one)
            store.calls.clear()
            await look(one)
            await look(two, seconds=0.1)

            assert ["renew", "enter", "renew"] == store.calls
            await crowd(two, CAP - 1)
            await refused(two)


async def taken_in(kit: GuardKit) -> None:
    """A connection of ann's opens."""
    await crowd(kit, 1)


@in_loop
async def test_lease_that_ends_during_a_handshake_takes_the_place_along() -> None:
    """It was asked for under a name that is dead by the time of the answer."""
    async with nodes() as [one, two]:

        async def stand_still() -> None:
            await look(two, seconds=LEASE)
            await look(one, seconds=0)

        store_of(one).during["enter"] = stand_still
        await crowd(one, 1)
        await look(one)

        assert [one.guard.directory.membership.node] == [entry.node for entry in await listed(two)]


@in_loop
async def test_handshake_that_is_refused_holds_no_place() -> None:
    """Not for a moment: what was refused must never be entered as a fact later."""
    async with nodes() as [one, two]:
        await crowd(two, CAP)
        await refused(one)

        assert 0 == len(one.guard.directory)


@in_loop
async def test_handshakes_that_race_for_an_address_give_their_places_back() -> None:
    """Whoever finds it full after he was given a place does not keep it."""
    async with nodes(limits=Limits(connections_per_address=1)) as [one, two]:
        store_of(one).during["enter"] = lambda: asyncio.sleep(0.05)
        subjects = ("ann", "bob")
        came = await asyncio.gather(*(one.handshake("/ws", token=one.token(subject)) for subject in subjects))
        await look(one, two)

        assert [101, 429] == sorted(answer.status for _, answer in came)
        assert (1, 1) == (len(one.guard.directory), len(await listed(two)))


@in_loop
async def test_client_that_leaves_before_its_101_gives_its_place_back() -> None:
    """At once, and not when a handshake must be over."""
    async with nodes() as [one, two]:
        raw = await one.raw()

        async def leave() -> None:
            raw.reset()
            await crowd(one, 1, "bob")  # time enough to notice

        store_of(one).during["enter"] = leave
        headers = handshake_headers(one.host, origin=ORIGIN, token=one.token("ann"))
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await raw.upgrade("/ws", headers)
        await settled(one, 1)
        await crowd(one, 1, "bob")
        await look(one, two)

        assert (2, ["bob", "bob"]) == (len(one.guard.directory), [entry.subject for entry in await listed(two)])


@in_loop
async def test_store_that_took_over_is_told_everything() -> None:
    """A replica that has become the primary may lack what came last: each node enters everybody again, once."""
    async with nodes() as [one, two]:
        await crowd(one, 2)
        store, own = store_of(one), one.guard.directory.membership.node
        for life in ("first", "first", "second"):
            store.life = life
            await look(one, two)
        [lost, _] = await listed(one)
        await store.leave(own, [lost.connection])
        store.life = "third"
        await look(one, two)

        assert 2 == len(await listed(two))
        assert own == one.guard.directory.membership.node


@in_loop
async def test_directory_that_lost_an_entry_is_mended() -> None:
    """What a failover forgot is entered again, and what a late answer has left behind is forgotten."""
    async with nodes() as [one, two]:
        await crowd(one, 2)
        store, own = store_of(one), one.guard.directory.membership.node
        [lost, _] = await listed(one)
        await store.leave(own, [lost.connection])
        stray = Entry(connection="stray", node=own, session="s", subject="ann", endpoint="Chat", address="x", since=0.0)
        await store.enter(
            own,
            [
                stray,
            ],
            most=None,
            now=one.clock.wall,
        )
        extra = Entry(connection="extra", node=own, session="s", subject="ann", endpoint="Chat", address="x", since=0.0)
        await store.enter(own, [extra], most=None, now=one.clock.wall)
        for _ in range(6):
            await look(one, two, seconds=10)
        await look(one, two)

        assert {live.place.entry.connection for live in one.guard.hub} == {
            entry.connection for entry in await listed(two)
        }


@in_loop
async def test_node_that_stops_leaves_nothing_behind() -> None:
    """Its places are free at once; nobody waits for its lease."""
    async with node() as one:
        await look(one, seconds=ALONE)
        async with node(one) as two:
            await look(one, two)
            await crowd(two, CAP)
            await refused(one)
        await crowd(one, CAP)

        assert 1 == len(await store_of(one).list_nodes(one.clock.wall))


@in_loop
async def test_mistake_of_ours_does_not_end_the_lease(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged with where it was made, and the next look goes on."""
    async with node() as one:

        async def fail() -> None:
            raise KeyError("private words")

        with caplog.at_level(logging.ERROR), monkeypatch.context() as broken:
            broken.setattr(one.guard.directory, "look", fail)
            await one.guard.directory._try_to_look()
        await look(one)

        assert "following the session directory failed" in caplog.text
        assert "private words" not in caplog.text


@in_loop
async def test_entry_of_an_odd_identity_holds_up_nobody() -> None:
    """What an authenticator of the application's says may be no text that a store keeps: it is cut, and written."""
    async with node() as one:
        await look(one, seconds=ALONE)
        await look(one)
        endpoint = one.guard.reception.endpoint_of(ChatSocket)
        odd = one.identity("ann")
        for name, value in (("tenant", "\ud800" * 5_000), ("expires_at", float("nan")), ("session_id", "é" * 900)):
            object.__setattr__(odd, name, value)
        await one.guard.directory.reserve(odd, "x" * 10_000, endpoint)
        await look(one, seconds=0.25)
        [entry] = await listed(one)

        assert ("?" * 200, "é" * 200, "x" * 200, None) == (entry.tenant, entry.session, entry.address, entry.expires_at)


@in_loop
async def test_directory_follows_by_itself() -> None:
    """After `start` nobody has to look: what a node that is alone has taken in is written beside it."""
    async with node() as one:
        await look(one, seconds=ALONE)
        await look(one)
        await crowd(one, 1)
        assert not store_of(one).entered.is_set()
        follower = asyncio.create_task(one.guard.directory.run())
        await asyncio.wait_for(store_of(one).entered.wait(), 30)
        follower.cancel()
        await asyncio.gather(follower, return_exceptions=True)

        assert 1 == len(await listed(one))
