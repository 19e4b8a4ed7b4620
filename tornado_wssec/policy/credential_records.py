"""Where logins and API keys are remembered: by a public name, without the secret that goes with it.

And how far clocks have come, see `timekeeping`.
"""

from collections.abc import Awaitable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from ..settings import KiB


class RecordKind(StrEnum):
    """What a record is of. Names of one kind say nothing of another."""

    LOGIN = "login"
    API_KEY = "api-key"
    CLOCK = "clock"


RECORD_BYTES: Final = 32 * KiB
"""Room for the claims of the largest token, and the rest of the record; as a ticket's."""


class StoredRecord(NamedTuple):
    """One record, as it stands in a store."""

    name: str
    payload: str


class RecordStore(Protocol):
    """Records that outlive a process, durable once a call returns. Raises StoreError where the store does not answer.

    A name is 1–128 printable ASCII characters without spaces; a payload at most `RECORD_BYTES`. ValueError for others.
    """

    def put_record(
        self, kind: RecordKind, name: str, payload: str, *, expires_at: float | None, now: float
    ) -> Awaitable[bool]:
        """Keep a record; False when the name is taken. `expires_at` None: until it is dropped."""

    def find_record(self, kind: RecordKind, name: str, now: float) -> Awaitable[str | None]:
        """The payload; None when there is none of this name, or it has expired."""

    def list_records(self, kind: RecordKind, now: float, *, after: str, most: int) -> Awaitable[Sequence[StoredRecord]]:
        """At most `most` unexpired records, by name, of those that sort behind `after` (empty: from the first)."""

    def drop_record(self, kind: RecordKind, name: str) -> Awaitable[bool]:
        """Forget a record; False when there was none. It never comes back, not after a power cut either."""
