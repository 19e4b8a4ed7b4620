"""The directory of live connections as a person asks for it: every entry, whom it is about, and since when."""

from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import click

from ..policy.session_directory import Entry
from ..stores.base import Store
from .context import now
from .output import show_time
from .values import name

PAGE: Final = 500
"""Entries a call; the store answers each within its time."""

TITLES: Final = ("session", "subject", "tenant", "endpoint", "address", "since", "expires", "node")

subject_option = click.option("--subject", type=name, metavar="U", help="Only of this subject.")
tenant_option = click.option("--tenant", type=name, metavar="T", help="Only of this tenant.")
issuer_option = click.option("--issuer", help="Only of this issuer; of any otherwise.")


async def read_entries(store: Store) -> AsyncIterator[Entry]:
    """Every live connection that the directory knows of."""
    after = ""
    while True:
        entries, after = await store.list_entries(after=after, most=PAGE, now=now())
        for entry in entries:
            yield entry
        if not after:
            return


async def matching(store: Store, wanted: Callable[[Entry], bool]) -> list[Entry]:
    """Those that are wanted, the longest connected first."""
    return sorted([entry async for entry in read_entries(store) if wanted(entry)], key=lambda entry: entry.since)


def is_of(entry: Entry, **wanted: str | None) -> bool:
    """Whether everything that is given is true of it."""
    return all(value is None or getattr(entry, name) == value for name, value in wanted.items())


def describe(entry: Entry) -> dict[str, Any]:
    """A connection for programs; times are Unix seconds."""
    return {
        "session": entry.session,
        "connection": entry.connection,
        "subject": None if entry.anonymous else entry.subject,
        "issuer": entry.issuer,
        "tenant": entry.tenant,
        "endpoint": entry.endpoint,
        "address": entry.address,
        "since": entry.since,
        "expires_at": entry.expires_at,
        "node": entry.node,
        "pid": entry.pid,
    }


def row(entry: Entry) -> tuple[str | None, ...]:
    """A connection for people."""
    subject = None if entry.anonymous else entry.subject
    times = (show_time(entry.since), show_time(entry.expires_at))
    return (entry.session, subject, entry.tenant, entry.endpoint, entry.address, *times, entry.node)
