"""Every live connection of one guard: who is connected, who must go, and the one sweep over all of them."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Protocol

from .closing import Close, CloseCode
from .policy.identity import Identity
from .policy.lifetime import SILENCE, Lifetime, Nudge
from .policy.proxies import quota_key
from .policy.session import Account, Session
from .policy.session_directory import Place
from .policy.signatures import SignedMessages
from .settings import Limits, Timeouts
from .standing import Standing
from .telemetry.redact import where_raised
from .wire.connection import Connection
from .wire.outgoing import Outgoing

AccountKey = tuple[str | None, str]
ACCOUNTS_A_NEWCOMER: Final = 8
"""Accounts that are looked at, whether they can be forgotten, for each that is opened when there are many."""
logger = logging.getLogger(__name__)


class Settled(Protocol):
    """Waits until what was admitted has been handled."""

    def __call__(self, *, is_last: bool = False) -> Awaitable[None]:
        """With `is_last` nothing more is read."""


async def _nothing_to_wait_for(*, is_last: bool = False) -> None:
    """Nothing was admitted."""


def _nobody_to_tell(expires_in: float, grace: float) -> None:
    """Nobody talks over it."""


@dataclass(slots=True, eq=False)
class Live:
    """One live connection.

    Args:
        session: who, and what it may still do.
        connection: its socket.
        lifetime: its deadlines.
        address: the client's.
        nonce: of this connection; signed messages are bound to it.
        limits: its limits.
        place: in the directory of all nodes.
        requires: the permission that its URL asks for; None: none.
        tell_expiring: warns its client: in how many seconds the token ends, and how many more are left then.
        settled: waits until what was admitted has been handled; with `is_last=True` nothing more is read.
        channels: names it is subscribed to.
        signed: what has been signed over it; None: nothing so far.
        standing: what the application says of its rights; None: it is not asked.
        abort_at: when the closing handshake has taken too long.
        evidence: why it was ended, for the audit.
        read_bytes, read_messages: how far what it was sent, and has said, has been read off its connection.
    """

    session: Session
    connection: Connection
    lifetime: Lifetime
    address: str
    nonce: str
    limits: Limits
    place: Place
    requires: str | None = None
    tell_expiring: Callable[[float, float], None] = _nobody_to_tell
    settled: Settled = _nothing_to_wait_for
    channels: set[str] = field(default_factory=set)
    signed: SignedMessages | None = None
    standing: Standing | None = None
    abort_at: float | None = None
    evidence: str = ""
    read_bytes: int = 0
    read_messages: int = 0

    def send(self, message: Outgoing, now: float, *, is_data: bool = True) -> None:
        """Queue a message; a reader that is too slow for it is disconnected (4413). Raises nothing.

        Args:
            is_data: False for what only proves life, and leaves an idle connection idle.
        """
        if self.session.close is not None:
            return
        try:
            has_room = self.connection.send(message, now)
        except Exception as error:
            self.drop(error)
            return
        if is_data:
            self.lifetime.saw_data(now)
        if not has_room:
            self.drop_slow()

    def answer(self, text: bytes, now: float) -> None:
        """Queue a reply, in UTF-8; for the rest as `send`."""
        if self.session.close is not None:
            return
        try:
            has_room = self.connection.answer(text, now)
        except Exception as error:
            self.drop(error)
            return
        self.lifetime.idle_since = now
        if not has_room:
            self.drop_slow()

    def fall_silent(self) -> None:
        """Forget who talks over it: that holds this connection in turn, and only the collector would part them."""
        self.tell_expiring, self.settled = _nobody_to_tell, _nothing_to_wait_for

    def drop_slow(self) -> None:
        """Disconnect a reader that is too slow; a close frame would wait behind what it does not read."""
        self.session.close = Close(CloseCode.SLOW_CONSUMER)
        with self.isolated():
            self.connection.abort()

    @contextmanager
    def isolated(self) -> Iterator[None]:
        """Keep the failure of one socket from whoever serves all of them: it is logged, and this one dropped."""
        try:
            yield
        except Exception as error:
            self.drop(error)

    def drop(self, error: Exception) -> None:
        """Log what failed on this connection, and let go of it."""
        logger.error("a connection of %s failed: %s", self.session.id, where_raised(error))
        with suppress(Exception):
            self.connection.abort()


class Hub:
    """The live connections, by identity and by address.

    Args:
        limits: how many of each.
        timeouts: how long a closing handshake may take.
        monotonic: the clock of all deadlines.
    """

    ask_rights: Callable[[Live], None]
    """Asks in the background what a connection may still do; whoever can ask sets it."""
    ending: Callable[[Live], None]
    """Told of each connection that is being ended, once its close is known; whoever keeps people out sets it."""

    def __init__(self, limits: Limits, timeouts: Timeouts, monotonic: Callable[[], float]) -> None:
        self.ask_rights = lambda live: None
        self.ending = lambda live: None
        self.limits = limits
        self._timeouts = timeouts
        self._monotonic = monotonic
        self._lives: set[Live] = set()
        self._identities: dict[AccountKey, dict[Live, None]] = {}
        self._addresses: Counter[str] = Counter()
        self._accounts: dict[AccountKey, Account] = {}
        self._emptied: asyncio.Event | None = None

    def __len__(self) -> int:
        return len(self._lives)

    def __iter__(self) -> Iterator[Live]:
        return iter(tuple(self._lives))

    def at_address(self, address: str) -> int:
        """Connections of an address (an IPv6 /64)."""
        return self._addresses[quota_key(address)]

    def crowded_addresses(self, most: int) -> list[tuple[str, int]]:
        """The addresses (IPv6: a /64) with the most connections, and how many."""
        return self._addresses.most_common(most)

    def of_identity(self, identity: Identity) -> int:
        """Connections of an identity; anonymous ones do not count together."""
        return 0 if identity.anonymous else len(self._identities.get(_key(identity), ()))

    def account(self, identity: Identity) -> Account:
        """The budgets of an identity, its own for each anonymous connection."""
        now = self._monotonic()
        if identity.anonymous:
            return Account(self.limits, now)
        account = self._accounts.get(_key(identity))
        if account is None:
            self._forget_idle_accounts()
            account = self._accounts[_key(identity)] = Account(self.limits, now)
        return account

    def add(self, live: Live) -> None:
        """Count a connection in. A second call does nothing."""
        if live in self._lives:
            return
        self._lives.add(live)
        self._addresses[quota_key(live.address)] += 1
        live.session.account.connections += 1
        identity = live.session.identity
        if not identity.anonymous:
            self._identities.setdefault(_key(identity), {})[live] = None

    def remove(self, live: Live) -> None:
        """Count a connection out. A second call does nothing: Tornado may report a close twice."""
        if live not in self._lives:
            return
        self._lives.discard(live)
        address = quota_key(live.address)
        self._addresses[address] -= 1
        if self._addresses[address] <= 0:
            del self._addresses[address]
        live.session.account.connections -= 1
        self._forget_connection(live)
        if not self._lives and self._emptied is not None:
            self._emptied.set()
            self._emptied = None

    async def emptied(self, patience: float) -> None:
        """Wait until everybody has left; drop who has not after `patience` seconds of real time."""
        try:
            async with asyncio.timeout(patience):
                while self._lives:
                    # Made anew each time: the guard's next life may be in another event loop.
                    self._emptied = self._emptied or asyncio.Event()
                    await self._emptied.wait()
        except TimeoutError:
            self._emptied = None
            for live in tuple(self._lives):
                live.connection.abort()

    def end(self, live: Live, close: Close, evidence: str = "") -> None:
        """Start the closing handshake; the sweep drops who does not answer. The first reason stays."""
        if live.session.is_closing:
            return
        live.session.close = close
        live.evidence = evidence
        live.abort_at = self._monotonic() + self._timeouts.close
        self.ending(live)
        with live.isolated():
            live.connection.close(close)

    def end_where(self, matches: Callable[[Live], bool], close: Close, evidence: str = "") -> int:
        """End every connection that matches; return how many."""
        matching = [live for live in self._lives if not live.session.is_closing and matches(live)]
        for live in matching:
            self.end(live, close, evidence)
        return len(matching)

    def end_unless_permitted(self, live: Live) -> None:
        """End a connection whose rights have changed, and with which it would not be let in any more (4403)."""
        if live.requires is not None and not live.session.identity.permissions.allows(live.requires):
            self.end(live, Close(CloseCode.REVOKED), "it lacks by now what its route requires")

    def end_oldest(self, identity: Identity, most: int) -> None:
        """End the oldest connections of an identity until `most` are open: they are replaced by newer ones (4409)."""
        if identity.anonymous:
            return
        lives = [live for live in self._identities.get(_key(identity), ()) if not live.session.is_closing]
        for live in lives[: max(len(lives) - most, 0)]:
            self.end(live, Close(CloseCode.REPLACED), "a newer connection of the same identity")

    def sweep(self, now: float) -> None:
        """Look at every deadline; only a connection that is due costs more than a comparison."""
        for live in tuple(self._lives):
            if live.abort_at is not None:
                if now >= live.abort_at:
                    with live.isolated():
                        live.connection.abort()
                continue
            try:
                close = live.connection.overdue(now)
                if close is not None:
                    self._end_overdue(live, close)
                elif now >= live.lifetime.next_at:
                    self._attend(live, now)
            except Exception as error:
                live.drop(error)

    def extend(self, lag: float) -> None:
        """Forgive everybody the time in which this process was not looking."""
        for live in self._lives:
            live.lifetime.extend(lag)
            with live.isolated():
                live.connection.extend(lag)

    def _end_overdue(self, live: Live, close: Close) -> None:
        if live.session.is_closing:
            return
        if close.code == CloseCode.SLOW_CONSUMER:
            live.drop_slow()
        else:
            self.end(live, close, close.reason)

    def _attend(self, live: Live, now: float) -> None:
        for verdict in live.lifetime.due(now, listening=live.connection.is_reading):
            if isinstance(verdict, Close):
                self.end(live, verdict)
                if verdict is SILENCE:
                    live.abort_at = now
            elif verdict is Nudge.PING:
                live.connection.ping(live.nonce[:8].encode())
            elif verdict is Nudge.RIGHTS:
                self.ask_rights(live)
            else:
                live.tell_expiring(live.lifetime.expires_in(now) or 0.0, self._timeouts.token_grace)

    def _forget_connection(self, live: Live) -> None:
        key = _key(live.session.identity)
        lives = self._identities.get(key, {})
        lives.pop(live, None)
        if not lives:
            self._identities.pop(key, None)

    def _forget_idle_accounts(self) -> None:
        # Who has left is remembered: a reconnect must not refill a budget.
        if len(self._accounts) < self.limits.tracked_keys:
            return
        now = self._monotonic()
        # A few for each newcomer: a rate by the day keeps a whole crowd in debt until tomorrow.
        for key in tuple(islice(self._accounts, ACCOUNTS_A_NEWCOMER)):
            account = self._accounts.pop(key)
            if not account.is_idle(now):
                self._accounts[key] = account  # to the back


def _key(identity: Identity) -> AccountKey:
    return (identity.issuer, identity.subject)
