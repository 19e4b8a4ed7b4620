"""What every store must do with the directory of live connections. Part of the contract in `contract.py`."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from tornado_wssec.policy.session_directory import ENTERED_AT_ONCE, Entry, NodeFacts, NodeStanding
from tornado_wssec.stores.base import Store

from .kit import NOW, in_loop, revocation, whole_log

LEASE = 15.0


def entry(connection: str, node: str = "n1", subject: str = "ann", **facts: Any) -> Entry:
    """A connection of ann's at the first node."""
    given = {"session": f"s-{connection}", "endpoint": "Chat", "address": "192.0.2.1", "since": NOW, **facts}
    return Entry(connection=connection, node=node, subject=subject, **given)


class DirectoryContract:
    """The suite for what knows who is connected, with the clock of leases turned by hand."""

    now = NOW

    def opened(self, place: Path, handles: int = 1) -> AbstractAsyncContextManager[Sequence[Store]]:
        """Handles on a store with a generation, closed afterwards."""
        raise NotImplementedError

    def turn_clock(self, place: Path, seconds: float) -> None:
        """Let time pass for the leases."""
        self.now += seconds

    async def join(self, store: Store, node: str = "n1", *, lease: float = LEASE, alone: float = 0.0) -> NodeStanding:
        """A node's first renewal."""
        return await store.renew_node(node, joins=True, lease=lease, alone=alone, now=self.now)

    async def renew(self, store: Store, node: str = "n1", *, alone: float = 0.0) -> NodeStanding:
        """A further one."""
        return await store.renew_node(node, joins=False, lease=LEASE, alone=alone, now=self.now)

    async def enter(self, store: Store, *entries: Entry, most: int | None = None) -> Sequence[bool] | None:
        """Enter connections at the node of the first."""
        return await store.enter(entries[0].node, entries, most=most, now=self.now)

    async def listed(self, store: Store, *, page: int = 100) -> list[Entry]:
        """Everything that is listed, read in pages."""
        found: list[Entry] = []
        after = ""
        while True:
            entries, after = await store.list_entries(after=after, most=page, now=self.now)
            found += entries
            if not after:
                return found

    @in_loop
    async def test_directory_is_empty_at_first(self, tmp_path: Path) -> None:
        """Nobody has to make it."""
        async with self.opened(tmp_path) as [store]:
            await store.leave("n1", ["c1"])
            await store.drop_node("n1", self.now)

            assert ([], []) == (await self.listed(store), list(await store.list_nodes(self.now)))
            assert await self.enter(store, entry("c1")) is None

    @in_loop
    async def test_directory_keeps_every_fact(self, tmp_path: Path) -> None:
        """An entry comes back as it was given, with whatever text is in it; changed, as it was changed."""
        full = entry(
            "c1",
            issuer="https://id.example/誰",
            tenant="acme",
            address="2001:db8::1",
            since=NOW + 0.25,
            expires_at=NOW + 600.5,
            endpoint="Chat\r\nFLUSHALL '; DROP TABLE live;-- \0",
        )
        nobody = entry("c2", subject="anonymous", anonymous=True)
        async with self.opened(tmp_path) as [store]:
            await self.join(store)
            assert [True, True] == await self.enter(store, full, nobody)
            before = await self.listed(store)
            changed = entry("c1", tenant="other", expires_at=NOW + 900)
            await self.enter(store, changed, most=1)

            assert [full, nobody] == before
            assert [changed, nobody] == await self.listed(store)

    @in_loop
    async def test_directory_forgets_who_leaves(self, tmp_path: Path) -> None:
        """Twice is as good as once; what another node has is not this one's to forget."""
        async with self.opened(tmp_path) as [store]:
            await self.join(store)
            await self.join(store, "n2")
            await self.enter(store, entry("a"), entry("b"))
            await self.enter(store, entry("c", "n2"))
            for _ in range(2):
                await store.leave("n1", ["a", "c", "never-there"])

            assert ["b", "c"] == [one.connection for one in await self.listed(store)]
            assert [NodeFacts("n1", 1), NodeFacts("n2", 1)] == list(await store.list_nodes(self.now))

    @in_loop
    async def test_directory_counts_an_identity_on_all_nodes(self, tmp_path: Path) -> None:
        """Up to its cap, wherever it is; who leaves makes room, and nobody else is in the way."""
        async with self.opened(tmp_path, handles=2) as [ours, theirs]:
            await self.join(ours)
            await self.join(theirs, "n2")
            came = [
                await self.enter(ours, entry("a"), most=3),
                await self.enter(theirs, entry("b", "n2"), entry("c", "n2"), entry("d", "n2"), most=3),
                await self.enter(ours, entry("e"), most=3),
                await self.enter(ours, entry("f", subject="bob"), entry("g", issuer="other"), most=1),
            ]
            await theirs.leave("n2", ["b"])
            came.append(await self.enter(ours, entry("h"), most=3))

            assert [[True], [True, True, False], [False], [True, True], [True]] == came

    @in_loop
    async def test_directory_counts_an_entry_once(self, tmp_path: Path) -> None:
        """Whoever enters it again, not knowing whether the first time was heard, takes no second place."""
        async with self.opened(tmp_path) as [store]:
            await self.join(store)
            for _ in range(3):
                assert [True] == await self.enter(store, entry("a"), most=2)
            await store.leave("n1", ["a"])
            await store.leave("n1", ["a"])

            assert [True, True, False] == await self.enter(store, entry("b"), entry("c"), entry("d"), most=2)

    @in_loop
    async def test_directory_lets_who_reconnects_take_his_own_place(self, tmp_path: Path) -> None:
        """Who leaves makes room in the same step; nobody else's departure does, and none is undone by a refusal."""
        async with self.opened(tmp_path) as [store]:
            await self.join(store)
            await self.join(store, "n2")
            await self.enter(store, entry("a"), entry("b"))
            await self.enter(store, entry("c", "n2"))
            came = [
                await store.enter("n1", [entry(name)], most=most, now=self.now, leaving=leaving)
                for name, most, leaving in (("d", 3, ["a"]), ("e", 3, ["c", "never-there"]), ("f", 1, ["b"]))
            ]

            assert [[True], [False], [False]] == came
            assert ["c", "d"] == [one.connection for one in await self.listed(store)]

    @in_loop
    async def test_directory_takes_facts_as_they_are(self, tmp_path: Path) -> None:
        """Without a cap whatever is there is entered, and counts for whoever asks with one."""
        async with self.opened(tmp_path) as [store]:
            await self.join(store)

            assert [True] * 3 == await self.enter(store, *(entry(name) for name in "abc"))
            assert [False] == await self.enter(store, entry("d"), most=3)

    @in_loop
    async def test_directory_counts_nobody_for_those_without_a_name(self, tmp_path: Path) -> None:
        """Strangers are listed, and take nobody's place."""
        nobodies = [entry(name, subject="anonymous", anonymous=True) for name in "abc"]
        async with self.opened(tmp_path) as [store]:
            await self.join(store)

            assert [True] * 3 == await self.enter(store, *nobodies, most=1)
            assert [True] == await self.enter(store, entry("d", subject="anonymous"), most=1)

    @in_loop
    async def test_directory_has_one_last_place(self, tmp_path: Path) -> None:
        """Of many who race for it at two nodes, as many get in as there is room for."""
        async with self.opened(tmp_path, handles=2) as stores:
            for node, store in zip(("n1", "n2"), stores, strict=True):
                await self.join(store, node)
            racing = [
                self.enter(store, entry(f"{node}-{number}", node), most=5)
                for number in range(10)
                for node, store in zip(("n1", "n2"), stores, strict=True)
            ]
            came = await asyncio.gather(*racing)

            assert 5 == sum(found == [True] for found in came) == len(await self.listed(stores[0]))

    @in_loop
    async def test_lease_holds_its_places_until_it_ends(self, tmp_path: Path) -> None:
        """Never shorter, so that a slow node loses nothing; never longer, so that a dead one keeps nothing."""
        async with self.opened(tmp_path, handles=2) as [dead, living]:
            await self.join(dead)
            await self.join(living, "n2", lease=3600.0)
            await self.enter(dead, entry("a"), entry("b"))
            self.turn_clock(tmp_path, LEASE - 1)
            early = await self.enter(living, entry("c", "n2"), most=2), len(await self.listed(living))
            self.turn_clock(tmp_path, 1)
            late = await self.enter(living, entry("c", "n2"), entry("d", "n2"), entry("e", "n2"), most=2)

            assert (([False], 2), [True, True, False]) == (early, late)
            assert ["c", "d"] == [one.connection for one in await self.listed(living)]
            assert [NodeFacts("n2", 2)] == list(await living.list_nodes(self.now))

    @in_loop
    async def test_lease_is_renewed_for_all_connections_at_once(self, tmp_path: Path) -> None:
        """One call, and each of them counts on."""
        async with self.opened(tmp_path) as [store]:
            await self.join(store)
            await self.enter(store, entry("a"), entry("b"))
            for _ in range(3):
                self.turn_clock(tmp_path, LEASE - 1)
                assert (await self.renew(store)).is_alive

            assert [False] == await self.enter(store, entry("c"), most=2)

    @in_loop
    async def test_lease_that_has_ended_never_lives_again(self, tmp_path: Path) -> None:
        """Its places may be somebody else's by now: the node is told, and enters nothing under that name."""
        async with self.opened(tmp_path) as [store]:
            await self.join(store)
            await self.enter(store, entry("a"))
            self.turn_clock(tmp_path, LEASE)

            assert not (await self.renew(store)).is_alive
            assert await self.enter(store, entry("b")) is None
            assert [] == await self.listed(store)

    @in_loop
    async def test_node_that_comes_back_takes_its_entries_along(self, tmp_path: Path) -> None:
        """Under its new name, each counted once, and no trace is left under the old one."""
        async with self.opened(tmp_path) as [store]:
            await self.join(store)
            await self.enter(store, entry("a"), entry("b"))
            self.turn_clock(tmp_path, LEASE)
            await self.join(store, "n1-again")
            await self.enter(store, entry("a", "n1-again"), entry("b", "n1-again"))
            await self.renew(store, "n1-again")
            await store.leave("n1", ["a"])

            assert ["n1-again"] * 2 == [one.node for one in await self.listed(store)]
            assert [False] == await self.enter(store, entry("c", "n1-again"), most=2)
            assert [True] == await self.enter(store, entry("c", "n1-again"), most=3)

    @in_loop
    async def test_node_that_is_dropped_is_gone_at_once(self, tmp_path: Path) -> None:
        """One that stops in order need not be waited for; a second time there is nothing to drop."""
        async with self.opened(tmp_path) as [store]:
            await self.join(store)
            await self.join(store, "n2")
            await self.enter(store, entry("a"))
            for _ in range(2):
                await store.drop_node("n1", self.now)

            assert [True] == await self.enter(store, entry("b", "n2"), most=1)
            assert [NodeFacts("n2", 1)] == list(await store.list_nodes(self.now))
            assert not (await self.renew(store)).is_alive

    @in_loop
    async def test_dead_nodes_leave_nothing_behind(self, tmp_path: Path) -> None:
        """The living sweep it away with their renewals, a piece at a time."""
        count = 1_100
        async with self.opened(tmp_path) as [store]:
            await self.join(store)
            entries = [entry(f"c{number:05}", subject=f"u{number}") for number in range(count)]
            for start in range(0, count, ENTERED_AT_ONCE):
                await self.enter(store, *entries[start : start + ENTERED_AT_ONCE])
            self.turn_clock(tmp_path, LEASE)
            await self.join(store, "n2")
            for _ in range(4):
                await self.renew(store, "n2")

            assert not await self.remains(store, tmp_path)

    async def remains(self, store: Store, place: Path) -> list[str]:
        """What is kept of nodes that are dead, by whatever name a store of this kind keeps it."""
        raise NotImplementedError

    # --- alone ---

    @in_loop
    async def test_node_is_told_how_many_others_there_are(self, tmp_path: Path) -> None:
        """Only those whose lease lives."""
        async with self.opened(tmp_path) as [store]:
            seen = [(await self.join(store)).others, (await self.join(store, "n2")).others]
            self.turn_clock(tmp_path, LEASE - 1)
            seen.append((await self.renew(store)).others)
            self.turn_clock(tmp_path, 1)
            seen.append((await self.renew(store)).others)

            assert [0, 1, 1, 0] == seen

    @in_loop
    async def test_node_is_alone_where_nobody_else_lives(self, tmp_path: Path) -> None:
        """It is granted while that is so, and to nobody who has company."""
        async with self.opened(tmp_path) as [store]:
            granted = [(await self.join(store, alone=3.0)).is_alone, (await self.renew(store)).is_alone]
            granted.append((await self.join(store, "n2", alone=3.0)).is_alone)
            granted.append((await self.renew(store, alone=3.0)).is_alone)

            assert [True, False, False, False] == granted

    @in_loop
    async def test_node_is_not_clear_while_another_believes_to_be_alone(self, tmp_path: Path) -> None:
        """Not before that one has given its claim up; asking for it again does not make it longer."""
        async with self.opened(tmp_path) as [store]:
            clear = [(await self.join(store, alone=3.0)).is_clear, (await self.join(store, "n2")).is_clear]
            clear.append((await self.renew(store, alone=3.0)).is_clear)
            clear.append((await self.renew(store, "n2")).is_clear)
            await self.renew(store, alone=0.0)
            clear.append((await self.renew(store, "n2")).is_clear)

            assert [True, False, True, False, True] == clear

    @in_loop
    async def test_claim_to_be_alone_ends_by_itself(self, tmp_path: Path) -> None:
        """Long before the lease does: who comes after a node that was killed waits no longer."""
        async with self.opened(tmp_path) as [store]:
            await self.join(store, alone=3.0)
            self.turn_clock(tmp_path, 1)
            clear = [(await self.join(store, "n2")).is_clear]
            await self.renew(store, alone=3.0)
            self.turn_clock(tmp_path, 1.9)
            clear.append((await self.renew(store, "n2")).is_clear)
            self.turn_clock(tmp_path, 0.2)
            clear.append((await self.renew(store, "n2")).is_clear)

            assert [False, False, True] == clear

    @in_loop
    async def test_claim_of_a_dropped_node_is_given_up(self, tmp_path: Path) -> None:
        """A restart waits for nobody."""
        async with self.opened(tmp_path) as [store]:
            await self.join(store, alone=3.0)
            await store.drop_node("n1", self.now)

            assert (await self.join(store, "n2")).is_clear

    # --- pages and bounds ---

    @in_loop
    async def test_directory_is_listed_in_pages(self, tmp_path: Path) -> None:
        """By connection, each once, whatever node it is at; also where a dead node's stand in between."""
        names = ["b", "a", "C", "a1", "~", "!", "aa", "a-1"]
        async with self.opened(tmp_path) as [store]:
            for node in ("n1", "n2"):
                await self.join(store, node)
                await self.enter(store, *(entry(f"{name}{node}", node) for name in names))
            whole = [one.connection for one in await self.listed(store, page=3)]
            await store.drop_node("n1", self.now)

            assert sorted(f"{name}{node}" for name in names for node in ("n1", "n2")) == whole
            assert sorted(f"{name}n2" for name in names) == [one.connection for one in await self.listed(store, page=3)]

    @in_loop
    async def test_directory_leaves_the_log_alone(self, tmp_path: Path) -> None:
        """Who comes and goes makes no node read the log again."""
        async with self.opened(tmp_path) as [store]:
            last = await store.append(revocation("a"))
            before = await store.change_mark()
            await self.join(store)
            await self.enter(store, entry("a"))
            await store.leave("n1", ["a"])

            assert before == await store.change_mark()
            assert [] == list(await store.read_after(last.cursor, 10))
            assert [revocation("a")] == await whole_log(store)

    @pytest.mark.parametrize(
        ("node", "entries", "fault"),
        [
            ("n 1", [entry("a", "n 1")], "this cannot be the node"),
            ("n1", [entry("a b")], "this cannot be the connection"),
            ("n1", [entry("")], "this cannot be the connection"),
            ("n1", [entry("a", "n2")], "an entry is of another node than n1"),
            ("n1", [entry("a", address="x" * 17_000)], "the entry is \\d+ bytes long"),
            ("n1", [entry("a", endpoint="\ud800" * 3_000)], "the entry is \\d+ bytes long"),
            ("n1", [entry("a")] * (ENTERED_AT_ONCE + 1), "201 connections are too many at once"),
        ],
        ids=range(7),
    )
    @in_loop
    async def test_directory_refuses_what_no_store_keeps(
        self, tmp_path: Path, node: str, entries: list[Entry], fault: str
    ) -> None:
        """The refusal names the fault, and nothing is entered."""
        async with self.opened(tmp_path) as [store]:
            await self.join(store)
            with pytest.raises(ValueError, match=fault):
                await store.enter(node, entries, most=None, now=self.now)

            assert [] == await self.listed(store)
