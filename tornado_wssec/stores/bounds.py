"""How large what a store keeps may be. Larger values never reach a statement or a command.

The entries of the log have their own bounds: `policy.revocation_entries.ensure_storable`.
"""

from typing import Final

from ..policy.records import ensure_text
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
