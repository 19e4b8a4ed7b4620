"""The revocation log in Redis: one stream, read by cursor.

Rules of this file:
1. To see an entry twice is harmless, to miss one is not: a cursor of another life reads from the start.
2. A life ends with a restart or a failover, too: either may have lost what came last.
3. What is read is checked; what is not ours is StoreCorrupt, and no value of it is told.
"""

import asyncio
import re
from collections.abc import Sequence
from typing import Any, Final

from ..errors import StoreCorrupt
from ..policy.revocation_entries import BODY_BYTES, Body, LogEntry, Notice, class_of, dump_body, load_body
from .redis_link import RedisLink
from .redis_primary import Lane, send
from .redis_scripts import APPEND, MARK, PRUNE, READ_AFTER, Keys
from .redis_writer import Writer

APPLIED_MILLISECONDS: Final = 5_000
"""For how long a server counts as live after it has read the log; it reads once a second at least."""

_PLACE: Final = r"(?:0|[1-9][0-9]{0,14})-(?:0|[1-9][0-9]{0,14})"
_is_place: Final = re.compile(_PLACE).fullmatch
_CURSOR: Final = re.compile(rf"([0-9a-f]{{0,32}}\.[0-9a-f]{{0,8}})-({_PLACE})").fullmatch


class RedisLog:
    """The log, and the mark that changes with it.

    Args:
        link: the way to the server.
        keys: of the store.
        writer: makes appends that last.
    """

    def __init__(self, link: RedisLink, keys: Keys, writer: Writer) -> None:
        self._link = link
        self._keys = keys
        self._writer = writer
        self._is_following = False

    async def append(self, body: Body) -> LogEntry:
        """Add an entry, or find the one that is there."""
        keys = self._keys
        name, ends = f"{class_of(body)}:{body.id}", "" if body.expires_at is None else repr(float(body.expires_at))
        ends_of = keys.notice_ends if isinstance(body, Notice) else keys.ends
        names = [keys.log, keys.places, ends_of, keys.changes, keys.generation]
        life, place, text = await self._writer.append(APPEND, names, name, dump_body(body), ends, BODY_BYTES)
        return self._entry(life, place, text)

    async def read_after(self, cursor: str | None, limit: int) -> Sequence[LogEntry]:
        """At most `limit` entries after the cursor. Who follows the log has applied what is before it."""
        found = _CURSOR(cursor or "")
        life, place = found.groups() if found else ("", "0-0")
        names = [self._keys.log, self._keys.generation, self._keys.applied]
        arguments = (life, place, limit, BODY_BYTES, int(self._is_following), APPLIED_MILLISECONDS)
        own_life, *entries = await self._link.run(READ_AFTER, names, *arguments)
        return [self._entry(own_life, *entry) for entry in entries]

    async def prune(self, now: float, limit: int, notices: bool) -> int:
        """Delete at most `limit` ended entries; an undo not before its revocation."""
        keys = self._keys
        names = [keys.log, keys.places, keys.notice_ends if notices else keys.ends, keys.changes]
        return int(await self._link.run(PRUNE, names, repr(float(now)), limit))

    async def life(self) -> str:
        """The life of the store."""
        return (await self.change_mark()).partition(":")[0]

    async def change_mark(self) -> str:
        """The life of the store, and its last change."""
        life, last = await self._link.run(MARK, [self._keys.changes, self._keys.generation])
        return f"{life.decode()}:{last.decode()}"

    async def wait_for_change(self, mark: str, seconds: float) -> str:
        """The new mark as soon as there is one, or the same after so many seconds."""
        self._is_following = True
        until = asyncio.get_running_loop().time() + seconds
        await self._link.look_for_primary()
        found = await self.change_mark()
        left = until - asyncio.get_running_loop().time()
        if found != mark or left <= 0:
            return found
        await self._block(found.rpartition(":")[2], left)
        return await self.change_mark()

    async def _block(self, last: str, seconds: float) -> None:
        milliseconds = max(1, int(seconds * 1000))
        words = ("XREAD", "COUNT", 1, "BLOCK", milliseconds, "STREAMS", self._keys.changes, last)
        async with self._link.one_connection(Lane.FOLLOWING) as one:
            await self._link.within(seconds + self._link.budget, send(one, *words))

    def _entry(self, life: bytes, place: bytes, text: Any) -> LogEntry:
        id = place.decode()
        try:
            if not _is_place(id):  # a cursor that cannot be read would be read from the start for ever
                raise ValueError("its id is out of range")
            return LogEntry(f"{life.decode()}-{id}", load_body(text.decode()))
        except ValueError as error:  # UnicodeDecodeError is one
            fault = "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
            where = f"entry {id:.64} of {self._keys.log}"
            remedy = "remove it with XDEL if another application put it there"
            raise StoreCorrupt(f"{self._link.url}: {where} is none of ours ({fault}); {remedy}") from None
