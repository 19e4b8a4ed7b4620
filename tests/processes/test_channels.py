"""Channels over servers that are processes: one order, nothing twice, nothing missing unsaid, whoever is killed."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.redis_server import Binary, RedisServer
from tests.stores.kit import in_loop
from tests.stores.redis_kit import prefix_of
from tornado_wssec.stores.redis_broker import STEADY_SECONDS

from .churn import churn
from .faulty import faulty_life, life_with_failovers
from .records import LEASE_SECONDS
from .sharing import environment_of, make_store, several, sharing
from .test_quotas import wssec
from .witnesses import Crowd, Witness, everywhere

RECORDS = "tests.processes.records"
KINDS = ("kept:a", "plain:a")
FAULTY_SECONDS = 8.0
TAKING_TURNS_SECONDS = 4.0
CHURNED = 2_000
A_SECOND = 1.0
"""Within which all servers agree: it is what is promised, so here a time is claimed."""


@pytest.fixture
def shared(redis_url: str, tmp_path: Path) -> dict[str, str]:
    """What servers have in common."""
    return environment_of(f"{redis_url}?prefix={prefix_of(tmp_path)}", tmp_path)


@in_loop
async def test_channels_have_one_order_over_processes(shared: dict[str, str]) -> None:
    """Of what many say at once at four servers: everybody hears all of it, once, and all in the same order."""
    await make_store(shared)
    async with Crowd(shared) as crowd, several(4, shared, RECORDS) as servers:
        witnesses = await everywhere(crowd, servers, 2, *KINDS)

        async def speak(witness: Witness, number: int) -> None:
            for text in range(25):
                for kind in KINDS:
                    assert await witness.say(kind, f"{number}.{text}")

        await asyncio.gather(*(speak(witness, number) for number, witness in enumerate(witnesses)))
        for kind in KINDS:
            for witness in witnesses:
                await witness.hears(kind, "0.24")
                await witness.hears_of(kind, 25 * len(witnesses))
            heard = [witness.heard[kind] for witness in witnesses]
            assert all(one == heard[0] for one in heard)
            assert 25 * len(witnesses) == len(set(heard[0]))
        assert all(witness.seqs["kept:a"] == sorted(set(witness.seqs["kept:a"])) for witness in witnesses)


@in_loop
async def test_channels_survive_a_killed_process(shared: dict[str, str]) -> None:
    """Who was on it goes on at another, with everything of the channel that is kept, once and in order."""
    await make_store(shared)
    async with Crowd(shared) as crowd, several(2, shared, RECORDS) as [dying, living]:
        moving, staying = await crowd.at(dying, "ann", *KINDS), await crowd.at(living, "bob", *KINDS)
        for number in range(5):
            assert await staying.say("kept:a", f"0.{number}")
        await moving.hears("kept:a", "0.4")
        dying.process.kill()
        await dying.process.wait()
        for number in range(5, 10):
            assert await staying.say("kept:a", f"0.{number}")
        await moving.leave()
        await moving.connect(living)
        await moving.listen("kept:a")
        await staying.say("kept:a", "0.10")
        await moving.hears("kept:a", "0.10")

        assert [f"0.{number}" for number in range(11)] == moving.heard["kept:a"] == staying.heard["kept:a"]


async def presence(witness: Witness) -> list[str]:
    """Who is there, as one server says."""
    answer = await witness.ask("who", {"channel": "room:a"})
    found: list[str] = answer["data"]["subjects"]
    return found


async def agree(witnesses: list[Witness], expected: list[str]) -> float:
    """Return how many seconds it took until all servers said the same."""
    began = time.monotonic()
    async with asyncio.timeout(60):
        while any([await presence(one) != expected for one in witnesses]):  # noqa: ASYNC110 -- nobody tells
            await asyncio.sleep(0.02)
    return time.monotonic() - began


@in_loop
async def test_presence_agrees_over_processes(shared: dict[str, str]) -> None:
    """Within a second, also after kill -9 of one, long before its lease. Each coming and going is told once to all.

    Two come and two are killed, and the quicker counts: the machine itself may stand still for a while.
    """
    await make_store(shared)
    async with Crowd(shared) as crowd, several(4, shared, RECORDS) as [one, two, dying, next_dying]:
        ann, bob = await crowd.at(one, "ann", "room:a"), await crowd.at(two, "bob", "room:a")
        await agree([ann, bob], ["ann", "bob"])
        await ann.hears("room:a", "+bob")
        also, eve = await crowd.at(dying, "bob", "room:a"), await crowd.at(dying, "eve", "room:a")
        took = await agree([ann, bob, eve], ["ann", "bob", "eve"])
        joe = await crowd.at(next_dying, "joe", "room:a")
        took = min(took, await agree([ann, bob, eve, joe], ["ann", "bob", "eve", "joe"]))
        await asyncio.sleep(STEADY_SECONDS)  # from then on the others look at its connections
        dying.process.kill()
        after = await agree([ann, bob, joe], ["ann", "bob", "joe"])
        next_dying.process.kill()
        after = min(after, await agree([ann, bob], ["ann", "bob"]))
        await ann.hears("room:a", "-eve")
        await ann.hears("room:a", "-joe")

        assert [] == [text for text in ann.heard["room:a"] if text == "-bob"]
        for text in ("+bob", "+eve", "-eve", "+joe", "-joe"):
            assert 1 == ann.heard["room:a"].count(text)
        assert took < A_SECOND
        assert after < A_SECOND < LEASE_SECONDS
        assert also.subject == "bob"


@in_loop
async def test_moderation_agrees_over_processes(shared: dict[str, str]) -> None:
    """Who is banned by a command is out within a second, and kept out, on every server; after kill -9 of one, too.

    Two are banned, and the quicker counts, as above.
    """
    await make_store(shared)
    async with Crowd(shared) as crowd, several(3, shared, RECORDS) as [one, two, dying]:
        ends = [await crowd.at(server, "ann", "room:a") for server in (one, two, dying)]
        bob, joe = await crowd.at(one, "bob", "room:a"), await crowd.at(two, "joe", "room:a")
        await crowd.at(two, "eve", "room:a")
        await asyncio.sleep(STEADY_SECONDS)  # from then on the others look at its connections
        dying.process.kill()
        await dying.process.wait()
        await wssec(shared, "channels", "ban", "room:a", "--subject", "ann", "--yes")
        took = await agree([bob, joe], ["bob", "eve", "joe"])
        await wssec(shared, "channels", "ban", "room:a", "--subject", "eve", "--yes")
        took = min(took, await agree([bob, joe], ["bob", "joe"]))

        assert took < A_SECOND
        for end in ends[:2]:
            answer = await end.ask("wssec.subscribe", {"channel": "room:a"})
            assert "permission_denied" == answer.get("code")


@in_loop
async def test_channels_under_random_faults(own_redis: RedisServer, tmp_path: Path) -> None:
    """Redis is killed, frozen and cut off at random while three servers talk: see `faulty_life`."""
    facts = await faulty_life(own_redis, tmp_path, seed=1, seconds=FAULTY_SECONDS)

    assert facts.faults > 0
    assert facts.heard > 0


@in_loop
async def test_channels_under_random_failovers(redis_binary: Binary, tmp_path: Path) -> None:
    """Two servers take turns as the primary, are killed, frozen and cut off at random: see `life_with_failovers`."""
    facts = await life_with_failovers(redis_binary, tmp_path, seed=1, seconds=TAKING_TURNS_SECONDS)

    assert facts.faults > 0
    assert facts.gaps > 0
    assert facts.heard > 0


@pytest.mark.requirement("R074")
@in_loop
async def test_channels_joined_and_left_leave_no_trace(own_redis: RedisServer, tmp_path: Path) -> None:
    """A thousand a second, if the machine can: nothing stays in the server, and nothing in Redis."""
    left = await churn(own_redis, tmp_path, channels=CHURNED)

    assert 0 == left.kept_here
    assert [] == left.keys
    assert 0 == left.subscriptions


@in_loop
async def test_channels_of_a_process_that_stops_are_left(shared: dict[str, str]) -> None:
    """It says goodbye for those who were there, and nobody waits for its lease."""
    await make_store(shared)
    async with Crowd(shared) as crowd, sharing(shared, RECORDS) as living:
        ann = await crowd.at(living, "ann", "room:a")
        async with sharing(shared, RECORDS) as leaving:
            await crowd.at(leaving, "bob", "room:a")
            await agree([ann], ["ann", "bob"])
        assert ["ann"] == await presence(ann)
