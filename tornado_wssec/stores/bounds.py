"""How large what a store keeps may be. Larger values never reach a statement or a command.

The entries of the log have their own bounds: `policy.revocation_entries.ensure_storable`.
"""

from collections.abc import Sequence
from typing import Final

from ..policy.credential_records import RECORD_BYTES
from ..policy.records import ensure_seconds, ensure_text
from ..policy.revocation_entries import ensure_name
from ..policy.session_directory import ENTERED_AT_ONCE, Entry
from ..policy.tickets import PAYLOAD_BYTES
from ..settings import KiB

DOCUMENT_BYTES: Final = 256 * KiB
"""Some hundred public keys; a ring has a handful."""


def ensure_document(document: str) -> None:
    """Refuse a key document that is too large; ValueError."""
    ensure_text("the key document", document, DOCUMENT_BYTES)


def ensure_ticket(digest: str, owner: str = "", payload: str = "") -> None:
    """Refuse a ticket whose parts are too large; ValueError."""
    ensure_text("the digest", digest)
    ensure_text("the owner", owner)
    ensure_text("the payload", payload, PAYLOAD_BYTES)


def ensure_record(name: str, payload: str, expires_at: float | None) -> None:
    """Refuse a record whose name, payload or end no store keeps; ValueError."""
    ensure_name("name of the record", name)
    ensure_text("the payload", payload, RECORD_BYTES)
    if expires_at is not None:
        ensure_seconds("expires_at", expires_at)  # NaN would be NULL in a database: no end at all


def ensure_node(node: str) -> None:
    """Refuse what could not be the name of a node; ValueError."""
    ensure_name("node", node)


def ensure_entries(node: str, entries: Sequence[Entry]) -> None:
    """Refuse entries of another node, or too many at once; ValueError."""
    ensure_connections(node, [entry.connection for entry in entries])
    if any(entry.node != node for entry in entries):
        raise ValueError(f"an entry is of another node than {node}; enter it as its own")


def ensure_connections(node: str, connections: Sequence[str]) -> None:
    """Refuse what could not name connections, or too many at once; ValueError."""
    ensure_node(node)
    if len(connections) > ENTERED_AT_ONCE:
        raise ValueError(f"{len(connections)} connections are too many at once; give {ENTERED_AT_ONCE} at most")
    for connection in connections:
        ensure_name("connection", connection)


def ensure_page(after: str, most: int) -> None:
    """Refuse a page of records that begins behind no name, or is of no size; ValueError."""
    if after:
        ensure_name("name of the record", after)
    if most < 1:
        raise ValueError(f"at most {most} records are none; ask for 1 or more")
