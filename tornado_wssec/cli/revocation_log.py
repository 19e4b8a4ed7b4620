"""The revocation log as a person asks for it: every entry, and where it stands."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from ..policy.revocations import LogEntry, Revocation, RevocationIndex, Undo
from ..stores.base import Store

PAGE: Final = 1_000
"""Entries a call; the store answers each within its time."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A revocation, and the undo that took it back."""

    revocation: Revocation
    undo: Undo | None

    def state(self, now: float) -> str:
        """`undone`, `expired`, `pending` (within its margin) or `active`."""
        if self.undo is not None:
            return "undone"
        if self.revocation.expires_at is not None and self.revocation.expires_at < now:
            return "expired"
        return "pending" if self.revocation.effective_at > now else "active"


async def read_log(store: Store) -> AsyncIterator[LogEntry]:
    """Every entry of the log, in order."""
    cursor: str | None = None
    while page := await store.read_after(cursor, PAGE):
        for entry in page:
            yield entry
        cursor = page[-1].cursor


async def read_index(store: Store) -> RevocationIndex:
    """The log as servers hold it in memory."""
    index = RevocationIndex()
    async for entry in read_log(store):
        index.apply(entry)
    return index


async def read_standings(store: Store) -> list[Standing]:
    """Every revocation of the log, in order, with its undo."""
    revocations: dict[str, Revocation] = {}
    undos: dict[str, Undo] = {}
    async for entry in read_log(store):
        if isinstance(entry.body, Undo):
            undos.setdefault(entry.body.id, entry.body)
        elif isinstance(entry.body, Revocation):
            revocations.setdefault(entry.body.id, entry.body)
    return [Standing(revocation, undos.get(id)) for id, revocation in revocations.items()]


def describe(revocation: Revocation) -> dict[str, Any]:
    """A revocation for programs; times are Unix seconds."""
    return {
        "id": revocation.id,
        "kind": str(revocation.kind),
        "value": revocation.value,
        "issuer": revocation.issuer,
        "at": revocation.at,
        "before": revocation.before,
        "effective_at": revocation.effective_at,
        "expires_at": revocation.expires_at,
        "reason": revocation.reason,
    }
