"""Tickets in Redis.

Rules of this file:
1. Of any racers, the one whose GETDEL removes the ticket has it.
2. A ticket ends by the server's clock and by the expiry that stands in it: a clock put back finds nothing.
3. Owners are hashed, so that none is a pattern or grows a key.
"""

import hashlib
import math
from typing import Final

from ..errors import StoreCorrupt
from ..policy.records import ensure_seconds
from ..policy.tickets import PAYLOAD_BYTES
from .redis_link import RedisLink
from .redis_scripts import PUT_TICKET, TAKE_TICKET, Keys

VALUE_BYTES: Final = PAYLOAD_BYTES + 128
"""The payload, its end and the hash of its owner."""

LIFE_MILLISECONDS_MOST: Final = 365 * 86_400_000
"""Nobody's ticket; it keeps a mistake from being an error of the server."""


class RedisTickets:
    """What is outstanding.

    Args:
        link: the way to the server.
        keys: of the store.
    """

    def __init__(self, link: RedisLink, keys: Keys) -> None:
        self._link = link
        self._keys = keys

    async def put(self, digest: str, owner: str, payload: str, expires_at: float, most: int, now: float) -> bool:
        """Keep a ticket; False when the owner has as many as allowed, or the digest is taken."""
        end = ensure_seconds("expires_at", expires_at)
        milliseconds = min(max(1, math.ceil((end - now) * 1000)), LIFE_MILLISECONDS_MOST)
        whose = hashlib.sha256(owner.encode()).hexdigest()
        value = f"{end!r} {whose} {payload}"
        keys = [self._keys.tickets + digest, self._keys.owners + whose]
        arguments = (digest, value, repr(end), repr(float(now)), most, self._keys.tickets, milliseconds)
        return bool(await self._link.run(PUT_TICKET, keys, *arguments))

    async def take(self, digest: str, now: float) -> str | None:
        """Remove a ticket and return its payload; None when it is unknown or has ended."""
        key = self._keys.tickets + digest
        value = await self._link.run(TAKE_TICKET, [key], VALUE_BYTES, self._keys.owners, digest)
        if value is None:
            return None
        try:
            end, _, payload = value.decode().split(" ", 2)
            return payload if now < float(end) else None
        except ValueError:
            raise StoreCorrupt(f"{self._link.url} held a ticket that was none of ours; it is gone") from None
