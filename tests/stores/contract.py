"""What every store must do, whatever it is made of. A subclass says how to make one."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tornado_wssec.errors import StoreMissing
from tornado_wssec.policy.credential_records import RecordKind
from tornado_wssec.policy.moderation_entries import Measure
from tornado_wssec.policy.revocation_entries import NoticeKind
from tornado_wssec.policy.revocations import Body, Kind
from tornado_wssec.stores.base import Generation, Store

from .directory_contract import DirectoryContract
from .kit import (
    NOW,
    bodies,
    find,
    in_loop,
    keep,
    moderation,
    names_of,
    notice,
    put,
    result_of,
    revocation,
    take,
    undo,
    whole_log,
)
from .record_contract import RecordContract


class StoreContract(RecordContract, DirectoryContract):
    """The suite for stores that are one handle on one place."""

    def new_store(self, place: Path) -> Store:
        """A store that belongs to `place`, as yet untouched."""
        raise NotImplementedError

    def another(self, store: Store) -> Store:
        """A second handle on the same contents, as another node has it; not open."""
        raise NotImplementedError

    @asynccontextmanager
    async def opened(self, place: Path, handles: int = 1) -> AsyncIterator[Sequence[Store]]:
        """Handles on a store with a generation, closed afterwards."""
        first = self.new_store(place)
        await first.migrate(NOW)
        stores = [first, *(self.another(first) for _ in range(handles - 1))]
        async with AsyncExitStack() as stack:
            for store in stores:
                await store.open()
                stack.push_async_callback(store.close)
            yield stores

    # --- its life ---

    @in_loop
    async def test_migrate_makes_a_generation_once(self, tmp_path: Path) -> None:
        """The first call makes it, the second finds it."""
        store = self.new_store(tmp_path)
        made = [await store.migrate(NOW), await store.migrate(NOW + 60)]
        await store.open()
        generation = await store.generation()
        await store.close()

        assert [True, False] == made
        assert isinstance(generation, Generation)
        assert NOW == generation.made_at

    @in_loop
    async def test_generation_starts_at_a_whole_second(self, tmp_path: Path) -> None:
        """`iat` is a whole second: a token issued right after the generation must not seem older."""
        store = self.new_store(tmp_path)
        await store.migrate(NOW + 0.9)
        await store.open()
        generation = await store.generation()
        await store.close()

        assert generation is not None
        assert NOW == generation.made_at

    @in_loop
    async def test_generations_differ(self, tmp_path: Path) -> None:
        """Two stores never share one."""
        found = []
        for name in ("a", "b"):
            (tmp_path / name).mkdir(mode=0o700)
            async with self.opened(tmp_path / name) as [store]:
                found.append(await store.generation())

        assert found[0] != found[1]

    @in_loop
    async def test_migrate_leaves_an_open_store_as_it_is(self, tmp_path: Path) -> None:
        """An operator may run it beside a server."""
        async with self.opened(tmp_path) as [store]:
            before = await store.generation()
            await store.append(revocation("a"))
            made = await store.migrate(NOW + 60)

            assert (False, before) == (made, await store.generation())
            assert [revocation("a")] == await whole_log(store)

    @in_loop
    async def test_open_and_close_twice_do_nothing(self, tmp_path: Path) -> None:
        """Only the first of each counts, and a closed store can be opened again."""
        async with self.opened(tmp_path) as [store]:
            before = await store.generation()
            await store.open()
            await store.close()
            await store.close()
            await store.open()

            assert before == await store.generation()

    @in_loop
    async def test_a_store_that_is_not_open_says_so(self, tmp_path: Path) -> None:
        """Before `open` and after `close` there is a clear error, and no thread or connection made in passing."""
        store = self.new_store(tmp_path)
        await store.migrate(NOW)
        with pytest.raises(RuntimeError, match="is not open"):
            await store.generation()
        await store.open()
        await store.close()

        with pytest.raises(RuntimeError, match="is not open"):
            await store.read_after(None, 1)

    def test_a_store_belongs_to_one_loop(self, tmp_path: Path) -> None:
        """Used from another event loop it refuses, and says what to do."""
        store = self.new_store(tmp_path)
        with asyncio.Runner() as ours, asyncio.Runner() as other:
            ours.run(result_of(store.migrate(NOW)))
            ours.run(result_of(store.open()))
            with pytest.raises(RuntimeError, match="another event loop; make a store for each loop"):
                other.run(result_of(store.generation()))
            with pytest.raises(RuntimeError, match="another event loop"):
                other.run(result_of(store.open()))
            with pytest.raises(RuntimeError, match="another event loop"):
                other.run(result_of(store.close()))
            ours.run(result_of(store.close()))
            other.run(result_of(store.open()))

            assert isinstance(other.run(result_of(store.generation())), Generation)
            other.run(result_of(store.close()))

    @in_loop
    async def test_a_store_belongs_to_one_process(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Used after a fork it refuses, and says what to do."""
        async with self.opened(tmp_path) as [store]:
            with monkeypatch.context() as forked:
                forked.setattr("os.getpid", lambda: -1)
                with pytest.raises(RuntimeError, match="make a store in each process, after the fork"):
                    await store.generation()

    # --- the log ---

    @in_loop
    async def test_log_keeps_its_order(self, tmp_path: Path) -> None:
        """What was appended first is read first, an undo among them."""
        log: list[Body] = [revocation("a"), revocation("b"), undo("a"), revocation("c"), undo("b")]
        async with self.opened(tmp_path) as [store]:
            for body in log:
                await store.append(body)

            assert log == await whole_log(store)
            assert log[:2] == bodies(await store.read_after(None, 2))

    @in_loop
    async def test_log_keeps_every_field(self, tmp_path: Path) -> None:
        """An entry comes back as it was given."""
        full = revocation(
            "x" * 128,
            kind=Kind.SUBJECT,
            value="u42",
            issuer="https://id.example",
            at=NOW + 0.25,
            effective_at=NOW + 30.5,
            before=NOW - 0.125,
            expires_at=None,
            reason="left the company — 「退職」",
        )
        async with self.opened(tmp_path) as [store]:
            given = [await store.append(full), await store.append(undo("x" * 128, reason="came back", expires_at=None))]

            assert given == await store.read_after(None, 10)
            assert full == given[0].body

    @in_loop
    async def test_append_of_the_same_entry_is_the_first(self, tmp_path: Path) -> None:
        """An import repeated adds nothing and changes nothing; an undo of the same id is another entry."""
        async with self.opened(tmp_path) as [store]:
            first = await store.append(revocation("a", reason="first"))
            again = await store.append(revocation("a", reason="second"))
            other = await store.append(undo("a"))

            assert first == again
            assert [first, other] == await store.read_after(None, 10)

    @in_loop
    async def test_log_reads_on_from_a_cursor(self, tmp_path: Path) -> None:
        """Each entry carries the place after it, and nothing is left out or told twice."""
        async with self.opened(tmp_path) as [store]:
            given = [await store.append(revocation(f"r{number}")) for number in range(5)]
            tails = [list(await store.read_after(entry.cursor, 10)) for entry in given]

            assert [given[number + 1 :] for number in range(5)] == tails

    @in_loop
    async def test_log_of_a_strange_cursor_is_read_from_the_start(self, tmp_path: Path) -> None:
        """To see an entry twice is harmless; to miss one is not."""
        async with self.opened(tmp_path) as [store]:
            entry = await store.append(revocation("a"))
            strange = ["", "0", "9999", "no cursor", "-1", "1e9", "'; DROP TABLE revocation_log", "x-1", "\0", "\ud800"]
            for cursor in (*strange, entry.cursor + "0", entry.cursor + "9" * 5000, entry.cursor + "\u0661"):
                assert [entry] == list(await store.read_after(cursor, 10)), cursor

    @in_loop
    async def test_log_lives_on(self, tmp_path: Path) -> None:
        """Its life is the same for every handle, whatever is written, and also after one was closed and opened."""
        async with self.opened(tmp_path, handles=2) as [ours, theirs]:
            lives = [await ours.log_life(), await theirs.log_life()]
            await ours.append(revocation("a"))
            await put(ours, "t")
            await theirs.close()
            await theirs.open()
            lives += [await ours.log_life(), await theirs.log_life()]

            assert [lives[0]] * 4 == lives
            assert lives[0]

    @in_loop
    async def test_log_of_a_pruned_cursor_reads_on(self, tmp_path: Path) -> None:
        """A node that was away while its last entry ended still gets what came after, once."""
        async with self.opened(tmp_path) as [store]:
            gone = await store.append(revocation("a", expires_at=NOW))
            pruned = await store.prune(NOW + 1, 10)
            quiet = list(await store.read_after(gone.cursor, 10))
            later = await store.append(revocation("b"))

            assert (1, []) == (pruned, quiet)
            assert [later] == await store.read_after(gone.cursor, 10)

    @in_loop
    async def test_prune_takes_what_has_ended(self, tmp_path: Path) -> None:
        """What ends now or never stays; what ended before goes."""
        async with self.opened(tmp_path) as [store]:
            await store.append(revocation("ended", expires_at=NOW - 1))
            await store.append(revocation("ends", expires_at=NOW))
            await store.append(revocation("key", kind=Kind.KEY, expires_at=None))

            assert 1 == await store.prune(NOW, 10)
            assert ["ends", "key"] == [body.id for body in await whole_log(store)]
            assert 0 == await store.prune(NOW, 10)

    @in_loop
    async def test_prune_is_bounded(self, tmp_path: Path) -> None:
        """It deletes no more than it may at once, and all of it in the end."""
        async with self.opened(tmp_path) as [store]:
            for number in range(5):
                await store.append(revocation(f"r{number}", expires_at=NOW - 1))

            assert [2, 2, 1, 0] == [await store.prune(NOW, 2) for _ in range(4)]

    @in_loop
    async def test_prune_keeps_an_undo_while_its_revocation_is_there(self, tmp_path: Path) -> None:
        """Were the undo to go first, what was taken back would be in force again."""
        async with self.opened(tmp_path) as [store]:
            await store.append(revocation("a", expires_at=NOW + 60))
            await store.append(undo("a", expires_at=NOW - 1))

            assert 0 == await store.prune(NOW, 10)
            for _ in range(2):
                await store.prune(NOW + 61, 10)
            assert [] == await whole_log(store)

    @in_loop
    async def test_prune_in_small_steps_takes_the_revocation_first(self, tmp_path: Path) -> None:
        """Also when both end at the same moment and only one may go at once."""
        async with self.opened(tmp_path) as [store]:
            await store.append(revocation("a"))
            await store.append(undo("a"))
            await store.prune(NOW + 3601, 1)

            assert [undo("a")] == await whole_log(store)

    @in_loop
    async def test_log_keeps_every_field_of_a_notice(self, tmp_path: Path) -> None:
        """It comes back as it was given, in its place, and once."""
        full = notice("x" * 128, session="s1", subject="u1", tenant="acme", issuer="https://id.example", reason="誰")
        log: list[Body] = [revocation("a"), full, notice("b", kind=NoticeKind.PERMISSIONS, session=None), undo("a")]
        async with self.opened(tmp_path) as [store]:
            for body in [*log, full]:
                await store.append(body)

            assert log == await whole_log(store)

    @in_loop
    async def test_prune_takes_notices_when_asked(self, tmp_path: Path) -> None:
        """Them alone, and only those that have ended; nobody else's end is theirs."""
        async with self.opened(tmp_path) as [store]:
            for body in (revocation("r", expires_at=NOW - 1), notice("n", expires_at=NOW - 1), notice("m")):
                await store.append(body)
            left = []
            for notices in (True, True, False):
                await store.prune(NOW, 10, notices=notices)
                left.append([body.id for body in await whole_log(store)])

            assert [["r", "m"], ["r", "m"], ["m"]] == left

    @in_loop
    async def test_log_keeps_every_field_of_a_moderation(self, tmp_path: Path) -> None:
        """It comes back as it was given, in its place, and once, beside others of the same id."""
        full = moderation("a", measure=Measure.BAN, channel="tenant:acme:**", issuer="https://id.example", reason="誰")
        slow = moderation("b", measure=Measure.SLOW, subject=None, seconds=2.5, expires_at=None)
        removal = notice("c", kind=NoticeKind.REMOVE, channel="room:*")
        log: list[Body] = [revocation("a"), full, slow, removal, moderation("d", subject=None, address="2001:db8::/64")]
        async with self.opened(tmp_path) as [store]:
            for body in [*log, full]:
                await store.append(body)

            assert log == await whole_log(store)

    @in_loop
    async def test_prune_takes_moderations_that_have_ended(self, tmp_path: Path) -> None:
        """With the revocations, and not with the notices: they must outlive a node that is down."""
        async with self.opened(tmp_path) as [store]:
            for body in (moderation("m", expires_at=NOW - 1), moderation("n"), moderation("o", expires_at=None)):
                await store.append(body)
            left = []
            for notices in (True, False):
                await store.prune(NOW, 10, notices=notices)
                left.append([body.id for body in await whole_log(store)])

            assert [["m", "n", "o"], ["n", "o"]] == left

    @pytest.mark.parametrize(
        ("body", "fault"),
        [
            (moderation("a", channel="Room"), "can be no channel"),
            (moderation("a", subject=None), "give a subject or an address"),
            (notice("a", session=None), "would end every connection; name a session"),
            (notice("a", session="x y"), "this cannot be the session"),
            (notice("a", issuer=""), "issuer is empty"),
            (notice("a", kind="sing"), "kind of the notice is none of ours"),
            (notice("a", expires_at=None), "expires_at is no number"),
            (revocation("a", value="x" * 1025), "value is 1025 bytes long; shorten it to 1024"),
            (revocation("a", reason="é" * 513), "reason is 1026 bytes long; shorten it to 1024"),
            (revocation("a", issuer="x" * 1025), "issuer is 1025 bytes long"),
            (revocation("a", issuer=""), "issuer is empty"),
            (revocation("a", value="\ud800"), "half a surrogate pair"),
            (revocation("a b"), "this cannot be the entry id"),
            (revocation("x" * 129), "this cannot be the entry id"),
            (revocation("a", expires_at=float("nan")), "expires_at is not finite"),
            (revocation("a", effective_at=float("inf")), "effective_at is not finite"),
            (undo("a", reason="x" * 1025), "reason is 1025 bytes long"),
            (undo("\n"), "this cannot be the entry id"),
        ],
    )
    @in_loop
    async def test_log_refuses_what_no_store_keeps(self, tmp_path: Path, body: Body, fault: str) -> None:
        """The refusal names the field and the remedy, and nothing is written."""
        async with self.opened(tmp_path) as [store]:
            with pytest.raises(ValueError, match=fault):
                await store.append(body)

            assert [] == await whole_log(store)

    # --- the keys ---

    @in_loop
    async def test_keys_are_the_last_published(self, tmp_path: Path) -> None:
        """There are none at first, then those of the last call."""
        async with self.opened(tmp_path) as [store]:
            found = [await store.published_keys()]
            for document in ('{"keys":[]}', '{"keys":["é\\u0000"]}'):
                await store.publish_keys(document)
                found.append(await store.published_keys())

            assert [None, '{"keys":[]}', '{"keys":["é\\u0000"]}'] == found

    @in_loop
    async def test_keys_are_bounded(self, tmp_path: Path) -> None:
        """A document larger than any key set is refused, and the old one stays."""
        async with self.opened(tmp_path) as [store]:
            await store.publish_keys("old")
            with pytest.raises(ValueError, match="key document is 300000 bytes long"):
                await store.publish_keys("x" * 300_000)

            assert "old" == await store.published_keys()

    # --- changes ---

    @in_loop
    async def test_mark_stays_while_nothing_changes(self, tmp_path: Path) -> None:
        """Reading changes nothing, and neither do tickets: they must not wake every node."""
        async with self.opened(tmp_path) as [store]:
            await store.append(revocation("a"))
            before = await store.change_mark()
            await whole_log(store)
            await store.published_keys()
            await put(store, "t")
            await take(store, "t")

            assert before == await store.change_mark()

    @in_loop
    async def test_mark_differs_after_each_change(self, tmp_path: Path) -> None:
        """An entry, an undo, a key document, a pruned entry: each gives a mark never seen before."""
        async with self.opened(tmp_path) as [store]:
            marks = [await store.change_mark()]
            for change in (
                lambda: store.append(revocation("a", expires_at=NOW)),
                lambda: store.append(undo("a")),
                lambda: store.publish_keys("{}"),
                lambda: store.prune(NOW + 1, 10),
            ):
                await change()
                marks.append(await store.change_mark())

            assert 5 == len(set(marks))

    @in_loop
    async def test_mark_differs_after_a_change_by_another(self, tmp_path: Path) -> None:
        """Every node sees what any node wrote."""
        async with self.opened(tmp_path, handles=2) as [ours, theirs]:
            marks = [await ours.change_mark()]
            await theirs.append(revocation("a"))
            marks.append(await ours.change_mark())
            await theirs.publish_keys("{}")
            marks.append(await ours.change_mark())

            assert 3 == len(set(marks))
            assert [revocation("a")] == await whole_log(ours)
            assert "{}" == await ours.published_keys()

    @in_loop
    async def test_wait_returns_at_once_for_an_old_mark(self, tmp_path: Path) -> None:
        """What changed before the wait began is not waited for."""
        async with self.opened(tmp_path) as [store]:
            mark = await store.change_mark()
            await store.append(revocation("a"))

            assert mark != await asyncio.wait_for(store.wait_for_change(mark, 3600), 30)
            assert "" != await asyncio.wait_for(store.wait_for_change("", 3600), 30)

    @in_loop
    async def test_wait_ends_with_the_same_mark(self, tmp_path: Path) -> None:
        """Without a change it returns after the timeout; one of 0 is a look."""
        async with self.opened(tmp_path) as [store]:
            mark = await store.change_mark()

            assert [mark, mark] == [await store.wait_for_change(mark, timeout) for timeout in (0, 0.01)]

    @pytest.mark.parametrize("writer", [0, 1])
    @in_loop
    async def test_wait_ends_with_a_change(self, tmp_path: Path, writer: int) -> None:
        """Whether we wrote or another did, two who wait are both woken."""
        async with self.opened(tmp_path, handles=2) as stores:
            mark = await stores[0].change_mark()
            waiting = [asyncio.ensure_future(stores[0].wait_for_change(mark, 3600)) for _ in range(2)]
            await asyncio.sleep(0)
            await stores[writer].append(revocation("a"))
            woken = await asyncio.wait_for(asyncio.gather(*waiting), 30)

            assert mark not in woken
            assert [await stores[0].change_mark()] * 2 == woken

    @in_loop
    async def test_wait_can_be_given_up(self, tmp_path: Path) -> None:
        """A node that stops cancels its wait, and the store goes on working."""
        async with self.opened(tmp_path) as [store]:
            waiting = asyncio.ensure_future(store.wait_for_change(await store.change_mark(), 3600))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

            assert waiting.cancelled()
            assert await store.generation() is not None

    # --- tickets ---

    @in_loop
    async def test_ticket_is_spent_once(self, tmp_path: Path) -> None:
        """The first to present it gets its payload, and nobody after."""
        async with self.opened(tmp_path) as [store]:
            assert await put(store, "t", payload="who — 誰")
            assert ["who — 誰", None, None] == [await take(store, "t") for _ in range(3)]

    @in_loop
    async def test_ticket_that_is_unknown_is_none(self, tmp_path: Path) -> None:
        """Also in a store that never held one."""
        async with self.opened(tmp_path) as [store]:
            assert None is await take(store, "never issued")
            await put(store, "t")
            assert None is await take(store, "never issued")

    @in_loop
    async def test_ticket_ends_at_its_expiry(self, tmp_path: Path) -> None:
        """It is good until then and not at that moment."""
        async with self.opened(tmp_path) as [store]:
            await put(store, "a")
            await put(store, "b")

            assert "payload of a" == await take(store, "a", NOW + 29.999)
            assert None is await take(store, "b", NOW + 30)

    @in_loop
    async def test_tickets_of_one_owner_are_counted(self, tmp_path: Path) -> None:
        """One more than allowed is refused; none is evicted for it, and other owners are not concerned."""
        async with self.opened(tmp_path) as [store]:
            kept = [await put(store, f"t{number}", most=3) for number in range(5)]
            other = await put(store, "other", owner="u2", most=3)

            assert ([True, True, True, False, False], True) == (kept, other)
            assert "payload of t0" == await take(store, "t0")
            assert None is await take(store, "t3")

    @in_loop
    async def test_tickets_spent_or_ended_do_not_count(self, tmp_path: Path) -> None:
        """Whoever used a ticket, or let it end, may have another."""
        async with self.opened(tmp_path) as [store]:
            await put(store, "a", most=1)
            refused = await put(store, "b", most=1)
            await take(store, "a")
            after_use = await put(store, "c", most=1)
            after_end = await put(store, "d", most=1, now=NOW + 30)

            assert [False, True, True] == [refused, after_use, after_end]

    @in_loop
    async def test_tickets_ended_long_ago_do_not_count(self, tmp_path: Path) -> None:
        """Not even where there are more of them than are swept away at once."""
        async with self.opened(tmp_path) as [store]:
            for number in range(150):
                await put(store, f"t{number}", most=150)

            assert [True, False] == [await put(store, f"later{number}", most=1, now=NOW + 31) for number in range(2)]

    @in_loop
    async def test_tickets_cannot_be_overwritten(self, tmp_path: Path) -> None:
        """A digest that is taken stays with whom it was given to."""
        async with self.opened(tmp_path) as [store]:
            await put(store, "t", payload="first")

            assert not await put(store, "t", payload="second", owner="u2")
            assert "first" == await take(store, "t")

    @in_loop
    async def test_tickets_that_ended_do_not_pile_up(self, tmp_path: Path) -> None:
        """Each new one sweeps more than one away, so that a clock put back finds nothing."""
        async with self.opened(tmp_path) as [store]:
            for number in range(4):
                await put(store, f"t{number}")
            await put(store, "later", now=NOW + 31)

            assert [None] * 4 == [await take(store, f"t{number}") for number in range(4)]

    @pytest.mark.parametrize(
        ("fields", "fault"),
        [
            ({"payload": "x" * 32_769}, "payload is 32769 bytes long; shorten it to 32768"),
            ({"owner": "x" * 1025}, "owner is 1025 bytes long"),
            ({"payload": "\udfff"}, "half a surrogate pair"),
        ],
    )
    @in_loop
    async def test_ticket_is_bounded(self, tmp_path: Path, fields: dict[str, Any], fault: str) -> None:
        """What is too large is refused before anything is written."""
        async with self.opened(tmp_path) as [store]:
            with pytest.raises(ValueError, match=fault):
                await put(store, "t", **fields)

            assert None is await take(store, "t")

    @in_loop
    async def test_ticket_has_one_winner(self, tmp_path: Path) -> None:
        """Of many who present it at once, on two nodes, one gets it."""
        async with self.opened(tmp_path, handles=2) as [ours, theirs]:
            await put(ours, "t")
            found = await asyncio.gather(*(take(store, "t") for store in [ours, theirs] * 20))

            assert ["payload of t"] == [payload for payload in found if payload is not None]


class LastingStoreContract(StoreContract):
    """More for stores that outlive a process."""

    @in_loop
    async def test_open_of_nothing_is_missing(self, tmp_path: Path) -> None:
        """A server makes no store: it says what is missing and who makes it, and leaves no trace."""
        store = self.new_store(tmp_path)
        with pytest.raises(StoreMissing, match="wssec store migrate"):
            await store.open()
        await store.close()

        assert [] == os.listdir(tmp_path)

    @in_loop
    async def test_everything_survives_reopening(self, tmp_path: Path) -> None:
        """The generation, the log with its cursors, the keys, the tickets and the records are there again."""
        async with self.opened(tmp_path) as [store]:
            entry = await store.append(revocation("a"))
            await store.publish_keys("{}")
            await put(store, "t")
            for name in ("kept", "dropped"):
                await keep(store, name, expires_at=NOW + 60)
            await store.drop_record(RecordKind.API_KEY, "dropped")
            generation = await store.generation()

        again = self.another(store)
        await again.open()
        found = (await again.generation(), list(await again.read_after(None, 10)), await again.published_keys())
        ticket = await take(again, "t")
        records = (await names_of(again), await find(again, "kept"), await find(again, "kept", NOW + 60))
        await again.close()

        assert (generation, [entry], "{}") == found
        assert "payload of t" == ticket
        assert (["kept"], "record kept", None) == records
