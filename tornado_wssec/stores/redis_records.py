"""Records of logins and API keys in Redis: their values, their names in order, and when they end.

Rule of this file: whether a record has ended is decided by the end that stands in it; what is swept
away only saves room.
"""

from collections.abc import Sequence
from typing import Final

from ..errors import StoreCorrupt
from ..policy.credential_records import RECORD_BYTES, RecordKind, StoredRecord
from .redis_link import RedisLink
from .redis_scripts import DROP_RECORD, FIND_RECORD, LIST_RECORDS, PUT_RECORD, Keys
from .redis_writer import Writer

VALUE_BYTES: Final = RECORD_BYTES + 64
"""The payload and its end."""

ENDLESS: Final = "-"


class RedisRecords:
    """What must outlive a process.

    Args:
        link: the way to the server.
        keys: of the store.
        writer: makes writes that last.
    """

    def __init__(self, link: RedisLink, keys: Keys, writer: Writer) -> None:
        self._link = link
        self._keys = keys
        self._writer = writer

    async def put(self, kind: RecordKind, name: str, payload: str, expires_at: float | None, now: float) -> bool:
        """Keep a record; False when the name is taken."""
        end = "" if expires_at is None else repr(float(expires_at))
        value = f"{end or ENDLESS} {payload}"
        return bool(await self._writer.write(PUT_RECORD, self._keys.records(kind), name, value, end, repr(float(now))))

    async def find(self, kind: RecordKind, name: str, now: float) -> str | None:
        """The payload of a record that has not ended, or None."""
        values, _, _ = self._keys.records(kind)
        value = await self._link.run(FIND_RECORD, [values], name, VALUE_BYTES)
        return None if value is None else self._payload(value, now)

    async def list(self, kind: RecordKind, now: float, after: str, most: int) -> Sequence[StoredRecord]:
        """At most `most` records that have not ended, behind a name, by name."""
        arguments = (after, most, repr(float(now)), VALUE_BYTES)
        rows = await self._link.run(LIST_RECORDS, self._keys.records(kind), *arguments)
        found = ((name.decode("ascii", "replace"), self._payload(value, now)) for name, value in rows)
        return [StoredRecord(name, payload) for name, payload in found if payload is not None]

    async def drop(self, kind: RecordKind, name: str) -> bool:
        """Forget a record; False when there was none."""
        return bool(await self._writer.write(DROP_RECORD, self._keys.records(kind), name))

    def _payload(self, value: bytes, now: float) -> str | None:
        try:
            end, _, payload = value.decode().partition(" ")
            return payload if end == ENDLESS or now < float(end) else None
        except ValueError:
            raise StoreCorrupt(f"{self._link.url} holds a record that is none of ours; drop it by name") from None
