"""What tests of stores have in common: entries, tickets, and event loops to use them in."""

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from tornado_wssec.policy.credential_records import RecordKind
from tornado_wssec.policy.digests import digest_of
from tornado_wssec.policy.moderation_entries import Measure, Moderation
from tornado_wssec.policy.revocation_entries import Notice, NoticeKind
from tornado_wssec.policy.revocations import Body, Kind, LogEntry, Revocation, Undo
from tornado_wssec.settings import Timeouts
from tornado_wssec.stores.base import Store

PATIENT = Timeouts(store_call=30.0, store_sync=30.0)
"""A busy machine is no fault."""

T = TypeVar("T")

NOW = 1_700_000_000.0


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an asynchronous test in an event loop of its own."""

    @functools.wraps(test)
    def run(*arguments: Any, **fixtures: Any) -> None:
        asyncio.run(test(*arguments, **fixtures))

    # pytest would take the wrapped function for one that it cannot run.
    del run.__wrapped__
    run.__signature__ = inspect.signature(test)  # type: ignore[attr-defined]  # what pytest asks for fixtures
    return run


async def result_of(call: Awaitable[T]) -> T:
    """What the call returns, as the coroutine that `asyncio.run` wants."""
    return await call


def revocation(id: str, **fields: Any) -> Revocation:
    """An entry about the token of the same name, ended an hour after NOW."""
    given = {"kind": Kind.TOKEN, "value": id, "at": NOW, "effective_at": NOW, "expires_at": NOW + 3600, **fields}
    return Revocation(id=id, **given)


def undo(id: str, **fields: Any) -> Undo:
    """An entry that takes the one of the same id back."""
    return Undo(id=id, **{"at": NOW, "expires_at": NOW + 3600, **fields})


def notice(id: str, **fields: Any) -> Notice:
    """An entry that ends the connections of the session of the same name, and expires ten minutes after NOW."""
    given = {"kind": NoticeKind.KICK, "session": id, "at": NOW, "expires_at": NOW + 600, **fields}
    return Notice(id=id, **given)


def moderation(id: str, **fields: Any) -> Moderation:
    """An entry that mutes somebody in one channel for an hour from NOW."""
    given = {"measure": Measure.MUTE, "channel": "room:a", "subject": "u1", "at": NOW, "expires_at": NOW + 3600}
    return Moderation(id=id, **{**given, **fields})


def bodies(entries: Iterable[LogEntry]) -> list[Body]:
    """The entries without their cursors."""
    return [entry.body for entry in entries]


async def whole_log(store: Store) -> list[Body]:
    """Everything in the log, read in small pieces."""
    found: list[LogEntry] = []
    while more := await store.read_after(found[-1].cursor if found else None, 2):
        found += more
    return bodies(found)


async def put(store: Store, ticket: str, *, now: float = NOW, **fields: Any) -> bool:
    """Keep a ticket for 30 s, named by a text instead of its digest."""
    given = {"owner": "u1", "payload": f"payload of {ticket}", "expires_at": now + 30, "most": 10, **fields}
    return await store.put_ticket(digest_of(ticket), now=now, **given)


async def take(store: Store, ticket: str, now: float = NOW) -> str | None:
    """Spend a ticket."""
    return await store.take_ticket(digest_of(ticket), now)


async def keep(store: Store, name: str, payload: str | None = None, *, now: float = NOW, **fields: Any) -> bool:
    """Keep a record of an API key without an end, `record {name}` where no payload is given."""
    given = {"kind": RecordKind.API_KEY, "expires_at": None, **fields}
    text = f"record {name}" if payload is None else payload
    return await store.put_record(given["kind"], name, text, expires_at=given["expires_at"], now=now)


async def find(store: Store, name: str, now: float = NOW, *, kind: RecordKind = RecordKind.API_KEY) -> str | None:
    """The payload of a record."""
    return await store.find_record(kind, name, now)


async def names_of(store: Store, now: float = NOW, *, kind: RecordKind = RecordKind.API_KEY) -> list[str]:
    """The names of all records of a kind, of which there are not many."""
    return [record.name for record in await store.list_records(kind, now, after="", most=1000)]


@asynccontextmanager
async def opened(store: Store) -> AsyncIterator[Store]:
    """The store, made, open and closed again."""
    await store.migrate(NOW)
    await store.open()
    try:
        yield store
    finally:
        await store.close()
