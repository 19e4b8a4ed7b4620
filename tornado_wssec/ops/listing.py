"""The connections: those of this process as they are, those of all nodes as the directory has them."""

from typing import TYPE_CHECKING, Any, Final

from ..hub import Live
from ..policy.session_directory import Entry
from .spread import entries_of
from .terms import ROWS

if TYPE_CHECKING:
    from ..guard import Guard

GRANTS_SHOWN: Final = 100
CHANNELS_SHOWN: Final = 100


def page_of_here(guard: "Guard", search: str, page: int) -> dict[str, Any]:
    """A page of this process's connections, the newest first."""
    wanted = search.casefold()
    found = [live for live in guard.hub if not wanted or wanted in _text_of(live.place.entry)]
    found.sort(key=lambda live: -live.lifetime.began_at)
    first = page * ROWS
    rows = [_row_of_live(live) for live in found[first : first + ROWS]]
    return {"rows": rows, "matched": len(found), "total": len(guard.hub), "page": page}


async def page_of_all(guard: "Guard", search: str, page: int) -> dict[str, Any]:
    """A page of the connections of all nodes, the newest first; StoreError."""
    wanted, found, total = search.casefold(), [], 0
    async for entry in entries_of(guard):
        total += 1
        if not wanted or wanted in _text_of(entry):
            found.append(entry)
    found.sort(key=lambda entry: -entry.since)
    first = page * ROWS
    rows = [_row_of(entry) for entry in found[first : first + ROWS]]
    return {"rows": rows, "matched": len(found), "total": total, "page": page}


def details(guard: "Guard", connection: str) -> dict[str, Any] | None:
    """Everything that is known of a connection of this process; None where it is gone, or elsewhere."""
    live = next((live for live in guard.hub if live.place.entry.connection == connection), None)
    if live is None:
        return None
    identity, socket, now = live.session.identity, live.connection, guard.clock.monotonic()
    grants = sorted(identity.permissions)
    return {
        **_row_of(live.place.entry),
        **_row_of_live(live),
        "token": identity.token_id,
        "key": identity.key_id,
        "roles": list(identity.roles)[:GRANTS_SHOWN],
        "grants": grants[:GRANTS_SHOWN],
        "grants_more": max(0, len(grants) - GRANTS_SHOWN),
        "channels_listened": sorted(live.channels)[:CHANNELS_SHOWN],
        "expires_in": live.lifetime.expires_in(now),
        "sent_bytes": socket.sent_bytes,
        "heard_frames": socket.heard_frames,
        "is_paused": not socket.is_reading,
        "is_in_doubt": live.session.is_in_doubt,
    }


def _row_of_live(live: Live) -> dict[str, Any]:
    """What the list shows, and no more: it is asked for every few seconds."""
    entry = live.place.entry
    return {
        "connection": entry.connection,
        "session": entry.session,
        "subject": entry.subject,
        "tenant": entry.tenant,
        "address": entry.address,
        "endpoint": entry.endpoint,
        "since": round(entry.since),
        "anonymous": entry.anonymous,
        "queued": live.connection.buffered_bytes,
        "closing": live.session.is_closing,
    }


def _row_of(entry: Entry) -> dict[str, Any]:
    return {
        "connection": entry.connection,
        "session": entry.session,
        "subject": entry.subject,
        "issuer": entry.issuer,
        "tenant": entry.tenant,
        "address": entry.address,
        "endpoint": entry.endpoint,
        "node": entry.node,
        "since": entry.since,
        "anonymous": entry.anonymous,
    }


def _text_of(entry: Entry) -> str:
    """What is searched, a line each, so that no match reaches over from one to the next."""
    return f"{entry.subject}\n{entry.tenant}\n{entry.address}\n{entry.session}\n{entry.endpoint}".casefold()
