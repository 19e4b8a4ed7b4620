"""What every store can do. One contract suite in `tests/stores/` runs against all of them."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

from ..policy.credential_records import RecordStore
from ..policy.revocations import RevocationLog
from ..policy.session_directory import SessionDirectory
from ..policy.tickets import TicketStore


@dataclass(frozen=True, slots=True)
class Generation:
    """Which life of the store this is. Tokens issued before `made_at` are refused.

    Made by `wssec init`, `keys generate` and `store migrate`, never by a server: a store that
    was flushed or is the wrong one has none, and a server without one admits nobody. `made_at`
    is a whole second, as `iat` is: a token made right after the store is not from before it.
    `is_whole` is False where the log has lost entries that were written in this life: what is
    read from it says nothing about who is revoked, until whoever knows has written them again.
    """

    id: str
    made_at: float
    is_whole: bool = True


class Store(RevocationLog, TicketStore, RecordStore, SessionDirectory, Protocol):
    """Truth that outlives a process. Opened lazily, after a fork, in the event loop that uses it.

    From `open` to `close` it belongs to one event loop of one process; used from another it
    raises RuntimeError, since a connection in two hands corrupts what it is connected to.
    """

    url: str
    """Where it is, without any password in it."""

    def open(self) -> Awaitable[None]:
        """Connect. Creates nothing. A second call does nothing.

        Raises:
            StoreMissing: there is none at this address, or it holds no generation.
            StoreCorrupt: it is not one of ours, or is damaged.
            StoreUnavailable: it does not answer. The store counts as open, and each call tries again.
        """

    def close(self) -> Awaitable[None]:
        """Let go of everything. A second call does nothing."""

    def migrate(self, now: float) -> Awaitable[bool]:
        """Make the store and its generation where absent; True when something was made. Need not be open."""

    def generation(self) -> Awaitable[Generation | None]:
        """The generation, or None where there is none."""

    def publish_keys(self, document: str) -> Awaitable[None]:
        """Replace the published key document (public halves and states, JSON)."""

    def published_keys(self) -> Awaitable[str | None]:
        """The published key document, or None."""

    def change_mark(self) -> Awaitable[str]:
        """A cheap mark that differs once anything in the log or the keys has changed, from any process.

        It may differ for less, such as a record; whoever looks then finds nothing new.
        """

    def wait_for_change(self, mark: str, timeout: float) -> Awaitable[str]:
        """Return the new mark within 250 ms of a change, or the same after `timeout` seconds."""
