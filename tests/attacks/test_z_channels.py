"""Lines Z04 to Z09, Z12 and R11 in channels: nobody hears or says what he may not, at any moment."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.kits import GENEROUS, V1, in_loop
from tests.rooms import Told, listener, publication, room_kit
from tornado_wssec import fanout
from tornado_wssec.testing import Client

from .target import LIMITS, error_to
from .test_z_patterns import Z04_PATHS, Z06_WILDCARDS, Z07_LOOK_ALIKES

HI = {"text": "hi"}


async def codes(client: Client, name: str) -> set[str]:
    """What is answered to whoever publishes in a channel of this name, or would listen to it."""
    asked = {"wssec.publish": publication(name, HI, "room.told"), "wssec.subscribe": {"channel": name}}
    answers = [await error_to(client, json.dumps({"type": type, "data": data})) for type, data in asked.items()]
    return {answer["code"] for answer, _ in answers}


@pytest.mark.parametrize("names", [Z04_PATHS, Z06_WILDCARDS, Z07_LOOK_ALIKES], ids=["z04", "z06", "z07"])
@in_loop
async def test_z06_publishing_in_a_channel_that_is_none(names: list[str]) -> None:
    """Climbing, wild or look-alike: to publish is refused to whoever may do everything, and nobody hears it."""
    async with room_kit(limits=LIMITS) as kit:
        ear = await listener(kit, "bob", "tenant:acme:orders", "**", tenant="acme")
        client = await kit.connect("/ws", token=kit.token("ann", ["**"], tenant="acme"))
        for name in names:
            assert (name, set()) == (name, await codes(client, name) - {"permission_denied", "invalid"})

        await ear.assert_nothing_received()


@pytest.mark.parametrize("tenant", ["evil", "acme-2", None])
@in_loop
async def test_z04_channel_of_another_tenant(tenant: str | None) -> None:
    """Whoever belongs elsewhere hears and says nothing there, were everything granted to him."""
    async with room_kit() as kit:
        ear = await listener(kit, "bob", "tenant:acme:orders", tenant="acme")
        eve = await kit.connect("/ws", token=kit.token("eve", ["**"], tenant=tenant))

        assert {"permission_denied"} == await codes(eve, "tenant:acme:orders")
        await kit.guard.publish("tenant:acme:orders", Told, HI)
        await ear.assert_received("room.told")
        await ear.assert_nothing_received()
        await eve.assert_nothing_received()


@pytest.mark.requirement("R045")
@in_loop
async def test_z08_publishing_without_listening_and_the_other_way_round() -> None:
    """Each is a right of its own; a grant for one room says nothing about its siblings."""
    async with room_kit() as kit:
        ear = await listener(kit, "bob", "room:lobby", "room:hear:lobby", "room:note:*")
        mouth = await kit.connect("/ws", permissions=["room:publish:lobby", "room:note:*"])
        note = {"room": "lobby", "text": "hi"}
        await ear.assert_refused("permission_denied", "wssec.publish", publication("room:lobby", note))
        await mouth.assert_refused("permission_denied", "wssec.subscribe", {"channel": "room:lobby"})
        attic = publication("room:attic", {**note, "room": "attic"})
        await mouth.assert_refused("permission_denied", "wssec.publish", attic)

        assert {} == await mouth.request("wssec.publish", publication("room:lobby", note))


@pytest.mark.standard("WebSocket cheat sheet authorisation")
@pytest.mark.requirement("R046")
@in_loop
async def test_z09_right_withdrawn_in_the_middle_of_a_fanout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is asked when his turn comes: who has lost the right by then gets nothing, and listens no more."""
    monkeypatch.setattr(fanout, "SLICE", 1)
    async with room_kit() as kit:
        first, second, third = [await listener(kit, name, "room:lobby") for name in ("a", "b", "c")]
        lives = {live.session.identity.subject: live for live in kit.guard.hub}
        await kit.guard.publish("room:lobby", Told, HI)
        session = lives["b"].session
        session.identity = replace(session.identity, permissions=kit.identity("b", []).permissions)

        for client in (first, third):
            assert HI == await client.assert_received("room.told")
        await second.assert_nothing_received()
        assert (set(), {"room:lobby"}) == (lives["b"].channels, lives["c"].channels)


@pytest.mark.parametrize("how", ["unsubscribe", "close"])
@in_loop
async def test_z09_leaving_in_the_middle_of_a_fanout(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """Nothing is delivered to whoever has left before his turn, and nobody behind him misses it."""
    monkeypatch.setattr(fanout, "SLICE", 1)
    async with room_kit() as kit:
        first, second, third = [await listener(kit, name, "room:lobby") for name in ("a", "b", "c")]
        (live,) = [live for live in kit.guard.hub if live.session.identity.subject == "b"]
        await kit.guard.publish("room:lobby", Told, HI)
        if how == "unsubscribe":
            kit.guard.channels.unsubscribe(live, "room:lobby")
        else:
            await kit.guard.disconnect(subject="b")

        for client in (first, third):
            assert HI == await client.assert_received("room.told")
        if how == "unsubscribe":
            await second.assert_nothing_received()
        else:
            await second.assert_closed(4403)


@pytest.mark.requirement("R045")
@in_loop
async def test_z12_refused_publication_tells_nothing() -> None:
    """The answer has the same bytes whether the channel exists, is somebody else's, takes nothing, or bans him."""
    async with room_kit() as kit:
        client = await kit.connect("/ws", permissions=["room:*:lobby"])
        await kit.guard.moderation.ban("room:lobby", subject="ann")
        names = ("room:lobby", "room:attic", "news", "tenant:acme:orders", "none", "room:*")
        texts = set()
        for name in names:
            data = {"room": name.rpartition(":")[2], "text": "hi"}
            for asked in (publication(name, data), publication(name, HI, "room.told")):
                _, text = await error_to(client, json.dumps({"type": "wssec.publish", "id": "a", "data": asked}))
                if (name, asked["type"]) != (
                    "room:lobby",
                    "room.told",
                ):  # he may publish there, and asks for another type
                    texts.add(text)

        assert 1 == len(texts)


@pytest.mark.requirement("R074")
@in_loop
async def test_r11_one_message_to_many_is_charged_as_many() -> None:
    """A flood of messages to a room of many reaches it as often as the sender's budget of sends allows."""
    limits = replace(GENEROUS, identity_sends_burst=100, identity_sends_per_second=20, rate_refusals_until_close=10)
    async with room_kit(limits=limits) as kit:
        ears = [await listener(kit, f"u{number}", "news") for number in range(20)]
        mouth = await kit.connect("/ws", subprotocols=V1)
        await mouth.assert_received("wssec.ready")
        for _ in range(5 + 11):
            await mouth.send("room.say", {"channel": "news", "text": "hi"}, "a")
        told = [await mouth.receive() for _ in range(5 + 10)]

        assert ["reply"] * 5 + ["rate_limited"] * 10 == [one.get("code", one["type"]) for one in told]
        await mouth.assert_closed(4429)
        for ear in ears:
            for _ in range(5):
                await ear.assert_received("room.told")
            await ear.assert_nothing_received()


# --- tenant isolation as a property ---

TENANTS = ("acme", "evil")
TOPICS = ("a", "b")
GRANTS = (
    "desk:hear:a",
    "desk:hear:b",
    "desk:hear:*",
    "desk:*:a",
    "desk:**",
    "**",
    "desk:hear",
    "desk:hear:**",
    "other:a",
)
People = list[tuple[str | None, list[str]]]
Steps = list[tuple[str, int, Any]]


def may_hear(tenant: str | None, grants: Sequence[str], channel: str) -> bool:
    """What is right, said once more in other words."""
    _, its, topic = channel.split(":")
    wanted = ["desk", "hear", topic]

    def covers(grant: str) -> bool:
        parts = grant.split(":")
        if parts[-1] == "**":
            head = parts[:-1]
            return len(head) < len(wanted) and all(a in ("*", b) for a, b in zip(head, wanted, strict=False))
        return len(parts) == len(wanted) and all(a in ("*", b) for a, b in zip(parts, wanted, strict=True))

    return tenant == its and any(map(covers, grants))


CHANNELS = tuple(f"tenant:{tenant}:{topic}" for tenant in TENANTS for topic in TOPICS)
SOME_GRANTS = st.lists(st.sampled_from(GRANTS), max_size=2, unique=True)
PEOPLE = st.lists(st.tuples(st.sampled_from([*TENANTS, None]), SOME_GRANTS), min_size=2, max_size=3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("subscribe"), st.integers(0, 2), st.sampled_from(CHANNELS)),
        st.tuples(st.just("unsubscribe"), st.integers(0, 2), st.sampled_from(CHANNELS)),
        st.tuples(st.just("grant"), st.integers(0, 2), SOME_GRANTS),
        st.tuples(st.just("ban"), st.integers(0, 2), st.sampled_from(CHANNELS)),
        st.tuples(st.just("publish"), st.just(0), st.sampled_from(CHANNELS)),
    ),
    min_size=8,
    max_size=24,
)


@pytest.mark.requirement("R046")
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(people=PEOPLE, steps=STEPS)
@in_loop
async def test_z04_nothing_is_delivered_without_a_grant_of_the_moment(people: People, steps: Steps) -> None:
    """Whatever tenants, grants, bans and moments: who hears an event listens, belongs there, and may, just then."""
    async with room_kit() as kit:
        tokens = [kit.token(f"u{at}", grants, tenant=tenant) for at, (tenant, grants) in enumerate(people)]
        clients = [await kit.connect("/ws", token=token) for token in tokens]
        rights = [grants for _, grants in people]
        listening: set[tuple[int, str]] = set()
        banned: set[tuple[int, str]] = set()
        for what, number, about in [*steps, *[("publish", 0, channel) for channel in CHANNELS]]:
            at = number % len(people)
            tenant = people[at][0]
            if what == "grant":
                rights[at] = about
                await clients[at].request("wssec.refresh", {"token": kit.token(f"u{at}", about, tenant=tenant)})
                listening = {(who, name) for who, name in listening if may_hear(people[who][0], rights[who], name)}
            elif what == "ban":
                await kit.guard.moderation.ban(about, subject=f"u{at}")
                banned.add((at, about))
                if (at, about) in listening:
                    await clients[at].assert_received("wssec.unsubscribed")
                    listening.discard((at, about))
            elif what == "publish":
                await kit.guard.publish(about, Told, HI)
                for who, client in enumerate(clients):
                    if (who, about) in listening:
                        assert about == (await client.receive())["channel"]
            else:
                await clients[at].send(f"wssec.{what}", {"channel": about}, "q")
                is_let_in = "code" not in await clients[at].answer("q")
                if what == "unsubscribe":
                    listening.discard((at, about))
                else:
                    assert is_let_in == (may_hear(tenant, rights[at], about) and (at, about) not in banned)
                    listening |= {(at, about)} if is_let_in else set()
        for client in clients:
            await client.assert_nothing_received()
