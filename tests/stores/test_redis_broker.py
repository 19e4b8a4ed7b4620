"""The broker between nodes, on each server that is here; and when the server does not do what it should."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.redis_server import RedisServer
from tests.waiting import until, until_found
from tornado_wssec.errors import StoreCorrupt, StoreUnavailable
from tornado_wssec.policy.broker import Broadcast, Kept
from tornado_wssec.settings import Timeouts
from tornado_wssec.stores import redis_broker
from tornado_wssec.stores.redis_broker import RedisBroker
from tornado_wssec.stores.redis_url import Manner, parse_redis_url

from .broker_contract import ANN, BOB, NodesContract
from .broker_kit import KEPT, Heard, Node, running, said
from .kit import PATIENT, in_loop
from .redis_kit import prefix_of

BRISK = Timeouts(store_call=30.0, node_lease=2.0, node_alone=1.0, node_renewal=0.5)


def broker_at(url: str, place: Path, name: str, heard: Heard, timeouts: Timeouts = PATIENT) -> RedisBroker:
    """A broker of this folder's nodes."""
    joint = "&" if "?" in url else "?"
    return RedisBroker(parse_redis_url(f"{url}{joint}prefix={prefix_of(place)}"), name, heard, timeouts)


@asynccontextmanager
async def nodes_at(url: str, place: Path, count: int, timeouts: Timeouts = PATIENT) -> AsyncIterator[list[Node]]:
    """Nodes that have started."""
    heard = [Heard() for _ in range(count)]
    async with running(
        *[(broker_at(url, place, f"n{at}", one, timeouts), one) for at, one in enumerate(heard)]
    ) as nodes:
        yield nodes


class TestRedisBroker(NodesContract):
    """The contract."""

    url: str

    @pytest.fixture(autouse=True)
    def _server(self, each_redis: RedisServer) -> None:
        self.url = each_redis.url

    def new(self, place: Path, name: str, heard: Heard) -> RedisBroker:
        return broker_at(self.url, place, name, heard)


def subscribers(server: RedisServer, channel: str, place: Path) -> int:
    """Connections that the server sends a channel to, of whichever kind."""
    name = f"{{{prefix_of(place)}}}:say:{channel}"
    told = [server.ask("PUBSUB", verb, name) for verb in ("NUMSUB", "SHARDNUMSUB")]
    return sum(int(one.rstrip().rpartition(":")[2]) for one in told if one.startswith("*"))


@pytest.mark.requirement("R074")
@in_loop
async def test_redis_broker_subscribes_where_somebody_listens(each_redis: RedisServer, tmp_path: Path) -> None:
    """Only nodes with listeners are sent a channel's traffic, sharded where the server can."""
    async with nodes_at(each_redis.url, tmp_path, 3) as [one, two, _]:
        await one.want()
        await one.want()
        await two.want()
        counts = [subscribers(each_redis, "room:a", tmp_path)]
        one.broker.unwant("room:a")
        two.broker.unwant("room:a")
        await until(lambda: subscribers(each_redis, "room:a", tmp_path) == 1)
        one.broker.unwant("room:a")
        await until(lambda: subscribers(each_redis, "room:a", tmp_path) == 0)

        assert [2] == counts
        kinds = each_redis.ask("COMMAND", "INFO", "SPUBLISH")
        await one.want()
        verb = "CHANNELS" if "spublish" not in kinds else "SHARDCHANNELS"
        assert f"{{{prefix_of(tmp_path)}}}:say:room:a" in each_redis.ask("PUBSUB", verb)


@in_loop
async def test_redis_broker_counts_listeners(each_redis: RedisServer, tmp_path: Path) -> None:
    """For the operator: of each channel and node; who has gone counts no more, nor does a node that has stopped."""
    async with nodes_at(each_redis.url, tmp_path, 1) as [staying]:
        assert isinstance(staying.broker, RedisBroker)
        heard = Heard()
        async with running((broker_at(each_redis.url, tmp_path, "other", heard), heard)) as [other]:
            for node, channel in ((staying, "room:a"), (staying, "room:a"), (staying, "room:b"), (other, "room:a")):
                await node.want(channel)
            expected = {"room:a": {"n0": 2, "other": 1}, "room:b": {"n0": 1}}
            await until_found(expected, staying.broker.listeners)
            staying.broker.unwant("room:a")
            staying.broker.unwant("room:b")

        await until_found({"room:a": {"n0": 1}}, staying.broker.listeners)


def cut(server: RedisServer) -> None:
    """Break every connection that hears."""
    server.ask("CLIENT", "KILL", "TYPE", "pubsub")


@in_loop
async def test_redis_broker_tells_of_a_gap(each_redis: RedisServer, tmp_path: Path) -> None:
    """A broken link is mended, and what it may have cost is told, once, before anything that came later."""
    async with nodes_at(each_redis.url, tmp_path, 2) as [one, two]:
        await one.want()
        await two.want("room:b")
        await two.say("before")
        await one.hears("before")
        cut(each_redis)
        await one.hears("before", "gap")
        await two.say("after")

        await one.hears("before", "gap", "after")
        await two.hears("gap", channel="room:b")


@in_loop
async def test_redis_broker_mends_what_is_kept(each_redis: RedisServer, tmp_path: Path) -> None:
    """Nothing is missing of what was said while a link was broken, and nothing comes twice; no gap is told."""
    async with nodes_at(each_redis.url, tmp_path, 2) as [one, two]:
        await one.want(kept=KEPT)
        texts = [str(number) for number in range(60)]
        for number, text in enumerate(texts):
            await two.say(text, kept=KEPT)
            if number % 20 == 10:
                cut(each_redis)

        await one.hears(*texts)
        assert [] == one.heard.gaps


@in_loop
async def test_redis_broker_tells_of_a_gap_that_history_cannot_mend(each_redis: RedisServer, tmp_path: Path) -> None:
    """More was said than is kept while the link was broken."""
    kept = Kept(3, 60.0)
    async with nodes_at(each_redis.url, tmp_path, 2) as [one, two]:
        await one.want(kept=kept)
        name = f"{{{prefix_of(tmp_path)}}}:say:room:a"
        assert isinstance(one.broker, RedisBroker)
        one.broker._ear.drop(name)  # deaf for a while, as behind a broken link
        await until(lambda: subscribers(each_redis, "room:a", tmp_path) == 0)
        for text in "abcde":
            await two.say(text, kept=kept)
        one.broker._ear.wish(name)
        await until(lambda: subscribers(each_redis, "room:a", tmp_path) == 1)
        await two.say("f", kept=kept)
        await two.say("g", kept=kept)

        await until(lambda: one.heard.texts()[-1:] == ["g"])
        assert ["gap", *"efg"] == one.heard.texts()


@in_loop
async def test_redis_broker_says_when_it_cannot_publish(own_redis: RedisServer, tmp_path: Path) -> None:
    """Within its budget; a channel that is wanted meanwhile is not had; it comes back by itself, and says so."""
    async with nodes_at(own_redis.url, tmp_path, 1, Timeouts()) as [node]:
        await node.want()
        own_redis.stop()
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                await node.say("lost")
            with pytest.raises(StoreUnavailable, match=r"did not confirm within 0\.25 s"):
                await node.want("room:b")
            node.broker.unwant("room:b")
        own_redis.start()
        await node.hears("gap")
        await published(node, "back")

        await node.hears("gap", "back")


async def published(node: Node, text: str, channel: str = "room:a", kept: Kept | None = None) -> None:
    """Publish, as soon as that can be done."""
    async with asyncio.timeout(20):
        while True:
            try:
                await node.say(text, channel, kept)
                return
            except StoreUnavailable:
                await asyncio.sleep(0.02)


@in_loop
async def test_redis_broker_notices_a_frozen_server(own_redis: RedisServer, tmp_path: Path) -> None:
    """One that says nothing, and closes nothing either: it is given up, and heard again once it lives."""
    async with nodes_at(own_redis.url, tmp_path, 1, Timeouts(store_call=2.0)) as [node]:
        assert isinstance(node.broker, RedisBroker)
        await node.want()
        own_redis.freeze()
        await until(lambda: node.broker._ear.address is None)  # type: ignore[attr-defined]
        own_redis.thaw()
        await node.hears("gap")
        await published(node, "back")

        await node.hears("gap", "back")


@pytest.mark.requirement("R074")
@in_loop
async def test_redis_broker_bounds_what_waits(
    each_redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many publications may be on their way; further ones are refused at once, and all others arrive."""
    monkeypatch.setattr(redis_broker, "PUBLISHING_MOST", 10)
    async with nodes_at(each_redis.url, tmp_path, 1) as [node]:
        await node.want()
        found = await asyncio.gather(*(node.say(str(number)) for number in range(15)), return_exceptions=True)

        refused = [one for one in found if isinstance(one, StoreUnavailable)]
        assert 5 == len(refused)
        assert "10 publications are on their way" in str(refused[0])
        assert {str(number) for number in range(10)} == set(await node.hears_of(10))


@pytest.mark.parametrize("lost", ["flushed", "restarted"])
@in_loop
async def test_redis_broker_numbers_rise_over(own_redis: RedisServer, tmp_path: Path, lost: str) -> None:
    """A server that has lost everything, or may have: no number comes again, and none of before resumes."""
    async with nodes_at(own_redis.url, tmp_path, 1, Timeouts()) as [node]:
        before = await node.say("a", kept=KEPT)
        if lost == "flushed":
            own_redis.ask("FLUSHALL")
        else:
            own_redis.stop()
            own_redis.start()
        await published(node, "b", kept=KEPT)
        after = (await node.broker.resume("room:a", KEPT, None)).seq

        assert after > (before or 0)
        assert None is await node.missed(before)


@in_loop
async def test_redis_broker_numbers_rise_over_a_clock_that_is_set_back(own_redis: RedisServer, tmp_path: Path) -> None:
    """What a listener was told when the clock was an hour ahead is below what comes next, and resumes nothing."""
    hour, key = 3_600_000_000, f"{{{prefix_of(tmp_path)}}}:life"
    async with nodes_at(own_redis.url, tmp_path, 1, Timeouts()) as [node]:
        spoken = await node.say("a", kept=KEPT)
        await node.missed(None, "room:b")
        known, life, given = own_redis.ask("GET", key).split()[-3:]
        own_redis.ask("SET", key, f"{known} {life} {int(given) + hour}")
        told = int(given) + hour
        numbers = [await node.say("b", channel=channel, kept=KEPT) for channel in ("room:a", "room:b", "room:a")]

        assert all((number or 0) > told for number in numbers)
        assert (numbers[0] or 0) + 1 == numbers[2]
        assert (None, ["b"]) == (await node.missed(spoken), await node.missed(numbers[0]))
        assert int(own_redis.ask("GET", key).split()[-1]) < told


@in_loop
async def test_redis_broker_counts_no_time_before_a_channel_is_told(own_redis: RedisServer, tmp_path: Path) -> None:
    """A clock that steps back by less than a second: the first publication is numbered above what was told before."""
    key = f"{{{prefix_of(tmp_path)}}}:life"
    async with nodes_at(own_redis.url, tmp_path, 1, Timeouts()) as [node]:
        await node.missed(None)
        known, _, given = own_redis.ask("GET", key).split()[-3:]
        own_redis.ask("SET", key, f"{known} 1 {given}")
        first = await node.say("a", kept=KEPT)

        assert (first or 0) > int(given)


@in_loop
async def test_redis_broker_of_a_killed_node(each_redis: RedisServer, tmp_path: Path) -> None:
    """Who was there by it alone has left when its lease has ended; one node tells of that, once."""
    async with nodes_at(each_redis.url, tmp_path, 2, BRISK) as [one, two]:
        killed = broker_at(each_redis.url, tmp_path, "killed", Heard(), BRISK)
        await killed.start()
        killed.enter("room:a", ANN)
        killed.enter("room:a", BOB)
        await until_found([ANN, BOB], lambda: one.broker.present("room:a"))
        one.broker.enter("room:a", BOB)
        await asyncio.sleep(0.1)
        for task in killed._tasks:
            task.cancel()  # and says no goodbye
        await until_found([BOB], lambda: two.broker.present("room:a"))
        await until(lambda: len(one.heard.moves + two.heard.moves) == 1)

        assert [("room:a", "ann", False)] == one.heard.moves + two.heard.moves
        await killed._link.close()


@in_loop
async def test_redis_broker_says_again_what_was_forgotten(each_redis: RedisServer, tmp_path: Path) -> None:
    """Seats that Redis has lost, and one that it has too many, are as the node says within a second or so."""
    tag = f"{{{prefix_of(tmp_path)}}}"
    async with nodes_at(each_redis.url, tmp_path, 1) as [node]:
        node.broker.enter("room:a", ANN)
        await until_found([ANN], lambda: node.broker.present("room:a"))
        each_redis.ask("DEL", f"{tag}:here:room:a", f"{tag}:here-at:n0")
        await until_found([ANN], lambda: node.broker.present("room:a"))
        each_redis.ask("HSET", f"{tag}:here:room:a", '["eve",null]', "n0")
        each_redis.ask("SADD", f"{tag}:here-at:n0", 'room:a ["eve",null]')
        await until_found([ANN], lambda: node.broker.present("room:a"))
        each_redis.ask("DEL", f"{tag}:ears")

        await until_found([ANN], lambda: node.broker.present("room:a"))


@in_loop
async def test_redis_broker_numbers_rise_over_a_failover_that_loses_writes(
    each_redis: RedisServer, tmp_path: Path
) -> None:
    """What was numbered and lost is not numbered again, though the counter has survived in an older state."""
    tag = f"{{{prefix_of(tmp_path)}}}"
    async with nodes_at(each_redis.url, tmp_path, 1) as [node]:
        first, second = [await node.say(text, kept=KEPT) for text in "ab"]
        each_redis.ask("SET", f"{tag}:last:room:a", str(first))
        each_redis.ask("XDEL", f"{tag}:told:room:a", f"{second}-0")
        each_redis.ask("SET", f"{tag}:life", f"0123456789abcdef {(first or 0) - 1}")  # of the server before
        third = await node.say("c", kept=KEPT)

        assert (third or 0) > (second or 0)
        assert [None, None] == [await node.missed(first), await node.missed(second)]


@pytest.mark.parametrize("kept", [None, KEPT], ids=["plain", "kept"])
@in_loop
async def test_redis_broker_that_moves_warns_where_it_spoke(
    each_redis: RedisServer, tmp_path: Path, kept: Kept | None
) -> None:
    """What it said of late may have gone to a primary that was none any more: that is told before what it says next."""
    async with nodes_at(each_redis.url, tmp_path, 2) as [one, two]:
        broker = one.broker
        assert isinstance(broker, RedisBroker)
        broker._place = replace(broker._place, manner=Manner.CLUSTER)
        for channel in ("room:a", "room:b", "room:c"):
            await two.want(channel, kept)
        for channel in ("room:a", "room:b"):
            await one.say("said", channel, kept)
            await two.hears("said", channel=channel)
        broker._life = "0123456789abcdef"  # of the server before
        await one.say("next", "room:a", kept)
        await one.say("next", "room:c", kept)

        await two.hears("said", "gap", "next", channel="room:a")
        await two.hears("said", "gap", channel="room:b")
        await two.hears("next", channel="room:c")


@in_loop
async def test_redis_broker_that_moves_on_meanwhile_warns_again(
    own_redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it warns at one server another answers, to which something may have been said in vain since."""
    async with nodes_at(own_redis.url, tmp_path, 2, BRISK) as [one, two]:
        broker = one.broker
        assert isinstance(broker, RedisBroker)
        broker._place = replace(broker._place, manner=Manner.CLUSTER)
        say_once = broker._say_once

        async def interrupted(channel: str, *words: str | bytes) -> object:
            answer = await say_once(channel, *words)
            if words[1] == redis_broker.GAP:
                monkeypatch.undo()
                broker._be_in("fedcba9876543210")
            return answer

        await two.want()
        await one.say("said")
        monkeypatch.setattr(broker, "_say_once", interrupted)
        broker._life = "0123456789abcdef"  # of the server before
        await one.say("next")

        await two.hears("said", "gap", "next", "gap")


@in_loop
async def test_redis_broker_hears_another_life(each_redis: RedisServer, tmp_path: Path) -> None:
    """A primary that was none for a while breaks no connection: what it says next comes behind a gap."""
    async with nodes_at(each_redis.url, tmp_path, 1) as [node]:
        assert isinstance(node.broker, RedisBroker)
        node.broker._place = replace(node.broker._place, manner=Manner.CLUSTER)
        await node.want()
        await node.say("before")
        await node.hears("before")
        node.broker._heard_life = b"0123456789abcdef"
        await node.say("after")

        await node.hears("before", "gap", "after")


@in_loop
async def test_redis_broker_numbers_rise_over_a_primary_that_comes_back(
    each_redis: RedisServer, tmp_path: Path
) -> None:
    """It has learnt nothing of what was said to the one in between: no number comes again, and all is heard on."""
    names = [f"{{{prefix_of(tmp_path)}}}:{name}" for name in ("life", "last:room:a", "told:room:a")]
    async with nodes_at(each_redis.url, tmp_path, 2) as [one, two]:
        for node in (one, two):
            assert isinstance(node.broker, RedisBroker)
            node.broker._place = replace(node.broker._place, manner=Manner.CLUSTER)
        await one.want(kept=KEPT)
        first = await one.say("first", kept=KEPT)
        for name in names:
            each_redis.ask("COPY", name, f"{name}-then")
        each_redis.ask("SET", names[0], f"0123456789abcdef {(first or 0) - 1} 0")  # of the server before
        between = await one.say("between", kept=KEPT)
        await one.hears("first", "between")
        for name in names:
            each_redis.ask("COPY", f"{name}-then", name, "REPLACE")
        one.broker._heard_life = b"0123456789abcdef"  # type: ignore[attr-defined]
        await two.say("lost", kept=KEPT)
        await one.hears("first", "between", "gap")
        after = await two.say("after", kept=KEPT)

        await one.hears("first", "between", "gap", "after")
        assert (after or 0) > (between or 0)
        assert [None, None] == [await two.missed(first), await two.missed(between)]


@in_loop
async def test_redis_broker_begins_at_the_server_that_it_hears(own_redis: RedisServer, tmp_path: Path) -> None:
    """While what is asked and what is heard are two servers, the numbers of the one say nothing of the other's."""
    async with nodes_at(own_redis.url, tmp_path, 1) as [node]:
        broker = node.broker
        assert isinstance(broker, RedisBroker)
        await node.want("room:b")
        here, broker._ear.address = broker._ear.address, ("127.0.0.1", 1)
        with pytest.raises(StoreUnavailable, match="taken over"):
            await node.want(kept=KEPT)
        broker._ear.address = here
        await node.want(kept=KEPT)

        await node.say("heard", kept=KEPT)
        await node.hears("heard")


@in_loop
async def test_redis_ear_is_granted_what_it_asked_for_last(tmp_path: Path) -> None:
    """Who joins, leaves and joins again in haste waits for the second confirmation, not for the first."""
    ear = broker_at("redis://127.0.0.1:1", tmp_path, "n", Heard())._ear
    granted = ear.wish("c")
    assert granted is not None
    ear._sent.add("c")
    ear._owed["ubscribe", "c"] = 2
    ear._confirmed("ubscribe", "c")
    is_granted = [granted.is_set()]
    ear._confirmed("ubscribe", "c")
    is_granted.append(granted.is_set())

    assert [False, True] == is_granted


@in_loop
async def test_redis_broker_outlives_a_mistake(
    each_redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Of ours: it is logged without what it quotes, the channel is heard again, and a gap says so."""
    async with nodes_at(each_redis.url, tmp_path, 1) as [node]:
        await node.want()
        deliver = node.heard.deliver

        def fail(broadcast: Broadcast) -> None:
            monkeypatch.setattr(node.heard, "deliver", deliver)
            raise ZeroDivisionError(broadcast.data)

        monkeypatch.setattr(node.heard, "deliver", fail)
        monkeypatch.setattr(node.heard, "moved", fail)
        node.broker.enter("room:a", ANN)
        await node.say("hunter2")
        await node.hears("gap")
        await node.say("after")
        await node.hears("gap", "after")
        await until(lambda: "looking after channels failed" in caplog.text)

        assert "hearing channels failed: ZeroDivisionError" in caplog.text
        assert "hunter2" not in caplog.text


@in_loop
async def test_redis_broker_leaves_nothing_behind(each_redis: RedisServer, tmp_path: Path) -> None:
    """Of channels that were joined and left, and of nodes that have stopped."""
    async with nodes_at(each_redis.url, tmp_path, 2) as nodes:
        for number in range(60):
            for node in nodes:
                await node.want(f"room:{number}", KEPT if number % 2 else None)
                node.broker.enter(f"room:{number}", ANN)
        await until_found([ANN], lambda: nodes[0].broker.present("room:59"))
        for number in range(60):
            for node in nodes:
                node.broker.unwant(f"room:{number}")
                node.broker.leave(f"room:{number}", ANN)
        await until_found([], lambda: nodes[0].broker.present("room:0"))

    tag = f"{{{prefix_of(tmp_path)}}}"
    left = [word for word in each_redis.ask("KEYS", "*").split() if word.startswith(tag)]
    assert [f"{tag}:life"] == left


@pytest.mark.parametrize("payload", ["hunter2", "0 0 []", "a b c", "gap", 'x 0 0 ["room:b","t","{}","",null,"i","n"]'])
@in_loop
async def test_redis_broker_of_somebody_else(
    each_redis: RedisServer, tmp_path: Path, payload: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What is none of ours, or belongs into another channel, reaches nobody, and stops nothing."""
    name = f"{{{prefix_of(tmp_path)}}}:say:room:a"
    async with nodes_at(each_redis.url, tmp_path, 1) as [node]:
        assert isinstance(node.broker, RedisBroker)
        node.broker._place = replace(node.broker._place, manner=Manner.CLUSTER)
        await node.want()
        await node.say("before")
        await node.hears("before")
        for verb in ("PUBLISH", "SPUBLISH"):
            each_redis.ask(verb, name, payload)
        await node.say("ours")

        await node.hears("before", "ours")
        assert payload not in caplog.text


@pytest.mark.parametrize(
    ("seq", "after", "data"),
    [(2**53 - 1, 0, "{}"), (2**53 - 1, 2**53 - 2, "{}"), (2**53, 0, "{}"), (-1, 0, "{}"), (0, 0, "no JSON")],
)
@in_loop
async def test_redis_broker_is_not_silenced_by_somebody_else(
    each_redis: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, seq: int, after: int, data: str
) -> None:
    """By a number that the server has not given, or by what is no JSON: it is ignored, and the log says so once."""
    name = f"{{{prefix_of(tmp_path)}}}:say:room:a"
    text = json.dumps(["room:a", "t", data, "", None, "i", "n"], separators=(",", ":"))
    async with nodes_at(each_redis.url, tmp_path, 1) as [node]:
        await node.want(kept=KEPT)
        await node.say("before", kept=KEPT)
        await node.hears("before")
        for _ in range(3):
            for verb in ("PUBLISH", "SPUBLISH"):
                each_redis.ask(verb, name, f"x {seq} {after} {text}")
        for ours in ("ours", "too"):
            await node.say(ours, kept=KEPT)

        await node.hears("before", "ours", "too")
        await until(lambda: "is none of ours" in caplog.text)
        assert 1 == caplog.text.count("is none of ours")


@in_loop
async def test_redis_broker_looks_after_the_rest_when_a_key_is_somebody_elses(
    each_redis: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What needs that key fails, and the log names it once; the counts of listeners are told all the same."""
    tag = f"{{{prefix_of(tmp_path)}}}"
    each_redis.ask("SET", f"{tag}:ears", "mine")
    async with nodes_at(each_redis.url, tmp_path, 1) as [node]:
        await node.want()
        await until(lambda: "1" in each_redis.ask("HGET", f"{tag}:heard-at:n0", "room:a"))
        await asyncio.sleep(2 * redis_broker.UPKEEP_SECONDS)

    assert 1 == caplog.text.count("channels are out of order")
    assert f"{tag}:ears" in caplog.text
    caplog.clear()


@pytest.mark.parametrize("key", ["life", "last:room:a"])
@in_loop
async def test_redis_broker_says_why_it_cannot_number(
    each_redis: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, key: str
) -> None:
    """What is kept cannot be published where somebody else's value stands; the log says which keys to look at, once."""
    tag = f"{{{prefix_of(tmp_path)}}}"
    each_redis.ask("DEL", f"{tag}:{key}")
    each_redis.ask("RPUSH", f"{tag}:{key}", "mine")
    async with nodes_at(each_redis.url, tmp_path, 1) as [node]:
        for _ in range(3):
            with pytest.raises(StoreCorrupt, match="another application"):
                await node.say("a", kept=KEPT)

    assert 1 == caplog.text.count("channels are out of order")
    assert f"{tag}:{key.partition(':')[0]}" in caplog.text
    assert "remove it" in caplog.text
    caplog.clear()


@in_loop
async def test_redis_broker_reads_no_history_of_somebody_else(each_redis: RedisServer, tmp_path: Path) -> None:
    """It is damage, and nothing of it is told."""
    tag = f"{{{prefix_of(tmp_path)}}}"
    async with nodes_at(each_redis.url, tmp_path, 1) as [node]:
        first = await node.say("a", kept=KEPT)
        each_redis.ask("XADD", f"{tag}:told:room:a", "*", "b", "mine", "a", "1", "t", "2")

        with pytest.raises(StoreCorrupt, match="history of a channel is none of ours"):
            await node.missed(first)


@in_loop
async def test_redis_broker_resumes_no_more_than_it_may(
    each_redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In bytes: who has missed more is told that he cannot have it."""
    monkeypatch.setattr(redis_broker, "RESUMED_BYTES", 1_000)
    async with nodes_at(each_redis.url, tmp_path, 1) as [node]:
        first = await node.say("a", kept=KEPT)
        await node.say("b" * 500, kept=KEPT)
        little = await node.missed(first)
        await node.say("c" * 500, kept=KEPT)

        assert (["b" * 500], None) == (little, await node.missed(first))


@in_loop
async def test_redis_broker_that_does_not_listen(each_redis: RedisServer, tmp_path: Path) -> None:
    """A command that only publishes connects by itself, and leaves nothing open."""
    async with nodes_at(each_redis.url, tmp_path, 1) as [node]:
        await node.want()
        command = broker_at(each_redis.url, tmp_path, "command", Heard())
        await command.publish(said("from the shell"), None)
        await command.stop()

        await node.hears("from the shell")


def test_redis_broker_says_whom_it_reaches(tmp_path: Path) -> None:
    """Every process of the store, which is named without its password."""
    told = broker_at("redis://:secret@127.0.0.1:1", tmp_path, "n", Heard()).reach

    assert told.startswith("the clients of every process that uses redis://127.0.0.1:1/0")
    assert "secret" not in told
