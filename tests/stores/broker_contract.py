"""What every broker does: of a process that is alone, and between nodes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.waiting import until, until_found
from tornado_wssec.policy.broker import Kept, Present

from .broker_kit import KEPT, Heard, Node, running, said
from .kit import in_loop

ANN, BOB = Present("ann", "https://a"), Present("bob")


class BrokerContract:
    """For each broker one subclass that says how to make it."""

    def new(self, place: Path, name: str, heard: Heard) -> object:
        """A broker of a node of this name."""
        raise NotImplementedError

    @asynccontextmanager
    async def nodes(self, place: Path, count: int = 1) -> AsyncIterator[list[Node]]:
        """Nodes that have started."""
        heard = [Heard() for _ in range(count)]
        async with running(*[(self.new(place, f"n{at}", one), one) for at, one in enumerate(heard)]) as nodes:  # type: ignore[arg-type]  # each is a Broker
            yield nodes

    @in_loop
    async def test_broker_brings_what_is_wanted(self, tmp_path: Path) -> None:
        """The publication as it was made, to who wants its channel, and nothing of another one."""
        async with self.nodes(tmp_path) as [node]:
            await node.want()
            sent = said("hé 😀 \0")
            await node.broker.publish(sent, None)
            await node.say("elsewhere", "room:b")
            await node.say("x" * 100_000)

            await node.hears("hé 😀 \0", "x" * 100_000)
            assert sent == node.heard.said[0]
            assert [] == node.heard.texts("room:b")

    @in_loop
    async def test_broker_wants_for_each_listener(self, tmp_path: Path) -> None:
        """Each publication comes once however many listen, and until the last has gone."""
        async with self.nodes(tmp_path) as [node]:
            await node.want()
            await node.want()
            await node.say("both")
            node.broker.unwant("room:a")
            await node.say("one")

            await node.hears("both", "one")

    @in_loop
    async def test_broker_wanted_again_at_once(self, tmp_path: Path) -> None:
        """Who leaves and is back before anybody outside has heard of it listens as before."""
        async with self.nodes(tmp_path) as [node]:
            for kept, channel in ((None, "room:a"), (KEPT, "room:b")):
                await node.want(channel, kept)
                node.broker.unwant(channel)
                async with asyncio.timeout(5.0):
                    await node.want(channel, kept)
                await node.say("here", channel, kept)
                await node.hears("here", channel=channel)

    @in_loop
    async def test_broker_numbers_what_is_kept(self, tmp_path: Path) -> None:
        """And nothing else; the numbers are those that come with the publications."""
        async with self.nodes(tmp_path) as [node]:
            await node.want(kept=KEPT)
            numbers = [await node.say(text, kept=KEPT) for text in "abc"]
            await node.hears(*"abc")

            assert numbers == [one.seq for one in node.heard.said]
            assert sorted(set(filter(None, numbers))) == numbers
            assert None is await node.say("d", "room:b")

    @in_loop
    async def test_broker_resumes(self, tmp_path: Path) -> None:
        """Behind each number what came behind it; behind one of another life it says that it cannot."""
        async with self.nodes(tmp_path) as [node]:
            start = (await node.broker.resume("room:a", KEPT, None)).seq
            first, *_, last = [await node.say(text, kept=KEPT) for text in "abc"]

            assert list("abc") == await node.missed(start)
            assert ["b", "c"] == await node.missed(first)
            assert [] == await node.missed(last)
            assert last == (await node.broker.resume("room:a", KEPT, None)).seq
            assert [None, None] == [await node.missed(0), await node.missed(2**53 - 1)]

    @in_loop
    async def test_broker_keeps_no_more_than_it_may(self, tmp_path: Path) -> None:
        """Who is behind by more is told so."""
        kept = KEPT._replace(most=3)
        async with self.nodes(tmp_path) as [node]:
            first, second, *_ = [await node.say(text, kept=kept) for text in "abcde"]

            assert [None, ["c", "d", "e"]] == [await node.missed(one, kept=kept) for one in (first, second)]

    @in_loop
    async def test_broker_knows_who_is_there(self, tmp_path: Path) -> None:
        """By identities, not by connections; each coming and going is told once."""
        async with self.nodes(tmp_path) as [node]:
            for who in (BOB, ANN, ANN):
                node.broker.enter("room:a", who)
            await until_found([ANN, BOB], lambda: node.broker.present("room:a"))
            node.broker.leave("room:a", ANN)
            node.broker.leave("room:a", BOB)
            await until_found([ANN], lambda: node.broker.present("room:a"))
            node.broker.leave("room:a", ANN)
            await until_found([], lambda: node.broker.present("room:a"))

            moves = [(name, is_here) for _, name, is_here in node.heard.moves]
            assert [("ann", True), ("ann", False), ("bob", True), ("bob", False)] == sorted(
                moves, key=lambda move: (move[0], not move[1])
            )


class NodesContract(BrokerContract):
    """And between nodes."""

    @in_loop
    async def test_broker_has_one_order_for_all_nodes(self, tmp_path: Path) -> None:
        """Of what several nodes publish at once in a channel, kept or not: every node hears all of it in one order."""
        async with self.nodes(tmp_path, 3) as nodes:
            for kept, channel in ((None, "room:a"), (KEPT, "room:b")):
                for node in nodes:
                    await node.want(channel, kept)
                says = [
                    node.say(f"{at}.{number}", channel, kept) for at, node in enumerate(nodes) for number in range(30)
                ]
                await asyncio.gather(*says)
                one, two, three = [await node.hears_of(len(says), channel) for node in nodes]

                assert one == two == three
                assert len(says) == len(set(one))
            assert [[], [], []] == [node.heard.gaps for node in nodes]

    @in_loop
    async def test_broker_brings_nothing_that_is_not_wanted(self, tmp_path: Path) -> None:
        """Not before it is wanted, and not after."""
        async with self.nodes(tmp_path, 2) as [one, other]:
            await one.want()
            await one.say("before")
            await other.want()
            await one.say("both")
            await other.hears("both")
            other.broker.unwant("room:a")
            await one.say("after")
            await one.hears("before", "both", "after")
            await other.want()
            await one.say("again")

            await other.hears("both", "again")

    @in_loop
    async def test_broker_knows_how_many_listen_elsewhere(self, tmp_path: Path) -> None:
        """Whoever publishes learns it by that, of what is kept and of what is not; his own listeners do not count."""
        async with self.nodes(tmp_path, 3) as [one, two, three]:
            for kept, channel in ((None, "room:a"), (KEPT, "room:b")):
                for node in (one, two, two, three):
                    await node.want(channel, kept)
                before = one.broker.elsewhere(channel)

                async def said_to(channel: str = channel, kept: Kept | None = kept) -> int:
                    await one.say("hi", channel, kept)
                    return one.broker.elsewhere(channel)

                await until_found(3, said_to)
                three.broker.unwant(channel)
                await until_found(2, said_to)
                assert (0, 0) == (before, one.broker.elsewhere("room:c"))

    @in_loop
    async def test_broker_resumes_on_another_node(self, tmp_path: Path) -> None:
        """What one node has numbered, the other knows."""
        async with self.nodes(tmp_path, 2) as [one, other]:
            first, _ = await one.say("a", kept=KEPT), await other.say("b", kept=KEPT)

            assert ["b"] == await other.missed(first)

    @in_loop
    async def test_broker_knows_who_is_on_any_node(self, tmp_path: Path) -> None:
        """Somebody with a connection on each of two nodes comes once, and goes when the last of them does."""
        async with self.nodes(tmp_path, 3) as [one, two, watching]:
            one.broker.enter("room:a", ANN)
            await until_found([ANN], lambda: watching.broker.present("room:a"))
            two.broker.enter("room:a", ANN)
            two.broker.enter("room:a", BOB)
            await until_found([ANN, BOB], lambda: watching.broker.present("room:a"))
            one.broker.leave("room:a", ANN)
            two.broker.leave("room:a", BOB)
            await until_found([ANN], lambda: watching.broker.present("room:a"))
            two.broker.leave("room:a", ANN)
            await until_found([], lambda: watching.broker.present("room:a"))
            await until(lambda: len(two.heard.moves) == 3)

            assert [("room:a", "ann", True)] == one.heard.moves
            assert [("room:a", "bob", True), ("room:a", "bob", False), ("room:a", "ann", False)] == two.heard.moves
            assert [] == watching.heard.moves
