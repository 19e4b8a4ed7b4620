"""What every store must do with records of credentials. Part of the contract in `contract.py`."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from tornado_wssec.policy.credential_records import RECORD_BYTES, RecordKind
from tornado_wssec.policy.revocation_entries import LogEntry
from tornado_wssec.stores.base import Store

from .kit import NOW, find, in_loop, keep, names_of, revocation, whole_log

KEYS = RecordKind.API_KEY

HOSTILE_NAMES = [
    "'; DROP TABLE credential_record;--",
    'a" OR "1"="1',
    "%",
    "_",
    "*",
    "a\r\nFLUSHALL",
    "a\0b",
    "x" * 129,
    "x" * 1_000_000,
    "",
    " a",
    "é",
    "\ud800",
    "a\n",
]
"""Attack line K09. Those that can be names are names like any other, the others are refused."""


class RecordContract:
    """The suite for what remembers logins and API keys."""

    def opened(self, place: Path, handles: int = 1) -> AbstractAsyncContextManager[Sequence[Store]]:
        """Handles on a store with a generation, closed afterwards."""
        raise NotImplementedError

    @in_loop
    async def test_record_comes_back_as_it_was_given(self, tmp_path: Path) -> None:
        """Whatever text is in it; and as often as it is asked for."""
        payload = '{"who":"誰","nul":"\0","quote":"\'\\""}\r\n'
        async with self.opened(tmp_path) as [store]:
            assert await keep(store, "ak1", payload)
            assert [payload, payload] == [await find(store, "ak1") for _ in range(2)]

    @in_loop
    async def test_record_that_is_unknown_is_none(self, tmp_path: Path) -> None:
        """In a store that never held one, and beside another of nearly the same name."""
        async with self.opened(tmp_path) as [store]:
            before = await find(store, "ak1")
            await keep(store, "ak1")

            assert [None] * 4 == [before, *[await find(store, name) for name in ("AK1", "ak", "ak11")]]

    @in_loop
    async def test_record_whose_name_is_taken_stays(self, tmp_path: Path) -> None:
        """The second is refused, and the first is as it was."""
        async with self.opened(tmp_path) as [store]:
            kept = [await keep(store, "ak1", "first"), await keep(store, "ak1", "second", expires_at=NOW + 3600)]

            assert [True, False] == kept
            assert "first" == await find(store, "ak1", NOW + 7200)

    @in_loop
    async def test_records_of_two_kinds_do_not_meet(self, tmp_path: Path) -> None:
        """A login, an API key and a clock of one name are three records."""
        async with self.opened(tmp_path) as [store]:
            kept = [await keep(store, "same", kind.value, kind=kind) for kind in RecordKind]
            dropped = await store.drop_record(RecordKind.LOGIN, "same")

            assert ([True, True, True], True) == (kept, dropped)
            assert [None, "api-key", "clock"] == [await find(store, "same", kind=kind) for kind in RecordKind]
            assert ([], ["same"]) == (await names_of(store, kind=RecordKind.LOGIN), await names_of(store))

    @in_loop
    async def test_record_ends_at_its_expiry(self, tmp_path: Path) -> None:
        """It is good until then and not at that moment; neither found nor listed."""
        async with self.opened(tmp_path) as [store]:
            await keep(store, "ends", expires_at=NOW + 30.5)
            await keep(store, "stays")
            moments = (NOW + 30.499, NOW + 30.5)

            assert ["record ends", None] == [await find(store, "ends", moment) for moment in moments]
            assert [["ends", "stays"], ["stays"]] == [await names_of(store, moment) for moment in moments]

    @in_loop
    async def test_record_without_an_end_has_none(self, tmp_path: Path) -> None:
        """It is there for as long as anybody can count."""
        async with self.opened(tmp_path) as [store]:
            await keep(store, "ak1")
            await keep(store, "other", expires_at=NOW + 1, now=NOW + 3e9)

            assert "record ak1" == await find(store, "ak1", NOW + 3e9)

    @in_loop
    async def test_record_takes_the_name_of_one_that_has_expired(self, tmp_path: Path) -> None:
        """On the dot, also when more have expired than are swept away at once."""
        async with self.opened(tmp_path) as [store]:
            for number in range(120):
                await keep(store, f"ak{number:03}", expires_at=NOW + 30)
            early = await keep(store, "ak119", "new", now=NOW + 29.999)
            on_time = await keep(store, "ak119", "new", now=NOW + 30)

            assert (False, True) == (early, on_time)
            assert "new" == await find(store, "ak119", NOW + 31)

    @in_loop
    async def test_records_that_expired_do_not_pile_up(self, tmp_path: Path) -> None:
        """Each new one sweeps more than one away, so that a clock put back finds nothing."""
        async with self.opened(tmp_path) as [store]:
            for number in range(4):
                await keep(store, f"ak{number}", expires_at=NOW + 30)
            await keep(store, "later", now=NOW + 31)

            assert ["later"] == await names_of(store, NOW)

    @in_loop
    async def test_records_are_listed_by_name_in_pages(self, tmp_path: Path) -> None:
        """Each page begins behind the last name of the one before; upper case sorts first, as in ASCII."""
        names = ["b", "a", "C", "a1", "~", "!", "aa", "a-1"]
        async with self.opened(tmp_path) as [store]:
            for name in names:
                await keep(store, name)
            found: list[str] = []
            while page := await store.list_records(KEYS, NOW, after=found[-1] if found else "", most=3):
                assert [f"record {record.name}" for record in page] == [record.payload for record in page]
                found += [record.name for record in page]

            assert sorted(names) == found

    @in_loop
    async def test_records_are_listed_behind_a_name_that_is_not_there(self, tmp_path: Path) -> None:
        """It may have been dropped since the page before: nothing is left out for that."""
        async with self.opened(tmp_path) as [store]:
            for name in ("a", "c"):
                await keep(store, name)

            assert ["c"] == [record.name for record in await store.list_records(KEYS, NOW, after="b", most=10)]
            assert [] == list(await store.list_records(KEYS, NOW, after="c", most=10))

    @in_loop
    async def test_record_that_expired_does_not_shorten_a_page(self, tmp_path: Path) -> None:
        """A page is full as long as there are enough: a short one is the last."""
        async with self.opened(tmp_path) as [store]:
            for number in range(6):
                await keep(store, f"ak{number}", expires_at=NOW + 30 if number % 2 else None)

            page = await store.list_records(KEYS, NOW + 30, after="", most=3)
            assert ["ak0", "ak2", "ak4"] == [record.name for record in page]

    @in_loop
    async def test_record_that_is_dropped_is_gone(self, tmp_path: Path) -> None:
        """Once; a second time there is none, and nobody else's is touched."""
        async with self.opened(tmp_path) as [store]:
            await keep(store, "ak1")
            await keep(store, "ak2")
            dropped = [await store.drop_record(KEYS, "ak1") for _ in range(3)]

            assert [True, False, False] == dropped
            assert (None, ["ak2"]) == (await find(store, "ak1"), await names_of(store))

    @in_loop
    async def test_record_may_be_given_the_name_of_a_dropped_one(self, tmp_path: Path) -> None:
        """Whether a name is used again is for the caller to say."""
        async with self.opened(tmp_path) as [store]:
            await keep(store, "ak1", "first")
            await store.drop_record(KEYS, "ak1")

            assert await keep(store, "ak1", "second")
            assert "second" == await find(store, "ak1")

    @in_loop
    async def test_records_are_seen_by_every_handle(self, tmp_path: Path) -> None:
        """What one node keeps the other finds at once, and what it drops is gone there too."""
        async with self.opened(tmp_path, handles=2) as [ours, theirs]:
            await keep(ours, "ak1")
            found = [await find(theirs, "ak1"), await names_of(theirs), await keep(theirs, "ak1")]
            await theirs.drop_record(KEYS, "ak1")

            assert ["record ak1", ["ak1"], False] == found
            assert (None, []) == (await find(ours, "ak1"), await names_of(ours))

    @in_loop
    async def test_record_has_one_maker(self, tmp_path: Path) -> None:
        """Of many who keep one name at once, on two nodes, one succeeds; of many who drop it, one did."""
        async with self.opened(tmp_path, handles=2) as stores:
            kept = await asyncio.gather(*(keep(store, "ak1", str(index)) for index, store in enumerate([*stores] * 8)))
            found = await find(stores[0], "ak1")
            dropped = await asyncio.gather(*(store.drop_record(KEYS, "ak1") for store in [*stores] * 8))

            assert (1, str(kept.index(True))) == (sum(kept), found)
            assert 1 == sum(dropped)

    @in_loop
    async def test_records_leave_the_log_alone(self, tmp_path: Path) -> None:
        """A login must not make every node read the log again: a cursor stays good."""
        async with self.opened(tmp_path, handles=2) as [ours, theirs]:
            entry: LogEntry = await ours.append(revocation("a"))
            await keep(theirs, "ak1")
            await theirs.drop_record(KEYS, "ak1")

            assert [] == list(await ours.read_after(entry.cursor, 10))
            assert [revocation("a")] == await whole_log(ours)

    @in_loop
    async def test_records_do_not_mark_what_is_read_or_refused(self, tmp_path: Path) -> None:
        """A handshake that looks one up wakes nobody."""
        async with self.opened(tmp_path) as [store]:
            await keep(store, "ak1")
            before = await store.change_mark()
            await find(store, "ak1")
            await names_of(store)

            assert before == await store.change_mark()

    @pytest.mark.parametrize("name", HOSTILE_NAMES, ids=lambda name: ascii(name)[:40])
    @in_loop
    async def test_k09_names_of_records_are_only_names(self, tmp_path: Path, name: str) -> None:
        """A statement, a pattern or a command in a name is refused, or a name like any other."""
        is_name = 1 <= len(name) <= 128 and all("!" <= character <= "~" for character in name)
        async with self.opened(tmp_path) as [store]:
            await keep(store, "victim")
            if is_name:
                assert await keep(store, name)
                assert f"record {name}" == await find(store, name)
                assert await store.drop_record(KEYS, name)
            else:
                for attempt in (keep(store, name), find(store, name), store.drop_record(KEYS, name)):
                    with pytest.raises(ValueError, match="this cannot be the name of the record"):
                        await attempt

            assert ["victim"] == await names_of(store)

    @pytest.mark.parametrize("payload", ["'; DROP TABLE credential_record;--", "*3\r\n$8\r\nFLUSHALL\r\n", "", "%s"])
    @in_loop
    async def test_k09_payloads_of_records_are_only_text(self, tmp_path: Path, payload: str) -> None:
        """Nothing in them is acted on."""
        async with self.opened(tmp_path) as [store]:
            await keep(store, "victim")
            await keep(store, "ak1", payload)

            assert payload == await find(store, "ak1")
            assert ["ak1", "victim"] == await names_of(store)

    @pytest.mark.parametrize(
        ("given", "fault"),
        [
            ({"payload": "x" * (RECORD_BYTES + 1)}, "payload is 32769 bytes long; shorten it to 32768"),
            ({"payload": "é" * (RECORD_BYTES // 2 + 1)}, "payload is 32770 bytes long"),
            ({"payload": "\udfff"}, "half a surrogate pair"),
            ({"expires_at": float("nan")}, "expires_at is not finite"),
            ({"expires_at": float("inf")}, "expires_at is not finite"),
        ],
    )
    @in_loop
    async def test_record_is_bounded(self, tmp_path: Path, given: dict[str, Any], fault: str) -> None:
        """What no store keeps is refused before anything is written."""
        async with self.opened(tmp_path) as [store]:
            with pytest.raises(ValueError, match=fault):
                await keep(store, "ak1", **given)

            assert None is await find(store, "ak1")

    @in_loop
    async def test_record_may_be_as_large_as_is_said(self, tmp_path: Path) -> None:
        """The last byte counts, and so does the longest name."""
        name, payload = "x" * 128, "é" * (RECORD_BYTES // 2)
        async with self.opened(tmp_path) as [store]:
            assert await keep(store, name, payload)
            assert payload == await find(store, name)

    @pytest.mark.parametrize(("after", "most"), [("a b", 1), ("x" * 129, 1), ("", 0), ("", -1)])
    @in_loop
    async def test_records_are_not_listed_without_bounds(self, tmp_path: Path, after: str, most: int) -> None:
        """A page of -1 would be all of them to some databases."""
        async with self.opened(tmp_path) as [store]:
            with pytest.raises(ValueError, match=r"cannot be the name|ask for 1 or more"):
                await store.list_records(KEYS, NOW, after=after, most=most)
